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
mod outcomes;
mod text;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

pub use self::answer::Answer;
use self::outcomes::Outcomes;
pub use self::text::{push_addr, tag_pairs};
use crate::config::Config;
use crate::engine::{
    Answers, Broadcast, BroadcastKind, Coordinate, Delivery, Explanation, RoundTrip,
};
pub use crate::engine::{KeyChange, Question};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::member::{Member, Tags};
use crate::node::{Events, Node, Replay};
use crate::stats::Stats;
pub use crate::wire::{Fingerprint, KeyInfo};

/// An operation that takes its time.
#[derive(Clone, Debug)]
pub enum Op {
    /// Wait until the seeds of the configuration have been tried.
    Ready,
    /// Join through seeds; settles with how many answered.
    Join(Vec<String>),
    /// Set (`Some`) and remove (`None`) tags.
    UpdateTags(BTreeMap<String, Option<String>>),
    /// Replace all tags.
    SetTags(Tags),
    /// Replace the metadata.
    SetMeta(Vec<u8>),
    /// Send a message to a member.
    Send(String, Vec<u8>, Delivery),
    /// Gossip a message to everybody.
    Broadcast(Broadcast),
    /// Replace the state that is handed on.
    SetState(Vec<u8>),
    /// Replace what is added to answers to pings.
    SetPingPayload(Vec<u8>),
    /// Let a newcomer in.
    Admit(u64),
    /// Keep a newcomer out, for that reason.
    Refuse(u64, String),
    /// Ping a member; settles with the time that it took.
    Ping(String),
    /// What is known of a member, and why; settles with the fields of [`Explanation`].
    Explain(String),
    /// What the answers of a member told; settles with the fields of [`RoundTrip`].
    RoundTrip(String),
    /// Change the keys.
    Keyring(KeyChange),
    /// Tell everybody something in serf's way: name, payload, whether it may be coalesced.
    UserEvent(String, Vec<u8>, bool),
    /// Ask everybody something; settles with the fields of [`Answers`].
    Query(Question),
    /// Answer a query.
    Respond(u64, Vec<u8>),
    /// Have a failed member taken for one that has left; with `true`, forgotten.
    ForceLeave(String, bool),
    /// Where this node stands; settles with the fields of [`Coordinate`].
    Coordinate,
    /// The estimated round-trip time between two members.
    Rtt(String, String),
    /// Say goodbye, within that time.
    Leave(Duration),
}

impl Op {
    /// To send a message to a member, as bindings have it: reliable, or best effort.
    pub fn send(to: String, payload: Vec<u8>, reliable: bool) -> Self {
        let delivery = if reliable { Delivery::Reliable } else { Delivery::BestEffort };
        Self::Send(to, payload, delivery)
    }

