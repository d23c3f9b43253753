//! What members say to each other about slots, and what time brings.

use fixedbitset::FixedBitSet;

use super::slots::{cut, insert, listed, numbers, owners};
use super::{ASK_PAUSE, Act, Handoff, LATE_MAX, Moment, Others, POINT_PAUSE, Wait, granted};
use crate::time::Instant;
use crate::wire::HandoffKind;

impl Handoff {
    /// A member asks for slots that it owns next.
    pub(in super::super) fn asked(&mut self, at: Moment, from: &str, slots: &[u32]) -> Vec<Act> {
        let mut acts = Vec::new();
        let mut open = listed(slots);
        // Later: its user has them, or is about to release them; or both own them as each sees it,
        // until one of the two sees that it does not.
        open.difference_with(&self.held);
        self.wanted.values().for_each(|wait| open.difference_with(&wait.slots));
        let mut late = FixedBitSet::new();
        for leaving in self.leaving.values() {
            let there = cut(&mut open, &leaving.slots);
            if leaving.late {
                late.union_with(&there);
            }
        }
        let mut spare = cut(&mut open, &self.spare);
        if let Some(ring) = &self.ring {
            spare = owners(ring, &spare).remove(from).unwrap_or_default();
        }
        if !spare.is_clear() {
            self.spare.difference_with(&spare);
            acts.push(self.give(at, from.to_owned(), spare));
        }
        let mut pointed = Vec::new();
        let epoch = self.epoch;
        let mut elsewhere = FixedBitSet::new();
        for given in &mut self.given {
            let there = cut(&mut open, &given.slots);
            if there.is_clear() {
                continue;
            }
            if given.peer == from {
                acts.push(granted(from, &there, if given.void { 0 } else { given.epoch }));
                continue;
            }
            let (to, other) = (from.to_owned(), given.peer.clone());
            let (kind, epoch) = (HandoffKind::Elsewhere, given.epoch);
            acts.push(Act::Say { to, kind, epoch, other, slots: numbers(&there) });
            elsewhere.union_with(&there);
            pointed.push(given.pointed_at(there));
        }
        pointed.into_iter().flatten().for_each(|given| self.remember(given));
        self.have(&elsewhere, epoch);
        for (kind, slots) in [(HandoffKind::Late, &late), (HandoffKind::Never, &open)] {
            if !slots.is_clear() {
                acts.push(self.say(from.to_owned(), kind, slots));
            }
        }
        let epoch = self.epoch;
        self.have(&open, epoch);
        if !open.is_clear() {
            let until = at.now + self.timeout;
            let fresh = || Wait { slots: FixedBitSet::new(), until, ask: Instant::NEVER };
            let wait = self.yielded.entry(from.to_owned()).or_insert_with(fresh);
            wait.slots.union_with(&open);
            wait.until = until;
        }
        acts
    }

    /// A member gives slots.
    pub(in super::super) fn granted(
        &mut self,
        at: Moment,
        (from, epoch, ring): (&str, u64, u64),
        slots: &[u32],
        others: &impl Others,
    ) -> Vec<Act> {
        let mut acts = Vec::new();
        let (mut fresh, mut stale) = (FixedBitSet::new(), FixedBitSet::new());
        for slot in slots.iter().map(|slot| *slot as usize) {
            let had = self.had.get(slot).copied().unwrap_or(self.floor);
            insert(if epoch > had { &mut fresh } else { &mut stale }, slot);
        }
        self.have(&fresh, epoch);
        self.given.iter_mut().for_each(|given| given.slots.difference_with(&fresh));
        let mut wanted = FixedBitSet::new();
        self.wanted.values().for_each(|wait| wanted.union_with(&cut(&mut fresh, &wait.slots)));
        self.acquire(at, from.to_owned(), &wanted, true, &mut acts);
        fresh.difference_with(&self.held);
        self.keep(at, from, &fresh);
        self.deny(at, (from, self.agrees(ring)), &stale, others, &mut acts);
        acts
    }

