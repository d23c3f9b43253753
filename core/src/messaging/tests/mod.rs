//! Nodes that talk over a network which breaks connections, in virtual time, under many seeds.
//!
//! What must hold whatever happens: each call settles once, and with the answer to its own
//! question; casts of one sender to one server come in order, at most once, and each is accounted
//! for; so is what is published; nothing waits for ever.

mod streams;
mod topics;

mod bounds;
mod crossing;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rand::RngExt as _;

use super::*;
use crate::config::Overflow;
use crate::ring::Ring;

/// Where everybody is.
type Places = Arc<Mutex<BTreeMap<String, Whereabouts>>>;

#[derive(Debug)]
struct Known(Places);

impl Members for Known {
    fn find(&self, name: &str) -> Option<Whereabouts> {
        self.0.lock().expect("no panic").get(name).copied()
    }

    fn ring(&self) -> Option<Ring> {
        None
    }

    fn last_words(&self, _: &str, _: &str) -> Option<Arc<[u8]>> {
        None
    }
}

struct Node {
    machine: Messaging,
    /// How often it was started.
    life: u32,
    calls: BTreeMap<CallId, u64>,
    /// Calls that are answered later.
    held: Vec<(Tag, Payload)>,
    subscribers: Vec<SubscriberId>,
    streams: BTreeMap<StreamId, streams::Played>,
}

/// A connection: the two ends by node, life and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    node: usize,
    life: u32,
    link: LinkId,
}

enum Event {
    Dialled(End, usize),
    Bytes(End, Vec<u8>),
    Closed(End),
    Transmit(End),
    Deadline(usize, u32),
    Answer(usize, u32),
    Take(usize, u32, ServerId),
    Read(usize, u32, SubscriberId),
    Stream(usize, u32, StreamId),
    Act,
}

/// What happened, over the lives of all nodes.
#[derive(Debug, Default)]
struct Tale {
    settled: u64,
    failed: BTreeMap<&'static str, u64>,
    delivered: u64,
    broken: u64,
    crashed: u64,
    dead: Counters,
}

struct World {
    rng: Xoshiro256PlusPlus,
    now: Instant,
    agenda: BTreeMap<(Instant, u64), Event>,
    last: u64,
    nodes: Vec<Node>,
    places: Places,
    /// The other end of each.
    ends: BTreeMap<End, End>,
    /// When the last thing on the way to an end arrives.
    arrivals: BTreeMap<End, Instant>,
    /// Numbers of casts by sender's node and life and receiver.
    casts: BTreeMap<(String, String), u64>,
    readings: topics::Readings,
    next: u64,
    tale: Tale,
    /// Whether connections break, and nodes end.
    rough: bool,
    crashes: bool,
    /// Whether there are calls that stream; and whether a test takes what comes itself.
    streaming: bool,
    by_hand: bool,
    sums: streams::Sums,
}

const SERVER: &str = "s";

fn name(node: usize) -> String {
    format!("n{node}")
}

fn addr(node: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 1000 + node as u16))
}

impl World {
    fn new(seed: u64, nodes: usize) -> Self {
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut world = Self {
            rng,
            now: Instant::from_nanos(1),
            agenda: BTreeMap::new(),
            last: 0,
            nodes: Vec::new(),
            places: Arc::default(),
            ends: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            casts: BTreeMap::new(),
            readings: topics::Readings::default(),
            next: 0,
            tale: Tale::default(),
            rough: true,
            crashes: false,
            streaming: false,
            by_hand: false,
            sums: streams::Sums::default(),
        };
        for node in 0..nodes {
            world
                .places
                .lock()
                .expect("no panic")
                .insert(name(node), Whereabouts::Here(addr(node)));
        }
        for node in 0..nodes {
            let begun = world.begin(node, 1, nodes);
            world.nodes.push(begun);
        }
        world
    }

