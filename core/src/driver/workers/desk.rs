//! What workers say to their member: messages for whomever, and everything else that they ask for.

use std::sync::{Arc, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    Hub, RELAYED_MAX, Request, Running, Topics, WISHES_MAX, Worker, bridge, feed, nothing,
    pass_back,
};
use crate::attach::{self, Attached, ErrorBody, Outcome, Wish};
use crate::driver::Command;
use crate::driver::mesh::Mailbox;
use crate::engine::Reply;
use crate::error::{Error, ErrorKind, Result};
use crate::member::LoopState;
use crate::messaging::{Ask, DESK, Payload, Publish, Relayed, Target};

/// Takes what comes, in order, for as long as there is the hub.
pub(super) async fn keep(hub: Weak<Hub>, mailbox: Mailbox) {
    while let Some(mut request) = mailbox.next().await {
        let Some(hub) = hub.upgrade() else { return };
        let Some(relayed) = request.delivery().relayed.take() else { continue };
        if &*relayed.server == DESK {
            hub.hear(request, relayed.latest);
        } else {
            hub.relay(request, &relayed);
        }
    }
}

impl Hub {
    /// Sends on what a worker says to a server.
    fn relay(self: &Arc<Self>, mut request: Request, relayed: &Relayed) {
        let Relayed { server, node, latest } = relayed;
        let latest = *latest;
        let target = match (node, request.key()) {
            (Some(node), _) => Target::at(server, node),
            (None, Some(key)) => Target::key(server, key),
            (None, None) => server.parse(),
        };
        let place = self.lock().workers.get(request.from()).map(|held| Arc::clone(&held.relayed));
        let (target, place) = match (target, place_in(place)) {
            (Ok(target), Ok(place)) => (target, place),
            (Err(error), _) | (_, Err(error)) => return refuse(request, error),
        };
        if target.wants_ring() {
            let commands = self.commands.clone();
            self.placement.ring(&self.board, &self.runtime, commands);
        }
        let delivery = request.delivery();
        let payload = std::mem::take(&mut delivery.payload);
        let (op, headers) = (delivery.op.clone(), delivery.headers.clone());
        let (op, headers, deadline) = (op.as_str(), &*headers, delivery.deadline);
        let ask = Ask { target: &target, op, headers, payload, deadline, latest };
        if delivery.tag.is_none() {
            return self.cluster.cast_on(ask);
        }
        if request.is_stream() {
            match self.cluster.open_now(ask) {
                Ok(far) => {
                    self.runtime.spawn(bridge::carry(request, far, place, of_sent));
                }
                Err(error) => refuse(request, error),
            }
            return;
        }
        match self.cluster.begin(ask) {
            Ok(ticket) => {
                self.runtime.spawn(pass_back(request, ticket, place, of_sent));
            }
            Err(error) => refuse(request, error),
        }
    }

    /// Publishes what a worker says; what does not go is counted.
    fn publish(&self, mut request: Request, latest: bool) {
        let delivery = request.delivery();
        let key = delivery.key.take().unwrap_or_default();
        let Ok(topic) = std::str::from_utf8(&key) else { return };
        let headers = std::mem::take(&mut delivery.headers);
        let payload = std::mem::take(&mut delivery.payload);
        let publish = Publish { topic, headers: &headers, payload, latest };
        let _ = self.cluster.publish(publish);
    }

    /// Does what a worker asks for beside messages.
    fn hear(self: &Arc<Self>, mut request: Request, latest: bool) {
        match (request.is_call(), request.op()) {
            (true, _) => {}
            (false, "publish") => return self.publish(request, latest),
            (false, _) => return,
        }
        let from = Arc::clone(&request.delivery().from);
        let payload = request.take_payload();
        let outcome = match request.op() {
            "attach" => self.take_on(&from),
            "serve" => text(&payload).and_then(|server| self.serve(&from, &server)).map(done),
            "stop" => self.stop(&from, &payload.bytes).map(done),
            "subscribe" => self.follow(&from, &payload.bytes).map(done),
            "loop" => self.note_loop(&from, &payload.bytes).map(done),
            "wish" => return self.wish(request, &payload),
            _ => Err(request_unknown(request.op())),
        };
        request.reply(outcome);
    }

