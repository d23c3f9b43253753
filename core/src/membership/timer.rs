//! The table of deadlines. A timer is a row, not a task: nothing to cancel, nothing to leak.

use std::collections::BTreeSet;

use super::roster::Slot;
use crate::engine::StreamId;
use crate::time::Instant;

/// Timers of which there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Start the next probe.
    Probe,
    /// The direct probe was not answered: ask others.
    ProbeIndirect,
    /// By now, whoever was refused has said so.
    ProbeRefused,
    /// Nobody answered in time: suspect.
    ProbeEnd,
    /// Gossip what is queued.
    Gossip,
    /// Exchange states with somebody.
    PushPull,
    /// Look for members that were lost.
    Redial,
    /// What comes before the farewell has had its time: say goodbye.
    Farewell,
    /// The farewell has taken too long.
    Leave,
    /// The time of a query is over.
    Query,
    /// Slots are asked for again, or somebody's time to release them is over.
    Handoff,
    /// A key expires, what changed is told, or what is lacking is asked for again.
    State,
}

const TIMERS: [Timer; 12] = [
    Timer::Probe,
    Timer::ProbeIndirect,
    Timer::ProbeRefused,
    Timer::ProbeEnd,
    Timer::Gossip,
    Timer::PushPull,
    Timer::Redial,
    Timer::Farewell,
    Timer::Leave,
    Timer::Query,
    Timer::Handoff,
    Timer::State,
];

/// Deadlines that belong to something, of which there may be many. They are never taken back:
/// whoever is called checks that its time has really come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A suspect has not refuted.
    Suspicion(Slot),
    /// A failed or departed member may be forgotten.
    Forget(Slot),
    /// A probe for somebody else was not answered.
    Relay(u32),
    /// Nobody has decided about a newcomer.
    Admission(u64),
    /// A ping of a user was not answered.
    Ping(u32),
    /// Whether somebody is there has not been answered.
    Check(u32),
    /// An exchange over a stream has taken too long.
    Exchange(StreamId),
}

/// What fell due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fired {
    /// With the time for which it was set.
    Timer(Timer, Instant),
    Due(Due),
}

#[derive(Debug)]
pub(crate) struct Timers {
    single: [Instant; TIMERS.len()],
    many: BTreeSet<(Instant, Due)>,
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self { single: [Instant::NEVER; TIMERS.len()], many: BTreeSet::new() }
    }

    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.single[timer as usize] = at;
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.single[timer as usize] = Instant::NEVER;
    }

    pub(crate) fn get(&self, timer: Timer) -> Instant {
        self.single[timer as usize]
    }

    pub(crate) fn add(&mut self, due: Due, at: Instant) {
        self.many.insert((at, due));
    }

    /// The next deadline.
    pub(crate) fn next(&self) -> Instant {
        let many = self.many.first().map_or(Instant::NEVER, |(at, _)| *at);
        self.single.iter().copied().fold(many, Instant::min)
    }

    /// Takes one that is due, if any is.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Fired> {
        for timer in TIMERS {
            let due = self.get(timer);
            if due <= now {
                self.stop(timer);
                return Some(Fired::Timer(timer, due));
            }
        }
        match self.many.first() {
            Some((at, _)) if *at <= now => {
                let due = self.many.pop_first().map(|(_, due)| Fired::Due(due));
                if self.many.is_empty() {
                    // A set keeps room when it is empty.
                    self.many = BTreeSet::new();
                }
                due
            }
            _ => None,
        }
    }
}
