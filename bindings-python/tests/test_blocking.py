"""The blocking face: the same names, generators, and callbacks on a thread of their own."""

from __future__ import annotations

import inspect
import logging
import queue
import signal
import socket
import threading
from typing import Any

import chinwag
import pytest
from chinwag import Event, blocking
from support import LIMIT, eventually_blocking, find, ours, quick


def test_both_faces_have_the_same_names() -> None:
    def public(cls: type) -> set[str]:
        return {name for name in dir(cls) if not name.startswith("_")}

    assert public(blocking.Node) - public(chinwag.Node) == {"on_event"}
    assert public(chinwag.Node) <= public(blocking.Node)
    for name in public(chinwag.Node) - {"addr", "closed", "name", "ring"}:
        here = inspect.signature(getattr(blocking.Node, name))
        there = inspect.signature(getattr(chinwag.Node, name))
        assert here.parameters == there.parameters, name


def test_nodes_meet_change_and_leave() -> None:
    with blocking.start("a", **quick()) as a:
        events = a.events()
        with blocking.start("b", **quick(seeds=[a.addr], tags={"role": "web"})) as b:
            assert [m.name for m in b.members()] == ["a", "b"]
            find(events, "member-join", "b")
            b.update_tags(role="draining", canary="1")
            b.update_tags(canary=None)
            assert b.local_member().tags == {"role": "draining"}
            b.set_tags({"only": "this"})
            b.set_meta(b"raw")
            assert b.join(a.addr) == 1
        find(events, "member-leave", "b")
        assert b.closed and repr(b) == "<chinwag.blocking.Node b closed>"
        b.close()
    assert list(a.events(replay=True)) != [] and list(events) == []


def test_errors_are_the_same() -> None:
    with pytest.raises(chinwag.JoinFailed):
        blocking.start(**quick(seeds=["127.0.0.1:1"], require_join=True))
    with blocking.start(**quick()) as node:
        with pytest.raises(chinwag.JoinFailed) as failure:
            node.join(["127.0.0.1:1"])
        assert failure.value.attempts[0].seed == "127.0.0.1:1"
        with pytest.raises(chinwag.TooLarge):
            node.update_tags(role="x" * 600)
    with pytest.raises(chinwag.Closed):
        node.leave()


def test_a_subscription_starts_when_it_is_made() -> None:
    with blocking.start("a", **quick()) as a:
        events = a.events()
        with blocking.start("b", **quick(seeds=[a.addr])):
            eventually_blocking(lambda: len(a.members()) == 2)
        assert next(events).type == "member-join"


def test_threads_can_share_a_node() -> None:
    with blocking.start("a", **quick()) as a, blocking.start("b", **quick()) as b:
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for turn in range(5):
                    assert b.join([a.addr]) == 1
                    b.update_tags({f"t{number}": str(turn)})
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert not failures
        assert b.local_member().tags == {f"t{number}": "4" for number in range(8)}


def test_a_close_ends_every_wait() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node = blocking.start(**quick(tcp_timeout=60))
        outcomes: queue.Queue[object] = queue.Queue()

        def read() -> None:
            outcomes.put(list(node.events()))

        def join() -> None:
            try:
                node.join(["%s:%d" % silent.getsockname()])
            except chinwag.Closed as error:
                outcomes.put(error.code)

        threads = [threading.Thread(target=work) for work in (read, read, join)]
        for thread in threads:
            thread.start()
        node.close()
        for thread in threads:
            thread.join(LIMIT)
        assert sorted(map(str, (outcomes.get(timeout=LIMIT) for _ in threads))) == [
            "[]", "[]", "closed",
        ]


def test_ctrl_c_ends_a_wait() -> None:
    for wait in ("events", "join"):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            with blocking.start(**quick(tcp_timeout=60)) as node:
                interrupt = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
                interrupt.start()
                with pytest.raises(KeyboardInterrupt):
                    if wait == "events":
                        list(node.events())
                    else:
                        node.join(["%s:%d" % silent.getsockname()])


