//! What a ring is a function of: its nodes, and how keys are placed on them.

use std::collections::{BTreeMap, BTreeSet};

use super::hash::hash;
use crate::error::{Error, ErrorKind, Result};

/// A node of a ring.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RingNode {
    /// Unique in the ring; 1 to 1,024 bytes.
    pub name: String,
    /// Its part of the keys, compared with those of the others; 1 to 65,535.
    pub weight: u32,
    /// What fails together with it, such as a rack or a region; empty if nothing is known. Owners
    /// of a key are of different zones as long as there are enough.
    pub zone: String,
}

/// How keys are placed on nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// A key belongs to one of so many slots, and slots to the nodes that bid best for them.
    Slots {
        /// 1 to 1,048,576; the same in all processes, for as long as keys are placed.
        slots: u32,
        /// What a node may have above its share of the slots, in thousandths; `None` bounds
        /// nothing, and then no slot moves between nodes that stay.
        slack: Option<u32>,
    },
    /// The continuum of libketama, as clients of memcached use it: 160 points a node from MD5.
    Ketama,
    /// Clusterluck's: `weight` points a node, in the order of the base64 text of their SHA-256.
    Clusterluck,
}

/// What a ring is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) profile: Profile,
    /// Owners that are found without a search.
    pub(super) replicas: u8,
    pub(super) hash_tags: bool,
    /// By name.
    pub(super) nodes: BTreeMap<String, Share>,
    /// Nodes that own nothing.
    pub(super) excluded: BTreeSet<String>,
    /// Keys whose owner is given.
    pub(super) keys: BTreeMap<Vec<u8>, String>,
    /// Beginnings of keys whose owner is given; the longest counts.
    pub(super) prefixes: BTreeMap<Vec<u8>, String>,
}

/// What is known of a node beside its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) weight: u32,
    pub(super) zone: String,
}

/// Bytes of a name, of a zone, and of a key or prefix that is pinned.
pub(super) const TEXT_MAX: usize = 1_024;
const WEIGHT_MAX: u32 = 65_535;
const SLOTS_MAX: u32 = 1 << 20;
const SLACK_MAX: u32 = 10_000;
/// Nodes have numbers of 16 bits, of which one means nobody.
pub(super) const NODES_MAX: usize = 65_534;
/// What a ring may cost, in bids: that of 12,288 nodes in the default profile, six seconds of one
/// core, or ten where zones or replicas make it hard.
const WORK_MAX: u64 = 3 << 28;
/// Owners that are kept for all slots: 32 MiB.
const KEPT_MAX: u64 = 1 << 24;
/// The weights of ketama's nodes, of which only the ratio counts.
const WEIGHTS_MAX: u64 = 1 << 24;
/// Points of Clusterluck's continuum: 64 MiB, and some seconds of one core.
const POINTS_MAX: u64 = 1 << 22;
/// Overrides of each kind.
pub(super) const OVERRIDES_MAX: usize = 65_536;

impl RingNode {
    /// A node of weight 1 in no zone.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), weight: 1, zone: String::new() }
    }

    /// The same with another weight.
    #[must_use]
    pub fn weight(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    /// The same in another zone.
    #[must_use]
    pub fn zone(self, zone: impl Into<String>) -> Self {
        Self { zone: zone.into(), ..self }
    }
}

impl<N: Into<String>> From<N> for RingNode {
    fn from(name: N) -> Self {
        Self::new(name)
    }
}

impl Profile {
    /// Slots of the profiles below: enough for a thousand nodes, and their owners stay in a cache.
    pub const DEFAULT_SLOTS: u32 = 1 << 16;
    /// What a node may have above its share by default, in thousandths.
    pub const DEFAULT_SLACK: u32 = 50;
    /// A node may have 5 % above its share.
    pub const DEFAULT: Self =
        Self::Slots { slots: Self::DEFAULT_SLOTS, slack: Some(Self::DEFAULT_SLACK) };
    /// Nobody is bound, so that a slot never moves between two nodes that stay.
    pub const PURE: Self = Self::Slots { slots: Self::DEFAULT_SLOTS, slack: None };
    /// Nobody has more than its share, rounded up; more slots move than in the default.
    pub const EXACT: Self = Self::Slots { slots: Self::DEFAULT_SLOTS, slack: Some(0) };

