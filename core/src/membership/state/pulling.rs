//! What this node lacks of spaces, and whom it asks: over one connection for each member at a
//! time, which answers on it. Who does not is not asked again before others are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::StreamId;
use crate::membership::roster::{LOCAL, Slot};
use crate::membership::{Membership, Presence};
use crate::state::{Mark, Standing};
use crate::time::Instant;
use crate::wire::{StateMark, StateMarks, StateMessage};

/// What is lacking, and what is under way.
#[derive(Debug, Default)]
pub(super) struct Pulls {
    lacks: BTreeMap<Arc<str>, Lack>,
    asked: BTreeMap<StreamId, Asked>,
    /// With whom all is compared once they are not busy, and whether others are told then.
    compares: BTreeMap<Slot, bool>,
}

/// More is known of a space elsewhere.
#[derive(Debug)]
struct Lack {
    /// So much.
    mark: Mark,
    /// Who said so, the last one first.
    tellers: Vec<Slot>,
    /// Not asked for before that.
    again: Instant,
    /// How often it was, and did not come.
    tries: u32,
    /// Whether others are told of it.
    passes_on: bool,
}

/// An answer that is awaited.
#[derive(Debug)]
struct Asked {
    with: Slot,
    /// What it is about; nothing when all was compared.
    owners: Vec<Arc<str>>,
    passes_on: bool,
}

/// Connections that ask, at one time.
const ASKED_MAX: usize = 8;
/// Who has not answered by then is asked no more; somebody else is.
const PATIENCE: Duration = Duration::from_secs(1);
/// What does not come is asked for so often.
const TRIES_MAX: u32 = 6;
const TELLERS_MAX: usize = 4;
/// Spaces that one connection asks for.
const OWNERS_MAX: usize = 4_096;

impl Pulls {
    /// When something is asked for again.
    pub(super) fn next(&self) -> Instant {
        self.lacks.values().map(|lack| lack.again).min().unwrap_or(Instant::NEVER)
    }

    pub(super) fn forget(&mut self, owner: &str) {
        self.lacks.remove(owner);
    }

    /// A space is known that far now.
    pub(super) fn caught_up(&mut self, owner: &str, mark: Mark) {
        if self.lacks.get(owner).is_some_and(|lack| lack.mark <= mark) {
            self.lacks.remove(owner);
        }
    }

    /// Whether an answer of that member is awaited, or of enough others.
    fn is_busy(&self, with: Slot) -> bool {
        self.asked.len() >= ASKED_MAX || self.asked.values().any(|asked| asked.with == with)
    }
}

impl Membership {
    /// Somebody knows more of a space; [`Membership::pull`] asks for it.
    pub(super) fn lack(&mut self, owner: &str, mark: Mark, teller: Option<Slot>, passes_on: bool) {
        let known = self.state.spaces.mark(owner);
        let stranger = self.standing(owner) == Standing::Stranger;
        // What strangers have comes with the comparison once they are members.
        let nothing = mark.version == 0 || mark <= known;
        if nothing || stranger || *owner == *self.name || !self.is_credible(mark) {
            return;
        }
        self.state.unplanned = true;
        let now = self.now;
        let lack = self.state.pulls.lacks.entry(owner.into()).or_insert_with(|| Lack {
            mark,
            tellers: Vec::new(),
            again: now,
            tries: 0,
            passes_on,
        });
        lack.mark = lack.mark.max(mark);
        lack.passes_on |= passes_on;
        if let Some(teller) = teller.filter(|teller| *teller != LOCAL) {
            lack.tellers.retain(|known| *known != teller);
            lack.tellers.insert(0, teller);
            lack.tellers.truncate(TELLERS_MAX);
        }
    }

