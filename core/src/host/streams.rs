//! Calls that stream, of a binding: nothing waits, and what there is is taken in batches.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Wake, Waker};

use super::{Host, HostWake, Message, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::messaging::{Next, Payload};
use crate::node::{Asked as Request, Mesh, StreamEnd};

/// One end of a call that streams: of who calls, or of the server. Any thread may use it. Dropped,
/// a call that this node has made is given up, unless it is over.
#[derive(Debug)]
pub struct Streaming {
    pid: u32,
    id: u64,
    end: Arc<StreamEnd>,
    waker: Waker,
    wake: Arc<HostWake>,
}

/// What [`Streaming::take`] found.
#[derive(Debug, Default)]
pub struct Items {
    /// The next items, in order.
    pub items: Vec<Payload>,
    /// How it ended, behind these, once: at the end of who calls, what the call came to; at the end
    /// of a server, nothing when the caller has finished, else why there is no more.
    pub end: Option<Result<Payload>>,
    /// There will be no more.
    pub ended: bool,
}

impl Host {
    /// Makes a call that streams. The timeout of the message is how long nothing may move, in
    /// either direction; while an item waits to be taken here, it does not run. Where
    /// `outbox_overflow` is `block`, it is refused as in `reject`.
    ///
    /// # Errors
    /// What is known at once: nothing was sent then. `closed`, `forked`.
    pub fn stream(&self, message: &Message<'_>, payload: Payload) -> Result<Streaming> {
        self.check()?;
        let timeout = message.timeout.unwrap_or_else(|| self.node.call_timeout());
        let deadline = Mesh::deadline(timeout);
        let end = self.ask(message, payload, deadline, Mesh::open_now)?;
        Ok(self.streaming(end))
    }

    /// The server's end of a call, once. The call is answered as any other is, which ends the items
    /// of the answer; the caller sends none before [`Streaming::take`] is called here.
    ///
    /// # Errors
    /// `bad_argument` when the caller does not stream, or the end was asked for before; `forked`.
    pub fn stream_of(&self, request: &Request) -> Result<Streaming> {
        self.check()?;
        request.take_end().map(|end| self.streaming(end))
    }

    fn streaming(&self, end: Arc<StreamEnd>) -> Streaming {
        let listed = self.ready.enlist(&self.wake);
        let (id, wake) = (listed.id, Arc::clone(&self.wake));
        Streaming { pid: self.pid, id, end, waker: Waker::from(listed), wake }
    }

    /// Takes the numbers of up to `max` ends at which something happened: there is something to
    /// take, or room again. One that was dropped meanwhile may be among them.
    ///
    /// # Errors
    /// `forked`.
    pub fn ready_streams(&self, max: usize) -> Result<Vec<u64>> {
        self.check()?;
        Ok(self.ready.take(max))
    }
}

impl Streaming {
    /// Names it among those of this host; never used twice.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Sends an item; or gives it back when there is no room, as before the other side has begun to
    /// read: the wake object is poked when there is.
    ///
    /// # Errors
    /// `too_large` for this item alone. Otherwise no more can be sent: `cancelled` when the other
    /// side reads no more, has given up or has answered, `node_down`, and whatever else the call
    /// came to; `bad_argument` after [`Streaming::finish`]; `closed`, `forked`.
    pub fn send(&self, item: Payload) -> Result<Option<Payload>> {
        self.check()?;
        self.end.send(item, &self.waker)
    }

    /// Takes up to `max` items. When there are fewer and no end, the wake object is poked once
    /// there is more.
    ///
    /// # Errors
    /// `forked`.
    pub fn take(&self, max: usize) -> Result<Items> {
        self.check()?;
        let mut taken = Items::default();
        while taken.items.len() < max && !taken.ended {
            match self.end.next(&self.waker) {
                Next::Item(item) => taken.items.push(item),
                Next::End(result) => (taken.end, taken.ended) = (Some(result), true),
                Next::Over => taken.ended = true,
                Next::Later => break,
            }
        }
        Ok(taken)
    }

    /// Says that no more items of the request will come. Those of an answer end with it.
    ///
    /// # Errors
    /// `forked`.
    pub fn finish(&self) -> Result<()> {
        self.check()?;
        self.end.finish();
        Ok(())
    }

    /// Nobody reads the items any more: whoever sends them is told, and the call goes on.
    ///
    /// # Errors
    /// `forked`.
    pub fn stop(&self) -> Result<()> {
        self.check()?;
        self.end.stop();
        Ok(())
    }

    /// Gives up a call that this node has made: the server is told, and the end says `cancelled`
    /// behind the items that have come.
    ///
    /// # Errors
    /// `forked`.
    pub fn cancel(&self) -> Result<()> {
        self.check()?;
        self.end.abandon();
        Ok(())
    }

    /// Has this object poked from now on, as [`Host::set_wake`] has it, in place of the host's:
    /// then it is not among [`Host::ready_streams`]. Call it before anything is sent or taken.
    pub fn set_wake(&mut self, wake: Box<dyn Fn() + Send + Sync>) {
        self.waker = self.wake.beside(wake);
    }

    fn check(&self) -> Result<()> {
        if std::process::id() == self.pid {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Forked, "this stream is the parent's"))
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        // Each does nothing in a forked child. Those of a server are held by its request as well.
        self.end.abandon();
        self.end.stop();
    }
}

/// The ends at which something happened. Each is there once at most.
#[derive(Debug, Default)]
pub(super) struct Ready {
    list: Mutex<VecDeque<Arc<ReadyWake>>>,
    last: AtomicU64,
}

/// Puts an end on the list.
#[derive(Debug)]
struct ReadyWake {
    id: u64,
    listed: AtomicBool,
    ready: Weak<Ready>,
    host: Weak<HostWake>,
}

impl Ready {
    fn enlist(self: &Arc<Self>, host: &Arc<HostWake>) -> Arc<ReadyWake> {
        Arc::new(ReadyWake {
            id: self.last.fetch_add(1, Ordering::Relaxed) + 1,
            listed: AtomicBool::new(false),
            ready: Arc::downgrade(self),
            host: Arc::downgrade(host),
        })
    }

    fn take(&self, max: usize) -> Vec<u64> {
        let mut list = lock(&self.list);
        let count = max.min(list.len());
        // From here on it is listed again, if something happens.
        let taken = list.drain(..count).inspect(|wake| wake.listed.store(false, Ordering::Release));
        taken.map(|wake| wake.id).collect()
    }
}

impl Wake for ReadyWake {
    fn wake(self: Arc<Self>) {
        let Some(ready) = self.ready.upgrade() else { return };
        let host = self.host.upgrade();
        let mut list = lock(&ready.list);
        if self.listed.swap(true, Ordering::AcqRel) {
            return;
        }
        list.push_back(self);
        let first = list.len() == 1;
        drop(list);
        host.filter(|_| first).into_iter().for_each(Wake::wake);
    }
}
