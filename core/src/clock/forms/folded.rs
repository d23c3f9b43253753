//! A folded clock as bytes: its epoch, and what is left of it.

use super::super::retired::Folded;
use super::super::vector::VectorClock;
use super::codec::{Reader, head, put_number};
use crate::error::Result;

impl Folded {
    /// The bytes of this clock and its epoch: one form for each value.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![head::FOLDED];
        put_number(&mut out, self.epoch);
        self.clock.put(&mut out);
        out
    }

    /// The folded clock of bytes that [`to_bytes`](Self::to_bytes) made. Whether the log here is
    /// long enough is asked when it is used.
    ///
    /// Errors: `bad_argument` for bytes that are none; `too_large` when all names take more than
    /// 16 MiB.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("folded clock", bytes);
        if reader.byte()? != head::FOLDED {
            return Err(reader.wrong("they begin as no version of it does"));
        }
        let epoch = reader.number()?;
        let clock = VectorClock::read(&mut reader)?;
        reader.end()?;
        Ok(Self { epoch, clock })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Retired;

    #[test]
    fn the_bytes_are_epoch_and_clock() {
        let (mut log, mut clock) = (Retired::new(), VectorClock::new());
        log.retire("a", 3).unwrap();
        log.retire("b", 1).unwrap();
        clock.update("b", 1).unwrap();
        clock.update("c", 5).unwrap();
        let folded = log.fold(&clock).unwrap();
        let bytes = folded.to_bytes();
        assert_eq!(bytes, [0x31, 2, 0x11, 2, 0x01, b'a', 0, 0x01, b'c', 5]);
        assert_eq!(Folded::from_bytes(&bytes), Ok(folded));
        for cut in 0..bytes.len() {
            assert!(Folded::from_bytes(&bytes[..cut]).is_err());
        }
        assert!(Folded::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        assert!(Folded::from_bytes(&bytes[2..]).is_err(), "a clock alone");
    }

    proptest! {
        #[test]
        fn random_bytes_are_refused_or_one(tail in prop::collection::vec(any::<u8>(), 0..40)) {
            for start in [&[0x31][..], &[0x31, 5, 0x11]] {
                let bytes = [start, &tail[..]].concat();
                if let Ok(folded) = Folded::from_bytes(&bytes) {
                    prop_assert_eq!(folded.to_bytes(), bytes);
                }
            }
        }
    }
}
