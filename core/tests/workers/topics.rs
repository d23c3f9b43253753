//! Topics in workers: what is published comes to them as to members, and queues are shared by all.

use std::collections::BTreeSet;

use chinwag::{ErrorKind, Published, Subscriber, Subscribing};

use super::*;

fn queue(name: &str) -> Subscribing {
    Subscribing { queue: Some(name.to_owned()), ..Subscribing::default() }
}

async fn subscribed(node: &Node, topic: &str, members: &[&str]) {
    until("who subscribes is known", || node.subscribers(topic) == members).await;
}

/// Waits until others know what a worker has subscribed to before: it tells so in order.
async fn heard(worker: &Node, other: &Node) {
    let marker = worker.subscribe("zzz").expect("a name");
    subscribed(other, "zzz", &["a"]).await;
    drop(marker);
    subscribed(other, "zzz", &[]).await;
}

async fn next(subscriber: &Subscriber) -> Published {
    let next = tokio::time::timeout(LIMIT, subscriber.next()).await;
    next.expect("it comes in time").expect("open")
}

async fn number(subscriber: &Subscriber) -> i64 {
    match next(subscriber).await.payload().value() {
        Ok(Value::Int(number)) => number,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_gets_what_is_published_and_says_so_through_its_member() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    let (w, v) = (worker(&path).await, worker(&path).await);
    let (mine, also, theirs) = (w.subscribe("news"), w.subscribe("news"), v.subscribe("news"));
    let all = [mine.expect("a topic"), also.expect("a topic"), theirs.expect("a topic")];
    for node in [&a, &b, &w, &v] {
        // To the cluster it is the member that subscribes.
        subscribed(node, "news", &["a"]).await;
        assert_eq!(node.topics(), [("news".to_owned(), 1)]);
    }
    heard(&w, &b).await;
    heard(&v, &b).await;
    for node in [&a, &b, &w, &v] {
        let said = node.publish("news", "hello").header("trace", "1").await.expect("it is small");
        assert_eq!(said, 1);
        for subscriber in &all {
            let published = next(subscriber).await;
            let from = if node.local_member().name() == "b" { "b" } else { "a" };
            assert_eq!((published.topic(), published.from()), ("news", from));
            assert_eq!(published.payload().value(), Ok("hello".into()));
            assert_eq!(published.headers(), [("trace".to_owned(), "1".to_owned())]);
        }
    }
    let large = Payload::raw((0..900_000).map(|at| at as u8).collect::<Vec<_>>());
    b.publish("news", large.clone()).await.expect("it fits");
    for subscriber in &all {
        assert_eq!(next(subscriber).await.into_payload(), large);
    }
    drop(all);
    for node in [&a, &b, &w, &v] {
        subscribed(node, "news", &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_has_each_publication_once_over_members_and_workers() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    let (w, v) = (worker(&path).await, worker(&path).await);
    let jobs = |node: &Node| node.subscribe_with("jobs", &queue("workers")).expect("a name");
    let subscribers = [jobs(&a), jobs(&b), jobs(&w), jobs(&v)];
    let audit = v.subscribe_with("jobs", &queue("audit")).expect("a name");
    let all = w.subscribe("jobs").expect("a name");
    subscribed(&b, "jobs", &["a", "b"]).await;
    heard(&w, &b).await;
    heard(&v, &b).await;
    for job in 0..400 {
        assert!(b.publish("jobs", job).await.expect("nothing is wrong") >= 1);
    }
    for job in 0..400 {
        assert_eq!((number(&all).await, number(&audit).await), (job, job), "in order");
    }
    let (mut done, mut shares) = (BTreeSet::new(), [0; 4]);
    while done.len() < 400 {
        let [x, y, z, u] = &subscribers;
        let (at, job) = tokio::select! {
            job = number(x) => (0, job),
            job = number(y) => (1, job),
            job = number(z) => (2, job),
            job = number(u) => (3, job),
        };
        assert!(done.insert(job), "{job} was done twice");
        shares[at] += 1;
    }
    // Chance chooses the member, and turns the subscriber there.
    assert!(shares.iter().all(|share| *share > 30), "{shares:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_hears_how_many_it_has_missed() {
    let (_folder, path) = socket();
    let a = member("a", &path).await;
    let w = worker(&path).await;
    let few = Subscribing { buffer: 10, ..Subscribing::default() };
    let slow = w.subscribe_with("ticks", &few).expect("a name");
    let quick = w.subscribe_with("ticks", &Subscribing { buffer: 5_000, ..few }).expect("a name");
    subscribed(&a, "ticks", &["a"]).await;
    for tick in 0..800 {
        a.publish("ticks", tick).await.expect("nothing is wrong");
    }
    for tick in 0..800 {
        assert_eq!(number(&quick).await, tick);
    }
    let first = next(&slow).await;
    assert_eq!((first.missed(), slow.missed()), (790, 790));
    assert_eq!(first.payload().value(), Ok(Value::Int(790)));
    let stats = w.stats();
    assert_eq!((stats.publications_missed, stats.publications_received), (790, 800));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_outlive_the_member_and_go_with_the_worker() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    let w = worker(&path).await;
    let kept = w.subscribe("t").expect("a name");
    subscribed(&b, "t", &["a"]).await;
    a.close().await;
    let error = loop {
        match w.publish("t", 0).await {
            Err(error) => break error,
            Ok(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(error.kind(), ErrorKind::NodeDown);
    // What is subscribed to meanwhile, and what no longer.
    let (second, third) = (w.subscribe("u").expect("a name"), w.subscribe("v").expect("a name"));
    drop(third);
    let a = member("a2", &path).await;
    meet(&a, &b).await;
    subscribed(&b, "t", &["a2"]).await;
    subscribed(&b, "u", &["a2"]).await;
    assert_eq!(b.publish("t", 1).await, Ok(1));
    assert_eq!(b.publish("u", 2).await, Ok(1));
    assert_eq!((number(&kept).await, number(&second).await), (1, 2));
    assert_eq!(b.publish("v", 3).await, Ok(0));
    w.leave(LIMIT).await.expect("nothing is under way");
    subscribed(&b, "t", &[]).await;
    w.join([b.local_member().addr().to_string()]).await.expect("the member joins");
    subscribed(&b, "t", &["a2"]).await;
    w.abort();
    subscribed(&b, "t", &[]).await;
    subscribed(&b, "u", &[]).await;
    assert_eq!(kept.next().await.map(drop), None, "it is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_has_so_many_subscribers_and_no_more() {
    let (_folder, path) = socket();
    let _a = member("a", &path).await;
    let w = worker(&path).await;
    let mut held: Vec<Subscriber> =
        (0..4_096).map(|_| w.subscribe("t").expect("there is room")).collect();
    let error = w.subscribe("t").map(drop).expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
    held.pop();
    w.subscribe("t").map(drop).expect("there is room again");
}
