//! The dispatcher: one thread a node, which carries events and outcomes into mailboxes.
//!
//! It sleeps until the core, a grant of credit or a stop pokes its [`Signal`]. Events beyond the
//! owner's credit stay in the core, whose buffer is bounded. When the node is to stop, it is this
//! thread that waits for the core to close.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chinwag::event::{Event, EventKind};
use chinwag::host::{Reply, Subscription};
use chinwag::{Error, Result};
use rustler::env::SavedTerm;
use rustler::{Encoder, Env, LocalPid, OwnedEnv, Term};

use crate::node::Shared;
use crate::{atoms, error, member, word};

/// Events in one message to the owner at most.
const BATCH: usize = 64;

/// What the dispatcher waits for.
#[derive(Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    poked: bool,
    credit: usize,
    stop: bool,
    done: bool,
    /// Who wants to know when it is done.
    closers: Vec<Waiter>,
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// There may be something to take.
    pub(crate) fn poke(&self) {
        self.lock().poked = true;
        self.changed.notify_all();
    }

    /// Lets so many more events go to the owner.
    pub(crate) fn grant(&self, events: usize) {
        let mut state = self.lock();
        state.credit = state.credit.saturating_add(events);
        state.poked = true;
        drop(state);
        self.changed.notify_all();
    }

    /// Tells the dispatcher to close the node. Does not wait.
    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// As [`Signal::stop`]; `closer` hears when it is done. Whether that is yet to come.
    pub(crate) fn stop_and_tell(&self, closer: Waiter) -> bool {
        let mut state = self.lock();
        state.stop = true;
        if state.done {
            return false;
        }
        state.closers.push(closer);
        drop(state);
        self.changed.notify_all();
        true
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.lock().stop
    }

    /// Waits until the node is closed, `limit` at most.
    pub(crate) fn wait_done(&self, limit: Duration) {
        let state = self.lock();
        let _ = self.changed.wait_timeout_while(state, limit, |state| !state.done);
    }

    /// Waits for a poke: the credit, or nothing once the node is to stop.
    fn wait(&self) -> Option<usize> {
        let state = self.lock();
        let idle = |state: &mut State| !state.poked && !state.stop;
        let mut state =
            self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        state.poked = false;
        (!state.stop).then_some(state.credit)
    }

    fn spend(&self, events: usize) {
        let mut state = self.lock();
        state.credit = state.credit.saturating_sub(events);
    }

    fn finish(&self) -> Vec<Waiter> {
        let mut state = self.lock();
        state.done = true;
        let closers = std::mem::take(&mut state.closers);
        drop(state);
        self.changed.notify_all();
        closers
    }
}

/// A process that waits for one message, tagged with a reference of its own.
pub(crate) struct Waiter {
    pid: LocalPid,
    env: OwnedEnv,
    tag: SavedTerm,
}

impl Waiter {
    pub(crate) fn new(pid: LocalPid, tag: Term<'_>) -> Self {
        let env = OwnedEnv::new();
        let tag = env.save(tag);
        Self { pid, env, tag }
    }

    /// Sends `{tag, :ok}`, `{tag, {:ok, count}}` or `{tag, {:error, error}}`. Not on a scheduler.
    pub(crate) fn tell(self, outcome: &Result<Reply>) {
        let Self { pid, mut env, tag } = self;
        // A process that is gone does not wait any more.
        let _ = env.send_and_clear(&pid, |env| {
            let outcome = match outcome {
                Ok(Reply::Done) => atoms::ok().to_term(env),
                Ok(Reply::Joined(count)) => (atoms::ok(), count).encode(env),
                Err(error) => error::tuple(env, error),
            };
            (tag.load(env), outcome)
        });
    }
}

/// The dispatcher's whole life.
pub(crate) fn dispatch(shared: &Arc<Shared>, mut events: Subscription) {
    let mut outbox = OwnedEnv::new();
    // A panic must not leave a node without its dispatcher.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        while let Some(credit) = shared.signal.wait() {
            shared.settle();
            if !forward(shared, &mut events, credit, &mut outbox) {
                return;
            }
        }
    }));
    drop(events);
    shared.close();
    let ended = (atoms::native_module(), atoms::ended());
    let _ = outbox.send_and_clear(&shared.owner, |env| ended.encode(env));
    for closer in shared.signal.finish() {
        closer.tell(&Ok(Reply::Done));
    }
}

/// Sends up to `credit` events to the owner; whether more may come.
fn forward(
    shared: &Shared,
    events: &mut Subscription,
    mut credit: usize,
    outbox: &mut OwnedEnv,
) -> bool {
    while credit > 0 {
        let wanted = credit.min(BATCH);
        let Ok(batch) = events.drain(wanted) else { return false };
        let count = batch.events.len();
        if count > 0 {
            let sent = outbox.send_and_clear(&shared.owner, |env| message(env, &batch.events));
            if sent.is_err() {
                return false;
            }
            shared.signal.spend(count);
            credit -= count;
        }
        if batch.ended {
            return false;
        }
        if count < wanted {
            break;
        }
    }
    true
}

/// `{Chinwag.Native, {:events, [{seq, event}]}}`.
fn message<'a>(env: Env<'a>, events: &[Event]) -> Term<'a> {
    let events: Vec<Term<'a>> = events.iter().map(|event| encode(env, event)).collect();
    (atoms::native_module(), (atoms::events(), events)).encode(env)
}

/// `{seq, {:member_join, member}}` and its like.
fn encode<'a>(env: Env<'a>, event: &Event) -> Term<'a> {
    let kind = word(env, event.kind.token());
    let body = match &event.kind {
        EventKind::MemberUpdate { member, previous } => {
            (kind, member::encode(env, member), member::encode(env, previous)).encode(env)
        }
        EventKind::EventsLost { count, members } => {
            (kind, count, member::list(env, members)).encode(env)
        }
        other => match other.member() {
            Some(member) => (kind, member::encode(env, member)).encode(env),
            None => kind,
        },
    };
    (event.seq, body).encode(env)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error of everything that a close cut short.
pub(crate) fn closed() -> Result<Reply> {
    Err(Error::closed())
}
