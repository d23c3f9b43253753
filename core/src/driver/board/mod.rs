//! What a node shows to its users: the members as they are, and the events since.
//!
//! The driver posts, readers read; the lock is held for a few pointer copies and never while user
//! code runs. Events are kept only while a subscriber has yet to read them, and at most
//! `event_buffer` of them: one that falls further behind gets a single `events-lost` with the
//! members as they are, taken under the same lock, so that nothing is missing in between.

#[cfg(unix)]
mod follow;
mod shown;
mod unheard;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

use self::shown::Shown;
pub(crate) use self::shown::{ShownRead, ShownReader};
use self::unheard::Unheard;
use super::loops::Loops;
use crate::engine::StateChange;
use crate::event::{Event, EventKind};
use crate::member::Member;
use crate::placement;
use crate::stats::Stats;
use crate::wire::KeyInfo;

/// The members and events that a driver posts and readers read.
#[derive(Debug)]
pub(crate) struct Board {
    inner: Mutex<Inner>,
    /// The keys and values of members.
    shown: Arc<Shown>,
    /// Somebody went, and nobody else was left.
    alone: Notify,
    /// A member is another than before, the local one included.
    changed: Notify,
    /// How the loops of this node's users do.
    loops: Loops,
}

#[derive(Debug)]
struct Inner {
    local: Member,
    keys: Vec<KeyInfo>,
    others: BTreeSet<ByName>,
    events: VecDeque<Event>,
    /// Number of the last event, whether or not anybody was there to read it.
    seq: u64,
    capacity: usize,
    /// Bytes of payload in the events.
    payloads: usize,
    /// In the order of their numbers; mostly one.
    readers: Vec<Seat>,
    next_reader: u64,
    /// Until the first reader comes.
    unheard: Option<Unheard>,
    stats: Stats,
    closed: bool,
}

/// Where a reader stands.
#[derive(Debug)]
struct Seat {
    id: u64,
    /// Number of the last event that it has seen.
    seen: u64,
    /// Set while it waits; taken by the first event, so a burst wakes it once.
    waker: Option<Waker>,
    /// It is woken for the local member as well, and is nobody's who uses the node.
    follows: bool,
}

/// A member that is found by its name.
#[derive(Debug)]
struct ByName(Member);

impl Board {
    pub(crate) fn new(local: Member, capacity: usize) -> Arc<Self> {
        let inner = Inner {
            local,
            keys: Vec::new(),
            others: BTreeSet::new(),
            events: VecDeque::new(),
            seq: 0,
            capacity,
            payloads: 0,
            readers: Vec::new(),
            next_reader: 0,
            unheard: Some(Unheard::default()),
            stats: Stats::default(),
            closed: false,
        };
        Arc::new(Self {
            inner: Mutex::new(inner),
            shown: Shown::new(capacity),
            alone: Notify::new(),
            changed: Notify::new(),
            loops: Loops::default(),
        })
    }

