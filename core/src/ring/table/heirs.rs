//! The next table from the one before: what a change of nodes leaves as it was.

use super::row::{Zones, push_row, winner};
use crate::ring::bid::{Bid, Bidder};

/// A node of the table before that is in the next one no more, or not as it was.
const GONE: u16 = u16::MAX;

/// What becomes of the nodes of a table in the next one.
pub(super) struct Heirs<'a> {
    bidders: &'a [Bidder],
    zones: &'a Zones,
    /// No two nodes share a zone, nor did before: the others of a row are just the best bidders.
    is_plain: bool,
    /// The new number of each old node, or [`GONE`].
    numbers: Vec<u16>,
    some_are_gone: bool,
    /// Those that were not there, or not so, with their new numbers.
    added: Vec<(u16, Bidder)>,
}

impl<'a> Heirs<'a> {
    /// `numbers` are the new ones by name.
    pub(super) fn new(
        before: &[Bidder],
        bidders: &'a [Bidder],
        zones: &'a Zones,
        mut numbers: Vec<u16>,
    ) -> Self {
        let mut is_heir = vec![false; bidders.len()];
        for (number, old) in numbers.iter_mut().zip(before) {
            let new = bidders.get(usize::from(*number));
            match is_heir.get_mut(usize::from(*number)) {
                Some(is_heir) if new == Some(old) => *is_heir = true,
                _ => *number = GONE,
            }
        }
        let added = (0..).zip(bidders).zip(is_heir).filter(|(_, is_heir)| !is_heir);
        let added = added.map(|((node, bidder), _)| (node, *bidder)).collect();
        let is_plain = zones.are_unique() && Zones::new(before).are_unique();
        let some_are_gone = numbers.contains(&GONE);
        Self { bidders, zones, is_plain, numbers, some_are_gone, added }
    }

    /// Whether so much changes that it is less work to begin anew.
    pub(super) fn change_much(&self) -> bool {
        let gone = self.numbers.iter().filter(|number| **number == GONE).count();
        4 * (gone + self.added.len()) > self.bidders.len()
    }

    /// The new number of a node of the table before.
    #[inline]
    pub(super) fn number(&self, node: u16) -> u16 {
        self.numbers.get(usize::from(node)).copied().unwrap_or(GONE)
    }

    /// The best bidder of a slot, unless that is `old` again, and the row the same but for an owner
    /// who may change. Both are in new numbers.
    #[inline]
    pub(super) fn fresh(&self, seed: u64, old: u16, row: &[u16]) -> Option<u16> {
        (!self.stands(seed, old, row)).then(|| self.best(seed, old, row))
    }

    #[inline]
    fn stands(&self, seed: u64, old: u16, row: &[u16]) -> bool {
        if self.some_are_gone && (old == GONE || row.contains(&GONE)) {
            return false;
        }
        let Some(rival) = self.rival(seed) else { return true };
        // The others of a row are the best bidders, or the best of their zones: who does not beat
        // the last of them beats none, unless of a zone that is missing.
        let has_others = row.len() > 1;
        let is_ordered = self.is_plain || self.zones.differ(row);
        let enters = |last: &u16| !is_ordered || self.beats(&rival, seed, *last);
        if has_others && row.last().is_none_or(enters) {
            return false;
        }
        (has_others && self.is_plain) || !self.beats(&rival, seed, old)
    }

    fn best(&self, seed: u64, old: u16, row: &[u16]) -> u16 {
        let best = if old == GONE { self.next_best(seed, row) } else { old };
        match self.rival(seed) {
            Some(rival) if self.beats(&rival, seed, best) => rival.node,
            _ => best,
        }
    }

    /// The best bidder of those that were there, without the best of before.
    fn next_best(&self, seed: u64, row: &[u16]) -> u16 {
        // It is the owner, or the first who comes after it in the order of bids.
        let mut here = row.iter().skip(1).filter_map(|node| self.bid(seed, *node));
        let next = here.next().filter(|_| self.is_plain).map(|next| {
            let owner = row.first().and_then(|owner| self.bid(seed, *owner));
            owner.filter(|owner| next.is_beaten_by(owner)).unwrap_or(next)
        });
        let anybody = || winner(self.bidders, seed, |_, _| true);
        next.or_else(anybody).map_or(GONE, |bid| bid.node)
    }

    /// Makes a row, which is in new numbers, that of a slot with that owner. `bids` are only there
    /// to be used again.
    pub(super) fn update(&self, seed: u64, owner: u16, row: &mut [u16], bids: &mut Vec<Bid>) {
        bids.clear();
        match row.split_first_mut().filter(|_| self.is_plain) {
            Some((first, others)) => {
                self.collect(seed, owner, *first, others, bids);
                *first = owner;
                others.iter_mut().zip(bids).for_each(|(node, bid)| *node = bid.node);
            }
            None => {
                let mut made = Vec::with_capacity(row.len());
                push_row(self.bidders, self.zones, seed, owner, row.len(), &mut made);
                row.copy_from_slice(&made);
            }
        }
    }

