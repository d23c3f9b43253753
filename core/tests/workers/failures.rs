//! What fails between a member and its workers, and what does not.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use chinwag::{ErrorKind, EventKind, Replay};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_cannot_be_is_refused_and_a_stale_socket_is_replaced() {
    let (folder, path) = socket();
    let error = attach(&path).await.expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::JoinFailed);
    assert!(error.message().contains("no such file"), "{error}");

    let a = member("a", &path).await;
    let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = builder("b").option("workers", text(&path)).start().await;
    let error = second.expect_err("another member listens there");
    assert_eq!(error.kind(), ErrorKind::BindFailed);
    assert!(error.message().contains("another member"), "{error}");
    worker(&path).await.close().await;
    a.close().await;
    assert!(!path.exists());

    let file = folder.path().join("file");
    std::fs::write(&file, "precious").expect("a file");
    let error = builder("b").option("workers", text(&file)).start().await.expect_err("a file");
    assert_eq!(error.kind(), ErrorKind::BindFailed);
    assert_eq!(std::fs::read(&file).expect("it is still there"), b"precious");

    // One that nobody has any more, and one that somebody has and nobody answers at.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a free path"));
    let b = member("b", &path).await;
    b.close().await;
    let deaf = std::os::unix::net::UnixListener::bind(&path).expect("a free path");
    let b = member("b", &path).await;
    drop(deaf);
    worker(&path).await.close().await;
    // What somebody has put in its place stays.
    std::fs::remove_file(&path).expect("it is there");
    std::fs::write(&path, "precious").expect("a file");
    b.close().await;
    assert_eq!(std::fs::read(&path).expect("it is still there"), b"precious");

    let both = builder("b").option("workers", "x").option("attach", "y").start().await;
    assert_eq!(both.expect_err("one or the other").kind(), ErrorKind::BadConfig);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_of_one_name_share_what_comes_and_one_that_goes_takes_nothing_along() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    let mut workers = Vec::new();
    for name in ["one", "two", "three"] {
        let w = worker(&path).await;
        w.serve("web", Named(name)).await.expect("several may");
        workers.push((name, w));
    }
    known(&b, "web", 1).await;
    let mut counts = BTreeMap::new();
    while counts.len() < 3 {
        counts.insert(ask(&b, "web", "name").await, 0);
    }
    for _ in 0..30 {
        *counts.entry(ask(&b, "web", "name").await).or_insert(0) += 1;
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [10, 10, 10], "each in turn");

    // A key has one worker.
    let mut owners = BTreeMap::new();
    for key in 0..30 {
        let target = format!("web#{key}");
        let first = ask(&b, &target, "name").await;
        assert_eq!(ask(&b, &target, "name").await, first);
        owners.insert(target, first);
    }
    assert!(["one", "two", "three"].iter().all(|name| owners.values().any(|own| own == name)));

    // Who is busy gets nothing more while others are not.
    let wanted = b.stats().calls_made + 2;
    let stuck: Vec<_> = (0..2)
        .map(|_| {
            let b = b.clone();
            tokio::spawn(async move { b.call("web", "never", ()).timeout(LIMIT).await })
        })
        .collect();
    let served = || workers.iter().map(|(_, w)| w.stats().calls_served).sum::<u64>();
    until("both are handed over", || served() == wanted).await;
    let free = ask(&b, "web", "name").await;
    for _ in 0..5 {
        assert_eq!(ask(&b, "web", "name").await, free);
    }

    // The stuck ones go: whoever waits for them is told, the others are not touched.
    let gone: Vec<_> = workers.extract_if(.., |(name, _)| *name != free).collect();
    gone.iter().for_each(|(_, w)| w.abort());
    for call in stuck {
        let error = call.await.expect("no panic").expect_err("it is gone");
        assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::NodeDown, true), "{error}");
    }
    for (target, owner) in owners {
        let now = ask(&b, &target, "name").await;
        assert!(now == free && (owner != free || now == owner));
    }
    workers.pop().expect("one is left").1.close().await;
    known(&b, "web", 0).await;
    let error = b.call("web", "name", ()).await.expect_err("nobody is left");
    assert_eq!(error.kind(), ErrorKind::NoServer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_member_serves_itself_no_worker_gets_until_it_stops() {
    let (_folder, path) = socket();
    let a = member("a", &path).await;
    let served = a.serve("web", Named("a")).await.expect("a free name");
    let w = worker(&path).await;
    let mut events = w.events(Replay::No);
    w.serve("web", Named("w")).await.expect("it may hope");
    let warned = async {
        loop {
            if let Some(EventKind::Warning(warning)) = events.next().await.map(|event| event.kind) {
                return warning;
            }
        }
    };
    let warning = tokio::time::timeout(LIMIT, warned).await.expect("it is told");
    assert_eq!((warning.code.as_str(), &*warning.subject), ("server-taken", "web"));
    assert_eq!(ask(&w, "web", "name").await, "a");
    served.stop();
    until("the worker has it", || a.hosts("web").len() == 1 && w.hosts("web").len() == 1).await;
    assert_eq!(ask(&a, "web", "name").await, "w");
    let taken = a.serve("web", Named("a")).await.map(drop).expect_err("workers serve it");
    assert_eq!(taken.kind(), ErrorKind::ServerExists);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_outlives_its_member_and_finds_the_next() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    until("both know each other", || names(&a) == ["a", "b"]).await;
    b.put("old", "1", None).await.expect("it is small");
    b.serve("on-b", Named("b")).await.expect("a free name");
    let w = worker(&path).await;
    w.serve("on-w", Named("w")).await.expect("a free name");
    known(&w, "on-b", 1).await;
    known(&b, "on-w", 1).await;
    until("the key is told", || w.get("b", "old").is_some()).await;
    let mut events = w.events(Replay::No);
    let pending = {
        let w = w.clone();
        tokio::spawn(async move { w.call("on-b", "never", ()).timeout(LIMIT).await })
    };
    until("it is there", || b.stats().calls_served == 1).await;
    a.close().await;
    let error = pending.await.expect("no panic").expect_err("the member is gone");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::NodeDown, true), "{error}");
    let warning = loop {
        match events.next().await.expect("open").kind {
            EventKind::Warning(warning) => break warning,
            _ => continue,
        }
    };
    assert_eq!((warning.code.as_str(), &*warning.subject), ("member-away", "a"));
    // What it saw stays, and what it says goes nowhere, at once.
    assert_eq!((names(&w), w.get("b", "old").is_some()), (vec!["a".into(), "b".into()], true));
    for error in [
        w.call("on-b", "name", ()).await.expect_err("away"),
        w.cast("on-b", "name", ()).await.expect_err("away"),
        w.put("k", "v", None).await.expect_err("away"),
    ] {
        assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::NodeDown, false), "{error}");
    }

    b.delete("old").await.expect("it is small");
    b.put("new", "2", None).await.expect("it is small");
    let a = member("a2", &path).await;
    meet(&a, &b).await;
    until("it is told of the worker's", || b.hosts("on-w") == ["a2"]).await;
    until("the worker has it", || w.local_member().name() == "a2").await;
    assert_eq!(
        (ask(&w, "on-b", "name").await, ask(&b, "on-w", "name").await),
        ("b".into(), "w".into())
    );
    until("all is as it is", || {
        names(&w) == ["a2", "b"] && w.get("b", "old").is_none() && w.get("b", "new").is_some()
    })
    .await;
    assert_eq!(w.local_member().name(), "a2");
    let lost = loop {
        match events.next().await.expect("open").kind {
            EventKind::EventsLost { members, .. } => break members,
            _ => continue,
        }
    };
    assert!(lost.iter().all(|member| member.name() != "a2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_is_detached_until_it_joins() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    let w = worker(&path).await;
    w.serve("on-w", Named("w")).await.expect("a free name");
    known(&b, "on-w", 1).await;
    w.leave(LIMIT).await.expect("nothing is under way");
    known(&b, "on-w", 0).await;
    until("it is gone", || a.stats().workers == 0).await;
    assert_eq!(w.call("on-b", "name", ()).await.expect_err("gone").kind(), ErrorKind::NodeDown);
    assert_eq!(names(&b), ["a", "b"], "no member has left");
    w.join([b.local_member().addr().to_string()]).await.expect("the member joins");
    known(&b, "on-w", 1).await;
    assert_eq!(ask(&b, "on-w", "name").await, "w");
    assert_eq!((a.stats().workers, a.stats().workers_attached), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn casts_are_accounted_for_across_both_meshes() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    let w = worker(&path).await;
    let serving = chinwag::Serving { mailbox: Some(10), concurrency: 1 };
    let served = w.serve_with("on-w", serving, Named("w")).await.expect("a free name");
    known(&b, "on-w", 1).await;
    served.pause();
    for _ in 0..50 {
        b.cast("on-w", "name", ()).await.expect("it goes out");
    }
    until("what does not fit is counted", || w.stats().casts_dropped == 40).await;
    assert_eq!((b.stats().casts_sent, a.stats().casts_served), (50, 50));
    served.resume();
    until("the rest is taken on", || w.stats().casts_served == 10).await;
    // What has come and is lost with its worker is not served.
    served.pause();
    for _ in 0..5 {
        b.cast("on-w", "name", ()).await.expect("it goes out");
    }
    until("they are handed on", || {
        let stats = a.stats();
        stats.casts_served + stats.casts_dropped + stats.casts_in_doubt == 55
    })
    .await;
    w.abort();
    until("it is gone", || a.stats().workers == 0).await;
    let stats = a.stats();
    let sum = stats.casts_served + stats.casts_dropped + stats.casts_lost + stats.casts_in_doubt;
    assert_eq!(sum, 55, "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_come_and_go_and_nothing_is_left_of_them() {
    let (_folder, path) = socket();
    let a = member("a", &path).await;
    a.serve("on-a", Named("a")).await.expect("a free name");
    for _ in 0..20 {
        let mut workers = Vec::new();
        for _ in 0..10 {
            workers.push(attach(&path).await.expect("there is room"));
        }
        for (number, w) in workers.iter().enumerate() {
            w.serve("web", Named("w")).await.expect("several may");
            assert_eq!(ask(w, "on-a", "name").await, "a");
            match number % 3 {
                0 => w.close().await,
                1 => w.leave(LIMIT).await.expect("nothing is under way"),
                _ => w.abort(),
            }
        }
    }
    until("all are gone", || a.stats().workers == 0).await;
    let stats = a.stats();
    assert_eq!((stats.workers_attached, stats.workers_refused), (200, 0));
    known(&a, "web", 0).await;
    worker(&path).await.close().await;
}
