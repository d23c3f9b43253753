"""Servers: whose functions get what, what becomes of what they return and raise, and their end."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable
from typing import Any

import chinwag
import pytest
from chinwag.errors import ChinwagError
from support import eventually, ours, quick, run


class Counter(chinwag.Server):
    def __init__(self) -> None:
        self.n = 0

    @chinwag.handle_call("incr")
    async def incr(self, by: int, sender: chinwag.From) -> int:
        self.n += by
        return self.n

    @chinwag.handle_call("get")
    @chinwag.handle_call("value")
    def get(self) -> int:
        return self.n

    @chinwag.handle_cast("reset")
    async def reset(self) -> None:
        self.n = 0


class Twice(Counter):
    async def incr(self, by: int, sender: chinwag.From) -> int:
        return await super().incr(2 * by, sender)

    @chinwag.handle_call("get")
    def shown(self) -> str:
        return f"{self.n}"


def test_methods_answer_and_can_be_overridden() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            await node.serve("counter", Counter())
            await node.serve("twice", Twice())
            assert await node.call("counter", "incr", 2) == 2
            assert await node.call("counter", "incr", 3) == 5
            assert await node.call("counter", "get") == await node.call("counter", "value") == 5
            await node.cast("counter", "reset")
            assert await node.call("counter", "get") == 0
            assert await node.call("twice", "incr", 2) == 4
            assert await node.call("twice", "get") == "4"
            assert await node.call("twice", "value") == 4

    run(main())


def test_functions_get_what_they_ask_for() -> None:
    def plain(op: str, payload: Any, sender: chinwag.From) -> Any:
        return [op, payload, sender.is_call]

    async def late(op: str, payload: Any) -> Any:
        return [op, payload]

    table: dict[str, dict[str, Callable[..., Any]]] = {
        "call": {
            "none": lambda: "none",
            "payload": lambda value: ["payload", value],
            "sender": lambda sender: ["sender", sender.node],
            "both": lambda sender, value: ["both", value, sender.node],
            "named": lambda value, *, sender: [value, sender.node],
            "default": lambda value=5: value,
            "all": lambda *values: list(values),
            "builtin": str,
            "sum": sum,
        }
    }

    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            await node.serve("table", table)
            await node.serve("plain", plain)
            await node.serve("late", late)
            answers = {op: await node.call("table", op, [1, 2]) for op in table["call"]}
            assert answers == {
                "none": "none",
                "payload": ["payload", [1, 2]],
                "sender": ["sender", "a"],
                "both": ["both", [1, 2], "a"],
                "named": [[1, 2], "a"],
                "default": [1, 2],
                "all": [[1, 2]],
                "builtin": "[1, 2]",
                "sum": 3,
            }
            assert await node.call("plain", "any", 1) == ["any", 1, True]
            assert await node.call("late", "any", 1) == ["any", 1]

    run(main())


def test_what_handles_nothing_is_refused() -> None:
    wrong: list[Any] = [
        None, 5, {}, {"call": {}}, chinwag.Server(), Counter, {"calls": {"a": print}},
        {"call": {"a": 5}}, lambda: None, lambda one, two, three: None,
        {"call": {"a": lambda one, two: None}},
    ]

    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            for handler in wrong:
                with pytest.raises(chinwag.BadArgument):
                    await node.serve("wrong", handler)
            for concurrency in (0, -1, 1.5, "2"):
                with pytest.raises(chinwag.BadArgument):
                    await node.serve("wrong", Counter(), concurrency=concurrency)  # type: ignore
            for mailbox in (-1, "x", 1.5):
                with pytest.raises(chinwag.BadArgument):
                    await node.serve("wrong", Counter(), mailbox=mailbox)  # type: ignore
            for name in ("", "a b", "x" * 65):
                with pytest.raises(chinwag.BadArgument):
                    await node.serve(name, Counter())
            assert node.servers() == {}

    run(main())
    with pytest.raises(TypeError, match="twice"):

        class Both(chinwag.Server):
            @chinwag.handle_call("a")
            def one(self) -> None: ...

            @chinwag.handle_call("a")
            def other(self) -> None: ...

    with pytest.raises(TypeError, match="operation"):
        chinwag.handle_call(print)  # type: ignore[arg-type]


class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


async def broken(op: str, payload: Any) -> Any:
    match op:
        case "value":
            raise ValueError(f"{payload} is negative")
        case "odd":
            raise Odd
        case "half":
            raise KeyError("\ud800")
        case "unsayable":
            return {payload}
        case "cancelled":
            raise asyncio.CancelledError
        case "closed":
            raise chinwag.Closed("of its own")
    raise chinwag.UnknownOp(f"what is {op}?")


async def failure(node: chinwag.Node, target: str, op: str, **how: Any) -> ChinwagError:
    with pytest.raises(ChinwagError) as told:
        await node.call(target, op, -1, **how)
    return told.value


def test_what_a_handler_raises_is_told_to_the_caller() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            await node.serve("broken", broken)
            error = await failure(node, "broken", "value")
            assert isinstance(error, chinwag.RemoteError) and isinstance(error, RuntimeError)
            assert error.remote is not None and error.remote.class_ == "ValueError"
            assert error.remote == ("a", "python", "ValueError", "-1 is negative", None)
            assert error.maybe_executed and not error.retryable
            assert str(error) == 'ValueError on "a": -1 is negative'
            said = {
                op: getattr((await failure(node, "broken", op)).remote, "class_", None)
                for op in ("odd", "half", "unsayable", "cancelled", "closed")
            }
            assert said == {
                "odd": "Odd", "half": "KeyError", "unsayable": "Codec",
                "cancelled": "CancelledError", "closed": "Closed",
            }
            error = await failure(node, "broken", "value", codec="json")
            assert error.remote is not None and error.remote.class_ == "ValueError"
            unknown = await failure(node, "broken", "sing")
            assert isinstance(unknown, chinwag.UnknownOp) and isinstance(unknown, LookupError)
            assert not unknown.maybe_executed and unknown.remote is None
            assert str(unknown) == "what is sing?"

    run(main())


def test_an_operation_that_a_server_does_not_have() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            await node.serve("counter", Counter())
            for op in ("reset", "sing"):
                error = await failure(node, "counter", op)
                assert isinstance(error, chinwag.UnknownOp) and not error.maybe_executed
                assert str(error) == f'"counter" has no operation "{op}"'

    run(main())


def test_a_stack_is_told_only_if_the_server_says_so() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            await node.serve("open", broken, expose_stack=True)
            error = await failure(node, "open", "value")
            assert error.remote is not None and error.remote.stack is not None
            assert "in broken" in error.remote.stack and "ValueError: -1" in error.remote.stack

    run(main())


def test_an_error_of_a_call_within_is_none_of_the_servers_own() -> None:
    """It may have done something before: the caller must not take it for certain."""

    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:

            async def outer(op: str, payload: Any) -> Any:
                return await node.call(op, "sing")

            await node.serve("outer", outer)
            await node.serve("counter", Counter())
            for within, name in (("counter", "UnknownOp"), ("nobody", "NoServer")):
                error = await failure(node, "outer", within)
                assert isinstance(error, chinwag.RemoteError) and error.maybe_executed
                assert error.remote is not None and error.remote.class_ == name

    run(main())


def test_what_a_cast_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            fail: Any = {"cast": {"fail": lambda value: 1 // value}, "call": {"sync": lambda: None}}
            await node.serve("fails", fail)
            await node.cast("fails", "fail", 0)
            for _ in range(3):
                await node.cast("fails", "sing")
            await node.call("fails", "sync")

    with caplog.at_level(logging.WARNING):
        run(main())
    failed, dropped = ours(caplog)
    assert failed.getMessage() == "the cast fail of fails failed" and failed.exc_info is not None
    assert failed.exc_info[0] is ZeroDivisionError
    assert dropped.getMessage() == 'a cast was dropped: "fails" has no operation "sing"'


def test_what_a_call_raises_is_logged_in_full(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            await node.serve("broken", broken)
            await failure(node, "broken", "value")
            await failure(node, "broken", "sing")

    with caplog.at_level(logging.INFO, logger="chinwag"):
        run(main())
    [record] = ours(caplog)
    assert record.getMessage() == "the call value of broken failed" and record.exc_info is not None
    assert record.levelname == "INFO" and record.exc_info[0] is ValueError


def test_messages_are_handled_one_at_a_time_unless_told_otherwise() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            for concurrency in (1, 3):
                busy: list[int] = []
                most = 0

                async def work() -> None:
                    nonlocal most
                    busy.append(1)
                    most = max(most, len(busy))
                    await asyncio.sleep(0.01)
                    busy.pop()

                with await node.serve("work", {"call": {"do": work}}, concurrency=concurrency):
                    await asyncio.gather(*[node.call("work", "do") for _ in range(9)])
                assert most == concurrency

    run(main())


def test_a_call_can_be_answered_later_and_from_elsewhere() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            kept: list[chinwag.From] = []

            def keep(op: str, payload: Any, sender: chinwag.From) -> Any:
                kept.append(sender)
                return chinwag.NO_REPLY

            await node.serve("later", keep)
            call = asyncio.create_task(node.call("later", "ask", codec="json"))
            await eventually(lambda: kept)
            [sender] = kept
            assert sender.waiting and not sender.answered
            with pytest.raises(chinwag.Codec):
                sender.reply({1})  # type: ignore[arg-type]
            told: list[bool] = []
            thread = threading.Thread(target=lambda: told.append(sender.reply({"at": "last"})))
            thread.start()
            assert await call == {"at": "last"}
            thread.join()
            assert told == [True] and sender.answered and not sender.waiting
            assert not sender.reply("again") and not sender.fail(ValueError("again"))

            call = asyncio.create_task(node.call("later", "ask"))
            await eventually(lambda: len(kept) == 2)
            assert kept[1].fail(ValueError("after all"))
            with pytest.raises(chinwag.RemoteError, match="after all"):
                await call

            call = asyncio.create_task(node.call("later", "ask"))
            await eventually(lambda: len(kept) == 3)
            del sender
            kept.clear()
            with pytest.raises(chinwag.RemoteError, match="without an answer"):
                await call

            call = asyncio.create_task(node.call("later", "ask", timeout=0.05))
            with pytest.raises(chinwag.Timeout):
                await call
            assert not kept[0].waiting and not kept[0].answered and not kept[0].reply("late")

    run(main())


def test_an_early_answer_is_the_answer() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            done = asyncio.Event()

            async def early(sender: chinwag.From) -> str:
                assert sender.reply("early")
                await asyncio.sleep(0)
                # Whoever called does not wait any more: nor does what is called here hurry.
                assert await node.call("clock", "left", timeout=30) > 10
                done.set()
                return "late"

            left = {"call": {"left": lambda sender: sender.remaining}}
            await node.serve("early", {"call": {"ask": early}})
            await node.serve("clock", left)
            assert await node.call("early", "ask", timeout=1) == "early"
            await done.wait()

    run(main())


def test_calls_within_a_call_have_no_more_time_than_its_caller() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(call_timeout=20)) as node:

            async def outer(timeout: float | None) -> Any:
                return await node.call("inner", "left", timeout=timeout)

            async def all_of_them() -> Any:
                return (await node.multi_call("inner", "left")).replies["a"]

            await node.serve("outer", {"call": {"one": outer, "all": all_of_them}})
            await node.serve("inner", {"call": {"left": lambda sender: sender.remaining}})
            assert 10 < await node.call("inner", "left") <= 20
            assert 0 < await node.call("outer", "one", timeout=5) <= 5
            assert 0 < await node.call("outer", "one", 2, timeout=5) <= 2
            assert 0 < await node.call("outer", "one", 60, timeout=5) <= 5
            assert 0 < await node.call("outer", "all", timeout=5) <= 5
            # More time than is usual is not handed on.
            assert 10 < await node.call("outer", "one", timeout=60) <= 20
            assert 10 < await node.call("inner", "left") <= 20

    run(main())


def test_a_server_can_be_paused_resumed_and_stopped() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            serving = await node.serve("counter", Counter(), mailbox=2)
            assert serving.name == "counter" and repr(serving) == "<chinwag.Serving counter>"
            with pytest.raises(chinwag.ServerExists):
                await node.serve("counter", Counter())
            serving.pause()
            await node.cast("counter", "reset")
            call = asyncio.create_task(node.call("counter", "incr", 1))
            await asyncio.sleep(0.05)
            assert not call.done()
            with pytest.raises(chinwag.Overloaded) as full:
                await node.call("counter", "incr", 1)
            assert full.value.retryable and not full.value.maybe_executed
            serving.resume()
            assert await call == 1
            serving.pause()
            call = asyncio.create_task(node.call("counter", "incr", 1))
            await asyncio.sleep(0)
            serving.stop()
            serving.stop()
            with pytest.raises(chinwag.NoServer):
                await call
            with pytest.raises(chinwag.NoServer):
                await node.call("counter", "incr", 1)
            assert node.servers() == {}
            with await node.serve("counter", Counter()):
                assert await node.call("counter", "incr", 7) == 7
            assert node.servers() == {}

    run(main())


def test_a_server_may_stop_itself_and_its_node_from_a_handler() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            serving: chinwag.Serving | None = None
            after: list[str] = []

            async def stop() -> None:
                assert serving is not None
                serving.stop()
                await asyncio.sleep(0.01)
                after.append("stopped")

            async def close() -> None:
                await node.close()
                after.append("closed")

            serving = await node.serve("ends", {"call": {"stop": stop, "close": close}})
            with pytest.raises(chinwag.NoServer) as ended:
                await node.call("ends", "stop")
            assert ended.value.maybe_executed
            await node.serve("ends", {"call": {"close": close}})
            with pytest.raises(chinwag.Closed):
                await node.call("ends", "close")
            assert node.closed

    run(main())


def test_handlers_do_not_share_what_they_set() -> None:
    """Each runs in a context of its own, made where `serve` was called."""
    var: contextvars.ContextVar[str] = contextvars.ContextVar("var", default="unset")

    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:

            def swap(value: str) -> str:
                before = var.get()
                var.set(value)
                return before

            async def task(value: str) -> str:
                return swap(value)

            var.set("outside")
            await node.serve("vars", {"call": {"swap": swap, "task": task}})
            var.set("later")
            for op in ("swap", "task", "swap", "task"):
                assert await node.call("vars", op, "inside") == "outside"

    run(main())


def test_handlers_run_on_the_loop_that_serves() -> None:
    ready, done = threading.Event(), threading.Event()
    own: list[int] = []

    def where() -> int:
        return threading.get_ident()

    async def other(node: chinwag.Node) -> None:
        own.append(threading.get_ident())
        await node.serve("there", {"call": {"sync": where}})
        ready.set()
        await asyncio.to_thread(done.wait)

    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            thread = threading.Thread(target=lambda: asyncio.run(other(node)))
            thread.start()
            await asyncio.to_thread(ready.wait)
            await node.serve("here", {"call": {"sync": where}})
            assert await node.call("there", "sync") == own[0] != threading.get_ident()
            assert await node.call("here", "sync") == threading.get_ident()
            done.set()
            await asyncio.to_thread(thread.join)

    run(main())


def test_a_flood_leaves_turns_to_others() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            seen: list[int] = []
            with await node.serve("flood", {"cast": {"n": seen.append}}, mailbox=2000) as serving:
                serving.pause()
                for number in range(2000):
                    await node.cast("flood", "n", number)
                assert not seen
                serving.resume()
                turns = set()
                while len(seen) < 2000:
                    turns.add(len(seen))
                    await asyncio.sleep(0)
            assert seen == list(range(2000)) and len(turns) > 5

    run(main())


def test_a_cast_may_be_of_no_use_later() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            seen: list[float | None] = []
            table: Any = {"cast": {"n": lambda sender: seen.append(sender.remaining)}}
            serving = await node.serve("late", table)
            await node.cast("late", "n", timeout=20)
            serving.pause()
            await node.cast("late", "n", timeout=0.01)
            await asyncio.sleep(0.05)
            serving.resume()
            await node.cast("late", "n")
            await eventually(lambda: len(seen) == 2)
            assert seen[0] is not None and 10 < seen[0] <= 20 and seen[1] is None

    run(main())
