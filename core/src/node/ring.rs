//! The ring of the members.

use super::Node;
use crate::engine::Request;
use crate::error::Result;
use crate::member::Member;
use crate::placement;
use crate::ring::{Overrides, Ring};

impl Node {
    /// The ring of the members that are present, the local one included: alive or suspect. A value,
    /// which stays as it is when members come and go; ask again for the next one, or wait for a
    /// `ring-change`.
    ///
    /// The first call makes it, which takes some milliseconds for a hundred members and blocks the
    /// thread for as long; from then on it is kept, and a call takes two pointers. When members
    /// change, the next one is there some 20 ms later, after a burst of changes 200 ms at most, and
    /// what it takes to make it. Members of one cluster need the same options `ring_*`: a
    /// `ring-mismatch` tells when they have not.
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

    /// Replaces what is decided by hand: who owns nothing, and which keys are whose; on all
    /// members, also those that join later, for as long as one is present that has heard of it.
    /// Returns once others are told; each member's ring follows as after a change of members. Of
    /// what two decide without knowing of each other, all take what was decided last, by hybrid
    /// clocks.
    ///
    /// # Errors
    /// `too_large`, with nothing changed: more than 60 KiB in all (as bytes of `docs/RING.md`), a
    /// text of more than 1,024 bytes, or no room among this node's keys. `closed`.
    pub async fn set_ring_overrides(&self, overrides: Overrides) -> Result<()> {
        let write = placement::decide(&overrides)?;
        self.request(Request::WriteMap(Box::new(write))).await
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
