//! Members that sources find, over real sockets.

#![cfg(all(unix, feature = "runtime"))]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "files are the test's")]

#[cfg(feature = "dns")]
mod dns;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chinwag::discovery::{Failure, Found};
use chinwag::{Builder, ErrorKind, EventKind, Node, Replay};

/// Far beyond what anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

fn builder(name: &str) -> Builder {
    Node::builder().name(name).bind("127.0.0.1:0").option("profile", "local")
}

fn addr(node: &Node) -> String {
    node.local_member().addr().to_string()
}

fn names(node: &Node) -> Vec<String> {
    node.members().iter().map(|member| member.name().to_owned()).collect()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// A file is put there in one piece.
fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("there is room");
    fs::rename(new, path).expect("the same folder");
}

fn url(path: &Path) -> String {
    format!("file://{}?interval=100ms&name=hosts", path.display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_start_before_their_source_answers_are_one_cluster_once_it_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hosts");
    let mut nodes = Vec::new();
    for name in ["a", "b", "c"] {
        nodes.push(builder(name).discovery([url(&path)]).start().await.expect("it starts alone"));
    }
    until("all have asked in vain", || nodes.iter().all(|n| n.stats().discovery_failed > 1)).await;
    let hosts: Vec<String> = nodes.iter().map(addr).collect();
    put(&path, &hosts.join("\n"));
    until("all know all", || nodes.iter().all(|node| names(node) == ["a", "b", "c"])).await;
    // Whatever the source says now, they stay.
    put(&path, "# nobody\n");
    until("it finds nobody", || nodes.iter().all(|n| n.stats().discovery_empty > 1)).await;
    put(&path, "nonsense:here\n127.0.0.1:1\n");
    fs::remove_file(&path).expect("it is there");
    let failed = nodes[0].stats().discovery_failed;
    until("it is gone", || nodes[0].stats().discovery_failed > failed + 1).await;
    assert!(nodes.iter().all(|node| names(node) == ["a", "b", "c"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clusters_that_are_found_together_become_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hosts");
    let a = builder("a").discovery([url(&path)]).start().await.expect("it starts");
    let b = builder("b").seeds([addr(&a)]).start().await.expect("it starts");
    let c = builder("c").start().await.expect("it starts");
    let d = builder("d").seeds([addr(&c)]).start().await.expect("it starts");
    until("two by two", || names(&a) == ["a", "b"] && names(&d) == ["c", "d"]).await;
    put(&path, &format!("{},{}", addr(&b), addr(&d)));
    until("all four", || [&a, &b, &c, &d].iter().all(|node| names(node).len() == 4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_fails_is_told_once_for_each_cause_and_costs_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("find");
    fs::write(&script, "exit 3\n").expect("there is room");
    let exec = format!("exec:///bin/sh?arg={}&interval=100ms&name=script", script.display());
    let a = builder("a").start().await.expect("it starts");
    let b = builder("b").seeds([addr(&a)]).discovery([exec]).start().await.expect("it starts");
    let mut events = b.events(Replay::Yes);
    let mut warned = async || loop {
        match events.next().await.expect("open").kind {
            EventKind::Warning(warning) if warning.code.as_str() == "discovery-failed" => {
                break (warning.subject.clone(), warning.text.clone());
            }
            _ => continue,
        }
    };
    let (subject, text) = tokio::time::timeout(LIMIT, warned()).await.expect("it is told");
    assert_eq!(subject, "script");
    assert!(text.contains("/bin/sh ended with exit status: 3"), "{text}");
    until("it goes on", || b.stats().discovery_failed > 3).await;
    fs::write(&script, "echo 'not today' >&2; exit 4\n").expect("there is room");
    let (_, text) = tokio::time::timeout(LIMIT, warned()).await.expect("it is told");
    assert!(text.contains("exit status: 4: not today"), "nothing else was told: {text}");
    assert_eq!(names(&b), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_of_the_users_is_a_source_and_may_be_slow_or_lie() {
    let a = builder("a").start().await.expect("it starts");
    let (found, asked) = (addr(&a), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&asked);
    let honest = move || {
        seen.fetch_add(1, Ordering::Relaxed);
        let found = found.clone();
        async move { Ok(vec!["no such host at all.invalid".to_owned(), found]) }
    };
    let b = builder("b")
        .strategy("never", std::future::pending::<Found>)
        .strategy("denied", || async { Err(Failure::refused("403 Forbidden")) })
        .strategy("lies", || async { Ok((1..200).map(|n| format!("127.0.0.1:{n}")).collect()) })
        .strategy("honest", honest);
    let b = b.start().await.expect("it starts");
    until("they have met", || names(&a) == ["a", "b"]).await;
    until("a refusal is counted", || b.stats().discovery_refused == 1).await;
    assert!(asked.load(Ordering::Relaxed) >= 1);
    assert_eq!(b.stats().discovery_candidates, 201);
    b.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_may_wait_for_the_sources_and_demand_somebody() {
    let a = builder("a").start().await.expect("it starts");
    let slow = |found: Vec<String>| {
        move || {
            let found = found.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(200)).await;
                Ok(found)
            }
        }
    };
    let waits = builder("b").strategy("slow", slow(vec![addr(&a)]));
    let b = waits.option("await_first_lookup", "true").start().await.expect("it starts");
    assert_eq!(names(&b), ["a", "b"]);
    let demands = builder("c").strategy("slow", slow(vec![addr(&a)]));
    let c = demands.option("require_join", "true").start().await.expect("it has met them");
    assert_eq!(c.members().len(), 3);
    let nobody = builder("d").strategy("nobody", slow(Vec::new())).option("require_join", "true");
    let error = nobody.start().await.expect_err("there is nobody");
    assert_eq!(error.kind(), ErrorKind::JoinFailed);
    assert!(error.message().contains("none was found"), "{error}");
    let error = builder("e").discovery(["dsn://web"]).start().await.expect_err("no such scheme");
    assert_eq!(error.kind(), ErrorKind::BadConfig);
}
