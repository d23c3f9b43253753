// Written from api.toml by `cargo test -p chinwag-house --test api`. Change it there.

//! The vocabulary that every language shares: options, error codes, event types, member states.

/// What an option's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Free text.
    Text,
    /// An IP address and a port.
    Addr,
    /// Texts; one text is split at commas.
    List,
    /// `key=value` pairs; one text is split at commas.
    Map,
    /// Bytes, passed as they are.
    Bytes,
    /// A span of time: a number with `ns`, `us`, `ms`, `s` or `m`.
    Duration,
    /// `true` or `false`.
    Flag,
    /// A whole number between the bounds.
    Count {
        /// Smallest allowed value.
        min: u64,
        /// Largest allowed value.
        max: u64,
    },
    /// One of the listed words.
    Choice(&'static [&'static str]),
}

/// One row of the option table.
#[derive(Clone, Copy, Debug)]
pub struct OptionInfo {
    /// The key, in snake case.
    pub name: &'static str,
    /// How its text is read.
    pub kind: OptionKind,
    /// Whether its value is never shown, and never a flag of the command.
    pub secret: bool,
    /// Default under the `lan` profile, as text; empty when `doc` says how it is found.
    pub default: &'static str,
    /// Default under `wan`, where it differs.
    pub wan: Option<&'static str>,
    /// Default under `local`, where it differs.
    pub local: Option<&'static str>,
    /// Default under `fast`, where it differs.
    pub fast: Option<&'static str>,
    /// One line for help texts.
    pub doc: &'static str,
}

