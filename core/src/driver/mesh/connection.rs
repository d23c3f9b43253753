//! One connection: its greeting, and the two tasks that read and write.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, yield_now};
use tokio::time;

use super::outlet::{Draught, Outlet};
use super::{GREETING_MAX, GREETING_PER_SOURCE, Line, Shared, clock};
use crate::driver::sockets;
use crate::mesh::{Channel, Greeting, Identity, Opener, Refusal, Unreadable};
use crate::messaging::{DIAL_LIMIT, LinkId};

/// The greeting of a stranger takes no longer.
const GREETING_LIMIT: Duration = Duration::from_secs(2);
/// Bytes that came at once, after which there may be as many more.
const MUCH: usize = 64 * 1024;

/// Opens a connection, in a task of its own.
pub(super) fn dial(shared: &Arc<Shared>, link: LinkId, to: SocketAddr) -> AbortHandle {
    let held = Arc::clone(shared);
    let task = shared.runtime.spawn(async move {
        let greeted = time::timeout(DIAL_LIMIT, greet(&held, to)).await;
        let cause = match greeted {
            Ok(Ok((socket, channel))) => {
                held.with(|messaging, now| {
                    messaging.proven(link, channel.proof.clone());
                    messaging.opened(now, link);
                });
                converse(&held, link, socket, channel).await
            }
            Ok(Err(Unmet::Busy)) => {
                held.with(|messaging, now| messaging.postponed(now, link));
                String::new()
            }
            Ok(Err(Unmet::Failed(cause))) => cause,
            Err(_) => "it does not answer".to_owned(),
        };
        end(&held, link, &cause);
    });
    task.abort_handle()
}

/// Why there is no connection.
enum Unmet {
    /// The other side has no room just now.
    Busy,
    Failed(String),
}

impl From<io::Error> for Unmet {
    fn from(error: io::Error) -> Self {
        Self::Failed(explained(&error))
    }
}

impl From<Refusal> for Unmet {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Busy => Self::Busy,
            refusal => Self::Failed(refusal.to_string()),
        }
    }
}

/// Greets as the side that dials.
async fn greet(shared: &Shared, to: SocketAddr) -> Result<(TcpStream, Channel), Unmet> {
    let mut socket = TcpStream::connect(to).await?;
    let _ = socket.set_nodelay(true);
    let identity = identity(shared).await;
    let security = Arc::clone(&shared.lock().security);
    let entropy = sockets::secret().map_err(|error| Unmet::Failed(error.message().to_owned()))?;
    let mut out = Vec::new();
    let mut greeting = Greeting::dial(&security, identity.as_ref(), entropy, &mut out)?;
    loop {
        socket.write_all(&out).await?;
        out.clear();
        let bytes = read(&socket).await?;
        let outcome = greeting.push(&bytes, &security, &mut out);
        if !out.is_empty() && !matches!(outcome, Ok(None)) {
            socket.write_all(&out).await?;
        }
        match outcome {
            Ok(Some(channel)) => return Ok((socket, channel)),
            Ok(None) => {}
            Err(refusal) => {
                note(shared, refusal);
                return Err(refusal.into());
            }
        }
    }
}

