//! Two rings beside each other, how even a ring is, and round it.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use chinwag::ring::RingChange;

use super::{Ring, key};
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{given, room, status, text, value};

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
        let change = RingChange::new(&before.ring, &after.ring);
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
