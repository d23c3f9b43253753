defmodule Chinwag.StateTest do
  use Chinwag.Case, async: true

  setup context do
    mesh = Module.concat(__MODULE__, "N#{context.line}")
    node!(mesh, [node: "own"] ++ Map.get(context, :options, []))
    {:ok, mesh: mesh}
  end

  defp other!(mesh) do
    other = Module.concat(mesh, Other)
    node!(other, node: "far", seeds: [addr(mesh)])
    eventually(fn -> length(Chinwag.members(mesh)) == 2 end)
    other
  end

  test "keys are put, read and deleted", %{mesh: mesh} do
    other = other!(mesh)
    value = :binary.copy(<<0, 255>>, 30_000)
    assert :ok = Chinwag.put(mesh, "load", ["0", ?., "7"])
    assert :ok = Chinwag.put!(mesh, "long", value)
    assert :ok = Chinwag.put(other, "load", "")
    assert Chinwag.get(mesh, "own", "load") == "0.7"
    eventually(fn -> Chinwag.get(other, "own", "long") == value end)
    eventually(fn -> Chinwag.get(mesh, "far", "load") == "" end)
    assert Chinwag.get(mesh, "far", "long") == nil
    assert Chinwag.get(mesh, "nobody", "load") == nil

    own = %{member: "own", key: "load", value: "0.7"}
    far = %{member: "far", key: "load", value: ""}
    assert Chinwag.entries(mesh, "loa") == [far, own]
    assert Chinwag.entries(mesh) == [far, own, %{own | key: "long", value: value}]

    assert :ok = Chinwag.delete(mesh, "long")
    assert :ok = Chinwag.delete!(mesh, "long")
    assert Chinwag.get(mesh, "own", "long") == nil
    assert :ok = Chinwag.put(mesh, "lock", "held", ttl: 50)
    eventually(fn -> Chinwag.get(mesh, "own", "lock") == nil end)
  end

  test "what cannot be is refused", %{mesh: mesh} do
    for {key, value} <- [{"", "x"}, {7, "x"}, {"k", 7}],
        do: assert({:error, %Error{code: :bad_argument}} = Chinwag.put(mesh, key, value))

    for ttl <- [0, -1],
        do: assert({:error, %Error{code: :bad_argument}} = Chinwag.put(mesh, "k", "x", ttl: ttl))

    long = :binary.copy("x", 70_000)
    assert {:error, %Error{code: :too_large}} = Chinwag.put(mesh, "k", long)
    assert {:error, %Error{code: :too_large}} = Chinwag.put(mesh, :binary.part(long, 0, 255), "")
    assert_raise ArgumentError, fn -> Chinwag.put(mesh, "k", "x", tll: 1) end
    assert_raise Error, fn -> Chinwag.put!(mesh, "", "x") end
    assert_raise Error, fn -> Chinwag.get(mesh, 7, "x") end
    assert_raise Error, fn -> Chinwag.entries(mesh, 7) end
    assert {:error, %Error{code: :bad_argument}} = Chinwag.watch(mesh, 7)
    assert {:error, %Error{code: :bad_argument}} = Chinwag.watch(mesh, "", replay: 7)
    assert Chinwag.entries(mesh) == []

    assert {:error, %Error{code: :closed}} = Chinwag.put(__MODULE__.None, "k", "x")
    assert {:error, %Error{code: :closed}} = Chinwag.watch(__MODULE__.None)
    assert_raise Error, fn -> Chinwag.get(__MODULE__.None, "own", "k") end
  end

  test "a watch tells what is there, and what changes", %{mesh: mesh} do
    :ok = Chinwag.put(mesh, "a1", "x")
    :ok = Chinwag.put(mesh, "b", "y")
    {:ok, watch} = Chinwag.watch(mesh, "a", replay: true)
    {:ok, all} = Chinwag.watch(mesh)
    entry = %{member: "own", key: "a1", value: "x"}
    assert_receive {:chinwag, ^mesh, {:watch, ^watch, first}}
    assert first == {:put, entry}
    assert_receive {:chinwag, ^mesh, {:watch, ^watch, :replay_done}}

    other = other!(mesh)
    :ok = Chinwag.put(other, "a2", "z")
    :ok = Chinwag.delete(mesh, "a1")

    for watch <- [watch, all] do
      assert_receive {:chinwag, ^mesh, {:watch, ^watch, {:put, %{member: "far", value: "z"}}}}
      assert_receive {:chinwag, ^mesh, {:watch, ^watch, {:deleted, "own", "a1"}}}
    end

    assert :ok = Chinwag.unwatch(mesh, watch)
    assert :ok = Chinwag.unwatch(mesh, watch)
    :ok = stop_supervised(other)
    # It has left, and its keys with it.
    assert_receive {:chinwag, ^mesh, {:watch, ^all, {:deleted, "far", "a2"}}}, 10_000
    refute_received {:chinwag, _, _}
  end

  @tag options: [event_buffer: 32]
  test "who does not read is told what was lost, and starts over", %{mesh: mesh} do
    {:ok, watch} = Chinwag.watch(mesh)
    for n <- 1..300, do: :ok = Chinwag.put(mesh, "k#{rem(n, 3)}", "#{n}")
    assert {:message_queue_len, length} = Process.info(self(), :message_queue_len)
    assert length <= 64

    told = collect_until(&match?({_, _, {:watch, ^watch, {:lost, _, _}}}, &1))
    {:chinwag, ^mesh, {:watch, ^watch, {:lost, count, entries}}} = List.last(told)
    # Each was told, or is counted; what followed the loss is yet to come.
    assert length(told) - 1 <= 64 + 32
    assert count + length(told) - 1 <= 300
    assert count >= 300 - 3 * (64 + 32)
    assert Enum.map(entries, & &1.key) == ["k0", "k1", "k2"]

    last = fn message -> match?({_, _, {:watch, _, {:put, %{key: "end"}}}}, message) end
    :ok = Chinwag.put(mesh, "end", "")
    assert last.(List.last(collect_until(last)))
  end

  test "a watch ends with its process and with the node", %{mesh: mesh} do
    test = self()

    pid =
      spawn(fn ->
        {:ok, _} = Chinwag.watch(mesh)
        send(test, :watching)
        Process.sleep(:infinity)
      end)

    assert_receive :watching
    {:ok, _} = Chinwag.watch(mesh)
    {:ok, table} = Chinwag.Node.servers(mesh)
    feed = fn pid -> for({{_, ^pid, _}, _, feed} <- :ets.tab2list(table), do: feed) end
    [one, two] = monitors = for pid <- [pid, test], do: Process.monitor(hd(feed.(pid)))
    Process.exit(pid, :kill)
    assert_receive {:DOWN, ^one, _, _, :normal}
    eventually(fn -> feed.(pid) == [] end)
    assert [_] = feed.(test)
    :ok = Chinwag.close(mesh)
    assert_receive {:DOWN, ^two, _, _, :normal}, 10_000
    assert length(monitors) == 2
  end
end
