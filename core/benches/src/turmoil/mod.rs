//! `turmoil`: messages under load while processes are killed and stopped, and the network between
//! them is cut, clogged, and loses.
//!
//! Every agent is a process in a network namespace of its own; all of them call and cast to each
//! other all the time, with numbers, and write down what they send, get and are told
//! (`record.rs`). What is done to them is drawn from a seed, which is printed (`nemesis.rs`). At
//! the end everything is repaired, everybody has to reach everybody again, and the laws are judged
//! (`judge.rs`).

pub(crate) mod agent;
mod judge;
mod nemesis;
mod record;
mod seats;
mod sender;
#[cfg(test)]
mod tests;

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::faults::{Lab, leave_out};
use crate::report::write_json;
use judge::{Verdict, judge};
use nemesis::{CUTS, DEATHS, Kind, Nemesis};
use seats::Seats;

/// How long an answer may take on a machine that is busy with something else.
const AT_ONCE: Duration = Duration::from_secs(20);
/// All reach all again within that.
const HEALED: Duration = Duration::from_secs(30);
/// A process may grow by no more than that: what waits for three others is bounded by 256 KiB
/// each, as much again is on its way, and mailboxes hold what is handled.
const GROWN_KIB: u64 = 20 * 1024;

/// Proves what is promised of messages, whatever happens.
#[derive(Args, Debug)]
pub(crate) struct Turmoil {
    /// Seconds, at least, for which things go wrong.
    #[arg(long, default_value_t = 25)]
    seconds: u64,
    /// What everything is drawn from; another one each time, if none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// Where no network can be made, it is left out.
    #[arg(long)]
    quick: bool,
    /// Where the results go, and what the agents write down.
    #[arg(long, default_value = "target/bench/turmoil")]
    out: PathBuf,
}

/// A cluster to which something happens.
#[derive(Clone, Copy, Debug)]
struct Play {
    name: &'static str,
    seats: usize,
    kinds: &'static [Kind],
    /// The first seat whose process may be killed.
    mortal: usize,
    /// How soon members find out about each other, and how long a cut lasts at most: with one that
    /// nobody is given up for, all that is counted is certain.
    profile: &'static str,
    longest: Duration,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Outcome {
    name: &'static str,
    seed: u64,
    acts: Vec<String>,
    healed_s: f64,
    /// What was in the way of it last, of each agent.
    trouble: Vec<String>,
    verdict: Verdict,
}

const PLAYS: [Play; 2] = [
    Play {
        name: "cuts",
        seats: 3,
        kinds: CUTS,
        mortal: 3,
        profile: "lan",
        longest: Duration::from_millis(2_500),
    },
    Play {
        name: "deaths",
        seats: 4,
        kinds: DEATHS,
        mortal: 2,
        profile: "fast",
        longest: Duration::from_secs(6),
    },
];

impl Turmoil {
    /// Runs it, and prints what came of it.
    pub(crate) fn play(&self) -> io::Result<()> {
        if let Err(error) = Lab::open(1) {
            return leave_out(self.quick, &error);
        }
        let seed = self.seed.unwrap_or_else(|| RandomState::new().hash_one(()));
        println!("seed {seed}: chinwag-bench turmoil --seconds {} --seed {seed}", self.seconds);
        fs::create_dir_all(&self.out)?;
        let outcomes: Vec<io::Result<Outcome>> = thread::scope(|scope| {
            let plays = PLAYS.map(|play| scope.spawn(move || self.run(play, seed)));
            plays.into_iter().map(|play| play.join().unwrap_or_else(|_| panicked())).collect()
        });
        let outcomes: Vec<Outcome> = outcomes.into_iter().collect::<io::Result<_>>()?;
        write_json(&self.out.join("turmoil.json"), &outcomes)?;
        let mut broken = Vec::new();
        for outcome in &outcomes {
            println!("{}", outcome.line());
            let laws = outcome.verdict.broken.iter();
            broken.extend(laws.map(|law| format!("{}: {law}", outcome.name)));
        }
        match broken.is_empty() {
            true => Ok(()),
            false => Err(io::Error::other(broken.join("\n"))),
        }
    }

    fn run(&self, play: Play, seed: u64) -> io::Result<Outcome> {
        let folder = self.out.join(play.name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let length = Duration::from_secs(self.seconds);
        let mut seats = Seats::open(play, folder, seed, 3 * length + 10 * AT_ONCE)?;
        let mut nemesis = Nemesis::new(play, seed);
        nemesis.rage(&mut seats, length)?;
        let repaired = Instant::now();
        // All of them answer each other while everything goes on.
        let fences = seats.fence()?;
        let healed_s = repaired.elapsed().as_secs_f64();
        let verdict = judge(&seats.end()?, GROWN_KIB);
        let acts = nemesis.acts.iter().map(|(kind, lasts)| format!("{kind:?} {lasts:.1?}"));
        let (acts, trouble) = (acts.collect(), fences.into_iter().filter_map(|took| took.trouble));
        let (name, trouble) = (play.name, trouble.collect());
        Ok(Outcome { name, seed, acts, healed_s, trouble, verdict })
    }
}

impl Outcome {
    fn line(&self) -> String {
        let Verdict { calls, answered, casts, heard, .. } = &self.verdict;
        let Verdict { missing, dropped, lost, in_doubt, .. } = &self.verdict;
        let Verdict { processes, links_lost, grown_kib, .. } = &self.verdict;
        format!(
            "{}: {}; {processes} processes, {links_lost} connections lost; {answered} of {calls} \
             calls answered; {heard} of {casts} casts came; {missing} missing between those who \
             lived, {dropped} dropped, {lost} lost, {in_doubt} in doubt; at most {grown_kib} KiB \
             more; healed in {:.1} s ({})",
            self.name,
            self.acts.join(", "),
            self.healed_s,
            self.trouble.join("; ")
        )
    }
}

fn panicked() -> io::Result<Outcome> {
    Err(io::Error::other("a thread panicked"))
}

/// The name of the member of a seat.
fn name(seat: usize) -> String {
    format!("m{seat}")
}
