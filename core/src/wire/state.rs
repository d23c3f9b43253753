//! The keys and values of members, inside user messages.
//!
//! ```text
//! c1 'c' 'w' 05 | 00 | delta, delta, …
//! c1 'c' 'w' 05 | 01 or 02 | len u8, sender | mark, mark, …
//!
//! delta   len u8, owner | epoch u64 | flags | floor | from | to | count, entries
//! entry   version | len u8, key | value
//! mark    len u8, name | epoch u64 | version
//! ```
//!
//! 01 asks for what the marked spaces have beyond the marks; 02 says which spaces the sender has,
//! and asks for what it lacks. Numbers without a size have 7 bits a byte, the lowest first, with
//! the highest bit set in all but the last. `to` is told by how far it is from `from`, and the
//! version of an entry by how far it is from the one before it, the first from `from`. The length
//! of a key is told less one. A value is its length plus one, and the bytes; 0 is that the key was
//! deleted. Flag 1 is that a delta has everything there is; others are not heeded.

use super::envelope::text;
use super::{ENVELOPE_NAME_MAX, WireError};

const MAGIC: [u8; 4] = [0xc1, b'c', b'w', 5];
const DELTAS: u8 = 0;
const WANT: u8 = 1;
const DIGEST: u8 = 2;
const FULL: u8 = 1;

/// The longest key, in bytes.
pub const STATE_KEY_MAX: usize = 256;
/// The longest value, in bytes.
pub const STATE_VALUE_MAX: usize = 64 * 1024;
/// The longest message, in bytes.
pub const STATE_MESSAGE_MAX: usize = 4 << 20;
/// Bytes of a number.
const NUMBER_MAX: usize = 10;

/// What members say to each other about their keys and values. All of it is read once when it is
/// decoded, and nothing is allocated: the parts are read again as they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateMessage<'a> {
    /// What has changed.
    Deltas(StateDeltas<'a>),
    /// The sender wants what the marked spaces have beyond the marks.
    Want(StateMarks<'a>),
    /// The sender has the marked spaces, up to the marks, and wants what it lacks.
    Digest(StateMarks<'a>),
}

/// Changes of several spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateDeltas<'a>(&'a [u8]);

/// The changes of one space from one version to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateDelta<'a> {
    /// Whose space it is.
    pub owner: &'a str,
    /// Which run of the owner it is of; the greater one counts.
    pub epoch: u64,
    /// Whether the space has nothing beside the entries; `from` is 0 then.
    pub full: bool,
    /// Deletions up to that version may have been forgotten, so whoever has an older one needs all.
    pub floor: u64,
    /// It brings whoever has this version …
    pub from: u64,
    /// … to this one. An announcement alone has the same twice.
    pub to: u64,
    /// The entries, once it was decoded; see [`StateDelta::entries`].
    pub body: StateEntries<'a>,
}

/// Entries as they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateEntries<'a> {
    count: u32,
    raw: &'a [u8],
}

/// What one key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateEntry<'a> {
    /// The version of the space that the change made.
    pub version: u64,
    /// Which.
    pub key: &'a str,
    /// None when it was deleted.
    pub value: Option<&'a [u8]>,
}

/// How far somebody knows which spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateMarks<'a> {
    /// Who says so.
    pub sender: &'a str,
    raw: &'a [u8],
}

/// How far a space is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateMark<'a> {
    /// Whose space.
    pub owner: &'a str,
    /// Which run of it; 0 for none.
    pub epoch: u64,
    /// Up to which version.
    pub version: u64,
}

impl<'a> StateMessage<'a> {
    /// Whether a user message is one of these, well-formed or not.
    pub fn is_one(payload: &[u8]) -> bool {
        payload.starts_with(&MAGIC)
    }

    /// Decodes the payload of a user message.
    ///
    /// # Errors
    /// `BadType` when it is something else; others when it is not as it would be encoded.
    pub fn decode(payload: &'a [u8]) -> Result<Self, WireError> {
        let rest = payload.strip_prefix(&MAGIC).ok_or(WireError::BadType)?;
        if payload.len() > STATE_MESSAGE_MAX {
            return Err(WireError::TooLarge);
        }
        let (kind, rest) = rest.split_first().ok_or(WireError::Truncated)?;
        match *kind {
            DELTAS => {
                let mut left = rest;
                while !left.is_empty() {
                    StateDelta::take(&mut left)?;
                }
                Ok(Self::Deltas(StateDeltas(rest)))
            }
            WANT | DIGEST => {
                let (sender, raw) = text(rest)?;
                let mut left = raw;
                while !left.is_empty() {
                    StateMark::take(&mut left)?;
                }
                let marks = StateMarks { sender, raw };
                Ok(if *kind == WANT { Self::Want(marks) } else { Self::Digest(marks) })
            }
            _ => Err(WireError::BadType),
        }
    }
}

