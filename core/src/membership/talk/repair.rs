//! Broadcasts that gossip has missed.
//!
//! Gossip sends each message a limited number of times, so with some loss somebody misses one. As
//! long as there are recent broadcasts, answers to pings say which ones are known; whoever pinged
//! sends what is missing. Every member is pinged about once an interval, so that is how long it
//! takes. Without recent broadcasts, answers are as short as ever.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::super::broadcast::Parts;
use super::super::gossip::understands_crc;
use super::super::roster::Slot;
use crate::membership::Membership;
use crate::time::Instant;
use crate::wire::{BroadcastKind, COMPOUND_OVERHEAD, Envelope, MAX_PARTS, PART_OVERHEAD};

/// Broadcasts that are kept for those who missed them.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    kept: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    since: Instant,
    run: u32,
    seq: u32,
    /// The whole user message.
    message: Box<[u8]>,
}

impl Kept {
    /// Whether it has the same sender and name; unique ones have none.
    fn is_about(&self, envelope: &Envelope<'_>) -> bool {
        // Rarely more than a comparison: the name is where it was encoded.
        envelope.kind != BroadcastKind::Unique
            && self.run == envelope.run
            && self.message.get(1..).and_then(|bytes| Envelope::decode(bytes).ok()).is_some_and(
                |kept| kept.kind != BroadcastKind::Unique && kept.name == envelope.name,
            )
    }
}

/// How long a broadcast is kept.
const KEEP: Duration = Duration::from_secs(60);
/// How long one is sent to those of whom it is not known that they say what they know.
const KEEP_FOR_STRANGERS: Duration = Duration::from_secs(10);
const KEPT_MAX: usize = 256;
const KEPT_BYTES: usize = 256 * 1024;

/// Ends an answer's payload: what is known, how many entries that has, and this.
const MAGIC: [u8; 4] = [0xc1, b'c', b'w', 2];
const ENTRIES_MAX: usize = 20;
const ENTRY: usize = 12;

/// What somebody knows of one run of a sender: the newest number, and which of the 32 before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    run: u32,
    newest: u32,
    before: u32,
}

impl Entry {
    fn note(&mut self, seq: u32) {
        if seq > self.newest {
            let shift = seq - self.newest;
            let known = self.before.checked_shl(shift).unwrap_or(0);
            self.before = known | 1_u32.checked_shl(shift - 1).unwrap_or(0);
            self.newest = seq;
        } else if let Some(bit) = (self.newest - seq).checked_sub(1) {
            self.before |= 1_u32.checked_shl(bit).unwrap_or(0);
        }
    }

    /// Older ones than it tells of count as known.
    fn holds(&self, seq: u32) -> bool {
        match self.newest.checked_sub(seq) {
            None => false,
            Some(0) => true,
            Some(back) => 1_u32.checked_shl(back - 1).is_none_or(|bit| self.before & bit != 0),
        }
    }
}

impl Recent {
    /// Keeps a broadcast for a while: of a name, the newest one. Whether it is that.
    pub(crate) fn keep(&mut self, now: Instant, envelope: &Envelope<'_>, message: &[u8]) -> bool {
        self.expire(now);
        let Envelope { run, seq, .. } = *envelope;
        if let Some(place) = self.kept.iter().position(|kept| kept.is_about(envelope)) {
            if self.kept.get(place).is_some_and(|kept| kept.seq > seq) {
                return false;
            }
            let older = self.kept.remove(place);
            self.bytes -= older.map_or(0, |kept| kept.message.len());
        }
        self.bytes += message.len();
        self.kept.push_back(Kept { since: now, run, seq, message: message.into() });
        while self.kept.len() > KEPT_MAX || self.bytes > KEPT_BYTES {
            self.drop_first();
        }
        true
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        while self.kept.front().is_some_and(|kept| kept.since + KEEP <= now) {
            self.drop_first();
        }
        if self.kept.is_empty() {
            self.kept = VecDeque::new();
        }
    }

