//! The network between simulated nodes: how late, how lossy, and where it is cut.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use super::NodeId;
use crate::time::Instant;

/// What goes wrong with datagrams. Connections only get slower by it.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Share of datagrams that are lost, 0 to 1.
    pub loss: f64,
    /// Share of datagrams that arrive twice.
    pub duplication: f64,
    /// Share of datagrams that are overtaken by later ones.
    pub reordering: f64,
    /// Share of datagrams of which a byte is changed on the way.
    pub corruption: f64,
    /// Shortest time on the way.
    pub delay_min: Duration,
    /// Longest time on the way, unless reordered.
    pub delay_max: Duration,
}

impl Default for Faults {
    /// A healthy local network.
    fn default() -> Self {
        Self {
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            corruption: 0.0,
            delay_min: Duration::from_micros(200),
            delay_max: Duration::from_micros(800),
        }
    }
}

/// The state of the network.
#[derive(Debug)]
pub struct Network {
    faults: Faults,
    /// Directed pairs between which nothing passes.
    cut: BTreeSet<(NodeId, NodeId)>,
    /// Directed pairs between which a firewall refuses everything.
    rejecting: BTreeSet<(NodeId, NodeId)>,
    /// Nodes that no datagram reaches, though connections do.
    deaf: BTreeSet<NodeId>,
    /// Nodes that no connection reaches, though datagrams do.
    shut: BTreeSet<NodeId>,
    /// When the last thing on the way between two nodes arrives: connections keep their order.
    arrivals: BTreeMap<(NodeId, NodeId), Instant>,
}

/// A sender repeats a lost segment after about that time.
const RETRANSMIT: Duration = Duration::from_millis(200);
/// How much later a reordered datagram arrives, in units of the longest delay.
const REORDER_FACTOR: u32 = 20;

impl Network {
    pub(super) fn new() -> Self {
        Self {
            faults: Faults::default(),
            cut: BTreeSet::new(),
            rejecting: BTreeSet::new(),
            deaf: BTreeSet::new(),
            shut: BTreeSet::new(),
            arrivals: BTreeMap::new(),
        }
    }

    /// Replaces what goes wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Cuts one direction: what `from` sends no longer reaches `to`.
    pub fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cut.insert((from, to));
    }

    /// Cuts both directions between every node of `left` and every node of `right`.
    pub fn partition(&mut self, left: &[NodeId], right: &[NodeId]) {
        for &a in left {
            for &b in right {
                self.cut(a, b);
                self.cut(b, a);
            }
        }
    }

    /// Refuses one direction, as a firewall does that rejects instead of dropping: datagrams, and
    /// connections before they begin.
    pub fn reject(&mut self, from: NodeId, to: NodeId) {
        self.rejecting.insert((from, to));
    }

    pub(super) fn rejects(&self, from: NodeId, to: NodeId) -> bool {
        self.rejecting.contains(&(from, to))
    }

    /// Drops every datagram to `node`, as a firewall that lets only TCP pass.
    pub fn block_datagrams_to(&mut self, node: NodeId) {
        self.deaf.insert(node);
    }

    /// Drops what belongs to connections to `node`, as a firewall that lets only UDP pass.
    pub fn block_connections_to(&mut self, node: NodeId) {
        self.shut.insert(node);
    }

    /// Mends every cut, and unblocks datagrams and connections.
    pub fn heal(&mut self) {
        self.cut.clear();
        self.rejecting.clear();
        self.deaf.clear();
        self.shut.clear();
    }

    /// When a datagram arrives, and its copy if there is one, counted from now.
    pub(super) fn datagram(
        &self,
        from: NodeId,
        to: NodeId,
        rng: &mut Xoshiro256PlusPlus,
    ) -> [Option<Duration>; 2] {
        let faults = &self.faults;
        let blocked = self.cut.contains(&(from, to)) || self.deaf.contains(&to);
        if blocked || chance(rng, faults.loss) {
            return [None; 2];
        }
        let twice = chance(rng, faults.duplication);
        [true, twice].map(|arrives| arrives.then(|| self.lateness(rng)))
    }

    /// Changes a byte, when the network does such things.
    pub(super) fn corrupt(&self, bytes: &mut [u8], rng: &mut Xoshiro256PlusPlus) {
        if chance(rng, self.faults.corruption) && !bytes.is_empty() {
            let place = rng.random_range(0..bytes.len());
            bytes[place] ^= rng.random_range(1..=u8::MAX);
        }
    }

    fn lateness(&self, rng: &mut Xoshiro256PlusPlus) -> Duration {
        let delay = self.delay(rng);
        match chance(rng, self.faults.reordering) {
            true => delay + self.faults.delay_max * rng.random_range(1..=REORDER_FACTOR),
            false => delay,
        }
    }

    /// When a segment of a connection arrives, counted from now; never, when the way is cut.
    pub(super) fn segment(
        &mut self,
        from: NodeId,
        to: NodeId,
        now: Instant,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Option<Duration> {
        let cut = self.cut.contains(&(from, to)) || self.cut.contains(&(to, from));
        if cut || self.shut.contains(&to) {
            return None;
        }
        let mut delay = self.delay(rng);
        while chance(rng, self.faults.loss) {
            delay += RETRANSMIT;
        }
        let last = self.arrivals.entry((from, to)).or_default();
        let at = (now + delay).max(*last + Duration::from_nanos(1));
        *last = at;
        Some(at.since(now))
    }

    fn delay(&self, rng: &mut Xoshiro256PlusPlus) -> Duration {
        rng.random_range(self.faults.delay_min..=self.faults.delay_max)
    }
}

/// Draws nothing when the answer is certain, so that a fault that is off changes nothing else.
fn chance(rng: &mut Xoshiro256PlusPlus, share: f64) -> bool {
    share > 0.0 && rng.random_bool(share.min(1.0))
}
