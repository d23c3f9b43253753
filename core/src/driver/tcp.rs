//! Connections: one small task each, so that a slow peer holds up nobody else.

use std::collections::BTreeMap;
use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time;

use crate::engine::StreamId;
use crate::mesh::FIRST;

/// What connections tell the node's task.
#[derive(Debug)]
pub(super) enum Report {
    Bytes {
        stream: StreamId,
        bytes: Vec<u8>,
    },
    Closed {
        stream: StreamId,
        cause: Option<String>,
        refused: bool,
    },
    /// It is a connection for messages, of which that has come.
    Messages {
        stream: StreamId,
        socket: TcpStream,
        first: Vec<u8>,
    },
}

/// Boxed, because a channel of tokio's sets aside room for 32.
pub(super) type Reports = mpsc::Receiver<Box<Report>>;
type ReportTo = mpsc::Sender<Box<Report>>;

/// Reports that wait for the node's task; connections wait when there are more.
const REPORTS_MAX: usize = 64;
/// The protocol sends one message a connection and direction; the second place is for slack.
const ORDERS_MAX: usize = 2;
/// After a failed accept (out of descriptors, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A peer that does not read what it asked for is given up after that.
const FLUSH_LIMIT: Duration = Duration::from_secs(30);

/// The open connections of a node.
#[derive(Debug)]
pub(super) struct Streams {
    open: BTreeMap<StreamId, Line>,
    reports: ReportTo,
}

/// The node's end of a connection's task. Dropping the orders lets the task finish what it was
/// given and close.
#[derive(Debug)]
struct Line {
    orders: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<()>,
}

impl Streams {
    /// None yet.
    pub(super) fn new() -> (Self, Reports) {
        let (reports, inbox) = mpsc::channel(REPORTS_MAX);
        (Self { open: BTreeMap::new(), reports }, inbox)
    }

    pub(super) fn connect(&mut self, stream: StreamId, to: SocketAddr, first: Vec<u8>) {
        let (orders, mut inbox) = mpsc::channel(ORDERS_MAX);
        let reports = self.reports.clone();
        let task = tokio::spawn(async move {
            let outcome = async {
                let mut socket = tokio::select! {
                    socket = TcpStream::connect(to) => socket?,
                    // The engine gave up waiting.
                    _ = inbox.recv() => return Ok(()),
                };
                tokio::select! {
                    flushed = flush(&mut socket, &first) => flushed?,
                    _ = inbox.recv() => return Ok(()),
                }
                drop(first);
                converse(stream, socket, inbox, &reports).await
            };
            report_end(stream, outcome.await, &reports).await;
        });
        self.open.insert(stream, Line { orders, task });
    }

    pub(super) fn adopt(&mut self, stream: StreamId, socket: TcpStream) {
        let (orders, mut inbox) = mpsc::channel(ORDERS_MAX);
        let reports = self.reports.clone();
        let task = tokio::spawn(async move {
            let outcome = match first_bytes(&socket, &mut inbox).await {
                Ok(None) => return,
                Ok(Some(first)) if first.first() == Some(&FIRST) => {
                    let report = Report::Messages { stream, socket, first };
                    let _ = reports.send(Box::new(report)).await;
                    return;
                }
                Ok(Some(bytes)) if bytes.is_empty() => Ok(()),
                Ok(Some(bytes)) => {
                    let report = Report::Bytes { stream, bytes };
                    match reports.send(Box::new(report)).await {
                        Ok(()) => converse(stream, socket, inbox, &reports).await,
                        Err(_) => return,
                    }
                }
                Err(error) => Err(error),
            };
            report_end(stream, outcome, &reports).await;
        });
        self.open.insert(stream, Line { orders, task });
    }

    pub(super) fn send(&mut self, stream: StreamId, bytes: Vec<u8>) {
        if let Some(line) = self.open.get(&stream) {
            // Full means that the engine broke its own rule of one message a direction.
            let sent = line.orders.try_send(bytes);
            debug_assert!(!matches!(sent, Err(mpsc::error::TrySendError::Full(_))));
        }
    }

