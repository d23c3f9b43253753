//! What the sources of discovery have found, and the tasks that ask them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time;
use tracing::info;

use super::{Board, sockets};
use crate::discovery::{Failure, Found, Local, Source};
use crate::event::{EventKind, Warning, WarningCode};
use crate::stats::Stats;

/// A source that fails is asked less and less often, and at least that often for ever, unless it
/// wants to be asked more rarely anyhow.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Candidates, as the sources last told them.
#[derive(Debug, Default)]
pub(super) struct Finds {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// By the number of the source.
    candidates: BTreeMap<usize, Vec<String>>,
    /// Sources that have yet to be asked for the first time.
    unasked: usize,
    lookups: u64,
    empty: u64,
    failed: u64,
    refused: u64,
}

impl Finds {
    /// Asks these sources for ever, each in a task of its own.
    pub(super) fn begin(
        sources: Vec<Source>,
        board: &Arc<Board>,
        tasks: &mut Vec<JoinHandle<()>>,
    ) -> Arc<Self> {
        let finds = Arc::new(Self::default());
        finds.lock().unasked = sources.len();
        for (number, source) in sources.into_iter().enumerate() {
            let (finds, board) = (Arc::clone(&finds), Arc::clone(board));
            let member = board.local();
            let local = Local { name: member.name().to_owned(), port: member.addr().port() };
            tasks.push(tokio::spawn(async move {
                tokio::join!(source.announce(&local), ask(&source, number, finds, board));
            }));
        }
        finds
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All candidates there are, in the order of the sources, each once.
    pub(super) fn candidates(&self) -> Vec<String> {
        let state = self.lock();
        let mut seen = BTreeSet::new();
        let all = state.candidates.values().flatten();
        all.filter(|candidate| seen.insert(candidate.as_str())).cloned().collect()
    }

    /// Waits until there are other candidates.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until each source was asked once, whatever it said.
    pub(super) async fn all_asked(&self) {
        while self.lock().unasked > 0 {
            self.changed.notified().await;
        }
    }

    pub(super) fn count(&self, stats: &mut Stats) {
        let state = self.lock();
        stats.discovery_lookups = state.lookups;
        stats.discovery_empty = state.empty;
        stats.discovery_failed = state.failed;
        stats.discovery_refused = state.refused;
        stats.discovery_candidates = state.candidates.values().map(|c| c.len() as u64).sum();
    }

    /// Notes what a source told. Nothing, and a failure, leave what it told before.
    fn note(&self, number: usize, is_first: bool, found: &Found) {
        let mut state = self.lock();
        state.lookups += 1;
        state.unasked -= usize::from(is_first);
        let is_new = match found {
            Ok(found) if found.is_empty() => {
                state.empty += 1;
                false
            }
            Ok(found) => state.candidates.insert(number, found.clone()).as_ref() != Some(found),
            Err(failure) => {
                let counter =
                    if failure.is_refused() { &mut state.refused } else { &mut state.failed };
                *counter += 1;
                false
            }
        };
        drop(state);
        if is_new || is_first {
            self.changed.notify_one();
        }
    }
}

async fn ask(source: &Source, number: usize, finds: Arc<Finds>, board: Arc<Board>) {
    let mut pause = source.interval();
    let (mut is_first, mut told) = (true, None);
    loop {
        let found = source.find().await;
        finds.note(number, is_first, &found);
        is_first = false;
        match found {
            Ok(_) => (pause, told) = (source.interval(), None),
            Err(failure) => {
                let cause = format!("{}: {}", source.name(), failure);
                info!(source = &**source.name(), cause, "a look-up failed; it is tried again");
                if told.as_ref() != Some(&failure) {
                    board.post(complaint(source, &failure));
                }
                told = Some(failure);
                pause = (pause * 2).min(PAUSE_MAX.max(source.interval()));
            }
        }
        time::sleep(pause.mul_f64(sockets::jitter())).await;
    }
}

/// What is told of a look-up that failed, once for each cause.
fn complaint(source: &Source, failure: &Failure) -> EventKind {
    EventKind::Warning(Arc::new(Warning {
        code: WarningCode::DiscoveryFailed,
        subject: source.name().to_string(),
        text: format!(
            "discovery by {} {}; members stay, and it is asked again",
            source.name(),
            if failure.is_refused() { "was refused: " } else { "failed: " }.to_owned()
                + &failure.to_string()
        ),
    }))
}
