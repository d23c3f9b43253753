//! Members that refuse: nothing listens at their address, neither for datagrams nor for
//! connections. That is how a process ends whose host lives on. One that is stopped or busy does
//! not refuse, nor does a host that is gone, or a network that loses packets: of their silence,
//! nothing is concluded here.
//!
//! Nor does a refusal prove anything alone. Firewalls refuse on the way, and ICMP is easily forged.
//! So it takes both kinds from this node's own probe, and a member that was refused in both ways as
//! well when it was asked to probe, while nobody got an answer. Then there is a time in which the
//! member may refute, or listen again; and it has failed when it still refuses after that. What
//! could not refuse and did all the same is not believed for a while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;

use super::super::healing::Errand;
use super::super::roster::Slot;
use super::super::timer::{Due, Timer};
use super::super::{Membership, Presence};
use super::evidence::{self, Fact};
use crate::member::MemberState;
use crate::time::Instant;

/// What came back of one probe.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// A datagram of this node.
    udp: bool,
    /// A connection of this node.
    tcp: bool,
    /// Those of members that were asked to probe as well.
    others: Vec<Slot>,
    /// Until when a nack tells of a refusal: one for want of an answer comes later.
    soon: Instant,
}

impl Refusals {
    /// Whether anything of this node came back.
    pub(super) fn is_any(&self) -> bool {
        self.udp || self.tcp
    }
}

/// The share of the time for a probe within which a nack comes soon, and the most that it is: the
/// other side may have a shorter time for its probes.
const SOON_SHARE: u32 = 4;
const SOON_MAX: Duration = Duration::from_millis(125);
/// Nodes of a cluster, on average, that look for a member when they hear that it is suspected.
const LOOKERS: usize = 8;
/// Between two members, on average, that ask one who was declared failed: thousands are not to call
/// the host of a process that ended at once.
const WITNESS_PACE: Duration = Duration::from_micros(250);
/// Probe intervals for which a member is believed to be there though it refuses.
const DOUBTED_ROUNDS: u32 = 300;
/// A process that refutes raises its incarnation by a few steps; one that is new, by as many as
/// there were seconds in the life of the one before.
const REFUTING_STEPS: u32 = 4;

impl Membership {
    fn heeds_refusals(&self) -> bool {
        !self.protocol.refused_timeout.is_zero()
    }

    /// A datagram to that address came back.
    pub(crate) fn on_packet_refused(&mut self, to: SocketAddr) {
        self.stats.packets_refused += 1;
        if !self.heeds_refusals() {
            return;
        }
        // Whoever asked for a ping is told if there is no connection either, and looks into it.
        let asked = self.relays_refused(to);
        match &mut self.probe {
            Some(probe) if probe.member.addr() == to => {
                probe.refused.udp = true;
                self.probe_indirectly();
                self.conclude_refused();
            }
            _ if asked => {}
            _ => self.suspect_addr(to),
        }
        self.checks_refused(to);
    }

    /// Nothing accepts the connection for the ping of that number.
    pub(crate) fn tcp_ping_refused(&mut self, seq: u32) {
        match &mut self.probe {
            Some(probe) if probe.seq == seq => {
                probe.refused.tcp = true;
                self.conclude_refused();
            }
            _ if self.relays.contains_key(&seq) => self.relay_refused(seq),
            _ => self.check_is_refused(seq),
        }
    }

    /// Members were asked to probe as well.
    pub(super) fn expect_refusals(&mut self) {
        let soon = self.now + (self.protocol.probe_timeout / SOON_SHARE).min(SOON_MAX);
        if let Some(probe) = &mut self.probe {
            probe.refused.soon = soon;
        }
        if self.heeds_refusals() {
            self.timers.set(Timer::ProbeRefused, soon);
        }
    }

    /// One of them says that it got no answer.
    pub(super) fn nack_came(&mut self, from: SocketAddr) {
        let (now, roster) = (self.now, &self.roster);
        let Some(probe) = self.probe.as_mut().filter(|probe| now < probe.refused.soon) else {
            return;
        };
        let is_there = |slot: &&Slot| {
            roster.get(**slot).is_some_and(|record| is_same(record.member.addr(), from))
        };
        let helper = probe.helpers.iter().find(is_there).copied();
        if let Some(helper) = helper.filter(|helper| !probe.refused.others.contains(helper)) {
            probe.refused.others.push(helper);
            self.conclude_refused();
        }
    }

    /// Ends the probe if everybody was refused: this node in both ways, and of those that were
    /// asked all who have said anything by now. Each of them is given its time to say the contrary.
    pub(crate) fn conclude_refused(&mut self) {
        let now = self.now;
        let is_refused = |probe: &super::probe::Probe| {
            let refused = &probe.refused;
            let all = refused.others.len() == probe.helpers.len() || refused.soon <= now;
            refused.udp && refused.tcp && !refused.others.is_empty() && all
        };
        let Some(slot) = self.probe.as_ref().filter(|p| is_refused(p)).map(|p| p.slot) else {
            return;
        };
        if self.doubts_refusals(slot) {
            return;
        }
        let Some(probe) = self.probe.take() else { return };
        self.drop_probe();
        self.stats.probes_failed += 1;
        self.stats.probes_refused += 1;
        let name = |slot: &Slot| Some(evidence::short(self.roster.get(*slot)?.member.name()));
        let by = probe.refused.others.iter().filter_map(name).collect();
        self.note(probe.member.name(), Fact::Refused { by });
        if !self.lets_pass() && self.accuse(&probe) {
            self.hasten(slot, true, Duration::ZERO);
        }
    }

