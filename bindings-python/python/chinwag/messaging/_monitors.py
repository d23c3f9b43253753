"""Servers that are followed until they are down, on an event loop and by threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any, Final

from .._base import BaseNode, listen
from .._chinwag import monitor
from .._values import Seconds
from ..answers import Down
from ..errors import Cancelled, ChinwagError, Timeout
from ._following import deadline
from ._pump import Pump


class AsyncMonitor:
    """A server that is followed. Awaited, also several times, it is that the server is `Down`.

    It ends when it is dropped.
    """

    def __init__(self, node: BaseNode, pump: Callable[[], Pump], target: str) -> None:
        self._node: Final = node
        self._pump: Final = pump
        self._target: Final = target
        self._down: asyncio.Future[Any] | None = None
        self._number: Final = monitor(node._host, target)

    @property
    def target(self) -> str:
        """Whom it was to follow."""
        return self._target

    async def down(self) -> Down:
        """Waits until the server is down."""
        if self._down is None:
            self._down = self._pump().expected(self._number)
            self._down.add_done_callback(_seen)
        # Who waits no longer does not end it for others.
        told: dict[str, Any] = await asyncio.shield(self._down)
        return Down(**told)

    def __await__(self) -> Generator[Any, None, Down]:
        return self.down().__await__()

    def __del__(self) -> None:
        if not hasattr(self, "_number"):
            return
        with suppress(ChinwagError):
            if self._down is None:
                self._node._host.forget(self._number)
            elif not self._down.done():
                self._node._host.cancel(self._number)  # It is expected, so it has to come.

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.Monitor {self._target}>"


def _seen(future: asyncio.Future[Any]) -> None:
    """Nobody need have waited for it."""
    if not future.cancelled():
        future.exception()


class Monitor:
    """A server that is followed, until it is down or this is closed or dropped. Any thread may use
    it."""

    def __init__(self, node: BaseNode, target: str) -> None:
        self._node: Final = node
        self._target: Final = target
        self._told: dict[str, Any] | BaseException | None = None
        self._number: Final = monitor(node._host, target)

    @property
    def target(self) -> str:
        """Whom it was to follow."""
        return self._target

    def wait(self, timeout: Seconds | None = None) -> Down:
        """Waits until the server is down, and no longer than that; `Timeout` if it is not."""
        host, end = self._node._host, deadline(timeout)
        while True:
            rings = host.rings()
            for _, told in host.settled([self._number]):
                self._told = told
                host.ring()  # Other threads may have seen nothing.
            if isinstance(self._told, BaseException):
                raise self._told
            if self._told is not None:
                return Down(**self._told)
            if not listen(host, rings, end):
                raise Timeout(f"it was not down within {timeout}")

    def close(self) -> None:
        """Follows it no longer; whoever waits gets `Cancelled`."""
        host = self._node._host
        host.forget(self._number)
        if self._told is None:
            self._told = Cancelled("the monitor was closed")
        host.ring()

    def __del__(self) -> None:
        if hasattr(self, "_number") and self._told is None:
            with suppress(ChinwagError):
                self._node._host.forget(self._number)

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.Monitor {self._target}>"


AsyncMonitor.__module__ = "chinwag"
AsyncMonitor.__name__ = AsyncMonitor.__qualname__ = "Monitor"
Monitor.__module__ = "chinwag.blocking"