/// Every option, in the order of the manifest.
pub const OPTIONS: &[OptionInfo] = &[
    OptionInfo {
        name: "name",
        kind: OptionKind::Text,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "The member's name, unique in the cluster; free text of at most 128 bytes. Default: \
              the host name and a random suffix.",
    },
    OptionInfo {
        name: "bind",
        kind: OptionKind::Addr,
        secret: false,
        default: "127.0.0.1:7946",
        wan: None,
        local: None,
        fast: None,
        doc: "IP address and port to listen on, UDP and TCP alike. Port 0 takes a free one; so \
              does the default when 7946 is taken.",
    },
    OptionInfo {
        name: "advertise",
        kind: OptionKind::Addr,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Address told to the others, when they cannot reach `bind` as it is. Default: the \
              bound address.",
    },
    OptionInfo {
        name: "seeds",
        kind: OptionKind::List,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Members to contact first, each host[:port]; one that answers is enough. Those that \
              are not present are tried again by and by.",
    },
    OptionInfo {
        name: "discovery",
        kind: OptionKind::List,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Sources that are asked again and again where members are, as URLs such as \
              dns://web:7946 (docs/DISCOVERY.md). They only ever add members.",
    },
    OptionInfo {
        name: "await_first_lookup",
        kind: OptionKind::Flag,
        secret: false,
        default: "false",
        wan: None,
        local: None,
        fast: None,
        doc: "The start waits until each source of `discovery` was asked once, and what it found \
              was tried.",
    },
    OptionInfo {
        name: "require_join",
        kind: OptionKind::Flag,
        secret: false,
        default: "false",
        wan: None,
        local: None,
        fast: None,
        doc: "Fail the start with join_failed when no seed answers, instead of starting alone and \
              trying again.",
    },
    OptionInfo {
        name: "tags",
        kind: OptionKind::Map,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Key/value facts about this member, seen by all; at most 512 bytes once encoded as \
              serf encodes them.",
    },
    OptionInfo {
        name: "meta",
        kind: OptionKind::Bytes,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Raw metadata of at most 512 bytes, for peers that do not use tags; excludes `tags`.",
    },
    OptionInfo {
        name: "profile",
        kind: OptionKind::Choice(&["lan", "wan", "local", "fast"]),
        secret: false,
        default: "lan",
        wan: None,
        local: None,
        fast: None,
        doc: "memberlist's timing presets, and fast, which finds out about a silent host within \
              some 3 s for five times the probes; the options below start from it.",
    },
    OptionInfo {
        name: "cluster",
        kind: OptionKind::Text,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Cluster label of at most 255 bytes, memberlist's packet label: members of other \
              clusters are not heard. Default: none.",
    },
    OptionInfo {
        name: "insecure",
        kind: OptionKind::Flag,
        secret: false,
        default: "false",
        wan: None,
        local: None,
        fast: None,
        doc: "Allow plaintext on an address that is not loopback.",
    },
    OptionInfo {
        name: "handle_signals",
        kind: OptionKind::Flag,
        secret: false,
        default: "false",
        wan: None,
        local: None,
        fast: None,
        doc: "Leave gracefully on SIGTERM and SIGINT, then let the process end as it would have; \
              a second signal ends it at once.",
    },
    OptionInfo {
        name: "event_buffer",
        kind: OptionKind::Count { min: 1, max: 1048576 },
        secret: false,
        default: "1024",
        wan: None,
        local: None,
        fast: None,
        doc: "Events kept for a slow reader; one that falls further behind gets a single \
              events-lost and a fresh snapshot.",
    },
    OptionInfo {
        name: "delegate_versions",
        kind: OptionKind::Text,
        secret: false,
        default: "auto",
        wan: None,
        local: None,
        fast: None,
        doc: "Application protocol versions min,max,current; serf speaks 2,5,5. auto takes those \
              of the first cluster joined.",
    },
    OptionInfo {
        name: "compression",
        kind: OptionKind::Flag,
        secret: false,
        default: "true",
        wan: None,
        local: None,
        fast: None,
        doc: "Send LZW where it pays (streams and packets over 1 KiB). Compressed input is always \
              understood.",
    },
    OptionInfo {
        name: "packet_size",
        kind: OptionKind::Count { min: 512, max: 65507 },
        secret: false,
        default: "1400",
        wan: None,
        local: None,
        fast: None,
        doc: "Bytes of UDP payload that gossip fills at most (memberlist's UDPBufferSize).",
    },
    OptionInfo {
        name: "probe_interval",
        kind: OptionKind::Duration,
        secret: false,
        default: "1s",
        wan: Some("5s"),
        local: None,
        fast: Some("200ms"),
        doc: "Time between two probes of this member.",
    },
    OptionInfo {
        name: "probe_timeout",
        kind: OptionKind::Duration,
        secret: false,
        default: "500ms",
        wan: Some("3s"),
        local: Some("200ms"),
        fast: Some("100ms"),
        doc: "Wait for a direct answer before others are asked to probe.",
    },
    OptionInfo {
        name: "indirect_checks",
        kind: OptionKind::Count { min: 0, max: 64 },
        secret: false,
        default: "3",
        wan: None,
        local: Some("1"),
        fast: None,
        doc: "Members asked to probe in our place when a direct probe is not answered.",
    },
    OptionInfo {
        name: "disable_tcp_pings",
        kind: OptionKind::Flag,
        secret: false,
        default: "false",
        wan: None,
        local: None,
        fast: None,
        doc: "Do not fall back to a ping over TCP when UDP is not answered.",
    },
    OptionInfo {
        name: "suspicion_mult",
        kind: OptionKind::Count { min: 1, max: 1000 },
        secret: false,
        default: "4",
        wan: Some("6"),
        local: Some("3"),
        fast: Some("6"),
        doc: "Multiplier of the time a suspect has to refute before it counts as failed.",
    },
    OptionInfo {
        name: "suspicion_max_timeout_mult",
        kind: OptionKind::Count { min: 1, max: 1000 },
        secret: false,
        default: "6",
        wan: None,
        local: None,
        fast: None,
        doc: "How many times longer an unconfirmed suspicion lasts than a confirmed one.",
    },
    OptionInfo {
        name: "awareness_max_multiplier",
        kind: OptionKind::Count { min: 1, max: 64 },
        secret: false,
        default: "8",
        wan: None,
        local: None,
        fast: None,
        doc: "Upper bound of the local health score, by which an ailing node stretches its own \
              probe interval.",
    },
    OptionInfo {
        name: "gossip_interval",
        kind: OptionKind::Duration,
        secret: false,
        default: "200ms",
        wan: Some("500ms"),
        local: Some("100ms"),
        fast: Some("100ms"),
        doc: "Time between two rounds of gossip while there is something to tell.",
    },
    OptionInfo {
        name: "gossip_nodes",
        kind: OptionKind::Count { min: 0, max: 64 },
        secret: false,
        default: "3",
        wan: Some("4"),
        local: None,
        fast: None,
        doc: "Members told in one round of gossip.",
    },
    OptionInfo {
        name: "gossip_to_the_dead_time",
        kind: OptionKind::Duration,
        secret: false,
        default: "30s",
        wan: Some("60s"),
        local: Some("15s"),
        fast: None,
        doc: "How long a failed member is still told about its failure, so that it can refute, \
              and is remembered.",
    },
    OptionInfo {
        name: "retransmit_mult",
        kind: OptionKind::Count { min: 1, max: 1000 },
        secret: false,
        default: "4",
        wan: None,
        local: Some("2"),
        fast: None,
        doc: "Multiplier of the number of times one message is gossiped.",
    },
    OptionInfo {
        name: "push_pull_interval",
        kind: OptionKind::Duration,
        secret: false,
        default: "30s",
        wan: Some("60s"),
        local: Some("15s"),
        fast: None,
        doc: "Time between two exchanges of the full state with a random member over TCP; 0s \
              switches them off.",
    },
    OptionInfo {
        name: "tcp_timeout",
        kind: OptionKind::Duration,
        secret: false,
        default: "10s",
        wan: Some("30s"),
        local: Some("1s"),
        fast: None,
        doc: "Limit of one exchange over TCP, connecting included; and of looking a name up.",
    },
    OptionInfo {
        name: "snapshot",
        kind: OptionKind::Text,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "File in which the members known are kept from one run to the next, to be tried as \
              seeds; made when it is not there. Default: none.",
    },
    OptionInfo {
        name: "rejoin_after_leave",
        kind: OptionKind::Flag,
        secret: false,
        default: "false",
        wan: None,
        local: None,
        fast: None,
        doc: "Use the snapshot also when the last run had left; otherwise only after a crash or a \
              close without a leave.",
    },
    OptionInfo {
        name: "keys",
        kind: OptionKind::List,
        secret: true,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Keys of gossip, each 16, 24 or 32 bytes in base64: the first encrypts, each \
              decrypts. Default: none, and everything is in clear.",
    },
    OptionInfo {
        name: "key_file",
        kind: OptionKind::Text,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "File with keys of gossip in base64, one a line: the first encrypts; empty lines and \
              lines that begin with # do not count. Excludes `keys`.",
    },
    OptionInfo {
        name: "cookie",
        kind: OptionKind::Text,
        secret: true,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Passphrase of at least 16 characters, from which the key is derived with the \
              cluster label as salt. Excludes `keys` and `key_file`.",
    },
    OptionInfo {
        name: "verify_incoming",
        kind: OptionKind::Flag,
        secret: false,
        default: "true",
        wan: None,
        local: None,
        fast: None,
        doc: "With keys, refuse what is not encrypted. Off only while a cluster changes over from \
              plaintext.",
    },
    OptionInfo {
        name: "verify_outgoing",
        kind: OptionKind::Flag,
        secret: false,
        default: "true",
        wan: None,
        local: None,
        fast: None,
        doc: "With keys, encrypt what is sent. Off only while a cluster changes over from \
              plaintext.",
    },
    OptionInfo {
        name: "skip_inbound_label_check",
        kind: OptionKind::Flag,
        secret: false,
        default: "false",
        wan: None,
        local: None,
        fast: None,
        doc: "Something in front of this node takes the cluster label off what comes in: expect \
              none, and refuse what still has one.",
    },
    OptionInfo {
        name: "cidrs_allowed",
        kind: OptionKind::List,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Networks such as 10.0.0.0/8: nobody outside of them is heard, and no member there \
              is taken in. Default: everybody.",
    },
    OptionInfo {
        name: "admission",
        kind: OptionKind::Choice(&["open", "ask"]),
        secret: false,
        default: "open",
        wan: None,
        local: None,
        fast: None,
        doc: "Whether newcomers come in at once, or wait for a decision about the `admission` \
              event that tells of them.",
    },
    OptionInfo {
        name: "reconnect_interval",
        kind: OptionKind::Duration,
        secret: false,
        default: "5s",
        wan: Some("10s"),
        local: Some("2s"),
        fast: None,
        doc: "Time between two attempts to reach some members that failed, by this node; 0s \
              switches them off.",
    },
    OptionInfo {
        name: "reconnect_timeout",
        kind: OptionKind::Duration,
        secret: false,
        default: "24h",
        wan: None,
        local: None,
        fast: None,
        doc: "How long a failed member is looked for, so that a partition heals; at most a day.",
    },
    OptionInfo {
        name: "user_event_size_limit",
        kind: OptionKind::Count { min: 1, max: 9216 },
        secret: false,
        default: "512",
        wan: None,
        local: None,
        fast: None,
        doc: "Bytes of name and payload that a user event of serf's may have. What fits into no \
              packet goes over TCP.",
    },
    OptionInfo {
        name: "replay_on_join",
        kind: OptionKind::Flag,
        secret: false,
        default: "true",
        wan: None,
        local: None,
        fast: None,
        doc: "Whether user events that were told before this node joined are told to it, as far \
              as others remember them.",
    },
    OptionInfo {
        name: "refused_timeout",
        kind: OptionKind::Duration,
        secret: false,
        default: "100ms",
        wan: Some("500ms"),
        local: Some("50ms"),
        fast: Some("20ms"),
        doc: "How long a member that refuses this node and another may take to come back, times \
              log10 of the cluster's size, before it has failed; 0s goes by silence alone, as \
              memberlist does.",
    },
    OptionInfo {
        name: "ring_profile",
        kind: OptionKind::Choice(&["default", "pure", "exact", "ketama", "clusterluck"]),
        secret: false,
        default: "default",
        wan: None,
        local: None,
        fast: None,
        doc: "How the cluster's ring places keys on members. This and the options below must be \
              the same on all members.",
    },
    OptionInfo {
        name: "ring_slots",
        kind: OptionKind::Count { min: 1, max: 1048576 },
        secret: false,
        default: "65536",
        wan: None,
        local: None,
        fast: None,
        doc: "Slots of the cluster's ring, for the profiles that have slots.",
    },
    OptionInfo {
        name: "ring_replicas",
        kind: OptionKind::Count { min: 1, max: 255 },
        secret: false,
        default: "3",
        wan: None,
        local: None,
        fast: None,
        doc: "Owners of a key that the cluster's ring finds without a search; members may differ \
              in it.",
    },
    OptionInfo {
        name: "ring_hash_tags",
        kind: OptionKind::Flag,
        secret: false,
        default: "false",
        wan: None,
        local: None,
        fast: None,
        doc: "Keys with the same text between `{` and `}` have the same owner in the cluster's \
              ring.",
    },
    OptionInfo {
        name: "ring_tags",
        kind: OptionKind::Map,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Tags that a member must have to be on the cluster's ring. Default: all members are.",
    },
    OptionInfo {
        name: "ring_weight_tag",
        kind: OptionKind::Text,
        secret: false,
        default: "weight",
        wan: None,
        local: None,
        fast: None,
        doc: "Tag with a member's weight on the ring, 1 to 65535; with 0 it owns nothing, and \
              without the tag its weight is 1.",
    },
    OptionInfo {
        name: "ring_zone_tag",
        kind: OptionKind::Text,
        secret: false,
        default: "zone",
        wan: None,
        local: None,
        fast: None,
        doc: "Tag with a member's zone: owners of a key are of different zones as long as there \
              are enough.",
    },
    OptionInfo {
        name: "ring_history",
        kind: OptionKind::Count { min: 0, max: 64 },
        secret: false,
        default: "3",
        wan: None,
        local: None,
        fast: None,
        doc: "Rings that are kept beside the present one, to ask who owned a key before.",
    },
    OptionInfo {
        name: "handoff_timeout",
        kind: OptionKind::Duration,
        secret: false,
        default: "0s",
        wan: None,
        local: None,
        fast: None,
        doc: "How long a member that loses slots may take to release them before the next owner \
              goes ahead; 0s does without hand-off.",
    },
    OptionInfo {
        name: "call_timeout",
        kind: OptionKind::Duration,
        secret: false,
        default: "5s",
        wan: None,
        local: None,
        fast: None,
        doc: "How long a call waits for its answer, where nothing else is said.",
    },
    OptionInfo {
        name: "message_max",
        kind: OptionKind::Count { min: 1024, max: 16777216 },
        secret: false,
        default: "1048576",
        wan: None,
        local: None,
        fast: None,
        doc: "Bytes of a payload at most, of what this node sends and of what it takes.",
    },
    OptionInfo {
        name: "mailbox",
        kind: OptionKind::Count { min: 1, max: 1048576 },
        secret: false,
        default: "1024",
        wan: None,
        local: None,
        fast: None,
        doc: "Messages that may wait for a server; calls beyond that are answered with \
              overloaded, casts are dropped and counted.",
    },
    OptionInfo {
        name: "outbox_bytes",
        kind: OptionKind::Count { min: 65536, max: 1073741824 },
        secret: false,
        default: "67108864",
        wan: None,
        local: None,
        fast: None,
        doc: "Bytes that may wait to be sent to one member.",
    },
    OptionInfo {
        name: "outbox_overflow",
        kind: OptionKind::Choice(&["reject", "block", "drop-oldest", "drop-newest"]),
        secret: false,
        default: "reject",
        wan: None,
        local: None,
        fast: None,
        doc: "What becomes of a message when as much waits: whoever sends it gets overloaded, or \
              waits for room; or a cast is dropped and counted, the oldest or itself.",
    },
    OptionInfo {
        name: "outbox_age",
        kind: OptionKind::Duration,
        secret: false,
        default: "5s",
        wan: None,
        local: None,
        fast: None,
        doc: "How long a cast may wait for a connection before it is dropped and counted.",
    },
    OptionInfo {
        name: "loop_stuck",
        kind: OptionKind::Duration,
        secret: false,
        default: "5s",
        wan: None,
        local: None,
        fast: None,
        doc: "How long the loop of this node's runtime may be blocked until the others are told \
              that it is stuck; slow after a fifth of that, which is how often it is looked at. 0s \
              does without.",
    },
    OptionInfo {
        name: "tls_cert",
        kind: OptionKind::Text,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "File in PEM with this member's certificate, and those between it and one in \
              `tls_ca`. With it, connections for messages are TLS 1.3 and nothing else; `tls_key` \
              and `tls_ca` belong to it. Read again when it changes.",
    },
    OptionInfo {
        name: "tls_key",
        kind: OptionKind::Text,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "File in PEM with the private key of the certificate.",
    },
    OptionInfo {
        name: "tls_ca",
        kind: OptionKind::Text,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "File in PEM with the certificates that sign members: who shows none of theirs is \
              refused.",
    },
    OptionInfo {
        name: "tls_verify_name",
        kind: OptionKind::Flag,
        secret: false,
        default: "true",
        wan: None,
        local: None,
        fast: None,
        doc: "Whether a member must have its name in its certificate, as a DNS name or as the URI \
              chinwag:<cluster>/<name>. Off, whoever has a certificate may say any name.",
    },
    OptionInfo {
        name: "workers",
        kind: OptionKind::Text,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Unix socket at which processes of this host and user may attach to this member, to \
              see and say what it can without being members; made at the start, removed at the \
              end. Default: none.",
    },
    OptionInfo {
        name: "attach",
        kind: OptionKind::Text,
        secret: false,
        default: "",
        wan: None,
        local: None,
        fast: None,
        doc: "Unix socket of the member that this process attaches to, as one of its workers: it \
              is no member then, and what options say of members is that one's. Excludes \
              `workers`.",
    },
];

