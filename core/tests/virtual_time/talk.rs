//! What users say, under virtual time and many seeds. `SEED=0x2a` replays one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chinwag::engine::{Reply, Request, RequestId};
use chinwag::sim::{Faults, NodeId, Sim};
use chinwag::{Broadcast, BroadcastKind, Delivery, ErrorKind, EventKind};

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let seed = std::env::var("SEED").ok().map(|text| {
        u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("SEED is hexadecimal")
    });
    let seeds = seed.map_or(1..=count, |seed| seed..=seed);
    seeds.inspect(|seed| println!("seed {seed:#x}"))
}

/// `count` nodes that see each other.
fn together(sim: &mut Sim, count: usize) -> Vec<NodeId> {
    let nodes: Vec<NodeId> = (0..count).map(|i| sim.start(&format!("n{i}"))).collect();
    for &node in &nodes[1..] {
        sim.join(node, &nodes[..1]);
    }
    assert!(sim.run_until(seconds(180.0), Sim::all_see_all), "they never all met");
    nodes
}

fn say(kind: BroadcastKind, name: &str, text: &str) -> Request {
    Request::Broadcast(Broadcast { kind, name: name.to_owned(), payload: text.into() })
}

/// The broadcasts that a node was told: sender, name, payload.
fn heard(sim: &Sim, node: NodeId) -> Vec<(String, String, String)> {
    let broadcasts = sim.log(node).iter().filter_map(|(_, kind)| match kind {
        EventKind::Broadcast(b) => {
            Some((b.sender.clone(), b.name.clone(), String::from_utf8_lossy(&b.payload).into()))
        }
        _ => None,
    });
    broadcasts.collect()
}

fn settled(sim: &mut Sim, node: NodeId, id: RequestId) -> Result<Reply, ErrorKind> {
    assert!(sim.run_until(seconds(30.0), |sim| sim.reply(node, id).is_some()), "no reply");
    sim.reply(node, id).expect("a reply").clone().map_err(|error| error.kind())
}

#[test]
fn a_broadcast_reaches_everybody_exactly_once_in_spite_of_loss() {
    for seed in seeds(30) {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 60);
        let faults = Faults { loss: 0.2, duplication: 0.1, reordering: 0.2, ..Faults::default() };
        sim.network().set_faults(faults);
        for (place, text) in [(0, "first"), (30, "second"), (0, "third")] {
            sim.request(nodes[place], say(BroadcastKind::Unique, "", text));
        }
        let all = |sim: &Sim| {
            // Nobody is told of its own.
            let wanted = |place| match place {
                0 => 1,
                30 => 2,
                _ => 3,
            };
            nodes.iter().enumerate().all(|(at, node)| heard(sim, *node).len() == wanted(at))
        };
        assert!(sim.run_until(seconds(20.0), all), "not everybody was told");
        sim.run_for(seconds(20.0));
        assert!(all(&sim), "somebody was told twice");
        let told = heard(&sim, nodes[1]);
        for (from, text) in [("n0", "first"), ("n30", "second"), ("n0", "third")] {
            let wanted = (from.to_owned(), String::new(), text.to_owned());
            assert!(told.contains(&wanted), "{told:?}");
        }
    }
}

#[test]
fn a_superseding_broadcast_never_goes_back_and_the_newest_reaches_all() {
    for seed in seeds(20) {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 30);
        sim.network().set_faults(Faults { loss: 0.1, reordering: 0.5, ..Faults::default() });
        for load in 1..=40 {
            let text = format!("{load:03}");
            sim.request(nodes[0], say(BroadcastKind::Superseding, "load", &text));
            sim.run_for(Duration::from_millis(3));
        }
        let newest = |sim: &Sim, node: &NodeId| heard(sim, *node).last().map(|(_, _, t)| t.clone());
        let done = |sim: &Sim| nodes[1..].iter().all(|n| newest(sim, n).as_deref() == Some("040"));
        assert!(sim.run_until(seconds(20.0), done), "the newest did not reach all");
        for node in &nodes[1..] {
            let told = heard(&sim, *node);
            assert!(told.is_sorted(), "went back: {told:?}");
        }
    }
}

