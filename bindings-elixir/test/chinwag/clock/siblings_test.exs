defmodule Chinwag.SiblingsTest do
  use ExUnit.Case, async: true

  alias Chinwag.{Error, HybridTime, Siblings, VectorClock}

  doctest Chinwag.Siblings

  defmodule Terms do
    def encode!(term), do: :erlang.term_to_binary(term)
    def decode!(bytes), do: :erlang.binary_to_term(bytes, [:safe])
  end

  defmodule Lists do
    def encode!(term), do: [term]
    def decode!(_bytes), do: raise("it cannot be decoded")
  end

  defp record(values, options \\ []),
    do: Enum.reduce(values, Siblings.new(options), &Siblings.put!(&2, "s", nil, &1))

  test "a record is a value" do
    one = record(["x"])
    assert one == Siblings.from_bytes!(Siblings.to_bytes(one))
    assert one |> :erlang.term_to_binary() |> :erlang.binary_to_term([:safe]) == one
    assert {:ok, two} = Siblings.put(one, "s", nil, "y")
    assert {Siblings.size(one), Siblings.size(two)} == {1, 2}
    refute Siblings.empty?(one)
    assert Siblings.empty?(Siblings.new())
    assert VectorClock.dot(Siblings.context(two), "s") == {"s", 2}
    assert Siblings.dots(two) == [{{"s", 1}, "x"}, {{"s", 2}, "y"}]
    assert Enum.to_list(two) == ["x", "y"]
    assert Enum.count(two) == 2
    assert "y" in two
  end

  test "two clients through one server never make more than two siblings" do
    {record, _, _} =
      for n <- 1..50, reduce: {Siblings.new(), nil, nil} do
        {record, ann, ben} ->
          record = Siblings.put!(record, "server", ann, "ann #{n}")
          ann = seen(record, ann)
          record = Siblings.put!(record, "server", ben, "ben #{n}")
          ben = seen(record, ben)
          assert Siblings.size(record) <= 2
          {record, ann, ben}
      end

    assert VectorClock.count(Siblings.context(record), "server") == 100
  end

  # Each client has read what it wrote itself, and nothing else.
  defp seen(record, before) do
    {actor, count} = VectorClock.dot(Siblings.context(record), "server")
    VectorClock.update(before || VectorClock.new(), actor, count)
  end

  test "what was discarded does not come back" do
    record = record(["x", "y"])
    deleted = Siblings.discard!(record, Siblings.context(record))
    assert Siblings.empty?(deleted)
    assert Siblings.merge!(deleted, record) == deleted
    assert Siblings.merge!(record, deleted) == deleted
    assert Siblings.compare(deleted, record) == :after
    assert Siblings.compare(record, deleted) == :before
    assert Siblings.compare(record, record) == :equal
    assert Siblings.discard!(record, nil) == record
    other = Siblings.put!(Siblings.new(), "t", nil, "z")
    assert Siblings.compare(record, other) == :concurrent
    assert Siblings.values(Siblings.merge!(record, other)) == ["x", "y", "z"]
  end

  test "several values are resolved" do
    record = record(["3", "9", "4"])
    decided = Siblings.resolve!(record, "t", fn ["3", "9", "4"] = all -> Enum.join(all, "+") end)
    assert Siblings.values(decided) == ["3+9+4"]
    assert Siblings.values(Siblings.merge!(record, decided)) == ["3+9+4"]
    # Nobody is asked about what is decided.
    assert Siblings.resolve(decided, "t", fn _ -> raise "asked" end) == {:ok, decided}
    assert Siblings.newest_by(record, &String.to_integer/1) == "9"
    assert Siblings.newest_by(record, fn _ -> 1 end) == "4"
    assert Siblings.newest_by(Siblings.new(), & &1) == nil
    newest = Siblings.resolve_newest_by!(record, "s", &String.to_integer/1)
    assert Siblings.values(newest) == ["9"]
    assert VectorClock.count(Siblings.context(newest), "s") == 4
    # What the function raises is the caller's, and nothing has changed.
    assert_raise RuntimeError, fn -> Siblings.resolve(record, "s", fn _ -> raise "unsure" end) end
  end

  test "values are any term with a codec" do
    values = [%{at: HybridTime.new!(7), text: "x"}, %{at: HybridTime.new!(9), text: "y"}]
    record = record(values, codec: Terms)
    assert Siblings.values(record) == values
    assert [{{"s", 1}, %{text: "x"}} | _] = Siblings.dots(record)
    assert Siblings.newest_by(record, & &1.at, HybridTime).text == "y"
    last = Siblings.resolve_newest_by!(record, "s", & &1.at, HybridTime)
    assert [%{text: "y"}] = Siblings.values(last)
    read = Siblings.from_bytes!(Siblings.to_bytes(record), codec: Terms)
    assert read == record

    assert Siblings.values(Siblings.from_bytes!(Siblings.to_bytes(record))) ==
             Enum.map(values, &Terms.encode!/1)

    json = Siblings.to_json(record)
    assert Siblings.from_json!(json, codec: Terms) == record

    assert Siblings.values(Siblings.from_json!(json)) ==
             Siblings.values(%{record | codec: nil})

    renamed = Siblings.map!(record, & &1.text)
    assert Siblings.values(renamed) == ["x", "y"]
    assert Siblings.context(renamed) == Siblings.context(record)
    assert Siblings.compare(renamed, record) == :equal
  end

  test "a codec that is none, or fails" do
    for codec <- [Enum, Absent, "JSON", 5, {Terms, :x}] do
      assert_raise Error, ~r/codec/, fn -> Siblings.new(codec: codec) end
      assert_raise Error, ~r/codec/, fn -> Siblings.from_bytes(<<0x41, 0>>, codec: codec) end
      assert_raise Error, ~r/codec/, fn -> Siblings.from_json("{}", codec: codec) end
    end

    assert {:error, %Error{code: :bad_argument}} =
             Siblings.put(Siblings.new(codec: Lists), "s", nil, "x")

    record = Siblings.from_bytes!(Siblings.to_bytes(record(["x"])), codec: Lists)
    assert_raise RuntimeError, fn -> Siblings.values(record) end
    assert inspect(record) == ~S(#Chinwag.Siblings<["x"]>)
  end

  test "a record as JSON" do
    record = Siblings.put!(record(["tea", ""]), "a", nil, <<255, 255>>)

    json = ~s({"a":{"count":1,"values":["//8="]},"s":{"count":2,"values":["dGVh",""]}})

    assert Siblings.to_json(record) == json
    assert Siblings.from_json!(json) == record
    empty = Siblings.discard!(record, Siblings.context(record))
    assert Siblings.to_json(empty) == ~s({"a":1,"s":2})
    assert Siblings.from_json!(~s( {"s": 2, "a": {"values": [], "count": 1}} )) == empty

    for wrong <- ["", "[]", ~s({"a":0}), ~s({"a":{"count":1,"values":["dGV="]}}), nil, <<255>>],
        do: assert({:error, %Error{code: :bad_argument}} = Siblings.from_json(wrong))

    large = String.duplicate(" ", 4 * 1_024 * 1_024 + 1)
    assert {:error, %Error{code: :too_large}} = Siblings.from_json(large)
    assert_raise Error, fn -> Siblings.to_json(%Siblings{bytes: "none"}) end
  end

  test "what is shown of a record" do
    assert inspect(record(["tea", <<255>>])) == ~S(#Chinwag.Siblings<["tea", <<255>>]>)
    assert inspect(%Siblings{bytes: "none"}) == "#Chinwag.Siblings<none>"
  end

  test "large values, and many" do
    large = String.duplicate("x", 300_000)
    record = record([large, "y"])
    assert Siblings.values(record) == [large, "y"]
    assert Siblings.size(Siblings.merge!(record, record)) == 2
    assert Siblings.values(Siblings.map!(record, &String.upcase/1)) == [String.upcase(large), "Y"]
    many = record(for n <- 1..500, do: <<n::16>>)
    assert length(Siblings.values(many)) == 500
  end
end
