//! foca 2.0: one tokio task and one UDP socket a node.
//!
//! foca is a state machine without I/O, so the driver below is ours, made the way its examples
//! are but without their channels: packets go straight to the socket, timers into a heap. There is
//! no stream socket because foca has no use for one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddrV4;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use foca::{BroadcastHandler, Config, Identity, Notification, PostcardCodec, Timer};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, Sleep, sleep_until};

use super::board::Board;
use super::{address, index_of};

const VERSION: &str = "foca 2.0";
/// The size of a user broadcast: the 64 bytes of meta that the other peers send.
const BROADCAST_LEN: usize = 64;
/// A node that still knows nobody announces itself again after this long.
const RETRY: Duration = Duration::from_secs(1);
/// Datagrams taken from a socket before timers and commands get their turn.
const BATCH: usize = 16;

type Foca = foca::Foca<Id, PostcardCodec, SmallRng, Handler>;

/// An address that can be taken up again after a false death, as memberlist's incarnations allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Id {
    addr: SocketAddrV4,
    bump: u16,
}

impl Identity for Id {
    type Addr = SocketAddrV4;

    fn renew(&self) -> Option<Self> {
        Some(Self { addr: self.addr, bump: self.bump.wrapping_add(1) })
    }

    fn addr(&self) -> SocketAddrV4 {
        self.addr
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self.bump > adversary.bump
    }
}

enum Command {
    Announce(Id),
    Update(u64),
    Die,
}

/// The nodes of this process.
pub(super) struct Cluster {
    runtime: Runtime,
    nodes: usize,
    seed: u64,
    commands: Vec<UnboundedSender<Command>>,
}

impl Cluster {
    pub(super) fn new(nodes: usize, seed: u64) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(Self { runtime, nodes, seed, commands: Vec::new() })
    }

    fn tell(&self, node: usize, command: Command) {
        // A task that ended had its node killed; there is nobody to tell.
        let _ = self.commands[node].send(command);
    }
}

impl super::Cluster for Cluster {
    fn peer(&self) -> String {
        VERSION.to_owned()
    }

    fn start(&mut self, board: &Arc<Board>) -> io::Result<()> {
        let size = u32::try_from(self.nodes).ok().and_then(NonZeroU32::new);
        let config = Config::new_lan(size.ok_or_else(|| super::invalid("no nodes"))?);
        for index in 0..self.nodes {
            let socket = self.runtime.block_on(UdpSocket::bind(address(index)))?;
            let rng = SmallRng::seed_from_u64((self.seed << 32) + index as u64);
            let id = Id { addr: address(index), bump: 0 };
            let handler = Handler { index, board: Arc::clone(board), newest: BTreeMap::new() };
            let foca = Foca::with_custom_broadcast(id, config.clone(), rng, PostcardCodec, handler);
            let (sender, commands) = unbounded_channel();
            let io = Io { index, socket, timers: BinaryHeap::new(), board: Arc::clone(board) };
            self.runtime.spawn(Node { foca, io, commands }.run());
            self.commands.push(sender);
            board.joined(index);
        }
        Ok(())
    }

    fn join(&mut self, board: &Board, limit: Duration) -> u64 {
        let seed = Id { addr: address(0), bump: 0 };
        for node in 1..self.nodes {
            self.tell(node, Command::Announce(seed.clone()));
        }
        let deadline = Instant::now() + limit;
        let mut retries = 0;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if board.wait(left.min(RETRY)) || left.is_zero() {
                return retries;
            }
            for node in (1..self.nodes).filter(|node| board.view(*node) == 1) {
                self.tell(node, Command::Announce(seed.clone()));
                retries += 1;
            }
        }
    }

    fn update(&mut self, node: usize, version: u64) {
        self.tell(node, Command::Update(version));
    }

    fn kill(&mut self, node: usize) {
        self.tell(node, Command::Die);
    }
}

struct Node {
    foca: Foca,
    io: Io,
    commands: UnboundedReceiver<Command>,
}

