//! Publications: to each member that subscribes to a topic, and there to its subscribers.
//!
//! A member says in its own keys which topics it wants (`interest`), so a publication is sent to
//! those alone, once to each, and every queue of subscribers gets it once: whoever publishes
//! chooses the member, and that one the subscriber. It goes the way of casts: at most once, in
//! order from one member to another, with the same bounds on what waits.

mod interest;
mod relayed;
mod subscribers;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use rand::RngExt as _;

pub(crate) use self::interest::Interest;
use self::interest::{Interests, QUEUES_MAX};
#[cfg(all(unix, feature = "runtime"))]
pub(crate) use self::relayed::Relay as RelayedPublication;
pub(crate) use self::subscribers::Publication;
use self::subscribers::{Put, Subscribers};
use super::link::LinkId;
use super::peers::Outgoing;
use super::target::check_name;
use super::{MailboxLimits, Messaging, Output, Payload, too_large};
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::{Head, Header, Kind};
use crate::time::Instant;

/// Names one subscriber of this node. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SubscriberId(pub(crate) u64);

/// Who wants what, here and elsewhere.
#[derive(Debug, Default)]
pub(super) struct Topics {
    subscribers: Subscribers,
    interests: Interests,
}

/// What is published.
#[derive(Clone, Debug)]
pub(crate) struct Publish<'a> {
    pub(crate) topic: &'a str,
    /// As they are sent.
    pub(crate) headers: &'a [u8],
    pub(crate) payload: Payload,
    /// A newer one of the topic takes its place while it waits to be sent.
    pub(crate) latest: bool,
}

/// Whom of a member's subscribers a publication is for.
#[derive(Clone, Debug, Default)]
struct Share<'a> {
    plain: bool,
    queues: Vec<&'a str>,
}

/// Stands for the subscribers of no queue; no queue has that name.
const PLAIN: &str = "*";
/// Groups whose names fit into one frame, whatever they are.
const QUEUES_A_FRAME: usize = 3;

impl Topics {
    /// A member is here no longer.
    pub(super) fn forget(&mut self, member: &str) {
        self.interests.forget(member);
    }

    /// Bytes that wait for subscribers.
    #[cfg(feature = "sim")]
    pub(super) fn bytes(&self) -> usize {
        self.subscribers.bytes()
    }
}

impl Messaging {
    /// Another member wants this of a topic. What is no name of one is nobody's.
    pub(crate) fn note_interest(&mut self, member: &str, topic: &str, interest: Interest) {
        if *member != *self.name && check_name("topic", topic).is_ok() {
            self.topics.interests.note(&Arc::from(member), topic, interest);
        }
    }

    /// Subscribes; of a queue, its subscribers share what comes. Others are told by the shell.
    pub(crate) fn subscribe(
        &mut self,
        topic: &str,
        queue: Option<&str>,
        limits: MailboxLimits,
    ) -> Result<SubscriberId> {
        check_name("topic", topic)?;
        queue.map_or(Ok(()), |queue| check_name("queue", queue))?;
        if self.closing {
            return Err(Error::closed());
        }
        let held = self.topics.subscribers.interest(topic).queues;
        if held.len() >= QUEUES_MAX
            && queue.is_some_and(|queue| !held.iter().any(|h| **h == *queue))
        {
            let message = format!("a member has at most {QUEUES_MAX} queues at one topic");
            return Err(Error::new(ErrorKind::BadArgument, message));
        }
        self.check_subscribed(self.topics.subscribers.len())?;
        let id = self.topics.subscribers.add(topic, queue, limits);
        self.note_own(topic);
        Ok(id)
    }

    /// Nothing more comes for a subscriber; its topic.
    pub(crate) fn unsubscribe(&mut self, id: SubscriberId) -> Option<Arc<str>> {
        let (topic, waited) = self.topics.subscribers.remove(id)?;
        self.counters.publications_missed += waited as u64;
        self.note_own(&topic);
        Some(topic)
    }

    fn note_own(&mut self, topic: &str) {
        // Of a worker, its member's keys say so.
        if self.relay.is_some() {
            return;
        }
        let own = self.topics.subscribers.interest(topic);
        self.topics.interests.note(&self.name, topic, own);
    }

    /// What this node wants of a topic; none if it is nothing.
    pub(crate) fn own_interest(&self, topic: &str) -> Option<Interest> {
        Some(self.topics.subscribers.interest(topic)).filter(|interest| !interest.is_none())
    }

    /// Who wants something of a topic.
    pub(crate) fn subscribers(&self, topic: &str) -> Vec<Arc<str>> {
        self.topics.interests.of(topic).map(|(member, _)| Arc::clone(member)).collect()
    }

    /// Every topic that somebody wants something of, and how many members do.
    pub(crate) fn known_topics(&self) -> Vec<(String, usize)> {
        self.topics.interests.topics().map(|(topic, count)| (topic.to_owned(), count)).collect()
    }

    /// How many publications a subscriber has missed in all.
    pub(crate) fn missed(&self, id: SubscriberId) -> u64 {
        self.topics.subscribers.dropped(id)
    }

