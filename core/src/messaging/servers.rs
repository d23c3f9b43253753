//! Servers of this node: what waits for them, and what they are at work on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Payload;
use super::link::LinkId;
use super::relay::Relayed;
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::Name;
use crate::time::Instant;

/// Messages for which a mailbox keeps room when it is empty. What a burst took is given back.
const KEPT: usize = 256;

/// Casts that who serves takes along with one message, at most, and as a part of the mailbox.
const AHEAD: usize = 128;
const AHEAD_SHARE: usize = 8;
/// Bytes of them after which there are no more.
const AHEAD_BYTES: usize = 64 * 1024;

/// Names one instance of a server from its registration on. Never used twice, not even by another
/// run of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServerId(pub(crate) u64);

/// Names one call that a server is asked, so that it can be answered later and from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag(pub(crate) u64);

impl Tag {
    /// The same as a number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What a server gets.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// To answer it by; none for a cast.
    pub(crate) tag: Option<Tag>,
    /// The member that sent it.
    pub(crate) from: Arc<str>,
    /// Whom it is for, where a member's worker has sent it.
    pub(crate) relayed: Option<Box<Relayed>>,
    pub(crate) op: Name,
    /// The key after `#`.
    pub(crate) key: Option<Box<[u8]>>,
    /// As they are sent.
    pub(crate) headers: Box<[u8]>,
    pub(crate) payload: Payload,
    /// Nobody waits for it after that.
    pub(crate) deadline: Instant,
    /// Its request and its answer have items.
    pub(crate) streams: bool,
}

/// How much may wait for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MailboxLimits {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// A call that a server has not answered.
#[derive(Debug)]
pub(super) struct Asked {
    /// The connection that it came on, or [`LinkId::HERE`].
    pub(super) link: LinkId,
    /// The caller's number for it.
    pub(super) id: u64,
    pub(super) server: ServerId,
    /// It was handed over.
    pub(super) taken: bool,
    /// It has items in front of its answer.
    pub(super) streams: bool,
}

#[derive(Debug)]
struct Server {
    name: Arc<str>,
    limits: MailboxLimits,
    mailbox: VecDeque<Delivery>,
    bytes: usize,
    /// Messages that were taken along the last time. They count as waiting until the next.
    ahead: usize,
    paused: bool,
}

/// The servers of this node.
#[derive(Debug, Default)]
pub(super) struct Servers {
    ids: BTreeMap<Arc<str>, ServerId>,
    servers: BTreeMap<ServerId, Server>,
    asked: BTreeMap<Tag, Asked>,
    /// By where they came from.
    origins: BTreeMap<(LinkId, u64), Tag>,
    last_server: u64,
    last_tag: u64,
}

/// Why something was not put into a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    NoServer,
    Full,
}

impl Server {
    fn pop(&mut self) -> Option<Delivery> {
        let delivery = self.mailbox.pop_front()?;
        self.bytes -= delivery.payload.bytes.len();
        if self.mailbox.is_empty() {
            self.mailbox.shrink_to(KEPT);
        }
        Some(delivery)
    }
}

impl Servers {
    /// Those of one run of a node. Names of servers begin at its number, which is the time at which
    /// it began, in microseconds: so those of the run before it are others.
    pub(super) fn new(run: u64) -> Self {
        Self { last_server: run, ..Self::default() }
    }

    pub(super) fn add(&mut self, name: &str, limits: MailboxLimits) -> Result<ServerId> {
        if self.ids.contains_key(name) {
            let message = format!("this node serves \"{name}\" already; stop that one first");
            return Err(Error::new(ErrorKind::ServerExists, message));
        }
        self.last_server = self.last_server.wrapping_add(1);
        let (id, name) = (ServerId(self.last_server), Arc::from(name));
        let server = Server {
            name: Arc::clone(&name),
            limits,
            mailbox: VecDeque::new(),
            bytes: 0,
            ahead: 0,
            paused: false,
        };
        self.ids.insert(name, id);
        self.servers.insert(id, server);
        Ok(id)
    }

    /// Takes a server off; its name, what waited for it, and what it had not answered.
    pub(super) fn remove(&mut self, id: ServerId) -> Option<(Arc<str>, Vec<Delivery>, Vec<Tag>)> {
        let server = self.servers.remove(&id)?;
        self.ids.remove(&server.name);
        let open = self.asked.iter().filter(|(_, asked)| asked.server == id);
        let open = open.map(|(tag, _)| *tag).collect();
        Some((server.name, server.mailbox.into(), open))
    }

    pub(super) fn find(&self, name: &str) -> Option<ServerId> {
        self.ids.get(name).copied()
    }

    /// Whether there is room for a message of that length.
    pub(super) fn has_room(&self, id: ServerId, length: usize) -> std::result::Result<(), Refused> {
        let server = self.servers.get(&id).ok_or(Refused::NoServer)?;
        let fits = server.mailbox.len() + server.ahead < server.limits.messages
            && server.bytes + length <= server.limits.bytes;
        if fits { Ok(()) } else { Err(Refused::Full) }
    }

    /// Whether a quarter of what may wait does.
    pub(super) fn is_crowded(&self, id: ServerId) -> bool {
        self.servers.get(&id).is_some_and(|server| {
            server.mailbox.len() + server.ahead > server.limits.messages / 4
                || server.bytes > server.limits.bytes / 4
        })
    }

    /// Puts a message into a mailbox that has room; whether somebody has to be told.
    pub(super) fn put(&mut self, id: ServerId, delivery: Delivery) -> bool {
        let Some(server) = self.servers.get_mut(&id) else { return false };
        server.bytes += delivery.payload.bytes.len();
        server.mailbox.push_back(delivery);
        server.mailbox.len() == 1 && !server.paused
    }

