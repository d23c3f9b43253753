//! Somebody on the way between two nodes, who records what is said, changes it, or says it again.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chinwag::payload::Value;
use chinwag::{Builder, Node};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::{Counter, LIMIT, builder, get, known, meet, until};

/// What goes to a node goes through it. What comes from it over UDP comes by itself.
pub(crate) struct Relay {
    pub(crate) addr: SocketAddr,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    /// Of each connection for messages, what the side that dialled has sent.
    said: Mutex<Vec<Vec<u8>>>,
    /// The next that is said is changed.
    spoils: AtomicBool,
}

impl Relay {
    /// In front of the node that will listen at the same port of that host; nodes listen on other
    /// hosts of loopback, so that none of them takes it.
    pub(crate) async fn start(own: &str, host: &str) -> Self {
        let listener = TcpListener::bind((own, 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let to = SocketAddr::new(host.parse().expect("an address"), addr.port());
        let packets = UdpSocket::bind(addr).await.expect("the same port");
        tokio::spawn(async move {
            let mut buffer = vec![0; 65_536];
            while let Ok((length, _)) = packets.recv_from(&mut buffer).await {
                let _ = packets.send_to(&buffer[..length], to).await;
            }
        });
        let heard = Arc::<Heard>::default();
        let shared = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(pass(socket, to, Arc::clone(&shared)));
            }
        });
        Self { addr, heard }
    }

    /// What was said on that connection for messages, counted from the first.
    pub(crate) fn said(&self, place: usize) -> Vec<u8> {
        let said = self.heard.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.get(place).cloned().unwrap_or_default()
    }

    /// Changes a bit of what is said next.
    pub(crate) fn spoil(&self) {
        self.heard.spoils.store(true, Ordering::SeqCst);
    }

    /// Whether it has.
    pub(crate) fn has_spoiled(&self) -> bool {
        !self.heard.spoils.load(Ordering::SeqCst)
    }
}

async fn pass(socket: TcpStream, to: SocketAddr, heard: Arc<Heard>) {
    let Ok(there) = TcpStream::connect(to).await else { return };
    let (from_here, mut to_here) = socket.into_split();
    let (mut from_there, mut to_there) = there.into_split();
    let answers = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_there, &mut to_here).await;
    });
    let _ = speak(from_here, &mut to_there, &heard).await;
    let _ = to_there.shutdown().await;
    let _ = answers.await;
}

async fn speak(
    mut from: impl AsyncRead + Unpin,
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    heard: &Heard,
) -> std::io::Result<()> {
    let (mut buffer, mut place) = (vec![0; 65_536], None);
    loop {
        let length = from.read(&mut buffer).await?;
        let bytes = &mut buffer[..length];
        if bytes.is_empty() {
            return Ok(());
        }
        if place.is_some() || bytes.starts_with(b"\xcbcwm") {
            let mut said = heard.said.lock().unwrap_or_else(PoisonError::into_inner);
            let place = *place.get_or_insert_with(|| {
                said.push(Vec::new());
                said.len() - 1
            });
            said[place].extend_from_slice(bytes);
            if heard.spoils.swap(false, Ordering::SeqCst)
                && let Some(last) = bytes.last_mut()
            {
                *last ^= 1;
            }
        }
        to.write_all(bytes).await?;
    }
}

/// `a`, which reaches `b` through somebody on the way only. `b` serves a counter.
pub(crate) async fn apart(
    own: &str,
    host: &str,
    with: impl Fn(&str, Builder) -> Builder,
) -> (Node, Node, Relay) {
    let relay = Relay::start(own, host).await;
    let to_b = relay.addr.to_string();
    let b = builder("b").bind(&format!("{host}:{}", relay.addr.port()));
    let b = with("b", b.option("advertise", &to_b)).start().await.expect("its port is free");
    let a = with("a", builder("a")).start().await.expect("it starts");
    meet(&a, &b).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    (a, b, relay)
}

/// What was said on a real connection is said again, by somebody who does not know the keys:
/// nothing comes of it.
pub(crate) async fn replay(own: &str, host: &str, with: impl Fn(&str, Builder) -> Builder) {
    let (a, b, relay) = apart(own, host, with).await;
    for count in 1..=5 {
        let answer = a.call("counter", "add", 1).await.expect("it answers");
        assert_eq!(answer.value(), Ok(Value::Int(count)));
    }
    let said = relay.said(0);
    assert!(said.len() > 400, "a greeting and five calls: {}", said.len());
    let before = b.stats();
    assert_eq!((before.links_accepted, before.calls_served), (1, 5));
    let counted = || b.stats().frames_malformed + b.stats().links_refused;
    let parts = [said.len(), said.len() / 2, 100];
    for (number, length) in parts.into_iter().enumerate() {
        let at = SocketAddr::new(host.parse().expect("an address"), relay.addr.port());
        let mut socket = TcpStream::connect(at).await.expect("it listens");
        let _ = socket.write_all(&said[..length]).await;
        let mut answer = Vec::new();
        let read = socket.read_to_end(&mut answer);
        // A reset is an end as well.
        let _ = tokio::time::timeout(LIMIT, read).await.expect("it is closed");
        until("it is counted", || counted() > number as u64).await;
    }
    let after = b.stats();
    assert_eq!((after.links_accepted, after.calls_served), (1, 5), "nothing was run");
    assert_eq!(get(&a, "counter").await, 5);
    assert_eq!(b.stats().links_accepted, 1, "and the connection is the same");
}

/// A bit is changed on the way: that ends the connection, is counted, and nothing of it is run. The
/// next connection is as good as any.
pub(crate) async fn tamper(own: &str, host: &str, with: impl Fn(&str, Builder) -> Builder) {
    let (a, b, relay) = apart(own, host, with).await;
    a.call("counter", "add", 1).await.expect("it answers");
    assert_eq!(b.stats().frames_malformed, 0);
    relay.spoil();
    let error = a.call("counter", "add", 1).await.map(drop).expect_err("it is cut off");
    assert_eq!(error.kind(), chinwag::ErrorKind::NodeDown, "{error}");
    assert!(error.maybe_executed(), "for all that it knows");
    assert!(relay.has_spoiled());
    until("it is counted", || b.stats().frames_malformed == 1).await;
    until("it has ended", || a.stats().links_lost == 1).await;
    let answer = a.call("counter", "add", 1).await.expect("it answers");
    assert_eq!(answer.value(), Ok(Value::Int(2)), "what was changed was not run");
}
