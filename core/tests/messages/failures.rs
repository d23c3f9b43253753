//! What fails, at once where it can be known at once, and told truly.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use chinwag::{ErrorKind, Payload, Serving};

use super::{Counter, LIMIT, builder, cluster, get, known, start, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_told_at_once() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    for (target, kind, part) in [
        ("countr", ErrorKind::NoServer, "known: counter (1)"),
        ("countr@b", ErrorKind::NoServer, "\"b\" hosts no \"countr\""),
        ("counter@a", ErrorKind::NoServer, "\"a\" hosts no"),
        ("counter@z", ErrorKind::UnknownMember, "no present member"),
        ("no name", ErrorKind::BadArgument, "no name of a server"),
    ] {
        // With all the time of the world: it is not waited for.
        let error = a.call(target, "get", ()).timeout(LIMIT * 100).await.expect_err(target);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(part), "{error}");
        assert!(!error.maybe_executed(), "{error}");
        let error = a.cast(target, "get", ()).await.expect_err(target);
        assert_eq!(error.kind(), kind, "{error}");
    }
    let error = a.call("counter", "nothing", ()).await.expect_err("no such operation");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::UnknownOp, false));
    let error = a.call("counter", "add", "one").await.expect_err("it refuses");
    let remote = error.remote().expect("it came from there");
    assert_eq!((&*remote.node, &*remote.language), ("b", "rust"));
    assert_eq!(remote.message, "only integers are counted");
    let taken = b.serve("counter", Counter::default()).await.expect_err("it is taken");
    assert_eq!(taken.kind(), ErrorKind::ServerExists);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_ends_fails_its_calls() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    assert_eq!(get(&a, "counter").await, 0);
    let caller = a.clone();
    let pending =
        tokio::spawn(async move { caller.call("counter", "never", ()).timeout(LIMIT).await });
    until("it is being asked", || b.stats().calls_served == 2).await;
    b.abort();
    let error = pending.await.expect("no panic").expect_err("it has ended");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::NodeDown, true), "{error}");
    assert!(error.retryable());
    // Until it counts as failed it may be back at any moment; after that nobody is asked.
    let failed = || a.member("b").is_some_and(|b| b.state() == chinwag::MemberState::Failed);
    until("it has failed", failed).await;
    let error = a.call("counter@b", "get", ()).timeout(LIMIT * 100).await.expect_err("it failed");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::NodeDown, false), "{error}");
    let error = a.call("counter", "get", ()).timeout(LIMIT * 100).await.expect_err("none is left");
    assert_eq!(error.kind(), ErrorKind::NoServer, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_has_the_member_looked_after() {
    // Nothing else is noticed within a minute.
    let [a, b] = cluster(["a", "b"], |builder| builder.option("probe_interval", "60s")).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    assert_eq!(get(&a, "counter").await, 0);
    b.abort();
    let probed = || a.stats().links_lost == 1 && a.stats().packets_refused > 0;
    until("it is probed, and the ping comes back", probed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_server_ends_by_the_deadline_and_what_is_late_is_not_run() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    let served = b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    served.pause();
    let short = Duration::from_millis(50);
    let error = a.call("counter", "add", 1).timeout(short).await.expect_err("it is paused");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::Timeout, true), "{error}");
    // It is told, and never sees it.
    served.resume();
    assert_eq!(get(&a, "counter").await, 0);
    // One that is under way hears of it.
    let error = a.call("counter", "never", ()).timeout(short).await.expect_err("it never answers");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(get(&a, "counter").await, 0, "it goes on with the next");
    // So does one that is dropped.
    let dropped = tokio::time::timeout(short, async { a.call("counter", "never", ()).await }).await;
    assert!(dropped.is_err());
    assert_eq!(get(&a, "counter").await, 0);
    assert_eq!(b.stats().replies_late, 2, "its answers went nowhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_mailbox_refuses_calls_and_counts_casts() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    let serving = Serving { mailbox: Some(2), concurrency: 1 };
    let served = b.serve_with("counter", serving, Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    served.pause();
    for _ in 0..5 {
        a.cast("counter", "add", 1).await.expect("it goes out");
    }
    let error = a.call("counter", "get", ()).await.expect_err("it is full");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::Overloaded, false), "{error}");
    assert_eq!(b.stats().casts_dropped, 3);
    served.resume();
    let counted = async { while get(&a, "counter").await < 2 {} };
    tokio::time::timeout(LIMIT, counted).await.expect("two were kept");
    served.stop();
    known(&a, "counter", 0).await;
    let again = b.serve("counter", Counter::default()).await;
    again.expect("the name is free again");
}

