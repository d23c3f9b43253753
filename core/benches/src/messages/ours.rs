//! Two nodes: the one serves `echo`, the other calls it, all callers over one connection.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chinwag::{Answer, Builder, Node, Payload, Request, Server, Serving, Subscribing};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::child::{Carrier, Watch, say};
use super::{BATCH, CALL, Listening, certificates};

/// Of 16 bytes, in base64.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";
/// The server, and what it can. And the topic.
const SERVER: &str = "echo";
/// How long a batch of casts may take, and the way to the server.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long what was published may take from one to the next; then the rest is lost.
const LULL: Duration = Duration::from_secs(1);
const SOCKET: &str = "workers.sock";

/// How the two are connected, and what takes the place of casts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Plain,
    /// Encrypted with a key that both have.
    Keyed,
    /// Both show certificates.
    Certified,
    /// The client is a worker of the member that serves.
    Worker,
    /// Publications to one subscriber.
    Published,
    /// Items of a call's request; each batch is a call.
    Streamed,
}

/// Who serves. What it needs of files is in `place`.
async fn start_server(way: Way, place: &Path) -> io::Result<Node> {
    let builder = Node::builder();
    let builder = match way {
        Way::Worker => builder.option("workers", text(&place.join(SOCKET))?),
        _ => builder,
    };
    start(member(builder, "server", way, place)?).await
}

async fn start_client(way: Way, place: &Path) -> io::Result<Node> {
    let builder = Node::builder();
    let builder = match way {
        Way::Worker => builder.option("attach", text(&place.join(SOCKET))?),
        _ => member(builder, "client", way, place)?,
    };
    start(builder).await
}

fn member(builder: Builder, name: &str, way: Way, place: &Path) -> io::Result<Builder> {
    // Who sends faster than the other side reads waits, as on a socket.
    let builder = builder.name(name).bind("127.0.0.1:0").option("outbox_overflow", "block");
    Ok(match way {
        Way::Keyed => builder.option("keys", KEY),
        Way::Certified => certificates::files(place, name)
            .into_iter()
            .try_fold(builder, |builder, (option, path)| {
                Ok::<_, io::Error>(builder.option(option, text(&path)?))
            })?,
        _ => builder,
    })
}

async fn start(builder: Builder) -> io::Result<Node> {
    builder.start().await.map_err(io::Error::other)
}

fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::Error::other("the folder's name is no text"))
}

/// Returns what it is sent, and counts what is not to be answered.
struct Echo {
    casts: u64,
    /// Publications that came.
    published: Arc<AtomicU64>,
}

impl Server for Echo {
    async fn call(&mut self, request: &mut Request) -> Answer {
        match request.op() {
            "echo" => Ok(request.take_payload()),
            "count" => {
                let count = self.casts + self.published.load(Ordering::Relaxed);
                Ok(Payload::raw(count.to_le_bytes()))
            }
            "take" => {
                let mut body = request.body();
                while let Some(item) = body.next().await {
                    item?;
                    self.casts += 1;
                }
                Ok(Payload::raw(self.casts.to_le_bytes()))
            }
            _ => Err(request.unknown_op()),
        }
    }

    async fn cast(&mut self, _request: &mut Request) {
        self.casts += 1;
    }
}

pub(super) fn serve(way: Way, place: &Path) -> io::Result<()> {
    Runtime::new()?.block_on(async {
        let node = start_server(way, place).await?;
        let echo = Echo { casts: 0, published: Arc::default() };
        let _counting = match way {
            Way::Published => {
                let how = Subscribing { buffer: 2 * BATCH, ..Subscribing::default() };
                let topic = node.subscribe_with(SERVER, &how).map_err(io::Error::other)?;
                let published = Arc::clone(&echo.published);
                Some(tokio::spawn(async move {
                    while topic.next().await.is_some() {
                        published.fetch_add(1, Ordering::Relaxed);
                    }
                }))
            }
            _ => None,
        };
        let serving = Serving { mailbox: Some(2 * BATCH), ..Serving::default() };
        let _served = node.serve_with(SERVER, serving, echo).await.map_err(io::Error::other)?;
        say(&Listening { address: node.local_member().addr().to_string() })?;
        std::future::pending().await
    })
}

