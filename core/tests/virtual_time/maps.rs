//! Maps that all members write to, under virtual time and many seeds.

use std::collections::BTreeSet;
use std::time::Duration;

use chinwag::engine::{MapRecord, MapWrite, Reply, Request, StateWrite};
use chinwag::sim::{Faults, NodeId, Sim};

use crate::shared::{every_seed, seconds, together};

fn write(sim: &mut Sim, node: NodeId, key: &str, value: Option<&str>) {
    let (map, key) = ("carts".to_owned(), key.to_owned());
    let write = MapWrite { map, key, value: value.map(Into::into), context: None };
    let id = sim.request(node, Request::WriteMap(Box::new(write)));
    assert_eq!(sim.reply(node, id).and_then(|reply| reply.as_ref().ok()), Some(&Reply::Done));
}

fn put(sim: &mut Sim, node: NodeId, key: &str, value: &str) {
    write(sim, node, key, Some(value));
}

/// The values of a key as a node shows them, the newest first.
fn values(sim: &Sim, node: NodeId, key: &str) -> Vec<String> {
    let Some(record) = sim.shown(node).get(&(String::new(), format!("m:carts/{key}"))) else {
        return Vec::new();
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let record = MapRecord::from_bytes(record).expect("a record");
    record.values.iter().map(|value| text(&value.bytes)).collect()
}

fn all_have(sim: &Sim, key: &str, expected: &[&str]) -> bool {
    sim.running().into_iter().all(|node| values(sim, node, key) == expected)
}

fn until(sim: &mut Sim, limit: f64, done: impl Fn(&Sim) -> bool) -> Duration {
    let start = sim.now();
    assert!(sim.run_until(seconds(limit), &done), "not within {limit} s, seed {:#x}", sim.seed());
    sim.now().since(start)
}

#[test]
fn what_one_puts_all_have_and_the_next_replaces_it() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 16);
        for (number, &node) in nodes.iter().enumerate() {
            let value = number.to_string();
            put(&mut sim, node, "k", &value);
            until(&mut sim, 10.0, |sim| all_have(sim, "k", &[&value]));
        }
        write(&mut sim, nodes[3], "k", None);
        until(&mut sim, 10.0, |sim| all_have(sim, "k", &[]));
    });
}

#[test]
fn a_value_outlives_who_put_it_for_as_long_as_anybody_is_there() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 6);
        let keys: Vec<String> = (0..30).map(|number| format!("k{number}")).collect();
        for (number, key) in keys.iter().enumerate() {
            put(&mut sim, nodes[number % 2], key, "v");
        }
        until(&mut sim, 10.0, Sim::all_show_the_same);
        for (number, &node) in nodes[..5].iter().enumerate() {
            let there = |sim: &Sim| keys.iter().all(|key| all_have(sim, key, &["v"]));
            match number % 2 {
                0 => sim.crash(node),
                _ => {
                    sim.leave(node, seconds(5.0));
                    sim.run_for(seconds(5.0));
                    sim.crash(node);
                }
            }
            // It is never gone for those who have seen it.
            for _ in 0..60 {
                sim.run_for(seconds(0.5));
                assert!(there(&sim), "seed {seed:#x}, after {number}");
            }
        }
        assert_eq!(sim.running(), nodes[5..]);
        // Who comes now has it from the last one alone, that took it all in.
        let late = sim.start("late");
        sim.join(late, &nodes[5..]);
        until(&mut sim, 30.0, |sim| keys.iter().all(|key| values(sim, late, key) == ["v"]));
        assert!(sim.stats(nodes[5]).map_records_adopted > 0);
    });
}

#[test]
fn a_restart_takes_nothing_away() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        put(&mut sim, nodes[1], "k", "v");
        until(&mut sim, 10.0, |sim| all_have(sim, "k", &["v"]));
        // It is back before anybody has missed it, and has lost all that it had; its clock may be
        // behind.
        sim.crash(nodes[1]);
        sim.set_clock(nodes[1], 0, if seed % 2 == 0 { -3_600 } else { 0 });
        sim.restart(nodes[1]);
        sim.join(nodes[1], &nodes[..1]);
        for _ in 0..40 {
            sim.run_for(seconds(0.5));
            for &node in [&nodes[..1], &nodes[2..]].concat().iter() {
                assert_eq!(values(&sim, node, "k"), ["v"], "seed {seed:#x}");
            }
        }
        assert_eq!(values(&sim, nodes[1], "k"), ["v"]);
        put(&mut sim, nodes[1], "k", "w");
        until(&mut sim, 10.0, |sim| all_have(sim, "k", &["w"]));
    });
}

