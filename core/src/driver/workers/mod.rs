//! Processes of the same host that attach to this member, without being members.
//!
//! The member listens on a Unix socket (`door`) and has a mesh of its own with its workers. What a
//! worker asks for goes through `desk`; what it is told comes from `feed`. `served` hands what is
//! said to a server of workers to one of them, `bridge` carries the items of calls that stream,
//! `topics` what is published, and `turns` knows whose loops are stuck. On the other side,
//! `attached` finds the member, and `worker` is the task that takes the place of the engine's. Why
//! it is so: `docs/decisions/0039-workers-of-one-host.md`.

mod attached;
mod bridge;
mod desk;
mod door;
mod feed;
mod served;
mod topics;
mod turns;
mod worker;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tracing::warn;

pub(crate) use self::attached::{Parts, attach};
use self::door::Door;
use self::served::Served;
use self::topics::Topics;
use super::loops::Warned;
use super::mesh::{Local, Mailbox, Mesh, Request, Sight, Ticket};
use super::placement::Placement;
use super::{Board, Command};
use crate::attach;
use crate::config::{Overflow, RingSettings};
use crate::error::{Error, Result};
use crate::event::{EventKind, Warning, WarningCode};
use crate::member::LoopState;
use crate::messaging::{Limits, LinkId, MailboxLimits, Payload, Role};
use crate::stats::Stats;

/// The way to the node's task.
type Commands = mpsc::WeakSender<Box<Command>>;

/// Workers that may be attached at the same time.
const WORKERS_MAX: usize = 256;
/// Messages of one worker that may be under way, and other things that it may ask for.
const RELAYED_MAX: usize = 65_536;
const WISHES_MAX: usize = 256;
/// What may wait at the desk, which is cleared at once; nothing more is read with a quarter of it.
const DESK_LIMITS: MailboxLimits = MailboxLimits { messages: 65_536, bytes: 256 << 20 };

/// The workers of a member. Closed with it.
#[derive(Debug)]
pub(crate) struct Hub {
    /// The process that has the tasks.
    pid: u32,
    door: Door,
    board: Arc<Board>,
    /// The messages between members, and those with workers.
    cluster: Arc<Mesh>,
    local: Arc<Mesh>,
    placement: Arc<Placement>,
    commands: Commands,
    runtime: runtime::Handle,
    settings: Settings,
    /// Publications that were to go to a worker which is gone, or took none.
    missed: AtomicU64,
    state: Mutex<State>,
}

/// What a worker takes over, and what bounds it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) ring: RingSettings,
    pub(crate) message_max: usize,
    /// Bytes that may wait for one worker.
    pub(crate) outbox_bytes: usize,
    /// Of a server of workers, as of one of this process.
    pub(crate) mailbox: MailboxLimits,
}

/// What a hub stands on.
pub(crate) struct Ground<'a> {
    pub(crate) board: &'a Arc<Board>,
    pub(crate) cluster: &'a Arc<Mesh>,
    pub(crate) placement: &'a Arc<Placement>,
    pub(crate) commands: Commands,
}

#[derive(Debug, Default)]
struct State {
    /// By the names that they have here.
    workers: BTreeMap<Arc<str>, Worker>,
    served: BTreeMap<String, Arc<Served>>,
    /// Connections, whether they have greeted or not.
    open: usize,
    tasks: Vec<AbortHandle>,
    /// Of whose loops was warned.
    warned: Warned,
    counters: Counters,
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    attached: u64,
    refused: u64,
    dropped: u64,
}

/// A worker that is attached.
#[derive(Debug)]
struct Worker {
    link: LinkId,
    _feed: Running,
    relayed: Arc<Semaphore>,
    wishes: Arc<Semaphore>,
    topics: Topics,
    /// How its loop does.
    turns: LoopState,
}