/// The newest of a name also takes the place of what is kept for those who missed it.
#[test]
fn who_joins_soon_gets_the_newest_of_each_name_alone() {
    for seed in seeds(20) {
        let mut sim = Sim::new(seed);
        let first = sim.start("first");
        for (kind, name, text) in [
            (BroadcastKind::Named, "load", "1"),
            (BroadcastKind::Superseding, "rank", "1"),
            (BroadcastKind::Unique, "", "1"),
            (BroadcastKind::Named, "load", "2"),
            (BroadcastKind::Superseding, "rank", "2"),
            (BroadcastKind::Unique, "", "2"),
        ] {
            sim.request(first, say(kind, name, text));
        }
        let late = sim.start("late");
        sim.join(late, &[first]);
        sim.run_for(seconds(20.0));
        let told = heard(&sim, late).into_iter().map(|(_, name, text)| format!("{name}{text}"));
        let told: BTreeSet<String> = told.collect();
        assert_eq!(told, ["1", "2", "load2", "rank2"].map(str::to_owned).into());
    }
}

/// While hundreds join, memberlist's packets are full of members, and its user messages wait until
/// all of that has been said.
#[test]
fn a_crowd_of_newcomers_does_not_keep_a_broadcast_waiting() {
    for seed in seeds(5) {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 40);
        let crowd: Vec<NodeId> = (0..260).map(|i| sim.start(&format!("crowd{i}"))).collect();
        for node in &crowd {
            sim.join(*node, &nodes[..1]);
        }
        sim.run_for(Duration::from_millis(100));
        let waiting = sim.stats(nodes[0]).queue_depth;
        assert!(waiting > 100, "there is no crowd: {waiting}");
        sim.request(nodes[0], say(BroadcastKind::Unique, "", "urgent"));
        let told = |sim: &Sim| nodes[1..].iter().all(|node| !heard(sim, *node).is_empty());
        assert!(sim.run_until(seconds(2.0), told), "it waited");
        assert!(sim.stats(nodes[0]).queue_depth > 0, "the crowd had gone before");
    }
}

#[test]
fn messages_reach_the_one_member_that_they_are_for() {
    let mut sim = Sim::new(5);
    let nodes = together(&mut sim, 3);
    let (large, small) = (vec![7; 100_000], b"hello".to_vec());
    let send = |to: &str, payload: &[u8], delivery| Request::Send {
        to: to.to_owned(),
        payload: payload.to_vec(),
        delivery,
    };
    let mut outcome = |request| {
        let id = sim.request(nodes[0], request);
        settled(&mut sim, nodes[0], id)
    };
    assert_eq!(outcome(send("n1", &small, Delivery::BestEffort)), Ok(Reply::Done));
    assert_eq!(outcome(send("n1", &large, Delivery::Reliable)), Ok(Reply::Done));
    let refused = outcome(send("n1", &large, Delivery::BestEffort));
    assert_eq!(refused, Err(ErrorKind::TooLarge));
    let nobody = outcome(send("n9", &small, Delivery::Reliable));
    assert_eq!(nobody, Err(ErrorKind::UnknownMember));
    sim.run_for(seconds(1.0));
    let mut messages: Vec<_> = sim
        .log(nodes[1])
        .iter()
        .filter_map(|(_, kind)| match kind {
            EventKind::Message(m) => Some((m.sender.clone(), m.reliable, m.payload.to_vec())),
            _ => None,
        })
        .collect();
    messages.sort_by_key(|(_, reliable, _)| *reliable);
    let from = || "n0".to_owned();
    assert!(messages == [(from(), false, small), (from(), true, large)], "{}", messages.len());
    sim.crash(nodes[1]);
    let id = sim.request(nodes[0], send("n1", b"x", Delivery::Reliable));
    assert_eq!(settled(&mut sim, nodes[0], id), Err(ErrorKind::NodeDown));
}

