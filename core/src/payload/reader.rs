//! Reading: one part of a value after the other, whatever the form it has.

use rmp::Marker;

use super::path::{Step, path};
use super::{DEPTH_MAX, SECOND, TIMESTAMP, too_deep, wrong_at};
use crate::error::{Error, Result};

/// One part of a value. Texts and bytes are borrowed from what is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'a> {
    /// Nothing.
    Nil,
    /// True or false.
    Bool(bool),
    /// An integer up to 2^63 - 1, in whatever width it came.
    Int(i64),
    /// An integer above 2^63 - 1.
    Uint(u64),
    /// A float.
    Float(f64),
    /// A text; in a map, a key in its turn.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A list; so many values follow.
    Array(usize),
    /// A map; so many pairs follow, a key and a value each.
    Map(usize),
    /// A point in time.
    Timestamp {
        /// Seconds since 1970 in UTC.
        secs: i64,
        /// Nanoseconds that are added, below 1,000,000,000.
        nanos: u32,
    },
}

/// Reads one value from bytes that may be hostile, token by token.
///
/// Call [`token`](Self::token) until [`is_done`](Self::is_done); everything is checked on the way,
/// and that nothing follows with the last token. A container says how many values it has, and all
/// announced values together are never more than there are bytes left: who allocates by that
/// number, at a few bytes each, stays in proportion to the payload. Maps announce what follows as
/// two values a pair. Reading never recurses; containers go [`DEPTH_MAX`] deep, so the reader of a
/// binding may.
///
/// Errors: `codec`, with the place. The error is final.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    frames: Vec<Frame<'a>>,
    /// The keys of all maps that go on, the innermost last.
    keys: Vec<&'a str>,
    /// Values and keys that were announced and have not come.
    owed: usize,
    /// Whether what was read last is whole, and not counted yet: errors are to name its place.
    is_whole: bool,
}

/// A container that goes on.
#[derive(Debug)]
struct Frame<'a> {
    is_map: bool,
    /// Values, or pairs, that it has and that are whole.
    len: usize,
    done: usize,
    /// The key whose value comes next.
    key: Option<&'a str>,
    /// Where its keys begin, among those of all.
    keys_from: usize,
}

