defmodule Chinwag.RingChangeTest do
  use ExUnit.Case, async: true

  alias Chinwag.{Error, Ring, RingChange}

  doctest Chinwag.RingChange

  @keys for n <- 1..2_000, do: "key-#{n}"

  defp small(nodes, options \\ []), do: Ring.new!(nodes, [slots: 256] ++ options)

  test "a change answers about keys and slots" do
    before = small(~w(a b c))
    later = before |> Ring.without!("b") |> Ring.with_node!("d")
    change = RingChange.new(before, later)
    assert %RingChange{before: ^before, after: ^later} = change
    moved = RingChange.moved(change, @keys)

    wanted =
      for key <- @keys,
          {from, to} = {Ring.owner(before, key), Ring.owner(later, key)},
          from != to,
          do: {key, from, to}

    assert moved == wanted
    assert length(moved) in 600..1_400
    assert RingChange.gained(change, @keys, "d") == for({key, _, "d"} <- moved, do: key)
    assert RingChange.lost(change, @keys, :b) == for({key, "b", _} <- moved, do: key)
    assert RingChange.lost(change, @keys, "d") == []
    assert RingChange.gained(change, Stream.map(@keys, & &1), "absent") == []

    slots = RingChange.slots(change)
    assert Enum.map(slots, &elem(&1, 0)) == Enum.sort(Enum.map(slots, &elem(&1, 0)))

    for {slot, from, to} <- slots do
      assert hd(Ring.slot_owners(before, slot)) == from
      assert hd(Ring.slot_owners(later, slot)) == to
    end

    flows = Enum.frequencies_by(slots, fn {_, from, to} -> {from, to} end)
    assert RingChange.flows(change) == flows
  end

  test "to and from nobody" do
    {empty, ring} = {small([]), small(["a"])}
    filled = RingChange.new(empty, ring)
    assert RingChange.moved(filled, ["k"]) == [{"k", nil, "a"}]
    assert RingChange.gained(filled, ["k"], "a") == ["k"]
    drained = RingChange.new(ring, empty)
    assert RingChange.moved(drained, ["k"]) == [{"k", "a", nil}]
    assert RingChange.lost(drained, ["k"], "a") == ["k"]
    assert RingChange.moved(RingChange.new(ring, ring), @keys) == []
    other = RingChange.new(ring, Ring.new!(["b"], slots: 8))
    assert {RingChange.slots(other), RingChange.flows(other)} == {[], %{}}
    assert RingChange.moved(other, ["k"]) == [{"k", "a", "b"}]
  end

  test "a change that was made by hand has no node of its own" do
    change = RingChange.new(small(["a"]), small(["b"]))
    assert %RingChange{local: nil, version: 0} = change

    for call <- [&RingChange.gained/2, &RingChange.lost/2] do
      error = assert_raise Error, fn -> call.(change, ["k"]) end
      assert error.code == :bad_argument
      assert error.message =~ "made by hand"
    end

    told = %{change | local: "b"}
    assert RingChange.gained(told, ["k"]) == ["k"]
    assert RingChange.lost(told, ["k"]) == []
    assert RingChange.lost(told, ["k"], "a") == ["k"]
  end

  test "round the ring" do
    # Clusterluck's own example.
    nodes = for name <- ~w(a b c d), do: {name, weight: 3}
    ring = Ring.new!(nodes, profile: :clusterluck)
    assert Ring.owner(ring, "k") == "d"
    assert Ring.owners(ring, "k", 3) == ["d", "c", "b"]
    assert Ring.owners_before(ring, "k", 3) == ["b", "d", "c"]
    assert Ring.next(ring, "d", 2) == ["c", "b"]
    assert Ring.previous(ring, :d, 2) == ["b", "c"]
    assert length(Ring.ranges(ring)) in 4..13

    ring = small(~w(a b c))
    assert Enum.sort(Ring.next(ring, "a", 9)) == ["b", "c"]
    assert Enum.sort(Ring.previous(ring, "a", 9)) == ["b", "c"]
    assert Ring.next(ring, "absent", 9) == []
    assert Enum.sort(Ring.owners_before(ring, "k", 9)) == ["a", "b", "c"]
  end

  test "ranges are the whole ring, and shares are all of it" do
    ring = small(["a", {"b", weight: 2}, {"c", weight: 5}])
    slots = for {first, last, owner} <- Ring.ranges(ring), slot <- first..last, do: {slot, owner}
    assert slots == for(slot <- 0..255, do: {slot, hd(Ring.slot_owners(ring, slot))})

    assert [{"a", share, 0.125}, {"b", _, 0.25}, {"c", _, 0.625}] = balance = Ring.balance(ring)
    assert share == length(Ring.slots_of(ring, "a")) / 256
    assert_in_delta balance |> Enum.map(&elem(&1, 1)) |> Enum.sum(), 1.0, 1.0e-9
    for {_, share, ideal} <- balance, do: assert(share <= ideal * 1.05 + 1 / 256)
    assert {Ring.ranges(small([])), Ring.balance(small([]))} == {[], []}
  end

  test "the program of the README" do
    readme = File.read!(Path.expand("../../../README.md", __DIR__))
    [_, program] = Regex.run(~r/^## Rings\n.*?```elixir\n(.*?)```/ms, readme)
    # Nothing that it puts aside stays.
    on_exit(fn -> :persistent_term.erase(MyApp.Ring) end)

    output =
      ExUnit.CaptureIO.capture_io(fn ->
        {_, bindings} = Code.eval_string(program)
        assert map_size(bindings[:cache]) in 800..999
        assert Ring.equal?(:persistent_term.get(MyApp.Ring), bindings[:larger])
      end)

    assert [first, second] = String.split(output, "\n", trim: true)
    assert first =~ ~r/^{"web-\d", \["web-\d", "web-\d"\]}$/
    assert second =~ ~r/^\["web-\d", "web-\d", "web-\d"\]$/
  end

  test "arguments that are none raise" do
    ring = small(["a"])
    change = RingChange.new(ring, ring)

    for keys <- [nil, "k", 5, [1], ["k" | :tail], [nil], fn -> [] end] do
      for call <- [
            &RingChange.moved/2,
            &RingChange.gained(&1, &2, "a"),
            &RingChange.lost(&1, &2, "a")
          ] do
        error = assert_raise Error, fn -> call.(change, keys) end
        assert error.code == :bad_argument
      end
    end

    for name <- [nil, 1, <<255>>] do
      assert_raise Error, fn -> RingChange.gained(change, [], name) end
      assert_raise Error, fn -> RingChange.lost(change, [], name) end
      assert_raise Error, fn -> Ring.next(ring, name, 1) end
      assert_raise Error, fn -> Ring.previous(ring, name, 1) end
    end

    assert_raise Error, fn -> Ring.next(ring, "a", -1) end
    assert_raise Error, fn -> Ring.owners_before(ring, nil, 1) end
  end
end
