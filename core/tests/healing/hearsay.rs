//! Members who know others as they no longer are, and nothing but others to tell them.

use std::net::SocketAddr;
use std::time::Duration;

use chinwag::config::Protocol;
use chinwag::sim::{NodeId, Sim};
use chinwag::time::Instant;
use chinwag::wire::{Message, Suspect};
use chinwag::{EventKind, MemberState};

use crate::names::announcement;
use crate::shared::{every_seed, seconds, tags, together, told};

fn incarnation(sim: &Sim, node: NodeId) -> u32 {
    sim.view(node, node).map_or(0, |member| member.incarnation())
}

fn accuse(sim: &mut Sim, target: NodeId, victim: NodeId, incarnation: u32, from: NodeId) {
    let (node, from) = (sim.name(victim).to_owned(), sim.name(from).to_owned());
    let mut bytes = Vec::new();
    Message::Suspect(Suspect { incarnation, node: &node, from: &from }).encode(&mut bytes);
    sim.inject(target, SocketAddr::from(([10, 9, 9, 9], 7946)), &bytes);
}

/// Whether `observer` has `subject` at that address.
fn is_at(sim: &Sim, observer: NodeId, subject: NodeId, addr: SocketAddr) -> bool {
    sim.view(observer, subject).is_some_and(|member| member.addr() == addr)
}

/// Without probes and exchanges of states, nothing else would bring what was missed.
#[test]
fn who_accuses_by_what_is_over_is_told_by_others() {
    let quiet = Protocol {
        probe_interval: Duration::from_secs(3_600),
        push_pull_interval: Duration::ZERO,
        ..Protocol::default()
    };
    every_seed(20, |seed| {
        let mut sim = Sim::with_protocol(seed, quiet.clone());
        let nodes = together(&mut sim, 3);
        let [accuser, other, victim] = nodes[..] else { unreachable!("three of them") };
        let before = incarnation(&sim, victim);
        for from in [other, victim] {
            sim.network().cut(from, accuser);
        }
        sim.set_tags(victim, &tags(&[("is", "new")]));
        sim.run_for(seconds(10.0));
        sim.network().heal();
        sim.run_for(seconds(60.0));
        let knows = |sim: &Sim, node| {
            sim.view(node, victim).is_some_and(|member| member.tag("is").is_some())
        };
        assert!(knows(&sim, other) && !knows(&sim, accuser), "the accuser has missed it");
        // The victim itself may be where the accuser does not look for it.
        sim.network().cut(victim, accuser);
        accuse(&mut sim, other, victim, before, accuser);
        sim.run_for(seconds(0.1));
        assert!(knows(&sim, accuser), "nobody told it");
    });
}

/// What is told of the one before it would seem to be about it, if it counted from one.
#[test]
fn who_joins_after_a_silent_namesake_is_louder() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        sim.count_from_one();
        let nodes = together(&mut sim, 4);
        let old = nodes[3];
        for _ in 0..5 {
            let known = incarnation(&sim, old);
            accuse(&mut sim, old, old, known, nodes[0]);
            sim.run_for(seconds(0.5));
        }
        let held = incarnation(&sim, old);
        assert!(held > 5, "{held}");
        sim.power_off(old);
        sim.run_for(seconds(0.1));
        let new = sim.start(sim.name(old).to_owned().as_str());
        let request = sim.join(new, &nodes[..1]);
        assert!(sim.run_until(seconds(10.0), |sim| sim.reply(new, request).is_some()));
        assert!(incarnation(&sim, new) > held, "{} after {held}", incarnation(&sim, new));
    });
}

/// That a name is its holder's was found out a while ago. Once the holder does not answer, whoever
/// else claims the name is looked into again, and not when the time for that finding is over.
#[test]
fn who_had_a_name_may_lose_it_once_others_doubt_that_it_is_there() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 4);
        let (observer, holder) = (nodes[0], nodes[3]);
        let name = sim.name(holder).to_owned();
        let rival = sim.start(&name);
        let claimed = sim.addr(rival);
        let claim = |sim: &mut Sim| {
            let bytes = announcement(&name, incarnation(sim, rival), claimed);
            sim.inject(observer, claimed, &bytes);
        };
        let start = sim.now();
        claim(&mut sim);
        let kept = |kind: &EventKind| matches!(kind, EventKind::MemberConflict { .. });
        let found = |sim: &Sim| !told(sim, &[observer], holder, start, kept).is_empty();
        assert!(sim.run_until(seconds(5.0), found), "the claim was not looked into");
        sim.run_for(seconds(6.0));
        sim.power_off(holder);
        let doubted = |sim: &Sim| {
            let known = sim.view(observer, holder);
            known.is_some_and(|member| member.state() == MemberState::Suspect)
        };
        assert!(sim.run_until(seconds(10.0), doubted), "nobody misses the holder");
        claim(&mut sim);
        let moved = |sim: &Sim| is_at(sim, observer, holder, claimed);
        assert!(sim.run_until(seconds(3.5), moved), "it did not move");
        let failed = |kind: &EventKind| matches!(kind, EventKind::MemberFailed(_));
        assert_eq!(told(&sim, &[observer], holder, Instant::default(), failed), []);
    });
}

/// Where a member was before it moved, what is told of it is old news, but only up to what it had
/// been there: it may go back.
#[test]
fn who_goes_back_to_where_it_was_is_taken_over_at_once() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        let (first, others) = (nodes[4], &nodes[..4]);
        sim.power_off(first);
        sim.run_for(seconds(0.5));
        let second = sim.start(sim.name(first).to_owned().as_str());
        sim.join(second, others);
        let at = |addr: SocketAddr| {
            move |sim: &Sim| others.iter().all(|node| is_at(sim, *node, first, addr))
        };
        let (there, back) = (sim.addr(second), sim.addr(first));
        assert!(sim.run_until(seconds(10.0), at(there)), "it was not taken over");
        // Longer than the pause between two looks into claims of one name.
        sim.run_for(seconds(6.0));
        sim.power_off(second);
        sim.restart(first);
        sim.join(first, others);
        assert!(sim.run_until(seconds(6.0), at(back)), "it was not taken over again");
        let failed = |kind: &EventKind| matches!(kind, EventKind::MemberFailed(_));
        assert_eq!(told(&sim, others, first, Instant::default(), failed), []);
    });
}
