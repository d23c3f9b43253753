//! What is asked of a ring for every key.
//!
//! One owner is told as its place in the tuple of names that Elixir has: taking it from there costs
//! less than a name made here. More of them are a list of these names, made here from that tuple.

use chinwag::ring::{Profile, Ring};
use rustler::schedule::consume_timeslice;
use rustler::types::tuple::make_tuple;
use rustler::{Encoder, Env, NewBinary, NifResult, Term};

use super::ORDER_MAX;
use super::builder::{Asked, Count, Key, Number};
use crate::atoms;
use crate::config::{is_nil, no_list};
use crate::direct::{Item, Tuple, direct, list};
use crate::error::{bad, raised};
use crate::member::bytes;

/// What one call on an ordinary scheduler costs at most: bytes of keys, where each key counts as
/// some more, and with pinned beginnings each of its bytes. They take below half a millisecond.
const COST_MAX: usize = 131_072;
const KEY_COST: usize = 64;
/// Tables of slots take so many times as much in a third of that time.
const PLAIN: usize = 4;
/// What either takes of the time that a process has before it is another's turn, in hundredths.
const SLICE: usize = 40;
const PLAIN_SLICE: usize = 14;

/// Owners of a key that are looked up without an allocation.
const FEW: usize = 8;
/// Keys of a list that are read before they are looked up, so that look-ups need not wait for each
/// other's memory.
const BLOCK: usize = 16;
/// Names of a batch for which there is room at first.
const ROOM: usize = 64;

/// The place of the owner in the tuple of names; 0, where `nil` is, for nobody.
fn ring_owner<'a>(env: Env<'a>, [ring, key]: [Term<'a>; 2]) -> NifResult<Term<'a>> {
    let (ring, key): (Asked<'a>, Key<'a>) = (ring.decode()?, key.decode()?);
    Ok(place(&ring, &key).encode(env))
}
direct!(ring_owner);

/// As `ring_owner`, for a key that takes its time to be hashed.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_owner_large<'a>(ring: Asked<'a>, key: Key<'a>) -> u32 {
    place(&ring, &key)
}

#[inline]
fn place(ring: &Ring, key: &Key<'_>) -> u32 {
    ring.owner_number(key.as_ref()).map_or(0, |number| u32::from(number) + 1)
}

/// The names of the owners of a key; `:large` when finding them would hold an ordinary scheduler
/// up.
fn ring_owners<'a>(env: Env<'a>, [ring, names, key, count]: [Term<'a>; 4]) -> NifResult<Term<'a>> {
    let (ring, key): (Asked<'a>, Key<'a>) = (ring.decode()?, key.decode()?);
    let count: Count = count.decode()?;
    let is_searched = || {
        count.0 > usize::from(ring.replicas()) || ring.pins().len() + ring.pin_prefixes().len() > 0
    };
    match ring.len() > ORDER_MAX && is_searched() {
        true => Ok(atoms::large().to_term(env)),
        false => owners(env, &ring, names, &key, count.0),
    }
}
direct!(ring_owners);

/// As `ring_owners`, however many.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_owners_large<'a>(
    env: Env<'a>,
    ring: Asked<'a>,
    names: Term<'a>,
    key: Key<'a>,
    count: Count,
) -> NifResult<Term<'a>> {
    owners(env, &ring, names, &key, count.0)
}

fn owners<'a>(
    env: Env<'a>,
    ring: &Ring,
    names: Term<'a>,
    key: &Key<'_>,
    count: usize,
) -> NifResult<Term<'a>> {
    let (names, mut few) = (Tuple::of(names)?, [0; FEW]);
    if let Some(out) = few.get_mut(..count) {
        let found = ring.owner_numbers_into(key.as_ref(), out);
        let mut items = [names.at(0)?; FEW];
        for (item, number) in items.iter_mut().zip(out.iter().take(found)) {
            *item = named(names, *number)?;
        }
        return list(env, items.get(..found).unwrap_or_default());
    }
    let mut numbers = Vec::new();
    ring.owner_numbers(key.as_ref(), count, &mut numbers);
    let items = numbers.into_iter().map(|number| named(names, number));
    list(env, &items.collect::<NifResult<Vec<Item<'a>>>>()?)
}

