//! What a cluster under test has seen so far: the Rust twin of `go/board.go`.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Timing;

/// A stamp that has not been written.
const NEVER: i64 = -1;
/// No node is being watched.
const NOBODY: usize = usize::MAX;
/// The version that stands for a death instead of a change.
const DEATH: u64 = 0;

/// Every node's callbacks write here, so all of it is atomic: the measuring must not become a
/// lock that the nodes share.
pub(crate) struct Board {
    base: Instant,
    nodes: usize,
    views: Vec<AtomicUsize>,
    complete: AtomicUsize,
    full_at: AtomicI64,
    gone: Vec<AtomicBool>,
    false_failures: AtomicU64,
    false_suspicions: AtomicU64,
    watched: AtomicUsize,
    version: AtomicU64,
    began: AtomicI64,
    suspicion: AtomicI64,
    seen: Vec<AtomicI64>,
    missing: AtomicUsize,
    done: Mutex<bool>,
    bell: Condvar,
}

impl Board {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            base: Instant::now(),
            nodes,
            views: (0..nodes).map(|_| AtomicUsize::new(0)).collect(),
            complete: AtomicUsize::new(0),
            full_at: AtomicI64::new(NEVER),
            gone: (0..nodes).map(|_| AtomicBool::new(false)).collect(),
            false_failures: AtomicU64::new(0),
            false_suspicions: AtomicU64::new(0),
            watched: AtomicUsize::new(NOBODY),
            version: AtomicU64::new(DEATH),
            began: AtomicI64::new(NEVER),
            suspicion: AtomicI64::new(NEVER),
            seen: (0..nodes).map(|_| AtomicI64::new(NEVER)).collect(),
            missing: AtomicUsize::new(0),
            done: Mutex::new(false),
            bell: Condvar::new(),
        }
    }

    pub(crate) const fn nodes(&self) -> usize {
        self.nodes
    }

    /// Members that `observer` believes in, itself included.
    pub(crate) fn view(&self, observer: usize) -> usize {
        self.views[observer].load(SeqCst)
    }

    /// Nodes whose view holds every node.
    pub(crate) fn complete(&self) -> usize {
        self.complete.load(SeqCst)
    }

    pub(crate) fn false_failures(&self) -> u64 {
        self.false_failures.load(SeqCst)
    }

    pub(crate) fn false_suspicions(&self) -> u64 {
        self.false_suspicions.load(SeqCst)
    }

    /// Microseconds since this board was made.
    pub(crate) fn now(&self) -> i64 {
        i64::try_from(self.base.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// When all first saw all.
    pub(crate) fn full_at(&self) -> Option<i64> {
        stamp(&self.full_at)
    }

    pub(crate) fn joined(&self, observer: usize) {
        if self.views[observer].fetch_add(1, SeqCst) + 1 == self.nodes {
            self.became_complete();
        }
    }

    fn became_complete(&self) {
        if self.complete.fetch_add(1, SeqCst) + 1 == self.nodes && self.set(&self.full_at) {
            self.finish();
        }
    }

    /// Sets the view of an observer who lost count of the steps.
    pub(crate) fn recount(&self, observer: usize, view: usize) {
        let before = self.views[observer].swap(view, SeqCst);
        if before == self.nodes && view != self.nodes {
            self.complete.fetch_sub(1, SeqCst);
        }
        if before != self.nodes && view == self.nodes {
            self.became_complete();
        }
    }

    pub(crate) fn failed(&self, observer: usize, subject: usize) {
        if self.views[observer].fetch_sub(1, SeqCst) == self.nodes {
            self.complete.fetch_sub(1, SeqCst);
        }
        self.known_dead(observer, subject);
    }

    /// The verdict of [`Board::failed`], when the view already has it.
    pub(crate) fn known_dead(&self, observer: usize, subject: usize) {
        if self.gone[observer].load(SeqCst) {
            return;
        }
        if !self.gone[subject].load(SeqCst) {
            self.false_failures.fetch_add(1, SeqCst);
        } else if self.watches(subject, DEATH) {
            self.saw(observer);
        }
    }

    pub(crate) fn suspected(&self, observer: usize, subject: usize) {
        if self.gone[observer].load(SeqCst) {
            return;
        }
        if !self.gone[subject].load(SeqCst) {
            self.false_suspicions.fetch_add(1, SeqCst);
        } else if self.watches(subject, DEATH) {
            self.set(&self.suspicion);
        }
    }

    pub(crate) fn updated(&self, observer: usize, subject: usize, version: u64) {
        if observer != subject && version != DEATH && self.watches(subject, version) {
            self.saw(observer);
        }
    }

    /// Starts the timing of a change of `subject`.
    pub(crate) fn watch_change(&self, subject: usize, version: u64) {
        self.watch(subject, version);
    }

    /// Starts the timing of the death of `subject`.
    pub(crate) fn watch_death(&self, subject: usize) {
        self.watch(subject, DEATH);
        self.gone[subject].store(true, SeqCst);
    }

    /// Waits until what is timed was seen by all, or until the limit. Gives whether it was seen.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(done, limit, |done| !*done);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Ends the timing.
    pub(crate) fn timing(&self) -> Timing {
        self.watched.store(NOBODY, SeqCst);
        let began = self.began.load(SeqCst);
        Timing {
            taken_us: self.seen.iter().filter_map(stamp).map(|at| at - began).collect(),
            missing: self.missing.load(SeqCst),
            suspicion_us: stamp(&self.suspicion).map(|at| at - began),
        }
    }

    fn watch(&self, subject: usize, version: u64) {
        self.watched.store(NOBODY, SeqCst);
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = false;
        let mut observers = 0;
        for (index, seen) in self.seen.iter().enumerate() {
            seen.store(NEVER, SeqCst);
            observers += usize::from(index != subject && !self.gone[index].load(SeqCst));
        }
        self.missing.store(observers, SeqCst);
        self.suspicion.store(NEVER, SeqCst);
        self.version.store(version, SeqCst);
        self.began.store(self.now(), SeqCst);
        self.watched.store(subject, SeqCst);
    }

    fn watches(&self, subject: usize, version: u64) -> bool {
        self.watched.load(SeqCst) == subject && self.version.load(SeqCst) == version
    }

    fn saw(&self, observer: usize) {
        if self.set(&self.seen[observer]) && self.missing.fetch_sub(1, SeqCst) == 1 {
            self.finish();
        }
    }

    fn set(&self, slot: &AtomicI64) -> bool {
        slot.compare_exchange(NEVER, self.now(), SeqCst, SeqCst).is_ok()
    }

    fn finish(&self) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }
}

