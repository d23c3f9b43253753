defmodule Chinwag.NodeTest do
  use Chinwag.Case, async: true

  alias Chinwag.Native

  # The address can be bound again, by UDP and TCP alike.
  defp free?(addr) do
    {ip, port} = Member.sockaddr(%Member{name: "", addr: addr, state: :alive})

    with {:ok, udp} <- :gen_udp.open(port, ip: ip),
         :ok <- :gen_udp.close(udp),
         {:ok, tcp} <- :gen_tcp.listen(port, ip: ip, reuseaddr: true) do
      :gen_tcp.close(tcp) == :ok
    else
      _ -> false
    end
  end

  test "a supervisor's shutdown leaves" do
    seed = node!(__MODULE__.A)
    node!(__MODULE__.B, seeds: [seed], bind: address())
    :ok = Chinwag.subscribe(__MODULE__.A, :members, replay: true)
    assert_receive {:chinwag, _, {:member_join, %Member{name: "b", addr: addr}}}
    :ok = stop_supervised(__MODULE__.B)
    assert_receive {:chinwag, _, {:member_leave, %Member{name: "b"}}}
    refute_received {:chinwag, _, {:member_failed, _}}
    assert free?(addr)
  end

  test "a parent that crashes takes its node down gracefully" do
    seed = node!(__MODULE__.Watcher)
    :ok = Chinwag.subscribe(__MODULE__.Watcher)
    options = options(__MODULE__.Crashing, seeds: [seed], bind: address())

    {pid, monitor} =
      spawn_monitor(fn ->
        {:ok, _} = Chinwag.start_link(options)
        receive(do: (:crash -> raise("on purpose")))
      end)

    assert_receive {:chinwag, _, {:member_join, %Member{name: "crashing", addr: addr}}}
    send(pid, :crash)
    assert_receive {:DOWN, ^monitor, :process, ^pid, {%RuntimeError{}, _}}
    assert_receive {:chinwag, _, {:member_leave, %Member{name: "crashing"}}}
    eventually(fn -> free?(addr) end)
  end

  test "a killed owner closes its node, and the supervisor restarts it at the same address" do
    seed = node!(__MODULE__.Peer)
    addr = node!(__MODULE__.Killed, seeds: [seed], bind: address())
    eventually(fn -> length(Chinwag.members(__MODULE__.Peer)) == 2 end)

    for _ <- 1..3 do
      owner = Process.whereis(__MODULE__.Killed)
      Process.exit(owner, :kill)

      eventually(fn ->
        Process.whereis(__MODULE__.Killed) not in [nil, owner] and
          match?({:ok, _}, Chinwag.Node.fetch(__MODULE__.Killed))
      end)

      assert addr(__MODULE__.Killed) == addr
      eventually(fn -> match?(%{state: :alive}, Chinwag.member(__MODULE__.Peer, "killed")) end)
      eventually(fn -> length(Chinwag.members(__MODULE__.Killed)) == 2 end)
    end
  end

  test "a snapshot brings a node back without a seed, after a close and after a kill" do
    folder = Path.join(System.tmp_dir!(), "chinwag-node-#{System.unique_integer([:positive])}")
    File.mkdir_p!(folder)
    on_exit(fn -> File.rm_rf!(folder) end)
    snapshot = Path.join(folder, "snapshot")
    [peer, back] = for name <- [Peer, Back], do: Module.concat([__MODULE__, Snapshot, name])
    seed = node!(peer)
    options = options(back, snapshot: snapshot, bind: address())
    {:ok, _} = Chinwag.start_link(options ++ [seeds: [seed]])
    eventually(fn -> File.exists?(snapshot) and File.read!(snapshot) =~ " peer\n" end)
    :ok = Chinwag.close(back)

    start_supervised!({Chinwag, options})
    eventually(fn -> length(Chinwag.members(back)) == 2 end)
    apart = Keyword.merge(options, name: Module.concat(back, Apart), bind: "127.0.0.1:0")
    Process.flag(:trap_exit, true)
    assert {:error, %Error{code: :bad_config} = error} = Chinwag.start_link(apart)
    assert error.message =~ "in use"

    # The one that follows wants the same file while the other one may still be closing.
    for _ <- 1..5 do
      owner = Process.whereis(back)
      Process.exit(owner, :kill)
      eventually(fn -> Process.whereis(back) not in [nil, owner] end)
      eventually(fn -> match?({:ok, _}, Chinwag.Node.fetch(back)) end)
      eventually(fn -> length(Chinwag.members(back)) == 2 end)
    end

    eventually(fn -> match?(%{state: :alive}, Chinwag.member(peer, "back")) end)
  end

  test "a killed owner that nobody restarts is a failure to the others" do
    seed = node!(__MODULE__.Survivor)
    :ok = Chinwag.subscribe(__MODULE__.Survivor)
    Process.flag(:trap_exit, true)
    addr = address()
    options = options(__MODULE__.Victim, seeds: [seed], bind: addr)
    {:ok, owner} = Chinwag.start_link(options)
    assert_receive {:chinwag, _, {:member_join, %Member{name: "victim"}}}
    Process.exit(owner, :kill)
    assert_receive {:chinwag, _, {:member_suspect, %Member{name: "victim"}}}, 10_000
    assert_receive {:chinwag, _, {:member_failed, %Member{name: "victim"}}}, 10_000
    assert free?(addr)
    assert_raise Error, fn -> Chinwag.members(__MODULE__.Victim) end
  end

  test "a node that nothing refers to is closed by garbage collection" do
    {test, addr} = {self(), address()}

    pid =
      spawn_link(fn ->
        {:ok, native} = Native.start([{"bind", addr}])
        send(test, {:addr, Native.local(native).addr})
        receive(do: (:collect -> :ok))
        :erlang.garbage_collect()
        receive(do: (:end -> :ok))
      end)

    assert_receive {:addr, ^addr}
    refute free?(addr)
    send(pid, :collect)
    eventually(fn -> free?(addr) end)
    assert Process.alive?(pid)
  end

  test "the native node refuses what follows its close" do
    {:ok, native} = Native.start([{"bind", address()}])
    local = Native.local(native)
    assert :ok = Native.shut(native)
    assert :ok = Native.shut(native)
    assert {[], :ended} = Native.events(native)
    assert free?(local.addr)

    for operation <- [:ready, {:join, ["127.0.0.1:1"]}, {:update_tags, %{"a" => "b"}}] do
      assert {:error, %Error{code: :closed}} = Native.run(native, operation, 5_000)
    end

    assert Native.local(native).name == local.name
    assert [_] = Native.all(native, :members)
    assert {:error, %Error{code: :bad_argument}} = Native.run(native, {:dance, 1}, 5_000)
    assert_raise ArgumentError, fn -> Native.local(make_ref()) end
  end

  test "close is idempotent, and the name is free afterwards" do
    for _ <- 1..5 do
      {:ok, _} = Chinwag.start_link(options(__MODULE__.Closing))
      assert :ok = Chinwag.close(__MODULE__.Closing)
      assert :ok = Chinwag.close(__MODULE__.Closing)
    end
  end

  test "starting and stopping leaves no thread behind" do
    threads = fn -> length(File.ls!("/proc/self/task")) end

    cycle = fn ->
      {:ok, _} = Chinwag.start_link(options(__MODULE__.Threads))
      :ok = Chinwag.close(__MODULE__.Threads)
    end

    cycle.()

    before = threads.()
    for _ <- 1..20, do: cycle.()
    # Other tests have nodes of their own; twenty leaked ones would show.
    assert threads.() < before + 20
  end
end
