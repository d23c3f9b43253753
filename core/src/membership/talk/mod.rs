//! What users say: messages to one member, broadcasts to all, and a state that is handed on with
//! every exchange of states. memberlist's delegate, as values: nothing here calls anybody.

mod heard;
mod repair;
mod round_trip;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use self::heard::{Heard, Verdict};
use self::repair::Recent;
pub(super) use self::round_trip::RoundTrips;
use super::Membership;
use super::broadcast::{Broadcasts, News};
use super::roster::Slot;
use crate::engine::{Broadcast, Delivery, Reply, RequestId};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Broadcasted, EventKind, Message as Heeded, RemoteState};
use crate::wire::{
    BroadcastKind, COMPOUND_OVERHEAD, Envelope, Message, PART_OVERHEAD, encode_stream_user,
};

/// What the users of a node have said, and heard.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// User messages to be gossiped, under numbers of their own.
    queue: Broadcasts,
    last_key: u32,
    /// Where the newest of a sender and name stands in the queue.
    named: BTreeMap<(Box<str>, Box<str>), u32>,
    heard: Heard,
    recent: Recent,
    /// Number of the last broadcast of this node.
    seq: u32,
    /// Handed on with every exchange of states.
    state: Box<[u8]>,
    /// Addresses that messages came from lately, and who has them.
    callers: [Option<(SocketAddr, Slot)>; CALLERS],
}

/// Bytes of user messages that may wait to be gossiped.
const QUEUE_BYTES: usize = 4 << 20;
/// Senders of broadcasts that may be remembered beside the members: the news of a newcomer may come
/// before it does.
const STRANGERS_MAX: usize = 256;
/// The share of a packet that user messages get at least, when some wait: a crowd of members must
/// not keep them waiting for as long as it lasts.
const SHARE: usize = 4;
/// Bytes of a message over a stream; memberlist's own limit.
const MESSAGE_MAX: usize = 20 << 20;
/// Bytes of the state that is handed on; memberlist's own limit.
const STATE_MAX: usize = 20 << 20;
const CALLERS: usize = 4;
/// Places of named messages that are kept after they have been sent, before all are looked through.
const NAMED_KEPT: usize = 32;

impl Talk {
    pub(super) fn queue(&self) -> &Broadcasts {
        &self.queue
    }

    pub(super) fn queue_mut(&mut self) -> &mut Broadcasts {
        &mut self.queue
    }

    /// How many bytes of `room` are kept for user messages.
    pub(super) fn share(&self, room: usize) -> usize {
        match self.queue.is_empty() {
            true => 0,
            false => (room / SHARE).max(self.queue.smallest() + PART_OVERHEAD),
        }
    }

    /// A place in the queue for messages of which the newest counts.
    pub(super) fn new_key(&mut self) -> u32 {
        self.last_key = self.last_key.wrapping_add(1);
        self.last_key
    }

    /// The place of a message in the queue: that of an older one which it replaces, or a new one.
    fn place(&mut self, envelope: &Envelope<'_>) -> u32 {
        self.last_key = self.last_key.wrapping_add(1);
        if envelope.kind == BroadcastKind::Unique {
            return self.last_key;
        }
        if self.named.len() > 2 * self.queue.len() + NAMED_KEPT {
            let queue = &self.queue;
            self.named.retain(|_, key| queue.holds(*key));
        }
        let name = (Box::from(envelope.sender), Box::from(envelope.name));
        *self.named.entry(name).or_insert(self.last_key)
    }
}

impl Membership {
    /// Sends a message to one member.
    pub(super) fn send_user(
        &mut self,
        id: RequestId,
        name: &str,
        payload: &[u8],
        delivery: Delivery,
    ) {
        let known = self.roster.find(name).and_then(|slot| self.roster.get(slot));
        let Some(record) = known.filter(|record| record.member.state().is_present()) else {
            let message = format!("no present member is called \"{name}\"; see members()");
            return self.reply(id, Err(Error::new(ErrorKind::UnknownMember, message)));
        };
        let (to, crc) = (record.member.addr(), super::gossip::understands_crc(record));
        match delivery {
            Delivery::BestEffort => {
                let result = self.send_datagram(to, crc, payload);
                self.reply(id, result);
            }
            Delivery::Reliable => match fits("message", payload.len(), MESSAGE_MAX) {
                Ok(()) => {
                    let mut bytes = Vec::with_capacity(payload.len() + 32);
                    encode_stream_user(payload, &mut bytes);
                    self.stats.user_messages_sent += 1;
                    self.open_user(id, name, to, bytes);
                }
                Err(error) => self.reply(id, Err(error)),
            },
        }
    }

