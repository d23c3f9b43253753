//! The servers of a child.

use std::collections::BTreeMap;
use std::sync::Arc;

use chinwag::{Answer, Payload, Request, Server};

use super::tally::Tally;

/// Gives back what it gets.
pub(super) const ECHO: &str = "echo";
/// Gets casts.
pub(super) const SINK: &str = "sink";

/// Returns what it is sent.
pub(super) struct Echo;

impl Server for Echo {
    async fn call(&mut self, request: &mut Request) -> Answer {
        Ok(request.take_payload())
    }
}

/// Hears numbered casts, and notices one that is missing, late or there twice.
pub(super) struct Sink {
    tally: Arc<Tally>,
    last: BTreeMap<u64, u64>,
}

impl Sink {
    pub(super) const fn new(tally: Arc<Tally>) -> Self {
        Self { tally, last: BTreeMap::new() }
    }
}

impl Server for Sink {
    /// The last number of whoever asks.
    async fn call(&mut self, request: &mut Request) -> Answer {
        let seat = request.payload().bytes.first_chunk().map(|seat| u64::from_le_bytes(*seat));
        let last = seat.and_then(|seat| self.last.get(&seat)).copied().unwrap_or_default();
        Ok(Payload::raw(last.to_le_bytes()))
    }

    async fn cast(&mut self, request: &mut Request) {
        let (numbers, _) = request.payload().bytes.as_chunks();
        let [seat, number, ..] = *numbers else { return self.tally.fail("a cast that is short") };
        let (seat, number) = (u64::from_le_bytes(seat), u64::from_le_bytes(number));
        let last = self.last.insert(seat, number).unwrap_or_default();
        if number != last + 1 {
            self.tally.fail("a cast out of turn");
        }
        self.tally.heard.add(1);
    }
}
