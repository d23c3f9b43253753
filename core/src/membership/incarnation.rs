//! Which incarnations are believable. The numbers are 32 bits wide on the wire and only their owner
//! raises them, so whoever makes it jump to the end has silenced it: nothing beats its last claim.

use std::time::Duration;

use crate::time::Instant;

/// No member gets here in earnest; one above is left unused, so that nothing ever wraps.
pub(super) const INCARNATION_MAX: u32 = u32::MAX - 1;

/// How far an accusation may be ahead of the time: eight years, for wrong clocks.
const ACCUSED_AHEAD: u32 = 1 << 28;
/// How far an announcement may be: further, so that the answer to any accusation that was believed
/// is believed, whatever the clocks say.
const ALIVE_AHEAD: u32 = 1 << 29;
/// Beyond that, how many steps may have been missed. Small, so that it takes millions of packets to
/// get from there to the end.
const ACCUSED_STEP: u32 = 1 << 10;
const ALIVE_STEP: u32 = 1 << 12;

/// The next incarnation of the local member.
pub(super) fn raised(incarnation: u32) -> u32 {
    incarnation.saturating_add(1).min(INCARNATION_MAX)
}

/// What honest members can have reached by now: they start at the seconds since 2024, or at 1, and
/// do not count faster than time passes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    origin: Instant,
    start: u32,
}

impl Horizon {
    /// That of a node which starts at that time with that incarnation.
    pub(super) fn new(now: Instant, start: u32) -> Self {
        Self { origin: now, start }
    }

    /// Whether an accusation of a member that is known at `known` may be true.
    pub(super) fn admits_accusation(&self, now: Instant, claimed: u32, known: u32) -> bool {
        self.admits(now, claimed, (known, ACCUSED_AHEAD, ACCUSED_STEP))
    }

    /// Whether an announcement of a member that is known at `known` may be.
    pub(super) fn admits_alive(&self, now: Instant, claimed: u32, known: u32) -> bool {
        self.admits(now, claimed, (known, ALIVE_AHEAD, ALIVE_STEP))
    }

    fn admits(&self, now: Instant, claimed: u32, (known, ahead, step): (u32, u32, u32)) -> bool {
        let seconds = now.since(self.origin).min(Duration::from_secs(u32::MAX.into())).as_secs();
        let today = self.start.saturating_add(u32::try_from(seconds).unwrap_or(u32::MAX));
        let believable = today.saturating_add(ahead).max(known.saturating_add(step));
        claimed <= believable.min(INCARNATION_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u32 = 90_000_000;

    #[test]
    fn what_time_allows_is_believed_and_jumps_to_the_end_are_not() {
        let horizon = Horizon::new(Instant::default(), START);
        let (now, later) = (Instant::default(), Instant::from_nanos(u64::MAX));
        assert!(horizon.admits_accusation(now, START + ACCUSED_AHEAD, 1));
        assert!(!horizon.admits_accusation(now, START + ACCUSED_AHEAD + 1, 1));
        assert!(horizon.admits_accusation(
            now + Duration::from_secs(1),
            START + ACCUSED_AHEAD + 1,
            1
        ));
        for last in [INCARNATION_MAX, u32::MAX] {
            assert!(!horizon.admits_accusation(now, last, START));
            assert!(!horizon.admits_alive(now, last, START));
        }
        assert!(!horizon.admits_alive(later, u32::MAX, u32::MAX));
    }

    #[test]
    fn the_answer_to_what_is_believed_is_believed_by_others_whose_clocks_differ() {
        let (ours, theirs) = (START, START - ACCUSED_AHEAD / 4);
        let accused = START + ACCUSED_AHEAD;
        let now = Instant::default();
        assert!(Horizon::new(now, ours).admits_accusation(now, accused, 1));
        assert!(Horizon::new(now, theirs).admits_alive(now, raised(accused), 1));
    }

    #[test]
    fn whoever_is_far_ahead_goes_on_in_small_steps() {
        let horizon = Horizon::new(Instant::default(), START);
        let (now, known) = (Instant::default(), 3_000_000_000);
        assert!(horizon.admits_alive(now, known + 1, known));
        assert!(horizon.admits_accusation(now, known, known));
        assert!(!horizon.admits_accusation(now, known + ACCUSED_STEP + 1, known));
        assert_eq!(raised(INCARNATION_MAX), INCARNATION_MAX);
    }
}
