defmodule Chinwag.RingTest do
  # Measures memory.
  use ExUnit.Case, async: false

  alias Chinwag.{Error, Native, Ring, RingNode}

  doctest Chinwag.Ring

  @vectors Path.wildcard(Path.expand("../../../../tests/vectors/ring/*.txt", __DIR__))

  defp unhex("-"), do: ""
  defp unhex(text), do: Base.decode16!(text, case: :lower)

  defp small(nodes, options \\ []), do: Ring.new!(nodes, [slots: 256] ++ options)

  test "the owners are those of all languages" do
    assert length(@vectors) > 15

    for path <- @vectors do
      [<<"form ", form::binary>>, <<"fingerprint ", fingerprint::binary>> | keys] =
        path |> File.read!() |> String.split("\n", trim: true)

      form = unhex(form) <> <<3>>
      ring = Ring.from_bytes!(form)
      assert Ring.to_bytes(ring) == form, path
      assert Ring.fingerprint(ring) == String.to_integer(fingerprint, 16), path
      assert length(keys) > 200

      for line <- keys do
        [key, owners] = String.split(line, " ", parts: 2)
        key = unhex(key)
        owners = if owners == "-", do: [], else: owners |> String.split(" ") |> Enum.map(&unhex/1)
        assert Ring.owner(ring, key) == List.first(owners), "#{path} #{inspect(key)}"

        for count <- 0..4 do
          assert Ring.owners(ring, key, count) == Enum.take(owners, count),
                 "#{path} #{inspect(key)} #{count}"
        end
      end
    end
  end

  test "nodes are given in many ways, in any order" do
    ring = Ring.new!(["a", {"b", weight: 2, zone: "z"}, %RingNode{name: "c"}])

    for nodes <- [
          [%{name: "c"}, %{name: "b", weight: 2, zone: :z}, :a],
          %{"a" => %{}, "b" => %{weight: 2, zone: "z"}, "c" => [zone: nil]},
          [a: [], b: [zone: "z", weight: 2], c: [weight: 1]],
          Stream.map(Ring.nodes(ring), & &1),
          MapSet.new(Ring.nodes(ring))
        ] do
      assert Ring.equal?(Ring.new!(nodes), ring), inspect(nodes)
    end

    assert Ring.names(ring) == ["a", "b", "c"]
    assert Ring.size(ring) == 3

    assert Ring.nodes(ring) == [
             %RingNode{name: "a"},
             %RingNode{name: "b", weight: 2, zone: "z"},
             %RingNode{name: "c"}
           ]
  end

  test "profiles and options" do
    assert Ring.profile(Ring.new!([])) == {:slots, 65_536, 50}
    assert Ring.profile(small(["a"], slack: 7)) == {:slots, 256, 7}
    assert Ring.profile(small(["a"], profile: :pure)) == {:slots, 256, nil}
    assert Ring.profile(small(["a"], profile: "exact")) == {:slots, 256, 0}
    assert Ring.profile(Ring.new!(["a"], profile: :ketama)) == :ketama
    assert Ring.profile(Ring.new!(["a"], profile: :clusterluck, slots: nil)) == :clusterluck

    ring =
      small(~w(a b c),
        replicas: 2,
        hash_tags: true,
        pins: %{"k" => "a", <<255>> => :b},
        pin_prefixes: [{"user:", "c"}],
        excluded: ["b", :absent]
      )

    assert Ring.replicas(ring) == 2
    assert Ring.hash_tags?(ring)
    assert Ring.pins(ring) == %{"k" => "a", <<255>> => "b"}
    assert Ring.pin_prefixes(ring) == %{"user:" => "c"}
    assert Ring.excluded(ring) == ["absent", "b"]
    assert Ring.names(ring) == ["a", "c"]
    assert length(Ring.nodes(ring)) == 3
    assert Ring.owner(ring, "k") == "a"
    assert Ring.owner(ring, "user:1") == "c"
    assert Ring.owner(ring, "x{tag}") == Ring.owner(ring, "{tag}y")
    refute "b" in Ring.owners(ring, "any", 9)
  end

  test "look-ups agree with each other" do
    ring = small(for n <- 1..9, do: {"n#{n}", weight: n, zone: "z#{rem(n, 3)}"})
    assert Ring.slots(ring) == 256

    for n <- 1..300, key = "key-#{n}" do
      owners = Ring.owners(ring, key, 20)
      assert Enum.sort(owners) == Ring.names(ring)
      assert [owner, second, third | _] = owners
      assert Ring.owner(ring, key) == owner
      assert Ring.owns?(ring, owner, key)
      assert Ring.owns?(ring, String.to_atom(owner), key)
      refute Ring.owns?(ring, second, key)
      slot = Ring.slot(ring, key)
      assert Ring.slot_owners(ring, slot) == [owner, second, third]
      assert slot in Ring.slots_of(ring, owner)
      assert Ring.owner_with_room(ring, key, &(&1 not in [owner, second])) == third
      assert Ring.owner_with_room(ring, key, &(&1 == List.last(owners))) == List.last(owners)
      assert Ring.owner_with_room(ring, key, fn _ -> false end) == nil
    end

    slots = Enum.flat_map(Ring.names(ring), &Ring.slots_of(ring, &1))
    assert Enum.sort(slots) == Enum.to_list(0..255)
    assert Ring.slots_of(ring, "absent") == []
    assert Ring.slot_owners(ring, 256) == []
  end

  test "an empty ring owns nothing" do
    ring = Ring.new!([])
    assert Ring.owner(ring, "k") == nil
    assert Ring.owners(ring, "k", 3) == []
    assert Ring.owner_with_room(ring, "k", fn _ -> true end) == nil
    refute Ring.owns?(ring, "a", "k")
    assert {Ring.names(ring), Ring.nodes(ring), Ring.size(ring)} == {[], [], 0}
  end

  test "many keys at once" do
    for profile <- [:pure, :ketama], nodes <- [[], ~w(a b c)] do
      ring = Ring.new!(nodes, profile: profile)

      # Few, and more than are looked up on an ordinary scheduler.
      for count <- [0, 1, 16, 20_000] do
        keys = for n <- 1..count//1, do: <<n::32>>
        owners = Enum.map(keys, &Ring.owner(ring, &1))
        assert Ring.owners_many(ring, keys) == owners
        assert Ring.owners_many(ring, Stream.map(keys, & &1)) == owners
        assert Ring.owners_many(ring, Enum.join(keys), 4) == owners
        numbers = Ring.owner_numbers(ring, keys)
        assert Ring.owner_numbers(ring, Enum.join(keys), 4) == numbers
        names = List.to_tuple(Ring.names(ring))
        same = for <<n::16 <- numbers>>, do: if(n != 65_535, do: elem(names, n))
        assert same == owners
      end
    end

    ring = small(~w(a b), pin_prefixes: %{"user:" => "a", "user:1" => "b"})
    keys = for n <- 1..3_000, do: "user:#{n}"
    assert Ring.owners_many(ring, keys) == Enum.map(keys, &Ring.owner(ring, &1))
    long = [String.duplicate("k", 1_000_000)]
    assert Ring.owners_many(ring, long) == Enum.map(long, &Ring.owner(ring, &1))
  end

  test "more keys than an ordinary scheduler takes at once" do
    # `{these, rest}` of the native side, with all keys in one of them and on both sides of the
    # border between a block of keys that are looked up together and the next.
    for {profile, most} <- [pure: 524_288, ketama: 131_072], size <- [1, 436] do
      ring = Ring.new!(~w(a b c), profile: profile)
      border = div(most, 64 + size)
      key = fn n -> String.pad_leading("#{rem(n, 10 ** size)}", size, "0") end

      for count <- [15, 16, 17, border - 1, border, border + 1, border + 17] do
        keys = Enum.map(1..count, key)
        owners = Enum.map(keys, &Ring.owner(ring, &1))
        assert Ring.owners_many(ring, keys) == owners
        assert Ring.owners_many(ring, Enum.join(keys), size) == owners
        numbers = for <<n::16 <- Ring.owner_numbers(ring, keys)>>, do: Enum.at(~w(a b c), n)
        assert numbers == owners
        left = Native.ring_many(ring.native, ring.names, keys)
        if count > border, do: assert({_, [_ | _]} = left), else: assert(left == owners)
        if count > border, do: assert(length(elem(left, 0)) == border)
      end

      long = String.duplicate("k", most)
      assert Native.ring_many(ring.native, ring.names, [long, "k"]) == {[], [long, "k"]}
      assert Ring.owners_many(ring, [long, "k"]) == Enum.map([long, "k"], &Ring.owner(ring, &1))
    end
  end

  test "any number of owners" do
    ring = small(for(n <- 10..30, do: "n#{n}"), replicas: 3)
    all = Ring.owners(ring, "k", 21)
    assert Enum.sort(all) == Ring.names(ring)
    for count <- 0..25, do: assert(Ring.owners(ring, "k", count) == Enum.take(all, count))
  end

  test "names that are not those of the ring are an error" do
    ring = small(~w(a b c))

    for names <- [{}, {nil}, [], :names] do
      other = %{ring | names: names}
      assert_raise ArgumentError, fn -> Ring.owners(other, "k", 3) end
      assert_raise ArgumentError, fn -> Ring.owners_many(other, ["k"]) end
      assert_raise ArgumentError, fn -> Ring.owners_many(other, "k", 1) end
    end
  end

  test "points have no slots" do
    ring = Ring.new!(~w(a b), profile: :ketama)
    assert Ring.slot(ring, "k") == nil
    assert Ring.slots(ring) == 0
    assert Ring.slots_of(ring, "a") == []
  end

  test "a ring is made of another one" do
    ring = small(~w(a b c))
    assert {:ok, larger} = Ring.with_node(ring, {"d", weight: 2})
    assert Ring.equal?(larger, small(["c", {"d", weight: 2}, "b", "a"]))
    assert Ring.names(ring) == ~w(a b c)
    assert {:ok, same} = Ring.without(larger, :d)
    assert Ring.equal?(same, ring)
    assert Ring.fingerprint(same) == Ring.fingerprint(ring)

    assert Ring.nodes(Ring.update!(ring, {"a", weight: 9})) |> hd() == %RingNode{
             name: "a",
             weight: 9
           }

    changed =
      Ring.replace!(ring,
        node: "d",
        remove: "a",
        exclude: "b",
        pin: {"k", "d"},
        pin_prefix: {"u", "c"},
        replicas: 1,
        hash_tags: true,
        profile: :pure,
        slots: 64
      )

    wanted = [profile: :pure, slots: 64, replicas: 1, hash_tags: true, excluded: ["b"]]
    pins = [pins: [{"k", "d"}], pin_prefixes: [{"u", "c"}]]
    assert Ring.equal?(changed, Ring.new!(~w(b c d), wanted ++ pins))

    back =
      Ring.replace!(changed,
        include: "b",
        unpin: "k",
        unpin_prefix: "u",
        replicas: 3,
        hash_tags: false,
        profile: :default,
        slots: 256,
        remove: "d",
        node: "a"
      )

    assert Ring.equal?(back, ring)
  end

  test "unions and intersections" do
    {one, other} = {small(~w(a b)), small(["b", {"c", weight: 3}])}
    assert Ring.equal?(Ring.union!(one, other), small(["a", "b", {"c", weight: 3}]))
    assert Ring.equal?(Ring.intersection!(one, other), small(["b"]))
    pure = small(["a"], profile: :pure)

    for made <- [Ring.union(one, pure), Ring.intersection(one, pure)] do
      assert {:error, %Error{code: :bad_argument, message: message}} = made
      assert message =~ "different ways"
    end
  end

  test "bytes and JSON are read as they are written" do
    ring = small(["ä", {"b", zone: "z"}], pins: %{<<0, 255>> => "b", "k" => "ä"}, replicas: 5)

    for copy <- [
          Ring.from_bytes!(Ring.to_bytes(ring)),
          Ring.from_json!(Ring.to_json(ring)),
          ring |> :erlang.term_to_binary() |> :erlang.binary_to_term()
        ] do
      assert Ring.equal?(copy, ring)
      assert Ring.names(copy) == Ring.names(ring)
    end

    refute Ring.equal?(ring, Ring.replace!(ring, replicas: 4))
    assert Ring.fingerprint(ring) == Ring.fingerprint(Ring.replace!(ring, replicas: 4))
    assert Ring.equal?(Ring.from_json!(~s({"nodes": [{"name": "a"}]})), Ring.new!(["a"]))
  end

  test "what is shown of a ring" do
    ring = Ring.from_bytes!(unhex("01004033000101610100000000") <> <<3>>)
    assert inspect(ring) == "#Chinwag.Ring<1 nodes, 64 slots, d778964fee10997b>"
    assert inspect(Ring.new!(["a"], profile: :ketama)) =~ "1 nodes, ketama, "
  end

  test "jumps" do
    assert Ring.jump("k", 0) == nil
    counts = 1..1_000 |> Enum.map(&Ring.jump("key-#{&1}", 4)) |> Enum.frequencies()
    assert Map.keys(counts) == [0, 1, 2, 3]
    assert Enum.all?(Map.values(counts), &(&1 in 200..300))
    large = String.duplicate("x", 100_000)
    assert Ring.jump(large, 7) in 0..6
  end

  test "long keys are keys" do
    for profile <- [:default, :ketama, :clusterluck] do
      ring = Ring.new!(~w(a b c), profile: profile)
      key = String.duplicate("k", 1_000_000)
      assert [owner | _] = Ring.owners(ring, key, 2)
      assert Ring.owner(ring, key) == owner
      assert Ring.owner(ring, binary_part(key, 0, 65_536)) in ~w(a b c)
      if profile == :default, do: assert(owner in Ring.slot_owners(ring, Ring.slot(ring, key)))
    end
  end

  test "more nodes than are put in order on an ordinary scheduler" do
    ring = Ring.new!(for(n <- 1..3_000, do: "n#{n}"), slots: 16, profile: :pure)
    owners = Ring.owners(ring, "k", 5_000)
    assert Enum.sort(owners) == Ring.names(ring)
    assert Ring.owners(ring, "k", 3) == Enum.take(owners, 3)
    pinned = Ring.replace!(ring, pin: {"k", List.last(owners)})
    assert Ring.owners(pinned, "k", 2) == [List.last(owners), hd(owners)]
  end

  test "many processes ask at once, while rings come and go" do
    ring = small(for n <- 1..20, do: "n#{n}")
    keys = for n <- 1..500, do: "key-#{n}"
    owners = Enum.map(keys, &Ring.owner(ring, &1))

    for _ <- 1..8 do
      Task.async(fn ->
        for round <- 1..20 do
          assert Enum.map(keys, &Ring.owner(ring, &1)) == owners
          mine = Ring.replace!(ring, remove: "n#{round}")
          assert Ring.size(mine) == 19
        end
      end)
    end
    |> Task.await_many(60_000)
  end

  test "rings that nobody has any more leave no memory behind" do
    # About 256 KiB outside of the heap each.
    pins = for n <- 100..299, do: {"#{n}" <> String.duplicate("k", 1_000), "a"}

    churn = fn ->
      fn -> for _ <- 1..500, do: Ring.owner(Ring.new!(["a"], slots: 1, pins: pins), "k") end
      |> Task.async()
      |> Task.await(60_000)
    end

    churn.()
    before = resident()
    churn.()
    churn.()
    assert resident() - before < 100_000
  end

  test "a process that keeps its garbage for long keeps no old rings" do
    keep = fn rounds ->
      Enum.reduce(1..rounds, Ring.new!(["a"], profile: :pure), fn _, ring ->
        changed = Ring.replace!(ring, pin: {"k", "a"})
        # Twice collected, it is old, and looked at no more for long.
        for _ <- 1..3, do: Enum.sum(Enum.to_list(1..20_000))
        changed
      end)
    end

    grown = fn ->
      keep.(30)
      before = resident()
      ring = keep.(300)
      {Ring.size(ring), resident() - before}
    end

    # Tables of 256 KiB.
    assert {1, growth} = grown |> Task.async() |> Task.await(60_000)
    assert growth < 25_000
  end

  defp resident do
    [_, kilobytes] = Regex.run(~r/VmRSS:\s+(\d+) kB/, File.read!("/proc/self/status"))
    String.to_integer(kilobytes)
  end
end
