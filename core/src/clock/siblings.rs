//! Values that were written without knowing of each other, side by side: a dotted version vector
//! set.
//!
//! After Preguiça, Baquero, Almeida, Fonte and Gonçalves, "Brief announcement: efficient causality
//! tracking in distributed storage systems with dotted version vectors", PODC 2012, and Gonçalves'
//! `dvvset`; without its anonymous values, and without its replacing of a value under the dot of
//! another, after which two replicas may hold different values as the same event.

use std::cmp::Ordering;

use super::actors::both;
use super::order::Causality;
use super::vector::{Dot, VectorClock};
use crate::error::{Error, ErrorKind, Result};

/// The values of one record that stand side by side, and the history that they come from.
///
/// Who writes reads first, and hands back the [`context`](Self::context) of what was read; a value
/// is replaced by who knew of it, and kept beside what was written by somebody who did not. The
/// actor of a write is the process that holds the record, not the client that asked for it. Any
/// number of clients can write through one actor without ever making more siblings than there are
/// writes that did not know of each other.
///
/// ```
/// # use chinwag::clock::{Siblings, VectorClock};
/// # fn main() -> chinwag::Result<()> {
/// # let mut record = Siblings::new();
/// # record.put("web-1", &VectorClock::new(), 1)?;
/// let context = record.context().clone();
/// let value = record.values().sum::<i32>() + 1;
/// record.put("web-1", &context, value)?;
/// # assert_eq!(record.values().collect::<Vec<_>>(), [&2]);
/// # Ok(())
/// # }
/// ```
///
/// A context is a claim: who makes one up can replace what it never read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Siblings<V> {
    /// No entry is 0, and none has a stamp.
    pub(super) context: VectorClock,
    /// For each entry, the values of its last events, the oldest first.
    pub(super) values: Vec<Vec<V>>,
}

impl<V> Default for Siblings<V> {
    fn default() -> Self {
        Self { context: VectorClock::new(), values: Vec::new() }
    }
}

impl<V> Siblings<V> {
    /// A record that was never written.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many values there are. More than one: somebody has to decide.
    pub fn len(&self) -> usize {
        self.values.iter().map(Vec::len).sum()
    }

