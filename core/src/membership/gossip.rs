//! Sending: rounds of gossip, and gossip that rides on other packets.

use std::net::SocketAddr;
use std::time::Duration;

use super::broadcast::{Parts, transmit_limit};
use super::claims::encode_alive;
use super::roster::Record;
use super::{Membership, Presence};
use crate::engine::Output;
use crate::member::MemberState;
use crate::wire::{
    COMPOUND_OVERHEAD, Compression, MAX_PARTS, Message, PART_OVERHEAD, label_overhead,
};

use super::timer::Timer;

/// News that arrives within this time travels together.
const COALESCE: Duration = Duration::from_millis(1);
/// Rounds ahead of time for a message: after one, a share of e^-3 of the members has not heard of
/// it; after two, e^-6.
const NEWS_ROUNDS: u32 = 2;
/// Between two rounds while a farewell is being spread: the process wants to end.
const FAREWELL_INTERVAL: Duration = Duration::from_millis(20);
/// In a cluster of this size, news waits for the tick if there was a round within the last one.
const CALM_SIZE: u32 = 2048;

impl Membership {
    /// Sets the time of the next round, if there is something to tell and somebody to tell it to.
    ///
    /// News is passed on at once instead of at the next tick, which makes it spread in
    /// milliseconds. It costs no more packets, because the number of transmissions is limited all
    /// the same; but in a storm of news all nodes would send at once, so the pause between rounds
    /// ahead of time grows with the cluster.
    pub(super) fn plan_gossip(&mut self) {
        if self.broadcasts.is_empty() || self.roster.len() == 1 {
            self.timers.stop(Timer::Gossip);
            return;
        }
        let interval = self.protocol.gossip_interval;
        let fanout = u32::try_from(self.protocol.gossip_nodes).unwrap_or(u32::MAX);
        let news = fanout.saturating_mul(NEWS_ROUNDS);
        let pause = match self.presence {
            Presence::Leaving(_) => FAREWELL_INTERVAL.min(interval),
            Presence::Here | Presence::Gone if self.broadcasts.has_news(news) => {
                let members = u32::try_from(self.roster.len()).unwrap_or(u32::MAX);
                (interval / CALM_SIZE).saturating_mul(members).min(interval)
            }
            Presence::Here | Presence::Gone => interval,
        };
        let at = (self.last_gossip + pause).max(self.now + COALESCE);
        if at < self.timers.get(Timer::Gossip) {
            self.timers.set(Timer::Gossip, at);
        }
    }

    /// One round: a few random members, each told what fits into a packet.
    pub(super) fn gossip(&mut self) {
        self.last_gossip = self.now;
        let (now, window) = (self.now, self.protocol.gossip_to_the_dead_time);
        let wanted = |record: &Record| match record.member.state() {
            MemberState::Alive | MemberState::Suspect => true,
            // It may be alive, and must hear of its own death to refute it.
            MemberState::Failed => now.since(record.changed) <= window,
            MemberState::Left => false,
        };
        let targets = self.roster.pick(self.protocol.gossip_nodes, &mut self.rng, wanted);
        for slot in targets {
            let Some(record) = self.roster.get(slot) else { continue };
            let (to, crc) = (record.member.addr(), understands_crc(record));
            let room = self.builder.room(&self.label, crc).saturating_sub(COMPOUND_OVERHEAD);
            let mut parts = Parts::default();
            self.take_broadcasts(room, MAX_PARTS, &mut parts);
            if parts.is_empty() {
                break;
            }
            self.send_parts(to, crc, &parts);
        }
        self.check_farewell();
    }

    fn take_broadcasts(&mut self, room: usize, count: usize, parts: &mut Parts) {
        let limit = transmit_limit(self.protocol.retransmit_mult, self.roster.len());
        let roster = &self.roster;
        let write_alive = |slot, out: &mut Vec<u8>| {
            if let Some(record) = roster.get(slot) {
                encode_alive(record.member.facts(), out);
            }
        };
        self.broadcasts.take(room, PART_OVERHEAD, count, limit, write_alive, parts);
    }

    /// Sends a message of a probe, with as much gossip as fits beside it. As in memberlist, these
    /// packets carry no checksum.
    pub(super) fn send_with_gossip(&mut self, to: SocketAddr, message: &Message<'_>) {
        let mut parts = Parts::default();
        parts.push(|out| message.encode(out));
        if !self.broadcasts.is_empty() {
            let taken =
                parts.size() + PART_OVERHEAD + COMPOUND_OVERHEAD + label_overhead(&self.label);
            let room = self.protocol.packet_size.saturating_sub(taken);
            self.take_broadcasts(room, MAX_PARTS, &mut parts);
        }
        self.send_parts(to, false, &parts);
        self.check_farewell();
    }

    /// Sends these messages, and nothing else, in one packet with a checksum.
    pub(super) fn send_together(&mut self, to: SocketAddr, messages: &[Message<'_>]) {
        let mut parts = Parts::default();
        for message in messages {
            parts.push(|out| message.encode(out));
        }
        self.send_parts(to, true, &parts);
    }

    fn send_parts(&mut self, to: SocketAddr, crc: bool, parts: &Parts) {
        let compression = match self.protocol.compression {
            true => Compression::On,
            false => Compression::Off,
        };
        let mut bytes = Vec::with_capacity(parts.size() + parts.len() * PART_OVERHEAD + 16);
        let sent = self.builder.compound(&self.label, crc, parts.iter(), compression, &mut bytes);
        debug_assert_eq!(sent, parts.len(), "the room was reckoned from the same numbers");
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += bytes.len() as u64;
        self.out.push_back(Output::Packet { to, bytes });
    }
}

fn understands_crc(record: &Record) -> bool {
    record.member.versions()[1] >= 5
}
