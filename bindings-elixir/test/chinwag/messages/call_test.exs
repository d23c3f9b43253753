defmodule Chinwag.CallTest do
  use Chinwag.Case, async: true

  alias Chinwag.{Sender, Target}

  defp two!(test, options \\ []) do
    [a, b] = for name <- [A, B], do: Module.concat([__MODULE__, test, name])
    pair!(a, b, options)
    {a, b}
  end

  # A server of `mesh`, which `others` have heard of.
  defp serve!(mesh, name, handler, others, options \\ []) do
    {:ok, server} = Chinwag.serve(mesh, name, handler, options)
    own = Chinwag.local_member(mesh).name
    for other <- [mesh | others], do: eventually(fn -> own in Chinwag.hosts(other, name) end)
    server
  end

  defp echo("echo", value), do: value

  test "a call is answered, here and from elsewhere, with the value as it was" do
    {a, b} = two!(Calls)
    serve!(b, "echo", &echo/2, [a])

    value = %{"n" => [1, -1.5, nil, true, "wörd", {:bytes, <<255>>}], "big" => 2 ** 63}

    for {mesh, target} <- [{b, "echo"}, {b, "echo@b"}, {a, "echo"}, {a, "echo@b"}, {a, "echo#k"}] do
      assert {:ok, ^value} = Chinwag.call(mesh, target, "echo", value)
      assert ^value = Chinwag.call!(mesh, target, :echo, value, timeout: :infinity)
    end

    assert {:ok, nil} = Chinwag.call(a, "echo", "echo")
    large = :binary.copy("wörd", 100_000)
    assert {:ok, ^large} = Chinwag.call(a, "echo", "echo", large)
    assert {:ok, ^large} = Chinwag.call(b, "echo", "echo", large)

    assert Chinwag.hosts(a, "echo") == ["b"]
    assert Chinwag.hosts(a, "nobody") == []
    assert Chinwag.servers(a) == %{"echo" => 1}
    refute_received _
  end

  test "what cannot be sent is refused, and nothing was sent" do
    {a, b} = two!(Refused, message_max: 65_536)
    serve!(b, "echo", &echo/2, [a])

    for {code, outcome} <- [
          no_server: Chinwag.call(a, "nobody", "x"),
          no_server: Chinwag.call(a, "echo@a", "x"),
          no_server: Chinwag.cast(a, "nobody", "x"),
          no_server: Chinwag.multi_call(a, "nobody", "x"),
          no_server: Chinwag.abcast(a, "nobody", "x"),
          unknown_member: Chinwag.call(a, "echo@nobody", "x"),
          too_large: Chinwag.call(a, "echo", "echo", :binary.copy("x", 65_536)),
          too_large: Chinwag.cast(a, "echo", "echo", :binary.copy("x", 65_536)),
          too_large: Chinwag.call(a, "echo", "echo", 1, headers: [k: :binary.copy("x", 5_000)]),
          codec: Chinwag.call(a, "echo", "echo", self()),
          codec: Chinwag.call(a, "echo", "echo", 5, codec: :raw),
          codec: Chinwag.cast(a, "echo", "echo", 2 ** 70),
          codec: Chinwag.multi_call(a, "echo", "echo", self()),
          codec: Chinwag.abcast(a, "echo", "echo", self()),
          bad_argument: Chinwag.call(a, "", "echo"),
          bad_argument: Chinwag.call(a, "a b", "echo"),
          bad_argument: Chinwag.call(a, 5, "echo"),
          bad_argument: Chinwag.call(a, nil, "echo"),
          bad_argument: Chinwag.call(a, <<255>>, "echo"),
          bad_argument: Chinwag.call(a, "echo", ""),
          bad_argument: Chinwag.call(a, "echo", 5),
          bad_argument: Chinwag.call(a, "echo", "echo", 1, codec: :pickle),
          bad_argument: Chinwag.call(a, "echo", "echo", "x", codec: 5),
          bad_argument: Chinwag.call(a, "echo", "echo", "x", codec: 256),
          bad_argument: Chinwag.call(a, "echo", "echo", 1, timeout: -1),
          bad_argument: Chinwag.call(a, "echo", "echo", 1, timeout: 1.5),
          bad_argument: Chinwag.call(a, "echo", "echo", 1, timeout: :soon),
          bad_argument: Chinwag.call(a, "echo", "echo", 1, headers: 5),
          bad_argument: Chinwag.call(a, "echo", "echo", 1, headers: [k: 5]),
          bad_argument: Chinwag.cast(a, "echo", "echo", 1, latest: nil),
          bad_argument: Chinwag.multi_call(a, "echo", "echo", 1, min_ok: -1),
          bad_argument: Chinwag.multi_call(a, "echo@b", "echo"),
          bad_argument: Chinwag.abcast(a, 5, "echo")
        ] do
      assert {:error, %Error{code: ^code, maybe_executed: false, remote: nil}} = outcome
    end

    assert_raise ArgumentError, fn -> Chinwag.call(a, "echo", "echo", 1, time: 5) end
    assert_raise Error, ~r/^no_server: /, fn -> Chinwag.call!(a, "nobody", "x") end
    assert_raise Error, ~r/^no_server: /, fn -> Chinwag.cast!(a, "nobody", "x") end
    assert_raise Error, ~r/^no_server: /, fn -> Chinwag.multi_call!(a, "nobody", "x") end
    assert_raise Error, ~r/^no_server: /, fn -> Chinwag.abcast!(a, "nobody", "x") end
    assert_raise Error, fn -> Chinwag.hosts(a, 5) end
  end

  test "what a server fails with is told, and its stack only if it says so" do
    {a, b} = two!(Failures)

    handler = fn
      "raise", text -> raise ArgumentError, text
      "return", text -> %RuntimeError{message: text}
      "throw", value -> throw(value)
      "exit", value -> exit(value)
      "kill", _ -> Process.exit(self(), :kill)
      "refuse", _ -> Error.new(:overloaded, "not today")
      "pid", _ -> self()
    end

    serve!(b, "fails", handler, [a])
    serve!(b, "open", handler, [a], expose_stack: true)

    for mesh <- [a, b] do
      assert {:error, error} = Chinwag.call(mesh, "fails", "raise", "negative")
      assert %Error{code: :remote_error, maybe_executed: true, retryable: false} = error
      remote = %{node: "b", language: "elixir", class: "ArgumentError"}
      assert error.remote == Map.merge(remote, %{message: "negative", stack: nil})
      assert error.message == ~s(ArgumentError on "b": negative)

      for {op, class, message} <- [
            {"return", "RuntimeError", "x"},
            {"throw", "throw", ~s("x")},
            {"exit", "exit", ~s("x")},
            {"kill", "exit", ":killed"}
          ] do
        assert {:error, %Error{code: :remote_error, remote: remote}} =
                 Chinwag.call(mesh, "fails", op, "x")

        assert %{class: ^class, message: ^message, stack: nil} = remote
      end

      assert {:error, %Error{remote: %{stack: stack}}} = Chinwag.call(mesh, "open", "raise", "x")
      assert stack =~ "call_test.exs"

      assert {:error, %Error{code: :overloaded, maybe_executed: false}} =
               Chinwag.call(mesh, "fails", "refuse")

      # It has been done by then.
      assert {:error, %Error{code: :codec, maybe_executed: true}} =
               Chinwag.call(mesh, "fails", "pid")

      assert {:error, %Error{code: :unknown_op, maybe_executed: false}} =
               Chinwag.call(mesh, "fails", "other")
    end
  end

  test "a call has its time, and a server that is gone or silent is told apart" do
    {a, b} = two!(Times, shutdown: :brutal_kill)
    test = self()

    serve!(b, "slow", fn "wait", millis -> Process.sleep(millis) end, [a])
    serve!(b, "deaf", fn "tell", _, sender -> send(test, sender) && :noreply end, [a])

    for mesh <- [a, b] do
      assert {:error, %Error{code: :timeout, maybe_executed: true, retryable: true}} =
               Chinwag.call(mesh, "deaf", "tell", nil, timeout: 20)

      assert_receive %Sender{} = sender
      assert Sender.remaining(sender) <= 20
      eventually(fn -> not Chinwag.reply(sender, "late") end)
    end

    assert {:error, %Error{code: :timeout}} = Chinwag.call(a, "slow", "wait", 1, timeout: 0)

    # Nobody holds what it could be answered by.
    serve!(b, "careless", fn "forget", _, _ -> :noreply end, [a])
    assert {:error, %Error{code: :remote_error}} = Chinwag.call(a, "careless", "forget")

    call = Task.async(fn -> Chinwag.call(a, "deaf", "tell", nil, timeout: :infinity) end)
    assert_receive %Sender{deadline: _}
    :ok = stop_supervised(b)
    assert {:error, %Error{code: :node_down, maybe_executed: true}} = Task.await(call, 20_000)
    refute_received _
  end

  test "whoever ends gives its call up" do
    {a, b} = two!(GivenUp)
    test = self()
    serve!(b, "deaf", fn "tell", _, sender -> send(test, sender) && :noreply end, [a])

    for mesh <- [a, b] do
      {caller, monitor} =
        spawn_monitor(fn -> Chinwag.call(mesh, "deaf", "tell", nil, timeout: :infinity) end)

      assert_receive %Sender{deadline: deadline} = sender
      assert is_integer(deadline) or deadline == :infinity
      Process.exit(caller, :kill)
      assert_receive {:DOWN, ^monitor, :process, _, :killed}
      eventually(fn -> not Chinwag.reply(sender, "late") end)
    end
  end

  test "an answer comes from elsewhere too, and only the first" do
    {a, b} = two!(Late)
    test = self()

    serve!(b, "later", fn "ask", value, sender -> send(test, {value, sender}) && :noreply end, [a])

    for mesh <- [a, b] do
      calls = for n <- 1..3, do: Task.async(fn -> Chinwag.call(mesh, "later", "ask", n) end)
      asked = for n <- 1..3, do: assert_receive({^n, sender}) && {n, sender}
      for {n, sender} <- asked, do: assert(Chinwag.reply(sender, 10 * n))
      for {_n, sender} <- asked, do: refute(Chinwag.reply(sender, "again"))
      assert Task.await_many(calls) == [{:ok, 10}, {:ok, 20}, {:ok, 30}]
    end
  end

  test "a server knows who asks" do
    {a, b} = two!(Senders)
    test = self()

    who = fn "who", _, sender ->
      send(test, sender)
      [sender.node, Sender.call?(sender)]
    end

    serve!(b, "who", who, [a])
    headers = %{"traceparent" => "00-1", "b" => ""}

    assert {:ok, ["a", true]} =
             Chinwag.call(a, "who#user:42", "who", nil, headers: headers, timeout: 10_000)

    assert_received %Sender{node: "a", key: "user:42", headers: ^headers} = sender
    assert Sender.remaining(sender) in 1..10_000
    refute inspect(sender) =~ "#Reference"

    assert {:ok, ["b", true]} = Chinwag.call(b, "who", "who", nil, headers: [k: :v])
    assert_received %Sender{node: "b", key: nil, headers: %{"k" => "v"}}

    assert :ok = Chinwag.cast(a, Target.at("who", "b"), "who", nil, headers: headers)
    assert_receive %Sender{node: "a", headers: ^headers, deadline: :infinity} = sender
    refute Sender.call?(sender)
    refute Chinwag.reply(sender, 1)

    odd = "a@b#c"
    assert {:ok, _} = Chinwag.call(a, Target.key("who", odd), "who")
    assert_received %Sender{key: ^odd}
    for name <- ["", "a@b", "a#b"], do: assert_raise(Error, fn -> Target.key(name, "k") end)
  end

  test "calls within a call have no more time than it has" do
    {a, b} = two!(Nested)
    test = self()
    serve!(a, "deaf", fn "tell", _, sender -> send(test, sender) && :noreply end, [b])

    relay = fn
      "call", _ -> Chinwag.call!(b, "deaf", "tell", nil)
      "longer", _ -> Chinwag.call!(b, "deaf", "tell", nil, timeout: :infinity)
      "process", _ -> GenServer.call(Chinwag.via(b, "deaf", timeout: 60_000), {"tell", nil})
    end

    serve!(b, "relay", relay, [a], concurrency: 3)

    for op <- ["call", "longer", "process"] do
      outcome = Chinwag.call(a, "relay", op, nil, timeout: 300)
      # Of a process that exits it is told as that, if it is in time.
      assert {:error, %Error{code: code}} = outcome
      assert code == :timeout or (op == "process" and code == :remote_error)
      assert_receive %Sender{node: "b"} = sender
      assert Sender.remaining(sender) <= 300
    end
  end

  test "casts arrive in order, here and from elsewhere" do
    {a, b} = two!(Casts)
    test = self()
    serve!(b, "log", fn "add", n -> send(test, n) end, [a])

    for mesh <- [a, b] do
      for n <- 1..500, do: assert(:ok = Chinwag.cast(mesh, "log", "add", n))
      for n <- 1..500, do: assert_receive(^n)
      assert :ok = Chinwag.cast!(mesh, "log", "add", "last", latest: true, timeout: 60_000)
      assert_receive "last"
    end
  end

  test "all servers of a name are asked and told" do
    {a, b} = two!(All)
    test = self()
    for mesh <- [a, b], do: serve!(mesh, "who", fn "who", _, s -> send(test, s.node) end, [a, b])
    assert Chinwag.hosts(a, "who") == ["a", "b"]
    assert Chinwag.servers(b) == %{"who" => 2}

    assert {:ok, {replies, failed}} = Chinwag.multi_call(a, "who", "who")
    assert {replies, failed} == {%{"a" => "a", "b" => "a"}, %{}}
    assert {%{"a" => "a"}, _} = Chinwag.multi_call!(a, "who", "who", nil, min_ok: 2, codec: :json)

    assert {:ok, {%{}, failed}} = Chinwag.multi_call(a, "who", "what")
    assert %{"a" => %Error{code: :unknown_op}, "b" => %Error{code: :unknown_op}} = failed

    assert {:error, %Error{code: :no_quorum, message: message}} =
             Chinwag.multi_call(a, "who", "what", nil, min_ok: 1, timeout: 1_000)

    assert message =~ "unknown_op"

    for _ <- 1..4, do: assert_receive("a")
    assert {:ok, 2} = Chinwag.abcast(b, "who", "who")
    assert 2 = Chinwag.abcast!(b, "who", "who", %{}, codec: :etf)
    for _ <- 1..4, do: assert_receive("b")
  end

  test "each codec brings what it can, and the answer comes in it" do
    {a, b} = two!(Codecs)
    test = self()
    serve!(b, "echo", fn "echo", value -> send(test, value) && value end, [a])

    for mesh <- [a, b] do
      call = &Chinwag.call(mesh, "echo", "echo", &1, codec: &2)
      assert {:ok, <<255, 0>>} = call.([255, <<0>>], :raw)
      assert {:ok, "any"} = call.("any", 200)
      json = %{"a" => [1, 2.5, nil, "wörd"]}
      assert {:ok, ^json} = call.(%{a: [1, 2.5, nil, "wörd"]}, :json)
      large = List.duplicate("wörd", 5_000)
      assert {:ok, ^large} = call.(large, :json)
      assert {:error, %Error{code: :codec}} = call.({:bytes, <<255>>}, :json)
      etf = {:ok, [a: self(), b: make_ref()], %{1 => :two}, <<1::3>>}
      assert {:ok, ^etf} = call.(etf, :etf)
      assert {:ok, []} = call.([], :etf)
    end
  end

  test "a node that is closed ends its calls and servers" do
    {a, b} = two!(Closed)
    test = self()
    server = serve!(b, "deaf", fn "tell", _, sender -> send(test, sender) && :noreply end, [a])
    monitor = Process.monitor(server)
    call = Task.async(fn -> Chinwag.call(b, "deaf", "tell", nil, timeout: :infinity) end)
    assert_receive %Sender{} = sender
    :ok = stop_supervised(b)
    assert {:error, %Error{code: :closed}} = Task.await(call)
    assert_receive {:DOWN, ^monitor, :process, _, :normal}
    refute Chinwag.reply(sender, 1)

    for outcome <- [
          Chinwag.call(b, "deaf", "tell"),
          Chinwag.cast(b, "deaf", "tell"),
          Chinwag.multi_call(b, "deaf", "tell"),
          Chinwag.abcast(b, "deaf", "tell"),
          Chinwag.serve(b, "deaf", &echo/2)
        ] do
      assert {:error, %Error{code: :closed}} = outcome
    end

    assert_raise Error, fn -> Chinwag.hosts(b, "deaf") end
    assert_raise Error, fn -> Chinwag.servers(b) end
  end
end
