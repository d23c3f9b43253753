//! A broadcast of ours inside a user message.
//!
//! memberlist's own broadcasts are not passed on by those who get them, and nobody learns who sent
//! one. Ours say who, and carry a number, so that everybody passes each on once. The first byte is
//! one that msgpack never uses and protobuf never begins with, so serf, Alertmanager and other
//! applications on memberlist do not take it for a message of theirs.
//!
//! ```text
//! c1 'c' 'w' 01 | kind | run u32 | seq u32 | len u8, sender | len u8, name | payload
//! ```

use super::WireError;

const MAGIC: [u8; 4] = [0xc1, b'c', b'w', 1];

/// The longest name of a sender or of a broadcast.
pub const ENVELOPE_NAME_MAX: usize = 255;

/// What becomes of a broadcast when a newer one of the same sender and name comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BroadcastKind {
    /// It has no name. Everybody gets it.
    #[default]
    Unique,
    /// Where it still waits to be passed on, the newer one takes its place.
    Named,
    /// As named; and whoever has got the newer one does not get it any more.
    Superseding,
}

/// A broadcast on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// See [`BroadcastKind`].
    pub kind: BroadcastKind,
    /// Differs from one run of the sender to the next.
    pub run: u32,
    /// Number of the broadcast within the run, from 1.
    pub seq: u32,
    /// Who sent it first.
    pub sender: &'a str,
    /// What it is about; empty for a unique one.
    pub name: &'a str,
    /// For the application.
    pub payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Appends the payload of the user message. Names that are too long have no encoding; whoever
    /// makes an envelope has checked them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.push(self.kind as u8);
        out.extend_from_slice(&self.run.to_be_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        for text in [self.sender, self.name] {
            debug_assert!(text.len() <= ENVELOPE_NAME_MAX, "checked before");
            out.push(text.len() as u8);
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(self.payload);
    }

    /// Whether a user message is one of these, well-formed or not.
    pub fn is_one(payload: &[u8]) -> bool {
        payload.starts_with(&MAGIC)
    }

    /// Decodes the payload of a user message.
    ///
    /// # Errors
    /// `BadType` when it is something else.
    pub fn decode(payload: &'a [u8]) -> Result<Self, WireError> {
        let rest = payload.strip_prefix(&MAGIC).ok_or(WireError::BadType)?;
        let (kind, rest) = rest.split_first().ok_or(WireError::Truncated)?;
        let kind = match kind {
            0 => BroadcastKind::Unique,
            1 => BroadcastKind::Named,
            2 => BroadcastKind::Superseding,
            _ => return Err(WireError::BadType),
        };
        let (run, rest) = number(rest)?;
        let (seq, rest) = number(rest)?;
        let (sender, rest) = text(rest)?;
        let (name, payload) = text(rest)?;
        Ok(Self { kind, run, seq, sender, name, payload })
    }
}

fn number(bytes: &[u8]) -> Result<(u32, &[u8]), WireError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(WireError::Truncated)?;
    Ok((u32::from_be_bytes(*number), rest))
}

/// A text behind a byte with its length, and what follows it.
pub(super) fn text(bytes: &[u8]) -> Result<(&str, &[u8]), WireError> {
    let (len, rest) = bytes.split_first().ok_or(WireError::Truncated)?;
    let (text, rest) = rest.split_at_checked(usize::from(*len)).ok_or(WireError::Truncated)?;
    Ok((std::str::from_utf8(text).map_err(|_| WireError::BadUtf8)?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope<'a>(texts: &'a [String; 2], payload: &'a [u8]) -> Envelope<'a> {
        let kind = if texts[1].is_empty() { BroadcastKind::Unique } else { BroadcastKind::Named };
        Envelope { kind, run: 7, seq: 9, sender: &texts[0], name: &texts[1], payload }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            texts in prop::array::uniform2("\\PC{0,60}"),
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let envelope = envelope(&texts, &payload);
            let mut bytes = Vec::new();
            envelope.encode(&mut bytes);
            prop_assert!(Envelope::is_one(&bytes));
            prop_assert_eq!(Envelope::decode(&bytes), Ok(envelope));
        }

        #[test]
        fn nothing_panics(tail in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Envelope::decode(&tail);
            let _ = Envelope::decode(&[&MAGIC[..], &tail].concat());
        }
    }

    #[test]
    fn a_cut_one_is_refused_and_other_messages_are_left_alone() {
        let texts = ["a".to_owned(), "n".to_owned()];
        let mut bytes = Vec::new();
        envelope(&texts, b"").encode(&mut bytes);
        for cut in MAGIC.len()..bytes.len() {
            assert_eq!(Envelope::decode(&bytes[..cut]), Err(WireError::Truncated), "{cut}");
        }
        for other in [&b""[..], b"\x03\x84", b"\x0a\x02", b"\xc1cw\x02"] {
            assert!(!Envelope::is_one(other));
            assert_eq!(Envelope::decode(other), Err(WireError::BadType));
        }
        bytes[4] = 3;
        assert_eq!(Envelope::decode(&bytes), Err(WireError::BadType));
    }
}
