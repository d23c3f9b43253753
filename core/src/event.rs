//! What a node tells about the others. Flat values: every language shows the same ones.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::api::{EVENTS, EventInfo, WARNINGS};
pub use crate::api::{FieldKind, WarningCode};
use crate::member::Member;
use crate::ring::{Moved, Ring, RingChange};

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
    /// A failed or departed member is no longer remembered.
    MemberReap(Member),
    /// A member has another address, and nobody answers at the one it had.
    MemberMove {
        /// As it is now.
        member: Member,
        /// As it was before.
        previous: Member,
    },
    /// Somebody else announces itself under the name of a member that answers.
    MemberConflict {
        /// The one that keeps the name.
        member: Member,
        /// Where the other one says it is.
        addr: SocketAddr,
    },
    /// Something is wrong, and the node goes on.
    Warning(Arc<Warning>),
    /// A member sent this node a message.
    Message(Arc<Message>),
    /// A member sent everybody a message.
    Broadcast(Arc<Broadcasted>),
    /// The state that a member hands on came with an exchange of states.
    RemoteState(Arc<RemoteState>),
    /// A newcomer waits to be let in.
    Admission(Arc<Admission>),
    /// A member told everybody something, in serf's way.
    UserEvent(Arc<UserEvent>),
    /// A member asks everybody something, in serf's way.
    Query(Arc<Queried>),
    /// The cluster's ring is another one.
    RingChange(Arc<RingChanged>),
    /// Slots go to another member.
    HandoffPrepare(Arc<HandoffPrepared>),
    /// Slots are this node's from now on.
    HandoffAcquired(Arc<HandoffAcquired>),
}

/// From one ring of the cluster to the next, as this node sees it. Keys have no bound, so it
/// answers questions about those of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingChanged {
    /// The name of this node.
    pub local: String,
    /// From which ring to which.
    pub change: RingChange,
}

impl RingChanged {
    /// Number of the ring as it is.
    pub fn version(&self) -> u64 {
        self.after().version()
    }

    /// The ring as it was.
    pub fn before(&self) -> &Ring {
        self.change.before()
    }

    /// The ring as it is.
    pub fn after(&self) -> &Ring {
        self.change.after()
    }

    /// Those of the keys that this node owns, and did not.
    pub fn gained<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Iterator<Item = K> {
        self.change.gained(&self.local, keys)
    }

    /// Those of the keys that this node owned, and does not any more.
    pub fn lost<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Iterator<Item = K> {
        self.change.lost(&self.local, keys)
    }

    /// Those of the keys that have another owner.
    pub fn moved<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Iterator<Item = Moved<'_, K>> {
        self.change.moved(keys)
    }
}

/// Slots that this node owned go to another member, which waits until
/// [`Node::released`](crate::Node::released) is called with the number, or the time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoffPrepared {
    /// Number of the question.
    pub id: u64,
    /// Who owns them next.
    pub peer: String,
    /// Which, in order.
    pub slots: Box<[u32]>,
    /// Under which epoch this node had them at most: whoever has them next has a greater one.
    pub epoch: u64,
    /// How long the other one waits.
    pub timeout: Duration,
}

/// Slots are this node's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoffAcquired {
    /// Who had them; empty if nobody did.
    pub peer: String,
    /// Which, in order.
    pub slots: Box<[u32]>,
    /// A number that grows with every owner of a slot, so that a store which has seen a greater one
    /// can refuse who comes with this one: greater than any that this node has heard of, and near
    /// the microseconds since 2024. If who had the slots could not be heard, it is greater only as
    /// far as their clocks agree.
    pub epoch: u64,
    /// Whether who had them released them, or nobody had them. If not, it failed, or its time was
    /// over, or it takes no part in hand-offs: it may still write.
    pub clean: bool,
}

/// A newcomer that waits for [`Node::admit`](crate::Node::admit) or
/// [`Node::refuse`](crate::Node::refuse).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Number of the question.
    pub id: u64,
    /// As it announces itself.
    pub member: Member,
}

/// A message to this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who sent it: the member of that address. Empty when no member has it, and for reliable ones
    /// also when several share it. memberlist's messages do not say.
    pub sender: String,
    /// Where it came from.
    pub addr: SocketAddr,
    /// Whether it came over a connection.
    pub reliable: bool,
    /// As it was sent.
    pub payload: Box<[u8]>,
}

/// A message to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcasted {
    /// Who sent it first.
    pub sender: String,
    /// What it is about; empty for a unique one.
    pub name: String,
    /// As it was sent.
    pub payload: Box<[u8]>,
}

/// What a member hands on with exchanges of states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteState {
    /// Whose it is; empty when several members share the address that it came from.
    pub sender: String,
    /// Whether the exchange was about joining.
    pub join: bool,
    /// As it was handed on.
    pub payload: Box<[u8]>,
}

/// A user event of serf's. Who told it is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEvent {
    /// Its name.
    pub name: String,
    /// Its Lamport time: what happened because of it has a later one.
    pub ltime: u64,
    /// As it was told.
    pub payload: Box<[u8]>,
    /// Whether the last of several events of this name is enough. Not told again to those who join
    /// later.
    pub coalesce: bool,
}