/// Takes a connection over that a peer has opened, in a task of its own.
pub(super) fn adopt(shared: &Arc<Shared>, socket: TcpStream, from: SocketAddr, first: Vec<u8>) {
    let mut state = shared.lock();
    if state.closed {
        return;
    }
    let held: usize = state.greeting.values().sum();
    let own = state.greeting.get(&from.ip()).copied().unwrap_or(0);
    if held >= GREETING_MAX || own >= GREETING_PER_SOURCE {
        state.refused.busy += 1;
        // It goes into the buffer of a new connection, or nowhere.
        let _ = socket.try_write(&Greeting::busy());
        return;
    }
    state.greeting.insert(from.ip(), own + 1);
    drop(state);
    let held = Arc::clone(shared);
    shared.runtime.spawn(async move {
        let _ = socket.set_nodelay(true);
        let greeted = time::timeout(GREETING_LIMIT, answer(&held, socket, first)).await;
        leave_greeting(&held, from.ip());
        let (socket, channel) = match greeted {
            Ok(Ok(greeted)) => greeted,
            Ok(Err(Some(refusal))) if refusal.is_about_keys() => return note(&held, refusal),
            Ok(Err(_)) | Err(_) => {
                held.lock().refused.greetings += 1;
                return;
            }
        };
        let link = {
            let mut state = held.lock();
            if state.closed {
                return;
            }
            let link = state.messaging.accepted(clock::now());
            state.messaging.proven(link, channel.proof.clone());
            state.lines.insert(link, Line::default());
            held.carry_out(state);
            link
        };
        let cause = converse(&held, link, socket, channel).await;
        end(&held, link, &cause);
    });
}

fn leave_greeting(shared: &Shared, from: IpAddr) {
    let mut state = shared.lock();
    if let Some(place) = state.greeting.get_mut(&from) {
        *place -= 1;
        if *place == 0 {
            state.greeting.remove(&from);
        }
    }
}

/// Greets as the side that was dialled; why it is refused, if that is not for the network.
async fn answer(
    shared: &Shared,
    mut socket: TcpStream,
    first: Vec<u8>,
) -> Result<(TcpStream, Channel), Option<Refusal>> {
    let identity = identity(shared).await;
    let security = Arc::clone(&shared.lock().security);
    let mut greeting = Greeting::accept(sockets::secret().map_err(|_| None)?, identity);
    let (mut bytes, mut out) = (first, Vec::new());
    loop {
        let outcome = greeting.push(&bytes, &security, &mut out);
        if !out.is_empty() {
            // What it has to say counts even if it is not there any more to hear the answer.
            let written = socket.write_all(&out).await;
            written.map_err(|_| outcome.as_ref().err().copied())?;
            out.clear();
        }
        match outcome {
            Ok(Some(channel)) => return Ok((socket, channel)),
            Ok(None) => bytes = read(&socket).await.map_err(|_| None)?,
            Err(refusal) => {
                let _ = socket.shutdown().await;
                return Err(Some(refusal));
            }
        }
    }
}

/// What this node shows, if it has to.
async fn identity(shared: &Shared) -> Option<Arc<Identity>> {
    let credentials = shared.credentials.as_ref()?;
    Some(credentials.current(shared.board.upgrade()).await)
}

fn note(shared: &Shared, refusal: Refusal) {
    let mut state = shared.lock();
    match refusal {
        refusal if refusal.is_about_keys() => state.refused.keys += 1,
        Refusal::Busy => state.refused.busy += 1,
        _ => {}
    }
}

/// Reads and writes until either end is over; why it ended.
async fn converse(
    shared: &Arc<Shared>,
    link: LinkId,
    socket: TcpStream,
    channel: Channel,
) -> String {
    let Channel { sealer, mut opener, rest, .. } = channel;
    let (mut from, to) = socket.into_split();
    let outlet = Arc::new(Outlet::new(to, sealer));
    let signs = |line: &mut Line| {
        line.outlet = Some(Arc::clone(&outlet));
        (Arc::clone(&line.work), Arc::clone(&line.stop))
    };
    let Some((work, stop)) = shared.lock().lines.get_mut(&link).map(signs) else {
        return String::new();
    };
    let writer = write(Arc::clone(shared), link, outlet, work);
    let writer = Guarded(shared.runtime.spawn(writer));
    let mut plain = Vec::new();
    if let Err(cause) = receive(shared, link, &rest, &mut opener, &mut plain) {
        return cause;
    }
    let cause = tokio::select! {
        cause = read_all(shared, link, &mut from, &mut opener, &mut plain) => cause,
        () = stop.notified() => String::new(),
    };
    drop(writer);
    cause
}

