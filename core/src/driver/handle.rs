//! The facade's end of a node's task.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time;
use tracing::warn;

use super::finds::Finds;
use super::mesh::{Credentials, Start};
use super::placement::Placement;
use super::seeds::Seeds;
use super::store::{self, Store};
#[cfg(unix)]
use super::workers::{self, Hub};
use super::{
    Board, Command, Driver, Inlets, Mailbox, Mesh, ReplyTo, Rings, Sockets, keys, names, sockets,
    tcp,
};
use crate::config::{MessageSettings, Settings};
use crate::discovery::Source;
use crate::engine::{Engine, Reply, Setup};
use crate::error::{Error, Result};
use crate::member::Pool;
use crate::messaging::{Limits, MailboxLimits};
use crate::ring::Ring;
use crate::snapshot::Snapshot;
use crate::stats::Stats;
use crate::wire::Security;

/// A running driver. Dropped: the driver stops.
#[derive(Debug)]
pub(crate) struct Handle {
    board: Arc<Board>,
    store: Option<Arc<Store>>,
    /// Boxed, because a channel of tokio's sets aside room for 32.
    commands: mpsc::Sender<Box<Command>>,
    /// Held by the one request that is being sent: several that wait for room in a channel are
    /// woken together, and which of them is first is the runtime's choice.
    turn: tokio::sync::Mutex<()>,
    mesh: Arc<Mesh>,
    /// Mailboxes whose servers nobody else holds.
    served: Mutex<Vec<Arc<Mailbox>>>,
    /// What holds for messages of which nothing else is said.
    messages: MessageSettings,
    placement: Arc<Placement>,
    /// Those that are attached to this member, if any may.
    hub: Option<Arc<Hub>>,
    /// This process is no member: it is attached to one.
    attached: bool,
    /// Where what is begun later runs.
    runtime: runtime::Handle,
    /// The outcome of the first join, once it is known; none without seeds.
    joined: Option<watch::Receiver<Option<Result<Reply>>>>,
    require_join: bool,
    /// What the sources of discovery have found, if there are any.
    finds: Option<Arc<Finds>>,
    /// Others wait for what this node says of its slots, so it has a ring from the start.
    hands_off: bool,
    /// How long looking a seed's name up may take.
    lookup_limit: Duration,
    tasks: Vec<JoinHandle<()>>,
    #[cfg(feature = "signals")]
    signals: std::sync::OnceLock<crate::signals::Guard>,
}

/// Commands that wait for the node's task; a caller waits when there are more.
const COMMANDS_MAX: usize = 16;
/// Bytes that may wait for a server, whatever their number.
pub(crate) const MAILBOX_BYTES: usize = 64 << 20;
/// Between two warnings that there is no protection.
const WARNING_PAUSE: Duration = Duration::from_secs(60 * 60);

impl Handle {
    pub(crate) async fn start(settings: Settings, strategies: Vec<Source>) -> Result<Self> {
        match settings.attach.clone() {
            Some(path) => Self::attach(path, &settings).await,
            None => Self::be_member(settings, strategies).await,
        }
    }

