//! Calls whose request and answer are sequences of items.

use std::time::Duration;

use chinwag::payload::Value;
use chinwag::{CallStream, ErrorKind, Node, Payload, Request, Served, Serving};

use super::{LIMIT, cluster, known, until};

fn raw(bytes: impl Into<Vec<u8>>) -> Payload {
    Payload::raw(bytes)
}

fn number(payload: &Payload) -> i64 {
    match payload.value() {
        Ok(Value::Int(number)) => number,
        other => panic!("{other:?}"),
    }
}

/// What the server of these tests does, by the operation.
async fn act(mut request: Request) {
    match request.op() {
        // So many items, and how many those were.
        "count" => {
            let count = number(request.payload());
            let mut sink = request.sink().expect("it streams");
            for at in 0..count {
                sink.send(Payload::encode(&at.into()).expect("a number"))
                    .await
                    .expect("it is read");
            }
            request.reply(Ok(Payload::encode(&count.into()).expect("a number")));
        }
        // How many bytes came.
        "length" => {
            let (mut body, mut length) = (request.body(), 0);
            while let Some(item) = body.next().await {
                length += item.expect("all of it").bytes.len() as i64;
            }
            request.reply(Ok(Payload::encode(&length.into()).expect("a number")));
        }
        // Each item as it came.
        "echo" => {
            let (mut body, mut sink) = (request.body(), request.sink().expect("it streams"));
            while let Some(item) = body.next().await {
                sink.send(item.expect("all of it")).await.expect("it is read");
            }
            request.reply(Ok(raw("done")));
        }
        // Three items, and an error.
        "fail" => {
            let mut sink = request.sink().expect("it streams");
            for at in 0..3 {
                sink.send(raw([at; 40_000])).await.expect("there is room");
            }
            let error = chinwag::Error::new(ErrorKind::UnknownOp, "enough");
            request.reply(Err(error));
        }
        // Reads one item, and no more; the answer comes when nobody waits for it.
        "first" => {
            request.body().next().await.expect("there is one").expect("it comes");
            request.given_up().await;
        }
        // Sends for as long as somebody reads, and says how that ended.
        "endless" => {
            let mut sink = request.sink().expect("it streams");
            let error = loop {
                if let Err(error) = sink.send(raw([7; 10_000])).await {
                    break error;
                }
            };
            note(&request, error.kind().code());
            request.reply(Ok(raw(error.kind().code())));
        }
        // How the request ended.
        "end" => {
            let mut body = request.body();
            let mut ended = "finished";
            while let Some(item) = body.next().await {
                ended = item.map_or_else(|error| error.kind().code(), |_| ended);
            }
            note(&request, ended);
        }
        _ => {
            let error = request.unknown_op().to_string();
            request.reply(Err(chinwag::Error::new(ErrorKind::UnknownOp, error)));
        }
    }
}

/// How streams ended at the server, for those who ask with a name.
static ENDS: std::sync::Mutex<Vec<(Vec<u8>, &str)>> = std::sync::Mutex::new(Vec::new());

fn note(request: &Request, end: &'static str) {
    ENDS.lock().expect("no panic").push((request.payload().bytes.clone(), end));
}

/// Waits until the stream of that name has ended at the server, so.
async fn ended(name: &str, end: &str) {
    let is_it = |(by, how): &(Vec<u8>, &str)| by == name.as_bytes() && *how == end;
    until("it has ended so", || ENDS.lock().expect("no panic").iter().any(is_it)).await;
}

async fn serve(node: &Node) -> Served {
    let serving = Serving { mailbox: None, concurrency: 8 };
    node.serve_fn("files", serving, act).await.expect("a free name")
}

async fn open(node: &Node, op: &str, payload: impl chinwag::IntoPayload) -> CallStream {
    node.call("files@b", op, payload).timeout(LIMIT).stream().await.expect("it is there")
}

