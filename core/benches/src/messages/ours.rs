//! Two nodes: the one serves `echo`, the other calls it, all callers over one connection.

use std::io;
use std::time::Duration;

use chinwag::{Answer, Node, Payload, Request, Server, Serving};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::child::{Carrier, Watch, say};
use super::{BATCH, CALL, Listening};

/// Of 16 bytes, in base64.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";
/// The server, and what it can.
pub(super) const SERVER: &str = "echo";
/// How long a batch of casts may take, and the way to the server.
const PATIENCE: Duration = Duration::from_secs(30);

async fn start(name: &str, is_keyed: bool) -> io::Result<Node> {
    let builder = Node::builder().name(name).bind("127.0.0.1:0");
    // Who sends faster than the other side reads waits, as on a socket.
    let builder = builder.option("outbox_overflow", "block");
    let builder = if is_keyed { builder.option("keys", KEY) } else { builder };
    builder.start().await.map_err(io::Error::other)
}

/// Returns what it is sent, and counts what is not to be answered.
struct Echo {
    casts: u64,
}

impl Server for Echo {
    async fn call(&mut self, request: &mut Request) -> Answer {
        match request.op() {
            "echo" => Ok(request.take_payload()),
            "count" => Ok(Payload::raw(self.casts.to_le_bytes())),
            _ => Err(request.unknown_op()),
        }
    }

    async fn cast(&mut self, _request: &mut Request) {
        self.casts += 1;
    }
}

pub(super) fn serve(is_keyed: bool) -> io::Result<()> {
    Runtime::new()?.block_on(async {
        let node = start("server", is_keyed).await?;
        let serving = Serving { mailbox: Some(2 * BATCH), ..Serving::default() };
        let served = node.serve_with(SERVER, serving, Echo { casts: 0 }).await;
        let _served = served.map_err(io::Error::other)?;
        say(&Listening { address: node.local_member().addr().to_string() })?;
        std::future::pending().await
    })
}

/// The node that calls.
pub(super) struct Client {
    runtime: Runtime,
    node: Node,
}

impl Client {
    pub(super) fn open(address: &str, is_keyed: bool) -> io::Result<Self> {
        let runtime = Runtime::new()?;
        let node = runtime.block_on(async {
            let node = start("client", is_keyed).await?;
            node.join([address]).await.map_err(io::Error::other)?;
            let ends = Instant::now() + PATIENCE;
            while node.hosts(SERVER).is_empty() {
                if Instant::now() > ends {
                    return Err(io::Error::other("nobody serves"));
                }
                sleep(Duration::from_millis(1)).await;
            }
            Ok(node)
        })?;
        Ok(Self { runtime, node })
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

async fn cast(node: Node, bytes: usize, count: usize) -> chinwag::Result<Payload> {
    for _ in 0..count {
        node.cast(SERVER, "add", Payload::raw(vec![1; bytes])).await?;
    }
    node.call(SERVER, "count", Payload::raw([])).timeout(PATIENCE).await
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
        let cast = self.runtime.spawn(cast(self.node.clone(), bytes, count));
        let answer = self.runtime.block_on(cast)?.map_err(io::Error::other)?;
        let processed = answer.bytes.first_chunk().ok_or(io::ErrorKind::InvalidData)?;
        Ok(u64::from_le_bytes(*processed))
    }
}
