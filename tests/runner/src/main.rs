//! Plays the scenarios of `tests/scenarios` with the agents of `tests/agents`.
//!
//! ```text
//! cargo run -p chinwag-runner -- [--agents rust,go] [--mixed] [--sim] [--only NAME]…
//!                                [--seeds N] [--turns N] [--jobs N]
//! ```
//!
//! `--mixed` also plays each scenario with the agents taking turns at its roles: until each has had
//! every role, or `--turns` times, of which each scenario begins with another; `--sim` also, or
//! without `--agents` only, in the simulator, once for each of `--seeds` seeds. With `REWRITE=1`
//! and one agent, the expected lines are written anew from what that agent reports.

mod certificates;
mod gaps;
mod ledger;
mod line;
mod pairs;
mod plan;
mod player;
mod process;
mod scenario;
mod simulated;
mod world;

use std::env;
use std::fs;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use chinwag_runner::agents::{self, AGENTS, AgentKind, find, root};
use gaps::Gaps;
use pairs::Pairs;
use plan::{Case, Outcome, SIM, plan};
use scenario::Scenario;

/// What the command line asks for.
struct Options {
    agents: Vec<&'static AgentKind>,
    only: Vec<String>,
    /// How often to play with the agents mixed.
    turns: usize,
    /// How often to play in the simulator.
    seeds: u64,
    jobs: usize,
}

/// Cases by outcome.
#[derive(Default)]
struct Tally {
    passed: AtomicUsize,
    failed: AtomicUsize,
    skipped: AtomicUsize,
    /// Of those that passed.
    pairs: Mutex<Pairs>,
}

fn main() -> ExitCode {
    match options(env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut agents, mut only, mut mixed, mut sim) = (None, Vec::new(), false, false);
    let (mut seeds, mut turns, mut jobs) = (20, usize::MAX, 2);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--agents" => {
                agents = Some(value()?.split(',').map(find).collect::<Result<Vec<_>, _>>()?);
            }
            "--only" => only.push(value()?),
            "--mixed" => mixed = true,
            "--sim" => sim = true,
            "--seeds" => seeds = value()?.parse().map_err(|e| format!("--seeds: {e}"))?,
            "--turns" => turns = value()?.parse().map_err(|e| format!("--turns: {e}"))?,
            "--jobs" => jobs = value()?.parse().map_err(|e| format!("--jobs: {e}"))?,
            _ => return Err(format!("unknown argument {arg:?}")),
        }
    }
    let all = || if sim { Vec::new() } else { AGENTS.iter().collect() };
    let agents = agents.unwrap_or_else(all);
    let turns = if mixed { turns.min(agents.len()) } else { 0 };
    Ok(Options { agents, only, turns, seeds: if sim { seeds } else { 0 }, jobs })
}

/// Whether all is well.
fn run(options: &Options) -> Result<bool, String> {
    let tests = root().join("tests");
    let mut scenarios = Scenario::read_all(&tests.join("scenarios"))?;
    let names: Vec<String> = scenarios.iter().map(|scenario| scenario.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Some(name) = options.only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("there is no scenario {name:?}; there are {}", names.join(", ")));
    }
    options.agents.iter().try_for_each(|agent| agent.check_built())?;
    let players: Vec<&str> = options.agents.iter().map(|agent| agent.name).chain([SIM]).collect();
    let gaps = Gaps::read(&tests.join("gaps"), &players, &names)?;
    scenarios.retain(|scenario| options.only.is_empty() || options.only.contains(&scenario.name));
    if env::var_os("REWRITE").is_some_and(|value| value == "1") {
        return rewrite(&scenarios, &options.agents);
    }
    let cases = plan(&scenarios, &options.agents, options.turns, options.seeds);
    if options.turns < options.agents.len() && options.turns > 0 {
        println!("mixed: {} turns of {} for each scenario", options.turns, options.agents.len());
    }
    let tally = play_all(&cases, &gaps, options.jobs);
    if options.turns > 0 {
        let pairs = tally.pairs.into_inner().unwrap_or_else(PoisonError::into_inner);
        println!("{}", pairs.report(options.agents.len()));
    }
    let [passed, failed, skipped] =
        [tally.passed, tally.failed, tally.skipped].map(AtomicUsize::into_inner);
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    Ok(failed == 0)
}

/// Plays the cases, a few at a time: most of a scenario is waiting.
fn play_all(cases: &[Case<'_>], gaps: &Gaps, jobs: usize) -> Tally {
    let tally = Tally::default();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some((number, case)) = take_next(cases, &next) {
                    play_one(case, number, gaps, &tally);
                }
            });
        }
    });
    tally
}

fn take_next<'a, T>(items: &'a [T], next: &AtomicUsize) -> Option<(usize, &'a T)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    items.get(number).map(|item| (number, item))
}

fn play_one(case: &Case<'_>, number: usize, gaps: &Gaps, tally: &Tally) {
    let (outcome, took) = case.play(number, gaps);
    let (title, took) = (case.title(), took.as_secs_f64());
    let count = match outcome {
        Outcome::Passed => {
            tally.pairs.lock().unwrap_or_else(PoisonError::into_inner).merge(case.pairs());
            println!("pass {title} ({took:.1} s)");
            &tally.passed
        }
        Outcome::Skipped(reason) => {
            println!("skip {title}: {reason}");
            &tally.skipped
        }
        Outcome::Failed(text) => {
            let text = text.replace('\n', "\n    ");
            println!("FAIL {title} ({took:.1} s)\n    {}", text.trim_end());
            &tally.failed
        }
    };
    count.fetch_add(1, Ordering::Relaxed);
}

/// Writes the expected lines of the files anew.
fn rewrite(scenarios: &[Scenario], agents: &[&'static AgentKind]) -> Result<bool, String> {
    if agents.len() != 1 {
        return Err("REWRITE=1 needs exactly one agent".to_owned());
    }
    for (number, case) in plan(scenarios, agents, 0, 0).iter().enumerate() {
        let name = &case.scenario.name;
        let seen = case.record(number).map_err(|text| format!("{name}: {text}"))?;
        let text = case.scenario.rewritten(&seen);
        fs::write(&case.scenario.path, text).map_err(|error| format!("{name}: {error}"))?;
        println!("wrote {name}");
    }
    Ok(true)
}
