//! A seeded network and virtual time around the same engine and the same loop as the driver's.
//!
//! Everything that happens is drawn from one seed: run it again and every byte is the same. After
//! every step, checks watch what each node claims about each other one.
//!
//! ```
//! use std::time::Duration;
//! use chinwag::sim::Sim;
//!
//! let mut sim = Sim::new(7);
//! let a = sim.start("a");
//! let b = sim.start("b");
//! sim.join(b, &[a]);
//! assert!(sim.run_until(Duration::from_secs(10), |sim| sim.all_see_all()));
//! ```

mod agenda;
mod checks;
mod clock;
mod hosts;
pub mod nemesis;
mod network;
mod stranger;
mod views;

use std::collections::BTreeMap;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use self::agenda::{Agenda, Happening};
use self::checks::Checks;
use self::clock::Clock;
use self::hosts::refused;
pub use self::network::{Faults, Network};
#[doc(hidden)]
pub use self::stranger::speak;
pub use self::views::Shown;
use crate::config::{Protocol, encode_tags};
use crate::engine::{
    Acquaintance, Engine, Input, KeyChange, Output, Reply, Request, RequestId, SerfRequest, Setup,
    Shell, StreamId,
};
use crate::error::Result;
use crate::event::EventKind;
use crate::member::{Pool, Tags};
use crate::serf::KeyOp;
use crate::time::Instant;
use crate::wire::{Key, Nonce, Security};

/// Names a node of a simulation, in the order of their starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// A simulated cluster.
#[derive(Debug)]
pub struct Sim {
    seed: u64,
    now: Instant,
    rng: Xoshiro256PlusPlus,
    protocol: Protocol,
    /// Whether nodes count their incarnations from 1, as Go's do.
    counts_from_one: bool,
    security: Security,
    nodes: Vec<Node>,
    network: Network,
    agenda: Agenda,
    /// The far end of each connection.
    links: BTreeMap<(NodeId, StreamId), (NodeId, StreamId)>,
    checks: Checks,
    /// What the nodes know alike, held once as in any process of several.
    pool: Arc<Pool>,
    traffic: Traffic,
    /// Room for outputs, kept from one input to the next.
    outputs: Vec<Output>,
}

/// What all nodes together have sent, without the headers of IP, UDP and TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams.
    pub packets: u64,
    /// Bytes in them.
    pub packet_bytes: u64,
    /// Connections, whether or not they came about.
    pub connections: u64,
    /// Bytes on them.
    pub stream_bytes: u64,
}

/// A simulated process on a simulated host.
#[derive(Debug)]
struct Node {
    name: String,
    addr: SocketAddr,
    meta: Vec<u8>,
    clock: Clock,
    /// None while the process is down.
    engine: Option<Engine>,
    /// The time at which the engine wants to be woken.
    wake: Instant,
    /// Whether its host has gone, too.
    dark: bool,
    /// While it is stopped (SIGSTOP, a long collection): what would have happened to it.
    paused: Option<Vec<Happening>>,
    /// While only its messages stand still: what it would have sent.
    held: Option<Vec<Output>>,
    /// Which run of the process this is, so that nothing reaches a later one.
    run: u32,
    log: Vec<(Instant, EventKind)>,
    /// Keys and values, by their owners: what it has told adds up to that.
    shown: Shown,
    replies: BTreeMap<RequestId, Result<Reply>>,
    requests: u64,
}

/// Outputs of an engine that have yet to be carried out.
#[derive(Debug)]
struct Outbox(Vec<Output>);

impl Shell for Outbox {
    fn carry_out(&mut self, output: Output) {
        self.0.push(output);
    }
}

/// The largest cluster whose events are added up.
const REPLAYED_MAX: usize = 128;

/// Datagrams that a stopped process finds in its socket when it goes on.
const SOCKET_BUFFER: usize = 1024;

impl Sim {
    /// An empty cluster under memberlist's LAN profile.
    pub fn new(seed: u64) -> Self {
        Self::with_protocol(seed, Protocol::default())
    }

