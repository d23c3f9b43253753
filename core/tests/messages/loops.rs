//! Loops of bindings that are blocked, as the others see them.

#![cfg(feature = "host")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chinwag::host::{Host, Message, Op};
use chinwag::{Event, EventKind, LoopState, Replay};

use super::{LIMIT, until};

/// A host whose loop is stuck after that many milliseconds.
fn host(name: &str, stuck: u64) -> Arc<Host> {
    let mut config = chinwag::Config::new();
    let stuck = format!("{stuck}ms");
    for (key, value) in
        [("name", name), ("bind", "127.0.0.1:0"), ("profile", "local"), ("loop_stuck", &stuck)]
    {
        config.set(key, value).expect("an option");
    }
    Arc::new(Host::start(&config).expect("a node starts on loopback"))
}

fn meet(a: &Host, b: &Host) {
    let addr = a.local_member().expect("it is open").addr().to_string();
    b.run(Op::Join(vec![addr]), Some(LIMIT)).expect("it is there");
}

/// A loop that answers whenever it is poked, on a thread of its own, unless it is blocked.
struct Loop {
    blocked: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Loop {
    fn of(host: &Arc<Host>, blocked: bool) -> Self {
        let (blocked, asked) = (Arc::new(AtomicBool::new(blocked)), Arc::<AtomicUsize>::default());
        let (held, count, weak) = (Arc::clone(&blocked), Arc::clone(&asked), Arc::downgrade(host));
        let runtime = tokio::runtime::Handle::current();
        let poke = move || {
            count.fetch_add(1, Ordering::SeqCst);
            let (held, weak) = (Arc::clone(&held), weak.clone());
            runtime.spawn(async move {
                while held.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                if let Some(host) = weak.upgrade() {
                    host.loop_turned();
                }
            });
        };
        host.set_wake(Some(Box::new(poke))).expect("it is open");
        host.watch_loop(None).expect("it is open");
        Self { blocked, asked }
    }

    fn block(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::SeqCst);
    }

    /// Waits until it has been asked so many times more.
    async fn asked(&self, more: usize) {
        let before = self.asked.load(Ordering::SeqCst);
        until("it is asked", || self.asked.load(Ordering::SeqCst) >= before + more).await;
    }
}

async fn sees(host: &Host, member: &str, state: LoopState) {
    until("the state is known", || host.loop_state(member).expect("it is open") == Some(state))
        .await;
}

