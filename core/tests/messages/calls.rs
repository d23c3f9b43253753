//! What works: from here to there and back, in order, in any size.

use std::time::Duration;

use chinwag::payload::Value;
use chinwag::{Builder, ErrorKind, Node, Payload, Serving};

use super::{Counter, LIMIT, cluster, get, known, until};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";

fn plain(builder: Builder) -> Builder {
    builder
}

fn keyed(builder: Builder) -> Builder {
    // Without optimisation, a megabyte takes its time to be encrypted.
    builder.option("keys", KEY).option("call_timeout", "60s")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_called_the_same_way_wherever_it_lives() {
    for with in [plain, keyed] {
        let [a, b] = cluster(["a", "b"], with).await;
        b.serve("counter", Counter::default()).await.expect("a free name");
        known(&a, "counter", 1).await;
        for (node, target) in
            [(&a, "counter"), (&b, "counter"), (&a, "counter@b"), (&b, "counter@b")]
        {
            node.call(target, "add", 1).await.expect("it answers");
        }
        assert_eq!(get(&a, "counter").await, 4);
        let who = a.call("counter", "who", ()).await.expect("it answers").value();
        assert_eq!(who, Ok(Value::from("a")));
        // What is sent is a copy, and what is raw stays so.
        for size in [0, 1, 32 * 1024, 32 * 1024 + 1, 1 << 20] {
            let sent = Payload { codec: 200, bytes: vec![size as u8; size] };
            let back = a.call("counter", "echo", sent.clone()).await.expect("it answers");
            assert!(back == sent, "{size} bytes");
        }
        let long = vec![0_u8; (1 << 20) + 1];
        let error = a.call("counter", "echo", Payload::raw(long)).await.expect_err("too long");
        assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::TooLarge, false));
        assert_eq!(b.stats().links_accepted + b.stats().links_opened, 1, "one connection");
    }
}

/// Who has been alone for a while writes by itself, as much as the socket takes; the rest is the
/// connection's, also while others begin to speak.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_caller_alone_says_arrives_whole_and_in_order() {
    for with in [plain, keyed] {
        let [a, b] = cluster(["a", "b"], with).await;
        b.serve("counter", Counter::default()).await.expect("a free name");
        known(&a, "counter", 1).await;
        for size in [1 << 10, 32 << 10, 256 << 10] {
            for round in 0..40_u8 {
                // What was cast before is there before the call.
                a.cast("counter", "add", 1).await.expect("it goes out");
                let count = get(&a, "counter").await;
                a.call("counter", "add", -count).await.expect("it answers");
                assert_eq!(count, 1, "{size} bytes");
                if round % 20 == 19 {
                    let sent = Payload::raw(vec![round; size]);
                    let back = a.call("counter", "echo", sent.clone()).await.expect("it answers");
                    assert!(back == sent, "{size} bytes");
                }
            }
            let echo = |byte: u8| {
                let a = a.clone();
                async move {
                    let sent = Payload::raw(vec![byte; size / 8]);
                    let back = a.call("counter", "echo", sent.clone()).await.expect("it answers");
                    assert!(back == sent, "{size} bytes");
                }
            };
            let many: tokio::task::JoinSet<()> = (0..8).map(echo).collect();
            many.join_all().await;
        }
    }
}

