//! serf's layer, under virtual time and many seeds. `SEED=0x2a` replays one.

use std::collections::BTreeMap;
use std::time::Duration;

use chinwag::config::Protocol;
use chinwag::engine::{Reply, Request, RequestId, SerfRequest};
use chinwag::sim::{Faults, NodeId, Sim};
use chinwag::wire::{Key, Keyring, Security};
use chinwag::{Answers, ErrorKind, EventKind, KeyOp, KeyOutcome, MemberState, Question};

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

fn speaks_serf() -> Protocol {
    Protocol { delegate_versions: Some([2, 5, 5]), ..Protocol::profile("lan") }
}

/// `count` nodes that speak serf and see each other.
fn together(seed: u64, count: usize) -> (Sim, Vec<NodeId>) {
    let mut sim = Sim::with_protocol(seed, speaks_serf());
    let nodes: Vec<NodeId> = (0..count).map(|i| sim.start(&format!("n{i}"))).collect();
    for &node in &nodes[1..] {
        sim.join(node, &nodes[..1]);
    }
    assert!(sim.run_until(seconds(180.0), Sim::all_see_all), "they never all met");
    (sim, nodes)
}

fn event(name: &str, payload: &[u8]) -> Request {
    let (name, payload) = (name.to_owned(), payload.to_vec());
    Request::Serf(SerfRequest::UserEvent { name, payload, coalesce: false })
}

fn query(question: Question) -> Request {
    Request::Serf(SerfRequest::Query(question))
}

/// The names of the user events that a node was told.
fn told(sim: &Sim, node: NodeId) -> Vec<String> {
    let events = sim.log(node).iter().filter_map(|(_, kind)| match kind {
        EventKind::UserEvent(event) => Some(event.name.clone()),
        _ => None,
    });
    events.collect()
}

fn settled(sim: &mut Sim, node: NodeId, id: RequestId) -> Result<Reply, ErrorKind> {
    assert!(sim.run_until(seconds(60.0), |sim| sim.reply(node, id).is_some()), "no reply");
    sim.reply(node, id).expect("a reply").clone().map_err(|error| error.kind())
}

fn answers(sim: &mut Sim, node: NodeId, id: RequestId) -> Answers {
    match settled(sim, node, id) {
        Ok(Reply::Answers(answers)) => answers,
        other => panic!("{other:?}"),
    }
}

/// Answers every query that a node has been told and has not answered yet.
fn answer_all(sim: &mut Sim, node: NodeId, answered: &mut BTreeMap<(NodeId, u64), RequestId>) {
    let queries: Vec<u64> = sim
        .log(node)
        .iter()
        .filter_map(|(_, kind)| match kind {
            EventKind::Query(query) => Some(query.id),
            _ => None,
        })
        .collect();
    for query in queries {
        answered.entry((node, query)).or_insert_with(|| {
            let payload = sim.name(node).as_bytes().to_vec();
            sim.request(node, Request::Serf(SerfRequest::Respond { query, payload }))
        });
    }
}

#[test]
fn an_event_reaches_everybody_exactly_once_in_spite_of_loss() {
    for seed in seeds(12) {
        let (mut sim, nodes) = together(seed, 40);
        let faults = Faults { loss: 0.2, duplication: 0.1, reordering: 0.2, ..Faults::default() };
        sim.network().set_faults(faults);
        for (place, name) in [(0, "first"), (20, "second"), (0, "third"), (39, "first")] {
            sim.request(nodes[place], event(name, sim.name(nodes[place]).as_bytes()));
        }
        // What gossip missed comes with the next exchanges of states.
        let all = |sim: &Sim| nodes.iter().all(|node| told(sim, *node).len() == 4);
        assert!(sim.run_until(seconds(180.0), all), "not everybody was told");
        sim.run_for(seconds(60.0));
        for node in &nodes {
            let mut names = told(&sim, *node);
            names.sort();
            assert_eq!(names, ["first", "first", "second", "third"], "{}", sim.name(*node));
        }
    }
}

#[test]
fn a_hundred_nodes_hear_of_an_event_within_a_moment() {
    for seed in seeds(3) {
        let (mut sim, nodes) = together(seed, 100);
        sim.run_for(seconds(5.0));
        sim.request(nodes[7], event("deploy", b"v1"));
        let all = |sim: &Sim| nodes.iter().all(|node| told(sim, *node) == ["deploy"]);
        assert!(sim.run_until(seconds(1.0), all), "not everybody was told");
    }
}

