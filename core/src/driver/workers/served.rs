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

use super::{Hub, Inbox, Request, bridge, door, pass_back};
use crate::error::{Error, ErrorKind, Remote, Result};
use crate::event::WarningCode;
use crate::member::LoopState;
use crate::messaging::{Ask, LinkId, Target, Via};

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
    /// The connection that it has said so on: a worker may lose one, and be back on another.
    link: LinkId,
    /// Its loop does not turn.
    stuck: bool,
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
        let held = state.workers.get(worker).map(|held| (held.link, held.turns));
        let Some((link, turns)) = held.filter(|_| !state.closed) else {
            return Err(Error::closed());
        };
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
        served.add(worker, link, turns == LoopState::Stuck);
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
            served.end("");
        }
        Ok(())
    }

    fn is_served(&self, served: &Arc<Served>) -> bool {
        self.lock().served.get(&served.name).is_some_and(|held| Arc::ptr_eq(held, served))
    }

    /// A worker serves a name no longer.
    pub(super) fn unserve(&self, link: LinkId, server: &str, why: &str) {
        let mut state = self.lock();
        let Some(served) = state.served.get(server) else { return };
        if served.remove(link) > 0 {
            return;
        }
        let Some(served) = state.served.remove(server) else { return };
        drop(state);
        served.end(why);
    }

    /// Hands a message to one of the workers.
    fn hand(self: &Arc<Self>, served: &Arc<Served>, mut request: Request) {
        let key = request.key().map(Box::from);
        let chosen = served.choose(key.as_deref(), |place| {
            self.local.is_ready(&place.worker)
                && self.local.link_to(&place.worker) == Some(place.link)
        });
        let Some((worker, link)) = chosen else {
            let message = format!("no worker serves \"{}\" any more", served.name);
            request.reply(Err(Error::new(ErrorKind::NoServer, message).with_executed(false)));
            return;
        };
        let from = door::short(request.from()).into();
        let target = Target::via(&served.name, Via { worker: Arc::clone(&worker), from, key });
        let delivery = request.delivery();
        let payload = std::mem::take(&mut delivery.payload);
        let (op, headers) = (delivery.op.clone(), delivery.headers.clone());
        let (op, headers, deadline) = (op.as_str(), &*headers, delivery.deadline);
        let ask = Ask { target: &target, op, headers, payload, deadline, latest: false };
        if delivery.tag.is_none() {
            // What does not go is counted there.
            let _ = self.local.cast_now(ask);
            served.done(link);
            return;
        }
        let place = Busy { served: Arc::clone(served), link };
        let error = if request.is_stream() {
            match self.local.open_now(ask) {
                Ok(far) => {
                    self.runtime.spawn(bridge::carry(request, far, place, of_this_node));
                    return;
                }
                Err(error) => error,
            }
        } else {
            match self.local.begin(ask) {
                Ok(ticket) => {
                    self.runtime.spawn(pass_back(request, ticket, place, of_this_node));
                    return;
                }
                Err(error) => error,
            }
        };
        request.reply(Err(error));
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
    link: LinkId,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.served.done(self.link);
    }
}

impl Served {
    fn places(&self) -> MutexGuard<'_, Places> {
        lock(&self.places)
    }

    fn add(&self, worker: &Arc<str>, link: LinkId, stuck: bool) {
        let mut places = self.places();
        if !places.workers.iter().any(|place| place.link == link) {
            let worker = Arc::clone(worker);
            places.workers.push(Place { worker, link, stuck, busy: 0, turn: 0 });
        }
        drop(places);
        self.room.notify_one();
    }

    /// Takes a worker off; how many are left.
    fn remove(&self, link: LinkId) -> usize {
        let mut places = self.places();
        places.workers.retain(|place| place.link != link);
        places.workers.len()
    }

    /// The loop of a worker is stuck, or turns again.
    pub(super) fn note_stuck(&self, link: LinkId, stuck: bool) {
        for place in self.places().workers.iter_mut().filter(|place| place.link == link) {
            place.stuck = stuck;
        }
        self.room.notify_one();
    }

    /// Nobody serves it any more: what waits is answered so.
    fn end(&self, why: &str) {
        let task = lock(&self.pump).take();
        task.inspect(AbortHandle::abort);
        if let Some(mailbox) = lock(&self.mailbox).take() {
            mailbox.stop_with(why);
        }
    }

    /// Waits until a worker may be given something.
    async fn has_room(&self) {
        loop {
            let room = self.room.notified();
            if self.places().has_room() {
                return;
            }
            room.await;
        }
    }

    /// The worker for the next message, which is at it from now on.
    fn choose(
        &self,
        key: Option<&[u8]>,
        is_ready: impl Fn(&Place) -> bool,
    ) -> Option<(Arc<str>, LinkId)> {
        let mut places = self.places();
        places.turn += 1;
        let turn = places.turn;
        let ready = places.workers.iter_mut().filter(|place| is_ready(place));
        let chosen = match key {
            None => ready.min_by_key(|place| (place.stuck, place.busy, place.turn)),
            Some(key) => ready.max_by_key(|place| bid(&place.worker, key)),
        };
        let chosen = chosen?;
        chosen.busy += 1;
        chosen.turn = turn;
        Some((Arc::clone(&chosen.worker), chosen.link))
    }

    /// A worker is done with a call.
    fn done(&self, link: LinkId) {
        let mut places = self.places();
        if let Some(place) = places.workers.iter_mut().find(|place| place.link == link) {
            place.busy = place.busy.saturating_sub(1);
        }
        drop(places);
        self.room.notify_one();
        self.calmer.notify_waiters();
    }

    /// Waits until a worker that is gone is at nothing any more.
    pub(super) async fn settled(&self, link: LinkId) {
        loop {
            let calmer = self.calmer.notified();
            tokio::pin!(calmer);
            calmer.as_mut().enable();
            let is_at_it = |place: &Place| place.link == link && place.busy > 0;
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

impl Places {
    /// Whether one may be given something: one whose loop turns, if there is any such.
    fn has_room(&self) -> bool {
        let turns = self.workers.iter().any(|place| !place.stuck);
        self.workers.iter().any(|place| place.busy < WINDOW && !(turns && place.stuck))
    }
}

/// What a worker bids for a key: the highest has it, so that those which stay keep theirs.
fn bid(worker: &str, key: &[u8]) -> u64 {
    xxh3_64_with_seed(key, xxh3_64_with_seed(worker.as_bytes(), 0))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
