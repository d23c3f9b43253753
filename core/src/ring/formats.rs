//! Rings in the formats of serde.

use serde_core::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::json::JSON_MAX;
use super::spec::Spec;
use super::{Overrides, Ring};
use crate::formats::{Kind, form, read, write};

form!(Ring, "a ring", JSON_MAX, Ring::to_value, ring);

fn ring(value: Value) -> crate::error::Result<Ring> {
    Ok(Ring::from_spec(Spec::of_value(value)?, None))
}

impl Serialize for Overrides {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(serializer, || self.to_value(), || self.to_octets())
    }
}

impl<'de> Deserialize<'de> for Overrides {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kind = Kind { what: "overrides of a ring", most: JSON_MAX };
        read(deserializer, kind, Self::of_value, Self::of_octets)
    }
}
