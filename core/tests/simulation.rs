//! The protocol under virtual time and many seeds.
//!
//! `SEED=0x2a` replays one seed; `SEEDS=1000` widens the search. A failure prints its seed.
#![cfg(feature = "sim")]

mod shared;

use std::collections::BTreeMap;
use std::time::Duration;

use chinwag::config::Protocol;
use chinwag::sim::{Faults, NodeId, Sim};
use chinwag::time::Instant;
use chinwag::{ErrorKind, EventKind, MemberState};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use shared::{cluster, every_seed, is_alone, seconds, share_within, tags, together, told};

#[test]
fn three_nodes_see_each_other() {
    every_seed(200, |seed| {
        let mut sim = Sim::new(seed);
        cluster(&mut sim, 3);
        assert!(sim.run_until(seconds(2.0), Sim::all_see_all));
    });
}

#[test]
fn a_run_replays_exactly() {
    let run = |seed| {
        let mut sim = Sim::new(seed);
        let faults = Faults { loss: 0.2, duplication: 0.1, reordering: 0.2, ..Faults::default() };
        sim.network().set_faults(faults);
        let nodes = cluster(&mut sim, 12);
        sim.run_for(seconds(5.0));
        sim.crash(nodes[3]);
        sim.run_for(seconds(30.0));
        let logs: Vec<_> = nodes.iter().map(|node| sim.log(*node).to_vec()).collect();
        (sim.packets(), logs)
    };
    every_seed(10, |seed| assert_eq!(run(seed), run(seed)));
    assert_ne!(run(1).0, run(2).0, "the seed makes no difference");
}

/// Bounds: the backlog of a bulk join is one message a member, each sent `limit` times, three
/// packets of about sixteen messages a round: 4·⌈log10(101)⌉·100 / 48 rounds of 0.2 s = 5 s. What
/// gossip misses (SWIM: a share of N^-(2λ-2)), the next exchange of states brings: every node
/// begins one within 30 s·(⌈log2 100⌉-5+1) = 90 s.
#[test]
fn a_hundred_nodes_converge() {
    let times = every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        together(&mut sim, 100);
        sim.now().since(Instant::default())
    });
    let all = share_within(&times, seconds(90.0));
    assert_eq!(all, 1.0, "{times:?}");
    assert!(is_alone(times.len()) || share_within(&times, seconds(5.0)) >= 0.8, "{times:?}");
}

/// Bounds: with round-robin probes, the dead node is not probed for t periods with a probability
/// of about e^-t (SWIM §3.1: e/(e-1) periods in expectation), and giving up takes one more. The
/// suspicion lasts 4·log10(100) = 8 s once two others have confirmed it (Lifeguard §4.2), and the
/// verdict spreads like any news.
#[test]
fn a_lost_host_is_suspected_confirmed_and_known_by_all() {
    let times = every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = sim.start_cluster(100);
        let (victim, at) = (nodes[50], sim.now());
        sim.power_off(victim);
        let known = |sim: &Sim| sim.believers(victim, MemberState::Failed) == 99;
        assert!(sim.run_until(seconds(120.0), known), "not all learnt of it");
        let suspected =
            told(&sim, &nodes, victim, at, |kind| matches!(kind, EventKind::MemberSuspect(_)));
        let failed =
            told(&sim, &nodes, victim, at, |kind| matches!(kind, EventKind::MemberFailed(_)));
        assert_eq!(failed.len(), 99);
        (suspected[0], failed[0], failed[98])
    });
    for (suspected, failed, all) in &times {
        assert!((seconds(0.9)..seconds(13.0)).contains(suspected), "{suspected:?}");
        let lasted = failed.saturating_sub(*suspected);
        assert!((seconds(7.9)..seconds(12.0)).contains(&lasted), "suspicion of {lasted:?}");
        assert!(all.saturating_sub(*failed) < seconds(2.0), "{failed:?} to {all:?}");
    }
    let mean = times.iter().map(|t| t.0.as_secs_f64()).sum::<f64>() / times.len() as f64;
    assert!(is_alone(times.len()) || (1.2..2.8).contains(&mean), "mean first suspicion {mean} s");
}

