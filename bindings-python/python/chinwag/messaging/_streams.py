"""Calls that carry items in both directions, on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from .._chinwag import Streaming
from .._values import CodecName, Encodable
from ._pump import Pump

if TYPE_CHECKING:
    from typing_extensions import Self

#: Items in a row before the loop's other tasks get a turn.
_TURN: Final = 64


class AsyncEnd:
    """One end of a stream: what it is to wait."""

    def __init__(self, end: Streaming, pump: Callable[[], Pump]) -> None:
        self.end: Final = end
        self._pump: Final = pump
        self._writing: Final = asyncio.Lock()
        self._turns = 0

    async def send(self, item: Encodable, codec: CodecName) -> None:
        """Sends an item once there is room."""
        async with self._writing:
            await self._turn()
            sent = self.end.send(item, codec)
            while not sent:
                await self._pump().moved(self.end.id)
                sent = self.end.resend()

    async def _turn(self) -> None:
        """A flood must not keep other tasks waiting."""
        self._turns += 1
        if self._turns % _TURN == 0:
            await asyncio.sleep(0)

    async def take(self) -> tuple[bool, Any]:
        """The next item, or the end: whether it is an item, and the value."""
        await self._turn()
        while (taken := self.end.take()) is None:
            await self._pump().moved(self.end.id)
        return taken


class AsyncBody(AsyncIterator[Any]):
    """The items of a request, for the handler: the caller sends them from when they are read.

    It ends when the caller has sent all; when the caller is gone, it raises why.
    """

    def __init__(self, end: AsyncEnd) -> None:
        self._end: Final = end

    async def __anext__(self) -> Any:
        is_item, value = await self._end.take()
        if isinstance(value, BaseException):
            raise value
        if not is_item:
            raise StopAsyncIteration
        return value


class AsyncStream(AsyncIterator[Any]):
    """A call that streams: items are sent, and those of the answer read with `async for`.

    Dropped, closed, or at the end of `async with`, it is given up, unless it is over.
    """

    def __init__(self, end: Streaming, pump: Callable[[], Pump], codec: CodecName) -> None:
        self._end: Final = AsyncEnd(end, pump)
        self._codec: Final = codec
        self._is_over = False
        self._came: Any = None

    async def send(self, item: Encodable) -> None:
        """Sends an item of the request, once there is room for it.

        It raises `Cancelled` when the server reads no more or has answered, `TooLarge` for this
        item alone, and whatever else the call came to.
        """
        await self._end.send(item, self._codec)

    def finish(self) -> None:
        """Says that all items of the request are sent."""
        self._end.end.finish()

    async def answer(self) -> Any:
        """Says that all items are sent, skips those that still come, and waits for the answer of
        the call behind them."""
        if not self._is_over:
            self.finish()
        while not self._is_over:
            await self._next()
        if isinstance(self._came, BaseException):
            raise self._came
        return self._came

    def close(self) -> None:
        """Gives the call up, unless it is over."""
        self._end.end.close()

    async def _next(self) -> tuple[bool, Any]:
        is_item, value = await self._end.take()
        if not is_item and not self._is_over:
            self._is_over, self._came = True, value
        return is_item, value

    async def __anext__(self) -> Any:
        if self._is_over:
            raise StopAsyncIteration
        is_item, value = await self._next()
        if isinstance(value, BaseException):
            raise value
        if not is_item:
            raise StopAsyncIteration
        return value

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


AsyncStream.__module__ = AsyncBody.__module__ = "chinwag"
AsyncStream.__name__ = AsyncStream.__qualname__ = "Stream"
AsyncBody.__name__ = AsyncBody.__qualname__ = "Body"
