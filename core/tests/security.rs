//! Labels and keys between nodes, in the simulator.

use std::time::Duration;

use chinwag::api::WarningCode;
use chinwag::config::Protocol;
use chinwag::engine::{KeyChange, Reply};
use chinwag::sim::{NodeId, Sim};
use chinwag::wire::{Key, Keyring, Security};
use chinwag::{Error, ErrorKind, EventKind, Stats};

const SOON: Duration = Duration::from_secs(20);

fn key(byte: u8, len: usize) -> Key {
    Key::from_bytes(&vec![byte; len]).expect("a length of AES")
}

fn keyed(label: &str, key: Key) -> Security {
    Security { keyring: Some(Keyring::new(key)), ..Security::labelled(label) }
}

fn lax(security: Security, verify_outgoing: bool) -> Security {
    Security { verify_incoming: false, verify_outgoing, ..security }
}

/// Starts a node with this security.
fn start(sim: &mut Sim, name: &str, security: &Security) -> NodeId {
    sim.set_security(security.clone());
    sim.start(name)
}

/// What a join that must fail says.
fn refusal(sim: &mut Sim, joiner: NodeId, seed: NodeId) -> Error {
    let request = sim.join(joiner, &[seed]);
    assert!(sim.run_until(SOON, |sim| sim.reply(joiner, request).is_some()));
    match sim.reply(joiner, request) {
        Some(Err(error)) => error.clone(),
        other => panic!("{other:?}"),
    }
}

fn warnings(sim: &Sim, node: NodeId) -> Vec<WarningCode> {
    let code = |kind: &EventKind| match kind {
        EventKind::Warning(warning) => Some(warning.code),
        _ => None,
    };
    sim.log(node).iter().filter_map(|(_, kind)| code(kind)).collect()
}

/// A pair that has joined.
fn pair(sim: &mut Sim, security: &Security) -> (NodeId, NodeId) {
    let (a, b) = (start(sim, "a", security), start(sim, "b", security));
    sim.join(b, &[a]);
    assert!(sim.run_until(SOON, Sim::all_see_all), "seed {}", sim.seed());
    (a, b)
}

#[test]
fn probes_are_answered_under_label_and_key() {
    for len in [16, 24, 32] {
        for security in
            [Security::labelled("blue"), keyed("", key(1, len)), keyed("blue", key(1, len))]
        {
            let mut sim = Sim::new(1);
            let (a, b) = pair(&mut sim, &security);
            sim.run_for(Duration::from_secs(30));
            for node in [a, b] {
                let stats = sim.stats(node);
                assert!(stats.probes_answered > 20, "{security:?}: {stats:?}");
                assert_eq!((stats.probes_saved_by_tcp, stats.probes_failed), (0, 0), "{stats:?}");
                let refused = stats.packets_mislabelled + stats.packets_undecryptable;
                assert_eq!(refused + stats.packets_plaintext_refused, 0, "{stats:?}");
                assert_eq!((stats.packets_malformed, stats.streams_failed), (0, 0), "{stats:?}");
            }
        }
    }
}

#[test]
fn who_is_refused_is_told_why_and_the_other_side_warns() {
    let (one, two) = (keyed("", key(1, 32)), keyed("", key(2, 16)));
    let (plain, blue, red) = (Security::default(), "blue", "red");
    type Counter = fn(&Stats) -> u64;
    let undecryptable: Counter = |stats| stats.streams_undecryptable;
    let in_clear: Counter = |stats| stats.streams_plaintext_refused;
    let mislabelled: Counter = |stats| stats.streams_mislabelled;
    let cases = [
        (&one, &two, "under another key", undecryptable, WarningCode::KeyMismatch),
        (&one, &plain, "this node has no keys", in_clear, WarningCode::PlaintextRefused),
        (&plain, &one, "in clear", undecryptable, WarningCode::KeyMismatch),
        // A seed that reads no plaintext and writes some; and one that writes none and reads some.
        (
            &Security { verify_outgoing: false, ..one.clone() },
            &plain,
            "not encrypted, and encryption is demanded",
            in_clear,
            WarningCode::PlaintextRefused,
        ),
        (&lax(one.clone(), false), &two, "in clear", undecryptable, WarningCode::KeyMismatch),
    ];
    for (seed, joiner, says, counter, code) in cases {
        let mut sim = Sim::new(2);
        let (a, b) = (start(&mut sim, "a", seed), start(&mut sim, "b", joiner));
        let error = refusal(&mut sim, b, a);
        assert_eq!(error.kind(), ErrorKind::KeyMismatch, "{error}");
        assert!(error.message().contains(says), "{error}");
        assert_eq!(counter(&sim.stats(a)), 1, "{:?}", sim.stats(a));
        assert_eq!(warnings(&sim, a), [code], "{error}");
        assert_eq!((sim.members(a).len(), sim.members(b).len()), (1, 1));
    }
    let labels = [(red, blue), ("", blue), (red, "")];
    for ((seed, joiner), keys) in
        labels.into_iter().flat_map(|l| [(l, None), (l, Some(key(1, 16)))])
    {
        let with = |label| match &keys {
            Some(key) => keyed(label, key.clone()),
            None => Security::labelled(label),
        };
        let mut sim = Sim::new(3);
        let (a, b) = (start(&mut sim, "a", &with(seed)), start(&mut sim, "b", &with(joiner)));
        let error = refusal(&mut sim, b, a);
        assert_eq!(error.kind(), ErrorKind::JoinFailed, "{error}");
        assert!(error.message().contains("cluster label"), "{error}");
        assert_eq!(mislabelled(&sim.stats(a)), 1, "{:?}", sim.stats(a));
        assert_eq!(warnings(&sim, a), [WarningCode::LabelMismatch]);
    }
}

