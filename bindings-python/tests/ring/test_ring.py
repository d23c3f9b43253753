"""Rings: the owners that everybody finds, and what a value in Python is expected to do."""

from __future__ import annotations

import copy
import json
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chinwag
import pytest
from chinwag import BadArgument, Ring, RingNode, TooLarge
from support import LIMIT, ROOT

VECTORS = sorted((ROOT.parent / "tests" / "vectors" / "ring").glob("*.txt"))
KEYS = [f"user:{number}" for number in range(500)]


def small(*nodes: Any, **options: Any) -> Ring:
    """A ring that is made at once."""
    return Ring(nodes or ("a", "b", "c"), **{"slots": 512, **options})


def unhex(text: str) -> bytes:
    return b"" if text == "-" else bytes.fromhex(text)


def test_there_are_vectors() -> None:
    assert len(VECTORS) > 15


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_everybody_finds_the_same_owners(path: Path) -> None:
    lines = iter(path.read_text().splitlines())
    form = unhex(next(lines).removeprefix("form ")) + b"\x03"
    ring = Ring.from_bytes(form)
    assert ring.to_bytes() == form
    assert f"fingerprint {ring.fingerprint:016x}" == next(lines)
    keys = 0
    for line in lines:
        first, *names = line.split(" ")
        key, owners = unhex(first), [unhex(name).decode() for name in names if name != "-"]
        assert ring.owners(key, 4) == owners, line
        assert ring.owner(key) == (owners[0] if owners else None), line
        keys += 1
    assert keys > 200
    again = Ring(
        ring.nodes[::-1], profile=ring.profile, slots=ring.slots,
        slack=ring.slack if ring.profile == "default" else None, hash_tags=ring.hash_tags,
        pins=ring.pins, pin_prefixes=ring.pin_prefixes, excluded=ring.excluded,
    )
    assert again == ring and again.to_bytes() == form


def test_text_and_bytes_are_the_same_key() -> None:
    ring = small()
    for key in ("", "k", "schlüssel", "\0", "🔑" * 99):
        raw = key.encode()
        for same in (raw, bytearray(raw), memoryview(raw), memoryview(raw * 2)[: len(raw)]):
            assert ring.owners(same, 3) == ring.owners(key, 3)
            assert ring.slot(same) == ring.slot(key)
    assert ring.owner(memoryview(b"xkxeyx")[1::2]) == ring.owner("key")


def test_names_are_kept_and_not_made() -> None:
    ring = small()
    kept = {id(name) for name in ring.names}
    answers = [ring.owner(key) for key in KEYS] + [n for key in KEYS for n in ring.owners(key, 9)]
    assert {id(name) for name in answers} == kept
    assert ring.owner("k") is sys.intern(str(ring.owner("k")))


def test_nodes_are_names_or_have_weights_and_zones() -> None:
    ring = small("a", RingNode("b", 2, "east"), {"name": "c", "weight": 3}, RingNode("d"))
    assert ring.nodes == (("a", 1, ""), ("b", 2, "east"), ("c", 3, ""), ("d", 1, ""))
    assert ring.nodes[1] == RingNode("b", weight=2, zone="east")
    assert ring.nodes[1].zone == "east"
    assert ring == small(*reversed(ring.nodes))
    assert len(ring.slots_of("c")) > len(ring.slots_of("b")) > len(ring.slots_of("a")) > 0


def test_the_default_is_the_default() -> None:
    ring = Ring(["web-1", "web-2", "web-3"])
    assert (ring.profile, ring.slots, ring.slack, ring.replicas) == ("default", 65_536, 50, 3)
    assert (ring.hash_tags, ring.pins, ring.pin_prefixes, ring.excluded) == (False, {}, {}, ())
    assert (len(ring), list(ring), bool(ring)) == (3, ["web-1", "web-2", "web-3"], True)
    assert "web-1" in ring and "web-4" not in ring and 1 not in ring
    none = {"profile": None, "slots": None, "slack": None, "replicas": None, "pins": None}
    assert Ring(ring.names, **none, hash_tags=None, pin_prefixes=None, excluded=None) == ring


def test_an_empty_ring_has_no_owner() -> None:
    ring = Ring(())
    assert not ring and len(ring) == 0 and ring.names == () and ring.nodes == ()
    assert ring.owner("k") is None and ring.owners("k", 3) == [] and ring.slot("k") is None
    assert ring.owner_with_room("k", lambda _: True) is None and not ring.is_owner("a", "k")
    assert ring.slots_of("a") == [] and ring.slot_owners(0) == []
    assert pickle.loads(pickle.dumps(ring)) == ring


