//! Sets of slots.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

use crate::ring::Ring;

/// Who owns these slots now; nobody is "".
pub(super) fn owners(ring: &Ring, slots: &FixedBitSet) -> BTreeMap<String, FixedBitSet> {
    let mut owners: BTreeMap<String, FixedBitSet> = BTreeMap::new();
    for slot in slots.ones() {
        let owner = ring.slot_owners(slot as u32).next().unwrap_or_default();
        match owners.get_mut(owner) {
            Some(own) => insert(own, slot),
            None => insert(owners.entry(owner.to_owned()).or_default(), slot),
        }
    }
    owners
}

pub(super) fn insert(set: &mut FixedBitSet, slot: usize) {
    set.grow(slot + 1);
    set.insert(slot);
}

/// Takes those out that are in the other set too.
pub(super) fn cut(set: &mut FixedBitSet, other: &FixedBitSet) -> FixedBitSet {
    let mut both = set.clone();
    both.intersect_with(other);
    set.difference_with(&both);
    both
}

pub(super) fn listed(slots: &[u32]) -> FixedBitSet {
    let mut set = FixedBitSet::with_capacity(slots.last().map_or(0, |slot| *slot as usize + 1));
    slots.iter().for_each(|slot| set.insert(*slot as usize));
    set
}

pub(super) fn numbers(slots: &FixedBitSet) -> Vec<u32> {
    slots.ones().map(|slot| slot as u32).collect()
}
