"""Chinwag: one cluster, every runtime. This is the asyncio face; `chinwag.blocking` has the other.

    async with chinwag.start("web-1", bind="127.0.0.1:0", seeds=["127.0.0.1:7946"]) as node:
        async for event in node.events(replay=True):
            print(event.type, event)
"""

from . import blocking, errors, events
from ._asyncio import Events, Node, start
from ._chinwag import Member, __version__
from ._constants import ErrorCode, EventType, MemberState, OptionName, Options, WarningCode
from .errors import (
    Attempt,
    BadArgument,
    BadConfig,
    BindFailed,
    Cancelled,
    ChinwagError,
    Closed,
    Forked,
    Internal,
    JoinFailed,
    KeyMismatch,
    NameConflict,
    NotAdmitted,
    Timeout,
    TooLarge,
    UnknownMember,
)
from .events import (
    Event,
    EventsLost,
    MemberConflict,
    MemberEvent,
    MemberFailed,
    MemberJoin,
    MemberLeave,
    MemberMove,
    MemberReap,
    MemberRecover,
    MemberSuspect,
    MemberUpdate,
    ReplayDone,
    Warning,
)

__all__ = [
    "Attempt",
    "BadArgument",
    "BadConfig",
    "BindFailed",
    "Cancelled",
    "ChinwagError",
    "Closed",
    "ErrorCode",
    "Event",
    "EventType",
    "Events",
    "EventsLost",
    "Forked",
    "Internal",
    "JoinFailed",
    "KeyMismatch",
    "Member",
    "MemberConflict",
    "MemberEvent",
    "MemberFailed",
    "MemberJoin",
    "MemberLeave",
    "MemberMove",
    "MemberReap",
    "MemberRecover",
    "MemberState",
    "MemberSuspect",
    "MemberUpdate",
    "NameConflict",
    "Node",
    "NotAdmitted",
    "OptionName",
    "Options",
    "ReplayDone",
    "Timeout",
    "TooLarge",
    "UnknownMember",
    "Warning",
    "WarningCode",
    "__version__",
    "blocking",
    "errors",
    "events",
    "start",
]
