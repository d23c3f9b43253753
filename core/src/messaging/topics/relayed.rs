//! What was published and comes to a worker, through its member.
//!
//! To the cluster, it is the member that subscribes, once for each worker, topic and queue; so the
//! queues' subscribers share over members and workers. What comes is handed on one by one, with how
//! many the worker has missed before it.
#![cfg(all(unix, feature = "runtime"))]

use std::sync::Arc;

use super::super::target::{SERVER_NAME_MAX, check_name};
use super::{Messaging, Share};
use crate::messaging::Payload;
use crate::time::Instant;

/// Which of a worker's subscribers a publication is for, and what they have missed before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relay<'a> {
    pub(crate) topic: &'a str,
    /// One of that queue's; else all that are of no queue.
    pub(crate) queue: Option<&'a str>,
    pub(crate) missed: u64,
}

impl<'a> Relay<'a> {
    /// As it stands beside a publication: the number, lowest byte first, the topic behind its
    /// length in a byte, and the queue.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let queue = self.queue.unwrap_or_default();
        let mut out = Vec::with_capacity(9 + self.topic.len() + queue.len());
        out.extend_from_slice(&self.missed.to_le_bytes());
        // A topic has 64 bytes at most.
        out.push(self.topic.len() as u8);
        out.extend_from_slice(self.topic.as_bytes());
        out.extend_from_slice(queue.as_bytes());
        out
    }

    /// What it says; none if that cannot be read.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (missed, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (topic, queue) = rest.split_at_checked(usize::from(*length))?;
        let text = |bytes| std::str::from_utf8(bytes).ok();
        let (topic, queue) = (text(topic)?, text(queue)?);
        check_name("topic", topic).ok()?;
        let queue = Some(queue).filter(|queue| !queue.is_empty());
        let fits = queue.is_none_or(|queue| queue.len() <= SERVER_NAME_MAX);
        fits.then_some(Self { topic, queue, missed: u64::from_le_bytes(*missed) })
    }
}

impl Messaging {
    /// A publication that this worker's member hands on.
    pub(crate) fn published_through(
        &mut self,
        now: Instant,
        from: Arc<str>,
        relay: &Relay<'_>,
        headers: &[u8],
        payload: Payload,
    ) {
        self.at(now);
        let Relay { topic, queue, missed } = *relay;
        if missed > 0 {
            self.topics.subscribers.miss(topic, queue, missed);
        }
        let share = Share { plain: queue.is_none(), queues: queue.into_iter().collect() };
        self.spread(from, topic, headers, payload, &share);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_stands_beside_a_publication_comes_out_as_it_went_in() {
        for queue in [None, Some("workers")] {
            let relay = Relay { topic: "prices/eur", queue, missed: 0x0102_0304 };
            assert_eq!(Relay::decode(&relay.encode()), Some(relay));
        }
        for wrong in [&[][..], &[0; 8], &[0; 9], b"\0\0\0\0\0\0\0\0\x05abc"] {
            assert_eq!(Relay::decode(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Relay::decode(&bytes);
        }
    }
}
