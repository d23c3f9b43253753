//! What a node tells about the others. Flat values: every language shows the same ones.

use crate::api::{EVENTS, EventInfo};
use crate::member::Member;

/// One event, numbered in the order in which it happened on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Number of the event, from 1. Events of a replay carry that of the last event before it, and
    /// `events-lost` that of the last event which is missing.
    pub seq: u64,
    /// What happened.
    pub kind: EventKind,
}

/// What happened. The local member is never the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A member is here: new, or back after it had failed or left.
    MemberJoin(Member),
    /// A member said goodbye.
    MemberLeave(Member),
    /// A suspected member did not refute in time.
    MemberFailed(Member),
    /// A member changed its tags, metadata or address.
    MemberUpdate {
        /// As it is now.
        member: Member,
        /// As it was before.
        previous: Member,
    },
    /// A member does not answer.
    MemberSuspect(Member),
    /// A suspected member refuted.
    MemberRecover(Member),
    /// The members known at the time of subscribing have all been reported.
    ReplayDone,
    /// The reader was too slow.
    EventsLost {
        /// How many events it will not see.
        count: u64,
        /// The members as they are now, the local one left out.
        members: Vec<Member>,
    },
}

impl EventKind {
    /// Its permanent row.
    pub fn info(&self) -> &'static EventInfo {
        let row = match self {
            Self::MemberJoin(_) => 0,
            Self::MemberLeave(_) => 1,
            Self::MemberFailed(_) => 2,
            Self::MemberUpdate { .. } => 3,
            Self::MemberSuspect(_) => 4,
            Self::MemberRecover(_) => 5,
            Self::ReplayDone => 6,
            Self::EventsLost { .. } => 7,
        };
        &EVENTS[row]
    }

    /// Its permanent type, such as `member-join`.
    pub fn token(&self) -> &'static str {
        self.info().token
    }

    /// The member that it is about.
    pub fn member(&self) -> Option<&Member> {
        match self {
            Self::MemberJoin(m)
            | Self::MemberLeave(m)
            | Self::MemberFailed(m)
            | Self::MemberUpdate { member: m, .. }
            | Self::MemberSuspect(m)
            | Self::MemberRecover(m) => Some(m),
            Self::ReplayDone | Self::EventsLost { .. } => None,
        }
    }
}
