//! What calls come to, and whoever waits for that: a thread, a callback, or a program that polls.

use std::collections::{HashMap, VecDeque};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chinwag::error::{Error as CoreError, ErrorKind, Result};
use chinwag::host::{Answer as Value, Host};

use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{Handler, given, shared, status, value};
use crate::messages::Message;
use crate::node::Node;
use crate::queue::{Bell, lock};

/// What a call came to that was begun by chinwag_call_async(), or a monitor: an answer, or an
/// error. It never changes; any thread may read it.
///
/// In a callback it is borrowed until the callback returns; one that a function gave you is freed
/// with chinwag_outcome_free().
pub struct Outcome {
    call: u64,
    answer: Option<Answer>,
    error: Option<Error>,
}

impl Outcome {
    fn new(call: u64, result: Result<Value>) -> Self {
        match result {
            Ok(value) => Self { call, answer: Some(Answer::new(value)), error: None },
            Err(error) => Self { call, answer: None, error: Some(Error::new(error)) },
        }
    }
}

/// Is told what a call came to: once, on the node's dispatcher thread, with CHINWAG_ECLOSED when
/// the node is closed first. What holds for a chinwag_event_fn holds for it.
pub type OutcomeFn = Option<unsafe extern "C" fn(outcome: *const Outcome, user_data: *mut c_void)>;

/// The calls of a node.
#[derive(Default)]
pub(crate) struct Outcomes {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: HashMap<u64, Waits>,
    /// For callbacks, and for whoever polls.
    told: VecDeque<(Handler<*const Outcome>, u64, Result<Value>)>,
    kept: VecDeque<(u64, Result<Value>)>,
    /// Calls under way for whoever polls.
    polled: usize,
    /// No callback is called any more.
    ended: bool,
}

/// Who waits for a call.
enum Waits {
    /// Nobody yet: it was over before whoever began it could say.
    Over(Result<Value>),
    Thread(Arc<Blocked>),
    Callback(Handler<*const Outcome>),
    Poll,
}

/// A thread that waits.
#[derive(Default)]
struct Blocked {
    result: Mutex<Option<Result<Value>>>,
    told: Condvar,
}

impl Blocked {
    fn tell(&self, result: Result<Value>) {
        *lock(&self.result) = Some(result);
        self.told.notify_one();
    }

