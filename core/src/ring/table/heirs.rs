//! The next table from the one before: what a change of nodes leaves as it was.

use super::row::{Zones, winner};
use crate::ring::bid::{Bid, Bidder};

/// A node of the table before that is in the next one no more, or not as it was.
pub(super) const GONE: u16 = u16::MAX;
/// What becomes of the nodes of a table in the next one.
pub(super) struct Heirs {
    /// The new number of each old node, or [`GONE`].
    pub(super) numbers: Vec<u16>,
    /// The new numbers of those that were not there, or not so.
    pub(super) added: Vec<u16>,
}

impl Heirs {
    /// `numbers` are the new ones by name.
    pub(super) fn new(before: &[Bidder], bidders: &[Bidder], mut numbers: Vec<u16>) -> Self {
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

    pub(super) fn number(&self, node: u16) -> u16 {
        self.numbers.get(usize::from(node)).copied().unwrap_or(GONE)
    }

    /// The best bidder of a slot, which was `old`.
    pub(super) fn best(&self, bidders: &[Bidder], seed: u64, old: u16) -> u16 {
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
    pub(super) fn bids(&self, bidders: &[Bidder], seed: u64) -> impl Iterator<Item = Bid> {
        self.added
            .iter()
            .filter_map(move |node| Some(bidders.get(usize::from(*node))?.bid(seed, *node)))
    }

    /// Whether a row is that of the slot still.
    pub(super) fn stands(
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
