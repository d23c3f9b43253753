//! Values in the formats of serde: where people read, what JSON has of them, else their bytes.

use std::fmt;

use serde_core::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_core::ser::{Error as _, Serialize, Serializer};
use serde_json::{Map, Number, Value};

use crate::error;

/// What a form is, for errors, and what it is read from at most: bytes of JSON, or as much in
/// another format.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) what: &'static str,
    pub(crate) most: usize,
}

/// Levels of lists and objects within each other at most. No form has more than four.
const DEPTH: usize = 8;

/// Writes a value of which these are the forms.
pub(crate) fn write<S: Serializer>(
    serializer: S,
    value: impl FnOnce() -> Value,
    bytes: impl FnOnce() -> Vec<u8>,
) -> Result<S::Ok, S::Error> {
    match serializer.is_human_readable() {
        true => Plain(&value()).serialize(serializer),
        false => serializer.serialize_bytes(&bytes()),
    }
}

/// Reads what [`write`] has written.
pub(crate) fn read<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    kind: Kind,
    of_value: impl FnOnce(Value) -> error::Result<T>,
    of_bytes: impl FnOnce(&[u8]) -> error::Result<T>,
) -> Result<T, D::Error> {
    if !deserializer.is_human_readable() {
        return deserializer.deserialize_bytes(Octets { kind, of_bytes });
    }
    let mut left = kind.most;
    let value = Bounded { left: &mut left, depth: DEPTH, kind }.deserialize(deserializer)?;
    of_value(value).map_err(D::Error::custom)
}

/// Lets a value go through the formats of serde: what it is, what it is read from at most, and how
/// JSON has it. Bytes are its own.
macro_rules! form {
    ($type:ty, $what:literal, $most:expr, $value:path, $of_value:path) => {
        impl serde_core::Serialize for $type {
            fn serialize<S: serde_core::Serializer>(
                &self,
                serializer: S,
            ) -> std::result::Result<S::Ok, S::Error> {
                crate::formats::write(serializer, || $value(self), || self.to_bytes().to_vec())
            }
        }

        impl<'de> serde_core::Deserialize<'de> for $type {
            fn deserialize<D: serde_core::Deserializer<'de>>(
                deserializer: D,
            ) -> std::result::Result<Self, D::Error> {
                let kind = crate::formats::Kind { what: $what, most: $most };
                crate::formats::read(deserializer, kind, $of_value, Self::from_bytes)
            }
        }
    };
}
pub(crate) use form;

/// What JSON has, for any format. serde_json's own way knows tricks that other formats do not.
struct Plain<'a>(&'a Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Number(number) => match number.as_u64() {
                Some(number) => serializer.serialize_u64(number),
                None => Err(S::Error::custom("a form has whole numbers alone")),
            },
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(list) => serializer.collect_seq(list.iter().map(Plain)),
            Value::Object(map) => {
                serializer.collect_map(map.iter().map(|(name, value)| (name, Plain(value))))
            }
        }
    }
}

/// Reads what JSON has, until there is too much of it.
struct Bounded<'a> {
    left: &'a mut usize,
    depth: usize,
    kind: Kind,
}

