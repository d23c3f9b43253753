//! How late a loop is, as a machine without a clock.

use std::time::Duration;

use crate::member::LoopState;

/// Follows one loop. It is asked whether it turns, and asked again some time after it has answered;
/// an answer that is late has it asked again at once, because only one in time shows that it is
/// well.
#[derive(Debug)]
pub(super) struct Lag {
    /// From when on it is slow, which is also the pause between two questions; and stuck.
    slow: Duration,
    stuck: Duration,
    /// How long an answer is waited for; none between two questions.
    waited: Option<Duration>,
    /// What is left of the pause.
    pause: Duration,
    state: LoopState,
    /// How long it has been at least since the loop last turned in time.
    blocked: Duration,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Ask whether it turns.
    pub(super) asks: bool,
    /// Tell that it is in another state now, and how long it has been blocked.
    pub(super) change: Option<(LoopState, Duration)>,
}

/// Of a question that waits: looked at so often until the loop is slow. If nobody looked for longer
/// than twice that, the whole process stood still, and the loop is not to blame.
const LOOKS: u32 = 4;

impl Lag {
    /// A loop that is stuck once it does not turn for that long, which is not nothing.
    pub(super) fn new(stuck: Duration) -> Self {
        Self {
            slow: stuck / 5,
            stuck,
            waited: None,
            pause: Duration::ZERO,
            state: LoopState::Ok,
            blocked: Duration::ZERO,
        }
    }

    /// When to come back, if there is no answer before.
    pub(super) fn next(&self) -> Duration {
        let look = self.slow / LOOKS;
        self.waited.map_or(self.pause, |waited| {
            let until = |at: Duration| at.checked_sub(waited).filter(|left| !left.is_zero());
            until(self.slow).or_else(|| until(self.stuck)).unwrap_or(look).min(look)
        })
    }

    /// So much time has passed since the last step, and the loop has answered, or not.
    pub(super) fn step(&mut self, passed: Duration, answered: bool) -> Step {
        let Some(waited) = self.waited else {
            self.pause = self.pause.saturating_sub(passed);
            return if self.pause.is_zero() { self.ask() } else { Step::default() };
        };
        let waited = waited + passed.min(self.slow / LOOKS * 2);
        self.waited = Some(waited);
        let told = self.compare(waited);
        if !answered {
            return told;
        }
        if waited >= self.slow {
            self.blocked += waited;
            return Step { change: told.change, ..self.ask() };
        }
        let blocked = std::mem::take(&mut self.blocked);
        (self.waited, self.pause) = (None, self.slow - waited);
        let was = std::mem::take(&mut self.state);
        let change = (was != LoopState::Ok).then_some((LoopState::Ok, blocked));
        Step { asks: false, change }
    }

    fn ask(&mut self) -> Step {
        self.waited = Some(Duration::ZERO);
        Step { asks: true, change: None }
    }

    /// What follows from waiting so long. A state that is worse stays until an answer is in time.
    fn compare(&mut self, waited: Duration) -> Step {
        let state = match waited {
            waited if waited >= self.stuck => LoopState::Stuck,
            waited if waited >= self.slow => LoopState::Slow,
            _ => LoopState::Ok,
        };
        if state <= self.state {
            return Step::default();
        }
        self.state = state;
        Step { asks: false, change: Some((state, self.blocked + waited)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STUCK: Duration = Duration::from_secs(5);

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// A loop that turns at these times only, seen until an end: what it is asked, and what is
    /// told, in milliseconds.
    fn play(lag: &mut Lag, turns: &[u64], end: u64) -> (usize, Vec<(u64, LoopState, u64)>) {
        let (mut now, mut asked, mut told) = (ms(0), 0, Vec::new());
        let mut question: Option<Duration> = None;
        while now < ms(end) {
            let planned = now + lag.next();
            let answer =
                question.and_then(|at| turns.iter().map(|turn| ms(*turn)).find(|turn| *turn > at));
            let answered = answer.is_some_and(|at| at <= planned);
            let next = answer.filter(|_| answered).unwrap_or(planned);
            let step = lag.step(next - now, answered);
            now = next;
            if answered {
                question = None;
            }
            if step.asks {
                asked += 1;
                question = Some(now);
            }
            if let Some((state, blocked)) = step.change {
                told.push((now.as_millis() as u64, state, blocked.as_millis() as u64));
            }
        }
        (asked, told)
    }

    #[test]
    fn a_loop_that_turns_is_asked_now_and_then_and_nothing_is_told() {
        let turns: Vec<u64> = (0..6_000).map(|turn| turn * 10).collect();
        let (asked, told) = play(&mut Lag::new(STUCK), &turns, 60_000);
        assert_eq!((asked, told), (61, vec![]));
        // It may take nearly a second each time.
        let turns: Vec<u64> = (0..66).map(|turn| turn * 900 + 899).collect();
        let (_, told) = play(&mut Lag::new(STUCK), &turns, 59_000);
        assert_eq!(told, []);
    }

    #[test]
    fn one_that_does_not_is_slow_then_stuck_and_well_once_it_answers_in_time() {
        let turns: Vec<u64> = (730..=2_000).map(|turn| turn * 10).collect();
        let (_, told) = play(&mut Lag::new(STUCK), &turns, 20_000);
        let wanted = [
            (1_000, LoopState::Slow, 1_000),
            (5_000, LoopState::Stuck, 5_000),
            (7_310, LoopState::Ok, 7_300),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn one_that_goes_from_one_block_to_the_next_is_not_well_in_between() {
        // Six seconds each.
        let turns: Vec<u64> = (1..10).map(|turn| turn * 6_000).collect();
        let (_, told) = play(&mut Lag::new(STUCK), &turns, 53_000);
        let states: Vec<LoopState> = told.iter().map(|(_, state, _)| *state).collect();
        assert_eq!(states, [LoopState::Slow, LoopState::Stuck]);
    }

    #[test]
    fn the_time_for_which_the_whole_process_stood_still_does_not_count() {
        let mut lag = Lag::new(STUCK);
        assert!(lag.step(Duration::ZERO, false).asks);
        let hour = Duration::from_secs(3_600);
        assert_eq!(lag.step(hour, false), Step::default());
        assert_eq!(lag.step(ms(1), true), Step::default());
        // Unless it goes on and on.
        assert!(lag.step(ms(999), false).asks);
        let told: Vec<LoopState> =
            (0..100).filter_map(|_| lag.step(hour, false).change).map(|(state, _)| state).collect();
        assert_eq!(told, [LoopState::Slow, LoopState::Stuck]);
    }
}
