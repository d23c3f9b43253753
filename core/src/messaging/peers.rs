//! Members and the way to them: one connection each, opened when something is to be said.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;

use super::link::{Link, LinkId, Stage};
use super::outbox::{Item, Outbox};
use super::target::Place;
use super::{Arrived, Ask, CallId, Messaging, Output, Whereabouts, failure, flags, too_large};
use crate::config::Overflow;
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::{Flags, Head, Header, Kind, Name, encode};
use crate::time::Instant;

/// What is known of another member.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) addr: Option<SocketAddr>,
    pub(super) present: bool,
    /// It said goodbye.
    pub(super) left: bool,
    /// How long its answers take; zero if that is not known.
    pub(super) round_trip: Duration,
    /// The connection to it, once both know each other.
    pub(super) link: Option<LinkId>,
    pub(super) dialling: Option<LinkId>,
    /// Not dialled again before that.
    pub(super) next_dial: Instant,
    /// Attempts in a row that failed.
    pub(super) failures: u32,
    pub(super) outbox: Outbox,
    /// Casts and publications between the two, in its present run.
    pub(super) tally: Tally,
}

/// A message for a member, but for its payload.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) header: Header,
    pub(super) head: Head<'a>,
    /// Who waits for the answer.
    pub(super) call: Option<CallId>,
    /// It is of no use after that.
    pub(super) deadline: Instant,
}

/// Casts and publications between this node and one run of another.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Which run; 0 before it is known.
    pub(super) run: u64,
    /// Put on their way, and those of them that it said have come.
    pub(super) sent: u64,
    pub(super) acked: u64,
    /// Its own that have come, and how many of them it was told of.
    pub(super) received: u64,
    pub(super) told: u64,
}

/// Round-trip times that differ by no more are alike.
const NEAR: Duration = Duration::from_millis(2);

/// What became of a member, in a sentence.
pub(super) const fn gone_how(left: bool) -> &'static str {
    if left { "gone: it left" } else { "down: it has failed" }
}

impl Messaging {
    /// A member is here, at that address.
    pub(crate) fn member_here(&mut self, now: Instant, name: &str, addr: SocketAddr) {
        self.at(now);
        let Some(peer) = self.peers.get_mut(name) else { return };
        if peer.addr != Some(addr) {
            peer.next_dial = self.now;
            peer.failures = 0;
        }
        (peer.addr, peer.present, peer.left) = (Some(addr), true, false);
        self.reach(name);
    }

    /// A member has failed or left: whoever waits for it is told.
    pub(crate) fn member_gone(&mut self, now: Instant, name: &str, left: bool) {
        self.at(now);
        self.directory.forget(name);
        self.topics.forget(name);
        self.servers_gone(name, left);
        self.stuck.remove(name);
        let Some(peer) = self.peers.get_mut(name) else { return };
        (peer.present, peer.left) = (false, left);
        let links = [peer.link, peer.dialling];
        for link in links.into_iter().flatten() {
            self.out.push_back(Output::Close { link, flush: false });
            self.link_lost(link, None);
        }
        self.empty_outbox(name, |_| true, ErrorKind::NodeDown);
        self.fail_calls(name, None);
        if let Some(peer) = self.peers.remove(name) {
            self.counters.casts_in_doubt += peer.tally.sent - peer.tally.acked;
        }
    }

    /// Makes a place for a member, unless there is one; whether it is present.
    pub(super) fn meet(&mut self, name: &Arc<str>) -> bool {
        if let Some(peer) = self.peers.get(name) {
            return peer.present;
        }
        let (addr, left) = match self.members.find(name) {
            Some(Whereabouts::Here(addr)) => (Some(addr), false),
            Some(gone) => (None, gone == Whereabouts::Left),
            None => return false,
        };
        let peer = Peer { addr, present: addr.is_some(), left, ..Peer::default() };
        self.peers.insert(Arc::clone(name), peer);
        addr.is_some()
    }

    /// Who hosts a server: this node, else one of those that are about as near as the nearest, as
    /// far as that is known. One whose loop is stuck only if all others are stuck, too.
    pub(super) fn nearest(&mut self, server: &str) -> Option<Arc<str>> {
        if self.relay.is_none() && self.servers.find(server).is_some() {
            return Some(Arc::clone(&self.name));
        }
        let mut hosts = self.directory.hosts(server);
        if let (1, Some(only)) = (hosts.len(), hosts.next()) {
            return (!self.is_draining(only)).then(|| Arc::clone(only));
        }
        let far = |host: &Arc<str>| self.peers.get(host).map_or(Duration::ZERO, |p| p.round_trip);
        let hosts = self.directory.hosts(server).filter(|host| !self.is_draining(host));
        let mut hosts: Vec<_> = hosts.collect();
        if !self.stuck.is_empty() && hosts.iter().any(|host| !self.stuck.contains(*host)) {
            hosts.retain(|host| !self.stuck.contains(*host));
        }
        let known = hosts.iter().map(|host| far(host)).filter(|span| !span.is_zero());
        let near = known.min().unwrap_or_default() * 2 + NEAR;
        let near: Vec<_> = hosts.into_iter().filter(|host| far(host) <= near).collect();
        let at = self.rng.random_range(0..near.len().max(1));
        near.get(at).map(|host| Arc::clone(host))
    }

