//! The ring of the members, which a node keeps; what is decided by hand, and hand-off.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex};

use chinwag::error::Result;
use chinwag::host::{Answer as Value, Op};
use chinwag::ring::{Overrides, Ring as CoreRing};

use super::Ring;
use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{given, items, shared, status, text, value};
use crate::member::{Member, MemberList};
use crate::node::Node;
use crate::queue::lock;

/// Rings of a node, the newest first. You free it with chinwag_ring_list_free().
pub struct RingList {
    rings: Vec<Ring>,
}

/// A key, or the beginning of keys, that is given to a member.
#[repr(C)]
pub struct RingPin {
    /// The key or beginning: any bytes, 1,024 at most.
    pub key: *const u8,
    /// Bytes of that.
    pub length: usize,
    /// The name of the member.
    pub name: *const c_char,
}

/// What is decided by hand. Set what you do not need to zero: `chinwag_ring_overrides o = {0};`. At
/// most 65,536 of a kind.
#[repr(C)]
pub struct RingOverrides {
    /// Names of members that own nothing, whether they are here or not.
    pub excluded: *const *const c_char,
    /// How many names.
    pub excluded_count: usize,
    /// Keys that are given to a member, for as long as that one can own anything.
    pub pins: *const RingPin,
    /// How many keys.
    pub pin_count: usize,
    /// Beginnings of keys that are given to a member; the longest counts, and a pinned key more.
    pub pin_prefixes: *const RingPin,
    /// How many beginnings.
    pub pin_prefix_count: usize,
}

/// The names of the ring that was last asked for. Copies of a ring are cheap, its names are not.
#[derive(Default)]
pub(crate) struct LastNames(Mutex<Option<(u64, Arc<[CString]>)>>);

impl LastNames {
    /// The ring with its names, which are made only if it is another one than the last time.
    fn with(&self, ring: CoreRing) -> Ring {
        let mut last = lock(&self.0);
        if let Some((version, names)) = &*last
            && *version == ring.version()
        {
            return Ring { ring, names: Arc::clone(names) };
        }
        let ring = Ring::new(ring);
        *last = Some((ring.ring.version(), Arc::clone(&ring.names)));
        ring
    }
}

impl RingOverrides {
    /// The overrides as the core has them.
    ///
    /// # Safety
    /// Every pointer in it is NULL or points to what its comment says.
    unsafe fn read(&self) -> Result<Overrides> {
        // SAFETY: the caller's promise is the same for each.
        let (excluded, pins, pin_prefixes) = unsafe {
            (
                items(self.excluded, self.excluded_count, "excluded")?,
                pinned(self.pins, self.pin_count, "pins")?,
                pinned(self.pin_prefixes, self.pin_prefix_count, "pin_prefixes")?,
            )
        };
        // SAFETY: as above.
        let names = excluded.iter().map(|name| unsafe { text(*name, "excluded") });
        let excluded = names.map(|name| name.map(str::to_owned)).collect::<Result<_>>()?;
        Ok(Overrides { excluded, pins, pin_prefixes })
    }
}

/// # Safety
/// As for [`items`], and for the pointers in each.
unsafe fn pinned(
    first: *const RingPin,
    count: usize,
    what: &str,
) -> Result<BTreeMap<Vec<u8>, String>> {
    let mut pinned = BTreeMap::new();
    // SAFETY: the caller's promise is the same.
    for pin in unsafe { items(first, count, what) }? {
        // SAFETY: as above.
        let (key, name) = unsafe { (items(pin.key, pin.length, "key")?, text(pin.name, "name")?) };
        pinned.insert(key.to_vec(), name.to_owned());
    }
    Ok(pinned)
}

/// The ring of the members that are present, alive or suspect, the local one among them. It is
/// yours: free it with chinwag_ring_free(). It stays as it is when members come and go: ask again
/// for the next one, or wait for a "ring-change".
///
/// The first call makes the ring, which takes some milliseconds for a hundred members; it is kept
/// from then on, and a call allocates no more than the handle. When members change, the next one is
/// there some 20 ms later, after a burst of changes 200 ms at most, and what it takes to make it.
/// All members need the same options "ring_...".
///
/// NULL for NULL, and in a forked child. A closed node has the ring of those it knew.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_node_ring(node: Option<&Node>) -> Option<Box<Ring>> {
    value(None, || {
        let node = node?;
        let ring = node.host.ring().ok()?;
        Some(Box::new(node.names.with(ring)))
    })
}

