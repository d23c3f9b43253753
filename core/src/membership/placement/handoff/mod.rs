//! Slots change hands without two members writing to them at once.
//!
//! Of each slot there is one *token*, and who has it *holds* the slot: from when its user was told
//! that it acquired it until that user releases it. A token goes from who held it to who owns the
//! slot next, by the ring of who held it. Members see changes at different times and in different
//! steps, so who gains a slot asks: first the one that had it in the ring before, along the way
//! that is pointed out, and if that one never had it, everybody. It takes the slot when somebody
//! gives it, or when all deny; when its patience ends, or who had the slot is gone, it takes it
//! without, which is not clean.
//!
//! Grants and acquisitions are numbered by *epochs*, which grow like a hybrid clock. A member
//! remembers of each slot the epoch at which it last had or denied it, and when it was started, and
//! takes no grant that is older: so one that comes late or twice brings no second token.
//!
//! State and time in, [`Act`]s out.

mod asking;
mod slots;

use std::collections::BTreeMap;
use std::time::Duration;

use fixedbitset::FixedBitSet;

use self::slots::{cut, insert, numbers, owners};
use crate::ring::{Ring, RingChange};
use crate::time::Instant;
use crate::wire::HandoffKind;

/// Something to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Tell the user that slots go to a member.
    Prepare { id: u64, peer: String, slots: Vec<u32>, epoch: u64 },
    /// Tell the user that it has slots.
    Acquired { peer: String, slots: Vec<u32>, epoch: u64, clean: bool },
    /// Say something to a member.
    Say { to: String, kind: HandoffKind, epoch: u64, other: String, slots: Vec<u32> },
}

/// The time, and this node's clock of epochs: microseconds since 2024.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: Instant,
    pub(super) clock: u64,
}

/// Whom this node sees.
pub(super) trait Others {
    /// Whether a member can be asked.
    fn is_present(&self, name: &str) -> bool;
    /// Whether a member is known, present or not.
    fn is_known(&self, name: &str) -> bool;
    /// Everybody else that is present.
    fn names(&self) -> Vec<String>;
}

/// Hand-offs of one node.
#[derive(Debug)]
pub(super) struct Handoff {
    me: String,
    /// How long who had slots may take.
    timeout: Duration,
    /// Slots that the user has, and has not been told to release.
    held: FixedBitSet,
    /// Slots that the user has been told to release, by the number of that.
    leaving: BTreeMap<u64, Leaving>,
    /// Slots whose token is here and that are not this node's: it is passed on to who owns them.
    spare: FixedBitSet,
    /// Who gave them.
    givers: BTreeMap<String, FixedBitSet>,
    /// When that is tried next.
    pass: Instant,
    /// The ring as it is.
    ring: Option<Ring>,
    /// Slots that are this node's next, by who has yet to say something of them.
    wanted: BTreeMap<String, Wait>,
    /// Those of them for which everybody is asked.
    polled: FixedBitSet,
    /// Of slots that were given on, the epoch of the last time that is known.
    trail: BTreeMap<usize, u64>,
    /// Slots of which somebody who was asked is gone without an answer.
    doubtful: FixedBitSet,
    /// Tokens that went to others lately.
    given: Vec<Given>,
    /// Slots that were denied to others lately, who may have taken them since.
    yielded: BTreeMap<String, Wait>,
    /// Of each slot, the epoch of the last token that was here, or of the last denial.
    had: Vec<u64>,
    /// When this node began: what was given before is not meant for it.
    floor: u64,
    last_id: u64,
    /// The greatest that was given or heard of.
    epoch: u64,
    pub(super) unclean: u64,
    pub(super) late: u64,
    /// Of `given`, those that there was no room for.
    pub(super) forgotten: u64,
}

#[derive(Debug)]
struct Leaving {
    peer: String,
    slots: FixedBitSet,
    until: Instant,
    /// Its time is over, and the user has not released them.
    late: bool,
}

#[derive(Debug)]
struct Wait {
    slots: FixedBitSet,
    until: Instant,
    ask: Instant,
}

#[derive(Debug)]
struct Given {
    peer: String,
    slots: FixedBitSet,
    epoch: u64,
    /// It is not given again.
    void: bool,
    until: Instant,
}

