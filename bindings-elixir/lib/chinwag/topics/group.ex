defmodule Chinwag.Group do
  @moduledoc """
  Groups of processes, as Erlang's `:pg` has them, on whatever members, and without Erlang's
  distribution.

      :ok = Chinwag.Group.join(MyApp.Mesh, "rooms.42")
      {:ok, _members} = Chinwag.Group.broadcast(MyApp.Mesh, "rooms.42", {:said, "hello"})

      def handle_info({:chinwag, MyApp.Mesh, {:group, "rooms.42", {:said, text}, meta}}, state)

  A group is there as long as somebody is in it. Who is in it is eventually consistent, within
  milliseconds where members know each other; a process is in it until it leaves or ends, or its
  node does. What is broadcast comes as what is published on a topic: at most once, in order from
  one member to one process, and not to who joins later. It is any term but functions, for Elixir
  and Erlang alone, and `meta` is that of `Chinwag.Topics`.

  A group's name has 1 to 58 letters, digits and `._:/-`. Groups are topics and keys of members
  whose names begin with `group:`; each process takes some 100 bytes of its member's 1 MiB of keys.
  """

  alias Chinwag.{Error, Feed, Native, State, Topics}

  @behaviour Feed

  @typedoc "A process of a group, by its member and the text of its pid there."
  @type process :: {member :: String.t(), String.t()}

  @doc "Puts a process of this VM into a group; once, however often."
  @spec join(Chinwag.mesh(), String.t(), pid()) :: :ok | {:error, Error.t()}
  def join(mesh, group, pid \\ self()) when node(pid) == node() do
    if Feed.find(mesh, __MODULE__, group, pid),
      do: :ok,
      else: Feed.start_for(pid, mesh, __MODULE__, group, {group, pid})
  end

  @doc "Takes a process out of a group."
  @spec leave(Chinwag.mesh(), String.t(), pid()) :: :ok | :not_joined
  def leave(mesh, group, pid \\ self()) do
    if Feed.find(mesh, __MODULE__, group, pid),
      do: Feed.stop(mesh, __MODULE__, group, pid),
      else: :not_joined
  end

  @doc "The processes of a group on this node."
  @spec local_members(Chinwag.mesh(), String.t()) :: [pid()]
  def local_members(mesh, group), do: Feed.processes(mesh, __MODULE__, group)

  @doc "All processes of a group, those of this node included, by their members."
  @spec members(Chinwag.mesh(), String.t()) :: [process()]
  def members(mesh, group) do
    prefix = prefix(group)
    for %{member: member, key: key} <- State.entries(mesh, prefix), do: {member, id(key, prefix)}
  end

  @doc "Sends a term to all processes of a group; to how many members it went."
  @spec broadcast(Chinwag.mesh(), String.t(), term()) ::
          {:ok, non_neg_integer()} | {:error, Error.t()}
  def broadcast(mesh, group, message),
    do: Topics.publish(mesh, topic(group), message, codec: :etf)

  @doc """
  Tells the calling process who is in a group, and who comes and goes: `{:ok, ref}`, and then
  `{:chinwag, mesh, {:group, ref, change}}`, where a change is `{:join, process}` or
  `{:leave, process}`; `:members_told` behind those that were there; `{:lost, processes}` for a
  process that was too slow, and starts over from these. `demonitor/2` ends it.
  """
  @spec monitor(Chinwag.mesh(), String.t()) :: {:ok, reference()} | {:error, Error.t()}
  def monitor(mesh, group) do
    ref = make_ref()
    with :ok <- Feed.start(mesh, __MODULE__, ref, {ref, prefix(group)}), do: {:ok, ref}
  end

  @doc "Ends a monitor of the calling process. Messages that were sent before stay."
  @spec demonitor(Chinwag.mesh(), reference()) :: :ok
  def demonitor(mesh, ref), do: Feed.stop(mesh, __MODULE__, ref)

  @impl Feed
  @doc false
  def open(native, {ref, prefix}) when is_reference(ref) do
    with {:ok, watch} <- Native.guarded(fn -> Native.state_watch(native, prefix, true) end),
         do: {:ok, {:watch, watch}}
  end

  def open(native, {group, pid}) do
    key = prefix(group) <> List.to_string(:erlang.pid_to_list(pid))

    subscribed =
      Native.guarded(fn -> Native.topic_subscribe(native, topic(group), nil, 1_024) end)

    with {:ok, subscriber} <- subscribed,
         :ok <- Native.run(native, {:put, {key, "", nil}}, :infinity),
         do: {:ok, {:subscriber, subscriber, native, key}}
  end

  @impl Feed
  @doc false
  def take({:watch, watch}, {ref, prefix}, max) do
    {changes, next} = Native.state_take(watch, max)
    {Enum.map(changes, &{:group, ref, change(&1, prefix)}), next}
  end

  def take({:subscriber, subscriber, _native, _key}, {group, _pid}, max) do
    {messages, next} = Topics.take(subscriber, {group, nil, nil}, max)

    {Enum.map(messages, fn {:message, ^group, term, meta} -> {:group, group, term, meta} end),
     next}
  end

  @impl Feed
  @doc false
  def close({:watch, watch}), do: Native.state_close(watch)

  def close({:subscriber, subscriber, native, key}) do
    _ = Native.topic_close(subscriber)
    Native.run(native, {:delete, key}, :infinity)
  end

  defp change({:put, {member, key, _}}, prefix), do: {:join, {member, id(key, prefix)}}
  defp change({:deleted, member, key}, prefix), do: {:leave, {member, id(key, prefix)}}
  defp change(:replay_done, _prefix), do: :members_told

  defp change({:lost, _count, entries}, prefix),
    do: {:lost, for({member, key, _} <- entries, do: {member, id(key, prefix)})}

  # No name of a group has a #.
  defp prefix(group), do: topic(group) <> "#"
  defp topic(group), do: "group:#{group}"

  defp id(key, prefix),
    do: binary_part(key, byte_size(prefix), byte_size(key) - byte_size(prefix))
end
