from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, TypedDict, TypeVar, final

from typing_extensions import Buffer, Unpack

from ._constants import MemberState
from ._values import CodecName, Encodable
from .clock._native import (
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
from .events import Event
from .messaging._native import (
    MapWatching,
    Published,
    Streaming,
    Subscribed,
    Watching,
    delete,
    entries,
    get,
    loop_state,
    loop_turned,
    map_entries,
    map_read,
    map_watch,
    map_write,
    monitor,
    moved_streams,
    open_stream,
    publish,
    put,
    stream_of,
    subscribe_topic,
    subscribers,
    topics,
    unwatch_loop,
    watch,
    watch_loop,
)
from .ring import Balance, Key, Moved, MovedSlot, NodeLike, Profile, Range, RingNode

_Key = TypeVar("_Key", bound=Key)

__all__ = [
    "ActorTable",
    "Folded",
    "From",
    "Host",
    "HybridClock",
    "HybridTime",
    "LamportClock",
    "Mailbox",
    "MapWatching",
    "Member",
    "Published",
    "Retired",
    "Ring",
    "RingChange",
    "Siblings",
    "Streaming",
    "Subscribed",
    "Subscription",
    "VectorClock",
    "Wake",
    "Watching",
    "__version__",
    "_panic",
    "_specimen",
    "actor",
    "decode",
    "delete",
    "encode",
    "entries",
    "get",
    "jump",
    "loop_state",
    "loop_turned",
    "map_entries",
    "map_read",
    "map_watch",
    "map_write",
    "monitor",
    "moved_streams",
    "open_stream",
    "publish",
    "put",
    "split_actor",
    "stream_of",
    "subscribe_topic",
    "subscribers",
    "topics",
    "unwatch_loop",
    "watch",
    "watch_loop",
]

__version__: Final[str]

def encode(value: Encodable) -> bytes:
    """The bytes of a value that every language reads alike, of up to 64 MiB. `errors.Codec`, with
    the place in the value, for what has no encoding there."""

def decode(data: Buffer) -> Any:
    """The value of bytes that `encode` made in any language; `errors.Codec`, with the place, for
    others."""

@final
class Member:
    """One member, as it was when the value was taken."""

    @property
    def name(self) -> str:
        """Its name, unique in the cluster."""
    @property
    def addr(self) -> str:
        """The address it advertises, `ip:port`, for UDP and TCP alike."""
    @property
    def state(self) -> MemberState:
        """What was believed about it."""
    @property
    def tags(self) -> dict[str, str]:
        """Its tags; empty when its metadata is not in serf's encoding."""
    @property
    def meta(self) -> bytes:
        """Its metadata as it travels."""
    @property
    def incarnation(self) -> int:
        """How often it has announced itself; grows with every change and refutation."""
    @property
    def versions(self) -> tuple[int, int, int, int, int, int]:
        """Protocol versions: memberlist's min, max, current, then the application's three."""
    def to_dict(self) -> dict[str, str | dict[str, str]]:
        """The facts that a log line or a JSON document wants."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Member: ...
    def __deepcopy__(self, _memo: object) -> Member: ...

@final
class Host:
    """A node with the operations that are under way."""

    def __new__(cls, options: dict[str, object]) -> Host: ...
    def local_member(self) -> Member:
        """The local member."""
    def members(self, known: bool) -> list[Member]:
        """The present members, or everybody remembered, in the order of their names."""
    def member(self, name: str) -> Member | None:
        """The member of that name."""
    def stats(self) -> dict[str, int]:
        """Counters by their names."""
    def metrics(self) -> str:
        """The counters, and members by state, as OpenMetrics text."""
    def cluster_ring(self) -> Ring:
        """The ring of the members. The first call makes it."""
    def past_rings(self) -> list[Ring]:
        """The rings before it, the newest first."""
    def previous_owner(self, key: Key) -> str | None:
        """Who owned a key before its present owner did."""
    def set_ring_overrides(
        self,
        excluded: Iterable[str] | None,
        pins: Mapping[Any, str] | None,
        pin_prefixes: Mapping[Any, str] | None,
    ) -> int:
        """Begins to replace what is decided by hand of the ring."""
    def ready(self) -> int:
        """Begins to wait until the seeds have been tried."""
    def join(self, seeds: list[str]) -> int:
        """Begins to join; settles with the number of seeds that answered."""
    def update_tags(self, changes: Mapping[str, str | None]) -> int:
        """Begins to set some tags and to remove those that are `None`."""
    def set_tags(self, tags: Mapping[str, str]) -> int:
        """Begins to replace all tags."""
    def set_meta(self, meta: bytes) -> int:
        """Begins to replace the metadata."""
    def send(self, member: str, payload: bytes, reliable: bool) -> int:
        """Begins to send a message."""
    def broadcast(self, payload: bytes, name: str | None, supersede: bool) -> int:
        """Begins to gossip a message to everybody."""
    def set_state(self, state: bytes) -> int:
        """Begins to replace the state that is handed on."""
    def set_ping_payload(self, payload: bytes) -> int:
        """Begins to replace what is added to answers to pings."""
    def ping(self, member: str) -> int:
        """Begins to ping; settles with seconds."""
    def round_trip(self, member: str) -> int:
        """Begins to ask what the answers of a member told; settles with a dict."""
    def admit(self, id: int) -> int:
        """Begins to let a newcomer in."""
    def refuse(self, id: int, reason: str) -> int:
        """Begins to keep a newcomer out."""
    def explain(self, member: str) -> int:
        """Begins to ask what is known of a member; settles with a dict."""
    def keys(self) -> list[dict[str, Any]]:
        """What may be shown of the keys, the primary first."""
    def add_key(self, key: str) -> int:
        """Begins to install a key on this node."""
    def use_key(self, key: str) -> int:
        """Begins to encrypt under a key of the ring."""
    def remove_key(self, key: str) -> int:
        """Begins to remove a key from the ring."""
    def cluster_keys(self, op: str, key: str | None) -> int:
        """Begins to have every member change its keys; settles with a dict by member."""
    def user_event(self, name: str, payload: bytes, coalesce: bool) -> int:
        """Begins to tell everybody something, in serf's way."""
    def query(self, question: dict[str, object]) -> int:
        """Begins to ask everybody something; settles with a dict."""
    def respond(self, id: int, payload: bytes) -> int:
        """Begins to answer a query."""
    def released(self, id: int) -> int:
        """Begins to release the slots of a hand-off."""
    def force_leave(self, member: str, prune: bool) -> int:
        """Begins to have a failed member taken for one that has left."""
    def coordinate(self) -> int:
        """Begins to ask where this node stands; settles with a dict."""
    def rtt(self, one: str, other: str) -> int:
        """Begins to estimate the time between two members; settles with seconds."""
    def leave(self, timeout: float | timedelta) -> int:
        """Begins to say goodbye, within that time."""
    def call(
        self, target: str, op: str, payload: Encodable, how: dict[str, Any] | None
    ) -> int:
        """Begins to ask a server; settles with its answer. `how` has what is not as usual of
        `timeout`, `headers` and `codec`."""
    def cast(
        self, target: str, op: str, payload: Encodable, how: dict[str, Any] | None
    ) -> None:
        """Tells a server something, at once. `how` may also have `latest`."""
    def patient_cast(
        self, target: str, op: str, payload: Encodable, how: dict[str, Any] | None
    ) -> int:
        """Begins to tell a server something once there is room for it."""
    def multi_call(
        self, server: str, op: str, payload: Encodable, how: dict[str, Any] | None
    ) -> int:
        """Begins to ask the servers of that name on all members; settles with a dict. `how` may
        have `timeout`, `min_ok` and `codec`."""
    def abcast(
        self, server: str, op: str, payload: Encodable, how: dict[str, Any] | None
    ) -> int:
        """Begins to tell the servers of that name on all members; settles with how many. `how` may
        have `codec`."""
    def serve(self, name: str, mailbox: int | None) -> Mailbox:
        """Registers a server, in whose mailbox so many messages may wait."""
    def hosts(self, server: str) -> list[str]:
        """The members that host a server, in the order of their names."""
    def servers(self) -> dict[str, int]:
        """Every server that is known, and how many members host it."""
    def call_timeout(self) -> float:
        """How many seconds a call waits that says nothing else."""
    def settled(self, ids: Container[int]) -> list[tuple[int, Any]]:
        """Those of the operations in `ids` that have settled, each with a value or with the
        exception to raise."""
    def cancel(self, id: int) -> None:
        """Gives an operation up: a join ends. The outcome comes all the same."""
    def forget(self, id: int) -> None:
        """Gives an operation up, and lets its outcome go."""
    def subscribe(self, replay: bool) -> Subscription:
        """Subscribes to what happens to the other members."""
    def wake(self) -> Wake:
        """A new descriptor to watch."""
    def rings(self) -> int:
        """How often there was something new to take. To be read before looking for it."""
    def ring(self) -> None:
        """Rings, so that whoever waits looks again."""
    def wait(self, seen: int, seconds: float | None = None) -> bool:
        """Waits until `rings` is more than `seen`, or so many seconds; whether it is."""
    def is_closed(self) -> bool:
        """Whether the node is closed."""
    def close(self) -> None:
        """Frees everything, and waits for that, two seconds at most."""
    def close_now(self) -> None:
        """Frees everything, without waiting."""

@final
class Mailbox:
    """A server whose messages are taken."""

    def drain(self, max: int) -> tuple[list[From], list[int], bool]:
        """Takes up to `max` messages; the calls taken before that nobody waits for any more, by
        their numbers; and whether nothing will come after them."""
    def pause(self, paused: bool) -> None:
        """Holds messages back, or hands them over again."""
    def stop(self, reason: str) -> None:
        """Takes the server off, for that reason."""

@final
class From:
    """Whoever sent a message, and the way back. Any thread may use it."""

    @property
    def node(self) -> str:
        """The member that sent it."""
    @property
    def op(self) -> str:
        """What is asked or told."""
    @property
    def key(self) -> bytes | None:
        """The key after `#`."""
    @property
    def headers(self) -> dict[str, str]:
        """What goes along, such as `traceparent`."""
    @property
    def is_call(self) -> bool:
        """Whether it wants an answer."""
    @property
    def remaining(self) -> float | None:
        """The seconds that are left of the caller's time."""
    @property
    def answered(self) -> bool:
        """Whether it was answered from here."""
    @property
    def waiting(self) -> bool:
        """Whether somebody still waits for the answer."""
    @property
    def is_stream(self) -> bool:
        """Whether it can have items, and its answer as well."""
    @property
    def _number(self) -> int | None: ...
    @property
    def _codec(self) -> CodecName: ...
    def _payload(self) -> Any: ...
    def reply(self, value: Encodable = None) -> bool:
        """Answers; whether somebody was still waiting for that."""
    def fail(self, error: BaseException, *, stack: str | None = None) -> bool:
        """Answers with an error; whether somebody was still waiting for that."""

@final
class Subscription:
    """One reader of a node's events."""

    def drain(self, max: int) -> tuple[list[Event], bool]:
        """Takes up to `max` events, and tells whether nothing will come after them."""

@final
class Wake:
    """A descriptor that becomes readable when a node has something to take."""

    def fileno(self) -> int:
        """The descriptor. It stays this object's own."""
    def clear(self) -> None:
        """Makes it unreadable until the next time. To be called before looking what there is."""

class _RingOptions(TypedDict, total=False):
    nodes: Iterable[NodeLike]
    profile: Profile | None
    slots: int | None
    slack: int | None
    replicas: int | None
    hash_tags: bool | None
    pins: Mapping[Any, str] | None
    pin_prefixes: Mapping[Any, str] | None
    excluded: Iterable[str] | None

@final
class Ring:
    """Which node owns which key: a value that never changes."""

    def __new__(
        cls,
        nodes: Iterable[NodeLike],
        *,
        profile: Profile | None = "default",
        slots: int | None = None,
        slack: int | None = None,
        replicas: int | None = 3,
        hash_tags: bool | None = False,
        pins: Mapping[Any, str] | None = None,
        pin_prefixes: Mapping[Any, str] | None = None,
        excluded: Iterable[str] | None = (),
    ) -> Ring: ...
    def owner(self, key: Key) -> str | None:
        """The node that owns a key; `None` if the ring is empty."""
    def owners(self, key: Key, n: int) -> list[str]:
        """Up to `n` different nodes that a key belongs to, the owner first: exactly as many, or all
        if there are fewer. Those of other zones come first."""
    def owners_many(self, keys: Iterable[Key]) -> list[str | None]:
        """The owner of each key, in one call."""
    def owner_numbers(
        self, keys: Buffer, *, width: int | None = None, offsets: Buffer | None = None
    ) -> memoryview:
        """For each of many keys in one buffer, the place of its owner in `names`, or 65,535 if the
        ring is empty. The keys have `width` bytes each, or begin and end at `offsets`."""
    def is_owner(self, name: str, key: Key) -> bool:
        """Whether that node owns a key."""
    def owner_with_room(self, key: Key, has_room: Callable[[str], object]) -> str | None:
        """The first of a key's nodes for which `has_room` is true; `None` if that is nobody."""
    def slot(self, key: Key) -> int | None:
        """The slot of a key; `None` in the profiles that have none, and in an empty ring."""
    def slot_owners(self, slot: int) -> list[str]:
        """The nodes of a slot, the owner first, as many as the ring has replicas."""
    def slots_of(self, name: str) -> list[int]:
        """The slots of a node, in order."""
    def next(self, name: str, n: int) -> list[str]:
        """Up to `n` other nodes that own the places behind the first one of a node."""
    def previous(self, name: str, n: int) -> list[str]:
        """Up to `n` other nodes that own the places before the first one of a node, the nearest
        first."""
    def owners_before(self, key: Key, n: int) -> list[str]:
        """Up to `n` different nodes that own the places before a key, the nearest first."""
    def ranges(self) -> list[Range]:
        """All ranges of places in order, as large as they can be; together they are the whole
        ring."""
    def balance(self) -> list[Balance]:
        """How much of all keys each node has, in the order of their names."""
    def with_node(self, node: NodeLike) -> Ring:
        """The ring with one more node."""
    def without(self, name: str) -> Ring:
        """The ring without a node."""
    def update(self, node: NodeLike) -> Ring:
        """The ring with another weight or zone of a node."""
    def replace(self, **options: Unpack[_RingOptions]) -> Ring:
        """The ring with something else made from other options."""
    def __replace__(self, **options: Unpack[_RingOptions]) -> Ring: ...
    def union(self, other: Ring) -> Ring:
        """The nodes of both rings, and what is pinned in either."""
    def intersection(self, other: Ring) -> Ring:
        """The nodes that are in both rings, and what is pinned alike in both."""
    @property
    def names(self) -> tuple[str, ...]:
        """The names of those that own something, in order."""
    @property
    def nodes(self) -> tuple[RingNode, ...]:
        """All nodes, also those that are excluded, in the order of their names."""
    @property
    def profile(self) -> Profile:
        """How keys are placed."""
    @property
    def slots(self) -> int | None:
        """How many slots there are; `None` in the profiles that have none."""
    @property
    def slack(self) -> int | None:
        """What a node may have above its share, in thousandths; `None` where nothing is bounded."""
    @property
    def replicas(self) -> int:
        """Owners of a key that are found without a search."""
    @property
    def hash_tags(self) -> bool:
        """Whether what stands between `{` and `}` in a key places it."""
    @property
    def pins(self) -> dict[bytes, str]:
        """Keys whose owner is given, and that owner."""
    @property
    def pin_prefixes(self) -> dict[bytes, str]:
        """Beginnings of keys whose owner is given, and that owner."""
    @property
    def excluded(self) -> tuple[str, ...]:
        """Nodes that own nothing, whether they are in the ring or not."""
    @property
    def fingerprint(self) -> int:
        """The same in two rings exactly if they place all keys alike: 64 bits."""
    @property
    def version(self) -> int:
        """Which of a node's rings it is, counted from 1 by each node for itself; 0 if it was made
        by hand, copied as bytes, or pickled. Compare the `fingerprint`s of several nodes' rings."""
    def to_json(self) -> str:
        """The ring as JSON, in one line."""
    @classmethod
    def from_json(cls, text: Key) -> Ring:
        """The ring of this JSON."""
    def to_bytes(self) -> bytes:
        """The ring as bytes: one form for each ring, the same in every language."""
    @classmethod
    def from_bytes(cls, bytes: Key) -> Ring:
        """The ring of these bytes."""
    def __len__(self) -> int: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Ring: ...
    def __deepcopy__(self, _memo: object) -> Ring: ...
    def __reduce__(self) -> tuple[Any, tuple[bytes]]: ...
    def __sizeof__(self) -> int: ...

@final
class RingChange:
    """From one ring to another: what moves, in terms of the caller's keys."""

    def __new__(cls, before: Ring, after: Ring, local: str | None = None) -> RingChange: ...
    @property
    def before(self) -> Ring:
        """The ring as it was."""
    @property
    def after(self) -> Ring:
        """The ring as it is."""
    @property
    def local(self) -> str | None:
        """The node whose keys are meant where no name is given: the one whose event told it; `None`
        for a change that is made without one."""
    def moved(self, keys: Iterable[Key]) -> list[Moved]:
        """Those of the keys that have another owner, with both owners."""
    def gained(self, keys: Iterable[_Key], name: str | None = None) -> list[_Key]:
        """Those of the keys that `name`, or else the local node, owns, and did not."""
    def lost(self, keys: Iterable[_Key], name: str | None = None) -> list[_Key]:
        """Those of the keys that `name`, or else the local node, owned, and does not any more."""
    def slots(self) -> list[MovedSlot]:
        """The slots that have another owner, in order; none unless both rings have equally many."""
    def flows(self) -> dict[tuple[str | None, str | None], int]:
        """How many slots go from whom to whom."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[Ring, Ring, str | None]]: ...

def jump(key: Key, buckets: int) -> int | None:
    """The bucket of a key among so many that are only ever added and removed at the end; `None`
    without a bucket."""

def _panic(message: str) -> None:
    """Panics on purpose: the tests show with it what comes of a panic."""

def _specimen() -> Any:
    """An answer with every kind of value in it, for the tests."""
