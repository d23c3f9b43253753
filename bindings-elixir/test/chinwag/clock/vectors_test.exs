defmodule Chinwag.ClockVectorsTest do
  # Every line of `tests/vectors/clocks`, whose README says what the statements are.
  use ExUnit.Case, async: true

  alias Chinwag.{ActorTable, Error, Folded, HybridClock, HybridTime, LamportClock, Retired}
  alias Chinwag.{Siblings, VectorClock}

  @folder Path.expand("../../../../tests/vectors/clocks", __DIR__)

  for {file, at_least} <- [
        {"clocks.txt", 1_500},
        {"retired.txt", 1_000},
        {"siblings.txt", 1_000},
        {"hybrid.txt", 400},
        {"forms.txt", 1_000}
      ] do
    test file do
      lines = @folder |> Path.join(unquote(file)) |> File.read!() |> String.split("\n")

      played =
        lines |> Enum.with_index(1) |> Enum.reduce({fresh(), 0}, &line(unquote(file), &1, &2))

      assert elem(played, 1) >= unquote(at_least)
    end
  end

  test "no file is left out" do
    files = @folder |> Path.join("*.txt") |> Path.wildcard() |> Enum.map(&Path.basename/1)
    assert Enum.sort(files) == ~w(clocks.txt forms.txt hybrid.txt retired.txt siblings.txt)
  end

  defp fresh, do: %{log: Retired.new!()}

  defp line(_file, {"", _number}, played), do: played
  defp line(_file, {"#" <> _, _number}, played), do: played
  defp line(_file, {"case " <> _, _number}, {_state, count}), do: {fresh(), count}

  defp line(file, {line, number}, {state, count}) do
    [statement, expected] = String.split(line, " => ", parts: 2)

    {outcome, state} =
      try do
        play(String.split(statement, " "), state)
      rescue
        # Nothing has changed: the state is the one from before.
        error in Error -> {Atom.to_string(error.code), state}
      end

    assert outcome == expected, "#{file}:#{number}: #{statement}"
    {state, count + 1}
  end

  # Clocks.

  defp play(["insert", a, name | at], state),
    do: put(state, a, VectorClock.insert(clock(state, a), text(name), at(at)))

  defp play(["increment", a, name], state),
    do: put(state, a, VectorClock.increment(clock(state, a), text(name)))

  defp play(["increment", a, name, at], state),
    do: put(state, a, VectorClock.increment(clock(state, a), text(name), at([at])))

  defp play(["update", a, name, count | at], state),
    do: put(state, a, VectorClock.update(clock(state, a), text(name), number(count), at(at)))

  defp play(["remove", a, name], state),
    do: put(state, a, VectorClock.remove(clock(state, a), text(name)))

  defp play(["merge", a, b], state),
    do: put(state, a, VectorClock.merge(clock(state, a), clock(state, b)))

  defp play(["copy", a, b], state), do: put(state, b, clock(state, a))

  defp play(["trim", a, now, lower, young, upper, old], state) do
    bounds = [
      lower: number(lower),
      young_us: number(young),
      upper: number(upper),
      old_us: number(old)
    ]

    put(state, a, VectorClock.trim(clock(state, a), number(now), bounds))
  end

  defp play(["compare", a, b], state) do
    {ours, theirs} = {clock(state, a), clock(state, b)}
    causality = VectorClock.compare(ours, theirs)
    assert VectorClock.equal?(ours, theirs) == (causality == :equal)
    assert VectorClock.descends?(ours, theirs) == causality in [:equal, :after]
    assert VectorClock.dominates?(ours, theirs) == (causality == :after)
    assert VectorClock.concurrent?(ours, theirs) == (causality == :concurrent)
    {Atom.to_string(causality), state}
  end

  defp play(["get", a, name], state) do
    {clock, name} = {clock(state, a), text(name)}
    entry = VectorClock.get(clock, name)
    assert VectorClock.has?(clock, name) == (entry != nil)
    assert VectorClock.count(clock, name) == if(entry, do: entry.count, else: 0)
    assert List.keyfind(VectorClock.entries(clock), name, 0, {name, nil}) == {name, entry}

    outcome =
      if entry, do: "#{entry.count} #{entry.insert || "-"} #{entry.time || "-"}", else: "none"

    {outcome, state}
  end

  defp play(["dot", a, name], state) do
    {clock, name} = {clock(state, a), text(name)}
    dot = VectorClock.dot(clock, name)
    assert dot == List.keyfind(VectorClock.dots(clock), name, 0)
    if dot, do: assert(VectorClock.descends_dot?(clock, dot))
    {if(dot, do: to_string(elem(dot, 1)), else: "none"), state}
  end

  defp play(["actor", name, incarnation], state) do
    {name, incarnation} = {text(name), number(incarnation)}
    actor = VectorClock.actor(name, incarnation)
    assert VectorClock.split_actor(actor) == {name, incarnation}
    {URI.encode(actor, &URI.char_unreserved?/1), state}
  end

  # Forms.

  defp play(["json", a], state) do
    json = VectorClock.to_json(clock(state, a))
    assert VectorClock.from_json!(json) == clock(state, a)
    {json, state}
  end

  defp play(["from-json", json], state),
    do: {json |> text() |> VectorClock.from_json!() |> VectorClock.to_bytes() |> hex(), state}

  defp play(["table", m | names], state) do
    table = ActorTable.new!(Enum.map(names, &text/1))
    {hex(<<ActorTable.fingerprint(table)::64>>), Map.put(state, m, table)}
  end

  defp play(["dense", a, m], state),
    do: {hex(VectorClock.to_dense!(clock(state, a), Map.fetch!(state, m))), state}

  defp play(["from-dense", m, bytes], state) do
    clock = VectorClock.from_dense!(Map.fetch!(state, m), unhex(bytes))
    {hex(VectorClock.to_bytes(clock)), state}
  end

  defp play(["read", form, bytes], state) do
    modules = %{"clock" => VectorClock, "folded" => Folded, "siblings" => Siblings}
    module = Map.get(modules, form, Retired)
    assert module.to_bytes(module.from_bytes!(unhex(bytes))) == unhex(bytes)
    {"ok", state}
  end

  # Retirements.

  defp play(["retire", name, count], state) do
    log = Retired.retire!(state.log, text(name), number(count))
    assert Retired.get(log, text(name)) == number(count)
    {to_string(Retired.epoch(log)), %{state | log: log}}
  end

  defp play(["relog"], state), do: {"0", %{state | log: Retired.new!()}}

  defp play(["log"], state), do: {hex(Retired.to_bytes(state.log)), state}

  defp play(["log-json"], state) do
    json = Retired.to_json(state.log)
    assert Retired.equal?(Retired.from_json!(json), state.log)
    {json, state}
  end

  defp play(["from-log-json", json], state),
    do: {json |> text() |> Retired.from_json!() |> Retired.to_bytes() |> hex(), state}

  defp play(["fold", f, a], state),
    do: put(state, f, Retired.fold!(state.log, clock(state, a)))

  defp play(["fold-raise", f], state),
    do: put(state, f, Retired.raise!(state.log, folded(state, f)))

  defp play(["unfold", f, a], state),
    do: put(state, a, Retired.unfold!(state.log, folded(state, f)))

  defp play(["fold-compare", f, g], state) do
    causality = Retired.compare!(state.log, folded(state, f), folded(state, g))
    {Atom.to_string(causality), state}
  end

  defp play(["fold-merge", f, g], state),
    do: put(state, f, Retired.merge!(state.log, folded(state, f), folded(state, g)))

  defp play(["fold-json", f], state) do
    json = Folded.to_json(folded(state, f))
    assert Folded.from_json!(json) == folded(state, f)
    {json, state}
  end

  # Siblings.

  defp play(["put", s, name, a, value], state),
    do: put(state, s, Siblings.put!(record(state, s), text(name), clock(state, a), unhex(value)))

  defp play(["context", s, a], state), do: put(state, a, Siblings.context(record(state, s)))

  defp play(["discard", s, a], state),
    do: put(state, s, Siblings.discard!(record(state, s), clock(state, a)))

  defp play(["sync", s, t], state),
    do: put(state, s, Siblings.merge!(record(state, s), record(state, t)))

  defp play(["resolve", s, name], state),
    do: put(state, s, Siblings.resolve!(record(state, s), text(name), &Enum.join/1))

  defp play(["values", s], state) do
    values = Siblings.values(record(state, s))
    assert values == for({_dot, value} <- Siblings.dots(record(state, s)), do: value)
    {if(values == [], do: "none", else: Enum.map_join(values, ",", &hex/1)), state}
  end

  defp play(["siblings-json", s], state) do
    json = Siblings.to_json(record(state, s))
    assert Siblings.from_json!(json) == record(state, s)
    {json, state}
  end

  defp play(["from-siblings-json", json], state),
    do: {json |> text() |> Siblings.from_json!() |> Siblings.to_bytes() |> hex(), state}

  defp play(["compare-siblings", s, t], state),
    do: {Atom.to_string(Siblings.compare(record(state, s), record(state, t))), state}

  # Stamps.

  defp play(["hybrid", h, drift], state),
    do: {"ok", Map.put(state, h, HybridClock.new(drift_us: number(drift)))}

  defp play(["tick", h, now], state),
    do: stamped(state, h, HybridClock.tick(Map.fetch!(state, h), number(now)))

  defp play(["observe", h, stamp, now], state) do
    stamp = HybridTime.parse!(stamp)
    stamped(state, h, HybridClock.observe!(Map.fetch!(state, h), stamp, number(now)))
  end

  defp play(["read-stamp", word], state) do
    stamp = HybridTime.parse!(text(word))
    assert to_string(stamp) == text(word)
    {to_string(HybridTime.to_integer(stamp)), state}
  end

  defp play(["lamport-tick", l], state),
    do: numbered(state, l, LamportClock.tick(Map.get(state, l, LamportClock.new())))

  defp play(["lamport-observe", l, remote], state) do
    clock = Map.get(state, l, LamportClock.new())
    numbered(state, l, LamportClock.observe(clock, number(remote)))
  end

  defp put(state, name, %module{} = made),
    do: {hex(module.to_bytes(made)), Map.put(state, name, made)}

  defp stamped(state, name, {stamp, clock}) do
    bytes = HybridTime.to_bytes(stamp)
    assert HybridTime.from_bytes!(bytes) == stamp
    {"#{stamp} #{hex(bytes)}", Map.put(state, name, clock)}
  end

  defp numbered(state, name, {number, clock}),
    do: {to_string(number), Map.put(state, name, clock)}

  defp clock(state, name), do: Map.get(state, name, VectorClock.new())
  defp record(state, name), do: Map.get(state, name, Siblings.new())

  defp folded(state, name),
    do: Map.get_lazy(state, name, fn -> Retired.fold!(Retired.new!(), VectorClock.new()) end)

  defp at([]), do: []
  defp at([at]), do: [at: number(at)]

  defp number(word), do: String.to_integer(word)
  defp text(word), do: URI.decode(word)

  defp hex(""), do: "-"
  defp hex(bytes), do: Base.encode16(bytes, case: :lower)
  defp unhex("-"), do: ""
  defp unhex(digits), do: Base.decode16!(digits, case: :lower)
end
