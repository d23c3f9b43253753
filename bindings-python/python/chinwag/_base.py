"""What both faces of a node share: what is known, how it looks, and how it ends."""

from __future__ import annotations

import atexit
import html
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ._chinwag import (
    Host,
    Member,
    Ring,
    RingChange,
    entries,
    get,
    loop_state,
    subscribers,
    topics,
)
from ._constants import MemberState
from ._signals import SignalHook
from .answers import Entry, KeyInfo, LoopState
from .errors import BadConfig, ChinwagError, Closed, Forked
from .events import Event, EventsLost, RingChanged
from .ring import Key

logger: Final = logging.getLogger("chinwag")
logger.addHandler(logging.NullHandler())

#: Events taken from the core in one go. Each is three objects, and the garbage collector runs when
#: there are 700 more than there were: larger batches would be collected over and over.
BATCH: Final = 64
#: Seconds that a goodbye may take.
LEAVE: Final = 5.0
#: Seconds between two looks for signals, which reach only the main thread.
_SLICE: Final = 0.1


class BaseNode:
    """A running node."""

    def __init__(self, options: dict[str, object]) -> None:
        self._host: Final = Host(options)
        self._name: Final = self._host.local_member().name
        self._attached: Final = options.get("attach") is not None
        self._cluster: Final = options.get("cluster")
        self._call_timeout: Final = self._host.call_timeout()
        self._blocks: Final = options.get("outbox_overflow") == "block"
        self._pid: Final = os.getpid()
        self._signals: SignalHook | None = None
        _live.add(self)
        if options.get("handle_signals") in (True, "true"):
            self._hook_signals()

    def _hook_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            self._host.close_now()
            raise BadConfig("handle_signals needs the main thread, where Python handles signals")
        self._signals = SignalHook(self._depart)
        self._signals.install()

    def _depart(self, finish: Callable[[], None]) -> None:
        """Says goodbye because of a signal, then calls `finish`."""
        try:
            settle(self._host, self._host.leave(LEAVE))
        except ChinwagError as error:
            self._mourn(error)
        finish()

    def _mourn(self, error: ChinwagError) -> None:
        if isinstance(error, Closed):
            return
        logger.warning("%r could not leave, its peers may see a failure: %s", self, error)

    def _retire(self) -> None:
        """What there is to do before closing, once."""
        _live.discard(self)
        if self._signals is not None:
            self._signals.remove()

    @property
    def name(self) -> str:
        """The local member's name."""
        if self._attached and self._pid == os.getpid():
            # It is the member's that is there just now.
            return self._host.local_member().name
        return self._name

    @property
    def addr(self) -> str:
        """The address that the others are told, `ip:port`."""
        return self._host.local_member().addr

    @property
    def closed(self) -> bool:
        """Whether the node is closed."""
        return self._host.is_closed()

    def local_member(self) -> Member:
        """The local member."""
        return self._host.local_member()

    def members(self, *, tags: Mapping[str, str] | None = None) -> list[Member]:
        """The members that are present, this one among them, by name; only those with `tags`."""
        members = self._host.members(False)
        if not tags:
            return members
        return [member for member in members if tags.items() <= member.tags.items()]

    def known_members(self) -> list[Member]:
        """Everybody remembered, failed and departed members included, by name."""
        return self._host.members(True)

    def member(self, name: str) -> Member | None:
        """The member of that name, in whatever state it is remembered."""
        return self._host.member(name)

    @property
    def ring(self) -> Ring:
        """The ring of the members that are present: the same object until it is another ring.

        The first use makes it, which takes some milliseconds for a hundred members and lets other
        threads run meanwhile; from then on it is kept, and `RingChanged` events are told. It
        follows the members some 20 ms after the last one of several changes. Members need the
        same options `ring_*`; a `ring-mismatch` warns when they differ.
        """
        return self._host.cluster_ring()

    def past_rings(self) -> list[Ring]:
        """The rings that were before it, the newest first: up to `ring_history`."""
        return self._host.past_rings()

    def owner(self, key: Key) -> Member | None:
        """The member that owns a key; `None` if nobody is on the ring."""
        name = self.ring.owner(key)
        return None if name is None else self._host.member(name)

    def owners(self, key: Key, n: int) -> list[Member]:
        """Up to `n` members that a key belongs to, the owner first."""
        members = map(self._host.member, self.ring.owners(key, n))
        return [member for member in members if member is not None]

    def owns(self, key: Key) -> bool:
        """Whether this node owns a key."""
        return self.ring.is_owner(self.name, key)

    def previous_owner(self, key: Key) -> str | None:
        """Who owned a key before its present owner did, as far back as rings are kept.

        A name, since that member may be forgotten; where to look for what has not moved yet.
        """
        return self._host.previous_owner(key)

    def hosts(self, server: str) -> list[str]:
        """The members that host a server of that name, this one among them, by name."""
        return self._host.hosts(server)

    def servers(self) -> dict[str, int]:
        """Every server that this node knows of, and how many members host it."""
        return self._host.servers()

    def subscribers(self, topic: str) -> list[str]:
        """The members that have subscribers of a topic, this one among them, by name."""
        return subscribers(self._host, topic)

    def topics(self) -> dict[str, int]:
        """Every topic that somebody subscribes to, and how many members do."""
        return topics(self._host)

    def get(self, member: str, key: str) -> bytes | None:
        """The value that a key of a present member has, as far as this node has heard."""
        return get(self._host, member, key)

    def entries(self, prefix: str = "") -> list[Entry]:
        """The keys of all present members that begin so, by the members' names and by key."""
        return list(map(Entry._make, entries(self._host, prefix)))

    def loop_state(self, member: str) -> LoopState | None:
        """How the event loop of a member does: `stuck` when it has been blocked for `loop_stuck`.

        `None` if no such member is present; `ok` where there is no loop, as in `chinwag.blocking`.
        """
        return loop_state(self._host, member)

    def stats(self) -> dict[str, int]:
        """Counters since the start, by name."""
        return self._host.stats()

    def metrics(self) -> str:
        """The counters, and members by state, as OpenMetrics text for Prometheus and its kin.

        Serve it as `application/openmetrics-text; version=1.0.0; charset=utf-8`.
        """
        return self._host.metrics()

    def keys(self) -> list[KeyInfo]:
        """What may be shown of the keys of this node, the primary first."""
        return [KeyInfo(**key) for key in self._host.keys()]

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.Node {self.name} {self._condition()}>"

    def _condition(self) -> str:
        try:
            if self._host.is_closed():
                return "closed"
            states = [member.state for member in self.known_members()]
        except Forked:
            return "forked"
        failed = states.count(MemberState.FAILED)
        alive = len(states) - failed - states.count(MemberState.LEFT)
        cluster = f" cluster={self._cluster}" if self._cluster else ""
        return f"{self.addr} alive={alive} failed={failed}{cluster}"

    def _repr_html_(self) -> str:
        """A table of the members, for notebooks."""
        rows = "".join(map(_row, self.known_members()))
        head = "<tr><th>name</th><th>addr</th><th>state</th><th>tags</th></tr>"
        return f"<p>{html.escape(repr(self))}</p><table>{head}{rows}</table>"

    def _abandon(self, why: str) -> bool:
        """Tells that nobody closed the node, unless somebody did."""
        if os.getpid() != self._pid or self._host.is_closed():
            return False
        if self.local_member().state != MemberState.LEFT:
            logger.warning("%r was not closed before %s; its peers see a failure", self, why)
        self._retire()
        return True

    def __del__(self) -> None:
        # A node that could not be started has nothing to end.
        if hasattr(self, "_pid") and self._abandon("it was garbage-collected"):
            self._host.close_now()


