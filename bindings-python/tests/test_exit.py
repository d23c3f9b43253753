"""The ways in which a process can end, in both faces: what its peers see, and how it ends.

No hang, no crash, and nothing on stderr that the program itself did not put there.
"""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support import LIMIT, Child, child, find, witness

HERE = Path(__file__).parent

ASYNCIO = f"""
import asyncio, gc, os, signal, sys, threading
sys.path.insert(0, {str(HERE)!r})
import chinwag
from support import quick

SEED, SILENT = sys.argv[1:3]
node = None

async def body(node):
@BODY@

async def main():
    global node
    options = quick(seeds=[SEED]@OPTIONS@)
@START@

asyncio.run(main())
@END@
"""

BLOCKING = f"""
import gc, os, signal, sys, threading
sys.path.insert(0, {str(HERE)!r})
from chinwag import blocking
from support import quick

SEED, SILENT = sys.argv[1:3]
node = None

def body(node):
@BODY@

options = quick(seeds=[SEED]@OPTIONS@)
@START@
@END@
"""

WITH = {
    "asyncio": "async with chinwag.start('b', **options) as node:\n    await body(node)",
    "blocking": "with blocking.start('b', **options) as node:\n    body(node)",
}
BARE = {
    "asyncio": "node = await chinwag.start('b', **options)\nawait body(node)",
    "blocking": "node = blocking.start('b', **options)\nbody(node)",
}
IDLE = {
    "asyncio": "print('up', flush=True)\nasync for _ in node.events(): pass",
    "blocking": "print('up', flush=True)\nfor _ in node.events(): pass",
}


class Situation(NamedTuple):
    """A program, what happens to it, and what is to come of it."""

    start: dict[str, str]
    body: dict[str, str] | str
    status: int
    seen: str
    send: signal.Signals | None = None
    options: str = ""
    error: str = ""
    end: str = ""


TERM, INT, KILL = signal.SIGTERM, signal.SIGINT, signal.SIGKILL
SIGNALS = ", handle_signals=True"

READER = {
    "asyncio": """
node.readers = [asyncio.create_task(anext(node.events())) for _ in range(3)]
await node.update_tags(a="b")
""",
    "blocking": """
def read():
    for _ in node.events(replay=True): pass
for _ in range(3):
    threading.Thread(target=read, daemon=True).start()
node.on_event(lambda event: None, replay=True)
node.update_tags(a="b")
""",
}
PENDING = {
    "asyncio": """
node.joining = asyncio.create_task(node.join([SILENT]))
await asyncio.sleep(0.05)
""",
    "blocking": """
def join():
    try: node.join([SILENT])
    except Exception: pass
threading.Thread(target=join, daemon=True).start()
threading.Event().wait(0.05)
""",
}
SERVER = {
    "asyncio": """
async def hold(): await asyncio.Event().wait()
await node.serve("hold", {"call": {"hold": hold}, "cast": {"hold": hold}})
await node.serve("quick", lambda op, payload: payload)
calls = [node.call("hold", "hold", timeout=@LIMIT@) for _ in range(3)]
node.calls = asyncio.gather(*calls, return_exceptions=True)
assert await node.call("quick", "echo", 1) == 1
""",
    "blocking": """
begun = threading.Event()
def hold():
    begun.set()
    threading.Event().wait(@LIMIT@)
def call():
    try: node.call("hold", "hold", timeout=@LIMIT@)
    except Exception: pass
node.serve("hold", {"call": {"hold": hold}}, concurrency=2)
node.serve("quick", lambda op, payload: payload)
for _ in range(3): threading.Thread(target=call, daemon=True).start()
assert begun.wait() and node.call("quick", "echo", 1) == 1
""",
}
FOLLOWING = {
    "asyncio": """
async def read(subscriber):
    async for _ in subscriber: pass
node.topic = [node.subscribe("t"), node.subscribe("t", queue="q"), node.subscribe("t")]
node.topic += [node.watch(replay=True), node.map("m").watch(replay=True)]
node.following = [asyncio.create_task(read(one)) for one in node.topic[:2] + node.topic[3:]]
await node.put("k", "v", ttl=60)
async def mirror(op, body):
    async for item in body: yield item
await node.serve("own", mirror, concurrency=9)
node.streams = [node.stream("own", "mirror") for _ in range(3)]
for stream in node.streams: await stream.send(1)
assert await anext(node.streams[0]) == 1
node.following.append(asyncio.ensure_future(anext(node.streams[1])))
node.monitors = [node.monitor("own"), node.monitor("own@b")]
node.following.append(asyncio.ensure_future(node.monitors[0].down()))
for number in range(2000): await node.publish("t", number)
""",
    "blocking": """
def read(subscriber):
    try:
        for _ in subscriber: pass
    except Exception: pass
node.topic = [node.subscribe("t"), node.subscribe("t", queue="q"), node.subscribe("t")]
node.topic += [node.watch(replay=True), node.map("m").watch(replay=True)]
node.put("k", "v", ttl=60)
def mirror(op, body):
    for item in body: yield item
node.serve("own", mirror, concurrency=9)
node.streams = [node.stream("own", "mirror") for _ in range(3)]
for stream in node.streams: stream.send(1)
assert next(node.streams[0]) == 1
threading.Thread(target=read, args=[node.streams[1]], daemon=True).start()
node.monitors = [node.monitor("own"), node.monitor("own@b")]
threading.Thread(target=node.monitors[0].wait, daemon=True).start()
for one in node.topic[:2] + node.topic[3:]:
    threading.Thread(target=read, args=[one], daemon=True).start()
for number in range(2000): node.publish("t", number)
""",
}
def following(end: str = "") -> dict[str, str]:
    return {face: body + ("await " if end and face == "asyncio" else "") + end
            for face, body in FOLLOWING.items()}


