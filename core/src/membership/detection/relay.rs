//! Answering probes, and probing on behalf of others.

use std::net::SocketAddr;
use std::sync::Arc;

use super::super::Membership;
use super::super::timer::Due;
use crate::time::Instant;
use crate::wire::{Ack, IndirectPing, Message, Ping, to_socket_addr};

/// A probe that somebody else asked for.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Who asked, and under which number.
    asker: SocketAddr,
    seq: u32,
    /// Whether it wants to hear that there was no answer.
    nack: bool,
    deadline: Instant,
}

/// The share of the time for a probe after which the asker is told that there was no answer yet, as
/// Lifeguard has it (§4.1): told at the end, it would hear of it when its own time is over, and
/// doubt its own health instead.
const NACK_AFTER: f64 = 0.8;
/// Probes for others under way at most; further requests are refused.
const RELAYS_MAX: usize = 1024;

impl Membership {
    pub(crate) fn on_ping(&mut self, from: SocketAddr, ping: &Ping<'_>) {
        if !ping.node.is_empty() && ping.node != &*self.name {
            // Meant for somebody who had this address before.
            self.stats.messages_refused += 1;
            return;
        }
        if self.is_own_check(ping) {
            return self.check_refused(ping.seq);
        }
        let to = self.reply_to(from, ping.source_addr, ping.source_port);
        let payload = self.answer_payload();
        self.send_with_gossip(to, &Message::Ack(Ack { seq: ping.seq, payload: &payload }));
    }

    /// Where to answer. A request may name another address than it came from; only that of a known
    /// member is believed, lest strangers make this node send to anybody.
    fn reply_to(&self, from: SocketAddr, claimed: &[u8], port: u16) -> SocketAddr {
        match to_socket_addr(claimed, port) {
            Some(addr) if port != 0 && addr != from && self.is_member_addr(addr) => addr,
            _ => from,
        }
    }

    fn is_member_addr(&self, addr: SocketAddr) -> bool {
        self.roster.iter().any(|record| record.member.addr() == addr)
    }

    pub(crate) fn on_indirect_ping(&mut self, from: SocketAddr, request: &IndirectPing<'_>) {
        let target = to_socket_addr(request.target, request.port);
        let known = self.roster.find(request.node).and_then(|slot| self.roster.get(slot));
        let known = known.map(|record| record.member.addr());
        // As above: only members are probed on request.
        let (Some(target), true) = (target, known == target && known.is_some()) else {
            self.stats.messages_refused += 1;
            return;
        };
        if self.relays.len() >= RELAYS_MAX {
            self.stats.messages_refused += 1;
            return;
        }
        let seq = self.next_seq();
        let deadline = self.now + self.protocol.probe_timeout;
        let asker = self.reply_to(from, request.source_addr, request.source_port);
        let relay = Relay { asker, seq: request.seq, nack: request.nack, deadline };
        self.relays.insert(seq, relay);
        let nack_at = self.now + self.protocol.probe_timeout.mul_f64(NACK_AFTER);
        self.timers.add(Due::Relay(seq), nack_at);
        let (source, source_port) = self.own_addr();
        let own = Arc::clone(&self.name);
        let ping = Ping {
            seq,
            node: request.node,
            source_addr: source.as_bytes(),
            source_port,
            source_node: &own,
        };
        self.send_with_gossip(target, &Message::Ping(ping));
    }

    pub(crate) fn relay_answered(&mut self, seq: u32) {
        if let Some(relay) = self.relays.remove(&seq) {
            let ack = Ack { seq: relay.seq, payload: &[] };
            self.send_with_gossip(relay.asker, &Message::Ack(ack));
        }
    }

    /// Time for a nack, or for giving up: an answer may still come between the two.
    pub(crate) fn relay_timed_out(&mut self, seq: u32) {
        let Some(relay) = self.relays.get_mut(&seq) else { return };
        let (asker, nack, deadline) = (relay.asker, relay.nack, relay.deadline);
        let asked = relay.seq;
        relay.nack = false;
        if deadline <= self.now {
            self.relays.remove(&seq);
        } else {
            self.timers.add(Due::Relay(seq), deadline);
        }
        if nack {
            self.send_with_gossip(asker, &Message::Nack { seq: asked });
        }
    }
}
