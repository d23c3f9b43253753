"""The words of the ring, and of slots that change hands."""

from __future__ import annotations

import chinwag
from lines import Facts


def shown(ring: chinwag.Ring) -> Facts:
    """Which ring it is, and what is the same for all who have it."""
    own: Facts = [("version", ring.version), ("size", len(ring))]
    return [*own, ("fingerprint", f"{ring.fingerprint:016x}")]


def told(event: chinwag.RingChanged | chinwag.HandoffPrepare | chinwag.HandoffAcquired) -> Facts:
    match event:
        case chinwag.RingChanged(change=change):
            return shown(change.after)
        case chinwag.HandoffPrepare(id=id, peer=peer, slots=slots):
            return [("id", id), ("peer", peer), ("slots", len(slots))]
        case chinwag.HandoffAcquired(peer=peer, slots=slots, clean=clean):
            clear = "true" if clean else "false"
            return [("peer", peer), ("slots", len(slots)), ("clean", clear)]
