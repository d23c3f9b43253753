//! What a worker says of itself reaches the others: that its loop is stuck, and why a server ended.

#![cfg(feature = "host")]

use chinwag::host::Host;
use chinwag::{DownReason, Event, EventKind, LoopState, Replay};

use super::*;

/// A worker as a binding has it, whose loop never answers once it is watched.
fn bound(path: &Path) -> Host {
    let mut config = chinwag::Config::new();
    config.set("attach", text(path)).expect("an option");
    config.set("loop_stuck", "300ms").expect("an option");
    Host::start(&config).expect("a member is there")
}

async fn sees(node: &Node, member: &str, state: LoopState) {
    until("the state is known", || node.loop_state(member) == Some(state)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_worker_gets_nothing_more_and_one_that_is_alone_is_told_to_all() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    let mut events = a.events(Replay::No);
    let at = path.clone();
    let (w, host) = (worker(&path).await, tokio::task::spawn_blocking(move || bound(&at)));
    let host = host.await.expect("no panic");
    w.serve("web", Named("turns")).await.expect("several may");
    let second = worker(&path).await;
    second.serve("web", Named("second")).await.expect("several may");
    known(&b, "web", 1).await;
    let stuck = host.serve("web", None, "python").expect("several may");
    let taken = || stuck.drain(1_000).expect("it is open").requests.len();
    while taken() == 0 {
        b.cast("web", "name", ()).await.expect("it goes out");
        tokio::task::yield_now().await;
    }
    // Then its loop is stuck: there is a warning, and the member is well.
    host.watch_loop(Some(Box::new(|| {}))).expect("it is open");
    let warning = async {
        loop {
            match events.next().await {
                Some(Event { kind: EventKind::Warning(told), .. })
                    if told.code.as_str() == "loop-stuck" =>
                {
                    return told;
                }
                Some(_) => {}
                None => panic!("it is closed"),
            }
        }
    };
    let warning = tokio::time::timeout(LIMIT, warning).await.expect("it is told");
    assert!(warning.subject.starts_with("worker-"), "{warning:?}");
    assert_eq!(b.loop_state("a"), Some(LoopState::Ok));
    taken();
    let before = w.stats().casts_served + second.stats().casts_served;
    for _ in 0..20 {
        b.cast("web", "name", ()).await.expect("it goes out");
    }
    until("the others have taken all", || {
        w.stats().casts_served + second.stats().casts_served >= before + 20
    })
    .await;
    assert_eq!(taken(), 0);
    drop(stuck);
    // Once it is the only worker, nobody takes what comes for the member's workers.
    w.close().await;
    second.close().await;
    sees(&b, "a", LoopState::Stuck).await;
    sees(&a, "a", LoopState::Stuck).await;
    // Until there is another, or its loop ends.
    let third = worker(&path).await;
    sees(&b, "a", LoopState::Ok).await;
    third.close().await;
    sees(&b, "a", LoopState::Stuck).await;
    host.unwatch_loop().expect("it is open");
    sees(&b, "a", LoopState::Ok).await;
    tokio::task::spawn_blocking(move || drop(host)).await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_the_last_server_of_a_name_has_ended_is_told_to_who_follows_it() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    let (w, v) = (worker(&path).await, worker(&path).await);
    let first = w.serve("web", Named("w")).await.expect("several may");
    let second = v.serve("web", Named("v")).await.expect("several may");
    for node in [&a, &b, &w, &v] {
        known(node, "web", 1).await;
    }
    // Both are heard of once each has answered.
    let mut names = std::collections::BTreeSet::new();
    while names.len() < 2 {
        names.insert(ask(&b, "web", "name").await);
    }
    let monitors = [&a, &b, &w, &v].map(|node| node.monitor("web@a").expect("it is there"));
    first.stop_with("the first goes");
    // For a moment what comes may still go to the first.
    let mut row = 0;
    while row < 2 {
        row = if b.call("web", "name", ()).await.is_ok() { row + 1 } else { 0 };
    }
    second.stop_with("no disk");
    for monitor in monitors {
        let down = tokio::time::timeout(LIMIT, monitor.down()).await.expect("it is told");
        assert_eq!((down.reason, &*down.text), (DownReason::Stopped, "no disk"), "{down}");
    }
}
