//! Keys and values of members, under virtual time and many seeds.

use std::time::Duration;

use chinwag::engine::{Reply, Request, StateWrite};
use chinwag::sim::{Faults, NodeId, Sim};
use chinwag::time::Instant;
use chinwag::wire::{Message, StateDelta, StateDeltas, StateEntry};
use chinwag::{Broadcast, EventKind};

use crate::shared::{every_seed, seconds, together};

fn put(key: &str, value: impl Into<Vec<u8>>) -> StateWrite {
    StateWrite { key: key.to_owned(), value: Some(value.into()), ttl: None }
}

fn delete(key: &str) -> StateWrite {
    StateWrite { key: key.to_owned(), value: None, ttl: None }
}

fn write(sim: &mut Sim, node: NodeId, writes: Vec<StateWrite>) {
    let id = sim.request(node, Request::Write(writes));
    assert_eq!(sim.reply(node, id).and_then(|reply| reply.as_ref().ok()), Some(&Reply::Done));
}

/// What a node shows of a key.
fn sees<'s>(sim: &'s Sim, node: NodeId, owner: &str, key: &str) -> Option<&'s [u8]> {
    sim.shown(node).get(&(owner.to_owned(), key.to_owned())).map(Vec::as_slice)
}

fn all_see(sim: &Sim, owner: &str, key: &str, value: Option<&[u8]>) -> bool {
    sim.running().into_iter().all(|node| sees(sim, node, owner, key) == value)
}

/// How long until that holds.
fn took(sim: &mut Sim, limit: f64, done: impl Fn(&Sim) -> bool) -> Duration {
    let start = sim.now();
    assert!(sim.run_until(seconds(limit), &done), "not within {limit} s, seed {:#x}", sim.seed());
    sim.now().since(start)
}

#[test]
fn a_change_reaches_everybody_as_fast_as_a_broadcast() {
    let both = every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = sim.start_cluster(128);
        sim.run_for(seconds(5.0));
        sim.request(nodes[7], Request::Broadcast(Broadcast::from("news")));
        let told = |(_, kind): &(Instant, EventKind)| matches!(kind, EventKind::Broadcast(_));
        let heard = |sim: &Sim| (0..128).all(|n| n == 7 || sim.log(NodeId(n)).iter().any(told));
        let broadcast = took(&mut sim, 10.0, heard);
        sim.run_for(seconds(60.0));
        write(&mut sim, nodes[9], vec![put("u:k", "v")]);
        let change = took(&mut sim, 10.0, |sim| all_see(sim, "n9", "u:k", Some(b"v")));
        println!("seed {seed:#x}: broadcast {broadcast:?}, change {change:?}");
        (broadcast, change)
    });
    // Both miss somebody now and then, so those of the middle count.
    let median = |mut spans: Vec<Duration>| {
        spans.sort();
        spans[spans.len() / 2]
    };
    let (broadcasts, changes): (Vec<_>, Vec<_>) = both.into_iter().unzip();
    let (broadcast, change) = (median(broadcasts), median(changes));
    assert!(change <= broadcast * 2, "{change:?}, and a broadcast {broadcast:?}");
}

#[test]
fn a_newcomer_has_everything_within_a_second() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 32);
        for &node in &nodes {
            let name = sim.name(node).to_owned();
            write(&mut sim, node, (0..20).map(|i| put(&format!("u:{i}"), name.clone())).collect());
        }
        took(&mut sim, 30.0, Sim::all_show_the_same);
        sim.run_for(seconds(60.0));
        let late = sim.start("late");
        write(&mut sim, late, vec![put("u:late", "v")]);
        sim.join(late, &nodes[3..4]);
        let all = took(&mut sim, 1.0, |sim| sim.shown(late).len() == 641);
        println!("seed {seed:#x}: all after {all:?}");
        took(&mut sim, 5.0, |sim| all_see(sim, "late", "u:late", Some(b"v")));
    });
}

#[test]
fn who_is_whole_again_agrees_whatever_was_lost_or_cut() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 12);
        let faults = Faults { loss: 0.25, duplication: 0.1, reordering: 0.2, ..Faults::default() };
        sim.network().set_faults(faults);
        for round in 0..40_u32 {
            let node = nodes[round as usize % nodes.len()];
            let key = format!("u:{}", round % 7);
            let change = if round % 5 == 4 { delete(&key) } else { put(&key, round.to_string()) };
            write(&mut sim, node, vec![change]);
            sim.run_for(Duration::from_millis(50));
            match round {
                10 => sim.network().partition(&nodes[..5], &nodes[5..]),
                12 => sim.pause(nodes[1]),
                20 => sim.crash(nodes[3]),
                24 => {
                    // Its clock may be behind, or ahead.
                    sim.set_clock(nodes[3], 0, if seed % 2 == 0 { -3_600 } else { 3_600 });
                    sim.restart(nodes[3]);
                    sim.join(nodes[3], &nodes[..1]);
                }
                _ => {}
            }
        }
        sim.run_for(seconds(20.0));
        sim.network().heal();
        sim.network().set_faults(Faults::default());
        sim.resume(nodes[1]);
        for &node in &nodes[1..] {
            sim.join(node, &nodes[..1]);
        }
        took(&mut sim, 30.0, |sim| sim.all_see_all() && sim.all_show_the_same());
        assert!(sim.shown(nodes[0]).len() > 20);
    });
}

