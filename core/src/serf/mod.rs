//! What serf adds to memberlist: intents, user events, queries and coordinates.
//!
//! A state machine that is told things and wishes for others. It knows neither sockets nor the
//! roster, and it exists only in a node that speaks serf's application versions. `intents` decides
//! between left and failed, `events` and `queries` tell each thing once, `filters` knows who is
//! meant, `internal` are serf's questions about itself, `coordinate` measures distances.

mod asking;
mod clock;
mod coordinate;
mod events;
mod exchange;
mod filters;
mod intents;
mod internal;
mod queries;
mod question;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;

use self::clock::Clock;
use self::coordinate::{Rogue, Vivaldi};
use self::events::Events;
use self::intents::Members;
use self::queries::Queries;
use crate::member::Member;
use crate::stats::Stats;
use crate::time::Instant;
use crate::wire::WireError;
use crate::wire::serf::{JoinIntent, LeaveIntent, PING_VERSION, SerfMessage, UserEvent};

pub use self::coordinate::Coordinate;
pub(crate) use self::events::EVENT_MAX;
pub(crate) use self::filters::Audience;
pub use self::internal::{KeyOp, KeyOutcome};
pub(crate) use self::queries::{Asking, QueryId};
pub use self::question::{Answers, Question, Response};

/// The lowest delegate version of serf. Other applications use 0 or 1.
const VERSION_MIN: u8 = 2;

/// Whether a member of these versions speaks serf.
pub(crate) const fn is_spoken(versions: [u8; 6]) -> bool {
    let [.., max, current] = versions;
    current >= VERSION_MIN && max >= VERSION_MIN
}

/// What a piece of gossip is about: each has its own place in the queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// The intent of that member; a newer one takes its place.
    Intent(Box<str>),
    Query,
    UserEvent,
}

/// What the layer asks of the node.
#[derive(Debug, PartialEq)]
pub(crate) enum Wish {
    /// Gossip this user message.
    Spread { topic: Topic, payload: Vec<u8> },
    /// Send this user message to `node` at that address, if a member is there.
    Send { to: SocketAddr, node: Box<str>, payload: Vec<u8> },
    /// Send this user message to that many members that pass it on, but not to `except`.
    Relay { through: u8, except: Box<str>, payload: Vec<u8> },
    /// A user event is to be told.
    UserEvent { name: String, ltime: u64, payload: Vec<u8>, coalesce: bool },
    /// A query may be answered under that name, by [`Serf::respond`].
    Query { id: QueryId, from: String, name: String, payload: Vec<u8>, timeout: Duration },
    /// A query of this node is over; `token` is the asker's name for it.
    Answers { token: u64, answers: Answers },
    /// A member that had failed is to be shown as one that has left, and not looked for.
    Departed(Box<str>),
    /// A member that is gone is to be forgotten.
    Prune(Box<str>),
    /// The keyring is to be changed or listed; then [`Serf::answer_keys`].
    Keyring { query: QueryId, op: KeyOp, key: Vec<u8> },
    /// Who holds that name is to be said, by [`Serf::answer_holder`].
    WhoHolds { query: QueryId, name: Box<str> },
}

/// Why something cannot be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// So many bytes, of so many that are allowed.
    TooLarge(usize, usize),
    /// The query is over, was answered, or never was.
    Late,
    /// Too many queries are under way.
    Busy,
}

/// What the layer has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// User events and queries that were told here.
    pub(crate) events: u64,
    pub(crate) queries: u64,
    /// Events and queries older than what is remembered.
    pub(crate) old: u64,
    /// Answers to a query that was over, on either side.
    pub(crate) late: u64,
    /// What was absurd, or for which there was no room.
    pub(crate) refused: u64,
    /// Coordinates that no honest member has, or measurements that are none.
    pub(crate) coordinates_refused: u64,
}

/// serf's layer of one node.
#[derive(Debug)]
pub(crate) struct Serf {
    name: Arc<str>,
    /// The member clock.
    clock: Clock,
    members: Members,
    events: Events,
    queries: Queries,
    vivaldi: Vivaldi,
    /// The payload of acks, as long as the coordinate stays.
    ack: Vec<u8>,
    /// This node means to leave, or has.
    leaving: bool,
    counters: Counters,
    out: VecDeque<Wish>,
}

impl Serf {
    /// The layer of the node of that name; `clocks` are those of members, events and queries as an
    /// earlier run left them, or 0. What was said before them is not told again.
    pub(crate) fn new(now: Instant, name: &Arc<str>, clocks: [u64; 3]) -> Self {
        let mut members = Members::default();
        members.joined(now, name);
        let [member, event, query] = clocks.map(Clock::at);
        Self {
            name: Arc::clone(name),
            clock: member,
            members,
            events: Events::new(event),
            queries: Queries::new(query),
            vivaldi: Vivaldi::new(),
            ack: Vec::new(),
            leaving: false,
            counters: Counters::default(),
            out: VecDeque::new(),
        }
    }