    /// Whether a member has this node's ring, and so sees whom it sees.
    fn agrees(&self, ring: u64) -> bool {
        self.ring.as_ref().is_some_and(|own| own.fingerprint() == ring)
    }

    fn pass_on(&mut self, at: Moment, acts: &mut Vec<Act>) {
        if self.pass > at.now {
            return;
        }
        self.pass = at.now + ASK_PAUSE;
        let Some(ring) = &self.ring else { return };
        let mut owned = owners(ring, &self.spare);
        let ours = owned.remove(&self.me).unwrap_or_default();
        let nobodys = owned.remove("").unwrap_or_default();
        self.spare = nobodys;
        if self.spare.is_clear() {
            self.pass = Instant::NEVER;
        }
        for (peer, slots) in owned {
            acts.push(self.give(at, peer, slots));
        }
        self.acquire_spare(at, ours, acts);
    }

    /// A member never had slots.
    pub(in super::super) fn denied(
        &mut self,
        at: Moment,
        (from, ring): (&str, u64),
        slots: &[u32],
        others: &impl Others,
    ) -> Vec<Act> {
        let mut acts = Vec::new();
        self.deny(at, (from, self.agrees(ring)), &listed(slots), others, &mut acts);
        acts
    }

    /// Of slots that one denies, all are asked; those that all deny are nobody's. Of all that are
    /// asked, only who has this node's ring counts: another one may see a holder that this node
    /// does not, and is asked again.
    fn deny(
        &mut self,
        at: Moment,
        (from, agrees): (&str, bool),
        slots: &FixedBitSet,
        others: &impl Others,
        acts: &mut Vec<Act>,
    ) {
        let Some(wait) = self.wanted.get_mut(from) else { return };
        let mut slots = slots.clone();
        if !agrees {
            slots.difference_with(&self.polled);
        }
        let (mut open, until) = (cut(&mut wait.slots, &slots), wait.until);
        self.wanted.retain(|_, wait| !wait.slots.is_clear());
        self.wanted.values().for_each(|wait| open.difference_with(&wait.slots));
        let mut nobodys = cut(&mut open, &self.polled);
        let doubtful = cut(&mut nobodys, &self.doubtful);
        self.acquire(at, String::new(), &nobodys, true, acts);
        self.acquire(at, String::new(), &doubtful, false, acts);
        if !open.is_clear() {
            self.poll(at, until, &open, others, acts);
        }
    }

    /// Asks all for slots.
    pub(super) fn poll(
        &mut self,
        at: Moment,
        until: Instant,
        slots: &FixedBitSet,
        others: &impl Others,
        acts: &mut Vec<Act>,
    ) {
        let all = others.names();
        if all.is_empty() {
            return self.acquire(at, String::new(), slots, true, acts);
        }
        self.polled.union_with(slots);
        for name in all {
            self.ask(at, until, name, slots, acts);
        }
    }

    /// The user of a member has not released slots in time.
    pub(in super::super) fn overdue(&mut self, at: Moment, from: &str, slots: &[u32]) -> Vec<Act> {
        let mut acts = Vec::new();
        let Some(wait) = self.wanted.get(from) else { return acts };
        let mut theirs = listed(slots);
        theirs.intersect_with(&wait.slots);
        self.acquire(at, from.to_owned(), &theirs, false, &mut acts);
        acts
    }

    /// A member takes no part: nobody tells when it is done with slots.
    pub(in super::super) fn unheeded(
        &mut self,
        at: Moment,
        from: &str,
        slots: &[u32],
        others: &impl Others,
    ) -> Vec<Act> {
        let mut acts = Vec::new();
        let Some(wait) = self.wanted.get(from) else { return acts };
        let mut theirs = listed(slots);
        theirs.intersect_with(&wait.slots);
        // One of all that are asked is not who had them.
        let polled = cut(&mut theirs, &self.polled);
        self.deny(at, (from, true), &polled, others, &mut acts);
        self.acquire(at, from.to_owned(), &theirs, false, &mut acts);
        acts
    }

