//! Which nodes have which slots: the best bidders for each, in the order in which they are asked.

use std::cmp::Ordering;

use super::bid::{Bid, Bidder};
use super::hash::{hash, seed, slot_of};
use super::matching;

/// The owners of all slots. Nodes are numbers in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// The best bidder of each slot, whatever it has already. Only for the next table.
    best: Vec<u16>,
    /// For each slot its owner, then who comes after it.
    rows: Vec<u16>,
    /// Nodes in a row.
    width: usize,
    slots: u32,
}

/// A node of the table before that is in the next one no more, or not as it was.
const GONE: u16 = u16::MAX;
/// Nodes of a row up to which each bid is compared with those in the row. In longer ones that is
/// slower than to look at all bids of the slot at once.
const SHORT_ROW: usize = 8;
/// Places of a short row for which all bids are gone through once more.
const SEARCHED: usize = 2;

/// The zones by number, so that something can be kept for each.
struct Zones {
    /// The number of the zone of each node.
    of: Vec<u16>,
    count: usize,
}

/// What becomes of the nodes of a table in the next one.
struct Heirs {
    /// The new number of each old node, or [`GONE`].
    numbers: Vec<u16>,
    /// The new numbers of those that were not there, or not so.
    added: Vec<u16>,
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
        let mut table = Self { best, rows: Vec::new(), width, slots };
        if width > 0 {
            let owners = table.owners(bidders, slots, slack);
            let zones = Zones::new(bidders);
            table.rows.reserve_exact(owners.len() * width);
            for (slot, owner) in (0..).zip(owners) {
                push_row(bidders, &zones, seed(slot), owner, width, &mut table.rows);
            }
        }
        table
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
        let slots = self.slots;
        let heirs = Heirs::new(before, bidders, numbers);
        let gone = heirs.numbers.iter().filter(|number| **number == GONE).count();
        if width != self.width || width == 0 || 4 * (gone + heirs.added.len()) > bidders.len() {
            return Self::new(bidders, slots, replicas, slack);
        }
        let best = (0..).zip(&self.best);
        let best = best.map(|(slot, best)| heirs.best(bidders, seed(slot), *best)).collect();
        let mut table = Self { best, rows: Vec::with_capacity(self.rows.len()), width, slots };
        let owners = table.owners(bidders, slots, slack);
        let zones = Zones::new(bidders);
        for ((slot, owner), row) in (0..).zip(owners).zip(self.rows.chunks_exact(width)) {
            let start = table.rows.len();
            table.rows.extend(row.iter().map(|node| heirs.number(*node)));
            let heir = table.rows.get(start..).unwrap_or_default();
            if !heirs.stands(bidders, &zones, seed(slot), owner, heir) {
                table.rows.truncate(start);
                push_row(bidders, &zones, seed(slot), owner, width, &mut table.rows);
            }
        }
        table
    }

    /// The owner of each slot.
    fn owners(&self, bidders: &[Bidder], slots: u32, slack: Option<u32>) -> Vec<u16> {
        match slack {
            None => self.best.clone(),
            Some(slack) => matching::bounded(bidders, slots, slack, &self.best),
        }
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
        self.rows.get(slot as usize * self.width).copied()
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
        (self.best.capacity() + self.rows.capacity()) * size_of::<u16>()
    }
}

/// As a row of a slot with that owner, of as many nodes as are wanted.
pub(super) fn order(bidders: &[Bidder], slot: u32, owner: u16, count: usize) -> Vec<u16> {
    let mut row = Vec::new();
    push_long_row(bidders, &Zones::new(bidders), seed(slot), owner, count, &mut row);
    row
}

/// The best bid of those that `may` bid.
pub(super) fn winner(
    bidders: &[Bidder],
    seed: u64,
    may: impl Fn(usize, u64) -> bool,
) -> Option<Bid> {
    let mut best: Option<Bid> = None;
    for (node, bidder) in bidders.iter().enumerate() {
        let x = bidder.draw(seed);
        let number = node as u16;
        if best.is_none_or(|best| best.is_beaten(x, bidder, number)) && may(node, x) {
            best = Some(bidder.bid_of(x, number));
        }
    }
    best
}

