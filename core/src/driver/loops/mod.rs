//! Whether the loops turn on which members run their users' code.
//!
//! The core answers probes from threads of its own, so a process whose interpreter is stuck looks
//! alive to the others. Here each node watches the loop that it serves, says so in its keys when
//! that does not turn, and hears it of the others.

#[cfg(feature = "host")]
mod lag;
#[cfg(feature = "host")]
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;
use tracing::warn;

#[cfg(feature = "host")]
pub(crate) use self::watch::Turns;
use super::{Board, Command, Sockets};
use crate::engine::{Request, StateChange, StateWrite};
use crate::event::{EventKind, Warning, WarningCode};
use crate::member::LoopState;

/// The key under which a member says how its loop does. Not there: it turns.
pub(super) const KEY: &str = "a:l";
/// Of a member, no more than one warning in that time.
const WARNING_PAUSE: Duration = Duration::from_secs(10);
/// Members of whose warnings the time is known.
const WARNED_MAX: usize = 256;

/// How the loop of a member does, by its keys; the member is present.
pub(crate) fn state_of(board: &Board, member: &str) -> LoopState {
    read(board.shown().get(member, KEY).as_deref())
}

fn read(value: Option<&[u8]>) -> LoopState {
    match value.and_then(<[u8]>::first) {
        Some(1) => LoopState::Slow,
        Some(2) => LoopState::Stuck,
        _ => LoopState::Ok,
    }
}

/// How the loops do that a node speaks for: what it tells the others is the worst of them.
#[derive(Debug, Default)]
pub(super) struct Loops(Mutex<BTreeMap<Whose, LoopState>>);

/// Whose loop it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    /// The one of this process.
    #[cfg(feature = "host")]
    Own,
    /// Those of its workers, of which the best counts: it takes what the others do not.
    #[cfg(unix)]
    Workers,
}

/// Has the others told how a loop does now, as `state` says when it is its turn to tell.
pub(super) async fn publish(
    board: &Board,
    commands: &mpsc::WeakSender<Box<Command>>,
    whose: Whose,
    state: impl FnOnce() -> LoopState,
) {
    // Held until it is written: what is told last is what is so.
    let mut loops = board.loops().0.lock().await;
    let worst =
        |loops: &BTreeMap<Whose, LoopState>| loops.values().max().copied().unwrap_or(LoopState::Ok);
    let before = worst(&loops);
    loops.insert(whose, state());
    let now = worst(&loops);
    let Some(commands) = commands.upgrade().filter(|_| now != before) else { return };
    let value = match now {
        LoopState::Ok => None,
        LoopState::Slow => Some(vec![1]),
        LoopState::Stuck => Some(vec![2]),
    };
    let (reply, done) = oneshot::channel();
    let request = Request::Write(vec![StateWrite { key: KEY.to_owned(), value, ttl: None }]);
    if commands.send(Box::new(Command::Request { request, reply })).await.is_ok()
        && let Ok(Err(error)) = done.await
    {
        warn!(%error, "the others cannot be told how the loop of this node does");
    }
}

/// The state that the value of a member's key is.
#[cfg(unix)]
pub(super) fn told(value: Option<&[u8]>) -> LoopState {
    read(value)
}

/// A warning about a loop, which is logged as well.
fn warning(subject: &str, text: String) -> EventKind {
    let code = WarningCode::LoopStuck;
    warn!(code = code.as_str(), subject, "{text}");
    EventKind::Warning(Arc::new(Warning { code, subject: subject.to_owned(), text }))
}

/// Of whom this node has warned, and when.
#[derive(Debug, Default)]
pub(super) struct Warned(BTreeMap<Arc<str>, Instant>);

impl Warned {
    /// Whether a warning of a member is due.
    pub(super) fn is_due(&mut self, member: &Arc<str>) -> bool {
        let now = Instant::now();
        self.0.retain(|_, at| now - *at < WARNING_PAUSE);
        if self.0.contains_key(member) || self.0.len() >= WARNED_MAX {
            return false;
        }
        self.0.insert(Arc::clone(member), now);
        true
    }
}

impl Sockets {
    /// A key of a member has changed: it may be about its loop.
    pub(super) fn hear_of_loop(&mut self, change: &StateChange) {
        if *change.key != *KEY || *change.owner == *self.board.local().name() {
            return;
        }
        let stuck = read(change.value.as_deref()) == LoopState::Stuck;
        self.mesh.note_stuck(&change.owner, stuck);
        if stuck && self.warned.is_due(&change.owner) {
            let text = "its loop does not turn: a handler blocks it. Messages for it wait; those \
                        for any server of a name go to others meanwhile";
            self.board.post(warning(&change.owner, text.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_member_writes_is_some_state() {
        for (value, state) in [
            (None, LoopState::Ok),
            (Some(&b""[..]), LoopState::Ok),
            (Some(b"\x01"), LoopState::Slow),
            (Some(b"\x02 and more"), LoopState::Stuck),
            (Some(b"\xff"), LoopState::Ok),
        ] {
            assert_eq!(read(value), state, "{value:?}");
        }
    }

    #[tokio::test]
    async fn warnings_of_a_member_have_a_pause_and_those_of_all_a_bound() {
        let mut warned = Warned::default();
        assert!(warned.is_due(&"a".into()));
        assert!(!warned.is_due(&"a".into()));
        let due = (0..1_000).filter(|n| warned.is_due(&format!("m{n}").into())).count();
        assert_eq!(due, WARNED_MAX - 1);
    }
}
