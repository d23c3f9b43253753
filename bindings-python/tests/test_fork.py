"""A forked child: told so by every call, free to start its own, and harmless to its parent."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import child

HEAD = f"""
import asyncio, gc, multiprocessing, os, signal, sys, threading, time, warnings
sys.path.insert(0, {str(Path(__file__).parent)!r})
warnings.simplefilter("ignore", DeprecationWarning)
import chinwag
from chinwag import blocking
from support import eventually_blocking, find, quick

def status_of(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException as failure:
            print(repr(failure), file=sys.stderr, flush=True)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

"""

SITUATIONS = {
    "every call tells": """
node = blocking.start("a", **quick())
events, changes = node.events(), node.ring_changes()
subscriber, watch = node.subscribe("t"), node.watch()
monitor = node.monitor("later")
carts = node.map("carts")
follows = carts.watch()
node.serve("other", lambda op: None)
stream = node.stream("other", "ask")
node.publish("t", 1)
published = next(subscriber)
ring = node.ring
senders = []
def keep(op, payload, sender):
    senders.append(sender)
    return chinwag.NO_REPLY
serving = node.serve("later", keep)
number = node._host.call("later", "ask", None, None)
eventually_blocking(lambda: senders)
def work():
    [sender] = senders
    calls = [
        lambda: node.call("x", "y"), lambda: node.cast("x", "y"),
        lambda: node.multi_call("x", "y"), lambda: node.abcast("x", "y"),
        lambda: node.serve("x", {"call": {"y": print}}), lambda: node.hosts("x"), node.servers,
        serving.pause, serving.resume, serving.stop, lambda: serving._mailbox.drain(1),
        sender.reply, lambda: sender.fail(ValueError()), lambda: sender.waiting,
        lambda: sender.answered, lambda: node._host.settled([number]),
        lambda: node.publish("t"), lambda: node.subscribe("t"), lambda: node.subscribers("t"),
        node.topics, lambda: next(subscriber), lambda: subscriber.missed, subscriber.close,
        lambda: node.put("k", "v"), lambda: node.delete("k"), lambda: node.get("a", "k"),
        lambda: node.monitor("x"), monitor.wait, monitor.close, lambda: serving.stop("why"),
        lambda: node.stream("x", "y"), lambda: next(stream), lambda: stream.send(1),
        stream.finish, stream.answer, stream.close,
        lambda: node.map("x"), lambda: carts.put("k", "v"), lambda: carts.delete("k"),
        lambda: carts.get("k"), carts.entries, carts.watch, lambda: next(follows), follows.close,
        node.entries, node.watch, lambda: next(watch), watch.close,
    ] + [
        node.members, node.known_members, node.local_member, node.stats, node.leave, node.close,
        lambda: node.member("a"), lambda: node.join(["x"]), lambda: node.update_tags(a="b"),
        lambda: node.set_tags({}), lambda: node.set_meta(b""), lambda: node.send("b", b""),
        lambda: node.broadcast(b""), lambda: node.set_state(b""),
        lambda: node.set_ping_payload(b""), lambda: node.ping("b"),
        lambda: node.round_trip("b"), lambda: node.explain("b"), lambda: node.admit(1),
        lambda: node.refuse(1, ""), node.keys, lambda: node.add_key("MDEyMzQ1Njc4OWFiY2RlZg=="),
        lambda: node.use_key("MDEyMzQ1Njc4OWFiY2RlZg=="),
        lambda: node.remove_key("MDEyMzQ1Njc4OWFiY2RlZg=="),
        lambda: node.cluster_keys("list"), lambda: node.user_event("x"),
        lambda: node.query("x"), lambda: node.respond(1), lambda: node.force_leave("x"),
        node.coordinate, lambda: node.rtt("x", "y"), node.events, lambda: node.closed,
        lambda: node.on_event(print), lambda: next(events), lambda: node.ring, node.past_rings,
        lambda: node.owner("k"), lambda: node.owners("k", 2), lambda: node.owns("k"),
        lambda: node.previous_owner("k"), node.set_ring_overrides, lambda: node.released(1),
        node.ring_changes, lambda: next(changes),
    ]
    for call in calls:
        try:
            call()
        except chinwag.Forked as error:
            assert "start one of your own" in str(error) or "parent" in str(error)
        else:
            raise AssertionError(call)
    assert repr(node) == "<chinwag.blocking.Node a forked>"
    assert ring.owner("k") == "a" and published.payload == 1
assert status_of(work) == 0
assert node.members()
node.close()
""",
    "the child lets go": """
node = blocking.start("a", **quick())
kept = [node.events() for _ in range(3)]
held = [node.subscribe("t") for _ in range(2)]
for number in range(100):
    node.publish("t", number)
held += [next(held[0]), node.watch(), node.watch(replay=True)]
node.put("k", "v")
def keep(op, payload, sender):
    kept.append(sender)
    return chinwag.NO_REPLY
serving = node.serve("later", keep)
node._host.call("later", "ask", None, None)
eventually_blocking(lambda: len(kept) == 4)
held += [node.map("carts").watch(), node.monitor("later"), node.stream("later", "ask")]
def work():
    global node, kept, serving, held
    node._servers.clear()
    del node, kept, serving, held
    gc.collect()
assert all(status_of(work) == 0 for _ in range(20))
assert node.members()
node.close()
""",
    "the child starts its own": """
node = blocking.start("a", **quick())
events = node.events()
def work():
    with blocking.start("b", **quick(seeds=[sys.argv[1]])) as own:
        assert [m.name for m in own.members()] == ["a", "b"]
sys.argv[1] = node.addr
assert status_of(work) == 0
find(events, "member-join", "b")
find(events, "member-leave", "b")
node.close()
""",
    "children are workers of their parent": """
path = os.path.join(sys.argv[1], "w.sock")
node = blocking.start("a", **quick(workers=path))
def worker():
    with blocking.start(attach=path) as own:
        assert [m.name for m in own.members()] == ["a"]
        def web(op, payload, sender):
            return [os.getpid(), own.call("on-a", "double", payload)]
        own.serve("web", web)
        try:
            node.members()
        except chinwag.Forked:
            signal.pause()
node.serve("on-a", {"call": {"double": lambda number: 2 * number}})
children = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        try:
            worker()
        finally:
            os._exit(1)
    children.append(pid)
seen = set()
def ask():
    if node.hosts("web"):
        pid, answer = node.call("web", "ask", 21)
        assert answer == 42
        seen.add(pid)
    return seen
eventually_blocking(lambda: ask() == set(children))
os.kill(children[0], signal.SIGKILL)
os.waitpid(children[0], 0)
eventually_blocking(lambda: node.stats()["workers"] == 2)
for _ in range(4):
    assert node.call("web", "ask", 21)[0] in children[1:]
for pid in children[1:]:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
eventually_blocking(lambda: not node.hosts("web"))
node.close()
assert not os.path.exists(path)
""",
    "asyncio in the child": """
async def parent():
    node = await chinwag.start("a", **quick())
    node.events()
    def work():
        del globals_loop[:]
        async def own():
            async with chinwag.start("b", **quick()) as b:
                assert b.members()
        threading_run(own())
    globals_loop = [asyncio.get_running_loop()]
    def threading_run(coroutine):
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(asyncio.run(coroutine)))
        thread.start(); thread.join(20)
        assert outcome == [None]
    assert status_of(work) == 0
    await node.leave()
    await node.close()
