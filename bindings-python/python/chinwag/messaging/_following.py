"""What is followed until it is closed, on an event loop and by threads."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from .._base import BATCH, BaseNode, listen
from .._values import Seconds
from ..errors import Closed, Timeout
from ._pump import AsyncReader, Pump, Source

if TYPE_CHECKING:
    from typing_extensions import Self

_Item = TypeVar("_Item")


class Closable(Source[_Item], Protocol[_Item]):
    """Something that is kept for its reader."""

    def close(self) -> None:
        """Nothing is kept any more."""


class AsyncFollowing(AsyncReader[_Item]):
    """What is read with `async for` until it is closed, also by leaving `async with`."""

    def __init__(
        self, node: BaseNode, pump: Callable[[], Pump], subscription: Closable[_Item]
    ) -> None:
        super().__init__(pump, subscription)
        self._node: Final = node
        self._close: Final = subscription.close

    def close(self) -> None:
        """Ends it, and the iteration; what still waits is dropped."""
        self._close()
        self._taken = iter(())
        self._node._host.ring()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Following(Iterator[_Item]):
    """What is read with `for` until it is closed, also by leaving `with`. Several threads may share
    one: each gets what no other has got."""

    def __init__(self, node: BaseNode, subscription: Closable[_Item]) -> None:
        self._node: Final = node
        self._subscription: Final = subscription
        self._taken: Final[deque[_Item]] = deque()

    def __next__(self) -> _Item:
        try:
            return self.next()
        except Closed:
            raise StopIteration from None

    def next(self, timeout: Seconds | None = None) -> _Item:
        """The next one, waiting no longer than that; `Timeout` if none came, and `Closed` if none
        will."""
        host, end = self._node._host, deadline(timeout)
        while True:
            rings = host.rings()
            try:
                return self._taken.popleft()
            except IndexError:
                items, ended = self._subscription.drain(BATCH)
            if items:
                self._taken.extend(items[1:])
                if len(items) > 1:
                    host.ring()  # Other threads may have seen nothing.
                return items[0]
            if ended:
                raise Closed("this was closed, or its node")
            if not listen(host, rings, end):
                raise Timeout(f"nothing came within {timeout}")

    def close(self) -> None:
        """Ends it, and the iteration; what still waits is dropped."""
        self._subscription.close()
        self._taken.clear()
        self._node._host.ring()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def deadline(timeout: Seconds | None) -> float | None:
    """When so much time is over."""
    if timeout is None:
        return None
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    return time.monotonic() + seconds
