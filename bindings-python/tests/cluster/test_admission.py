"""Who is let in, and who comes back: newcomers on approval, and a restart from the snapshot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import chinwag
import pytest
from support import LIMIT, eventually, quick, run, wait_for


async def asked(events: chinwag.Events) -> chinwag.Admission:
    event = await wait_for(events, "admission")
    assert isinstance(event, chinwag.Admission)
    return event


async def knock(gate: chinwag.Node, name: str) -> chinwag.Node:
    """Starts a node that wants in."""
    options = quick(seeds=[gate.addr], require_join=True, tcp_timeout=LIMIT, tags={"role": name})
    return await chinwag.start(name, **options)


def test_a_newcomer_is_let_in_or_kept_out() -> None:
    async def main() -> None:
        async with chinwag.start("gate", **quick(admission="ask", tcp_timeout=LIMIT)) as gate:
            events = gate.events()
            guest = asyncio.create_task(knock(gate, "guest"))
            question = await asked(events)
            assert (question.member.name, question.member.tags) == ("guest", {"role": "guest"})
            assert gate.member("guest") is None and not guest.done()
            await gate.admit(question.id)
            async with await guest as member:
                await wait_for(events, "member-join", "guest")
                assert [m.name for m in member.members()] == ["gate", "guest"]

                stranger = asyncio.create_task(knock(gate, "stranger"))
                question = await asked(events)
                await gate.refuse(question.id, "no room at the inn")
                with pytest.raises(PermissionError, match="no room at the inn") as failure:
                    await stranger
                assert isinstance(failure.value, chinwag.NotAdmitted)
                assert (failure.value.code, failure.value.retryable) == ("not_admitted", False)
                assert gate.member("stranger") is None

    run(main())


def test_a_decision_is_made_once() -> None:
    async def main() -> None:
        async with chinwag.start("gate", **quick(admission="ask", tcp_timeout=LIMIT)) as gate:
            events = gate.events()
            guest = asyncio.create_task(knock(gate, "guest"))
            question = await asked(events)
            await gate.refuse(question.id, "")
            with pytest.raises(chinwag.NotAdmitted):
                await guest
            for wrong in (question.id, 0, 2**64 - 1):
                with pytest.raises(chinwag.BadArgument):
                    await gate.admit(wrong)
                with pytest.raises(chinwag.BadArgument):
                    await gate.refuse(wrong, "")
            for odd in (None, "1", 1.5):
                with pytest.raises(TypeError):
                    await gate.admit(odd)  # type: ignore[arg-type]
            for huge in (-1, 2**64):
                with pytest.raises(OverflowError):
                    await gate.admit(huge)
            with pytest.raises(TypeError):
                await gate.refuse(1, None)  # type: ignore[arg-type]

    run(main())


def test_what_nobody_decides_is_refused() -> None:
    async def main() -> None:
        async with chinwag.start("gate", **quick(admission="ask")) as gate:
            with pytest.raises(chinwag.NotAdmitted, match="nobody decided"):
                await chinwag.start(
                    "guest", **quick(seeds=[gate.addr], require_join=True, tcp_timeout=LIMIT)
                )

    run(main())


def test_threads_decide_in_a_callback() -> None:
    start = chinwag.blocking.start
    with start("gate", **quick(admission="ask", tcp_timeout=LIMIT)) as gate:

        def policy(event: chinwag.Event) -> None:
            if isinstance(event, chinwag.Admission):
                if event.member.tags.get("role") == "web":
                    gate.admit(event.id)
                else:
                    gate.refuse(event.id, "web servers only")

        gate.on_event(policy)
        more: dict[str, Any] = {"seeds": [gate.addr], "require_join": True, "tcp_timeout": LIMIT}
        with start("web", **quick(tags={"role": "web"}, **more)) as web:
            assert len(web.members()) == 2
        with pytest.raises(chinwag.NotAdmitted, match="web servers only"):
            start("db", **quick(tags={"role": "db"}, **more))


def test_a_node_that_crashed_finds_its_cluster_again(tmp_path: Path) -> None:
    file = tmp_path / "snapshot"

    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            b = await chinwag.start("b", **quick(seeds=[a.addr], snapshot=str(file)))
            await eventually(lambda: file.exists() and a.addr in file.read_text())
            await b.close()
            async with chinwag.start("b", **quick(snapshot=str(file))) as b:
                await eventually(lambda: len(b.members()) == 2)
            # It has said goodbye, and stays alone unless it is told otherwise.
            again = quick(snapshot=str(file), rejoin_after_leave=True)
            async with chinwag.start("b", **again) as b:
                await eventually(lambda: len(b.members()) == 2)
            async with chinwag.start("b", **quick(snapshot=str(file))) as b:
                assert [member.name for member in b.members()] == ["b"]

    run(main())
