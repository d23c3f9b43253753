defmodule Chinwag.MapTest do
  use Chinwag.Case, async: true

  alias Chinwag.{HybridTime, Map}

  setup context do
    [a, b] = for n <- ["A", "B"], do: Module.concat(__MODULE__, "#{n}#{context.line}")
    seed = node!(a, node: "a")
    node!(b, node: "b", seeds: [seed])
    eventually(fn -> length(Chinwag.members(a)) == 2 end)
    {:ok, a: a, b: b, carts: Chinwag.map(a, "carts"), theirs: Chinwag.map(b, "carts")}
  end

  test "all members read what any writes", %{carts: carts, theirs: theirs, b: b} do
    assert Map.get(carts, "alice") == nil
    assert Map.read(carts, "alice") == nil
    assert :ok = Map.put(carts, "alice", ["te", "a"])
    eventually(fn -> Map.get(theirs, "alice") == "tea" end)
    entry = Map.read(theirs, "alice")
    assert %{key: "alice", value: "tea", values: [%{value: "tea", writer: "a"} = value]} = entry
    assert HybridTime.ms(value.stamp) > 1_600_000_000_000

    assert :ok = Map.put!(theirs, "alice", "tea and milk", after: entry)
    assert :ok = Map.put(theirs, "bob", "")
    eventually(fn -> Map.get(carts, "bob") == "" end)
    assert Map.get(carts, "alice") == "tea and milk"
    assert Enum.map(Map.entries(carts), & &1.key) == ["alice", "bob"]
    assert [%{key: "bob"}] = Map.entries(carts, "b")
    assert Map.entries(Chinwag.map(b, "other")) == []

    assert :ok = Map.delete(carts, "bob")
    assert :ok = Map.delete!(carts, "nobody")
    eventually(fn -> Map.get(theirs, "bob") == nil end)
    # It outlives who wrote it.
    :ok = stop_supervised(b)
    assert Map.get(carts, "alice") == "tea and milk"
  end

  test "what was written without knowing of each other stays side by side", %{carts: carts} do
    :ok = Map.put(carts, "alice", "tea")
    before = Map.read(carts, "alice")
    :ok = Map.put(carts, "alice", "milk", after: before)
    assert {:ok, false} = Map.resolve(carts, "alice", fn _ -> "never" end)
    :ok = Map.put(carts, "alice", "sugar", after: before)
    assert %{value: "sugar", values: [_, %{value: "milk"}]} = both = Map.read(carts, "alice")
    joined = fn values -> Enum.map_join(values, " and ", & &1.value) end
    assert {:ok, true} = Map.resolve(carts, "alice", joined)
    assert %{value: "sugar and milk", values: [_]} = Map.read(carts, "alice")

    # What was put meanwhile stays.
    :ok = Map.delete(carts, "alice", after: both)
    assert Map.get(carts, "alice") == "sugar and milk"
  end

  test "a watch tells what is there, and what changes", %{a: a, carts: carts, theirs: theirs} do
    :ok = Map.put(carts, "alice", "tea")
    :ok = Map.put(Chinwag.map(a, "other"), "alice", "x")
    {:ok, watch} = Map.watch(carts, "a", replay: true)
    assert_receive {:chinwag, ^a, {:watch, ^watch, {:put, %{key: "alice", value: "tea"}}}}
    assert_receive {:chinwag, ^a, {:watch, ^watch, :replay_done}}
    eventually(fn -> Map.get(theirs, "alice") == "tea" end)
    :ok = Map.put(theirs, "bob", "x")
    :ok = Map.delete(theirs, "alice")
    assert_receive {:chinwag, ^a, {:watch, ^watch, {:deleted, "alice"}}}
    assert :ok = Chinwag.unwatch(a, watch)
    :ok = Map.put(carts, "alice", "milk")
    refute_received {:chinwag, _, _}
  end

  test "what cannot be is refused", %{a: a, carts: carts} do
    for {map, key, value} <- [
          {"a/b", "k", "x"},
          {"carts", "", "x"},
          {"carts", "k", 7},
          {7, "k", "x"}
        ] do
      assert {:error, %Error{code: :bad_argument}} = Map.put(Chinwag.map(a, map), key, value)
    end

    entry = %{key: "k", context: "no context"}
    assert {:error, %Error{code: code}} = Map.put(carts, "k", "x", after: entry)
    assert code in [:bad_argument, :codec]
    :ok = Map.put(carts, "other", "tea")
    other = Map.read(carts, "other")

    for after_what <- [other, %{context: other.context}, other.context, 5] do
      assert {:error, %Error{code: :bad_argument}} = Map.put(carts, "k", "x", after: after_what)
      assert {:error, %Error{code: :bad_argument}} = Map.delete(carts, "k", after: after_what)
    end

    assert Map.read(carts, "k") == nil
    assert {:error, %Error{code: :too_large}} = Map.put(carts, "k", :binary.copy("x", 70_000))
    assert_raise Error, fn -> Map.get(Chinwag.map(a, "a/b"), "k") end
    assert_raise Error, fn -> Map.entries(Chinwag.map(__MODULE__.None, "carts")) end
    assert {:error, %Error{code: :bad_argument}} = Map.watch(Chinwag.map(a, "a/b"))
    assert {:error, %Error{code: :closed}} = Map.watch(Chinwag.map(__MODULE__.None, "carts"))
  end
end
