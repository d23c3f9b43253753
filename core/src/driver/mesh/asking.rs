//! What this node asks of servers and tells them: calls under way, and casts.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use tokio::task::coop::consume_budget;
use tokio::time;

use super::{Caller, Mesh, Shared, clock};
use crate::error::{Error, ErrorKind, Result};
use crate::messaging::{Ask, CallId, Payload};

impl Mesh {
    /// Asks a server, and waits for the answer. Dropped, it gives the call up.
    pub(crate) async fn call(&self, ask: Ask<'_>) -> Result<Payload> {
        if !self.shared.may_block {
            return self.begin(ask)?.outcome().await;
        }
        loop {
            let room = self.shared.room.notified();
            match self.begin(ask.clone()) {
                Ok(waiting) => return waiting.outcome().await,
                Err(error) if !self.waits_for_room(&error) => return Err(error),
                Err(error) => {
                    if time::timeout_at(clock::system(ask.deadline), room).await.is_err() {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Begins to ask.
    pub(crate) fn begin(&self, ask: Ask<'_>) -> Result<Ticket> {
        let (sender, outcome) = oneshot::channel();
        let id = self.begin_for(ask, &mut Some(Caller::Task(sender)))?;
        Ok(Ticket { shared: Arc::clone(&self.shared), id: Some(id), outcome })
    }

    /// Begins to ask for somebody, who is taken and told the outcome once, unless nothing was sent.
    pub(crate) fn begin_for(&self, ask: Ask<'_>, caller: &mut Option<Caller>) -> Result<CallId> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Error::closed());
        }
        let id = state.messaging.call(clock::now(), ask)?;
        if state.callers.len() <= id.place() {
            state.callers.resize_with(id.place() + 1, || None);
        }
        if let Some(place) = state.callers.get_mut(id.place()) {
            *place = caller.take();
        }
        let alone = state.messaging.calls_under_way() == 1;
        self.shared.carry_out_by(state, alone);
        Ok(id)
    }

    /// Gives a call up: whoever waits for it is told nothing any more.
    pub(crate) fn cancel(&self, id: CallId) {
        let mut state = self.shared.lock();
        if state.messaging.cancel(clock::now(), id) {
            let caller = state.callers.get_mut(id.place()).and_then(Option::take);
            self.shared.carry_out(state);
            drop(caller);
        }
    }

    /// Tells a server something.
    pub(crate) async fn cast(&self, ask: Ask<'_>) -> Result<()> {
        // There is nothing to wait for while there is room: without this, who sends many in a row
        // would keep the thread, and what it says would wait for the end of that.
        consume_budget().await;
        if !self.shared.may_block {
            return self.cast_now(ask);
        }
        loop {
            let room = self.shared.room.notified();
            match self.cast_now(ask.clone()) {
                Err(error) if self.waits_for_room(&error) => {
                    if time::timeout_at(clock::system(ask.deadline), room).await.is_err() {
                        return Err(error);
                    }
                }
                outcome => return outcome,
            }
        }
    }

    /// The same, without waiting for room.
    pub(crate) fn cast_now(&self, ask: Ask<'_>) -> Result<()> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Error::closed());
        }
        let outcome = state.messaging.cast(clock::now(), ask);
        self.shared.carry_out(state);
        outcome
    }

    pub(super) fn waits_for_room(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Overloaded && self.shared.lock().messaging.blocks()
    }
}

/// A call under way.
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    /// Until the outcome is there.
    id: Option<CallId>,
    outcome: oneshot::Receiver<Result<Payload>>,
}

impl Ticket {
    pub(in crate::driver) async fn outcome(mut self) -> Result<Payload> {
        poll_fn(|context| self.poll_outcome(context)).await
    }

    /// The outcome, once it is there; not to be asked again then.
    pub(crate) fn poll_outcome(&mut self, context: &mut Context<'_>) -> Poll<Result<Payload>> {
        let outcome = ready!(Pin::new(&mut self.outcome).poll(context));
        self.id = None;
        Poll::Ready(outcome.unwrap_or_else(|_| Err(Error::closed())))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            Mesh { shared: Arc::clone(&self.shared) }.cancel(id);
        }
    }
}
