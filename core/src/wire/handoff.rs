//! What members say to each other about slots that change hands, inside a user message.
//!
//! ```text
//! c1 'c' 'w' 04 | kind | epoch u64 | ring u64 | len u8, sender | len u8, other | count, slots
//! ```
//!
//! The count and the slots are numbers of 7 bits a byte, the lowest first, with the highest bit set
//! in all but the last; of each slot it is how far it is from the one before it, less one.

use super::WireError;
use super::envelope::text;

const MAGIC: [u8; 4] = [0xc1, b'c', b'w', 4];
/// Slots are below this; a ring has no more.
const SLOTS_MAX: u32 = 1 << 20;
/// Bytes of a number that a slot or a count can have.
const NUMBER_MAX: usize = 4;

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandoffKind {
    /// The sender owns the slots next: when may it have them?
    Ask,
    /// The sender has released the slots, and gives them to whom it tells.
    Released,
    /// The sender takes no part in hand-offs: nobody tells when it is done.
    Unheeded,
    /// The sender has given the slots to the other member.
    Elsewhere,
    /// The sender never had the slots.
    Never,
    /// The sender's user has not released the slots in time.
    Late,
}

/// A word about slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoffMessage<'a> {
    /// What is said.
    pub kind: HandoffKind,
    /// The epoch of a grant, also of one to another member, and else the greatest that is known.
    pub epoch: u64,
    /// Fingerprint of the sender's ring; 0 if it has none.
    pub ring: u64,
    /// Who says it.
    pub sender: &'a str,
    /// Who has them; empty but for [`HandoffKind::Elsewhere`].
    pub other: &'a str,
    /// Which, in order.
    pub slots: Vec<u32>,
}

impl<'a> HandoffMessage<'a> {
    /// Appends the payload of the user message. Names that are too long have no encoding; whoever
    /// makes one has checked them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.push(self.kind as u8);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.ring.to_be_bytes());
        for text in [self.sender, self.other] {
            debug_assert!(text.len() <= super::ENVELOPE_NAME_MAX, "checked before");
            out.push(text.len() as u8);
            out.extend_from_slice(text.as_bytes());
        }
        push(out, self.slots.len() as u32);
        let mut next = 0;
        for slot in &self.slots {
            push(out, slot - next);
            next = slot + 1;
        }
    }

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
        let (kind, rest) = rest.split_first().ok_or(WireError::Truncated)?;
        let kind = match kind {
            0 => HandoffKind::Ask,
            1 => HandoffKind::Released,
            2 => HandoffKind::Unheeded,
            3 => HandoffKind::Elsewhere,
            4 => HandoffKind::Never,
            5 => HandoffKind::Late,
            _ => return Err(WireError::BadType),
        };
        let (epoch, rest) = rest.split_first_chunk().ok_or(WireError::Truncated)?;
        let (ring, rest) = rest.split_first_chunk().ok_or(WireError::Truncated)?;
        let (sender, rest) = text(rest)?;
        let (other, mut rest) = text(rest)?;
        let count = take(&mut rest)?;
        // Each takes a byte at least.
        if count as usize > rest.len() {
            return Err(WireError::Truncated);
        }
        let mut slots = Vec::with_capacity(count as usize);
        let mut next: u32 = 0;
        for _ in 0..count {
            let slot = next.saturating_add(take(&mut rest)?);
            if slot >= SLOTS_MAX {
                return Err(WireError::BadType);
            }
            slots.push(slot);
            next = slot + 1;
        }
        if !rest.is_empty() {
            return Err(WireError::BadType);
        }
        let [epoch, ring] = [epoch, ring].map(|bytes| u64::from_be_bytes(*bytes));
        Ok(Self { kind, epoch, ring, sender, other, slots })
    }
}

fn push(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Result<u32, WireError> {
    let mut number: u32 = 0;
    for place in 0..NUMBER_MAX {
        let (byte, rest) = bytes.split_first().ok_or(WireError::Truncated)?;
        *bytes = rest;
        number |= u32::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(WireError::BadType)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(message: &HandoffMessage<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        message.encode(&mut out);
        out
    }

    proptest! {
        #[test]
        fn what_is_said_is_heard(
            slots in proptest::collection::btree_set(0..SLOTS_MAX, 0..300),
            epoch: u64,
            sender in "[a-z]{0,40}",
        ) {
            let slots = slots.into_iter().collect();
            let kind = HandoffKind::Released;
            let (ring, sender) = (!epoch, &*sender);
            let message = HandoffMessage { kind, epoch, ring, sender, other: "b", slots };
            let bytes = encoded(&message);
            prop_assert_eq!(HandoffMessage::decode(&bytes), Ok(message));
        }

        #[test]
        fn whatever_comes_is_refused_or_one_of_these(tail: Vec<u8>) {
            let _ = HandoffMessage::decode(&[&MAGIC[..], &tail].concat());
        }
    }

    #[test]
    fn neighbours_take_a_byte_each_and_a_count_that_lies_is_refused() {
        let slots: Vec<u32> = (1_000..2_000).collect();
        let kind = HandoffKind::Ask;
        let message = HandoffMessage { kind, epoch: 7, ring: 8, sender: "a", other: "", slots };
        let bytes = encoded(&message);
        assert!(bytes.len() < 1_030, "{}", bytes.len());
        for cut in MAGIC.len()..bytes.len() {
            assert!(HandoffMessage::decode(&bytes[..cut]).is_err(), "{cut}");
        }
        let mut lying = encoded(&HandoffMessage { slots: Vec::new(), ..message });
        lying.pop();
        lying.extend([0xff, 0xff, 0xff, 0x7f]);
        assert_eq!(HandoffMessage::decode(&lying), Err(WireError::Truncated));
    }
}
