//! Servers that are followed until they are down.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chinwag::{Error, Monitor, Node};
use tokio::task::AbortHandle;

use crate::line::{Line, push};
use crate::say;

/// The monitors that were begun, by the words that they were given.
static MONITORS: Mutex<BTreeMap<String, AbortHandle>> = Mutex::new(BTreeMap::new());

/// Makes one call on an open node; the final line if it succeeds.
pub(crate) fn call(node: &Node, word: &str, command: &Line) -> Result<String, Error> {
    let id = command.get("id").to_owned();
    let mut all = MONITORS.lock().unwrap_or_else(PoisonError::into_inner);
    if word == "monitor" {
        let monitor = node.monitor(command.get("target"))?;
        let task = tokio::spawn(tell(id.clone(), monitor));
        all.insert(id, task.abort_handle());
    } else {
        all.remove(&id).inspect(AbortHandle::abort);
    }
    Ok("ok".to_owned())
}

/// Prints that the server is down, once it is.
async fn tell(id: String, monitor: Monitor) {
    let down = monitor.down().await;
    let mut line = "down".to_owned();
    push(&mut line, "id", &id);
    push(&mut line, "server", &down.server);
    if let Some(member) = &down.member {
        push(&mut line, "member", member);
    }
    push(&mut line, "reason", down.reason.as_str());
    push(&mut line, "text", &down.text);
    say(&line);
}