def test_callbacks_get_every_event_in_order() -> None:
    with blocking.start("a", **quick()) as a:
        told: queue.Queue[tuple[Event, int]] = queue.Queue()
        for _ in range(2):
            a.on_event(lambda event: told.put((event, threading.get_ident())), replay=True)
        with blocking.start("b", **quick(seeds=[a.addr])):
            eventually_blocking(lambda: len(a.members()) == 2)
        seen = [told.get(timeout=LIMIT) for _ in range(6)]
        threads = {thread for _, thread in seen}
        assert len(threads) == 1 and threading.get_ident() not in threads
        kinds = sorted(event.type for event, _ in seen)
        assert kinds == ["member-join"] * 2 + ["member-leave"] * 2 + ["replay-done"] * 2


def test_a_callback_that_fails_is_logged_and_called_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with blocking.start("a", **quick()) as a:
        told: queue.Queue[str] = queue.Queue()

        def callback(event: Event) -> None:
            told.put(event.type)
            raise KeyError("mine")

        a.on_event(callback)
        with blocking.start("b", **quick(seeds=[a.addr])):
            assert told.get(timeout=LIMIT) == "member-join"
        assert told.get(timeout=LIMIT) == "member-leave"
    assert [record.levelno for record in ours(caplog)] == [logging.ERROR] * 2
    assert ours(caplog)[0].exc_info is not None


def test_a_callback_that_is_taken_back_is_not_called() -> None:
    with blocking.start("a", **quick()) as a:
        told: queue.Queue[str] = queue.Queue()
        kept: queue.Queue[str] = queue.Queue()
        stop = a.on_event(lambda event: told.put(event.type), replay=True)
        assert told.get(timeout=LIMIT) == "replay-done"
        stop()
        stop()
        a.on_event(lambda event: kept.put(event.type))
        with blocking.start("b", **quick(seeds=[a.addr])):
            assert kept.get(timeout=LIMIT) == "member-join"
        assert told.empty()


def test_anything_may_be_called_from_a_callback() -> None:
    with blocking.start("a", **quick()) as a:
        b = blocking.start("b", **quick(seeds=[a.addr]))
        outcomes: queue.Queue[Any] = queue.Queue()

        def callback(event: Event) -> None:
            try:
                assert b.members() and b.known_members() and b.stats()
                assert b.join([a.addr]) == 1
                b.update_tags(role="web")
                b.set_tags({})
                b.set_meta(b"x")
                assert next(b.events(replay=True)).type == "member-join"
                b.on_event(print)
                b.leave()
                b.close()
                outcomes.put("done")
            except BaseException as failure:
                outcomes.put(failure)
                raise

        b.on_event(callback, replay=True)
        assert outcomes.get(timeout=LIMIT) == "done"
        assert b.closed


def test_after_a_close_no_callback_runs() -> None:
    with blocking.start("a", **quick()) as a:
        entered, running = threading.Event(), threading.Event()

        def callback(event: Event) -> None:
            running.set()
            entered.set()
            threading.Event().wait(0.3)
            running.clear()

        a.on_event(callback, replay=True)
        assert entered.wait(LIMIT)
    assert not running.is_set()


def test_a_callback_keeps_its_node() -> None:
    with blocking.start("a", **quick()) as a:
        told: queue.Queue[str] = queue.Queue()

        def begin() -> None:
            b = blocking.start("b", **quick(seeds=[a.addr]))
            b.on_event(lambda event: told.put(event.type))

        begin()
        with blocking.start("c", **quick(seeds=[a.addr])):
            assert told.get(timeout=LIMIT) == "member-join"
        [thread] = [t for t in threading.enumerate() if t.name == "chinwag-events-b"]
        thread._node.close()  # type: ignore[attr-defined]