/// What went wrong, as a stable number and code. The sentence beside it says what happened to the
/// state; the message of the [`Error`](crate::Error) names the culprit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option is unknown, malformed, or contradicts another; nothing was started.
    BadConfig,
    /// An argument is malformed or missing; nothing was changed.
    BadArgument,
    /// The address could not be bound; nothing was started.
    BindFailed,
    /// No seed answered; the node goes on as it was. Each attempt is listed with its cause.
    JoinFailed,
    /// A value is over its size limit; the old value stays.
    TooLarge,
    /// The deadline passed before the outcome was known; it may still happen.
    Timeout,
    /// The node is closed, or was closed while the operation was under way.
    Closed,
    /// The caller gave the operation up; it may still happen.
    Cancelled,
    /// The node belongs to the parent process; a forked child starts a node of its own.
    Forked,
    /// A defect in Chinwag, caught at the border; the node may be unusable. Please report it.
    Internal,
    /// A member that answers has this name already; nothing was joined. The message says where.
    NameConflict,
    /// The other side is encrypted under another key, or only one of the two sides is encrypted.
    KeyMismatch,
    /// A member of the cluster refused to let this node in; the message has its reason.
    NotAdmitted,
    /// No present member has this name; nothing was sent.
    UnknownMember,
    /// The member could not be reached, or the connection broke; it may still have got the message.
    NodeDown,
    /// Too much waits to be sent already; nothing was sent.
    Overloaded,
    /// This node, or its cluster, does not offer that; the message has what would.
    Unsupported,
    /// Nobody who is present hosts a server of this name, or not the member asked; nothing ran.
    NoServer,
    /// The server's own code failed; carries its language, type of error, message and node.
    RemoteError,
    /// The server has no operation of this name; nothing ran.
    UnknownOp,
    /// A value has no encoding, or bytes are no value; the message says where in it.
    Codec,
    /// This node has a server of this name already; that one stays.
    ServerExists,
    /// Fewer servers answered than were asked for; the message says which did not, and why.
    NoQuorum,
}

