//! Building datagrams.

use super::{COMPOUND_OVERHEAD, CRC_OVERHEAD, DEFAULT_BUDGET, MAX_PART, MAX_PARTS, PART_OVERHEAD};
use crate::wire::compress::{COMPRESS_MIN, Deflater};
use crate::wire::crypt;
use crate::wire::label;
use crate::wire::{Cover, kind};

/// Whether what is sent may be compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Never.
    #[default]
    Off,
    /// From [`COMPRESS_MIN`] bytes, if that makes it strictly smaller.
    On,
}

/// Builds datagrams within a budget of bytes.
#[derive(Clone, Copy, Debug)]
pub struct PacketBuilder {
    budget: usize,
}

impl Default for PacketBuilder {
    fn default() -> Self {
        Self::new(DEFAULT_BUDGET)
    }
}

impl PacketBuilder {
    /// A builder of datagrams of up to `budget` bytes, all that stands around messages included.
    pub fn new(budget: usize) -> Self {
        Self { budget }
    }

    /// How many bytes are left for messages, and for the compound around them, when the cover takes
    /// so many.
    pub fn room(&self, cover: usize, crc: bool) -> usize {
        let checksum = if crc { CRC_OVERHEAD } else { 0 };
        self.budget.saturating_sub(cover + checksum)
    }

    /// Appends a datagram of one message, whatever its size: a message is never split.
    pub fn single(
        &self,
        cover: Cover<'_>,
        crc: bool,
        message: &[u8],
        compression: Compression,
        out: &mut Vec<u8>,
    ) {
        around(cover, crc, out, |out| {
            put_compressed(message, compression, out);
        });
    }

    /// Appends a datagram of as many leading parts as fit the budget; returns how many it took.
    ///
    /// The first part is taken even if it alone exceeds the budget. One part is sent bare, without
    /// a compound around it. Without parts, nothing is appended.
    pub fn compound<'p>(
        &self,
        cover: Cover<'_>,
        crc: bool,
        parts: impl Iterator<Item = &'p [u8]>,
        compression: Compression,
        out: &mut Vec<u8>,
    ) -> usize {
        let mut taken: [&[u8]; MAX_PARTS] = [&[]; MAX_PARTS];
        let count = choose(parts, self.room(cover.overhead(), crc), &mut taken);
        let taken = taken.get(..count).unwrap_or_default();
        match taken {
            [] => {}
            [message] => self.single(cover, crc, message, compression, out),
            parts if compression == Compression::Off => {
                around(cover, crc, out, |out| put_compound(parts, out));
            }
            parts => {
                let mut plain = Vec::new();
                put_compound(parts, &mut plain);
                around(cover, crc, out, |out| put_compressed(&plain, compression, out));
            }
        }
        count
    }
}

/// Takes parts while they fit; returns how many.
fn choose<'p>(
    parts: impl Iterator<Item = &'p [u8]>,
    room: usize,
    taken: &mut [&'p [u8]; MAX_PARTS],
) -> usize {
    let mut size = COMPOUND_OVERHEAD;
    let mut count = 0;
    for (slot, part) in taken.iter_mut().zip(parts) {
        size += PART_OVERHEAD + part.len();
        if part.len() > MAX_PART || (count > 0 && size > room) {
            break;
        }
        *slot = part;
        count += 1;
    }
    count
}

/// Appends label, encryption and checksum around what `put` appends.
fn around(cover: Cover<'_>, crc: bool, out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let Cover { label, sealing } = cover;
    label::add(label, out);
    let put = |out: &mut Vec<u8>| if crc { checked(out, put) } else { put(out) };
    match sealing {
        Some((key, nonce)) => crypt::seal(key, nonce, label.as_bytes(), out, put),
        None => put(out),
    }
}

/// Appends a checksum and what `put` appends.
fn checked(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[kind::CRC, 0, 0, 0, 0]);
    let start = out.len();
    put(out);
    let sum = crc32fast::hash(out.get(start..).unwrap_or_default());
    if let Some(field) = out.get_mut(start - 4..start) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
}

fn put_compound(parts: &[&[u8]], out: &mut Vec<u8>) {
    // At most `MAX_PARTS` parts of at most `MAX_PART` bytes, see `choose`.
    out.extend_from_slice(&[kind::COMPOUND, parts.len() as u8]);
    for part in parts {
        out.extend_from_slice(&(part.len() as u16).to_be_bytes());
    }
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Appends a message, compressed if allowed, long enough and smaller that way.
///
/// The tables for it take over 100 KB, and it is rare: they are not kept.
fn put_compressed(message: &[u8], compression: Compression, out: &mut Vec<u8>) {
    let worth = compression == Compression::On && message.len() >= COMPRESS_MIN;
    if !(worth && Deflater::default().wrap(message, out)) {
        out.extend_from_slice(message);
    }
}
