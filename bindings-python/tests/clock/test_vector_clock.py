"""Vector clocks: what a value of Python is expected to do, and what cannot be."""

from __future__ import annotations

import array
import copy
import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import chinwag
import pytest
from chinwag import (
    ActorTable,
    BadArgument,
    Causality,
    Folded,
    Siblings,
    TooLarge,
    TrimBounds,
    VectorClock,
)
from chinwag.clock import ACTOR_MAX, Dot, Entry, actor, split_actor
from support import LIMIT, ROOT

U64 = 2**64 - 1
NOW = 1_795_316_449_123_456
X = VectorClock({"web-1": 1})
Y = X.increment("web-1")
Z = X.increment("web-2")

#: As a program has them that nobody has checked.
LOOSE: Any = X
CLOCK: Any = VectorClock
BOUNDS: Any = TrimBounds


def test_four_answers_and_a_partial_order() -> None:
    assert (X.compare(Y), Y.compare(X), X.compare(VectorClock(X))) == ("before", "after", "equal")
    assert Y.compare(Z) is Causality.CONCURRENT and str(Y.compare(Z)) == "concurrent"
    assert X < Y and X <= Y and Y > X and Y >= X and X != Y and not Y < X
    assert not (Y < Z or Y <= Z or Y > Z or Y >= Z or Y == Z)
    assert X <= VectorClock(X) and X >= VectorClock(X) and not X < VectorClock(X)
    assert Y.descends(X) and Y.descends(Y) and Y.dominates(X) and not Y.dominates(Y)
    both = Y.merge(Z)
    assert both.dominates(Y) and both.dominates(Z) and both == VectorClock({"web-1": 2, "web-2": 1})
    assert VectorClock() <= X and not X <= VectorClock()
    assert {one.value for one in Causality} == {"equal", "before", "after", "concurrent"}


def test_equality_agrees_with_the_order() -> None:
    stamped = VectorClock().insert("z", NOW).increment("web-1", NOW)
    assert stamped == X and hash(stamped) == hash(X) and bytes(stamped) != bytes(X)
    assert {X: 1, stamped: 2, Y: 3} == {X: 2, Y: 3}
    assert X != {"web-1": 1} and X != "web-1" and not X == None  # noqa: E711
    for other in ({"web-1": 2}, 1, None):
        with pytest.raises(TypeError):
            assert X < other  # type: ignore[operator]


def test_a_clock_never_changes() -> None:
    before = bytes(X)
    for made in (
        X.insert("a"), X.increment("web-1", NOW), X.update("web-1", 9), X.remove("web-1"),
        X.merge(Z), X.trim(NOW),
    ):
        assert type(made) is VectorClock and bytes(X) == before
    with pytest.raises(TypeError):
        LOOSE["web-1"] = 2
    with pytest.raises(AttributeError):
        LOOSE.count = 2


def test_it_is_looked_at_like_a_counter() -> None:
    clock = VectorClock({"b": 2, "a": 1, "é": U64}).insert("0")
    assert clock["b"] == 2 and clock["nobody"] == 0 and clock["0"] == 0
    assert "0" in clock and "nobody" not in clock and LOOSE.__contains__(1) is False
    assert (clock.get("0"), clock.get("nobody"), clock.get("nobody", 7)) == (0, None, 7)
    assert list(clock) == clock.keys() == ["0", "a", "b", "é"] and clock.values() == [0, 1, 2, U64]
    assert dict(clock) == dict(clock.items()) == {"0": 0, "a": 1, "b": 2, "é": U64}
    assert len(clock) == 4 and clock and not VectorClock()
    assert VectorClock(dict(clock)) == clock and "0" not in clock.remove("0").remove("0")


def test_entries_and_events() -> None:
    clock = X.insert("seen", NOW).increment("seen", NOW + 1).update("seen", 7, NOW + 2)
    assert clock.entry("seen") == Entry(7, NOW, NOW + 2) == (7, NOW, NOW + 2)
    assert clock.entry("web-1") == Entry(count=1) and clock.entry("nobody") is None
    assert clock.dot("seen") == Dot("seen", 7) and clock.insert("new").dot("new") is None
    assert clock.descends_dot(Dot("seen", 7)) and not clock.descends_dot(("seen", 8))
    assert LOOSE.descends_dot(["web-1", 1]) and clock.descends_dot(("nobody", 0))
    assert X.update("web-1", 1, U64).entry("web-1") == Entry(1, U64 - 1, U64 - 1)
    assert X.update("web-1", U64).increment("web-1")["web-1"] == U64