/// Bound: news is sent at once by everybody who hears it, then at four ticks; 99 % know within
/// two ticks, and what gossip misses comes with an exchange of states.
#[test]
fn a_change_reaches_all() {
    let times: Vec<Duration> = every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = sim.start_cluster(100);
        sim.run_for(seconds(30.0));
        let at = sim.now();
        let before = sim.packets();
        sim.set_tags(nodes[7], &tags(&[("role", "changed")]));
        let heard = |sim: &Sim| {
            told(sim, &nodes, nodes[7], at, |k| matches!(k, EventKind::MemberUpdate { .. })).len()
        };
        assert!(sim.run_until(seconds(120.0), |sim| heard(sim) == 99));
        // Two packets a second for probes aside, no more than the budget of twelve a node.
        let span = sim.now().since(at).as_secs_f64();
        let spent = (sim.packets() - before) as f64 / 100.0 - 2.1 * span;
        assert!(spent <= 13.0, "{spent} packets a node");
        told(&sim, &nodes, nodes[7], at, |kind| matches!(kind, EventKind::MemberUpdate { .. }))
    })
    .concat();
    assert!(share_within(&times, seconds(0.020)) > 0.9, "news is not passed on at once");
    assert!(share_within(&times, seconds(0.450)) > 0.99);
}

#[test]
fn a_leave_is_a_leave_everywhere_and_never_a_failure() {
    every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 20);
        let (leaver, at) = (nodes[4], sim.now());
        let request = sim.leave(leaver, seconds(5.0));
        assert!(sim.run_until(seconds(5.0), |sim| sim.reply(leaver, request).is_some()));
        assert!(matches!(sim.reply(leaver, request), Some(Ok(_))));
        sim.crash(leaver);
        sim.run_for(seconds(60.0));
        let left = told(&sim, &nodes, leaver, at, |k| matches!(k, EventKind::MemberLeave(_)));
        let failed = told(&sim, &nodes, leaver, at, |k| matches!(k, EventKind::MemberFailed(_)));
        assert_eq!((left.len(), failed.len()), (19, 0));
    });
}

/// The few transmissions of the local profile would miss somebody in such a cluster now and then.
#[test]
fn everybody_in_a_small_cluster_hears_a_leave_at_once() {
    every_seed(200, |seed| {
        let mut sim = Sim::with_protocol(seed, Protocol::profile("local"));
        let nodes = together(&mut sim, 2 + (seed % 8) as usize);
        let (leaver, others) = nodes.split_last().expect("there are some");
        let at = sim.now();
        let request = sim.leave(*leaver, seconds(5.0));
        assert!(sim.run_until(seconds(5.0), |sim| sim.reply(*leaver, request).is_some()));
        sim.crash(*leaver);
        sim.run_for(seconds(0.1));
        let left = told(&sim, others, *leaver, at, |k| matches!(k, EventKind::MemberLeave(_)));
        assert_eq!(left.len(), others.len(), "of {}", nodes.len());
    });
}

#[test]
fn who_missed_a_leave_is_told_instead_of_taking_it_for_a_failure() {
    every_seed(60, |seed| {
        let mut sim = Sim::with_protocol(seed, Protocol::profile("local"));
        let nodes = together(&mut sim, 6);
        let (leaver, deaf, at) = (nodes[5], nodes[4], sim.now());
        sim.network().block_datagrams_to(deaf);
        sim.leave(leaver, seconds(5.0));
        sim.run_for(seconds(0.7));
        sim.network().heal();
        sim.crash(leaver);
        let known = |sim: &Sim| sim.believers(leaver, MemberState::Left) == 5;
        assert!(sim.run_until(seconds(20.0), known), "it was never told");
        let failed = told(&sim, &nodes, leaver, at, |k| matches!(k, EventKind::MemberFailed(_)));
        assert_eq!(failed.len(), 0, "it was taken for a failure");
        assert!(sim.view(deaf, nodes[0]).is_some_and(|member| member.state().is_present()));
    });
}

