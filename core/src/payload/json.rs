//! Payloads from JSON, and as JSON.

use std::fmt;

use serde_core::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Reader, Token, Writer, check};
use crate::error::{Error, Result};

/// The payload of a JSON text. Integers of up to 64 bits stay integers; other numbers are floats of
/// 64 bits, and those that are larger are refused.
///
/// Errors: `codec` for what is no JSON, with line and column; and as
/// [`Value::encode`](super::Value::encode) has them.
pub fn to_msgpack(json: &str) -> Result<Vec<u8>> {
    let (mut writer, mut failure) = (Writer::new(), None);
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let seed = Onto { writer: &mut writer, failure: &mut failure };
    let read = seed.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    if let Some(failure) = failure {
        return Err(failure);
    }
    read.map_err(|error| writer.wrong(&format!("this is no JSON ({error})")))?;
    let bytes = writer.finish()?;
    check(&bytes)?;
    Ok(bytes)
}

/// A payload as a JSON text, without spaces.
///
/// Errors: `codec` with the place, for bytes that are no payload, and for what JSON does not have:
/// bytes, points in time, NaN and infinities.
pub fn from_msgpack(bytes: &[u8]) -> Result<String> {
    let mut reader = Reader::new(bytes);
    let mut out = Vec::with_capacity(bytes.len());
    // How many values of each container are missing, and whether it is a map.
    let mut open: Vec<(usize, bool)> = Vec::new();
    while !reader.is_done() {
        if let Some((_, true)) = open.last() {
            let key = reader.key()?;
            put(&mut out, &reader, key)?;
            out.push(b':');
        }
        match reader.token()? {
            Token::Array(len) if len > 0 => {
                out.push(b'[');
                open.push((len, false));
                continue;
            }
            Token::Map(len) if len > 0 => {
                out.push(b'{');
                open.push((len, true));
                continue;
            }
            Token::Nil => put(&mut out, &reader, ())?,
            Token::Bool(value) => put(&mut out, &reader, value)?,
            Token::Int(value) => put(&mut out, &reader, value)?,
            Token::Uint(value) => put(&mut out, &reader, value)?,
            Token::Float(value) if value.is_finite() => put(&mut out, &reader, value)?,
            Token::Float(value) => return Err(none(&reader, &value.to_string())),
            Token::Text(text) => put(&mut out, &reader, text)?,
            Token::Bytes(_) => return Err(none(&reader, "bytes")),
            Token::Array(_) => out.extend_from_slice(b"[]"),
            Token::Map(_) => out.extend_from_slice(b"{}"),
            Token::Timestamp { .. } => return Err(none(&reader, "a point in time")),
        }
        while let Some((missing, is_map)) = open.last_mut() {
            *missing -= 1;
            if *missing > 0 {
                out.push(b',');
                break;
            }
            out.push(if *is_map { b'}' } else { b']' });
            open.pop();
        }
    }
    String::from_utf8(out).map_err(|_| reader.wrong("the JSON is no UTF-8"))
}

fn put(out: &mut Vec<u8>, reader: &Reader<'_>, value: impl serde_core::Serialize) -> Result<()> {
    serde_json::to_writer(out, &value).map_err(|error| reader.wrong(&error.to_string()))
}

fn none(reader: &Reader<'_>, what: &str) -> Error {
    reader.wrong(&format!("JSON cannot have {what}"))
}

/// What reading comes to in serde.
type Outcome<E> = std::result::Result<(), E>;

/// Writes what is read, as it comes.
struct Onto<'a> {
    writer: &'a mut Writer,
    /// Why the writer refused it: errors of serde would lose the place.
    failure: &'a mut Option<Error>,
}

impl Onto<'_> {
    fn put<E: de::Error>(&mut self, put: impl FnOnce(&mut Writer) -> Result<()>) -> Outcome<E> {
        put(self.writer).map_err(|failure| {
            let error = E::custom(&failure);
            *self.failure = Some(failure);
            error
        })
    }

    fn inner(&mut self) -> Onto<'_> {
        Onto { writer: self.writer, failure: self.failure }
    }
}

