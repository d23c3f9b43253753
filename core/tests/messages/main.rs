//! Messages to named servers, over real sockets on loopback.

#![cfg(feature = "runtime")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "sockets, tasks and the clock are the test's"
)]

mod calls;
mod failures;
#[cfg(feature = "host")]
mod hosted;
mod hostile;
mod loops;
mod monitors;
mod places;
mod relay;
mod streams;
#[cfg(feature = "tls")]
mod tls;
mod topics;

use std::time::Duration;

use chinwag::payload::Value;
use chinwag::{Answer, Builder, Node, Payload, Request, Server};

/// Far beyond what anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

fn builder(name: &str) -> Builder {
    Node::builder()
        .name(name)
        .bind("127.0.0.1:0")
        .option("profile", "local")
        .option("probe_interval", "100ms")
        .option("probe_timeout", "50ms")
        .option("suspicion_mult", "2")
}

async fn start(name: &str) -> Node {
    builder(name).start().await.expect("a node starts on loopback")
}

/// Nodes of those names, who know each other.
async fn cluster<const N: usize>(names: [&str; N], with: impl Fn(Builder) -> Builder) -> [Node; N] {
    let mut nodes = Vec::new();
    for name in names {
        let node = with(builder(name)).start().await.expect("a node starts on loopback");
        if let Some(first) = nodes.first() {
            meet(&node, first).await;
        }
        nodes.push(node);
    }
    for node in &nodes {
        until("all know each other", || node.members().len() == N).await;
    }
    nodes.try_into().expect("as many")
}

async fn meet(node: &Node, other: &Node) {
    node.join([other.local_member().addr().to_string()]).await.expect("it is there");
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Waits until a node knows of a server on so many members.
async fn known(node: &Node, server: &str, hosts: usize) {
    until("the server is known", || node.hosts(server).len() == hosts).await;
}

/// Counts, and does a few other things.
#[derive(Default)]
struct Counter(i64);

impl Server for Counter {
    async fn call(&mut self, request: &mut Request) -> Answer {
        match (request.op(), request.payload().value()) {
            ("add", Ok(Value::Int(by))) => {
                self.0 += by;
                Ok(Payload::encode(&self.0.into())?)
            }
            ("add", _) => Err("only integers are counted".into()),
            ("get", _) => Ok(Payload::encode(&self.0.into())?),
            ("echo", _) => Ok(request.take_payload()),
            ("who", _) => Ok(Payload::encode(&request.from().into())?),
            ("never", _) => {
                request.given_up().await;
                Err("nobody waits".into())
            }
            _ => Err(request.unknown_op()),
        }
    }

    async fn cast(&mut self, request: &mut Request) {
        if let ("add", Ok(Value::Int(by))) = (request.op(), request.payload().value()) {
            self.0 += by;
        }
    }
}

async fn get(node: &Node, target: &str) -> i64 {
    match node.call(target, "get", ()).await.expect("it answers").value() {
        Ok(Value::Int(count)) => count,
        other => panic!("{other:?}"),
    }
}
