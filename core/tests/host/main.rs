//! Keys of members, and shared maps, as a language binding has them: operations that settle,
//! look-ups, and watches that are drained.

#![cfg(feature = "host")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "sockets, threads and the clock are the test's"
)]

mod maps;
mod topics;

use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use chinwag::host::{Answer, Host, Op, Watching};
use chinwag::{Config, ErrorKind, Replay, Watched};
use futures_core::Stream;

/// Far beyond what anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// A node, and what its wake object is told.
fn start(name: &str, events: usize) -> (Host, Receiver<()>) {
    let mut config = Config::new();
    let pairs = [("name", name), ("bind", "127.0.0.1:0"), ("profile", "local")];
    for (option, text) in pairs.into_iter().chain([("event_buffer", &*events.to_string())]) {
        config.set(option, text).expect("an option");
    }
    let host = Host::start(&config).expect("a node starts on loopback");
    let (sender, woken) = sync_channel(64);
    // A poke that finds the channel full is one of many that wait.
    let wake = move || {
        let _ = sender.try_send(());
    };
    host.set_wake(Some(Box::new(wake))).expect("no fork");
    (host, woken)
}

fn put(key: &str, value: &str) -> Op {
    Op::Put(key.to_owned(), value.into(), None)
}

fn run(host: &Host, op: Op) -> chinwag::Result<Answer> {
    host.run(op, Some(LIMIT))
}

fn meet(host: &Host, other: &Host) {
    let addr = other.local_member().expect("no fork").addr().to_string();
    run(host, Op::Join(vec![addr])).expect("it is there");
}

/// The next change; waits for the wake object when there is none, and for nothing else.
fn next<W: Stream + Unpin>(watching: &mut Watching<W>, woken: &Receiver<()>) -> W::Item {
    loop {
        let found = watching.drain(1).expect("no fork");
        if let Some(change) = found.changes.into_iter().next() {
            return change;
        }
        assert!(!found.ended, "the node is open");
        woken.recv_timeout(LIMIT).expect("something is told");
    }
}

#[test]
fn a_key_is_put_read_followed_and_deleted() {
    let (first, _) = start("first", 1_000);
    let (second, woken) = start("second", 1_000);
    meet(&second, &first);
    let mut watching = second.watch("lo", Replay::Yes).expect("no fork");
    assert_eq!(next(&mut watching, &woken), Watched::ReplayDone);

    assert_eq!(run(&first, put("load", "3")), Ok(Answer::None));
    run(&first, put("other", "1")).expect("it fits");
    let Watched::Put(entry) = next(&mut watching, &woken) else { panic!("it was put") };
    assert_eq!((&*entry.member, &*entry.key, &*entry.value), ("first", "load", &b"3"[..]));
    assert_eq!(second.get("first", "load").expect("no fork").as_deref(), Some(&b"3"[..]));
    assert_eq!(second.get("second", "load").expect("no fork"), None);
    assert_eq!(second.entries("lo").expect("no fork"), [entry]);

    let ttl = Some(Duration::from_millis(20));
    run(&first, Op::Put("lock".to_owned(), b"held".to_vec(), ttl)).expect("it fits");
    let Watched::Put(entry) = next(&mut watching, &woken) else { panic!("it was put") };
    assert_eq!(&*entry.key, "lock");
    let deleted = |key: &str| Watched::Deleted { member: "first".into(), key: key.to_owned() };
    assert_eq!(next(&mut watching, &woken), deleted("lock"), "its time is over");
    run(&first, Op::Delete("load".to_owned())).expect("it is there");
    assert_eq!(next(&mut watching, &woken), deleted("load"));

    second.close().expect("no fork");
    let found = watching.drain(10).expect("no fork");
    assert!(found.changes.is_empty() && found.ended);
}

#[test]
fn what_is_submitted_is_written_in_the_order_of_the_calls() {
    let (host, woken) = start("one", 1_000);
    let mut watching = host.watch("", Replay::No).expect("no fork");
    for number in 0..200 {
        host.submit(put("k", &number.to_string())).expect("it is open");
    }
    for number in 0..200 {
        let Watched::Put(entry) = next(&mut watching, &woken) else { panic!("it was put") };
        assert_eq!(&*entry.value, number.to_string().as_bytes());
    }
    let mut settled = 0;
    while settled < 200 {
        for completion in host.completions(64).expect("no fork") {
            assert_eq!(completion.result, Ok(Answer::None));
            settled += 1;
        }
    }
}

#[test]
fn what_is_refused_changes_nothing_and_says_why() {
    let (host, _) = start("one", 1_000);
    let kind = |op| run(&host, op).expect_err("it is refused").kind();
    assert_eq!(kind(put("", "x")), ErrorKind::BadArgument);
    assert_eq!(kind(put("k", &"x".repeat(65_537))), ErrorKind::TooLarge);
    assert_eq!(kind(put(&"k".repeat(255), "x")), ErrorKind::TooLarge);
    let never = Op::Put("k".to_owned(), Vec::new(), Some(Duration::ZERO));
    assert_eq!(kind(never), ErrorKind::BadArgument);
    assert_eq!(host.entries("").expect("no fork"), []);
    host.close().expect("no fork");
    assert_eq!(kind(put("k", "x")), ErrorKind::Closed);
}

#[test]
fn who_is_too_slow_gets_everything_once() {
    let (host, woken) = start("one", 10);
    let mut watching = host.watch("", Replay::No).expect("no fork");
    for number in 0..50 {
        run(&host, put("k", &number.to_string())).expect("it fits");
    }
    let Watched::Lost { count, entries } = next(&mut watching, &woken) else {
        panic!("it is slow")
    };
    assert_eq!((count, entries.len()), (50, 1));
    assert_eq!(&*entries[0].value, b"49");
    run(&host, Op::Delete("k".to_owned())).expect("it is there");
    let deleted = Watched::Deleted { member: "one".into(), key: "k".to_owned() };
    assert_eq!(next(&mut watching, &woken), deleted);
}

#[test]
fn a_watch_may_have_a_wake_object_of_its_own() {
    let (host, shared) = start("one", 1_000);
    let mut watching = host.watch("", Replay::No).expect("no fork");
    let (sender, woken) = sync_channel(64);
    watching.set_wake(Box::new(move || {
        let _ = sender.try_send(());
    }));
    assert!(watching.drain(8).expect("no fork").changes.is_empty());
    while shared.try_recv().is_ok() {}
    run(&host, put("k", "x")).expect("it fits");
    assert!(matches!(next(&mut watching, &woken), Watched::Put(_)));
    assert!(shared.try_recv().is_err(), "it is not for others");
}
