//! Names of actors: sorted and packed into one text, so that two lists of the same names are known
//! as such by comparing bytes.

use std::cmp::Ordering;

use crate::error::{Error, ErrorKind, Result};

/// Bytes of an actor's name at most.
pub const ACTOR_MAX: usize = 1_024;

/// Bytes of all names of one clock at most.
pub const NAMES_MAX: usize = 16 * 1_024 * 1_024;

/// The actor that a node is in one of its lives: name, `~`, incarnation in decimal.
///
/// An actor is a process that writes, never a client: each client would leave an entry in every
/// clock it touched. And it is one life of it, since a process that lost its counter must not count
/// from the beginning again under the same name.
///
/// Errors: `bad_argument` when the name is empty, or the whole is longer than [`ACTOR_MAX`].
pub fn actor(name: &str, incarnation: u64) -> Result<String> {
    check(name)?;
    let whole = format!("{name}~{incarnation}");
    check(&whole)?;
    Ok(whole)
}

/// Name and incarnation of what [`actor`] made; `None` of any other text.
pub fn split_actor(actor: &str) -> Option<(&str, u64)> {
    let (name, digits) = actor.rsplit_once('~')?;
    let incarnation: u64 = digits.parse().ok()?;
    let whole = !name.is_empty() && incarnation.to_string() == digits;
    whole.then_some((name, incarnation))
}

/// A name must be 1 to [`ACTOR_MAX`] bytes; there are no other rules.
pub(super) fn check(actor: &str) -> Result<()> {
    if (1..=ACTOR_MAX).contains(&actor.len()) {
        return Ok(());
    }
    let message = match actor.len() {
        0 => "an actor has no name; give the process that writes one".to_owned(),
        n => format!("the name of an actor has {n} bytes; at most {ACTOR_MAX} are allowed"),
    };
    Err(Error::new(ErrorKind::BadArgument, message))
}

/// Names that are looked at together where two lists may be the same for a while.
pub(super) const RUN: usize = 32;

#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Actors {
    /// The names, back to back.
    names: String,
    /// Where each of them ends. [`NAMES_MAX`] fits.
    ends: Vec<u32>,
}

impl Actors {
    pub(super) fn with_capacity(count: usize) -> Self {
        Self { names: String::new(), ends: Vec::with_capacity(count) }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The name at `index`, which is one.
    pub(super) fn get(&self, index: usize) -> &str {
        &self.names[self.start(index)..self.ends[index] as usize]
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        (0..self.len()).map(|index| self.get(index))
    }

    pub(super) fn last(&self) -> &str {
        self.len().checked_sub(1).map_or("", |last| self.get(last))
    }

    /// Where the name is; or where it would be inserted.
    pub(super) fn find(&self, actor: &str) -> std::result::Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.bytes(middle, middle + 1).cmp(actor.as_bytes()) {
                Ordering::Equal => return Ok(middle),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Inserts a name that was checked and not found, where [`Self::find`] says.
    pub(super) fn insert(&mut self, index: usize, actor: &str) -> Result<()> {
        let length = self.room(actor)?;
        let start = self.start(index);
        self.names.insert_str(start, actor);
        self.ends.insert(index, start as u32);
        self.ends[index..].iter_mut().for_each(|end| *end += length);
        Ok(())
    }

    /// Adds a name that comes after all others.
    pub(super) fn push(&mut self, actor: &str) -> Result<()> {
        debug_assert!(self.len() == 0 || self.last() < actor);
        self.append(actor)
    }

    /// Adds any name, after which the names may be in no order.
    pub(super) fn append(&mut self, actor: &str) -> Result<()> {
        let length = self.room(actor)?;
        self.ends.push(self.names.len() as u32 + length);
        self.names.push_str(actor);
        Ok(())
    }

    pub(super) fn remove(&mut self, index: usize) {
        let start = self.start(index);
        let end = self.ends.remove(index) as usize;
        self.names.replace_range(start..end, "");
        self.ends[index..].iter_mut().for_each(|later| *later -= (end - start) as u32);
    }

    /// Whether the next [`RUN`] names are the same on both sides.
    pub(super) fn same_run(&self, our: usize, other: &Self, their: usize) -> bool {
        if our + RUN > self.len() || their + RUN > other.len() {
            return false;
        }
        // Offsets differ by what came before; that wraps around the same on both sides.
        let before = (self.start(our) as u32).wrapping_sub(other.start(their) as u32);
        let same = |(ours, theirs): (&u32, &u32)| ours.wrapping_sub(*theirs) == before;
        self.bytes(our, our + RUN) == other.bytes(their, their + RUN)
            && self.ends[our..our + RUN].iter().zip(&other.ends[their..their + RUN]).all(same)
    }

    /// The bytes of the names from one index to another.
    fn bytes(&self, from: usize, to: usize) -> &[u8] {
        &self.names.as_bytes()[self.start(from)..self.start(to)]
    }

    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before] as usize)
    }

    /// The length of a name for which there is room.
    fn room(&self, actor: &str) -> Result<u32> {
        if self.names.len() + actor.len() <= NAMES_MAX {
            return Ok(actor.len() as u32);
        }
        let message = format!(
            "the names of all actors would take more than {NAMES_MAX} bytes; actors are processes \
             that write, not clients or requests"
        );
        Err(Error::new(ErrorKind::TooLarge, message))
    }
}

