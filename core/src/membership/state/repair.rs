//! What gossip has missed, and what newcomers lack.
//!
//! Answers to pings say how far the sender's own space is, and the fingerprint of all that it
//! shows. Who sees another than its own, and not because something is under way, compares with that
//! member. So does who has exchanged states with one: it pings it, since in what is exchanged there
//! is no place that others would not take for their own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::membership::Membership;
use crate::membership::detection::relay::QUIET;
use crate::membership::gossip::understands_crc;
use crate::membership::roster::{LOCAL, Slot};
use crate::state::Mark;
use crate::time::Instant;
use crate::wire::{Ack, Message, Ping, StateDeltas};

/// Where the comparison with others stands.
#[derive(Debug)]
pub(super) struct Repair {
    /// Of what is shown, and since when.
    fingerprint: (u64, Instant),
    /// Since when all others differ.
    differs: Option<Instant>,
    /// When all was last compared with somebody, and how long it takes to the next time.
    compared: Instant,
    pause: Duration,
    /// Pings of those with whom states were exchanged.
    greetings: BTreeMap<u32, Greeting>,
}

impl Default for Repair {
    fn default() -> Self {
        let began = Instant::default();
        let (differs, greetings) = (None, BTreeMap::new());
        Self { fingerprint: (0, began), differs, compared: began, pause: PAUSE, greetings }
    }
}

#[derive(Clone, Copy, Debug)]
struct Greeting {
    with: Slot,
    until: Instant,
    passes_on: bool,
}

/// What a member says of what it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Signature {
    own: Mark,
    fingerprint: u64,
}

/// Ends an answer's payload, in front of what is said of rings: epoch and version of the own space,
/// the fingerprint of all, a byte of flags, and this.
const MAGIC: [u8; 4] = [0xc1, b'c', b'w', 5];
/// None are known yet; those of later versions are not heeded.
const FLAGS: u8 = 0;
/// What was learnt that recently may be under way to others as well.
const SETTLES: Duration = Duration::from_millis(500);
/// But who differs from everybody for so long lacks something.
const DIFFERS: Duration = Duration::from_secs(2);
/// Between two comparisons; twice as long after each that brings nothing.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A member whose answers are not signed has no keys. Who has heard of some so recently may have
/// got an old answer.
const UNSIGNED: Duration = Duration::from_secs(5);
const GREETINGS_MAX: usize = 16;

impl Signature {
    fn encode(self, out: &mut Vec<u8>) {
        for number in [self.own.epoch, self.own.version, self.fingerprint] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.push(FLAGS);
        out.extend_from_slice(&MAGIC);
    }

    /// A payload without the signature at its end, and the signature.
    fn split(payload: &[u8]) -> (&[u8], Option<Self>) {
        let split = || {
            let (_, rest) = payload.strip_suffix(&MAGIC)?.split_last()?;
            let (rest, fingerprint) = rest.split_last_chunk()?;
            let (rest, version) = rest.split_last_chunk()?;
            let (rest, epoch) = rest.split_last_chunk()?;
            let [epoch, version, fingerprint] =
                [epoch, version, fingerprint].map(|bytes| u64::from_be_bytes(*bytes));
            Some((rest, Self { own: Mark { epoch, version }, fingerprint }))
        };
        split().map_or((payload, None), |(rest, signature)| (rest, Some(signature)))
    }
}

impl Repair {
    /// What is shown has that fingerprint.
    pub(super) fn note(&mut self, now: Instant, fingerprint: u64) {
        if self.fingerprint.0 != fingerprint {
            self.fingerprint = (fingerprint, now);
        }
    }

    /// A comparison has brought something, or not.
    pub(super) fn compared(&mut self, news: bool) {
        self.pause = if news { PAUSE } else { (self.pause * 2).min(PAUSE_MAX) };
    }

    /// Another has that fingerprint; whether to compare.
    fn differs(&mut self, now: Instant, theirs: u64) -> bool {
        let (ours, since) = self.fingerprint;
        if theirs == ours {
            (self.differs, self.pause) = (None, PAUSE);
            return false;
        }
        let differs = *self.differs.get_or_insert(now);
        let lasts = now >= since + SETTLES || now >= differs + DIFFERS;
        lasts && now >= self.compared + self.pause
    }
}

impl Membership {
    /// Adds what this node knows to an answer to a ping; nothing if that is nothing.
    pub(in crate::membership) fn sign_state(&self, payload: &mut Vec<u8>) {
        let spaces = &self.state.spaces;
        if !spaces.is_empty() {
            let (own, fingerprint) = (spaces.mark(&self.name), spaces.fingerprint());
            Signature { own, fingerprint }.encode(payload);
        }
    }

