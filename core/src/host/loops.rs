//! The loop of a binding, which is watched: a stuck one is told to the others.

use std::sync::Arc;

use super::{Host, lock};
use crate::error::{Error, Result};
use crate::member::LoopState;

impl Host {
    /// Has the loop watched that serves this node. Every second (a fifth of the option
    /// `loop_stuck`) it is asked whether it turns: by `ask`, or through the wake object if there is
    /// none; what holds for that holds for it. Whatever comes of it on the loop's own thread then
    /// calls [`Host::loop_turned`]. A loop that was watched before is not any more.
    ///
    /// Where nothing answers, such as a program that only polls, nothing may be watched: it would
    /// count as stuck.
    ///
    /// # Errors
    /// `closed`, `forked`.
    pub fn watch_loop(&self, ask: Option<Box<dyn Fn() + Send + Sync>>) -> Result<()> {
        self.check()?;
        // So that nobody begins to watch a node that is closed, whose task would not run.
        let runtime = lock(&self.runtime);
        if runtime.is_none() {
            return Err(Error::closed());
        }
        let wake = Arc::clone(&self.wake);
        let ask = move || match &ask {
            Some(ask) => ask(),
            None => wake.poke(),
        };
        let turns = self.node.watch_loop(ask);
        let before = std::mem::replace(&mut *lock(&self.turns), turns);
        before.inspect(|before| before.end());
        Ok(())
    }

    /// The loop turns: to be called on its thread, in answer to the question or whenever it likes.
    /// Without a watch, and in a forked child, it does nothing.
    pub fn loop_turned(&self) {
        if self.check().is_ok()
            && let Some(turns) = &*lock(&self.turns)
        {
            turns.turned();
        }
    }

    /// Nobody watches the loop any more, as it ends: it does not count as stuck.
    ///
    /// # Errors
    /// `forked`.
    pub fn unwatch_loop(&self) -> Result<()> {
        self.check()?;
        let before = lock(&self.turns).take();
        before.inspect(|before| before.end());
        Ok(())
    }

    /// How the loop of a present member does, as [`Node::loop_state`](crate::Node::loop_state) has
    /// it: `ok`, `slow` or `stuck`.
    ///
    /// # Errors
    /// `forked`.
    pub fn loop_state(&self, member: &str) -> Result<Option<LoopState>> {
        self.check()?;
        Ok(self.node.loop_state(member))
    }
}
