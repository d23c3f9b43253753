"""What the vectors ask: the statements of each file, the same ones from every run."""

import json
import random
from urllib.parse import quote

from reference import Player

U64 = 2**64 - 1
ACTORS = ["web-1", "web-2", "web-10", "web-1~1795316449", "a", "ab", "constructor", "__proto__"]
ODD = ["é", "x y", "\n", "%41", "😀", "toString", '"\\', "\x00", "x" * 15, "x" * 16 + "é"]
BORN = ["constructor", "__proto__", "toString", "valueOf", "hasOwnProperty", "prototype"]
COUNTS = [0, 1, 2, 3, 127, 128, 16383, 16384, 2**53, 2**53 + 1, 2**63, U64 - 1, U64]
NOW = 1_795_316_449_123_456
# The same name twice, names out of order, more shared than said, nothing added, shared with
# nothing, no UTF-8, needless bytes of a number, of a length; and one that is right.
ONE_OFF = [
    "11020161010161" + "01",
    "11020162010161" + "01",
    "1102026162011262" + "6301",
    "110202616201" + "2001",
    "1101116101",
    "110101c301",
    "110101618100",
    "11010f80006161616161616161616161616161" + "6101",
    "11010f00" + "61" * 15 + "01",
]


def word(text):
    return quote(text, safe="")



def clock_step(chance, actors):
    a, b = chance.choice("abc"), chance.choice("abc")
    actor = word(chance.choice(actors))
    at = f" {NOW + chance.randrange(10**9)}" if chance.random() < 0.3 else ""
    match chance.randrange(12):
        case 0:
            return f"insert {a} {actor}{at}"
        case 1 | 2 | 3 | 4:
            return f"increment {a} {actor}{at}"
        case 5:
            return f"update {a} {actor} {chance.choice(COUNTS)}{at}"
        case 6:
            return f"remove {a} {actor}"
        case 7 | 8:
            return f"merge {a} {b}"
        case 9:
            return f"copy {a} {b}"
        case 10:
            return f"get {a} {actor}"
        case _:
            return f"dot {a} {actor}"


def compared(names, verb):
    return [f"{verb} {a} {b}" for a in names for b in names]


def trims():
    for now in (0, 10, 11, 600, 1_250, 1_350, 1_450, 1_500, 9_999, U64):
        yield f"case clusterluck's trim at {now}"
        for place, actor in enumerate("fedcba"):
            yield f"update a {actor} 1 {500 - 100 * place}"
        yield f"trim a {now} 2 10 3 1000"
    yield "case of the same age the smaller name goes"
    for actor in ["d", "b", "a", "é", "c", "e"]:
        yield f"update a {word(actor)} 1 1"
    yield "trim a 100 2 10 3 1000"
    yield "case without a time"
    for actor in "uvw":
        yield f"update a {actor} 1"
    for actor in "abc":
        yield f"update a {actor} 1 7"
    yield "trim a 100 2 10 2 1000"
    yield "trim a 100000 2 10 2 1000"


