//! Calls that stream, over the same network.
//!
//! What must hold whatever happens: items come in order, none twice, and each where it belongs; an
//! end that is well has had all of them; each end ends once, and nobody waits for ever; and what
//! waits to be read is bounded, however slow the reader.

use super::*;
use crate::mesh::{ITEM_COST, WINDOW};

/// One end, as its user has it.
#[derive(Debug)]
pub(super) struct Played {
    /// The number of the call, which is in each of its items.
    asked: u64,
    sent: u64,
    to_send: u64,
    read: u64,
    /// It gives up, or reads no more, after so many.
    reads: u64,
    ended: bool,
    finished: bool,
    pending: Option<Payload>,
}

/// What was sent of a call, by the caller and by the server, and how many ends there were.
#[derive(Debug, Default)]
pub(super) struct Sums {
    sent: BTreeMap<u64, [u64; 2]>,
    pub(super) well: u64,
    pub(super) failed: BTreeMap<&'static str, u64>,
    pub(super) items: u64,
    /// Bytes that waited at one node, at most.
    most: usize,
}

fn raw(bytes: impl Into<Vec<u8>>) -> Payload {
    Payload { codec: 0, bytes: bytes.into() }
}

/// Of an item, in bytes.
const LARGEST: usize = 300_000;

impl World {
    fn play_end(&mut self, asked: u64) -> Played {
        let to_send = [0, 3, 40][self.rng.random_range(0..3)];
        let reads = if self.rng.random_range(0..8) == 0 { 5 } else { u64::MAX };
        Played {
            asked,
            sent: 0,
            to_send: self.rng.random_range(0..=to_send),
            read: 0,
            reads,
            ended: false,
            finished: false,
            pending: None,
        }
    }

    pub(super) fn open_stream(&mut self, node: usize, other: usize) {
        self.next += 1;
        let asked = self.next;
        let payload = self.bytes(asked.to_be_bytes().to_vec());
        let target = Target::at(SERVER, &name(other)).expect("a name");
        let deadline = self.now + Duration::from_millis(self.rng.random_range(1..1_000));
        let ask = Ask { target: &target, op: "s", headers: &[], payload, deadline, latest: false };
        match self.nodes[node].machine.open(self.now, ask) {
            Ok(id) => {
                let played = self.play_end(asked);
                self.begin_end(node, id, played);
            }
            Err(error) => *self.sums.failed.entry(error.kind().code()).or_default() += 1,
        }
    }

    pub(super) fn begin_served(&mut self, node: usize, tag: Tag, payload: &Payload) {
        let asked = payload.bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        let played = self.play_end(asked.expect("a number"));
        self.begin_end(node, StreamId::Asked(tag), played);
    }

    fn begin_end(&mut self, node: usize, id: StreamId, played: Played) {
        self.nodes[node].streams.insert(id, played);
        self.soon(Event::Stream(node, self.nodes[node].life, id));
    }

    /// Something happened at an end, and its user looks after a while.
    pub(super) fn look_at(&mut self, node: usize, id: StreamId) {
        let slow = if self.rng.random_range(0..10) == 0 { 200_000 } else { 3_000 };
        let wait = Duration::from_micros(self.rng.random_range(1..slow));
        self.plan(self.now + wait, Event::Stream(node, self.nodes[node].life, id));
    }

    /// What the user of an end does.
    pub(super) fn stream_on(&mut self, node: usize, id: StreamId) {
        let Some(mut played) = self.nodes[node].streams.remove(&id) else { return };
        let wrote = self.write_items(node, id, &mut played);
        let read = self.read_items(node, id, &mut played);
        let by_server = matches!(id, StreamId::Asked(_));
        let written = played.sent == played.to_send;
        if written && !played.finished && (!by_server || played.ended) {
            played.finished = true;
            match id {
                StreamId::Made(_) => self.nodes[node].machine.finish_items(self.now, id),
                StreamId::Asked(tag) => {
                    let answer = Ok(raw(played.sent.to_be_bytes()));
                    self.nodes[node].machine.reply(self.now, tag, answer);
                }
            }
        }
        let over = if by_server { played.finished } else { played.ended };
        if over {
            self.nodes[node].machine.close_stream(self.now, id);
            return;
        }
        self.nodes[node].streams.insert(id, played);
        if wrote || read {
            self.look_at(node, id);
        }
    }

