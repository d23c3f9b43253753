from collections.abc import Container
from datetime import timedelta
from typing import Any, final

from .._chinwag import From, Host
from .._values import CodecName, Encodable
from ..answers import LoopState
from ..clock._native import HybridTime

__all__ = [
    "MapWatching",
    "Published",
    "Streaming",
    "Subscribed",
    "Watching",
    "delete",
    "entries",
    "get",
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
    "stream_of",
    "subscribe_topic",
    "subscribers",
    "topics",
    "unwatch_loop",
    "watch",
    "watch_loop",
]

@final
class Published:
    """Something that was published. Any thread may use it."""

    @property
    def topic(self) -> str:
        """The topic."""
    @property
    def sender(self) -> str:
        """The member that published it."""
    @property
    def payload(self) -> Any:
        """What was published: the same object each time. `errors.Codec` if it cannot be read."""
    @property
    def headers(self) -> dict[str, str]:
        """What goes along, such as `traceparent`."""
    @property
    def missed(self) -> int:
        """How many before it this subscriber has missed, because it was slow."""

@final
class Subscribed:
    """A subscriber of a topic."""

    def drain(self, max: int) -> tuple[list[Published], bool]:
        """Takes up to `max` publications, and tells whether nothing will come after them."""
    def missed(self) -> int:
        """How many publications it has missed in all."""
    def close(self) -> None:
        """Subscribes no longer."""

def monitor(host: Host, target: str) -> int:
    """Begins to follow a server; settles with a dict once it is down."""

def watch_loop(host: Host) -> None:
    """Has the event loop watched that serves a node: it is asked by the bell, now and then."""

def loop_turned(host: Host) -> None:
    """The loop turns. To be called on it when the bell rings."""

def unwatch_loop(host: Host) -> None:
    """The loop has ended: nobody watches it any more."""

def loop_state(host: Host, member: str) -> LoopState | None:
    """How the loop of a present member does."""

def publish(host: Host, topic: str, payload: Encodable, how: dict[str, Any] | None) -> int:
    """Sends something to everybody who subscribes to a topic; to how many members. `how` has what
    is not as usual of `headers`, `codec` and `latest`."""

def subscribe_topic(host: Host, topic: str, queue: str | None, buffer: int) -> Subscribed:
    """Subscribes to a topic, in a queue if one is named; so many publications may wait."""

def subscribers(host: Host, topic: str) -> list[str]:
    """The members that have subscribers of a topic, in the order of their names."""

def topics(host: Host) -> dict[str, int]:
    """Every topic that somebody subscribes to, and how many members do."""

@final
class Streaming:
    """One end of a call that streams."""

    @property
    def id(self) -> int:
        """Names it among those of the node."""
    def send(self, item: Encodable, by: CodecName) -> bool:
        """Sends an item; whether there was room. If not, it is held, and `resend` tries again."""
    def resend(self) -> bool:
        """Sends what is held; whether there was room."""
    def take(self) -> tuple[bool, Any] | None:
        """Takes an item, or the end: whether it is an item, and the value, or the exception to
        raise. `None` if there is nothing yet."""
    def finish(self) -> None:
        """Says that no more items of the request come."""
    def close(self) -> None:
        """Lets it go: a call of this node is given up, unless it is over."""

def open_stream(
    host: Host, target: str, op: str, payload: Encodable, how: dict[str, Any] | None
) -> Streaming:
    """Makes a call that streams. `how` has what is not as usual of `timeout`, `headers` and
    `codec`."""

def stream_of(host: Host, sender: From) -> Streaming:
    """The server's end of a call, once, and before it is answered."""

def moved_streams(host: Host, ids: Container[int]) -> list[int]:
    """Those of the streams in `ids` at which something happened since this was last asked."""

@final
class MapWatching:
    """A watch of keys of a map."""

    def drain(self, max: int) -> tuple[list[tuple[str, tuple[Any, ...]]], bool]:
        """Takes up to `max` changes, each as its type and its parts, and tells whether nothing
        will come after them."""
    def close(self) -> None:
        """Watches no longer."""

_MapParts = tuple[str, list[tuple[bytes, HybridTime, str]], bytes]

def map_write(
    host: Host, map: str, key: str, value: bytes | None, context: bytes | None
) -> int:
    """Begins to give a key of a map a value, or without one to delete it; in place of what was
    read with `context`, or of all that is known."""

def map_read(host: Host, map: str, key: str) -> _MapParts | None:
    """A key of a map: the key, its values, and their context."""

def map_entries(host: Host, map: str, prefix: str) -> list[_MapParts]:
    """The keys of a map that begin so, in their order."""

def map_watch(host: Host, map: str, prefix: str, replay: bool) -> MapWatching:
    """Follows the keys of a map that begin so."""

@final
class Watching:
    """A watch of keys."""

    def drain(self, max: int) -> tuple[list[tuple[str, tuple[Any, ...]]], bool]:
        """Takes up to `max` changes, each as its type and its parts, and tells whether nothing
        will come after them."""
    def close(self) -> None:
        """Watches no longer."""

def put(host: Host, key: str, value: bytes, ttl: float | timedelta | None) -> int:
    """Begins to give a key of this node a value, for so long."""

def delete(host: Host, key: str) -> int:
    """Begins to delete a key of this node."""

def get(host: Host, member: str, key: str) -> bytes | None:
    """The value that a key of a present member has."""

def entries(host: Host, prefix: str) -> list[tuple[str, str, bytes]]:
    """The keys of all present members that begin so: whose, which, and the value."""

def watch(host: Host, prefix: str, replay: bool) -> Watching:
    """Follows the keys of all members that begin so."""
