//! Members that somebody knows as they no longer are.

use rand::RngExt;

use super::super::roster::{LOCAL, Slot};
use super::super::timer::Due;
use super::super::{Membership, Presence};
use super::takeover::ACCUSED_ROUNDS;
use crate::member::MemberState;

/// Probe intervals between two times that a suspect is told that it is one. Longer than the pause
/// that whoever tells keeps.
const REMINDED_ROUNDS: u32 = ACCUSED_ROUNDS + 1;
/// Nodes of a cluster, on average, that tell a member what is said of it.
const REMINDING: usize = 8;
/// Members that correct an accuser, on average: everybody hears of the accusation.
const CORRECTING: usize = 3;

impl Membership {
    /// Somebody accuses a member at an incarnation that is over. A few of those who know better say
    /// so: the member itself may be at another address by now, where nobody looks for it.
    pub(crate) fn correct_about(&mut self, slot: Slot, accuser: &str) {
        let present = self.roster.present().max(1);
        if self.rng.random_range(0..present) >= CORRECTING || self.presence != Presence::Here {
            return;
        }
        let Some(accuser) = self.roster.find(accuser).filter(|slot| *slot != LOCAL) else { return };
        let (Some(to), Some(about)) = (self.roster.get(accuser), self.roster.get(slot)) else {
            return;
        };
        if about.member.state() != MemberState::Alive {
            return;
        }
        let (to, about) = (to.member.addr(), about.member.clone());
        let until = self.now + self.protocol.probe_interval.saturating_mul(ACCUSED_ROUNDS);
        let now = self.now;
        let Some(trouble) = self.trouble(slot) else { return };
        if trouble.corrected.is_none_or(|at| at <= now) {
            trouble.corrected = Some(until);
            self.send_alive(to, &about);
        }
    }
    /// A member is suspected, by this node's own probe or because others say so. Whatever it was
    /// told of that may be lost, as in a cut that ends a moment later; and until it is probed in
    /// turn it may be given up, though it is there. So a few tell it now and then.
    pub(crate) fn plan_reminders(&mut self, slot: Slot, own: bool) {
        let chosen = self.rng.random_range(0..self.roster.present().max(1)) < REMINDING;
        if own || chosen {
            self.plan_reminder(slot);
        }
    }

    fn plan_reminder(&mut self, slot: Slot) {
        let at = self.now + self.protocol.probe_interval.saturating_mul(REMINDED_ROUNDS);
        let suspicion = self.roster.get_mut(slot).and_then(|record| record.suspicion.as_mut());
        if let Some(suspicion) = suspicion {
            suspicion.remind(at);
            self.timers.add(Due::Suspicion(slot), at);
        }
    }

    /// It may be time to tell a suspect again that it is one.
    pub(crate) fn remind(&mut self, slot: Slot) {
        let (now, interval) = (self.now, self.protocol.probe_interval);
        let suspicion = self.roster.get(slot).and_then(|record| record.suspicion.as_ref());
        if !suspicion.is_some_and(|suspicion| suspicion.is_reminded(now)) {
            return;
        }
        self.plan_reminder(slot);
        if self.presence == Presence::Here && self.healing.looks.take(now, interval) {
            self.tell_accused(slot);
        }
    }

    /// A member has said goodbye, as is said: anybody may say so, or late news of an earlier
    /// process may. Nobody looks for who has left, so it would stay unseen if nobody told it;
    /// whoever has left indeed does not mind.
    pub(crate) fn doubt_farewell(&mut self, slot: Slot) {
        if self.presence == Presence::Here
            && self.rng.random_range(0..self.roster.present().max(1)) < REMINDING
        {
            self.tell_accused(slot);
        }
    }
}
