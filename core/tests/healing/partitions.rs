//! A cut heals by itself, however long it lasted, and costs little while it lasts.

use std::time::Duration;

use chinwag::config::Protocol;
use chinwag::sim::{NodeId, Sim};
use chinwag::{EventKind, MemberState};

use crate::shared::{every_seed, is_alone, seconds, share_within, together, told};

/// How long after the end of a cut of `cut` seconds all see all again.
fn healed_after(sim: &mut Sim, nodes: &[NodeId], left: usize, cut: f64) -> Duration {
    let (left, right) = nodes.split_at(left);
    sim.network().partition(left, right);
    sim.run_for(seconds(cut));
    sim.network().heal();
    let at = sim.now();
    assert!(sim.run_until(seconds(60.0), Sim::all_see_all), "the cut of {cut} s did not heal");
    sim.now().since(at)
}

fn heal_times(seeds: u64, size: usize, left: usize, cut: f64) -> Vec<Duration> {
    let mut times = every_seed(seeds, |seed| {
        let mut sim = Sim::new(seed);
        // A join of a hundred takes longer than all that follows, and is not asked about here.
        let nodes = match size < 100 {
            true => together(&mut sim, size),
            false => sim.start_cluster(size),
        };
        healed_after(&mut sim, &nodes, left, cut)
    });
    times.sort();
    println!(
        "{left}|{} cut for {cut} s: median {:?}, 95 % {:?}, longest {:?}",
        size - left,
        times[times.len() / 2],
        times[times.len() * 95 / 100],
        times[times.len() - 1],
    );
    times
}

fn assert_heals(seeds: u64, size: usize, left: usize, cut: f64, usual: f64, longest: f64) {
    let times = heal_times(seeds, size, left, cut);
    assert_eq!(share_within(&times, seconds(longest)), 1.0, "{left} of {size}, {cut} s: {times:?}");
    let usually = share_within(&times, seconds(usual));
    assert!(is_alone(times.len()) || usually >= 0.95, "{left} of {size}, {cut} s: {times:?}");
}

/// Serf with its own reconnecting: 1.8 to 22 s. Bare memberlist: never.
#[test]
fn a_long_cut_of_five_heals() {
    for cut in [60.0, 180.0] {
        assert_heals(100, 5, 2, cut, 10.0, 20.0);
    }
}

#[test]
fn a_cut_of_an_hour_heals() {
    assert_heals(20, 5, 2, 3600.0, 10.0, 20.0);
}

#[test]
fn a_long_cut_of_ten_and_of_two_heals() {
    assert_heals(40, 10, 5, 60.0, 10.0, 20.0);
    assert_heals(40, 10, 5, 180.0, 10.0, 20.0);
    assert_heals(40, 2, 1, 180.0, 10.0, 20.0);
}

#[cfg(not(debug_assertions))]
#[test]
fn a_long_cut_of_a_hundred_heals() {
    for cut in [60.0, 180.0] {
        assert_heals(5, 100, 50, cut, 10.0, 20.0);
    }
    assert_heals(1, 100, 50, 3600.0, 10.0, 20.0);
}

#[test]
fn a_short_cut_heals_at_once() {
    for cut in [10.0, 20.0, 30.0] {
        assert_heals(100, 5, 2, cut, 5.0, 20.0);
        assert_heals(40, 10, 5, cut, 5.0, 20.0);
    }
}

#[cfg(not(debug_assertions))]
#[test]
fn a_short_cut_of_a_hundred_heals_at_once() {
    for cut in [10.0, 20.0, 30.0] {
        assert_heals(5, 100, 50, cut, 5.0, 20.0);
    }
}

/// What memberlist does, and what these tests would see.
#[test]
fn without_redialling_a_long_cut_stays() {
    every_seed(5, |seed| {
        let protocol = Protocol { reconnect_interval: Duration::ZERO, ..Protocol::default() };
        let mut sim = Sim::with_protocol(seed, protocol);
        let nodes = together(&mut sim, 5);
        sim.network().partition(&nodes[..2], &nodes[2..]);
        sim.run_for(seconds(90.0));
        sim.network().heal();
        assert!(!sim.run_until(seconds(150.0), Sim::all_see_all));
    });
}

/// Whoever said goodbye is not looked for, and whoever was looked for in vain is let go.
#[test]
fn who_left_is_not_redialled_and_who_is_gone_not_for_ever() {
    every_seed(10, |seed| {
        let protocol = Protocol { reconnect_timeout: seconds(120.0), ..Protocol::default() };
        let mut sim = Sim::with_protocol(seed, protocol);
        let nodes = together(&mut sim, 4);
        let leave = sim.leave(nodes[3], seconds(5.0));
        assert!(sim.run_until(seconds(5.0), |sim| sim.reply(nodes[3], leave).is_some()));
        sim.crash(nodes[3]);
        sim.run_for(seconds(60.0));
        let redials = |sim: &Sim| nodes.iter().map(|n| sim.stats(*n).redials).sum::<u64>();
        assert_eq!(redials(&sim), 0, "a departed member was looked for");
        sim.crash(nodes[2]);
        sim.run_for(seconds(100.0));
        let once = redials(&sim);
        assert!(once >= 20, "{once} attempts in 100 s");
        sim.run_for(seconds(60.0));
        let all = redials(&sim);
        sim.run_for(seconds(60.0));
        assert_eq!(redials(&sim), all, "it is looked for longer than told");
    });
}

