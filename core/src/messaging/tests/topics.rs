//! What is published in the simulated world: each subscriber gets it in order and once, and of each
//! queue one subscriber.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const TOPIC: &str = "t";
const QUEUE: &str = "q";

/// What subscribers have got.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// The last number by publisher's node and life and by subscriber.
    last: BTreeMap<(String, String), u64>,
    /// What the queue has got, whoever took it.
    queue: BTreeSet<u64>,
    /// What those of no queue have got, and have missed.
    plain: u64,
    missed: u64,
}

/// Each node has one subscriber of no queue, and two that share one.
pub(super) fn subscribe(machine: &mut Messaging) -> Vec<SubscriberId> {
    let limits = MailboxLimits { messages: 8, bytes: 4 << 20 };
    let ways = [None, Some(QUEUE), Some(QUEUE)];
    ways.map(|queue| machine.subscribe(TOPIC, queue, limits).expect("a name")).to_vec()
}

/// The others have heard of that.
pub(super) fn note(machine: &mut Messaging, other: &str) {
    let said = machine.own_interest(TOPIC).expect("it subscribes").encode();
    let heard = Interest::decode(&said).expect("as it was said");
    machine.note_interest(other, TOPIC, heard);
}

impl World {
    pub(super) fn publish(&mut self, node: usize) {
        self.next += 1;
        let publisher = format!("{:<8}", format!("{node}.{}", self.nodes[node].life));
        let head = [publisher.as_bytes(), &self.next.to_be_bytes()].concat();
        let payload = self.bytes(head);
        let publish = Publish { topic: TOPIC, headers: &[], payload, latest: false };
        self.nodes[node].machine.publish(self.now, publish).expect("nothing is wrong with it");
    }

    /// A subscriber takes what waits for it.
    pub(super) fn read(&mut self, at: usize, id: SubscriberId) {
        let Node { machine, life, subscribers, .. } = &mut self.nodes[at];
        let is_plain = subscribers.first() == Some(&id);
        while let Some((publication, missed)) = machine.next_published(id) {
            let (publisher, rest) = publication.payload.bytes.split_at(8);
            let publisher = String::from_utf8_lossy(publisher).trim().to_owned();
            let number = u64::from_be_bytes(*rest.first_chunk().expect("a number"));
            let before =
                self.readings.last.insert((publisher, format!("{at}.{life}.{id:?}")), number);
            assert!(before < Some(number), "in order, and once: {before:?} {number}");
            if is_plain {
                self.readings.plain += 1;
                self.readings.missed += missed;
            } else {
                assert!(self.readings.queue.insert(number), "one of the queue gets {number}");
            }
        }
    }
}

/// What is published on a network that loses nothing comes to all, and once to the queue, but for
/// what was missed.
#[test]
fn on_a_good_network_all_subscribers_get_it() {
    let (mut all, mut missed) = (0, 0);
    for seed in 2_000..2_000 + seeds() {
        let mut world = World::new(seed, 3);
        world.rough = false;
        world.plan(world.now, Event::Act);
        world.run(Duration::from_secs(4));
        world.agenda.retain(|_, event| !matches!(event, Event::Act));
        world.run(Duration::from_secs(5));
        let sum = |of: fn(&Counters) -> u64| {
            world.nodes.iter().map(|node| of(&node.machine.counters())).sum::<u64>()
        };
        assert_eq!(sum(|c| c.publications_dropped), 0, "seed {seed:#x}");
        let (made, readings) = (sum(|c| c.publications_made), &world.readings);
        assert_eq!(readings.plain + readings.missed, made * 3, "seed {seed:#x}");
        let lost = sum(|c| c.publications_missed) - readings.missed;
        assert_eq!(readings.queue.len() as u64 + lost, made, "seed {seed:#x}");
        all += made;
        missed += readings.missed;
    }
    assert!(all > 100 && missed > 0, "{all} were published, {missed} missed");
}

#[test]
fn what_nobody_wants_goes_nowhere() {
    let mut world = World::new(1, 2);
    let (now, machine) = (world.now, &mut world.nodes[0].machine);
    let payload = Payload::default();
    let publish = |topic| Publish { topic, headers: &[], payload: payload.clone(), latest: false };
    assert_eq!(machine.publish(now, publish("nobody")), Ok(0));
    assert_eq!(machine.publish(now, publish(TOPIC)), Ok(2));
    machine.member_gone(now, &name(1), false);
    assert_eq!(machine.publish(now, publish(TOPIC)), Ok(1));
    let ids = world.nodes[0].subscribers.clone();
    let machine = &mut world.nodes[0].machine;
    assert_eq!(machine.subscribers(TOPIC), [name(0).into()]);
    for id in ids {
        assert_eq!(machine.unsubscribe(id), Some(TOPIC.into()));
    }
    assert_eq!((machine.own_interest(TOPIC), machine.known_topics()), (None, vec![]));
    assert_eq!(machine.publish(now, publish(TOPIC)), Ok(0));
    let all = Interest::decode(&[1]).expect("everything");
    for wrong in ["", "a b", "a,b", "*"] {
        machine.note_interest(&name(1), wrong, all.clone());
        assert_eq!(machine.known_topics(), [], "{wrong}");
        let kind = machine.publish(now, publish(wrong)).map_err(|error| error.kind());
        assert_eq!(kind, Err(ErrorKind::BadArgument), "{wrong}");
    }
}

/// A peer may say what it likes: nobody gets anything twice.
#[test]
fn a_peer_that_names_a_queue_twice_is_heard_once() {
    let mut world = World::new(1, 2);
    world.publish(0);
    world.drain(0);
    world.run(Duration::from_secs(1));
    let before = world.readings.plain;
    let (now, machine) = (world.now, &mut world.nodes[1].machine);
    let link = *machine.links.keys().next().expect("they have met");
    let mut frames = Vec::new();
    for op in ["q,*,q,*,nobody,,", "", "nobody"] {
        let head = Head { server: TOPIC, op, ..Head::default() };
        Header::new(Kind::Publish, 7).put(&mut frames, |out| {
            head.put(None, out);
            out.extend_from_slice(b"0.1     \xff\xff\xff\xff\xff\xff\xff\xff");
        });
    }
    machine.received(now, link, &frames);
    assert_eq!(machine.counters().publications_dropped, 2);
    world.drain(1);
    world.run(Duration::from_secs(1));
    assert_eq!(world.readings.plain, before + 1);
    assert!(world.readings.queue.contains(&u64::MAX));
}
