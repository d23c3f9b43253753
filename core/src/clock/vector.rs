//! A counter for each actor, and when it was seen first and changed last where somebody said so.

use super::actors::{self, Actors};
use crate::error::Result;

/// A vector clock: a counter for each actor that ever wrote.
///
/// An actor without an entry counts 0, so an entry with 0 is the same as none: `==`, `<`, hashes
/// and [`compare`](Self::compare) look at the counters alone, and never at stamps. Any name of 1 to
/// 1,024 bytes is an actor like any other. Counters stop at the largest number and never begin
/// anew.
///
/// A stamp is given with a change (`…_at`), in microseconds; an entry then knows when it was seen
/// first (`insert`) and changed last (`time`). A clock without stamps takes no memory for them.
#[derive(Clone, Default)]
pub struct VectorClock {
    pub(super) actors: Actors,
    pub(super) counts: Vec<u64>,
    /// As many as counts; or none, as long as nobody gave any.
    pub(super) stamps: Vec<Stamp>,
}

/// What a clock holds of one actor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// How many events of the actor are known.
    pub count: u64,
    /// When it was seen first, in microseconds.
    pub insert: Option<u64>,
    /// When it was changed last, in microseconds.
    pub time: Option<u64>,
}

/// One event: the `count`-th of its actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot<'a> {
    /// Whose event it is.
    pub actor: &'a str,
    /// Its number, from 1.
    pub count: u64,
}

/// Each is one more than the time it tells; 0 where none is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) insert: u64,
    pub(super) time: u64,
}

impl Stamp {
    const NONE: Self = Self { insert: 0, time: 0 };

    /// A change at that time.
    fn touch(&mut self, now_us: u64) {
        self.time = now_us.saturating_add(1);
        if self.insert == 0 {
            self.insert = self.time;
        }
    }
}

impl VectorClock {
    /// A clock that knows of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an entry with a counter of 0; one that is there stays as it is.
    ///
    /// Errors: `bad_argument` for a name of 0 or more than 1,024 bytes, `too_large` when all names
    /// would take more than 16 MiB; nothing is changed then. The same holds for every change here.
    pub fn insert(&mut self, actor: &str) -> Result<()> {
        self.change(actor, None, |count| count).map(|_| ())
    }

    /// As [`insert`](Self::insert), with a stamp if the entry is made.
    pub fn insert_at(&mut self, actor: &str, now_us: u64) -> Result<()> {
        if self.has(actor) {
            return Ok(());
        }
        self.change(actor, Some(now_us), |count| count).map(|_| ())
    }

    /// Counts one more event of the actor, and tells its number. At the largest number it stays.
    pub fn increment(&mut self, actor: &str) -> Result<u64> {
        self.change(actor, None, |count| count.saturating_add(1))
    }

    /// As [`increment`](Self::increment), at that time.
    pub fn increment_at(&mut self, actor: &str, now_us: u64) -> Result<u64> {
        self.change(actor, Some(now_us), |count| count.saturating_add(1))
    }

    /// Sets the counter, be it to less than it was.
    pub fn update(&mut self, actor: &str, count: u64) -> Result<()> {
        self.change(actor, None, |_| count).map(|_| ())
    }

    /// As [`update`](Self::update), at that time.
    pub fn update_at(&mut self, actor: &str, count: u64, now_us: u64) -> Result<()> {
        self.change(actor, Some(now_us), |_| count).map(|_| ())
    }

    /// Forgets the actor; whether there was an entry. What knew of its events is then no longer
    /// known to be older or newer by them.
    pub fn remove(&mut self, actor: &str) -> bool {
        let found = self.actors.find(actor);
        if let Ok(index) = found {
            self.remove_index(index);
        }
        found.is_ok()
    }

    /// The entry of an actor.
    pub fn get(&self, actor: &str) -> Option<Entry> {
        self.actors.find(actor).ok().map(|index| self.entry(index))
    }

    /// The counter of an actor; 0 without an entry.
    pub fn count(&self, actor: &str) -> u64 {
        self.actors.find(actor).map_or(0, |index| self.counts[index])
    }

