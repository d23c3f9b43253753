//! Members that have different rings find out. `SEED=0x2a` replays one seed.

use std::time::Duration;

use chinwag::config::RingSettings;
use chinwag::engine::Request;
use chinwag::event::WarningCode;
use chinwag::ring::{Overrides, Ring, RingChange, RingNode};
use chinwag::sim::{NodeId, Sim};
use chinwag::{Config, EventKind, Tags};

use crate::shared::{every_seed, together};

/// Five nodes that see each other and have that ring.
fn placed(seed: u64, ring: &Ring) -> (Sim, Vec<NodeId>) {
    let mut sim = Sim::new(seed);
    let nodes = together(&mut sim, 5);
    for &node in &nodes {
        place(&mut sim, node, ring);
    }
    (sim, nodes)
}

fn place(sim: &mut Sim, node: NodeId, ring: &Ring) {
    let change = RingChange::new(ring, ring);
    sim.request(node, Request::Placed(Box::new(change)));
}

/// About whom a node was warned.
fn warned(sim: &Sim, node: NodeId) -> Vec<String> {
    let about = |kind: &EventKind| match kind {
        EventKind::Warning(w) if w.code == WarningCode::RingMismatch => Some(w.subject.clone()),
        _ => None,
    };
    sim.log(node).iter().filter_map(|(_, kind)| about(kind)).collect()
}

fn rings() -> (Ring, Ring) {
    let five = ["n0", "n1", "n2", "n3", "n4"];
    let ring = Ring::new(five).expect("a ring");
    let other = ring.to_builder().exclude("n3").build().expect("a ring");
    (ring, other)
}

fn settings() -> RingSettings {
    Config::new().settings().expect("no contradiction").ring
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_ring_is_of_those_that_the_node_sees_and_is_counted() {
    let mut sim = Sim::new(1);
    let nodes = together(&mut sim, 3);
    let (first, odd) = sim.ring(nodes[0], &settings(), None).expect("a ring");
    assert_eq!((&first, first.version()), (&Ring::new(["n0", "n1", "n2"]).expect("a ring"), 1));
    assert!(odd.is_empty());
    let (same, _) = sim.ring(nodes[1], &settings(), Some(&first)).expect("a ring");
    assert_eq!((&same, same.version()), (&first, 1));

    sim.set_tags(nodes[1], &tags(&[("weight", "2"), ("zone", "z")]));
    sim.set_tags(nodes[2], &tags(&[("weight", "heavy")]));
    sim.run_for(Duration::from_secs(10));
    let by_hand = [RingNode::new("n0"), RingNode::new("n1").weight(2).zone("z"), "n2".into()];
    let pins = [(b"k".to_vec(), "n2".to_owned())].into();
    let overrides = Overrides { pins, ..Overrides::default() };
    sim.set_ring_overrides(nodes[2], &overrides).expect("it fits");
    sim.run_for(Duration::from_secs(1));
    let by_hand = Ring::builder().nodes(by_hand).overrides(overrides).build();
    let (next, odd) = sim.ring(nodes[0], &settings(), Some(&first)).expect("a ring");
    assert_eq!((&next, next.version()), (&by_hand.expect("a ring"), 2));
    let told = odd.iter().map(|warning| (warning.code, &*warning.subject));
    assert!(told.eq([(WarningCode::RingWeight, "n2")]), "{odd:?}");

    sim.crash(nodes[1]);
    assert!(sim.ring(nodes[1], &settings(), None).expect("a ring").0.is_empty());
}

/// Two parts decide without knowing of each other: once they meet, all have one and the same.
#[test]
fn of_what_two_parts_decide_all_take_one() {
    for seed in 0..20 {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 6);
        let excluding =
            |name: &str| Overrides { excluded: [name.to_owned()].into(), ..Overrides::default() };
        let sides = [&nodes[..3], &nodes[3..]];
        sim.network().partition(sides[0], sides[1]);
        for (side, name) in sides.iter().zip(["n0", "n5"]) {
            sim.set_ring_overrides(side[1], &excluding(name)).expect("it fits");
            sim.run_for(Duration::from_secs(10));
        }
        for (side, name) in sides.iter().zip(["n0", "n5"]) {
            for node in *side {
                assert_eq!(sim.ring_overrides(*node), excluding(name), "seed {seed}");
            }
        }
        sim.network().heal();
        sim.run_for(Duration::from_secs(120));
        for node in &nodes {
            assert_eq!(sim.ring_overrides(*node), excluding("n5"), "seed {seed}: the last one");
        }
        // Who decided leaves, and nothing is forgotten; deciding anew forgets both.
        sim.leave(nodes[4], Duration::from_secs(5));
        sim.run_for(Duration::from_secs(60));
        assert_eq!(sim.ring_overrides(nodes[0]), excluding("n5"), "seed {seed}");
        sim.set_ring_overrides(nodes[0], &Overrides::default()).expect("it fits");
        sim.run_for(Duration::from_secs(10));
        for node in nodes.iter().filter(|node| **node != nodes[4]) {
            assert_eq!(sim.ring_overrides(*node), Overrides::default(), "seed {seed}");
        }
    }
}

