//! Round the ring, how even it is, and what is different between two of them: all of it on dirty
//! schedulers, and with names where there are few.

use chinwag::ring::{Balance, Moved, Range, RingChange};
use rustler::{Encoder, Env, NifResult, Term};

use super::builder::{Asked, Count, Key, Name, keys};
use super::names;
use crate::config::List;

/// `{first, last, owner}` of each range.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_ranges<'a>(env: Env<'a>, ring: Asked<'a>) -> Term<'a> {
    let range = |range: Range<'_>| (range.start, range.end, range.owner).encode(env);
    ring.ranges().into_iter().map(range).collect::<Vec<Term<'a>>>().encode(env)
}

/// `{name, share, ideal}` of each node that owns something.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_balance<'a>(env: Env<'a>, ring: Asked<'a>) -> Term<'a> {
    let share = |one: Balance<'_>| (one.name, one.share, one.ideal).encode(env);
    ring.balance().into_iter().map(share).collect::<Vec<Term<'a>>>().encode(env)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_next<'a>(env: Env<'a>, ring: Asked<'a>, name: Name, count: Count) -> Term<'a> {
    names(env, ring.next(&name.0, count.0).into_iter())
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_previous<'a>(env: Env<'a>, ring: Asked<'a>, name: Name, count: Count) -> Term<'a> {
    names(env, ring.previous(&name.0, count.0).into_iter())
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_owners_before<'a>(env: Env<'a>, ring: Asked<'a>, key: Key<'a>, count: Count) -> Term<'a> {
    names(env, ring.owners_before(&key, count.0).into_iter())
}

/// `{key, from, to}` of each key that moves.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_moved<'a>(
    env: Env<'a>,
    before: Asked<'a>,
    after: Asked<'a>,
    list: List<'a>,
) -> NifResult<Term<'a>> {
    let keys = keys(list).collect::<NifResult<Vec<Key<'a>>>>()?;
    Ok(moves(env, change(&before, &after).moved(keys)))
}

/// The keys that a node gains.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_gained<'a>(
    env: Env<'a>,
    before: Asked<'a>,
    after: Asked<'a>,
    name: Name,
    list: List<'a>,
) -> NifResult<Term<'a>> {
    let keys = keys(list).collect::<NifResult<Vec<Key<'a>>>>()?;
    let change = change(&before, &after);
    Ok(change.gained(&name.0, keys).collect::<Vec<Key<'a>>>().encode(env))
}

/// The keys that a node loses.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_lost<'a>(
    env: Env<'a>,
    before: Asked<'a>,
    after: Asked<'a>,
    name: Name,
    list: List<'a>,
) -> NifResult<Term<'a>> {
    let keys = keys(list).collect::<NifResult<Vec<Key<'a>>>>()?;
    let change = change(&before, &after);
    Ok(change.lost(&name.0, keys).collect::<Vec<Key<'a>>>().encode(env))
}

/// `{slot, from, to}` of each slot that moves.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_moved_slots<'a>(env: Env<'a>, before: Asked<'a>, after: Asked<'a>) -> Term<'a> {
    moves(env, change(&before, &after).slots())
}

/// `{from, to, slots}` of each pair of nodes.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_flows<'a>(env: Env<'a>, before: Asked<'a>, after: Asked<'a>) -> Term<'a> {
    let change = change(&before, &after);
    let flows = change.flows().into_iter();
    let flow = |((from, to), slots): (_, usize)| ((from, to), slots).encode(env);
    flows.map(flow).collect::<Vec<Term<'a>>>().encode(env)
}

fn change(before: &Asked<'_>, after: &Asked<'_>) -> RingChange {
    RingChange::new(before, after)
}

fn moves<'a, 'r, K: Encoder>(env: Env<'a>, moved: impl Iterator<Item = Moved<'r, K>>) -> Term<'a> {
    let one = |moved: Moved<'r, K>| (moved.key, moved.from, moved.to).encode(env);
    moved.map(one).collect::<Vec<Term<'a>>>().encode(env)
}
