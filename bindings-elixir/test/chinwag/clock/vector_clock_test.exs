defmodule Chinwag.VectorClockTest do
  use ExUnit.Case, async: true

  alias Chinwag.{ActorTable, VectorClock}

  doctest Chinwag.VectorClock
  doctest Chinwag.ActorTable

  # More than is worked on by an ordinary scheduler.
  @large for n <- 1..8_000, do: {"actor-#{n}", rem(n, 300) + 1}

  test "a clock is a value" do
    empty = VectorClock.new()
    x = VectorClock.increment(empty, "web-1")
    assert Enum.to_list(empty) == []
    assert Enum.to_list(x) == [{"web-1", 1}]
    same = VectorClock.new([{"web-1", 1}])
    assert x == same and x === same
    assert :erlang.phash2(x) == :erlang.phash2(same)
    assert %{x => :found}[same] == :found
    assert MapSet.size(MapSet.new([x, same, empty])) == 2
    assert x |> :erlang.term_to_binary() |> :erlang.binary_to_term([:safe]) == x
    assert Task.await(Task.async(fn -> VectorClock.increment(x, "web-1") end)) != x
  end

  test "equality of terms sees more than that of clocks" do
    plain = VectorClock.new(%{"a" => 1})

    for other <- [
          VectorClock.update(VectorClock.new(), "a", 1, at: 5),
          VectorClock.insert(plain, "b")
        ] do
      assert VectorClock.equal?(plain, other)
      assert VectorClock.compare(plain, other) == :equal
      assert plain != other
    end
  end

  test "clocks are made of what can be enumerated" do
    pairs = [{"a", 1}, {"b", 2}]

    for given <-
          [pairs, Map.new(pairs), Enum.reverse(pairs), Stream.map(pairs, & &1)] ++
            [[a: 1, b: 2], VectorClock.new(pairs), [{"a", 9}, {"a", 1}, {"b", 2}]] do
      assert Enum.to_list(VectorClock.new(given)) == pairs
    end

    assert VectorClock.new([]) == VectorClock.new()

    assert Enum.into(%{"b" => 3, "c" => 1}, VectorClock.new(pairs)) ==
             VectorClock.new(%{"a" => 1, "b" => 3, "c" => 1})

    assert for(n <- 1..3, into: VectorClock.new(), do: {"#{n}", n}) ==
             VectorClock.new(%{"1" => 1, "2" => 2, "3" => 3})
  end

  test "clocks are enumerated" do
    clock = VectorClock.new(%{"é" => 3, "a" => 1, "b" => 0})
    assert Enum.to_list(clock) == [{"a", 1}, {"b", 0}, {"é", 3}]
    assert Enum.count(clock) == 3
    assert {"é", 3} in clock
    refute {"é", 2} in clock
    refute :nothing in clock
    assert Enum.at(clock, 1) == {"b", 0}
    assert Enum.slice(clock, 1..2) == [{"b", 0}, {"é", 3}]
    assert Enum.take(clock, 1) == [{"a", 1}]
    assert Enum.max_by(clock, &elem(&1, 1)) == {"é", 3}
    assert Map.new(clock)["a"] == 1
    assert Enum.zip(clock, 1..2) == [{{"a", 1}, 1}, {{"b", 0}, 2}]
    assert VectorClock.dots(clock) == [{"a", 1}, {"é", 3}]
    assert VectorClock.actors(clock) == ["a", "b", "é"]
    assert VectorClock.size(clock) == 3
  end

  test "entries, stamps, and dots" do
    clock =
      VectorClock.new()
      |> VectorClock.insert("a", at: 10)
      |> VectorClock.increment("a", at: 20)
      |> VectorClock.update("b", 7, at: nil)
      |> VectorClock.insert("b", at: 30)
      |> VectorClock.insert("c", [])

    assert VectorClock.get(clock, "a") == %{count: 1, insert: 10, time: 20}
    assert VectorClock.get(clock, "b") == %{count: 7, insert: nil, time: nil}
    assert VectorClock.get(clock, "d") == nil
    assert VectorClock.has?(clock, "c")
    refute VectorClock.has?(clock, "d")
    assert {VectorClock.count(clock, "b"), VectorClock.count(clock, "d")} == {7, 0}
    assert VectorClock.dot(clock, "b") == {"b", 7}
    assert {VectorClock.dot(clock, "c"), VectorClock.dot(clock, "d")} == {nil, nil}
    assert VectorClock.descends_dot?(clock, {"b", 7})
    refute VectorClock.descends_dot?(clock, {"b", 8})
    assert [{"a", %{time: 20}}, {"b", %{time: nil}}, {"c", _}] = VectorClock.entries(clock)
    assert VectorClock.actors(VectorClock.remove(clock, "b")) == ["a", "c"]
    assert VectorClock.remove(clock, "d") == clock
  end

  test "atoms are names" do
    clock = VectorClock.new() |> VectorClock.increment(:web) |> VectorClock.increment("web")
    assert Enum.to_list(clock) == [{"web", 2}]
    assert VectorClock.count(clock, :web) == 2
    assert VectorClock.dot(clock, :web) == {"web", 2}
    assert VectorClock.actor(node(), 3) == "#{node()}~3"
  end

  test "counters stop at their end" do
    last = 2 ** 64 - 1
    clock = VectorClock.update(VectorClock.new(), "a", last)
    assert VectorClock.increment(clock, "a") == clock
    assert VectorClock.count(clock, "a") == last
    assert VectorClock.from_json!(VectorClock.to_json(clock)) == clock
    assert VectorClock.to_json(clock) == ~s({"a":"18446744073709551615"})
  end

  test "a merge that changes nothing is the clock that it was" do
    x = VectorClock.new(%{"a" => 2, "b" => 1})

    for other <- [x, VectorClock.new(), VectorClock.new(%{"a" => 1})] do
      assert VectorClock.merge(x, other) == x
      assert VectorClock.merge(other, x) == x
    end
  end

  test "a trim goes by four bounds" do
    clock =
      for n <- 1..20, reduce: VectorClock.new() do
        clock -> VectorClock.increment(clock, "actor-#{n}", at: n * 1_000_000)
      end

    assert VectorClock.trim(clock, 30_000_000, upper: 20) == clock
    assert VectorClock.trim(clock, 30_000_000, lower: 20, upper: 5) == clock
    assert VectorClock.trim(clock, 30_000_000, young_us: 29_000_000, upper: 5) == clock
    trimmed = VectorClock.trim(clock, 30_000_000, upper: 5)
    assert Enum.map(trimmed, &elem(&1, 0)) == Enum.sort(for n <- 16..20, do: "actor-#{n}")
    # By default it is all about a day.
    assert VectorClock.size(VectorClock.trim(clock, 86_400_000_000 + 10_000_000)) == 11
    assert VectorClock.trim(clock, 0, upper: 2 ** 64 - 1, old_us: 0) == clock
  end

  test "what is shown of a clock" do
    assert inspect(VectorClock.new()) == "#Chinwag.VectorClock<%{}>"
    assert inspect(VectorClock.new(a: 1)) == ~S(#Chinwag.VectorClock<%{"a" => 1}>)
    assert inspect(VectorClock.new(@large), limit: 3) =~ "..."
    assert inspect(%VectorClock{bytes: "none"}) == "#Chinwag.VectorClock<none>"
    assert inspect(%VectorClock{bytes: nil}) == "#Chinwag.VectorClock<none>"
    assert inspect(ActorTable.new!(["a"])) == ~S(#Chinwag.ActorTable<["a"]>)
  end

  test "large clocks do the same" do
    clock = VectorClock.new(@large)
    assert byte_size(VectorClock.to_bytes(clock)) > 16_384
    sorted = Enum.sort(@large)
    assert Enum.to_list(clock) == sorted
    more = VectorClock.increment(clock, "actor-77")
    assert VectorClock.count(more, "actor-77") == 79
    assert VectorClock.compare(clock, more) == :before
    assert VectorClock.merge(clock, more) == more
    assert VectorClock.merge(more, clock) == more
    small = VectorClock.new(%{"other" => 1})
    assert VectorClock.compare(clock, small) == :concurrent
    assert VectorClock.size(VectorClock.merge(small, clock)) == 8_001
    assert VectorClock.get(more, "actor-1") == %{count: 2, insert: nil, time: nil}
    assert VectorClock.size(VectorClock.remove(clock, "actor-1")) == 7_999
    assert VectorClock.from_bytes!(VectorClock.to_bytes(clock)) == clock
    assert VectorClock.from_json!(VectorClock.to_json(clock)) == clock
    table = ActorTable.new!(Enum.map(@large, &elem(&1, 0)))
    assert ActorTable.size(table) == 8_000
    assert VectorClock.from_dense!(table, VectorClock.to_dense!(clock, table)) == clock
    stamped = VectorClock.update(clock, "actor-1", 5, at: 7)
    assert VectorClock.trim(stamped, 20_000_008, upper: 1) == VectorClock.remove(clock, "actor-1")
  end

  test "a table of actors is a value" do
    table = ActorTable.new!(["b", :a, "b"])
    assert ActorTable.actors(table) == ["a", "b"]
    assert table == ActorTable.new!(MapSet.new(["a", "b"]))
    assert ActorTable.fingerprint(table) != ActorTable.fingerprint(ActorTable.new!([]))
  end

  test "the program of the README" do
    readme = File.read!(Path.expand("../../../README.md", __DIR__))
    [_, program] = Regex.run(~r/^## Clocks\n.*?```elixir\n(.*?)```/ms, readme)
    output = ExUnit.CaptureIO.capture_io(fn -> Code.eval_string(program) end)
    assert output == ~s({"web-1":3,"web-2":1}\n["tea and milk!"]\n)
  end

  # As the core does it on a model: the outcome of each operation is that of maps.
  test "random clocks do what maps do" do
    :rand.seed(:exsss, {3, 1, 4})

    for _ <- 1..2_000 do
      {one, other} = {random(), random()}
      {x, y} = {VectorClock.new(one), VectorClock.new(other)}
      assert Map.new(x) == one
      assert VectorClock.compare(x, y) == compared(one, other)

      assert Map.new(VectorClock.merge(x, y)) ==
               Map.merge(one, other, fn _, n, m -> max(n, m) end)

      actor = "actor-#{:rand.uniform(6)}"
      assert Map.new(VectorClock.increment(x, actor)) == Map.update(one, actor, 1, &(&1 + 1))
      assert VectorClock.count(x, actor) == Map.get(one, actor, 0)
    end
  end

  defp random do
    for n <- 1..5, :rand.uniform(3) > 1, into: %{}, do: {"actor-#{n}", count(:rand.uniform(4))}
  end

  defp count(1), do: 0
  defp count(2), do: 126 + :rand.uniform(3)
  defp count(n), do: n

  defp compared(one, other) do
    actors = Map.keys(one) ++ Map.keys(other)
    at_least? = fn x, y -> Enum.all?(actors, &(Map.get(x, &1, 0) >= Map.get(y, &1, 0))) end

    case {at_least?.(one, other), at_least?.(other, one)} do
      {true, true} -> :equal
      {true, false} -> :after
      {false, true} -> :before
      {false, false} -> :concurrent
    end
  end
end
