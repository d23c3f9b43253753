//! What changed, on its way into gossip.
//!
//! There is one message about each space in the queue of gossip, and a newer one takes its place
//! with all that was not told often enough yet. Someone who changes keys all the time would fill
//! every packet of everybody, so each node tells of one space a few times in a row and then ten
//! times a second: then it is more than a packet holds, and only announced.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::membership::Membership;
use crate::state::{Mark, Written};
use crate::time::Instant;
use crate::wire::{Message, StateDeltas};

/// What is told of each space.
#[derive(Debug, Default)]
pub(super) struct News {
    told: BTreeMap<Arc<str>, Told>,
}

#[derive(Debug)]
struct Told {
    /// Its place in the queue of gossip.
    key: u32,
    /// How far everybody is held to know it.
    since: Mark,
    /// When it was last put into the queue.
    at: Instant,
    /// When it would be its turn if it had always kept the pause.
    turn: Instant,
    /// It has changed since.
    waits: bool,
}

/// What changes within that time is told together.
const TOGETHER: Duration = Duration::from_millis(1);
/// Between two times that a space which changes all the time is told of.
const PAUSE: Duration = Duration::from_millis(100);
/// So often before that, it is told of at once.
const AT_ONCE: u32 = 5;
/// Spaces that are kept here though there is nothing to tell, before all are looked through.
const KEPT: usize = 32;

impl Told {
    /// When it may be told of again.
    fn due(&self) -> Instant {
        self.turn - PAUSE * (AT_ONCE - 1)
    }
}

impl News {
    /// When something that waits is told.
    pub(super) fn next(&self) -> Instant {
        let due = self.told.values().filter(|told| told.waits).map(Told::due);
        due.min().unwrap_or(Instant::NEVER)
    }

    pub(super) fn forget(&mut self, owner: &str) {
        self.told.remove(owner);
    }
}

impl Membership {
    /// A space was known that far, and is known further: tells the others.
    pub(super) fn spread_state(&mut self, owner: &str, before: Mark) {
        let now = self.now;
        let key = match self.state.news.told.get(owner) {
            Some(told) => told.key,
            None => {
                self.clear_news();
                let key = self.talk.new_key();
                let told = Told { key, since: before, at: Instant::NEVER, turn: now, waits: false };
                self.state.news.told.insert(owner.into(), told);
                key
            }
        };
        let queued = self.talk.queue().holds(key);
        let Some(told) = self.state.news.told.get_mut(owner) else { return };
        if !(queued || told.waits) || before < told.since {
            told.since = before;
        }
        let together = queued && told.at != Instant::NEVER && now < told.at + TOGETHER;
        if together || told.due() <= now {
            if !together {
                told.at = now;
                told.turn = told.turn.max(now) + PAUSE;
            }
            self.queue_state(owner);
        } else {
            told.waits = true;
            self.state.unplanned = true;
        }
    }

    /// Tells of what has waited long enough.
    pub(super) fn spread_what_waits(&mut self) {
        let now = self.now;
        let due = |told: &Told| told.waits && told.due() <= now;
        let told = &self.state.news.told;
        let due: Vec<Arc<str>> =
            told.iter().filter(|(_, t)| due(t)).map(|(owner, _)| Arc::clone(owner)).collect();
        for owner in due {
            if let Some(told) = self.state.news.told.get_mut(&owner) {
                told.at = now;
                told.turn = told.turn.max(now) + PAUSE;
            }
            self.queue_state(&owner);
        }
    }

    /// Puts what changed into the queue of gossip: as it is if it fits into a packet, or that it
    /// did.
    fn queue_state(&mut self, owner: &str) {
        let room = self.user_room(true);
        let Some(told) = self.state.news.told.get_mut(owner) else { return };
        told.waits = false;
        let Some(space) = self.state.spaces.space(owner) else { return };
        let mut bytes = Vec::new();
        Message::User(&[]).encode(&mut bytes);
        StateDeltas::begin(&mut bytes);
        let start = bytes.len();
        // Behind the first byte, which is the type's.
        let left = (room + 1).saturating_sub(start);
        if space.since(owner, told.since, left, &mut bytes) != Written::All {
            bytes.truncate(start);
            space.announcement(owner, &mut bytes);
        }
        self.stats.space_deltas_sent += 1;
        let key = told.key;
        self.talk_keyed(key, bytes);
    }

    /// Forgets what is told, now and then.
    fn clear_news(&mut self) {
        let (queue, now) = (self.talk.queue(), self.now);
        if self.state.news.told.len() > 2 * queue.len() + KEPT {
            let in_use = |told: &Told| told.waits || queue.holds(told.key) || told.turn > now;
            self.state.news.told.retain(|_, told| in_use(told));
        }
    }
}
