//! What comes on the local socket and is no worker of ours: refused, counted, bounded.

use std::io::Read as _;
use std::os::unix::net::UnixStream;

use std::io::Write as _;

use super::*;

const HELLO: &[u8] = b"\xcbcwat\x01\x00\x00";

fn connect(path: &Path) -> UnixStream {
    let socket = UnixStream::connect(path).expect("it listens");
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    socket
}

/// What comes until the member closes.
fn rest(mut socket: UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match socket.read_to_end(&mut bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it stays open"),
        // A reset is an end as well.
        _ => bytes,
    }
}

fn frame(kind: u8, flags: u8, id: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&[kind, flags, 0, 0]);
    bytes.extend_from_slice(&id.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Says who it is, as a worker does.
fn intro(name: &str) -> Vec<u8> {
    let mut body = vec![1];
    body.extend_from_slice(&(name.len() as u64).to_le_bytes());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(&7_u64.to_le_bytes());
    body.extend_from_slice(&0_u64.to_le_bytes());
    body.extend_from_slice(&(1_u32 << 20).to_le_bytes());
    body.push(0);
    body.extend_from_slice(&1_u64.to_le_bytes());
    frame(1, 0, 0, &body)
}

/// A call of that server, with nothing beside it but a payload.
fn call(id: u64, server: &str, op: &str, payload: &[u8]) -> Vec<u8> {
    frame(16, 0, id, &request(server, op, payload))
}

fn request(server: &str, op: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend_from_slice(&[server.len() as u8, op.len() as u8, 0, 0, 0, 0, 0, 0]);
    body.extend_from_slice(server.as_bytes());
    body.extend_from_slice(op.as_bytes());
    body.extend_from_slice(payload);
    body
}

fn send(mut socket: UnixStream, bytes: &[&[u8]]) -> UnixStream {
    // It may be closed before all of it is written.
    let _ = socket.write_all(&bytes.concat());
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_greet_or_greets_otherwise_is_refused_and_counted() {
    let (_folder, path) = socket();
    let a = member("a", &path).await;
    assert_eq!(rest(send(connect(&path), &[b"GET / HTTP/1.1\r\n\r\n"])), b"");
    let newer = rest(send(connect(&path), &[b"\xcbcwat\x02\x00\x00"]));
    assert_eq!(newer[..7], *b"\xcbcwat\x01\x02", "another version, and it says so");
    // One that says nothing has two seconds.
    assert_eq!(rest(connect(&path)), b"");
    until("all are counted", || a.stats().workers_refused == 3).await;
    worker(&path).await.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_ends_a_connection_and_nothing_else() {
    let (_folder, path) = socket();
    let a = member("a", &path).await;
    a.serve("on-a", Named("a")).await.expect("a free name");
    let w = worker(&path).await;
    let mut giant = frame(16, 0, 1, b"");
    giant[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    let up = intro("someone");
    let attach = call(1, "!", "attach", b"");
    let garbage: Vec<Vec<&[u8]>> = vec![
        vec![&giant],
        vec![b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"],
        // Before it has said who it is.
        vec![&attach],
        // A chunk of nothing, and a call under a number that is in use.
        vec![&up, &attach, b"\x01\x00\x00\x00\x15\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00x"],
    ];
    for (number, bytes) in garbage.iter().enumerate() {
        let socket = send(connect(&path), &[&[HELLO], &bytes[..]].concat());
        assert!(rest(socket).starts_with(b"\xcbcwat\x01\x00"));
        until("it is counted", || a.stats().frames_malformed == number as u64 + 1).await;
    }
    until("they are gone", || a.stats().workers == 1).await;
    assert_eq!(ask(&w, "on-a", "name").await, "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_more_than_the_member_can_send_on_is_slowed() {
    const COUNT: usize = 150_000;
    let (_folder, path) = socket();
    let a = member("a", &path).await;
    let serving = chinwag::Serving { mailbox: Some(COUNT), concurrency: 1 };
    let _served = a.serve_with("on-a", serving, Named("a")).await.expect("a free name");
    let first = [HELLO, &intro("someone"), &call(1, "!", "attach", b"")].concat();
    let casts = frame(17, 0, 0, &request("on-a", "name", b"")).repeat(COUNT);
    let socket = send(connect(&path), &[&first]);
    until("it has attached", || a.stats().workers == 1).await;
    let socket = tokio::task::spawn_blocking(move || send(socket, &[&casts]));
    until("all have come", || {
        let stats = a.stats();
        stats.casts_served + stats.casts_dropped >= COUNT as u64
    })
    .await;
    assert_eq!((a.stats().casts_served, a.stats().casts_dropped), (COUNT as u64, 0));
    drop(socket.await);
}

/// Whether a call was answered: a reply has kind 18, a failure 19, and the number of the call is
/// behind that, somewhere in what comes.
fn is_answered(came: &[u8], id: u64, kind: u8) -> bool {
    let wanted = [&[kind, 0, 0, 0][..], &id.to_le_bytes()].concat();
    came.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wishes_that_are_none_are_refused_and_change_nothing() {
    let (_folder, path) = socket();
    let a = member("a", &path).await;
    let mut socket = connect(&path);
    let long = "n".repeat(65);
    let mut serve = (long.len() as u64).to_le_bytes().to_vec();
    serve.extend_from_slice(long.as_bytes());
    let endless = u64::MAX.to_le_bytes();
    let calls = [
        // Before it has attached, and after.
        call(1, "on-a", "name", b""),
        call(2, "!", "wish", b"\x0e\x00\x00\x00"),
        call(3, "!", "attach", b""),
        call(4, "!", "wish", b"\xff\xff\xff\xff"),
        call(5, "!", "wish", &[&b"\x02\x00\x00\x00"[..], &endless].concat()),
        call(6, "!", "serve", &serve),
        call(7, "!", "serve", &endless),
        call(8, "!", "nothing", b""),
        call(9, "no such name", "name", b""),
        call(10, "!", "subscribe", &endless),
        call(11, "!", "subscribe", b"\x01\0\0\0\0\0\0\0 \x01\0\0\0\0\0\0\0\x01"),
        call(12, "!", "stop", &endless),
        call(13, "!", "loop", &endless),
    ];
    socket.write_all(&[HELLO, &intro("someone"), &calls.concat()].concat()).expect("it is open");
    let (mut came, mut bytes) = (Vec::new(), [0; 4096]);
    let refused = [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
    while !refused.iter().all(|id| is_answered(&came, *id, 19)) || !is_answered(&came, 3, 18) {
        let length = socket.read(&mut bytes).expect("it answers in time");
        assert!(length > 0, "it stays open");
        came.extend_from_slice(&bytes[..length]);
    }
    assert_eq!((a.stats().workers, a.servers().len()), (1, 0));
    drop(socket);
    until("it is gone", || a.stats().workers == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_as_may_attach_do_and_one_more_is_told_why_it_may_not() {
    let (_folder, path) = socket();
    let a = member("a", &path).await;
    let held: Vec<UnixStream> = (0..256)
        .map(|number| {
            let name = format!("someone-{number}");
            let attach = call(1, "!", "attach", b"");
            send(connect(&path), &[HELLO, &intro(&name), &attach])
        })
        .collect();
    until("all are there", || a.stats().workers == 256).await;
    let error = attach(&path).await.expect_err("it is full");
    assert!(error.message().contains("as many workers as it may"), "{error}");
    assert_eq!(a.stats().workers_refused, 1);
    drop(held);
    until("all are gone", || a.stats().workers == 0).await;
    worker(&path).await.close().await;
}

/// Kilobytes of this process that are in memory.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is one");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is told");
    let number = line.trim().strip_suffix(" kB").expect("in kilobytes");
    number.trim().parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_let_go_and_holds_little_until_then() {
    if std::env::var_os(processes::ALONE).is_none() {
        // What others in this process take must not count.
        processes::run_alone("hostile::who_does_not_read_is_let_go_and_holds_little_until_then");
        return;
    }
    let (_folder, path) = socket();
    let a = member("a", &path).await;
    let deaf: Vec<UnixStream> = (0..10)
        .map(|number| {
            let name = format!("deaf-{number}");
            let serve = call(2, "!", "serve", b"\x04\x00\x00\x00\x00\x00\x00\x00sink");
            let attach = call(1, "!", "attach", b"");
            send(connect(&path), &[HELLO, &intro(&name), &attach, &serve])
        })
        .collect();
    until("all are there", || a.stats().workers == 10 && a.hosts("sink").len() == 1).await;
    let before = memory();
    // 64 MiB of changes, which ten of them do not take; the board keeps 1,024 of them for all.
    for number in 0..8_192_u32 {
        let value = number.to_le_bytes().repeat(2 * 1024);
        a.put("changing", value, None).await.expect("it fits");
    }
    let grown = memory().saturating_sub(before);
    println!("{grown} KiB more");
    assert!(grown < 40 * 1024, "{grown} KiB for what ten do not read");
    until("they are let go", || a.stats().workers == 0).await;
    assert_eq!(a.stats().workers_dropped, 10);
    known(&a, "sink", 0).await;
    drop(deaf);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_to_who_does_not_read_is_bounded_and_counted() {
    if std::env::var_os(processes::ALONE).is_none() {
        processes::run_alone(
            "hostile::what_is_published_to_who_does_not_read_is_bounded_and_counted",
        );
        return;
    }
    let (_folder, path) = socket();
    let a = member("a", &path).await;
    let deaf: Vec<UnixStream> = (0..10)
        .map(|number| {
            let name = format!("deaf-{number}");
            let wish = b"\x01\0\0\0\0\0\0\0t\x01\0\0\0\0\0\0\0\x01";
            let subscribe = call(2, "!", "subscribe", wish);
            let attach = call(1, "!", "attach", b"");
            let mut socket = send(connect(&path), &[HELLO, &intro(&name), &attach, &subscribe]);
            let (mut came, mut bytes) = (Vec::new(), [0; 4096]);
            while !is_answered(&came, 2, 18) {
                let length = socket.read(&mut bytes).expect("it answers in time");
                came.extend_from_slice(&bytes[..length]);
            }
            socket
        })
        .collect();
    let before = memory();
    // 64 MiB, of which the last 1,024 of 8 KiB wait, for all of them alike.
    for number in 0..8_192_u32 {
        let payload = Payload::raw(number.to_le_bytes().repeat(2 * 1024));
        assert_eq!(a.publish("t", payload).await, Ok(1));
    }
    let grown = memory().saturating_sub(before);
    println!("{grown} KiB more");
    assert!(grown < 40 * 1024, "{grown} KiB for what ten do not read");
    until("they are let go", || a.stats().workers == 0).await;
    until("nobody subscribes", || a.subscribers("t").is_empty()).await;
    until("all are counted", || a.stats().publications_missed == 10 * 8_192).await;
    drop(deaf);
}
