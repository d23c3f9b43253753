//! Keys and who owns them, and what becomes of servers whose members come and go.

use chinwag::payload::Value;
use chinwag::{Replay, Target};

use super::{Counter, cluster, known, start, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_served_by_its_owner() {
    let [a, b, c] = cluster(["a", "b", "c"], |builder| builder).await;
    let nodes = [&a, &b, &c];
    for node in nodes {
        struct Name(String);
        impl chinwag::Server for Name {
            async fn call(&mut self, request: &mut chinwag::Request) -> chinwag::Answer {
                assert!(request.key().is_some());
                Ok(chinwag::Payload::encode(&self.0.as_str().into())?)
            }
        }
        let name = node.local_member().name().to_owned();
        node.serve("cart", Name(name)).await.expect("a free name");
    }
    for node in nodes {
        known(node, "cart", 3).await;
        until("its ring has all", || node.ring().len() == 3).await;
    }
    let mut owners = std::collections::BTreeSet::new();
    for number in 0..50 {
        let key = format!("user:{number}@x#y");
        let wanted = a.ring().owner(&key).expect("somebody").to_owned();
        for node in nodes {
            let text = format!("cart#{key}");
            let answer = node.call(&text, "who", ()).await.expect("it answers").value();
            assert_eq!(answer, Ok(Value::from(&*wanted)), "{text}");
            let target = Target::key("cart", &key).expect("a key");
            let answer = node.call(&target, "who", ()).await.expect("it answers").value();
            assert_eq!(answer, Ok(Value::from(&*wanted)), "{text}");
        }
        owners.insert(wanted);
    }
    assert_eq!(owners.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_later_knows_the_servers_too() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    for number in 0..100 {
        a.serve(&format!("server-{number}"), Counter::default()).await.expect("a free name");
    }
    known(&b, "server-99", 1).await;
    let c = start("c").await;
    super::meet(&c, &b).await;
    known(&c, "server-99", 1).await;
    until("all are known", || c.servers().len() == 100).await;
    c.call("server-7@a", "add", 1).await.expect("it answers");
    a.leave(super::LIMIT).await.expect("a farewell");
    until("none is left", || c.servers().is_empty() && b.servers().is_empty()).await;
    // It comes back as it was.
    super::meet(&a, &b).await;
    until("they are back", || c.servers().len() == 100 && b.servers().len() == 100).await;
    c.call("server-7", "add", 1).await.expect("it answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_restarts_is_called_again() {
    let [a, b] = cluster(["a", "b"], |builder| builder).await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    known(&a, "counter", 1).await;
    a.call("counter@b", "add", 1).await.expect("it answers");
    let mut events = a.events(Replay::No);
    let addr = b.local_member().addr().to_string();
    b.abort();
    until("it has ended", || b.is_closed()).await;
    drop(b);
    let again = async {
        loop {
            let builder =
                super::builder("b").bind(&addr).seeds([a.local_member().addr().to_string()]);
            match builder.start().await {
                Ok(node) => return node,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        }
    };
    let b = tokio::time::timeout(super::LIMIT, again).await.expect("the address is free again");
    b.serve("counter", Counter::default()).await.expect("a free name");
    let count = async {
        loop {
            if let Ok(answer) = a.call("counter@b", "add", 1).await {
                return answer.value();
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    let count = tokio::time::timeout(super::LIMIT, count).await.expect("it is called");
    assert_eq!(count, Ok(Value::Int(1)), "the one that counted before is gone");
    let _ = events.try_next();
}
