//! Along the bytes of vector clocks without stamps: one by itself, or two side by side.

use std::cmp::Ordering;

use super::codec::{Reader, head};

/// A counter, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) count: u64,
}

/// Bytes of a walk that are looked at together.
type Lane = u64;

/// A walk along the form without stamps. `None` means that the bytes do not go on as one.
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    /// Where it is.
    pub(super) at: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        (*bytes.first()? == head::CLOCK).then_some(Self { bytes, at: 1 })
    }

    pub(super) fn is_over(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Option<u64> {
        let first = *self.bytes.get(self.at)?;
        if first >= 0x80 {
            return self.long_number();
        }
        self.at += 1;
        Some(first.into())
    }

    fn long_number(&mut self) -> Option<u64> {
        let mut reader = Reader::new("number", &self.bytes[self.at..]);
        let number = reader.number().ok()?;
        self.at = self.bytes.len() - reader.rest().len();
        Some(number)
    }

    /// The counters of the next actor in this walk and another, where name and counters are short;
    /// nothing where they are not, and `None` when the names differ.
    #[inline]
    pub(super) fn both(&mut self, other: &mut Self) -> Option<Option<(Place, Place)>> {
        let (Some(ours), Some(theirs)) = (self.lane(), other.lane()) else {
            return Some(None);
        };
        let (shared, fresh) = (ours as u8 >> 4, ours as u8 & 15);
        if shared == 15 || fresh > 6 {
            return Some(None);
        }
        // The first byte with the lengths, and what follows: at most 7 of the 8.
        let bits = 8 * (1 + u32::from(fresh));
        if (ours ^ theirs) << (Lane::BITS - bits) != 0 {
            return None;
        }
        let (our, their) = ((ours >> bits) as u8, (theirs >> bits) as u8);
        if our | their >= 0x80 {
            return Some(None);
        }
        let name = 1 + usize::from(fresh);
        Some(Some((self.short(name, our), other.short(name, their))))
    }

    #[inline]
    fn lane(&self) -> Option<Lane> {
        let bytes = self.bytes.get(self.at..)?.first_chunk()?;
        Some(Lane::from_le_bytes(*bytes))
    }

    /// Goes past a name of so many bytes and a number of one.
    #[inline]
    fn short(&mut self, name: usize, number: u8) -> Place {
        let start = self.at + name;
        self.at = start + 1;
        Place { start, end: self.at, count: number.into() }
    }

    /// How much a name shares with the one before, and what follows.
    #[inline]
    pub(super) fn name(&mut self) -> Option<(usize, &'a [u8])> {
        let lengths = usize::from(*self.bytes.get(self.at)?);
        self.at += 1;
        let (shared, fresh) = (self.length(lengths >> 4)?, self.length(lengths & 15)?);
        Some((shared, self.take(fresh)?))
    }

    fn length(&mut self, short: usize) -> Option<usize> {
        match short {
            15 => usize::try_from(self.number()?).ok()?.checked_add(short),
            short => Some(short),
        }
    }

    #[inline]
    pub(super) fn place(&mut self) -> Option<Place> {
        let start = self.at;
        let count = self.number()?;
        Some(Place { start, end: self.at, count })
    }
}

/// A name that comes next, and its counter.
struct Next<'a> {
    /// How much of it the name that was shown last has.
    common: usize,
    /// How much of it the name before it has.
    shared: usize,
    /// What follows that.
    suffix: &'a [u8],
    place: Place,
}

impl<'a> Next<'a> {
    /// What the name that was shown last does not have of it.
    fn rest(&self) -> Option<&'a [u8]> {
        self.suffix.get(self.common.checked_sub(self.shared)?..)
    }
}

/// A walk, and what comes next in it.
struct Side<'a> {
    walk: Walk<'a>,
    left: u64,
    next: Option<Next<'a>>,
}

impl<'a> Side<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let mut walk = Walk::new(bytes)?;
        let left = walk.number()?;
        let mut side = Self { walk, left, next: None };
        side.go_on()?;
        // The first name shares nothing.
        side.next.as_ref().is_none_or(|next| next.shared == 0).then_some(side)
    }

    /// Goes on after what was shown.
    fn go_on(&mut self) -> Option<()> {
        if self.left == 0 {
            self.next = None;
            return self.walk.is_over().then_some(());
        }
        let (shared, suffix) = self.walk.name()?;
        let place = self.walk.place()?;
        self.next = Some(Next { common: shared, shared, suffix, place });
        self.left -= 1;
        Some(())
    }
}

/// An actor of either clock: how much of its name the one before has, the rest of it, and what each
/// clock counts.
pub(super) struct Pair<'a> {
    pub(super) common: usize,
    pub(super) rest: &'a [u8],
    pub(super) our: Option<u64>,
    pub(super) their: Option<u64>,
}

/// Shows every actor of either clock in order; `None` when a walk does not tell.
///
/// Names are never put together: of two that come next, the one that has more in common with the
/// name before is the smaller, and where both have as much, what follows decides.
pub(super) fn pairs<'a>(
    ours: &'a [u8],
    theirs: &'a [u8],
    mut show: impl FnMut(Pair<'a>),
) -> Option<()> {
    let (mut ours, mut theirs) = (Side::new(ours)?, Side::new(theirs)?);
    while let Some(order) = order(&mut ours, &mut theirs)? {
        let (our, their) = (
            ours.next.as_ref().filter(|_| order.is_le()),
            theirs.next.as_ref().filter(|_| order.is_ge()),
        );
        let next = our.or(their)?;
        show(Pair {
            common: next.common,
            rest: next.rest()?,
            our: our.map(|next| next.place.count),
            their: their.map(|next| next.place.count),
        });
        if order.is_le() {
            ours.go_on()?;
        }
        if order.is_ge() {
            theirs.go_on()?;
        }
    }
    Some(())
}

/// Which side goes on with the smaller name, and none when both have ended. The other one then has
/// in common with that name what it had with the one before, or what is found here.
fn order(ours: &mut Side<'_>, theirs: &mut Side<'_>) -> Option<Option<Ordering>> {
    let (our, their) = match (&mut ours.next, &mut theirs.next) {
        (None, None) => return Some(None),
        (Some(_), None) => return Some(Some(Ordering::Less)),
        (None, Some(_)) => return Some(Some(Ordering::Greater)),
        (Some(our), Some(their)) => (our, their),
    };
    if our.common != their.common {
        return Some(Some(their.common.cmp(&our.common)));
    }
    let (rest, other) = (our.rest()?, their.rest()?);
    let same = rest.iter().zip(other).take_while(|(a, b)| a == b).count();
    let order = rest.get(same).cmp(&other.get(same));
    match order {
        Ordering::Less => their.common += same,
        Ordering::Greater => our.common += same,
        Ordering::Equal => {}
    }
    Some(Some(order))
}
