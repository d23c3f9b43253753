//! Nodes that hear of each other late, in part and wrongly, under many seeds.
//!
//! What must hold whatever happens: a monitor is told once at most; once all have heard of
//! everything, it has been told if and only if what it followed is gone; and what it was told is
//! true.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

use super::super::{
    Limits, MailboxLimits, Members, Messaging, Output, ServerId, Setup, Target, Whereabouts,
};
use super::*;
use crate::config::Overflow;
use crate::ring::Ring;
use crate::time::Instant;

const SERVERS: [&str; 3] = ["x", "y", "z"];
const NOW: Instant = Instant::from_nanos(1);

/// The keys of a member.
type Keys = BTreeMap<String, Vec<u8>>;

/// What a node has heard of the others.
#[derive(Debug, Default)]
struct View {
    members: BTreeMap<String, Whereabouts>,
    keys: BTreeMap<String, Keys>,
    ring: Option<Ring>,
}

#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<View>>);

impl Seen {
    fn with<T>(&self, act: impl FnOnce(&mut View) -> T) -> T {
        act(&mut self.0.lock().expect("no panic"))
    }
}

impl Members for Seen {
    fn find(&self, name: &str) -> Option<Whereabouts> {
        self.with(|view| view.members.get(name).copied())
    }

    fn ring(&self) -> Option<Ring> {
        self.with(|view| view.ring.clone())
    }

    fn last_words(&self, member: &str, server: &str) -> Option<Arc<[u8]>> {
        let key = format!("e:{server}");
        self.with(|view| view.keys.get(member)?.get(&key).map(|words| words.as_slice().into()))
    }
}

struct Node {
    life: u64,
    /// None once it has ended; whether it left then.
    gone: Option<bool>,
    machine: Messaging,
    seen: Seen,
    keys: Keys,
    served: BTreeMap<&'static str, ServerId>,
    monitors: BTreeMap<MonitorId, Followed>,
}

struct World {
    rng: Xoshiro256PlusPlus,
    nodes: Vec<Node>,
    rings: BTreeMap<Vec<String>, Ring>,
    /// What instances have said at their end.
    said: BTreeMap<u64, String>,
    instances: BTreeSet<u64>,
    told: BTreeMap<DownReason, u64>,
    with_words: u64,
}

fn name(node: usize) -> String {
    format!("n{node}")
}

fn here(node: usize) -> Whereabouts {
    Whereabouts::Here(SocketAddr::from(([10, 0, 0, 1], 1000 + node as u16)))
}

impl Node {
    fn new(at: usize, life: u64, seed: u64) -> Self {
        let seen = Seen::default();
        seen.with(|view| view.members.insert(name(at), here(at)));
        let limits = Limits {
            message_max: 1_000,
            outbox_bytes: 1_000,
            outbox_age: Duration::from_secs(1),
            overflow: Overflow::Reject,
        };
        // As microseconds would be.
        let run = life * 1_000_000 + at as u64 * 100_000_000;
        let setup = Setup { name: name(at), run, limits, members: Box::new(seen.clone()), seed };
        let machine = Messaging::new(NOW, setup);
        let (keys, served, monitors) = Default::default();
        Self { life, gone: None, machine, seen, keys, served, monitors }
    }
}

impl World {
    fn new(seed: u64, nodes: usize) -> Self {
        Self {
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            nodes: (0..nodes).map(|at| Node::new(at, 1, seed)).collect(),
            rings: BTreeMap::new(),
            said: BTreeMap::new(),
            instances: BTreeSet::new(),
            told: BTreeMap::new(),
            with_words: 0,
        }
    }

    fn any(&mut self) -> usize {
        self.rng.random_range(0..self.nodes.len())
    }

    fn serve(&mut self, at: usize, server: &'static str) {
        let node = &mut self.nodes[at];
        if node.gone.is_some() || node.served.contains_key(server) {
            return;
        }
        let limits = MailboxLimits { messages: 1, bytes: 1 };
        let id = node.machine.serve(server, limits).expect("a free name");
        assert!(self.instances.insert(id.0), "an instance has a number of its own");
        node.served.insert(server, id);
        node.keys.insert(format!("s:{server}"), id.0.to_le_bytes().into());
        self.drain(at);
    }

    fn stop(&mut self, at: usize, server: &'static str) {
        let node = &mut self.nodes[at];
        let Some(id) = node.served.remove(server) else { return };
        let why = match self.rng.random() {
            true => format!("why {}", id.0),
            false => String::new(),
        };
        self.said.insert(id.0, why.clone());
        node.machine.stop(NOW, id, &why);
        node.keys.remove(&format!("s:{server}"));
        if !why.is_empty() {
            let words = [&id.0.to_le_bytes(), why.as_bytes()].concat();
            node.keys.insert(format!("e:{server}"), words);
        }
        self.drain(at);
    }

