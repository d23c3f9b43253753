//! Who has a name, when two addresses claim it.

use std::net::SocketAddr;

use chinwag::config::Protocol;
use chinwag::sim::{Faults, NodeId, Sim};
use chinwag::time::Instant;
use chinwag::wire::{Alive, Message, Vsn};
use chinwag::{EventKind, MemberState};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::shared::{every_seed, is_alone, seconds, share_within, together, told};

/// Everybody's address of the member called as `node` is.
fn addresses(sim: &Sim, observers: &[NodeId], node: NodeId) -> Vec<Option<SocketAddr>> {
    observers.iter().map(|id| sim.view(*id, node).map(|member| member.addr())).collect()
}

fn is_move(kind: &EventKind) -> bool {
    matches!(kind, EventKind::MemberMove { .. })
}

fn is_conflict(kind: &EventKind) -> bool {
    matches!(kind, EventKind::MemberConflict { .. })
}

/// As a container that is started again with another address.
#[test]
fn who_comes_back_elsewhere_is_taken_over_at_once() {
    every_seed(60, |seed| {
        let mut sim = Sim::new(seed);
        if seed % 2 == 0 {
            sim.count_from_one();
        }
        let nodes = together(&mut sim, 6);
        let (old, others) = (nodes[5], &nodes[..5]);
        let at = sim.now();
        if seed % 3 == 0 {
            // Its host is gone as well: nothing is refused there, packets just vanish.
            sim.power_off(old);
            sim.run_for(seconds([0.1, 1.5][(seed / 2 % 2) as usize]));
        } else {
            sim.crash(old);
            sim.run_for(seconds(0.1));
        }
        let new = sim.start(sim.name(old).to_owned().as_str());
        sim.join(new, others);
        let moved = |sim: &Sim| {
            addresses(sim, others, new).iter().all(|addr| *addr == Some(sim.addr(new)))
                && sim.all_see_all()
        };
        assert!(sim.run_until(seconds(6.0), moved), "it was not taken over");
        let failed = |kind: &EventKind| matches!(kind, EventKind::MemberFailed(_));
        assert_eq!(told(&sim, others, new, at, failed).len(), 0);
        assert_eq!(told(&sim, others, new, at, is_move).len(), others.len());
        assert_eq!(told(&sim, others, new, at, is_conflict).len(), 0);
        let (old_addr, new_addr) = (sim.addr(old), sim.addr(new));
        for (_, kind) in others.iter().flat_map(|node| sim.log(*node)) {
            if let EventKind::MemberMove { member, previous } = kind {
                assert_eq!((previous.addr(), member.addr()), (old_addr, new_addr));
            }
        }
        sim.run_for(seconds(60.0));
        assert!(moved(&sim), "it did not stay so");
    });
}

/// A probe of where it was says nothing about where it is.
#[test]
fn who_came_back_elsewhere_is_not_suspected_for_where_it_was() {
    let probed = every_seed(60, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 6);
        let (old, others) = (nodes[5], &nodes[..5]);
        // With its host, so that probes wait for an answer.
        sim.power_off(old);
        sim.run_for(seconds(0.1 + seed as f64 / 60.0));
        let new = sim.start(sim.name(old).to_owned().as_str());
        sim.join(new, others);
        let moved =
            |sim: &Sim| addresses(sim, others, new).iter().all(|addr| *addr == Some(sim.addr(new)));
        assert!(sim.run_until(seconds(10.0), moved), "it was not taken over");
        // What others had begun to tell of it is refuted within milliseconds.
        sim.run_for(seconds(0.1));
        let at = sim.now();
        sim.run_for(seconds(30.0));
        let suspected = |kind: &EventKind| matches!(kind, EventKind::MemberSuspect(_));
        assert_eq!(told(&sim, others, new, at, suspected).len(), 0, "it is there");
        told(&sim, others, new, Instant::default(), suspected).len()
    });
    assert!(is_alone(probed.len()) || probed.iter().sum::<usize>() > 0, "it was never probed");
}

