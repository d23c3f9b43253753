"""The ring of a cluster: who owns what, what a change moves, and what is decided by hand."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import chinwag
import pytest
from chinwag import (
    BadArgument,
    Event,
    HandoffAcquired,
    HandoffPrepare,
    Ring,
    RingChanged,
    RingNode,
    TooLarge,
    blocking,
)
from chinwag.events import CLASSES
from chinwag.ring import Moved
from support import LIMIT, ROOT, eventually, eventually_blocking, find, quick, run, wait_for

KEYS = [f"user:{number}" for number in range(200)]


async def has(node: chinwag.Node, *names: str) -> None:
    """Waits until the ring of a node has these names."""
    await eventually(lambda: node.ring.names == names)


async def next_change(events: AsyncIterator[Event]) -> RingChanged:
    event = await wait_for(events, "ring-change")
    assert isinstance(event, RingChanged)
    return event


def test_all_members_have_the_ring_of_the_members() -> None:
    async def main() -> None:
        a = await chinwag.start("a", **quick(tags={"weight": "2", "zone": "x"}))
        b = await chinwag.start("b", **quick(tags={"zone": "y"}, seeds=[a.addr]))
        for node in (a, b):
            await has(node, "a", "b")
        ring = Ring([RingNode("a", 2, "x"), RingNode("b", 1, "y")])
        assert a.ring == b.ring == ring and a.ring.fingerprint == b.ring.fingerprint
        assert a.ring is a.ring and a.ring.version >= 1 > ring.version
        for key in KEYS:
            owner = a.owner(key)
            assert owner is not None and owner.name == ring.owner(key)
            assert [member.name for member in a.owners(key, 3)] == ring.owners(key, 3)
            assert a.owners(key, 1) == [owner] and a.owners(key, 0) == []
            assert a.owns(key) == (owner.name == "a") != b.owns(key.encode())
        await a.close()
        await b.close()
        assert a.ring == ring and a.owns(KEYS[0]) != b.owns(KEYS[0]), "as it was when it closed"

    run(main())


def test_a_change_answers_for_the_callers_keys_and_the_past_is_kept() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(ring_history=2)) as a:
            events = a.events()
            first = a.ring
            assert (first.version, a.past_rings()) == (1, [])
            b = await chinwag.start("b", **quick(seeds=[a.addr]))
            told = await next_change(events)
            change = told.change
            assert told.version == change.after.version == 2 and change.before is first
            assert change.after is a.ring and change.local == "a"
            assert repr(a.ring).startswith("<chinwag.Ring default of 2 nodes, version 2, finger")
            cache = dict.fromkeys(KEYS, 0)
            lost = change.lost(cache)
            assert 50 < len(lost) < 150 and change.lost(cache.keys()) == lost
            assert change.gained(iter(KEYS)) == [] and change.gained(KEYS, "b") == lost
            assert change.moved(KEYS) == [Moved(key, "a", "b") for key in lost]
            assert {a.previous_owner(key) for key in lost} == {"a"}
            kept = sorted(cache.keys() - lost)
            assert a.previous_owner(kept[0]) is None and a.owns(kept[0]) and not a.owns(lost[0])

            await b.leave()
            back = await next_change(events)
            assert back.change.gained(KEYS) == lost and back.change.before is change.after
            assert [ring.version for ring in a.past_rings()] == [2, 1]
            assert a.past_rings() == [change.after, first] and a.ring == first
            assert a.previous_owner(lost[0]) == "b"
            await b.close()
            await a.update_tags(weight="3")
            assert (await next_change(events)).version == 4
            assert len(a.past_rings()) == 2, "no more than ring_history"

    run(main())


def test_changes_come_one_from_the_end_of_the_other() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            changes = a.ring_changes()
            ring = a.ring
            assert ring.version == 1
            async with chinwag.start("b", **quick(seeds=[a.addr])):
                joined = await asyncio.wait_for(anext(changes), LIMIT)
            assert joined.before is ring and joined.after.names == ("a", "b")
            async for left in changes:
                break
            assert left.before is joined.after and left.gained(KEYS) == joined.lost(KEYS)
        assert [change async for change in changes] == [], "it ends when the node is closed"

    run(main())


@pytest.mark.parametrize("buffer", [1, 4096])
def test_a_slow_reader_misses_no_key_that_moved(buffer: int) -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(event_buffer=buffer)) as a:
            changes, seen = a.ring_changes(), a.events()
            ring = a.ring
            for weight in ("2", "3", "4"):
                await a.update_tags(weight=weight)
                await eventually(lambda: a.ring.nodes[0].weight == int(weight))
            async with chinwag.start("b", **quick(seeds=[a.addr])):
                await has(a, "a", "b")
            await has(a, "a")
            # Of one that is not on the ring, so that what is left does not tell of the last one.
            async with chinwag.start("c", **quick(seeds=[a.addr], tags={"weight": "0"})):
                await eventually(lambda: a.member("c") is not None)
            assert ((await anext(seen)).type == "events-lost") == (buffer == 1)
            told = 0
            while ring.version < a.ring.version:
                change = await asyncio.wait_for(anext(changes), LIMIT)
                assert change.before is ring and change.local == "a"
                ring, told = change.after, told + 1
            assert ring is a.ring and ring.version > 5
            assert told == ring.version - 1 if buffer > 1 else told < 5

    run(main())


def test_threads_are_told_of_changes() -> None:
    with blocking.start("a", **quick()) as a:
        told: list[Event] = []
        a.on_event(told.append)
        changes = a.ring_changes()
        with blocking.start("b", **quick(seeds=[a.addr])):
            joined = next(changes)
            assert joined.after.names == ("a", "b") and joined.before.version == 1
            lost = joined.lost(KEYS)
            assert lost and {owner.name for key in lost if (owner := a.owner(key))} == {"b"}
        assert next(changes).gained(KEYS) == lost and a.ring.version == 3
        eventually_blocking(lambda: sum(e.type == "ring-change" for e in told) == 2)
        a.close()
        assert list(changes) == []


def test_threads_that_ask_at_once_get_the_same_ring() -> None:
    with blocking.start("a", **quick()) as a:
        rings: list[Ring] = []
        gate = threading.Barrier(8)

        def ask() -> None:
            gate.wait(LIMIT)
            rings.extend(a.ring for _ in range(50))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert len(rings) == 400 and {id(ring) for ring in rings} == {id(a.ring)}


def test_nothing_is_told_of_rings_until_somebody_asks() -> None:
    with blocking.start("a", **quick()) as a:
        events = a.events()
        with blocking.start("b", **quick(seeds=[a.addr])):
            find(events, "member-join", "b")
            assert a.past_rings() == []
        find(events, "member-leave", "b")
        a.close()
        assert "ring-change" not in {event.type for event in events}


def test_who_is_drained_owns_nothing_and_comes_back() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            async with chinwag.start("b", **quick(seeds=[a.addr])) as b:
                await has(a, "a", "b")
                await b.update_tags(weight="0")
                await has(a, "a")
                await has(b, "a")
                assert not any(map(b.owns, KEYS)) and all(map(a.owns, KEYS))
                await b.update_tags(weight=None)
                await has(a, "a", "b")
            async with chinwag.start("c", **quick(tags={"weight": "0"})) as c:
                assert c.ring.names == () and c.owner("k") is None and c.owners("k", 2) == []
                assert not c.owns("k") and c.previous_owner("k") is None

    run(main())


def test_tags_choose_and_overrides_decide() -> None:
    options: dict[str, Any] = {
        "ring_tags": {"role": "cache"},
        "ring_profile": "exact",
        "ring_slots": 271,
        "ring_replicas": "2",
        "ring_hash_tags": True,
        "ring_weight_tag": "load",
        "ring_zone_tag": "rack",
        "ring_history": 0,
        "handoff_timeout": 0,
    }

    async def main() -> None:
        async with chinwag.start("a", **quick(**options)) as a:
            tags = {"role": "cache", "load": "3", "rack": "r1"}
            b = await chinwag.start("b", **quick(tags=tags, seeds=[a.addr], **options))
            tags = {"role": "cache"}
            c = await chinwag.start("c", **quick(tags=tags, seeds=[a.addr], **options))
            await has(a, "b", "c")
            by_hand = Ring(
                [RingNode("b", 3, "r1"), "c"], profile="exact", slots=271, replicas=2,
                hash_tags=True,
            )
            assert a.ring == by_hand
            assert a.ring.owner("{x}1") == a.ring.owner("{x}2") and not a.owns("x")

            await a.set_ring_overrides(excluded=["b"], pins={"k": "b"})
            await has(a, "c")
            await has(b, "c")
            assert a.ring.excluded == ("b",) and a.ring.owner("k") == "c", "b owns nothing"
            await a.set_ring_overrides(pins={b"k": "b"}, pin_prefixes={"k": "c", "k:": "b"})
            await has(a, "b", "c")
            owners = [owner.name for key in ("k", "kk", "k:k") if (owner := a.owner(key))]
            assert owners == ["b", "c", "b"]
            assert a.past_rings() == [], "ring_history is 0"
            await a.set_ring_overrides()
            await eventually(lambda: a.ring == by_hand)
            await b.close()
            await c.close()

    run(main())


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda node: node.owner(1), BadArgument),
        (lambda node: node.owners("k", -1), BadArgument),
        (lambda node: node.owners(None, 1), BadArgument),
        (lambda node: node.owns(0.5), BadArgument),
        (lambda node: node.previous_owner(()), BadArgument),
        (lambda node: node.set_ring_overrides(excluded="b"), BadArgument),
        (lambda node: node.set_ring_overrides(excluded=[1]), BadArgument),
        (lambda node: node.set_ring_overrides(pins=["k"]), BadArgument),
        (lambda node: node.set_ring_overrides(pins={1: "b"}), BadArgument),
        (lambda node: node.set_ring_overrides(pin_prefixes={"k": 1}), BadArgument),
        (lambda node: node.set_ring_overrides(pins={"x" * 1_025: "b"}), TooLarge),
        (lambda node: node.set_ring_overrides(["b"]), TypeError),
        (lambda node: node.released(1), BadArgument),
        (lambda node: node.released("1"), TypeError),
    ],
)
def test_what_cannot_be_is_refused(
    call: Callable[[Any], object], wanted: type[Exception]
) -> None:
    with blocking.start("a", **quick()) as a:
        before = a.ring
        with pytest.raises(wanted):
            call(a)
        assert a.ring is before


def test_slots_change_hands_once_they_are_released() -> None:
    async def main() -> None:
        options: dict[str, Any] = {"ring_slots": 1009, "handoff_timeout": 12.5}
        a = await chinwag.start("a", **quick(**options))
        of_a = a.events()
        first = await wait_for(of_a, "handoff-acquired")
        assert isinstance(first, HandoffAcquired)
        assert (first.peer, first.slots, first.clean) == ("", tuple(range(1009)), True)

        b = await chinwag.start("b", **quick(seeds=[a.addr], **options))
        of_b = b.events()
        prepare = await wait_for(of_a, "handoff-prepare")
        assert isinstance(prepare, HandoffPrepare)
        assert (prepare.id, prepare.peer, prepare.timeout) == (1, "b", 12.5)
        assert prepare.slots == tuple(b.ring.slots_of("b")) and 400 < len(prepare.slots) < 600
        assert prepare.epoch >= first.epoch
        await a.released(prepare.id)
        acquired = await wait_for(of_b, "handoff-acquired")
        assert isinstance(acquired, HandoffAcquired)
        assert (acquired.peer, acquired.slots, acquired.clean) == ("a", prepare.slots, True)
        assert acquired.epoch > prepare.epoch
        with pytest.raises(BadArgument):
            await a.released(prepare.id)
        await a.close()
        await b.close()

    run(main())


def test_no_handoff_waits_for_a_release() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(handoff_timeout=2.5)) as a:
            with pytest.raises(BadArgument):
                await a.released(7)
        with pytest.raises(chinwag.Closed):
            await a.released(7)

    run(main())


@pytest.mark.parametrize(
    "options",
    [
        {"ring_profile": "quick"},
        {"ring_slots": 0},
        {"ring_replicas": 256},
        {"ring_tags": ["role"]},
        {"ring_history": 65},
        {"handoff_timeout": -1},
        {"ring_profile": "ketama", "ring_slots": 271},
    ],
)
def test_options_that_contradict_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(chinwag.BadConfig):
        blocking.start("a", **quick(**options))


def test_classes_of_events_have_the_fields_of_the_manifest() -> None:
    row = r'type = "(.*)"\nnumber = \d+\n(?:python = "(.*)"\n)?fields = \[(.*)\]'
    rows = re.findall(row, _manifest())
    assert len(rows) == len(CLASSES)
    for kind, python, fields in rows:
        assert CLASSES[kind].__name__ == (python or kind.title().replace("-", ""))
        names = re.findall(r'"(\w+):', fields)
        assert CLASSES[kind].__match_args__ == (*names, "seq"), kind


def _manifest() -> str:
    return (ROOT.parent / "api.toml").read_text()
