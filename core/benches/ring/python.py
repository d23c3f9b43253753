"""Rings in Python; `src/languages.rs` has what is printed.

    python.py NODES...

Each library places keys as its own documentation says. Passes take turns, and of each figure the
median counts. Times are CPU time of the process.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import json
import statistics
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import chinwag

PASSES = 5
KEYS = [f"user:{number:016}" for number in range(200_000)]
FEW = KEYS[:20_000]
FEWER = KEYS[:200]
MORE = "one-more.cluster.example.net"


def names(count: int) -> list[str]:
    return [f"node-{number:05}.cluster.example.net" for number in range(count)]


class Ours:
    name = "chinwag"

    def __init__(self, nodes: Sequence[str]) -> None:
        self.ring = chinwag.Ring(nodes)
        self.owner = self.ring.owner
        self.owners_many = self.ring.owners_many

    def owners(self, key: str) -> object:
        return self.ring.owners(key, 3)

    def take(self, ring: chinwag.Ring) -> None:
        self.ring, self.owner = ring, ring.owner

    def add(self, node: str) -> None:
        self.take(self.ring.with_node(node))

    def remove(self, node: str) -> None:
        self.take(self.ring.without(node))

    def packed(self, keys: bytes, width: int) -> object:
        return self.ring.owner_numbers(keys, width=width)


class Uhashring:
    name = "uhashring"
    mode: dict[str, str] = {}

    def __init__(self, nodes: Sequence[str]) -> None:
        module = importlib.import_module("uhashring")
        self.ring = module.HashRing(list(nodes), **self.mode)
        self.owner = self.ring.get_node
        self.add, self.remove = self.ring.add_node, self.ring.remove_node

    def owners(self, key: str) -> object:
        return list(self.ring.range(key, 3))


class UhashringKetama(Uhashring):
    name = "uhashring, ketama"
    mode = {"hash_fn": "ketama"}


class Hashring:
    """Has no way to change a ring but to make it again."""

    name = "hashring"

    def __init__(self, nodes: Sequence[str]) -> None:
        self.make = importlib.import_module("hashring").HashRing
        self.take(list(nodes))

    def take(self, nodes: list[str]) -> None:
        self.nodes, self.ring = nodes, self.make(nodes)
        self.owner = self.ring.get_node

    def owners(self, key: str) -> object:
        return list(itertools.islice(self.ring.iterate_nodes(key), 3))

    def add(self, node: str) -> None:
        self.take([*self.nodes, node])

    def remove(self, node: str) -> None:
        self.take([other for other in self.nodes if other != node])


class Fastring:
    name = "fastring"

    def __init__(self, nodes: Sequence[str]) -> None:
        self.ring = importlib.import_module("fastring").HashRing(list(nodes))
        self.owner = self.ring.get_node
        self.add, self.remove = self.ring.add_node, self.ring.remove_node


PEERS: list[Any] = [Ours, Uhashring, UhashringKetama, Hashring, Fastring]


def cpu(work: Callable[[], object]) -> float:
    """Nanoseconds."""
    began = time.process_time_ns()
    work()
    return time.process_time_ns() - began


def each(ask: Callable[[str], object], keys: Sequence[str]) -> Callable[[], None]:
    def work() -> None:
        for key in keys:
            ask(key)

    return work


def one_pass(ring: Any, size: int, note: Callable[[str, float], None]) -> None:
    note("look-up", cpu(each(ring.owner, FEW)) / len(FEW))
    if hasattr(ring, "owners"):
        # Most take so long for a list that there is no time for more.
        keys = FEW if isinstance(ring, Ours) else FEWER
        note("three owners", cpu(each(ring.owners, keys)) / len(keys))
    if hasattr(ring, "owners_many"):
        note("look-up in a batch", cpu(lambda: ring.owners_many(FEW)) / len(FEW))
        packed, width = "".join(FEW).encode(), len(FEW[0])
        note("look-up in a packed batch", cpu(lambda: ring.packed(packed, width)) / len(FEW))
    note("add a node", cpu(lambda: ring.add(MORE)) / 1e6)
    ring.remove(MORE)
    middle = names(size)[size // 2]
    note("remove a node", cpu(lambda: ring.remove(middle)) / 1e6)
    ring.add(middle)


def placement(ring: Any, size: int) -> dict[str, float]:
    before = [ring.owner(key) for key in KEYS]
    ring.add(MORE)
    moved = sum(map(lambda key, owner: ring.owner(key) != owner, KEYS, before))
    ring.remove(MORE)
    return {
        "busiest node of the keys, of the mean": max(Counter(before).values()) * size / len(KEYS),
        "moved by a join, of the least": moved * (size + 1) / len(KEYS),
    }


def memory(peer: Any, nodes: list[str]) -> float:
    """KiB that Python knows of, or that our ring tells."""
    gc.collect()
    tracemalloc.start()
    ring = peer(nodes)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (taken + (sys.getsizeof(ring.ring) if peer is Ours else 0)) / 1024


def measure(size: int) -> None:
    nodes, rings, values = names(size), {}, {}
    for peer in PEERS:
        try:
            rings[peer] = peer(nodes)
        except ImportError as error:
            print(f"{peer.name} is left out: {error}", file=sys.stderr)
    for peer, ring in rings.items():
        values[peer] = placement(ring, size)
    passes: dict[Any, dict[str, list[float]]] = {peer: {} for peer in rings}
    for _ in range(PASSES):
        for peer, ring in rings.items():
            note = lambda row, value: passes[peer].setdefault(row, []).append(value)  # noqa: B023
            one_pass(ring, size, note)
            note("build", cpu(lambda: peer(nodes)) / 1e6)  # noqa: B023
    for peer in rings:
        medians = {row: statistics.median(times) for row, times in passes[peer].items()}
        kib = {} if peer is Fastring else {"memory": memory(peer, nodes)}
        told = {"peer": peer.name, "size": size, "values": values[peer] | medians | kib}
        print(json.dumps(told), flush=True)


print(f"CPython {sys.version.split()[0]}", file=sys.stderr)
for argument in sys.argv[1:]:
    measure(int(argument))