    /// Whether a member has said that it takes nothing new on.
    pub(super) fn is_draining(&self, name: &str) -> bool {
        let link = self.peers.get(name).and_then(|peer| self.links.get(&peer.link?));
        link.is_some_and(|link| link.draining)
    }

    // What goes out.

    /// Hands a message to a mailbox of this node, or puts it on its way to a member.
    pub(super) fn submit(
        &mut self,
        peer: Option<Arc<str>>,
        call: Option<CallId>,
        ask: Ask<'_>,
        sent_on: bool,
    ) -> Result<()> {
        let (key, via) = match ask.target.place() {
            Place::Owner(key) => (Some(&**key), None),
            Place::Via(via) => (via.key.as_deref(), Some(&*via.from)),
            // Somebody else judges where that is.
            Place::At(node) if self.relay.is_some() => (None, Some(&**node)),
            Place::Any | Place::At(_) => (None, None),
        };
        let sent_on = sent_on || self.relay.is_some();
        let (server, op, headers) = (ask.target.name(), ask.op, ask.headers);
        let budget = self.budget(ask.deadline);
        let head = Head {
            budget: budget.filter(|_| call.is_some()).unwrap_or(0),
            server,
            op,
            key,
            headers,
            via,
        };
        let streams = call.is_some_and(|id| self.streams.has(id));
        let Some(name) = peer else {
            let (from, payload) = (Arc::clone(&self.name), ask.payload);
            let (deadline, latest) = (ask.deadline, false);
            let arrived = Arrived { from, head, payload, deadline, streams, latest };
            return self.deliver(LinkId::HERE, call.map(CallId::number), arrived);
        };
        let id = call.map_or_else(|| self.next_cast(), CallId::number);
        let kind = if call.is_some() { Kind::Call } else { Kind::Cast };
        let header = Header {
            flags: flags(&head, sent_on)
                .with(Flags::STREAMS, streams)
                .with(Flags::LATEST, ask.latest && self.relay.is_some()),
            codec: ask.payload.codec,
            ..Header::new(kind, id)
        };
        let deadline = ask.deadline;
        let outgoing = Outgoing { header, head, call, deadline };
        self.send_to(&name, outgoing, Cow::Owned(ask.payload.bytes), ask.latest)
    }

    /// Puts a message on its way to a member: on the connection that there is, if nothing is before
    /// it, or into the outbox.
    pub(super) fn send_to(
        &mut self,
        name: &Arc<str>,
        outgoing: Outgoing<'_>,
        payload: Cow<'_, [u8]>,
        latest: bool,
    ) -> Result<()> {
        let Outgoing { header, head, call, deadline } = outgoing;
        if let Some(peer) = self.peers.get_mut(name)
            && peer.outbox.is_empty()
            && let Some(at) = peer.link
            && let Some(link) = self.links.get_mut(&at)
            && !link.draining
        {
            if payload.len() > link.message_max {
                return Err(too_large("payload", payload.len(), link.message_max));
            }
            if link.is_clear(head.server, payload.len()) {
                link.send(header, |out| head.put(None, out), &payload);
                match call.and_then(|id| self.calls.get_mut(id)) {
                    Some(call) => call.link = Some(at),
                    None => peer.tally.sent += 1,
                }
                if !std::mem::replace(&mut link.writing, true) {
                    self.out.push_back(Output::Write(at));
                }
                return Ok(());
            }
        }
        let mut encoded = Vec::with_capacity(head.size());
        head.put(None, &mut encoded);
        let age = self.now + self.limits.outbox_age;
        let item = Item {
            header,
            head: encoded,
            payload: payload.into_owned(),
            lane: Name::from(head.server),
            call,
            expires: if call.is_some() { deadline } else { deadline.min(age) },
            latest: latest && call.is_none(),
        };
        self.enqueue(name, item)
    }

