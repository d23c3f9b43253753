"""Which node owns which key, without a node, a loop or a socket: values that never change.

    ring = Ring(["web-1", "web-2", RingNode("web-3", weight=2, zone="b")])
    ring.owner("user:42"), ring.owners("user:42", 2)

The same nodes give the same owners in every language, whatever the order in which they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ._chinwag import Ring, RingChange, jump

__all__ = [
    "Balance",
    "Key",
    "Moved",
    "MovedSlot",
    "NodeLike",
    "Profile",
    "Range",
    "Ring",
    "RingChange",
    "RingNode",
    "jump",
]

#: What is placed. Text is hashed as UTF-8, so that it is the same key as those bytes.
Key = str | bytes | bytearray | memoryview

#: How keys are placed: at most 5 % above a node's share; without a bound; within one slot of its
#: share; as libketama does; as Clusterluck does.
Profile = Literal["default", "pure", "exact", "ketama", "clusterluck"]


class RingNode(NamedTuple):
    """A node of a ring."""

    name: str
    """Unique in the ring; 1 to 1,024 bytes."""
    weight: int = 1
    """Its part of the keys, compared with those of the others; 1 to 65,535."""
    zone: str = ""
    """What fails together with it, such as a rack. Owners of a key are of different zones as long
    as there are enough; a node without one is in a zone of its own."""


#: A node, its name alone, or a mapping with the same fields.
NodeLike = RingNode | str | Mapping[str, Any]

class Moved(NamedTuple):
    """A key that has another owner."""

    key: Any
    """The key, as it was given."""
    old: str | None
    """Who owned it; `None` if the ring was empty."""
    new: str | None
    """Who owns it now."""


class MovedSlot(NamedTuple):
    """A slot that has another owner."""

    slot: int
    old: str | None
    """Who owned it; `None` if the ring was empty."""
    new: str | None
    """Who owns it now."""


class Balance(NamedTuple):
    """What a node has of the keys."""

    name: str
    share: float
    """Its share of all keys, from 0 to 1."""
    ideal: float
    """What its weight entitles it to."""


class Range(NamedTuple):
    """A range of places on the ring with one owner. Places are the numbers of slots, or those of
    the points."""

    start: int
    """The first place of it."""
    end: int
    """The last place of it."""
    owner: str
    """Who owns the keys there."""


RingNode.__module__ = "chinwag"
