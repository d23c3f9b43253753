defmodule Chinwag.ShutdownTest do
  # How a member's VM ends, and what a peer in this VM sees of it.
  use Chinwag.Case, async: true

  setup do
    seed = node!(__MODULE__.Peer)
    :ok = Chinwag.subscribe(__MODULE__.Peer)
    {:ok, seed: seed}
  end

  # Nothing on stdout or stderr but what the code prints itself.
  defp outside!(code, options \\ []) do
    vm = vm!(code, options)
    assert_receive {:chinwag, _, {:member_join, %Member{name: "outside"}}}, 10_000
    vm
  end

  defp assert_left do
    assert_receive {:chinwag, _, {:member_leave, %Member{name: "outside", state: :left}}}, 10_000
    refute_received {:chinwag, _, {:member_failed, _}}
  end

  defp assert_failed do
    assert_receive {:chinwag, _, {:member_failed, %Member{name: "outside"}}}, 20_000
    refute_received {:chinwag, _, {:member_leave, _}}
  end

  # The script's process was the node's parent, but the VM does not wait for the farewell.
  defp assert_left_or_failed do
    assert_receive {:chinwag, _, {type, %Member{name: "outside"}}}
                   when type in [:member_leave, :member_failed],
                   20_000
  end

  # The VM itself logs that it got the signal.
  defp assert_stopped(vm) do
    {status, output} = ended(vm)
    assert status == 0
    assert Regex.replace(~r/^.*SIGTERM received - shutting down$/m, output, "") =~ ~r/^\s*$/
  end

  test "SIGTERM leaves from a script, with handle_signals", %{seed: seed} do
    code = member_code(seed, handle_signals: true) <> "Process.sleep(:infinity)"
    vm = outside!(code)
    :ok = signal(vm, "TERM")
    assert_left()
    assert_stopped(vm)
  end

  test "SIGTERM leaves from an application, whose supervisors the VM shuts down", %{seed: seed} do
    options = options(Outside, node: "outside", seeds: [seed])

    code = """
    defmodule OutsideApp do
      use Application
      def start(_, _) do
        Supervisor.start_link([{Chinwag, #{inspect(options)}}], strategy: :one_for_one)
      end
    end

    keys = [mod: {OutsideApp, []}, applications: [:kernel, :stdlib, :elixir, :chinwag], vsn: ~c"1"]
    :ok = :application.load({:application, :outside, keys})
    {:ok, _} = Application.ensure_all_started(:outside, :permanent)
    IO.puts("pid " <> System.pid())
    Process.sleep(:infinity)
    """

    vm = outside!(code)
    :ok = signal(vm, "TERM")
    assert_left()
    assert_stopped(vm)
  end

  # All that a node may have open, some of which nobody reads.
  @open """
  endless = fn "endless", _, sender ->
    Enum.each(Stream.iterate(1, &(&1 + 1)), &Chinwag.send_item!(sender, &1))
  end

  {:ok, _} = Chinwag.serve(Outside, "s", endless, concurrency: 8)
  :ok = Chinwag.subscribe(Outside, {:topic, "t"})
  for n <- 1..200, do: {:ok, _} = Chinwag.publish(Outside, "t", n)
  {:ok, _} = Chinwag.watch(Outside, "", replay: true)
  {:ok, _} = Chinwag.Map.watch(Chinwag.map(Outside, "m"), "", replay: true)
  :ok = Chinwag.put(Outside, "k", "v")
  _ = Chinwag.monitor(Outside, "s")
  {:ok, _} = Chinwag.Streams.open(Outside, "s", "endless")
  {:ok, reading} = Chinwag.Streams.open(Outside, "s", "endless")
  {:item, 1} = Chinwag.Streams.next(reading)
  Task.start(fn -> Chinwag.stream(Outside, "s", "endless") |> Enum.each(fn _ -> :ok end) end)
  """

  test "nothing that is open holds up an end, or breaks it", %{seed: seed} do
    for {last, signal, status} <- [
          {"Process.sleep(:infinity)", "TERM", 0},
          {":ok = Chinwag.close(Outside)", nil, 0},
          {"System.halt(3)", nil, 3},
          {"System.stop(4); Process.sleep(:infinity)", nil, 4},
          {":ok", nil, 0}
        ] do
      options = [handle_signals: true, arguments: ["--erl", "-kernel logger_level none"]]
      {arguments, options} = Keyword.split(options, [:arguments])
      vm = vm!(member_code(seed, options) <> @open <> "IO.puts(:open)\n" <> last, arguments)
      if signal, do: signal_when_open(vm, signal)
      assert {^status, output} = ended(vm)
      # The server is linked to the script, which ends with it where it is closed.
      assert output =~ ~r/^\s*(open)?\s*$/ or last =~ "close"
    end
  end

  defp signal_when_open(%{port: port} = vm, signal) do
    # What streams without end leaves the rest of it little of a busy machine.
    assert_receive {^port, {:data, _}}, 60_000
    signal(vm, signal)
  end

  # The VM ends the script's process first, and the node says goodbye if it is given the time.
  test "SIGTERM without either is a failure to the others, or a leave", %{seed: seed} do
    vm = outside!(member_code(seed) <> "Process.sleep(:infinity)")
    :ok = signal(vm, "TERM")
    assert_left_or_failed()
    assert_stopped(vm)
  end

  test "SIGINT belongs to the VM: it ends at once, and the others see a failure", %{seed: seed} do
    code = member_code(seed, handle_signals: true) <> "Process.sleep(:infinity)"
    vm = outside!(code, arguments: ["--erl", "+Bd"])
    :ok = signal(vm, "INT")
    assert {130, ""} = ended(vm)
    assert_failed()
  end

  test "kill -9 is a failure to the others", %{seed: seed} do
    vm = outside!(member_code(seed) <> "Process.sleep(:infinity)")
    :ok = signal(vm, "KILL")
    assert {137, ""} = ended(vm)
    assert_failed()
  end

  test "the end of the script, without close", %{seed: seed} do
    vm = outside!(member_code(seed) <> "receive do :never -> :ok after 500 -> :ok end")
    assert {0, ""} = ended(vm)
    assert_left_or_failed()
  end

  test "halt, in the middle of everything", %{seed: seed} do
    code = """
    #{member_code(seed)}
    for _ <- 1..20, do: spawn(fn -> Chinwag.join(Outside, ["127.0.0.1:1", "192.0.2.1:1"]) end)
    :ok = Chinwag.subscribe(Outside, :members, replay: true)
    System.halt(7)
    """

    vm = outside!(code)
    assert {7, ""} = ended(vm)
    assert_failed()
  end

  test "an exception in the script", %{seed: seed} do
    vm = outside!(member_code(seed) <> ~s(raise "on purpose"))
    {status, output} = ended(vm)
    assert status == 1
    assert output =~ "on purpose"
    refute output =~ "panicked"
    assert_left_or_failed()
  end

  test "a panic in the library is an exception, and no more than that", %{seed: seed} do
    code = """
    #{member_code(seed)}
    for call <- [&Chinwag.Native.panic/1, &Chinwag.Native.panic_direct/1] do
      try do
        call.("on purpose")
      rescue
        error in ErlangError -> IO.puts("raised " <> inspect(error.original))
      end
    end

    IO.puts("alive " <> inspect(Chinwag.local_member(Outside).state))
    """

    vm = outside!(code)
    {0, output} = ended(vm)
    assert [_, _, _] = String.split(output, "raised :nif_panicked")
    assert output =~ "alive :alive"
    assert_left_or_failed()
  end

  test "stop leaves under a supervisor of the script's own", %{seed: seed} do
    options = options(Outside, node: "outside", seeds: [seed])

    code = """
    {:ok, _} = Application.ensure_all_started(:chinwag)
    {:ok, pid} = Supervisor.start_link([{Chinwag, #{inspect(options)}}], strategy: :one_for_one)
    IO.puts("pid " <> System.pid())
    :ok = Supervisor.stop(pid)
    """

    vm = vm!(code)
    assert_receive {:chinwag, _, {:member_join, %Member{name: "outside"}}}, 10_000
    assert_left()
    assert {0, ""} = ended(vm)
  end

  test "purging and loading the native module again, with nodes that are still closing" do
    code = """
    {:ok, _} = Application.ensure_all_started(:chinwag)
    IO.puts("pid " <> System.pid())

    for _ <- 1..20 do
      test = self()
      pid = spawn(fn ->
        {:ok, native} = Chinwag.Native.start([{"bind", "127.0.0.1:0"}])
        send(test, Chinwag.Native.local(native).state)
      end)
      receive do :alive -> :ok end
      monitor = Process.monitor(pid)
      receive do {:DOWN, ^monitor, _, _, _} -> :ok end
      true = :code.delete(Chinwag.Native)
      :code.purge(Chinwag.Native)
      {:module, _} = :code.load_file(Chinwag.Native)
    end

    IO.puts("done")
    """

    assert {0, "done\n"} = code |> vm!() |> ended()
  end
end
