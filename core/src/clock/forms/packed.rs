//! A vector clock that stays in its bytes: asked, counted on and merged without being read first.

use super::super::actors::NAMES_MAX;
use super::super::order::Causality;
use super::super::vector::VectorClock;
use super::codec::{head, put_number, put_suffix};
use super::walk::{Pair, Place, Walk, pairs};
use crate::error::Result;

/// The bytes of a vector clock ([`VectorClock::to_bytes`]), for languages that keep it as those.
///
/// What is asked for often takes one walk along the bytes where that is possible, which puts no
/// name together: clocks without stamps. Anything else is read as a clock. Names that a walk meets
/// are not checked: of bytes that are no clock, it makes errors or such bytes again.
///
/// ```
/// use chinwag::clock::{PackedClock, VectorClock};
///
/// # fn main() -> chinwag::Result<()> {
/// let mut clock = VectorClock::new();
/// clock.update("web-1", 2)?;
/// let (bytes, mut more) = (clock.to_bytes(), Vec::new());
/// PackedClock::new(&bytes).increment("web-1", &mut more)?;
/// assert_eq!(PackedClock::new(&more).count("web-1"), Ok(3));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PackedClock<'a> {
    bytes: &'a [u8],
}

impl<'a> PackedClock<'a> {
    /// The clock of these bytes, which are looked at when it is asked.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// As [`VectorClock::count`]. Errors: as [`VectorClock::from_bytes`].
    pub fn count(&self, actor: &str) -> Result<u64> {
        match self.find(actor) {
            Some(place) => Ok(place.map_or(0, |place| place.count)),
            None => Ok(self.read()?.count(actor)),
        }
    }

    /// As [`VectorClock::increment`]: the bytes are appended to `out`. Errors: as there, and as
    /// [`VectorClock::from_bytes`].
    pub fn increment(&self, actor: &str, out: &mut Vec<u8>) -> Result<()> {
        if let Some(Some(Place { start, end, count })) = self.find(actor) {
            out.extend_from_slice(&self.bytes[..start]);
            put_number(out, count.saturating_add(1));
            out.extend_from_slice(&self.bytes[end..]);
            return Ok(());
        }
        let mut clock = self.read()?;
        clock.increment(actor)?;
        clock.put(out);
        Ok(())
    }

    /// As [`VectorClock::compare`]. Errors: as [`VectorClock::from_bytes`].
    pub fn compare(&self, other: &Self) -> Result<Causality> {
        if self.bytes == other.bytes {
            return Ok(Causality::Equal);
        }
        let (mut less, mut more) = (false, false);
        let walked = self.along(other, |our, their| {
            less |= our.count < their.count;
            more |= our.count > their.count;
        });
        if walked.is_some() {
            return Ok(Causality::of(less, more));
        }
        (less, more) = (false, false);
        let walked = pairs(self.bytes, other.bytes, |pair| {
            less |= pair.our.unwrap_or(0) < pair.their.unwrap_or(0);
            more |= pair.our.unwrap_or(0) > pair.their.unwrap_or(0);
        });
        match walked {
            Some(()) => Ok(Causality::of(less, more)),
            None => Ok(self.read()?.compare(&other.read()?)),
        }
    }

    /// As [`VectorClock::merge`]: whether this one changes by it, and then its bytes are appended
    /// to `out`. Errors: as there, and as [`VectorClock::from_bytes`]; `out` may have been written
    /// to then.
    pub fn merge(&self, other: &Self, out: &mut Vec<u8>) -> Result<bool> {
        if self.bytes == other.bytes {
            return Ok(false);
        }
        let start = out.len();
        let mut joined = Joined { ours: self.bytes, theirs: other.bytes, out, start, copied: 0 };
        if self.along(other, |our, their| joined.take(our, their)).is_some() {
            return Ok(joined.end());
        }
        out.truncate(start);
        if let Some(changed) = self.union(other, out) {
            return Ok(changed);
        }
        out.truncate(start);
        let mut clock = self.read()?;
        clock.merge(&other.read()?)?;
        clock.put(out);
        Ok(&out[start..] != self.bytes)
    }

