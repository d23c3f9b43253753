//! What travels with an exchange of states.

use std::collections::BTreeSet;

use super::Serf;
use crate::time::Instant;
use crate::wire::WireError;
use crate::wire::serf::{JoinIntent, LeaveIntent, State};

impl Serf {
    /// The user state of an exchange.
    pub(crate) fn local_state(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let writer = self.events.write(&mut out);
        let left = self.members.left();
        let (ltime, query_ltime) = (self.clock.time(), self.queries.clock.time());
        writer.finish(ltime, left.into_iter(), query_ltime, self.members.times());
        out
    }

    /// Takes the user state of the other side in; what stands behind it. `ignore_old`: what was
    /// said before is not told, as this node is only joining.
    pub(crate) fn merge_remote_state<'a>(
        &mut self,
        now: Instant,
        bytes: &'a [u8],
        ignore_old: bool,
    ) -> Result<&'a [u8], WireError> {
        let state = State::decode(bytes)?;
        // Nothing was said yet at the time that a clock shows, but only before it.
        for (clock, time) in [
            (&mut self.clock, state.ltime),
            (&mut self.events.clock, state.event_ltime),
            (&mut self.queries.clock, state.query_ltime),
        ] {
            match time.checked_sub(1) {
                Some(time) if clock.believes(time) => clock.witness(time),
                Some(_) => self.counters.refused += 1,
                None => {}
            }
        }
        self.merge_intents(now, &state);
        if ignore_old && self.events.clock.believes(state.event_ltime) {
            self.events.ignore_before(state.event_ltime);
        }
        state.each_event(|event| self.on_event(&event, None));
        Ok(state.rest)
    }

    /// Those who have left come first, and as if right after their last intent: when they left is
    /// not told, but it was later than that.
    fn merge_intents(&mut self, now: Instant, state: &State<'_>) {
        let left: BTreeSet<&str> = state.left().collect();
        for (node, ltime) in state.statuses().filter(|(node, _)| left.contains(node)) {
            if self.clock.believes(ltime) && self.members.confirm_left(node, ltime) {
                continue;
            }
            let intent = LeaveIntent { ltime: ltime.saturating_add(1), node, prune: false };
            self.on_leave(now, intent, None);
        }
        for (node, ltime) in state.statuses().filter(|(node, _)| !left.contains(node)) {
            self.on_join(now, JoinIntent { ltime, node }, None);
        }
    }
}
