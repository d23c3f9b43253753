//! Calls that stream, as a binding has them: nothing waits, and a wake says when to look again.

use std::sync::{Arc, Condvar, Mutex};

use chinwag::host::{Host, Message, Serving, Streaming};
use chinwag::{Config, ErrorKind, Payload};

use super::LIMIT;

/// A host and what it is poked with.
struct Hosted {
    host: Host,
    poked: Arc<(Mutex<bool>, Condvar)>,
}

impl Hosted {
    fn start(name: &str, seed: Option<String>) -> Self {
        let mut config = Config::default();
        let seed = seed.unwrap_or_default();
        for (option, value) in
            [("name", name), ("bind", "127.0.0.1:0"), ("profile", "local"), ("seeds", &seed)]
        {
            config.set(option, value).expect("an option");
        }
        let host = Host::start(&config).expect("a node starts on loopback");
        let poked: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        let held = Arc::clone(&poked);
        let wake = move || {
            *held.0.lock().expect("no panic") = true;
            held.1.notify_all();
        };
        host.set_wake(Some(Box::new(wake))).expect("not forked");
        Self { host, poked }
    }

    /// Waits until it is poked.
    fn wait(&self) {
        let poked = self.poked.0.lock().expect("no panic");
        let waited = self.poked.1.wait_timeout_while(poked, LIMIT, |poked| !*poked);
        let (mut poked, waited) = waited.expect("no panic");
        assert!(!waited.timed_out(), "it is never poked");
        *poked = false;
    }

    /// Sends an item, whatever that takes.
    fn send(&self, stream: &Streaming, item: Payload) {
        let mut item = Some(item);
        while let Some(held) = item.take() {
            item = stream.send(held).expect("it is read");
            if item.is_some() {
                self.wait_for(stream);
            }
        }
    }

    /// Takes all there is, until the end.
    fn take(&self, stream: &Streaming) -> (Vec<Payload>, chinwag::Result<Payload>) {
        let mut items = Vec::new();
        loop {
            let taken = stream.take(7).expect("not forked");
            let few = taken.items.len() < 7;
            items.extend(taken.items);
            if taken.ended {
                let again = stream.take(7).expect("not forked");
                assert!(again.ended && again.end.is_none() && again.items.is_empty());
                return (items, taken.end.expect("said once"));
            }
            if few {
                self.wait_for(stream);
            }
        }
    }

    fn wait_for(&self, stream: &Streaming) {
        while !self.host.ready_streams(16).expect("not forked").contains(&stream.id()) {
            self.wait();
        }
    }

    fn request(&self, serving: &Serving) -> chinwag::Request {
        loop {
            if let Some(request) = serving.drain(1).expect("not forked").requests.pop() {
                return request;
            }
            self.wait();
        }
    }
}

fn raw(text: &str) -> Payload {
    Payload::raw(text)
}

fn pair() -> (Hosted, Hosted, Serving) {
    let b = Hosted::start("b", None);
    let serving = b.host.serve("files", None, "python").expect("a free name");
    let seed = b.host.local_member().expect("not forked").addr().to_string();
    let a = Hosted::start("a", Some(seed));
    let begun = std::time::Instant::now();
    while a.host.hosts("files").expect("not forked").is_empty() {
        assert!(begun.elapsed() < LIMIT, "the server is never known");
        std::thread::yield_now();
    }
    (a, b, serving)
}

fn message(op: &str) -> Message<'_> {
    Message { target: "files@b", op, timeout: Some(LIMIT), ..Message::default() }
}

