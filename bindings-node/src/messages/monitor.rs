//! Servers that are followed until they are down, and how the event loops of members do.

use napi_derive::napi;

use crate::error::{Result, failure};
use crate::node::NativeNode;

#[napi]
impl NativeNode {
    /// Follows a server: that it is down is an outcome.
    #[napi(catch_unwind)]
    pub fn monitor(&self, target: String) -> Result<f64> {
        self.host.monitor(&target).map(|id| id as f64).map_err(failure)
    }

    /// How the loop of a present member does; null of anybody else.
    #[napi(catch_unwind)]
    pub fn loop_state(&self, member: String) -> Result<Option<&'static str>> {
        let state = self.host.loop_state(&member).map_err(failure)?;
        Ok(state.map(|state| state.as_str()))
    }
}
