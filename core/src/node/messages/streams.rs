//! Calls whose request and answer are sequences of items.

use super::IntoPayload;
use crate::driver::mesh::{ItemSink, Items};
use crate::error::{Error, Result};
use crate::messaging::Payload;

/// A call that streams: items go to the server and come from it, both at the same time, and each
/// side is slowed by the other where that reads slowly. Dropped before the end, it is given up.
#[derive(Debug)]
pub struct CallStream {
    sink: ItemSink,
    items: Items,
}

impl CallStream {
    pub(super) const fn new(sink: ItemSink, items: Items) -> Self {
        Self { sink, items }
    }

    /// Sends an item of the request, once the server reads and there is room.
    ///
    /// # Errors
    /// As [`ItemSink::send`]; `codec` for a value without an encoding.
    pub async fn send(&mut self, item: impl IntoPayload) -> Result<()> {
        self.sink.send(item.into_payload()?).await
    }

    /// Says that no more items will come. Not needed where none is sent.
    pub fn finish(&mut self) {
        self.sink.finish();
    }

    /// The next item of the answer; `None` after the last. An error is the last there is. Safe to
    /// cancel.
    pub async fn next(&mut self) -> Option<Result<Payload>> {
        self.items.next().await
    }

    /// Sends no more, leaves out what items there are, and waits for the answer behind them.
    ///
    /// # Errors
    /// What the call came to.
    pub async fn answer(mut self) -> Result<Payload> {
        self.finish();
        while let Some(item) = self.items.next().await {
            drop(item?);
        }
        self.items.take_answer().ok_or_else(Error::closed)
    }

    /// What the server has answered behind the items, once they were read to the end.
    pub fn take_answer(&mut self) -> Option<Payload> {
        self.items.take_answer()
    }

    /// The two directions, for two tasks. Whoever sends says when it has finished, or the call is
    /// given up.
    pub fn split(self) -> (ItemSink, Items) {
        (self.sink, self.items)
    }
}
