//! Rings as resources: built on dirty schedulers, asked on those of the callers.
//!
//! Nodes are told as numbers: places in a tuple of names that stays in Elixir, which costs less
//! than a name made here for each answer.

mod builder;
mod change;
pub(crate) mod cluster;

use std::sync::LazyLock;

use chinwag::Result;
use chinwag::ring::{Profile, Ring, RingNode, jump as bucket};
use rustler::types::tuple::make_tuple;
use rustler::{Encoder, Env, NifResult, Resource, ResourceArc, Term};

use self::builder::{Asked, Count, Key, Name, Number, built, keys};
use crate::config::{List, is_nil};
use crate::error::{bad, raised};
use crate::member::bytes;
use crate::{atoms, error};

/// The resource.
struct RingRef(Ring);

#[rustler::resource_impl]
impl Resource for RingRef {}

/// Bytes of keys in one call on an ordinary scheduler at most, where each key counts as some more,
/// and with pinned beginnings each of its bytes.
const BYTES_MAX: usize = 131_072;
const KEY_COST: usize = 64;
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
    let before: Option<Asked> = if is_nil(before) { None } else { Some(before.decode()?) };
    Ok(made(env, built(before.as_deref(), steps)))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_union<'a>(env: Env<'a>, one: Asked, other: Asked) -> Term<'a> {
    made(env, one.union(&other))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_intersection<'a>(env: Env<'a>, one: Asked, other: Asked) -> Term<'a> {
    made(env, one.intersection(&other))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_from_bytes<'a>(env: Env<'a>, bytes: Key<'a>) -> Term<'a> {
    made(env, Ring::from_bytes(bytes.as_ref()))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_to_bytes<'a>(env: Env<'a>, ring: Asked) -> Term<'a> {
    bytes(env, &ring.to_bytes())
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_from_json<'a>(env: Env<'a>, json: Key<'a>) -> Term<'a> {
    let text = std::str::from_utf8(json.as_ref());
    let text = text.map_err(|_| bad("this is not JSON: it is no text of UTF-8"));
    made(env, text.and_then(Ring::from_json))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_to_json<'a>(env: Env<'a>, ring: Asked) -> Term<'a> {
    ring.to_json().encode(env)
}

/// Whether both are made from the same.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_equal(one: Asked, other: Asked) -> bool {
    *one == *other
}

/// The place of the owner in the tuple of names; 0, where `nil` is, for nobody.
#[rustler::nif]
fn ring_owner(ring: Asked, key: Key<'_>) -> u32 {
    owner(&ring, key)
}

/// As `ring_owner`, for a key that takes its time to be hashed.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_owner_large(ring: Asked, key: Key<'_>) -> u32 {
    owner(&ring, key)
}

#[inline]
fn owner(ring: &Ring, key: Key<'_>) -> u32 {
    ring.owner_number(key.as_ref()).map_or(0, |number| u32::from(number) + 1)
}

/// Places of the owners of a key; `:large` when finding them would hold an ordinary scheduler up.
#[rustler::nif]
fn ring_owners<'a>(env: Env<'a>, ring: Asked, key: Key<'a>, count: Count) -> Term<'a> {
    let pins = ring.pins().len() + ring.pin_prefixes().len();
    let is_searched = count.0 > usize::from(ring.replicas()) || pins > 0;
    match is_searched && ring.len() > ORDER_MAX {
        true => atoms::large().to_term(env),
        false => owners(env, &ring, key, count),
    }
}

/// As `ring_owners`, however many.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_owners_large<'a>(env: Env<'a>, ring: Asked, key: Key<'a>, count: Count) -> Term<'a> {
    owners(env, &ring, key, count)
}

fn owners<'a>(env: Env<'a>, ring: &Ring, key: Key<'_>, count: Count) -> Term<'a> {
    let mut numbers = Vec::new();
    ring.owner_numbers(key.as_ref(), count.0, &mut numbers);
    let places: Vec<u32> = numbers.into_iter().map(|number| u32::from(number) + 1).collect();
    places.encode(env)
}

/// The numbers of the owners of keys, 16 bits each, with `0xffff` for nobody; `:large` when finding
/// them would hold an ordinary scheduler up.
#[rustler::nif]
fn ring_many<'a>(env: Env<'a>, ring: Asked, list: List<'a>) -> NifResult<Term<'a>> {
    numbers(env, &ring, keys(list), BYTES_MAX)
}

