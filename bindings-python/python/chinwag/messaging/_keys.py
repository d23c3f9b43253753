"""Keys of members: what a member writes under keys of its own, and all can read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Union

from .._base import BaseNode
from .._chinwag import Watching, watch
from ..answers import Entry
from ._following import AsyncFollowing, Following
from ._pump import Pump


@dataclass(frozen=True, slots=True)
class KeyPut:
    """A key has this value now."""

    member: str
    """Whose it is."""
    key: str
    value: bytes
    type: ClassVar[Literal["put"]] = "put"


@dataclass(frozen=True, slots=True)
class KeyDeleted:
    """A key has no value any more: it was deleted or has expired, or its member has failed or left.

    Should that member recover, its keys are put again.
    """

    member: str
    key: str
    type: ClassVar[Literal["deleted"]] = "deleted"


@dataclass(frozen=True, slots=True)
class KeysReplayed:
    """What was there when the watch began has been told."""

    type: ClassVar[Literal["replay-done"]] = "replay-done"


@dataclass(frozen=True, slots=True)
class KeysLost:
    """The reader was too slow: so many changes were not told, of these or of other keys."""

    count: int
    entries: tuple[Entry, ...]
    """All keys that are watched, as they are; what follows comes after that."""
    type: ClassVar[Literal["lost"]] = "lost"


#: What happens to keys, for `match`.
KeyChange = Union[KeyPut, KeyDeleted, KeysReplayed, KeysLost]


def _lost(count: int, entries: list[tuple[str, str, bytes]]) -> KeysLost:
    return KeysLost(count, tuple(map(Entry._make, entries)))


_CLASSES: Final[dict[str, Callable[..., KeyChange]]] = {
    "put": KeyPut, "deleted": KeyDeleted, "replay-done": KeysReplayed, "lost": _lost,
}


class _Changes:
    """The changes of a watch as values of their classes."""

    def __init__(self, node: BaseNode, prefix: str, replay: bool) -> None:
        self._watching: Final[Watching] = watch(node._host, prefix, replay)
        self.close: Final = self._watching.close

    def drain(self, max: int) -> tuple[list[KeyChange], bool]:
        changes, ended = self._watching.drain(max)
        return [_CLASSES[kind](*parts) for kind, parts in changes], ended


class AsyncWatch(AsyncFollowing[KeyChange]):
    """What happens to keys, for `async for`; ordered for each member.

    It ends when it is closed or dropped, or its node is closed.
    """

    def __init__(
        self, node: BaseNode, pump: Callable[[], Pump], prefix: str, replay: bool
    ) -> None:
        super().__init__(node, pump, _Changes(node, prefix, replay))


class Watch(Following[KeyChange]):
    """What happens to keys, for `for` and `next`; ordered for each member.

    It ends when it is closed or dropped, or its node is closed.
    """

    def __init__(self, node: BaseNode, prefix: str, replay: bool) -> None:
        super().__init__(node, _Changes(node, prefix, replay))


for _public in (KeyPut, KeyDeleted, KeysReplayed, KeysLost, AsyncWatch):
    _public.__module__ = "chinwag"
AsyncWatch.__name__ = AsyncWatch.__qualname__ = "Watch"
Watch.__module__ = "chinwag.blocking"
