//! The ring of a cluster, as a node keeps it.
//!
//! The first who asks has it made, on a dirty scheduler. From then on a look-up is done where it is
//! called, and takes a lock for as long as it takes to copy a pointer.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use chinwag::Result;
use chinwag::event::RingChanged;
use chinwag::host::Op;
use chinwag::ring::{Overrides, Ring};
use rustler::env::SavedTerm;
use rustler::{Encoder, Env, NifResult, OwnedEnv, ResourceArc, Term};

use super::builder::{Count, Key, built, held};
use super::{ORDER_MAX, RingRef, told};
use crate::config::{List, bad_argument};
use crate::events::lock;
use crate::node::{NodeRef, ROSTER_MAX};
use crate::{atoms, config, error, member};

/// Bytes of a key that are hashed on an ordinary scheduler at most.
const KEY_MAX: usize = 65_536;

/// What a node remembers of its rings.
#[derive(Default)]
pub(crate) struct Rings {
    /// Whether somebody has asked: to ask again takes no time.
    is_kept: AtomicBool,
    /// The newest one that was told, so that all who ask have the same resource and its names are
    /// made once.
    newest: Mutex<Option<Newest>>,
}

struct Newest {
    version: u64,
    env: OwnedEnv,
    term: SavedTerm,
}

impl Rings {
    /// The ring as a term; a newer one, if somebody else was told of it meanwhile.
    fn tell<'a>(&self, env: Env<'a>, ring: Ring) -> Term<'a> {
        let mut newest = lock(&self.newest);
        let is_told = newest.as_ref().is_some_and(|newest| newest.version >= ring.version());
        if !is_told {
            *newest = Some(Newest::of(ring));
        }
        let copy = |newest: &Newest| newest.env.run(|own| newest.term.load(own).in_env(env));
        newest.as_ref().map_or_else(|| atoms::nil().to_term(env), copy)
    }
}

impl Newest {
    fn of(ring: Ring) -> Self {
        let (version, env) = (ring.version(), OwnedEnv::new());
        let term = env.run(|own| env.save(told(own, &ResourceArc::new(RingRef(ring)))));
        Self { version, env, term }
    }
}

/// The ring, if nobody has to wait for it.
fn kept(node: &NodeRef) -> Option<Result<Ring>> {
    node.0.rings.is_kept.load(Ordering::Acquire).then(|| node.0.host.ring())
}

/// The ring, made if it has to be. Only for dirty schedulers.
fn keep(node: &NodeRef) -> Result<Ring> {
    let ring = node.0.host.ring()?;
    node.0.rings.is_kept.store(true, Ordering::Release);
    Ok(ring)
}

/// A term, or `{:error, error}`.
fn answer<'a>(env: Env<'a>, answer: Result<Term<'a>>) -> Term<'a> {
    answer.unwrap_or_else(|error| error::tuple(env, &error))
}

/// What is found without a search; `:large` where it would hold an ordinary scheduler up.
fn look_up<'a>(
    env: Env<'a>,
    node: &NodeRef,
    key: &Key<'_>,
    find: impl FnOnce(&Ring) -> Result<Term<'a>>,
) -> Term<'a> {
    match kept(node).filter(|_| key.as_ref().len() <= KEY_MAX) {
        Some(ring) => answer(env, ring.and_then(|ring| find(&ring))),
        None => atoms::large().to_term(env),
    }
}

/// The ring as it is; `:large` if it is yet to be made, or has too many names.
#[rustler::nif]
fn cluster_ring<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    match kept(&node) {
        Some(Ok(ring)) if ring.len() <= ORDER_MAX => node.0.rings.tell(env, ring),
        Some(Err(error)) => error::tuple(env, &error),
        _ => atoms::large().to_term(env),
    }
}

/// As `cluster_ring`, in any case.
#[rustler::nif(schedule = "DirtyCpu")]
fn cluster_ring_large<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    answer(env, keep(&node).map(|ring| node.0.rings.tell(env, ring)))
}

/// Has the ring kept from now on.
#[rustler::nif(schedule = "DirtyCpu")]
fn cluster_keep<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    answer(env, keep(&node).map(|_| atoms::ok().to_term(env)))
}

/// The rings before it, the newest first. They are few, and asked for seldom.
#[rustler::nif(schedule = "DirtyCpu")]
fn cluster_past_rings<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    let term = |ring| told(env, &ResourceArc::new(RingRef(ring)));
    let past = node.0.host.past_rings();
    answer(env, past.map(|past| past.into_iter().map(term).collect::<Vec<_>>().encode(env)))
}

/// The member that owns a key, or `nil`; `:large` as above.
#[rustler::nif]
fn cluster_owner<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, key: Key<'a>) -> Term<'a> {
    look_up(env, &node, &key, |ring| owner(env, &node, ring, &key))
}

/// As `cluster_owner`, in any case.
#[rustler::nif(schedule = "DirtyCpu")]
fn cluster_owner_large<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, key: Key<'a>) -> Term<'a> {
    answer(env, keep(&node).and_then(|ring| owner(env, &node, &ring, &key)))
}

