//! Which node owns which key: a ring is a function of its nodes, and of nothing else.
//!
//! ```
//! use chinwag::ring::{Ring, RingChange, RingNode};
//!
//! # fn main() -> chinwag::Result<()> {
//! let ring = Ring::new(["web-1", "web-2", "web-3"])?;
//! let owner = ring.owner("user:42");
//! assert_eq!(ring.owners("user:42", 2).first().copied(), owner);
//! let larger = ring.with(RingNode::new("web-4").weight(2))?;
//! let change = RingChange::new(&ring, &larger);
//! for moved in change.moved(["user:1", "user:2", "user:3"]) {
//!     println!("{} moves from {:?} to {:?}", moved.key, moved.from, moved.to);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Ring`] is a value: look-ups take no lock, wait for nothing, and may be made on any thread.
//! The same nodes give the same owners in every language and version, whatever the order in which
//! they came; `docs/RING.md` says how, to the bit.
//!
//! With the feature `json`, a ring has a form in JSON. With `serde`, rings and [`Overrides`] go
//! through its formats: as in JSON where people read, elsewhere as their bytes. To read a ring is
//! to build it, which [`Builder::from_bytes`] leaves to you: take rings of strangers as bytes.

mod bid;
mod builder;
mod change;
mod form;
#[cfg(feature = "serde")]
mod formats;
mod hash;
#[cfg(feature = "json")]
mod json;
mod matching;
mod points;
mod spec;
mod table;
mod walk;

use std::fmt;
use std::sync::Arc;

pub use builder::{Builder, Overrides};
pub use change::{Balance, Moved, RingChange};
pub use hash::jump;
pub use spec::{Profile, RingNode};
pub use walk::Range;

use self::bid::Bidder;
use self::points::Points;
use self::spec::{Share, Spec};
use self::table::Table;
use crate::error::Result;

/// An immutable ring; a copy is one more pointer to it.
#[derive(Clone)]
pub struct Ring(Arc<Inner>, u64);

struct Inner {
    spec: Spec,
    /// Of those that own something, in order; a number in the placement is a place in it.
    names: Vec<Box<str>>,
    bidders: Vec<Bidder>,
    placement: Placement,
    /// Some keys are pinned.
    has_pins: bool,
    fingerprint: u64,
}

enum Placement {
    /// Slots, where the hash of a key is all that matters: none is pinned, and none has a tag. Told
    /// apart for the sake of look-ups, which then look at nothing else first.
    Plain(Table),
    Slots(Table),
    Points(Points),
}

impl Ring {
    /// A ring of the default profile.
    ///
    /// # Errors
    ///
    /// `bad_argument` for a name that is empty or there twice, two names of one hash, or a weight
    /// out of range; `too_large` for more or longer names than a ring can have.
    pub fn new<N: Into<RingNode>>(nodes: impl IntoIterator<Item = N>) -> Result<Self> {
        Self::builder().nodes(nodes).build()
    }

    /// A ring that is made step by step.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// What it was made from, to make another one.
    pub fn to_builder(&self) -> Builder {
        Builder::from_ring(self)
    }

    fn from_spec(spec: Spec, before: Option<&Self>) -> Self {
        let names: Vec<Box<str>> = spec.owners().map(|(name, _)| name.into()).collect();
        let is_equal = is_constant(spec.owners().map(|(_, share)| share.weight));
        let bidder =
            |(name, share): (&str, &Share)| Bidder::new(name, share.weight, &share.zone, is_equal);
        let bidders: Vec<Bidder> = spec.owners().map(bidder).collect();
        let replicas = usize::from(spec.replicas);
        let has_pins = !spec.keys.is_empty() || !spec.prefixes.is_empty();
        let placement = match spec.profile {
            Profile::Slots { slots, slack } => {
                let of_before = before.and_then(|ring| Some((ring, ring.table()?)));
                let table = match of_before.filter(|(_, table)| table.slots() == slots) {
                    Some((ring, table)) => {
                        let numbers = numbers(&ring.0.names, &names);
                        table.next(&ring.0.bidders, &bidders, numbers, replicas, slack)
                    }
                    None => Table::new(&bidders, slots, replicas, slack),
                };
                if has_pins || spec.hash_tags {
                    Placement::Slots(table)
                } else {
                    Placement::Plain(table)
                }
            }
            profile => {
                let nodes: Vec<(&str, &Share)> = spec.owners().collect();
                Placement::Points(Points::new(profile, &nodes))
            }
        };
        let fingerprint = hash::hash(&spec.canonical());
        let inner = Inner { spec, names, bidders, placement, has_pins, fingerprint };
        Self(Arc::new(inner), 0)
    }

    /// One of nobody.
    #[cfg(feature = "runtime")]
    pub(crate) fn of_nobody(profile: Profile) -> Self {
        Self::from_spec(Spec::new(profile), None)
    }

    /// The same ring as the one of that number.
    #[cfg(any(feature = "runtime", feature = "sim"))]
    pub(crate) fn numbered(self, version: u64) -> Self {
        Self(self.0, version)
    }

