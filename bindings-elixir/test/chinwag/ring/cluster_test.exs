defmodule Chinwag.ClusterRingTest do
  use Chinwag.Case, async: true

  alias Chinwag.{Native, Ring, RingChange, RingNode}

  @keys for n <- 1..200, do: "user:#{n}"

  # A node whose name is not the same in all tests of this VM would have another ring in each.
  defp node!(mesh, name, options), do: node!(mesh, [node: name] ++ options)

  defp meshes(test), do: for(name <- [A, B, C], do: Module.concat([__MODULE__, test, name]))

  defp has!(mesh, names), do: eventually(fn -> Ring.names(Chinwag.ring(mesh)) == names end)

  # The next change of the ring.
  defp change!(mesh) do
    assert_receive {:chinwag, ^mesh, {:ring_change, %RingChange{} = change}}, 10_000
    change
  end

  test "all members have the ring of the members, and so has who makes it by hand" do
    [a, b, _] = meshes(Same)
    seed = node!(a, "a", tags: [weight: "2", zone: "x"])
    node!(b, "b", seeds: [seed], tags: [zone: "y"])
    for mesh <- [a, b], do: has!(mesh, ["a", "b"])
    ring = Ring.new!([{"a", weight: 2, zone: "x"}, %RingNode{name: "b", zone: "y"}])

    for mesh <- [a, b] do
      own = Chinwag.ring(mesh)
      assert Ring.equal?(own, ring)
      assert Ring.fingerprint(own) == Ring.fingerprint(ring)
      assert {Ring.version(own) > 0, Ring.version(ring)} == {true, 0}
      assert Ring.version(Ring.without!(own, "a")) == 0
    end

    for key <- ["" | @keys] do
      owner = Ring.owner(ring, key)
      assert %Member{name: ^owner} = Chinwag.owner(a, key)
      assert Enum.map(Chinwag.owners(b, key, 9), & &1.name) == Ring.owners(ring, key, 9)
      assert Chinwag.owners(a, key, 0) == []
      assert {Chinwag.owns?(a, key), Chinwag.owns?(b, key)} == {owner == "a", owner == "b"}
    end

    assert Chinwag.owner(a, "user:1") == Chinwag.member(a, Ring.owner(ring, "user:1"))
    # Hashed on a dirty scheduler.
    long = :binary.copy("k", 100_000)
    assert Chinwag.owner(a, long).name == Ring.owner(ring, long)
    assert Enum.map(Chinwag.owners(a, long, 2), & &1.name) == Ring.owners(ring, long, 2)
    assert Chinwag.owns?(a, long) == (Ring.owner(ring, long) == "a")
  end

  test "a ring that is the same is the same term, in any process" do
    [a, b, _] = meshes(Again)
    seed = node!(a, "a", [])
    ring = Chinwag.ring(a)
    assert Chinwag.ring(a) === ring
    others = Task.async_stream(1..50, fn _ -> Chinwag.ring(a) end)
    assert Enum.all?(others, &(&1 === {:ok, ring}))
    node!(b, "b", seeds: [seed])
    has!(a, ["a", "b"])
    assert Ring.names(ring) == ["a"]
    assert Chinwag.ring(a) !== ring
  end

  test "look-ups may come first, also many at a time" do
    for {call, n} <-
          [&Chinwag.owner/2, &Chinwag.owns?/2, &Chinwag.previous_owner/2]
          |> Enum.with_index() do
      [a, _, _] = meshes(:"First#{n}")
      node!(a, "a", [])
      answers = Task.async_stream(1..20, fn _ -> call.(a, "k") end, max_concurrency: 20)
      assert [{:ok, answer}] = Enum.uniq(answers)
      assert answer in [Chinwag.local_member(a), true, nil]
    end

    [a, _, _] = meshes(FirstOwners)
    node!(a, "a", [])
    assert Chinwag.owners(a, "k", 2) == [Chinwag.local_member(a)]
  end

  test "a change answers for the caller's keys, and the past is kept" do
    [a, b, _] = meshes(Past)
    seed = node!(a, "a", ring_history: 2)
    :ok = Chinwag.subscribe(a, :ring)
    assert {Ring.version(Chinwag.ring(a)), Chinwag.past_rings(a)} == {1, []}

    node!(b, "b", seeds: [seed])
    assert %RingChange{version: 2, local: "a"} = change = change!(a)
    assert {Ring.version(change.before), Ring.version(change.after)} == {1, 2}
    assert Ring.equal?(change.after, Chinwag.ring(a))
    lost = RingChange.lost(change, @keys)
    assert length(lost) in 50..150
    assert Enum.all?(lost, &(Chinwag.owner(a, &1).name == "b"))
    assert RingChange.lost(change, MapSet.new(@keys), "a") |> Enum.sort() == Enum.sort(lost)
    assert RingChange.gained(change, @keys) == []
    assert RingChange.gained(change, Stream.map(@keys, & &1), :b) == lost
    assert RingChange.moved(change, @keys) == for(key <- lost, do: {key, "a", "b"})
    assert Chinwag.previous_owner(a, hd(lost)) == "a"
    assert Chinwag.previous_owner(a, hd(@keys -- lost)) == nil

    :ok = Chinwag.leave(b)
    assert %RingChange{version: 3} = change = change!(a)
    assert RingChange.gained(change, @keys) == lost
    assert Chinwag.previous_owner(a, hd(lost)) == "b"
    assert Enum.map(Chinwag.past_rings(a), &Ring.version/1) == [2, 1]
    assert Enum.map(Chinwag.past_rings(a), &Ring.names/1) == [["a", "b"], ["a"]]

    :ok = Chinwag.update_tags(a, weight: "3")
    assert %RingChange{version: 4} = change!(a)
    assert Enum.map(Chinwag.past_rings(a), &Ring.version/1) == [3, 2]
    refute_received _
  end

  test "who is drained owns nothing, and comes back" do
    [a, b, _] = meshes(Drained)
    seed = node!(a, "a", [])
    node!(b, "b", seeds: [seed])
    has!(a, ["a", "b"])
    :ok = Chinwag.update_tags(b, weight: "0")
    for mesh <- [a, b], do: has!(mesh, ["a"])
    assert Enum.all?(@keys, &Chinwag.owns?(a, &1))
    refute Enum.any?(@keys, &Chinwag.owns?(b, &1))
    :ok = Chinwag.update_tags(b, weight: nil)
    has!(a, ["a", "b"])
  end

  test "nobody is on the ring" do
    [a, _, _] = meshes(Nobody)
    node!(a, "a", ring_tags: [role: "cache"])
    assert Ring.size(Chinwag.ring(a)) == 0
    assert {Chinwag.owner(a, "k"), Chinwag.owners(a, "k", 2)} == {nil, []}
    assert {Chinwag.owns?(a, "k"), Chinwag.previous_owner(a, "k")} == {false, nil}
  end

  test "options say how keys are placed and who is on the ring" do
    [a, b, _] = meshes(Options)

    options = [
      ring_profile: :exact,
      ring_slots: 271,
      ring_replicas: 2,
      ring_hash_tags: true,
      ring_tags: %{"role" => "cache"},
      ring_weight_tag: "share",
      ring_zone_tag: "rack",
      handoff_timeout: "2s"
    ]

    seed = node!(a, "a", [tags: [role: "cache", share: "3", rack: "r1"]] ++ options)
    node!(b, "b", [seeds: [seed], tags: [role: "web"]] ++ options)
    eventually(fn -> length(Chinwag.members(a)) == 2 end)
    ring = Chinwag.ring(b)
    assert [%RingNode{name: "a", weight: 3, zone: "r1"}] = Ring.nodes(ring)
    assert Ring.profile(ring) == {:slots, 271, 0}
    assert {Ring.replicas(ring), Ring.hash_tags?(ring)} == {2, true}

    for wrong <- [
          [ring_slots: 0],
          [ring_profile: :quick],
          [ring_history: 65],
          [handoff_timeout: -1]
        ] do
      assert_raise Error, ~r/^bad_config/, fn -> start_or_raise(wrong) end
    end
  end

  defp start_or_raise(options) do
    Process.flag(:trap_exit, true)
    {:error, error} = Chinwag.start_link(options(__MODULE__.Wrong, options))
    raise error
  end

  test "overrides decide, all of them at once" do
    [a, b, _] = meshes(Overrides)
    seed = node!(a, "a", [])
    node!(b, "b", seeds: [seed])
    has!(a, ["a", "b"])
    pins = %{"vip" => "b"}
    :ok = Chinwag.set_ring_overrides(a, pins: pins, pin_prefixes: [{"eu:", :a}, {<<255>>, "b"}])
    eventually(fn -> Ring.pins(Chinwag.ring(a)) == pins end)
    assert Chinwag.owner(a, "vip").name == "b"
    assert for(n <- 1..20, do: Chinwag.owner(a, "eu:#{n}").name) |> Enum.uniq() == ["a"]
    assert Chinwag.owner(a, <<255, 1>>).name == "b"
    # They are everybody's.
    eventually(fn -> Ring.pins(Chinwag.ring(b)) == pins end)

    :ok = Chinwag.set_ring_overrides!(a, excluded: MapSet.new(["b"]))
    has!(a, ["a"])
    assert {Ring.pins(Chinwag.ring(a)), Ring.excluded(Chinwag.ring(a))} == {%{}, ["b"]}

    for overrides <- [
          [exclude: "b"],
          [profile: :pure],
          [:excluded],
          [excluded: "b"],
          [excluded: [1]],
          [excluded: nil],
          [pins: ["k"]],
          [pins: [{"k", nil}]],
          [pins: %{1 => "b"}],
          [pin_prefixes: 5],
          [{:pins, %{}} | :tail],
          %{"pins" => %{}},
          "pins",
          nil
        ] do
      assert {:error, %Error{code: :bad_argument}} = Chinwag.set_ring_overrides(a, overrides)
    end

    long = %{String.duplicate("x", 1_025) => "b"}
    many = for n <- 1..65_537, do: {"k#{n}", "b"}

    for overrides <- [[pins: long], [pin_prefixes: long], [pins: many]] do
      assert {:error, %Error{code: :too_large}} = Chinwag.set_ring_overrides(a, overrides)
      assert_raise Error, fn -> Chinwag.set_ring_overrides!(a, overrides) end
    end

    assert Ring.excluded(Chinwag.ring(a)) == ["b"]
    :ok = Chinwag.set_ring_overrides(a, %{})
    has!(a, ["a", "b"])
  end

  test "a weight that is none counts as 1, and is told to who hears of members" do
    [a, b, _] = meshes(Odd)
    seed = node!(a, "a", [])
    assert Ring.size(Chinwag.ring(a)) == 1
    node!(b, "b", seeds: [seed], tags: [weight: "heavy"])
    has!(a, ["a", "b"])
    :ok = Chinwag.subscribe(a)

    assert_receive {:chinwag, ^a, {:warning, %{code: :ring_weight, subject: "b", text: text}}},
                   10_000

    assert text =~ "heavy"
    assert Enum.map(Ring.nodes(Chinwag.ring(a)), & &1.weight) == [1, 1]
  end

  test "slots change hands once they are released" do
    [a, b, _] = meshes(HandedOff)
    options = [ring_slots: 1_009, handoff_timeout: 12_500]
    seed = node!(a, "a", options)
    :ok = Chinwag.subscribe(a, :ring)
    assert_receive {:chinwag, ^a, {:handoff_acquired, first}}, 10_000
    assert %{peer: "", clean: true} = first
    assert first.slots == Enum.to_list(0..1_008)

    node!(b, "b", [seeds: [seed]] ++ options)
    :ok = Chinwag.subscribe(b, :ring)
    assert_receive {:chinwag, ^a, {:handoff_prepare, prepare}}, 10_000
    assert %{id: 1, peer: "b", timeout: 12_500, slots: slots} = prepare
    assert slots == Ring.slots_of(Chinwag.ring(b), "b")
    assert length(slots) in 400..600
    assert prepare.epoch >= first.epoch
    refute_received {:chinwag, ^b, {:handoff_acquired, _}}
    assert :ok = Chinwag.released(a, prepare.id)
    assert_receive {:chinwag, ^b, {:handoff_acquired, acquired}}, 10_000
    assert %{peer: "a", clean: true, slots: ^slots} = acquired
    assert acquired.epoch > prepare.epoch
    assert {:error, %Error{code: :bad_argument}} = Chinwag.released(a, prepare.id)
  end

  test "slots that nobody asks for cannot be released" do
    [a, _, _] = meshes(Released)
    node!(a, "a", handoff_timeout: 1_000)

    for id <- [7, 0, -1, "7", nil] do
      assert {:error, %Error{code: :bad_argument}} = Chinwag.released(a, id)
    end

    assert_raise Error, fn -> Chinwag.released!(a, 7) end
  end

  test "arguments that are none raise" do
    [a, _, _] = meshes(Bad)
    node!(a, "a", [])

    # Before there is a ring, and after.
    for _ <- 1..2 do
      for key <- [nil, 5, :k, ["k"], <<1::1>>] do
        for call <- [&Chinwag.owner/2, &Chinwag.owns?/2, &Chinwag.previous_owner/2] do
          assert %{code: :bad_argument} = assert_raise(Error, fn -> call.(a, key) end)
        end

        assert_raise Error, fn -> Chinwag.owners(a, key, 1) end
      end

      for count <- [-1, nil, 1.5, "1"] do
        assert_raise Error, fn -> Chinwag.owners(a, "k", count) end
      end

      Chinwag.ring(a)
    end

    assert Chinwag.owners(a, "k", 1_000_000_000_000) == [Chinwag.local_member(a)]
  end

  test "a closed node has none; a ring of it stays as it was" do
    [a, _, _] = meshes(Closed)
    node!(a, "a", [])
    ring = Chinwag.ring(a)
    :ok = stop_supervised(a)
    assert Ring.owner(ring, "k") == "a"

    for call <- [
          &Chinwag.ring/1,
          &Chinwag.past_rings/1,
          &Chinwag.owner(&1, "k"),
          &Chinwag.owners(&1, "k", 1),
          &Chinwag.owns?(&1, "k"),
          &Chinwag.previous_owner(&1, "k"),
          &Chinwag.set_ring_overrides!(&1, []),
          &Chinwag.released!(&1, 1)
        ] do
      assert %{code: :closed} = assert_raise(Error, fn -> call.(a) end)
    end

    assert {:error, %Error{code: :closed}} = Chinwag.subscribe(a, :ring)
  end

  test "what is large is told on a dirty scheduler" do
    ring = Ring.new!(for(n <- 1..3_000, do: "n#{n}"), slots: 1)
    assert Native.ring_told(ring.native) == :large
    assert Ring.told(Native.ring_told_large(ring.native)) == ring
    few = Ring.new!(["a"], slots: 1)
    assert Ring.told(Native.ring_told(few.native)) == few
    assert %Error{code: :bad_argument} = catch_error(Native.ring_told(make_ref()))
  end

  test "the program of the README" do
    [a, b, _] = meshes(Readme)
    seed = node!(a, "a", [])
    readme = File.read!(Path.expand("../../../README.md", __DIR__))
    [_, program] = Regex.run(~r/^### The ring of the cluster\n.*?```elixir\n(.*?)```/ms, readme)
    Code.eval_string(program)
    cache = start_supervised!({MyApp.Cache, a})
    for key <- @keys, do: :ok = GenServer.call(cache, {:put, key, 1})
    node!(b, "b", seeds: [seed])
    has!(a, ["a", "b"])
    ring = Chinwag.ring(a)
    kept = for key <- @keys, Ring.owner(ring, key) == "a", do: key
    eventually(fn -> Enum.sort(GenServer.call(cache, :keys)) == Enum.sort(kept) end)
    gone = hd(@keys -- kept)
    assert GenServer.call(cache, {:put, gone, 1}) == {:elsewhere, addr(b)}
    send(cache, {:chinwag, a, {:events_lost, 1, []}})
    send(cache, {:chinwag, a, {:handoff_acquired, %{}}})
    assert length(GenServer.call(cache, :keys)) == length(kept)
  end
end