    /// A node hears how it stands with another one, and with its keys.
    fn hear(&mut self, at: usize, of: usize) {
        if at == of || self.nodes[at].gone.is_some() {
            return;
        }
        let (gone, keys) = (self.nodes[of].gone, self.nodes[of].keys.clone());
        match gone {
            Some(left) => self.lose(at, of, left),
            None => {
                self.nodes[at].seen.with(|view| view.members.insert(name(of), here(of)));
                self.show(at, of, keys);
            }
        }
    }

    /// A node takes another one for gone, rightly or not.
    fn lose(&mut self, at: usize, of: usize, left: bool) {
        let state = if left { Whereabouts::Left } else { Whereabouts::Failed };
        let node = &mut self.nodes[at];
        if node.seen.with(|view| view.members.insert(name(of), state)) != Some(state) {
            node.machine.member_gone(NOW, &name(of), left);
            self.show(at, of, Keys::new());
        }
    }

    /// In the order of the keys, as a copy of a space is told.
    fn show(&mut self, at: usize, of: usize, keys: Keys) {
        let node = &mut self.nodes[at];
        let before = node.seen.with(|view| view.keys.get(&name(of)).cloned()).unwrap_or_default();
        let changed: BTreeSet<&String> = before.keys().chain(keys.keys()).collect();
        for key in changed.into_iter().filter(|key| before.get(*key) != keys.get(*key)) {
            let value = keys.get(key);
            if let Some(server) = key.strip_prefix("s:") {
                let instance = value.map(|value| read_instance(value));
                node.machine.note_host(&name(of), server, instance);
            }
            node.seen.with(|view| {
                let held = view.keys.entry(name(of)).or_default();
                match value {
                    Some(value) => held.insert(key.clone(), value.clone()),
                    None => held.remove(key),
                }
            });
        }
        self.drain(at);
    }

    /// A node makes the ring of those that it takes to be here.
    fn place(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let present = |(name, at): (&String, &Whereabouts)| {
            matches!(at, Whereabouts::Here(_)).then(|| name.clone())
        };
        let names: Vec<String> =
            node.seen.with(|view| view.members.iter().filter_map(present).collect());
        let ring = self
            .rings
            .entry(names.clone())
            .or_insert_with(|| Ring::new(names.iter().map(String::as_str)).expect("names"));
        node.seen.with(|view| view.ring = Some(ring.clone()));
        node.machine.ring_changed(NOW);
        self.drain(at);
    }

    fn follow(&mut self, at: usize) {
        if self.nodes[at].gone.is_some() {
            return;
        }
        let server = SERVERS[self.rng.random_range(0..SERVERS.len())];
        let place = match self.rng.random_range(0..3) {
            0 => String::new(),
            1 => format!("@{}", name(self.any())),
            _ => format!("#key {}", self.rng.random_range(0..9)),
        };
        let target: Target = format!("{server}{place}").parse().expect("a target");
        let node = &mut self.nodes[at];
        let Ok(id) = node.machine.monitor(NOW, &target) else { return };
        let followed = node.machine.monitors.get(id).cloned();
        let nobody = Followed { member: "".into(), server: server.into(), instance: 0, key: None };
        node.monitors.insert(id, followed.unwrap_or(nobody));
        self.drain(at);
    }

    fn drain(&mut self, at: usize) {
        while let Some(output) = self.nodes[at].machine.poll_output() {
            if let Output::Down { monitor, down } = output {
                // At most once, and never after it was ended.
                let followed = self.nodes[at].monitors.remove(&monitor).expect("it is followed");
                self.check(at, &followed, &down);
            }
        }
    }

    /// Whether an instance is there, in truth.
    fn lives(&self, followed: &Followed) -> bool {
        let at: usize = followed.member[1..].parse().expect("a node");
        let node = &self.nodes[at];
        let instance = node.served.get(&*followed.server).map(|id| id.0);
        node.gone.is_none() && instance == Some(followed.instance)
    }

    fn check(&mut self, at: usize, followed: &Followed, down: &Down) {
        *self.told.entry(down.reason).or_default() += 1;
        assert_eq!(*down.server, *followed.server);
        match down.reason {
            DownReason::NoServer => assert_eq!(followed.instance, 0, "{down}"),
            DownReason::Stopped => {
                assert!(!self.lives(followed), "{down}");
                if !down.text.is_empty() {
                    self.with_words += 1;
                    assert_eq!(self.said.get(&followed.instance), Some(&down.text));
                }
            }
            DownReason::Moved => {
                let key = followed.key.as_ref().expect("only those with a key move");
                let owner = self.nodes[at].machine.owner(&followed.server, key);
                let owner = owner.expect("it has moved to somebody");
                assert_ne!(owner, followed.member);
                assert!(down.text.contains(&*owner), "{down}");
            }
            // A node can be taken for gone wrongly; then it is told so.
            DownReason::NodeFailed | DownReason::NodeLeft => {}
            DownReason::Closed => assert!(self.nodes[at].gone.is_some(), "{down}"),
        }
    }

