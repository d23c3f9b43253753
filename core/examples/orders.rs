//! A member that publishes what is typed, and shows what comes on the topics that it subscribes to.
//!
//!     cargo run -p chinwag --example orders ann -
//!     cargo run -p chinwag --example orders bob 127.0.0.1:40123
//!
//! Then type `subscribe orders`, `subscribe jobs workers`, `publish orders tea`, `topics`, or
//! `leave`. Of those in a queue, such as `workers`, one gets each publication.

use chinwag::payload::Value;
use chinwag::{Node, Subscriber, Subscribing};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, seed] = &arguments[..] else { return Err("usage: orders NAME SEED|-".into()) };
    let node = Node::builder()
        .name(name)
        .bind("127.0.0.1:0")
        .seeds(Some(seed.as_str()).filter(|seed| *seed != "-"))
        .option("profile", &std::env::var("CHINWAG_PROFILE").unwrap_or_else(|_| "local".to_owned()))
        .start()
        .await?;
    println!("ready {name} {}", node.local_member().addr());
    let (sender, mut lines) = tokio::sync::mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let lines = std::io::stdin().lines().map_while(Result::ok);
        lines.take_while(|line| line != "leave").try_for_each(|line| sender.blocking_send(line))
    });
    let mut readers = JoinSet::new();
    while let Some(line) = lines.recv().await {
        match obey(&node, &mut readers, &line).await {
            Ok(answer) => println!("{answer}"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(node.leave(std::time::Duration::from_secs(5)).await?)
}

async fn obey(node: &Node, readers: &mut JoinSet<()>, line: &str) -> chinwag::Result<String> {
    let mut words = line.splitn(3, ' ');
    let [word, topic] = [words.next(), words.next()].map(Option::unwrap_or_default);
    let more = words.next();
    match word {
        "subscribe" => {
            let how = Subscribing { queue: more.map(str::to_owned), ..Subscribing::default() };
            readers.spawn(show(node.subscribe_with(topic, &how)?));
            Ok(format!("subscribed to {topic}"))
        }
        "publish" => {
            let sent = node.publish(topic, more.unwrap_or_default()).await?;
            Ok(format!("sent to {sent}"))
        }
        _ => {
            let topics =
                node.topics().into_iter().map(|(topic, members)| format!(" {topic}={members}"));
            Ok(format!("topics{}", topics.collect::<String>()))
        }
    }
}

async fn show(subscriber: Subscriber) {
    while let Some(order) = subscriber.next().await {
        let missed = order.missed();
        let late = if missed > 0 { format!(" ({missed} missed)") } else { String::new() };
        match order.payload().value() {
            Ok(Value::Text(text)) => {
                println!("{} by {}: {text}{late}", order.topic(), order.from())
            }
            other => println!("{} by {}: {other:?}{late}", order.topic(), order.from()),
        }
    }
}