/// The peer that is being joined must not take the leave for a failure, whoever was faster.
#[test]
fn a_leave_in_the_middle_of_a_join_is_still_a_leave() {
    every_seed(100, |seed| {
        let mut sim = Sim::new(seed);
        let (a, b) = (sim.start("a"), sim.start("b"));
        sim.join(b, &[a]);
        sim.run_for(Duration::from_micros(seed * 30));
        let first = sim.leave(b, seconds(5.0));
        let second = sim.leave(b, seconds(5.0));
        assert!(sim.run_until(seconds(6.0), |sim| sim.reply(b, second).is_some()));
        assert!(matches!(sim.reply(b, first), Some(Ok(_))), "the second leave did not wait");
        sim.crash(b);
        sim.run_for(seconds(30.0));
        let start = Instant::default();
        let joined = told(&sim, &[a], b, start, |k| matches!(k, EventKind::MemberJoin(_))).len();
        let left = told(&sim, &[a], b, start, |k| matches!(k, EventKind::MemberLeave(_))).len();
        assert_eq!(joined, left);
    });
}

#[test]
fn after_a_leave_a_node_can_join_again() {
    every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        let leave = sim.leave(nodes[1], seconds(5.0));
        assert!(sim.run_until(seconds(5.0), |sim| sim.reply(nodes[1], leave).is_some()));
        sim.run_for(seconds(2.0));
        sim.join(nodes[1], &nodes[..1]);
        assert!(sim.run_until(seconds(10.0), Sim::all_see_all));
    });
}

#[test]
fn a_paused_node_is_suspected_and_refutes() {
    every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 10);
        let (sleeper, at) = (nodes[2], sim.now());
        sim.pause(sleeper);
        let seen = |sim: &Sim| {
            !told(sim, &nodes, sleeper, at, |k| matches!(k, EventKind::MemberSuspect(_))).is_empty()
        };
        assert!(sim.run_until(seconds(20.0), seen));
        sim.resume(sleeper);
        assert!(sim.run_until(seconds(20.0), Sim::all_see_all));
        let failed = told(&sim, &nodes, sleeper, at, |k| matches!(k, EventKind::MemberFailed(_)));
        assert!(failed.is_empty(), "it was given up although it came back in time");
        assert!(sim.stats(sleeper).refutations > 0);
    });
}

#[test]
fn a_restarted_node_is_taken_back_under_its_old_name() {
    every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 8);
        // Raise the incarnation that the others remember.
        for change in 0..3 {
            sim.set_tags(nodes[3], &tags(&[("n", &change.to_string())]));
            sim.run_for(seconds(1.0));
        }
        sim.crash(nodes[3]);
        sim.run_for(seconds([0.5, 5.0, 20.0][(seed % 3) as usize]));
        sim.restart(nodes[3]);
        sim.join(nodes[3], &nodes[..1]);
        assert!(sim.run_until(seconds(60.0), Sim::all_see_all));
    });
}

#[test]
fn tcp_saves_a_node_whose_datagrams_are_lost() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        let at = sim.now();
        sim.network().block_datagrams_to(nodes[1]);
        sim.run_for(seconds(60.0));
        let suspected =
            told(&sim, &nodes, nodes[1], at, |k| matches!(k, EventKind::MemberSuspect(_)));
        assert!(suspected.is_empty());
        assert!(nodes.iter().map(|n| sim.stats(*n).probes_saved_by_tcp).sum::<u64>() > 0);
    });
}

