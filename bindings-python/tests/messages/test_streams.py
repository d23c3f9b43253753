"""Calls that stream: items in both directions, what ends them, and that a slow side holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import chinwag
import pytest
from chinwag import blocking
from chinwag._chinwag import moved_streams
from support import LIMIT, eventually, eventually_blocking, quick, run


class Files(chinwag.Server):
    """Streams in every way there is."""

    def __init__(self) -> None:
        self.sent = 0
        self.ended: list[str] = []

    @chinwag.handle_stream("count")
    async def count(self, number: int, sender: chinwag.From) -> AsyncIterator[int]:
        for item in range(number):
            yield item
        sender.reply(number)

    @chinwag.handle_stream("steps")
    def steps(self, number: int) -> Generator[int, None, int]:
        yield from range(number)
        return number

    @chinwag.handle_stream("sum")
    async def sum(self, body: chinwag.Body) -> int:
        return sum([item async for item in body])

    @chinwag.handle_stream("mirror")
    async def mirror(self, body: chinwag.Body, sender: chinwag.From) -> AsyncIterator[Any]:
        assert sender.is_stream
        count = 0
        async for item in body:
            count += 1
            yield item
        sender.reply(count)

    @chinwag.handle_stream("break")
    async def break_(self, number: int) -> AsyncIterator[int]:
        yield number
        raise ValueError("broken")

    @chinwag.handle_stream("endless")
    async def endless(self, size: int) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * size
                self.sent += 1
        finally:
            self.ended.append("endless")

    @chinwag.handle_stream("wrong")
    async def wrong(self, number: int, sender: chinwag.From) -> AsyncIterator[Any]:
        try:
            yield object() if number == 1 else b"x" * 100_000
        except chinwag.ChinwagError as error:
            yield error.code
        sender.reply("done")

    @chinwag.handle_stream("unread")
    async def unread(self) -> str:
        return "no item was read"

    @chinwag.handle_call("plain")
    def plain(self, value: Any) -> Any:
        return value


@asynccontextmanager
async def pair(**more: Any) -> AsyncIterator[tuple[chinwag.Node, chinwag.Node, Files]]:
    """Two nodes, the second of which serves."""
    async with chinwag.start("a", **quick(**more)) as a:
        async with chinwag.start("b", **quick(seeds=[a.addr], **more)) as b:
            files = Files()
            await b.serve("files", files)
            await eventually(lambda: a.hosts("files") == ["b"])
            yield a, b, files


def test_items_of_an_answer_come_in_order_and_then_the_answer() -> None:
    async def main() -> None:
        async with pair() as (a, b, files):
            for node in (a, b):
                for op in ("count", "steps"):
                    stream = node.stream("files", op, 1000)
                    assert [item async for item in stream] == list(range(1000))
                    assert await stream.answer() == 1000 == await stream.answer()
                    assert [item async for item in stream] == []
            assert await a.stream("files", "count", 10, codec="json").answer() == 10
            assert await a.stream("files", "plain", {"a": 1}).answer() == {"a": 1}

    run(main())


def test_items_of_a_request_come_in_order() -> None:
    async def main() -> None:
        async with pair() as (a, b, files):
            async with a.stream("files", "sum", headers={"a": "b"}) as stream:
                for number in range(1000):
                    await stream.send(number)
                assert await stream.answer() == sum(range(1000))
            async with b.stream("files@b", "mirror") as stream:
                for item in (1, "wörd", None, [b"\xff"]):
                    await stream.send(item)
                    assert await anext(stream) == item
                stream.finish()
                assert [item async for item in stream] == []
                assert await stream.answer() == 4
                with pytest.raises(chinwag.ChinwagError):
                    await stream.send(5)

    run(main())


def test_a_slow_side_holds_the_other() -> None:
    async def main() -> None:
        async with pair() as (a, b, files):
            stream = a.stream("files", "endless", 32_768)
            assert await anext(stream) == b"x" * 32_768
            await eventually(lambda: files.sent >= 8)
            await asyncio.sleep(0.1)
            assert files.sent <= 16
            for _ in range(100):
                await anext(stream)
            assert files.sent >= 90
            stream.close()
            with pytest.raises(chinwag.Cancelled):
                await anext(stream)
            await eventually(lambda: files.ended == ["endless"])

    run(main())


def test_who_gives_up_is_heard_of() -> None:
    async def main() -> None:
        async with pair() as (a, b, files):
            async for _ in a.stream("files", "endless", 10):
                break  # Dropped.
            await eventually(lambda: len(files.ended) == 1)
            stream = b.stream("files", "endless", 10)
            waiting = asyncio.create_task(stream.answer())
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            del waiting
            assert not b._pump()._streams
            async with stream:
                pass
            await eventually(lambda: len(files.ended) == 2)

    run(main())


class Listed:
    """Stands in for the streams that somebody waits for: shows which the node lists."""

    def __init__(self, node: chinwag.Node) -> None:
        self._ids: list[int] = []
        moved_streams(node._host, self)

    def __contains__(self, id: object) -> bool:
        self._ids.append(1)
        return False

    def __len__(self) -> int:
        return len(self._ids)


def test_nothing_is_kept_of_streams_that_are_over() -> None:
    async def main() -> None:
        async with pair() as (a, b, files):
            for _ in range(20):
                stream = a.stream("files", "mirror")
                await stream.send(1)
                assert await anext(stream) == 1
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(anext(stream), 0.001)
            del stream
            assert await a.stream("files", "count", 3).answer() == 3
            await eventually(lambda: not Listed(a) and not Listed(b))
            assert not a._pump()._streams and not b._pump()._streams

    run(main())


def test_what_goes_wrong_is_raised_behind_the_items() -> None:
    async def main() -> None:
        async with pair(message_max=65536) as (a, b, files):
            stream = a.stream("files", "break", 7)
            assert await anext(stream) == 7
            with pytest.raises(chinwag.RemoteError, match="broken") as failed:
                await anext(stream)
            assert failed.value.remote is not None and failed.value.remote.class_ == "ValueError"
            with pytest.raises(chinwag.RemoteError, match="broken"):
                await stream.answer()
            for number, code in ((1, "codec"), (2, "too_large")):
                stream = a.stream("files", "wrong", number)
                assert [item async for item in stream] == [code]
                assert await stream.answer() == "done"
            stream = a.stream("files", "sum")
            with pytest.raises(chinwag.TooLarge):
                await stream.send(b"x" * 100_000)
            with pytest.raises(chinwag.Codec):
                await stream.send(object())  # type: ignore[arg-type]
            await stream.send(3)
            assert await stream.answer() == 3
            stream = a.stream("files", "unread")
            with pytest.raises(chinwag.Cancelled):
                await stream.send(1)
            assert await stream.answer() == "no item was read"
            with pytest.raises(chinwag.UnknownOp, match="for calls that stream"):
                await a.call("files", "count", 3)
            with pytest.raises(chinwag.UnknownOp, match="no operation"):
                await a.stream("files", "none").answer()
            with pytest.raises(chinwag.NoServer):
                await a.stream("nobody", "none").answer()

    run(main())


def test_a_member_that_goes_ends_its_streams() -> None:
    async def main() -> None:
        async with pair() as (a, b, files):
            stream = a.stream("files", "mirror", timeout=LIMIT)
            await stream.send(1)
            assert await anext(stream) == 1
            waiting = asyncio.ensure_future(anext(stream))
            await b.close()
            with pytest.raises(chinwag.NodeDown):
                await waiting

    run(main())


def test_a_closed_node_ends_its_streams() -> None:
    async def main() -> None:
        async with pair() as (a, b, files):
            stream = a.stream("files", "mirror", timeout=LIMIT)
            await stream.send(1)
            assert await anext(stream) == 1
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            await a.close()
            with pytest.raises(chinwag.ChinwagError) as ended:
                await asyncio.wait_for(waiting, LIMIT)
            assert ended.value.code in ("closed", "cancelled")
            with pytest.raises(chinwag.Closed):
                a.stream("files", "mirror")

    run(main())


def test_both_directions_at_once() -> None:
    async def main() -> None:
        async with pair() as (a, b, files):

            async def one(number: int) -> None:
                stream = a.stream("files", "mirror", timeout=LIMIT)
                items = [bytes([number]) * 20_000 for _ in range(60)]

                async def write() -> None:
                    for item in items:
                        await stream.send(item)
                    stream.finish()

                writing = asyncio.create_task(write())
                assert [item async for item in stream] == items
                assert await stream.answer() == 60
                await writing

            await b.serve("more", files, concurrency=8)
            await asyncio.gather(*map(one, range(3)))

    run(main())


def test_functions_that_stream() -> None:
    async def every(op: str, number: int) -> AsyncIterator[str]:
        for _ in range(number):
            yield op

    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            await node.serve("any", every)
            assert [item async for item in node.stream("any", "x", 3)] == ["x", "x", "x"]
            with pytest.raises(chinwag.UnknownOp):
                await node.call("any", "x", 3)
            await node.serve("dict", {"stream": {"twice": lambda value: iter([value, value])}})
            assert [item async for item in node.stream("dict", "twice", 1)] == [1, 1]

            await node.serve("wrong", {"stream": {"object": lambda: iter([object()])}})
            with pytest.raises(chinwag.RemoteError, match="no encoding"):
                await anext(node.stream("wrong", "object"))

            def blocks(body: Any) -> int:
                return len(list(body))

            with pytest.raises(chinwag.BadArgument, match="without awaiting"):
                await node.serve("blocks", {"stream": {"count": blocks}})

    run(main())


class Blocking(chinwag.Server):
    @chinwag.handle_stream("mirror")
    def mirror(self, body: blocking.Body) -> Generator[Any, None, int]:
        count = 0
        for item in body:
            count += 1
            yield item
        return count

    @chinwag.handle_stream("sum")
    def sum(self, body: blocking.Body, sender: chinwag.From) -> int:
        return sum(body)

    @chinwag.handle_stream("endless")
    def endless(self) -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1


def test_threads_stream() -> None:
    with blocking.start("a", **quick()) as a, blocking.start("b", **quick(seeds=[a.addr])) as b:
        b.serve("files", Blocking())
        eventually_blocking(lambda: a.hosts("files") == ["b"])
        for node in (a, b):
            with node.stream("files", "sum") as stream:
                for number in range(1000):
                    stream.send(number)
                assert stream.answer() == sum(range(1000)) == stream.answer()
            with node.stream("files", "mirror") as stream:
                for item in (1, "wörd", None):
                    stream.send(item)
                    assert next(stream) == item
                stream.finish()
                assert list(stream) == [] and stream.answer() == 3
            for number, item in enumerate(node.stream("files", "endless")):
                assert item == number
                if number == 5000:
                    break
            stream = node.stream("files", "endless")
            assert next(stream) == 0
            stream.close()
            with pytest.raises(chinwag.Cancelled):
                next(stream)
        with pytest.raises(chinwag.UnknownOp):
            a.stream("files", "none").answer()
