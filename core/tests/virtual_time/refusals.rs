//! Processes that end while their hosts live on, and everything that looks like it and is not. In
//! virtual time.

use std::time::Duration;

use chinwag::config::Protocol;
use chinwag::engine::{Reply, Request};
use chinwag::sim::{Faults, NodeId, Sim};
use chinwag::{EventKind, MemberState};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::shared::{every_seed, is_alone, seconds, share_within, together, told};

fn is_failure(kind: &EventKind) -> bool {
    matches!(kind, EventKind::MemberFailed(_))
}

/// All failures that anybody told of.
fn failures(sim: &Sim, nodes: &[NodeId]) -> usize {
    let logs = nodes.iter().flat_map(|node| sim.log(*node));
    logs.filter(|(_, kind)| is_failure(kind)).count()
}

/// Members that were declared failed because they refused, as often as anybody did.
fn declared(sim: &Sim, nodes: &[NodeId]) -> u64 {
    nodes.iter().map(|node| sim.stats(*node).failures_refused).sum()
}

/// What kinds of things one observed of another.
fn observed(sim: &mut Sim, observer: NodeId, subject: NodeId) -> Vec<&'static str> {
    let id = sim.request(observer, Request::Explain(sim.name(subject).to_owned()));
    let Some(Ok(Reply::Explained(told))) = sim.reply(observer, id) else { panic!("at once") };
    told.observed.iter().map(|observed| observed.kind).collect()
}

/// How long after its end all others who heed refusals know that a process has ended.
fn crash_known_after(seed: u64, protocols: &[Protocol]) -> Duration {
    let mut sim = Sim::new(seed);
    let first = sim.start("n0");
    for (number, protocol) in protocols.iter().enumerate().skip(1) {
        sim.set_protocol(protocol.clone());
        let node = sim.start(&format!("n{number}"));
        sim.join(node, &[first]);
    }
    assert!(sim.run_until(seconds(120.0), Sim::all_see_all), "they never all met");
    let nodes = sim.running();
    sim.run_for(seconds(5.0) + Duration::from_millis(seed * 37 % 1000));
    let (victim, at) = (nodes[nodes.len() / 2], sim.now());
    sim.crash(victim);
    let nobody = protocols.iter().all(|protocol| protocol.refused_timeout.is_zero());
    let heeds = |node: &NodeId| nobody || !protocols[node.0].refused_timeout.is_zero();
    let known = |sim: &Sim| {
        let mut others = nodes.iter().filter(|node| **node != victim && heeds(node));
        let failed = |node: &NodeId| {
            sim.view(*node, victim).is_none_or(|member| member.state() == MemberState::Failed)
        };
        others.all(failed)
    };
    assert!(sim.run_until(seconds(60.0), known), "not all learnt of it");
    let taken = sim.now().since(at);
    let all = |sim: &Sim| sim.believers(victim, MemberState::Failed) == nodes.len() - 1;
    assert!(sim.run_until(seconds(60.0), all), "the others did not learn of it");
    assert_eq!(failures(&sim, &nodes), nodes.len() - 1, "nobody else failed");
    taken
}

fn mean(times: &[Duration]) -> f64 {
    times.iter().map(Duration::as_secs_f64).sum::<f64>() / times.len() as f64
}

/// Bounds: until somebody sends to it, as with any crash, one probe interval in the mean, and t of
/// them with a probability of at most e^-t. Then some round trips, the time in which it might come
/// back (0.1 s times log10 of the size), and the time of any news.
#[test]
fn the_end_of_a_process_is_known_by_all_within_about_a_second() {
    for (size, seeds) in [(5, 60), (32, 40), (128, 12)] {
        let all = vec![Protocol::profile("lan"); size];
        let times = every_seed(seeds, |seed| crash_known_after(seed, &all));
        let mean = mean(&times);
        println!("{size} members: mean {mean:.2} s, all {times:?}");
        assert!(is_alone(times.len()) || mean < 1.6, "{size} members: {mean} s, {times:?}");
        assert_eq!(share_within(&times, seconds(6.5)), 1.0, "{size} members: {times:?}");
        assert!(share_within(&times, seconds(0.1)) < 1.0, "nobody had the time to refute");
    }
}

