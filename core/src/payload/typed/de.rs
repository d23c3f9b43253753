//! From bytes to types.

use serde_core::de::value::{BorrowedStrDeserializer, SeqDeserializer};
use serde_core::de::{
    self, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::Failure;
use crate::payload::{Reader, Token};

type Outcome<T> = Result<T, Failure>;

/// Reads one value.
pub(super) struct Deserializer<'r, 'de> {
    pub(super) reader: &'r mut Reader<'de>,
}

/// Reads the values of a container.
struct Inside<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
}

impl<'de> Deserializer<'_, 'de> {
    /// Shows a value; an error of the type's own gets its place.
    fn show<V: Visitor<'de>>(self, token: Token<'de>, visitor: V) -> Outcome<V::Value> {
        let (depth, reader) = (depth(self.reader, token), self.reader);
        let shown = match token {
            Token::Nil => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Int(value) => match u64::try_from(value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(value),
            },
            Token::Uint(value) => visitor.visit_u64(value),
            Token::Float(value) => visitor.visit_f64(value),
            Token::Text(text) => visitor.visit_borrowed_str(text),
            Token::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Token::Array(left) => Inside::whole(reader, left, |all| visitor.visit_seq(all)),
            Token::Map(left) => Inside::whole(reader, left, |all| visitor.visit_map(all)),
            Token::Timestamp { .. } => Err(de::Error::custom("a point in time has no type here")),
        };
        shown.map_err(|failure| failure.placed(|why| reader.wrong_within(depth, why)).into())
    }
}

/// Within how many containers a value is that begins with this token, which was read last.
fn depth(reader: &Reader<'_>, token: Token<'_>) -> usize {
    let opens = matches!(token, Token::Array(len) | Token::Map(len) if len > 0);
    reader.depth() - usize::from(opens)
}

impl<'r, 'de> Inside<'r, 'de> {
    /// Reads a container to its end: what a type leaves of it would come next for another.
    fn whole<T>(
        reader: &'r mut Reader<'de>,
        left: usize,
        read: impl FnOnce(&mut Self) -> Outcome<T>,
    ) -> Outcome<T> {
        let mut all = Self { reader, left };
        let value = read(&mut all)?;
        match all.left {
            0 => Ok(value),
            left => Err(de::Error::custom(format!("{left} more values than there should be"))),
        }
    }

    fn next<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<S::Value> {
        seed.deserialize(Deserializer { reader: self.reader })
    }
}

impl<'de> de::Deserializer<'de> for Deserializer<'_, 'de> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let token = self.reader.token()?;
        self.show(token, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        if self.reader.is_nil_next() {
            self.reader.token()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Outcome<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    /// Bytes are also a list of numbers, for types that do not tell.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        match self.reader.token()? {
            Token::Bytes(bytes) => {
                let mut all = SeqDeserializer::<_, Failure>::new(bytes.iter().copied());
                let value = visitor.visit_seq(&mut all).and_then(|value| {
                    all.end()?;
                    Ok(value)
                });
                value.map_err(|failure| failure.placed(|why| self.reader.wrong(why)).into())
            }
            token => self.show(token, visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Outcome<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Outcome<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Outcome<V::Value> {
        let reader = self.reader;
        let token = reader.token()?;
        let depth = depth(reader, token);
        let shown = match token {
            Token::Text(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            Token::Map(1) => visitor.visit_enum(Variant { reader }),
            _ => Err(de::Error::custom("a variant is its name, or a map of its name to its data")),
        };
        shown.map_err(|failure| failure.placed(|why| reader.wrong_within(depth, why)).into())
    }

    serde_core::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct map struct identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for &mut Inside<'_, 'de> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<Option<S::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.next(seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for &mut Inside<'_, 'de> {
    type Error = Failure;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<Option<S::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.next(seed).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<S::Value> {
        self.next(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant with data.
struct Variant<'r, 'de> {
    reader: &'r mut Reader<'de>,
}

impl<'r, 'de> EnumAccess<'de> for Variant<'r, 'de> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Outcome<(S::Value, Self)> {
        let name = seed.deserialize(Deserializer { reader: self.reader })?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Failure;

    fn unit_variant(self) -> Outcome<()> {
        de::Deserialize::deserialize(Deserializer { reader: self.reader })
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Outcome<S::Value> {
        seed.deserialize(Deserializer { reader: self.reader })
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Outcome<V::Value> {
        de::Deserializer::deserialize_tuple(Deserializer { reader: self.reader }, len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Outcome<V::Value> {
        de::Deserializer::deserialize_any(Deserializer { reader: self.reader }, visitor)
    }
}