fn stamp(slot: &AtomicI64) -> Option<i64> {
    Some(slot.load(SeqCst)).filter(|at| *at != NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn full(nodes: usize) -> Board {
        let board = Board::new(nodes);
        for observer in 0..nodes {
            for _ in 0..nodes {
                board.joined(observer);
            }
        }
        board
    }

    #[test]
    fn a_full_view_needs_every_node() {
        let board = Board::new(2);
        board.joined(0);
        board.joined(0);
        board.joined(1);
        assert!(!board.wait(SOON));
        assert_eq!((board.complete(), board.full_at()), (1, None));
        board.joined(1);
        assert!(board.wait(SOON));
        assert!(board.full_at().is_some());
    }

    #[test]
    fn a_recount_completes_and_uncompletes() {
        let board = Board::new(2);
        board.recount(0, 2);
        board.recount(1, 1);
        assert_eq!(board.complete(), 1);
        board.recount(1, 2);
        assert!(board.wait(SOON));
        board.recount(0, 1);
        assert_eq!(board.complete(), 1);
    }

    #[test]
    fn a_change_is_timed_at_the_others_only() {
        let board = full(3);
        board.watch_change(1, 7);
        board.updated(1, 1, 7);
        board.updated(0, 1, 6);
        board.updated(0, 1, 7);
        board.updated(0, 1, 7);
        assert_eq!(board.timing().missing, 1);
        assert_eq!(board.timing().taken_us.len(), 1);
    }

    #[test]
    fn only_the_failure_of_a_living_node_is_false() {
        let board = full(3);
        board.failed(0, 2);
        assert_eq!(board.false_failures(), 1);
        board.joined(0);
        board.watch_death(1);
        board.suspected(0, 1);
        board.failed(0, 1);
        board.failed(1, 0);
        board.failed(2, 1);
        assert!(board.wait(SOON));
        let timing = board.timing();
        assert_eq!((board.false_failures(), board.false_suspicions()), (1, 0));
        assert_eq!((timing.missing, timing.taken_us.len()), (0, 2));
        assert!(timing.suspicion_us.is_some());
    }
}
