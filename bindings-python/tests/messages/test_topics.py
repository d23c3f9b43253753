"""Topics: who gets what is published, what a slow subscriber misses, and how it ends."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import chinwag
import pytest
from chinwag import blocking
from support import (
    LIMIT,
    ROOT,
    Child,
    child,
    eventually,
    eventually_blocking,
    in_thread,
    quick,
    run,
)


@asynccontextmanager
async def pair(**more: Any) -> AsyncIterator[tuple[chinwag.Node, chinwag.Node]]:
    """Two nodes that know each other."""
    async with chinwag.start("a", **quick(**more)) as a:
        async with chinwag.start("b", **quick(seeds=[a.addr])) as b:
            await eventually(lambda: len(a.members()) == 2)
            yield a, b


def test_what_is_published_arrives_by_every_codec() -> None:
    value: Any = {"id": 2**63, "items": [1.5, "wörd", None, True]}

    async def main() -> None:
        async with pair() as (a, b):
            far, own = b.subscribe("orders.new"), a.subscribe("orders.new")
            assert (far.topic, far.queue, repr(far)) == (
                "orders.new", None, "<chinwag.Subscriber orders.new>",
            )
            await eventually(lambda: a.subscribers("orders.new") == ["a", "b"])
            assert a.topics() == {"orders.new": 2}
            assert await a.publish("orders.new", value, headers={"traceparent": "00-1"}) == 2
            assert await a.publish("orders.new", value, codec="json") == 2
            assert await a.publish("orders.new", "wörd", codec="raw") == 2
            assert await a.publish("orders.new", latest=True) == 2
            assert await a.publish("orders", value) == 0
            for subscriber in (far, own):
                told = [await asyncio.wait_for(anext(subscriber), LIMIT) for _ in range(4)]
                assert [one.payload for one in told] == [value, value, "wörd".encode(), None]
                assert [one.headers for one in told] == [{"traceparent": "00-1"}, {}, {}, {}]
                assert {(one.topic, one.sender, one.missed) for one in told} == {
                    ("orders.new", "a", 0)
                }
                assert repr(told[0]) == "<chinwag.Published orders.new by a>"
                assert told[0].payload is told[0].payload
                assert subscriber.missed == 0

    run(main())


def test_a_queue_gets_each_once() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            workers = [node.subscribe("jobs", queue="workers") for node in (a, a, b)]
            everybody = b.subscribe("jobs")
            assert workers[0].queue == "workers"
            assert repr(workers[0]) == "<chinwag.Subscriber jobs queue=workers>"
            await eventually(lambda: a.subscribers("jobs") == ["a", "b"])
            seen: list[int] = []

            async def work(subscriber: chinwag.Subscriber) -> None:
                async for told in subscriber:
                    seen.append(told.payload)

            tasks = [asyncio.create_task(work(worker)) for worker in workers]
            for number in range(50):
                await a.publish("jobs", number)
            every = [(await anext(everybody)).payload for _ in range(50)]
            assert every == list(range(50))
            await eventually(lambda: len(seen) >= 50)
            assert sorted(seen) == every
            for worker in workers:
                worker.close()
            await asyncio.wait_for(asyncio.gather(*tasks), LIMIT)

    run(main())


def test_who_is_slow_hears_how_many_it_missed() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            slow, quick_one = node.subscribe("t", buffer=2), node.subscribe("t")
            for number in range(10):
                await node.publish("t", number)
            told = [await anext(slow) for _ in range(2)]
            assert [(one.payload, one.missed) for one in told] == [(8, 8), (9, 0)]
            assert slow.missed == 8 == node.stats()["publications_missed"]
            assert [(await anext(quick_one)).payload for _ in range(10)] == list(range(10))
            assert quick_one.missed == 0

    run(main())


def test_whoever_publishes_leaves_time_to_read() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as node:
            subscriber, seen = node.subscribe("t", buffer=256), 0

            async def read() -> None:
                nonlocal seen
                async for _ in subscriber:
                    seen += 1

            reading = asyncio.create_task(read())
            for number in range(5000):
                await node.publish("t", number)
            await eventually(lambda: seen == 5000)
            assert subscriber.missed == 0
            subscriber.close()
            await reading

    run(main())


def test_it_is_subscribed_until_it_is_closed_or_dropped() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            kept = b.subscribe("t")
            async with b.subscribe("t") as subscriber:
                await eventually(lambda: a.subscribers("t") == ["b"])
                await a.publish("t", 1)
                async for told in subscriber:
                    assert told.payload == 1
                    break
            await a.publish("t", 2)
            assert [told async for told in subscriber] == []
            assert [(await anext(kept)).payload for _ in range(2)] == [1, 2]
            waiting: asyncio.Future[Any] = asyncio.ensure_future(anext(kept, None))
            await asyncio.sleep(0)
            kept.close()
            kept.close()
            assert await asyncio.wait_for(waiting, LIMIT) is None
            await eventually(lambda: a.subscribers("t") == [])
            dropped = b.subscribe("t")
            await eventually(lambda: a.topics() == {"t": 1})
            del dropped
            gc.collect()
            await eventually(lambda: a.topics() == {})

    run(main())


def test_a_closed_node_ends_it() -> None:
    async def main() -> None:
        node = await chinwag.start("a", **quick())
        subscriber = node.subscribe("t")
        await node.publish("t", 1)
        waiting = asyncio.ensure_future(anext(subscriber))
        assert (await waiting).payload == 1
        rest: asyncio.Future[Any] = asyncio.ensure_future(anext(subscriber, None))
        await asyncio.sleep(0)
        await node.close()
        assert await asyncio.wait_for(rest, LIMIT) is None
        assert subscriber.missed == 0
        for refused in (node.publish("t"), node.publish("t", 1, latest=True)):
            with pytest.raises(chinwag.Closed):
                await refused
        with pytest.raises(chinwag.Closed):
            node.subscribe("t")

    run(main())


def test_what_is_refused() -> None:
    wrong: Any = object()

    async def main() -> None:
        async with chinwag.start("a", **quick(message_max=65536)) as node:
            for topic in ("", "a b", "x" * 65, "a@b", "a#b"):
                with pytest.raises(chinwag.BadArgument):
                    await node.publish(topic)
                with pytest.raises(chinwag.BadArgument):
                    node.subscribe(topic)
            with pytest.raises(chinwag.BadArgument):
                node.subscribe("t", queue="no name")
            unfit: list[Any] = [-1, "many", wrong]
            for buffer in unfit:
                with pytest.raises(chinwag.BadArgument, match="buffer cannot be"):
                    node.subscribe("t", buffer=buffer)
            for given in ({"headers": {"h": "x" * 4096}}, {"payload": b"x" * 70000}):
                more: Any = given
                with pytest.raises(chinwag.TooLarge):
                    await node.publish("t", **more)
            with pytest.raises(chinwag.Codec):
                await node.publish("t", wrong)
            assert node.topics() == {}

    run(main())


def test_threads_wait_for_the_next_one() -> None:
    with blocking.start("a", **quick()) as node, node.subscribe("t") as subscriber:
        assert repr(subscriber) == "<chinwag.blocking.Subscriber t>"
        for timeout in (0, 0.01, timedelta(milliseconds=1)):
            with pytest.raises(TimeoutError, match="nothing came within"):
                subscriber.next(timeout=timeout)
        assert node.publish("t", 1) == 1 and node.publish("nobody") == 0
        assert subscriber.next(timeout=LIMIT).payload == 1
        thread, came = in_thread(subscriber.next)
        node.publish("t", [2], headers={"a": "b"})
        thread.join(LIMIT)
        assert (came[0].payload, came[0].headers, came[0].missed) == ([2], {"a": "b"}, 0)
        thread, came = in_thread(list, subscriber)
        subscriber.close()
        thread.join(LIMIT)
        assert came == [[]]
        with pytest.raises(chinwag.Closed):
            subscriber.next()
        assert node.topics() == {}


def test_threads_share_a_subscriber() -> None:
    with blocking.start("a", **quick()) as node:
        subscriber = node.subscribe("t", buffer=5000)
        readers = [in_thread(list, subscriber) for _ in range(4)]
        for number in range(3000):
            node.publish("t", number)
        eventually_blocking(lambda: node.publish("t") and not subscriber._taken)
        node.close()
        seen = []
        for thread, came in readers:
            thread.join(LIMIT)
            assert not thread.is_alive()
            seen += [told.payload for told in came[0] if told.payload is not None]
        assert sorted(seen) == list(range(3000)) and subscriber.missed == 0


def test_the_example_publishes_and_shows() -> None:
    program = str(ROOT / "examples" / "orders.py")
    with child(program, "ann", "-") as ann:
        _, _, seed = ann.line().split()
        with child(program, "bob", seed) as bob:
            assert bob.line().startswith("ready bob")
            bob.tell("subscribe orders")
            assert bob.line() == "subscribed to orders"
            while "orders" not in told(ann, "topics"):
                pass
            assert told(ann, "publish orders green tea") == "sent to 1"
            assert bob.line() == "orders by ann: green tea"
            assert told(bob, "publish no^topic x").startswith("bad_argument")
            bob.tell("leave")
            assert bob.end() == (0, "", "")
        ann.tell("leave")
        assert ann.end() == (0, "", "")


def told(process: Child, line: str) -> str:
    process.tell(line)
    return process.line()