impl Bounded<'_> {
    /// Counts so many bytes, and as many as a value takes at least between others.
    fn spend<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        let left = self.left.checked_sub(bytes.saturating_add(2));
        *self.left =
            left.ok_or_else(|| E::custom(format!("there is too much of {}", self.kind.what)))?;
        Ok(())
    }

    fn inner<E: Error>(&mut self) -> Result<Bounded<'_>, E> {
        let wrong = || E::custom(format!("{} does not go that deep", self.kind.what));
        let depth = self.depth.checked_sub(1).ok_or_else(wrong)?;
        Ok(Bounded { left: self.left, depth, kind: self.kind })
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.what)
    }

    fn visit_unit<E: Error>(mut self) -> Result<Value, E> {
        self.spend(0).map(|()| Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(mut self, flag: bool) -> Result<Value, E> {
        self.spend(0).map(|()| Value::Bool(flag))
    }

    fn visit_u64<E: Error>(mut self, number: u64) -> Result<Value, E> {
        self.spend(0).map(|()| Value::from(number))
    }

    fn visit_i64<E: Error>(mut self, number: i64) -> Result<Value, E> {
        self.spend(0).map(|()| Value::from(number))
    }

    fn visit_f64<E: Error>(mut self, number: f64) -> Result<Value, E> {
        self.spend(0)?;
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<Value, E> {
        self.spend(text.len()).map(|()| Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut all: A) -> Result<Value, A::Error> {
        self.spend(0)?;
        let mut list = Vec::new();
        while let Some(value) = all.next_element_seed(self.inner()?)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut all: A) -> Result<Value, A::Error> {
        self.spend(0)?;
        let mut map = Map::new();
        while let Some(name) = all.next_key_seed(self.inner()?)? {
            let Value::String(name) = name else {
                return Err(A::Error::custom(format!(
                    "the members of {} have names",
                    self.kind.what
                )));
            };
            let value = all.next_value_seed(self.inner()?)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

/// Reads bytes, as a format has them.
struct Octets<F> {
    kind: Kind,
    of_bytes: F,
}

impl<'de, T, F: FnOnce(&[u8]) -> error::Result<T>> Visitor<'de> for Octets<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bytes of {}", self.kind.what)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<T, E> {
        (self.of_bytes)(bytes).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use serde_core::Serialize;
    use serde_core::de::DeserializeOwned;

    use crate::clock::{
        Folded, HybridClock, HybridTime, JSON_MAX, LamportClock, Retired, Siblings, VectorClock,
    };
    use crate::ring::{Overrides, Profile, Ring, RingNode};

    /// Through JSON, which must be this, and through a format that people do not read, which must
    /// have these bytes, and their length before them; both times back.
    fn travels<T>(value: &T, json: &str, bytes: &[u8])
    where
        T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        assert_eq!(serde_json::to_string(value).unwrap(), json);
        assert_eq!(&serde_json::from_str::<T>(json).unwrap(), value);
        assert_eq!(&serde_json::from_reader::<_, T>(json.as_bytes()).unwrap(), value);
        let tree = serde_json::to_value(value).unwrap();
        assert_eq!(&serde_json::from_value::<T>(tree).unwrap(), value);
        let packed = postcard::to_allocvec(&(value, 7_u8)).unwrap();
        let before = postcard::to_allocvec(&bytes.len()).unwrap();
        assert_eq!(packed, [&before, bytes, &[7]].concat());
        assert_eq!(&postcard::from_bytes::<(T, u8)>(&packed).unwrap().0, value);
        for cut in 0..packed.len() {
            assert!(postcard::from_bytes::<(T, u8)>(&packed[..cut]).is_err(), "{cut}");
        }
    }

    fn clock() -> VectorClock {
        let mut clock = VectorClock::new();
        clock.update("b\"", u64::MAX).unwrap();
        clock.increment_at("a", 5).unwrap();
        clock
    }

    #[test]
    fn clocks_travel_in_their_forms() {
        let clock = clock();
        travels(&clock, &clock.to_json(), &clock.to_bytes());
        let mut log = Retired::new();
        log.retire("z", 9).unwrap();
        log.retire("a", 1).unwrap();
        travels(&log, &log.to_json(), &log.to_bytes());
        let folded = log.fold(&clock).unwrap();
        travels(&folded, &folded.to_json(), &folded.to_bytes());
        let mut record = Siblings::new();
        record.put("a", &clock, b"tea".to_vec()).unwrap();
        record.put("a", &VectorClock::new(), vec![0xff; 200]).unwrap();
        travels(&record, &record.to_json(), &record.to_bytes());
        // Stamps are in it, though they do not count.
        let json = serde_json::to_string(&vec![&clock]).unwrap();
        let back: Vec<VectorClock> = serde_json::from_str(&json).unwrap();
        assert_eq!(back[0].to_bytes(), clock.to_bytes());
        // Whatever values are that have bytes.
        let texts = record.map(|value| format!("{} bytes", value.len()));
        assert_eq!(serde_json::to_string(&texts).unwrap(), texts.to_json());
    }

    #[test]
    fn stamps_travel_as_texts_and_as_numbers() {
        let time = HybridClock::new().tick(1_795_316_449_123_000);
        travels(&time, "\"001795316449123.00000\"", &time.to_bytes());
        for (number, json) in [(5, "5"), (u64::MAX, "\"18446744073709551615\"")] {
            let clock = LamportClock::at(number);
            assert_eq!(serde_json::to_string(&clock).unwrap(), json);
            assert_eq!(serde_json::from_str::<LamportClock>(json).unwrap(), clock);
            let packed = postcard::to_allocvec(&clock).unwrap();
            assert_eq!(packed, postcard::to_allocvec(&number).unwrap());
            assert_eq!(postcard::from_bytes::<LamportClock>(&packed), Ok(clock));
        }
        for json in ["-1", "1.5", "\"5\"", "null", "9007199254740993", "[5]"] {
            assert!(serde_json::from_str::<LamportClock>(json).is_err(), "{json}");
            assert!(serde_json::from_str::<HybridTime>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn rings_travel_in_their_forms() {
        let mut overrides = Overrides::default();
        overrides.excluded.insert("b".to_owned());
        overrides.pins.insert(vec![0xff], "c".to_owned());
        overrides.pin_prefixes.insert(b"user:".to_vec(), "a".to_owned());
        let json = concat!(
            r#"{"excluded":["b"],"keys":[{"base64":"/w==","node":"c"}],"#,
            r#""prefixes":[{"key":"user:","node":"a"}]}"#
        );
        let bytes = b"\x01\x01\x01b\x01\x01\xff\x01c\x01\x05user:\x01a";
        travels(&overrides, json, bytes);
        let nodes = [RingNode::new("a").weight(3), RingNode::new("b").zone("x"), "c".into()];
        for profile in [Profile::partitions(64), Profile::PURE, Profile::Ketama] {
            let builder = Ring::builder().profile(profile).nodes(nodes.clone());
            let ring = builder.overrides(overrides.clone()).build().unwrap();
            travels(&ring, &ring.to_json(), &ring.to_bytes());
        }
        for json in ["[]", r#"{"exclude":[]}"#, r#"{"excluded":[1]}"#, r#"{"keys":[{"key":"a"}]}"#]
        {
            assert!(serde_json::from_str::<Overrides>(json).is_err(), "{json}");
            assert!(serde_json::from_str::<Ring>(json).is_err(), "{json}");
        }
        for bytes in [&b"\x04\x02\x00\x00\x00"[..], b"\x05\x01\x00\x00\x00\x00"] {
            assert!(postcard::from_bytes::<Overrides>(bytes).is_err(), "{bytes:02x?}");
        }
        let many = Overrides {
            excluded: (0..65_537).map(|number| number.to_string()).collect(),
            ..Overrides::default()
        };
        let error = serde_json::from_str::<Overrides>(&serde_json::to_string(&many).unwrap());
        assert!(error.expect_err("a ring cannot have them").to_string().contains("65536"));
        let packed = postcard::to_allocvec(&many).unwrap();
        assert!(postcard::from_bytes::<Overrides>(&packed).is_err());
    }

    #[test]
    fn what_is_none_is_refused_with_its_reason() {
        let error = serde_json::from_str::<VectorClock>(r#"{"a":-1}"#).expect_err("below 0");
        assert!(error.to_string().contains("a whole number up to 2^53"), "{error}");
        for json in ["[]", "null", "1", r#"{"a":1.5}"#, r#"{"a":true}"#, r#"{"":1}"#, r#"{"a":1"#] {
            assert!(serde_json::from_str::<VectorClock>(json).is_err(), "{json}");
            assert!(serde_json::from_str::<Folded>(json).is_err(), "{json}");
            assert!(serde_json::from_str::<Siblings<Vec<u8>>>(json).is_err(), "{json}");
        }
        // Bytes of something else, and a length that lies.
        assert!(postcard::from_bytes::<VectorClock>(b"\x02\x41\x00").is_err());
        assert!(postcard::from_bytes::<Siblings<Vec<u8>>>(b"\x02\x11\x00").is_err());
        assert!(postcard::from_bytes::<Retired>(b"\xff\xff\xff\xff\x0f\x61\x00").is_err());
    }

    /// A beginning, and then the same for ever.
    struct Endless {
        first: &'static [u8],
        then: &'static [u8],
        at: usize,
    }

    impl Read for Endless {
        fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
            for byte in room.iter_mut() {
                let beyond = self.at.checked_sub(self.first.len());
                *byte = beyond
                    .map_or_else(|| self.first[self.at], |at| self.then[at % self.then.len()]);
                self.at += 1;
            }
            Ok(room.len())
        }
    }

    /// Each ends, and having read hardly more than the text of one may have.
    #[test]
    fn what_never_ends_is_refused() {
        let texts: [(&[u8], &[u8]); 4] = [
            (b"", b"["),
            (b"[", b"1,"),
            (b"{", b"\"a\":1,"),
            (b"{\"a\":{\"count\":1,\"values\":[", b"\"dGVh\","),
        ];
        for (first, then) in texts {
            let mut text = Endless { first, then, at: 0 };
            let error = serde_json::from_reader::<_, Siblings<Vec<u8>>>(&mut text);
            let error = error.expect_err("it has no end").to_string();
            assert!(error.contains("too much") || error.contains("that deep"), "{error}");
            assert!(text.at <= 2 * JSON_MAX, "{} bytes were read", text.at);
        }
    }
}
