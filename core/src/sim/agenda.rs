//! What is going to happen, and when.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use super::NodeId;
use crate::engine::StreamId;
use crate::time::Instant;

/// Happenings in the order of their time, and equal times in the order of their making.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    entries: BinaryHeap<Reverse<Entry>>,
    made: u64,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: Instant,
    order: u64,
    pub(super) node: NodeId,
    /// Which run of the process it is for, so that nothing reaches a later one.
    pub(super) run: u32,
    pub(super) happening: Happening,
}

#[derive(Debug)]
pub(super) enum Happening {
    Wake,
    Packet {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    /// A datagram to that address came back.
    Refused {
        to: SocketAddr,
    },
    /// A connection attempt by `peer` under its name `theirs`, with its first bytes.
    Connect {
        peer: NodeId,
        theirs: StreamId,
        bytes: Vec<u8>,
    },
    Bytes {
        stream: StreamId,
        bytes: Vec<u8>,
    },
    Closed {
        stream: StreamId,
        cause: Option<String>,
        refused: bool,
    },
}

impl Agenda {
    pub(super) fn put(&mut self, at: Instant, node: NodeId, run: u32, happening: Happening) {
        self.made += 1;
        let entry = Entry { at, order: self.made, node, run, happening };
        self.entries.push(Reverse(entry));
    }

    /// Takes the next entry, if it comes no later than `end`.
    pub(super) fn next(&mut self, end: Instant) -> Option<Entry> {
        match self.entries.peek() {
            Some(Reverse(entry)) if entry.at <= end => {}
            _ => return None,
        }
        self.entries.pop().map(|Reverse(entry)| entry)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}
