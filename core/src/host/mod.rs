//! A node as a language binding holds it.
//!
//! One [`Host`] owns a small runtime of its own and a [`Node`] on it. It never calls into the
//! host's runtime: outcomes of operations and events are taken in batches by the host, on a thread
//! of its own choice. A single wake object says when there is something to take; it is poked once
//! when nothing was there before, and again only after the host has found everything empty.
//!
//! Every method may be called from any thread, from within any callback. After a `fork`, the child
//! gets `forked` from each; it can drop the host, and start one of its own.

mod answer;
mod loops;
mod map;
mod messages;
mod monitors;
mod op;
mod outcomes;
mod state;
mod streams;
mod text;
mod topics;
mod wake;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

pub use self::answer::Answer;
pub use self::messages::{Message, Requests, Serving};
use self::op::perform;
pub use self::op::{MultiCall, Op};
use self::outcomes::{Begun, Outcomes};
pub use self::state::{Changes, Watching};
use self::streams::Ready;
pub use self::streams::{Items, Streaming};
pub use self::text::{push_addr, tag_pairs};
pub use self::topics::{Publications, Subscribed};
use self::wake::HostWake;
pub use self::wake::is_unlocked;
use crate::config::Config;
pub use crate::engine::Question;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::member::Member;
use crate::node::{Events, Node, Replay, Turns};
use crate::ring::Ring;
use crate::stats::Stats;

/// The outcome of a submitted operation.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The number that [`Host::submit`] returned.
    pub id: u64,
    /// What it came to.
    pub result: Result<Answer>,
}

/// Operations under way at most; one more is refused.
const OPS_MAX: usize = 65_536;
/// How long a blocking close waits for the runtime's thread to end.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// A node with a runtime of its own, for a language binding.
#[derive(Debug)]
pub struct Host {
    pid: u32,
    node: Node,
    runtime: Mutex<Option<Runtime>>,
    /// Held by the one goodbye that is under way.
    leaving: Arc<Turn>,
    outcomes: Arc<Outcomes>,
    ready: Arc<Ready>,
    wake: Arc<HostWake>,
    /// Of the loop that is watched.
    turns: Mutex<Option<Arc<Turns>>>,
}

type Turn = tokio::sync::Mutex<()>;

impl Host {
    /// Binds and starts a node. The seeds are tried in the background; submit or run [`Op::Ready`]
    /// to wait for that.
    ///
    /// # Errors
    /// `bad_config`, `too_large`, `bind_failed`.
    pub fn start(config: &Config) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(4)
            .thread_name("chinwag")
            .thread_stack_size(512 * 1024)
            .enable_all()
            .build()
            .map_err(|cause| {
                Error::new(ErrorKind::Internal, format!("no runtime could be made: {cause}"))
            })?;
        // Not `block_on` from here: the caller may itself be inside some tokio runtime.
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let config = config.clone();
        runtime.spawn(async move {
            let _ = sender.send(Node::bind(&config, Vec::new()).await);
        });
        let bound = receiver.recv().unwrap_or_else(|_| Err(lost()));
        let node = match bound {
            Ok(node) => node,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let wake = HostWake::default();
        runtime.spawn(wake.poker());
        Ok(Self {
            pid: std::process::id(),
            node,
            runtime: Mutex::new(Some(runtime)),
            leaving: Arc::default(),
            outcomes: Arc::default(),
            ready: Arc::default(),
            wake: Arc::new(wake),
            turns: Mutex::default(),
        })
    }

