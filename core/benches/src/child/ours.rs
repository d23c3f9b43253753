//! This library: one `Node` and one reader of its events a member, all on one tokio runtime.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chinwag::{EventKind, Events, Member, MemberState, Node, Replay};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::address;
use super::board::Board;

/// As many as the Go child lets go at once.
const JOINS_IN_FLIGHT: usize = 32;
/// As long as the Go child waits before a refused join is tried again.
const RETRY: Duration = Duration::from_millis(100);
/// The size of the metadata: that of the other peers.
const META_LEN: usize = 64;

/// The nodes of this process. A killed one is gone from its slot.
pub(super) struct Cluster {
    runtime: Runtime,
    profile: &'static str,
    nodes: Vec<Option<Node>>,
}

impl Cluster {
    pub(super) fn new(profile: &'static str) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(Self { runtime, profile, nodes: Vec::new() })
    }
}

impl super::Cluster for Cluster {
    fn peer(&self) -> String {
        format!("chinwag {}", env!("CARGO_PKG_VERSION"))
    }

    fn start(&mut self, board: &Arc<Board>) -> io::Result<()> {
        for index in 0..board.nodes() {
            let builder = Node::builder()
                .name(name(index))
                .bind(&address(index).to_string())
                .option("profile", self.profile)
                .option("meta", meta(0).as_str());
            let node = self.runtime.block_on(builder.start()).map_err(io::Error::other)?;
            board.joined(index);
            let reader = Reader { index, board: Arc::clone(board) };
            self.runtime.spawn(reader.run(node.events(Replay::Yes)));
            self.nodes.push(Some(node));
        }
        Ok(())
    }

    fn join(&mut self, board: &Board, limit: Duration) -> u64 {
        let deadline = Instant::now() + limit;
        let retries = Arc::new(AtomicU64::new(0));
        let slots = Arc::new(Semaphore::new(JOINS_IN_FLIGHT));
        let mut joins = JoinSet::new();
        for node in self.nodes.iter().skip(1).flatten().cloned() {
            let join = join_one(node, Arc::clone(&slots), Arc::clone(&retries));
            let within = async move { timeout_at(deadline, join).await };
            joins.spawn_on(within, self.runtime.handle());
        }
        board.wait(limit);
        self.runtime.block_on(joins.join_all());
        retries.load(Ordering::SeqCst)
    }

    fn update(&mut self, node: usize, version: u64) {
        if let Some(node) = self.nodes[node].clone() {
            // The rumour goes its way whether or not anybody waits for this.
            self.runtime.spawn(async move { node.set_meta(meta(version).into_bytes()).await });
        }
    }

    fn kill(&mut self, node: usize) {
        if let Some(node) = self.nodes[node].take() {
            node.abort();
        }
    }
}

async fn join_one(node: Node, slots: Arc<Semaphore>, retries: Arc<AtomicU64>) {
    let seed = address(0).to_string();
    loop {
        let slot = slots.acquire().await;
        let joined = node.join([seed.as_str()]).await;
        drop(slot);
        if joined.is_ok() {
            return;
        }
        retries.fetch_add(1, Ordering::SeqCst);
        sleep(RETRY).await;
    }
}

/// Writes the events of one node to the board.
struct Reader {
    index: usize,
    board: Arc<Board>,
}

impl Reader {
    async fn run(self, mut events: Events) {
        while let Some(event) = events.next().await {
            match &event.kind {
                EventKind::MemberJoin(_) => self.board.joined(self.index),
                EventKind::MemberFailed(member) | EventKind::MemberLeave(member) => {
                    self.about(member, |subject| self.board.failed(self.index, subject));
                }
                EventKind::MemberSuspect(member) => {
                    self.about(member, |subject| self.board.suspected(self.index, subject));
                }
                EventKind::MemberUpdate { member, .. } => self.updated(member),
                EventKind::EventsLost { members, .. } => self.resume(members),
                _ => {}
            }
        }
    }

    /// Events were lost: takes over what their snapshot says instead.
    fn resume(&self, members: &[Member]) {
        let present = members.iter().filter(|member| member.state().is_present()).count();
        self.board.recount(self.index, 1 + present);
        for member in members {
            if member.state() == MemberState::Failed {
                self.about(member, |subject| self.board.known_dead(self.index, subject));
            }
            self.updated(member);
        }
    }

    fn updated(&self, member: &Member) {
        let version = std::str::from_utf8(member.meta()).ok().and_then(|text| {
            let digits = text.trim_end();
            digits.parse().ok()
        });
        if let Some(version) = version {
            self.about(member, |subject| self.board.updated(self.index, subject, version));
        }
    }

    fn about(&self, member: &Member, tell: impl FnOnce(usize)) {
        if let Some(subject) = index_of(member.name()).filter(|index| *index < self.board.nodes()) {
            tell(subject);
        }
    }
}

fn name(index: usize) -> String {
    format!("n{index:05}")
}

fn index_of(name: &str) -> Option<usize> {
    name.strip_prefix('n')?.parse().ok()
}

fn meta(version: u64) -> String {
    format!("{version:<META_LEN$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_meta_read_back() {
        assert_eq!(index_of(&name(517)), Some(517));
        assert_eq!(meta(9).len(), META_LEN);
        assert_eq!(meta(9).trim_end(), "9");
    }
}
