//! The facade: a node, what it knows, and what it can be told to do.

mod builder;
mod events;
mod loops;
mod map;
mod messages;
mod ring;
mod serf;
mod state;
mod talk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use self::builder::Builder;
pub use self::events::Events;
pub use self::map::{Map, MapEntry, MapWatch, MapWatched};
pub use self::messages::{
    Answer, Call, CallStream, Cast, Casting, Failure, IntoPayload, IntoTarget, Monitor, Publish,
    Replies, Sending, Served, Server, Serving, Subscribing,
};
pub use self::state::{Entry, Watch, Watched};
use crate::config::{Config, check_meta, encode_tags};
use crate::discovery::Source;
#[cfg(feature = "host")]
pub(crate) use crate::driver::Turns;
#[cfg(feature = "host")]
pub(crate) use crate::driver::mesh::{
    Caller, Follower, Mailbox, Mesh, Published, Request as Asked, Stream as StreamEnd, Subscriber,
};
use crate::driver::{Board, Command, Handle};
use crate::engine::{KeyChange, Reply, Request};
use crate::error::Result;
use crate::member::{Member, Tags};
use crate::metrics;
use crate::stats::Stats;
use crate::wire::KeyInfo;

/// Whether a new subscriber is first told about the members that are already here.
///
/// The first one of a node is also told, before anything new, what was said to the node while
/// nobody listened: messages, queries, warnings and the like, the last 256 and 1 MiB at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// One `member-join` for each present member, then `replay-done`, then what happens.
    Yes,
    /// Only what happens from now on.
    No,
}

/// How long a farewell on a signal may take.
#[cfg(feature = "signals")]
const SIGNAL_LEAVE: Duration = Duration::from_secs(5);

/// A running node. Clones share it. Dropping the last one without [`Node::close`] stops it without
/// a farewell: the others will see a failure.
#[derive(Clone, Debug)]
pub struct Node {
    handle: Arc<Handle>,
}

impl Node {
    /// Options to start a node with.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts a node on the current tokio runtime.
    ///
    /// Returns once the address is bound and the seeds have been tried. Being alone is success
    /// unless `require_join` is set; the seeds are tried again while it lasts.
    ///
    /// # Errors
    /// `bad_config`, `too_large`, `bind_failed`, `join_failed` (only with `require_join`).
    pub async fn start(config: &Config) -> Result<Self> {
        Self::start_with(config, Vec::new()).await
    }

    /// The same, with code that finds members beside the sources that are options.
    async fn start_with(config: &Config, strategies: Vec<Source>) -> Result<Self> {
        let node = Self::bind(config, strategies).await?;
        if config.settings()?.handle_signals {
            node.leave_on_signals()?;
        }
        if let Err(error) = node.ready().await {
            // It reached nobody, so there is nobody to say goodbye to.
            node.close().await;
            return Err(error);
        }
        Ok(node)
    }

    /// The signals' thread waits for the farewell on the caller's runtime.
    #[cfg(feature = "signals")]
    fn leave_on_signals(&self) -> Result<()> {
        let runtime = tokio::runtime::Handle::current();
        let handle = Arc::downgrade(&self.handle);
        let guard = crate::signals::on_terminate(move || {
            let Some(handle) = handle.upgrade() else { return };
            let node = Self { handle };
            runtime.block_on(async {
                if let Err(error) = node.leave(SIGNAL_LEAVE).await {
                    tracing::warn!(%error, "the farewell on a signal was cut short");
                }
                node.close().await;
            });
        })?;
        self.handle.keep(guard);
        Ok(())
    }

    #[cfg(not(feature = "signals"))]
    #[expect(clippy::unused_self, reason = "the same call with and without the feature")]
    fn leave_on_signals(&self) -> Result<()> {
        use crate::error::{Error, ErrorKind};
        let message = "handle_signals needs the feature \"signals\" of the crate";
        Err(Error::new(ErrorKind::BadConfig, message))
    }

    /// Binds and starts a node, without waiting for the seeds.
    pub(crate) async fn bind(config: &Config, strategies: Vec<Source>) -> Result<Self> {
        let handle = Handle::start(config.settings()?, strategies).await?;
        Ok(Self { handle: Arc::new(handle) })
    }

    /// Waits until the seeds have been tried; fails only if the configuration requires one.
    pub(crate) async fn ready(&self) -> Result<()> {
        self.handle.ready().await
    }

    fn board(&self) -> &Arc<Board> {
        self.handle.board()
    }

    /// The local member.
    pub fn local_member(&self) -> Member {
        self.board().local()
    }

    /// The members that are present, alive or suspect, in the order of their names; the local one
    /// is among them until it has left.
    pub fn members(&self) -> Vec<Member> {
        let mut members = self.board().members();
        members.retain(|member| member.state().is_present());
        members
    }

    /// Everybody remembered, failed and departed members included, in the order of their names.
    pub fn known_members(&self) -> Vec<Member> {
        self.board().members()
    }

    /// The member of that name, in whatever state it is remembered.
    pub fn member(&self, name: &str) -> Option<Member> {
        self.board().member(name)
    }

