//! Subscribers on this node, and what waits for them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::super::Payload;
use super::interest::Interest;
use super::{MailboxLimits, SubscriberId};

/// Something that was published.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) topic: Arc<str>,
    /// The member that published it.
    pub(crate) from: Arc<str>,
    /// As they are sent.
    pub(crate) headers: Box<[u8]>,
    pub(crate) payload: Payload,
}

#[derive(Debug)]
struct Subscriber {
    topic: Arc<str>,
    queue: Option<Arc<str>>,
    limits: MailboxLimits,
    waiting: VecDeque<Arc<Publication>>,
    bytes: usize,
    /// Dropped since the last one was taken, and in all.
    missed: u64,
    dropped: u64,
}

/// What came of putting a publication in front of a subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Put {
    /// Older ones that had to go.
    pub(super) dropped: u64,
    /// Somebody has to be told.
    pub(super) wake: bool,
}

/// The subscribers of this node.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    all: BTreeMap<SubscriberId, Subscriber>,
    topics: BTreeMap<Arc<str>, Vec<SubscriberId>>,
    /// The next of a queue's subscribers is another one.
    turn: usize,
    last: u64,
}

impl Subscribers {
    pub(super) fn add(
        &mut self,
        topic: &str,
        queue: Option<&str>,
        limits: MailboxLimits,
    ) -> SubscriberId {
        self.last += 1;
        let id = SubscriberId(self.last);
        let topic = match self.topics.get_key_value(topic) {
            Some((topic, _)) => Arc::clone(topic),
            None => Arc::from(topic),
        };
        self.topics.entry(Arc::clone(&topic)).or_default().push(id);
        let subscriber = Subscriber {
            topic,
            queue: queue.map(Arc::from),
            limits,
            waiting: VecDeque::new(),
            bytes: 0,
            missed: 0,
            dropped: 0,
        };
        self.all.insert(id, subscriber);
        id
    }

