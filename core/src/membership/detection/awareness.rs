//! Local health (Lifeguard's LHA-Probe): a node that misses answers doubts itself first.

use std::time::Duration;

/// A score from 0, healthy, to one below the maximum. An ailing node waits longer before it
/// accuses anybody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Awareness {
    score: u32,
    max: u32,
}

impl Awareness {
    /// Healthy; the score stays below `max`.
    pub(crate) fn new(max: u32) -> Self {
        Self { score: 0, max: max.max(1) }
    }

    /// Moves the score, within its bounds.
    pub(crate) fn apply(&mut self, delta: i32) {
        self.score = self.score.saturating_add_signed(delta).min(self.max - 1);
    }

    pub(crate) fn score(self) -> u32 {
        self.score
    }

    /// How long a probe that takes `span` in good health may take now.
    pub(crate) fn scale(self, span: Duration) -> Duration {
        span.saturating_mul(self.score + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_its_bounds_and_scales() {
        let mut health = Awareness::new(8);
        health.apply(-1);
        assert_eq!(health.score(), 0);
        health.apply(20);
        assert_eq!(health.score(), 7);
        assert_eq!(health.scale(Duration::from_secs(1)), Duration::from_secs(8));
        health.apply(-3);
        assert_eq!(health.score(), 4);
    }
}
