//! Callbacks: one dispatcher thread a node, which the protocol never waits for.
//!
//! Every callback for events has a subscription of its own, so its events are in order and
//! numbered; servers have mailboxes. As one thread runs them all, they are never concurrent. No
//! lock that an entry point takes is held while a callback runs, except its own handler's, and that
//! one a callback thread never waits for.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::thread::{self, JoinHandle};

use chinwag::Replay;
use chinwag::error::{Error as CoreError, ErrorKind, Result};
use chinwag::host::{Host, Subscription};

use crate::constants::{
    CHINWAG_MASK_EVENTS_LOST, CHINWAG_MASK_HANDOFF_ACQUIRED, CHINWAG_MASK_HANDOFF_PREPARE,
    CHINWAG_MASK_REPLAY_DONE, CHINWAG_MASK_RING_CHANGE, Status,
};
use crate::error::status_of;
use crate::events::Event;
use crate::ffi::{Handler, given, shared, status, value};
use crate::node::Node;
use crate::queue::{Bell, lock};
use crate::talk::outcomes::Outcomes;

/// A callback: runs on the node's dispatcher thread, never on the protocol's, one event at a time.
/// `event` is borrowed until it returns. It may call any function, chinwag_close() and
/// chinwag_node_free() included. It must return, not throw, jump or end the thread; while it takes
/// its time, the events after this one wait, and after the option "loop_stuck" the others are told
/// that the thread is stuck.
pub type EventFn = Option<unsafe extern "C" fn(event: *const Event, user_data: *mut c_void)>;

/// Frees the data of a callback: called once, after its last event, on the thread that ends it.
pub type FreeFn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Events or messages that one callback gets before the next one has its turn.
pub(crate) const TURN: usize = 64;
/// Events that only come while the cluster's ring is kept.
const OF_RINGS: u32 =
    CHINWAG_MASK_RING_CHANGE | CHINWAG_MASK_HANDOFF_PREPARE | CHINWAG_MASK_HANDOFF_ACQUIRED;
/// The bit that no event has: a mask with it was made from ~0u, and asks for whatever there is.
const WHATEVER: u32 = 1;

thread_local! {
    /// Set on dispatcher threads: they wait for no callback, lest two wait for each other.
    static IS_DISPATCHER: Cell<bool> = const { Cell::new(false) };
}

/// The callbacks of one node.
pub(crate) struct Callbacks {
    /// Weak: handles that outlive the node have this as well.
    host: Weak<Host>,
    bell: Arc<Bell>,
    outcomes: Arc<Outcomes>,
    registry: Mutex<Registry>,
    thread: Mutex<Option<JoinHandle<()>>>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct Registry {
    last: i32,
    listeners: BTreeMap<i32, Arc<Listener>>,
    last_server: u64,
    servers: BTreeMap<u64, Arc<dyn Source>>,
}

/// What the dispatcher takes from.
pub(crate) trait Source: Send + Sync {
    /// Hands over what there is, up to a turn; whether there may be more.
    fn deliver(&self, stopping: &AtomicBool) -> bool;

    /// Ends its callback: see [`Slot::end`].
    fn end(&self);
}

/// Where a callback is, until it is removed.
pub(crate) struct Slot<T> {
    /// Held while the callback runs; empty once it is removed.
    handler: Mutex<Option<Handler<T>>>,
    removed: AtomicBool,
}

impl<T> Slot<T> {
    pub(crate) fn new(handler: Handler<T>) -> Self {
        Self { handler: Mutex::new(Some(handler)), removed: AtomicBool::new(false) }
    }

    /// Runs the callback unless it was removed; whether it is still there afterwards.
    pub(crate) fn call(&self, run: impl FnOnce(&Handler<T>)) -> bool {
        let mut handler = lock(&self.handler);
        if let (Some(handler), false) = (&*handler, self.removed.load(Ordering::SeqCst)) {
            run(handler);
        }
        if !self.removed.load(Ordering::SeqCst) {
            return true;
        }
        let removed = handler.take();
        // The free function is user code: no lock is held while it runs.
        drop(handler);
        drop(removed);
        false
    }

