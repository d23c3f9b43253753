//! Servers come and go in the node's own keys, where all members see them.

use std::sync::{Arc, Weak};

use tokio::sync::oneshot;
use tracing::warn;

use super::{Mesh, Shared, State};
use crate::driver::Command;
use crate::engine::{Request, StateChange, StateWrite};

/// In front of the keys of servers.
const SERVERS: &str = "s:";

impl Mesh {
    /// A key of a member has changed: it may be a server of it.
    pub(in crate::driver) fn hear_of(&self, change: &StateChange) {
        if let Some(server) = change.key.strip_prefix(SERVERS) {
            let hosts = change.value.is_some();
            self.shared.with(|messaging, _| messaging.note_host(&change.owner, server, hosts));
        }
    }
}

impl Shared {
    /// Has others told that a server is here, or here no longer. What comes while something is
    /// being told goes together.
    pub(super) fn announce(self: &Arc<Self>, state: &mut State, server: &str, hosts: bool) {
        state.news.insert(server.to_owned(), hosts);
        if !std::mem::replace(&mut state.telling, true) {
            let task = self.runtime.spawn(tell(Arc::downgrade(self)));
            state.tasks.push(task.abort_handle());
        }
    }
}

/// Tells until there is no more.
async fn tell(shared: Weak<Shared>) {
    while let Some(held) = shared.upgrade() {
        let (news, commands) = {
            let mut state = held.lock();
            let news = std::mem::take(&mut state.news);
            if news.is_empty() || state.closed {
                state.telling = false;
                state.tasks.retain(|task| !task.is_finished());
                return;
            }
            (news, state.commands.upgrade())
        };
        drop(held);
        let Some(commands) = commands else { return };
        let write = |(server, hosts): (String, bool)| StateWrite {
            key: format!("{SERVERS}{server}"),
            value: hosts.then(Vec::new),
            ttl: None,
        };
        let (reply, done) = oneshot::channel();
        let request = Request::Write(news.into_iter().map(write).collect());
        if commands.send(Box::new(Command::Request { request, reply })).await.is_err() {
            return;
        }
        if let Ok(Err(error)) = done.await {
            warn!(%error, "the others cannot be told of a server of this node");
        }
    }
}
