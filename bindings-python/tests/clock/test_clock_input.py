"""Clocks and records that somebody sent: of what is spoilt, an error with its code or another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from chinwag import (
    ActorTable,
    BadArgument,
    Folded,
    HybridTime,
    Retired,
    Siblings,
    TooLarge,
    VectorClock,
)

CLOCK = VectorClock({"web-1": 300, "é": 2**64 - 1}).increment("web-2", 1_795_316_449_123_456)
RECORD = Siblings[bytes]().put("web-1", None, b"tea").put("web-2", None, b"milk")
FOLDED = Retired([("gone", 7)]).fold(VectorClock({"gone": 7, "here": 300}))
TABLE = ActorTable(["web-1", "web-2", "é"])
STAMP = HybridTime("001795316449123.00042")

#: What reads bytes, bytes that it reads, and what writes them again.
FORMS: dict[str, tuple[Callable[[bytes], Any], bytes, Callable[[Any], bytes]]] = {
    "clock": (VectorClock.from_bytes, bytes(CLOCK), bytes),
    "record": (Siblings.from_bytes, bytes(RECORD), bytes),
    "folded": (Folded.from_bytes, bytes(FOLDED), bytes),
    "dense": (
        lambda data: VectorClock.from_dense(TABLE, data), CLOCK.to_dense(TABLE),
        lambda clock: bytes(clock.to_dense(TABLE)),
    ),
}
#: As above, of texts.
TEXTS: dict[str, tuple[Callable[[bytes], Any], str]] = {
    "clock": (VectorClock.from_json, CLOCK.to_json()),
    "folded": (Folded.from_json, FOLDED.to_json()),
    "stamp": (lambda text: HybridTime(text.decode("utf-8", "surrogateescape")), str(STAMP)),
}


def bits(good: bytes, read: Callable[[bytes], Any], look: Callable[[Any, bytes], object]) -> None:
    """Each bit of it may be wrong."""
    refused = 0
    for bit in range(8 * len(good)):
        spoilt = bytearray(good)
        spoilt[bit // 8] ^= 1 << bit % 8
        try:
            other = read(bytes(spoilt))
        except (BadArgument, TooLarge) as error:
            assert error.code in ("bad_argument", "too_large") and len(str(error)) < 300
            refused += 1
        else:
            look(other, bytes(spoilt))
    assert len(good) < refused < 8 * len(good)


@pytest.mark.parametrize("name", FORMS)
def test_a_part_of_a_value_is_none(name: str) -> None:
    read, good, write = FORMS[name]
    assert write(read(good)) == good
    for data in (*(good[:length] for length in range(len(good))), good + b"\0"):
        with pytest.raises(BadArgument):
            read(data)


@pytest.mark.parametrize("name", FORMS)
def test_a_value_of_which_a_bit_is_wrong_is_another_or_none(name: str) -> None:
    read, good, write = FORMS[name]

    def look(other: Any, spoilt: bytes) -> None:
        assert write(other) == spoilt and repr(other)

    bits(good, read, look)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_of_which_a_part_or_a_bit_is_wrong_is_another_or_none(name: str) -> None:
    read, text = TEXTS[name]
    good = text.encode()
    for length in range(len(good)):
        with pytest.raises(BadArgument):
            read(good[:length])
    bits(good, read, lambda other, _: repr(other))


@pytest.mark.parametrize(
    "number",
    ["NaN", "Infinity", "-Infinity", "1e400", "-1", "0.5", "1e2", '"1"', "null", "{}", "true"],
)
def test_numbers_of_json_are_whole_and_in_their_bounds(number: str) -> None:
    for read, text in (
        (VectorClock.from_json, f'{{"a":{number}}}'),
        (VectorClock.from_json, f'{{"a":{{"count":1,"time":{number}}}}}'),
        (Folded.from_json, f'{{"clock":{{}},"epoch":{number}}}'),
    ):
        with pytest.raises(BadArgument):
            read(text)


HUGE = b"\xff" * 9 + b"\x01"


@pytest.mark.parametrize("head", [b"\x11", b"\x21", b"\x31\x01\x11", b"\x41", b"\x41\x01\x01a\xff"])
def test_what_is_announced_is_not_believed(head: bytes) -> None:
    for read, _, _ in FORMS.values():
        for tail in (HUGE, HUGE + b"\x01" * 1_000):
            with pytest.raises(BadArgument):
                read(head + tail)


def test_names_of_more_than_16_mib_are_too_large() -> None:
    stem = "x" * 1_010
    ours = VectorClock({f"{stem}{number:06}": 1 for number in range(10_000)})
    theirs = VectorClock({f"{stem}{number:06}": 1 for number in range(10_000, 20_000)})
    record = Siblings[bytes]().put("s", ours, b"x")
    for call in (
        lambda: ours.merge(theirs),
        lambda: record.put("s", theirs, b"y"),
        lambda: VectorClock.from_json(" " * (4 * 1_024 * 1_024 + 1)),
    ):
        with pytest.raises(TooLarge) as caught:
            call()
        assert caught.value.code == "too_large"
    assert len(ours) == 10_000 and list(record) == [b"x"]
