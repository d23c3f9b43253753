"""Hybrid clocks, their stamps, and Lamport's clock."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from chinwag import BadArgument, HybridClock, HybridTime, LamportClock
from support import LIMIT

NOW = 1_795_316_449_123_456
STAMP = HybridTime("001795316449123.00042")

#: As a program has them that nobody has checked.
TIME: Any = HybridTime
LOOSE: Any = HybridClock()
LAMPORT: Any = LamportClock


def test_a_stamp_is_a_number_a_text_and_bytes() -> None:
    assert (STAMP.ms, STAMP.counter) == (1_795_316_449_123, 42)
    assert int(STAMP) == STAMP.ms << 16 | 42 and str(STAMP) == "001795316449123.00042"
    later = HybridTime(int(STAMP) + 1)
    assert STAMP < later and STAMP <= later and later > STAMP and later >= STAMP and STAMP != later
    assert str(STAMP) < str(later) and bytes(STAMP) < bytes(later) and max(STAMP, later) is later
    assert len({STAMP, HybridTime(int(STAMP)), later}) == 2 and STAMP != int(STAMP)
    for same in (
        eval(repr(STAMP)), pickle.loads(pickle.dumps(STAMP)), copy.deepcopy(STAMP),
        HybridTime.from_bytes(memoryview(STAMP.to_bytes())),
    ):
        assert type(same) is HybridTime and same == STAMP and hash(same) == hash(STAMP)
    with pytest.raises(TypeError):
        assert STAMP < 5  # type: ignore[operator]


def test_stamps_ascend_whatever_the_time_does() -> None:
    clock = HybridClock()
    assert int(clock.last) == 0
    given = [clock.tick(NOW), clock.tick(NOW), clock.tick(NOW - 5_000_000), clock.tick(NOW + 1_000)]
    assert [str(one)[-11:] for one in given] == [
        "49123.00000", "49123.00001", "49123.00002", "49124.00000",
    ]
    assert clock.last == given[-1] and repr(clock) == f"<chinwag.HybridClock at {clock.last}>"
    theirs = HybridClock().tick(NOW + 400_000)
    assert clock.observe(theirs, NOW) > theirs
    last = clock.last
    with pytest.raises(BadArgument, match="ahead of the time here"):
        clock.observe(HybridTime(2**64 - 1), NOW)
    assert clock.last == last
    assert HybridClock(drift_us=0).observe(clock.last, NOW + 400_000) > clock.last
    with pytest.raises(BadArgument):
        HybridClock(0).observe(clock.last, NOW)


def test_lamports_clock() -> None:
    clock = LamportClock()
    assert (clock.tick(), clock.observe(7), clock.observe(3), clock.time) == (1, 8, 9, 9)
    assert LamportClock(clock.time).tick() == 10 and repr(clock) == "<chinwag.LamportClock at 9>"
    end = LamportClock(2**64 - 1)
    assert end.tick() == end.observe(5) == 2**64 - 1


def test_a_clock_is_one_and_has_no_copies() -> None:
    for clock in (HybridClock(), LamportClock()):
        for call in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                call(clock)
        assert clock == clock and {clock: 1}[clock] == 1


def test_no_two_threads_get_the_same() -> None:
    hybrid, lamport = HybridClock(), LamportClock()
    stamps: list[list[int]] = []

    def work() -> None:
        mine = [[int(hybrid.tick(NOW)), lamport.tick()] for _ in range(2_000)]
        assert mine == sorted(mine)
        stamps.extend(mine)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert [len(set(column)) for column in zip(*stamps, strict=True)] == [16_000, 16_000]
    assert lamport.time == 16_000


BAD: dict[str, Callable[[], object]] = {
    "nothing as a stamp": lambda: TIME(None),
    "bytes as a stamp": lambda: TIME(b"001795316449123.00042"),
    "less than nothing": lambda: HybridTime(-1),
    "more than 64 bits": lambda: HybridTime(1 << 64),
    "half a stamp": lambda: TIME(0.5),
    "truth as a stamp": lambda: HybridTime(True),
    "a short text": lambda: HybridTime("1795316449123.42"),
    "a long text": lambda: HybridTime("0" * 1_000_000),
    "other digits": lambda: HybridTime("٠٠١٧٩٥٣١٦٤٤٩١٢٣.00042"),
    "half a letter": lambda: HybridTime("\ud800"),
    "seven bytes": lambda: HybridTime.from_bytes(bytes(7)),
    "text as bytes": lambda: TIME.from_bytes("01234567"),
    "a time before the first": lambda: HybridClock().tick(-1),
    "a time beyond 64 bits": lambda: HybridClock().tick(1 << 64),
    "seconds": lambda: LOOSE.tick(1795316449.1),
    "no time": lambda: LOOSE.observe(STAMP, None),
    "a drift back": lambda: HybridClock(-1),
    "half a drift": lambda: LOOSE.__class__(0.5),
    "an event before the first": lambda: LamportClock(-1),
    "an event beyond 64 bits": lambda: LamportClock().observe(1 << 64),
    "text as an event": lambda: LAMPORT("1"),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(BadArgument) as caught:
        call()
    assert caught.value.code == "bad_argument" and len(str(caught.value)) < 300


def test_calls_that_python_itself_refuses() -> None:
    for call in (lambda: LOOSE.observe(int(STAMP), NOW), lambda: LOOSE.tick(), lambda: TIME()):
        with pytest.raises(TypeError):
            call()  # type: ignore[no-untyped-call]