    /// Whether the actor has an entry, be it with 0.
    pub fn has(&self, actor: &str) -> bool {
        self.actors.find(actor).is_ok()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The actors by name, in the order of their bytes.
    pub fn actors(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.actors.iter()
    }

    /// The entries by name, in the order of the names' bytes.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, Entry)> + ExactSizeIterator {
        (0..self.len()).map(|index| (self.actors.get(index), self.entry(index)))
    }

    /// The actor and entry at `index`, in the order of [`iter`](Self::iter).
    pub fn at(&self, index: usize) -> Option<(&str, Entry)> {
        (index < self.len()).then(|| (self.actors.get(index), self.entry(index)))
    }

    /// The last event of an actor that is known; `None` when there is none.
    pub fn dot(&self, actor: &str) -> Option<Dot<'_>> {
        let index = self.actors.find(actor).ok()?;
        let count = self.counts[index];
        (count > 0).then(|| Dot { actor: self.actors.get(index), count })
    }

    /// Whether that event is known.
    pub fn descends_dot(&self, dot: Dot<'_>) -> bool {
        self.count(dot.actor) >= dot.count
    }

    pub(super) fn with_capacity(count: usize) -> Self {
        let actors = Actors::with_capacity(count);
        Self { actors, counts: Vec::with_capacity(count), stamps: Vec::new() }
    }

    /// Whether any entry has a stamp.
    pub(super) fn stamped(&self) -> bool {
        self.stamps.iter().any(|stamp| *stamp != Stamp::NONE)
    }

    pub(super) fn stamp(&self, index: usize) -> Stamp {
        self.stamps.get(index).copied().unwrap_or(Stamp::NONE)
    }

    /// The index of an actor, whose entry is made if it is not there.
    pub(super) fn slot(&mut self, actor: &str) -> Result<usize> {
        match self.actors.find(actor) {
            Ok(index) => Ok(index),
            Err(index) => {
                actors::check(actor)?;
                self.actors.insert(index, actor)?;
                self.counts.insert(index, 0);
                if !self.stamps.is_empty() {
                    self.stamps.insert(index, Stamp::NONE);
                }
                Ok(index)
            }
        }
    }

    pub(super) fn remove_index(&mut self, index: usize) {
        self.actors.remove(index);
        self.counts.remove(index);
        if !self.stamps.is_empty() {
            self.stamps.remove(index);
        }
    }

    /// Adds an entry after all others.
    pub(super) fn push(&mut self, actor: &str, count: u64, stamp: Stamp) -> Result<()> {
        self.actors.push(actor)?;
        self.counts.push(count);
        if stamp != Stamp::NONE && self.stamps.is_empty() {
            self.stamps = vec![Stamp::NONE; self.counts.len() - 1];
        }
        if stamp != Stamp::NONE || !self.stamps.is_empty() {
            self.stamps.push(stamp);
        }
        Ok(())
    }

    fn change(
        &mut self,
        actor: &str,
        now_us: Option<u64>,
        change: impl FnOnce(u64) -> u64,
    ) -> Result<u64> {
        let index = self.slot(actor)?;
        let count = change(self.counts[index]);
        self.counts[index] = count;
        if let Some(now_us) = now_us {
            self.stamps.resize(self.counts.len(), Stamp::NONE);
            self.stamps[index].touch(now_us);
        }
        Ok(count)
    }

    fn entry(&self, index: usize) -> Entry {
        let stamp = self.stamp(index);
        Entry {
            count: self.counts[index],
            insert: stamp.insert.checked_sub(1),
            time: stamp.time.checked_sub(1),
        }
    }
}

