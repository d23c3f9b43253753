"""What users say: messages, broadcasts, a state, and what answers to pings carry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import chinwag
import pytest
from chinwag import _chinwag
from support import eventually, eventually_blocking, find, quick, run, wait_for

#: Bytes that are no text.
ODD = b"\xff\x00\xc3\x28\x00"
LARGE = bytes(range(256)) * 4096


@asynccontextmanager
async def pair(**more: Any) -> AsyncIterator[tuple[chinwag.Node, chinwag.Node]]:
    """Two nodes that see each other."""
    async with chinwag.start("a", **quick(**more)) as a:
        async with chinwag.start("b", **quick(seeds=[a.addr], **more)) as b:
            await eventually(lambda: len(a.members()) == 2)
            yield a, b


async def message(events: chinwag.Events) -> chinwag.Message:
    event = await wait_for(events, "message")
    assert isinstance(event, chinwag.Message)
    return event


def test_no_kind_of_answer_is_lost() -> None:
    specimen = _chinwag._specimen()
    error = specimen.pop("error")
    assert isinstance(error, chinwag.NoServer) and str(error) == "nobody"
    assert specimen == {
        "none": None,
        "flag": True,
        "count": 1 << 40,
        "number": -1.5,
        "round_trip": 0.0015,
        "text": "wörd\0",
        "bytes": b"\x00\xff",
        "payload": 200,
        "list": [1, "", None],
        "map": {"b": 2, "__proto__": {"flag": True}},
    }
    assert _chinwag._specimen()["flag"] is True


def test_messages_reach_the_member_as_they_were_sent() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            events = b.events()
            for reliable in (True, False):
                await a.send("b", ODD, reliable=reliable)
                got = await message(events)
                assert (got.payload, got.reliable, got.type) == (ODD, reliable, "message")
                assert type(got.payload) is bytes
            assert (got.sender, got.addr) == ("a", a.addr)
            await a.send("b", LARGE)
            assert (await message(events)).payload == LARGE
            await a.send("b", b"")
            assert (await message(events)).payload == b""
        # A value of its own, whatever becomes of the node.
        assert got.payload == ODD

    run(main())


def test_a_payload_is_whatever_holds_bytes_or_text() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            events = b.events()
            given: list[chinwag.Payload] = [bytearray(ODD), memoryview(ODD)[1:], "wörd"]
            for payload in given:
                await a.send("b", payload)
                wanted = payload.encode() if isinstance(payload, str) else bytes(payload)
                assert (await message(events)).payload == wanted
            for wrong in (5, None, [1, 2], {"a": 1}):
                with pytest.raises(TypeError):
                    await a.send("b", wrong)  # type: ignore[arg-type]
                with pytest.raises(TypeError):
                    await a.broadcast(wrong)  # type: ignore[arg-type]
            with pytest.raises(TypeError):
                await a.send(None, b"")  # type: ignore[arg-type]
            with pytest.raises(UnicodeEncodeError):
                await a.send("b", "\ud800")

    run(main())


def test_what_cannot_be_sent_is_refused() -> None:
    async def main() -> None:
        async with pair(probe_interval=60) as (a, b):
            with pytest.raises(LookupError, match="nobody") as unknown:
                await a.send("nobody", b"x")
            assert isinstance(unknown.value, chinwag.UnknownMember) and unknown.value.retryable
            with pytest.raises(chinwag.TooLarge, match="reliably"):
                await a.send("b", LARGE, reliable=False)
            with pytest.raises(chinwag.TooLarge):
                await a.broadcast(bytes(2000))
            with pytest.raises(chinwag.TooLarge):
                await a.set_ping_payload(bytes(513))
            with pytest.raises(chinwag.BadArgument):
                await a.broadcast(b"", supersede=True)
            with pytest.raises(chinwag.BadArgument):
                await a.broadcast(b"", name="")
            with pytest.raises(chinwag.UnknownMember):
                await a.ping("nobody")
            with pytest.raises(chinwag.UnknownMember):
                await a.round_trip("nobody")
            await b.close()
            with pytest.raises(ConnectionError) as down:
                await a.send("b", b"x")
            assert isinstance(down.value, chinwag.NodeDown)
            with pytest.raises(TimeoutError):
                await a.ping("b")
            calls: list[Any] = [
                b.send("a", b""),
                b.broadcast(b""),
                b.set_state(b""),
                b.set_ping_payload(b""),
                b.ping("a"),
                b.round_trip("a"),
            ]
            for call in calls:
                with pytest.raises(chinwag.Closed):
                    await call

    run(main())


def test_a_broadcast_says_who_and_about_what() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            events = b.events()
            own = a.events()
            await a.broadcast(ODD)
            got = await wait_for(events, "broadcast")
            assert got == chinwag.Broadcast(sender="a", name="", payload=ODD, seq=got.seq)
            await a.broadcast("3", name="load", supersede=True)
            got = await wait_for(events, "broadcast")
            assert isinstance(got, chinwag.Broadcast)
            assert (got.name, got.payload) == ("load", b"3")
            await a.broadcast("4", name="load")
            got = await wait_for(events, "broadcast")
            assert isinstance(got, chinwag.Broadcast) and got.payload == b"4"
            # Who sent them is told none of them: this comes first.
            await b.broadcast("mine")
            got = await wait_for(own, "broadcast")
            assert isinstance(got, chinwag.Broadcast) and got.sender == "b"

    run(main())


def test_a_state_is_handed_on() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            events = a.events()
            await b.set_state(ODD)
            await b.join(a.addr)
            got = await wait_for(events, "remote-state")
            assert isinstance(got, chinwag.RemoteState)
            # Both are at this address, so that it tells nothing about who it was.
            assert (got.sender, got.join, got.payload) == ("", True, ODD)

    run(main())


def test_answers_are_measured_and_carry_what_the_member_adds() -> None:
    async def main() -> None:
        async with pair(probe_interval=60) as (a, b):
            assert await a.round_trip("b") == chinwag.RoundTrip(smoothed=None, payload=b"")
            await b.set_ping_payload(ODD)
            seconds = await a.ping("b")
            assert type(seconds) is float and 0 < seconds < 30
            told = await a.round_trip("b")
            assert told.smoothed is not None and 0 < told.smoothed < 30
            assert told.payload == ODD
            assert repr(told).startswith("RoundTrip(smoothed=")

    run(main())


def test_a_cancelled_message_still_arrives_and_leaves_nothing_behind() -> None:
    async def main() -> None:
        async with pair() as (a, b):
            events = b.events()
            for work in (a.send("b", "given up"), a.ping("b")):
                task = asyncio.create_task(work)
                await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert (await message(events)).payload == b"given up"
            await eventually(lambda: not a._pump()._pending)
            assert await a.ping("b") > 0

    run(main())


def test_threads_have_the_same_calls() -> None:
    start = chinwag.blocking.start
    with start("a", **quick()) as a, start("b", **quick(seeds=[a.addr])) as b:
        eventually_blocking(lambda: len(a.members()) == 2)
        events, states = b.events(), a.events()
        a.send("b", "hello")
        a.send("b", ODD, reliable=False)
        got = find(events, "message"), find(events, "message")
        assert {event.payload for event in got if isinstance(event, chinwag.Message)} == {
            b"hello", ODD,
        }
        a.broadcast("3", name="load", supersede=True)
        told = find(events, "broadcast")
        assert isinstance(told, chinwag.Broadcast) and told.name == "load"
        b.set_state("mine")
        b.join(a.addr)
        state = find(states, "remote-state")
        assert isinstance(state, chinwag.RemoteState) and state.payload == b"mine"
        b.set_ping_payload("load=3")
        assert a.ping("b") > 0
        smoothed, payload = a.round_trip("b")
        assert smoothed is not None and payload == b"load=3"
        with pytest.raises(chinwag.UnknownMember):
            a.send("nobody", b"")
