//! serf's layer in the membership: what it is told, and how its wishes are granted.
//!
//! The layer exists while this node speaks serf's application versions, and nobody else pays for
//! it. User messages and user state are passed on by the application alone: a member of ours that
//! kept them to itself would leave serf peers behind it in the dark.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use rand::Rng;

use super::Membership;
use super::gossip::understands_crc;
use super::roster::{LOCAL, Record, Slot};
use super::timer::Timer;
use crate::engine::{Reply, RequestId, SerfRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, Queried, UserEvent};
use crate::member::MemberState;
use crate::serf::{Asking, Audience, Question, Refusal, Serf, Topic, Wish, is_spoken};
use crate::wire::{Message, encode_stream_user};

/// The highest first byte of serf's user messages.
const KIND_MAX: u8 = 9;
/// Members that a message too large for a packet is sent to over streams, by each that gets it:
/// with so many, one in 150 misses it until the next exchange of states.
const LARGE_FANOUT: usize = 5;
/// memberlist's protocol version from which on a member relays answers.
const RELAYS_MIN: u8 = 5;

impl Membership {
    /// Begins the layer, or ends it, by the application versions of this node.
    pub(super) fn set_up_serf(&mut self) {
        match (is_spoken(self.local().versions()), &self.serf) {
            (true, None) => {
                let mut serf = Serf::new(self.now, &self.name, self.clocks);
                for record in self.roster.iter().filter(|r| r.member.state().is_present()) {
                    serf.joined(self.now, record.member.name());
                }
                self.serf = Some(Box::new(serf));
            }
            (false, Some(_)) => self.serf = None,
            _ => {}
        }
    }

    /// A user message came; whether it is serf's.
    pub(super) fn on_serf_message(&mut self, payload: &[u8]) -> bool {
        let Some(serf) = &mut self.serf else { return false };
        if payload.first().is_none_or(|kind| *kind > KIND_MAX) {
            return false;
        }
        if serf.on_message(self.now, self.roster.local(), payload).is_err() {
            self.stats.packets_malformed += 1;
        }
        true
    }

    /// A member is here: new, or back.
    pub(super) fn tell_serf_joined(&mut self, name: &str) {
        if let Some(serf) = &mut self.serf {
            serf.joined(self.now, name);
        }
    }

    /// A member is gone: whether it has left, and not failed.
    pub(super) fn has_left(&mut self, name: &str, goodbye: bool) -> bool {
        self.serf.as_mut().map_or(goodbye, |serf| serf.gone(name, goodbye))
    }

    /// Drops what was known about the intents of a member that is forgotten.
    pub(super) fn forget_in_serf(&mut self, slot: Slot, name: &str) {
        if let Some(serf) = &mut self.serf {
            serf.forgotten(name);
            self.broadcasts.drop_about(key(slot));
        }
    }