def test_trimming() -> None:
    clock = VectorClock()
    for number in range(60):
        clock = clock.increment(f"n{number:02}", NOW + number)
    assert TrimBounds() == (10, 20_000_000, 50, 86_400_000_000)
    later = NOW + 20_000_061
    assert len(clock.trim(NOW)) == 60 and clock.trim(later).keys() == clock.keys()[10:]
    assert len(clock.trim(later, TrimBounds(lower=60))) == 60
    assert clock.trim(later, TrimBounds(upper=2, young_us=0)).keys() == ["n58", "n59"]
    assert len(clock.trim(NOW + 59, TrimBounds(0, 0, 60, 9))) == 10


def test_a_clock_travels() -> None:
    stamped = X.increment("é\n'\"", NOW)
    for clock in (VectorClock(), X, stamped):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            there = pickle.loads(pickle.dumps(clock, protocol))
            assert type(there) is VectorClock and bytes(there) == bytes(clock)
        assert copy.copy(clock) is clock and copy.deepcopy([clock])[0] is clock
        data = bytes(clock)
        for buffer in (data, bytearray(data), memoryview(data), array.array("B", data)):
            assert bytes(VectorClock.from_bytes(buffer)) == data == clock.to_bytes()
        assert bytes(VectorClock.from_bytes(memoryview(data[::-1])[::-1])) == data
        text = clock.to_json()
        for written in (text, text.encode(), f" {text} "):
            assert bytes(VectorClock.from_json(written)) == data
        assert bytes(eval(repr(clock))) == data
    assert json.loads(stamped.to_json())["web-1"] == 1
    assert repr(Z) == "VectorClock({'web-1': 1, 'web-2': 1})"
    assert repr(VectorClock({})) == "VectorClock()"
    assert VectorClock.__module__ == Causality.__module__ == TrimBounds.__module__ == "chinwag"


def test_what_is_long_travels_too() -> None:
    clock = VectorClock({f"{number:05}{'x' * 60}": number for number in range(20_000)})
    assert VectorClock.from_bytes(bytes(clock)).items() == clock.items()
    assert VectorClock.from_json(clock.to_json()) == clock and eval(repr(clock)) == clock


def test_a_table_of_actors_makes_it_short() -> None:
    names = [f"web-{number}" for number in range(100)]
    table, clock = ActorTable(names[::-1]), VectorClock(dict.fromkeys(names, 100))
    dense = clock.to_dense(table)
    assert len(dense) == 109 and VectorClock.from_dense(table, bytearray(dense)) == clock
    assert table.actors == list(table) == sorted(names) and len(table) == 100
    same = eval(repr(table))
    assert same == table == pickle.loads(pickle.dumps(table)) and {table: 1}[same] == 1
    other = ActorTable(name for name in names[1:])
    assert other != table and other.fingerprint != table.fingerprint
    with pytest.raises(BadArgument, match="another table"):
        VectorClock.from_dense(other, dense)
    with pytest.raises(BadArgument, match='"web-0"'):
        clock.to_dense(other)
    assert VectorClock.from_dense(other, clock.remove("web-0").to_dense(other)) <= clock


def test_an_actor_is_a_node_in_one_of_its_lives() -> None:
    assert actor("web-1", 7) == "web-1~7" and split_actor("web-1~7") == ("web-1", 7)
    assert split_actor("a~b~0") == ("a~b", 0) and split_actor("web-1~07") is None
    assert X.increment("x" * ACTOR_MAX) and X.increment(actor("x" * 1_022, 1))
    strange: Any = actor
    for arguments in (("", 1), ("x" * 1_023, 1), ("x", -1), ("x", 1 << 64), (1, 1), ("x", None)):
        with pytest.raises(BadArgument):
            strange(*arguments)


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