    /// Whether there is more to be done now.
    fn write_items(&mut self, node: usize, id: StreamId, played: &mut Played) -> bool {
        for _ in 0..4 {
            if played.sent == played.to_send {
                return false;
            }
            let item = played.pending.take().unwrap_or_else(|| {
                let head = [played.asked.to_be_bytes(), played.sent.to_be_bytes()].concat();
                self.bytes(head)
            });
            match self.nodes[node].machine.send_item(self.now, id, item) {
                Ok(None) => {
                    played.sent += 1;
                    let at = usize::from(matches!(id, StreamId::Asked(_)));
                    self.sums.sent.entry(played.asked).or_default()[at] = played.sent;
                }
                Ok(later) => {
                    played.pending = later;
                    return false;
                }
                Err(error) => {
                    *self.sums.failed.entry(error.kind().code()).or_default() += 1;
                    played.to_send = played.sent;
                }
            }
        }
        true
    }

    fn read_items(&mut self, node: usize, id: StreamId, played: &mut Played) -> bool {
        let by_caller = matches!(id, StreamId::Made(_));
        for _ in 0..self.rng.random_range(0..6) {
            if played.ended {
                return false;
            }
            match self.nodes[node].machine.next_item(self.now, id) {
                Next::Later => return false,
                Next::Item(item) => {
                    let head = [played.asked.to_be_bytes(), played.read.to_be_bytes()].concat();
                    assert_eq!(item.bytes[..16], head, "the next of its own");
                    played.read += 1;
                    self.sums.items += 1;
                    if played.read == played.reads {
                        self.nodes[node].machine.stop_items(self.now, id);
                        // Who calls gives up with that.
                        played.ended = true;
                    }
                }
                Next::End(Ok(answer)) => {
                    let sent = self.sums.sent.get(&played.asked).copied().unwrap_or_default();
                    assert_eq!(played.read, sent[usize::from(by_caller)], "all of them");
                    if by_caller {
                        assert_eq!(answer.bytes, played.read.to_be_bytes());
                    }
                    self.sums.well += 1;
                    played.ended = true;
                }
                Next::End(Err(error)) => {
                    *self.sums.failed.entry(error.kind().code()).or_default() += 1;
                    played.ended = true;
                }
                Next::Over => panic!("it had not ended"),
            }
        }
        !played.ended
    }

    /// What waits to be read is bounded.
    pub(super) fn check_streams(&mut self) {
        for node in &self.nodes {
            let (bytes, ends) = (node.machine.streams.bytes(), node.machine.streams.len());
            assert!(bytes <= ends * (WINDOW as usize + LARGEST), "{bytes} bytes at {ends} ends");
            self.sums.most = self.sums.most.max(bytes);
        }
    }
}

fn play(seed: u64, rough: bool, crashes: bool) -> Sums {
    let nodes = 2 + (seed % 3) as usize;
    let mut world = World::new(seed, nodes);
    (world.rough, world.crashes, world.streaming) = (rough, crashes, true);
    world.plan(world.now, Event::Act);
    world.run(Duration::from_secs(3));
    world.agenda.retain(|_, event| !matches!(event, Event::Act));
    (world.rough, world.crashes) = (false, false);
    world.run(Duration::from_secs(40));
    for (at, node) in world.nodes.iter().enumerate() {
        assert!(node.streams.is_empty(), "seed {seed:#x}: {at} waits: {:?}", node.streams);
        assert_eq!(node.machine.streams.len(), 0, "seed {seed:#x}: {at} holds ends");
        assert_eq!(node.machine.streams.bytes(), 0, "seed {seed:#x}");
        assert_eq!(node.machine.counters().frames_malformed, 0, "seed {seed:#x}");
        assert!(node.machine.is_idle(), "seed {seed:#x}: {at} rests");
    }
    world.sums
}

#[test]
fn items_come_in_order_whatever_breaks() {
    let (mut well, mut most, mut kinds) = (0, 0, BTreeSet::new());
    for seed in 0..seeds() {
        let sums = play(seed, true, seed % 3 == 0);
        most = sums.most.max(most);
        well += sums.well;
        kinds.extend(sums.failed.into_keys());
    }
    assert!(well > 100, "{well} ends");
    assert!(most > WINDOW as usize, "no reader was slow: {most} bytes");
    for kind in ["timeout", "node_down", "cancelled"] {
        assert!(kinds.contains(kind), "{kind} never happened: {kinds:?}");
    }
}

#[test]
fn on_a_good_network_only_time_and_users_end_a_stream() {
    for seed in 2_000..2_000 + seeds() / 3 {
        let sums = play(seed, false, false);
        assert!(sums.well > 0 && sums.items > 0, "seed {seed:#x}: {sums:?}");
        assert_eq!(sums.failed.get("node_down"), None, "seed {seed:#x}: {sums:?}");
    }
}

/// Two that have met, with an end at each: the caller's, the server's, and the way between.
struct Pair {
    world: World,
    made: StreamId,
    asked: StreamId,
}

