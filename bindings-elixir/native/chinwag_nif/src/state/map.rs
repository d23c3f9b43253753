//! Shared maps, as keys of members are: written by operations, looked up, and followed by a process
//! of `lib/chinwag/topics/feed.ex`.

use std::sync::{Arc, Mutex};

use chinwag::host::{Op, Watching};
use chinwag::{MapEntry, MapWatch, MapWatched, Replay, Result};
use rustler::{Encoder, Env, Resource, ResourceArc, Term};

use crate::config::{bad_argument, bytes, flag, is_nil, string, taken};
use crate::events::{Bell, lock, next};
use crate::node::NodeRef;
use crate::{atoms, error, member};

/// Changes that are taken in one go at most: with long values, some megabytes.
const BATCH: usize = 64;

/// A watch of a map: it is no more once it is closed, or nobody refers to it.
struct MapWatchRef {
    watching: Mutex<Option<Watching<MapWatch>>>,
    bell: Arc<Bell>,
}

#[rustler::resource_impl]
impl Resource for MapWatchRef {}

/// What changes a map: `{map, key, value | nil, context | nil}`.
pub(crate) fn op(name: &str, argument: Term<'_>) -> Result<Option<Op>> {
    if name != "write_map" {
        return Ok(None);
    }
    let (map, key, value, context) = taken(argument)?;
    let (value, context) = (given("value", value)?, given("context", context)?);
    let (map, key) = (string("map", map)?, string("key", key)?);
    Op::write_map(map, key, value, context.as_deref()).map(Some)
}

fn given(what: &str, term: Term<'_>) -> Result<Option<Vec<u8>>> {
    if is_nil(term) {
        return Ok(None);
    }
    bytes(term).map(Some).ok_or_else(|| bad_argument(what, "iodata"))
}

fn names(map: Term<'_>, key: Term<'_>) -> Result<(String, String)> {
    Ok((string("map", map)?, string("key", key)?))
}

/// What is known of a key, or `nil`.
#[rustler::nif(schedule = "DirtyCpu")]
fn map_read<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    map: Term<'a>,
    key: Term<'a>,
) -> Term<'a> {
    match names(map, key).and_then(|(map, key)| node.0.host.map_read(&map, &key)) {
        Ok(Some(found)) => entry(env, &found),
        Ok(None) => atoms::nil().to_term(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// The keys that begin so, in their order.
#[rustler::nif(schedule = "DirtyCpu")]
fn map_entries<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    map: Term<'a>,
    prefix: Term<'a>,
) -> Term<'a> {
    match names(map, prefix).and_then(|(map, prefix)| node.0.host.map_entries(&map, &prefix)) {
        Ok(entries) => list(env, &entries),
        Err(error) => error::tuple(env, &error),
    }
}

fn list<'a>(env: Env<'a>, entries: &[MapEntry]) -> Term<'a> {
    let entries: Vec<Term<'a>> = entries.iter().map(|found| entry(env, found)).collect();
    entries.encode(env)
}

/// `{key, [{value, stamp, writer}], context}`, the newest value first.
fn entry<'a>(env: Env<'a>, entry: &MapEntry) -> Term<'a> {
    let values = entry.values.iter().map(|value| {
        let bytes = member::bytes(env, &value.bytes);
        (bytes, value.stamp.as_u64(), value.writer.as_str()).encode(env)
    });
    let context = member::bytes(env, &entry.context.to_bytes());
    (entry.key.as_str(), values.collect::<Vec<_>>(), context).encode(env)
}

/// Follows a map for the calling process, as `state_watch` does keys of members.
#[rustler::nif(schedule = "DirtyIo")]
fn map_watch<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    map: Term<'a>,
    prefix: Term<'a>,
    replay: Term<'a>,
) -> Term<'a> {
    let how = names(map, prefix).and_then(|names| Ok((names, flag("replay", replay)?)));
    match how.and_then(|(names, replay)| begin(env, &node, &names, replay)) {
        Ok(watch) => (atoms::ok(), watch).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

fn begin(
    env: Env<'_>,
    node: &NodeRef,
    (map, prefix): &(String, String),
    replay: bool,
) -> Result<ResourceArc<MapWatchRef>> {
    let replay = if replay { Replay::Yes } else { Replay::No };
    let mut watching = node.0.host.map_watch(map, prefix, replay)?;
    let bell = Arc::new(Bell::new(env.pid(), atoms::watched()));
    let rung = (Arc::clone(&bell), Arc::clone(&node.0.signal));
    watching.set_wake(Box::new(move || rung.0.ring(&rung.1)));
    Ok(ResourceArc::new(MapWatchRef { watching: Mutex::new(Some(watching)), bell }))
}

/// Up to so many changes: `{changes, :more | :later | :ended}`.
#[rustler::nif(schedule = "DirtyCpu")]
fn map_take<'a>(env: Env<'a>, watch: ResourceArc<MapWatchRef>, max: usize) -> Term<'a> {
    watch.bell.arm();
    let max = max.min(BATCH);
    let Some(Ok(taken)) = lock(&watch.watching).as_mut().map(|watching| watching.drain(max)) else {
        return (Term::list_new_empty(env), atoms::ended()).encode(env);
    };
    let next = next(taken.ended, taken.changes.len() < max);
    let changes: Vec<Term<'a>> = taken.changes.iter().map(|told| change(env, told)).collect();
    (changes, next).encode(env)
}

/// `{:put, entry}`, `{:deleted, key}`, `:replay_done` or `{:lost, count, entries}`.
fn change<'a>(env: Env<'a>, told: &MapWatched) -> Term<'a> {
    match told {
        MapWatched::Put(put) => (atoms::put(), entry(env, put)).encode(env),
        MapWatched::Deleted { key } => (atoms::deleted(), key.as_str()).encode(env),
        MapWatched::ReplayDone => atoms::replay_done().to_term(env),
        MapWatched::Lost { count, entries } => {
            (atoms::lost(), count, list(env, entries)).encode(env)
        }
    }
}

/// Ends a watch.
#[rustler::nif]
fn map_close(env: Env<'_>, watch: ResourceArc<MapWatchRef>) -> Term<'_> {
    // Let go of outside of the lock.
    let ended = lock(&watch.watching).take();
    drop(ended);
    atoms::ok().to_term(env)
}
