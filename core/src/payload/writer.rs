//! Writing: one value, in the smallest form of each of its parts.

use std::ops::Range;

use rmp::encode;

use super::path::{Step, path};
use super::{DEPTH_MAX, SECOND, SIZE_MAX, TIMESTAMP, too_deep, wrong_at};
use crate::error::{Error, ErrorKind, Result};

/// Appends one value to bytes, part by part.
///
/// A container is announced by [`array`](Self::array) or [`map`](Self::map) and has as many values
/// as announced, or begins with [`begin_array`](Self::begin_array) or
/// [`begin_map`](Self::begin_map) and goes on until [`end`](Self::end). In a map, a
/// [`key`](Self::key) comes before each value. [`finish`](Self::finish) gives the bytes.
///
/// Errors: `codec` for what has no encoding, or does not belong where it stands; `too_large` when
/// the limit is passed. After an error the writer is of no more use. Keys that come twice are not
/// noticed here; [`check`](super::check) finds them.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    /// Where the value begins.
    start: usize,
    limit: usize,
    frames: Vec<Frame>,
    is_done: bool,
}

/// A container that goes on.
#[derive(Debug)]
struct Frame {
    is_map: bool,
    /// Values, or pairs, that are whole.
    done: u32,
    size: Size,
    /// Where the key is whose value comes next.
    key: Option<Range<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// So many values or pairs.
    Known(u32),
    /// As many as come; the header then goes here.
    Open(usize),
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// A writer of [`SIZE_MAX`] bytes at most.
    pub fn new() -> Self {
        Self::onto(Vec::new(), SIZE_MAX)
    }

    /// A writer that appends up to so many bytes to these.
    pub fn onto(out: Vec<u8>, limit: usize) -> Self {
        Self { start: out.len(), out, limit, frames: Vec::new(), is_done: false }
    }

    /// Nothing.
    pub fn nil(&mut self) -> Result<()> {
        self.scalar(0, encode::write_nil)
    }

    /// True or false.
    pub fn bool(&mut self, value: bool) -> Result<()> {
        self.scalar(0, |out| encode::write_bool(out, value))
    }

    /// An integer.
    pub fn int(&mut self, value: i64) -> Result<()> {
        self.scalar(0, |out| encode::write_sint(out, value).map(drop))
    }

    /// An integer that is not negative.
    pub fn uint(&mut self, value: u64) -> Result<()> {
        self.scalar(0, |out| encode::write_uint(out, value).map(drop))
    }

    /// A float, always in 64 bits. Every NaN becomes the same one.
    pub fn float(&mut self, value: f64) -> Result<()> {
        let value = if value.is_nan() { f64::NAN } else { value };
        self.scalar(0, |out| encode::write_f64(out, value))
    }

    /// A text. Below 2^32 bytes.
    pub fn text(&mut self, text: &str) -> Result<()> {
        self.length("a text", text.len())?;
        self.scalar(text.len(), |out| encode::write_str(out, text))
    }

