//! Messages of a binding: calls that settle with the other outcomes, and servers whose messages are
//! taken in batches.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::outcomes::Begun;
use super::{Answer, Host, HostWake, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::put_headers;
use crate::messaging::{Ask, Payload, Tag, Target};
use crate::node::Replies;
use crate::node::{Asked as Request, Caller, Mailbox, Mesh};
use crate::time::Instant;

/// A message as a binding has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// Whom it is for: `name`, `name@node` or `name#key`.
    pub target: &'a str,
    /// What is asked or told.
    pub op: &'a str,
    /// What goes along, such as `traceparent`.
    pub headers: &'a [(String, String)],
    /// How long it is of use; for a call, none is `call_timeout`.
    pub timeout: Option<Duration>,
    /// Of a cast: it takes the place of one before it that still waits.
    pub latest: bool,
}

impl Host {
    /// Asks a server. The outcome comes with [`Host::completions`] under the returned number, as
    /// [`Answer::Payload`]; also the errors that are known at once. [`Host::cancel`] gives the call
    /// up, and tells the server.
    ///
    /// # Errors
    /// `closed`, `forked`.
    pub fn call(&self, message: &Message<'_>, payload: Payload) -> Result<u64> {
        self.check()?;
        if self.node.is_closed() {
            return Err(Error::closed());
        }
        let timeout = message.timeout.unwrap_or_else(|| self.node.call_timeout());
        let deadline = Mesh::deadline(timeout);
        let ticket = self.outcomes.ticket(self.waker())?;
        let id = ticket.id;
        lock(&self.outcomes.begun).insert(id, None);
        let settle = move |result: Result<Payload>| ticket.settle(result.map(Answer::Payload));
        let mut caller = Some(Caller::Told(Box::new(settle)));
        let begun =
            self.ask(message, payload, deadline, |mesh, ask| mesh.begin_for(ask, &mut caller));
        match begun {
            Ok(call) => {
                if let Some(place) = lock(&self.outcomes.begun).get_mut(&id) {
                    *place = Some(Begun::Call(call));
                }
            }
            Err(error) => caller.into_iter().for_each(|caller| caller.tell(Err(error.clone()))),
        }
        Ok(id)
    }

    /// Tells a server something. Where `outbox_overflow` is `block`, it is refused as in `reject`:
    /// whoever may wait calls [`Op::Cast`](super::Op::Cast).
    ///
    /// # Errors
    /// What is known at once: nothing was sent then. `closed`, `forked`.
    pub fn cast(&self, message: &Message<'_>, payload: Payload) -> Result<()> {
        self.check()?;
        let deadline = message.timeout.map_or(Instant::NEVER, Mesh::deadline);
        self.ask(message, payload, deadline, Mesh::cast_now)
    }

