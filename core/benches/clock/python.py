"""Vector clocks in Python; `src/languages.rs` has what is printed.

    python.py ACTORS...

Passes take turns, and of each figure the median counts. Times are CPU time of the process.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from chinwag.clock import ActorTable, VectorClock
from vectorclock.vectorclock import VectorClock as Theirs

PASSES = 7


class Ours:
    name = "chinwag"

    def __init__(self, counts: dict[str, int]) -> None:
        self.clock, self.other = VectorClock(counts), VectorClock(counts)
        self.bytes, self.table = self.clock.to_bytes(), ActorTable(list(counts))
        actor = next(iter(counts))
        self.works: dict[str, Callable[[], Any]] = {
            "increment": lambda: self.clock.increment(actor),
            "merge": lambda: self.clock.merge(self.other),
            "compare": lambda: self.clock.compare(self.other),
            "encode": self.clock.to_bytes,
            "decode": lambda: VectorClock.from_bytes(self.bytes),
        }
        self.sizes = {
            "bytes": len(self.bytes),
            "bytes, dense": len(self.clock.to_dense(self.table)),
        }


class OfVectorclock:
    """Has no merge."""

    name = "vectorclock"

    def __init__(self, counts: dict[str, int]) -> None:
        self.clock, self.other, self.text = Theirs(counts), Theirs(counts), str(Theirs(counts))
        actor = next(iter(counts))
        self.works = {
            "increment": lambda: self.clock.set_clock(actor, self.clock.get_clock(actor, 0) + 1),
            "compare": lambda: self.clock.compare(self.other, tiebreak=False),
            "encode": lambda: str(self.clock),
            "decode": lambda: Theirs.from_string(self.text),
        }
        self.sizes = {"bytes": len(self.text)}


class OfDicts:
    """What a careful program without a library does."""

    name = "plain dict"

    def __init__(self, counts: dict[str, int]) -> None:
        self.clock, self.other = dict(counts), dict(counts)
        actor, self.text = next(iter(counts)), json.dumps(counts)
        self.works = {
            "increment": lambda: self.clock | {actor: self.clock.get(actor, 0) + 1},
            "merge": self.merge,
            "compare": self.compare,
            "encode": lambda: json.dumps(self.clock),
            "decode": lambda: json.loads(self.text),
        }
        self.sizes = {"bytes": len(self.text)}

    def merge(self) -> dict[str, int]:
        merged = dict(self.clock)
        for actor, count in self.other.items():
            if count > merged.get(actor, 0):
                merged[actor] = count
        return merged

    def compare(self) -> tuple[bool, bool]:
        ours, theirs = self.clock, self.other
        more = any(count > theirs.get(actor, 0) for actor, count in ours.items())
        return any(count > ours.get(actor, 0) for actor, count in theirs.items()), more


def cpu(work: Callable[[], object], times: int) -> float:
    """Nanoseconds of doing it once."""
    began = time.process_time_ns()
    for _ in range(times):
        work()
    return (time.process_time_ns() - began) / times


def measure(size: int) -> None:
    counts = {f"web-{number}~1795316449": 1000 for number in range(size)}
    peers = [Ours(counts), OfVectorclock(counts), OfDicts(counts)]
    passes: dict[tuple[str, str], list[float]] = {}
    for _ in range(PASSES):
        for peer in peers:
            for row, work in peer.works.items():
                times = passes.setdefault((peer.name, row), [])
                times.append(cpu(work, max(20, 20_000 // size)))
    for peer in peers:
        medians = {row: statistics.median(passes[peer.name, row]) for row in peer.works}
        told = {"peer": peer.name, "size": size, "values": medians | peer.sizes}
        print(json.dumps(told), flush=True)


print(f"CPython {sys.version.split()[0]}", file=sys.stderr)
for argument in sys.argv[1:]:
    measure(int(argument))