/// Peers that know nothing of refusals go by silence, and confirm to nobody that they were refused.
#[test]
fn peers_that_know_nothing_of_it_learn_it_from_those_who_do() {
    let go = Protocol { refused_timeout: Duration::ZERO, ..Protocol::profile("lan") };
    let mixed = |size: usize, every: usize| -> Vec<Protocol> {
        let kind = |number| if number % every == 0 { Protocol::profile("lan") } else { go.clone() };
        (0..size).map(kind).collect()
    };
    let half = every_seed(40, |seed| crash_known_after(seed, &mixed(16, 2)));
    println!("half of 16: mean {:.2} s, all {half:?}", mean(&half));
    assert!(is_alone(half.len()) || mean(&half) < 3.0, "{half:?}");
    // Nobody else is refused, so nothing confirms what one sees.
    let one = every_seed(20, |seed| crash_known_after(seed, &mixed(6, 6)));
    println!("one of 6: mean {:.2} s, all {one:?}", mean(&one));
    assert!(one.iter().all(|time| *time > seconds(3.9)), "one alone decided: {one:?}");
}

#[test]
fn two_alone_go_by_silence() {
    let both = vec![Protocol::profile("lan"); 2];
    let times = every_seed(20, |seed| crash_known_after(seed, &both));
    assert!(times.iter().all(|time| *time > seconds(3.9)), "one alone decided: {times:?}");
}

/// A firewall that rejects what one node sends to another, while the other is stopped now and then
/// and packets are lost.
#[test]
fn a_firewall_in_front_of_one_observer_makes_nobody_fail() {
    every_seed(60, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 4 + (seed % 13) as usize);
        let (observer, subject) = (nodes[1], nodes[2]);
        sim.network().reject(observer, subject);
        // It is noted for those who ask, when the observer probes it for the first time.
        sim.run_for(seconds(20.0));
        let kinds = observed(&mut sim, observer, subject);
        assert!(kinds.contains(&"refused-here"), "{kinds:?}");
        let faults = Faults { loss: 0.05 * (seed % 3) as f64, ..Faults::default() };
        let stops = seed % 4 > 0;
        sim.network().set_faults(faults);
        for _ in 0..20 {
            sim.run_for(seconds(4.0));
            if stops {
                sim.pause(subject);
            }
            sim.run_for(seconds(2.0));
            sim.resume(subject);
        }
        assert!(sim.stats(observer).packets_refused > 0, "nothing was rejected");
        assert_eq!(declared(&sim, &nodes), 0);
        // Lifeguard itself errs now and then when a member is stopped so often.
        assert!(stops || failures(&sim, &nodes) == 0);
    });
}

/// A whole site behind such a firewall: its nodes are refused, and may ask nobody but each other.
/// What reaches the member by the others gives it the time to refute.
#[test]
fn a_firewall_in_front_of_half_of_a_cluster_makes_nobody_fail() {
    every_seed(60, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 6 + (seed % 20) as usize);
        let subject = nodes[nodes.len() - 1];
        for observer in &nodes[..nodes.len() / 2] {
            sim.network().reject(*observer, subject);
        }
        sim.run_for(seconds(120.0));
        assert_eq!(failures(&sim, &nodes), 0);
    });
}

/// Whoever can send to a node may forge ICMP. It must cost little and decide nothing.
#[test]
fn forged_refusals_make_nobody_fail_and_cost_little() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 8);
        sim.run_for(seconds(10.0));
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let calm = sim.packets();
        sim.run_for(seconds(20.0));
        let calm = sim.packets() - calm;
        sim.network().set_faults(Faults { loss: 0.1, ..Faults::default() });
        let attacked = sim.packets();
        for _ in 0..2000 {
            sim.run_for(Duration::from_millis(10));
            for &node in &nodes {
                let about = nodes[rng.random_range(0..nodes.len())];
                sim.forge_refusal(node, about);
            }
        }
        let attacked = sim.packets() - attacked;
        assert_eq!(failures(&sim, &nodes), 0);
        // Probes that a forged refusal hits ask three others at once, who ask and answer.
        assert!(attacked < 16 * calm, "{attacked} packets instead of {calm}");
    });
}

