"""Types: the stubs fit the module, everything passes `mypy --strict`, and mistakes do not."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import chinwag
import pytest
from support import ROOT

GOOD = """
import chinwag
from chinwag import Event
from typing_extensions import assert_never

def show(event: Event) -> str:
    match event:
        case chinwag.MemberUpdate(member=m, previous=old) | chinwag.MemberMove(m, old):
            return f"{old.tags} {m.tags}"
        case chinwag.EventsLost(count=n, members=now):
            return f"{n} {len(now)}"
        case chinwag.ReplayDone():
            return ""
        case (
            chinwag.MemberJoin(m) | chinwag.MemberLeave(m) | chinwag.MemberFailed(m)
            | chinwag.MemberSuspect(m) | chinwag.MemberRecover(m) | chinwag.MemberReap(m)
        ):
            return m.name
        case chinwag.MemberConflict(member=m, addr=addr):
            return f"{m.name} {addr}"
        case chinwag.Message(sender=s, payload=p) | chinwag.Broadcast(sender=s, payload=p):
            return f"{s} {len(p)}"
        case chinwag.Admission(id=n, member=m):
            return f"{n} {m.name}"
        case chinwag.RemoteState(sender=s, join=join, payload=p):
            return f"{s} {join} {len(p)}"
        case chinwag.UserEvent(name=name, ltime=time, payload=p, coalesce=c):
            return f"{name} {time} {len(p)} {c}"
        case chinwag.Query(id=i, sender=s, name=name, payload=p, timeout=t):
            return f"{i} {s} {name} {len(p)} {t}"
        case chinwag.RingChanged(version=n, change=change):
            return f"{n} {change.after.version} {change.lost(['k'])[0].upper()}"
        case chinwag.HandoffPrepare(id=i, peer=s, slots=slots, epoch=n, timeout=t):
            return f"{i} {s} {sum(slots)} {n} {t}"
        case chinwag.HandoffAcquired(peer=s, slots=slots, epoch=n, clean=c):
            return f"{s} {sum(slots)} {n} {c}"
        case chinwag.Warning(code=code, subject=subject, text=text):
            return f"{code} {subject} {text}"
        case _:
            assert_never(event)

async def messages(node: chinwag.Node, names: list[str]) -> None:
    await node.put("k", "v", ttl=5)
    carts = node.map("carts")
    found = carts.read("k")
    await carts.put("k", b"v" if found is None else found.value + b"v", after=found)
    print(await carts.resolve("k", lambda values: values[0].value), carts.get("k"))
    async for moved in carts.watch("k"):
        match moved:
            case chinwag.MapPut(entry=chinwag.MapEntry(key=key)) | chinwag.MapDeleted(key=key):
                names.append(key)
            case chinwag.MapLost(entries=entries):
                names += [value.writer for entry in entries for value in entry.values]
            case chinwag.KeysReplayed():
                pass
            case _:
                assert_never(moved)
    async with node.stream("files", "read", "a.txt", timeout=1) as stream:
        await stream.send({"a": 1})
        async for item in stream:
            names.append(item["name"])
        stream.finish()
        print(await stream.answer(), chinwag.blocking.start().stream("x", "y").answer())
    down: chinwag.Down = await node.monitor("counter@b")
    if down.reason == "node_failed" and down.member is not None:
        names.append(down.member.upper())
    values: list[bytes] = [entry.value for entry in node.entries("k")]
    async for seen in node.watch("k", replay=True):
        match seen:
            case chinwag.KeyPut(member=s, key=key, value=value):
                values.append(value + (node.get(s, key) or b""))
            case chinwag.KeyDeleted(member=s) | chinwag.KeysLost(entries=[chinwag.Entry(s)]):
                names.append(s)
            case chinwag.KeysReplayed() | chinwag.KeysLost():
                pass
            case _:
                assert_never(seen)
    async with node.subscribe("t", buffer=9) as subscriber:
        async for told in subscriber:
            count: int = await node.publish("t", {"a": [1]}, headers=told.headers)
            print(count + subscriber.missed)