    /// As `merge`, of clocks of different actors; `None` when a walk does not tell.
    fn union(&self, other: &Self, out: &mut Vec<u8>) -> Option<bool> {
        let (start, mut count, mut names, mut changed) = (out.len(), 0, 0, false);
        pairs(self.bytes, other.bytes, |Pair { common, rest, our, their }| {
            put_suffix(out, common, rest);
            put_number(out, our.max(their).unwrap_or(0));
            changed |= our < their;
            names += common + rest.len();
            count += 1;
        })?;
        // How many there are stands before them.
        let mut first = vec![head::CLOCK];
        put_number(&mut first, count);
        out.splice(start..start, first);
        (names <= NAMES_MAX).then_some(changed)
    }

    fn read(&self) -> Result<VectorClock> {
        VectorClock::from_bytes(self.bytes)
    }

    /// Shows each actor's counter on both sides; `None` when a walk does not tell.
    fn along(&self, other: &Self, mut show: impl FnMut(Place, Place)) -> Option<()> {
        let (mut ours, mut theirs) = (Walk::new(self.bytes)?, Walk::new(other.bytes)?);
        let count = ours.number()?;
        if theirs.number()? != count {
            return None;
        }
        for _ in 0..count {
            if let Some((our, their)) = ours.both(&mut theirs)? {
                show(our, their);
                continue;
            }
            let start = ours.at;
            ours.name()?;
            let name = &self.bytes[start..ours.at];
            if theirs.take(name.len())? != name {
                return None;
            }
            show(ours.place()?, theirs.place()?);
        }
        (ours.is_over() && theirs.is_over()).then_some(())
    }

    /// Where the counter of an actor is: nowhere if it has none, `None` when a walk does not tell.
    fn find(&self, actor: &str) -> Option<Option<Place>> {
        let mut walk = Walk::new(self.bytes)?;
        // How much of the actor's name the name before has, which is smaller.
        let mut common = 0;
        for _ in 0..walk.number()? {
            let (shared, suffix) = walk.name()?;
            let place = walk.place()?;
            if shared > common {
                continue;
            }
            let rest = actor.as_bytes().get(common..)?;
            if shared < common || suffix > rest {
                return Some(None);
            }
            if suffix == rest {
                return Some(Some(place));
            }
            common += suffix.iter().zip(rest).take_while(|(a, b)| a == b).count();
        }
        walk.is_over().then_some(None)
    }
}

/// Our bytes with those counters of theirs that are higher.
struct Joined<'a> {
    ours: &'a [u8],
    theirs: &'a [u8],
    out: &'a mut Vec<u8>,
    /// Where in `out` it begins.
    start: usize,
    /// How much of ours is there; 0 as long as no counter of theirs is higher.
    copied: usize,
}

