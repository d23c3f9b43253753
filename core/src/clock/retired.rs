//! Actors that will never write again, and clocks that need no entry for them.

use std::borrow::Cow;

use super::actors::{self, Actors, both};
use super::merge::join;
use super::order::Causality;
use super::vector::VectorClock;
use crate::error::{Error, ErrorKind, Result};

/// A log of actors that have ended, each with its final count: what a cluster has agreed on. It
/// only ever grows, at its end, and the same for all; its length is the *epoch*.
///
/// Under such a log a clock needs no entry of an actor of which it knows everything. [`fold`] drops
/// those entries and writes a 0 where a clock knows nothing of a retired actor; so no entry means
/// *all of it* there, and nothing is forgotten: [`unfold`] gives every counter back, and no
/// comparison comes out differently, of whatever clocks. No wall clock is asked, unlike in
/// [`trim`].
///
/// It pays where one clock counts all that an actor writes, and most clocks have seen those who
/// ended: a clock that has not takes an entry for each.
///
/// ```
/// use chinwag::clock::{Retired, VectorClock};
///
/// # fn main() -> chinwag::Result<()> {
/// let mut clock = VectorClock::new();
/// clock.update("web-1~1", 7)?;
/// clock.update("web-1~2", 3)?;
/// let mut retired = Retired::new();
/// retired.retire("web-1~1", 7)?;
/// let folded = retired.fold(&clock)?;
/// assert_eq!(folded.clock().actors().collect::<Vec<_>>(), ["web-1~2"]);
/// assert_eq!(retired.unfold(&folded)?, clock);
/// # Ok(())
/// # }
/// ```
///
/// [`fold`]: Self::fold
/// [`unfold`]: Self::unfold
/// [`trim`]: VectorClock::trim
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Retired {
    /// In the order of the log.
    actors: Actors,
    counts: Vec<u64>,
    /// The places in the log by name. As many as there are bytes of names fit.
    sorted: Vec<u32>,
}

/// A clock under the first so many retirements of a [`Retired`]. Two are equal when they are of one
/// epoch and hold the same entries.
#[derive(Clone, Debug)]
pub struct Folded {
    pub(super) epoch: u64,
    pub(super) clock: VectorClock,
}

impl Folded {
    /// How many retirements it is folded under.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The entries that are left. Of a retired actor, none means all of its events, and 0 none of
    /// them; so they are not for [`VectorClock::compare`], but for [`Retired::compare`].
    pub const fn clock(&self) -> &VectorClock {
        &self.clock
    }
}

impl PartialEq for Folded {
    fn eq(&self, other: &Self) -> bool {
        self.epoch == other.epoch
            && self.clock.actors == other.clock.actors
            && self.clock.counts == other.clock.counts
    }
}

impl Eq for Folded {}

impl Retired {
    /// A log without a retirement, of epoch 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an actor that has ended with `count` events, and tells the new epoch. All must add the
    /// same in the same order.
    ///
    /// Errors: `bad_argument` for what is no name, and for an actor that has ended before;
    /// `too_large` when all names would take more than 16 MiB. Nothing is changed then.
    pub fn retire(&mut self, actor: &str, count: u64) -> Result<u64> {
        actors::check(actor)?;
        match self.find(actor) {
            Ok(place) => Err(again(actor, self.counts[place])),
            Err(index) => {
                self.actors.append(actor)?;
                self.sorted.insert(index, self.counts.len() as u32);
                self.counts.push(count);
                Ok(self.epoch())
            }
        }
    }

    /// A log with room for so many. It is filled with [`append`](Self::append), and then sorted:
    /// to retire one after the other would take the square of their number.
    pub(super) fn with_capacity(count: usize) -> Self {
        let actors = Actors::with_capacity(count);
        Self { actors, counts: Vec::with_capacity(count), sorted: Vec::new() }
    }

    /// Adds an actor without a look at those before. Errors: as [`retire`](Self::retire).
    pub(super) fn append(&mut self, actor: &str, count: u64) -> Result<()> {
        actors::check(actor)?;
        self.actors.append(actor)?;
        self.counts.push(count);
        Ok(())
    }