#[test]
fn a_lasting_difference_is_told_once_by_each() {
    every_seed(10, |seed| {
        let (ring, other) = rings();
        let (mut sim, nodes) = placed(seed, &ring);
        place(&mut sim, nodes[4], &other);
        sim.run_for(Duration::from_secs(120));
        for &node in &nodes[..4] {
            assert_eq!(warned(&sim, node), ["n4"], "node {node:?}");
            assert!(sim.stats(node).ring_mismatches > 1);
        }
        // It has the same to say of all others, and says it every ten seconds at most.
        let mut about = warned(&sim, nodes[4]);
        about.sort();
        about.dedup();
        assert!(!about.is_empty() && about.iter().all(|name| name != "n4"), "{about:?}");

        place(&mut sim, nodes[4], &ring);
        sim.run_for(Duration::from_secs(20));
        let before: Vec<u64> = nodes.iter().map(|n| sim.stats(*n).ring_mismatches).collect();
        sim.run_for(Duration::from_secs(60));
        let after: Vec<u64> = nodes.iter().map(|n| sim.stats(*n).ring_mismatches).collect();
        assert_eq!(before, after, "they agree again");
    });
}

#[test]
fn a_difference_that_passes_is_not_told() {
    every_seed(10, |seed| {
        let (ring, other) = rings();
        let (mut sim, nodes) = placed(seed, &ring);
        // Never the same for as long as it takes to settle.
        for round in 0..20 {
            sim.run_for(Duration::from_secs(5));
            place(&mut sim, nodes[4], if round % 2 == 0 { &other } else { &ring });
        }
        place(&mut sim, nodes[4], &ring);
        sim.run_for(Duration::from_secs(30));
        for &node in &nodes {
            assert_eq!(warned(&sim, node), Vec::<String>::new());
        }
    });
}

#[test]
fn who_has_no_ring_says_and_asks_nothing() {
    let (ring, other) = rings();
    let (mut sim, nodes) = placed(1, &ring);
    place(&mut sim, nodes[4], &other);
    sim.restart(nodes[4]);
    sim.join(nodes[4], &nodes[..1]);
    sim.run_for(Duration::from_secs(90));
    for &node in &nodes {
        assert_eq!(warned(&sim, node), Vec::<String>::new());
    }
}

/// What ends a payload is taken off before the user sees it, also beside what is known of
/// broadcasts.
#[test]
fn the_users_payload_comes_whole() {
    every_seed(5, |seed| {
        let (ring, _) = rings();
        let (mut sim, nodes) = placed(seed, &ring);
        sim.request(nodes[1], Request::SetPingPayload(b"load=3".to_vec()));
        sim.request(nodes[2], Request::Broadcast("news".into()));
        sim.run_for(Duration::from_secs(20));
        let id = sim.request(nodes[0], Request::RoundTrip("n1".to_owned()));
        sim.run_for(Duration::from_secs(1));
        let reply = sim.reply(nodes[0], id).expect("a reply").as_ref().expect("no error");
        let chinwag::engine::Reply::RoundTrip(trip) = reply else { panic!("{reply:?}") };
        assert_eq!(trip.payload, b"load=3");
    });
}
