//! The facade over real sockets on loopback.

#![cfg(feature = "runtime")]
#![allow(clippy::disallowed_types, reason = "a silent peer is a socket")]

use std::time::Duration;

use chinwag::{ErrorKind, Event, EventKind, Events, MemberState, Node, Replay, Watched};

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

/// Whoever is where the seed was is found at once: alone, a node does not wait for its next look,
/// which is half a minute away while somebody is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_left_alone_tries_its_seeds_at_once() {
    // A port that is given back may be somebody else's at once; this test has an address alone.
    let [.., high, low] = std::process::id().to_be_bytes();
    let builder = Node::builder().name("seed").bind(&format!("127.101.{high}.{low}:0"));
    let seed = builder.start().await.expect("a node starts on loopback");
    let addr = seed.local_member().addr().to_string();
    let node = Node::builder().name("node").bind("127.0.0.1:0").seeds([addr.clone()]);
    let node = node.option("reconnect_interval", "10s").start().await.expect("it starts");
    let mut events = node.events(Replay::Yes);
    wait_for(&mut events, "member-join", "seed").await;
    seed.leave(LIMIT).await.expect("the farewell is heard");
    seed.close().await;
    wait_for(&mut events, "member-leave", "seed").await;
    let other = Node::builder().name("other").bind(&addr).start().await.expect("its place is free");
    let found = wait_for(&mut events, "member-join", "other");
    tokio::time::timeout(Duration::from_secs(8), found).await.expect("it is found at once");
    drop((node, other));
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

/// Silence would take minutes: what decides is that the system tells of refusals.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_port_is_found_out_by_its_refusals() {
    for bind in ["127.0.0.1:0", "[::1]:0"] {
        let mut nodes: Vec<Node> = Vec::new();
        for number in 0..5 {
            let seeds = nodes.first().map(|first| first.local_member().addr().to_string());
            let builder = Node::builder().name(format!("n{number}")).bind(bind).seeds(seeds);
            let builder = builder.option("profile", "local").option("suspicion_mult", "100");
            nodes.push(builder.start().await.expect("a node starts on loopback"));
        }
        let mut readers: Vec<Events> =
            nodes[..4].iter().map(|node| node.events(Replay::Yes)).collect();
        for events in &mut readers {
            wait_for(events, "member-join", "n4").await;
        }
        nodes.remove(4).abort();
        for events in &mut readers {
            wait_for(events, "member-failed", "n4").await;
        }
        let stats: Vec<_> = nodes.iter().map(Node::stats).collect();
        assert!(stats.iter().any(|stats| stats.failures_refused > 0), "{bind}: {stats:?}");
        let heard: u64 = stats.iter().map(|stats| stats.packets_refused).sum();
        assert!(heard >= 2, "{bind}: two at least were refused, {heard} datagrams came back");
        for node in &nodes {
            node.close().await;
        }
    }
}

#[tokio::test]
async fn a_join_of_nobody_names_the_seed_and_the_cause() {
    let a = start("a", &[]).await;
    let error = a.join(["127.0.0.1:1", "no such host:x"]).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::JoinFailed);
    assert_eq!(error.attempts().len(), 2, "{error}");
    assert!(error.message().contains("127.0.0.1:1 refused the connection: nothing"), "{error}");
}

/// Being alone is no error; whoever listens hears of it, with the cause, once.
#[tokio::test]
async fn a_start_that_finds_nobody_warns_of_it() {
    let builder = Node::builder().name("a").bind("127.0.0.1:0").option("profile", "local");
    let node = builder.seeds(["127.0.0.1:1"]).start().await.expect("alone is fine");
    let mut events = node.events(Replay::No);
    let event = tokio::time::timeout(LIMIT, events.next()).await.expect("in time");
    let Some(EventKind::Warning(warning)) = event.map(|event| event.kind) else {
        panic!("no warning")
    };
    assert_eq!((warning.code.as_str(), &*warning.subject), ("seed-failed", "127.0.0.1:1"));
    assert!(warning.text.contains("trying again"), "{}", warning.text);
    assert!(warning.text.contains("127.0.0.1:1 refused the connection"), "{}", warning.text);
}

