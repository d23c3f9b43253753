//! What workers subscribe to. To the cluster, it is the member that does, once for each worker,
//! topic and queue.
//!
//! So a queue's subscribers share what comes over members and workers alike, and what waits for a
//! worker is bounded as for any subscriber: who is slow misses the oldest, and hears how many. Each
//! publication is a call, so that no more of them is on the way than a worker takes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{self, Instant};

use super::{Hub, Running, door};
use crate::attach;
use crate::driver::mesh::{Mesh, Published, Subscriber, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::messaging::{
    Ask, DESK, Interest, MailboxLimits, Payload, RelayedPublication, SUBSCRIBED_MAX, Target, Via,
};

/// Publications that one worker has yet to take, of each topic and queue; beyond that they wait in
/// the member.
const WINDOW: usize = 32;
/// Publications that wait in the member, and bytes of them, or one longer than that.
const WAITING: MailboxLimits = MailboxLimits { messages: 1024, bytes: 16 << 20 };
/// A worker that takes nothing for so long is let go.
const LIMIT: Duration = Duration::from_secs(10);
/// Between two attempts to find room on the way to a worker.
const PAUSE: Duration = Duration::from_millis(5);

/// The topics and queues of one worker.
#[derive(Debug, Default)]
pub(super) struct Topics(BTreeMap<Arc<str>, BTreeMap<Option<Arc<str>>, Running>>);

impl Hub {
    /// A worker wants this of a topic from now on; nothing, where there is none.
    pub(super) fn follow(self: &Arc<Self>, worker: &Arc<str>, wish: &[u8]) -> Result<()> {
        let (topic, interest) = attach::decode::<(String, Vec<u8>)>(wish)?;
        let wanted: BTreeSet<Option<Arc<str>>> = Interest::decode(&interest)
            .map(|interest| interest.parts().collect())
            .unwrap_or_default();
        let topic: Arc<str> = topic.into();
        let mut state = self.lock();
        let held = state.workers.get_mut(worker).ok_or_else(Error::closed)?;
        let topics = &mut held.topics.0;
        if let Some(queues) = topics.get_mut(&topic) {
            queues.retain(|queue, _| wanted.contains(queue));
        }
        let outcome = wanted.into_iter().try_for_each(|queue| {
            if topics.get(&topic).is_some_and(|queues| queues.contains_key(&queue)) {
                return Ok(());
            }
            if topics.values().map(BTreeMap::len).sum::<usize>() >= SUBSCRIBED_MAX {
                let message = format!("a worker has at most {SUBSCRIBED_MAX} subscribers");
                return Err(Error::new(ErrorKind::Overloaded, message));
            }
            let subscriber = self.cluster.subscribe(&topic, queue.as_deref(), WAITING)?;
            let telling = Telling {
                hub: Arc::clone(self),
                worker: Arc::clone(worker),
                topic: Arc::clone(&topic),
                queue: queue.clone(),
                missed: 0,
                under_way: VecDeque::new(),
            };
            let task = self.runtime.spawn(telling.run(subscriber)).abort_handle();
            topics.entry(Arc::clone(&topic)).or_default().insert(queue, Running(task));
            Ok(())
        });
        if topics.get(&topic).is_some_and(BTreeMap::is_empty) {
            topics.remove(&topic);
        }
        outcome
    }
}

/// Hands on what one worker is to hear of a topic.
struct Telling {
    hub: Arc<Hub>,
    worker: Arc<str>,
    topic: Arc<str>,
    queue: Option<Arc<str>>,
    /// Publications that found no room, of which the worker has yet to hear.
    missed: u64,
    under_way: VecDeque<Ticket>,
}

impl Telling {
    async fn run(mut self, subscriber: Subscriber) {
        loop {
            tokio::select! {
                biased;
                outcome = first(&mut self.under_way) => {
                    if let Err(error) = outcome {
                        if error.kind() != ErrorKind::NodeDown {
                            self.hub.drop_worker(&self.worker, &error);
                        }
                        return;
                    }
                    self.under_way.pop_front();
                }
                published = subscriber.next(), if self.under_way.len() < WINDOW => {
                    let Some(published) = published else { return };
                    if self.tell(published).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Puts a publication on its way, once there is room.
    async fn tell(&mut self, published: Published) -> Result<()> {
        let missed = self.missed.saturating_add(published.missed());
        let queue = self.queue.as_deref();
        let key = RelayedPublication { topic: &self.topic, queue, missed }.encode();
        let via = Via {
            worker: Arc::clone(&self.worker),
            from: door::short(published.from()).into(),
            key: Some(key.into()),
        };
        let (target, headers) = (Target::via(DESK, via), published.raw_headers().to_vec());
        let payload = published.into_payload();
        let began = Instant::now();
        loop {
            let ask = Ask {
                target: &target,
                op: "published",
                headers: &headers,
                payload: payload.clone(),
                deadline: Mesh::deadline(LIMIT),
                latest: false,
            };
            match self.hub.local.begin(ask) {
                Ok(ticket) => {
                    self.missed = 0;
                    self.under_way.push_back(ticket);
                    return Ok(());
                }
                Err(error) if error.kind() != ErrorKind::Overloaded => return Err(error),
                Err(_) if began.elapsed() < LIMIT => time::sleep(PAUSE).await,
                Err(_) => {
                    self.missed = missed.saturating_add(1);
                    self.hub.count_missed(1);
                    return Ok(());
                }
            }
        }
    }
}

impl Drop for Telling {
    /// What was on its way may not have come.
    fn drop(&mut self) {
        self.hub.count_missed(self.under_way.len() as u64);
    }
}

/// What came of the first of what is under way, if there is any.
async fn first(under_way: &mut VecDeque<Ticket>) -> Result<Payload> {
    match under_way.front_mut() {
        Some(ticket) => poll_fn(|context| ticket.poll_outcome(context)).await,
        None => pending().await,
    }
}
