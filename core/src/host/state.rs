//! Keys of members for a binding: looked up at once, written by operations that settle, followed in
//! batches.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::{Host, HostWake};
use crate::error::{Error, ErrorKind, Result};
use crate::node::{Entry, Replay, Watch, Watched};

impl Host {
    /// The value that a key of a present member has, as far as this node has heard.
    ///
    /// # Errors
    /// `forked`.
    pub fn get(&self, member: &str, key: &str) -> Result<Option<Arc<[u8]>>> {
        self.check()?;
        Ok(self.node.get(member, key))
    }

    /// The keys of all present members that begin so, in the order of the members' names and of the
    /// keys.
    ///
    /// # Errors
    /// `forked`.
    pub fn entries(&self, prefix: &str) -> Result<Vec<Entry>> {
        self.check()?;
        Ok(self.node.entries(prefix))
    }

    /// Follows the keys of all members that begin so. With a replay, those that are there come
    /// first, then [`Watched::ReplayDone`].
    ///
    /// # Errors
    /// `forked`.
    pub fn watch(&self, prefix: &str, replay: Replay) -> Result<Watching> {
        self.check()?;
        Ok(self.watching(self.node.watch(prefix, replay)))
    }

    pub(super) fn watching<W: Stream + Unpin>(&self, watch: W) -> Watching<W> {
        Watching {
            pid: self.pid,
            watch: Some(watch),
            waker: self.waker(),
            wake: Arc::clone(&self.wake),
        }
    }
}

/// A watch of keys of a binding. The host's wake object is poked when there is something to take
/// after [`Watching::drain`] came back with less than `max`. Dropped, nothing more is kept for it.
#[derive(Debug)]
pub struct Watching<W: Stream + Unpin = Watch> {
    pid: u32,
    /// Always there; an option so that a forked child can forget it.
    watch: Option<W>,
    waker: Waker,
    wake: Arc<HostWake>,
}

/// What [`Watching::drain`] found.
#[derive(Debug)]
pub struct Changes<C = Watched> {
    /// What happened next, in order.
    pub changes: Vec<C>,
    /// Nothing will come after these: the node was closed.
    pub ended: bool,
}

impl<W: Stream + Unpin> Watching<W> {
    /// Takes up to `max` changes. One that tells of changes that were lost has all the keys that
    /// are watched.
    ///
    /// # Errors
    /// `forked`.
    pub fn drain(&mut self, max: usize) -> Result<Changes<W::Item>> {
        if std::process::id() != self.pid {
            return Err(Error::new(ErrorKind::Forked, "this watch is the parent's"));
        }
        let mut taken = Changes { changes: Vec::new(), ended: false };
        let mut context = Context::from_waker(&self.waker);
        let Some(watch) = &mut self.watch else { return Ok(taken) };
        while taken.changes.len() < max {
            match Pin::new(&mut *watch).poll_next(&mut context) {
                Poll::Ready(Some(change)) => taken.changes.push(change),
                Poll::Ready(None) => {
                    taken.ended = true;
                    break;
                }
                Poll::Pending => break,
            }
        }
        Ok(taken)
    }

    /// Has this object poked from now on in place of the host's, as [`Host::set_wake`] has it. Call
    /// it before [`Watching::drain`].
    pub fn set_wake(&mut self, wake: Box<dyn Fn() + Send + Sync>) {
        self.waker = self.wake.beside(wake);
    }
}

impl<W: Stream + Unpin> Drop for Watching<W> {
    fn drop(&mut self) {
        if std::process::id() != self.pid {
            // To let go takes the lock of the node's board, which may be held for ever here.
            std::mem::forget(self.watch.take());
        }
    }
}
