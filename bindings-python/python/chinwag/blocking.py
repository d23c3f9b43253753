"""The same node for programs without an event loop: the same names, and calls that block.

Every call may come from any thread. Ctrl-C ends a wait in the main thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from ._base import (
    BATCH,
    LEAVE,
    Changes,
    gather,
    listen,
    logger,
    settle,
)
from ._chinwag import Host, Member, RingChange, Subscription
from ._values import Payload, Seconds, octets
from .answers import (
    Answers,
    Coordinate,
    Explanation,
    KeyOp,
    KeyOutcome,
    Question,
    RoundTrip,
    question,
)
from .errors import ChinwagError
from .events import Event
from .messaging._blocking import BlockingMessages
from .messaging._keys import Watch
from .messaging._maps import Map, MapWatch
from .messaging._monitors import Monitor
from .messaging._thread_streams import Body, Stream
from .messaging._topics import Subscriber
from .servers._threads import Threads

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._constants import Options

__all__ = [
    "Body",
    "Map",
    "MapWatch",
    "Member",
    "Monitor",
    "Node",
    "Stream",
    "Subscriber",
    "Watch",
    "start",
]

#: Seconds that closing waits for a callback.
_PATIENCE: Final = 2.0


class Node(BlockingMessages):
    """A running node, for threads."""

    def __init__(self, options: dict[str, object]) -> None:
        self._dispatcher: _Dispatcher | None = None
        self._dispatching: Final = threading.Lock()
        self._servers: list[Threads] = []
        super().__init__(options)

    def join(self, seeds: str | Iterable[str]) -> int:
        """Joins through `seeds`, each `host[:port]`, all at once; how many answered."""
        targets = [seeds] if isinstance(seeds, str) else list(seeds)
        answered: int = settle(self._host, self._host.join(targets))
        return answered

    def update_tags(
        self, changes: Mapping[str, str | None] | None = None, /, **more: str | None
    ) -> None:
        """Sets some tags and removes those that are `None`; the others stay."""
        settle(self._host, self._host.update_tags({**(changes or {}), **more}))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Replaces all tags."""
        settle(self._host, self._host.set_tags(dict(tags)))

    def set_meta(self, meta: bytes) -> None:
        """Replaces the raw metadata."""
        settle(self._host, self._host.set_meta(meta))

    def send(self, member: str, payload: Payload, *, reliable: bool = True) -> None:
        """Sends a message to the present member of that name; it gets a `Message` event.

        Reliable is a connection for this one message, of at most 20 MiB: it returns once the
        member has read all of it. Otherwise it is one datagram, which may be lost or come twice,
        and fits into `packet_size`.
        """
        settle(self._host, self._host.send(member, octets(payload), reliable))

    def broadcast(
        self, payload: Payload, *, name: str | None = None, supersede: bool = False
    ) -> None:
        """Gossips a message to all members; each gets one `Broadcast` event, this node none.

        It fits into one packet, and who joins within a minute may still get it. Where one with a
        `name` still waits, a newer one of that name takes its place; with `supersede`, whoever has
        got the newer one does not get this one any more.
        """
        settle(self._host, self._host.broadcast(octets(payload), name, supersede))

    def set_state(self, state: Payload) -> None:
        """Replaces the state that is handed on with every exchange of states, at most 20 MiB.

        The other side gets a `RemoteState` event. An empty one is not handed on.
        """
        settle(self._host, self._host.set_state(octets(state)))

    def set_ping_payload(self, payload: Payload) -> None:
        """Replaces what is added to answers to pings, at most 512 bytes; see `round_trip`."""
        settle(self._host, self._host.set_ping_payload(octets(payload)))

    def ping(self, member: str) -> float:
        """Pings the present member of that name, in a datagram; the seconds until its answer."""
        seconds: float = settle(self._host, self._host.ping(member))
        return seconds

    def round_trip(self, member: str) -> RoundTrip:
        """What the last answers of the present member of that name told."""
        told: dict[str, Any] = settle(self._host, self._host.round_trip(member))
        return RoundTrip(**told)

    def admit(self, id: int) -> None:
        """Lets a newcomer in: with `admission="ask"`, the `id` of its `Admission` event."""
        settle(self._host, self._host.admit(id))

    def refuse(self, id: int, reason: str) -> None:
        """Keeps a newcomer out, for 30 seconds without asking again. A joiner is told why."""
        settle(self._host, self._host.refuse(id, reason))

    def explain(self, member: str) -> Explanation:
        """What this node knows of a member, and why: who probed, who suspected, what lacked."""
        told: dict[str, Any] = settle(self._host, self._host.explain(member))
        return Explanation._of(**told)

    def add_key(self, key: str) -> None:
        """Installs a key, in base64, on this node: what is encrypted under it is understood."""
        settle(self._host, self._host.add_key(key))

    def use_key(self, key: str) -> None:
        """Encrypts under that key from now on, named by its fingerprint or in base64."""
        settle(self._host, self._host.use_key(key))

    def remove_key(self, key: str) -> None:
        """Forgets a key, named by its fingerprint or in base64, that is not the primary."""
        settle(self._host, self._host.remove_key(key))

    def cluster_keys(self, op: KeyOp, key: str | None = None) -> dict[str, KeyOutcome]:
        """Has every member change or list its keys, serf agents too; what came of it, by name.

        Who did not answer in time is missing. To change the key of a cluster: install the new
        one, see that all have it, use it, see that all do, and remove the old one.
        """
        told: dict[str, Any] = settle(self._host, self._host.cluster_keys(op, key))
        return {member: KeyOutcome._of(**outcome) for member, outcome in told.items()}

    def user_event(self, name: str, payload: Payload = b"", *, coalesce: bool = False) -> None:
        """Tells everybody something, serf agents too; each gets one `UserEvent`, this node too.

        Who joins later gets the recent ones. With `coalesce`, the last of several of this name
        is enough.
        """
        settle(self._host, self._host.user_event(name, octets(payload), coalesce))

    def query(self, name: str, payload: Payload = b"", **how: Unpack[Question]) -> Answers:
        """Asks everybody who is meant, serf agents too: each gets a `Query` and may `respond`.

        Returns when all who are known to be meant have answered, or when its time is over.
        """
        told: dict[str, Any] = settle(self._host, self._host.query(question(name, payload, how)))
        return Answers._of(**told)

    def respond(self, id: int, payload: Payload = b"") -> None:
        """Answers a query, by the `id` of its event; once, and before its time is over."""
        settle(self._host, self._host.respond(id, octets(payload)))

    def set_ring_overrides(
        self,
        *,
        excluded: Iterable[str] = (),
        pins: Mapping[Any, str] | None = None,
        pin_prefixes: Mapping[Any, str] | None = None,
    ) -> None:
        """Replaces all that is decided by hand: who owns nothing, and which keys are whose.

        On all members, also those that join later; the rings follow as after a change of members.
        Returns once others are told. `TooLarge`, with nothing changed, for more than 60 KiB in all
        or a text of more than 1,024 bytes.
        """
        settle(self._host, self._host.set_ring_overrides(excluded, pins, pin_prefixes))

    def released(self, id: int) -> None:
        """Slots are released, by the `id` of a `HandoffPrepare`: their next owner may have them.

        To be called once nothing of theirs is written here any more, and what the next owner
        needs is where it finds it. `BadArgument` if no such hand-off waits any more.
        """
        settle(self._host, self._host.released(id))

    def force_leave(self, member: str, *, prune: bool = False) -> None:
        """Has everybody take a failed member for one that has left; with `prune`, forget it."""
        settle(self._host, self._host.force_leave(member, prune))

    def coordinate(self) -> Coordinate:
        """Where this node stands in serf's coordinate space, by its measurements so far."""
        told: dict[str, Any] = settle(self._host, self._host.coordinate())
        return Coordinate(**told)

    def rtt(self, one: str, other: str) -> float:
        """The estimated seconds of a round trip between two members, as serf estimates it."""
        seconds: float = settle(self._host, self._host.rtt(one, other))
        return seconds

    def events(self, *, replay: bool = False) -> Iterator[Event]:
        """Subscribes, now, to what happens to the other members; for `for`.

        With `replay`, one `MemberJoin` for each member that is already here comes first, then a
        `ReplayDone`. Ends when the node is closed. Dropping it ends the subscription.
        """
        return self._read(self._host.subscribe(replay))

    def ring_changes(self) -> Iterator[RingChange]:
        """Subscribes, now, to the changes of the `ring`, which is made if it was not; for `for`.

        Each begins with the ring that the one before it ended with, also when a slow reader has
        missed some. Ends when the node is closed. Dropping it ends the subscription.
        """
        events = self.events()
        told = map(Changes(self).after, events)
        return (change for change in told if change is not None)

    def _read(self, subscription: Subscription) -> Iterator[Event]:
        while True:
            rings = self._host.rings()
            events, ended = subscription.drain(BATCH)
            yield from events
            if ended:
                return
            if not events:
                listen(self._host, rings)

    def on_event(
        self, callback: Callable[[Event], object], *, replay: bool = False
    ) -> Callable[[], None]:
        """Calls `callback` with each event; returns a function that ends it.

        All callbacks of a node run on one thread of their own, one after the other, and keep the
        node alive until it is closed. They may call anything. What they raise is logged.
        """
        subscription = self._host.subscribe(replay)
        with self._dispatching:
            if self._dispatcher is None:
                self._dispatcher = _Dispatcher(self)
                self._dispatcher.start()
            return self._dispatcher.add(callback, subscription)

    def leave(self, timeout: Seconds = LEAVE) -> None:
        """Says goodbye, so that the others see a leave and not a failure; can join again."""
        settle(self._host, self._host.leave(timeout))

    def close(self) -> None:
        """Frees everything. Without a leave before it, the others see a failure.

        No callback and no handler is running any more afterwards, except one that called this, or
        one that took more than two seconds to return.
        """
        self._retire()
        self._host.close()
        threads = [thread for served in self._servers for thread in served.threads]
        if self._dispatcher is not None:
            threads.append(self._dispatcher)
        end = time.monotonic() + _PATIENCE
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, end - time.monotonic()))

    def __enter__(self) -> Node:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.leave()
        except ChinwagError as failure:
            self._mourn(failure)
        finally:
            self.close()


