"""Keys of members: who reads them, what a watch tells, and how it ends."""

from __future__ import annotations

import asyncio
import gc
from datetime import timedelta
from typing import Any

import chinwag
import pytest
from chinwag import Entry, KeyDeleted, KeyPut, KeysLost, KeysReplayed, blocking
from support import LIMIT, eventually, in_thread, quick, run


def test_what_one_puts_all_read_until_it_is_gone() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            async with chinwag.start("b", **quick(seeds=[a.addr])) as b:
                await b.put("load", "3")
                await b.put("role/db", b"\x00\xff")
                await a.put("load", bytearray(b"5"))
                assert b.get("b", "load") == b"3" and b.get("b", "none") is None
                await eventually(lambda: len(a.entries()) == 3)
                assert a.entries("lo") == [Entry("a", "load", b"5"), Entry("b", "load", b"3")]
                assert a.entries("role/")[0].value == b"\x00\xff"
                await b.delete("load")
                await b.delete("never there")
                await eventually(lambda: a.get("b", "load") is None)
            await eventually(lambda: a.entries() == [Entry("a", "load", b"5")])
            await a.put("brief", "x", ttl=timedelta(milliseconds=50))
            await eventually(lambda: a.get("a", "brief") is None)

    run(main())


def test_a_watch_tells_in_order() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            await node.put("k1", "1")
            watch, other = node.watch("k", replay=True), node.watch()
            await node.put("k2", "2")
            await node.put("other", "3")
            await node.delete("k1")
            told = [await asyncio.wait_for(anext(watch), LIMIT) for _ in range(4)]
            assert told == [
                KeyPut("a", "k1", b"1"), KeysReplayed(), KeyPut("a", "k2", b"2"),
                KeyDeleted("a", "k1"),
            ]
            assert [change.type for change in told] == ["put", "replay-done", "put", "deleted"]
            seen = [await asyncio.wait_for(anext(other), LIMIT) for _ in range(3)]
            assert seen[1] == KeyPut("a", "other", b"3")

    run(main())


def test_a_slow_watch_gets_all_there_is() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(event_buffer=8)) as node:
            watch = node.watch("k")
            for number in range(20):
                await node.put(f"k{number:02}", str(number))
            lost: list[KeysLost] = []
            known: dict[str, bytes] = {}
            while len(known) < 20:
                match await asyncio.wait_for(anext(watch), LIMIT):
                    case KeysLost(entries=entries) as change:
                        lost.append(change)
                        known = {entry.key: entry.value for entry in entries}
                    case KeyPut(key=key, value=value):
                        known[key] = value
                    case change:
                        raise AssertionError(change)
            assert lost and lost[0].count >= 8
            assert known == {f"k{number:02}": b"%d" % number for number in range(20)}

    run(main())


def test_a_watch_ends() -> None:
    async def main() -> None:
        node = await chinwag.start("a", **quick())
        async with node.watch() as watch:
            await node.put("k", "v")
            async for change in watch:
                assert change == KeyPut("a", "k", b"v")
                break
        assert [change async for change in watch] == []
        dropped: Any = node.watch()
        del dropped
        gc.collect()
        rest: asyncio.Future[Any] = asyncio.ensure_future(anext(node.watch(), None))
        await asyncio.sleep(0)
        await node.close()
        assert await asyncio.wait_for(rest, LIMIT) is None
        with pytest.raises(chinwag.Closed):
            await node.put("k", "v")
        with pytest.raises(chinwag.Closed):
            await node.delete("k")

    run(main())


def test_what_is_refused() -> None:
    wrong: Any = 3

    with blocking.start("a", **quick()) as node:
        for key, value in (("k" * 255, "v"), ("k", b"v" * 65537)):
            with pytest.raises(chinwag.TooLarge):
                node.put(key, value)
        with pytest.raises(chinwag.BadArgument):
            node.put("", "v")
        with pytest.raises(chinwag.BadArgument, match="ttl is soon"):
            node.put("k", "v", ttl="soon")  # type: ignore[arg-type]
        with pytest.raises(chinwag.BadArgument):
            node.put("k", "v", ttl=0)
        with pytest.raises(TypeError):
            node.put("k", wrong)
        assert node.entries() == []


def test_threads_follow_keys() -> None:
    with blocking.start("a", **quick()) as node:
        with node.watch("k", replay=True) as watch:
            assert watch.next(timeout=LIMIT) == KeysReplayed()
            with pytest.raises(chinwag.Timeout):
                watch.next(timeout=0)
            thread, came = in_thread(watch.next)
            node.put("k", "v", ttl=60)
            thread.join(LIMIT)
            assert came == [KeyPut("a", "k", b"v")]
            thread, came = in_thread(list, watch)
        thread.join(LIMIT)
        assert came == [[]]