/// Between two questions for the same slots.
const ASK_PAUSE: Duration = Duration::from_millis(500);
/// Before somebody is asked to whom another one points: two that point to each other must not keep
/// the network busy.
const POINT_PAUSE: Duration = Duration::from_millis(20);
/// How long it is known to whom tokens went, beyond the time for a hand-off: by then all have seen
/// the ring in which they went.
const GIVEN: Duration = Duration::from_secs(60);
/// Tokens of which it is known at once; of more, the oldest are forgotten. A thousand members that
/// each get some take as many, of up to 8 KiB.
const GIVEN_MAX: usize = 4096;
/// Hand-offs that may be late; of more, the oldest are forgotten.
const LATE_MAX: usize = 64;
/// How far an epoch may be ahead of this node's clock: clocks differ, but not by a day.
const EPOCH_AHEAD: u64 = 24 * 60 * 60 * 1_000_000;

impl Handoff {
    pub(super) fn new(me: String, timeout: Duration, clock: u64) -> Self {
        Self {
            me,
            timeout,
            held: FixedBitSet::new(),
            leaving: BTreeMap::new(),
            spare: FixedBitSet::new(),
            givers: BTreeMap::new(),
            pass: Instant::NEVER,
            ring: None,
            wanted: BTreeMap::new(),
            polled: FixedBitSet::new(),
            trail: BTreeMap::new(),
            doubtful: FixedBitSet::new(),
            given: Vec::new(),
            yielded: BTreeMap::new(),
            had: Vec::new(),
            floor: clock,
            last_id: 0,
            epoch: clock,
            unclean: 0,
            late: 0,
            forgotten: 0,
        }
    }

    /// The greatest epoch that is known.
    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Somebody knows that epoch; whether it can be. One far ahead of the clock is made up.
    pub(super) fn hear(&mut self, epoch: u64, clock: u64) -> bool {
        let can_be = epoch <= clock.saturating_add(EPOCH_AHEAD);
        if can_be {
            self.epoch = self.epoch.max(epoch);
        }
        can_be
    }

    fn next_epoch(&mut self, clock: u64) -> u64 {
        self.epoch = clock.max(self.epoch + 1);
        self.epoch
    }

    /// The members make another ring.
    pub(super) fn place(
        &mut self,
        at: Moment,
        change: &RingChange,
        others: &impl Others,
    ) -> Vec<Act> {
        let mut acts = Vec::new();
        self.ring = Some(change.after().clone());
        let mine = self.mine(change);
        self.lose(at, change, &mine, &mut acts);
        let mut gained = mine;
        gained.difference_with(&self.held);
        self.wanted.values().for_each(|wait| gained.difference_with(&wait.slots));
        self.reclaim(at, &mut gained, &mut acts);
        self.gain(at, change, &gained, others, &mut acts);
        // Whoever came since has to be asked as well.
        let polled = self.polled.clone();
        if !polled.is_clear() {
            let until =
                self.wanted.values().map(|wait| wait.until).fold(Instant::NEVER, Instant::min);
            self.poll(at, until, &polled, others, &mut acts);
        }
        acts
    }

    /// The slots that are this node's in the ring as it is.
    fn mine(&mut self, change: &RingChange) -> FixedBitSet {
        let slots = change.after().slots().next_back().map_or(0, |(last, _)| last as usize + 1);
        let slots = slots.max(self.had.len());
        self.had.resize(slots, self.floor);
        self.held.grow(slots);
        let mut mine = FixedBitSet::with_capacity(slots);
        change.after().slots_of(&self.me).for_each(|slot| mine.insert(slot as usize));
        mine
    }

    /// Slots that are somebody else's now.
    fn lose(&mut self, at: Moment, change: &RingChange, mine: &FixedBitSet, acts: &mut Vec<Act>) {
        let mut lost = self.held.clone();
        lost.difference_with(mine);
        self.held.difference_with(&lost);
        let until = at.now + self.timeout;
        for (peer, slots) in owners(change.after(), &lost) {
            if peer == self.me || peer.is_empty() {
                // Nobody owns them, so nobody waits.
                let me = self.me.clone();
                self.keep(at, &me, &slots);
                continue;
            }
            self.last_id += 1;
            let (id, epoch) = (self.last_id, self.epoch);
            acts.push(Act::Prepare { id, peer: peer.clone(), slots: numbers(&slots), epoch });
            self.leaving.insert(id, Leaving { peer, slots, until, late: false });
        }
        self.wanted.values_mut().for_each(|wait| wait.slots.intersect_with(mine));
        self.wanted.retain(|_, wait| !wait.slots.is_clear());
        self.polled.intersect_with(mine);
        self.trail.retain(|slot, _| mine.contains(*slot));
        self.doubtful.intersect_with(mine);
    }

