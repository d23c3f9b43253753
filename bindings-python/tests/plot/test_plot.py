"""Pictures of rings. What needs matplotlib is skipped only where that is missing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import xml.etree.ElementTree as ET
from math import isclose

import pytest
from chinwag import Ring, RingChange, RingNode, plot
from chinwag.plot._moves import Flow, gathered, ideal, moves

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)

RING = Ring(["a", "b", RingNode("c", weight=2)])


def words(svg: str) -> list[str]:
    """The texts of a picture."""
    texts = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(text.itertext()).strip() for text in texts]


@needs_matplotlib
@pytest.mark.parametrize("count", [1, 3, 100, 200])
def test_balance_has_a_row_for_every_node(count: int) -> None:
    ring = Ring([f"node-{number}" for number in range(count)], slots=4_096)
    texts = words(plot.to_svg(plot.balance(ring)))
    assert {own.name for own in ring.balance()} <= set(texts)
    most = max(own.share for own in ring.balance())
    nodes = "1 node" if count == 1 else f"{count} nodes"
    assert texts[0].startswith(f"Shares of {nodes}: max/mean {most * count:.3f}")
    assert texts.count(f"{100 * most:.2f} %") >= 1


@needs_matplotlib
def test_of_too_many_nodes_the_most_and_the_least_are_shown() -> None:
    ring = Ring([f"node-{number}" for number in range(250)], slots=1_024, profile="pure")
    texts = words(plot.to_svg(plot.balance(ring)))
    order = sorted(ring.balance(), key=lambda own: own.share)
    assert "… and 50 nodes in between" in texts
    assert order[0].name in texts and order[-1].name in texts
    assert sum(text.startswith("node-") for text in texts) == 200


@needs_matplotlib
def test_movement_has_a_band_for_each_pair() -> None:
    change = RingChange(RING, RING.with_node("d"))
    svg = plot.to_svg(plot.movement(change))
    moved = sum(change.flows().values()) / 65_536
    texts = words(svg)
    assert texts[0] == f"{100 * moved:.2f} % of all keys move, ideal 20.00 %"
    gained = sum(n for (_, new), n in change.flows().items() if new == "d") / 65_536
    assert any(t.startswith("d ") and t.endswith(f" {100 * gained:.2f} %") for t in texts), texts
    assert svg.count("opacity: 0.5") == len(change.flows())


@needs_matplotlib
def test_nothing_and_nobody_are_pictures_too() -> None:
    assert "nothing moves" in words(plot.to_svg(plot.movement(RingChange(RING, RING))))
    assert words(plot.to_svg(plot.balance(Ring([]))))[0] == "Shares of 0 nodes"
    everything = words(plot.to_svg(plot.movement(RingChange(Ring([]), Ring(["a"])))))
    assert everything[0] == "100.00 % of all keys move, ideal 100.00 %"


@needs_matplotlib
def test_names_are_letters_and_nothing_else() -> None:
    odd = ["</text><script>", "$\\frac{1}{2}$", "bell\x07", "x" * 100]
    texts = words(plot.to_svg(plot.balance(Ring(odd))))
    assert {"</text><script>", "$\\frac{1}{2}$", "bell\\x07", "x" * 23 + "…"} <= set(texts)


@needs_matplotlib
def test_nothing_is_drawn_on_a_screen() -> None:
    figure = plot.balance(RING)
    assert figure.get_size_inches()[0] > 5
    script = (
        "import sys; from chinwag import Ring, plot; plot.balance(Ring(['a'])); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_without_matplotlib_it_says_what_to_install() -> None:
    script = """
import sys
from chinwag import Ring, plot

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "matplotlib":
            raise ModuleNotFoundError("No module named 'matplotlib'", name=name)

sys.meta_path.insert(0, Hidden())
try:
    plot.balance(Ring(["a"]))
except ModuleNotFoundError as error:
    print(error.name, error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    said = "matplotlib chinwag.plot needs matplotlib: pip install 'chinwag[plot]'\n"
    assert done.stdout == said, done.stderr


def test_matplotlib_is_not_imported_before_it_is_needed() -> None:
    script = "import sys, chinwag.plot; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_moves_are_those_that_the_ring_tells() -> None:
    change = RingChange(RING, RING.without("b").with_node("d"))
    told = {(flow.old, flow.new): round(flow.share * 65_536) for flow in moves(change)}
    assert told == change.flows() and len(told) >= 3
    for flow in moves(change):
        changed = [name for name in (flow.new, flow.old) if name in ("b", "d")]
        assert flow.because == (changed[0] if changed else None)
    keys = [f"user:{number}" for number in range(20_000)]
    for points in (Ring(["a", "b"], profile="ketama"), Ring(["a", "b"], profile="clusterluck")):
        change = RingChange(points, points.with_node("d"))
        share = sum(flow.share for flow in moves(change))
        assert abs(share - len(change.moved(keys)) / len(keys)) < 0.02


def test_the_ideal_is_what_the_weights_say() -> None:
    assert isclose(ideal(RingChange(RING, RING.with_node("d"))), 0.2)
    assert isclose(ideal(RingChange(RING, RING.without("c"))), 0.5)
    assert ideal(RingChange(RING, RING)) == ideal(RingChange(Ring([]), Ring([]))) == 0.0
    assert ideal(RingChange(RING, Ring([]))) == ideal(RingChange(Ring([]), RING)) == 1.0


def test_the_smallest_of_too_many_are_gathered() -> None:
    flows = [Flow(f"old-{n}", "new", float(n + 1), "new") for n in range(500)]
    few = gathered(flows, 0)
    assert len(few) == 150 and gathered(few, 0) is few
    rest = next(flow for flow in few if flow.old == "… 351 others")
    assert rest.share == sum(range(1, 352))
