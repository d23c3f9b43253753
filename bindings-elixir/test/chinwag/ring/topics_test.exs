defmodule Chinwag.TopicsTest do
  use Chinwag.Case, async: true

  alias Chinwag.{Events, Native, Packed, Ring, RingChange}

  defp change do
    ring = Ring.new!(["a"], slots: 8)
    {:ring_change, RingChange.new(ring, ring)}
  end

  defp prepare(id) do
    {:handoff_prepare, %{id: id, peer: "b", slots: [1, 2], epoch: 3, timeout: 1_500}}
  end

  defp message(text) do
    {:message, %{sender: "b", addr: "x:1", reliable: true, payload: text}}
  end

  # The owner's part without an owner: what is published is what the test says.
  defp events!(mesh, limit \\ 100) do
    node!(mesh)
    {:ok, native} = Chinwag.Node.fetch(mesh)
    Events.new(mesh, native, limit)
  end

  defp subscribe(events, topics) do
    Events.subscribe(events, self(), topics: topics, replay: true, seq: true)
  end

  defp got do
    receive do
      {:chinwag, _mesh, event, seq} -> [{seq, event} | got()]
    after
      0 -> []
    end
  end

  test "who subscribes to one topic hears nothing of the other" do
    mesh = __MODULE__.One
    events = events!(mesh)
    batch = [{1, message("m")}, {2, change()}, {3, {:events_lost, 1, []}}, {4, prepare(1)}]

    for {topics, wanted} <- [
          {[:members], [1, 3]},
          {[:ring], [2, 3, 4]},
          {[:members, :ring], [1, 2, 3, 4]}
        ] do
      subscribed = subscribe(events, topics)
      assert got() == [{0, :replay_done}]
      subscribed = Events.publish(subscribed, batch)
      assert got() == for({seq, _} = event <- batch, seq in wanted, do: event)
      # All of it is known, whether it was wanted or not.
      assert %{seen: 4, behind: false} = subscribed.subscribers[self()]
    end
  end

  test "what is not wanted takes no room, and what is wanted does" do
    mesh = __MODULE__.Room
    events = events!(mesh, 4) |> subscribe([:ring])
    assert got() == [{0, :replay_done}]
    for n <- 1..4, do: send(self(), n)
    events = Events.publish(events, for(n <- 1..9, do: {n, message("#{n}")}))
    refute Events.behind?(events)
    events = Events.publish(events, [{10, prepare(1)}, {11, prepare(2)}])
    assert Events.behind?(events)
    for n <- 1..4, do: assert_received(^n)
    events = Events.catch_up(events)
    # The node itself has told of nothing.
    assert [{_, {:events_lost, _, []}}] = got()
    refute Events.behind?(events)
  end

  test "what nobody heard is for the first who asks for that topic" do
    mesh = __MODULE__.First
    events = events!(mesh)
    lost = {:events_lost, 5, []}
    batch = [{1, message("m")}, {2, change()}, {8, lost}, {9, prepare(1)}]
    events = Events.publish(events, batch)

    later = subscribe(events, [:members])
    assert got() == [{0, message("m")}, {0, lost}, {0, :replay_done}]
    later = later |> Events.unsubscribe(self()) |> subscribe([:ring])
    # The ring itself tells of its changes.
    assert got() == [{0, prepare(1)}, {0, :replay_done}]
    assert later.unheard == %{}
    subscribe(later, [:members, :ring])
    assert got() == [{0, :replay_done}]

    subscribe(events, [:ring, :members])
    assert got() == [{0, message("m")}, {0, lost}, {0, prepare(1)}, {0, :replay_done}]
  end

  test "what is on its way is for the first as well, by topic" do
    mesh = __MODULE__.Way
    events = events!(mesh) |> subscribe([:ring])
    assert got() == [{0, :replay_done}]
    subscriber = %{events.subscribers[self()] | seen: 9}
    events = %{events | subscribers: %{self() => subscriber}}
    Events.publish(events, [{1, message("m")}, {2, prepare(1)}, {3, change()}])
    assert got() == [{9, prepare(1)}]
    again = events |> Events.unsubscribe(self()) |> subscribe([:ring])
    assert got() == [{0, :replay_done}]
    again = put_in(again.subscribers[self()].seen, 9)
    Events.publish(again, [{1, {:events_lost, 1, []}}, {2, prepare(1)}])
    assert got() == []
  end

  test "to ask for changes of the ring has it kept" do
    mesh = __MODULE__.Kept
    seed = node!(mesh)
    :ok = Chinwag.subscribe(mesh, :ring, seq: true, replay: true)
    assert_receive {:chinwag, ^mesh, :replay_done, _}
    assert Ring.version(Chinwag.ring(mesh)) == 1
    node!(__MODULE__.Other, seeds: [seed])
    assert_receive {:chinwag, ^mesh, {:ring_change, %{version: 2}}, seq}, 10_000
    assert seq > 0
    :ok = Chinwag.unsubscribe(mesh)
    refute_received {:chinwag, ^mesh, _, _}
  end

  test "nothing is told of rings until somebody asks, and never to who hears of members" do
    mesh = __MODULE__.Unasked
    both = __MODULE__.Both
    seed = node!(mesh)
    node!(both, seeds: [seed])
    :ok = Chinwag.subscribe(mesh)
    eventually(fn -> length(Chinwag.members(mesh)) == 2 end)
    assert Chinwag.past_rings(mesh) == []
    :ok = Chinwag.subscribe(both, [:ring, :members])
    Chinwag.ring(mesh)
    node!(__MODULE__.Third, seeds: [seed])
    assert_receive {:chinwag, ^both, {:member_join, %Member{name: "third"}}}, 10_000
    assert_receive {:chinwag, ^both, {:ring_change, _}}, 10_000
    eventually(fn -> Chinwag.past_rings(mesh) != [] end)
    assert_receive {:chinwag, ^mesh, {:member_join, %Member{name: "third"}}}, 10_000
    # Handed out by then, if it were: the owner takes events in their order.
    _ = :sys.get_state(mesh)
    refute_received {:chinwag, ^mesh, {:ring_change, _}}
  end

  test "topics are known ones" do
    node!(__MODULE__.Strict)
    subscribe = fn topics -> Chinwag.subscribe(__MODULE__.Strict, topics) end

    for topics <- [:rings, [], [:members, :rings], [:ring | :members], nil, "ring", [[:ring]]] do
      assert_raise FunctionClauseError, fn -> subscribe.(topics) end
    end

    assert :ok = subscribe.([:ring, :ring])
  end

  test "hand-offs as the native side writes them" do
    slots = <<0::32, 7::32, 1_048_575::32>>
    number = Chinwag.Constants.events()[:handoff_prepare]
    told = Packed.event({number, 5, [1, "b", slots, 9, 1_500]}, nil)
    wanted = %{id: 1, peer: "b", slots: [0, 7, 1_048_575], epoch: 9, timeout: 1_500}
    assert told == {5, {:handoff_prepare, wanted}}
    number = Chinwag.Constants.events()[:handoff_acquired]
    told = Packed.event({number, 6, ["", <<>>, 9, true]}, nil)
    assert told == {6, {:handoff_acquired, %{peer: "", slots: [], epoch: 9, clean: true}}}
  end

  test "a change as the native side writes it, with many names" do
    rings = for count <- [2, 3_000], do: Ring.new!(for(n <- 1..count, do: "n#{n}"), slots: 4)
    [before, later] = Enum.map(rings, & &1.native)
    assert Native.ring_told(later) == :large
    number = Chinwag.Constants.events()[:ring_change]

    assert {3, {:ring_change, change}} =
             Packed.event({number, 3, [0, {before, later, "n1"}]}, nil)

    assert [change.before, change.after] == rings
    assert change.local == "n1"
  end
end