impl<'a> Reader<'a> {
    /// A reader of one value, which all these bytes make.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, frames: Vec::new(), keys: Vec::new(), owed: 1, is_whole: false }
    }

    /// Whether the whole value was read.
    pub fn is_done(&self) -> bool {
        self.owed == 0
    }

    /// The part that comes next.
    pub fn token(&mut self) -> Result<Token<'a>> {
        if self.owed == 0 {
            return Err(self.wrong("the value has ended, and another is asked for"));
        }
        if std::mem::take(&mut self.is_whole) {
            self.count()?;
        }
        let marker = self.marker()?;
        self.owed -= 1;
        if self.frames.last().is_some_and(|frame| frame.is_map && frame.key.is_none()) {
            return self.any_key(marker);
        }
        let token = self.value(marker)?;
        match token {
            Token::Array(len) => self.container(false, len, len)?,
            Token::Map(len) => self.container(true, len, len.saturating_mul(2))?,
            _ => self.is_whole = true,
        }
        if self.owed == 0 {
            self.last()?;
        }
        Ok(token)
    }

    /// The key that comes next in a map.
    pub fn key(&mut self) -> Result<&'a str> {
        match self.token()? {
            Token::Text(key) => Ok(key),
            _ => Err(self.wrong("a key is asked for where a value stands")),
        }
    }

    /// The error of what was read last and cannot be there.
    pub fn wrong(&self, why: &str) -> Error {
        self.wrong_within(self.frames.len(), why)
    }

    /// The same of what is within so many of the containers that go on.
    pub(super) fn wrong_within(&self, depth: usize, why: &str) -> Error {
        let step = |frame: &Frame<'a>| match (frame.key, frame.is_map) {
            (Some(key), _) => Some(Step::Key(key)),
            (None, true) => None,
            (None, false) => Some(Step::Index(frame.done as u32)),
        };
        wrong_at(why, &path(self.frames.iter().take(depth).filter_map(step)))
    }

    /// Containers that go on.
    #[cfg(feature = "serde")]
    pub(super) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// Whether nil comes next.
    #[cfg(feature = "serde")]
    pub(super) fn is_nil_next(&self) -> bool {
        self.rest.first() == Some(&Marker::Null.to_u8())
    }

    #[inline]
    fn any_key(&mut self, marker: Marker) -> Result<Token<'a>> {
        let Token::Text(key) = self.value(marker)? else {
            return Err(self.wrong("a key of a map that is no text"));
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.key = Some(key);
        }
        self.keys.push(key);
        Ok(Token::Text(key))
    }

    fn container(&mut self, is_map: bool, len: usize, values: usize) -> Result<()> {
        if self.frames.len() == DEPTH_MAX {
            return Err(self.wrong(&too_deep()));
        }
        let owed = self.owed.saturating_add(values);
        // Each takes a byte at least.
        if owed > self.rest.len() {
            return Err(self.wrong("the bytes end too early for what is announced"));
        }
        self.owed = owed;
        match len {
            0 => self.is_whole = true,
            _ => {
                let keys_from = self.keys.len();
                self.frames.push(Frame { is_map, len, done: 0, key: None, keys_from });
            }
        }
        Ok(())
    }

    /// Counts what was whole, and goes out of the containers that are whole with it.
    #[inline]
    fn count(&mut self) -> Result<()> {
        while let Some(frame) = self.frames.last_mut() {
            if frame.done + 1 < frame.len {
                frame.done += 1;
                frame.key = None;
                return Ok(());
            }
            if frame.is_map {
                let keys_from = frame.keys_from;
                self.keys_differ(self.frames.len() - 1, keys_from)?;
            }
            self.frames.pop();
        }
        Ok(())
    }

    /// After the last token: what could be known only now. The containers stay for the place.
    fn last(&mut self) -> Result<()> {
        if !self.rest.is_empty() {
            let count = self.rest.len();
            self.frames.clear();
            return Err(self.wrong(&format!("{count} more bytes follow the value")));
        }
        for depth in (0..self.frames.len()).rev() {
            if self.frames[depth].is_map {
                self.keys_differ(depth, self.frames[depth].keys_from)?;
            }
        }
        Ok(())
    }

    /// Whether the keys of the innermost map, within so many containers, differ; then they are
    /// forgotten.
    fn keys_differ(&mut self, depth: usize, keys_from: usize) -> Result<()> {
        let keys = &mut self.keys[keys_from..];
        if keys.len() > 1 {
            keys.sort_unstable();
        }
        if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            let shown: String = twice[0].chars().take(40).collect();
            return Err(
                self.wrong_within(depth, &format!("the key {shown:?} comes twice in a map"))
            );
        }
        self.keys.truncate(keys_from);
        Ok(())
    }

    #[inline]
    fn value(&mut self, marker: Marker) -> Result<Token<'a>> {
        Ok(match marker {
            Marker::FixPos(number) => Token::Int(number.into()),
            Marker::FixNeg(number) => Token::Int(number.into()),
            Marker::U8 => Token::Int(self.number::<1>()? as i64),
            Marker::U16 => Token::Int(self.number::<2>()? as i64),
            Marker::U32 => Token::Int(self.number::<4>()? as i64),
            Marker::U64 => match self.number::<8>()? {
                number if number >> 63 == 0 => Token::Int(number as i64),
                number => Token::Uint(number),
            },
            Marker::I8 => Token::Int(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => Token::Int(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => Token::Int(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => Token::Int(i64::from_be_bytes(self.array()?)),
            Marker::Null => Token::Nil,
            Marker::True => Token::Bool(true),
            Marker::False => Token::Bool(false),
            Marker::F32 => Token::Float(f32::from_be_bytes(self.array()?).into()),
            Marker::F64 => Token::Float(f64::from_be_bytes(self.array()?)),
            _ => return self.long(marker),
        })
    }

    /// A value with a length.
    fn long(&mut self, marker: Marker) -> Result<Token<'a>> {
        match marker {
            Marker::FixStr(len) => self.text(len.into()),
            Marker::Str8 => self.length::<1>().and_then(|len| self.text(len)),
            Marker::Str16 => self.length::<2>().and_then(|len| self.text(len)),
            Marker::Str32 => self.length::<4>().and_then(|len| self.text(len)),
            Marker::Bin8 => self.length::<1>().and_then(|len| self.take(len)).map(Token::Bytes),
            Marker::Bin16 => self.length::<2>().and_then(|len| self.take(len)).map(Token::Bytes),
            Marker::Bin32 => self.length::<4>().and_then(|len| self.take(len)).map(Token::Bytes),
            Marker::FixArray(len) => Ok(Token::Array(len.into())),
            Marker::Array16 => self.length::<2>().map(Token::Array),
            Marker::Array32 => self.length::<4>().map(Token::Array),
            Marker::FixMap(len) => Ok(Token::Map(len.into())),
            Marker::Map16 => self.length::<2>().map(Token::Map),
            Marker::Map32 => self.length::<4>().map(Token::Map),
            Marker::FixExt1 => self.ext(1),
            Marker::FixExt2 => self.ext(2),
            Marker::FixExt4 => self.ext(4),
            Marker::FixExt8 => self.ext(8),
            Marker::FixExt16 => self.ext(16),
            Marker::Ext8 => self.length::<1>().and_then(|len| self.ext(len)),
            Marker::Ext16 => self.length::<2>().and_then(|len| self.ext(len)),
            Marker::Ext32 => self.length::<4>().and_then(|len| self.ext(len)),
            _ => Err(self.wrong("the byte c1, which begins nothing,")),
        }
    }

    /// An extension, of which there is one.
    fn ext(&mut self, len: usize) -> Result<Token<'a>> {
        let kind = i8::from_be_bytes(self.array()?);
        let bytes = self.take(len)?;
        if kind != TIMESTAMP {
            return Err(self.wrong(&format!("an extension of type {kind}, which is not known,")));
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let (secs, nanos) = match len {
            4 => (number(bytes) as i64, 0),
            8 => ((number(bytes) & ((1 << 34) - 1)) as i64, number(bytes) >> 34),
            12 => (number(&bytes[4..]) as i64, number(&bytes[..4])),
            _ => return Err(self.wrong(&format!("a point in time of {len} bytes"))),
        };
        let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < SECOND);
        let nanos = nanos.ok_or_else(|| self.wrong("a point in time with a second too many"))?;
        Ok(Token::Timestamp { secs, nanos })
    }

    #[inline]
    fn text(&mut self, len: usize) -> Result<Token<'a>> {
        let bytes = self.take(len)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Token::Text(text)),
            Err(_) => Err(self.wrong("a text that is no UTF-8")),
        }
    }

    #[inline]
    fn marker(&mut self) -> Result<Marker> {
        self.array::<1>().map(|[byte]| Marker::from_u8(byte))
    }

    #[inline]
    fn number<const N: usize>(&mut self) -> Result<u64> {
        let bytes = self.array::<N>()?;
        Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// A length, of up to 32 bits.
    #[inline]
    fn length<const N: usize>(&mut self) -> Result<usize> {
        Ok(self.number::<N>()? as usize)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else {
            return Err(self.ends());
        };
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let Some((bytes, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.ends());
        };
        self.rest = rest;
        Ok(bytes)
    }

    #[cold]
    fn ends(&self) -> Error {
        self.wrong("the bytes end too early")
    }
}
