"""The Python readers of the event benchmark; `src/events/mod.rs` has the commands.

queue: `async for` over the node's events, as a program would write it.
naive: a thread that takes the events and wakes the loop for each with `call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator

import chinwag
from chinwag import Event, EventsLost, MemberUpdate

EVENT_BUFFER = 1 << 20
BARE = ("127.20.0.1", 7947)
OWN = 200_000
OPTIONS = {"bind": "127.20.0.1:7946", "event_buffer": EVENT_BUFFER}


def hello(runtime: str, *also: str) -> None:
    say(runtime=f"CPython {sys.version.split()[0]}, {runtime}", also=also)


def say(**answer: object) -> None:
    print(json.dumps(answer), flush=True)


class Stamps:
    """What was seen since the last `reset`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.sample: Event | None = None
        self.taken: list[int] = []
        self.lost = 0
        self.first = 0
        self.last = 0
        self.cpu = time.process_time_ns()

    def note(self, event: Event) -> None:
        match event:
            case MemberUpdate(member=member):
                self.last = time.monotonic_ns()
                if not self.taken:
                    self.first, self.sample = self.last, event
                self.taken.append(self.last - int(member.tags["t"]))
            case EventsLost(count=count):
                self.lost += count

    def note_stamp(self, stamp: bytes) -> None:
        self.last = time.monotonic_ns()
        if not self.taken:
            self.first = self.last
        self.taken.append(self.last - int(stamp))

    def own(self) -> None:
        began, event = time.process_time_ns(), self.sample
        for _ in range(OWN if event else 0):
            self.note(event)
        say(events=OWN if event else 0, cpu_us=(time.process_time_ns() - began) / 1e3)

    def report(self) -> None:
        cpu = time.process_time_ns() - self.cpu
        taken = sorted(self.taken)

        def rank(share: float) -> float | None:
            return taken[max(0, -int(-len(taken) * share // 1) - 1)] / 1e3 if taken else None

        say(
            events=len(taken),
            lost=self.lost,
            p50_us=rank(0.50),
            p99_us=rank(0.99),
            span_us=(self.last - self.first) / 1e3 if len(taken) > 1 else None,
            cpu_us=cpu / 1e3,
        )


class Commands:
    """Obeys stdin, on the loop that the events come to."""

    def __init__(self, stamps: Stamps, gate: threading.Event) -> None:
        self.stamps = stamps
        self.gate = gate
        self.partial = b""
        self.ended = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(0, self.look)

    def lines(self) -> Iterator[bytes]:
        """What stdin holds now; waits if it is empty."""
        read = os.read(0, 4096)
        if not read:
            asyncio.get_running_loop().remove_reader(0)
            self.ended.set_result(None)
        *whole, self.partial = (self.partial + read).split(b"\n")
        yield from whole

    def look(self) -> None:
        for line in self.lines():
            if line == b"reset":
                self.stamps.reset()
                say()
            elif line == b"count":
                say(events=len(self.stamps.taken), lost=self.stamps.lost)
            elif line == b"report":
                self.stamps.report()
            elif line == b"own":
                self.stamps.own()
            elif line == b"floor":
                self.floor()
            elif line == b"hold":
                self.hold()
            else:
                raise ValueError(f"unknown command {line!r}")

    def floor(self) -> None:
        bare = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bare.bind(BARE)

        def note() -> None:
            self.stamps.note_stamp(bare.recv(64))

        asyncio.get_running_loop().add_reader(bare, note)
        say()

    def hold(self) -> None:
        self.gate.clear()
        say()
        while b"go" not in list(self.lines()):
            pass
        self.gate.set()
        self.stamps.cpu = time.process_time_ns()
        say()


async def queue(stamps: Stamps, commands: Commands) -> None:
    node = await chinwag.start("under-test", **OPTIONS)

    async def read() -> None:
        async for event in node.events():
            stamps.note(event)

    reader = asyncio.create_task(read())
    hello("asyncio", "floor", "own")
    await commands.ended
    reader.cancel()
    await node.close()


async def naive(stamps: Stamps, commands: Commands) -> None:
    loop = asyncio.get_running_loop()
    node = chinwag.blocking.start("under-test", **OPTIONS)
    events = node.events()

    def read() -> None:
        for event in events:
            commands.gate.wait()
            loop.call_soon_threadsafe(stamps.note, event)

    threading.Thread(target=read, daemon=True).start()
    hello("asyncio, call_soon_threadsafe per event")
    await commands.ended
    node.close()


async def main() -> None:
    stamps, gate = Stamps(), threading.Event()
    gate.set()
    variant = {"queue": queue, "naive": naive}[sys.argv[1]]
    await variant(stamps, Commands(stamps, gate))


asyncio.run(main())
