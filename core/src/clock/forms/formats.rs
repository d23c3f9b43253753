//! Clocks in the formats of serde.

use serde_core::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::super::hybrid::HybridTime;
use super::super::lamport::LamportClock;
use super::super::retired::{Folded, Retired};
use super::super::siblings::Siblings;
use super::super::vector::VectorClock;
use super::json::{self, JSON_MAX};
use crate::error;
use crate::formats::{Kind, form, read, write};

form!(VectorClock, "a vector clock", JSON_MAX, json::value, json::clock);
form!(Folded, "a folded clock", JSON_MAX, json::folded_value, json::folded);
form!(Retired, "a log of retirements", JSON_MAX, json::log_value, json::log);
form!(HybridTime, "a stamp of a hybrid clock", STAMP_MAX, stamp_value, stamp);

/// More than the text of a stamp has.
const STAMP_MAX: usize = 64;

fn stamp_value(time: &HybridTime) -> Value {
    Value::String(time.to_string())
}

fn stamp(value: Value) -> error::Result<HybridTime> {
    value.as_str().ok_or_else(|| json::wrong("the text of a stamp"))?.parse()
}

/// Values are bytes, and in base64 where people read.
impl<V: AsRef<[u8]>> Serialize for Siblings<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(serializer, || json::record_value(self), || self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for Siblings<Vec<u8>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kind = Kind { what: "a record of siblings", most: JSON_MAX };
        read(deserializer, kind, json::record, Self::from_bytes)
    }
}

/// As the number that it is; where people read, as JSON has numbers of 64 bits.
impl Serialize for LamportClock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => json::number(self.time()).serialize(serializer),
            false => serializer.serialize_u64(self.time()),
        }
    }
}

impl<'de> Deserialize<'de> for LamportClock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return u64::deserialize(deserializer).map(Self::at);
        }
        let kind = Kind { what: "the number of a Lamport clock", most: STAMP_MAX };
        let at = |value| json::parse_number(&value).map(Self::at);
        read(deserializer, kind, at, |_| Err(json::wrong("a number")))
    }
}
