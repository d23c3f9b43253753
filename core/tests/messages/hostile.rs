//! Whoever connects and is not one of us: refused, counted, bounded.

use chinwag::{ErrorKind, Node};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::relay::{replay, tamper};
use super::{Counter, LIMIT, builder, cluster, get, known, until};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";
/// What a connection for messages begins with, in clear.
const HELLO: &[u8] = b"\xcbcwm\x01\x00";

async fn connect(node: &Node) -> TcpStream {
    TcpStream::connect(node.local_member().addr()).await.expect("it listens")
}

/// What comes until the node closes.
async fn rest(mut socket: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = socket.read_to_end(&mut bytes);
    // A reset is an end as well.
    let _ = tokio::time::timeout(LIMIT, read).await.expect("it is closed");
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_key_or_another_one_is_refused_and_counted() {
    let node = builder("a").option("keys", KEY).start().await.expect("it starts");
    // In clear: a downgrade.
    let mut socket = connect(&node).await;
    socket.write_all(HELLO).await.expect("it is open");
    assert_eq!(rest(socket).await, b"\xcbcwm\x01\x03");
    // Under a key that it does not have.
    let mut socket = connect(&node).await;
    socket.write_all(b"\xcbcwm\x01\x01\x00\x00\x00\x00").await.expect("it is open");
    socket.write_all(&[7; 48]).await.expect("it is open");
    assert_eq!(rest(socket).await, b"\xcbcwm\x01\x04");
    until("both are counted", || node.stats().links_keys_refused == 2).await;
    let stats = node.stats();
    assert_eq!((stats.links_refused, stats.links_accepted), (2, 0), "and each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_ends_a_connection_and_nothing_else() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    let frame = |length: u32, kind: u8, body: &[u8]| {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(&[kind, 0, 0, 0]);
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(body);
        bytes
    };
    let garbage: Vec<Vec<u8>> = vec![
        // A giant length, a kind that there is not, a call before anybody has said who it is, an
        // introduction that cannot be read, and one that claims a text of 2^64 bytes.
        frame(u32::MAX, 1, b""),
        frame(0, 99, b""),
        frame(0, 16, b""),
        frame(3, 1, b"xyz"),
        frame(9, 1, &[1, 255, 255, 255, 255, 255, 255, 255, 255]),
    ];
    for (number, bytes) in garbage.iter().enumerate() {
        let mut socket = connect(&b).await;
        socket.write_all(&[HELLO, bytes].concat()).await.expect("it is open");
        let came = rest(socket).await;
        assert!(came.starts_with(b"\xcbcwm\x01\x00"), "{came:?}");
        until("it is counted", || b.stats().frames_malformed == number as u64 + 1).await;
    }
    for bytes in [&b"\xcbxxx"[..], b"\xcbcwm\x09\x00", b"\xcbcwm\x01\x09"] {
        let mut socket = connect(&b).await;
        socket.write_all(bytes).await.expect("it is open");
        rest(socket).await;
    }
    assert_eq!(get(&a, "counter").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_get_on_with_it_is_let_go() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    // A thousand that say nothing, and as many as are let in that begin to greet.
    let mut idle = Vec::new();
    for number in 0..1_000 {
        // From a host of its own: whoever has most places gives some to others.
        let socket = TcpSocket::new_v4().expect("there are enough");
        socket.bind("127.0.0.9:0".parse().expect("an address")).expect("it is ours");
        let connected = socket.connect(b.local_member().addr()).await;
        let mut socket = connected.expect("it listens");
        if number % 10 == 0 {
            let _ = socket.write_all(&HELLO[..4]).await;
        }
        idle.push(socket);
    }
    // Others are served meanwhile.
    for _ in 0..100 {
        a.call("counter", "add", 1).await.expect("it answers");
    }
    until("those who are too many are refused", || b.stats().links_refused > 0).await;
    for socket in idle {
        rest(socket).await;
    }
    // One that greets and then never says who it is.
    let mut socket = connect(&b).await;
    socket.write_all(HELLO).await.expect("it is open");
    assert_eq!(rest(socket).await, b"\xcbcwm\x01\x00");
    assert_eq!(get(&a, "counter").await, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_change_under_load_and_nothing_is_lost() {
    let [a, b] = cluster(["a", "b"], |builder| builder.option("keys", KEY)).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    let caller = a.clone();
    let calls = tokio::spawn(async move {
        for count in 1..=2_000 {
            let answer = caller.call("counter", "add", 1).timeout(LIMIT).await.expect("it answers");
            assert_eq!(answer.value(), Ok(chinwag::payload::Value::Int(count)));
        }
    });
    let next = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    for node in [&a, &b] {
        node.add_key(next).await.expect("there is room");
    }
    for node in [&a, &b] {
        node.use_key(next).await.expect("it was added");
    }
    for node in [&a, &b] {
        node.remove_key(KEY).await.expect("it is not the primary");
    }
    calls.await.expect("all are answered");
    // Connections that are new are under the new key alone.
    let with =
        |key: &str| builder("c").option("keys", key).seeds([a.local_member().addr().to_string()]);
    let c = with(next).start().await.expect("it starts");
    known(&c, "counter", 1).await;
    assert_eq!(get(&c, "counter").await, 2_000);
    let old = with(KEY).option("name", "d").option("require_join", "true").start().await;
    assert_eq!(old.map(drop).expect_err("it has no key").kind(), ErrorKind::KeyMismatch);
}

/// A frame, as it is sent.
fn frame(kind: u8, flags: u8, id: u64, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_le_bytes();
    [&length[..], &[kind, flags, 0, 0], &id.to_le_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_that_nobody_has_asked_for_end_a_connection() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let numbers = [&7_u64.to_le_bytes()[..], &text("b"), &1_000_u32.to_le_bytes(), &[0]].concat();
    let intro = [&[1][..], &text("stranger"), &numbers, &1_u64.to_le_bytes()].concat();
    let intro = frame(1, 0, 0, &intro);
    let body = [&[0; 4][..], &[7, 5, 0, 0, 0, 0, 0, 0], b"counternever"].concat();
    let call = frame(16, 16, 5, &body);
    let item = |id| frame(23, 0, id, b"an item");
    // Of a call that there is not, they are dropped and counted; a megabyte of them.
    let mut socket = connect(&b).await;
    socket.write_all(&[HELLO, &intro, &call].concat()).await.expect("it is open");
    socket.write_all(&item(6).repeat(45_000)).await.expect("it is open");
    until("they are counted", || b.stats().items_unwanted == 45_000).await;
    assert_eq!(b.stats().frames_malformed, 0);
    // Of one whose server reads none, the first is too many.
    socket.write_all(&item(5)).await.expect("it is open");
    rest(socket).await;
    assert_eq!((b.stats().frames_malformed, b.stats().items_received), (1, 0));
    // Of one that does not stream.
    let mut socket = connect(&b).await;
    let plain = frame(16, 0, 5, &body);
    socket.write_all(&[HELLO, &intro, &plain, &item(5)].concat()).await.expect("it is open");
    rest(socket).await;
    assert_eq!(b.stats().frames_malformed, 2);
    assert_eq!(get(&a, "counter").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_before_is_not_heard_again() {
    replay("127.0.0.31", "127.0.0.32", |_, builder| builder.option("keys", KEY)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_on_the_way_is_not_heard() {
    tamper("127.0.0.33", "127.0.0.34", |_, builder| builder.option("keys", KEY)).await;
}