/// A task that runs for as long as this is there.
#[derive(Debug)]
struct Running(AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Hub {
    /// Listens for workers at that path, on the current runtime.
    ///
    /// # Errors
    /// `bind_failed`.
    pub(crate) async fn open(
        path: &std::path::Path,
        settings: Settings,
        ground: Ground<'_>,
    ) -> Result<Arc<Self>> {
        let (door, listener) = Door::open(path).await?;
        let local = Mesh::local(Local {
            name: ground.board.local().name().to_owned(),
            role: Role::Hub,
            limits: limits(settings.outbox_bytes, Overflow::Reject),
            payload_max: settings.message_max,
            seed: super::sockets::entropy()?,
            sight: Sight::default(),
            commands: ground.commands.clone(),
        });
        let hub = Arc::new(Self {
            pid: std::process::id(),
            door,
            board: Arc::clone(ground.board),
            cluster: Arc::clone(ground.cluster),
            local,
            placement: Arc::clone(ground.placement),
            commands: ground.commands,
            runtime: runtime::Handle::current(),
            settings,
            missed: AtomicU64::new(0),
            state: Mutex::default(),
        });
        let mailbox = hub.local.open_desk(DESK_LIMITS)?;
        hub.keep(desk::keep(Arc::downgrade(&hub), mailbox));
        hub.keep(door::answer(Arc::downgrade(&hub), listener));
        Ok(hub)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs something for as long as the hub is open.
    fn keep(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let task = self.runtime.spawn(task).abort_handle();
        let mut state = self.lock();
        if state.closed {
            task.abort();
        }
        state.tasks.retain(|task| !task.is_finished());
        state.tasks.push(task.clone());
        task
    }

    /// Adds what has been seen of workers. Casts that a worker did not take on were not served.
    pub(crate) fn count(&self, stats: &mut Stats) {
        let state = self.lock();
        stats.workers = state.workers.len() as u64;
        stats.workers_attached = state.counters.attached;
        stats.workers_refused = state.counters.refused;
        stats.workers_dropped = state.counters.dropped;
        drop(state);
        stats.publications_missed += self.missed.load(Ordering::Relaxed);
        let mut handed = Stats::default();
        self.local.count(&mut handed);
        let lost = handed.casts_dropped + handed.casts_lost + handed.casts_in_doubt;
        stats.casts_served = stats.casts_served.saturating_sub(lost);
        stats.casts_dropped += handed.casts_dropped;
        stats.casts_lost += handed.casts_lost;
        stats.casts_in_doubt += handed.casts_in_doubt;
        stats.frames_malformed += handed.frames_malformed;
    }

    fn count_missed(&self, publications: u64) {
        self.missed.fetch_add(publications, Ordering::Relaxed);
    }

    /// Ends everything at once, from any thread.
    pub(crate) fn close(&self) {
        if std::process::id() != self.pid {
            return;
        }
        let mut state = self.lock();
        state.closed = true;
        let tasks = std::mem::take(&mut state.tasks);
        let served = std::mem::take(&mut state.served);
        state.workers.clear();
        drop(state);
        tasks.iter().for_each(AbortHandle::abort);
        drop(served);
        self.local.close();
        self.door.close();
    }

    /// A connection is over, since this side let go of it or not.
    async fn gone(self: &Arc<Self>, link: LinkId, let_go: bool) {
        let served: Vec<Arc<Served>> = {
            let mut state = self.lock();
            state.counters.dropped += u64::from(let_go);
            // It may be back under its name, over another connection.
            state.workers.retain(|_, worker| worker.link != link);
            state.served.values().cloned().collect()
        };
        self.compare_loops();
        for served in served {
            // Whoever waits for an answer of this worker's is told that it is gone, and not that
            // nobody serves the name: that comes after.
            served.settled(link).await;
            self.unserve(link, served.name(), "");
        }
    }

    /// Lets go of a worker that does not read.
    fn drop_worker(&self, name: &str, why: &Error) {
        let Some(link) = self.local.link_to(name) else { return };
        warn!(worker = name, %why, "a worker is let go");
        self.local.let_go(link);
    }

    /// Tells the users of this node and of its workers that something is wrong.
    fn complain(&self, code: WarningCode, subject: &str, text: String) {
        warn!(code = code.as_str(), subject, "{text}");
        let warning = Warning { code, subject: subject.to_owned(), text };
        self.board.post(EventKind::Warning(Arc::new(warning)));
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.close();
    }
}

/// What bounds the messages between a member and its workers.
const fn limits(outbox_bytes: usize, overflow: Overflow) -> Limits {
    Limits {
        message_max: attach::BODY_MAX,
        outbox_bytes,
        outbox_age: Duration::from_secs(30),
        overflow,
    }
}

/// Hands the outcome of what was asked elsewhere back to who has asked, unless that one gives up.
/// Its place among what is under way is free by then.
async fn pass_back<P>(
    request: Request,
    mut ticket: Ticket,
    place: P,
    own: impl FnOnce(Error) -> Error,
) {
    let outcome = tokio::select! {
        outcome = poll_fn(|context| ticket.poll_outcome(context)) => Some(outcome),
        () = request.given_up() => None,
    };
    drop(place);
    match outcome {
        Some(outcome) => {
            request.reply(outcome.map_err(own));
        }
        None => request.forget(),
    }
}

/// The payload of a message that says no more.
fn nothing() -> Payload {
    Payload::default()
}

/// Whoever keeps a mailbox of the hub's has it as that.
type Inbox = Arc<Mailbox>;