/// Appends the row of a slot: the owner, then the best of a zone that is not in it yet, as long as
/// there is one, then the best of the others.
fn push_row(
    bidders: &[Bidder],
    zones: &Zones,
    seed: u64,
    owner: u16,
    width: usize,
    rows: &mut Vec<u16>,
) {
    let others = width.saturating_sub(1);
    if width > SHORT_ROW || others.saturating_sub(zones.count - 1) > SEARCHED {
        return push_long_row(bidders, zones, seed, owner, width, rows);
    }
    let start = rows.len();
    rows.push(owner);
    let owners_zone = bidders.get(usize::from(owner)).map(|bidder| bidder.zone);
    // The best of each zone, of so many zones as are wanted, the best first.
    let mut far: Vec<(Bid, u64)> = Vec::with_capacity(width);
    for (node, bidder) in bidders.iter().enumerate() {
        let (x, node) = (bidder.draw(seed), node as u16);
        let beats = |(bid, _): &(Bid, u64)| bid.is_beaten(x, bidder, node);
        if far.len() == others && !far.last().is_some_and(beats) {
            continue;
        }
        if node == owner || Some(bidder.zone) == owners_zone {
            continue;
        }
        let place = far.iter().position(beats).unwrap_or(far.len());
        match far.iter().position(|(_, zone)| *zone == bidder.zone) {
            Some(same) if same < place => continue,
            Some(same) => drop(far.remove(same)),
            None => {}
        }
        far.insert(place, (bidder.bid_of(x, node), bidder.zone));
        far.truncate(others);
    }
    rows.extend(far.iter().map(|(bid, _)| bid.node));
    // Fewer zones than that: whoever is left.
    while rows.len() < start + width {
        let row = rows.get(start..).unwrap_or_default();
        let Some(next) = winner(bidders, seed, |node, _| !row.contains(&(node as u16))) else {
            break;
        };
        rows.push(next.node);
    }
}

/// As [`push_row`], in a time that hardly depends on the width: the best bid of each zone, and of
/// the others, of which as many are put in order as are wanted.
fn push_long_row(
    bidders: &[Bidder],
    zones: &Zones,
    seed: u64,
    owner: u16,
    width: usize,
    rows: &mut Vec<u16>,
) {
    let mut best: Vec<Option<Bid>> = vec![None; zones.count];
    let mut near = Vec::with_capacity(bidders.len());
    let zone = |node: u16| zones.of.get(usize::from(node)).copied();
    for (node, bidder) in (0..).zip(bidders).filter(|(node, _)| *node != owner) {
        let bid = bidder.bid(seed, node);
        let of_zone = zone(node).filter(|found| Some(*found) != zone(owner));
        match of_zone.and_then(|zone| best.get_mut(usize::from(zone))) {
            Some(Some(best)) if best.is_beaten_by(&bid) => near.push(std::mem::replace(best, bid)),
            Some(none @ None) => *none = Some(bid),
            _ => near.push(bid),
        }
    }
    let others = width.saturating_sub(1);
    let mut far: Vec<Bid> = best.into_iter().flatten().collect();
    keep_best(&mut far, others);
    keep_best(&mut near, others - far.len());
    let bids = far.iter().chain(&near).map(|bid| bid.node);
    rows.extend([owner].into_iter().chain(bids).take(width));
}

/// The best bids, so many of them, the best first.
fn keep_best(bids: &mut Vec<Bid>, count: usize) {
    let compare = |one: &Bid, other: &Bid| match one.is_beaten_by(other) {
        true => Ordering::Greater,
        false if one.node == other.node => Ordering::Equal,
        false => Ordering::Less,
    };
    if count < bids.len() {
        bids.select_nth_unstable_by(count, compare);
        bids.truncate(count);
    }
    bids.sort_unstable_by(compare);
}

impl Zones {
    fn new(bidders: &[Bidder]) -> Self {
        let mut all: Vec<u64> = bidders.iter().map(|bidder| bidder.zone).collect();
        all.sort_unstable();
        all.dedup();
        let number = |bidder: &Bidder| all.binary_search(&bidder.zone).unwrap_or_default() as u16;
        Self { of: bidders.iter().map(number).collect(), count: all.len() }
    }

    /// Whether no two of these nodes share one.
    fn differ(&self, nodes: &[u16]) -> bool {
        let zone = |node: &u16| self.of.get(usize::from(*node));
        self.count == self.of.len()
            || (1..)
                .zip(nodes)
                .all(|(next, one)| nodes.iter().skip(next).all(|other| zone(one) != zone(other)))
    }
}