/// A query of serf's, which this node may answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queried {
    /// What the answer has to name.
    pub id: u64,
    /// Who asks.
    pub sender: String,
    /// Its name.
    pub name: String,
    /// As it was asked.
    pub payload: Box<[u8]>,
    /// How long an answer is waited for, from when it was asked.
    pub timeout: Duration,
}

/// What is wrong, and with whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What.
    pub code: WarningCode,
    /// The name or address of whom it is about; empty for this node itself.
    pub subject: String,
    /// The likely cause and the next step.
    pub text: String,
}

/// A part of an event, for values of another language. Its row has the name and the kind of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// A member.
    Member(&'a Member),
    /// Members.
    Members(&'a [Member]),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A whole number.
    Count(u64),
    /// Yes or no.
    Flag(bool),
    /// A span of time.
    Duration(Duration),
    /// From one ring of the cluster to the next.
    Change(&'a Arc<RingChanged>),
    /// Slots of a ring, in order.
    Slots(&'a [u32]),
}

impl WarningCode {
    /// The permanent code, in kebab case.
    pub fn as_str(self) -> &'static str {
        // The table is written from the same rows as the enum, in the same order.
        WARNINGS[self as usize - 1].code
    }
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
            Self::MemberReap(_) => 8,
            Self::MemberMove { .. } => 9,
            Self::MemberConflict { .. } => 10,
            Self::Warning(_) => 11,
            Self::Message(_) => 12,
            Self::Broadcast(_) => 13,
            Self::RemoteState(_) => 14,
            Self::Admission(_) => 15,
            Self::UserEvent(_) => 16,
            Self::Query(_) => 17,
            Self::RingChange(_) => 18,
            Self::HandoffPrepare(_) => 19,
            Self::HandoffAcquired(_) => 20,
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
            | Self::MemberRecover(m)
            | Self::MemberReap(m)
            | Self::MemberMove { member: m, .. }
            | Self::MemberConflict { member: m, .. } => Some(m),
            Self::ReplayDone
            | Self::EventsLost { .. }
            | Self::Warning(_)
            | Self::Message(_)
            | Self::Broadcast(_)
            | Self::RemoteState(_)
            | Self::Admission(_)
            | Self::UserEvent(_)
            | Self::Query(_)
            | Self::RingChange(_)
            | Self::HandoffPrepare(_)
            | Self::HandoffAcquired(_) => None,
        }
    }

    /// What it carries, in the order of its row.
    pub fn fields(&self) -> Vec<Field<'_>> {
        let text = |text| Field::Text(Cow::Borrowed(text));
        match self {
            Self::MemberUpdate { member, previous } | Self::MemberMove { member, previous } => {
                vec![Field::Member(member), Field::Member(previous)]
            }
            Self::EventsLost { count, members } => {
                vec![Field::Count(*count), Field::Members(members)]
            }
            Self::MemberConflict { member, addr } => {
                vec![Field::Member(member), Field::Text(addr.to_string().into())]
            }
            Self::Warning(warning) => {
                vec![text(warning.code.as_str()), text(&warning.subject), text(&warning.text)]
            }
            Self::Message(message) => vec![
                text(&message.sender),
                Field::Text(message.addr.to_string().into()),
                Field::Flag(message.reliable),
                Field::Bytes(&message.payload),
            ],
            Self::Broadcast(broadcast) => {
                vec![
                    text(&broadcast.sender),
                    text(&broadcast.name),
                    Field::Bytes(&broadcast.payload),
                ]
            }
            Self::RemoteState(state) => {
                vec![text(&state.sender), Field::Flag(state.join), Field::Bytes(&state.payload)]
            }
            Self::Admission(admission) => {
                vec![Field::Count(admission.id), Field::Member(&admission.member)]
            }
            Self::UserEvent(event) => vec![
                text(&event.name),
                Field::Count(event.ltime),
                Field::Bytes(&event.payload),
                Field::Flag(event.coalesce),
            ],
            Self::Query(query) => vec![
                Field::Count(query.id),
                text(&query.sender),
                text(&query.name),
                Field::Bytes(&query.payload),
                Field::Duration(query.timeout),
            ],
            Self::RingChange(changed) => {
                vec![Field::Count(changed.version()), Field::Change(changed)]
            }
            Self::HandoffPrepare(handoff) => vec![
                Field::Count(handoff.id),
                text(&handoff.peer),
                Field::Slots(&handoff.slots),
                Field::Count(handoff.epoch),
                Field::Duration(handoff.timeout),
            ],
            Self::HandoffAcquired(handoff) => vec![
                text(&handoff.peer),
                Field::Slots(&handoff.slots),
                Field::Count(handoff.epoch),
                Field::Flag(handoff.clean),
            ],
            other => other.member().map(Field::Member).into_iter().collect(),
        }
    }

    /// Bytes of payload that it keeps alive.
    #[cfg(feature = "runtime")]
    pub(crate) fn payload_len(&self) -> usize {
        match self {
            Self::Message(message) => message.payload.len(),
            Self::Broadcast(broadcast) => broadcast.payload.len(),
            Self::RemoteState(state) => state.payload.len(),
            Self::UserEvent(event) => event.payload.len(),
            Self::Query(query) => query.payload.len(),
            // The one before is that of the event before it.
            Self::RingChange(changed) => changed.after().size(),
            Self::HandoffPrepare(handoff) => size_of_val(&*handoff.slots),
            Self::HandoffAcquired(handoff) => size_of_val(&*handoff.slots),
            _ => 0,
        }
    }
}