    async fn be_member(settings: Settings, strategies: Vec<Source>) -> Result<Self> {
        let sources = sources(&settings, strategies)?;
        let mut security = settings.security.clone();
        security.keyring = keys::load(settings.keys.clone(), &security.label).await?;
        let (store, held) = remembered(&settings).await?;
        let bound = sockets::bind(&settings)?;
        let setup = setup(&settings, security, bound.advertise, held.as_ref())?;
        let (lookup_limit, started) = (setup.protocol.tcp_timeout, setup.started);
        let now = super::clock::now();
        let mut engine = Engine::new(now, setup);
        engine.share_members(pool());
        let board = Board::new(engine.local().clone(), settings.event_buffer);
        board.set_keys(engine.keys());
        let credentials = credentials(&settings, engine.local().name()).await?;
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let placement = Arc::new(Placement::new(settings.ring.clone()));
        let rings = Rings { placement: Arc::clone(&placement), commands: commands.downgrade() };
        let mesh = messages(&settings, &engine, started, &rings)?;
        let mesh = Mesh::new(&board, Start { credentials, ..mesh });
        let hub = open_hub(&settings, &board, &mesh, &rings).await?;
        let (streams, reports) = tcp::Streams::new();
        let shell = Sockets {
            board: Arc::clone(&board),
            mesh: Arc::clone(&mesh),
            rings,
            udp: Arc::new(bound.udp),
            streams,
            exposed: settings.exposed,
            pending: BTreeMap::new(),
            failed: Vec::new(),
            unsent: 0,
            warned: Default::default(),
        };
        let driver = Box::new(Driver::new(engine, now, shell));
        let inlets = Inlets { commands: inbox, reports, door: tcp::Door::new(bound.tcp) };
        let mut tasks = vec![tokio::spawn(driver.run(inlets))];
        tasks.extend(settings.exposed.then(|| tokio::spawn(keep_warning(bound.advertise))));
        if let Some(store) = &store {
            tasks.push(tokio::spawn(store::keep(Arc::clone(store), Arc::clone(&board))));
        }
        let known = known(&settings, held)?;
        let finds = (!sources.is_empty()).then(|| Finds::begin(sources, &board, &mut tasks));
        let joined = seeds(&settings, known, finds.clone()).map(|seeds| {
            let (outcome, first) = watch::channel(None);
            let (commands, board) = (commands.downgrade(), Arc::clone(&board));
            tasks.push(tokio::spawn(seeds.keep_joined(commands, board, outcome)));
            first
        });
        Ok(Self {
            board,
            store,
            commands,
            turn: tokio::sync::Mutex::default(),
            joined,
            finds,
            mesh,
            served: Mutex::default(),
            messages: settings.messages,
            placement,
            hub,
            attached: false,
            runtime: runtime::Handle::current(),
            require_join: settings.require_join,
            hands_off: settings.protocol.handoff_timeout > Duration::ZERO,
            lookup_limit,
            tasks,
            #[cfg(feature = "signals")]
            signals: std::sync::OnceLock::new(),
        })
    }

    /// As a worker of the member that listens at that path.
    #[cfg(unix)]
    async fn attach(path: PathBuf, settings: &Settings) -> Result<Self> {
        let parts = workers::attach(path, settings, COMMANDS_MAX).await?;
        let workers::Parts { board, mesh, placement, commands, task } = parts;
        Ok(Self {
            board,
            store: None,
            commands,
            joined: None,
            finds: None,
            mesh,
            served: Mutex::default(),
            messages: settings.messages.clone(),
            placement,
            hub: None,
            attached: true,
            turn: tokio::sync::Mutex::default(),
            runtime: runtime::Handle::current(),
            require_join: false,
            hands_off: false,
            lookup_limit: settings.protocol.tcp_timeout,
            tasks: vec![task],
            #[cfg(feature = "signals")]
            signals: std::sync::OnceLock::new(),
        })
    }

    #[cfg(not(unix))]
    async fn attach(_: PathBuf, _: &Settings) -> Result<Self> {
        Err(no_workers())
    }

    pub(crate) fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Adds what the board does not count.
    pub(crate) fn count(&self, stats: &mut Stats) {
        self.mesh.count(stats);
        self.finds.iter().for_each(|finds| finds.count(stats));
        #[cfg(unix)]
        self.hub.iter().for_each(|hub| hub.count(stats));
    }

    pub(crate) fn mesh(&self) -> &Arc<Mesh> {
        &self.mesh
    }

    /// Registers a server, and has others told of it.
    pub(crate) fn serve(&self, name: &str, limits: MailboxLimits) -> Result<Mailbox> {
        self.mesh.serve(name, limits)
    }