/// As `ring_many`, however many.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_many_large<'a>(env: Env<'a>, ring: Asked, list: List<'a>) -> NifResult<Term<'a>> {
    numbers(env, &ring, keys(list), usize::MAX)
}

/// As `ring_many`, of keys of so many bytes that stand side by side.
#[rustler::nif]
fn ring_packed<'a>(env: Env<'a>, ring: Asked, keys: Key<'a>, width: Number) -> NifResult<Term<'a>> {
    numbers(env, &ring, packed(&keys, width)?, BYTES_MAX)
}

/// As `ring_packed`, however many.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_packed_large<'a>(
    env: Env<'a>,
    ring: Asked,
    keys: Key<'a>,
    width: Number,
) -> NifResult<Term<'a>> {
    numbers(env, &ring, packed(&keys, width)?, usize::MAX)
}

fn packed<'k>(
    keys: &'k Key<'_>,
    width: Number,
) -> NifResult<impl Iterator<Item = NifResult<&'k [u8]>>> {
    let (keys, width) = (keys.as_ref(), width.0 as usize);
    if width == 0 || !keys.len().is_multiple_of(width) {
        let message = format!("{} bytes are no keys of {width} each", keys.len());
        return Err(raised(bad(message)));
    }
    Ok(keys.chunks_exact(width).map(Ok))
}

fn numbers<'a, K: AsRef<[u8]>>(
    env: Env<'a>,
    ring: &Ring,
    keys: impl Iterator<Item = NifResult<K>>,
    most: usize,
) -> NifResult<Term<'a>> {
    let byte_cost = if ring.pin_prefixes().len() > 0 { KEY_COST } else { 1 };
    let (mut numbers, mut cost) = (Vec::new(), 0_usize);
    for key in keys {
        let key = key?;
        let key = key.as_ref();
        cost = cost.saturating_add(KEY_COST + key.len().saturating_mul(byte_cost));
        if cost > most {
            return Ok(atoms::large().to_term(env));
        }
        let number = ring.owner_number(key).unwrap_or(u16::MAX);
        numbers.extend_from_slice(&number.to_be_bytes());
    }
    Ok(bytes(env, &numbers))
}

/// The slot of a key, or `nil`.
#[rustler::nif]
fn ring_slot(ring: Asked, key: Key<'_>) -> Option<u32> {
    ring.slot(key.as_ref())
}

/// As `ring_slot`, for a key that takes its time to be hashed.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_slot_large(ring: Asked, key: Key<'_>) -> Option<u32> {
    ring.slot(key.as_ref())
}

/// The names of those that a slot belongs to.
#[rustler::nif]
fn ring_slot_owners<'a>(env: Env<'a>, ring: Asked, slot: Number) -> Term<'a> {
    names(env, ring.slot_owners(slot.0))
}

/// The slots of a node.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_slots_of<'a>(env: Env<'a>, ring: Asked, name: Name) -> Term<'a> {
    ring.slots_of(&name.0).collect::<Vec<u32>>().encode(env)
}

/// `{name, weight, zone}` of each node.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_nodes<'a>(env: Env<'a>, ring: Asked) -> Term<'a> {
    let node = |node: RingNode| (node.name, node.weight, node.zone).encode(env);
    ring.nodes().map(node).collect::<Vec<Term<'a>>>().encode(env)
}

/// `{excluded, pins, pin_prefixes, replicas, hash_tags}`.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_overrides<'a>(env: Env<'a>, ring: Asked) -> Term<'a> {
    let pin = |(key, name): (&[u8], &str)| (bytes(env, key), name).encode(env);
    let pins: Vec<Term<'a>> = ring.pins().map(pin).collect();
    let prefixes: Vec<Term<'a>> = ring.pin_prefixes().map(pin).collect();
    let excluded = names(env, ring.excluded());
    (excluded, pins, prefixes, ring.replicas(), ring.hash_tags()).encode(env)
}

/// The bucket of a key, or `nil`.
#[rustler::nif]
fn ring_jump(key: Key<'_>, buckets: Number) -> Option<u32> {
    bucket(key.as_ref(), buckets.0)
}

/// As `ring_jump`, for a key that takes its time to be hashed.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_jump_large(key: Key<'_>, buckets: Number) -> Option<u32> {
    bucket(key.as_ref(), buckets.0)
}

fn names<'a, 'n>(env: Env<'a>, names: impl Iterator<Item = &'n str>) -> Term<'a> {
    names.map(|name| name.encode(env)).collect::<Vec<Term<'a>>>().encode(env)
}
