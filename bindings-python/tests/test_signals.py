"""`handle_signals`: what else handles them, and who may."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import Any

import chinwag
import pytest
from chinwag import blocking
from support import LIMIT, find, quick, run, wait_for, witness


@pytest.fixture(autouse=True)
def untouched() -> Any:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    yield
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_close_gives_the_signals_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with blocking.start(**quick(handle_signals=True)):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_earlier_handler_runs_after_the_goodbye() -> None:
    with witness() as (peer, events):
        order: list[str] = []
        earlier = signal.signal(signal.SIGTERM, lambda *_: order.append(str(node.local_member())))
        try:
            with blocking.start("b", **quick(seeds=[peer.addr], handle_signals=True)) as node:
                find(events, "member-join", "b")
                signal.raise_signal(signal.SIGTERM)
                find(events, "member-leave", "b")
                assert len(order) == 1 and " left" in order[0]
                signal.raise_signal(signal.SIGTERM)
                assert len(order) == 2
        finally:
            signal.signal(signal.SIGTERM, earlier)


def test_a_handler_of_the_loop_runs_too() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            events = a.events()
            stop, calls = asyncio.Event(), 0

            def stopped() -> None:
                nonlocal calls
                calls += 1
                stop.set()

            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, stopped)
            async with chinwag.start("b", **quick(seeds=[a.addr], handle_signals=True)) as b:
                await wait_for(events, "member-join", "b")
                signal.raise_signal(signal.SIGTERM)
                await asyncio.wait_for(stop.wait(), LIMIT)
            await wait_for(events, "member-leave", "b")
            assert b._farewell is not None
            await b._farewell
            assert calls == 1
            loop.remove_signal_handler(signal.SIGTERM)

    run(main())


def test_several_nodes_all_say_goodbye() -> None:
    with witness() as (peer, events):
        called: list[int] = []
        earlier = signal.signal(signal.SIGTERM, lambda number, _: called.append(number))
        try:
            options = quick(seeds=[peer.addr], handle_signals=True)
            with blocking.start("b", **options), blocking.start("c", **options):
                find(events, "member-join")
                find(events, "member-join")
                signal.raise_signal(signal.SIGTERM)
                gone = [next(events).type for _ in range(2)]
                assert gone == ["member-leave"] * 2
                assert called == [signal.SIGTERM]
        finally:
            signal.signal(signal.SIGTERM, earlier)


def test_nodes_may_close_in_any_order() -> None:
    called: list[int] = []
    earlier = signal.signal(signal.SIGTERM, lambda number, _: called.append(number))
    try:
        first = blocking.start(**quick(handle_signals=True))
        second = blocking.start(**quick(handle_signals=True))
        first.close()
        signal.raise_signal(signal.SIGTERM)
        assert called == [signal.SIGTERM] and second.local_member().state == "left"
        second.close()
        signal.raise_signal(signal.SIGTERM)
        assert called == [signal.SIGTERM] * 2
    finally:
        signal.signal(signal.SIGTERM, earlier)


def test_what_the_process_ignores_stays_ignored() -> None:
    earlier = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with blocking.start(**quick(handle_signals=True)) as node:
            signal.raise_signal(signal.SIGTERM)
            assert node.local_member().state == "alive"
    finally:
        signal.signal(signal.SIGTERM, earlier)


def test_only_the_main_thread_handles_signals() -> None:
    refused: list[chinwag.BadConfig] = []

    def work() -> None:
        try:
            blocking.start(**quick(handle_signals=True))
        except chinwag.BadConfig as error:
            refused.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(LIMIT)
    assert "main thread" in str(refused[0])


def test_a_close_in_another_thread_lets_the_signals_through() -> None:
    called: list[int] = []
    earlier = signal.signal(signal.SIGTERM, lambda number, _: called.append(number))
    try:
        node = blocking.start(**quick(handle_signals=True))
        thread = threading.Thread(target=node.close)
        thread.start()
        thread.join(LIMIT)
        signal.raise_signal(signal.SIGTERM)
        assert called == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, earlier)
