//! What Lifeguard is worth: members that are slow, and what the others are told of them and of
//! those that are not. After the experiment of Dadgar, Phillips and Currey (2017).

use std::time::Duration;

use chinwag::EventKind;
use chinwag::config::Protocol;
use chinwag::sim::{NodeId, Sim};
use chinwag::time::Instant;
use clap::Args;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// As many members as there.
const MEMBERS: usize = 128;
/// How long all are well before some are slow, and how long the last consequences are watched.
const WELL: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(30);
/// How long some are slow, at least.
const TROUBLE: Duration = Duration::from_secs(120);
/// Which parts of Lifeguard are on. Its third, that a suspect hears of the suspicion with the next
/// probe, cannot be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Parts {
    None,
    Probe,
    Suspicion,
    All,
}

impl Parts {
    pub(super) const ALL: [Self; 4] = [Self::None, Self::Probe, Self::Suspicion, Self::All];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::None => "neither (SWIM)",
            Self::Probe => "LHA-Probe",
            Self::Suspicion => "LHA-Suspicion",
            Self::All => "both (Lifeguard)",
        }
    }

    fn protocol(self, profile: &str) -> Protocol {
        let mut protocol = Protocol::profile(profile);
        if matches!(self, Self::None | Self::Suspicion) {
            protocol.awareness_max_multiplier = 1;
        }
        if matches!(self, Self::None | Self::Probe) {
            protocol.suspicion_max_timeout_mult = 1;
        }
        protocol
    }
}

/// One experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Case {
    pub(super) parts: Parts,
    pub(super) slow: usize,
    pub(super) block_ms: u64,
    pub(super) run_ms: u64,
    pub(super) seed: u64,
}

/// What came of it: failures that were told, and by whom of whom.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Verdicts {
    #[serde(flatten)]
    pub(super) case: Case,
    /// Of members that were well, by anybody.
    pub(super) false_failures: usize,
    /// Of members that were well, by members that were well.
    pub(super) at_the_well: usize,
    /// Of slow members, by members that were well.
    pub(super) slow_failures: usize,
}

/// What is varied.
#[derive(Args, Debug)]
pub(super) struct Plan {
    /// Members that are slow at the same time.
    #[arg(long, value_delimiter = ',', default_value = "1,4,8,16,32")]
    slow: Vec<usize>,
    /// How long their messages stand still at a time, in milliseconds.
    #[arg(long, value_delimiter = ',', default_value = "128,512,2048,8192,16384,32768")]
    block_ms: Vec<u64>,
    /// How long they run in between, in milliseconds.
    #[arg(long, value_delimiter = ',', default_value = "16,4096")]
    run_ms: Vec<u64>,
    /// Seeds for each experiment, from 1.
    #[arg(long, default_value_t = 1)]
    slow_seeds: u64,
}

impl Plan {
    /// All experiments.
    pub(super) fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for seed in 1..=self.slow_seeds {
            for &slow in &self.slow {
                for &block_ms in &self.block_ms {
                    for &run_ms in &self.run_ms {
                        let of = |parts| Case { parts, slow, block_ms, run_ms, seed };
                        cases.extend(Parts::ALL.map(of));
                    }
                }
            }
        }
        cases
    }
}

/// Plays one.
pub(super) fn play(profile: &str, case: Case) -> Verdicts {
    let mut sim = Sim::with_protocol(case.seed, case.parts.protocol(profile));
    let nodes = sim.start_cluster(MEMBERS);
    sim.run_for(WELL);
    let slow = some(&nodes, case.slow, case.seed);
    let end = sim.now() + TROUBLE;
    while sim.now() < end {
        slow.iter().for_each(|node| sim.block(*node));
        sim.run_for(Duration::from_millis(case.block_ms));
        slow.iter().for_each(|node| sim.resume(*node));
        sim.run_for(Duration::from_millis(case.run_ms));
    }
    sim.run_for(AFTER);
    let is_slow = |name: &str| slow.iter().any(|node| sim.name(*node) == name);
    let mut verdicts = Verdicts { case, false_failures: 0, at_the_well: 0, slow_failures: 0 };
    for observer in &nodes {
        let well = !slow.contains(observer);
        let log = sim.log(*observer);
        debug_assert!(log.is_sorted_by_key(|(at, _): &(Instant, EventKind)| *at));
        for (_, kind) in log {
            let EventKind::MemberFailed(member) = kind else { continue };
            match (is_slow(member.name()), well) {
                (true, true) => verdicts.slow_failures += 1,
                (true, false) => {}
                (false, _) => {
                    verdicts.false_failures += 1;
                    verdicts.at_the_well += usize::from(well);
                }
            }
        }
    }
    verdicts
}

/// Some of them, at random.
fn some(nodes: &[NodeId], count: usize, seed: u64) -> Vec<NodeId> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut nodes = nodes.to_vec();
    (0..count).map(|_| nodes.swap_remove(rng.random_range(0..nodes.len()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_members_accuse_and_lifeguard_holds_them_back() {
        let case = |parts| Case { parts, slow: 8, block_ms: 16_384, run_ms: 1, seed: 1 };
        let of = |parts| play("lan", case(parts));
        let (without, with) = (of(Parts::None), of(Parts::All));
        assert!(without.false_failures > 0, "{without:?}");
        assert!(with.false_failures < without.false_failures, "{with:?} {without:?}");
        assert!(without.at_the_well <= without.false_failures);
    }
}