    /// A worker that has a connection attaches.
    fn take_on(self: &Arc<Self>, worker: &Arc<str>) -> Result<Payload> {
        let link = self.local.link_to(worker).ok_or_else(Error::closed)?;
        let attached = Attached {
            local: (&self.board.local()).into(),
            ring: (&self.settings.ring).into(),
            message_max: u32::try_from(self.settings.message_max).unwrap_or(u32::MAX),
        };
        let bytes = attach::encode(&attached)?;
        let feed = self.keep(feed::keep(Arc::clone(self), Arc::clone(worker)));
        let mut state = self.lock();
        let taken_on = Worker {
            link,
            _feed: Running(feed),
            relayed: Arc::new(Semaphore::new(RELAYED_MAX)),
            wishes: Arc::new(Semaphore::new(WISHES_MAX)),
            topics: Topics::default(),
            turns: LoopState::Ok,
        };
        let before = state.workers.insert(Arc::clone(worker), taken_on);
        // Its connection may be over by now, and whoever saw that has not found it here.
        if self.local.link_to(worker) != Some(link) {
            state.workers.remove(worker);
            return Err(Error::closed());
        }
        state.counters.attached += u64::from(before.is_none_or(|before| before.link != link));
        drop(state);
        self.compare_loops();
        Ok(Payload { bytes, ..nothing() })
    }

    /// A worker serves a name no longer, for a reason that may be empty.
    fn stop(&self, worker: &str, bytes: &[u8]) -> Result<()> {
        let (server, why) = attach::decode::<(String, String)>(bytes)?;
        let link = self.lock().workers.get(worker).map(|held| held.link);
        self.unserve(link.ok_or_else(Error::closed)?, &server, &why);
        Ok(())
    }

    /// Has the node's task do what a worker wishes.
    fn wish(self: &Arc<Self>, request: Request, payload: &Payload) {
        let place = self.lock().workers.get(request.from()).map(|held| Arc::clone(&held.wishes));
        let (wish, place) = match (attach::decode::<Wish>(&payload.bytes), place_in(place)) {
            (Ok(wish), Ok(place)) => (wish, place),
            (Err(error), _) | (_, Err(error)) => return refuse(request, error),
        };
        let commands = self.commands.clone();
        self.runtime.spawn(async move {
            let performed = async {
                let (reply, outcome) = oneshot::channel();
                let command = match wish {
                    Wish::UpdateTags(changes) => Command::UpdateTags { changes, reply },
                    Wish::Join(targets, failed) => {
                        let failed = failed.into_iter();
                        let failed = failed
                            .map(|(seed, cause)| crate::error::Attempt { seed, cause })
                            .collect();
                        Command::Join { targets, failed, again: false, reply }
                    }
                    wish => Command::Request { request: wish.request()?, reply },
                };
                let commands = commands.upgrade().ok_or_else(Error::closed)?;
                commands.send(Box::new(command)).await.map_err(|_| Error::closed())?;
                drop(commands);
                outcome.await.map_err(|_| Error::closed())?
            };
            let performed: Option<Result<Reply>> = tokio::select! {
                performed = performed => Some(performed),
                () = request.given_up() => None,
            };
            match performed {
                Some(performed) => {
                    request.reply(told(performed));
                }
                None => request.forget(),
            }
            drop(place);
        });
    }
}

/// A place among what a worker may have under way.
fn place_in(places: Option<Arc<Semaphore>>) -> Result<OwnedSemaphorePermit> {
    let refuse = |message| Error::new(ErrorKind::Overloaded, message).with_executed(false);
    let places = places.ok_or_else(|| refuse("this worker has yet to attach; try again"))?;
    let full = "as much as one worker may have under way with its member is; wait for some";
    places.try_acquire_owned().map_err(|_| refuse(full))
}

/// What a wish came to, as it travels: errors with all that they say.
fn told(performed: Result<Reply>) -> Result<Payload> {
    let outcome: std::result::Result<Outcome, ErrorBody> =
        performed.map(Outcome::from).map_err(|error| for_worker(error).into());
    Ok(Payload { bytes: attach::encode(&outcome)?, ..nothing() })
}

fn refuse(request: Request, error: Error) {
    request.reply(Err(for_worker(error)));
}

/// The same of what had been sent by then.
fn of_sent(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Closed => for_worker(error.with_executed(true)),
        _ => error,
    }
}

/// An error as a worker is told of it: its node is not closed because its member's is.
fn for_worker(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Closed => {
            let message = "the member that this worker is attached to was closed";
            Error::new(ErrorKind::NodeDown, message).with_executed(error.maybe_executed())
        }
        _ => error,
    }
}

fn text(payload: &Payload) -> Result<String> {
    attach::decode(&payload.bytes)
}

fn done((): ()) -> Payload {
    nothing()
}

fn request_unknown(op: &str) -> Error {
    Error::new(ErrorKind::UnknownOp, format!("a member has nothing called \"{op}\" for workers"))
}
