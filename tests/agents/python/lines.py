"""Lines in, lines out: the format of ../README.md."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from urllib.parse import quote, unquote, unquote_to_bytes

Facts = list[tuple[str, object]]
Pairs = dict[str, str]

#: How many bytes of a payload are printed; of a longer one, its length and checksum.
WHOLE = 1024


class Items(list[object]):
    """A list as a value."""


class BadRequest(Exception):
    """A line that is no command."""


def escape(value: object) -> str:
    if isinstance(value, Items):
        return ",".join(map(escape, value))
    return quote(value if isinstance(value, bytes) else str(value), safe="._:/-")


def parse(line: str) -> tuple[str, Pairs]:
    word, *rest = line.split(" ")
    if not word or not all("=" in pair for pair in rest):
        raise BadRequest(line)
    return word, {unquote(key): value for key, value in (pair.split("=", 1) for pair in rest)}


def text(pairs: Pairs, key: str) -> str:
    if key not in pairs:
        raise BadRequest(f"{key} is missing")
    return unquote(pairs[key])


def octets(pairs: Pairs, key: str = "payload") -> bytes:
    return unquote_to_bytes(pairs.get(key, "")) * int(pairs.get("repeat", "1"))


def told(payload: bytes) -> Facts:
    if len(payload) <= WHOLE:
        return [("payload", payload)]
    return [("length", len(payload)), ("crc32", f"{zlib.crc32(payload):08x}")]


def flag(value: bool) -> str:
    return "true" if value else "false"


def texts(pairs: Pairs, key: str) -> list[str]:
    return [unquote(item) for item in pairs.get(key, "").split(",") if item]


def under(pairs: Pairs, prefix: str) -> Pairs:
    return {k.removeprefix(prefix): unquote(v) for k, v in pairs.items() if k.startswith(prefix)}


def say(word: str, facts: Iterable[tuple[str, object]] = ()) -> None:
    """Writes one whole line. Only the loop's thread writes, so no other comes in between."""
    print(word, *(f"{escape(key)}={escape(value)}" for key, value in facts), flush=True)
