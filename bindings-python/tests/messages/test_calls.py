"""Calls and casts: what arrives, what comes back, what is refused, and giving up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import chinwag
import pytest
from support import eventually, quick, run


class Echo(chinwag.Server):
    """Answers what it gets, and keeps it."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.begun = asyncio.Event()
        self.ended: list[str] = []

    @chinwag.handle_call("echo")
    def echo(self, value: Any, sender: chinwag.From) -> Any:
        self.seen.append((value, sender))
        return value

    @chinwag.handle_call("never")
    async def never(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise

    @chinwag.handle_cast("note")
    async def note(self, value: Any, sender: chinwag.From) -> None:
        self.seen.append((value, sender))


@asynccontextmanager
async def echo(**options: Any) -> AsyncIterator[tuple[chinwag.Node, Echo]]:
    """A node that serves an `Echo`."""
    async with chinwag.start("a", **quick(**options)) as node:
        server = Echo()
        await node.serve("echo", server)
        yield node, server


def test_a_value_arrives_and_comes_back_by_every_codec() -> None:
    value: Any = {"id": 2**63, "items": [1.5, "wörd", None, True], "nested": {"": []}}
    time = datetime(2026, 11, 22, tzinfo=timezone.utc)

    async def main() -> None:
        async with echo() as (node, server):
            assert await node.call("echo", "echo", value) == value
            assert await node.call("echo", "echo", (time, b"\xff")) == [time, b"\xff"]
            assert await node.call("echo", "echo") is None
            assert await node.call("echo", "echo", value, codec="json") == value
            assert await node.call("echo", "echo", b"\xff\x00", codec="raw") == b"\xff\x00"
            assert await node.call("echo", "echo", "wörd", codec=200) == "wörd".encode()
            assert await node.call("echo", "echo", codec="raw") == b""
            assert server.seen[3][0] == value
            assert [seen for seen, _ in server.seen[4:]] == [b"\xff\x00", "wörd".encode(), b""]

    run(main())


def test_a_target_is_a_name_with_a_node_or_a_key() -> None:
    async def main() -> None:
        async with echo() as (node, server):
            for target in ("echo", "echo@a", "echo#user:42", "echo#a@b#ü"):
                await node.call(target, "echo", target, headers={"traceparent": "00-1"})
            senders = [sender for _, sender in server.seen]
            keys = [sender.key for sender in senders]
            assert keys == [None, None, b"user:42", "a@b#ü".encode()]
            assert {sender.node for sender in senders} == {"a"}
            assert all(sender.headers == {"traceparent": "00-1"} for sender in senders)
            assert all(sender.op == "echo" and sender.is_call for sender in senders)
            assert repr(senders[0]) == "<chinwag.From a echo>"

    run(main())


def test_what_cannot_be_sent_is_refused_and_nothing_is_under_way() -> None:
    async def main() -> None:
        async with echo(message_max=1024) as (node, server):
            for target in ("", "a b", "echo@", "echo" * 20):
                with pytest.raises(chinwag.BadArgument):
                    await node.call(target, "echo")
                with pytest.raises(chinwag.BadArgument):
                    await node.cast(target, "note")
            with pytest.raises(chinwag.NoServer) as absent:
                await node.call("nobody", "echo")
            assert absent.value.retryable and not absent.value.maybe_executed
            with pytest.raises(chinwag.UnknownMember):
                await node.call("echo@nobody", "echo")
            with pytest.raises(chinwag.TooLarge):
                await node.call("echo", "echo", "x" * 1025)
            with pytest.raises(chinwag.TooLarge):
                await node.cast("echo", "note", "x" * 1025)
            with pytest.raises(chinwag.Codec, match=r"at \$\.a\[1\]"):
                await node.call("echo", "echo", {"a": [1, {1}]})  # type: ignore[list-item]
            with pytest.raises(chinwag.Codec):
                await node.call("echo", "echo", b"\xff", codec="json")
            with pytest.raises(chinwag.TooLarge):
                await node.call("echo", "echo", headers={"a": "x" * 5000})
            assert not server.seen and not node._pump()._pending

    run(main())


@pytest.mark.parametrize(
    "how",
    [
        {"timeout": "1s"}, {"timeout": -1.0}, {"timeout": []},
        {"codec": "etf"}, {"codec": 3}, {"codec": 256},
        {"headers": {"a": 1}}, {"headers": {1: "a"}}, {"headers": {"a": "x" * 5000}},
    ],
)
def test_what_a_call_cannot_be_told_is_refused(how: dict[str, Any]) -> None:
    async def main() -> None:
        async with echo() as (node, server):
            for send in (node.call, node.cast):
                with pytest.raises((chinwag.BadArgument, chinwag.TooLarge, ValueError, TypeError)):
                    await send("echo", "echo", **how)
            assert not server.seen

    run(main())


def test_raw_payloads_are_bytes_or_text() -> None:
    async def main() -> None:
        async with echo() as (node, _):
            wrongs: list[Any] = [5, [1], {"a": 1}, "\ud800"]
            for wrong in wrongs:
                with pytest.raises((chinwag.BadArgument, UnicodeEncodeError)):
                    await node.call("echo", "echo", wrong, codec="raw")

    run(main())


def test_casts_come_in_order_and_before_a_call_after_them() -> None:
    async def main() -> None:
        async with echo() as (node, server):
            for number in range(500):
                await node.cast("echo", "note", number, headers={"n": str(number)})
            await node.call("echo", "echo", "last")
            assert [seen for seen, _ in server.seen] == [*range(500), "last"]
            sender = server.seen[7][1]
            assert sender.headers == {"n": "7"} and not sender.is_call
            assert not sender.waiting and not sender.reply(1) and sender.remaining is None

    run(main())


def test_a_thousand_calls_each_get_their_own_answer() -> None:
    async def main() -> None:
        async with echo() as (node, _):
            calls = [node.call("echo", "echo", number) for number in range(1000)]
            assert await asyncio.gather(*calls) == list(range(1000))

    run(main())


def test_nobody_waits_longer_than_told() -> None:
    async def main() -> None:
        async with echo(call_timeout=0.2) as (node, server):
            for timeout in (None, 0.05, timedelta(seconds=0.05)):
                server.begun.clear()
                with pytest.raises(TimeoutError) as late:
                    await node.call("echo", "never", timeout=timeout)
                assert isinstance(late.value, chinwag.Timeout) and late.value.maybe_executed
                # The handler hears of it, and the next message has its turn.
                assert await node.call("echo", "echo", 1, timeout=20) == 1
            assert server.ended == ["cancelled"] * 3

    run(main())


def test_a_call_that_is_cancelled_ends_its_handler() -> None:
    async def main() -> None:
        async with echo() as (node, server):
            call = asyncio.create_task(node.call("echo", "never", timeout=60))
            await server.begun.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await eventually(lambda: server.ended == ["cancelled"])
            # One that had not begun never does.
            server.begun.clear()
            first = asyncio.create_task(node.call("echo", "never", timeout=60))
            await server.begun.wait()
            second = asyncio.create_task(node.call("echo", "echo", "second", timeout=60))
            await asyncio.sleep(0)
            for task in (second, first):
                task.cancel()
            assert await node.call("echo", "echo", "third") == "third"
            assert [seen for seen, _ in server.seen] == ["third"]

    run(main())


def test_a_closed_node_calls_nobody_and_leaves_nobody_waiting() -> None:
    async def main() -> None:
        async with echo() as (node, server):
            call = asyncio.create_task(node.call("echo", "never", timeout=60))
            await server.begun.wait()
            await node.close()
            with pytest.raises(chinwag.Closed):
                await call
            await eventually(lambda: server.ended == ["cancelled"])
            sends: list[Any] = [
                node.call("echo", "echo"),
                node.cast("echo", "note"),
                node.multi_call("echo", "echo"),
                node.abcast("echo", "note"),
                node.serve("other", Echo()),
            ]
            for send in sends:
                with pytest.raises(chinwag.Closed):
                    await send

    run(main())


def test_all_servers_of_a_name_are_asked_and_told() -> None:
    async def main() -> None:
        async with echo() as (node, server):
            assert await node.multi_call("echo", "echo", [1]) == chinwag.Replies({"a": [1]}, {})
            some = await node.multi_call("echo", "echo", "x", min_ok=1, timeout=5, codec="json")
            assert some == ({"a": "x"}, {})
            replies, failed = await node.multi_call("echo", "sing")
            assert not replies and isinstance(failed["a"], chinwag.UnknownOp)
            with pytest.raises(chinwag.NoQuorum, match="sing"):
                await node.multi_call("echo", "sing", min_ok=1)
            with pytest.raises(chinwag.NoServer):
                await node.multi_call("nobody", "echo")
            with pytest.raises(chinwag.BadArgument):
                await node.multi_call("echo", "echo", min_ok=-1)
            assert await node.abcast("echo", "note", "told") == 1
            await node.call("echo", "echo")
            assert server.seen[2][0] == "told"
            assert node.hosts("echo") == ["a"] and node.servers() == {"echo": 1}
            assert node.hosts("nobody") == []

    run(main())
