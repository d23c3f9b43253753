//! Calls that stream, from a worker and to one: as anywhere, through the member.

use std::sync::Mutex;

use chinwag::{CallStream, ErrorKind, Served, Serving};

use super::*;

fn raw(bytes: impl Into<Vec<u8>>) -> Payload {
    Payload::raw(bytes)
}

/// How streams ended at a server, for those who ask with a name.
static ENDS: Mutex<Vec<(Vec<u8>, &str)>> = Mutex::new(Vec::new());

fn note(request: &Request, end: &'static str) {
    ENDS.lock().expect("no panic").push((request.payload().bytes.clone(), end));
}

async fn ended(name: &str, end: &str) {
    let is_it = |(by, how): &(Vec<u8>, &str)| by == name.as_bytes() && *how == end;
    until("it has ended so", || ENDS.lock().expect("no panic").iter().any(is_it)).await;
}

/// What the servers of these tests do, by the operation.
async fn act(mut request: Request) {
    match request.op() {
        // Each item as it came, then an answer.
        "echo" => {
            let (mut body, mut sink) = (request.body(), request.sink().expect("it streams"));
            while let Some(item) = body.next().await {
                sink.send(item.expect("all of it")).await.expect("it is read");
            }
            request.reply(Ok(raw("done")));
        }
        // Three items, and no answer, which is an error of this code.
        "fail" => {
            let mut sink = request.sink().expect("it streams");
            for at in 0..3 {
                sink.send(raw([at; 40_000])).await.expect("there is room");
            }
        }
        // Reads one item, and no more; the answer comes when nobody waits for it.
        "first" => {
            request.body().next().await.expect("there is one").expect("it comes");
            request.given_up().await;
            note(&request, "given up");
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
        }
        // How the request ended.
        "end" => {
            let (mut body, mut ended) = (request.body(), "finished");
            while let Some(item) = body.next().await {
                ended = item.map_or_else(|error| error.kind().code(), |_| ended);
            }
            note(&request, ended);
        }
        // Reads nothing.
        "idle" => request.given_up().await,
        _ => {}
    }
}

async fn serve(node: &Node, name: &str) -> Served {
    let serving = Serving { mailbox: None, concurrency: 8 };
    node.serve_fn(name, serving, act).await.expect("a free name")
}

async fn open(node: &Node, target: &str, op: &str, name: &str) -> CallStream {
    node.call(target, op, raw(name)).timeout(LIMIT).stream().await.expect("it is there")
}