/// A task that ends with whoever holds it.
struct Guarded(tokio::task::JoinHandle<()>);

impl Drop for Guarded {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn read_all(
    shared: &Arc<Shared>,
    link: LinkId,
    from: &mut OwnedReadHalf,
    opener: &mut Opener,
    plain: &mut Vec<u8>,
) -> String {
    let mut hand = |bytes: &[u8]| receive(shared, link, bytes, opener, plain);
    loop {
        match poll_fn(|context| poll_some(from, context, &mut hand)).await {
            Ok(None) => return "it closed the connection".to_owned(),
            // Whoever it is for has a turn before more is read: so what waits stays little, and its
            // memory is used again.
            Ok(Some((length, Ok(())))) if length >= MUCH => yield_now().await,
            Ok(Some((_, Ok(())))) => {}
            Ok(Some((_, Err(cause)))) => return cause,
            Err(error) => return explained(&error),
        }
    }
}

/// Reads once, and hands over what has come; how much it was, and none at the end. A read that does
/// not fill the buffer is known to have taken all there was: the next one waits, and does not ask
/// the socket in vain.
fn poll_some<T>(
    from: &mut (impl AsyncRead + Unpin),
    context: &mut Context<'_>,
    hand: impl FnOnce(&[u8]) -> T,
) -> Poll<io::Result<Option<(usize, T)>>> {
    crate::driver::with_buffer(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(from).poll_read(context, &mut buffer))?;
        let bytes = buffer.filled();
        Poll::Ready(Ok((!bytes.is_empty()).then(|| (bytes.len(), hand(bytes)))))
    })
}

/// Hands over what has come; why that was all.
fn receive(
    shared: &Arc<Shared>,
    link: LinkId,
    bytes: &[u8],
    opener: &mut Opener,
    plain: &mut Vec<u8>,
) -> Result<(), String> {
    if !opener.opens() {
        if !bytes.is_empty() {
            shared.with(|messaging, now| messaging.received(now, link, bytes));
        }
        return Ok(());
    }
    plain.clear();
    let outcome = opener.open(bytes, plain);
    if !plain.is_empty() {
        shared.with(|messaging, now| messaging.received(now, link, plain));
    }
    outcome.map_err(|error| match error {
        Unreadable::Tampered => {
            shared.lock().refused.tampered += 1;
            "what it sends is not what it wrote".to_owned()
        }
        Unreadable::Refused(fault) => {
            shared.lock().refused.keys += 1;
            fault.to_string()
        }
    })
}

/// Writes what there is, as much at once as came together.
async fn write(shared: Arc<Shared>, link: LinkId, outlet: Arc<Outlet>, work: Arc<Notify>) {
    loop {
        work.notified().await;
        // Others have something to say as well: one write for all of it is worth the turn, which
        // who is alone would only wait for.
        if !outlet.is_quiet() {
            yield_now().await;
        }
        loop {
            // It may be that somebody else has begun.
            if outlet.push_all().await.is_err() {
                // The reader hears of it as well, and tells.
                return end(&shared, link, "it does not read, or the connection broke");
            }
            match outlet.draw(&shared, link) {
                Draught::Some => {}
                Draught::Nothing => {
                    shared.calmer.notify_waiters();
                    break;
                }
                Draught::Last => return outlet.finish(),
            }
        }
    }
}

/// The connection is over.
fn end(shared: &Arc<Shared>, link: LinkId, cause: &str) {
    let mut state = shared.lock();
    state.messaging.closed(clock::now(), link, cause);
    if let Some(line) = state.lines.remove(&link)
        && let Some(task) = line.task
    {
        task.abort();
    }
    shared.carry_out(state);
}

async fn read(socket: &TcpStream) -> io::Result<Vec<u8>> {
    loop {
        socket.readable().await?;
        let mut bytes = vec![0; 256];
        match socket.try_read(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// What follows the name of a member in a sentence.
fn explained(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        _ => error.to_string(),
    }
}
