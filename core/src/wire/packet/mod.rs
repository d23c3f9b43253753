//! One datagram: label, encryption, checksum, compression and compound around its messages.

mod build;

use std::cell::OnceCell;

use super::compress::{Inflater, packed_bytes};
use super::crypt::{self, SEAL_OVERHEAD};
use super::label;
use super::{Message, Security, WireError, kind};

pub use build::{Compression, PacketBuilder};

/// What a compound costs before its first part: a type byte and a count.
pub const COMPOUND_OVERHEAD: usize = 2;

/// What each part of a compound costs beside its bytes.
pub const PART_OVERHEAD: usize = 2;

/// What a checksum costs: a type byte and four more.
pub const CRC_OVERHEAD: usize = 5;

/// The most parts in one compound that old Go receivers read: up to v0.2.3 they double the count
/// in eight bits.
pub const MAX_PARTS: usize = 127;

/// The longest part that fits its length field.
pub const MAX_PART: usize = u16::MAX as usize;

/// How many bytes a datagram may have by default, as in Go.
pub const DEFAULT_BUDGET: usize = 1400;

/// How many bytes one datagram may decompress to, all its parts together.
pub const MAX_INFLATED: usize = 64 * 1024;

/// How many wrappers may lie inside one another. Real senders need two.
pub const MAX_NESTING: usize = 4;

/// How many parts of one datagram may be compressed. Real senders compress the whole.
const MAX_COMPRESSED: usize = 4;

/// What the compressed parts of one datagram become. Empty until there is one, and emptied by the
/// next datagram.
#[derive(Debug, Default)]
pub struct Scratch {
    inflated: [OnceCell<Vec<u8>>; MAX_COMPRESSED],
}

impl Scratch {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes are held for decompressed parts.
    pub fn capacity(&self) -> usize {
        self.inflated.iter().filter_map(OnceCell::get).map(Vec::capacity).sum()
    }
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Opened {
    /// Messages given to the sink.
    pub messages: usize,
    /// Messages, or wrappers with all that was in them, that were dropped.
    pub dropped: usize,
    /// Why the first of them was dropped.
    pub error: Option<WireError>,
    /// Parts that a compound announced but was too short to hold.
    pub cut: usize,
}

impl Opened {
    /// A datagram of which nothing could be read.
    pub fn refused(error: WireError) -> Self {
        Self { dropped: 1, error: Some(error), ..Self::default() }
    }

    fn drop_one(&mut self, error: WireError) {
        self.dropped += 1;
        self.error.get_or_insert(error);
    }
}

/// Takes off a datagram what stands around its messages: label, encryption, checksum. `plain` is
/// room for the decrypted bytes; without keys it stays as it is.
pub fn unseal<'a>(
    datagram: &'a [u8],
    security: &Security,
    plain: &'a mut Vec<u8>,
) -> Result<&'a [u8], WireError> {
    let (found, rest) = label::strip(datagram)?;
    if found != security.expected_label() {
        return Err(WireError::BadLabel);
    }
    match decrypt(rest, security, plain)? {
        [kind::CRC, tail @ ..] => {
            let (sum, message) = tail.split_first_chunk().ok_or(WireError::Truncated)?;
            if crc32fast::hash(message) != u32::from_be_bytes(*sum) {
                return Err(WireError::BadCrc);
            }
            Ok(message)
        }
        message => Ok(message),
    }
}

fn decrypt<'a>(
    sealed: &'a [u8],
    security: &Security,
    plain: &'a mut Vec<u8>,
) -> Result<&'a [u8], WireError> {
    let Some(keyring) = &security.keyring else {
        return if looks_sealed(sealed) { Err(WireError::Encrypted) } else { Ok(sealed) };
    };
    match crypt::open_into(keyring, security.label.as_bytes(), sealed, plain) {
        Ok(()) => Ok(plain),
        Err(_) if looks_plain(sealed) => match security.verify_incoming {
            true => Err(WireError::Plaintext),
            false => Ok(sealed),
        },
        Err(error) => Err(error),
    }
}

/// Whether it can be nothing but encrypted. Versions 0 and 1 are the numbers of pings as well, but
/// on a ping follows a struct: a map or an array. One random byte in seven is such.
fn looks_sealed(bytes: &[u8]) -> bool {
    match bytes {
        [0 | 1, 0x80..=0x9f | 0xdc..=0xdf, ..] => false,
        [0 | 1, ..] => bytes.len() > SEAL_OVERHEAD,
        _ => false,
    }
}