    /// To gossip a message to everybody, as bindings have it: unique without a name, named with
    /// one, and superseding those of the same name before it.
    pub fn broadcast(payload: Vec<u8>, name: Option<String>, supersede: bool) -> Self {
        let kind = match (supersede, &name) {
            (true, _) => BroadcastKind::Superseding,
            (false, Some(_)) => BroadcastKind::Named,
            (false, None) => BroadcastKind::Unique,
        };
        Self::Broadcast(Broadcast { kind, name: name.unwrap_or_default(), payload })
    }
}

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
    wake: Arc<HostWake>,
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
            let _ = sender.send(Node::bind(&config).await);
        });
        let bound = receiver.recv().unwrap_or_else(|_| Err(lost()));
        let node = match bound {
            Ok(node) => node,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        Ok(Self {
            pid: std::process::id(),
            node,
            runtime: Mutex::new(Some(runtime)),
            leaving: Arc::default(),
            outcomes: Arc::default(),
            wake: Arc::default(),
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

    /// Counters since the start.
    ///
    /// # Errors
    /// `forked`.
    pub fn stats(&self) -> Result<Stats> {
        self.check()?;
        Ok(self.node.stats())
    }

    /// What may be shown of the keys, the primary first.
    ///
    /// # Errors
    /// `forked`.
    pub fn keys(&self) -> Result<Vec<KeyInfo>> {
        self.check()?;
        Ok(self.node.keys())
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
    ///
    /// # Errors
    /// `forked`.
    pub fn set_wake(&self, wake: Option<Box<dyn Fn() + Send + Sync>>) -> Result<()> {
        self.check()?;
        *self.wake.lock() = wake;
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
        // Held until the task is known: it may be over before.
        let mut joins = lock(&self.outcomes.joins);
        let task = runtime.spawn(async move {
            let result = perform(&node, &leaving, op).await;
            ticket.settle(result);
        });
        if is_join {
            joins.insert(id, task.abort_handle());
        }
        Ok(id)
    }

    /// Gives a submitted operation up. A join ends: its connections are closed, nothing more is
    /// sent for it, and it settles as `cancelled`. Anything else goes on.
    ///
    /// # Errors
    /// `forked`.
    pub fn cancel(&self, id: u64) -> Result<()> {
        self.check()?;
        let join = lock(&self.outcomes.joins).get(&id).cloned();
        join.inspect(AbortHandle::abort);
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

async fn perform(node: &Node, leaving: &Turn, op: Op) -> Result<Answer> {
    match op {
        Op::Ready => node.ready().await.map(Answer::from),
        Op::Join(seeds) => node.join(seeds).await.map(Answer::from),
        Op::UpdateTags(changes) => node.update_tags(changes).await.map(Answer::from),
        Op::SetTags(tags) => node.set_tags(tags).await.map(Answer::from),
        Op::SetMeta(meta) => node.set_meta(meta).await.map(Answer::from),
        Op::Send(to, what, delivery) => node.send(&to, what, delivery).await.map(Answer::from),
        Op::Broadcast(broadcast) => node.broadcast(broadcast).await.map(Answer::from),
        Op::SetState(state) => node.set_state(state).await.map(Answer::from),
        Op::SetPingPayload(payload) => node.set_ping_payload(payload).await.map(Answer::from),
        Op::Admit(id) => node.admit(id).await.map(Answer::from),
        Op::Refuse(id, reason) => node.refuse(id, &reason).await.map(Answer::from),
        Op::Ping(member) => node.ping(&member).await.map(Answer::from),
        Op::Explain(member) => node.explain(&member).await.map(Answer::from),
        Op::RoundTrip(member) => node.round_trip(&member).await.map(Answer::from),
        Op::Keyring(change) => node.change_keys(change).await.map(Answer::from),
        Op::UserEvent(name, payload, coalesce) => {
            node.user_event(&name, payload, coalesce).await.map(Answer::from)
        }
        Op::Query(question) => node.query(question).await.map(Answer::from),
        Op::Respond(query, payload) => node.respond(query, payload).await.map(Answer::from),
        Op::ForceLeave(name, prune) => node.force_leave(&name, prune).await.map(Answer::from),
        Op::Coordinate => node.coordinate().await.map(Answer::from),
        Op::Rtt(from, to) => node.rtt(&from, &to).await.map(Answer::from),
        Op::Leave(timeout) => {
            // A second goodbye is done when the first is: a close after it must not cut that short.
            let _turn = leaving.lock().await;
            node.leave(timeout).await.map(Answer::from)
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

/// The wake object as a waker of the standard library.
#[derive(Default)]
struct HostWake(Mutex<Option<Box<dyn Fn() + Send + Sync>>>);

impl HostWake {
    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Fn() + Send + Sync>>> {
        lock(&self.0)
    }

    fn poke(&self) {
        if let Some(wake) = &*self.lock() {
            wake();
        }
    }
}

impl Wake for HostWake {
    fn wake(self: Arc<Self>) {
        self.poke();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.poke();
    }
}

impl std::fmt::Debug for HostWake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostWake")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_supersede_say_what_kind_a_broadcast_is() {
        let kind = |name: Option<&str>, supersede| match Op::broadcast(
            vec![1],
            name.map(str::to_owned),
            supersede,
        ) {
            Op::Broadcast(Broadcast { kind, name, payload }) => (kind, name, payload),
            other => panic!("{other:?}"),
        };
        let of = |kind, name: &str| (kind, name.to_owned(), vec![1]);
        assert_eq!(kind(None, false), of(BroadcastKind::Unique, ""));
        assert_eq!(kind(Some("load"), false), of(BroadcastKind::Named, "load"));
        assert_eq!(kind(Some("load"), true), of(BroadcastKind::Superseding, "load"));
        // These the engine refuses.
        assert_eq!(kind(Some(""), false), of(BroadcastKind::Named, ""));
        assert_eq!(kind(None, true), of(BroadcastKind::Superseding, ""));
    }
}
