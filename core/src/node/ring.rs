//! The ring of the members.

use super::Node;
use crate::engine::Request;
use crate::error::{Error, Result};
use crate::member::Member;
use crate::ring::{Overrides, Ring};

impl Node {
    /// The ring of the members that are present, the local one included: alive or suspect. A value,
    /// which stays as it is when members come and go; ask again for the next one, or wait for a
    /// `ring-change`.
    ///
    /// The first call makes it, which takes some milliseconds for a hundred members and blocks the
    /// thread for as long; from then on it is kept, and a call takes two pointers. When members
    /// change, the next one is there some 20 ms later, after a burst of changes 200 ms at most, and
    /// what it takes to make it. Members of one cluster need the same options `ring_*` and the same
    /// overrides: a `ring-mismatch` tells when they have not.
    pub fn ring(&self) -> Ring {
        self.handle.ring()
    }

    /// The rings that were before it, the newest first: up to `ring_history`. Their
    /// [`version`](Ring::version)s count down by one.
    pub fn past_rings(&self) -> Vec<Ring> {
        self.handle.past_rings()
    }

    /// The member that owns a key; none if nobody is on the ring.
    pub fn owner(&self, key: impl AsRef<[u8]>) -> Option<Member> {
        let ring = self.ring();
        self.member(ring.owner(key)?)
    }

    /// Up to `count` members that a key belongs to, the owner first.
    pub fn owners(&self, key: impl AsRef<[u8]>, count: usize) -> Vec<Member> {
        let ring = self.ring();
        ring.owners(key, count).into_iter().filter_map(|name| self.member(name)).collect()
    }

    /// Whether this node owns a key.
    pub fn owns(&self, key: impl AsRef<[u8]>) -> bool {
        self.ring().is_owner(self.local_member().name(), key)
    }

    /// Who owned a key before its present owner did, as far back as rings are kept: where to look
    /// for what has not moved yet. The name, since that member may be forgotten by now.
    pub fn previous_owner(&self, key: impl AsRef<[u8]>) -> Option<String> {
        let ring = self.ring();
        let owner = ring.owner(&key);
        let past = self.past_rings();
        let mut owners = past.iter().map(|ring| ring.owner(&key));
        owners.find(|other| *other != owner)?.map(str::to_owned)
    }

    /// Replaces what is decided by hand: who owns nothing, and which keys are whose. It is this
    /// node's alone; give all members the same. The ring follows as after a change of members.
    ///
    /// # Errors
    /// `too_large`, with nothing changed: more than 65,536 of a kind, or a text of more than 1,024
    /// bytes. `unsupported` in a worker. `closed`.
    pub fn set_ring_overrides(&self, overrides: Overrides) -> Result<()> {
        if self.is_closed() {
            return Err(Error::closed());
        }
        Ring::builder().overrides(overrides.clone()).build()?;
        self.handle.set_overrides(overrides)
    }

    /// The slots of a `handoff-prepare` are released: their next owner may have them. Call it
    /// once nothing of theirs is written here any more, and what the next owner needs is where it
    /// finds it.
    ///
    /// # Errors
    /// `bad_argument` if no such hand-off waits: its time is over, or the slots came back. `closed`
    pub async fn released(&self, handoff: u64) -> Result<()> {
        self.request(Request::Released(handoff)).await
    }
}
