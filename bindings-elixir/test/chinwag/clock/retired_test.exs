defmodule Chinwag.RetiredTest do
  use ExUnit.Case, async: true

  alias Chinwag.{Error, Folded, Retired, VectorClock}

  doctest Chinwag.Retired

  test "a log is a value that grows at its end" do
    log = Retired.new!()
    assert {:ok, longer} = Retired.retire(log, "b", 7)
    assert {Retired.epoch(log), Retired.epoch(longer)} == {0, 1}
    longer = Retired.retire!(longer, :a, 0)
    assert Retired.to_list(longer) == [{"b", 7}, {"a", 0}]
    assert Enum.to_list(longer) == Retired.to_list(longer)
    assert Enum.count(longer) == 2
    assert {Retired.get(longer, "b"), Retired.get(longer, "c")} == {7, nil}
    assert Retired.equal?(longer, Retired.new!(b: 7, a: 0))
    refute Retired.equal?(longer, Retired.new!(a: 0, b: 7))
    assert inspect(longer) == "#Chinwag.Retired<epoch 2>"

    assert {:error, %Error{code: :bad_argument, message: message}} =
             Retired.retire(longer, "b", 8)

    assert message =~ "has ended already"
    assert {:error, %Error{}} = Retired.new(a: 1, a: 1)
  end

  test "a log that is behind does not guess" do
    {old, new} = {Retired.new!(a: 1), Retired.new!(a: 1, b: 2)}
    clock = VectorClock.new(a: 1)
    {older, newer} = {Retired.fold!(old, clock), Retired.fold!(new, clock)}

    for refused <- [
          Retired.unfold(old, newer),
          Retired.raise(old, newer),
          Retired.compare(old, newer, older),
          Retired.merge(old, older, newer)
        ] do
      assert {:error, %Error{code: :bad_argument, message: message}} = refused
      assert message =~ "bring the log up to date"
    end

    assert Retired.raise!(new, older) == newer
    assert Retired.compare!(new, older, newer) == :equal
    assert Retired.merge!(new, older, newer) == newer
  end

  test "a log has one form as bytes and one as JSON" do
    log = Retired.new!([{"b", 2 ** 64 - 1}, {"a", 0}])
    bytes = <<0x61, 2, 1, "b", 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 1, "a", 0>>
    assert Retired.to_bytes(log) == bytes
    assert Retired.to_json(log) == ~s([["b","18446744073709551615"],["a",0]])

    for read <- [Retired.from_bytes!(bytes), Retired.from_json!(Retired.to_json(log))] do
      assert Retired.equal?(read, log)
      assert Retired.epoch(Retired.retire!(read, "c", 1)) == 3
    end

    for size <- 0..(byte_size(bytes) - 1),
        do: assert({:error, %Error{}} = Retired.from_bytes(binary_part(bytes, 0, size)))

    for bytes <- [
          bytes <> <<0>>,
          <<0x61, 2, 1, "a", 1, 1, "a", 1>>,
          <<0x62, 0>>,
          nil,
          7,
          <<1::3>>
        ],
        do: assert({:error, %Error{code: :bad_argument}} = Retired.from_bytes(bytes))

    for json <- ["", "{}", ~s([["a",1],["a",1]]), ~s([["a"]]), nil, <<255>>],
        do: assert({:error, %Error{code: :bad_argument}} = Retired.from_json(json))

    large = String.duplicate(" ", 4 * 1_024 * 1_024 + 1)
    assert {:error, %Error{code: :too_large}} = Retired.from_json(large)
    assert_raise Error, fn -> Retired.from_bytes!("") end
  end

  test "folded clocks are values" do
    log = Retired.new!(a: 3, b: 2)
    folded = Retired.fold!(log, VectorClock.new(a: 3, c: 5))
    assert Folded.epoch(folded) == 2
    assert Enum.to_list(Folded.clock(folded)) == [{"b", 0}, {"c", 5}]
    assert Folded.to_json(folded) == ~s({"clock":{"b":0,"c":5},"epoch":2})
    assert Folded.from_json!(Folded.to_json(folded)) == folded
    assert Folded.from_bytes!(Folded.to_bytes(folded)) == folded
    assert inspect(folded) == ~S(#Chinwag.Folded<%{"b" => 0, "c" => 5}, epoch 2>)
    stamped = Retired.fold!(log, VectorClock.new(a: 3) |> VectorClock.update("c", 5, at: 9))
    assert Folded.equal?(folded, stamped)
    refute folded == stamped
    refute Folded.equal?(folded, Retired.fold!(Retired.new!(a: 3), VectorClock.new(a: 3, c: 5)))
  end

  test "retirement never changes the outcome of a comparison" do
    :rand.seed(:exsss, {2, 7, 1})
    actors = ~w(a b c d e)

    for _ <- 1..1_000 do
      log =
        Retired.new!(
          for actor <- Enum.shuffle(actors),
              :rand.uniform(2) == 1,
              do: {actor, :rand.uniform(4) - 1}
        )

      clock = fn ->
        VectorClock.new(
          for actor <- actors, :rand.uniform(2) == 1, do: {actor, :rand.uniform(4) - 1}
        )
      end

      short = Retired.new!(log |> Enum.take(:rand.uniform(Retired.epoch(log) + 1) - 1))
      {a, b} = {clock.(), clock.()}
      {x, y} = {Retired.fold!(short, a), Retired.fold!(log, b)}
      assert Retired.compare!(log, x, y) == VectorClock.compare(a, b)
      merged = Retired.unfold!(log, Retired.merge!(log, x, y))
      assert VectorClock.equal?(merged, VectorClock.merge(a, b))
      assert VectorClock.equal?(Retired.unfold!(short, x), a)
    end
  end

  test "a long log" do
    pairs = for n <- 1..3_000, do: {"node~#{n}", n}
    log = Retired.new!(pairs)
    assert Retired.to_list(log) == pairs
    assert Retired.equal?(Retired.from_bytes!(Retired.to_bytes(log)), log)
    assert Retired.equal?(Retired.from_json!(Retired.to_json(log)), log)
    clock = VectorClock.new([{"here", 1} | pairs])
    folded = Retired.fold!(log, clock)
    assert VectorClock.actors(Folded.clock(folded)) == ["here"]
    assert Retired.unfold!(log, folded) == clock
    longer = Retired.retire!(log, "here", 1)
    assert Retired.compare!(longer, folded, Retired.fold!(longer, clock)) == :equal
  end

  test "what is none" do
    log = Retired.new!(a: 1)

    for {actor, count} <-
          [{"", 1}, {nil, 1}, {5, 1}, {<<255>>, 1}, {"b", -1}, {"b", 2 ** 64}] ++
            [{"b", nil}, {String.duplicate("x", 1_025), 1}] do
      assert {:error, %Error{code: :bad_argument}} = Retired.retire(log, actor, count)
      assert {:error, %Error{code: :bad_argument}} = Retired.new([{actor, count}])
    end

    for pairs <- [["a"], [{"a", 1} | :b], nil, 5, [{"a", 1, 2}]],
        do: assert({:error, %Error{code: :bad_argument}} = Retired.new(pairs))

    for bytes <- ["", <<0x31>>, <<0x31, 0, 0x11>>, <<0x11, 0>>, nil, 7, <<1::3>>] do
      assert {:error, %Error{code: :bad_argument}} = Folded.from_bytes(bytes)
      forged = %Folded{bytes: bytes}
      assert {:error, %Error{code: :bad_argument}} = Retired.unfold(log, forged)
      assert {:error, %Error{code: :bad_argument}} = Retired.compare(log, forged, forged)
      assert_raise Error, fn -> Folded.epoch(forged) end
      assert inspect(forged) == "#Chinwag.Folded<none>"
    end

    for json <- ["", "{}", "[]", ~s({"clock":{},"epoch":-1}), nil, <<255>>],
        do: assert({:error, %Error{code: :bad_argument}} = Folded.from_json(json))

    assert_raise Error, fn -> Retired.get(log, nil) end
  end

  test "a log of another VM says so" do
    # What is left of a reference that another VM wrote.
    log = %{Retired.new!(a: 1) | native: make_ref()}
    assert {:error, %Error{message: message}} = Retired.fold(log, VectorClock.new())
    assert message =~ "list of its retirements"
    assert_raise Error, fn -> Retired.to_list(log) end
  end
end
