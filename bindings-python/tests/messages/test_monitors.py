"""Servers that are followed: what is told at their end, and how it is given up."""

from __future__ import annotations

import asyncio
import gc
from datetime import timedelta

import chinwag
import pytest
from chinwag import Down, blocking
from support import LIMIT, eventually, in_thread, quick, run

ECHO = {"call": {"echo": lambda value: value}}


def test_why_a_server_is_down() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            b = await chinwag.start("b", **quick(seeds=[a.addr]))
            one, two = await b.serve("one", ECHO), await b.serve("two", ECHO)
            own = await a.serve("own", ECHO)
            await eventually(lambda: a.hosts("one") == a.hosts("two") == ["b"])
            monitors = [a.monitor(name) for name in ("one", "two@b", "own", "own#key", "none")]
            assert monitors[1].target == "two@b"
            assert repr(monitors[1]) == "<chinwag.Monitor two@b>"
            waiting = [asyncio.ensure_future(monitor) for monitor in monitors]
            none = await waiting[4]
            assert (none.server, none.member, none.reason) == ("none", None, "no_server")
            one.stop("no disk")
            own.stop()
            assert await waiting[0] == Down("one", "b", "stopped", "no disk")
            assert await waiting[2] == Down("own", "a", "stopped", "")
            assert (await waiting[3]).reason == "stopped"
            assert not waiting[1].done()
            two.pause()
            await b.leave()
            told = await asyncio.wait_for(waiting[1], LIMIT)
            assert (told.member, told.reason) == ("b", "node_left")
            assert await monitors[0] == await monitors[0].down() == await waiting[0]
            await b.close()

    run(main())


def test_a_block_that_fails_says_why() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            with await node.serve("calm", ECHO):
                calm = node.monitor("calm")
            assert await calm == Down("calm", "a", "stopped", "")
            with pytest.raises(ValueError):
                with await node.serve("wild", ECHO):
                    wild = node.monitor("wild")
                    raise ValueError("no disk")
            assert await wild == Down("wild", "a", "stopped", "ValueError: no disk")

    run(main())


def test_a_failed_member_takes_its_servers_along() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            b = await chinwag.start("b", **quick(seeds=[a.addr]))
            await b.serve("far", ECHO)
            await eventually(lambda: a.hosts("far") == ["b"])
            monitor = a.monitor("far")
            await b.close()
            told = await asyncio.wait_for(monitor, LIMIT)
            assert told == Down("far", "b", "node_failed", "")

    run(main())


def test_one_that_is_given_up_or_dropped_ends() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            serving = await node.serve("own", ECHO)
            kept = node.monitor("own")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(kept, 0.01)
            task = asyncio.create_task(node.monitor("own").down())
            never_awaited = node.monitor("own")
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            del task, never_awaited
            gc.collect()
            # Of the two that were awaited, the one that is kept is left.
            await eventually(lambda: len(node._pump()._pending) == 1)
            serving.stop("over")
            assert await kept == Down("own", "a", "stopped", "over")
            assert not node._pump()._pending

    run(main())


def test_a_closed_node_knows_nothing_any_more() -> None:
    async def main() -> None:
        node = await chinwag.start("a", **quick())
        await node.serve("own", ECHO)
        waiting = asyncio.ensure_future(node.monitor("own"))
        await asyncio.sleep(0)
        await node.close()
        assert (await asyncio.wait_for(waiting, LIMIT)).reason == "closed"
        with pytest.raises(chinwag.Closed):
            node.monitor("own")

    run(main())


def test_what_is_refused() -> None:
    with blocking.start("a", **quick()) as node:
        for target in ("", "a b", "x" * 65):
            with pytest.raises(chinwag.BadArgument):
                node.monitor(target).wait()


def test_threads_follow_servers() -> None:
    with blocking.start("a", **quick()) as node:
        serving = node.serve("own", ECHO)
        monitor, other = node.monitor("own"), node.monitor("own#key")
        assert repr(monitor) == "<chinwag.blocking.Monitor own>" and other.target == "own#key"
        with pytest.raises(chinwag.Timeout):
            monitor.wait(timeout=timedelta(milliseconds=1))
        waiting = [in_thread(monitor.wait) for _ in range(3)]
        given_up, came = in_thread(other.wait)
        other.close()
        given_up.join(LIMIT)
        assert isinstance(came[0], chinwag.Cancelled)
        other.close()
        serving.stop("over")
        for thread, came in waiting:
            thread.join(LIMIT)
            assert came == [Down("own", "a", "stopped", "over")]
        assert monitor.wait(timeout=0).text == "over"
