//! What look-ups and clocks cost, in instructions of optimised code: the gate for what
//! `make bench-ring` and `make bench-clocks` show in nanoseconds. `make instructions`.
//!
//! Each test starts this program again under callgrind, to do `WORK` so many times. Of code that is
//! not optimised there is nothing to say, so the tests are not there then.
#![cfg(not(debug_assertions))]

mod callgrind;

use std::env;
use std::hint::black_box;
use std::process::Command;

use callgrind::instructions;
use chinwag::clock::VectorClock;
use chinwag::ring::{Profile, Ring};

/// What a started program shall do: what, of which size, how many rounds.
const WORK: &str = "CHINWAG_COUNTED";
/// Keys of a round; of clocks, ten times as many actors are gone over.
const TIMES: usize = 1_000;
/// G1 of the goals, for a key of 21 bytes; 47 of them are the hash.
const LOOK_UP: f64 = 60.0;
/// G3: several owners for the cost of one and a half.
const SEVERAL: f64 = 1.5;

/// Instructions of a change (G7) for each slot of a ring with 4,096: what was measured and a
/// tenth.
const CHANGES: [(&str, f64); 2] = [("join", 287.0), ("leave", 382.0)];
/// Slots of the rings that are counted. They make no difference to a look-up, and to a change not
/// for each of them, but all of it to the time that building takes.
const SLOTS: u32 = 4_096;

/// Instructions of one operation on clocks with so many actors: what was measured and a tenth.
const CLOCKS: [(&str, usize, f64); 12] = [
    ("increment", 10, 295.0),
    ("increment", 1000, 690.0),
    ("merge", 10, 265.0),
    ("merge", 1000, 14_100.0),
    ("compare", 10, 294.0),
    ("compare", 1000, 12_300.0),
    ("compare others", 10, 1_330.0),
    ("compare others", 1000, 23_700.0),
    ("encode", 10, 2_630.0),
    ("encode", 1000, 209_000.0),
    ("decode", 10, 6_330.0),
    ("decode", 1000, 398_000.0),
];

#[test]
fn a_look_up_takes_sixty_instructions_whatever_the_number_of_nodes() {
    for nodes in [3, 100, 10_000] {
        let one = counted("owner", nodes);
        println!("look-up with {nodes} nodes: {one:.1} of {LOOK_UP}");
        assert!(one <= LOOK_UP, "{one} instructions with {nodes} nodes, at most {LOOK_UP}");
        // Less than the hash of the key means that nothing was looked up.
        assert!(one >= 40.0, "{one} instructions with {nodes} nodes: not counted");
    }
}

#[test]
fn three_owners_cost_half_as_much_again_as_one() {
    for nodes in [3, 100] {
        let (one, three) = (counted("owner", nodes), counted("three owners", nodes));
        println!("three owners of {nodes} nodes: {three:.1}");
        assert!(three <= SEVERAL * one, "{three} instructions with {nodes} nodes, {one} for one");
    }
}

#[test]
fn a_change_costs_little_for_each_slot() {
    for (what, most) in CHANGES {
        let slot = counted(what, 100);
        println!("{what} of a pure ring of 100 nodes, for each slot: {slot:.1} of {most}");
        assert!(slot <= most, "{what}: {slot} instructions for each slot, at most {most}");
    }
}

/// What shows that the gate is one.
#[test]
fn a_look_up_that_hashes_its_key_twice_is_over_the_bound() {
    let slow = counted("slow owner", 100);
    assert!(slow > LOOK_UP, "{slow} instructions");
}

#[test]
fn clocks_cost_what_they_did() {
    let over = CLOCKS.iter().filter_map(|&(what, actors, most)| {
        let count = counted(what, actors);
        println!("{what} with {actors} actors: {count:.0} of {most:.0}");
        (count > most).then(|| format!("{what} with {actors} actors: {count}, at most {most}"))
    });
    assert_eq!(over.collect::<Vec<_>>(), Vec::<String>::new());
}

