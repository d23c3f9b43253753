"""Rings that somebody sent or asked for, and that cannot be: typed errors, or rings that answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from chinwag import BadArgument, Ring, RingChange, RingNode, TooLarge

#: With something of everything, and few slots.
STORED = Ring(
    [RingNode("a", zone="z"), RingNode("ä", 300)], slots=64, replicas=2,
    pins={b"\xff": "a"}, pin_prefixes={"user:": "b"}, excluded=["c"],
)
BEFORE = STORED.to_bytes()

#: Two names that hash alike.
ALIKE = ["a007065", "9;Wm_0-u"]
NAN = float("nan")
INFINITE = float("inf")


def harmless(read: Callable[[], Ring]) -> Ring | None:
    """What is read answers, or is refused with a code."""
    try:
        ring = read()
    except (BadArgument, TooLarge) as error:
        assert error.code in ("bad_argument", "too_large") and len(str(error)) < 300
        return None
    owners = ring.owners("user:42", 9)
    assert ring.owner("user:42") == (owners[0] if owners else None)
    assert set(owners) <= set(ring.names)
    return ring


def test_a_part_of_a_ring_is_none() -> None:
    text = STORED.to_json()
    for length in range(len(BEFORE)):
        with pytest.raises(BadArgument):
            Ring.from_bytes(BEFORE[:length])
    for length in range(len(text)):
        with pytest.raises(BadArgument):
            Ring.from_json(text[:length])
    with pytest.raises(BadArgument):
        Ring.from_bytes(BEFORE + b"\0")


def test_a_ring_of_which_a_bit_is_wrong_is_another_or_none() -> None:
    others = 0
    for bit in range(8 * len(BEFORE)):
        spoilt = bytearray(BEFORE)
        spoilt[bit // 8] ^= 1 << bit % 8
        ring = harmless(lambda: Ring.from_bytes(spoilt))  # noqa: B023
        assert ring is None or (ring.to_bytes() == spoilt and ring != STORED)
        others += ring is not None
    assert 50 < others < 8 * len(BEFORE)


def test_json_of_which_a_bit_is_wrong_is_another_ring_or_none() -> None:
    text, others = STORED.to_json().encode(), 0
    for bit in range(8 * len(text)):
        spoilt = bytearray(text)
        spoilt[bit // 8] ^= 1 << bit % 8
        ring = harmless(lambda: Ring.from_json(bytes(spoilt)))  # noqa: B023
        assert ring is None or Ring.from_json(ring.to_json()) == ring
        others += ring is not None
    assert 50 < others < 8 * len(text)


NUMBERS = ["NaN", "Infinity", "-Infinity", "1e400", "-1", "0.5", "1e2", '"1"', "[]", str(1 << 64)]


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_of_json_are_whole_and_in_their_bounds(number: str) -> None:
    for text in (
        f'{{"nodes":[{{"name":"a","weight":{number}}}]}}', f'{{"slots":{number}}}',
        f'{{"slack":{number}}}', f'{{"replicas":{number}}}', f'{{"version":{number}}}',
        f'{{"hash_tags":{number}}}',
    ):
        with pytest.raises(BadArgument) as caught:
            Ring.from_json(text)
        assert len(str(caught.value)) < 300


def test_what_json_of_python_writes_of_numbers_that_are_none_is_refused() -> None:
    for weight in (NAN, INFINITE, -INFINITE):
        with pytest.raises(BadArgument):
            Ring.from_json(json.dumps({"nodes": [{"name": "a", "weight": weight}]}))


@pytest.mark.parametrize("number", [NAN, INFINITE, -INFINITE, -1, 1 << 80, 0.5, "1", b"1", [1]])
def test_numbers_are_whole_and_in_their_bounds(number: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: Ring([RingNode("a", number)]),
        lambda: Ring(["a"], slots=number),
        lambda: Ring(["a"], slots=8, slack=number),
        lambda: Ring(["a"], slots=8, replicas=number),
        lambda: STORED.update(RingNode("a", number)),
        lambda: STORED.replace(slots=number),
        lambda: STORED.owners("k", number) if number != 1 << 80 else Ring([], slots=number),
        lambda: STORED.slot_owners(number),
    ]
    for call in calls:
        with pytest.raises(BadArgument):
            call()
    assert STORED.to_bytes() == BEFORE


@pytest.mark.parametrize("name", [None, 1, NAN, b"a", "", "\ud800", ["a"], {}])
def test_names_are_text(name: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: Ring([RingNode(name)]),
        lambda: STORED.with_node({"name": name}),
        lambda: STORED.without(name),
        lambda: STORED.update({"name": name}),
    ]
    for call in calls:
        with pytest.raises(BadArgument):
            call()
    assert STORED.to_bytes() == BEFORE


def test_names_are_there_once_or_unknown() -> None:
    bad: list[tuple[Callable[[], object], str]] = [
        (lambda: Ring(["a", "b", "a"]), '"a" is in the ring already'),
        (lambda: STORED.with_node("a"), '"a" is in the ring already'),
        (lambda: STORED.without("nobody"), '"nobody" is not in the ring'),
        (lambda: STORED.update("nobody"), '"nobody" is not in the ring'),
        (lambda: STORED.without("x" * 10_000_000), "is not in the ring"),
        (lambda: Ring(ALIKE), "have the same hash"),
        (lambda: Ring(ALIKE[:1]).with_node(ALIKE[1]), "have the same hash"),
        (lambda: Ring(ALIKE[:1]).union(Ring(ALIKE[1:])), "have the same hash"),
    ]
    for call, text in bad:
        with pytest.raises(BadArgument, match=text) as caught:
            call()
        assert len(str(caught.value)) < 300
    assert not STORED.is_owner("nobody", "k") and STORED.slots_of("nobody") == []
    assert STORED.replace(pins={"k": "nobody"}).owner("k") in STORED.names


def test_what_is_too_much_is_refused_before_it_is_made() -> None:
    twelve_thousand = [f"n{number}" for number in range(12_289)]
    calls: list[Callable[[], object]] = [
        lambda: Ring(twelve_thousand),
        lambda: Ring(twelve_thousand[:4_097], replicas=4),
        lambda: Ring(["a"], slots=1 << 20, replicas=17),
        lambda: Ring((RingNode(str(n), 65_535) for n in range(65)), profile="clusterluck"),
        lambda: Ring.from_json(" " * ((16 << 20) + 1)),
        lambda: Ring.from_bytes(b"\x01\x00\x80\x80\x40\x00\x00\x01\x01a\x01\0\0\0\0\xff"),
        lambda: Ring(["a"], excluded=(str(n) for n in range(65_537))),
        lambda: Ring(["a"], pins={str(n): "a" for n in range(65_537)}),
    ]
    for call in calls:
        with pytest.raises(TooLarge) as caught:
            call()
        assert caught.value.code == "too_large" and len(str(caught.value)) < 300


def test_an_empty_ring_answers() -> None:
    empty = Ring([])
    change = RingChange(empty, STORED)
    assert empty.owner("k") is None and [one.key for one in change.moved(["k"])] == ["k"]
    assert Ring.from_bytes(empty.to_bytes()) == Ring.from_json(empty.to_json()) == empty
    assert STORED.intersection(small := STORED.replace(nodes=[])) == small