    /// Refuses in a forked child, before any lock is touched.
    fn check(&self) -> Result<()> {
        if std::process::id() == self.pid {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Forked,
            "this node belongs to the parent process; start one of your own after the fork",
        ))
    }

    /// The local member.
    ///
    /// # Errors
    /// `forked`.
    pub fn local_member(&self) -> Result<Member> {
        self.check()?;
        Ok(self.node.local_member())
    }

    /// The present members in the order of their names.
    ///
    /// # Errors
    /// `forked`.
    pub fn members(&self) -> Result<Vec<Member>> {
        self.check()?;
        Ok(self.node.members())
    }

    /// Everybody remembered, failed and departed members included.
    ///
    /// # Errors
    /// `forked`.
    pub fn known_members(&self) -> Result<Vec<Member>> {
        self.check()?;
        Ok(self.node.known_members())
    }

    /// The member of that name.
    ///
    /// # Errors
    /// `forked`.
    pub fn member(&self, name: &str) -> Result<Option<Member>> {
        self.check()?;
        Ok(self.node.member(name))
    }

    /// The ring of the members, as [`Node::ring`] has it: the first call makes it, and blocks
    /// meanwhile.
    ///
    /// # Errors
    /// `forked`.
    pub fn ring(&self) -> Result<Ring> {
        self.check()?;
        Ok(self.node.ring())
    }

    /// The rings that were before it, the newest first.
    ///
    /// # Errors
    /// `forked`.
    pub fn past_rings(&self) -> Result<Vec<Ring>> {
        self.check()?;
        Ok(self.node.past_rings())
    }

    /// Who owned a key before its present owner did.
    ///
    /// # Errors
    /// `forked`.
    pub fn previous_owner(&self, key: &[u8]) -> Result<Option<String>> {
        self.check()?;
        Ok(self.node.previous_owner(key))
    }

    /// Counters since the start.
    ///
    /// # Errors
    /// `forked`.
    pub fn stats(&self) -> Result<Stats> {
        self.check()?;
        Ok(self.node.stats())
    }

    /// What may be shown of the keys, the primary first, each with the fields of
    /// [`KeyInfo`](crate::KeyInfo).
    ///
    /// # Errors
    /// `forked`.
    pub fn keys(&self) -> Result<Answer> {
        self.check()?;
        Ok(self.node.keys().into())
    }

    /// The counters as OpenMetrics text.
    ///
    /// # Errors
    /// `forked`.
    pub fn metrics(&self) -> Result<String> {
        self.check()?;
        Ok(self.node.metrics())
    }

    /// Sets the object that is poked when there is something to take. It is called on the node's
    /// own thread, must not block, and must not call into the host's runtime in a way that waits.
    /// One that was set before may still be poked once when this returns.
    ///
    /// # Errors
    /// `forked`.
    pub fn set_wake(&self, wake: Option<Box<dyn Fn() + Send + Sync>>) -> Result<()> {
        self.check()?;
        self.wake.set(wake);
        Ok(())
    }

    /// Starts an operation; its outcome comes with [`Host::completions`] under the returned number.
    ///
    /// # Errors
    /// `closed`, `forked`.
    pub fn submit(&self, op: Op) -> Result<u64> {
        self.check()?;
        let runtime = lock(&self.runtime);
        let runtime = runtime.as_ref().ok_or_else(Error::closed)?;
        let ticket = self.outcomes.ticket(self.waker())?;
        let id = ticket.id;
        let (node, leaving) = (self.node.clone(), Arc::clone(&self.leaving));
        let is_join = matches!(op, Op::Join(_));
        let mut work = Box::pin(async move { perform(&node, &leaving, op).await });
        // Begun here, so that the node hears of operations in the order of the calls: which of
        // several tasks is run first is the runtime's choice.
        let early = {
            let _context = runtime.enter();
            work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        };
        // Held until the task is known: it may be over before.
        let mut joins = lock(&self.outcomes.joins);
        let task = runtime.spawn(async move {
            let result = match early {
                Poll::Ready(result) => result,
                Poll::Pending => work.await,
            };
            ticket.settle(result);
        });
        if is_join {
            joins.insert(id, task.abort_handle());
        }
        Ok(id)
    }

    /// Gives a submitted operation up. A join ends: its connections are closed, nothing more is
    /// sent for it, and it settles as `cancelled`. So does a call, and its server is told; and a
    /// monitor. Anything
    /// else goes on.
    ///
    /// # Errors
    /// `forked`.
    pub fn cancel(&self, id: u64) -> Result<()> {
        self.check()?;
        let join = lock(&self.outcomes.joins).get(&id).cloned();
        join.inspect(AbortHandle::abort);
        // Not within the match: what is given up takes the lock to settle.
        let begun = lock(&self.outcomes.begun).get(&id).copied().flatten();
        match begun {
            Some(Begun::Call(call)) => self.node.cancel_call(call),
            Some(Begun::Monitor(monitor)) => self.node.demonitor(monitor),
            None => {}
        }
        Ok(())
    }

    /// Performs an operation and blocks until it is settled or `timeout` has passed. Not to be
    /// called on the node's own thread, where it is refused.
    ///
    /// # Errors
    /// Those of the operation; `timeout`, `closed`, `forked`.
    pub fn run(&self, op: Op, timeout: Option<Duration>) -> Result<Answer> {
        self.check()?;
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let join = {
            let runtime = lock(&self.runtime);
            let runtime = runtime.as_ref().ok_or_else(Error::closed)?;
            let (node, leaving) = (self.node.clone(), Arc::clone(&self.leaving));
            let is_join = matches!(op, Op::Join(_));
            let task = runtime.spawn(async move {
                let _ = sender.send(perform(&node, &leaving, op).await);
            });
            is_join.then(|| task.abort_handle())
        };
        let outcome = match timeout {
            None => receiver.recv().map_err(|_| Error::closed()),
            Some(timeout) => receiver.recv_timeout(timeout).map_err(|cause| match cause {
                std::sync::mpsc::RecvTimeoutError::Timeout => {
                    // Nobody waits: a join ends, anything else goes on.
                    join.inspect(AbortHandle::abort);
                    Error::new(ErrorKind::Timeout, format!("not settled within {timeout:?}"))
                }
                std::sync::mpsc::RecvTimeoutError::Disconnected => Error::closed(),
            }),
        };
        outcome?
    }

    /// Takes up to `max` outcomes. Operations that a close cut short are settled as `closed`.
    ///
    /// # Errors
    /// `forked`.
    pub fn completions(&self, max: usize) -> Result<Vec<Completion>> {
        self.check()?;
        Ok(self.outcomes.take(max))
    }

    /// Subscribes to what happens to the other members.
    ///
    /// # Errors
    /// `forked`.
    pub fn subscribe(&self, replay: Replay) -> Result<Subscription> {
        self.check()?;
        let events = Some(self.node.events(replay));
        Ok(Subscription { pid: self.pid, events, waker: self.waker() })
    }

    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.wake))
    }

    /// Whether the node is closed.
    ///
    /// # Errors
    /// `forked`.
    pub fn is_closed(&self) -> Result<bool> {
        self.check()?;
        Ok(self.node.is_closed())
    }

    /// Frees sockets, tasks and the thread; waits for that, two seconds at most. Outstanding
    /// operations settle as `closed`. Closing again does nothing.
    ///
    /// # Errors
    /// `forked`.
    pub fn close(&self) -> Result<()> {
        self.check()?;
        self.shut(Some(CLOSE_WAIT));
        Ok(())
    }

    /// As [`Host::close`], without waiting: for destructors on threads that must not block.
    ///
    /// # Errors
    /// `forked`.
    pub fn close_now(&self) -> Result<()> {
        self.check()?;
        self.shut(None);
        Ok(())
    }

    fn shut(&self, wait: Option<Duration>) {
        let Some(runtime) = lock(&self.runtime).take() else { return };
        self.outcomes.close();
        self.node.abort();
        // A runtime thread cannot wait for itself.
        match wait.filter(|_| tokio::runtime::Handle::try_current().is_err()) {
            Some(wait) => runtime.shutdown_timeout(wait),
            None => runtime.shutdown_background(),
        }
        self.wake.poke();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.check().is_ok() {
            self.shut(None);
            return;
        }
        // The child has none of the threads that the runtime would wait for, and any of the node's
        // locks may have been held by one of them at the time of the fork.
        std::mem::forget(self.node.clone());
        if let Ok(mut runtime) = self.runtime.try_lock() {
            std::mem::forget(runtime.take());
        }
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "the node's thread ended while it was starting")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Events for a language binding, taken without waiting. The host's wake object is poked when
/// there is something to take after [`Subscription::drain`] came back with less than `max`.
#[derive(Debug)]
pub struct Subscription {
    pid: u32,
    /// Always there; an option so that a forked child can forget it.
    events: Option<Events>,
    waker: Waker,
}