    /// An empty cluster under `protocol`.
    pub fn with_protocol(seed: u64, protocol: Protocol) -> Self {
        Self {
            seed,
            now: Instant::default(),
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            protocol,
            counts_from_one: false,
            security: Security::default(),
            nodes: Vec::new(),
            network: Network::new(),
            agenda: Agenda::default(),
            links: BTreeMap::new(),
            checks: Checks::new(seed),
            pool: Arc::default(),
            traffic: Traffic::default(),
            outputs: Vec::new(),
        }
    }

    /// The seed that replays this run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Virtual time since the start.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Datagrams that have been sent.
    pub fn packets(&self) -> u64 {
        self.traffic.packets
    }

    /// All that has been sent.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The network between the nodes, to be made worse or better.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    /// The protocol's constants of nodes that are started from now on.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Lets nodes that are started from now on count their incarnations from 1, as Go's do.
    pub fn count_from_one(&mut self) {
        self.counts_from_one = true;
    }

    /// Label and keys of nodes that are started from now on.
    pub fn set_security(&mut self, security: Security) {
        self.security = security;
    }

    /// Starts a node that knows nobody.
    pub fn start(&mut self, name: &str) -> NodeId {
        self.start_with_tags(name, &Tags::new())
    }

    /// Starts a node that announces `tags`.
    pub fn start_with_tags(&mut self, name: &str, tags: &Tags) -> NodeId {
        let id = self.add(name.to_owned(), encode_tags(tags).unwrap_or_default());
        self.restart(id);
        id
    }

    /// Starts a whole cluster, `n0` and so on, in which everybody has known everybody for a while.
    /// Members that all know alike are held once for all of them, so that there may be many.
    pub fn start_cluster(&mut self, count: usize) -> Vec<NodeId> {
        assert!(self.nodes.is_empty(), "the first ones of a simulation");
        let ids: Vec<_> = (0..count).map(|i| self.add(format!("n{i}"), Vec::new())).collect();
        let seed = self.rng.next_u64();
        let known = self.nodes.iter().map(|node| (&*node.name, node.addr, &*node.meta));
        let incarnation = self.first_incarnation();
        let common = Acquaintance::new(self.now, seed, incarnation, known);
        for (number, &id) in ids.iter().enumerate() {
            let setup = self.setup(id);
            self.nodes[id.0].run += 1;
            let mut engine = Engine::acquainted(self.now, setup, &common, number);
            engine.share_members(Arc::clone(&self.pool));
            self.nodes[id.0].engine = Some(engine);
            let node = &self.nodes[id.0];
            self.checks.acquainted(&node.name, node.addr, incarnation);
            self.drain(id);
        }
        ids
    }

    /// Adds a process that is not up yet, on a host of its own.
    fn add(&mut self, name: String, meta: Vec<u8>) -> NodeId {
        let id = NodeId(self.nodes.len());
        self.nodes.push(Node {
            name,
            addr: address(id),
            meta,
            clock: Clock::default(),
            engine: None,
            wake: Instant::NEVER,
            dark: false,
            paused: None,
            held: None,
            run: 0,
            log: Vec::new(),
            shown: Shown::new(),
            replies: BTreeMap::new(),
            requests: 0,
        });
        id
    }

    /// Starts the process of a crashed node again: same name and address, nothing remembered.
    pub fn restart(&mut self, id: NodeId) {
        let setup = self.setup(id);
        let node = &mut self.nodes[id.0];
        node.run += 1;
        node.dark = false;
        (node.paused, node.held) = (None, None);
        node.shown.clear();
        // What woke the last process does not wake this one, even if it comes at the same time.
        node.wake = Instant::NEVER;
        let mut engine = Engine::new(node.clock.shows(self.now), setup);
        engine.share_members(Arc::clone(&self.pool));
        node.engine = Some(engine);
        self.checks.restarted(id);
        self.drain(id);
    }

