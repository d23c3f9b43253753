"""The words of topics."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

import chinwag
from lines import Facts, Pairs, say, text
from values import shown, value


class Topics:
    """The commands that are about topics."""

    def __init__(self) -> None:
        super().__init__()
        self.subscribers: dict[tuple[str, str], chinwag.Subscriber] = {}
        self.reading: set[asyncio.Task[None]] = set()

    def open_node(self) -> chinwag.Node:
        raise NotImplementedError

    async def do_subscribe_topic(self, pairs: Pairs) -> None:
        topic, queue = text(pairs, "topic"), unquote(pairs.get("queue", ""))
        subscriber = self.open_node().subscribe(topic, queue=queue or None)
        self.subscribers[topic, queue] = subscriber
        self.reading.add(asyncio.create_task(read(subscriber, queue)))

    async def do_unsubscribe_topic(self, pairs: Pairs) -> None:
        self.subscribers.pop((text(pairs, "topic"), unquote(pairs.get("queue", "")))).close()

    async def do_publish(self, pairs: Pairs) -> Facts:
        return [("count", await self.open_node().publish(text(pairs, "topic"), value(pairs)))]

    async def do_topics(self, _: Pairs) -> Facts:
        known = self.open_node().topics()
        for name, members in known.items():
            say("topic", [("name", name), ("members", members)])
        return [("count", len(known))]


async def read(subscriber: chinwag.Subscriber, queue: str) -> None:
    async for told in subscriber:
        known: Facts = [("topic", told.topic), ("from", told.sender), ("queue", queue)]
        say("published", [*known, ("missed", told.missed), ("value", shown(told.payload))])
