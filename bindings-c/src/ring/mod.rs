//! Which node owns which key: rings as C sees them, without a node and without allocations.

pub mod builder;
pub mod change;
pub mod cluster;

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::Arc;

use chinwag::error::{Error as CoreError, ErrorKind, Result};
use chinwag::host::Answer as Value;
use chinwag::ring::{Ring as CoreRing, jump};

use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{c_text, copied, given, items, pointer, room, some_items, status, text, value};

/// Which node owns which key: a value that never changes, and that any thread may read. The same
/// nodes give the same owners in every language, whatever the order in which they came;
/// docs/RING.md says how. You free it with chinwag_ring_free().
///
/// Names that a ring gives are borrowed from it. A key is any bytes.
pub struct Ring {
    ring: CoreRing,
    /// In the order of the ring's own; handles of one ring of a node share them.
    names: Arc<[CString]>,
}

/// Most owners that are looked up without an allocation, whatever the ring's replicas.
const OWNERS: usize = 16;

impl Ring {
    fn new(ring: CoreRing) -> Self {
        let names = ring.names().map(c_text).collect();
        Self { ring, names }
    }

    fn boxed(ring: CoreRing) -> *mut Self {
        Box::into_raw(Box::new(Self::new(ring)))
    }

    fn name(&self, number: u16) -> *const c_char {
        pointer(self.names.get(usize::from(number)).map(|name| &**name))
    }

    /// Writes the names of those nodes, as many as there is room for; how many there are.
    fn write(&self, names: &[&str], out: &mut [MaybeUninit<*const c_char>]) -> usize {
        for (to, name) in out.iter_mut().zip(names) {
            to.write(pointer(self.number(name).and_then(|at| self.names.get(at)).map(|n| &**n)));
        }
        names.len().min(out.len())
    }

    /// The place of that node among the names.
    fn number(&self, name: &str) -> Option<usize> {
        let found = self.names.binary_search_by(|n| n.to_bytes().cmp(name.as_bytes()));
        // A zero byte stands as something else, so a name may be elsewhere than its text would be.
        found.ok().or_else(|| self.ring.names().position(|other| other == name))
    }
}

/// A key, or `None` for one that is NULL and not empty.
fn key<'a>(key: *const u8, length: usize) -> Option<&'a [u8]> {
    // SAFETY: C passes NULL, or that many bytes that stay until the call returns.
    unsafe { some_items(key, length) }
}

/// A ring of `count` names, with the default profile: 65,536 slots, and nobody with more than 5 %
/// above its share. For weights, zones and the rest there is a chinwag_ring_builder.
///
/// CHINWAG_EBADARGUMENT for a name that is empty or there twice, CHINWAG_ETOOLARGE for one of more
/// than 1,024 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_new(
    names: *const *const c_char,
    count: usize,
    ring: Option<&mut MaybeUninit<*mut Ring>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(ring, "ring")?;
        // SAFETY: C passes NULL, or so many pointers that are NULL or text.
        let names = unsafe { items(names, count, "names") }?.iter();
        // SAFETY: as above.
        let names: Result<Vec<&str>> = names.map(|name| unsafe { text(*name, "a name") }).collect();
        out.write(Ring::boxed(CoreRing::new(names?)?));
        Ok(())
    })
}

/// Frees a ring, and with it the names that it gave. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_free(ring: Option<Box<Ring>>) {
    value((), || drop(ring));
}

/// How many nodes own something. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_count(ring: Option<&Ring>) -> usize {
    value(0, || ring.map_or(0, |ring| ring.ring.len()))
}

/// The name of node `index`, counted from 0 in the order of the names. NULL when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_name(ring: Option<&Ring>, index: usize) -> *const c_char {
    value(std::ptr::null(), || {
        ring.and_then(|ring| ring.names.get(index)).map_or(std::ptr::null(), |name| name.as_ptr())
    })
}

/// The node that owns a key. NULL if the ring is empty, or NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_owner(
    ring: Option<&Ring>,
    key: *const u8,
    length: usize,
) -> *const c_char {
    value(std::ptr::null(), || {
        // One after the other: a pair of both is made before it is looked at.
        let Some(ring) = ring else { return std::ptr::null() };
        let Some(key) = self::key(key, length) else { return std::ptr::null() };
        ring.ring.owner_number(key).map_or(std::ptr::null(), |number| ring.name(number))
    })
}

/// Up to `capacity` different nodes that a key belongs to, the owner first: as many, or all if
/// there are fewer. Returns how many were written to `owners`. Nothing is allocated for up to as
/// many as the ring has replicas, 16 at most.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_owners(
    ring: Option<&Ring>,
    key: *const u8,
    length: usize,
    owners: *mut MaybeUninit<*const c_char>,
    capacity: usize,
) -> usize {
    value(0, || {
        let (Some(ring), Some(key)) = (ring, self::key(key, length)) else { return 0 };
        let out = room(owners, capacity);
        let mut few = [0; OWNERS];
        let mut many = Vec::new();
        let numbers = match few.get_mut(..out.len()) {
            Some(few) => {
                let count = ring.ring.owner_numbers_into(key, few);
                few.get(..count).unwrap_or_default()
            }
            None => {
                ring.ring.owner_numbers(key, out.len(), &mut many);
                &many[..]
            }
        };
        out.iter_mut().zip(numbers).for_each(|(to, number)| {
            to.write(ring.name(*number));
        });
        numbers.len()
    })
}

