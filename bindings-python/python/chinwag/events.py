"""The events: frozen values that together make the closed union `Event`, for `match`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from ._chinwag import Member, RingChange
from ._constants import EventType, WarningCode


@dataclass(frozen=True, slots=True)
class MemberJoin:
    """A member is here: new, or back after it had failed or left."""

    member: Member
    seq: int
    """Number of the event, from 1, in the order in which things happened on this node."""
    type: ClassVar[Literal["member-join"]] = "member-join"


@dataclass(frozen=True, slots=True)
class MemberLeave:
    """A member said goodbye."""

    member: Member
    seq: int
    type: ClassVar[Literal["member-leave"]] = "member-leave"


@dataclass(frozen=True, slots=True)
class MemberFailed:
    """A suspected member did not refute in time."""

    member: Member
    seq: int
    type: ClassVar[Literal["member-failed"]] = "member-failed"


@dataclass(frozen=True, slots=True)
class MemberUpdate:
    """A member changed its tags, metadata or address."""

    member: Member
    previous: Member
    """As it was before."""
    seq: int
    type: ClassVar[Literal["member-update"]] = "member-update"


@dataclass(frozen=True, slots=True)
class MemberSuspect:
    """A member does not answer; it fails unless it refutes in time."""

    member: Member
    seq: int
    type: ClassVar[Literal["member-suspect"]] = "member-suspect"


@dataclass(frozen=True, slots=True)
class MemberRecover:
    """A suspected member refuted."""

    member: Member
    seq: int
    type: ClassVar[Literal["member-recover"]] = "member-recover"


@dataclass(frozen=True, slots=True)
class ReplayDone:
    """The members known at the time of subscribing have all been reported; now it is live."""

    seq: int
    type: ClassVar[Literal["replay-done"]] = "replay-done"


@dataclass(frozen=True, slots=True)
class EventsLost:
    """The reader was too slow and will not see `count` events."""

    count: int
    members: tuple[Member, ...]
    """The other members as they are now, to start over from."""
    seq: int
    type: ClassVar[Literal["events-lost"]] = "events-lost"


@dataclass(frozen=True, slots=True)
class MemberReap:
    """A failed or departed member is no longer remembered."""

    member: Member
    seq: int
    type: ClassVar[Literal["member-reap"]] = "member-reap"


@dataclass(frozen=True, slots=True)
class MemberMove:
    """A member has another address: it came back elsewhere, and nobody answers where it was."""

    member: Member
    previous: Member
    """As it was before."""
    seq: int
    type: ClassVar[Literal["member-move"]] = "member-move"


@dataclass(frozen=True, slots=True)
class MemberConflict:
    """Somebody elsewhere announces itself under the name of a member that answers."""

    member: Member
    """The one that keeps the name."""
    addr: str
    """Where the other one says it is."""
    seq: int
    type: ClassVar[Literal["member-conflict"]] = "member-conflict"


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001 - the one name that every language has for it
    """Something is wrong and the node goes on."""

    code: WarningCode
    subject: str
    """The name or address of whom it is about; empty for this node itself."""
    text: str
    """The likely cause and the next step."""
    seq: int
    type: ClassVar[Literal["warning"]] = "warning"


@dataclass(frozen=True, slots=True)
class Message:
    """A member sent this node a message."""

    sender: str
    """The member of the address; empty when none, or more than one, has it."""
    addr: str
    reliable: bool
    """Whether it came over a connection."""
    payload: bytes
    seq: int
    type: ClassVar[Literal["message"]] = "message"


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A member sent everybody a message; each is told once."""

    sender: str
    name: str
    """What it is about; empty for a unique one."""
    payload: bytes
    seq: int
    type: ClassVar[Literal["broadcast"]] = "broadcast"


@dataclass(frozen=True, slots=True)
class RemoteState:
    """The state that a member hands on came with an exchange of states."""

    sender: str
    """Whose it is; empty when several members share the address that it came from."""
    join: bool
    """Whether the exchange was about joining."""
    payload: bytes
    seq: int
    type: ClassVar[Literal["remote-state"]] = "remote-state"


