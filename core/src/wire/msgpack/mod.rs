//! Go's dialect of msgpack: what memberlist's codec writes, and what it accepts.
//!
//! Written: maps with sorted keys, the "old raw" family for strings and bytes alike (never `str8`,
//! never `bin`), the shortest unsigned integer. Accepted: keys in any order, structs as arrays in
//! order of declaration, `bin` and `str8` wherever raw bytes may stand, every integer form, `nil`
//! for any zero value. Values under unknown keys are stepped over and never built.

mod put;
mod scan;

use rmp::Marker;

use super::WireError;

pub(crate) use put::{
    put_array_len, put_blob, put_bool, put_f64, put_key, put_map, put_map_len, put_nil, put_raw,
    put_str, put_u32, put_uint,
};
pub(crate) use scan::Scanner;

type Result<T> = std::result::Result<T, WireError>;

/// Reads values from the front of a slice; what it returns borrows from that slice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// The two ways in which Go's codec accepts a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// So many pairs of key and value.
    Map(u32),
    /// So many values, in order of declaration.
    Array(u32),
}

impl<'a> Reader<'a> {
    /// Reads from `bytes`.
    #[inline]
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads a struct in either shape, one call of `set` per field that `key_of` knows.
    ///
    /// `order` is the order of declaration, which gives the array shape its meaning.
    #[inline]
    pub(crate) fn fields<F: Copy>(
        &mut self,
        order: &[F],
        key_of: impl Fn(&[u8]) -> Option<F>,
        mut set: impl FnMut(F, &mut Self) -> Result<()>,
    ) -> Result<()> {
        match self.shape()? {
            Shape::Map(count) => {
                for _ in 0..count {
                    match key_of(self.raw()?) {
                        Some(field) => set(field, self)?,
                        None => self.skip()?,
                    }
                }
            }
            Shape::Array(count) => {
                let mut order = order.iter();
                for _ in 0..count {
                    match order.next() {
                        Some(field) => set(*field, self)?,
                        None => self.skip()?,
                    }
                }
            }
        }
        Ok(())
    }

