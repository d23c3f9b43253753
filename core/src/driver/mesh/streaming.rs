//! The two ends of calls that stream, as tasks and bindings have them.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::task::coop::consume_budget;

use super::asking::Said;
use super::{Mesh, Shared, State, clock};
use crate::error::{Error, ErrorKind, Result};
use crate::messaging::{Ask, Next, Payload, StreamId, Tag};

/// Who waits at an end.
#[derive(Debug, Default)]
pub(super) struct StreamWakers {
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Which of the two that may wait at an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Reader,
    Writer,
}

impl StreamWakers {
    pub(super) fn into_wakers(self) -> impl Iterator<Item = Waker> {
        self.reader.into_iter().chain(self.writer)
    }

    fn of(&mut self, side: Side) -> &mut Option<Waker> {
        match side {
            Side::Reader => &mut self.reader,
            Side::Writer => &mut self.writer,
        }
    }
}

impl State {
    pub(super) fn wake_stream(&mut self, stream: StreamId, side: Side) {
        let wakers = self.streams.get_mut(&stream);
        wakers.and_then(|wakers| wakers.of(side).take()).into_iter().for_each(Waker::wake);
    }

    fn wait_for_stream(&mut self, stream: StreamId, side: Side, waker: &Waker) {
        let place = self.streams.entry(stream).or_default().of(side);
        if !place.as_ref().is_some_and(|held| held.will_wake(waker)) {
            *place = Some(waker.clone());
        }
    }
}

impl Mesh {
    /// Makes a call that streams. It waits for room where calls do.
    pub(crate) async fn open(&self, ask: Ask<'_>) -> Result<Arc<Stream>> {
        self.when_there_is_room(ask, |ask| self.open_once(ask)).await
    }

    /// The same, without waiting for room.
    #[cfg(any(unix, feature = "host"))]
    pub(crate) fn open_now(&self, mut ask: Ask<'_>) -> Result<Arc<Stream>> {
        self.open_once(&mut ask).map_err(|unsaid| unsaid.error)
    }

    fn open_once(&self, ask: &mut Ask<'_>) -> Said<Arc<Stream>> {
        let mut state = self.shared.lock();
        let outcome = self.say(&mut state, ask, |messaging, ask| messaging.open(clock::now(), ask));
        self.shared.carry_out(state);
        outcome.map(|id| Stream::new(&self.shared, id))
    }
}

/// One end of a call that streams. Dropped, a call that this node has made is given up.
pub(crate) struct Stream {
    shared: Arc<Shared>,
    id: StreamId,
    /// There is a reader, and a writer: one of each, since one of each is woken.
    taken: [AtomicBool; 2],
}

impl Stream {
    fn new(shared: &Arc<Shared>, id: StreamId) -> Arc<Self> {
        Arc::new(Self { shared: Arc::clone(shared), id, taken: Default::default() })
    }

    /// The end of a server of this node.
    pub(super) fn of_request(shared: &Arc<Shared>, tag: Tag) -> Arc<Self> {
        Self::new(shared, StreamId::Asked(tag))
    }

    /// Whether that side is nobody's yet; it is now.
    pub(super) fn claim(&self, side: Side) -> bool {
        !self.taken[side as usize].swap(true, Ordering::Relaxed)
    }