    /// Compares what a member that answered a ping knows; what is left of the payload.
    pub(in crate::membership) fn compare_states<'a>(
        &mut self,
        slot: Slot,
        payload: &'a [u8],
        greeting: Option<bool>,
    ) -> &'a [u8] {
        let (rest, signature) = Signature::split(payload);
        let Some(record) = self.roster.get(slot).filter(|_| slot != LOCAL) else { return rest };
        let name = record.member.name().to_owned();
        let known = self.state.spaces.mark(&name);
        let Some(Signature { own, fingerprint }) = signature else {
            self.hear_of_no_keys(&name);
            return rest;
        };
        if own < known {
            self.remind_of_keys(slot, &name);
        }
        let compares = match greeting {
            Some(_) => fingerprint != self.state.spaces.fingerprint(),
            None => self.state.repair.differs(self.now, fingerprint),
        };
        if compares {
            self.state.repair.compared = self.now;
            self.compare_all(slot, greeting.unwrap_or(true));
        } else if own > known {
            self.lack(&name, own, Some(slot), true);
            self.pull();
        }
        rest
    }

    /// A member has never had any keys in this run: those that are known are of an earlier one.
    fn hear_of_no_keys(&mut self, name: &str) {
        let since = self.state.spaces.changed(name);
        if since.is_some_and(|since| self.now >= since + UNSIGNED) {
            let changes = self.state.spaces.forget(name);
            self.tell_state(changes, super::Cause::Presence);
        }
    }

    /// Tells a member that more is known of it than it has: it takes care of that.
    fn remind_of_keys(&mut self, slot: Slot, name: &str) {
        let Some(record) = self.roster.get(slot) else { return };
        let (to, crc) = (record.member.addr(), understands_crc(record));
        let Some(space) = self.state.spaces.space(name) else { return };
        let mut payload = Vec::new();
        StateDeltas::begin(&mut payload);
        space.announcement(name, &mut payload);
        self.send_with_crc(to, crc, &Message::User(&payload));
    }

    /// States were exchanged with that member: asks what it knows of spaces.
    pub(in crate::membership) fn greet(&mut self, with: Slot, passes_on: bool) {
        let Some(record) = self.roster.get(with).filter(|_| with != LOCAL) else { return };
        let member = record.member.clone();
        let (now, until) = (self.now, self.now + self.protocol.probe_timeout);
        let greetings = &mut self.state.repair.greetings;
        greetings.retain(|_, greeting| greeting.until > now);
        if greetings.len() >= GREETINGS_MAX || !member.state().is_present() {
            return;
        }
        let seq = self.next_seq() | QUIET;
        self.state.repair.greetings.insert(seq, Greeting { with, until, passes_on });
        let ((source, source_port), own) = (self.own_addr(), Arc::clone(&self.name));
        let (node, source_addr) = (member.name(), source.as_bytes());
        let ping = Ping { seq, node, source_addr, source_port, source_node: &own };
        self.send_with_crc(member.addr(), false, &Message::Ping(ping));
    }

    /// As above, of the member at that address; and tells what this node has.
    pub(in crate::membership) fn greet_seed(&mut self, addr: SocketAddr, passes_on: bool) {
        if let Some(slot) = self.roster.find_addr(addr) {
            self.greet(slot, passes_on);
        }
        if self.state.spaces.own().space().mark().version > 0 {
            self.spread_state(&self.name.clone(), Mark::default());
        }
    }

    /// An answer to such a ping; whether it was one.
    pub(in crate::membership) fn greeting_answered(&mut self, ack: &Ack<'_>) -> bool {
        let Some(greeting) = self.state.repair.greetings.remove(&ack.seq) else { return false };
        let to = self.roster.get(greeting.with).map(|record| record.member.addr());
        if let Some(to) = to {
            self.repair(greeting.with, to, ack.payload, Some(greeting.passes_on));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_found_at_the_end_only() {
        let own = Mark { epoch: 0x0102_0304_0506_0708, version: 9 };
        let signature = Signature { own, fingerprint: 7 };
        let mut payload = b"own".to_vec();
        signature.encode(&mut payload);
        assert_eq!(Signature::split(&payload), (&b"own"[..], Some(signature)));
        payload.push(0);
        assert_eq!(Signature::split(&payload), (&payload[..], None));
        for short in [&b""[..], &MAGIC, &[&[1; 24][..], &MAGIC].concat()] {
            assert_eq!(Signature::split(short), (short, None));
        }
    }

    #[test]
    fn who_differs_compares_once_it_lasts_and_ever_more_rarely() {
        let ms = |ms: u64| Instant::from_nanos(ms * 1_000_000);
        let mut repair = Repair::default();
        repair.note(ms(10_000), 7);
        assert!(!repair.differs(ms(10_100), 8), "it may be under way");
        assert!(!repair.differs(ms(10_600), 7));
        assert!(repair.differs(ms(10_600), 8));
        repair.compared = ms(10_600);
        repair.compared(false);
        assert!(!repair.differs(ms(12_500), 8));
        assert!(repair.differs(ms(12_700), 8));
        // Where something always is under way, a difference from all is one all the same.
        repair.note(ms(12_800), 9);
        assert!(repair.differs(ms(12_900), 8));
        assert!(!repair.differs(ms(12_900), 9));
        assert!(!repair.differs(ms(13_000), 8));
    }
}