#[test]
fn an_event_that_fits_no_packet_reaches_everybody() {
    for seed in seeds(3) {
        let protocol = Protocol { user_event_size_limit: 9216, ..speaks_serf() };
        let mut sim = Sim::with_protocol(seed, protocol);
        let nodes: Vec<NodeId> = (0..30).map(|i| sim.start(&format!("n{i}"))).collect();
        for &node in &nodes[1..] {
            sim.join(node, &nodes[..1]);
        }
        assert!(sim.run_until(seconds(180.0), Sim::all_see_all), "they never all met");
        let id = sim.request(nodes[3], event("large", &[7; 9000]));
        assert_eq!(settled(&mut sim, nodes[3], id), Ok(Reply::Done));
        let most = |sim: &Sim| nodes.iter().filter(|n| told(sim, **n) == ["large"]).count() > 24;
        assert!(sim.run_until(seconds(2.0), most), "streams reach nearly all at once");
        let all = |sim: &Sim| nodes.iter().all(|node| told(sim, *node) == ["large"]);
        assert!(sim.run_until(seconds(120.0), all), "and exchanges of states the rest");
        let id = sim.request(nodes[3], event("large", &[7; 9216]));
        assert_eq!(settled(&mut sim, nodes[3], id), Err(ErrorKind::TooLarge));
    }
}

#[test]
fn who_joins_later_is_told_what_was_said_before() {
    let (mut sim, nodes) = together(5, 3);
    sim.request(nodes[0], event("before", b""));
    sim.run_for(seconds(1.0));
    let curious = sim.start("curious");
    sim.set_protocol(Protocol { replay_on_join: false, ..speaks_serf() });
    let indifferent = sim.start("indifferent");
    for node in [curious, indifferent] {
        sim.join(node, &nodes[..1]);
    }
    sim.run_for(seconds(60.0));
    sim.request(nodes[1], event("after", b""));
    sim.run_for(seconds(5.0));
    assert_eq!(told(&sim, curious), ["before", "after"]);
    assert_eq!(told(&sim, indifferent), ["after"]);
}

#[test]
fn a_query_is_answered_by_everybody_who_is_meant_and_once() {
    for seed in seeds(6) {
        let (mut sim, nodes) = together(seed, 25);
        sim.network().set_faults(Faults { loss: 0.05, duplication: 0.3, ..Faults::default() });
        let question = Question {
            name: "uptime".to_owned(),
            nodes: (5..15).map(|i| format!("n{i}")).collect(),
            ack: true,
            relay_factor: 3,
            timeout: Some(seconds(20.0)),
            ..Question::default()
        };
        let id = sim.request(nodes[0], query(question));
        let mut answered = BTreeMap::new();
        for _ in 0..400 {
            sim.run_for(Duration::from_millis(50));
            nodes.iter().for_each(|node| answer_all(&mut sim, *node, &mut answered));
            if sim.reply(nodes[0], id).is_some() {
                break;
            }
        }
        let answers = answers(&mut sim, nodes[0], id);
        assert!(answers.complete, "answers come by several ways: {answers:?}");
        let mut from: Vec<String> = answers.responses.iter().map(|r| r.from.clone()).collect();
        let mut acks = answers.acks.clone();
        let mut wanted: Vec<String> = (5..15).map(|i| format!("n{i}")).collect();
        [&mut from, &mut acks, &mut wanted].into_iter().for_each(|names| names.sort());
        assert_eq!((&from, &acks), (&wanted, &wanted));
        assert!(answers.responses.iter().all(|r| r.payload == r.from.as_bytes()));
        for ((node, _), id) in answered {
            assert_eq!(sim.reply(node, id), Some(&Ok(Reply::Done)));
        }
    }
}

#[test]
fn a_query_under_loss_is_over_in_time_with_what_came() {
    for seed in seeds(6) {
        let (mut sim, nodes) = together(seed, 30);
        sim.network().set_faults(Faults { loss: 0.4, ..Faults::default() });
        let ping = Question { name: "_serf_ping".to_owned(), ack: true, ..Question::default() };
        let (id, asked) = (sim.request(nodes[0], query(ping)), sim.now());
        let answers = answers(&mut sim, nodes[0], id);
        // 16 gossip intervals for each of two digits.
        assert!(sim.now().since(asked) <= seconds(6.5));
        assert!((10..=30).contains(&answers.acks.len()), "{} of 30", answers.acks.len());
        assert!(answers.responses.is_empty());
        assert_eq!(answers.complete, answers.acks.len() == 30);
    }
}

#[test]
fn a_late_answer_is_refused_and_counted() {
    let (mut sim, nodes) = together(3, 3);
    let question = Question { timeout: Some(seconds(1.0)), ..Question::default() };
    let id = sim.request(nodes[0], query(question));
    let over = answers(&mut sim, nodes[0], id);
    assert_eq!(over, Answers::default());
    sim.run_for(seconds(0.1));
    let mut answered = BTreeMap::new();
    answer_all(&mut sim, nodes[1], &mut answered);
    let (_, id) = answered.pop_first().expect("it was asked");
    assert_eq!(settled(&mut sim, nodes[1], id), Err(ErrorKind::Timeout));
    assert_eq!(sim.stats(nodes[1]).query_answers_late, 1);
    assert_eq!(sim.stats(nodes[1]).queries_received, 1);
}

