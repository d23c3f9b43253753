//! What a worker sees and says is what its member does.

use chinwag::{ErrorKind, EventKind, Replay, Watched};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_sees_the_members_their_keys_and_what_happens() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    until("both know each other", || names(&a) == ["a", "b"]).await;
    b.put("color", "blue", None).await.expect("it is small");
    until("the key is told", || a.get("b", "color").is_some()).await;

    let w = worker(&path).await;
    assert_eq!((names(&w), w.local_member()), (names(&a), a.local_member()));
    assert_eq!(w.get("b", "color").as_deref(), Some(&b"blue"[..]));
    assert_eq!((a.stats().workers, a.stats().workers_attached), (1, 1));

    let (mut events, mut watch) = (w.events(Replay::Yes), w.watch("", Replay::No));
    let mut next = async || events.next().await.expect("open").kind;
    assert!(matches!(next().await, EventKind::MemberJoin(member) if member.name() == "b"));
    assert_eq!(next().await, EventKind::ReplayDone);
    b.update_tags([("role", Some("web"))]).await.expect("it is small");
    let updated = next().await;
    assert!(matches!(&updated, EventKind::MemberUpdate { .. }), "{updated:?}");
    assert_eq!(updated.member().and_then(|member| member.tag("role")).as_deref(), Some("web"));
    a.send("b", "to b", chinwag::Delivery::Reliable).await.expect("it is there");
    b.send("a", "to a", chinwag::Delivery::Reliable).await.expect("it is there");
    let said = next().await;
    assert!(matches!(&said, EventKind::Message(message) if *message.payload == *b"to a"));

    // What a worker changes is its member's.
    w.put("size", "xl", None).await.expect("it is small");
    w.update_tags([("zone", Some("north"))]).await.expect("it is small");
    until("all see it", || {
        b.get("a", "size").as_deref() == Some(b"xl")
            && w.get("a", "size").is_some()
            && w.local_member().tag("zone").as_deref() == Some("north")
    })
    .await;
    assert!(matches!(watch.next().await, Some(Watched::Put(entry)) if entry.key == "size"));
    let shared = |node: &Node| node.map("shared").expect("a name");
    shared(&w).put("k", "from w").await.expect("it is small");
    until("all have it", || {
        [&a, &b, &w].iter().all(|node| shared(node).get("k").as_deref() == Some(b"from w"))
    })
    .await;
    assert!(w.ping("b").await.is_ok());
    let error = w.ping("nobody").await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::UnknownMember);
    let error = w.add_key("MDEyMzQ1Njc4OWFiY2RlZg==").await.expect_err("the member's alone");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = w.join(["127.0.0.1:1"]).await.expect_err("nobody listens");
    assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::JoinFailed, 1), "{error}");

    b.leave(LIMIT).await.expect("a farewell");
    let left = loop {
        match next().await {
            EventKind::MemberLeave(member) => break member,
            _ => continue,
        }
    };
    assert_eq!(left.name(), "b");
    until("its keys are gone", || w.get("b", "color").is_none()).await;
    assert_eq!(names(&w), ["a"]);
    w.close().await;
    until("it is let go", || a.stats().workers == 0).await;
    a.close().await;
    assert!(!path.exists(), "the socket is removed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ring_of_a_worker_is_its_members() {
    let (_folder, path) = socket();
    let a = builder("a")
        .option("workers", text(&path))
        .option("ring_slots", "64")
        .option("ring_weight_tag", "w")
        .start()
        .await
        .expect("a member starts");
    let b = builder("b").tags([("w", "3")]).start().await.expect("it starts");
    meet(&b, &a).await;
    until("both know each other", || names(&a) == ["a", "b"]).await;
    let w = worker(&path).await;
    assert_eq!(w.ring().to_bytes(), a.ring().to_bytes());
    let overrides = chinwag::ring::Overrides {
        excluded: ["b".to_owned()].into(),
        ..chinwag::ring::Overrides::default()
    };
    w.set_ring_overrides(overrides).await.expect("they are few");
    until("both follow", || {
        let ring = a.ring().to_bytes();
        w.ring().to_bytes() == ring && a.ring().owner("x") == Some("a")
    })
    .await;
    assert!((0..50).all(|key: i32| w.owns(key.to_string())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_both_ways_through_the_member() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    let c = builder("c").start().await.expect("it starts");
    meet(&b, &a).await;
    meet(&c, &a).await;
    b.serve("on-b", Named("b")).await.expect("a free name");
    a.serve("on-a", Named("a")).await.expect("a free name");
    let (w, v) = (worker(&path).await, worker(&path).await);
    w.serve("on-w", Named("w")).await.expect("a free name");
    for node in [&a, &b, &c, &w, &v] {
        known(node, "on-b", 1).await;
        known(node, "on-a", 1).await;
        known(node, "on-w", 1).await;
    }
    assert_eq!(b.hosts("on-w"), ["a"]);
    for node in [&a, &b, &c, &v, &w] {
        assert_eq!(ask(node, "on-w", "name").await, "w");
        assert_eq!(ask(node, "on-w@a", "name").await, "w");
        assert_eq!(ask(node, "on-w#k", "key").await, "k");
        assert_eq!(ask(node, "on-b", "name").await, "b");
        assert_eq!(ask(node, "on-b@b", "name").await, "b");
        assert_eq!(ask(node, "on-b#user:42", "key").await, "user:42");
        assert_eq!(ask(node, "on-a", "name").await, "a");
    }
    // Whoever is on the other side sees members.
    assert_eq!(ask(&w, "on-b", "from").await, "a");
    assert_eq!(ask(&c, "on-w", "from").await, "c");
    assert_eq!(ask(&v, "on-w", "from").await, "a");

    for (node, target) in [(&w, "on-b"), (&b, "on-w")] {
        let headers = node.call(target, "headers", ()).header("trace", "1").await;
        assert_eq!(headers.expect("it answers").bytes, b"trace: 1");
    }

    // Errors are whose they are.
    let error = w.call("on-b", "fail", ()).await.expect_err("it fails");
    assert_eq!(error.remote().map(|remote| &*remote.node), Some("b"), "{error}");
    for (node, op, kind) in
        [(&w, "nothing", ErrorKind::UnknownOp), (&v, "fail", ErrorKind::RemoteError)]
    {
        let error = node.call("on-w", op, ()).await.expect_err("it fails");
        assert_eq!(error.kind(), kind, "{error}");
    }
    let error = c.call("on-w", "fail", ()).await.expect_err("it fails");
    assert_eq!(error.remote().map(|remote| &*remote.node), Some("a"), "{error}");
    for (target, kind) in [
        ("none", ErrorKind::NoServer),
        ("on-b@c", ErrorKind::NoServer),
        ("on-b@nobody", ErrorKind::UnknownMember),
    ] {
        let error = w.call(target, "name", ()).await.expect_err(target);
        assert_eq!((error.kind(), error.maybe_executed()), (kind, false), "{error}");
    }
    let replies = w.multi_call("on-b", "name", (), None, None).await.expect("all answer");
    assert_eq!(replies.replies.len(), 1, "{replies}");
    assert_eq!(w.servers(), [("on-a".to_owned(), 1), ("on-b".to_owned(), 1), ("on-w".into(), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_publishes_and_follows_servers() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    let (own, other) = (a.subscribe("news"), b.subscribe("news"));
    let (own, other) = (own.expect("a topic"), other.expect("a topic"));
    let served = b.serve("on-b", Named("b")).await.expect("a free name");
    let w = worker(&path).await;
    known(&w, "on-b", 1).await;
    until("both are known to subscribe", || w.subscribers("news") == ["a", "b"]).await;
    let sent = w.publish("news", "hello").header("trace", "1").await.expect("it is small");
    assert_eq!(sent, 2);
    for subscriber in [own, other] {
        let published = subscriber.next().await.expect("open");
        assert_eq!((published.from(), published.payload().value()), ("a", Ok("hello".into())));
        assert_eq!(published.headers(), [("trace".to_owned(), "1".to_owned())]);
    }
    let monitor = w.monitor("on-b").expect("it is there");
    served.stop();
    let down = tokio::time::timeout(LIMIT, monitor.down()).await.expect("it is told");
    assert_eq!((down.server, down.member.as_deref()), ("on-b".to_owned(), Some("b")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlines_and_those_who_give_up_go_all_the_way() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    b.serve("on-b", Named("b")).await.expect("a free name");
    let w = worker(&path).await;
    w.serve("on-w", Named("w")).await.expect("a free name");
    known(&w, "on-b", 1).await;
    known(&b, "on-w", 1).await;
    let short = Duration::from_millis(50);
    for (node, target) in [(&w, "on-b"), (&b, "on-w")] {
        let error = node.call(target, "never", ()).timeout(short).await.expect_err("it never does");
        assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::Timeout, true), "{error}");
        // It heard of that, and goes on with the next.
        ask(node, target, "name").await;
        let dropped =
            tokio::time::timeout(short, async { node.call(target, "never", ()).await }).await;
        assert!(dropped.is_err());
        ask(node, target, "name").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_payloads_are_whole_and_too_large_ones_are_refused_at_once() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    b.serve("on-b", Named("b")).await.expect("a free name");
    let w = worker(&path).await;
    w.serve("on-w", Named("w")).await.expect("a free name");
    known(&w, "on-b", 1).await;
    known(&b, "on-w", 1).await;
    let large: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
    for (node, target) in [(&w, "on-b"), (&b, "on-w"), (&w, "on-w")] {
        let echoed = node.call(target, "echo", Payload::raw(large.clone())).await;
        assert!(echoed.expect("it fits").bytes == large, "{target}");
    }
    let huge = Payload::raw(vec![0; (1 << 20) + 1]);
    let error = w.call("on-b", "echo", huge).await.expect_err("it does not fit");
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
}
