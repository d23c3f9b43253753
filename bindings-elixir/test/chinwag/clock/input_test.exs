defmodule Chinwag.ClockInputTest do
  # What is wrong is a typed error, and leaves the VM as it was.
  use ExUnit.Case, async: true

  alias Chinwag.{ActorTable, Error, Siblings, VectorClock}

  @names [nil, 5, 1.5, "", <<255>>, <<1::3>>, ~c"a", ["a"], %{}, {"a"}, self()]
  @numbers [-1, 1.5, nil, "1", :a, 2 ** 64, 2 ** 80, [], %{}]

  defp refused(made, code \\ :bad_argument) do
    assert {:error, %Error{code: ^code, retryable: false, message: message}} = made
    assert byte_size(message) < 300
  end

  defp raised(code \\ :bad_argument, call) do
    error = assert_raise Error, call
    assert error.code == code
    assert byte_size(error.message) < 300
  end

  test "actors that are none" do
    clock = VectorClock.new(%{"a" => 1})
    long = String.duplicate("x", 1_025)

    for name <- @names ++ [long, String.duplicate("x", 1_000_000)] do
      raised(fn -> VectorClock.increment(clock, name) end)
      raised(fn -> VectorClock.increment(clock, name, at: 5) end)
      raised(fn -> VectorClock.insert(clock, name) end)
      raised(fn -> VectorClock.update(clock, name, 5) end)
      raised(fn -> VectorClock.new([{name, 5}]) end)
      raised(fn -> VectorClock.actor(name, 5) end)
      refused(ActorTable.new(["a", name]))
      refused(Siblings.put(Siblings.new(), name, nil, "v"))
    end

    # One that only is too long or empty has no entry.
    for name <- @names -- [""] do
      raised(fn -> VectorClock.count(clock, name) end)
      raised(fn -> VectorClock.get(clock, name) end)
      raised(fn -> VectorClock.remove(clock, name) end)
      raised(fn -> VectorClock.dot(clock, name) end)
      raised(fn -> VectorClock.split_actor(name) end)
    end

    assert {VectorClock.count(clock, long), VectorClock.count(clock, "")} == {0, 0}
    assert VectorClock.size(VectorClock.increment(clock, String.duplicate("x", 1_024))) == 2
  end

  test "numbers that are none" do
    clock = VectorClock.new(%{"a" => 1})

    for number <- @numbers do
      raised(fn -> VectorClock.update(clock, "a", number) end)
      raised(fn -> VectorClock.new(%{"a" => number}) end)
      raised(fn -> VectorClock.actor("a", number) end)
      raised(fn -> VectorClock.trim(clock, number) end)

      if number != nil do
        raised(fn -> VectorClock.increment(clock, "a", at: number) end)

        for bound <- [:lower, :upper, :young_us, :old_us],
            do: raised(fn -> VectorClock.trim(clock, 5, [{bound, number}]) end)
      end
    end

    for dot <- ["a", {"a"}, {"a", -1}, {"a", nil}, nil],
        do: raised(fn -> VectorClock.descends_dot?(clock, dot) end)
  end

  test "options that are none" do
    clock = VectorClock.new()

    for options <- [[an: 5], :at, nil, ["at"], %{at: 5}, [{:at, 5} | :x]] do
      raised(fn -> VectorClock.increment(clock, "a", options) end)
      raised(fn -> VectorClock.trim(clock, 5, options) end)
      raised(fn -> Siblings.new(options) end)
    end
  end

  test "what clocks are not made of" do
    for pairs <- [nil, "a", 5, :a, ["a"], [{"a", 1, 2}], [{"a", 1} | :b], fn -> 1 end] do
      raised(fn -> VectorClock.new(pairs) end)
    end

    raised(fn -> Enum.into([{"a", 1}, "b"], VectorClock.new()) end)
    for names <- [nil, "a", 5, ["a" | "b"]], do: refused(ActorTable.new(names))
  end

  test "bytes that are none" do
    clock = VectorClock.new(%{"a" => 1, "ab" => 300}) |> VectorClock.insert("c", at: 5)
    record = Siblings.new() |> Siblings.put!("s", nil, "x") |> Siblings.put!("t", nil, "yz")
    table = ActorTable.new!(["a", "ab", "c"])
    dense = VectorClock.to_dense!(clock, table)

    for {read, bytes} <- [
          {&VectorClock.from_bytes/1, VectorClock.to_bytes(clock)},
          {&Siblings.from_bytes/1, Siblings.to_bytes(record)},
          {&VectorClock.from_dense(table, &1), dense}
        ] do
      assert {:ok, _} = read.(bytes)
      for size <- 0..(byte_size(bytes) - 1), do: refused(read.(binary_part(bytes, 0, size)))
      refused(read.(bytes <> <<0>>))
      for wrong <- [nil, 5, :a, ["a"], <<1::3>>, %{}], do: refused(read.(wrong))
    end

    # Announces more than there is.
    huge = <<255, 255, 255, 255, 255, 255, 255, 255, 255, 1>>

    for head <- [0x11, 0x21],
        do: refused(VectorClock.from_bytes(<<head>> <> huge <> <<1, "a", 1>>))

    refused(Siblings.from_bytes(<<0x41>> <> huge))
    refused(Siblings.from_bytes(<<0x41, 1, 1, "a", 1>> <> huge))
    refused(VectorClock.from_dense(ActorTable.new!(["b"]), dense))
    refused(VectorClock.to_dense(VectorClock.new(%{"z" => 1}), table))
  end

  test "spoilt bytes are refused or another value" do
    clock = VectorClock.new(%{"web-1" => 1, "web-2" => 300, "é" => 2})
    record = Siblings.new() |> Siblings.put!("s", nil, "x") |> Siblings.put!("t", nil, "yz")
    :rand.seed(:exsss, {1, 2, 3})

    for bytes <- [VectorClock.to_bytes(clock), Siblings.to_bytes(record)], _ <- 1..3_000 do
      at = :rand.uniform(byte_size(bytes)) - 1
      <<head::binary-size(at), _, tail::binary>> = bytes
      spoilt = <<head::binary, :rand.uniform(256) - 1, tail::binary>>

      with {:error, error} <- VectorClock.from_bytes(spoilt),
           do: assert(error.code == :bad_argument)

      with {:ok, read} <- Siblings.from_bytes(spoilt), do: assert(is_list(Siblings.dots(read)))
      harmless(%VectorClock{bytes: spoilt}, clock)
    end
  end

  test "each bit of a value may be wrong" do
    clock = VectorClock.new(%{"web-1" => 300, "é" => 2}) |> VectorClock.insert("c", at: 5)
    record = Siblings.new() |> Siblings.put!("s", nil, "x") |> Siblings.put!("t", nil, "yz")

    for {read, good, write} <- [
          {&VectorClock.from_bytes/1, VectorClock.to_bytes(clock), &VectorClock.to_bytes/1},
          {&Siblings.from_bytes/1, Siblings.to_bytes(record), &Siblings.to_bytes/1},
          {&VectorClock.from_json/1, VectorClock.to_json(clock), nil}
        ] do
      for size <- 0..(byte_size(good) - 1), do: refused(read.(binary_part(good, 0, size)))

      for at <- 0..(bit_size(good) - 1) do
        <<head::bitstring-size(at), bit::1, tail::bitstring>> = good
        spoilt = <<head::bitstring, 1 - bit::1, tail::bitstring>>

        case read.(spoilt) do
          {:ok, other} -> assert write == nil or write.(other) == spoilt
          refusal -> refused(refusal)
        end
      end
    end
  end

  test "a clock that somebody made up does no harm" do
    clock = VectorClock.new(%{"a" => 1})

    for bytes <- [
          nil,
          5,
          "",
          "x",
          <<0x11>>,
          <<0x11, 5>>,
          <<0x11, 1, 1, "a">>,
          # A name that is no text is seen by what reads it.
          <<0x11, 1, 1, 255, 1>>
        ] do
      forged = %VectorClock{bytes: bytes}
      harmless(forged, clock)
      raised(fn -> VectorClock.to_list(forged) end)

      if bytes != <<0x11, 1, 1, 255, 1>> do
        raised(fn -> VectorClock.compare(forged, clock) end)
        raised(fn -> VectorClock.merge(clock, forged) end)
      end

      raised(fn -> VectorClock.increment(forged, "b") end)
      raised(fn -> VectorClock.trim(forged, 5) end)
      refused(Siblings.put(Siblings.new(), "s", forged, "v"))
      refused(Siblings.discard(Siblings.new(), forged))
      raised(fn -> Siblings.values(%Siblings{bytes: bytes}) end)
      refused(Siblings.merge(Siblings.new(), %Siblings{bytes: bytes}))
    end
  end

  defp harmless(forged, clock) do
    for call <- [
          fn -> VectorClock.increment(forged, "web-2") end,
          fn -> VectorClock.count(forged, "web-2") end,
          fn -> VectorClock.merge(forged, clock) end,
          fn -> VectorClock.compare(clock, forged) end,
          fn -> VectorClock.to_json(forged) end
        ] do
      try do
        call.()
      rescue
        error in Error -> assert error.code == :bad_argument
      end
    end
  end

  test "JSON that is none" do
    for json <-
          ["", "{", "[]", "1", ~s({"a":-1}), ~s({"a":1.5}), ~s({"a":null}), ~s({"":1})] ++
            [~s({"a":"1"}), ~s({"a":9007199254740993}), ~s({"a":{}}), <<255>>, nil, 5, ~c"{}"] ++
            [String.duplicate("[", 100_000), ~s({"a":{"count":1,"tim":1}})] do
      refused(VectorClock.from_json(json))
    end

    refused(VectorClock.from_json(String.duplicate(" ", 4 * 1_024 * 1_024 + 1)), :too_large)
  end

  test "more names than a clock has room for" do
    # Names that share almost all come to much more than their bytes.
    stem = String.duplicate("x", 1_010)
    name = &(stem <> String.pad_leading("#{&1}", 6, "0"))
    clock = VectorClock.new(for n <- 1..10_000, do: {name.(n), 1})
    other = VectorClock.new(for n <- 10_001..20_000, do: {name.(n), 1})
    assert byte_size(VectorClock.to_bytes(clock)) < 150_000
    raised(:too_large, fn -> VectorClock.merge(clock, other) end)
    raised(:too_large, fn -> VectorClock.new(for n <- 1..17_000, do: {name.(n), 1}) end)
    record = Siblings.put!(Siblings.new(), "s", clock, "x")
    refused(Siblings.put(record, "s", other, "y"), :too_large)
    refused(ActorTable.new(for n <- 1..17_000, do: name.(n)), :too_large)
    assert VectorClock.size(clock) == 10_000
  end

  test "a value that is none" do
    for value <- [nil, 5, :a, ["a"], <<1::3>>, %{}] do
      refused(Siblings.put(Siblings.new(), "s", nil, value))
      record = Siblings.new() |> Siblings.put!("s", nil, "x") |> Siblings.put!("s", nil, "y")
      refused(Siblings.resolve(record, "s", fn _ -> value end))
      refused(Siblings.map(record, fn _ -> value end))
    end
  end

  test "a context that was made up" do
    context = VectorClock.new(%{"s" => 2 ** 64 - 1})
    refused(Siblings.put(Siblings.new(), "s", context, "x"))
    record = Siblings.put!(Siblings.new(), "s", nil, "x")
    assert {:ok, gone} = Siblings.discard(record, context)
    assert Siblings.dots(gone) == []
  end

  test "a request that is none" do
    for request <- [
          nil,
          {},
          {"nothing"},
          {:size, 1},
          {"size"},
          {"size", 1, 2},
          ["size"],
          {<<255>>}
        ] do
      assert {:error, %Error{code: :bad_argument}} = Chinwag.Native.clock(request)
      assert {:error, %Error{code: :bad_argument}} = Chinwag.Native.clock_large(request)
    end
  end
end