    /// The next wish.
    pub(crate) fn poll(&mut self) -> Option<Wish> {
        self.out.pop_front()
    }

    /// Adds what was counted.
    pub(crate) fn count(&self, stats: &mut Stats) {
        let counters = &self.counters;
        stats.user_events_received += counters.events;
        stats.queries_received += counters.queries;
        stats.serf_too_old += counters.old;
        stats.query_answers_late += counters.late;
        stats.coordinates_refused += counters.coordinates_refused;
        stats.messages_refused += counters.refused;
        stats.member_clock = self.clock.time();
        stats.event_clock = self.events.clock.time();
        stats.query_clock = self.queries.clock.time();
    }

    /// When [`Serf::on_timer`] is to be called.
    pub(crate) fn deadline(&self) -> Instant {
        self.queries.deadline()
    }

    /// The time of queries may be over.
    pub(crate) fn on_timer(&mut self, now: Instant) {
        while let Some((token, answers)) = self.queries.expire(now) {
            self.out.push_back(Wish::Answers { token, answers });
        }
    }

    /// A member is here: new, or back.
    pub(crate) fn joined(&mut self, now: Instant, name: &str) {
        self.members.joined(now, name);
    }

    /// A member is gone, with a goodbye or without: whether it has left, and not failed.
    pub(crate) fn gone(&mut self, name: &str, goodbye: bool) -> bool {
        for (token, answers) in self.queries.gone(name) {
            self.out.push_back(Wish::Answers { token, answers });
        }
        let (left, prune) = self.members.gone(name, goodbye);
        if prune {
            self.out.push_back(Wish::Prune(name.into()));
        }
        left
    }

    /// A member is not remembered any more.
    pub(crate) fn forgotten(&mut self, name: &str) {
        self.members.forgotten(name);
    }

    /// This node takes part, possibly again.
    pub(crate) fn come_back(&mut self, now: Instant) {
        self.leaving = false;
        let name = Arc::clone(&self.name);
        self.members.joined(now, &name);
    }

    /// This node has joined others, or has to say that it is here.
    pub(crate) fn announce(&mut self, now: Instant) {
        let ltime = self.clock.tick();
        let name = Arc::clone(&self.name);
        self.members.hear_join(now, &name, ltime);
        let mut payload = Vec::new();
        JoinIntent { ltime, node: &name }.encode(&mut payload);
        self.out.push_back(Wish::Spread { topic: Topic::Intent((*name).into()), payload });
    }

    /// This node is about to leave, and says so.
    pub(crate) fn leave(&mut self, now: Instant) {
        self.leaving = true;
        let name = Arc::clone(&self.name);
        self.spread_leave(now, &name, false);
    }

    /// This node has left.
    pub(crate) fn left(&mut self) {
        let name = Arc::clone(&self.name);
        self.members.gone(&name, true);
    }

    /// Has everybody take a member that has failed for one that has left; with `prune`, forget it.
    pub(crate) fn force_leave(&mut self, now: Instant, name: &str, prune: bool) {
        self.spread_leave(now, name, prune);
    }

    fn spread_leave(&mut self, now: Instant, node: &str, prune: bool) {
        let ltime = self.clock.tick();
        let mut payload = Vec::new();
        LeaveIntent { ltime, node, prune }.encode(&mut payload);
        let heard = self.members.hear_leave(now, node, ltime, prune);
        self.heard_of(node, heard, None);
        self.out.push_back(Wish::Spread { topic: Topic::Intent(node.into()), payload });
    }

    /// A user message for this layer arrived.
    pub(crate) fn on_message(
        &mut self,
        now: Instant,
        local: &Member,
        payload: &[u8],
    ) -> Result<(), WireError> {
        match SerfMessage::decode(payload)? {
            SerfMessage::Join(intent) => self.on_join(now, intent, Some(payload)),
            SerfMessage::Leave(intent) => self.on_leave(now, intent, Some(payload)),
            SerfMessage::UserEvent(event) => self.on_event(&event, Some(payload)),
            SerfMessage::Query(query) => self.on_query(now, local, &query, Some(payload)),
            SerfMessage::QueryResponse(response) => self.on_response(now, &response),
            SerfMessage::Relay(header, inner) => self.on_relay(&header, inner),
        }
        Ok(())
    }

    /// `raw` is what to pass on, if it came as gossip.
    fn on_join(&mut self, now: Instant, intent: JoinIntent<'_>, raw: Option<&[u8]>) {
        if !self.clock.believes(intent.ltime) {
            self.counters.refused += 1;
            return;
        }
        self.clock.witness(intent.ltime);
        let heard = self.members.hear_join(now, intent.node, intent.ltime);
        self.heard_of(intent.node, heard, raw);
    }

