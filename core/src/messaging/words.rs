//! What messaging is given, what it asks to be done, and what it counts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::calls::CallId;
use super::link::LinkId;
use super::monitors::{Down, MonitorId};
use super::servers::{ServerId, Tag};
use super::streams::StreamId;
use super::target::Target;
use super::topics::SubscriberId;
use crate::config::Overflow;
use crate::error::Result;
use crate::mesh::{Header, Kind};
use crate::ring::Ring;
use crate::time::Instant;

impl Payload {
    /// Bytes of the user's.
    pub const RAW: u8 = 0;
    /// MessagePack, as [`crate::payload`] has it.
    pub const MSGPACK: u8 = 1;
    /// JSON.
    pub const JSON: u8 = 2;
    /// Erlang's external terms, between members of Elixir and Erlang.
    pub const ETF: u8 = 3;
    /// The first of those that users agree on.
    pub const USER: u8 = 128;
}

/// Where a member is, as the membership has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// Present, at that address.
    Here(SocketAddr),
    Failed,
    Left,
}

/// Who is asked where a member is. Thus nothing is kept here of members that nobody talks to.
pub(crate) trait Members: Send + std::fmt::Debug {
    /// Where it is; none if nobody remembers it.
    fn find(&self, name: &str) -> Option<Whereabouts>;

    /// The ring by which keys have owners; none before somebody has asked for it.
    fn ring(&self) -> Option<Ring>;

    /// What a server of a member said when it ended, as that member's keys have it.
    fn last_words(&self, member: &str, server: &str) -> Option<Arc<[u8]>>;
}

/// What is sent, and how it is encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// Says how: 0 for bytes of the user's, 1 for MessagePack, 2 for JSON, 3 for Erlang's terms,
    /// from 128 on whatever the two sides have agreed on.
    pub codec: u8,
    /// As they travel.
    pub bytes: Vec<u8>,
}

/// What the messages of a node begin with.
#[derive(Debug)]
pub(crate) struct Setup {
    /// The member's name.
    pub(crate) name: String,
    /// Tells this run of the node from others.
    pub(crate) run: u64,
    pub(crate) limits: Limits,
    pub(crate) members: Box<dyn Members>,
    /// Seed of every random choice.
    pub(crate) seed: u64,
}

/// What bounds the messages of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes of a payload.
    pub(crate) message_max: usize,
    /// Bytes that may wait for one member.
    pub(crate) outbox_bytes: usize,
    /// How long something that nobody waits for may wait for a connection.
    pub(crate) outbox_age: Duration,
    pub(crate) overflow: Overflow,
}

/// A message on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) target: &'a Target,
    pub(crate) op: &'a str,
    /// As they are sent.
    pub(crate) headers: &'a [u8],
    pub(crate) payload: Payload,
    /// Nobody waits after that; of a cast, when it is of no use any more.
    pub(crate) deadline: Instant,
    /// Of a cast: a newer one to the same server and operation takes its place while it waits.
    pub(crate) latest: bool,
}

/// Something to be done outside.
#[derive(Debug)]
pub(crate) enum Output {
    /// Connect, greet, and tell what came of it.
    Dial { link: LinkId, to: SocketAddr },
    /// There is something to be written: ask [`Messaging::transmit`] until it gives nothing.
    Write(LinkId),
    /// Close a connection, once everything is written if `flush`. Nothing more is heard of it.
    Close { link: LinkId, flush: bool },
    /// What a call came to.
    Settled { call: CallId, result: Result<Payload> },
    /// A call that streams has something to be read.
    Readable(StreamId),
    /// It has room for an item.
    Writable(StreamId),
    /// A mailbox has something.
    Ready(ServerId),
    /// A subscriber has something.
    Published(SubscriberId),
    /// Whoever asked does not wait any more. The server has the question, unless it is none.
    GivenUp { tag: Tag, server: Option<ServerId> },
    /// A server is no more; what waited for it was answered.
    Ended(ServerId),
    /// A server that somebody follows is down. Nothing more is heard of that monitor.
    Down { monitor: MonitorId, down: Down },
    /// Something refused for lack of room would have it now.
    Room,
    /// A connection broke: is the member still there?
    Doubt(SocketAddr),
    /// A ring is wanted, to judge who owns a key.
    NeedsRing,
}

/// What has been sent and received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) calls_made: u64,
    pub(crate) calls_served: u64,
    pub(crate) replies_late: u64,
    pub(crate) casts_sent: u64,
    pub(crate) casts_served: u64,
    pub(crate) casts_dropped: u64,
    /// On connections that broke: they did not come, as the other side says.
    pub(crate) casts_lost: u64,
    /// The same, where the other side is gone and cannot say.
    pub(crate) casts_in_doubt: u64,
    pub(crate) publications_made: u64,
    /// One for each frame, and one for the subscribers of this node.
    pub(crate) publications_sent: u64,
    pub(crate) publications_received: u64,
    /// On the way, or with nobody to take them.
    pub(crate) publications_dropped: u64,
    /// By subscribers that were slow, or are subscribed no longer.
    pub(crate) publications_missed: u64,
    pub(crate) requests_expired: u64,
    pub(crate) requests_refused: u64,
    pub(crate) replies_unwanted: u64,
    pub(crate) items_sent: u64,
    pub(crate) items_received: u64,
    /// Nobody read them any more when they came.
    pub(crate) items_unwanted: u64,
    pub(crate) links_opened: u64,
    pub(crate) links_accepted: u64,
    pub(crate) links_lost: u64,
    /// Who was there had no certificate with its name.
    pub(crate) links_unproven: u64,
    /// Who was there has not said in time who it is.
    pub(crate) links_nameless: u64,
    pub(crate) frames_malformed: u64,
}

impl Counters {
    /// A message that nobody waits for is not sent.
    pub(super) const fn count_dropped(&mut self, header: &Header) {
        match header.kind {
            Kind::Publish => self.publications_dropped += 1,
            _ => self.casts_dropped += 1,
        }
    }
}
