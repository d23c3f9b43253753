//! A ring as JSON, for people and for other programs; `docs/RING.md` has the fields.

use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64, Encoding};
use serde_json::{Map, Value, json};

#[cfg(feature = "serde")]
use super::Overrides;
use super::Ring;
use super::spec::{Profile, RingNode, Spec, bad, large, short};
use crate::error::{Error, Result};

/// The form that is written and read.
const VERSION: u64 = 1;

/// Bytes of a JSON text at most: 65,534 nodes with 250 bytes for each. A value of JSON takes up to
/// sixteen times the memory of its text.
pub(super) const JSON_MAX: usize = 16 << 20;

impl Ring {
    /// The ring as JSON, in one line.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    pub(super) fn to_value(&self) -> Value {
        let spec = &self.0.spec;
        let (profile, slots, slack) = match spec.profile {
            Profile::Slots { slots, slack } => ("slots", Some(slots), Some(slack)),
            Profile::Ketama => ("ketama", None, None),
            Profile::Clusterluck => ("clusterluck", None, None),
        };
        let node = |node: RingNode| {
            let mut object = json!({ "name": node.name, "weight": node.weight });
            if !node.zone.is_empty() {
                object["zone"] = node.zone.into();
            }
            object
        };
        let mut object = json!({
            "version": VERSION,
            "profile": profile,
            "replicas": spec.replicas,
            "hash_tags": spec.hash_tags,
            "nodes": self.nodes().map(node).collect::<Vec<_>>(),
            "excluded": spec.excluded.iter().collect::<Vec<_>>(),
            "keys": overrides(&spec.keys),
            "prefixes": overrides(&spec.prefixes),
        });
        if let (Some(slots), Some(slack)) = (slots, slack) {
            object["slots"] = slots.into();
            object["slack"] = slack.into();
        }
        object
    }

    /// The ring of this JSON. Fields that are not there have their defaults; others are refused.
    ///
    /// # Errors
    ///
    /// `bad_argument` for what is not the JSON of a ring, `too_large` for more than one can have,
    /// and for a text of more than 16 MiB, which is not looked at: a ring that is larger has bytes.
    /// What is said of the work at [`from_bytes`](Self::from_bytes) holds here too.
    pub fn from_json(text: &str) -> Result<Self> {
        Ok(Self::from_spec(Spec::from_json(text)?, None))
    }
}

impl Spec {
    /// What a ring of this JSON is made from.
    pub(super) fn from_json(text: &str) -> Result<Self> {
        if text.len() > JSON_MAX {
            let bytes = text.len();
            return Err(large(format!("the JSON text has {bytes} bytes, at most {JSON_MAX}")));
        }
        let wrong = |error: serde_json::Error| bad(format!("this is not JSON: {error}"));
        Self::of_value(serde_json::from_str(text).map_err(wrong)?)
    }

    pub(super) fn of_value(value: Value) -> Result<Self> {
        let spec = Fields::of(value, "a ring")?.spec()?;
        spec.check()?;
        Ok(spec)
    }
}

#[cfg(feature = "serde")]
impl Overrides {
    /// As the part of a ring that they are.
    pub(super) fn to_value(&self) -> Value {
        json!({
            "excluded": self.excluded.iter().collect::<Vec<_>>(),
            "keys": overrides(&self.pins),
            "prefixes": overrides(&self.pin_prefixes),
        })
    }

    pub(super) fn of_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "overrides")?;
        let excluded = fields.excluded()?;
        let (pins, pin_prefixes) = (fields.pins("keys")?, fields.pins("prefixes")?);
        fields.end()?;
        Self { excluded, pins, pin_prefixes }.checked()
    }
}

/// Keys that are not text are in base64, and say so.
fn overrides<'s>(all: impl IntoIterator<Item = (&'s Vec<u8>, &'s String)>) -> Vec<Value> {
    let object = |(key, node): (&Vec<u8>, &String)| match std::str::from_utf8(key) {
        Ok(key) => json!({ "key": key, "node": node }),
        Err(_) => json!({ "base64": Base64::encode_string(key), "node": node }),
    };
    all.into_iter().map(object).collect()
}

/// An object of which the fields are taken one by one; none may be left.
struct Fields {
    what: &'static str,
    left: Map<String, Value>,
}