impl<'a> StateDeltas<'a> {
    /// The first four bytes and the kind; [`StateDelta::encode`] appends each.
    pub fn begin(out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.push(DELTAS);
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = StateDelta<'a>> {
        let mut left = self.0;
        std::iter::from_fn(move || StateDelta::take(&mut left).ok())
    }
}

impl<'a> StateDelta<'a> {
    /// Appends it, with these entries in place of its own: in order, from above `from` up to `to`.
    /// Names and keys that are too long have no encoding; whoever makes one has checked them.
    pub fn encode<'e>(
        &self,
        entries: impl ExactSizeIterator<Item = StateEntry<'e>>,
        out: &mut Vec<u8>,
    ) {
        put_text(self.owner, out);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.push(if self.full { FULL } else { 0 });
        put(self.floor, out);
        put(self.from, out);
        put(self.to.saturating_sub(self.from), out);
        put(entries.len() as u64, out);
        let mut before = self.from;
        for entry in entries {
            debug_assert!(entry.version > before && entry.version <= self.to, "in order");
            put(entry.version.saturating_sub(before), out);
            before = entry.version;
            debug_assert!((1..=STATE_KEY_MAX).contains(&entry.key.len()), "checked before");
            out.push(entry.key.len().saturating_sub(1) as u8);
            out.extend_from_slice(entry.key.as_bytes());
            put(entry.value.map_or(0, |value| value.len() as u64 + 1), out);
            out.extend_from_slice(entry.value.unwrap_or_default());
        }
    }

    /// Bytes that an entry takes at most.
    pub fn room_of(entry: &StateEntry<'_>) -> usize {
        2 * NUMBER_MAX + 1 + entry.key.len() + entry.value.map_or(0, <[u8]>::len)
    }

    /// Bytes that it takes at most without its entries.
    pub fn room_without(owner: &str) -> usize {
        1 + owner.len() + 8 + 1 + 4 * NUMBER_MAX
    }

    /// The entries, in the order of their versions.
    pub fn entries(&self) -> impl Iterator<Item = StateEntry<'a>> {
        let (mut left, mut version) = (self.body.raw, self.from);
        (0..self.body.count).map_while(move |_| StateEntry::take(&mut left, &mut version).ok())
    }

    fn take(bytes: &mut &'a [u8]) -> Result<Self, WireError> {
        let owner = take_text(bytes)?;
        let epoch = take_u64(bytes)?;
        let (flags, rest) = bytes.split_first().ok_or(WireError::Truncated)?;
        *bytes = rest;
        let full = flags & FULL != 0;
        let [floor, from, span, count] = [take(bytes)?, take(bytes)?, take(bytes)?, take(bytes)?];
        let to = from.checked_add(span).ok_or(WireError::TooLarge)?;
        let sane = floor <= to && count <= span && if full { from == 0 } else { from >= floor };
        // A run has a beginning, and each change has a version.
        if epoch == 0 || !sane {
            return Err(WireError::BadType);
        }
        let count = u32::try_from(count).map_err(|_| WireError::TooLarge)?;
        let (raw, mut version) = (*bytes, from);
        for _ in 0..count {
            if StateEntry::take(bytes, &mut version)?.version > to {
                return Err(WireError::BadType);
            }
        }
        let raw = raw.get(..raw.len() - bytes.len()).unwrap_or_default();
        Ok(Self { owner, epoch, full, floor, from, to, body: StateEntries { count, raw } })
    }
}

impl<'a> StateEntry<'a> {
    fn take(bytes: &mut &'a [u8], before: &mut u64) -> Result<Self, WireError> {
        let step = take(bytes)?;
        let version = before.checked_add(step).filter(|_| step > 0).ok_or(WireError::BadType)?;
        *before = version;
        let (length, rest) = bytes.split_first().ok_or(WireError::Truncated)?;
        *bytes = rest;
        let key = take_bytes(bytes, usize::from(*length) + 1)?;
        let key = std::str::from_utf8(key).map_err(|_| WireError::BadUtf8)?;
        let length = match take(bytes)?.checked_sub(1) {
            None => return Ok(Self { version, key, value: None }),
            Some(length) => usize::try_from(length).unwrap_or(usize::MAX),
        };
        if length > STATE_VALUE_MAX {
            return Err(WireError::TooLarge);
        }
        Ok(Self { version, key, value: Some(take_bytes(bytes, length)?) })
    }
}

