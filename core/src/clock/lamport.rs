//! Lamport's clock: one number that grows along with what is known.

/// A counter that is raised by every event and by every stamp of others, so that what follows from
/// something has a larger number than it. The reverse does not hold: see
/// [`VectorClock`](super::VectorClock) for what may have happened side by side.
///
/// At the largest number it stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LamportClock(u64);

impl LamportClock {
    /// A clock at 0.
    pub const fn new() -> Self {
        Self(0)
    }

    /// A clock at the number that [`time`](Self::time) gave.
    pub const fn at(time: u64) -> Self {
        Self(time)
    }

    /// The number of the last event.
    pub const fn time(self) -> u64 {
        self.0
    }

    /// The number of something that happens here.
    pub const fn tick(&mut self) -> u64 {
        self.0 = self.0.saturating_add(1);
        self.0
    }

    /// The number of having received something with that number.
    pub fn observe(&mut self, remote: u64) -> u64 {
        self.0 = self.0.max(remote);
        self.tick()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_beyond_all_that_it_has_seen() {
        let mut clock = LamportClock::new();
        assert_eq!([clock.tick(), clock.tick()], [1, 2]);
        assert_eq!(clock.observe(7), 8);
        assert_eq!(clock.observe(3), 9);
        assert_eq!((clock.time(), LamportClock::at(9)), (9, clock));
    }

    #[test]
    fn at_the_largest_number_it_stays() {
        let mut clock = LamportClock::new();
        assert_eq!(clock.observe(u64::MAX), u64::MAX);
        assert_eq!(clock.tick(), u64::MAX);
    }
}