#[test]
fn a_join_that_failed_for_other_reasons_as_well_is_no_key_mismatch() {
    let mut sim = Sim::new(4);
    let a = start(&mut sim, "a", &keyed("", key(1, 32)));
    let down = start(&mut sim, "down", &keyed("", key(2, 32)));
    let b = start(&mut sim, "b", &keyed("", key(2, 32)));
    sim.crash(down);
    let request = sim.join(b, &[a, down]);
    assert!(sim.run_until(SOON, |sim| sim.reply(b, request).is_some()));
    let Some(Err(error)) = sim.reply(b, request) else { panic!("nobody is there to join") };
    assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::JoinFailed, 2), "{error}");
}

#[test]
fn datagrams_are_counted_by_what_is_wrong_with_them() {
    let one = keyed("blue", key(1, 32));
    let mut sim = Sim::new(5);
    let (a, b) = pair(&mut sim, &one);
    let ping = b"\x00\x82\xa4Node\xa1a\xa5SeqNo\x07";
    let labelled = [b"\xf4\x04blue", &ping[..]].concat();
    let sealed = [&b"\xf4\x04blue\x01"[..], &[0x55; 60]].concat();
    let from = sim.addr(b);
    let before = sim.stats(a);
    for (count, datagram) in [(2, &ping[..]), (3, &labelled), (4, &sealed)] {
        for _ in 0..count {
            sim.inject(a, from, datagram);
        }
    }
    let stats = sim.stats(a);
    assert_eq!((before.packets_mislabelled, stats.packets_mislabelled), (0, 2));
    assert_eq!((before.packets_plaintext_refused, stats.packets_plaintext_refused), (0, 3));
    assert_eq!((before.packets_undecryptable, stats.packets_undecryptable), (0, 4));
    assert_eq!(before.packets_malformed, stats.packets_malformed);
    // One warning of each, however many come.
    let codes =
        [WarningCode::LabelMismatch, WarningCode::PlaintextRefused, WarningCode::KeyMismatch];
    assert_eq!(warnings(&sim, a), codes);
    assert_eq!(stats.warnings_suppressed, 6);
    let plain = start(&mut sim, "plain", &Security::labelled("blue"));
    sim.inject(plain, from, &sealed);
    assert_eq!(sim.stats(plain).packets_undecryptable, 1);
    assert_eq!(warnings(&sim, plain), [WarningCode::KeyMismatch]);
}

#[test]
fn each_step_from_plain_to_encrypted_goes_with_the_next() {
    let keys = keyed("", key(1, 24));
    let steps =
        [Security::default(), lax(keys.clone(), false), lax(keys.clone(), true), keys.clone()];
    for step in steps.windows(2) {
        for (seed, joiner) in [(0, 1), (1, 0)] {
            let mut sim = Sim::new(6);
            let a = start(&mut sim, "a", &step[seed]);
            let b = start(&mut sim, "b", &step[joiner]);
            sim.join(b, &[a]);
            assert!(sim.run_until(SOON, Sim::all_see_all), "{step:?}");
            sim.run_for(SOON);
            for node in [a, b] {
                let stats = sim.stats(node);
                assert!(stats.probes_answered > 10, "{stats:?}");
                assert_eq!((stats.probes_failed, stats.probes_saved_by_tcp), (0, 0), "{stats:?}");
                assert!(warnings(&sim, node).is_empty(), "{:?}", warnings(&sim, node));
            }
        }
    }
}