def test_slots_and_owners_agree() -> None:
    ring = small("a", "b", "c", "d", replicas=2)
    assert sorted(slot for name in ring for slot in ring.slots_of(name)) == list(range(512))
    for key in KEYS:
        slot = ring.slot(key)
        assert slot is not None and ring.slot_owners(slot) == ring.owners(key, 2)
        assert slot in ring.slots_of(str(ring.owner(key)))
        assert [name for name in ring if ring.is_owner(name, key)] == ring.owners(key, 1)
    assert ring.slot_owners(512) == [] and ring.slots_of("nobody") == []
    assert ring.owners("k", 0) == [] and sorted(ring.owners("k", sys.maxsize)) == list("abcd")
    assert small(profile="ketama", slots=None).slot("k") is None


def test_profiles() -> None:
    assert small(profile="pure").slack is None
    assert small(profile="exact").slack == 0 and small(slack=0).profile == "exact"
    assert small(slack=70).slack == 70 and small(slack=70).profile == "default"
    for profile in ("ketama", "clusterluck"):
        ring = Ring(["a", "b"], profile=profile)
        assert (ring.profile, ring.slots, ring.slack) == (profile, None, None)
        assert ring.replace(slots=None) == ring and ring.replace(profile="pure").slots == 65_536
    bounds = {len(small(profile="exact", slots=300).slots_of(name)) for name in "abc"}
    assert bounds == {100}


def test_replace_keeps_what_it_is_not_told() -> None:
    ring = small(
        "a", {"name": "b", "weight": 2}, slack=70, replicas=2, hash_tags=True,
        pins={"k": "a", b"\xff": "b"}, pin_prefixes={"user:": "b"}, excluded=["c"],
    )
    assert ring.replace() == ring == copy.copy(ring) == copy.deepcopy(ring)
    assert ring.pins == {b"k": "a", b"\xff": "b"} and ring.pin_prefixes == {b"user:": "b"}
    assert ring.owner("k") == "a" and ring.owner("user:1") == "b"
    pure = ring.replace(profile="pure")
    assert (pure.profile, pure.slots, pure.slack, pure.replicas) == ("pure", 512, None, 2)
    assert ring.replace(slots=64).slack == 70 and ring.replace(slack=9).slots == 512
    assert pure.replace(slack=9).profile == "default" and pure.replace(slots=8).slack is None
    assert ring.replace(profile="ketama").slots is None
    assert ring.replace(nodes=["x"]).names == ("x",) and ring.replace(nodes=["x"]).pins == ring.pins
    drained = ring.replace(excluded={*ring.excluded, "a"})
    assert drained.names == ("b",) and drained.excluded == ("a", "c")
    assert drained.replace(excluded=()).excluded == ()
    assert ring.replace(pins={**ring.pins, "k": "b"}).pins[b"k"] == "b"
    free = ring.replace(pins={}, pin_prefixes={}, hash_tags=False, excluded=[], replicas=3)
    assert free == small(*ring.nodes, slack=70) and free.pins == {}
    assert ring.replace(hash_tags=False).hash_tags is False
    if sys.version_info >= (3, 13):
        assert copy.replace(ring, replicas=1).replicas == 1
    assert ring.__replace__(replicas=1) == ring.replace(replicas=1) != ring


def test_other_rings_come_of_one() -> None:
    ring = small("a", "b", "c")
    larger = ring.with_node(RingNode("d", 2))
    assert larger.names == ("a", "b", "c", "d") and ring.names == ("a", "b", "c")
    assert larger == small("d", *"abc").update({"name": "d", "weight": 2})
    assert larger.without("d") == ring and larger.without("d").fingerprint == ring.fingerprint
    assert ring.union(small("c", "x")).names == ("a", "b", "c", "x")
    assert larger.intersection(small("d", "b")).nodes == (("b", 1, ""), ("d", 1, ""))


def test_room_is_asked_for_in_order() -> None:
    ring = small(*"abcdefghijkl")
    for key in KEYS[:50]:
        asked: list[str] = []
        assert ring.owner_with_room(key, asked.append) is None
        assert asked == ring.owners(key, 12)
        assert ring.owner_with_room(key, lambda name: name == asked[-1]) == asked[-1]  # noqa: B023

    def fails(name: str) -> bool:
        raise LookupError(name)

    with pytest.raises(LookupError):
        ring.owner_with_room("k", fails)
    with pytest.raises(TypeError):
        ring.owner_with_room("k", 1)  # type: ignore[arg-type]


