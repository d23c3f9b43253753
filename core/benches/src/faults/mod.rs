//! `faults`: real kernels between members, and what they make of cuts, losses, stops and deaths.
//!
//! Every cluster has a bridge and namespaces of its own (`lab.rs`), every member is a process, and
//! every member's own events are what is judged (`chronicle.rs`). Clusters that are idle but for a
//! fault run side by side; those of one scenario begin together, so that all libraries have the
//! same neighbours.

mod chronicle;
mod lab;
mod member;
mod peer;
mod report;
mod script;

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::counters::Load;
use crate::report::write_json;
use crate::rival::Machine;
use chronicle::News;
use report::Report;
use script::{Measure, SCENARIOS, Scenario, Times};

pub(crate) use lab::{Fault, LEASH, Lab, address};
pub(crate) use peer::{Agents, Peer};

/// Measures what faults of the network and of processes do to a cluster.
#[derive(Args, Debug)]
pub(crate) struct Faults {
    /// Whom to run.
    #[arg(long, value_delimiter = ',', value_enum, default_value = "chinwag,memberlist")]
    peers: Vec<Peer>,
    /// What to do to them; everything, if none is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Repetitions.
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// Scenarios that run at the same time.
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// Seconds after a repair at which a cluster counts as broken for good.
    #[arg(long, default_value_t = 150)]
    watch: u64,
    /// Only this library and two scenarios, for seconds; fails if a goal is missed.
    #[arg(long)]
    quick: bool,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/faults.json")]
    out: PathBuf,
}

/// What one cluster went through.
#[derive(Clone, Debug, Default, Serialize)]
struct Run {
    peer: String,
    scenario: String,
    round: u64,
    measures: Vec<Measure>,
    /// Seconds since the start, who told it, of whom, and what.
    told: Vec<(f64, usize, usize, News)>,
    /// Cores in use while it ran, its own included.
    busy_cores: Option<f64>,
    error: Option<String>,
}

/// A scenario to be played.
#[derive(Clone, Copy)]
struct Task {
    round: u64,
    scenario: Scenario,
}

const QUICK: &[&str] = &["partition", "loss-20"];

impl Faults {
    /// Runs it, and prints the tables.
    pub(crate) fn play(&self) -> io::Result<()> {
        if let Err(error) = Lab::open(1) {
            return leave_out(self.quick, &error);
        }
        let agents = Agents::ready(&self.peers(), &self.out)?;
        let machine = Machine::look()?;
        let tasks = Mutex::new(self.tasks()?.into_iter());
        let runs = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    while let Some(task) = next(&tasks) {
                        let done = self.play_one(task, &agents);
                        let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
                        runs.extend(done);
                        let report = Report::of(&runs, &self.peers(), &machine, self.quick);
                        if let Err(error) = write_json(&self.out, &report) {
                            eprintln!("{}: {error}", self.out.display());
                        }
                    }
                });
            }
        });
        let mut runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
        runs.sort_by(|a, b| (&a.scenario, a.round, &a.peer).cmp(&(&b.scenario, b.round, &b.peer)));
        let report = Report::of(&runs, &self.peers(), &machine, self.quick);
        println!("{}", report.markdown(&self.peers()));
        self.judge(&runs)
    }

    fn judge(&self, runs: &[Run]) -> io::Result<()> {
        if let Some(error) = runs.iter().find_map(|run| run.error.as_ref()) {
            return Err(io::Error::other(format!("a run broke off: {error}")));
        }
        let missed = if self.quick { report::missed(runs) } else { Vec::new() };
        match missed.is_empty() {
            true => Ok(()),
            false => Err(io::Error::other(format!("goals missed: {}", missed.join(", ")))),
        }
    }

    fn peers(&self) -> Vec<Peer> {
        if self.quick { vec![Peer::Chinwag] } else { self.peers.clone() }
    }

    /// A cut is noticed sooner with local timing; under loss, that is not made for it.
    fn profile(&self, scenario: Scenario) -> &'static str {
        if self.quick && scenario.name == "partition" { "local" } else { "lan" }
    }

    fn times(&self) -> Times {
        let seconds = Duration::from_secs;
        let watch = seconds(self.watch);
        match self.quick {
            true => Times {
                cut: seconds(12),
                loss: seconds(15),
                pause: seconds(5),
                blocked: seconds(15),
                slow: seconds(15),
                watch: watch.min(seconds(15)),
                deaths: 1,
            },
            false => Times {
                cut: seconds(60),
                loss: seconds(300),
                pause: seconds(10),
                blocked: seconds(120),
                slow: seconds(120),
                watch,
                deaths: 5,
            },
        }
    }

    fn tasks(&self) -> io::Result<Vec<Task>> {
        if let Some(odd) = self.only.iter().find(|name| scenario(name).is_none()) {
            let known: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
            return Err(io::Error::other(format!("no \"{odd}\" among {}", known.join(", "))));
        }
        let wanted = |scenario: &&Scenario| match self.only.is_empty() {
            true => !self.quick || QUICK.contains(&scenario.name),
            false => self.only.iter().any(|name| name == scenario.name),
        };
        let rounds = if self.quick { 1 } else { self.rounds };
        let of_round = |round| {
            let wanted = SCENARIOS.iter().filter(wanted);
            wanted.map(move |scenario| Task { round, scenario: *scenario })
        };
        Ok((0..rounds).flat_map(of_round).collect())
    }

    /// One scenario with every library at the same time.
    fn play_one(&self, task: Task, agents: &Agents) -> Vec<Run> {
        let Task { round, scenario } = task;
        thread::scope(|scope| {
            let started = self.peers().into_iter().map(|peer| {
                scope.spawn(move || {
                    let times = self.times();
                    let mut run = Run {
                        peer: peer.name().to_owned(),
                        scenario: scenario.name.to_owned(),
                        round,
                        ..Run::default()
                    };
                    let (load, began) = (Load::read(&[]).ok(), Instant::now());
                    let agents = agents.with(self.profile(scenario));
                    match script::play(scenario, peer, &agents, times, round) {
                        Ok((measures, told)) => {
                            (run.measures, run.told) = (measures, told.lines());
                        }
                        Err(error) => run.error = Some(error.to_string()),
                    }
                    let seconds = began.elapsed().as_secs_f64();
                    let busy = |load| Some(Load::read(&[]).ok()?.foreign_since(load, seconds));
                    run.busy_cores = load.and_then(busy);
                    eprintln!("{}", told(&run));
                    run
                })
            });
            let started: Vec<_> = started.collect();
            started.into_iter().filter_map(|thread| thread.join().ok()).collect()
        })
    }
}

/// Where no network can be made, a quick run says so and is left out, but never in CI.
pub(crate) fn leave_out(quick: bool, error: &io::Error) -> io::Result<()> {
    let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
    if strict || !quick {
        return Err(io::Error::other(format!("no network can be made: {error}")));
    }
    println!("left out: no network can be made: {error}");
    Ok(())
}

fn scenario(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

fn next(tasks: &Mutex<impl Iterator<Item = Task>>) -> Option<Task> {
    tasks.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// A line about a run that is over.
fn told(run: &Run) -> String {
    let figure = |measure: &Measure| {
        let value = measure.value.map_or_else(|| "never".to_owned(), |value| format!("{value:.2}"));
        format!("{}: {value}{}", measure.name, measure.unit)
    };
    let figures: Vec<String> = run.measures.iter().map(figure).collect();
    let error = run.error.as_deref().unwrap_or_default();
    format!("{} {} {}: {}{error}", run.round, run.scenario, run.peer, figures.join("; "))
}
