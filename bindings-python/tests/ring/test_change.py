"""What moves between two rings, how even one is, and round it."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from copy import copy, deepcopy
from typing import Any

import chinwag
import pytest
from chinwag import BadArgument, Ring, RingChange, RingNode
from chinwag.ring import Balance, Moved, MovedSlot, Range, jump

KEYS = [f"user:{number}" for number in range(2_000)]
BEFORE = Ring(["a", "b", "c"], slots=512, profile="pure")
AFTER = BEFORE.with_node("d")
CHANGE = RingChange(BEFORE, AFTER)

#: As a program has them that nobody has checked.
LOOSE: Any = BEFORE
LOOSE_CHANGE: Any = CHANGE
LOOSE_JUMP: Any = jump


def test_a_change_is_told_of_the_callers_keys() -> None:
    moved = CHANGE.moved(KEYS)
    wanted = [key for key in KEYS if BEFORE.owner(key) != AFTER.owner(key)]
    assert [one.key for one in moved] == wanted and len(wanted) > 200
    for one in moved:
        assert one == Moved(one.key, BEFORE.owner(one.key), "d")
    assert CHANGE.gained(KEYS, "d") == wanted and CHANGE.lost(KEYS, "d") == []
    lost = {name: CHANGE.lost(KEYS, name) for name in "abc"}
    assert sorted(key for keys in lost.values() for key in keys) == sorted(wanted)
    assert all(BEFORE.owner(key) == name for name, keys in lost.items() for key in keys)
    back = RingChange(AFTER, BEFORE)
    assert back.gained(KEYS, "a") == lost["a"] and back.lost(KEYS, "d") == wanted
    assert CHANGE.gained(KEYS, "nobody") == [] and RingChange(BEFORE, BEFORE).moved(KEYS) == []


def test_keys_come_back_as_they_were_given() -> None:
    class Key(str):
        pass

    given: list[Any] = [Key(key) for key in KEYS] + [key.encode() for key in KEYS]
    gained = CHANGE.gained(iter(given), "d")
    assert {id(key) for key in gained} <= {id(key) for key in given}
    assert len(gained) == 2 * len(CHANGE.gained(KEYS, "d"))
    cache = dict.fromkeys(KEYS, 0)
    for key in CHANGE.lost(cache, "a"):
        del cache[key]
    assert len(cache) < len(KEYS) and not CHANGE.lost(cache, "a")


def test_slots_and_flows_are_those_of_the_keys() -> None:
    slots = CHANGE.slots()
    assert [one.slot for one in slots] == AFTER.slots_of("d")
    for slot, old, new in slots:
        assert new == "d" and old == BEFORE.slot_owners(slot)[0]
    assert slots[0] == MovedSlot(slots[0].slot, slots[0].old, "d")
    assert CHANGE.flows() == Counter((one.old, one.new) for one in slots)
    fresh = RingChange(Ring([], slots=512, profile="pure"), BEFORE)
    assert {one.old for one in fresh.moved(KEYS)} == {None}
    assert len(fresh.moved(KEYS)) == len(KEYS)
    assert RingChange(BEFORE, BEFORE.replace(slots=64)).slots() == []


def test_a_change_is_a_value() -> None:
    assert CHANGE.before is BEFORE and CHANGE.after is AFTER
    there = pickle.loads(pickle.dumps(CHANGE))
    assert there == CHANGE == RingChange(BEFORE, AFTER) != RingChange(AFTER, BEFORE)
    assert hash(there) == hash(CHANGE) and CHANGE != 1
    assert pickle.loads(pickle.dumps(CHANGE.moved(KEYS))) == CHANGE.moved(KEYS)
    names = f"{BEFORE.fingerprint:016x} to {AFTER.fingerprint:016x}"
    assert repr(CHANGE) == f"<chinwag.RingChange from {names}>"
    assert chinwag.RingChange is RingChange is chinwag.ring.RingChange


def test_a_change_of_nobody_needs_a_name() -> None:
    assert CHANGE.local is None and CHANGE.gained(KEYS, "d") == CHANGE.gained(KEYS, name="d") != []
    for verb in (LOOSE_CHANGE.lost, LOOSE_CHANGE.gained):
        for arguments in ((KEYS,), (KEYS, None), ("a", KEYS)):
            with pytest.raises(BadArgument):
                verb(*arguments)
    own = RingChange(BEFORE, AFTER, "a")
    assert own.local == "a" and own.lost(KEYS) == CHANGE.lost(KEYS, "a") != []
    assert own.gained(KEYS) == [] and own.gained(KEYS, "d") == CHANGE.gained(KEYS, "d")
    assert own != CHANGE and own != RingChange(BEFORE, AFTER, "b") and hash(own) == hash(CHANGE)
    for twin in (pickle.loads(pickle.dumps(own)), copy(own), deepcopy(own)):
        assert twin == own and twin.lost(KEYS) == own.lost(KEYS)


def test_the_balance_adds_up() -> None:
    balance = Ring(["a", RingNode("b", 3)], slots=512, profile="exact").balance()
    assert balance == [Balance("a", 0.25, 0.25), Balance("b", 0.75, 0.75)]
    for profile in ("default", "pure", "ketama", "clusterluck"):
        shares = Ring(["a", "b", "c"], profile=profile).balance()
        assert [one.name for one in shares] == ["a", "b", "c"]
        assert abs(sum(one.share for one in shares) - 1) < 1e-9
    assert Ring([]).balance() == []


def test_ranges_are_the_whole_ring() -> None:
    ranges = BEFORE.ranges()
    assert ranges[0].start == 0 and ranges[-1].end == 511
    for one, other in zip(ranges, ranges[1:]):
        assert one.end + 1 == other.start and one.owner != other.owner
    for key in KEYS[:200]:
        slot = BEFORE.slot(key)
        assert slot is not None
        assert [r.owner for r in ranges if r.start <= slot <= r.end] == [BEFORE.owner(key)]
    points = Ring(["a", "b"], profile="ketama").ranges()
    assert points[0].start == 0 and points[-1].end == 2**32 - 1 and type(points[0]) is Range
    assert Ring([]).ranges() == []


def test_clusterlucks_ring_goes_both_ways() -> None:
    nodes = [RingNode(name, 3) for name in "abcd"]
    ring = Ring(nodes, profile="clusterluck")
    assert ring.owner("k") == "d" and ring.owners("k", 3) == ["d", "c", "b"]
    assert ring.owners_before("k", 3) == ["b", "d", "c"]
    assert ring.next("d", 2) == ["c", "b"] and ring.previous("d", 2) == ["b", "c"]
    assert ring.next("nobody", 2) == [] and Ring([]).owners_before("k", 2) == []
    assert sorted(BEFORE.next("a", 9)) == sorted(BEFORE.previous("a", 9)) == ["b", "c"]


def test_a_jump_moves_a_key_to_the_new_bucket_or_not_at_all() -> None:
    assert jump("k", 0) is None and jump("k", 1) == 0
    assert jump("schlüssel", 9) == jump("schlüssel".encode(), 9)
    for key in KEYS[:200]:
        for buckets in range(1, 20):
            assert jump(key, buckets + 1) in (jump(key, buckets), buckets)
    assert len({jump(key, 10) for key in KEYS}) == 10


@pytest.mark.parametrize(
    "call",
    [
        lambda: LOOSE_CHANGE.moved("user"),
        lambda: LOOSE_CHANGE.moved([1]),
        lambda: LOOSE_CHANGE.moved(None),
        lambda: LOOSE_CHANGE.gained(KEYS, 1),
        lambda: LOOSE_CHANGE.gained(b"user", "a"),
        lambda: LOOSE_CHANGE.lost([None], "a"),
        lambda: LOOSE.next(1, 1),
        lambda: LOOSE.next("a", -1),
        lambda: LOOSE.previous("a", 0.5),
        lambda: LOOSE.owners_before("k", True),
        lambda: LOOSE_JUMP("k", -1),
        lambda: LOOSE_JUMP("k", 1.5),
        lambda: LOOSE_JUMP("k", 1 << 32),
        lambda: LOOSE_JUMP(1, 1),
    ],
)
def test_what_cannot_be_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(BadArgument):
        call()


def test_a_change_is_between_rings() -> None:
    make: Any = RingChange
    for arguments in ((), (BEFORE,), (BEFORE, "ring"), (None, AFTER)):
        with pytest.raises(TypeError):
            make(*arguments)
    with pytest.raises(BadArgument):
        make(BEFORE, AFTER, 1)
