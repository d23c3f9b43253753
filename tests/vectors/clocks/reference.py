"""Plays the vectors beside it with the clocks of plain.py, and compares every line.

    python3 reference.py            exits with 1 when a line differs
    python3 reference.py --write    writes the files anew, from their seeds
"""

import sys
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

sys.dont_write_bytecode = True
import plain  # noqa: E402
from plain import Bytes, Refused, clock_bytes, folded_bytes  # noqa: E402
from plain import log_bytes, siblings_bytes  # noqa: E402

FOLDER = Path(__file__).resolve().parent
U64 = plain.U64


def text(word):
    return unquote_to_bytes(word).decode()


def hexed(data):
    return data.hex() or "-"


def unhexed(word):
    return bytes.fromhex("" if word == "-" else word)


class Player:
    """Plays statements; each method is one, with its words as they stand in the file."""

    def __init__(self):
        self.case()

    def case(self, _name=""):
        self.clocks, self.folds, self.records, self.tables = {}, {}, {}, {}
        self.hybrids, self.lamports, self.ended = {}, {}, []

    def play(self, statement):
        verb, *words = statement.split(" ")
        try:
            return getattr(self, verb.replace("-", "_"))(*words)
        except Refused as refused:
            return str(refused)

    def clock(self, a):
        return self.clocks.setdefault(a, {})

    def record(self, s):
        return self.records.setdefault(s, {"seen": {}, "values": {}})

    def fold_of(self, f):
        return self.folds.setdefault(f, (0, {}))

    def seen(self, a):
        return {actor: entry[0] for actor, entry in self.clock(a).items()}

    def set(self, a, actor, count, at):
        at = int(at[0]) if at else None
        plain.change(self.clock(a), actor, count, at)
        return hexed(clock_bytes(self.clock(a)))

    def insert(self, a, word, *at):
        actor = text(word)
        if actor in self.clock(a):
            return hexed(clock_bytes(self.clock(a)))
        return self.set(a, actor, 0, at)

    def increment(self, a, word, *at):
        return self.set(a, text(word), plain.count_of(self.clock(a), text(word)) + 1, at)

    def update(self, a, word, count, *at):
        return self.set(a, text(word), int(count), at)

    def remove(self, a, word):
        self.clock(a).pop(text(word), None)
        return hexed(clock_bytes(self.clock(a)))

    def merge(self, a, b):
        self.clocks[a] = plain.merged(self.clock(a), self.clock(b))
        return hexed(clock_bytes(self.clock(a)))

    def copy(self, a, b):
        self.clocks[b] = dict(self.clock(a))
        return hexed(clock_bytes(self.clock(b)))

    def trim(self, a, *bounds):
        plain.trim(self.clock(a), *map(int, bounds))
        return hexed(clock_bytes(self.clock(a)))

    def compare(self, a, b):
        return plain.compare(self.clock(a), self.clock(b))

    def get(self, a, word):
        entry = self.clock(a).get(text(word))
        return " ".join("-" if n is None else str(n) for n in entry) if entry else "none"

    def dot(self, a, word):
        return str(plain.count_of(self.clock(a), text(word)) or "none")

    def actor(self, word, incarnation):
        name = text(word)
        plain.check_actor(name)
        plain.check_actor(f"{name}~{incarnation}")
        return quote(f"{name}~{incarnation}", safe="")

    def json(self, a):
        return plain.json_text(plain.json_value(self.clock(a)))

    def from_json(self, word):
        return hexed(clock_bytes(plain.parse_json(text(word))))

    def table(self, m, *words):
        self.tables[m] = [text(word) for word in words]
        return plain.fingerprint({*self.tables[m]}).hex()

    def dense(self, a, m):
        return hexed(plain.dense_bytes(self.clock(a), {*self.tables[m]}))

    def from_dense(self, m, word):
        table = {*self.tables[m]}

        def write(clock):
            return plain.dense_bytes(clock, table)

        clock = plain.whole(unhexed(word), lambda reader: reader.dense(table), write)
        return hexed(clock_bytes(clock))

    def read(self, form, word):
        forms = {"clock": clock_bytes, "folded": folded_bytes}
        forms |= {"siblings": siblings_bytes, "retired": log_bytes}
        plain.whole(unhexed(word), getattr(Bytes, form), forms[form])
        return "ok"

    def retire(self, word, count):
        plain.retire(self.ended, text(word), int(count))
        return str(len(self.ended))

    def relog(self):
        self.ended = []
        return "0"

    def log(self):
        return hexed(log_bytes(self.ended))

    def log_json(self):
        return plain.json_text(plain.log_value(self.ended))

    def from_log_json(self, word):
        return hexed(log_bytes(plain.parse_log(text(word))))

    def fold(self, f, a):
        self.folds[f] = plain.raise_to(self.ended, (0, self.clock(a)))
        return hexed(folded_bytes(self.folds[f]))

    def unfold(self, f, a):
        self.clocks[a] = plain.unfold(self.ended, self.fold_of(f))
        return hexed(clock_bytes(self.clocks[a]))

    def fold_raise(self, f):
        self.folds[f] = plain.raise_to(self.ended, self.fold_of(f))
        return hexed(folded_bytes(self.folds[f]))

    def fold_compare(self, f, g):
        ours, theirs = (plain.unfold(self.ended, self.fold_of(fold)) for fold in (f, g))
        return plain.compare(ours, theirs)

    def fold_merge(self, f, g):
        self.folds[f] = plain.fold_merge(self.ended, self.fold_of(f), self.fold_of(g))
        return hexed(folded_bytes(self.folds[f]))

    def fold_json(self, f):
        epoch, clock = self.fold_of(f)
        whole = {"clock": plain.json_value(clock), "epoch": plain.json_number(epoch)}
        return plain.json_text(whole)

    def put(self, s, word, a, value):
        plain.put(self.record(s), text(word), self.seen(a), unhexed(value))
        return hexed(siblings_bytes(self.record(s)))

    def context(self, s, a):
        seen = self.record(s)["seen"]
        self.clocks[a] = {actor: (count, None, None) for actor, count in seen.items()}
        return hexed(clock_bytes(self.clocks[a]))

    def discard(self, s, a):
        plain.discard(self.record(s), self.seen(a))
        return hexed(siblings_bytes(self.record(s)))

    def sync(self, s, t):
        self.records[s] = plain.sync(self.record(s), self.record(t))
        return hexed(siblings_bytes(self.records[s]))

    def resolve(self, s, word):
        record = self.record(s)
        if len(record["values"]) > 1:
            value = b"".join(record["values"][dot] for dot in plain.dots(record))
            plain.put(record, text(word), dict(record["seen"]), value)
        return hexed(siblings_bytes(record))

    def values(self, s):
        record = self.record(s)
        return ",".join(hexed(record["values"][dot]) for dot in plain.dots(record)) or "none"

    def siblings_json(self, s):
        return plain.json_text(plain.siblings_value(self.record(s)))

    def from_siblings_json(self, word):
        return hexed(siblings_bytes(plain.parse_siblings(text(word))))

    def compare_siblings(self, s, t):
        return plain.compare_siblings(self.record(s), self.record(t))

    def hybrid(self, h, drift):
        self.hybrids[h] = [0, int(drift)]
        return "ok"

    def tick(self, h, now):
        return plain.hybrid_next(self.hybrids[h], int(now))

    def observe(self, h, stamp, now):
        return plain.hybrid_next(self.hybrids[h], int(now), plain.parse_stamp(stamp))

    def read_stamp(self, word):
        return str(plain.parse_stamp(text(word)))

    def lamport_tick(self, l):
        self.lamports[l] = min(self.lamports.get(l, 0) + 1, U64)
        return str(self.lamports[l])

    def lamport_observe(self, l, remote):
        self.lamports[l] = max(self.lamports.get(l, 0), int(remote))
        return self.lamport_tick(l)


def played(statements):
    """The lines of a file, with the outcomes that they should have."""
    player = Player()
    for statement in statements:
        if statement.startswith("case "):
            player.case()
            yield statement
        else:
            yield f"{statement} => {player.play(statement)}"


def compare_files():
    lines = wrong = 0
    for path in sorted(FOLDER.glob("*.txt")):
        numbered = enumerate(path.read_text("utf-8").split("\n"), 1)
        told = [(n, line) for n, line in numbered if line and not line.startswith("#")]
        statements = [line.split(" => ")[0] for _, line in told]
        for (place, line), expected in zip(told, played(statements), strict=True):
            lines += 1
            if line != expected:
                wrong += 1
                print(f"{path.name}:{place}: {line}\n  expected {expected}", file=sys.stderr)
    print(f"{lines} lines, {wrong} differ")
    return wrong > 0 or lines < 1000


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        from statements import FILES  # beside this file

        for file, (title, make) in FILES.items():
            made = [f"# {title}", "# Written by reference.py; see README.md.", *played(make())]
            (FOLDER / file).write_text("\n".join(made) + "\n", "utf-8")
    sys.exit(compare_files())
