defmodule Chinwag.State do
  @moduledoc """
  Keys that each member gives values to, and all others read: what it offers, how busy it is, where
  its metrics are. All of these functions are functions of `Chinwag`.

      :ok = Chinwag.put(MyApp.Mesh, "load", "0.7")
      "0.7" = Chinwag.get(MyApp.Mesh, "web-2", "load")

  Only the member itself changes its keys. Where it is known, the others have a change within
  milliseconds; who joins has all of them soon after. When it leaves, fails or ends, they are gone.

  It is for what is small and changes now and then, since every member holds all of it: a key has 1
  to 254 bytes, a value 64 KiB at most, and all keys and values of a member 1 MiB. Values are
  bytes; `Chinwag.Payload` makes them of others. Members in Go have none.
  """

  import Chinwag.Operation

  alias Chinwag.{Error, Feed, Native}

  @behaviour Feed

  @typedoc "A key of a member, and its value."
  @type entry :: %{member: String.t(), key: String.t(), value: binary()}

  @typedoc """
  What a watch tells, inside `{:chinwag, mesh, {:watch, ref, change}}`.

    * `{:put, entry}` - the key has this value now
    * `{:deleted, member, key}` - it has none any more: it was deleted, has expired, or its member
      has failed or left. Should that recover, its keys are put again.
    * `:replay_done` - what was there when the watch began has been told
    * `{:lost, count, entries}` - the process was too slow, and so many changes were not told;
      start over from these entries, which are all that there are
  """
  @type change ::
          {:put, entry()}
          | {:deleted, member :: String.t(), key :: String.t()}
          | :replay_done
          | {:lost, pos_integer(), [entry()]}

  @doc """
  Gives a key of this node a value; returns once the others are being told. With `ttl:`, the key is
  deleted after so many milliseconds, unless it is put again.

  Errors, with nothing changed: `:too_large`; `:bad_argument` for an empty key or a `ttl:` of 0;
  `:closed`.
  """
  @spec put(Chinwag.mesh(), String.t(), Chinwag.payload(), ttl: pos_integer() | nil) ::
          :ok | {:error, Error.t()}
  def put(mesh, key, value, options \\ []) do
    [ttl: ttl] = Keyword.validate!(options, ttl: nil)
    value = flat(value)
    run(mesh, {:put, {key, value, ttl}}, :infinity, size(value))
  end

  @doc "As `put/4`; raises `Chinwag.Error`."
  @spec put!(Chinwag.mesh(), String.t(), Chinwag.payload(), ttl: pos_integer() | nil) :: :ok
  def put!(mesh, key, value, options \\ []), do: mesh |> put(key, value, options) |> bang!()

  @doc "Deletes a key of this node; also one that it does not have."
  @spec delete(Chinwag.mesh(), String.t()) :: :ok | {:error, Error.t()}
  def delete(mesh, key), do: run(mesh, {:delete, key}, :infinity)

  @doc "As `delete/2`; raises `Chinwag.Error`."
  @spec delete!(Chinwag.mesh(), String.t()) :: :ok
  def delete!(mesh, key), do: mesh |> delete(key) |> bang!()

  @doc "The value that a key of a present member has, this node's own too, or `nil`."
  @spec get(Chinwag.mesh(), String.t(), String.t()) :: binary() | nil
  def get(mesh, member, key), do: mesh |> native!() |> Native.state_get(member, key) |> read!()

  @doc "The keys of all present members that begin so, by the names of members and keys."
  @spec entries(Chinwag.mesh(), String.t()) :: [entry()]
  def entries(mesh, prefix \\ ""),
    do: mesh |> native!() |> Native.state_entries(prefix) |> read!() |> Enum.map(&entry/1)

  @doc """
  Follows the keys of all members that begin so, this node's too. The calling process gets messages,
  in order for each member; `t:change/0` has all of them.

      {:ok, watch} = Chinwag.watch(MyApp.Mesh, "load", replay: true)

      def handle_info({:chinwag, MyApp.Mesh, {:watch, _watch, {:put, entry}}}, state)
      def handle_info({:chinwag, MyApp.Mesh, {:watch, _watch, {:deleted, member, key}}}, state)

  With `replay: true` the keys that are there come first, then `:replay_done`, with no gap to what
  follows. It ends with `unwatch/2`, with the process, and with the node. A process that does not
  read has 64 of these messages in its mailbox at most, and `event_buffer` (1,024) changes that
  wait; beyond it they are lost, and `:lost` tells so.
  """
  @spec watch(Chinwag.mesh(), String.t(), replay: boolean()) ::
          {:ok, reference()} | {:error, Error.t()}
  def watch(mesh, prefix \\ "", options \\ []) do
    [replay: replay] = Keyword.validate!(options, replay: false)
    watch = make_ref()
    with :ok <- Feed.start(mesh, __MODULE__, watch, {watch, prefix, replay}), do: {:ok, watch}
  end

  @doc "Ends a watch of the calling process, of a map too. Messages that were sent before stay."
  @spec unwatch(Chinwag.mesh(), reference()) :: :ok
  def unwatch(mesh, watch),
    do: Enum.each([__MODULE__, Chinwag.Map], &Feed.stop(mesh, &1, watch))

  @impl Feed
  @doc false
  def open(native, {_watch, prefix, replay}),
    do: Native.guarded(fn -> Native.state_watch(native, prefix, replay) end)

  @impl Feed
  @doc false
  def take(source, {watch, _prefix, _replay}, max) do
    {changes, next} = Native.state_take(source, max)
    {Enum.map(changes, &{:watch, watch, change(&1)}), next}
  end

  @impl Feed
  @doc false
  def close(source), do: Native.state_close(source)

  defp change({:put, entry}), do: {:put, entry(entry)}
  defp change({:lost, count, entries}), do: {:lost, count, Enum.map(entries, &entry/1)}
  defp change(change), do: change

  defp entry({member, key, value}), do: %{member: member, key: key, value: value}
end
