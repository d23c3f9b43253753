//! Values as a tree.

use super::{Reader, Token, Writer, check};
use crate::error::Result;

/// A value that a payload can have.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing.
    #[default]
    Nil,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer that is not negative. One that fits comes back as [`Int`](Self::Int).
    Uint(u64),
    /// A float.
    Float(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Self>),
    /// A map: keys that differ, in the order in which they were written.
    Map(Vec<(String, Self)>),
    /// A point in time: seconds since 1970 in UTC, and nanoseconds that are added, below
    /// 1,000,000,000.
    Timestamp {
        /// Seconds, negative before 1970.
        secs: i64,
        /// Nanoseconds after that.
        nanos: u32,
    },
}

impl Value {
    /// The bytes of this value.
    ///
    /// Errors: `codec` with the place, for a key that comes twice, for nanoseconds of a second or
    /// more, and beyond [`DEPTH_MAX`](super::DEPTH_MAX); `too_large` above
    /// [`SIZE_MAX`](super::SIZE_MAX).
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut writer = Writer::new();
        self.write(&mut writer)?;
        let bytes = writer.finish()?;
        check(&bytes)?;
        Ok(bytes)
    }

    /// The value of these bytes. Errors: `codec` with the place, for bytes that are no payload.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let mut open: Vec<Open> = Vec::new();
        loop {
            let mut value = match reader.token()? {
                Token::Array(len) if len > 0 => {
                    open.push(Open::List(Vec::new(), len));
                    continue;
                }
                Token::Map(len) if len > 0 => {
                    open.push(Open::Map(Vec::new(), reader.key()?.to_owned(), len));
                    continue;
                }
                token => Self::of(token),
            };
            // Into the container around it, and that one into its own if it is whole.
            loop {
                let Some(around) = open.pop() else { return Ok(value) };
                match around.with(value, &mut reader)? {
                    Filled::Whole(whole) => value = whole,
                    Filled::Open(around) => {
                        open.push(around);
                        break;
                    }
                }
            }
        }
    }

    /// Writes this value, among others. Errors: as [`encode`](Self::encode), but for keys that come
    /// twice, which are not noticed.
    pub fn write(&self, writer: &mut Writer) -> Result<()> {
        let mut open = vec![Rest::One(self)];
        while let Some(rest) = open.last_mut() {
            let value = match rest {
                Rest::One(value) => {
                    let value = *value;
                    open.pop();
                    value
                }
                Rest::List(items) => match items.next() {
                    Some(value) => value,
                    None => {
                        open.pop();
                        continue;
                    }
                },
                Rest::Map(pairs) => match pairs.next() {
                    Some((key, value)) => {
                        writer.key(key)?;
                        value
                    }
                    None => {
                        open.pop();
                        continue;
                    }
                },
            };
            match value {
                Self::List(items) => {
                    writer.array(items.len())?;
                    open.push(Rest::List(items.iter()));
                }
                Self::Map(pairs) => {
                    writer.map(pairs.len())?;
                    open.push(Rest::Map(pairs.iter()));
                }
                scalar => scalar.write_scalar(writer)?,
            }
        }
        Ok(())
    }

    fn write_scalar(&self, writer: &mut Writer) -> Result<()> {
        match self {
            Self::Nil | Self::List(_) | Self::Map(_) => writer.nil(),
            Self::Bool(value) => writer.bool(*value),
            Self::Int(value) => writer.int(*value),
            Self::Uint(value) => writer.uint(*value),
            Self::Float(value) => writer.float(*value),
            Self::Text(text) => writer.text(text),
            Self::Bytes(bytes) => writer.bytes(bytes),
            Self::Timestamp { secs, nanos } => writer.timestamp(*secs, *nanos),
        }
    }

    /// A token as a value; containers are empty.
    fn of(token: Token<'_>) -> Self {
        match token {
            Token::Nil => Self::Nil,
            Token::Bool(value) => Self::Bool(value),
            Token::Int(value) => Self::Int(value),
            Token::Uint(value) => Self::Uint(value),
            Token::Float(value) => Self::Float(value),
            Token::Text(text) => Self::Text(text.to_owned()),
            Token::Bytes(bytes) => Self::Bytes(bytes.to_owned()),
            Token::Array(_) => Self::List(Vec::new()),
            Token::Map(_) => Self::Map(Vec::new()),
            Token::Timestamp { secs, nanos } => Self::Timestamp { secs, nanos },
        }
    }
}

/// What of a value is still to be written.
enum Rest<'a> {
    One(&'a Value),
    List(std::slice::Iter<'a, Value>),
    Map(std::slice::Iter<'a, (String, Value)>),
}

/// A container that is being read, and how much of it is missing; of a map also the key whose value
/// comes next.
enum Open {
    List(Vec<Value>, usize),
    Map(Vec<(String, Value)>, String, usize),
}

/// A container with one value more.
enum Filled {
    Whole(Value),
    Open(Open),
}

impl Open {
    fn with(self, value: Value, reader: &mut Reader<'_>) -> Result<Filled> {
        Ok(match self {
            Self::List(mut items, missing) => {
                items.push(value);
                match missing {
                    1 => Filled::Whole(Value::List(items)),
                    _ => Filled::Open(Self::List(items, missing - 1)),
                }
            }
            Self::Map(mut pairs, key, missing) => {
                pairs.push((key, value));
                match missing {
                    1 => Filled::Whole(Value::Map(pairs)),
                    _ => Filled::Open(Self::Map(pairs, reader.key()?.to_owned(), missing - 1)),
                }
            }
        })
    }
}

macro_rules! from {
    ($($type:ty => $name:ident as $as:ty),*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$name(<$as>::from(value))
            }
        }
    )*};
}

from!(bool => Bool as bool, i8 => Int as i64, i16 => Int as i64, i32 => Int as i64,
    i64 => Int as i64, u8 => Int as i64, u16 => Int as i64, u32 => Int as i64,
    f32 => Float as f64, f64 => Float as f64, &str => Text as String, String => Text as String,
    Vec<u8> => Bytes as Vec<u8>, &[u8] => Bytes as Vec<u8>, Vec<Self> => List as Vec<Self>,
    Vec<(String, Self)> => Map as Vec<(String, Self)>);

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Nil
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Uint(value), Self::Int)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}
