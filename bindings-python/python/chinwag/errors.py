"""The exceptions: one class for each row of the error table, each also the builtin of its kind.

`code`, `number` and `retryable` come from the table, so that every language tells the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final, NamedTuple

from ._constants import ERRORS, ErrorCode, ErrorInfo

_ROWS: Final[dict[str, ErrorInfo]] = {row.title: row for row in ERRORS}


class Attempt(NamedTuple):
    """One seed that a join tried, and why it did not answer."""

    seed: str
    cause: str


class Remote(NamedTuple):
    """What a server said of a failure of its own code."""

    node: str
    """The member that hosts it."""
    language: str
    """Its language: `rust`, `c`, `python`, `node` or `elixir`."""
    class_: str
    """The type of the error there, such as `ValueError`."""
    message: str
    """Its own words."""
    stack: str | None
    """The stack, where the server passes it on."""


class ChinwagError(Exception):
    """Whatever Chinwag raises. The text says what happened, to whom, and what to do next."""

    code: ClassVar[ErrorCode]
    """The permanent code, the same in every language."""
    number: ClassVar[int]
    """The permanent number."""
    retryable: ClassVar[bool]
    """Whether the same call may succeed later."""

    _executed: ClassVar[bool]

    def __init__(
        self,
        message: str,
        attempts: Iterable[tuple[str, str]] = (),
        maybe_executed: bool | None = None,
        remote: tuple[str, str, str, str, str | None] | None = None,
    ) -> None:
        super().__init__(message)
        self.attempts: tuple[Attempt, ...] = tuple(Attempt(*attempt) for attempt in attempts)
        """What a failed join tried; empty for other errors."""
        self._told: bool = maybe_executed is not None
        self.maybe_executed: bool = self._executed if maybe_executed is None else maybe_executed
        """Whether what was asked for may have happened all the same. `False` is certain."""
        self.remote: Remote | None = None if remote is None else Remote(*remote)
        """What the server said, when its own code failed."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        row = _ROWS.get(cls.__name__)
        if row is not None and cls.__module__ == __name__:
            cls.code, cls.number, cls.retryable = row.code, row.number, row.retryable
            cls._executed = row.maybe_executed
            cls.__module__ = "chinwag"


class BadConfig(ChinwagError, ValueError):
    """An option is unknown, malformed, or contradicts another; nothing was started."""


class BadArgument(ChinwagError, ValueError):
    """An argument is malformed or missing; nothing was changed."""


class BindFailed(ChinwagError, OSError):
    """The address could not be bound; nothing was started."""


class JoinFailed(ChinwagError, ConnectionError):
    """No seed answered; the node goes on as it was. `attempts` has the cause for each."""


class TooLarge(ChinwagError, ValueError):
    """A value is over its size limit; the old value stays."""


class Timeout(ChinwagError, TimeoutError):
    """The deadline passed before the outcome was known; it may still happen."""


class Closed(ChinwagError, RuntimeError):
    """The node is closed, or was closed while the operation was under way."""


class Cancelled(ChinwagError, RuntimeError):
    """The caller gave the operation up; it may still happen."""


class Forked(ChinwagError, RuntimeError):
    """The node belongs to the parent process; a forked child starts a node of its own."""


class Internal(ChinwagError, RuntimeError):
    """A defect in Chinwag, caught at the border; the node may be unusable. Please report it."""


class NameConflict(ChinwagError, RuntimeError):
    """A member that answers has this name already; nothing was joined."""


class KeyMismatch(ChinwagError, PermissionError):
    """The other side has another key, or only one of the two sides is encrypted."""


class NotAdmitted(ChinwagError, PermissionError):
    """A member of the cluster refused to let this node in; the text has its reason."""


class UnknownMember(ChinwagError, LookupError):
    """No present member has this name; nothing was sent."""


class NodeDown(ChinwagError, ConnectionError):
    """The member could not be reached, or the connection broke; it may have got the message."""


class Overloaded(ChinwagError, RuntimeError):
    """Too much waits to be sent already; nothing was sent."""


class Unsupported(ChinwagError, RuntimeError):
    """This node, or its cluster, does not offer that; the message has what would."""


class NoServer(ChinwagError, LookupError):
    """No present member hosts a server of this name, or the one that was asked does not."""


class RemoteError(ChinwagError, RuntimeError):
    """The server's own code failed; `remote` has its language, type, message and node."""


class UnknownOp(ChinwagError, LookupError):
    """The server has no operation of this name; nothing ran."""


class Codec(ChinwagError, ValueError):
    """A value has no encoding, or bytes are no value; the message says where in it."""


class ServerExists(ChinwagError, RuntimeError):
    """This node has a server of this name already; that one stays."""


class NoQuorum(ChinwagError, RuntimeError):
    """Fewer servers answered than were asked for; the message says which did not, and why."""


#: The class of each code.
CLASSES: Final[dict[ErrorCode, type[ChinwagError]]] = {
    cls.code: cls for cls in ChinwagError.__subclasses__()
}

Remote.__module__ = "chinwag"