impl Heirs {
    /// `numbers` are the new ones by name.
    fn new(before: &[Bidder], bidders: &[Bidder], mut numbers: Vec<u16>) -> Self {
        let mut is_heir = vec![false; bidders.len()];
        for (number, old) in numbers.iter_mut().zip(before) {
            let new = bidders.get(usize::from(*number));
            match is_heir.get_mut(usize::from(*number)) {
                Some(is_heir) if new == Some(old) => *is_heir = true,
                _ => *number = GONE,
            }
        }
        let added = (0..).zip(is_heir).filter(|(_, is_heir)| !is_heir).map(|(node, _)| node);
        Self { added: added.collect(), numbers }
    }

    fn number(&self, node: u16) -> u16 {
        self.numbers.get(usize::from(node)).copied().unwrap_or(GONE)
    }

    /// The best bidder of a slot, which was `old`.
    fn best(&self, bidders: &[Bidder], seed: u64, old: u16) -> u16 {
        let number = self.number(old);
        let Some(heir) = bidders.get(usize::from(number)) else {
            return winner(bidders, seed, |_, _| true).map_or(GONE, |bid| bid.node);
        };
        let best = self.bids(bidders, seed).fold(heir.bid(seed, number), |best, bid| {
            if best.is_beaten_by(&bid) { bid } else { best }
        });
        best.node
    }

    /// The bids of those that were not there.
    fn bids(&self, bidders: &[Bidder], seed: u64) -> impl Iterator<Item = Bid> {
        self.added
            .iter()
            .filter_map(move |node| Some(bidders.get(usize::from(*node))?.bid(seed, *node)))
    }

    /// Whether a row is that of the slot still.
    fn stands(
        &self,
        bidders: &[Bidder],
        zones: &Zones,
        seed: u64,
        owner: u16,
        row: &[u16],
    ) -> bool {
        if row.first() != Some(&owner) || row.contains(&GONE) {
            return false;
        }
        if self.added.is_empty() || row.len() == 1 {
            return true;
        }
        // Whoever is added may bring a zone that is missing. If none is, those who come after the
        // owner are in the order of their bids, and one who comes in beats the last of them.
        let Some(number) = row.last() else { return false };
        let Some(bidder) = bidders.get(usize::from(*number)) else { return false };
        let last = bidder.bid(seed, *number);
        zones.differ(row) && self.bids(bidders, seed).all(|bid| !last.is_beaten_by(&bid))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A row in the words of the contract: all bids in order, and of those the first of each zone.
    fn plain(bidders: &[Bidder], slot: u32, owner: u16, width: usize) -> Vec<u16> {
        let mut bids: Vec<Bid> =
            (0..).zip(bidders).map(|(node, one)| one.bid(seed(slot), node)).collect();
        bids.sort_by(|a, b| if a.is_beaten_by(b) { Ordering::Greater } else { Ordering::Less });
        let zone = |node: u16| bidders[usize::from(node)].zone;
        let mut zones = BTreeSet::from([zone(owner)]);
        let others = bids.iter().map(|bid| bid.node).filter(|node| *node != owner);
        let (far, near): (Vec<u16>, Vec<u16>) = others.partition(|node| zones.insert(zone(*node)));
        [owner].into_iter().chain(far).chain(near).take(width).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rows_of_any_width_are_those_of_the_contract(
            nodes in prop::collection::vec((1_u32..4, 0_usize..8), 1..24),
            zones in 1_usize..8,
            are_equal: bool,
        ) {
            let bidders: Vec<Bidder> = (0..).zip(&nodes).map(|(n, (weight, zone))| {
                let zone = if *zone == 0 { String::new() } else { format!("z{}", zone % zones) };
                Bidder::new(&format!("n{n}"), *weight, &zone, are_equal)
            }).collect();
            for width in 1..=bidders.len() {
                let table = Table::new(&bidders, 16, width, Some(0));
                for slot in 0..16 {
                    let row = table.row(slot);
                    let wanted = plain(&bidders, slot, row[0], width);
                    prop_assert_eq!(row, &wanted[..], "{}", width);
                    prop_assert_eq!(order(&bidders, slot, row[0], width), wanted);
                }
            }
        }
    }
}
