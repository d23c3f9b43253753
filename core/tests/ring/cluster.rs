//! The ring of a cluster, with real sockets on loopback.

use std::future::Future;
use std::time::Duration;

use chinwag::event::{HandoffAcquired, HandoffPrepared, RingChanged, WarningCode};
use chinwag::ring::{Overrides, Ring, RingNode};
use chinwag::{ErrorKind, Event, EventKind, Events, Node, Replay};

/// Far beyond what anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

async fn within<T>(what: &str, wanted: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, wanted).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}

async fn start(name: &str, seed: Option<&Node>, options: &[(&str, &str)]) -> Node {
    let mut builder = Node::builder().name(name).bind("127.0.0.1:0").option("profile", "local");
    if let Some(seed) = seed {
        builder = builder.seeds([seed.local_member().addr().to_string()]);
    }
    for (key, value) in options {
        builder = builder.option(key, value);
    }
    builder.start().await.expect("it starts")
}

/// Waits until the ring of a node has these names.
async fn has(node: &Node, names: &[&str]) {
    within(&format!("a ring of {names:?}"), async {
        while !node.ring().names().eq(names.iter().copied()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

async fn change(events: &mut Events) -> std::sync::Arc<RingChanged> {
    within("a ring-change", async {
        loop {
            let event = events.next().await.expect("the node is open");
            if let Event { kind: EventKind::RingChange(changed), .. } = event {
                return changed;
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_members_have_the_ring_of_the_members() {
    let a = start("a", None, &[("tags", "weight=2,zone=x")]).await;
    let b = start("b", Some(&a), &[("tags", "zone=y")]).await;
    for node in [&a, &b] {
        has(node, &["a", "b"]).await;
    }
    let by_hand = [RingNode::new("a").weight(2).zone("x"), RingNode::new("b").zone("y")];
    let ring = Ring::new(by_hand).expect("a ring");
    assert_eq!((a.ring(), b.ring()), (ring.clone(), ring.clone()));
    assert_eq!(a.ring().fingerprint(), b.ring().fingerprint());
    for key in (0..100).map(|key| format!("user:{key}")) {
        let owner = ring.owner(&key).expect("an owner");
        assert_eq!(a.owner(&key).expect("an owner").name(), owner);
        assert_eq!(a.owners(&key, 3).len(), 2);
        assert_eq!(a.owns(&key), owner == "a");
        assert_ne!(a.owns(&key), b.owns(&key));
    }
    a.close().await;
    b.close().await;
    assert_eq!(a.ring(), ring, "a closed node keeps what it knew");
    let refused = a.set_ring_overrides(Overrides::default()).await.expect_err("it is closed");
    assert_eq!(refused.kind(), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_answers_for_the_callers_keys_and_the_past_is_kept() {
    let a = start("a", None, &[("ring_history", "2")]).await;
    let mut events = a.events(Replay::No);
    assert_eq!((a.ring().version(), a.past_rings().len()), (1, 0));
    let keys: Vec<String> = (0..200).map(|key| format!("user:{key}")).collect();

    let b = start("b", Some(&a), &[]).await;
    let changed = change(&mut events).await;
    assert_eq!((changed.version(), changed.before().version()), (2, 1));
    assert_eq!(changed.local, "a");
    assert_eq!(changed.after(), &a.ring());
    let lost: Vec<&String> = changed.lost(&keys).collect();
    assert!(lost.len() > 50 && lost.len() < 150, "{} of 200", lost.len());
    assert!(lost.iter().all(|key| a.owner(key).expect("an owner").name() == "b"));
    assert_eq!(changed.gained(&keys).count(), 0);
    assert!(changed.moved(&keys).all(|moved| (moved.from, moved.to) == (Some("a"), Some("b"))));
    assert_eq!(a.previous_owner(lost[0]).as_deref(), Some("a"));
    let kept = keys.iter().find(|key| !lost.contains(key)).expect("one that stays");
    assert_eq!(a.previous_owner(kept), None);

    b.leave(Duration::from_secs(5)).await.expect("a farewell");
    let changed = change(&mut events).await;
    assert_eq!(changed.version(), 3);
    let gained: Vec<&String> = changed.gained(&keys).collect();
    assert_eq!(gained, lost);
    assert_eq!(a.previous_owner(lost[0]).as_deref(), Some("b"));
    let versions: Vec<u64> = a.past_rings().iter().map(Ring::version).collect();
    assert_eq!(versions, [2, 1]);

    b.close().await;
    a.update_tags([("weight", Some("3"))]).await.expect("it fits");
    assert_eq!(change(&mut events).await.version(), 4);
    assert_eq!(a.past_rings().len(), 2, "no more than ring_history");
    a.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_drained_owns_nothing_and_comes_back() {
    let a = start("a", None, &[]).await;
    let b = start("b", Some(&a), &[]).await;
    has(&a, &["a", "b"]).await;
    b.update_tags([("weight", Some("0"))]).await.expect("it fits");
    has(&a, &["a"]).await;
    has(&b, &["a"]).await;
    b.update_tags([("weight", None::<&str>)]).await.expect("it fits");
    has(&a, &["a", "b"]).await;
    a.close().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_choose_and_overrides_decide() {
    let options = [("ring_tags", "role=cache"), ("ring_hash_tags", "true")];
    let cache = [options[0], options[1], ("tags", "role=cache")];
    let a = start("a", None, &options).await;
    let b = start("b", Some(&a), &cache).await;
    let c = start("c", Some(&a), &cache).await;
    has(&a, &["b", "c"]).await;
    assert_eq!(a.ring().owner("{x}1"), a.ring().owner("{x}2"));
    assert!(!a.owns("x"));

    let overrides = Overrides {
        excluded: ["b".to_owned()].into(),
        pins: [(b"k".to_vec(), "b".to_owned())].into(),
        ..Overrides::default()
    };
    a.set_ring_overrides(overrides).await.expect("it fits");
    has(&a, &["c"]).await;
    assert_eq!(a.ring().owner("k"), Some("c"), "b owns nothing");
    let long = [("x".repeat(1_025).into_bytes(), "b".to_owned())].into();
    let error = a.set_ring_overrides(Overrides { pins: long, ..Overrides::default() }).await;
    assert_eq!(error.expect_err("too long").kind(), ErrorKind::TooLarge);
    let many = (0..=65_536).map(|number| number.to_string()).collect();
    let error = a.set_ring_overrides(Overrides { excluded: many, ..Overrides::default() }).await;
    assert_eq!(error.expect_err("too many").kind(), ErrorKind::TooLarge);
    has(&b, &["c"]).await;
    a.set_ring_overrides(Overrides::default()).await.expect("it fits");
    has(&a, &["b", "c"]).await;
    has(&b, &["b", "c"]).await;
    for node in [a, b, c] {
        node.close().await;
    }
}

/// Whoever decided it, all follow: also who joins later, and when who decided it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_decides_holds_for_all() {
    let excluding = |name: &str| Overrides {
        excluded: [name.to_owned()].into(),
        pins: [(b"k".to_vec(), "c".to_owned())].into(),
        ..Overrides::default()
    };
    let a = start("a", None, &[]).await;
    let b = start("b", Some(&a), &[]).await;
    let mut events = a.events(Replay::No);
    has(&a, &["a", "b"]).await;
    has(&b, &["a", "b"]).await;
    b.set_ring_overrides(excluding("b")).await.expect("it fits");
    has(&a, &["a"]).await;
    let c = start("c", Some(&a), &[]).await;
    for node in [&a, &b, &c] {
        has(node, &["a", "c"]).await;
        assert_eq!(node.ring().owner("k"), Some("c"));
    }
    b.close().await;
    has(&c, &["a", "c"]).await;
    // b is excluded all the same once it is back.
    let b = start("b", Some(&c), &[]).await;
    has(&b, &["a", "c"]).await;
    c.set_ring_overrides(excluding("a")).await.expect("it fits");
    for node in [&a, &b, &c] {
        has(node, &["b", "c"]).await;
    }
    let map = a.map("chinwag.ring").expect_err("it is not the user's");
    assert_eq!(map.kind(), ErrorKind::BadArgument);
    for node in [a, b, c] {
        node.close().await;
    }
    while let Some(event) = events.next().await {
        assert!(!matches!(event.kind, EventKind::Warning(_)), "{event:?}");
    }
}

/// What a closed node has warned of with that code: of whom, and why.
async fn warned(mut events: Events, code: WarningCode) -> Vec<(String, String)> {
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        if let EventKind::Warning(warning) = event.kind
            && warning.code == code
        {
            told.push((warning.subject.clone(), warning.text.clone()));
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_weight_that_is_none_is_told_once() {
    let a = start("a", None, &[]).await;
    let events = a.events(Replay::No);
    assert_eq!(a.ring().len(), 1);
    let b = start("b", Some(&a), &[("tags", "weight=heavy")]).await;
    let c = start("c", Some(&a), &[]).await;
    has(&a, &["a", "b", "c"]).await;
    assert!(a.ring().nodes().all(|node| node.weight == 1));
    c.leave(Duration::from_secs(5)).await.expect("a farewell");
    has(&a, &["a", "b"]).await;
    a.close().await;
    let told = warned(events, WarningCode::RingWeight).await;
    assert!(matches!(&told[..], [(name, why)] if name == "b" && why.contains("heavy")), "{told:?}");
    b.close().await;
    c.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_off_the_ring_for_its_name_is_told_once() {
    let a = start("a", None, &[]).await;
    let events = a.events(Replay::No);
    assert_eq!(a.ring().len(), 1);
    // Two names of one XXH3-64.
    let first = start("9;Wm_0-u", Some(&a), &[]).await;
    let twin = start("a007065", Some(&a), &[]).await;
    let b = start("b", Some(&a), &[]).await;
    has(&a, &["9;Wm_0-u", "a", "b"]).await;
    has(&twin, &["9;Wm_0-u", "a", "b"]).await;
    first.leave(Duration::from_secs(5)).await.expect("a farewell");
    has(&a, &["a", "a007065", "b"]).await;
    a.close().await;
    let told = warned(events, WarningCode::RingName).await;
    let is_it = |(name, why): &(String, String)| name == "a007065" && why.contains("9;Wm_0-u");
    assert!(told.len() == 1 && told.iter().all(is_it), "{told:?}");
    for node in [first, twin, b] {
        node.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_of_rings_until_somebody_asks() {
    let a = start("a", None, &[]).await;
    let mut events = a.events(Replay::No);
    let b = start("b", Some(&a), &[]).await;
    within("b to be seen", async {
        while a.members().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(a.past_rings(), []);
    a.close().await;
    while let Some(event) = events.next().await {
        assert!(!matches!(event.kind, EventKind::RingChange(_)), "{event:?}");
    }
    b.close().await;
}

/// The next event that `wanted` makes something of.
async fn next<T>(events: &mut Events, wanted: impl Fn(EventKind) -> Option<T>) -> T {
    within("an event of a hand-off", async {
        loop {
            let event = events.next().await.expect("the node is open");
            if let Some(found) = wanted(event.kind) {
                return found;
            }
        }
    })
    .await
}

async fn acquired(events: &mut Events) -> std::sync::Arc<HandoffAcquired> {
    next(events, |kind| match kind {
        EventKind::HandoffAcquired(handoff) => Some(handoff),
        _ => None,
    })
    .await
}

async fn prepared(events: &mut Events) -> std::sync::Arc<HandoffPrepared> {
    next(events, |kind| match kind {
        EventKind::HandoffPrepare(handoff) => Some(handoff),
        _ => None,
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_are_handed_off_when_they_are_released() {
    let options = [("handoff_timeout", "20s"), ("ring_slots", "4096")];
    let a = start("a", None, &options).await;
    let mut of_a = a.events(Replay::No);
    let first = acquired(&mut of_a).await;
    assert_eq!((first.peer.as_str(), first.clean, first.slots.len()), ("", true, 4_096));

    let b = start("b", Some(&a), &options).await;
    let mut of_b = b.events(Replay::No);
    let prepared = prepared(&mut of_a).await;
    assert_eq!(prepared.peer, "b");
    assert!(prepared.slots.iter().eq(a.ring().slots_of("b").collect::<Vec<_>>().iter()));
    assert_eq!(prepared.timeout, Duration::from_secs(20));
    // It has them until it says so.
    tokio::time::timeout(Duration::from_millis(300), acquired(&mut of_b))
        .await
        .expect_err("nobody has released them");
    a.released(prepared.id).await.expect("it waits");
    let again = a.released(prepared.id).await.expect_err("it is settled");
    assert_eq!(again.kind(), ErrorKind::BadArgument);
    let taken = acquired(&mut of_b).await;
    assert_eq!((taken.peer.as_str(), taken.clean), ("a", true));
    assert_eq!(taken.slots, prepared.slots);
    assert!(taken.epoch > first.epoch, "{} after {}", taken.epoch, first.epoch);

    // Who ends without a word had no time to release anything.
    b.close().await;
    let back = acquired(&mut of_a).await;
    assert_eq!((back.peer.as_str(), back.clean), ("b", false));
    assert_eq!(back.slots, taken.slots);
    assert!(back.epoch > taken.epoch, "{} after {}", back.epoch, taken.epoch);
    // Counters are shown once the node has nothing else to do.
    within("the count", async {
        while a.stats().handoffs_unclean != back.slots.len() as u64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    a.close().await;
    assert_eq!(a.released(1).await.expect_err("closed").kind(), ErrorKind::Closed);
}

#[test]
fn contradictions_are_refused() {
    let mut config = chinwag::Config::new();
    config.set("ring_profile", "ketama").expect("a profile");
    config.set("ring_slots", "271").expect("a number");
    assert_eq!(config.settings().expect_err("points").kind(), ErrorKind::BadConfig);
    let mut config = chinwag::Config::new();
    config.set("ring_profile", "clusterluck").expect("a profile");
    config.set("handoff_timeout", "5s").expect("a time");
    assert_eq!(config.settings().expect_err("no slots").kind(), ErrorKind::BadConfig);
    for (key, value) in [("ring_profile", "quick"), ("ring_slots", "0"), ("ring_replicas", "256")] {
        assert!(chinwag::Config::new().set(key, value).is_err(), "{key}={value}");
    }
}