#[test]
fn the_keys_of_a_run_end_with_it() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 8);
        write(&mut sim, nodes[2], vec![put("u:old", "1"), put("u:both", "1")]);
        took(&mut sim, 10.0, Sim::all_show_the_same);
        sim.run_for(seconds(10.0));
        // It is back before anybody has missed it, and its clock is behind that of the last run.
        sim.crash(nodes[2]);
        sim.set_clock(nodes[2], 0, if seed % 2 == 0 { -3_600 } else { 0 });
        sim.restart(nodes[2]);
        sim.join(nodes[2], &nodes[..1]);
        if seed % 3 != 0 {
            write(&mut sim, nodes[2], vec![put("u:both", "2")]);
            took(&mut sim, 20.0, |sim| all_see(sim, "n2", "u:both", Some(b"2")));
        }
        took(&mut sim, 20.0, |sim| all_see(sim, "n2", "u:old", None) && sim.all_show_the_same());
        write(&mut sim, nodes[2], vec![put("u:new", "3")]);
        took(&mut sim, 5.0, |sim| all_see(sim, "n2", "u:new", Some(b"3")));
    });
}

#[test]
fn who_is_gone_shows_nothing_and_who_recovers_everything() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 6);
        for &node in &nodes {
            write(&mut sim, node, vec![put("u:k", "v")]);
        }
        took(&mut sim, 10.0, Sim::all_show_the_same);
        sim.pause(nodes[4]);
        let others = |sim: &Sim, value: Option<&[u8]>| {
            nodes.iter().filter(|n| **n != nodes[4]).all(|n| sees(sim, *n, "n4", "u:k") == value)
        };
        took(&mut sim, 60.0, |sim| others(sim, None));
        sim.resume(nodes[4]);
        took(&mut sim, 60.0, |sim| others(sim, Some(b"v")));
        took(&mut sim, 30.0, Sim::all_show_the_same);
        sim.leave(nodes[5], seconds(5.0));
        took(&mut sim, 10.0, |sim| sees(sim, nodes[0], "n5", "u:k").is_none());
        sim.crash(nodes[5]);
        // Long enough to be forgotten.
        sim.run_for(seconds(120.0));
        assert_eq!(sim.shown(nodes[0]).len(), 5);
        assert!(sim.all_show_the_same());
    });
}

#[test]
fn what_is_large_is_asked_for() {
    every_seed(5, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 16);
        sim.network().set_faults(Faults { loss: 0.1, ..Faults::default() });
        let large = vec![7; 60_000];
        let writes = (0..17).map(|i| put(&format!("u:{i}"), large.clone())).collect();
        write(&mut sim, nodes[3], writes);
        took(&mut sim, 30.0, |sim| sim.all_show_the_same());
        assert_eq!(sim.shown(nodes[9]).len(), 17);
        // One more key is one more key, and not a mebibyte once more.
        sim.network().set_faults(Faults::default());
        sim.run_for(seconds(5.0));
        let before = sim.traffic();
        write(&mut sim, nodes[3], vec![put("u:x", "small")]);
        took(&mut sim, 5.0, |sim| all_see(sim, "n3", "u:x", Some(b"small")));
        let bytes = sim.traffic().stream_bytes - before.stream_bytes;
        assert!(bytes < 100_000, "{bytes}");
    });
}

#[test]
fn keys_expire_where_they_were_written() {
    let mut sim = Sim::new(3);
    let nodes = together(&mut sim, 5);
    let ttl = Some(seconds(10.0));
    write(&mut sim, nodes[1], vec![StateWrite { ttl, ..put("u:k", "v") }]);
    took(&mut sim, 2.0, |sim| all_see(sim, "n1", "u:k", Some(b"v")));
    let until = took(&mut sim, 12.0, |sim| all_see(sim, "n1", "u:k", None));
    assert!(until > seconds(9.0), "{until:?}");
}

/// A delta about `owner`, as a datagram.
fn forged(owner: &str, epoch: u64, full: bool, to: u64) -> Vec<u8> {
    let mut payload = Vec::new();
    StateDeltas::begin(&mut payload);
    let delta = StateDelta { owner, epoch, full, to, ..StateDelta::default() };
    let entry = StateEntry { version: 1, key: "u:forged", value: Some(b"x") };
    delta.encode([entry].into_iter(), &mut payload);
    let mut bytes = Vec::new();
    Message::User(&payload).encode(&mut bytes);
    bytes
}

