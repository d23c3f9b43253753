//! The mesh between a member and the workers of its host: over Unix sockets whose owner the system
//! vouches for, and so in clear.

use std::io;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time;

use super::{Commands, Line, Mesh, OnBoard, Request, Shared, clock};
use crate::config::Overflow;
use crate::driver::Board;
use crate::driver::placement::Placement;
use crate::messaging::{
    Ask, Limits, LinkId, Members, Messaging, Payload, RelayedPublication, Role, Setup, Target, Via,
    Whereabouts,
};
use crate::ring::Ring;

/// What such a mesh begins with.
pub(in crate::driver) struct Local {
    /// What its peers call it.
    pub(in crate::driver) name: String,
    pub(in crate::driver) role: Role,
    pub(in crate::driver) limits: Limits,
    /// Bytes of a payload of users.
    pub(in crate::driver) payload_max: usize,
    pub(in crate::driver) seed: u64,
    pub(in crate::driver) sight: Sight,
    /// Where a worker tells of its servers.
    pub(in crate::driver) commands: Commands,
}

/// What is known of members, once a worker has been told of them. A member has another mesh for
/// that.
#[derive(Clone, Debug, Default)]
pub(in crate::driver) struct Sight(Arc<OnceLock<OnBoard>>);

impl Sight {
    /// Those of that board, from now on.
    pub(in crate::driver) fn set(&self, board: &Arc<Board>, placement: &Arc<Placement>) {
        let _ = self.0.set(OnBoard(Arc::downgrade(board), Arc::clone(placement)));
    }
}

impl Members for Sight {
    fn find(&self, name: &str) -> Option<Whereabouts> {
        self.0.get()?.find(name)
    }

    fn ring(&self) -> Option<Ring> {
        self.0.get()?.ring()
    }

    fn last_words(&self, member: &str, server: &str) -> Option<Arc<[u8]>> {
        self.0.get()?.last_words(member, server)
    }
}

/// How soon a member that had too much to send on for its workers looks again: a fraction of what
/// that takes.
const CROWDED: Duration = Duration::from_millis(1);
/// The other side has to read something within that time.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

impl Mesh {
    /// On the current runtime.
    pub(in crate::driver) fn local(start: Local) -> Arc<Self> {
        let Local { name, role, limits, payload_max, seed, sight, commands } = start;
        let may_block = limits.overflow == Overflow::Block;
        // A seed that is used once names the run as well.
        let setup = Setup { name, run: seed, limits, members: Box::new(sight), seed };
        let mut messaging = Messaging::new(clock::now(), setup).in_role(role);
        messaging.bound_payloads(payload_max);
        Self::around(messaging, may_block, <_>::default(), commands, Weak::new())
    }

    /// Bounds the payloads of users' messages anew.
    pub(in crate::driver) fn bound_payloads(&self, bytes: usize) {
        self.shared.lock().messaging.bound_payloads(bytes);
    }

    /// Speaks with a worker that has greeted, until that is over; which connection it was, and
    /// whether this side let go of it: what came was no sense, or nothing.
    pub(in crate::driver) async fn serve_worker(
        &self,
        socket: UnixStream,
    ) -> Option<(LinkId, bool)> {
        let link = {
            let mut state = self.shared.lock();
            if state.closed {
                return None;
            }
            let link = state.messaging.accepted(clock::now());
            state.lines.insert(link, Line::default());
            self.shared.carry_out(state);
            link
        };
        let cause = converse(&self.shared, link, socket).await;
        end(&self.shared, link, cause.as_deref().unwrap_or("it was let go of"));
        Some((link, cause.is_none()))
    }

