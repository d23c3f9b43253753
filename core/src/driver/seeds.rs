//! Joining the seeds at the start, and again later on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time;
use tracing::info;

use super::finds::Finds;
use super::names::{self, Found};
use super::{Board, Command, sockets};
use crate::engine::Reply;
use crate::error::{Attempt, Error, Result};
use crate::event::{EventKind, Warning, WarningCode};

/// What a node is told to join.
pub(super) struct Seeds {
    names: Vec<String>,
    /// Where there may be more, as it is found.
    finds: Option<Arc<Finds>>,
    /// The first attempt waits until all sources were asked.
    waits: bool,
    /// Members of the last run: a few are tried each time, in turn.
    known: Vec<SocketAddr>,
    /// How long looking one up may take.
    limit: Duration,
    /// Between two looks, in company; zero when those who are missing are not tried again.
    pace: Duration,
    patrol: Patrol,
    /// Where those who are missing are tried from.
    tried: usize,
}

/// Where a node's commands go, as long as somebody holds it.
type Commands = mpsc::WeakSender<Box<Command>>;

/// A lonely node tries its seeds again after about that time, which doubles up to a limit: a seed
/// that starts a moment later must not be missed for long.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Members of the last run that are tried at the same time, and missing seeds.
const KNOWN_AT_ONCE: usize = 8;
/// Candidates that are dialled at the same time by a node that is alone.
const FOUND_AT_ONCE: usize = 16;
/// Reconnect intervals between two looks whether seeds are missing.
const LOOK_ROUNDS: u32 = 6;

impl Seeds {
    pub(super) fn new(
        names: Vec<String>,
        known: Vec<SocketAddr>,
        limit: Duration,
        reconnect_interval: Duration,
    ) -> Self {
        let pace = reconnect_interval.saturating_mul(LOOK_ROUNDS).min(RETRY_MAX);
        let (finds, waits, patrol) = (None, false, Patrol::default());
        Self { names, finds, waits, known, limit, pace, patrol, tried: 0 }
    }

    /// And what is found, for which the first attempt may wait.
    pub(super) fn and_found(self, finds: Option<Arc<Finds>>, waits: bool) -> Self {
        Self { finds, waits, ..self }
    }

    /// Joins the seeds; again after a while as long as nobody else is here; and, in company, those
    /// that are not here, so that two islands with a common seed become one. A failed or empty
    /// attempt changes nothing. What sources find is joined likewise, at once when it is new.
    pub(super) async fn keep_joined(
        mut self,
        commands: Commands,
        board: Arc<Board>,
        outcome: watch::Sender<Option<Result<Reply>>>,
    ) {
        let mut pause = RETRY_MIN;
        if let Some(finds) = self.finds.as_ref().filter(|_| self.waits) {
            finds.all_asked().await;
        }
        loop {
            if board.is_lonely() || outcome.borrow().is_none() {
                let again = outcome.borrow().is_some();
                let Some(result) = self.join_anybody(&commands, again).await else { return };
                if let Err(error) = &result {
                    info!(%error, "alone for now; the seeds are tried again");
                    // Being alone at the start is no error, but may well be a mistake.
                    if let (Some(first), false) = (error.attempts().first(), again) {
                        board.post(alone(first, error));
                    }
                }
                outcome.send_if_modified(|first| {
                    let unset = first.is_none();
                    first.get_or_insert(result);
                    unset
                });
            } else if self.pace > Duration::ZERO {
                let missing = self.missing(&board).await;
                if !missing.is_empty()
                    && join(&commands, (missing, Vec::new()), true).await.is_none()
                {
                    return;
                }
            }
            if !board.is_lonely() {
                // In company, it looks rarely; once alone again, it begins anew.
                let pace = if self.pace > Duration::ZERO { self.pace } else { RETRY_MAX };
                let pace = pace.mul_f64(sockets::jitter());
                tokio::select! {
                    () = board.becomes_lonely() => {}
                    () = time::sleep(pace) => continue,
                    () = self.others_are_found() => continue,
                }
                pause = RETRY_MIN;
            }
            tokio::select! {
                () = time::sleep(pause.mul_f64(sockets::jitter())) => {
                    pause = (pause * 2).min(RETRY_MAX);
                }
                () = self.others_are_found() => pause = RETRY_MIN,
            }
        }
    }

