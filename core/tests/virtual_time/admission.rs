//! Newcomers on approval, in virtual time.

use std::time::Duration;

use chinwag::config::{Admitting, Protocol};
use chinwag::engine::{Reply, Request, RequestId};
use chinwag::sim::{NodeId, Sim};
use chinwag::{Config, ErrorKind, EventKind};

const LIMIT: Duration = Duration::from_secs(30);

/// The LAN profile; newcomers are asked about.
fn asking() -> Protocol {
    let mut protocol = Protocol::profile("lan");
    protocol.admission = Admitting::Ask;
    protocol
}

/// The questions that a node has asked: number and name.
fn questions(sim: &Sim, node: NodeId) -> Vec<(u64, String)> {
    let asked = sim.log(node).iter().filter_map(|(_, kind)| match kind {
        EventKind::Admission(a) => Some((a.id, a.member.name().to_owned())),
        _ => None,
    });
    asked.collect()
}

fn sees(sim: &Sim, node: NodeId, name: &str) -> bool {
    sim.members(node).iter().any(|member| member.name() == name)
}

/// A gate that asks, and somebody who wants to join through it and has not been decided about.
fn at_the_gate(seed: u64) -> (Sim, NodeId, NodeId, RequestId) {
    let mut sim = Sim::with_protocol(seed, asking());
    let gate = sim.start("gate");
    sim.set_protocol(Protocol::profile("lan"));
    let guest = sim.start("guest");
    let join = sim.join(guest, &[gate]);
    assert!(sim.run_until(LIMIT, |sim| !questions(sim, gate).is_empty()), "nobody was asked");
    assert_eq!(questions(&sim, gate), [(1, "guest".to_owned())]);
    assert!(!sees(&sim, gate, "guest") && sim.reply(guest, join).is_none());
    (sim, gate, guest, join)
}

#[test]
fn a_newcomer_waits_until_it_is_let_in() {
    let (mut sim, gate, guest, join) = at_the_gate(1);
    sim.run_for(Duration::from_secs(2));
    assert!(!sees(&sim, guest, "gate"), "it got an answer before the decision");
    sim.request(gate, Request::Decide { question: 1, refusal: None });
    assert!(sim.run_until(LIMIT, Sim::all_see_all));
    assert_eq!(sim.reply(guest, join).expect("a reply").clone().ok(), Some(Reply::Joined(1)));
    let again = sim.request(gate, Request::Decide { question: 1, refusal: None });
    let error = sim.reply(gate, again).expect("at once").clone().expect_err("decided before");
    assert_eq!(error.kind(), ErrorKind::BadArgument);
}

#[test]
fn a_refused_newcomer_is_told_why_and_stays_out() {
    let (mut sim, gate, guest, join) = at_the_gate(2);
    let refusal = Some("no room at the inn".to_owned());
    sim.request(gate, Request::Decide { question: 1, refusal });
    assert!(sim.run_until(LIMIT, |sim| sim.reply(guest, join).is_some()));
    let error = sim.reply(guest, join).expect("a reply").clone().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::NotAdmitted);
    assert!(error.message().contains("no room at the inn"), "{error}");
    assert!(!sees(&sim, gate, "guest") && !sees(&sim, guest, "gate"));
    // Another attempt is refused without asking anybody.
    let join = sim.join(guest, &[gate]);
    assert!(sim.run_until(LIMIT, |sim| sim.reply(guest, join).is_some()));
    assert!(sim.reply(guest, join).expect("a reply").is_err());
    assert_eq!(questions(&sim, gate).len(), 1);
    assert_eq!(sim.stats(gate).members_refused, 1);
}

#[test]
fn what_nobody_decides_is_refused_in_time() {
    let (mut sim, gate, guest, join) = at_the_gate(3);
    assert!(sim.run_until(Duration::from_secs(6), |sim| sim.reply(guest, join).is_some()));
    let error = sim.reply(guest, join).expect("a reply").clone().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::NotAdmitted);
    assert!(error.message().contains("nobody decided"), "{error}");
    assert!(!sees(&sim, gate, "guest"));
}

/// Whoever comes by way of another member is asked about as well, and is kept out alone.
#[test]
fn newcomers_that_others_let_in_are_asked_about() {
    let mut sim = Sim::with_protocol(4, asking());
    let gate = sim.start("gate");
    sim.set_protocol(Protocol::profile("lan"));
    let friend = sim.start("friend");
    sim.join(friend, &[gate]);
    assert!(sim.run_until(LIMIT, |sim| !questions(sim, gate).is_empty()));
    sim.request(gate, Request::Decide { question: 1, refusal: None });
    assert!(sim.run_until(LIMIT, Sim::all_see_all));
    let stranger = sim.start("stranger");
    sim.join(stranger, &[friend]);
    let asked = |sim: &Sim| questions(sim, gate).iter().any(|(_, name)| name == "stranger");
    assert!(sim.run_until(LIMIT, asked), "gossip brought it in without a question");
    let (id, _) = questions(&sim, gate).pop().expect("a question");
    sim.request(gate, Request::Decide { question: id, refusal: Some(String::new()) });
    sim.run_for(Duration::from_secs(20));
    assert!(!sees(&sim, gate, "stranger") && sees(&sim, friend, "stranger"));
    assert!(sees(&sim, gate, "friend"), "the friend is kept out with it");
}

/// Whoever joins has chosen the cluster: nobody is asked about its members.
#[test]
fn a_node_that_asks_joins_without_asking() {
    let mut sim = Sim::new(5);
    let (a, b) = (sim.start("a"), sim.start("b"));
    sim.join(b, &[a]);
    assert!(sim.run_until(LIMIT, Sim::all_see_all));
    sim.set_protocol(asking());
    let newcomer = sim.start("newcomer");
    sim.join(newcomer, &[a]);
    assert!(sim.run_until(Duration::from_secs(3), Sim::all_see_all));
    sim.run_for(Duration::from_secs(20));
    assert!(sees(&sim, newcomer, "a") && sees(&sim, newcomer, "b"));
    assert_eq!(sim.stats(newcomer).members_refused, 0);
}

#[test]
fn the_option_is_a_choice() {
    let mut config = Config::new();
    config.set("admission", "ask").expect("a choice");
    let settings = config.settings().expect("settings");
    assert_eq!(settings.protocol.admission, Admitting::Ask);
    assert!(config.set("admission", "perhaps").is_err());
}
