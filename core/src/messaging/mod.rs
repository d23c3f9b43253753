//! Named servers, and the messages between them, without I/O.
//!
//! One law, as for the engine: after each method that takes a time, [`Messaging::poll_output`] is
//! called until it gives nothing more, and each output is carried out. [`Messaging::next_deadline`]
//! is when [`Messaging::on_deadline`] is wanted if nothing else comes first. Time is a parameter,
//! randomness comes from a seed, and there is no socket and no clock in here.
//!
//! Bytes come as they were sent, in clear: greeting and encryption are the shell's, with the values
//! of [`crate::mesh`]. So the shell can do them outside of any lock that it holds around this.
//!
//! [`Messaging`] routes; `target` and `directory` know whom a message is for, `peers` and `outbox`
//! how it gets there, `link` what is on its way on one connection, `frames` what comes on it,
//! `calls` who waits for an answer, `answering` what is answered, `servers` what waits for a server
//! of this node, `topics` who subscribes to what, `streams` what goes back and forth of calls of
//! many items, and `monitors` who wants to know that a server is down. `relay` is what is different
//! between a member and its workers.

mod answering;
mod calls;
mod directory;
mod frames;
mod link;
mod monitors;
mod outbox;
mod peers;
mod relay;
mod servers;
mod streams;
mod target;
#[cfg(test)]
mod tests;
mod topics;
mod wiring;
mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;

pub(crate) use self::calls::CallId;
use self::calls::{Again, Call, Calls};
use self::directory::Directory;
use self::link::Link;
pub(crate) use self::link::LinkId;
pub(crate) use self::monitors::MonitorId;
use self::monitors::Monitors;
pub(crate) use self::monitors::read_instance;
#[cfg(all(unix, feature = "runtime"))]
pub(crate) use self::monitors::read_words;
pub use self::monitors::{Down, DownReason};
#[cfg(feature = "runtime")]
pub(crate) use self::monitors::{instance_value, words_value};
use self::peers::Peer;
use self::relay::Relay;
pub(crate) use self::relay::{DESK, Role};
#[cfg(all(unix, feature = "runtime"))]
pub(crate) use self::relay::{Relayed, SUBSCRIBED_MAX};
use self::servers::Servers;
pub use self::servers::Tag;
pub(crate) use self::servers::{Delivery, MailboxLimits, ServerId};
use self::streams::Streams;
pub(crate) use self::streams::{Next, StreamId};
use self::target::Place;
pub use self::target::Target;
pub(crate) use self::target::{Via, check_name};
#[cfg(all(unix, feature = "runtime"))]
pub(crate) use self::topics::RelayedPublication;
use self::topics::Topics;
pub(crate) use self::topics::{Interest, Publication, Publish, SubscriberId};
pub(crate) use self::wiring::DIAL_LIMIT;
pub use self::words::Payload;
pub(crate) use self::words::{Ask, Counters, Limits, Members, Output, Setup, Whereabouts};
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::{Failure, Flags, Head, Header, Kind, RemoteFailure};
use crate::time::Instant;

/// The messages of one node.
#[derive(Debug)]
pub(crate) struct Messaging {
    now: Instant,
    name: Arc<str>,
    /// Tells this run of the node from others.
    run: u64,
    limits: Limits,
    members: Box<dyn Members>,
    /// Those that something was said to, or by.
    peers: BTreeMap<Arc<str>, Peer>,
    links: BTreeMap<LinkId, Link>,
    calls: Calls,
    servers: Servers,
    streams: Streams,
    directory: Directory,
    topics: Topics,
    monitors: Monitors,
    /// Members whose loops do not turn.
    stuck: BTreeSet<Arc<str>>,
    rng: Xoshiro256PlusPlus,
    last_link: u64,
    last_cast: u32,
    /// When connections are looked at next.
    tick: Instant,
    /// Nothing new is taken on.
    closing: bool,
    /// Somebody waits for room.
    wants_room: bool,
    /// What was refused for that, for who waits to say it again.
    refused: Option<Vec<u8>>,
    /// Of a mesh between a member and its workers.
    relay: Option<Box<Relay>>,
    out: VecDeque<Output>,
    counters: Counters,
}

/// Calls of a node that may be under way.
const CALLS_MAX: usize = 1 << 20;
/// Between two looks at the connections.
const TICK: Duration = Duration::from_secs(1);

