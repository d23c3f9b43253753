// Written from api.toml by `cargo test -p chinwag-house --test api`. Change it there.
'use strict';

// Every event type, by its number less one.
const EVENT_TYPES = Object.freeze([
  'member-join',
  'member-leave',
  'member-failed',
  'member-update',
  'member-suspect',
  'member-recover',
  'replay-done',
  'events-lost',
  'member-reap',
  'member-move',
  'member-conflict',
  'warning',
  'message',
  'broadcast',
  'remote-state',
  'admission',
  'user-event',
  'query',
  'ring-change',
  'handoff-prepare',
  'handoff-acquired',
]);

// What each type of event carries, by its number less one: name and kind.
const EVENT_FIELDS = Object.freeze([
  [['member', 'member']],
  [['member', 'member']],
  [['member', 'member']],
  [['member', 'member'], ['previous', 'member']],
  [['member', 'member']],
  [['member', 'member']],
  [],
  [['count', 'count'], ['members', 'members']],
  [['member', 'member']],
  [['member', 'member'], ['previous', 'member']],
  [['member', 'member'], ['addr', 'text']],
  [['code', 'text'], ['subject', 'text'], ['text', 'text']],
  [['sender', 'text'], ['addr', 'text'], ['reliable', 'flag'], ['payload', 'bytes']],
  [['sender', 'text'], ['name', 'text'], ['payload', 'bytes']],
  [['sender', 'text'], ['join', 'flag'], ['payload', 'bytes']],
  [['id', 'count'], ['member', 'member']],
  [['name', 'text'], ['ltime', 'count'], ['payload', 'bytes'], ['coalesce', 'flag']],
  [
    ['id', 'count'],
    ['sender', 'text'],
    ['name', 'text'],
    ['payload', 'bytes'],
    ['timeout', 'duration'],
  ],
  [['version', 'count'], ['change', 'change']],
  [
    ['id', 'count'],
    ['peer', 'text'],
    ['slots', 'slots'],
    ['epoch', 'count'],
    ['timeout', 'duration'],
  ],
  [['peer', 'text'], ['slots', 'slots'], ['epoch', 'count'], ['clean', 'flag']],
]);

// Every member state, by its number.
const MEMBER_STATES = Object.freeze([
  'alive',
  'suspect',
  'failed',
  'left',
]);

// Every error code of the core.
const ERRORS = Object.freeze({
  bad_config: {
    number: 1, code: 'ERR_CHINWAG_BAD_CONFIG',
    retryable: false, maybeExecuted: false,
  },
  bad_argument: {
    number: 2, code: 'ERR_CHINWAG_BAD_ARGUMENT',
    retryable: false, maybeExecuted: false,
  },
  bind_failed: {
    number: 3, code: 'ERR_CHINWAG_BIND_FAILED',
    retryable: true, maybeExecuted: false,
  },
  join_failed: {
    number: 4, code: 'ERR_CHINWAG_JOIN_FAILED',
    retryable: true, maybeExecuted: false,
  },
  too_large: {
    number: 5, code: 'ERR_CHINWAG_TOO_LARGE',
    retryable: false, maybeExecuted: false,
  },
  timeout: {
    number: 6, code: 'ERR_CHINWAG_TIMEOUT',
    retryable: true, maybeExecuted: true,
  },
  closed: {
    number: 7, code: 'ERR_CHINWAG_CLOSED',
    retryable: false, maybeExecuted: false,
  },
  cancelled: {
    number: 8, code: 'ERR_CHINWAG_CANCELLED',
    retryable: true, maybeExecuted: true,
  },
  forked: {
    number: 9, code: 'ERR_CHINWAG_FORKED',
    retryable: false, maybeExecuted: false,
  },
  internal: {
    number: 10, code: 'ERR_CHINWAG_INTERNAL',
    retryable: false, maybeExecuted: false,
  },
  name_conflict: {
    number: 11, code: 'ERR_CHINWAG_NAME_CONFLICT',
    retryable: false, maybeExecuted: false,
  },
  key_mismatch: {
    number: 12, code: 'ERR_CHINWAG_KEY_MISMATCH',
    retryable: false, maybeExecuted: false,
  },
  not_admitted: {
    number: 13, code: 'ERR_CHINWAG_NOT_ADMITTED',
    retryable: false, maybeExecuted: false,
  },
  unknown_member: {
    number: 14, code: 'ERR_CHINWAG_UNKNOWN_MEMBER',
    retryable: true, maybeExecuted: false,
  },
  node_down: {
    number: 15, code: 'ERR_CHINWAG_NODE_DOWN',
    retryable: true, maybeExecuted: true,
  },
  overloaded: {
    number: 16, code: 'ERR_CHINWAG_OVERLOADED',
    retryable: true, maybeExecuted: false,
  },
  unsupported: {
    number: 17, code: 'ERR_CHINWAG_UNSUPPORTED',
    retryable: false, maybeExecuted: false,
  },
  no_server: {
    number: 18, code: 'ERR_CHINWAG_NO_SERVER',
    retryable: true, maybeExecuted: false,
  },
  remote_error: {
    number: 19, code: 'ERR_CHINWAG_REMOTE_ERROR',
    retryable: false, maybeExecuted: true,
  },
  unknown_op: {
    number: 20, code: 'ERR_CHINWAG_UNKNOWN_OP',
    retryable: false, maybeExecuted: false,
  },
  codec: {
    number: 21, code: 'ERR_CHINWAG_CODEC',
    retryable: false, maybeExecuted: false,
  },
  server_exists: {
    number: 22, code: 'ERR_CHINWAG_SERVER_EXISTS',
    retryable: false, maybeExecuted: false,
  },
  no_quorum: {
    number: 23, code: 'ERR_CHINWAG_NO_QUORUM',
    retryable: true, maybeExecuted: true,
  },
});

