//! Two rings beside each other, how even a ring is, and round it.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::sync::{Arc, OnceLock};

use chinwag::event::RingChanged;
use chinwag::ring::RingChange as CoreChange;

use super::{Ring, key};
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{given, optional_text, room, status, text, value};

/// From one ring to another. Keys have no bound, so it answers questions about yours. It never
/// changes; any thread may read it.
///
/// One within an event is borrowed and lives as long as that; one that chinwag_ring_change_new()
/// gave you is freed with chinwag_ring_change_free().
pub struct RingChange {
    changed: Arc<RingChanged>,
    // Made when they are first asked for: questions about keys need no names.
    before: OnceLock<Ring>,
    after: OnceLock<Ring>,
}

impl RingChange {
    pub(crate) fn new(changed: Arc<RingChanged>) -> Self {
        Self { changed, before: OnceLock::new(), after: OnceLock::new() }
    }
}

/// What happened, to whose keys, and to which of them; nothing where one of these is none.
fn asked(
    change: Option<&RingChange>,
    name: *const c_char,
    key: *const u8,
    length: usize,
) -> Option<(&CoreChange, &str, &[u8])> {
    let changed = &change?.changed;
    // SAFETY: C passes NULL, or text that stays until the call returns.
    let name = unsafe { optional_text(name, "name") }.ok()?;
    Some((&changed.change, name.unwrap_or(&changed.local), self::key(key, length)?))
}

/// From one ring to another one by hand, such as the last one that you know of after an
/// "events-lost". `name` is whose keys are meant where a question does not say. `change` is yours:
/// free it with chinwag_ring_change_free(). It does not need the two rings any more.
///
/// CHINWAG_EBADARGUMENT for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_change_new(
    before: Option<&Ring>,
    after: Option<&Ring>,
    name: *const c_char,
    change: Option<&mut MaybeUninit<*mut RingChange>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (before, after) = (given(before, "before")?, given(after, "after")?);
        let out = given(change, "change")?;
        // SAFETY: C passes NULL or text.
        let local = unsafe { text(name, "name") }?.to_owned();
        let change = CoreChange::new(&before.ring, &after.ring);
        let changed = Arc::new(RingChanged { local, change });
        out.write(Box::into_raw(Box::new(RingChange::new(changed))));
        Ok(())
    })
}

/// Frees a change that was made by hand. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_change_free(change: Option<Box<RingChange>>) {
    value((), || drop(change));
}

/// Whether a node owned a key and does not any more. `name` is the node; NULL stands for the one
/// that told of the change, or that was given when it was made. False if `change` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_change_lost(
    change: Option<&RingChange>,
    name: *const c_char,
    key: *const u8,
    length: usize,
) -> bool {
    value(false, || {
        let Some((change, name, key)) = asked(change, name, key, length) else { return false };
        change.lost(name, [key]).next().is_some()
    })
}

/// Whether a node owns a key and did not; otherwise as chinwag_ring_change_lost().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_change_gained(
    change: Option<&RingChange>,
    name: *const c_char,
    key: *const u8,
    length: usize,
) -> bool {
    value(false, || {
        let Some((change, name, key)) = asked(change, name, key, length) else { return false };
        change.gained(name, [key]).next().is_some()
    })
}

/// Whether a key has another owner. The rings before and after the change know whom. False if
/// `change` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_change_moved(
    change: Option<&RingChange>,
    key: *const u8,
    length: usize,
) -> bool {
    value(false, || {
        let name = std::ptr::null();
        let Some((change, _, key)) = asked(change, name, key, length) else { return false };
        change.moved([key]).next().is_some()
    })
}

/// The ring before the change. Borrowed from the change. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_change_before(change: Option<&RingChange>) -> Option<&Ring> {
    value(None, || {
        let change = change?;
        Some(change.before.get_or_init(|| Ring::new(change.changed.before().clone())))
    })
}

/// The ring after the change. Borrowed from the change. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_change_after(change: Option<&RingChange>) -> Option<&Ring> {
    value(None, || {
        let change = change?;
        Some(change.after.get_or_init(|| Ring::new(change.changed.after().clone())))
    })
}