/// A member with two workers, and another member. Each of `on-b` and `on-w` is served by one.
async fn cluster(path: &Path) -> (Node, Node, Node, Node, [Served; 2]) {
    let (a, b) = (member("a", path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    let (w, v) = (worker(path).await, worker(path).await);
    let served = [serve(&b, "on-b").await, serve(&w, "on-w").await];
    for node in [&a, &b, &w, &v] {
        known(node, "on-b", 1).await;
        known(node, "on-w", 1).await;
    }
    (a, b, w, v, served)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_go_both_ways_in_order_and_the_answer_is_behind_them() {
    let (_folder, path) = socket();
    let (a, b, w, v, _served) = cluster(&path).await;
    let ways = [(&w, "on-b"), (&b, "on-w"), (&a, "on-w"), (&v, "on-w"), (&w, "on-w#k")];
    for (node, target) in ways {
        let (mut sink, mut items) = open(node, target, "echo", "").await.split();
        let sending = tokio::spawn(async move {
            for at in 0_u32..100 {
                let mut item = vec![0; (at as usize * 997) % 90_000];
                item.extend_from_slice(&at.to_be_bytes());
                sink.send(raw(item)).await.expect("it is read");
            }
            sink.finish();
        });
        let mut next = 0_u32;
        while let Some(item) = items.next().await {
            let item = item.expect("no error").bytes;
            assert_eq!(item.len(), (next as usize * 997) % 90_000 + 4, "{target}");
            assert!(item.ends_with(&next.to_be_bytes()), "{next}");
            next += 1;
        }
        sending.await.expect("no panic");
        assert_eq!((next, items.take_answer()), (100, Some(raw("done"))), "{target}");
        let answer = open(node, target, "echo", "").await.answer().await;
        assert_eq!(answer, Ok(raw("done")), "a request without items");
    }
    assert_eq!((w.stats().replies_late, a.stats().replies_late), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_slows_the_writer_all_the_way() {
    let (_folder, path) = socket();
    let (a, b, w, _v, _served) = cluster(&path).await;
    for (node, target, server) in [(&w, "on-b", &b), (&b, "on-w", &w)] {
        let mut stream = open(node, target, "endless", target).await;
        stream.next().await.expect("there is one").expect("an item");
        // The caller has a window of items that cost 10,064 bytes and one beyond that, and half as
        // many wait at the member.
        let moved = || (server.stats().items_sent, node.stats().items_received);
        until("what may be sent has been", || moved() == (41, 27)).await;
        for _ in 0..200 {
            ask_other(node).await;
        }
        assert_eq!(moved(), (41, 27));
        for _ in 0..100 {
            stream.next().await.expect("there is one").expect("an item");
        }
        drop(stream);
        ended(target, "cancelled").await;
    }
    // Nothing is asked of the caller before the server reads.
    for (node, target) in [(&w, "on-b"), (&b, "on-w")] {
        let mut stream = open(node, target, "idle", "").await;
        let short = Duration::from_millis(100);
        let sent = tokio::time::timeout(short, stream.send(raw("item"))).await;
        assert!(sent.is_err(), "{sent:?}");
    }
    drop(a);
}

/// A round trip through the same connections.
async fn ask_other(node: &Node) {
    let error = node.call("on-b@nobody", "x", ()).await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::UnknownMember);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_and_those_who_give_up_are_told_on_the_other_side() {
    let (_folder, path) = socket();
    let (_a, b, w, _v, _served) = cluster(&path).await;
    for (node, target, on) in [(&w, "on-b", "b"), (&b, "on-w", "a")] {
        let mut stream = open(node, target, "fail", "").await;
        for at in 0..3 {
            let item = stream.next().await.expect("there is one").expect("an item");
            assert_eq!(item.bytes, [at; 40_000]);
        }
        let error = stream.next().await.expect("an end").expect_err("it failed");
        assert_eq!(error.remote().map(|remote| &*remote.node), Some(on), "{error}");
        // A server that reads no more stops the caller; who gives up then is told of, too.
        let name = format!("{target} first");
        let mut stream = open(node, target, "first", &name).await;
        let error = async {
            loop {
                if let Err(error) = stream.send(raw("item")).await {
                    return error;
                }
            }
        };
        let error = tokio::time::timeout(LIMIT, error).await.expect("it is told");
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        drop(stream);
        ended(&name, "given up").await;
        // A caller that reads no more.
        let name = format!("{target} stops");
        let (_sink, mut items) = open(node, target, "endless", &name).await.split();
        items.next().await.expect("there is one").expect("an item");
        drop(items);
        ended(&name, "cancelled").await;
        // One that does not finish has not sent all of it; and one that does.
        let name = format!("{target} drops");
        let (mut sink, _items) = open(node, target, "end", &name).await.split();
        sink.send(raw("item")).await.expect("it is read");
        drop(sink);
        ended(&name, "cancelled").await;
        let name = format!("{target} finishes");
        let mut stream = open(node, target, "end", &name).await;
        stream.finish();
        ended(&name, "finished").await;
        // Silence ends it.
        let call = node.call(target, "idle", ()).timeout(Duration::from_millis(100));
        let mut stream = call.stream().await.expect("it is there");
        let error = stream.next().await.expect("an end").expect_err("nothing moved");
        assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::Timeout, true), "{error}");
        // An item has the bound of any payload.
        let mut stream = open(node, target, "echo", "").await;
        let error = stream.send(raw(vec![7; (1 << 20) + 1])).await.expect_err("it is too large");
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        let error = node.call("none", "x", ()).stream().await;
        let kind = match error {
            Ok(stream) => stream.answer().await.expect_err("there is none").kind(),
            Err(error) => error.kind(),
        };
        assert_eq!(kind, ErrorKind::NoServer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_ends_the_streams_of_both_sides() {
    let (_folder, path) = socket();
    let (a, b, w, v, _served) = cluster(&path).await;
    let down = |end: Option<Result<Payload>>| match end {
        Some(Err(error)) => (error.kind(), error.maybe_executed()),
        other => panic!("{other:?}"),
    };
    // A worker that serves one, and one that has made one.
    let mut to_w = open(&b, "on-w", "idle", "").await;
    let from_w = open(&w, "on-b", "end", "worker gone").await;
    until("both are there", || b.stats().calls_served == 1 && w.stats().calls_served == 1).await;
    w.abort();
    assert_eq!(down(to_w.next().await), (ErrorKind::NodeDown, true));
    ended("worker gone", "cancelled").await;
    drop(from_w);
    // The member.
    let mut from_v = open(&v, "on-b", "end", "member gone").await;
    until("it is there", || b.stats().calls_served == 2).await;
    a.abort();
    assert_eq!(down(from_v.next().await), (ErrorKind::NodeDown, true));
    ended("member gone", "node_down").await;
    let error = from_v.send(raw("more")).await.expect_err("it is over");
    assert_eq!(error.kind(), ErrorKind::NodeDown, "{error}");
}