#[test]
fn keys_are_changed_while_everybody_stays() {
    let (old, new) = (key(1, 32), key(2, 16));
    let mut sim = Sim::new(7);
    sim.set_security(keyed("", old.clone()));
    let nodes = ["a", "b", "c"].map(|name| sim.start(name));
    sim.join(nodes[1], &[nodes[0]]);
    sim.join(nodes[2], &[nodes[0]]);
    assert!(sim.run_until(SOON, Sim::all_see_all));
    let rounds = [
        KeyChange::Add(new.clone()),
        KeyChange::Use(new.fingerprint()),
        KeyChange::Remove(old.fingerprint()),
    ];
    for change in rounds {
        for node in nodes {
            let request = sim.change_keys(node, change.clone());
            assert_eq!(sim.reply(node, request), Some(&Ok(Reply::Done)), "{change:?}");
            sim.run_for(Duration::from_secs(3));
        }
    }
    assert!(sim.all_see_all());
    for node in nodes {
        let stats = sim.stats(node);
        assert_eq!((stats.packets_undecryptable, stats.probes_failed), (0, 0), "{stats:?}");
    }
    // Who slept through it is not heard any more; who knows the new key is.
    let late = start(&mut sim, "late", &keyed("", old.clone()));
    assert_eq!(refusal(&mut sim, late, nodes[0]).kind(), ErrorKind::KeyMismatch);
    let fresh = start(&mut sim, "fresh", &keyed("", new.clone()));
    sim.join(fresh, &[nodes[0]]);
    assert!(sim.run_until(SOON, |sim| sim.members(fresh).len() == 4));
    for (change, says) in [
        (KeyChange::Remove(new.fingerprint()), "primary"),
        (KeyChange::Remove(old.fingerprint()), "no such key"),
        (KeyChange::Use(old.fingerprint()), "no such key"),
    ] {
        let error = failure(&mut sim, fresh, change);
        assert!(error.message().contains(says), "{error}");
    }
    let plain = start(&mut sim, "plain", &Security::default());
    let error = failure(&mut sim, plain, KeyChange::Add(new));
    assert!(error.message().contains("without keys"), "{error}");
}

fn failure(sim: &mut Sim, node: NodeId, change: KeyChange) -> Error {
    let request = sim.change_keys(node, change);
    match sim.reply(node, request) {
        Some(Err(error)) if error.kind() == ErrorKind::BadArgument => error.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_allowed_addresses_are_heard_and_taken_over() {
    let nets = |nets: &[&str]| Protocol {
        cidrs_allowed: nets.iter().map(|net| net.parse().expect("a network")).collect(),
        ..Protocol::default()
    };
    // Hosts of the simulator are 10.0.0.1, 10.0.0.2, and so on.
    let mut sim = Sim::with_protocol(8, nets(&["10.0.0.0/31", "10.0.0.2/32"]));
    let a = sim.start("a");
    sim.set_protocol(Protocol::default());
    let (b, c) = (sim.start("b"), sim.start("c"));
    sim.join(b, &[a]);
    assert!(sim.run_until(SOON, |sim| sim.members(a).len() == 2));
    let error = refusal(&mut sim, c, a);
    assert!(error.message().contains("without an answer"), "{error}");
    let datagrams = sim.stats(a).packets_malformed;
    sim.inject(a, sim.addr(c), b"noise");
    assert_eq!(sim.stats(a).packets_malformed, datagrams, "it is not even looked at");
    // Nor does it come in by hearsay: b takes it in, and tells a.
    sim.join(c, &[b]);
    assert!(sim.run_until(SOON, |sim| sim.members(b).len() == 3));
    sim.run_for(SOON);
    assert_eq!(sim.members(a).len(), 2);
    assert!(sim.stats(a).addresses_refused > 3, "{:?}", sim.stats(a));
    assert!(warnings(&sim, a).iter().all(|code| *code == WarningCode::AddressRefused));
    // Mapped into IPv6, an address is what it was.
    let mapped = "[::ffff:10.0.0.2]:7946".parse().expect("an address");
    let before = sim.stats(a).addresses_refused;
    sim.inject(a, mapped, b"noise");
    assert_eq!(sim.stats(a).addresses_refused, before);
}