#[test]
fn others_probe_for_a_node_that_cannot_reach_one() {
    every_seed(20, |seed| {
        let mut protocol = Protocol::profile("lan");
        protocol.tcp_pings = false;
        let mut sim = Sim::with_protocol(seed, protocol);
        let nodes = together(&mut sim, 5);
        let at = sim.now();
        sim.network().cut(nodes[0], nodes[1]);
        sim.network().cut(nodes[1], nodes[0]);
        sim.run_for(seconds(60.0));
        let failed = told(&sim, &nodes, nodes[1], at, |k| matches!(k, EventKind::MemberFailed(_)));
        assert!(failed.is_empty());
        assert_eq!(sim.stats(nodes[0]).probes_failed, 0);
    });
}

/// Whoever is given up wrongly hears of it, because news still goes to those who failed lately.
#[test]
fn after_a_short_cut_all_see_all_again() {
    every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 10);
        let (left, right) = nodes.split_at(4);
        sim.network().partition(left, right);
        sim.run_for(seconds(4.0));
        assert!(!sim.all_see_all(), "the cut was not even noticed");
        sim.network().heal();
        assert!(sim.run_until(seconds(60.0), Sim::all_see_all));
    });
}

#[test]
fn joins_report_what_went_wrong() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let (a, b, c) = (sim.start("a"), sim.start("b"), sim.start("c"));
        sim.crash(b);
        sim.network().cut(a, c);
        let request = sim.join(a, &[b, c, a]);
        assert!(sim.run_until(seconds(15.0), |sim| sim.reply(a, request).is_some()));
        let Some(Err(error)) = sim.reply(a, request) else { panic!("it joined nobody") };
        assert_eq!(error.kind(), ErrorKind::JoinFailed);
        let causes: BTreeMap<&str, &str> =
            error.attempts().iter().map(|t| (&*t.seed, &*t.cause)).collect();
        assert!(causes["a"].contains("itself"), "{causes:?}");
        assert!(causes["b"].contains("refused"), "{causes:?}");
        assert!(causes["c"].contains("did not answer within 10s"), "{causes:?}");
    });
}

/// Loss, duplication, reordering, pauses, crashes, restarts, changes and cuts, then calm: the
/// invariants hold at every step, and everybody who runs ends up seeing everybody who runs.
#[test]
fn chaos_then_calm_converges() {
    let suspicions = every_seed(60, |seed| {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0xc0ff_ee00);
        let mut sim = Sim::new(seed);
        let nodes = cluster(&mut sim, 12);
        sim.run_for(seconds(5.0));
        sim.network().set_faults(Faults {
            loss: rng.random_range(0.0..0.3),
            duplication: rng.random_range(0.0..0.3),
            reordering: rng.random_range(0.0..0.3),
            corruption: 0.0,
            delay_min: Duration::from_millis(1),
            delay_max: Duration::from_millis(rng.random_range(2..100)),
        });
        for _ in 0..40 {
            disturb(&mut sim, &nodes, &mut rng);
            sim.run_for(Duration::from_millis(rng.random_range(0..1500)));
        }
        calm(&mut sim, &nodes);
        assert!(sim.run_until(seconds(120.0), Sim::all_see_all), "no calm after the chaos");
        nodes.iter().map(|node| sim.stats(*node).suspicions).sum::<u64>()
    });
    assert!(suspicions.iter().sum::<u64>() > 0, "the chaos disturbed nobody");
}

fn disturb(sim: &mut Sim, nodes: &[NodeId], rng: &mut Xoshiro256PlusPlus) {
    let node = nodes[rng.random_range(0..nodes.len())];
    let other = nodes[rng.random_range(0..nodes.len())];
    let up = sim.running().contains(&node);
    match rng.random_range(0..8) {
        0 if up => sim.crash(node),
        1 if !up => {
            sim.restart(node);
            let seeds: Vec<NodeId> = nodes.iter().copied().filter(|n| *n != node).collect();
            sim.join(node, &seeds);
        }
        2 if up => sim.pause(node),
        3 => sim.resume(node),
        4 if up => drop(sim.set_tags(node, &tags(&[("n", &rng.random::<u32>().to_string())]))),
        5 => sim.network().cut(node, other),
        6 => sim.network().heal(),
        _ => {}
    }
}

