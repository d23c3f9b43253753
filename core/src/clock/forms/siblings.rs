//! Siblings as bytes: for each actor its last event, and the values of the last ones.

use super::super::siblings::Siblings;
use super::super::vector::VectorClock;
use super::codec::{Reader, head, put_name, put_number};
use crate::error::Result;

impl<V: AsRef<[u8]>> Siblings<V> {
    /// The bytes of this record, history and values: one form for each.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![head::SIBLINGS];
        put_number(&mut out, self.context.len() as u64);
        let mut before = "";
        for (index, name) in self.context.actors.iter().enumerate() {
            put_name(&mut out, before, name);
            put_number(&mut out, self.context.counts[index]);
            put_number(&mut out, self.values[index].len() as u64);
            for value in self.values[index].iter().map(AsRef::as_ref) {
                put_number(&mut out, value.len() as u64);
                out.extend_from_slice(value);
            }
            before = name;
        }
        out
    }
}

impl Siblings<Vec<u8>> {
    /// The record of bytes that [`to_bytes`](Self::to_bytes) made.
    ///
    /// Errors: `bad_argument` for bytes that are none; `too_large` when all names take more than
    /// 16 MiB.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Siblings::borrowed(bytes)?.map(<[u8]>::to_vec))
    }
}

impl<'a> Siblings<&'a [u8]> {
    /// As [`from_bytes`](Siblings::from_bytes), with values that stay where they are.
    ///
    /// Errors: as there.
    pub fn borrowed(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new("record of siblings", bytes);
        if reader.byte()? != head::SIBLINGS {
            return Err(reader.wrong("they begin as no version of it does"));
        }
        let actors = reader.count(4)?;
        let mut context = VectorClock::with_capacity(actors);
        let mut values = Vec::with_capacity(actors);
        for _ in 0..actors {
            context.actors.push(reader.name()?)?;
            let count = reader.number()?;
            context.counts.push(count);
            let many = reader.count(1)?;
            if count == 0 || count < many as u64 {
                return Err(reader.wrong("there are more values than events, or no event"));
            }
            let mut list = Vec::with_capacity(many);
            for _ in 0..many {
                let length = reader.count(1)?;
                list.push(reader.take(length)?);
            }
            values.push(list);
        }
        reader.end()?;
        Ok(Self { context, values })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(writes: &[(u8, bool, Vec<u8>)]) -> Siblings<Vec<u8>> {
        let (mut record, mut read) = (Siblings::new(), VectorClock::new());
        for (actor, fresh, value) in writes {
            if *fresh {
                read = record.context().clone();
            }
            let actor = format!("node-{actor}");
            record.put(&actor, &read, value.clone()).unwrap();
        }
        record
    }

    #[test]
    fn the_bytes_are_these() {
        let (mut record, nothing) = (Siblings::new(), VectorClock::new());
        assert_eq!(record.to_bytes(), [0x41, 0]);
        record.put("a", &nothing, b"x".to_vec()).unwrap();
        let read = record.context().clone();
        record.put("b", &nothing, Vec::new()).unwrap();
        record.put("b", &read, b"yz".to_vec()).unwrap();
        let expected = [0x41, 2, 1, b'a', 1, 0, 1, b'b', 2, 2, 0, 2, b'y', b'z'];
        assert_eq!(record.to_bytes(), expected);
        assert_eq!(Siblings::from_bytes(&expected), Ok(record));
        for cut in 0..expected.len() {
            assert!(Siblings::from_bytes(&expected[..cut]).is_err());
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for bytes in [
            &b"\x41\x01\x01a\x00\x00"[..],
            b"\x41\x01\x01a\x01\x02\x00\x00",
            b"\x41\x01\x01a\x01\xff\xff\xff\xff\x0f\x00",
            b"\x41\x01\x01a\x01\x01\xff\xff\xff\xff\x0fx",
            b"\x41\x00\x00",
            b"\x11\x00",
        ] {
            assert!(Siblings::from_bytes(bytes).is_err(), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn a_record_comes_back_from_its_bytes(
            writes in prop::collection::vec(
                (0..4_u8, any::<bool>(), prop::collection::vec(any::<u8>(), 0..4)), 0..12),
            place: prop::sample::Index, byte: u8,
        ) {
            let record = record(&writes);
            let mut bytes = record.to_bytes();
            prop_assert_eq!(Siblings::from_bytes(&bytes), Ok(record));
            let at = place.index(bytes.len());
            bytes[at] = byte;
            if let Ok(other) = Siblings::from_bytes(&bytes) {
                prop_assert_eq!(other.to_bytes(), bytes);
            }
        }
    }
}