/// One row of the error table.
#[derive(Clone, Copy, Debug)]
pub struct ErrorInfo {
    /// The kind.
    pub kind: ErrorKind,
    /// Its permanent number, from 1.
    pub number: u32,
    /// Its permanent code, in snake case.
    pub code: &'static str,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// Whether what was asked for may have happened, where an error says nothing else.
    pub maybe_executed: bool,
    /// What happened.
    pub doc: &'static str,
}

/// Every kind of error, in the order of the manifest.
pub const ERRORS: &[ErrorInfo] = &[
    ErrorInfo {
        kind: ErrorKind::BadConfig,
        number: 1,
        code: "bad_config",
        retryable: false,
        maybe_executed: false,
        doc: "An option is unknown, malformed, or contradicts another; nothing was started.",
    },
    ErrorInfo {
        kind: ErrorKind::BadArgument,
        number: 2,
        code: "bad_argument",
        retryable: false,
        maybe_executed: false,
        doc: "An argument is malformed or missing; nothing was changed.",
    },
    ErrorInfo {
        kind: ErrorKind::BindFailed,
        number: 3,
        code: "bind_failed",
        retryable: true,
        maybe_executed: false,
        doc: "The address could not be bound; nothing was started.",
    },
    ErrorInfo {
        kind: ErrorKind::JoinFailed,
        number: 4,
        code: "join_failed",
        retryable: true,
        maybe_executed: false,
        doc: "No seed answered; the node goes on as it was. Each attempt is listed with its cause.",
    },
    ErrorInfo {
        kind: ErrorKind::TooLarge,
        number: 5,
        code: "too_large",
        retryable: false,
        maybe_executed: false,
        doc: "A value is over its size limit; the old value stays.",
    },
    ErrorInfo {
        kind: ErrorKind::Timeout,
        number: 6,
        code: "timeout",
        retryable: true,
        maybe_executed: true,
        doc: "The deadline passed before the outcome was known; it may still happen.",
    },
    ErrorInfo {
        kind: ErrorKind::Closed,
        number: 7,
        code: "closed",
        retryable: false,
        maybe_executed: false,
        doc: "The node is closed, or was closed while the operation was under way.",
    },
    ErrorInfo {
        kind: ErrorKind::Cancelled,
        number: 8,
        code: "cancelled",
        retryable: true,
        maybe_executed: true,
        doc: "The caller gave the operation up; it may still happen.",
    },
    ErrorInfo {
        kind: ErrorKind::Forked,
        number: 9,
        code: "forked",
        retryable: false,
        maybe_executed: false,
        doc: "The node belongs to the parent process; a forked child starts a node of its own.",
    },
    ErrorInfo {
        kind: ErrorKind::Internal,
        number: 10,
        code: "internal",
        retryable: false,
        maybe_executed: false,
        doc: "A defect in Chinwag, caught at the border; the node may be unusable. Please report \
              it.",
    },
    ErrorInfo {
        kind: ErrorKind::NameConflict,
        number: 11,
        code: "name_conflict",
        retryable: false,
        maybe_executed: false,
        doc: "A member that answers has this name already; nothing was joined. The message says \
              where.",
    },
    ErrorInfo {
        kind: ErrorKind::KeyMismatch,
        number: 12,
        code: "key_mismatch",
        retryable: false,
        maybe_executed: false,
        doc: "The other side is encrypted under another key, or only one of the two sides is \
              encrypted.",
    },
    ErrorInfo {
        kind: ErrorKind::NotAdmitted,
        number: 13,
        code: "not_admitted",
        retryable: false,
        maybe_executed: false,
        doc: "A member of the cluster refused to let this node in; the message has its reason.",
    },
    ErrorInfo {
        kind: ErrorKind::UnknownMember,
        number: 14,
        code: "unknown_member",
        retryable: true,
        maybe_executed: false,
        doc: "No present member has this name; nothing was sent.",
    },
    ErrorInfo {
        kind: ErrorKind::NodeDown,
        number: 15,
        code: "node_down",
        retryable: true,
        maybe_executed: true,
        doc: "The member could not be reached, or the connection broke; it may still have got the \
              message.",
    },
    ErrorInfo {
        kind: ErrorKind::Overloaded,
        number: 16,
        code: "overloaded",
        retryable: true,
        maybe_executed: false,
        doc: "Too much waits to be sent already; nothing was sent.",
    },
    ErrorInfo {
        kind: ErrorKind::Unsupported,
        number: 17,
        code: "unsupported",
        retryable: false,
        maybe_executed: false,
        doc: "This node, or its cluster, does not offer that; the message has what would.",
    },
    ErrorInfo {
        kind: ErrorKind::NoServer,
        number: 18,
        code: "no_server",
        retryable: true,
        maybe_executed: false,
        doc: "Nobody who is present hosts a server of this name, or not the member asked; nothing \
              ran.",
    },
    ErrorInfo {
        kind: ErrorKind::RemoteError,
        number: 19,
        code: "remote_error",
        retryable: false,
        maybe_executed: true,
        doc: "The server's own code failed; carries its language, type of error, message and node.",
    },
    ErrorInfo {
        kind: ErrorKind::UnknownOp,
        number: 20,
        code: "unknown_op",
        retryable: false,
        maybe_executed: false,
        doc: "The server has no operation of this name; nothing ran.",
    },
    ErrorInfo {
        kind: ErrorKind::Codec,
        number: 21,
        code: "codec",
        retryable: false,
        maybe_executed: false,
        doc: "A value has no encoding, or bytes are no value; the message says where in it.",
    },
    ErrorInfo {
        kind: ErrorKind::ServerExists,
        number: 22,
        code: "server_exists",
        retryable: false,
        maybe_executed: false,
        doc: "This node has a server of this name already; that one stays.",
    },
    ErrorInfo {
        kind: ErrorKind::NoQuorum,
        number: 23,
        code: "no_quorum",
        retryable: true,
        maybe_executed: true,
        doc: "Fewer servers answered than were asked for; the message says which did not, and why.",
    },
];

