//! What is sent on a connection once both sides have greeted each other: records under the keys
//! that they have agreed on, or the bytes as they are.
//!
//! A record is its length in two bytes, the lowest first, and that many bytes: a message of Noise,
//! numbered from 0 on each side. One that is left out, repeated or changed is not understood, and
//! ends the connection. With certificates, records are those of TLS instead.

use std::sync::Arc;

use snow::StatelessTransportState;

use super::fault::Unreadable;
use super::noise::TAG;
use super::tls::Session;

/// The longest message of Noise.
const SEALED_MAX: usize = 65_535;
/// What fits into one.
const RECORD_MAX: usize = SEALED_MAX - TAG;
/// Bytes of a record's length.
const LENGTH: usize = 2;

/// How both sides protect what they send.
#[derive(Clone)]
pub(super) enum Cover {
    /// Not at all.
    Clear,
    Noise(Arc<StatelessTransportState>),
    Tls(Session),
}

/// The two ends of the channel of one connection.
pub(super) fn halves(cover: Cover) -> (Sealer, Opener) {
    let sealer = Sealer { cover: cover.clone(), sent: 0 };
    (sealer, Opener { cover, records: Records::default() })
}

/// Writes what is sent.
pub(crate) struct Sealer {
    cover: Cover,
    sent: u64,
}

impl Sealer {
    /// Whether anything is changed at all.
    pub(crate) const fn seals(&self) -> bool {
        !matches!(self.cover, Cover::Clear)
    }

    /// Appends `plain` as it is sent.
    pub(crate) fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let state = match &self.cover {
            Cover::Clear => return out.extend_from_slice(plain),
            Cover::Tls(session) => return session.seal(plain, out),
            Cover::Noise(state) => state,
        };
        out.reserve(plain.len() + plain.len().div_ceil(RECORD_MAX) * (LENGTH + TAG));
        for part in plain.chunks(RECORD_MAX) {
            let length = part.len() + TAG;
            out.extend_from_slice(&(length as u16).to_le_bytes());
            let start = out.len();
            out.resize(start + length, 0);
            let room = out.get_mut(start..).unwrap_or_default();
            // It fails only when the counter is used up, after 2^64 records.
            let written = state.write_message(self.sent, part, room);
            debug_assert_eq!(written, Ok(length));
            self.sent += 1;
        }
    }
}

/// Reads what was sent.
pub(crate) struct Opener {
    cover: Cover,
    records: Records,
}

/// What has come of those of Noise.
#[derive(Default)]
struct Records {
    received: u64,
    /// The beginning of one.
    partial: Vec<u8>,
}

impl Opener {
    /// Whether anything was changed at all; otherwise what comes can be taken as it is.
    pub(crate) const fn opens(&self) -> bool {
        !matches!(self.cover, Cover::Clear)
    }

    /// Appends to `plain` what `bytes` complete.
    ///
    /// # Errors
    /// Nothing may be read after one.
    pub(crate) fn open(&mut self, bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), Unreadable> {
        match &self.cover {
            Cover::Clear => {
                plain.extend_from_slice(bytes);
                Ok(())
            }
            Cover::Tls(session) => session.open(bytes, plain),
            Cover::Noise(state) => self.records.open(state, bytes, plain),
        }
    }
}

impl Records {
    fn open(
        &mut self,
        state: &StatelessTransportState,
        mut bytes: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        while !self.partial.is_empty() {
            let wanted = match self.partial.first_chunk() {
                Some(length) => LENGTH + usize::from(u16::from_le_bytes(*length)),
                None => LENGTH,
            };
            let lacking = wanted - self.partial.len();
            let Some((part, rest)) = bytes.split_at_checked(lacking) else {
                self.partial.extend_from_slice(bytes);
                return Ok(());
            };
            self.partial.extend_from_slice(part);
            bytes = rest;
            if wanted > LENGTH {
                let record = std::mem::take(&mut self.partial);
                self.record(state, record.get(LENGTH..).unwrap_or_default(), plain)?;
            } else if self.partial == [0; LENGTH] {
                return Err(Unreadable::Tampered);
            }
        }
        while let Some((length, rest)) = bytes.split_first_chunk() {
            let length = usize::from(u16::from_le_bytes(*length));
            let Some((record, rest)) = rest.split_at_checked(length) else { break };
            self.record(state, record, plain)?;
            bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    fn record(
        &mut self,
        state: &StatelessTransportState,
        record: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        // None is sent that is empty.
        let length = record.len().checked_sub(TAG).filter(|length| *length > 0);
        let length = length.ok_or(Unreadable::Tampered)?;
        let start = plain.len();
        plain.resize(start + length, 0);
        let room = plain.get_mut(start..).unwrap_or_default();
        if state.read_message(self.received, record, room).is_err() {
            // Nobody has written what stands there now.
            plain.truncate(start);
            return Err(Unreadable::Tampered);
        }
        self.received += 1;
        Ok(())
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("sent", &self.sent).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("received", &self.records.received).finish_non_exhaustive()
    }
}
