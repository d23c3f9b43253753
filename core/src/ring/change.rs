//! What is different between two rings, in terms of the caller's keys; and how even a ring is.

use std::collections::BTreeMap;

use super::table::Table;
use super::{Placement, Ring};

/// From one ring to another. Keys have no bound, so it answers questions about those of the caller
/// instead of listing what moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingChange {
    before: Ring,
    after: Ring,
}

/// A key that has another owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved<'r, K> {
    /// The key, or the slot.
    pub key: K,
    /// Who owned it; nobody if the ring was empty.
    pub from: Option<&'r str>,
    /// Who owns it now.
    pub to: Option<&'r str>,
}

/// What a node has of the keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Balance<'r> {
    /// The node.
    pub name: &'r str,
    /// Its share of all keys, from 0 to 1.
    pub share: f64,
    /// What its weight entitles it to.
    pub ideal: f64,
}

impl RingChange {
    /// From `before` to `after`.
    pub fn new(before: &Ring, after: &Ring) -> Self {
        Self { before: before.clone(), after: after.clone() }
    }

    /// The ring as it was.
    pub fn before(&self) -> &Ring {
        &self.before
    }

    /// The ring as it is.
    pub fn after(&self) -> &Ring {
        &self.after
    }

    /// Those of the keys that have another owner.
    pub fn moved<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Iterator<Item = Moved<'_, K>> {
        keys.into_iter().filter_map(|key| {
            let (from, to) = (self.before.owner(&key), self.after.owner(&key));
            (from != to).then_some(Moved { key, from, to })
        })
    }

    /// Those of the keys that `name` owns, and did not.
    pub fn gained<K: AsRef<[u8]>>(
        &self,
        name: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Iterator<Item = K> {
        self.moved(keys).filter(move |moved| moved.to == Some(name)).map(|moved| moved.key)
    }

    /// Those of the keys that `name` owned, and does not any more.
    pub fn lost<K: AsRef<[u8]>>(
        &self,
        name: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Iterator<Item = K> {
        self.moved(keys).filter(move |moved| moved.from == Some(name)).map(|moved| moved.key)
    }

    /// The slots that have another owner, in order; none unless both rings have equally many.
    pub fn slots(&self) -> impl Iterator<Item = Moved<'_, u32>> {
        let slots = |ring: &Ring| ring.table().map_or(0, Table::slots);
        let slots = Some(slots(&self.before)).filter(|count| *count == slots(&self.after));
        let slots = slots.unwrap_or(0);
        (0..slots).filter_map(|key| {
            let (from, to) =
                (self.before.slot_owners(key).next(), self.after.slot_owners(key).next());
            (from != to).then_some(Moved { key, from, to })
        })
    }

    /// How many slots go from whom to whom.
    pub fn flows(&self) -> BTreeMap<(Option<&str>, Option<&str>), usize> {
        let mut flows = BTreeMap::new();
        self.slots().for_each(|moved| *flows.entry((moved.from, moved.to)).or_default() += 1);
        flows
    }
}

impl Ring {
    /// How much of all keys each node has, in the order of their names.
    pub fn balance(&self) -> Vec<Balance<'_>> {
        let shares = match &self.0.placement {
            Placement::Points(points) => points.shares(self.len()),
            Placement::Plain(table) | Placement::Slots(table) => {
                let mut counts = vec![0.0; self.len()];
                let owners = (0..table.slots()).filter_map(|slot| table.owner(slot));
                owners.for_each(|owner| {
                    counts.get_mut(usize::from(owner)).into_iter().for_each(|count| *count += 1.0);
                });
                let slots = f64::from(table.slots().max(1));
                counts.iter().map(|count| count / slots).collect()
            }
        };
        let weights = || self.0.bidders.iter().map(|bidder| f64::from(bidder.weight));
        let total: f64 = weights().sum();
        let nodes = self.names().zip(shares).zip(weights());
        nodes
            .map(|((name, share), weight)| Balance { name, share, ideal: weight / total })
            .collect()
    }
}