#[test]
fn a_forged_run_locks_nobody_out() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 6);
        write(&mut sim, nodes[2], vec![put("u:k", "v")]);
        took(&mut sim, 5.0, Sim::all_show_the_same);
        let from = sim.addr(nodes[5]);
        let year = 365 * 24 * 3600 * 1_000_000_u64;
        // Seven years ahead is believed, a hundred are not.
        for (epoch, to) in [(u64::MAX, 1), (100 * year, 1), (7 * year, 1), (7 * year, u64::MAX)] {
            sim.inject(nodes[0], from, &forged("n2", epoch, true, to));
            sim.run_for(seconds(4.0));
            let whole = |sim: &Sim| {
                all_see(sim, "n2", "u:forged", None) && all_see(sim, "n2", "u:k", Some(b"v"))
            };
            took(&mut sim, 20.0, whole);
        }
        assert!(sim.stats(nodes[0]).space_refused >= 2);
        write(&mut sim, nodes[2], vec![put("u:k", "w")]);
        took(&mut sim, 5.0, |sim| all_see(sim, "n2", "u:k", Some(b"w")));
    });
}

#[test]
fn who_keeps_changing_is_bounded_in_queue_and_traffic() {
    let mut sim = Sim::new(1);
    let nodes = together(&mut sim, 16);
    sim.run_for(seconds(30.0));
    let idle = sim.traffic();
    sim.run_for(seconds(60.0));
    let (quiet, start) = (sim.traffic(), sim.now());
    let mut deepest = 0;
    for number in 0..60_000_u32 {
        let key = format!("s:reg/{}", number % 5_000);
        write(&mut sim, nodes[4], vec![put(&key, number.to_string())]);
        if number % 10 == 9 {
            sim.run_for(Duration::from_millis(10));
            let depth = nodes.iter().map(|node| sim.stats(*node).user_queue_depth);
            deepest = depth.fold(deepest, u64::max);
        }
    }
    assert_eq!(sim.now().since(start), seconds(60.0));
    let busy = sim.traffic();
    let last = took(&mut sim, 5.0, Sim::all_show_the_same);
    let rate = |after: u64, before: u64| (after - before) / 60 / 16;
    println!(
        "a node sends a second: {} datagrams ({} idle), {} bytes in them ({}), {} connections, {} \
         bytes in those; the last is everywhere after {last:?}; {deepest} messages wait at most",
        rate(busy.packets, quiet.packets),
        rate(quiet.packets, idle.packets),
        rate(busy.packet_bytes, quiet.packet_bytes),
        rate(quiet.packet_bytes, idle.packet_bytes),
        rate(busy.connections, quiet.connections),
        rate(busy.stream_bytes, quiet.stream_bytes),
    );
    assert!(deepest <= 16, "{deepest} messages wait");
    assert!(rate(busy.packets, quiet.packets) < 200);
    assert!(rate(busy.connections, quiet.connections) < 20);
}

#[test]
fn who_has_no_keys_says_nothing_of_them() {
    let mut sim = Sim::new(2);
    let nodes = together(&mut sim, 5);
    sim.run_for(seconds(60.0));
    for &node in &nodes {
        let stats = sim.stats(node);
        let said = stats.space_bytes_sent + stats.space_deltas_sent + stats.space_comparisons;
        assert_eq!(said, 0);
    }
}

/// What ends a payload is taken off before the user sees it.
#[test]
fn the_users_payload_comes_whole_beside_keys() {
    let mut sim = Sim::new(4);
    let nodes = together(&mut sim, 3);
    sim.request(nodes[1], Request::SetPingPayload(b"load=3".to_vec()));
    write(&mut sim, nodes[1], vec![put("u:k", "v")]);
    sim.request(nodes[2], Request::Broadcast(Broadcast::from("news")));
    sim.run_for(seconds(10.0));
    let id = sim.request(nodes[0], Request::RoundTrip("n1".to_owned()));
    let Some(Ok(Reply::RoundTrip(trip))) = sim.reply(nodes[0], id) else { panic!("no reply") };
    assert_eq!(trip.payload, b"load=3");
}

#[test]
fn a_crowd_that_joins_at_once_has_everything_soon() {
    every_seed(3, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 8);
        for &node in &nodes {
            write(&mut sim, node, vec![put("u:k", vec![7; 1_000])]);
        }
        took(&mut sim, 10.0, Sim::all_show_the_same);
        let crowd: Vec<NodeId> = (0..100).map(|i| sim.start(&format!("crowd{i}"))).collect();
        for &node in &crowd {
            write(&mut sim, node, vec![put("u:k", "c")]);
            sim.join(node, &nodes[..1]);
        }
        let all = took(&mut sim, 30.0, |sim| sim.all_see_all() && sim.all_show_the_same());
        println!("seed {seed:#x}: all after {all:?}");
        assert_eq!(sim.shown(crowd[99]).len(), 108);
    });
}
