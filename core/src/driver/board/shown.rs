//! The keys and values of members as a node shows them, and the changes since.
//!
//! The driver posts, readers read, as with the board of events (`board`): looking something up does
//! not go through the node's task. A lock is held for a few pointer copies, or to copy what has a
//! prefix. Changes are kept only while a reader that is concerned has yet to read them, and at most
//! `event_buffer` of them; who falls further behind is told so once, with everything as it is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::engine::StateChange;

/// What a driver posts and readers read.
#[derive(Debug)]
pub(crate) struct Shown {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Those of each member, and the versions that made them so.
    spaces: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Held>>,
    changes: VecDeque<StateChange>,
    /// Bytes of values in them.
    bytes: usize,
    /// Number of the last change, whether or not anybody was there to read it.
    seq: u64,
    capacity: usize,
    readers: Vec<Seat>,
    next_reader: u64,
    closed: bool,
}

type Held = (Arc<[u8]>, u64);

/// Where a reader stands.
#[derive(Debug)]
struct Seat {
    id: u64,
    prefix: Arc<str>,
    /// Number of the last change that it has seen, or that does not concern it.
    seen: u64,
    /// Set while it waits; taken by the first change that concerns it.
    waker: Option<Waker>,
}

/// One reader. Dropped: its changes are let go.
#[derive(Debug)]
pub(crate) struct ShownReader {
    shown: Arc<Shown>,
    id: u64,
    /// Taken and not yet handed out.
    batch: VecDeque<ShownRead>,
}

/// What a reader found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ShownRead {
    /// A change, or something that was there before.
    Change(StateChange),
    /// All that was there before has been read.
    ReplayDone,
    /// So many changes were not read, of those or other keys; these are all that there are.
    Lost(u64, Vec<StateChange>),
    /// Nothing yet; the waker is called when there is.
    Waiting,
    /// Nothing will come.
    Closed,
}

/// Changes that a reader takes in one go.
const BATCH: usize = 256;
/// Bytes of values that changes may keep for slow readers.
const BYTES_MAX: usize = 64 << 20;

impl Shown {
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        let inner = Inner {
            spaces: BTreeMap::new(),
            changes: VecDeque::new(),
            bytes: 0,
            seq: 0,
            capacity,
            readers: Vec::new(),
            next_reader: 0,
            closed: false,
        };
        Arc::new(Self { inner: Mutex::new(inner) })
    }

    /// The data stays whole even if a reader panicked, because every change is one step.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn post(&self, change: StateChange) {
        let mut inner = self.lock();
        inner.apply(&change);
        let before = inner.seq;
        inner.seq += 1;
        let (seq, mut waiting, mut wanted) = (inner.seq, Vec::new(), false);
        for seat in &mut inner.readers {
            if change.key.starts_with(&*seat.prefix) {
                waiting.extend(seat.waker.take());
                wanted = true;
            } else if seat.seen == before {
                seat.seen = seq;
            }
            wanted |= seat.seen < seq;
        }
        if wanted {
            inner.bytes += size(&change);
            inner.changes.push_back(change);
            while inner.changes.len() > inner.capacity || inner.is_heavy() {
                let Some(change) = inner.changes.pop_front() else { break };
                inner.bytes -= size(&change);
            }
        } else {
            // Whatever is left was for readers that have gone past it.
            inner.trim();
        }
        drop(inner);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Nothing follows. Readers get what is left, then the end.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        let waiting: Vec<Waker> =
            inner.readers.iter_mut().filter_map(|seat| seat.waker.take()).collect();
        drop(inner);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The value that a key of a member has.
    pub(crate) fn get(&self, member: &str, key: &str) -> Option<Arc<[u8]>> {
        let inner = self.lock();
        inner.spaces.get(member)?.get(key).map(|(value, _)| Arc::clone(value))
    }

    /// Everything whose key begins so, in the order of the members' names and of the keys.
    pub(crate) fn entries(&self, prefix: &str) -> Vec<StateChange> {
        self.lock().entries(prefix)
    }
}

impl Inner {
    fn apply(&mut self, change: &StateChange) {
        let StateChange { owner, key, value, version } = change;
        if let Some(value) = value {
            let space = self.spaces.entry(Arc::clone(owner)).or_default();
            space.insert(Arc::clone(key), (Arc::clone(value), *version));
        } else if let Some(space) = self.spaces.get_mut(owner) {
            space.remove(key);
            if space.is_empty() {
                self.spaces.remove(owner);
            }
        }
    }