impl std::fmt::Debug for VectorClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.actors().zip(&self.counts)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// Clusterluck's clock, made of a plain object, took these for entries: `insert` did nothing
    /// while `has` said true, and `increment` made no number.
    #[test]
    fn names_that_objects_are_born_with_are_actors_like_any_other() {
        let names =
            ["__proto__", "constructor", "hasOwnProperty", "prototype", "toString", "valueOf"];
        let mut clock = VectorClock::new();
        for name in names {
            assert!(!clock.has(name) && clock.get(name).is_none() && clock.count(name) == 0);
            clock.insert(name).unwrap();
            assert!(clock.has(name) && clock.count(name) == 0);
            assert_eq!(clock.increment(name), Ok(1));
        }
        assert_eq!(clock.actors().collect::<Vec<_>>(), names);
        assert!(clock.remove("constructor") && !clock.has("constructor"));
    }

    #[test]
    fn any_text_is_a_name_but_none_and_a_long_one() {
        let mut clock = VectorClock::new();
        for name in ["\0", " ", "\n", "a\"b", "é", "😀", "a~1", &"x".repeat(1_024)] {
            assert_eq!(clock.increment(name), Ok(1));
        }
        let (before, long) = (clock.clone(), "x".repeat(1_025));
        for name in ["", &long] {
            let refused = [
                clock.insert(name),
                clock.insert_at(name, 1),
                clock.update(name, 1),
                clock.increment(name).map(|_| ()),
            ];
            for error in refused {
                assert_eq!(error.map_err(|error| error.kind()), Err(ErrorKind::BadArgument));
            }
            assert!(!clock.remove(name));
        }
        assert!(clock.iter().eq(before.iter()));
    }

    #[test]
    fn an_entry_begins_at_nothing_and_is_inserted_once() {
        let mut clock = VectorClock::new();
        clock.insert_at("a", 5).unwrap();
        clock.increment_at("a", 7).unwrap();
        clock.insert_at("a", 9).unwrap();
        assert_eq!(clock.get("a"), Some(Entry { count: 1, insert: Some(5), time: Some(7) }));
        clock.insert("a").unwrap();
        clock.update_at("a", 0, 3).unwrap();
        assert_eq!(clock.get("a"), Some(Entry { count: 0, insert: Some(5), time: Some(3) }));
        clock.update("a", 12).unwrap();
        assert_eq!(clock.get("a"), Some(Entry { count: 12, insert: Some(5), time: Some(3) }));
        assert_eq!((clock.len(), clock.is_empty()), (1, false));
    }

    #[test]
    fn counters_stop_at_the_end_and_never_begin_anew() {
        let mut clock = VectorClock::new();
        clock.update("a", u64::MAX - 1).unwrap();
        assert_eq!(clock.increment("a"), Ok(u64::MAX));
        assert_eq!(clock.increment("a"), Ok(u64::MAX));
    }

    #[test]
    fn no_stamps_take_no_memory_and_stay_with_their_entries() {
        let mut clock = VectorClock::new();
        clock.increment("b").unwrap();
        clock.increment("d").unwrap();
        assert_eq!(clock.stamps.capacity(), 0);
        clock.increment_at("c", 30).unwrap();
        clock.increment("a").unwrap();
        clock.insert_at("e", 50).unwrap();
        let stamps = |clock: &VectorClock| -> Vec<Option<u64>> {
            clock.iter().map(|(_, entry)| entry.time).collect()
        };
        assert_eq!(stamps(&clock), [None, None, Some(30), None, Some(50)]);
        clock.remove("b");
        assert_eq!(stamps(&clock), [None, Some(30), None, Some(50)]);
        clock.increment_at("d", u64::MAX).unwrap();
        assert_eq!(clock.get("d").unwrap().time, Some(u64::MAX - 1), "the last that fits");
    }

    #[test]
    fn a_dot_is_the_last_event_of_an_actor() {
        let mut clock = VectorClock::new();
        clock.insert("a").unwrap();
        clock.update("b", 3).unwrap();
        assert_eq!(clock.dot("a"), None);
        assert_eq!(clock.dot("c"), None);
        assert_eq!(clock.dot("b"), Some(Dot { actor: "b", count: 3 }));
        let knows = |actor, count| clock.descends_dot(Dot { actor, count });
        assert!(knows("b", 3) && knows("b", 1) && !knows("b", 4));
        assert!(!knows("c", 1) && knows("c", 0));
    }

    #[test]
    fn entries_come_in_order_both_ways() {
        let mut clock = VectorClock::new();
        for name in ["m", "a", "z", "mm"] {
            clock.increment(name).unwrap();
        }
        assert_eq!(clock.actors().collect::<Vec<_>>(), ["a", "m", "mm", "z"]);
        let back: Vec<_> = clock.iter().rev().map(|(name, _)| name).collect();
        assert_eq!(back, ["z", "mm", "m", "a"]);
        assert_eq!(clock.iter().len(), 4);
        assert!((0..5).map_while(|index| clock.at(index)).eq(clock.iter()));
        assert_eq!(format!("{clock:?}"), r#"{"a": 1, "m": 1, "mm": 1, "z": 1}"#);
    }
}