/// The warnings of stuck loops that a node tells: of whom, and what.
fn warnings(events: &[Event]) -> Vec<(String, String)> {
    let of = |event: &Event| match &event.kind {
        EventKind::Warning(told) if told.code.as_str() == "loop-stuck" => {
            Some((told.subject.clone(), told.text.clone()))
        }
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_loop_is_told_to_all_and_so_is_its_end() {
    let (a, b) = (host("a", 1_000), host("b", 1_000));
    meet(&a, &b);
    let turning = Loop::of(&b, false);
    let mut events = [&a, &b].map(|host| host.subscribe(Replay::No).expect("it is open"));
    until("they know each other", || a.member("b").expect("it is open").is_some()).await;
    turning.asked(3).await;
    for host in [&a, &b] {
        sees(host, "b", LoopState::Ok).await;
    }
    assert_eq!(a.loop_state("nobody").expect("it is open"), None);
    turning.block(true);
    for host in [&a, &b] {
        sees(host, "b", LoopState::Stuck).await;
    }
    // Told after the warning.
    let [others, own] =
        events.each_mut().map(|events| warnings(&events.drain(1_000).expect("it is open").events));
    let (subject, text) = own.last().expect("it is warned of itself");
    assert!(subject.is_empty() && text.contains("has blocked the loop for "), "{own:?}");
    let (subject, text) = others.last().expect("the others are warned of it");
    assert!(subject == "b" && text.contains("does not turn"), "{others:?}");
    turning.block(false);
    for host in [&a, &b] {
        sees(host, "b", LoopState::Ok).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_late_is_slow_before_it_is_stuck() {
    // Slow after 600 ms: for most of the time until it is stuck.
    let (a, b) = (host("a", 60_000), host("b", 3_000));
    meet(&a, &b);
    let turning = Loop::of(&b, false);
    turning.asked(2).await;
    sees(&a, "b", LoopState::Ok).await;
    turning.block(true);
    let (began, mut seen) = (Instant::now(), Vec::new());
    until("it is stuck", || {
        let state = a.loop_state("b").expect("it is open");
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        state == Some(LoopState::Stuck)
    })
    .await;
    let last = [LoopState::Slow, LoopState::Stuck].map(Some);
    assert!(seen.ends_with(&last), "{seen:?}");
    // It may have been asked just before it was blocked.
    assert!(began.elapsed() >= Duration::from_millis(2_300), "no earlier than that");
    // A loop that ends is not stuck.
    b.unwatch_loop().expect("it is open");
    sees(&a, "b", LoopState::Ok).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_watched_who_does_not_want_to_be() {
    let (a, b) = (host("a", 0), host("b", 100));
    meet(&a, &b);
    // The option says no; nobody has asked for it.
    let idle = Loop::of(&a, true);
    let watched = Loop::of(&b, true);
    sees(&a, "b", LoopState::Stuck).await;
    assert_eq!(b.loop_state("a").expect("it is open"), Some(LoopState::Ok));
    // By then it would have been asked.
    assert_eq!(watched.asked.load(Ordering::SeqCst), 1, "one question at a time");
    assert_eq!(idle.asked.load(Ordering::SeqCst), 0);
    a.loop_turned();
    b.close().expect("it is open");
    b.loop_turned();
    assert!(b.watch_loop(None).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_for_any_go_to_those_whose_loops_turn() {
    let [a, b, c] = ["a", "b", "c"].map(|name| host(name, 1_000));
    meet(&a, &b);
    meet(&a, &c);
    let stuck = Loop::of(&b, false);
    let served = [&b, &c].map(|host| host.serve("s", None, "python").expect("a free name"));
    until("both are known", || a.hosts("s").expect("it is open").len() == 2).await;
    let message = Message { target: "s", op: "tell", ..Default::default() };
    let cast = || {
        for _ in 0..100 {
            a.cast(&message, chinwag::Payload::raw("x")).expect("it goes out");
        }
    };
    let mut got = [0, 0];
    let mut take = |wanted: usize| {
        for (count, served) in got.iter_mut().zip(&served) {
            *count += served.drain(1_000).expect("it is open").requests.len();
        }
        (got.iter().sum::<usize>() >= wanted).then_some(got)
    };
    cast();
    let mut now = [0, 0];
    until("all have come", || {
        take(100).is_some_and(|got| {
            now = got;
            true
        })
    })
    .await;
    assert!(now[0] > 0 && now[1] > 0, "each gets some: {now:?}");
    let before = now[0];
    stuck.block(true);
    sees(&a, "b", LoopState::Stuck).await;
    cast();
    until("all have come", || {
        take(200).is_some_and(|got| {
            now = got;
            true
        })
    })
    .await;
    assert_eq!(now[0], before, "none to who is stuck");
    // By name, it still gets what is for it.
    let for_b = Message { target: "s@b", ..message };
    a.cast(&for_b, chinwag::Payload::raw("x")).expect("it goes out");
    until("it has come", || {
        take(201).is_some_and(|got| {
            now = got;
            true
        })
    })
    .await;
    assert_eq!(now[0], before + 1);
    stuck.block(false);
    sees(&a, "b", LoopState::Ok).await;
    cast();
    until("all have come", || {
        take(301).is_some_and(|got| {
            now = got;
            true
        })
    })
    .await;
    assert!(now[0] > before + 1, "it gets some again: {now:?}");
}
