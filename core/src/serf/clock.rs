//! Lamport clocks: the order of what happened, without a clock on the wall.

/// A Lamport time that is this far ahead is no honest one: nobody sent so much. Whoever claims it
/// wants the counter to reach its end.
const AHEAD_MAX: u64 = 1 << 32;

/// A Lamport clock. It shows the time of the next thing that happens here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(u64);

impl Clock {
    /// Goes on from that time, or begins at 1: a time of 0 means that nothing was said yet.
    pub(crate) fn at(time: u64) -> Self {
        Self(time.max(1))
    }

    pub(crate) const fn time(&self) -> u64 {
        self.0
    }

    /// The time of something that happens here now.
    pub(crate) const fn tick(&mut self) -> u64 {
        let time = self.0;
        self.0 = time.saturating_add(1);
        time
    }

    /// Whether that time may be believed.
    pub(crate) const fn believes(&self, time: u64) -> bool {
        time <= self.0.saturating_add(AHEAD_MAX) && time < u64::MAX
    }

    /// Something happened elsewhere: what happens here from now on is later.
    pub(crate) fn witness(&mut self, time: u64) {
        self.0 = self.0.max(time.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_later_has_a_later_time() {
        let mut clock = Clock::at(0);
        assert_eq!((clock.tick(), clock.tick(), clock.time()), (1, 2, 3));
        clock.witness(3);
        assert_eq!(clock.time(), 4, "as serf: one ahead of what was seen");
        clock.witness(2);
        assert_eq!(clock.time(), 4);
        clock.witness(41);
        assert_eq!(clock.tick(), 42);
    }

    #[test]
    fn nobody_brings_it_to_its_end() {
        let mut clock = Clock::at(1);
        assert!(clock.believes(1 + AHEAD_MAX) && !clock.believes(2 + AHEAD_MAX));
        assert!(!clock.believes(u64::MAX));
        clock.witness(u64::MAX - 1);
        assert!(!clock.believes(u64::MAX), "even then");
        clock.tick();
        assert_eq!(clock.time(), u64::MAX, "and it never wraps");
    }
}