    /// Keeps a mailbox whose server runs for as long as the node.
    pub(crate) fn keep_served(&self, mailbox: Arc<Mailbox>) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if served.len() == served.capacity() {
            // Not at each: whoever registers many would have all looked at each time.
            served.retain(|held| !held.is_ended());
            let live = served.len();
            served.reserve(live.max(16));
        }
        served.push(mailbox);
    }

    /// Finishes the messages that are under way, and waits for that no longer than so.
    pub(crate) async fn finish(&self, limit: Duration) {
        let _ = time::timeout(limit, self.mesh.drain()).await;
    }

    /// Where what is begun later runs.
    pub(crate) const fn runtime(&self) -> &runtime::Handle {
        &self.runtime
    }

    /// Runs something until it is over, or the node's runtime is.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.runtime.spawn(task).abort_handle()
    }

    pub(crate) const fn call_timeout(&self) -> Duration {
        self.messages.call_timeout
    }

    /// How long the loop that this node serves may take to turn; none if nobody wants to know.
    #[cfg(feature = "host")]
    pub(super) fn loop_stuck(&self) -> Option<Duration> {
        Some(self.messages.loop_stuck).filter(|span| !span.is_zero())
    }

    /// The way to the node's task.
    #[cfg(feature = "host")]
    pub(super) const fn commands(&self) -> &mpsc::Sender<Box<Command>> {
        &self.commands
    }

    pub(crate) const fn mailbox(&self) -> usize {
        self.messages.mailbox
    }

    /// The cluster's ring.
    pub(crate) fn ring(&self) -> Ring {
        self.placement.ring(&self.board, &self.runtime, self.commands.downgrade())
    }

    /// Those that were before it and are kept, the newest first.
    pub(crate) fn past_rings(&self) -> Vec<Ring> {
        self.placement.past()
    }

    /// Keeps the farewell on a signal in force as long as the node lives.
    #[cfg(feature = "signals")]
    pub(crate) fn keep(&self, guard: crate::signals::Guard) {
        let _ = self.signals.set(guard);
    }

    /// Waits until the seeds have been tried.
    pub(crate) async fn ready(&self) -> Result<()> {
        if let Some(mut joined) = self.joined.clone() {
            let outcome = joined.wait_for(Option::is_some).await.map_err(|_| Error::closed())?;
            match &*outcome {
                Some(Err(error)) if self.require_join => return Err(error.clone()),
                // No seeds, and no source that knows anybody.
                Some(Ok(Reply::Joined(0))) if self.require_join => {
                    return Err(Error::join_failed(Vec::new()));
                }
                _ => {}
            }
        }
        if self.hands_off {
            self.ring();
        }
        Ok(())
    }

    /// Sends a command and waits for its outcome.
    pub(crate) async fn send(&self, command: impl FnOnce(ReplyTo) -> Command) -> Result<Reply> {
        let (reply, outcome) = oneshot::channel();
        {
            let _turn = self.turn.lock().await;
            self.commands.send(Box::new(command(reply))).await.map_err(|_| Error::closed())?;
        }
        outcome.await.map_err(|_| Error::closed())?
    }

    /// Looks the seeds up, then joins through what was found.
    pub(crate) async fn join(&self, seeds: Vec<String>) -> Result<Reply> {
        let (targets, failed) = names::resolve(seeds, self.lookup_limit).await;
        self.send(|reply| Command::Join { targets, failed, again: false, reply }).await
    }

    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(Box::new(Command::Close { done })).await.is_ok() {
            let _ = closed.await;
        }
        self.save().await;
        self.abort();
    }

    /// Writes the snapshot, if there is one and it holds anything else.
    pub(crate) async fn save(&self) {
        let Some(store) = self.store.clone() else { return };
        let board = Arc::clone(&self.board);
        let saved = tokio::task::spawn_blocking(move || store.save(&board)).await;
        if let Ok(Err(error)) = saved {
            warn!(%error, "the snapshot could not be written");
        }
    }

    /// Stops at once, from any thread.
    pub(crate) fn abort(&self) {
        for task in &self.tasks {
            task.abort();
        }
        #[cfg(unix)]
        self.hub.iter().for_each(|hub| hub.close());
        self.mesh.close();
        self.placement.abort();
        if let Some(store) = &self.store {
            store.release();
        }
        self.board.close();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.board.is_closed() {
            let name = self.board.local();
            if name.state().is_present() && !self.attached {
                warn!(name = name.name(), "dropped without leave and close; peers see a failure");
            }
            self.abort();
        }
    }
}

/// Has workers attach to this member, if they may.
#[cfg(unix)]
async fn open_hub(
    settings: &Settings,
    board: &Arc<Board>,
    mesh: &Arc<Mesh>,
    rings: &Rings,
) -> Result<Option<Arc<Hub>>> {
    let Some(path) = &settings.workers else { return Ok(None) };
    let bounds = workers::Settings {
        ring: settings.ring.clone(),
        message_max: settings.messages.message_max,
        outbox_bytes: settings.messages.outbox_bytes,
        mailbox: MailboxLimits { messages: settings.messages.mailbox, bytes: MAILBOX_BYTES },
    };
    let ground = workers::Ground {
        board,
        cluster: mesh,
        placement: &rings.placement,
        commands: rings.commands.clone(),
    };
    Hub::open(path, bounds, ground).await.map(Some)
}

#[cfg(not(unix))]
type Hub = std::convert::Infallible;

#[cfg(not(unix))]
async fn open_hub(
    settings: &Settings,
    _: &Arc<Board>,
    _: &Arc<Mesh>,
    _: &Rings,
) -> Result<Option<Arc<Hub>>> {
    settings.workers.as_ref().map_or(Ok(None), |_| Err(no_workers()))
}

#[cfg(not(unix))]
fn no_workers() -> Error {
    Error::new(ErrorKind::Unsupported, "workers attach through a Unix socket, and there are none")
}

