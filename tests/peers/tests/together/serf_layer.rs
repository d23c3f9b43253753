//! What serf adds to memberlist, between serf agents and this library.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use chinwag::host::{Answer, Op};
use chinwag::{Answers, EventKind, KeyOp, KeyOutcome, Question, Response};
use chinwag_peers::ours::Ours;
use chinwag_peers::serf::Serf;
use chinwag_peers::{eventually, present};

/// Two of each, and the way of an answer between them.
struct Both {
    ours: [Ours; 2],
    serfs: [Serf; 2],
}

const NAMES: [&str; 4] = ["ours-1", "ours-2", "serf-1", "serf-2"];

/// A cluster in which `serf-1` answers queries called `uptime`.
fn both() -> Both {
    let handler = "-event-handler=query:uptime=echo pong";
    let one = Serf::start("serf-1", None, &[handler]);
    let ours = Ours::start("ours-1", &[&one.addr], &[]);
    let two = Serf::start("serf-2", Some(&ours.addr()), &[]);
    let last = Ours::start("ours-2", &[&two.addr], &[]);
    let (ours, serfs) = ([ours, last], [one, two]);
    ours.iter().for_each(|member| drop(member.sees(&NAMES)));
    for serf in &serfs {
        NAMES.iter().for_each(|name| drop(serf.expect(name, "alive")));
    }
    Both { ours, serfs }
}

/// The payloads of the user events of that name.
fn events(ours: &Ours, name: &str) -> Vec<String> {
    ours.heard(|kind| match kind {
        EventKind::UserEvent(event) if event.name == name => {
            Some(String::from_utf8_lossy(&event.payload).into_owned())
        }
        _ => None,
    })
}

fn ask(ours: &Ours, question: Question) -> Answers {
    match ours.run(Op::Query(question)) {
        Ok(Answer::Record(fields)) => answers(fields),
        other => panic!("{other:?}"),
    }
}

/// What came back, from what bindings get of it.
fn answers(fields: Vec<(&str, Answer)>) -> Answers {
    let mut answers = Answers::default();
    for field in fields {
        match field {
            ("acks", Answer::List(acks)) => answers.acks = acks.into_iter().map(text).collect(),
            ("responses", Answer::List(all)) => {
                answers.responses = all.into_iter().map(response).collect();
            }
            ("complete", Answer::Flag(complete)) => answers.complete = complete,
            other => panic!("{other:?}"),
        }
    }
    answers
}

