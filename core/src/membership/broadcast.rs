//! The transmit-limited queue: what is gossiped, how often, and in which order.

use std::collections::BTreeMap;

use hashbrown::HashTable;

use super::roster::Slot;
use crate::wire::{COMPOUND_OVERHEAD, Message, PART_OVERHEAD};

/// Messages that wait to be gossiped. Each goes out a limited number of times; a newer one about
/// the same member takes the older one's place. So the queue is bounded by the number of members.
///
/// A few large allocations, and none once it is empty: a bulk join queues something about everybody
/// while it fills the roster, and small ones in between would leave holes in the heap for good.
#[derive(Debug, Default)]
pub(crate) struct Broadcasts {
    /// The members that they are about.
    about: HashTable<Slot>,
    /// Those that are not written only when they are sent, by the member that they are about.
    messages: BTreeMap<Slot, Box<[u8]>>,
    /// Where they stand: a tier for each number of transmissions.
    tiers: Vec<Tier>,
    /// Number of the last message. Should it wrap, an older one goes out before a newer.
    last_id: u32,
}

/// The messages that were sent equally often; the longest last, and of those the newest. Read
/// backwards, its order is that in which messages are sent.
type Tier = Vec<Place>;

/// Small, as a bulk join queues one for each member: for the same reason, that of a member is
/// looked for when it is needed, which is rare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    length: u32,
    id: u32,
    about: Slot,
}

/// Messages for which a packet mostly has room.
const PACKED: usize = 24;
/// What they mostly take.
const USUAL: usize = 64;

/// What there is to tell about a member.
#[derive(Debug)]
pub(crate) enum News {
    /// That it is there, as it is known: written when it is sent. A bulk join queues one for
    /// everybody, and a copy of each would take more memory than the members themselves.
    Alive,
    /// A message as it is.
    Message(Box<[u8]>),
}

/// Messages for one packet, back to back.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Parts {
    /// These messages.
    pub(crate) fn of(messages: &[Message<'_>]) -> Self {
        let mut parts = Self::default();
        messages.iter().for_each(|message| parts.push(|out| message.encode(out)));
        parts
    }

    /// Bytes of a packet of them, without what stands around it.
    pub(crate) fn packed(&self) -> usize {
        match self.len() {
            0 | 1 => self.size(),
            several => self.size() + COMPOUND_OVERHEAD + several * PART_OVERHEAD,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all messages together.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Appends what `write` writes.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let part = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            part
        })
    }
}

impl Broadcasts {
    pub(crate) fn is_empty(&self) -> bool {
        self.about.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.about.len()
    }

    /// Bytes of the shortest message; 0 without one.
    pub(crate) fn smallest(&self) -> usize {
        let shortest = self.tiers.iter().filter_map(|tier| tier.first()).map(|p| p.length).min();
        shortest.map_or(0, |length| length as usize)
    }

    /// Whether a message has been sent fewer than that many times.
    pub(crate) fn has_news(&self, times: u32) -> bool {
        self.tiers.iter().take(times as usize).any(|tier| !tier.is_empty())
    }

    /// Whether a message about that member, or of that number, is still to be sent.
    pub(crate) fn holds(&self, about: Slot) -> bool {
        self.about.find(hash(about), |other| *other == about).is_some()
    }

    /// Drops what was to be sent about a member that is forgotten.
    pub(crate) fn drop_about(&mut self, about: Slot) {
        if self.holds(about) {
            self.leave(about);
            self.forget(about);
            self.give_back();
        }
    }

    /// Queues news about a member, in place of older news; `length` is that of the message.
    pub(crate) fn push(&mut self, about: Slot, news: News, length: usize) {
        self.last_id = self.last_id.wrapping_add(1);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let place = Place { length, id: self.last_id, about };
        if self.holds(about) {
            self.leave(about);
        } else {
            self.about.insert_unique(hash(about), about, |other| hash(*other));
        }
        match news {
            News::Alive => self.messages.remove(&about),
            News::Message(message) => self.messages.insert(about, message),
        };
        self.enter(0, place);
    }

    /// Takes messages that fit into `room` bytes, each costing `overhead` on top, until there are
    /// `count` parts. Each is counted as sent once; after `limit` times it is gone. `write_alive`
    /// writes that a member is there.
    pub(crate) fn take(
        &mut self,
        mut room: usize,
        overhead: usize,
        count: usize,
        limit: u32,
        write_alive: impl Fn(Slot, &mut Vec<u8>),
        parts: &mut Parts,
    ) {
        // In a storm of news, room for a full packet at once.
        let mut sent = Vec::with_capacity(self.len().min(PACKED));
        parts.bytes.reserve(room.min(self.len() * USUAL));
        for (times, tier) in (1..).zip(&mut self.tiers) {
            while parts.len() < count && room > overhead {
                // If none of this tier fits, the first of the next one.
                let Some(place) = longest(tier, room - overhead) else { break };
                room -= place.length as usize + overhead;
                parts.push(|bytes| match self.messages.get(&place.about) {
                    Some(message) => bytes.extend_from_slice(message),
                    None => write_alive(place.about, bytes),
                });
                sent.push((times, place));
            }
            if tier.len() < tier.capacity() / 4 {
                tier.shrink_to(2 * tier.len());
            }
        }
        // Not before the packet is full, or a message would be packed twice.
        for (times, place) in sent {
            if times >= limit {
                self.forget(place.about);
            } else {
                self.enter(times, place);
            }
        }
        self.give_back();
    }

