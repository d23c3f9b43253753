//! A name that workers serve: one server for the cluster, any number of processes behind it.
//!
//! What comes for it waits in a mailbox of the member until a worker has room, so that whatever
//! bounds and tells of servers holds for it. A message without a key goes to the worker that has
//! the least under way, and in turn where several have as little; one with a key goes to the same
//! worker for as long as they are the same ones.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Hub, Inbox, Request, door, pass_back};
use crate::error::{Error, ErrorKind, Remote, Result};
use crate::event::WarningCode;
use crate::messaging::{Ask, Target, Via};

/// Calls that one worker is given at the same time, per server; more wait in the member's mailbox,
/// where another worker can have them.
const WINDOW: usize = 32;
/// Between two looks whether a name has become free.
const NAME_PAUSE: Duration = Duration::from_secs(1);

/// A name and the workers that serve it.
#[derive(Debug)]
pub(super) struct Served {
    name: String,
    /// What waits; none while the member serves the name itself.
    mailbox: Mutex<Option<Inbox>>,
    places: Mutex<Places>,
    /// There may be room where there was none.
    room: Notify,
    /// A call is under way no longer.
    calmer: Notify,
    pump: Mutex<Option<AbortHandle>>,
}

#[derive(Debug, Default)]
struct Places {
    workers: Vec<Place>,
    turn: u64,
}

#[derive(Debug)]
struct Place {
    worker: Arc<str>,
    /// Calls that it has yet to answer.
    busy: usize,
    /// When it was its turn last.
    turn: u64,
}

impl Hub {
    /// A worker serves a name.
    pub(super) fn serve(self: &Arc<Self>, worker: &Arc<str>, server: &str) -> Result<()> {
        crate::messaging::check_name("server", server)?;
        let mut state = self.lock();
        if state.closed || !state.workers.contains_key(worker) {
            return Err(Error::closed());
        }
        let served = state.served.entry(server.to_owned()).or_insert_with(|| {
            Arc::new(Served {
                name: server.to_owned(),
                mailbox: Mutex::default(),
                places: Mutex::default(),
                room: Notify::new(),
                calmer: Notify::new(),
                pump: Mutex::default(),
            })
        });
        let served = Arc::clone(served);
        served.add(worker);
        drop(state);
        self.open_mailbox(&served)
    }

    /// Has the cluster told of a name, unless it is.
    fn open_mailbox(self: &Arc<Self>, served: &Arc<Served>) -> Result<()> {
        let mut held = lock(&served.mailbox);
        if held.is_some() {
            return Ok(());
        }
        let opened = self.cluster.serve(&served.name, self.settings.mailbox);
        let mailbox = match opened {
            Ok(mailbox) => Arc::new(mailbox),
            Err(error) => {
                if error.kind() == ErrorKind::ServerExists {
                    let text = format!(
                        "workers serve \"{}\", and so does the member itself, which gets all that \
                         is for it; serve it in one of the two",
                        served.name
                    );
                    self.complain(WarningCode::ServerTaken, &served.name, text);
                    drop(held);
                    self.keep(wait_for_name(Arc::clone(self), Arc::clone(served)));
                }
                return Err(error);
            }
        };
        *held = Some(Arc::clone(&mailbox));
        drop(held);
        let task = self.keep(pump(Arc::clone(self), Arc::clone(served), mailbox));
        *lock(&served.pump) = Some(task);
        if !self.is_served(served) {
            // Its last worker has gone meanwhile.
            served.end();
        }
        Ok(())
    }

    fn is_served(&self, served: &Arc<Served>) -> bool {
        self.lock().served.get(&served.name).is_some_and(|held| Arc::ptr_eq(held, served))
    }

    /// A worker serves a name no longer.
    pub(super) fn unserve(&self, worker: &str, server: &str) {
        let mut state = self.lock();
        let Some(served) = state.served.get(server) else { return };
        if served.remove(worker) > 0 {
            return;
        }
        let Some(served) = state.served.remove(server) else { return };
        drop(state);
        served.end();
    }