def test_a_ring_travels() -> None:
    ring = small("a", {"name": "b", "zone": "z"}, pins={b"\xff": "a"}, excluded=["c"], replicas=1)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        there = pickle.loads(pickle.dumps(ring, protocol))
        assert type(there) is Ring and there == ring and there.replicas == 1
    assert Ring.from_json(ring.to_json()) == ring == Ring.from_json(ring.to_json().encode())
    assert json.loads(ring.to_json())["nodes"][1] == {"name": "b", "weight": 1, "zone": "z"}
    assert Ring.from_bytes(bytearray(ring.to_bytes())) == ring


def test_equal_rings_are_one_key() -> None:
    ring, same, other = small("a", "b"), small("b", "a"), small("a", "c")
    assert ring == same and hash(ring) == hash(same) and not ring != same
    assert ring != other and ring != "ring" and {ring: 1, same: 2, other: 3} == {ring: 2, other: 3}
    with pytest.raises(TypeError):
        ring < other  # type: ignore[operator]


def test_it_shows_itself() -> None:
    ring = small("a", "b")
    assert repr(ring) == f"<chinwag.Ring default of 2 nodes, fingerprint {ring.fingerprint:016x}>"
    assert Ring.__module__ == RingNode.__module__ == "chinwag" and Ring.__doc__
    assert sys.getsizeof(Ring(["a", "b", "c"])) > 65_536 * 6 > 10 * sys.getsizeof(ring)
    with pytest.raises(AttributeError):
        ring.names = ()  # type: ignore[misc]


