//! Defects of other libraries, each with the test that such a library would fail.
//!
//! Reproduced in the study of rings and clocks:
//!
//! 1. libring: lists of owners end at the end of the ring:
//!    [`lists_of_owners_wrap_past_the_end`]
//! 2. npm consistent-hash: other owners in every process:
//!    [`the_default_is_even_and_the_same_everywhere`], and the shared vectors
//! 3. npm node-hashring: keys without an owner after a collision:
//!    [`points_at_one_place_leave_no_hole_whoever_came_first`]
//! 4. go-rendezvous: a removal panics: [`any_node_can_go_in_any_order`]
//! 5. hashring for Rust: one owner twice: [`lists_of_owners_wrap_past_the_end`]
//! 6. uhashring: three owners cost 370 look-ups: [`three_owners_are_those_that_are_kept`]; what
//!    they cost is counted by `make bench-ring`
//! 7. skeleton-rendezvous: a leave moves 73 times its part:
//!    [`of_a_thousand_nodes_one_takes_along_what_it_had`]
//! 8. Clusterluck's clock: no actor `constructor`: [`names_that_objects_are_born_with_are_actors`]
//! 9. Clusterluck's ring: the busiest has 3.6 shares:
//!    [`the_default_is_even_and_the_same_everywhere`]
//!
//! From issue trackers, where points that collide and the order of insertion come up again and
//! again:
//!
//! - ringpop-node 317, ringpop-go 196, libmemcached 41, carbon 196, uhashring 6, pekko 3279,
//!   pragmatica 1324, leofs 1078: [`points_at_one_place_leave_no_hole_whoever_came_first`]
//! - akka.net 8294, stuck after a collision: [`who_shares_places_can_go_and_come_back`]
//! - buraksezer/consistent 17, `node1` and 1 is `node11` and 0:
//!   [`a_name_and_a_number_are_not_another_name`]

use std::collections::BTreeSet;

use chinwag::clock::VectorClock;
use chinwag::ring::{Profile, Ring, RingChange, RingNode};

use super::laws::{named, ring};

/// libring, hashring for Rust: lists that end too early at the end of the ring, or name one twice.
#[test]
fn lists_of_owners_wrap_past_the_end() {
    for profile in [Profile::DEFAULT, Profile::Ketama, Profile::Clusterluck] {
        let nodes = named(10).into_iter().map(|node| node.weight(3));
        let ring = ring(profile, nodes);
        for key in 0..20_000 {
            let owners = ring.owners(key.to_string(), 3);
            assert_eq!(owners.iter().collect::<BTreeSet<_>>().len(), 3, "{profile:?}, {key}");
        }
    }
}

/// npm's node-hashring, ringpop, libmemcached, carbon: points that collide.
#[test]
fn points_at_one_place_leave_no_hole_whoever_came_first() {
    let nodes = || (0..3_000).map(|n| RingNode::new(format!("n{n}")));
    let one = ring(Profile::Ketama, nodes());
    let other = ring(Profile::Ketama, nodes().collect::<Vec<_>>().into_iter().rev());
    // 480,000 points on 2^32 places: some 27 collide.
    assert!(one.ranges().len() < 480_001);
    assert!(one.ranges() == other.ranges());
    for key in 0..2_000 {
        assert_eq!(one.owner(key.to_string()), other.owner(key.to_string()));
        assert!(one.owner(key.to_string()).is_some());
    }
}

/// buraksezer/consistent: `node1` and its copy 1 are not `node11` and its copy 0.
#[test]
fn a_name_and_a_number_are_not_another_name() {
    let ring = ring(Profile::DEFAULT, ["node1", "node11", "node111"].map(RingNode::new));
    for one in ring.balance() {
        assert!((one.share - one.ideal).abs() < 0.02, "{one:?}");
    }
}

/// dgryski/go-rendezvous, skeleton-rendezvous: removals that fail, or move everything.
#[test]
fn any_node_can_go_in_any_order() {
    let mut ring = ring(Profile::PURE, named(12));
    for name in ["node-5", "node-0", "node-11", "node-7"] {
        let less = ring.without(name).unwrap();
        assert!(RingChange::new(&ring, &less).slots().all(|moved| moved.from == Some(name)));
        ring = less;
    }
    assert_eq!(ring.len(), 8);
}

/// Clusterluck: a busiest node of 3.6 shares; npm's consistent-hash: other owners in each process.
#[test]
fn the_default_is_even_and_the_same_everywhere() {
    let ring = Ring::new((0..100).map(|n| format!("web-{n}"))).unwrap();
    assert!(ring.balance().iter().all(|one| one.share < 1.06 * one.ideal));
    let again = Ring::new((0..100).rev().map(|n| format!("web-{n}"))).unwrap();
    assert_eq!(ring.fingerprint(), again.fingerprint());
    assert!(ring.slots().eq(again.slots()));
}

/// akka.net: one of two whose points collide goes, and takes the other's point along.
#[test]
fn who_shares_places_can_go_and_come_back() {
    let nodes = || (0..3_000).map(|n| RingNode::new(format!("n{n}")));
    let all = ring(Profile::Ketama, nodes());
    let some = ring(Profile::Ketama, nodes().step_by(2));
    // Collisions that there are among all are gone with one of the two.
    assert!(all.ranges().len() < 480_001 && some.ranges().len() > all.ranges().len() / 2);
    let gone = nodes().skip(1).step_by(2);
    let less = gone.fold(all.to_builder(), |builder, node| builder.remove(&node.name));
    let less = less.build().unwrap();
    assert!(less.ranges() == some.ranges());
    let back = less.to_builder().nodes(nodes().skip(1).step_by(2)).build().unwrap();
    assert!(back == all && back.ranges() == all.ranges());
}

/// uhashring: a list of three owners is a search for each of them.
#[test]
fn three_owners_are_those_that_are_kept() {
    let ring = Ring::builder().profile(Profile::partitions(271)).nodes(named(50)).build().unwrap();
    for key in (0..500).map(|key| format!("key-{key}")) {
        let slot = ring.slot(&key).unwrap();
        assert!(ring.slot_owners(slot).eq(ring.owners(&key, 3)));
    }
}

/// skeleton-rendezvous: who goes moves keys of nodes that stay.
#[test]
fn of_a_thousand_nodes_one_takes_along_what_it_had() {
    let slots = 1 << 14;
    let all = ring(Profile::Slots { slots, slack: None }, named(1_000));
    for name in ["node-0", "node-500", "node-999"] {
        let change = RingChange::new(&all, &all.without(name).unwrap());
        let moved = change.slots().count();
        assert_eq!(moved, all.slots_of(name).count());
        assert!(change.slots().all(|moved| moved.from == Some(name)));
        assert!(moved < 3 * (slots as usize).div_ceil(1_000), "{moved} of {slots}");
    }
}

/// Clusterluck's clock: an object of JavaScript has these before anybody puts them there.
#[test]
fn names_that_objects_are_born_with_are_actors() {
    let mut clock = VectorClock::new();
    for name in ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf"] {
        assert!(!clock.has(name));
        clock.insert(name).unwrap();
        assert_eq!((clock.has(name), clock.count(name)), (true, 0));
        assert_eq!((clock.increment(name), clock.increment(name)), (Ok(1), Ok(2)));
    }
    assert_eq!(clock.len(), 5);
    assert_eq!(VectorClock::from_bytes(&clock.to_bytes()).map(|read| read == clock), Ok(true));
}