/// Instructions of doing `what` once, its loop included.
fn counted(what: &str, size: usize) -> f64 {
    let again = |rounds: usize| {
        let mut again = Command::new(env::current_exe().expect("this program"));
        again.args(["--exact", "what_is_counted", "--test-threads=1"]);
        again.env(WORK, format!("{what},{size},{rounds}"));
        again
    };
    instructions(again) / times(what, size) as f64
}

/// How often something is done in a round.
fn times(what: &str, size: usize) -> usize {
    match what {
        "owner" | "slow owner" | "three owners" => TIMES,
        "join" | "leave" => SLOTS as usize,
        _ => 10 * TIMES / size,
    }
}

/// Does nothing unless it is told to: it is what the others count.
#[test]
fn what_is_counted() {
    let Ok(work) = env::var(WORK) else { return };
    let mut parts = work.split(',');
    let what = parts.next().unwrap_or_default();
    let mut number = || parts.next().and_then(|text| text.parse().ok()).expect("a number");
    let (size, rounds): (usize, usize) = (number(), number());
    match what {
        "owner" | "slow owner" | "three owners" => look_up(what, size, rounds),
        "join" | "leave" => change(what, size, rounds),
        _ => count_events(what, size, rounds),
    }
}

fn ring(nodes: usize, slack: Option<u32>) -> Ring {
    let profile = Profile::Slots { slots: SLOTS, slack };
    let names = (0..nodes).map(|n| format!("node-{n:05}.cluster.example.net"));
    Ring::builder().profile(profile).nodes(names).build().expect("a ring")
}

fn change(what: &str, nodes: usize, rounds: usize) {
    let ring = ring(nodes, None);
    for _ in 0..rounds {
        black_box(match what {
            "join" => ring.with("node-00050-and-one.cluster.example.net"),
            _ => ring.without("node-00050.cluster.example.net"),
        })
        .expect("a ring");
    }
}

fn look_up(what: &str, nodes: usize, rounds: usize) {
    let ring = ring(nodes, Some(50));
    let keys: Vec<String> = (0..TIMES).map(|n| format!("user:{n:016}")).collect();
    let each = |find: &dyn Fn(&[String])| (0..rounds).for_each(|_| find(&keys));
    match what {
        "owner" => each(&|keys| {
            for key in keys {
                black_box(ring.owner_number(black_box(key).as_bytes()).map_or(0, usize::from));
            }
        }),
        "slow owner" => each(&|keys| {
            for key in keys {
                black_box(ring.slot(black_box(key).as_bytes()));
                black_box(ring.owner_number(black_box(key).as_bytes()).map_or(0, usize::from));
            }
        }),
        _ => each(&|keys| {
            for key in keys {
                let mut owners = [0; 3];
                black_box(ring.owner_numbers_into(black_box(key).as_bytes(), &mut owners));
                black_box(owners);
            }
        }),
    }
}

fn count_events(what: &str, actors: usize, rounds: usize) {
    let names: Vec<String> = (0..actors).map(|n| format!("web-{n}~1795316449")).collect();
    let mut ours = VectorClock::new();
    names.iter().for_each(|name| ours.update(name, 1_000).expect("an actor"));
    let mut theirs = ours.clone();
    if what == "compare others" {
        // Different actors: all names are looked at, once.
        theirs.remove(&names[0]);
        theirs.update("web-~", 0).expect("an actor");
    }
    let (bytes, rounds) = (ours.to_bytes(), 0..rounds * times(what, actors));
    match what {
        "increment" => rounds.for_each(|n| drop(black_box(ours.increment(&names[n % actors])))),
        "merge" => rounds.for_each(|_| drop(black_box(ours.merge(black_box(&theirs))))),
        "compare" | "compare others" => rounds.for_each(|_| {
            black_box(ours.compare(black_box(&theirs)));
        }),
        "encode" => rounds.for_each(|_| drop(black_box(ours.to_bytes()))),
        "decode" => rounds.for_each(|_| {
            drop(black_box(VectorClock::from_bytes(black_box(&bytes))));
        }),
        other => panic!("{other} is not known"),
    }
}