NAN = float("nan")
BAD: dict[str, Callable[[], object]] = {
    "an empty name": lambda: small(""),
    "a name twice": lambda: small("a", "a"),
    "a number as a node": lambda: small(1),
    "bytes as a name": lambda: small(b"a"),
    "half a letter": lambda: small("\ud800"),
    "no name": lambda: small({"weight": 1}),
    "a field too many": lambda: small({"name": "a", "wieght": 1}),
    "one text as nodes": lambda: Ring("abc"),
    "one node as nodes": lambda: Ring(RingNode("a")),  # type: ignore[arg-type]
    "a mapping as nodes": lambda: Ring({"a": 2}),
    "nothing as nodes": lambda: Ring(None),  # type: ignore[arg-type]
    "no such profile": lambda: small(profile="quick"),
    "a slack of its own": lambda: small(profile="pure", slack=1),
    "points with slots": lambda: small(profile="ketama", slots=8),
    "points given slots": lambda: Ring("a", profile="ketama").replace(slots=8),
    "no slots": lambda: small(slots=0),
    "too many slots": lambda: small(slots=1 << 21),
    "half a slot": lambda: small(slots=0.5),
    "a slack that is no number": lambda: small(slack=NAN),
    "too much slack": lambda: small(slack=10_001),
    "no replicas": lambda: small(replicas=0),
    "too many replicas": lambda: small(replicas=256),
    "truth as a number": lambda: small(replicas=True),
    "a number as truth": lambda: small(hash_tags=1),
    "a list of pins": lambda: small(pins=["a"]),
    "a pin to a number": lambda: small(pins={"k": 1}),
    "a pinned number": lambda: small(pin_prefixes={1: "a"}),
    "one text as excluded": lambda: small(excluded="ab"),
    "a number as excluded": lambda: small(excluded=[1]),
    "a node that is there": lambda: small().with_node("a"),
    "a node that is not there": lambda: small().without("x"),
    "an update of nobody": lambda: small().update("x"),
    "different profiles": lambda: small().union(small(profile="pure")),
    "different slots": lambda: small().intersection(small(slots=8)),
    "a number as a key": lambda: small().owner(1),  # type: ignore[arg-type]
    "nothing as a key": lambda: small().owner(None),  # type: ignore[arg-type]
    "half a letter as a key": lambda: small().owner("\ud800"),
    "fewer than nobody": lambda: small().owners("k", -1),
    "half an owner": lambda: small().owners("k", 1.5),  # type: ignore[arg-type]
    "an owner that is no number": lambda: small().owners("k", NAN),  # type: ignore[arg-type]
    "a slot before the first": lambda: small().slot_owners(-1),
    "bytes as an owner": lambda: small().is_owner(b"a", "k"),  # type: ignore[arg-type]
    "no bytes": lambda: Ring.from_bytes(b""),
    "half the bytes": lambda: Ring.from_bytes(small().to_bytes()[:-1]),
    "bytes too many": lambda: Ring.from_bytes(small().to_bytes() + b"\0"),
    "many nodes announced": lambda: Ring.from_bytes(b"\x01\x00\x08\x01\x00\xff\xff\xff\x7f"),
    "no JSON": lambda: Ring.from_json("{"),
    "JSON of something else": lambda: Ring.from_json("[]"),
    "a deep JSON": lambda: Ring.from_json("[" * 100_000),
    "bytes as JSON": lambda: Ring.from_json(b"\xff"),
    "a weight of NaN in JSON": lambda: Ring.from_json('{"nodes":[{"name":"a","weight":NaN}]}'),
    "half a weight in JSON": lambda: Ring.from_json('{"nodes":[{"name":"a","weight":1.5}]}'),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(BadArgument) as caught:
        call()
    assert caught.value.code == "bad_argument" and len(str(caught.value)) < 300


def test_errors_show_what_is_short() -> None:
    ring: Any = small()
    for call, text in (
        (lambda: ring.owner(1.5), "a key cannot be 1.5"),
        (lambda: ring.owner(None), "a key cannot be a NoneType"),
        (lambda: small({"name": "a", "weight": -1}), "the weight of a node cannot be -1"),
        (lambda: Ring("abc"), "the list of nodes cannot be 'abc'"),
        (lambda: Ring("a" * 10_000_000), "the list of nodes cannot be a str"),
        (lambda: ring.owners("k", [["x" * 10_000_000]]), "a number of nodes cannot be a list"),
        (lambda: ring.owners("k", 10**10_000), "a number of nodes cannot be that"),
    ):
        with pytest.raises(BadArgument, match=f"^{text}$"):
            call()


@pytest.mark.parametrize("weight", [0, -1, 0.5, 1.0, NAN, True, "1", None, 65_536, 1 << 80])
def test_weights_are_whole_numbers(weight: Any) -> None:
    for node in (RingNode("a", weight), {"name": "a", "weight": weight}):
        with pytest.raises(BadArgument):
            small(node)
        with pytest.raises(BadArgument):
            small().with_node(node)
        with pytest.raises(BadArgument):
            small().update(node)


@pytest.mark.parametrize(
    "call",
    [
        lambda: small("x" * 1_025),
        lambda: small("x" * 10_000_000),
        lambda: small(RingNode("a", zone="z" * 1_025)),
        lambda: small(pins={"k" * 1_025: "a"}),
        lambda: small(pin_prefixes={"k": "x" * 1_025}),
        lambda: small(excluded=["x" * 1_025]),
        lambda: Ring((str(n) for n in range(65_535)), slots=1),
        lambda: Ring((str(n) for n in range(1_025)), slots=1 << 20),
        lambda: Ring((RingNode(str(n), 65_535) for n in range(257)), profile="ketama"),
    ],
)
def test_what_is_too_large_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(TooLarge) as caught:
        call()
    assert caught.value.code == "too_large" and len(str(caught.value)) < 300


def test_calls_that_python_itself_refuses() -> None:
    make: Any = Ring
    ring: Any = small()
    for call in (
        lambda: make(),
        lambda: make([], wieght=1),
        lambda: ring.replace(node=[]),
        lambda: ring.owner(),
        lambda: ring.union("ring"),
    ):
        with pytest.raises(TypeError):
            call()  # type: ignore[no-untyped-call]


def test_an_error_of_the_caller_is_the_callers() -> None:
    def names() -> Iterator[str]:
        yield "a"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        Ring(names())


def test_many_threads_find_what_one_finds() -> None:
    ring = small("a", "b", "c", "d")
    wanted = [ring.owners(key, 2) for key in KEYS]
    found: list[bool] = []

    def search() -> None:
        for _ in range(20):
            found.append([ring.owners(key, 2) for key in KEYS] == wanted)
            found.append(ring.with_node("e").without("e") == ring)

    threads = [threading.Thread(target=search) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert len(found) == 8 * 20 * 2 and all(found)


def test_a_forked_child_has_it_too() -> None:
    ring = small()
    wanted = [ring.owner(key) for key in KEYS]
    child = os.fork()
    if child == 0:
        os._exit(0 if [ring.owner(key) for key in KEYS] == wanted else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def resident() -> int:
    """Bytes of memory that this process has."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_rings_that_are_dropped_are_gone() -> None:
    names = [f"n{number}" for number in range(5)]

    def rounds(count: int) -> None:
        for _ in range(count):
            ring = Ring(names, slots=4_096, profile="pure")
            ring.owner("k"), ring.owners("k", 3), pickle.loads(pickle.dumps(ring))

    rounds(20)
    before = resident()
    rounds(1_000)
    # Each has 32 KiB of slots.
    assert resident() - before < 8 << 20


def test_the_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    _, section = (ROOT / "README.md").read_text().split("\n## Rings\n")
    program = section.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(program, names)
    ring = names["ring"]
    owners = ring.owners("user:42", 2)
    assert capsys.readouterr().out.splitlines()[0] == f"{owners[0]} {owners}"
    assert 0 < len(names["cache"]) < 1_000


def test_it_needs_no_node() -> None:
    assert isinstance(chinwag.ring.Ring(["a"], slots=1), chinwag.Ring)
