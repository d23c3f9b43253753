//! What comes one by one, to a callback or to whoever takes it: publications, and changes of keys.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chinwag::error::{Error as CoreError, ErrorKind, Result};

use crate::callbacks::{Callbacks, FreeFn, Slot, Source, TURN};
use crate::ffi::{Callback, Handler, forks, own_process};
use crate::node::Node;
use crate::queue::{Bell, lock};

/// Where it comes from. What was not taken yet waits in the node, which bounds it.
pub(crate) trait Flow: Send + 'static {
    type Item: 'static;

    /// The next one, if there is one. An error: nothing will come any more.
    fn take(&mut self) -> Result<Option<Self::Item>>;
}

/// One such source, and whoever is told of it. It may outlive its node, and has nothing to give
/// then.
pub(crate) struct Feed<F: Flow> {
    fed: Arc<Fed<F>>,
    callbacks: Arc<Callbacks>,
    bell: Arc<Bell>,
    /// Its number among the callbacks, if it has one.
    number: Option<u64>,
}

/// A callback that is to be told, if there is one.
pub(crate) fn told<T>(
    callback: Option<Callback<*const T>>,
    user_data: *mut c_void,
    free: FreeFn,
) -> Option<Slot<*const T>> {
    callback.map(|callback| Slot::new(Handler::new(callback, user_data, free)))
}

/// When a wait ends that may take so long; never for a negative number.
pub(crate) fn deadline(timeout_ms: i32) -> Option<Instant> {
    let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
    timeout.map(|timeout| Instant::now() + timeout)
}

impl<F: Flow> Feed<F> {
    /// On failure the data of the callback is given back.
    pub(crate) fn new(node: &Node, flow: F, slot: Option<Slot<*const F::Item>>) -> Result<Self> {
        let fed = Arc::new(Fed { forks: forks(), flow: Mutex::new(Some(flow)), slot });
        let number = match &fed.slot {
            None => None,
            Some(slot) => {
                let source = Arc::<Fed<F>>::clone(&fed);
                let added = node.callbacks.add_server(source);
                Some(added.inspect_err(|_| slot.disown())?)
            }
        };
        let (callbacks, bell) = (Arc::clone(&node.callbacks), Arc::clone(&node.bell));
        Ok(Self { fed, callbacks, bell, number })
    }

    /// The next one, for who has no callback; waits for it.
    pub(crate) fn next(&self, timeout_ms: i32) -> Result<F::Item> {
        if self.number.is_some() {
            let message = "what comes here goes to a callback";
            return Err(CoreError::new(ErrorKind::BadArgument, message));
        }
        let deadline = deadline(timeout_ms);
        loop {
            let seen = self.bell.count();
            if let Some(item) = self.fed.take()? {
                return Ok(item);
            }
            if !self.bell.wait(seen, deadline) {
                return Err(CoreError::new(ErrorKind::Timeout, "nothing came in time"));
            }
        }
    }

    /// Ends it, and its callback: see [`Slot::end`]. Doing so again does nothing.
    pub(crate) fn close(&self) -> Result<()> {
        own_process(self.fed.forks)?;
        let flow = lock(&self.fed.flow).take();
        drop(flow);
        match self.number {
            Some(number) => self.callbacks.remove_server(number),
            // Whoever waits is let go.
            None => self.bell.ring(),
        }
        Ok(())
    }

    /// Asks where it comes from; nothing once it is closed.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&F) -> T) -> Option<T> {
        own_process(self.fed.forks).ok()?;
        lock(&self.fed.flow).as_ref().map(question)
    }
}

struct Fed<F: Flow> {
    /// As they were when it was made.
    forks: u32,
    /// Until it is closed. Never held while something is told.
    flow: Mutex<Option<F>>,
    /// Its callback, if it has one.
    slot: Option<Slot<*const F::Item>>,
}

impl<F: Flow> Fed<F> {
    fn take(&self) -> Result<Option<F::Item>> {
        own_process(self.forks)?;
        match &mut *lock(&self.flow) {
            Some(flow) => flow.take(),
            None => Err(CoreError::closed()),
        }
    }
}

impl<F: Flow> Source for Fed<F> {
    fn deliver(&self, stopping: &AtomicBool) -> bool {
        let Some(slot) = &self.slot else { return false };
        for _ in 0..TURN {
            if stopping.load(Ordering::SeqCst) || slot.is_removed() {
                return false;
            }
            // An error: it was closed, or the node.
            let Ok(Some(item)) = self.take() else { return false };
            if !slot.call(|handler| handler.call(&item)) {
                return false;
            }
        }
        true
    }

    fn end(&self) {
        if let Some(slot) = &self.slot {
            slot.end();
        }
    }
}

/// Frees a feed of C's, and closes it first.
pub(crate) fn free<T>(handle: Option<Box<T>>, close: impl FnOnce(&T) -> Result<()>) {
    let Some(handle) = handle else { return };
    if close(&handle).is_err() {
        // Whatever a thread of the parent had locked stays locked here for ever.
        std::mem::forget(handle);
    }
}
