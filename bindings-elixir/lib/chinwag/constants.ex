# Written from api.toml by `cargo test -p chinwag-house --test api`. Change it there.
defmodule Chinwag.Constants do
  @moduledoc """
  The vocabulary that every language shares.

  ## Options

  * `:name` - The member's name, unique in the cluster; free text of at most 128 bytes. Default:
    the host name and a random suffix.
  * `:bind` - IP address and port to listen on, UDP and TCP alike. Port 0 takes a free one; so
    does the default when 7946 is taken. Default: 127.0.0.1:7946.
  * `:advertise` - Address told to the others, when they cannot reach `bind` as it is. Default:
    the bound address.
  * `:seeds` - Members to contact first, each host[:port]; one that answers is enough. Those that
    are not present are tried again by and by.
  * `:discovery` - Sources that are asked again and again where members are, as URLs such as
    dns://web:7946 (docs/DISCOVERY.md). They only ever add members.
  * `:await_first_lookup` - The start waits until each source of `discovery` was asked once, and
    what it found was tried.
  * `:require_join` - Fail the start with join_failed when no seed answers, instead of starting
    alone and trying again.
  * `:tags` - Key/value facts about this member, seen by all; at most 512 bytes once encoded as
    serf encodes them.
  * `:meta` - Raw metadata of at most 512 bytes, for peers that do not use tags; excludes `tags`.
  * `:profile` - memberlist's timing presets, and fast, which finds out about a silent host within
    some 3 s for five times the probes; the options below start from it. Default: lan.
  * `:cluster` - Cluster label of at most 255 bytes, memberlist's packet label: members of other
    clusters are not heard. Default: none.
  * `:insecure` - Allow plaintext on an address that is not loopback.
  * `:handle_signals` - Leave gracefully on SIGTERM and SIGINT, then let the process end as it
    would have; a second signal ends it at once.
  * `:event_buffer` - Events kept for a slow reader; one that falls further behind gets a single
    events-lost and a fresh snapshot. Default: 1024.
  * `:delegate_versions` - Application protocol versions min,max,current; serf speaks 2,5,5. auto
    takes those of the first cluster joined. Default: auto.
  * `:compression` - Send LZW where it pays (streams and packets over 1 KiB). Compressed input is
    always understood. Default: true.
  * `:packet_size` - Bytes of UDP payload that gossip fills at most (memberlist's UDPBufferSize).
    Default: 1400.
  * `:probe_interval` - Time between two probes of this member. Default: 1s.
  * `:probe_timeout` - Wait for a direct answer before others are asked to probe. Default: 500ms.
  * `:indirect_checks` - Members asked to probe in our place when a direct probe is not answered.
    Default: 3.
  * `:disable_tcp_pings` - Do not fall back to a ping over TCP when UDP is not answered.
  * `:suspicion_mult` - Multiplier of the time a suspect has to refute before it counts as failed.
    Default: 4.
  * `:suspicion_max_timeout_mult` - How many times longer an unconfirmed suspicion lasts than a
    confirmed one. Default: 6.
  * `:awareness_max_multiplier` - Upper bound of the local health score, by which an ailing node
    stretches its own probe interval. Default: 8.
  * `:gossip_interval` - Time between two rounds of gossip while there is something to tell.
    Default: 200ms.
  * `:gossip_nodes` - Members told in one round of gossip. Default: 3.
  * `:gossip_to_the_dead_time` - How long a failed member is still told about its failure, so that
    it can refute, and is remembered. Default: 30s.
  * `:retransmit_mult` - Multiplier of the number of times one message is gossiped. Default: 4.
  * `:push_pull_interval` - Time between two exchanges of the full state with a random member over
    TCP; 0s switches them off. Default: 30s.
  * `:tcp_timeout` - Limit of one exchange over TCP, connecting included; and of looking a name
    up. Default: 10s.
  * `:snapshot` - File in which the members known are kept from one run to the next, to be tried
    as seeds; made when it is not there. Default: none.
  * `:rejoin_after_leave` - Use the snapshot also when the last run had left; otherwise only after
    a crash or a close without a leave.
  * `:keys` - Keys of gossip, each 16, 24 or 32 bytes in base64: the first encrypts, each
    decrypts. Default: none, and everything is in clear.
  * `:key_file` - File with keys of gossip in base64, one a line: the first encrypts; empty lines
    and lines that begin with # do not count. Excludes `keys`.
  * `:cookie` - Passphrase of at least 16 characters, from which the key is derived with the
    cluster label as salt. Excludes `keys` and `key_file`.
  * `:verify_incoming` - With keys, refuse what is not encrypted. Off only while a cluster changes
    over from plaintext. Default: true.
  * `:verify_outgoing` - With keys, encrypt what is sent. Off only while a cluster changes over
    from plaintext. Default: true.
  * `:skip_inbound_label_check` - Something in front of this node takes the cluster label off what
    comes in: expect none, and refuse what still has one.
  * `:cidrs_allowed` - Networks such as 10.0.0.0/8: nobody outside of them is heard, and no member
    there is taken in. Default: everybody.
  * `:admission` - Whether newcomers come in at once, or wait for a decision about the `admission`
    event that tells of them. Default: open.
  * `:reconnect_interval` - Time between two attempts to reach some members that failed, by this
    node; 0s switches them off. Default: 5s.
  * `:reconnect_timeout` - How long a failed member is looked for, so that a partition heals; at
    most a day. Default: 24h.
  * `:user_event_size_limit` - Bytes of name and payload that a user event of serf's may have.
    What fits into no packet goes over TCP. Default: 512.
  * `:replay_on_join` - Whether user events that were told before this node joined are told to it,
    as far as others remember them. Default: true.
  * `:refused_timeout` - How long a member that refuses this node and another may take to come
    back, times log10 of the cluster's size, before it has failed; 0s goes by silence alone, as
    memberlist does. Default: 100ms.
  * `:ring_profile` - How the cluster's ring places keys on members. This and the options below
    must be the same on all members. Default: default.
  * `:ring_slots` - Slots of the cluster's ring, for the profiles that have slots. Default: 65536.
  * `:ring_replicas` - Owners of a key that the cluster's ring finds without a search; members may
    differ in it. Default: 3.
  * `:ring_hash_tags` - Keys with the same text between `{` and `}` have the same owner in the
    cluster's ring.
  * `:ring_tags` - Tags that a member must have to be on the cluster's ring. Default: all members
    are.
  * `:ring_weight_tag` - Tag with a member's weight on the ring, 1 to 65535; with 0 it owns
    nothing, and without the tag its weight is 1. Default: weight.
  * `:ring_zone_tag` - Tag with a member's zone: owners of a key are of different zones as long as
    there are enough. Default: zone.
  * `:ring_history` - Rings that are kept beside the present one, to ask who owned a key before.
    Default: 3.
  * `:handoff_timeout` - How long a member that loses slots may take to release them before the
    next owner goes ahead; 0s does without hand-off. Default: 0s.
  * `:call_timeout` - How long a call waits for its answer, where nothing else is said. Default:
    5s.
  * `:message_max` - Bytes of a payload at most, of what this node sends and of what it takes.
    Default: 1048576.
  * `:mailbox` - Messages that may wait for a server; calls beyond that are answered with
    overloaded, casts are dropped and counted. Default: 1024.
  * `:outbox_bytes` - Bytes that may wait to be sent to one member. Default: 67108864.
  * `:outbox_overflow` - What becomes of a message when as much waits: whoever sends it gets
    overloaded, or waits for room; or a cast is dropped and counted, the oldest or itself.
    Default: reject.
  * `:outbox_age` - How long a cast may wait for a connection before it is dropped and counted.
    Default: 5s.
  * `:loop_stuck` - How long the loop of this node's runtime may be blocked until the others are
    told that it is stuck; slow after a fifth of that, which is how often it is looked at. 0s does
    without. Default: 5s.
  * `:tls_cert` - File in PEM with this member's certificate, and those between it and one in
    `tls_ca`. With it, connections for messages are TLS 1.3 and nothing else; `tls_key` and
    `tls_ca` belong to it. Read again when it changes.
  * `:tls_key` - File in PEM with the private key of the certificate.
  * `:tls_ca` - File in PEM with the certificates that sign members: who shows none of theirs is
    refused.
  * `:tls_verify_name` - Whether a member must have its name in its certificate, as a DNS name or
    as the URI chinwag:<cluster>/<name>. Off, whoever has a certificate may say any name. Default:
    true.
  * `:workers` - Unix socket at which processes of this host and user may attach to this member,
    to see and say what it can without being members; made at the start, removed at the end.
    Default: none.
  * `:attach` - Unix socket of the member that this process attaches to, as one of its workers: it
    is no member then, and what options say of members is that one's. Excludes `workers`.

  ## Errors

  * `:bad_config` - An option is unknown, malformed, or contradicts another; nothing was started.
  * `:bad_argument` - An argument is malformed or missing; nothing was changed.
  * `:bind_failed` - The address could not be bound; nothing was started.
  * `:join_failed` - No seed answered; the node goes on as it was. Each attempt is listed with its
    cause.
  * `:too_large` - A value is over its size limit; the old value stays.
  * `:timeout` - The deadline passed before the outcome was known; it may still happen.
  * `:closed` - The node is closed, or was closed while the operation was under way.
  * `:cancelled` - The caller gave the operation up; it may still happen.
  * `:forked` - The node belongs to the parent process; a forked child starts a node of its own.
  * `:internal` - A defect in Chinwag, caught at the border; the node may be unusable. Please
    report it.
  * `:name_conflict` - A member that answers has this name already; nothing was joined. The
    message says where.
  * `:key_mismatch` - The other side is encrypted under another key, or only one of the two sides
    is encrypted.
  * `:not_admitted` - A member of the cluster refused to let this node in; the message has its
    reason.
  * `:unknown_member` - No present member has this name; nothing was sent.
  * `:node_down` - The member could not be reached, or the connection broke; it may still have got
    the message.
  * `:overloaded` - Too much waits to be sent already; nothing was sent.
  * `:unsupported` - This node, or its cluster, does not offer that; the message has what would.
  * `:no_server` - Nobody who is present hosts a server of this name, or not the member asked;
    nothing ran.
  * `:remote_error` - The server's own code failed; carries its language, type of error, message
    and node.
  * `:unknown_op` - The server has no operation of this name; nothing ran.
  * `:codec` - A value has no encoding, or bytes are no value; the message says where in it.
  * `:server_exists` - This node has a server of this name already; that one stays.
  * `:no_quorum` - Fewer servers answered than were asked for; the message says which did not, and
    why.

  ## Events

  * `:member_join` - A member is here: new, or back after it had failed or left.
  * `:member_leave` - A member said goodbye.
  * `:member_failed` - A suspected member did not refute in time.
  * `:member_update` - A member changed its tags, metadata or address; carries what it was before.
  * `:member_suspect` - A member does not answer; it fails unless it refutes in time.
  * `:member_recover` - A suspected member refuted.
  * `:replay_done` - The members that were known at the time of subscribing have all been
    reported; what follows is live.
  * `:events_lost` - The reader was too slow; carries how many events are missing and the members
    as they are now.
  * `:member_reap` - A failed or departed member is no longer remembered.
  * `:member_move` - A member has another address: it came back elsewhere, and nobody answers
    where it was.
  * `:member_conflict` - Somebody at another address announces itself under the name of a member
    that answers.
  * `:warning` - Something is wrong and the node goes on; the code says what, the subject with
    whom.
  * `:message` - A member sent this node a message.
  * `:broadcast` - A member sent everybody a message; each is told once.
  * `:remote_state` - The state that a member hands on came with an exchange of states.
  * `:admission` - A newcomer waits to be let in, with `admission` at ask; it is refused when
    nobody decides.
  * `:user_event` - A member told everybody something, in serf's way; each is told once, here too.
  * `:query` - A member asks everybody something, in serf's way; the answer names the id.
  * `:ring_change` - The cluster's ring is another one; answers which of your keys have moved.
    Told once somebody has asked for the ring.
  * `:handoff_prepare` - Slots go to another member: stop writing, pass on what it needs, and say
    released with the id.
  * `:handoff_acquired` - Slots are this node's from now on; clean if the peer that had them
    released them, or nobody had them.

  ## Warnings

  * `:name_conflict` - Another node announces itself under the name of a member, or of this node.
  * `:snapshot_failed` - The snapshot cannot be written; the node goes on without.
  * `:key_mismatch` - A peer encrypts under a key that this node does not have.
  * `:label_mismatch` - A peer sends under another cluster label, or under none.
  * `:plaintext_refused` - A peer sends in clear to a node that demands encryption.
  * `:address_refused` - Something came from, or a member is announced at, an address outside
    `cidrs_allowed`.
  * `:seed_failed` - A join did not reach some of the seeds, or the start none of them; says why
    for each.
  * `:tcp_unreachable` - A member answers probes, but connections to it fail.
  * `:udp_unreachable` - A member answers over TCP only: every probe of it is late.
  * `:flapping` - A member keeps failing and coming back; it is given up more slowly for a while.
  * `:ring_mismatch` - A member has had another ring for a while: its options differ, or whom it
    sees.
  * `:ring_weight` - The weight that a member's tag says is none; it counts as 1.
  * `:ring_failed` - No ring can be made of the members as they are; the one before stays.
  * `:ring_name` - A member is off the ring for its name: it is too long, or has the hash of
    another's.
  * `:loop_stuck` - The loop on which a member runs its users' code is blocked; no subject: that
    of this node.
  * `:tls_files` - The files of certificates have changed and are not good; those before them stay
    in force.
  * `:member_away` - The member of this worker is away, or refuses it; what was seen last stays.
  * `:server_taken` - Workers serve a name that their member serves itself, which gets all that is
    for it.
  * `:discovery_failed` - A source of discovery failed, or refused, and why; told once a cause.
    Members stay.

  ## Member states

  * `:alive` - Answers probes.
  * `:suspect` - Did not answer; still counted as a member.
  * `:failed` - Did not answer and did not refute in time.
  * `:left` - Said goodbye.
  """

  @typedoc "What went wrong."
  @type error_code ::
          :bad_config
          | :bad_argument
          | :bind_failed
          | :join_failed
          | :too_large
          | :timeout
          | :closed
          | :cancelled
          | :forked
          | :internal
          | :name_conflict
          | :key_mismatch
          | :not_admitted
          | :unknown_member
          | :node_down
          | :overloaded
          | :unsupported
          | :no_server
          | :remote_error
          | :unknown_op
          | :codec
          | :server_exists
          | :no_quorum

  @typedoc "What an event tells."
  @type event_type ::
          :member_join
          | :member_leave
          | :member_failed
          | :member_update
          | :member_suspect
          | :member_recover
          | :replay_done
          | :events_lost
          | :member_reap
          | :member_move
          | :member_conflict
          | :warning
          | :message
          | :broadcast
          | :remote_state
          | :admission
          | :user_event
          | :query
          | :ring_change
          | :handoff_prepare
          | :handoff_acquired

  @typedoc "What a node warns of."
  @type warning_code ::
          :name_conflict
          | :snapshot_failed
          | :key_mismatch
          | :label_mismatch
          | :plaintext_refused
          | :address_refused
          | :seed_failed
          | :tcp_unreachable
          | :udp_unreachable
          | :flapping
          | :ring_mismatch
          | :ring_weight
          | :ring_failed
          | :ring_name
          | :loop_stuck
          | :tls_files
          | :member_away
          | :server_taken
          | :discovery_failed

  @typedoc "What is believed about a member."
  @type member_state ::
          :alive
          | :suspect
          | :failed
          | :left

  @typedoc "An option of a node."
  @type option ::
          {:name, String.t()}
          | {:bind, String.t()}
          | {:advertise, String.t()}
          | {:seeds, [String.t()]}
          | {:discovery, [String.t()]}
          | {:await_first_lookup, boolean()}
          | {:require_join, boolean()}
          | {:tags, Enumerable.t()}
          | {:meta, binary()}
          | {:profile, :lan | :wan | :local | :fast}
          | {:cluster, String.t()}
          | {:insecure, boolean()}
          | {:handle_signals, boolean()}
          | {:event_buffer, non_neg_integer()}
          | {:delegate_versions, String.t()}
          | {:compression, boolean()}
          | {:packet_size, non_neg_integer()}
          | {:probe_interval, non_neg_integer()}
          | {:probe_timeout, non_neg_integer()}
          | {:indirect_checks, non_neg_integer()}
          | {:disable_tcp_pings, boolean()}
          | {:suspicion_mult, non_neg_integer()}
          | {:suspicion_max_timeout_mult, non_neg_integer()}
          | {:awareness_max_multiplier, non_neg_integer()}
          | {:gossip_interval, non_neg_integer()}
          | {:gossip_nodes, non_neg_integer()}
          | {:gossip_to_the_dead_time, non_neg_integer()}
          | {:retransmit_mult, non_neg_integer()}
          | {:push_pull_interval, non_neg_integer()}
          | {:tcp_timeout, non_neg_integer()}
          | {:snapshot, String.t()}
          | {:rejoin_after_leave, boolean()}
          | {:keys, [String.t()]}
          | {:key_file, String.t()}
          | {:cookie, String.t()}
          | {:verify_incoming, boolean()}
          | {:verify_outgoing, boolean()}
          | {:skip_inbound_label_check, boolean()}
          | {:cidrs_allowed, [String.t()]}
          | {:admission, :open | :ask}
          | {:reconnect_interval, non_neg_integer()}
          | {:reconnect_timeout, non_neg_integer()}
          | {:user_event_size_limit, non_neg_integer()}
          | {:replay_on_join, boolean()}
          | {:refused_timeout, non_neg_integer()}
          | {:ring_profile, :default | :pure | :exact | :ketama | :clusterluck}
          | {:ring_slots, non_neg_integer()}
          | {:ring_replicas, non_neg_integer()}
          | {:ring_hash_tags, boolean()}
          | {:ring_tags, Enumerable.t()}
          | {:ring_weight_tag, String.t()}
          | {:ring_zone_tag, String.t()}
          | {:ring_history, non_neg_integer()}
          | {:handoff_timeout, non_neg_integer()}
          | {:call_timeout, non_neg_integer()}
          | {:message_max, non_neg_integer()}
          | {:mailbox, non_neg_integer()}
          | {:outbox_bytes, non_neg_integer()}
          | {:outbox_overflow, :reject | :block | :drop_oldest | :drop_newest}
          | {:outbox_age, non_neg_integer()}
          | {:loop_stuck, non_neg_integer()}
          | {:tls_cert, String.t()}
          | {:tls_key, String.t()}
          | {:tls_ca, String.t()}
          | {:tls_verify_name, boolean()}
          | {:workers, String.t()}
          | {:attach, String.t()}

  @options [
    name: :text,
    bind: :addr,
    advertise: :addr,
    seeds: :list,
    discovery: :list,
    await_first_lookup: :flag,
    require_join: :flag,
    tags: :map,
    meta: :bytes,
    profile: :choice,
    cluster: :text,
    insecure: :flag,
    handle_signals: :flag,
    event_buffer: :count,
    delegate_versions: :text,
    compression: :flag,
    packet_size: :count,
    probe_interval: :duration,
    probe_timeout: :duration,
    indirect_checks: :count,
    disable_tcp_pings: :flag,
    suspicion_mult: :count,
    suspicion_max_timeout_mult: :count,
    awareness_max_multiplier: :count,
    gossip_interval: :duration,
    gossip_nodes: :count,
    gossip_to_the_dead_time: :duration,
    retransmit_mult: :count,
    push_pull_interval: :duration,
    tcp_timeout: :duration,
    snapshot: :text,
    rejoin_after_leave: :flag,
    keys: :list,
    key_file: :text,
    cookie: :text,
    verify_incoming: :flag,
    verify_outgoing: :flag,
    skip_inbound_label_check: :flag,
    cidrs_allowed: :list,
    admission: :choice,
    reconnect_interval: :duration,
    reconnect_timeout: :duration,
    user_event_size_limit: :count,
    replay_on_join: :flag,
    refused_timeout: :duration,
    ring_profile: :choice,
    ring_slots: :count,
    ring_replicas: :count,
    ring_hash_tags: :flag,
    ring_tags: :map,
    ring_weight_tag: :text,
    ring_zone_tag: :text,
    ring_history: :count,
    handoff_timeout: :duration,
    call_timeout: :duration,
    message_max: :count,
    mailbox: :count,
    outbox_bytes: :count,
    outbox_overflow: :choice,
    outbox_age: :duration,
    loop_stuck: :duration,
    tls_cert: :text,
    tls_key: :text,
    tls_ca: :text,
    tls_verify_name: :flag,
    workers: :text,
    attach: :text
  ]

  @doc "Every option and its kind, in the order of the manifest."
  def options, do: @options

  @errors [
    bad_config: 1,
    bad_argument: 2,
    bind_failed: 3,
    join_failed: 4,
    too_large: 5,
    timeout: 6,
    closed: 7,
    cancelled: 8,
    forked: 9,
    internal: 10,
    name_conflict: 11,
    key_mismatch: 12,
    not_admitted: 13,
    unknown_member: 14,
    node_down: 15,
    overloaded: 16,
    unsupported: 17,
    no_server: 18,
    remote_error: 19,
    unknown_op: 20,
    codec: 21,
    server_exists: 22,
    no_quorum: 23
  ]

  @doc "Every error code and its number."
  def errors, do: @errors

  @retryable [
    :bind_failed,
    :join_failed,
    :timeout,
    :cancelled,
    :unknown_member,
    :node_down,
    :overloaded,
    :no_server,
    :no_quorum
  ]

  @doc "Error codes after which the same call may succeed later."
  def retryable, do: @retryable

  @maybe_executed [
    :timeout,
    :cancelled,
    :node_down,
    :remote_error,
    :no_quorum
  ]

  @doc "Error codes after which what was asked for may have happened, where nothing else is said."
  def maybe_executed, do: @maybe_executed

  @events [
    member_join: 1,
    member_leave: 2,
    member_failed: 3,
    member_update: 4,
    member_suspect: 5,
    member_recover: 6,
    replay_done: 7,
    events_lost: 8,
    member_reap: 9,
    member_move: 10,
    member_conflict: 11,
    warning: 12,
    message: 13,
    broadcast: 14,
    remote_state: 15,
    admission: 16,
    user_event: 17,
    query: 18,
    ring_change: 19,
    handoff_prepare: 20,
    handoff_acquired: 21
  ]

  @doc "Every type of event and its number."
  def events, do: @events

  @fields [
    member_join: [:member],
    member_leave: [:member],
    member_failed: [:member],
    member_update: [:member, :previous],
    member_suspect: [:member],
    member_recover: [:member],
    replay_done: [],
    events_lost: [:count, :members],
    member_reap: [:member],
    member_move: [:member, :previous],
    member_conflict: [:member, :addr],
    warning: [:code, :subject, :text],
    message: [:sender, :addr, :reliable, :payload],
    broadcast: [:sender, :name, :payload],
    remote_state: [:sender, :join, :payload],
    admission: [:id, :member],
    user_event: [:name, :ltime, :payload, :coalesce],
    query: [:id, :sender, :name, :payload, :timeout],
    ring_change: [:version, :change],
    handoff_prepare: [:id, :peer, :slots, :epoch, :timeout],
    handoff_acquired: [:peer, :slots, :epoch, :clean]
  ]

  @doc "What each type of event carries, in order."
  def fields, do: @fields

  @warnings [
    name_conflict: "name-conflict",
    snapshot_failed: "snapshot-failed",
    key_mismatch: "key-mismatch",
    label_mismatch: "label-mismatch",
    plaintext_refused: "plaintext-refused",
    address_refused: "address-refused",
    seed_failed: "seed-failed",
    tcp_unreachable: "tcp-unreachable",
    udp_unreachable: "udp-unreachable",
    flapping: "flapping",
    ring_mismatch: "ring-mismatch",
    ring_weight: "ring-weight",
    ring_failed: "ring-failed",
    ring_name: "ring-name",
    loop_stuck: "loop-stuck",
    tls_files: "tls-files",
    member_away: "member-away",
    server_taken: "server-taken",
    discovery_failed: "discovery-failed"
  ]

  @doc "Every code of a warning, as the core spells it."
  def warnings, do: @warnings

  @states [
    alive: 0,
    suspect: 1,
    failed: 2,
    left: 3
  ]

  @doc "Every member state and its number."
  def states, do: @states
end