    fn drop_first(&mut self) {
        if let Some(kept) = self.kept.pop_front() {
            self.bytes -= kept.message.len();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What is known, newest senders first, for the end of an answer's payload.
    pub(crate) fn digest(&self, out: &mut Vec<u8>) {
        let mut entries: Vec<Entry> = Vec::new();
        for kept in self.kept.iter().rev() {
            if let Some(entry) = entries.iter_mut().find(|entry| entry.run == kept.run) {
                entry.note(kept.seq);
            } else if entries.len() < ENTRIES_MAX {
                entries.push(Entry { run: kept.run, newest: kept.seq, before: 0 });
            }
        }
        for entry in &entries {
            for number in [entry.run, entry.newest, entry.before] {
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
        out.push(entries.len() as u8);
        out.extend_from_slice(&MAGIC);
    }
}

/// A payload without the digest at its end, and the digest.
fn split(payload: &[u8]) -> (&[u8], Option<Vec<Entry>>) {
    let split = || {
        let (count, rest) = payload.strip_suffix(&MAGIC)?.split_last()?;
        let at = rest.len().checked_sub(usize::from(*count) * ENTRY)?;
        let (own, entries) = rest.split_at_checked(at)?;
        let (entries, _) = entries.as_chunks::<ENTRY>();
        let number = |bytes: &[u8], at: usize| {
            let bytes = bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
            bytes.map_or(0, u32::from_be_bytes)
        };
        let entry = |bytes: &[u8; ENTRY]| Entry {
            run: number(bytes, 0),
            newest: number(bytes, 4),
            before: number(bytes, 8),
        };
        (usize::from(*count) <= ENTRIES_MAX).then(|| (own, entries.iter().map(entry).collect()))
    };
    split().map_or((payload, None), |(own, entries)| (own, Some(entries)))
}

impl Membership {
    /// What an answer to a ping carries.
    pub(crate) fn answer_payload(&mut self) -> Vec<u8> {
        let mut payload = self.serf_payload().to_vec();
        payload.extend_from_slice(self.round_trips.own());
        self.sign_state(&mut payload);
        self.sign_ring(&mut payload);
        self.talk.recent.expire(self.now);
        if !self.talk.recent.is_empty() {
            self.talk.recent.digest(&mut payload);
        }
        payload
    }

    /// A member answered a ping: sends what it does not know. What is left of the payload is the
    /// user's. With a `greeting`, states were exchanged before, and spaces are compared at once;
    /// it is whether others are told of what that brings.
    pub(crate) fn repair<'a>(
        &mut self,
        slot: Slot,
        to: SocketAddr,
        payload: &'a [u8],
        greeting: Option<bool>,
    ) -> &'a [u8] {
        let (own, known) = split(payload);
        let own = self.compare_rings(slot, own);
        let own = self.compare_states(slot, own, greeting);
        let Some(record) = self.roster.get_mut(slot) else { return own };
        record.tells_known |= known.is_some();
        if self.talk.recent.is_empty() {
            return own;
        }
        let (ours, crc) = (record.tells_known, understands_crc(record));
        self.talk.recent.expire(self.now);
        let now = self.now;
        let (full, entries) = match &known {
            Some(entries) => (entries.len() == ENTRIES_MAX, &entries[..]),
            None => (false, &[][..]),
        };
        let misses = |kept: &&Kept| match entries.iter().find(|entry| entry.run == kept.run) {
            Some(entry) => !entry.holds(kept.seq),
            None => !full && (ours || now < kept.since + KEEP_FOR_STRANGERS),
        };
        let mut room =
            self.builder.room(self.security.overhead(), crc).saturating_sub(COMPOUND_OVERHEAD);
        let mut parts = Parts::default();
        for kept in self.talk.recent.kept.iter().filter(misses).take(MAX_PARTS) {
            let Some(left) = room.checked_sub(kept.message.len() + PART_OVERHEAD) else { break };
            room = left;
            parts.push(|out| out.extend_from_slice(&kept.message));
        }
        if !parts.is_empty() {
            self.stats.broadcasts_repaired += parts.len() as u64;
            self.send_parts(to, crc, &parts);
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    fn keep(recent: &mut Recent, now: Instant, run: u32, seq: u32) {
        recent.keep(now, &Envelope { run, seq, ..Envelope::default() }, b"message");
    }

    fn digest(recent: &Recent) -> Vec<Entry> {
        let mut payload = b"own".to_vec();
        recent.digest(&mut payload);
        let (own, entries) = split(&payload);
        assert_eq!(own, b"own");
        entries.expect("a digest")
    }

    #[test]
    fn a_digest_tells_which_are_known() {
        let mut recent = Recent::default();
        assert_eq!(digest(&recent), []);
        for seq in [1, 2, 5, 4, 40] {
            keep(&mut recent, at(1), 7, seq);
        }
        keep(&mut recent, at(1), 8, 3);
        let entries = digest(&recent);
        let entry = entries.iter().find(|entry| entry.run == 7).expect("of run 7");
        let known = (1..=50).filter(|seq| entry.holds(*seq)).collect::<Vec<u32>>();
        // Up to 7 is too long ago to be told of.
        assert_eq!(known, [1, 2, 3, 4, 5, 6, 7, 40]);
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn what_is_kept_is_bounded_in_time_number_and_bytes() {
        let mut recent = Recent::default();
        for seq in 0..1_000 {
            keep(&mut recent, at(1), 7, seq);
        }
        assert_eq!(recent.kept.len(), KEPT_MAX);
        recent.keep(at(2), &Envelope::default(), &vec![0; KEPT_BYTES - 1]);
        assert_eq!(recent.kept.len(), 1);
        recent.expire(at(61));
        assert!(!recent.is_empty());
        recent.expire(at(62));
        assert!(recent.is_empty() && recent.bytes == 0);
        for run in 0..100 {
            keep(&mut recent, at(70), run, 1);
        }
        assert_eq!(digest(&recent).len(), ENTRIES_MAX);
    }

    #[test]
    fn other_payloads_are_left_as_they_are() {
        let short = [&[200_u8][..], &MAGIC].concat();
        for payload in [&b""[..], b"x", b"load=3", &MAGIC, &short] {
            assert_eq!(split(payload), (payload, None), "{payload:?}");
        }
    }
}
