"""Writes and compares the vectors of payloads, by an encoder of its own; `README.md` has the form.

    python3 tests/vectors/payloads/reference.py            # compare; exits with 1 at a difference
    python3 tests/vectors/payloads/reference.py --write    # write the files anew
"""

import struct
import sys
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).parent
NAN = "7ff8000000000000"


class Time:
    """A point in time: seconds since 1970, and nanoseconds after that."""

    def __init__(self, secs, nanos=0):
        self.secs, self.nanos = secs, nanos


class Float:
    """A float by its bits."""

    def __init__(self, bits):
        self.bits = bits


def sized(length, heads):
    """The smallest header that holds a length: pairs of the byte before it and its width."""
    for head, width in heads:
        if length < 256**width:
            return bytes([head]) + length.to_bytes(width, "big")
    raise ValueError(length)


def integer(value):
    if 0 <= value < 128 or -32 <= value < 0:
        return struct.pack(">b", value) if value < 0 else bytes([value])
    if value >= 0:
        return sized(value, [(0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)])
    for head, width in [(0xD0, 1), (0xD1, 2), (0xD2, 4), (0xD3, 8)]:
        if value >= -(256**width) // 2:
            return bytes([head]) + value.to_bytes(width, "big", signed=True)
    raise ValueError(value)


def point(time):
    if 0 <= time.secs < 2**32 and time.nanos == 0:
        return b"\xd6\xff" + time.secs.to_bytes(4, "big")
    if 0 <= time.secs < 2**34:
        return b"\xd7\xff" + (time.nanos << 34 | time.secs).to_bytes(8, "big")
    return b"\xc7\x0c\xff" + struct.pack(">Iq", time.nanos, time.secs)


def encode(value):
    """The bytes of a value, each part in its smallest form."""
    if value is None:
        return b"\xc0"
    if value is True or value is False:
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, Float):
        return b"\xcb" + bytes.fromhex(value.bits)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        head = bytes([0xA0 + len(data)]) if len(data) < 32 else sized(
            len(data), [(0xD9, 1), (0xDA, 2), (0xDB, 4)])
        return head + data
    if isinstance(value, bytes):
        return sized(len(value), [(0xC4, 1), (0xC5, 2), (0xC6, 4)]) + value
    if isinstance(value, Time):
        return point(value)
    heads, small = ([(0xDE, 2), (0xDF, 4)], 0x80) if isinstance(value, dict) else (
        [(0xDC, 2), (0xDD, 4)], 0x90)
    head = bytes([small + len(value)]) if len(value) < 16 else sized(len(value), heads)
    if isinstance(value, dict):
        return head + b"".join(encode(key) + encode(item) for key, item in value.items())
    return head + b"".join(map(encode, value))


def describe(value):
    """The words of a value."""
    if value is None or value is True or value is False:
        return [{None: "nil", True: "true", False: "false"}[value]]
    if isinstance(value, int):
        return [f"int:{value}"]
    if isinstance(value, Float):
        return [f"float:{value.bits}"]
    if isinstance(value, float):
        return [f"float:{struct.pack('>d', value).hex()}"]
    if isinstance(value, str):
        return [f"text:{quote(value, safe='')}"]
    if isinstance(value, bytes):
        return [f"bytes:{value.hex()}"]
    if isinstance(value, Time):
        return [f"time:{value.secs}:{value.nanos}"]
    if isinstance(value, dict):
        pairs = [describe(key) + describe(item) for key, item in value.items()]
        return [f"map:{len(value)}", *(word for pair in pairs for word in pair)]
    return [f"list:{len(value)}", *(word for item in value for word in describe(item))]


def nested(depth, inner):
    for _ in range(depth):
        inner = [inner]
    return inner


def maps(depth, inner):
    for _ in range(depth):
        inner = {"k": inner}
    return inner


