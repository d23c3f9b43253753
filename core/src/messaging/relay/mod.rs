//! What is different about the messages between a member and the workers of its host.
//!
//! They have a mesh of their own, on which the member is the hub: a worker sends everything to it,
//! whomever it is for, and each message says that beside itself. So the member hears what is for
//! others as well, and a worker hears who has sent what the member hands it. Nobody dials here: a
//! connection is there or not, and with it the peer.

#[cfg(all(test, unix, feature = "runtime"))]
mod tests;

use std::sync::Arc;

use super::link::{Link, LinkId, Stage};
use super::peers::{self, Peer};
use super::servers::{MailboxLimits, ServerId};
use super::target::Place;
use super::{Ask, Messaging, Output, Publish, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::{Failure, Head, RemoteFailure};
use crate::time::Instant;

/// What a node is on a mesh of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The member that has workers.
    Hub,
    /// One of them.
    Worker,
}

/// The server to which a member and its workers talk of everything but users' messages.
pub(crate) const DESK: &str = "!";

/// On a mesh of workers.
#[derive(Debug)]
pub(super) struct Relay {
    role: Role,
    /// Of a worker, its member, while there is a connection.
    uplink: Option<Arc<str>>,
    /// The server for what is no message of a user's; of the hub it takes whatever comes.
    desk: Option<ServerId>,
    /// Bytes of a payload of a user's.
    payload_max: usize,
}

/// Whom a message of a worker is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relayed {
    pub(crate) server: Box<str>,
    /// The member, if one is named.
    pub(crate) node: Option<Box<str>>,
    /// Nobody waits for it, and a newer one may take its place.
    pub(crate) latest: bool,
}

/// Subscribers that one worker may have, of whatever topics and queues.
pub(crate) const SUBSCRIBED_MAX: usize = 4096;

impl Relay {
    /// The server that takes what no other does.
    pub(super) fn desk(&self) -> Option<ServerId> {
        self.desk.filter(|_| self.role == Role::Hub)
    }

    /// Who has sent what came from a peer, and whom it is for.
    pub(super) fn origin(
        &self,
        peer: Arc<str>,
        head: &Head<'_>,
        latest: bool,
    ) -> (Arc<str>, Option<Box<Relayed>>) {
        if self.role == Role::Hub {
            let node = head.via.map(Into::into);
            return (peer, Some(Box::new(Relayed { server: head.server.into(), node, latest })));
        }
        (head.via.map_or(peer, Arc::from), None)
    }
}

impl Messaging {
    /// Makes these the messages between a member and its workers.
    pub(crate) fn in_role(mut self, role: Role) -> Self {
        let payload_max = self.limits.message_max;
        self.relay = Some(Box::new(Relay { role, uplink: None, desk: None, payload_max }));
        self
    }

    /// Bounds the payloads of users' messages, more tightly than those of others.
    pub(crate) fn bound_payloads(&mut self, bytes: usize) {
        if let Some(relay) = &mut self.relay {
            relay.payload_max = bytes;
        }
    }

    /// The longest payload of a message of users.
    pub(super) fn payload_max(&self) -> usize {
        self.relay.as_ref().map_or(self.limits.message_max, |relay| relay.payload_max)
    }

    /// The longest item that may come. A worker whose own bound is tighter takes what its member
    /// does.
    pub(super) fn item_max(&self) -> usize {
        let relay = self.relay.as_ref().filter(|relay| relay.role == Role::Hub);
        relay.map_or(self.limits.message_max, |relay| relay.payload_max)
    }

    /// An error as it travels to where a question came from.
    pub(super) fn failure(&self, error: Error) -> Failure {
        if self.relay.is_some() { failure(error) } else { super::failure(error) }
    }

    /// Whether this node may have one more subscriber: a worker's member keeps something for each.
    pub(super) fn check_subscribed(&self, count: usize) -> Result<()> {
        if self.relay.is_none() || count < SUBSCRIBED_MAX {
            return Ok(());
        }
        let message = format!("a worker has at most {SUBSCRIBED_MAX} subscribers; end some first");
        Err(Error::new(ErrorKind::Overloaded, message))
    }

    /// Sends what a worker has cast. It counts as sent also where that is refused at once, since
    /// the worker has sent it, and cannot be told.
    #[cfg(all(unix, feature = "runtime"))]
    pub(crate) fn cast_on(&mut self, now: Instant, ask: Ask<'_>) {
        let before = self.counters.casts_sent;
        if self.cast(now, ask).is_err() && self.counters.casts_sent == before {
            self.counters.casts_sent += 1;
            self.counters.casts_dropped += 1;
        }
    }