/// The kind of something that an event carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A member.
    Member,
    /// Members.
    Members,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A whole number.
    Count,
    /// Yes or no.
    Flag,
    /// A span of time.
    Duration,
    /// From one ring of the cluster to the next.
    Change,
    /// Slots of a ring, in order.
    Slots,
}

/// One row of the event table.
#[derive(Clone, Copy, Debug)]
pub struct EventInfo {
    /// Its permanent number, from 1.
    pub number: u32,
    /// Its permanent type, in kebab case.
    pub token: &'static str,
    /// What it carries, in order.
    pub fields: &'static [(&'static str, FieldKind)],
    /// What happened.
    pub doc: &'static str,
}

/// Every type of event, in the order of the manifest.
pub const EVENTS: &[EventInfo] = &[
    EventInfo {
        number: 1,
        token: "member-join",
        fields: &[("member", FieldKind::Member)],
        doc: "A member is here: new, or back after it had failed or left.",
    },
    EventInfo {
        number: 2,
        token: "member-leave",
        fields: &[("member", FieldKind::Member)],
        doc: "A member said goodbye.",
    },
    EventInfo {
        number: 3,
        token: "member-failed",
        fields: &[("member", FieldKind::Member)],
        doc: "A suspected member did not refute in time.",
    },
    EventInfo {
        number: 4,
        token: "member-update",
        fields: &[("member", FieldKind::Member), ("previous", FieldKind::Member)],
        doc: "A member changed its tags, metadata or address; carries what it was before.",
    },
    EventInfo {
        number: 5,
        token: "member-suspect",
        fields: &[("member", FieldKind::Member)],
        doc: "A member does not answer; it fails unless it refutes in time.",
    },
    EventInfo {
        number: 6,
        token: "member-recover",
        fields: &[("member", FieldKind::Member)],
        doc: "A suspected member refuted.",
    },
    EventInfo {
        number: 7,
        token: "replay-done",
        fields: &[],
        doc: "The members that were known at the time of subscribing have all been reported; what \
              follows is live.",
    },
    EventInfo {
        number: 8,
        token: "events-lost",
        fields: &[("count", FieldKind::Count), ("members", FieldKind::Members)],
        doc: "The reader was too slow; carries how many events are missing and the members as \
              they are now.",
    },
    EventInfo {
        number: 9,
        token: "member-reap",
        fields: &[("member", FieldKind::Member)],
        doc: "A failed or departed member is no longer remembered.",
    },
    EventInfo {
        number: 10,
        token: "member-move",
        fields: &[("member", FieldKind::Member), ("previous", FieldKind::Member)],
        doc: "A member has another address: it came back elsewhere, and nobody answers where it \
              was.",
    },
    EventInfo {
        number: 11,
        token: "member-conflict",
        fields: &[("member", FieldKind::Member), ("addr", FieldKind::Text)],
        doc: "Somebody at another address announces itself under the name of a member that \
              answers.",
    },
    EventInfo {
        number: 12,
        token: "warning",
        fields: &[
            ("code", FieldKind::Text),
            ("subject", FieldKind::Text),
            ("text", FieldKind::Text),
        ],
        doc: "Something is wrong and the node goes on; the code says what, the subject with whom.",
    },
    EventInfo {
        number: 13,
        token: "message",
        fields: &[
            ("sender", FieldKind::Text),
            ("addr", FieldKind::Text),
            ("reliable", FieldKind::Flag),
            ("payload", FieldKind::Bytes),
        ],
        doc: "A member sent this node a message.",
    },
    EventInfo {
        number: 14,
        token: "broadcast",
        fields: &[
            ("sender", FieldKind::Text),
            ("name", FieldKind::Text),
            ("payload", FieldKind::Bytes),
        ],
        doc: "A member sent everybody a message; each is told once.",
    },
    EventInfo {
        number: 15,
        token: "remote-state",
        fields: &[
            ("sender", FieldKind::Text),
            ("join", FieldKind::Flag),
            ("payload", FieldKind::Bytes),
        ],
        doc: "The state that a member hands on came with an exchange of states.",
    },
    EventInfo {
        number: 16,
        token: "admission",
        fields: &[("id", FieldKind::Count), ("member", FieldKind::Member)],
        doc: "A newcomer waits to be let in, with `admission` at ask; it is refused when nobody \
              decides.",
    },
    EventInfo {
        number: 17,
        token: "user-event",
        fields: &[
            ("name", FieldKind::Text),
            ("ltime", FieldKind::Count),
            ("payload", FieldKind::Bytes),
            ("coalesce", FieldKind::Flag),
        ],
        doc: "A member told everybody something, in serf's way; each is told once, here too.",
    },
    EventInfo {
        number: 18,
        token: "query",
        fields: &[
            ("id", FieldKind::Count),
            ("sender", FieldKind::Text),
            ("name", FieldKind::Text),
            ("payload", FieldKind::Bytes),
            ("timeout", FieldKind::Duration),
        ],
        doc: "A member asks everybody something, in serf's way; the answer names the id.",
    },
    EventInfo {
        number: 19,
        token: "ring-change",
        fields: &[("version", FieldKind::Count), ("change", FieldKind::Change)],
        doc: "The cluster's ring is another one; answers which of your keys have moved. Told once \
              somebody has asked for the ring.",
    },
    EventInfo {
        number: 20,
        token: "handoff-prepare",
        fields: &[
            ("id", FieldKind::Count),
            ("peer", FieldKind::Text),
            ("slots", FieldKind::Slots),
            ("epoch", FieldKind::Count),
            ("timeout", FieldKind::Duration),
        ],
        doc: "Slots go to another member: stop writing, pass on what it needs, and say released \
              with the id.",
    },
    EventInfo {
        number: 21,
        token: "handoff-acquired",
        fields: &[
            ("peer", FieldKind::Text),
            ("slots", FieldKind::Slots),
            ("epoch", FieldKind::Count),
            ("clean", FieldKind::Flag),
        ],
        doc: "Slots are this node's from now on; clean if the peer that had them released them, \
              or nobody had them.",
    },
];