    fn setup(&mut self, id: NodeId) -> Setup {
        let seed = self.rng.next_u64();
        let mut nonce = Nonce::default();
        Xoshiro256PlusPlus::seed_from_u64(!seed).fill_bytes(&mut nonce);
        let incarnation = self.incarnation_of(id);
        let node = &self.nodes[id.0];
        Setup {
            name: node.name.clone(),
            advertise: node.addr,
            meta: node.meta.clone(),
            security: self.security.clone(),
            nonce,
            incarnation,
            started: self.wall_micros(id),
            clocks: [0; 3],
            protocol: self.protocol.clone(),
            seed,
        }
    }

    /// Lets `id` join through `seeds`.
    pub fn join(&mut self, id: NodeId, seeds: &[NodeId]) -> RequestId {
        let target = |seed: &NodeId| {
            let node = &self.nodes[seed.0];
            (node.name.clone(), node.addr)
        };
        let targets = seeds.iter().map(target).collect();
        self.request(id, Request::Join { targets, failed: Vec::new(), again: false })
    }

    /// Gives up a join that `id` was told to do.
    pub fn cancel(&mut self, id: NodeId, request: RequestId) {
        self.input(id, Input::Cancelled { id: request });
    }

    /// Lets `id` say goodbye. It goes on answering until it is crashed.
    pub fn leave(&mut self, id: NodeId, timeout: Duration) -> RequestId {
        self.request(id, Request::Leave { timeout })
    }

    /// Replaces the tags of `id`.
    pub fn set_tags(&mut self, id: NodeId, tags: &Tags) -> RequestId {
        let meta = encode_tags(tags).unwrap_or_default();
        self.nodes[id.0].meta.clone_from(&meta);
        self.request(id, Request::SetMeta(meta))
    }

    /// Changes the keyring of `id`.
    pub fn change_keys(&mut self, id: NodeId, change: KeyChange) -> RequestId {
        self.request(id, Request::Keyring(change))
    }

    /// Lets `id` have every member change or list its keys; the answers are those of a query.
    ///
    /// # Errors
    /// `bad_argument` for what is no key.
    pub fn change_cluster_keys(
        &mut self,
        id: NodeId,
        op: KeyOp,
        key: Option<&str>,
    ) -> Result<RequestId> {
        let key = key.map(KeyChange::key).transpose()?;
        let raw = key.as_ref().map(Key::raw).unwrap_or_default();
        Ok(self.request(id, Request::Serf(SerfRequest::Query(op.question(raw)))))
    }

    /// Asks a node for something; see [`Sim::reply`].
    pub fn request(&mut self, node: NodeId, request: Request) -> RequestId {
        let entry = &mut self.nodes[node.0];
        entry.requests += 1;
        let id = RequestId(entry.requests);
        self.input(node, Input::Request { id, request });
        id
    }

    /// Gives `id` a datagram that no node sent.
    pub fn inject(&mut self, id: NodeId, from: SocketAddr, bytes: &[u8]) {
        self.input(id, Input::Packet { from, bytes });
    }