#[test]
fn both_ends_are_driven_by_wakes() {
    let (a, b, serving) = pair();
    let made = a.host.stream(&message("echo"), raw("begin")).expect("it is there");
    let server = std::thread::spawn(move || {
        let request = b.request(&serving);
        assert!(request.is_stream());
        let asked = b.host.stream_of(&request).expect("it streams");
        let twice = b.host.stream_of(&request).map(drop).expect_err("there is one");
        assert_eq!(twice.kind(), ErrorKind::BadArgument);
        let (items, end) = b.take(&asked);
        assert_eq!((items.len(), end), (200, Ok(Payload::default())));
        for item in items {
            b.send(&asked, item);
        }
        assert!(request.reply(Ok(raw("done"))));
        let error = asked.send(raw("more")).expect_err("it is answered");
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        (b, serving)
    });
    let item = |at: usize| Payload::raw(vec![at as u8; at * 100]);
    for at in 0..200 {
        a.send(&made, item(at));
    }
    made.finish().expect("not forked");
    let (items, end) = a.take(&made);
    assert_eq!(items, (0..200).map(item).collect::<Vec<_>>());
    assert_eq!(end, Ok(raw("done")));
    let (b, serving) = server.join().expect("no panic");
    // Of a call that does not stream there is no end.
    a.host.call(&message("plain"), raw("x")).expect("it goes out");
    let request = b.request(&serving);
    assert!(!request.is_stream());
    let error = b.host.stream_of(&request).map(drop).expect_err("it does not stream");
    assert_eq!(error.kind(), ErrorKind::BadArgument);
}

#[test]
fn who_gives_up_is_told_of() {
    let (a, b, serving) = pair();
    let wrong = Message { target: "filez", ..message("x") };
    let error = a.host.stream(&wrong, raw("x")).map(drop).expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::NoServer);
    // Cancelled.
    let made = a.host.stream(&message("x"), raw("x")).expect("it is there");
    let request = b.request(&serving);
    let asked = b.host.stream_of(&request).expect("it streams");
    b.send(&asked, raw("item"));
    a.wait_for_item(&made);
    made.cancel().expect("not forked");
    let (_, end) = a.take(&made);
    assert_eq!(end.expect_err("given up").kind(), ErrorKind::Cancelled);
    let (_, end) = b.take(&asked);
    assert_eq!(end.expect_err("given up").kind(), ErrorKind::Cancelled);
    let given_up = serving.drain(0).expect("not forked").given_up;
    assert_eq!(given_up, request.tag().into_iter().collect::<Vec<_>>());
    assert!(!request.reply(Ok(raw("late"))));
    // Let go of, with a wake of its own at the other end.
    let made = a.host.stream(&message("x"), raw("x")).expect("it is there");
    let request = b.request(&serving);
    let mut asked = b.host.stream_of(&request).expect("it streams");
    let (told, hears) = std::sync::mpsc::channel();
    asked.set_wake(Box::new(move || {
        let _ = told.send(());
    }));
    assert!(!asked.take(1).expect("not forked").ended);
    drop(made);
    hears.recv_timeout(LIMIT).expect("it is poked");
    let taken = asked.take(1).expect("not forked");
    assert_eq!(taken.end.expect("an end").expect_err("given up").kind(), ErrorKind::Cancelled);
    // A server that lets go of its end stops the caller, and answers all the same.
    let made = a.host.stream(&message("x"), raw("x")).expect("it is there");
    assert_eq!(made.send(raw("item")), Ok(Some(raw("item"))), "nobody reads yet");
    let request = b.request(&serving);
    drop(b.host.stream_of(&request).expect("it streams"));
    a.wait_for(&made);
    let error = made.send(raw("item")).expect_err("nobody reads");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(request.reply(Ok(raw("answer"))));
    assert_eq!(a.take(&made), (vec![], Ok(raw("answer"))));
    // A node that is closed.
    let made = a.host.stream(&message("x"), raw("x")).expect("it is there");
    assert!(!made.take(1).expect("not forked").ended);
    a.host.close().expect("not forked");
    a.wait_for(&made);
    let (_, end) = a.take(&made);
    assert_eq!(end.expect_err("closed").kind(), ErrorKind::Closed);
}

impl Hosted {
    fn wait_for_item(&self, stream: &Streaming) {
        while stream.take(1).expect("not forked").items.is_empty() {
            self.wait_for(stream);
        }
    }
}