    /// Tries the seeds and some members of the last run; when that comes to nothing, what was
    /// found, a few at a time, until somebody answers. None once the node is gone.
    async fn join_anybody(&mut self, commands: &Commands, again: bool) -> Option<Result<Reply>> {
        let first = self.everybody().await;
        let mut result = Ok(Reply::Joined(0));
        if !(first.0.is_empty() && first.1.is_empty()) {
            result = join(commands, first, again).await?;
        }
        let candidates = self.finds.as_ref().map(|finds| finds.candidates()).unwrap_or_default();
        for some in candidates.chunks(FOUND_AT_ONCE) {
            if matches!(&result, Ok(Reply::Joined(1..))) {
                break;
            }
            let found = names::resolve(some.to_vec(), self.limit).await;
            result = join(commands, found, true).await?;
        }
        Some(result)
    }

    async fn everybody(&mut self) -> Found {
        let (mut targets, failed) = names::resolve(self.names.clone(), self.limit).await;
        let few = self.known.len().min(KNOWN_AT_ONCE);
        targets.extend(self.known[..few].iter().map(|addr| (addr.to_string(), *addr)));
        self.known.rotate_left(few);
        (targets, failed)
    }

    /// Waits until a source has found others.
    async fn others_are_found(&self) {
        match &self.finds {
            Some(finds) => finds.changed().await,
            None => std::future::pending().await,
        }
    }

    /// Seeds at whose addresses nobody is present, if it is time to try them: some, and others the
    /// next time.
    async fn missing(&mut self, board: &Board) -> Vec<(String, SocketAddr)> {
        let mut names = self.names.clone();
        names.extend(self.finds.iter().flat_map(|finds| finds.candidates()));
        let (mut missing, _) = names::resolve(names, self.limit).await;
        board.retain_missing(&mut missing);
        let addrs: Vec<SocketAddr> = missing.iter().map(|(_, addr)| *addr).collect();
        if !self.patrol.is_due(&addrs) {
            return Vec::new();
        }
        let begin = self.tried.checked_rem(missing.len()).unwrap_or_default();
        missing.rotate_left(begin);
        missing.truncate(KNOWN_AT_ONCE);
        self.tried = begin + missing.len();
        missing
    }
}

/// What is told of a start that found nobody: once, though the seeds are tried again and again.
fn alone(first: &Attempt, error: &Error) -> EventKind {
    EventKind::Warning(Arc::new(Warning {
        code: WarningCode::SeedFailed,
        subject: first.seed.clone(),
        text: format!("alone for now, and trying again: {}", error.message()),
    }))
}

/// None once the node is gone.
async fn join(commands: &Commands, (targets, failed): Found, again: bool) -> Option<Result<Reply>> {
    let (reply, joined) = oneshot::channel();
    let sender = commands.upgrade()?;
    sender.send(Box::new(Command::Join { targets, failed, again, reply })).await.ok()?;
    drop(sender);
    joined.await.ok()
}

/// How often seeds that are missing are tried: at the first look, then after two, four and so on.
/// A seed may be gone for good, or be a member under another address than it is called by.
#[derive(Debug, Default)]
struct Patrol {
    missing: Vec<SocketAddr>,
    pause: u32,
    left: u32,
}

/// Looks between two attempts at most: five minutes with the LAN profile.
const PAUSE_MAX: u32 = 10;

impl Patrol {
    fn is_due(&mut self, missing: &[SocketAddr]) -> bool {
        if missing != self.missing {
            *self = Self { missing: missing.to_vec(), pause: 1, left: 0 };
        }
        if missing.is_empty() {
            return false;
        }
        if self.left > 0 {
            self.left -= 1;
            return false;
        }
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        self.left = self.pause - 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_seeds_are_tried_less_and_less_often_until_others_are_missing() {
        let one = [SocketAddr::from(([10, 0, 0, 1], 7946))];
        let two = [one[0], SocketAddr::from(([10, 0, 0, 2], 7946))];
        let mut patrol = Patrol::default();
        let mut tried = |missing: &[SocketAddr], looks: usize| -> Vec<usize> {
            (0..looks).filter(|_| patrol.is_due(missing)).collect()
        };
        assert_eq!(tried(&one, 45), [0, 2, 6, 14, 24, 34, 44]);
        assert_eq!(tried(&two, 3), [0, 2]);
        assert_eq!(tried(&[], 3), [0; 0]);
        assert_eq!(tried(&two, 1), [0]);
    }
}
