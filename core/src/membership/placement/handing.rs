//! Between hand-offs and the rest of a node: users, other members, and time.

use std::sync::Arc;
use std::time::Duration;

use super::handoff::{Act, Moment, Others};
use crate::engine::Reply;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, HandoffAcquired, HandoffPrepared};
use crate::membership::Membership;
use crate::membership::gossip::understands_crc;
use crate::membership::roster::{LOCAL, Roster};
use crate::membership::timer::Timer;
use crate::ring::RingChange;
use crate::wire::{ENVELOPE_NAME_MAX, HandoffKind, HandoffMessage, Message, encode_stream_user};

/// The others, as the hand-offs see them.
struct Seen<'r>(&'r Roster);

impl Others for Seen<'_> {
    fn is_present(&self, name: &str) -> bool {
        let record = self.0.find(name).and_then(|slot| self.0.get(slot));
        record.is_some_and(|record| record.member.state().is_present())
    }

    fn is_known(&self, name: &str) -> bool {
        self.0.find(name).is_some()
    }

    fn names(&self) -> Vec<String> {
        let others = self.0.slots().filter(|(slot, _)| *slot != LOCAL);
        let present = others.filter(|(_, record)| record.member.state().is_present());
        present.map(|(_, record)| record.member.name().to_owned()).collect()
    }
}

impl Membership {
    /// The ring is another one: slots may change hands.
    pub(super) fn hand_off(&mut self, change: &RingChange) {
        let timeout = self.protocol.handoff_timeout;
        if timeout == Duration::ZERO {
            return;
        }
        let at = self.moment();
        self.placements.take_part(&self.name, timeout);
        let Some(handoff) = &mut self.placements.handoff else { return };
        let acts = handoff.place(at, change, &Seen(&self.roster));
        self.act(acts);
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, clock: self.placements.clock(self.now) }
    }

    /// A member knows that epoch.
    pub(super) fn hear_epoch(&mut self, epoch: u64) {
        let at = self.moment();
        if let Some(handoff) = &mut self.placements.handoff {
            handoff.hear(epoch, at.clock);
        }
    }

    /// A user has released the slots of a hand-off.
    pub(in crate::membership) fn release(&mut self, id: u64) -> Result<Reply> {
        let (at, own) = (self.moment(), self.placements.handoff.as_mut());
        let Some(acts) = own.and_then(|own| own.release(at, id)) else {
            let text = format!("no hand-off {id} waits to be released; its time may be over");
            return Err(Error::new(ErrorKind::BadArgument, text));
        };
        self.act(acts);
        Ok(Reply::Done)
    }

    /// Whether a user message is about hand-offs; it is heeded then.
    pub(in crate::membership) fn on_handoff(&mut self, payload: &[u8]) -> bool {
        if !HandoffMessage::is_one(payload) {
            return false;
        }
        match HandoffMessage::decode(payload) {
            Ok(message) if Seen(&self.roster).is_present(message.sender) => {
                self.hear_of_slots(&message)
            }
            Ok(_) => self.stats.messages_refused += 1,
            Err(_) => self.stats.packets_malformed += 1,
        }
        true
    }

    fn hear_of_slots(&mut self, message: &HandoffMessage<'_>) {
        let at = self.moment();
        let HandoffMessage { kind, epoch, ring, sender, other, slots } = message;
        let others = &Seen(&self.roster);
        // What it says now counts once it has a ring.
        self.placements.take_part(&self.name, self.protocol.handoff_timeout);
        let own = self.placements.handoff.as_mut();
        if own.is_some_and(|handoff| !handoff.hear(*epoch, at.clock)) {
            self.stats.messages_refused += 1;
            return;
        }
        let acts = match (&mut self.placements.handoff, kind) {
            (None, HandoffKind::Ask) => {
                let (to, slots) = ((*sender).to_owned(), slots.clone());
                let kind = HandoffKind::Unheeded;
                vec![Act::Say { to, kind, epoch: 0, other: String::new(), slots }]
            }
            (None, _) => Vec::new(),
            (Some(handoff), kind) => match kind {
                HandoffKind::Ask => handoff.asked(at, sender, slots),
                HandoffKind::Released => {
                    handoff.granted(at, (sender, *epoch, *ring), slots, others)
                }
                HandoffKind::Never => handoff.denied(at, (sender, *ring), slots, others),
                HandoffKind::Unheeded => handoff.unheeded(at, sender, slots, others),
                HandoffKind::Late => handoff.overdue(at, sender, slots),
                HandoffKind::Elsewhere => {
                    handoff.elsewhere(at, (sender, *ring), (other, *epoch), slots, others)
                }
            },
        };
        self.act(acts);
    }

    /// Time has come for hand-offs.
    pub(in crate::membership) fn handoff_due(&mut self) {
        let at = self.moment();
        let Some(handoff) = &mut self.placements.handoff else { return };
        let acts = handoff.on_time(at, &Seen(&self.roster));
        self.act(acts);
    }

    fn act(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Prepare { id, peer, slots, epoch } => {
                    let (slots, timeout) = (slots.into(), self.protocol.handoff_timeout);
                    let prepared = HandoffPrepared { id, peer, slots, epoch, timeout };
                    self.event(EventKind::HandoffPrepare(Arc::new(prepared)));
                }
                Act::Acquired { peer, slots, epoch, clean } => {
                    let acquired = HandoffAcquired { peer, slots: slots.into(), epoch, clean };
                    self.event(EventKind::HandoffAcquired(Arc::new(acquired)));
                }
                Act::Say { to, kind, epoch, other, slots } => {
                    let sender = &*self.name.clone();
                    let other = other.as_str();
                    let ring = self.placements.own.map_or(0, |own| own.fingerprint);
                    let message = HandoffMessage { kind, epoch, ring, sender, other, slots };
                    self.say_of_slots(&to, &message);
                }
            }
        }
        if let Some(handoff) = &self.placements.handoff {
            self.stats.handoffs_unclean = handoff.unclean;
            self.stats.handoffs_late = handoff.late;
            self.stats.handoffs_forgotten = handoff.forgotten;
            self.timers.set(Timer::Handoff, handoff.next());
        }
    }

    /// In a datagram if it fits; questions are asked again, so one that is lost is not missed.
    fn say_of_slots(&mut self, to: &str, message: &HandoffMessage<'_>) {
        let Some(record) = self.roster.find(to).and_then(|slot| self.roster.get(slot)) else {
            return;
        };
        let (addr, crc) = (record.member.addr(), understands_crc(record));
        if message.sender.len().max(message.other.len()) > ENVELOPE_NAME_MAX {
            return;
        }
        let mut payload = Vec::new();
        message.encode(&mut payload);
        if payload.len() <= self.user_room(crc) {
            return self.send_with_crc(addr, crc, &Message::User(&payload));
        }
        let mut bytes = Vec::with_capacity(payload.len() + 32);
        encode_stream_user(&payload, &mut bytes);
        self.open_unasked(addr, bytes);
    }
}
