//! Which of two clocks knows of the other: four answers, in one pass.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::actors::{RUN, next};
use super::vector::VectorClock;

/// How one history stands to another. There are four answers: *equal* and *concurrent* are not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Causality {
    /// Both know of the same events.
    Equal,
    /// The other knows of all that this one does, and more.
    Before,
    /// This one knows of all that the other does, and more.
    After,
    /// Each knows of something that the other does not: they have parted.
    Concurrent,
}

impl Causality {
    /// What it is when each side may be behind the other in something.
    pub(super) const fn of(less: bool, more: bool) -> Self {
        match (less, more) {
            (false, false) => Self::Equal,
            (true, false) => Self::Before,
            (false, true) => Self::After,
            (true, true) => Self::Concurrent,
        }
    }

    /// Its name in every language: `equal`, `before`, `after`, `concurrent`.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Before => "before",
            Self::After => "after",
            Self::Concurrent => "concurrent",
        }
    }
}

impl VectorClock {
    /// How this history stands to the other, by the counters alone. Allocates nothing.
    pub fn compare(&self, other: &Self) -> Causality {
        let (less, more) = if self.actors == other.actors {
            by_counts(&self.counts, &other.counts)
        } else {
            self.by_names(other)
        };
        Causality::of(less, more)
    }

    /// Clocks of many actors mostly differ in a few: runs of the same are looked at as a whole.
    fn by_names(&self, other: &Self) -> (bool, bool) {
        let (ours, theirs) = (&self.actors, &other.actors);
        let (mut our, mut their, mut alike) = (0, 0, true);
        let (mut less, mut more) = (false, false);
        while let Some(order) = next(ours, our, theirs, their) {
            let (steps, (fewer, greater)) = if alike && ours.same_run(our, theirs, their) {
                let counts = (&self.counts[our..our + RUN], &other.counts[their..their + RUN]);
                ((RUN, RUN), by_counts(counts.0, counts.1))
            } else {
                let one = (usize::from(order.is_le()), usize::from(order.is_ge()));
                let count = |counts: &[u64], at: usize, step| if step > 0 { counts[at] } else { 0 };
                let counts = (count(&self.counts, our, one.0), count(&other.counts, their, one.1));
                (one, (counts.0 < counts.1, counts.0 > counts.1))
            };
            alike = order.is_eq();
            (our, their) = (our + steps.0, their + steps.1);
            (less, more) = (less | fewer, more | greater);
            if less && more {
                break;
            }
        }
        (less, more)
    }

    /// Whether this one knows of all that the other does, itself included. Every clock descends
    /// from an empty one; an empty one only from such as have no counter above 0.
    pub fn descends(&self, other: &Self) -> bool {
        matches!(self.compare(other), Causality::Equal | Causality::After)
    }

    /// Whether this one knows of all that the other does, and more.
    pub fn dominates(&self, other: &Self) -> bool {
        self.compare(other) == Causality::After
    }
}

/// Whether any count is smaller, and any greater, for the same actors on both sides: a loop over
/// numbers, whose pieces a compiler can do without a branch.
fn by_counts(ours: &[u64], theirs: &[u64]) -> (bool, bool) {
    let (mut less, mut more) = (false, false);
    for (ours, theirs) in ours.chunks(64).zip(theirs.chunks(64)) {
        for (our, their) in ours.iter().zip(theirs) {
            less |= our < their;
            more |= our > their;
        }
        if less && more {
            break;
        }
    }
    (less, more)
}

impl PartialEq for VectorClock {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Causality::Equal
    }
}

impl Eq for VectorClock {}

impl PartialOrd for VectorClock {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.compare(other) {
            Causality::Equal => Some(Ordering::Equal),
            Causality::Before => Some(Ordering::Less),
            Causality::After => Some(Ordering::Greater),
            Causality::Concurrent => None,
        }
    }
}

impl Hash for VectorClock {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut events = 0_usize;
        for (actor, count) in self.actors.iter().zip(&self.counts).filter(|(_, n)| **n > 0) {
            (actor, count).hash(state);
            events += 1;
        }
        events.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::hash::DefaultHasher;

    use proptest::prelude::*;

    use super::*;

    type Map = BTreeMap<String, u64>;

    fn clock(map: &Map) -> VectorClock {
        let mut clock = VectorClock::new();
        map.iter().for_each(|(actor, count)| clock.update(actor, *count).unwrap());
        clock
    }

    fn hash(clock: &VectorClock) -> u64 {
        let mut hasher = DefaultHasher::new();
        clock.hash(&mut hasher);
        hasher.finish()
    }

    /// The definition, word by word.
    fn oracle(ours: &Map, theirs: &Map) -> Causality {
        let count = |map: &Map, actor: &String| map.get(actor).copied().unwrap_or(0);
        let all: Vec<_> = ours.keys().chain(theirs.keys()).collect();
        let less = all.iter().any(|actor| count(ours, actor) < count(theirs, actor));
        let more = all.iter().any(|actor| count(ours, actor) > count(theirs, actor));
        match (less, more) {
            (false, false) => Causality::Equal,
            (true, false) => Causality::Before,
            (false, true) => Causality::After,
            (true, true) => Causality::Concurrent,
        }
    }

