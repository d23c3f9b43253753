//! The layer as a whole: a few of them that hear each other.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;

use super::intents::Status;
use super::question::Question;
use super::*;
use crate::member::{Facts, MemberState};
use crate::wire::encode_tags;
use crate::wire::serf::{Holder, Query, QueryResponse, RelayHeader, State};

const NOW: Instant = Instant::from_nanos(1_000);
const SECOND: Duration = Duration::from_secs(1);

/// One node, and what it wished for that the test has not looked at.
struct Peer {
    serf: Serf,
    member: Member,
    told: Vec<Wish>,
}

/// Nodes `a`, `b`, … that know each other. What one spreads or sends reaches the others at once.
struct Net {
    peers: Vec<Peer>,
    now: Instant,
}

fn member(name: &str, port: u16) -> Member {
    let tags = BTreeMap::from([("of".to_owned(), name.to_owned())]);
    Member::new(Facts {
        name,
        addr: ([10, 0, 0, 1], port).into(),
        state: MemberState::Alive,
        incarnation: 1,
        versions: [1, 5, 2, 2, 5, 5],
        mapped: false,
        meta: &encode_tags(&tags),
    })
}

impl Net {
    fn new(size: usize) -> Self {
        let names = || ('a'..='z').take(size).map(String::from);
        let peers = names().zip(1..).map(|(name, port)| {
            let mut serf = Serf::new(NOW, &Arc::from(name.as_str()), [0; 3]);
            names().filter(|other| *other != name).for_each(|other| serf.joined(NOW, &other));
            Peer { serf, member: member(&name, port), told: Vec::new() }
        });
        Self { peers: peers.collect(), now: NOW }
    }

    fn at(&mut self, name: &str) -> &mut Peer {
        self.peers.iter_mut().find(|peer| peer.member.name() == name).expect("a node")
    }

    /// Gives a user message to one node.
    fn hear(&mut self, name: &str, payload: &[u8]) {
        let now = self.now;
        let peer = self.at(name);
        let member = peer.member.clone();
        peer.serf.on_message(now, &member, payload).expect("a message of serf");
    }

    /// Carries wishes out until nobody has any.
    fn settle(&mut self) {
        for _ in 0..100 {
            let mut wishes = Vec::new();
            for peer in &mut self.peers {
                let from = peer.member.name().to_owned();
                wishes.extend(std::iter::from_fn(|| peer.serf.poll()).map(|w| (from.clone(), w)));
            }
            if wishes.is_empty() {
                return;
            }
            for (from, wish) in wishes {
                self.carry_out(&from, wish);
            }
        }
        panic!("they never stop talking");
    }

    fn carry_out(&mut self, from: &str, wish: Wish) {
        let names: Vec<String> = self.peers.iter().map(|p| p.member.name().to_owned()).collect();
        match wish {
            Wish::Spread { payload, .. } => {
                for name in names.iter().filter(|name| *name != from) {
                    self.hear(name, &payload);
                }
            }
            Wish::Send { to, payload, .. } => {
                let at = self.peers.iter().find(|peer| peer.member.addr() == to);
                let name = at.expect("somebody is there").member.name().to_owned();
                self.hear(&name, &payload);
            }
            Wish::Relay { through, except, payload } => {
                let others = names.iter().filter(|name| *name != from && **name != *except);
                for name in others.take(through.into()) {
                    self.hear(name, &payload);
                }
            }
            told => self.at(from).told.push(told),
        }
    }

    fn ask(&mut self, name: &str, question: &Question) -> Result<(), Refusal> {
        let audience = Audience::of(question).expect("expressions");
        let meant = self.peers.iter().filter(|peer| audience.includes(&peer.member));
        let expected: BTreeSet<Box<str>> = meant.map(|peer| peer.member.name().into()).collect();
        let (now, timeout) = (self.now, question.timeout.unwrap_or(SECOND));
        let asking = Asking::of(question, (70, 7), timeout, expected);
        let peer = self.at(name);
        peer.serf.ask(now, &peer.member, question, asking)
    }

