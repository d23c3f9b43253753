//! The only place with sockets, tasks, a clock and entropy.
//!
//! One task a node owns the engine. It waits for one input, hands it over, carries out every output
//! and waits again. Connections have small tasks of their own, because a peer that reads or writes
//! slowly must not hold up anything else; they talk to the node's task through bounded channels.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "sockets, tasks, the clock and entropy are its job"
)]

mod ask;
mod board;
mod clock;
mod finds;
mod handle;
pub mod keys;
mod loops;
pub(crate) mod mesh;
mod names;
mod placement;
mod refusals;
mod seeds;
mod sockets;
mod store;
mod tcp;
#[cfg(unix)]
mod workers;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::time;
use tracing::{debug, warn};

pub(crate) use self::ask::{Silence, ask};
pub(crate) use self::board::{Board, Read, Reader, ShownRead, ShownReader};
pub(crate) use self::handle::{Handle, MAILBOX_BYTES};
#[cfg(feature = "host")]
pub(crate) use self::loops::Turns;
pub(crate) use self::loops::state_of;
use self::mesh::{Mailbox, Mesh};
pub(crate) use self::sockets::nonce;
use crate::config::encode_tags;
use crate::engine::{Engine, Input, Output, Reply, Request, RequestId, Shell};
use crate::error::{Attempt, Error, Result};
use crate::event::EventKind;
use crate::time::Instant;
use crate::wire::Security;

/// Where the outcome of a command goes.
pub(crate) type ReplyTo = oneshot::Sender<Result<Reply>>;

/// What the facade asks of the node's task.
#[derive(Debug)]
pub(crate) enum Command {
    /// Join through these addresses; those that failed are seeds that were not found.
    Join {
        targets: Vec<(String, SocketAddr)>,
        failed: Vec<Attempt>,
        /// It only repeats what was asked for before.
        again: bool,
        reply: ReplyTo,
    },
    /// Merge changes into the tags.
    UpdateTags { changes: BTreeMap<String, Option<String>>, reply: ReplyTo },
    /// Hand a request to the engine.
    Request { request: Request, reply: ReplyTo },
    /// A connection to that address broke.
    Doubt { to: SocketAddr },
    /// Messages need the ring.
    NeedRing,
    /// Stop.
    Close { done: oneshot::Sender<()> },
}

/// The task of one node.
struct Driver {
    engine: Engine,
    requests: u64,
    /// When the engine wants to be called next.
    at: Instant,
    /// The keys that connections for messages use.
    handed_on: Arc<Security>,
    shell: Sockets,
}

/// Where inputs come in, beside the UDP socket.
struct Inlets {
    commands: mpsc::Receiver<Box<Command>>,
    reports: tcp::Reports,
    door: tcp::Door,
}

/// Whether the task goes on; if not, who is told once the sockets are closed.
enum Flow {
    GoOn,
    End(Option<oneshot::Sender<()>>),
}

/// What the engine's outputs go to.
struct Sockets {
    board: Arc<Board>,
    mesh: Arc<Mesh>,
    rings: Rings,
    udp: Arc<UdpSocket>,
    streams: tcp::Streams,
    /// Who waits for requests that the engine has yet to settle.
    pending: BTreeMap<RequestId, ReplyTo>,
    /// Where the system refused to send to, until the engine is told.
    failed: Vec<SocketAddr>,
    unsent: u64,
    /// Whose loops were warned of.
    warned: loops::Warned,
    /// Plaintext may come and go over an address that is not loopback.
    exposed: bool,
}

/// What makes the cluster's ring, where a message needs it.
struct Rings {
    placement: Arc<placement::Placement>,
    commands: mpsc::WeakSender<Box<Command>>,
}

impl Rings {
    /// It takes a while, and tells the node's task when it is there.
    fn make(&self, board: &Arc<Board>) {
        let (placement, board) = (Arc::clone(&self.placement), Arc::clone(board));
        let (runtime, commands) = (tokio::runtime::Handle::current(), self.commands.clone());
        tokio::task::spawn_blocking(move || placement.ring(&board, &runtime, commands));
    }
}

/// Packets taken from the socket before other inputs get a turn.
const PACKETS_A_TURN: usize = 64;
/// What is read at once at most. No datagram is longer than a quarter of it; a connection on which
/// much comes is read in fewer turns, and fewer frames are cut in two.
const READ_MAX: usize = 256 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_MAX]);
}

/// Lends the receive buffer, of which there is one a thread, not a node: a process may run a
/// thousand nodes.
fn with_buffer<T>(receive: impl FnOnce(&mut [u8]) -> T) -> T {
    BUFFER.with_borrow_mut(|buffer| receive(buffer))
}

/// A request that nobody waits for any more.
fn given_up(
    pending: &mut BTreeMap<RequestId, ReplyTo>,
    context: &mut Context<'_>,
) -> Option<RequestId> {
    let mut gone = |reply: &mut ReplyTo| reply.poll_closed(context).is_ready();
    pending.iter_mut().find_map(|(id, reply)| gone(reply).then_some(*id))
}

