//! What this node asks of servers and tells them: calls under way, and casts.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use tokio::task::coop::poll_proceed;
use tokio::time;

use super::{Caller, Mesh, Shared, State, clock};
use crate::error::{Error, Result};
use crate::messaging::{Ask, CallId, Messaging, Payload};

/// Bytes of a cast that are as much work as a short one. A task has 128 of them in a turn: so large
/// ones go out as they are said, and their memory is used again by the next.
const UNIT: usize = 1024;
/// Of one cast. It must leave room for a turn to begin with it.
const UNITS_MAX: usize = 64;

/// What came of saying something.
pub(super) type Said<T> = std::result::Result<T, Unsaid>;

/// Why something was not said.
pub(super) struct Unsaid {
    pub(super) error: Error,
    /// Who said it waits for room. It has its payload back then.
    waits: bool,
}

impl Mesh {
    /// Asks a server, and waits for the answer. Dropped, it gives the call up.
    pub(crate) async fn call(&self, mut ask: Ask<'_>) -> Result<Payload> {
        let begin = |ask: &mut Ask<'_>| -> Said<Ticket> {
            let (sender, outcome) = oneshot::channel();
            let id = self.begin_once(ask, &mut Some(Caller::Task(sender)))?;
            Ok(Ticket { shared: Arc::clone(&self.shared), id: Some(id), outcome })
        };
        let waiting = match begin(&mut ask) {
            Err(unsaid) if unsaid.waits => self.when_there_is_room(ask, begin).await?,
            outcome => outcome.map_err(|unsaid| unsaid.error)?,
        };
        waiting.outcome().await
    }

    /// Begins to ask.
    pub(crate) fn begin(&self, ask: Ask<'_>) -> Result<Ticket> {
        let (sender, outcome) = oneshot::channel();
        let id = self.begin_for(ask, &mut Some(Caller::Task(sender)))?;
        Ok(Ticket { shared: Arc::clone(&self.shared), id: Some(id), outcome })
    }

    /// Begins to ask for somebody, who is taken and told the outcome once, unless nothing was sent.
    pub(crate) fn begin_for(
        &self,
        mut ask: Ask<'_>,
        caller: &mut Option<Caller>,
    ) -> Result<CallId> {
        self.begin_once(&mut ask, caller).map_err(|unsaid| unsaid.error)
    }

    fn begin_once(&self, ask: &mut Ask<'_>, caller: &mut Option<Caller>) -> Said<CallId> {
        let mut state = self.shared.lock();
        let id = self.say(&mut state, ask, |messaging, ask| messaging.call(clock::now(), ask))?;
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

    /// Tells a server something, once there is room. What there is no room for just now is said by
    /// what is given back.
    pub(crate) fn poll_cast(
        &self,
        context: &mut Context<'_>,
        ask: &mut Ask<'_>,
    ) -> Poll<Result<bool>> {
        // There is nothing to wait for while there is room: without this, who sends many in a row
        // would keep the thread, and what it says would wait for the end of that.
        for _ in 0..=(ask.payload.bytes.len() / UNIT).min(UNITS_MAX) {
            ready!(poll_proceed(context)).made_progress();
        }
        Poll::Ready(match self.cast_once(ask) {
            Ok(()) => Ok(true),
            Err(unsaid) if unsaid.waits => Ok(false),
            Err(unsaid) => Err(unsaid.error),
        })
    }

    /// Tells a server something for which there was no room before.
    pub(crate) async fn cast_later(&self, ask: Ask<'_>) -> Result<()> {
        self.when_there_is_room(ask, |ask| self.cast_once(ask)).await
    }

    /// Tells a server something, without waiting for room.
    pub(crate) fn cast_now(&self, mut ask: Ask<'_>) -> Result<()> {
        self.cast_once(&mut ask).map_err(|unsaid| unsaid.error)
    }

    fn cast_once(&self, ask: &mut Ask<'_>) -> Said<()> {
        let mut state = self.shared.lock();
        let outcome = self.say(&mut state, ask, |messaging, ask| messaging.cast(clock::now(), ask));
        self.shared.carry_out(state);
        outcome
    }

    /// Says something, or gives its payload back to who waits for room.
    pub(super) fn say<T>(
        &self,
        state: &mut State,
        ask: &mut Ask<'_>,
        act: impl FnOnce(&mut Messaging, Ask<'_>) -> Result<T>,
    ) -> Said<T> {
        if state.closed {
            return Err(Unsaid { error: Error::closed(), waits: false });
        }
        let codec = ask.payload.codec;
        let said = Ask { payload: std::mem::take(&mut ask.payload), ..*ask };
        act(&mut state.messaging, said).map_err(|error| {
            let refused = state.messaging.take_refused().filter(|_| self.shared.may_block);
            let waits = refused.is_some();
            ask.payload = Payload { codec, bytes: refused.unwrap_or_default() };
            Unsaid { error, waits }
        })
    }

    /// Says something as soon as there is room, before its deadline.
    pub(super) async fn when_there_is_room<T>(
        &self,
        mut ask: Ask<'_>,
        mut act: impl FnMut(&mut Ask<'_>) -> Said<T>,
    ) -> Result<T> {
        loop {
            let room = self.shared.room.notified();
            let error = match act(&mut ask) {
                Err(unsaid) if unsaid.waits => unsaid.error,
                outcome => return outcome.map_err(|unsaid| unsaid.error),
            };
            if time::timeout_at(clock::system(ask.deadline), room).await.is_err() {
                return Err(error);
            }
        }
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
