# The clocks of `_chinwag`, which would be too long with them. There is no such module at run time.
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar, final, overload

from typing_extensions import Buffer

from . import Causality, Dot, Entry, TrimBounds

_T = TypeVar("_T")
_V = TypeVar("_V")
_W = TypeVar("_W")

@final
class VectorClock:
    """A counter for each actor that ever wrote: whether one state knows of another. A value that
    never changes. An actor without an entry counts 0; `<` and the like are the partial order. An
    actor is a process that writes: a text of 1 to 1,024 bytes, or `BadArgument`. All names of a
    clock take at most 16 MiB, or `TooLarge`. Counts and times, in microseconds, are whole numbers
    of 64 bits."""

    def __new__(cls, counts: VectorClock | Mapping[str, int] | None = None) -> VectorClock: ...
    def insert(self, actor: str, now_us: int | None = None) -> VectorClock:
        """The clock with an entry that counts 0; one that is there stays as it is."""
    def increment(self, actor: str, now_us: int | None = None) -> VectorClock:
        """The clock with one more event of the actor. At the largest count it stays."""
    def update(self, actor: str, count: int, now_us: int | None = None) -> VectorClock:
        """The clock with that counter, be it less than it was."""
    def remove(self, actor: str) -> VectorClock:
        """The clock without the entry of the actor."""
    def merge(self, other: VectorClock) -> VectorClock:
        """All that either of two clocks knows: of each actor the higher count."""
    def trim(self, now_us: int, bounds: TrimBounds | None = None) -> VectorClock:
        """The clock without its oldest entries, as long as there are too many or they are too old.
        Those without a time stay."""
    def compare(self, other: VectorClock) -> Causality:
        """How this history stands to another, by the counters alone."""
    def descends(self, other: VectorClock) -> bool:
        """Whether this one knows of all that the other does: it is equal or after."""
    def dominates(self, other: VectorClock) -> bool:
        """Whether this one knows of all that the other does, and more: it is after."""
    def dot(self, actor: str) -> Dot | None:
        """The last event of an actor that is known; `None` when there is none."""
    def descends_dot(self, dot: Dot | tuple[str, int]) -> bool:
        """Whether that event, or any later one of its actor, is known."""
    @overload
    def get(self, actor: str, default: None = None) -> int | None:
        """The count of an actor that has an entry, be it 0."""
    @overload
    def get(self, actor: str, default: _T) -> int | _T: ...
    def entry(self, actor: str) -> Entry | None:
        """The entry of an actor, with its stamps; `None` without one."""
    def keys(self) -> list[str]:
        """The actors, in the order of their bytes."""
    def values(self) -> list[int]:
        """The counts, in the order of the actors."""
    def items(self) -> list[tuple[str, int]]:
        """Actors and counts, in the order of the actors."""
    def to_bytes(self) -> bytes:
        """The clock as bytes, with its stamps if it has any: one form for each value, the same in
        every language."""
    @classmethod
    def from_bytes(cls, bytes: Buffer) -> VectorClock:
        """The clock of these bytes, as `to_bytes` writes them in any language; `BadArgument` for
        others."""
    def to_json(self) -> str:
        """The clock as JSON, an object by actor."""
    @classmethod
    def from_json(cls, text: str | Buffer) -> VectorClock:
        """The clock of this JSON; `BadArgument` for what is none, `TooLarge` for more than 4
        MiB."""
    def to_dense(self, table: ActorTable) -> bytes:
        """The counters alone, as bytes for who has the same table; `BadArgument` when an actor that
        counts more than 0 is not in it."""
    @classmethod
    def from_dense(cls, table: ActorTable, bytes: Buffer) -> VectorClock:
        """The clock of bytes that `to_dense` made with the same table; `BadArgument` for those of
        another. An actor that counts 0 has no entry."""
    def __bytes__(self) -> bytes: ...
    def __len__(self) -> int: ...
    def __contains__(self, actor: object, /) -> bool: ...
    def __getitem__(self, actor: str, /) -> int:
        """The count of an actor; 0 without an entry."""
    def __iter__(self) -> Iterator[str]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: VectorClock, /) -> bool: ...
    def __le__(self, other: VectorClock, /) -> bool: ...
    def __gt__(self, other: VectorClock, /) -> bool: ...
    def __ge__(self, other: VectorClock, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> VectorClock: ...
    def __deepcopy__(self, _memo: object) -> VectorClock: ...
    def __reduce__(self) -> tuple[Any, tuple[bytes]]: ...

@final
class ActorTable:
    """Actors that both sides know, such as all members of a cluster: a clock then takes a byte or
    two for each. A value that never changes."""

    def __new__(cls, actors: Iterable[str]) -> ActorTable: ...
    @property
    def fingerprint(self) -> int:
        """The same for two tables exactly if they have the same actors: 64 bits."""
    @property
    def actors(self) -> list[str]:
        """The actors, in the order of their bytes."""
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[ActorTable], tuple[list[str]]]: ...

