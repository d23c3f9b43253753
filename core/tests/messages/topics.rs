//! Publish and subscribe, over real sockets.

use std::collections::BTreeSet;

use chinwag::payload::Value;
use chinwag::{ErrorKind, Node, Payload, Published, Subscriber, Subscribing};

use super::{LIMIT, cluster, until};

async fn next(subscriber: &Subscriber) -> Published {
    let next = tokio::time::timeout(LIMIT, subscriber.next());
    next.await.expect("within the limit").expect("the node is open")
}

async fn number(subscriber: &Subscriber) -> i64 {
    match next(subscriber).await.payload().value() {
        Ok(Value::Int(number)) => number,
        other => panic!("{other:?}"),
    }
}

async fn known(node: &Node, topic: &str, members: usize) {
    until("the subscribers are known", || node.subscribers(topic).len() == members).await;
}

fn queue(name: &str) -> Subscribing {
    Subscribing { queue: Some(name.to_owned()), ..Subscribing::default() }
}

#[tokio::test]
async fn what_is_published_comes_to_all_who_subscribe_and_to_nobody_else() {
    let [a, b, c] = cluster(["a", "b", "c"], |builder| builder).await;
    assert_eq!(a.publish("orders.created", 1).await, Ok(0));
    let [at_a, at_b, twice] = [&a, &b, &b].map(|node| node.subscribe("orders.created").unwrap());
    let other = c.subscribe("orders.deleted").expect("a name");
    known(&a, "orders.created", 2).await;
    let sent = a.publish("orders.created", 2).header("traceparent", "00-1").await;
    assert_eq!(sent, Ok(2));
    for subscriber in [&at_a, &at_b, &twice] {
        let published = next(subscriber).await;
        assert_eq!((published.topic(), published.from()), ("orders.created", "a"));
        assert_eq!(published.headers(), [("traceparent".to_owned(), "00-1".to_owned())]);
        assert_eq!(published.into_payload().value(), Ok(Value::Int(2)));
    }
    assert_eq!(a.topics(), [("orders.created".to_owned(), 2), ("orders.deleted".to_owned(), 1)]);
    assert_eq!(a.publish("orders.deleted", 3).await, Ok(1));
    assert_eq!(number(&other).await, 3);
    // Nothing else has come meanwhile.
    assert_eq!(b.publish("orders.created", 4).await, Ok(2));
    for subscriber in [&at_a, &at_b, &twice] {
        assert_eq!(number(subscriber).await, 4);
    }
    drop((at_b, twice));
    known(&a, "orders.created", 1).await;
    a.close().await;
    assert!(at_a.next().await.is_none());
    for (topic, kind) in [("", ErrorKind::BadArgument), ("a b", ErrorKind::BadArgument)] {
        assert_eq!(b.publish(topic, 1).await.map_err(|error| error.kind()), Err(kind));
        assert_eq!(b.subscribe(topic).map(drop).map_err(|error| error.kind()), Err(kind));
    }
    assert_eq!(a.publish("t", 1).await.map_err(|error| error.kind()), Err(ErrorKind::Closed));
}

#[tokio::test]
async fn each_queue_gets_it_once_and_its_subscribers_share_it() {
    let [a, b, c] = cluster(["a", "b", "c"], |builder| builder).await;
    let workers = [&a, &b, &c].map(|node| node.subscribe_with("jobs", &queue("workers")).unwrap());
    let audit = c.subscribe_with("jobs", &queue("audit")).expect("a name");
    let all = b.subscribe("jobs").expect("a name");
    known(&a, "jobs", 3).await;
    for job in 0..300 {
        assert!(a.publish("jobs", job).await.expect("nothing is wrong") >= 2);
    }
    for job in 0..300 {
        assert_eq!(number(&all).await, job);
        assert_eq!(number(&audit).await, job);
    }
    let (mut done, mut shares) = (BTreeSet::new(), [0; 3]);
    while done.len() < 300 {
        let [x, y, z] = &workers;
        let (at, job) = tokio::select! {
            job = number(x) => (0, job),
            job = number(y) => (1, job),
            job = number(z) => (2, job),
        };
        assert!(done.insert(job), "{job} was done twice");
        shares[at] += 1;
    }
    assert!(shares.iter().all(|share| *share > 50), "{shares:?}");
    // A queue without anybody is no queue.
    drop(workers);
    until("only audit is left", || a.subscribers("jobs").len() == 2).await;
}

#[tokio::test]
async fn who_is_slow_hears_how_many_it_has_missed_and_slows_nobody() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    let few = Subscribing { buffer: 10, ..Subscribing::default() };
    let slow = b.subscribe_with("ticks", &few).expect("a name");
    let quick = b.subscribe_with("ticks", &Subscribing { buffer: 5_000, ..few }).unwrap();
    known(&a, "ticks", 1).await;
    for tick in 0..1_000 {
        a.publish("ticks", tick).await.expect("nothing is wrong");
    }
    for tick in 0..1_000 {
        assert_eq!(number(&quick).await, tick);
    }
    let first = next(&slow).await;
    assert_eq!((first.missed(), slow.missed()), (990, 990));
    assert_eq!(first.payload().value(), Ok(Value::Int(990)));
    assert_eq!(next(&slow).await.missed(), 0);
    assert_eq!((b.stats().publications_missed, b.stats().publications_received), (990, 1_000));
}

#[tokio::test]
async fn a_large_one_comes_whole_and_too_large_a_one_is_refused() {
    let [a, b] = cluster(["a", "b"], |builder| builder.option("message_max", "1048576")).await;
    let subscriber = b.subscribe("blobs").expect("a name");
    known(&a, "blobs", 1).await;
    let blob = Payload::raw((0..900_000).map(|at| at as u8).collect::<Vec<_>>());
    for turn in 0..3 {
        assert_eq!(a.publish("blobs", blob.clone()).await, Ok(1));
        assert_eq!(a.publish("blobs", turn).await, Ok(1));
    }
    for turn in 0..3 {
        assert_eq!(next(&subscriber).await.into_payload(), blob);
        assert_eq!(number(&subscriber).await, turn, "in order");
    }
    let long = Payload::raw(vec![0; (1 << 20) + 1]);
    assert_eq!(a.publish("blobs", long).await.map_err(|e| e.kind()), Err(ErrorKind::TooLarge));
}

#[tokio::test]
async fn subscribers_go_with_their_member_and_come_back_with_it() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    let kept = b.subscribe("t").expect("a name");
    known(&a, "t", 1).await;
    b.leave(LIMIT).await.expect("it says goodbye");
    known(&a, "t", 0).await;
    assert_eq!(a.publish("t", 1).await, Ok(0));
    super::meet(&b, &a).await;
    known(&a, "t", 1).await;
    assert_eq!(a.publish("t", 2).await, Ok(1));
    assert_eq!(number(&kept).await, 2);
    b.close().await;
    known(&a, "t", 0).await;
}
