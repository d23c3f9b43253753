"""Chinwag: one cluster, every runtime. This is the asyncio face; `chinwag.blocking` has the other.

    async with chinwag.start("web-1", bind="127.0.0.1:0", seeds=["127.0.0.1:7946"]) as node:
        async for event in node.events(replay=True):
            print(event.type, event)
"""

from . import blocking, errors, events
from ._asyncio import Events, Node, start
from ._chinwag import Member, __version__
from ._constants import ErrorCode, EventType, MemberState, OptionName, Options
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
    Timeout,
    TooLarge,
)
from .events import (
    Event,
    EventsLost,
    MemberEvent,
    MemberFailed,
    MemberJoin,
    MemberLeave,
    MemberRecover,
    MemberSuspect,
    MemberUpdate,
    ReplayDone,
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
    "Member",
    "MemberEvent",
    "MemberFailed",
    "MemberJoin",
    "MemberLeave",
    "MemberRecover",
    "MemberState",
    "MemberSuspect",
    "MemberUpdate",
    "Node",
    "OptionName",
    "Options",
    "ReplayDone",
    "Timeout",
    "TooLarge",
    "__version__",
    "blocking",
    "errors",
    "events",
    "start",
]
