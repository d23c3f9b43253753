"""Owners of keys by docs/RING.md, as plainly as can be: nothing here is fast.

`python3 reference.py` finds all owners in the files beside it once more, and fails where they are
others; `--write` writes the files. The only dependency is `xxhash`.
"""

import base64
import hashlib
import math
import random
import sys
from pathlib import Path

import xxhash

BITS = (1 << 64) - 1
HERE = Path(__file__).parent


def mix(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & BITS
    x = (x ^ x >> 27) * 0x94D049BB133111EB & BITS
    return x ^ x >> 31


def seed(slot):
    return mix((slot + 1) * 0x9E3779B97F4A7C15 & BITS)


def log2(i):
    v, log = (256 + i) << 55, 0
    for _ in range(48):
        s = v * v >> 63
        bit = s >> 64 != 0
        log = log * 2 + bit
        v = s >> 1 if bit else s
    return log


L = [log2(i) for i in range(256)] + [1 << 48]


def cost(x):
    y = BITS - x
    if y == 0:
        return 64 << 48
    z = 64 - y.bit_length()
    m = y << z
    i, f = m >> 55 & 0xFF, m >> 23 & 0xFFFFFFFF
    return (z << 48) + (1 << 48) - (L[i] + ((L[i + 1] - L[i]) * f >> 32))


def tagged(key):
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    return key[start + 1 : end] if start >= 0 and end > start + 1 else key


class Slots:
    """Nodes are (name, weight, zone)."""

    def __init__(self, nodes, slots, slack):
        self.nodes = sorted(nodes)
        self.hashes = [xxhash.xxh3_64_intdigest(name.encode()) for name, _, _ in self.nodes]
        self.slots = slots
        # So that bids are whole numbers.
        self.unit = math.lcm(*(weight for _, weight, _ in self.nodes))
        self.bids = [self.bids_for(slot) for slot in range(slots)]
        self.owner_of = [order[0][2] for order in self.bids] if self.nodes else []
        if slack is not None and self.nodes:
            self.owner_of = self.matching(slack)

    def bids_for(self, slot):
        bids = []
        for number, (_, weight, _) in enumerate(self.nodes):
            x = mix(seed(slot) ^ self.hashes[number])
            bids.append((cost(x) * (self.unit // weight), x, number))
        return sorted(bids)

    def matching(self, slack):
        total = sum(weight for _, weight, _ in self.nodes)
        room = [-(-self.slots * w * (1000 + slack) // (total * 1000)) for _, w, _ in self.nodes]
        pairs = [(*bid, slot) for slot, bids in enumerate(self.bids) for bid in bids]
        owners = [None] * self.slots
        for _, _, number, slot in sorted(pairs):
            if owners[slot] is None and room[number] > 0:
                owners[slot] = number
                room[number] -= 1
        return owners

    def slot(self, key):
        return xxhash.xxh3_64_intdigest(key) * self.slots >> 64

    def owners(self, key, count, pinned=None):
        if not self.nodes:
            return []
        slot = self.slot(key)
        names = [name for name, _, _ in self.nodes]
        first = names.index(pinned) if pinned in names else self.owner_of[slot]

        def zone(number):
            return self.nodes[number][2] or number

        far, near, zones = [], [], {zone(first)}
        for _, _, number in self.bids[slot]:
            if number != first:
                (near if zone(number) in zones else far).append(number)
                zones.add(zone(number))
        return [names[number] for number in ([first] + far + near)[:count]]


class Points:
    def __init__(self, nodes, profile):
        self.profile = profile
        nodes = sorted(nodes)
        total = sum(weight for _, weight, _ in nodes)
        points = {}
        for name, weight, _ in nodes:
            if profile == "clusterluck":
                places = [self.text(f"{name}_{n}".encode()) for n in range(1, weight + 1)]
            else:
                digests = 40 * weight * len(nodes) // total
                places = [p for n in range(digests) for p in self.md5(f"{name}-{n}".encode())]
            for place in places:
                points.setdefault(place, name)
        self.points = sorted(points.items())

    @staticmethod
    def text(data):
        return base64.b64encode(hashlib.sha256(data).digest()).decode()[:10]

    @staticmethod
    def md5(data):
        digest = hashlib.md5(data).digest()
        return [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]

    def owners(self, key, count, pinned=None):
        if self.profile == "clusterluck":
            place = self.text(key)
            behind = [p for p in self.points if p[0] > place]
        else:
            place = self.md5(key)[0]
            behind = [p for p in self.points if p[0] >= place]
        names = [pinned] if pinned else []
        for _, name in behind + self.points:
            if name not in names:
                names.append(name)
        return names[:count]


def number(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value):
    return number(len(value)) + value


def form(ring):
    profile = ring["profile"].split()
    out = bytearray([1])
    if profile[0] == "slots":
        slack = 0 if profile[2] == "pure" else int(profile[2]) + 1
        out += b"\0" + number(int(profile[1])) + number(slack)
    else:
        out += bytes([["slots", "ketama", "clusterluck"].index(profile[0])])
    out += bytes([ring["tags"]])
    out += number(len(ring["nodes"]))
    for name, weight, zone in sorted(ring["nodes"]):
        out += text(name.encode()) + number(weight) + text(zone.encode())
    out += number(len(ring["excluded"]))
    for name in sorted(ring["excluded"], key=str.encode):
        out += text(name.encode())
    for pins in (ring["keys"], ring["prefixes"]):
        out += number(len(pins))
        for key, name in sorted(pins.items()):
            out += text(key) + text(name.encode())
    return bytes(out)


class Ring:
    """A ring as the files describe it."""

    def __init__(self, described):
        self.described = described
        profile = described["profile"].split()
        nodes = [node for node in described["nodes"] if node[0] not in described["excluded"]]
        self.names = {name for name, _, _ in nodes}
        if profile[0] == "slots":
            slack = None if profile[2] == "pure" else int(profile[2])
            self.placement = Slots(nodes, int(profile[1]), slack)
        else:
            self.placement = Points(nodes, profile[0])

    def owners(self, key, count):
        fits = [key[:n] for n in range(len(key), -1, -1) if key[:n] in self.described["prefixes"]]
        pinned = self.described["keys"].get(key)
        if pinned is None and fits:
            pinned = self.described["prefixes"][fits[0]]
        pinned = pinned if pinned in self.names else None
        placed = tagged(key) if self.described["tags"] else key
        return self.placement.owners(placed, count, pinned)

    def lines(self, keys):
        form_of_it = form(self.described)
        yield f"form {form_of_it.hex()}"
        yield f"fingerprint {xxhash.xxh3_64_intdigest(form_of_it):016x}"
        for key in keys:
            owners = [name.encode().hex() for name in self.owners(key, 4)]
            yield f"{key.hex() or '-'} {' '.join(owners) or '-'}"


def described(profile, nodes, tags=0, excluded=(), keys=None, prefixes=None):
    return {
        "profile": profile,
        "tags": tags,
        "nodes": nodes,
        "excluded": list(excluded),
        "keys": keys or {},
        "prefixes": prefixes or {},
    }


def rings():
    """What the files are of: the number of keys is less where a ring is large."""
    plain = [(f"web-{n}", 1, "") for n in range(1, 11)]
    zoned = [(f"n{n}", 1 + n % 3, f"zone-{n % 4}") for n in range(12)]
    odd = [("ä", 1, ""), ("constructor", 2, ""), ("node1", 1, ""), ("node11", 1, "")]
    skewed = [("small", 1, ""), ("large", 65535, ""), ("middle", 300, "")]
    yield "empty", described("slots 64 50", [])
    yield "alone", described("slots 64 50", [("a", 1, "")])
    yield "default", described("slots 65536 50", plain)
    yield "pure", described("slots 4096 pure", plain)
    yield "exact", described("slots 4096 0", plain)
    yield "partitions", described("slots 271 0", plain)
    yield "weighted", described("slots 4096 50", zoned)
    yield "weighted-pure", described("slots 4096 pure", [(n, w, "") for n, w, _ in zoned])
    yield "skewed", described("slots 4096 50", skewed)
    yield "odd-names", described("slots 1024 20", odd)
    many = [(f"host-{n:03}", 1 + n % 2, f"r{n % 7}") for n in range(60)]
    yield "large", described("slots 4096 50", many)
    yield "tags", described("slots 4096 50", plain, tags=1)
    yield (
        "overrides",
        described(
            "slots 1024 50",
            plain,
            excluded=["web-3", "web-99"],
            keys={b"vip": "web-1", b"lost": "web-3", b"user:1": "web-2"},
            prefixes={b"user:": "web-4", b"user:1": "web-5", b"": "web-99", b"gone:": "nobody"},
        ),
    )
    yield "ketama", described("ketama", [(f"10.0.1.{n}:11211", 1, "") for n in range(1, 9)])
    yield "ketama-weighted", described("ketama", [(f"cache{n}", n, "") for n in range(1, 7)])
    yield "clusterluck", described("clusterluck", [(n, 3, "") for n in "abcd"])
    heavy = [("foo", 3, ""), ("bar", 40, ""), ("baz", 128, "")]
    yield "clusterluck-weighted", described("clusterluck", heavy)


def keys(name):
    drawn = random.Random(name)
    yield from [b"", b"k", b"vip", b"lost", b"user:", b"user:1", b"user:12", b"user:42", b"gone:1"]
    yield from [b"{tag}a", b"{tag}b", b"{}x", b"a{b", b"{{x}}"]
    yield from ["schlüssel".encode(), b"\xff\x00\xfe", b"x" * 300]
    for _ in range(250):
        if drawn.random() < 0.2:
            yield drawn.randbytes(drawn.randrange(1, 40))
        else:
            yield f"key-{drawn.randrange(10**9)}".encode()


def main(arguments):
    wrong = 0
    for name, ring in rings():
        path = HERE / f"{name}.txt"
        content = "".join(f"{line}\n" for line in Ring(ring).lines(keys(name)))
        if arguments == ["--write"]:
            path.write_text(content)
        elif not path.exists() or path.read_text() != content:
            print(f"{path.name} is not what docs/RING.md says", file=sys.stderr)
            wrong += 1
    known = Points([(name, 3, "") for name in "abcd"], "clusterluck").owners(b"k", 3)
    if known != ["d", "c", "b"]:
        print(f"Clusterluck's own example gives {known}", file=sys.stderr)
        wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
