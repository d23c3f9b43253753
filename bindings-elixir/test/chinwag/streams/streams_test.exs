defmodule Chinwag.StreamsTest do
  # What is left of streams is looked for in the whole VM.
  use Chinwag.Case, async: false

  alias Chinwag.Streams

  setup context do
    [a, b] = for n <- ["A", "B"], do: Module.concat(__MODULE__, "#{n}#{context.line}")
    seed = node!(a, node: "a")
    node!(b, node: "b", seeds: [seed])
    test = self()
    {:ok, server} = Chinwag.serve(b, "s", &answer(test, &1, &2, &3), concurrency: 8)
    eventually(fn -> Chinwag.hosts(a, "s") == ["b"] end)
    {:ok, a: a, b: b, server: server}
  end

  defp answer(_test, "count", n, sender) do
    for i <- 1..n//1, do: Chinwag.send_item!(sender, i)
    n
  end

  defp answer(_test, "sum", _, sender), do: sender |> Chinwag.items() |> Enum.sum()

  defp answer(_test, "mirror", _, sender) do
    sender |> Chinwag.items() |> Enum.map(&Chinwag.send_item!(sender, &1)) |> length()
  end

  defp answer(_test, "break", n, sender) do
    for i <- 1..n, do: Chinwag.send_item!(sender, i)
    raise "broken"
  end

  defp answer(_test, "some", n, sender), do: sender |> Chinwag.items() |> Enum.take(n)
  defp answer(_test, "plain", value, sender), do: [value, Chinwag.Sender.stream?(sender)]

  defp answer(_test, op, _, _sender) when op not in ["endless", "read"], do: Error.unknown_op(op)

  # Sends for as long as it can, and tells why it cannot.
  defp answer(test, "endless", size, sender) do
    send(test, {:sending, self()})
    item = :binary.copy("x", size)
    sent = Enum.find(Stream.iterate(1, &(&1 + 1)), &refused?(sender, item, test, &1))
    send(test, {:refused, sent, Chinwag.send_item(sender, item)})
  end

  defp answer(test, "read", _, sender) do
    sender |> Chinwag.items() |> Enum.each(&send(test, {:read, &1}))
  rescue
    error in Error -> send(test, {:read, error.code})
  end

  defp refused?(sender, item, test, n) do
    send(test, {:sent, n})
    Chinwag.send_item(sender, item) != :ok
  end

  # Of the ends of streams, none is left.
  defp all_over do
    eventually(fn ->
      initial = for pid <- Process.list(), {_, told} <- [Process.info(pid, :dictionary)], do: told
      Enum.all?(initial, &(&1[:"$initial_call"] != {Chinwag.Streaming, :init, 1}))
    end)
  end

  test "items come in both directions, and the answer behind them", %{a: a, b: b} do
    for mesh <- [a, b] do
      assert mesh |> Chinwag.stream("s", "count", 1_000) |> Enum.to_list() ==
               Enum.to_list(1..1_000)

      assert mesh |> Chinwag.stream("s", "count", 0) |> Enum.to_list() == []
      assert Streams.answer(mesh, "s", "sum", nil, body: 1..1_000) == {:ok, 500_500}
      assert Streams.answer(mesh, "s", "sum") == {:ok, 0}
      body = Stream.map(1..300, &%{"n" => &1})
      mirrored = Chinwag.stream(mesh, "s", "mirror", nil, body: body)
      assert Enum.to_list(mirrored) == Enum.to_list(body)
      # A stream is a call each time that it is read.
      assert Enum.count(mirrored) == 300
      assert Streams.answer(mesh, "s", "plain", 7) == {:ok, [7, true]}
      assert Chinwag.call(mesh, "s", "plain", 7) == {:ok, [7, false]}
      assert Chinwag.call(mesh, "s", "sum") == {:ok, 0}
      assert {:error, %Error{code: :bad_argument}} = Chinwag.call(mesh, "s", "count", 1)
    end

    refute_received _
  end

  test "items have the codec of the call", %{a: a} do
    large = :binary.copy(<<0, 255>>, 100_000)

    for {codec, items} <- [raw: [large, "", "x"], etf: [{:a, self()}], json: [nil, %{"k" => 1}]] do
      got = Chinwag.stream(a, "s", "mirror", items |> hd(), body: items, codec: codec)

      if codec == :raw,
        # The answer, a number, is no iodata.
        do: assert_raise(Error, fn -> Enum.to_list(got) end),
        else: assert(Enum.to_list(got) == items)
    end
  end

  test "an error comes behind the items", %{a: a} do
    items = Chinwag.stream(a, "s", "break", 3)
    test = self()
    error = assert_raise Error, fn -> Enum.each(items, &send(test, {:item, &1})) end

    assert %Error{code: :remote_error, remote: %{class: "RuntimeError", message: "broken"}} =
             error

    for n <- 1..3, do: assert_received({:item, ^n})

    for {target, op, code} <- [
          {"s", "other", :unknown_op},
          {"t", "count", :no_server},
          {"a b", "count", :bad_argument}
        ] do
      assert {:error, %Error{code: ^code}} = Streams.answer(a, target, op)
      assert_raise Error, fn -> a |> Chinwag.stream(target, op) |> Enum.to_list() end
    end

    assert {:error, %Error{code: :closed}} = Streams.open(__MODULE__.None, "s", "count", 1)
    assert {:error, %Error{code: :codec}} = Streams.open(a, "s", "count", self())
    refute_received _
  end

  test "what the body raises, its reader raises", %{a: a} do
    body = Stream.map(1..10, fn n -> if n == 5, do: raise(ArgumentError, "five"), else: n end)

    assert_raise ArgumentError, "five", fn ->
      a |> Chinwag.stream("s", "read", nil, body: body) |> Enum.to_list()
    end

    # The call is given up, and its server told.
    assert_receive {:read, :cancelled}

    assert {:error, %Error{code: :codec}} =
             Streams.answer(a, "s", "read", nil, body: [1, self(), 2])

    assert {:error, %Error{code: :too_large}} =
             Streams.answer(a, "s", "read", nil, body: [:binary.copy("x", 2_000_000)])
  end

  test "who reads slowly is not sent more than there is room for", %{a: a} do
    {:ok, stream} = Streams.open(a, "s", "endless", 10_000)
    assert_receive {:sending, _sender}
    assert {:item, item} = Streams.next(stream)
    assert byte_size(item) == 10_000
    # It waits for room, with no more under way than the windows of both sides.
    eventually(fn -> sent() >= 26 end)
    # The window of each direction is 26 of them, and an item; 16 were taken in one go.
    assert sent() <= 26 + 2 + 16
    for _ <- 1..200, do: assert({:item, ^item} = Streams.next(stream))
    assert :ok = Streams.close(stream)
    assert_receive {:refused, _, {:error, %Error{code: :cancelled}}}
    assert {:error, %Error{code: :cancelled}} = Streams.next(stream)
    assert {:error, %Error{code: :cancelled}} = Streams.send_item(stream, 1)
    assert :ok = Streams.close(stream)
  end

  # The last that a server has begun to send.
  defp sent do
    receive do
      {:sent, n} -> Process.put(:sent, n) && sent()
    after
      0 -> Process.get(:sent, 0)
    end
  end

  test "who stops early gives the call up, and so does who ends", %{a: a} do
    assert a |> Chinwag.stream("s", "endless", 10) |> Enum.take(2) ==
             for(_ <- 1..2, do: "xxxxxxxxxx")

    assert_receive {:refused, _, {:error, %Error{code: :cancelled}}}
    assert_receive {:sending, _}

    reader =
      spawn(fn ->
        a |> Chinwag.stream("s", "endless", 10) |> Enum.each(fn _ -> Process.sleep(:infinity) end)
      end)

    assert_receive {:sending, _}
    Process.exit(reader, :kill)
    assert_receive {:refused, _, {:error, %Error{code: :cancelled}}}, 10_000

    # Of a request: the server reads no more, and answers.
    assert Streams.answer(a, "s", "some", 2, body: Stream.iterate(1, &(&1 + 1))) == {:ok, [1, 2]}
    all_over()
  end

  test "a dialogue", %{a: a} do
    {:ok, stream} = Streams.open(a, "s", "mirror")

    for n <- 1..100 do
      assert :ok = Chinwag.send_item(stream, n)
      assert Streams.next(stream) == {:item, n}
    end

    assert {:error, %Error{code: :codec}} = Chinwag.send_item(stream, self())
    assert :ok = Streams.finish(stream)
    # The server may have answered by now.
    assert {:error, %Error{code: code}} = Chinwag.send_item(stream, 1)
    assert code in [:bad_argument, :cancelled]
    assert Streams.next(stream) == {:answer, 100}
    assert {:error, %Error{code: :cancelled}} = Streams.next(stream)
  end

  test "nothing may stand still for longer than the timeout", %{a: a} do
    {:ok, stream} = Streams.open(a, "s", "sum", nil, timeout: 100)
    assert {:error, %Error{code: :timeout}} = Streams.next(stream)
    assert {:error, %Error{}} = Chinwag.send_item(stream, 1)
  end

  defmodule Reader do
    use GenServer

    def init(_), do: {:ok, nil}

    def handle_call({"sum", _}, from, state) do
      sender = Chinwag.sender(from)
      Task.start(fn -> Chinwag.reply(sender, sender |> Chinwag.items() |> Enum.sum()) end)
      {:noreply, state}
    end
  end

  test "a GenServer leaves it to a task", %{a: a, b: b} do
    {:ok, _} = GenServer.start_link(Reader, nil, name: Chinwag.via(b, "reader"))
    eventually(fn -> Chinwag.hosts(a, "reader") == ["b"] end)
    assert Streams.answer(a, "reader", "sum", nil, body: 1..10) == {:ok, 55}
  end

  test "the end of a node ends its streams", %{a: a, b: b, server: server} do
    {:ok, stream} = Streams.open(a, "s", "endless", 10)
    assert {:item, _} = Streams.next(stream)
    {:ok, reading} = Streams.open(a, "s", "read")
    assert :ok = Chinwag.send_item(reading, 1)
    assert_receive {:read, 1}
    Process.unlink(server)
    :ok = Chinwag.close(b)
    assert {:error, %Error{}} = drain(stream)
    assert {:error, %Error{}} = drain(reading)
    assert_receive {:refused, _, {:error, %Error{}}}, 10_000
    assert_receive {:read, code} when is_atom(code), 10_000

    {:ok, own} =
      Chinwag.serve(a, "own", fn "wait", _, sender -> Enum.to_list(Chinwag.items(sender)) end)

    {:ok, waiting} = Streams.open(a, "own", "wait")
    Process.unlink(own)
    reader = Task.async(fn -> Streams.next(waiting) end)
    :ok = Chinwag.close(a)
    assert {:error, %Error{}} = Task.await(reader)
    all_over()
  end

  defp drain(stream) do
    with {:item, _} <- Streams.next(stream), do: drain(stream)
  end
end
