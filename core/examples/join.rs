//! One member of a cluster: joins, prints what happens to the others, and leaves.
//!
//! ```console
//! $ cargo run -p chinwag --features signals --example join -- web-1 -
//! $ cargo run -p chinwag --features signals --example join -- web-2 127.0.0.1:40123 role=web
//! ```
//!
//! Then type `tag role=db`, or `leave`. The end of the input and SIGTERM leave as well.

use std::io::BufRead;
use std::time::Duration;

use chinwag::{Event, EventKind, Member, Node, Replay, signals};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

const FAREWELL: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, seed, tags @ ..] = &arguments[..] else {
        return Err("usage: join NAME SEED|- [key=value …]".into());
    };
    let node = Node::builder()
        .name(name)
        .bind("127.0.0.1:0")
        .seeds(Some(seed.as_str()).filter(|seed| *seed != "-"))
        .tags(tags.iter().filter_map(|tag| tag.split_once('=')))
        .option("profile", &std::env::var("CHINWAG_PROFILE").unwrap_or_else(|_| "local".to_owned()))
        .start()
        .await?;
    println!("ready {name} {}", node.local_member().addr());

    let (leaving, runtime) = (node.clone(), Handle::current());
    let _guard = signals::on_terminate(move || {
        let _ = runtime.block_on(leaving.leave(FAREWELL));
    })?;
    let mut events = node.events(Replay::Yes);
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            print(&event);
        }
    });
    obey(&node, lines()).await?;
    node.leave(FAREWELL).await?;
    node.close().await;
    Ok(())
}

/// Carries out what is typed, up to `leave` or the end.
async fn obey(node: &Node, mut lines: mpsc::Receiver<String>) -> chinwag::Result<()> {
    while let Some(line) = lines.recv().await {
        match line.trim().split_once(' ') {
            Some(("tag", pair)) if pair.contains('=') => {
                let tag = pair.split_once('=').map(|(key, value)| (key, Some(value)));
                node.update_tags(tag).await?;
            }
            None if line.trim() == "leave" => break,
            _ => eprintln!("type `tag key=value` or `leave`"),
        }
    }
    Ok(())
}

/// Standard input by lines. It cannot be waited for, so a thread of its own reads it.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

fn print(event: &Event) {
    let say = |member: &Member| {
        let tags: Vec<String> = member.tags().iter().map(|(k, v)| format!("{k}={v}")).collect();
        let tags = if tags.is_empty() { "-".to_owned() } else { tags.join(",") };
        let (kind, state) = (event.kind.token(), member.state().as_str());
        println!("{kind} {} {} {state} {tags}", member.name(), member.addr());
    };
    match &event.kind {
        EventKind::EventsLost { members, .. } => members.iter().for_each(say),
        kind => kind.member().into_iter().for_each(say),
    }
}
