//! The watch of a node over the loop that it serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, mpsc};
use tokio::time::{self, Instant};
use tracing::warn;

use super::lag::{Lag, Step};
use super::{Whose, warning};
use crate::driver::{Board, Command, Handle};
use crate::member::LoopState;

/// Between the watch and the loop.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// An answer is waited for.
    asked: AtomicBool,
    /// The watch is over.
    ended: AtomicBool,
    heard: Notify,
}

impl Turns {
    /// The loop turns. Called on it, as often as it likes.
    pub(crate) fn turned(&self) {
        if self.asked.swap(false, Ordering::AcqRel) {
            self.heard.notify_one();
        }
    }

    /// Nobody is watched any more.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.heard.notify_one();
    }

    fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

impl Handle {
    /// Watches the loop that this node serves: asks it with `ask`, which must not wait, and is
    /// answered through what is returned. None if the option says that nobody is watched.
    pub(crate) fn watch_loop(&self, ask: impl Fn() + Send + 'static) -> Option<Arc<Turns>> {
        let stuck = self.loop_stuck()?;
        let turns = Arc::<Turns>::default();
        let watch = Watch {
            turns: Arc::clone(&turns),
            lag: Lag::new(stuck),
            board: Arc::clone(self.board()),
            commands: self.commands().downgrade(),
        };
        self.spawn(watch.run(ask));
        Some(turns)
    }
}

/// The watch over one loop.
struct Watch {
    turns: Arc<Turns>,
    lag: Lag,
    board: Arc<Board>,
    commands: mpsc::WeakSender<Box<Command>>,
}

impl Watch {
    /// Until it is over, or the node is closed.
    async fn run(mut self, ask: impl Fn()) {
        let mut last = Instant::now();
        while !self.turns.is_ended() && !self.board.is_closed() {
            let heard = time::timeout(self.lag.next(), self.turns.heard.notified()).await;
            let now = Instant::now();
            let passed = now - std::mem::replace(&mut last, now);
            let step = self.lag.step(passed, heard.is_ok());
            if step.asks {
                self.turns.asked.store(true, Ordering::Release);
                ask();
            }
            self.tell(step).await;
        }
        self.publish(LoopState::Ok).await;
    }

    async fn tell(&self, Step { change, .. }: Step) {
        let Some((state, blocked)) = change else { return };
        let seconds = blocked.as_secs_f64();
        match state {
            LoopState::Ok => warn!("the loop turns again; it was blocked for {seconds:.1} s"),
            LoopState::Slow => {}
            LoopState::Stuck => {
                let text = format!(
                    "a handler has blocked the loop for {seconds:.1} s, and nothing else runs \
                     there; have it wait without blocking, or work in a thread"
                );
                self.board.post(warning("", text));
            }
        }
        self.publish(state).await;
    }

    /// Tells the others.
    async fn publish(&self, state: LoopState) {
        super::publish(&self.board, &self.commands, Whose::Own, || state).await;
    }
}