    fn send_datagram(&mut self, to: SocketAddr, crc: bool, payload: &[u8]) -> Result<Reply> {
        // As if in a compound, so that the limit is the same for all that is sent.
        let room = self.user_room(crc);
        fits("datagram", payload.len(), room)?;
        self.stats.user_messages_sent += 1;
        self.send_with_crc(to, crc, &Message::User(payload));
        Ok(Reply::Done)
    }

    /// Bytes of payload that a packet has room for.
    pub(super) fn user_room(&self, crc: bool) -> usize {
        let room = self.builder.room(self.security.overhead(), crc);
        room.saturating_sub(COMPOUND_OVERHEAD + PART_OVERHEAD + 1)
    }

    /// Gossips a message of this node to everybody.
    pub(super) fn broadcast_user(&mut self, broadcast: &Broadcast) -> Result<Reply> {
        let (kind, name) = (broadcast.kind, &*broadcast.name);
        if (kind == BroadcastKind::Unique) != name.is_empty() {
            let message = "a unique broadcast has no name, and every other one has";
            return Err(Error::new(ErrorKind::BadArgument, message));
        }
        fits("name of a broadcast", name.len(), crate::wire::ENVELOPE_NAME_MAX)?;
        let seq = self.talk.seq + 1;
        let own = self.name.clone();
        let payload = &*broadcast.payload;
        let envelope = Envelope { kind, run: self.run, seq, sender: &own, name, payload };
        let mut bytes = Vec::new();
        Message::User(&[]).encode(&mut bytes);
        envelope.encode(&mut bytes);
        let room = self.user_room(true) + 1;
        fits("broadcast, its names included,", bytes.len(), room)?;
        self.check_user_queue()?;
        self.talk.seq = seq;
        self.talk.recent.keep(self.now, &envelope, &bytes);
        self.queue_user(&envelope, bytes);
        Ok(Reply::Done)
    }

    /// Whether one more message of this node may wait to be gossiped.
    pub(super) fn check_user_queue(&self) -> Result<()> {
        let waiting = self.talk.queue.len();
        if waiting < self.queue_max() {
            return Ok(());
        }
        let message = format!("{waiting} messages wait to be gossiped already; send less often");
        Err(Error::new(ErrorKind::Overloaded, message))
    }

    /// Queues a user message that replaces no other, if there is room.
    pub(super) fn queue_unique(&mut self, bytes: Vec<u8>) {
        if self.talk.queue.len() < self.queue_max() {
            let length = bytes.len();
            let key = self.talk.new_key();
            self.talk.queue.push(key, News::Message(bytes.into()), length);
        } else {
            self.stats.broadcasts_unpassed += 1;
        }
    }

    /// Queues a user message in that place, if there is room.
    pub(super) fn talk_keyed(&mut self, key: u32, bytes: Vec<u8>) {
        if self.talk.queue.holds(key) || self.talk.queue.len() < self.queue_max() {
            let length = bytes.len();
            self.talk.queue.push(key, News::Message(bytes.into()), length);
        } else {
            self.stats.broadcasts_unpassed += 1;
        }
    }

    /// Messages that may wait to be gossiped.
    fn queue_max(&self) -> usize {
        QUEUE_BYTES / self.protocol.packet_size.max(1)
    }

    fn queue_user(&mut self, envelope: &Envelope<'_>, bytes: Vec<u8>) {
        let (key, length) = (self.talk.place(envelope), bytes.len());
        self.talk.queue.push(key, News::Message(bytes.into()), length);
    }

