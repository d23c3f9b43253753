//! Members that are half there, or come and go, and nodes that were stopped.

use std::collections::BTreeSet;

use chinwag::config::Protocol;
use chinwag::sim::{Faults, NodeId, Sim};
use chinwag::{EventKind, MemberState};

use crate::shared::{every_seed, seconds, together, told};

/// The warnings of that code that anybody told: by whom, and about whom.
fn warnings(sim: &Sim, nodes: &[NodeId], code: &str) -> Vec<(NodeId, String)> {
    let mut all = Vec::new();
    for &node in nodes {
        for (_, kind) in sim.log(node) {
            match kind {
                EventKind::Warning(warning) if warning.code.as_str() == code => {
                    all.push((node, warning.subject.clone()));
                }
                _ => {}
            }
        }
    }
    all
}

fn is_failed(kind: &EventKind) -> bool {
    matches!(kind, EventKind::MemberFailed(_))
}

fn failures(sim: &Sim, nodes: &[NodeId], subject: NodeId) -> usize {
    told(sim, nodes, subject, chinwag::time::Instant::default(), is_failed).len()
}

#[test]
fn a_member_whose_tcp_is_blocked_is_told_of() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        sim.run_for(seconds(60.0));
        assert_eq!(warnings(&sim, &nodes, "tcp-unreachable"), []);
        let (half, others) = (nodes[2], [nodes[0], nodes[1], nodes[3], nodes[4]]);
        sim.network().block_connections_to(half);
        let everybody = |sim: &Sim| warnings(sim, &others, "tcp-unreachable").len() >= 4;
        // A member is drawn for an exchange every 30 s, so it takes each a while to come upon it.
        assert!(sim.run_until(seconds(2400.0), everybody), "not all noticed");
        let all = warnings(&sim, &others, "tcp-unreachable");
        assert!(all.iter().all(|(_, about)| about == "n2"), "{all:?}");
        let by: BTreeSet<NodeId> = all.iter().map(|(node, _)| *node).collect();
        assert_eq!((all.len(), by.len()), (4, 4), "told once by each");
        assert_eq!(failures(&sim, &others, half), 0);
        // Again only after it was well in between.
        sim.run_for(seconds(300.0));
        assert_eq!(warnings(&sim, &others, "tcp-unreachable").len(), 4);
        sim.network().heal();
        sim.run_for(seconds(600.0));
        sim.network().block_connections_to(half);
        assert!(sim.run_until(seconds(2400.0), |sim| {
            warnings(sim, &others, "tcp-unreachable").len() >= 5
        }));
    });
}

#[test]
fn a_member_whose_udp_is_blocked_is_told_of() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        let (half, others) = (nodes[2], [nodes[0], nodes[1], nodes[3], nodes[4]]);
        sim.network().block_datagrams_to(half);
        sim.run_for(seconds(60.0));
        let all = warnings(&sim, &others, "udp-unreachable");
        let by: BTreeSet<NodeId> = all.iter().map(|(node, _)| *node).collect();
        assert_eq!((all.len(), by.len()), (4, 4), "told once by each: {all:?}");
        assert!(all.iter().all(|(_, about)| about == "n2"), "{all:?}");
        assert_eq!(failures(&sim, &others, half), 0);
    });
}

/// Serf's agents beside it: a member that comes and goes costs 8 failures and 4 joins in 2 minutes.
#[test]
fn a_member_that_comes_and_goes_is_given_up_more_slowly() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        let (flapper, others) = (nodes[4], &nodes[..4]);
        let mut rounds = 0;
        while warnings(&sim, others, "flapping").len() < 4 {
            rounds += 1;
            assert!(rounds < 8, "nobody noticed");
            sim.network().partition(&[flapper], others);
            let gone = |sim: &Sim| sim.believers(flapper, MemberState::Failed) == 4;
            assert!(sim.run_until(seconds(60.0), gone));
            sim.network().heal();
            assert!(sim.run_until(seconds(20.0), Sim::all_see_all));
        }
        assert!(rounds >= 3, "a few failures in a row are not flapping");
        assert!(warnings(&sim, others, "flapping").iter().all(|(_, about)| about == "n4"));
        // Its suspicions last twice as long now, and nobody else's.
        let span = |sim: &mut Sim, victim: NodeId| {
            let at = sim.now();
            sim.crash(victim);
            let gone = |sim: &Sim| sim.believers(victim, MemberState::Failed) > 2;
            assert!(sim.run_until(seconds(60.0), gone));
            let suspect = |kind: &EventKind| matches!(kind, EventKind::MemberSuspect(_));
            let first = told(sim, others, victim, at, suspect)[0];
            told(sim, others, victim, at, is_failed)[0].saturating_sub(first)
        };
        let flapping = span(&mut sim, flapper);
        assert!(flapping >= seconds(7.9), "{flapping:?}");
        // It may come back all the same, also after a farewell of its own.
        sim.restart(flapper);
        sim.join(flapper, others);
        assert!(sim.run_until(seconds(20.0), Sim::all_see_all));
        let leave = sim.leave(flapper, seconds(5.0));
        assert!(sim.run_until(seconds(5.0), |sim| sim.reply(flapper, leave).is_some()));
        sim.run_for(seconds(1.0));
        sim.join(flapper, others);
        assert!(sim.run_until(seconds(20.0), Sim::all_see_all));
        // With fewer to confirm it, a suspicion has its shortest time from the start.
        let calm = span(&mut sim, nodes[3]);
        assert!(calm < seconds(6.0), "{calm:?}");
    });
}

