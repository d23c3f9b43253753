"""Clocks in plain Python, after docs/CLOCKS.md and nothing else: lists and dicts."""

import base64
import binascii
import hashlib
import json

U64 = 2**64 - 1


class Refused(Exception):
    """Holds the code of an error."""


def check_actor(name):
    if not 1 <= len(name.encode()) <= 1024:
        raise Refused("bad_argument")


def by_bytes(names):
    return sorted(names, key=lambda name: name.encode())


# A clock is a dict: actor -> (count, insert or None, time or None).


def change(clock, actor, count, at):
    check_actor(actor)
    _, insert, time = clock.get(actor, (0, None, None))
    if at is not None:
        time = min(at, U64 - 1)
        insert = time if insert is None else insert
    clock[actor] = (min(count, U64), insert, time)


def merged(ours, theirs):
    whole = dict(ours)
    for actor, (count, insert, time) in theirs.items():
        if actor not in whole:
            whole[actor] = (count, insert, time)
            continue
        our_count, our_insert, our_time = whole[actor]
        if count == our_count:
            newest = max((t for t in (time, our_time) if t is not None), default=None)
        else:
            newest = time if count > our_count else our_time
        first = min((i for i in (insert, our_insert) if i is not None), default=None)
        whole[actor] = (max(count, our_count), first, newest)
    return whole


def verdict(pairs):
    pairs = list(pairs)
    less, more = any(a < b for a, b in pairs), any(a > b for a, b in pairs)
    return {(0, 0): "equal", (1, 0): "before", (0, 1): "after"}.get((less, more), "concurrent")


def count_of(clock, actor):
    return clock[actor][0] if actor in clock else 0


def compare(ours, theirs):
    return verdict((count_of(ours, a), count_of(theirs, a)) for a in {*ours, *theirs})


def trim(clock, now, lower, young, upper, old):
    def age(actor):
        return max(0, now - clock[actor][2])

    timed = [actor for actor in clock if clock[actor][2] is not None]
    timed.sort(key=lambda actor: (clock[actor][2], actor.encode()))
    if len(clock) <= lower or not timed or age(timed[0]) <= young:
        return
    while timed and (len(clock) > upper or age(timed[0]) > old):
        del clock[timed.pop(0)]


# A log is a list of (actor, final count); a folded clock is (epoch, clock).


def retire(log, actor, count):
    check_actor(actor)
    if any(actor == other for other, _ in log):
        raise Refused("bad_argument")
    if len(actor.encode()) + sum(len(other.encode()) for other, _ in log) > 16 * 2**20:
        raise Refused("too_large")
    log.append((actor, count))


def raise_to(log, folded):
    epoch, clock = folded[0], dict(folded[1])
    if epoch > len(log):
        raise Refused("bad_argument")
    for actor, final in log[epoch:]:
        if actor not in clock and final != 0:
            clock[actor] = (0, None, None)
        elif actor in clock and clock[actor][0] == final:
            del clock[actor]
    return len(log), clock


def unfold(log, folded):
    epoch, clock = folded[0], dict(folded[1])
    if epoch > len(log):
        raise Refused("bad_argument")
    for actor, final in log[:epoch]:
        if actor not in clock and final != 0:
            clock[actor] = (final, None, None)
        elif actor in clock and clock[actor][0] == 0:
            del clock[actor]
    return clock


def fold_merge(log, ours, theirs):
    finals = dict(log)
    ours, theirs = raise_to(log, ours)[1], raise_to(log, theirs)[1]

    def meant(clock):
        missing = {*ours, *theirs} - {*clock}
        return {**clock, **{actor: (finals.get(actor, 0), None, None) for actor in missing}}

    clock = merged(meant(ours), meant(theirs))
    return len(log), {actor: e for actor, e in clock.items() if finals.get(actor) != e[0]}


# A record is {"seen": {actor: count}, "values": {(actor, count): bytes}}.


def discard(record, seen):
    for actor, count in seen.items():
        if count > 0:
            record["seen"][actor] = max(count, record["seen"].get(actor, 0))
    old = [dot for dot in record["values"] if dot[1] <= seen.get(dot[0], 0)]
    for dot in old:
        del record["values"][dot]


def put(record, actor, seen, value):
    check_actor(actor)
    if max(record["seen"].get(actor, 0), seen.get(actor, 0)) == U64:
        raise Refused("bad_argument")
    discard(record, seen)
    record["seen"][actor] = record["seen"].get(actor, 0) + 1
    record["values"][actor, record["seen"][actor]] = value