    /// What is left until a deadline, in milliseconds, at least one; none without one.
    fn budget(&self, deadline: Instant) -> Option<u32> {
        let left = u32::try_from(deadline.since(self.now).as_millis()).unwrap_or(u32::MAX);
        (deadline != Instant::NEVER).then_some(left.max(1))
    }

    pub(super) fn next_cast(&mut self) -> u64 {
        self.last_cast = self.last_cast.wrapping_add(1);
        u64::from(self.last_cast)
    }

    /// Lets a message wait for a member, if there is room.
    fn enqueue(&mut self, name: &Arc<str>, item: Item) -> Result<()> {
        if !self.meet(name) {
            return Err(unknown(name));
        }
        let Some(peer) = self.peers.get_mut(name) else { return Err(unknown(name)) };
        let item = match item.latest {
            false => item,
            true => match peer.outbox.supersede(item) {
                Ok(older) => {
                    self.counters.count_dropped(&older.header);
                    return Ok(());
                }
                Err(item) => item,
            },
        };
        let on_its_way = peer.link.and_then(|at| self.links.get(&at)).map_or(0, Link::bytes);
        let room = self.limits.outbox_bytes.saturating_sub(on_its_way);
        while peer.outbox.bytes() + item.size() > room {
            match self.limits.overflow {
                Overflow::DropOldest => match peer.outbox.drop_oldest() {
                    Some(oldest) => self.counters.count_dropped(&oldest.header),
                    None => return Err(full(name, room)),
                },
                Overflow::DropNewest if item.call.is_none() => {
                    self.counters.count_dropped(&item.header);
                    return Ok(());
                }
                Overflow::Block => {
                    self.wants_room = true;
                    self.refused = Some(item.payload);
                    self.look_soon();
                    return Err(full(name, room));
                }
                Overflow::Reject | Overflow::DropNewest => return Err(full(name, room)),
            }
        }
        peer.outbox.push(item);
        self.reach(name);
        self.look_soon();
        Ok(())
    }

    /// Whether there is room for a reply of that length.
    pub(super) fn may_reply(&self, at: LinkId, length: usize) -> bool {
        let held = self.links.get(&at).map_or(0, Link::bytes);
        held + length <= self.limits.outbox_bytes
    }

    /// A reply that is large, or behind others.
    pub(super) fn reply_later(&mut self, at: LinkId, header: Header, payload: Vec<u8>) {
        if !self.may_reply(at, payload.len()) {
            // Without the answer, what is said takes next to no room; and that is bounded as well.
            let error = no_room();
            if let Some(link) = self.links.get_mut(&at) {
                link.control(Header::new(Kind::Failure, header.id), |out| {
                    encode(&failure(error), out);
                });
            }
            self.counters.requests_refused += 1;
            return;
        }
        let Some(link) = self.links.get_mut(&at) else { return };
        let (lane, expires) = (Name::default(), Instant::NEVER);
        let (call, latest, head) = (None, false, Vec::new());
        link.commit(Item { header, head, payload, lane, call, expires, latest });
    }

    /// Has a member's messages go out: over the connection there is, or over a new one.
    pub(super) fn reach(&mut self, name: &str) {
        let Some((name, peer)) = self.peers.get_key_value(name) else { return };
        let name = Arc::clone(name);
        if peer.outbox.is_empty() {
            return;
        }
        match peer.link {
            Some(link) => self.flush(&name, link),
            None => self.dial(&name),
        }
    }