/// Mends the network and brings everybody back, as an operator would.
fn calm(sim: &mut Sim, nodes: &[NodeId]) {
    sim.network().set_faults(Faults::default());
    sim.network().heal();
    for &node in nodes {
        if sim.running().contains(&node) {
            sim.resume(node);
        } else {
            sim.restart(node);
        }
    }
    for &node in nodes {
        sim.join(node, nodes);
    }
}

/// The size that the design asks for. Only with optimisation: `make sim`.
#[cfg(not(debug_assertions))]
#[test]
fn a_thousand_nodes_for_a_minute() {
    let started = std::time::Instant::now();
    // The coder is no part of the protocol's state, and would take most of the time.
    let protocol = Protocol { compression: false, ..Protocol::default() };
    let mut sim = Sim::with_protocol(1, protocol);
    cluster(&mut sim, 1000);
    sim.run_for(seconds(60.0));
    assert!(sim.all_see_all());
    let packets = sim.packets();
    println!("1000 nodes, 60 virtual seconds, {packets} packets: {:?}", started.elapsed());
}

/// A cluster that begins acquainted goes on as one that has joined: nobody is suspected, news
/// reaches all, and a death is noticed as after a join.
#[test]
fn an_acquainted_cluster_is_like_one_that_joined() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = sim.start_cluster(100);
        assert!(sim.all_see_all());
        sim.run_for(seconds(30.0));
        assert!(nodes.iter().all(|node| sim.log(*node).is_empty()), "nothing has happened");
        sim.set_tags(nodes[7], &tags(&[("a", "1")]));
        let heard = |sim: &Sim| {
            let tagged = |node: &NodeId| {
                sim.view(*node, nodes[7]).is_some_and(|member| member.tag("a").is_some())
            };
            nodes.iter().all(tagged)
        };
        assert!(sim.run_until(seconds(150.0), heard), "some never heard");
        sim.crash(nodes[50]);
        let known = |sim: &Sim| sim.believers(nodes[50], MemberState::Failed) == 99;
        assert!(sim.run_until(seconds(120.0), known), "not all learnt of it");
        sim.run_for(seconds(60.0));
        sim.restart(nodes[50]);
        sim.join(nodes[50], &nodes[..1]);
        let newcomer = sim.start("new");
        sim.join(newcomer, &nodes[..1]);
        assert!(sim.run_until(seconds(180.0), Sim::all_see_all), "they never all met again");
    });
}

/// A process whose messages stand still accuses while they do, as nobody seems to answer; one
/// that stands still itself finds the answers when it goes on.
#[test]
fn timers_run_while_messages_stand_still() {
    let accusations = |seed, block: fn(&mut Sim, NodeId)| {
        let mut sim = Sim::new(seed);
        let nodes = sim.start_cluster(10);
        sim.run_for(seconds(5.0));
        block(&mut sim, nodes[3]);
        sim.run_for(seconds(10.0));
        let accuses = |(_, kind): &&(Instant, EventKind)| {
            matches!(kind, EventKind::MemberSuspect(_) | EventKind::MemberFailed(_))
        };
        let count = sim.log(nodes[3]).iter().filter(accuses).count();
        sim.resume(nodes[3]);
        assert!(sim.run_until(seconds(90.0), Sim::all_see_all), "they did not make it up");
        count
    };
    every_seed(20, |seed| {
        assert!(accusations(seed, Sim::block) > 0);
        assert_eq!(accusations(seed, Sim::pause), 0);
    });
}
