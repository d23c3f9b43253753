//! Servers and subscribers come and go in the node's own keys, where all members see them.

use std::sync::{Arc, Weak};

use tokio::sync::oneshot;
use tracing::warn;

use super::{Mesh, Shared, State};
use crate::driver::Command;
use crate::engine::{Request, StateChange, StateWrite};
use crate::messaging::Interest;

/// In front of the keys of servers, and of topics.
const SERVERS: &str = "s:";
const TOPICS: &str = "t:";

impl Mesh {
    /// A key of a member has changed: it may be a server of it, or a topic that it subscribes to.
    pub(in crate::driver) fn hear_of(&self, change: &StateChange) {
        if let Some(server) = change.key.strip_prefix(SERVERS) {
            let hosts = change.value.is_some();
            self.shared.with(|messaging, _| messaging.note_host(&change.owner, server, hosts));
        }
        if let Some(topic) = change.key.strip_prefix(TOPICS) {
            let said = change.value.as_deref();
            let interest = said.and_then(Interest::decode).unwrap_or_default();
            let owner = &change.owner;
            self.shared.with(|messaging, _| messaging.note_interest(owner, topic, interest));
        }
    }
}

impl Shared {
    /// Has others told that a server is here, or here no longer.
    pub(super) fn announce(self: &Arc<Self>, state: &mut State, server: &str, hosts: bool) {
        self.tell_others(state, format!("{SERVERS}{server}"), hosts.then(Vec::new));
    }

    /// Has others told what this node wants of a topic now.
    pub(super) fn announce_topic(self: &Arc<Self>, state: &mut State, topic: &str) {
        let interest = state.messaging.own_interest(topic);
        let said = interest.as_ref().map(Interest::encode);
        self.tell_others(state, format!("{TOPICS}{topic}"), said);
    }

    /// What comes while something is being told goes together.
    fn tell_others(self: &Arc<Self>, state: &mut State, key: String, value: Option<Vec<u8>>) {
        state.news.insert(key, value);
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
        let write = |(key, value): (String, Option<Vec<u8>>)| StateWrite { key, value, ttl: None };
        let (reply, done) = oneshot::channel();
        let request = Request::Write(news.into_iter().map(write).collect());
        if commands.send(Box::new(Command::Request { request, reply })).await.is_err() {
            return;
        }
        if let Ok(Err(error)) = done.await {
            warn!(%error, "the others cannot be told of servers and topics of this node");
        }
    }
}