    /// So many partitions, each node with its share of them, rounded up.
    pub const fn partitions(count: u32) -> Self {
        Self::Slots { slots: count, slack: Some(0) }
    }

    /// The profile of that name, as languages other than Rust have it: `default`, `pure`, `exact`,
    /// `ketama` or `clusterluck`. The number of slots can be given for the first three, the slack
    /// for the first.
    ///
    /// # Errors
    ///
    /// `bad_argument` for a name that is not known, and for what the profile does not have.
    pub fn named(name: &str, slots: Option<u32>, slack: Option<u32>) -> Result<Self> {
        let count = slots.unwrap_or(Self::DEFAULT_SLOTS);
        match (name, slots, slack) {
            ("default", _, slack) => {
                let slack = slack.unwrap_or(Self::DEFAULT_SLACK);
                Ok(Self::Slots { slots: count, slack: Some(slack) })
            }
            ("pure", _, None) => Ok(Self::Slots { slots: count, slack: None }),
            ("exact", _, None) => Ok(Self::partitions(count)),
            ("ketama", None, None) => Ok(Self::Ketama),
            ("clusterluck", None, None) => Ok(Self::Clusterluck),
            ("pure" | "exact", ..) => Err(bad(format!(
                "the profile \"{name}\" has a slack of its own; give one with \"default\""
            ))),
            ("ketama" | "clusterluck", ..) => {
                Err(bad("a ring of points has neither slots nor slack".to_owned()))
            }
            _ => Err(bad(format!(
                "the profile {name:?} is not known; it is default, pure, exact, ketama or \
                 clusterluck"
            ))),
        }
    }

