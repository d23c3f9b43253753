//! A node's own clocks, which need not agree with those of others.

use std::time::Duration;

use super::agenda::Happening;
use super::{NodeId, Sim};
use crate::time::Instant;

/// How a node's clocks differ from the simulation's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// Millionths by which it runs fast, or slow.
    pub(super) drift: i32,
    /// How far it has jumped ahead: its host was stopped, and the clock went on.
    pub(super) ahead: Duration,
    /// Seconds by which the clock on the wall is wrong, which only a start reads.
    pub(super) wall: i32,
}

/// The starting incarnation at the origin of the virtual time.
const EPOCH: u32 = 90_000_000;
const MILLION: u128 = 1_000_000;

impl Clock {
    /// What the node's clock shows at a time of the simulation.
    pub(super) fn shows(&self, at: Instant) -> Instant {
        let nanos = u128::from(at.as_nanos()) * self.rate() / MILLION;
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)) + self.ahead
    }

    /// When the node's clock shows that: no earlier, so that a deadline has come then.
    pub(super) fn when(&self, shown: Instant) -> Instant {
        if shown == Instant::NEVER {
            return shown;
        }
        let nanos = u128::from((shown - self.ahead).as_nanos()) * MILLION;
        Instant::from_nanos(u64::try_from(nanos.div_ceil(self.rate())).unwrap_or(u64::MAX))
    }

    fn rate(&self) -> u128 {
        let rate = i64::from(self.drift) + 1_000_000;
        u128::try_from(rate.max(1)).unwrap_or(1)
    }
}

impl Sim {
    /// As the driver has it: seconds of a clock that goes on while nodes are restarted.
    pub(super) fn first_incarnation(&self) -> u32 {
        let seconds = self.now.since(Instant::default()).as_secs();
        match self.counts_from_one {
            true => 1,
            false => EPOCH.saturating_add(u32::try_from(seconds).unwrap_or(u32::MAX)),
        }
    }

    /// As above, by the node's own clock on the wall.
    pub(super) fn incarnation_of(&self, id: NodeId) -> u32 {
        let wall = match self.counts_from_one {
            true => 0,
            false => self.nodes[id.0].clock.wall,
        };
        self.first_incarnation().saturating_add_signed(wall)
    }

    /// What the clock on the wall of a node shows, in microseconds.
    pub(super) fn wall_micros(&self, id: NodeId) -> u64 {
        let micros = self.now.since(Instant::default()).as_micros();
        let wall = i64::from(self.nodes[id.0].clock.wall) * 1_000_000;
        let micros = u64::from(EPOCH) * 1_000_000 + u64::try_from(micros).unwrap_or(u64::MAX >> 1);
        micros.saturating_add_signed(wall)
    }

    /// The next start of `id` has a clock that runs so many millionths too fast, and one on the
    /// wall that is so many seconds ahead.
    pub fn set_clock(&mut self, id: NodeId, drift: i32, wall: i32) {
        assert!(self.nodes[id.0].engine.is_none(), "the clock of a process runs evenly");
        self.nodes[id.0].clock = Clock { drift, wall, ahead: Duration::ZERO };
    }

    /// The clock of `id` jumps ahead, as after its host was stopped for that long.
    pub fn jump(&mut self, id: NodeId, span: Duration) {
        self.nodes[id.0].clock.ahead += span;
        let due = self.nodes[id.0].wake.max(self.now + span) - span;
        self.nodes[id.0].wake = due;
        self.put(due, id, Happening::Wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_has_come_when_it_is_said_to() {
        for drift in [-10_000, -1, 0, 1, 333, 10_000] {
            let clock = Clock { drift, ahead: Duration::from_secs(3600), wall: 0 };
            for nanos in (0..1_000).map(|n| n * 1_234_567_891) {
                let shown = clock.shows(Instant::default()) + Duration::from_nanos(nanos);
                let when = clock.when(shown);
                assert!(clock.shows(when) >= shown, "{drift} {nanos}");
                assert!(when.as_nanos().abs_diff(nanos) <= nanos / 90 + 1, "{drift} {nanos}");
            }
            assert_eq!(clock.when(Instant::NEVER), Instant::NEVER);
        }
    }
}