#[test]
fn what_both_sides_of_a_cut_put_stands_side_by_side_until_somebody_decides() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 8);
        put(&mut sim, nodes[0], "k", "before");
        put(&mut sim, nodes[0], "gone", "before");
        until(&mut sim, 10.0, |sim| {
            all_have(sim, "k", &["before"]) && all_have(sim, "gone", &["before"])
        });
        sim.network().partition(&nodes[..4], &nodes[4..]);
        sim.run_for(seconds(30.0));
        put(&mut sim, nodes[1], "k", "left");
        sim.run_for(seconds(1.0));
        put(&mut sim, nodes[5], "k", "right");
        write(&mut sim, nodes[6], "gone", None);
        sim.run_for(seconds(30.0));
        assert_eq!(values(&sim, nodes[2], "k"), ["left"]);
        assert_eq!(values(&sim, nodes[7], "k"), ["right"]);
        assert_eq!(values(&sim, nodes[7], "gone"), [""; 0]);
        sim.network().heal();
        until(&mut sim, 120.0, |sim| all_have(sim, "k", &["right", "left"]));
        until(&mut sim, 10.0, |sim| all_have(sim, "gone", &[]) && sim.all_show_the_same());
        put(&mut sim, nodes[3], "k", "both");
        until(&mut sim, 10.0, |sim| all_have(sim, "k", &["both"]));
        sim.run_for(seconds(60.0));
        assert!(all_have(&sim, "k", &["both"]) && all_have(&sim, "gone", &[]));
    });
}

#[test]
fn all_agree_in_the_end_whatever_was_lost_cut_or_killed() {
    every_seed(40, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 8);
        let faults = Faults { loss: 0.2, duplication: 0.1, reordering: 0.2, ..Faults::default() };
        sim.network().set_faults(faults);
        let mut down = BTreeSet::new();
        for round in 0..80_u64 {
            // A sequence of its own for each seed.
            let chance = (round + 1).wrapping_mul(seed.wrapping_mul(0x9e37_79b9) | 1) >> 7;
            let node = nodes[chance as usize % nodes.len()];
            let key = format!("k{}", chance / 8 % 5);
            if !down.contains(&node) {
                let value = round.to_string();
                write(&mut sim, node, &key, (chance / 64 % 5 > 0).then_some(&*value));
            }
            sim.run_for(Duration::from_millis(chance / 128 % 400));
            match round {
                10 => sim.network().partition(&nodes[..3], &nodes[3..]),
                20 => {
                    sim.crash(nodes[1]);
                    down.insert(nodes[1]);
                }
                30 => sim.pause(nodes[4]),
                40 => sim.network().heal(),
                45 => {
                    sim.resume(nodes[4]);
                    sim.restart(nodes[1]);
                    sim.join(nodes[1], &nodes[2..3]);
                    down.remove(&nodes[1]);
                }
                60 => {
                    sim.leave(nodes[6], seconds(3.0));
                    down.insert(nodes[6]);
                }
                _ => {}
            }
            if round == 30 || round == 45 {
                match round {
                    30 => down.insert(nodes[4]),
                    _ => down.remove(&nodes[4]),
                };
            }
        }
        sim.network().set_faults(Faults::default());
        sim.run_for(seconds(10.0));
        for &node in &nodes[1..] {
            sim.join(node, &nodes[..1]);
        }
        until(&mut sim, 120.0, |sim| sim.all_see_all() && sim.all_show_the_same());
        // And stays so, when everything was taken in and out that has to be.
        sim.run_for(seconds(60.0));
        until(&mut sim, 10.0, Sim::all_show_the_same);
        let shown = sim.shown(nodes[0]).clone();
        sim.run_for(seconds(30.0));
        assert_eq!(shown, *sim.shown(nodes[0]), "nothing goes on changing");
    });
}

#[test]
fn bytes_that_are_no_record_are_counted_and_harm_nobody() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 4);
        put(&mut sim, nodes[0], "k", "v");
        until(&mut sim, 10.0, |sim| all_have(sim, "k", &["v"]));
        let bad = |key: &str, value: &[u8]| StateWrite {
            key: key.to_owned(),
            value: Some(value.to_vec()),
            ttl: None,
        };
        let lists = [&b""[..], b"\x41", b"\x41\x01\x01a\x01\x01\x00", b"\x41\xff\xff\xff\xff\x0f"];
        let writes = lists.iter().map(|bytes| bad("m:carts/k", bytes)).collect();
        sim.request(nodes[3], Request::Write(writes));
        sim.request(nodes[3], Request::Write(vec![bad("m:", b"x"), bad("m:odd", b"")]));
        sim.run_for(seconds(10.0));
        assert!(all_have(&sim, "k", &["v"]));
        assert!(sim.stats(nodes[1]).map_records_malformed > 0);
        put(&mut sim, nodes[3], "k", "w");
        until(&mut sim, 10.0, |sim| all_have(sim, "k", &["w"]) && sim.all_show_the_same());
    });
}