BUSY = {face: body.replace("@LIMIT@", "600") for face, body in SERVER.items()}
BRIEF = {face: body.replace("@LIMIT@", "0.3") for face, body in SERVER.items()}
SITUATIONS = {
    "normal close, with servers": Situation(WITH, BRIEF, 0, "member-leave"),
    "no close, with servers": Situation(BARE, BUSY, 0, "member-failed"),
    "closed, with servers": Situation(
        BARE,
        {"asyncio": BUSY["asyncio"] + "await node.close()",
         "blocking": BUSY["blocking"] + "node.close()"},
        0, "member-failed",
    ),
    "SIGTERM, handled, with servers": Situation(
        WITH, {face: BRIEF[face] + IDLE[face] for face in BRIEF}, -TERM, "member-leave", TERM,
        SIGNALS,
    ),
    "normal close, following": Situation(WITH, following(), 0, "member-leave"),
    "no close, following": Situation(BARE, following(), 0, "member-failed"),
    "closed, following": Situation(BARE, following("node.close()"), 0, "member-failed"),
    "SIGTERM, handled, following": Situation(
        WITH, {face: body + IDLE[face] for face, body in FOLLOWING.items()}, -TERM,
        "member-leave", TERM, SIGNALS,
    ),
    "normal close": Situation(WITH, "pass", 0, "member-leave"),
    "exception": Situation(WITH, "raise KeyError('mine')", 1, "member-leave", error="KeyError"),
    "sys.exit": Situation(WITH, "sys.exit(3)", 3, "member-leave"),
    "SIGINT": Situation(WITH, IDLE, -INT, "member-leave", INT, error="KeyboardInterrupt"),
    "SIGINT, handled": Situation(
        WITH, IDLE, -INT, "member-leave", INT, SIGNALS, error="KeyboardInterrupt"
    ),
    "SIGTERM, handled": Situation(WITH, IDLE, -TERM, "member-leave", TERM, SIGNALS),
    "SIGTERM, handled, bare": Situation(BARE, IDLE, -TERM, "member-leave", TERM, SIGNALS),
    "SIGTERM": Situation(WITH, IDLE, -TERM, "member-failed", TERM),
    "kill -9": Situation(WITH, IDLE, -KILL, "member-failed", KILL),
    "no close": Situation(BARE, "pass", 0, "member-failed"),
    "no close, exception": Situation(BARE, "1 / 0", 1, "member-failed", error="ZeroDivision"),
    "no close, with readers": Situation(BARE, READER, 0, "member-failed"),
    "no close, with a join pending": Situation(BARE, PENDING, 0, "member-failed"),
    "os._exit": Situation(WITH, "os._exit(5)", 5, "member-failed"),
    "left, not closed": Situation(
        BARE, {"asyncio": "await node.leave()", "blocking": "node.leave()"}, 0, "member-leave"
    ),
    "closed, not left": Situation(
        BARE, {"asyncio": "await node.close()", "blocking": "node.close()"}, 0, "member-failed"
    ),
    "collected": Situation(
        BARE, "pass", 0, "member-failed", end="del node; gc.collect(); print('up'); input()"
    ),
}


def indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.strip().splitlines())


def program(face: str, situation: Situation) -> str:
    body = situation.body if isinstance(situation.body, str) else situation.body[face]
    template, depth = (ASYNCIO, 4) if face == "asyncio" else (BLOCKING, 0)
    parts = {
        "@BODY@": indented(body, 4),
        "@START@": indented(situation.start[face], depth),
        "@OPTIONS@": situation.options,
        "@END@": situation.end,
    }
    for mark, text in parts.items():
        template = template.replace(mark, text)
    return template


