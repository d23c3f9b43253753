"""Bars and bands with matplotlib, which is imported when something is drawn."""

from __future__ import annotations

import io
from collections import defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple

from ._moves import Flow, gathered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..ring import Balance

#: Rows of bars at most.
ROWS_MAX = 200
#: Letters of a name that have room.
NAME_MAX = 24
COLOURS = ("#4393c3", "#d6604d", "#5aa050", "#a06ebe", "#c88c28")
INK = "#808080"

#: All in points: the width of a picture, its head, the columns, the room of a name.
WIDTH = 560.0
HEAD = 48.0
LEFT, RIGHT, COLUMN = 190.0, 362.0, 8.0
STEP, GAP = 11.0, 3.0
#: Points of an inch.
INCH = 72.0


def _figure(height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        message = "chinwag.plot needs matplotlib: pip install 'chinwag[plot]'"
        raise ModuleNotFoundError(message, name="matplotlib") from error
    return Figure(figsize=(WIDTH / INCH, height / INCH))


def _shown(name: str | None) -> str:
    """A name as far as there is room, without what would be more than letters."""
    if name is None:
        return "nobody"
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return safe if len(safe) <= NAME_MAX else f"{safe[: NAME_MAX - 1]}…"


def _percent(share: float) -> str:
    return f"{100 * share:.4f} %" if 0 < share < 0.001 else f"{100 * share:.2f} %"


def _axes(figure: Figure, height: float, title: str, legend: str) -> Axes:
    """The whole figure, measured in points from its upper left corner."""
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0.0, WIDTH)
    axes.set_ylim(height, 0.0)
    axes.set_axis_off()
    axes.text(12.0, 16.0, title, fontsize=12, va="center")
    axes.text(12.0, 34.0, legend, fontsize=8, va="center", color=INK)
    return axes


def bars(title: str, shares: Sequence[Balance]) -> Figure:
    """A row for each node: a bar, a line across it for its ideal, and both in figures."""
    hidden = len(shares) - ROWS_MAX
    rows: list[Balance | None] = list(shares)
    if hidden > 0:
        order = sorted(shares, key=lambda own: own.ideal / own.share if own.share else float("inf"))
        half = ROWS_MAX // 2
        rows = [*order[:half], None, *order[half + hidden :]]
    step = 18.0 if len(rows) <= 30 else 11.5
    size = 9 if len(rows) <= 30 else 7.5
    height = HEAD + step * len(rows) + 12.0
    legend = "bar: share of all keys; line: ideal by weight; last column: share / ideal"
    axes = _axes(_figure(height), height, title, legend)
    start, end = 150.0, 430.0
    longest = max((max(own.share, own.ideal) for own in shares), default=1.0)
    scale = (end - start) / longest
    for at, own in enumerate(rows):
        middle = HEAD + step * (at + 0.5)
        if own is None:
            words = f"… and {hidden} nodes in between"
            axes.text(start, middle, words, fontsize=size, va="center")
            continue
        axes.barh(middle, own.share * scale, step * 0.8, left=start, color=COLOURS[0])
        line = start + own.ideal * scale
        axes.vlines(line, middle - step / 2, middle + step / 2, color=INK, linewidth=1.5)
        figures = (_shown(own.name), _percent(own.share), f"{own.share / own.ideal:.3f}")
        for x, words in zip((start - 6.0, end + 55.0, end + 95.0), figures, strict=True):
            axes.text(x, middle, words, fontsize=size, ha="right", va="center", parse_math=False)
    return _of(axes)


def _of(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert figure is not None, "axes are made in a figure"
    return figure


class _Place(NamedTuple):
    """Where a node stands, and what it has of all keys."""

    top: float
    height: float
    share: float


def _sums(flows: list[Flow], side: int) -> dict[str | None, float]:
    sums: defaultdict[str | None, float] = defaultdict(float)
    for flow in flows:
        sums[flow.end(side)] += flow.share
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def _placed(sums: dict[str | None, float], scale: float, top: float) -> dict[str | None, _Place]:
    """One below the other, who has most at the top, each in the middle of the room for its name."""
    places = {}
    for name, share in sums.items():
        room = max(share * scale, STEP)
        places[name] = _Place(top + (room - share * scale) / 2, share * scale, share)
        top += room + GAP
    return places


def bands(title: str, flows: list[Flow]) -> Figure:
    """Who has it on the left, who gets it on the right, a band for each pair."""
    flows = gathered(gathered(flows, 0), 1)
    sums = [_sums(flows, side) for side in (0, 1)]
    total = sum(sums[0].values())
    # So that a column of equal parts has room for their names.
    scale = max(190.0, 7.0 * max(len(side) for side in sums)) / total if total else 1.0
    needed = [sum(max(share * scale, STEP) + GAP for share in side.values()) for side in sums]
    height = HEAD + max(needed) + 12.0
    legend = "from the left to the right; grey: between two that stay" if flows else "nothing moves"
    axes = _axes(_figure(height), height, title, legend)
    tops = [HEAD + (max(needed) - own) / 2 for own in needed]
    left, right = (_placed(side, scale, top) for side, top in zip(sums, tops, strict=True))
    _bands(axes, flows, (left, right), scale)
    _column(axes, left, LEFT, (LEFT - 6.0, "right"))
    _column(axes, right, RIGHT, (RIGHT + COLUMN + 6.0, "left"))
    return _of(axes)


_Side = dict[str | None, _Place]


def _column(
    axes: Axes, places: _Side, at: float, words: tuple[float, Literal["left", "right"]]
) -> None:
    """The nodes of one side, with their names to the left or right of a point."""
    for name, place in places.items():
        middle, tall = place.top + place.height / 2, max(place.height, 0.7)
        axes.barh(middle, COLUMN, tall, left=at, color=INK)
        label = f"{_shown(name)}  {_percent(place.share)}"
        x, side = words
        axes.text(x, middle, label, fontsize=7.5, ha=side, va="center", parse_math=False)


def _bands(axes: Axes, flows: list[Flow], sides: tuple[_Side, _Side], scale: float) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    left, right = sides
    causes = sorted({flow.because for flow in flows if flow.because is not None})
    colours = {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(causes)}
    sent: defaultdict[str | None, float] = defaultdict(float)
    got: defaultdict[str | None, float] = defaultdict(float)
    start, end = LEFT + COLUMN, RIGHT
    middle = (start + end) / 2
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    # Bands leave and arrive in the order of the other side, so that few of them cross.
    for flow in sorted(flows, key=lambda one: (left[one.old].top, right[one.new].top)):
        one, two = left[flow.old].top + sent[flow.old], right[flow.new].top + got[flow.new]
        wide = flow.share * scale
        sent[flow.old] += wide
        got[flow.new] += wide
        wide = max(wide, 0.5)
        there = [(start, one), (middle, one), (middle, two), (end, two)]
        back = [(x, y + wide) for x, y in reversed(there)]
        colour = INK if flow.because is None else colours[flow.because]
        path = Path([*there, *back, there[0]], codes)
        axes.add_patch(PathPatch(path, facecolor=colour, alpha=0.5, linewidth=0.0))


def text(figure: Figure) -> str:
    """The figure as SVG."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg")
    return buffer.getvalue()
