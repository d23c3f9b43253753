"""Events in asyncio: which, in which order, and that nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import gc
import threading
from copy import copy
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path
from typing import Any

import chinwag
import pytest
from chinwag import (
    Event,
    EventsLost,
    MemberFailed,
    MemberJoin,
    MemberLeave,
    MemberUpdate,
    ReplayDone,
)
from chinwag._base import BATCH
from chinwag._constants import EVENTS
from chinwag.events import CLASSES
from chinwag.messaging._pump import TURN
from support import child, eventually, ours, quick, run, wait_for


HERE = Path(__file__).parent


def test_every_type_of_event_has_its_class() -> None:
    assert {kind: cls.type for kind, cls in CLASSES.items()} == {kind: kind for kind in EVENTS}


def test_a_life_is_told_in_order() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            events = a.events()
            async with chinwag.start("b", **quick(seeds=[a.addr], tags={"role": "web"})) as b:
                joined = await anext(events)
                assert isinstance(joined, MemberJoin) and joined.member.tags == {"role": "web"}
                await b.update_tags(role="draining")
                changed = await anext(events)
                assert isinstance(changed, MemberUpdate)
                assert changed.previous.tags == {"role": "web"}
                assert changed.member.tags == {"role": "draining"}
            left = await anext(events)
            assert isinstance(left, MemberLeave) and left.member.state == "left"
            assert [joined.seq, changed.seq, left.seq] == [1, 2, 3]

    run(main())


def test_a_node_that_vanishes_has_failed() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            events = a.events()
            b = await chinwag.start("b", **quick(seeds=[a.addr]))
            await wait_for(events, "member-join", "b")
            await b.close()
            failed = await wait_for(events, "member-failed", "b")
            assert isinstance(failed, MemberFailed) and failed.member.state == "failed"
            assert "failed=1" in repr(a)

    run(main())


def test_events_can_be_matched_and_unpacked() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            async with chinwag.start("b", **quick(seeds=[a.addr])):
                event = await anext(a.events(replay=True))
                match event:
                    case MemberJoin(member=m, seq=seq):
                        assert m.name == "b" and seq == event.seq
                    case _:
                        raise AssertionError(event)
                assert asdict(event) == {"member": m, "seq": seq}
                assert event == MemberJoin(m, seq) and hash(event) == hash(MemberJoin(m, seq))
                with pytest.raises(FrozenInstanceError):
                    event.seq = 5  # type: ignore[misc]
                assert repr(event) == f"MemberJoin(member={m!r}, seq={seq})"
                assert copy(event) == event == replace(event) and replace(event, seq=9).seq == 9

    run(main())


def test_a_replay_comes_first_and_is_marked() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a, chinwag.start("b", **quick()) as b:
            assert isinstance(await anext(a.events(replay=True)), ReplayDone)
            await b.join([a.addr])
            await eventually(lambda: len(a.members()) == 2)
            events = a.events(replay=True)
            async with chinwag.start("c", **quick(seeds=[a.addr])):
                told = [await anext(events) for _ in range(3)]
            assert [event.type for event in told] == ["member-join", "replay-done", "member-join"]
            assert [e.member.name for e in told if isinstance(e, MemberJoin)] == ["b", "c"]
            assert told[0].seq == told[1].seq < told[2].seq

    run(main())


def test_a_subscription_starts_when_it_is_made() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            early = a.events()
            async with chinwag.start("b", **quick(seeds=[a.addr])):
                await eventually(lambda: len(a.members()) == 2)
                late = a.events()
            assert (await anext(early)).type == "member-join"
            assert (await anext(late)).type == "member-leave"

    run(main())


def test_subscriptions_do_not_disturb_each_other() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            many = [a.events() for _ in range(10)]
            waiting = [asyncio.create_task(wait_for(e, "member-leave", "b")) for e in many]
            await asyncio.sleep(0)
            many[0] = a.events()
            async with chinwag.start("b", **quick(seeds=[a.addr])):
                pass
            told = await asyncio.gather(*waiting)
            assert len(set(told)) == 1

    run(main())


def test_a_slow_reader_is_told_once_and_starts_over() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(event_buffer=2)) as a:
            events, prompt = a.events(), a.events()
            async with chinwag.start("b", **quick(seeds=[a.addr])) as b:
                await wait_for(prompt, "member-join", "b")
                for turn in range(5):
                    await b.update_tags(turn=str(turn))
                    await wait_for(prompt, "member-update", "b")
                lost = await anext(events)
                assert isinstance(lost, EventsLost) and (lost.count, lost.seq) == (6, 6)
                assert [m.tags for m in lost.members] == [{"turn": "4"}]
            left = await anext(events)
            assert left.type == "member-leave" and left.seq == 7

    run(main())


def test_anything_may_be_called_while_an_event_is_handled() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            b = await chinwag.start("b", **quick(seeds=[a.addr]))
            done: list[str] = []
            async for event in b.events(replay=True):
                done.append(event.type)
                assert b.members() and b.known_members() and b.member("a") and b.stats()
                assert await b.join([a.addr]) == 1
                await b.update_tags(role="web")
                await b.set_tags({})
                await b.set_meta(b"x")
                assert b.events() is not None
                if event.type == "replay-done":
                    await b.leave()
                    await b.close()
            assert done == ["member-join", "replay-done"]

    run(main())


def test_the_events_end_with_the_node() -> None:
    async def main() -> None:
        node = await chinwag.start(**quick())
        events = node.events()
        waiting = asyncio.create_task(anext(events, None))
        await asyncio.sleep(0)
        await node.close()
        assert await waiting is None
        assert await anext(events, None) is None

    run(main())


def test_a_wait_that_is_given_up_takes_nothing_along() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            events = a.events()
            for _ in range(20):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(anext(events), 0.001)
            assert not a._pump()._waiting
            async with chinwag.start("b", **quick(seeds=[a.addr])):
                assert (await anext(events)).seq == 1

    run(main())


class Script:
    """Stands in for a subscription: batches as they are written here."""

    def __init__(self, *batches: int) -> None:
        self.batches = list(batches)
        self.seq = 0

    def drain(self, limit: int) -> tuple[list[Event], bool]:
        if not self.batches:
            return [], True
        first, self.seq = self.seq + 1, self.seq + self.batches.pop(0)
        return [ReplayDone(seq) for seq in range(first, self.seq + 1)], False


def scripted(node: chinwag.Node, *batches: int) -> chinwag.Events:
    events: Any = node.events()
    events._subscription = Script(*batches)
    return events  # type: ignore[no-any-return]


def test_two_tasks_can_share_an_iterator() -> None:
    async def main() -> None:
        async with chinwag.start(**quick()) as node:
            events = scripted(node, BATCH, BATCH, 3)

            async def read() -> list[int]:
                seen = []
                async for event in events:
                    seen.append(event.seq)
                    if event.seq % 7 == 0:
                        await asyncio.sleep(0)
                return seen

            one, two = await asyncio.gather(read(), read())
            assert one and two and sorted(one + two) == list(range(1, 2 * BATCH + 4))

    run(main())


def test_a_flood_leaves_time_for_others() -> None:
    async def main() -> None:
        async with chinwag.start(**quick()) as node:
            turns = 0

            async def count() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            other = asyncio.create_task(count())
            async for _ in scripted(node, *[BATCH] * (10 * TURN)):
                pass
            other.cancel()
            assert turns >= 10

    run(main())


def test_a_batch_does_not_set_the_collector_off() -> None:
    member_update = 3  # The event, the member, and as it was before.
    assert gc.get_threshold()[0] >= 2 * member_update * BATCH


def test_no_thread_of_python_is_needed() -> None:
    async def main() -> None:
        before = threading.active_count()
        node = await chinwag.start(**quick())
        waiting = asyncio.create_task(anext(node.events(), None))
        await asyncio.sleep(0)
        assert threading.active_count() == before
        await node.close()
        await waiting

    run(main())


def test_dropped_subscriptions_and_nodes_leave_nothing_behind() -> None:
    script = """