fn owner<'a>(env: Env<'a>, node: &NodeRef, ring: &Ring, key: &Key<'_>) -> Result<Term<'a>> {
    let owner = ring.owner(key).map(|name| node.0.host.member(name)).transpose()?.flatten();
    Ok(owner.map_or_else(|| atoms::nil().to_term(env), |owner| member::encode(env, &owner)))
}

/// The members that a key belongs to; `:large` as above, and when they are too many.
#[rustler::nif]
fn cluster_owners<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    key: Key<'a>,
    count: Count,
) -> Term<'a> {
    look_up(env, &node, &key, |ring| {
        let pins = ring.pins().len() + ring.pin_prefixes().len();
        let is_searched = count.0 > usize::from(ring.replicas()) || pins > 0;
        match count.0.min(ring.len()) > ROSTER_MAX || (is_searched && ring.len() > ORDER_MAX) {
            true => Ok(atoms::large().to_term(env)),
            false => owners(env, &node, ring, &key, count.0),
        }
    })
}

/// As `cluster_owners`, in any case.
#[rustler::nif(schedule = "DirtyCpu")]
fn cluster_owners_large<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    key: Key<'a>,
    count: Count,
) -> Term<'a> {
    answer(env, keep(&node).and_then(|ring| owners(env, &node, &ring, &key, count.0)))
}

fn owners<'a>(
    env: Env<'a>,
    node: &NodeRef,
    ring: &Ring,
    key: &Key<'_>,
    count: usize,
) -> Result<Term<'a>> {
    let names = ring.owners(key, count).into_iter();
    let members = names.map(|name| node.0.host.member(name)).collect::<Result<Vec<_>>>()?;
    Ok(member::list(env, &members.into_iter().flatten().collect::<Vec<_>>()))
}

/// Whether the local member owns a key; `:large` as above.
#[rustler::nif]
fn cluster_owns<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, key: Key<'a>) -> Term<'a> {
    look_up(env, &node, &key, |ring| owns(env, &node, ring, &key))
}

/// As `cluster_owns`, in any case.
#[rustler::nif(schedule = "DirtyCpu")]
fn cluster_owns_large<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, key: Key<'a>) -> Term<'a> {
    answer(env, keep(&node).and_then(|ring| owns(env, &node, &ring, &key)))
}

fn owns<'a>(env: Env<'a>, node: &NodeRef, ring: &Ring, key: &Key<'_>) -> Result<Term<'a>> {
    let local = node.0.host.local_member()?;
    Ok(ring.is_owner(local.name(), key).encode(env))
}

/// The name of who owned a key before, or `nil`: each past ring is asked.
#[rustler::nif(schedule = "DirtyCpu")]
fn cluster_previous_owner<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, key: Key<'a>) -> Term<'a> {
    let previous = keep(&node).and_then(|_| node.0.host.previous_owner(key.as_ref()));
    answer(env, previous.map(|name| name.encode(env)))
}

/// A ring of nobody is judged as any other, and has them in order.
fn overrides(steps: List<'_>) -> Result<Overrides> {
    let ring = built(None, steps)?;
    let pin = |(key, name): (&[u8], &str)| (key.to_vec(), name.to_owned());
    Ok(Overrides {
        excluded: ring.excluded().map(str::to_owned).collect(),
        pins: ring.pins().map(pin).collect(),
        pin_prefixes: ring.pin_prefixes().map(pin).collect(),
    })
}

/// `{before, after, local}` of an event: rings that `ring_told` tells of, and the name of the local
/// member.
pub(crate) fn change<'a>(env: Env<'a>, changed: &RingChanged) -> Term<'a> {
    let ring = |ring: &Ring| ResourceArc::new(RingRef(ring.clone()));
    (ring(changed.before()), ring(changed.after()), &changed.local).encode(env)
}

/// What a ring is told with; `:large` if it has too many names.
#[rustler::nif]
fn ring_told<'a>(env: Env<'a>, ring: Term<'a>) -> NifResult<Term<'a>> {
    let ring = held(ring)?;
    Ok(match ring.0.len() > ORDER_MAX {
        true => atoms::large().to_term(env),
        false => told(env, &ring),
    })
}

/// As `ring_told`, however many.
#[rustler::nif(schedule = "DirtyCpu")]
fn ring_told_large<'a>(env: Env<'a>, ring: Term<'a>) -> NifResult<Term<'a>> {
    held(ring).map(|ring| told(env, &ring))
}

/// What members say while slots change hands, by the name of the operation.
pub(crate) fn op(name: &str, argument: Term<'_>) -> Result<Option<Op>> {
    match name {
        "set_ring_overrides" => {
            let steps = argument.decode().map_err(|_| bad_argument("the overrides", "steps"))?;
            overrides(steps).map(Op::SetRingOverrides).map(Some)
        }
        "released" => config::number(argument).map(Op::Released).map(Some),
        _ => Ok(None),
    }
}
