//! `sim`: what cannot be had on one machine, in virtual time: clusters of thousands, and members
//! that are slow by decree. The same seeds give the same figures on every machine.

mod join;
mod lifeguard;
mod plot;
mod report;
mod scale;

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::report::write_json;
use crate::rival::Machine;
use report::Report;
use scale::Extent;

/// Measures clusters in the simulator.
#[derive(Args, Debug)]
pub(crate) struct Simulated {
    /// What to run.
    #[arg(long, value_delimiter = ',', value_enum, default_value = "join,scale,largest,lifeguard")]
    only: Vec<Part>,
    /// Cluster sizes.
    #[arg(long = "n", value_delimiter = ',', default_value = "10,100,1000,10000")]
    sizes: Vec<usize>,
    /// Sizes of clusters that really join.
    #[arg(long, value_delimiter = ',', default_value = "100,1000,2000")]
    join_sizes: Vec<usize>,
    /// Size of the one large cluster.
    #[arg(long, default_value_t = 50_000)]
    largest: usize,
    /// Seeds for each size, from 1.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// Timing of all but the bulk joins; the goals are those of `lan`.
    #[arg(long, value_parser = ["lan", "wan", "local", "fast"], default_value = "lan")]
    profile: String,
    #[command(flatten)]
    slow: lifeguard::Plan,
    /// Simulations that run at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Where the results go; the plots go beside them.
    #[arg(long, default_value = "target/bench/sim.json")]
    out: PathBuf,
}

/// What there is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Bulk joins.
    Join,
    /// Clusters of several sizes.
    Scale,
    /// One of fifty thousand.
    Largest,
    /// Slow members, with Lifeguard and without.
    Lifeguard,
}

/// What is done to clusters, and what to the largest, of which a virtual second takes several.
const EXTENT: Extent =
    Extent { compression: true, quiet: Duration::from_secs(60), updates: 5, deaths: 3 };
const LARGEST: Extent =
    Extent { compression: false, quiet: Duration::from_secs(20), updates: 2, deaths: 1 };

impl Simulated {
    /// Runs it, draws the plots and prints the tables.
    pub(crate) fn play(&self) -> io::Result<()> {
        let mut report = Report::of(Machine::look()?);
        let wants = |part| self.only.contains(&part);
        if wants(Part::Join) {
            // One after another: the time they take is measured.
            report.joins = self.join_sizes.iter().map(|nodes| join::run(*nodes, 1)).collect();
            self.save(&report)?;
        }
        if wants(Part::Scale) {
            let of =
                |nodes: &usize| (1..=self.seeds).map(|seed| (*nodes, seed)).collect::<Vec<_>>();
            let cases: Vec<_> = self.sizes.iter().flat_map(of).collect();
            report.runs = self.each(cases, |(nodes, seed)| {
                let run = scale::run(nodes, seed, (&self.profile, EXTENT));
                eprintln!("{nodes} members, seed {seed}: {:.0} s", run.wall_s);
                run
            });
            self.save(&report)?;
        }
        if wants(Part::Lifeguard) {
            report.verdicts =
                self.each(self.slow.cases(), |case| lifeguard::play(&self.profile, case));
            self.save(&report)?;
        }
        if wants(Part::Largest) {
            report.runs.push(scale::run(self.largest, 1, (&self.profile, LARGEST)));
            self.save(&report)?;
        }
        println!("{}", report.markdown());
        Ok(())
    }

    /// After each part, so that none is lost with a later one.
    fn save(&self, report: &Report) -> io::Result<()> {
        write_json(&self.out, &report.judged())?;
        report.draw(self.out.parent().unwrap_or_else(|| ".".as_ref()))
    }

    /// Plays all cases, several at a time; the results in the order of the cases.
    fn each<C: Copy + Send, T: Send>(&self, cases: Vec<C>, play: impl Fn(C) -> T + Sync) -> Vec<T> {
        let queue = Mutex::new(cases.into_iter().enumerate());
        let results = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    while let Some((number, case)) = next(&queue) {
                        let result = (number, play(case));
                        results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(number, _)| *number);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

fn next<C>(queue: &Mutex<impl Iterator<Item = C>>) -> Option<C> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}
