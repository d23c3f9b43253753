//! Keys of members: written by operations, looked up, and followed by a process of
//! `lib/chinwag/topics/feed.ex`, which takes changes in batches.

pub(crate) mod map;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chinwag::host::{Op, Watching};
use chinwag::{Entry, Replay, Result, Watched};
use rustler::{Encoder, Env, Resource, ResourceArc, Term};

use crate::config::{bad_argument, bytes, flag, is_nil, string, taken};
use crate::events::{Bell, lock, next};
use crate::node::NodeRef;
use crate::{atoms, error, member};

/// Changes that are taken in one go at most: with long values, some megabytes.
const BATCH: usize = 64;

/// A watch of keys: it is no more once it is closed, or nobody refers to it.
struct WatchRef {
    watching: Mutex<Option<Watching>>,
    bell: Arc<Bell>,
}

#[rustler::resource_impl]
impl Resource for WatchRef {}

/// What changes the keys of this node.
pub(crate) fn op(name: &str, argument: Term<'_>) -> Result<Option<Op>> {
    Ok(Some(match name {
        "put" => {
            let (key, value, ttl): (Term<'_>, Term<'_>, Term<'_>) = taken(argument)?;
            let value = bytes(value).ok_or_else(|| bad_argument("value", "iodata"))?;
            Op::Put(string("key", key)?, value, span(ttl)?)
        }
        "delete" => Op::Delete(string("key", argument)?),
        _ => return Ok(None),
    }))
}

fn span(ttl: Term<'_>) -> Result<Option<Duration>> {
    if is_nil(ttl) {
        return Ok(None);
    }
    let millis = ttl.decode().map_err(|_| bad_argument("ttl", "milliseconds, or nil"))?;
    Ok(Some(Duration::from_millis(millis)))
}

/// The value that a key of a present member has, or `nil`.
#[rustler::nif]
fn state_get<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    owner: Term<'a>,
    key: Term<'a>,
) -> Term<'a> {
    let names = string("member", owner).and_then(|owner| Ok((owner, string("key", key)?)));
    match names.and_then(|(owner, key)| node.0.host.get(&owner, &key)) {
        Ok(Some(value)) => member::bytes(env, &value),
        Ok(None) => atoms::nil().to_term(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// The keys of all present members that begin so: `[{member, key, value}]`.
#[rustler::nif(schedule = "DirtyCpu")]
fn state_entries<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, prefix: Term<'a>) -> Term<'a> {
    match string("prefix", prefix).and_then(|prefix| node.0.host.entries(&prefix)) {
        Ok(entries) => list(env, &entries),
        Err(error) => error::tuple(env, &error),
    }
}

fn list<'a>(env: Env<'a>, entries: &[Entry]) -> Term<'a> {
    let entries: Vec<Term<'a>> = entries.iter().map(|found| entry(env, found)).collect();
    entries.encode(env)
}

fn entry<'a>(env: Env<'a>, entry: &Entry) -> Term<'a> {
    (&*entry.member, entry.key.as_str(), member::bytes(env, &entry.value)).encode(env)
}

/// Follows keys for the calling process: `{:ok, watch}`. The process gets
/// `{Chinwag.Native, :watched}` when there are changes after `state_take` said `:later`.
#[rustler::nif(schedule = "DirtyIo")]
fn state_watch<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    prefix: Term<'a>,
    replay: Term<'a>,
) -> Term<'a> {
    let how = string("prefix", prefix).and_then(|prefix| Ok((prefix, flag("replay", replay)?)));
    match how.and_then(|(prefix, replay)| begin(env, &node, &prefix, replay)) {
        Ok(watch) => (atoms::ok(), watch).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

fn begin(
    env: Env<'_>,
    node: &NodeRef,
    prefix: &str,
    replay: bool,
) -> Result<ResourceArc<WatchRef>> {
    let replay = if replay { Replay::Yes } else { Replay::No };
    let mut watching = node.0.host.watch(prefix, replay)?;
    let bell = Arc::new(Bell::new(env.pid(), atoms::watched()));
    let rung = (Arc::clone(&bell), Arc::clone(&node.0.signal));
    watching.set_wake(Box::new(move || rung.0.ring(&rung.1)));
    Ok(ResourceArc::new(WatchRef { watching: Mutex::new(Some(watching)), bell }))
}

/// Up to so many changes: `{changes, :more | :later | :ended}`.
#[rustler::nif(schedule = "DirtyCpu")]
fn state_take<'a>(env: Env<'a>, watch: ResourceArc<WatchRef>, max: usize) -> Term<'a> {
    watch.bell.arm();
    let max = max.min(BATCH);
    let Some(Ok(taken)) = lock(&watch.watching).as_mut().map(|watching| watching.drain(max)) else {
        return (Term::list_new_empty(env), atoms::ended()).encode(env);
    };
    let next = next(taken.ended, taken.changes.len() < max);
    let changes: Vec<Term<'a>> = taken.changes.iter().map(|told| change(env, told)).collect();
    (changes, next).encode(env)
}

/// `{:put, entry}`, `{:deleted, member, key}`, `:replay_done` or `{:lost, count, entries}`.
fn change<'a>(env: Env<'a>, told: &Watched) -> Term<'a> {
    match told {
        Watched::Put(put) => (atoms::put(), entry(env, put)).encode(env),
        Watched::Deleted { member, key } => (atoms::deleted(), &**member, key.as_str()).encode(env),
        Watched::ReplayDone => atoms::replay_done().to_term(env),
        Watched::Lost { count, entries } => (atoms::lost(), count, list(env, entries)).encode(env),
    }
}

/// Ends a watch.
#[rustler::nif]
fn state_close(env: Env<'_>, watch: ResourceArc<WatchRef>) -> Term<'_> {
    // Let go of outside of the lock.
    let ended = lock(&watch.watching).take();
    drop(ended);
    atoms::ok().to_term(env)
}