BORDERS = sorted({
    0, 1, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32,
    2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1,
    -1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1,
    -(2**53) + 1, -(2**53), -(2**53) - 1, -(2**63),
})
ORDER = {
    "id": 2**53 + 1,
    "customer": {"name": "Zoë 🚀", "vip": True, "note": None},
    "items": [{"sku": f"sku-{n}", "amount": n, "price": n + 0.25} for n in range(3)],
    "placed": Time(1_795_316_449, 123_000_000),
    "signature": bytes(range(8)),
}
GOOD = {
    "nil": None, "true": True, "false": False,
    **{f"int {n}": n for n in BORDERS},
    "float one half": 0.5, "float one": 1.0, "float zero": 0.0, "float minus zero": -0.0,
    "float third": 1 / 3, "float largest": 1.7976931348623157e308, "float smallest": 5e-324,
    "float 2^53": 2.0**53, "float 2^64": 2.0**64, "float minus two": -2.0,
    "float infinity": float("inf"), "float minus infinity": float("-inf"), "float NaN": Float(NAN),
    "text empty": "", "text": "hello", "text with NUL": "a\0b", "text astral": "🚀𝒳",
    "text combining": "e\u0301", "text of all planes": "\u007f\u0080\u07ff\u0800\uffff\U00010000",
    "text of 31 bytes": "x" * 31, "text of 32 bytes": "x" * 32, "text of 255 bytes": "x" * 255,
    "text of 256 bytes": "x" * 256, "text with a mark": "\ufefftext",
    "bytes empty": b"", "bytes": b"\0\xff\x80", "bytes of a text": b"text",
    "bytes of 255": b"\xaa" * 255, "bytes of 256": b"\xaa" * 256,
    "list empty": [], "list": [None, True, -1, 0.5, "a", b"b", [], {}],
    "list of 15": list(range(15)), "list of 16": list(range(16)),
    "list of lists": [[], [[]], [[], [[]]]],
    "map empty": {}, "map": {"b": 1, "a": [2], "": {"": None}},
    "map of 15": {f"k{n}": n for n in range(15)}, "map of 16": {f"k{n}": n for n in range(16)},
    "map of odd keys": {"__proto__": 1, "constructor": 2, "toString": {"a b": 3}, "é\0": 4},
    "map of digits": {"b": 1, "10": 2, "9": 3},
    "time zero": Time(0), "time": Time(1_795_316_449), "time 32 bits": Time(2**32 - 1),
    "time 33 bits": Time(2**32), "time milliseconds": Time(1_795_316_449, 123_000_000),
    "time microseconds": Time(1_795_316_449, 123_456_000),
    "time nanoseconds": Time(1_795_316_449, 123_456_789),
    "time last nanosecond": Time(2**34 - 1, 999_999_999), "time 35 bits": Time(2**34),
    "time before 1970": Time(-1, 500_000_000), "time year 1": Time(-62_135_596_800),
    "time end of 9999": Time(253_402_300_799, 999_000_000),
    "time first": Time(-(2**63)), "time last": Time(2**63 - 1, 999_999_999),
    "depth 64": nested(63, []), "depth 64 of maps": maps(64, 1), "order": ORDER,
}

# Forms that are not the smallest: read, and never written.
FORMS = [
    ("int 1 in 8 bits", "cc01", 1), ("int 1 in 16 bits", "cd0001", 1),
    ("int 1 in 32 bits", "ce00000001", 1), ("int 1 in 64 bits", "cf0000000000000001", 1),
    ("int 1 signed in 8 bits", "d001", 1), ("int 1 signed in 64 bits", "d30000000000000001", 1),
    ("int -1 in 16 bits", "d1ffff", -1), ("int -1 in 64 bits", "d3ffffffffffffffff", -1),
    ("int 2^63 - 1 signed", "d37fffffffffffffff", 2**63 - 1),
    ("float of 32 bits", "ca3f000000", 0.5), ("float NaN of 32 bits", "ca7fc00000", Float(NAN)),
    ("text in 8 bits", "d90161", "a"), ("text in 16 bits", "da000161", "a"),
    ("text in 32 bits", "db0000000161", "a"), ("bytes in 16 bits", "c5000161", b"a"),
    ("bytes in 32 bits", "c60000000161", b"a"), ("list in 16 bits", "dc000101", [1]),
    ("list in 32 bits", "dd00000000", []), ("map in 16 bits", "de0001a16101", {"a": 1}),
    ("map in 32 bits, key too", "df00000001d9016101", {"a": 1}),
    ("time in 64 bits", "d7ff0000000000000001", Time(1)),
    ("time in 96 bits", "c70cff000000000000000000000001", Time(1)),
    ("time with a length of 8 bits", "c704ff00000001", Time(1)),
    ("time with a length of 32 bits", "c900000004ff00000001", Time(1)),
]

