//! Calls whose request and answer are sequences of items.
//!
//! Each of the two sides has an end: what has come and was not taken yet, and what it may send. A
//! side sends while it has credit, and gets more of it as the other side takes items out, so that a
//! slow reader slows the writer, and nothing grows: an end holds at most [`WINDOW`] bytes and one
//! item of any length. An end of this node's own server is told the same without a connection.
//!
//! `ends` opens and ends them, `reading` and `writing` are what a side does, and `hearing` is what
//! comes from the other one.

mod ends;
mod hearing;
mod reading;
mod writing;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(crate) use self::reading::Next;
use super::{CallId, Payload, Tag};
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::{ITEM_COST, WINDOW};
use crate::time::Instant;

/// Names one end, from when a call is made or has come until it is let go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StreamId {
    /// The end of who calls.
    Made(CallId),
    /// The end of the server.
    Asked(Tag),
}

/// Calls that stream, of a node: so many may be made at a time, and so many be served.
const STREAMS_MAX: usize = 4096;

/// The ends of this node.
#[derive(Debug, Default)]
pub(super) struct Streams {
    ends: BTreeMap<StreamId, End>,
    made: usize,
    /// Bytes that wait to be read, at all ends.
    bytes: usize,
}

/// One end.
#[derive(Debug)]
struct End {
    inbox: Inbox,
    writer: Writer,
    /// How long nothing may move; for who calls, and none for no limit.
    patience: Option<Duration>,
    /// When something last did.
    moved: Instant,
}

/// What has come, and was not taken yet.
#[derive(Debug)]
struct Inbox {
    items: VecDeque<Payload>,
    /// What the other side may still send. One item may go beyond.
    granted: i64,
    /// What was taken, and is yet to be granted again.
    owed: i64,
    /// How it ends, behind the items.
    end: Option<Result<Payload>>,
    stage: Stage,
    /// The other side was told that nobody reads, after it had the call for certain.
    refused: bool,
    /// Somebody is to be told of what comes.
    waits: bool,
}

/// How far the reading of an end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nobody has asked for an item yet: the other side has no credit.
    Closed,
    Open,
    /// The other side will say no more.
    Ended,
    /// Nobody reads: what comes is dropped.
    Unread,
}

/// What may be sent.
#[derive(Debug, Default)]
struct Writer {
    credit: i64,
    /// The other side has the call: there was credit.
    reached: bool,
    /// No more items will come.
    finished: bool,
    /// Why nothing can be sent any more.
    stopped: Option<Error>,
    /// Somebody is to be told when there is room.
    waits: bool,
}

/// What one end says to the other.
#[derive(Debug)]
enum Said {
    Item(Payload),
    End,
    Credit(u32),
    Stop,
}

impl Streams {
    /// A call is made.
    pub(super) fn made(&mut self, call: CallId, patience: Option<Duration>, now: Instant) {
        self.made += 1;
        let end = End {
            inbox: Inbox::new(Stage::Open, i64::from(WINDOW)),
            writer: Writer::default(),
            patience: patience.map(|span| span.max(Duration::from_millis(1))),
            moved: now,
        };
        self.ends.insert(StreamId::Made(call), end);
    }

    /// A call has come.
    pub(super) fn asked(&mut self, tag: Tag, now: Instant) {
        let writer = Writer { credit: i64::from(WINDOW), reached: true, ..Writer::default() };
        let inbox = Inbox::new(Stage::Closed, 0);
        self.ends.insert(StreamId::Asked(tag), End { inbox, writer, patience: None, moved: now });
    }

    fn remove(&mut self, id: StreamId) {
        if let Some(end) = self.ends.remove(&id) {
            self.bytes -= end.inbox.bytes();
            self.made -= usize::from(matches!(id, StreamId::Made(_)));
        }
    }

    /// A call could not be made after all.
    pub(super) fn forget(&mut self, call: CallId) {
        self.remove(StreamId::Made(call));
    }

    /// Whether one more can be made.
    pub(super) fn check_made(&self) -> Result<()> {
        check(self.made)
    }

    /// Whether one more can be served.
    pub(super) fn check_asked(&self) -> Result<()> {
        check(self.ends.len() - self.made)
    }

    /// Whether a call is one that streams.
    pub(super) fn has(&self, call: CallId) -> bool {
        self.ends.contains_key(&StreamId::Made(call))
    }

    /// When the time of a call is over that streams, if it is not yet. While something waits to be
    /// taken, it is not the other side that is slow.
    pub(super) fn patience(&self, call: CallId, now: Instant) -> Option<Instant> {
        let end = self.ends.get(&StreamId::Made(call))?;
        let since = if end.inbox.items.is_empty() { end.moved } else { now };
        Some(since + end.patience?).filter(|until| *until > now)
    }

    /// Bytes that wait to be read.
    #[cfg(any(test, feature = "sim"))]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many ends there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

impl Inbox {
    const fn new(stage: Stage, granted: i64) -> Self {
        let items = VecDeque::new();
        Self { items, granted, owed: 0, end: None, stage, refused: false, waits: false }
    }

    fn bytes(&self) -> usize {
        self.items.iter().map(|item| item.bytes.len()).sum()
    }

    /// How it ends, unless it has.
    fn end(&mut self, result: Result<Payload>) {
        match self.stage {
            Stage::Ended => {}
            Stage::Unread => self.stage = Stage::Ended,
            Stage::Closed | Stage::Open => (self.stage, self.end) = (Stage::Ended, Some(result)),
        }
    }
}

fn check(count: usize) -> Result<()> {
    if count < STREAMS_MAX {
        return Ok(());
    }
    let message = format!("{STREAMS_MAX} calls that stream are under way; wait for some");
    Err(Error::new(ErrorKind::Overloaded, message))
}

/// What an item takes of the credit.
fn cost(item: &Payload) -> i64 {
    i64::try_from(item.bytes.len() + ITEM_COST).unwrap_or(i64::MAX)
}

fn cancelled(why: &str) -> Error {
    Error::new(ErrorKind::Cancelled, why)
}
