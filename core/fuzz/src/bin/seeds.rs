//! Plays the simulator's nemesis over many seeds, on all cores.
//!
//! ```text
//! seeds COUNT [LENGTH]     so many seeds from 1, with faults for LENGTH seconds each (50)
//! seeds 0x2a [LENGTH]      this one alone
//! ```
//!
//! `FROM=1000` begins with another seed; `LIMIT=600` ends after so many seconds; `CALM=60` is how
//! many a cluster has to become whole again. Says which seeds
//! failed and why, and what never happened although it should have.

use std::panic::{catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, thread};

use chinwag::sim::nemesis::{CALM_GOAL, CALM_MAX, Toll, play};

/// Seeds whose failures are told before the search is given up.
const FAILURES_MAX: usize = 10;
/// One seed in so many is played twice: the same must come of it.
const TWICE_EVERY: u64 = 256;
/// Of virtual time, for comparison with simulators that count them.
const TICK: Duration = Duration::from_millis(10);

/// What the threads share.
#[derive(Default)]
struct Search {
    next: AtomicU64,
    toll: Mutex<(u64, Toll)>,
    failed: Mutex<Vec<u64>>,
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let length = args.get(1).and_then(|text| text.parse().ok()).unwrap_or(50);
    let length = Duration::from_secs(length);
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let calm = number("CALM").map_or(CALM_MAX, Duration::from_secs);
    let Some(what) = args.first() else {
        eprintln!("usage: seeds COUNT|0xSEED [LENGTH]");
        return ExitCode::FAILURE;
    };
    if let Some(hex) = what.strip_prefix("0x") {
        let Ok(seed) = u64::from_str_radix(hex, 16) else {
            eprintln!("{what}: no seed");
            return ExitCode::FAILURE;
        };
        print!("{}", play(seed, length, calm));
        return ExitCode::SUCCESS;
    }
    let Ok(count) = what.parse::<u64>() else {
        eprintln!("{what}: no number");
        return ExitCode::FAILURE;
    };
    let first = number("FROM").unwrap_or(1);
    let limit = number("LIMIT").map(Duration::from_secs);
    search(first..first + count, (length, calm), limit)
}

fn search(
    seeds: std::ops::Range<u64>,
    (length, calm): (Duration, Duration),
    limit: Option<Duration>,
) -> ExitCode {
    let search = Search { next: AtomicU64::new(seeds.start), ..Search::default() };
    let began = Instant::now();
    let over = || limit.is_some_and(|limit| began.elapsed() > limit);
    // The message comes with the seed.
    set_hook(Box::new(|info| eprintln!("{info}")));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = search.next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || over() || search.is_lost() {
                        return;
                    }
                    search.one(seed, length, calm);
                }
            });
        }
    });
    search.report(began.elapsed())
}

impl Search {
    fn one(&self, seed: u64, length: Duration, calm: Duration) {
        let played = catch_unwind(|| {
            let toll = play(seed, length, calm);
            if seed.is_multiple_of(TWICE_EVERY) {
                assert_eq!(play(seed, length, calm), toll, "the same seed came to something else");
            }
            toll
        });
        match played {
            Ok(toll) => {
                let mut sum = self.toll.lock().unwrap_or_else(PoisonError::into_inner);
                sum.0 += 1;
                sum.1.add(&toll);
            }
            Err(_) => {
                let seconds = length.as_secs();
                eprintln!(
                    "seed {seed:#x} failed; replay it with make seeds SEEDS={seed:#x} \
                     LENGTH={seconds}"
                );
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).push(seed);
            }
        }
    }

    fn is_lost(&self) -> bool {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).len() >= FAILURES_MAX
    }

    fn report(self, took: Duration) -> ExitCode {
        let (seeds, toll) = self.toll.into_inner().unwrap_or_else(PoisonError::into_inner);
        let failed = self.failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        let ticks = toll.time.as_nanos() / TICK.as_nanos();
        let minutes = took.as_secs_f64() / 60.0;
        println!(
            "{seeds} seeds passed, {} failed; {ticks} ticks of 10 ms in {minutes:.1} min: {:.0} \
             seeds and {:.0} ticks a minute; whole again after {:.1} s at most, {} after {} s",
            failed.len(),
            seeds as f64 / minutes,
            ticks as f64 / minutes,
            toll.calm.as_secs_f64(),
            toll.slow,
            CALM_GOAL.as_secs()
        );
        print!("{toll}");
        let missing = toll.missing();
        if !missing.is_empty() {
            println!("never happened: {}", missing.join(", "));
        }
        match failed.is_empty() && missing.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}