/// The node that calls.
pub(super) struct Client {
    runtime: Runtime,
    node: Node,
    way: Way,
    /// Publications, so far.
    sent: u64,
}

impl Client {
    pub(super) fn open(address: &str, way: Way, place: &Path) -> io::Result<Self> {
        let runtime = Runtime::new()?;
        let node = runtime.block_on(async {
            let node = start_client(way, place).await?;
            if way != Way::Worker {
                node.join([address]).await.map_err(io::Error::other)?;
            }
            let ends = Instant::now() + PATIENCE;
            while node.hosts(SERVER).is_empty() {
                if Instant::now() > ends {
                    return Err(io::Error::other("nobody serves"));
                }
                sleep(Duration::from_millis(1)).await;
            }
            Ok(node)
        })?;
        Ok(Self { runtime, node, way, sent: 0 })
    }
}

async fn call_for(node: Node, length: Duration) -> chinwag::Result<Vec<u32>> {
    let mut watch = Watch::start(length);
    loop {
        node.call(SERVER, "echo", Payload::raw([1; CALL])).await?;
        if !watch.lap() {
            return Ok(watch.spans());
        }
    }
}

async fn cast(node: Node, bytes: usize, count: usize) -> chinwag::Result<u64> {
    for _ in 0..count {
        node.cast(SERVER, "add", Payload::raw(vec![1; bytes])).await?;
    }
    processed(&node).await
}

/// How many have come since the beginning.
async fn processed(node: &Node) -> chinwag::Result<u64> {
    let answer = node.call(SERVER, "count", Payload::raw([])).timeout(PATIENCE).await?;
    Ok(number(&answer))
}

fn number(answer: &Payload) -> u64 {
    answer.bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Publishes until so many were, and waits for all of them, or for nothing any more.
async fn publish(node: Node, bytes: usize, count: usize, all: u64) -> chinwag::Result<u64> {
    for _ in 0..count {
        node.publish(SERVER, Payload::raw(vec![1; bytes])).await?;
    }
    let (mut came, mut since) = (processed(&node).await?, Instant::now());
    while came < all && since.elapsed() < LULL {
        sleep(Duration::from_micros(200)).await;
        let now = processed(&node).await?;
        if now > came {
            (came, since) = (now, Instant::now());
        }
    }
    Ok(came)
}

async fn stream(node: Node, bytes: usize, count: usize) -> chinwag::Result<u64> {
    let call = node.call(SERVER, "take", Payload::raw([])).timeout(PATIENCE);
    let mut stream = call.stream().await?;
    for _ in 0..count {
        stream.send(Payload::raw(vec![1; bytes])).await?;
    }
    stream.finish();
    Ok(number(&stream.answer().await?))
}

impl Carrier for Client {
    fn call(&mut self, callers: usize, length: Duration) -> io::Result<Vec<u32>> {
        let node = &self.node;
        self.runtime.block_on(async {
            let calls = (0..callers).map(|_| call_for(node.clone(), length));
            let mut tasks: JoinSet<_> = calls.collect();
            let mut spans = Vec::new();
            while let Some(called) = tasks.join_next().await {
                spans.append(&mut called?.map_err(io::Error::other)?);
            }
            Ok(spans)
        })
    }

    fn cast(&mut self, bytes: usize, count: usize) -> io::Result<u64> {
        let node = self.node.clone();
        let task = match self.way {
            Way::Published => {
                self.sent += count as u64;
                self.runtime.spawn(publish(node, bytes, count, self.sent))
            }
            Way::Streamed => self.runtime.spawn(stream(node, bytes, count)),
            _ => self.runtime.spawn(cast(node, bytes, count)),
        };
        self.runtime.block_on(task)?.map_err(io::Error::other)
    }
}
