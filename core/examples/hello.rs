//! A member that prints what happens to the others.

use chinwag::{EventKind, Node, Replay};

#[tokio::main]
async fn main() -> chinwag::Result<()> {
    let node = Node::builder().name("rs").seeds(["127.0.0.1:7946"]).start().await?;
    let mut events = node.events(Replay::Yes);
    while let Some(event) = events.next().await {
        match event.kind {
            EventKind::MemberJoin(m) => println!("here   {} {}", m.name(), m.addr()),
            EventKind::MemberLeave(m) => println!("left   {}", m.name()),
            EventKind::MemberFailed(m) => println!("failed {}", m.name()),
            _ => {}
        }
    }
    Ok(())
}