    /// Hands a message to one of the workers.
    fn hand(self: &Arc<Self>, served: &Arc<Served>, mut request: Request) {
        if request.delivery().streams {
            let message =
                format!("\"{}\" is served by workers, which take no streams", served.name);
            request.reply(Err(Error::new(ErrorKind::Unsupported, message).with_executed(false)));
            return;
        }
        let key = request.key().map(Box::from);
        let Some(worker) = served.choose(key.as_deref(), |worker| self.local.is_ready(worker))
        else {
            let message = format!("no worker serves \"{}\" any more", served.name);
            request.reply(Err(Error::new(ErrorKind::NoServer, message).with_executed(false)));
            return;
        };
        let from = door::short(request.from()).into();
        let target = Target::via(&served.name, Via { worker: Arc::clone(&worker), from, key });
        let delivery = request.delivery();
        let payload = std::mem::take(&mut delivery.payload);
        let (op, headers) = (delivery.op.clone(), delivery.headers.clone());
        let (op, headers, deadline) = (&*op, &*headers, delivery.deadline);
        let ask = Ask { target: &target, op, headers, payload, deadline, latest: false };
        if delivery.tag.is_none() {
            // What does not go is counted there.
            let _ = self.local.cast_now(ask);
            served.done(&worker);
            return;
        }
        match self.local.begin(ask) {
            Ok(ticket) => {
                let place = Busy { served: Arc::clone(served), worker };
                self.runtime.spawn(async move {
                    pass_back(request, ticket, place, of_this_node).await;
                });
            }
            Err(error) => {
                served.done(&worker);
                request.reply(Err(error));
            }
        }
    }
}

/// An error of a worker's is one of this node's for everybody else.
fn of_this_node(error: Error) -> Error {
    match error.remote() {
        Some(remote) => Error::remote_error(Remote { node: String::new(), ..remote.clone() }),
        None => error,
    }
}

/// Hands over what comes, for as long as somebody serves the name.
async fn pump(hub: Arc<Hub>, served: Arc<Served>, mailbox: Inbox) {
    loop {
        served.has_room().await;
        let Some(request) = mailbox.next().await else { return };
        hub.hand(&served, request);
    }
}

/// Takes a name over once the member itself serves it no longer.
async fn wait_for_name(hub: Arc<Hub>, served: Arc<Served>) {
    loop {
        time::sleep(NAME_PAUSE).await;
        let is_free = !hub.cluster.serves(&served.name);
        if !hub.is_served(&served) || (is_free && hub.open_mailbox(&served).is_ok()) {
            return;
        }
    }
}

/// A call that a worker is at.
struct Busy {
    served: Arc<Served>,
    worker: Arc<str>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.served.done(&self.worker);
    }
}

impl Served {
    fn places(&self) -> MutexGuard<'_, Places> {
        lock(&self.places)
    }

    fn add(&self, worker: &Arc<str>) {
        let mut places = self.places();
        if !places.workers.iter().any(|place| place.worker == *worker) {
            places.workers.push(Place { worker: Arc::clone(worker), busy: 0, turn: 0 });
        }
        drop(places);
        self.room.notify_one();
    }

    /// Takes a worker off; how many are left.
    fn remove(&self, worker: &str) -> usize {
        let mut places = self.places();
        places.workers.retain(|place| *place.worker != *worker);
        places.workers.len()
    }

    /// Nobody serves it any more: what waits is answered so.
    fn end(&self) {
        let task = lock(&self.pump).take();
        task.inspect(AbortHandle::abort);
        if let Some(mailbox) = lock(&self.mailbox).take() {
            mailbox.stop();
        }
    }

    /// Waits until a worker may be given something.
    async fn has_room(&self) {
        loop {
            let room = self.room.notified();
            if self.places().workers.iter().any(|place| place.busy < WINDOW) {
                return;
            }
            room.await;
        }
    }

    /// The worker for the next message, which is at it from now on.
    fn choose(&self, key: Option<&[u8]>, is_ready: impl Fn(&str) -> bool) -> Option<Arc<str>> {
        let mut places = self.places();
        places.turn += 1;
        let turn = places.turn;
        let ready = places.workers.iter_mut().filter(|place| is_ready(&place.worker));
        let chosen = match key {
            None => ready.min_by_key(|place| (place.busy, place.turn)),
            Some(key) => ready.max_by_key(|place| bid(&place.worker, key)),
        };
        let chosen = chosen?;
        chosen.busy += 1;
        chosen.turn = turn;
        Some(Arc::clone(&chosen.worker))
    }

    /// A worker is done with a call.
    fn done(&self, worker: &str) {
        let mut places = self.places();
        if let Some(place) = places.workers.iter_mut().find(|place| *place.worker == *worker) {
            place.busy = place.busy.saturating_sub(1);
        }
        drop(places);
        self.room.notify_one();
        self.calmer.notify_waiters();
    }

    /// Waits until a worker that is gone is at nothing any more.
    pub(super) async fn settled(&self, worker: &str) {
        loop {
            let calmer = self.calmer.notified();
            tokio::pin!(calmer);
            calmer.as_mut().enable();
            let is_at_it = |place: &Place| *place.worker == *worker && place.busy > 0;
            if !self.places().workers.iter().any(is_at_it) {
                return;
            }
            calmer.await;
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// What a worker bids for a key: the highest has it, so that those which stay keep theirs.
fn bid(worker: &str, key: &[u8]) -> u64 {
    xxh3_64_with_seed(key, xxh3_64_with_seed(worker.as_bytes(), 0))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
