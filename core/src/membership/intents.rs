//! serf's intents to leave: our own, and those of others, which are passed on.
//!
//! serf takes a farewell for a failure unless it was told of the intent before. An intent is a
//! user message, and those are passed on by the application alone; a member of ours that kept it
//! to itself would leave serf peers behind it in the dark.

use std::sync::Arc;

use super::Membership;
use super::roster::{LOCAL, Slot};
use crate::wire::Message;
use crate::wire::serf::LeaveIntent;

/// The lowest delegate version of serf. Other applications use 0 or 1.
const SERF_MIN: u8 = 2;

impl Membership {
    pub(super) fn speaks_serf(&self) -> bool {
        let [.., delegate_max, delegate] = self.local().versions();
        delegate >= SERF_MIN && delegate_max >= SERF_MIN
    }

    /// Tells that this node is about to leave.
    pub(super) fn spread_intent(&mut self) {
        let name = Arc::clone(&self.name);
        // Grows from one farewell to the next, as serf's clock must.
        let ltime = u64::from(self.local().incarnation());
        let mut payload = Vec::new();
        LeaveIntent { ltime, node: &name, prune: false }.encode(&mut payload);
        self.spread(key(LOCAL), &Message::User(&payload));
    }

    /// Passes on the intent of another member, once; whether it was new. serf's clock tells old
    /// from new, and a queue with one place for each member bounds what waits.
    pub(super) fn pass_on_intent(&mut self, payload: &[u8]) -> bool {
        if !self.speaks_serf() {
            return false;
        }
        let Ok(intent) = LeaveIntent::decode(payload) else { return false };
        let Some(slot) = self.roster.find(intent.node).filter(|slot| *slot != LOCAL) else {
            return false;
        };
        let present = self.roster.get(slot).is_some_and(|r| r.member.state().is_present());
        let old = self.intents.get(&slot).is_some_and(|known| *known >= intent.ltime);
        if !present || old {
            return false;
        }
        self.intents.insert(slot, intent.ltime);
        self.spread(key(slot), &Message::User(payload));
        true
    }

    /// Drops what was known about the intents of a member that is forgotten.
    pub(super) fn forget_intent(&mut self, slot: Slot) {
        self.intents.remove(&slot);
        self.broadcasts.drop_about(key(slot));
    }
}

/// Where the intent of a member stands in the queue: beside the other news of it, not in its place.
const fn key(slot: Slot) -> Slot {
    Slot::MAX - slot
}
