//! A member that talks: to all, and to one.
//!
//!     cargo run -p chinwag --example talk ann -
//!     cargo run -p chinwag --example talk bob 127.0.0.1:40123
//!
//! Then type `all hello`, `ann hello`, or `leave`.

use chinwag::{Delivery, EventKind, Node, Replay};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, seed] = &arguments[..] else { return Err("usage: talk NAME SEED|-".into()) };
    let node = Node::builder()
        .name(name)
        .bind("127.0.0.1:0")
        .seeds(Some(seed.as_str()).filter(|seed| *seed != "-"))
        .option("profile", &std::env::var("CHINWAG_PROFILE").unwrap_or_else(|_| "local".to_owned()))
        .start()
        .await?;
    println!("ready {name} {}", node.local_member().addr());
    let mut events = node.events(Replay::Yes);
    let (sender, mut lines) = tokio::sync::mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let lines = std::io::stdin().lines().map_while(Result::ok);
        lines.take_while(|line| line != "leave").try_for_each(|line| sender.blocking_send(line))
    });
    loop {
        tokio::select! {
            Some(event) = events.next() => hear(&event.kind),
            line = lines.recv() => match line {
                Some(line) => say(&node, &line).await.unwrap_or_else(|e| println!("{e}")),
                None => break,
            },
        }
    }
    Ok(node.leave(std::time::Duration::from_secs(5)).await?)
}

async fn say(node: &Node, line: &str) -> chinwag::Result<()> {
    let (to, text) = line.split_once(' ').unwrap_or((line, ""));
    // A message over a connection does not say from whom it is, as memberlist has it.
    let message = format!("{}: {text}", node.local_member().name());
    match to {
        "all" => node.broadcast(text).await,
        name => node.send(name, message, Delivery::Reliable).await,
    }
}

fn hear(event: &EventKind) {
    let text = String::from_utf8_lossy;
    match event {
        EventKind::MemberJoin(m) => println!("joined {}", m.name()),
        EventKind::MemberLeave(m) => println!("left {}", m.name()),
        EventKind::MemberFailed(m) => println!("failed {}", m.name()),
        EventKind::Message(m) => println!("{}", text(&m.payload)),
        EventKind::Broadcast(b) => println!("{} to all: {}", b.sender, text(&b.payload)),
        EventKind::Warning(w) => println!("warning {}: {}", w.code.as_str(), w.text),
        _ => {}
    }
}
