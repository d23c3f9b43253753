//! Operations under way, and outcomes that wait to be taken.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use tokio::task::AbortHandle;

use super::{Answer, Completion, OPS_MAX, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::messaging::CallId;

/// Outcomes that wait to be taken. Bounded by the number of operations under way.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    inner: Mutex<OutcomesInner>,
    /// The tasks of joins under way, by their numbers.
    pub(super) joins: Mutex<BTreeMap<u64, AbortHandle>>,
    /// Calls under way, by their numbers. Taken while the messages are locked, and never the other
    /// way round.
    pub(super) calls: Mutex<BTreeMap<u64, Option<CallId>>>,
}

#[derive(Debug, Default)]
struct OutcomesInner {
    next: u64,
    open: usize,
    settled: VecDeque<Completion>,
    /// What is dropped from now on was cut short by the close.
    closed: bool,
}

impl Outcomes {
    /// What is dropped from now on was cut short by a close.
    pub(super) fn close(&self) {
        lock(&self.inner).closed = true;
    }

    pub(super) fn ticket(self: &Arc<Self>, waker: Waker) -> Result<Ticket> {
        let mut inner = lock(&self.inner);
        if inner.open >= OPS_MAX {
            let message = format!("{OPS_MAX} operations are under way; wait for some of them");
            return Err(Error::new(ErrorKind::BadArgument, message));
        }
        inner.open += 1;
        inner.next += 1;
        Ok(Ticket { id: inner.next, outcomes: Arc::clone(self), waker, settled: false })
    }

    pub(super) fn take(&self, max: usize) -> Vec<Completion> {
        let mut inner = lock(&self.inner);
        let count = max.min(inner.settled.len());
        inner.open -= count;
        inner.settled.drain(..count).collect()
    }
}

/// The promise that an operation settles: if its task is dropped, it settles as `closed`.
pub(super) struct Ticket {
    pub(super) id: u64,
    outcomes: Arc<Outcomes>,
    waker: Waker,
    settled: bool,
}

impl Ticket {
    pub(super) fn settle(mut self, result: Result<Answer>) {
        self.put(result);
    }

    fn put(&mut self, result: Result<Answer>) {
        self.settled = true;
        lock(&self.outcomes.joins).remove(&self.id);
        lock(&self.outcomes.calls).remove(&self.id);
        let first = {
            let mut inner = lock(&self.outcomes.inner);
            inner.settled.push_back(Completion { id: self.id, result });
            inner.settled.len() == 1
        };
        if first {
            self.waker.wake_by_ref();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.settled {
            let error = match lock(&self.outcomes.inner).closed {
                true => Error::closed(),
                false => Error::new(ErrorKind::Cancelled, "given up by whoever asked for it"),
            };
            self.put(Err(error));
        }
    }
}