/// On one thread, which whoever casts must not keep: otherwise nothing is written meanwhile.
#[tokio::test]
async fn many_casts_in_a_row_are_sent_meanwhile() {
    let [a, b] = cluster(["a", "b"], |builder| builder.option("outbox_bytes", "1048576")).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    a.call("counter", "add", 1).await.expect("it answers");
    for _ in 0..50_000 {
        a.cast("counter", "add", 1).await.expect("there is room");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn casts_come_in_order_and_small_ones_pass_large_ones_of_others() {
    let [a, b] = cluster(["a", "b"], plain).await;
    let mailbox = b.mailbox("log", Some(100_000)).await.expect("a free name");
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "log", 1).await;
    let count = 2_000_u64;
    for number in 0..count {
        let mut bytes = number.to_be_bytes().to_vec();
        bytes.resize(if number % 50 == 0 { 200_000 } else { 20 }, 0);
        a.cast("log", "line", Payload::raw(bytes)).await.expect("there is room");
        if number % 100 == 0 {
            a.call("counter", "add", 1).await.expect("it does not wait for the others");
        }
    }
    for number in 0..count {
        let request = tokio::time::timeout(LIMIT, mailbox.next()).await.expect("it comes");
        let request = request.expect("it is served");
        assert!(!request.is_call() && request.from() == "a" && request.op() == "line");
        assert_eq!(request.payload().bytes[..8], number.to_be_bytes());
    }
    assert_eq!((a.stats().casts_sent, b.stats().casts_served), (count, count));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_call_at_once_and_each_gets_its_own_answer() {
    let [a, b] = cluster(["a", "b"], keyed).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    let callers = (0..64_i64).map(|caller| {
        let a = a.clone();
        tokio::spawn(async move {
            for number in 0..100 {
                let asked = Value::from(caller * 1_000 + number);
                let answer = a.call("counter", "echo", asked.clone()).await.expect("it answers");
                assert_eq!(answer.value(), Ok(asked));
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("no panic");
    }
    assert_eq!(b.stats().calls_served, 6_400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_servers_of_a_name_are_asked_and_told() {
    let [a, b, c] = cluster(["a", "b", "c"], plain).await;
    let nodes = [&a, &b, &c];
    for node in nodes {
        node.serve("counter", Counter::default()).await.expect("a free name");
    }
    for node in nodes {
        known(node, "counter", 3).await;
    }
    let replies = a.multi_call("counter", "add", 5, None, None).await.expect("all answer");
    let mut hosts: Vec<_> = replies.replies.iter().map(|(host, _)| &**host).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["a", "b", "c"]);
    assert!(replies.failed.is_empty());
    assert_eq!(a.abcast("counter", "add", 1).await, Ok(3));
    for host in ["counter@a", "counter@b", "counter@c"] {
        let mut count = get(&a, host).await;
        while count < 6 {
            count = get(&a, host).await;
        }
        assert_eq!(count, 6);
    }
    // One that does not answer fails alone, and not at all if the others are enough.
    let before = c.stats().calls_served;
    let stuck = tokio::spawn({
        let c = c.clone();
        async move { c.call("counter@c", "never", ()).timeout(LIMIT).await.map(drop) }
    });
    until("it is stuck", || c.stats().calls_served > before).await;
    let short = Some(Duration::from_millis(300));
    let replies = a.multi_call("counter", "get", (), None, short).await.expect("partly");
    assert_eq!((replies.replies.len(), replies.failed.len()), (2, 1), "{replies:?}");
    assert_eq!((&*replies.failed[0].0, replies.failed[0].1.kind()), ("c", ErrorKind::Timeout));
    let replies = a.multi_call("counter", "get", (), Some(2), Some(LIMIT)).await.expect("enough");
    assert_eq!(replies.replies.len(), 2);
    let error = a.multi_call("counter", "get", (), Some(3), short).await.expect_err("too few");
    assert_eq!(error.kind(), ErrorKind::NoQuorum, "{error}");
    assert!(error.message().contains("c: timeout"), "{error}");
    stuck.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_may_come_later_and_from_elsewhere() {
    let [a, b] = cluster(["a", "b"], plain).await;
    let mailbox = b.mailbox("later", None).await.expect("a free name");
    known(&a, "later", 1).await;
    let calls = (0..3_i64).map(|n| {
        let a = a.clone();
        tokio::spawn(async move { a.call("later", "ask", n).header("traceparent", "00-1").await })
    });
    let calls: Vec<_> = calls.collect();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(mailbox.next().await.expect("it comes"));
    }
    assert_eq!(held[0].headers(), [("traceparent".to_owned(), "00-1".to_owned())]);
    let left = held[0].remaining().expect("callers wait five seconds");
    assert!(left > Duration::ZERO && left <= Duration::from_secs(5), "{left:?}");
    // The last one first, from another thread.
    let answering = std::thread::spawn(move || {
        for request in held.into_iter().rev() {
            let payload = request.payload().clone();
            assert!(request.reply(Ok(payload)));
        }
    });
    for (number, call) in calls.into_iter().enumerate() {
        let answer = call.await.expect("no panic").expect("it answers").value();
        assert_eq!(answer, Ok(Value::Int(number as i64)));
    }
    answering.join().expect("no panic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_serves_several_at_once() {
    let [a, b] = cluster(["a", "b"], plain).await;
    let both = std::sync::Arc::new(tokio::sync::Barrier::new(2));
    let serving = Serving { concurrency: 2, ..Serving::default() };
    let meet = move |request: chinwag::Request| {
        let both = std::sync::Arc::clone(&both);
        async move {
            both.wait().await;
            request.answer(Ok(Payload::default()));
        }
    };
    b.serve_fn("pair", serving, meet).await.expect("a free name");
    known(&a, "pair", 1).await;
    let call = |a: Node| async move { a.call("pair", "meet", ()).timeout(LIMIT).await.map(drop) };
    let (first, second) = tokio::join!(call(a.clone()), call(a));
    assert_eq!((first, second), (Ok(()), Ok(())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_payloads_go_each_in_turn() {
    let [a, b] = cluster(["a", "b"], plain).await;
    let serving = Serving { concurrency: 64, ..Serving::default() };
    let echo = |mut request: chinwag::Request| async move {
        let payload = request.take_payload();
        request.answer(Ok(payload));
    };
    b.serve_fn("echo", serving, echo).await.expect("a free name");
    known(&a, "echo", 1).await;
    let calls = (0..64_u8).map(|number| {
        let a = a.clone();
        tokio::spawn(async move {
            let sent = Payload::raw(vec![number; 150_000 + usize::from(number)]);
            let call = a.call("echo", "echo", sent.clone()).timeout(LIMIT);
            assert!(call.await.expect("it answers") == sent);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("no panic");
    }
    assert_eq!((a.stats().links_lost, b.stats().frames_malformed), (0, 0));
}
