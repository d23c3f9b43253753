//! The `fast` profile: what it promises, and that those who are slow for a moment outlive it.

use std::time::Duration;

use chinwag::config::Protocol;
use chinwag::sim::{NodeId, Sim};
use chinwag::{EventKind, MemberState};

use crate::shared::{every_seed, is_alone, seconds, share_within};

const MEMBERS: usize = 128;

fn cluster(seed: u64) -> (Sim, Vec<NodeId>) {
    let mut sim = Sim::with_protocol(seed, Protocol::profile("fast"));
    let nodes = sim.start_cluster(MEMBERS);
    sim.run_for(seconds(2.0) + Duration::from_millis(seed * 37 % 1000));
    (sim, nodes)
}

/// Failures told of anybody but `gone`.
fn false_failures(sim: &Sim, nodes: &[NodeId], gone: Option<NodeId>) -> usize {
    let gone = gone.map(|node| sim.name(node));
    let is_false = |kind: &EventKind| match kind {
        EventKind::MemberFailed(member) => Some(member.name()) != gone,
        _ => false,
    };
    nodes.iter().flat_map(|node| sim.log(*node)).filter(|(_, kind)| is_false(kind)).count()
}

/// How long until all others know that a member is gone.
fn known_after(seed: u64, end: fn(&mut Sim, NodeId)) -> Duration {
    let (mut sim, nodes) = cluster(seed);
    let (victim, at) = (nodes[seed as usize * 31 % MEMBERS], sim.now());
    end(&mut sim, victim);
    let all = |sim: &Sim| sim.believers(victim, MemberState::Failed) == MEMBERS - 1;
    assert!(sim.run_until(seconds(30.0), all), "not all learnt of it");
    assert_eq!(false_failures(&sim, &nodes, Some(victim)), 0);
    sim.now().since(at)
}

fn mean(times: &[Duration]) -> f64 {
    times.iter().map(Duration::as_secs_f64).sum::<f64>() / times.len() as f64
}

/// 0.2 s until somebody probes it, 0.2 s for the probe, 6 × 0.2 s × log10(128) to refute, and the
/// time of any news; now and then, nobody probes it for some intervals.
#[test]
fn a_silent_host_is_known_by_all_within_three_seconds_and_a_half() {
    let times = every_seed(40, |seed| known_after(seed, Sim::power_off));
    println!("{times:?}");
    assert!(is_alone(times.len()) || mean(&times) < 3.5, "{times:?}");
    assert!(times.iter().all(|time| *time < seconds(5.0)), "{times:?}");
    assert!(times.iter().all(|time| *time > seconds(2.5)), "it had the time to refute: {times:?}");
}

/// 0.1 s until somebody sends to it in the mean, and 20 ms × log10(128) to come back, twice over.
#[test]
fn the_end_of_a_process_is_mostly_known_by_all_within_a_quarter_of_a_second() {
    let times = every_seed(40, |seed| known_after(seed, Sim::crash));
    println!("{times:?}");
    assert!(is_alone(times.len()) || share_within(&times, seconds(0.25)) >= 0.5, "{times:?}");
    assert!(is_alone(times.len()) || mean(&times) < 0.4, "{times:?}");
}

/// Half of all stand still half of the time, for longer than a probe may take.
#[test]
fn half_a_cluster_that_stalls_half_of_the_time_fails_nobody() {
    every_seed(2, |seed| {
        let (mut sim, nodes) = cluster(seed);
        for _ in 0..10 {
            nodes.iter().step_by(2).for_each(|node| sim.block(*node));
            sim.run_for(seconds(0.5));
            nodes.iter().step_by(2).for_each(|node| sim.resume(*node));
            sim.run_for(seconds(0.5));
        }
        sim.run_for(seconds(10.0));
        assert_eq!(false_failures(&sim, &nodes, None), 0);
        assert!(nodes.iter().any(|node| sim.stats(*node).probes_failed > 0), "none was slow");
    });
}
