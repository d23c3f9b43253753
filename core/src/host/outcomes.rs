//! Operations under way, and outcomes that wait to be taken.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use tokio::task::AbortHandle;

use super::{Answer, Completion, OPS_MAX, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::messaging::{CallId, MonitorId};

/// Outcomes that wait to be taken. Bounded by the number of operations under way.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    inner: Mutex<OutcomesInner>,
    /// The tasks of joins under way, by their numbers.
    pub(super) joins: Mutex<BTreeMap<u64, AbortHandle>>,
    /// Calls and monitors under way, by their numbers. Taken while the messages are locked, and
    /// never the other way round.
    pub(super) begun: Mutex<BTreeMap<u64, Option<Begun>>>,
}

/// What is under way with the node's messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begun {
    Call(CallId),
    Monitor(MonitorId),
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
        Ok(self.numbered(inner.next, waker, true))
    }

    /// The same for what may take for ever: it has bounds of its own, and is not counted until it
    /// is settled.
    pub(super) fn lasting_ticket(self: &Arc<Self>, waker: Waker) -> Ticket {
        let mut inner = lock(&self.inner);
        inner.next += 1;
        self.numbered(inner.next, waker, false)
    }

    fn numbered(self: &Arc<Self>, id: u64, waker: Waker, counted: bool) -> Ticket {
        Ticket { id, outcomes: Arc::clone(self), waker, counted, settled: false }
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
    counted: bool,
    settled: bool,
}

impl Ticket {
    pub(super) fn settle(mut self, result: Result<Answer>) {
        self.put(result);
    }

    fn put(&mut self, result: Result<Answer>) {
        self.settled = true;
        lock(&self.outcomes.joins).remove(&self.id);
        lock(&self.outcomes.begun).remove(&self.id);
        let first = {
            let mut inner = lock(&self.outcomes.inner);
            inner.open += usize::from(!self.counted);
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