async fn pair() -> [Node; 2] {
    let nodes = cluster(["a", "b"], |builder| builder).await;
    serve(&nodes[1]).await;
    known(&nodes[0], "files", 1).await;
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_come_in_order_and_the_answer_behind_them() {
    let [a, b] = pair().await;
    // From another member, and from the server's own.
    for node in [&a, &b] {
        let mut stream = open(node, "count", 20_000).await;
        for at in 0..20_000 {
            assert_eq!(number(&stream.next().await.expect("more").expect("an item")), at);
        }
        assert!(stream.next().await.is_none());
        assert!(stream.next().await.is_none());
        assert_eq!(number(&stream.take_answer().expect("an answer")), 20_000);
        // One that does not stream.
        let error = node.call("files@b", "count", 3).await.expect_err("it was let go of");
        assert_eq!(error.kind(), ErrorKind::RemoteError);
    }
    assert_eq!(a.stats().items_received, 20_000);
    assert_eq!(b.stats().items_sent, 40_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_request_goes_through_a_small_window() {
    let [a, b] = pair().await;
    for node in [&a, &b] {
        let mut stream = open(node, "length", ()).await;
        for length in [0, 1, 70_000, 1 << 20] {
            for _ in 0..5 {
                stream.send(raw(vec![7; length])).await.expect("it is read");
            }
        }
        let error = stream.send(raw(vec![7; (1 << 20) + 1])).await.expect_err("it is too large");
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        // Others are served meanwhile.
        let error = node.call("files@b", "nothing", ()).await.expect_err("it is not known");
        assert_eq!(error.kind(), ErrorKind::UnknownOp);
        let answer = stream.answer().await.expect("an answer");
        assert_eq!(number(&answer), 5 * (1 + 70_000 + (1 << 20)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_directions_go_on_at_the_same_time() {
    let [a, _b] = pair().await;
    let (mut sink, mut items) = open(&a, "echo", ()).await.split();
    let sending = tokio::spawn(async move {
        for at in 0_u32..300 {
            let mut item = vec![0; (at as usize * 997) % 90_000];
            item.extend_from_slice(&at.to_be_bytes());
            sink.send(raw(item)).await.expect("it is read");
        }
        sink.finish();
        let error = sink.send(raw("more")).await.expect_err("it has finished");
        assert_eq!(error.kind(), ErrorKind::BadArgument);
    });
    let mut next = 0_u32;
    while let Some(item) = items.next().await {
        let item = item.expect("no error").bytes;
        assert_eq!(item.len(), (next as usize * 997) % 90_000 + 4);
        assert!(item.ends_with(&next.to_be_bytes()), "{next}");
        next += 1;
    }
    sending.await.expect("no panic");
    assert_eq!((next, items.take_answer()), (300, Some(raw("done"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_slows_the_writer() {
    let [a, b] = pair().await;
    let mut stream = open(&a, "endless", ()).await;
    stream.next().await.expect("there is one").expect("an item");
    // A window of items that cost 10,064 bytes, and one that goes beyond.
    until("the writer has no more credit", || b.stats().items_sent == 27).await;
    for _ in 0..200 {
        a.call("files@b", "nothing", ()).await.expect_err("it is not known");
    }
    assert_eq!(b.stats().items_sent, 27);
    for _ in 0..13 {
        stream.next().await.expect("there is one").expect("an item");
    }
    until("it has credit again", || b.stats().items_sent == 41).await;
    // Of one that is given up, nothing stays.
    drop(stream);
    until("its answer is nobody's", || b.stats().replies_late == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_comes_behind_the_items() {
    let [a, b] = pair().await;
    for node in [&a, &b] {
        let mut stream = open(node, "fail", ()).await;
        for at in 0..3 {
            let item = stream.next().await.expect("there is one").expect("an item");
            assert_eq!(item.bytes, [at; 40_000]);
        }
        let error = stream.next().await.expect("an end").expect_err("it failed");
        assert_eq!((error.kind(), error.message()), (ErrorKind::UnknownOp, "enough"));
        assert!(stream.next().await.is_none());
        let error = stream.send(raw("more")).await.expect_err("it has failed");
        assert_eq!(error.kind(), ErrorKind::UnknownOp);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_told_as_of_any_call() {
    let [a, _b] = pair().await;
    for (target, kind) in [
        ("filez", ErrorKind::NoServer),
        ("files@a", ErrorKind::NoServer),
        ("files@z", ErrorKind::UnknownMember),
        ("no name", ErrorKind::BadArgument),
    ] {
        let opened = a.call(target, "count", 1).timeout(LIMIT * 100).stream().await;
        assert_eq!(opened.map(drop).expect_err(target).kind(), kind);
    }
    let mut stream = open(&a, "nothing", ()).await;
    let error = stream.send(raw("an item")).await.expect_err("nobody reads it");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::UnknownOp, false), "{error}");
    let error = stream.answer().await.expect_err("no such operation");
    assert_eq!(error.kind(), ErrorKind::UnknownOp);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_that_is_dropped_is_told_to_the_other_side() {
    let [a, b] = pair().await;
    for node in [&a, &b] {
        // A server that reads no more stops the caller; who gives up then is told of, too.
        let mut stream = open(node, "first", ()).await;
        let error = async {
            loop {
                if let Err(error) = stream.send(raw("item")).await {
                    return error;
                }
            }
        };
        let error = tokio::time::timeout(LIMIT, error).await.expect("it is told");
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        let late = b.stats().replies_late;
        drop(stream);
        until("it is told", || b.stats().replies_late == late + 1).await;
        // A caller that reads no more, and waits for the answer all the same.
        let by = node.local_member().name().to_owned();
        let (_sink, mut items) = open(node, "endless", raw(format!("{by} stops"))).await.split();
        items.next().await.expect("there is one").expect("an item");
        drop(items);
        ended(&format!("{by} stops"), "cancelled").await;
        // One that does not finish has not sent all of it.
        let (mut sink, mut items) = open(node, "end", raw(format!("{by} drops"))).await.split();
        sink.send(raw("item")).await.expect("it is read");
        drop(sink);
        let error = items.next().await.expect("an end").expect_err("given up");
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        ended(&format!("{by} drops"), "cancelled").await;
        let mut stream = open(node, "end", raw(format!("{by} finishes"))).await;
        stream.finish();
        ended(&format!("{by} finishes"), "finished").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_ends_a_stream() {
    let [a, _b] = pair().await;
    // The server waits for items that never come.
    let call = a.call("files@b", "end", raw("silent")).timeout(Duration::from_millis(200));
    let mut stream = call.stream().await.expect("it is there");
    stream.send(raw("item")).await.expect("it is read");
    let error = stream.next().await.expect("an end").expect_err("nothing moved");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::Timeout, true), "{error}");
    ended("silent", "cancelled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_is_gone_ends_both_halves_behind_what_had_come() {
    let [a, b, c] = cluster(["a", "b", "c"], |builder| builder).await;
    serve(&b).await;
    known(&a, "files", 1).await;
    known(&c, "files", 1).await;
    // The server's member.
    let mut stream = open(&a, "endless", ()).await;
    let mut other = open(&c, "echo", ()).await;
    other.send(raw("item")).await.expect("it is read");
    until("what it may send has come", || a.stats().items_received == 27).await;
    let mailbox = c.mailbox("end", None).await.expect("a free name");
    known(&b, "end", 1).await;
    let mut request_of_b = b.call("end", "ask", ()).timeout(LIMIT).stream().await.expect("there");
    let mut request = mailbox.next().await.expect("it comes");
    let mut body = request.body();
    let (read, sent) = tokio::join!(body.next(), request_of_b.send(raw("only")));
    assert_eq!((read, sent), (Some(Ok(raw("only"))), Ok(())));
    b.abort();
    let error = body.next().await.expect("an end").expect_err("the caller is gone");
    assert_eq!(error.kind(), ErrorKind::NodeDown, "{error}");
    let error = request.sink().expect("it streams").send(raw("x")).await.expect_err("it is gone");
    assert_eq!(error.kind(), ErrorKind::NodeDown, "{error}");
    for _ in 0..27 {
        stream.next().await.expect("it had come").expect("an item");
    }
    let error = stream.next().await.expect("an end").expect_err("it is gone");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::NodeDown, true), "{error}");
    let error = async {
        loop {
            if let Err(error) = other.send(raw("item")).await {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(LIMIT, error).await.expect("it is told");
    assert_eq!(error.kind(), ErrorKind::NodeDown, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_a_server_ends_its_streams_and_who_leaves_waits_for_them() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    let mailbox = b.mailbox("slow", None).await.expect("a free name");
    known(&a, "slow", 1).await;
    let stream = || async { a.call("slow@b", "ask", ()).timeout(LIMIT).stream().await };
    let mut first = stream().await.expect("it is there");
    let mut request = mailbox.next().await.expect("it comes");
    let (mut body, mut sink) = (request.body(), request.sink().expect("it streams"));
    assert!(request.sink().is_err() && request.body().next().await.is_none(), "there is one each");
    sink.send(raw("item")).await.expect("somebody reads");
    mailbox.stop();
    assert_eq!(first.next().await, Some(Ok(raw("item"))));
    let error = first.next().await.expect("an end").expect_err("it was stopped");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::NoServer, true), "{error}");
    let error = body.next().await.expect("an end").expect_err("it was stopped");
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert!(!request.reply(Ok(Payload::default())), "nobody waits");
    drop(mailbox);
    known(&a, "slow", 0).await;
    // Now one that finishes.
    let mailbox = b.mailbox("slow", None).await.expect("the name is free");
    known(&a, "slow", 1).await;
    let mut second = stream().await.expect("it is there");
    let mut request = mailbox.next().await.expect("it comes");
    let leaving = {
        let b = b.clone();
        tokio::spawn(async move { b.leave(LIMIT).await })
    };
    let refused = async {
        while stream().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LIMIT, refused).await.expect("nothing new is taken on");
    let (mut body, mut sink) = (request.body(), request.sink().expect("it streams"));
    let echo = async {
        while let Some(item) = body.next().await {
            sink.send(item.expect("no error")).await.expect("somebody reads");
        }
    };
    let ask = async {
        for at in 0..50 {
            second.send(raw([at; 20_000])).await.expect("it is read");
            assert_eq!(second.next().await, Some(Ok(raw([at; 20_000]))));
        }
        second.finish();
    };
    tokio::join!(echo, ask);
    assert!(!leaving.is_finished());
    assert!(request.reply(Ok(raw("done"))));
    assert_eq!(second.answer().await, Ok(raw("done")));
    drop(mailbox);
    leaving.await.expect("no panic").expect("a farewell");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_closed_ends_its_streams() {
    let [a, b] = pair().await;
    let mut stream = open(&a, "endless", ()).await;
    until("what it may send has come", || a.stats().items_received == 27).await;
    let mut idle = open(&a, "length", ()).await;
    let waiting = tokio::spawn(async move { idle.next().await });
    until("it is asked", || b.stats().calls_served == 2).await;
    a.close().await;
    let error = waiting.await.expect("no panic").expect("an end").expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
    for _ in 0..27 {
        stream.next().await.expect("it had come").expect("an item");
    }
    let error = stream.next().await.expect("an end").expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
    let error = stream.send(raw("more")).await.expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_are_encrypted_like_all_else() {
    let keyed = |builder: chinwag::Builder| builder.option("keys", "MDEyMzQ1Njc4OWFiY2RlZg==");
    let [a, b] = cluster(["a", "b"], keyed).await;
    serve(&b).await;
    known(&a, "files", 1).await;
    let (mut sink, mut items) = open(&a, "echo", ()).await.split();
    let sending = async {
        for at in 0..10 {
            sink.send(raw([at; 40_000])).await.expect("it is read");
        }
        sink.finish();
    };
    let reading = async {
        for at in 0..10 {
            assert_eq!(items.next().await, Some(Ok(raw([at; 40_000]))));
        }
        assert_eq!(items.next().await, None);
    };
    tokio::join!(sending, reading);
}