/// A call that streams and has been taken, and of which nobody does anything.
fn pair(timeout: Duration) -> Pair {
    let mut world = World::new(1, 2);
    (world.rough, world.by_hand) = (false, true);
    let target = Target::at(SERVER, "n1").expect("a name");
    let (payload, deadline) = (Payload::default(), world.now + timeout);
    let ask = Ask { target: &target, op: "s", headers: &[], payload, deadline, latest: false };
    let made = world.nodes[0].machine.open(world.now, ask).expect("it is there");
    world.drain(0);
    world.run(Duration::from_millis(50));
    let server = world.nodes[1].machine.servers.find(SERVER).expect("it is served");
    let taken = world.nodes[1].machine.take(world.now, server).expect("it came");
    assert!(taken.streams && taken.deadline == Instant::NEVER);
    let asked = StreamId::Asked(taken.tag.expect("a call"));
    Pair { world, made, asked }
}

impl Pair {
    /// Sends items of that length until there is no room; how many.
    fn fill(&mut self, node: usize, length: usize) -> usize {
        let id = if node == 0 { self.made } else { self.asked };
        let mut sent = 0;
        loop {
            let now = self.world.now;
            let item = raw(vec![0; length]);
            let machine = &mut self.world.nodes[node].machine;
            if machine.send_item(now, id, item).expect("it goes on").is_some() {
                return sent;
            }
            sent += 1;
            self.world.drain(node);
            self.world.run(Duration::from_millis(50));
        }
    }

    fn take(&mut self, node: usize) -> Next {
        let id = if node == 0 { self.made } else { self.asked };
        let next = self.world.nodes[node].machine.next_item(self.world.now, id);
        self.world.drain(node);
        self.world.run(Duration::from_millis(50));
        next
    }
}

#[test]
fn a_writer_goes_on_as_the_reader_takes() {
    let mut pair = pair(Duration::from_secs(5));
    let cost = |length: usize| length + ITEM_COST;
    // Nothing of a request before the server reads it.
    assert_eq!(pair.fill(0, 1), 0);
    assert!(matches!(pair.take(1), Next::Later));
    for node in [0, 1] {
        let window = WINDOW as usize;
        assert_eq!(pair.fill(node, 10_000), window.div_ceil(cost(10_000)));
        // A little of what was taken is not worth a credit; half of the window is.
        for _ in 0..13 {
            assert!(matches!(pair.take(1 - node), Next::Item(_)));
        }
        assert_eq!(pair.fill(node, 10_000), 0, "13 items are less than half of it");
        assert!(matches!(pair.take(1 - node), Next::Item(_)));
        assert_eq!(pair.fill(node, 10_000), 14);
        // Of any length there is one at least.
        while matches!(pair.take(1 - node), Next::Item(_)) {}
        assert_eq!(pair.fill(node, LARGEST), 1);
        assert!(matches!(pair.take(1 - node), Next::Item(item) if item.bytes.len() == LARGEST));
        assert!(pair.fill(node, 1) > 4_000 - 14, "as many as cost a window, less what is owed");
    }
}