/// A lost member that restarts under its name elsewhere, with nobody to join, is found by nobody;
/// but who comes back at its address without seeds is.
#[test]
fn who_comes_back_without_seeds_is_found() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        sim.crash(nodes[4]);
        sim.run_for(seconds(100.0));
        assert_eq!(sim.view(nodes[0], nodes[4]), None, "it has not been forgotten");
        sim.restart(nodes[4]);
        assert!(sim.run_until(seconds(15.0), Sim::all_see_all));
    });
}

/// Asking costs less than a tenth of what probing does, though half of the cluster is gone.
#[cfg(not(debug_assertions))]
#[test]
fn half_of_a_thousand_gone_for_good_cost_little() {
    let protocol = Protocol { compression: false, ..Protocol::default() };
    let mut sim = Sim::with_protocol(1, protocol);
    let nodes = sim.start_cluster(1000);
    for &node in &nodes[500..] {
        sim.crash(node);
    }
    sim.run_for(seconds(240.0));
    let alive = &nodes[..500];
    let redials = |sim: &Sim| alive.iter().map(|n| sim.stats(*n).redials).sum::<u64>();
    let (asked, sent) = (redials(&sim), sim.packets());
    sim.run_for(seconds(60.0));
    let (asked, sent) = (redials(&sim) - asked, sim.packets() - sent);
    println!("500 of 1000 gone: {asked} attempts in a minute, of {sent} packets");
    assert!((60..1200).contains(&asked), "{asked} attempts in a minute");
    assert!(sent / 500 < 150, "{sent} packets in a minute");
}

/// A member that hears but is not heard, and one that is heard but does not hear.
#[test]
fn a_cut_of_one_direction_heals() {
    let times = every_seed(100, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        for &other in &nodes[1..] {
            match seed % 2 {
                0 => sim.network().cut(nodes[0], other),
                _ => sim.network().cut(other, nodes[0]),
            }
        }
        sim.run_for(seconds([60.0, 120.0][(seed / 2 % 2) as usize]));
        sim.network().heal();
        let at = sim.now();
        assert!(sim.run_until(seconds(60.0), Sim::all_see_all), "it did not heal");
        sim.now().since(at)
    });
    assert_eq!(share_within(&times, seconds(20.0)), 1.0, "{times:?}");
    assert!(is_alone(times.len()) || share_within(&times, seconds(10.0)) >= 0.95, "{times:?}");
}

/// Within a side, nobody is taken for failed; and across, everybody is.
#[test]
fn a_cut_fails_nobody_on_the_same_side() {
    every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        let (left, right) = nodes.split_at(2);
        let at = sim.now();
        sim.network().partition(left, right);
        sim.run_for(seconds(60.0));
        let failed = |kind: &EventKind| matches!(kind, EventKind::MemberFailed(_));
        for &node in &nodes {
            let (own, other) = if left.contains(&node) { (left, right) } else { (right, left) };
            assert_eq!(told(&sim, own, node, at, failed).len(), 0);
            let times = told(&sim, other, node, at, failed);
            assert_eq!(times.len(), other.len(), "failed across the cut");
            assert!(times.iter().all(|time| *time < seconds(40.0)), "{times:?}");
            assert_eq!(sim.believers(node, MemberState::Alive), own.len() - 1);
        }
    });
}

/// What one side believed of the other comes over with the repair, when it is no longer true: the
/// other side does not take it for news about its own.
#[test]
fn the_end_of_a_cut_fails_nobody_on_the_same_side() {
    for profile in ["local", "lan"] {
        every_seed(200, |seed| {
            let mut sim = Sim::with_protocol(seed, Protocol::profile(profile));
            let nodes = together(&mut sim, 5);
            let (left, right) = nodes.split_at(2);
            let at = sim.now();
            sim.network().partition(left, right);
            // Up to 22 s: deaths are told for a few seconds, and some cuts end within those.
            sim.run_for(seconds(2.0 + (seed % 100) as f64 / 5.0));
            sim.network().heal();
            assert!(sim.run_until(seconds(60.0), Sim::all_see_all), "it did not heal");
            sim.run_for(seconds(5.0));
            let failed = |kind: &EventKind| matches!(kind, EventKind::MemberFailed(_));
            for &node in &nodes {
                let own = if left.contains(&node) { left } else { right };
                let wrong = told(&sim, own, node, at, failed);
                assert!(wrong.is_empty(), "{profile}: {} failed: {wrong:?}", sim.name(node));
            }
        });
    }
}

/// A node that doubts itself waits for each of the dead for up to eight seconds. Whoever it
/// suspects wrongly meanwhile hears of it all the same, and is not given up before its turn comes.
#[test]
fn who_is_suspected_wrongly_hears_of_it_before_its_turn_to_be_probed() {
    let times = every_seed(100, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 8);
        let (here, gone) = nodes.split_at(2);
        for &node in gone {
            // With its host, so that nothing refuses.
            sim.power_off(node);
        }
        sim.network().partition(&here[..1], &here[1..]);
        sim.run_for(seconds(8.0 + seed as f64 / 10.0));
        sim.network().heal();
        let at = sim.now();
        let seen = |sim: &Sim| here.iter().all(|one| sim.believers(*one, MemberState::Alive) == 1);
        assert!(sim.run_until(seconds(60.0), seen), "the two do not see each other");
        sim.now().since(at)
    });
    assert_eq!(share_within(&times, seconds(5.0)), 1.0, "{times:?}");
}
