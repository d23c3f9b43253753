"""The words of servers that are followed, and of loops that are watched."""

from __future__ import annotations

import asyncio
import time

import chinwag
from lines import BadRequest, Facts, Pairs, say, text


class Monitors:
    """The commands that are about servers that are followed, and loops."""

    def __init__(self) -> None:
        super().__init__()
        self.monitors: dict[str, asyncio.Task[None]] = {}

    def open_node(self) -> chinwag.Node:
        raise NotImplementedError

    async def do_monitor(self, pairs: Pairs) -> None:
        monitor, id = self.open_node().monitor(text(pairs, "target")), text(pairs, "id")
        self.monitors[id] = asyncio.create_task(tell(monitor, id))

    async def do_demonitor(self, pairs: Pairs) -> None:
        if text(pairs, "id") not in self.monitors:
            raise BadRequest("there is no such monitor")
        self.monitors.pop(text(pairs, "id")).cancel()

    async def do_loop_state(self, pairs: Pairs) -> Facts:
        state = self.open_node().loop_state(text(pairs, "member"))
        return [] if state is None else [("state", state)]

    async def do_block(self, pairs: Pairs) -> None:
        asyncio.get_running_loop().call_soon(time.sleep, int(text(pairs, "ms")) / 1000)


async def tell(monitor: chinwag.Monitor, id: str) -> None:
    try:
        server, member, reason, words = await monitor
    except chinwag.ChinwagError as error:
        say("down", [("id", id), ("code", error.code)])
        return
    known: Facts = [("id", id), ("server", server)]
    known += [] if member is None else [("member", member)]
    say("down", [*known, ("reason", reason), ("text", words)])
