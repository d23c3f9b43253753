//! Runs steps, a few at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Step, process};

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ran, and all was well.
    Passed,
    /// Why it failed.
    Failed(String),
    /// Why it was left out.
    Skipped(String),
}

/// A step that is over.
#[derive(Clone, Debug)]
pub struct Done {
    /// Which.
    pub name: &'static str,
    /// What it came to.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// How much of the processors it used in that time.
    pub cpu: Duration,
}

/// How many steps run at a time: those that compute share the processors, and beside them others
/// wait for something.
#[derive(Clone, Copy, Debug)]
pub struct Lanes {
    /// At most.
    pub all: usize,
    /// Of them, at most so many that do not wait most of the time.
    pub busy: usize,
}

impl Lanes {
    /// While somebody waits for the result.
    pub const QUICK: Self = Self { all: 4, busy: 2 };
    /// Where nothing may be left out: a deadline that is missed on a busy machine costs more than
    /// minutes.
    pub const STRICT: Self = Self { all: 2, busy: 2 };
}

/// How to run them.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The root of the repository.
    pub root: &'a Path,
    /// Nothing may be left out.
    pub strict: bool,
    /// A step that takes longer fails.
    pub limit: Duration,
}

/// Runs all of them, in their order where nothing else decides; `tell` hears of each.
pub fn all(steps: &[Step], rules: Rules<'_>, tell: impl Fn(&Event) + Sync) -> Vec<Done> {
    let lanes = if rules.strict { Lanes::STRICT } else { Lanes::QUICK };
    let (waiting, done) = (steps.to_vec(), BTreeMap::new());
    let board = Mutex::new(Board { waiting, done, busy: 0, busy_max: lanes.busy });
    let changed = Condvar::new();
    thread::scope(|scope| {
        for _ in 0..lanes.all {
            scope.spawn(|| {
                while let Some(step) = next(&board, &changed) {
                    let done = one(&step, rules, &tell);
                    tell(&Event::Ended(done.clone()));
                    lock(&board).end(&step, done);
                    changed.notify_all();
                }
            });
        }
    });
    let mut board = lock(&board);
    steps.iter().filter_map(|step| board.done.remove(step.name)).collect()
}

/// Progress.
#[derive(Debug)]
pub enum Event {
    /// A step begins.
    Began(&'static str),
    /// A step is over.
    Ended(Done),
}

struct Board {
    waiting: Vec<Step>,
    done: BTreeMap<&'static str, Done>,
    /// Steps that run and do not wait most of the time, and how many there may be.
    busy: usize,
    busy_max: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first step that may begin; waits while there are only others. Steps that cannot run any
/// more, because one before them did not pass, are settled on the way.
fn next(board: &Mutex<Board>, changed: &Condvar) -> Option<Step> {
    let mut board = lock(board);
    loop {
        board.settle();
        if board.waiting.is_empty() {
            changed.notify_all();
            return None;
        }
        if let Some(at) = board.waiting.iter().position(|step| board.ready(step)) {
            return Some(board.begin(at));
        }
        board = changed.wait(board).unwrap_or_else(PoisonError::into_inner);
    }
}

impl Board {
    fn begin(&mut self, at: usize) -> Step {
        let step = self.waiting.remove(at);
        self.busy += usize::from(!step.waits);
        step
    }

    fn end(&mut self, step: &Step, done: Done) {
        self.busy -= usize::from(!step.waits);
        self.done.insert(step.name, done);
    }

    fn ready(&self, step: &Step) -> bool {
        (step.waits || self.busy < self.busy_max)
            && step.after.iter().all(|name| self.outcome(name) == Some(&Outcome::Passed))
    }

    fn outcome(&self, name: &str) -> Option<&Outcome> {
        self.done.get(name).map(|done| &done.outcome)
    }

    fn settle(&mut self) {
        while let Some((at, cause)) = self.hopeless() {
            let step = self.waiting.remove(at);
            let outcome = Outcome::Skipped(cause);
            let done = Done { name: step.name, outcome, took: Duration::ZERO, cpu: Duration::ZERO };
            self.done.insert(step.name, done);
        }
    }