#[test]
fn a_leave_is_a_leave_even_if_nobody_hears_the_goodbye() {
    for seed in seeds(10) {
        let (mut sim, nodes) = together(seed, 10);
        let leaver = nodes[4];
        sim.leave(leaver, seconds(5.0));
        // The intent is on its way, the goodbye will not be.
        sim.run_for(Duration::from_millis(300));
        sim.crash(leaver);
        let gone = |sim: &Sim| {
            nodes.iter().filter(|n| **n != leaver).all(|node| {
                let view = sim.view(*node, leaver);
                view.is_some_and(|member| !member.state().is_present())
            })
        };
        assert!(sim.run_until(seconds(60.0), gone));
        assert_eq!(sim.believers(leaver, MemberState::Failed), 0, "seed {seed:#x}");
    }
}

#[test]
fn force_leave_and_prune_reach_everybody() {
    let (mut sim, nodes) = together(9, 8);
    let dead = nodes[5];
    sim.crash(dead);
    assert!(sim.run_until(seconds(60.0), |sim| sim.believers(dead, MemberState::Failed) == 7));
    let force =
        |name: &str, prune| Request::Serf(SerfRequest::ForceLeave { name: name.to_owned(), prune });
    let id = sim.request(nodes[0], force("n1", false));
    assert_eq!(settled(&mut sim, nodes[0], id), Err(ErrorKind::BadArgument));
    sim.request(nodes[0], force("n5", false));
    let left = |sim: &Sim| sim.believers(dead, MemberState::Left) == 7;
    assert!(sim.run_until(seconds(5.0), left));
    sim.request(nodes[0], force("n5", true));
    let forgotten = |sim: &Sim| {
        nodes.iter().filter(|n| **n != dead).all(|node| sim.view(*node, dead).is_none())
    };
    assert!(sim.run_until(seconds(5.0), forgotten));
}

#[test]
fn who_is_taken_for_gone_and_is_not_stays() {
    for seed in seeds(5) {
        let (mut sim, nodes) = together(seed, 6);
        // Somebody else's operator made it leave while it could not be reached.
        sim.network().partition(&nodes[5..], &nodes[..5]);
        assert!(sim.run_until(seconds(60.0), |sim| {
            nodes[..5].iter().all(|node| {
                let view = sim.view(*node, nodes[5]);
                view.is_some_and(|member| member.state() == MemberState::Failed)
            })
        }));
        let name = "n5".to_owned();
        sim.request(nodes[0], Request::Serf(SerfRequest::ForceLeave { name, prune: false }));
        sim.run_for(seconds(2.0));
        sim.network().heal();
        sim.join(nodes[5], &nodes[..1]);
        assert!(sim.run_until(seconds(60.0), Sim::all_see_all));
        sim.run_for(seconds(60.0));
        assert!(sim.all_see_all());
        // And when it dies now, that is a failure.
        sim.crash(nodes[5]);
        assert!(
            sim.run_until(seconds(60.0), |sim| {
                sim.believers(nodes[5], MemberState::Failed) == 5
            })
        );
    }
}

/// What became of the keyring of each node.
fn change_keys(sim: &mut Sim, node: NodeId, op: KeyOp, key: &[u8]) -> Vec<(String, KeyOutcome)> {
    let id = sim.request(node, query(op.question(key)));
    let responses = answers(sim, node, id).responses.into_iter();
    let outcome = |payload: &[u8]| KeyOutcome::read(payload).expect("an outcome");
    let mut outcomes: Vec<_> = responses.map(|r| (r.from, outcome(&r.payload))).collect();
    outcomes.sort_by(|(a, _), (b, _)| a.cmp(b));
    outcomes
}

fn with_keys(verify_incoming: bool) -> Security {
    let keyring = Some(Keyring::new(aes(1)));
    Security { keyring, verify_incoming, ..Security::default() }
}

fn aes(byte: u8) -> Key {
    Key::from_bytes(&[byte; 16]).expect("a length of AES")
}