/// What a node warns of while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarningCode {
    /// Another node announces itself under the name of a member, or of this node.
    NameConflict = 1,
    /// The snapshot cannot be written; the node goes on without.
    SnapshotFailed = 2,
    /// A peer encrypts under a key that this node does not have.
    KeyMismatch = 3,
    /// A peer sends under another cluster label, or under none.
    LabelMismatch = 4,
    /// A peer sends in clear to a node that demands encryption.
    PlaintextRefused = 5,
    /// Something came from, or a member is announced at, an address outside `cidrs_allowed`.
    AddressRefused = 6,
    /// A join did not reach some of the seeds, or the start none of them; says why for each.
    SeedFailed = 7,
    /// A member answers probes, but connections to it fail.
    TcpUnreachable = 8,
    /// A member answers over TCP only: every probe of it is late.
    UdpUnreachable = 9,
    /// A member keeps failing and coming back; it is given up more slowly for a while.
    Flapping = 10,
    /// A member has had another ring for a while: its options differ, or whom it sees.
    RingMismatch = 11,
    /// The weight that a member's tag says is none; it counts as 1.
    RingWeight = 12,
    /// No ring can be made of the members as they are; the one before stays.
    RingFailed = 13,
    /// A member is off the ring for its name: it is too long, or has the hash of another's.
    RingName = 14,
    /// The loop on which a member runs its users' code is blocked; no subject: that of this node.
    LoopStuck = 15,
    /// The files of certificates have changed and are not good; those before them stay in force.
    TlsFiles = 16,
    /// The member of this worker is away, or refuses it; what was seen last stays.
    MemberAway = 17,
    /// Workers serve a name that their member serves itself, which gets all that is for it.
    ServerTaken = 18,
    /// A source of discovery failed, or refused, and why; told once a cause. Members stay.
    DiscoveryFailed = 19,
}

