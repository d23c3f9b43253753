//! Sending: rounds of gossip, and gossip that rides on other packets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::broadcast::transmit_limit;
use super::roster::Record;
use super::{Membership, Presence};
use crate::engine::Output;
use crate::member::MemberState;
use crate::time::Instant;
use crate::wire::{
    COMPOUND_OVERHEAD, Compression, MAX_PARTS, Message, PART_OVERHEAD, label_overhead,
};

use super::timer::Timer;

/// News is passed on at once instead of at the next tick (coalesced for a millisecond, and within
/// the same retransmit budget), which makes it spread in milliseconds. In a storm that would cost
/// more than it gives, so the rounds ahead of time are rationed.
#[derive(Debug)]
pub(super) struct Eagerness {
    rations: u32,
    /// When the rations were last counted.
    counted: Instant,
    /// When the last round was.
    last_round: Instant,
}

/// News that arrives within this time travels together.
const COALESCE: Duration = Duration::from_millis(1);
/// Rounds ahead of time that may be saved up.
const RATIONS_MAX: u32 = 4;
/// Between two rounds while a farewell is being spread: the process wants to end.
const FAREWELL_INTERVAL: Duration = Duration::from_millis(20);

impl Eagerness {
    pub(super) fn new(now: Instant) -> Self {
        Self { rations: RATIONS_MAX, counted: now, last_round: now }
    }

    /// Adds one ration for each `interval` that has passed.
    fn refill(&mut self, now: Instant, interval: Duration) {
        if self.rations == RATIONS_MAX {
            self.counted = now;
            return;
        }
        while self.rations < RATIONS_MAX && now.since(self.counted) >= interval {
            self.rations += 1;
            self.counted = self.counted + interval;
        }
    }
}

impl Membership {
    /// Sets the time of the next round, if there is something to tell and somebody to tell it to.
    pub(super) fn plan_gossip(&mut self) {
        if self.broadcasts.is_empty() || self.roster.len() == 1 {
            self.timers.stop(Timer::Gossip);
            return;
        }
        let interval = match self.presence {
            Presence::Leaving(_) => FAREWELL_INTERVAL.min(self.protocol.gossip_interval),
            Presence::Here | Presence::Gone => self.protocol.gossip_interval,
        };
        self.eagerness.refill(self.now, self.protocol.gossip_interval);
        let tick = (self.eagerness.last_round + interval).max(self.now);
        let soon = self.now + COALESCE;
        let at = match self.broadcasts.has_fresh() && self.eagerness.rations > 0 {
            true => tick.min(soon),
            false => tick,
        };
        if at < self.timers.get(Timer::Gossip) {
            self.timers.set(Timer::Gossip, at);
        }
    }

    /// One round: a few random members, each told what fits into a packet.
    pub(super) fn gossip(&mut self) {
        if self.now.since(self.eagerness.last_round) < self.protocol.gossip_interval {
            self.eagerness.rations = self.eagerness.rations.saturating_sub(1);
        }
        self.eagerness.last_round = self.now;
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
            let parts = self.take_broadcasts(room, MAX_PARTS);
            if parts.is_empty() {
                break;
            }
            self.send_parts(to, crc, &parts);
        }
        self.check_farewell();
    }

    fn take_broadcasts(&mut self, room: usize, count: usize) -> Vec<Arc<[u8]>> {
        let mut parts = Vec::new();
        let limit = transmit_limit(self.protocol.retransmit_mult, self.roster.len());
        self.broadcasts.take(room, PART_OVERHEAD, count, limit, &mut parts);
        parts
    }

    /// Sends a message of a probe, with as much gossip as fits beside it. As in memberlist, these
    /// packets carry no checksum.
    pub(super) fn send_with_gossip(&mut self, to: SocketAddr, message: &Message<'_>) {
        let mut first = Vec::with_capacity(128);
        message.encode(&mut first);
        if self.broadcasts.is_empty() {
            return self.send_parts(to, false, &[first.into()]);
        }
        let taken = first.len() + PART_OVERHEAD + COMPOUND_OVERHEAD + label_overhead(&self.label);
        let room = self.protocol.packet_size.saturating_sub(taken);
        let mut parts = vec![first.into()];
        parts.extend(self.take_broadcasts(room, MAX_PARTS - 1));
        self.send_parts(to, false, &parts);
        self.check_farewell();
    }

    /// Sends these messages, and nothing else, in one packet with a checksum.
    pub(super) fn send_together(&mut self, to: SocketAddr, messages: &[Message<'_>]) {
        let encode = |message: &Message<'_>| {
            let mut bytes = Vec::with_capacity(128);
            message.encode(&mut bytes);
            bytes.into()
        };
        let parts: Vec<Arc<[u8]>> = messages.iter().map(encode).collect();
        self.send_parts(to, true, &parts);
    }

    fn send_parts(&mut self, to: SocketAddr, crc: bool, parts: &[Arc<[u8]>]) {
        let compression = match self.protocol.compression {
            true => Compression::On,
            false => Compression::Off,
        };
        let size: usize = parts.iter().map(|part| part.len() + PART_OVERHEAD).sum();
        let mut bytes = Vec::with_capacity(size + 16);
        let parts = parts.iter().map(|part| &**part);
        let sent = self.builder.compound(&self.label, crc, parts, compression, &mut bytes);
        debug_assert!(sent > 0, "the room was reckoned from the same numbers");
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += bytes.len() as u64;
        self.out.push_back(Output::Packet { to, bytes });
    }
}

fn understands_crc(record: &Record) -> bool {
    record.member.versions()[1] >= 5
}
