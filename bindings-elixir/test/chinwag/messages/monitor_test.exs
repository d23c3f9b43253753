defmodule Chinwag.MonitorTest do
  use Chinwag.Case, async: true

  alias Chinwag.Server

  defmodule Counter do
    use GenServer

    def init(n), do: {:ok, n}
    def handle_call({"get", _}, _from, n), do: {:reply, n, n}
    def handle_cast({"raise", text}, _n), do: raise(text)
    def handle_cast({"stop", reason}, n), do: {:stop, reason, n}
  end

  setup context do
    {a, b} =
      {Module.concat(__MODULE__, "A#{context.line}"),
       Module.concat(__MODULE__, "B#{context.line}")}

    seed = node!(a, node: "a")
    node!(b, node: "b", seeds: [seed])
    eventually(fn -> length(Chinwag.members(a)) == 2 end)
    {:ok, a: a, b: b}
  end

  defp serve!(mesh, name, from) do
    {:ok, server} = Chinwag.serve(mesh, name, fn "get", _ -> 1 end)
    eventually(fn -> Chinwag.hosts(from, name) != [] end)
    server
  end

  defp counter!(mesh, name, from) do
    {:ok, pid} = GenServer.start(Counter, 0, name: Chinwag.via(mesh, name))
    eventually(fn -> Chinwag.hosts(from, name) != [] end)
    pid
  end

  test "one that is not there is told at once", %{a: a} do
    ref = Chinwag.monitor(a, "counter")
    assert is_reference(ref)
    assert_receive {:DOWN, ^ref, :process, {"counter", nil}, :noproc}
    ref = Chinwag.monitor(a, "counter@b")
    assert_receive {:DOWN, ^ref, :process, {"counter", "b"}, :noproc}
    assert Chinwag.demonitor(ref, [:flush])
    refute_received _
  end

  test "the end of a server is told once, with its reason", %{a: a, b: b} do
    one = serve!(b, "one", a)
    two = serve!(b, "two", a)
    refs = for target <- ["one", "one@b", "two"], do: Chinwag.monitor(a, target)
    own = Chinwag.monitor(b, "one")
    assert length(Enum.uniq(refs)) == 3
    [first, second, third] = refs
    :ok = Server.stop(one, "no disk")

    for ref <- [first, second, own] do
      assert_receive {:DOWN, ^ref, :process, {"one", "b"}, {:stopped, "no disk"}}
    end

    :ok = Server.stop(two)
    assert_receive {:DOWN, ^third, :process, {"two", "b"}, :normal}
    refute_received _
  end

  test "a process that ends says why", %{a: a, b: b} do
    for {op, payload, told} <- [
          {"raise", "no disk", {:stopped, "RuntimeError: no disk"}},
          {"other", nil, {:stopped, "FunctionClauseError: " <> "…"}},
          {"stop", {:bad, :disk}, {:stopped, "{:bad, :disk}"}},
          {"stop", :normal, :normal},
          {"stop", {:shutdown, :done}, :normal}
        ] do
      name = "counter-#{System.unique_integer([:positive])}"
      counter!(b, name, a)
      ref = Chinwag.monitor(a, name)
      :ok = Chinwag.cast(a, name, op, payload, codec: :etf)
      assert_receive {:DOWN, ^ref, :process, {^name, "b"}, reason}

      case told do
        {:stopped, "FunctionClauseError" <> _} ->
          assert {:stopped, "FunctionClauseError: " <> _} = reason

        told ->
          assert reason == told
      end
    end
  end

  test "a monitor that has ended says nothing", %{a: a, b: b} do
    server = serve!(b, "counter", a)
    ref = Chinwag.monitor(a, "counter")
    kept = Chinwag.monitor(a, "counter")
    assert Chinwag.demonitor(ref)
    assert Chinwag.demonitor(ref)
    :ok = Server.stop(server)
    assert_receive {:DOWN, ^kept, :process, {"counter", "b"}, :normal}
    refute_received _

    # One that has come is taken out again.
    late = Chinwag.monitor(a, "nobody")
    eventually(fn -> Process.info(self(), :message_queue_len) == {:message_queue_len, 1} end)
    assert Chinwag.demonitor(late, [:flush])
    refute_received _
    assert_raise ArgumentError, fn -> Chinwag.demonitor(make_ref()) end
  end

  test "there is a bound, and monitors end with their process", %{a: a, b: b} do
    serve!(b, "counter", a)
    test = self()

    follower =
      spawn(fn ->
        refs = for _ <- 1..65_536, do: Chinwag.monitor(a, "counter")
        send(test, {:following, length(refs)})
        Process.sleep(:infinity)
      end)

    assert_receive {:following, 65_536}, 60_000
    ref = Chinwag.monitor(a, "counter")
    assert_receive {:DOWN, ^ref, :process, {"counter", nil}, %Error{code: :overloaded}}
    Process.exit(follower, :kill)

    eventually(fn ->
      ref = Chinwag.monitor(a, "nobody")
      assert_receive {:DOWN, ^ref, :process, {"nobody", _}, reason}
      reason == :noproc
    end)
  end

  test "many come and go, and none is told twice", %{a: a, b: b} do
    server = serve!(b, "counter", a)

    {ended, kept} =
      for(_ <- 1..2_000, do: Chinwag.monitor(a, "counter"))
      |> Enum.split_with(fn _ -> :rand.uniform(2) == 1 end)

    stopping = Task.async(fn -> Server.stop(server, "over") end)
    for ref <- ended, do: true = Chinwag.demonitor(ref, [:flush])
    :ok = Task.await(stopping)

    for ref <- kept,
        do: assert_receive({:DOWN, ^ref, :process, {"counter", "b"}, {:stopped, "over"}})

    refute_received {:DOWN, _, _, _, _}
  end

  test "the end of a member, and of the node itself", %{a: a, b: b} do
    serve!(b, "counter", a)
    other = serve!(a, "other", b)
    ref = Chinwag.monitor(a, "counter")
    :ok = stop_supervised(b)
    assert_receive {:DOWN, ^ref, :process, {"counter", "b"}, :noconnection}, 10_000
    assert Chinwag.member(a, "b").state == :left

    own = Chinwag.monitor(a, "other")
    Process.unlink(other)
    :ok = stop_supervised(a)
    assert_receive {:DOWN, ^own, :process, {"other", _}, reason}, 10_000
    assert reason in [:noconnection, :normal]
    assert_raise Error, fn -> Chinwag.monitor(a, "other") end
    assert Chinwag.demonitor(own)
  end

  test "what is no target is refused", %{a: a} do
    for target <- ["", "a b", "a@", 7, nil] do
      assert_raise Error, fn -> Chinwag.monitor(a, target) end
    end

    refute_received _
  end

  test "a node's process that takes no messages is told as stuck" do
    {a, b} = {__MODULE__.LoopA, __MODULE__.LoopB}
    seed = node!(a, node: "a")
    node!(b, node: "b", seeds: [seed], loop_stuck: 300)
    process = Process.whereis(b)
    eventually(fn -> Chinwag.loop_state(a, "b") == :ok end)
    assert Chinwag.loop_state(a, "nobody") == nil
    :sys.suspend(process)
    eventually(fn -> Chinwag.loop_state(a, "b") == :stuck end)
    :sys.resume(process)
    eventually(fn -> Chinwag.loop_state(a, "b") == :ok end)
  end
end
