"""Clocks folded under a log of retirements."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from chinwag import BadArgument, Folded, Retired, TooLarge, VectorClock

CLOCK = VectorClock({"gone": 7, "late": 1, "here": 5})
LOG = Retired([("gone", 7), ("late", 2), ("unseen", 4)])
FOLDED = LOG.fold(CLOCK)

#: As a program has them that nobody has checked.
LOOSE: Any = LOG
MAKE: Any = Retired


def test_no_counter_is_lost() -> None:
    assert FOLDED.epoch == LOG.epoch == 3
    assert dict(FOLDED.clock) == {"here": 5, "late": 1, "unseen": 0}
    assert LOG.unfold(FOLDED) == CLOCK
    early = Retired(LOG.items()[:1]).fold(CLOCK)
    assert early.epoch == 1 and LOG.raise_(early) == FOLDED and early != FOLDED
    other = LOG.fold(CLOCK.increment("here"))
    assert LOG.compare(early, other) == "before" and LOG.compare(other, FOLDED) == "after"
    assert LOG.merge(early, other) == other
    everything, nothing = LOG.fold(VectorClock({"gone": 7, "late": 2, "unseen": 4})), VectorClock()
    assert len(everything.clock) == 0 and LOG.compare(everything, LOG.fold(nothing)) == "after"


def test_a_log_grows_at_its_end() -> None:
    log = Retired()
    assert (log.retire("b", 1), log.retire("a", 0), log.epoch, len(log)) == (1, 2, 2, 2)
    assert log.items() == list(log) == [("b", 1), ("a", 0)] and "a" in log and "c" not in log
    assert (log.get("b"), log.get("c"), log.get("c", 5)) == (1, None, 5) and 1 not in LOOSE
    with pytest.raises(BadArgument, match='"b" has ended already'):
        log.retire("b", 1)
    assert log.epoch == 2 and log == log == Retired(log) and log != LOG and log != [("b", 1)]
    for same in (eval(repr(log)), copy.copy(log), pickle.loads(pickle.dumps(log))):
        assert type(same) is Retired and same == log
        same.retire("c", 1)
        assert same != log and "c" not in log
    assert MAKE([["b", 1], ["a", 0]]) == log and repr(Retired()) == "Retired([])"
    with pytest.raises(TypeError, match="unhashable"):
        hash(log)


def test_a_log_that_is_behind_does_not_guess() -> None:
    behind = Retired(LOG.items()[:2])
    now = behind.fold(CLOCK)
    for call in (
        lambda: behind.unfold(FOLDED), lambda: behind.raise_(FOLDED),
        lambda: behind.compare(now, FOLDED), lambda: behind.merge(FOLDED, now),
    ):
        with pytest.raises(BadArgument, match="folded under 3 retirements"):
            call()


def test_a_folded_clock_travels() -> None:
    for folded in (FOLDED, LOG.fold(CLOCK.increment("x", 5))):
        for there in (
            pickle.loads(pickle.dumps(folded)), copy.deepcopy(folded), eval(repr(folded)),
            Folded.from_bytes(bytearray(bytes(folded))),
            Folded.from_json(folded.to_json().encode()),
        ):
            assert type(there) is Folded and there == folded and bytes(there) == folded.to_bytes()
            assert hash(there) == hash(folded)
    assert FOLDED.to_json() == '{"clock":{"here":5,"late":1,"unseen":0},"epoch":3}'
    with pytest.raises(TypeError):
        Folded()


def test_a_log_travels() -> None:
    data = bytes(LOG)
    assert data == LOG.to_bytes() == b"\x61\x03\x04gone\x07\x04late\x02\x06unseen\x04"
    assert LOG.to_json() == '[["gone",7],["late",2],["unseen",4]]'
    for there in (
        Retired.from_bytes(data), Retired.from_bytes(memoryview(data)),
        Retired.from_json(LOG.to_json()), Retired.from_json(LOG.to_json().encode()),
    ):
        assert type(there) is Retired and there == LOG and there.unfold(FOLDED) == CLOCK
        assert there.retire("new", 1) == 4 and LOG.epoch == 3
    long = Retired((f"node~{number}", number) for number in range(5_000))
    assert Retired.from_bytes(bytes(long)) == long == Retired.from_json(long.to_json())


def test_a_log_has_room_and_no_more() -> None:
    log = Retired((f"{number:01024}", 1) for number in range(16 * 1_024))
    with pytest.raises(TooLarge):
        log.retire("x", 1)
    assert log.epoch == 16_384 and Retired.from_bytes(bytes(log)) == log
    with pytest.raises(TooLarge):
        Retired.from_json(" " * (4 * 2**20 + 1))


BAD: dict[str, Callable[[], object]] = {
    "no name": lambda: LOG.retire("", 1),
    "a long name": lambda: LOG.retire("x" * 1_025, 1),
    "a number as an actor": lambda: LOOSE.retire(1, 1),
    "less than nothing": lambda: LOG.retire("new", -1),
    "half an event": lambda: LOOSE.retire("new", 0.5),
    "one text as a log": lambda: MAKE("ab"),
    "nothing to go through": lambda: MAKE(1),
    "texts as a log": lambda: MAKE(["ab"]),
    "a log of three": lambda: MAKE([("a", 1, 2)]),
    "an actor twice": lambda: Retired([("a", 1), ("a", 1)]),
    "no count": lambda: MAKE([("a", None)]),
    "a number's count": lambda: LOOSE.get(1),
    "text as bytes": lambda: Folded.from_bytes("1"),  # type: ignore[arg-type]
    "no bytes": lambda: Folded.from_bytes(b""),
    "half the bytes": lambda: Folded.from_bytes(bytes(FOLDED)[:-1]),
    "bytes of a clock": lambda: Folded.from_bytes(bytes(CLOCK)),
    "no JSON": lambda: Folded.from_json("{"),
    "text as the bytes of a log": lambda: MAKE.from_bytes("a"),
    "half a log": lambda: Retired.from_bytes(bytes(LOG)[:-1]),
    "bytes too many": lambda: Retired.from_bytes(bytes(LOG) + b"\0"),
    "an actor twice in bytes": lambda: Retired.from_bytes(b"\x61\x02\x01a\x01\x01a\x01"),
    "many actors announced": lambda: Retired.from_bytes(b"\x61\xff\xff\xff\xff\x0f\x01a\x01"),
    "JSON of another log": lambda: Retired.from_json('{"a":1}'),
    "an actor twice in JSON": lambda: Retired.from_json('[["a",1],["a",1]]'),
    "a number as JSON": lambda: MAKE.from_json(1),
    "JSON of a clock": lambda: Folded.from_json(CLOCK.to_json()),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(BadArgument) as caught:
        call()
    assert caught.value.code == "bad_argument" and len(str(caught.value)) < 300
    assert LOG.epoch == 3


def test_calls_that_python_itself_refuses() -> None:
    for call in (
        lambda: LOOSE.fold(FOLDED), lambda: LOOSE.unfold(CLOCK), lambda: LOOSE.raise_(None),
        lambda: LOOSE.compare(FOLDED), lambda: LOOSE.merge(FOLDED, CLOCK),
    ):
        with pytest.raises(TypeError):
            call()  # type: ignore[no-untyped-call]
