//! Slots to nodes so that nobody has more than its share and a little: a stable matching.
//!
//! Slots and nodes rank each other by the same bids, so there is exactly one matching in which no
//! slot and no node would both rather have each other (Gale and Shapley, 1962): the result depends
//! on nothing but the nodes. The bound is that of consistent hashing with bounded loads (Mirrokni,
//! Thorup and Zadimoghaddam, 2016), for slots in place of requests.

use std::collections::BinaryHeap;

use super::bid::Bidder;
use super::hash::seed;
use super::table::winner;

/// What one node has.
struct Holder {
    /// Slots that it may have.
    capacity: usize,
    /// The slots that it has, the one on top that it would give away first.
    held: BinaryHeap<(u64, u32)>,
}

/// The owner of each slot, of which `best` is the best bidder.
pub(super) fn bounded(bidders: &[Bidder], slots: u32, slack: u32, best: &[u16]) -> Vec<u16> {
    let mut owners = best.to_vec();
    let mut holders = holders(bidders, slots, slack);
    let mut homeless = Vec::new();
    let mut held: Vec<Vec<(u64, u32)>> = bidders.iter().map(|_| Vec::new()).collect();
    for (slot, node) in (0..).zip(best) {
        let node = usize::from(*node);
        if let (Some(held), Some(bidder)) = (held.get_mut(node), bidders.get(node)) {
            held.push((bidder.draw(seed(slot)), slot));
        }
    }
    for (holder, mut held) in holders.iter_mut().zip(held) {
        if held.len() > holder.capacity {
            held.select_nth_unstable(holder.capacity);
            homeless.extend(held.drain(holder.capacity..).map(|(_, slot)| slot));
        }
        holder.held = held.into();
    }
    // A slot asks only those who would take it now; who would not, would not later either.
    while let Some(slot) = homeless.pop() {
        let takes = |node: usize, x| holders.get(node).is_some_and(|holder| holder.takes(x, slot));
        let Some(bid) = winner(bidders, seed(slot), takes) else { break };
        let node = usize::from(bid.node);
        let (Some(holder), Some(owner)) = (holders.get_mut(node), owners.get_mut(slot as usize))
        else {
            break;
        };
        *owner = bid.node;
        holder.held.push((bid.x, slot));
        if holder.held.len() > holder.capacity {
            homeless.extend(holder.held.pop().map(|(_, slot)| slot));
        }
    }
    owners
}

impl Holder {
    /// Whether it has room for a slot, or has one that it would give away for it.
    fn takes(&self, x: u64, slot: u32) -> bool {
        self.held.len() < self.capacity || self.held.peek().is_some_and(|worst| (x, slot) < *worst)
    }
}

/// The nodes with nothing. Together they have room for all slots, since each share is rounded up.
fn holders(bidders: &[Bidder], slots: u32, slack: u32) -> Vec<Holder> {
    let total: u64 = bidders.iter().map(|bidder| u64::from(bidder.weight)).sum();
    let capacity = |bidder: &Bidder| {
        let share = u128::from(slots) * u128::from(bidder.weight) * u128::from(1_000 + slack);
        share.div_ceil(u128::from(total) * 1_000) as usize
    };
    let holder = |bidder| Holder { capacity: capacity(bidder), held: BinaryHeap::new() };
    bidders.iter().map(holder).collect()
}