    /// Which of a node's rings it is: they are counted from 1, by each node for itself. 0 for a
    /// ring that was made by hand. Of two rings of several nodes, compare the
    /// [`fingerprint`](Self::fingerprint).
    pub fn version(&self) -> u64 {
        self.1
    }

    /// The node that owns a key; none if the ring is empty.
    #[inline]
    pub fn owner(&self, key: impl AsRef<[u8]>) -> Option<&str> {
        self.owner_number(key.as_ref()).map(|number| self.name(number))
    }

    /// The number of the node that owns a key: its place in [`names`](Self::names).
    #[inline]
    pub fn owner_number(&self, key: &[u8]) -> Option<u16> {
        match &self.0.placement {
            Placement::Plain(table) => table.owner(table.slot_of(key)),
            _ => self.owner_by_rules(key),
        }
    }

    fn owner_by_rules(&self, key: &[u8]) -> Option<u16> {
        let pinned = if self.0.has_pins { self.pinned(key) } else { None };
        pinned.or_else(|| match &self.0.placement {
            Placement::Plain(table) | Placement::Slots(table) => {
                table.owner(table.slot_of(self.placed(key)))
            }
            Placement::Points(points) => points.owner(self.placed(key)),
        })
    }

    /// Up to `count` different nodes that a key belongs to, the owner first: exactly as many, or
    /// all if there are fewer. Those of other zones come first.
    pub fn owners(&self, key: impl AsRef<[u8]>, count: usize) -> Vec<&str> {
        let mut numbers = Vec::new();
        self.owner_numbers(key.as_ref(), count, &mut numbers);
        numbers.into_iter().map(|number| self.name(number)).collect()
    }

    /// As [`owners`](Self::owners), appended to `out` as numbers.
    pub fn owner_numbers(&self, key: &[u8], count: usize, out: &mut Vec<u16>) {
        let start = out.len();
        let pinned = if self.0.has_pins { self.pinned(key) } else { None };
        match &self.0.placement {
            Placement::Plain(table) | Placement::Slots(table) => {
                let slot = table.slot_of(self.placed(key));
                let row = table.row(slot);
                match pinned.or_else(|| row.first().copied()) {
                    None => {}
                    Some(owner) if Some(&owner) == row.first() && count <= row.len() => {
                        out.extend_from_slice(row.get(..count).unwrap_or_default());
                    }
                    Some(owner) => out.extend(table::order(&self.0.bidders, slot, owner, count)),
                }
            }
            Placement::Points(points) => {
                out.extend(pinned);
                let others = points.owners(self.placed(key), count);
                out.extend(others.into_iter().filter(|number| Some(*number) != pinned));
            }
        }
        out.truncate(start + count);
    }

    /// As [`owner_numbers`](Self::owner_numbers), into a slice; how many there are. Allocates
    /// nothing for up to as many as the ring has replicas and nodes, unless there are overrides.
    #[inline]
    pub fn owner_numbers_into(&self, key: &[u8], out: &mut [u16]) -> usize {
        if let Placement::Plain(table) = &self.0.placement
            && let Some(row) = table.row(table.slot_of(key)).get(..out.len())
        {
            // A copy of a few numbers: a call that copies any number costs more than all of them.
            out.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
            return row.len();
        }
        self.owner_numbers_by_rules(key, out)
    }

    fn owner_numbers_by_rules(&self, key: &[u8], out: &mut [u16]) -> usize {
        let mut numbers = Vec::new();
        self.owner_numbers(key, out.len(), &mut numbers);
        out.iter_mut().zip(&numbers).for_each(|(to, from)| *to = *from);
        numbers.len()
    }

    /// The first of the nodes that a key belongs to, in the order of [`owners`](Self::owners), that
    /// has room for more: for loads that only the caller knows, such as requests under way.
    pub fn owner_with_room(
        &self,
        key: impl AsRef<[u8]>,
        mut has_room: impl FnMut(&str) -> bool,
    ) -> Option<&str> {
        let key = key.as_ref();
        let owner = self.owner(key)?;
        if has_room(owner) {
            return Some(owner);
        }
        // Mostly one of the next has room; all of them are asked in the end.
        let mut asked = 1;
        while asked < self.len() {
            let owners = self.owners(key, 8 * asked);
            if let Some(name) = owners.iter().skip(asked).find(|name| has_room(name)) {
                return Some(name);
            }
            asked = owners.len();
        }
        None
    }

    /// Whether that node owns a key.
    pub fn is_owner(&self, name: &str, key: impl AsRef<[u8]>) -> bool {
        self.owner(key) == Some(name)
    }

    /// The slot of a key; none in the profiles that have none.
    pub fn slot(&self, key: impl AsRef<[u8]>) -> Option<u32> {
        let table = self.table().filter(|_| !self.is_empty())?;
        Some(table.slot_of(self.placed(key.as_ref())))
    }

    /// The nodes of a slot, the owner first.
    pub fn slot_owners(&self, slot: u32) -> impl ExactSizeIterator<Item = &str> {
        let row = self.table().map_or(&[][..], |table| table.row(slot));
        row.iter().map(|number| self.name(*number))
    }