    /// Whether there is no value, be it that there never was one or that all were discarded.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Vec::is_empty)
    }

    /// The values: by actor, the oldest first.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.values.iter().flatten()
    }

    /// The values, each with the event that wrote it.
    pub fn dots(&self) -> impl Iterator<Item = (Dot<'_>, &V)> {
        self.context.actors.iter().enumerate().flat_map(move |(index, actor)| {
            let base = self.base(index);
            // Only a value has an event after those that have none any more.
            let dot = move |(place, value)| (Dot { actor, count: base + 1 + place as u64 }, value);
            self.values[index].iter().enumerate().map(dot)
        })
    }

    /// All events of which this record knows: what a writer hands back that has read all values.
    pub const fn context(&self) -> &VectorClock {
        &self.context
    }

    /// Writes a value in place of all those that the context knows of, and tells the number of the
    /// event.
    ///
    /// Errors: `bad_argument` when the actor's name is none, or its counter is at its end;
    /// `too_large` when the names of all actors do not fit. Nothing is changed then.
    pub fn put(&mut self, actor: &str, context: &VectorClock, value: V) -> Result<u64> {
        let mut joined = self.joined(context)?;
        let index = joined.slot(actor)?;
        if joined.counts[index] == u64::MAX {
            let message = format!(
                "\"{actor}\" has no number left for another event; a context may have been made up"
            );
            return Err(Error::new(ErrorKind::BadArgument, message));
        }
        joined.counts[index] += 1;
        let count = joined.counts[index];
        self.adopt(joined, context);
        self.values[index].push(value);
        Ok(count)
    }

    /// Drops all values that the context knows of; with the record's own, that deletes it. The
    /// history stays, so that an old replica does not bring them back.
    ///
    /// Errors: `too_large` when the names of all actors do not fit; nothing is changed then.
    pub fn discard(&mut self, context: &VectorClock) -> Result<()> {
        let joined = self.joined(context)?;
        self.adopt(joined, context);
        Ok(())
    }

    /// Takes in another replica of the record: of each side stay the values that the other has too,
    /// or does not know of. Errors: as [`discard`](Self::discard).
    pub fn merge(&mut self, other: Self) -> Result<()> {
        let joined = self.joined(&other.context)?;
        let mut values = Vec::with_capacity(joined.len());
        let (mut our_values, mut their_values) = (self.take(), other.values.into_iter());
        for (ours, theirs) in both(&self.context.actors, &other.context.actors) {
            let our = ours.map_or((0, Vec::new()), |index| {
                (self.context.counts[index], our_values.next().unwrap_or_default())
            });
            let their = theirs.map_or((0, Vec::new()), |index| {
                (other.context.counts[index], their_values.next().unwrap_or_default())
            });
            let gone = base(our.0, &our.1).max(base(their.0, &their.1));
            let (count, mut newer) = if our.0 >= their.0 { our } else { their };
            drop_until(count, &mut newer, gone);
            values.push(newer);
        }
        (self.context, self.values) = (joined, values);
        Ok(())
    }

    /// Replaces several values by the one that `decide` makes of them, as a new event of the actor
    /// that knows of all; whether there was anything to decide. Errors: as [`put`](Self::put).
    pub fn resolve(&mut self, actor: &str, decide: impl FnOnce(&[&V]) -> V) -> Result<bool> {
        if self.len() < 2 {
            return Ok(false);
        }
        let value = decide(&self.values().collect::<Vec<_>>());
        let context = self.context.clone();
        self.put(actor, &context, value).map(|_| true)
    }

    /// The greatest value in an order of yours, such as that of stamps within: the last writer's.
    /// Of equal ones, the last in the order of [`values`](Self::values).
    pub fn newest_by(&self, mut compare: impl FnMut(&V, &V) -> Ordering) -> Option<&V> {
        self.values().max_by(|a, b| compare(a, b))
    }

    /// As [`resolve`](Self::resolve), by the last writer's value.
    pub fn resolve_newest_by(
        &mut self,
        actor: &str,
        mut compare: impl FnMut(&V, &V) -> Ordering,
    ) -> Result<bool>
    where
        V: Clone,
    {
        self.resolve(actor, |values| {
            let newest = values
                .iter()
                .copied()
                .reduce(|best, value| if compare(best, value).is_gt() { best } else { value });
            newest.unwrap_or(values[0]).clone()
        })
    }

    /// How this replica stands to another: *after* when a merge with the other would change nothing
    /// here, and something there. Values themselves are not looked at.
    pub fn compare(&self, other: &Self) -> Causality {
        let (mut less, mut more) = (false, false);
        for (ours, theirs) in both(&self.context.actors, &other.context.actors) {
            let state = |side: &Self, index: Option<usize>| {
                index.map_or((0, 0), |index| (side.context.counts[index], side.base(index)))
            };
            let (our, their) = (state(self, ours), state(other, theirs));
            less |= our.0 < their.0 || our.1 < their.1;
            more |= our.0 > their.0 || our.1 > their.1;
        }
        Causality::of(less, more)
    }

    /// The same record with each value made into another.
    pub fn map<W>(self, mut change: impl FnMut(V) -> W) -> Siblings<W> {
        let values = self.values.into_iter();
        let values = values.map(|list| list.into_iter().map(&mut change).collect()).collect();
        Siblings { context: self.context, values }
    }

    /// Events up to this one have no value any more.
    fn base(&self, index: usize) -> u64 {
        base(self.context.counts[index], &self.values[index])
    }

    fn take(&mut self) -> std::vec::IntoIter<Vec<V>> {
        std::mem::take(&mut self.values).into_iter()
    }

    /// The events that this record or the context knows of.
    fn joined(&self, context: &VectorClock) -> Result<VectorClock> {
        let mut joined = VectorClock::new();
        for (ours, theirs) in both(&self.context.actors, &context.actors) {
            let our = ours.map_or(0, |index| self.context.counts[index]);
            let their = theirs.map_or(0, |index| context.counts[index]);
            let actor = match (ours, theirs) {
                (Some(index), _) => self.context.actors.get(index),
                (None, index) => context.actors.get(index.unwrap_or_default()),
            };
            if our.max(their) > 0 {
                joined.push(actor, our.max(their), Default::default())?;
            }
        }
        Ok(joined)
    }

    /// Takes over a context that knows all that this one did, without the values that `seen` knows.
    fn adopt(&mut self, joined: VectorClock, seen: &VectorClock) {
        let mut values = self.take();
        self.values = both(&self.context.actors, &joined.actors)
            .map(|(ours, theirs)| {
                let Some(index) = ours else { return Vec::new() };
                let mut list = values.next().unwrap_or_default();
                let actor = joined.actors.get(theirs.unwrap_or_default());
                drop_until(self.context.counts[index], &mut list, seen.count(actor));
                list
            })
            .collect();
        self.context = joined;
    }
}

/// The event before the first that has a value, where `count` is the last.
fn base<V>(count: u64, values: &[V]) -> u64 {
    count - values.len() as u64
}