DEEP = '{"a":' * 100_000
BAD: dict[str, Callable[[], object]] = {
    "a number as an actor": lambda: LOOSE.increment(1),
    "bytes as an actor": lambda: LOOSE.insert(b"a"),
    "nothing as an actor": lambda: LOOSE.update(None, 1),
    "no name": lambda: X.increment(""),
    "a long name": lambda: X.insert("x" * 1_025),
    "a very long name": lambda: X.update("x" * 10_000_000, 1),
    "a name that is long in bytes": lambda: X.increment("é" * 513),
    "half a letter": lambda: X.increment("\ud800"),
    "half a letter that is asked for": lambda: X["\ud800"],
    "a number that is asked for": lambda: LOOSE[1],
    "a number that is removed": lambda: LOOSE.remove(1),
    "a number's event": lambda: LOOSE.dot(1),
    "a number's entry": lambda: LOOSE.entry(1),
    "a number's count": lambda: LOOSE.get(1),
    "less than nothing": lambda: X.update("a", -1),
    "more than 64 bits": lambda: X.update("a", U64 + 1),
    "far more": lambda: X.update("a", 10**10_000),
    "half an event": lambda: LOOSE.update("a", 1.0),
    "truth as a count": lambda: X.update("a", True),
    "text as a count": lambda: LOOSE.update("a", "1"),
    "a time before the first": lambda: X.increment("a", -1),
    "a time beyond 64 bits": lambda: X.insert("a", U64 + 1),
    "seconds": lambda: LOOSE.increment("a", 1795316449.1),
    "a trim at no time": lambda: LOOSE.trim(None),
    "a trim to anything": lambda: LOOSE.trim(NOW, (1, 2, 3, 4)),
    "a trim to less than nothing": lambda: X.trim(NOW, TrimBounds(lower=-1)),
    "a trim to half an entry": lambda: X.trim(NOW, BOUNDS(upper=0.5)),
    "a trim in the days of old": lambda: X.trim(NOW, TrimBounds(old_us=1 << 64)),
    "no event": lambda: LOOSE.descends_dot("ab"),
    "an event of three": lambda: LOOSE.descends_dot(("a", 1, 2)),
    "an event before the first": lambda: X.descends_dot(("a", -1)),
    "a list of counts": lambda: CLOCK([("a", 1)]),
    "one text as counts": lambda: CLOCK("a"),
    "counts of numbers": lambda: CLOCK({1: 1}),
    "counts that are none": lambda: CLOCK({"a": None}),
    "counts of nobody": lambda: CLOCK({"": 1}),
    "text as bytes": lambda: CLOCK.from_bytes("\x11\x00"),
    "a number as bytes": lambda: CLOCK.from_bytes(2),
    "nothing as bytes": lambda: CLOCK.from_bytes(None),
    "no bytes": lambda: VectorClock.from_bytes(b""),
    "half the bytes": lambda: VectorClock.from_bytes(bytes(X)[:-1]),
    "bytes too many": lambda: VectorClock.from_bytes(bytes(X) + b"\0"),
    "bytes of a record": lambda: VectorClock.from_bytes(bytes(Siblings())),
    "many entries announced": lambda: VectorClock.from_bytes(b"\x11" + varint(1 << 60)),
    "random bytes, and many": lambda: VectorClock.from_bytes(os.urandom(1 << 20)),
    "no JSON": lambda: VectorClock.from_json("{"),
    "JSON of something else": lambda: VectorClock.from_json("[]"),
    "a deep JSON": lambda: VectorClock.from_json(DEEP),
    "bytes as JSON": lambda: VectorClock.from_json(b"\xff"),
    "half a letter as JSON": lambda: VectorClock.from_json('{"\ud800":1}'),
    "a number as JSON": lambda: CLOCK.from_json(1),
    "half an event in JSON": lambda: VectorClock.from_json('{"a":1.5}'),
    "a number that JSON spoils": lambda: VectorClock.from_json('{"a":9007199254740993}'),
    "one text as a table": lambda: ActorTable("ab"),
    "nothing as a table": lambda: ActorTable(None),  # type: ignore[arg-type]
    "numbers as a table": lambda: ActorTable([1]),  # type: ignore[list-item]
    "nobody in a table": lambda: ActorTable(["a", ""]),
    "no dense bytes": lambda: VectorClock.from_dense(ActorTable([]), b""),
    "text as dense bytes": lambda: CLOCK.from_dense(ActorTable([]), "\x51"),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_is_refused(call: Callable[[], object]) -> None:
    before = bytes(X)
    with pytest.raises(BadArgument) as caught:
        call()
    assert caught.value.code == "bad_argument" and len(str(caught.value)) < 300
    assert bytes(X) == before


def shared(count: int) -> bytes:
    """The bytes of so many names of 1,024 bytes that share almost all with the one before."""
    first = f"{'x' * 1_018}{0:06}".encode()
    out = bytearray(b"\x11" + varint(count) + b"\x0f" + varint(1_024 - 15) + first + b"\x01")
    for number in range(1, count):
        before, name = f"{number - 1:06}", f"{number:06}"
        same = 1_018 + next(at for at in range(6) if before[at] != name[at])
        out += bytes([0xF0 | 1_024 - same]) + varint(same - 15) + name[same - 1_018 :].encode()
        out += b"\x01"
    return bytes(out)


def names(count: int) -> Iterator[str]:
    return (f"{'x' * 1_018}{number:06}" for number in range(count))


FULL = VectorClock.from_bytes(shared(16_384))
LARGE: dict[str, Callable[[], object]] = {
    "a name too many": lambda: FULL.increment("y"),
    "counts that do not fit": lambda: VectorClock(dict.fromkeys(names(16_385), 1)),
    "a merge that does not fit": lambda: FULL.merge(X),
    "bytes that come to more": lambda: VectorClock.from_bytes(shared(20_000)),
    "a table that does not fit": lambda: ActorTable(names(16_385)),
    "a large JSON": lambda: VectorClock.from_json(" " * (4 << 20) + "{}"),
    "a large JSON of a folded clock": lambda: Folded.from_json(" " * (4 << 20) + "{}"),
    "a context that does not fit": lambda: Siblings[int]().put("y", FULL, 1),
}


@pytest.mark.parametrize("call", LARGE.values(), ids=LARGE.keys())
def test_what_is_too_large_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(TooLarge) as caught:
        call()
    assert caught.value.code == "too_large" and len(str(caught.value)) < 300
    assert len(FULL) == 16_384 and FULL.increment(next(names(1))).dominates(FULL)


def test_calls_that_python_itself_refuses() -> None:
    for call in (
        lambda: LOOSE.merge({"web-1": 1}),
        lambda: LOOSE.merge(None),
        lambda: LOOSE.compare("web-1"),
        lambda: LOOSE.descends(1),
        lambda: LOOSE.increment(),
        lambda: LOOSE.increment("a", now=1),
        lambda: LOOSE.to_dense(["a"]),
        lambda: CLOCK(a=1),
    ):
        with pytest.raises(TypeError):
            call()  # type: ignore[no-untyped-call]


def test_errors_show_what_is_short() -> None:
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: LOOSE.increment(1.5), "the name of an actor cannot be 1.5"),
        (lambda: LOOSE.update("a", "x" * 10_000_000), "a count cannot be a str"),
        (lambda: LOOSE.increment("a", -1), "a time cannot be -1"),
        (lambda: CLOCK.from_bytes("x"), "the bytes of a clock cannot be 'x'"),
    ]
    for call, text in calls:
        with pytest.raises(BadArgument, match=f"^{text}$"):
            call()


