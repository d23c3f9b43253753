defmodule Chinwag.EventsTest do
  use Chinwag.Case, async: true

  # The subscriber's view of the others, as its events tell it.
  defp fold(messages) do
    Enum.reduce(messages, %{}, fn {:chinwag, _, event, _seq}, view ->
      case event do
        :replay_done -> view
        {:events_lost, _, members} -> Map.new(members, &{&1.name, &1})
        {:member_update, member, _} -> Map.put(view, member.name, member)
        {_, member} -> Map.put(view, member.name, member)
      end
    end)
  end

  # A process that subscribes and keeps what it gets while it is told to.
  defp subscriber(mesh, options) do
    test = self()

    spawn_link(fn ->
      :ok = Chinwag.subscribe(mesh, :members, options)
      send(test, {:subscribed, self()})
      receive(do: (:go -> :ok))
      relay(test)
    end)
  end

  defp relay(test) do
    receive do
      message -> send(test, {:got, self(), message})
    end

    relay(test)
  end

  defp got_until(pid, last?, got \\ []) do
    receive do
      {:got, ^pid, message} ->
        if last?.(message),
          do: Enum.reverse([message | got]),
          else: got_until(pid, last?, [message | got])
    after
      10_000 -> flunk("the last message never came; before it: #{inspect(Enum.reverse(got))}")
    end
  end

  defp tagged?(n), do: &match?({:chinwag, _, {:member_update, %{tags: %{"n" => ^n}}, _}, _}, &1)

  # Each change is seen before the next is made, so that each is an event.
  defp change_tags(from, seen_by, range) do
    name = Chinwag.local_member(from).name

    for n <- range do
      :ok = Chinwag.update_tags(from, n: "#{n}")
      eventually(fn -> Chinwag.member(seen_by, name).tags["n"] == "#{n}" end)
    end
  end

  test "joins, updates, leaves and returns, with the member as it was and is" do
    mesh = __MODULE__.A
    seed = node!(mesh)
    :ok = Chinwag.subscribe(mesh, :members, replay: true)
    assert_receive {:chinwag, ^mesh, :replay_done}
    node!(__MODULE__.B, seeds: [seed], tags: [role: "web"])

    assert_receive {:chinwag, ^mesh, {:member_join, %Member{name: "b", state: :alive} = joined}}

    assert joined.tags == %{"role" => "web"}
    :ok = Chinwag.update_tags(__MODULE__.B, role: "db")
    assert_receive {:chinwag, ^mesh, {:member_update, now, ^joined}}
    assert now.tags == %{"role" => "db"}
    :ok = Chinwag.leave(__MODULE__.B)
    assert_receive {:chinwag, ^mesh, {:member_leave, %Member{name: "b", state: :left}}}
    {:ok, 1} = Chinwag.join(__MODULE__.B, [seed])
    assert_receive {:chinwag, ^mesh, {:member_join, %Member{name: "b", state: :alive}}}
    :ok = Chinwag.unsubscribe(mesh)
    :ok = Chinwag.leave(__MODULE__.B)
    eventually(fn -> Chinwag.member(mesh, "b").state == :left end)
    refute_received {:chinwag, ^mesh, _}
  end

  test "a replay closes the gap: whenever one subscribes, the view comes out right" do
    mesh = __MODULE__.Gapless
    pair!(mesh, __MODULE__.Changing)
    changes = 60
    changer = Task.async(fn -> change_tags(__MODULE__.Changing, mesh, 1..changes) end)

    readers =
      for _ <- 1..20 do
        pid = subscriber(mesh, replay: true, seq: true)
        assert_receive {:subscribed, ^pid}
        send(pid, :go)
        pid
      end

    Task.await(changer, 60_000)
    :ok = Chinwag.update_tags(__MODULE__.Changing, n: "last")
    expected = %{"changing" => "last"}

    for pid <- readers do
      messages = got_until(pid, tagged?("last"))
      assert Map.new(fold(messages), fn {name, m} -> {name, m.tags["n"]} end) == expected
      {replay, [_marker | live]} = Enum.split_while(messages, &(elem(&1, 2) != :replay_done))
      assert [{:chinwag, ^mesh, {:member_join, %Member{name: "changing"}}, first}] = replay
      # No event is missing and none is repeated.
      numbers = Enum.map(live, &elem(&1, 3))
      assert numbers == Enum.to_list((first + 1)..(first + length(live))//1)
    end
  end

  test "a start that finds nobody warns of it" do
    mesh = __MODULE__.Alone
    node!(mesh, seeds: ["127.0.0.1:1"])
    :ok = Chinwag.subscribe(mesh)
    assert_receive {:chinwag, ^mesh, {:warning, %{code: :seed_failed} = warning}}, 5_000
    assert warning.subject == "127.0.0.1:1"
    assert warning.text =~ "127.0.0.1:1 refused the connection"
  end

  test "without a replay, only what happens from then on" do
    mesh = __MODULE__.Now
    pair!(mesh, __MODULE__.Later)
    :ok = Chinwag.subscribe(mesh)
    :ok = Chinwag.update_tags(__MODULE__.Later, n: "1")
    assert_receive {:chinwag, ^mesh, first}
    assert {:member_update, %Member{tags: %{"n" => "1"}}, %Member{tags: tags}} = first
    assert tags == %{}
  end

  test "subscribing again starts anew and doubles nothing" do
    mesh = __MODULE__.Again
    pair!(mesh, __MODULE__.Other)
    :ok = Chinwag.subscribe(mesh)
    :ok = Chinwag.subscribe(mesh, :members, replay: true, seq: true)
    assert_receive {:chinwag, ^mesh, {:member_join, %Member{name: "other"}}, seq}
    assert_receive {:chinwag, ^mesh, :replay_done, ^seq}
    :ok = Chinwag.update_tags(__MODULE__.Other, n: "1")
    assert_receive {:chinwag, ^mesh, {:member_update, _, _}, next}
    assert next == seq + 1
    refute_received {:chinwag, ^mesh, _}
  end

  test "a slow subscriber gets one events-lost, and holds up nobody" do
    mesh = __MODULE__.Crowded
    pair!(mesh, __MODULE__.Chatty, event_buffer: 16)
    slow = subscriber(mesh, seq: true)
    quick = subscriber(mesh, seq: true)
    assert_receive {:subscribed, ^slow}
    assert_receive {:subscribed, ^quick}
    send(quick, :go)

    change_tags(__MODULE__.Chatty, mesh, 1..100)
    quick_got = got_until(quick, tagged?("100"))
    assert length(quick_got) == 100
    {:message_queue_len, length} = Process.info(slow, :message_queue_len)
    assert length in 1..16

    send(slow, :go)
    lost? = &match?({:chinwag, _, {:events_lost, _, _}, _}, &1)
    slow_got = got_until(slow, lost?)
    {:chinwag, ^mesh, {:events_lost, count, members}, seq} = List.last(slow_got)
    assert length(slow_got) - 1 + count == 100
    assert [%Member{name: "chatty", tags: %{"n" => "100"}}] = members
    assert seq == quick_got |> List.last() |> elem(3)

    :ok = Chinwag.update_tags(__MODULE__.Chatty, n: "after")

    assert [{:chinwag, ^mesh, {:member_update, _, _}, after_seq}] =
             got_until(slow, tagged?("after"))

    assert after_seq == seq + 1
  end

  test "a node that is held up itself loses events in the core's buffer, and says so" do
    mesh = __MODULE__.Held

    # Without probes: on a busy machine somebody would be suspect for a moment, and be told so. And
    # without a warning that the process stands still, which would be counted as an event lost.
    options = [event_buffer: 16, probe_interval: 3_600_000, loop_stuck: 0]
    pair!(mesh, __MODULE__.Talker, options)
    reader = subscriber(mesh, seq: true)
    assert_receive {:subscribed, ^reader}
    send(reader, :go)
    :sys.suspend(mesh)
    # More than the credit and both buffers hold.
    change_tags(__MODULE__.Talker, mesh, 1..600)
    {:message_queue_len, length} = Process.info(Process.whereis(mesh), :message_queue_len)
    assert length <= 300
    :sys.resume(mesh)
    :ok = Chinwag.update_tags(__MODULE__.Talker, n: "last")
    got = got_until(reader, &match?(%{"talker" => %{tags: %{"n" => "last"}}}, fold([&1])))
    lost = for {:chinwag, _, {:events_lost, count, _}, _} <- got, do: count
    assert Enum.sum(lost) > 0
    assert length(got) - length(lost) + Enum.sum(lost) == 601
    numbers = Enum.map(got, &elem(&1, 3))
    assert numbers == Enum.sort(numbers)
  end

  test "anything may be called while an event is handled" do
    mesh = __MODULE__.Calling
    pair!(mesh, __MODULE__.Called)
    test = self()

    spawn_link(fn ->
      :ok = Chinwag.subscribe(mesh)
      send(test, :subscribed)

      receive do
        {:chinwag, ^mesh, {:member_update, _, _}} ->
          assert [_, _] = Chinwag.members(mesh)
          assert :ok = Chinwag.update_tags(mesh, handled: "yes")
          assert {:ok, 1} = Chinwag.join(mesh, [addr(__MODULE__.Called)])
          assert :ok = Chinwag.subscribe(mesh, :members, replay: true)
          assert :ok = Chinwag.leave(mesh)
          assert :ok = Chinwag.close(mesh)
          send(test, :done)
      end
    end)

    assert_receive :subscribed
    :ok = Chinwag.update_tags(__MODULE__.Called, n: "1")
    assert_receive :done, 10_000
  end

  test "a subscriber that ends is forgotten" do
    mesh = __MODULE__.Forgetting
    node!(mesh)
    pid = subscriber(mesh, [])
    assert_receive {:subscribed, ^pid}
    count = fn -> map_size(:sys.get_state(mesh).events.subscribers) end
    assert count.() == 1
    Process.unlink(pid)
    Process.exit(pid, :kill)
    eventually(fn -> count.() == 0 end)
  end

  test "an unknown subscription or option is a mistake of the caller" do
    node!(__MODULE__.Strict)
    # By apply: newer compilers see the mistakes themselves.
    subscribe = fn arguments -> apply(Chinwag, :subscribe, [__MODULE__.Strict | arguments]) end
    assert_raise FunctionClauseError, fn -> subscribe.([:rings]) end
    assert_raise ArgumentError, fn -> subscribe.([:members, [x: 1]]) end
  end
end
