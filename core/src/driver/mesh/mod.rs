//! Connections for messages, and the tasks around [`Messaging`].
//!
//! What is said goes from the caller's thread to the connection's buffer, and what comes goes from
//! the connection's task to whoever waits for it: nothing of a message passes the node's own task,
//! so that neither waits for the other. One lock is held for as long as a frame takes to be written
//! or read; greeting, encryption and the sockets are outside of it.

mod announce;
mod asking;
mod connection;
mod credentials;
#[cfg(unix)]
mod local;
mod mailbox;
mod monitors;
mod outlet;
mod streaming;
mod subscriber;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time;

pub(crate) use self::asking::Ticket;
pub(super) use self::credentials::Credentials;
#[cfg(unix)]
pub(super) use self::local::{Local, Sight};
pub use self::mailbox::{Mailbox, Request};
pub(crate) use self::monitors::{Followed, Follower};
use self::outlet::Outlet;
pub(crate) use self::streaming::Stream;
pub use self::streaming::{ItemSink, Items};
use self::streaming::{Side, StreamWakers};
use self::subscriber::Reader;
pub use self::subscriber::{Published, Subscriber};
use super::placement::Placement;
use super::{Board, Command, clock};
use crate::config::Overflow;
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::member::{Member, MemberState};
use crate::messaging::{
    Limits, LinkId, Members, Messaging, MonitorId, Output, Payload, ServerId, Setup, StreamId,
    SubscriberId, Tag, Whereabouts,
};
use crate::ring::Ring;
use crate::stats::Stats;
use crate::time::Instant;
use crate::wire::Security;

/// The way to the node's task.
type Commands = mpsc::WeakSender<Box<Command>>;

/// The messages of a node.
#[derive(Debug)]
pub(crate) struct Mesh {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The process that has the tasks. In a forked child, somebody may hold the lock for ever.
    pid: u32,
    state: Mutex<State>,
    /// As the state says, for those who have no need of the lock otherwise.
    closed: AtomicBool,
    /// What is shown on every connection, if that is demanded.
    credentials: Option<Arc<Credentials>>,
    /// Where it is told that they are not good.
    board: Weak<Board>,
    runtime: runtime::Handle,
    /// Whoever is refused for lack of room may wait for it, and so keeps what it sends.
    may_block: bool,
    /// An earlier deadline than the one that is waited for.
    earlier: Notify,
    /// There may be room again for what was refused.
    room: Notify,
    /// Something is under way no longer.
    calmer: Notify,
}

#[derive(Debug)]
struct State {
    messaging: Messaging,
    security: Arc<Security>,
    /// Who waits for a call, by its place.
    callers: Vec<Option<Caller>>,
    lines: BTreeMap<LinkId, Line>,
    /// Who waits for a mailbox.
    pullers: BTreeMap<ServerId, Puller>,
    /// Who waits for something to be published.
    readers: BTreeMap<SubscriberId, Reader>,
    /// Who waits for a server to be down.
    followers: BTreeMap<MonitorId, Follower>,
    /// Who wants to know that nobody waits for an answer any more.
    watchers: BTreeMap<Tag, Waker>,
    /// Who waits for items, or for room for one.
    streams: BTreeMap<StreamId, StreamWakers>,
    /// Connections that have yet to greet, by where they come from.
    greeting: BTreeMap<IpAddr, usize>,
    /// What the deadlines' task waits for.
    armed: Instant,
    timed: bool,
    /// Where the node's task is told of servers and topics, of which it has yet to be told, and
    /// whether somebody is at it.
    commands: Commands,
    news: BTreeMap<String, announce::News>,
    topics: BTreeSet<String>,
    telling: bool,
    words_kept: announce::Kept,
    refused: Refusals,
    tasks: Vec<AbortHandle>,
    closed: bool,
}

/// Who waits for a call.
pub(crate) enum Caller {
    /// A task.
    Task(oneshot::Sender<Result<Payload>>),
    /// Whoever set it up: it must neither wait nor call back.
    #[cfg(feature = "host")]
    Told(Box<dyn FnOnce(Result<Payload>) + Send>),
}

impl Caller {
    pub(crate) fn tell(self, result: Result<Payload>) {
        match self {
            Self::Task(caller) => drop(caller.send(result)),
            #[cfg(feature = "host")]
            Self::Told(tell) => tell(result),
        }
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Caller")
    }
}

/// Connections that came to nothing, by what was wrong.
#[derive(Clone, Copy, Debug, Default)]
struct Refusals {
    greetings: u64,
    keys: u64,
    busy: u64,
    tampered: u64,
}