/// A farewell and a return while others are being looked for, and of one who had been given up.
#[test]
fn who_leaves_while_others_are_lost_can_join_again() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        sim.crash(nodes[4]);
        sim.network().partition(&nodes[..1], &nodes[1..]);
        sim.run_for(seconds(100.0));
        let leave = sim.leave(nodes[0], seconds(5.0));
        assert!(sim.run_until(seconds(6.0), |sim| sim.reply(nodes[0], leave).is_some()));
        sim.network().heal();
        let asked = sim.stats(nodes[0]).redials;
        sim.run_for(seconds(30.0));
        assert_eq!(sim.stats(nodes[0]).redials, asked, "it looks for others after its farewell");
        // The others take it for failed, as they did not hear the farewell: they ask for it, and it
        // tells that it has left.
        sim.join(nodes[0], &nodes[1..2]);
        assert!(sim.run_until(seconds(20.0), Sim::all_see_all), "it did not come back");
        sim.restart(nodes[4]);
        assert!(sim.run_until(seconds(20.0), Sim::all_see_all), "the lost one was not found");
    });
}

/// A score is forgiven in time.
#[test]
fn rare_failures_are_not_flapping() {
    every_seed(5, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 4);
        for _ in 0..6 {
            sim.network().partition(&nodes[3..], &nodes[..3]);
            let gone = |sim: &Sim| sim.believers(nodes[3], MemberState::Failed) == 3;
            assert!(sim.run_until(seconds(60.0), gone));
            sim.network().heal();
            sim.run_for(seconds(60.0));
        }
        assert_eq!(warnings(&sim, &nodes, "flapping"), []);
    });
}

/// Stopped for 10 s, long enough to be given up: it accuses nobody, and is back within a second.
#[test]
fn a_node_that_was_stopped_accuses_nobody_and_is_back_at_once() {
    let times = every_seed(100, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        let sleeper = nodes[1];
        sim.pause(sleeper);
        sim.run_for(seconds([5.0, 10.0, 30.0, 3600.0][(seed % 4) as usize]));
        sim.resume(sleeper);
        let at = sim.now();
        assert_eq!(sim.stats(sleeper).pauses, 1);
        assert!(sim.run_until(seconds(20.0), Sim::all_see_all), "it is not back");
        let back = sim.now().since(at);
        sim.run_for(seconds(20.0));
        let accusations = sim.log(sleeper).iter().filter(|(time, kind)| {
            *time >= at && matches!(kind, EventKind::MemberSuspect(_) | EventKind::MemberFailed(_))
        });
        assert_eq!(accusations.count(), 0, "it accused others");
        if seed % 4 == 0 {
            assert_eq!(failures(&sim, &nodes, sleeper), 0, "5 s are no failure");
        }
        back
    });
    assert!(times.iter().all(|back| *back <= seconds(10.0)), "{times:?}");
    let soon = times.iter().filter(|back| **back <= seconds(1.0)).count();
    println!(
        "stopped: {soon} of {} back within 1 s; {:?} at most",
        times.len(),
        times.iter().max()
    );
}

/// The others are really gone: it finds out, though a little later.
#[test]
fn a_node_that_was_stopped_finds_out_who_is_gone() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 4);
        sim.pause(nodes[0]);
        for &node in &nodes[1..] {
            sim.crash(node);
        }
        sim.run_for(seconds(20.0));
        sim.resume(nodes[0]);
        let alone = |sim: &Sim| {
            nodes[1..].iter().all(|node| sim.believers(*node, MemberState::Failed) == 1)
        };
        assert!(sim.run_until(seconds(120.0), alone));
    });
}

/// Serf, side by side: one node of five failed falsely within 5 minutes.
#[test]
fn a_fifth_of_all_packets_lost_fails_nobody() {
    every_seed(30, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, [5, 10, 20][(seed % 3) as usize]);
        sim.network().set_faults(Faults { loss: 0.2, ..Faults::default() });
        sim.run_for(seconds(300.0));
        let failed: usize = nodes.iter().map(|node| failures(&sim, &nodes, *node)).sum();
        assert_eq!(failed, 0, "false failures");
        sim.network().set_faults(Faults::default());
        assert!(sim.run_until(seconds(20.0), Sim::all_see_all));
    });
}

/// Late answers: 300 ms are nothing, 600 ms are more than a probe waits.
#[test]
fn late_packets_fail_nobody() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        let (min, max) = [(0.1, 0.2), (0.25, 0.35)][(seed % 2) as usize];
        let faults =
            Faults { delay_min: seconds(min), delay_max: seconds(max), ..Faults::default() };
        sim.network().set_faults(faults);
        sim.run_for(seconds(120.0));
        let failed: usize = nodes.iter().map(|node| failures(&sim, &nodes, *node)).sum();
        let suspected: u64 = nodes.iter().map(|node| sim.stats(*node).suspicions).sum();
        assert_eq!(failed, 0, "false failures");
        assert!(seed % 2 == 1 || suspected == 0, "{suspected} suspicions");
    });
}

/// Serf's case: three nodes of the local profile, one has left, one is killed. The one who left
/// cannot confirm anything, so nobody waits for it.
#[test]
fn who_has_left_does_not_slow_detection_down() {
    every_seed(40, |seed| {
        let mut sim = Sim::with_protocol(seed, Protocol::profile("local"));
        let nodes = together(&mut sim, 3);
        let leave = sim.leave(nodes[2], seconds(5.0));
        assert!(sim.run_until(seconds(5.0), |sim| sim.reply(nodes[2], leave).is_some()));
        sim.crash(nodes[2]);
        sim.crash(nodes[1]);
        let known = |sim: &Sim| sim.believers(nodes[1], MemberState::Failed) == 1;
        // At most 2 s until it is probed in vain, then a suspicion of 3 s.
        assert!(sim.run_until(seconds(6.0), known), "as slow as with three present");
    });
}