    /// Bytes. Fewer than 2^32.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.length("bytes", bytes.len())?;
        self.scalar(bytes.len(), |out| encode::write_bin(out, bytes))
    }

    /// A point in time: seconds since 1970 in UTC, and nanoseconds that are added to them, below
    /// 1,000,000,000.
    pub fn timestamp(&mut self, secs: i64, nanos: u32) -> Result<()> {
        if nanos >= SECOND {
            return Err(self.wrong(&format!("{nanos} nanoseconds are a second or more")));
        }
        self.scalar(0, |out| {
            let ext = |out: &mut Vec<u8>, len| encode::write_ext_meta(out, len, TIMESTAMP);
            match (u32::try_from(secs), u64::try_from(secs)) {
                (Ok(secs), _) if nanos == 0 => {
                    ext(out, 4)?;
                    out.extend_from_slice(&secs.to_be_bytes());
                }
                (_, Ok(secs)) if secs >> 34 == 0 => {
                    ext(out, 8)?;
                    out.extend_from_slice(&(u64::from(nanos) << 34 | secs).to_be_bytes());
                }
                _ => {
                    ext(out, 12)?;
                    out.extend_from_slice(&nanos.to_be_bytes());
                    out.extend_from_slice(&secs.to_be_bytes());
                }
            }
            Ok::<_, encode::ValueWriteError>(())
        })
    }

    /// A list of so many values, which come next. Fewer than 2^32.
    pub fn array(&mut self, len: usize) -> Result<()> {
        let len = self.length("a list", len)?;
        self.container(false, Size::Known(len))
    }

    /// A map of so many pairs, which come next: a key and a value each. Fewer than 2^32.
    pub fn map(&mut self, len: usize) -> Result<()> {
        let len = self.length("a map", len)?;
        self.container(true, Size::Known(len))
    }

    /// A list of the values that come next, until [`end`](Self::end).
    pub fn begin_array(&mut self) -> Result<()> {
        self.container(false, Size::Open(self.out.len()))
    }

    /// A map of the pairs that come next, until [`end`](Self::end).
    pub fn begin_map(&mut self) -> Result<()> {
        self.container(true, Size::Open(self.out.len()))
    }

    /// The end of the innermost container, which has begun without its size.
    pub fn end(&mut self) -> Result<()> {
        let Some(Frame { is_map, done, size: Size::Open(at), key: None }) = self.frames.last()
        else {
            return Err(self.wrong("there is no container that could end"));
        };
        let mut head = Vec::new();
        write_head(&mut head, *is_map, *done);
        let at = *at;
        self.room(head.len())?;
        self.out.splice(at..at, head);
        self.frames.pop();
        self.is_whole();
        Ok(())
    }

    /// The key of the pair that comes next in a map.
    pub fn key(&mut self, key: &str) -> Result<()> {
        if !self.wants_key() {
            return Err(self.wrong("a key does not belong"));
        }
        self.length("a key", key.len())?;
        self.room(key.len())?;
        encode::write_str(&mut self.out, key).map_err(failed)?;
        let end = self.out.len();
        if let Some(frame) = self.frames.last_mut() {
            frame.key = Some(end - key.len()..end);
        }
        Ok(())
    }

    /// A text, or a key where one comes next: for what does not tell them apart.
    #[cfg(feature = "json")]
    pub(super) fn text_or_key(&mut self, text: &str) -> Result<()> {
        match self.wants_key() {
            true => self.key(text),
            false => self.text(text),
        }
    }

    /// The bytes, once the value is whole.
    pub fn finish(self) -> Result<Vec<u8>> {
        if !self.is_done {
            return Err(self.wrong("the value is not whole: something is missing"));
        }
        match self.out.len() - self.start <= self.limit {
            true => Ok(self.out),
            false => Err(self.too_large()),
        }
    }

    /// The error of what cannot be written at the place that comes next.
    pub fn wrong(&self, why: &str) -> Error {
        let step = |frame: &Frame| match (&frame.key, frame.is_map) {
            (Some(key), _) => {
                let key = self.out.get(key.clone())?;
                Some(Step::Key(std::str::from_utf8(key).ok()?))
            }
            (None, true) => None,
            (None, false) => Some(Step::Index(frame.done)),
        };
        wrong_at(why, &path(self.frames.iter().filter_map(step)))
    }

    /// One value without others in it, of so many bytes beside its header.
    #[inline]
    fn scalar<E: std::fmt::Display>(
        &mut self,
        bytes: usize,
        write: impl FnOnce(&mut Vec<u8>) -> std::result::Result<(), E>,
    ) -> Result<()> {
        self.fits()?;
        self.room(bytes)?;
        write(&mut self.out).map_err(failed)?;
        self.is_whole();
        Ok(())
    }

    fn container(&mut self, is_map: bool, size: Size) -> Result<()> {
        self.fits()?;
        if self.frames.len() == DEPTH_MAX {
            return Err(self.wrong(&too_deep()));
        }
        self.room(0)?;
        if let Size::Known(len) = size {
            write_head(&mut self.out, is_map, len);
        }
        match size {
            Size::Known(0) => self.is_whole(),
            _ => self.frames.push(Frame { is_map, done: 0, size, key: None }),
        }
        Ok(())
    }

    /// Whether a value may come next.
    #[inline]
    fn fits(&self) -> Result<()> {
        match self.frames.last() {
            None if self.is_done => Err(self.wrong("a payload is one value, and another follows")),
            Some(frame) if frame.is_map && frame.key.is_none() => {
                Err(self.wrong("a key of a map that is no text"))
            }
            Some(frame) if frame.done == u32::MAX => {
                Err(self.wrong("a container of 2^32 values or more"))
            }
            _ => Ok(()),
        }
    }

    /// Counts a value that is whole, and the containers that are whole with it.
    #[inline]
    fn is_whole(&mut self) {
        while let Some(frame) = self.frames.last_mut() {
            frame.done += 1;
            frame.key = None;
            if frame.size != Size::Known(frame.done) {
                return;
            }
            self.frames.pop();
        }
        self.is_done = true;
    }

    fn wants_key(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.is_map && frame.key.is_none())
    }

    fn length(&self, what: &str, len: usize) -> Result<u32> {
        u32::try_from(len).map_err(|_| self.wrong(&format!("no encoding for {what} of {len}")))
    }

    /// Whether a value of so many bytes beside its header is within the limit, but for the rest of
    /// that header, which [`finish`](Self::finish) counts.
    #[inline]
    fn room(&self, bytes: usize) -> Result<()> {
        let size = (self.out.len() - self.start).saturating_add(bytes);
        if size < self.limit { Ok(()) } else { Err(self.too_large()) }
    }

    #[cold]
    fn too_large(&self) -> Error {
        let message = format!("the payload has more than {} bytes", self.limit);
        Error::new(ErrorKind::TooLarge, message)
    }
}

/// Writes the header of a container.
fn write_head(out: &mut Vec<u8>, is_map: bool, len: u32) {
    // Appending to memory does not fail.
    let _ = match is_map {
        true => encode::write_map_len(out, len),
        false => encode::write_array_len(out, len),
    };
}

/// Appending to memory does not fail; if it ever does, that is said.
fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, format!("the payload could not be written: {error}"))
}