    /// The next publication for a subscriber, and how many were dropped just before it.
    pub(crate) fn next_published(&mut self, id: SubscriberId) -> Option<(Arc<Publication>, u64)> {
        self.topics.subscribers.take(id)
    }

    /// Sends something to whoever subscribes to a topic; to how many members, this one included.
    ///
    /// # Errors
    /// `bad_argument`, `too_large`, `closed`: nothing was sent then. What there is no room for on
    /// the way to one member is dropped there, and counted.
    pub(crate) fn publish(&mut self, now: Instant, publish: Publish<'_>) -> Result<usize> {
        self.at(now);
        let Publish { topic, headers, payload, latest } = publish;
        if self.closing {
            return Err(Error::closed());
        }
        check_name("topic", topic)?;
        let (length, limit) = (payload.bytes.len(), self.payload_max());
        if length > limit {
            return Err(too_large("payload", length, limit));
        }
        if self.relay.is_some() {
            return self.publish_through(Publish { topic, headers, payload, latest });
        }
        self.counters.publications_made += 1;
        // Apart, because what is sent changes what this is read from.
        let interests = std::mem::take(&mut self.topics.interests);
        let shares = self.shares(&interests, topic);
        let (mut sent, mut own) = (0, None);
        for (member, share) in shares {
            if **member == *self.name {
                own = Some(share);
                continue;
            }
            let mut reached = false;
            for op in share.frames() {
                let head = Head { server: topic, op: &op, headers, ..Head::default() };
                let id = self.next_cast();
                let header = Header { codec: payload.codec, ..Header::new(Kind::Publish, id) };
                let outgoing = Outgoing { header, head, call: None, deadline: Instant::NEVER };
                let bytes = Cow::Borrowed(&*payload.bytes);
                self.counters.publications_sent += 1;
                match self.send_to(member, outgoing, bytes, latest) {
                    Ok(()) => reached = true,
                    Err(_) => self.counters.publications_dropped += 1,
                }
            }
            sent += usize::from(reached);
        }
        if let Some(share) = own {
            self.counters.publications_sent += 1;
            let from = Arc::clone(&self.name);
            self.spread(from, topic, headers, payload, &share);
            sent += 1;
        }
        self.topics.interests = interests;
        Ok(sent)
    }

    /// Who gets a publication, and for whom of its subscribers: everybody for those of no queue,
    /// and for each queue one of those that have it, by chance.
    fn shares<'a>(
        &mut self,
        interests: &'a Interests,
        topic: &str,
    ) -> BTreeMap<&'a Arc<str>, Share<'a>> {
        let mut shares: BTreeMap<&Arc<str>, Share<'_>> = BTreeMap::new();
        let mut queues: BTreeMap<&str, Vec<&Arc<str>>> = BTreeMap::new();
        for (member, interest) in interests.of(topic) {
            if self.is_draining(member) {
                continue;
            }
            if interest.plain {
                shares.entry(member).or_default().plain = true;
            }
            for queue in &interest.queues {
                queues.entry(queue).or_default().push(member);
            }
        }
        for (queue, members) in queues {
            let at = self.rng.random_range(0..members.len().max(1));
            if let Some(member) = members.get(at) {
                shares.entry(member).or_default().queues.push(queue);
            }
        }
        shares
    }

    /// A publication of a peer.
    pub(super) fn on_published(&mut self, at: LinkId, head: &Head<'_>, payload: Payload) {
        let Some(from) = self.links.get(&at).and_then(|link| link.peer.clone()) else { return };
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.tally.received += 1;
        }
        let mut share = Share::default();
        for name in head.op.split(',') {
            match name {
                PLAIN => share.plain = true,
                queue => share.queues.push(queue),
            }
        }
        // Each is to get it once, whatever the peer says.
        share.queues.sort_unstable();
        share.queues.dedup();
        self.spread(from, head.server, head.headers, payload, &share);
    }

    /// Puts a publication in front of the subscribers that it is for.
    fn spread(
        &mut self,
        from: Arc<str>,
        topic: &str,
        headers: &[u8],
        payload: Payload,
        share: &Share<'_>,
    ) {
        let queues = share.queues.iter().copied();
        let chosen = self.topics.subscribers.chosen(topic, share.plain, queues);
        if chosen.is_empty() {
            // They have unsubscribed meanwhile.
            self.counters.publications_dropped += 1;
            return;
        }
        self.counters.publications_received += 1;
        let headers = headers.into();
        let publication = Arc::new(Publication { topic: topic.into(), from, headers, payload });
        for id in chosen {
            let Put { dropped, wake } = self.topics.subscribers.put(id, Arc::clone(&publication));
            self.counters.publications_missed += dropped;
            if wake {
                self.out.push_back(Output::Published(id));
            }
        }
    }
}

impl Share<'_> {
    /// Whom it is for, as the frames say that it takes to name all.
    fn frames(&self) -> Vec<String> {
        let mut names = self.queues.clone();
        if self.plain {
            names.insert(0, PLAIN);
        }
        names.chunks(QUEUES_A_FRAME).map(|names| names.join(",")).collect()
    }
}