    /// A user message came, in a packet or over a stream.
    pub(super) fn on_user(&mut self, from: SocketAddr, payload: &[u8], delivery: Delivery) {
        if Envelope::is_one(payload) {
            match Envelope::decode(payload) {
                Ok(envelope) => self.on_broadcast(&envelope, payload),
                Err(_) => self.stats.packets_malformed += 1,
            }
        } else if !self.on_handoff(payload)
            && !self.on_state_message(from, payload)
            && !self.on_serf_message(payload)
        {
            self.stats.user_messages_received += 1;
            let message = Heeded {
                sender: self.caller(from, delivery),
                addr: from,
                reliable: delivery == Delivery::Reliable,
                payload: payload.into(),
            };
            self.event(EventKind::Message(message.into()));
        }
    }

    /// A broadcast of somebody: told and passed on, unless that happened before.
    fn on_broadcast(&mut self, envelope: &Envelope<'_>, payload: &[u8]) {
        if envelope.sender == &*self.name {
            return;
        }
        match self.talk.heard.note(envelope, self.roster.len() + STRANGERS_MAX) {
            Verdict::New => {}
            Verdict::Again => return,
            Verdict::Late => {
                self.stats.broadcasts_late += 1;
                return;
            }
            Verdict::Full => {
                self.stats.messages_refused += 1;
                return;
            }
        }
        self.stats.broadcasts_received += 1;
        let mut bytes = Vec::with_capacity(payload.len() + 1);
        Message::User(payload).encode(&mut bytes);
        let newest = self.talk.recent.keep(self.now, envelope, &bytes);
        if !newest {
            // It must not take the place of a newer one of its name that still waits.
        } else if self.talk.queue.len() < self.queue_max() {
            self.queue_user(envelope, bytes);
        } else {
            self.stats.broadcasts_unpassed += 1;
        }
        let broadcast = Broadcasted {
            sender: envelope.sender.to_owned(),
            name: envelope.name.to_owned(),
            payload: envelope.payload.into(),
        };
        self.event(EventKind::Broadcast(broadcast.into()));
    }

    /// Who sent a message from there; empty when that cannot be said. The port of a stream is
    /// nobody's: it counts if one member alone has the address.
    fn caller(&mut self, from: SocketAddr, delivery: Delivery) -> String {
        let fits = |addr: SocketAddr| match delivery {
            Delivery::BestEffort => addr == from,
            Delivery::Reliable => addr.ip() == from.ip(),
        };
        if delivery == Delivery::BestEffort {
            for (addr, slot) in self.talk.callers.iter().flatten() {
                let record = self.roster.get(*slot).filter(|r| r.member.addr() == from);
                if let (true, Some(record)) = (*addr == from, record) {
                    return record.member.name().to_owned();
                }
            }
        }
        let mut holders = self.roster.slots().filter(|(_, record)| fits(record.member.addr()));
        let (Some((slot, record)), None) = (holders.next(), holders.next()) else {
            return String::new();
        };
        let name = record.member.name().to_owned();
        self.talk.callers.rotate_right(1);
        self.talk.callers[0] = Some((from, slot));
        name
    }

    /// Replaces the state that is handed on.
    pub(super) fn set_state(&mut self, state: Vec<u8>) -> Result<Reply> {
        fits("state", state.len(), STATE_MAX)?;
        self.talk.state = state.into();
        Ok(Reply::Done)
    }

    /// What the user hands on with an exchange of states.
    pub(super) fn own_user_state(&self) -> &[u8] {
        &self.talk.state
    }

    /// What came along with an exchange of states.
    pub(super) fn on_user_state(&mut self, from: SocketAddr, join: bool, state: &[u8]) {
        if state.is_empty() {
            return;
        }
        let sender = self.caller(from, Delivery::Reliable);
        let state = RemoteState { sender, join, payload: state.into() };
        self.event(EventKind::RemoteState(state.into()));
    }

    /// Forgets what a member said.
    pub(super) fn forget_talk(&mut self, slot: Slot, name: &str) {
        self.talk.heard.forget(name);
        self.round_trips.forget(slot);
    }
}

/// Whether something fits its limit, or what to do about it.
fn fits(what: &str, length: usize, limit: usize) -> Result<()> {
    if length <= limit {
        return Ok(());
    }
    let hint = if what == "datagram" { "; send it reliably" } else { "" };
    let message = format!("the {what} has {length} bytes and may have {limit}{hint}");
    Err(Error::new(ErrorKind::TooLarge, message))
}
