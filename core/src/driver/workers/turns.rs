//! How the loops of workers do: one that is stuck gets nothing more while others turn.

use std::sync::Arc;

use super::Hub;
use crate::attach;
use crate::driver::loops::{self, Whose};
use crate::error::{Error, Result};
use crate::event::WarningCode;
use crate::member::LoopState;

impl Hub {
    /// The loop of a worker is in another state.
    pub(super) fn note_loop(self: &Arc<Self>, worker: &Arc<str>, bytes: &[u8]) -> Result<()> {
        let value = attach::decode::<Vec<u8>>(bytes)?;
        let turns = loops::told(Some(&value));
        let stuck = turns == LoopState::Stuck;
        let mut state = self.lock();
        let held = state.workers.get_mut(worker).ok_or_else(Error::closed)?;
        held.turns = turns;
        let link = held.link;
        for served in state.served.values() {
            served.note_stuck(link, stuck);
        }
        let warns = stuck && state.warned.is_due(worker);
        drop(state);
        if warns {
            let text = "the loop of this worker does not turn: a handler blocks it. What has a key \
                        waits for it; the rest goes to other workers meanwhile";
            self.complain(WarningCode::LoopStuck, worker, text.to_owned());
        }
        self.compare_loops();
        Ok(())
    }

    /// Has the others told, if the loops of all workers are stuck, or not any more.
    pub(super) fn compare_loops(self: &Arc<Self>) {
        let hub = Arc::clone(self);
        self.runtime.spawn(async move {
            let best = || {
                let state = hub.lock();
                state.workers.values().map(|held| held.turns).min().unwrap_or_default()
            };
            loops::publish(&hub.board, &hub.commands, Whose::Workers, best).await;
        });
    }
}
