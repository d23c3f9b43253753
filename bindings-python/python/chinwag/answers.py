"""What operations come to, where that is more than a number."""

from __future__ import annotations

from typing import NamedTuple


class RoundTrip(NamedTuple):
    """What the last answers of a member to pings told."""

    smoothed: float | None
    """Seconds that they took, smoothed as TCP smooths it; `None` before the first."""
    payload: bytes
    """What the member added to the last one; mostly nothing."""


RoundTrip.__module__ = "chinwag"