    fn end(&mut self, at: usize, left: bool) {
        let node = &mut self.nodes[at];
        if node.gone.is_some() {
            return;
        }
        (node.gone, node.served) = (Some(left), BTreeMap::new());
        node.machine.end_monitors();
        self.drain(at);
        assert!(self.nodes[at].monitors.is_empty(), "all are told of the end");
    }

    fn act(&mut self) {
        let (at, of) = (self.any(), self.any());
        let server = SERVERS[self.rng.random_range(0..SERVERS.len())];
        match self.rng.random_range(0..1000) {
            0..100 => self.serve(at, server),
            100..160 => self.stop(at, server),
            160..220 => {
                self.stop(at, server);
                self.serve(at, server);
            }
            220..560 => self.hear(at, of),
            560..600 => self.place(at),
            600..930 => self.follow(at),
            930..960 => {
                let node = &mut self.nodes[at];
                if let Some((id, _)) = node.monitors.pop_first() {
                    assert!(node.machine.demonitor(id), "it had not been told");
                }
            }
            960..966 => {
                let left = self.rng.random();
                self.end(at, left);
            }
            966..986 if self.nodes[at].gone.is_some() => {
                // Many do not notice that it was away.
                self.nodes[at] = Node::new(at, self.nodes[at].life + 1, self.rng.random());
            }
            986..1000 if at != of => self.lose(at, of, false),
            _ => {}
        }
    }

    fn play(&mut self, seed: u64) {
        for _ in 0..3_000 {
            self.act();
        }
        self.all_hear();
        for at in 0..self.nodes.len() {
            if self.nodes[at].gone.is_none() {
                self.place(at);
                self.follow(at);
            }
        }
        self.judge(seed);
        // The ring stays, and there are others who have the servers.
        for at in 0..self.nodes.len() {
            SERVERS.iter().for_each(|server| self.serve(at, server));
        }
        self.all_hear();
        self.judge(seed);
    }

    fn all_hear(&mut self) {
        for at in 0..self.nodes.len() {
            (0..self.nodes.len()).for_each(|of| self.hear(at, of));
        }
    }

    /// All have heard of everything: who has not been told follows what is there.
    fn judge(&self, seed: u64) {
        for (at, node) in self.nodes.iter().enumerate() {
            for (id, followed) in &node.monitors {
                assert!(self.lives(followed), "seed {seed:#x}: {at} is not told: {followed:?}");
                assert!(node.machine.monitors.get(*id).is_some());
                if let Some(key) = &followed.key {
                    let owner = node.machine.owner(&followed.server, key);
                    assert_eq!(owner.as_ref(), Some(&followed.member), "seed {seed:#x}: {at}");
                }
            }
            let held = &node.machine.monitors;
            assert_eq!(held.len(), node.monitors.len());
            assert_eq!(held.places.len(), held.len(), "no place is left behind");
        }
    }
}

#[test]
fn each_monitor_is_told_once_and_only_if_it_is_true() {
    let seeds = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let (mut told, mut with_words, mut left) = (BTreeMap::new(), 0, 0);
    for seed in 0..seeds {
        let mut world = World::new(seed, 2 + (seed % 4) as usize);
        world.play(seed);
        for (reason, count) in &world.told {
            *told.entry(*reason).or_default() += count;
        }
        with_words += world.with_words;
        left += world.nodes.iter().map(|node| node.monitors.len()).sum::<usize>();
    }
    // All of it has happened, and often.
    for reason in [
        DownReason::NoServer,
        DownReason::Stopped,
        DownReason::NodeFailed,
        DownReason::NodeLeft,
        DownReason::Moved,
        DownReason::Closed,
    ] {
        assert!(told.get(&reason).is_some_and(|count: &u64| *count > 50), "{reason}: {told:?}");
    }
    assert!(with_words > 100 && left > 30, "{with_words} with words, {left} left: {told:?}");
}

#[test]
fn those_of_an_older_version_are_followed_too() {
    let mut node = Node::new(0, 1, 1);
    node.seen.with(|view| view.members.insert(name(1), here(1)));
    node.machine.note_host("n1", "x", Some(read_instance(b"")));
    let id = node.machine.monitor(NOW, &"x".parse().expect("a target")).expect("it is there");
    node.machine.note_host("n1", "x", Some(read_instance(b"")));
    assert!(node.machine.poll_output().is_none());
    node.machine.note_host("n1", "x", None);
    let output = node.machine.poll_output();
    let Some(Output::Down { monitor, down }) = output else { panic!("{output:?}") };
    assert_eq!((monitor, down.reason), (id, DownReason::Stopped));
}

#[test]
fn there_is_a_bound() {
    let mut node = Node::new(0, 1, 1);
    let limits = MailboxLimits { messages: 1, bytes: 1 };
    node.machine.serve("x", limits).expect("a free name");
    let target = "x".parse().expect("a target");
    for _ in 0..65_536 {
        node.machine.monitor(NOW, &target).expect("there is room");
    }
    let error = node.machine.monitor(NOW, &target).expect_err("there is none");
    assert_eq!(error.kind(), crate::error::ErrorKind::Overloaded);
}
