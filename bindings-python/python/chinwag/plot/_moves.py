"""What moves from whom to whom, in every kind of ring. Knows nothing of pictures."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from .._chinwag import Ring, RingChange

#: Nodes on one side of a picture at most.
SIDE_MAX = 150


class Flow(NamedTuple):
    """What goes from one node to another."""

    old: str | None
    new: str | None
    share: float
    """Of all keys, from 0 to 1."""
    because: str | None
    """The one of both that comes, goes or has another weight; `None` if both stay."""

    def end(self, side: int) -> str | None:
        """Who has it, 0, or gets it, 1."""
        return self.new if side else self.old


def moves(change: RingChange) -> list[Flow]:
    """All flows; none between rings that place keys in different ways."""
    old, new = change.before.ranges(), change.after.ranges()
    if old and new and old[-1].end != new[-1].end:
        return []
    total = (old or new)[-1].end + 1 if old or new else 0
    changed = _changed(change.before, change.after)
    places: defaultdict[tuple[str | None, str | None], int] = defaultdict(int)
    at = left = right = 0
    while at < total:
        # Ranges follow each other without a gap, so one of both sides holds the place.
        one = old[left] if left < len(old) else None
        two = new[right] if right < len(new) else None
        end = min(one.end if one else total - 1, two.end if two else total - 1)
        owners = (one and one.owner, two and two.owner)
        if owners[0] != owners[1]:
            places[owners] += end + 1 - at
        left += bool(one and one.end == end)
        right += bool(two and two.end == end)
        at = end + 1
    return [
        Flow(old, new, count / total, new if new in changed else old if old in changed else None)
        for (old, new), count in sorted(places.items(), key=lambda item: str(item[0]))
    ]


def _changed(before: Ring, after: Ring) -> set[str | None]:
    """Who comes, goes, or has another weight, zone or permission to own anything."""
    def owning(ring: Ring) -> set[tuple[str, int, str]]:
        return {node for node in ring.nodes if node.name not in ring.excluded}

    return {name for name, _, _ in owning(before) ^ owning(after)}


def ideal(change: RingChange) -> float:
    """The share that has to move by the weights: what all who are entitled to more lack."""
    if not change.after.names:
        return float(bool(change.before.names))
    had = {own.name: own.ideal for own in change.before.balance()}
    return sum(max(0.0, own.ideal - had.get(own.name, 0.0)) for own in change.after.balance())


def gathered(flows: list[Flow], side: int) -> list[Flow]:
    """With the smallest ends of a side, 0 or 1, under one name, if there are too many."""
    sums: defaultdict[str | None, float] = defaultdict(float)
    for flow in flows:
        sums[flow.end(side)] += flow.share
    if len(sums) <= SIDE_MAX:
        return flows
    rest = set(sorted(sums, key=lambda name: sums[name])[: len(sums) - SIDE_MAX + 1])
    name = f"… {len(rest)} others"
    joined: defaultdict[tuple[str | None, str | None, str | None], float] = defaultdict(float)
    for flow in flows:
        ends = [name if end in rest and at == side else end for at, end in enumerate(flow[:2])]
        joined[(ends[0], ends[1], flow.because)] += flow.share
    return [Flow(old, new, share, because) for (old, new, because), share in joined.items()]