    /// What [`named`](Self::named) knows it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slots { slack: None, .. } => "pure",
            Self::Slots { slack: Some(0), .. } => "exact",
            Self::Slots { .. } => "default",
            Self::Ketama => "ketama",
            Self::Clusterluck => "clusterluck",
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Spec {
    pub(super) const fn new(profile: Profile) -> Self {
        Self {
            profile,
            replicas: 3,
            hash_tags: false,
            nodes: BTreeMap::new(),
            excluded: BTreeSet::new(),
            keys: BTreeMap::new(),
            prefixes: BTreeMap::new(),
        }
    }

    /// Adds a node whose name is not there yet.
    pub(super) fn add(&mut self, node: RingNode) -> Result<()> {
        let RingNode { name, weight, zone } = node;
        check_text("name of a node", name.as_bytes())?;
        if name.is_empty() {
            return Err(bad("a node needs a name; this one is empty".to_owned()));
        }
        check_text("zone", zone.as_bytes())?;
        if !(1..=WEIGHT_MAX).contains(&weight) {
            return Err(bad(format!(
                "the weight of \"{name}\" is {weight}; give one from 1 to {WEIGHT_MAX}, or leave \
                 the node out of the ring"
            )));
        }
        if self.nodes.contains_key(&name) {
            return Err(bad(format!("\"{name}\" is in the ring already; names are unique")));
        }
        self.nodes.insert(name, Share { weight, zone });
        Ok(())
    }

    /// Whether a ring can be made from it.
    pub(super) fn check(&self) -> Result<()> {
        let nodes = self.nodes.len();
        at_most(nodes, NODES_MAX, "nodes")?;
        if self.replicas == 0 {
            return Err(bad("0 replicas; a key has at least one owner".to_owned()));
        }
        match self.profile {
            Profile::Slots { slots, slack } => {
                if !(1..=SLOTS_MAX).contains(&slots) {
                    return Err(bad(format!("{slots} slots; give a number from 1 to {SLOTS_MAX}")));
                }
                if slack.is_some_and(|slack| slack > SLACK_MAX) {
                    return Err(bad(format!("the slack is in thousandths, {SLACK_MAX} at most")));
                }
                let (replicas, work) = (self.replicas, self.work());
                if work > WORK_MAX {
                    return Err(large(format!(
                        "{nodes} nodes on {slots} slots with {replicas} replicas are {work} bids, \
                         of which {WORK_MAX} are possible; take fewer slots, or 3 replicas and ask \
                         for more owners"
                    )));
                }
                if u64::from(slots) * u64::from(replicas) > KEPT_MAX {
                    return Err(large(format!(
                        "{replicas} replicas of {slots} slots; their product may be {KEPT_MAX} at \
                         most. More owners than replicas can be asked for"
                    )));
                }
                self.check_hashes()?;
            }
            Profile::Ketama => self.check_weights(WEIGHTS_MAX)?,
            Profile::Clusterluck => self.check_weights(POINTS_MAX)?,
        }
        for overrides in [&self.keys, &self.prefixes] {
            at_most(overrides.len(), OVERRIDES_MAX, "overrides of a kind")?;
            overrides.keys().try_for_each(|key| check_text("pinned key", key))?;
            overrides
                .values()
                .try_for_each(|name| check_text("name of a node", name.as_bytes()))?;
        }
        at_most(self.excluded.len(), OVERRIDES_MAX, "excluded names")?;
        self.excluded.iter().try_for_each(|name| check_text("name of a node", name.as_bytes()))
    }

    /// What a ring of it costs, in bids.
    pub(super) fn work(&self) -> u64 {
        let nodes = self.nodes.len() as u64;
        match self.profile {
            Profile::Slots { slots, .. } => {
                // What was measured: longer rows look at bids again, and put them in order.
                let each = match self.replicas {
                    ..=3 => 1,
                    4..=8 => 3,
                    9.. => 5,
                };
                u64::from(slots) * nodes * each
            }
            // Digests, and points to be sorted.
            Profile::Ketama => 160 * nodes * 16,
            Profile::Clusterluck => {
                64 * self.nodes.values().map(|share| u64::from(share.weight)).sum::<u64>()
            }
        }
    }

    /// Nodes whose names hash alike would draw alike for every slot: all slots would rank them in
    /// the same order, and to settle who has what would take as long as there are nodes, times the
    /// work of the ring. That is one chance in millions of millions, unless somebody looks for
    /// such names; they are found in a second.
    fn check_hashes(&self) -> Result<()> {
        let mut names: Vec<(u64, &str)> =
            self.nodes.keys().map(|name| (hash(name.as_bytes()), name.as_str())).collect();
        names.sort_unstable();
        let mut pairs = names.iter().zip(names.iter().skip(1));
        match pairs.find(|(one, other)| one.0 == other.0) {
            None => Ok(()),
            Some(((_, one), (_, other))) => Err(bad(format!(
                "the names \"{}\" and \"{}\" have the same hash; rename one of them",
                short(one),
                short(other)
            ))),
        }
    }

    fn check_weights(&self, most: u64) -> Result<()> {
        let weights: u64 = self.nodes.values().map(|share| u64::from(share.weight)).sum();
        match weights <= most {
            true => Ok(()),
            false => Err(large(format!("weights of {weights} together; {most} at most"))),
        }
    }

    /// The nodes that own something, in the order of their names.
    pub(super) fn owners(&self) -> impl Iterator<Item = (&str, &Share)> {
        let all = self.nodes.iter().map(|(name, share)| (name.as_str(), share));
        all.filter(|(name, _)| !self.excluded.contains(*name))
    }
}

/// Whether there are not too many of something.
pub(super) fn at_most(count: usize, most: usize, what: &str) -> Result<()> {
    match count <= most {
        true => Ok(()),
        false => Err(large(format!("{count} {what}; a ring has at most {most}"))),
    }
}

fn check_text(what: &str, text: &[u8]) -> Result<()> {
    match text.len() {
        0..=TEXT_MAX => Ok(()),
        bytes => {
            Err(large(format!("the {what} has {bytes} bytes; at most {TEXT_MAX} are possible")))
        }
    }
}

/// The beginning of a text of somebody else, for a message.
pub(super) fn short(text: &str) -> String {
    let mut short: String = text.chars().take(64).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

pub(super) fn bad(message: String) -> Error {
    Error::new(ErrorKind::BadArgument, message)
}

pub(super) fn large(message: String) -> Error {
    Error::new(ErrorKind::TooLarge, message)
}