    /// The suspect need not be waited for as long as a silent one. It is asked when it has had the
    /// time to refute, or to come back, if it has not had it yet.
    fn hasten(&mut self, slot: Slot, again: bool, later: Duration) {
        let size = (self.roster.present().max(1) as f64).log10().max(1.0);
        let span = self.awareness.scale(self.protocol.refused_timeout.mul_f64(size));
        let span = span.saturating_mul(self.patience(slot)) + later;
        let now = self.now;
        let suspicion = self.roster.get_mut(slot).and_then(|record| record.suspicion.as_mut());
        if let Some(at) = suspicion.and_then(|suspicion| suspicion.hasten(now, span, again)) {
            self.timers.add(Due::Suspicion(slot), at);
        }
    }

    /// Somebody has declared that suspect failed. If it refuses this node as well, there is nothing
    /// to wait for.
    pub(crate) fn witness(&mut self, slot: Slot) {
        if self.heeds_refusals() && self.protocol.tcp_pings && !self.doubts_refusals(slot) {
            let members = u32::try_from(self.roster.present()).unwrap_or(u32::MAX);
            let later = self.random_part(WITNESS_PACE.saturating_mul(members));
            self.hasten(slot, false, later);
        }
    }

    /// It may be time to ask a suspect.
    pub(crate) fn return_due(&mut self, slot: Slot) {
        let now = self.now;
        let Some(record) = self.roster.get_mut(slot) else { return };
        let suspicion = record.suspicion.as_mut();
        let Some(again) = suspicion.and_then(|suspicion| suspicion.take_hastened(now)) else {
            return;
        };
        let member = record.member.clone();
        if !self.check(member.name(), member.addr(), Errand::Return { slot, again }) {
            self.slow_down(slot);
        }
    }

    /// What a suspect that had refused did when it was asked once more.
    pub(crate) fn return_asked(&mut self, slot: Slot, answered: bool, refused: bool) {
        let Some(record) = self.roster.get(slot) else { return };
        if !record.suspicion.as_ref().is_some_and(|suspicion| suspicion.is_hastened()) {
            return;
        }
        let member = record.member.clone();
        if answered {
            self.note(member.name(), Fact::Answered);
            self.doubt_refusals(slot);
            self.slow_down(slot);
            self.tell_accused(slot);
        } else if refused {
            self.stats.failures_refused += 1;
            self.give_up_suspect(slot);
        } else {
            self.slow_down(slot);
        }
    }

    /// Waits for the suspect as long as for a silent one.
    fn slow_down(&mut self, slot: Slot) {
        if let Some(suspicion) = self.roster.get_mut(slot).and_then(|r| r.suspicion.as_mut()) {
            suspicion.slow_down();
        }
    }

    /// Somebody suspects that member. A few nodes send it a datagram, which tells it; if that comes
    /// back, they probe it. Nothing else comes of it: that it does not answer is for the accuser to
    /// find out.
    pub(crate) fn look(&mut self, slot: Slot) {
        if !self.heeds_refusals() || self.presence != Presence::Here {
            return;
        }
        let (now, interval) = (self.now, self.protocol.probe_interval);
        let chosen = self.rng.random_range(0..self.roster.present().max(1)) < LOOKERS;
        if !chosen || !self.healing.looks.take(now, interval) {
            return;
        }
        let Some(member) = self.roster.get(slot).map(|record| record.member.clone()) else {
            return;
        };
        let seq = self.next_seq();
        let (name, incarnation) = (Arc::<str>::from(member.name()), member.incarnation());
        self.send_ping(seq, &name, member.addr(), MemberState::Suspect, incarnation);
    }

    /// A probe that came back was answered all the same: there is something between.
    pub(super) fn refused_but_there(&mut self, slot: Slot) {
        let known = self.doubts_refusals(slot);
        self.doubt_refusals(slot);
        let name = self.roster.get(slot).map(|record| record.member.name().to_owned());
        if let Some(name) = name.filter(|_| !known) {
            self.note(&name, Fact::RefusedHere);
        }
    }

    /// A member announces itself. If it had failed, or had refused, and is the same process, then
    /// it was there all the time, whatever refused in its place.
    pub(crate) fn returns(&mut self, slot: Slot, incarnation: u32) {
        let Some(record) = self.roster.get(slot) else { return };
        let refused = record.suspicion.as_ref().is_some_and(|s| s.is_hastened());
        let gone = refused || record.member.state() == MemberState::Failed;
        let same = incarnation.saturating_sub(record.member.incarnation()) <= REFUTING_STEPS;
        if gone && same && self.heeds_refusals() {
            self.doubt_refusals(slot);
        }
    }

    fn doubt_refusals(&mut self, slot: Slot) {
        let until = self.now + self.protocol.probe_interval.saturating_mul(DOUBTED_ROUNDS);
        if let Some(trouble) = self.trouble(slot) {
            trouble.refusals_doubted = Some(until);
        }
    }

    /// Whether that member is there though it refuses, as far as is known.
    pub(super) fn doubts_refusals(&self, slot: Slot) -> bool {
        self.refusals_doubted(slot).is_some_and(|until| self.now < until)
    }
}

/// Whether it is the same address, also if one of the two is an IPv4 address in IPv6's form.
fn is_same(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
}
