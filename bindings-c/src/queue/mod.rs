//! The queue that events are polled from, and the bell that tells of new ones; `feeds` are the same
//! of what comes one by one.

pub(crate) mod feeds;

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use chinwag::Replay;
use chinwag::error::{Error as CoreError, ErrorKind, Result};
use chinwag::host::{Host, Subscription};

use crate::ffi::forks;

/// Events that the node hands out at a time.
const BATCH: usize = 256;

/// The events that chinwag_next_event() hands out.
pub(crate) struct Queue {
    /// As it was in the process that owns the node.
    forks: u32,
    reader: Mutex<Option<Reader>>,
}

struct Reader {
    subscription: Subscription,
    ready: VecDeque<chinwag::Event>,
    ended: bool,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self { forks: forks(), reader: Mutex::default() }
    }

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
        if forks() != self.forks {
            host.is_closed()?;
        }
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
            reader.refill()?;
            if reader.has_nothing() {
                // What came since found the bell lit, and did not ring it again.
                bell.silence();
                reader.refill()?;
            }
            if !reader.has_nothing() {
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

    fn refill(&mut self) -> Result<()> {
        let batch = self.subscription.drain(BATCH)?;
        self.ready = batch.events.into();
        self.ended = batch.ended;
        Ok(())
    }

    /// Whether there is neither an event nor the end to tell of.
    fn has_nothing(&self) -> bool {
        self.ready.is_empty() && !self.ended
    }
}

/// Tells threads and pollers that there may be something to take. Nothing is locked beyond it when
/// it rings.
#[derive(Default)]
pub(crate) struct Bell {
    /// How often it rang. Counted under the lock, so that no waiter misses it.
    count: AtomicU64,
    /// How many threads wait.
    waiting: Mutex<usize>,
    rung: Condvar,
    /// Made for the first poller.
    wire: OnceLock<Wire>,
}

impl Bell {
    pub(crate) fn ring(&self) {
        let waiting = {
            let waiting = lock(&self.waiting);
            self.count.fetch_add(1, Ordering::AcqRel);
            *waiting
        };
        self.light();
        // Only now, lest they wake up to wait for the lock; and it is a system call.
        if waiting > 0 {
            self.rung.notify_all();
        }
    }

    /// How often it has rung.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Waits until it has rung more often than that; whether it did before `deadline`.
    pub(crate) fn wait(&self, seen: u64, deadline: Option<Instant>) -> bool {
        let mut waiting = lock(&self.waiting);
        *waiting += 1;
        while self.count() == seen {
            waiting = match deadline {
                None => self.rung.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    let woken = self.rung.wait_timeout(waiting, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        *waiting -= 1;
        self.count() != seen
    }

    fn light(&self) {
        if let Some(wire) = self.wire.get() {
            wire.light();
        }
    }

    fn silence(&self) {
        if let Some(wire) = self.wire.get() {
            wire.silence();
        }
    }

    fn descriptor(&self) -> io::Result<RawFd> {
        if let Some(wire) = self.wire.get() {
            return Ok(wire.reader.as_raw_fd());
        }
        let (reader, writer) = io::pipe()?;
        let made = Wire { reader, writer, lit: AtomicBool::new(false) };
        let wire = self.wire.get_or_init(|| made);
        // Something may be there already.
        wire.light();
        Ok(wire.reader.as_raw_fd())
    }
}

/// A pipe with one byte in it while it is lit, or one about to come: so neither end ever blocks.
/// It wakes faster than a pair of sockets does. Both ends live as long as the bell: nothing is
/// written to a closed pipe, which would be a SIGPIPE.
struct Wire {
    reader: PipeReader,
    writer: PipeWriter,
    lit: AtomicBool,
}

impl Wire {
    fn light(&self) {
        if !self.lit.swap(true, Ordering::AcqRel) {
            let _ = (&self.writer).write_all(&[1]);
        }
    }

    fn silence(&self) {
        if self.lit.swap(false, Ordering::AcqRel) {
            let _ = (&self.reader).read_exact(&mut [0]);
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
