//! Topics: what is published, and who subscribes.

use std::future::IntoFuture;

use super::{IntoPayload, Node, Sending};
use crate::driver::mesh::Subscriber;
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::put_headers;
use crate::messaging::{MailboxLimits, Payload, Publish as Said};

/// How a topic is subscribed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribing {
    /// The queue: of what is published, each queue gets everything once, and its subscribers, on
    /// whatever members they are, share that. None: the subscriber gets everything.
    pub queue: Option<String>,
    /// Publications that may wait, at least 1; who is slower misses the oldest.
    pub buffer: usize,
}

impl Default for Subscribing {
    fn default() -> Self {
        Self { queue: None, buffer: 1024 }
    }
}

/// Bytes that may wait for a subscriber, whatever their number.
const BUFFER_BYTES: usize = 64 << 20;

/// A publication on its way: awaited, it is sent, and to how many members.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is awaited"]
pub struct Publish<'a> {
    node: &'a Node,
    topic: &'a str,
    payload: Result<Payload>,
    headers: Vec<(String, String)>,
    latest: bool,
}

impl Node {
    /// Sends something to everybody who subscribes to a topic, on whatever members they are, this
    /// one included; to how many members it was sent. Nothing is stored: who subscribes later, or
    /// has subscribed so lately that this node has not heard of it, does not get it. In order from
    /// one member to each other, at most once. It never waits: what there is no room for on the
    /// way to a member is dropped there and counted, whatever `outbox_overflow` says; the others
    /// get it.
    ///
    /// # Errors
    /// `bad_argument` for what is no name of a topic, `too_large`, `codec`, `closed`: nothing was
    /// sent then.
    pub fn publish<'a>(&'a self, topic: &'a str, payload: impl IntoPayload) -> Publish<'a> {
        let (payload, headers) = (payload.into_payload(), Vec::new());
        Publish { node: self, topic, payload, headers, latest: false }
    }

    /// Subscribes to a topic: to exactly that name, of 1 to 64 letters, digits and `._:/-`. Others
    /// hear of it within milliseconds.
    ///
    /// # Errors
    /// `bad_argument` for what is no name, `closed`.
    pub fn subscribe(&self, topic: &str) -> Result<Subscriber> {
        self.subscribe_with(topic, &Subscribing::default())
    }

    /// The same, in a queue or with another buffer. A member has at most 64 queues at one topic.
    ///
    /// # Errors
    /// As [`Node::subscribe`].
    pub fn subscribe_with(&self, topic: &str, how: &Subscribing) -> Result<Subscriber> {
        let limits = MailboxLimits { messages: how.buffer.max(1), bytes: BUFFER_BYTES };
        self.handle.mesh().subscribe(topic, how.queue.as_deref(), limits)
    }

    /// Which members have subscribers of a topic, in the order of their names.
    pub fn subscribers(&self, topic: &str) -> Vec<String> {
        self.handle.mesh().subscribers(topic).iter().map(ToString::to_string).collect()
    }

    /// Every topic that this node knows subscribers of, and how many members have some.
    pub fn topics(&self) -> Vec<(String, usize)> {
        self.handle.mesh().known_topics()
    }

    /// Publishes, as it was set up.
    pub(crate) fn publish_now(
        &self,
        topic: &str,
        headers: &[(String, String)],
        payload: Payload,
        latest: bool,
    ) -> Result<usize> {
        let pairs = headers.iter().map(|(name, value)| (&**name, &**value));
        let headers = put_headers(pairs).ok_or_else(|| {
            Error::new(ErrorKind::TooLarge, "the headers have more than 4,096 bytes")
        })?;
        self.handle.mesh().publish(Said { topic, headers: &headers, payload, latest })
    }
}

impl Publish<'_> {
    /// Sends a header along, such as `traceparent`; 4,096 bytes at most in all.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// It is about a state: while it waits to be sent, a newer one of the topic takes its place.
    pub fn latest(self) -> Self {
        Self { latest: true, ..self }
    }
}

impl<'a> IntoFuture for Publish<'a> {
    type Output = Result<usize>;
    type IntoFuture = Sending<'a, usize>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            // Who publishes many in a row lets what was said before be sent meanwhile.
            tokio::task::coop::consume_budget().await;
            self.node.publish_now(self.topic, &self.headers, self.payload?, self.latest)
        })
    }
}