    /// The data stays whole even if a reader panicked, because every change is one step.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn post(&self, kind: EventKind) {
        let mut inner = self.lock();
        if kind.member().is_some() {
            self.changed.notify_one();
        }
        if let EventKind::MemberReap(member) = &kind {
            inner.others.remove(member.name_bytes());
        } else if let Some(member) = kind.member() {
            inner.others.replace(ByName(member.clone()));
            if !member.state().is_present() && inner.present().next().is_none() {
                self.alone.notify_one();
            }
        }
        inner.seq += 1;
        if inner.readers.is_empty() {
            if let Some(unheard) = &mut inner.unheard {
                unheard.keep(kind);
            }
            return;
        }
        if let Some(unheard) = &mut inner.unheard {
            unheard.keep(kind.clone());
        }
        let event = Event { seq: inner.seq, kind };
        inner.payloads += event.kind.payload_len();
        inner.events.push_back(event);
        while inner.events.len() > inner.capacity || inner.is_heavy() {
            let Some(event) = inner.events.pop_front() else { break };
            inner.payloads -= event.kind.payload_len();
        }
        let waiting = inner.waiting();
        drop(inner);
        wake(waiting);
    }

    pub(crate) fn set_local(&self, member: Member) {
        let mut inner = self.lock();
        inner.local = member;
        self.changed.notify_one();
        let followers = inner.readers.iter_mut().filter(|seat| seat.follows);
        let waiting = followers.filter_map(|seat| seat.waker.take()).collect();
        drop(inner);
        wake(waiting);
    }

    /// Waits until members have changed since the last time, or something else that the ring is
    /// made from. For one who waits.
    pub(crate) async fn members_changed(&self) {
        self.changed.notified().await;
    }

    /// Shows that a key has another value.
    pub(crate) fn show(&self, change: StateChange) {
        let decides = (&*change.owner, &*change.key) == placement::PLACE;
        self.shown.post(change);
        if decides {
            self.changed.notify_one();
        }
    }

    pub(crate) fn set_keys(&self, keys: Vec<KeyInfo>) {
        self.lock().keys = keys;
    }

    /// What may be shown of the keys, the primary first.
    pub(crate) fn keys(&self) -> Vec<KeyInfo> {
        self.lock().keys.clone()
    }

    pub(crate) fn set_stats(&self, stats: Stats) {
        self.lock().stats = stats;
    }

    /// No event follows. Readers get what is left, then the end.
    pub(crate) fn close(&self) {
        self.shown.close();
        let mut inner = self.lock();
        inner.closed = true;
        let waiting = inner.waiting();
        drop(inner);
        wake(waiting);
    }

    /// The keys and values of members.
    pub(crate) fn shown(&self) -> &Arc<Shown> {
        &self.shown
    }

    /// How the loops do that this node speaks for.
    pub(super) const fn loops(&self) -> &Loops {
        &self.loops
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Keeps the addresses at which nobody is known to be present; none once the local member left.
    pub(crate) fn retain_missing(&self, targets: &mut Vec<(String, SocketAddr)>) {
        let inner = self.lock();
        if !inner.local.state().is_present() {
            return targets.clear();
        }
        let mut present: BTreeSet<SocketAddr> = inner.present().map(|m| m.addr()).collect();
        present.insert(inner.local.addr());
        targets.retain(|(_, addr)| !present.contains(addr));
    }

    /// Whether nobody else is present, and the local member has not left either.
    pub(crate) fn is_lonely(&self) -> bool {
        let inner = self.lock();
        inner.local.state().is_present() && inner.present().next().is_none()
    }

    /// Waits until nobody else is present any more.
    pub(crate) async fn becomes_lonely(&self) {
        while !self.is_lonely() {
            self.alone.notified().await;
        }
    }

    pub(crate) fn local(&self) -> Member {
        self.lock().local.clone()
    }

    /// Everybody known in the order of their names, the local member included.
    pub(crate) fn members(&self) -> Vec<Member> {
        let inner = self.lock();
        let mut all = Vec::with_capacity(inner.others.len() + 1);
        all.extend(inner.others.iter().map(|entry| entry.0.clone()));
        let place = all.partition_point(|member| member.name_bytes() < inner.local.name_bytes());
        all.insert(place, inner.local.clone());
        all
    }

    pub(crate) fn member(&self, name: &str) -> Option<Member> {
        let inner = self.lock();
        if inner.local.name() == name {
            return Some(inner.local.clone());
        }
        inner.others.get(name.as_bytes()).map(|entry| entry.0.clone())
    }

    pub(crate) fn stats(&self) -> Stats {
        self.lock().stats.clone()
    }

    /// A reader that starts now. What it gets before anything new: the present members when it
    /// wants them replayed, and what nobody has heard yet.
    fn subscribe(&self, replay: bool) -> (u64, VecDeque<Event>) {
        let mut inner = self.lock();
        let id = inner.next_reader;
        inner.next_reader += 1;
        let seq = inner.seq;
        inner.readers.reserve_exact(1);
        inner.readers.push(Seat { id, seen: seq, waker: None, follows: false });
        let mut first = VecDeque::new();
        if replay {
            let joins = inner.present().map(EventKind::MemberJoin);
            first.extend(joins.map(|kind| Event { seq, kind }));
        }
        if let Some(unheard) = inner.unheard.take() {
            first.extend(unheard.tell(seq, || inner.known()));
        }
        if replay {
            first.push_back(Event { seq, kind: EventKind::ReplayDone });
        }
        (id, first)
    }
}

impl Inner {
    fn present(&self) -> impl Iterator<Item = Member> {
        self.others.iter().map(|entry| &entry.0).filter(|m| m.state().is_present()).cloned()
    }

    /// The others, present or not.
    fn known(&self) -> Vec<Member> {
        self.others.iter().map(|entry| entry.0.clone()).collect()
    }

    /// Whether the events keep more bytes alive than one of them may have.
    fn is_heavy(&self) -> bool {
        self.payloads > PAYLOADS_MAX && self.events.len() > 1
    }

    fn seat(&mut self, id: u64) -> Option<&mut Seat> {
        self.readers.iter_mut().find(|seat| seat.id == id)
    }

