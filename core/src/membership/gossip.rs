//! Sending: rounds of gossip, and gossip that rides on other packets.

use std::net::SocketAddr;
use std::time::Duration;

use super::broadcast::{Parts, transmit_limit};
use super::claims::encode_alive;
use super::roster::Record;
use super::{Membership, Presence};
use crate::engine::Output;
use crate::member::{Member, MemberState};
use crate::wire::{
    COMPOUND_OVERHEAD, CRC_OVERHEAD, Compression, MAX_PARTS, Message, PART_OVERHEAD,
};

use super::timer::Timer;

/// News that arrives within this time travels together.
const COALESCE: Duration = Duration::from_micros(300);
/// Rounds ahead of time for a message: after one, a share of e^-3 of the members has not heard of
/// it; after two, e^-6.
const NEWS_ROUNDS: u32 = 2;
/// Rounds ahead of time for each message of a crowd: most of it comes with the exchanges of states
/// that follow a join, and a second round of it all would be the larger part of the traffic.
const CROWD_ROUNDS: u32 = 1;
/// More messages than this are a crowd. It is about what fits into one packet.
const CROWD: usize = 8;
/// Ticks between the rounds that repeat what is no longer news, for those who missed it.
const REPEAT_TICKS: u32 = 2;
/// Between two rounds while a farewell is being spread: the process wants to end.
const FAREWELL_INTERVAL: Duration = Duration::from_millis(20);
/// A farewell is sent so often at least, unless fewer are there: everybody in a small cluster is
/// told by the one who leaves. The few transmissions of other news would miss some, and to them it
/// failed.
const FAREWELLS: u32 = 16;
/// In a cluster of this size, news waits for the tick if there was a round within the last one.
const CALM_SIZE: u32 = 8192;

/// How news is spread at the moment.
struct Pace {
    /// Between two rounds.
    pause: Duration,
    /// Members told in a round.
    members: usize,
}

impl Membership {
    /// Sets the time of the next round, if there is something to tell and somebody to tell it to.
    pub(super) fn plan_gossip(&mut self) {
        let silent = self.broadcasts.is_empty() && self.talk.queue().is_empty();
        if silent || self.roster.len() == 1 {
            self.timers.stop(Timer::Gossip);
            return;
        }
        let at = (self.last_gossip + self.pace().pause).max(self.now + COALESCE);
        if at < self.timers.get(Timer::Gossip) {
            self.timers.set(Timer::Gossip, at);
        }
    }

    /// How long to wait for the next round, and how many to tell then.
    ///
    /// News is passed on at once instead of at the next tick, which makes it spread in
    /// milliseconds. It costs no more packets, because the number of transmissions is limited all
    /// the same; but in a storm of news all nodes would send at once, so the pause between rounds
    /// ahead of time grows with the cluster. The transmissions that are left then go out one by
    /// one, so that many of them ride on a ping or an ack that is sent anyway.
    fn pace(&self) -> Pace {
        let (tick, members) = (self.protocol.gossip_interval, self.protocol.gossip_nodes);
        if let Presence::Leaving(_) = self.presence {
            return Pace { pause: FAREWELL_INTERVAL.min(tick), members };
        }
        let crowd = self.broadcasts.len() + self.talk.queue().len() > CROWD;
        let rounds = if crowd { CROWD_ROUNDS } else { NEWS_ROUNDS };
        let fanout = u32::try_from(members).unwrap_or(u32::MAX);
        let times = fanout.saturating_mul(rounds);
        if self.broadcasts.has_news(times) || self.talk.queue().has_news(times) {
            let size = u32::try_from(self.roster.len()).unwrap_or(u32::MAX);
            return Pace { pause: (tick / CALM_SIZE).saturating_mul(size).min(tick), members };
        }
        match crowd {
            true => Pace { pause: tick, members },
            false => Pace { pause: tick * REPEAT_TICKS, members: members.min(1) },
        }
    }

