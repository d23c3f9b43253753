//! How long a suspect has to refute (Lifeguard's LHA-Suspicion): the more accusers, the shorter.

use std::time::Duration;

use crate::config::Protocol;
use crate::time::Instant;

/// A suspicion under way.
#[derive(Clone, Debug)]
pub(crate) struct Suspicion {
    started: Instant,
    min: Duration,
    max: Duration,
    /// Confirmations that bring the timeout down to `min`.
    wanted: usize,
    /// The first accuser, then those who confirmed.
    accusers: Vec<Box<str>>,
    /// When to ask whether it is there, if it may refuse; never, while it is asked. And whether it
    /// has refused this node before.
    hastened: Option<(Instant, bool)>,
    /// When the suspect is told again, if this node does so.
    reminder: Option<Instant>,
}

impl Suspicion {
    /// Starts at `now`, accused by `from`, in a cluster of `present` members.
    pub(crate) fn new(now: Instant, from: &str, present: usize, protocol: &Protocol) -> Self {
        let min = Self::minimum(present, protocol);
        let mut wanted = protocol.suspicion_mult.saturating_sub(2) as usize;
        // Nobody but the accuser and the accused: confirmations cannot come.
        if present.saturating_sub(2) < wanted {
            wanted = 0;
        }
        let max = match wanted {
            0 => min,
            _ => min.saturating_mul(protocol.suspicion_max_timeout_mult),
        };
        Self {
            started: now,
            min,
            max,
            wanted,
            accusers: vec![from.into()],
            hastened: None,
            reminder: None,
        }
    }

    /// The time to refute that any suspect has: memberlist's `suspicionTimeout`, logarithmic in
    /// the size, cut to three decimals.
    pub(crate) fn minimum(present: usize, protocol: &Protocol) -> Duration {
        let scale = (present.max(1) as f64).log10().max(1.0);
        let thousandths = (scale * 1000.0) as u32;
        protocol.probe_interval * protocol.suspicion_mult * thousandths / 1000
    }

    /// Lasts that many times longer.
    pub(crate) fn stretched(mut self, times: u32) -> Self {
        self.min = self.min.saturating_mul(times);
        self.max = self.max.saturating_mul(times);
        self
    }

    /// Lasts longer by the time in which this node could not have heard of a refutation.
    pub(crate) fn postpone(&mut self, span: Duration) {
        self.started = self.started + span;
        self.hastened = self.hastened.map(|(at, again)| (at + span, again));
    }

    /// The suspect is told again at that time.
    pub(crate) fn remind(&mut self, at: Instant) {
        self.reminder = Some(at);
    }

    /// Whether it is time to tell the suspect again.
    pub(crate) fn is_reminded(&self, now: Instant) -> bool {
        self.reminder.is_some_and(|at| at <= now)
    }

    /// Asks the suspect after that time from the start, or now if it is over; the time, unless that
    /// is settled already.
    pub(crate) fn hasten(&mut self, now: Instant, span: Duration, again: bool) -> Option<Instant> {
        let at = now.max(self.started + span);
        let new = self.hastened.is_none();
        self.hastened.get_or_insert((at, again));
        new.then_some(at)
    }

    /// Whether it is time to ask, and to ask again. Told once.
    pub(crate) fn take_hastened(&mut self, now: Instant) -> Option<bool> {
        let (_, again) = self.hastened.filter(|(at, _)| *at <= now)?;
        self.hastened = Some((Instant::NEVER, again));
        Some(again)
    }

    /// Whether the suspect is to be asked.
    pub(crate) fn is_hastened(&self) -> bool {
        self.hastened.is_some()
    }

    /// The suspect did not refuse again.
    pub(crate) fn slow_down(&mut self) {
        self.hastened = None;
    }

    /// When the suspect fails at the earliest.
    pub(crate) fn end(&self) -> Instant {
        let deadline = self.deadline();
        self.hastened.map_or(deadline, |(at, _)| at.min(deadline))
    }

    /// Counts another accuser; whether it was new and brought the deadline closer.
    pub(crate) fn confirm(&mut self, from: &str) -> bool {
        let known = self.accusers.iter().any(|accuser| &**accuser == from);
        if known || self.confirmations() >= self.wanted {
            return false;
        }
        self.accusers.push(from.into());
        true
    }

    /// No more confirmations are wanted: it lasts `least`, unless it is over sooner.
    pub(crate) fn settle(&mut self, least: Duration) {
        let left = self.deadline().since(self.started).min(least);
        (self.min, self.max) = (left, left);
    }

    /// How many others have accused it, as far as that is counted.
    pub(crate) fn confirmations(&self) -> usize {
        self.accusers.len() - 1
    }

    /// When the suspect fails, as things stand.
    pub(crate) fn deadline(&self) -> Instant {
        self.started + timeout(self.confirmations(), self.wanted, self.min, self.max)
    }
}

/// memberlist's `remainingSuspicionTime`, from the start: logarithmic in the confirmations, cut to
/// milliseconds, never below `min`.
fn timeout(confirmations: usize, wanted: usize, min: Duration, max: Duration) -> Duration {
    if wanted == 0 {
        return min;
    }
    let share = ((confirmations + 1) as f64).ln() / ((wanted + 1) as f64).ln();
    let seconds = max.as_secs_f64() - share * (max.as_secs_f64() - min.as_secs_f64());
    Duration::from_millis((seconds * 1000.0).max(0.0) as u64).max(min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn the_timeout_table_of_memberlist() {
        let (min, max) = (Duration::from_secs(2), Duration::from_secs(30));
        let table = [(0, 30_000), (1, 16_000), (2, 7_810), (3, 2_000), (4, 2_000)];
        for (confirmations, millis) in table {
            let got = timeout(confirmations, 3, min, max);
            assert_eq!(got, Duration::from_millis(millis), "{confirmations} confirmations");
        }
    }

    #[test]
    fn the_minimum_grows_with_the_logarithm_of_the_size() {
        let table = [
            ("lan", [4.0, 8.0, 12.0, 16.0]),
            ("wan", [30.0, 60.0, 90.0, 120.0]),
            ("local", [3.0, 6.0, 9.0, 12.0]),
            ("fast", [1.2, 2.4, 3.6, 4.8]),
        ];
        for (profile, expected) in table {
            let protocol = Protocol::profile(profile);
            for (size, seconds) in [10, 100, 1_000, 10_000].into_iter().zip(expected) {
                assert_eq!(Suspicion::minimum(size, &protocol), Duration::from_secs_f64(seconds));
            }
        }
    }

    #[test]
    fn accusers_count_once_and_only_while_useful() {
        let mut suspicion = Suspicion::new(at(0), "a", 10, &Protocol::profile("lan"));
        assert_eq!(suspicion.deadline(), at(24));
        assert!(!suspicion.confirm("a"));
        assert!(suspicion.confirm("b"));
        assert!(!suspicion.confirm("b"));
        assert!(suspicion.confirm("c"));
        assert!(!suspicion.confirm("d"));
        assert_eq!(suspicion.deadline(), at(4));
    }

    #[test]
    fn without_possible_confirmers_the_minimum_holds_at_once() {
        let suspicion = Suspicion::new(at(0), "a", 3, &Protocol::profile("lan"));
        assert_eq!(suspicion.deadline(), at(4));
    }
}