/// Whether a key has another owner in `after` than in `before`. False if one of them is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_moved(
    before: Option<&Ring>,
    after: Option<&Ring>,
    key: *const u8,
    length: usize,
) -> bool {
    value(false, || {
        let (Some(before), Some(after)) = (before, after) else { return false };
        super::key(key, length).is_some_and(|key| before.ring.owner(key) != after.ring.owner(key))
    })
}

/// The slots that have another owner in `after`, in order: writes up to `capacity` of them, and
/// returns how many there are. None unless both rings have equally many slots.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_moved_slots(
    before: Option<&Ring>,
    after: Option<&Ring>,
    slots: *mut MaybeUninit<u32>,
    capacity: usize,
) -> usize {
    value(0, || {
        let (Some(before), Some(after)) = (before, after) else { return 0 };
        let change = CoreChange::new(&before.ring, &after.ring);
        let out = room(slots, capacity);
        let mut count = 0;
        for moved in change.slots() {
            if let Some(to) = out.get_mut(count) {
                to.write(moved.key);
            }
            count += 1;
        }
        count
    })
}

/// The nodes of both rings; one that is in both has the greater weight.
///
/// CHINWAG_EBADARGUMENT if they place keys in different ways.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_union(
    one: Option<&Ring>,
    other: Option<&Ring>,
    ring: Option<&mut MaybeUninit<*mut Ring>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (one, other, out) = (given(one, "one")?, given(other, "other")?, given(ring, "ring")?);
        out.write(Ring::boxed(one.ring.union(&other.ring)?));
        Ok(())
    })
}

/// The nodes that are in both rings, with the lesser weight.
///
/// CHINWAG_EBADARGUMENT if they place keys in different ways.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_intersection(
    one: Option<&Ring>,
    other: Option<&Ring>,
    ring: Option<&mut MaybeUninit<*mut Ring>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (one, other, out) = (given(one, "one")?, given(other, "other")?, given(ring, "ring")?);
        out.write(Ring::boxed(one.ring.intersection(&other.ring)?));
        Ok(())
    })
}

/// How much of all keys each node has, from 0 to 1, and what its weight entitles it to, in the
/// order of chinwag_ring_name(). Writes up to `capacity` of each, and returns how many there are.
/// Either may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_balance(
    ring: Option<&Ring>,
    shares: *mut MaybeUninit<f64>,
    ideals: *mut MaybeUninit<f64>,
    capacity: usize,
) -> usize {
    value(0, || {
        let Some(ring) = ring else { return 0 };
        let balance = ring.ring.balance();
        room(shares, capacity).iter_mut().zip(&balance).for_each(|(to, one)| {
            to.write(one.share);
        });
        room(ideals, capacity).iter_mut().zip(&balance).for_each(|(to, one)| {
            to.write(one.ideal);
        });
        balance.len()
    })
}

/// Up to `capacity` other nodes that own the places behind the first one of a node; returns how
/// many were written. None if the node is not there.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_next(
    ring: Option<&Ring>,
    name: *const c_char,
    nodes: *mut MaybeUninit<*const c_char>,
    capacity: usize,
) -> usize {
    value(0, || {
        // SAFETY: C passes NULL or text.
        let (Some(ring), Ok(name)) = (ring, unsafe { text(name, "name") }) else { return 0 };
        let out = room(nodes, capacity);
        ring.write(&ring.ring.next(name, out.len()), out)
    })
}

/// As chinwag_ring_next(), backwards: those before the first place of a node, the nearest first.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_previous(
    ring: Option<&Ring>,
    name: *const c_char,
    nodes: *mut MaybeUninit<*const c_char>,
    capacity: usize,
) -> usize {
    value(0, || {
        // SAFETY: C passes NULL or text.
        let (Some(ring), Ok(name)) = (ring, unsafe { text(name, "name") }) else { return 0 };
        let out = room(nodes, capacity);
        ring.write(&ring.ring.previous(name, out.len()), out)
    })
}

/// Up to `capacity` different nodes that own the places before a key, the nearest first; returns
/// how many were written.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_owners_before(
    ring: Option<&Ring>,
    key: *const u8,
    length: usize,
    nodes: *mut MaybeUninit<*const c_char>,
    capacity: usize,
) -> usize {
    value(0, || {
        let (Some(ring), Some(key)) = (ring, self::key(key, length)) else { return 0 };
        let out = room(nodes, capacity);
        ring.write(&ring.ring.owners_before(key, out.len()), out)
    })
}
