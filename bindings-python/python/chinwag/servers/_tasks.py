"""The messages of a server on an event loop."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from typing import Any, Final

from .._chinwag import From, Mailbox
from ._feeds import answered
from ._table import Streamed, Table, current

#: Messages taken in one go where no handler is a task.
_BATCH: Final = 32
#: Batches before the loop's other tasks get a turn.
_TURN: Final = 4


def _begun(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]
) -> asyncio.Task[None]:
    """A task, which may be over by now if that Python can run it up to where it first waits."""
    if sys.version_info >= (3, 12):
        return asyncio.Task(coroutine, loop=loop, eager_start=True)
    return loop.create_task(coroutine)


class Tasks:
    """A server's handlers: functions run at once, and those that are awaited are tasks."""

    def __init__(
        self, mailbox: Mailbox, table: Table, concurrency: int, ends: Callable[[From], Any]
    ) -> None:
        self._loop: Final = asyncio.get_running_loop()
        self._mailbox: Final = mailbox
        self._table: Final = table
        self._concurrency: Final = concurrency
        self._ends: Final = ends
        """Of the node, which stays while it serves."""
        self._context: Final = copy_context()
        self._one_by_one: Final = table.has_waits
        self._waiting: Final[deque[From]] = deque()
        self._running: Final[dict[asyncio.Task[None], int | None]] = {}
        self._looking = False
        self.ended = False

    def look(self) -> None:
        """Handles what there is. Runs on the loop, whenever the node rings."""
        if self._looking or self.ended:
            return  # A handler closes the node, or the like.
        self._looking = True
        try:
            self._handle()
        finally:
            self._looking = False

    def _handle(self) -> None:
        for _ in range(_TURN):
            free = self._concurrency - len(self._running) - len(self._waiting)
            most = free if self._one_by_one or free < 1 else _BATCH
            requests, given_up, ended = self._mailbox.drain(max(most, 0))
            if given_up:
                self._give_up(set(given_up))
            if ended:
                return self._end()
            self._waiting.extend(requests)
            while self._waiting and len(self._running) < self._concurrency:
                self._context.copy().run(self._begin, self._waiting.popleft())
            if not requests:
                return
        self._loop.call_soon(self.look)

    def _begin(self, request: From) -> None:
        current.set(request)
        try:
            outcome = self._table.begin(request, self._ends)
            if isinstance(outcome, Streamed):
                outcome = answered(outcome)
            if not hasattr(type(outcome), "__await__"):
                return self._table.settle(request, outcome)
        except Exception as error:
            return self._table.fail(request, error)
        task = _begun(self._loop, self._finish(request, outcome))
        if task.done():
            return
        self._running[task] = request._number
        task.add_done_callback(self._done, context=self._context)

    async def _finish(self, request: From, outcome: Awaitable[Any]) -> None:
        try:
            self._table.settle(request, await outcome)
        except Exception as error:
            self._table.fail(request, error)
        except BaseException as error:
            # Also a cancelled one: if its caller is still there, it shall hear of it.
            self._table.fail(request, error)
            raise

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self.look()

    def _give_up(self, numbers: set[int]) -> None:
        for task, number in self._running.items():
            if number in numbers:
                task.cancel()
        for request in [one for one in self._waiting if one._number in numbers]:
            self._waiting.remove(request)

    def _end(self) -> None:
        self.ended = True
        self._waiting.clear()
        own = asyncio.current_task()
        for task in self._running:
            if task is not own:
                task.cancel()