asyncio.run(parent())
""",
    "signals do what they did before": """
before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
nodes = [blocking.start(name, **quick(handle_signals=True)) for name in "ab"]
def work():
    after = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert after == before, after
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
assert status_of(work) == 0
assert signal.getsignal(signal.SIGTERM) not in before
assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
for node in nodes:
    node.close()
""",
    "multiprocessing": """
node = blocking.start("a", **quick(handle_signals=True))
node.on_event(print)
context = multiprocessing.get_context("fork")
with context.Pool(2) as pool:
    assert pool.map(abs, range(-9, 1)) == list(range(9, -1, -1))
def work(up):
    up.set()
    while True:
        time.sleep(0.01)
up = context.Event()
idle = context.Process(target=work, args=[up])
idle.start()
assert up.wait(20)
idle.terminate()
idle.join(20)
assert idle.exitcode == -signal.SIGTERM, idle.exitcode
assert node.local_member().state == "alive"
node.close()
""",
    "an ordinary exit of the child": """
node = blocking.start("a", **quick())
pid = os.fork()
if pid == 0:
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert node.members()
node.close()
""",
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_fork(situation: str, tmp_path: Path) -> None:
    with child("-c", HEAD + SITUATIONS[situation] + "\nprint('done')", str(tmp_path)) as process:
        status, out, err = process.end()
    assert (status, out.splitlines()[-1:], err) == (0, ["done"], "")