/// Events that a [`Batch`] has room for from the start.
const RESERVE: usize = 64;

/// What [`Subscription::drain`] found.
#[derive(Debug, Default)]
pub struct Batch {
    /// The next events, in order.
    pub events: Vec<Event>,
    /// Nothing will come after these.
    pub ended: bool,
}

impl Subscription {
    /// Takes up to `max` events.
    ///
    /// # Errors
    /// `forked`.
    pub fn drain(&mut self, max: usize) -> Result<Batch> {
        if std::process::id() != self.pid {
            return Err(Error::new(ErrorKind::Forked, "this subscription is the parent's"));
        }
        let mut batch = Batch::default();
        let mut context = Context::from_waker(&self.waker);
        let Some(events) = &mut self.events else { return Ok(batch) };
        while batch.events.len() < max {
            match events.poll_event(&mut context) {
                Poll::Ready(Some(event)) => {
                    if batch.events.is_empty() {
                        // At once: growing by and by takes several allocations a batch.
                        batch.events.reserve(max.min(RESERVE));
                    }
                    batch.events.push(event);
                }
                Poll::Ready(None) => {
                    batch.ended = true;
                    break;
                }
                Poll::Pending => break,
            }
        }
        Ok(batch)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if std::process::id() != self.pid {
            // To let go takes the lock of the node's board, which may be held for ever here.
            std::mem::forget(self.events.take());
        }
    }
}
