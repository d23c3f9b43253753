"""Records of values that were written side by side: any values, encoders, resolvers."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from chinwag import BadArgument, Siblings, TooLarge, VectorClock
from chinwag.clock import Dot

NONE = VectorClock()
TWO = Siblings[bytes]().put("n", NONE, b"tea").put("n", None, b"milk")

#: As a program has them that nobody has checked.
LOOSE: Any = TWO
RECORD: Any = Siblings


def encode(value: object) -> bytes:
    return json.dumps(value).encode()


def test_read_change_and_write() -> None:
    assert TWO.values() == list(TWO) == [b"tea", b"milk"] and len(TWO) == 2 and b"tea" in TWO
    assert TWO.dots() == [(Dot("n", 1), b"tea"), (Dot("n", 2), b"milk")]
    context = TWO.context
    assert context == VectorClock({"n": 2}) and type(context) is VectorClock
    later = TWO.put("m", context, b"both")
    assert list(later) == [b"both"] and later.compare(TWO) == "after"
    assert list(TWO.put("m", VectorClock({"n": 1}), b"x")) == [b"x", b"milk"]
    assert list(TWO) == [b"tea", b"milk"], "it never changes"


def test_replicas_come_to_the_same() -> None:
    a, b = TWO.put("a", TWO.context, b"A"), TWO.put("b", TWO.context, b"B")
    assert a.compare(b) == "concurrent" and list(a.merge(b)) == [b"A", b"B"]
    assert a.merge(b) == b.merge(a) and hash(a.merge(b)) == hash(b.merge(a))
    assert a.merge(b).merge(TWO) == a.merge(b) and list(TWO.merge(a)) == [b"A"]
    gone = a.merge(b).discard(a.merge(b).context)
    assert not gone and len(gone) == 0 and gone.merge(a) == gone and gone != Siblings()
    with pytest.raises(TypeError):
        assert a < b  # type: ignore[operator]


def test_somebody_decides() -> None:
    asked: list[list[bytes]] = []

    def longest(values: list[bytes]) -> bytes:
        asked.append(values)
        return max(values, key=len)

    resolved = TWO.resolve("m", longest)
    assert asked == [[b"tea", b"milk"]] and list(resolved) == [b"milk"]
    assert resolved.context == TWO.context.increment("m") and resolved.compare(TWO) == "after"
    assert resolved.resolve("m", longest) is resolved and len(asked) == 1
    assert list(TWO.resolve("m", max)) == [b"tea"]
    assert list(TWO.resolve("m", b"+".join)) == [b"tea+milk"]

    def fails(values: list[bytes]) -> bytes:
        raise LookupError(values)

    with pytest.raises(LookupError):
        TWO.resolve("m", fails)
    with pytest.raises(TypeError):
        LOOSE.resolve("m", 1)
    for name in (1, ""):
        with pytest.raises(BadArgument):
            LOOSE.resolve(name, max)
    assert list(TWO) == [b"tea", b"milk"]


def test_values_are_what_they_were() -> None:
    cart = {"tea": 1}
    record = Siblings[object]().put("n", None, cart).put("n", None, None)
    assert record.values()[0] is cart and record.values()[1] is None
    same = Siblings[object]().put("n", None, {"tea": 1}).put("n", None, None)
    assert record == same and hash(record) == hash(same)
    cart["milk"] = 2
    assert record != same and repr(same) == (
        "<chinwag.Siblings [{'tea': 1}, None] of VectorClock({'n': 2})>"
    )
    assert record != record.put("m", None, 1) and record != 1 and record == copy.copy(record)
    # The same values of other events are another record.
    assert TWO != Siblings[bytes]().put("n", None, b"tea").put("m", None, b"milk")


def test_values_that_cannot_be_compared() -> None:
    class Strange:
        def __eq__(self, other: object) -> bool:
            raise LookupError("no answer")

    one, other = (Siblings[object]().put("n", None, Strange()) for _ in "12")
    assert one == one and one != other.put("n", None, 1)
    with pytest.raises(LookupError, match="no answer"):
        assert one == other


def test_a_record_travels() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        record = Siblings[object]().put("n", None, {"a": [1]}).put("m", None, b"x")
        record = record.put("n", NONE, 3)
        there = pickle.loads(pickle.dumps(record, protocol))
        assert type(there) is Siblings and there == record and there.dots() == record.dots()
    deep = copy.deepcopy(record)
    assert deep == record and deep.values()[1] is not record.values()[1]
    data = bytes(TWO)
    assert data == TWO.to_bytes() == b"\x41\x01\x01n\x02\x02\x03tea\x04milk"
    for buffer in (data, bytearray(data), memoryview(data)):
        assert Siblings.from_bytes(buffer) == TWO
    held = RECORD().put("n", None, bytearray(b"tea")).put("n", None, memoryview(b"milk"))
    assert bytes(held) == data


def test_an_encoder_makes_bytes_of_any_value() -> None:
    record = Siblings[object]().put("n", None, {"tea": 1}).put("n", None, "é")
    data = record.to_bytes(encode)
    there = Siblings.from_bytes(data, json.loads)
    assert there == record and there.to_bytes(encode) == data
    assert list(Siblings.from_bytes(data)) == [b'{"tea": 1}', b'"\\u00e9"']
    text = record.to_json(encode)
    assert text == '{"n":{"count":2,"values":["eyJ0ZWEiOiAxfQ==","Ilx1MDBlOSI="]}}'
    for form in (text, text.encode(), bytearray(text.encode())):
        assert Siblings.from_json(form, json.loads) == record
    assert list(Siblings.from_json(text)) == list(Siblings.from_bytes(data))
    large = Siblings[int]()
    for number in range(5_000):
        large = large.put(f"n{number % 7}", None, number)
    assert Siblings.from_bytes(large.to_bytes(encode), json.loads) == large
    assert Siblings.from_json(large.to_json(encode), json.loads) == large
    calls = 0

    def fails(value: object) -> bytes:
        nonlocal calls
        calls += 1
        raise LookupError(value)

    for call in (
        lambda: record.to_bytes(fails), lambda: Siblings.from_bytes(data, fails),
        lambda: record.to_json(fails), lambda: Siblings.from_json(text, fails),
    ):
        calls = 0
        with pytest.raises(LookupError):
            call()
        assert calls == 1, "it is not asked again"


#: The beginning of a record of one actor that has written once.
ONE = b"\x41\x01\x01a\x01"
BAD: dict[str, Callable[[], object]] = {
    "a value that is no bytes": lambda: bytes(RECORD().put("n", None, {})),
    "text without an encoder": lambda: RECORD().put("n", None, "tea").to_bytes(),
    "an encoder that gives text": lambda: LOOSE.to_bytes(repr),
    "no name": lambda: TWO.put("", NONE, b""),
    "a long name": lambda: TWO.put("x" * 1_025, NONE, b""),
    "a number as an actor": lambda: LOOSE.put(1, NONE, b""),
    "half a letter": lambda: TWO.put("\ud800", NONE, b""),
    "a counter at its end": lambda: TWO.put("n", VectorClock({"n": 2**64 - 1}), b""),
    "text as bytes": lambda: RECORD.from_bytes("A\0"),
    "no bytes": lambda: Siblings.from_bytes(b""),
    "half the bytes": lambda: Siblings.from_bytes(bytes(TWO)[:-1]),
    "bytes too many": lambda: Siblings.from_bytes(bytes(TWO) + b"\0"),
    "bytes of a clock": lambda: Siblings.from_bytes(bytes(NONE)),
    "many values announced": lambda: Siblings.from_bytes(ONE + b"\xff\xff\xff\xff\x0f\x00"),
    "a long value announced": lambda: Siblings.from_bytes(ONE + b"\x01\xff\xff\xff\xff\x0fx"),
    "a value that is no bytes as JSON": lambda: RECORD().put("n", None, {}).to_json(),
    "an encoder that gives text to JSON": lambda: LOOSE.to_json(repr),
    "no JSON": lambda: Siblings.from_json("{"),
    "JSON of a clock with stamps": lambda: Siblings.from_json('{"a":{"count":1,"time":1}}'),
    "half a byte in JSON": lambda: Siblings.from_json('{"a":{"count":1,"values":["dGV="]}}'),
    "a number as JSON": lambda: RECORD.from_json(1),
    "no text as JSON": lambda: Siblings.from_json(b"\xff"),
    "more values than events": lambda: Siblings.from_bytes(ONE + b"\x02\x00\x00"),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_is_refused(call: Callable[[], object]) -> None:
    before = bytes(TWO)
    with pytest.raises(BadArgument) as caught:
        call()
    assert caught.value.code == "bad_argument" and len(str(caught.value)) < 300
    assert bytes(TWO) == before


def test_calls_that_python_itself_refuses() -> None:
    for call in (
        lambda: LOOSE.put("n", {"n": 1}, b""),
        lambda: LOOSE.put("n", b""),
        lambda: LOOSE.discard(None),
        lambda: LOOSE.merge([b""]),
        lambda: LOOSE.compare(NONE),
        lambda: LOOSE.to_bytes(1),
        lambda: RECORD([b""]),
    ):
        with pytest.raises(TypeError):
            call()  # type: ignore[no-untyped-call]


def test_values_of_records_that_are_dropped_are_let_go() -> None:
    value = object()
    before = sys.getrefcount(value)
    for _ in range(100):
        record = Siblings[object]().put("n", None, value).put("m", None, value)
        copies = [pickle.loads(pickle.dumps(TWO)), record.merge(record), record.values()]
        resolved = record.resolve("n", lambda values: values[0])
        assert resolved.values()[0] is value and record.discard(record.context) != record
        with pytest.raises(BadArgument):
            record.put("", None, value)
        with pytest.raises(BadArgument):
            bytes(record)
    assert sys.getrefcount(value) > before
    del record, copies, resolved
    gc.collect()
    assert sys.getrefcount(value) == before


def test_a_value_that_knows_its_record_is_collected() -> None:
    class Value:
        record: object = None

    value = Value()
    gone = weakref.ref(value)
    value.record = Siblings[Value]().put("n", None, value)
    assert gc.is_tracked(value.record)
    del value
    gc.collect()
    assert gone() is None


def test_too_much_is_refused() -> None:
    with pytest.raises(TooLarge):
        Siblings.from_json(" " * (4 * 2**20 + 1))