@final
class Retired:
    """A log of actors that have ended, each with its final count: what a cluster has agreed on. It
    only grows, at its end, and the same for all; its length is the epoch. Any thread may use it. A
    clock that was folded under a longer log is a `BadArgument`."""

    def __new__(cls, log: Iterable[tuple[str, int]] | None = None) -> Retired: ...
    def retire(self, actor: str, count: int) -> int:
        """Adds an actor that has ended with `count` events, and tells the new epoch; `BadArgument`
        for one that has ended before, `TooLarge` when all names would take more than 16 MiB."""
    @property
    def epoch(self) -> int:
        """How many actors have ended."""
    @overload
    def get(self, actor: str, default: None = None) -> int | None:
        """The final count of an actor that has ended."""
    @overload
    def get(self, actor: str, default: _T) -> int | _T: ...
    def items(self) -> list[tuple[str, int]]:
        """The actors and their final counts, in the order of the log."""
    def fold(self, clock: VectorClock) -> Folded:
        """The clock under this log. Stamps of what is dropped are gone; counters are not."""
    def unfold(self, folded: Folded) -> VectorClock:
        """The clock as it was before it was folded, counter by counter."""
    def raise_(self, folded: Folded) -> Folded:
        """The same clock under all of this log."""
    def compare(self, folded: Folded, other: Folded) -> Causality:
        """How two clocks stand to each other, of whatever epochs: as before they were folded."""
    def merge(self, folded: Folded, other: Folded) -> Folded:
        """All that either of two clocks knows, of whatever epochs, under all of this log."""
    def to_bytes(self) -> bytes:
        """The log as bytes, to be kept beside what was folded under it: one form for each, the same
        in every language."""
    @classmethod
    def from_bytes(cls, bytes: Buffer) -> Retired:
        """The log of these bytes; `BadArgument` for others."""
    def to_json(self) -> str:
        """The log as JSON."""
    @classmethod
    def from_json(cls, text: str | Buffer) -> Retired:
        """The log of this JSON; `BadArgument` for what is none, `TooLarge` for more than 4 MiB."""
    def __bytes__(self) -> bytes: ...
    def __len__(self) -> int: ...
    def __contains__(self, actor: object, /) -> bool: ...
    def __iter__(self) -> Iterator[tuple[str, int]]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]  # it changes
    def __reduce__(self) -> tuple[type[Retired], tuple[list[tuple[str, int]]]]: ...

@final
class Folded:
    """A clock under the first so many retirements of a log, without the entries of actors of which
    it knows everything. A value that never changes."""

    @property
    def epoch(self) -> int:
        """How many retirements it is folded under."""
    @property
    def clock(self) -> VectorClock:
        """The entries that are left. Of a retired actor, none means all of its events, and 0 none
        of them; so they are not for `VectorClock.compare`, but for `Retired.compare`."""
    def to_bytes(self) -> bytes:
        """The clock and its epoch as bytes: one form for each value, the same in every language."""
    @classmethod
    def from_bytes(cls, bytes: Buffer) -> Folded:
        """The folded clock of these bytes; `BadArgument` for others."""
    def to_json(self) -> str:
        """The clock and its epoch as JSON."""
    @classmethod
    def from_json(cls, text: str | Buffer) -> Folded:
        """The folded clock of this JSON; `BadArgument` for what is none, `TooLarge` for more than 4
        MiB."""
    def __bytes__(self) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[bytes]]: ...