#[derive(Debug, Default)]
struct Puller {
    waker: Option<Waker>,
    /// It takes note of those who have given up: each of what was handed over, once.
    minds: bool,
    given_up: Vec<Tag>,
    ended: bool,
}

/// A connection, as the state has it.
#[derive(Debug, Default)]
struct Line {
    task: Option<AbortHandle>,
    /// Where it is written to, once both sides have greeted each other.
    outlet: Option<Arc<Outlet>>,
    /// Its writer has something to do.
    work: Arc<Notify>,
    /// It is over.
    stop: Arc<Notify>,
    /// It is closed once everything is written.
    ends: bool,
}

/// Connections that may be greeting at the same time, in all and from one address.
const GREETING_MAX: usize = 256;
const GREETING_PER_SOURCE: usize = 16;

/// The membership's word on where members are.
#[derive(Debug)]
struct OnBoard(Weak<Board>, Arc<Placement>);

impl Members for OnBoard {
    fn find(&self, name: &str) -> Option<Whereabouts> {
        let member = self.0.upgrade()?.member(name)?;
        Some(match member.state() {
            MemberState::Alive | MemberState::Suspect => Whereabouts::Here(member.addr()),
            MemberState::Failed => Whereabouts::Failed,
            MemberState::Left => Whereabouts::Left,
        })
    }

    fn ring(&self) -> Option<Ring> {
        self.1.present()
    }

    fn last_words(&self, member: &str, server: &str) -> Option<Arc<[u8]>> {
        self.0.upgrade()?.shown().get(member, &announce::words_key(server))
    }
}

/// What a node's messages begin with.
pub(super) struct Start {
    pub(super) run: u64,
    pub(super) limits: Limits,
    pub(super) seed: u64,
    pub(super) security: Arc<Security>,
    pub(super) credentials: Option<Arc<Credentials>>,
    pub(super) commands: Commands,
    pub(super) placement: Arc<Placement>,
}

impl Mesh {
    /// Of the node with that board, on the current runtime.
    pub(super) fn new(board: &Arc<Board>, start: Start) -> Arc<Self> {
        let may_block = start.limits.overflow == Overflow::Block;
        let setup = Setup {
            name: board.local().name().to_owned(),
            run: start.run,
            limits: start.limits,
            members: Box::new(OnBoard(Arc::downgrade(board), Arc::clone(&start.placement))),
            seed: start.seed,
        };
        let messaging = Messaging::new(clock::now(), setup);
        let (security, credentials) = (start.security, start.credentials);
        let board = Arc::downgrade(board);
        Self::around(messaging, may_block, (security, credentials), start.commands, board)
    }

    /// The same around those messages.
    fn around(
        messaging: Messaging,
        may_block: bool,
        (security, credentials): (Arc<Security>, Option<Arc<Credentials>>),
        commands: Commands,
        board: Weak<Board>,
    ) -> Arc<Self> {
        let state = State {
            messaging,
            security,
            callers: Vec::new(),
            lines: BTreeMap::new(),
            pullers: BTreeMap::new(),
            readers: BTreeMap::new(),
            followers: BTreeMap::new(),
            watchers: BTreeMap::new(),
            streams: BTreeMap::new(),
            greeting: BTreeMap::new(),
            armed: Instant::NEVER,
            timed: false,
            commands,
            news: BTreeMap::new(),
            topics: BTreeSet::new(),
            telling: false,
            words_kept: BTreeMap::new(),
            refused: Refusals::default(),
            tasks: Vec::new(),
            closed: false,
        };
        let shared = Arc::new(Shared {
            pid: std::process::id(),
            state: Mutex::new(state),
            closed: AtomicBool::new(false),
            credentials,
            board,
            runtime: runtime::Handle::current(),
            may_block,
            earlier: Notify::new(),
            room: Notify::new(),
            calmer: Notify::new(),
        });
        Arc::new(Self { shared })
    }

    /// The keys have changed. Connections that are open stay so.
    pub(super) fn secure(&self, security: &Arc<Security>) {
        self.shared.lock().security = Arc::clone(security);
    }

    /// Follows the members.
    pub(super) fn heard(&self, event: &EventKind) {
        let here = |member: &Member| {
            self.shared.with(|messaging, now| {
                messaging.member_here(now, member.name(), member.addr());
            });
        };
        match event {
            EventKind::MemberJoin(member) | EventKind::MemberRecover(member) => here(member),
            EventKind::MemberUpdate { member, .. } | EventKind::MemberMove { member, .. } => {
                here(member);
            }
            EventKind::MemberFailed(member) => self.gone(member.name(), false),
            EventKind::MemberLeave(member) => self.gone(member.name(), true),
            _ => {}
        }
    }

