//! What a ring shall be made from, as `lib/placement.js` hands it on: judged by its types already.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chinwag::ring::{Builder, Profile, Ring, RingNode};
use napi::bindgen_prelude::Uint8Array;
use napi::{Env, Task};
use napi_derive::napi;

use super::NativeRing;
use crate::config::whole;
use crate::error::{Result, bad_argument, failure};

/// A node of a ring.
#[napi(object, object_to_js = false)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its part of the keys.
    pub weight: f64,
    /// What fails with it.
    pub zone: String,
}

/// A key or a beginning, and who owns it.
#[napi(object, object_to_js = false)]
pub struct Pin {
    /// The key, or the beginning.
    pub key: Uint8Array,
    /// The owner.
    pub name: String,
}

/// Options of a ring. What is not there is as before.
#[napi(object, object_to_js = false)]
pub struct RingOptions {
    /// The name of the profile.
    pub profile: Option<String>,
    /// How many slots.
    pub slots: Option<f64>,
    /// In thousandths.
    pub slack: Option<f64>,
    /// Owners that are found without a search.
    pub replicas: Option<f64>,
    /// Whether a part of a key in braces places it.
    pub hash_tags: Option<bool>,
    /// All nodes.
    pub nodes: Option<Vec<Node>>,
    /// All nodes that own nothing.
    pub excluded: Option<Vec<String>>,
    /// All keys that are pinned.
    pub pins: Option<Vec<Pin>>,
    /// All beginnings that are.
    pub pin_prefixes: Option<Vec<Pin>>,
}

impl Node {
    /// The same for the core.
    pub(crate) fn node(self) -> Result<RingNode> {
        let weight = number(&format!("the weight of \"{}\"", self.name), self.weight)?;
        Ok(RingNode::new(self.name).weight(weight).zone(self.zone))
    }
}

impl RingOptions {
    /// A builder of these options, and of a ring before for all that they say nothing of.
    pub(crate) fn builder(self, before: Option<&Ring>) -> Result<Builder> {
        let mut builder = before.map_or_else(Ring::builder, Ring::to_builder);
        builder = builder.profile(self.profile(before)?);
        if let Some(replicas) = self.replicas {
            builder = builder.replicas(number("the number of replicas", replicas)?);
        }
        if let Some(hash_tags) = self.hash_tags {
            builder = builder.hash_tags(hash_tags);
        }
        self.overridden(builder, before)
    }

    /// The profile, with what it leaves open as it was before.
    fn profile(&self, before: Option<&Ring>) -> Result<Profile> {
        let old = before.map_or(Profile::DEFAULT, Ring::profile);
        let (old_slots, old_slack) = match old {
            Profile::Slots { slots, slack } => (Some(slots), slack),
            Profile::Ketama | Profile::Clusterluck => (None, None),
        };
        let slots = self.slots.map(|slots| number("the number of slots", slots)).transpose()?;
        let slack = self.slack.map(|slack| number("the slack", slack)).transpose()?;
        let named = match (self.profile.as_deref(), old_slots, slack) {
            (Some(name @ ("ketama" | "clusterluck")), ..) => Profile::named(name, slots, slack),
            (Some(name), ..) => Profile::named(name, slots.or(old_slots), slack),
            (None, None, _) => Profile::named(old.name(), slots, slack),
            (None, Some(_), Some(_)) => Profile::named("default", slots.or(old_slots), slack),
            (None, Some(_), None) => Ok(Profile::Slots {
                slots: slots.or(old_slots).unwrap_or_default(),
                slack: old_slack,
            }),
        };
        named.map_err(failure)
    }

    /// The builder with nodes, and with what is excluded and pinned.
    fn overridden(self, mut builder: Builder, before: Option<&Ring>) -> Result<Builder> {
        if let Some(nodes) = self.nodes {
            let old: Vec<RingNode> = before.into_iter().flat_map(Ring::nodes).collect();
            builder = old.iter().fold(builder, |builder, node| builder.remove(&node.name));
            builder = builder.nodes(nodes.into_iter().map(Node::node).collect::<Result<Vec<_>>>()?);
        }
        if let Some(names) = self.excluded {
            let old = before.into_iter().flat_map(Ring::excluded);
            builder = names.into_iter().fold(old.fold(builder, Builder::include), Builder::exclude);
        }
        if let Some(pins) = self.pins {
            let old = before.into_iter().flat_map(Ring::pins);
            builder = old.fold(builder, |builder, (key, _)| builder.unpin(key));
            builder = pins.into_iter().fold(builder, |b, pin| b.pin(pin.key.to_vec(), pin.name));
        }
        if let Some(pins) = self.pin_prefixes {
            let old = before.into_iter().flat_map(Ring::pin_prefixes);
            builder = old.fold(builder, |builder, (key, _)| builder.unpin_prefix(key));
            let pin = |b: Builder, pin: Pin| b.pin_prefix(pin.key.to_vec(), pin.name);
            builder = pins.into_iter().fold(builder, pin);
        }
        Ok(builder)
    }
}

/// A whole number from 0, in as many bits as it needs.
pub(crate) fn number<T: TryFrom<u64>>(what: &str, number: f64) -> Result<T> {
    let fits = whole(number).and_then(|number| T::try_from(number).ok());
    fits.ok_or_else(|| bad_argument(format!("{what} cannot be {number}")))
}

/// A ring that is made on another thread.
pub struct Building(Option<Builder>);

/// What came of it.
#[napi(object, object_from_js = false)]
pub struct Built {
    /// The ring, unless it failed.
    pub ring: Option<NativeRing>,
    /// The code of the error.
    pub code: Option<&'static str>,
    /// The sentence.
    pub message: Option<String>,
}

impl Building {
    /// To be begun.
    pub(crate) fn new(builder: Builder) -> Self {
        Self(Some(builder))
    }
}

impl Task for Building {
    type Output = chinwag::Result<Ring>;
    type JsValue = Built;

    fn compute(&mut self) -> napi::Result<chinwag::Result<Ring>> {
        let builder = self.0.take();
        // Not an exported function, so nobody else catches a panic here.
        let built = catch_unwind(AssertUnwindSafe(|| builder.map(Builder::build)));
        let built = built.ok().flatten();
        built.ok_or_else(|| napi::Error::from_reason("a panic while making a ring"))
    }

    fn resolve(&mut self, env: Env, built: chinwag::Result<Ring>) -> napi::Result<Built> {
        let error = match built {
            Ok(ring) => {
                let ring = NativeRing::held(&env, ring)?;
                return Ok(Built { ring: Some(ring), code: None, message: None });
            }
            Err(error) => error,
        };
        let (code, message) = (error.kind().code(), error.message().to_owned());
        Ok(Built { ring: None, code: Some(code), message: Some(message) })
    }
}
