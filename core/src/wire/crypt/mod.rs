//! Encryption as memberlist has it: AES-GCM, a version byte and a nonce in front, a tag behind.
//!
//! Version 1 is written and read; version 0, which pads the message to whole blocks, is only read.
//! Everything that is not exactly that is refused, pads and empty messages included: Go's peers
//! believe both, and end.

mod key;
mod keyring;

use super::WireError;

pub use key::{Fingerprint, Key, KeyError};
pub use keyring::{KEYS_MAX, KeyInfo, Keyring, KeyringError};

/// What encryption adds to a message: version, nonce and tag.
pub const SEAL_OVERHEAD: usize = 1 + NONCE + TAG;

const NONCE: usize = 12;
const TAG: usize = 16;
const BLOCK: usize = 16;

/// Where the message begins.
pub(super) const SEALED_FROM: usize = 1 + NONCE;

/// The number that is used once.
pub type Nonce = [u8; NONCE];

/// Nonces of one node: a random start, counted up.
///
/// Two messages under one key must never have the same nonce. With random nonces, as in Go, each
/// pair of messages in the life of a key is a chance for that: `n` nodes that send `m` messages
/// each have about `(n·m)²/2` of them. Counted up from a random start, two nodes collide only if
/// their starts are less than `m` apart: `n²·m` chances, and none within one run of a node. A
/// restart counts as another node.
#[derive(Clone)]
pub struct Nonces(u128);

impl Nonces {
    /// Nonces from that one on. It must come from the system's entropy, or, in a simulation, from
    /// the seed.
    pub fn new(start: Nonce) -> Self {
        let mut wide = [0; 16];
        if let Some(low) = wide.last_chunk_mut() {
            *low = start;
        }
        Self(u128::from_be_bytes(wide))
    }

    /// One that was not given out before.
    pub fn draw(&mut self) -> Nonce {
        let wide = self.0.to_be_bytes();
        // What is above the 96 bits is cut off, so that it goes round.
        self.0 = self.0.wrapping_add(1);
        wide.last_chunk().copied().unwrap_or_default()
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces")
    }
}

/// Appends the envelope around what `put` appends: nothing at all, rather than plaintext, for a
/// message longer than AES-GCM can have.
pub(super) fn seal(
    key: &Key,
    nonce: Nonce,
    aad: &[u8],
    out: &mut Vec<u8>,
    put: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.push(1);
    out.extend_from_slice(&nonce);
    put(out);
    let message = out.get_mut(start + SEALED_FROM..).unwrap_or_default();
    match key.encrypt(&nonce, aad, message) {
        Some(tag) => out.extend_from_slice(&tag),
        None => out.truncate(start),
    }
}

/// The parts of an envelope.
struct Envelope<'a> {
    padded: bool,
    nonce: &'a Nonce,
    sealed: &'a [u8],
    tag: &'a [u8; TAG],
}

impl<'a> Envelope<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (version, rest) = bytes.split_first().ok_or(WireError::Truncated)?;
        let padded = match version {
            0 => true,
            1 => false,
            _ => return Err(WireError::BadEnvelope),
        };
        let (nonce, rest) = rest.split_first_chunk().ok_or(WireError::BadEnvelope)?;
        let (sealed, tag) = rest.split_last_chunk().ok_or(WireError::BadEnvelope)?;
        // The version is not authenticated; a pad fills the last block, which tells most forgeries.
        if sealed.is_empty() || padded && sealed.len() % BLOCK != 0 {
            return Err(WireError::BadEnvelope);
        }
        Ok(Self { padded, nonce, sealed, tag })
    }
}

/// Decrypts an envelope into `plain`, replacing what was there.
pub(super) fn open_into(
    keyring: &Keyring,
    aad: &[u8],
    envelope: &[u8],
    plain: &mut Vec<u8>,
) -> Result<(), WireError> {
    let Envelope { padded, nonce, sealed, tag } = Envelope::read(envelope)?;
    plain.clear();
    plain.resize(sealed.len(), 0);
    let opened = keyring.iter().any(|key| key.decrypt(nonce, aad, sealed, tag, plain));
    finish(opened, padded, plain)
}

/// Decrypts an envelope where it lies. On success, the message is what follows the first
/// [`SEALED_FROM`] bytes.
pub(super) fn open_in_place(
    keyring: &Keyring,
    aad: &[u8],
    envelope: &mut Vec<u8>,
) -> Result<(), WireError> {
    let Envelope { padded, nonce, sealed, tag } = Envelope::read(envelope)?;
    let (nonce, tag, end) = (*nonce, *tag, SEALED_FROM + sealed.len());
    let message = envelope.get_mut(SEALED_FROM..end).unwrap_or_default();
    let opened = keyring.iter().any(|key| key.decrypt_in_place(&nonce, aad, message, &tag));
    envelope.truncate(end);
    finish(opened, padded, envelope)
}

/// Takes the pad off a message that was opened. `plain` ends where the message ends.
fn finish(opened: bool, padded: bool, plain: &mut Vec<u8>) -> Result<(), WireError> {
    if !opened {
        return Err(WireError::Undecryptable);
    }
    if padded {
        let kept = unpadded(plain).ok_or(WireError::BadEnvelope)?;
        plain.truncate(kept);
    }
    Ok(())
}

/// The length without the pad: 1 to 16 bytes at the end, each of which is their number. `None` for
/// any other end, and when nothing would be left.
fn unpadded(plain: &[u8]) -> Option<usize> {
    let count = *plain.last()?;
    let pad = usize::from(count);
    let (message, end) = plain.split_at_checked(plain.len().checked_sub(pad)?)?;
    let whole = (1..=BLOCK).contains(&pad) && end.iter().all(|byte| *byte == count);
    (whole && !message.is_empty()).then_some(message.len())
}