    /// Takes the wakers of those who wait.
    fn waiting(&mut self) -> Vec<Waker> {
        self.readers.iter_mut().filter_map(|seat| seat.waker.take()).collect()
    }

    /// Appends up to `max` events that `id` has not seen to `out`.
    fn read(&mut self, id: u64, max: usize, out: &mut VecDeque<Event>) {
        let oldest = self.seq - self.events.len() as u64;
        let Some(seen) = self.seat(id).map(|seat| seat.seen) else { return };
        let seen = if seen < oldest {
            let kind = EventKind::EventsLost { count: self.seq - seen, members: self.known() };
            out.push_back(Event { seq: self.seq, kind });
            self.seq
        } else {
            let skip = usize::try_from(seen - oldest).unwrap_or(usize::MAX);
            let count = max.min(self.events.len().saturating_sub(skip));
            let read = seen + count as u64;
            if self.readers.iter().all(|seat| seat.id == id || seat.seen >= read) {
                // The last one to read them; nothing that only others have seen comes before.
                let payloads = &mut self.payloads;
                out.extend(self.events.drain(..count).inspect(|event| {
                    *payloads -= event.kind.payload_len();
                }));
            } else {
                out.extend(self.events.iter().skip(skip).take(count).cloned());
            }
            read
        };
        if let Some(seat) = self.seat(id) {
            seat.seen = seen;
        }
        self.trim();
    }

    /// Drops the events that every reader has seen.
    fn trim(&mut self) {
        let slowest = self.readers.iter().map(|seat| seat.seen).min().unwrap_or(self.seq);
        let oldest = self.seq - self.events.len() as u64;
        let done = usize::try_from(slowest.saturating_sub(oldest)).unwrap_or(usize::MAX);
        for event in self.events.drain(..done.min(self.events.len())) {
            self.payloads -= event.kind.payload_len();
        }
        give_back(&mut self.events);
    }
}

/// Called without the lock: a wake-up takes a system call, and whoever wakes up wants the lock.
fn wake(waiting: Vec<Waker>) {
    waiting.into_iter().for_each(Waker::wake);
}

/// Frees what a burst of events has made a queue allocate: with many nodes in a process it adds up.
fn give_back(events: &mut VecDeque<Event>) {
    if events.is_empty() {
        *events = VecDeque::new();
    }
}

/// Bytes of payload that events may keep for slow readers, beside the last event.
const PAYLOADS_MAX: usize = 64 << 20;

/// One reader of a board. Dropped: its events are let go.
#[derive(Debug)]
pub(crate) struct Reader {
    board: Arc<Board>,
    id: u64,
    /// Taken from the board and not yet handed out.
    batch: VecDeque<Event>,
}

/// What a reader found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// An event.
    Event(Event),
    /// Nothing yet; the waker is called when there is.
    Waiting,
    /// Nothing will come.
    Closed,
}

/// Events that a reader takes from the board in one go.
const BATCH: usize = 256;

impl Reader {
    pub(crate) fn new(board: Arc<Board>, replay: bool) -> Self {
        let (id, batch) = board.subscribe(replay);
        Self { board, id, batch }
    }

    /// The next event; when there is none, `waker` is called once there may be.
    pub(crate) fn next(&mut self, waker: Option<&Waker>) -> Read {
        if self.batch.is_empty() {
            give_back(&mut self.batch);
            let mut inner = self.board.lock();
            inner.read(self.id, BATCH, &mut self.batch);
            if self.batch.is_empty() {
                if inner.closed {
                    return Read::Closed;
                }
                if let Some(seat) = inner.seat(self.id) {
                    seat.waker = waker.cloned();
                }
            }
        }
        self.batch.pop_front().map_or(Read::Waiting, Read::Event)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut inner = self.board.lock();
        inner.readers.retain(|seat| seat.id != self.id);
        inner.trim();
    }
}

impl Borrow<[u8]> for ByName {
    fn borrow(&self) -> &[u8] {
        self.0.name_bytes()
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.name_bytes() == other.0.name_bytes()
    }
}

impl Eq for ByName {}

