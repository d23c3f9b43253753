//! What a member tells its workers of itself, the others and their keys.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{EventBody, RingBody};
use crate::api::STATES;
use crate::engine::StateChange;
use crate::member::{Facts, Member, MemberState};

/// What a worker is told when it attaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attached {
    /// The member itself.
    pub(crate) local: MemberBody,
    pub(crate) ring: RingBody,
    /// The longest payload that it sends and takes.
    pub(crate) message_max: u32,
}

/// One piece of what a worker is told, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum News {
    /// The member itself is another than before.
    Local(MemberBody),
    /// One of the others, as far as [`News::Present`] has not come.
    Member(MemberBody),
    /// These were all the others; so many events were missed since the last time.
    Present(u64),
    /// Something has happened.
    Event(EventBody),
    /// A key of a member has another value, or none.
    State(StateBody),
    /// All keys follow, as far as [`News::StateWhole`] has not come.
    StateAnew,
    /// These were all keys.
    StateWhole,
}

/// A member, with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberBody {
    name: String,
    addr: SocketAddr,
    state: u8,
    incarnation: u32,
    versions: [u8; 6],
    mapped: bool,
    meta: Vec<u8>,
}

impl From<&Member> for MemberBody {
    fn from(member: &Member) -> Self {
        let facts = member.facts();
        Self {
            name: facts.name.to_owned(),
            addr: facts.addr,
            state: facts.state as u8,
            incarnation: facts.incarnation,
            versions: facts.versions,
            mapped: facts.mapped,
            meta: facts.meta.to_owned(),
        }
    }
}

impl From<MemberBody> for Member {
    fn from(body: MemberBody) -> Self {
        let state = STATES.get(usize::from(body.state)).map_or(MemberState::Alive, |row| row.0);
        Self::new(Facts {
            name: &body.name,
            addr: body.addr,
            state,
            incarnation: body.incarnation,
            versions: body.versions,
            mapped: body.mapped,
            meta: &body.meta,
        })
    }
}

/// A key of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateBody {
    owner: String,
    key: String,
    value: Option<Vec<u8>>,
    version: u64,
}

impl From<StateChange> for StateBody {
    fn from(change: StateChange) -> Self {
        Self {
            owner: change.owner.as_ref().to_owned(),
            key: change.key.as_ref().to_owned(),
            value: change.value.map(|value| value.to_vec()),
            version: change.version,
        }
    }
}

impl From<StateBody> for StateChange {
    fn from(body: StateBody) -> Self {
        Self {
            owner: body.owner.into(),
            key: body.key.into(),
            value: body.value.map(Arc::from),
            version: body.version,
        }
    }
}

impl News {
    /// Bytes that it takes, about.
    pub(crate) fn weight(&self) -> usize {
        64 + match self {
            Self::Local(member) | Self::Member(member) => member.weight(),
            Self::Event(event) => event.weight(),
            Self::State(state) => {
                let value = state.value.as_ref().map_or(0, Vec::len);
                state.owner.len() + state.key.len() + value
            }
            Self::Present(_) | Self::StateAnew | Self::StateWhole => 0,
        }
    }
}

impl MemberBody {
    /// Bytes of what has no fixed length.
    pub(super) fn weight(&self) -> usize {
        self.name.len() + self.meta.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attach::{decode, encode};

    #[test]
    fn members_and_keys_come_out_as_they_went_in() {
        for (addr, state) in
            [("10.1.2.3:7946", MemberState::Failed), ("[2001:db8::9]:1", MemberState::Suspect)]
        {
            let member = Member::new(Facts {
                name: "wörker",
                addr: addr.parse().expect("an address"),
                state,
                incarnation: 7,
                versions: [1, 5, 2, 2, 5, 4],
                mapped: addr.starts_with('1'),
                meta: b"\xff\x81\xa1a\xa1b",
            });
            let body = encode(&MemberBody::from(&member)).expect("it is short");
            assert_eq!(Member::from(decode::<MemberBody>(&body).expect("the same")), member);
        }
        for value in [None, Some(Arc::from(&b"v"[..]))] {
            let (owner, key) = ("a".into(), "u:k".into());
            let change = StateChange { owner, key, value, version: 3 };
            let body = encode(&StateBody::from(change.clone())).expect("it is short");
            assert_eq!(StateChange::from(decode::<StateBody>(&body).expect("the same")), change);
        }
    }
}