@dataclass(frozen=True, slots=True)
class Admission:
    """A newcomer waits to be let in; it is refused when nobody decides."""

    id: int
    """Number of the question."""
    member: Member
    """As it announces itself. It is no member yet."""
    seq: int
    type: ClassVar[Literal["admission"]] = "admission"


@dataclass(frozen=True, slots=True)
class UserEvent:
    """A member told everybody something, in serf's way; each is told once, here too."""

    name: str
    ltime: int
    """Its Lamport time: what happened because of it has a later one."""
    payload: bytes
    coalesce: bool
    """Whether the last of several events of this name is enough."""
    seq: int
    type: ClassVar[Literal["user-event"]] = "user-event"


@dataclass(frozen=True, slots=True)
class Query:
    """A member asks everybody something, in serf's way; the answer names the id."""

    id: int
    sender: str
    name: str
    payload: bytes
    timeout: float
    """Seconds that an answer is waited for, from when it was asked."""
    seq: int
    type: ClassVar[Literal["query"]] = "query"


@dataclass(frozen=True, slots=True)
class RingChanged:
    """The cluster's ring is another one. Told once somebody has asked the node for its `ring`."""

    version: int
    """Which of this node's rings it is, counted from 1."""
    change: RingChange
    """Answers which of your keys have moved: `change.lost(cache)`."""
    seq: int
    type: ClassVar[Literal["ring-change"]] = "ring-change"


@dataclass(frozen=True, slots=True)
class HandoffPrepare:
    """Slots go to another member: stop writing, pass on what it needs, and say `released`."""

    id: int
    """Number of the question."""
    peer: str
    """Who owns them next."""
    slots: tuple[int, ...]
    """Which, in order."""
    epoch: int
    """Under which this node had them at most: whoever has them next has a greater one."""
    timeout: float
    """Seconds that the other one waits."""
    seq: int
    type: ClassVar[Literal["handoff-prepare"]] = "handoff-prepare"


@dataclass(frozen=True, slots=True)
class HandoffAcquired:
    """Slots are this node's from now on."""

    peer: str
    """Who had them; empty if nobody did."""
    slots: tuple[int, ...]
    """Which, in order."""
    epoch: int
    """Grows with every owner of a slot: a store that has seen a greater one refuses this one."""
    clean: bool
    """Whether who had them released them, or nobody had them. If not, it may still write."""
    seq: int
    type: ClassVar[Literal["handoff-acquired"]] = "handoff-acquired"


#: An event about one member.
MemberEvent = (
    MemberJoin
    | MemberLeave
    | MemberFailed
    | MemberUpdate
    | MemberSuspect
    | MemberRecover
    | MemberReap
    | MemberMove
    | MemberConflict
)

#: Any event.
Event = (
    MemberEvent
    | ReplayDone
    | EventsLost
    | Warning
    | Message
    | Broadcast
    | RemoteState
    | Admission
    | UserEvent
    | Query
    | RingChanged
    | HandoffPrepare
    | HandoffAcquired
)

#: The class of each type of event.
CLASSES: Final[dict[EventType, type[Event]]] = {
    "member-join": MemberJoin,
    "member-leave": MemberLeave,
    "member-failed": MemberFailed,
    "member-update": MemberUpdate,
    "member-suspect": MemberSuspect,
    "member-recover": MemberRecover,
    "replay-done": ReplayDone,
    "events-lost": EventsLost,
    "member-reap": MemberReap,
    "member-move": MemberMove,
    "member-conflict": MemberConflict,
    "warning": Warning,
    "message": Message,
    "broadcast": Broadcast,
    "remote-state": RemoteState,
    "admission": Admission,
    "user-event": UserEvent,
    "query": Query,
    "ring-change": RingChanged,
    "handoff-prepare": HandoffPrepare,
    "handoff-acquired": HandoffAcquired,
}
