# A cache that is spread over its members: each has the keys of its slots, and hands them on.
#
#     mix run examples/shard.exs ann -
#     mix run examples/shard.exs bob 127.0.0.1:40123
#
# Then type `put KEY VALUE`, `get KEY`, `keys`, `drain` (the others take over), or `leave`.

defmodule Shard do
  use GenServer
  alias Chinwag.Ring

  # `held` are the slots that this node may write, `waiting` requests for slots that are about to
  # come.
  defstruct [:mesh, :name, held: MapSet.new(), entries: %{}, waiting: []]

  def start_link(mesh), do: GenServer.start_link(__MODULE__, mesh, name: __MODULE__)
  def type(line), do: GenServer.cast(__MODULE__, {:type, String.split(line, " ", parts: 2)})

  def init(mesh) do
    local = Chinwag.local_member(mesh)
    IO.puts("ready #{local.name} #{local.addr}")
    # To subscribe to the ring has it kept.
    :ok = Chinwag.subscribe(mesh, [:members, :ring])
    {:ok, %__MODULE__{mesh: mesh, name: local.name}}
  end

  def handle_cast({:type, [word, rest]}, state) when word in ["put", "get"],
    do: {:noreply, ask("#{word} #{state.name} #{rest}", state)}

  def handle_cast({:type, words}, state) do
    if words == ["keys"],
      do: IO.puts(Enum.join(["keys" | Enum.sort(Map.keys(state.entries))], " "))

    if words == ["drain"], do: Chinwag.update_tags!(state.mesh, weight: "0")
    {:noreply, state}
  end

  def handle_info({:chinwag, _mesh, event}, state) do
    state = hear(event, state)
    # Slots may have come, or be somebody else's now.
    {:noreply, Enum.reduce(Enum.reverse(state.waiting), %{state | waiting: []}, &ask/2)}
  end

  defp hear({:handoff_prepare, %{id: id, peer: peer, slots: slots}}, state),
    do: hand_on(id, peer, MapSet.new(slots), state)

  defp hear({:handoff_acquired, %{peer: peer, slots: slots, clean: clean}}, state) do
    from = if peer == "", do: "nobody", else: peer
    how = if clean, do: "clean", else: "unclean"
    IO.puts("acquired #{length(slots)} slots from #{from} (#{how})")
    %{state | held: MapSet.union(state.held, MapSet.new(slots))}
  end

  defp hear({:message, %{payload: message}}, state) do
    [head | lines] = String.split(message, "\n")

    case String.split(head, " ", parts: 2) do
      [word, _rest] when word in ["put", "get"] -> ask(head, state)
      ["take"] -> Enum.reduce(lines, state, &take/2)
      ["say", text] -> IO.puts(text) && state
      _ -> state
    end
  end

  defp hear(_event, state), do: state

  # `put FROM KEY VALUE` or `get FROM KEY`, from here or from another member.
  defp ask(request, %{name: name} = state) do
    [word, asker, key, value] = Enum.take(String.split(request, " ", parts: 4) ++ ["", ""], 4)
    owner = Ring.owner(Chinwag.ring(state.mesh), key)

    cond do
      holds?(state, key) and word == "put" ->
        answer(state, asker, "stored #{key}")
        %{state | entries: Map.put(state.entries, key, value)}

      holds?(state, key) and is_map_key(state.entries, key) ->
        answer(state, asker, "value #{key} #{state.entries[key]}")

      holds?(state, key) ->
        answer(state, asker, "none #{key}")

      owner in [nil, name] ->
        %{state | waiting: [request | state.waiting]}

      asker == name ->
        send_to(state, owner, request)

      # Who asks does not see the same members yet.
      true ->
        answer(state, asker, "moved #{key}")
    end
  end

  defp answer(%{name: name} = state, asker, text) do
    text = "#{text} at #{name}"
    if asker == name, do: IO.puts(text), else: send_to(state, asker, "say #{text}")
    state
  end

  defp send_to(state, member, text) do
    with {:error, error} <- Chinwag.send(state.mesh, member, text), do: complain(error)
    state
  end

  # From now on nothing of these slots is written here; their next owner gets what is.
  defp hand_on(id, peer, slots, state) do
    ring = Chinwag.ring(state.mesh)

    {going, entries} =
      Enum.split_with(state.entries, fn {key, _} -> Ring.slot(ring, key) in slots end)

    lines = for {key, value} <- going, do: "\n#{key} #{value}"
    # It has arrived when this returns, and comes before what the release brings about.
    if lines != [], do: send_to(state, peer, "take#{lines}")

    case Chinwag.released(state.mesh, id) do
      :ok -> IO.puts("released #{MapSet.size(slots)} slots to #{peer}")
      {:error, error} -> complain(error)
    end

    %{state | held: MapSet.difference(state.held, slots), entries: Map.new(entries)}
  end

  defp take(line, state) do
    [key | value] = String.split(line, " ", parts: 2)
    # Of a slot that is held it comes too late, and there may be something newer.
    if holds?(state, key), do: state, else: put_in(state.entries[key], "#{value}")
  end

  defp holds?(state, key), do: Ring.slot(Chinwag.ring(state.mesh), key) in state.held

  defp complain(error), do: IO.puts("#{error.code}: #{Exception.message(error)}")
end

[name, seed] = System.argv()

options = [
  node: name,
  bind: "127.0.0.1:0",
  seeds: List.delete([seed], "-"),
  profile: System.get_env("CHINWAG_PROFILE", "local"),
  handoff_timeout: "5s",
  handle_signals: true
]

children = [{Chinwag, [name: Shard.Mesh] ++ options}, {Shard, Shard.Mesh}]
{:ok, supervisor} = Supervisor.start_link(children, strategy: :rest_for_one)

IO.stream()
|> Stream.map(&String.trim/1)
|> Stream.take_while(&(&1 != "leave"))
|> Enum.each(&Shard.type/1)

Supervisor.stop(supervisor)
