//! The queue that events are polled from, and the bell that tells of new ones.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chinwag::Replay;
use chinwag::error::{Error as CoreError, ErrorKind, Result};
use chinwag::host::{Host, Subscription};

/// Events that the node hands out at a time.
const BATCH: usize = 256;

/// The events that chinwag_next_event() hands out.
#[derive(Default)]
pub(crate) struct Queue {
    reader: Mutex<Option<Reader>>,
}

struct Reader {
    subscription: Subscription,
    ready: VecDeque<chinwag::Event>,
    ended: bool,
}

impl Queue {
    /// Starts again with a fresh subscription.
    pub(crate) fn subscribe(&self, host: &Host, bell: &Bell, replay: Replay) -> Result<()> {
        let reader = Reader::new(host, replay)?;
        let old = lock(&self.reader).replace(reader);
        drop(old);
        bell.ring();
        Ok(())
    }

    /// The descriptor that tells of events.
    pub(crate) fn descriptor(&self, host: &Host, bell: &Bell) -> Result<RawFd> {
        drop(self.reader(host)?);
        bell.descriptor().map_err(|cause| {
            CoreError::new(ErrorKind::Internal, format!("no descriptor could be made: {cause}"))
        })
    }

    /// The next event; waits until `deadline` for it, or for ever.
    pub(crate) fn next(
        &self,
        host: &Host,
        bell: &Bell,
        deadline: Option<Instant>,
    ) -> Result<chinwag::Event> {
        loop {
            let seen = bell.count();
            if let Some(event) = self.take(host, bell)? {
                return Ok(event);
            }
            if !bell.wait(seen, deadline) {
                return Err(CoreError::new(ErrorKind::Timeout, "no event came in time"));
            }
        }
    }

    fn reader(&self, host: &Host) -> Result<MutexGuard<'_, Option<Reader>>> {
        // A forked child must not wait for a lock that a thread of its parent held.
        host.is_closed()?;
        let mut reader = lock(&self.reader);
        if reader.is_none() {
            *reader = Some(Reader::new(host, Replay::Yes)?);
        }
        Ok(reader)
    }

    fn take(&self, host: &Host, bell: &Bell) -> Result<Option<chinwag::Event>> {
        let mut guard = self.reader(host)?;
        let Some(reader) = guard.as_mut() else { return Ok(None) };
        if reader.ready.is_empty() && !reader.ended {
            // Silenced first: what comes while we look rings again.
            bell.silence();
            let batch = reader.subscription.drain(BATCH)?;
            reader.ready.extend(batch.events);
            reader.ended = batch.ended;
            if reader.ended || !reader.ready.is_empty() {
                bell.light();
            }
        }
        match reader.ready.pop_front() {
            None if reader.ended => Err(CoreError::closed()),
            event => Ok(event),
        }
    }
}

impl Reader {
    fn new(host: &Host, replay: Replay) -> Result<Self> {
        let subscription = host.subscribe(replay)?;
        Ok(Self { subscription, ready: VecDeque::new(), ended: false })
    }
}

/// Tells threads and pollers that there may be something to take. The node rings it while it holds
/// a lock of its own; so nothing is locked beyond this bell.
#[derive(Default)]
pub(crate) struct Bell {
    inner: Mutex<BellInner>,
    rung: Condvar,
}

#[derive(Default)]
struct BellInner {
    count: u64,
    lit: bool,
    /// Made for the first poller. One byte waits in it while the bell is lit. Both ends live as
    /// long as the bell: a write can never meet a closed socket, which would be a SIGPIPE.
    socket: Option<(UnixStream, UnixStream)>,
}

impl Bell {
    pub(crate) fn ring(&self) {
        let mut inner = lock(&self.inner);
        inner.count += 1;
        inner.light();
        self.rung.notify_all();
    }

    /// How often it has rung.
    pub(crate) fn count(&self) -> u64 {
        lock(&self.inner).count
    }

    /// Waits until it has rung more often than that; whether it did before `deadline`.
    pub(crate) fn wait(&self, seen: u64, deadline: Option<Instant>) -> bool {
        let mut inner = lock(&self.inner);
        while inner.count == seen {
            inner = match deadline {
                None => self.rung.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    let woken = self.rung.wait_timeout(inner, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    fn light(&self) {
        lock(&self.inner).light();
    }

    fn silence(&self) {
        let mut inner = lock(&self.inner);
        if let Some((reader, _)) = inner.socket.as_ref().filter(|_| inner.lit) {
            let mut reader = reader;
            let _ = reader.read(&mut [0; 8]);
        }
        inner.lit = false;
    }

    fn descriptor(&self) -> io::Result<RawFd> {
        let mut inner = lock(&self.inner);
        if let Some((reader, _)) = &inner.socket {
            return Ok(reader.as_raw_fd());
        }
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        let descriptor = reader.as_raw_fd();
        inner.socket = Some((reader, writer));
        // Something may be there already.
        inner.lit = false;
        inner.light();
        Ok(descriptor)
    }
}

impl BellInner {
    fn light(&mut self) {
        if let Some((_, writer)) = self.socket.as_ref().filter(|_| !self.lit) {
            let mut writer = writer;
            let _ = writer.write(&[1]);
        }
        self.lit = true;
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
