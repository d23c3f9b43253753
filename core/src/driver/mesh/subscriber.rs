//! What is published, and who gets it.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Mesh, Shared, clock};
use crate::error::{Error, Result};
use crate::mesh;
use crate::messaging::{MailboxLimits, Payload, Publication, Publish, SubscriberId};

impl Mesh {
    /// Subscribes to a topic; of a queue, its subscribers share what comes.
    pub(crate) fn subscribe(
        &self,
        topic: &str,
        queue: Option<&str>,
        limits: MailboxLimits,
    ) -> Result<Subscriber> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Error::closed());
        }
        let id = state.messaging.subscribe(topic, queue, limits)?;
        state.readers.insert(id, None);
        self.shared.announce_topic(&mut state, topic);
        Ok(Subscriber { shared: Arc::clone(&self.shared), id })
    }

    /// Sends something to whoever subscribes to a topic; to how many members.
    pub(crate) fn publish(&self, publish: Publish<'_>) -> Result<usize> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Error::closed());
        }
        let outcome = state.messaging.publish(clock::now(), publish);
        self.shared.carry_out(state);
        outcome
    }

    /// Who subscribes to a topic.
    pub(crate) fn subscribers(&self, topic: &str) -> Vec<Arc<str>> {
        self.shared.lock().messaging.subscribers(topic)
    }

    /// Every topic that somebody subscribes to, and how many members do.
    pub(crate) fn known_topics(&self) -> Vec<(String, usize)> {
        self.shared.lock().messaging.known_topics()
    }
}

/// Where what is published waits for one subscriber. Dropped, it is subscribed no longer.
///
/// Who is slow misses the oldest of what waits, and hears how many those were with the next.
pub struct Subscriber {
    shared: Arc<Shared>,
    id: SubscriberId,
}

impl Subscriber {
    /// The next publication; `None` once the node is closed. Safe to cancel.
    pub async fn next(&self) -> Option<Published> {
        poll_fn(|context| self.poll_published(context)).await
    }

    /// The same for those who poll by hand: the waker is called when there is something.
    pub fn poll_published(&self, context: &mut Context<'_>) -> Poll<Option<Published>> {
        let mut state = self.shared.lock();
        if let Some((publication, missed)) = state.messaging.next_published(self.id) {
            return Poll::Ready(Some(Published { publication, missed }));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        let waker = context.waker();
        if let Some(held) = state.readers.get_mut(&self.id)
            && !held.as_ref().is_some_and(|held| held.will_wake(waker))
        {
            *held = Some(waker.clone());
        }
        Poll::Pending
    }

    /// How many publications it has missed in all, because it was slow.
    pub fn missed(&self) -> u64 {
        self.shared.lock().messaging.missed(self.id)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        if self.shared.is_forked() {
            return;
        }
        let mut state = self.shared.lock();
        state.readers.remove(&self.id);
        if let Some(topic) = state.messaging.unsubscribe(self.id) {
            self.shared.announce_topic(&mut state, &topic);
        }
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Something that was published.
#[derive(Clone, Debug)]
pub struct Published {
    publication: Arc<Publication>,
    missed: u64,
}

impl Published {
    /// The topic.
    pub fn topic(&self) -> &str {
        &self.publication.topic
    }

    /// The member that published it.
    pub fn from(&self) -> &str {
        &self.publication.from
    }

    /// What was published.
    pub fn payload(&self) -> &Payload {
        &self.publication.payload
    }

    /// The same, copied only if there are other subscribers on this node that share it.
    pub fn into_payload(self) -> Payload {
        match Arc::try_unwrap(self.publication) {
            Ok(publication) => publication.payload,
            Err(shared) => shared.payload.clone(),
        }
    }

    /// The headers, as whoever published it gave them; those that cannot be read are left out.
    pub fn headers(&self) -> Vec<(String, String)> {
        mesh::headers(&self.publication.headers).unwrap_or_default()
    }

    /// The headers, as they are sent.
    #[cfg(unix)]
    pub(in crate::driver) fn raw_headers(&self) -> &[u8] {
        &self.publication.headers
    }

    /// How many before it this subscriber has missed since the last one, because it was slow.
    pub const fn missed(&self) -> u64 {
        self.missed
    }
}

/// Who waits for something to be published.
pub(super) type Reader = Option<Waker>;