    fn begin(&mut self, node: usize, life: u32, nodes: usize) -> Node {
        let limits = Limits {
            message_max: 1 << 20,
            outbox_bytes: 1 << 20,
            outbox_age: Duration::from_secs(3),
            overflow: Overflow::Reject,
        };
        let run = u64::from(life) * 1000 + node as u64;
        let members = Box::new(Known(Arc::clone(&self.places)));
        let setup = Setup { name: name(node), run, limits, members, seed: self.rng.random() };
        let mut machine = Messaging::new(self.now, setup);
        let limits = MailboxLimits { messages: 8, bytes: 4 << 20 };
        machine.serve(SERVER, limits).expect("the first");
        let subscribers = topics::subscribe(&mut machine);
        for other in (0..nodes).filter(|other| *other != node) {
            topics::note(&mut machine, &name(other));
            machine.note_host(&name(other), SERVER, Some(1));
        }
        let (calls, held, streams) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Node { machine, life, calls, held, subscribers, streams }
    }

    fn plan(&mut self, at: Instant, event: Event) {
        self.last += 1;
        self.agenda.insert((at, self.last), event);
    }

    fn soon(&mut self, event: Event) {
        let wait = Duration::from_micros(self.rng.random_range(1..300));
        self.plan(self.now + wait, event);
    }

    /// Arrives at an end after everything that was sent there before.
    fn send(&mut self, to: End, event: Event) {
        let wait = Duration::from_micros(self.rng.random_range(50..2_000));
        let before = self.arrivals.get(&to).copied().unwrap_or(self.now);
        let at = (self.now + wait).max(before + Duration::from_nanos(1));
        self.arrivals.insert(to, at);
        self.plan(at, event);
    }

    fn is_alive(&self, end: End) -> bool {
        self.nodes.get(end.node).is_some_and(|node| node.life == end.life)
    }

    /// Carries out what a node wants.
    fn drain(&mut self, at: usize) {
        let life = self.nodes[at].life;
        let end = |link| End { node: at, life, link };
        while let Some(output) = self.nodes[at].machine.poll_output() {
            match output {
                Output::Dial { link, to } => {
                    let other = usize::from(to.port()) - 1000;
                    self.soon(Event::Dialled(end(link), other));
                }
                Output::Write(link) => self.soon(Event::Transmit(end(link))),
                Output::Close { link, flush } => {
                    if flush {
                        self.transmit(end(link));
                    }
                    if let Some(other) = self.ends.remove(&end(link)) {
                        // What was written before still comes, and then the end; unless the
                        // end overtakes it, as it does where something was left unread.
                        if !flush && self.rng.random() {
                            self.ends.remove(&other);
                        }
                        self.send(other, Event::Closed(other));
                    }
                }
                Output::Settled { call, result } => self.settled(at, call, result),
                Output::Ready(_) if self.by_hand => {}
                Output::Ready(server) => {
                    let wait = Duration::from_micros(self.rng.random_range(1..20_000));
                    self.plan(self.now + wait, Event::Take(at, life, server));
                }
                Output::Published(id) => {
                    let wait = Duration::from_micros(self.rng.random_range(1..400_000));
                    self.plan(self.now + wait, Event::Read(at, life, id));
                }
                Output::Readable(id) | Output::Writable(id) => self.look_at(at, id),
                Output::GivenUp { tag, .. } => {
                    let id = StreamId::Asked(tag);
                    if self.nodes[at].streams.contains_key(&id) {
                        self.look_at(at, id);
                    }
                }
                Output::Ended(_) | Output::Room | Output::Down { .. } => {}
                Output::Doubt(_) | Output::NeedsRing => {}
            }
        }
        let next = self.nodes[at].machine.next_deadline();
        if next != Instant::NEVER {
            self.plan(next.max(self.now), Event::Deadline(at, life));
        }
    }

    fn settled(&mut self, at: usize, call: CallId, result: Result<Payload>) {
        let asked = self.nodes[at].calls.remove(&call).expect("settled once, and asked before");
        self.tale.settled += 1;
        match result {
            Ok(payload) => assert_eq!(payload.bytes[..8], asked.to_be_bytes(), "its own answer"),
            Err(error) => *self.tale.failed.entry(error.kind().code()).or_default() += 1,
        }
    }

