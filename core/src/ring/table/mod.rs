//! Which nodes have which slots: the best bidders for each, in the order in which they are asked.

mod heirs;
mod row;

pub(super) use self::row::{order, winner};

use self::heirs::Heirs;
use self::row::{Zones, push_row};
use super::bid::Bidder;
use super::hash::{hash, seed, slot_of};
use super::matching;

/// The owners of all slots. Nodes are numbers in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// The best bidder of each slot, whatever it has already. Only for the next table.
    best: Vec<u16>,
    /// The owner of each slot: once more, since a look-up mostly asks for no others, and a column
    /// of its own stays in the caches of a processor that the rows are too large for.
    owners: Vec<u16>,
    /// For each slot its owner, then who comes after it.
    rows: Vec<u16>,
    /// Nodes in a row.
    width: usize,
    slots: u32,
}

impl Table {
    /// The table of these nodes with so many owners in a row, where there are enough.
    ///
    /// `slack` is what a node may have above its share, in thousandths; without it, it has what it
    /// gets.
    pub(super) fn new(bidders: &[Bidder], slots: u32, replicas: usize, slack: Option<u32>) -> Self {
        let best = (0..slots).filter_map(|slot| winner(bidders, seed(slot), |_, _| true));
        let best: Vec<u16> = best.map(|bid| bid.node).collect();
        let width = replicas.min(bidders.len());
        let (mut owners, mut rows) = (Vec::new(), Vec::new());
        if width > 0 {
            owners = self::owners(bidders, slots, slack, &best);
            let zones = Zones::new(bidders);
            rows.reserve_exact(owners.len() * width);
            for (slot, owner) in (0..).zip(&owners) {
                push_row(bidders, &zones, seed(slot), *owner, width, &mut rows);
            }
        }
        Self { best, owners, rows, width, slots }
    }

    /// The table of `bidders`, from this one of `before`: the same as a new one, with less work
    /// the less has changed.
    pub(super) fn next(
        &self,
        before: &[Bidder],
        bidders: &[Bidder],
        numbers: Vec<u16>,
        replicas: usize,
        slack: Option<u32>,
    ) -> Self {
        let width = replicas.min(bidders.len());
        let zones = Zones::new(bidders);
        let heirs = Heirs::new(before, bidders, &zones, numbers);
        let slots = self.slots;
        if width != self.width || width == 0 || heirs.change_much() {
            return Self::new(bidders, slots, replicas, slack);
        }
        let mut rows: Vec<u16> = self.rows.iter().map(|node| heirs.number(*node)).collect();
        let mut fresh = Vec::new();
        let of_before = (0..slots).zip(rows.chunks_exact(width)).zip(&self.best);
        let best = of_before.map(|((slot, row), old)| {
            let old = heirs.number(*old);
            heirs.fresh(seed(slot), old, row).map_or(old, |best| {
                fresh.push(slot);
                best
            })
        });
        let best: Vec<u16> = best.collect();
        let owners = owners(bidders, slots, slack, &best);
        let places = (0..).zip(rows.chunks_exact(width).zip(&owners));
        let others = places.filter(|(_, (row, owner))| row.first() != Some(owner));
        fresh.extend(others.map(|(slot, _)| slot));
        fresh.sort_unstable();
        fresh.dedup();
        let mut bids = Vec::new();
        for slot in fresh {
            let row = rows.chunks_exact_mut(width).nth(slot as usize);
            if let (Some(row), Some(owner)) = (row, owners.get(slot as usize)) {
                heirs.update(seed(slot), *owner, row, &mut bids);
            }
        }
        Self { best, owners, rows, width, slots }
    }

    /// The owner of a slot, then who comes after it.
    #[inline]
    pub(super) fn row(&self, slot: u32) -> &[u16] {
        let start = slot as usize * self.width;
        self.rows.get(start..start + self.width).unwrap_or_default()
    }

    /// The owner of a slot.
    #[inline]
    pub(super) fn owner(&self, slot: u32) -> Option<u16> {
        self.owners.get(slot as usize).copied()
    }

    /// The slot of a key, or of the part of it that places it.
    #[inline]
    pub(super) fn slot_of(&self, key: &[u8]) -> u32 {
        slot_of(hash(key), self.slots)
    }

    pub(super) const fn slots(&self) -> u32 {
        self.slots
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        (self.best.capacity() + self.owners.capacity() + self.rows.capacity()) * size_of::<u16>()
    }
}

/// The owner of each slot, of which `best` is the best bidder.
fn owners(bidders: &[Bidder], slots: u32, slack: Option<u32>, best: &[u16]) -> Vec<u16> {
    match slack {
        None => best.to_vec(),
        Some(slack) => matching::bounded(bidders, slots, slack, best),
    }
}
