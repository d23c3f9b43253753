//! Signs that a member may be gone: a connection or a packet that is refused, a connection that is
//! reset, a packet that the host cannot send. They are reasons to probe it now, and never a
//! verdict: a firewall refuses, too.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::roster::Slot;
use super::super::{Membership, Presence};

/// For each member among whom an address was searched in vain: a hundred times what it takes.
const SEARCH_PAUSE: Duration = Duration::from_micros(1);

impl Membership {
    /// Something towards that address failed.
    pub(crate) fn suspect_addr(&mut self, to: SocketAddr) {
        // Before the search: when the network is down, every packet fails.
        if self.may_hurry() {
            match self.roster.find_addr(to) {
                Some(slot) => self.probe_soon(slot),
                None => self.rest_from_search(),
            }
        }
    }

    /// Probes that member next: now, unless a probe is under way. Once in a probe interval, so that
    /// hints can do no more than double the probes.
    pub(crate) fn probe_soon(&mut self, slot: Slot) {
        if !self.may_hurry() || !self.is_worth_it(slot) {
            return;
        }
        self.healing.hurried = self.now + self.protocol.probe_interval;
        self.healing.urgent = Some(slot);
        if self.probe.is_none() {
            self.probe_next();
        }
    }

    /// Whether a probe may bring anything that is not known yet.
    fn is_worth_it(&self, slot: Slot) -> bool {
        let Some(record) = self.roster.get(slot) else { return false };
        let hastened = record.suspicion.as_ref().is_some_and(|s| s.is_hastened());
        record.member.state().is_present() && !hastened && !self.doubts_refusals(slot)
    }

    /// Nobody has that address. It may be forged, and more of them may come; to search takes the
    /// longer, the more members there are.
    fn rest_from_search(&mut self) {
        let members = u32::try_from(self.roster.len()).unwrap_or(u32::MAX);
        self.healing.hurried = self.now + SEARCH_PAUSE.saturating_mul(members);
    }

    fn may_hurry(&self) -> bool {
        self.presence == Presence::Here && self.healing.hurried <= self.now
    }
}