    /// A step that waits for one that did not pass.
    fn hopeless(&self) -> Option<(usize, String)> {
        self.waiting.iter().enumerate().find_map(|(at, step)| {
            let name = step.after.iter().find(|name| match self.outcome(name) {
                Some(Outcome::Failed(_) | Outcome::Skipped(_)) => true,
                Some(Outcome::Passed) | None => false,
            })?;
            Some((at, format!("\"{name}\" did not pass")))
        })
    }
}

fn one(step: &Step, rules: Rules<'_>, tell: &impl Fn(&Event)) -> Done {
    let start = Instant::now();
    let mut cpu = Duration::ZERO;
    let missing = step.needs.iter().find(|need| !is_there(rules.root, need));
    let outcome = match missing {
        Some(need) if rules.strict => Outcome::Failed(format!("{need} is not there")),
        Some(need) => Outcome::Skipped(format!("{need} is not there")),
        None => {
            tell(&Event::Began(step.name));
            match process::run(step, rules, &mut cpu) {
                Ok(()) => Outcome::Passed,
                Err(cause) => Outcome::Failed(cause),
            }
        }
    };
    Done { name: step.name, outcome, took: start.elapsed(), cpu }
}

/// Whether a command, or a file when it is a path, is there.
fn is_there(root: &Path, need: &str) -> bool {
    if need.contains('/') {
        return root.join(need).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(need).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    const A: Step = Step { name: "test-a", after: &[], needs: &[], waits: false, run: &["true"] };

    fn outcomes(steps: &[Step], strict: bool) -> Vec<Outcome> {
        let root = files::root();
        let rules = Rules { root: &root, strict, limit: Duration::from_secs(20) };
        all(steps, rules, |_| {}).into_iter().map(|done| done.outcome).collect()
    }

    #[test]
    fn what_waits_for_a_failure_is_left_out_and_the_rest_runs() {
        let bad = Step { name: "test-bad", run: &["echo no >&2", "exit 3", "true"], ..A };
        let after = Step { name: "test-after", after: &["test-bad"], ..A };
        let later = Step { name: "test-later", after: &["test-after"], ..A };
        let found = outcomes(&[bad, after, later, A], false);
        assert!(
            matches!(&found[0], Outcome::Failed(cause) if cause.contains("exit 3")),
            "{found:?}"
        );
        assert_eq!(found[1], Outcome::Skipped("\"test-bad\" did not pass".to_owned()));
        assert_eq!(found[2], Outcome::Skipped("\"test-after\" did not pass".to_owned()));
        assert_eq!(found[3], Outcome::Passed);
    }

    #[test]
    fn what_is_not_there_leaves_a_step_out_and_fails_it_where_nothing_may_be() {
        let step = Step { name: "test-needs", needs: &["sh", "no/such/file"], ..A };
        assert!(matches!(outcomes(&[step], false)[..], [Outcome::Skipped(_)]));
        assert!(matches!(outcomes(&[step], true)[..], [Outcome::Failed(_)]));
        let there = Step { name: "test-there", needs: &["sh", "core/src/lib.rs"], ..A };
        assert_eq!(outcomes(&[there], true), [Outcome::Passed]);
    }

    #[test]
    fn a_step_begins_when_those_before_it_have_passed() {
        let first = Step { name: "test-first", run: &["sleep 0.2; touch target/steps/first"], ..A };
        let second = Step {
            name: "test-second",
            after: &["test-first"],
            run: &["rm target/steps/first"],
            ..A
        };
        assert_eq!(outcomes(&[first, second], false), [Outcome::Passed, Outcome::Passed]);
    }
    #[test]
    fn a_step_that_computes_waits_for_a_processor_and_others_do_not() {
        let second = Step { name: "test-b", ..A };
        let waiting = Step { name: "test-waiting", waits: true, ..A };
        let steps = vec![A, second, waiting];
        let mut board = Board { waiting: steps, done: BTreeMap::new(), busy: 0, busy_max: 1 };
        let ready =
            |board: &Board| board.waiting.iter().map(|s| board.ready(s)).collect::<Vec<_>>();
        assert_eq!(ready(&board), [true, true, true]);
        let first = board.begin(0);
        assert_eq!(ready(&board), [false, true]);
        assert_eq!(board.begin(1).name, "test-waiting");
        assert_eq!(ready(&board), [false]);
        let (outcome, took) = (Outcome::Passed, Duration::ZERO);
        board.end(&first, Done { name: first.name, outcome, took, cpu: took });
        assert_eq!(ready(&board), [true]);
    }
}
