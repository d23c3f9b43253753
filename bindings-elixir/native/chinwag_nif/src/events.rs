//! The way of events and outcomes into mailboxes.
//!
//! Events are pulled: the core pokes, which puts one small message into the owner's mailbox, and
//! the owner takes them in batches, on a scheduler, as terms of its own heap. What is not taken yet
//! stays in the core, whose buffer is bounded.
//!
//! Outcomes are pushed: a few by the core's own thread, others by the dispatcher, which is one
//! thread a node, so that they are never queued behind events. It sleeps until an outcome or a stop
//! pokes its [`Signal`]. When the node is to stop, it is this thread that waits for the core to
//! close.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chinwag::event::{Event, EventKind, Field};
use chinwag::host::{Answer, Subscription, is_unlocked};
use chinwag::{Error, Member, Result};
use rustler::env::SavedTerm;
use rustler::thread::is_scheduler_thread;
use rustler::{Atom, Encoder, Env, LocalPid, OwnedEnv, Resource, ResourceArc, Term};

use crate::messages::monitor::{self, Following};
use crate::node::{ROSTER_MAX, Shared};
use crate::ring::cluster;
use crate::{answer, atoms, error, member};

/// Events that the owner takes in one go: well below a millisecond of a scheduler.
const BATCH: usize = 64;
/// Bytes of a payload that are copied for the VM at most.
const COPIED_MAX: usize = 64 * 1024;
/// Operations under way of which the core's thread sends the outcomes itself.
const FEW: usize = 4;

/// Tells the owner that there is something to take: once, until it has looked.
pub(crate) struct Bell {
    owner: LocalPid,
    armed: AtomicBool,
    message: Mutex<(OwnedEnv, SavedTerm)>,
}

impl Bell {
    /// Its message is `{Chinwag.Native, word}`.
    pub(crate) fn new(owner: LocalPid, word: Atom) -> Self {
        let env = OwnedEnv::new();
        let message = env.save((atoms::native_module(), word));
        Self { owner, armed: AtomicBool::new(false), message: Mutex::new((env, message)) }
    }

    /// To be done before the look: what comes just after it must ring.
    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Sends the message, or has the dispatcher send it: on a scheduler, where something of this VM
    /// has just been put, the VM takes messages from its own processes only.
    pub(crate) fn ring(self: &Arc<Self>, signal: &Signal) {
        if self.armed.swap(false, Ordering::SeqCst) {
            match is_scheduler_thread() {
                true => signal.have_rung(Arc::clone(self)),
                false => self.send(),
            }
        }
    }

    /// On the core's thread: it only takes the lock of the mailbox.
    fn send(&self) {
        let message = lock(&self.message);
        let (env, message) = &*message;
        // An owner that is gone has nothing to take.
        let _ = env.run(|env| env.send(&self.owner, message.load(env)));
    }
}

/// When there is something to take again, after less than was asked for or as much.
pub(crate) fn next(ended: bool, less: bool) -> Atom {
    match (ended, less) {
        (true, _) => atoms::ended(),
        (false, true) => atoms::later(),
        (false, false) => atoms::more(),
    }
}

/// What the owner has yet to take.
pub(crate) struct Inbox {
    /// Gone once the node is to stop.
    events: Option<Subscription>,
    /// Of those who were told to the owner by number only: too many for an ordinary scheduler.
    large: VecDeque<Vec<Member>>,
}

impl Inbox {
    pub(crate) fn new(events: Subscription) -> Self {
        Self { events: Some(events), large: VecDeque::new() }
    }

    /// The next events, and `:more`, `:later` or `:ended`. After `:later` the bell rings.
    pub(crate) fn take<'a>(&mut self, env: Env<'a>, bell: &Bell) -> Term<'a> {
        bell.arm();
        let Some(Ok(batch)) = self.events.as_mut().map(|events| events.drain(BATCH)) else {
            return (Term::list_new_empty(env), atoms::ended()).encode(env);
        };
        let events: Vec<Term<'a>> = batch.events.iter().map(|e| self.encode(env, e)).collect();
        let next = next(batch.ended, events.len() < BATCH);
        (events, next).encode(env)
    }

    /// The members of the oldest loss that was called `:large`.
    pub(crate) fn take_large(&mut self) -> Vec<Member> {
        self.large.pop_front().unwrap_or_default()
    }

    /// `{number of the type, seq, …}`; `lib/chinwag/native/packed.ex` reads it.
    fn encode<'a>(&mut self, env: Env<'a>, event: &Event) -> Term<'a> {
        let (kind, seq) = (event.kind.info().number, event.seq);
        match &event.kind {
            EventKind::MemberUpdate { member, previous } => {
                let (member, previous) = member::pair(env, member, previous);
                (kind, seq, member, previous).encode(env)
            }
            EventKind::EventsLost { count, members } if members.len() > ROSTER_MAX => {
                self.large.push_back(members.clone());
                (kind, seq, count, atoms::large()).encode(env)
            }
            EventKind::EventsLost { count, members } => {
                (kind, seq, count, member::list(env, members)).encode(env)
            }
            EventKind::ReplayDone => (kind, seq).encode(env),
            other => match &other.fields()[..] {
                [Field::Member(member)] => (kind, seq, member::encode(env, member)).encode(env),
                fields => {
                    let term = |part| field(env, other, part);
                    (kind, seq, fields.iter().map(term).collect::<Vec<_>>()).encode(env)
                }
            },
        }
    }

    /// Lets the events go that nobody will take.
    fn close(&mut self) {
        self.events = None;
    }
}