    pub(super) fn ask<T>(
        &self,
        message: &Message<'_>,
        payload: Payload,
        deadline: Instant,
        send: impl FnOnce(&Mesh, Ask<'_>) -> Result<T>,
    ) -> Result<T> {
        let target: Target = message.target.parse()?;
        let pairs = message.headers.iter().map(|(name, value)| (&**name, &**value));
        let headers = put_headers(pairs).ok_or_else(|| {
            Error::new(ErrorKind::TooLarge, "the headers have more than 4,096 bytes")
        })?;
        let (op, latest) = (message.op, message.latest);
        let ask = Ask { target: &target, op, headers: &headers, payload, deadline, latest };
        send(self.node.mesh_for(&target), ask)
    }

    /// How long a call waits that says nothing else, for calls that are made within others.
    ///
    /// # Errors
    /// `forked`.
    pub fn call_timeout(&self) -> Result<Duration> {
        self.check()?;
        Ok(self.node.call_timeout())
    }

    /// Registers a server, for code in that language: `c`, `python`, `node` or `elixir`. Blocks for
    /// as long as the node's own task takes to hear of it.
    ///
    /// # Errors
    /// `server_exists`, `bad_argument`, `closed`, `forked`.
    pub fn serve(
        &self,
        name: &str,
        messages: Option<usize>,
        language: &'static str,
    ) -> Result<Serving> {
        self.check()?;
        let mailbox = self.node.mailbox_now(name, messages)?.mind(language);
        Ok(Serving {
            pid: self.pid,
            mailbox: Some(mailbox),
            waker: self.waker(),
            wake: Arc::clone(&self.wake),
        })
    }

    /// Who hosts a server, in the order of their names.
    ///
    /// # Errors
    /// `forked`.
    pub fn hosts(&self, server: &str) -> Result<Vec<String>> {
        self.check()?;
        Ok(self.node.hosts(server))
    }

    /// Every server that is known, and how many host it.
    ///
    /// # Errors
    /// `forked`.
    pub fn servers(&self) -> Result<Vec<(String, usize)>> {
        self.check()?;
        Ok(self.node.servers())
    }
}

/// A server of a binding. The host's wake object is poked when there is something to take after
/// [`Serving::drain`] came back with less than `max`, and whenever somebody has given up a call
/// that was taken. Dropped, the server is no more.
#[derive(Debug)]
pub struct Serving {
    pid: u32,
    /// Always there; an option so that a forked child can forget it.
    mailbox: Option<Mailbox>,
    waker: Waker,
    wake: Arc<HostWake>,
}

/// What [`Serving::drain`] found.
#[derive(Debug, Default)]
pub struct Requests {
    /// The next messages, in order. One that is dropped without an answer is answered with an
    /// error.
    pub requests: Vec<Request>,
    /// Calls that were taken before, for which nobody waits any more.
    pub given_up: Vec<Tag>,
    /// Nothing will come after these: the server was stopped, or the node closed.
    pub ended: bool,
}

impl Serving {
    /// Takes up to `max` messages; with 0, only what is said of those that were taken before.
    ///
    /// # Errors
    /// `forked`.
    pub fn drain(&self, max: usize) -> Result<Requests> {
        let mailbox = self.mailbox()?;
        let mut taken = Requests::default();
        let mut context = Context::from_waker(&self.waker);
        while taken.requests.len() < max {
            match mailbox.poll_next(&mut context) {
                Poll::Ready(Some(request)) => taken.requests.push(request),
                Poll::Ready(None) => {
                    taken.ended = true;
                    break;
                }
                Poll::Pending => break,
            }
        }
        taken.given_up = mailbox.given_up(&context);
        taken.ended |= mailbox.is_ended();
        Ok(taken)
    }

    /// Has this object poked from now on in place of the host's, as [`Host::set_wake`] has it:
    /// where there are many servers, one need not look for what another got. Call it before
    /// [`Serving::drain`].
    pub fn set_wake(&mut self, wake: Box<dyn Fn() + Send + Sync>) {
        self.waker = self.wake.beside(wake);
    }

    /// Holds messages back, or hands them over again.
    ///
    /// # Errors
    /// `forked`.
    pub fn pause(&self, paused: bool) -> Result<()> {
        self.mailbox()?.pause(paused);
        Ok(())
    }

    /// Takes the server off. What waits is answered with `no_server`.
    ///
    /// # Errors
    /// `forked`.
    pub fn stop(&self) -> Result<()> {
        self.stop_with("")
    }

    /// The same, with a reason that those are told who have called it or who follow it: what its
    /// code failed with, say. 256 bytes at most go to other members.
    ///
    /// # Errors
    /// `forked`.
    pub fn stop_with(&self, reason: &str) -> Result<()> {
        self.mailbox()?.stop_with(reason);
        Ok(())
    }

    fn mailbox(&self) -> Result<&Mailbox> {
        if std::process::id() != self.pid {
            return Err(Error::new(ErrorKind::Forked, "this server is the parent's"));
        }
        self.mailbox.as_ref().ok_or_else(Error::closed)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if std::process::id() != self.pid {
            // To let go takes a lock, which may be held for ever here.
            std::mem::forget(self.mailbox.take());
        }
    }
}

impl From<Replies> for Answer {
    fn from(told: Replies) -> Self {
        let replies =
            told.replies.into_iter().map(|(host, payload)| (host, Self::Payload(payload)));
        let failed = told.failed.into_iter().map(|(host, error)| (host, Self::Error(error)));
        Self::Record(vec![
            ("replies", Self::Map(replies.collect())),
            ("failed", Self::Map(failed.collect())),
        ])
    }
}
