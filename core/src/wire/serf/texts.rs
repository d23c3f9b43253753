//! Lists of texts.

use super::{Reader, Result};
use crate::wire::msgpack::{put_array_len, put_raw};

/// Texts: as they were read, which is when they are looked at, or of a list.
#[derive(Clone, Copy)]
pub struct Texts<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    /// So many values that were found to be texts or bytes.
    Read(Reader<'a>, u32),
    List(&'a [String]),
}

impl<'a> Texts<'a> {
    /// Those of a list.
    pub const fn of(list: &'a [String]) -> Self {
        Self(Source::List(list))
    }

    /// Whether that text is among them.
    pub fn contains(&self, text: &str) -> bool {
        self.bytes().any(|other| other == text.as_bytes())
    }

    /// Those that are UTF-8.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.bytes().filter_map(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub(super) fn read(value: &mut Reader<'a>) -> Result<Self> {
        let count = value.array_len()?;
        let texts = Self(Source::Read(*value, count));
        for _ in 0..count {
            value.raw()?;
        }
        Ok(texts)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_array_len(out, self.len());
        self.bytes().for_each(|text| put_raw(out, text));
    }

    pub(super) const fn len(&self) -> usize {
        match self.0 {
            Source::Read(_, count) => count as usize,
            Source::List(list) => list.len(),
        }
    }

    fn bytes(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (mut unread, list) = match self.0 {
            Source::Read(reader, _) => (reader, None),
            Source::List(list) => (Reader::new(&[]), Some(list)),
        };
        (0..self.len()).map_while(move |at| match list {
            Some(list) => list.get(at).map(String::as_bytes),
            None => unread.raw().ok(),
        })
    }
}

impl Default for Texts<'_> {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl PartialEq for Texts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl Eq for Texts<'_> {}

impl std::fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
