//! Servers and subscribers come and go in the node's own keys, where all members see them.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::warn;

use super::{Mesh, Shared, State};
use crate::driver::Command;
use crate::engine::{Request, StateChange, StateWrite};
use crate::error::Result;
use crate::messaging::{Interest, Messaging, ServerId, instance_value, read_instance, words_value};

/// In front of the keys of servers, and of topics.
const SERVERS: &str = "s:";
const TOPICS: &str = "t:";
/// In front of the keys of what servers have said when they ended.
const WORDS: &str = "e:";
/// How long these are there. The others have them with what they are about, or a little later.
const WORDS_KEPT: Duration = Duration::from_secs(10);
/// How many of them there are at most: the keys of users must have room beside them.
const WORDS_MAX: usize = 256;

/// What has yet to be told of a server's name.
#[derive(Debug, Default)]
pub(super) struct News {
    /// The instance that is there.
    hosts: Option<ServerId>,
    /// The last one that has ended with something to say, and what.
    words: Option<(ServerId, String)>,
}

/// The way to the node's task.
type Sender = mpsc::Sender<Box<Command>>;
/// The words that are there, and until when.
pub(super) type Kept = BTreeMap<String, Instant>;

impl Mesh {
    /// A key of a member has changed: it may be a server of it, or a topic that it subscribes to.
    pub(in crate::driver) fn hear_of(&self, change: &StateChange) {
        if let Some(server) = change.key.strip_prefix(SERVERS) {
            let instance = change.value.as_deref().map(read_instance);
            self.shared.with(|messaging, _| messaging.note_host(&change.owner, server, instance));
        }
        if let Some(topic) = change.key.strip_prefix(TOPICS) {
            let said = change.value.as_deref();
            let interest = said.and_then(Interest::decode).unwrap_or_default();
            let owner = &change.owner;
            self.shared.with(|messaging, _| messaging.note_interest(owner, topic, interest));
        }
    }

    /// The loop of a member is stuck, or turns again.
    pub(in crate::driver) fn note_stuck(&self, member: &Arc<str>, stuck: bool) {
        self.shared.with(|messaging, _| messaging.note_stuck(member, stuck));
    }
}

/// The key of what the last server of a name has said.
pub(super) fn words_key(server: &str) -> String {
    format!("{WORDS}{server}")
}

impl Shared {
    /// Has others told what this node wants of a topic now.
    pub(super) fn announce_topic(self: &Arc<Self>, state: &mut State, topic: &str) {
        state.topics.insert(topic.to_owned());
        self.tell_soon(state);
    }

    /// Has others told that an instance of a server is here.
    pub(super) fn announce(self: &Arc<Self>, state: &mut State, server: &str, id: ServerId) {
        state.news.entry(server.to_owned()).or_default().hosts = Some(id);
        self.tell_soon(state);
    }

    /// Has others told that it is here no longer, and why, if it said so.
    pub(super) fn recall(
        self: &Arc<Self>,
        state: &mut State,
        server: &str,
        id: ServerId,
        why: &str,
    ) {
        let news = state.news.entry(server.to_owned()).or_default();
        news.hosts = None;
        if !why.is_empty() {
            news.words = Some((id, why.to_owned()));
        }
        self.tell_soon(state);
    }

    /// What comes while something is being told goes together.
    fn tell_soon(self: &Arc<Self>, state: &mut State) {
        if !std::mem::replace(&mut state.telling, true) {
            let task = self.runtime.spawn(tell(Arc::downgrade(self)));
            state.tasks.push(task.abort_handle());
        }
    }
}

/// Tells until there is no more.
async fn tell(shared: Weak<Shared>) {
    while let Some(held) = shared.upgrade() {
        let (news, topics, mut kept, commands) = {
            let mut state = held.lock();
            let (news, topics) =
                (std::mem::take(&mut state.news), std::mem::take(&mut state.topics));
            if (news.is_empty() && topics.is_empty()) || state.closed {
                state.telling = false;
                state.tasks.retain(|task| !task.is_finished());
                return;
            }
            let topics = topics.into_iter().map(|topic| interest(&state.messaging, &topic));
            let topics: Vec<StateWrite> = topics.collect();
            (news, topics, std::mem::take(&mut state.words_kept), state.commands.upgrade())
        };
        drop(held);
        let Some(commands) = commands else { return };
        let now = Instant::now();
        kept.retain(|_, until| *until > now);
        let words = words(&news, &mut kept, now);
        let servers: Vec<StateWrite> = news.into_iter().map(server).chain(topics).collect();
        // In this order: whoever hears that a server is gone has heard why.
        let all = words.iter().chain(&servers).cloned().collect();
        let mut told = write(&commands, all).await;
        if told.as_ref().is_some_and(Result::is_err) && !words.is_empty() {
            // There is no room for words.
            told = write(&commands, servers).await;
        }
        match told {
            None => return,
            Some(Ok(())) => {}
            Some(Err(error)) => {
                warn!(%error, "the others cannot be told of servers and topics of this node");
            }
        }
        if let Some(held) = shared.upgrade() {
            held.lock().words_kept = kept;
        }
    }
}

/// The keys of what servers have said, as far as there is room.
fn words(news: &BTreeMap<String, News>, kept: &mut Kept, now: Instant) -> Vec<StateWrite> {
    let mut writes = Vec::new();
    for (server, News { words, .. }) in news {
        let Some((id, text)) = words else { continue };
        if kept.len() >= WORDS_MAX && !kept.contains_key(server) {
            continue;
        }
        kept.insert(server.clone(), now + WORDS_KEPT);
        let value = Some(words_value(id.0, text));
        writes.push(StateWrite { key: words_key(server), value, ttl: Some(WORDS_KEPT) });
    }
    writes
}

fn server((server, news): (String, News)) -> StateWrite {
    let value = news.hosts.map(|id| instance_value(id.0));
    StateWrite { key: format!("{SERVERS}{server}"), value, ttl: None }
}

/// What this node wants of a topic by now.
fn interest(messaging: &Messaging, topic: &str) -> StateWrite {
    let value = messaging.own_interest(topic).as_ref().map(Interest::encode);
    StateWrite { key: format!("{TOPICS}{topic}"), value, ttl: None }
}

/// Writes to the node's keys; nothing if the node is gone.
async fn write(commands: &Sender, writes: Vec<StateWrite>) -> Option<Result<()>> {
    let (reply, done) = oneshot::channel();
    let request = Request::Write(writes);
    commands.send(Box::new(Command::Request { request, reply })).await.ok()?;
    Some(done.await.ok()?.map(drop))
}
