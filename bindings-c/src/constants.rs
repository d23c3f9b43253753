// Written from api.toml by `cargo test -p chinwag-house --test api`. Change it there.

//! Numbers of outcomes, event types and member states, as C spells them.
#![allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "these are C's names")]

/// What a call came to: zero, or the negative number of an error.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    CHINWAG_OK = 0,
    /// An option is unknown, malformed, or contradicts another; nothing was started.
    CHINWAG_EBADCONFIG = -1,
    /// An argument is malformed or missing; nothing was changed.
    CHINWAG_EBADARGUMENT = -2,
    /// The address could not be bound; nothing was started.
    CHINWAG_EBINDFAILED = -3,
    /// No seed answered; the node goes on as it was. Each attempt is listed with its cause.
    CHINWAG_EJOINFAILED = -4,
    /// A value is over its size limit; the old value stays.
    CHINWAG_ETOOLARGE = -5,
    /// The deadline passed before the outcome was known; it may still happen.
    CHINWAG_ETIMEOUT = -6,
    /// The node is closed, or was closed while the operation was under way.
    CHINWAG_ECLOSED = -7,
    /// The caller gave the operation up; it may still happen.
    CHINWAG_ECANCELLED = -8,
    /// The node belongs to the parent process; a forked child starts a node of its own.
    CHINWAG_EFORKED = -9,
    /// A defect in Chinwag, caught at the border; the node may be unusable. Please report it.
    CHINWAG_EINTERNAL = -10,
    /// A member that answers has this name already; nothing was joined. The message says where.
    CHINWAG_ENAMECONFLICT = -11,
    /// The other side is encrypted under another key, or only one of the two sides is encrypted.
    CHINWAG_EKEYMISMATCH = -12,
    /// A member of the cluster refused to let this node in; the message has its reason.
    CHINWAG_ENOTADMITTED = -13,
    /// No present member has this name; nothing was sent.
    CHINWAG_EUNKNOWNMEMBER = -14,
    /// The member could not be reached, or the connection broke; it may still have got the message.
    CHINWAG_ENODEDOWN = -15,
    /// Too much waits to be sent already; nothing was sent.
    CHINWAG_EOVERLOADED = -16,
    /// This node, or its cluster, does not offer that; the message has what would.
    CHINWAG_EUNSUPPORTED = -17,
    /// Nobody who is present hosts a server of this name, or not the member asked; nothing ran.
    CHINWAG_ENOSERVER = -18,
    /// The server's own code failed; carries its language, type of error, message and node.
    CHINWAG_EREMOTEERROR = -19,
    /// The server has no operation of this name; nothing ran.
    CHINWAG_EUNKNOWNOP = -20,
    /// A value has no encoding, or bytes are no value; the message says where in it.
    CHINWAG_ECODEC = -21,
    /// This node has a server of this name already; that one stays.
    CHINWAG_ESERVEREXISTS = -22,
    /// Fewer servers answered than were asked for; the message says which did not, and why.
    CHINWAG_ENOQUORUM = -23,
}

/// Type of an event.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
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
    /// A failed or departed member is no longer remembered.
    CHINWAG_EVENT_MEMBER_REAP = 9,
    /// A member has another address: it came back elsewhere, and nobody answers where it was.
    CHINWAG_EVENT_MEMBER_MOVE = 10,
    /// Somebody at another address announces itself under the name of a member that answers.
    CHINWAG_EVENT_MEMBER_CONFLICT = 11,
    /// Something is wrong and the node goes on; the code says what, the subject with whom.
    CHINWAG_EVENT_WARNING = 12,
    /// A member sent this node a message.
    CHINWAG_EVENT_MESSAGE = 13,
    /// A member sent everybody a message; each is told once.
    CHINWAG_EVENT_BROADCAST = 14,
    /// The state that a member hands on came with an exchange of states.
    CHINWAG_EVENT_REMOTE_STATE = 15,
    /// A newcomer waits to be let in, with `admission` at ask; it is refused when nobody decides.
    CHINWAG_EVENT_ADMISSION = 16,
    /// A member told everybody something, in serf's way; each is told once, here too.
    CHINWAG_EVENT_USER_EVENT = 17,
    /// A member asks everybody something, in serf's way; the answer names the id.
    CHINWAG_EVENT_QUERY = 18,
    /// The cluster's ring is another one; answers which of your keys have moved. Told once somebody
    /// has asked for the ring.
    CHINWAG_EVENT_RING_CHANGE = 19,
    /// Slots go to another member: stop writing, pass on what it needs, and say released with the
    /// id.
    CHINWAG_EVENT_HANDOFF_PREPARE = 20,
    /// Slots are this node's from now on; clean if the peer that had them released them, or nobody
    /// had them.
    CHINWAG_EVENT_HANDOFF_ACQUIRED = 21,
}

/// What is believed about a member.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Answers probes.
    CHINWAG_STATE_ALIVE = 0,
    /// Did not answer; still counted as a member.
    CHINWAG_STATE_SUSPECT = 1,
    /// Did not answer and did not refute in time.
    CHINWAG_STATE_FAILED = 2,
    /// Said goodbye.
    CHINWAG_STATE_LEFT = 3,
}