/// The owners of many keys in one call: key i has the bytes from `ends[i - 1]` (0 for the first) to
/// `ends[i]` of `keys`, which has as many bytes as the last end says. `owners` gets the index of
/// each owner, for chinwag_ring_name().
///
/// CHINWAG_EBADARGUMENT if the ends are not in order, or the ring is empty.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_owners_many(
    ring: Option<&Ring>,
    keys: *const u8,
    ends: *const usize,
    count: usize,
    owners: *mut MaybeUninit<u32>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let ring = given(ring, "ring")?;
        // SAFETY: C passes NULL or so many numbers.
        let ends = unsafe { items(ends, count, "ends") }?;
        // SAFETY: C passes NULL or as many bytes as the last number says.
        let keys = unsafe { items(keys, ends.last().copied().unwrap_or(0), "keys") }?;
        let out = room(owners, count);
        let wrong = |what: &str| CoreError::new(ErrorKind::BadArgument, what.to_owned());
        if out.len() < count {
            return Err(wrong("owners is NULL or its count is impossible"));
        }
        let mut start = 0;
        for (end, out) in ends.iter().zip(out) {
            let key = keys.get(start..*end);
            let key = key.ok_or_else(|| wrong("the ends of the keys are not in order"))?;
            let owner = ring.ring.owner_number(key).ok_or_else(|| wrong("the ring is empty"))?;
            out.write(owner.into());
            start = *end;
        }
        Ok(())
    })
}

/// The slot of a key, to be used as the number of a shard; -1 in a ring that is empty or has none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_slot(ring: Option<&Ring>, key: *const u8, length: usize) -> i64 {
    value(-1, || {
        let (Some(ring), Some(key)) = (ring, self::key(key, length)) else { return -1 };
        ring.ring.slot(key).map_or(-1, i64::from)
    })
}

/// The owner of a slot for `rank` 0, then those who come next, as many as the ring has replicas.
/// NULL when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_slot_owner(
    ring: Option<&Ring>,
    slot: u32,
    rank: usize,
) -> *const c_char {
    value(std::ptr::null(), || {
        let Some(ring) = ring else { return std::ptr::null() };
        let owner = ring.ring.slot_owners(slot).nth(rank);
        let at = owner.and_then(|name| ring.number(name));
        pointer(at.and_then(|at| ring.names.get(at)).map(|name| &**name))
    })
}

/// Which of a node's rings it is: each node counts its own, from 1. 0 for a ring that was made by
/// hand, and for NULL. To compare rings of several nodes, there is chinwag_ring_fingerprint().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_version(ring: Option<&Ring>) -> u64 {
    value(0, || ring.map_or(0, |ring| ring.ring.version()))
}

/// The same in two rings exactly if they place all keys alike. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_fingerprint(ring: Option<&Ring>) -> u64 {
    value(0, || ring.map_or(0, |ring| ring.ring.fingerprint()))
}

/// The ring as JSON, in one line: the text of `answer`, which is yours; free it with
/// chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_to_json(
    ring: Option<&Ring>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (ring, out) = (given(ring, "ring")?, given(answer, "answer")?);
        out.write(Answer::boxed(Value::Text(ring.ring.to_json())));
        Ok(())
    })
}

/// The ring of that JSON, as chinwag_ring_to_json() writes it; fields that are not there have their
/// defaults.
///
/// CHINWAG_EBADARGUMENT for what is not the JSON of a ring, CHINWAG_ETOOLARGE for more than one can
/// have.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_from_json(
    json: *const c_char,
    ring: Option<&mut MaybeUninit<*mut Ring>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(ring, "ring")?;
        // SAFETY: C passes NULL or text.
        out.write(Ring::boxed(CoreRing::from_json(unsafe { text(json, "json") }?)?));
        Ok(())
    })
}

/// The ring as bytes. Returns how many there are, and writes them if `capacity` is enough.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_to_bytes(
    ring: Option<&Ring>,
    bytes: *mut MaybeUninit<u8>,
    capacity: usize,
) -> usize {
    value(0, || {
        let found = ring.map_or_else(Vec::new, |ring| ring.ring.to_bytes());
        copied(&found, bytes, capacity)
    })
}

/// The ring of these bytes, as chinwag_ring_to_bytes() writes them in any language.
///
/// CHINWAG_EBADARGUMENT for others, CHINWAG_ETOOLARGE for more than a ring can have.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_from_bytes(
    bytes: *const u8,
    length: usize,
    ring: Option<&mut MaybeUninit<*mut Ring>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(ring, "ring")?;
        // SAFETY: C passes NULL or so many bytes.
        let bytes = unsafe { items(bytes, length, "bytes") }?;
        out.write(Ring::boxed(CoreRing::from_bytes(bytes)?));
        Ok(())
    })
}

/// The bucket of a key among `buckets` that are only ever added and removed at the end, by jump
/// consistent hash; -1 without a bucket.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_jump(key: *const u8, length: usize, buckets: u32) -> i64 {
    value(-1, || {
        let bucket = self::key(key, length).and_then(|key| jump(key, buckets));
        bucket.map_or(-1, i64::from)
    })
}