    /// Has what is said here go to that member, which has greeted; to be awaited until that is
    /// over.
    pub(in crate::driver) fn attach(
        &self,
        socket: UnixStream,
        member: &str,
    ) -> impl Future<Output = ()> + Send + 'static {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let link = state.messaging.attach(clock::now(), member);
        state.lines.insert(link, Line { work: Arc::default(), ..Line::default() });
        let line = state.lines.get(&link).map(|line| Arc::clone(&line.work));
        shared.carry_out(state);
        // What was to be written before the writer was there.
        line.inspect(|work| work.notify_one());
        let ending = Ending(shared, link);
        async move {
            converse(&ending.0, link, socket).await;
        }
    }

    /// The connection to that worker.
    pub(in crate::driver) fn link_to(&self, worker: &str) -> Option<LinkId> {
        self.shared.lock().messaging.link_to(worker)
    }

    /// Whether a worker takes messages.
    pub(in crate::driver) fn is_ready(&self, worker: &str) -> bool {
        self.shared.lock().messaging.is_ready(worker)
    }

    /// Hands a publication to this worker's subscribers.
    pub(in crate::driver) fn hear_published(&self, mut request: Request) {
        let delivery = request.delivery();
        let key = delivery.key.take().unwrap_or_default();
        let Some(relay) = RelayedPublication::decode(&key) else { return };
        let (from, headers) = (Arc::clone(&delivery.from), std::mem::take(&mut delivery.headers));
        let payload = std::mem::take(&mut delivery.payload);
        self.shared.with(|messaging, now| {
            messaging.published_through(now, from, &relay, &headers, payload);
        });
        request.reply(Ok(Payload::default()));
    }

    /// Sends on what a worker has cast.
    pub(in crate::driver) fn cast_on(&self, ask: Ask<'_>) {
        let mut state = self.shared.lock();
        if !state.closed {
            state.messaging.cast_on(clock::now(), ask);
            self.shared.carry_out(state);
        }
    }

    /// Lets go of a worker.
    pub(in crate::driver) fn let_go(&self, link: LinkId) {
        self.shared.with(|messaging, now| messaging.let_go(now, link));
    }
}

/// The end of a worker's connection, however it comes.
struct Ending(Arc<Shared>, LinkId);

impl Drop for Ending {
    fn drop(&mut self) {
        end(&self.0, self.1, "it is over");
        self.0.with(Messaging::detach);
    }
}

impl Target {
    /// What a member says to a worker beside messages.
    pub(in crate::driver) fn desk_of(worker: &Arc<str>) -> Self {
        let (worker, from) = (Arc::clone(worker), Arc::from(""));
        Self::via(crate::messaging::DESK, Via { worker, from, key: None })
    }
}

/// Reads and writes until either end is over; why the other side did, unless it was this one.
async fn converse(shared: &Arc<Shared>, link: LinkId, socket: UnixStream) -> Option<String> {
    let signs = |line: &Line| (Arc::clone(&line.work), Arc::clone(&line.stop));
    let (work, stop) = shared.lock().lines.get(&link).map(signs)?;
    let (from, to) = socket.into_split();
    tokio::select! {
        biased;
        () = stop.notified() => None,
        cause = read_all(shared, link, &from) => Some(cause),
        cause = write_all(shared, link, to, &work) => cause,
    }
}

async fn read_all(shared: &Arc<Shared>, link: LinkId, from: &OwnedReadHalf) -> String {
    loop {
        // What there is no room for stays in the socket, where it slows who says it.
        while shared.lock().messaging.is_crowded() {
            time::sleep(CROWDED).await;
        }
        if let Err(error) = from.readable().await {
            return error.to_string();
        }
        let read: io::Result<usize> = crate::driver::with_buffer(|buffer| {
            let length = from.try_read(buffer)?;
            let bytes = buffer.get(..length).unwrap_or_default();
            shared.with(|messaging, now| messaging.received(now, link, bytes));
            Ok(length)
        });
        match read {
            Ok(0) => return "it closed the connection".to_owned(),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return error.to_string(),
        }
    }
}

/// Writes what there is, as much at once as came together.
async fn write_all(
    shared: &Arc<Shared>,
    link: LinkId,
    mut to: OwnedWriteHalf,
    work: &Notify,
) -> Option<String> {
    let mut plain = Vec::new();
    loop {
        work.notified().await;
        // Others have something to say as well.
        yield_now().await;
        loop {
            plain.clear();
            let ends = {
                let mut state = shared.lock();
                state.messaging.transmit(clock::now(), link, &mut plain);
                let ends = state.lines.get(&link).map(|line| line.ends);
                shared.carry_out(state);
                ends?
            };
            if plain.is_empty() {
                if ends {
                    let _ = to.shutdown().await;
                    return Some(String::new());
                }
                shared.calmer.notify_waiters();
                break;
            }
            match time::timeout(WRITE_LIMIT, to.write_all(&plain)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Some(error.to_string()),
                Err(_) => return None,
            }
            plain.shrink_to(KEPT);
        }
    }
}

/// Room for what is written that is kept from one time to the next.
const KEPT: usize = 256 * 1024;

/// The connection is over.
fn end(shared: &Arc<Shared>, link: LinkId, cause: &str) {
    let mut state = shared.lock();
    state.messaging.closed(clock::now(), link, cause);
    state.lines.remove(&link);
    shared.carry_out(state);
}
