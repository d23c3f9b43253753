defmodule Chinwag.RingChange do
  @moduledoc """
  From one `Chinwag.Ring` to another.

  Keys have no bound, so a change answers questions about those of the caller instead of listing
  what moves:

      iex> alias Chinwag.{Ring, RingChange}
      iex> before = Ring.new!(["web-1", "web-2", "web-3"], profile: :pure)
      iex> change = RingChange.new(before, Ring.with_node!(before, "web-4"))
      iex> keys = for n <- 1..100, do: "user:\#{n}"
      iex> moved = RingChange.moved(change, keys)
      iex> Enum.all?(moved, fn {_key, _from, to} -> to == "web-4" end)
      true
      iex> RingChange.gained(change, keys, "web-4") == for {key, _, _} <- moved, do: key
      true

  A change of the cluster's ring comes as an event, and knows whose node it is told to. A process
  that keeps what its node owns in a map, say, forgets what it does not own any more:

      def handle_info({:chinwag, _mesh, {:ring_change, change}}, cache),
        do: {:noreply, Map.drop(cache, RingChange.lost(change, Map.keys(cache)))}

  All of it runs on a dirty scheduler. Arguments that are none raise `Chinwag.Error`.

    * `before`, `after` - the rings
    * `version` - which of the node's rings `after` is, as `Chinwag.Ring.version/1` has it
    * `local` - the name of the node that it was told to; `nil` in a change that was made by hand
  """

  alias Chinwag.{Error, Native, Ring}

  @enforce_keys [:before, :after]
  defstruct @enforce_keys ++ [version: 0, local: nil]

  @type t :: %__MODULE__{
          before: Ring.t(),
          after: Ring.t(),
          version: non_neg_integer(),
          local: String.t() | nil
        }

  @typedoc "Who owned it and who owns it; nobody is `nil`."
  @type moved(what) :: {what, from :: String.t() | nil, to :: String.t() | nil}

  @doc "From `before` to `later`."
  @spec new(Ring.t(), Ring.t()) :: t()
  def new(%Ring{} = before, %Ring{} = later),
    do: %__MODULE__{before: before, after: later, version: Ring.version(later)}

  @doc "Those of the keys that have another owner, as `{key, from, to}`."
  @spec moved(t(), Enumerable.t()) :: [moved(Ring.key())]
  def moved(%__MODULE__{} = change, keys),
    do: Native.ring_moved(change.before.native, change.after.native, Ring.listed!(keys))

  @doc """
  Those of the keys that `name` owns, and did not. In a change that was told to a node, that is the
  node's own name unless it is given.
  """
  @spec gained(t(), Enumerable.t(), Ring.name() | nil) :: [Ring.key()]
  def gained(%__MODULE__{before: before, after: later} = change, keys, name \\ nil),
    do: Native.ring_gained(before.native, later.native, whose(change, name), Ring.listed!(keys))

  @doc "Those of the keys that `name` owned, and does not any more; otherwise as `gained/3`."
  @spec lost(t(), Enumerable.t(), Ring.name() | nil) :: [Ring.key()]
  def lost(%__MODULE__{before: before, after: later} = change, keys, name \\ nil),
    do: Native.ring_lost(before.native, later.native, whose(change, name), Ring.listed!(keys))

  @doc """
  The slots that have another owner, as `{slot, from, to}`, in order; none unless both rings have
  equally many.
  """
  @spec slots(t()) :: [moved(non_neg_integer())]
  def slots(%__MODULE__{} = change),
    do: Native.ring_moved_slots(change.before.native, change.after.native)

  @doc "How many slots go from whom to whom: `%{{from, to} => slots}`."
  @spec flows(t()) :: %{
          optional({from :: String.t() | nil, to :: String.t() | nil}) => pos_integer()
        }
  def flows(%__MODULE__{} = change),
    do: Map.new(Native.ring_flows(change.before.native, change.after.native))

  @doc false
  # As an event has it; see `cluster.rs` of the native side.
  def told({before, later, local}) do
    [before, later] =
      for ring <- [before, later] do
        Ring.told(with :large <- Native.ring_told(ring), do: Native.ring_told_large(ring))
      end

    %{new(before, later) | local: local}
  end

  @unsaid "this change was made by hand and has no node of its own: give the name of one, " <>
            ~s|as in RingChange.lost(change, keys, "web-1")|

  defp whose(%{local: nil}, nil), do: raise(Error.new(:bad_argument, @unsaid))
  defp whose(%{local: local}, nil), do: local
  defp whose(_change, name), do: name
end
