//! The words of the ring, and of slots that change hands.

use chinwag::ring::{Overrides, Ring};
use chinwag::{Error, Node};

use crate::line::{Line, push};
use crate::messages;
use crate::say;

/// Makes one call on an open node; the final line if it succeeds.
pub(crate) async fn call(node: &Node, word: &str, command: &Line) -> Result<String, Error> {
    let mut line = "ok".to_owned();
    match word {
        "ring" => push_ring(&mut line, &node.ring()),
        "owners" => {
            let count = command.get("count").parse().unwrap_or(1);
            let owners = node.owners(command.bytes("key"), count);
            for owner in &owners {
                let mut line = "owner".to_owned();
                push(&mut line, "name", owner.name());
                say(&line);
            }
            push(&mut line, "count", &owners.len().to_string());
        }
        "owns" => push(&mut line, "owns", &node.owns(command.bytes("key")).to_string()),
        "set_ring_overrides" => node.set_ring_overrides(overrides(command)).await?,
        "released" => node.released(command.get("id").parse().unwrap_or_default()).await?,
        _ => return messages::call(node, word, command).await,
    }
    Ok(line)
}

/// Which ring it is, and what is the same for all who have it.
pub(crate) fn push_ring(line: &mut String, ring: &Ring) {
    push(line, "version", &ring.version().to_string());
    push(line, "size", &ring.len().to_string());
    push(line, "fingerprint", &format!("{:016x}", ring.fingerprint()));
}

fn overrides(command: &Line) -> Overrides {
    let pins = |prefix| command.under(prefix).map(|(key, name)| (key.into_bytes(), name)).collect();
    Overrides {
        excluded: command.list("excluded").into_iter().collect(),
        pins: pins("pin."),
        pin_prefixes: pins("pin_prefix."),
    }
}
