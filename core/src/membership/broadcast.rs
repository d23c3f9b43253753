//! The transmit-limited queue: what is gossiped, how often, and in which order.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::roster::Slot;

/// Messages that wait to be gossiped. Each goes out a limited number of times; a newer one about
/// the same member takes the older one's place. So the queue is bounded by the number of members.
#[derive(Debug, Default)]
pub(crate) struct Broadcasts {
    queue: BTreeMap<Key, Item>,
    /// Where the message about a member stands.
    about: BTreeMap<Slot, Key>,
    next_id: u64,
}

/// Fewest transmissions first, then the longest message, then the newest: a prefix of the order is
/// what one packet should carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    transmits: u32,
    length: Reverse<usize>,
    id: Reverse<u64>,
}

#[derive(Debug)]
struct Item {
    about: Slot,
    message: Arc<[u8]>,
}

impl Broadcasts {
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether a message has not been sent even once.
    pub(crate) fn has_fresh(&self) -> bool {
        self.queue.first_key_value().is_some_and(|(key, _)| key.transmits == 0)
    }

    /// Whether a message about that member is still to be sent.
    pub(crate) fn holds(&self, about: Slot) -> bool {
        self.about.contains_key(&about)
    }

    /// Drops what was to be sent about a member that is forgotten.
    pub(crate) fn drop_about(&mut self, about: Slot) {
        if let Some(key) = self.about.remove(&about) {
            self.queue.remove(&key);
        }
    }

    /// Queues a message about a member, in place of an older one.
    pub(crate) fn push(&mut self, about: Slot, message: Vec<u8>) {
        self.next_id += 1;
        let key = Key { transmits: 0, length: Reverse(message.len()), id: Reverse(self.next_id) };
        if let Some(old) = self.about.insert(about, key) {
            self.queue.remove(&old);
        }
        self.queue.insert(key, Item { about, message: message.into() });
    }

    /// Takes messages that fit into `room` bytes, each costing `overhead` on top, `count` at most.
    /// Each is counted as sent once; after `limit` times it is gone.
    pub(crate) fn take(
        &mut self,
        mut room: usize,
        overhead: usize,
        count: usize,
        limit: u32,
        out: &mut Vec<Arc<[u8]>>,
    ) {
        let mut sent = Vec::new();
        let mut tier = 0;
        while out.len() < count && room > overhead {
            // The longest message of this tier that fits, else the first of the next tier.
            let from =
                Key { transmits: tier, length: Reverse(room - overhead), id: Reverse(u64::MAX) };
            let Some((&key, _)) = self.queue.range(from..).next() else { break };
            if key.transmits > tier {
                tier = key.transmits;
                continue;
            }
            let Some(item) = self.queue.remove(&key) else { break };
            room -= item.message.len() + overhead;
            out.push(Arc::clone(&item.message));
            sent.push((key, item));
        }
        // Not before the packet is full, or a message would be packed twice.
        for (key, item) in sent {
            self.put_back(key, item, limit);
        }
    }

    fn put_back(&mut self, key: Key, item: Item, limit: u32) {
        let transmits = key.transmits + 1;
        if transmits >= limit {
            self.about.remove(&item.about);
            return;
        }
        let key = Key { transmits, ..key };
        if let Some(place) = self.about.get_mut(&item.about) {
            *place = key;
        }
        self.queue.insert(key, item);
    }
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
        let mut out = Vec::new();
        queue.take(room, 2, 127, limit, &mut out);
        out.iter().map(|m| String::from_utf8_lossy(m).into_owned()).collect()
    }

    fn queue(messages: &[(Slot, &str)]) -> Broadcasts {
        let mut queue = Broadcasts::default();
        for (about, message) in messages {
            queue.push(*about, message.as_bytes().to_vec());
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
        queue.push(1, b"n".to_vec());
        assert_eq!(take(&mut queue, 100, 3), ["n", "old"]);
    }

    #[test]
    fn a_newer_message_replaces_the_older_about_the_same_member() {
        let mut queue = queue(&[(0, "old")]);
        take(&mut queue, 100, 3);
        queue.push(0, b"new".to_vec());
        assert_eq!(queue.len(), 1);
        assert!(queue.has_fresh());
        assert_eq!(take(&mut queue, 100, 3), ["new"]);
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
