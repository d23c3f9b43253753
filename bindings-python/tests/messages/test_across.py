"""Messages between two nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import chinwag
import pytest
from support import eventually, quick, run


class Far(chinwag.Server):
    def __init__(self) -> None:
        self.n = 0
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    @chinwag.handle_call("who")
    def who(self, value: Any, sender: chinwag.From) -> Any:
        return [value, sender.node, sender.headers, sender.key]

    @chinwag.handle_call("fail")
    def fail(self) -> None:
        raise ValueError("far away")

    @chinwag.handle_call("large")
    def large(self) -> str:
        return "x" * 5000

    @chinwag.handle_call("never")
    async def never(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()

    @chinwag.handle_cast("add")
    def add(self, by: int | bytes) -> None:
        self.n += by if isinstance(by, int) else 1

    @chinwag.handle_call("get")
    def get(self) -> int:
        return self.n


@asynccontextmanager
async def pair(**more: Any) -> AsyncIterator[tuple[chinwag.Node, chinwag.Node, Far]]:
    """Two nodes, the first one with options of its own; the second serves."""
    async with chinwag.start("a", **quick(**more)) as a:
        async with chinwag.start("b", **quick(seeds=[a.addr])) as b:
            await eventually(lambda: len(a.members()) == 2)
            far = Far()
            await b.serve("far", far, mailbox=1000)
            await eventually(lambda: a.hosts("far") == ["b"])
            yield a, b, far


def test_a_server_is_found_wherever_it_is() -> None:
    async def main() -> None:
        async with pair() as (a, b, far):
            for target, key in (("far", None), ("far@b", None), ("far#user:42", b"user:42")):
                answer = await a.call(target, "who", [2**60, b"\xff"], headers={"x": "ü"})
                assert answer == [[2**60, b"\xff"], "a", {"x": "ü"}, key]
            assert await a.call("far", "who", "x", codec="json", timeout=5) == ["x", "a", {}, None]
            for _ in range(100):
                await a.cast("far", "add", 1)
            assert await a.call("far", "get") == 100
            assert a.servers() == {"far": 1}

    run(main())


def test_errors_say_where_they_are_from() -> None:
    async def main() -> None:
        async with pair(message_max=1024) as (a, b, far):
            with pytest.raises(chinwag.RemoteError) as failed:
                await a.call("far", "fail")
            assert failed.value.remote == ("b", "python", "ValueError", "far away", None)
            with pytest.raises(chinwag.UnknownOp) as unknown:
                await a.call("far", "sing")
            assert not unknown.value.maybe_executed
            with pytest.raises(chinwag.TooLarge) as large:
                await a.call("far", "large")
            assert large.value.maybe_executed

    run(main())


def test_a_cast_waits_for_room_where_it_is_told_to() -> None:
    async def main() -> None:
        async with pair(outbox_overflow="block", outbox_bytes=65536) as (a, b, far):
            for _ in range(300):
                await a.cast("far", "add", b"1" * 16384)
            # A call does not wait for room as they do.
            await eventually(lambda: far.n == 300)

    run(main())


def test_who_gives_up_is_heard_of_over_there() -> None:
    async def main() -> None:
        async with pair() as (a, b, far):
            call = asyncio.create_task(a.call("far", "never", timeout=30))
            await far.begun.wait()
            call.cancel()
            await asyncio.wait_for(far.ended.wait(), 5)
            assert await a.call("far", "get") == 0

    run(main())


def test_a_member_that_goes_takes_its_calls_along() -> None:
    async def main() -> None:
        async with pair() as (a, b, far):
            call = asyncio.create_task(a.call("far", "never", timeout=30))
            await far.begun.wait()
            await b.close()
            with pytest.raises(chinwag.NodeDown) as down:
                await call
            assert down.value.maybe_executed
            await eventually(lambda: a.hosts("far") == [])

    run(main())


def test_all_of_them_are_asked() -> None:
    async def main() -> None:
        async with pair() as (a, b, far):
            near = Far()
            await a.serve("far", near)
            await eventually(lambda: a.hosts("far") == b.hosts("far") == ["a", "b"])
            told = await b.multi_call("far", "get")
            assert told.replies == {"a": 0, "b": 0} and not told.failed
            assert await b.abcast("far", "add", 1) == 2
            # There is no order between what b says and what a asks.
            await eventually(lambda: near.n == far.n == 1)
            told = await a.multi_call("far", "get", min_ok=2)
            assert told.replies == {"a": 1, "b": 1}
            assert await a.call("far", "who", 1) == [1, "a", {}, None]  # its own first

    run(main())
