//! From types to bytes.

use serde_core::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

use super::Failure;
use crate::payload::Writer;

type Outcome<T = ()> = Result<T, Failure>;

/// Writes one value.
pub(super) struct Serializer<'w> {
    pub(super) writer: &'w mut Writer,
}

/// Writes the values of a container.
pub(super) struct Inside<'w> {
    writer: &'w mut Writer,
    /// Whether it began without its size.
    is_open: bool,
}

impl Inside<'_> {
    fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        value.serialize(Serializer { writer: self.writer })
    }

    fn put_field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Outcome {
        self.writer.key(name)?;
        self.put(value)
    }

    fn close(self) -> Outcome {
        if self.is_open {
            self.writer.end()?;
        }
        Ok(())
    }
}

impl<'w> Serializer<'w> {
    fn array(self, len: Option<usize>) -> Outcome<Inside<'w>> {
        match len {
            Some(len) => self.writer.array(len)?,
            None => self.writer.begin_array()?,
        }
        Ok(Inside { writer: self.writer, is_open: len.is_none() })
    }

    fn map(self, len: Option<usize>) -> Outcome<Inside<'w>> {
        match len {
            Some(len) => self.writer.map(len)?,
            None => self.writer.begin_map()?,
        }
        Ok(Inside { writer: self.writer, is_open: len.is_none() })
    }

    /// What stands before the data of a variant.
    fn variant(self, name: &str) -> Outcome<Self> {
        self.writer.map(1)?;
        self.writer.key(name)?;
        Ok(self)
    }
}

macro_rules! scalars {
    ($($name:ident($type:ty) => $write:ident;)*) => {$(
        fn $name(self, value: $type) -> Outcome {
            Ok(self.writer.$write(value.into())?)
        }
    )*};
}

impl<'w> ser::Serializer for Serializer<'w> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Inside<'w>;
    type SerializeTuple = Inside<'w>;
    type SerializeTupleStruct = Inside<'w>;
    type SerializeTupleVariant = Inside<'w>;
    type SerializeMap = Inside<'w>;
    type SerializeStruct = Inside<'w>;
    type SerializeStructVariant = Inside<'w>;

    scalars! {
        serialize_bool(bool) => bool;
        serialize_i8(i8) => int;
        serialize_i16(i16) => int;
        serialize_i32(i32) => int;
        serialize_i64(i64) => int;
        serialize_u8(u8) => uint;
        serialize_u16(u16) => uint;
        serialize_u32(u32) => uint;
        serialize_u64(u64) => uint;
        serialize_f32(f32) => float;
        serialize_f64(f64) => float;
    }

    fn serialize_i128(self, value: i128) -> Outcome {
        match i64::try_from(value) {
            Ok(value) => self.serialize_i64(value),
            Err(_) if value > 0 => self.serialize_u128(value.unsigned_abs()),
            Err(_) => {
                // With the bit of the sign.
                let bits = i128::BITS - (!value).leading_zeros() + 1;
                Err(self.writer.wrong(&too_long(bits)).into())
            }
        }
    }

    fn serialize_u128(self, value: u128) -> Outcome {
        match u64::try_from(value) {
            Ok(value) => self.serialize_u64(value),
            Err(_) => {
                let bits = u128::BITS - value.leading_zeros();
                Err(self.writer.wrong(&too_long(bits)).into())
            }
        }
    }

    fn serialize_char(self, value: char) -> Outcome {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Outcome {
        Ok(self.writer.text_or_key(text)?)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Outcome {
        Ok(self.writer.bytes(bytes)?)
    }

    fn serialize_none(self) -> Outcome {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Outcome {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Outcome {
        Ok(self.writer.nil()?)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Outcome {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Outcome {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Outcome {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Outcome {
        value.serialize(self.variant(name)?)
    }

    fn serialize_seq(self, len: Option<usize>) -> Outcome<Inside<'w>> {
        self.array(len)
    }

    fn serialize_tuple(self, len: usize) -> Outcome<Inside<'w>> {
        self.array(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Outcome<Inside<'w>> {
        self.array(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        len: usize,
    ) -> Outcome<Inside<'w>> {
        self.variant(name)?.array(Some(len))
    }

    fn serialize_map(self, len: Option<usize>) -> Outcome<Inside<'w>> {
        self.map(len)
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Outcome<Inside<'w>> {
        self.map(Some(len))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        len: usize,
    ) -> Outcome<Inside<'w>> {
        self.variant(name)?.map(Some(len))
    }
}

fn too_long(bits: u32) -> String {
    format!("no encoding for an integer of {bits} bits")
}

macro_rules! inside {
    ($($trait:ident::$put:ident),*) => {$(
        impl $trait for Inside<'_> {
            type Ok = ();
            type Error = Failure;

            fn $put<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
                self.put(value)
            }

            fn end(self) -> Outcome {
                self.close()
            }
        }
    )*};
}

inside!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

impl SerializeMap for Inside<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Outcome {
        self.put(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        self.put(value)
    }

    fn end(self) -> Outcome {
        self.close()
    }
}

impl SerializeStruct for Inside<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Outcome {
        self.put_field(name, value)
    }

    fn end(self) -> Outcome {
        self.close()
    }
}

impl SerializeStructVariant for Inside<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Outcome {
        self.put_field(name, value)
    }

    fn end(self) -> Outcome {
        self.close()
    }
}