#[test]
fn a_broadcast_is_checked_before_it_is_sent() {
    let mut sim = Sim::new(6);
    let nodes = together(&mut sim, 2);
    let mut outcome = |request| {
        let id = sim.request(nodes[0], request);
        settled(&mut sim, nodes[0], id)
    };
    let text = "x".repeat(1_400);
    assert_eq!(outcome(say(BroadcastKind::Unique, "", &text)), Err(ErrorKind::TooLarge));
    assert_eq!(outcome(say(BroadcastKind::Unique, "n", "")), Err(ErrorKind::BadArgument));
    assert_eq!(outcome(say(BroadcastKind::Named, "", "")), Err(ErrorKind::BadArgument));
    let mut outcomes = BTreeMap::new();
    for number in 0..4_000 {
        let result = outcome(say(BroadcastKind::Unique, "", &number.to_string()));
        *outcomes.entry(result.map_err(ErrorKind::code).is_ok()).or_insert(0) += 1;
    }
    assert!(
        outcomes[&true] > 1_000 && outcomes[&false] > 100,
        "bounded, and said so: {outcomes:?}"
    );
}

#[test]
fn a_state_is_handed_on_with_every_exchange() {
    let mut sim = Sim::new(7);
    let a = sim.start("a");
    sim.request(a, Request::SetState(b"of a".to_vec()));
    let b = sim.start("b");
    sim.request(b, Request::SetState(b"of b".to_vec()));
    sim.join(b, &[a]);
    let states = |sim: &Sim, node| -> Vec<_> {
        let states = sim.log(node).iter().filter_map(|(_, kind)| match kind {
            EventKind::RemoteState(s) => {
                Some((s.sender.clone(), s.join, String::from_utf8_lossy(&s.payload).into_owned()))
            }
            _ => None,
        });
        states.collect()
    };
    let of = |name: &str, join| (name.to_owned(), join, format!("of {name}"));
    assert!(sim.run_until(seconds(5.0), |sim| sim.all_see_all()));
    assert_eq!((states(&sim, a), states(&sim, b)), (vec![of("b", true)], vec![of("a", true)]));
    let periodic = |sim: &Sim| states(sim, a).contains(&of("b", false));
    assert!(sim.run_until(seconds(120.0), periodic), "not with the periodic exchange");
}

#[test]
fn answers_are_measured_and_carry_what_the_member_adds() {
    let mut sim = Sim::new(8);
    let nodes = together(&mut sim, 3);
    let delay = Duration::from_millis(20);
    let faults = Faults { delay_min: delay, delay_max: delay, ..Faults::default() };
    sim.network().set_faults(faults);
    sim.request(nodes[1], Request::SetPingPayload(b"load=3".to_vec()));
    let id = sim.request(nodes[0], Request::Ping("n1".to_owned()));
    let Ok(Reply::Ponged(span)) = settled(&mut sim, nodes[0], id) else { panic!("no answer") };
    assert!(span >= Duration::from_millis(40), "{span:?}");
    let ask = |sim: &mut Sim, name: &str| {
        let id = sim.request(nodes[0], Request::RoundTrip(name.to_owned()));
        settled(sim, nodes[0], id)
    };
    let Ok(Reply::RoundTrip(told)) = ask(&mut sim, "n1") else { panic!("nothing told") };
    assert_eq!(told.payload, b"load=3");
    let n2 = |sim: &mut Sim| match ask(sim, "n2") {
        Ok(Reply::RoundTrip(told)) => told,
        other => panic!("{other:?}"),
    };
    sim.run_for(seconds(10.0));
    let told = n2(&mut sim);
    assert!(told.smoothed.is_some_and(|span| span >= Duration::from_millis(20)), "{told:?}");
    assert_eq!(ask(&mut sim, "n9"), Err(ErrorKind::UnknownMember));
    sim.crash(nodes[2]);
    let id = sim.request(nodes[0], Request::Ping("n2".to_owned()));
    assert_eq!(settled(&mut sim, nodes[0], id), Err(ErrorKind::Timeout));
}
