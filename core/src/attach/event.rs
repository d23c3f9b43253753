//! Events on their way to a worker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::MemberBody;
use crate::api::WARNINGS;
use crate::event::{
    Admission, Broadcasted, EventKind, HandoffAcquired, HandoffPrepared, Message, Queried,
    RemoteState, UserEvent, Warning,
};

/// What has happened. What a worker finds out by itself has no place here: changes of the ring, and
/// that it was slow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum EventBody {
    Join(MemberBody),
    Leave(MemberBody),
    Failed(MemberBody),
    Update(MemberBody, MemberBody),
    Suspect(MemberBody),
    Recover(MemberBody),
    Reap(MemberBody),
    Move(MemberBody, MemberBody),
    Conflict(MemberBody, SocketAddr),
    /// Code, subject, text.
    Warning(String, String, String),
    Message {
        sender: String,
        addr: SocketAddr,
        reliable: bool,
        payload: Vec<u8>,
    },
    Broadcast {
        sender: String,
        name: String,
        payload: Vec<u8>,
    },
    RemoteState {
        sender: String,
        join: bool,
        payload: Vec<u8>,
    },
    Admission(u64, MemberBody),
    UserEvent {
        name: String,
        ltime: u64,
        payload: Vec<u8>,
        coalesce: bool,
    },
    Query {
        id: u64,
        sender: String,
        name: String,
        payload: Vec<u8>,
        timeout: Duration,
    },
    Prepare {
        id: u64,
        peer: String,
        slots: Vec<u32>,
        epoch: u64,
        timeout: Duration,
    },
    Acquired {
        peer: String,
        slots: Vec<u32>,
        epoch: u64,
        clean: bool,
    },
}

impl EventBody {
    /// The body of an event; none if a worker is not told of it.
    pub(crate) fn of(kind: &EventKind) -> Option<Self> {
        Some(match kind {
            EventKind::MemberJoin(member) => Self::Join(member.into()),
            EventKind::MemberLeave(member) => Self::Leave(member.into()),
            EventKind::MemberFailed(member) => Self::Failed(member.into()),
            EventKind::MemberUpdate { member, previous } => {
                Self::Update(member.into(), previous.into())
            }
            EventKind::MemberSuspect(member) => Self::Suspect(member.into()),
            EventKind::MemberRecover(member) => Self::Recover(member.into()),
            EventKind::MemberReap(member) => Self::Reap(member.into()),
            EventKind::MemberMove { member, previous } => {
                Self::Move(member.into(), previous.into())
            }
            EventKind::MemberConflict { member, addr } => Self::Conflict(member.into(), *addr),
            EventKind::Warning(told) => Self::Warning(
                told.code.as_str().to_owned(),
                told.subject.clone(),
                told.text.clone(),
            ),
            EventKind::Admission(asked) => Self::Admission(asked.id, (&asked.member).into()),
            EventKind::Message(_)
            | EventKind::Broadcast(_)
            | EventKind::RemoteState(_)
            | EventKind::UserEvent(_)
            | EventKind::Query(_) => return Self::said(kind),
            EventKind::HandoffPrepare(_) | EventKind::HandoffAcquired(_) => {
                return Self::handed(kind);
            }
            EventKind::ReplayDone | EventKind::EventsLost { .. } | EventKind::RingChange(_) => {
                return None;
            }
        })
    }

    /// The same of what members say.
    fn said(kind: &EventKind) -> Option<Self> {
        Some(match kind {
            EventKind::Message(said) => Self::Message {
                sender: said.sender.clone(),
                addr: said.addr,
                reliable: said.reliable,
                payload: said.payload.to_vec(),
            },
            EventKind::Broadcast(said) => Self::Broadcast {
                sender: said.sender.clone(),
                name: said.name.clone(),
                payload: said.payload.to_vec(),
            },
            EventKind::RemoteState(said) => Self::RemoteState {
                sender: said.sender.clone(),
                join: said.join,
                payload: said.payload.to_vec(),
            },
            EventKind::UserEvent(said) => Self::UserEvent {
                name: said.name.clone(),
                ltime: said.ltime,
                payload: said.payload.to_vec(),
                coalesce: said.coalesce,
            },
            EventKind::Query(said) => Self::Query {
                id: said.id,
                sender: said.sender.clone(),
                name: said.name.clone(),
                payload: said.payload.to_vec(),
                timeout: said.timeout,
            },
            _ => return None,
        })
    }