    fn wait(&self) -> Result<Value> {
        let mut result = lock(&self.result);
        loop {
            if let Some(result) = result.take() {
                return result;
            }
            result = self.told.wait(result).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Outcomes {
    /// Hands on what has been settled; whether the bell has to ring. Called when the node pokes
    /// its wake object: nothing here waits or calls back.
    ///
    /// Threads that wait for a call are woken up one by one, and nobody else is for their sake. A
    /// poke that finds nothing settled is about something else, or its calls were handed on by
    /// another poke, which was about something else then and did not ring: so this one does.
    pub(crate) fn settle(&self, host: &Host) -> bool {
        let settled = host.completions(usize::MAX).unwrap_or_default();
        let mut rings = settled.is_empty();
        let mut state = lock(&self.state);
        for done in settled {
            rings |= state.settle(done.id, done.result);
        }
        rings
    }

    /// Waits for a call.
    pub(crate) fn wait(&self, call: u64) -> Result<Value> {
        let blocked = Arc::<Blocked>::default();
        lock(&self.state).expect(call, Waits::Thread(Arc::clone(&blocked)));
        blocked.wait()
    }

    /// Has a callback told, or without one whoever polls.
    pub(crate) fn promise(
        &self,
        call: u64,
        handler: Option<Handler<*const Outcome>>,
        bell: &Bell,
    ) -> Result<()> {
        let rings = {
            let mut state = lock(&self.state);
            if handler.is_some() && state.ended {
                state.calls.remove(&call);
                return Err(CoreError::closed());
            }
            state.expect(call, handler.map_or(Waits::Poll, Waits::Callback))
        };
        if rings {
            bell.ring();
        }
        Ok(())
    }

    /// Calls up to `max` callbacks; whether there may be more.
    pub(crate) fn deliver(&self, max: usize) -> bool {
        for _ in 0..max {
            let next = lock(&self.state).told.pop_front();
            let Some((handler, call, result)) = next else { return false };
            handler.call(&Outcome::new(call, result));
        }
        true
    }

    /// Calls all that are left, and no more from then on.
    pub(crate) fn end(&self) {
        loop {
            while self.deliver(usize::MAX) {}
            let mut state = lock(&self.state);
            if state.told.is_empty() {
                state.ended = true;
                return;
            }
        }
    }

    /// The next one for whoever polls; an error when none will come unless a call is begun.
    fn next(&self) -> Result<Option<Outcome>> {
        let next = {
            let mut state = lock(&self.state);
            match state.kept.pop_front() {
                None if state.polled == 0 => return Err(CoreError::closed()),
                next => next,
            }
        };
        Ok(next.map(|(call, result)| Outcome::new(call, result)))
    }
}

impl State {
    /// Somebody waits; whether the bell has to ring.
    fn expect(&mut self, call: u64, waits: Waits) -> bool {
        self.polled += usize::from(matches!(waits, Waits::Poll));
        match self.calls.insert(call, waits) {
            Some(Waits::Over(result)) => self.settle(call, result),
            _ => false,
        }
    }

    /// A call is over; whether the bell has to ring.
    fn settle(&mut self, call: u64, result: Result<Value>) -> bool {
        match self.calls.remove(&call) {
            Some(Waits::Thread(blocked)) => {
                blocked.tell(result);
                return false;
            }
            Some(Waits::Callback(handler)) => self.told.push_back((handler, call, result)),
            Some(Waits::Poll) => {
                self.polled -= 1;
                self.kept.push_back((call, result));
            }
            Some(Waits::Over(_)) | None => {
                self.calls.insert(call, Waits::Over(result));
                return false;
            }
        }
        true
    }
}

/// As chinwag_call(), without waiting. `callback` is told what it came to; when it is NULL,
/// chinwag_next_outcome() gives that. `call`, which may be NULL, is set to a number for
/// chinwag_call_cancel(), and is written before the callback can run.
///
/// Every call that was begun has one outcome, also of an error that is known at once. On failure
/// nothing was begun, and the callback is not called: CHINWAG_ECLOSED, CHINWAG_EBADARGUMENT.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_call_async(
    node: *mut Node,
    message: Option<&Message>,
    callback: OutcomeFn,
    user_data: *mut c_void,
    call: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes what the comments of the fields say.
        let (message, payload) = unsafe { given(message, "message")?.read() }?;
        if callback.is_some() && !node.host.is_closed()? {
            node.callbacks.start()?;
        }
        let id = node.host.call(&message.lent(), payload)?;
        if let Some(call) = call {
            call.write(id);
        }
        let handler = callback.map(|callback| Handler::new(callback, user_data, None));
        node.outcomes.promise(id, handler, &node.bell)
    })
}

/// Gives a call up that was begun by chinwag_call_async(), and tells the server; or ends a
/// monitor. Its outcome is CHINWAG_ECANCELLED, unless it was over before; of a call that is over,
/// nothing happens.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_call_cancel(node: *mut Node, call: u64) -> Status {
    status(None, || shared(node, "node")?.host.cancel(call))
}

/// Takes the next outcome of calls and monitors that were begun without a callback. Waits for it up
/// to `timeout_ms` milliseconds; 0 does not wait, a negative number waits for ever. `outcome` is
/// yours: free it with chinwag_outcome_free().
///
/// CHINWAG_ETIMEOUT when none came in time, CHINWAG_ECLOSED when the node is closed and all were
/// taken.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_next_outcome(
    node: *mut Node,
    timeout_ms: i32,
    outcome: Option<&mut MaybeUninit<*mut Outcome>>,
) -> Status {
    status(None, || {
        let (node, out) = (shared(node, "node")?, given(outcome, "outcome")?);
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let (seen, closed) = (node.bell.count(), node.host.is_closed()?);
            match node.outcomes.next() {
                Ok(Some(outcome)) => {
                    out.write(Box::into_raw(Box::new(outcome)));
                    return Ok(());
                }
                Err(error) if closed => return Err(error),
                _ => {}
            }
            if !node.bell.wait(seen, deadline) {
                return Err(CoreError::new(ErrorKind::Timeout, "no outcome came in time"));
            }
        }
    })
}

/// The number of the call or monitor. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_outcome_call(outcome: Option<&Outcome>) -> u64 {
    value(0, || outcome.map_or(0, |outcome| outcome.call))
}

/// What the server answered, or why it is down. Borrowed from the outcome. NULL when there is an
/// error instead.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_outcome_answer(outcome: Option<&Outcome>) -> Option<&Answer> {
    value(None, || outcome?.answer.as_ref())
}

/// What went wrong. Borrowed from the outcome. NULL when there is an answer instead.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_outcome_error(outcome: Option<&Outcome>) -> Option<&Error> {
    value(None, || outcome?.error.as_ref())
}

/// Frees an outcome that a function gave you. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_outcome_free(outcome: Option<Box<Outcome>>) {
    value((), || drop(outcome));
}