/// Drops the values of events up to `gone`.
fn drop_until<V>(count: u64, values: &mut Vec<V>, gone: u64) {
    let many = gone.saturating_sub(base(count, values)).min(values.len() as u64);
    values.drain(..many as usize);
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn values<V: Clone>(siblings: &Siblings<V>) -> Vec<V> {
        siblings.values().cloned().collect()
    }

    fn none() -> VectorClock {
        VectorClock::new()
    }

    #[test]
    fn get_change_put_takes_three_lines() {
        let mut record = Siblings::new();
        record.put("s", &none(), "one").unwrap();
        let context = record.context().clone();
        let value = values(&record).join("+") + "!";
        let mut record = record.map(str::to_owned);
        assert_eq!(record.put("s", &context, value), Ok(2));
        assert_eq!(values(&record), ["one!"]);
    }

    #[test]
    fn concurrent_writes_are_both_kept() {
        let (mut a, mut b) = (Siblings::new(), Siblings::new());
        a.put("a", &none(), "x").unwrap();
        b.put("b", &none(), "y").unwrap();
        let mut both = a.clone();
        both.merge(b.clone()).unwrap();
        b.merge(a.clone()).unwrap();
        assert_eq!(values(&both), ["x", "y"]);
        assert_eq!(both, b);
        let dots: Vec<_> = both.dots().map(|(dot, value)| (dot.actor, dot.count, *value)).collect();
        assert_eq!(dots, [("a", 1, "x"), ("b", 1, "y")]);
        // One of them was read, and changed: only that one is replaced.
        both.put("b", a.context(), "x2").unwrap();
        assert_eq!(values(&both), ["y", "x2"]);
    }

    /// With version vectors alone, two clients that write through one server in turn add a sibling
    /// with every write, though each has read its own.
    #[test]
    fn siblings_do_not_explode_with_writers_through_one_server() {
        let mut record = Siblings::new();
        let (mut anna, mut ben) = (none(), none());
        for number in 0..100 {
            record.put("server", &anna, ("anna", number)).unwrap();
            // Each reads back what it wrote, not what the other did.
            anna.update("server", record.context().count("server")).unwrap();
            record.put("server", &ben, ("ben", number)).unwrap();
            ben.update("server", record.context().count("server")).unwrap();
            assert!(record.len() <= 2, "{} siblings", record.len());
        }
        assert_eq!(record.context().count("server"), 200);
    }

    #[test]
    fn a_write_without_a_context_adds_a_sibling_and_loses_none() {
        let mut record = Siblings::new();
        (0..5).for_each(|number| assert_eq!(record.put("s", &none(), number), Ok(number + 1)));
        assert_eq!(values(&record), [0, 1, 2, 3, 4]);
        let mut seen = none();
        seen.update("s", 3).unwrap();
        record.put("s", &seen, 9).unwrap();
        assert_eq!(values(&record), [3, 4, 9]);
    }

    #[test]
    fn what_was_discarded_does_not_come_back() {
        let mut record = Siblings::new();
        record.put("s", &none(), 1).unwrap();
        let old = record.clone();
        let context = record.context().clone();
        record.discard(&context).unwrap();
        assert_eq!((record.is_empty(), record.len()), (true, 0));
        record.merge(old.clone()).unwrap();
        assert!(record.is_empty(), "an old replica");
        assert_eq!(record.compare(&old), Causality::After);
        assert_eq!(old.compare(&record), Causality::Before);
        // A context from before the record was forgotten altogether.
        let mut fresh = Siblings::new();
        assert_eq!(fresh.put("s", &context, 2), Ok(2));
        fresh.merge(old).unwrap();
        assert_eq!(values(&fresh), [2]);
    }

    #[test]
    fn several_values_are_resolved_by_a_new_event() {
        let mut record = Siblings::new();
        assert_eq!(record.resolve("s", |_| 0), Ok(false));
        [3, 9, 4].iter().for_each(|n| record.put("s", &none(), *n).map(|_| ()).unwrap());
        let replica = record.clone();
        assert_eq!(record.newest_by(Ord::cmp), Some(&9));
        assert_eq!(record.resolve("t", |values| values.iter().copied().sum()), Ok(true));
        assert_eq!(values(&record), [16]);
        record.merge(replica.clone()).unwrap();
        assert_eq!(values(&record), [16]);
        let mut last = replica;
        assert_eq!(last.resolve_newest_by("s", Ord::cmp), Ok(true));
        assert_eq!((values(&last), last.context().count("s")), (vec![9], 4));
        assert_eq!(last.resolve_newest_by("s", Ord::cmp), Ok(false));
    }

    #[test]
    fn a_counter_at_its_end_is_refused_and_nothing_is_lost() {
        let mut record = Siblings::new();
        record.put("s", &none(), 1).unwrap();
        let (before, mut forged) = (record.clone(), none());
        forged.update("s", u64::MAX).unwrap();
        for (actor, context) in [("s", &forged), ("", &none())] {
            let error = record.put(actor, context, 2).expect_err("no event can be made");
            assert_eq!(error.kind(), ErrorKind::BadArgument);
            assert_eq!(record, before);
        }
        // Entries of 0 leave no trace.
        let mut zero = none();
        zero.insert_at("z", 5).unwrap();
        record.discard(&zero).unwrap();
        assert_eq!(record.context().len(), 1);

        let (mut last, mut seen) = (Siblings::new(), none());
        seen.update("s", u64::MAX - 1).unwrap();
        last.put("s", &seen, 1).unwrap();
        let dots: Vec<_> = last.dots().map(|(dot, _)| dot.count).collect();
        assert_eq!(dots, [u64::MAX]);
        last.discard(&last.context().clone()).unwrap();
        assert_eq!(last.dots().count(), 0);
    }

    /// A record as sets of events: what was seen, and what is there.
    #[derive(Clone, Default, PartialEq, Debug)]
    struct Naive {
        seen: BTreeSet<(usize, u64)>,
        there: BTreeMap<(usize, u64), u32>,
    }

    impl Naive {
        fn discard(&mut self, context: &BTreeSet<(usize, u64)>) {
            self.there.retain(|dot, _| !context.contains(dot));
            self.seen.extend(context);
        }

        fn put(&mut self, server: usize, context: &BTreeSet<(usize, u64)>, value: u32) {
            self.discard(context);
            let last = self.seen.iter().filter(|dot| dot.0 == server).map(|dot| dot.1).max();
            let dot = (server, last.unwrap_or(0) + 1);
            self.seen.insert(dot);
            self.there.insert(dot, value);
        }

        fn merge(&mut self, other: &Self) {
            let gone = |side: &Self, dot: &(usize, u64)| {
                side.seen.contains(dot) && !side.there.contains_key(dot)
            };
            self.there.retain(|dot, _| !gone(other, dot));
            let ours = self.clone();
            self.there.extend(other.there.iter().filter(|(dot, _)| !gone(&ours, dot)));
            self.seen.extend(&other.seen);
        }

        /// Each value that is there, as the record gives them.
        fn dots(&self) -> Vec<(String, u64, u32)> {
            self.there.iter().map(|((s, n), value)| (SERVERS[*s].to_owned(), *n, *value)).collect()
        }
    }

    const SERVERS: [&str; 3] = ["a", "b", "c"];

    type Seen = (VectorClock, BTreeSet<(usize, u64)>);

    fn dots(record: &Siblings<u32>) -> Vec<(String, u64, u32)> {
        record.dots().map(|(dot, value)| (dot.actor.to_owned(), dot.count, *value)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        /// Reads, writes, deletions and merges in any order, at three servers and with contexts of
        /// any age.
        #[test]
        fn histories_agree_with_sets_of_events(
            steps in prop::collection::vec((0_usize..5, 0_usize..3, 0_usize..3, 0_usize..9), 0..40),
        ) {
            let mut records: Vec<(Siblings<u32>, Naive)> = vec![Default::default(); 3];
            let mut read: Vec<Seen> = vec![Default::default()];
            for (number, (step, at, other, context)) in (0_u32..).zip(steps) {
                let (clock, events) = read[context % read.len()].clone();
                let (theirs, their_sets) = records[other].clone();
                let (record, sets) = &mut records[at];
                match step {
                    0 => read.push((record.context().clone(), sets.seen.clone())),
                    1 | 2 => {
                        record.put(SERVERS[at], &clock, number).unwrap();
                        sets.put(at, &events, number);
                    }
                    3 => {
                        record.merge(theirs.clone()).unwrap();
                        sets.merge(&their_sets);
                        // A merge with something older changes nothing, and is a newer state.
                        let whole = record.clone();
                        record.merge(theirs.clone()).unwrap();
                        prop_assert_eq!(&*record, &whole);
                        let order = record.compare(&theirs);
                        prop_assert!(matches!(order, Causality::Equal | Causality::After));
                    }
                    _ => {
                        record.discard(&clock).unwrap();
                        sets.discard(&events);
                    }
                }
                prop_assert_eq!(dots(record), sets.dots());
                prop_assert_eq!(record.len(), sets.there.len());
            }
            // All replicas come to the same, whoever asks whom.
            let merged = |order: [usize; 3]| {
                let mut all = records[order[0]].0.clone();
                all.merge(records[order[1]].0.clone()).unwrap();
                all.merge(records[order[2]].0.clone()).unwrap();
                all
            };
            prop_assert_eq!(merged([0, 1, 2]), merged([2, 1, 0]));
            prop_assert_eq!(merged([0, 1, 2]), merged([1, 0, 2]));
            let equal = records[0].0.compare(&records[1].0) == Causality::Equal;
            prop_assert_eq!(equal, records[0].1 == records[1].1);
        }
    }
}
