"""What a node has for an event loop, and how a task there waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from .._base import BATCH
from .._chinwag import Host, loop_turned, moved_streams, unwatch_loop, watch_loop
from ..errors import ChinwagError
from ..servers._tasks import Tasks

_Item = TypeVar("_Item")

#: Full batches before the loop's other tasks get a turn.
TURN: Final = 4


class Pump:
    """Brings to one event loop what a node has for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, host: Host, *, watched: bool) -> None:
        self._loop: Final = loop
        self._host: Final = host
        self._wake: Final = host.wake()
        self._pending: Final[dict[int, asyncio.Future[Any]]] = {}
        self._waiting: Final[set[asyncio.Future[None]]] = set()
        self._streams: Final[dict[int, set[asyncio.Future[None]]]] = {}
        self.servers: list[Tasks] = []
        loop.add_reader(self._wake.fileno(), self.look)
        self._watch: AsyncGenerator[None, None] | None = None
        if watched:
            self._watch = _watched(host)
            _step(self._watch.asend(None))

    async def outcome(self, number: int) -> Any:
        """Waits for an operation. Given up by its caller, a join ends; all else still happens."""
        try:
            return await self.expected(number)
        except asyncio.CancelledError:
            with suppress(ChinwagError):
                # Not forgotten: the outcome still comes, and has to be taken, or nothing after it
                # would wake the loop.
                self._host.cancel(number)
            raise

    def expected(self, number: int) -> asyncio.Future[Any]:
        """What an operation will come to."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._pending[number] = future
        return future

    async def news(self) -> None:
        """Waits until there is something new."""
        future = self._loop.create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    async def moved(self, stream: int) -> None:
        """Waits until something happens at that end of a stream."""
        future = self._loop.create_future()
        self._streams.setdefault(stream, set()).add(future)
        try:
            await future
        finally:
            waiting = self._streams.get(stream, set())
            waiting.discard(future)
            if not waiting:
                self._streams.pop(stream, None)

    def look(self) -> None:
        """Hands out what there is. Runs on the loop, whenever the node rings."""
        closed = self._host.is_closed()
        self._wake.clear()
        if self._watch is not None:
            loop_turned(self._host)
        self._settle()
        if self._streams:
            for stream in moved_streams(self._host, self._streams):
                for moved in self._streams.pop(stream):
                    _resolve(moved, None)
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        if self.servers:
            for server in self.servers:
                server.look()
            self.servers = [server for server in self.servers if not server.ended]
            self._settle()  # What was asked from here may have been answered just now.
        if closed and not self._pending:
            self._loop.remove_reader(self._wake.fileno())
            if self._watch is not None:
                _step(self._watch.aclose())

    def _settle(self) -> None:
        if self._pending:
            for number, outcome in self._host.settled(self._pending):
                _resolve(self._pending.pop(number), outcome)


async def _watched(host: Host) -> AsyncGenerator[None, None]:
    """Has the loop watched for as long as it runs: what ends a loop closes such generators."""
    with suppress(ChinwagError):  # It may be closed by now.
        watch_loop(host)
    try:
        yield
    finally:
        with suppress(ChinwagError):
            unwatch_loop(host)


def _step(awaitable: Awaitable[None]) -> None:
    """What has nothing to wait for is over at the first step."""
    with suppress(StopIteration, StopAsyncIteration):
        next(awaitable.__await__())


def _resolve(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


class Source(Protocol[_Item]):
    """What a reader reads."""

    def drain(self, max: int, /) -> tuple[list[_Item], bool]:
        """Takes up to `max`, and tells whether nothing will come after them."""


class AsyncReader(AsyncIterator[_Item]):
    """Reads on whatever event loop it is used. What it gets is ordered, and never two at once."""

    def __init__(self, pump: Callable[[], Pump], subscription: Source[_Item]) -> None:
        self._pump: Final = pump
        """Of the node, which stays while it is read."""
        self._subscription: Final = subscription
        self._taken: Iterator[_Item] = iter(())
        self._full = 0

    async def __anext__(self) -> _Item:
        while True:
            for item in self._taken:
                return item
            items, ended = self._subscription.drain(BATCH)
            self._taken = iter(items)
            if len(items) == BATCH:
                self._full += 1
                if self._full % TURN == 0:
                    await asyncio.sleep(0)  # A flood must not keep other tasks waiting.
            elif not items:
                if ended:
                    raise StopAsyncIteration
                await self._pump().news()
