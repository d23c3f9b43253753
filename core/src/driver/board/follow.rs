//! Following a board from its present state on, and making one the image of another.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Board, ByName, Reader, Seat, wake};
use crate::member::Member;

impl Reader {
    /// A reader of what happens from now on, and the others as they are now. It is also woken when
    /// the local member changes. What nobody has heard yet stays so: whoever follows is not who the
    /// node is for.
    pub(crate) fn follow(board: Arc<Board>) -> (Self, VecDeque<Member>) {
        let mut inner = board.lock();
        let id = inner.next_reader;
        inner.next_reader += 1;
        let seat = Seat { id, seen: inner.seq, waker: None, follows: true };
        inner.readers.push(seat);
        let others = inner.known().into();
        drop(inner);
        (Self { board, id, batch: VecDeque::new() }, others)
    }
}

impl Board {
    /// Sets the others as they were when the node began.
    pub(crate) fn begin_with(&self, others: Vec<Member>) {
        self.lock().others = others.into_iter().map(ByName).collect();
    }

    /// These are the others now, and so many events were missed on the way: readers are told so as
    /// if they had been too slow.
    pub(crate) fn replace(&self, others: Vec<Member>, missed: u64) {
        let mut inner = self.lock();
        inner.others = BTreeSet::from_iter(others.into_iter().map(ByName));
        inner.seq += missed.max(1);
        inner.events.clear();
        inner.payloads = 0;
        self.changed.notify_one();
        let waiting = inner.waiting();
        drop(inner);
        wake(waiting);
    }
}
