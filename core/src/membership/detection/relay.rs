//! Answering probes, and probing on behalf of others.

use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;

use super::super::Membership;
use super::super::broadcast::Parts;
use super::super::timer::Due;
use crate::time::Instant;
use crate::wire::{Ack, IndirectPing, Message, Ping, Suspect, to_socket_addr};

/// A probe that somebody else asked for.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Who asked, and under which number.
    asker: SocketAddr,
    seq: u32,
    target: SocketAddr,
    /// Whether its ping came back.
    refused: bool,
    /// Whether it wants to hear that there was no answer.
    nack: bool,
    deadline: Instant,
}

/// The share of the time for a probe after which the asker is told that there was no answer yet, as
/// Lifeguard has it (§4.1): told at the end, it would hear of it when its own time is over, and
/// doubt its own health instead.
const NACK_AFTER: f64 = 0.8;
/// A ping with that bit in its number is answered without gossip: who has just exchanged states
/// knows it, and a crowd of newcomers would use up what is there for others.
pub(crate) const QUIET: u32 = 1 << 31;
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
        let source = (ping.source_node, ping.source_addr, ping.source_port);
        let Some(to) = self.member_asking(from, source) else {
            return self.answer_stranger(from, ping);
        };
        let gone = self.roster.find(ping.source_node).filter(|slot| {
            self.roster.get(*slot).is_some_and(|record| !record.member.state().is_present())
        });
        if let Some(slot) = gone {
            self.tell_accused(slot);
        }
        let payload = self.answer_payload();
        let ack = Message::Ack(Ack { seq: ping.seq, payload: &payload });
        match ping.seq & QUIET {
            0 => self.send_with_gossip(to, &ack),
            _ => self.send_with_crc(to, false, &ack),
        }
    }

    /// Where a member that asks wants to be answered; none if no member asks. A request may name
    /// another address than it came from; only that of the member it names is believed, lest
    /// strangers make this node send to anybody.
    fn member_asking(
        &mut self,
        from: SocketAddr,
        (name, claimed, port): (&str, &[u8], u16),
    ) -> Option<SocketAddr> {
        let named = self.roster.find(name).and_then(|slot| self.roster.get(slot));
        let named = named.map(|record| record.member.addr());
        let claimed = to_socket_addr(claimed, port);
        if let Some(addr) = named.filter(|addr| claimed == Some(*addr) || from == *addr) {
            return Some(addr);
        }
        // Looking through all members, once a datagram, is for those who do not say who they are.
        let known = || self.roster.iter().any(|record| record.member.addr() == from);
        let known = *self.from_member.get_or_insert_with(known);
        known.then_some(from)
    }

    /// Answers somebody who is no member and may be anybody, as the source of a datagram can be
    /// forged: once a datagram, and never with more than came, so that this node is no use for
    /// aiming traffic at others.
    ///
    /// It may be a member that this node has missed. Then it hears what is held against it, which
    /// is that of nobody if nothing is: to that, it answers with an announcement of itself.
    fn answer_stranger(&mut self, to: SocketAddr, ping: &Ping<'_>) {
        let ack = Message::Ack(Ack { seq: ping.seq, payload: &[] });
        let held = self.roster.find(ping.source_node).and_then(|slot| self.roster.get(slot));
        let incarnation = held.map_or(0, |record| record.member.incarnation());
        let own = Arc::clone(&self.name);
        let doubt = Message::Suspect(Suspect { incarnation, node: ping.source_node, from: &own });
        let room = mem::take(&mut self.stranger_room);
        let answers = [Parts::of(&[ack, doubt]), Parts::of(&[ack])];
        let named = usize::from(ping.source_node.is_empty() || ping.source_node == &*own);
        let around = self.security.overhead();
        let fits = |parts: &&Parts| parts.packed() + around <= room;
        match answers.iter().skip(named).find(fits) {
            Some(parts) => self.send_parts(to, false, parts),
            None => self.stats.messages_refused += 1,
        }
    }

    pub(crate) fn on_indirect_ping(&mut self, from: SocketAddr, request: &IndirectPing<'_>) {
        let target = to_socket_addr(request.target, request.port);
        let slot = self.roster.find(request.node);
        let known = slot.and_then(|slot| self.roster.get(slot)).map(|record| record.member.addr());
        // Only members are probed on request, and only members may request it.
        let (Some(target), true) = (target, known == target && known.is_some()) else {
            self.stats.messages_refused += 1;
            return;
        };
        let source = (request.source_node, request.source_addr, request.source_port);
        let asker = self.member_asking(from, source);
        let Some(asker) = asker.filter(|_| self.relays.len() < RELAYS_MAX) else {
            self.stats.messages_refused += 1;
            return;
        };
        let seq = self.next_seq();
        let deadline = self.now + self.protocol.probe_timeout;
        slot.inspect(|slot| self.tell_of_farewell(*slot, asker));
        let relay =
            Relay { asker, seq: request.seq, target, refused: false, nack: request.nack, deadline };
        self.relays.insert(seq, relay);
        self.stats.probes_relayed += 1;
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

    /// A ping to that address came back: unless somebody forges, nor will there be a connection.
    /// Whether there was one for somebody else.
    pub(crate) fn relays_refused(&mut self, to: SocketAddr) -> bool {
        let mut any = false;
        let mut fresh = Vec::new();
        for (seq, relay) in self.relays.iter_mut().filter(|(_, relay)| relay.target == to) {
            any = true;
            if relay.nack && !mem::replace(&mut relay.refused, true) {
                fresh.push(*seq);
            }
        }
        if fresh.is_empty() || !self.protocol.tcp_pings {
            return any;
        }
        let known = self.roster.find_addr(to).and_then(|slot| self.roster.get(slot));
        let Some(member) = known.map(|record| record.member.clone()) else { return any };
        for seq in fresh {
            let stream = self.next_stream();
            self.open_tcp_ping(stream, seq, member.name(), to);
        }
        true
    }

    /// Nor is there: whoever asked need not wait.
    pub(crate) fn relay_refused(&mut self, seq: u32) {
        let Some(relay) = self.relays.get_mut(&seq) else { return };
        let (asker, asked) = (relay.asker, relay.seq);
        if mem::take(&mut relay.nack) {
            self.send_with_gossip(asker, &Message::Nack { seq: asked });
        }
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
