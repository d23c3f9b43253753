//! Topics of a binding: what is published, and subscribers whose messages are taken in batches.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Host, HostWake};
use crate::error::{Error, ErrorKind, Result};
use crate::messaging::Payload;
use crate::node::{Published, Subscriber, Subscribing};

impl Host {
    /// Sends something to everybody who subscribes to a topic; to how many members. It never waits.
    /// With `latest`, a newer one of the topic takes its place while it waits to be sent.
    ///
    /// # Errors
    /// As [`Node::publish`](crate::Node::publish); `forked`.
    pub fn publish(
        &self,
        topic: &str,
        headers: &[(String, String)],
        payload: Payload,
        latest: bool,
    ) -> Result<usize> {
        self.check()?;
        self.node.publish_now(topic, headers, payload, latest)
    }

    /// Subscribes to a topic.
    ///
    /// # Errors
    /// As [`Node::subscribe`](crate::Node::subscribe); `forked`.
    pub fn subscribe_topic(&self, topic: &str, how: &Subscribing) -> Result<Subscribed> {
        self.check()?;
        let subscriber = Some(self.node.subscribe_with(topic, how)?);
        Ok(Subscribed {
            pid: self.pid,
            subscriber,
            missed: 0,
            waker: self.waker(),
            wake: Arc::clone(&self.wake),
        })
    }

    /// Which members have subscribers of a topic, in the order of their names.
    ///
    /// # Errors
    /// `forked`.
    pub fn subscribers(&self, topic: &str) -> Result<Vec<String>> {
        self.check()?;
        Ok(self.node.subscribers(topic))
    }

    /// Every topic that somebody subscribes to, and how many members do.
    ///
    /// # Errors
    /// `forked`.
    pub fn topics(&self) -> Result<Vec<(String, usize)>> {
        self.check()?;
        Ok(self.node.topics())
    }
}

/// A subscriber of a binding. The host's wake object is poked when there is something to take
/// after [`Subscribed::drain`] came back with less than `max`. Dropped, it is subscribed no longer.
#[derive(Debug)]
pub struct Subscribed {
    pid: u32,
    /// There until it is closed; an option also so that a forked child can forget it.
    subscriber: Option<Subscriber>,
    /// How many it had missed when it was closed.
    missed: u64,
    waker: Waker,
    wake: Arc<HostWake>,
}

/// What [`Subscribed::drain`] found.
#[derive(Debug, Default)]
pub struct Publications {
    /// The next ones, in order.
    pub published: Vec<Published>,
    /// Nothing will come after these: it was closed, or the node.
    pub ended: bool,
}

impl Subscribed {
    /// Takes up to `max` publications.
    ///
    /// # Errors
    /// `forked`.
    pub fn drain(&self, max: usize) -> Result<Publications> {
        self.check()?;
        let mut taken = Publications::default();
        let mut context = Context::from_waker(&self.waker);
        while taken.published.len() < max {
            let next = self.subscriber.as_ref().map(|held| held.poll_published(&mut context));
            match next {
                Some(Poll::Ready(Some(published))) => taken.published.push(published),
                Some(Poll::Ready(None)) | None => {
                    taken.ended = true;
                    break;
                }
                Some(Poll::Pending) => break,
            }
        }
        Ok(taken)
    }

    /// Has this object poked from now on in place of the host's, as [`Host::set_wake`] has it. Call
    /// it before [`Subscribed::drain`].
    pub fn set_wake(&mut self, wake: Box<dyn Fn() + Send + Sync>) {
        self.waker = self.wake.beside(wake);
    }

    /// How many publications it has missed in all, because it was slow; once it is closed, until
    /// then.
    ///
    /// # Errors
    /// `forked`.
    pub fn missed(&self) -> Result<u64> {
        self.check()?;
        Ok(self.subscriber.as_ref().map_or(self.missed, Subscriber::missed))
    }

    /// Subscribes no longer; what waits is dropped.
    ///
    /// # Errors
    /// `forked`.
    pub fn close(&mut self) -> Result<()> {
        self.missed = self.missed()?;
        self.subscriber = None;
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if std::process::id() == self.pid {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Forked, "this subscriber is the parent's"))
    }
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        if std::process::id() != self.pid {
            // To let go takes a lock, which may be held for ever here.
            std::mem::forget(self.subscriber.take());
        }
    }
}