def test_an_error_of_the_caller_is_the_callers() -> None:
    def fails() -> Iterator[str]:
        yield "a"
        raise LookupError("no more")

    class Number:
        def __index__(self) -> int:
            return 3

    with pytest.raises(LookupError, match="no more"):
        ActorTable(fails())
    assert LOOSE.update("a", Number())["a"] == 3


def test_many_threads_come_to_what_one_does() -> None:
    wanted = Y.merge(Z).increment("a")
    found: list[bool] = []

    def work() -> None:
        for _ in range(500):
            made = VectorClock.from_bytes(bytes(Z.merge(Y))).increment("a")
            found.append(made == wanted and hash(made) == hash(wanted) and Y < made)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert len(found) == 8 * 500 and all(found)


def test_the_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    _, section = (ROOT / "README.md").read_text().split("\n## Clocks\n")
    names: dict[str, Any] = {}
    exec(section.split("```python\n")[1].split("```")[0], names)
    assert capsys.readouterr().out.splitlines() == [
        "VectorClock({'web-1~1': 3, 'web-2~1': 1}) 3 True",
        "['tea', 'milk'] ['tea and milk'] ['coffee']",
        "['web-2~1'] True",
        "001795316449123.00000 001795316449123.00001",
    ]


def test_it_needs_no_node() -> None:
    assert chinwag.clock.VectorClock is chinwag.VectorClock
    assert all(hasattr(chinwag.clock, name) for name in chinwag.clock.__all__)
    assert chinwag.clock.__all__ == sorted(chinwag.clock.__all__, key=lambda n: (n[0].islower(), n))
