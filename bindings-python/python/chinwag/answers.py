"""What operations come to, where that is more than a number, and what a query is asked with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypedDict

from ._constants import MemberState
from ._values import Payload, Seconds, octets
from .errors import ChinwagError

#: What may be done with the keys of a cluster.
KeyOp = Literal["install", "use", "remove", "list"]


class RoundTrip(NamedTuple):
    """What the last answers of a member to pings told."""

    smoothed: float | None
    """Seconds that they took, smoothed as TCP smooths it; `None` before the first."""
    payload: bytes
    """What the member added to the last one; mostly nothing."""


class Observed(NamedTuple):
    """Something that a node observed of a member."""

    ago: float
    """Seconds since then."""
    kind: str
    """A stable word, such as `probe-failed`, `suspected` or `refuted`."""
    text: str
    """A sentence: who did what, and what was missing."""


class Explanation(NamedTuple):
    """What a node knows of a member, and why."""

    state: MemberState | None
    """What is believed of it; `None` when it is not remembered."""
    since: float | None
    """For how many seconds."""
    fails_in: float | None
    """How many seconds a suspect has left to refute, as things stand."""
    observed: tuple[Observed, ...]
    """What was observed of it while it was in trouble, the oldest first."""

    @classmethod
    def _of(cls, state: str | None, observed: list[dict[str, Any]], **more: Any) -> Explanation:
        known = None if state is None else MemberState(state)
        return cls(state=known, observed=tuple(Observed(**seen) for seen in observed), **more)


class KeyInfo(NamedTuple):
    """What may be shown of a key."""

    fingerprint: str
    """What it is called."""
    bits: int
    """Its length: 128, 192 or 256."""
    primary: bool
    """Whether it is the one that encrypts."""


class KeyOutcome(NamedTuple):
    """What the keyring of a member has come to. Its keys are not shown by `repr`."""

    done: bool
    """Whether it did as it was told."""
    message: str
    """Why it did not, or what else there is to say."""
    keys: tuple[str, ...]
    """Asked for a list: the keys that are installed, in base64."""
    primary: str
    """Asked for a list: the key that it encrypts with, in base64."""

    @classmethod
    def _of(cls, keys: list[str], **more: Any) -> KeyOutcome:
        return cls(keys=tuple(keys), **more)

    def __repr__(self) -> str:
        return f"KeyOutcome(done={self.done}, message={self.message!r}, {len(self.keys)} keys)"


class Response(NamedTuple):
    """The answer of one member."""

    sender: str
    payload: bytes


class Answers(NamedTuple):
    """What came back to a query."""

    acks: tuple[str, ...]
    """The members who acknowledged it, if it asked for that."""
    responses: tuple[Response, ...]
    """The answers, in the order in which they arrived."""
    complete: bool
    """Whether everybody who is meant, as far as this node knows, has answered."""

    @classmethod
    def _of(cls, acks: list[str], responses: list[dict[str, Any]], complete: bool) -> Answers:
        return cls(tuple(acks), tuple(Response(**response) for response in responses), complete)


class Coordinate(NamedTuple):
    """A place in serf's coordinate space, whose distances are seconds of a round trip."""

    vec: list[float]
    """The place in space."""
    error: float
    """How far off estimates are, as a share of them."""
    adjustment: float
    """A correction to all distances from here."""
    height: float
    """The way from the member to that place: its own line, say."""


#: How the loop of a member does: whether it takes turns as it should.
LoopState = Literal["ok", "slow", "stuck"]

#: Why a server is down.
DownReason = Literal["no_server", "stopped", "node_failed", "node_left", "moved", "closed"]


class Down(NamedTuple):
    """That a server is down, and why."""

    server: str
    """Its name."""
    member: str | None
    """Where it was, if there was any."""
    reason: DownReason
    """`no_server`: there was none; `stopped`, by its own side; `node_failed` or `node_left`, with
    its member; `moved`: another member owns the key now; `closed`: this node is."""
    text: str
    """What it said at its end, or who owns the key; for people, and often empty."""


class Entry(NamedTuple):
    """A key of a member, and its value."""

    member: str
    """Whose it is."""
    key: str
    value: bytes


class Replies(NamedTuple):
    """What a call to the servers of a name on all members came to."""

    replies: dict[str, Any]
    """What each answered, by the names of the members."""
    failed: dict[str, ChinwagError]
    """Why the others did not."""

    @classmethod
    def _of(cls, replies: dict[str, Any], failed: dict[str, ChinwagError]) -> Replies:
        # An error where an answer would be is what came of one that cannot be read.
        read = {host: told for host, told in replies.items() if not _is_error(told)}
        unread = {host: told for host, told in replies.items() if _is_error(told)}
        return cls(read, {**failed, **unread})


def _is_error(told: object) -> bool:
    return isinstance(told, BaseException)


class Question(TypedDict, total=False):
    """Whom a query is for, and how it is asked."""

    nodes: Iterable[str]
    """The members who are meant; everybody if there is none."""
    tags: Mapping[str, str]
    """Tags that those who are meant have, with regular expressions that the values match."""
    ack: bool
    """Whether everybody who is meant acknowledges it."""
    relay_factor: int
    """Through how many other members a copy of each answer is sent."""
    timeout: Seconds | None
    """How long answers are waited for; unless told, the longer the larger the cluster."""


def question(name: str, payload: Payload, how: Question) -> dict[str, object]:
    """All parts of a question."""
    unknown = how.keys() - Question.__annotations__.keys()
    if unknown:
        raise TypeError(f"query() got an unexpected keyword argument {min(unknown)!r}")
    nodes = how.get("nodes", ())
    return {
        "name": name,
        "payload": octets(payload),
        "nodes": [nodes] if isinstance(nodes, str) else list(nodes),
        "tags": dict(how.get("tags", {})),
        "ack": how.get("ack", False),
        "relay_factor": how.get("relay_factor", 0),
        "timeout": how.get("timeout"),
    }


for _public in (
    RoundTrip, Observed, Explanation, KeyInfo, KeyOutcome, Response, Answers, Coordinate, Down,
    Entry, Replies,
):
    _public.__module__ = "chinwag"