    /// Whether the callback was removed.
    pub(crate) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::SeqCst)
    }

    /// Removes the callback, and waits for it if it is running on another thread; a callback waits
    /// for none.
    pub(crate) fn end(&self) {
        self.removed.store(true, Ordering::SeqCst);
        let handler = match IS_DISPATCHER.get() {
            false => lock(&self.handler).take(),
            // It may be running below us; then it is freed as soon as it is not.
            true => match self.handler.try_lock() {
                Ok(mut handler) => handler.take(),
                Err(_) => None,
            },
        };
        drop(handler);
    }

    /// Takes the callback out and gives its data back, as nothing came of it.
    pub(crate) fn disown(&self) {
        if let Some(handler) = lock(&self.handler).take() {
            handler.disown();
        }
    }
}

/// A callback for events.
struct Listener {
    mask: u32,
    subscription: Mutex<Subscription>,
    slot: Slot<*const Event>,
}

impl Source for Listener {
    fn deliver(&self, stopping: &AtomicBool) -> bool {
        // A closed node has nothing more; the entry stays until the node is done with.
        let Ok(batch) = lock(&self.subscription).drain(TURN) else { return false };
        let more = batch.events.len() == TURN;
        for event in batch.events {
            if self.mask & Event::bit(&event) == 0 {
                continue;
            }
            if stopping.load(Ordering::SeqCst)
                || !self.slot.call(|handler| handler.call(&Event::new(event)))
            {
                return false;
            }
        }
        more
    }

    fn end(&self) {
        self.slot.end();
    }
}

impl Callbacks {
    pub(crate) fn new(host: Weak<Host>, bell: Arc<Bell>, outcomes: Arc<Outcomes>) -> Arc<Self> {
        Arc::new(Self {
            host,
            bell,
            outcomes,
            registry: Mutex::default(),
            thread: Mutex::default(),
            stopping: AtomicBool::new(false),
        })
    }

    /// Adds a callback; its number. On failure its data is given back.
    fn add(self: &Arc<Self>, listener: Listener) -> Result<i32> {
        let mut registry = match self.open() {
            Ok(registry) => registry,
            Err(error) => {
                listener.slot.disown();
                return Err(error);
            }
        };
        registry.last = registry.last.checked_add(1).unwrap_or(1);
        let number = registry.last;
        registry.listeners.insert(number, Arc::new(listener));
        drop(registry);
        self.bell.ring();
        Ok(number)
    }

    /// Removes a callback and waits for it, if it is running on another thread.
    fn remove(&self, number: i32) -> Result<()> {
        let listener = lock(&self.registry).listeners.remove(&number).ok_or_else(|| {
            CoreError::new(ErrorKind::BadArgument, format!("no callback has number {number}"))
        })?;
        listener.end();
        Ok(())
    }

    /// Adds a server; its number.
    pub(crate) fn add_server(self: &Arc<Self>, server: Arc<dyn Source>) -> Result<u64> {
        let mut registry = self.open()?;
        registry.last_server += 1;
        let number = registry.last_server;
        registry.servers.insert(number, server);
        drop(registry);
        self.bell.ring();
        Ok(number)
    }

    /// Removes a server, as [`Callbacks::remove`] does a callback; doing so again does nothing.
    pub(crate) fn remove_server(&self, number: u64) {
        let server = lock(&self.registry).servers.remove(&number);
        if let Some(server) = server {
            server.end();
        }
    }