    fn gone(&self, name: &str, left: bool) {
        self.shared.with(|messaging, now| messaging.member_gone(now, name, left));
    }

    /// Adds what has been sent and received, and what was refused.
    pub(crate) fn count(&self, stats: &mut Stats) {
        let state = self.shared.lock();
        let (counted, refused) = (state.messaging.counters(), state.refused);
        stats.calls_made = counted.calls_made;
        stats.calls_served = counted.calls_served;
        stats.replies_late = counted.replies_late;
        stats.replies_unwanted = counted.replies_unwanted;
        stats.items_sent = counted.items_sent;
        stats.items_received = counted.items_received;
        stats.items_unwanted = counted.items_unwanted;
        stats.casts_sent = counted.casts_sent;
        stats.casts_served = counted.casts_served;
        stats.casts_dropped = counted.casts_dropped;
        stats.casts_lost = counted.casts_lost;
        stats.casts_in_doubt = counted.casts_in_doubt;
        stats.publications_made = counted.publications_made;
        stats.publications_sent = counted.publications_sent;
        stats.publications_received = counted.publications_received;
        stats.publications_dropped = counted.publications_dropped;
        stats.publications_missed = counted.publications_missed;
        stats.requests_expired = counted.requests_expired;
        stats.requests_refused = counted.requests_refused;
        stats.links_opened = counted.links_opened;
        stats.links_accepted = counted.links_accepted;
        stats.links_lost = counted.links_lost;
        let keys = refused.keys + counted.links_unproven;
        let late = refused.greetings + counted.links_nameless;
        stats.links_refused = refused.busy + keys + late;
        stats.links_keys_refused = keys;
        stats.frames_malformed = counted.frames_malformed + refused.tampered;
    }

    /// The time that is so long from now.
    pub(crate) fn deadline(span: Duration) -> Instant {
        clock::now() + span
    }

    /// Who hosts a server.
    pub(crate) fn hosts(&self, server: &str) -> Vec<Arc<str>> {
        self.shared.lock().messaging.hosts(server)
    }

    /// Every server that is known, and how many host it.
    pub(crate) fn known_servers(&self) -> Vec<(String, usize)> {
        self.shared.lock().messaging.known_servers()
    }

    /// A peer has opened a connection for messages, and has begun to greet.
    pub(super) fn adopt(&self, socket: TcpStream, from: SocketAddr, first: Vec<u8>) {
        connection::adopt(&self.shared, socket, from, first);
    }

    /// Takes things on again, after all.
    pub(crate) fn reopen(&self) {
        self.shared.with(Messaging::reopen);
    }

    /// Finishes what is under way, takes nothing new on, and waits until that is done.
    pub(crate) async fn drain(&self) {
        self.shared.with(Messaging::drain);
        loop {
            let calmer = self.shared.calmer.notified();
            if self.shared.lock().messaging.is_idle() {
                return;
            }
            // What is written is not told of.
            let _ = time::timeout(Duration::from_millis(10), calmer).await;
        }
    }

    /// Ends everything at once, from any thread. Whoever waits is told.
    pub(crate) fn close(&self) {
        let mut state = self.shared.lock();
        state.closed = true;
        self.shared.closed.store(true, Ordering::Release);
        state.messaging.end_monitors();
        while let Some(output) = state.messaging.poll_output() {
            // Nothing else is done any more.
            if let Output::Down { monitor, down } = output {
                state.tell_down(monitor, down);
            }
        }
        state.messaging.end_streams(clock::now());
        let lines = std::mem::take(&mut state.lines);
        let tasks = std::mem::take(&mut state.tasks);
        let callers = std::mem::take(&mut state.callers);
        let pullers = std::mem::take(&mut state.pullers);
        let watchers = std::mem::take(&mut state.watchers);
        let readers: Vec<Reader> = state.readers.values_mut().map(Option::take).collect();
        let streams = std::mem::take(&mut state.streams);
        drop(state);
        for line in lines.into_values() {
            line.stop.notify_one();
            line.task.into_iter().for_each(|task| task.abort());
        }
        tasks.iter().for_each(AbortHandle::abort);
        for caller in callers.into_iter().flatten() {
            caller.tell(Err(Error::closed()));
        }
        let pullers = pullers.into_values().filter_map(|puller| puller.waker);
        let wakers = pullers.chain(watchers.into_values()).chain(readers.into_iter().flatten());
        for waker in wakers.chain(streams.into_values().flat_map(StreamWakers::into_wakers)) {
            waker.wake();
        }
    }
}

