"""What calls take, beyond Python's own types."""

from __future__ import annotations

from datetime import timedelta

Seconds = float | timedelta
#: What a message may be given as. Text travels as UTF-8; what arrives is always bytes.
Payload = bytes | bytearray | memoryview | str


def octets(payload: Payload) -> bytes:
    """A message as it travels."""
    if isinstance(payload, str):
        return payload.encode()
    # Not `bytes` alone: of a number it would make as many zeros.
    return payload if isinstance(payload, bytes) else bytes(memoryview(payload))