def clocks():
    chance = random.Random(1)
    yield "case names that objects are born with"
    for actor in BORN:
        yield from (f"get a {actor}", f"insert a {actor}", f"get a {actor}", f"increment a {actor}")
    yield from ("json a", "remove a constructor", "get a constructor", "get a toString")
    yield "case equal and concurrent are two answers"
    yield from ("increment a x", "increment b y", "compare a a", "compare a b", "merge a b")
    yield from ("compare a b", "compare b a", "insert c z", "compare b c", "compare c b")
    yield "case what is no name"
    for actor in ("", "x" * 1025):
        yield f"increment a {word(actor)}"
        yield f"actor {word(actor)} 1"
    yield from (f"increment a {'x' * 1024}", f"actor web-1 {U64}", f"actor {'x' * 1022} 1")
    yield f"actor {'x' * 1023} 1"
    yield "case the end of a counter"
    yield from (f"update a x {U64 - 1} {U64}", "increment a x", f"increment a x {U64 - 1}")
    yield from ("json a", "get a x")
    yield from trims()
    for number in range(60):
        yield f"case {number}"
        actors = chance.sample(ACTORS + ODD if number % 3 == 0 else ACTORS, 4)
        for _ in range(14):
            yield clock_step(chance, actors)
        yield from compared("abc", "compare")
        yield from ("json a", "json b")
        bounds = [chance.randrange(5), chance.randrange(10**9), chance.randrange(5), 10**9 // 2]
        yield f"trim a {NOW + 10**9} {' '.join(map(str, bounds))}"


def retirements():
    chance = random.Random(2)
    yield "case what is complete is dropped, and what is missing is said"
    for actor, count in [("gone", 7), ("late", 1), ("idle", 0), ("ahead", 3), ("here", 5)]:
        yield f"update a {actor} {count}"
    for actor, count in [("gone", 7), ("late", 2), ("idle", 0), ("ahead", 1), ("unseen", 4)]:
        yield f"retire {actor} {count}"
    yield from ("fold f a", "fold-json f", "unfold f b", "compare a b", "retire gone 7", "relog")
    yield from ("unfold f b", "fold-raise f", "fold-compare f g", "fold-merge g f", "retire  1")
    yield from ("log", "log-json")
    for number in range(60):
        yield f"case {number}"
        actors = chance.sample("pqrst", 5)
        names = ["f", "g"]
        for _ in range(16):
            match chance.randrange(9):
                case 0 | 1 | 2:
                    at = f" {chance.randrange(100)}" if chance.random() < 0.2 else ""
                    count = chance.randrange(4)
                    yield f"update {chance.choice('ab')} {chance.choice(actors)} {count}{at}"
                case 3 | 4 if actors:
                    yield f"retire {actors.pop() if len(actors) > 1 else 'p'} {chance.randrange(4)}"
                case 5:
                    yield "fold f a"
                case 6:
                    yield "fold g b"
                case 7:
                    yield f"fold-raise {chance.choice(names)}"
                case _:
                    yield "merge a b"
        yield from ("fold f a", "compare a b", "fold-compare f g", "fold-compare g f")
        yield from ("log", "log-json")
        yield from ("unfold g c", "compare a c", "fold-merge f g", "unfold f c", "merge a b")


def siblings():
    chance = random.Random(3)
    yield "case two clients through one server"
    for number in range(12):
        client = "ab"[number % 2]
        yield f"put s server {client} {number:02x}"
        yield f"update {client} server {number + 1}"
    yield f"put s server a {'ff' * 130}"
    yield from ("values s", "resolve s server", "values s", "resolve s server")
    yield "case what was discarded does not come back"
    yield from ("put s n a 01", "sync t s", "context s a", "discard s a", "values s", "sync s t")
    yield from ("values s", "compare-siblings s t", "compare-siblings t s")
    yield "case the end of a counter"
    yield from (f"update a n {U64}", "put s n a 01", "put s m a 02", "put s  b 03", "discard s a")
    yield from ("put s n b 04", "values s", "siblings-json s")
    for number in range(40):
        yield f"case {number}"
        servers = {"s": word(chance.choice(ACTORS)), "t": word(chance.choice(ODD))}
        for _ in range(18):
            record = chance.choice("st")
            other, clock = "ts"["ts".index(record) - 1], chance.choice("abc")
            value = chance.choice(["-", "00", "6869", f"{chance.randrange(256):02x}"])
            match chance.randrange(8):
                case 0 | 1 | 2:
                    yield f"put {record} {servers[record]} {clock} {value}"
                case 3 | 4:
                    yield f"context {record} {clock}"
                case 5:
                    yield f"sync {record} {other}"
                case 6 if chance.random() < 0.4:
                    yield f"discard {record} {clock}"
                case 6:
                    yield f"resolve {record} {servers[record]}"
                case _:
                    yield f"values {record}"
        yield from compared("st", "compare-siblings")
        yield from ("sync s t", "sync t s", "compare-siblings s t", "values s", "siblings-json s")


def hybrids():
    chance = random.Random(4)
    yield "case texts"
    stamps = ["001795316449123.00042", "281474976710655.65535", "000000000000000.00000"]
    wrong = ["", "1795316449123.42", "001795316449123.65536", "281474976710656.00000"]
    more = ["+01795316449123.00042", "001795316449123.+0042", "001795316449123.00042 "]
    for stamp in stamps + wrong + more + ["٠٠١٧٩٥٣١٦٤٤٩١٢٣.00042", "001795316449123,00042"]:
        yield f"read-stamp {word(stamp)}"
    yield "case a full counter"
    yield from ("hybrid h 2000", "observe h 000000000000007.65534 5999", "tick h 5999", "tick h 0")
    yield from ("observe h 000000000000010.00000 7999", "tick h 10999", f"tick h {U64}", "tick h 0")
    yield from (f"observe h 281474976710655.65535 {U64}", "tick h 0")
    for number in range(30):
        yield f"case {number}"
        yield f"hybrid h {chance.choice([0, 999, 1000, 500_000])}"
        now = NOW
        for _ in range(12):
            now += chance.randrange(-2_000, 4_000)
            ahead = chance.choice([-3, 0, 0, 1, 2, 499, 500, 501])
            stamp = f"{now // 1000 + ahead:015}.{chance.choice([0, 1, 9, 65535]):05}"
            yield f"tick h {now}" if chance.random() < 0.5 else f"observe h {stamp} {now}"
        for _ in range(5):
            remote = chance.choice([0, 5, chance.randrange(100)])
            yield f"lamport-observe l {remote}" if chance.random() < 0.5 else "lamport-tick l"
    yield from (f"lamport-observe l {U64}", "lamport-tick l")


def spoilt(chance, data):
    data, place = bytearray(data), chance.randrange(len(data))
    match chance.randrange(4):
        case 0:
            data[place] = chance.randrange(256)
        case 1:
            data.insert(place, chance.choice([0, 1, 0x80, chance.randrange(256)]))
        case 2:
            del data[place]
        case _:
            data = data[:place] + data[place + 1 :] + data[place : place + 1]
    return bytes(data).hex() or "-"


def samples(verbs, make):
    """The bytes that these statements come to in a file."""
    player, found = Player(), []
    for statement in make():
        if statement.startswith("case "):
            player.case()
            continue
        outcome = player.play(statement)
        if statement.split(" ")[0] in verbs and outcome != "bad_argument":
            found.append(bytes.fromhex(outcome))
    return sorted({*found})


def read_forms(chance):
    sources = [
        ("clock", ["merge", "trim"], clocks),
        ("folded", ["fold", "fold-merge"], retirements),
        ("siblings", ["sync", "put"], siblings),
    ]
    for form, verbs, make in sources:
        short = [data for data in samples(verbs, make) if len(data) < 90]
        for data in chance.sample(short, 60):
            yield f"read {form} {data.hex()}"
            yield from (f"read {form} {spoilt(chance, data)}" for _ in range(4))
        for data in ["-", "00", "11", "1100", "110000", "118000", "2100", "3100", "4100", "310011"]:
            yield f"read {form} {data}"
    yield from (f"read clock {data}" for data in ONE_OFF)


def read_json(chance):
    texts = [{}, {"a": 1}, {"b": 1, "a": {"count": 0, "time": 5}}, [], 1, {"a": -1}, {"a": 1.5}]
    texts += [{"a": None}, {"a": "1"}, {"a": str(2**53 + 1)}, {"a": 2**53}, {"a": 2**53 + 1}]
    texts += [{"a": str(U64)}, {"a": str(U64 + 1)}, {"a": "0" + str(U64)}, {"a": [1]}, {"a": {}}]
    texts += [{"a": {"count": 1, "insert": 2, "time": 3}}, {"a": {"time": 1}}, {"": 1}]
    texts += [{"a": {"count": 1, "tim": 1}}, {"a": {"count": 1, "time": str(U64)}}, {"a": True}]
    texts += [{"a": {"count": 1, "time": str(U64 - 1)}}, {name: 1 for name in BORN}]
    texts += [{name: chance.choice(COUNTS[:9]) for name in chance.sample(ODD, 4)} for _ in "1234"]
    for text in texts:
        yield f"from-json {word(json.dumps(text))}"
    plain = ["", "{", '{"a":1}x', '{"a":1,}', ' { "a" : 1 } ', '{"\\u0061":1}', '{"a":1e0}']
    for text in [*plain, '{"a":1,"a":2}']:
        yield f"from-json {word(text)}"


def read_siblings_json(chance):
    def one(count, *values):
        return {"a": {"count": count, "values": list(values)}}

    texts = [{}, {"a": 1}, {"a": 0}, {"": 1}, [], {"a": None}, {"a": {}}, {"a": [1]}, {"a": "1"}]
    texts += [{"a": {"count": 1}}, {"a": {"values": []}}, {"a": {"count": 1, "values": "dGVh"}}]
    texts += [one(1), one(0), one(0, "dGVh"), one(1, "dGVh"), one(1, "", "")]
    texts += [one(2, "", "dGVhIQ==")]
    texts += [one(7, "fb+/", "+/v7"), one(2**53, "AA=="), one(str(U64), "AA=="), one(1.5), one("1")]
    texts += [{"a": {"count": 1, "values": [], "time": 1}}, one(1, None), one(1, 1), one(1, [])]
    # No padding, too much of it, bits that mean nothing, other alphabets, other letters.
    wrong = ["dGU", "dGU==", "dGV=", "dA=", "____", "-_-_", "dGVh\n", "d GV"]
    wrong += ["A", "====", "é", "dG=h", "\x00AAA"]
    texts += [one(1, text) for text in wrong]
    texts += [{name: chance.randrange(1, 9) for name in BORN}, {"b": 1, **one(1, ""), "10": 2}]
    for text in texts:
        yield f"from-siblings-json {word(json.dumps(text))}"
    plain = ["", "{", '{"a":1}x', ' { "a" : {"values":["AA=="] , "count":1} } ', '{"a":1,"a":2}']
    for text in [*plain, '{"a":{"count":1,"count":2,"values":["","AA=="]}}']:
        yield f"from-siblings-json {word(text)}"


def read_logs(chance):
    """Logs of odd names and large counts, their bytes spoilt, and texts."""
    player = Player()
    for number in range(24):
        player.case()
        yield "relog"
        # C has no names with a zero byte; its log would be another one from there on.
        names = [name for name in ACTORS + ODD if "\x00" not in name]
        for actor in chance.sample(names, number % 5):
            statement = f"retire {word(actor)} {chance.choice(COUNTS)}"
            player.play(statement)
            yield statement
        data = bytes.fromhex(player.play("log"))
        yield from ("log", "log-json", f"read retired {data.hex()}")
        yield from (f"read retired {spoilt(chance, data)}" for _ in range(6))
    wrong = ["-", "61", "60", "6100", "610000", "618000", "6101", "61010001", "61010101ff01"]
    # The same name twice, no UTF-8, needless bytes of a number, and a name with a zero byte.
    wrong += ["6102016101016102", "610101c301", "6101016180" + "00", "61010161808000", "6101010001"]
    yield from (f"read retired {data}" for data in wrong)
    yield f"read retired 6101{plain_number(1025)}{'78' * 1025}01"
    yield f"read retired 6101{plain_number(1024)}{'78' * 1024}01"
    texts = [[], {}, 1, [[]], ["a", 1], [["a"]], [["a", 1]], [["a", 1, 2]], [[1, "a"]], [["", 1]]]
    texts += [[["a", -1]], [["a", 1.5]], [["a", "1"]], [["a", str(2**53 + 1)]], [["a", 2**53]]]
    texts += [[["a", 2**53 + 1]], [["a", None]], [["a", [1]]], [["b", 1], ["a", 2], ["10", 3]]]
    texts += [[["a", 1], ["b", 1], ["a", 1]], [{"a": 1}], [["a", str(U64)]], [["a", str(U64 + 1)]]]
    texts += [[[name, n] for n, name in enumerate(BORN + ODD)]]
    texts += [[["x" * 1025, 1]], [["x" * 1024, 1]]]
    for text in texts:
        yield f"from-log-json {word(json.dumps(text))}"
    for text in ["", "[", '[["a",1]]x', ' [ [ "a" , 1 ] ] ', '[["a",1],]']:
        yield f"from-log-json {word(text)}"


def plain_number(number):
    return f"{number & 0x7f | 0x80:02x}{number >> 7:02x}"


def forms():
    chance = random.Random(5)
    yield "case bytes of every form, and spoilt ones"
    yield from read_forms(chance)
    yield "case texts"
    yield from read_json(chance)
    for number in range(25):
        yield f"case dense {number}"
        table = chance.sample(ACTORS + ODD, chance.randrange(1, 8))
        yield f"table m {' '.join(map(word, table))}"
        for actor in chance.sample(table, len(table) // 2) + chance.sample(ACTORS, number % 3 // 2):
            yield f"update a {word(actor)} {chance.choice(COUNTS)}"
        yield "dense a m"
        player = Player()
        mark = player.play(f"table m {' '.join(map(word, table))}")
        counts = "".join(f"{chance.randrange(128):02x}" for _ in table)
        for data in [counts, counts + "00", counts[2:], counts[2:] + "8001", counts[2:] + "8000"]:
            yield f"from-dense m 51{mark}{data}"
        yield f"from-dense m 51{'00' * 8}{counts}"
    yield "case texts of records"
    yield from ("siblings-json s", f"put s {word('é')} c fbff", "put s 7 c 00", "put s b c -")
    yield from ("put s b c 6869", "siblings-json s", "context s c", "discard s c")
    yield from ("siblings-json s", "put s __proto__ c 01", "siblings-json s")
    yield from read_siblings_json(random.Random(6))
    yield "case logs"
    yield from read_logs(random.Random(7))


FILES = {
    "clocks.txt": ("Vector clocks: changes, merges, comparisons, trims.", clocks),
    "retired.txt": ("Clocks folded under a log of retirements.", retirements),
    "siblings.txt": ("Records of siblings.", siblings),
    "hybrid.txt": ("Hybrid clocks, and Lamport's.", hybrids),
    "forms.txt": ("Bytes and texts that are read.", forms),
}
