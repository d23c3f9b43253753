defmodule Chinwag.RingInputTest do
  # What is wrong is a typed error, and leaves the VM as it was.
  use ExUnit.Case, async: true

  alias Chinwag.{Error, Ring, RingNode}

  defp small(nodes, options \\ []), do: Ring.new!(nodes, [slots: 256] ++ options)

  # Every call here must be refused with a typed error, and leave the VM as it was.
  defp refused(made, code \\ :bad_argument) do
    assert {:error, %Error{code: ^code, retryable: false, message: message}} = made
    assert byte_size(message) < 300
    message
  end

  test "nodes that are none" do
    assert refused(Ring.new(["a", "a"])) =~ "already"
    assert refused(Ring.new([""])) =~ "empty"

    for weight <- [0, -1, 1.5, 65_536, 2 ** 80, nil, "2", :infinity] do
      assert refused(Ring.new([{"a", weight: weight}])) =~ "weight", inspect(weight)
    end

    other = [self(), make_ref(), fn -> 1 end, <<255>>, <<1::3>>]
    terms = [nil, 1, 1.5, {"a", 1}, {"a", "b", "c"}, ["a"], ~c"a", %{}, %{weight: 1}, %{"a" => 1}]
    fields = [[:weight], [{:weight, 1} | 2], [wieght: 1], [zone: 1], [weight: 1, zone: <<255>>]]
    named = [{1, weight: 1}, %{name: nil}, %RingNode{name: 1.0}]

    for node <- other ++ terms ++ named ++ Enum.map(fields, &{"a", &1}) do
      refused(Ring.new([node]))
      refused(Ring.with_node(small([]), node))
    end

    for nodes <- [nil, "a", 5, :a, {"a"}, ["a" | "b"], fn -> 1 end, fn _, _ -> 1 end] do
      refused(Ring.new(nodes))
    end
  end

  test "options that are none" do
    values = [
      slots: [0, -1, 1.0, 1_048_577, 2 ** 70, "8"],
      slack: [-1, 10_001, 0.05],
      profile: [:moon, nil, 5, {1, 2, 3}],
      replicas: [0, 256, nil, 1.5],
      hash_tags: [nil, 1],
      pins: [%{1 => "a"}, %{"k" => 1}, ["k"], 5, [{"k", "a"} | 1]],
      pin_prefixes: [[{"k", "a", "b"}], nil],
      excluded: [[1], "a", nil],
      node: ["b"],
      sluts: [8]
    ]

    for {option, wrong} <- values, value <- wrong, do: refused(Ring.new(["a"], [{option, value}]))

    mixed = [[profile: :pure, slack: 5], [profile: :ketama, slots: 8], [profile: nil, slots: 8]]
    shapes = [[:slots], ["slots"], [{"slots", 8}], [{:slots, 8} | :x], %{slots: {}}, :slots, nil]
    for options <- mixed ++ shapes, do: refused(Ring.new(["a"], options))
  end

  test "steps that are none" do
    known = [remove: "absent", update: "absent", node: "a", slots: 8, slack: 8, pins: %{}]
    typed = [pin: "k", pin: {"k", nil}, unpin: 1, exclude: nil, nonsense: 1]

    for step <- known ++ typed ++ ["node", {1, 2}, nil],
        do: refused(Ring.replace(small(["a"]), [step]))

    for steps <- [:node, nil, [{:node, "b"} | :x]], do: refused(Ring.replace(small(["a"]), steps))
  end

  test "what is too large is an error" do
    long = String.duplicate("n", 1_025)
    assert refused(Ring.new([long]), :too_large) =~ "1025 bytes"
    refused(Ring.new([String.duplicate("n", 10_000_000)]), :too_large)
    refused(Ring.new([{"a", zone: long}]), :too_large)
    refused(Ring.new(["a"], pins: %{long => "a"}), :too_large)
    refused(Ring.new(["a"], excluded: [long]), :too_large)
    refused(Ring.new(for(n <- 1..65_535, do: "n#{n}"), slots: 1), :too_large)
    refused(Ring.new(for(n <- 1..769, do: "n#{n}"), slots: 1_048_576), :too_large)
    refused(Ring.new(for(n <- 1..12_289, do: "n#{n}")), :too_large)
    refused(Ring.new(["a"], slots: 1_048_576, replicas: 17), :too_large)
    refused(Ring.from_json(String.duplicate(" ", 16 * 1_024 * 1_024 + 1)), :too_large)
    assert Ring.size(Ring.new!([String.duplicate("n", 1_024)], slots: 1)) == 1
  end

  test "bytes and JSON that are none" do
    bytes = Ring.to_bytes(small(~w(a b c), pins: %{"k" => "a"}))

    for length <- 0..(byte_size(bytes) - 1),
        do: refused(Ring.from_bytes(binary_part(bytes, 0, length)))

    refused(Ring.from_bytes(bytes <> <<0>>))
    # Announces more nodes than there are bytes.
    refused(Ring.from_bytes(<<1, 0, 64, 51, 0, 255, 255, 255, 255, 15>>))
    for bytes <- [nil, 5, ["a"], <<1::3>>, :a, %{}], do: refused(Ring.from_bytes(bytes))

    for json <- [
          "",
          "{",
          "[]",
          "null",
          "5",
          <<255>>,
          ~s({"nodes": 5}),
          ~s({"nodes": ["a"]}),
          ~s({"nodes": [{"name": "a", "weight": 0}]}),
          ~s({"nodes": [{"name": "a", "weight": 1.5}]}),
          ~s({"nodes": [{"name": "a", "weight": NaN}]}),
          ~s({"nodes": [{"name": "a"}, {"name": "a"}]}),
          ~s({"version": 2}),
          ~s({"else": 1}),
          String.duplicate("[", 100_000),
          nil,
          5,
          ~c"{}"
        ] do
      refused(Ring.from_json(json))
    end
  end

  test "a ring of which a part or a bit is wrong is another or none" do
    nodes = [{"a", zone: "z"}, {"ä", weight: 300}]
    given = [pins: %{<<255>> => "a"}, pin_prefixes: %{"user:" => "b"}, excluded: ["c"]]
    ring = Ring.new!(nodes, [slots: 64, replicas: 2] ++ given)
    json = Ring.to_json(ring)

    for {read, good} <- [{&Ring.from_bytes/1, Ring.to_bytes(ring)}, {&Ring.from_json/1, json}] do
      assert {:ok, _} = read.(good)
      for size <- 0..(byte_size(good) - 1), do: refused(read.(binary_part(good, 0, size)))

      others =
        for bit <- 0..(bit_size(good) - 1), {:ok, other} <- [spoilt(read, good, bit)] do
          assert Ring.owner(other, "user:42") == List.first(Ring.owners(other, "user:42", 9))
          assert {:ok, again} = Ring.from_bytes(Ring.to_bytes(other))
          assert Ring.fingerprint(again) == Ring.fingerprint(other)
        end

      assert length(others) > 50 and length(others) < bit_size(good)
    end
  end

  defp spoilt(read, good, at) do
    <<head::bitstring-size(at), bit::1, tail::bitstring>> = good

    with {:error, %Error{code: code, message: message}} <-
           read.(<<head::bitstring, 1 - bit::1, tail::bitstring>>) do
      assert code in [:bad_argument, :too_large]
      assert byte_size(message) < 300
      :refused
    end
  end

  test "numbers of JSON are whole and in their bounds" do
    for number <- ~w(NaN Infinity -Infinity 1e400 -1 0.5 1e2 "1" [] 18446744073709551616),
        text <- [
          ~s({"nodes":[{"name":"a","weight":#{number}}]}),
          ~s({"slots":#{number}}),
          ~s({"slack":#{number}}),
          ~s({"replicas":#{number}}),
          ~s({"version":#{number}})
        ],
        do: refused(Ring.from_json(text))
  end

  test "names of one hash are not in one ring" do
    [one, other] = alike = ["a007065", "9;Wm_0-u"]
    assert refused(Ring.new(alike)) =~ "have the same hash"
    refused(Ring.with_node(small([one]), other))
    refused(Ring.union(small([one]), small([other])))
    refused(Ring.without(small([one]), "nobody"))
  end

  test "arguments that are none raise" do
    ring = small(~w(a b))

    for key <- [nil, :k, 1, 1.5, ~c"k", ["k"], <<1::3>>, %{}, {"k"}, self()] do
      for call <- [
            &Ring.owner/2,
            &Ring.slot/2,
            &Ring.owners(&1, &2, 2),
            &Ring.owns?(&1, "a", &2),
            &Ring.owner_with_room(&1, &2, fn _ -> true end),
            fn _, key -> Ring.jump(key, 3) end
          ] do
        error = assert_raise Error, fn -> call.(ring, key) end
        assert error.code == :bad_argument
        assert error.message =~ "a key is a binary"
      end
    end

    for count <- [-1, 1.5, nil, "1", :all],
        do: assert_raise(Error, fn -> Ring.owners(ring, "k", count) end)

    assert length(Ring.owners(ring, "k", 2 ** 63)) == 2
    for bad <- [2 ** 64, 2 ** 80], do: assert_raise(Error, fn -> Ring.owners(ring, "k", bad) end)

    for number <- [-1, 1.5, nil, 2 ** 32] do
      assert_raise Error, fn -> Ring.slot_owners(ring, number) end
      assert_raise Error, fn -> Ring.jump("k", number) end
    end

    for name <- [nil, 1, ["a"]] do
      assert_raise Error, fn -> Ring.slots_of(ring, name) end
      assert_raise Error, fn -> Ring.owns?(ring, name, "k") end
    end

    assert_raise Error, fn -> Ring.owner_with_room(ring, "k", %{"a" => 1}) end
    assert_raise Error, ~r/bad_argument/, fn -> Ring.new!([nil]) end
  end

  test "keys that are none raise among others" do
    ring = small(~w(a b))
    few = ["k", "l"]
    many = for n <- 1..20_000, do: "#{n}"

    for keys <- [few, many], wrong <- [nil, 1, :k, <<1::3>>, ["k"]] do
      assert_raise Error, ~r/a key is a binary/, fn -> Ring.owners_many(ring, keys ++ [wrong]) end
      assert_raise Error, ~r/end of none/, fn -> Ring.owners_many(ring, keys ++ :tail) end
    end

    for keys <- [nil, "k", 5, {"k"}, fn -> [] end],
        do: assert_raise(Error, fn -> Ring.owners_many(ring, keys) end)

    for {keys, width} <-
          [{"abc", 2}, {"abc", 0}, {"abc", -1}, {"abc", nil}, {"abc", 1.0}] ++
            [{["a"], 1}, {nil, 1}, {<<1::3>>, 1}, {"abc", 2 ** 40}] do
      error = assert_raise Error, fn -> Ring.owners_many(ring, keys, width) end
      assert error.code == :bad_argument
    end
  end

  test "a ring of another VM says so" do
    # What is left of a reference that another VM wrote.
    ring = %{small(["a"]) | native: make_ref()}
    error = assert_raise Error, fn -> Ring.owner(ring, "k") end
    assert error.message =~ "to_bytes"
    assert_raise Error, fn -> Ring.replace(ring, node: "b") end
    assert_raise Error, fn -> Ring.to_json(ring) end
  end
end