    /// Runs for that long.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while self.step(end) {}
        self.now = end;
        self.check_replay();
    }

    /// Checks that the events of every node add up to its list of members.
    fn check_replay(&self) {
        // Of larger clusters, it would take longer than what is checked.
        if self.nodes.len() > REPLAYED_MAX {
            return;
        }
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(engine) = &node.engine {
                self.checks.replayed(NodeId(index), &node.name, engine.members());
            }
        }
    }

    /// Runs until `done`, for `limit` at most; whether it came to that. Asked once a millisecond
    /// in which a node told something, and at the end.
    pub fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        let mut told = None;
        while self.now < end {
            if told != Some(self.checks.told()) {
                told = Some(self.checks.told());
                if done(self) {
                    return true;
                }
            }
            let slice = end.min(self.now + Duration::from_millis(1));
            while self.step(slice) {}
            self.now = slice;
        }
        done(self)
    }

    /// The next happening, if it comes before `end`.
    fn step(&mut self, end: Instant) -> bool {
        let Some(entry) = self.agenda.next(end) else { return false };
        self.now = entry.at;
        let node = &self.nodes[entry.node.0];
        // What is for a process that has gone is for its host.
        let host = match entry.happening {
            Happening::Connect { .. } => true,
            Happening::Packet { .. } => node.engine.is_none(),
            _ => false,
        };
        if node.run == entry.run || host {
            self.happen(entry.node, entry.happening);
        }
        true
    }

    fn happen(&mut self, id: NodeId, happening: Happening) {
        let node = &mut self.nodes[id.0];
        let wake = matches!(happening, Happening::Wake);
        if let Some(queue) = &mut node.paused
            && !(wake && node.held.is_some())
        {
            let packet = matches!(happening, Happening::Packet { .. });
            let full = packet && queue.len() >= SOCKET_BUFFER;
            if !wake && !full {
                queue.push(happening);
            }
            return;
        }
        match happening {
            Happening::Wake if node.wake <= self.now => self.input(id, Input::Deadline),
            Happening::Wake => {}
            Happening::Packet { from, .. } if node.engine.is_none() => self.come_back(id, from),
            Happening::Packet { from, bytes } => {
                self.input(id, Input::Packet { from, bytes: &bytes });
            }
            Happening::Refused { to } => self.input(id, Input::PacketRefused { to }),
            Happening::Connect { peer, theirs, bytes } => self.connected(id, peer, theirs, bytes),
            Happening::Bytes { stream, bytes } => {
                self.input(id, Input::StreamBytes { stream, bytes: &bytes });
            }
            Happening::Closed { stream, cause, refused } => {
                if self.links.remove(&(id, stream)).is_some() || cause.is_some() {
                    self.input(id, Input::StreamClosed { stream, cause, refused });
                }
            }
        }
    }

    /// A connection attempt arrives at `id`.
    fn connected(&mut self, id: NodeId, peer: NodeId, theirs: StreamId, bytes: Vec<u8>) {
        let from = self.nodes[peer.0].addr;
        let dark = self.nodes[id.0].dark;
        let Some(engine) = &mut self.nodes[id.0].engine else {
            if !dark {
                self.deliver_reliably(id, peer, refused(theirs));
            }
            return;
        };
        let stream = engine.next_stream();
        self.links.insert((id, stream), (peer, theirs));
        self.links.insert((peer, theirs), (id, stream));
        self.input(id, Input::Accepted { stream, from });
        self.input(id, Input::StreamBytes { stream, bytes: &bytes });
    }

    /// Hands an input to an engine, and carries out what it answers.
    fn input(&mut self, id: NodeId, input: Input<'_>) {
        let now = self.nodes[id.0].clock.shows(self.now);
        if let Some(engine) = &mut self.nodes[id.0].engine {
            engine.handle(now, input);
            self.drain(id);
        }
    }

    fn drain(&mut self, id: NodeId) {
        let Some(engine) = &mut self.nodes[id.0].engine else { return };
        let mut outbox = Outbox(mem::take(&mut self.outputs));
        let wake = engine.drain(&mut outbox);
        for output in outbox.0.drain(..) {
            self.carry_out(id, output);
        }
        self.outputs = outbox.0;
        let node = &mut self.nodes[id.0];
        let wake = node.clock.when(wake);
        // An entry for the old time may remain; it finds that it came too early.
        if wake != node.wake && wake != Instant::NEVER {
            let at = wake.max(self.now);
            self.put(at, id, Happening::Wake);
        }
        self.nodes[id.0].wake = wake;
    }

    fn carry_out(&mut self, id: NodeId, output: Output) {
        if let Some(held) = &mut self.nodes[id.0].held
            && output.is_sent()
        {
            held.push(output);
            return;
        }
        match output {
            Output::Packet { to, bytes } => self.send(id, to, bytes),
            Output::Connect { stream, to, bytes } => match self.node_at(to) {
                Some(peer) if self.network.rejects(id, peer) => {
                    self.deliver_reliably(id, id, refused(stream));
                }
                Some(peer) => {
                    self.traffic.connections += 1;
                    self.traffic.stream_bytes += bytes.len() as u64;
                    let attempt = Happening::Connect { peer: id, theirs: stream, bytes };
                    self.deliver_reliably(id, peer, attempt);
                }
                None => {
                    let cause = Some("no route to host".to_owned());
                    self.put(self.now, id, Happening::Closed { stream, cause, refused: false });
                }
            },
            Output::Send { stream, bytes } => {
                if let Some(&(peer, theirs)) = self.links.get(&(id, stream)) {
                    self.traffic.stream_bytes += bytes.len() as u64;
                    let bytes = Happening::Bytes { stream: theirs, bytes };
                    self.deliver_reliably(id, peer, bytes);
                }
            }
            Output::Close { stream } => {
                if let Some((peer, theirs)) = self.links.remove(&(id, stream)) {
                    let end = Happening::Closed { stream: theirs, cause: None, refused: false };
                    self.deliver_reliably(id, peer, end);
                }
            }
            Output::Event(kind) => {
                let name = &*self.nodes[id.0].name;
                self.checks.event(id, name, self.now, &kind);
                self.nodes[id.0].log.push((self.now, kind));
            }
            Output::Reply { id: request, result } => {
                self.checks.note();
                self.nodes[id.0].replies.insert(request, result);
            }
            Output::State(change) => self.show(id, change),
            Output::Local(_) | Output::Keys(_) | Output::Idle(_) => {}
        }
    }

    /// A datagram sets out: it may be lost, late, or there twice.
    fn send(&mut self, from: NodeId, to: SocketAddr, mut bytes: Vec<u8>) {
        self.traffic.packets += 1;
        self.traffic.packet_bytes += bytes.len() as u64;
        let Some(peer) = self.node_at(to) else { return };
        if self.network.rejects(from, peer) {
            let [back, _] = self.network.datagram(from, from, &mut self.rng);
            if let Some(delay) = back {
                self.put(self.now + delay, from, Happening::Refused { to });
            }
            return;
        }
        let from_addr = self.nodes[from.0].addr;
        self.network.corrupt(&mut bytes, &mut self.rng);
        let [first, second] = self.network.datagram(from, peer, &mut self.rng);
        if let Some(delay) = second {
            let copy = Happening::Packet { from: from_addr, bytes: bytes.clone() };
            self.put(self.now + delay, peer, copy);
        }
        if let Some(delay) = first {
            self.put(self.now + delay, peer, Happening::Packet { from: from_addr, bytes });
        }
    }

    /// Something on a connection: late when the network is bad, and not at all when it is cut.
    fn deliver_reliably(&mut self, from: NodeId, to: NodeId, happening: Happening) {
        if let Some(delay) = self.network.segment(from, to, self.now, &mut self.rng) {
            self.put(self.now + delay, to, happening);
        }
    }

    fn put(&mut self, at: Instant, node: NodeId, happening: Happening) {
        self.agenda.put(at, node, self.nodes[node.0].run, happening);
    }

    fn node_at(&self, addr: SocketAddr) -> Option<NodeId> {
        let IpAddr::V4(ip) = addr.ip() else { return None };
        let host = ip.to_bits().checked_sub(FIRST_HOST)?;
        let id = NodeId(usize::try_from(host).ok()?);
        (id.0 < self.nodes.len() && addr.port() == PORT).then_some(id)
    }
}

/// The address of the first node; the others follow.
const FIRST_HOST: u32 = 0x0a00_0001;
const PORT: u16 = 7946;

fn address(id: NodeId) -> SocketAddr {
    let host = FIRST_HOST.saturating_add(u32::try_from(id.0).unwrap_or(u32::MAX));
    SocketAddr::new(Ipv4Addr::from_bits(host).into(), PORT)
}
