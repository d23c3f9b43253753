"""What calls take, beyond Python's own types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Union

#: What `encode` takes: integers of 64 bits, lists and tuples, dicts with `str` keys, and datetimes
#: that have a time zone; each within others. Subclasses count as what they are.
Encodable = Union[
    None, bool, int, float, str, bytes, bytearray, memoryview, datetime,
    Sequence["Encodable"], Mapping[str, "Encodable"],
]
Seconds = float | timedelta
#: What a message may be given as. Text travels as UTF-8; what arrives is always bytes.
Payload = bytes | bytearray | memoryview | str

#: How a payload is encoded: as MessagePack, as JSON, or as the bytes that are given; a number from
#: 128 to 255 says so too, and what the bytes are is between the two sides.
CodecName = Literal["msgpack", "json", "raw"] | int


def octets(payload: Payload) -> bytes:
    """A message as it travels."""
    if isinstance(payload, str):
        return payload.encode()
    # Not `bytes` alone: of a number it would make as many zeros.
    return payload if isinstance(payload, bytes) else bytes(memoryview(payload))


def unusual(**given: Any) -> dict[str, Any] | None:
    """What is not as usual of how a message is sent."""
    how = {name: part for name, part in given.items() if part is not None and part is not False}
    if how.get("headers") is not None:
        how["headers"] = dict(how["headers"])
    if how.get("codec") == "msgpack":
        del how["codec"]
    return how or None