    /// A member that was asked for slots has given them to another one, under that epoch. A newer
    /// word is followed, and an older one is a denial: it only tells how the slots went before.
    pub(in super::super) fn elsewhere(
        &mut self,
        at: Moment,
        (from, ring): (&str, u64),
        (other, epoch): (&str, u64),
        slots: &[u32],
        others: &impl Others,
    ) -> Vec<Act> {
        let mut acts = Vec::new();
        let Some(wait) = self.wanted.get(from) else { return acts };
        let (mut newer, mut older, until) = (FixedBitSet::new(), FixedBitSet::new(), wait.until);
        for slot in slots.iter().map(|slot| *slot as usize).filter(|s| wait.slots.contains(*s)) {
            let is_newer = self.trail.get(&slot).is_none_or(|known| epoch > *known);
            insert(if is_newer { &mut newer } else { &mut older }, slot);
        }
        self.deny(at, (from, self.agrees(ring)), &older, others, &mut acts);
        if !others.is_known(other) || newer.is_clear() {
            // It is asked again: this node will see that member too.
            return acts;
        }
        if let Some(wait) = self.wanted.get_mut(from) {
            wait.slots.difference_with(&newer);
        }
        self.wanted.retain(|_, wait| !wait.slots.is_clear());
        if others.is_present(other) {
            self.trail.extend(newer.ones().map(|slot| (slot, epoch)));
            self.wait_for(other, &newer, until, at.now + POINT_PAUSE);
        } else {
            self.acquire(at, other.to_owned(), &newer, false, &mut acts);
        }
        acts
    }

    /// What time brings: questions again, and the end of patience.
    pub(in super::super) fn on_time(&mut self, at: Moment, others: &impl Others) -> Vec<Act> {
        let mut acts = Vec::new();
        self.note_late(at.now);
        self.pass_on(at, &mut acts);
        self.given.retain(|given| given.until > at.now && !given.slots.is_clear());
        self.yielded.retain(|_, wait| wait.until > at.now);
        let over = |peer: &str, wait: &Wait| wait.until <= at.now || !others.is_present(peer);
        let over: Vec<(String, Wait)> =
            self.wanted.extract_if(.., |peer, wait| over(peer, wait)).collect();
        for (peer, wait) in over {
            if wait.until <= at.now {
                self.acquire(at, peer, &wait.slots, false, &mut acts);
                continue;
            }
            // Who had them is gone; or one of all that were asked, which may have had them.
            let mut slots = wait.slots;
            let polled = cut(&mut slots, &self.polled);
            self.acquire(at, peer.clone(), &slots, false, &mut acts);
            if !polled.is_clear() {
                self.doubtful.union_with(&polled);
                self.wait_for(&peer, &polled, wait.until, wait.ask);
                self.deny(at, (&peer, true), &polled, others, &mut acts);
            }
        }
        let due = self.wanted.iter_mut().filter(|(_, wait)| wait.ask <= at.now);
        let due: Vec<(String, FixedBitSet)> = due
            .map(|(peer, wait)| {
                wait.ask = at.now + ASK_PAUSE;
                (peer.clone(), wait.slots.clone())
            })
            .collect();
        acts.extend(due.into_iter().map(|(peer, slots)| self.say(peer, HandoffKind::Ask, &slots)));
        acts
    }

    fn note_late(&mut self, now: Instant) {
        for leaving in self.leaving.values_mut().filter(|l| !l.late && l.until <= now) {
            leaving.late = true;
            self.late += leaving.slots.count_ones(..) as u64;
        }
        while self.leaving.values().filter(|leaving| leaving.late).count() > LATE_MAX {
            let oldest = self.leaving.iter().find(|(_, leaving)| leaving.late).map(|(id, _)| *id);
            oldest.and_then(|id| self.leaving.remove(&id));
        }
    }
}
