//! The ring of a node's cluster, and the rings that it was before.

use chinwag::host::Op;
use chinwag::ring::Overrides;
use napi::Env;
use napi::bindgen_prelude::{Uint8ArraySlice, Unknown};
use napi_derive::napi;

use super::builder::{Pin, RingOptions};
use super::{NativeRing, lookup};
use crate::config;
use crate::error::{Result, broken, failure};
use crate::node::NativeNode;

#[napi]
impl NativeNode {
    /// The ring. The first call makes it.
    #[napi(catch_unwind)]
    pub fn ring(&self, env: &Env) -> Result<NativeRing> {
        NativeRing::held(env, self.host.ring().map_err(failure)?).map_err(broken)
    }

    /// The function that tells the number of the ring, by which JavaScript knows whether it has it.
    #[napi(catch_unwind)]
    pub fn ring_version<'env>(&self, env: &'env Env) -> Result<Unknown<'env>> {
        lookup::version(env, &self.host).map_err(broken)
    }

    /// The rings that were before it, the newest first.
    #[napi(catch_unwind)]
    pub fn past_rings(&self, env: &Env) -> Result<Vec<NativeRing>> {
        let rings = self.host.past_rings().map_err(failure)?;
        rings.into_iter().map(|ring| NativeRing::held(env, ring).map_err(broken)).collect()
    }

    /// The name of who owned a key before its present owner did.
    #[napi(catch_unwind)]
    pub fn previous_owner(&self, key: Uint8ArraySlice<'_>) -> Result<Option<String>> {
        self.host.previous_owner(&key).map_err(failure)
    }

    /// Begins to replace what is decided by hand; what is not there is nothing.
    #[napi(catch_unwind)]
    pub fn set_ring_overrides(&self, options: RingOptions) -> Result<f64> {
        let pins = |pins: Option<Vec<Pin>>| {
            pins.into_iter().flatten().map(|pin| (pin.key.to_vec(), pin.name)).collect()
        };
        let overrides = Overrides {
            excluded: options.excluded.into_iter().flatten().collect(),
            pins: pins(options.pins),
            pin_prefixes: pins(options.pin_prefixes),
        };
        self.submit(Op::SetRingOverrides(overrides))
    }

    /// Says that the slots of a hand-off may be had by their next owner.
    #[napi(catch_unwind)]
    pub fn released(&self, id: f64) -> Result<f64> {
        self.submit(Op::Released(config::id(id)?))
    }
}
