//! Who calls and casts. Whatever comes back is compared with what was asked, and written down.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use chinwag::{Error, Node, Payload};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::agent::{ALL, Agent, SOME};
use super::name;
use super::record::{Event, Got, Id, Pen};

/// Lanes from here on are those of callers who wait for each answer and ask now this one and now
/// that one: between them there is no order.
pub(super) const UNORDERED: u8 = 100;
/// Callers of an agent.
const CALLERS: u8 = 3;
/// Between two of them, on every lane.
const EVERY: Duration = Duration::from_millis(4);
/// Of so many messages of a lane, one is a call; and of so many, one goes in chunks.
const CALL_OF: u32 = 8;
const LARGE_OF: u32 = 50;
/// Bytes of a message at most, and of one in chunks.
const SMALL: usize = 8 * 1024;
const LARGE: usize = 100 * 1024;
/// Patience of calls, in milliseconds: some have hardly any.
const PATIENCE_MS: std::ops::Range<u64> = 5..2_000;
/// Calls of a lane that may be under way.
const UNDER_WAY: usize = 200;

type Outcome = chinwag::Result<Payload>;

/// One lane of an agent.
pub(super) struct Sender {
    node: Node,
    pen: Arc<Pen>,
    ends: Arc<AtomicBool>,
    id: Id,
    seats: usize,
    rng: Xoshiro256PlusPlus,
}

impl Sender {
    /// Begins all lanes of an agent.
    pub(super) fn begin(
        agent: &Agent,
        node: &Node,
        pen: &Arc<Pen>,
        ends: &Arc<AtomicBool>,
        load: &mut JoinSet<()>,
    ) {
        let lane = |lane: u8| {
            let salt = [agent.seat as u64, agent.run as u64, u64::from(lane)];
            let seed = salt.iter().fold(agent.seed, |seed, salt| seed.rotate_left(16) ^ salt);
            Self {
                node: node.clone(),
                pen: Arc::clone(pen),
                ends: Arc::clone(ends),
                id: Id { seat: agent.seat as u8, run: agent.run as u8, lane, number: 0 },
                seats: agent.seats,
                rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            }
        };
        for other in 0..agent.seats {
            load.spawn(lane(other as u8).in_order(format!("{ALL}@{}", name(other))));
        }
        for caller in 0..CALLERS {
            load.spawn(lane(UNORDERED + caller).one_by_one());
        }
    }

    /// Casts, and calls without waiting for the answer before the next message is sent.
    async fn in_order(mut self, target: String) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waiting = JoinSet::new();
        while !self.ends.load(Ordering::Relaxed) {
            ticks.tick().await;
            while waiting.try_join_next().is_some() {}
            let payload = self.next();
            if self.rng.random_range(0..CALL_OF) == 0 && waiting.len() < UNDER_WAY {
                let mut call = self.call(target.clone(), payload);
                let outcome = std::future::poll_fn(|context| {
                    // Polled once, it is on its way.
                    Poll::Ready(call.as_mut().poll(context))
                });
                let (pen, id) = (Arc::clone(&self.pen), self.id);
                match outcome.await {
                    Poll::Ready(outcome) => compare(&pen, id, outcome),
                    Poll::Pending => {
                        waiting.spawn(async move { compare(&pen, id, call.await) });
                    }
                }
            } else {
                self.pen.note(self.id, Event::Cast);
                if self.node.cast(&target, "note", payload).await.is_err() {
                    self.pen.note(self.id, Event::Refused);
                }
            }
        }
        while waiting.join_next().await.is_some() {}
    }

    /// Calls, and waits for each answer, or gives up.
    async fn one_by_one(mut self) {
        while !self.ends.load(Ordering::Relaxed) {
            let target = match self.rng.random_range(0..3) {
                0 => SOME.to_owned(),
                1 => format!("{ALL}#{}", self.rng.random_range(0..1_000)),
                _ => format!("{ALL}@{}", name(self.rng.random_range(0..self.seats))),
            };
            let payload = self.next();
            let (id, call) = (self.id, self.call(target, payload));
            let outcome = call.await;
            compare(&self.pen, id, outcome);
            tokio::time::sleep(EVERY).await;
        }
    }

    /// The next message, with its number and some more bytes.
    fn next(&mut self) -> Payload {
        self.id.number += 1;
        let length = match self.rng.random_range(0..LARGE_OF) {
            0 => self.rng.random_range(SMALL..LARGE),
            _ => self.rng.random_range(0..SMALL),
        };
        let mut bytes = Vec::with_capacity(length + 32);
        self.id.put(&mut bytes);
        bytes.resize(bytes.len() + length, self.id.number as u8);
        Payload::raw(bytes)
    }

    /// A call that is sent when it is first polled.
    fn call(
        &mut self,
        target: String,
        payload: Payload,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
        self.pen.note(self.id, Event::Call);
        let patience = Duration::from_millis(self.rng.random_range(PATIENCE_MS));
        let node = self.node.clone();
        Box::pin(async move { node.call(&target, "run", payload).timeout(patience).await })
    }
}

/// Writes down what a call came to.
fn compare(pen: &Pen, id: Id, outcome: Outcome) {
    let event = match outcome {
        Ok(answer) => match Id::take(&answer.bytes) {
            Some((asked, rest)) if asked == id => {
                Got::take(rest).map_or(Event::Wrong, Event::Answered)
            }
            _ => Event::Wrong,
        },
        Err(error) => Event::Failed { maybe: Error::maybe_executed(&error) },
    };
    pen.note(id, event);
}
