//! Leaving on SIGTERM and SIGINT, for programs without an event loop that would do it.
//!
//! The first signal runs every farewell, side by side, on threads of their own; then the process
//! ends as it would have without us. A second signal ends it at once. A signal that the program
//! ignores stays ignored. One for which the program had a handler before goes to that handler as
//! well, and ending the process is left to it.
//!
//! ```no_run
//! # fn leave() {}
//! let guard = chinwag::signals::on_terminate(leave)?;
//! // … as long as the guard lives, SIGTERM means: leave, then end.
//! # drop(guard);
//! # Ok::<(), chinwag::Error>(())
//! ```
#![allow(clippy::disallowed_methods, reason = "farewells run on threads of their own")]

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

use crate::error::{Error, ErrorKind, Result};

type Farewell = Box<dyn FnOnce() + Send>;

/// Keeps a farewell in force. Dropped: the signals do again what they did before.
#[derive(Debug)]
pub struct Guard {
    id: u64,
}

/// Runs `farewell` at the first SIGTERM or SIGINT, then lets the process end.
///
/// # Errors
/// `internal` when the system refuses a handler or a thread.
pub fn on_terminate(farewell: impl FnOnce() + Send + 'static) -> Result<Guard> {
    on_terminate_knowing(Before::of, farewell)
}

/// As [`on_terminate`], where `before` tells what a signal did before. It is asked once a process.
///
/// # Errors
/// As for [`on_terminate`].
pub fn on_terminate_knowing(
    before: fn(signal: i32) -> Before,
    farewell: impl FnOnce() + Send + 'static,
) -> Result<Guard> {
    let mut watch = watch();
    watch.install(before).map_err(|cause| {
        let message = format!("signals cannot be handled: {cause}");
        Error::new(ErrorKind::Internal, message)
    })?;
    if watch.farewells.is_empty() {
        at_once().store(false, Ordering::SeqCst);
    }
    watch.next += 1;
    let id = watch.next;
    watch.farewells.insert(id, Box::new(farewell));
    Ok(Guard { id })
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut watch = watch();
        // In a forked child the numbers name the parent's farewells.
        let removed = watch.farewells.remove(&self.id);
        if watch.farewells.is_empty() {
            at_once().store(true, Ordering::SeqCst);
        }
        drop(watch);
        // It may hold a node, and dropping that takes its time.
        drop(removed);
    }
}

/// To be called in the child after a `fork`, where the threads that would run a farewell are
/// missing: a signal does at once what it did before, and so does one that came before this call.
/// Safe in an `atfork` handler.
pub fn after_fork() {
    let (Some(at_once), Some(received)) = (AT_ONCE.get(), RECEIVED.get()) else { return };
    at_once.store(true, Ordering::SeqCst);
    // Noted by the handler, for a thread that did not come along. A handler of the program's own
    // has seen it already.
    match i32::try_from(received.swap(0, Ordering::SeqCst)) {
        Ok(0) | Err(_) => {}
        Ok(signal) if CAUGHT.load(Ordering::SeqCst) & bit(signal) != 0 => {}
        // Does not come back.
        Ok(signal) => drop(low_level::emulate_default_handler(signal)),
    }
}

static WATCH: Mutex<Watch> = Mutex::new(Watch::new());
static AT_ONCE: OnceLock<Arc<AtomicBool>> = OnceLock::new();
static RECEIVED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();
/// The signals for which the program has a handler of its own, each a bit.
static CAUGHT: AtomicUsize = AtomicUsize::new(0);

fn watch() -> MutexGuard<'static, Watch> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Set while there is nothing to say, and by the first signal.
fn at_once() -> &'static Arc<AtomicBool> {
    AT_ONCE.get_or_init(|| Arc::new(AtomicBool::new(true)))
}

/// The signal that came last and that nobody has attended to; 0 is none.
fn received() -> &'static Arc<AtomicUsize> {
    RECEIVED.get_or_init(Arc::default)
}

fn bit(signal: i32) -> usize {
    1 << signal
}

/// What is to be done at the first signal, and the handlers that see to it.
struct Watch {
    farewells: BTreeMap<u64, Farewell>,
    next: u64,
    /// Process that the handlers were installed in; none is 0.
    pid: u32,
    hooks: Vec<SigId>,
    /// What the signals did before the first handler of ours; a forked child must not take that
    /// handler, which it inherits, for one of the program's.
    before: Option<[(i32, Before); 2]>,
}