#[inline]
fn named<'a>(names: Tuple<'a>, number: u16) -> NifResult<Item<'a>> {
    names.at(usize::from(number) + 1)
}

/// What keys cost.
struct Cost {
    byte: usize,
    most: usize,
    slice: usize,
}

impl Cost {
    fn of(ring: &Ring) -> Self {
        let is_pinned = ring.pins().len() + ring.pin_prefixes().len() > 0;
        let is_plain = !is_pinned && matches!(ring.profile(), Profile::Slots { .. });
        let byte = if ring.pin_prefixes().len() > 0 { KEY_COST } else { 1 };
        match is_plain {
            true => Self { byte, most: COST_MAX * PLAIN, slice: PLAIN_SLICE },
            false => Self { byte, most: COST_MAX, slice: SLICE },
        }
    }

    #[inline]
    fn of_key(&self, size: usize) -> usize {
        KEY_COST + size.saturating_mul(self.byte)
    }

    /// Takes from the caller's time what such a call has cost.
    fn charge(&self, env: Env<'_>, cost: usize) {
        let hundredths = cost.saturating_mul(self.slice) / self.most;
        if hundredths > 0 {
            consume_timeslice(env, hundredths.min(100) as i32);
        }
    }
}

/// The names of the owners of keys; without a tuple of names (`nil`) their numbers, 16 bits each,
/// with `0xffff` for nobody. `{these, rest}` with the keys that are left, when all of them would
/// hold an ordinary scheduler up.
fn ring_many<'a>(env: Env<'a>, [ring, names, keys]: [Term<'a>; 3]) -> NifResult<Term<'a>> {
    let ring: Asked<'a> = ring.decode()?;
    let cost = Cost::of(&ring);
    let (found, rest, spent) = many(env, &ring, names, keys, &cost)?;
    cost.charge(env, spent);
    Ok(if rest.is_empty_list() { found } else { make_tuple(env, &[found, rest]) })
}
direct!(ring_many);

/// As `ring_many`, all of them.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_many_large<'a>(
    env: Env<'a>,
    ring: Asked<'a>,
    names: Term<'a>,
    keys: Term<'a>,
) -> NifResult<Term<'a>> {
    let cost = Cost { most: usize::MAX, ..Cost::of(&ring) };
    many(env, &ring, names, keys, &cost).map(|(found, ..)| found)
}

/// What is found, the keys that are left, and what it has cost.
fn many<'a>(
    env: Env<'a>,
    ring: &Ring,
    names: Term<'a>,
    keys: Term<'a>,
    cost: &Cost,
) -> NifResult<(Term<'a>, Term<'a>, usize)> {
    if is_nil(names) {
        let mut numbers = Vec::with_capacity(2 * ROOM);
        let (rest, spent) = each(keys, cost, |key| {
            let number = ring.owner_number(key).unwrap_or(u16::MAX);
            numbers.extend_from_slice(&number.to_be_bytes());
            Ok(())
        })?;
        return Ok((bytes(env, &numbers), rest, spent));
    }
    let (names, mut items) = (Tuple::of(names)?, Vec::with_capacity(ROOM));
    let nobody = names.at(0)?;
    let (rest, spent) = each(keys, cost, |key| {
        items.push(ring.owner_number(key).map_or(Ok(nobody), |number| named(names, number))?);
        Ok(())
    })?;
    Ok((list(env, &items)?, rest, spent))
}

