"""Maps that all members read and write, on an event loop and by threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, NamedTuple, Union

from .._base import BaseNode, settle
from .._chinwag import HybridTime, map_entries, map_read, map_watch, map_write
from .._values import Payload, octets
from ..errors import BadArgument
from ._following import AsyncFollowing, Following
from ._keys import KeysReplayed
from ._pump import Pump


class MapValue(NamedTuple):
    """A value of a key of a map."""

    value: bytes
    stamp: HybridTime
    """When it was put, by the hybrid clock of whoever put it."""
    writer: str
    """The member that put it."""


class MapEntry(NamedTuple):
    """A key of a map, as it was read."""

    key: str
    values: tuple[MapValue, ...]
    """The newest first, and never none. More than one: they were put without knowing of each
    other."""
    context: bytes
    """What was known of the key: who writes `after` this replaces that, and nothing else."""

    @property
    def value(self) -> bytes:
        """The newest of the values."""
        return self.values[0].value


_Parts = tuple[str, list[tuple[bytes, HybridTime, str]], bytes]


def _entry(parts: _Parts) -> MapEntry:
    key, values, context = parts
    return MapEntry(key, tuple(map(MapValue._make, values)), context)


@dataclass(frozen=True, slots=True)
class MapPut:
    """A key of a map has these values now."""

    entry: MapEntry
    type: ClassVar[Literal["put"]] = "put"


@dataclass(frozen=True, slots=True)
class MapDeleted:
    """A key of a map has no value any more."""

    key: str
    type: ClassVar[Literal["deleted"]] = "deleted"


@dataclass(frozen=True, slots=True)
class MapLost:
    """The reader was too slow: so many changes were not told, of these or of other keys."""

    count: int
    entries: tuple[MapEntry, ...]
    """All keys that are watched, as they are; what follows comes after that."""
    type: ClassVar[Literal["lost"]] = "lost"


#: What happens to keys of a map, for `match`.
MapChange = Union[MapPut, MapDeleted, KeysReplayed, MapLost]

_CLASSES: Final[dict[str, Callable[..., MapChange]]] = {
    "put": lambda parts: MapPut(_entry(parts)),
    "deleted": MapDeleted,
    "replay-done": KeysReplayed,
    "lost": lambda count, entries: MapLost(count, tuple(map(_entry, entries))),
}


class _Changes:
    """The changes of a watch as values of their classes."""

    def __init__(self, node: BaseNode, name: str, prefix: str, replay: bool) -> None:
        self._watching: Final = map_watch(node._host, name, prefix, replay)
        self.close: Final = self._watching.close

    def drain(self, max: int) -> tuple[list[MapChange], bool]:
        changes, ended = self._watching.drain(max)
        return [_CLASSES[kind](*parts) for kind, parts in changes], ended


class BaseMap:
    """What is known of a map, at once."""

    def __init__(self, node: BaseNode, name: str) -> None:
        self._node: Final = node
        self._name: Final = name
        map_read(node._host, name, "")  # What is no name is refused here.

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    def get(self, key: str) -> bytes | None:
        """The value of a key, as far as this node has heard; of several, the newest."""
        entry = self.read(key)
        return None if entry is None else entry.value

    def read(self, key: str) -> MapEntry | None:
        """All values of a key that stand side by side, and what it takes to replace them."""
        parts = map_read(self._node._host, self._name, key)
        return None if parts is None else _entry(parts)

    def entries(self, prefix: str = "") -> list[MapEntry]:
        """The keys that begin so, in their order."""
        return list(map(_entry, map_entries(self._node._host, self._name, prefix)))

    def _write(self, key: str, value: bytes | None, after: MapEntry | None) -> int:
        if after is not None and after.key != key:
            raise BadArgument(f"this was read of {after.key!r}, and not of {key!r}")
        context = None if after is None else after.context
        return map_write(self._node._host, self._name, key, value, context)

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.Map {self._name}>"


class AsyncMap(BaseMap):
    """A map that all members read and write, and that outlives who wrote it.

    Each member has all of it. What two put without having heard of each other stays side by side,
    until somebody who knows of both puts something.
    """

    def __init__(self, node: BaseNode, pump: Callable[[], Pump], name: str) -> None:
        super().__init__(node, name)
        self._pump: Final = pump

    async def put(self, key: str, value: Payload, *, after: MapEntry | None = None) -> None:
        """Gives a key a value, in place of all that this node knows, or of what was read.

        It returns once others are told. The values of a key together have 64 KiB at most.
        """
        await self._pump().outcome(self._write(key, octets(value), after))

    async def delete(self, key: str, *, after: MapEntry | None = None) -> None:
        """Deletes the values of a key that this node knows, or those that were read."""
        await self._pump().outcome(self._write(key, None, after))

    async def resolve(
        self, key: str, decide: Callable[[Sequence[MapValue]], Payload]
    ) -> bool:
        """Replaces values that stand side by side by the one that `decide` makes of them, the
        newest first; whether there was anything to decide."""
        entry = self.read(key)
        if entry is None or len(entry.values) < 2:
            return False
        await self.put(key, decide(entry.values), after=entry)
        return True

    def watch(self, prefix: str = "", *, replay: bool = False) -> AsyncMapWatch:
        """Follows, from now on, the keys that begin so; for `async for`.

        With `replay`, a `MapPut` for each that is there comes first, then a `KeysReplayed`. A
        reader that falls further behind than `event_buffer` gets one `MapLost`.
        """
        changes = _Changes(self._node, self.name, prefix, replay)
        return AsyncMapWatch(self._node, self._pump, changes)


class Map(BaseMap):
    """A map that all members read and write, and that outlives who wrote it.

    Each member has all of it. What two put without having heard of each other stays side by side,
    until somebody who knows of both puts something.
    """

    def put(self, key: str, value: Payload, *, after: MapEntry | None = None) -> None:
        """Gives a key a value, in place of all that this node knows, or of what was read.

        It returns once others are told. The values of a key together have 64 KiB at most.
        """
        settle(self._node._host, self._write(key, octets(value), after))

    def delete(self, key: str, *, after: MapEntry | None = None) -> None:
        """Deletes the values of a key that this node knows, or those that were read."""
        settle(self._node._host, self._write(key, None, after))

    def resolve(self, key: str, decide: Callable[[Sequence[MapValue]], Payload]) -> bool:
        """Replaces values that stand side by side by the one that `decide` makes of them, the
        newest first; whether there was anything to decide."""
        entry = self.read(key)
        if entry is None or len(entry.values) < 2:
            return False
        self.put(key, decide(entry.values), after=entry)
        return True

    def watch(self, prefix: str = "", *, replay: bool = False) -> MapWatch:
        """Follows, from now on, the keys that begin so; for `for` and `next`.

        With `replay`, a `MapPut` for each that is there comes first, then a `KeysReplayed`. A
        reader that falls further behind than `event_buffer` gets one `MapLost`.
        """
        return MapWatch(self._node, _Changes(self._node, self.name, prefix, replay))


class AsyncMapWatch(AsyncFollowing[MapChange]):
    """What happens to keys of a map, for `async for`, until it is closed or dropped."""


class MapWatch(Following[MapChange]):
    """What happens to keys of a map, for `for` and `next`, until it is closed or dropped."""


for _public in (MapValue, MapEntry, MapPut, MapDeleted, MapLost, AsyncMap, AsyncMapWatch):
    _public.__module__ = "chinwag"
AsyncMap.__name__ = AsyncMap.__qualname__ = "Map"
AsyncMapWatch.__name__ = AsyncMapWatch.__qualname__ = "MapWatch"
Map.__module__ = MapWatch.__module__ = "chinwag.blocking"
