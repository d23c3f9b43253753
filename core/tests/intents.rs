//! What becomes of serf's intents to leave in a node that is not serf.

use std::net::SocketAddr;
use std::time::Duration;

use chinwag::config::Protocol;
use chinwag::engine::{Engine, Input, Output, Setup};
use chinwag::time::Instant;
use chinwag::wire::serf::LeaveIntent;
use chinwag::wire::{self, Alive, Dead, Message, Nonce, RawAddr, Scratch, Security, Vsn};

const START: Instant = Instant::from_nanos(0);
/// Enough for every transmission of a piece of news. A few of them are too short for the members,
/// who answer no probe, to fail.
const WHILE: Duration = Duration::from_millis(500);

fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A node of that application version that knows the members `serf-1` and `serf-2`.
fn engine(delegate: [u8; 3]) -> Engine {
    let protocol = Protocol { delegate_versions: Some(delegate), ..Protocol::profile("lan") };
    let mut engine = Engine::new(
        START,
        Setup {
            name: "me".to_owned(),
            advertise: addr(1),
            meta: Vec::new(),
            incarnation: 1,
            started: 0,
            security: Security::default(),
            nonce: Nonce::default(),
            clocks: [0; 3],
            protocol,
            seed: 7,
        },
    );
    let [min, max, current] = delegate;
    for (port, node) in [(2, "serf-1"), (3, "serf-2")] {
        let ip = RawAddr::from(addr(port).ip());
        let vsn = Vsn::new([1, 5, 2, min, max, current]);
        let alive = Alive { incarnation: 1, node, addr: ip.as_bytes(), port, meta: &[], vsn };
        hear(&mut engine, START, &Message::Alive(alive));
    }
    engine
}

fn hear(engine: &mut Engine, at: Instant, message: &Message<'_>) {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    engine.handle(at, Input::Packet { from: addr(2), bytes: &bytes });
}

fn intent(ltime: u64, node: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    LeaveIntent { ltime, node, prune: false }.encode(&mut payload);
    payload
}

/// The user messages that are sent from `at` on, for a while.
fn passed_on(engine: &mut Engine, mut at: Instant) -> Vec<Vec<u8>> {
    let end = at + WHILE;
    let mut passed_on = Vec::new();
    loop {
        match engine.poll_output() {
            Output::Packet { bytes, .. } => {
                let mut plain = Vec::new();
                let message = wire::unseal(&bytes, &Security::default(), &mut plain);
                let message = message.expect("in clear");
                let opened = wire::open(message, &mut Scratch::new(), |message| {
                    if let Message::User(payload) = message {
                        passed_on.push(payload.to_vec());
                    }
                });
                assert_eq!((opened.dropped, opened.cut), (0, 0));
            }
            Output::Idle(next) if next > end => return passed_on,
            Output::Idle(next) => {
                at = next.max(at);
                engine.handle(at, Input::Deadline);
            }
            _ => {}
        }
    }
}

fn hear_and_pass_on(engine: &mut Engine, turn: u32, payload: &[u8]) -> Vec<Vec<u8>> {
    let at = START + WHILE * turn;
    hear(engine, at, &Message::User(payload));
    passed_on(engine, at)
}

#[test]
fn an_intent_of_another_is_passed_on_as_it_is_and_once() {
    let mut engine = engine([2, 5, 5]);
    let first = intent(4, "serf-1");
    let sent = hear_and_pass_on(&mut engine, 1, &first);
    // As often as any news in a cluster of three: retransmit_mult times the logarithm.
    assert_eq!(sent, vec![first.clone(); 4]);
    assert_eq!(hear_and_pass_on(&mut engine, 2, &first), Vec::<Vec<u8>>::new());
    assert_eq!(hear_and_pass_on(&mut engine, 3, &intent(3, "serf-1")), Vec::<Vec<u8>>::new());
    assert_eq!(hear_and_pass_on(&mut engine, 4, &intent(5, "serf-1")).len(), 4);
}

#[test]
fn intents_of_strangers_and_of_the_departed_are_passed_on_too() {
    let mut engine = engine([2, 5, 5]);
    assert_eq!(hear_and_pass_on(&mut engine, 1, &intent(4, "nobody")).len(), 4);
    assert!(hear_and_pass_on(&mut engine, 2, &intent(4, "nobody")).is_empty());
    let left = Dead { incarnation: 1, node: "serf-2", from: "serf-2" };
    hear(&mut engine, START + WHILE * 3, &Message::Dead(left));
    assert_eq!(hear_and_pass_on(&mut engine, 4, &intent(4, "serf-2")).len(), 4);
    assert!(hear_and_pass_on(&mut engine, 5, &intent(4, "serf-2")).is_empty());
}

#[test]
fn an_intent_of_this_node_that_is_not_its_own_is_refuted() {
    let mut engine = engine([2, 5, 5]);
    let sent = hear_and_pass_on(&mut engine, 1, &intent(4, "me"));
    // "Joined", at a later time.
    assert_eq!(sent, vec![b"\x01\x82\xa5LTime\x05\xa4Node\xa2me".to_vec(); 4]);
    assert!(hear_and_pass_on(&mut engine, 2, &intent(5, "me")).is_empty(), "that is stale");
}

#[test]
fn what_is_no_message_of_serf_is_counted() {
    let mut engine = engine([2, 5, 5]);
    for (turn, payload) in [(1, &b"\0"[..]), (2, b"\x07\x80"), (3, b"\x03\x81\xa5LTime")] {
        assert!(hear_and_pass_on(&mut engine, turn, payload).is_empty(), "{payload:?}");
        assert_eq!(engine.stats().packets_malformed, u64::from(turn));
    }
}

#[test]
fn another_application_keeps_its_messages_to_itself() {
    let mut engine = engine([0, 0, 0]);
    assert!(hear_and_pass_on(&mut engine, 1, &intent(4, "serf-1")).is_empty());
}
