//! A nemesis: everything that may go wrong does, several things at once, drawn from a seed; then
//! the network and the hosts are well again, and the cluster has to be whole within [`CALM_MAX`].
//!
//! What each node tells is checked at every step (`checks.rs`); and as a run in which nothing
//! happened proves nothing, a [`Toll`] says what did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use super::{Faults, NodeId, Sim};
use crate::engine::{KeyChange, Request, StateWrite};
use crate::member::{Member, MemberState, Tags};
use crate::time::Instant;
use crate::wire::{Key, Keyring, Security};

/// A cluster whose network and hosts are well again is whole after that. What members know of each
/// other mends it within [`CALM_GOAL`]; where they know nothing, a seed has to be tried again,
/// which is after 28 s at most (see `PATROL`).
pub const CALM_MAX: Duration = Duration::from_secs(30);
/// The goal; how often it takes longer is counted.
pub const CALM_GOAL: Duration = Duration::from_secs(20);
/// Datagrams that a node may send a second, on average: what it sends must not feed on itself.
const PACKETS_A_SECOND: u64 = 40;
/// Nodes of a cluster.
const SIZES: Range<usize> = 3..13;
/// One cluster in so many is encrypted; then packets are damaged, and the key is changed.
const ENCRYPTED_EVERY: u64 = 4;
/// Between the beginnings of two faults.
const PAUSE_MS: Range<u64> = 0..4_000;
/// How long a fault lasts.
const LASTS_MS: Range<u64> = 200..19_000;
/// A node looks that often whether it is alone, and then joins again, as the driver does.
const LOOK: Duration = Duration::from_secs(4);

/// Every so many looks, one in company tries those who are missing, as the driver does.
///
/// Without it, one seed in thousands is not whole again, or only when somebody is alone at last:
/// there nobody has the address of anybody beyond, so there is nothing that members could ask. It
/// takes two faults of one node during a cut. In 0x12e2, a node that had been started again within
/// the cut knew nobody but somebody with another's name, who went while the node was stopped. In
/// 0x2035, a name changed hands on either side, and who had it at the address that the other side
/// knew went as well; who was left had said goodbye, and is not looked for.
const PATROL: u32 = 7;

/// What came to pass, by name. It adds up over seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toll {
    /// How often: faults, what nodes have counted, and what they have told.
    pub counts: BTreeMap<&'static str, u64>,
    /// Until the cluster was whole, at most.
    pub calm: Duration,
    /// Seeds in which that took longer than [`CALM_GOAL`].
    pub slow: u64,
    /// Virtual time.
    pub time: Duration,
}

/// What has to happen now and then, or the runs prove nothing.
pub const SOMETIMES: &[&str] = &[
    "suspicions",
    "refutations",
    "probes_failed",
    "probes_relayed",
    "probes_saved_by_tcp",
    "push_pulls",
    "conflicts",
    "moves",
    "redials",
    "pauses",
    "packets_undecryptable",
    "member-join",
    "member-suspect",
    "member-recover",
    "member-failed",
    "member-leave",
    "member-update",
    "member-move",
    "member-conflict",
    "warning",
    "crash",
    "stop",
    "block",
    "leave",
    "namesake",
    "partition",
    "one-way cut",
    "no UDP",
    "no TCP",
    "bad network",
    "clock jump",
    "change",
    "space_changes",
    "space_comparisons",
    "key change",
];

impl Toll {
    /// Adds that of another seed.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.counts {
            self.count(name, *count);
        }
        self.calm = self.calm.max(other.calm);
        self.slow += other.slow;
        self.time += other.time;
    }

    /// What should have happened and has not.
    pub fn missing(&self) -> Vec<&'static str> {
        let none = |name: &&&str| self.counts.get(**name).is_none_or(|count| *count == 0);
        SOMETIMES.iter().filter(none).copied().collect()
    }

    fn count(&mut self, name: &'static str, count: u64) {
        *self.counts.entry(name).or_default() += count;
    }
}

impl fmt::Display for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in SOMETIMES {
            writeln!(f, "  {:>12}  {name}", self.counts.get(name).copied().unwrap_or(0))?;
        }
        Ok(())
    }
}

/// Something that is wrong until its time is over.
#[derive(Clone, Debug)]
enum Fault {
    Crash(NodeId),
    Stop(NodeId),
    Block(NodeId),
    Leave(NodeId),
    /// Somebody else claims the name of the first.
    Namesake(NodeId, NodeId),
    Partition(Vec<NodeId>, Vec<NodeId>),
    OneWay(NodeId, NodeId),
    NoUdp(NodeId),
    NoTcp(NodeId),
    Bad(Faults),
}

