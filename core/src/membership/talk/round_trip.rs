//! How long members take to answer, and what they add to their answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::engine::{Reply, RequestId, RoundTrip};
use crate::error::{Error, ErrorKind};
use crate::member::MemberState;
use crate::membership::Membership;
use crate::membership::roster::Slot;
use crate::membership::timer::Due;
use crate::time::Instant;
use crate::wire::Ack;

/// What the answers of members tell.
#[derive(Debug, Default)]
pub(crate) struct RoundTrips {
    /// Pings that somebody asked for.
    asked: BTreeMap<u32, Asked>,
    /// What members added to their last answers, where they added anything.
    payloads: BTreeMap<Slot, Box<[u8]>>,
    /// What this node adds to its own.
    own: Box<[u8]>,
}

/// A ping that a user asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    id: RequestId,
    slot: Slot,
    sent: Instant,
    deadline: Instant,
}

/// Bytes that a node may add to its answers, as many as to its announcements.
const PAYLOAD_MAX: usize = 512;
/// Weight of a new measurement in the smoothed one: TCP's (RFC 6298).
const WEIGHT: u32 = 8;

impl RoundTrips {
    pub(crate) fn own(&self) -> &[u8] {
        &self.own
    }

    pub(crate) fn payload(&self, slot: Slot) -> &[u8] {
        self.payloads.get(&slot).map(|bytes| &**bytes).unwrap_or_default()
    }

    pub(crate) fn forget(&mut self, slot: Slot) {
        self.payloads.remove(&slot);
    }
}

/// A measurement smoothed with those before it; zero is none.
pub(crate) fn smooth(before: Duration, measured: Duration) -> Duration {
    match before {
        Duration::ZERO => measured,
        before => (before * (WEIGHT - 1) + measured) / WEIGHT,
    }
}

impl Membership {
    /// Replaces what this node adds to its answers.
    pub(crate) fn set_ping_payload(&mut self, payload: Vec<u8>) -> crate::error::Result<Reply> {
        super::fits("payload of a ping", payload.len(), PAYLOAD_MAX)?;
        self.round_trips.own = payload.into();
        Ok(Reply::Done)
    }

    /// Pings a member because a user wants to know.
    pub(crate) fn ping(&mut self, id: RequestId, name: &str) {
        let found = self.roster.find(name);
        let member = found.and_then(|slot| Some((slot, self.roster.get(slot)?.member.clone())));
        let Some((slot, member)) = member.filter(|(_, member)| member.state().is_present()) else {
            let message = format!("no present member is called \"{name}\"; see members()");
            return self.reply(id, Err(Error::new(ErrorKind::UnknownMember, message)));
        };
        let (seq, deadline) = (self.next_seq(), self.now + self.protocol.probe_timeout);
        let asked = Asked { id, slot, sent: self.now, deadline };
        self.round_trips.asked.insert(seq, asked);
        self.timers.add(Due::Ping(seq), deadline);
        self.send_ping(seq, name, member.addr(), MemberState::Alive, member.incarnation());
    }

    /// An answer to such a ping; whether it was one.
    pub(crate) fn ping_answered(&mut self, from: SocketAddr, ack: &Ack<'_>) -> bool {
        let Some(asked) = self.round_trips.asked.remove(&ack.seq) else { return false };
        let span = self.now.since(asked.sent);
        let payload = self.repair(asked.slot, from, ack.payload, None);
        self.measured(asked.slot, span, payload);
        self.reply(asked.id, Ok(Reply::Ponged(span)));
        true
    }

    pub(crate) fn ping_timed_out(&mut self, seq: u32) {
        let late = |asked: &Asked| asked.deadline <= self.now;
        if !self.round_trips.asked.get(&seq).is_some_and(late) {
            return;
        }
        let Some(asked) = self.round_trips.asked.remove(&seq) else { return };
        let message = format!("no answer within {:?}", self.protocol.probe_timeout);
        self.reply(asked.id, Err(Error::new(ErrorKind::Timeout, message)));
    }

    /// What the answers of a member told.
    pub(crate) fn round_trip(&self, name: &str) -> crate::error::Result<Reply> {
        let found = self.roster.find(name);
        let Some((slot, record)) = found.and_then(|slot| Some((slot, self.roster.get(slot)?)))
        else {
            let message = format!("nobody is remembered by the name \"{name}\"");
            return Err(Error::new(ErrorKind::UnknownMember, message));
        };
        let smoothed = Some(record.round_trip()).filter(|span| *span > Duration::ZERO);
        let payload = self.round_trips.payload(slot).to_vec();
        Ok(Reply::RoundTrip(RoundTrip { smoothed, payload }))
    }

    /// A member answered after that time.
    pub(crate) fn measured(&mut self, slot: Slot, span: Duration, payload: &[u8]) {
        self.stats.round_trip(span);
        if let Some(record) = self.roster.get_mut(slot) {
            record.set_round_trip(smooth(record.round_trip(), span));
        }
        let payload = self.measure_in_serf(slot, span, payload);
        if !payload.is_empty() && payload.len() <= PAYLOAD_MAX {
            self.round_trips.payloads.insert(slot, payload.into());
        } else {
            self.round_trips.payloads.remove(&slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_smoothed_from_the_first_on() {
        let ms = Duration::from_millis;
        assert_eq!(smooth(Duration::ZERO, ms(8)), ms(8));
        assert_eq!(smooth(ms(8), ms(16)), ms(9));
    }
}
