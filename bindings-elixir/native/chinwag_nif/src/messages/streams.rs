//! Calls that stream: each end is in the hands of a process of `lib/chinwag/streams/`, which sends
//! and takes items without waiting and is told when it can go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use chinwag::host::Streaming;
use chinwag::{Error, ErrorKind, Payload, Result};
use rustler::{Encoder, Env, Resource, ResourceArc, Term};

use crate::events::{Bell, Signal, lock};
use crate::messages::serving::{RequestRef, binary};
use crate::messages::{Sent, done, payload, within};
use crate::node::NodeRef;
use crate::{atoms, error};

/// Items that are taken in one go at most.
const BATCH: usize = 16;

/// One end. Let go of, a call of this node is given up.
pub(crate) struct StreamRef {
    streaming: Mutex<Option<Streaming>>,
    /// What there was no room for.
    held: Mutex<Option<Payload>>,
    /// Whether the call has been answered here.
    answered: AtomicBool,
    bell: Arc<Bell>,
    signal: Arc<Signal>,
}

#[rustler::resource_impl]
impl Resource for StreamRef {}

impl StreamRef {
    /// Of the calling process, which gets `{Chinwag.Native, :moved}` when something happens.
    fn new(env: Env<'_>, node: &NodeRef, mut streaming: Streaming) -> ResourceArc<Self> {
        let bell = Arc::new(Bell::new(env.pid(), atoms::moved()));
        let signal = Arc::clone(&node.0.signal);
        let rung = (Arc::clone(&bell), Arc::clone(&signal));
        streaming.set_wake(Box::new(move || rung.0.ring(&rung.1)));
        bell.arm();
        let (streaming, held) = (Mutex::new(Some(streaming)), Mutex::default());
        ResourceArc::new(Self { streaming, held, answered: AtomicBool::new(false), bell, signal })
    }

    /// The call has been answered: nothing more is to come or to go.
    pub(crate) fn settle(&self) {
        self.answered.store(true, Ordering::SeqCst);
        self.bell.ring(&self.signal);
    }

    fn with<T>(&self, body: impl FnOnce(&Streaming) -> Result<T>) -> Result<T> {
        // Before the look: what comes just after it must ring.
        self.bell.arm();
        let closed = || Error::new(ErrorKind::Cancelled, "this stream was closed here");
        lock(&self.streaming).as_ref().ok_or_else(closed).and_then(body)
    }

    /// Whether it was sent; held back if there is no room.
    fn send(&self, item: Payload) -> Result<bool> {
        let held = self.with(|streaming| streaming.send(item))?;
        let sent = held.is_none();
        *lock(&self.held) = held;
        Ok(sent)
    }
}

/// Makes a call that streams: `{:ok, stream}`.
#[rustler::nif(schedule = "DirtyCpu")]
fn stream_open<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    sent: Term<'a>,
    times: (Term<'a>, Term<'a>),
) -> Term<'a> {
    made(env, open(&node, sent, times).map(|streaming| StreamRef::new(env, &node, streaming)))
}

fn open(node: &NodeRef, sent: Term<'_>, (given, left): (Term<'_>, Term<'_>)) -> Result<Streaming> {
    let mut sent = Sent::of(sent)?;
    let payload = std::mem::take(&mut sent.payload);
    let timeout = within(&node.0.host, given, left)?;
    node.0.host.stream(&sent.message(timeout, false), payload)
}

/// The server's end of a call that streams: `{:ok, stream}`.
#[rustler::nif]
fn stream_serve(
    env: Env<'_>,
    node: ResourceArc<NodeRef>,
    request: ResourceArc<RequestRef>,
) -> Term<'_> {
    let begin = |streaming| StreamRef::new(env, &node, streaming);
    made(env, request.begin(&node.0.host, begin))
}

fn made(env: Env<'_>, outcome: Result<ResourceArc<StreamRef>>) -> Term<'_> {
    match outcome {
        Ok(stream) => (atoms::ok(), stream).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// Sends `{codec, bytes}`: `true`, or `false` when it is held until there is room.
#[rustler::nif]
fn stream_send<'a>(env: Env<'a>, stream: ResourceArc<StreamRef>, item: Term<'a>) -> Term<'a> {
    went(env, payload(item).and_then(|item| stream.send(item)))
}

/// As `stream_send`, where copying the payload would hold an ordinary scheduler up.
#[rustler::nif(schedule = "DirtyCpu")]
fn stream_send_large<'a>(env: Env<'a>, stream: ResourceArc<StreamRef>, item: Term<'a>) -> Term<'a> {
    went(env, payload(item).and_then(|item| stream.send(item)))
}

/// Sends what is held: as `stream_send`.
#[rustler::nif]
fn stream_resend(env: Env<'_>, stream: ResourceArc<StreamRef>) -> Term<'_> {
    let held = lock(&stream.held).take();
    went(env, held.map_or(Ok(true), |item| stream.send(item)))
}

fn went(env: Env<'_>, outcome: Result<bool>) -> Term<'_> {
    match outcome {
        Ok(sent) => sent.encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// Up to so many items: `{items, nil | {:ok, {codec, bytes}} | {:error, error} | :ended}`, where
/// all but `nil` is the end behind them. What is not said twice is `:ended`.
#[rustler::nif]
fn stream_take<'a>(env: Env<'a>, stream: ResourceArc<StreamRef>, max: usize) -> Term<'a> {
    match stream.with(|streaming| streaming.take(max.min(BATCH))) {
        Ok(taken) => {
            let item = |item: Payload| (item.codec, binary(env, item.bytes)).encode(env);
            let end = match taken.end {
                Some(Ok(answer)) => (atoms::ok(), item(answer)).encode(env),
                Some(Err(error)) => error::tuple(env, &error),
                None if taken.ended => atoms::ended().to_term(env),
                None => atoms::nil().to_term(env),
            };
            (taken.items.into_iter().map(item).collect::<Vec<_>>(), end).encode(env)
        }
        Err(error) => (Term::list_new_empty(env), error::tuple(env, &error)).encode(env),
    }
}

/// Says that no more items of the request come.
#[rustler::nif]
fn stream_finish(env: Env<'_>, stream: ResourceArc<StreamRef>) -> Term<'_> {
    done(env, stream.with(Streaming::finish))
}

/// Reads no more items.
#[rustler::nif]
fn stream_stop(env: Env<'_>, stream: ResourceArc<StreamRef>) -> Term<'_> {
    done(env, stream.with(Streaming::stop))
}

/// Whether the call has been answered at this end.
#[rustler::nif]
fn stream_answered(stream: ResourceArc<StreamRef>) -> bool {
    stream.bell.arm();
    stream.answered.load(Ordering::SeqCst)
}

/// Lets it go: a call of this node is given up, unless it is over.
#[rustler::nif]
fn stream_close(env: Env<'_>, stream: ResourceArc<StreamRef>) -> Term<'_> {
    let (streaming, held) = (lock(&stream.streaming).take(), lock(&stream.held).take());
    // Outside of the locks.
    drop((streaming, held));
    atoms::ok().to_term(env)
}
