//! Servers that are followed, and what is told when they are down.

use std::time::Duration;

use chinwag::{Answer, Builder, Down, DownReason, ErrorKind, Monitor, Node, Request, Server};

use super::{Counter, LIMIT, builder, cluster, known, meet, start, until};

async fn down(monitor: Monitor) -> Down {
    tokio::time::timeout(LIMIT, monitor.down()).await.expect("it is told in time")
}

fn told(server: &str, member: &str, reason: DownReason, text: &str) -> Down {
    Down { server: server.into(), member: Some(member.into()), reason, text: text.into() }
}

/// Nothing is told while something else goes on that would be told as well.
async fn is_silent(monitor: &mut Monitor) -> bool {
    tokio::time::timeout(Duration::ZERO, monitor).await.is_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_down_at_once() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    for (target, member, part) in [
        ("countr", None, "no member hosts"),
        ("countr#key", None, "no member hosts"),
        ("countr@b", Some("b"), "\"b\" hosts no"),
        ("counter@a", Some("a"), "\"a\" hosts no"),
        ("counter@z", Some("z"), "no present member"),
    ] {
        let down = down(a.monitor(target).expect(target)).await;
        assert_eq!(down.reason, DownReason::NoServer, "{down}");
        assert_eq!((down.member.as_deref(), down.text.contains(part)), (member, true), "{down}");
    }
    let error = a.monitor("no name").expect_err("it is none");
    assert_eq!(error.kind(), ErrorKind::BadArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_is_told_with_its_reason_to_all_who_follow_it() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    let first = b.serve("counter", Counter::default()).await.expect("a free name");
    let other = b.serve("other", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    known(&a, "other", 1).await;
    let mut stays = a.monitor("other").expect("it is followed");
    let monitors = ["counter", "counter@b", "counter#key"]
        .map(|target| [&a, &b].map(|node| node.monitor(target).expect("it is followed")));
    first.stop_with("no disk");
    for monitor in monitors.into_iter().flatten() {
        assert_eq!(down(monitor).await, told("counter", "b", DownReason::Stopped, "no disk"));
    }
    assert!(is_silent(&mut stays).await);
    // The next one has said nothing yet.
    let second = b.serve("counter", Counter::default()).await.expect("the name is free again");
    known(&a, "counter", 1).await;
    let monitor = a.monitor("counter").expect("it is followed");
    second.stop();
    assert_eq!(down(monitor).await, told("counter", "b", DownReason::Stopped, ""));
    other.stop();
    assert_eq!(down(stays).await.server, "other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_started_again_at_once_is_another() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    let mut served = b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    for round in 0..20 {
        let target = if round % 2 == 0 { "counter" } else { "counter@b" };
        let monitor = a.monitor(target).expect("it is followed");
        let own = b.monitor(target).expect("it is followed");
        served.stop_with("again");
        served = b.serve("counter", Counter::default()).await.expect("the name is free again");
        let wanted = told("counter", "b", DownReason::Stopped, "again");
        assert_eq!(down(own).await, wanted);
        assert_eq!(down(monitor).await, wanted, "round {round}");
        known(&a, "counter", 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_ends_takes_its_servers_with_it() {
    let [a, b, c] = cluster(["a", "b", "c"], |builder| builder).await;
    for node in [&b, &c] {
        node.serve("counter", Counter::default()).await.expect("a free name");
    }
    known(&a, "counter", 2).await;
    let failing = a.monitor("counter@b").expect("it is followed");
    let leaving = a.monitor("counter@c").expect("it is followed");
    b.abort();
    assert_eq!(down(failing).await, told("counter", "b", DownReason::NodeFailed, ""));
    c.leave(LIMIT).await.expect("a farewell");
    assert_eq!(down(leaving).await, told("counter", "c", DownReason::NodeLeft, ""));
    // Who comes later is told the same at once.
    let later = [("counter@b", DownReason::NodeFailed), ("counter@c", DownReason::NodeLeft)];
    for (target, reason) in later {
        let down = down(a.monitor(target).expect("it is followed")).await;
        assert_eq!(down.reason, reason, "{down}");
        assert!(!down.text.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_restarts_has_other_servers() {
    // Nobody finds out that it was away.
    let slow = |builder: Builder| builder.option("probe_interval", "60s");
    let [a, b] = cluster(["a", "b"], slow).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    let monitor = a.monitor("counter").expect("it is followed");
    let addr = b.local_member().addr().to_string();
    b.abort();
    until("it has ended", || b.is_closed()).await;
    drop(b);
    let again = async {
        loop {
            let seeds = [a.local_member().addr().to_string()];
            match slow(builder("b")).bind(&addr).seeds(seeds).start().await {
                Ok(node) => return node,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let b = tokio::time::timeout(LIMIT, again).await.expect("the address is free again");
    b.serve("counter", Counter::default()).await.expect("a free name");
    let down = down(monitor).await;
    let reasons = [DownReason::Stopped, DownReason::NodeFailed];
    assert!(reasons.contains(&down.reason), "{down}");
    known(&a, "counter", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_moves_is_told() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    b.serve("cart", Counter::default()).await.expect("a free name");
    known(&a, "cart", 1).await;
    let keys: Vec<String> = (0..20).map(|number| format!("cart#user:{number}")).collect();
    let mut monitors: Vec<Monitor> =
        keys.iter().map(|key| a.monitor(key).expect("it is followed")).collect();
    let mut plain = a.monitor("cart").expect("it is followed");
    let c = start("c").await;
    c.serve("cart", Counter::default()).await.expect("a free name");
    meet(&c, &a).await;
    known(&a, "cart", 2).await;
    until("its ring has all", || a.ring().len() == 3).await;
    let owner = |key: &str| {
        let key = key.trim_start_matches("cart#");
        let owners: Vec<String> = a.ring().owners(key, 3).iter().map(ToString::to_string).collect();
        owners.into_iter().find(|owner| owner != "a").expect("b or c")
    };
    let moved = keys.iter().filter(|key| owner(key) == "c").count();
    assert!((1..keys.len()).contains(&moved), "{moved} of {} keys have moved", keys.len());
    for (key, monitor) in keys.iter().zip(&mut monitors) {
        if owner(key) == "c" {
            let down = tokio::time::timeout(LIMIT, monitor).await.expect("it is told in time");
            assert_eq!(down, told("cart", "b", DownReason::Moved, "the key is \"c\"'s now"));
        } else {
            assert!(is_silent(monitor).await, "{key}");
        }
    }
    assert!(is_silent(&mut plain).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_or_closes_is_told_that_nothing_is_known_any_more() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    let before = a.monitor("counter").expect("it is followed");
    a.leave(LIMIT).await.expect("a farewell");
    assert_eq!(down(before).await, told("counter", "b", DownReason::Closed, ""));
    meet(&a, &b).await;
    known(&a, "counter", 1).await;
    let mut monitor = a.monitor("counter").expect("it is followed");
    assert!(is_silent(&mut monitor).await);
    a.close().await;
    assert_eq!(down(monitor).await, told("counter", "b", DownReason::Closed, ""));
    assert_eq!(a.monitor("counter").expect_err("it is closed").kind(), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_code_panics_is_down() {
    struct Clumsy;
    impl Server for Clumsy {
        async fn call(&mut self, _: &mut Request) -> Answer {
            panic!("on purpose");
        }
    }
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    b.serve("clumsy", Clumsy).await.expect("a free name");
    known(&a, "clumsy", 1).await;
    let monitor = a.monitor("clumsy").expect("it is followed");
    a.call("clumsy", "ask", ()).await.expect_err("it panics");
    let wanted = told("clumsy", "b", DownReason::Stopped, "its code has panicked");
    assert_eq!(down(monitor).await, wanted);
}

/// Words have a bound, beyond which servers end without; the rest is told as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_end_at_once_are_all_told() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    let served = serve_many(&b, 400).await;
    until("all are known", || a.servers().len() == 400).await;
    let monitors: Vec<Monitor> =
        (0..400).map(|n| a.monitor(&format!("s{n}")).expect("it is followed")).collect();
    for served in &served {
        served.stop_with(&"x".repeat(1_000));
    }
    let mut with_words = 0;
    for monitor in monitors {
        let down = down(monitor).await;
        assert_eq!(down.reason, DownReason::Stopped, "{down}");
        assert!([0, 256].contains(&down.text.len()), "{down}");
        with_words += usize::from(!down.text.is_empty());
    }
    assert_eq!(with_words, 256);
}

async fn serve_many(node: &Node, count: usize) -> Vec<chinwag::Served> {
    let mut served = Vec::new();
    for number in 0..count {
        let name = format!("s{number}");
        served.push(node.serve(&name, Counter::default()).await.expect("a free name"));
    }
    served
}

/// As a binding has it: a number, and an outcome among the others.
#[cfg(feature = "host")]
mod of_a_host {
    use chinwag::ErrorKind;
    use chinwag::host::{Answer, Completion, Host, Op};

    use super::super::{LIMIT, until};

    fn host(name: &str) -> Host {
        let mut config = chinwag::Config::new();
        for (key, value) in [("name", name), ("bind", "127.0.0.1:0"), ("profile", "local")] {
            config.set(key, value).expect("an option");
        }
        Host::start(&config).expect("a node starts on loopback")
    }

    async fn outcome(host: &Host) -> Completion {
        let mut taken = Vec::new();
        until("something is settled", || {
            taken = host.completions(1).expect("it is open");
            !taken.is_empty()
        })
        .await;
        taken.remove(0)
    }

    fn down(member: &str, reason: &str, text: &str) -> Answer {
        Answer::Record(vec![
            ("server", Answer::Text("s".to_owned())),
            ("member", Answer::Text(member.to_owned())),
            ("reason", Answer::Text(reason.to_owned())),
            ("text", Answer::Text(text.to_owned())),
        ])
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_monitor_settles_as_a_call_does() {
        let [a, b] = ["a", "b"].map(host);
        let addr = a.local_member().expect("it is open").addr().to_string();
        b.run(Op::Join(vec![addr]), Some(LIMIT)).expect("it is there");
        let served = b.serve("s", None, "python").expect("a free name");
        until("it is known", || a.hosts("s").expect("it is open") == ["b"]).await;
        let (first, second) = (a.monitor("s").expect("it is open"), a.monitor("s@b"));
        let second = second.expect("it is open");
        assert!(a.completions(9).expect("it is open").is_empty());
        a.cancel(first).expect("it is open");
        let given_up = outcome(&a).await;
        assert_eq!(given_up.id, first);
        assert_eq!(given_up.result.map_err(|error| error.kind()), Err(ErrorKind::Cancelled));
        served.stop_with("ValueError: no").expect("it is this process's");
        let told = outcome(&a).await;
        assert_eq!((told.id, told.result), (second, Ok(down("b", "stopped", "ValueError: no"))));
        // It is over: there is nothing to give up.
        a.cancel(second).expect("it is open");
        // What is no target is an outcome as well, as of a call.
        let bad = a.monitor("no name").expect("it is open");
        let told = outcome(&a).await;
        assert_eq!(told.id, bad);
        assert_eq!(told.result.map_err(|error| error.kind()), Err(ErrorKind::BadArgument));
        assert!(a.completions(9).expect("it is open").is_empty());
        let served = b.serve("s", None, "python").expect("the name is free");
        let last = b.monitor("s").expect("it is open");
        b.close().expect("it is open");
        let told = b.completions(9).expect("its outcomes are there");
        let told: Vec<_> = told.into_iter().map(|told| (told.id, told.result)).collect();
        assert_eq!(told, [(last, Ok(down("b", "closed", "")))]);
        assert!(b.monitor("s").is_err());
        drop(served);
    }

    /// Other operations go on, however many servers are followed.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn monitors_leave_room_for_operations() {
        let a = host("a");
        let served = a.serve("s", None, "python").expect("a free name");
        for _ in 0..65_536 {
            a.monitor("s").expect("it is open");
        }
        let one_more = a.monitor("s").expect("it is open");
        let told = outcome(&a).await;
        assert_eq!(told.id, one_more);
        assert_eq!(told.result.map_err(|error| error.kind()), Err(ErrorKind::Overloaded));
        let set = a.run(Op::SetState(vec![1]), Some(LIMIT));
        set.expect("there is room for operations");
        let submitted = a.submit(Op::SetState(vec![2])).expect("there is room for operations");
        assert_eq!(outcome(&a).await.id, submitted);
        served.stop().expect("it is this process's");
        let mut count = 0;
        until("all are told", || {
            count += a.completions(1_000).expect("it is open").len();
            count == 65_536
        })
        .await;
        assert!(a.completions(1).expect("it is open").is_empty());
    }
}
