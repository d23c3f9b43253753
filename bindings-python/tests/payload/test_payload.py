"""Payloads: the vectors that all languages share, and what Python's own types come to."""

from __future__ import annotations

import enum
import math
import struct
import sys
from collections import OrderedDict
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any
from urllib.parse import unquote

import chinwag
import pytest
from chinwag import Codec
from support import ROOT

VECTORS = ROOT.parent / "tests" / "vectors" / "payloads"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class TooFine(Exception):
    """A point in time that a datetime cannot hold."""


def lines(name: str) -> list[list[str]]:
    text = (VECTORS / name).read_text()
    return [line.split(" | ") for line in text.splitlines() if not line.startswith("#")]


def value(words: Iterator[str]) -> Any:
    kind, _, rest = next(words).partition(":")
    match kind:
        case "nil" | "true" | "false":
            return {"nil": None, "true": True, "false": False}[kind]
        case "int":
            return int(rest)
        case "float":
            return struct.unpack(">d", bytes.fromhex(rest))[0]
        case "text":
            return unquote(rest, errors="strict")
        case "bytes":
            return bytes.fromhex(rest)
        case "list":
            return [value(words) for _ in range(int(rest))]
        case "map":
            return {value(words): value(words) for _ in range(int(rest))}
        case "time":
            secs, nanos = map(int, rest.split(":"))
            if nanos % 1_000 or not 1 <= 1970 + secs / 31_556_952 < 10_000:
                raise TooFine
            return EPOCH + timedelta(seconds=secs, microseconds=nanos // 1_000)
    raise AssertionError(kind)


def shown(value: Any) -> str:
    """Types, signs of zero and NaN, which equality does not see."""
    return repr(value)


@pytest.mark.parametrize("name", ["payloads.txt", "forms.txt"])
def test_vectors(name: str) -> None:
    played = 0
    for case, digits, words in lines(name):
        data = bytes.fromhex(digits)
        try:
            expected = value(iter(words.split(" ")))
        except TooFine:
            with pytest.raises(Codec, match="a datetime cannot hold"):
                chinwag.decode(data)
            continue
        decoded = chinwag.decode(data)
        assert shown(decoded) == shown(expected), case
        assert (chinwag.encode(expected) == data) == (name == "payloads.txt"), case
        if isinstance(expected, dict):
            assert list(decoded) == list(expected), case
        played += 1
    assert played > 20


def test_what_is_no_payload() -> None:
    for case, digits in lines("refused.txt"):
        with pytest.raises(Codec) as caught:
            chinwag.decode(bytes.fromhex(digits.strip("-")))
        assert caught.value.code == "codec" and " at $" in str(caught.value), case


class Colour(enum.IntEnum):
    RED = 7


class Kind(str, enum.Enum):
    TEA = "tea"


class Plain(enum.Enum):
    ONE = 1


class Loud(int):
    def bit_length(self) -> int:
        return 1


def test_types_of_python() -> None:
    def back(value: Any) -> Any:
        return chinwag.decode(chinwag.encode(value))

    assert back((1, (2, ()))) == [1, [2, []]]
    assert back(bytearray(b"ab")) == back(memoryview(b"xabx")[1:3]) == b"ab"
    assert back(memoryview(b"abcd")[::2]) == b"ac"
    assert back(OrderedDict(b=1, a=2)) == {"b": 1, "a": 2}
    assert back([Colour.RED, Kind.TEA, True]) == [7, "tea", True]
    assert type(back(Colour.RED)) is int and type(back(Kind.TEA)) is str
    assert back({Kind.TEA: 1}) == {"tea": 1}
    assert math.isnan(back(math.nan)) and math.copysign(1, back(-0.0)) == -1
    assert type(back(1.0)) is float and type(back(1)) is int and back(True) is True
    noon = datetime(2026, 11, 22, 12, 0, 0, 123_456, timezone(timedelta(hours=2)))
    assert back(noon) == noon and back(noon).utcoffset() == timedelta(0)
    for edge in (datetime.min, datetime.max):
        edge = edge.replace(tzinfo=timezone.utc)
        assert back(edge) == edge
    assert chinwag.decode(bytearray(b"\x01")) == chinwag.decode(memoryview(b"\x01")) == 1


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (2**64, "no encoding for an integer of 65 bits at $"),
        ({"items": [0, 1, 2, {"price": 2**70 - 1}]},
         "no encoding for an integer of 70 bits at $.items[3].price"),
        ([-(2**63) - 1], "no encoding for an integer of 65 bits at $[0]"),
        ([Loud(2**64)], "no encoding for an integer of 65 bits at $[0]"),
        ({"a b": {1, 2}}, 'no encoding for a value of type set at $["a b"]'),
        ([Plain.ONE], "no encoding for a value of type test_payload.Plain at $[0]"),
        ([object], "no encoding for a value of type type at $[0]"),
        (1j, "no encoding for a value of type complex at $"),
        ([None, {1: 2}], "a key of a map that is no str, but of type int, at $[1]"),
        ({"a": {b"k": 2}}, "a key of a map that is no str, but of type bytes, at $.a"),
        ({None: 2}, "a key of a map that is no str, but of type NoneType, at $"),
        (["\ud800"], "a text with half of a surrogate pair at $[0]"),
        ({"a": {"\ud800": 1}}, "a text with half of a surrogate pair at $.a"),
        ([datetime(2026, 1, 1)], "no encoding for a datetime without a time zone at $[0]"),
        ([date(2026, 1, 1)], "no encoding for a value of type datetime.date at $[0]"),
        ([timedelta(1)], "no encoding for a value of type datetime.timedelta at $[0]"),
    ],
)
def test_what_has_no_encoding(value: Any, why: str) -> None:
    with pytest.raises(Codec) as caught:
        chinwag.encode(value)
    assert caught.value.args[0] == why
    assert isinstance(caught.value, ValueError)