impl Joined<'_> {
    #[inline]
    fn take(&mut self, our: Place, their: Place) {
        if our.count >= their.count {
            return;
        }
        let number = &self.theirs[their.start..their.end];
        if self.copied == 0 {
            self.out.extend_from_slice(self.ours);
            self.copied = self.ours.len();
        }
        // As long as no number is longer than the one in its place, all of ours is there.
        let is_whole = self.copied == self.ours.len();
        let place = self.start + our.start;
        match number {
            [byte] if is_whole && our.end - our.start == 1 => self.out[place] = *byte,
            number => {
                if is_whole {
                    self.out.truncate(place);
                } else {
                    self.out.extend_from_slice(&self.ours[self.copied..our.start]);
                }
                self.out.extend_from_slice(number);
                self.copied = our.end;
            }
        }
    }

    /// Whether there is anything of theirs in it.
    fn end(self) -> bool {
        if self.copied > 0 {
            self.out.extend_from_slice(&self.ours[self.copied..]);
        }
        self.copied > 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(entries: &[(&str, u64)]) -> VectorClock {
        let mut clock = VectorClock::new();
        entries.iter().for_each(|(actor, count)| clock.update(actor, *count).unwrap());
        clock
    }

    #[test]
    fn what_changes_nothing_writes_nothing() {
        let (ours, theirs) = (made(&[("a", 2), ("b", 1)]), made(&[("a", 1), ("b", 300)]));
        let (bytes, others) = (ours.to_bytes(), theirs.to_bytes());
        let (ours, theirs) = (PackedClock::new(&bytes), PackedClock::new(&others));
        let mut out = b"before".to_vec();
        assert_eq!(ours.merge(&ours, &mut out), Ok(false));
        assert_eq!(out, b"before");
        assert_eq!(ours.merge(&theirs, &mut out), Ok(true));
        assert_eq!(out[6..], made(&[("a", 2), ("b", 300)]).to_bytes());
        assert_eq!(ours.compare(&theirs), Ok(Causality::Concurrent));
    }

    #[test]
    fn bytes_that_are_no_clock_are_refused() {
        let whole = made(&[("a", 1), ("b", 2)]).to_bytes();
        let right = PackedClock::new(&whole);
        for cut in 0..whole.len() {
            let wrong = PackedClock::new(&whole[..cut]);
            assert!(wrong.compare(&right).is_err(), "{cut}");
            assert!(right.merge(&wrong, &mut Vec::new()).is_err(), "{cut}");
            assert!(wrong.count("c").is_err(), "{cut}");
            assert!(wrong.increment("c", &mut Vec::new()).is_err(), "{cut}");
        }
    }

    fn clocks() -> impl Strategy<Value = VectorClock> {
        let name = prop_oneof!["[ab]{1,3}", "a{14,17}[ab]", "\\PC{1,4}"];
        let count = prop_oneof![0..3_u64, any::<u64>()];
        let one = (name, count, prop::bool::weighted(0.05));
        prop::collection::vec(one, 0..7).prop_map(|entries| {
            let mut clock = VectorClock::new();
            for (actor, count, stamped) in entries {
                match stamped {
                    true => clock.update_at(&actor, count, count / 2).unwrap(),
                    false => clock.update(&actor, count).unwrap(),
                }
            }
            clock
        })
    }

    /// Another clock of mostly the same actors.
    fn pairs() -> impl Strategy<Value = (VectorClock, VectorClock)> {
        let counts = prop::collection::vec(prop_oneof![0..3_u64, any::<u64>()], 7);
        (clocks(), clocks(), counts, any::<bool>()).prop_map(|(one, other, counts, alike)| {
            let mut twin = one.clone();
            for (actor, count) in one.actors().zip(counts) {
                twin.update(actor, count).unwrap();
            }
            (one, if alike { twin } else { other })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn it_does_what_the_clock_does((one, other) in pairs(), actor in "[ab]{1,3}") {
            let (bytes, others) = (one.to_bytes(), other.to_bytes());
            let (packed, theirs) = (PackedClock::new(&bytes), PackedClock::new(&others));
            prop_assert_eq!(packed.compare(&theirs), Ok(one.compare(&other)));
            for name in one.actors().chain([actor.as_str()]) {
                prop_assert_eq!(packed.count(name), Ok(one.count(name)));
                let (mut out, mut more) = (Vec::new(), one.clone());
                more.increment(name).unwrap();
                packed.increment(name, &mut out).unwrap();
                prop_assert_eq!(out, more.to_bytes());
            }
            let (mut out, mut merged) = (Vec::new(), one.clone());
            merged.merge(&other).unwrap();
            let changed = packed.merge(&theirs, &mut out).unwrap();
            prop_assert_eq!(changed, merged.to_bytes() != bytes);
            prop_assert_eq!(if changed { &out } else { &bytes }, &merged.to_bytes());
        }

        /// What it makes of other bytes is an error, or the same as the clock that they are.
        #[test]
        fn spoilt_bytes_do_no_harm(
            clock in clocks(), place: prop::sample::Index, byte: u8, how in 0..3_u8,
        ) {
            let (bytes, mut spoilt) = (clock.to_bytes(), clock.to_bytes());
            let at = place.index(bytes.len());
            match how {
                0 => spoilt[at] = byte,
                1 => spoilt.insert(at, byte),
                _ => drop(spoilt.remove(at)),
            }
            let (right, wrong) = (PackedClock::new(&bytes), PackedClock::new(&spoilt));
            let (compared, merged) = (wrong.compare(&right), wrong.merge(&right, &mut Vec::new()));
            prop_assert!(wrong.increment("a", &mut Vec::new()).is_ok() || wrong.read().is_err());
            // Names are not checked; whatever else is wrong, nothing comes of it but bytes.
            if let Ok(read) = wrong.read() {
                prop_assert_eq!(compared, Ok(read.compare(&clock)));
                prop_assert!(merged.is_ok());
                prop_assert_eq!(wrong.count("a"), Ok(read.count("a")));
            }
        }
    }
}
