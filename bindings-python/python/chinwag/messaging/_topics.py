"""Subscribers of topics, on an event loop and by threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .._base import BaseNode
from .._chinwag import Published, Subscribed, subscribe_topic
from ._following import AsyncFollowing, Following
from ._pump import Pump


class Topic:
    """What a subscriber is of."""

    def __init__(self, topic: str, queue: str | None, subscribed: Subscribed) -> None:
        self._topic: Final = topic
        self._queue: Final = queue
        self._subscribed: Final = subscribed

    @property
    def topic(self) -> str:
        """The topic."""
        return self._topic

    @property
    def queue(self) -> str | None:
        """The queue that it is in."""
        return self._queue

    @property
    def missed(self) -> int:
        """How many publications it has missed in all, because it was slow."""
        return self._subscribed.missed()

    def __repr__(self) -> str:
        queue = f" queue={self._queue}" if self._queue is not None else ""
        return f"<{type(self).__module__}.Subscriber {self._topic}{queue}>"


class AsyncSubscriber(AsyncFollowing[Published], Topic):
    """What is published on a topic, for `async for`; ordered for each publisher.

    It is subscribed until it is closed, dropped, or its node is closed.
    """

    def __init__(
        self, node: BaseNode, pump: Callable[[], Pump], topic: str, queue: str | None, buffer: int
    ) -> None:
        subscribed = subscribe_topic(node._host, topic, queue, buffer)
        AsyncFollowing.__init__(self, node, pump, subscribed)
        Topic.__init__(self, topic, queue, subscribed)


class Subscriber(Following[Published], Topic):
    """What is published on a topic, for `for` and `next`; ordered for each publisher.

    It is subscribed until it is closed, dropped, or its node is closed. Several threads may share
    one: each gets what no other has got.
    """

    def __init__(self, node: BaseNode, topic: str, queue: str | None, buffer: int) -> None:
        subscribed = subscribe_topic(node._host, topic, queue, buffer)
        Following.__init__(self, node, subscribed)
        Topic.__init__(self, topic, queue, subscribed)


AsyncSubscriber.__module__ = "chinwag"
AsyncSubscriber.__name__ = AsyncSubscriber.__qualname__ = "Subscriber"
Subscriber.__module__ = "chinwag.blocking"