    /// The reader itself, past these bytes, if they come next.
    #[inline]
    pub(crate) fn after(&mut self, expected: &[u8]) -> Option<&mut Self> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(self)
    }

    /// The header of a map or array.
    #[inline]
    pub(crate) fn shape(&mut self) -> Result<Shape> {
        match self.marker()? {
            Marker::FixMap(n) => Ok(Shape::Map(u32::from(n))),
            Marker::Map16 => Ok(Shape::Map(u32::from(self.be16()?))),
            Marker::Map32 => Ok(Shape::Map(self.be32()?)),
            Marker::FixArray(n) => Ok(Shape::Array(u32::from(n))),
            Marker::Array16 => Ok(Shape::Array(u32::from(self.be16()?))),
            Marker::Array32 => Ok(Shape::Array(self.be32()?)),
            _ => Err(WireError::BadMsgpack),
        }
    }

    /// What has not been read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether `nil` comes next; then it has been read.
    pub(crate) fn nil(&mut self) -> bool {
        self.after(&[Marker::Null.to_u8()]).is_some()
    }

    /// The header of an array, or `nil` as an empty one.
    pub(crate) fn array_len(&mut self) -> Result<u32> {
        if self.nil() {
            return Ok(0);
        }
        match self.shape()? {
            Shape::Array(count) => Ok(count),
            Shape::Map(_) => Err(WireError::BadMsgpack),
        }
    }

    /// The header of a map, or `nil` as an empty one.
    pub(crate) fn map_len(&mut self) -> Result<u32> {
        if self.nil() {
            return Ok(0);
        }
        match self.shape()? {
            Shape::Map(count) => Ok(count),
            Shape::Array(_) => Err(WireError::BadMsgpack),
        }
    }

    /// A number of any form, or `nil` as zero.
    pub(crate) fn float(&mut self) -> Result<f64> {
        Ok(match self.marker()? {
            Marker::F64 => f64::from_be_bytes(self.array()?),
            Marker::F32 => f64::from(f32::from_be_bytes(self.array()?)),
            Marker::FixPos(n) => f64::from(n),
            Marker::FixNeg(n) => f64::from(n),
            Marker::U8 => f64::from(self.byte()?),
            Marker::U16 => f64::from(self.be16()?),
            Marker::U32 => f64::from(self.be32()?),
            Marker::U64 => self.be64()? as f64,
            Marker::I8 => f64::from(self.byte()?.cast_signed()),
            Marker::I16 => f64::from(self.be16()?.cast_signed()),
            Marker::I32 => f64::from(self.be32()?.cast_signed()),
            Marker::I64 => self.be64()?.cast_signed() as f64,
            Marker::Null => 0.0,
            _ => return Err(WireError::BadMsgpack),
        })
    }

    /// An integer of any form, or `nil` as zero, that is not negative and fits `T`.
    #[inline]
    pub(crate) fn uint<T: TryFrom<u64>>(&mut self) -> Result<T> {
        let value = match self.marker()? {
            Marker::FixPos(n) => u64::from(n),
            Marker::U8 => u64::from(self.byte()?),
            Marker::U16 => u64::from(self.be16()?),
            Marker::U32 => u64::from(self.be32()?),
            Marker::U64 => self.be64()?,
            Marker::I8 => unsigned(self.byte()?.cast_signed())?,
            Marker::I16 => unsigned(self.be16()?.cast_signed())?,
            Marker::I32 => unsigned(self.be32()?.cast_signed())?,
            Marker::I64 => unsigned(self.be64()?.cast_signed())?,
            Marker::Null => 0,
            _ => return Err(WireError::BadMsgpack),
        };
        T::try_from(value).map_err(|_| WireError::BadMsgpack)
    }

    /// A boolean, or `nil` as false.
    pub(crate) fn bool(&mut self) -> Result<bool> {
        match self.marker()? {
            Marker::True => Ok(true),
            Marker::False | Marker::Null => Ok(false),
            _ => Err(WireError::BadMsgpack),
        }
    }

    /// Raw bytes in any of their forms, or `nil` as none.
    #[inline]
    pub(crate) fn raw(&mut self) -> Result<&'a [u8]> {
        let len = match self.marker()? {
            Marker::FixStr(n) => u32::from(n),
            Marker::Str8 | Marker::Bin8 => u32::from(self.byte()?),
            Marker::Str16 | Marker::Bin16 => u32::from(self.be16()?),
            Marker::Str32 | Marker::Bin32 => self.be32()?,
            Marker::Null => 0,
            _ => return Err(WireError::BadMsgpack),
        };
        self.take(len)
    }

    /// Raw bytes that are UTF-8.
    #[inline]
    pub(crate) fn str(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.raw()?).map_err(|_| WireError::BadUtf8)
    }

    /// Copies the first bytes of a byte string, or of an array of small integers, into `to`.
    ///
    /// Returns how many were copied. Go writes byte slices as raw, but reads both.
    pub(crate) fn bytes_or_ints(&mut self, to: &mut [u8]) -> Result<usize> {
        let count = match self.rest.first().map(|b| Marker::from_u8(*b)) {
            Some(Marker::FixArray(_) | Marker::Array16 | Marker::Array32) => match self.shape()? {
                Shape::Array(count) | Shape::Map(count) => count,
            },
            _ => {
                let raw = self.raw()?;
                to.iter_mut().zip(raw).for_each(|(to, from)| *to = *from);
                return Ok(raw.len().min(to.len()));
            }
        };
        let (mut room, mut copied) = (to.iter_mut(), 0);
        for _ in 0..count {
            let value = self.uint::<u8>()?;
            if let Some(to) = room.next() {
                (*to, copied) = (value, copied + 1);
            }
        }
        Ok(copied)
    }

    /// Steps over one value of any kind.
    pub(crate) fn skip(&mut self) -> Result<()> {
        let end = Scanner::default().scan(self.rest)?.ok_or(WireError::Truncated)?;
        self.rest = self.rest.get(end..).ok_or(WireError::Truncated)?;
        Ok(())
    }

    #[inline]
    fn marker(&mut self) -> Result<Marker> {
        self.byte().map(Marker::from_u8)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.rest.split_first().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    fn be16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    fn be32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn be64(&mut self) -> Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    fn take(&mut self, len: u32) -> Result<&'a [u8]> {
        let len = usize::try_from(len).map_err(|_| WireError::TooLarge)?;
        let (first, rest) = self.rest.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }
}

fn unsigned(value: impl Into<i64>) -> Result<u64> {
    u64::try_from(value.into()).map_err(|_| WireError::BadMsgpack)
}