    /// Takes a subscriber off: its topic, and how many publications had waited.
    pub(super) fn remove(&mut self, id: SubscriberId) -> Option<(Arc<str>, usize)> {
        let subscriber = self.all.remove(&id)?;
        if let Some(ids) = self.topics.get_mut(&subscriber.topic) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.topics.remove(&subscriber.topic);
            }
        }
        Some((subscriber.topic, subscriber.waiting.len()))
    }

    /// What this node wants of a topic.
    pub(super) fn interest(&self, topic: &str) -> Interest {
        let mut interest = Interest::default();
        for subscriber in self.of(topic).filter_map(|id| self.all.get(&id)) {
            match &subscriber.queue {
                None => interest.plain = true,
                Some(queue) => match interest.queues.binary_search(queue) {
                    Ok(_) => {}
                    Err(at) => interest.queues.insert(at, Arc::clone(queue)),
                },
            }
        }
        interest
    }

    fn of(&self, topic: &str) -> impl Iterator<Item = SubscriberId> {
        self.topics.get(topic).into_iter().flatten().copied()
    }

    /// Those that a publication is for: all of no queue if it is `plain`, and one of each queue.
    pub(super) fn chosen<'a>(
        &mut self,
        topic: &str,
        plain: bool,
        queues: impl Iterator<Item = &'a str>,
    ) -> Vec<SubscriberId> {
        let of = |queue: Option<&str>| -> Vec<SubscriberId> {
            let is_of = |id: &SubscriberId| {
                self.all.get(id).is_some_and(|subscriber| subscriber.queue.as_deref() == queue)
            };
            self.of(topic).filter(is_of).collect()
        };
        let mut chosen = if plain { of(None) } else { Vec::new() };
        let turn = self.turn;
        for queue in queues {
            let members = of(Some(queue));
            let from = turn.checked_rem(members.len()).unwrap_or(0);
            let in_turn = || members.iter().cycle().skip(from).take(members.len());
            // One that keeps up, if there is one.
            let free = in_turn().find(|id| self.has_room(**id));
            chosen.extend(free.or_else(|| in_turn().next()));
        }
        self.turn = self.turn.wrapping_add(1);
        chosen
    }

    fn has_room(&self, id: SubscriberId) -> bool {
        self.all.get(&id).is_some_and(|subscriber| {
            subscriber.waiting.len() < subscriber.limits.messages
                && subscriber.bytes < subscriber.limits.bytes
        })
    }

    /// Puts a publication in front of a subscriber. The oldest that wait make room for it.
    pub(super) fn put(&mut self, id: SubscriberId, publication: Arc<Publication>) -> Put {
        let Some(subscriber) = self.all.get_mut(&id) else { return Put::default() };
        let length = publication.payload.bytes.len();
        let mut dropped = 0;
        while subscriber.waiting.len() >= subscriber.limits.messages
            || subscriber.bytes + length > subscriber.limits.bytes
        {
            let Some(oldest) = subscriber.waiting.pop_front() else { break };
            subscriber.bytes -= oldest.payload.bytes.len();
            dropped += 1;
        }
        subscriber.missed += dropped;
        subscriber.dropped += dropped;
        subscriber.bytes += length;
        subscriber.waiting.push_back(publication);
        Put { dropped, wake: subscriber.waiting.len() == 1 }
    }

    /// Those of no queue, or one of a queue's, have missed so many elsewhere.
    pub(super) fn miss(&mut self, topic: &str, queue: Option<&str>, missed: u64) {
        let ids: Vec<SubscriberId> = self.of(topic).collect();
        for id in ids {
            let Some(subscriber) = self.all.get_mut(&id) else { continue };
            if subscriber.queue.as_deref() == queue {
                subscriber.missed = subscriber.missed.saturating_add(missed);
                subscriber.dropped = subscriber.dropped.saturating_add(missed);
                if queue.is_some() {
                    return;
                }
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The next publication for a subscriber, and how many before it were dropped.
    pub(super) fn take(&mut self, id: SubscriberId) -> Option<(Arc<Publication>, u64)> {
        let subscriber = self.all.get_mut(&id)?;
        let publication = subscriber.waiting.pop_front()?;
        subscriber.bytes -= publication.payload.bytes.len();
        Some((publication, std::mem::take(&mut subscriber.missed)))
    }

    /// How many a subscriber has missed in all.
    pub(super) fn dropped(&self, id: SubscriberId) -> u64 {
        self.all.get(&id).map_or(0, |subscriber| subscriber.dropped)
    }

    /// Bytes that wait.
    #[cfg(feature = "sim")]
    pub(super) fn bytes(&self) -> usize {
        self.all.values().map(|subscriber| subscriber.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: MailboxLimits = MailboxLimits { messages: 2, bytes: 10 };

    fn publication(bytes: &[u8]) -> Arc<Publication> {
        Arc::new(Publication {
            topic: "t".into(),
            from: "a".into(),
            headers: Box::default(),
            payload: Payload { codec: 0, bytes: bytes.to_vec() },
        })
    }

    fn taken(subscribers: &mut Subscribers, id: SubscriberId) -> Vec<(Vec<u8>, u64)> {
        let next = || subscribers.take(id).map(|(p, missed)| (p.payload.bytes.clone(), missed));
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn who_is_slow_misses_the_oldest_and_hears_how_many() {
        let mut subscribers = Subscribers::default();
        let id = subscribers.add("t", None, FEW);
        let puts: Vec<Put> = (0..5).map(|n| subscribers.put(id, publication(&[n]))).collect();
        assert_eq!(puts.iter().map(|put| put.dropped).collect::<Vec<_>>(), [0, 0, 1, 1, 1]);
        assert_eq!(puts.iter().filter(|put| put.wake).count(), 1);
        assert_eq!(taken(&mut subscribers, id), [(vec![3], 3), (vec![4], 0)]);
        assert_eq!(subscribers.dropped(id), 3);
        // By bytes as well; and one that is longer than all of the room comes alone.
        subscribers.put(id, publication(&[1; 6]));
        assert_eq!(subscribers.put(id, publication(&[2; 6])).dropped, 1);
        assert_eq!(subscribers.put(id, publication(&[3; 20])).dropped, 1);
        assert_eq!(taken(&mut subscribers, id), [(vec![3; 20], 2)]);
    }

    #[test]
    fn one_of_a_queue_gets_it_in_turn_and_who_has_room_first() {
        let mut subscribers = Subscribers::default();
        let [plain, a, b] = [None, Some("g"), Some("g")].map(|g| subscribers.add("t", g, FEW));
        let other = subscribers.add("t", Some("h"), FEW);
        let mut counts = BTreeMap::new();
        for _ in 0..10 {
            let chosen = subscribers.chosen("t", true, ["g", "h"].into_iter());
            assert_eq!(chosen.len(), 3);
            assert!(chosen.contains(&plain) && chosen.contains(&other));
            *counts.entry(chosen.contains(&a)).or_insert(0) += 1;
        }
        assert_eq!(counts, [(false, 5), (true, 5)].into());
        for n in 0..2 {
            subscribers.put(a, publication(&[n]));
        }
        for _ in 0..4 {
            assert_eq!(subscribers.chosen("t", false, ["g"].into_iter()), [b]);
        }
        assert_eq!(subscribers.chosen("t", false, ["nobody"].into_iter()), []);
        assert_eq!(subscribers.chosen("u", true, ["g"].into_iter()), []);
    }

    #[test]
    fn a_topic_is_of_interest_while_somebody_subscribes() {
        let mut subscribers = Subscribers::default();
        let ids = [Some("b"), Some("a"), None, Some("a")].map(|g| subscribers.add("t", g, FEW));
        let queues = vec!["a".into(), "b".into()];
        assert_eq!(subscribers.interest("t"), Interest { plain: true, queues });
        for id in ids {
            assert_eq!(subscribers.remove(id), Some(("t".into(), 0)));
        }
        assert!(subscribers.interest("t").is_none() && subscribers.topics.is_empty());
        assert_eq!(subscribers.remove(ids[0]), None);
    }
}