    /// Closes once everything sent is out.
    pub(super) fn close(&mut self, stream: StreamId) {
        self.open.remove(&stream);
    }

    /// Frees the room of connections that are over.
    pub(super) fn give_back(&mut self) {
        if self.open.is_empty() {
            self.open = BTreeMap::new();
        }
    }

    pub(super) fn knows(&self, stream: StreamId) -> bool {
        self.open.contains_key(&stream)
    }

    /// Whether it was still open.
    pub(super) fn forget(&mut self, stream: StreamId) -> bool {
        self.open.remove(&stream).is_some()
    }

    pub(super) fn close_all(&mut self) {
        for (_, line) in std::mem::take(&mut self.open) {
            line.task.abort();
        }
    }
}

/// Where connections come in.
#[derive(Debug)]
pub(super) struct Door {
    listener: TcpListener,
    /// After a failed accept, nobody is let in until then.
    shut: Option<Pin<Box<time::Sleep>>>,
}

impl Door {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, shut: None }
    }

    /// The next connection.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        loop {
            if let Some(pause) = &mut self.shut {
                ready!(pause.as_mut().poll(context));
                self.shut = None;
            }
            match ready!(self.listener.poll_accept(context)) {
                Ok(accepted) => return Poll::Ready(accepted),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    self.shut = Some(Box::pin(time::sleep(ACCEPT_PAUSE)));
                }
            }
        }
    }
}

/// What a peer that has connected says first; nothing if it ends there, `None` if the node has
/// closed it.
async fn first_bytes(
    socket: &TcpStream,
    inbox: &mut mpsc::Receiver<Vec<u8>>,
) -> io::Result<Option<Vec<u8>>> {
    loop {
        tokio::select! {
            biased;
            // Nothing is sent before something has come.
            _ = inbox.recv() => return Ok(None),
            ready = socket.readable() => {
                ready?;
                if let Some(bytes) = read(|buffer| socket.try_read(buffer))? {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

/// Reads and writes until the node's end is dropped or the peer ends.
async fn converse(
    stream: StreamId,
    mut socket: TcpStream,
    mut orders: mpsc::Receiver<Vec<u8>>,
    reports: &ReportTo,
) -> io::Result<()> {
    let (from_peer, mut to_peer) = socket.split();
    loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(bytes) => flush(&mut to_peer, &bytes).await?,
                None => return to_peer.shutdown().await,
            },
            ready = from_peer.readable() => {
                ready?;
                let Some(bytes) = read(|buffer| from_peer.try_read(buffer))? else { continue };
                if bytes.is_empty() {
                    return Ok(());
                }
                if reports.send(Box::new(Report::Bytes { stream, bytes })).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// What is taken of a stream at once.
const PIECE_MAX: usize = 64 * 1024;

/// What has arrived; nothing at the end, `None` if it was a false alarm. No buffer waits with an
/// idle connection.
fn read(try_read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<Option<Vec<u8>>> {
    super::with_buffer(|buffer| match try_read(buffer.get_mut(..PIECE_MAX).unwrap_or_default()) {
        Ok(length) => Ok(buffer.get(..length).map(<[u8]>::to_vec)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    })
}

async fn flush(to: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8]) -> io::Result<()> {
    match time::timeout(FLUSH_LIMIT, to.write_all(bytes)).await {
        Ok(written) => written,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn report_end(stream: StreamId, outcome: io::Result<()>, reports: &ReportTo) {
    let error = outcome.err();
    let refused = error.as_ref().is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused);
    let cause = error.map(|error| explained(&error));
    let _ = reports.send(Box::new(Report::Closed { stream, cause, refused })).await;
}

/// What follows the name or the address in a sentence.
fn explained(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "refused the connection: nothing listens there over TCP".to_owned()
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            format!("broke the connection: {error}")
        }
        _ => format!("cannot be reached over TCP: {error}"),
    }
}
