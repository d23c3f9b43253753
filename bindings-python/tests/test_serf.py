"""What members say in serf's way, keys, newcomers, and why somebody was declared failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import chinwag
import pytest
from support import LIMIT, eventually, eventually_blocking, find, quick, run, wait_for

ODD = b"\xff\x00\xc3\x28"
#: Of 16 and of 32 bytes.
OLD = "MDEyMzQ1Njc4OWFiY2RlZg=="
NEW = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def serf(**more: Any) -> Any:
    return quick(delegate_versions="2,5,5", **more)


@asynccontextmanager
async def pair(**more: Any) -> AsyncIterator[tuple[chinwag.Node, chinwag.Node]]:
    """Two nodes that speak serf's versions and see each other."""
    async with chinwag.start("a", **serf(**more)) as a:
        async with chinwag.start("b", **serf(seeds=[a.addr], tags={"role": "web"}, **more)) as b:
            await eventually(lambda: len(a.members()) == 2)
            yield a, b


def test_user_events_are_told_to_all() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            events = [a.events(), b.events()]
            await a.user_event("deploy", ODD, coalesce=True)
            for heard in events:
                got = await wait_for(heard, "user-event")
                assert isinstance(got, chinwag.UserEvent)
                assert (got.name, got.payload, got.coalesce) == ("deploy", ODD, True)
                assert got.ltime > 0
            with pytest.raises(chinwag.TooLarge):
                await a.user_event("x", bytes(600))

    run(main())


async def answer(node: chinwag.Node, payload: chinwag.Payload) -> chinwag.Query:
    """Answers the next query."""
    events = node.events()
    asked = await wait_for(events, "query")
    assert isinstance(asked, chinwag.Query)
    await node.respond(asked.id, payload)
    with pytest.raises(chinwag.Timeout):
        await node.respond(asked.id, payload)
    return asked


def test_queries_are_answered() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            answering = asyncio.create_task(answer(b, ODD))
            await asyncio.sleep(0)
            told = await a.query(
                "load", "now", nodes="b", tags={"role": "^w"}, ack=True,
                timeout=timedelta(seconds=10),
            )
            assert told == chinwag.Answers(("b",), (chinwag.Response("b", ODD),), True)
            asked = await answering
            assert (asked.sender, asked.name, asked.payload) == ("a", "load", b"now")
            assert asked.timeout == 10.0
            nobody = await a.query("load", tags={"role": "^db$"}, timeout=0.1)
            assert (nobody.acks, nobody.responses) == ((), ())

    run(main())


async def asked(events: chinwag.Events) -> chinwag.Query:
    event = await wait_for(events, "query")
    assert isinstance(event, chinwag.Query)
    return event


def test_everybody_is_asked_unless_some_are_named() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            answering = asyncio.gather(answer(a, b"a"), answer(b, b"b"))
            await asyncio.sleep(0)
            answers = await a.query("load", relay_factor=1, timeout=LIMIT)
            await answering
            assert {r.sender: r.payload for r in answers.responses} == {"a": b"a", "b": b"b"}
            assert answers.complete and answers.acks == ()
            # A name alone is one name, not its letters. Nobody answers, and that takes its time.
            silent = await b.query("load", nodes="a", ack=True, timeout=1)
            assert silent == chinwag.Answers(("a",), (), False)

    run(main())


def test_an_answer_that_is_too_large_can_be_given_again() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            events = b.events()
            asking = asyncio.create_task(a.query("load", nodes=["b"], timeout=LIMIT))
            query = await asked(events)
            with pytest.raises(chinwag.TooLarge):
                await b.respond(query.id, bytes(2000))
            await b.respond(query.id, "short")
            assert [r.payload for r in (await asking).responses] == [b"short"]

    run(main())


def test_a_query_that_is_given_up_leaves_nothing_behind() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            events = b.events()
            task = asyncio.create_task(a.query("load", nodes=["b"], timeout=1))
            query = await asked(events)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await b.respond(query.id, b"unheard")
            await eventually(lambda: not a._pump()._pending)

    run(main())


def test_a_question_is_checked() -> None:
    async def main() -> None:
        async with pair() as (a, _):
            with pytest.raises(chinwag.BadArgument):
                await a.query("load", tags={"role": "("})
            with pytest.raises(chinwag.BadArgument, match="timeout"):
                await a.query("load", timeout=-1)
            with pytest.raises(TypeError, match="acks"):
                await a.query("load", acks=True)  # type: ignore[call-arg]
            for wrong in ({"nodes": [1]}, {"relay_factor": "x"}, {"tags": {"a": 1}}):
                with pytest.raises(TypeError):
                    await a.query("load", **wrong)
            with pytest.raises(OverflowError):
                await a.query("load", relay_factor=256)
            with pytest.raises(chinwag.TooLarge):
                await a.query("load", bytes(2000))
            with pytest.raises(chinwag.Timeout):
                await a.respond(77)

    run(main())


def test_places_and_distances_are_known() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            place = await a.coordinate()
            assert len(place.vec) == 8 and place.error > 0

            async def distance() -> float:
                while True:
                    try:
                        return await a.rtt("a", "b")
                    except chinwag.UnknownMember:
                        await asyncio.sleep(0.01)

            assert 0 < await distance() < 30
            with pytest.raises(LookupError):
                await a.rtt("a", "nobody")

    run(main())