impl<'de> DeserializeSeed<'de> for Onto<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Outcome<D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Onto<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E: de::Error>(mut self) -> Outcome<E> {
        self.put(Writer::nil)
    }

    fn visit_bool<E: de::Error>(mut self, value: bool) -> Outcome<E> {
        self.put(|writer| writer.bool(value))
    }

    fn visit_i64<E: de::Error>(mut self, value: i64) -> Outcome<E> {
        self.put(|writer| writer.int(value))
    }

    fn visit_u64<E: de::Error>(mut self, value: u64) -> Outcome<E> {
        self.put(|writer| writer.uint(value))
    }

    fn visit_f64<E: de::Error>(mut self, value: f64) -> Outcome<E> {
        self.put(|writer| writer.float(value))
    }

    fn visit_str<E: de::Error>(mut self, text: &str) -> Outcome<E> {
        self.put(|writer| writer.text_or_key(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut all: A) -> Outcome<A::Error> {
        self.put(Writer::begin_array)?;
        while all.next_element_seed(self.inner())?.is_some() {}
        self.put(Writer::end)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut all: A) -> Outcome<A::Error> {
        self.put(Writer::begin_map)?;
        while all.next_key_seed(self.inner())?.is_some() {
            all.next_value_seed(self.inner())?;
        }
        self.put(Writer::end)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    #[test]
    fn a_text_comes_back() {
        for json in [
            "null",
            "true",
            "-9223372036854775808",
            "18446744073709551615",
            "9007199254740993",
            "0.1",
            "1.0",
            "5e-324",
            "1409286145.2751923",
            r#""é\u0000\"""#,
            "[]",
            "{}",
            r#"[1,[],{"b":{},"a":[null,false]}]"#,
        ] {
            assert_eq!(from_msgpack(&to_msgpack(json).unwrap()).unwrap(), json);
        }
        let bytes = to_msgpack(" { \"a\" : [ 1 , 1e3 ] } ").unwrap();
        let list = Value::List(vec![1.into(), 1e3.into()]);
        assert_eq!(Value::decode(&bytes), Ok(Value::Map(vec![("a".to_owned(), list)])));
    }

    #[test]
    fn what_json_has_not_is_refused_with_its_place() {
        let error = |value: Value| {
            let order = Value::Map(vec![("a".to_owned(), vec![Value::Nil, value].into())]);
            from_msgpack(&order.encode().unwrap()).expect_err("JSON has it").to_string()
        };
        assert_eq!(error(vec![1_u8].into()), "codec: JSON cannot have bytes at $.a[1]");
        assert_eq!(error(f64::NAN.into()), "codec: JSON cannot have NaN at $.a[1]");
        assert_eq!(error(f64::INFINITY.into()), "codec: JSON cannot have inf at $.a[1]");
        let time = Value::Timestamp { secs: 1, nanos: 0 };
        assert_eq!(error(time), "codec: JSON cannot have a point in time at $.a[1]");
        assert!(from_msgpack(b"\x92\x01").is_err());
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let error = |json: &str| to_msgpack(json).expect_err(json).to_string();
        assert_eq!(
            error(r#"{"a":[1,}"#),
            "codec: this is no JSON (expected value at line 1 column 9) at $.a[1]"
        );
        assert_eq!(
            error(r#"[{"a":1,"a":2}]"#),
            "codec: the key \"a\" comes twice in a map at $[0]"
        );
        assert!(error("1 2").contains("trailing characters"));
        assert!(error("1e400").contains("out of range"));
        assert!(error("").contains("EOF"));
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        assert!(error(&deep).starts_with("codec: more than 64 containers"));
        assert!(error(&"[".repeat(100_000)).starts_with("codec: more than 64 containers"));
    }
}