    /// The same of slots.
    fn handed(kind: &EventKind) -> Option<Self> {
        Some(match kind {
            EventKind::HandoffPrepare(told) => Self::Prepare {
                id: told.id,
                peer: told.peer.clone(),
                slots: told.slots.to_vec(),
                epoch: told.epoch,
                timeout: told.timeout,
            },
            EventKind::HandoffAcquired(told) => Self::Acquired {
                peer: told.peer.clone(),
                slots: told.slots.to_vec(),
                epoch: told.epoch,
                clean: told.clean,
            },
            _ => return None,
        })
    }

    /// The event; none for a warning that this version does not know.
    pub(crate) fn kind(self) -> Option<EventKind> {
        Some(match self {
            Self::Join(member) => EventKind::MemberJoin(member.into()),
            Self::Leave(member) => EventKind::MemberLeave(member.into()),
            Self::Failed(member) => EventKind::MemberFailed(member.into()),
            Self::Update(member, previous) => {
                EventKind::MemberUpdate { member: member.into(), previous: previous.into() }
            }
            Self::Suspect(member) => EventKind::MemberSuspect(member.into()),
            Self::Recover(member) => EventKind::MemberRecover(member.into()),
            Self::Reap(member) => EventKind::MemberReap(member.into()),
            Self::Move(member, previous) => {
                EventKind::MemberMove { member: member.into(), previous: previous.into() }
            }
            Self::Conflict(member, addr) => {
                EventKind::MemberConflict { member: member.into(), addr }
            }
            Self::Warning(code, subject, text) => {
                let row = WARNINGS.iter().find(|row| row.code == code)?;
                EventKind::Warning(Arc::new(Warning { code: row.warning, subject, text }))
            }
            Self::Admission(id, member) => {
                EventKind::Admission(Arc::new(Admission { id, member: member.into() }))
            }
            Self::Prepare { id, peer, slots, epoch, timeout } => {
                let slots = slots.into();
                let told = HandoffPrepared { id, peer, slots, epoch, timeout };
                EventKind::HandoffPrepare(Arc::new(told))
            }
            Self::Acquired { peer, slots, epoch, clean } => {
                let told = HandoffAcquired { peer, slots: slots.into(), epoch, clean };
                EventKind::HandoffAcquired(Arc::new(told))
            }
            said => return said.kind_said(),
        })
    }

    fn kind_said(self) -> Option<EventKind> {
        Some(match self {
            Self::Message { sender, addr, reliable, payload } => {
                let payload = payload.into();
                EventKind::Message(Arc::new(Message { sender, addr, reliable, payload }))
            }
            Self::Broadcast { sender, name, payload } => {
                let payload = payload.into();
                EventKind::Broadcast(Arc::new(Broadcasted { sender, name, payload }))
            }
            Self::RemoteState { sender, join, payload } => {
                let payload = payload.into();
                EventKind::RemoteState(Arc::new(RemoteState { sender, join, payload }))
            }
            Self::UserEvent { name, ltime, payload, coalesce } => {
                let payload = payload.into();
                EventKind::UserEvent(Arc::new(UserEvent { name, ltime, payload, coalesce }))
            }
            Self::Query { id, sender, name, payload, timeout } => {
                let payload = payload.into();
                EventKind::Query(Arc::new(Queried { id, sender, name, payload, timeout }))
            }
            _ => return None,
        })
    }

    /// Bytes of what has no fixed length, about.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Message { payload, .. }
            | Self::Broadcast { payload, .. }
            | Self::RemoteState { payload, .. }
            | Self::UserEvent { payload, .. }
            | Self::Query { payload, .. } => payload.len() + 256,
            Self::Prepare { slots, .. } | Self::Acquired { slots, .. } => 4 * slots.len(),
            Self::Warning(_, subject, text) => subject.len() + text.len(),
            Self::Update(member, previous) | Self::Move(member, previous) => {
                member.weight() + previous.weight()
            }
            Self::Join(member)
            | Self::Leave(member)
            | Self::Failed(member)
            | Self::Suspect(member)
            | Self::Recover(member)
            | Self::Reap(member)
            | Self::Conflict(member, _)
            | Self::Admission(_, member) => member.weight(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attach::{decode, encode};
    use crate::event::every_kind;

    #[test]
    fn every_event_comes_out_as_it_went_in() {
        let mut told = 0;
        for kind in every_kind() {
            let Some(body) = EventBody::of(&kind) else {
                let token = kind.token();
                assert!(["replay-done", "events-lost", "ring-change"].contains(&token), "{token}");
                continue;
            };
            let bytes = encode(&body).expect("it is short");
            let read = decode::<EventBody>(&bytes).expect("the same");
            assert_eq!(read.kind(), Some(kind));
            told += 1;
        }
        assert_eq!(told, every_kind().len() - 3);
    }
}
