"""Servers: objects of the application that have a name and answer calls, wherever those are from.

    class Counter(chinwag.Server):
        def __init__(self) -> None:
            self.n = 0

        @chinwag.handle_call("incr")
        async def incr(self, by: int, sender: chinwag.From) -> int:
            self.n += by
            return self.n

        @chinwag.handle_cast("reset")
        def reset(self) -> None:
            self.n = 0

    await node.serve("counter", Counter())
"""

from __future__ import annotations

from traceback import format_exception_only
from types import TracebackType
from typing import Final

from .._chinwag import From, Mailbox
from ._table import NO_REPLY, Handler, NoReply, Server, handle_call, handle_cast, handle_stream

__all__ = [
    "NO_REPLY",
    "From",
    "Handler",
    "NoReply",
    "Server",
    "Serving",
    "handle_call",
    "handle_cast",
    "handle_stream",
]


class Serving:
    """A server that is being served: until it is stopped, also by leaving `with`, or its node is
    closed. To drop this changes nothing. Any thread may use it."""

    def __init__(self, name: str, mailbox: Mailbox) -> None:
        self._name: Final = name
        self._mailbox: Final = mailbox

    @property
    def name(self) -> str:
        """The server's name."""
        return self._name

    def pause(self) -> None:
        """Holds messages back, up to the bounds of the mailbox, until `resume`."""
        self._mailbox.pause(True)

    def resume(self) -> None:
        """Hands messages over again."""
        self._mailbox.pause(False)

    def stop(self, reason: str = "") -> None:
        """Takes the server off. Who waits for it gets `NoServer`, and handlers that are tasks are
        cancelled. Who follows it with `monitor` is told the reason, of which 256 bytes travel."""
        self._mailbox.stop(reason)

    def __enter__(self) -> Serving:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What ended the block is why it ends.
        self.stop("" if error is None else "".join(format_exception_only(error)).strip())

    def __repr__(self) -> str:
        return f"<chinwag.Serving {self._name}>"


for _public in (NoReply, Server, Serving, handle_call, handle_cast, handle_stream):
    _public.__module__ = "chinwag"
