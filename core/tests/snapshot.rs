//! What a node remembers from one run to the next, over real sockets.
#![cfg(feature = "runtime")]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chinwag::{ErrorKind, Node};
use tempfile::TempDir;

/// A folder that goes with the test, and a path in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("snapshot");
    (folder, path)
}

async fn start(name: &str, options: &[(&str, &str)]) -> chinwag::Result<Node> {
    let builder = Node::builder().name(name).bind("127.0.0.1:0").option("profile", "local");
    options.iter().fold(builder, |builder, (key, text)| builder.option(key, text)).start().await
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), met).await.is_ok();
    assert!(in_time, "not in time: {what}");
}

fn sees(node: &Node, name: &str) -> bool {
    node.members().iter().any(|member| member.name() == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_crashed_finds_its_cluster_without_a_seed() {
    let (_folder, path) = place();
    let text = path.to_str().expect("a path in UTF-8");
    let [a, b] = [start("a", &[]).await.expect("a"), start("b", &[]).await.expect("b")];
    b.join([a.local_member().addr().to_string()]).await.expect("a answers");
    let c = start("c", &[("snapshot", text)]).await.expect("c");
    c.join([a.local_member().addr().to_string()]).await.expect("a answers");
    until("c sees both", || sees(&c, "a") && sees(&c, "b")).await;
    let written = || fs::read_to_string(&path).unwrap_or_default();
    until("it is written", || written().contains(" a\n") && written().contains(" b\n")).await;
    let before = c.local_member().incarnation();
    // As a crash: nothing is written at the end. The one seed of then is gone, too.
    c.abort();
    drop(c);
    a.close().await;
    // What a crash in the middle of writing would leave behind.
    fs::write(format!("{text}.new"), "chinwag snap").expect("written");
    let c = start("c", &[("snapshot", text)]).await.expect("c again");
    until("c is back", || sees(&c, "b") && sees(&b, "c")).await;
    assert!(c.local_member().incarnation() > before);
    c.close().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_left_stays_away_unless_told_otherwise() {
    let (_folder, path) = place();
    let text = path.to_str().expect("a path in UTF-8");
    let a = start("a", &[]).await.expect("a");
    let b = start("b", &[("snapshot", text)]).await.expect("b");
    b.join([a.local_member().addr().to_string()]).await.expect("a answers");
    until("b sees a", || sees(&b, "a")).await;
    b.leave(Duration::from_secs(5)).await.expect("heard");
    // Bindings do not wait for more than that.
    b.abort();
    assert!(fs::read_to_string(&path).expect("written").contains("\nleft\n"));
    let b = start("b", &[("snapshot", text)]).await.expect("b");
    assert!(!sees(&b, "a"), "joined although it had left");
    b.close().await;
    drop(b);
    let options = [("snapshot", text), ("rejoin_after_leave", "true")];
    // The run in between knew nobody, and has not left.
    assert!(!fs::read_to_string(&path).expect("written").contains("member"));
    let b = start("b", &options).await.expect("b");
    b.join([a.local_member().addr().to_string()]).await.expect("a answers");
    until("b sees a", || sees(&b, "a")).await;
    b.leave(Duration::from_secs(5)).await.expect("heard");
    b.close().await;
    drop(b);
    let b = start("b", &options).await.expect("b");
    until("b is back", || sees(&b, "a") && sees(&a, "b")).await;
    a.close().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_another_cluster_or_of_a_running_node_is_refused() {
    let (_folder, path) = place();
    let text = path.to_str().expect("a path in UTF-8");
    let blue = [("snapshot", text), ("cluster", "blue")];
    let a = start("a", &blue).await.expect("a");
    let twice = start("b", &blue).await.expect_err("one file for two nodes");
    assert_eq!(twice.kind(), ErrorKind::BadConfig);
    a.close().await;
    drop(a);
    let other = [("snapshot", text), ("cluster", "green")];
    let refused = start("a", &other).await.expect_err("another cluster");
    assert_eq!(refused.kind(), ErrorKind::BadConfig);
    assert!(refused.message().contains("\"blue\""), "{refused}");
    start("a", &blue).await.expect("its own").close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_written_is_warned_of_once() {
    let (_folder, path) = place();
    let text = path.to_str().expect("a path in UTF-8");
    let a = start("a", &[("snapshot", text)]).await.expect("a");
    let mut events = a.events(chinwag::Replay::No);
    fs::remove_dir_all(path.parent().expect("a folder")).expect("removed");
    let b = start("b", &[]).await.expect("b");
    b.join([a.local_member().addr().to_string()]).await.expect("a answers");
    let warned = async {
        loop {
            let event = events.next().await.expect("the node is open");
            if let chinwag::EventKind::Warning(warning) = event.kind {
                return warning.code.as_str();
            }
        }
    };
    let code = tokio::time::timeout(Duration::from_secs(20), warned).await.expect("in time");
    assert_eq!(code, "snapshot-failed");
    a.close().await;
    b.close().await;
}
