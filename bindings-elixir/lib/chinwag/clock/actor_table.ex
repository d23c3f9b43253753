defmodule Chinwag.ActorTable do
  @moduledoc """
  Actors that both sides know, such as all members of a cluster: a `Chinwag.VectorClock` then takes
  a byte or two for each.

      iex> alias Chinwag.{ActorTable, VectorClock}
      iex> table = ActorTable.new!(["web-1", "web-2", "web-3"])
      iex> clock = VectorClock.new(%{"web-1" => 2, "web-3" => 5})
      iex> dense = VectorClock.to_dense!(clock, table)
      iex> byte_size(dense)
      12
      iex> VectorClock.from_dense!(table, dense) == clock
      true

  The table is a value like any other; its `fingerprint/1` stands in front of what is made with it.
  """

  alias Chinwag.{Clock, Error, VectorClock}

  require Clock

  @enforce_keys [:bytes, :fingerprint]
  defstruct @enforce_keys

  @typedoc "A table. What is in it may change with any version."
  @type t :: %__MODULE__{bytes: binary(), fingerprint: non_neg_integer()}

  @doc """
  A table of these actors, in whatever order; one that comes twice counts once. `:bad_argument` for
  what is no actor, `:too_large` when all take more than 16 MiB.
  """
  @spec new(Enumerable.t()) :: {:ok, t()} | {:error, Error.t()}
  def new(actors) do
    actors = Clock.listed(actors)

    with {bytes, fingerprint} when is_binary(bytes) <-
           Clock.ask(Clock.size(actors), {"table", actors}),
         do: {:ok, %__MODULE__{bytes: bytes, fingerprint: fingerprint}}
  end

  Clock.raising(new: {[:actors], t()})

  @doc "The actors, in the order of their bytes."
  @spec actors(t()) :: [String.t()]
  def actors(%__MODULE__{bytes: bytes}), do: VectorClock.actors(%VectorClock{bytes: bytes})

  @doc "How many actors there are."
  @spec size(t()) :: non_neg_integer()
  def size(%__MODULE__{bytes: bytes}), do: VectorClock.size(%VectorClock{bytes: bytes})

  @doc "The same for two tables exactly if they have the same actors, but for one in 2^64."
  @spec fingerprint(t()) :: non_neg_integer()
  def fingerprint(%__MODULE__{fingerprint: fingerprint}), do: fingerprint

  defimpl Inspect do
    import Inspect.Algebra

    def inspect(table, options) do
      actors = table |> Chinwag.ActorTable.actors() |> to_doc(options)
      concat(["#Chinwag.ActorTable<", actors, ">"])
    rescue
      Chinwag.Error -> "#Chinwag.ActorTable<none>"
    end
  end
end