class Changes:
    """The changes of a node's ring among its events, each from where the one before it ended.

    Made after the subscription. A reader that was too slow gets one change over all it has missed.
    """

    def __init__(self, node: BaseNode) -> None:
        self._node: Final = node
        self._told = node.ring

    def after(self, event: Event) -> RingChange | None:
        """The change that an event is, if it is one."""
        if isinstance(event, RingChanged):
            return self._to(event.change.after)
        if isinstance(event, EventsLost):
            return self._to(self._node.ring)
        return None

    def _to(self, ring: Ring) -> RingChange | None:
        told = self._told
        if ring.version <= told.version:
            return None
        self._told = ring
        return RingChange(told, ring, self._node.name)


def _row(member: Member) -> str:
    tags = " ".join(f"{key}={value}" for key, value in member.tags.items())
    cells = (member.name, member.addr, member.state.value, tags)
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


def gather(name: str | None, options: Mapping[str, object]) -> dict[str, object]:
    """The arguments of `start` as options."""
    if name is None:
        return dict(options)
    if "name" in options:
        raise TypeError("start() got the name twice")
    return {"name": name, **options}


def settle(host: Host, number: int) -> Any:
    """Waits for the outcome of an operation. Signals are handled meanwhile, and may end it."""
    try:
        while True:
            rings = host.rings()
            for _, outcome in host.settled([number]):
                if isinstance(outcome, BaseException):
                    raise outcome
                return outcome
            listen(host, rings)
    except BaseException:
        host.forget(number)
        raise


def listen(host: Host, rings: int, end: float | None = None) -> bool:
    """Waits until there was more to take than `rings` times; whether that was before `end`."""
    span = _SLICE if threading.current_thread() is threading.main_thread() else None
    while True:
        left = None if end is None else max(0.0, end - time.monotonic())
        spans = [some for some in (span, left) if some is not None]
        if host.wait(rings, min(spans, default=None)):
            return True
        if left == 0:
            return False


_live: Final[weakref.WeakSet[BaseNode]] = weakref.WeakSet()


@atexit.register
def _stop_live() -> None:
    for node in list(_live):
        if node._abandon("the interpreter ended"):
            node._host.close()


# A child owns none of its parent's nodes.
os.register_at_fork(after_in_child=_live.clear)
