"""The asyncio face of a node."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Mapping,
)
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from ._base import LEAVE, Changes, gather
from ._chinwag import RingChange
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
from .messaging._asyncio import AsyncMessages
from .messaging._pump import AsyncReader, Pump

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._constants import Options


#: Seconds for a program that closed its node to end before a signal ends it.
_GRACE: Final = 0.1


class Node(AsyncMessages):
    """A running node, for asyncio. Any event loop may use it, also several at once."""

    def __init__(self, options: dict[str, object]) -> None:
        self._loop: Final = asyncio.get_running_loop()
        self._pumps: Final[dict[asyncio.AbstractEventLoop, Pump]] = {}
        self._farewell: asyncio.Task[None] | None = None
        super().__init__(options)

    def _pump(self) -> Pump:
        """That of the running loop."""
        loop = asyncio.get_running_loop()
        pump = self._pumps.get(loop)
        if pump is None:
            for closed in [other for other in list(self._pumps) if other.is_closed()]:
                del self._pumps[closed]
            pump = self._pumps[loop] = Pump(
                loop, self._host, watched=loop is self._loop
            )
        return pump

    async def _ready(self) -> None:
        await self._pump().outcome(self._host.ready())

    async def join(self, seeds: str | Iterable[str]) -> int:
        """Joins through `seeds`, each `host[:port]`, all at once; how many answered."""
        targets = [seeds] if isinstance(seeds, str) else list(seeds)
        answered: int = await self._pump().outcome(self._host.join(targets))
        return answered

    async def update_tags(
        self, changes: Mapping[str, str | None] | None = None, /, **more: str | None
    ) -> None:
        """Sets some tags and removes those that are `None`; the others stay."""
        await self._pump().outcome(self._host.update_tags({**(changes or {}), **more}))

    async def set_tags(self, tags: Mapping[str, str]) -> None:
        """Replaces all tags."""
        await self._pump().outcome(self._host.set_tags(dict(tags)))

    async def set_meta(self, meta: bytes) -> None:
        """Replaces the raw metadata."""
        await self._pump().outcome(self._host.set_meta(meta))

    async def send(self, member: str, payload: Payload, *, reliable: bool = True) -> None:
        """Sends a message to the present member of that name; it gets a `Message` event.

        Reliable is a connection for this one message, of at most 20 MiB: it returns once the
        member has read all of it. Otherwise it is one datagram, which may be lost or come twice,
        and fits into `packet_size`.
        """
        await self._pump().outcome(self._host.send(member, octets(payload), reliable))

    async def broadcast(
        self, payload: Payload, *, name: str | None = None, supersede: bool = False
    ) -> None:
        """Gossips a message to all members; each gets one `Broadcast` event, this node none.

        It fits into one packet, and who joins within a minute may still get it. Where one with a
        `name` still waits, a newer one of that name takes its place; with `supersede`, whoever has
        got the newer one does not get this one any more.
        """
        await self._pump().outcome(self._host.broadcast(octets(payload), name, supersede))

    async def set_state(self, state: Payload) -> None:
        """Replaces the state that is handed on with every exchange of states, at most 20 MiB.

        The other side gets a `RemoteState` event. An empty one is not handed on.
        """
        await self._pump().outcome(self._host.set_state(octets(state)))

    async def set_ping_payload(self, payload: Payload) -> None:
        """Replaces what is added to answers to pings, at most 512 bytes; see `round_trip`."""
        await self._pump().outcome(self._host.set_ping_payload(octets(payload)))

    async def ping(self, member: str) -> float:
        """Pings the present member of that name, in a datagram; the seconds until its answer."""
        seconds: float = await self._pump().outcome(self._host.ping(member))
        return seconds

    async def round_trip(self, member: str) -> RoundTrip:
        """What the last answers of the present member of that name told."""
        told: dict[str, Any] = await self._pump().outcome(self._host.round_trip(member))
        return RoundTrip(**told)

    async def admit(self, id: int) -> None:
        """Lets a newcomer in: with `admission="ask"`, the `id` of its `Admission` event."""
        await self._pump().outcome(self._host.admit(id))

    async def refuse(self, id: int, reason: str) -> None:
        """Keeps a newcomer out, for 30 seconds without asking again. A joiner is told why."""
        await self._pump().outcome(self._host.refuse(id, reason))

    async def explain(self, member: str) -> Explanation:
        """What this node knows of a member, and why: who probed, who suspected, what lacked."""
        told: dict[str, Any] = await self._pump().outcome(self._host.explain(member))
        return Explanation._of(**told)

    async def add_key(self, key: str) -> None:
        """Installs a key, in base64, on this node: what is encrypted under it is understood."""
        await self._pump().outcome(self._host.add_key(key))

    async def use_key(self, key: str) -> None:
        """Encrypts under that key from now on, named by its fingerprint or in base64."""
        await self._pump().outcome(self._host.use_key(key))

    async def remove_key(self, key: str) -> None:
        """Forgets a key, named by its fingerprint or in base64, that is not the primary."""
        await self._pump().outcome(self._host.remove_key(key))

    async def cluster_keys(self, op: KeyOp, key: str | None = None) -> dict[str, KeyOutcome]:
        """Has every member change or list its keys, serf agents too; what came of it, by name.

        Who did not answer in time is missing. To change the key of a cluster: install the new
        one, see that all have it, use it, see that all do, and remove the old one.
        """
        told: dict[str, Any] = await self._pump().outcome(self._host.cluster_keys(op, key))
        return {member: KeyOutcome._of(**outcome) for member, outcome in told.items()}

    async def user_event(
        self, name: str, payload: Payload = b"", *, coalesce: bool = False
    ) -> None:
        """Tells everybody something, serf agents too; each gets one `UserEvent`, this node too.

        Who joins later gets the recent ones. With `coalesce`, the last of several of this name
        is enough.
        """
        await self._pump().outcome(self._host.user_event(name, octets(payload), coalesce))

    async def query(self, name: str, payload: Payload = b"", **how: Unpack[Question]) -> Answers:
        """Asks everybody who is meant, serf agents too: each gets a `Query` and may `respond`.

        Returns when all who are known to be meant have answered, or when its time is over.
        """
        number = self._host.query(question(name, payload, how))
        told: dict[str, Any] = await self._pump().outcome(number)
        return Answers._of(**told)

    async def respond(self, id: int, payload: Payload = b"") -> None:
        """Answers a query, by the `id` of its event; once, and before its time is over."""
        await self._pump().outcome(self._host.respond(id, octets(payload)))

    async def set_ring_overrides(
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
        await self._pump().outcome(self._host.set_ring_overrides(excluded, pins, pin_prefixes))

    async def released(self, id: int) -> None:
        """Slots are released, by the `id` of a `HandoffPrepare`: their next owner may have them.

        To be called once nothing of theirs is written here any more, and what the next owner
        needs is where it finds it. `BadArgument` if no such hand-off waits any more.
        """
        await self._pump().outcome(self._host.released(id))

    async def force_leave(self, member: str, *, prune: bool = False) -> None:
        """Has everybody take a failed member for one that has left; with `prune`, forget it."""
        await self._pump().outcome(self._host.force_leave(member, prune))

    async def coordinate(self) -> Coordinate:
        """Where this node stands in serf's coordinate space, by its measurements so far."""
        told: dict[str, Any] = await self._pump().outcome(self._host.coordinate())
        return Coordinate(**told)

    async def rtt(self, one: str, other: str) -> float:
        """The estimated seconds of a round trip between two members, as serf estimates it."""
        seconds: float = await self._pump().outcome(self._host.rtt(one, other))
        return seconds

    def events(self, *, replay: bool = False) -> Events:
        """Subscribes, now, to what happens to the other members; for `async for`.

        With `replay`, one `MemberJoin` for each member that is already here comes first, then a
        `ReplayDone`. Ends when the node is closed. Dropping it ends the subscription.
        """
        return Events(self, replay)

    def ring_changes(self) -> RingChanges:
        """Subscribes, now, to the changes of the `ring`, which is made if it was not; for
        `async for`.

        Each begins with the ring that the one before it ended with, also when a slow reader has
        missed some. Ends when the node is closed. Dropping it ends the subscription.
        """
        return RingChanges(self)

    async def leave(self, timeout: Seconds = LEAVE) -> None:
        """Says goodbye, so that the others see a leave and not a failure; can join again."""
        await self._pump().outcome(self._host.leave(timeout))

    async def close(self) -> None:
        """Frees everything. Without a leave before it, the others see a failure."""
        self._retire()
        await asyncio.to_thread(self._host.close)
        pump = self._pumps.get(asyncio.get_running_loop())
        if pump is not None:
            pump.look()

    async def __aenter__(self) -> Node:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.leave()
        except ChinwagError as failure:
            self._mourn(failure)
        finally:
            await self.close()

    def _depart(self, finish: Callable[[], None]) -> None:
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._begin_farewell, finish)
        else:
            super()._depart(finish)

    def _begin_farewell(self, finish: Callable[[], None]) -> None:
        self._farewell = self._loop.create_task(self._bid_farewell(finish))

    async def _bid_farewell(self, finish: Callable[[], None]) -> None:
        try:
            await self.leave()
        except ChinwagError as error:
            self._mourn(error)
        if self.closed:
            # Not by this: the program may be about to end by itself, and take this task along.
            await asyncio.sleep(_GRACE)
        finish()