def sync(ours, theirs):
    def kept(side, other):
        new = {dot: v for dot, v in side["values"].items() if dot[1] > other["seen"].get(dot[0], 0)}
        both = {dot: v for dot, v in side["values"].items() if dot in other["values"]}
        return {**both, **new}

    actors = {*ours["seen"], *theirs["seen"]}
    seen = {a: max(ours["seen"].get(a, 0), theirs["seen"].get(a, 0)) for a in actors}
    return {"seen": seen, "values": {**kept(theirs, ours), **kept(ours, theirs)}}


def dots(record):
    return sorted(record["values"], key=lambda dot: (dot[0].encode(), dot[1]))


def compare_siblings(ours, theirs):
    def state(record, actor):
        count = record["seen"].get(actor, 0)
        return count, count - sum(dot[0] == actor for dot in record["values"])

    states = [(state(ours, a), state(theirs, a)) for a in {*ours["seen"], *theirs["seen"]}]
    return verdict((a[part], b[part]) for a, b in states for part in (0, 1))


# Bytes.


def number(value):
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + number(rest) if rest else bytes([low])


def name_after(before, name):
    before, name = before.encode(), name.encode()
    shared = 0
    while before[shared : shared + 1] == name[shared : shared + 1] != b"":
        shared += 1
    fresh = len(name) - shared
    out = bytes([min(shared, 15) * 16 + min(fresh, 15)])
    out += b"".join(number(length - 15) for length in (shared, fresh) if length >= 15)
    return out + name[shared:]


def listed(names, body=lambda name: b""):
    out, before = b"", ""
    for name in by_bytes(names):
        out += name_after(before, name) + body(name)
        before = name
    return out


def clock_bytes(clock):
    stamped = any(entry[1:] != (None, None) for entry in clock.values())

    def body(actor):
        stamps = clock[actor][1:] if stamped else ()
        return number(clock[actor][0]) + b"".join(
            number(0 if stamp is None else stamp + 1) for stamp in stamps
        )

    return bytes([0x21 if stamped else 0x11]) + number(len(clock)) + listed(clock, body)


def folded_bytes(folded):
    return b"\x31" + number(folded[0]) + clock_bytes(folded[1])


def log_bytes(log):
    def pair(actor, count):
        return number(len(actor.encode())) + actor.encode() + number(count)

    return b"\x61" + number(len(log)) + b"".join(pair(*one) for one in log)


def siblings_bytes(record):
    def body(actor):
        values = [record["values"][dot] for dot in dots(record) if dot[0] == actor]
        head = number(record["seen"][actor]) + number(len(values))
        return head + b"".join(number(len(value)) + value for value in values)

    return b"\x41" + number(len(record["seen"])) + listed(record["seen"], body)


def fingerprint(table):
    return hashlib.sha256(listed(table)).digest()[:8]


def dense_bytes(clock, table):
    if any(count_of(clock, actor) > 0 for actor in {*clock} - {*table}):
        raise Refused("bad_argument")
    counts = b"".join(number(count_of(clock, actor)) for actor in by_bytes(table))
    return b"\x51" + fingerprint(table) + counts


class Bytes:
    """Reads leniently; that a form is the one form is known by writing what was read again."""

    def __init__(self, data):
        self.data, self.name = data, b""

    def take(self, count):
        if count > len(self.data):
            raise Refused("bad_argument")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self):
        value, shift, more = 0, 0, True
        while more:
            byte = self.take(1)[0]
            value, shift, more = value | (byte & 0x7F) << shift, shift + 7, byte >= 0x80
        if value > U64:
            raise Refused("bad_argument")
        return value

    def next_name(self):
        lengths = self.take(1)[0]
        shared, fresh = (
            15 + self.number() if half == 15 else half for half in (lengths >> 4, lengths & 15)
        )
        if shared > len(self.name) or shared + fresh > 1024:
            raise Refused("bad_argument")
        self.name = self.name[:shared] + self.take(fresh)
        try:
            name = self.name.decode()
        except UnicodeDecodeError:
            raise Refused("bad_argument") from None
        check_actor(name)
        return name

    def clock(self):
        kind = self.take(1)[0]
        if kind not in (0x11, 0x21):
            raise Refused("bad_argument")
        clock = {}
        for _ in range(self.number()):
            actor, count = self.next_name(), self.number()
            raw = (self.number(), self.number()) if kind == 0x21 else (0, 0)
            clock[actor] = (count, *(None if stamp == 0 else stamp - 1 for stamp in raw))
        return clock

    def folded(self):
        if self.take(1) != b"\x31":
            raise Refused("bad_argument")
        return self.number(), self.clock()

    def retired(self):
        if self.take(1) != b"\x61":
            raise Refused("bad_argument")
        log = []
        for _ in range(self.number()):
            try:
                actor = self.take(self.number()).decode()
            except UnicodeDecodeError:
                raise Refused("bad_argument") from None
            retire(log, actor, self.number())
        return log

    def siblings(self):
        if self.take(1) != b"\x41":
            raise Refused("bad_argument")
        record = {"seen": {}, "values": {}}
        for _ in range(self.number()):
            actor, count, many = self.next_name(), self.number(), self.number()
            if not count or many > count:
                raise Refused("bad_argument")
            record["seen"][actor] = count
            for event in range(count - many + 1, count + 1):
                record["values"][actor, event] = self.take(self.number())
        return record

    def dense(self, table):
        if self.take(1) != b"\x51" or self.take(8) != fingerprint(table):
            raise Refused("bad_argument")
        counts = {actor: self.number() for actor in by_bytes(table)}
        return {actor: (count, None, None) for actor, count in counts.items() if count}


