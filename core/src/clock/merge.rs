//! All that either clock knows.

use super::actors::both;
use super::vector::{Stamp, VectorClock};
use crate::error::Result;

impl VectorClock {
    /// Takes in what the other knows: of each actor the higher count wins, with its time; of equal
    /// ones the newer time; and the earlier `insert`. Allocates nothing when both have the same
    /// actors and the stamps that this one has room for.
    ///
    /// Errors: `too_large` when all names would take more than 16 MiB; nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.actors != other.actors {
            return self.merge_actors(other);
        }
        if self.stamps.is_empty() && other.stamps.is_empty() {
            for (our, their) in self.counts.iter_mut().zip(&other.counts) {
                *our = (*our).max(*their);
            }
            return Ok(());
        }
        self.stamps.resize(self.counts.len(), Stamp::default());
        for index in 0..self.counts.len() {
            let ours = (self.counts[index], self.stamps[index]);
            let joined = join(ours, (other.counts[index], other.stamp(index)));
            (self.counts[index], self.stamps[index]) = joined;
        }
        Ok(())
    }

    #[cold]
    fn merge_actors(&mut self, other: &Self) -> Result<()> {
        let mut merged = Self::new();
        for (ours, theirs) in both(&self.actors, &other.actors) {
            let our = ours.map_or_else(Default::default, |index| self.pair(index));
            let their = theirs.map_or_else(Default::default, |index| other.pair(index));
            let (count, stamp) = join(our, their);
            let actor = match (ours, theirs) {
                (Some(index), _) => self.actors.get(index),
                (None, index) => other.actors.get(index.unwrap_or_default()),
            };
            merged.push(actor, count, stamp)?;
        }
        *self = merged;
        Ok(())
    }

    fn pair(&self, index: usize) -> (u64, Stamp) {
        (self.counts[index], self.stamp(index))
    }
}

/// What is known of one actor, from both sides.
pub(super) fn join(ours: (u64, Stamp), theirs: (u64, Stamp)) -> (u64, Stamp) {
    let (count, time) = (ours.0, ours.1.time).max((theirs.0, theirs.1.time));
    (count, Stamp { insert: earlier(ours.1.insert, theirs.1.insert), time })
}

/// The smaller of two that are known; 0 is none.
fn earlier(a: u64, b: u64) -> u64 {
    a.wrapping_sub(1).min(b.wrapping_sub(1)).wrapping_add(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Entry;
    use super::*;

    /// Clocks with counters and stamps of some actors.
    fn clocks() -> impl Strategy<Value = VectorClock> {
        let one = ("[a-d]", 0_u64..3, prop::option::of(0_u64..4));
        prop::collection::vec(one, 0..6).prop_map(|entries| {
            let mut clock = VectorClock::new();
            for (actor, count, stamp) in entries {
                match stamp {
                    Some(at) => clock.update_at(&actor, count, at).unwrap(),
                    None => clock.update(&actor, count).unwrap(),
                }
            }
            clock
        })
    }

    fn merged(a: &VectorClock, b: &VectorClock) -> VectorClock {
        let mut merged = a.clone();
        merged.merge(b).unwrap();
        merged
    }

    fn entries(clock: &VectorClock) -> Vec<(String, Entry)> {
        clock.iter().map(|(actor, entry)| (actor.to_owned(), entry)).collect()
    }

    #[test]
    fn the_higher_count_wins_with_its_time() {
        let (mut a, mut b) = (VectorClock::new(), VectorClock::new());
        a.update_at("x", 2, 10).unwrap();
        b.update_at("x", 1, 20).unwrap();
        b.update_at("y", 3, 5).unwrap();
        let entry = |count, insert, time| Entry { count, insert: Some(insert), time: Some(time) };
        let both = merged(&b, &a);
        assert_eq!(both.get("x"), Some(entry(2, 10, 10)));
        assert_eq!(both.get("y"), Some(entry(3, 5, 5)));
        b.update("x", 2).unwrap();
        assert_eq!(merged(&a, &b).get("x"), Some(entry(2, 10, 20)), "of equal ones the newer time");
    }

    #[test]
    fn unknown_stamps_neither_win_nor_count_as_early() {
        let (mut a, mut b) = (VectorClock::new(), VectorClock::new());
        a.update("x", 2).unwrap();
        b.update_at("x", 2, 0).unwrap();
        let expected = Entry { count: 2, insert: Some(0), time: Some(0) };
        assert_eq!(merged(&a, &b).get("x"), Some(expected));
        assert_eq!(merged(&b, &a).get("x"), Some(expected));
        a.update("x", 3).unwrap();
        let expected = Entry { count: 3, insert: Some(0), time: None };
        assert_eq!(merged(&b, &a).get("x"), Some(expected));
    }

    #[test]
    fn clocks_of_the_same_actors_are_merged_in_place() {
        let mut a = VectorClock::new();
        (0..10).for_each(|n| a.update(&format!("node-{n}"), n).unwrap());
        let mut b = a.clone();
        b.update("node-3", 9).unwrap();
        let place = a.counts.as_ptr();
        a.merge(&b).unwrap();
        assert_eq!((a.counts.as_ptr(), a.count("node-3")), (place, 9));
    }

    #[test]
    fn a_merge_that_does_not_fit_changes_nothing() {
        let full = |letter: char| {
            let mut clock = VectorClock::new();
            let tail = letter.to_string().repeat(1_016);
            let actors = (0..9_000).map(|n| format!("{letter}{n:07}{tail}"));
            actors.for_each(|actor| clock.push(&actor, 1, Stamp::default()).unwrap());
            clock
        };
        let (mut a, b) = (full('a'), full('b'));
        let error = a.merge(&b).expect_err("18 MB of names");
        assert_eq!(error.kind(), crate::error::ErrorKind::TooLarge);
        assert_eq!(a.len(), 9_000);
    }

    proptest! {
        /// Of counters and stamps alike.
        #[test]
        fn merge_is_a_join(a in clocks(), b in clocks(), c in clocks()) {
            prop_assert_eq!(entries(&merged(&a, &b)), entries(&merged(&b, &a)));
            let (left, right) = (merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(entries(&left), entries(&right));
            prop_assert_eq!(entries(&merged(&a, &a)), entries(&a));
        }

        #[test]
        fn merge_is_the_least_upper_bound(a in clocks(), b in clocks(), c in clocks()) {
            let both = merged(&a, &b);
            prop_assert!(both.descends(&a) && both.descends(&b));
            prop_assert!(!(c.descends(&a) && c.descends(&b)) || c.descends(&both));
        }
    }
}
