//! Calls and casts: what `lib/chinwag/messages/` sends, as the core has it.

pub(crate) mod monitor;
pub(crate) mod serving;
pub(crate) mod streams;
pub(crate) mod topics;

use std::sync::{Arc, Weak};
use std::time::Duration;

use chinwag::host::{Host, Message, MultiCall, Op};
use chinwag::{Error, ErrorKind, Payload, Result};
use rustler::{Atom, Encoder, Env, Resource, ResourceArc, Term};

use crate::config::{bad_argument, bytes, flag, is_nil, pairs, string, taken, text};
use crate::events::{Waiter, Waiting};
use crate::node::{NodeRef, Shared};
use crate::{atoms, error};

/// A call under way, in the hands of the process that waits for it: it is given up when that is
/// gone.
struct Pending {
    node: Weak<Shared>,
    id: u64,
}

#[rustler::resource_impl]
impl Resource for Pending {}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(node) = self.node.upgrade() {
            node.forget(self.id);
        }
    }
}

/// What is sent, and to whom: `{target, op, {codec, bytes}, headers}`.
pub(crate) struct Sent {
    target: String,
    op: String,
    pub(crate) payload: Payload,
    headers: Vec<(String, String)>,
}

impl Sent {
    pub(crate) fn of(term: Term<'_>) -> Result<Self> {
        let (target, op, what, headers): (Term<'_>, Term<'_>, Term<'_>, Term<'_>) = taken(term)?;
        Ok(Self {
            target: string("target", target)?,
            op: string("op", op)?,
            payload: payload(what)?,
            headers: self::headers(headers)?,
        })
    }

    pub(crate) fn message(&self, timeout: Option<Duration>, latest: bool) -> Message<'_> {
        let Self { target, op, headers, .. } = self;
        Message { target, op, headers, timeout, latest }
    }
}

/// A map or keyword list of strings.
pub(crate) fn headers(term: Term<'_>) -> Result<Vec<(String, String)>> {
    let pair = |(key, value): (Term<'_>, Term<'_>)| Some((text(key)?, text(value)?));
    let headers = pairs(term).and_then(|pairs| pairs.into_iter().map(pair).collect());
    headers.ok_or_else(|| bad_argument("headers", "a map or keyword list of strings"))
}

/// `{codec, bytes}`.
pub(crate) fn payload(term: Term<'_>) -> Result<Payload> {
    let wrong = || bad_argument("payload", "bytes in a codec");
    let (codec, binary): (u64, Term<'_>) = term.decode().map_err(|_| wrong())?;
    // Decoded as a byte at once, 256 would be 0.
    let codec = u8::try_from(codec).map_err(|_| wrong())?;
    Ok(Payload { codec, bytes: bytes(binary).ok_or_else(wrong)? })
}

/// Milliseconds, `:infinity`, or `nil` for what the node's options say.
fn timeout(term: Term<'_>) -> Result<Option<Duration>> {
    if is_nil(term) {
        return Ok(None);
    }
    if term.decode::<Atom>().is_ok_and(|atom| atom == atoms::infinity()) {
        return Ok(Some(Duration::MAX));
    }
    let wrong = |_| bad_argument("timeout", "milliseconds, or :infinity");
    term.decode().map(|millis| Some(Duration::from_millis(millis))).map_err(wrong)
}

/// The time of a call, which is not longer than what is left of the one that it is made within.
pub(crate) fn within(host: &Host, given: Term<'_>, left: Term<'_>) -> Result<Option<Duration>> {
    let given = timeout(given)?;
    match timeout(left)? {
        None => Ok(given),
        Some(left) => Ok(Some(left.min(given.map_or_else(|| host.call_timeout(), Ok)?))),
    }
}

/// Asks a server: `{:ok, pending}`, and `{tag, outcome}` is sent to the caller.
#[rustler::nif]
fn message_call<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    tag: Term<'a>,
    sent: Term<'a>,
    times: (Term<'a>, Term<'a>),
) -> Term<'a> {
    told(env, call(env, &node, tag, sent, times))
}

/// As `message_call`, where copying the payload would hold an ordinary scheduler up.
#[rustler::nif(schedule = "DirtyCpu")]
fn message_call_large<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    tag: Term<'a>,
    sent: Term<'a>,
    times: (Term<'a>, Term<'a>),
) -> Term<'a> {
    told(env, call(env, &node, tag, sent, times))
}

