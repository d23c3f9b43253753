//! Payloads of types that serde knows.
//!
//! A struct is a map by the names of its fields, a variant without data its name, and one with data
//! a map of its name to the data, as in JSON. Written here, and not by a library for MessagePack:
//! those write integers of 128 bits as bytes and keys of any kind, which other languages would read
//! as something else, and do not tell the place of an error.

mod de;
mod ser;

use std::fmt;

use serde_core::{Deserialize, Serialize};

use super::{Reader, Writer, check};
use crate::error::{Error, Result};

/// The payload of a value of the user's types.
///
/// Errors: `codec` with the place, for what has no encoding (an integer beyond 64 bits, a key that
/// is no text or comes twice) and for what the type itself reports.
///
/// ```
/// #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
/// struct Item { sku: String, amount: u32 }
///
/// let item = Item { sku: "tea".into(), amount: 2 };
/// let bytes = chinwag::payload::to_vec(&item)?;
/// assert_eq!(bytes, b"\x82\xa3sku\xa3tea\xa6amount\x02");
/// assert_eq!(chinwag::payload::from_slice::<Item>(&bytes)?, item);
/// # Ok::<(), chinwag::Error>(())
/// ```
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    let mut writer = Writer::new();
    let written = value.serialize(ser::Serializer { writer: &mut writer });
    written.map_err(|failure| failure.placed(|why| writer.wrong(why)))?;
    let bytes = writer.finish()?;
    check(&bytes)?;
    Ok(bytes)
}

/// The value of a payload. It may borrow texts and bytes from it.
///
/// Errors: `codec` with the place, for bytes that are no payload, and for a payload that the type
/// cannot be made of.
pub fn from_slice<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    // First as a whole: a type that ignores a part does not look at it.
    check(bytes)?;
    let mut reader = Reader::new(bytes);
    let value = T::deserialize(de::Deserializer { reader: &mut reader });
    value.map_err(|failure| failure.placed(|why| reader.wrong(why)))
}

/// An error where serde asks for one of ours.
#[derive(Debug)]
enum Failure {
    /// Of this module, with its place.
    Placed(Error),
    /// What a type says of itself.
    Said(String),
}