@pytest.fixture
def silent() -> Iterator[str]:
    """Address of a peer that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield "%s:%d" % server.getsockname()


@pytest.mark.parametrize("face", ["asyncio", "blocking"])
@pytest.mark.parametrize("name", SITUATIONS)
def test_exit(name: str, face: str, silent: str) -> None:
    situation = SITUATIONS[name]
    with witness() as (peer, events):
        with child("-c", program(face, situation), peer.addr, silent) as process:
            find(events, "member-join", "b")
            if situation.send is not None:
                assert process.line() == "up"
                process.send(situation.send)
            if situation.end:
                assert process.line() == "up"
                find(events, situation.seen, "b")
                process.tell("")
            status, _, err = process.end()
        if not situation.end:
            gone = next(e for e in events if e.type in ("member-leave", "member-failed"))
            assert gone.type == situation.seen
    assert status == situation.status, err
    assert bool(err) == bool(situation.error) and situation.error in err, err
    assert "panic" not in err and "Exception ignored" not in err, err


#: A goodbye that would take a thousand rounds.
SLOW = ", retransmit_mult=1000, gossip_interval=5, handle_signals=True"


@pytest.mark.parametrize("face", ["asyncio", "blocking"])
@pytest.mark.parametrize("second", [TERM, INT])
def test_a_second_signal_ends_it_at_once(face: str, second: signal.Signals) -> None:
    situation = Situation(WITH, IDLE, 0, "", options=SLOW)
    with witness() as (peer, _):
        with child("-c", program(face, situation), peer.addr, "") as process:
            assert process.line() == "up"
            process.send(TERM)
            assert not ended(process, 0.5), "the goodbye was over before the second signal"
            process.send(second)
            assert ended(process, 3.0), "the second signal did not end it"
            status, _, err = process.end()
    assert (status, err) == (-second, "")


def ended(process: Child, within: float) -> bool:
    try:
        process.process.wait(within)
    except subprocess.TimeoutExpired:
        return False
    return True


def test_a_signal_after_the_loop_has_ended() -> None:
    end = "print('up', flush=True); threading.Event().wait()"
    situation = Situation(BARE, "pass", 0, "", options=SIGNALS, end=end)
    with witness() as (peer, events):
        with child("-c", program("asyncio", situation), peer.addr, "") as process:
            assert process.line() == "up"
            process.send(TERM)
            assert process.end() == (-TERM, "", "")
        find(events, "member-leave", "b")


def test_an_exit_without_close_is_logged_once(silent: str) -> None:
    situation = Situation(BARE, "import logging; logging.basicConfig()", 0, "member-failed")
    with witness() as (peer, _):
        with child("-c", program("blocking", situation), peer.addr, silent) as process:
            status, _, err = process.end()
    assert status == 0
    [line] = err.splitlines()
    assert line.startswith("WARNING:chinwag:<chinwag.blocking.Node b")
    assert "not closed before the interpreter ended" in line


def test_an_unfinished_start_leaves_no_trace(silent: str) -> None:
    script = f"""
import asyncio, sys
sys.path.insert(0, {str(HERE)!r})
import chinwag
from support import quick
async def main():
    starting = chinwag.start("b", **quick(seeds=[{silent!r}], tcp_timeout=60))
    task = asyncio.ensure_future(starting)
    await asyncio.sleep(0.05)
asyncio.run(main())
"""
    with child("-c", script) as process:
        assert process.end() == (0, "", "")


def example(*arguments: str) -> Child:
    return Child(str(HERE.parent / "examples" / "join.py"), *arguments)


@pytest.mark.parametrize("goodbye", ["leave", "end of input", "SIGTERM", "SIGINT"])
def test_the_example_shows_and_obeys(goodbye: str) -> None:
    one, two = example("one", "-", "role=db"), None
    try:
        ready, name, addr = one.line().split()
        assert (ready, name) == ("ready", "one")
        two = example("two", addr, "role=web")
        assert two.line().split()[:2] == ["ready", "two"]
        assert two.line() == f"member-join one {addr} alive role=db"
        assert one.line().split()[:2] == ["member-join", "two"]
        two.tell("tag role=x more=y=z")
        kind, _, _, state, tags = one.line().split()
        assert (kind, state, tags) == ("member-update", "alive", "more=y=z,role=x")
        two.tell("nonsense")
        status = end_example(two, goodbye)
        assert one.line().split()[:2] == ["member-leave", "two"]
        expected = {"SIGTERM": -signal.SIGTERM, "SIGINT": -signal.SIGINT}
        assert status == expected.get(goodbye, 0)
    finally:
        for process in (one, two):
            if process is not None:
                process.stop()


def test_a_signal_and_the_end_of_input_at_once() -> None:
    one, two = example("one", "-"), None
    try:
        two = example("two", one.line().split()[2])
        assert two.line().startswith("ready")
        assert one.line().startswith("member-join two")
        two.send(INT)
        status, _, err = two.end()  # Closes its input.
        assert status in (0, -INT) and "RuntimeError" not in err, err
        assert one.line().startswith("member-leave two")
    finally:
        for process in (one, two):
            if process is not None:
                process.stop()


def end_example(process: Child, goodbye: str) -> int:
    if goodbye == "leave":
        process.tell("leave")
    elif goodbye == "end of input":
        assert process.process.stdin is not None
        process.process.stdin.close()
        process.process.stdin = None
    else:
        process.send(signal.Signals[goodbye])
        process.process.wait(LIMIT)
    status, _, err = process.end()
    assert "Fatal" not in err and bool(err) == (goodbye == "SIGINT"), err
    return status
