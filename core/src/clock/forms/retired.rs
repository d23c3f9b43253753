//! A log of retirements as bytes: names and final counts, in its order.

use super::super::retired::Retired;
use super::codec::{Reader, head, put_number};
use crate::error::Result;

impl Retired {
    /// The bytes of this log, to be kept beside what was folded under it: one form for each.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![head::RETIRED];
        put_number(&mut out, self.epoch());
        for (actor, count) in self.iter() {
            put_number(&mut out, actor.len() as u64);
            out.extend_from_slice(actor.as_bytes());
            put_number(&mut out, count);
        }
        out
    }

    /// The log of bytes that [`to_bytes`](Self::to_bytes) made.
    ///
    /// Errors: `bad_argument` for bytes that are none; `too_large` when all names take more than
    /// 16 MiB.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("log of retirements", bytes);
        if reader.byte()? != head::RETIRED {
            return Err(reader.wrong("they begin as no version of it does"));
        }
        let many = reader.count(3)?;
        let mut log = Self::with_capacity(many);
        for _ in 0..many {
            let length = reader.count(1)?;
            let name = std::str::from_utf8(reader.take(length)?);
            let actor = name.map_err(|_| reader.wrong("a name is no UTF-8"))?;
            log.append(actor, reader.number()?)?;
        }
        reader.end()?;
        log.sorted()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    fn log(pairs: &[(&str, u64)]) -> Retired {
        let mut log = Retired::new();
        pairs.iter().for_each(|(actor, count)| log.retire(actor, *count).map(|_| ()).unwrap());
        log
    }

    #[test]
    fn the_bytes_are_names_and_counts_in_order() {
        assert_eq!(Retired::new().to_bytes(), [0x61, 0]);
        let log = log(&[("web-2", 300), ("a", 0)]);
        let bytes = [&[0x61, 2, 5][..], b"web-2", &[0xac, 2, 1, b'a', 0]].concat();
        assert_eq!(log.to_bytes(), bytes);
        assert_eq!(Retired::from_bytes(&bytes), Ok(log));
        for cut in 0..bytes.len() {
            assert!(Retired::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        assert!(Retired::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn a_log_that_was_read_goes_on() {
        let mut read =
            Retired::from_bytes(&log(&[("b", 1), ("c", 2), ("a", 3)]).to_bytes()).unwrap();
        assert_eq!((read.get("a"), read.get("b"), read.get("d")), (Some(3), Some(1), None));
        assert_eq!(read.retire("d", 4), Ok(4));
        assert!(read.retire("c", 2).is_err());
        assert_eq!(read, log(&[("b", 1), ("c", 2), ("a", 3), ("d", 4)]));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for bytes in [
            &b"\x62\x00"[..],
            b"\x61",
            b"\x61\x80\x00",
            b"\x61\x01\x00\x01",
            b"\x61\x01\x01\xff\x01",
            b"\x61\x02\x01a\x01\x01a\x02",
            b"\x61\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01a\x01",
            b"\x61\x01\xff\xff\xff\xff\x0fa\x01",
            b"\x61\x01\x01a\x81\x00",
        ] {
            let error = Retired::from_bytes(bytes).expect_err("it is none");
            assert_eq!(error.kind(), ErrorKind::BadArgument, "{bytes:02x?}");
        }
        let long = [&[0x61, 1, 0x81, 8][..], &[b'x'; 1_025], &[1]].concat();
        assert!(Retired::from_bytes(&long).is_err());
        // More names than a log may have.
        let mut many = vec![head::RETIRED];
        put_number(&mut many, 16_385);
        for number in 0..16_385 {
            put_number(&mut many, 1_024);
            many.extend_from_slice(format!("{number:01024}").as_bytes());
            many.push(1);
        }
        let error = Retired::from_bytes(&many).expect_err("it is too large");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    /// It takes a moment, where one retirement after the other would take minutes.
    #[test]
    fn a_million_names_are_sorted_once() {
        let mut bytes = vec![head::RETIRED];
        put_number(&mut bytes, 1_000_000);
        for number in (0..1_000_000).rev() {
            bytes.push(6);
            bytes.extend_from_slice(format!("{number:06}").as_bytes());
            bytes.push(1);
        }
        let log = Retired::from_bytes(&bytes).unwrap();
        assert_eq!((log.epoch(), log.get("000000"), log.get("x")), (1_000_000, Some(1), None));
        assert_eq!(log.to_bytes(), bytes);
    }

    proptest! {
        #[test]
        fn a_log_comes_back_from_its_bytes(
            pairs in prop::collection::vec(("\\PC{1,2}", any::<u64>()), 0..8),
            place: prop::sample::Index, byte: u8,
        ) {
            let mut log = Retired::new();
            for (actor, count) in pairs {
                let known = log.get(&actor).is_some();
                prop_assert_eq!(log.retire(&actor, count).is_err(), known);
            }
            let mut bytes = log.to_bytes();
            prop_assert_eq!(Retired::from_bytes(&bytes), Ok(log));
            let at = place.index(bytes.len());
            bytes[at] = byte;
            if let Ok(other) = Retired::from_bytes(&bytes) {
                prop_assert_eq!(other.to_bytes(), bytes);
            }
        }
    }
}