    /// The log after what was appended. Errors: as [`retire`](Self::retire).
    pub(super) fn sorted(mut self) -> Result<Self> {
        self.sorted = (0..self.counts.len() as u32).collect();
        let name = |place: u32| self.actors.get(place as usize);
        self.sorted.sort_unstable_by(|one, other| name(*one).cmp(name(*other)));
        match self.sorted.windows(2).find(|pair| name(pair[0]) == name(pair[1])) {
            Some(pair) => Err(again(name(pair[0]), self.counts[pair[0] as usize])),
            None => Ok(self),
        }
    }

    /// How many actors have ended.
    pub fn epoch(&self) -> u64 {
        self.counts.len() as u64
    }

    /// The final count of an actor; `None` as long as it has not ended.
    pub fn get(&self, actor: &str) -> Option<u64> {
        self.find(actor).ok().map(|place| self.counts[place])
    }

    /// The actors and their final counts, in the order of the log.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, u64)> + ExactSizeIterator {
        self.actors.iter().zip(self.counts.iter().copied())
    }

    /// The clock under this log. Stamps of what is dropped are gone; counters are not.
    ///
    /// Errors: `too_large` when the names of those of whom nothing is known do not fit.
    pub fn fold(&self, clock: &VectorClock) -> Result<Folded> {
        self.raise(&Folded { epoch: 0, clock: clock.clone() })
    }

    /// The clock as it was, counter by counter.
    ///
    /// Errors: `bad_argument` when it was folded under a longer log than this one, `too_large` when
    /// the names do not fit.
    pub fn unfold(&self, folded: &Folded) -> Result<VectorClock> {
        let mut clock = folded.clock.clone();
        for (actor, last) in self.iter().take(self.place(folded)?) {
            match clock.actors.find(actor) {
                Ok(index) if clock.counts[index] == 0 => clock.remove_index(index),
                Err(_) if last > 0 => clock.update(actor, last)?,
                _ => {}
            }
        }
        Ok(clock)
    }

    /// The same clock under all of this log. Errors: as [`unfold`](Self::unfold).
    pub fn raise(&self, folded: &Folded) -> Result<Folded> {
        let mut clock = folded.clock.clone();
        for (actor, last) in self.iter().skip(self.place(folded)?) {
            match clock.actors.find(actor) {
                Ok(index) if clock.counts[index] == last => clock.remove_index(index),
                Err(_) if last > 0 => clock.insert(actor)?,
                _ => {}
            }
        }
        Ok(Folded { epoch: self.epoch(), clock })
    }

    /// How two clocks stand to each other, of whatever epochs: the same answer as before they were
    /// folded. Errors: as [`unfold`](Self::unfold).
    pub fn compare(&self, ours: &Folded, theirs: &Folded) -> Result<Causality> {
        let (ours, theirs) = (self.raised(ours)?, self.raised(theirs)?);
        let (ours, theirs) = (&ours.clock, &theirs.clock);
        let (mut less, mut more) = (false, false);
        for pair in both(&ours.actors, &theirs.actors) {
            let (_, our, their) = self.counts(ours, theirs, pair);
            less |= our < their;
            more |= our > their;
        }
        Ok(Causality::of(less, more))
    }

    /// All that either of two clocks knows, of whatever epochs. Errors: as
    /// [`unfold`](Self::unfold).
    pub fn merge(&self, ours: &Folded, theirs: &Folded) -> Result<Folded> {
        let (ours, theirs) = (self.raised(ours)?, self.raised(theirs)?);
        let (ours, theirs) = (&ours.clock, &theirs.clock);
        let mut clock = VectorClock::new();
        for pair in both(&ours.actors, &theirs.actors) {
            let (actor, our, their) = self.counts(ours, theirs, pair);
            let stamp = |clock: &VectorClock, index: Option<usize>| {
                index.map(|index| clock.stamp(index)).unwrap_or_default()
            };
            let (our, their) = ((our, stamp(ours, pair.0)), (their, stamp(theirs, pair.1)));
            let (count, stamp) = join(our, their);
            if self.get(actor) != Some(count) {
                clock.push(actor, count, stamp)?;
            }
        }
        Ok(Folded { epoch: self.epoch(), clock })
    }

    /// An actor of either of two clocks of the current epoch, and what each knows of it.
    fn counts<'a>(
        &self,
        ours: &'a VectorClock,
        theirs: &'a VectorClock,
        pair: (Option<usize>, Option<usize>),
    ) -> (&'a str, u64, u64) {
        let count = |clock: &VectorClock, index: Option<usize>, actor| match index {
            Some(index) => clock.counts[index],
            None => self.get(actor).unwrap_or(0),
        };
        let actor = match pair {
            (Some(index), _) => ours.actors.get(index),
            (None, index) => theirs.actors.get(index.unwrap_or_default()),
        };
        (actor, count(ours, pair.0, actor), count(theirs, pair.1, actor))
    }

    fn raised<'a>(&self, folded: &'a Folded) -> Result<Cow<'a, Folded>> {
        if folded.epoch == self.epoch() {
            return Ok(Cow::Borrowed(folded));
        }
        self.raise(folded).map(Cow::Owned)
    }

    /// Where in the log the clock's epoch ends.
    fn place(&self, folded: &Folded) -> Result<usize> {
        let place = usize::try_from(folded.epoch).ok().filter(|place| *place <= self.counts.len());
        place.ok_or_else(|| {
            let (epoch, known) = (folded.epoch, self.epoch());
            let message = format!(
                "the clock was folded under {epoch} retirements, and only {known} are known here; \
                 bring the log up to date first"
            );
            Error::new(ErrorKind::BadArgument, message)
        })
    }

    fn find(&self, actor: &str) -> std::result::Result<usize, usize> {
        let name = |place: &u32| self.actors.get(*place as usize);
        let found = self.sorted.binary_search_by(|place| name(place).cmp(actor));
        found.map(|index| self.sorted[index] as usize)
    }
}

