"""Keys: who understands whom, what changes them, and that nothing shows them."""

from __future__ import annotations

import base64
import pprint
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import chinwag
import pytest
from chinwag import KeyOutcome
from support import eventually, quick, run, wait_for

OLD, NEW = (base64.b64encode(bytes([n]) * (16 + 8 * n)).decode() for n in range(2))
PASSPHRASE = "correct horse battery staple"


@asynccontextmanager
async def pair(**more: Any) -> AsyncIterator[tuple[chinwag.Node, chinwag.Node]]:
    """Two nodes that see each other, with these options."""
    async with chinwag.start("a", **quick(**more)) as a:
        async with chinwag.start("b", **quick(seeds=[a.addr], require_join=True, **more)) as b:
            await eventually(lambda: len(a.members()) == 2)
            yield a, b


def fingerprints(node: chinwag.Node) -> list[str]:
    return [key.fingerprint for key in node.keys()]


def test_nodes_with_one_key_meet() -> None:
    async def main() -> None:
        async with pair(keys=[OLD, NEW]) as (a, b):
            assert a.keys() == b.keys()
            first, second = a.keys()
            assert (first.bits, first.primary) == (128, True)
            assert (second.bits, second.primary) == (192, False)
            assert len(first.fingerprint) == 8 and first.fingerprint != second.fingerprint
            events = b.events()
            await a.broadcast("in secret")
            assert await wait_for(events, "broadcast")
        async with chinwag.start("a", **quick()) as plain:
            assert plain.keys() == []

    run(main())


def test_a_file_or_a_passphrase_will_do(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# one a line\n{NEW}\n{OLD}\n")

    async def main() -> None:
        async with pair(key_file=str(file)) as (a, _):
            assert [key.bits for key in a.keys()] == [192, 128]
        async with pair(cookie=PASSPHRASE, cluster="blue") as (a, b):
            assert len(a.keys()) == 1 and a.keys() == b.keys()

    run(main())


def test_another_key_is_refused_on_both_sides() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(keys=[OLD])) as a:
            events = a.events()
            with pytest.raises(PermissionError) as failure:
                await chinwag.start("b", **quick(keys=[NEW], seeds=[a.addr], require_join=True))
            assert isinstance(failure.value, chinwag.KeyMismatch)
            assert (failure.value.code, failure.value.retryable) == ("key_mismatch", False)
            warning = await wait_for(events, "warning")
            assert isinstance(warning, chinwag.Warning) and warning.code == "key-mismatch"
            async with chinwag.start("c", **quick()) as c:
                with pytest.raises(chinwag.KeyMismatch):
                    await c.join(a.addr)
            assert len(a.members()) == 1
            for text in (str(failure.value), repr(failure.value), warning.text, repr(warning)):
                assert OLD not in text and NEW not in text

    run(main())


def test_the_keys_of_a_node_can_be_changed() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(keys=[OLD])) as a:
            [old] = fingerprints(a)
            await a.add_key(NEW)
            [_, new] = fingerprints(a)
            await a.use_key(new)
            assert fingerprints(a) == [new, old] and a.keys()[0].primary
            async with chinwag.start("b", **quick(keys=[NEW], seeds=[a.addr])) as b:
                assert len(b.members()) == 2
            await a.use_key(OLD)
            await a.use_key(NEW)
            await a.remove_key(OLD)
            assert fingerprints(a) == [new]

    run(main())


def test_what_is_no_key_is_refused_and_not_shown() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(keys=[OLD], delegate_versions="2,5,5")) as a:
            before = a.keys()
            wrong = ["hunter2", "aHVudGVyMg==", "hunter2\udc80", "", OLD + "hunter2"]
            for key in wrong:
                calls: list[Any] = [a.add_key(key), a.cluster_keys("install", key)]
                for call in (*calls, a.use_key(key), a.remove_key(key)):
                    with pytest.raises(chinwag.BadArgument) as failure:
                        await call
                    assert "hunter2" not in repr(failure.value) + str(failure.value)
                    assert "hunter2" not in repr(failure.value.__context__)
            for call in (a.use_key(NEW), a.remove_key(NEW), a.remove_key(OLD)):
                with pytest.raises(chinwag.BadArgument):
                    await call
            for odd in (None, 5, b"hunter2"):
                untyped: Any = odd
                for call in (a.add_key(untyped), a.use_key(untyped), a.remove_key(untyped)):
                    with pytest.raises(TypeError) as refusal:
                        await call
                    assert "hunter2" not in str(refusal.value)
            assert a.keys() == before
        async with chinwag.start("b", **quick()) as plain:
            with pytest.raises(chinwag.BadArgument, match="without keys"):
                await plain.add_key(NEW)

    run(main())


def test_an_outcome_shows_no_keys_whichever_way_it_is_printed() -> None:
    async def main() -> None:
        async with pair(keys=[OLD], delegate_versions="2,5,5", gossip_interval=0.5) as (a, b):
            outcomes = await a.cluster_keys("list")
            assert outcomes == {name: KeyOutcome(True, "", (OLD,), OLD) for name in ("a", "b")}
            for text in (repr(outcomes), pprint.pformat(outcomes), f"{outcomes['b']}"):
                assert OLD not in text and "done=True" in text
            # The reason is told; the keys stay.
            refused = await a.cluster_keys("remove", OLD)
            assert refused.keys() == {"a", "b"}
            assert all(not outcome.done and outcome.message for outcome in refused.values())
            assert [len(node.keys()) for node in (a, b)] == [1, 1]

    run(main())


def test_a_change_of_the_cluster_names_what_is_wrong() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick(delegate_versions="2,5,5")) as a:
            outcomes = await a.cluster_keys("list")
            assert not outcomes["a"].done and "not enabled" in outcomes["a"].message
            assert (outcomes["a"].keys, outcomes["a"].primary) == ((), "")
            wrong: list[tuple[Any, Any, str]] = [
                ("rotate", OLD, "install, use, remove or list"),
                ("install", None, "no key"),
                ("list", OLD, "takes no key"),
            ]
            for op, key, message in wrong:
                with pytest.raises(chinwag.BadArgument, match=message) as failure:
                    await a.cluster_keys(op, key)
                assert OLD not in str(failure.value)
            for op, key in ((5, OLD), ("install", 5)):
                with pytest.raises(TypeError):
                    await a.cluster_keys(op, key)  # type: ignore[arg-type]
        async with chinwag.start("b", **quick(keys=[OLD])) as plain:
            with pytest.raises(chinwag.Unsupported, match="delegate_versions"):
                await plain.cluster_keys("list")

    run(main())
