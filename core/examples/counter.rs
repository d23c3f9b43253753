//! A member that counts, for whoever calls it, and calls others.
//!
//!     cargo run -p chinwag --example counter ann -
//!     cargo run -p chinwag --example counter bob 127.0.0.1:40123
//!
//! Then type `counter@ann add 5`, `counter get`, or `leave`.

use chinwag::payload::Value;
use chinwag::{Answer, Node, Payload, Request, Server};

/// What is served: it gets one message at a time.
struct Counter(i64);

impl Server for Counter {
    async fn call(&mut self, request: &mut Request) -> Answer {
        match (request.op(), request.payload().value()?) {
            ("add", Value::Int(by)) => self.0 += by,
            ("get", _) => {}
            ("add", _) => return Err("only integers are counted".into()),
            _ => return Err(request.unknown_op()),
        }
        Ok(Payload::encode(&self.0.into())?)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, seed] = &arguments[..] else { return Err("usage: counter NAME SEED|-".into()) };
    let node = Node::builder()
        .name(name)
        .bind("127.0.0.1:0")
        .seeds(Some(seed.as_str()).filter(|seed| *seed != "-"))
        .option("profile", &std::env::var("CHINWAG_PROFILE").unwrap_or_else(|_| "local".to_owned()))
        .start()
        .await?;
    node.serve("counter", Counter(0)).await?;
    println!("ready {name} {}", node.local_member().addr());
    let (sender, mut lines) = tokio::sync::mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let lines = std::io::stdin().lines().map_while(Result::ok);
        lines.take_while(|line| line != "leave").try_for_each(|line| sender.blocking_send(line))
    });
    while let Some(line) = lines.recv().await {
        match ask(&node, &line).await {
            Ok(answer) => println!("{line}: {answer}"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(node.leave(std::time::Duration::from_secs(5)).await?)
}

/// Calls as the line says: whom, what, and a number or a text to go along.
async fn ask(node: &Node, line: &str) -> chinwag::Result<String> {
    let mut words = line.splitn(3, ' ');
    let [target, op] = [words.next(), words.next()].map(Option::unwrap_or_default);
    let payload = words.next().map(|word| word.parse().map_or_else(|_| word.into(), Value::Int));
    match node.call(target, op, payload).await?.value()? {
        Value::Int(count) => Ok(count.to_string()),
        other => Ok(format!("{other:?}")),
    }
}