def test_a_failed_member_is_explained_and_can_be_sent_off() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            events = a.events()
            with pytest.raises(chinwag.BadArgument):
                await a.force_leave("b")
            assert (await a.explain("b")).state == "alive"
            await b.close()
            await wait_for(events, "member-failed", "b")
            told = await a.explain("b")
            assert told.state is chinwag.MemberState.FAILED
            assert told.since is not None and told.since >= 0 and told.fails_in is None
            first = told.observed[0]
            assert first.kind == "probe-failed" and "b" in first.text and first.ago > 0
            await a.force_leave("b")
            await wait_for(events, "member-leave", "b")
            assert await a.explain("nobody") == chinwag.Explanation(None, None, None, ())

    run(main())


def test_who_failed_can_be_made_to_leave() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            for name in ("c", "d"):
                gone = await chinwag.start(name, **serf(seeds=[a.addr]))
                await eventually(lambda: a.member(name) and b.member(name))
                watched = [a.events(), b.events()]
                await gone.close()
                for events in watched:
                    await wait_for(events, "member-failed", name)
                prune = name == "d"
                await a.force_leave(name, prune=prune)
                for events in watched:
                    await wait_for(events, "member-reap" if prune else "member-leave", name)
            assert a.member("d") is None
            left = a.member("c")
            assert left is not None and left.state == "left"

    run(main())


def test_without_serf_it_is_unsupported() -> None:
    async def main() -> None:
        async with chinwag.start(**quick()) as node:
            calls: list[Any] = [
                node.user_event("x"),
                node.query("x"),
                node.respond(1),
                node.force_leave("x"),
                node.coordinate(),
                node.rtt("x", "y"),
            ]
            for call in calls:
                with pytest.raises(chinwag.Unsupported):
                    await call
        for call in (node.user_event("x"), node.explain("x"), node.admit(1), node.add_key(NEW)):
            with pytest.raises(chinwag.Closed):
                await call

    run(main())


def test_keys_change_at_run_time() -> None:
    async def main() -> None:
        async with chinwag.start(**quick(keys=[OLD])) as node:
            await node.add_key(NEW)
            assert [(key.bits, key.primary) for key in node.keys()] == [(128, True), (256, False)]
            await node.use_key(node.keys()[1].fingerprint)
            await node.remove_key(OLD)
            (key,) = node.keys()
            assert (key.bits, key.primary, len(key.fingerprint)) == (256, True, 8)
            for call in (node.add_key, node.use_key, node.remove_key):
                with pytest.raises(chinwag.BadArgument) as failure:
                    await call("hunter2")
                assert "hunter2" not in str(failure.value)
        async with chinwag.start(**quick()) as plain:
            assert plain.keys() == []

    run(main())


def test_keys_of_a_cluster_change_with_a_result_for_each() -> None:
    async def main() -> None:
        async with pair(keys=[OLD]) as (a, b):
            steps: list[tuple[chinwag.KeyOp, str | None]] = [
                ("install", NEW), ("use", NEW), ("remove", OLD), ("list", None),
            ]
            for op, key in steps:
                outcomes = await a.cluster_keys(op, key)
                assert sorted(outcomes) == ["a", "b"]
                assert all(outcome.done for outcome in outcomes.values()), outcomes
            assert {(o.keys, o.primary) for o in outcomes.values()} == {((NEW,), NEW)}
            assert NEW not in repr(outcomes)
            with pytest.raises(chinwag.BadArgument):
                await a.cluster_keys("rotate", NEW)  # type: ignore[arg-type]
            with pytest.raises(chinwag.BadArgument):
                await a.cluster_keys("use")

    run(main())


def test_newcomers_wait_for_a_decision() -> None:
    async def main() -> None:
        async with chinwag.start("door", **quick(admission="ask")) as door:
            events = door.events()

            async def decide() -> None:
                async for event in events:
                    if not isinstance(event, chinwag.Admission):
                        continue
                    if event.member.name == "bad":
                        await door.refuse(event.id, "not today")
                    else:
                        await door.admit(event.id)
                    with pytest.raises(chinwag.BadArgument):
                        await door.admit(event.id)

            deciding = asyncio.create_task(decide())
            async with chinwag.start("good", **quick()) as good:
                assert await good.join(door.addr) == 1
                async with chinwag.start("bad", **quick()) as bad:
                    with pytest.raises(chinwag.ChinwagError, match="not today"):
                        await bad.join(door.addr)
                    assert [m.name for m in door.members()] == ["door", "good"]
            deciding.cancel()

    run(main())


def test_threads_have_the_same_calls() -> None:
    start = chinwag.blocking.start
    with start("a", **serf(keys=[OLD])) as a, start("b", **serf(keys=[OLD], seeds=[a.addr])) as b:
        eventually_blocking(lambda: len(a.members()) == 2)
        b.on_event(
            lambda event: b.respond(event.id, "0.7") if event.type == "query" else None
        )
        events = b.events()
        told = a.query("load", nodes=["b"], timeout=10)
        assert told.responses == (chinwag.Response("b", b"0.7"),)
        a.user_event("deploy")
        find(events, "user-event")
        assert a.coordinate().height > 0
        outcomes = a.cluster_keys("install", NEW)
        assert all(outcome.done for outcome in outcomes.values())
        a.use_key(NEW)
        assert [key.bits for key in a.keys()] == [256, 128]
        a.remove_key(OLD)
        a.add_key(OLD)
        assert a.explain("b").state == "alive"
        with pytest.raises(chinwag.BadArgument):
            a.force_leave("b")
        with pytest.raises(chinwag.BadArgument):
            a.admit(5)
        with pytest.raises(chinwag.BadArgument):
            a.refuse(5, "no")
        with pytest.raises(chinwag.UnknownMember):
            a.rtt("a", "nobody")