    /// One round: a few members, each told what fits into a packet.
    pub(super) fn gossip(&mut self) {
        let members = self.pace().members;
        self.last_gossip = self.now;
        let (now, window) = (self.now, self.protocol.gossip_to_the_dead_time);
        let wanted = |record: &Record| match record.member.state() {
            MemberState::Alive | MemberState::Suspect => true,
            // It may be alive, and must hear of its own death to refute it.
            MemberState::Failed => now.since(record.changed) <= window,
            MemberState::Left => false,
        };
        let targets = self.roster.next_to_tell(members, wanted);
        for slot in targets {
            let Some(record) = self.roster.get(slot) else { continue };
            let (to, crc) = (record.member.addr(), understands_crc(record));
            let room = self.builder.room(self.security.overhead(), crc);
            let room = room.saturating_sub(COMPOUND_OVERHEAD);
            let mut parts = Parts::default();
            self.take_broadcasts(room, MAX_PARTS, &mut parts);
            if parts.is_empty() {
                break;
            }
            self.send_parts(to, crc, &parts);
        }
        self.stats.gossip_rounds += 1;
        self.check_farewell();
    }

    fn take_broadcasts(&mut self, room: usize, count: usize, parts: &mut Parts) {
        let mut limit = transmit_limit(self.protocol.retransmit_mult, self.roster.len());
        if let Presence::Leaving(_) = self.presence {
            let everybody = u32::try_from(self.roster.present()).unwrap_or(u32::MAX);
            limit = limit.max(everybody.min(FAREWELLS));
        }
        let roster = &self.roster;
        let write_alive = |slot, out: &mut Vec<u8>| {
            if let Some(record) = roster.get(slot) {
                encode_alive(&record.member.facts(), out);
            }
        };
        let before = parts.size() + parts.len() * PART_OVERHEAD;
        let first = room.saturating_sub(self.talk.share(room));
        self.broadcasts.take(first, PART_OVERHEAD, count, limit, write_alive, parts);
        if !self.talk.queue().is_empty() {
            let taken = parts.size() + parts.len() * PART_OVERHEAD - before;
            let left = room.saturating_sub(taken);
            self.talk.queue_mut().take(left, PART_OVERHEAD, count, limit, |_, _| {}, parts);
        }
    }

    /// Sends a message of a probe, with as much gossip as fits beside it. As in memberlist, these
    /// packets carry no checksum.
    pub(super) fn send_with_gossip(&mut self, to: SocketAddr, message: &Message<'_>) {
        let mut parts = Parts::default();
        parts.push(|out| message.encode(out));
        if !(self.broadcasts.is_empty() && self.talk.queue().is_empty()) {
            let taken = parts.size() + PART_OVERHEAD + COMPOUND_OVERHEAD;
            let room = self.builder.room(self.security.overhead(), false).saturating_sub(taken);
            self.take_broadcasts(room, MAX_PARTS, &mut parts);
        }
        self.send_parts(to, false, &parts);
        self.check_farewell();
    }

    /// Sends one message alone.
    pub(super) fn send_with_crc(&mut self, to: SocketAddr, crc: bool, message: &Message<'_>) {
        let mut parts = Parts::default();
        parts.push(|out| message.encode(out));
        self.send_parts(to, crc, &parts);
    }

    /// Sends these messages, and nothing else, in one packet with a checksum.
    pub(super) fn send_together(&mut self, to: SocketAddr, messages: &[Message<'_>]) {
        let mut parts = Parts::default();
        for message in messages {
            parts.push(|out| message.encode(out));
        }
        self.send_parts(to, true, &parts);
    }

    /// Tells one address alone that a member is there.
    pub(super) fn send_alive(&mut self, to: SocketAddr, member: &Member) {
        let mut parts = Parts::default();
        parts.push(|out| encode_alive(&member.facts(), out));
        self.send_parts(to, true, &parts);
    }

    pub(super) fn send_parts(&mut self, to: SocketAddr, crc: bool, parts: &Parts) {
        let compression = match self.protocol.compression {
            true => Compression::On,
            false => Compression::Off,
        };
        let around = COMPOUND_OVERHEAD + CRC_OVERHEAD + self.security.overhead();
        let size = parts.size() + parts.len() * PART_OVERHEAD + around;
        let mut bytes = Vec::with_capacity(size);
        let cover = self.security.cover(&mut self.nonces);
        let sent = self.builder.compound(cover, crc, parts.iter(), compression, &mut bytes);
        debug_assert_eq!(sent, parts.len(), "the room was reckoned from the same numbers");
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += bytes.len() as u64;
        self.out.push_back(Output::Packet { to, bytes });
    }
}

pub(super) fn understands_crc(record: &Record) -> bool {
    record.member.versions()[1] >= 5
}