async def main() -> None:
    async with chinwag.start("a", bind="127.0.0.1:0", probe_interval=0.5) as node:
        async for event in node.events(replay=True):
            print(show(event))
    node = await chinwag.start(seeds=["a"], tags={"role": "web"})
    count: int = await node.join(["b"])
    await node.send("b", bytearray(2), reliable=False)
    await node.broadcast("text", name="load", supersede=True)
    answers = await node.query("load", tags={"role": "web"}, timeout=2)
    names: list[str] = [answer.sender for answer in answers.responses]
    done: list[bool] = [o.done for o in (await node.cluster_keys("list")).values()]
    span: float = await node.ping("b") + (await node.round_trip("b")).payload.count(b"x")
    await node.update_tags({"a-b": "c"}, role="x", canary=None)
    with chinwag.blocking.start("b", profile="wan") as other:
        other.on_event(print)
        names.append(other.monitor("counter").wait(timeout=1).text)
        for told in other.subscribe("t", queue="q"):
            print(told.payload["id"], other.subscribe("t").next(timeout=1).sender.upper())
    await messages(node, names)
    ring = chinwag.Ring(["a", chinwag.RingNode("b", 2), {"name": "c"}], profile="pure", slots=271)
    drained = ring.replace(excluded=["a"], pins={"k": "b", b"l": "c"})
    owners: list[str] = drained.owners(b"k", 2)
    slots: list[int] = [drained.slots or 0, drained.slot("k") or 0, drained.fingerprint]
    lost: list[bytes] = chinwag.RingChange(ring, drained).lost({b"k": 1}, "a")
    room = drained.owner_with_room("k", lambda name: name != "b")
    print(room.upper() if room else owners, slots, lost)
    clock = chinwag.VectorClock({"a": 1}).increment("b", now_us=5).merge(chinwag.VectorClock())
    counts: dict[str, int] = dict(clock)
    known: bool = clock < clock.remove("a") or clock.compare(clock) == "before"
    cart = chinwag.Siblings[str]().put("a", clock, "tea").resolve("a", max)
    words: list[str] = chinwag.Siblings.from_bytes(cart.to_bytes(str.encode), bytes.decode).values()
    raw: list[bytes] = list(chinwag.Siblings.from_bytes(bytes(cart)))
    folded: chinwag.Folded = chinwag.Retired([("a", 1)]).fold(clock)
    stamp: chinwag.HybridTime = chinwag.HybridClock().tick(5)
    print(counts.get("a", 0) + clock.get("b", 0), known, words, raw, folded.epoch, stamp.ms)
    await node.set_ring_overrides(excluded={"a"}, pins={"k": "b"})
    past: list[chinwag.Ring] = [node.ring, *node.past_rings()]
    named: list[str] = [member.name for member in node.owners("k", len(past))]
    async for change in node.ring_changes():
        named += change.gained(named) if node.owns("k") else change.lost(iter(named), "b")
    for change in chinwag.blocking.start("a", ring_slots=271).ring_changes():
        await node.released(change.after.version)
"""

CACHE = ROOT.parent / "target" / "mypy"

MISTAKES = {
    'chinwag.start("a", probe_intervall=1)': "probe_intervall",
    'chinwag.start("a", profile="quick")': "profile",
    'chinwag.blocking.start("a").update_tags(port=80)': "str",
    'chinwag.blocking.start("a").send("b", 1)': "int",
    'chinwag.blocking.start("a").query("b", acks=True)': "acks",
    'chinwag.blocking.start("a").cluster_keys("rotate", "")': "rotate",
    'chinwag.blocking.start("a").send("b", b"", False)': "positional",
    "chinwag.MemberJoin(member=1, seq=2)": "Member",
    'chinwag.blocking.start("a").monitor("x").wait().reason == "gone"': "gone",
    'chinwag.blocking.start("a").stream("x", "y").send({1})': "set",
    'chinwag.blocking.start("a").map("x").put("k", 1)': "int",
    'chinwag.blocking.start("a").publish("t", {1: 2})': "dict",
    'next(chinwag.blocking.start("a").subscribe("t")).sender = "x"': "read-only",
    'chinwag.blocking.start("a").events().member': "member",
    'chinwag.Ring(["a"], profile="quick")': "profile",
    'chinwag.Ring(["a"]).replace(wieght=1)': "wieght",
    'chinwag.Ring(["a"]).owner(1)': "int",
    'chinwag.Ring(["a"]).owner("k").upper()': "None",
    'chinwag.VectorClock({"a": "b"})': "str",
    'chinwag.VectorClock() < "a"': "str",
    "chinwag.VectorClock().compare(chinwag.VectorClock()).OLDER": "OLDER",
    "chinwag.VectorClock().compare(chinwag.Siblings())": "Siblings",
    'chinwag.Siblings[str]().put("a", None, 1)': "int",
    "chinwag.HybridClock().tick()": "now_us",
    'chinwag.blocking.start("a").owner("k").name': "None",
    'chinwag.blocking.start("a").set_ring_overrides(pin={})': "pin",
    'chinwag.blocking.start("a", ring_profile="quick")': "ring_profile",
}


def mypy(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(map(str, (ROOT / "python", ROOT / "tests")))
    environment = {**os.environ, "MYPYPATH": paths, "MYPY_CACHE_DIR": str(CACHE)}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        text=True,
        capture_output=True,
    )


@pytest.mark.timeout(300)
def test_everything_is_strictly_typed() -> None:
    outcome = mypy("mypy", "--strict")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.timeout(300)
def test_the_agent_is_strictly_typed() -> None:
    outcome = mypy("mypy", "--strict", "../tests/agents/python/agent.py")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.timeout(300)
def test_the_stubs_fit_the_native_module() -> None:
    outcome = mypy("mypy.stubtest", "chinwag._chinwag", "--mypy-config-file", "pyproject.toml")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.timeout(300)
def test_good_programs_pass_and_mistakes_do_not(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(GOOD)
    good = mypy("mypy", "--strict", program)
    assert good.returncode == 0, good.stdout + good.stderr
    for number, (line, word) in enumerate(MISTAKES.items()):
        # Each of another length: a file of the same length and second counts as unchanged.
        program.write_text(f"import chinwag\n{line:100}#" + "#" * number)
        bad = mypy("mypy", "--strict", program)
        assert bad.returncode == 1 and word in bad.stdout, line


def test_the_package_is_whole() -> None:
    assert (files("chinwag") / "py.typed").is_file()
    assert all(hasattr(chinwag, name) for name in chinwag.__all__)
    assert chinwag.__all__ == sorted(chinwag.__all__, key=lambda n: (n[0].islower(), n))


def test_there_is_one_version() -> None:
    manifest = (ROOT.parent / "Cargo.toml").read_text()
    assert f'\nversion = "{chinwag.__version__}"\n' in manifest
    assert f'\nversion = "{chinwag.__version__}"\n' in (ROOT / "pyproject.toml").read_text()
