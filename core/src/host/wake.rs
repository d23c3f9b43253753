//! The wake object as a waker of the standard library.
//!
//! The core wakes while it holds the lock of what it has just put there, in the middle of what it
//! has read from a connection. Poked at once, the host's thread would run into that lock, be put to
//! sleep and woken again, and find one message where a moment later there were many. So what is
//! woken on the node's own thread is poked by a task of its own, which is next once the one that
//! woke it is done.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};

use super::lock;

thread_local! {
    /// Whether the task that pokes does so on this thread.
    static POKING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the present poke is one of the node's own thread while nothing of the core is locked.
/// The wake object may then take what there is by itself, instead of having another thread do that.
pub fn is_unlocked() -> bool {
    POKING.get()
}

/// For as long as the task pokes.
struct Poking;

impl Poking {
    fn begin() -> Self {
        POKING.set(true);
        Self
    }
}

impl Drop for Poking {
    fn drop(&mut self) {
        POKING.set(false);
    }
}

/// What a host has poked.
pub(super) type Poke = dyn Fn() + Send + Sync;

/// An object that is poked.
#[derive(Default)]
pub(super) struct HostWake {
    poke: Mutex<Option<Arc<Poke>>>,
    later: Arc<Later>,
    /// How often it was woken since it was poked.
    due: AtomicUsize,
}

impl HostWake {
    /// One of the same host that pokes something else.
    pub(super) fn beside(&self, poke: Box<Poke>) -> Waker {
        let (poke, later) = (Mutex::new(Some(Arc::from(poke))), Arc::clone(&self.later));
        Waker::from(Arc::new(Self { poke, later, due: AtomicUsize::new(0) }))
    }

    /// Pokes that from now on.
    pub(super) fn set(&self, poke: Option<Box<Poke>>) {
        *lock(&self.poke) = poke.map(Arc::from);
    }

    /// Pokes at once. What is poked may wait for who pokes on another thread: nothing is locked.
    pub(super) fn poke(&self) {
        let poke = lock(&self.poke).clone();
        poke.inspect(|poke| poke());
    }

    /// Pokes what is due: twice, if it was woken for several things. A host may take a poke that
    /// finds outcomes for one that is about nothing else.
    fn poke_due(&self) {
        for _ in 0..self.due.swap(0, Ordering::AcqRel).min(2) {
            self.poke();
        }
    }

    /// The task that pokes what was woken on its thread. It never ends by itself.
    pub(super) fn poker(&self) -> impl Future<Output = ()> + use<> {
        Poker(Arc::clone(&self.later))
    }
}

impl Wake for HostWake {
    fn wake(self: Arc<Self>) {
        // A poke that is due finds this as well: it is not due any more when it comes.
        if !self.later.is_here() {
            self.poke();
        } else if self.due.fetch_add(1, Ordering::AcqRel) == 0 {
            let later = Arc::clone(&self.later);
            later.put(self);
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Arc::clone(self).wake();
    }
}

impl std::fmt::Debug for HostWake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostWake")
    }
}

/// What is poked later, and by whom.
#[derive(Default)]
struct Later {
    /// The thread of the task.
    thread: OnceLock<ThreadId>,
    inner: Mutex<LaterInner>,
}

#[derive(Default)]
struct LaterInner {
    due: Vec<Arc<HostWake>>,
    /// Of the task that waits.
    waker: Option<Waker>,
    ended: bool,
}

impl Later {
    /// Whether this is the thread of the task.
    fn is_here(&self) -> bool {
        self.thread.get().is_some_and(|there| *there == thread::current().id())
    }

    fn put(&self, wake: Arc<HostWake>) {
        let mut inner = lock(&self.inner);
        if inner.ended {
            drop(inner);
            wake.poke_due();
            return;
        }
        inner.due.push(wake);
        let waker = inner.waker.take();
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
    }
}

/// Pokes what is due.
struct Poker(Arc<Later>);

impl Poker {
    fn poke_all(due: Vec<Arc<HostWake>>) {
        for wake in due {
            wake.poke_due();
        }
    }
}

impl Future for Poker {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.thread.get_or_init(|| thread::current().id());
        let mut inner = lock(&self.0.inner);
        inner.waker = Some(context.waker().clone());
        let due = std::mem::take(&mut inner.due);
        drop(inner);
        let _poking = Poking::begin();
        Self::poke_all(due);
        Poll::Pending
    }
}

impl Drop for Poker {
    /// The runtime ends. What its tasks still wake as they are dropped is poked at once.
    fn drop(&mut self) {
        let mut inner = lock(&self.0.inner);
        inner.ended = true;
        let due = std::mem::take(&mut inner.due);
        drop(inner);
        Self::poke_all(due);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn runtime(wake: &HostWake) -> Runtime {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
        runtime.spawn(wake.poker());
        runtime
    }

    /// An object that says of each poke whether nothing was locked.
    fn told() -> (Arc<HostWake>, mpsc::Receiver<bool>) {
        let (tell, told) = mpsc::channel();
        let wake = HostWake::default();
        wake.set(Some(Box::new(move || tell.send(is_unlocked()).expect("somebody hears"))));
        (Arc::new(wake), told)
    }

    #[test]
    fn woken_by_a_task_it_is_poked_once_the_task_is_done() {
        let (wake, told) = told();
        let runtime = runtime(&wake);
        // The task that pokes has been there, so that its thread is known.
        while wake.later.thread.get().is_none() {
            thread::yield_now();
        }
        let waker = Waker::from(Arc::clone(&wake));
        let (done, task) = mpsc::channel();
        runtime.spawn(async move {
            for wakes in [1, 3] {
                (0..wakes).for_each(|_| waker.wake_by_ref());
                done.send(told.try_recv().ok()).expect("somebody hears");
                // The same task later on: it was poked in between, twice at most.
                tokio::task::yield_now().await;
                (0..3).for_each(|_| done.send(told.try_recv().ok()).expect("somebody hears"));
            }
        });
        let pokes: Vec<_> = task.iter().collect();
        let once = [None, Some(true), None, None];
        let twice = [None, Some(true), Some(true), None];
        assert_eq!(pokes, [once, twice].concat());
    }

    #[test]
    fn woken_elsewhere_it_is_poked_at_once() {
        let (wake, told) = told();
        let _runtime = runtime(&wake);
        Waker::from(wake).wake();
        assert_eq!(told.try_recv(), Ok(false));
    }

    #[test]
    fn what_is_due_at_the_end_of_the_runtime_is_poked() {
        let (wake, told) = told();
        let runtime = runtime(&wake);
        // As the core does where it gives up what is under way.
        let at_the_end = Woken(Arc::clone(&wake));
        runtime.spawn(async move {
            let _held = at_the_end;
            std::future::pending::<()>().await;
        });
        drop(runtime);
        assert!(told.try_recv().is_ok());
        Waker::from(wake).wake();
        assert_eq!(told.try_recv(), Ok(false));
    }

    struct Woken(Arc<HostWake>);

    impl Drop for Woken {
        fn drop(&mut self) {
            Waker::from(Arc::clone(&self.0)).wake();
        }
    }
}