    /// What goes along with an exchange of states: the layer's state and then the user's, which
    /// serf does not read.
    pub(super) fn user_state(&self) -> Cow<'_, [u8]> {
        let own = self.own_user_state();
        let Some(serf) = &self.serf else { return Cow::Borrowed(own) };
        let mut state = serf.local_state();
        state.extend_from_slice(own);
        Cow::Owned(state)
    }

    /// Takes the layer's part of what came along with an exchange of states; the user's part. When
    /// this node is `joining`, what was said before may be left untold.
    pub(super) fn merge_serf_state<'a>(&mut self, state: &'a [u8], joining: bool) -> &'a [u8] {
        let Some(serf) = self.serf.as_mut().filter(|_| !state.is_empty()) else { return state };
        let ignore_old = joining && !self.protocol.replay_on_join;
        serf.merge_remote_state(self.now, state, ignore_old).unwrap_or_else(|_| {
            self.stats.messages_refused += 1;
            &[]
        })
    }

    /// What an answer to a ping begins with.
    pub(super) fn serf_payload(&mut self) -> &[u8] {
        self.serf.as_mut().map(|serf| serf.ack_payload()).unwrap_or_default()
    }

    /// Takes the layer's part of an answer to a ping; the rest of it.
    pub(super) fn measure_in_serf<'a>(
        &mut self,
        slot: Slot,
        span: Duration,
        payload: &'a [u8],
    ) -> &'a [u8] {
        match (&mut self.serf, self.roster.get(slot)) {
            (Some(serf), Some(record)) => {
                serf.on_ack(record.member.name(), span, payload, &mut self.rng)
            }
            _ => payload,
        }
    }

    pub(super) fn on_serf_request(&mut self, id: RequestId, request: SerfRequest) {
        let Some(serf) = &mut self.serf else {
            let message = "this node does not speak serf: start it with delegate_versions 2,5,5, \
                           or join a cluster that does";
            return self.reply(id, Err(Error::new(ErrorKind::Unsupported, message)));
        };
        let result = match request {
            SerfRequest::Query(question) => match self.ask(id, &question) {
                // The reply comes when it is over.
                Ok(()) => return,
                Err(error) => Err(error),
            },
            SerfRequest::UserEvent { name, payload, coalesce } => {
                self.tell_everybody(&name, &payload, coalesce)
            }
            SerfRequest::Respond { query, payload } => {
                serf.respond(self.now, query, &payload).map_err(refused).map(|()| Reply::Done)
            }
            SerfRequest::ForceLeave { name, prune } => self.force_leave(&name, prune),
            SerfRequest::Coordinate => Ok(Reply::Coordinate(*serf.own_coordinate())),
            SerfRequest::Distance(from, to) => self.distance(&from, &to),
        };
        self.reply(id, result);
    }

    fn tell_everybody(&mut self, name: &str, payload: &[u8], coalesce: bool) -> Result<Reply> {
        let limit = self.protocol.user_event_size_limit;
        self.check_user_queue()?;
        let Some(serf) = &mut self.serf else { return Ok(Reply::Done) };
        serf.user_event(name, payload, coalesce, limit).map_err(refused).map(|()| Reply::Done)
    }

    fn ask(&mut self, id: RequestId, question: &Question) -> Result<()> {
        let audience = Audience::of(question)
            .map_err(|why| Error::new(ErrorKind::BadArgument, format!("no expression: {why}")))?;
        self.check_user_queue()?;
        let present = || self.roster.iter().filter(|r| r.member.state().is_present());
        let meant = present().filter(|record| audience.includes(&record.member));
        let expected = meant.map(|record| record.member.name().into()).collect();
        let timeout = question.timeout.unwrap_or_else(|| {
            Serf::default_timeout(self.protocol.gossip_interval, self.roster.present())
        });
        let number = self.rng.next_u32();
        let asking = Asking::of(question, (id.0, number), timeout, expected);
        let Some(serf) = &mut self.serf else { return Ok(()) };
        serf.ask(self.now, self.roster.local(), question, asking).map_err(refused)
    }

    /// Peers may remember a member that this node has forgotten.
    fn force_leave(&mut self, name: &str, prune: bool) -> Result<Reply> {
        if self.member(name).is_some_and(|member| member.state().is_present()) {
            let message =
                format!("\"{name}\" is present; only who has failed can be made to leave");
            return Err(Error::new(ErrorKind::BadArgument, message));
        }
        if let Some(serf) = &mut self.serf {
            serf.force_leave(self.now, name, prune);
        }
        Ok(Reply::Done)
    }

    fn distance(&self, from: &str, to: &str) -> Result<Reply> {
        let place = |name: &str| {
            let found = self.serf.as_ref().and_then(|serf| serf.coordinate(name));
            found.ok_or_else(|| {
                let message = format!("where \"{name}\" stands is not known, or not known yet");
                Error::new(ErrorKind::UnknownMember, message)
            })
        };
        Ok(Reply::Distance(place(from)?.distance_to(place(to)?)))
    }

    pub(super) fn serf_timer(&mut self) {
        if let Some(serf) = &mut self.serf {
            serf.on_timer(self.now);
        }
    }

    /// Does what the layer asks for.
    pub(super) fn grant_wishes(&mut self) {
        while let Some(wish) = self.serf.as_mut().and_then(|serf| serf.poll()) {
            self.grant(wish);
        }
        if let Some(serf) = &self.serf {
            self.timers.set(Timer::Query, serf.deadline());
        }
    }

    fn grant(&mut self, wish: Wish) {
        match wish {
            Wish::Spread { topic, payload } => self.spread_serf(&topic, &payload),
            Wish::Send { to, node, payload } => self.send_serf(to, &node, &payload),
            Wish::Relay { through, except, payload } => self.send_relay(through, &except, &payload),
            Wish::UserEvent { name, ltime, payload, coalesce } => {
                let event = UserEvent { name, ltime, payload: payload.into(), coalesce };
                self.event(EventKind::UserEvent(event.into()));
            }
            Wish::Query { id, from, name, payload, timeout } => {
                let payload = payload.into();
                let query = Queried { id, sender: from, name, payload, timeout };
                self.event(EventKind::Query(query.into()));
            }
            Wish::Answers { token, answers } => {
                self.reply(RequestId(token), Ok(Reply::Answers(answers)));
            }
            Wish::Departed(name) => self.departed(&name),
            Wish::Prune(name) => self.prune(&name),
            Wish::Keyring { query, op, key } => {
                let outcome = self.change_keys_for_all(op, &key);
                if let Some(serf) = &mut self.serf {
                    serf.answer_keys(self.now, query, &outcome);
                }
            }
            Wish::WhoHolds { query, name } => {
                let holder = self.member(&name).cloned();
                if let Some(serf) = &mut self.serf {
                    serf.answer_holder(self.now, query, holder.as_ref());
                }
            }
        }
    }

    fn spread_serf(&mut self, topic: &Topic, payload: &[u8]) {
        // An intent goes with the news of its member, beside it and not in its place.
        if let Topic::Intent(name) = topic
            && let Some(slot) = self.roster.find(name)
        {
            return self.spread(key(slot), &Message::User(payload));
        }
        if payload.len() > self.user_room(true) {
            return self.send_large(payload);
        }
        let mut bytes = Vec::with_capacity(payload.len() + 1);
        Message::User(payload).encode(&mut bytes);
        self.queue_unique(bytes);
    }

    /// What fits into no packet goes over streams to some, who do the same.
    fn send_large(&mut self, payload: &[u8]) {
        let alive = |record: &Record| record.member.state() == MemberState::Alive;
        for slot in self.roster.pick(LARGE_FANOUT, &mut self.rng, alive) {
            let Some(record) = self.roster.get(slot) else { continue };
            let to = record.member.addr();
            let mut bytes = Vec::with_capacity(payload.len() + 32);
            encode_stream_user(payload, &mut bytes);
            self.open_unasked(to, bytes);
        }
    }

    /// Sends an answer: to members only, lest strangers make everybody send to anybody.
    fn send_serf(&mut self, to: SocketAddr, node: &str, payload: &[u8]) {
        if to == self.local().addr() {
            // Passed on to this node by itself.
            self.on_serf_message(payload);
            return;
        }
        let named = self.roster.find(node).and_then(|slot| self.roster.get(slot));
        let named = named.filter(|record| record.member.addr() == to);
        let found = named.or_else(|| self.roster.iter().find(|r| r.member.addr() == to));
        match found.map(understands_crc) {
            Some(crc) if payload.len() <= self.user_room(crc) => {
                self.send_with_crc(to, crc, &Message::User(payload));
            }
            _ => self.stats.messages_refused += 1,
        }
    }

    fn send_relay(&mut self, through: u8, except: &str, payload: &[u8]) {
        if payload.len() > self.user_room(true) {
            self.stats.messages_refused += 1;
            return;
        }
        let relays = |record: &Record| {
            let [_, protocol_max, ..] = record.member.versions();
            record.member.state() == MemberState::Alive
                && protocol_max >= RELAYS_MIN
                && record.member.name() != except
        };
        for slot in self.roster.pick(through.into(), &mut self.rng, relays) {
            let Some(record) = self.roster.get(slot) else { continue };
            let (to, crc) = (record.member.addr(), understands_crc(record));
            self.send_with_crc(to, crc, &Message::User(payload));
        }
    }

    /// A member that had failed is taken for one that has left.
    fn departed(&mut self, name: &str) {
        self.give_up(name);
        let Some(slot) = self.roster.find(name).filter(|slot| *slot != LOCAL) else { return };
        let Some(record) = self.roster.get(slot) else { return };
        if record.member.state() != MemberState::Failed {
            return;
        }
        let incarnation = record.member.incarnation();
        if let Some(member) = self.turn(slot, MemberState::Left, incarnation) {
            self.event(EventKind::MemberLeave(member));
        }
    }

    /// A member that is gone is forgotten at once.
    fn prune(&mut self, name: &str) {
        let Some(slot) = self.roster.find(name).filter(|slot| *slot != LOCAL) else { return };
        let gone = self.roster.get(slot).is_some_and(|r| !r.member.state().is_present());
        if gone {
            self.remove(slot);
        }
    }
}

fn refused(refusal: Refusal) -> Error {
    let (kind, message) = match refusal {
        Refusal::TooLarge(bytes, limit) => {
            (ErrorKind::TooLarge, format!("that has {bytes} bytes and may have {limit}"))
        }
        Refusal::Late => {
            let message = "the query is over, or was answered already; nothing was sent";
            (ErrorKind::Timeout, message.to_owned())
        }
        Refusal::Busy => {
            let message = "too many queries of this node are under way; ask less often";
            (ErrorKind::Overloaded, message.to_owned())
        }
    };
    Error::new(kind, message)
}

/// Where the intent of a member stands in the queue: beside the other news of it, not in its place.
const fn key(slot: Slot) -> Slot {
    Slot::MAX - slot
}
