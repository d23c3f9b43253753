defmodule Chinwag.Map do
  @moduledoc """
  A map that all members read and write, and that outlives who wrote it.

      carts = Chinwag.map(MyApp.Mesh, "carts")
      :ok = Chinwag.Map.put(carts, "alice", "tea")
      "tea" = Chinwag.Map.get(carts, "alice")

  Every member has all of it, and what is written goes to all within milliseconds, without a leader:
  also while the cluster is cut in parts. Where two members put a key without having heard of each
  other, both values stay, side by side: `get/2` gives the one that was put last, `read/2` all, and
  whoever puts next replaces what it knows. With `after:`, a write replaces what was read, and
  nothing else:

      entry = Chinwag.Map.read(carts, "alice")
      :ok = Chinwag.Map.put(carts, "alice", entry.value <> " and milk", after: entry)

  A key lives for as long as one member is present that has heard of it. It is for what is small:
  all values of a key with their history have 64 KiB at most, and what a member put last, or keeps
  for one that has gone, counts among its 1 MiB of keys. Values are bytes; `Chinwag.Payload` makes
  them of others.
  """

  import Chinwag.Operation

  alias Chinwag.{Error, Feed, HybridTime, Native}

  @behaviour Feed

  @enforce_keys [:mesh, :name]
  defstruct [:mesh, :name]

  @typedoc "A map, by the node and its name."
  @type t :: %__MODULE__{mesh: Chinwag.mesh(), name: String.t()}

  @typedoc "A value, when it was put, and the member that put it."
  @type value :: %{value: binary(), stamp: HybridTime.t(), writer: String.t()}

  @typedoc """
  A key as it was read: its values, the newest first, of which `value` is the first; and what a
  write has to know of them.
  """
  @type entry :: %{key: String.t(), value: binary(), values: [value()], context: binary()}

  @typedoc "What a watch tells, inside `{:chinwag, mesh, {:watch, ref, change}}`."
  @type change ::
          {:put, entry()}
          | {:deleted, key :: String.t()}
          | :replay_done
          | {:lost, pos_integer(), [entry()]}

  @doc """
  Gives a key a value, in place of all that this node knows, or of `after:`, what was read. Returns
  once others are being told.

  Errors, with nothing changed: `:too_large`; `:bad_argument` for what is no name of a map (1 to 64
  letters, digits and `._:-`) and an empty key; `:closed`.
  """
  @spec put(t(), String.t(), Chinwag.payload(), after: entry() | nil) :: :ok | {:error, Error.t()}
  def put(map, key, value, options \\ []), do: write(map, key, flat(value), options)

  @doc "As `put/4`; raises `Chinwag.Error`."
  @spec put!(t(), String.t(), Chinwag.payload(), after: entry() | nil) :: :ok
  def put!(map, key, value, options \\ []), do: map |> put(key, value, options) |> bang!()

  @doc "Deletes the values of a key that this node knows, or those of `after:`; errors as `put/4`."
  @spec delete(t(), String.t(), after: entry() | nil) :: :ok | {:error, Error.t()}
  def delete(map, key, options \\ []), do: write(map, key, nil, options)

  @doc "As `delete/3`; raises `Chinwag.Error`."
  @spec delete!(t(), String.t(), after: entry() | nil) :: :ok
  def delete!(map, key, options \\ []), do: map |> delete(key, options) |> bang!()

  defp write(%__MODULE__{mesh: mesh, name: name}, key, value, options) do
    [after: entry] = Keyword.validate!(options, after: nil)

    with {:ok, context} <- context(entry, key),
         do: run(mesh, {:write_map, {name, key, value, context}}, :infinity, size(value))
  end

  # With what another key's writers knew, values of this one would go that nobody has read.
  defp context(nil, _key), do: {:ok, nil}
  defp context(%{key: key, context: context}, key), do: {:ok, context}

  defp context(%{key: other, context: _}, key) do
    message = "this was read of #{inspect(other)}, and not of #{inspect(key)}"
    {:error, Error.new(:bad_argument, message)}
  end

  defp context(_other, _key),
    do: {:error, Error.new(:bad_argument, "after: is an entry that was read")}

  @doc """
  Replaces values that stand side by side by the one that a function makes of them, the newest
  first; whether there were any.
  """
  @spec resolve(t(), String.t(), ([value()] -> Chinwag.payload())) ::
          {:ok, boolean()} | {:error, Error.t()}
  def resolve(map, key, decide) do
    case read(map, key) do
      %{values: [_, _ | _] = values} = entry ->
        with :ok <- put(map, key, decide.(values), after: entry), do: {:ok, true}

      _ ->
        {:ok, false}
    end
  end

  @doc "The value of a key, of several the last writer's, or `nil`."
  @spec get(t(), String.t()) :: binary() | nil
  def get(map, key), do: with(%{value: value} <- read(map, key), do: value)

  @doc "All values of a key, and what is needed to replace them, or `nil`."
  @spec read(t(), String.t()) :: entry() | nil
  def read(%__MODULE__{mesh: mesh, name: name}, key) do
    with {_, _, _} = found <- mesh |> native!() |> Native.map_read(name, key) |> read!(),
         do: entry(found)
  end

  @doc "The keys that begin so and have a value, in their order."
  @spec entries(t(), String.t()) :: [entry()]
  def entries(%__MODULE__{mesh: mesh, name: name}, prefix \\ "") do
    mesh |> native!() |> Native.map_entries(name, prefix) |> read!() |> Enum.map(&entry/1)
  end

  @doc "Follows the keys that begin so, as `Chinwag.watch/3` does; `Chinwag.unwatch/2` ends it."
  @spec watch(t(), String.t(), replay: boolean()) :: {:ok, reference()} | {:error, Error.t()}
  def watch(%__MODULE__{mesh: mesh, name: name}, prefix \\ "", options \\ []) do
    [replay: replay] = Keyword.validate!(options, replay: false)
    watch = make_ref()
    arguments = {watch, name, prefix, replay}
    with :ok <- Feed.start(mesh, __MODULE__, watch, arguments), do: {:ok, watch}
  end

  @impl Feed
  @doc false
  def open(native, {_watch, name, prefix, replay}),
    do: Native.guarded(fn -> Native.map_watch(native, name, prefix, replay) end)

  @impl Feed
  @doc false
  def take(source, {watch, _name, _prefix, _replay}, max) do
    {changes, next} = Native.map_take(source, max)
    {Enum.map(changes, &{:watch, watch, change(&1)}), next}
  end

  @impl Feed
  @doc false
  def close(source), do: Native.map_close(source)

  defp change({:put, entry}), do: {:put, entry(entry)}
  defp change({:lost, count, entries}), do: {:lost, count, Enum.map(entries, &entry/1)}
  defp change(change), do: change

  defp entry({key, values, context}) do
    values =
      for {value, stamp, writer} <- values,
          do: %{value: value, stamp: %HybridTime{number: stamp}, writer: writer}

    %{key: key, value: hd(values).value, values: values, context: context}
  end
end