const OLD: &str = "AAECAwQFBgcICQoLDA0ODw==";
const NEW: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_node_is_reached_by_keys_and_changes_them() {
    let keyed = |name: &str, keys: &str| {
        Node::builder().name(name).bind("127.0.0.1:0").option("keys", keys)
    };
    let a = keyed("a", OLD).start().await.expect("a node starts");
    let addr = a.local_member().addr().to_string();
    let stranger = keyed("stranger", NEW).start().await.expect("a node starts");
    let error = stranger.join([&addr]).await.expect_err("another key");
    assert_eq!(error.kind(), ErrorKind::KeyMismatch);
    assert!(error.message().contains("under another key"), "{error}");

    assert_eq!((a.keys().len(), a.keys()[0].bits), (1, 128));
    a.add_key(NEW).await.expect("there is room");
    assert_eq!(stranger.join([&addr]).await.map_err(|error| error.kind()), {
        // It is understood now, and answered under the old key.
        Err(ErrorKind::KeyMismatch)
    });
    let fingerprint = stranger.keys()[0].fingerprint.to_string();
    a.use_key(&fingerprint).await.expect("it is in the ring");
    assert_eq!(stranger.join([&addr]).await, Ok(1));
    a.remove_key(OLD).await.expect("it is not the primary");
    assert_eq!(a.keys(), stranger.keys());
    for error in [
        a.remove_key(NEW).await.expect_err("the primary"),
        a.use_key(OLD).await.expect_err("it was removed"),
        a.use_key("hunter2").await.expect_err("no key"),
        a.add_key("hunter2").await.expect_err("no key"),
    ] {
        assert_eq!(error.kind(), ErrorKind::BadArgument);
        assert!(!error.message().contains("hunter2"), "{error}");
    }
    assert!(a.member("stranger").is_some_and(|member| member.state() == MemberState::Alive));
    assert_eq!(a.stats().insecure, 0);
    let plain = start("plain", &[]).await;
    let refused = plain.add_key(NEW).await.expect_err("started without keys");
    assert!(refused.message().contains("without keys"), "{refused}");
    assert!(plain.keys().is_empty());
}

#[tokio::test]
async fn plaintext_beyond_loopback_shows_in_the_counters() {
    let anywhere = || {
        let builder = Node::builder().name("a").bind("0.0.0.0:0");
        builder.option("advertise", "127.0.0.1:0")
    };
    let error = anywhere().start().await.expect_err("there is no key");
    assert_eq!(error.kind(), ErrorKind::BadConfig);
    for (option, text, insecure) in [("insecure", "true", 1), ("keys", OLD, 0)] {
        let node = anywhere().option(option, text).start().await.expect("a node starts");
        // The first counters come with the first thing that the node does.
        node.set_meta(vec![1]).await.expect("it fits");
        assert_eq!(node.stats().insecure, insecure, "{option}");
        node.close().await;
    }
}

#[tokio::test]
async fn an_own_address_that_is_not_allowed_is_refused() {
    let builder = Node::builder().name("a").bind("127.0.0.1:0");
    let error = builder.option("cidrs_allowed", "10.0.0.0/8").start().await.expect_err("loopback");
    assert_eq!(error.kind(), ErrorKind::BadConfig);
    assert!(error.message().contains("cidrs_allowed"), "{error}");
}

/// A listener that takes connections and says nothing.
async fn silent() -> (tokio::net::TcpListener, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("it is bound").to_string();
    (listener, addr)
}

/// Reads until the other end closes.
async fn until_closed(listener: &tokio::net::TcpListener) {
    let closed = async {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut all = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut all).await.map(drop)
    };
    let closed = tokio::time::timeout(Duration::from_secs(5), closed).await;
    assert!(closed.is_ok(), "the connection stays open for a join that nobody waits for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_whose_future_is_dropped_closes_its_connections() {
    let node = Node::builder().name("a").bind("127.0.0.1:0").start().await.expect("it starts");
    let (listener, addr) = silent().await;
    let join = tokio::time::timeout(Duration::from_millis(300), node.join([addr.as_str()]));
    assert!(join.await.is_err(), "a silent seed let it join");
    until_closed(&listener).await;
    node.close().await;
}

#[cfg(feature = "host")]
#[test]
fn a_join_that_a_host_gives_up_closes_its_connections() {
    use chinwag::host::{Host, Op};

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut config = chinwag::Config::new();
    config.set("bind", "127.0.0.1:0").expect("an address");
    let host = Host::start(&config).expect("it starts");
    let (listener, addr) = runtime.block_on(silent());
    let late = host.run(Op::Join(vec![addr.clone()]), Some(Duration::from_millis(300)));
    assert_eq!(late.map_err(|error| error.kind()), Err(ErrorKind::Timeout));
    runtime.block_on(until_closed(&listener));
    let (poke, woken) = std::sync::mpsc::channel();
    let wake = Box::new(move || {
        let _ = poke.send(());
    });
    host.set_wake(Some(wake)).expect("not forked");
    let id = host.submit(Op::Join(vec![addr])).expect("it begins");
    host.cancel(id).expect("not forked");
    woken.recv_timeout(LIMIT).expect("it settles");
    let outcome = host.completions(1).expect("not forked").pop();
    let outcome = outcome.expect("it settles").result.map_err(|error| error.kind());
    assert_eq!(outcome, Err(ErrorKind::Cancelled));
    host.close().expect("not forked");
}