@final
class Siblings(Generic[_V]):
    """The values of one record that stand side by side, and the history that they come from. A
    value that never changes. A context is a claim: who makes one up can replace what it never
    read."""

    def __new__(cls) -> Siblings[_V]: ...
    def put(self, actor: str, context: VectorClock | None, value: _V) -> Siblings[_V]:
        """The record with a value in place of all those that the context knows of; with `None`,
        beside all. The actor is the process that holds the record, not the client that asks.
        `BadArgument` when its counter is at its end."""
    def discard(self, context: VectorClock) -> Siblings[_V]:
        """The record without all values that the context knows of; with its own, that deletes
        it."""
    def merge(self, other: Siblings[_V]) -> Siblings[_V]:
        """The record as it is known here or at another replica."""
    def resolve(self, actor: str, decide: Callable[[list[_V]], _V]) -> Siblings[_V]:
        """The record with one value that `decide` makes of several; the same one if there are fewer
        than two."""
    def compare(self, other: Siblings[_V]) -> Causality:
        """How this replica stands to another: after it, when a merge would change nothing here, and
        something there."""
    @property
    def context(self) -> VectorClock:
        """All events of which the record knows: what a writer hands back that has read all
        values."""
    def values(self) -> list[_V]:
        """The values: by actor, the oldest first."""
    def dots(self) -> list[tuple[Dot, _V]]:
        """Each value with the event that wrote it before it."""
    def to_bytes(self, encode: Callable[[_V], Buffer] | None = None) -> bytes:
        """The record as bytes, history and values: one form for each, the same in every language.
        `encode` makes bytes of a value; without it, all values are bytes."""
    @overload
    @classmethod
    def from_bytes(cls, bytes: Buffer, decode: None = None) -> Siblings[bytes]:
        """The record of these bytes; `BadArgument` for others. `decode` makes values of bytes;
        without it, they stay bytes."""
    @overload
    @classmethod
    def from_bytes(cls, bytes: Buffer, decode: Callable[[bytes], _W]) -> Siblings[_W]: ...
    def to_json(self, encode: Callable[[_V], Buffer] | None = None) -> str:
        """The record as JSON, with each value in base64. `encode` as in `to_bytes`."""
    @overload
    @classmethod
    def from_json(cls, text: str | Buffer, decode: None = None) -> Siblings[bytes]:
        """The record of this JSON; `BadArgument` for what is none, `TooLarge` for more than 4 MiB.
        `decode` as in `from_bytes`."""
    @overload
    @classmethod
    def from_json(cls, text: str | Buffer, decode: Callable[[bytes], _W]) -> Siblings[_W]: ...
    def __bytes__(self) -> bytes: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_V]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[bytes, list[_V]]]: ...
    def __class_getitem__(cls, key: Any) -> Any: ...

@final
class HybridTime:
    """A stamp of a hybrid clock: 48 bits of milliseconds, 16 bits of a counter below them. Made of
    the number or the text of one; numbers, texts and bytes sort as stamps do."""

    def __new__(cls, stamp: int | str) -> HybridTime: ...
    @property
    def ms(self) -> int:
        """Milliseconds, of the time that its clock was told."""
    @property
    def counter(self) -> int:
        """What tells stamps of one millisecond apart."""
    def to_bytes(self) -> bytes:
        """The 8 bytes of the number, the highest first."""
    @classmethod
    def from_bytes(cls, bytes: Buffer) -> HybridTime:
        """The stamp of these 8 bytes; `BadArgument` for any other number of them."""
    def __bytes__(self) -> bytes: ...
    def __int__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: HybridTime, /) -> bool: ...
    def __le__(self, other: HybridTime, /) -> bool: ...
    def __gt__(self, other: HybridTime, /) -> bool: ...
    def __ge__(self, other: HybridTime, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[HybridTime], tuple[int]]: ...

@final
class HybridClock:
    """A hybrid logical clock: stamps near the time that it is told, which ascend whatever that
    does. It accepts stamps of others up to `drift_us` microseconds ahead of that. Any thread may
    use it."""

    def __new__(cls, drift_us: int = 500_000) -> HybridClock: ...
    @property
    def last(self) -> HybridTime:
        """The last stamp that was given."""
    def tick(self, now_us: int) -> HybridTime:
        """A stamp for something that happens here, now: greater than all before. `now_us` is the
        time in microseconds."""
    def observe(self, remote: HybridTime, now_us: int) -> HybridTime:
        """A stamp for having received another, now: greater than it, and than all before.
        `BadArgument` when that is farther ahead of `now_us` than the drift; the clock stays as it
        is then."""

@final
class LamportClock:
    """A number that is raised by every event and by every number of others. Any thread may use
    it."""

    def __new__(cls, time: int = 0) -> LamportClock: ...
    @property
    def time(self) -> int:
        """The number of the last event."""
    def tick(self) -> int:
        """The number of something that happens here."""
    def observe(self, remote: int) -> int:
        """The number of having received something with that number: greater than it."""

def actor(name: str, incarnation: int) -> str:
    """The actor that a node is in one of its lives: its name, `~`, its incarnation."""

def split_actor(actor: str) -> tuple[str, int] | None:
    """Name and incarnation of what `actor` made; `None` of any other text."""