    fn maps() -> impl Strategy<Value = Map> {
        prop::collection::btree_map("[a-e]{1,2}", 0_u64..4, 0..6)
    }

    fn made(entries: &[(&str, u64)]) -> VectorClock {
        clock(&entries.iter().map(|(actor, count)| ((*actor).to_owned(), *count)).collect())
    }

    /// Both libraries of npm answer 0 to either, and so does Python's.
    #[test]
    fn equal_and_concurrent_are_two_answers() {
        let (a, b) = (made(&[("a", 1)]), made(&[("b", 1)]));
        assert_eq!(a.compare(&a), Causality::Equal);
        assert_eq!(a.compare(&b), Causality::Concurrent);
        assert!(a != b && a.partial_cmp(&b).is_none());
        let tokens = [Causality::Equal, Causality::Before, Causality::After, Causality::Concurrent];
        let tokens = tokens.map(Causality::token);
        assert_eq!(tokens, ["equal", "before", "after", "concurrent"]);
    }

    /// Clusterluck's `equals` looks at wall clocks too, so that two that were merged into each
    /// other may differ.
    #[test]
    fn stamps_are_no_part_of_an_order() {
        let (mut a, mut b) = (VectorClock::new(), VectorClock::new());
        a.increment_at("x", 1).unwrap();
        b.increment_at("x", 2).unwrap();
        assert!(a == b && hash(&a) == hash(&b));
        a.merge(&b.clone()).unwrap();
        b.merge(&a).unwrap();
        assert!(a == b);
    }

    #[test]
    fn everything_descends_from_the_empty_clock() {
        let (empty, zero, one) = (VectorClock::new(), made(&[("a", 0)]), made(&[("a", 1)]));
        assert!(empty.descends(&empty) && one.descends(&empty) && !empty.descends(&one));
        assert!(one.dominates(&empty) && !empty.dominates(&empty) && !one.dominates(&one));
        assert!(empty == zero && hash(&empty) == hash(&zero) && empty.descends(&zero));
    }

    #[test]
    fn many_actors_are_compared_piece_by_piece() {
        let names: Vec<String> = (0..200).map(|n| format!("n{n:03}")).collect();
        let mut a = VectorClock::new();
        names.iter().for_each(|name| a.update(name, 5).unwrap());
        let mut b = a.clone();
        b.update("n199", 6).unwrap();
        assert_eq!(a.compare(&b), Causality::Before);
        b.update("n000", 4).unwrap();
        assert_eq!(a.compare(&b), Causality::Concurrent);
        assert_eq!(b.compare(&a), Causality::Concurrent);
    }

    /// Where names come, go and change within long runs of the same ones.
    fn long_maps() -> impl Strategy<Value = (Map, Map)> {
        let change = (0_u64..150, 0_u64..6);
        prop::collection::vec(change, 0..4).prop_map(|changes| {
            let whole: Map = (0..130).map(|n| (format!("n{n:03}"), 5)).collect();
            let mut other = whole.clone();
            for (at, count) in changes {
                let name = format!("n{at:03}");
                match count {
                    0 => drop(other.remove(&name)),
                    1 => drop(other.insert(name + "x", 1)),
                    count => drop(other.insert(name, count + 1)),
                }
            }
            (whole, other)
        })
    }

    proptest! {
        #[test]
        fn runs_of_the_same_actors_agree_with_the_definition((a, b) in long_maps()) {
            let (x, y) = (clock(&a), clock(&b));
            prop_assert_eq!(x.compare(&y), oracle(&a, &b));
            prop_assert_eq!(y.compare(&x), oracle(&b, &a));
        }

        #[test]
        fn compare_agrees_with_its_definition(a in maps(), b in maps()) {
            let (x, y) = (clock(&a), clock(&b));
            prop_assert_eq!(x.compare(&y), oracle(&a, &b));
            let (equal, after) = (Causality::Equal, Causality::After);
            prop_assert_eq!(x.descends(&y), [equal, after].contains(&oracle(&a, &b)));
            prop_assert_eq!(x.dominates(&y), oracle(&a, &b) == after);
            prop_assert_eq!(x == y, oracle(&a, &b) == equal);
            prop_assert!(x != y || hash(&x) == hash(&y));
        }

        #[test]
        fn compare_is_a_partial_order(a in maps(), b in maps(), c in maps()) {
            let (x, y, z) = (clock(&a), clock(&b), clock(&c));
            prop_assert!(x <= x.clone());
            prop_assert!(!(x <= y && y <= x) || x == y);
            prop_assert!(!(x <= y && y <= z) || x <= z);
            prop_assert_eq!(x < y, y > x);
        }
    }
}