impl PartialOrd for ByName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.name_bytes().cmp(other.0.name_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Message;
    use crate::member::{Facts, MemberState};

    fn board(capacity: usize) -> Arc<Board> {
        let local = Member::new(Facts {
            name: "local",
            addr: "10.1.2.3:7946".parse().unwrap(),
            state: MemberState::Alive,
            incarnation: 1,
            versions: [1, 5, 2, 0, 0, 0],
            mapped: false,
            meta: b"",
        });
        Board::new(local, capacity)
    }

    fn post(board: &Board, count: usize) {
        (0..count).for_each(|_| board.post(EventKind::ReplayDone));
    }

    /// The numbers of the next events, `count` at most.
    fn numbers(reader: &mut Reader, count: usize) -> Vec<u64> {
        let next = || match reader.next(None) {
            Read::Event(event) => Some(event.seq),
            Read::Waiting | Read::Closed => None,
        };
        std::iter::from_fn(next).take(count).collect()
    }

    #[test]
    fn every_reader_sees_every_event_whoever_is_first() {
        let board = board(10 * BATCH);
        let [mut first, mut second] = [(); 2].map(|()| Reader::new(Arc::clone(&board), false));
        post(&board, 2 * BATCH + 3);
        let all: Vec<u64> = (1..=2 * BATCH as u64 + 3).collect();
        // One batch, so that the other is last for some of them only.
        assert_eq!(numbers(&mut first, BATCH), all[..BATCH]);
        assert_eq!(numbers(&mut second, usize::MAX), all);
        assert_eq!(board.lock().events.len(), BATCH + 3);
        assert_eq!(numbers(&mut first, usize::MAX), all[BATCH..]);
        assert!(board.lock().events.is_empty());
        post(&board, 1);
        let next = [all.len() as u64 + 1];
        assert_eq!(numbers(&mut first, usize::MAX), next);
        drop(first);
        assert_eq!(numbers(&mut second, usize::MAX), next);
        assert!(board.lock().events.is_empty());
    }

    /// A program starts a node, and then subscribes; peers do not wait for that.
    #[test]
    fn what_came_before_the_first_reader_is_told_to_it_alone() {
        let board = board(10);
        let member = board.local();
        board.post(EventKind::MemberJoin(member.clone()));
        let conflict = EventKind::MemberConflict { addr: member.addr(), member: member.clone() };
        board.post(conflict.clone());
        let mut first = Reader::new(Arc::clone(&board), true);
        let mut second = Reader::new(Arc::clone(&board), true);
        let kinds = |reader: &mut Reader| {
            let next = || match reader.next(None) {
                Read::Event(Event { seq, kind }) => Some((seq, kind)),
                Read::Waiting | Read::Closed => None,
            };
            std::iter::from_fn(next).collect::<Vec<_>>()
        };
        let join = EventKind::MemberJoin(member);
        let told = [(2, join.clone()), (2, conflict), (2, EventKind::ReplayDone)];
        assert_eq!(kinds(&mut first), told);
        assert_eq!(kinds(&mut second), [(2, join), (2, EventKind::ReplayDone)]);
    }

    #[test]
    fn payloads_that_nobody_reads_are_bounded_in_bytes() {
        let board = board(1_000);
        let mut reader = Reader::new(Arc::clone(&board), false);
        let message = |bytes: usize| {
            EventKind::Message(Arc::new(Message {
                sender: String::new(),
                addr: "10.1.2.3:7946".parse().unwrap(),
                reliable: true,
                payload: vec![0; bytes].into(),
            }))
        };
        for _ in 0..5 {
            board.post(message(PAYLOADS_MAX / 4));
        }
        assert_eq!(board.lock().events.len(), 4);
        let Read::Event(lost) = reader.next(None) else { panic!("there is a loss to tell of") };
        assert_eq!(lost.kind, EventKind::EventsLost { count: 5, members: Vec::new() });
        board.post(message(2 * PAYLOADS_MAX));
        board.post(message(1));
        assert_eq!(board.lock().payloads, 1);
        assert!(matches!(reader.next(None), Read::Event(Event { seq: 7, .. })));
        board.post(message(5));
        assert_eq!(numbers(&mut reader, usize::MAX), [8]);
        assert_eq!(board.lock().payloads, 0);
    }

    #[test]
    fn a_reader_alone_is_told_of_a_loss_and_goes_on_behind_it() {
        let board = board(4);
        let mut reader = Reader::new(Arc::clone(&board), false);
        post(&board, 3);
        assert_eq!(numbers(&mut reader, usize::MAX), [1, 2, 3]);
        post(&board, 6);
        let Read::Event(lost) = reader.next(None) else { panic!("there is a loss to tell of") };
        assert_eq!(lost.kind, EventKind::EventsLost { count: 6, members: Vec::new() });
        post(&board, 2);
        assert_eq!(numbers(&mut reader, usize::MAX), [10, 11]);
        assert!(board.lock().events.is_empty());
    }
}