impl Driver {
    fn new(engine: Engine, now: Instant, shell: Sockets) -> Self {
        let handed_on = Arc::clone(engine.security());
        Self { engine, requests: 0, at: now, handed_on, shell }
    }

    /// Runs until it is told to close, or until nobody holds the node any more. Boxed, because a
    /// future has room for an argument twice: as it was given, and as it is used.
    async fn run(mut self: Box<Self>, mut inlets: Inlets) {
        let closer = self.serve(&mut inlets).await;
        // Whoever waits for the end may want the address at once.
        drop((self, inlets));
        if let Some(closer) = closer {
            let _ = closer.send(());
        }
    }

    /// Serves until the end; who is to be told of it.
    async fn serve(&mut self, inlets: &mut Inlets) -> Option<oneshot::Sender<()>> {
        self.drain();
        let udp = Arc::clone(&self.shell.udp);
        let mut set = Some(self.at);
        let deadline = time::sleep_until(clock::system(self.at));
        let ready = refusals::ready(&udp);
        tokio::pin!(deadline, ready);
        // Each is asked until it has nothing more; then it will wake the task. So none is asked
        // again because of another: waking up is nearly all that an idle node does.
        poll_fn(|context| {
            if let Poll::Ready(outcome) = ready.as_mut().poll(context) {
                self.on_datagrams(outcome);
                ready.set(refusals::ready(&udp));
                if ready.as_mut().poll(context).is_ready() {
                    // There is more, or the runtime has not heard yet that there is not: first
                    // the others.
                    ready.set(refusals::ready(&udp));
                    context.waker().wake_by_ref();
                }
            }
            if let Flow::End(closer) = self.hear(inlets, context) {
                return Poll::Ready(closer);
            }
            loop {
                if set != Some(self.at) {
                    set = Some(self.at);
                    deadline.as_mut().reset(clock::system(self.at));
                }
                if deadline.as_mut().poll(context).is_pending() {
                    break;
                }
                self.handle(Input::Deadline);
                self.drain();
                // It has to be set again, whatever to.
                set = None;
            }
            self.rest();
            Poll::Pending
        })
        .await
    }

    fn on_datagrams(&mut self, ready: io::Result<()>) {
        match ready {
            Ok(()) => {
                self.receive();
                self.hear_refusals();
            }
            Err(error) => warn!(%error, "the UDP socket cannot be waited for"),
        }
    }

    /// Takes what came in by other ways than the UDP socket. The runtime lets each have so many
    /// turns before others have theirs.
    fn hear(&mut self, inlets: &mut Inlets, context: &mut Context<'_>) -> Flow {
        while let Poll::Ready(command) = inlets.commands.poll_recv(context) {
            match command.map(|command| *command) {
                Some(Command::Close { done }) => {
                    self.stop();
                    return Flow::End(Some(done));
                }
                Some(command) => self.on_command(command),
                None => {
                    self.stop();
                    return Flow::End(None);
                }
            }
            self.drain();
        }
        while let Poll::Ready(Some(report)) = inlets.reports.poll_recv(context) {
            self.on_report(*report);
            self.drain();
        }
        while let Poll::Ready((socket, from)) = inlets.door.poll_next(context) {
            self.on_accepted(socket, from);
            self.drain();
        }
        while let Some(id) = given_up(&mut self.shell.pending, context) {
            self.shell.pending.remove(&id);
            self.handle(Input::Cancelled { id });
            self.drain();
        }
        Flow::GoOn
    }

    fn handle(&mut self, input: Input<'_>) {
        let now = clock::now();
        self.engine.handle(now, input);
    }

    /// Carries out every output, to be done after each input.
    fn drain(&mut self) {
        self.hand_on_keys();
        self.at = self.engine.drain(&mut self.shell);
        while let Some(to) = self.shell.failed.pop() {
            self.handle(Input::PacketFailed { to });
            self.at = self.engine.drain(&mut self.shell);
        }
    }

    /// Has new connections for messages use the keys that there are. Whoever changes them hears
    /// that it is done after that.
    fn hand_on_keys(&mut self) {
        let keys = self.engine.security();
        if !Arc::ptr_eq(&self.handed_on, keys) {
            self.handed_on = Arc::clone(keys);
            self.shell.mesh.secure(keys);
        }
    }

    /// Shows the counters, and frees the room of what is over: once before it waits, however much
    /// came.
    fn rest(&mut self) {
        self.shell.give_back();
        let mut stats = self.engine.stats();
        stats.packets_unsent = self.shell.unsent;
        stats.insecure = u64::from(self.shell.exposed);
        self.shell.board.set_stats(stats);
    }

    fn receive(&mut self) {
        for _ in 0..PACKETS_A_TURN {
            let more = with_buffer(|buffer| {
                let received = refusals::receive(&self.shell.udp, buffer);
                let Some((length, from)) = received else { return false };
                let bytes = buffer.get(..length).unwrap_or_default();
                let now = clock::now();
                self.engine.handle(now, Input::Packet { from, bytes });
                true
            });
            if !more {
                return;
            }
            self.drain();
        }
    }