    /// Has the member publish something; to how many members, as far as this worker knows.
    pub(super) fn publish_through(&mut self, publish: Publish<'_>) -> Result<usize> {
        let Publish { topic, headers, payload, latest } = publish;
        let target = Target::topic(topic);
        let peer = self.route(&target)?;
        let count = self.subscribers(topic).len();
        let (op, deadline) = ("publish", Instant::NEVER);
        let ask = Ask { target: &target, op, headers, payload, deadline, latest };
        self.submit(peer, None, ask, false)?;
        self.counters.publications_made += 1;
        Ok(count)
    }

    /// The peer that a message goes to.
    pub(super) fn route_relayed(&self, relay: &Relay, target: &Target) -> Result<Arc<str>> {
        let peer = match (target.place(), &relay.uplink) {
            (Place::Via(via), _) => &via.worker,
            (_, Some(member)) => member,
            (_, None) => return Err(away("this worker has no member just now")),
        };
        // What is said while both greet each other waits for the end of that.
        let is_there = |peer: &Peer| peer.link.or(peer.dialling).is_some();
        if !self.peers.get(peer).is_some_and(is_there) {
            return Err(away(&format!("\"{peer}\" is not there")));
        }
        if self.is_draining(peer) {
            return Err(peers::leaving(peer));
        }
        Ok(Arc::clone(peer))
    }

    /// Whether what is for that server is a message of a user's, and counts.
    pub(super) fn is_users(&self, server: ServerId) -> bool {
        self.relay.as_ref().is_none_or(|relay| relay.desk != Some(server))
    }

    /// Whether there is a server of that name here.
    pub(crate) fn serves(&self, name: &str) -> bool {
        self.servers.find(name).is_some()
    }

    /// Registers what takes the messages for the desk; of the hub, those for all others as well.
    pub(crate) fn open_desk(&mut self, limits: MailboxLimits) -> Result<ServerId> {
        let id = self.servers.add(DESK, limits)?;
        if let Some(relay) = &mut self.relay {
            relay.desk = Some(id);
        }
        Ok(id)
    }

    /// Whether so much of what workers said waits that no more of it should be read.
    pub(crate) fn is_crowded(&self) -> bool {
        let desk = self.relay.as_ref().and_then(|relay| relay.desk());
        desk.is_some_and(|desk| self.servers.is_crowded(desk))
    }

    /// This worker has a connection to that member, where both have greeted each other.
    pub(crate) fn attach(&mut self, now: Instant, member: &str) -> LinkId {
        self.at(now);
        self.last_link += 1;
        let (at, member) = (LinkId(self.last_link), Arc::<str>::from(member));
        let peer = Peer { present: true, dialling: Some(at), ..Peer::default() };
        self.peers.insert(Arc::clone(&member), peer);
        self.links.insert(at, Link::new(Stage::Dialled, Some(Arc::clone(&member)), self.now));
        if let Some(relay) = &mut self.relay {
            relay.uplink = Some(member);
        }
        self.opened(now, at);
        self.look_soon();
        at
    }

    /// The connection to the member is over.
    pub(crate) fn detach(&mut self, now: Instant) {
        let uplink = self.relay.as_mut().and_then(|relay| relay.uplink.take());
        if let Some(member) = uplink {
            self.member_gone(now, &member, false);
        }
    }

    /// The connection to that peer, once both know each other.
    pub(crate) fn link_to(&self, peer: &str) -> Option<LinkId> {
        self.peers.get(peer)?.link
    }

    /// Whether a peer takes messages: its connection is there, and it is not leaving.
    pub(crate) fn is_ready(&self, peer: &str) -> bool {
        self.link_to(peer).is_some() && !self.is_draining(peer)
    }

    /// Lets go of a peer.
    pub(crate) fn let_go(&mut self, now: Instant, at: LinkId) {
        self.out.push_back(Output::Close { link: at, flush: false });
        self.closed(now, at, "it was let go of");
    }

    /// Forgets a peer that has no connection any more: whoever waits for it is told.
    pub(super) fn forget_unlinked(&mut self, peer: Option<&str>) {
        let Some(name) = peer else { return };
        if self.peers.get(name).is_some_and(|peer| peer.link.is_none() && peer.dialling.is_none()) {
            if let Some(relay) = &mut self.relay {
                relay.uplink.take_if(|member| **member == *name);
            }
            self.member_gone(self.now, name, false);
        }
    }
}

fn away(who: &str) -> Error {
    let message = format!("{who}; nothing was sent");
    Error::new(ErrorKind::NodeDown, message).with_executed(false)
}

/// An error as it travels between a member and a worker: it keeps whose it is.
fn failure(error: Error) -> Failure {
    let node = error.remote().map(|remote| remote.node.clone()).filter(|node| !node.is_empty());
    match (super::failure(error), node) {
        (Failure::Remote(RemoteFailure { language, class, message, stack }), Some(node)) => {
            let node = super::cut(&node, 255);
            Failure::Elsewhere(node, RemoteFailure { language, class, message, stack })
        }
        (failure, _) => failure,
    }
}
