//! How the members make a ring, as options say it.

use std::time::Duration;

use super::{Config, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::member::Tags;
use crate::ring::Profile;

/// How the members make a ring. The option table has the meaning of each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the option table documents each, once")]
pub struct RingSettings {
    pub profile: Profile,
    pub replicas: u8,
    pub hash_tags: bool,
    pub tags: Tags,
    pub weight_tag: String,
    pub zone_tag: String,
    pub history: usize,
}

impl Config {
    pub(super) fn ring(&self) -> Result<RingSettings> {
        let count = |key| u32::try_from(self.count(key, None)).unwrap_or(u32::MAX);
        let name = self.text("ring_profile").unwrap_or_else(|| "default".to_owned());
        let slots = self.values.contains_key("ring_slots").then(|| count("ring_slots"));
        let placed = Profile::named(&name, slots, None);
        let or = |key: &str, default: &str| self.text(key).unwrap_or_else(|| default.to_owned());
        let points = matches!(placed, Ok(Profile::Ketama | Profile::Clusterluck));
        if points && self.duration("handoff_timeout", None) > Duration::ZERO {
            let message = "handoff_timeout is for rings of slots; \"ketama\" and \
                           \"clusterluck\" have none";
            return Err(Error::new(ErrorKind::BadConfig, message));
        }
        Ok(RingSettings {
            profile: placed.map_err(|error| Error::new(ErrorKind::BadConfig, error.message()))?,
            replicas: u8::try_from(count("ring_replicas")).unwrap_or(u8::MAX),
            hash_tags: self.flag("ring_hash_tags"),
            tags: match self.values.get("ring_tags") {
                Some(Value::Map(tags)) => tags.clone(),
                _ => Tags::new(),
            },
            weight_tag: or("ring_weight_tag", "weight"),
            zone_tag: or("ring_zone_tag", "zone"),
            history: self.count("ring_history", None),
        })
    }
}
