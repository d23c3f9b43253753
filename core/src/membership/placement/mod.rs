//! The ring, as far as others are concerned with it: whether theirs is the same, and slots that
//! change hands.
//!
//! Members that have a ring add its fingerprint to their answers to pings. While members come and
//! go, rings differ for a moment and nobody is told; a difference between two rings of which
//! neither has changed for a while means that options or overrides differ, or what the two see.

mod handing;
mod handoff;

use std::collections::BTreeMap;
use std::time::Duration;

use self::handoff::Handoff;

use crate::event::WarningCode;
use crate::membership::Membership;
use crate::membership::roster::Slot;
use crate::ring::RingChange;
use crate::time::Instant;

/// What is known of rings: nothing, until somebody asks for one.
#[derive(Debug)]
pub(in crate::membership) struct Placements {
    own: Option<Own>,
    /// From the first ring or question on, unless this node does without.
    handoff: Option<Box<Handoff>>,
    /// When the node was started, and the microseconds since 2024 then.
    started: (Instant, u64),
    /// Of whom a difference was told, and the fingerprints: theirs and ours.
    told: BTreeMap<Slot, (u64, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Own {
    fingerprint: u64,
    since: Instant,
}

/// What a member says of its ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Signature {
    fingerprint: u64,
    /// The greatest epoch that it knows; 0 without hand-offs.
    epoch: u64,
    /// It has not changed for a while.
    settled: bool,
}

/// Ends an answer's payload, in front of what is known of broadcasts: the fingerprint, an epoch, a
/// byte of flags, and this.
const MAGIC: [u8; 4] = [0xc1, b'c', b'w', 3];
const SETTLED: u8 = 1;
/// Of the time between two exchanges of states, which repair what gossip has missed, the part after
/// which a ring that has not changed is settled.
const SETTLES: u32 = 3;
/// The same where there are no such exchanges.
const SETTLES_ALONE: Duration = Duration::from_secs(10);

impl Signature {
    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.fingerprint.to_be_bytes());
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.push(if self.settled { SETTLED } else { 0 });
        out.extend_from_slice(&MAGIC);
    }

    /// A payload without the signature at its end, and the signature. Flags that are not known are
    /// left to later versions.
    fn split(payload: &[u8]) -> (&[u8], Option<Self>) {
        let split = || {
            let (flags, rest) = payload.strip_suffix(&MAGIC)?.split_last()?;
            let (rest, epoch) = rest.split_last_chunk()?;
            let (own, fingerprint) = rest.split_last_chunk()?;
            let [fingerprint, epoch] = [fingerprint, epoch].map(|bytes| u64::from_be_bytes(*bytes));
            Some((own, Self { fingerprint, epoch, settled: flags & SETTLED != 0 }))
        };
        split().map_or((payload, None), |(own, signature)| (own, Some(signature)))
    }
}

impl Placements {
    /// Of a node that is started now, in microseconds since 2024.
    pub(in crate::membership) fn new(now: Instant, micros: u64) -> Self {
        Self { own: None, handoff: None, started: (now, micros), told: BTreeMap::new() }
    }

    /// Begins to take part in hand-offs, unless this node does without.
    fn take_part(&mut self, name: &str, timeout: Duration) {
        if self.handoff.is_none() && timeout > Duration::ZERO {
            let (_, micros) = self.started;
            self.handoff = Some(Box::new(Handoff::new(name.to_owned(), timeout, micros)));
        }
    }

    /// Microseconds since 2024, from which epochs are made.
    pub(in crate::membership) fn clock(&self, now: Instant) -> u64 {
        let (started, micros) = self.started;
        let open = u64::try_from(now.since(started).as_micros()).unwrap_or(u64::MAX);
        micros.saturating_add(open)
    }
}

impl Membership {
    /// This node has another ring.
    pub(in crate::membership) fn place(&mut self, change: &RingChange) {
        let fingerprint = change.after().fingerprint();
        self.placements.own = Some(Own { fingerprint, since: self.now });
        self.hand_off(change);
    }

    /// What this node says of its ring.
    fn signature(&self) -> Option<Signature> {
        let own = self.placements.own?;
        let while_ = match self.protocol.push_pull_interval {
            Duration::ZERO => SETTLES_ALONE,
            interval => interval / SETTLES,
        };
        let settled = self.now >= own.since + while_;
        let epoch = self.placements.handoff.as_ref().map_or(0, |handoff| handoff.epoch());
        Some(Signature { fingerprint: own.fingerprint, epoch, settled })
    }

    /// Adds that to an answer to a ping.
    pub(in crate::membership) fn sign_ring(&self, payload: &mut Vec<u8>) {
        if let Some(signature) = self.signature() {
            signature.encode(payload);
        }
    }

    /// Compares the ring of a member that answered a ping; what is left of the payload.
    pub(in crate::membership) fn compare_rings<'a>(
        &mut self,
        slot: Slot,
        payload: &'a [u8],
    ) -> &'a [u8] {
        let (own, theirs) = Signature::split(payload);
        let (Some(theirs), Some(ours)) = (theirs, self.signature()) else { return own };
        self.hear_epoch(theirs.epoch);
        if theirs.fingerprint == ours.fingerprint {
            self.placements.told.remove(&slot);
        } else if theirs.settled && ours.settled {
            self.stats.ring_mismatches += 1;
            self.tell_mismatch(slot, theirs.fingerprint, ours.fingerprint);
        }
        own
    }

    /// Once for each member and pair of rings.
    fn tell_mismatch(&mut self, slot: Slot, theirs: u64, ours: u64) {
        let pair = (theirs, ours);
        if self.placements.told.insert(slot, pair) == Some(pair) {
            return;
        }
        let Some(name) = self.roster.get(slot).map(|record| record.member.name().to_owned()) else {
            return;
        };
        let text = format!(
            "its ring is {theirs:016x} and this node's is {ours:016x}, so they disagree on who \
             owns what; compare the options that begin with ring_, the overrides, and whom each \
             of them sees"
        );
        self.warn(WarningCode::RingMismatch, &name, || text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_found_at_the_end_only() {
        let signature = Signature { fingerprint: 0x0102_0304_0506_0708, epoch: 9, settled: true };
        let mut payload = b"own".to_vec();
        signature.encode(&mut payload);
        assert_eq!(Signature::split(&payload), (&b"own"[..], Some(signature)));
        payload.push(0);
        assert_eq!(Signature::split(&payload), (&payload[..], None));
        for short in
            [&b""[..], &MAGIC, &[&[1][..], &MAGIC].concat(), &[&[1; 16][..], &MAGIC].concat()]
        {
            assert_eq!(Signature::split(short), (short, None));
        }
    }
}
