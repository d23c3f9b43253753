//! What tests of the protocol under virtual time have in common.
//!
//! `SEED=0x2a` replays one seed; `SEEDS=1000` widens the search, and `CI=true` makes it as wide as
//! where changes are judged. A failure prints its seed.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::panic::{RefUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use chinwag::sim::{NodeId, Sim};
use chinwag::time::Instant;
use chinwag::{EventKind, Tags};

pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn number(text: &str) -> u64 {
    let parsed = match text.trim().strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.trim().parse(),
    };
    parsed.expect("SEED and SEEDS are numbers")
}

/// Of the seeds, those that are run while somebody waits: one in so many, and so many of them if
/// there are; fewer are no sample. Where `CI` is set, all.
const SHARE: u64 = 4;
const SAMPLE: u64 = 10;

/// Runs `scenario` under every seed; the results. Says which seed failed.
pub(crate) fn every_seed<T>(count: u64, scenario: impl Fn(u64) -> T + RefUnwindSafe) -> Vec<T> {
    let some = count.div_ceil(SHARE).max(count.min(SAMPLE));
    let count = if std::env::var_os("CI").is_some() { count } else { some };
    let seeds = match (std::env::var("SEED"), std::env::var("SEEDS")) {
        (Ok(seed), _) => number(&seed)..=number(&seed),
        (Err(_), Ok(count)) => 1..=number(&count),
        (Err(_), Err(_)) => 1..=count,
    };
    let run = |seed| match catch_unwind(|| scenario(seed)) {
        Ok(result) => result,
        Err(cause) => {
            eprintln!("seed {seed:#x} failed; replay it with SEED={seed:#x}");
            resume_unwind(cause)
        }
    };
    seeds.map(run).collect()
}

/// `count` nodes that have been told to join through the first.
pub(crate) fn cluster(sim: &mut Sim, count: usize) -> Vec<NodeId> {
    let nodes: Vec<NodeId> = (0..count).map(|i| sim.start(&format!("n{i}"))).collect();
    for &node in &nodes[1..] {
        sim.join(node, &nodes[..1]);
    }
    nodes
}

pub(crate) fn together(sim: &mut Sim, count: usize) -> Vec<NodeId> {
    let nodes = cluster(sim, count);
    assert!(sim.run_until(seconds(180.0), Sim::all_see_all), "they never all met");
    nodes
}

/// When each of `observers` told such an event about `subject`, counted from `since`.
pub(crate) fn told(
    sim: &Sim,
    observers: &[NodeId],
    subject: NodeId,
    since: Instant,
    wanted: fn(&EventKind) -> bool,
) -> Vec<Duration> {
    let name = sim.name(subject);
    let about = |kind: &EventKind| kind.member().is_some_and(|member| member.name() == name);
    let mut times: Vec<Duration> = observers
        .iter()
        .flat_map(|observer| sim.log(*observer))
        .filter(|(at, kind)| *at >= since && wanted(kind) && about(kind))
        .map(|(at, _)| at.since(since))
        .collect();
    times.sort();
    times
}

pub(crate) fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// The share of `all` that is at most `limit`.
pub(crate) fn share_within(all: &[Duration], limit: Duration) -> f64 {
    all.iter().filter(|span| **span <= limit).count() as f64 / all.len() as f64
}

pub(crate) fn is_alone(seeds: usize) -> bool {
    seeds == 1
}
