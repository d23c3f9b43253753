//! A node that was stopped, by a signal, a debugger or its hypervisor, and goes on.
//!
//! Everything it waited for is over at once, though nobody was late but itself. So it draws no
//! conclusions from that time, and none from silence until somebody has answered it.

use std::time::Duration;

use super::super::Membership;
use super::super::roster::Slot;
use super::super::timer::Due;

impl Membership {
    /// Called before anything else happens: whether this node has slept.
    pub(crate) fn wake_up(&mut self) {
        let slept = self.now.since(self.timers.next());
        if slept >= self.protocol.probe_interval {
            self.slept(slept);
        }
    }

    fn slept(&mut self, span: Duration) {
        self.stats.pauses += 1;
        self.drop_probe();
        // Not for ever: it may be that everybody else is gone.
        self.healing.unsure = self.protocol.awareness_max_multiplier;
        let suspects: Vec<Slot> = self.roster.suspects().collect();
        for slot in suspects {
            let suspicion = self.roster.get_mut(slot).and_then(|record| record.suspicion.as_mut());
            if let Some(suspicion) = suspicion {
                suspicion.postpone(span);
                let deadline = suspicion.deadline();
                self.timers.add(Due::Suspicion(slot), deadline);
            }
        }
        self.postpone_checks(span);
    }

    /// Whether this node, not sure of itself, lets a probe that was not answered pass.
    pub(crate) fn lets_pass(&mut self) -> bool {
        let unsure = self.healing.unsure > 0;
        self.healing.unsure = self.healing.unsure.saturating_sub(1);
        unsure
    }

    /// Somebody has answered: it is not this node that is cut off.
    pub(crate) fn is_sure(&mut self) {
        self.healing.unsure = 0;
    }
}
