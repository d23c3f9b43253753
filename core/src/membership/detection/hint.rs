//! Signs that a member may be gone: a connection that is refused or reset, a packet that the host
//! cannot send. They are reasons to probe it now, and never a verdict: a firewall refuses, too.

use std::net::SocketAddr;

use super::super::roster::Slot;
use super::super::{Membership, Presence};
use crate::member::MemberState;

impl Membership {
    /// Something towards that address failed.
    pub(crate) fn suspect_addr(&mut self, to: SocketAddr) {
        // Before the search: when the network is down, every packet fails.
        if self.may_hurry() {
            let slot = self.roster.find_addr(to);
            slot.inspect(|slot| self.probe_soon(*slot));
        }
    }

    /// Probes that member next: now, unless a probe is under way. Once in a probe interval, so that
    /// hints can do no more than double the probes.
    pub(crate) fn probe_soon(&mut self, slot: Slot) {
        let alive = |slot| {
            self.roster.get(slot).is_some_and(|record| record.member.state() == MemberState::Alive)
        };
        if !self.may_hurry() || !alive(slot) {
            return;
        }
        self.healing.hurried = self.now + self.protocol.probe_interval;
        self.healing.urgent = Some(slot);
        if self.probe.is_none() {
            self.probe_next();
        }
    }

    fn may_hurry(&self) -> bool {
        self.presence == Presence::Here && self.healing.hurried <= self.now
    }
}
