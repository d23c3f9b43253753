defmodule Chinwag.ViaTest do
  use Chinwag.Case, async: true

  defmodule Counter do
    use GenServer

    def start_link({name, n}), do: GenServer.start_link(__MODULE__, n, name: name)

    @impl true
    def init(:fail), do: {:stop, :failed}
    def init(n), do: {:ok, n}

    @impl true
    def handle_call({"incr", by}, _from, n), do: {:reply, n + by, n + by}
    def handle_call(:get, _from, n), do: {:reply, {:local, n}, n}

    def handle_call({"who", _}, from, n) do
      sender = Chinwag.sender(from)
      {:reply, sender && [sender.node, sender.key, sender.headers], n}
    end

    def handle_call({"later", millis}, from, n) do
      Process.send_after(self(), {:reply, from}, millis)
      {:noreply, n}
    end

    def handle_call({"never", pid}, from, n) when is_pid(pid) do
      send(pid, from)
      {:noreply, n}
    end

    def handle_call({"never", _}, from, n), do: {:noreply, [from | List.wrap(n)]}
    def handle_call({"late", _}, _from, [from | n]), do: {:reply, GenServer.reply(from, 1), n}
    def handle_call({"wait", millis}, _from, n), do: {:reply, Process.sleep(millis), n}
    def handle_call({"fail", text}, _from, _n), do: raise(text)
    def handle_call({"stop", _}, _from, n), do: {:stop, :normal, n}
    def handle_call({"refuse", op}, _from, n), do: {:reply, Error.unknown_op(op), n}
    def handle_call({"pid", _}, _from, n), do: {:reply, self(), n}

    @impl true
    def handle_cast({"set", n}, _n), do: {:noreply, n}

    @impl true
    def handle_info({:reply, from}, n) do
      GenServer.reply(from, n)
      # Nobody hears of this one.
      GenServer.reply(from, "again")
      {:noreply, n}
    end
  end

  # A process of this test may be ended by what it is told.
  @moduletag capture_log: true

  defp two!(test, options \\ []) do
    [a, b] = for name <- [A, B], do: Module.concat([__MODULE__, test, name])
    pair!(a, b, options)
    {a, b}
  end

  defp counter!(mesh, name, others, options \\ []) do
    via = Chinwag.via(mesh, name, options)
    pid = start_supervised!({Counter, {via, 0}}, id: {mesh, name}, restart: :temporary)
    own = Chinwag.local_member(mesh).name
    for other <- [mesh | others], do: eventually(fn -> own in Chinwag.hosts(other, name) end)
    pid
  end

  defp exit_of(fun) do
    fun.()
    flunk("it did not exit")
  catch
    :exit, {reason, {GenServer, :call, _}} -> reason
  end

  test "a stock GenServer is a server" do
    {a, b} = two!(Stock)
    pid = counter!(b, "counter", [a])

    for {mesh, n} <- [{a, 1}, {b, 2}] do
      assert {:ok, ^n} = Chinwag.call(mesh, "counter", "incr", 1)
    end

    assert :ok = Chinwag.cast(a, "counter@b", "set", 10)
    eventually(fn -> Chinwag.call!(a, "counter", "incr", 0) == 10 end)
    assert {:ok, 10} = Chinwag.call(a, "counter", "later", 1)

    assert {:ok, ["a", "k", %{"h" => "1"}]} =
             Chinwag.call(a, "counter#k", "who", nil, headers: [h: "1"])

    assert {:error, %Error{code: :unknown_op}} = Chinwag.call(a, "counter", "refuse", "x")
    assert {:error, %Error{code: :codec}} = Chinwag.call(a, "counter", "pid")
    assert {:ok, ^pid} = Chinwag.call(a, "counter", "pid", nil, codec: :etf)

    calls = for _ <- 1..300, do: Task.async(fn -> Chinwag.call!(a, "counter", "incr", 1) end)
    assert calls |> Task.await_many(20_000) |> Enum.sort() == Enum.to_list(11..310)
  end

  test "a name is a name, here and elsewhere" do
    {a, b} = two!(Names)
    pid = counter!(b, "counter", [a])
    here = Chinwag.via(b, "counter")
    there = Chinwag.via(a, "counter")

    assert GenServer.whereis(here) == pid
    assert GenServer.whereis(Chinwag.via(b, "counter@b")) == pid
    # As it is, without a payload.
    assert GenServer.call(here, :get) == {:local, 0}
    assert GenServer.call(here, {"who", 1}) == nil

    for via <- [there, Chinwag.via(a, "counter@b"), Chinwag.via(b, "counter#k")] do
      n = GenServer.call(here, {"incr", 0})
      assert GenServer.call(via, {"incr", 1}) == n + 1
      assert :ok = GenServer.cast(via, {"set", n + 5})
      eventually(fn -> GenServer.call(here, {"incr", 0}) == n + 5 end)
    end

    headers = Chinwag.via(a, "counter#user", headers: [h: "1"], codec: :json)
    assert GenServer.call(headers, {"who", nil}) == ["a", "user", %{"h" => "1"}]

    for target <- ["nobody", "counter@a", "counter@c", "nobody#k", "", "a b@b", 5] do
      assert GenServer.whereis(Chinwag.via(a, target)) == nil
      assert :noproc = exit_of(fn -> GenServer.call(Chinwag.via(a, target), {"incr", 1}) end)
    end

    assert :noproc = exit_of(fn -> GenServer.call(Chinwag.via(__MODULE__.No, "x"), {"x", 1}) end)
    # As with other registries.
    assert :ok = GenServer.cast(Chinwag.via(a, "nobody"), {"set", 1})
    assert {:badarg, _} = catch_exit(Chinwag.Via.send({a, "nobody"}, :message))

    assert {:already_started, ^pid} =
             elem(GenServer.start(Counter, 0, name: Chinwag.via(b, "counter")), 1)

    # Both may have one of that name.
    assert {:ok, second} = GenServer.start(Counter, 7, name: there)
    assert GenServer.call(there, :get) == {:local, 7}
    eventually(fn -> Chinwag.hosts(b, "counter") == ["a", "b"] end)
    GenServer.stop(second)
    refute_received _
  end

  test "a call to a process elsewhere exits as others do" do
    {a, b} = two!(Exits, shutdown: :brutal_kill)
    counter!(b, "counter", [a])
    via = Chinwag.via(a, "counter")

    assert :timeout = exit_of(fn -> GenServer.call(via, {"wait", 100}, 20) end)
    short = Chinwag.via(a, "counter", timeout: 20)
    assert :timeout = exit_of(fn -> GenServer.call(short, {"wait", 100}) end)

    assert %Error{code: :codec} = exit_of(fn -> GenServer.call(via, {"incr", self()}) end)
    assert {:badarg, _} = exit_of(fn -> GenServer.call(via, :get) end)

    test = self()
    etf = Chinwag.via(a, "counter", codec: :etf)
    {caller, _} = spawn_monitor(fn -> GenServer.call(etf, {"never", test}, :infinity) end)
    assert_receive {_, {Chinwag, _, {request, _}, _}} = from
    Process.exit(caller, :kill)
    assert_receive {:DOWN, _, _, ^caller, :killed}
    GenServer.reply(from, 1)
    eventually(fn -> not Chinwag.Native.reply(request, {1, <<1>>}) end)

    {caller, _} = spawn_monitor(fn -> GenServer.call(etf, {"never", test}, :infinity) end)
    assert_receive {_, {Chinwag, _, _, _}}
    :ok = stop_supervised(b)

    assert_receive {:DOWN, _, _, ^caller, {{:nodedown, "counter"}, {GenServer, :call, _}}}, 20_000
    refute_received _
  end

  test "an answer that comes late is nobody's" do
    {a, b} = two!(Late)
    counter!(b, "counter", [a])

    # Long enough for it to get there: what is late already is not handled.
    assert {:error, %Error{code: :timeout}} =
             Chinwag.call(a, "counter", "never", nil, timeout: 2_000)

    assert {:ok, "ok"} = Chinwag.call(a, "counter", "late")
    refute_received _
  end

  test "a process that ends is a server no more, and its calls are told why" do
    {a, b} = two!(Ends)

    for {op, code} <- [
          {"fail", :remote_error},
          {"other", :unknown_op},
          {"stop", :no_server},
          {"kill", :remote_error}
        ] do
      name = "counter-" <> op
      pid = counter!(b, name, [a])
      monitor = Process.monitor(pid)
      call = Task.async(fn -> Chinwag.call(a, name, "never", nil, timeout: 20_000) end)
      # It has begun by the time that the next one is answered.
      eventually(fn -> match?({:ok, ["a" | _]}, Chinwag.call(a, name, "who")) end)
      if op == "kill", do: Process.exit(pid, :kill)
      outcome = if op == "kill", do: Task.await(call), else: Chinwag.call(a, name, op, "x")
      assert {:error, %Error{code: ^code} = error} = outcome
      if op == "fail", do: assert(%{class: "RuntimeError", message: "x"} = error.remote)
      if op == "kill", do: assert(%{class: "exit", message: ":killed"} = error.remote)
      if op != "kill", do: assert({:error, _} = Task.await(call))
      assert_receive {:DOWN, ^monitor, _, _, _}
      eventually(fn -> Chinwag.hosts(a, name) == [] end)
      assert {:error, %Error{code: :no_server}} = Chinwag.call(a, name, "incr", 1)
    end
  end

  test "the operations of a process may be named, so that no other reaches it" do
    {a, b} = two!(Operations)
    pid = counter!(b, "counter", [a], operations: ["incr"])
    assert {:ok, 5} = Chinwag.call(a, "counter", "incr", 5)
    assert {:error, %Error{code: :unknown_op}} = Chinwag.call(a, "counter", "fail", "x")
    assert :ok = Chinwag.cast(a, "counter", "unknown", "x")
    assert {:ok, 6} = Chinwag.call(a, "counter", "incr", 1)
    assert Process.alive?(pid)
  end

  test "a process that does not read its mail is not given all of it" do
    {a, b} = two!(Slow)
    pid = counter!(b, "counter", [a], mailbox: 10)
    :ok = :sys.suspend(pid)
    calls = for n <- 1..15, do: Task.async(fn -> Chinwag.call(a, "counter", "incr", n) end)

    # What waits here and in the core is all that there is room for.
    overloaded = fn -> Chinwag.call(a, "counter", "incr", 0, timeout: 50) end
    more = for _ <- 1..20, do: Task.async(overloaded)
    more = Task.await_many(more)
    assert Enum.any?(more, &match?({:error, %Error{code: :overloaded}}, &1))
    assert {:message_queue_len, waiting} = Process.info(pid, :message_queue_len)
    assert waiting <= 10
    :ok = :sys.resume(pid)

    assert Enum.any?(Task.await_many(calls), &match?({:ok, _}, &1))
    eventually(fn -> match?({:ok, _}, Chinwag.call(a, "counter", "incr", 1)) end)
  end

  test "a process that fails to start leaves no name behind" do
    {a, b} = two!(Fails)
    Process.flag(:trap_exit, true)
    assert {:error, :failed} = Counter.start_link({Chinwag.via(b, "counter"), :fail})
    eventually(fn -> Chinwag.hosts(b, "counter") == [] end)
    assert {:ok, _} = Counter.start_link({Chinwag.via(b, "counter"), 0})
    eventually(fn -> Chinwag.hosts(a, "counter") == ["b"] end)
    assert {:error, _} = Counter.start_link({Chinwag.via(b, "a@b"), 0})
    assert {:error, _} = Counter.start_link({Chinwag.via(__MODULE__.No, "counter"), 0})
  end

  test "the program of the README" do
    readme = File.read!(Path.expand("../../../README.md", __DIR__))
    [_, program] = Regex.run(~r/## Messages\n.*?```elixir\n(.*?)```/s, readme)
    [server, calls] = String.split(program, ~r/^(?={:ok, 1})/m, parts: 2)
    node!(MyApp.Mesh, node: "web-2")
    Code.eval_string(server)

    start_supervised!(
      {Counter, 0}
      |> Supervisor.child_spec(start: {:"Elixir.Counter", :start_link, [0]})
    )

    {1, bindings} = Code.eval_string(calls)
    assert bindings[:replies] == %{"web-2" => 0}
    assert {:error, %Error{code: :unknown_op}} = Chinwag.call(MyApp.Mesh, "counter", "other")
  end
end