    fn on_leave(&mut self, now: Instant, intent: LeaveIntent<'_>, raw: Option<&[u8]>) {
        if !self.clock.believes(intent.ltime) {
            self.counters.refused += 1;
            return;
        }
        self.clock.witness(intent.ltime);
        if *intent.node == *self.name && !self.leaving {
            let known = self.members.get(intent.node).map_or(0, |known| known.ltime);
            if intent.ltime > known {
                // Somebody takes this node for gone. It is not.
                self.announce(now);
            }
            return;
        }
        let heard = self.members.hear_leave(now, intent.node, intent.ltime, intent.prune);
        self.heard_of(intent.node, heard, raw);
    }

    fn heard_of(&mut self, node: &str, heard: intents::Heard, raw: Option<&[u8]>) {
        use intents::Heard;
        match heard {
            Heard::Known => return,
            Heard::Refused => {
                self.counters.refused += 1;
                return;
            }
            Heard::New => {}
            Heard::Departed => self.out.push_back(Wish::Departed(node.into())),
            Heard::Pruned(failed) => {
                if failed {
                    self.out.push_back(Wish::Departed(node.into()));
                }
                self.out.push_back(Wish::Prune(node.into()));
            }
        }
        if let Some(raw) = raw {
            let topic = Topic::Intent(node.into());
            self.out.push_back(Wish::Spread { topic, payload: raw.to_vec() });
        }
    }

    /// Tells everybody something. `limit` is for name and payload together.
    pub(crate) fn user_event(
        &mut self,
        name: &str,
        payload: &[u8],
        coalesce: bool,
        limit: usize,
    ) -> Result<(), Refusal> {
        let (size, limit) = (name.len() + payload.len(), limit.min(EVENT_MAX));
        if size > limit {
            return Err(Refusal::TooLarge(size, limit));
        }
        let event = UserEvent { ltime: self.events.clock.tick(), name, payload, coalesce };
        let mut bytes = Vec::with_capacity(size + 32);
        event.encode(&mut bytes);
        self.on_event(&event, Some(&bytes));
        Ok(())
    }

    fn on_event(&mut self, event: &UserEvent<'_>, raw: Option<&[u8]>) {
        let heard = self.events.hear(event);
        if !self.is_news(heard) {
            return;
        }
        self.counters.events += 1;
        let &UserEvent { ltime, name, payload, coalesce } = event;
        let (name, payload) = (name.to_owned(), payload.to_vec());
        self.out.push_back(Wish::UserEvent { name, ltime, payload, coalesce });
        if let Some(raw) = raw {
            self.out.push_back(Wish::Spread { topic: Topic::UserEvent, payload: raw.to_vec() });
        }
    }

    /// Whether it is; counts what is lost.
    fn is_news(&mut self, heard: events::Heard) -> bool {
        use events::Heard;
        match heard {
            Heard::New => return true,
            Heard::Known => {}
            Heard::Old => self.counters.old += 1,
            Heard::Refused => self.counters.refused += 1,
        }
        false
    }

    /// The payload of acks: where this node stands.
    pub(crate) fn ack_payload(&mut self) -> &[u8] {
        if self.ack.is_empty() {
            self.vivaldi.own().encode(&mut self.ack);
        }
        &self.ack
    }

    /// A member answered a probe after that time, and said where it stands; the rest of what it
    /// said.
    pub(crate) fn on_ack<'a>(
        &mut self,
        name: &str,
        rtt: Duration,
        payload: &'a [u8],
        rng: &mut Xoshiro256PlusPlus,
    ) -> &'a [u8] {
        if payload.first() != Some(&PING_VERSION) {
            return payload;
        }
        let Ok((there, rest)) = Coordinate::decode(payload) else {
            self.counters.coordinates_refused += 1;
            return payload;
        };
        let Some(known) = self.members.get_mut(name) else { return rest };
        match self.vivaldi.measure(&mut known.peer, there, rtt, rng) {
            Ok(()) => self.ack.clear(),
            Err(Rogue) => self.counters.coordinates_refused += 1,
        }
        rest
    }

    /// Where this node stands.
    pub(crate) const fn own_coordinate(&self) -> &Coordinate {
        self.vivaldi.own()
    }

    /// Where a member stands, as far as this node knows.
    pub(crate) fn coordinate(&self, name: &str) -> Option<&Coordinate> {
        if *name == *self.name {
            return Some(self.vivaldi.own());
        }
        self.members.get(name)?.peer.as_ref().map(|peer| &peer.coordinate)
    }
}
