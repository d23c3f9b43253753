"""The words of calls that stream, and what the server of agents does with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import chinwag
from lines import Facts, Pairs, say, text
from values import shown, timeout, value


class Streams:
    """The commands that are about calls that stream."""

    def open_node(self) -> chinwag.Node:
        raise NotImplementedError

    async def do_stream(self, pairs: Pairs) -> Facts:
        target, op, limit = text(pairs, "target"), text(pairs, "op"), timeout(pairs)
        given = [item for item in pairs.get("items", "").split(",") if item]
        async with self.open_node().stream(target, op, value(pairs), timeout=limit) as stream:
            writing = asyncio.create_task(write(stream, [value({"value": one}) for one in given]))
            try:
                async for item in stream:
                    say("item", [("value", shown(item))])
                return [("value", shown(await stream.answer()))]
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)


async def write(stream: chinwag.Stream, items: list[Any]) -> None:
    for item in items:
        await stream.send(item)
    stream.finish()


class Streaming(chinwag.Server):
    """What the scenarios expect of a server, of calls that stream."""

    @chinwag.handle_stream("count")
    async def count(self, number: int, sender: chinwag.From) -> AsyncIterator[int]:
        for item in range(1, number + 1):
            yield item
        sender.reply(number)

    @chinwag.handle_stream("sum")
    async def add_up(self, body: chinwag.Body) -> int:
        return sum([item async for item in body])

    @chinwag.handle_stream("mirror")
    async def mirror(self, body: chinwag.Body, sender: chinwag.From) -> AsyncIterator[Any]:
        count = 0
        async for item in body:
            count += 1
            yield item
        sender.reply(count)

    @chinwag.handle_stream("break")
    async def break_off(self, number: int) -> AsyncIterator[int]:
        for item in range(1, number + 1):
            yield item
        raise ValueError("broken")
