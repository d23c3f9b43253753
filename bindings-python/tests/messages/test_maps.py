"""Shared maps: all write, all read, and values that stand side by side are seen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import chinwag
import pytest
from chinwag import KeysReplayed, MapDeleted, MapLost, MapPut, MapValue, blocking
from support import LIMIT, eventually, eventually_blocking, in_thread, quick, run


def joined(values: Sequence[MapValue]) -> bytes:
    return b"+".join(sorted(value.value for value in values))


def test_what_two_put_without_each_other_stays_side_by_side() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a, chinwag.start("b", **quick()) as b:
            ours, theirs = a.map("carts"), b.map("carts")
            assert (ours.name, repr(ours)) == ("carts", "<chinwag.Map carts>")
            await ours.put("alice", "tea")
            await theirs.put("alice", bytearray(b"milk"))
            assert ours.get("alice") == b"tea" and ours.get("bob") is None is ours.read("bob")
            await b.join(a.addr)
            both = (ours, theirs)
            await eventually(lambda: [len(one.entries("al")[0].values) for one in both] == [2, 2])
            entry = ours.read("alice")
            assert entry is not None and entry == theirs.read("alice") == ours.entries()[0]
            written = {value.writer: value.value for value in entry.values}
            assert written == {"a": b"tea", "b": b"milk"}
            assert entry.values[0].stamp >= entry.values[1].stamp
            assert entry.value == entry.values[0].value == ours.get("alice")
            assert await ours.resolve("alice", joined)
            await eventually(lambda: theirs.get("alice") == b"milk+tea")
            assert not await ours.resolve("alice", joined)
            assert not await ours.resolve("bob", joined)
            # What was read before is not known to have been replaced.
            await theirs.put("alice", "rum", after=entry)
            await eventually(lambda: len(ours.entries()[0].values) == 2)
            with pytest.raises(chinwag.BadArgument, match="read of"):
                await ours.put("bob", "x", after=entry)
            last = ours.read("alice")
            await ours.delete("alice", after=last)
            await eventually(lambda: theirs.entries() == [] == ours.entries())
            await theirs.put("bob", "1")
            await eventually(lambda: ours.get("bob") == b"1")
            await ours.delete("bob")
            await eventually(lambda: theirs.get("bob") is None)

    run(main())


def test_a_map_outlives_who_wrote_it() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            async with chinwag.start("b", **quick(seeds=[a.addr])) as b:
                await b.map("carts").put("alice", "tea")
                await eventually(lambda: a.map("carts").get("alice") == b"tea")
            await eventually(lambda: len(a.members()) == 1)
            assert a.map("carts").get("alice") == b"tea"
            assert a.map("other").entries() == []

    run(main())


def test_a_watch_tells_in_order() -> None:
    async def main() -> None:
        node = await chinwag.start("a", **quick(event_buffer=8))
        carts = node.map("carts")
        await carts.put("a1", "1")
        async with carts.watch("a", replay=True) as watch:
            await carts.put("a2", "2")
            await carts.put("b", "3")
            await carts.delete("a1")
            told = [await asyncio.wait_for(anext(watch), LIMIT) for _ in range(4)]
            first, second = told[0], told[2]
            assert isinstance(first, MapPut) and isinstance(second, MapPut)
            assert (first.entry.key, first.entry.value) == ("a1", b"1")
            assert (second.entry.key, second.entry.value) == ("a2", b"2")
            assert told[1] == KeysReplayed() and told[3] == MapDeleted("a1")
        assert [change async for change in watch] == []
        slow = carts.watch()
        for number in range(20):
            await carts.put(f"k{number}", "x")
        seen: list[Any] = []
        while not any(isinstance(change, MapLost) for change in seen):
            seen.append(await asyncio.wait_for(anext(slow), LIMIT))
        assert seen[-1].count >= 8 and len(seen[-1].entries) >= 10
        rest: asyncio.Future[Any] = asyncio.ensure_future(anext(carts.watch("none"), None))
        await asyncio.sleep(0)
        await node.close()
        assert await asyncio.wait_for(rest, LIMIT) is None
        with pytest.raises(chinwag.Closed):
            await carts.put("a", "1")

    run(main())


def test_what_is_refused() -> None:
    with blocking.start("a", **quick()) as node:
        for name in ("", "a b", "a/b", "x" * 65):
            with pytest.raises(chinwag.BadArgument):
                node.map(name)
        carts = node.map("carts")
        with pytest.raises(chinwag.BadArgument):
            carts.put("", "x")
        with pytest.raises(chinwag.TooLarge):
            carts.put("k", b"x" * 70_000)
        spoilt = chinwag.MapEntry("k", (), b"no context")
        with pytest.raises(chinwag.BadArgument):
            carts.put("k", "x", after=spoilt)
        assert carts.entries() == []


def test_threads_share_a_map() -> None:
    with blocking.start("a", **quick()) as a, blocking.start("b", **quick()) as b:
        ours, theirs = a.map("carts"), b.map("carts")
        assert repr(ours) == "<chinwag.blocking.Map carts>"
        with ours.watch("k", replay=True) as watch:
            assert watch.next(timeout=LIMIT) == KeysReplayed()
            thread, came = in_thread(watch.next)
            ours.put("k", "tea")
            theirs.put("k", "milk")
            thread.join(LIMIT)
            assert came[0].entry.value == b"tea"
            b.join(a.addr)
            eventually_blocking(lambda: len(theirs.entries("k")[0].values) == 2)
            assert theirs.resolve("k", joined) and not theirs.resolve("k", joined)
            eventually_blocking(lambda: ours.get("k") == b"milk+tea")
            ours.delete("k", after=ours.read("k"))
            eventually_blocking(lambda: theirs.read("k") is None)
            while watch.next(timeout=LIMIT) != MapDeleted("k"):
                pass
