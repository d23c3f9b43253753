//! One probe round: ping, then ask others and try TCP, then suspect.

use std::net::SocketAddr;
use std::sync::Arc;

use super::super::Membership;
use super::super::roster::Slot;
use super::super::timer::Timer;
use super::evidence::{self, Fact};
use super::refusal::Refusals;
use crate::engine::StreamId;
use crate::member::{Member, MemberState};
use crate::time::Instant;
use crate::wire::{Ack, IndirectPing, Message, Ping, RawAddr, Suspect};

/// A probe under way. There is one at a time.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(super) seq: u32,
    pub(super) slot: Slot,
    sent: Instant,
    /// As it was when the probe began.
    pub(super) member: Member,
    /// Members that were asked to probe as well, and have promised a nack.
    nacks_expected: i32,
    nacks: i32,
    asked_others: bool,
    /// Whom.
    pub(super) helpers: Vec<Slot>,
    /// The fallback over TCP was answered.
    tcp_answered: bool,
    pub(super) refused: Refusals,
}

impl Membership {
    /// Probes the next member. A tick that comes while the last probe is still under way, because
    /// this node is ailing and gives others more time, is skipped.
    pub(crate) fn start_probe(&mut self, due: Instant) {
        // Counted from when it was due, so that the period is kept, unless it was missed.
        let next = due + self.protocol.probe_interval;
        self.plan_probe(if next > self.now {
            next
        } else {
            self.now + self.protocol.probe_interval
        });
        if self.probe.is_none() {
            self.probe_next();
        }
    }

    /// Begins a probe: of a member that may be gone, or of the next in turn.
    pub(crate) fn probe_next(&mut self) {
        let urgent = self.healing.urgent.take();
        let here = |slot: &Slot| {
            self.roster.get(*slot).is_some_and(|record| record.member.state().is_present())
        };
        let urgent = urgent.filter(here);
        let next = urgent.or_else(|| self.roster.next_to_probe(&mut self.rng));
        let Some(slot) = next else { return };
        let Some(record) = self.roster.get(slot) else { return };
        let member = record.member.clone();
        self.stats.probes_degraded += u64::from(self.awareness.score() > 0);
        let seq = self.next_seq();
        self.probe = Some(Probe {
            seq,
            slot,
            sent: self.now,
            member: member.clone(),
            nacks_expected: 0,
            nacks: 0,
            asked_others: false,
            helpers: Vec::new(),
            tcp_answered: false,
            refused: Refusals::default(),
        });
        let span = self.awareness.scale(self.protocol.probe_interval);
        self.timers.set(Timer::ProbeIndirect, self.now + self.protocol.probe_timeout);
        self.timers.set(Timer::ProbeEnd, self.now + span);
        self.send_ping(seq, member.name(), member.addr(), member.state(), member.incarnation());
    }

    pub(crate) fn send_ping(
        &mut self,
        seq: u32,
        node: &str,
        to: SocketAddr,
        state: MemberState,
        incarnation: u32,
    ) {
        let (source, port) = self.own_addr();
        let own = Arc::clone(&self.name);
        let ping = Message::Ping(Ping {
            seq,
            node,
            source_addr: source.as_bytes(),
            source_port: port,
            source_node: &own,
        });
        if state == MemberState::Suspect {
            // It hears of the suspicion with the ping, and can refute at once (Buddy System).
            let suspect = Suspect { incarnation, node, from: &own };
            self.send_together(to, &[ping, Message::Suspect(suspect)]);
        } else {
            self.send_with_gossip(to, &ping);
        }
    }

    /// The own address, as it travels.
    pub(crate) fn own_addr(&self) -> (RawAddr, u16) {
        let addr = self.local().addr();
        (RawAddr::from(addr.ip()), addr.port())
    }

    /// The direct probe was not answered in time, or could not even be sent.
    pub(crate) fn probe_indirectly(&mut self) {
        self.timers.stop(Timer::ProbeIndirect);
        let Some(probe) = &mut self.probe else { return };
        if probe.asked_others {
            return;
        }
        probe.asked_others = true;
        let (seq, slot, member) = (probe.seq, probe.slot, probe.member.clone());
        let helpers = self.roster.pick(self.protocol.indirect_checks, &mut self.rng, |record| {
            record.member.state() == MemberState::Alive && record.member.name() != member.name()
        });
        let mut expected = 0;
        for helper in &helpers {
            let Some(record) = self.roster.get(*helper) else { continue };
            let nack = record.member.versions()[1] >= 4;
            expected += i32::from(nack);
            let to = record.member.addr();
            self.ask_to_probe(to, seq, member.name(), member.addr(), nack);
        }
        if let Some(probe) = &mut self.probe {
            probe.nacks_expected = expected;
            probe.helpers = helpers;
        }
        self.expect_refusals();
        let speaks_tcp =
            self.roster.get(slot).is_some_and(|record| record.member.versions()[1] >= 3);
        if self.protocol.tcp_pings && speaks_tcp {
            self.ping_over_tcp(seq, member.name(), member.addr());
        }
    }

    fn ask_to_probe(
        &mut self,
        helper: SocketAddr,
        seq: u32,
        node: &str,
        addr: SocketAddr,
        nack: bool,
    ) {
        let (source, source_port) = self.own_addr();
        let target = RawAddr::from(addr.ip());
        let own = Arc::clone(&self.name);
        let request = IndirectPing {
            seq,
            target: target.as_bytes(),
            port: addr.port(),
            node,
            nack,
            source_addr: source.as_bytes(),
            source_port,
            source_node: &own,
        };
        self.send_with_gossip(helper, &Message::IndirectPing(request));
    }

