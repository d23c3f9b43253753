"""A node in asyncio: start, what it knows, what it can be told, and close."""

from __future__ import annotations

import asyncio
import copy
import gc
import socket
from datetime import timedelta
from typing import Any

import chinwag
import pytest
from chinwag import MemberState, MemberUpdate
from support import eventually, own_address, quick, run, wait_for


def test_a_node_starts_and_closes() -> None:
    async def main() -> None:
        async with chinwag.start("web-1", **quick(tags={"role": "web"})) as node:
            assert node.name == "web-1"
            assert not node.closed
            local = node.local_member()
            assert (local.name, local.addr, local.tags) == ("web-1", node.addr, {"role": "web"})
            assert local.state == "alive" and local.state is MemberState.ALIVE
            assert node.members() == node.known_members() == [local]
            assert node.member("web-1") == local
            assert node.member("nobody") is None
        assert node.closed
        await node.close()

    run(main())


def test_start_can_be_awaited() -> None:
    async def main() -> None:
        node = await chinwag.start(**quick(name="web-1"))
        async with node:
            assert node.name == "web-1"
        assert node.closed

    run(main())


def test_a_start_that_is_not_awaited_is_noticed() -> None:
    with pytest.warns(RuntimeWarning, match="never awaited"):
        chinwag.start("web-1", **quick())
        gc.collect()


def test_the_name_can_be_given_once() -> None:
    with pytest.raises(TypeError, match="twice"):
        chinwag.start("a", name="b")


def test_nodes_meet_and_see_each_other() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(tags={"role": "db"})) as a:
            async with chinwag.start("b", **quick(seeds=[a.addr], tags={"role": "web"})) as b:
                assert [m.name for m in b.members()] == ["a", "b"]
                await eventually(lambda: len(a.members()) == 2)
                assert [m.name for m in a.members(tags={"role": "web"})] == ["b"]
                assert a.members(tags={"role": "web", "more": "no"}) == []
                assert b.stats()["push_pulls"] >= 1
            await eventually(lambda: len(a.members()) == 1)
            assert [m.state for m in a.known_members()] == ["alive", "left"]

    run(main())


def test_join_counts_those_that_answered() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a, chinwag.start("b", **quick()) as b:
            assert await b.join([a.addr, "127.0.0.1:1"]) == 1
            assert await b.join(a.addr) == 1
            assert len(b.members()) == 2

    run(main())


def test_a_join_that_reaches_nobody_lists_the_attempts() -> None:
    async def main() -> None:
        async with chinwag.start(**quick()) as node:
            with pytest.raises(ConnectionError) as failure:
                await node.join(["127.0.0.1:1", "127.0.0.1:2"])
            error = failure.value
            assert isinstance(error, chinwag.JoinFailed)
            assert error.code == "join_failed" and error.retryable
            assert sorted(seed for seed, _ in error.attempts) == ["127.0.0.1:1", "127.0.0.1:2"]
            assert all(attempt.cause for attempt in error.attempts)
            assert "127.0.0.1:2" in str(error)

    run(main())


def test_a_required_join_fails_the_start() -> None:
    async def main() -> None:
        with pytest.raises(chinwag.JoinFailed):
            await chinwag.start(**quick(seeds=["127.0.0.1:1"], require_join=True))
        async with chinwag.start(**quick(seeds=["127.0.0.1:1"])) as alone:
            assert len(alone.members()) == 1

    run(main())


def test_tags_merge_replace_and_give_way_to_meta() -> None:
    async def main() -> None:
        async with chinwag.start(**quick(tags={"role": "web", "canary": "1"})) as node:
            await node.update_tags(role="draining", canary=None)
            assert node.local_member().tags == {"role": "draining"}
            await node.update_tags({"a-b": "x"}, role="web")
            assert node.local_member().tags == {"a-b": "x", "role": "web"}
            await node.set_tags({"only": "this"})
            assert node.local_member().tags == {"only": "this"}
            await node.set_meta(b"\x00raw")
            assert (node.local_member().meta, node.local_member().tags) == (b"\x00raw", {})

    run(main())


def test_what_is_too_large_changes_nothing() -> None:
    async def main() -> None:
        async with chinwag.start(**quick(tags={"role": "web"})) as node:
            with pytest.raises(chinwag.TooLarge, match="512"):
                await node.update_tags(role="x" * 600)
            with pytest.raises(ValueError, match="513"):
                await node.set_meta(bytes(513))
            assert node.local_member().tags == {"role": "web"}

    run(main())


def test_after_a_leave_a_node_can_join_again() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a, chinwag.start("b", **quick()) as b:
            events = a.events()
            await b.join([a.addr])
            await wait_for(events, "member-join", "b")
            await b.leave(timeout=timedelta(seconds=5))
            await b.leave()
            await wait_for(events, "member-leave", "b")
            await b.join([a.addr])
            await wait_for(events, "member-join", "b")

    run(main())


def test_an_exception_in_the_body_still_says_goodbye() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            events = a.events()
            with pytest.raises(KeyError):
                async with chinwag.start("b", **quick(seeds=[a.addr])):
                    raise KeyError("mine")
            await wait_for(events, "member-leave", "b")

    run(main())


