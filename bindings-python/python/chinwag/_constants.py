# Written from api.toml by `cargo test -p chinwag-house --test api`. Change it there.
"""The vocabulary that every language shares: options, error codes, event types, member states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Final, Literal, NamedTuple, TypedDict

EventType = Literal[
    "member-join",
    "member-leave",
    "member-failed",
    "member-update",
    "member-suspect",
    "member-recover",
    "replay-done",
    "events-lost",
    "member-reap",
    "member-move",
    "member-conflict",
    "warning",
    "message",
    "broadcast",
    "remote-state",
    "admission",
    "user-event",
    "query",
    "ring-change",
    "handoff-prepare",
    "handoff-acquired",
]
WarningCode = Literal[
    "name-conflict",
    "snapshot-failed",
    "key-mismatch",
    "label-mismatch",
    "plaintext-refused",
    "address-refused",
    "seed-failed",
    "tcp-unreachable",
    "udp-unreachable",
    "flapping",
    "ring-mismatch",
    "ring-weight",
    "ring-failed",
    "ring-name",
    "loop-stuck",
    "tls-files",
    "member-away",
    "server-taken",
    "discovery-failed",
]
ErrorCode = Literal[
    "bad_config",
    "bad_argument",
    "bind_failed",
    "join_failed",
    "too_large",
    "timeout",
    "closed",
    "cancelled",
    "forked",
    "internal",
    "name_conflict",
    "key_mismatch",
    "not_admitted",
    "unknown_member",
    "node_down",
    "overloaded",
    "unsupported",
    "no_server",
    "remote_error",
    "unknown_op",
    "codec",
    "server_exists",
    "no_quorum",
]
OptionName = Literal[
    "name",
    "bind",
    "advertise",
    "seeds",
    "discovery",
    "await_first_lookup",
    "require_join",
    "tags",
    "meta",
    "profile",
    "cluster",
    "insecure",
    "handle_signals",
    "event_buffer",
    "delegate_versions",
    "compression",
    "packet_size",
    "probe_interval",
    "probe_timeout",
    "indirect_checks",
    "disable_tcp_pings",
    "suspicion_mult",
    "suspicion_max_timeout_mult",
    "awareness_max_multiplier",
    "gossip_interval",
    "gossip_nodes",
    "gossip_to_the_dead_time",
    "retransmit_mult",
    "push_pull_interval",
    "tcp_timeout",
    "snapshot",
    "rejoin_after_leave",
    "keys",
    "key_file",
    "cookie",
    "verify_incoming",
    "verify_outgoing",
    "skip_inbound_label_check",
    "cidrs_allowed",
    "admission",
    "reconnect_interval",
    "reconnect_timeout",
    "user_event_size_limit",
    "replay_on_join",
    "refused_timeout",
    "ring_profile",
    "ring_slots",
    "ring_replicas",
    "ring_hash_tags",
    "ring_tags",
    "ring_weight_tag",
    "ring_zone_tag",
    "ring_history",
    "handoff_timeout",
    "call_timeout",
    "message_max",
    "mailbox",
    "outbox_bytes",
    "outbox_overflow",
    "outbox_age",
    "loop_stuck",
    "tls_cert",
    "tls_key",
    "tls_ca",
    "tls_verify_name",
    "workers",
    "attach",
]


class MemberState(str, Enum):
    """What is believed about a member."""

    ALIVE = "alive"
    """Answers probes."""
    SUSPECT = "suspect"
    """Did not answer; still counted as a member."""
    FAILED = "failed"
    """Did not answer and did not refute in time."""
    LEFT = "left"
    """Said goodbye."""

    def __str__(self) -> str:
        return self.value


class Options(TypedDict, total=False):
    """Every option of a node; what is absent has its default."""

    name: str
    """The member's name, unique in the cluster; free text of at most 128 bytes. Default: the host
    name and a random suffix.
    """
    bind: str
    """IP address and port to listen on, UDP and TCP alike. Port 0 takes a free one; so does the
    default when 7946 is taken. Default: 127.0.0.1:7946.
    """
    advertise: str
    """Address told to the others, when they cannot reach `bind` as it is. Default: the bound
    address.
    """
    seeds: Iterable[str]
    """Members to contact first, each host[:port]; one that answers is enough. Those that are not
    present are tried again by and by.
    """
    discovery: Iterable[str]
    """Sources that are asked again and again where members are, as URLs such as dns://web:7946
    (docs/DISCOVERY.md). They only ever add members.
    """
    await_first_lookup: bool
    """The start waits until each source of `discovery` was asked once, and what it found was tried.
    """
    require_join: bool
    """Fail the start with join_failed when no seed answers, instead of starting alone and trying
    again.
    """
    tags: Mapping[str, str]
    """Key/value facts about this member, seen by all; at most 512 bytes once encoded as serf
    encodes them.
    """
    meta: bytes
    """Raw metadata of at most 512 bytes, for peers that do not use tags; excludes `tags`."""
    profile: Literal["lan", "wan", "local", "fast"]
    """memberlist's timing presets, and fast, which finds out about a silent host within some 3 s
    for five times the probes; the options below start from it. Default: lan.
    """
    cluster: str
    """Cluster label of at most 255 bytes, memberlist's packet label: members of other clusters are
    not heard. Default: none.
    """
    insecure: bool
    """Allow plaintext on an address that is not loopback."""
    handle_signals: bool
    """Leave gracefully on SIGTERM and SIGINT, then let the process end as it would have; a second
    signal ends it at once.
    """
    event_buffer: int
    """Events kept for a slow reader; one that falls further behind gets a single events-lost and a
    fresh snapshot. Default: 1024.
    """
    delegate_versions: str
    """Application protocol versions min,max,current; serf speaks 2,5,5. auto takes those of the
    first cluster joined. Default: auto.
    """
    compression: bool
    """Send LZW where it pays (streams and packets over 1 KiB). Compressed input is always
    understood. Default: true.
    """
    packet_size: int
    """Bytes of UDP payload that gossip fills at most (memberlist's UDPBufferSize). Default: 1400.
    """
    probe_interval: float | timedelta
    """Time between two probes of this member. Default: 1s."""
    probe_timeout: float | timedelta
    """Wait for a direct answer before others are asked to probe. Default: 500ms."""
    indirect_checks: int
    """Members asked to probe in our place when a direct probe is not answered. Default: 3."""
    disable_tcp_pings: bool
    """Do not fall back to a ping over TCP when UDP is not answered."""
    suspicion_mult: int
    """Multiplier of the time a suspect has to refute before it counts as failed. Default: 4."""
    suspicion_max_timeout_mult: int
    """How many times longer an unconfirmed suspicion lasts than a confirmed one. Default: 6."""
    awareness_max_multiplier: int
    """Upper bound of the local health score, by which an ailing node stretches its own probe
    interval. Default: 8.
    """
    gossip_interval: float | timedelta
    """Time between two rounds of gossip while there is something to tell. Default: 200ms."""
    gossip_nodes: int
    """Members told in one round of gossip. Default: 3."""
    gossip_to_the_dead_time: float | timedelta
    """How long a failed member is still told about its failure, so that it can refute, and is
    remembered. Default: 30s.
    """
    retransmit_mult: int
    """Multiplier of the number of times one message is gossiped. Default: 4."""
    push_pull_interval: float | timedelta
    """Time between two exchanges of the full state with a random member over TCP; 0s switches them
    off. Default: 30s.
    """
    tcp_timeout: float | timedelta
    """Limit of one exchange over TCP, connecting included; and of looking a name up. Default: 10s.
    """
    snapshot: str
    """File in which the members known are kept from one run to the next, to be tried as seeds; made
    when it is not there. Default: none.
    """
    rejoin_after_leave: bool
    """Use the snapshot also when the last run had left; otherwise only after a crash or a close
    without a leave.
    """
    keys: Iterable[str]
    """Keys of gossip, each 16, 24 or 32 bytes in base64: the first encrypts, each decrypts.
    Default: none, and everything is in clear.
    """
    key_file: str
    """File with keys of gossip in base64, one a line: the first encrypts; empty lines and lines
    that begin with # do not count. Excludes `keys`.
    """
    cookie: str
    """Passphrase of at least 16 characters, from which the key is derived with the cluster label as
    salt. Excludes `keys` and `key_file`.
    """
    verify_incoming: bool
    """With keys, refuse what is not encrypted. Off only while a cluster changes over from
    plaintext. Default: true.
    """
    verify_outgoing: bool
    """With keys, encrypt what is sent. Off only while a cluster changes over from plaintext.
    Default: true.
    """
    skip_inbound_label_check: bool
    """Something in front of this node takes the cluster label off what comes in: expect none, and
    refuse what still has one.
    """
    cidrs_allowed: Iterable[str]
    """Networks such as 10.0.0.0/8: nobody outside of them is heard, and no member there is taken
    in. Default: everybody.
    """
    admission: Literal["open", "ask"]
    """Whether newcomers come in at once, or wait for a decision about the `admission` event that
    tells of them. Default: open.
    """
    reconnect_interval: float | timedelta
    """Time between two attempts to reach some members that failed, by this node; 0s switches them
    off. Default: 5s.
    """
    reconnect_timeout: float | timedelta
    """How long a failed member is looked for, so that a partition heals; at most a day. Default:
    24h.
    """
    user_event_size_limit: int
    """Bytes of name and payload that a user event of serf's may have. What fits into no packet goes
    over TCP. Default: 512.
    """
    replay_on_join: bool
    """Whether user events that were told before this node joined are told to it, as far as others
    remember them. Default: true.
    """
    refused_timeout: float | timedelta
    """How long a member that refuses this node and another may take to come back, times log10 of
    the cluster's size, before it has failed; 0s goes by silence alone, as memberlist does. Default:
    100ms.
    """
    ring_profile: Literal["default", "pure", "exact", "ketama", "clusterluck"]
    """How the cluster's ring places keys on members. This and the options below must be the same on
    all members. Default: default.
    """
    ring_slots: int
    """Slots of the cluster's ring, for the profiles that have slots. Default: 65536."""
    ring_replicas: int
    """Owners of a key that the cluster's ring finds without a search; members may differ in it.
    Default: 3.
    """
    ring_hash_tags: bool
    """Keys with the same text between `{` and `}` have the same owner in the cluster's ring."""
    ring_tags: Mapping[str, str]
    """Tags that a member must have to be on the cluster's ring. Default: all members are."""
    ring_weight_tag: str
    """Tag with a member's weight on the ring, 1 to 65535; with 0 it owns nothing, and without the
    tag its weight is 1. Default: weight.
    """
    ring_zone_tag: str
    """Tag with a member's zone: owners of a key are of different zones as long as there are enough.
    Default: zone.
    """
    ring_history: int
    """Rings that are kept beside the present one, to ask who owned a key before. Default: 3."""
    handoff_timeout: float | timedelta
    """How long a member that loses slots may take to release them before the next owner goes ahead;
    0s does without hand-off. Default: 0s.
    """
    call_timeout: float | timedelta
    """How long a call waits for its answer, where nothing else is said. Default: 5s."""
    message_max: int
    """Bytes of a payload at most, of what this node sends and of what it takes. Default: 1048576.
    """
    mailbox: int
    """Messages that may wait for a server; calls beyond that are answered with overloaded, casts
    are dropped and counted. Default: 1024.
    """
    outbox_bytes: int
    """Bytes that may wait to be sent to one member. Default: 67108864."""
    outbox_overflow: Literal["reject", "block", "drop-oldest", "drop-newest"]
    """What becomes of a message when as much waits: whoever sends it gets overloaded, or waits for
    room; or a cast is dropped and counted, the oldest or itself. Default: reject.
    """
    outbox_age: float | timedelta
    """How long a cast may wait for a connection before it is dropped and counted. Default: 5s."""
    loop_stuck: float | timedelta
    """How long the loop of this node's runtime may be blocked until the others are told that it is
    stuck; slow after a fifth of that, which is how often it is looked at. 0s does without. Default:
    5s.
    """
    tls_cert: str
    """File in PEM with this member's certificate, and those between it and one in `tls_ca`. With
    it, connections for messages are TLS 1.3 and nothing else; `tls_key` and `tls_ca` belong to it.
    Read again when it changes.
    """
    tls_key: str
    """File in PEM with the private key of the certificate."""
    tls_ca: str
    """File in PEM with the certificates that sign members: who shows none of theirs is refused."""
    tls_verify_name: bool
    """Whether a member must have its name in its certificate, as a DNS name or as the URI
    chinwag:<cluster>/<name>. Off, whoever has a certificate may say any name. Default: true.
    """
    workers: str
    """Unix socket at which processes of this host and user may attach to this member, to see and
    say what it can without being members; made at the start, removed at the end. Default: none.
    """
    attach: str
    """Unix socket of the member that this process attaches to, as one of its workers: it is no
    member then, and what options say of members is that one's. Excludes `workers`.
    """


class ErrorInfo(NamedTuple):
    """One row of the error table."""

    code: ErrorCode
    number: int
    title: str
    """Name of the exception class."""
    base: type[Exception]
    """The builtin that it extends beside `ChinwagError`."""
    retryable: bool
    maybe_executed: bool
    """Whether what was asked for may have happened, where an error says nothing else."""


#: Every error code, in the order of the manifest.
ERRORS: Final[tuple[ErrorInfo, ...]] = (
    ErrorInfo("bad_config", 1, "BadConfig", ValueError, False, False),
    ErrorInfo("bad_argument", 2, "BadArgument", ValueError, False, False),
    ErrorInfo("bind_failed", 3, "BindFailed", OSError, True, False),
    ErrorInfo("join_failed", 4, "JoinFailed", ConnectionError, True, False),
    ErrorInfo("too_large", 5, "TooLarge", ValueError, False, False),
    ErrorInfo("timeout", 6, "Timeout", TimeoutError, True, True),
    ErrorInfo("closed", 7, "Closed", RuntimeError, False, False),
    ErrorInfo("cancelled", 8, "Cancelled", RuntimeError, True, True),
    ErrorInfo("forked", 9, "Forked", RuntimeError, False, False),
    ErrorInfo("internal", 10, "Internal", RuntimeError, False, False),
    ErrorInfo("name_conflict", 11, "NameConflict", RuntimeError, False, False),
    ErrorInfo("key_mismatch", 12, "KeyMismatch", PermissionError, False, False),
    ErrorInfo("not_admitted", 13, "NotAdmitted", PermissionError, False, False),
    ErrorInfo("unknown_member", 14, "UnknownMember", LookupError, True, False),
    ErrorInfo("node_down", 15, "NodeDown", ConnectionError, True, True),
    ErrorInfo("overloaded", 16, "Overloaded", RuntimeError, True, False),
    ErrorInfo("unsupported", 17, "Unsupported", RuntimeError, False, False),
    ErrorInfo("no_server", 18, "NoServer", LookupError, True, False),
    ErrorInfo("remote_error", 19, "RemoteError", RuntimeError, False, True),
    ErrorInfo("unknown_op", 20, "UnknownOp", LookupError, False, False),
    ErrorInfo("codec", 21, "Codec", ValueError, False, False),
    ErrorInfo("server_exists", 22, "ServerExists", RuntimeError, False, False),
    ErrorInfo("no_quorum", 23, "NoQuorum", RuntimeError, True, True),
)

#: Number of each type of event.
EVENTS: Final[dict[EventType, int]] = {
    "member-join": 1,
    "member-leave": 2,
    "member-failed": 3,
    "member-update": 4,
    "member-suspect": 5,
    "member-recover": 6,
    "replay-done": 7,
    "events-lost": 8,
    "member-reap": 9,
    "member-move": 10,
    "member-conflict": 11,
    "warning": 12,
    "message": 13,
    "broadcast": 14,
    "remote-state": 15,
    "admission": 16,
    "user-event": 17,
    "query": 18,
    "ring-change": 19,
    "handoff-prepare": 20,
    "handoff-acquired": 21,
}

#: Member states by their number.
STATES: Final[tuple[MemberState, ...]] = (
    MemberState.ALIVE,
    MemberState.SUSPECT,
    MemberState.FAILED,
    MemberState.LEFT,
)
