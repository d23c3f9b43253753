//! The protocol under virtual time and many seeds.
//!
//! `SEED=0x2a` replays one seed; `SEEDS=1000` widens the search. A failure prints its seed.
#![cfg(feature = "sim")]

use std::time::Duration;

use chinwag::config::Protocol;
use chinwag::sim::{Faults, NodeId, Sim};
use chinwag::{EventKind, MemberState};

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Runs `scenario` under every seed, saying which one failed.
fn every_seed(default_count: u64, scenario: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let number = |text: String| {
        let text = text.trim();
        match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => text.parse(),
        }
        .expect("SEED and SEEDS are numbers")
    };
    let seeds = match std::env::var("SEED") {
        Ok(seed) => number(seed)..=number(std::env::var("SEED").expect("just read")),
        Err(_) => 1..=std::env::var("SEEDS").map_or(default_count, number),
    };
    for seed in seeds {
        if let Err(cause) = std::panic::catch_unwind(|| scenario(seed)) {
            eprintln!("seed {seed:#x} failed; replay it with SEED={seed:#x}");
            std::panic::resume_unwind(cause);
        }
    }
}

/// `count` nodes that have all joined through the first.
fn cluster(sim: &mut Sim, count: usize) -> Vec<NodeId> {
    let nodes: Vec<NodeId> = (0..count).map(|i| sim.start(&format!("n{i}"))).collect();
    for &node in &nodes[1..] {
        sim.join(node, &nodes[..1]);
    }
    nodes
}

#[test]
fn three_nodes_see_each_other() {
    every_seed(200, |seed| {
        let mut sim = Sim::new(seed);
        cluster(&mut sim, 3);
        assert!(sim.run_until(seconds(2.0), Sim::all_see_all));
    });
}