    fn entries(&self, prefix: &str) -> Vec<StateChange> {
        let of = |(owner, space): (&Arc<str>, &BTreeMap<Arc<str>, Held>)| {
            let owner = Arc::clone(owner);
            let from = space
                .range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded));
            let theirs = from.take_while(|(key, _)| key.starts_with(prefix));
            let entry = |(key, (value, version)): (&Arc<str>, &Held)| StateChange {
                owner: Arc::clone(&owner),
                key: Arc::clone(key),
                value: Some(Arc::clone(value)),
                version: *version,
            };
            theirs.map(entry).collect::<Vec<_>>()
        };
        self.spaces.iter().flat_map(of).collect()
    }

    fn is_heavy(&self) -> bool {
        self.bytes > BYTES_MAX && self.changes.len() > 1
    }

    /// Appends what concerns that reader and it has not seen.
    fn read(&mut self, id: u64, out: &mut VecDeque<ShownRead>) {
        let oldest = self.seq - self.changes.len() as u64;
        let Some(at) = self.readers.iter().position(|seat| seat.id == id) else { return };
        let Seat { seen, prefix, .. } = &self.readers[at];
        let (mut seen, prefix) = (*seen, Arc::clone(prefix));
        if seen < oldest {
            out.push_back(ShownRead::Lost(self.seq - seen, self.entries(&prefix)));
            seen = self.seq;
        }
        let skip = usize::try_from(seen - oldest).unwrap_or(usize::MAX);
        for change in self.changes.iter().skip(skip) {
            if out.len() >= BATCH {
                break;
            }
            seen += 1;
            if change.key.starts_with(&*prefix) {
                out.push_back(ShownRead::Change(change.clone()));
            }
        }
        self.readers[at].seen = seen;
        self.trim();
    }

    /// Drops the changes that every reader has seen.
    fn trim(&mut self) {
        let slowest = self.readers.iter().map(|seat| seat.seen).min().unwrap_or(self.seq);
        let oldest = self.seq - self.changes.len() as u64;
        let done = usize::try_from(slowest.saturating_sub(oldest)).unwrap_or(usize::MAX);
        for change in self.changes.drain(..done.min(self.changes.len())) {
            self.bytes -= size(&change);
        }
        if self.changes.is_empty() {
            self.changes = VecDeque::new();
        }
    }
}

impl ShownReader {
    /// A reader of changes of keys that begin so. With `replay`, it is first told of all that there
    /// are.
    pub(crate) fn new(shown: Arc<Shown>, prefix: &str, replay: bool) -> Self {
        let mut inner = shown.lock();
        let (id, seen) = (inner.next_reader, inner.seq);
        inner.next_reader += 1;
        inner.readers.push(Seat { id, prefix: prefix.into(), seen, waker: None });
        let mut batch = VecDeque::new();
        if replay {
            batch.extend(inner.entries(prefix).into_iter().map(ShownRead::Change));
            batch.push_back(ShownRead::ReplayDone);
        }
        drop(inner);
        Self { shown, id, batch }
    }

    /// What comes next; when there is nothing, `waker` is called once there may be.
    pub(crate) fn next(&mut self, waker: Option<&Waker>) -> ShownRead {
        if self.batch.is_empty() {
            self.batch = VecDeque::new();
            let mut inner = self.shown.lock();
            inner.read(self.id, &mut self.batch);
            if self.batch.is_empty() {
                if inner.closed {
                    return ShownRead::Closed;
                }
                if let Some(seat) = inner.readers.iter_mut().find(|seat| seat.id == self.id) {
                    seat.waker = waker.cloned();
                }
            }
        }
        self.batch.pop_front().unwrap_or(ShownRead::Waiting)
    }
}

impl Drop for ShownReader {
    fn drop(&mut self) {
        let mut inner = self.shown.lock();
        inner.readers.retain(|seat| seat.id != self.id);
        inner.trim();
    }
}

fn size(change: &StateChange) -> usize {
    change.value.as_ref().map_or(0, |value| value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(owner: &str, key: &str, value: Option<&str>) -> StateChange {
        let value = value.map(|value| value.as_bytes().into());
        StateChange { owner: owner.into(), key: key.into(), value, version: 1 }
    }

    fn read(reader: &mut ShownReader) -> Vec<ShownRead> {
        let next = || Some(reader.next(None)).filter(|read| *read != ShownRead::Waiting);
        std::iter::from_fn(next).take(10_000).collect()
    }

    #[test]
    fn readers_are_told_of_what_concerns_them() {
        let shown = Shown::new(100);
        shown.post(change("a", "u:x", Some("1")));
        shown.post(change("a", "s:x", Some("2")));
        let mut user = ShownReader::new(Arc::clone(&shown), "u:", true);
        let mut all = ShownReader::new(Arc::clone(&shown), "", false);
        shown.post(change("b", "u:y", Some("3")));
        shown.post(change("a", "s:x", None));
        let one = |owner, key, value| ShownRead::Change(change(owner, key, value));
        let first = one("a", "u:x", Some("1"));
        assert_eq!(read(&mut user), [first, ShownRead::ReplayDone, one("b", "u:y", Some("3"))]);
        assert_eq!(read(&mut all), [one("b", "u:y", Some("3")), one("a", "s:x", None)]);
        assert!(shown.lock().changes.is_empty());
        assert_eq!(shown.get("a", "u:x").as_deref(), Some(&b"1"[..]));
        assert_eq!((shown.get("a", "s:x"), shown.entries("u:").len()), (None, 2));
        shown.close();
        assert_eq!(user.next(None), ShownRead::Closed);
    }

    #[test]
    fn who_is_slow_is_told_so_once_and_what_does_not_concern_makes_nobody_slow() {
        let shown = Shown::new(10);
        let mut slow = ShownReader::new(Arc::clone(&shown), "u:", false);
        let mut other = ShownReader::new(Arc::clone(&shown), "t:", false);
        for number in 0..25 {
            shown.post(change("a", "u:k", Some(&number.to_string())));
        }
        assert_eq!(read(&mut other), []);
        let now = change("a", "u:k", Some("24"));
        assert_eq!(read(&mut slow), [ShownRead::Lost(25, vec![now])]);
        shown.post(change("a", "u:k", None));
        assert_eq!(read(&mut slow), [ShownRead::Change(change("a", "u:k", None))]);
        assert!(shown.lock().changes.is_empty());
        drop(slow);
        shown.post(change("a", "u:k", Some("1")));
        assert!(shown.lock().changes.is_empty());
    }
}