/// Casts are taken out several at a time. Until its turn comes, each of them waits as others do.
#[tokio::test]
async fn casts_that_were_taken_along_are_held_back_and_counted_with_what_waits() {
    const SENT: usize = 300;
    let a = start("a").await;
    let mailbox = a.mailbox("log", Some(SENT)).await.expect("a free name");
    for number in 0..SENT {
        a.cast("log", "add", number as i64).await.expect("there is room");
    }
    let next = async |number: usize| {
        let request = mailbox.next().await.expect("it waits");
        assert_eq!(request.payload().value(), Ok((number as i64).into()));
    };
    next(0).await;
    let error = a.cast("log", "add", 0).await;
    error.expect("one was taken, and there is room for another one");
    mailbox.pause(true);
    let is_pending =
        |context: &mut Context<'_>| Poll::Ready(mailbox.poll_next(context).is_pending());
    assert!(poll_fn(is_pending).await, "it is paused");
    assert_eq!(a.stats().casts_served, 1);
    mailbox.pause(false);
    for number in 1..10 {
        next(number).await;
    }
    mailbox.stop();
    assert!(mailbox.next().await.is_none());
    let stats = a.stats();
    assert_eq!((stats.casts_served, stats.casts_dropped), (10, SENT as u64 + 1 - 10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_answers_what_waits_for_it() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    let served = b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    served.pause();
    let caller = a.clone();
    let pending =
        tokio::spawn(async move { caller.call("counter", "get", ()).timeout(LIMIT).await });
    until("it is there", || a.stats().calls_made == 1 && a.stats().links_opened == 1).await;
    // Whether it has come or is still under way, the answer is the same.
    served.stop();
    let error = pending.await.expect("no panic").expect_err("it was stopped");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::NoServer, false), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_let_go_is_answered() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    let mailbox = b.mailbox("forgetful", None).await.expect("a free name");
    known(&a, "forgetful", 1).await;
    let dropping = async { drop(mailbox.next().await) };
    let (answer, ()) = tokio::join!(async { a.call("forgetful", "ask", ()).await }, dropping);
    let error = answer.expect_err("nobody answered");
    assert_eq!(error.remote().map(|remote| &*remote.class), Some("Unanswered"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_finishes_what_is_under_way() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    let mailbox = b.mailbox("slow", None).await.expect("a free name");
    known(&a, "slow", 1).await;
    let caller = a.clone();
    let pending = tokio::spawn(async move { caller.call("slow", "ask", ()).timeout(LIMIT).await });
    let request = mailbox.next().await.expect("it comes");
    let leaving = {
        let b = b.clone();
        tokio::spawn(async move { b.leave(LIMIT).await })
    };
    // Nothing new is taken on meanwhile.
    let refused = async {
        loop {
            match a.call("slow@b", "ask", ()).timeout(Duration::from_millis(20)).await {
                Err(error) if error.kind() == ErrorKind::NodeDown => return error,
                _ => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    };
    let error = tokio::time::timeout(LIMIT, refused).await.expect("it says so");
    assert!(error.message().contains("leaving") && !error.maybe_executed(), "{error}");
    assert!(request.reply(Ok(Payload::raw("done"))), "somebody still waits");
    let answer = pending.await.expect("no panic").expect("it is answered");
    assert_eq!(answer.bytes, b"done");
    drop(mailbox);
    leaving.await.expect("no panic").expect("a farewell");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_node_says_so_to_everybody() {
    let a = start("a").await;
    let mailbox = a.mailbox("idle", None).await.expect("a free name");
    let caller = a.clone();
    let pending = tokio::spawn(async move { caller.call("idle", "ask", ()).timeout(LIMIT).await });
    let request = mailbox.next().await.expect("it comes");
    a.close().await;
    let error = pending.await.expect("no panic").expect_err("it was closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(mailbox.next().await.is_none());
    request.reply(Ok(Payload::default()));
    let error = a.call("idle", "ask", ()).await.expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(
        a.serve("more", Counter::default()).await.map(drop).unwrap_err().kind(),
        ErrorKind::Closed
    );
    let _ = builder("unused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_wait_for_room_waits_for_that_of_an_outbox_alone() {
    let small = |builder: chinwag::Builder| {
        builder.option("outbox_overflow", "block").option("outbox_bytes", "65536")
    };
    let [a, b] = cluster(["a", "b"], small).await;
    let serving = Serving { mailbox: Some(1), concurrency: 1 };
    let served = a.serve_with("counter", serving, Counter::default()).await.expect("a free name");
    served.pause();
    a.cast("counter", "add", 1).await.expect("there is room for one");
    let error = a.cast("counter", "add", 1).await.expect_err("and for no other");
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    // Far more than an outbox holds goes out, a part at a time.
    let log = b.mailbox("log", Some(10_000)).await.expect("a free name");
    known(&a, "log", 1).await;
    let sending = async {
        for _ in 0..200 {
            a.cast("log", "line", Payload::raw(vec![0; 20_000])).await.expect("it waits for room");
        }
    };
    tokio::time::timeout(LIMIT, sending).await.expect("there is room in the end");
    for _ in 0..200 {
        tokio::time::timeout(LIMIT, log.next()).await.expect("it comes").expect("it is served");
    }
}
