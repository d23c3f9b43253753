"""Every line of the vectors that all languages share: `tests/vectors/clocks/README.md`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import SupportsBytes
from urllib.parse import quote, unquote

import pytest
from chinwag import (
    ActorTable,
    BadArgument,
    Folded,
    HybridClock,
    HybridTime,
    LamportClock,
    Retired,
    Siblings,
    TooLarge,
    TrimBounds,
    VectorClock,
)
from chinwag.clock import actor
from support import ROOT

VECTORS = ROOT.parent / "tests" / "vectors" / "clocks"
LINES = {
    "clocks.txt": 1_000, "retired.txt": 1_000, "siblings.txt": 1_000, "hybrid.txt": 400,
    "forms.txt": 1_000,
}


def show(data: bytes) -> str:
    return data.hex() or "-"


def unhex(word: str) -> bytes:
    return b"" if word == "-" else bytes.fromhex(word)


def optional(words: list[str]) -> int | None:
    return int(words[0]) if words else None


def stamp(time: HybridTime) -> str:
    assert HybridTime(int(time)) == HybridTime(str(time)) == HybridTime.from_bytes(bytes(time))
    assert int(time) == time.ms << 16 | time.counter
    return f"{time} {show(time.to_bytes())}"


class Player:
    """What the statements of a case have named."""

    def __init__(self) -> None:
        self.clocks: defaultdict[str, VectorClock] = defaultdict(VectorClock)
        self.folds: defaultdict[str, Folded] = defaultdict(lambda: Retired().fold(VectorClock()))
        self.records: defaultdict[str, Siblings[bytes]] = defaultdict(Siblings)
        self.tables: dict[str, ActorTable] = {}
        self.hybrids: dict[str, HybridClock] = {}
        self.lamports: defaultdict[str, LamportClock] = defaultdict(LamportClock)
        self.log = Retired()

    def play(self, statement: str) -> str:
        verb, *words = statement.split(" ")
        for part in (self.change, self.ask, self.form, self.fold, self.record, self.time):
            try:
                outcome = part(verb, words)
            except (BadArgument, TooLarge) as error:
                return error.code
            if outcome is not None:
                return outcome
        raise AssertionError(f"{statement} is no statement")

    def set(self, name: str, clock: VectorClock) -> str:
        self.clocks[name] = clock
        return show(bytes(clock))

    def change(self, verb: str, words: list[str]) -> str | None:
        a, name = (*words, "", "")[:2]
        clock, name = self.clocks[a], unquote(name)
        match verb, words[2:]:
            case "insert", at:
                return self.set(a, clock.insert(name, optional(at)))
            case "increment", at:
                return self.set(a, clock.increment(name, optional(at)))
            case "update", [count, *at]:
                return self.set(a, clock.update(name, int(count), optional(at)))
            case "remove", []:
                return self.set(a, clock.remove(name))
            case "merge", []:
                return self.set(a, clock.merge(self.clocks[name]))
            case "copy", []:
                return self.set(name, clock)
            case "trim", bounds:
                return self.set(a, clock.trim(int(name), TrimBounds(*map(int, bounds))))
        return None

    def ask(self, verb: str, words: list[str]) -> str | None:
        match verb, words:
            case "compare", [a, b]:
                ours, theirs = self.clocks[a], self.clocks[b]
                answer = ours.compare(theirs)
                assert (ours == theirs, ours < theirs, ours > theirs) == tuple(
                    answer == word for word in ("equal", "before", "after")
                )
                assert (ours <= theirs) == theirs.descends(ours) == (answer in ("equal", "before"))
                assert theirs.dominates(ours) == (answer == "before")
                assert answer != "equal" or hash(ours) == hash(theirs)
                return answer.value
            case "get", [a, name]:
                entry = self.clocks[a].entry(unquote(name))
                known = ["-" if field is None else str(field) for field in entry or ()]
                return " ".join(known) or "none"
            case "dot", [a, name]:
                dot = self.clocks[a].dot(unquote(name))
                assert dot is None or self.clocks[a].descends_dot(dot)
                return str(dot[1]) if dot else "none"
            case "actor", [name, incarnation]:
                return quote(actor(unquote(name), int(incarnation)), safe="")
        return None

    def form(self, verb: str, words: list[str]) -> str | None:
        match verb, words:
            case "json", [a]:
                return self.clocks[a].to_json()
            case "from-json", [text]:
                return show(bytes(VectorClock.from_json(unquote(text))))
            case "fold-json", [f]:
                return self.folds[f].to_json()
            case "from-siblings-json", [text]:
                return show(bytes(Siblings.from_json(unquote(text))))
            case "table", [m, *names]:
                self.tables[m] = ActorTable(map(unquote, names))
                return f"{self.tables[m].fingerprint:016x}"
            case "dense", [a, m]:
                return show(self.clocks[a].to_dense(self.tables[m]))
            case "from-dense", [m, data]:
                return show(bytes(VectorClock.from_dense(self.tables[m], unhex(data))))
            case "read", [form, data]:
                read: dict[str, Callable[[bytes], SupportsBytes]] = {
                    "clock": VectorClock.from_bytes, "folded": Folded.from_bytes,
                    "siblings": Siblings.from_bytes, "retired": Retired.from_bytes,
                }
                assert bytes(read[form](unhex(data))) == unhex(data)
                return "ok"
        return None

    def set_fold(self, name: str, folded: Folded) -> str:
        self.folds[name] = folded
        return show(bytes(folded))

    def fold(self, verb: str, words: list[str]) -> str | None:
        match verb, words:
            case "retire", [name, count]:
                return str(self.log.retire(unquote(name), int(count)))
            case "relog", []:
                self.log = Retired()
                return str(self.log.epoch)
            case "log", []:
                return show(bytes(self.log))
            case "log-json", []:
                assert Retired.from_json(self.log.to_json()) == self.log
                return self.log.to_json()
            case "from-log-json", [text]:
                return show(bytes(Retired.from_json(unquote(text))))
            case "fold", [f, a]:
                return self.set_fold(f, self.log.fold(self.clocks[a]))
            case "fold-raise", [f]:
                return self.set_fold(f, self.log.raise_(self.folds[f]))
            case "unfold", [f, a]:
                return self.set(a, self.log.unfold(self.folds[f]))
            case "fold-compare", [f, g]:
                return self.log.compare(self.folds[f], self.folds[g]).value
            case "fold-merge", [f, g]:
                return self.set_fold(f, self.log.merge(self.folds[f], self.folds[g]))
        return None

    def record(self, verb: str, words: list[str]) -> str | None:
        s = words[0] if words else ""
        record = self.records[s]
        match verb, words[1:]:
            case "put", [name, a, value]:
                record = record.put(unquote(name), self.clocks[a], unhex(value))
            case "discard", [a]:
                record = record.discard(self.clocks[a])
            case "sync", [t]:
                record = record.merge(self.records[t])
            case "resolve", [name]:
                record = record.resolve(unquote(name), b"".join)
            case "context", [a]:
                return self.set(a, record.context)
            case "values", []:
                return ",".join(map(show, record)) or "none"
            case "siblings-json", []:
                assert Siblings.from_json(record.to_json()) == record
                return record.to_json()
            case "compare-siblings", [t]:
                return record.compare(self.records[t]).value
            case _:
                return None
        self.records[s] = record
        return show(bytes(record))

    def time(self, verb: str, words: list[str]) -> str | None:
        match verb, words:
            case "hybrid", [h, drift]:
                self.hybrids[h] = HybridClock(int(drift))
                return "ok"
            case "tick", [h, now]:
                return stamp(self.hybrids[h].tick(int(now)))
            case "observe", [h, remote, now]:
                return stamp(self.hybrids[h].observe(HybridTime(remote), int(now)))
            case "read-stamp", [text]:
                return str(int(HybridTime(unquote(text))))
            case "lamport-tick", [name]:
                return str(self.lamports[name].tick())
            case "lamport-observe", [name, remote]:
                return str(self.lamports[name].observe(int(remote)))
        return None


def test_there_are_vectors() -> None:
    assert {path.name for path in VECTORS.glob("*.txt")} == LINES.keys()


@pytest.mark.parametrize("name", LINES)
def test_everybody_comes_to_the_same(name: str) -> None:
    player, lines = Player(), 0
    for number, line in enumerate((VECTORS / name).read_text().split("\n"), 1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("case "):
            player = Player()
            continue
        statement, expected = line.split(" => ")
        assert player.play(statement) == expected, f"{name}:{number}: {statement}"
        lines += 1
    assert lines >= LINES[name]