    /// Sends an item; or gives it back, if there is no room: the waker is called when there is.
    pub(crate) fn send(&self, item: Payload, waker: &Waker) -> Result<Option<Payload>> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Error::closed());
        }
        let outcome = state.messaging.send_item(clock::now(), self.id, item)?;
        if outcome.is_some() {
            state.wait_for_stream(self.id, Side::Writer, waker);
        }
        self.shared.carry_out(state);
        Ok(outcome)
    }

    /// Ready once an item could be sent.
    #[cfg(unix)]
    pub(in crate::driver) fn poll_room(&self, context: &Context<'_>) -> Poll<Result<()>> {
        let mut state = self.shared.lock();
        if state.closed {
            return Poll::Ready(Err(Error::closed()));
        }
        match state.messaging.has_room_for_items(self.id) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => {
                state.wait_for_stream(self.id, Side::Writer, context.waker());
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Takes the next item. After [`Next::Later`] the waker is called when there is one.
    pub(crate) fn next(&self, waker: &Waker) -> Next {
        let mut state = self.shared.lock();
        let next = state.messaging.next_item(clock::now(), self.id);
        if matches!(next, Next::Later) {
            state.wait_for_stream(self.id, Side::Reader, waker);
        }
        self.shared.carry_out(state);
        next
    }

    /// No more items of a request will come.
    pub(crate) fn finish(&self) {
        self.shared.with(|messaging, now| messaging.finish_items(now, self.id));
    }

    /// Nobody reads the items any more.
    pub(crate) fn stop(&self) {
        if !self.shared.is_forked() {
            self.shared.with(|messaging, now| messaging.stop_items(now, self.id));
        }
    }

    /// Gives a call up that this node has made.
    pub(crate) fn abandon(&self) {
        if !self.shared.is_forked() {
            self.shared.with(|messaging, now| messaging.abandon(now, self.id));
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.shared.is_forked() {
            return;
        }
        let mut state = self.shared.lock();
        let wakers = state.streams.remove(&self.id);
        state.messaging.close_stream(clock::now(), self.id);
        self.shared.carry_out(state);
        drop(wakers);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The items of a request or of an answer: each once, and in order. Also a
/// [`Stream`](futures_core::Stream). Dropped before the end, whoever sends them is told that nobody
/// reads any more; a slow reader slows whoever sends.
#[derive(Debug)]
pub struct Items {
    /// Until the end.
    stream: Option<Arc<Stream>>,
    answer: Option<Payload>,
}

impl Items {
    pub(crate) const fn new(stream: Option<Arc<Stream>>) -> Self {
        Self { stream, answer: None }
    }

    /// The next item; `None` after the last. An error is the last there is: of an answer, what the
    /// call came to; of a request, `cancelled` when the caller has given up, and `node_down` when
    /// it is gone. Safe to cancel.
    pub async fn next(&mut self) -> Option<Result<Payload>> {
        consume_budget().await;
        poll_fn(|context| self.poll_item(context)).await
    }

    /// The same for those who poll by hand: the waker is called when there is something.
    pub fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Payload>>> {
        let Some(stream) = &self.stream else { return Poll::Ready(None) };
        let outcome = match stream.next(context.waker()) {
            Next::Later => return Poll::Pending,
            Next::Item(item) => return Poll::Ready(Some(Ok(item))),
            Next::End(Ok(answer)) => {
                self.answer = Some(answer);
                None
            }
            Next::End(Err(error)) => Some(Err(error)),
            Next::Over => None,
        };
        self.stream = None;
        Poll::Ready(outcome)
    }

    /// What the server has answered behind the items, once they were read to the end.
    pub fn take_answer(&mut self) -> Option<Payload> {
        self.answer.take()
    }
}

impl futures_core::Stream for Items {
    type Item = Result<Payload>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(context)
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            stream.stop();
        }
    }
}

/// Where items of a request or of an answer go. Of a request, dropped without
/// [`ItemSink::finish`], the call is given up: what was sent is not all.
#[derive(Debug)]
pub struct ItemSink {
    stream: Arc<Stream>,
    finished: bool,
}

impl ItemSink {
    pub(crate) const fn new(stream: Arc<Stream>) -> Self {
        Self { stream, finished: false }
    }

    /// Sends an item, once there is room for it. Safe to cancel: it is sent then, or not.
    ///
    /// # Errors
    /// `too_large` for this item alone. Otherwise no more can be sent: `cancelled` when the other
    /// side reads no more, has given up or has answered, `node_down`, and whatever else the call
    /// came to; `bad_argument` after [`ItemSink::finish`]; `closed`.
    pub async fn send(&mut self, item: Payload) -> Result<()> {
        // Without this, who sends many while there is room would keep the thread.
        consume_budget().await;
        let mut item = Some(item);
        poll_fn(|context| self.poll_send(&mut item, context)).await
    }

    /// The same for those who poll by hand: the item is taken out once it is sent, and the waker is
    /// called when there is room.
    pub fn poll_send(
        &mut self,
        item: &mut Option<Payload>,
        context: &mut Context<'_>,
    ) -> Poll<Result<()>> {
        let Some(held) = item.take() else {
            let error = Error::new(ErrorKind::BadArgument, "there is no item to send");
            return Poll::Ready(Err(error));
        };
        match self.stream.send(held, context.waker()) {
            Err(error) => Poll::Ready(Err(error)),
            Ok(None) => Poll::Ready(Ok(())),
            Ok(later) => {
                *item = later;
                Poll::Pending
            }
        }
    }

    /// Says that no more items of a request will come. Those of an answer end with it.
    pub fn finish(&mut self) {
        if !std::mem::replace(&mut self.finished, true) {
            self.stream.finish();
        }
    }
}

impl Drop for ItemSink {
    fn drop(&mut self) {
        if !self.finished {
            self.stream.abandon();
        }
    }
}