/// Hands out keys until they cost too much; those that are left, and what the others cost. The end
/// of the list is looked at when it is reached: it may be a long way.
#[inline]
fn each<'a>(
    keys: Term<'a>,
    cost: &Cost,
    mut found: impl FnMut(&[u8]) -> NifResult<()>,
) -> NifResult<(Term<'a>, usize)> {
    let (mut rest, mut spent, mut block) = (keys, 0_usize, [&[][..]; BLOCK]);
    loop {
        let mut taken = 0;
        for slot in &mut block {
            let Ok((key, others)) = rest.list_get_cell() else { break };
            let key = key.decode::<Key<'a>>()?.0.as_slice();
            let all = spent.saturating_add(cost.of_key(key.len()));
            if all > cost.most {
                break;
            }
            *slot = key;
            (rest, spent, taken) = (others, all, taken + 1);
        }
        block.iter().take(taken).try_for_each(|key| found(key))?;
        if taken < BLOCK {
            break;
        }
    }
    match rest.is_list() {
        true => Ok((rest, spent)),
        false => Err(raised(no_list(rest))),
    }
}

/// As `ring_many`, of keys of so many bytes that stand side by side; `:large` when all of them
/// would hold an ordinary scheduler up.
fn ring_packed<'a>(env: Env<'a>, [ring, names, keys, width]: [Term<'a>; 4]) -> NifResult<Term<'a>> {
    let (ring, keys): (Asked<'a>, Key<'a>) = (ring.decode()?, keys.decode()?);
    let (cost, width) = (Cost::of(&ring), width_of(&keys, width.decode()?)?);
    let all = (keys.as_ref().len() / width).saturating_mul(cost.of_key(width));
    if all > cost.most {
        return Ok(atoms::large().to_term(env));
    }
    cost.charge(env, all);
    packed(env, &ring, names, &keys, width)
}
direct!(ring_packed);

/// As `ring_packed`, however many.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_packed_large<'a>(
    env: Env<'a>,
    ring: Asked<'a>,
    names: Term<'a>,
    keys: Key<'a>,
    width: Number,
) -> NifResult<Term<'a>> {
    let width = width_of(&keys, width)?;
    packed(env, &ring, names, &keys, width)
}

fn width_of(keys: &Key<'_>, width: Number) -> NifResult<usize> {
    let (keys, width) = (keys.as_ref(), width.0 as usize);
    if width == 0 || !keys.len().is_multiple_of(width) {
        let message = format!("{} bytes are no keys of {width} each", keys.len());
        return Err(raised(bad(message)));
    }
    Ok(width)
}

fn packed<'a>(
    env: Env<'a>,
    ring: &Ring,
    names: Term<'a>,
    keys: &Key<'_>,
    width: usize,
) -> NifResult<Term<'a>> {
    let keys = keys.as_ref().chunks_exact(width);
    if is_nil(names) {
        let mut numbers = NewBinary::new(env, 2 * keys.len());
        for (out, key) in numbers.as_mut_slice().as_chunks_mut().0.iter_mut().zip(keys) {
            *out = ring.owner_number(key).unwrap_or(u16::MAX).to_be_bytes();
        }
        return Ok(numbers.into());
    }
    let names = Tuple::of(names)?;
    let nobody = names.at(0)?;
    let name = |key| ring.owner_number(key).map_or(Ok(nobody), |number| named(names, number));
    list(env, &keys.map(name).collect::<NifResult<Vec<Item<'a>>>>()?)
}

/// The slot of a key, or `nil`.
fn ring_slot<'a>(env: Env<'a>, [ring, key]: [Term<'a>; 2]) -> NifResult<Term<'a>> {
    let (ring, key): (Asked<'a>, Key<'a>) = (ring.decode()?, key.decode()?);
    Ok(ring.slot(key.as_ref()).encode(env))
}
direct!(ring_slot);

/// As `ring_slot`, for a key that takes its time to be hashed.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_slot_large<'a>(ring: Asked<'a>, key: Key<'a>) -> Option<u32> {
    ring.slot(key.as_ref())
}
