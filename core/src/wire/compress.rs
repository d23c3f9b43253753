//! LZW as Go's `compress/lzw` writes it: least significant bit first, 8-bit literals.
//!
//! What comes out is bounded, and so is the time: a sender that clears the table far more often
//! than any encoder does is refused, because every clear costs as much as hundreds of codes.

use std::fmt;

use weezl::decode::Decoder;
use weezl::encode::Encoder;
use weezl::{BitOrder, LzwStatus};

use super::msgpack::{Reader, put_key, put_map, put_raw, put_uint};
use super::{WireError, kind};

type Result<T> = std::result::Result<T, WireError>;

/// Messages shorter than this are never compressed: the codec costs more than the bytes it saves.
pub const COMPRESS_MIN: usize = 1024;

const LITERAL_BITS: u8 = 8;

/// The only algorithm that memberlist defines.
const ALGO_LZW: u8 = 0;

/// An encoder fills 3,838 codes of 9 to 12 bits before it clears, so more than one clear in this
/// many bytes comes from no encoder.
const BYTES_PER_CLEAR: usize = 1024;
const CLEARS_FREE: usize = 8;

/// Room that is made for the result at first, as a multiple of the input: announcements of members
/// shrink to a third or so.
const FIRST_GUESS: usize = 4;

/// Decompresses; keeps its tables from one use to the next.
#[derive(Default)]
pub struct Inflater {
    decoder: Option<Decoder>,
}

impl Inflater {
    /// Decompresses into a buffer that grows with the result, up to `limit` bytes.
    pub fn inflate(&mut self, src: &[u8], limit: usize) -> Result<Vec<u8>> {
        let mut run = self.start(src);
        let first = src.len().saturating_mul(FIRST_GUESS).min(limit);
        let mut out = vec![0; first];
        let mut written = 0;
        loop {
            if written == out.len() {
                let size = (2 * written).min(limit);
                out.reserve_exact(size - written);
                out.resize(size, 0);
            }
            let (count, done) = run.fill(out.get_mut(written..).unwrap_or_default())?;
            written += count;
            if done {
                out.truncate(written);
                return Ok(out);
            }
        }
    }

    fn start<'a>(&'a mut self, src: &'a [u8]) -> Run<'a> {
        let decoder = self.decoder.get_or_insert_with(|| Decoder::new(BitOrder::Lsb, LITERAL_BITS));
        decoder.reset();
        Run { decoder, src, clears: src.len() / BYTES_PER_CLEAR + CLEARS_FREE }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

/// One decompression under way.
struct Run<'a> {
    decoder: &'a mut Decoder,
    src: &'a [u8],
    /// How many more times the decoder may stop before it filled the room it had.
    clears: usize,
}

impl Run<'_> {
    /// Fills `room`, or less up to the next clear code; says whether the end code was reached.
    ///
    /// Without room, only the end code may follow.
    fn fill(&mut self, room: &mut [u8]) -> Result<(usize, bool)> {
        let mut spill = [0];
        let full = room.is_empty();
        let room = if full { &mut spill[..] } else { room };
        let result = self.decoder.decode_bytes(self.src, room);
        self.src = self.src.get(result.consumed_in..).unwrap_or_default();
        if full && result.consumed_out > 0 {
            return Err(WireError::TooLarge);
        }
        match result.status {
            Ok(LzwStatus::Done) => return Ok((result.consumed_out, true)),
            Ok(LzwStatus::NoProgress) | Err(_) => return Err(WireError::BadCompression),
            Ok(LzwStatus::Ok) => {}
        }
        if result.consumed_out < room.len() {
            self.clears = self.clears.checked_sub(1).ok_or(WireError::BadCompression)?;
        }
        Ok((result.consumed_out, false))
    }
}

/// Compresses; keeps its tables and its buffer from one use to the next.
#[derive(Default)]
pub struct Deflater {
    encoder: Option<Encoder>,
    packed: Vec<u8>,
}

impl Deflater {
    /// Compresses `src`; the result stands until the next use.
    pub fn deflate(&mut self, src: &[u8]) -> &[u8] {
        let encoder = self.encoder.get_or_insert_with(|| Encoder::new(BitOrder::Lsb, LITERAL_BITS));
        encoder.reset();
        self.packed.clear();
        let result = encoder.into_vec(&mut self.packed).encode_all(src);
        debug_assert!(result.status.is_ok(), "8-bit literals encode any bytes");
        &self.packed
    }

    /// Appends `message` in a compress wrapper if that makes it strictly smaller; says whether.
    pub fn wrap(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let packed = self.deflate(message);
        out.push(kind::COMPRESS);
        put_map(out, 2);
        put_key(out, "Algo");
        put_uint(out, u64::from(ALGO_LZW));
        put_key(out, "Buf");
        put_raw(out, packed);
        let smaller = out.len() - start < message.len();
        if !smaller {
            out.truncate(start);
        }
        smaller
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").finish_non_exhaustive()
    }
}

/// The compressed bytes inside the body of a compress message.
pub(crate) fn packed_bytes(body: &[u8]) -> Result<&[u8]> {
    #[derive(Clone, Copy)]
    enum Field {
        Algo,
        Buf,
    }
    let key_of = |key: &[u8]| match key {
        b"Algo" => Some(Field::Algo),
        b"Buf" => Some(Field::Buf),
        _ => None,
    };
    let (mut algo, mut packed) = (ALGO_LZW, &[][..]);
    Reader::new(body).fields(&[Field::Algo, Field::Buf], key_of, |field, value| {
        match field {
            Field::Algo => algo = value.uint()?,
            Field::Buf => packed = value.raw()?,
        }
        Ok(())
    })?;
    if algo == ALGO_LZW { Ok(packed) } else { Err(WireError::UnknownCompression) }
}