/// Plays one seed: faults for `length`, then calm, within which the cluster has to be whole.
///
/// # Panics
/// Where the protocol breaks one of its promises; the message says which.
pub fn play(seed: u64, length: Duration, calm: Duration) -> Toll {
    let mut nemesis = Nemesis::new(seed);
    let end = nemesis.sim.now() + length;
    while nemesis.sim.now() < end {
        nemesis.strike();
        let pause = Duration::from_millis(nemesis.rng.random_range(PAUSE_MS));
        nemesis.run_until(end.min(nemesis.sim.now() + pause));
    }
    nemesis.relent(calm);
    nemesis.reckon()
}

struct Nemesis {
    sim: Sim,
    rng: Xoshiro256PlusPlus,
    nodes: Vec<NodeId>,
    faults: Vec<(Instant, Fault)>,
    /// Nodes that something has been done to: one thing at a time.
    hit: BTreeSet<NodeId>,
    next_look: Instant,
    looks: u32,
    keys: Option<Keys>,
    toll: Toll,
}

/// How far a change of the key has come.
struct Keys {
    old: Key,
    new: Key,
    stage: u32,
}

impl Nemesis {
    fn new(seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x6e65_6d65_7369_7321);
        let mut sim = Sim::new(seed);
        let encrypted = seed.is_multiple_of(ENCRYPTED_EVERY);
        let key = |byte: u8| Key::from_bytes(&[byte; 16]);
        let keys = match (encrypted, key(1), key(2)) {
            (true, Ok(old), Ok(new)) => Some(Keys { old, new, stage: 0 }),
            _ => None,
        };
        if let Some(keys) = &keys {
            let keyring = Some(Keyring::new(keys.old.clone()));
            sim.set_security(Security { keyring, ..Security::default() });
        }
        let count = rng.random_range(SIZES);
        let nodes: Vec<NodeId> = (0..count).map(|i| sim.start(&format!("n{i}"))).collect();
        let mut nemesis = Self {
            next_look: sim.now() + LOOK,
            looks: 0,
            sim,
            rng,
            nodes,
            faults: Vec::new(),
            hit: BTreeSet::new(),
            keys,
            toll: Toll::default(),
        };
        for node in nemesis.nodes.clone() {
            nemesis.join(node);
        }
        nemesis.run_until(Instant::default() + Duration::from_secs(3));
        nemesis
    }

    /// Joins as the driver does: through everybody, and through those who are missing later on.
    fn join(&mut self, node: NodeId) {
        let others = self.nodes.iter().filter(|other| **other != node);
        let target = |other: &NodeId| (self.sim.name(*other).to_owned(), self.sim.addr(*other));
        let targets = others.map(target).collect();
        self.sim.request(node, Request::Join { targets, failed: Vec::new(), again: true });
    }

    fn any(&mut self) -> NodeId {
        *self.nodes.choose(&mut self.rng).unwrap_or(&NodeId(0))
    }

    fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.rng.random_range(range))
    }

    /// Runs, ends what is over, and lets lonely nodes join.
    fn run_until(&mut self, end: Instant) {
        while self.sim.now() < end {
            let over = self.faults.iter().map(|(at, _)| *at).min().unwrap_or(end);
            let until = end.min(over).min(self.next_look);
            self.sim.run_for(until.since(self.sim.now()));
            let now = self.sim.now();
            let ended: Vec<Fault> =
                self.faults.extract_if(.., |(at, _)| *at <= now).map(|(_, fault)| fault).collect();
            for fault in ended {
                self.end(fault);
            }
            if self.next_look <= now {
                self.next_look = now + LOOK;
                self.look();
            }
        }
    }

    fn look(&mut self) {
        self.looks += 1;
        for node in self.nodes.clone() {
            let present = |member: &Member| member.state().is_present();
            let members = self.sim.members(node);
            let here = members.iter().any(|m| m.name() == self.sim.name(node) && present(m));
            let company = members.iter().filter(|m| present(m)).count();
            let patrol = self.looks.is_multiple_of(PATROL);
            if here && (company < 2 || (patrol && company < self.nodes.len())) {
                self.join(node);
            }
        }
    }

    /// Something goes wrong.
    fn strike(&mut self) {
        let (node, other) = (self.any(), self.any());
        let free = !self.hit.contains(&node);
        let fault = match self.rng.random_range(0..14) {
            0 | 1 if free => self.crash(node),
            2 if free => self.stop(node),
            3 if free => self.block(node),
            4 if free => self.leave(node),
            5 if free => self.namesake(node),
            6 => self.partition(),
            7 => Some(Fault::OneWay(node, other)),
            8 => Some(Fault::NoUdp(node)),
            9 => Some(Fault::NoTcp(node)),
            10 => Some(self.bad_network()),
            11 => self.jump(node),
            12 => self.change(node),
            13 => self.change_key(),
            _ => None,
        };
        let Some(fault) = fault else { return };
        self.toll.count(fault.name(), 1);
        let at = self.sim.now() + self.millis(LASTS_MS);
        self.faults.push((at, fault));
        self.refresh();
    }

    fn crash(&mut self, node: NodeId) -> Option<Fault> {
        self.hit.insert(node);
        self.absorb(node);
        self.sim.crash(node);
        Some(Fault::Crash(node))
    }

    fn stop(&mut self, node: NodeId) -> Option<Fault> {
        self.hit.insert(node);
        self.sim.pause(node);
        Some(Fault::Stop(node))
    }

    fn block(&mut self, node: NodeId) -> Option<Fault> {
        self.hit.insert(node);
        self.sim.block(node);
        Some(Fault::Block(node))
    }

    fn leave(&mut self, node: NodeId) -> Option<Fault> {
        self.hit.insert(node);
        self.sim.leave(node, Duration::from_secs(5));
        Some(Fault::Leave(node))
    }

    /// Somebody else appears under the name of a node, which may go on running or be down.
    fn namesake(&mut self, node: NodeId) -> Option<Fault> {
        self.hit.insert(node);
        if self.rng.random_bool(0.5) {
            self.absorb(node);
            self.sim.crash(node);
        }
        let name = self.sim.name(node).to_owned();
        let other = self.sim.start(&name);
        self.join(other);
        Some(Fault::Namesake(node, other))
    }

    fn partition(&mut self) -> Option<Fault> {
        let mut nodes = self.nodes.clone();
        nodes.shuffle(&mut self.rng);
        let right = nodes.split_off(self.rng.random_range(1..nodes.len()));
        Some(Fault::Partition(nodes, right))
    }

    fn bad_network(&mut self) -> Fault {
        let encrypted = self.keys.is_some();
        let rng = &mut self.rng;
        Fault::Bad(Faults {
            loss: rng.random_range(0.0..0.3),
            duplication: rng.random_range(0.0..0.5),
            reordering: rng.random_range(0.0..0.3),
            // In clear, a damaged packet may say anything.
            corruption: if encrypted { rng.random_range(0.0..0.1) } else { 0.0 },
            delay_min: Duration::from_millis(1),
            delay_max: Duration::from_millis(rng.random_range(2..1_000)),
        })
    }

    fn jump(&mut self, node: NodeId) -> Option<Fault> {
        let seconds = [0.1, 1.0, 10.0, 3600.0].choose(&mut self.rng).copied().unwrap_or(1.0);
        self.sim.jump(node, Duration::from_secs_f64(seconds));
        self.toll.count("clock jump", 1);
        None
    }

    fn change(&mut self, node: NodeId) -> Option<Fault> {
        let number = self.rng.random_range(0..1_000_u32);
        let value = number.to_string();
        let put = |key: String, value: &str| {
            let value = (key != "u:0").then(|| value.as_bytes().to_vec());
            StateWrite { key, value, ttl: None }
        };
        let writes = (0..number % 4).map(|key| put(format!("u:{key}"), &value)).collect();
        self.sim.request(node, Request::Write(writes));
        self.sim.set_tags(node, &Tags::from([("n".to_owned(), value)]));
        self.toll.count("change", 1);
        None
    }

    /// One step of the change from one key to the other, at all nodes.
    fn change_key(&mut self) -> Option<Fault> {
        let keys = self.keys.as_mut()?;
        let (old, new) = (keys.old.clone(), keys.new.clone());
        let (primary, others) = match keys.stage {
            0 => (old, vec![new.clone()]),
            1 => (new.clone(), vec![old]),
            2 => (new.clone(), Vec::new()),
            _ => return None,
        };
        let change = match keys.stage {
            0 => KeyChange::Add(new),
            1 => KeyChange::Use(new.fingerprint()),
            _ => KeyChange::Remove(keys.old.fingerprint()),
        };
        keys.stage += 1;
        let mut keyring = Keyring::new(primary);
        // A ring that is not full takes a key.
        for key in others {
            let _ = keyring.add(key);
        }
        self.sim.set_security(Security { keyring: Some(keyring), ..Security::default() });
        for node in self.sim.running() {
            self.sim.change_keys(node, change.clone());
        }
        self.toll.count("key change", 1);
        None
    }

    /// What was wrong is over.
    fn end(&mut self, fault: Fault) {
        match fault {
            Fault::Crash(node) => self.start_again(node),
            Fault::Stop(node) | Fault::Block(node) => {
                self.hit.remove(&node);
                self.sim.resume(node);
            }
            Fault::Leave(node) => {
                self.absorb(node);
                self.sim.crash(node);
                self.start_again(node);
            }
            Fault::Namesake(node, other) => {
                self.absorb(other);
                self.sim.crash(other);
                match self.sim.running().contains(&node) {
                    true => drop(self.hit.remove(&node)),
                    false => self.start_again(node),
                }
            }
            _ => {}
        }
        self.refresh();
    }

    fn start_again(&mut self, node: NodeId) {
        self.hit.remove(&node);
        let drift = self.rng.random_range(-10_000..=10_000);
        let wall = self.rng.random_range(-3_600..=3_600);
        self.sim.set_clock(node, drift, wall);
        self.sim.restart(node);
        self.join(node);
    }

    /// The network as the faults want it.
    fn refresh(&mut self) {
        self.sim.network().heal();
        self.sim.network().set_faults(Faults::default());
        for (_, fault) in &self.faults {
            let network = self.sim.network();
            match fault {
                Fault::Partition(left, right) => network.partition(left, right),
                Fault::OneWay(from, to) => network.cut(*from, *to),
                Fault::NoUdp(node) => network.block_datagrams_to(*node),
                Fault::NoTcp(node) => network.block_connections_to(*node),
                Fault::Bad(faults) => network.set_faults(faults.clone()),
                _ => {}
            }
        }
    }

    /// All is well again, and has to be seen to be.
    fn relent(&mut self, limit: Duration) {
        for (_, fault) in std::mem::take(&mut self.faults) {
            self.end(fault);
        }
        self.refresh();
        let start = self.sim.now();
        while !(self.sim.all_see_all() && self.sim.all_show_the_same()) {
            let now = self.sim.now();
            assert!(now.since(start) < limit, "not whole after the calm: {}", self.views());
            self.run_until(now + Duration::from_millis(50));
        }
        self.toll.calm = self.sim.now().since(start);
        self.toll.slow = u64::from(self.toll.calm > CALM_GOAL);
    }

    fn views(&self) -> String {
        let view = |node: &NodeId| {
            let known = self.sim.members(*node);
            let alive = |m: &&Member| m.state() == MemberState::Alive;
            let (here, gone): (Vec<&Member>, Vec<_>) = known.iter().partition(alive);
            let here: Vec<&str> = here.into_iter().map(Member::name).collect();
            let (name, shown) = (self.sim.name(*node), self.sim.shown(*node));
            format!("{name} sees {here:?}, and {gone:?}, and shows {shown:?}")
        };
        self.sim.running().iter().map(view).collect::<Vec<_>>().join("; ")
    }

    fn absorb(&mut self, node: NodeId) {
        for (name, count) in self.sim.stats(node).rows() {
            self.toll.count(name, count);
        }
    }

    fn reckon(mut self) -> Toll {
        for node in self.sim.running() {
            self.absorb(node);
        }
        self.toll.time = self.sim.now().since(Instant::default());
        let most = PACKETS_A_SECOND * (self.toll.time.as_secs() + 1) * self.nodes.len() as u64;
        let packets = self.sim.packets();
        assert!(packets <= most, "a storm: {packets} packets, at most {most}");
        for index in 0..self.sim.nodes.len() {
            let kinds = self.sim.log(NodeId(index)).iter().map(|(_, kind)| kind.token());
            for token in kinds.collect::<Vec<_>>() {
                self.toll.count(token, 1);
            }
        }
        self.toll
    }
}

impl Fault {
    fn name(&self) -> &'static str {
        match self {
            Self::Crash(_) => "crash",
            Self::Stop(_) => "stop",
            Self::Block(_) => "block",
            Self::Leave(_) => "leave",
            Self::Namesake(..) => "namesake",
            Self::Partition(..) => "partition",
            Self::OneWay(..) => "one-way cut",
            Self::NoUdp(_) => "no UDP",
            Self::NoTcp(_) => "no TCP",
            Self::Bad(_) => "bad network",
        }
    }
}
