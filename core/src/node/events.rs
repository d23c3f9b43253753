//! A subscription to what happens.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::Replay;
use crate::driver::{Board, Read, Reader};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;

/// What happens to the other members: ordered, numbered, never concurrent. Also a
/// [`Stream`]. Ends when the node is closed.
#[derive(Debug)]
pub struct Events {
    reader: Reader,
}

impl Events {
    pub(super) fn new(board: Arc<Board>, replay: Replay) -> Self {
        Self { reader: Reader::new(board, replay == Replay::Yes) }
    }

    /// The next event; `None` once the node is closed. Safe to cancel.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// The next event if there is one now.
    ///
    /// # Errors
    /// `closed` once the node is closed and everything has been read.
    pub fn try_next(&mut self) -> Result<Option<Event>> {
        match self.reader.next(None) {
            Read::Event(event) => Ok(Some(event)),
            Read::Waiting => Ok(None),
            Read::Closed => Err(Error::new(ErrorKind::Closed, "the node is closed")),
        }
    }

    /// [`Events::next`] for those who poll by hand: `context`'s waker is called once, when the
    /// first event after an empty answer comes.
    pub fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        match self.reader.next(Some(context.waker())) {
            Read::Event(event) => Poll::Ready(Some(event)),
            Read::Closed => Poll::Ready(None),
            Read::Waiting => Poll::Pending,
        }
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll_event(context)
    }
}