    /// Slots that come back before they were released, or whose token is here: the user has them.
    fn reclaim(&mut self, at: Moment, gained: &mut FixedBitSet, acts: &mut Vec<Act>) {
        let spare = cut(&mut self.spare, gained);
        let mut back = FixedBitSet::new();
        for leaving in self.leaving.values_mut() {
            back.union_with(&cut(&mut leaving.slots, gained));
        }
        self.leaving.retain(|_, leaving| !leaving.slots.is_clear());
        gained.difference_with(&back);
        gained.difference_with(&spare);
        let me = self.me.clone();
        self.acquire(at, me, &back, true, acts);
        self.acquire_spare(at, spare, acts);
    }

    /// Slots whose token is here already: they are had from who gave it.
    fn acquire_spare(&mut self, at: Moment, mut slots: FixedBitSet, acts: &mut Vec<Act>) {
        for (giver, given) in std::mem::take(&mut self.givers) {
            let there = cut(&mut slots, &given);
            self.acquire(at, giver.clone(), &there, true, acts);
            let mut left = given;
            left.intersect_with(&self.spare);
            if !left.is_clear() {
                self.givers.insert(giver, left);
            }
        }
        let me = self.me.clone();
        self.acquire(at, me, &slots, true, acts);
    }

    /// Slots that are this node's now: of those that nobody had, at once; of the others, once who
    /// had them lets go.
    fn gain(
        &mut self,
        at: Moment,
        change: &RingChange,
        gained: &FixedBitSet,
        others: &impl Others,
        acts: &mut Vec<Act>,
    ) {
        let mut of: BTreeMap<&str, FixedBitSet> = BTreeMap::new();
        for slot in gained.ones() {
            let before = change.before().slot_owners(slot as u32).next();
            // Who was given them from here, or asked for them, knows better than the ring.
            let given = self.given.iter().rev().find(|given| given.slots.contains(slot));
            let yielded = self.yielded.iter().find(|(_, wait)| wait.slots.contains(slot));
            let yielded = yielded.map(|(peer, _)| peer.as_str());
            let known = [given.map(|given| given.peer.as_str()), yielded, before];
            let known = || known.into_iter().flatten().filter(|name| *name != self.me);
            let name = known().find(|name| others.is_present(name)).or_else(|| known().next());
            insert(of.entry(name.unwrap_or_default()).or_default(), slot);
        }
        let of: Vec<(String, FixedBitSet)> =
            of.into_iter().map(|(name, slots)| (name.to_owned(), slots)).collect();
        for (peer, slots) in of {
            if peer.is_empty() || !others.is_present(&peer) {
                let clean = peer.is_empty();
                self.acquire(at, peer, &slots, clean, acts);
            } else {
                self.ask(at, at.now + self.timeout, peer, &slots, acts);
            }
        }
    }

    /// Asks a member for slots, now and then again.
    fn ask(
        &mut self,
        at: Moment,
        until: Instant,
        peer: String,
        slots: &FixedBitSet,
        acts: &mut Vec<Act>,
    ) {
        self.wait_for(&peer, slots, until, at.now + ASK_PAUSE);
        acts.push(self.say(peer, HandoffKind::Ask, slots));
    }

    /// Patience ends at whichever is earlier for those that it waits for already.
    fn wait_for(&mut self, peer: &str, slots: &FixedBitSet, until: Instant, ask: Instant) {
        let fresh = || Wait { slots: FixedBitSet::new(), until, ask };
        let wait = self.wanted.entry(peer.to_owned()).or_insert_with(fresh);
        wait.slots.union_with(slots);
        (wait.until, wait.ask) = (wait.until.min(until), wait.ask.min(ask));
    }

    fn acquire(
        &mut self,
        at: Moment,
        peer: String,
        slots: &FixedBitSet,
        clean: bool,
        acts: &mut Vec<Act>,
    ) {
        if slots.is_clear() {
            return;
        }
        self.held.union_with(slots);
        self.polled.difference_with(slots);
        self.trail.retain(|slot, _| !slots.contains(*slot));
        self.doubtful.difference_with(slots);
        for wait in self.wanted.values_mut() {
            wait.slots.difference_with(slots);
        }
        self.wanted.retain(|_, wait| !wait.slots.is_clear());
        self.given.iter_mut().for_each(|given| given.slots.difference_with(slots));
        let epoch = self.next_epoch(at.clock);
        self.have(slots, epoch);
        let slots = numbers(slots);
        self.unclean += if clean { 0 } else { slots.len() as u64 };
        acts.push(Act::Acquired { peer, slots, epoch, clean });
    }