#[cfg(feature = "host")]
#[test]
fn a_server_of_a_host_hears_who_gives_up_though_it_takes_nothing_more() {
    use chinwag::host::{Host, Message, Op};

    let mut config = chinwag::Config::new();
    config.set("bind", "127.0.0.1:0").expect("an address");
    let host = Host::start(&config).expect("it starts");
    let (poke, woken) = std::sync::mpsc::channel();
    let wake = Box::new(move || {
        let _ = poke.send(());
    });
    host.set_wake(Some(wake)).expect("not forked");
    // An outcome that nobody takes, so that no other one pokes.
    host.submit(Op::Ready).expect("it begins");
    woken.recv_timeout(LIMIT).expect("it settles");
    let serving = host.serve("slow", None, "c").expect("no other has that name");
    let timeout = Some(LIMIT);
    let message = Message { target: "slow", op: "wait", timeout, ..Message::default() };
    let call = host.call(&message, chinwag::Payload::default()).expect("it begins");
    let taken = serving.drain(1).expect("not forked").requests;
    let tags: Vec<_> = taken.iter().filter_map(chinwag::Request::tag).collect();
    assert_eq!(tags.len(), 1);
    assert_eq!(serving.drain(0).expect("not forked").given_up, []);
    host.cancel(call).expect("not forked");
    woken.recv_timeout(LIMIT).expect("somebody gave up");
    assert_eq!(serving.drain(0).expect("not forked").given_up, tags);
    host.close().expect("not forked");
}

async fn islander(name: &str, seed: &str) -> Node {
    let node = Node::builder().name(name).bind("127.0.0.1:0").seeds([seed]);
    let node = node.option("profile", "local").option("reconnect_interval", "50ms");
    // What gossip misses when all meet at once comes soon.
    let node = node.option("push_pull_interval", "500ms");
    node.start().await.expect("a node starts on loopback")
}

/// Two clusters that never knew each other have a seed in common, which nobody of them reached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn islands_with_a_common_seed_become_one() {
    // A port that was free a moment ago may be somebody else's; this process has an address alone.
    let [.., high, low] = std::process::id().to_be_bytes();
    let addr = format!("127.{}.{low}.1:7946", high % 254 + 1);
    let (a1, b1) = (islander("a1", &addr).await, islander("b1", &addr).await);
    let of = |node: &Node| node.local_member().addr().to_string();
    let (a2, b2) = (islander("a2", &of(&a1)).await, islander("b2", &of(&b1)).await);
    assert_eq!((a2.members().len(), b2.members().len()), (2, 2));
    let seed = Node::builder().name("seed").bind(&addr).option("profile", "local");
    let seed = seed.start().await.expect("nobody else has that address");
    let nodes = [a1, a2, b1, b2, seed];
    let all = async {
        while nodes.iter().any(|node| node.members().len() < 5) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let met = tokio::time::timeout(LIMIT, all).await;
    assert!(met.is_ok(), "they did not meet");
    for node in &nodes {
        node.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_one_are_read_by_all_until_it_goes() {
    let first = start("first", &[]).await;
    first.put("load", "3", None).await.expect("it fits");
    first.put("gone", "1", Some(Duration::from_millis(20))).await.expect("it fits");
    let second = start("second", &[&first]).await;
    let mut watch = second.watch("lo", Replay::Yes);
    let next = async |watch: &mut chinwag::Watch| {
        let next = tokio::time::timeout(LIMIT, watch.next()).await.expect("something is told");
        next.expect("the node is open")
    };
    let mut told = vec![next(&mut watch).await, next(&mut watch).await];
    // The key comes before or after the end of the replay.
    told.retain(|told| *told != Watched::ReplayDone);
    let [Watched::Put(entry)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&*entry.member, &*entry.key, &*entry.value), ("first", "load", &b"3"[..]));
    assert_eq!(second.get("first", "load").as_deref(), Some(&b"3"[..]));
    assert_eq!(second.entries("lo"), std::slice::from_ref(entry));

    first.put("load", "4", None).await.expect("it fits");
    let Watched::Put(entry) = next(&mut watch).await else { panic!("it was put") };
    assert_eq!(&*entry.value, b"4");
    first.delete("load").await.expect("nothing is in the way");
    let deleted = |key: &str| Watched::Deleted { member: "first".into(), key: key.to_owned() };
    assert_eq!(next(&mut watch).await, deleted("load"));
    first.put("long", vec![7; 60_000], None).await.expect("it fits");
    let Watched::Put(entry) = next(&mut watch).await else { panic!("it was put") };
    assert_eq!(entry.value.len(), 60_000);
    let large = first.put("long", vec![7; 70_000], None).await.expect_err("it does not fit");
    assert_eq!(large.kind(), ErrorKind::TooLarge);
    let nameless = first.put("", "x", None).await.expect_err("it has no name");
    assert_eq!(nameless.kind(), ErrorKind::BadArgument);

    first.leave(LIMIT).await.expect("the farewell is heard");
    assert_eq!(next(&mut watch).await, deleted("long"));
    assert_eq!(second.get("first", "long"), None);
    first.close().await;
    second.close().await;
    assert_eq!(watch.next().await, None);
    let closed = second.put("k", "v", None).await.expect_err("it is closed");
    assert_eq!(closed.kind(), ErrorKind::Closed);
}
