defmodule Chinwag.ElsewhereTest do
  # Servers in a VM of their own.
  use Chinwag.Case, async: true

  @servers """
  test = fn
    "halt", status -> System.halt(status)
    "stop", status -> System.stop(status)
    "wait", _ -> Process.sleep(:infinity)
    "atom", _ -> :an_atom_that_only_this_vm_has
    "known", _ -> {:ok, :error}
  end

  {:ok, _} = Chinwag.serve(Outside, "test", test, concurrency: 100)

  Stream.repeatedly(fn -> Process.sleep(5) end)
  |> Enum.find(fn _ -> Chinwag.hosts(Outside, "deaf") != [] end)

  for _ <- 1..20 do
    spawn(fn -> Chinwag.call(Outside, "test", "wait", nil, timeout: :infinity) end)
    spawn(fn -> for _ <- Stream.cycle([1]), do: Chinwag.call(Outside, "flood", "echo", "x") end)
    spawn(fn -> GenServer.call(Chinwag.via(Outside, "deaf"), {"wait", 1}, :infinity) end)
  end

  Process.sleep(:infinity)
  """

  defp outside!(mesh) do
    seed = node!(mesh)
    test = self()
    {:ok, _} = Chinwag.serve(mesh, "flood", fn "echo", value -> value end, concurrency: 4)

    {:ok, _} =
      Chinwag.serve(mesh, "deaf", fn "wait", _, s -> send(test, s) && :noreply end, mailbox: 100)

    vm = vm!(member_code(seed) <> @servers)
    eventually(fn -> Chinwag.hosts(mesh, "test") == ["outside"] end)
    vm
  end

  test "terms of another VM bring no new atoms" do
    mesh = __MODULE__.A
    outside!(mesh)

    assert {:ok, {:ok, :error}} = Chinwag.call(mesh, "test", "known", nil, codec: :etf)
    assert {:ok, ["ok", "error"]} = Chinwag.call(mesh, "test", "known")
    # As text it may come.
    assert {:ok, "an_atom_" <> _} = Chinwag.call(mesh, "test", "atom")
    assert {:error, %Error{code: :codec}} = Chinwag.call(mesh, "test", "atom", nil, codec: :etf)
  end

  for {op, status} <- [halt: 7, stop: 0] do
    test "#{op} ends a VM in the middle of its messages, and whoever waits for it is told" do
      {op, status} = {unquote(to_string(op)), unquote(status)}
      mesh = Module.concat(__MODULE__, String.capitalize(op))
      vm = outside!(mesh)

      for _ <- 1..20, do: assert_receive(%Chinwag.Sender{node: "outside"} = _sender, 10_000)

      calls =
        for _ <- 1..10 do
          Task.async(fn -> Chinwag.call(mesh, "test", "wait", nil, timeout: :infinity) end)
        end

      eventually(fn -> Chinwag.stats(mesh).calls_made == 10 end)
      assert :ok = Chinwag.cast(mesh, "test", op, status)
      assert {^status, output} = ended(vm)
      refute output =~ "panicked"

      for outcome <- Task.await_many(calls, 20_000) do
        assert {:error, %Error{maybe_executed: true}} = outcome
      end

      eventually(fn -> Chinwag.hosts(mesh, "test") == [] end, 20_000)
    end
  end
end