    fn status(&mut self, of: &str, at: &str) -> Option<(Status, u64)> {
        self.at(at).serf.members.get(of).map(|known| (known.status, known.ltime))
    }

    /// Exchanges states, as when `from` joins through `to`.
    fn join(&mut self, from: &str, to: &str, ignore_old: bool) {
        let now = self.now;
        self.at(from).serf.come_back(now);
        let theirs = self.at(to).serf.local_state();
        let ours = self.at(from).serf.local_state();
        self.at(to).serf.merge_remote_state(now, &ours, false).expect("a state");
        self.at(from).serf.merge_remote_state(now, &theirs, ignore_old).expect("a state");
        self.at(from).serf.announce(now);
        self.settle();
    }
}

fn question(name: &str) -> Question {
    Question { name: name.to_owned(), payload: b"?".to_vec(), ..Question::default() }
}

/// The names under which queries wait to be answered.
fn to_answer(told: &[Wish]) -> Vec<(QueryId, String)> {
    let query = |wish: &Wish| match wish {
        Wish::Query { id, from, .. } => Some((*id, from.clone())),
        _ => None,
    };
    told.iter().filter_map(query).collect()
}

fn answers(told: &mut Vec<Wish>) -> Option<Answers> {
    let at = told.iter().position(|wish| matches!(wish, Wish::Answers { .. }))?;
    match told.remove(at) {
        Wish::Answers { token: 70, answers } => Some(answers),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_told_of_its_leave_has_left_and_who_did_not_has_failed() {
    let mut net = Net::new(3);
    net.at("c").serf.leave(NOW);
    net.settle();
    assert_eq!(net.status("c", "a"), Some((Status::Leaving, 1)));
    assert!(net.at("a").serf.gone("c", false), "its goodbye was lost");
    assert!(!net.at("a").serf.gone("b", false));
    assert!(net.at("b").serf.gone("c", true));
    // What `a` knows goes to whoever missed it, but for the failure.
    let state = net.at("a").serf.local_state();
    let read = State::decode(&state).unwrap();
    assert_eq!(read.left().collect::<Vec<_>>(), ["c"]);
    assert_eq!(read.statuses().collect::<Vec<_>>(), [("a", 0), ("b", 0), ("c", 1)]);
    let mut late = Net::new(3);
    late.at("b").serf.gone("c", false);
    late.at("b").serf.merge_remote_state(NOW, &state, false).unwrap();
    late.settle();
    assert_eq!(late.status("c", "b"), Some((Status::Left, 2)));
    assert_eq!(late.at("b").told, [Wish::Departed("c".into())]);
}

#[test]
fn exchanges_of_states_drive_no_times_up() {
    let mut net = Net::new(3);
    net.at("c").serf.leave(NOW);
    net.settle();
    for name in ["a", "b"] {
        assert!(net.at(name).serf.gone("c", true));
    }
    net.peers.pop();
    for _ in 0..10 {
        net.join("a", "b", false);
    }
    assert_eq!(net.status("c", "a"), Some((Status::Left, 1)));
    assert_eq!(net.status("c", "b"), Some((Status::Left, 1)));
}

#[test]
fn a_node_that_was_taken_for_gone_refutes_with_a_later_time() {
    let mut net = Net::new(2);
    let intent = LeaveIntent { ltime: 9, node: "b", prune: false };
    let mut payload = Vec::new();
    intent.encode(&mut payload);
    net.hear("a", &payload);
    net.settle();
    assert_eq!(net.status("b", "a"), Some((Status::Alive, 10)));
    assert_eq!(net.status("b", "b"), Some((Status::Alive, 10)));
    // A stale one is nothing to answer.
    net.hear("b", &payload);
    assert_eq!(net.at("b").serf.poll(), None);

    // It has been here before, left, and starts anew: nobody may think that it leaves again.
    net.at("b").serf.leave(NOW);
    net.settle();
    net.at("a").serf.gone("b", true);
    let again = Serf::new(NOW, &Arc::from("b"), [0; 3]);
    net.at("b").serf = again;
    net.at("a").serf.joined(NOW, "b");
    net.join("b", "a", false);
    let (status, ltime) = net.status("b", "a").unwrap();
    assert_eq!(status, Status::Alive);
    assert!(ltime > 11, "{ltime}");
}

#[test]
fn who_comes_back_in_the_same_process_is_here_again() {
    let mut net = Net::new(2);
    net.at("b").serf.leave(NOW);
    net.settle();
    net.at("b").serf.left();
    net.at("a").serf.gone("b", true);
    assert_eq!(net.status("b", "a"), Some((Status::Left, 1)));
    net.at("a").serf.joined(NOW, "b");
    net.join("b", "a", false);
    assert_eq!(net.status("b", "a").map(|(status, _)| status), Some(Status::Alive));
    assert_eq!(net.status("b", "b").map(|(status, _)| status), Some(Status::Alive));
}

#[test]
fn force_leave_turns_failed_into_left_everywhere() {
    let mut net = Net::new(3);
    for name in ["a", "b"] {
        net.at(name).serf.gone("c", false);
    }
    net.peers.pop();
    net.at("a").serf.force_leave(NOW, "c", false);
    net.settle();
    for name in ["a", "b"] {
        assert_eq!(net.at(name).told, [Wish::Departed("c".into())]);
        net.at(name).told.clear();
    }
    net.at("a").serf.force_leave(NOW, "c", true);
    net.settle();
    for name in ["a", "b"] {
        assert_eq!(net.at(name).told, [Wish::Prune("c".into())]);
        net.at(name).serf.forgotten("c");
        assert_eq!(net.status("c", name), None);
    }
}

#[test]
fn an_event_is_told_once_to_everybody() {
    let mut net = Net::new(4);
    net.at("a").serf.user_event("deploy", b"v1", true, 512).unwrap();
    net.at("a").serf.user_event("deploy", b"v2", false, 512).unwrap();
    net.settle();
    let told = |ltime, payload: &[u8], coalesce| Wish::UserEvent {
        name: "deploy".to_owned(),
        ltime,
        payload: payload.to_vec(),
        coalesce,
    };
    for peer in &net.peers {
        let name = peer.member.name();
        assert_eq!(peer.told, [told(1, b"v1", true), told(2, b"v2", false)], "{name}");
        assert_eq!(peer.serf.counters.events, 2);
    }
}

#[test]
fn who_joins_later_is_told_recent_events_if_it_wants() {
    for (ignore_old, told) in [(false, 2), (true, 0)] {
        let mut net = Net::new(2);
        net.at("a").serf.user_event("deploy", b"v1", true, 512).unwrap();
        net.at("b").serf.user_event("deploy", b"v2", false, 512).unwrap();
        net.settle();
        let serf = Serf::new(NOW, &Arc::from("z"), [0; 3]);
        net.peers.push(Peer { serf, member: member("z", 26), told: Vec::new() });
        net.join("z", "a", ignore_old);
        // What it ignored once it is not told by an exchange that is no join.
        net.join("z", "b", false);
        assert_eq!(net.at("z").told.len(), told);
        net.at("a").serf.user_event("new", b"", false, 512).unwrap();
        net.settle();
        let last = net.at("z").told.pop();
        assert!(matches!(&last, Some(Wish::UserEvent { name, .. }) if name == "new"), "{last:?}");
    }
}

#[test]
fn a_restarted_node_goes_on_where_it_was() {
    let mut net = Net::new(2);
    for name in ["one", "two"] {
        net.at("a").serf.user_event(name, b"", false, 512).unwrap();
        net.ask("a", &question(name)).unwrap();
    }
    net.settle();
    let mut stats = Stats::default();
    net.at("b").serf.count(&mut stats);
    let clocks = [stats.member_clock, stats.event_clock, stats.query_clock];
    assert_eq!(clocks, [1, 3, 3]);
    net.at("b").serf = Serf::new(NOW, &Arc::from("b"), clocks);
    net.at("b").told.clear();
    net.join("b", "a", false);
    assert_eq!(net.at("b").told, [], "it knows them");
    net.at("a").serf.user_event("three", b"", false, 512).unwrap();
    net.ask("a", &question("three")).unwrap();
    net.settle();
    assert_eq!(net.at("b").told.len(), 2);
}

#[test]
fn events_have_a_size() {
    let mut net = Net::new(1);
    let serf = &mut net.at("a").serf;
    assert_eq!(serf.user_event("four", &[0; 508], false, 512), Ok(()));
    assert_eq!(serf.user_event("four", &[0; 509], false, 512), Err(Refusal::TooLarge(513, 512)));
    assert_eq!(serf.user_event("four", &[0; EVENT_MAX - 4], false, usize::MAX), Ok(()));
    let refused = serf.user_event("four", &[0; EVENT_MAX - 3], false, usize::MAX);
    assert_eq!(refused, Err(Refusal::TooLarge(EVENT_MAX + 1, EVENT_MAX)));
}

#[test]
fn a_query_is_over_when_everybody_has_answered() {
    let mut net = Net::new(3);
    net.ask("a", &Question { ack: true, ..question("uptime") }).unwrap();
    net.settle();
    assert_eq!(answers(&mut net.at("a").told), None, "nobody has answered yet");
    for name in ["a", "b", "c"] {
        let waiting = to_answer(&net.at(name).told);
        assert_eq!(waiting.len(), 1, "{name}");
        let (id, from) = &waiting[0];
        assert_eq!(from, "a");
        net.at(name).serf.respond(NOW, *id, name.as_bytes()).unwrap();
        assert_eq!(net.at(name).serf.respond(NOW, *id, b"twice"), Err(Refusal::Late));
        net.settle();
    }
    let mut over = answers(&mut net.at("a").told).expect("over");
    over.acks.sort();
    assert_eq!(over.acks, ["a", "b", "c"]);
    let said: Vec<_> = over.responses.iter().map(|r| (&*r.from, &*r.payload)).collect();
    assert_eq!(said, [("a", &b"a"[..]), ("b", b"b"), ("c", b"c")]);
    assert!(over.complete);
    assert_eq!(net.at("b").serf.counters.late, 1);
}

#[test]
fn a_query_is_over_at_its_deadline() {
    let mut net = Net::new(3);
    net.ask("a", &question("uptime")).unwrap();
    net.settle();
    let waiting: Vec<_> =
        ["b", "c"].map(|name| to_answer(&net.at(name).told)[0].0).into_iter().collect();
    net.at("b").serf.respond(NOW, waiting[0], b"soon").unwrap();
    net.settle();
    assert_eq!(net.at("a").serf.deadline(), NOW + SECOND);
    net.now = NOW + SECOND;
    let now = net.now;
    assert_eq!(net.at("c").serf.respond(now, waiting[1], b"late"), Err(Refusal::Late));
    net.at("a").serf.on_timer(now);
    net.settle();
    let over = answers(&mut net.at("a").told).expect("over");
    assert_eq!((over.responses.len(), over.acks.len(), over.complete), (1, 0, false));
    assert_eq!(net.at("a").serf.deadline(), Instant::NEVER);
    // An answer that was under way for too long.
    let late = QueryResponse { ltime: 1, id: 7, from: "c", ..QueryResponse::default() };
    let mut payload = Vec::new();
    late.encode(&mut payload);
    net.hear("a", &payload);
    assert_eq!(net.at("a").serf.counters.late, 1);
}

#[test]
fn only_who_is_meant_answers() {
    let mut net = Net::new(4);
    let nodes = vec!["b".to_owned(), "c".to_owned()];
    let tags = BTreeMap::from([("of".to_owned(), "^[cd]$".to_owned())]);
    net.ask("a", &Question { nodes, tags, ack: true, ..question("uptime") }).unwrap();
    net.settle();
    for (name, meant) in [("a", 0), ("b", 0), ("c", 1), ("d", 0)] {
        assert_eq!(to_answer(&net.at(name).told).len(), meant, "{name}");
    }
    let (id, _) = to_answer(&net.at("c").told)[0];
    net.at("c").serf.respond(NOW, id, b"me").unwrap();
    net.settle();
    let over = answers(&mut net.at("a").told).expect("nobody else is waited for");
    assert_eq!((&over.acks[..], over.responses.len()), (&["c".to_owned()][..], 1));
}

#[test]
fn answers_by_way_of_others_count_once() {
    let mut net = Net::new(4);
    net.ask("a", &Question { relay_factor: 2, ack: true, ..question("uptime") }).unwrap();
    net.settle();
    let (id, _) = to_answer(&net.at("b").told)[0];
    net.at("b").serf.respond(NOW, id, b"me").unwrap();
    let mut relayed = 0;
    let wishes: Vec<_> = std::iter::from_fn(|| net.at("b").serf.poll()).collect();
    for wish in wishes {
        relayed += usize::from(matches!(&wish, Wish::Relay { through: 2, .. }));
        // The direct answer is lost.
        if !matches!(&wish, Wish::Send { .. }) {
            net.carry_out("b", wish);
        }
    }
    assert_eq!(relayed, 1);
    net.settle();
    let running = net.at("a").serf.queries.expire(NOW + SECOND).expect("under way");
    assert_eq!(running.1.responses.len(), 1);
    assert_eq!(running.1.acks.len(), 4);
    assert_eq!(net.at("a").serf.counters.late, 0, "what came twice is not late");
}

#[test]
fn nothing_but_answers_is_passed_on() {
    let mut net = Net::new(2);
    let to = ([10, 0, 0, 9], 9).into();
    let mut leave = Vec::new();
    LeaveIntent { ltime: 1, node: "b", prune: false }.encode(&mut leave);
    for inner in [&leave[..], b"", b"\x05junk"] {
        let mut payload = Vec::new();
        RelayHeader::encode(to, "b", inner, &mut payload);
        net.hear("a", &payload);
        assert_eq!(net.at("a").serf.poll(), None);
    }
    assert_eq!(net.at("a").serf.counters.refused, 3);
    let (mut response, mut payload) = (Vec::new(), Vec::new());
    QueryResponse::default().encode(&mut response);
    RelayHeader::encode(to, "b", &response, &mut payload);
    net.hear("a", &payload);
    assert_eq!(
        net.at("a").serf.poll(),
        Some(Wish::Send { to, node: "b".into(), payload: response })
    );
}

#[test]
fn a_query_that_is_not_to_be_passed_on_is_not() {
    let mut net = Net::new(1);
    let query = Query { ltime: 1, from: "b", addr: &[10, 0, 0, 2], port: 2, ..Query::default() };
    for (id, flags, spread) in [(1, 0, 1), (2, 2, 0)] {
        let mut payload = Vec::new();
        Query { id, flags, ..query }.encode(&[], &mut payload);
        net.hear("a", &payload);
        net.hear("a", &payload);
        let wishes: Vec<_> = std::iter::from_fn(|| net.at("a").serf.poll()).collect();
        let spreads = wishes.iter().filter(|wish| matches!(wish, Wish::Spread { .. }));
        assert_eq!(spreads.count(), spread, "flags {flags}");
    }
}

#[test]
fn what_is_asked_and_answered_has_a_size() {
    let mut net = Net::new(2);
    let large = Question { payload: vec![0; 1024], ..question("uptime") };
    assert!(matches!(net.ask("a", &large), Err(Refusal::TooLarge(1025.., 1024))));
    net.ask("a", &question("uptime")).unwrap();
    net.settle();
    let (id, _) = to_answer(&net.at("b").told)[0];
    let serf = &mut net.at("b").serf;
    assert!(matches!(serf.respond(NOW, id, &[0; 1024]), Err(Refusal::TooLarge(1025.., 1024))));
    assert_eq!(serf.respond(NOW, id, &[0; 900]), Ok(()), "it may try again");
}

#[test]
fn a_ping_is_acknowledged_and_no_application_sees_it() {
    let mut net = Net::new(3);
    net.ask("a", &Question { ack: true, ..question("_serf_ping") }).unwrap();
    net.settle();
    let over = answers(&mut net.at("a").told).expect("acknowledgements are enough");
    assert_eq!(over.acks.len(), 3);
    assert!(over.complete && over.responses.is_empty());
    assert!(net.peers.iter().all(|peer| peer.told.is_empty()));
}

#[test]
fn everybody_but_the_one_in_question_says_who_holds_a_name() {
    let mut net = Net::new(3);
    let asked = Question { payload: b"b".to_vec(), ..question("_serf_conflict") };
    net.ask("a", &asked).unwrap();
    net.settle();
    assert_eq!(net.at("b").told, [], "it is asked about itself");
    let holder = member("b", 2);
    for name in ["a", "c"] {
        let Some(Wish::WhoHolds { query, name: wanted }) = net.at(name).told.pop() else {
            panic!("{name} says something");
        };
        assert_eq!(&*wanted, "b");
        let known = (name == "a").then_some(&holder);
        net.at(name).serf.answer_holder(NOW, query, known);
        net.settle();
    }
    net.at("a").serf.on_timer(NOW + SECOND);
    net.settle();
    let over = answers(&mut net.at("a").told).expect("over");
    let said: Vec<_> =
        over.responses.iter().map(|r| Holder::decode(&r.payload).expect("a holder")).collect();
    let found = said[0].as_ref().expect("`a` knows it");
    assert_eq!((found.name, found.addr, found.port), ("b", &[10, 0, 0, 1][..], 2));
    assert_eq!((found.status, found.versions), (1, [1, 5, 2, 2, 5, 5]));
    assert_eq!(said[1], None);
}

#[test]
fn keyrings_are_changed_and_listed_by_a_query() {
    let mut net = Net::new(2);
    net.ask("a", &KeyOp::Install.question(b"0123456789abcdef")).unwrap();
    net.settle();
    for name in ["a", "b"] {
        let Some(Wish::Keyring { query, op: KeyOp::Install, key }) = net.at(name).told.pop() else {
            panic!("{name} is to change its keyring");
        };
        assert_eq!(key, b"0123456789abcdef");
        let outcome = match name {
            "a" => KeyOutcome { done: true, ..KeyOutcome::default() },
            _ => KeyOutcome::no_keyring(KeyOp::Install),
        };
        net.at(name).serf.answer_keys(NOW, query, &outcome);
        net.settle();
    }
    let over = answers(&mut net.at("a").told).expect("over");
    let said: Vec<_> =
        over.responses.iter().map(|r| KeyOutcome::read(&r.payload).expect("an outcome")).collect();
    assert!(said[0].done && !said[1].done);
    assert_eq!(said[1].message, "No keyring to modify (encryption not enabled)");

    net.ask("a", &KeyOp::List.question(b"")).unwrap();
    net.settle();
    let Some(Wish::Keyring { query, op: KeyOp::List, .. }) = net.at("b").told.pop() else {
        panic!("b is to list its keys");
    };
    let keys: Vec<String> = (0..60).map(|key| format!("{key:024}")).collect();
    let primary = keys[0].clone();
    let outcome = KeyOutcome { done: true, keys, primary, ..KeyOutcome::default() };
    net.at("b").serf.answer_keys(NOW, query, &outcome);
    net.settle();
    net.at("a").serf.on_timer(NOW + SECOND);
    net.settle();
    let over = answers(&mut net.at("a").told).expect("over");
    let said = KeyOutcome::read(&over.responses[0].payload).expect("an outcome");
    assert!(said.done && (20..60).contains(&said.keys.len()), "{}", said.keys.len());
    assert!(said.message.starts_with("truncated key list response"), "{}", said.message);
    // What is no request is nothing to answer.
    let mut bad = KeyOp::Use.question(b"0123456789abcdef");
    bad.payload.pop();
    net.ask("a", &bad).unwrap();
    net.settle();
    assert!(net.at("b").told.is_empty());
}

#[test]
fn distances_are_learned_from_acks() {
    let mut net = Net::new(2);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let payload = net.at("b").serf.ack_payload().to_vec();
    assert_eq!(payload.len(), 130, "as long as serf's");
    let serf = &mut net.at("a").serf;
    assert!(serf.coordinate("b").is_none());
    for _ in 0..20 {
        serf.on_ack("b", Duration::from_millis(40), &payload, &mut rng);
    }
    let (own, there) = (*serf.coordinate("a").unwrap(), *serf.coordinate("b").unwrap());
    let estimate = own.distance_to(&there).as_secs_f64();
    assert!((0.03..0.05).contains(&estimate), "{estimate}");
    assert_ne!(serf.ack_payload(), payload, "it says where it stands now");
    // Peers without coordinates, strangers, and rogues.
    assert_eq!(serf.on_ack("b", SECOND, b"load=3", &mut rng), b"load=3");
    let more = [&payload[..], b"load=3"].concat();
    assert_eq!(serf.on_ack("z", SECOND, &more, &mut rng), b"load=3");
    assert_eq!(serf.counters.coordinates_refused, 0);
    serf.on_ack("b", SECOND, b"\x01\x80", &mut rng);
    serf.on_ack("b", SECOND * 11, &payload, &mut rng);
    assert_eq!(serf.counters.coordinates_refused, 2);
    assert_eq!(serf.coordinate("a"), Some(&own));
    serf.forgotten("b");
    assert!(serf.coordinate("b").is_none());
}

#[test]
fn a_clock_is_not_thrown_off() {
    let mut net = Net::new(2);
    for payload in [
        &b"\x00\x82\xa5LTime\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa4Node\xa1b"[..],
        b"\x01\x82\xa5LTime\xcf\xff\xff\xff\xff\xff\xff\xff\xfe\xa4Node\xa1b",
        b"\x03\x82\xa5LTime\xcf\x10\x00\x00\x00\x00\x00\x00\x00\xa4Name\xa1e",
        b"\x04\x82\xa5LTime\xcf\x10\x00\x00\x00\x00\x00\x00\x00\xa4Name\xa1q",
    ] {
        net.hear("a", payload);
    }
    let state = b"\x02\x83\xa5LTime\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xaaEventLTime\xcf\xff\xff\
        \xff\xff\xff\xff\xff\xff\xacStatusLTimes\x81\xa1b\xcf\xff\xff\xff\xff\xff\xff\xff\xff";
    let serf = &mut net.at("a").serf;
    serf.merge_remote_state(NOW, state, true).unwrap();
    assert_eq!(serf.poll(), None);
    let clocks = [serf.clock.time(), serf.events.clock.time(), serf.queries.clock.time()];
    assert_eq!(clocks, [1, 1, 1]);
    assert_eq!(serf.counters.refused, 7);
    assert_eq!(serf.user_event("still", b"", false, 512), Ok(()));
    assert!(matches!(serf.poll(), Some(Wish::UserEvent { ltime: 1, .. })));
}

#[test]
fn what_is_no_message_of_serf_is_an_error() {
    let mut net = Net::new(1);
    let peer = net.at("a");
    for (payload, error) in [
        (&b""[..], WireError::Truncated),
        (b"\x0a\x80", WireError::BadType),
        (b"\x02\x80", WireError::BadType),
        (b"\x00\x01", WireError::BadMsgpack),
    ] {
        assert_eq!(peer.serf.on_message(NOW, &peer.member, payload), Err(error));
    }
    assert!(peer.serf.merge_remote_state(NOW, b"\x03\x80", false).is_err());
}

#[test]
fn a_query_lasts_as_long_as_serfs() {
    let tick = Duration::from_millis(200);
    for (members, digits) in [(1, 1), (9, 1), (10, 2), (99, 2), (100, 3), (1000, 4)] {
        assert_eq!(Serf::default_timeout(tick, members), tick * 16 * digits, "{members}");
    }
}
