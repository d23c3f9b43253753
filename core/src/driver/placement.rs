//! Keeps the cluster's ring, from the first time that somebody asks for it.
//!
//! Until then nothing is computed and nothing is held: half a megabyte is much in a process with a
//! hundred nodes. From then on a task waits for members to change, lets a burst of changes end, and
//! has the next ring made on a thread of its own; readers have the one before until it is there.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time;
use tracing::warn;

use super::{Board, Command};
use crate::config::RingSettings;
use crate::engine::Request;
use crate::error::Error;
use crate::event::{EventKind, RingChanged, Warning, WarningCode};
use crate::placement;
use crate::ring::{Ring, RingChange};

type Commands = mpsc::WeakSender<Box<Command>>;

/// The rings of a node, once somebody has asked for one.
#[derive(Debug)]
pub(crate) struct Placement {
    settings: RingSettings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// None before somebody asks.
    present: Option<Ring>,
    /// Those before it, the newest first.
    past: VecDeque<Ring>,
    /// Of whom was told that their place on the ring is odd, and why.
    odd: Vec<Warning>,
    /// Why the last one could not be made.
    failed: Option<Error>,
    keeper: Option<AbortHandle>,
}

/// A burst of changes is over when none came for this long.
const PAUSE: Duration = Duration::from_millis(20);
/// One that does not end is cut here.
const BURST_MAX: Duration = Duration::from_millis(200);

impl Placement {
    pub(crate) fn new(settings: RingSettings) -> Self {
        Self { settings, state: Mutex::default() }
    }

    /// The data stays whole even if a holder panicked, because every change is one step.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ring as it is. The first call makes it, and has it kept from then on.
    pub(crate) fn ring(
        self: &Arc<Self>,
        board: &Arc<Board>,
        runtime: &runtime::Handle,
        commands: Commands,
    ) -> Ring {
        let mut state = self.lock();
        if let Some(ring) = &state.present {
            return ring.clone();
        }
        let made = self.make(board, None);
        let (ring, complaints) = state.take(made);
        let ring = ring.unwrap_or_else(|| Ring::of_nobody(self.settings.profile)).numbered(1);
        state.present = Some(ring.clone());
        if !board.is_closed() {
            complain(board, complaints);
            let keeper = keep(Arc::clone(self), Arc::clone(board), commands, ring.clone());
            state.keeper = Some(runtime.spawn(keeper).abort_handle());
        }
        ring
    }

    /// The ring as it is, if somebody has asked for it.
    pub(crate) fn present(&self) -> Option<Ring> {
        self.lock().present.clone()
    }

    /// Those that were before it, the newest first.
    pub(crate) fn past(&self) -> Vec<Ring> {
        self.lock().past.iter().cloned().collect()
    }

    pub(crate) fn abort(&self) {
        self.lock().keeper.take().inspect(AbortHandle::abort);
    }

    /// Makes the ring of the members as they are, and of what is decided by hand.
    fn make(&self, board: &Board, before: Option<&Ring>) -> Result<placement::Placed, Error> {
        let (owner, key) = placement::PLACE;
        let (overrides, odd) = placement::decided(board.shown().get(owner, key).as_deref());
        let mut placed = placement::place(&self.settings, &board.members(), overrides, before)?;
        placed.warnings.extend(odd);
        Ok(placed)
    }

    /// Makes the ring after that one; nothing if it is the same.
    fn next(&self, before: &Ring, board: &Board) -> (Option<RingChange>, Vec<Warning>) {
        let made = self.make(board, Some(before));
        let mut state = self.lock();
        let (ring, complaints) = state.take(made);
        let Some(ring) = ring.filter(|ring| ring != before) else { return (None, complaints) };
        let ring = ring.numbered(before.version() + 1);
        let change = RingChange::new(before, &ring);
        state.present = Some(ring);
        state.past.push_front(before.clone());
        state.past.truncate(self.settings.history);
        (Some(change), complaints)
    }
}

impl State {
    /// The ring if there is one, and what has not been complained of yet.
    fn take(&mut self, made: Result<placement::Placed, Error>) -> (Option<Ring>, Vec<Warning>) {
        let (ring, odd) = match made {
            Ok(placed) => (placed.ring, placed.warnings),
            Err(error) => {
                let again = self.failed.as_ref() == Some(&error);
                let text = format!("{}; the ring before it stays", error.message());
                let warning =
                    Warning { code: WarningCode::RingFailed, subject: String::new(), text };
                self.failed = Some(error);
                return (None, if again { Vec::new() } else { vec![warning] });
            }
        };
        self.failed = None;
        let known = mem::replace(&mut self.odd, odd);
        let known: BTreeMap<_, _> = known.iter().map(|told| (&*told.subject, told)).collect();
        let is_new = |odd: &&Warning| known.get(&*odd.subject) != Some(odd);
        let new = self.odd.iter().filter(is_new);
        (Some(ring), new.cloned().collect())
    }
}