/// Which of two lists goes on with the smaller name; one that has ended does not go on.
pub(super) fn next(ours: &Actors, our: usize, theirs: &Actors, their: usize) -> Option<Ordering> {
    match (our < ours.len(), their < theirs.len()) {
        (false, false) => None,
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        (true, true) => Some(ours.bytes(our, our + 1).cmp(theirs.bytes(their, their + 1))),
    }
}

/// Every name of either list in order, as its index in each.
pub(super) fn both<'a>(
    ours: &'a Actors,
    theirs: &'a Actors,
) -> impl Iterator<Item = (Option<usize>, Option<usize>)> + 'a {
    let (mut our, mut their) = (0, 0);
    std::iter::from_fn(move || {
        let order = next(ours, our, theirs, their)?;
        let pair = (order.is_le().then_some(our), order.is_ge().then_some(their));
        our += usize::from(order.is_le());
        their += usize::from(order.is_ge());
        Some(pair)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_a_name_and_a_life() {
        assert_eq!(actor("web-1", 7).as_deref(), Ok("web-1~7"));
        assert_eq!(split_actor("web-1~7"), Some(("web-1", 7)));
        assert_eq!(split_actor("a~b~0"), Some(("a~b", 0)));
        for other in ["web-1", "web-1~", "~7", "web-1~07", "web-1~+7", "web-1~18446744073709551616"]
        {
            assert_eq!(split_actor(other), None, "{other}");
        }
        assert!(actor("", 1).is_err());
        assert!(actor(&"x".repeat(ACTOR_MAX - 1), 1).is_err());
        assert!(actor(&"x".repeat(ACTOR_MAX - 2), 1).is_ok());
    }

    #[test]
    fn names_stay_sorted_and_apart() {
        let mut actors = Actors::default();
        for name in ["b", "é", "ab", "a", "bc", "z"] {
            let index = actors.find(name).expect_err("it is new");
            actors.insert(index, name).unwrap();
        }
        assert_eq!(actors.iter().collect::<Vec<_>>(), ["a", "ab", "b", "bc", "z", "é"]);
        assert_eq!(actors.find("bc"), Ok(3));
        assert_eq!(actors.find("c"), Err(4));
        actors.remove(1);
        actors.remove(4);
        assert_eq!(actors.iter().rev().collect::<Vec<_>>(), ["z", "bc", "b", "a"]);
        assert_eq!(actors.last(), "z");
    }

    /// `node1` and `1` are not `node` and `11`.
    #[test]
    fn the_same_letters_cut_elsewhere_are_other_names() {
        let list = |names: [&str; 2]| {
            let mut actors = Actors::default();
            names.into_iter().for_each(|name| actors.push(name).unwrap());
            actors
        };
        assert!(list(["a", "bc"]) != list(["ab", "c"]));
        assert!(list(["a", "bc"]) == list(["a", "bc"]));
    }

    #[test]
    fn names_have_room_and_no_more() {
        let mut actors = Actors::default();
        let long = "x".repeat(ACTOR_MAX - 6);
        for number in 0..NAMES_MAX / ACTOR_MAX {
            actors.push(&format!("{number:06}{long}")).unwrap();
        }
        let error = actors.push("y").expect_err("it is full");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        actors.remove(0);
        assert!(actors.push("y").is_ok());
    }
}