/// Go's peers count from 1 at every start, so the new one is below what is told of the old one:
/// that it failed, or left, must not be believed of the new one.
#[test]
fn old_news_of_a_name_is_not_about_who_has_it_now() {
    every_seed(200, |seed| {
        let mut sim = Sim::with_protocol(seed, Protocol::profile("local"));
        sim.count_from_one();
        let nodes = together(&mut sim, 4);
        let (old, others) = (nodes[3], &nodes[..3]);
        let gone: fn(&EventKind) -> bool =
            |kind| matches!(kind, EventKind::MemberFailed(_) | EventKind::MemberLeave(_));
        let since = sim.now();
        match seed % 2 {
            0 => drop(sim.leave(old, seconds(5.0))),
            _ => sim.crash(old),
        }
        let heard = |sim: &Sim| !told(sim, others, old, since, gone).is_empty();
        assert!(sim.run_until(seconds(20.0), heard), "nobody noticed");
        sim.crash(old);
        let at = sim.now();
        let new = sim.start(sim.name(old).to_owned().as_str());
        sim.join(new, others);
        let back = |sim: &Sim| {
            addresses(sim, others, new).iter().all(|addr| *addr == Some(sim.addr(new)))
                && sim.all_see_all()
        };
        assert!(sim.run_until(seconds(10.0), back), "it was not taken over");
        let since_then = told(&sim, others, new, at, gone).len();
        let noticed = told(&sim, others, new, since, gone).len();
        assert!(noticed <= others.len(), "{noticed} times gone, {since_then} of them late");
    });
}

fn claim(sim: &mut Sim, targets: &[NodeId], name: &str, incarnation: u32, addr: SocketAddr) {
    let bytes = announcement(name, incarnation, addr);
    for &target in targets {
        sim.inject(target, addr, &bytes);
    }
}

pub(crate) fn announcement(name: &str, incarnation: u32, addr: SocketAddr) -> Vec<u8> {
    let SocketAddr::V4(v4) = addr else { unreachable!("simulated hosts have IPv4 addresses") };
    let octets = v4.ip().octets();
    let forged = Alive {
        incarnation,
        node: name,
        addr: &octets,
        port: v4.port(),
        meta: b"",
        vsn: Vsn::MEMBERLIST,
    };
    let mut bytes = Vec::new();
    Message::Alive(forged).encode(&mut bytes);
    bytes
}

/// Go's peers send news along with an answer, whoever has asked.
#[test]
fn a_refused_joiner_is_told_of_nobody() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        let (holder, other) = (nodes[2], nodes[3]);
        let namesake = sim.start(sim.name(holder).to_owned().as_str());
        let request = sim.join(namesake, &nodes[..2]);
        assert!(sim.run_until(seconds(15.0), |sim| sim.reply(namesake, request).is_some()));
        assert!(sim.reply(namesake, request).is_some_and(Result::is_err), "it joined");
        let (name, addr) = (sim.name(other).to_owned(), sim.addr(other));
        let news = announcement(&name, 100, addr);
        sim.inject(namesake, sim.addr(holder), &news);
        sim.run_for(seconds(60.0));
        assert_eq!((sim.log(namesake).len(), sim.members(namesake).len()), (1, 1));
        assert!(matches!(sim.log(namesake)[0].1, EventKind::Warning(_)), "why it did not join");
        // Once it is free to join, the same address is heard again.
        sim.crash(holder);
        let joined = |sim: &Sim| sim.members(namesake).len() == 5;
        let mut tries = 0..20;
        while !joined(&sim) {
            assert!(tries.next().is_some(), "it does not join");
            sim.join(namesake, &nodes[..2]);
            sim.run_for(seconds(5.0));
        }
        let news = announcement("new", 1, SocketAddr::from(([10, 7, 0, 9], 7946)));
        sim.inject(namesake, sim.addr(holder), &news);
        sim.run_for(seconds(0.1));
        assert!(sim.members(namesake).iter().any(|member| member.name() == "new"));
    });
}