/// Everything at once, and a member that is merely stopped.
#[test]
fn neither_firewalls_nor_forgeries_nor_pauses_together_make_anybody_fail() {
    every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 10);
        let (observer, subject) = (nodes[1], nodes[2]);
        sim.network().reject(observer, subject);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        for round in 0..40 {
            match round % 4 {
                0 => sim.pause(subject),
                2 => sim.resume(subject),
                _ => {}
            }
            for _ in 0..50 {
                sim.run_for(Duration::from_millis(20));
                for &node in nodes.iter().filter(|node| **node != subject) {
                    if rng.random_bool(0.5) {
                        sim.forge_refusal(node, subject);
                    }
                }
            }
        }
        sim.resume(subject);
        assert_eq!(failures(&sim, &nodes), 0);
    });
}

/// A process that is replaced at once: whoever was refused in between asks once more.
#[test]
fn a_process_that_is_back_in_no_time_has_not_failed() {
    every_seed(60, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 8);
        sim.run_for(seconds(10.0) + Duration::from_millis(seed * 37 % 1000));
        let subject = nodes[5];
        sim.crash(subject);
        sim.run_for(Duration::from_millis(seed % 60));
        sim.restart(subject);
        // It finds the others late, and must not be taken for gone meanwhile.
        sim.run_for(Duration::from_millis(seed * 7 % 300));
        sim.join(subject, &nodes[..1]);
        assert!(sim.run_until(seconds(20.0), Sim::all_see_all), "it is not back");
        sim.run_for(seconds(30.0));
        assert_eq!(failures(&sim, &nodes), 0);
        assert!(sim.all_see_all());
    });
}

/// Restarts that take longer are failures, and returns.
#[test]
fn a_process_that_is_back_later_is_taken_back() {
    every_seed(60, |seed| {
        let mut sim = Sim::new(seed);
        if seed % 2 == 0 {
            sim.count_from_one();
        }
        let nodes = together(&mut sim, 8);
        sim.run_for(seconds(10.0));
        let (subject, at) = (nodes[5], sim.now());
        sim.crash(subject);
        sim.run_for(Duration::from_millis(100 + seed * 53 % 2000));
        sim.restart(subject);
        sim.join(subject, &nodes[..1]);
        assert!(sim.run_until(seconds(20.0), Sim::all_see_all), "it is not back");
        sim.run_for(seconds(30.0));
        assert!(sim.all_see_all());
        assert!(told(&sim, &nodes, subject, at, is_failure).len() < nodes.len());
    });
}

/// One crash is looked into by a few: it must not make everybody probe at the same time.
#[test]
fn a_crash_costs_a_bounded_number_of_packets() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = sim.start_cluster(128);
        sim.run_for(seconds(10.0));
        let before = sim.packets();
        sim.run_for(seconds(10.0));
        let calm = sim.packets() - before;
        sim.crash(nodes[64]);
        sim.run_for(seconds(10.0));
        let spent = sim.packets() - before - 2 * calm;
        // News, of which there are two, goes out 12 times a node.
        assert!(spent < 128 * 2 * 12 + 800, "{spent} packets");
        assert_eq!(failures(&sim, &nodes), 127);
    });
}

#[test]
fn a_refusal_is_explained() {
    let mut sim = Sim::new(1);
    let nodes = together(&mut sim, 6);
    sim.crash(nodes[5]);
    let failed = |sim: &Sim| sim.believers(nodes[5], MemberState::Failed) == 5;
    assert!(sim.run_until(seconds(10.0), failed));
    let mut tellers = 0;
    for &node in &nodes[..5] {
        let id = sim.request(node, Request::Explain("n5".to_owned()));
        let Some(Ok(Reply::Explained(told))) = sim.reply(node, id) else { panic!("at once") };
        let Some(refused) = told.observed.iter().find(|o| o.kind == "refused") else { continue };
        tellers += 1;
        assert!(refused.text.contains("over UDP and TCP, and n"), "{}", refused.text);
        let last = told.observed.last().expect("one at least");
        assert_eq!(last.kind, "failed", "{told:?}");
        assert_eq!(sim.stats(node).probes_refused, 1);
    }
    assert!(tellers > 0, "nobody was refused");
    assert!(declared(&sim, &nodes) > 0, "nobody decided");
}

/// The same in every way, but that nothing refuses.
#[test]
fn switched_off_it_goes_by_silence() {
    let off = Protocol { refused_timeout: Duration::ZERO, ..Protocol::profile("lan") };
    let times = every_seed(20, |seed| crash_known_after(seed, &vec![off.clone(); 8]));
    assert!(times.iter().all(|time| *time > seconds(3.9)), "{times:?}");
}
