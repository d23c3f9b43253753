defmodule Chinwag.ServeTest do
  use Chinwag.Case, async: true

  alias Chinwag.{Codec, Server}

  setup context do
    mesh = Module.concat(__MODULE__, "N#{context.line}")
    node!(mesh, Map.get(context, :options, []))
    {:ok, mesh: mesh}
  end

  # Handlers that tell when they begin, and end when they are told to.
  defp gated(test) do
    fn op, value ->
      send(test, {op, value, self()})
      receive do: (:go -> value)
    end
  end

  defp begun!(op) do
    assert_receive {^op, value, pid}
    {value, pid}
  end

  test "one message at a time, unless told otherwise", %{mesh: mesh} do
    {:ok, _} = Chinwag.serve(mesh, "one", gated(self()))
    {:ok, _} = Chinwag.serve(mesh, "two", gated(self()), concurrency: 2)
    ask = fn server, n -> Task.async(fn -> Chinwag.call(mesh, server, server, n) end) end

    first = ask.("one", 1)
    assert {1, pid} = begun!("one")
    second = ask.("one", 2)

    both = for n <- [3, 4], do: ask.("two", n)
    pids = for _ <- both, do: "two" |> begun!() |> elem(1)
    third = ask.("two", 5)
    # They were asked after it.
    refute_received {"one", _, _}
    Enum.each(pids, &send(&1, :go))
    send(elem(begun!("two"), 1), :go)
    assert Task.await_many(both ++ [third]) == [{:ok, 3}, {:ok, 4}, {:ok, 5}]

    send(pid, :go)
    assert Task.await(first) == {:ok, 1}
    assert {2, pid} = begun!("one")
    send(pid, :go)
    assert Task.await(second) == {:ok, 2}
  end

  @tag options: [mailbox: 3]
  test "a mailbox that is full refuses calls and casts", %{mesh: mesh} do
    for {name, options, room} <- [{"three", [], 3}, {"one", [mailbox: 1], 1}] do
      {:ok, server} = Chinwag.serve(mesh, name, gated(self()), options)
      %{calls_made: before} = Chinwag.stats(mesh)
      first = Task.async(fn -> Chinwag.call(mesh, name, name, 0) end)
      {0, pid} = begun!(name)
      waiting = for n <- 1..room, do: Task.async(fn -> Chinwag.call(mesh, name, name, n) end)
      calls = [first | waiting]
      eventually(fn -> Chinwag.stats(mesh).calls_made == before + 1 + room end)

      assert {:error, %Error{code: :overloaded, maybe_executed: false}} =
               Chinwag.call(mesh, name, name)

      assert {:error, %Error{code: :overloaded}} = Chinwag.cast(mesh, name, name)

      send(pid, :go)
      for _ <- 1..room, do: send(elem(begun!(name), 1), :go)
      outcomes = Task.await_many(calls)
      assert Enum.sort(outcomes) == for(n <- 0..room, do: {:ok, n})
      :ok = Server.stop(server)
    end
  end

  test "a server that is paused holds messages back", %{mesh: mesh} do
    {:ok, server} = Chinwag.serve(mesh, "echo", fn "echo", value -> value end)
    assert :ok = Server.pause(server)

    assert {:error, %Error{code: :timeout}} = Chinwag.call(mesh, "echo", "echo", 1, timeout: 50)

    call = Task.async(fn -> Chinwag.call(mesh, "echo", "echo", 2) end)
    refute Task.yield(call, 50)
    assert :ok = Server.resume({mesh, "echo"})
    assert Task.await(call) == {:ok, 2}
  end

  test "a server that is stopped is no more, and its name is free", %{mesh: mesh} do
    {:ok, server} = Chinwag.serve(mesh, "name", gated(self()))

    assert {:error, %Error{code: :server_exists}} = Chinwag.serve(mesh, "name", gated(self()))
    assert Process.alive?(server)

    [running, waiting] =
      for n <- 1..2 do
        call = Task.async(fn -> Chinwag.call(mesh, "name", "ask", n) end)
        if n == 1, do: assert_receive({"ask", 1, _pid})
        call
      end

    # Only once the other waits as well.
    eventually(fn -> Process.info(waiting.pid, :status) == {:status, :waiting} end)
    assert :ok = Server.stop({mesh, "name"})
    assert {:error, %Error{code: :no_server}} = Task.await(waiting)
    assert {:error, %Error{code: :no_server}} = Task.await(running)
    refute Process.alive?(server)
    assert Chinwag.hosts(mesh, "name") == []
    assert :ok = Server.stop(server)
    assert :ok = Server.stop({mesh, "name"})
    assert {:error, %Error{code: :no_server}} = Server.pause(server)
    assert {:error, %Error{code: :no_server}} = Server.resume({mesh, "name"})
    assert {:ok, _} = Chinwag.serve(mesh, "name", fn "ask", n -> n end)
    assert {:ok, 5} = Chinwag.call(mesh, "name", "ask", 5)
  end

  test "what is no server is refused, and whoever asked lives on", %{mesh: mesh} do
    fun = fn _, _ -> nil end

    for outcome <- [
          Chinwag.serve(mesh, "", fun),
          Chinwag.serve(mesh, "a@b", fun),
          Chinwag.serve(mesh, 5, fun),
          Chinwag.serve(mesh, "name", fn -> nil end),
          Chinwag.serve(mesh, "name", :fun),
          Chinwag.serve(mesh, "name", fun, concurrency: 0),
          Chinwag.serve(mesh, "name", fun, concurrency: :many),
          Chinwag.serve(mesh, "name", fun, mailbox: -1),
          Chinwag.serve(mesh, "name", fun, mailbox: "5"),
          Chinwag.serve(mesh, "name", fun, expose_stack: 1),
          Chinwag.serve(mesh, "name", fun, operations: "op")
        ] do
      assert {:error, %Error{code: :bad_argument}} = outcome
    end

    assert_raise ArgumentError, fn -> Chinwag.serve(mesh, "name", fun, size: 5) end
    assert {:error, %Error{code: :closed}} = Chinwag.serve(__MODULE__.Nobody, "name", fun)
    assert Chinwag.servers(mesh) == %{}
  end

  test "a supervisor starts a server again", %{mesh: mesh} do
    handler = fn "pid", _, _ -> inspect(self()) end
    child = {Server, mesh: mesh, name: "child", handler: handler, operations: ["pid"]}
    server = start_supervised!(child)
    assert {:ok, "#PID" <> _} = Chinwag.call(mesh, "child", "pid")
    assert {:error, %Error{code: :unknown_op}} = Chinwag.call(mesh, "child", "other")
    Process.exit(server, :kill)

    eventually(fn -> match?({:ok, _}, Chinwag.call(mesh, "child", "pid", nil, timeout: 500)) end)
    assert [{_, again, _, _}] = Supervisor.which_children(elem(supervisor(child), 1)) |> only()
    assert again != server
  end

  defp supervisor(_child), do: {:ok, ExUnit.fetch_test_supervisor() |> elem(1)}
  defp only(children), do: Enum.filter(children, &match?({{Server, _, _}, _, _, _}, &1))

  test "an exception of a cast is logged, and the next one is handled", %{mesh: mesh} do
    test = self()
    {:ok, _} = Chinwag.serve(mesh, "casts", fn "add", n -> send(test, 10 / n) end)

    logged = fn ->
      ExUnit.CaptureLog.capture_log(fn ->
        :ok = Chinwag.cast(mesh, "casts", "add", 0)
        :ok = Chinwag.cast(mesh, "casts", "add", 5)
        assert_receive 2.0
      end)
    end

    # The VM logs it when it comes to that.
    eventually(fn -> logged.() =~ "ArithmeticError" end)
  end

  test "terms of others are not trusted" do
    fun = :erlang.term_to_binary(a: {[fn -> 1 end | :b]})
    capture = :erlang.term_to_binary(%{f: &:erlang.halt/0})
    bomb = :erlang.term_to_binary(:binary.copy("x", 100_000), [:compressed])
    unknown = <<131, 119, 21, "never_seen_atom_of_us">>
    assert <<131, 80, _::binary>> = bomb

    for bytes <- [fun, capture, bomb, unknown, "", <<131>>, <<131, 104, 255>>] do
      assert {:error, %Error{code: :codec}} = Codec.decode({3, bytes})
    end

    for {codec, bytes} <- [{1, <<0xC1>>}, {2, "{"}, {2, <<255>>}, {4, ""}, {127, "x"}] do
      assert {:error, %Error{code: :codec}} = Codec.decode({codec, bytes})
    end

    assert Codec.decode({0, <<255>>}) == {:ok, <<255>>}
    assert Codec.decode({128, <<255>>}) == {:ok, <<255>>}
  end

  test "what cannot be read is refused, and never reaches a handler", %{mesh: mesh} do
    test = self()
    {:ok, _} = Chinwag.serve(mesh, "any", fn op, value -> send(test, {op, value}) end)

    {:ok, native} = Chinwag.Node.fetch(mesh)

    for payload <- [{1, <<0xC1>>}, {3, "x"}, {7, "x"}] do
      sent = {"any", "op", payload, []}
      assert {:error, %Error{code: :codec}} = Chinwag.Native.ask(native, sent, {nil, nil})
      assert :ok = Chinwag.Native.tell(native, sent, nil, false)
    end

    assert {:ok, ["op", 1]} = Chinwag.call(mesh, "any", "op", 1)
    assert_received {"op", 1}
    refute_received _
  end
end
