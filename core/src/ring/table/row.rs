//! Who comes after the owner of a slot: other zones first, each in the order of the bids.

use std::cmp::Ordering;

use crate::ring::bid::{Bid, Bidder};
use crate::ring::hash::seed;

/// Nodes of a row up to which each bid is compared with those in the row. In longer ones that is
/// slower than to look at all bids of the slot at once.
const SHORT_ROW: usize = 8;
/// Places of a short row for which all bids are gone through once more.
const SEARCHED: usize = 2;

/// The zones by number, so that something can be kept for each.
pub(super) struct Zones {
    /// The number of the zone of each node.
    of: Vec<u16>,
    count: usize,
}

/// As a row of a slot with that owner, of as many nodes as are wanted.
pub(in crate::ring) fn order(bidders: &[Bidder], slot: u32, owner: u16, count: usize) -> Vec<u16> {
    let mut row = Vec::new();
    push_long_row(bidders, &Zones::new(bidders), seed(slot), owner, count, &mut row);
    row
}

/// The best bid of those that `may` bid.
pub(in crate::ring) fn winner(
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
pub(super) fn push_row(
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
    pub(super) fn new(bidders: &[Bidder]) -> Self {
        let mut all: Vec<u64> = bidders.iter().map(|bidder| bidder.zone).collect();
        all.sort_unstable();
        all.dedup();
        let number = |bidder: &Bidder| all.binary_search(&bidder.zone).unwrap_or_default() as u16;
        Self { of: bidders.iter().map(number).collect(), count: all.len() }
    }

    /// Whether no two nodes share one.
    #[inline]
    pub(super) fn are_unique(&self) -> bool {
        self.count == self.of.len()
    }

    /// Whether no two of these nodes share one.
    pub(super) fn differ(&self, nodes: &[u16]) -> bool {
        let zone = |node: &u16| self.of.get(usize::from(*node));
        self.are_unique()
            || (1..)
                .zip(nodes)
                .all(|(next, one)| nodes.iter().skip(next).all(|other| zone(one) != zone(other)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::Table;
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