    /// All slots with their owners, in order; can be read from the end too.
    pub fn slots(&self) -> impl DoubleEndedIterator<Item = (u32, &str)> {
        let slots = self.table().filter(|_| !self.is_empty()).map_or(0, Table::slots);
        (0..slots).filter_map(|slot| Some((slot, self.slot_owners(slot).next()?)))
    }

    /// The slots of a node, in order.
    pub fn slots_of(&self, name: &str) -> impl DoubleEndedIterator<Item = u32> {
        self.slots().filter(move |(_, owner)| *owner == name).map(|(slot, _)| slot)
    }

    /// The names of those that own something, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.names.iter().map(|name| &**name)
    }

    /// All nodes, also those that are excluded, in the order of their names.
    pub fn nodes(&self) -> impl Iterator<Item = RingNode> {
        self.0.spec.nodes.iter().map(|(name, share)| RingNode {
            name: name.clone(),
            weight: share.weight,
            zone: share.zone.clone(),
        })
    }

    /// How many nodes own something.
    pub fn len(&self) -> usize {
        self.0.names.len()
    }

    /// Whether nobody owns anything.
    pub fn is_empty(&self) -> bool {
        self.0.names.is_empty()
    }

    /// How keys are placed.
    pub fn profile(&self) -> Profile {
        self.0.spec.profile
    }

    /// Owners of a key that are found without a search.
    pub fn replicas(&self) -> u8 {
        self.0.spec.replicas
    }

    /// Whether what stands between `{` and `}` in a key places it.
    pub fn hash_tags(&self) -> bool {
        self.0.spec.hash_tags
    }

    /// The names of those that own nothing, in order, whether they are in the ring or not.
    pub fn excluded(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.spec.excluded.iter().map(String::as_str)
    }

    /// The keys that are given to a node, in order, and its name.
    pub fn pins(&self) -> impl ExactSizeIterator<Item = (&[u8], &str)> {
        self.0.spec.keys.iter().map(|(key, name)| (key.as_slice(), name.as_str()))
    }

    /// The beginnings of keys that are given to a node, in order, and its name.
    pub fn pin_prefixes(&self) -> impl ExactSizeIterator<Item = (&[u8], &str)> {
        self.0.spec.prefixes.iter().map(|(prefix, name)| (prefix.as_slice(), name.as_str()))
    }

    /// The same in two rings exactly if they place all keys alike, but for one in 2<sup>64</sup>: a
    /// hash of what the ring is made from.
    pub fn fingerprint(&self) -> u64 {
        self.0.fingerprint
    }

    /// Bytes of memory that it takes, names not included.
    pub fn size(&self) -> usize {
        match &self.0.placement {
            Placement::Plain(table) | Placement::Slots(table) => table.size(),
            Placement::Points(points) => points.size(),
        }
    }

    /// Its slots, in the profiles that have some.
    fn table(&self) -> Option<&Table> {
        match &self.0.placement {
            Placement::Plain(table) | Placement::Slots(table) => Some(table),
            Placement::Points(_) => None,
        }
    }

    /// The node of that number.
    fn name(&self, number: u16) -> &str {
        self.0.names.get(usize::from(number)).map_or("", |name| name)
    }

    /// The part of a key that places it.
    #[inline]
    fn placed<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        if self.0.spec.hash_tags { hash::tagged(key) } else { key }
    }

    /// The node that a key is pinned to, if that one can own anything.
    fn pinned(&self, key: &[u8]) -> Option<u16> {
        let spec = &self.0.spec;
        let by_prefix = || {
            let longest = key.len().min(spec::TEXT_MAX);
            (0..=longest).rev().find_map(|end| spec.prefixes.get(key.get(..end)?))
        };
        self.number(spec.keys.get(key).or_else(by_prefix)?)
    }

    /// The number of a node that owns something.
    fn number(&self, name: &str) -> Option<u16> {
        let number = self.0.names.binary_search_by(|other| (**other).cmp(name)).ok()?;
        u16::try_from(number).ok()
    }
}

/// What a node of that name draws from: no two nodes of a ring with slots have the same.
#[cfg(any(feature = "runtime", feature = "sim"))]
pub(crate) fn mark(name: &str) -> u64 {
    hash::hash(name.as_bytes())
}

fn is_constant(mut weights: impl Iterator<Item = u32>) -> bool {
    weights.next().is_none_or(|first| weights.all(|weight| weight == first))
}

/// The new number of each of the old names; one that nobody has if a name is not there any more.
fn numbers(old: &[Box<str>], new: &[Box<str>]) -> Vec<u16> {
    let number = |name| new.binary_search(name).ok().and_then(|at| u16::try_from(at).ok());
    old.iter().map(|name| number(name).unwrap_or(u16::MAX)).collect()
}

impl PartialEq for Ring {
    /// Whether both are made from the same.
    fn eq(&self, other: &Self) -> bool {
        self.0.spec == other.0.spec
    }
}

impl Eq for Ring {}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("profile", &self.profile())
            .field("nodes", &self.len())
            .field("fingerprint", &format_args!("{:016x}", self.fingerprint()))
            .finish_non_exhaustive()
    }
}
