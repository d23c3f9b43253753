"""Which state is newer, or that they have parted: clocks, without a node and without a wall clock.

    x = VectorClock().increment("web-1~1")
    y, z = x.increment("web-1~1"), x.increment("web-2~1")
    assert x < y and y.compare(z) == "concurrent" and y.merge(z).dominates(y)

What is the same is the same in every language, to the bit. An actor is a process that writes, never
a client: `actor(name, incarnation)`. Times are microseconds, and given.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

from .._chinwag import (
    ActorTable,
    Folded,
    HybridClock,
    HybridTime,
    LamportClock,
    Retired,
    Siblings,
    VectorClock,
    actor,
    split_actor,
)

__all__ = [
    "ACTOR_MAX",
    "ActorTable",
    "Causality",
    "Dot",
    "Entry",
    "Folded",
    "HybridClock",
    "HybridTime",
    "LamportClock",
    "Retired",
    "Siblings",
    "TrimBounds",
    "VectorClock",
    "actor",
    "split_actor",
]

#: Bytes of an actor's name at most, in UTF-8.
ACTOR_MAX: Final = 1_024


class Causality(str, Enum):
    """How one history stands to another."""

    EQUAL = "equal"
    """Both know of the same events."""
    BEFORE = "before"
    """The other knows of all that this one does, and more."""
    AFTER = "after"
    """This one knows of all that the other does, and more."""
    CONCURRENT = "concurrent"
    """Each knows of something that the other does not: they have parted."""

    def __str__(self) -> str:
        return self.value


class Entry(NamedTuple):
    """What a clock holds of one actor."""

    count: int  # type: ignore[assignment]  # a tuple's own `count` is no loss
    """How many events of the actor are known."""
    insert: int | None = None
    """When it was seen first, in microseconds."""
    time: int | None = None
    """When it was changed last, in microseconds."""


class Dot(NamedTuple):
    """One event: the `count`-th of its actor."""

    actor: str
    count: int  # type: ignore[assignment]  # as above
    """Its number, from 1."""


class TrimBounds(NamedTuple):
    """When a clock is trimmed, and to what."""

    lower: int = 10
    """A clock with at most so many entries is left alone."""
    young_us: int = 20_000_000
    """As is one whose oldest entry is not older than this, in microseconds."""
    upper: int = 50
    """More entries than this are too many."""
    old_us: int = 86_400_000_000
    """An entry older than this, in microseconds, is too old."""


def _siblings(history: bytes, values: Sequence[Any]) -> Siblings[Any]:
    """The record that was pickled: the values take the places of the empty ones."""
    rest = iter(values)
    return Siblings.from_bytes(history, lambda _: next(rest))


TrimBounds.__module__ = Causality.__module__ = "chinwag"
