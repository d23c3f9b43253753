//! One member of a cluster: joins, prints what happens to the others, and leaves.
//!
//! ```console
//! $ cargo run -p chinwag --features signals --example join -- web-1 -
//! $ cargo run -p chinwag --features signals --example join -- web-2 127.0.0.1:40123 role=web
//! ```
//!
//! Then type `tag role=db`, or `leave`. The end of the input and SIGTERM leave as well.

use std::error::Error;
use std::io::BufRead;
use std::time::Duration;

use chinwag::{Event, EventKind, Member, Node, Replay, signals};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

const FAREWELL: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let outcome = runtime.block_on(run());
    // Someone may still wait for input.
    runtime.shutdown_background();
    outcome
}

async fn run() -> Result<(), Box<dyn Error>> {
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
    watch(&node).await?;
    node.leave(FAREWELL).await?;
    node.close().await;
    Ok(())
}

/// Prints what happens and carries out what is typed, up to `leave` or the end of the input.
async fn watch(node: &Node) -> chinwag::Result<()> {
    let mut events = node.events(Replay::Yes);
    let (sender, mut lines) = mpsc::channel(1);
    spawn_blocking(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = sender.blocking_send(line);
        }
    });
    loop {
        let line = tokio::select! {
            Some(event) = events.next() => {
                print(&event);
                continue;
            }
            line = lines.recv() => line,
        };
        let Some(line) = line else { return Ok(()) };
        match line.trim().split_once(' ') {
            Some(("tag", pair)) if pair.contains('=') => {
                let tag = pair.split_once('=').map(|(key, value)| (key, Some(value)));
                node.update_tags(tag).await?;
            }
            None if line.trim() == "leave" => return Ok(()),
            _ => eprintln!("type `tag key=value` or `leave`"),
        }
    }
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