/// One row of the table of warnings.
#[derive(Clone, Copy, Debug)]
pub struct WarningInfo {
    /// The warning.
    pub warning: WarningCode,
    /// Its permanent code, in kebab case.
    pub code: &'static str,
    /// What is wrong.
    pub doc: &'static str,
}

/// Every warning, in the order of the manifest.
pub const WARNINGS: &[WarningInfo] = &[
    WarningInfo {
        warning: WarningCode::NameConflict,
        code: "name-conflict",
        doc: "Another node announces itself under the name of a member, or of this node.",
    },
    WarningInfo {
        warning: WarningCode::SnapshotFailed,
        code: "snapshot-failed",
        doc: "The snapshot cannot be written; the node goes on without.",
    },
    WarningInfo {
        warning: WarningCode::KeyMismatch,
        code: "key-mismatch",
        doc: "A peer encrypts under a key that this node does not have.",
    },
    WarningInfo {
        warning: WarningCode::LabelMismatch,
        code: "label-mismatch",
        doc: "A peer sends under another cluster label, or under none.",
    },
    WarningInfo {
        warning: WarningCode::PlaintextRefused,
        code: "plaintext-refused",
        doc: "A peer sends in clear to a node that demands encryption.",
    },
    WarningInfo {
        warning: WarningCode::AddressRefused,
        code: "address-refused",
        doc: "Something came from, or a member is announced at, an address outside \
              `cidrs_allowed`.",
    },
    WarningInfo {
        warning: WarningCode::SeedFailed,
        code: "seed-failed",
        doc: "A join did not reach some of the seeds, or the start none of them; says why for \
              each.",
    },
    WarningInfo {
        warning: WarningCode::TcpUnreachable,
        code: "tcp-unreachable",
        doc: "A member answers probes, but connections to it fail.",
    },
    WarningInfo {
        warning: WarningCode::UdpUnreachable,
        code: "udp-unreachable",
        doc: "A member answers over TCP only: every probe of it is late.",
    },
    WarningInfo {
        warning: WarningCode::Flapping,
        code: "flapping",
        doc: "A member keeps failing and coming back; it is given up more slowly for a while.",
    },
    WarningInfo {
        warning: WarningCode::RingMismatch,
        code: "ring-mismatch",
        doc: "A member has had another ring for a while: its options differ, or whom it sees.",
    },
    WarningInfo {
        warning: WarningCode::RingWeight,
        code: "ring-weight",
        doc: "The weight that a member's tag says is none; it counts as 1.",
    },
    WarningInfo {
        warning: WarningCode::RingFailed,
        code: "ring-failed",
        doc: "No ring can be made of the members as they are; the one before stays.",
    },
    WarningInfo {
        warning: WarningCode::RingName,
        code: "ring-name",
        doc: "A member is off the ring for its name: it is too long, or has the hash of another's.",
    },
    WarningInfo {
        warning: WarningCode::LoopStuck,
        code: "loop-stuck",
        doc: "The loop on which a member runs its users' code is blocked; no subject: that of \
              this node.",
    },
    WarningInfo {
        warning: WarningCode::TlsFiles,
        code: "tls-files",
        doc: "The files of certificates have changed and are not good; those before them stay in \
              force.",
    },
    WarningInfo {
        warning: WarningCode::MemberAway,
        code: "member-away",
        doc: "The member of this worker is away, or refuses it; what was seen last stays.",
    },
    WarningInfo {
        warning: WarningCode::ServerTaken,
        code: "server-taken",
        doc: "Workers serve a name that their member serves itself, which gets all that is for it.",
    },
    WarningInfo {
        warning: WarningCode::DiscoveryFailed,
        code: "discovery-failed",
        doc: "A source of discovery failed, or refused, and why; told once a cause. Members stay.",
    },
];

/// What is believed about a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberState {
    /// Answers probes.
    Alive = 0,
    /// Did not answer; still counted as a member.
    Suspect = 1,
    /// Did not answer and did not refute in time.
    Failed = 2,
    /// Said goodbye.
    Left = 3,
}

/// Every member state and its permanent word.
pub const STATES: &[(MemberState, &str)] = &[
    (MemberState::Alive, "alive"),
    (MemberState::Suspect, "suspect"),
    (MemberState::Failed, "failed"),
    (MemberState::Left, "left"),
];