#[test]
fn a_question_changes_the_keys_of_all() {
    let mut sim = Sim::with_protocol(3, speaks_serf());
    sim.set_security(with_keys(true));
    let nodes = ["a", "b", "c"].map(|name| sim.start(name));
    for node in &nodes[1..] {
        sim.join(*node, &nodes[..1]);
    }
    assert!(sim.run_until(seconds(20.0), Sim::all_see_all));
    for (op, key, keys, primary) in [
        (KeyOp::Install, 2, vec![1, 2], 1),
        (KeyOp::Use, 2, vec![2, 1], 2),
        (KeyOp::Remove, 1, vec![2], 2),
    ] {
        let outcomes = change_keys(&mut sim, nodes[0], op, &[key; 16]);
        let done: Vec<_> = outcomes.iter().map(|(name, outcome)| (&**name, outcome.done)).collect();
        assert_eq!(done, [("a", true), ("b", true), ("c", true)], "{op:?}");
        let wanted: Vec<String> =
            keys.iter().map(|key| aes(*key).to_base64().to_string()).collect();
        for (name, listed) in change_keys(&mut sim, nodes[1], KeyOp::List, b"") {
            assert_eq!(listed.keys, wanted, "{name} after {op:?}");
            assert_eq!(listed.primary, *aes(primary).to_base64(), "{name} after {op:?}");
        }
    }
    for (op, key, why) in [
        (KeyOp::Remove, &[2; 16][..], "primary"),
        (KeyOp::Use, &[9; 16], "no such key"),
        (KeyOp::Install, &[9; 5], "the key"),
    ] {
        for (name, outcome) in change_keys(&mut sim, nodes[0], op, key) {
            assert!(!outcome.done && outcome.message.contains(why), "{name}: {outcome:?}");
        }
    }
    sim.run_for(seconds(30.0));
    assert!(sim.all_see_all());
}

#[test]
fn who_takes_plaintext_tells_no_keys_and_takes_none() {
    let mut sim = Sim::with_protocol(3, speaks_serf());
    let mut nodes = Vec::new();
    for (name, verify_incoming) in [("a", true), ("lax", false)] {
        sim.set_security(with_keys(verify_incoming));
        nodes.push(sim.start(name));
    }
    sim.join(nodes[1], &nodes[..1]);
    assert!(sim.run_until(seconds(20.0), Sim::all_see_all));
    for op in [KeyOp::Install, KeyOp::List] {
        let outcomes = change_keys(&mut sim, nodes[0], op, &[2; 16]);
        assert!(outcomes[0].1.done);
        let (name, lax) = &outcomes[1];
        assert!(name == "lax" && !lax.done && lax.keys.is_empty(), "{lax:?}");
        assert!(lax.message.contains("does not encrypt all"), "{lax:?}");
    }
}

#[test]
fn distances_are_known_after_a_while() {
    let (mut sim, nodes) = together(2, 12);
    let delay = Duration::from_millis(20);
    sim.network().set_faults(Faults { delay_min: delay, delay_max: delay, ..Faults::default() });
    sim.run_for(seconds(300.0));
    let rtt =
        |from: &str, to: &str| Request::Serf(SerfRequest::Distance(from.to_owned(), to.to_owned()));
    for (from, to) in [("n0", "n1"), ("n3", "n9"), ("n0", "n11")] {
        let id = sim.request(nodes[0], rtt(from, to));
        let Ok(Reply::Distance(distance)) = settled(&mut sim, nodes[0], id) else {
            panic!("{from} to {to}");
        };
        let ms = distance.as_secs_f64() * 1000.0;
        assert!((28.0..52.0).contains(&ms), "{from} to {to}: {ms} of 40 ms");
    }
    let id = sim.request(nodes[0], rtt("n0", "nobody"));
    assert_eq!(settled(&mut sim, nodes[0], id), Err(ErrorKind::UnknownMember));
    let id = sim.request(nodes[0], Request::Serf(SerfRequest::Coordinate));
    assert!(matches!(settled(&mut sim, nodes[0], id), Ok(Reply::Coordinate(_))));
    assert_eq!(sim.stats(nodes[0]).coordinates_refused, 0);
}

#[test]
fn who_does_not_speak_serf_says_so() {
    let mut sim = Sim::new(1);
    let node = sim.start("plain");
    for request in [event("e", b""), query(Question::default())] {
        let id = sim.request(node, request);
        assert_eq!(settled(&mut sim, node, id), Err(ErrorKind::Unsupported));
    }
    assert_eq!(sim.stats(node).event_clock, 0);
}

#[test]
fn a_lonely_node_takes_the_versions_of_a_serf_cluster_and_then_speaks_it() {
    let (mut sim, nodes) = together(4, 3);
    sim.request(nodes[0], event("before", b""));
    sim.run_for(seconds(1.0));
    sim.set_protocol(Protocol::profile("lan"));
    let newcomer = sim.start("newcomer");
    sim.join(newcomer, &nodes[..1]);
    assert!(sim.run_until(seconds(10.0), Sim::all_see_all));
    sim.request(newcomer, event("after", b""));
    let all = |sim: &Sim| nodes.iter().all(|node| told(sim, *node) == ["before", "after"]);
    assert!(sim.run_until(seconds(10.0), all));
    assert_eq!(told(&sim, newcomer), ["before", "after"]);
}