impl Fields {
    fn of(value: Value, what: &'static str) -> Result<Self> {
        match value {
            Value::Object(left) => Ok(Self { what, left }),
            _ => Err(bad(format!("{what} is an object in JSON"))),
        }
    }

    /// Takes a field, as `read` reads it.
    fn take<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.left.remove(field) else { return Ok(None) };
        read(&value).map(Some).ok_or_else(|| self.wrong(field, &value))
    }

    fn wrong(&self, field: &str, value: &Value) -> Error {
        let what = self.what;
        bad(format!("`{field}` of {what} cannot be {}", short(&value.to_string())))
    }

    fn text(&mut self, field: &str) -> Result<Option<String>> {
        self.take(field, |value| value.as_str().map(str::to_owned))
    }

    fn number(&mut self, field: &str) -> Result<Option<u32>> {
        self.take(field, |value| value.as_u64()?.try_into().ok())
    }

    fn list(&mut self, field: &str) -> Result<Vec<Value>> {
        match self.left.remove(field) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(self.wrong(field, &other)),
        }
    }

    fn needed<T>(&self, field: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| bad(format!("{} needs a field `{field}`", self.what)))
    }

    fn end(self) -> Result<()> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(field) => Err(bad(format!("{} has no field `{}`", self.what, short(field)))),
        }
    }

    fn profile(&mut self) -> Result<Profile> {
        let name = self.text("profile")?;
        let slots = self.number("slots")?;
        let slack = self.take("slack", |value| match value {
            Value::Null => Some(None),
            number => Some(Some(number.as_u64()?.try_into().ok()?)),
        })?;
        let is_slots = name.as_deref().is_none_or(|name| name == "slots");
        match (name.as_deref(), slots, slack) {
            (_, slots, slack) if is_slots => Ok(Profile::Slots {
                slots: slots.unwrap_or(Profile::DEFAULT_SLOTS),
                slack: slack.unwrap_or(Some(Profile::DEFAULT_SLACK)),
            }),
            (Some("ketama"), None, None) => Ok(Profile::Ketama),
            (Some("clusterluck"), None, None) => Ok(Profile::Clusterluck),
            (Some("ketama" | "clusterluck"), ..) => {
                Err(bad("a ring of points has neither `slots` nor `slack`".to_owned()))
            }
            (name, ..) => Err(bad(format!(
                "the profile {:?} is not known; it is slots, ketama or clusterluck",
                short(name.unwrap_or_default())
            ))),
        }
    }

    fn spec(mut self) -> Result<Spec> {
        if self.take("version", Value::as_u64)?.is_some_and(|version| version != VERSION) {
            return Err(bad("the ring is of a later version".to_owned()));
        }
        let mut spec = Spec::new(self.profile()?);
        if let Some(replicas) = self.take("replicas", |value| value.as_u64()?.try_into().ok())? {
            spec.replicas = replicas;
        }
        spec.hash_tags = self.take("hash_tags", Value::as_bool)?.unwrap_or(false);
        for node in self.list("nodes")? {
            let mut fields = Self::of(node, "a node")?;
            let name = fields.text("name")?;
            let name = fields.needed("name", name)?;
            let weight = fields.number("weight")?.unwrap_or(1);
            let zone = fields.text("zone")?.unwrap_or_default();
            fields.end()?;
            spec.add(RingNode { name, weight, zone })?;
        }
        spec.excluded = self.excluded()?;
        spec.keys = self.pins("keys")?;
        spec.prefixes = self.pins("prefixes")?;
        self.end()?;
        Ok(spec)
    }

    fn excluded(&mut self) -> Result<BTreeSet<String>> {
        let name = |value: &Value| value.as_str().map(str::to_owned);
        let names = self.list("excluded")?.iter().map(name).collect::<Option<_>>();
        names.ok_or_else(|| bad("`excluded` has names".to_owned()))
    }

    fn pins(&mut self, field: &str) -> Result<BTreeMap<Vec<u8>, String>> {
        let mut pins = BTreeMap::new();
        for one in self.list(field)? {
            let mut fields = Self::of(one, "an override")?;
            let text = fields.text("key")?.map(String::into_bytes);
            let raw = fields.take("base64", |v| Base64::decode_vec(v.as_str()?).ok())?;
            let key = fields.needed("key", text.or(raw))?;
            let node = fields.text("node")?;
            let node = fields.needed("node", node)?;
            fields.end()?;
            pins.insert(key, node);
        }
        Ok(pins)
    }
}