/// Whether what no key opens is a message in clear. See above for why pings are read to tell.
fn looks_plain(bytes: &[u8]) -> bool {
    match bytes {
        [kind::PING | kind::INDIRECT_PING, ..] => Message::decode(bytes).is_ok(),
        [first, ..] => (kind::ACK..=kind::CRC).contains(first),
        [] => false,
    }
}

/// Gives every message of a datagram that has been unsealed to `sink`, in order.
///
/// A part that cannot be read is dropped alone; the others still count. Compound and compress may
/// nest in any order, up to [`MAX_NESTING`] deep.
pub fn open(message: &[u8], scratch: &mut Scratch, mut sink: impl FnMut(Message<'_>)) -> Opened {
    let mut opened = Opened::default();
    scratch.inflated = Default::default();
    unpack(message, scratch, &mut opened, &mut sink);
    opened
}

/// The parts of a compound that have not been handled yet.
#[derive(Clone, Copy, Default)]
struct Parts<'a> {
    lengths: &'a [u8],
    bodies: &'a [u8],
    /// How many wrappers lie around each part.
    depth: usize,
}

impl<'a> Parts<'a> {
    fn read(body: &'a [u8], depth: usize) -> Result<Self, WireError> {
        let (count, rest) = body.split_first().ok_or(WireError::Truncated)?;
        let table = usize::from(*count) * PART_OVERHEAD;
        let (lengths, bodies) = rest.split_at_checked(table).ok_or(WireError::Truncated)?;
        Ok(Self { lengths, bodies, depth })
    }

    /// The next part, `None` after the last, or how many parts are missing.
    fn next(&mut self) -> Result<Option<&'a [u8]>, usize> {
        let Some((length, lengths)) = self.lengths.split_first_chunk() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((part, bodies)) = self.bodies.split_at_checked(length) else {
            let missing = self.lengths.len() / PART_OVERHEAD;
            self.lengths = &[];
            return Err(missing);
        };
        (self.lengths, self.bodies) = (lengths, bodies);
        Ok(Some(part))
    }
}

/// Handles a message and everything inside it, depth first, without recursion.
fn unpack<'s>(
    message: &'s [u8],
    scratch: &'s Scratch,
    opened: &mut Opened,
    sink: &mut impl FnMut(Message<'_>),
) {
    let mut unpacker = Unpacker::new(scratch);
    let mut stack = [Parts::default(); MAX_NESTING];
    let mut open = 0_usize;
    let mut next = Some((message, 0));
    loop {
        let Some((message, depth)) = next.take() else {
            let Some(parts) = open.checked_sub(1).and_then(|top| stack.get_mut(top)) else {
                return;
            };
            match parts.next() {
                Ok(Some(part)) => next = Some((part, parts.depth)),
                Ok(None) => open -= 1,
                Err(missing) => opened.cut += missing,
            }
            continue;
        };
        let step = match message {
            [kind::COMPOUND | kind::COMPRESS, ..] if depth == MAX_NESTING => {
                Err(WireError::TooDeep)
            }
            [kind::COMPOUND, body @ ..] => Parts::read(body, depth + 1).map(|parts| {
                if let Some(slot) = stack.get_mut(open) {
                    *slot = parts;
                    open += 1;
                }
            }),
            [kind::COMPRESS, body @ ..] => {
                unpacker.inflate(body).map(|inner| next = Some((inner, depth + 1)))
            }
            _ => Message::decode(message).map(|message| {
                opened.messages += 1;
                sink(message);
            }),
        };
        if let Err(error) = step {
            opened.drop_one(error);
        }
    }
}

/// The decompressions of one datagram.
struct Unpacker<'s> {
    inflater: Inflater,
    /// Where the next results go.
    free: std::slice::Iter<'s, OnceCell<Vec<u8>>>,
    /// How many bytes all of them may still have.
    room: usize,
}

impl<'s> Unpacker<'s> {
    fn new(scratch: &'s Scratch) -> Self {
        let free = scratch.inflated.iter();
        Self { inflater: Inflater::default(), free, room: MAX_INFLATED }
    }

    /// Decompresses the body of a compress message.
    ///
    /// The work is bounded by the room: a failure uses up all of it.
    fn inflate(&mut self, body: &[u8]) -> Result<&'s [u8], WireError> {
        let packed = packed_bytes(body)?;
        let place = self.free.next().ok_or(WireError::TooLarge)?;
        let room = std::mem::take(&mut self.room);
        let inflated = self.inflater.inflate(packed, room)?;
        self.room = room - inflated.len();
        Ok(place.get_or_init(|| inflated))
    }
}