fn told<'a>(env: Env<'a>, outcome: Result<ResourceArc<Pending>>) -> Term<'a> {
    match outcome {
        Ok(pending) => (atoms::ok(), pending).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

fn call<'a>(
    env: Env<'a>,
    node: &NodeRef,
    tag: Term<'a>,
    sent: Term<'a>,
    (given, left): (Term<'a>, Term<'a>),
) -> Result<ResourceArc<Pending>> {
    let mut sent = Sent::of(sent)?;
    let payload = std::mem::take(&mut sent.payload);
    let timeout = within(&node.0.host, given, left)?;
    let waiter = Waiting::Tagged(Waiter::new(env.pid(), tag));
    let id = node.0.begin(waiter, |host| host.call(&sent.message(timeout, false), payload))?;
    Ok(ResourceArc::new(Pending { node: Arc::downgrade(&node.0), id }))
}

/// The outcome of a call has come. Called with it, what stands for the call lives until then.
#[rustler::nif]
fn message_settled(_pending: ResourceArc<Pending>) -> Atom {
    atoms::ok()
}

/// Tells a server something: `:ok` or `{:error, error}`.
#[rustler::nif]
fn message_cast<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    sent: Term<'a>,
    given: Term<'a>,
    latest: Term<'a>,
) -> Term<'a> {
    done(env, cast(&node, sent, given, latest))
}

/// As `message_cast`, where copying the payload would hold an ordinary scheduler up.
#[rustler::nif(schedule = "DirtyCpu")]
fn message_cast_large<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    sent: Term<'a>,
    given: Term<'a>,
    latest: Term<'a>,
) -> Term<'a> {
    done(env, cast(&node, sent, given, latest))
}

fn cast(node: &NodeRef, sent: Term<'_>, given: Term<'_>, latest: Term<'_>) -> Result<()> {
    let mut sent = Sent::of(sent)?;
    let payload = std::mem::take(&mut sent.payload);
    let timeout = timeout(given)?;
    node.0.host.cast(&sent.message(timeout, flag("latest", latest)?), payload)
}

/// `:ok` or `{:error, error}`.
pub(crate) fn done<'a>(env: Env<'a>, outcome: Result<()>) -> Term<'a> {
    match outcome {
        Ok(()) => atoms::ok().to_term(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// What is sent to several servers, or may have to wait for room.
pub(crate) fn op(name: &str, argument: Term<'_>) -> Result<Option<Op>> {
    Ok(Some(match name {
        "multi_call" => {
            let (server, op, what, min_ok, given) = taken(argument)?;
            Op::MultiCall(MultiCall {
                server: string("server", server)?,
                op: string("op", op)?,
                payload: payload(what)?,
                min_ok: minimum(min_ok)?,
                timeout: timeout(given)?,
            })
        }
        "abcast" => {
            let (server, op, what) = taken(argument)?;
            Op::Abcast(string("server", server)?, string("op", op)?, payload(what)?)
        }
        "cast" => {
            let (target, op, what) = taken(argument)?;
            Op::Cast(string("target", target)?, string("op", op)?, payload(what)?)
        }
        _ => return Ok(None),
    }))
}

fn minimum(term: Term<'_>) -> Result<Option<usize>> {
    if is_nil(term) {
        return Ok(None);
    }
    term.decode().map(Some).map_err(|_| bad_argument("min_ok", "a whole number, or nil"))
}

/// Who hosts a server, in the order of their names.
#[rustler::nif]
fn message_hosts<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, server: Term<'a>) -> Term<'a> {
    let server = string("server", server);
    match server.and_then(|server| node.0.host.hosts(&server)) {
        Ok(hosts) => hosts.encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// Every server that is known, and how many host it: `[{name, hosts}]`.
#[rustler::nif]
fn message_servers<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    match node.0.host.servers() {
        Ok(servers) => servers.encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// The error with that number; one that is not known is `internal`.
pub(crate) fn numbered(number: u32, message: String) -> Error {
    let row = chinwag::api::ERRORS.iter().find(|row| row.number == number);
    Error::new(row.map_or(ErrorKind::Internal, |row| row.kind), message)
}