/// Follows the members for as long as the node is open.
async fn keep(placement: Arc<Placement>, board: Arc<Board>, commands: Commands, mut ring: Ring) {
    let local = board.local().name().to_owned();
    tell(&commands, without_before(&local, &ring)).await;
    loop {
        board.members_changed().await;
        let cut = time::Instant::now() + BURST_MAX;
        while time::Instant::now() < cut {
            if time::timeout(PAUSE, board.members_changed()).await.is_err() {
                break;
            }
        }
        let (own, before, seen) = (Arc::clone(&placement), ring.clone(), Arc::clone(&board));
        let made = tokio::task::spawn_blocking(move || own.next(&before, &seen)).await;
        let Ok((change, complaints)) = made else { return };
        complain(&board, complaints);
        if let Some(change) = change {
            ring = change.after().clone();
            let changed = RingChanged { local: local.clone(), change: change.clone() };
            board.post(EventKind::RingChange(Arc::new(changed)));
            tell(&commands, change).await;
        }
    }
}

/// The first ring, as a change from the one that the others had without this node.
fn without_before(local: &str, first: &Ring) -> RingChange {
    let before = first.without(local).unwrap_or_else(|_| first.clone());
    RingChange::new(&before, first)
}

fn complain(board: &Board, complaints: Vec<Warning>) {
    for warning in complaints {
        warn!(code = warning.code.as_str(), subject = warning.subject, "{}", warning.text);
        board.post(EventKind::Warning(Arc::new(warning)));
    }
}

/// Tells the engine, which compares the ring with those of others.
async fn tell(commands: &Commands, change: RingChange) {
    let Some(commands) = commands.upgrade() else { return };
    let (reply, done) = oneshot::channel();
    let request = Request::Placed(Box::new(change));
    if commands.send(Box::new(Command::Request { request, reply })).await.is_ok() {
        let _ = done.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::driver::{Read, Reader};
    use crate::member::{Facts, Member, MemberState};

    fn member(number: usize) -> Member {
        Member::new(Facts {
            name: &format!("n{number}"),
            addr: "10.1.2.3:7946".parse().expect("an address"),
            state: MemberState::Alive,
            incarnation: 1,
            versions: [1, 5, 2, 0, 0, 0],
            mapped: false,
            meta: b"",
        })
    }

    /// Sizes of the rings that a reader is told of.
    fn told(reader: &mut Reader) -> Vec<usize> {
        let next = || match reader.next(None) {
            Read::Event(event) => Some(event.kind),
            Read::Waiting | Read::Closed => None,
        };
        let sizes = std::iter::from_fn(next).filter_map(|kind| match kind {
            EventKind::RingChange(changed) => Some(changed.after().len()),
            _ => None,
        });
        sizes.collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_changes_is_one_change_and_an_endless_one_is_cut() {
        let board = Board::new(member(0), 1_000);
        let settings = Config::new().settings().expect("no contradiction").ring;
        let placement = Arc::new(Placement::new(settings));
        let (commands, _inbox) = mpsc::channel(1);
        let runtime = runtime::Handle::current();
        let mut reader = Reader::new(Arc::clone(&board), false);
        assert_eq!(placement.ring(&board, &runtime, commands.downgrade()).version(), 1);
        drop((commands, _inbox));

        for number in 1..=30 {
            board.post(EventKind::MemberJoin(member(number)));
            time::sleep(PAUSE / 40).await;
        }
        time::sleep(2 * PAUSE).await;
        assert_eq!(told(&mut reader), [31]);

        // Always another one before the pause is over.
        for number in 31..=60 {
            board.post(EventKind::MemberJoin(member(number)));
            time::sleep(PAUSE * 3 / 4).await;
        }
        time::sleep(2 * PAUSE).await;
        let sizes = told(&mut reader);
        assert!((2..=4).contains(&sizes.len()), "{sizes:?}");
        assert_eq!(sizes.last(), Some(&61));
        assert_eq!(placement.past().len(), 3);
        placement.abort();
    }
}