#[test]
fn time_runs_while_nothing_moves_and_stands_while_something_waits() {
    let mut pair = pair(Duration::from_secs(2));
    let StreamId::Asked(tag) = pair.asked else { panic!("it is asked") };
    for _ in 0..5 {
        // Each is later than the one before by nearly all of the time that there is.
        pair.world.run(Duration::from_millis(1_900));
        pair.world.nodes[1]
            .machine
            .send_item(pair.world.now, pair.asked, raw("more"))
            .expect("somebody reads");
        pair.world.drain(1);
    }
    // They wait, and the server is not late.
    pair.world.run(Duration::from_secs(60));
    for _ in 0..5 {
        assert!(matches!(pair.take(0), Next::Item(_)));
    }
    assert!(pair.world.nodes[1].machine.is_open(tag));
    assert!(matches!(pair.take(0), Next::Later));
    pair.world.run(Duration::from_secs(3));
    assert!(!pair.world.nodes[1].machine.is_open(tag), "the server is told");
    let Next::End(Err(error)) = pair.take(0) else { panic!("it ends") };
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(matches!(pair.take(0), Next::Over));
    let Next::End(Err(error)) = pair.take(1) else { panic!("it ends") };
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

/// Said before there is a connection, it has to be said again.
#[test]
fn who_reads_nothing_from_the_start_is_sent_little() {
    let mut world = World::new(1, 2);
    (world.rough, world.by_hand) = (false, true);
    for node in [1, 0] {
        let target = Target::at(SERVER, &name(node)).expect("a name");
        let (payload, deadline) = (raw(vec![0; 100_000]), Instant::NEVER);
        let ask = Ask { target: &target, op: "s", headers: &[], payload, deadline, latest: false };
        let made = world.nodes[0].machine.open(world.now, ask).expect("it is there");
        world.nodes[0].machine.stop_items(world.now, made);
        world.drain(0);
        world.run(Duration::from_secs(1));
        let machine = &mut world.nodes[node].machine;
        let server = machine.servers.find(SERVER).expect("it is served");
        let taken = machine.take(world.now, server).expect("it came");
        let asked = StreamId::Asked(taken.tag.expect("a call"));
        let mut sent = 0;
        let error = loop {
            match world.nodes[node].machine.send_item(world.now, asked, raw("item")) {
                Ok(later) => assert!(later.is_none() && sent < 2, "{sent} were sent"),
                Err(error) => break error,
            }
            sent += 1;
            world.drain(node);
            world.run(Duration::from_secs(1));
        };
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(matches!(world.nodes[0].machine.next_item(world.now, made), Next::Over));
    }
}

/// What a peer may not say ends the connection, and what comes late does not.
#[test]
fn who_says_more_than_it_may_is_let_go() {
    type Say = fn(&mut Vec<u8>, u64);
    let item: Say = |out, id| Header::new(Kind::Item, id).put(out, |_| {});
    let of_reply = Flags::default().with(Flags::OF_REPLY, true);
    assert!(of_reply.has(Flags::OF_REPLY));
    let cases: [(&str, bool, Say); 9] = [
        ("an item without credit", true, item),
        ("items after their end", true, |out, id| {
            Header::new(Kind::End, id).put(out, |_| {});
            Header::new(Kind::Item, id).put(out, |_| {});
        }),
        ("two ends", true, |out, id| {
            Header::new(Kind::End, id).put(out, |_| {});
            Header::new(Kind::End, id).put(out, |_| {});
        }),
        ("an end with a body", true, |out, id| {
            Header::new(Kind::End, id).put(out, |out| out.push(0));
        }),
        ("a credit of three bytes", true, |out, id| {
            let flags = Flags::default().with(Flags::OF_REPLY, true);
            Header { flags, ..Header::new(Kind::Credit, id) }.put(out, |out| out.extend([1; 3]));
        }),
        ("an item that is longer than any", true, |out, id| {
            let flags = Flags::default().with(Flags::MORE, true);
            Header { flags, ..Header::new(Kind::Item, id) }
                .put(out, |out| out.extend(u32::MAX.to_le_bytes()));
        }),
        ("an item of a call that is none", false, |out, _| {
            Header::new(Kind::Item, 77).put(out, |_| {});
        }),
        ("credit for it", false, |out, _| {
            let flags = Flags::default().with(Flags::OF_REPLY, true);
            Header { flags, ..Header::new(Kind::Credit, 77) }.put(out, |out| out.extend([1; 4]));
        }),
        ("all the credit that there is", false, |out, id| {
            let flags = Flags::default().with(Flags::OF_REPLY, true);
            let header = Header { flags, ..Header::new(Kind::Credit, id) };
            for _ in 0..100 {
                header.put(out, |out| out.extend([255; 4]));
            }
        }),
    ];
    for (what, ends, say) in cases {
        let Pair { mut world, made, .. } = pair(Duration::from_secs(5));
        let StreamId::Made(call) = made else { panic!("it is made") };
        let (now, machine) = (world.now, &mut world.nodes[1].machine);
        let link = *machine.links.keys().next().expect("they have met");
        let mut bytes = Vec::new();
        say(&mut bytes, call.number());
        machine.received(now, link, &bytes);
        assert_eq!(machine.links.contains_key(&link), !ends, "{what}");
        assert_eq!(machine.counters().frames_malformed, u64::from(ends), "{what}");
        assert_eq!(machine.streams.bytes(), 0, "{what}");
    }
}

/// Whoever does not read what it has given credit for does not have it all put on its way.
#[test]
fn credit_is_no_reason_to_fill_a_connection() {
    let Pair { mut world, made, asked } = pair(Duration::from_secs(5));
    let StreamId::Made(call) = made else { panic!("it is made") };
    let (now, machine) = (world.now, &mut world.nodes[1].machine);
    let link = *machine.links.keys().next().expect("they have met");
    let flags = Flags::default().with(Flags::OF_REPLY, true);
    let mut bytes = Vec::new();
    Header { flags, ..Header::new(Kind::Credit, call.number()) }
        .put(&mut bytes, |out| out.extend(u32::MAX.to_le_bytes()));
    machine.received(now, link, &bytes);
    let mut sent = 0;
    while machine.send_item(now, asked, raw(vec![0; 1_000])).expect("somebody reads").is_none() {
        sent += 1;
    }
    let held = machine.links.get(&link).expect("it is open").bytes();
    assert!((250_000..280_000).contains(&held), "{sent} items are {held} bytes");
    // What is written makes room.
    machine.transmit(now, link, &mut Vec::new());
    let told = std::iter::from_fn(|| machine.poll_output())
        .any(|output| matches!(output, Output::Writable(id) if id == asked));
    assert!(told);
}