/// A part of an event; times in milliseconds.
fn field<'a>(env: Env<'a>, event: &EventKind, field: &Field<'_>) -> Term<'a> {
    match field {
        Field::Member(member) => member::encode(env, member),
        Field::Members(members) => member::list(env, members),
        Field::Text(text) => text.as_ref().encode(env),
        Field::Bytes(bytes) if bytes.len() > COPIED_MAX => lend(env, event, bytes),
        Field::Bytes(bytes) => member::bytes(env, bytes),
        Field::Count(count) => count.encode(env),
        Field::Flag(flag) => flag.encode(env),
        Field::Duration(span) => u64::try_from(span.as_millis()).unwrap_or(u64::MAX).encode(env),
        Field::Change(changed) => cluster::change(env, changed),
        Field::Slots(slots) => packed(env, slots),
    }
}

/// Numbers of 32 bits, one after the other: a list of them may be too long for a scheduler.
fn packed<'a>(env: Env<'a>, numbers: &[u32]) -> Term<'a> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    member::bytes(env, &bytes)
}

/// An event that a binary of the VM is a part of; it lives as long as that.
struct Lent(EventKind);

#[rustler::resource_impl]
impl Resource for Lent {}

/// Bytes of an event as a binary, without a copy: one of 20 MiB would hold the scheduler up.
fn lend<'a>(env: Env<'a>, event: &EventKind, bytes: &[u8]) -> Term<'a> {
    let lent = ResourceArc::new(Lent(event.clone()));
    let binary = lent.make_binary(env, |lent| {
        let same = |field| match field {
            Field::Bytes(own) if std::ptr::eq(own, bytes) => Some(own),
            _ => None,
        };
        lent.0.fields().into_iter().find_map(same).unwrap_or_default()
    });
    binary.to_term(env)
}

/// What the dispatcher waits for.
#[derive(Default)]
pub(crate) struct Signal {
    /// Operations whose outcome has not been taken.
    open: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    poked: bool,
    stop: bool,
    done: bool,
    /// Who wants to know when it is done.
    closers: Vec<Waiter>,
    /// Those that were to ring on a scheduler.
    bells: Vec<Arc<Bell>>,
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Whether there are operations whose outcome has not been taken, and not many.
    fn is_expecting_few(&self) -> bool {
        (1..=FEW).contains(&self.open.load(Ordering::SeqCst))
    }

    /// There may be an outcome to take.
    fn poke(&self) {
        if self.open.load(Ordering::SeqCst) > 0 {
            self.lock().poked = true;
            self.changed.notify_all();
        }
    }

    /// Has the dispatcher ring a bell.
    fn have_rung(&self, bell: Arc<Bell>) {
        let mut state = self.lock();
        state.bells.push(bell);
        state.poked = true;
        drop(state);
        self.changed.notify_all();
    }

    /// Rings the bells that could not.
    fn ring(&self) {
        let bells = std::mem::take(&mut self.lock().bells);
        bells.iter().for_each(|bell| bell.send());
    }

    /// An operation is about to be submitted: its outcome is waited for.
    pub(crate) fn expect(&self) {
        self.open.fetch_add(1, Ordering::SeqCst);
    }

    /// An outcome was taken, or the operation was refused.
    pub(crate) fn expect_less(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
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

    /// Waits for a poke; `false` once the node is to stop.
    fn wait(&self) -> bool {
        let state = self.lock();
        let idle = |state: &mut State| !state.poked && !state.stop;
        let mut state =
            self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        state.poked = false;
        !state.stop
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

    /// Sends `{tag, :ok}`, `{tag, {:ok, value}}` or `{tag, {:error, error}}`. Not on a scheduler.
    pub(crate) fn tell(self, outcome: &Result<Answer>) {
        let Self { pid, mut env, tag } = self;
        // A process that is gone does not wait any more.
        let _ = env.send_and_clear(&pid, |env| {
            let outcome = match outcome {
                Ok(told) => answer::outcome(env, told),
                Err(error) => error::tuple(env, error),
            };
            (tag.load(env), outcome)
        });
    }
}

/// Who waits for an outcome.
pub(crate) enum Waiting {
    /// A process, for a message with its tag.
    Tagged(Waiter),
    /// One that follows a server.
    Down(ResourceArc<Following>),
}

impl Waiting {
    /// Sends what came of it. Not on a scheduler.
    pub(crate) fn tell(self, outcome: &Result<Answer>) {
        match self {
            Self::Tagged(waiter) => waiter.tell(outcome),
            Self::Down(following) => monitor::tell(&following, outcome),
        }
    }
}

/// The core's wake object: whoever has something to take learns of it. A few outcomes are sent
/// from the core's own thread, where the dispatcher would be another one to wake; many it sends
/// while the core reads on.
pub(crate) fn poke(shared: &Shared) {
    match is_unlocked() && shared.signal.is_expecting_few() {
        true => shared.settle(),
        false => shared.signal.poke(),
    }
    shared.bell.ring(&shared.signal);
}

/// The dispatcher's whole life.
pub(crate) fn dispatch(shared: &Arc<Shared>) {
    // A panic must not leave a node without its dispatcher.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        while shared.signal.wait() {
            shared.signal.ring();
            shared.settle();
        }
    }));
    lock(&shared.inbox).close();
    shared.close();
    // Not every end is the owner's wish.
    shared.bell.ring(&shared.signal);
    shared.signal.ring();
    for closer in shared.signal.finish() {
        closer.tell(&Ok(Answer::None));
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error of everything that a close cut short.
pub(crate) fn closed() -> Result<Answer> {
    Err(Error::closed())
}
