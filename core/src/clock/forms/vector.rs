//! A vector clock as bytes.

use super::super::vector::{Stamp, VectorClock};
use super::codec::{Reader, head, put_name, put_number};
use crate::error::Result;

impl VectorClock {
    /// The bytes of this clock, with its stamps if it has any: the same in every language, and one
    /// form for each value.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 + 8 * self.len());
        self.put(&mut out);
        out
    }

    /// The clock of bytes that [`to_bytes`](Self::to_bytes) made, in whatever language.
    ///
    /// Errors: `bad_argument` for bytes that are no clock, and for any that say the same in another
    /// form; `too_large` when all names take more than 16 MiB.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("vector clock", bytes);
        let clock = Self::read(&mut reader)?;
        reader.end()?;
        Ok(clock)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let stamped = self.stamped();
        out.push(if stamped { head::STAMPED } else { head::CLOCK });
        put_number(out, self.len() as u64);
        let mut before = "";
        for (index, name) in self.actors.iter().enumerate() {
            put_name(out, before, name);
            put_number(out, self.counts[index]);
            if stamped {
                let Stamp { insert, time } = self.stamp(index);
                put_number(out, insert);
                put_number(out, time);
            }
            before = name;
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let stamped = match reader.byte()? {
            head::CLOCK => false,
            head::STAMPED => true,
            _ => return Err(reader.wrong("they begin as no version of it does")),
        };
        let count = reader.count(if stamped { 5 } else { 3 })?;
        let mut clock = Self::with_capacity(count);
        for _ in 0..count {
            clock.actors.push(reader.name()?)?;
            clock.counts.push(reader.number()?);
            if stamped {
                let (insert, time) = (reader.number()?, reader.number()?);
                clock.stamps.push(Stamp { insert, time });
            }
        }
        if stamped && !clock.stamped() {
            return Err(reader.wrong("it says that it has stamps, and has none"));
        }
        Ok(clock)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Entry;
    use crate::error::ErrorKind;

    fn entries(clock: &VectorClock) -> Vec<(String, Entry)> {
        clock.iter().map(|(actor, entry)| (actor.to_owned(), entry)).collect()
    }

    #[test]
    fn the_bytes_are_these() {
        let mut clock = VectorClock::new();
        assert_eq!(clock.to_bytes(), [0x11, 0]);
        clock.update("web-2", 300).unwrap();
        clock.insert("web-1").unwrap();
        let expected = [&[0x11, 2, 0x05][..], b"web-1", &[0, 0x41], b"2", &[0xac, 2]].concat();
        assert_eq!(clock.to_bytes(), expected);
        clock.increment_at("web-1", 127).unwrap();
        let head = [&[0x21, 2, 0x05][..], b"web-1", &[1, 0x80, 1, 0x80, 1]].concat();
        let expected = [&head[..], &[0x41], b"2", &[0xac, 2, 0, 0]].concat();
        assert_eq!(clock.to_bytes(), expected);
    }

    /// Goal: 9 bytes for an actor of 8.
    #[test]
    fn an_actor_of_eight_bytes_takes_at_most_nine() {
        for many in [3, 10, 100, 1_000] {
            let mut clock = VectorClock::new();
            for number in 0..many {
                clock.update(&format!("web-{number:04}"), 1 + number % 100).unwrap();
            }
            let bytes = clock.to_bytes().len();
            assert!(bytes as u64 <= 9 * many, "{bytes} for {many}");
        }
    }

    #[test]
    fn a_stamp_that_all_entries_lack_is_no_stamp() {
        let mut clock = VectorClock::new();
        clock.increment("a").unwrap();
        clock.increment_at("b", 5).unwrap();
        clock.remove("b");
        assert_eq!(clock.to_bytes(), [0x11, 1, 0x01, b'a', 1]);
        assert!(VectorClock::from_bytes(&[0x21, 1, 0x01, b'a', 1, 0, 0]).is_err());
        assert!(VectorClock::from_bytes(&[0x21, 0]).is_err());
    }

    #[test]
    fn bytes_of_something_else_are_refused() {
        let whole = [0x11, 2, 0x01, b'a', 1, 0x01, b'b', 2];
        assert!(VectorClock::from_bytes(&whole).is_ok());
        for cut in 0..whole.len() {
            assert!(VectorClock::from_bytes(&whole[..cut]).is_err(), "{cut}");
        }
        for other in [
            &b"\x12\x00"[..],
            b"\x11\x00\x00",
            b"\x11\x80\x00",
            b"\x11\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01a\x01",
            b"\x11\x02\x01b\x01\x01a\x01",
            b"\x11\x02\x01a\x01\x01a\x01",
            b"\x11\x01\x01a\x81\x00",
            b"\x11\x01\x00\x01\x00",
        ] {
            let error = VectorClock::from_bytes(other).expect_err("it is none");
            assert_eq!(error.kind(), ErrorKind::BadArgument, "{other:02x?}");
        }
    }

    /// Names that share almost all come to much more than their bytes.
    #[test]
    fn short_bytes_cannot_become_a_huge_clock() {
        let names = (0..20_000_u32).map(|number| format!("{}{number:06}", "x".repeat(1_018)));
        let (mut bytes, mut before) = (vec![head::CLOCK], String::new());
        put_number(&mut bytes, 20_000);
        for name in names {
            put_name(&mut bytes, &before, &name);
            bytes.push(1);
            before = name;
        }
        assert!(bytes.len() < 150_000, "{}", bytes.len());
        let error = VectorClock::from_bytes(&bytes).expect_err("20 MB of names");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    fn clocks() -> impl Strategy<Value = VectorClock> {
        let name = prop_oneof!["[a-c]{1,4}", "\\PC{1,9}", "x{14,18}[ab]", "n-[0-9]{1,3}"];
        let one = (name, any::<u64>(), 0..4_u8, any::<u64>(), prop::option::of(any::<u64>()));
        prop::collection::vec(one, 0..12).prop_map(|entries| {
            let mut clock = VectorClock::new();
            for (actor, count, few, first, stamp) in entries {
                let count = if few > 0 { count % 300 } else { count };
                clock.update(&actor, count).unwrap();
                if let Some(at) = stamp {
                    clock.update_at(&actor, count, first).unwrap();
                    clock.update_at(&actor, count, at).unwrap();
                }
            }
            clock
        })
    }

    proptest! {
        #[test]
        fn a_clock_comes_back_from_its_bytes(clock in clocks()) {
            let bytes = clock.to_bytes();
            let back = VectorClock::from_bytes(&bytes).unwrap();
            prop_assert_eq!(entries(&back), entries(&clock));
            prop_assert_eq!(back.to_bytes(), bytes);
        }

        /// Every other byte string is refused, or is the one form of another clock.
        #[test]
        fn spoilt_bytes_are_refused_or_another_clock(
            clock in clocks(), place: prop::sample::Index, byte: u8, how in 0..3_u8,
        ) {
            let mut bytes = clock.to_bytes();
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
            if let Ok(other) = VectorClock::from_bytes(&bytes) {
                prop_assert_eq!(other.to_bytes(), bytes);
            }
        }

        #[test]
        fn random_bytes_are_refused_or_a_clock(tail in prop::collection::vec(any::<u8>(), 0..40)) {
            for head in [0x11, 0x21] {
                let bytes = [&[head], &tail[..]].concat();
                if let Ok(clock) = VectorClock::from_bytes(&bytes) {
                    prop_assert_eq!(clock.to_bytes(), bytes);
                }
            }
        }
    }
}