    /// The best bids but for the owner's, at least as many as `others`, in order. All bid in one
    /// contest, whose first were `others`, but for the owner `old`: nobody else of before comes in,
    /// unless for one who is gone.
    fn collect(&self, seed: u64, owner: u16, old: u16, others: &[u16], bids: &mut Vec<Bid>) {
        let known = others.iter().filter(|node| **node != owner);
        bids.extend(known.filter_map(|node| self.bid(seed, *node)));
        while bids.len() < others.len() {
            let is_known = |node| bids.iter().any(|bid| usize::from(bid.node) == node);
            let may = |node: usize, _| usize::from(owner) != node && !is_known(node);
            let Some(next) = winner(self.bidders, seed, may) else { break };
            insert(bids, next);
        }
        for node in self.added.iter().map(|(node, _)| *node).chain([old]) {
            let is_known = node == owner || bids.iter().any(|bid| bid.node == node);
            if let Some(bid) = self.bid(seed, node).filter(|_| !is_known) {
                insert(bids, bid);
            }
        }
    }

    /// The best bid of those that were not there.
    #[inline]
    fn rival(&self, seed: u64) -> Option<Bid> {
        let bids = self.added.iter().map(|(node, bidder)| bidder.bid(seed, *node));
        bids.reduce(|best, bid| if best.is_beaten_by(&bid) { bid } else { best })
    }

    #[inline]
    fn beats(&self, rival: &Bid, seed: u64, node: u16) -> bool {
        self.bid(seed, node).is_none_or(|bid| bid.is_beaten_by(rival))
    }

    /// The bid of a node by its new number, if it is there still.
    #[inline]
    fn bid(&self, seed: u64, node: u16) -> Option<Bid> {
        Some(self.bidders.get(usize::from(node))?.bid(seed, node))
    }
}

/// Puts a bid in its place among those that are in order, the best first.
fn insert(bids: &mut Vec<Bid>, bid: Bid) {
    let place = bids.iter().position(|other| other.is_beaten_by(&bid));
    bids.insert(place.unwrap_or(bids.len()), bid);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::Table;
    use super::*;

    /// Weights and zones of nodes by name.
    type Nodes = BTreeMap<u8, (u32, u8)>;

    const SLOTS: u32 = 256;

    fn bidders(nodes: &Nodes) -> Vec<Bidder> {
        let weights: Vec<u32> = nodes.values().map(|(weight, _)| *weight).collect();
        let is_equal = weights.iter().all(|weight| Some(weight) == weights.first());
        let zone = |zone: u8| if zone == 0 { String::new() } else { format!("z{zone}") };
        let bidder = |(name, (weight, z)): (&u8, &(u32, u8))| {
            Bidder::new(&format!("n{name}"), *weight, &zone(*z), is_equal)
        };
        nodes.iter().map(bidder).collect()
    }

    /// The same nodes with so few weights and zones, so that there are rings without any.
    fn folded(nodes: &Nodes, weights: u32, zones: u8) -> Nodes {
        let fold = |(name, (weight, zone)): (&u8, &(u32, u8))| {
            (*name, (weight % weights + 1, zone % zones))
        };
        nodes.iter().map(fold).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(192))]

        #[test]
        fn a_table_that_inherits_is_the_same_as_a_new_one(
            before in prop::collection::btree_map(0_u8..60, (0_u32..3, 0_u8..9), 5..40),
            gone in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
            added in prop::collection::btree_map(0_u8..60, (0_u32..3, 0_u8..9), 0..4),
            (weights, zones) in (1_u32..3, 1_u8..9),
            (replicas, slack) in (1_usize..6, prop_oneof![
                Just(None), Just(Some(0)), Just(Some(50)), Just(Some(500)),
            ]),
        ) {
            let zones = if zones < 4 { 1 } else { zones };
            let mut after = before.clone();
            for one in gone {
                let names: Vec<u8> = after.keys().copied().collect();
                after.remove(one.get(&names));
            }
            after.extend(added);
            let (before, after) = (folded(&before, weights, zones), folded(&after, weights, zones));
            let place = |name| after.keys().position(|other| other == name);
            let number = |name| place(name).map_or(GONE, |at| at as u16);
            let numbers: Vec<u16> = before.keys().map(number).collect();
            let (old, new) = (bidders(&before), bidders(&after));
            let table = Table::new(&old, SLOTS, replicas, slack);
            let next = table.next(&old, &new, numbers, replicas, slack);
            prop_assert_eq!(next, Table::new(&new, SLOTS, replicas, slack));
        }
    }
}