// Every option as it is spelled here, and its key and kind in the core.
const OPTIONS = Object.freeze({
  name: { key: 'name', kind: 'text' },
  bind: { key: 'bind', kind: 'addr' },
  advertise: { key: 'advertise', kind: 'addr' },
  seeds: { key: 'seeds', kind: 'list' },
  discovery: { key: 'discovery', kind: 'list' },
  awaitFirstLookup: { key: 'await_first_lookup', kind: 'flag' },
  requireJoin: { key: 'require_join', kind: 'flag' },
  tags: { key: 'tags', kind: 'map' },
  meta: { key: 'meta', kind: 'bytes' },
  profile: { key: 'profile', kind: 'choice' },
  cluster: { key: 'cluster', kind: 'text' },
  insecure: { key: 'insecure', kind: 'flag' },
  handleSignals: { key: 'handle_signals', kind: 'flag' },
  eventBuffer: { key: 'event_buffer', kind: 'count' },
  delegateVersions: { key: 'delegate_versions', kind: 'text' },
  compression: { key: 'compression', kind: 'flag' },
  packetSize: { key: 'packet_size', kind: 'count' },
  probeInterval: { key: 'probe_interval', kind: 'duration' },
  probeTimeout: { key: 'probe_timeout', kind: 'duration' },
  indirectChecks: { key: 'indirect_checks', kind: 'count' },
  disableTcpPings: { key: 'disable_tcp_pings', kind: 'flag' },
  suspicionMult: { key: 'suspicion_mult', kind: 'count' },
  suspicionMaxTimeoutMult: { key: 'suspicion_max_timeout_mult', kind: 'count' },
  awarenessMaxMultiplier: { key: 'awareness_max_multiplier', kind: 'count' },
  gossipInterval: { key: 'gossip_interval', kind: 'duration' },
  gossipNodes: { key: 'gossip_nodes', kind: 'count' },
  gossipToTheDeadTime: { key: 'gossip_to_the_dead_time', kind: 'duration' },
  retransmitMult: { key: 'retransmit_mult', kind: 'count' },
  pushPullInterval: { key: 'push_pull_interval', kind: 'duration' },
  tcpTimeout: { key: 'tcp_timeout', kind: 'duration' },
  snapshot: { key: 'snapshot', kind: 'text' },
  rejoinAfterLeave: { key: 'rejoin_after_leave', kind: 'flag' },
  keys: { key: 'keys', kind: 'list' },
  keyFile: { key: 'key_file', kind: 'text' },
  cookie: { key: 'cookie', kind: 'text' },
  verifyIncoming: { key: 'verify_incoming', kind: 'flag' },
  verifyOutgoing: { key: 'verify_outgoing', kind: 'flag' },
  skipInboundLabelCheck: { key: 'skip_inbound_label_check', kind: 'flag' },
  cidrsAllowed: { key: 'cidrs_allowed', kind: 'list' },
  admission: { key: 'admission', kind: 'choice' },
  reconnectInterval: { key: 'reconnect_interval', kind: 'duration' },
  reconnectTimeout: { key: 'reconnect_timeout', kind: 'duration' },
  userEventSizeLimit: { key: 'user_event_size_limit', kind: 'count' },
  replayOnJoin: { key: 'replay_on_join', kind: 'flag' },
  refusedTimeout: { key: 'refused_timeout', kind: 'duration' },
  ringProfile: { key: 'ring_profile', kind: 'choice' },
  ringSlots: { key: 'ring_slots', kind: 'count' },
  ringReplicas: { key: 'ring_replicas', kind: 'count' },
  ringHashTags: { key: 'ring_hash_tags', kind: 'flag' },
  ringTags: { key: 'ring_tags', kind: 'map' },
  ringWeightTag: { key: 'ring_weight_tag', kind: 'text' },
  ringZoneTag: { key: 'ring_zone_tag', kind: 'text' },
  ringHistory: { key: 'ring_history', kind: 'count' },
  handoffTimeout: { key: 'handoff_timeout', kind: 'duration' },
  callTimeout: { key: 'call_timeout', kind: 'duration' },
  messageMax: { key: 'message_max', kind: 'count' },
  mailbox: { key: 'mailbox', kind: 'count' },
  outboxBytes: { key: 'outbox_bytes', kind: 'count' },
  outboxOverflow: { key: 'outbox_overflow', kind: 'choice' },
  outboxAge: { key: 'outbox_age', kind: 'duration' },
  loopStuck: { key: 'loop_stuck', kind: 'duration' },
  tlsCert: { key: 'tls_cert', kind: 'text' },
  tlsKey: { key: 'tls_key', kind: 'text' },
  tlsCa: { key: 'tls_ca', kind: 'text' },
  tlsVerifyName: { key: 'tls_verify_name', kind: 'flag' },
  workers: { key: 'workers', kind: 'text' },
  attach: { key: 'attach', kind: 'text' },
});

module.exports = { EVENT_TYPES, EVENT_FIELDS, MEMBER_STATES, ERRORS, OPTIONS };
