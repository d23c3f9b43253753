//! A member that prints what happens to the others: `cargo run --example hello -- 127.0.0.1:7946`.

use chinwag::{Node, Replay};

#[tokio::main]
async fn main() -> chinwag::Result<()> {
    let node = Node::builder().seeds(std::env::args().skip(1)).start().await?;
    println!("this is {:?}", node.local_member());
    let mut events = node.events(Replay::Yes);
    while let Some(event) = events.next().await {
        if let Some(member) = event.kind.member() {
            println!("{} {} {}", event.kind.token(), member.name(), member.addr());
        }
    }
    Ok(())
}