impl<'a> StateMarks<'a> {
    /// Appends the payload of a user message that asks for what is beyond those marks.
    pub fn want<'m>(
        sender: &str,
        marks: impl IntoIterator<Item = StateMark<'m>>,
        out: &mut Vec<u8>,
    ) {
        Self::encode(WANT, sender, marks, out);
    }

    /// Appends the payload of a user message that tells how far the spaces are known.
    pub fn digest<'m>(
        sender: &str,
        marks: impl IntoIterator<Item = StateMark<'m>>,
        out: &mut Vec<u8>,
    ) {
        Self::encode(DIGEST, sender, marks, out);
    }

    fn encode<'m>(
        kind: u8,
        sender: &str,
        marks: impl IntoIterator<Item = StateMark<'m>>,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(&MAGIC);
        out.push(kind);
        put_text(sender, out);
        for mark in marks {
            put_text(mark.owner, out);
            out.extend_from_slice(&mark.epoch.to_be_bytes());
            put(mark.version, out);
        }
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = StateMark<'a>> {
        let mut left = self.raw;
        std::iter::from_fn(move || StateMark::take(&mut left).ok())
    }
}

impl<'a> StateMark<'a> {
    fn take(bytes: &mut &'a [u8]) -> Result<Self, WireError> {
        let (owner, epoch) = (take_text(bytes)?, take_u64(bytes)?);
        Ok(Self { owner, epoch, version: take(bytes)? })
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    debug_assert!(text.len() <= ENVELOPE_NAME_MAX, "checked before");
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

fn put(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, WireError> {
    let (text, rest) = text(bytes)?;
    *bytes = rest;
    Ok(text)
}

fn take_bytes<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], WireError> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(WireError::Truncated)?;
    *bytes = rest;
    Ok(taken)
}

fn take_u64(bytes: &mut &[u8]) -> Result<u64, WireError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(WireError::Truncated)?;
    *bytes = rest;
    Ok(u64::from_be_bytes(*number))
}

