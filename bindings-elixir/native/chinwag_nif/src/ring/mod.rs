//! Rings as resources: built on dirty schedulers, asked on those of the callers.

mod builder;
mod change;
pub(crate) mod cluster;
mod lookup;

use std::sync::LazyLock;

use chinwag::Result;
use chinwag::ring::{Profile, Ring, RingNode, jump as bucket};
use rustler::types::tuple::make_tuple;
use rustler::{Encoder, Env, NifResult, Resource, ResourceArc, Term};

use self::builder::{Asked, Key, Name, Number, built};
use crate::config::{List, is_nil};
use crate::direct::direct;
use crate::error::bad;
use crate::member::bytes;
use crate::{atoms, error};

/// The resource.
struct RingRef(Ring);

#[rustler::resource_impl]
impl Resource for RingRef {}

/// Nodes that are put in order on an ordinary scheduler at most.
const ORDER_MAX: usize = 2_048;

/// What resources weigh is told with a piece of it. It is asked for as zeros and never touched, so
/// that the system need not find memory for it.
static ZEROS: LazyLock<Vec<u8>> = LazyLock::new(|| vec![0; WEIGHT_MAX]);
const WEIGHT_MAX: usize = 1 << 24;

/// `{:ok, told}`, or `{:error, error}`.
fn made<'a>(env: Env<'a>, ring: Result<Ring>) -> Term<'a> {
    match ring {
        Ok(ring) => (atoms::ok(), told(env, &ResourceArc::new(RingRef(ring)))).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// `{ring, weight, names, fingerprint, profile, version}`: the names from 1 on, `nil` before them.
fn told<'a>(env: Env<'a>, resource: &ResourceArc<RingRef>) -> Term<'a> {
    let ring = &resource.0;
    let names = ring.names().map(|name| name.encode(env));
    let names: Vec<Term<'a>> = [atoms::nil().to_term(env)].into_iter().chain(names).collect();
    let profile = match ring.profile() {
        Profile::Slots { slots, slack } => (atoms::slots(), slots, slack).encode(env),
        Profile::Ketama => atoms::ketama().to_term(env),
        Profile::Clusterluck => atoms::clusterluck().to_term(env),
    };
    let (names, fingerprint) = (make_tuple(env, &names), ring.fingerprint());
    let weight = weight(env, resource, ring.size());
    (resource, weight, names, fingerprint, profile, ring.version()).encode(env)
}

/// A binary of so many bytes that belongs to a resource of that size.
///
/// The VM sees a reference of three words, and would leave a table behind it for long in a process
/// that makes little garbage. It counts binaries.
pub(crate) fn weight<'a, T: Resource>(env: Env<'a>, of: &ResourceArc<T>, size: usize) -> Term<'a> {
    of.make_binary(env, |_| ZEROS.get(..size.min(WEIGHT_MAX)).unwrap_or_default()).to_term(env)
}

/// The ring that these steps make of another one, or of nothing (`nil`).
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_build<'a>(env: Env<'a>, before: Term<'a>, steps: List<'a>) -> NifResult<Term<'a>> {
    let before: Option<Asked<'a>> = if is_nil(before) { None } else { Some(before.decode()?) };
    Ok(made(env, built(before.as_deref(), steps)))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_union<'a>(env: Env<'a>, one: Asked<'a>, other: Asked<'a>) -> Term<'a> {
    made(env, one.union(&other))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_intersection<'a>(env: Env<'a>, one: Asked<'a>, other: Asked<'a>) -> Term<'a> {
    made(env, one.intersection(&other))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_from_bytes<'a>(env: Env<'a>, bytes: Key<'a>) -> Term<'a> {
    made(env, Ring::from_bytes(bytes.as_ref()))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_to_bytes<'a>(env: Env<'a>, ring: Asked<'a>) -> Term<'a> {
    bytes(env, &ring.to_bytes())
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_from_json<'a>(env: Env<'a>, json: Key<'a>) -> Term<'a> {
    let text = std::str::from_utf8(json.as_ref());
    let text = text.map_err(|_| bad("this is not JSON: it is no text of UTF-8"));
    made(env, text.and_then(Ring::from_json))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_to_json<'a>(env: Env<'a>, ring: Asked<'a>) -> Term<'a> {
    ring.to_json().encode(env)
}

/// Whether both are made from the same.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_equal<'a>(one: Asked<'a>, other: Asked<'a>) -> bool {
    *one == *other
}

/// The names of those that a slot belongs to.
#[rustler::nif]
fn ring_slot_owners<'a>(env: Env<'a>, ring: Asked<'a>, slot: Number) -> Term<'a> {
    names(env, ring.slot_owners(slot.0))
}

/// The slots of a node.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_slots_of<'a>(env: Env<'a>, ring: Asked<'a>, name: Name) -> Term<'a> {
    ring.slots_of(&name.0).collect::<Vec<u32>>().encode(env)
}

/// `{name, weight, zone}` of each node.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_nodes<'a>(env: Env<'a>, ring: Asked<'a>) -> Term<'a> {
    let node = |node: RingNode| (node.name, node.weight, node.zone).encode(env);
    ring.nodes().map(node).collect::<Vec<Term<'a>>>().encode(env)
}

/// `{excluded, pins, pin_prefixes, replicas, hash_tags}`.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_overrides<'a>(env: Env<'a>, ring: Asked<'a>) -> Term<'a> {
    let pin = |(key, name): (&[u8], &str)| (bytes(env, key), name).encode(env);
    let pins: Vec<Term<'a>> = ring.pins().map(pin).collect();
    let prefixes: Vec<Term<'a>> = ring.pin_prefixes().map(pin).collect();
    let excluded = names(env, ring.excluded());
    (excluded, pins, prefixes, ring.replicas(), ring.hash_tags()).encode(env)
}

/// The bucket of a key, or `nil`.
fn ring_jump<'a>(env: Env<'a>, [key, buckets]: [Term<'a>; 2]) -> NifResult<Term<'a>> {
    let (key, buckets): (Key<'a>, Number) = (key.decode()?, buckets.decode()?);
    Ok(bucket(key.as_ref(), buckets.0).encode(env))
}
direct!(ring_jump);

/// As `ring_jump`, for a key that takes its time to be hashed.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_jump_large(key: Key<'_>, buckets: Number) -> Option<u32> {
    bucket(key.as_ref(), buckets.0)
}

fn names<'a, 'n>(env: Env<'a>, names: impl Iterator<Item = &'n str>) -> Term<'a> {
    names.map(|name| name.encode(env)).collect::<Vec<Term<'a>>>().encode(env)
}