    /// The host refused to send a packet there: no need to wait for the answer.
    pub(crate) fn on_packet_failed(&mut self, to: SocketAddr) {
        if self.probe.as_ref().is_some_and(|probe| probe.member.addr() == to) {
            self.probe_indirectly();
        } else {
            self.suspect_addr(to);
        }
        self.checks_unsent(to);
    }

    /// An answer to the probe, from whomever it comes, or to one that was made for somebody else.
    pub(crate) fn on_ack(&mut self, from: SocketAddr, ack: &Ack<'_>) {
        match &self.probe {
            Some(probe) if probe.seq == ack.seq => {
                // An answer by way of others says nothing about the way to the member.
                if from == probe.member.addr() && !probe.asked_others {
                    let (slot, span) = (probe.slot, self.now.since(probe.sent));
                    let payload = self.repair(slot, from, ack.payload, None);
                    self.measured(slot, span, payload);
                }
                self.probe_answered();
            }
            _ => {
                if !self.ping_answered(from, ack)
                    && !self.greeting_answered(ack)
                    && !self.check_answered(ack.seq)
                {
                    self.relay_answered(ack.seq);
                }
            }
        }
    }

    pub(crate) fn on_nack(&mut self, from: SocketAddr, seq: u32) {
        if let Some(probe) = &mut self.probe
            && probe.seq == seq
        {
            probe.nacks = (probe.nacks + 1).min(probe.nacks_expected);
            self.nack_came(from);
        }
    }

    /// The fallback over TCP was answered. It counts only if nothing else comes.
    pub(crate) fn on_tcp_ack(&mut self, seq: u32) {
        match &mut self.probe {
            Some(probe) if probe.seq == seq => probe.tcp_answered = true,
            _ => drop(self.check_answered(seq)),
        }
    }

    fn probe_answered(&mut self) {
        if let Some(probe) = self.probe.take() {
            self.udp_worked(probe.slot);
            if probe.refused.is_any() {
                self.refused_but_there(probe.slot);
            }
        }
        self.is_sure();
        self.drop_probe();
        self.awareness.apply(-1);
        self.stats.probes_answered += 1;
    }

    /// The time for every kind of answer is over.
    pub(crate) fn end_probe(&mut self) {
        let Some(probe) = self.probe.take() else { return };
        self.timers.stop(Timer::ProbeIndirect);
        self.timers.stop(Timer::ProbeRefused);
        if probe.tcp_answered {
            if probe.refused.is_any() {
                self.refused_but_there(probe.slot);
            }
            self.awareness.apply(-1);
            self.stats.probes_saved_by_tcp += 1;
            self.note(probe.member.name(), Fact::SavedByTcp);
            self.is_sure();
            return self.udp_failed(probe.slot);
        }
        self.stats.probes_failed += 1;
        self.stats.probes_degraded_failed += u64::from(self.awareness.score() > 0);
        // Helpers that did not even send a nack say something about this node's own health.
        let delta = match probe.nacks_expected {
            0 => 1,
            expected => expected - probe.nacks,
        };
        self.awareness.apply(delta);
        self.note_failed(&probe);
        if self.lets_pass() {
            return;
        }
        self.accuse(&probe);
    }

    /// Suspects the member that was probed, if it is still known where it was probed.
    pub(super) fn accuse(&mut self, probe: &Probe) -> bool {
        let record = self.roster.get(probe.slot).map(|record| &record.member);
        let same = |member: &&Member| {
            (member.name(), member.addr()) == (probe.member.name(), probe.member.addr())
        };
        let Some(member) = record.filter(same) else {
            return false;
        };
        let incarnation = member.incarnation();
        let own = Arc::clone(&self.name);
        self.on_suspect(incarnation, probe.member.name(), &own);
        true
    }

    /// The member has another address now. That nobody answers at the last one says nothing about
    /// it, nor about this node; and there is no need to wait for it.
    pub(crate) fn moved_in_probe(&mut self, slot: Slot) {
        if self.probe.as_ref().is_some_and(|probe| probe.slot == slot) {
            self.drop_probe();
        }
    }

    /// Ends the probe under way, whatever it might have come to.
    pub(crate) fn drop_probe(&mut self) {
        self.probe = None;
        for timer in [Timer::ProbeIndirect, Timer::ProbeRefused, Timer::ProbeEnd] {
            self.timers.stop(timer);
        }
    }

    /// Of a member that has been given up meanwhile, it says nothing.
    fn note_failed(&mut self, probe: &Probe) {
        let record = |slot: &Slot| self.roster.get(*slot);
        if !record(&probe.slot).is_some_and(|r| r.member.state().is_present()) {
            return;
        }
        let name = |slot: &Slot| Some(evidence::short(record(slot)?.member.name()));
        let helpers = probe.helpers.iter().filter_map(name).collect();
        let nacks = u32::try_from(probe.nacks).unwrap_or_default();
        let speaks_tcp = record(&probe.slot).is_some_and(|r| r.member.versions()[1] >= 3);
        let tcp = probe.asked_others && self.protocol.tcp_pings && speaks_tcp;
        self.note(probe.member.name(), Fact::ProbeFailed { helpers, nacks, tcp });
    }

    /// Stops probing.
    pub(crate) fn stop_probes(&mut self) {
        self.drop_probe();
        for timer in [Timer::Probe, Timer::PushPull, Timer::Redial] {
            self.timers.stop(timer);
        }
    }

    fn ping_over_tcp(&mut self, seq: u32, node: &str, to: SocketAddr) {
        let stream: StreamId = self.next_stream();
        self.open_tcp_ping(stream, seq, node, to);
    }
}
