"""What the tests share: quick nodes, waits with a deadline, and child processes."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import chinwag
import pytest
from chinwag import Event, MemberEvent, Options

T = TypeVar("T")

#: Far beyond what anything here takes on a busy machine.
LIMIT = 30.0

_ADDRESSES = itertools.count()

ROOT = Path(__file__).resolve().parent.parent


def quick(**more: Any) -> Options:
    """Options of a node that takes a free port and notices a failure within a second."""
    options: dict[str, Any] = {
        "bind": "127.0.0.1:0",
        "profile": "local",
        "probe_interval": 0.1,
        "probe_timeout": 0.05,
        "suspicion_mult": 2,
        "push_pull_interval": 1,
        "tcp_timeout": 10,  # on a busy machine, a megabyte can take a second
    }
    options.update(more)
    return cast(Options, options)


def own_address() -> str:
    """An address on loopback that no other test has, so that a node can come back to it.

    A port that is given back may be anybody's connection a moment later.
    """
    pid = os.getpid()
    return f"127.{(pid >> 8) % 254 + 1}.{pid % 256}.{next(_ADDRESSES) % 254 + 1}:7946"


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` with a deadline."""

    async def limited() -> T:
        return await asyncio.wait_for(main, LIMIT)

    return asyncio.run(limited())


def is_about(event: Event, kind: str, name: str | None) -> bool:
    """Whether the event is of that type, and about that member."""
    if event.type != kind:
        return False
    return name is None or (isinstance(event, MemberEvent) and event.member.name == name)


async def wait_for(events: AsyncIterator[Event], kind: str, name: str | None = None) -> Event:
    """The next event of that type about that member."""

    async def find() -> Event:
        async for event in events:
            if is_about(event, kind, name):
                return event
        raise AssertionError(f"the events ended before {kind} {name}")

    return await asyncio.wait_for(find(), LIMIT)


def find(events: Iterator[Event], kind: str, name: str | None = None) -> Event:
    """As `wait_for`, for threads; the deadline is that of the test."""
    for event in events:
        if is_about(event, kind, name):
            return event
    raise AssertionError(f"the events ended before {kind} {name}")


async def eventually(condition: Callable[[], object]) -> None:
    """Waits until the condition holds."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.01)


def eventually_blocking(condition: Callable[[], object]) -> None:
    """As `eventually`, for threads."""
    asyncio.run(eventually(condition))


def in_thread(function: Any, *args: Any) -> tuple[threading.Thread, list[Any]]:
    """Runs a function on a thread; what it returns or raises."""
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(function(*args))
        except Exception as error:
            came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What Chinwag logged; in development mode asyncio tells of slow turns as well."""
    return [record for record in caplog.records if record.name == "chinwag"]


class Child:
    """A Python process that runs a script, and what it prints."""

    def __init__(self, *command: str) -> None:
        environment = {**os.environ, "RUST_BACKTRACE": "0", "PYTHONUNBUFFERED": "1"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=pipe, stdout=pipe, stderr=pipe, text=True,
            env=environment,
        )
        self._watchdog = threading.Timer(LIMIT, self.process.kill)
        self._watchdog.start()

    def line(self) -> str:
        """The next line; empty at the end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def tell(self, line: str) -> None:
        """Writes a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Waits for the end: status, the rest of the output, and of the errors."""
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, out, err

    def stop(self) -> None:
        """Ends it, if it has not ended by itself."""
        self._watchdog.cancel()
        self.process.kill()
        with self.process:
            pass


@contextmanager
def child(*command: str) -> Iterator[Child]:
    """A child process that is gone afterwards, whatever happens."""
    process = Child(*command)
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def witness() -> Iterator[tuple[chinwag.blocking.Node, Iterator[Event]]]:
    """A node that sees what happens to the others."""
    with chinwag.blocking.start("witness", **quick()) as node:
        yield node, node.events()