impl Failure {
    /// The error; one that has no place gets it here.
    fn placed(self, place: impl FnOnce(&str) -> Error) -> Error {
        match self {
            Self::Placed(error) => error,
            Self::Said(why) => place(&why),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Placed(error) => error.fmt(f),
            Self::Said(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl serde_core::ser::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Said(message.to_string())
    }
}

impl serde_core::de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Said(message.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Placed(error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::super::Value;
    use super::*;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Order {
        id: u64,
        note: Option<String>,
        items: Vec<Item>,
        state: State,
        tags: BTreeMap<String, f32>,
        pair: (i8, char),
        unit: (),
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Item {
        sku: String,
        #[serde(flatten)]
        rest: BTreeMap<String, i64>,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    enum State {
        New,
        Paid(u32),
        Moved(i32, i32),
        Sent { at: f64 },
    }

    fn order(state: State) -> Order {
        Order {
            id: u64::MAX,
            note: None,
            items: vec![
                Item { sku: "tea".into(), rest: [("amount".to_owned(), 2)].into() },
                Item { sku: String::new(), rest: BTreeMap::new() },
            ],
            state,
            tags: [("weight".to_owned(), 0.5)].into(),
            pair: (-1, 'é'),
            unit: (),
        }
    }

    #[test]
    fn types_come_back_from_their_bytes() {
        let states =
            [State::New, State::Paid(7), State::Moved(-1, 1), State::Sent { at: f64::INFINITY }];
        for state in states {
            let order = order(state);
            let bytes = to_vec(&order).unwrap();
            assert_eq!(from_slice::<Order>(&bytes).as_ref(), Ok(&order));
            // In the form that the same value has elsewhere, which a library of MessagePack reads.
            assert_eq!(Value::decode(&bytes).unwrap().encode(), Ok(bytes.clone()));
            assert_eq!(rmp_serde::from_slice::<Order>(&bytes).unwrap(), order);
            let theirs = rmp_serde::to_vec_named(&order).unwrap();
            assert_eq!(from_slice::<Order>(&theirs), Ok(order));
        }
    }

    #[test]
    fn numbers_of_other_languages_fit() {
        assert_eq!(from_slice::<f64>(b"\x01"), Ok(1.0), "JavaScript has no 1.0");
        assert_eq!(from_slice::<i128>(b"\xff"), Ok(-1));
        assert_eq!(from_slice::<Vec<u8>>(b"\xc4\x02\x01\xff"), Ok(vec![1, 255]));
        assert_eq!(from_slice::<Vec<u8>>(b"\x92\x01\xcc\xff"), Ok(vec![1, 255]));
        assert_eq!(from_slice::<&str>(b"\xa1a"), Ok("a"));
        assert_eq!(to_vec(&u128::from(u64::MAX)), to_vec(&u64::MAX));
        assert_eq!(to_vec(&i128::from(i64::MIN)), to_vec(&i64::MIN));
        assert_eq!(to_vec(&i128::from(u64::MAX)), to_vec(&u64::MAX));
    }

    #[test]
    fn what_has_no_encoding_is_refused_with_its_place() {
        let price = |value: i128| {
            let items = vec![BTreeMap::new(), BTreeMap::from([("price", value)])];
            to_vec(&BTreeMap::from([("items", items)])).expect_err("no encoding").to_string()
        };
        let error = "codec: no encoding for an integer of 70 bits at $.items[1].price";
        assert_eq!(price((1 << 70) - 1), error);
        assert_eq!(price(-(1 << 69)), error);
        let error = to_vec(&vec![BTreeMap::from([(1, 2)])]).expect_err("no text");
        assert_eq!(error.to_string(), "codec: a key of a map that is no text at $[0]");
        let error = to_vec(&BTreeMap::from([(vec![1], 2)])).expect_err("no text");
        assert_eq!(error.message(), "a key of a map that is no text at $");

        #[derive(Serialize)]
        struct Twice {
            a: u8,
            #[serde(flatten)]
            rest: BTreeMap<String, u8>,
        }
        let twice = Twice { a: 1, rest: [("a".to_owned(), 2)].into() };
        let error = to_vec(&vec![twice]).expect_err("twice");
        assert_eq!(error.message(), "the key \"a\" comes twice in a map at $[0]");
    }

    #[test]
    fn what_is_no_such_type_is_refused_with_its_place() {
        let error = |value: Value| {
            let value = Value::Map(vec![("items".to_owned(), vec![value].into())]);
            let bytes = value.encode().unwrap();
            let read = from_slice::<BTreeMap<String, Vec<Item>>>(&bytes);
            read.expect_err("it is none").to_string()
        };
        let item = |pairs: Vec<(&str, Value)>| {
            Value::Map(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        };
        assert_eq!(error(item(vec![])), "codec: missing field `sku` at $.items[0]");
        assert_eq!(error(item(vec![("x", 1.into())])), "codec: missing field `sku` at $.items[0]");
        let wrong = error(Value::Text("x".into()));
        assert!(wrong.starts_with("codec: invalid type: string \"x\""), "{wrong}");
        assert!(wrong.ends_with(" at $.items[0]"), "{wrong}");
        let error = from_slice::<(u8, u8)>(b"\x93\x01\x02\x03").expect_err("three");
        assert!(error.message().ends_with(" at $"), "{error}");
        let error = from_slice::<Vec<i8>>(b"\x92\x01\xcc\xff").expect_err("255");
        assert!(error.message().ends_with(" at $[1]"), "{error}");
        assert!(from_slice::<u8>(b"\x01\x02").is_err(), "something follows");
        assert!(from_slice::<serde::de::IgnoredAny>(b"\x81\x01\x02").is_err());
        let error = from_slice::<State>(b"\x82\xa3New\xc0\xa4Paid\x01").expect_err("two");
        assert!(error.message().starts_with("a variant is its name"), "{error}");
        assert!(from_slice::<State>(b"\xa3Old").is_err());
    }
}