    pub(super) fn dial(&mut self, name: &Arc<str>) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        let Some(to) = peer.addr.filter(|_| peer.present && peer.dialling.is_none()) else {
            return;
        };
        if peer.next_dial > self.now {
            let at = peer.next_dial;
            return self.look_by(at);
        }
        if self.closing || self.relay.is_some() {
            return;
        }
        self.last_link += 1;
        let link = LinkId(self.last_link);
        peer.dialling = Some(link);
        let began = Link::new(Stage::Dialled, Some(Arc::clone(name)), self.now);
        self.links.insert(link, began);
        self.out.push_back(Output::Dial { link, to });
        self.look_soon();
    }

    /// Puts as much of what waits on its way as there is room for.
    pub(super) fn flush(&mut self, name: &Arc<str>, at: LinkId) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        let Some(link) = self.links.get_mut(&at).filter(|link| !link.draining) else { return };
        let (mut overdue, mut casts) = (Vec::new(), 0);
        while link.has_room() {
            let Some(mut item) = peer.outbox.pop() else { break };
            if item.expires <= self.now || item.payload.len() > link.message_max {
                overdue.push(item);
                continue;
            }
            casts += u64::from(item.call.is_none());
            if let Some(call) = item.call.and_then(|id| self.calls.get_mut(id)) {
                call.link = Some(at);
                let left = item.expires.since(self.now).as_millis();
                let left = u32::try_from(left).unwrap_or(u32::MAX).max(1);
                if let (true, Some(budget)) =
                    (item.expires != Instant::NEVER, item.head.first_chunk_mut())
                {
                    *budget = left.to_le_bytes();
                }
            }
            link.commit(item);
        }
        if std::mem::take(&mut self.wants_room) {
            self.out.push_back(Output::Room);
        }
        let limit = link.message_max;
        peer.tally.sent += casts;
        self.write(at);
        for item in overdue {
            let error = match item.payload.len() > limit {
                true => too_large("payload", item.payload.len(), limit),
                false => unsent(name),
            };
            self.drop_item(&item, error);
        }
    }

    /// Tells the driver that there is something to write, once.
    pub(super) fn write(&mut self, at: LinkId) {
        let Some(link) = self.links.get_mut(&at) else { return };
        if link.has_work() && !link.writing {
            link.writing = true;
            self.out.push_back(Output::Write(at));
        }
    }

    /// Moves what is to be written to `out`. Nothing: there will be another [`Output::Write`].
    pub(crate) fn transmit(&mut self, now: Instant, at: LinkId, out: &mut Vec<u8>) {
        self.at(now);
        let Some(link) = self.links.get_mut(&at) else { return };
        link.transmit(out);
        link.writing = !out.is_empty();
        self.unstall(at);
        let Some(link) = self.links.get(&at) else { return };
        let name = link.peer.clone().filter(|_| link.stage == Stage::Up);
        if let Some(name) = name
            && self.peers.get(&name).is_some_and(|peer| !peer.outbox.is_empty())
        {
            self.flush(&name, at);
        }
        // Also where nothing waits: what was on its way had taken all the room.
        if !out.is_empty() && std::mem::take(&mut self.wants_room) {
            self.out.push_back(Output::Room);
        }
    }

    /// A message is not sent; whoever waits for it is told.
    pub(super) fn drop_item(&mut self, item: &Item, error: Error) {
        match item.call {
            Some(call) => self.settle(call, Err(error.with_executed(false))),
            None => self.counters.count_dropped(&item.header),
        }
    }

    /// Gives up what waits for a member, as far as `unwanted` says.
    pub(super) fn empty_outbox(
        &mut self,
        name: &str,
        unwanted: impl FnMut(&Item) -> bool,
        kind: ErrorKind,
    ) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        let how = gone_how(peer.left);
        for item in peer.outbox.take(unwanted) {
            let message = match kind {
                ErrorKind::NodeDown => format!("\"{name}\" is {how}; nothing was sent"),
                _ => format!("\"{name}\" could not be reached in time; nothing was sent"),
            };
            self.drop_item(&item, Error::new(kind, message));
        }
    }

    /// Fails the calls that went to a member: all, or those on a connection.
    pub(super) fn fail_calls(&mut self, name: &str, on: Option<LinkId>) {
        let of = |call: &super::Call| {
            call.peer.as_deref() == Some(name) && (on.is_none() || call.link == on)
        };
        let gone = self.peers.get(name).filter(|peer| !peer.present && peer.addr.is_some());
        let how = gone.map(|peer| gone_how(peer.left));
        let how = how.unwrap_or("unreachable: the connection broke");
        for id in self.calls.find(of) {
            let sent = self.calls.get_mut(id).is_some_and(|call| call.link.is_some());
            let message = format!("\"{name}\" is {how}");
            let error = Error::new(ErrorKind::NodeDown, message).with_executed(sent);
            self.settle(id, Err(error));
        }
    }
}

/// What is answered in place of an answer that is not let wait.
pub(super) fn no_room() -> Error {
    let message = "it has run, and there was no room for its answer";
    Error::new(ErrorKind::Overloaded, message).with_executed(true)
}

pub(super) fn unknown(name: &str) -> Error {
    let message = format!("no present member is called \"{name}\"; see members()");
    Error::new(ErrorKind::UnknownMember, message)
}

pub(super) fn leaving(name: &str) -> Error {
    let message = format!("\"{name}\" is leaving, and takes nothing new on; nothing was sent");
    Error::new(ErrorKind::NodeDown, message).with_executed(false)
}

fn full(name: &str, room: usize) -> Error {
    let message = format!("as much as may wait for \"{name}\" does: {room} bytes");
    Error::new(ErrorKind::Overloaded, message)
}

fn unsent(name: &str) -> Error {
    let message = format!("\"{name}\" could not be reached in time; nothing was sent");
    Error::new(ErrorKind::Timeout, message)
}
