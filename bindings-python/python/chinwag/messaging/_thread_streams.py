"""Calls that carry items in both directions, for threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from .._base import listen
from .._chinwag import Host, Streaming
from .._values import CodecName, Encodable

if TYPE_CHECKING:
    from typing_extensions import Self


class End:
    """One end of a stream: what it is to wait."""

    def __init__(self, end: Streaming, host: Host) -> None:
        self.end: Final = end
        self.host: Final = host
        self._writing: Final = threading.Lock()

    def send(self, item: Encodable, codec: CodecName) -> None:
        """Sends an item once there is room."""
        with self._writing:
            rings = self.host.rings()
            sent = self.end.send(item, codec)
            while not sent:
                listen(self.host, rings)
                rings = self.host.rings()
                sent = self.end.resend()

    def take(self) -> tuple[bool, Any]:
        """The next item, or the end: whether it is an item, and the value."""
        while True:
            rings = self.host.rings()
            taken = self.end.take()
            if taken is not None:
                return taken
            listen(self.host, rings)


class Body(Iterator[Any]):
    """The items of a request, for the handler: the caller sends them from when they are read.

    It ends when the caller has sent all; when the caller is gone, it raises why.
    """

    def __init__(self, end: End) -> None:
        self._end: Final = end

    def __next__(self) -> Any:
        is_item, value = self._end.take()
        if isinstance(value, BaseException):
            raise value
        if not is_item:
            raise StopIteration
        return value


class Stream(Iterator[Any]):
    """A call that streams: items are sent, and those of the answer read with `for`; by one thread
    each, if they like.

    Dropped, closed, or at the end of `with`, it is given up, unless it is over.
    """

    def __init__(self, end: Streaming, host: Host, codec: CodecName) -> None:
        self._end: Final = End(end, host)
        self._codec: Final = codec
        self._is_over = False
        self._came: Any = None

    def send(self, item: Encodable) -> None:
        """Sends an item of the request, once there is room for it.

        It raises `Cancelled` when the server reads no more or has answered, `TooLarge` for this
        item alone, and whatever else the call came to.
        """
        self._end.send(item, self._codec)

    def finish(self) -> None:
        """Says that all items of the request are sent."""
        self._end.end.finish()

    def answer(self) -> Any:
        """Says that all items are sent, skips those that still come, and waits for the answer of
        the call behind them."""
        if not self._is_over:
            self.finish()
        while not self._is_over:
            self._next()
        if isinstance(self._came, BaseException):
            raise self._came
        return self._came

    def close(self) -> None:
        """Gives the call up, unless it is over."""
        self._end.end.close()
        self._end.host.ring()

    def _next(self) -> tuple[bool, Any]:
        is_item, value = self._end.take()
        if not is_item and not self._is_over:
            self._is_over, self._came = True, value
        return is_item, value

    def __next__(self) -> Any:
        if self._is_over:
            raise StopIteration
        is_item, value = self._next()
        if isinstance(value, BaseException):
            raise value
        if not is_item:
            raise StopIteration
        return value

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


Stream.__module__ = Body.__module__ = "chinwag.blocking"