fn text(answer: Answer) -> String {
    match answer {
        Answer::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

fn response(answer: Answer) -> Response {
    let Answer::Record(fields) = answer else { panic!("{answer:?}") };
    match <[_; 2]>::try_from(fields) {
        Ok([("sender", from), ("payload", Answer::Bytes(payload))]) => {
            Response { from: text(from), payload }
        }
        other => panic!("{other:?}"),
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn user_events_pass_both_ways_and_once() {
    if !present("serf") {
        return;
    }
    let both = both();
    let mut monitors = [both.serfs[0].monitor(), both.serfs[1].monitor()];
    both.serfs[0].run("event", &["-coalesce=false", "deploy", "v1"]);
    for member in &both.ours {
        let coalesce = member.told("serf's event", |kind| match kind {
            EventKind::UserEvent(event) if event.name == "deploy" => Some(event.coalesce),
            _ => None,
        });
        assert!(!coalesce);
    }
    let ours = Op::UserEvent("hello".to_owned(), b"from us".to_vec(), false);
    assert_eq!(both.ours[1].run(ours), Ok(Answer::None));
    for monitor in &mut monitors {
        monitor.expect("our event", |line| line.contains("Received event: user-event: hello"));
    }
    for member in &both.ours {
        eventually("our event here", || (events(member, "hello").len() == 1).then_some(()));
    }

    // Who joins later is told by the exchange of states, whoever it asks.
    let late = Ours::start("ours-3", &[&both.serfs[0].addr], &[]);
    eventually("what was before", || {
        (events(&late, "deploy") == ["v1"] && events(&late, "hello") == ["from us"]).then_some(())
    });
    let replay = Serf::start("serf-3", Some(&both.ours[0].addr()), &["-replay"]);
    let mut monitor = replay.monitor();
    for name in ["deploy", "hello"] {
        let wanted = format!("Received event: user-event: {name}");
        monitor.expect(name, |line| line.contains(&wanted));
    }
    for (name, payload) in [("deploy", "v1"), ("hello", "from us")] {
        for member in both.ours.iter().chain([&late]) {
            assert_eq!(events(member, name), [payload]);
        }
    }
}

#[test]
fn queries_of_serf_are_answered_here() {
    if !present("serf") {
        return;
    }
    let both = both();
    std::thread::scope(|scope| {
        let (ours, serf) = (&both.ours[0], &both.serfs[1]);
        let answering = scope.spawn(|| {
            let (id, sender, payload) = ours.told("serf's query", |kind| match kind {
                EventKind::Query(query) if query.name == "load" => {
                    let payload = String::from_utf8_lossy(&query.payload).into_owned();
                    Some((query.id, query.sender.clone(), payload))
                }
                _ => None,
            });
            assert_eq!((&*sender, &*payload), ("serf-2", "now"));
            assert_eq!(ours.run(Op::Respond(id, b"0.7".to_vec())), Ok(Answer::None));
        });
        let answers = serf.json("query", &["-tag=of=^ours-", "-timeout=3s", "load", "now"]);
        answering.join().expect("it is answered");
        assert_eq!(answers["Acks"].as_array().map(Vec::len), Some(2), "{answers}");
        assert_eq!(answers["Responses"]["ours-1"], "0.7", "{answers}");
    });
    // With a relay factor, answers come by way of us too.
    let answers = both.serfs[1].json("query", &["-relay-factor=2", "-timeout=3s", "uptime"]);
    let acks: Vec<_> = answers["Acks"].as_array().into_iter().flatten().collect();
    assert_eq!(acks.len(), NAMES.len(), "{answers}");
    assert_eq!(answers["Responses"]["serf-1"], "pong\n", "{answers}");
    assert!(both.serfs[1].run("reachability", &[]).contains("Successfully contacted all live"));
}

#[test]
fn our_queries_are_answered_by_serf() {
    if !present("serf") {
        return;
    }
    let both = both();
    let uptime = |nodes: &[&str]| Question {
        name: "uptime".to_owned(),
        nodes: nodes.iter().map(|name| (*name).to_owned()).collect(),
        ack: true,
        relay_factor: 1,
        timeout: Some(Duration::from_secs(10)),
        ..Question::default()
    };
    let answers = ask(&both.ours[0], uptime(&["serf-1"]));
    assert!(answers.complete, "{answers:?}");
    assert_eq!(answers.acks, ["serf-1"]);
    let said: Vec<_> = answers.responses.iter().map(|r| (&*r.from, &*r.payload)).collect();
    assert_eq!(said, [("serf-1", &b"pong\n"[..])]);

    let tags = [("of".to_owned(), "^serf-[0-9]$".to_owned())].into();
    let timeout = Some(Duration::from_secs(2));
    let answers = ask(&both.ours[1], Question { tags, timeout, ..uptime(&[]) });
    assert_eq!(sorted(answers.acks), ["serf-1", "serf-2"]);
    assert_eq!(answers.responses.len(), 1, "the other one has no handler");

    let ping = Question { name: "_serf_ping".to_owned(), ..uptime(&[]) };
    let answers = ask(&both.ours[1], ping);
    assert!(answers.complete, "{answers:?}");
    assert_eq!(sorted(answers.acks), NAMES);
}

#[test]
fn serf_says_who_holds_a_name_and_what_is_in_its_keyring() {
    if !present("serf") {
        return;
    }
    let both = both();
    let timeout = Some(Duration::from_secs(2));
    let (name, payload) = ("_serf_conflict".to_owned(), b"ours-2".to_vec());
    let question = Question { name, payload, timeout, ..Question::default() };
    let answers = ask(&both.ours[0], question);
    let from = sorted(answers.responses.iter().map(|r| r.from.clone()).collect());
    assert_eq!(from, ["ours-1", "serf-1", "serf-2"], "all but the one in question");
    let addr: SocketAddrV4 = both.ours[1].addr().parse().expect("an address");
    for response in answers.responses {
        let holder = chinwag::wire::serf::Holder::decode(&response.payload);
        let holder = holder.expect("an answer").expect("it is known");
        assert_eq!((holder.name, holder.port), ("ours-2", addr.port()));
        let (ip, alive) = (addr.ip().octets(), 1);
        assert_eq!((holder.addr, holder.status), (&ip[..], alive), "{}", response.from);
    }

    let answers = ask(&both.ours[0], KeyOp::List.question(b""));
    let failed = both.ours[0].heard(|kind| match kind {
        EventKind::MemberFailed(member) => Some(member.name().to_owned()),
        _ => None,
    });
    let from = sorted(answers.responses.iter().map(|r| r.from.clone()).collect());
    let (complete, counted) = (answers.complete, both.ours[0].stats());
    assert_eq!(from, NAMES, "complete: {complete}, failed: {failed:?}, {counted:?}");
    for response in answers.responses {
        let outcome = KeyOutcome::read(&response.payload).expect("an outcome");
        assert!(!outcome.done);
        assert_eq!(outcome.message, "Keyring is empty (encryption not enabled)");
    }
}

/// Base64 of 16 bytes, and of 32.
const KEYS: [&str; 2] =
    ["MDEyMzQ1Njc4OWFiY2RlZg==", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="];

/// What became of the keyring of each member, by name.
fn change_keys(ours: &Ours, op: KeyOp, key: &[u8]) -> BTreeMap<String, KeyOutcome> {
    let timeout = Some(Duration::from_secs(10));
    let answers = ask(ours, Question { timeout, ..op.question(key) });
    let outcome = |response: Response| {
        (response.from, KeyOutcome::read(&response.payload).expect("an outcome"))
    };
    answers.responses.into_iter().map(outcome).collect()
}

#[test]
fn keys_are_changed_by_either_side_everywhere() {
    if !present("serf") {
        return;
    }
    let [old, new] = KEYS;
    let serf = Serf::start("serf-1", None, &[&format!("-encrypt={old}")]);
    let ours = Ours::start("ours-1", &[&serf.addr], &[("keys", old)]);
    let other = Ours::start("ours-2", &[&ours.addr()], &[("keys", old)]);
    let names = ["ours-1", "ours-2", "serf-1"];
    [&ours, &other].into_iter().for_each(|member| drop(member.sees(&names)));
    names.iter().for_each(|name| drop(serf.expect(name, "alive")));

    let raw = b"0123456789abcdef0123456789abcdef";
    for op in [KeyOp::Install, KeyOp::Use] {
        let outcomes = change_keys(&ours, op, raw);
        assert!(outcomes.values().all(|outcome| outcome.done), "{op:?}: {outcomes:?}");
        assert!(outcomes.keys().eq(&names), "{op:?}: {outcomes:?}");
    }
    let listed = serf.run("keys", &["-list"]);
    assert!(listed.lines().any(|l| l.starts_with(new) && l.ends_with("[3/3]")), "{listed}");
    let removed = serf.run("keys", &[&format!("-remove={old}")]);
    let outcomes = change_keys(&other, KeyOp::List, b"");
    for (name, outcome) in &outcomes {
        assert_eq!((&*outcome.keys, &*outcome.primary), (&[new.to_owned()][..], new), "{name}");
    }
    assert_eq!(outcomes.len(), 3, "{removed}");
    [&ours, &other].into_iter().for_each(|member| drop(member.sees(&names)));
}

#[test]
fn distances_are_known_on_both_sides() {
    if !present("serf") {
        return;
    }
    let both = both();
    for (from, to) in [("ours-1", "serf-1"), ("serf-2", "ours-2"), ("ours-1", "ours-2")] {
        eventually(&format!("serf knows from {from} to {to}"), || {
            let printed = both.serfs[0].run("rtt", &[from, to]);
            printed.starts_with("Estimated").then_some(())
        });
        eventually(&format!("we know from {from} to {to}"), || {
            let rtt = both.ours[0].run(Op::Rtt(from.to_owned(), to.to_owned()));
            match rtt {
                Ok(Answer::Duration(rtt)) => {
                    assert!(rtt < Duration::from_secs(1), "{rtt:?}");
                    Some(())
                }
                _ => None,
            }
        });
    }
    for member in &both.ours {
        assert_eq!(member.stats().coordinates_refused, 0);
        assert!(matches!(member.run(Op::Coordinate), Ok(Answer::Record(_))));
    }
    for serf in &both.serfs {
        assert!(!serf.log().iter().any(|line| line.contains("oordinate")), "{:?}", serf.log());
    }
}

#[test]
fn force_leave_of_either_side_is_believed_by_both() {
    if !present("serf") {
        return;
    }
    let Both { ours: [watching, dying], serfs: [one, mut two] } = both();
    dying.crash();
    two.kill();
    for name in ["ours-2", "serf-2"] {
        one.expect(name, "failed");
        watching.expect("member-failed", name, "member-leave");
    }
    insist(&one, &watching, &["serf-2"], "member-leave serf-2");
    one.expect("serf-2", "left");
    let force = Op::ForceLeave("ours-2".to_owned(), false);
    assert_eq!(watching.run(force), Ok(Answer::None));
    one.expect("ours-2", "left");
    watching.expect("member-leave", "ours-2", "member-join");

    let prune = Op::ForceLeave("serf-2".to_owned(), true);
    assert_eq!(watching.run(prune), Ok(Answer::None));
    eventually("serf forgets it", || (!one.members().contains_key("serf-2")).then_some(()));
    insist(&one, &watching, &["-prune", "ours-2"], "member-reap ours-2");
}

/// `serf force-leave`, until it is heard of: serf sends it twice in so small a cluster, and may
/// choose those who have failed both times.
fn insist(serf: &Serf, watching: &Ours, options: &[&str], event: &str) {
    eventually(event, || {
        serf.run("force-leave", options);
        let heard = watching.heard(|kind| {
            let member = kind.member()?;
            (format!("{} {}", kind.token(), member.name()) == event).then_some(())
        });
        heard.first().copied()
    });
}