/// Every status, by the number of its error; `CHINWAG_OK` is number 0.
pub(crate) const STATUSES: &[Status] = &[
    Status::CHINWAG_OK,
    Status::CHINWAG_EBADCONFIG,
    Status::CHINWAG_EBADARGUMENT,
    Status::CHINWAG_EBINDFAILED,
    Status::CHINWAG_EJOINFAILED,
    Status::CHINWAG_ETOOLARGE,
    Status::CHINWAG_ETIMEOUT,
    Status::CHINWAG_ECLOSED,
    Status::CHINWAG_ECANCELLED,
    Status::CHINWAG_EFORKED,
    Status::CHINWAG_EINTERNAL,
    Status::CHINWAG_ENAMECONFLICT,
    Status::CHINWAG_EKEYMISMATCH,
    Status::CHINWAG_ENOTADMITTED,
    Status::CHINWAG_EUNKNOWNMEMBER,
    Status::CHINWAG_ENODEDOWN,
    Status::CHINWAG_EOVERLOADED,
    Status::CHINWAG_EUNSUPPORTED,
    Status::CHINWAG_ENOSERVER,
    Status::CHINWAG_EREMOTEERROR,
    Status::CHINWAG_EUNKNOWNOP,
    Status::CHINWAG_ECODEC,
    Status::CHINWAG_ESERVEREXISTS,
    Status::CHINWAG_ENOQUORUM,
];

/// Every type of event, in the order of the manifest.
pub(crate) const EVENT_KINDS: &[EventKind] = &[
    EventKind::CHINWAG_EVENT_MEMBER_JOIN,
    EventKind::CHINWAG_EVENT_MEMBER_LEAVE,
    EventKind::CHINWAG_EVENT_MEMBER_FAILED,
    EventKind::CHINWAG_EVENT_MEMBER_UPDATE,
    EventKind::CHINWAG_EVENT_MEMBER_SUSPECT,
    EventKind::CHINWAG_EVENT_MEMBER_RECOVER,
    EventKind::CHINWAG_EVENT_REPLAY_DONE,
    EventKind::CHINWAG_EVENT_EVENTS_LOST,
    EventKind::CHINWAG_EVENT_MEMBER_REAP,
    EventKind::CHINWAG_EVENT_MEMBER_MOVE,
    EventKind::CHINWAG_EVENT_MEMBER_CONFLICT,
    EventKind::CHINWAG_EVENT_WARNING,
    EventKind::CHINWAG_EVENT_MESSAGE,
    EventKind::CHINWAG_EVENT_BROADCAST,
    EventKind::CHINWAG_EVENT_REMOTE_STATE,
    EventKind::CHINWAG_EVENT_ADMISSION,
    EventKind::CHINWAG_EVENT_USER_EVENT,
    EventKind::CHINWAG_EVENT_QUERY,
    EventKind::CHINWAG_EVENT_RING_CHANGE,
    EventKind::CHINWAG_EVENT_HANDOFF_PREPARE,
    EventKind::CHINWAG_EVENT_HANDOFF_ACQUIRED,
];

/// Every state, in the order of the manifest.
pub(crate) const STATES: &[State] = &[
    State::CHINWAG_STATE_ALIVE,
    State::CHINWAG_STATE_SUSPECT,
    State::CHINWAG_STATE_FAILED,
    State::CHINWAG_STATE_LEFT,
];

/// Bit of `member-join` in a mask of events.
pub const CHINWAG_MASK_MEMBER_JOIN: u32 = 0x2;
/// Bit of `member-leave` in a mask of events.
pub const CHINWAG_MASK_MEMBER_LEAVE: u32 = 0x4;
/// Bit of `member-failed` in a mask of events.
pub const CHINWAG_MASK_MEMBER_FAILED: u32 = 0x8;
/// Bit of `member-update` in a mask of events.
pub const CHINWAG_MASK_MEMBER_UPDATE: u32 = 0x10;
/// Bit of `member-suspect` in a mask of events.
pub const CHINWAG_MASK_MEMBER_SUSPECT: u32 = 0x20;
/// Bit of `member-recover` in a mask of events.
pub const CHINWAG_MASK_MEMBER_RECOVER: u32 = 0x40;
/// Bit of `replay-done` in a mask of events.
pub const CHINWAG_MASK_REPLAY_DONE: u32 = 0x80;
/// Bit of `events-lost` in a mask of events.
pub const CHINWAG_MASK_EVENTS_LOST: u32 = 0x100;
/// Bit of `member-reap` in a mask of events.
pub const CHINWAG_MASK_MEMBER_REAP: u32 = 0x200;
/// Bit of `member-move` in a mask of events.
pub const CHINWAG_MASK_MEMBER_MOVE: u32 = 0x400;
/// Bit of `member-conflict` in a mask of events.
pub const CHINWAG_MASK_MEMBER_CONFLICT: u32 = 0x800;
/// Bit of `warning` in a mask of events.
pub const CHINWAG_MASK_WARNING: u32 = 0x1000;
/// Bit of `message` in a mask of events.
pub const CHINWAG_MASK_MESSAGE: u32 = 0x2000;
/// Bit of `broadcast` in a mask of events.
pub const CHINWAG_MASK_BROADCAST: u32 = 0x4000;
/// Bit of `remote-state` in a mask of events.
pub const CHINWAG_MASK_REMOTE_STATE: u32 = 0x8000;
/// Bit of `admission` in a mask of events.
pub const CHINWAG_MASK_ADMISSION: u32 = 0x10000;
/// Bit of `user-event` in a mask of events.
pub const CHINWAG_MASK_USER_EVENT: u32 = 0x20000;
/// Bit of `query` in a mask of events.
pub const CHINWAG_MASK_QUERY: u32 = 0x40000;
/// Bit of `ring-change` in a mask of events.
pub const CHINWAG_MASK_RING_CHANGE: u32 = 0x80000;
/// Bit of `handoff-prepare` in a mask of events.
pub const CHINWAG_MASK_HANDOFF_PREPARE: u32 = 0x100000;
/// Bit of `handoff-acquired` in a mask of events.
pub const CHINWAG_MASK_HANDOFF_ACQUIRED: u32 = 0x200000;
