//! Keys of members: written, looked up and followed.

use std::time::Duration;

use chinwag::{Entry, Error, Node, Replay, Watch, Watched};

use crate::line::{Line, push, push_bytes};
use crate::say;

/// Makes one call on an open node; the final line if it succeeds.
pub(crate) async fn call(node: &Node, word: &str, command: &Line) -> Result<String, Error> {
    let mut line = "ok".to_owned();
    let key = command.get("key");
    match word {
        "put" => {
            let ttl = command.get("ttl_ms").parse().ok().map(Duration::from_millis);
            let repeat = command.get("repeat").parse().unwrap_or(1);
            node.put(key, command.bytes("payload").repeat(repeat), ttl).await?;
        }
        "delete" => node.delete(key).await?,
        "get" => {
            let value = node.get(command.get("member"), key);
            value.iter().for_each(|value| push_bytes(&mut line, "payload", value));
        }
        "entries" => {
            let entries = node.entries(command.get("prefix"));
            for entry in &entries {
                let mut line = "entry".to_owned();
                push_entry(&mut line, entry);
                say(&line);
            }
            push(&mut line, "count", &entries.len().to_string());
        }
        "watch" => {
            let replay = if command.get("replay") == "true" { Replay::Yes } else { Replay::No };
            tokio::spawn(tell(node.watch(command.get("prefix"), replay)));
        }
        _ => line = "unsupported".to_owned(),
    }
    Ok(line)
}

/// Prints what happens to keys until the node is closed.
async fn tell(mut watch: Watch) {
    while let Some(watched) = watch.next().await {
        let mut line = "watched".to_owned();
        match watched {
            Watched::Put(entry) => {
                push(&mut line, "type", "put");
                push_entry(&mut line, &entry);
            }
            Watched::Deleted { member, key } => {
                push(&mut line, "type", "deleted");
                push(&mut line, "member", &member);
                push(&mut line, "key", &key);
            }
            Watched::ReplayDone => push(&mut line, "type", "replay-done"),
            Watched::Lost { count, .. } => {
                push(&mut line, "type", "lost");
                push(&mut line, "count", &count.to_string());
            }
        }
        say(&line);
    }
}

fn push_entry(line: &mut String, entry: &Entry) {
    push(line, "member", &entry.member);
    push(line, "key", &entry.key);
    push_bytes(line, "payload", &entry.value);
}