    /// Ends the dispatcher; waits for it unless called from a callback.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.bell.ring();
        if IS_DISPATCHER.get() {
            return;
        }
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    /// Something can be added while this is held: the dispatcher runs, and takes what is there when
    /// it ends, and only that.
    fn open(self: &Arc<Self>) -> Result<MutexGuard<'_, Registry>> {
        self.start()?;
        let registry = lock(&self.registry);
        if self.stopping.load(Ordering::SeqCst) {
            return Err(CoreError::closed());
        }
        Ok(registry)
    }

    /// Sees to it that the dispatcher runs, unless it is to end.
    pub(crate) fn start(self: &Arc<Self>) -> Result<()> {
        let mut thread = lock(&self.thread);
        if thread.is_some() || self.stopping.load(Ordering::SeqCst) {
            return Ok(());
        }
        let callbacks = Arc::clone(self);
        let spawned = thread::Builder::new()
            .name("chinwag-events".to_owned())
            .spawn(move || callbacks.dispatch());
        *thread = Some(spawned.map_err(|cause| {
            CoreError::new(ErrorKind::Internal, format!("no thread could be started: {cause}"))
        })?);
        Ok(())
    }

    /// Has this thread watched: one whose callback does not return is told to the others.
    fn watch(&self) {
        let bell = Arc::clone(&self.bell);
        let Some(host) = self.host.upgrade() else { return };
        // An error: the node was closed meanwhile.
        let _ = host.watch_loop(Some(Box::new(move || bell.ring())));
    }

    fn dispatch(&self) {
        IS_DISPATCHER.set(true);
        self.watch();
        while !self.stopping.load(Ordering::SeqCst) {
            let seen = self.bell.count();
            self.host.upgrade().inspect(|host| host.loop_turned());
            let mut idle = !self.outcomes.deliver(TURN);
            let sources = lock(&self.registry).sources();
            for source in sources {
                idle &= !source.deliver(&self.stopping);
            }
            if idle {
                self.bell.wait(seen, None);
            }
        }
        if let Some(host) = self.host.upgrade() {
            // An error: this is no longer the process that is watched.
            let _ = host.unwatch_loop();
        }
        // Each call that is under way is over by now: it has to be told.
        self.outcomes.end();
        let rest = std::mem::take(&mut *lock(&self.registry));
        rest.sources().iter().for_each(|source| source.end());
    }
}

impl Registry {
    fn sources(&self) -> Vec<Arc<dyn Source>> {
        let listeners = self.listeners.values().map(|listener| {
            let listener: Arc<dyn Source> = Arc::<Listener>::clone(listener);
            listener
        });
        listeners.chain(self.servers.values().cloned()).collect()
    }
}

/// Calls `callback` for the events whose bits are set in `mask`; "events-lost" is told whatever the
/// mask. A mask with CHINWAG_MASK_REPLAY_DONE, as ~0u has, asks for a replay: first one
/// "member-join" for each member that is here, then "replay-done", then what happens.
///
/// A mask that names CHINWAG_MASK_RING_CHANGE or a hand-off has the cluster's ring kept, as a call
/// of chinwag_node_ring() does, and takes as long. One that is made from ~0u takes what there is:
/// these events come then once somebody has asked for the ring.
///
/// Returns a number above 0, for chinwag_off_event(), or a negative status. On success `user_data`
/// is taken: `free_user_data`, if not NULL, is called with it once no event can follow. On failure
/// it stays yours.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_on_event(
    node: *mut Node,
    mask: u32,
    callback: EventFn,
    user_data: *mut c_void,
    free_user_data: FreeFn,
) -> i32 {
    let add = || {
        let node = shared(node, "node")?;
        let handler = given(callback, "callback")?;
        if node.host.is_closed()? {
            return Err(CoreError::closed());
        }
        let replay = match mask & CHINWAG_MASK_REPLAY_DONE {
            0 => Replay::No,
            _ => Replay::Yes,
        };
        let subscription = node.host.subscribe(replay)?;
        if mask & WHATEVER == 0 && mask & OF_RINGS != 0 {
            // Behind the subscription, which so hears of every change from this ring on.
            node.host.ring()?;
        }
        let slot = Slot::new(Handler::new(handler, user_data, free_user_data));
        let (mask, subscription) = (mask | CHINWAG_MASK_EVENTS_LOST, Mutex::new(subscription));
        node.callbacks.add(Listener { mask, subscription, slot })
    };
    value(Status::CHINWAG_EINTERNAL as i32, || {
        add().unwrap_or_else(|error| status_of(&error) as i32)
    })
}

/// Ends the callback of that number. When this returns, the callback does not run and will not run
/// again, and its data is freed; so do not hold a lock that it waits for. From within a callback it
/// does not wait: then that holds once the running callback has returned.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_off_event(node: *mut Node, number: i32) -> Status {
    status(None, || {
        let node = shared(node, "node")?;
        node.host.is_closed()?;
        node.callbacks.remove(number)
    })
}