    /// Puts a message where those are that were sent so many times.
    fn enter(&mut self, times: u32, place: Place) {
        let index = times as usize;
        if self.tiers.len() <= index {
            self.tiers.resize_with(index + 1, Tier::new);
        }
        let tier = &mut self.tiers[index];
        let at = tier.partition_point(|other| *other < place);
        tier.insert(at, place);
    }

    /// Takes the message about a member from its place.
    fn leave(&mut self, about: Slot) {
        for tier in &mut self.tiers {
            if let Some(at) = tier.iter().position(|place| place.about == about) {
                tier.remove(at);
                return;
            }
        }
    }

    fn forget(&mut self, about: Slot) {
        if let Ok(entry) = self.about.find_entry(hash(about), |other| *other == about) {
            entry.remove();
        }
        self.messages.remove(&about);
    }

    /// Frees the room of what is gone.
    fn give_back(&mut self) {
        if self.about.is_empty() {
            *self = Self::default();
        }
    }
}

/// Slots are small numbers of our own, in no need of a key.
fn hash(slot: Slot) -> u64 {
    u64::from(slot).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Takes the longest message of a tier that fits into that room.
fn longest(tier: &mut Tier, room: usize) -> Option<Place> {
    let fits = |place: &mut Place| place.length as usize <= room;
    // Mostly the last one does, and a search of a large tier would wait for memory.
    tier.pop_if(fits).or_else(|| {
        let count = tier.partition_point(|place| place.length as usize <= room);
        count.checked_sub(1).map(|index| tier.remove(index))
    })
}

/// How often one message goes out in a cluster of `members`: memberlist's `retransmitLimit`.
pub(crate) fn transmit_limit(mult: u32, members: usize) -> u32 {
    let scale = ((members + 1) as f64).log10().ceil() as u32;
    mult * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(queue: &mut Broadcasts, room: usize, limit: u32) -> Vec<String> {
        let mut parts = Parts::default();
        let write_alive = |slot: Slot, out: &mut Vec<u8>| out.push(b'A' + slot as u8);
        queue.take(room, 2, 127, limit, write_alive, &mut parts);
        parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect()
    }

    fn push(queue: &mut Broadcasts, about: Slot, message: &str) {
        queue.push(about, News::Message(message.as_bytes().into()), message.len());
    }

    fn queue(messages: &[(Slot, &str)]) -> Broadcasts {
        let mut queue = Broadcasts::default();
        for (about, message) in messages {
            push(&mut queue, *about, message);
        }
        queue
    }

    #[test]
    fn the_limit_is_memberlists() {
        for (members, times) in [(0, 0), (1, 1), (9, 1), (10, 2), (99, 2), (100, 3), (999, 3)] {
            assert_eq!(transmit_limit(4, members), 4 * times, "{members} members");
        }
    }

    #[test]
    fn longest_first_then_newest() {
        let mut queue = queue(&[(0, "1"), (1, "22"), (2, "3"), (3, "4444")]);
        assert_eq!(take(&mut queue, 100, 3), ["4444", "22", "3", "1"]);
    }

    #[test]
    fn fills_greedily_and_never_beyond_the_room() {
        let mut queue = queue(&[(0, "1"), (1, "22"), (2, "333"), (3, "4444444444")]);
        assert_eq!(take(&mut queue, 9, 3), ["333", "22"]);
        assert_eq!(take(&mut queue, 3, 3), ["1"]);
        assert_eq!(take(&mut queue, 2, 3), [""; 0]);
        assert_eq!(take(&mut queue, 100, 3), ["4444444444", "333", "22", "1"]);
    }

    #[test]
    fn fewer_transmissions_come_first() {
        let mut queue = queue(&[(0, "old")]);
        take(&mut queue, 100, 3);
        push(&mut queue, 1, "n");
        assert_eq!(take(&mut queue, 100, 3), ["n", "old"]);
    }

    #[test]
    fn a_newer_message_replaces_the_older_about_the_same_member() {
        let mut queue = queue(&[(0, "old")]);
        take(&mut queue, 100, 3);
        push(&mut queue, 0, "new");
        assert_eq!(queue.len(), 1);
        assert!(queue.has_news(1));
        assert_eq!(take(&mut queue, 100, 3), ["new"]);
    }

    #[test]
    fn that_a_member_is_there_is_written_when_it_is_sent() {
        let mut queue = queue(&[(0, "x")]);
        queue.push(2, News::Alive, 1);
        assert_eq!(take(&mut queue, 100, 3), ["C", "x"]);
    }

    #[test]
    fn is_sent_exactly_as_often_as_the_limit_says() {
        let mut queue = queue(&[(0, "x")]);
        for _ in 0..3 {
            assert!(queue.holds(0));
            assert_eq!(take(&mut queue, 100, 3), ["x"]);
        }
        assert!(queue.is_empty() && !queue.holds(0));
    }
}