impl Field<'_> {
    /// Its kind, as the row of the event has it.
    pub fn kind(&self) -> FieldKind {
        match self {
            Self::Member(_) => FieldKind::Member,
            Self::Members(_) => FieldKind::Members,
            Self::Text(_) => FieldKind::Text,
            Self::Bytes(_) => FieldKind::Bytes,
            Self::Count(_) => FieldKind::Count,
            Self::Flag(_) => FieldKind::Flag,
            Self::Duration(_) => FieldKind::Duration,
            Self::Change(_) => FieldKind::Change,
            Self::Slots(_) => FieldKind::Slots,
        }
    }
}

#[cfg(test)]
pub(crate) use self::tests::every_kind;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::{Facts, MemberState};

    pub(crate) fn every_kind() -> Vec<EventKind> {
        let addr = SocketAddr::from(([10, 1, 2, 3], 7946));
        let member = Member::new(Facts {
            name: "a",
            addr,
            state: MemberState::Alive,
            incarnation: 1,
            versions: [1, 5, 2, 0, 0, 0],
            mapped: false,
            meta: b"",
        });
        let (m, previous) = (|| member.clone(), member.clone());
        let warning = Warning {
            code: WarningCode::NameConflict,
            subject: "a".to_owned(),
            text: "why".to_owned(),
        };
        vec![
            EventKind::MemberJoin(m()),
            EventKind::MemberLeave(m()),
            EventKind::MemberFailed(m()),
            EventKind::MemberUpdate { member: m(), previous: previous.clone() },
            EventKind::MemberSuspect(m()),
            EventKind::MemberRecover(m()),
            EventKind::ReplayDone,
            EventKind::EventsLost { count: 3, members: vec![m()] },
            EventKind::MemberReap(m()),
            EventKind::MemberMove { member: m(), previous },
            EventKind::MemberConflict { member: m(), addr },
            EventKind::Warning(Arc::new(warning)),
            EventKind::Message(Arc::new(Message {
                sender: "a".to_owned(),
                addr,
                reliable: true,
                payload: Box::default(),
            })),
            EventKind::Broadcast(Arc::new(Broadcasted {
                sender: "a".to_owned(),
                name: "n".to_owned(),
                payload: Box::default(),
            })),
            EventKind::RemoteState(Arc::new(RemoteState {
                sender: "a".to_owned(),
                join: false,
                payload: Box::default(),
            })),
            EventKind::Admission(Arc::new(Admission { id: 1, member: m() })),
        ]
        .into_iter()
        .chain(of_serf())
        .chain(of_rings())
        .collect()
    }

    fn of_serf() -> [EventKind; 2] {
        [
            EventKind::UserEvent(Arc::new(UserEvent {
                name: "deploy".to_owned(),
                ltime: 7,
                payload: Box::default(),
                coalesce: true,
            })),
            EventKind::Query(Arc::new(Queried {
                id: 1,
                sender: "a".to_owned(),
                name: "uptime".to_owned(),
                payload: Box::default(),
                timeout: Duration::from_secs(1),
            })),
        ]
    }

    fn of_rings() -> [EventKind; 3] {
        let ring = Ring::new(["a"]).expect("a name");
        [
            EventKind::RingChange(Arc::new(RingChanged {
                local: "a".to_owned(),
                change: RingChange::new(&ring, &ring),
            })),
            EventKind::HandoffPrepare(Arc::new(HandoffPrepared {
                id: 1,
                peer: "b".to_owned(),
                slots: Box::new([1, 2]),
                epoch: 1,
                timeout: Duration::from_secs(1),
            })),
            EventKind::HandoffAcquired(Arc::new(HandoffAcquired {
                peer: String::new(),
                slots: Box::new([1, 2]),
                epoch: 1,
                clean: true,
            })),
        ]
    }

    #[test]
    fn every_kind_carries_what_its_row_says() {
        let kinds = every_kind();
        assert_eq!(kinds.len(), EVENTS.len(), "a sample of each");
        for (kind, row) in kinds.iter().zip(EVENTS) {
            assert_eq!(kind.token(), row.token);
            let carried: Vec<FieldKind> = kind.fields().iter().map(Field::kind).collect();
            let wanted: Vec<FieldKind> = row.fields.iter().map(|(_, kind)| *kind).collect();
            assert_eq!(carried, wanted, "{}", row.token);
        }
    }

    #[test]
    fn every_warning_has_its_own_code() {
        for row in WARNINGS {
            assert_eq!(row.warning.as_str(), row.code);
        }
    }
}
