//! What a node bids for a slot: rendezvous hashing with weights, in whole numbers.
//!
//! A node draws a number `x` for every slot, and the least wins (Thaler and Ravishankar's highest
//! random weight, 1998). With weights, the least `-log2(1 - x) / weight` does, so that a node of
//! weight 3 wins three times as often as one of weight 1. The logarithm is one of a table and
//! straight lines between its entries: the same bits on every machine and in every language, which
//! a library of floating-point functions does not promise.

use super::hash::{hash, mix};

/// Who bids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bidder {
    /// Of its name.
    hash: u64,
    pub(super) weight: u32,
    /// That of its bids: [`EQUAL`] where all have the same, which spares logarithms.
    factor: u32,
    /// Stands for its zone; nodes without a zone have one each.
    pub(super) zone: u64,
}

/// A bid that is compared with others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bid {
    pub(super) x: u64,
    /// Of no use where all weights are equal.
    cost: u64,
    factor: u32,
    pub(super) node: u16,
}

/// Stands for the weight that all have.
const EQUAL: u32 = 0;

impl Bidder {
    /// A node, among others of which all have its weight, or not.
    pub(super) fn new(name: &str, weight: u32, zone: &str, is_equal: bool) -> Self {
        let of_name = hash(name.as_bytes());
        let zone = if zone.is_empty() { mix(of_name) } else { hash(zone.as_bytes()) };
        let factor = if is_equal { EQUAL } else { weight };
        Self { hash: of_name, weight, factor, zone }
    }

    /// Its number for a slot of that seed.
    #[inline]
    pub(super) const fn draw(&self, seed: u64) -> u64 {
        mix(seed ^ self.hash)
    }

    /// Its bid for a slot of that seed; `node` is its number.
    #[inline]
    pub(super) fn bid(&self, seed: u64, node: u16) -> Bid {
        self.bid_of(self.draw(seed), node)
    }

    /// Its bid with the number that it drew.
    #[inline]
    pub(super) fn bid_of(&self, x: u64, node: u16) -> Bid {
        let cost = if self.factor == EQUAL { 0 } else { cost(x) };
        Bid { x, cost, factor: self.factor, node }
    }
}

impl Bid {
    /// Whether the bid of `x` by `other` beats this one. Ties go to the lower number, and then to
    /// the node that comes first by name, so that no two bids for a slot are equal.
    #[inline]
    pub(super) fn is_beaten(&self, x: u64, other: &Bidder, node: u16) -> bool {
        if other.factor == self.factor {
            return (x, node) < (self.x, self.node);
        }
        // `cost(x)` is at least `x >> 16`. That is nearly always enough to know who wins.
        let (ours, theirs) = (u64::from(self.factor), u64::from(other.factor));
        if (x >> 32) * ours >= ((self.cost >> 16) + 1) * theirs {
            return false;
        }
        self.loses_to(&other.bid_of(x, node))
    }

    /// Whether another bid beats this one.
    #[inline]
    pub(super) fn is_beaten_by(&self, other: &Self) -> bool {
        if other.factor == self.factor {
            return (other.x, other.node) < (self.x, self.node);
        }
        self.loses_to(other)
    }

    fn loses_to(&self, other: &Self) -> bool {
        let (ours, theirs) = (u128::from(self.factor), u128::from(other.factor));
        let bid = (u128::from(other.cost) * ours, other.x, other.node);
        bid < (u128::from(self.cost) * theirs, self.x, self.node)
    }
}

/// Bits of [`cost`] behind the point.
const POINT: u32 = 48;

/// `-log2(1 - x / 2^64)`, rounded to the lines between the entries of [`LOG2`]. It never falls as
/// `x` grows.
fn cost(x: u64) -> u64 {
    let rest = !x;
    let zeros = rest.leading_zeros();
    if zeros == u64::BITS {
        return u64::from(zeros) << POINT;
    }
    let mantissa = rest << zeros;
    let entry = ((mantissa >> 55) & 0xff) as usize;
    let (low, high) = (LOG2[entry], LOG2[entry + 1]);
    let between = (mantissa >> 23) & 0xffff_ffff;
    let log = low + ((u128::from(high - low) * u128::from(between)) >> 32) as u64;
    (u64::from(zeros) << POINT) + (1 << POINT) - log
}

/// `log2(1 + i / 256)` with [`POINT`] bits behind the point.
const LOG2: [u64; 257] = {
    let mut table = [0; 257];
    let mut entry = 0;
    while entry < 256 {
        table[entry] = log2((256 + entry as u64) << 55);
        entry += 1;
    }
    table[256] = 1 << POINT;
    table
};

/// The logarithm of `z / 2^63`, which is at least 1 and less than 2: squaring it doubles the
/// logarithm, and shows its next bit. Each square is cut to 64 bits.
const fn log2(mut z: u64) -> u64 {
    let mut log = 0;
    let mut bit = 0;
    while bit < POINT {
        let square = (z as u128 * z as u128) >> 63;
        let is_two = square >> 64 != 0;
        log = (log << 1) | is_two as u64;
        z = if is_two { square >> 1 } else { square } as u64;
        bit += 1;
    }
    log
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_cost_is_the_logarithm() {
        for x in [0, 1, 1 << 20, 1 << 40, 1 << 63, u64::MAX / 3, u64::MAX - (1 << 40), u64::MAX] {
            let share = (x as f64 / 2_f64.powi(64)).min(1.0 - f64::EPSILON / 2.0);
            let exact = -(-share).ln_1p() / std::f64::consts::LN_2;
            let ours = cost(x) as f64 / 2_f64.powi(48);
            let error = (ours - exact).abs();
            assert!(error < 3e-6 || x > u64::MAX - (1 << 12), "{x}: {ours}, {exact}");
        }
        assert_eq!(cost(u64::MAX), 64 << POINT);
        assert_eq!(cost(u64::MAX - 1), 64 << POINT);
        assert_eq!(cost(u64::MAX - 2), 63 << POINT);
    }

    proptest! {
        #[test]
        fn the_cost_never_falls(x: u64, step in 0_u32..64) {
            let more = x.saturating_add(1 << step);
            prop_assert!(cost(x) <= cost(more));
            prop_assert!(cost(x) >= x >> 16 || x < 1 << 32);
        }

        #[test]
        fn of_two_bids_one_wins(x: u64, y: u64, v in 1_u32..9, w in 1_u32..9) {
            let y = y >> (w * 5);
            let [a, b] = [("a", v), ("b", w)].map(|(name, w)| Bidder::new(name, w, "", false));
            let (one, other) = (a.bid_of(x, 0), b.bid_of(y, 1));
            prop_assert!(one.is_beaten_by(&other) != other.is_beaten_by(&one));
            // As without the bound that spares the logarithm, and in the words of the contract.
            prop_assert_eq!(one.is_beaten(y, &b, 1), one.is_beaten_by(&other));
            let bid = |x, factor| u128::from(cost(x)) * u128::from(factor);
            let plain = (bid(y, v), y, 1) < (bid(x, w), x, 0);
            prop_assert_eq!(one.is_beaten_by(&other), plain);
            // Weights that are equal need none.
            let [a, b] = ["a", "b"].map(|name| Bidder::new(name, v, "", true));
            let (one, other) = (a.bid_of(x, 0), b.bid_of(y, 1));
            prop_assert_eq!(one.is_beaten_by(&other), (bid(y, 1), y, 1) < (bid(x, 1), x, 0));
        }
    }
}