    fn take(&mut self, at: usize, server: ServerId) {
        while let Some(delivery) = self.nodes[at].machine.take(self.now, server) {
            match delivery.tag {
                Some(tag) if delivery.streams => self.begin_served(at, tag, &delivery.payload),
                Some(tag) => {
                    let life = self.nodes[at].life;
                    match self.rng.random_range(0..10) {
                        0 => {
                            self.nodes[at].held.push((tag, delivery.payload));
                            let wait = Duration::from_millis(self.rng.random_range(0..800));
                            self.plan(self.now + wait, Event::Answer(at, life));
                        }
                        1 => {}
                        _ => {
                            let reply = Ok(delivery.payload);
                            self.nodes[at].machine.reply(self.now, tag, reply);
                            assert!(
                                !self.nodes[at].machine.reply(
                                    self.now,
                                    tag,
                                    Ok(Payload::default())
                                ),
                                "answered once"
                            );
                        }
                    }
                }
                None => {
                    let (sender, number) = delivery.payload.bytes.split_at(8);
                    let sender = String::from_utf8_lossy(sender).trim().to_owned();
                    let number = number.first_chunk().map(|n| u64::from_be_bytes(*n));
                    let key = (sender, format!("{at}"));
                    let before = self.casts.insert(key, number.expect("a number"));
                    assert!(before < number, "in order, and once: {before:?} {number:?}");
                    self.tale.delivered += 1;
                }
            }
        }
    }

    fn transmit(&mut self, end: End) {
        if !self.is_alive(end) {
            return;
        }
        loop {
            let mut bytes = Vec::new();
            self.nodes[end.node].machine.transmit(self.now, end.link, &mut bytes);
            if bytes.is_empty() {
                return;
            }
            let Some(other) = self.ends.get(&end).copied() else { continue };
            for part in bytes.chunks(self.rng.random_range(1_000..100_000)) {
                self.send(other, Event::Bytes(other, part.to_vec()));
            }
        }
    }

    fn step(&mut self) -> bool {
        let Some(((at, _), event)) = self.agenda.pop_first() else { return false };
        self.now = self.now.max(at);
        let now = self.now;
        match event {
            Event::Dialled(end, other) => {
                if !self.is_alive(end) {
                    return true;
                }
                if self.rough && self.rng.random_range(0..10) == 0 {
                    self.nodes[end.node].machine.closed(now, end.link, "refused");
                } else {
                    let link = self.nodes[other].machine.accepted(now);
                    let far = End { node: other, life: self.nodes[other].life, link };
                    self.ends.insert(end, far);
                    self.ends.insert(far, end);
                    self.nodes[end.node].machine.opened(now, end.link);
                    self.drain(other);
                }
                self.drain(end.node);
            }
            Event::Bytes(end, bytes) => {
                if self.is_alive(end) && self.ends.contains_key(&end) {
                    self.nodes[end.node].machine.received(now, end.link, &bytes);
                    self.drain(end.node);
                }
            }
            Event::Closed(end) => {
                self.ends.remove(&end);
                if self.is_alive(end) {
                    self.nodes[end.node].machine.closed(now, end.link, "closed");
                    self.drain(end.node);
                }
            }
            Event::Transmit(end) => {
                self.transmit(end);
                self.drain(end.node);
            }
            Event::Deadline(node, life) => {
                let held = &mut self.nodes[node];
                if life == held.life && held.machine.next_deadline() <= now {
                    held.machine.on_deadline(now);
                    self.drain(node);
                }
            }
            Event::Answer(node, life) => {
                if life == self.nodes[node].life && !self.nodes[node].held.is_empty() {
                    let (tag, payload) = self.nodes[node].held.remove(0);
                    self.nodes[node].machine.reply(now, tag, Ok(payload));
                    self.drain(node);
                }
            }
            Event::Take(node, life, server) => {
                if life == self.nodes[node].life {
                    self.take(node, server);
                    self.drain(node);
                }
            }
            Event::Read(node, life, id) if life == self.nodes[node].life => self.read(node, id),
            Event::Stream(node, life, id) => {
                if life == self.nodes[node].life {
                    self.stream_on(node, id);
                    self.drain(node);
                }
            }
            Event::Act => self.act(),
            Event::Read(..) => {}
        }
        true
    }