class _Dispatcher(threading.Thread):
    """The thread that a node's callbacks run on."""

    def __init__(self, node: Node) -> None:
        super().__init__(name=f"chinwag-events-{node.name}", daemon=True)
        self._node: Final = node
        self._seats: Final[dict[Subscription, Callable[[Event], object]]] = {}

    def add(self, callback: Callable[[Event], object], to: Subscription) -> Callable[[], None]:
        self._seats[to] = callback
        self._node._host.ring()
        return lambda: self._seats.pop(to, None) and None

    def run(self) -> None:
        host = self._node._host
        while self._seats or not host.is_closed():
            rings = host.rings()
            if not self._round():
                listen(host, rings)

    def _round(self) -> bool:
        """Serves every callback once; whether there was anything to do."""
        busy = [self._serve(subscription) for subscription in list(self._seats)]
        return any(busy)

    def _serve(self, subscription: Subscription) -> bool:
        events, ended = subscription.drain(BATCH)
        for event in events:
            callback = self._seats.get(subscription)
            if callback is None:
                break
            try:
                callback(event)
            except Exception:
                logger.exception("a callback of %r failed on %s", self._node, event.type)
        if ended:
            self._seats.pop(subscription, None)
        return ended or bool(events)


def start(name: str | None = None, /, **options: Unpack[Options]) -> Node:
    """Starts a node: `with chinwag.blocking.start("web-1") as node`.

    Returns once its address is bound and its seeds have been tried. Being alone is success,
    unless `require_join` is set; the seeds are tried again while it lasts. Leaving the `with`
    block, in whatever way, says goodbye and closes.
    """
    node = Node(gather(name, options))
    try:
        settle(node._host, node._host.ready())
    except BaseException:
        node.__exit__(None, None, None)  # Others may have met it already.
        raise
    return node
