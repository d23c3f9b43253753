// Written from api.toml by `cargo test -p chinwag-house --test api`. Change it there.

/** What an event tells. */
export type EventType =
  | 'member-join'
  | 'member-leave'
  | 'member-failed'
  | 'member-update'
  | 'member-suspect'
  | 'member-recover'
  | 'replay-done'
  | 'events-lost'
  | 'member-reap'
  | 'member-move'
  | 'member-conflict'
  | 'warning'
  | 'message'
  | 'broadcast'
  | 'remote-state'
  | 'admission'
  | 'user-event'
  | 'query'
  | 'ring-change'
  | 'handoff-prepare'
  | 'handoff-acquired';

/** What is believed about a member. */
export type MemberState =
  | 'alive'
  | 'suspect'
  | 'failed'
  | 'left';

/** What a node warns of. */
export type WarningCode =
  | 'name-conflict'
  | 'snapshot-failed'
  | 'key-mismatch'
  | 'label-mismatch'
  | 'plaintext-refused'
  | 'address-refused'
  | 'seed-failed'
  | 'tcp-unreachable'
  | 'udp-unreachable'
  | 'flapping'
  | 'ring-mismatch'
  | 'ring-weight'
  | 'ring-failed'
  | 'ring-name'
  | 'loop-stuck'
  | 'tls-files'
  | 'member-away'
  | 'server-taken'
  | 'discovery-failed';

/** `code` of every error. */
export type ErrorCode =
  | 'ERR_CHINWAG_BAD_CONFIG'
  | 'ERR_CHINWAG_BAD_ARGUMENT'
  | 'ERR_CHINWAG_BIND_FAILED'
  | 'ERR_CHINWAG_JOIN_FAILED'
  | 'ERR_CHINWAG_TOO_LARGE'
  | 'ERR_CHINWAG_TIMEOUT'
  | 'ERR_CHINWAG_CLOSED'
  | 'ERR_CHINWAG_CANCELLED'
  | 'ERR_CHINWAG_FORKED'
  | 'ERR_CHINWAG_INTERNAL'
  | 'ERR_CHINWAG_NAME_CONFLICT'
  | 'ERR_CHINWAG_KEY_MISMATCH'
  | 'ERR_CHINWAG_NOT_ADMITTED'
  | 'ERR_CHINWAG_UNKNOWN_MEMBER'
  | 'ERR_CHINWAG_NODE_DOWN'
  | 'ERR_CHINWAG_OVERLOADED'
  | 'ERR_CHINWAG_UNSUPPORTED'
  | 'ERR_CHINWAG_NO_SERVER'
  | 'ERR_CHINWAG_REMOTE_ERROR'
  | 'ERR_CHINWAG_UNKNOWN_OP'
  | 'ERR_CHINWAG_CODEC'
  | 'ERR_CHINWAG_SERVER_EXISTS'
  | 'ERR_CHINWAG_NO_QUORUM';