/// A number in its only form.
fn take(bytes: &mut &[u8]) -> Result<u64, WireError> {
    let mut number: u64 = 0;
    for place in 0..NUMBER_MAX {
        let (byte, rest) = bytes.split_first().ok_or(WireError::Truncated)?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        let shifted = bits << (7 * place);
        if shifted >> (7 * place) != bits {
            return Err(WireError::TooLarge);
        }
        number |= shifted;
        if byte & 0x80 == 0 {
            let padded = *byte == 0 && place > 0;
            return if padded { Err(WireError::BadType) } else { Ok(number) };
        }
    }
    Err(WireError::TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Owned = (u64, String, Option<Vec<u8>>);

    fn entry((version, key, value): &Owned) -> StateEntry<'_> {
        StateEntry { version: *version, key, value: value.as_deref() }
    }

    fn encoded(delta: &StateDelta<'_>, entries: &[Owned]) -> Vec<u8> {
        let mut bytes = Vec::new();
        StateDeltas::begin(&mut bytes);
        delta.encode(entries.iter().map(entry), &mut bytes);
        bytes
    }

    fn deltas(bytes: &[u8]) -> Result<Vec<StateDelta<'_>>, WireError> {
        match StateMessage::decode(bytes)? {
            StateMessage::Deltas(deltas) => Ok(deltas.iter().collect()),
            other => panic!("{other:?}"),
        }
    }

    fn sample() -> Vec<u8> {
        let delta = StateDelta { owner: "web-1", epoch: 7, from: 2, to: 9, ..Default::default() };
        let entries = [(3, "u:a".to_owned(), Some(b"1".to_vec())), (9, "u:b".to_owned(), None)];
        encoded(&delta, &entries)
    }

    fn entries() -> impl Strategy<Value = Vec<(u64, String, Option<Vec<u8>>)>> {
        proptest::collection::vec((1_u64..1 << 40, ".{1,64}", any::<Option<Vec<u8>>>()), 0..9)
    }

    fn marks() -> impl Strategy<Value = Vec<(String, u64, u64)>> {
        proptest::collection::vec((".{0,60}", any::<u64>(), any::<u64>()), 0..9)
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            owner in ".{0,60}",
            steps in entries(),
            from in 0_u64..1 << 60,
            floor in 0_u64..1 << 60,
        ) {
            let mut version = from;
            let mut entries: Vec<Owned> = Vec::new();
            for (step, key, value) in steps {
                version += step;
                entries.push((version, key, value));
            }
            let (floor, to) = (floor.min(from), version + 3);
            let header =
                StateDelta { owner: &owner, epoch: 1, floor, from, to, ..Default::default() };
            let bytes = encoded(&header, &entries);
            let decoded = deltas(&bytes).expect("ours");
            prop_assert_eq!(decoded.len(), 1);
            let delta = decoded[0];
            prop_assert_eq!(StateDelta { body: StateEntries::default(), ..delta }, header);
            prop_assert!(delta.entries().eq(entries.iter().map(entry)));
            let room: usize = entries.iter().map(|e| StateDelta::room_of(&entry(e))).sum();
            prop_assert!(bytes.len() <= 5 + StateDelta::room_without(&owner) + room);
        }

        #[test]
        fn marks_are_decoded(marks in marks()) {
            let all = || marks.iter().map(|(owner, epoch, version)| {
                StateMark { owner, epoch: *epoch, version: *version }
            });
            let (mut want, mut digest) = (Vec::new(), Vec::new());
            StateMarks::want("n0", all(), &mut want);
            StateMarks::digest("n0", all(), &mut digest);
            let Ok(StateMessage::Want(read)) = StateMessage::decode(&want) else { panic!() };
            prop_assert!(read.sender == "n0" && read.iter().eq(all()));
            let Ok(StateMessage::Digest(read)) = StateMessage::decode(&digest) else { panic!() };
            prop_assert!(read.sender == "n0" && read.iter().eq(all()));
        }

        #[test]
        fn any_bytes_are_refused_or_read_within_what_they_are(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            kind in 0_u8..4,
        ) {
            let bytes = [&MAGIC[..], &[kind], &bytes].concat();
            match StateMessage::decode(&bytes) {
                Ok(StateMessage::Deltas(deltas)) => {
                    for delta in deltas.iter() {
                        prop_assert_eq!(delta.entries().count(), delta.body.count as usize);
                        let above = |e: &StateEntry<'_>| e.version > delta.from;
                        prop_assert!(delta.entries().all(|e| above(&e) && e.version <= delta.to));
                    }
                }
                Ok(StateMessage::Want(marks) | StateMessage::Digest(marks)) => {
                    prop_assert!(marks.iter().count() <= bytes.len());
                }
                Err(_) => {}
            }
        }
    }

    #[test]
    fn every_cut_is_refused_but_for_those_between_deltas() {
        let one = sample();
        let mut bytes = one.clone();
        bytes.extend_from_slice(&one[5..]);
        assert_eq!(deltas(&bytes).map(|deltas| deltas.len()), Ok(2));
        for end in 0..bytes.len() {
            let whole = end == 5 || end == one.len();
            assert_eq!(StateMessage::decode(&bytes[..end]).is_ok(), whole, "cut at {end}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let good = StateDelta { owner: "a", epoch: 1, from: 4, to: 9, ..Default::default() };
        let one = [(5, "k".to_owned(), None)];
        assert!(deltas(&encoded(&good, &one)).is_ok());
        for bad in [
            StateDelta { epoch: 0, ..good },
            StateDelta { full: true, ..good },
            StateDelta { floor: 5, ..good },
            StateDelta { full: true, from: 0, floor: 10, ..good },
        ] {
            assert_eq!(deltas(&encoded(&bad, &one)), Err(WireError::BadType), "{bad:?}");
        }
        // A count that lies, a version beyond the last, a number in a longer form.
        let head = |tail: &[u8]| {
            [&MAGIC[..], &[DELTAS, 1, b'a'], &1_u64.to_be_bytes(), &[0, 0], tail].concat()
        };
        assert!(deltas(&head(&[0, 1, 1, 1, 0, b'k', 0])).is_ok());
        for bad in [
            &[0, 1, 2, 1, 0, b'k', 0][..],
            &[0, 1, 1, 2, 0, b'k', 0],
            &[0, 1, 1, 0, 0, b'k', 0],
            &[0, 0x81, 0x00, 1, 1, 0, b'k', 0],
            &[0, 1, 1, 1, 0, b'k', 0xff, 0xff, 0xff, 0xff, 0x0f],
            &[0, 1, 1, 1, 0, 0xff, 0],
        ] {
            assert!(deltas(&head(bad)).is_err(), "{bad:?}");
        }
    }
}