    /// One thing that a user, or the world, does.
    fn act(&mut self) {
        let node = self.rng.random_range(0..self.nodes.len());
        let other = self.rng.random_range(0..self.nodes.len());
        match self.rng.random_range(0..1000) {
            0..60 if self.streaming => self.open_stream(node, other),
            0..450 => self.call(node, other),
            450..850 => self.cast(node, other),
            850..900 => self.publish(node),
            900..940 if self.rough => self.break_one(),
            940..943 if self.crashes => self.crash(node),
            943..950 => {
                let calls = &self.nodes[node].calls;
                if let Some(call) = calls.keys().next().copied() {
                    self.nodes[node].calls.remove(&call);
                    self.nodes[node].machine.cancel(self.now, call);
                    self.tale.settled += 1;
                }
            }
            _ => {}
        }
        self.drain(node);
        let wait = Duration::from_micros(self.rng.random_range(10..3_000));
        self.plan(self.now + wait, Event::Act);
    }

    fn bytes(&mut self, mut head: Vec<u8>) -> Payload {
        let size = match self.rng.random_range(0..50) {
            0 => 300_000,
            1..5 => 40_000,
            _ => 20,
        };
        head.resize(size.max(head.len()), 7);
        Payload { codec: 0, bytes: head }
    }

    fn call(&mut self, node: usize, other: usize) {
        self.next += 1;
        let asked = self.next;
        let payload = self.bytes(asked.to_be_bytes().to_vec());
        let target = Target::at(SERVER, &name(other)).expect("a name");
        let deadline = self.now + Duration::from_millis(self.rng.random_range(1..1_000));
        let ask =
            Ask { target: &target, op: "echo", headers: &[], payload, deadline, latest: false };
        match self.nodes[node].machine.call(self.now, ask) {
            Ok(id) => drop(self.nodes[node].calls.insert(id, asked)),
            Err(error) => *self.tale.failed.entry(error.kind().code()).or_default() += 1,
        }
    }

    fn cast(&mut self, node: usize, other: usize) {
        self.next += 1;
        let sender = format!("{:<8}", format!("{node}.{}", self.nodes[node].life));
        let head = [sender.as_bytes(), &self.next.to_be_bytes()].concat();
        let payload = self.bytes(head);
        let target = Target::at(SERVER, &name(other)).expect("a name");
        let deadline = Instant::NEVER;
        let ask =
            Ask { target: &target, op: "tell", headers: &[], payload, deadline, latest: false };
        let _ = self.nodes[node].machine.cast(self.now, ask);
    }

    /// A connection breaks: what is on the way is lost.
    fn break_one(&mut self) {
        let ends: Vec<End> = self.ends.keys().copied().collect();
        if ends.is_empty() {
            return;
        }
        let end = ends[self.rng.random_range(0..ends.len())];
        let Some(other) = self.ends.remove(&end) else { return };
        self.ends.remove(&other);
        self.tale.broken += 1;
        self.soon(Event::Closed(end));
        self.soon(Event::Closed(other));
    }

    /// A node ends, and another one takes its place at once.
    fn crash(&mut self, node: usize) {
        let ends: Vec<End> = self.ends.keys().filter(|end| end.node == node).copied().collect();
        for end in ends {
            if let Some(other) = self.ends.remove(&end) {
                self.ends.remove(&other);
                self.send(other, Event::Closed(other));
            }
        }
        self.tale.crashed += 1;
        let dead = self.nodes[node].machine.counters();
        self.tale.dead.casts_sent += dead.casts_sent + dead.publications_sent;
        self.tale.delivered += dead.publications_received;
        let nodes = self.nodes.len();
        let next = self.begin(node, self.nodes[node].life + 1, nodes);
        self.nodes[node] = next;
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.agenda.first_key_value().is_some_and(|((at, _), _)| *at < end) {
            self.step();
            self.check_streams();
        }
        self.now = end;
    }
}

