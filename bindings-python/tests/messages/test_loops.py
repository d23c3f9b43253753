"""Event loops that are watched: a blocked one is told to the others, and one that ended is not."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import chinwag
from chinwag import blocking
from support import LIMIT, eventually_blocking, in_thread, quick


def test_a_blocked_loop_is_told_to_the_others() -> None:
    blocked, free, over, done = (threading.Event() for _ in range(4))
    nodes: list[chinwag.Node] = []

    async def main(seed: str) -> None:
        options: Any = quick(seeds=[seed], loop_stuck=0.5)
        async with chinwag.start("a", **options) as node:
            nodes.append(node)
            await asyncio.sleep(0)
            blocked.set()
            free.wait(LIMIT)
            await asyncio.to_thread(over.wait, LIMIT)
            done.set()

    with blocking.start("b", **quick()) as b:
        events = b.events()
        thread, came = in_thread(lambda: asyncio.run(main(b.addr)))
        assert blocked.wait(LIMIT)
        eventually_blocking(lambda: b.loop_state("a") == "stuck")
        for event in events:
            if isinstance(event, chinwag.Warning) and event.code == "loop-stuck":
                assert event.subject == "a"
                break
        free.set()
        eventually_blocking(lambda: b.loop_state("a") == "ok")
        assert b.loop_state("nobody") is None and b.loop_state("b") == "ok"
        assert nodes[0].loop_state("a") == "ok"
        over.set()
        thread.join(LIMIT)
        assert done.is_set() and came == [None]


def test_a_loop_that_ended_is_not_stuck() -> None:
    nodes: list[chinwag.Node] = []

    async def main(seed: str) -> None:
        nodes.append(await chinwag.start("a", **quick(seeds=[seed], loop_stuck=0.2)))

    with blocking.start("b", **quick()) as b:
        events = b.events()
        asyncio.run(main(b.addr))
        eventually_blocking(lambda: b.member("a") is not None)
        told: list[str] = []
        end = threading.Event()

        def listen() -> None:
            for event in events:
                if isinstance(event, chinwag.Warning):
                    told.append(event.code)
                if isinstance(event, chinwag.MemberFailed):
                    end.set()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        assert not end.wait(1)  # Five times as long as it takes to be told.
        assert b.loop_state("a") == "ok" and told == []
        nodes[0]._host.close()
        assert end.wait(LIMIT)
