"""Workers of one host: they attach to a member in this process, forked, or under gunicorn."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import chinwag
import pytest
from chinwag import blocking
from support import LIMIT, ROOT, child, eventually, eventually_blocking, quick, run, wait_for


class Files(chinwag.Server):
    """Doubles, and streams both ways."""

    @chinwag.handle_call("double")
    async def double(self, number: int, sender: chinwag.From) -> list[object]:
        return [2 * number, sender.node]

    @chinwag.handle_stream("count")
    async def count(self, number: int) -> AsyncIterator[int]:
        for item in range(number):
            yield item

    @chinwag.handle_stream("sum")
    async def sum(self, body: chinwag.Body) -> int:
        return sum([item async for item in body])


def test_a_worker_has_the_api_of_a_member(tmp_path: Path) -> None:
    path = str(tmp_path / "w.sock")

    async def main() -> None:
        async with chinwag.start("a", **quick(workers=path)) as a:
            b = await chinwag.start("b", **quick(seeds=[a.addr]))
            await b.serve("on-b", Files())
            w = await chinwag.start(attach=path)
            await w.serve("on-w", Files())
            await eventually(lambda: w.hosts("on-b") == ["b"] and b.hosts("on-w") == ["a"])
            assert [member.name for member in w.members()] == ["a", "b"]
            assert await w.call("on-b", "double", 21) == [42, "a"]
            assert await b.call("on-w", "double", 21) == [42, "b"]
            for node, target in [(w, "on-b"), (b, "on-w")]:
                items = [item async for item in node.stream(target, "count", 500)]
                assert items == list(range(500))
                summed = node.stream(target, "sum")
                for item in range(100):
                    await summed.send(item)
                summed.finish()
                assert await summed.answer() == 4950
            news = w.subscribe("news")
            await eventually(lambda: b.subscribers("news") == ["a"])
            await b.publish("news", "hello")
            told = await asyncio.wait_for(anext(news), LIMIT)
            assert (told.payload, told.sender, told.missed) == ("hello", "b", 0)
            with pytest.raises(chinwag.Unsupported):
                await w.add_key("MDEyMzQ1Njc4OWFiY2RlZg==")

            # The host goes away, and another comes.
            events = w.events()
            await a.close()
            warning = await wait_for(events, "warning")
            assert isinstance(warning, chinwag.Warning)
            assert (warning.code, warning.subject) == ("member-away", "a")
            with pytest.raises(chinwag.NodeDown):
                await w.call("on-b", "double", 1)
            async with chinwag.start("a2", **quick(workers=path, seeds=[b.addr])):
                await eventually(lambda: w.name == "a2" and b.hosts("on-w") == ["a2"])
                assert await b.call("on-w", "double", 1) == [2, "b"]
                await w.leave()
                await w.close()
                await b.close()

    run(main())


def test_a_blocked_worker_is_told_where_it_is_the_only_one(tmp_path: Path) -> None:
    path = str(tmp_path / "w.sock")
    blocked, free = threading.Event(), threading.Event()

    async def main() -> None:
        async with chinwag.start(attach=path, loop_stuck=0.5):
            await asyncio.sleep(0)
            blocked.set()
            free.wait(LIMIT)
            await asyncio.sleep(1)

    with blocking.start("a", **quick(workers=path)) as a:
        with blocking.start("b", **quick(seeds=[a.addr])) as b:
            thread = threading.Thread(target=asyncio.run, args=[main()])
            thread.start()
            assert blocked.wait(LIMIT)
            eventually_blocking(lambda: b.loop_state("a") == "stuck")
            free.set()
            eventually_blocking(lambda: b.loop_state("a") == "ok")
            thread.join(LIMIT)
            assert not thread.is_alive()


WORKER = """
import os, sys, threading, time
from chinwag import blocking
with blocking.start(attach=sys.argv[1], handle_signals=True) as node:
    def slow(_):
        time.sleep(0.3)
        return "finished"
    node.serve("web", {"call": {"pid": lambda _: os.getpid(), "slow": slow}})
    print("ready", flush=True)
    threading.Event().wait()
"""


def test_a_killed_worker_is_told_to_callers_and_sigterm_lets_it_finish(tmp_path: Path) -> None:
    path = str(tmp_path / "w.sock")
    with blocking.start("a", **quick(workers=path)) as a:
        for number in (signal.SIGKILL, signal.SIGTERM):
            with child("-c", WORKER, path) as worker:
                assert worker.line() == "ready"
                eventually_blocking(lambda: a.hosts("web") == ["a"])
                assert a.call("web", "pid") == worker.process.pid
                wanted = a.stats()["calls_served"] + 1
                outcome: list[object] = []

                def ask(outcome: list[object] = outcome) -> None:
                    try:
                        outcome.append(a.call("web", "slow", timeout=LIMIT))
                    except chinwag.NodeDown as error:
                        outcome.append(error)

                asking = threading.Thread(target=ask)
                asking.start()
                while a.stats()["calls_served"] < wanted:
                    time.sleep(0.001)
                worker.send(number)
                asking.join(LIMIT)
                if number == signal.SIGKILL:
                    (error,) = outcome
                    assert isinstance(error, chinwag.NodeDown) and error.maybe_executed
                else:
                    assert outcome == ["finished"]
                assert worker.end()[0] == -number
                eventually_blocking(lambda: not a.hosts("web") and a.stats()["workers"] == 0)


@contextmanager
def gunicorn(name: str, seed: str, workers: int) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The example under gunicorn; the port that it answers at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", "--config", "web_gunicorn.py", "--no-control-socket",
        "--workers", str(workers), "--bind", f"127.0.0.1:{port}", "--log-level", "warning",
        "web:app",
    ]
    environment = {**os.environ, "NODE": name, "SEED": seed}
    with subprocess.Popen(
        command, cwd=ROOT / "examples", env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield port, process
        finally:
            process.kill()


def test_under_gunicorn_the_master_is_the_member_and_its_workers_attach() -> None:
    def line(process: subprocess.Popen[str]) -> list[str]:
        assert process.stdout is not None
        return process.stdout.readline().split()

    def get(port: int) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=LIMIT) as answer:
                text: bytes = answer.read()
                return text.decode().strip()
        except (urllib.error.URLError, ConnectionError):
            return ""

    with gunicorn("one", "", 2) as (port, one):
        ready, name, seed = line(one)
        assert (ready, name) == ("ready", "one")
        pids = [int(line(one)[1]) for _ in range(2)]
        with gunicorn("two", seed, 1) as (other, two):
            assert line(two)[:2] == ["ready", "two"]
            pids.append(int(line(two)[1]))
            answers = [f"{pids[0]} on one", f"{pids[1]} on one", f"{pids[2]} on two"]
            seen: set[str] = set()

            def all_answer() -> bool:
                seen.update((get(port), get(other)))
                return seen >= set(answers)

            eventually_blocking(all_answer)
            os.kill(pids[0], signal.SIGKILL)
            answers[0] = f"{line(one)[1]} on one"
            eventually_blocking(all_answer)
            for process in (two, one):
                process.terminate()
                assert process.wait(LIMIT) == 0
