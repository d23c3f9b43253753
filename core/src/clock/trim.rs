//! Forgetting the actors that were quiet for the longest.

use super::vector::VectorClock;

/// When a clock is trimmed, and to what. The default: more than 10 entries of which the oldest is
/// older than 20 s are trimmed to 50 entries of at most 24 h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrimBounds {
    /// A clock with at most so many entries is left alone.
    pub lower: usize,
    /// As is one whose oldest entry is not older than this, in microseconds.
    pub young_us: u64,
    /// More entries than this are too many.
    pub upper: usize,
    /// An entry older than this is too old, in microseconds.
    pub old_us: u64,
}

impl Default for TrimBounds {
    fn default() -> Self {
        Self { lower: 10, young_us: 20_000_000, upper: 50, old_us: 24 * 3_600 * 1_000_000 }
    }
}

impl VectorClock {
    /// Drops the oldest entries as long as there are too many or they are too old, by the time of
    /// their last change; of equal times, the smaller name first. Tells how many were dropped. An
    /// entry whose time nobody gave stays, for nobody knows how old it is.
    ///
    /// A trimmed clock has forgotten events. What was before or after it may look concurrent then:
    /// a reader sees siblings that are none, and resolves them once more. Nothing is lost by it,
    /// but clocks of few actors need no trimming, and those of a cluster whose members come and go
    /// are better folded ([`Retired`](super::Retired)).
    pub fn trim(&mut self, now_us: u64, bounds: TrimBounds) -> usize {
        if self.len() <= bounds.lower {
            return 0;
        }
        let age = |time: u64| now_us.saturating_sub(time);
        let mut oldest: Vec<(u64, usize)> = (0..self.stamps.len())
            .filter_map(|index| Some((self.stamps[index].time.checked_sub(1)?, index)))
            .collect();
        // The index stands for the name: both have the same order.
        oldest.sort_unstable();
        if oldest.first().is_none_or(|(time, _)| age(*time) <= bounds.young_us) {
            return 0;
        }
        let many = self.len().saturating_sub(bounds.upper);
        let old = oldest.iter().take_while(|(time, _)| age(*time) > bounds.old_us).count();
        oldest.truncate(many.max(old));
        let mut dropped: Vec<usize> = oldest.into_iter().map(|(_, index)| index).collect();
        dropped.sort_unstable();
        dropped.iter().rev().for_each(|index| self.remove_index(*index));
        dropped.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(times: &[(&str, u64)]) -> VectorClock {
        let mut clock = VectorClock::new();
        times.iter().for_each(|(actor, time)| clock.update_at(actor, 1, *time).unwrap());
        clock
    }

    fn kept(mut clock: VectorClock, now_us: u64, bounds: TrimBounds) -> Vec<String> {
        let before = clock.len();
        let dropped = clock.trim(now_us, bounds);
        assert_eq!(dropped, before - clock.len());
        clock.actors().map(str::to_owned).collect()
    }

    const BOUNDS: TrimBounds = TrimBounds { lower: 2, young_us: 10, upper: 3, old_us: 1_000 };

    /// As Clusterluck's clock was seen to do.
    #[test]
    fn clusterlucks_vector() {
        let six = || at(&[("a", 0), ("b", 100), ("c", 200), ("d", 300), ("e", 400), ("f", 500)]);
        assert_eq!(kept(six(), 600, BOUNDS), ["d", "e", "f"]);
        assert_eq!(kept(six(), 1_250, BOUNDS), ["d", "e", "f"]);
        assert_eq!(kept(six(), 1_350, BOUNDS), ["e", "f"]);
        assert_eq!(kept(six(), 9_999, BOUNDS), [""; 0], "all are too old, below `lower` as well");
    }

    #[test]
    fn few_or_young_entries_are_left_alone() {
        let two = || at(&[("a", 0), ("b", 1)]);
        assert_eq!(kept(two(), 9_999, BOUNDS), ["a", "b"]);
        let four = || at(&[("a", 5), ("b", 6), ("c", 7), ("d", 8)]);
        assert_eq!(kept(four(), 15, BOUNDS), ["a", "b", "c", "d"], "the oldest is as old as young");
        assert_eq!(kept(four(), 16, BOUNDS), ["b", "c", "d"]);
        assert_eq!(kept(four(), 0, BOUNDS), ["a", "b", "c", "d"], "times to come are no age");
    }

    #[test]
    fn of_the_same_age_the_smaller_name_goes() {
        let ties = at(&[("d", 1), ("b", 1), ("a", 1), ("c", 1), ("e", 1)]);
        assert_eq!(kept(ties, 100, BOUNDS), ["c", "d", "e"]);
    }

    #[test]
    fn an_entry_without_a_time_stays() {
        let mut clock = at(&[("a", 1), ("b", 2), ("c", 3)]);
        clock.increment("u").unwrap();
        clock.increment("v").unwrap();
        assert_eq!(kept(clock.clone(), 100, BOUNDS), ["c", "u", "v"]);
        assert_eq!(kept(clock, 1_000_000, BOUNDS), ["u", "v"]);
        let mut bare = VectorClock::new();
        (0..9).for_each(|n| bare.update(&n.to_string(), n).unwrap());
        assert_eq!(kept(bare, u64::MAX, BOUNDS).len(), 9);
    }

    #[test]
    fn the_default_bounds_are_those_of_clusterluck() {
        let day = 24 * 60 * 60 * 1_000_000;
        let bounds = TrimBounds { lower: 10, young_us: 20_000_000, upper: 50, old_us: day };
        assert_eq!(TrimBounds::default(), bounds);
    }

    /// Trimming can turn an order into false concurrency, and never into another order.
    #[test]
    fn what_was_trimmed_looks_concurrent() {
        let mut newer = at(&[("a", 0), ("b", 1), ("c", 2), ("d", 3)]);
        let older = newer.clone();
        newer.increment_at("d", 100).unwrap();
        assert!(older < newer);
        newer.trim(100, BOUNDS);
        assert!(older.partial_cmp(&newer).is_none());
    }

    proptest! {
        #[test]
        fn trim_invents_no_order_between_kept_entries(
            entries in prop::collection::btree_map("[a-h]", (1_u64..5, 0_u64..50), 0..8),
            bounds in (0_usize..6, 0_u64..40, 0_usize..6, 0_u64..60),
            now_us in 0_u64..120,
        ) {
            let (lower, young_us, upper, old_us) = bounds;
            let bounds = TrimBounds { lower, young_us, upper, old_us };
            let mut whole = VectorClock::new();
            for (actor, (count, time)) in &entries {
                whole.update_at(actor, *count, *time).unwrap();
            }
            let mut trimmed = whole.clone();
            trimmed.trim(now_us, bounds);
            // What is kept is as it was, and newer than what was dropped.
            prop_assert!(trimmed.iter().all(|(actor, entry)| whole.get(actor) == Some(entry)));
            let age = |actor: &str| (whole.get(actor).unwrap().time.unwrap(), actor.to_owned());
            let dropped = whole.actors().filter(|actor| !trimmed.has(actor)).map(age).max();
            let kept = trimmed.actors().map(age).min();
            prop_assert!(dropped.is_none() || kept.is_none() || dropped < kept);
            prop_assert!(whole.descends(&trimmed));
            // Trimming again at the same time drops nothing more.
            let once = trimmed.clone();
            trimmed.trim(now_us, bounds);
            prop_assert!(trimmed.iter().eq(once.iter()));
        }
    }
}
