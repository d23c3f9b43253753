//! Whether the loops turn on which members run their users' code.

#[cfg(feature = "host")]
use std::sync::Arc;

use super::Node;
#[cfg(feature = "host")]
use crate::driver::Turns;
use crate::driver::state_of;
use crate::member::LoopState;

impl Node {
    /// Watches the loop that this node serves: see [`Host`](crate::host::Host).
    #[cfg(feature = "host")]
    pub(crate) fn watch_loop(&self, ask: impl Fn() + Send + 'static) -> Option<Arc<Turns>> {
        self.handle.watch_loop(ask)
    }

    /// How the loop of a present member does on which it runs its users' code, as far as this node
    /// has heard; none if there is no such member. A member in Rust or Go has none that is watched,
    /// and counts as ok.
    pub fn loop_state(&self, member: &str) -> Option<LoopState> {
        let known = self.member(member)?;
        known.state().is_present().then(|| state_of(self.board(), member))
    }
}