    /// A name for a call that is about to be put into a mailbox.
    pub(super) fn ask(&mut self, server: ServerId, link: LinkId, id: u64, streams: bool) -> Tag {
        self.last_tag += 1;
        let tag = Tag(self.last_tag);
        self.origins.insert((link, id), tag);
        self.asked.insert(tag, Asked { link, id, server, taken: false, streams });
        tag
    }

    /// The question of a caller that has that number.
    pub(super) fn find_asked(&self, link: LinkId, id: u64) -> Option<Tag> {
        self.origins.get(&(link, id)).copied()
    }

    /// Where a question came from, and the caller's number for it.
    pub(super) fn origin(&self, tag: Tag) -> Option<(LinkId, u64)> {
        self.asked.get(&tag).map(|asked| (asked.link, asked.id))
    }

    /// The next message of a mailbox that is not paused.
    pub(super) fn take(&mut self, id: ServerId) -> Option<Delivery> {
        let server = self.servers.get_mut(&id)?;
        server.ahead = 0;
        if server.paused {
            return None;
        }
        let delivery = server.pop()?;
        if let Some(asked) = delivery.tag.and_then(|tag| self.asked.get_mut(&tag)) {
            asked.taken = true;
        }
        Some(delivery)
    }

    /// Takes casts along that come next and are of use for ever: with them there is nothing to be
    /// judged when their turn comes.
    pub(super) fn take_ahead(&mut self, id: ServerId, into: &mut VecDeque<Delivery>) {
        let Some(server) = self.servers.get_mut(&id).filter(|server| !server.paused) else {
            return;
        };
        let plain = |next: &Delivery| next.tag.is_none() && next.deadline == Instant::NEVER;
        let (most, mut bytes) = (AHEAD.min(server.limits.messages / AHEAD_SHARE), 0);
        while into.len() < most
            && bytes < AHEAD_BYTES
            && server.mailbox.front().is_some_and(plain)
            && let Some(delivery) = server.pop()
        {
            bytes += delivery.payload.bytes.len();
            into.push_back(delivery);
        }
        server.ahead = into.len();
    }

    /// Puts back what was taken along, in front of what waits.
    pub(super) fn give_back(&mut self, id: ServerId, ahead: &mut VecDeque<Delivery>) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.ahead = 0;
        while let Some(delivery) = ahead.pop_back() {
            server.bytes += delivery.payload.bytes.len();
            server.mailbox.push_front(delivery);
        }
    }

    /// Pauses or resumes a server; whether it has something to do now.
    pub(super) fn pause(&mut self, id: ServerId, paused: bool) -> bool {
        let Some(server) = self.servers.get_mut(&id) else { return false };
        server.paused = paused;
        !paused && !server.mailbox.is_empty()
    }

    /// Where the answer to a question goes. There is one.
    pub(super) fn answer(&mut self, tag: Tag) -> Option<Asked> {
        let asked = self.asked.remove(&tag)?;
        self.origins.remove(&(asked.link, asked.id));
        Some(asked)
    }

    /// The question of a caller who has given up, and the server if it has been handed over; then
    /// it goes on. Otherwise it waits no longer.
    pub(super) fn give_up(&mut self, link: LinkId, id: u64) -> Option<(Tag, Option<ServerId>)> {
        let tag = *self.origins.get(&(link, id))?;
        let asked = self.answer(tag)?;
        if asked.taken {
            return Some((tag, Some(asked.server)));
        }
        if let Some(server) = self.servers.get_mut(&asked.server)
            && let Some(at) = server.mailbox.iter().position(|waits| waits.tag == Some(tag))
            && let Some(waited) = server.mailbox.remove(at)
        {
            server.bytes -= waited.payload.bytes.len();
        }
        Some((tag, None))
    }

    /// Bytes that wait.
    #[cfg(feature = "sim")]
    pub(super) fn bytes(&self) -> usize {
        self.servers.values().map(|server| server.bytes).sum()
    }

    /// Whether a question was neither answered nor given up.
    pub(super) fn is_open(&self, tag: Tag) -> bool {
        self.asked.contains_key(&tag)
    }

    /// The callers' numbers of the questions that came on a connection.
    pub(super) fn asked_on(&self, link: LinkId) -> Vec<u64> {
        let range = (link, 0)..=(link, u64::MAX);
        self.origins.range(range).map(|((_, id), _)| *id).collect()
    }

    /// Questions under way.
    pub(super) fn unanswered(&self) -> usize {
        self.asked.len()
    }

    /// Questions under way and messages that wait.
    pub(super) fn busy(&self) -> usize {
        let of = |server: &Server| server.mailbox.len() + server.ahead;
        let waiting: usize = self.servers.values().map(of).sum();
        self.asked.len() + waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_burst_is_given_back() {
        let mut servers = Servers::default();
        let limits = MailboxLimits { messages: 100_000, bytes: 1 << 20 };
        let id = servers.add("s", limits).expect("the first");
        for _ in 0..limits.messages {
            servers.put(
                id,
                Delivery {
                    tag: None,
                    from: "n".into(),
                    op: Name::from("op"),
                    key: None,
                    headers: Box::default(),
                    payload: Payload::default(),
                    deadline: Instant::NEVER,
                    streams: false,
                    relayed: None,
                },
            );
        }
        let mut taken = 0;
        while servers.take(id).is_some() {
            taken += 1;
        }
        assert_eq!(taken, limits.messages);
        let room = servers.servers.values().map(|server| server.mailbox.capacity());
        assert!(room.sum::<usize>() <= 2 * KEPT);
    }
}
