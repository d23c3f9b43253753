// Written from api.toml by `cargo test -p chinwag-house --test api`. Change it there.

//! Numbers and words of the C interface. The names are C's.
#![allow(non_camel_case_types, reason = "cbindgen takes the names over as they are")]

use std::ffi::CStr;

/// What a function came to: `CHINWAG_OK`, or what went wrong. Numbers are permanent.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum chinwag_status {
    /// It worked.
    CHINWAG_OK = 0,
    /// An option is unknown, malformed, or contradicts another; nothing was started.
    CHINWAG_EBADCONFIG = 1,
    /// An argument is malformed or missing; nothing was changed.
    CHINWAG_EBADARGUMENT = 2,
    /// The address could not be bound; nothing was started.
    CHINWAG_EBINDFAILED = 3,
    /// No seed answered; the node goes on as it was. Each attempt is listed with its cause.
    CHINWAG_EJOINFAILED = 4,
    /// A value is over its size limit; the old value stays.
    CHINWAG_ETOOLARGE = 5,
    /// The deadline passed before the outcome was known; it may still happen.
    CHINWAG_ETIMEOUT = 6,
    /// The node is closed, or was closed while the operation was under way.
    CHINWAG_ECLOSED = 7,
    /// The caller gave the operation up; it may still happen.
    CHINWAG_ECANCELLED = 8,
    /// The node belongs to the parent process; a forked child starts a node of its own.
    CHINWAG_EFORKED = 9,
    /// A defect in Chinwag, caught at the border; the node may be unusable. Please report it.
    CHINWAG_EINTERNAL = 10,
}

/// What an event tells. Numbers are permanent; new ones may be added.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum chinwag_event_type {
    /// A member is here: new, or back after it had failed or left.
    CHINWAG_EVENT_MEMBER_JOIN = 1,
    /// A member said goodbye.
    CHINWAG_EVENT_MEMBER_LEAVE = 2,
    /// A suspected member did not refute in time.
    CHINWAG_EVENT_MEMBER_FAILED = 3,
    /// A member changed its tags, metadata or address; carries what it was before.
    CHINWAG_EVENT_MEMBER_UPDATE = 4,
    /// A member does not answer; it fails unless it refutes in time.
    CHINWAG_EVENT_MEMBER_SUSPECT = 5,
    /// A suspected member refuted.
    CHINWAG_EVENT_MEMBER_RECOVER = 6,
    /// The members that were known at the time of subscribing have all been reported; what follows
    /// is live.
    CHINWAG_EVENT_REPLAY_DONE = 7,
    /// The reader was too slow; carries how many events are missing and the members as they are
    /// now.
    CHINWAG_EVENT_EVENTS_LOST = 8,
}

/// What is believed about a member.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum chinwag_member_state {
    /// Answers probes.
    CHINWAG_STATE_ALIVE = 0,
    /// Did not answer; still counted as a member.
    CHINWAG_STATE_SUSPECT = 1,
    /// Did not answer and did not refute in time.
    CHINWAG_STATE_FAILED = 2,
    /// Said goodbye.
    CHINWAG_STATE_LEFT = 3,
}

/// The keys that `chinwag_config_set` knows, in the order of the manifest.
pub(crate) const OPTION_KEYS: &[&CStr] = &[
    c"name",
    c"bind",
    c"advertise",
    c"seeds",
    c"require_join",
    c"tags",
    c"meta",
    c"profile",
    c"cluster",
    c"insecure",
    c"handle_signals",
    c"event_buffer",
    c"delegate_versions",
    c"compression",
    c"packet_size",
    c"probe_interval",
    c"probe_timeout",
    c"indirect_checks",
    c"disable_tcp_pings",
    c"suspicion_mult",
    c"suspicion_max_timeout_mult",
    c"awareness_max_multiplier",
    c"gossip_interval",
    c"gossip_nodes",
    c"gossip_to_the_dead_time",
    c"retransmit_mult",
    c"push_pull_interval",
    c"tcp_timeout",
];

/// The permanent code of each status, by its number.
pub(crate) const STATUS_CODES: &[&CStr] = &[
    c"ok",
    c"bad_config",
    c"bad_argument",
    c"bind_failed",
    c"join_failed",
    c"too_large",
    c"timeout",
    c"closed",
    c"cancelled",
    c"forked",
    c"internal",
];

/// The permanent type of each event, by its number less one.
pub(crate) const EVENT_TYPES: &[&CStr] = &[
    c"member-join",
    c"member-leave",
    c"member-failed",
    c"member-update",
    c"member-suspect",
    c"member-recover",
    c"replay-done",
    c"events-lost",
];

/// The permanent word of each state, by its number.
pub(crate) const STATE_WORDS: &[&CStr] = &[c"alive", c"suspect", c"failed", c"left"];
