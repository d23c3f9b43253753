defmodule Chinwag.WorkersTest do
  use Chinwag.Case, async: true

  setup context do
    folder =
      Path.join(
        System.tmp_dir!(),
        "chinwag-#{System.unique_integer([:positive])}-#{System.pid()}"
      )

    File.mkdir!(folder)
    File.chmod!(folder, 0o700)
    on_exit(fn -> File.rm_rf!(folder) end)
    [a, b, w] = for n <- ["A", "B", "W"], do: Module.concat(__MODULE__, "#{n}#{context.line}")
    path = Path.join(folder, "w.sock")
    seed = node!(a, node: "a", workers: path)
    node!(b, node: "b", seeds: [seed])
    eventually(fn -> length(Chinwag.members(a)) == 2 end)
    {:ok, a: a, b: b, w: w, path: path}
  end

  defp attach!(mesh, path), do: start_supervised!({Chinwag, name: mesh, attach: path}, id: mesh)

  defp answer("double", n, sender), do: [2 * n, sender.node]

  defp answer("count", n, sender) do
    for i <- 1..n//1, do: Chinwag.send_item!(sender, i)
    n
  end

  defp answer("sum", _, sender), do: sender |> Chinwag.items() |> Enum.sum()
  defp answer("never", _, _sender), do: Process.sleep(:infinity)

  test "a worker calls, serves, streams and subscribes through its member", context do
    %{a: a, b: b, w: w, path: path} = context
    attach!(w, path)
    assert for(member <- Chinwag.members(w), do: member.name) == ["a", "b"]
    {:ok, _} = Chinwag.serve(b, "on-b", &answer/3)
    {:ok, _} = Chinwag.serve(w, "on-w", &answer/3)
    eventually(fn -> Chinwag.hosts(w, "on-b") == ["b"] and Chinwag.hosts(b, "on-w") == ["a"] end)

    for {mesh, target, from} <- [{w, "on-b", "a"}, {b, "on-w", "b"}, {a, "on-w", "a"}] do
      assert Chinwag.call(mesh, target, "double", 21) == {:ok, [42, from]}
      counted = Chinwag.stream(mesh, target, "count", 300)
      assert Enum.to_list(counted) == Enum.to_list(1..300)
    end

    :ok = Chinwag.subscribe(w, {:topic, "news"})
    eventually(fn -> Chinwag.subscribers(b, "news") == ["a"] end)
    {:ok, 1} = Chinwag.publish(b, "news", "hello")
    assert_receive {:chinwag, ^w, {:message, "news", "hello", %{sender: "b", missed: 0}}}
    assert Chinwag.stats(a).workers == 1
    assert {:error, %Error{code: :unsupported}} = Chinwag.add_key(w, "MDEyMzQ1Njc4OWFiY2RlZg==")
  end

  test "a worker whose host goes away is told, and finds the next", context do
    %{a: a, b: b, w: w, path: path} = context
    attach!(w, path)
    {:ok, _} = Chinwag.serve(b, "on-b", &answer/3)
    eventually(fn -> Chinwag.hosts(w, "on-b") == ["b"] end)
    :ok = Chinwag.subscribe(w)
    asked = Task.async(fn -> Chinwag.call(w, "on-b", "never", nil, timeout: 30_000) end)
    eventually(fn -> Chinwag.stats(b).calls_served == 1 end)
    :ok = stop_supervised(a)
    assert {:error, %Error{code: :node_down, maybe_executed: true}} = Task.await(asked, 20_000)
    assert_receive {:chinwag, ^w, {:warning, %{code: :member_away, subject: "a"}}}, 10_000
    next = Module.concat(a, Next)
    node!(next, node: "a2", workers: path, seeds: [addr(b)])
    eventually(fn -> Chinwag.local_member(w).name == "a2" end)
  end

  test "callers of a worker that is killed hear it, and SIGTERM takes it off", context do
    %{a: a, b: b, path: path} = context

    code = fn ->
      """
      {:ok, _} = Application.ensure_all_started(:chinwag)
      {:ok, _} = Chinwag.start_link(name: Outside, attach: #{inspect(path)})
      {:ok, _} = Chinwag.serve(Outside, "web", fn
        "pid", _, _ -> System.pid()
        "never", _, _ -> Process.sleep(:infinity)
      end, concurrency: 2)
      IO.puts("pid " <> System.pid())
      Process.sleep(:infinity)
      """
    end

    vm = vm!(code.())
    eventually(fn -> Chinwag.hosts(b, "web") == ["a"] end)
    assert Chinwag.call(b, "web", "pid") == {:ok, vm.os_pid}
    asked = Task.async(fn -> Chinwag.call(b, "web", "never", nil, timeout: 30_000) end)
    eventually(fn -> Chinwag.stats(a).calls_served == 2 end)
    signal(vm, "KILL")
    assert {:error, %Error{code: :node_down, maybe_executed: true}} = Task.await(asked, 20_000)
    eventually(fn -> Chinwag.hosts(b, "web") == [] and Chinwag.stats(a).workers == 0 end)

    vm = vm!(code.())
    eventually(fn -> Chinwag.hosts(b, "web") == ["a"] end)
    assert Chinwag.call(b, "web", "pid") == {:ok, vm.os_pid}
    signal(vm, "TERM")
    eventually(fn -> Chinwag.hosts(b, "web") == [] and Chinwag.stats(a).workers == 0 end)
  end
end
