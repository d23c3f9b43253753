defmodule Chinwag.TalkTest do
  use Chinwag.Case, async: true

  # Bytes that are no text.
  @odd <<255, 0, 0xC3, 0x28, 0>>
  @large for n <- 1..4096, into: <<>>, do: <<n::16, 0::2032>>

  defp two!(test, options \\ []) do
    [a, b] = for name <- [A, B], do: Module.concat([__MODULE__, test, name])
    pair!(a, b, options)
    {a, b}
  end

  test "no kind of answer is lost" do
    assert Chinwag.Native.specimen() ==
             {:ok,
              %{
                none: nil,
                flag: true,
                count: 1_099_511_627_776,
                number: -1.5,
                round_trip: 1.5,
                text: "wörd\0",
                bytes: <<0, 255>>,
                payload: {1, <<0xCC, 200>>},
                error: %{Error.new(:no_server, "nobody") | maybe_executed: false},
                list: [1, "", nil],
                map: %{"b" => 2, "__proto__" => %{flag: true}}
              }}
  end

  test "messages reach the member as they were sent" do
    {a, b} = two!(Messages)
    :ok = Chinwag.subscribe(b)
    addr = addr(a)

    assert :ok = Chinwag.send(a, "b", @odd, reliable: false)
    assert_receive {:chinwag, ^b, {:message, message}}
    assert message == %{sender: "a", addr: addr, reliable: false, payload: @odd}

    assert :ok = Chinwag.send!(a, "b", ["wö", ?r, [["d" | "s"]]])
    assert_receive {:chinwag, ^b, {:message, %{reliable: true, payload: "wörds"}}}
    assert :ok = Chinwag.send(a, "b", [])
    assert_receive {:chinwag, ^b, {:message, %{payload: ""}}}
  end

  test "what was said before anybody listened is told to the first who does" do
    {a, b} = two!(Unheard)
    for n <- 1..300, do: assert(:ok = Chinwag.send(a, "b", "#{n}"))
    heard = fn -> match?(%{user_messages_received: 300}, Chinwag.stats(b)) end
    eventually(heard)
    :ok = Chinwag.subscribe(b, :members, replay: true)
    assert_receive {:chinwag, ^b, {:member_join, %{name: "a"}}}
    assert_receive {:chinwag, ^b, {:events_lost, 44, [%{name: "a"}]}}

    for n <- 45..300 do
      payload = "#{n}"
      assert_receive {:chinwag, ^b, {:message, %{payload: ^payload}}}
    end

    assert_receive {:chinwag, ^b, :replay_done}

    Task.await(
      Task.async(fn ->
        :ok = Chinwag.subscribe(b, :members, replay: true)
        assert_receive {:chinwag, ^b, :replay_done}
        refute_received {:chinwag, ^b, {:message, _}}
      end)
    )
  end

  test "a large payload is lent, not copied, and outlives its node" do
    {a, b} = two!(Large)
    :ok = Chinwag.subscribe(b)
    assert byte_size(@large) == 1_048_576
    assert :ok = Chinwag.send(a, "b", [@large])
    assert_receive {:chinwag, ^b, {:message, %{payload: payload}}}, 5_000
    :ok = stop_supervised(b)
    :ok = stop_supervised(a)
    :erlang.garbage_collect()
    assert payload == @large
    # It is the core's own: the VM has only a reference to it.
    assert :binary.referenced_byte_size(payload) < 1_024
  end

  test "what cannot be sent is refused" do
    {a, _b} = two!(Refused)
    code = fn {:error, %Error{code: code}} -> code end

    for outcome <- [
          Chinwag.send(a, "nobody", "x"),
          Chinwag.ping(a, "nobody"),
          Chinwag.round_trip(a, "nobody")
        ] do
      assert code.(outcome) == :unknown_member
    end

    for outcome <- [
          Chinwag.send(a, "b", @large, reliable: false),
          Chinwag.send(a, "b", :binary.copy(@large, 21)),
          Chinwag.broadcast(a, @large),
          Chinwag.set_state(a, :binary.copy(@large, 21)),
          Chinwag.set_ping_payload(a, :binary.copy("x", 513))
        ] do
      assert code.(outcome) == :too_large
    end

    for outcome <- [
          Chinwag.send(a, 5, "x"),
          Chinwag.send(a, nil, "x"),
          Chinwag.send(a, <<255>>, "x"),
          Chinwag.send(a, "b", 5),
          Chinwag.send(a, "b", ["x" | :y]),
          Chinwag.send(a, "b", "x", reliable: :no),
          Chinwag.broadcast(a, %{}),
          Chinwag.broadcast(a, "x", name: 5),
          Chinwag.broadcast(a, "x", name: ""),
          Chinwag.broadcast(a, "x", supersede: true),
          Chinwag.broadcast(a, "x", name: "n", supersede: nil),
          Chinwag.set_state(a, nil),
          Chinwag.set_ping_payload(a, 1.5),
          Chinwag.ping(a, nil),
          Chinwag.round_trip(a, 5)
        ] do
      assert code.(outcome) == :bad_argument
    end

    assert_raise ArgumentError, fn -> Chinwag.send(a, "b", "x", delivery: :reliable) end
    assert_raise Error, ~r/^unknown_member: /, fn -> Chinwag.send!(a, "nobody", "x") end
    assert_raise Error, fn -> Chinwag.broadcast!(a, @large) end
    assert_raise Error, fn -> Chinwag.ping!(a, "nobody") end
    assert_raise Error, fn -> Chinwag.round_trip!(a, "nobody") end
  end

  test "a member that is gone is down, and so is a node" do
    {a, b} = two!(Down, probe_interval: 60_000, shutdown: :brutal_kill)
    :ok = stop_supervised(b)
    # Its process is gone; the native side closes the node a moment later.
    eventually(fn -> Chinwag.send(a, "b", "x") != :ok end)
    assert {:error, %Error{code: :node_down, retryable: true}} = Chinwag.send(a, "b", "x")
    assert {:error, %Error{code: :timeout}} = Chinwag.ping(a, "b")

    for outcome <- [
          Chinwag.send(b, "a", "x"),
          Chinwag.broadcast(b, "x"),
          Chinwag.set_state(b, "x"),
          Chinwag.set_ping_payload(b, "x"),
          Chinwag.ping(b, "a"),
          Chinwag.round_trip(b, "a")
        ] do
      assert {:error, %Error{code: :closed}} = outcome
    end
  end

  test "a broadcast says who and about what" do
    {a, b} = two!(Broadcasts)
    :ok = Chinwag.subscribe(b)
    assert :ok = Chinwag.broadcast(a, @odd)
    assert_receive {:chinwag, ^b, {:broadcast, told}}
    assert told == %{sender: "a", name: "", payload: @odd}
    assert :ok = Chinwag.broadcast!(a, ["3"], name: "load", supersede: true)
    assert_receive {:chinwag, ^b, {:broadcast, %{name: "load", payload: "3"}}}
    assert :ok = Chinwag.broadcast(a, "4", name: "load")
    assert_receive {:chinwag, ^b, {:broadcast, %{name: "load", payload: "4"}}}

    # Who sent them is told none of them: this comes first.
    :ok = Chinwag.subscribe(a)
    :ok = Chinwag.broadcast(b, "mine")
    assert_receive {:chinwag, ^a, event}
    assert {:broadcast, %{sender: "b", payload: "mine"}} = event
  end

  test "a state is handed on" do
    {a, b} = two!(States)
    :ok = Chinwag.subscribe(a)
    assert :ok = Chinwag.set_state!(b, @odd)
    {:ok, 1} = Chinwag.join(b, [addr(a)])
    assert_receive {:chinwag, ^a, {:remote_state, told}}
    # Both are at this address, so that it tells nothing about who it was.
    assert told == %{sender: "", join: true, payload: @odd}
  end

  test "answers are measured and carry what the member adds" do
    {a, b} = two!(Pings, probe_interval: 60_000)
    assert {:ok, %{smoothed: nil, payload: ""}} = Chinwag.round_trip(a, "b")
    assert :ok = Chinwag.set_ping_payload!(b, @odd)
    assert {:ok, millis} = Chinwag.ping(a, "b")
    assert is_float(millis) and millis > 0 and millis < 30_000
    assert %{smoothed: smoothed, payload: @odd} = Chinwag.round_trip!(a, "b")
    assert is_float(smoothed) and smoothed > 0 and smoothed < 30_000
    assert Chinwag.ping!(a, "b") > 0
  end

  test "a message that is not waited for still arrives, and leaves nothing in the mailbox" do
    {a, b} = two!(Late)
    :ok = Chinwag.subscribe(b)

    case Chinwag.send(a, "b", "given up", timeout: 0) do
      {:error, %Error{code: :timeout}} -> :ok
      # It was faster than the look into the mailbox.
      :ok -> :ok
    end

    assert_receive {:chinwag, ^b, {:message, %{payload: "given up"}}}
    assert :ok = Chinwag.send(a, "b", "after")
    assert_receive {:chinwag, ^b, {:message, %{payload: "after"}}}
    refute_received _
  end
end