impl Watch {
    const fn new() -> Self {
        Self { farewells: BTreeMap::new(), next: 0, pid: 0, hooks: Vec::new(), before: None }
    }

    /// Installs the handlers, once in a process.
    fn install(&mut self, before: fn(i32) -> Before) -> io::Result<()> {
        if self.pid == std::process::id() {
            return Ok(());
        }
        self.uninstall();
        // What a parent had to say is not ours; dropping it could touch locks that nobody frees.
        std::mem::forget(std::mem::take(&mut self.farewells));
        let outcome = self.hook(before);
        if outcome.is_ok() {
            self.pid = std::process::id();
        } else {
            self.uninstall();
        }
        outcome
    }

    fn uninstall(&mut self) {
        for hook in self.hooks.drain(..) {
            low_level::unregister(hook);
        }
    }

    fn hook(&mut self, before: fn(i32) -> Before) -> io::Result<()> {
        let (waker, bell) = UnixStream::pair()?;
        let asked = || [SIGTERM, SIGINT].map(|signal| (signal, before(signal)));
        for (signal, before) in *self.before.get_or_insert_with(asked) {
            match before {
                Before::Ignored => continue,
                Before::Caught => drop(CAUGHT.fetch_or(bit(signal), Ordering::SeqCst)),
                // First in the row, so that it sees what the signal before has set.
                Before::Default => self
                    .hooks
                    .push(flag::register_conditional_default(signal, Arc::clone(at_once()))?),
            }
            let number = usize::try_from(signal).unwrap_or_default();
            self.hooks.push(flag::register(signal, Arc::clone(at_once()))?);
            self.hooks.push(flag::register_usize(signal, Arc::clone(received()), number)?);
            self.hooks.push(low_level::pipe::register(signal, waker.try_clone()?)?);
        }
        thread::Builder::new()
            .name("chinwag-signals".to_owned())
            .spawn(move || attend(bell))
            .map(drop)
    }
}

/// Waits for signals, for ever: the thread ends with the process.
fn attend(mut bell: UnixStream) {
    let mut byte = [0];
    // The socket is shared with forked children; what counts is the number in our own memory.
    while matches!(bell.read(&mut byte), Ok(1)) {
        let signal = match i32::try_from(received().swap(0, Ordering::SeqCst)) {
            Ok(0) | Err(_) => continue,
            Ok(signal) => signal,
        };
        let farewells = std::mem::take(&mut watch().farewells);
        say(farewells.into_values());
        if CAUGHT.load(Ordering::SeqCst) & bit(signal) == 0 {
            // Does not come back.
            let _ = low_level::emulate_default_handler(signal);
        }
    }
}

/// Says every farewell and waits for the last. One that panics is over.
fn say(farewells: impl Iterator<Item = Farewell>) {
    let threads: Vec<_> = farewells
        .filter_map(|farewell| {
            thread::Builder::new().name("chinwag-farewell".to_owned()).spawn(farewell).ok()
        })
        .collect();
    for thread in threads {
        let _ = thread.join();
    }
}

/// What a signal did before anything here touched it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It ended the process.
    Default,
    /// Nothing.
    Ignored,
    /// It called a handler of the program.
    Caught,
}

impl Before {
    /// As Linux tells it in `/proc`; elsewhere every signal counts as untouched. Under a tool that
    /// catches every signal in the program's place, such as valgrind, so does every signal here.
    fn of(signal: i32) -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self::read(&status, signal)
    }

    fn read(status: &str, signal: i32) -> Self {
        let is_in = |field: &str| {
            let mask = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0");
            let mask = u64::from_str_radix(mask.trim(), 16).unwrap_or_default();
            mask >> (signal - 1) & 1 == 1
        };
        match (is_in("SigIgn:"), is_in("SigCgt:")) {
            (true, _) => Self::Ignored,
            (false, true) => Self::Caught,
            (false, false) => Self::Default,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read_bit_by_bit() {
        let status = "Name:\tx\nSigIgn:\t0000000000000002\nSigCgt:\t0000000000004000\n";
        assert_eq!(Before::read(status, 2), Before::Ignored);
        assert_eq!(Before::read(status, 15), Before::Caught);
        assert_eq!(Before::read(status, 1), Before::Default);
        assert_eq!(Before::read("", 15), Before::Default);
    }
}