fn again(actor: &str, before: u64) -> Error {
    let message = format!(
        "\"{actor}\" has ended already, with {before} events; a process that comes back is another \
         actor, of a higher incarnation"
    );
    Error::new(ErrorKind::BadArgument, message)
}

impl std::fmt::Debug for Retired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::actors::NAMES_MAX;
    use super::*;

    fn made(entries: &[(&str, u64)]) -> VectorClock {
        let mut clock = VectorClock::new();
        entries.iter().for_each(|(actor, count)| clock.update(actor, *count).unwrap());
        clock
    }

    fn log(entries: &[(&str, u64)]) -> Retired {
        let mut log = Retired::new();
        entries.iter().for_each(|(actor, count)| log.retire(actor, *count).map(|_| ()).unwrap());
        log
    }

    fn entries(clock: &VectorClock) -> Vec<(&str, u64)> {
        clock.iter().map(|(actor, entry)| (actor, entry.count)).collect()
    }

    #[test]
    fn what_is_complete_is_dropped_and_what_is_missing_is_said() {
        let log = log(&[("gone", 7), ("late", 2), ("idle", 0), ("ahead", 1), ("unseen", 4)]);
        let clock = made(&[("gone", 7), ("late", 1), ("idle", 0), ("ahead", 3), ("here", 5)]);
        let folded = log.fold(&clock).unwrap();
        let expected = [("ahead", 3), ("here", 5), ("late", 1), ("unseen", 0)];
        assert_eq!(entries(folded.clock()), expected);
        assert_eq!(folded.epoch(), 5);
        assert_eq!(log.unfold(&folded), Ok(clock));
    }

    #[test]
    fn an_actor_ends_once() {
        let mut log = log(&[("b", 7), ("a", 1)]);
        for count in [7, 8] {
            let error = log.retire("b", count).expect_err("again");
            assert_eq!(error.kind(), ErrorKind::BadArgument);
        }
        assert!(log.retire("", 1).is_err());
        assert_eq!((log.epoch(), log.get("b"), log.get("c")), (2, Some(7), None));
        assert_eq!(log.retire("c", 0), Ok(3));
        assert_eq!(log.iter().collect::<Vec<_>>(), [("b", 7), ("a", 1), ("c", 0)]);
    }

    #[test]
    fn names_have_room_and_no_more() {
        let mut log = Retired::new();
        let long = "x".repeat(1_018);
        for number in 0..NAMES_MAX / 1_024 {
            log.retire(&format!("{number:06}{long}"), 1).unwrap();
        }
        let error = log.retire("y", 1).expect_err("it is full");
        assert_eq!((error.kind(), log.epoch()), (ErrorKind::TooLarge, 16_384));
        assert_eq!(Retired::from_bytes(&log.to_bytes()), Ok(log));
    }

    #[test]
    fn a_log_that_is_behind_does_not_guess() {
        let (old, new) = (log(&[("a", 1)]), log(&[("a", 1), ("b", 2)]));
        let folded = new.fold(&made(&[("a", 1)])).unwrap();
        let older = old.fold(&made(&[("a", 1)])).unwrap();
        let refused = [
            old.unfold(&folded).map(|_| ()),
            old.raise(&folded).map(|_| ()),
            old.compare(&folded, &older).map(|_| ()),
            old.merge(&older, &folded).map(|_| ()),
        ];
        for error in refused {
            assert_eq!(error.map_err(|error| error.kind()), Err(ErrorKind::BadArgument));
        }
        assert_eq!(new.raise(&older), Ok(folded));
    }

    /// Two that are folded are not the same when one has not seen what the other has.
    #[test]
    fn nothing_of_it_and_all_of_it_are_not_equal() {
        let log = log(&[("a", 3)]);
        let (all, none) = (log.fold(&made(&[("a", 3)])), log.fold(&made(&[])));
        let (all, none) = (all.unwrap(), none.unwrap());
        assert_ne!(all, none);
        assert_eq!(log.compare(&all, &none), Ok(Causality::After));
        assert_eq!(log.merge(&none, &all), Ok(all));
    }

    fn clocks() -> impl Strategy<Value = VectorClock> {
        prop::collection::btree_map("[a-e]", 0_u64..4, 0..6).prop_map(|map| {
            let mut clock = VectorClock::new();
            map.iter().for_each(|(actor, count)| clock.update(actor, *count).unwrap());
            clock
        })
    }

    /// A log, and how much of it two clocks are folded under.
    fn logs() -> impl Strategy<Value = (Retired, usize, usize)> {
        let order = Just(["a", "b", "c", "d", "e"]).prop_shuffle();
        let counts = prop::array::uniform5(0_u64..4);
        (order, counts, 0_usize..6, 0_usize..6, 0_usize..6).prop_map(|(order, counts, n, x, y)| {
            let pairs: Vec<_> = order.into_iter().zip(counts).take(n).collect();
            (log(&pairs), x.min(n), y.min(n))
        })
    }

    fn first(log: &Retired, count: usize) -> Retired {
        self::log(&log.iter().take(count).collect::<Vec<_>>())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Of all clocks, be they live, stale, or ahead of what was agreed on.
        #[test]
        fn retirement_never_changes_the_outcome_of_a_comparison(
            (log, x, y) in logs(), a in clocks(), b in clocks(),
        ) {
            let folded = (first(&log, x).fold(&a).unwrap(), first(&log, y).fold(&b).unwrap());
            prop_assert_eq!(log.compare(&folded.0, &folded.1), Ok(a.compare(&b)));
            let mut both = a.clone();
            both.merge(&b).unwrap();
            let merged = log.merge(&folded.0, &folded.1).unwrap();
            prop_assert_eq!(log.unfold(&merged), Ok(both.clone()));
            prop_assert_eq!(merged, log.fold(&both).unwrap());
        }

        #[test]
        fn folding_loses_no_counter((log, x, _) in logs(), a in clocks()) {
            let folded = first(&log, x).fold(&a).unwrap();
            prop_assert_eq!(log.unfold(&folded).unwrap(), a.clone());
            // Step by step is the same as at once.
            prop_assert_eq!(log.raise(&folded).unwrap(), log.fold(&a).unwrap());
            let complete = a.iter().all(|(actor, e)| log.get(actor).is_none_or(|n| n == e.count));
            let none = log.fold(&a).unwrap().clock().actors().all(|actor| {
                log.get(actor).is_none() || a.count(actor) == 0
            });
            prop_assert!(!complete || none, "an entry of which all is known was kept");
        }
    }
}
