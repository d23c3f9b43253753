//! The bounds: sockets with nothing but a length in front of each message, and a connection for
//! each caller.

use std::io::{self, Read, Write};
use std::net::{self, Ipv4Addr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::child::{Carrier, Watch, say};
use super::frames::{CALL, CAST, COUNT, Inbox, put, serve as answer};
use super::{CALL as CALL_BYTES, Listening};

/// Bytes that are written at once, or a little more.
const PIECE: usize = 64 * 1024;

/// Answers on every connection, each in a task.
pub(super) fn serve() -> io::Result<()> {
    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        say(&Listening { address: listener.local_addr()?.to_string() })?;
        loop {
            let (mut socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::spawn(async move {
                let (mut inbox, mut casts, mut out) = (Inbox::new(), 0, Vec::new());
                loop {
                    let length = socket.read(inbox.space()).await?;
                    if length == 0 {
                        return Ok::<(), io::Error>(());
                    }
                    inbox.filled(length);
                    answer(&mut inbox, &mut casts, &mut out);
                    socket.write_all(&out).await?;
                }
            });
        }
    })
}

/// A connection of one caller.
struct Line {
    socket: TcpStream,
    inbox: Inbox,
    out: Vec<u8>,
}

impl Line {
    async fn open(address: &str) -> io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, inbox: Inbox::new(), out: Vec::new() })
    }

    async fn ask(&mut self, kind: u8, payload: &[u8]) -> io::Result<Vec<u8>> {
        put(&mut self.out, kind, payload);
        self.socket.write_all(&self.out).await?;
        self.out.clear();
        loop {
            if let Some((_, payload)) = self.inbox.next() {
                return Ok(payload.to_vec());
            }
            let length = self.socket.read(self.inbox.space()).await?;
            self.inbox.filled(some(length)?);
        }
    }

    async fn call_for(mut self, length: Duration) -> io::Result<Vec<u32>> {
        let mut watch = Watch::start(length);
        loop {
            self.ask(CALL, &[1; CALL_BYTES]).await?;
            if !watch.lap() {
                return Ok(watch.spans());
            }
        }
    }

    async fn cast(&mut self, bytes: usize, count: usize) -> io::Result<u64> {
        let payload = vec![1; bytes];
        for _ in 0..count {
            put(&mut self.out, CAST, &payload);
            if self.out.len() >= PIECE {
                self.socket.write_all(&self.out).await?;
                self.out.clear();
            }
        }
        told(&self.ask(COUNT, &[]).await?)
    }
}

/// tokio's sockets.
pub(super) struct Tokio {
    runtime: Runtime,
    address: String,
    /// For casts.
    line: Option<Line>,
}

impl Tokio {
    pub(super) fn open(address: &str) -> io::Result<Self> {
        let runtime = Runtime::new()?;
        let line = Some(runtime.block_on(Line::open(address))?);
        Ok(Self { runtime, address: address.to_owned(), line })
    }
}

impl Carrier for Tokio {
    fn call(&mut self, callers: usize, length: Duration) -> io::Result<Vec<u32>> {
        let address = self.address.clone();
        self.runtime.block_on(async move {
            let mut lines = Vec::new();
            for _ in 0..callers {
                lines.push(Line::open(&address).await?);
            }
            let mut tasks: JoinSet<_> = lines.into_iter().map(|l| l.call_for(length)).collect();
            let mut spans = Vec::new();
            while let Some(called) = tasks.join_next().await {
                spans.append(&mut called??);
            }
            Ok(spans)
        })
    }

    fn cast(&mut self, bytes: usize, count: usize) -> io::Result<u64> {
        let Some(mut line) = self.line.take() else { return Err(io::Error::other("broken")) };
        let cast = self.runtime.spawn(async move {
            let processed = line.cast(bytes, count).await?;
            Ok::<_, io::Error>((line, processed))
        });
        let (line, processed) = self.runtime.block_on(cast)??;
        self.line = Some(line);
        Ok(processed)
    }
}

/// Answers on every connection, each in a thread.
pub(super) fn serve_blocking() -> io::Result<()> {
    let listener = net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    say(&Listening { address: listener.local_addr()?.to_string() })?;
    loop {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        thread::spawn(move || {
            let (mut inbox, mut casts, mut out) = (Inbox::new(), 0, Vec::new());
            loop {
                let length = socket.read(inbox.space())?;
                if length == 0 {
                    return Ok::<(), io::Error>(());
                }
                inbox.filled(length);
                answer(&mut inbox, &mut casts, &mut out);
                socket.write_all(&out)?;
            }
        });
    }
}

/// The system's sockets, and a thread for each caller.
pub(super) struct Blocking {
    address: Arc<str>,
    line: BlockingLine,
}

struct BlockingLine {
    socket: net::TcpStream,
    inbox: Inbox,
    out: Vec<u8>,
}

impl Blocking {
    pub(super) fn open(address: &str) -> io::Result<Self> {
        Ok(Self { address: Arc::from(address), line: BlockingLine::open(address)? })
    }
}

impl Carrier for Blocking {
    fn call(&mut self, callers: usize, length: Duration) -> io::Result<Vec<u32>> {
        let lines: io::Result<Vec<_>> =
            (0..callers).map(|_| BlockingLine::open(&self.address)).collect();
        let start = |line: BlockingLine| thread::spawn(move || line.call_for(length));
        let threads: Vec<_> = lines?.into_iter().map(start).collect();
        let mut spans = Vec::new();
        for thread in threads {
            let called = thread.join().map_err(|_| io::Error::other("a caller panicked"))?;
            spans.append(&mut called?);
        }
        Ok(spans)
    }

    fn cast(&mut self, bytes: usize, count: usize) -> io::Result<u64> {
        let (line, payload) = (&mut self.line, vec![1; bytes]);
        for _ in 0..count {
            put(&mut line.out, CAST, &payload);
            if line.out.len() >= PIECE {
                line.socket.write_all(&line.out)?;
                line.out.clear();
            }
        }
        told(&line.ask(COUNT, &[])?)
    }
}

impl BlockingLine {
    fn open(address: &str) -> io::Result<Self> {
        let socket = net::TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, inbox: Inbox::new(), out: Vec::new() })
    }

    fn ask(&mut self, kind: u8, payload: &[u8]) -> io::Result<Vec<u8>> {
        put(&mut self.out, kind, payload);
        self.socket.write_all(&self.out)?;
        self.out.clear();
        loop {
            if let Some((_, payload)) = self.inbox.next() {
                return Ok(payload.to_vec());
            }
            let length = self.socket.read(self.inbox.space())?;
            self.inbox.filled(some(length)?);
        }
    }

    fn call_for(mut self, length: Duration) -> io::Result<Vec<u32>> {
        let mut watch = Watch::start(length);
        loop {
            self.ask(CALL, &[1; CALL_BYTES])?;
            if !watch.lap() {
                return Ok(watch.spans());
            }
        }
    }
}

fn some(length: usize) -> io::Result<usize> {
    if length == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(length) }
}

fn told(answer: &[u8]) -> io::Result<u64> {
    let bytes = answer.first_chunk().ok_or(io::ErrorKind::InvalidData)?;
    Ok(u64::from_le_bytes(*bytes))
}