/** Options of a node; what is absent has its default. Times are in milliseconds. */
export interface StartOptions {
  /**
   * The member's name, unique in the cluster; free text of at most 128 bytes. Default: the host
   * name and a random suffix.
   */
  name?: string | undefined;
  /**
   * IP address and port to listen on, UDP and TCP alike. Port 0 takes a free one; so does the
   * default when 7946 is taken. Default: 127.0.0.1:7946.
   */
  bind?: string | undefined;
  /**
   * Address told to the others, when they cannot reach `bind` as it is. Default: the bound address.
   */
  advertise?: string | undefined;
  /**
   * Members to contact first, each host[:port]; one that answers is enough. Those that are not
   * present are tried again by and by.
   */
  seeds?: readonly string[] | undefined;
  /**
   * Sources that are asked again and again where members are, as URLs such as dns://web:7946
   * (docs/DISCOVERY.md). They only ever add members.
   */
  discovery?: readonly string[] | undefined;
  /**
   * The start waits until each source of `discovery` was asked once, and what it found was tried.
   */
  awaitFirstLookup?: boolean | undefined;
  /**
   * Fail the start with join_failed when no seed answers, instead of starting alone and trying
   * again.
   */
  requireJoin?: boolean | undefined;
  /**
   * Key/value facts about this member, seen by all; at most 512 bytes once encoded as serf encodes
   * them.
   */
  tags?: Readonly<Record<string, string>> | undefined;
  /** Raw metadata of at most 512 bytes, for peers that do not use tags; excludes `tags`. */
  meta?: Uint8Array | undefined;
  /**
   * memberlist's timing presets, and fast, which finds out about a silent host within some 3 s for
   * five times the probes; the options below start from it. Default: lan.
   */
  profile?: 'lan' | 'wan' | 'local' | 'fast' | undefined;
  /**
   * Cluster label of at most 255 bytes, memberlist's packet label: members of other clusters are
   * not heard. Default: none.
   */
  cluster?: string | undefined;
  /** Allow plaintext on an address that is not loopback. */
  insecure?: boolean | undefined;
  /**
   * Leave gracefully on SIGTERM and SIGINT, then let the process end as it would have; a second
   * signal ends it at once.
   */
  handleSignals?: boolean | undefined;
  /**
   * Events kept for a slow reader; one that falls further behind gets a single events-lost and a
   * fresh snapshot. Default: 1024.
   */
  eventBuffer?: number | undefined;
  /**
   * Application protocol versions min,max,current; serf speaks 2,5,5. auto takes those of the first
   * cluster joined. Default: auto.
   */
  delegateVersions?: string | undefined;
  /**
   * Send LZW where it pays (streams and packets over 1 KiB). Compressed input is always understood.
   * Default: true.
   */
  compression?: boolean | undefined;
  /**
   * Bytes of UDP payload that gossip fills at most (memberlist's UDPBufferSize). Default: 1400.
   */
  packetSize?: number | undefined;
  /** Time between two probes of this member. Default: 1s. */
  probeInterval?: number | undefined;
  /** Wait for a direct answer before others are asked to probe. Default: 500ms. */
  probeTimeout?: number | undefined;
  /** Members asked to probe in our place when a direct probe is not answered. Default: 3. */
  indirectChecks?: number | undefined;
  /** Do not fall back to a ping over TCP when UDP is not answered. */
  disableTcpPings?: boolean | undefined;
  /** Multiplier of the time a suspect has to refute before it counts as failed. Default: 4. */
  suspicionMult?: number | undefined;
  /** How many times longer an unconfirmed suspicion lasts than a confirmed one. Default: 6. */
  suspicionMaxTimeoutMult?: number | undefined;
  /**
   * Upper bound of the local health score, by which an ailing node stretches its own probe
   * interval. Default: 8.
   */
  awarenessMaxMultiplier?: number | undefined;
  /** Time between two rounds of gossip while there is something to tell. Default: 200ms. */
  gossipInterval?: number | undefined;
  /** Members told in one round of gossip. Default: 3. */
  gossipNodes?: number | undefined;
  /**
   * How long a failed member is still told about its failure, so that it can refute, and is
   * remembered. Default: 30s.
   */
  gossipToTheDeadTime?: number | undefined;
  /** Multiplier of the number of times one message is gossiped. Default: 4. */
  retransmitMult?: number | undefined;
  /**
   * Time between two exchanges of the full state with a random member over TCP; 0s switches them
   * off. Default: 30s.
   */
  pushPullInterval?: number | undefined;
  /**
   * Limit of one exchange over TCP, connecting included; and of looking a name up. Default: 10s.
   */
  tcpTimeout?: number | undefined;
  /**
   * File in which the members known are kept from one run to the next, to be tried as seeds; made
   * when it is not there. Default: none.
   */
  snapshot?: string | undefined;
  /**
   * Use the snapshot also when the last run had left; otherwise only after a crash or a close
   * without a leave.
   */
  rejoinAfterLeave?: boolean | undefined;
  /**
   * Keys of gossip, each 16, 24 or 32 bytes in base64: the first encrypts, each decrypts. Default:
   * none, and everything is in clear.
   */
  keys?: readonly string[] | undefined;
  /**
   * File with keys of gossip in base64, one a line: the first encrypts; empty lines and lines that
   * begin with # do not count. Excludes `keys`.
   */
  keyFile?: string | undefined;
  /**
   * Passphrase of at least 16 characters, from which the key is derived with the cluster label as
   * salt. Excludes `keys` and `key_file`.
   */
  cookie?: string | undefined;
  /**
   * With keys, refuse what is not encrypted. Off only while a cluster changes over from plaintext.
   * Default: true.
   */
  verifyIncoming?: boolean | undefined;
  /**
   * With keys, encrypt what is sent. Off only while a cluster changes over from plaintext. Default:
   * true.
   */
  verifyOutgoing?: boolean | undefined;
  /**
   * Something in front of this node takes the cluster label off what comes in: expect none, and
   * refuse what still has one.
   */
  skipInboundLabelCheck?: boolean | undefined;
  /**
   * Networks such as 10.0.0.0/8: nobody outside of them is heard, and no member there is taken in.
   * Default: everybody.
   */
  cidrsAllowed?: readonly string[] | undefined;
  /**
   * Whether newcomers come in at once, or wait for a decision about the `admission` event that
   * tells of them. Default: open.
   */
  admission?: 'open' | 'ask' | undefined;
  /**
   * Time between two attempts to reach some members that failed, by this node; 0s switches them
   * off. Default: 5s.
   */
  reconnectInterval?: number | undefined;
  /**
   * How long a failed member is looked for, so that a partition heals; at most a day. Default: 24h.
   */
  reconnectTimeout?: number | undefined;
  /**
   * Bytes of name and payload that a user event of serf's may have. What fits into no packet goes
   * over TCP. Default: 512.
   */
  userEventSizeLimit?: number | undefined;
  /**
   * Whether user events that were told before this node joined are told to it, as far as others
   * remember them. Default: true.
   */
  replayOnJoin?: boolean | undefined;
  /**
   * How long a member that refuses this node and another may take to come back, times log10 of the
   * cluster's size, before it has failed; 0s goes by silence alone, as memberlist does. Default:
   * 100ms.
   */
  refusedTimeout?: number | undefined;
  /**
   * How the cluster's ring places keys on members. This and the options below must be the same on
   * all members. Default: default.
   */
  ringProfile?: 'default' | 'pure' | 'exact' | 'ketama' | 'clusterluck' | undefined;
  /** Slots of the cluster's ring, for the profiles that have slots. Default: 65536. */
  ringSlots?: number | undefined;
  /**
   * Owners of a key that the cluster's ring finds without a search; members may differ in it.
   * Default: 3.
   */
  ringReplicas?: number | undefined;
  /** Keys with the same text between `{` and `}` have the same owner in the cluster's ring. */
  ringHashTags?: boolean | undefined;
  /** Tags that a member must have to be on the cluster's ring. Default: all members are. */
  ringTags?: Readonly<Record<string, string>> | undefined;
  /**
   * Tag with a member's weight on the ring, 1 to 65535; with 0 it owns nothing, and without the tag
   * its weight is 1. Default: weight.
   */
  ringWeightTag?: string | undefined;
  /**
   * Tag with a member's zone: owners of a key are of different zones as long as there are enough.
   * Default: zone.
   */
  ringZoneTag?: string | undefined;
  /** Rings that are kept beside the present one, to ask who owned a key before. Default: 3. */
  ringHistory?: number | undefined;
  /**
   * How long a member that loses slots may take to release them before the next owner goes ahead;
   * 0s does without hand-off. Default: 0s.
   */
  handoffTimeout?: number | undefined;
  /** How long a call waits for its answer, where nothing else is said. Default: 5s. */
  callTimeout?: number | undefined;
  /**
   * Bytes of a payload at most, of what this node sends and of what it takes. Default: 1048576.
   */
  messageMax?: number | undefined;
  /**
   * Messages that may wait for a server; calls beyond that are answered with overloaded, casts are
   * dropped and counted. Default: 1024.
   */
  mailbox?: number | undefined;
  /** Bytes that may wait to be sent to one member. Default: 67108864. */
  outboxBytes?: number | undefined;
  /**
   * What becomes of a message when as much waits: whoever sends it gets overloaded, or waits for
   * room; or a cast is dropped and counted, the oldest or itself. Default: reject.
   */
  outboxOverflow?: 'reject' | 'block' | 'drop-oldest' | 'drop-newest' | undefined;
  /** How long a cast may wait for a connection before it is dropped and counted. Default: 5s. */
  outboxAge?: number | undefined;
  /**
   * How long the loop of this node's runtime may be blocked until the others are told that it is
   * stuck; slow after a fifth of that, which is how often it is looked at. 0s does without.
   * Default: 5s.
   */
  loopStuck?: number | undefined;
  /**
   * File in PEM with this member's certificate, and those between it and one in `tls_ca`. With it,
   * connections for messages are TLS 1.3 and nothing else; `tls_key` and `tls_ca` belong to it.
   * Read again when it changes.
   */
  tlsCert?: string | undefined;
  /** File in PEM with the private key of the certificate. */
  tlsKey?: string | undefined;
  /** File in PEM with the certificates that sign members: who shows none of theirs is refused. */
  tlsCa?: string | undefined;
  /**
   * Whether a member must have its name in its certificate, as a DNS name or as the URI
   * chinwag:<cluster>/<name>. Off, whoever has a certificate may say any name. Default: true.
   */
  tlsVerifyName?: boolean | undefined;
  /**
   * Unix socket at which processes of this host and user may attach to this member, to see and say
   * what it can without being members; made at the start, removed at the end. Default: none.
   */
  workers?: string | undefined;
  /**
   * Unix socket of the member that this process attaches to, as one of its workers: it is no member
   * then, and what options say of members is that one's. Excludes `workers`.
   */
  attach?: string | undefined;
}

/** Every event type, by its number less one. */
export const EVENT_TYPES: readonly EventType[];
/** What each type of event carries, by its number less one: name and kind. */
export const EVENT_FIELDS: readonly (readonly (readonly [string, string])[])[];
/** Every member state, by its number. */
export const MEMBER_STATES: readonly MemberState[];
/** Every error code of the core. */
export const ERRORS: Readonly<
  Record<
    string,
    {
      readonly number: number;
      readonly code: ErrorCode;
      readonly retryable: boolean;
      readonly maybeExecuted: boolean;
    }
  >
>;
/** Every option as it is spelled here, and its key and kind in the core. */
export const OPTIONS: Readonly<
  Record<keyof StartOptions, { readonly key: string; readonly kind: string }>
>;
