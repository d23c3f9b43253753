"""Many keys at once: the same owners as one by one."""

from __future__ import annotations

import array
import gc
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chinwag import BadArgument, Ring

KEYS = [f"user:{number}" for number in range(300)]
RING = Ring(["a", "b", "c", "d"], slots=512, pins={"user:7": "d"}, pin_prefixes={"user:9": "a"})
ONE_BY_ONE = [RING.owner(key) for key in KEYS]
NOBODY = 0xFFFF


def names(numbers: memoryview) -> list[str | None]:
    return [None if number == NOBODY else RING.names[number] for number in numbers]


def ends(keys: list[str]) -> list[int]:
    found = [0]
    for key in keys:
        found.append(found[-1] + len(key.encode()))
    return found


def test_a_list_of_keys() -> None:
    assert RING.owners_many(KEYS) == ONE_BY_ONE
    assert len(set(ONE_BY_ONE)) == 4 and ONE_BY_ONE[7] == "d" and ONE_BY_ONE[9] == "a"
    raw = [key.encode() for key in KEYS]
    same: list[Any] = [
        raw, tuple(KEYS), iter(KEYS), dict.fromkeys(KEYS), (key for key in KEYS),
        [bytearray(key) for key in raw], [memoryview(key) for key in raw],
    ]
    for keys in same:
        assert RING.owners_many(keys) == ONE_BY_ONE
    assert {id(name) for name in RING.owners_many(KEYS)} == {id(name) for name in RING.names}
    assert RING.owners_many([]) == [] and Ring([]).owners_many(["k", b"k"]) == [None, None]


def test_texts_are_their_letters_whatever_their_class_says() -> None:
    class Loud(str):
        def __str__(self) -> str:
            return "loud"

        def encode(self, *_: object) -> bytes:
            return b"loud"

        def __len__(self) -> int:
            return 4

    texts = ["", "k", "k" * 100_000, "ä", "日本", "\U0001f514", "a\0b", *KEYS]
    wanted = [RING.owner(text.encode()) for text in texts]
    for keys in texts, [Loud(text) for text in texts]:
        assert [RING.owner(key) for key in keys] == wanted
        assert [RING.owners(key, 1)[0] for key in keys] == wanted
        assert RING.owners_many(keys) == RING.owners_many(tuple(keys)) == wanted


def test_lists_and_tuples_of_a_class_of_ones_own_are_gone_through() -> None:
    class OnlyLast(list[str]):
        def __iter__(self) -> Iterator[str]:
            return iter(self[-1:])

    class OnlyFirst(tuple[str, ...]):
        def __iter__(self) -> Iterator[str]:
            return iter(self[:1])

    assert RING.owners_many(OnlyLast(KEYS)) == ONE_BY_ONE[-1:]
    assert RING.owners_many(OnlyFirst(KEYS)) == ONE_BY_ONE[:1]


def test_a_list_may_be_emptied_while_it_is_read() -> None:
    class Emptying:
        """No key; to tell so, its length is asked."""

        def __len__(self) -> int:
            keys.clear()
            gc.collect()
            return 1

    keys: list[Any] = ["k", Emptying(), *(f"a key of its own {number}" for number in range(99))]
    with pytest.raises(BadArgument, match="a Emptying"):
        RING.owners_many(keys)
    assert keys == []


def test_keys_of_one_width() -> None:
    raw = [struct.pack("<Q", number) for number in range(300)]
    wanted = RING.owners_many(raw)
    joined = b"".join(raw)
    buffers: list[Any] = [
        joined, bytearray(joined), memoryview(joined), array.array("Q", range(300)),
        memoryview(joined).cast("I"),
    ]
    for keys in buffers if sys.byteorder == "little" else buffers[:3]:
        found = RING.owner_numbers(keys, width=8)
        assert found.format == "H" and names(found) == wanted
    assert list(RING.owner_numbers(b"", width=8)) == []
    assert list(Ring([]).owner_numbers(joined, width=4)) == [NOBODY] * 600


def test_keys_between_offsets() -> None:
    joined = "".join(KEYS).encode()
    for code in "iIlLqQ":
        found = RING.owner_numbers(joined, offsets=array.array(code, ends(KEYS)))
        assert names(found) == ONE_BY_ONE, code
    some = RING.owner_numbers(joined, offsets=array.array("q", ends(KEYS)[40:61]))
    assert names(some) == ONE_BY_ONE[40:60]
    with_empty = RING.owner_numbers(b"xk", offsets=array.array("i", [1, 1, 2]))
    assert names(with_empty) == [RING.owner(""), RING.owner("k")]
    assert list(RING.owner_numbers(b"xk", offsets=array.array("i", [0]))) == []
    raw = struct.pack("=3I", 0, 1, 2)
    assert len(RING.owner_numbers(b"xk", offsets=memoryview(raw).cast("I"))) == 2


REFUSED: dict[str, Callable[[], object]] = {
    "one text as a list": lambda: RING.owners_many("user"),
    "bytes as a list": lambda: RING.owners_many(b"user"),  # type: ignore[arg-type]
    "a number as a list": lambda: RING.owners_many(1),  # type: ignore[arg-type]
    "a number in the list": lambda: RING.owners_many(["k", 1]),  # type: ignore[list-item]
    "half a letter in the list": lambda: RING.owners_many(["\ud800"]),
    "packed text": lambda: RING.owner_numbers("text", width=1),  # type: ignore[arg-type]
    "neither": lambda: RING.owner_numbers(b"k"),
    "both": lambda: RING.owner_numbers(b"k", width=1, offsets=array.array("i", [0, 1])),
    "no width": lambda: RING.owner_numbers(b"k", width=0),
    "a negative width": lambda: RING.owner_numbers(b"k", width=-1),
    "half a width": lambda: RING.owner_numbers(b"k", width=0.5),  # type: ignore[arg-type]
    "a width over": lambda: RING.owner_numbers(b"12345", width=4),
    "a giant width": lambda: RING.owner_numbers(b"12345", width=sys.maxsize),
    "no offset": lambda: RING.owner_numbers(b"k", offsets=array.array("i")),
    "an offset too far": lambda: RING.owner_numbers(b"k", offsets=array.array("i", [0, 2])),
    "an offset before": lambda: RING.owner_numbers(b"k", offsets=array.array("i", [-1, 1])),
    "offsets back": lambda: RING.owner_numbers(b"kk", offsets=array.array("i", [0, 2, 1])),
    "a giant offset": lambda: RING.owner_numbers(b"k", offsets=array.array("Q", [0, 2**64 - 1])),
    "offsets in bytes": lambda: RING.owner_numbers(b"k", offsets=b"\0\1"),
    "offsets with a point": lambda: RING.owner_numbers(b"k", offsets=array.array("d", [0, 1])),
    "a list of offsets": lambda: RING.owner_numbers(b"k", offsets=[0, 1]),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(BadArgument) as caught:
        call()
    assert len(str(caught.value)) < 300


def test_an_error_of_the_caller_is_the_callers() -> None:
    def keys() -> Iterator[str]:
        yield "k"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        RING.owners_many(keys())
