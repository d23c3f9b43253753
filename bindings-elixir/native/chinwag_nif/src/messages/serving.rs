//! Servers of this node: a process of `lib/chinwag/messages/` takes their messages in batches, and
//! whoever holds a call answers it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chinwag::error::Remote;
use chinwag::host::{Host, Serving, Streaming};
use chinwag::{Error, ErrorKind, Payload, Request, Result};
use rustler::{Encoder, Env, Resource, ResourceArc, Term};

use crate::config::{bad_argument, flag, is_nil, string};
use crate::events::{Bell, lock, next};
use crate::messages::streams::StreamRef;
use crate::messages::{done, numbered, payload};
use crate::node::NodeRef;
use crate::{atoms, error, member};

/// Messages that are taken in one go at most.
const BATCH: usize = 64;
/// Bytes of a payload that are copied for the VM at most.
const COPIED_MAX: usize = 4 * 1024;

/// A server: it is no more once nobody refers to it.
struct ServerRef {
    serving: Serving,
    bell: Arc<Bell>,
}

#[rustler::resource_impl]
impl Resource for ServerRef {}

/// A call that was taken. Answered once; let go of without that, it is answered with an error.
pub(crate) struct RequestRef {
    request: Mutex<Option<Request>>,
    /// Its end, of a call that streams, once there is one.
    stream: Mutex<Option<ResourceArc<StreamRef>>>,
}

#[rustler::resource_impl]
impl Resource for RequestRef {}

impl RequestRef {
    fn new(request: Request) -> Self {
        Self { request: Mutex::new(Some(request)), stream: Mutex::default() }
    }

    /// Begins the end of a call that streams; it hears when the call is answered.
    pub(crate) fn begin(
        &self,
        host: &Host,
        begin: impl FnOnce(Streaming) -> ResourceArc<StreamRef>,
    ) -> Result<ResourceArc<StreamRef>> {
        let held = lock(&self.request);
        let answered = || Error::new(ErrorKind::Cancelled, "this call has been answered");
        let stream = begin(host.stream_of(held.as_ref().ok_or_else(answered)?)?);
        *lock(&self.stream) = Some(stream.clone());
        Ok(stream)
    }

    fn answer(&self, outcome: Result<Payload>) -> bool {
        let request = lock(&self.request).take();
        let waited = request.is_some_and(|request| request.reply(outcome));
        self.settle();
        waited
    }

    fn settle(&self) {
        let stream = lock(&self.stream).take();
        stream.inspect(|stream| stream.settle());
    }
}

impl Drop for RequestRef {
    fn drop(&mut self) {
        self.settle();
    }
}

/// Bytes that a binary of the VM is a view of.
struct Lent(Vec<u8>);

#[rustler::resource_impl]
impl Resource for Lent {}

/// Registers a server of the calling process: `{:ok, server}`. The process gets
/// `{Chinwag.Native, :requests}` when there are messages after `server_take` said `:later`.
#[rustler::nif(schedule = "DirtyIo")]
fn server_start<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    name: Term<'a>,
    mailbox: Term<'a>,
) -> Term<'a> {
    match begin(env, &node, name, mailbox) {
        Ok(server) => (atoms::ok(), server).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

fn begin<'a>(
    env: Env<'a>,
    node: &NodeRef,
    name: Term<'a>,
    mailbox: Term<'a>,
) -> Result<ResourceArc<ServerRef>> {
    let name = string("name", name)?;
    let messages = match is_nil(mailbox) {
        true => None,
        false => {
            let count: usize =
                mailbox.decode().map_err(|_| bad_argument("mailbox", "a whole number, or nil"))?;
            Some(count)
        }
    };
    let mut serving = node.0.host.serve(&name, messages, "elixir")?;
    let bell = Arc::new(Bell::new(env.pid(), atoms::requests()));
    let rung = (Arc::clone(&bell), Arc::clone(&node.0.signal));
    serving.set_wake(Box::new(move || rung.0.ring(&rung.1)));
    Ok(ResourceArc::new(ServerRef { serving, bell }))
}

