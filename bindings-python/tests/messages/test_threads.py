"""Calls that block, and servers whose handlers run on threads."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import chinwag
import pytest
from chinwag import blocking
from support import LIMIT, eventually_blocking, in_thread, quick


class Counter(chinwag.Server):
    def __init__(self) -> None:
        self.n = 0

    @chinwag.handle_call("incr")
    def incr(self, by: int, sender: chinwag.From) -> int:
        self.n += by
        return self.n

    @chinwag.handle_call("fail")
    def fail(self, words: str) -> None:
        raise ValueError(words)

    @chinwag.handle_cast("reset")
    def reset(self) -> None:
        self.n = 0


def test_the_same_names_without_an_event_loop() -> None:
    with blocking.start("a", **quick()) as node:
        serving = node.serve("counter", Counter())
        assert node.call("counter", "incr", 2) == 2
        assert node.call("counter#key", "incr", 1, timeout=5, headers={"a": "b"}) == 3
        node.cast("counter", "reset", latest=True)
        assert node.call("counter", "incr", 4, codec="json") == 4
        assert node.multi_call("counter", "incr", 1) == ({"a": 5}, {})
        assert node.abcast("counter", "reset") == 1
        assert node.hosts("counter") == ["a"] and node.servers() == {"counter": 1}
        with pytest.raises(chinwag.RemoteError) as failed:
            node.call("counter", "fail", "words")
        assert failed.value.remote == ("a", "python", "ValueError", "words", None)
        with pytest.raises(chinwag.UnknownOp):
            node.call("counter", "sing")
        with pytest.raises(chinwag.ServerExists):
            node.serve("counter", Counter())
        serving.stop()
        with pytest.raises(chinwag.NoServer):
            node.call("counter", "incr", 1)


def test_functions_to_be_awaited_are_refused() -> None:
    async def answer() -> None: ...

    class Late(chinwag.Server):
        @chinwag.handle_call("a")
        async def a(self) -> None: ...

    with blocking.start("a", **quick()) as node:
        handlers: list[Any] = [Late(), {"call": {"a": answer}}, answer]
        for handler in handlers:
            with pytest.raises(chinwag.BadArgument):
                node.serve("late", handler)
        with pytest.raises(chinwag.BadArgument):
            node.serve("counter", Counter(), concurrency=0)
        assert node.servers() == {}


def test_many_threads_each_get_their_own_answers() -> None:
    wrong: list[int] = []

    def ask(node: blocking.Node, base: int) -> None:
        wrong.extend(n for n in range(base, base + 50) if node.call("echo", "echo", n) != n)

    with blocking.start("a", **quick()) as node:
        node.serve("echo", lambda op, payload: payload)
        threads = [in_thread(ask, node, base)[0] for base in range(0, 800, 100)]
        for thread in threads:
            thread.join()
    assert not wrong


def test_handlers_may_block_and_call() -> None:
    """Also their own server, with more than one thread; and have no more time than the caller."""
    with blocking.start("a", **quick(call_timeout=20)) as node:

        def outer(depth: int) -> Any:
            return node.call("outer", "down", depth - 1) if depth else "deep"

        def left(sender: chinwag.From) -> float | None:
            return sender.remaining

        table: Any = {"down": outer, "left": left, "by": lambda: node.call("outer", "left")}
        node.serve("outer", {"call": table}, concurrency=3)
        assert node.call("outer", "down", 2) == "deep"
        assert 0 < node.call("outer", "by", timeout=5) <= 5


def test_one_thread_at_a_time_unless_told_otherwise() -> None:
    with blocking.start("a", **quick()) as node:
        for concurrency in (1, 3):
            busy: list[int] = []
            most: list[int] = []
            pause = threading.Event()

            def work() -> None:
                busy.append(1)
                most.append(len(busy))
                pause.wait(0.02)
                busy.pop()

            with node.serve("work", {"call": {"do": work}}, concurrency=concurrency):
                calls = [in_thread(node.call, "work", "do") for _ in range(6)]
                for thread, came in calls:
                    thread.join()
                    assert came == [None]
            assert max(most) == concurrency


def test_a_handler_can_ask_whether_somebody_waits() -> None:
    with blocking.start("a", **quick()) as node:
        said: list[bool] = []

        def slow(sender: chinwag.From) -> None:
            said.append(sender.waiting)
            eventually_blocking(lambda: not sender.waiting)
            said.append(sender.waiting)

        node.serve("slow", {"call": {"wait": slow}})
        with pytest.raises(chinwag.Timeout):
            node.call("slow", "wait", timeout=0.2)
        eventually_blocking(lambda: said == [True, False])


def test_a_call_can_be_answered_later() -> None:
    with blocking.start("a", **quick()) as node:
        kept: list[chinwag.From] = []

        def keep(op: str, payload: Any, sender: chinwag.From) -> Any:
            kept.append(sender)
            return chinwag.NO_REPLY

        node.serve("later", keep)
        thread, came = in_thread(node.call, "later", "ask")
        eventually_blocking(lambda: kept)
        assert kept[0].reply([1]) and not kept[0].reply([2])
        thread.join()
        assert came == [[1]]


def test_close_ends_calls_and_servers() -> None:
    node = blocking.start("a", **quick())
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait(LIMIT)

    node.serve("hold", {"call": {"hold": hold}})
    node.serve("closes", {"call": {"close": node.close}})
    thread, came = in_thread(node.call, "hold", "hold")
    begun.wait(LIMIT)
    closing, closed = in_thread(node.call, "closes", "close")
    thread.join()
    closing.join()
    assert isinstance(came[0], chinwag.Closed) and isinstance(closed[0], chinwag.Closed)
    go_on.set()
    node.close()
    left = [one.name for one in threading.enumerate() if one.name.startswith("chinwag-serve")]
    assert not left


def test_a_server_keeps_its_node() -> None:
    """As callbacks do: who serves need not hold on to it as well."""
    node = blocking.start("a", **quick())
    node.serve("echo", lambda op, payload: payload)
    kept = weakref.ref(node)
    del node
    gc.collect()
    still = kept()
    assert still is not None and still.call("echo", "echo", 1) == 1
    still.close()
