//! Processes that attach to a member of their host, over its local socket.

#![cfg(all(unix, feature = "runtime"))]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "sockets, tasks and the clock are the test's"
)]

mod cluster;
mod failures;
mod hostile;
mod loops;
mod processes;
mod streams;
mod topics;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chinwag::payload::Value;
use chinwag::{Answer, Builder, Node, Payload, Request, Result, Server};
use tempfile::TempDir;

/// Far beyond what anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

fn builder(name: &str) -> Builder {
    Node::builder().name(name).bind("127.0.0.1:0").option("profile", "local")
}

/// A folder for a socket, and the socket's path.
fn socket() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("w.sock");
    (folder, path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a text")
}

async fn member(name: &str, path: &Path) -> Node {
    builder(name).option("workers", text(path)).start().await.expect("a member starts")
}

async fn attach(path: &Path) -> Result<Node> {
    Node::builder().option("attach", text(path)).start().await
}

async fn worker(path: &Path) -> Node {
    attach(path).await.expect("a member is there")
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

/// The names of the present members.
fn names(node: &Node) -> Vec<String> {
    node.members().iter().map(|member| member.name().to_owned()).collect()
}

/// Says its name, and a few other things.
struct Named(&'static str);

impl Server for Named {
    async fn call(&mut self, request: &mut Request) -> Answer {
        match request.op() {
            "name" => Ok(Payload::encode(&self.0.into())?),
            "from" => Ok(Payload::encode(&request.from().into())?),
            "key" => Ok(Payload::raw(request.key().unwrap_or(b"none"))),
            "echo" => Ok(request.take_payload()),
            "headers" => {
                let all = request.headers().into_iter();
                let all: Vec<_> = all.map(|(name, value)| format!("{name}: {value}")).collect();
                Ok(Payload::raw(all.join(", ")))
            }
            "fail" => Err("it went wrong".into()),
            "never" => {
                request.given_up().await;
                Err("nobody waits".into())
            }
            _ => Err(request.unknown_op()),
        }
    }
}

/// What a call answers, as text.
async fn ask(node: &Node, target: &str, op: &str) -> String {
    let answer = node.call(target, op, ()).await.expect("it answers");
    match answer.value() {
        Ok(Value::Text(text)) => text,
        _ => String::from_utf8(answer.bytes).expect("a text"),
    }
}
