from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, final

from ._constants import MemberState
from .events import Event

__all__ = ["Host", "Member", "Subscription", "Wake", "__version__", "_panic", "_specimen"]

__version__: Final[str]

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
    def force_leave(self, member: str, prune: bool) -> int:
        """Begins to have a failed member taken for one that has left."""
    def coordinate(self) -> int:
        """Begins to ask where this node stands; settles with a dict."""
    def rtt(self, one: str, other: str) -> int:
        """Begins to estimate the time between two members; settles with seconds."""
    def leave(self, timeout: float | timedelta) -> int:
        """Begins to say goodbye, within that time."""
    def settled(self, ids: list[int]) -> list[tuple[int, Any]]:
        """Those of `ids` that have settled, each with a value or with the exception to raise."""
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

def _panic(message: str) -> None:
    """Panics on purpose: the tests show with it what comes of a panic."""

def _specimen() -> Any:
    """An answer with every kind of value in it, for the tests."""
