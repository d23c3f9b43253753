//! What a worker says, as its member gets it.

use super::super::{Limits, Members, Setup, Whereabouts};
use super::*;
use crate::config::Overflow;
use crate::messaging::Payload;
use crate::ring::Ring;

#[derive(Debug)]
struct Nobody;

impl Members for Nobody {
    fn find(&self, _: &str) -> Option<Whereabouts> {
        None
    }

    fn ring(&self) -> Option<Ring> {
        None
    }

    fn last_words(&self, _: &str, _: &str) -> Option<Arc<[u8]>> {
        None
    }
}

const NOW: Instant = Instant::from_nanos(0);
const ROOM: MailboxLimits = MailboxLimits { messages: 100, bytes: 1 << 20 };

fn machine(name: &str) -> Messaging {
    let limits = Limits {
        message_max: 1 << 20,
        outbox_bytes: 1 << 20,
        outbox_age: std::time::Duration::from_secs(30),
        overflow: Overflow::Reject,
    };
    let setup = Setup { name: name.into(), run: 7, limits, members: Box::new(Nobody), seed: 1 };
    Messaging::new(NOW, setup)
}

/// A hub and a worker who know each other, and what the hub takes.
fn pair() -> (Messaging, Messaging, ServerId, [LinkId; 2]) {
    let (mut hub, mut worker) =
        (machine("a").in_role(Role::Hub), machine("w").in_role(Role::Worker));
    let desk = hub.open_desk(ROOM).expect("the first");
    let links = [hub.accepted(NOW), worker.attach(NOW, "a")];
    talk(&mut hub, &mut worker, links);
    (hub, worker, desk, links)
}

/// Carries bytes until there are no more.
fn talk(hub: &mut Messaging, worker: &mut Messaging, [at, to]: [LinkId; 2]) {
    loop {
        let (mut down, mut up) = (Vec::new(), Vec::new());
        hub.transmit(NOW, at, &mut down);
        worker.transmit(NOW, to, &mut up);
        if down.is_empty() && up.is_empty() {
            return;
        }
        hub.received(NOW, at, &up);
        worker.received(NOW, to, &down);
    }
}

fn ask(target: &Target, latest: bool) -> Ask<'_> {
    let (payload, deadline) = (Payload::default(), Instant::NEVER);
    Ask { target, op: "set", headers: &[], payload, deadline, latest }
}

#[test]
fn a_member_hears_which_casts_and_publications_a_newer_one_may_replace() {
    let (mut hub, mut worker, desk, links) = pair();
    let target = "state".parse().expect("a target");
    for latest in [false, true] {
        worker.cast(NOW, ask(&target, latest)).expect("it is there");
        let publish = Publish { topic: "t", headers: &[], payload: Payload::default(), latest };
        worker.publish(NOW, publish).expect("it is there");
        talk(&mut hub, &mut worker, links);
        for server in ["state", DESK] {
            let taken = hub.take(NOW, desk).expect("it has come");
            let relayed = taken.relayed.expect("it is a worker's");
            assert_eq!((&*relayed.server, relayed.latest), (server, latest));
        }
    }
    // A call has an answer of its own, whatever it says.
    worker.call(NOW, ask(&target, true)).expect("it is there");
    talk(&mut hub, &mut worker, links);
    assert!(!hub.take(NOW, desk).and_then(|taken| taken.relayed).expect("so").latest);
}

#[test]
fn a_cast_that_is_refused_at_once_is_accounted_for_where_the_worker_cannot_be_told() {
    let mut member = machine("a");
    member.cast_on(NOW, ask(&"nobody".parse().expect("a target"), false));
    let counted = member.counters();
    assert_eq!((counted.casts_sent, counted.casts_dropped), (1, 1));

    member.serve("somebody", ROOM).expect("a free name");
    member.cast_on(NOW, ask(&"somebody".parse().expect("a target"), false));
    let counted = member.counters();
    assert_eq!((counted.casts_sent, counted.casts_dropped), (2, 1));
}

#[test]
fn a_worker_is_no_member_that_subscribes() {
    let (_hub, mut worker, ..) = pair();
    let id = worker.subscribe("t", Some("q"), ROOM).expect("a name");
    assert!(worker.subscribers("t").is_empty() && worker.known_topics().is_empty());
    assert!(worker.own_interest("t").is_some(), "its member is told");
    worker.unsubscribe(id);
    assert!(worker.own_interest("t").is_none());
}

#[test]
fn what_was_missed_elsewhere_is_told_with_the_next_to_those_whom_it_is_for() {
    let (_hub, mut worker, ..) = pair();
    let queue = |name| Some(name);
    let ids = [None, None, queue("q"), queue("r")]
        .map(|queue| worker.subscribe("t", queue, ROOM).expect("a name"));
    for (queue, missed) in [(None, 3), (Some("q"), u64::MAX), (Some("q"), 1)] {
        let relay = super::super::RelayedPublication { topic: "t", queue, missed };
        worker.published_through(NOW, "b".into(), &relay, &[], Payload::default());
    }
    let told = ids.map(|id| worker.next_published(id).map(|(_, missed)| missed));
    assert_eq!(told, [Some(3), Some(3), Some(u64::MAX), None]);
    assert_eq!(worker.missed(ids[0]), 3);
}