    /// Tells the engine which datagrams came back. What does not get a turn waits in the system,
    /// within the socket's buffer.
    fn hear_refusals(&mut self) {
        for _ in 0..PACKETS_A_TURN {
            let Some(heard) = refusals::next(&self.shell.udp) else { return };
            if let Some(to) = heard {
                self.handle(Input::PacketRefused { to });
                self.drain();
            }
        }
    }

    fn on_accepted(&mut self, socket: TcpStream, from: SocketAddr) {
        let stream = self.engine.next_stream();
        self.shell.streams.adopt(stream, socket);
        self.handle(Input::Accepted { stream, from });
    }

    fn on_report(&mut self, report: tcp::Report) {
        match report {
            tcp::Report::Bytes { stream, bytes } => {
                if self.shell.streams.knows(stream) {
                    self.handle(Input::StreamBytes { stream, bytes: &bytes });
                }
            }
            tcp::Report::Messages { stream, socket, first } => {
                if self.shell.streams.forget(stream)
                    && let Ok(from) = socket.peer_addr()
                {
                    self.handle(Input::HandedOver { stream });
                    self.shell.mesh.adopt(socket, from, first);
                }
            }
            tcp::Report::Closed { stream, cause, refused } => {
                if self.shell.streams.forget(stream) {
                    self.handle(Input::StreamClosed { stream, cause, refused });
                }
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Join { targets, failed, reply, .. } if targets.is_empty() => {
                let _ = reply.send(Err(Error::join_failed(failed)));
            }
            // Given up before it began.
            Command::Join { reply, .. } if reply.is_closed() => {}
            Command::Join { targets, failed, again, reply } => {
                self.request(Request::Join { targets, failed, again }, reply);
            }
            Command::UpdateTags { changes, reply } => self.update_tags(changes, reply),
            Command::Request { request, reply } => {
                if matches!(request, Request::Placed(_)) {
                    self.shell.mesh.ring_changed();
                }
                self.request(request, reply);
            }
            Command::Doubt { to } => self.handle(Input::ConnectionLost { to }),
            Command::NeedRing => self.shell.rings.make(&self.shell.board),
            Command::Close { .. } => unreachable!("the loop takes it"),
        }
    }

    fn update_tags(&mut self, changes: BTreeMap<String, Option<String>>, reply: ReplyTo) {
        let mut tags = self.engine.local().tags();
        for (key, value) in changes {
            match value {
                Some(value) => tags.insert(key, value),
                None => tags.remove(&key),
            };
        }
        match encode_tags(&tags) {
            Ok(meta) => self.request(Request::SetMeta(meta), reply),
            Err(error) => {
                let _ = reply.send(Err(error));
            }
        }
    }

    fn request(&mut self, request: Request, reply: ReplyTo) {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.shell.pending.insert(id, reply);
        self.handle(Input::Request { id, request });
    }

    fn stop(&mut self) {
        let shell = &mut self.shell;
        shell.board.close();
        shell.streams.close_all();
        shell.mesh.close();
        for (_, reply) in std::mem::take(&mut shell.pending) {
            let _ = reply.send(Err(Error::closed()));
        }
    }
}

impl Shell for Sockets {
    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Packet { to, bytes } => self.send(to, &bytes),
            Output::Connect { stream, to, bytes } => self.streams.connect(stream, to, bytes),
            Output::Send { stream, bytes } => self.streams.send(stream, bytes),
            Output::Close { stream } => self.streams.close(stream),
            Output::Event(kind) => {
                if let EventKind::Warning(warning) = &kind {
                    let (code, subject) = (warning.code.as_str(), &*warning.subject);
                    warn!(code, subject, "{}", warning.text);
                }
                let heard = kind.clone();
                self.board.post(kind);
                self.mesh.heard(&heard);
            }
            Output::Local(member) => self.board.set_local(member),
            Output::Keys(keys) => self.board.set_keys(keys),
            Output::Reply { id, result } => self.settle(id, result),
            Output::State(change) => {
                self.mesh.hear_of(&change);
                self.hear_of_loop(&change);
                self.board.show(change);
            }
            Output::Idle(_) => {}
        }
    }
}

impl Sockets {
    fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        match refusals::send(&self.udp, bytes, to) {
            Ok(_) => {}
            // The kernel's buffer is full: the datagram is lost as it would be on the way.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.unsent += 1,
            Err(error) => {
                self.unsent += 1;
                debug!(%error, %to, "a datagram could not be sent");
                self.failed.push(to);
            }
        }
    }

    /// A map keeps room when it is empty, and mostly these are.
    fn give_back(&mut self) {
        if self.pending.is_empty() {
            self.pending = BTreeMap::new();
        }
        self.streams.give_back();
    }

    fn settle(&mut self, id: RequestId, result: Result<Reply>) {
        if let Some(reply) = self.pending.remove(&id) {
            // Nobody waits any more: the caller gave up.
            let _ = reply.send(result);
        }
    }
}