impl Node {
    /// Ends, and thereby closes the socket, when told to die or when the process ends.
    async fn run(mut self) {
        let mut buffer = vec![0; 1400];
        let mut sleep: Pin<Box<Sleep>> = Box::pin(sleep_until(Instant::now()));
        loop {
            let next = self.io.timers.peek().map(|Reverse(timer)| timer.0);
            if let Some(next) = next
                && next != sleep.deadline()
            {
                sleep.as_mut().reset(next);
            }
            tokio::select! {
                ready = self.io.socket.readable() => {
                    if ready.is_err() {
                        return;
                    }
                    self.receive(&mut buffer);
                }
                () = sleep.as_mut(), if next.is_some() => self.fire(),
                command = self.commands.recv() => match command {
                    None | Some(Command::Die) => return,
                    Some(Command::Announce(id)) => {
                        let _ = self.foca.announce(id, &mut self.io);
                    }
                    Some(Command::Update(version)) => {
                        let _ = self.foca.add_broadcast(&encode(self.io.index, version));
                    }
                },
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) {
        for _ in 0..BATCH {
            let Ok((len, _)) = self.io.socket.try_recv_from(buffer) else {
                return;
            };
            // foca's errors here are packets that it would not take: stale ones, mostly.
            let _ = self.foca.handle_data(&buffer[..len], &mut self.io);
        }
    }

    fn fire(&mut self) {
        let now = Instant::now();
        while self.io.timers.peek().is_some_and(|Reverse(timer)| timer.0 <= now) {
            let Some(Reverse((_, timer))) = self.io.timers.pop() else { return };
            let _ = self.foca.handle_timer(timer, &mut self.io);
        }
    }
}

/// Where foca's wishes go.
struct Io {
    index: usize,
    socket: UdpSocket,
    timers: BinaryHeap<Reverse<(Instant, Timer<Id>)>>,
    board: Arc<Board>,
}

impl foca::Runtime<Id> for Io {
    fn notify(&mut self, notification: Notification<'_, Id>) {
        match notification {
            Notification::MemberUp(_) => self.board.joined(self.index),
            Notification::MemberDown(id) => self.board.failed(self.index, index_of(id.addr)),
            Notification::ProbeFailed(_, id) => {
                self.board.suspected(self.index, index_of(id.addr));
            }
            _ => {}
        }
    }

    fn send_to(&mut self, to: Id, data: &[u8]) {
        // A full socket drops, as the network would.
        let _ = self.socket.try_send_to(data, to.addr.into());
    }

    fn submit_after(&mut self, event: Timer<Id>, after: Duration) {
        self.timers.push(Reverse((Instant::now() + after, event)));
    }
}

/// A broadcast is known by the node that sent it and its version.
struct Key {
    node: u64,
    version: u64,
}

impl foca::Invalidates for Key {
    fn invalidates(&self, other: &Self) -> bool {
        self.node == other.node && self.version > other.version
    }
}

struct Handler {
    index: usize,
    board: Arc<Board>,
    newest: BTreeMap<u64, u64>,
}

impl BroadcastHandler<Id> for Handler {
    type Key = Key;
    type Error = Infallible;

    fn receive_item(
        &mut self,
        data: &[u8],
        _sender: Option<&Id>,
    ) -> Result<Option<Key>, Infallible> {
        let Some(key) = decode(data) else { return Ok(None) };
        let newest = self.newest.entry(key.node).or_default();
        if *newest >= key.version {
            return Ok(None);
        }
        *newest = key.version;
        let node = usize::try_from(key.node).unwrap_or(usize::MAX);
        self.board.updated(self.index, node, key.version);
        Ok(Some(key))
    }
}

fn encode(node: usize, version: u64) -> [u8; BROADCAST_LEN] {
    let mut out = [0; BROADCAST_LEN];
    out[..8].copy_from_slice(&(node as u64).to_be_bytes());
    out[8..16].copy_from_slice(&version.to_be_bytes());
    out
}

fn decode(data: &[u8]) -> Option<Key> {
    let (node, rest) = data.split_first_chunk()?;
    let (version, _) = rest.split_first_chunk()?;
    Some(Key { node: u64::from_be_bytes(*node), version: u64::from_be_bytes(*version) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_is_as_long_as_the_meta_of_the_others_and_reads_back() {
        let key = decode(&encode(517, 9)).unwrap();
        assert_eq!((key.node, key.version), (517, 9));
        assert!(decode(&[0; 15]).is_none());
    }
}