impl Shared {
    fn is_forked(&self) -> bool {
        std::process::id() != self.pid
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something, and everything that comes of it.
    fn with<T>(self: &Arc<Self>, act: impl FnOnce(&mut Messaging, Instant) -> T) -> T {
        let mut state = self.lock();
        let outcome = act(&mut state.messaging, clock::now());
        self.carry_out(state);
        outcome
    }

    /// Carries out every output.
    fn carry_out(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        self.act(&mut state, false);
    }

    /// The same, but for a connection that whoever asks writes to, if it does that by itself.
    fn act(self: &Arc<Self>, state: &mut State, by_asker: bool) -> Option<LinkId> {
        let mut own = None;
        while let Some(output) = state.messaging.poll_output() {
            match output {
                Output::Dial { link, to } => {
                    let task = connection::dial(self, link, to);
                    if let Some(line) = state.lines.get_mut(&link) {
                        line.task = Some(task);
                    } else {
                        state.lines.insert(link, Line { task: Some(task), ..Line::default() });
                    }
                }
                Output::Write(link) => {
                    let line = state.lines.get(&link);
                    if line.is_some_and(|line| line.has_work(by_asker && own.is_none())) {
                        own = Some(link);
                    }
                }
                Output::Close { link, flush } => state.hang_up(link, flush),
                Output::Settled { call, result } => {
                    let caller = state.callers.get_mut(call.place()).and_then(Option::take);
                    if let Some(caller) = caller {
                        caller.tell(result);
                    }
                }
                Output::Readable(stream) => state.wake_stream(stream, Side::Reader),
                Output::Writable(stream) => state.wake_stream(stream, Side::Writer),
                Output::Ready(server) => {
                    if let Some(puller) = state.pullers.get_mut(&server)
                        && let Some(waker) = puller.waker.take()
                    {
                        waker.wake();
                    }
                }
                Output::Published(subscriber) => {
                    let reader = state.readers.get_mut(&subscriber);
                    reader.and_then(Option::take).into_iter().for_each(Waker::wake);
                }
                Output::GivenUp { tag, server } => {
                    if let Some(waker) = state.watchers.remove(&tag) {
                        waker.wake();
                    }
                    if let Some(puller) = server.and_then(|id| state.pullers.get_mut(&id))
                        && puller.minds
                    {
                        puller.given_up.push(tag);
                        puller.waker.take().into_iter().for_each(Waker::wake);
                    }
                }
                Output::Ended(server) => {
                    if let Some(puller) = state.pullers.get_mut(&server) {
                        puller.ended = true;
                        puller.waker.take().into_iter().for_each(Waker::wake);
                    }
                }
                Output::Down { monitor, down } => state.tell_down(monitor, down),
                Output::Room => self.room.notify_waiters(),
                Output::Doubt(to) => state.tell(Command::Doubt { to }),
                Output::NeedsRing => state.tell(Command::NeedRing),
            }
        }
        self.arm(state);
        own
    }

    /// Has the next deadline waited for.
    fn arm(self: &Arc<Self>, state: &mut State) {
        let next = state.messaging.next_deadline();
        if next < state.armed && !state.closed {
            if !std::mem::replace(&mut state.timed, true) {
                let task = self.runtime.spawn(keep_time(Arc::downgrade(self)));
                state.tasks.push(task.abort_handle());
            }
            state.armed = next;
            self.earlier.notify_one();
        }
    }
}

impl State {
    /// Tells the node's task something that it may do without: when it has much to do, it does.
    fn tell(&self, command: Command) {
        if let Some(commands) = self.commands.upgrade() {
            let _ = commands.try_send(Box::new(command));
        }
    }

    fn hang_up(&mut self, link: LinkId, flush: bool) {
        if flush && let Some(line) = self.lines.get_mut(&link) {
            line.ends = true;
            line.work.notify_one();
        } else if let Some(line) = self.lines.remove(&link) {
            line.stop.notify_one();
            line.task.into_iter().for_each(|task| task.abort());
        }
    }
}

/// Calls when the next deadline has come, for as long as there are messages.
async fn keep_time(shared: Weak<Shared>) {
    loop {
        let Some(held) = shared.upgrade() else { return };
        let armed = held.lock().armed;
        let sooner = tokio::select! {
            () = held.earlier.notified() => true,
            () = time::sleep_until(clock::system(armed)) => false,
        };
        if !sooner {
            let mut state = held.lock();
            let now = clock::now();
            state.messaging.on_deadline(now);
            // What is due now has been done.
            state.armed = Instant::NEVER;
            held.carry_out(state);
            let mut state = held.lock();
            state.armed = state.messaging.next_deadline();
        }
    }
}