/// Up to so many messages, and what became of those before:
/// `{messages, numbers of calls that were given up, :more | :later | :ended}`.
#[rustler::nif]
fn server_take<'a>(env: Env<'a>, server: ResourceArc<ServerRef>, max: usize) -> Term<'a> {
    server.bell.arm();
    let max = max.min(BATCH);
    let Ok(taken) = server.serving.drain(max) else {
        return (Term::list_new_empty(env), Term::list_new_empty(env), atoms::ended()).encode(env);
    };
    let next = next(taken.ended, taken.requests.len() < max);
    let given_up: Vec<u64> = taken.given_up.iter().map(|tag| tag.number()).collect();
    let messages: Vec<Term<'a>> = taken.requests.into_iter().map(|r| message(env, r)).collect();
    (messages, given_up, next).encode(env)
}

/// `{call, op, {codec, bytes}, {node, key, headers, remaining}, streams?}`, where a call is `nil`
/// for a cast, or `{number, request}`.
fn message<'a>(env: Env<'a>, mut request: Request) -> Term<'a> {
    let Payload { codec, bytes } = request.take_payload();
    let bytes = binary(env, bytes);
    let op = request.op().encode(env);
    let key = request.key().map(|key| member::bytes(env, key));
    let left = request.remaining().map(millis);
    let sender = (request.from(), key, request.headers(), left).encode(env);
    let tag = request.tag().map(|tag| tag.number());
    let is_stream = request.is_stream();
    let call = tag.map(|number| (number, ResourceArc::new(RequestRef::new(request))));
    (call, op, (codec, bytes), sender, is_stream).encode(env)
}

/// Bytes as a binary, without a copy if they are many.
pub(crate) fn binary(env: Env<'_>, bytes: Vec<u8>) -> Term<'_> {
    match bytes.len() > COPIED_MAX {
        true => ResourceArc::new(Lent(bytes)).make_binary(env, |lent| &lent.0).to_term(env),
        false => member::bytes(env, &bytes),
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Holds messages back, or hands them over again.
#[rustler::nif]
fn server_pause<'a>(env: Env<'a>, server: ResourceArc<ServerRef>, paused: Term<'a>) -> Term<'a> {
    done(env, flag("paused", paused).and_then(|paused| server.serving.pause(paused)))
}

/// Takes the server off, with last words.
#[rustler::nif]
fn server_stop<'a>(env: Env<'a>, server: ResourceArc<ServerRef>, reason: &str) -> Term<'a> {
    done(env, server.serving.stop_with(reason))
}

/// Answers a call with `{codec, bytes}`; whether anybody was still waiting for that.
#[rustler::nif]
fn request_reply<'a>(env: Env<'a>, request: ResourceArc<RequestRef>, told: Term<'a>) -> Term<'a> {
    replied(env, &request, payload(told))
}

/// As `request_reply`, where copying the payload would hold an ordinary scheduler up.
#[rustler::nif(schedule = "DirtyCpu")]
fn request_reply_large<'a>(
    env: Env<'a>,
    request: ResourceArc<RequestRef>,
    told: Term<'a>,
) -> Term<'a> {
    replied(env, &request, payload(told))
}

/// Answers a call with an error of ours: its number, its text, and whether the server may have done
/// what was asked all the same.
#[rustler::nif]
fn request_refuse(
    request: ResourceArc<RequestRef>,
    number: u32,
    text: String,
    maybe_executed: bool,
) -> bool {
    request.answer(Err(numbered(number, text).with_executed(maybe_executed)))
}

/// Answers a call with what the server's code failed with: `{class, message, stack}`.
#[rustler::nif]
fn request_fail(
    request: ResourceArc<RequestRef>,
    (class, message, stack): (String, String, Option<String>),
) -> bool {
    let language = "elixir".to_owned();
    let remote = Remote { class, message, stack, language, ..Remote::default() };
    request.answer(Err(Error::remote_error(remote)))
}

fn replied<'a>(env: Env<'a>, request: &RequestRef, told: Result<Payload>) -> Term<'a> {
    match told {
        Ok(payload) => request.answer(Ok(payload)).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}