    /// Older grants are void.
    fn have(&mut self, slots: &FixedBitSet, epoch: u64) {
        if slots.len() > self.had.len() {
            self.had.resize(slots.len(), self.floor);
        }
        for slot in slots.ones() {
            self.had.get_mut(slot).into_iter().for_each(|had| *had = epoch.max(*had));
        }
    }

    /// The user has released slots; none if no such question waits. Late, it is too late to give
    /// them: somebody may have taken them without.
    pub(super) fn release(&mut self, at: Moment, id: u64) -> Option<Vec<Act>> {
        let Leaving { peer, slots, late, .. } = self.leaving.remove(&id)?;
        Some(if late { Vec::new() } else { vec![self.give(at, peer, slots)] })
    }

    fn give(&mut self, at: Moment, peer: String, slots: FixedBitSet) -> Act {
        let epoch = self.next_epoch(at.clock);
        self.have(&slots, epoch);
        self.given.iter_mut().for_each(|given| given.slots.difference_with(&slots));
        self.given.retain(|given| given.until > at.now && !given.slots.is_clear());
        let until = at.now + self.timeout + GIVEN;
        let said = granted(&peer, &slots, epoch);
        self.remember(Given { peer, slots, epoch, void: false, until });
        said
    }

    fn remember(&mut self, given: Given) {
        if self.given.len() >= GIVEN_MAX {
            self.given.remove(0);
            self.forgotten += 1;
        }
        self.given.push(given);
    }

    /// Tokens that are not this node's to have. Not passed on at once: two who see each other as
    /// the owner must not keep the network busy.
    fn keep(&mut self, at: Moment, giver: &str, slots: &FixedBitSet) {
        if !slots.is_clear() {
            self.spare.union_with(slots);
            self.givers.values_mut().for_each(|given| given.difference_with(slots));
            self.givers.entry(giver.to_owned()).or_default().union_with(slots);
            self.pass = self.pass.min(at.now + ASK_PAUSE);
        }
    }

    /// When time brings something next.
    pub(super) fn next(&self) -> Instant {
        let leaving = self.leaving.values().filter(|l| !l.late).map(|leaving| leaving.until);
        let wanted = self.wanted.values().map(|wait| wait.until.min(wait.ask));
        let given = self.given.iter().map(|given| given.until);
        let yielded = self.yielded.values().map(|wait| wait.until);
        leaving.chain(wanted).chain(given).chain(yielded).fold(self.pass, Instant::min)
    }

    fn say(&self, to: String, kind: HandoffKind, slots: &FixedBitSet) -> Act {
        let (epoch, other) = (self.epoch, String::new());
        Act::Say { to, kind, epoch, other, slots: numbers(slots) }
    }
}

impl Given {
    /// Somebody was sent to who was given these slots. If that one never got them, and is silent,
    /// they may be taken without; so it is not given them again.
    fn pointed_at(&mut self, slots: FixedBitSet) -> Option<Self> {
        if self.void {
            return None;
        }
        self.slots.difference_with(&slots);
        let (epoch, until) = (self.epoch, self.until);
        Some(Self { peer: self.peer.clone(), slots, epoch, void: true, until })
    }
}

/// A grant, under its own epoch however often it is said.
fn granted(to: &str, slots: &FixedBitSet, epoch: u64) -> Act {
    let (to, kind, other) = (to.to_owned(), HandoffKind::Released, String::new());
    Act::Say { to, kind, epoch, other, slots: numbers(slots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_grants_the_oldest_is_forgotten_and_counted() {
        let mut handoff = Handoff::new("a".into(), Duration::from_secs(60), 1);
        let at = Moment { now: Instant::from_nanos(0), clock: 2 };
        for slot in 0..=GIVEN_MAX as u32 {
            assert_eq!((handoff.given.len(), handoff.forgotten), (slot as usize, 0));
            handoff.give(at, "b".into(), slots::listed(&[slot]));
        }
        assert_eq!((handoff.given.len(), handoff.forgotten), (GIVEN_MAX, 1));
        assert!(handoff.given.iter().all(|given| !given.slots.contains(0)));
        assert!(handoff.given.last().is_some_and(|given| given.slots.contains(GIVEN_MAX)));
    }
}