/// The rings that were before it, as many as the option "ring_history" keeps; their versions count
/// down by one. `rings` is yours: free it with chinwag_ring_list_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_past_rings(
    node: Option<&Node>,
    rings: Option<&mut MaybeUninit<*mut RingList>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(rings, "rings")?);
        let rings = node.host.past_rings()?.into_iter().map(Ring::new).collect();
        out.write(Box::into_raw(Box::new(RingList { rings })));
        Ok(())
    })
}

/// How many rings are in the list.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_list_count(list: Option<&RingList>) -> usize {
    value(0, || list.map_or(0, |list| list.rings.len()))
}

/// Ring `index`, counted from 0. Borrowed from the list. NULL when there is no such ring.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_list_get(list: Option<&RingList>, index: usize) -> Option<&Ring> {
    value(None, || list.and_then(|list| list.rings.get(index)))
}

/// Frees a list that a function gave you, and the rings in it. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_list_free(list: Option<Box<RingList>>) {
    value((), || drop(list));
}

/// The member that owns a key, by the ring of the members; `member` is set to NULL when nobody is
/// on it. It is yours: free it with chinwag_member_free(). For many keys, or where the name is
/// enough, ask the ring: chinwag_ring_owner() allocates nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_owner(
    node: Option<&Node>,
    key: *const u8,
    length: usize,
    member: Option<&mut MaybeUninit<*mut Member>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(member, "member")?);
        // SAFETY: C passes NULL or so many bytes.
        let key = unsafe { items(key, length, "key") }?;
        let ring = node.host.ring()?;
        let found = match ring.owner(key) {
            Some(name) => node.host.member(name)?,
            None => None,
        };
        let boxed = found.map(|facts| Box::into_raw(Box::new(Member::new(facts))));
        out.write(boxed.unwrap_or(std::ptr::null_mut()));
        Ok(())
    })
}

/// Up to `count` members that a key belongs to, the owner first, then who takes over from it.
/// `members` is yours: free it with chinwag_member_list_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_owners(
    node: Option<&Node>,
    key: *const u8,
    length: usize,
    count: usize,
    members: Option<&mut MaybeUninit<*mut MemberList>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(members, "members")?);
        // SAFETY: C passes NULL or so many bytes.
        let key = unsafe { items(key, length, "key") }?;
        let ring = node.host.ring()?;
        let names = ring.owners(key, count).into_iter();
        let found: Result<Vec<_>> = names.map(|name| node.host.member(name)).collect();
        let list = MemberList::new(found?.into_iter().flatten());
        out.write(Box::into_raw(Box::new(list)));
        Ok(())
    })
}

/// Whether this node owns a key, by the ring of the members. False for NULL, and in a forked child.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_owns(node: Option<&Node>, key: *const u8, length: usize) -> bool {
    value(false, || {
        let (Some(node), Some(key)) = (node, super::key(key, length)) else { return false };
        let (ring, local) = (node.host.ring(), node.host.local_member());
        ring.is_ok_and(|ring| local.is_ok_and(|local| ring.is_owner(local.name(), key)))
    })
}

/// Who owned a key before its present owner did, as far back as rings are kept: where to look for
/// what has not moved yet. `answer` is the name as a text, since that member may be forgotten by
/// now, or none. It is yours: free it with chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_previous_owner(
    node: Option<&Node>,
    key: *const u8,
    length: usize,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes NULL or so many bytes.
        let found = node.host.previous_owner(unsafe { items(key, length, "key") }?)?;
        out.write(Answer::boxed(found.map_or(Value::None, Value::Text)));
        Ok(())
    })
}

/// Replaces what is decided by hand, on all members; NULL takes all of it back. Returns once others
/// are told; each member's ring follows as after a change of members. Of a key that is there twice,
/// the last counts; of what two members decide at the same time, what was decided last.
///
/// CHINWAG_ETOOLARGE for more than 60 KiB in all, or a name or key of more than 1,024 bytes;
/// nothing is changed then.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_set_ring_overrides(
    node: *mut Node,
    overrides: Option<&RingOverrides>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes what the comments of the fields say.
        let overrides = overrides.map(|overrides| unsafe { overrides.read() }).transpose()?;
        node.change(Op::SetRingOverrides(overrides.unwrap_or_default()))
    })
}

/// The slots of a "handoff-prepare" are released, by the "id" of that event: their next owner may
/// have them. Call it once nothing of theirs is written here any more, and what the next owner
/// needs is where it finds it.
///
/// CHINWAG_EBADARGUMENT if no such hand-off waits: its time is over, or the slots came back.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_released(
    node: *mut Node,
    id: u64,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || shared(node, "node")?.change(Op::Released(id)))
}
