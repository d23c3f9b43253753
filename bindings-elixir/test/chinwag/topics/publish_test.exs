defmodule Chinwag.PublishTest do
  use Chinwag.Case, async: true

  setup context do
    mesh = Module.concat(__MODULE__, "N#{context.line}")
    node!(mesh, Map.get(context, :options, []))
    {:ok, mesh: mesh}
  end

  # A process that subscribes, and tells what it gets as `{name, message}`.
  defp subscriber!(mesh, name, topic, options) do
    test = self()

    pid =
      spawn_link(fn ->
        :ok = Chinwag.subscribe(mesh, {:topic, topic}, options)
        send(test, {name, :ready})
        forward(test, name)
      end)

    assert_receive {^name, :ready}
    pid
  end

  defp forward(test, name) do
    receive do
      {:chinwag, _mesh, message} -> send(test, {name, message})
    end

    forward(test, name)
  end

  defp values(name, values \\ []) do
    receive do
      {^name, {:message, _topic, :last, _meta}} -> Enum.reverse(values)
      {^name, {:message, _topic, value, _meta}} -> values(name, [value | values])
    after
      10_000 -> flunk("the last one never came, after #{inspect(values)}")
    end
  end

  test "what is published comes on all members, with who published it", %{mesh: mesh} do
    other = Module.concat(mesh, Other)
    node!(other, node: "far", seeds: [addr(mesh)])
    :ok = Chinwag.subscribe(mesh, {:topic, "orders"})
    subscriber!(other, :far, "orders", [])
    eventually(fn -> Chinwag.subscribers(other, "orders") == ["far", name(mesh)] end)
    eventually(fn -> Chinwag.topics(mesh) == %{"orders" => 2} end)

    headers = %{"traceparent" => "00-1"}
    assert {:ok, 2} = Chinwag.publish(other, "orders", %{id: 7}, headers: headers)
    meta = %{sender: "far", headers: headers, queue: nil, missed: 0}
    assert_receive {:chinwag, ^mesh, {:message, "orders", %{"id" => 7}, ^meta}}
    assert_receive {:far, {:message, "orders", %{"id" => 7}, ^meta}}

    large = :binary.copy(<<0, 255>>, 100_000)

    for {codec, value} <- [raw: large, raw: "", etf: {:a, self()}, json: [1, nil], msgpack: 1.5] do
      assert 2 = Chinwag.publish!(mesh, "orders", value, codec: codec, latest: false)
      assert_receive {:chinwag, ^mesh, {:message, "orders", ^value, %{sender: sender}}}
      assert sender == name(mesh)
      assert_receive {:far, {:message, "orders", ^value, %{sender: ^sender}}}
    end
  end

  defp name(mesh), do: Chinwag.local_member(mesh).name

  test "who does not read misses the oldest, and hears how many", %{mesh: mesh} do
    :ok = Chinwag.subscribe(mesh, {:topic, "load"}, buffer: 10)
    for n <- 1..300, do: {:ok, 1} = Chinwag.publish(mesh, "load", n)
    # All are told, or missed.
    %{publications_missed: missed} = Chinwag.stats(mesh)
    assert missed >= 300 - 64 - 10
    assert {:message_queue_len, length} = Process.info(self(), :message_queue_len)
    assert length <= 64

    heard = heard(300, [])
    assert length(heard) == 300 - missed
    assert heard |> Enum.map(&elem(&1, 1)) |> Enum.sum() == missed
    # Each after what it says was missed before it.
    assert Enum.reduce(heard, 0, fn {n, before}, last -> n == last + before + 1 && n end) == 300
  end

  defp heard(last, told) do
    receive do
      {:chinwag, _mesh, {:message, "load", ^last, meta}} ->
        Enum.reverse([{last, meta.missed} | told])

      {:chinwag, _mesh, {:message, "load", n, meta}} ->
        heard(last, [{n, meta.missed} | told])
    after
      10_000 -> flunk("the last one never came")
    end
  end

  test "a queue shares what is published", %{mesh: mesh} do
    one = subscriber!(mesh, :one, "jobs", queue: "workers")
    two = subscriber!(mesh, :two, "jobs", queue: "workers")
    subscriber!(mesh, :all, "jobs", [])
    for n <- 1..100, do: {:ok, 1} = Chinwag.publish(mesh, "jobs", n)
    {:ok, 1} = Chinwag.publish(mesh, "jobs", :last, codec: :etf)
    assert values(:all) == Enum.to_list(1..100)

    shared =
      for _ <- 1..101 do
        assert_receive {name, {:message, "jobs", value, %{queue: "workers"}}}
                       when name in [:one, :two]

        value
      end

    assert Enum.sort(shared) == Enum.to_list(1..100) ++ [:last]

    # Of who is gone, nothing is expected any more.
    for pid <- [one, two], do: Process.unlink(pid) && Process.exit(pid, :kill)
    :ok = Chinwag.subscribe(mesh, {:topic, "jobs"}, queue: "workers")
    {:ok, 1} = Chinwag.publish(mesh, "jobs", 101)
    assert_receive {:chinwag, ^mesh, {:message, "jobs", 101, %{queue: "workers"}}}, 10_000
  end

  test "a subscription ends when it is told to, and with its process", %{mesh: mesh} do
    :ok = Chinwag.subscribe(mesh, {:topic, "t"})
    :ok = Chinwag.subscribe(mesh, {:topic, "t"}, queue: "q")
    # Anew: nothing comes twice.
    :ok = Chinwag.subscribe(mesh, {:topic, "t"})
    {:ok, 1} = Chinwag.publish(mesh, "t", 1)
    assert_receive {:chinwag, ^mesh, {:message, "t", 1, %{queue: nil}}}
    assert_receive {:chinwag, ^mesh, {:message, "t", 1, %{queue: "q"}}}

    assert :ok = Chinwag.unsubscribe(mesh, {:topic, "t"})
    assert :ok = Chinwag.unsubscribe(mesh, {:topic, "t"})
    {:ok, 1} = Chinwag.publish(mesh, "t", 2)
    assert_receive {:chinwag, ^mesh, {:message, "t", 2, %{queue: "q"}}}
    assert :ok = Chinwag.unsubscribe(mesh, {:topic, "t"}, queue: "q")
    assert Chinwag.subscribers(mesh, "t") == []
    {:ok, 0} = Chinwag.publish(mesh, "t", 3)
    refute_received {:chinwag, _, _}

    pid = subscriber!(mesh, :gone, "t", [])
    assert Chinwag.subscribers(mesh, "t") == [name(mesh)]
    Process.unlink(pid)
    Process.exit(pid, :kill)
    eventually(fn -> Chinwag.subscribers(mesh, "t") == [] end)
  end

  test "it ends with the node, whether its process reads or not", %{mesh: mesh} do
    :ok = Chinwag.subscribe(mesh, {:topic, "t"})
    for n <- 1..200, do: {:ok, 1} = Chinwag.publish(mesh, "t", n)
    {:ok, table} = Chinwag.Node.servers(mesh)
    [feed] = for {{Chinwag.Topics, _, _}, _, feed} <- :ets.tab2list(table), do: feed
    monitor = Process.monitor(feed)
    :ok = stop_supervised(mesh)
    assert {:error, %Error{code: :closed}} = Chinwag.subscribe(mesh, {:topic, "t"})
    assert {:error, %Error{code: :closed}} = Chinwag.publish(mesh, "t", 1)
    assert :ok = Chinwag.unsubscribe(mesh, {:topic, "t"})
    told = collect_until(&match?({:DOWN, ^monitor, :process, ^feed, :normal}, &1))
    # What had come is still told.
    assert length(told) == 201
  end

  test "what cannot be is refused", %{mesh: mesh} do
    for {topic, options} <- [
          {"a b", []},
          {"", []},
          {7, []},
          {"t", [queue: "a b"]},
          {"t", [queue: 7]},
          {"t", [buffer: :many]}
        ] do
      assert {:error, %Error{code: :bad_argument}} =
               Chinwag.subscribe(mesh, {:topic, topic}, options)
    end

    assert_raise ArgumentError, fn -> Chinwag.subscribe(mesh, {:topic, "t"}, queues: "q") end
    assert {:error, %Error{code: :bad_argument}} = Chinwag.publish(mesh, "a b", 1)
    assert {:error, %Error{code: :bad_argument}} = Chinwag.publish(mesh, "t", 1, headers: 7)
    assert {:error, %Error{code: :bad_argument}} = Chinwag.publish(mesh, "t", 1, latest: 7)
    assert {:error, %Error{code: :codec}} = Chinwag.publish(mesh, "t", self())
    large = :binary.copy("x", 2_000_000)
    assert {:error, %Error{code: :too_large}} = Chinwag.publish(mesh, "t", large)
    assert_raise Error, fn -> Chinwag.publish!(mesh, "a b", 1) end
    assert Chinwag.topics(mesh) == %{}
  end

  test "a payload that cannot be read comes as an error", %{mesh: mesh} do
    :ok = Chinwag.subscribe(mesh, {:topic, "t"})
    {:ok, 1} = Chinwag.publish(mesh, "t", fn -> 1 end, codec: :etf)
    assert_receive {:chinwag, ^mesh, {:message, "t", %Error{code: :codec}, %{missed: 0}}}
  end
end