    /// Asks for what is lacking, if it is time.
    pub(super) fn pull(&mut self) {
        if self.presence != Presence::Here {
            self.state.pulls.lacks.clear();
            return;
        }
        let now = self.now;
        let mut asks: BTreeMap<Slot, Vec<Arc<str>>> = BTreeMap::new();
        let mut lacks = std::mem::take(&mut self.state.pulls.lacks);
        for (owner, lack) in lacks.iter_mut().filter(|(_, lack)| lack.again <= now) {
            let mut candidates = lack.tellers.iter().copied().chain(self.roster.find(owner));
            let free = candidates.find(|slot| {
                let asks_it = asks.get(slot).map_or(0, Vec::len);
                let room = asks_it > 0 || asks.len() + self.state.pulls.asked.len() < ASKED_MAX;
                room && asks_it < OWNERS_MAX
                    && !self.state.pulls.is_busy(*slot)
                    && self.roster.get(*slot).is_some_and(|r| r.member.state().is_present())
            });
            // Whoever is busy is looked at again when it is not.
            lack.again = now + PATIENCE;
            let Some(slot) = free else { continue };
            lack.tries += 1;
            lack.tellers.retain(|teller| *teller != slot);
            asks.entry(slot).or_default().push(Arc::clone(owner));
        }
        lacks.retain(|_, lack| lack.tries <= TRIES_MAX);
        let passing = |owners: &[Arc<str>]| {
            owners.iter().any(|owner| lacks.get(owner).is_some_and(|lack| lack.passes_on))
        };
        let asks: Vec<_> =
            asks.into_iter().map(|(s, owners)| (s, passing(&owners), owners)).collect();
        self.state.pulls.lacks = lacks;
        for (slot, passes_on, owners) in asks {
            self.ask_for(slot, owners, passes_on);
        }
        self.state.unplanned = true;
    }

    fn ask_for(&mut self, with: Slot, owners: Vec<Arc<str>>, passes_on: bool) {
        let mark = |owner: &'_ Arc<str>| (Arc::clone(owner), self.state.spaces.mark(owner));
        let marks: Vec<(Arc<str>, Mark)> = owners.iter().map(mark).collect();
        let mut payload = Vec::new();
        let marks = marks.iter().map(|(owner, mark)| StateMark {
            owner,
            epoch: mark.epoch,
            version: mark.version,
        });
        StateMarks::want(&self.name, marks, &mut payload);
        self.stats.space_wants += 1;
        self.ask_member(with, owners, passes_on, &payload);
    }

    /// Compares all that is known with a member.
    pub(super) fn compare_all(&mut self, with: Slot, passes_on: bool) {
        if self.presence != Presence::Here {
            return;
        }
        if self.state.pulls.is_busy(with) {
            if self.state.pulls.compares.len() < ASKED_MAX {
                self.state.pulls.compares.insert(with, passes_on);
            }
            return;
        }
        let mut payload = Vec::new();
        StateMarks::digest(&self.name, self.state.spaces.marks(), &mut payload);
        self.stats.space_comparisons += 1;
        self.ask_member(with, Vec::new(), passes_on, &payload);
    }

    fn ask_member(&mut self, with: Slot, owners: Vec<Arc<str>>, passes_on: bool, payload: &[u8]) {
        let Some(record) = self.roster.get(with) else { return };
        let to = record.member.addr();
        self.stats.space_bytes_sent += payload.len() as u64;
        let stream = self.open_state(to, payload);
        self.state.pulls.asked.insert(stream, Asked { with, owners, passes_on });
    }

    /// An answer has come.
    pub(in crate::membership) fn state_answered(&mut self, stream: StreamId, payload: &[u8]) {
        let Some(asked) = self.state.pulls.asked.get(&stream) else { return };
        let (with, passes_on, all) = (asked.with, asked.passes_on, asked.owners.is_empty());
        self.stats.space_bytes_received += payload.len() as u64;
        let mut news = false;
        match StateMessage::decode(payload) {
            Ok(StateMessage::Deltas(deltas)) => {
                for delta in deltas.iter() {
                    news |= self.hear_delta(&delta, Some(with), passes_on);
                }
            }
            _ => self.stats.streams_failed += 1,
        }
        if all {
            self.state.repair.compared(news);
        }
        self.state_asked(stream);
    }

    /// Nothing more comes on that connection: what is still lacking is asked for again.
    pub(in crate::membership) fn state_asked(&mut self, stream: StreamId) {
        let Some(asked) = self.state.pulls.asked.remove(&stream) else { return };
        for owner in &asked.owners {
            if let Some(lack) = self.state.pulls.lacks.get_mut(owner) {
                // Nobody else has said that it has more: its owner is asked, at leisure.
                let wait = if lack.tellers.is_empty() { PATIENCE } else { Duration::ZERO };
                lack.again = self.now + wait;
            }
        }
        while let Some((with, passes_on)) = self.state.pulls.compares.pop_first() {
            self.compare_all(with, passes_on);
            if self.state.pulls.compares.contains_key(&with) {
                break;
            }
        }
        // Those that had to wait for it.
        for lack in self.state.pulls.lacks.values_mut() {
            if lack.tellers.contains(&asked.with) {
                lack.again = self.now;
            }
        }
        self.pull();
    }
}