/// Forged claims by the thousand, on a network that loses every fifth packet: the holder keeps its
/// name, and is not flooded in turn.
#[test]
fn who_answers_keeps_its_name_whatever_is_claimed() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        sim.network().set_faults(Faults { loss: 0.2, ..Faults::default() });
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (holder, others) = (nodes[4], &nodes[..4]);
        let (at, before) = (sim.now(), sim.packets());
        let name = sim.name(holder).to_owned();
        for _ in 0..6000 {
            let addr = SocketAddr::from(([10, 7, 0, rng.random_range(1..200)], 7946));
            let incarnation = rng.random_range(1..200_000_000);
            claim(&mut sim, others, &name, incarnation, addr);
            sim.run_for(seconds(0.01));
            let known = addresses(&sim, others, holder);
            assert_eq!(known, vec![Some(sim.addr(holder)); 4], "the name was taken");
        }
        let told = told(&sim, others, holder, at, is_conflict).len();
        assert!((4..=8).contains(&told), "a conflict was told of {told} times in a minute");
        let sent = sim.packets() - before;
        // Most of them for probes, and their repetition where packets are lost; 24,000 came in.
        assert!(sent < 2000, "{sent} packets in a minute");
        assert!(sim.stats(nodes[0]).conflicts > 0);
    });
}

/// Half of the runs as Go's peers, which count from 1 at every start, below what is held against
/// their earlier runs.
#[test]
fn a_mass_restart_leaves_nobody_unseen() {
    let times = every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        if seed % 2 == 0 {
            sim.count_from_one();
        }
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let nodes = together(&mut sim, 50);
        raise_and_fail(&mut sim, &nodes);
        let at = sim.now();
        for &node in &nodes {
            sim.crash(node);
            sim.run_for(seconds(0.05));
            sim.restart(node);
            let others: Vec<NodeId> =
                sim.running().into_iter().filter(|other| *other != node).collect();
            let seeds: Vec<NodeId> =
                (0..3).map(|_| others[rng.random_range(0..others.len())]).collect();
            sim.join(node, &seeds);
            sim.run_for(seconds(0.05));
        }
        let last = sim.now();
        assert_eq!(last.since(at), seconds(5.0));
        assert!(sim.run_until(seconds(90.0), Sim::all_see_all), "somebody stays unseen");
        sim.now().since(last)
    });
    println!("50 restarted within 5 s, full view after {:?}", times.iter().max());
    // What gossip misses of such a crowd, the next exchange of states brings.
    assert!(is_alone(times.len()) || share_within(&times, seconds(15.0)) >= 0.98, "{times:?}");
}

/// Incarnations are raised, and every fifth node has failed or is suspect everywhere.
fn raise_and_fail(sim: &mut Sim, nodes: &[NodeId]) {
    for round in 0..4 {
        for &node in nodes {
            sim.set_tags(node, &crate::shared::tags(&[("round", &format!("{round}"))]));
        }
        sim.run_for(seconds(1.0));
    }
    for &node in nodes.iter().step_by(5) {
        sim.crash(node);
    }
    let first = nodes[0];
    let most = sim.running().len() * 7 / 8;
    let failed = |sim: &Sim| sim.believers(first, MemberState::Failed) > most;
    assert!(sim.run_until(seconds(60.0), failed), "the crash was not noticed");
}

/// A Go peer that is alone in having been restarted, and that is told so by one packet.
#[test]
fn who_counts_from_one_again_is_told_what_is_held_against_it() {
    every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        sim.count_from_one();
        let nodes = together(&mut sim, 5);
        raise_and_fail(&mut sim, &nodes);
        // Whoever has just told it that it is suspected keeps a pause of two probe intervals.
        sim.run_for(seconds(2.5));
        sim.restart(nodes[0]);
        // Not by a join, whose answer would tell it as well: one announcement, as by gossip.
        let (name, addr) = (sim.name(nodes[0]).to_owned(), sim.addr(nodes[0]));
        claim(&mut sim, &nodes[1..2], &name, 1, addr);
        assert!(sim.run_until(seconds(1.0), |sim| sim.stats(nodes[0]).refutations == 1));
    });
}