class Events(AsyncReader[Event]):
    """Events as they happen: ordered, numbered, never two at once."""

    def __init__(self, node: Node, replay: bool) -> None:
        super().__init__(node._pump, node._host.subscribe(replay))


class RingChanges(AsyncIterator[RingChange]):
    """Changes of a node's ring as they happen, each from where the one before it ended."""

    def __init__(self, node: Node) -> None:
        self._events: Final = node.events()
        self._changes: Final = Changes(node)

    async def __anext__(self) -> RingChange:
        while True:
            change = self._changes.after(await anext(self._events))
            if change is not None:
                return change


class Starting:
    """A node that is about to start: to be awaited, or entered with `async with`."""

    def __init__(self, start: Coroutine[Any, Any, Node]) -> None:
        self._start: Final = start
        self._node: Node | None = None

    def __await__(self) -> Generator[Any, None, Node]:
        return self._start.__await__()

    async def __aenter__(self) -> Node:
        self._node = await self._start
        return self._node

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._node is not None:
            await self._node.__aexit__(kind, error, trace)


def start(name: str | None = None, /, **options: Unpack[Options]) -> Starting:
    """Starts a node: `async with chinwag.start("web-1") as node`, or `await chinwag.start(…)`.

    The node is there once its address is bound and its seeds have been tried. Being alone is
    success, unless `require_join` is set; the seeds are tried again while it lasts. Leaving the
    `async with` block, in whatever way, says goodbye and closes.
    """
    return Starting(_start(gather(name, options)))


async def _start(options: dict[str, object]) -> Node:
    node = Node(options)
    try:
        await node._ready()
    except BaseException:
        await node.__aexit__(None, None, None)  # Others may have met it already.
        raise
    return node


Node.__module__ = Events.__module__ = RingChanges.__module__ = start.__module__ = "chinwag"
