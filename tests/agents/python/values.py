"""Values of messages, as ../README.md writes them, and how long is waited."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from lines import BadRequest, Pairs, text


def value(pairs: Pairs) -> Any:
    """A letter and a text."""
    given = pairs.get("value", "n")
    match given[:1]:
        case "i":
            return int(given[1:])
        case "t":
            return unquote(given[1:])
        case "f":
            return float(given[1:])
        case "b":
            return unquote_to_bytes(given[1:])
        case "n":
            return None
    raise BadRequest(f"{given} is no value")


def shown(value: Any) -> str | bytes:
    match value:
        case None:
            return "n"
        case bytes():
            return b"b" + value
        case str():
            return "t" + value
        case float():
            return f"f{value}"
        case int():
            return f"i{value}"
    return f"?{value!r}"


def timeout(pairs: Pairs) -> float | None:
    return int(text(pairs, "timeout_ms")) / 1000 if "timeout_ms" in pairs else None