import asyncio, gc, os, threading, chinwag
from support import eventually, quick

def threads():
    return len(os.listdir("/proc/self/task"))

def descriptors():
    return len(os.listdir("/proc/self/fd"))

async def main():
    at_start = threads(), descriptors()
    for _ in range(20):
        node = await chinwag.start(**quick())
        events = [node.events() for _ in range(10)]
        waiting = asyncio.create_task(anext(events[0]))
        await asyncio.sleep(0)
        waiting.cancel()
        del node, events, waiting
        await asyncio.sleep(0)
        gc.collect()
    await eventually(lambda: (threads(), descriptors()) == at_start)
    print("clean")

asyncio.run(main())
"""
    with child("-c", f"import sys; sys.path.insert(0, {str(HERE)!r})\n{script}") as process:
        status, out, err = process.end()
    assert (status, out, err) == (0, "clean\n", "")


def test_a_start_that_finds_nobody_warns_of_it() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(seeds=["127.0.0.1:1"])) as a:
            event = await wait_for(a.events(), "warning")
            assert isinstance(event, chinwag.events.Warning)
            assert (event.code, event.subject) == ("seed-failed", "127.0.0.1:1")
            assert "127.0.0.1:1 refused the connection" in event.text

    run(main())


def test_a_collected_node_says_so_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            events = a.events()
            b = await chinwag.start("b", **quick(seeds=[a.addr]))
            await wait_for(events, "member-join", "b")
            assert not ours(caplog)
            del b
            gc.collect()
            await wait_for(events, "member-failed", "b")

    run(main())
    [record] = ours(caplog)
    assert record.levelname == "WARNING"
    assert "chinwag.Node b" in record.message and "garbage-collected" in record.message
