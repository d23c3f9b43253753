//! A vector clock as counters alone, for those who have agreed on a table of actors.

use sha2::{Digest, Sha256};

use super::super::actors::{self, Actors};
use super::super::vector::VectorClock;
use super::codec::{Reader, head, put_name, put_number};
use crate::error::{Error, ErrorKind, Result};

/// Actors that both sides know, such as all members of a cluster: what a dense form is relative to.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ActorTable {
    actors: Actors,
}

impl ActorTable {
    /// A table of these actors, in whatever order; one that comes twice counts once.
    ///
    /// Errors: `bad_argument` for what is no name, `too_large` when all take more than 16 MiB.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut sorted: Vec<&str> = names.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut table = Self { actors: Actors::with_capacity(sorted.len()) };
        for name in sorted {
            actors::check(name)?;
            table.actors.push(name)?;
        }
        Ok(table)
    }

    /// How many actors there are.
    pub fn len(&self) -> usize {
        self.actors.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The actors, in the order of their bytes.
    pub fn actors(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.actors.iter()
    }

    /// What stands for the table in front of a dense form: the same in every language.
    pub fn fingerprint(&self) -> u64 {
        let mut names = Vec::new();
        let mut before = "";
        for name in self.actors() {
            put_name(&mut names, before, name);
            before = name;
        }
        let digest = Sha256::digest(&names);
        u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
    }
}

impl std::fmt::Debug for ActorTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.actors()).finish()
    }
}

impl VectorClock {
    /// The counters of this clock alone, for who has the same table: a byte or two an actor. Stamps
    /// are left out.
    ///
    /// Errors: `bad_argument` when an actor with a counter above 0 is not in the table.
    pub fn to_dense(&self, table: &ActorTable) -> Result<Vec<u8>> {
        let mut out = vec![head::DENSE];
        out.extend_from_slice(&table.fingerprint().to_be_bytes());
        for (ours, theirs) in actors::both(&self.actors, &table.actors) {
            let count = ours.map_or(0, |index| self.counts[index]);
            if theirs.is_some() {
                put_number(&mut out, count);
            } else if count > 0 {
                let actor = self.actors.get(ours.unwrap_or_default());
                let message =
                    format!("\"{actor}\" is not in the table of actors; agree on another");
                return Err(Error::new(ErrorKind::BadArgument, message));
            }
        }
        Ok(out)
    }

    /// The clock of bytes that [`to_dense`](Self::to_dense) made with the same table. An actor that
    /// counts 0 has no entry.
    ///
    /// Errors: `bad_argument` for bytes that are none, or of another table.
    pub fn from_dense(table: &ActorTable, bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("dense vector clock", bytes);
        if reader.byte()? != head::DENSE {
            return Err(reader.wrong("they begin as no version of it does"));
        }
        if reader.take(8)? != table.fingerprint().to_be_bytes() {
            return Err(reader.wrong("they were made with another table of actors"));
        }
        let mut clock = Self::new();
        for actor in table.actors() {
            let count = reader.number()?;
            if count > 0 {
                clock.push(actor, count, Default::default())?;
            }
        }
        reader.end()?;
        Ok(clock)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_fingerprint_and_counters() {
        let table = ActorTable::new(["b", "a", "c", "a"]).unwrap();
        assert_eq!(table.actors().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(format!("{table:?}"), r#"["a", "b", "c"]"#);
        // The first bytes of the SHA-256 of 01 61 01 62 01 63.
        assert_eq!(table.fingerprint(), 0xac67_8da9_9e6e_9ebf);
        let mut clock = VectorClock::new();
        clock.update("c", 300).unwrap();
        clock.insert("x").unwrap();
        let bytes = clock.to_dense(&table).unwrap();
        let mark = table.fingerprint().to_be_bytes();
        assert_eq!(bytes, [&[0x51], &mark[..], &[0, 0, 0xac, 2]].concat());
        let back = VectorClock::from_dense(&table, &bytes).unwrap();
        assert_eq!((back.len(), back.count("c")), (1, 300));
    }

    #[test]
    fn another_table_is_told_apart() {
        let table = ActorTable::new(["a", "bc"]).unwrap();
        let other = ActorTable::new(["ab", "c"]).unwrap();
        assert_ne!(table.fingerprint(), other.fingerprint());
        let (mut clock, mut stranger) = (VectorClock::new(), VectorClock::new());
        clock.increment("a").unwrap();
        stranger.increment("z").unwrap();
        let bytes = clock.to_dense(&table).unwrap();
        let wrong = [
            VectorClock::from_dense(&other, &bytes).map(|_| ()),
            VectorClock::from_dense(&table, &bytes[..10]).map(|_| ()),
            VectorClock::from_dense(&table, &[&bytes[..], &[0]].concat()).map(|_| ()),
            stranger.to_dense(&table).map(|_| ()),
            ActorTable::new(["a", ""]).map(|_| ()),
        ];
        for error in wrong {
            assert_eq!(error.map_err(|error| error.kind()), Err(ErrorKind::BadArgument));
        }
        let empty = ActorTable::new([]).unwrap();
        assert!(empty.is_empty() && VectorClock::new().to_dense(&empty).unwrap().len() == 9);
    }

    /// Goal: 2.5 bytes an actor at small counts.
    #[test]
    fn an_actor_takes_at_most_two_and_a_half_bytes() {
        for many in [10_u64, 100, 1_000] {
            let names: Vec<String> = (0..many).map(|number| format!("web-{number:04}")).collect();
            let table = ActorTable::new(names.iter().map(String::as_str)).unwrap();
            let mut clock = VectorClock::new();
            for (number, name) in (0..).zip(&names) {
                clock.update(name, number * 37 % 1_000).unwrap();
            }
            let bytes = clock.to_dense(&table).unwrap();
            assert!(2 * bytes.len() as u64 <= 5 * many, "{} for {many}", bytes.len());
            assert_eq!(VectorClock::from_dense(&table, &bytes), Ok(clock));
        }
    }

    proptest! {
        #[test]
        fn random_bytes_are_refused_or_a_clock(tail in prop::collection::vec(any::<u8>(), 0..8)) {
            let table = ActorTable::new(["a", "b", "c"]).unwrap();
            let bytes = [&[0x51], &table.fingerprint().to_be_bytes()[..], &tail[..]].concat();
            if let Ok(clock) = VectorClock::from_dense(&table, &bytes) {
                prop_assert_eq!(clock.to_dense(&table), Ok(bytes));
            }
        }
    }
}
