//! What is decided by hand of the ring, for all members at once: a key of a shared map of our own.
//!
//! One key has all of it, so nobody sees a half; of what two decide without knowing of each other,
//! all members take what was decided last, by hybrid clocks.

use crate::error::{Error, ErrorKind, Result};
use crate::event::{Warning, WarningCode};
use crate::ring::Overrides;
use crate::state::{MapRecord, MapWrite};

const MAP: &str = "chinwag.ring";
const KEY: &str = "overrides";
/// What a node shows them under.
const SHOWN: &str = "m:chinwag.ring/overrides";
/// Bytes that they may have; what is left of a key is for its history.
const BYTES_MAX: usize = 60 * 1024;

/// Whose key it is, and which, where a node shows what there is.
pub(crate) const PLACE: (&str, &str) = ("", SHOWN);

/// What is written so that all members have these, and nothing else.
///
/// # Errors
/// `too_large`: more than a ring can have, or than one key.
pub(crate) fn decide(overrides: &Overrides) -> Result<MapWrite> {
    let bytes = overrides.to_octets();
    // They are read as others will.
    Overrides::of_octets(&bytes)?;
    if bytes.len() > BYTES_MAX {
        let text = format!(
            "what is decided by hand of the ring has {} bytes, and all members are told of up to \
             {BYTES_MAX}; pin beginnings of keys in place of keys",
            bytes.len()
        );
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    let value = (*overrides != Overrides::default()).then_some(bytes);
    Ok(MapWrite { map: MAP.to_owned(), key: KEY.to_owned(), value, context: None })
}

/// What is decided, by the record that a node shows; a warning of what nobody can read, which only
/// a hostile member has written.
pub(crate) fn decided(record: Option<&[u8]>) -> (Overrides, Option<Warning>) {
    let values = record.and_then(|bytes| MapRecord::from_bytes(bytes).ok());
    let mut odd = None;
    for value in values.into_iter().flat_map(|record| record.values) {
        match Overrides::of_octets(&value.bytes) {
            Ok(overrides) => return (overrides, odd),
            Err(error) => {
                let (code, subject) = (WarningCode::RingFailed, value.writer);
                let why = error.message();
                let text = format!("what it decided by hand of the ring is passed over: {why}");
                odd.get_or_insert(Warning { code, subject, text });
            }
        }
    }
    (Overrides::default(), odd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Siblings, VectorClock};

    fn pinned(to: &str) -> Overrides {
        Overrides { pins: [(b"k".to_vec(), to.to_owned())].into(), ..Overrides::default() }
    }

    fn record(values: &[(u64, Vec<u8>)]) -> Vec<u8> {
        let mut record = Siblings::new();
        for (at, value) in values {
            let stamped = [&(at << 16).to_be_bytes()[..], value].concat();
            record.put(&format!("n{at}~1"), &VectorClock::new(), stamped).expect("a short name");
        }
        record.to_bytes()
    }

    #[test]
    fn of_several_the_last_counts_and_what_is_none_is_told() {
        assert_eq!(decided(None), (Overrides::default(), None));
        let [one, two] = ["a", "b"].map(|to| pinned(to).to_octets());
        let both = record(&[(1, one.clone()), (2, two.clone())]);
        assert_eq!(decided(Some(&both)), (pinned("b"), None));
        let (found, odd) = decided(Some(&record(&[(1, one), (3, b"no".to_vec()), (2, two)])));
        assert_eq!(found, pinned("b"));
        let odd = odd.expect("a warning");
        assert_eq!((odd.code, &*odd.subject), (WarningCode::RingFailed, "n3"));
        let (found, odd) = decided(Some(&record(&[(3, b"no".to_vec())])));
        assert_eq!((found, odd.is_some()), (Overrides::default(), true));
        assert_eq!(decided(Some(b"garbage")), (Overrides::default(), None));
    }

    #[test]
    fn what_is_decided_is_read_as_it_was_and_nothing_is_a_deletion() {
        let write = decide(&pinned("a")).expect("it fits");
        assert_eq!(SHOWN, format!("{}{}/{}", crate::state::MAPS, write.map, write.key));
        let value = write.value.expect("something");
        assert_eq!(decided(Some(&record(&[(1, value)]))), (pinned("a"), None));
        assert_eq!(decide(&Overrides::default()).expect("it fits").value, None);
        let many = (0..9_000).map(|number| (format!("key{number}").into_bytes(), "a".to_owned()));
        let error = decide(&Overrides { pins: many.collect(), ..Overrides::default() });
        assert_eq!(error.expect_err("too many").kind(), ErrorKind::TooLarge);
    }
}