fn play(seed: u64, nodes: usize, rough: bool, crashes: bool) -> Tale {
    let mut world = World::new(seed, nodes);
    (world.rough, world.crashes) = (rough, crashes);
    world.plan(world.now, Event::Act);
    world.run(Duration::from_secs(4));
    // Nobody does anything any more, and what breaks is mended.
    world.agenda.retain(|_, event| !matches!(event, Event::Act));
    (world.rough, world.crashes) = (false, false);
    world.run(Duration::from_secs(20));
    for (at, node) in world.nodes.iter().enumerate() {
        assert_eq!(node.calls.len(), 0, "seed {seed:#x}: calls of {at} are never settled");
        let machine = &node.machine;
        assert!(machine.is_idle() || !node.held.is_empty(), "seed {seed:#x}: {at} rests");
        assert!(machine.links.len() < 2 * nodes, "seed {seed:#x}: one connection a pair");
    }
    // One more cast each way: whoever has lost something is told so.
    for node in 0..nodes {
        for other in 0..nodes {
            world.cast(node, other);
        }
        world.drain(node);
    }
    world.run(Duration::from_secs(20));
    let all = world.nodes.iter().map(|node| node.machine.counters());
    let all: Vec<Counters> = all.collect();
    let sum = |of: fn(&Counters) -> u64| all.iter().map(of).sum::<u64>();
    let sent = sum(|c| c.casts_sent + c.publications_sent);
    let (lost, doubt) = (sum(|c| c.casts_lost), sum(|c| c.casts_in_doubt));
    let dropped = sum(|c| c.casts_dropped + c.publications_dropped);
    world.tale.delivered += sum(|c| c.publications_received);
    assert_eq!(sum(|c| c.frames_malformed), 0, "seed {seed:#x}");
    if crashes && world.tale.crashed > 0 {
        // Of those who have ended, what they had counted has gone with them.
        assert!(world.tale.delivered + dropped + lost <= sent + world.tale.dead.casts_sent);
    } else {
        assert_eq!(doubt, 0, "seed {seed:#x}");
        assert_eq!(
            world.tale.delivered + dropped + lost,
            sent,
            "seed {seed:#x}: {} came, {dropped} dropped, {lost} lost",
            world.tale.delivered
        );
    }
    world.tale
}

fn seeds() -> u64 {
    let given = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok());
    // Somebody waits for it, unless it is CI.
    given.unwrap_or_else(|| if std::env::var_os("CI").is_some() { 100 } else { 15 })
}

#[test]
fn calls_are_answered_once_and_casts_are_accounted_for() {
    let (mut broken, mut settled, mut kinds) = (0, 0, BTreeSet::new());
    for seed in 0..seeds() {
        let tale = play(seed, 2 + (seed % 4) as usize, true, false);
        broken += tale.broken;
        settled += tale.settled;
        kinds.extend(tale.failed.into_keys());
    }
    assert!(broken > 0 && settled > 1_000, "{broken} connections broke, {settled} calls");
    for kind in ["timeout", "node_down", "overloaded"] {
        assert!(kinds.contains(kind), "{kind} never happened: {kinds:?}");
    }
}

#[test]
fn whoever_comes_back_gets_nothing_that_was_for_its_last_life() {
    let mut crashed = 0;
    for seed in 5_000..5_000 + seeds() {
        crashed += play(seed, 2 + (seed % 4) as usize, true, true).crashed;
    }
    assert!(crashed > 0);
}

#[test]
fn on_a_good_network_nothing_is_lost() {
    for seed in 1_000..1_000 + seeds() / 3 {
        let tale = play(seed, 3, false, false);
        assert_eq!(tale.failed.get("node_down"), None, "seed {seed:#x}: {tale:?}");
    }
}