def test_what_has_no_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(Codec, match="more than 64 containers within each other at"):
        chinwag.encode(endless)
    around: dict[str, Any] = {}
    around["k"] = [around]
    with pytest.raises(Codec, match="more than 64 containers"):
        chinwag.encode(around)
    # Each list holds the one before it twice: 2^60 values.
    wide: list[Any] = ["x" * 1_000]
    for _ in range(60):
        wide = [wide, wide]
    with pytest.raises(chinwag.TooLarge):
        chinwag.encode(wide)


class Clearing(tzinfo):
    """A time zone that empties or fills a list while it is encoded."""

    def __init__(self, change: Any) -> None:
        self.change = change

    def utcoffset(self, _: datetime | None) -> timedelta:
        self.change()
        return timedelta(0)

    def dst(self, _: datetime | None) -> timedelta | None:
        return None

    def tzname(self, _: datetime | None) -> str | None:
        return None


def test_a_value_that_changes_meanwhile() -> None:
    fewer: list[Any] = []
    fewer += [datetime(2026, 1, 1, tzinfo=Clearing(fewer.clear)), 1, 2]
    with pytest.raises(Codec):
        chinwag.encode([fewer, 3, 4])
    more: list[Any] = []
    more += [datetime(2026, 1, 1, tzinfo=Clearing(lambda: more.append(1))), 1, 2]
    assert chinwag.decode(chinwag.encode(more))[1:] == [1, 2]


def test_an_error_of_the_value_itself() -> None:
    def fail() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        chinwag.encode([datetime(2026, 1, 1, tzinfo=Clearing(fail))])


def test_what_is_no_bytes() -> None:
    for given in ("text", 5, None, [1]):
        with pytest.raises(chinwag.BadArgument):
            chinwag.decode(given)  # type: ignore[arg-type]


def test_nothing_is_leaked() -> None:
    value: list[Any] = ["x" * 100, {"unusual key": object}]
    before = sys.getrefcount(object)
    for _ in range(100):
        with pytest.raises(Codec):
            chinwag.encode(value)
    assert sys.getrefcount(object) <= before + 5
