//! The facade over real sockets on loopback.

#![cfg(feature = "runtime")]

use std::time::Duration;

use chinwag::{ErrorKind, Event, EventKind, Events, MemberState, Node, Replay};

/// Far beyond what anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

async fn start(name: &str, seeds: &[&Node]) -> Node {
    let seeds: Vec<String> = seeds.iter().map(|n| n.local_member().addr().to_string()).collect();
    Node::builder()
        .name(name)
        .bind("127.0.0.1:0")
        .seeds(seeds)
        .tags([("of", name)])
        .option("profile", "local")
        .option("probe_interval", "100ms")
        .option("probe_timeout", "50ms")
        .option("suspicion_mult", "2")
        .start()
        .await
        .expect("a node starts on loopback")
}

async fn wait_for(events: &mut Events, wanted: &str, name: &str) -> Event {
    let found = async {
        while let Some(event) = events.next().await {
            if event.kind.token() == wanted && event.kind.member().is_some_and(|m| m.name() == name)
            {
                return event;
            }
        }
        panic!("the events ended before {wanted} {name}");
    };
    tokio::time::timeout(LIMIT, found).await.unwrap_or_else(|_| panic!("no {wanted} {name}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_meet_change_leave_and_fail() {
    let a = start("a", &[]).await;
    let mut events = a.events(Replay::Yes);
    let b = start("b", &[&a]).await;
    let c = start("c", &[&b]).await;
    wait_for(&mut events, "member-join", "b").await;
    let joined = wait_for(&mut events, "member-join", "c").await;
    assert_eq!(joined.kind.member().map(|m| m.tags()["of"].clone()).as_deref(), Some("c"));
    assert_eq!(
        a.members().iter().map(|m| m.name().to_owned()).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );

    b.update_tags([("of", Some("change")), ("new", Some("1"))]).await.expect("tags fit");
    let changed = wait_for(&mut events, "member-update", "b").await;
    match changed.kind {
        EventKind::MemberUpdate { member, previous } => {
            assert_eq!(member.tags()["of"], "change");
            assert_eq!(previous.tags()["of"], "b");
        }
        other => panic!("{other:?}"),
    }

    b.leave(LIMIT).await.expect("two others hear the farewell");
    b.close().await;
    wait_for(&mut events, "member-leave", "b").await;
    c.abort();
    drop(c);
    wait_for(&mut events, "member-suspect", "c").await;
    let failed = wait_for(&mut events, "member-failed", "c").await;
    assert_eq!(failed.kind.member().map(|m| m.state()), Some(MemberState::Failed));
    a.close().await;
    assert_eq!(a.leave(LIMIT).await.map_err(|e| e.kind()), Err(ErrorKind::Closed));
}

#[tokio::test]
async fn a_join_of_nobody_names_the_seed_and_the_cause() {
    let a = start("a", &[]).await;
    let error = a.join(["127.0.0.1:1", "no such host:x"]).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::JoinFailed);
    assert_eq!(error.attempts().len(), 2, "{error}");
    assert!(error.message().contains("127.0.0.1:1"), "{error}");
}
