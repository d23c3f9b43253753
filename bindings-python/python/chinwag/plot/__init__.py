"""Pictures of rings, for notebooks and reports. Needs matplotlib: `pip install 'chinwag[plot]'`.

    plot.balance(ring)                                  # shares against ideals
    plot.movement(RingChange(ring, ring.with_node("web-4")))
    open("ring.svg", "w").write(plot.to_svg(plot.balance(ring)))

A figure is nobody's but the caller's: nothing here touches `pyplot`, so no window opens and any
thread may draw. `import chinwag` does not import this, and this imports matplotlib when it draws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._chinwag import Ring, RingChange
from ._draw import bands, bars, text
from ._moves import ideal, moves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["balance", "movement", "to_svg"]


def balance(ring: Ring) -> Figure:
    """A bar for each node's share of all keys, a line across it for what its weight entitles it to.
    Of more than 200 nodes, those that have most and least of their ideal are shown.

    The title has the greatest share over the mean, and over the ideal of its node. Raises
    `ModuleNotFoundError` without matplotlib.
    """
    shares = ring.balance()
    nodes = "1 node" if len(shares) == 1 else f"{len(shares)} nodes"
    title = f"Shares of {nodes}"
    if shares:
        mean = max(own.share for own in shares) * len(shares)
        most = max(own.share / own.ideal for own in shares)
        title += f": max/mean {mean:.3f}, max/ideal {most:.3f}"
    return bars(title, shares)


def movement(change: RingChange) -> Figure:
    """A band for each pair of nodes of which one gets keys of the other: from the left, who has
    them, to the right. Bands of a node that comes, goes or has another weight have its colour,
    those between two that stay are grey. Of more than 150 nodes on a side, the least are one.

    The title has what moves, and what would have to by the weights alone. Raises
    `ModuleNotFoundError` without matplotlib.
    """
    flows = moves(change)
    moved = sum(flow.share for flow in flows)
    title = f"{moved:.2%} of all keys move, ideal {ideal(change):.2%}"
    return bands(title.replace("%", " %"), flows)


def to_svg(figure: Figure) -> str:
    """The figure as SVG, with its words as text, so that they can be searched."""
    return text(figure)
