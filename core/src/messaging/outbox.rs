//! What waits to be sent to one member: bounded in bytes and in time, and in the order in which it
//! was said.

use std::collections::VecDeque;

use super::calls::CallId;
use crate::mesh::{Header, Name};
use crate::time::Instant;

/// Messages for which an empty outbox keeps room.
const KEPT: usize = 256;

/// A message that is not on its way yet.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) header: Header,
    /// What stands in front of the payload.
    pub(super) head: Vec<u8>,
    pub(super) payload: Vec<u8>,
    /// What has to stay in order among itself: the server; empty where order means nothing.
    pub(super) lane: Name,
    /// Who waits for it.
    pub(super) call: Option<CallId>,
    /// It is of no use after that.
    pub(super) expires: Instant,
    /// A newer one with the same lane and head takes its place.
    pub(super) latest: bool,
}

impl Item {
    pub(super) fn size(&self) -> usize {
        self.head.len() + self.payload.len() + self.lane.len() + size_of::<Self>()
    }
}

/// Messages that wait.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    items: VecDeque<Item>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, item: Item) {
        self.bytes += item.size();
        self.items.push_back(item);
    }

    /// Puts back what was taken, the last one first.
    pub(super) fn put_back(&mut self, item: Item) {
        self.bytes += item.size();
        self.items.push_front(item);
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.bytes -= item.size();
        if self.items.is_empty() {
            self.items.shrink_to(KEPT);
        }
        Some(item)
    }

    /// Takes the place of an older one that says the same of something; what was there.
    pub(super) fn supersede(&mut self, item: Item) -> Result<Item, Item> {
        let older = |held: &Item| {
            held.latest
                && held.header.kind == item.header.kind
                && held.lane == item.lane
                && held.head == item.head
        };
        let Some(held) = self.items.iter_mut().find(|held| older(held)) else { return Err(item) };
        self.bytes += item.size();
        let held = std::mem::replace(held, item);
        self.bytes -= held.size();
        Ok(held)
    }

    /// Takes the oldest that nobody waits for.
    pub(super) fn drop_oldest(&mut self) -> Option<Item> {
        let at = self.items.iter().position(|item| item.call.is_none())?;
        let item = self.items.remove(at)?;
        self.bytes -= item.size();
        Some(item)
    }

    /// Takes what `unwanted` says.
    pub(super) fn take(&mut self, mut unwanted: impl FnMut(&Item) -> bool) -> Vec<Item> {
        let mut taken = Vec::new();
        for item in std::mem::take(&mut self.items) {
            if unwanted(&item) {
                self.bytes -= item.size();
                taken.push(item);
            } else {
                self.items.push_back(item);
            }
        }
        taken
    }

    /// When the first of them is of no use any more.
    pub(super) fn next_expiry(&self) -> Instant {
        self.items.iter().map(|item| item.expires).min().unwrap_or(Instant::NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::Kind;

    fn item(expires: Instant) -> Item {
        Item {
            header: Header::new(Kind::Cast, 1),
            head: Vec::new(),
            payload: Vec::new(),
            lane: Name::from("s"),
            call: None,
            expires,
            latest: false,
        }
    }

    #[test]
    fn the_room_of_a_burst_is_given_back() {
        let soon = Instant::from_nanos(1);
        let fill = |outbox: &mut Outbox, expires| {
            for _ in 0..100_000 {
                outbox.push(item(expires));
            }
        };
        let mut outbox = Outbox::default();
        fill(&mut outbox, Instant::NEVER);
        while outbox.pop().is_some() {}
        assert!(outbox.items.capacity() <= 2 * KEPT && outbox.bytes() == 0);
        fill(&mut outbox, soon);
        outbox.push(item(Instant::NEVER));
        assert_eq!(outbox.take(|item| item.expires == soon).len(), 100_000);
        assert!(outbox.items.capacity() <= 2 * KEPT && outbox.items.len() == 1);
    }
}