    /// Counters since the start.
    pub fn stats(&self) -> Stats {
        let mut stats = self.board().stats();
        self.handle.count(&mut stats);
        stats
    }

    /// The counters, and how many members are in which state, as OpenMetrics text, which
    /// Prometheus and its kin read. Its media type is
    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    pub fn metrics(&self) -> String {
        metrics::text(&self.stats(), &self.known_members(), &self.local_member())
    }

    /// Subscribes to what happens to the other members.
    pub fn events(&self, replay: Replay) -> Events {
        Events::new(Arc::clone(self.board()), replay)
    }

    /// Joins through `seeds` (`host[:port]`), all at once; how many answered. Dropped before it is
    /// done, it closes its connections and sends nothing more; who was reached before stays a
    /// member.
    ///
    /// # Errors
    /// `join_failed` when none did, with the cause for each; `closed`.
    pub async fn join<I>(&self, seeds: I) -> Result<usize>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let seeds = seeds.into_iter().map(Into::into).collect();
        match self.handle.join(seeds).await? {
            Reply::Joined(count) => Ok(count),
            _ => Ok(0),
        }
    }

    /// Changes tags: `Some` sets, `None` removes, the others stay.
    ///
    /// # Errors
    /// `too_large` when the result does not fit into 512 bytes; nothing is changed then. `closed`.
    pub async fn update_tags<I, K, V>(&self, changes: I) -> Result<()>
    where
        I: IntoIterator<Item = (K, Option<V>)>,
        K: Into<String>,
        V: Into<String>,
    {
        let changes: BTreeMap<String, Option<String>> =
            changes.into_iter().map(|(k, v)| (k.into(), v.map(Into::into))).collect();
        self.handle.send(|reply| Command::UpdateTags { changes, reply }).await.map(drop)
    }

    /// Replaces all tags.
    ///
    /// # Errors
    /// `too_large`, with nothing changed; `closed`.
    pub async fn set_tags(&self, tags: Tags) -> Result<()> {
        let meta = encode_tags(&tags)?;
        self.request(Request::SetMeta(meta)).await
    }

    /// Replaces the metadata.
    ///
    /// # Errors
    /// `too_large`, with nothing changed; `closed`.
    pub async fn set_meta(&self, meta: Vec<u8>) -> Result<()> {
        check_meta(&meta)?;
        self.request(Request::SetMeta(meta)).await
    }

    /// What may be shown of the keys, the primary first; none without encryption.
    pub fn keys(&self) -> Vec<KeyInfo> {
        self.board().keys()
    }

    /// Installs a key, in base64, on this node: from now on it understands what is encrypted under
    /// it. To change the key of a cluster, install the new one everywhere, then use it everywhere,
    /// then remove the old one.
    ///
    /// # Errors
    /// `bad_argument` for what is no key, when there are 8 already, and on a node that was started
    /// without keys; `closed`.
    pub async fn add_key(&self, key: &str) -> Result<()> {
        self.change_keys(KeyChange::add(key)?).await
    }

    /// Encrypts under that key of the ring from now on. It is named by its fingerprint, or written
    /// in base64.
    ///
    /// # Errors
    /// `bad_argument` when the ring has no such key; `closed`.
    pub async fn use_key(&self, key: &str) -> Result<()> {
        self.change_keys(KeyChange::activate(key)?).await
    }

    /// Forgets a key of the ring, named as above.
    ///
    /// # Errors
    /// `bad_argument` when the ring has no such key, or encrypts under it; `closed`.
    pub async fn remove_key(&self, key: &str) -> Result<()> {
        self.change_keys(KeyChange::remove(key)?).await
    }

    pub(crate) async fn change_keys(&self, change: KeyChange) -> Result<()> {
        self.request(Request::Keyring(change)).await
    }

    /// Says goodbye, so that the others see a leave and not a failure. The node stays open, alone
    /// and silent, until it is closed or joins again.
    ///
    /// # Errors
    /// `timeout` when the farewell could not be sent often enough in time; `closed`.
    pub async fn leave(&self, timeout: Duration) -> Result<()> {
        // What is under way is finished first, in half of the time; nothing new is taken on.
        self.handle.finish(timeout / 2).await;
        let outcome = self.request(Request::Leave { timeout }).await;
        self.handle.mesh().reopen();
        // At once: the process may be about to end.
        self.handle.save().await;
        outcome
    }

    async fn request(&self, request: Request) -> Result<()> {
        self.ask(request).await.map(drop)
    }

    async fn ask(&self, request: Request) -> Result<Reply> {
        self.handle.send(|reply| Command::Request { request, reply }).await
    }

    /// Frees sockets and tasks. Without a [`Node::leave`] before it, the others see a failure.
    /// Closing again does nothing.
    pub async fn close(&self) {
        self.handle.close().await;
    }

    /// Stops at once, without a farewell; from any thread.
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// Whether the node is closed.
    pub fn is_closed(&self) -> bool {
        self.board().is_closed()
    }
}