def test_a_cancelled_task_still_says_goodbye() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            events = a.events()
            started = asyncio.Event()

            async def work() -> None:
                async with chinwag.start("b", **quick(seeds=[a.addr])):
                    started.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await started.wait()
            task.cancel()
            await wait_for(events, "member-leave", "b")
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main())


def test_closed_inside_the_body_is_closed() -> None:
    async def main() -> None:
        async with chinwag.start(**quick()) as node:
            await node.close()

    run(main())


def test_calls_on_a_closed_node_are_refused() -> None:
    async def main() -> None:
        node = await chinwag.start(**quick())
        await node.close()
        calls: list[Any] = [
            node.join(["127.0.0.1:1"]),
            node.update_tags(a="b"),
            node.set_tags({}),
            node.set_meta(b""),
            node.leave(),
        ]
        for call in calls:
            with pytest.raises(chinwag.Closed):
                await call
        assert [event async for event in node.events()] == []

    run(main())


def silent_server() -> socket.socket:
    """A peer that takes connections and never says anything."""
    server = socket.create_server(("127.0.0.1", 0))
    return server


def address(server: Any) -> str:
    host, port = server.getsockname()
    return f"{host}:{port}"


def test_what_a_close_cuts_short_is_told() -> None:
    async def main() -> None:
        with silent_server() as server:
            node = await chinwag.start(**quick(tcp_timeout=60))
            joining = asyncio.create_task(node.join([address(server)]))
            await asyncio.sleep(0)
            await node.close()
            with pytest.raises(chinwag.Closed):
                await joining

    run(main())


def test_a_cancelled_join_closes_its_connection() -> None:
    async def main() -> None:
        closed = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            closed.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server, chinwag.start(**quick(tcp_timeout=60)) as node:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(node.join([address(server.sockets[0])]), 0.2)
            await asyncio.wait_for(closed.wait(), 10)
            # The node and its loop go on.
            await node.set_tags({"still": "here"})

    run(main())


def test_a_cancelled_start_frees_its_port() -> None:
    async def main() -> None:
        with silent_server() as server:
            bind = own_address()
            options = quick(bind=bind, seeds=[address(server)], tcp_timeout=60)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(chinwag.start(**options), 0.2)

            async def free() -> bool:
                try:
                    await (await chinwag.start(**quick(bind=bind))).close()
                except chinwag.BindFailed:
                    return False
                return True

            while not await free():
                await asyncio.sleep(0.01)

    run(main())


def test_a_taken_port_is_named() -> None:
    async def main() -> None:
        async with chinwag.start(**quick()) as node:
            with pytest.raises(OSError, match=node.addr) as failure:
                await chinwag.start(**quick(bind=node.addr))
            assert isinstance(failure.value, chinwag.BindFailed)

    run(main())


def test_a_timeout_must_be_a_span() -> None:
    async def main() -> None:
        async with chinwag.start(**quick()) as node:
            for wrong in (-1, float("nan"), float("inf"), "5", None):
                with pytest.raises(chinwag.BadArgument, match="timeout"):
                    await node.leave(timeout=wrong)  # type: ignore[arg-type]

    run(main())


def test_a_node_shows_itself() -> None:
    async def main() -> None:
        async with chinwag.start("web-1", **quick(cluster="prod", tags={"a": "<b>"})) as node:
            text = f"web-1 {node.addr} alive=1 failed=0 cluster=prod"
            assert repr(node) == f"<chinwag.Node {text}>"
            table = node._repr_html_()
            assert "<td>web-1</td>" in table and "a=&lt;b&gt;" in table
        assert repr(node) == "<chinwag.Node web-1 closed>"

    run(main())


def test_a_member_is_a_value() -> None:
    async def main() -> None:
        async with chinwag.start("web-1", **quick(tags={"role": "web"})) as node:
            member, again = node.local_member(), node.local_member()
            assert member == again and hash(member) == hash(again) and {member} == {again}
            assert member != "web-1"
            await node.update_tags(role="db")
            changed = node.local_member()
            assert member != changed and changed.incarnation > member.incarnation
            assert member.tags == {"role": "web"}
            assert copy.copy(member) is copy.deepcopy(member) is member
            assert member.to_dict() == {
                "name": "web-1", "addr": node.addr, "state": "alive", "tags": {"role": "web"},
            }
            assert repr(member) == f"<chinwag.Member web-1 {node.addr} alive role=web>"
            assert len(member.versions) == 6
            with pytest.raises(AttributeError):
                member.name = "other"  # type: ignore[misc]

    run(main())


def test_another_loop_can_use_the_node() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a, chinwag.start("b", **quick()) as b:

            async def elsewhere() -> str:
                events = a.events(replay=True)
                await b.join([a.addr])
                await a.update_tags(from_="afar")
                joined = await wait_for(events, "member-join", "b")
                await b.update_tags(new="1")
                changed = await wait_for(events, "member-update", "b")
                assert isinstance(changed, MemberUpdate)
                return joined.type

            assert await asyncio.to_thread(asyncio.run, elsewhere()) == "member-join"
            assert a.local_member().tags == {"from_": "afar"}
            await a.update_tags(from_=None)

    run(main())
