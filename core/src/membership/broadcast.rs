//! The transmit-limited queue: what is gossiped, how often, and in which order.

use std::cmp::Reverse;
use std::collections::BTreeMap;

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
    news: News,
}

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
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether a message has been sent fewer than that many times.
    pub(crate) fn has_news(&self, times: u32) -> bool {
        self.queue.first_key_value().is_some_and(|(key, _)| key.transmits < times)
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

    /// Queues news about a member, in place of older news; `length` is that of the message.
    pub(crate) fn push(&mut self, about: Slot, news: News, length: usize) {
        self.next_id += 1;
        let key = Key { transmits: 0, length: Reverse(length), id: Reverse(self.next_id) };
        if let Some(old) = self.about.insert(about, key) {
            self.queue.remove(&old);
        }
        self.queue.insert(key, Item { about, news });
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
        let mut sent = Vec::new();
        let mut tier = 0;
        while parts.len() < count && room > overhead {
            // The longest message of this tier that fits, else the first of the next tier.
            let length = Reverse(room - overhead);
            let from = Key { transmits: tier, length, id: Reverse(u64::MAX) };
            let Some((&key, _)) = self.queue.range(from..).next() else { break };
            if key.transmits > tier {
                tier = key.transmits;
                continue;
            }
            let Some(item) = self.queue.remove(&key) else { break };
            room -= key.length.0 + overhead;
            parts.push(|bytes| match &item.news {
                News::Alive => write_alive(item.about, bytes),
                News::Message(message) => bytes.extend_from_slice(message),
            });
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