def whole(data, read, write):
    reader = Bytes(data)
    value = read(reader)
    if write(value) != data:
        raise Refused("bad_argument")
    return value


# JSON.


def json_number(value):
    return str(value) if value > 2**53 else value


def json_value(clock):
    def entry(actor):
        count, insert, time = clock[actor]
        if insert is None and time is None:
            return json_number(count)
        known = {"count": count, "insert": insert, "time": time}
        return {name: json_number(n) for name, n in known.items() if n is not None}

    return {actor: entry(actor) for actor in by_bytes(clock)}


def json_text(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse_json_number(value):
    if type(value) is int and 0 <= value <= 2**53:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        if 2**53 < int(value) <= U64 and str(int(value)) == value:
            return int(value)
    raise Refused("bad_argument")


def loaded(text, kind):
    if len(text.encode()) > 4 * 2**20:
        raise Refused("too_large")
    try:
        value = json.loads(text)
    except ValueError:
        raise Refused("bad_argument") from None
    if not isinstance(value, kind):
        raise Refused("bad_argument")
    return value


def parse_json(text):
    clock = {}
    for actor, entry in loaded(text, dict).items():
        check_actor(actor)
        entry = entry if isinstance(entry, dict) else {"count": entry}
        known = {name: parse_json_number(n) for name, n in entry.items()}
        stamps = known.get("insert"), known.get("time")
        if "count" not in known or {*known} - {"count", "insert", "time"} or U64 in stamps:
            raise Refused("bad_argument")
        clock[actor] = (known["count"], *stamps)
    return clock


def log_value(log):
    return [[actor, json_number(count)] for actor, count in log]


def parse_log(text):
    log = []
    for pair in loaded(text, list):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise Refused("bad_argument")
        retire(log, pair[0], parse_json_number(pair[1]))
    return log


def siblings_value(record):
    def events(actor):
        count = json_number(record["seen"][actor])
        values = [record["values"][dot] for dot in dots(record) if dot[0] == actor]
        texts = [base64.b64encode(value).decode() for value in values]
        return {"count": count, "values": texts} if texts else count

    return {actor: events(actor) for actor in by_bytes(record["seen"])}


def parse_base64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Refused("bad_argument") from None
    if base64.b64encode(data).decode() != text:
        raise Refused("bad_argument")
    return data


def parse_siblings(text):
    record = {"seen": {}, "values": {}}
    for actor, entry in loaded(text, dict).items():
        check_actor(actor)
        entry = entry if isinstance(entry, dict) else {"count": entry, "values": []}
        if {*entry} != {"count", "values"} or not isinstance(entry["values"], list):
            raise Refused("bad_argument")
        count, many = parse_json_number(entry["count"]), len(entry["values"])
        if not count or many > count:
            raise Refused("bad_argument")
        record["seen"][actor] = count
        for event, value in enumerate(entry["values"], count - many + 1):
            record["values"][actor, event] = parse_base64(value)
    return record


# Stamps are numbers; a hybrid clock is [last, drift].


def hybrid_text(stamp):
    return f"{stamp >> 16:015}.{stamp & 0xFFFF:05}"


def parse_stamp(text):
    ms, _, counter = text.partition(".")
    plain = (ms + counter).isascii() and (ms + counter).isdigit()
    if not plain or len(ms) != 15 or len(counter) != 5:
        raise Refused("bad_argument")
    if int(ms) >= 2**48 or int(counter) >= 2**16:
        raise Refused("bad_argument")
    return int(ms) << 16 | int(counter)


def hybrid_next(clock, now, remote=0):
    if remote >> 16 > (now + clock[1]) // 1000:
        raise Refused("bad_argument")
    ms = min(now // 1000, 2**48 - 1)
    clock[0] = min(max(ms << 16, max(clock[0], remote) + 1), U64)
    return f"{hybrid_text(clock[0])} {clock[0]:016x}"