impl Messaging {
    pub(crate) fn new(now: Instant, setup: Setup) -> Self {
        let Setup { name, run, limits, members, seed } = setup;
        Self {
            now,
            name: name.into(),
            run,
            limits,
            members,
            peers: BTreeMap::new(),
            links: BTreeMap::new(),
            calls: Calls::default(),
            servers: Servers::new(run),
            streams: Streams::default(),
            directory: Directory::default(),
            topics: Topics::default(),
            monitors: Monitors::default(),
            stuck: BTreeSet::new(),
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            last_link: 0,
            last_cast: 0,
            tick: Instant::NEVER,
            closing: false,
            wants_room: false,
            refused: None,
            relay: None,
            out: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// The next thing to be done.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// What has been sent and received.
    pub(crate) const fn counters(&self) -> Counters {
        self.counters
    }

    /// Calls that this node has made and that are not over.
    pub(crate) fn calls_under_way(&self) -> usize {
        self.calls.len()
    }

    /// Calls that its servers were asked and have not answered.
    pub(crate) fn calls_unanswered(&self) -> usize {
        self.servers.unanswered()
    }

    /// Bytes that connections and mailboxes hold.
    #[cfg(feature = "sim")]
    pub(crate) fn held(&self) -> usize {
        let kept = self.servers.bytes() + self.topics.bytes() + self.streams.bytes();
        kept + self.links.values().map(Link::held).sum::<usize>()
    }

    /// The last time that it was told.
    pub(crate) const fn time(&self) -> Instant {
        self.now
    }

    fn at(&mut self, now: Instant) {
        self.now = now.max(self.now);
    }

    /// When [`Messaging::on_deadline`] is wanted.
    pub(crate) fn next_deadline(&self) -> Instant {
        self.tick.min(self.calls.next_deadline())
    }

    /// The time has come.
    pub(crate) fn on_deadline(&mut self, now: Instant) {
        self.at(now);
        while let Some(id) = self.calls.late(self.now) {
            self.timed_out(id);
        }
        if self.tick <= self.now {
            self.on_tick();
        }
    }

    // What happens to members.

    /// Another member hosts that instance of a server, or none any more.
    pub(crate) fn note_host(&mut self, member: &str, server: &str, instance: Option<u64>) {
        if *member == *self.name {
            return;
        }
        let member = match self.peers.get_key_value(member) {
            Some((member, _)) => Arc::clone(member),
            None => Arc::from(member),
        };
        self.directory.note(&member, server, instance);
        self.servers_changed(&member, server, None);
    }

    /// The loop of another member is stuck, or turns again.
    pub(crate) fn note_stuck(&mut self, member: &Arc<str>, stuck: bool) {
        match stuck {
            true => self.stuck.insert(Arc::clone(member)),
            false => self.stuck.remove(member),
        };
    }

    /// Every server that is known, and how many host it.
    pub(crate) fn known_servers(&self) -> Vec<(String, usize)> {
        self.directory.names().map(|(name, count)| (name.to_owned(), count)).collect()
    }

    /// Who hosts a server.
    pub(crate) fn hosts(&self, server: &str) -> Vec<Arc<str>> {
        self.directory.hosts(server).cloned().collect()
    }

    /// What was refused just now for lack of room in an outbox, if who said it is to wait for that.
    pub(crate) fn take_refused(&mut self) -> Option<Vec<u8>> {
        self.refused.take()
    }

    // Messages of this node.

    /// Asks a server. The outcome is an output, under the name that is returned.
    ///
    /// # Errors
    /// What is known at once: nothing was sent then.
    pub(crate) fn call(&mut self, now: Instant, ask: Ask<'_>) -> Result<CallId> {
        self.at(now);
        self.begin(ask, false)
    }

    fn begin(&mut self, ask: Ask<'_>, streams: bool) -> Result<CallId> {
        self.refused = None;
        self.check(&ask)?;
        if self.calls.len() >= CALLS_MAX {
            let message = format!("{CALLS_MAX} calls are under way; wait for some");
            return Err(Error::new(ErrorKind::Overloaded, message));
        }
        let peer = self.route(ask.target)?;
        let again = matches!(ask.target.place(), Place::Owner(_)).then(|| {
            Box::new(Again {
                target: ask.target.clone(),
                op: ask.op.into(),
                headers: ask.headers.to_owned(),
                payload: ask.payload.clone(),
            })
        });
        let call = Call {
            peer: peer.clone(),
            link: None,
            server: ask.target.name().into(),
            deadline: ask.deadline,
            again,
        };
        let id = self.calls.insert(call);
        if streams {
            let patience = ask.deadline.since(self.now);
            let patience = (ask.deadline != Instant::NEVER).then_some(patience);
            self.streams.made(id, patience, self.now);
        }
        // A worker's talk with its member is nobody's call.
        self.counters.calls_made += u64::from(ask.target.name() != DESK);
        self.submit(peer, Some(id), ask, false).inspect_err(|_| {
            self.calls.remove(id);
            self.streams.forget(id);
        })?;
        Ok(id)
    }

    /// Tells a server something. Nobody hears what came of it.
    ///
    /// # Errors
    /// What is known at once: nothing was sent then.
    pub(crate) fn cast(&mut self, now: Instant, ask: Ask<'_>) -> Result<()> {
        self.at(now);
        self.refused = None;
        self.check(&ask)?;
        let peer = self.route(ask.target)?;
        self.counters.casts_sent += 1;
        self.submit(peer, None, ask, false).inspect_err(|_| self.counters.casts_dropped += 1)
    }

    /// Nobody waits for a call any more; whether it was still under way.
    pub(crate) fn cancel(&mut self, now: Instant, id: CallId) -> bool {
        self.at(now);
        let Some(call) = self.calls.remove(id) else { return false };
        self.withdraw(id, &call);
        true
    }

    fn check(&self, ask: &Ask<'_>) -> Result<()> {
        if self.closing {
            return Err(Error::closed());
        }
        check_name("operation", ask.op)?;
        let limit = match ask.target.name() {
            DESK => self.limits.message_max,
            _ => self.payload_max(),
        };
        let length = ask.payload.bytes.len();
        if length > limit {
            return Err(too_large("payload", length, limit));
        }
        Ok(())
    }

    /// Which member a message goes to; none for this node.
    fn route(&mut self, target: &Target) -> Result<Option<Arc<str>>> {
        if let Some(relay) = &self.relay {
            return self.route_relayed(relay, target).map(Some);
        }
        let name = target.name();
        let lacks = |messaging: &Self| Err(messaging.directory.no_server(name, target.place()));
        let chosen = match target.place() {
            Place::At(node) => match self.directory.has(name, node) {
                true if self.is_draining(node) => return Err(peers::leaving(node)),
                true => Arc::from(&**node),
                false => return Err(self.nobody_at(target, node)),
            },
            Place::Any => match self.nearest(name) {
                Some(host) => host,
                None => return lacks(self),
            },
            // There are none on a mesh of members.
            Place::Via(_) => return lacks(self),
            Place::Owner(key) => match self.owner(name, key) {
                Some(owner) => owner,
                None if self.directory.hosts(name).len() == 0 => return lacks(self),
                None => return Err(self.no_ring()),
            },
        };
        Ok((*chosen != *self.name).then_some(chosen))
    }

    /// The error of who asks for the owner of a key too early.
    fn no_ring(&mut self) -> Error {
        self.out.push_back(Output::NeedsRing);
        let message = "the ring is not known yet; try again in a moment";
        Error::new(ErrorKind::Overloaded, message)
    }

    /// Why a member that is asked by name cannot be.
    fn nobody_at(&self, target: &Target, node: &str) -> Error {
        if *node == *self.name {
            return self.directory.no_server(target.name(), target.place());
        }
        match self.members.find(node) {
            Some(Whereabouts::Here(_)) => self.directory.no_server(target.name(), target.place()),
            Some(gone) => {
                let how = peers::gone_how(gone == Whereabouts::Left);
                let message = format!("\"{node}\" is {how}; nothing was sent");
                Error::new(ErrorKind::NodeDown, message).with_executed(false)
            }
            None => peers::unknown(node),
        }
    }

    /// The owner of a key among those that host a server; none while there is no ring.
    fn owner(&self, server: &str, key: &[u8]) -> Option<Arc<str>> {
        let hosts = self.directory.hosts(server);
        if hosts.len() == 1 {
            return hosts.last().cloned();
        }
        let ring = self.members.ring()?;
        let mut wanted = 4;
        loop {
            let owners = ring.owners(key, wanted);
            if let Some(owner) = owners.iter().find(|owner| self.directory.has(server, owner)) {
                return Some(Arc::from(*owner));
            }
            if owners.len() < wanted {
                // Of those that have no place in the ring, the first.
                return self.directory.hosts(server).next().cloned();
            }
            wanted *= 4;
        }
    }

    /// What a call came to.
    fn settle(&mut self, call: CallId, result: Result<Payload>) {
        if self.calls.remove(call).is_none() {
            self.counters.replies_unwanted += 1;
        } else if let Some(result) = self.end_made(call, result) {
            self.out.push_back(Output::Settled { call, result });
        }
    }

    fn timed_out(&mut self, id: CallId) {
        if let Some(until) = self.streams.patience(id, self.now) {
            return self.calls.postpone(id, until);
        }
        let Some(call) = self.calls.remove(id) else { return };
        let sent = call.link.is_some() || call.peer.is_none();
        let by = call.peer.as_deref().unwrap_or(&self.name);
        let message = match sent {
            true => format!("\"{}\" on \"{by}\" has not answered in time", call.server),
            false => format!("\"{by}\" could not be reached in time; nothing was sent"),
        };
        let error = Error::new(ErrorKind::Timeout, message).with_executed(sent);
        self.withdraw(id, &call);
        if let Some(result) = self.end_made(id, Err(error)) {
            self.out.push_back(Output::Settled { call: id, result });
        }
    }

    /// Has others forget a call that nobody waits for.
    fn withdraw(&mut self, id: CallId, call: &Call) {
        let Some(peer) = &call.peer else {
            self.given_up(LinkId::HERE, id.number(), ErrorKind::Cancelled);
            return;
        };
        match call.link {
            Some(at) => {
                if let Some(link) = self.links.get_mut(&at) {
                    link.withdraw(id.number());
                    link.control(Header::new(Kind::Cancel, id.number()), |_| {});
                    self.write(at);
                }
            }
            None => {
                if let Some(peer) = self.peers.get_mut(peer) {
                    peer.outbox.take(|item| item.call == Some(id));
                }
            }
        }
    }

    /// Nobody waits for the answer to a question any more: it was given up, or the connection
    /// broke.
    fn given_up(&mut self, link: LinkId, id: u64, kind: ErrorKind) {
        if let Some((tag, server)) = self.servers.give_up(link, id) {
            self.leave_asked(tag, server.is_some(), kind);
            self.out.push_back(Output::GivenUp { tag, server });
        }
    }
}

/// A message that has come to this node.
struct Arrived<'a> {
    from: Arc<str>,
    head: Head<'a>,
    payload: Payload,
    deadline: Instant,
    /// More will come of it, and of its answer.
    streams: bool,
    /// From a worker: a newer one may take its place.
    latest: bool,
}

fn too_large(what: &str, length: usize, limit: usize) -> Error {
    let message = format!("the {what} has {length} bytes and may have {limit}");
    Error::new(ErrorKind::TooLarge, message)
}

/// The texts of a failure that travel, in bytes.
const TEXT_MAX: usize = 4096;
const STACK_MAX: usize = 32 * 1024;

/// An error as it travels.
fn failure(error: Error) -> Failure {
    match error.remote() {
        Some(remote) => Failure::Remote(RemoteFailure {
            language: cut(&remote.language, 64),
            class: cut(&remote.class, 256),
            message: cut(&remote.message, TEXT_MAX),
            stack: remote.stack.as_deref().map(|stack| cut(stack, STACK_MAX)),
        }),
        None => {
            let text = cut(error.message(), TEXT_MAX);
            Failure::Error(error.kind().number(), text, error.maybe_executed())
        }
    }
}

/// The beginning of a text, of so many bytes at most.
fn cut(text: &str, max: usize) -> String {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

/// The flags of a request.
fn flags(head: &Head<'_>, sent_on: bool) -> Flags {
    let flags = Flags::default().with(Flags::KEYED, head.key.is_some());
    flags.with(Flags::SENT_ON, sent_on).with(Flags::VIA, head.via.is_some())
}
