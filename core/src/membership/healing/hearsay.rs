//! Members that somebody knows as they no longer are.

use rand::RngExt;

use super::super::roster::{LOCAL, Slot};
use super::super::{Membership, Presence};
use super::takeover::ACCUSED_ROUNDS;
use crate::member::MemberState;

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
}
