//! Shared maps, as a binding and as a program in Rust have them.

use std::collections::BTreeSet;

use chinwag::host::{Answer, Host, Op, Watching};
use chinwag::{ErrorKind, MapEntry, MapWatch, MapWatched, Node, Replay};

use crate::{LIMIT, meet, next, run, start};

fn put(key: &str, value: &str) -> Op {
    Op::write_map("carts".to_owned(), key.to_owned(), Some(value.into()), None).expect("no context")
}

fn values(entry: &MapEntry) -> Vec<&[u8]> {
    entry.values.iter().map(|value| &*value.bytes).collect()
}

fn read(host: &Host, key: &str) -> Option<MapEntry> {
    host.map_read("carts", key).expect("a map")
}

#[test]
fn a_binding_puts_reads_follows_and_deletes() {
    let (first, _) = start("first", 1_000);
    let (second, woken) = start("second", 1_000);
    meet(&second, &first);
    let mut watching: Watching<MapWatch> =
        second.map_watch("carts", "al", Replay::Yes).expect("a map");
    assert_eq!(next(&mut watching, &woken), MapWatched::ReplayDone);

    // Who has heard of a key of a member has heard of those before it.
    run(&first, put("bob", "tea")).expect("it fits");
    assert_eq!(run(&first, put("alice", "tea")), Ok(Answer::None));
    let MapWatched::Put(told) = next(&mut watching, &woken) else { panic!("it was put") };
    assert_eq!((&*told.key, values(&told)), ("alice", vec![&b"tea"[..]]));
    assert_eq!(told.values[0].writer, "first");
    assert_eq!(read(&second, "alice").as_ref(), Some(&told));
    assert_eq!(second.map_entries("carts", "").expect("a map").len(), 2);
    assert_eq!(second.map_entries("other", "").expect("a map"), []);

    // Both put with what they have read: neither knew of the other.
    let context = told.context.to_bytes();
    let after = |value: &str| {
        let (map, key) = ("carts".to_owned(), "alice".to_owned());
        Op::write_map(map, key, Some(value.into()), Some(&context)).expect("a context")
    };
    run(&second, after("milk")).expect("it fits");
    let MapWatched::Put(told) = next(&mut watching, &woken) else { panic!("it was put") };
    assert_eq!(values(&told), [b"milk"]);
    run(&second, after("honey")).expect("it fits");
    let MapWatched::Put(told) = next(&mut watching, &woken) else { panic!("it was put") };
    assert_eq!(values(&told), [&b"honey"[..], b"milk"], "the newest first");

    let delete = Op::write_map("carts".to_owned(), "alice".to_owned(), None, None);
    run(&second, delete.expect("no context")).expect("it is there");
    assert_eq!(next(&mut watching, &woken), MapWatched::Deleted { key: "alice".to_owned() });
    assert_eq!(read(&second, "alice"), None);

    // What who has gone had put is still there.
    first.close().expect("no fork");
    let bob = read(&second, "bob").expect("it was put");
    assert_eq!(values(&bob), [b"tea"]);
    second.close().expect("no fork");
    let found = watching.drain(10).expect("no fork");
    assert!(found.changes.is_empty() && found.ended);
}

#[test]
fn what_a_binding_may_not_is_refused() {
    let (host, _) = start("one", 1_000);
    let kind = |op| run(&host, op).expect_err("it is refused").kind();
    assert_eq!(kind(put("", "x")), ErrorKind::BadArgument);
    assert_eq!(kind(put("k", &"x".repeat(65_536))), ErrorKind::TooLarge);
    assert_eq!(kind(put(&"k".repeat(255), "x")), ErrorKind::TooLarge);
    for name in ["a/b", "chinwag.ring"] {
        let error = Op::write_map(name.to_owned(), "k".to_owned(), None, None);
        assert_eq!(error.expect_err("no name of a user's").kind(), ErrorKind::BadArgument);
    }
    let error = Op::write_map("m".to_owned(), "k".to_owned(), None, Some(b"what?"));
    assert_eq!(error.expect_err("no context").kind(), ErrorKind::BadArgument);
    assert!(host.map_read("", "k").is_err() && host.map_watch("", "", Replay::No).is_err());
    let all = host.map_entries("carts", "").expect("a map");
    assert_eq!(all, []);
}

#[tokio::test]
async fn a_program_in_rust_decides_between_siblings() {
    let node = |name: &'static str| async move {
        let built = Node::builder().name(name).bind("127.0.0.1:0").option("profile", "local");
        built.start().await.expect("a node starts on loopback")
    };
    let (first, second) = (node("first").await, node("second").await);
    let (ours, theirs) =
        (first.map("carts").expect("a name"), second.map("carts").expect("a name"));
    let mut watch = ours.watch("", Replay::No);
    ours.put("alice", "tea").await.expect("it fits");
    theirs.put("alice", "milk").await.expect("it fits");
    assert_eq!(ours.get("alice").as_deref(), Some(&b"tea"[..]));
    assert!(!ours.resolve("alice", |_| Vec::new()).await.expect("nothing to do"));

    second.join([first.local_member().addr().to_string()]).await.expect("it is there");
    let found = loop {
        let told = tokio::time::timeout(LIMIT, watch.next()).await.expect("something is told");
        match told.expect("the node is open") {
            MapWatched::Put(found) if found.values.len() > 1 => break found,
            _ => {}
        }
    };
    // Which of them is the last is what their clocks say, and those of two nodes may differ.
    let writers = |entry: &MapEntry| entry.values.iter().map(|v| v.writer.clone()).collect();
    let by: BTreeSet<String> = writers(&found);
    assert_eq!(by.into_iter().collect::<Vec<_>>(), ["first", "second"]);
    assert!(found.values[0].stamp >= found.values[1].stamp);
    assert_eq!(ours.get("alice").as_ref(), Some(&found.values[0].bytes), "the last writer's");
    let join = |values: &[chinwag::MapValue]| {
        let all: Vec<&[u8]> = values.iter().map(|value| &*value.bytes).collect();
        all.join(&b"+"[..])
    };
    assert!(ours.resolve("alice", join).await.expect("it fits"));
    let now = ours.read("alice").expect("it is there");
    let both = values(&found).join(&b"+"[..]);
    assert_eq!((values(&now), ours.entries("a")), (vec![&both[..]], vec![now.clone()]));
    // What was read before does not delete what came after it.
    ours.delete_after(&found).await.expect("it fits");
    assert_eq!(ours.read("alice").as_ref(), Some(&now));
    ours.delete_after(&now).await.expect("it fits");
    assert_eq!(ours.get("alice"), None);
    first.close().await;
    second.close().await;
    assert_eq!(theirs.put("alice", "x").await.expect_err("closed").kind(), ErrorKind::Closed);
}