REFUSED = [
    ("nothing", ""), ("the byte that begins nothing", "c1"), ("that byte in a list", "91c1"),
    ("two values", "c0c0"), ("a byte after a list", "910100"),
    ("a list that ends early", "9201"), ("a map that ends early", "81a161"),
    ("a map without its value", "82a16101a162"), ("a text that ends early", "a261"),
    ("bytes that end early", "c40201"), ("an int that ends early", "cd01"),
    ("a float that ends early", "cb00"), ("a length that ends early", "da00"),
    ("a list of 2^32 - 1", "ddffffffff"), ("a map of 2^32 - 1", "dfffffffff"),
    ("a text of 2^32 - 1", "dbffffffff61"), ("bytes of 2^32 - 1", "c6ffffffff61"),
    ("an extension of 2^32 - 1", "c9ffffffffff"),
    ("lists that announce more than all", "93" + "93" * 3 + "c0" * 8),
    ("a key of int", "810101"), ("a key of nil", "81c001"), ("a key of bytes", "81c4016101"),
    ("a key of a list", "819001"), ("a key of a float", "81cb000000000000000001"),
    ("a second key of int", "82a161010201"),
    ("a key twice", "82a16101a16102"), ("a key twice in two forms", "82a16101d9016102"),
    ("a key twice, not in order", "83a16201a16102a16203"),
    ("a key twice in a map within", "9181a16b82a16101a16101"),
    ("a text that is no UTF-8", "a1ff"), ("a text with a surrogate", "a3eda080"),
    ("a text with an overlong NUL", "a2c080"), ("a key that is no UTF-8", "81a1ff01"),
    ("a text that ends within a letter", "a1c3"),
    ("an extension of type 1", "d40100"), ("an extension of type 0", "d60000000001"),
    ("an extension of type -2", "d6fe00000001"), ("an extension of 0 bytes", "c700ff"),
    ("a time of 1 byte", "d4ff00"), ("a time of 16 bytes", "d8ff" + "00" * 16),
    ("a time with 10^9 nanoseconds", "d7ff" + (10**9 << 34).to_bytes(8, "big").hex()),
    ("a time with 10^9 nanoseconds in 96 bits", "c70cff3b9aca000000000000000001"),
    ("a time that ends early", "d6ff000000"),
    ("depth 65", "91" * 64 + "90"), ("depth 65 of maps", "81a16b" * 65 + "01"),
    ("depth 1000", "91" * 1000 + "c0"),
]


def files():
    """The lines of each file."""
    first = ["# Written by reference.py; see README.md."]
    lines = [f"{name} | {encode(value).hex()} | {' '.join(describe(value))}"
             for name, value in GOOD.items()]
    forms = [f"{name} | {bytes.fromhex(form).hex()} | {' '.join(describe(value))}"
             for name, form, value in FORMS]
    bad = [f"{name} | {bytes.fromhex(form).hex() or '-'}" for name, form in REFUSED]
    return {"payloads.txt": first + lines, "forms.txt": first + forms, "refused.txt": first + bad}


def main():
    failed = False
    for name, lines in files().items():
        path, text = FOLDER / name, "\n".join(lines) + "\n"
        if "--write" in sys.argv:
            path.write_text(text)
        elif path.read_text() != text:
            print(f"{name}: differs from what reference.py computes")
            failed = True
    sys.exit(failed)


main()