/// What the engine begins with.
fn setup(
    settings: &Settings,
    security: Security,
    advertise: SocketAddr,
    held: Option<&Snapshot>,
) -> Result<Setup> {
    Ok(Setup {
        name: settings.name.clone().unwrap_or_else(sockets::default_name),
        advertise,
        meta: settings.meta.clone(),
        security,
        nonce: sockets::nonce()?,
        incarnation: super::clock::starting_incarnation(held.map(|held| held.incarnation)),
        started: super::clock::wall_micros(),
        clocks: held.map_or([0; 3], |held| held.clocks),
        protocol: settings.protocol.clone(),
        seed: sockets::entropy()?,
    })
}

/// What the messages of a node begin with.
fn messages(settings: &Settings, engine: &Engine, run: u64, rings: &Rings) -> Result<Start> {
    let bounds = &settings.messages;
    let limits = Limits {
        message_max: bounds.message_max,
        outbox_bytes: bounds.outbox_bytes,
        outbox_age: bounds.outbox_age,
        overflow: bounds.outbox_overflow,
    };
    let (seed, security) = (sockets::entropy()?, Arc::clone(engine.security()));
    let (commands, placement) = (rings.commands.clone(), Arc::clone(&rings.placement));
    Ok(Start { run, limits, seed, security, credentials: None, commands, placement })
}

/// What the member of that name shows on connections for messages.
async fn credentials(settings: &Settings, name: &str) -> Result<Option<Arc<Credentials>>> {
    let Some(files) = settings.tls.clone() else { return Ok(None) };
    Credentials::load(files, &settings.security.label, name).await.map(Some)
}

/// What the nodes of this process share, as long as there are any. In a forked child it is not that
/// of the parent: somebody may have held its lock, and is not there any more to let go of it.
fn pool() -> Arc<Pool> {
    static POOL: Mutex<(u32, Weak<Pool>)> = Mutex::new((0, Weak::new()));

    // For the same reason, nobody waits here; one of its own is as good.
    let Ok(mut shared) = POOL.try_lock() else { return Arc::default() };
    let process = std::process::id();
    let pool = shared.1.upgrade().filter(|_| shared.0 == process).unwrap_or_default();
    *shared = (process, Arc::downgrade(&pool));
    pool
}

/// What is asked where members are: options, and code.
fn sources(settings: &Settings, strategies: Vec<Source>) -> Result<Vec<Source>> {
    let urls = settings.discovery.iter().map(|url| Source::parse(url));
    urls.chain(strategies.into_iter().map(Ok)).collect()
}

/// What to join, if anybody is to be joined.
fn seeds(settings: &Settings, known: Vec<SocketAddr>, finds: Option<Arc<Finds>>) -> Option<Seeds> {
    if settings.seeds.is_empty() && known.is_empty() && finds.is_none() {
        return None;
    }
    let (limit, pace) = (settings.protocol.tcp_timeout, settings.protocol.reconnect_interval);
    let waits = settings.await_first_lookup || settings.require_join;
    let seeds = Seeds::new(settings.seeds.clone(), known, limit, pace);
    Some(seeds.and_found(finds, waits))
}

/// The members of the last run, if they are to be tried.
fn known(settings: &Settings, held: Option<Snapshot>) -> Result<Vec<SocketAddr>> {
    let held = held.filter(|held| settings.rejoin_after_leave || !held.left);
    held.map_or(Ok(Vec::new()), |held| members_of(&held))
}

/// The members of the last run, from a random one on: after a restart of all, they must not all ask
/// the same few.
fn members_of(held: &Snapshot) -> Result<Vec<SocketAddr>> {
    let mut known = store::seeds(held);
    if !known.is_empty() {
        let first = usize::try_from(sockets::entropy()?).unwrap_or_default() % known.len();
        known.rotate_left(first);
    }
    Ok(known)
}

/// The file of the snapshot, and what it holds from the last run.
async fn remembered(settings: &Settings) -> Result<(Option<Arc<Store>>, Option<Snapshot>)> {
    let Some(path) = settings.snapshot.clone() else { return Ok((None, None)) };
    let cluster = settings.security.label.clone();
    let opened = tokio::task::spawn_blocking(move || Store::open(&path, &cluster)).await;
    let (store, held) = opened.map_err(|_| Error::closed())??;
    Ok((Some(Arc::new(store)), held))
}

/// Says at the start, and every hour, that the node is not protected.
async fn keep_warning(addr: SocketAddr) {
    loop {
        warn!(%addr, "plaintext is let through: whoever reaches the port can read and change it");
        time::sleep(WARNING_PAUSE).await;
    }
}
