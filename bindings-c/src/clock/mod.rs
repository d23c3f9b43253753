//! History: vector clocks as C sees them, without a node and without a wall clock.

pub mod forms;
pub mod retired;
pub mod siblings;
pub mod stamps;

use std::ffi::c_char;
use std::mem::MaybeUninit;

use chinwag::clock::{Causality as CoreCausality, Dot, Entry, VectorClock};
use chinwag::clock::{TrimBounds as CoreBounds, actor};
use chinwag::error::Result;

use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{copied_text, given, status, text, value};

/// A counter for each actor that ever wrote: whether one state knows of another. docs/CLOCKS.md
/// says what it does; it is the same in every language. You free it with chinwag_vclock_free().
/// Whoever changes it must be the only one that uses it then.
///
/// An actor is a process that writes: a text of 1 to 1,024 bytes. An actor without an entry counts
/// 0. Counters that are at their end stay there. Where a clock is only asked, NULL is one without
/// entries.
#[derive(Clone, Default)]
pub struct VClock {
    pub(crate) clock: VectorClock,
}

/// No time: what a change is given that shall leave no stamp, and what an entry has that got none.
pub const CHINWAG_NO_TIME: u64 = u64::MAX;

/// Room that any actor fits into, with the zero byte at its end.
pub const CHINWAG_ACTOR_SIZE: usize = 1025;

/// What a clock holds of one actor.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VClockEntry {
    /// How many events of the actor are known.
    pub count: u64,
    /// When it was seen first, in microseconds, or CHINWAG_NO_TIME.
    pub insert: u64,
    /// When it was changed last, in microseconds, or CHINWAG_NO_TIME.
    pub time: u64,
}

/// When chinwag_vclock_trim() trims a clock, and to what.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TrimBounds {
    /// A clock with at most so many entries is left alone.
    pub lower: usize,
    /// More entries than this are too many.
    pub upper: usize,
    /// A clock whose oldest entry is not older than this, in microseconds, is left alone.
    pub young_us: u64,
    /// An entry older than this, in microseconds, is too old.
    pub old_us: u64,
}

/// How one history stands to another.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "these are C's names")]
pub enum Causality {
    /// Both know of the same events.
    CHINWAG_EQUAL = 0,
    /// The other knows of all that this one does, and more.
    CHINWAG_BEFORE = 1,
    /// This one knows of all that the other does, and more.
    CHINWAG_AFTER = 2,
    /// Each knows of something that the other does not: they have parted.
    CHINWAG_CONCURRENT = 3,
}

impl From<CoreCausality> for Causality {
    fn from(causality: CoreCausality) -> Self {
        match causality {
            CoreCausality::Equal => Self::CHINWAG_EQUAL,
            CoreCausality::Before => Self::CHINWAG_BEFORE,
            CoreCausality::After => Self::CHINWAG_AFTER,
            CoreCausality::Concurrent => Self::CHINWAG_CONCURRENT,
        }
    }
}

impl From<Entry> for VClockEntry {
    fn from(entry: Entry) -> Self {
        let time = |time: Option<u64>| time.unwrap_or(CHINWAG_NO_TIME);
        Self { count: entry.count, insert: time(entry.insert), time: time(entry.time) }
    }
}

impl VClock {
    pub(crate) fn boxed(clock: VectorClock) -> *mut Self {
        Box::into_raw(Box::new(Self { clock }))
    }
}

/// A clock without entries.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_new() -> Option<Box<VClock>> {
    value(None, || Some(Box::default()))
}

/// Another clock that is the same, and yours too. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_copy(clock: Option<&VClock>) -> Option<Box<VClock>> {
    value(None, || clock.map(|clock| Box::new(clock.clone())))
}

/// Frees a clock. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_free(clock: Option<Box<VClock>>) {
    value((), || drop(clock));
}

/// Makes an entry that counts 0; one that is there stays as it is. `now_us` is the time in
/// microseconds, or CHINWAG_NO_TIME.
///
/// CHINWAG_EBADARGUMENT for an actor of 0 or more than 1,024 bytes, CHINWAG_ETOOLARGE when all
/// names would take more than 16 MiB; nothing is changed then. So it is with every change.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_insert(
    clock: Option<&mut VClock>,
    actor: *const c_char,
    now_us: u64,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or text.
        let (clock, actor) = (given(clock, "clock")?, unsafe { text(actor, "actor") }?);
        match now_us {
            CHINWAG_NO_TIME => clock.clock.insert(actor),
            now_us => clock.clock.insert_at(actor, now_us),
        }
    })
}

/// Counts one more event of the actor: `count`, which may be NULL, is its number. `now_us` as for
/// chinwag_vclock_insert().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_increment(
    clock: Option<&mut VClock>,
    actor: *const c_char,
    now_us: u64,
    count: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or text.
        let (clock, actor) = (given(clock, "clock")?, unsafe { text(actor, "actor") }?);
        let number = match now_us {
            CHINWAG_NO_TIME => clock.clock.increment(actor),
            now_us => clock.clock.increment_at(actor, now_us),
        }?;
        if let Some(count) = count {
            count.write(number);
        }
        Ok(())
    })
}

/// Sets the counter, be it to less than it was. `now_us` as for chinwag_vclock_insert().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_update(
    clock: Option<&mut VClock>,
    actor: *const c_char,
    count: u64,
    now_us: u64,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or text.
        let (clock, actor) = (given(clock, "clock")?, unsafe { text(actor, "actor") }?);
        match now_us {
            CHINWAG_NO_TIME => clock.clock.update(actor, count),
            now_us => clock.clock.update_at(actor, count, now_us),
        }
    })
}

/// Forgets the actor; whether there was an entry.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_remove(clock: Option<&mut VClock>, actor: *const c_char) -> bool {
    value(false, || {
        // SAFETY: C passes NULL or text.
        let (Some(clock), Ok(actor)) = (clock, unsafe { text(actor, "actor") }) else {
            return false;
        };
        clock.clock.remove(actor)
    })
}

/// Takes in all that another clock knows: the higher count of each actor.
///
/// CHINWAG_ETOOLARGE when all names would take more than 16 MiB; nothing is changed then.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_merge(
    clock: *mut VClock,
    other: *const VClock,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // They may be the same clock, which must not be borrowed twice.
        let same = std::ptr::eq(clock, other);
        // SAFETY: C passes NULL or a clock that nobody else uses.
        let clock = given(unsafe { clock.as_mut() }, "clock")?;
        if same {
            return Ok(());
        }
        // SAFETY: C passes NULL or a clock, which is another one.
        clock.clock.merge(&given(unsafe { other.as_ref() }, "other")?.clock)
    })
}

/// Drops the oldest entries as long as there are too many or they are too old; how many were
/// dropped. `bounds` NULL: more than 10 entries of which the oldest is older than 20 s are trimmed
/// to 50 of at most 24 h. Entries without a time stay.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_trim(
    clock: Option<&mut VClock>,
    now_us: u64,
    bounds: Option<&TrimBounds>,
) -> usize {
    value(0, || {
        let Some(clock) = clock else { return 0 };
        let bounds = bounds.map_or_else(CoreBounds::default, |bounds| {
            let TrimBounds { lower, upper, young_us, old_us } = *bounds;
            CoreBounds { lower, young_us, upper, old_us }
        });
        clock.clock.trim(now_us, bounds)
    })
}

/// How many entries there are.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_size(clock: Option<&VClock>) -> usize {
    value(0, || clock.map_or(0, |clock| clock.clock.len()))
}

/// The counter of an actor: the number of its last event; 0 without an entry.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_count(clock: Option<&VClock>, actor: *const c_char) -> u64 {
    value(0, || found(clock, actor).map_or(0, |entry| entry.count))
}

/// Whether the actor has an entry, be it with 0.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_has(clock: Option<&VClock>, actor: *const c_char) -> bool {
    value(false, || found(clock, actor).is_some())
}

/// The entry of an actor, written to `entry`; false, and nothing is written, when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_get(
    clock: Option<&VClock>,
    actor: *const c_char,
    entry: Option<&mut MaybeUninit<VClockEntry>>,
) -> bool {
    value(false, || written(found(clock, actor), entry))
}

/// As chinwag_vclock_get(), of entry `index`, counted from 0 in the order of the actors' bytes.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_at(
    clock: Option<&VClock>,
    index: usize,
    entry: Option<&mut MaybeUninit<VClockEntry>>,
) -> bool {
    value(false, || written(clock.and_then(|clock| Some(clock.clock.at(index)?.1)), entry))
}

/// The actor of entry `index`. Returns how many bytes it has, 0 when there is no such entry, and
/// writes it if `capacity` is more than that: always, if it is CHINWAG_ACTOR_SIZE. (Other languages
/// can write a zero byte into a name; it is longer than it looks then.)
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_actor(
    clock: Option<&VClock>,
    index: usize,
    actor: *mut MaybeUninit<c_char>,
    capacity: usize,
) -> usize {
    value(0, || {
        let entry = clock.and_then(|clock| clock.clock.at(index));
        entry.map_or(0, |(name, _)| copied_text(name, actor, capacity))
    })
}

/// How a history stands to another, by the counters alone.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_compare(
    clock: Option<&VClock>,
    other: Option<&VClock>,
) -> Causality {
    value(Causality::CHINWAG_CONCURRENT, || compared(clock, other))
}

/// Whether `clock` knows of all that `other` does: it is equal or after.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_descends(clock: Option<&VClock>, other: Option<&VClock>) -> bool {
    value(false, || {
        matches!(compared(clock, other), Causality::CHINWAG_EQUAL | Causality::CHINWAG_AFTER)
    })
}

/// Whether `clock` knows of all that `other` does, and more: it is after.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_dominates(clock: Option<&VClock>, other: Option<&VClock>) -> bool {
    value(false, || compared(clock, other) == Causality::CHINWAG_AFTER)
}

/// Whether event `count` of the actor is known. False if the actor is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_descends_dot(
    clock: Option<&VClock>,
    actor: *const c_char,
    count: u64,
) -> bool {
    value(false, || {
        // SAFETY: C passes NULL or text.
        let Ok(actor) = (unsafe { text(actor, "actor") }) else { return false };
        clock.map_or(count == 0, |clock| clock.clock.descends_dot(Dot { actor, count }))
    })
}

/// The actor that a node is in one of its lives: its name, `~`, its incarnation. Returns how many
/// bytes that has, and writes it if `capacity` is more: always, if it is CHINWAG_ACTOR_SIZE. 0 for
/// a name that is NULL, empty or too long.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_actor(
    name: *const c_char,
    incarnation: u64,
    actor: *mut MaybeUninit<c_char>,
    capacity: usize,
) -> usize {
    value(0, || {
        // SAFETY: C passes NULL or text.
        let whole: Result<String> =
            unsafe { text(name, "name") }.and_then(|name| self::actor(name, incarnation));
        whole.map_or(0, |whole| copied_text(&whole, actor, capacity))
    })
}

fn found(clock: Option<&VClock>, actor: *const c_char) -> Option<Entry> {
    // SAFETY: C passes NULL or text.
    let actor = unsafe { text(actor, "actor") }.ok()?;
    clock?.clock.get(actor)
}

fn written(found: Option<Entry>, entry: Option<&mut MaybeUninit<VClockEntry>>) -> bool {
    if let (Some(found), Some(entry)) = (found, entry) {
        entry.write(found.into());
    }
    found.is_some()
}

fn compared(clock: Option<&VClock>, other: Option<&VClock>) -> Causality {
    let nothing = VectorClock::new();
    let [ours, theirs] = [clock, other].map(|clock| clock.map_or(&nothing, |clock| &clock.clock));
    ours.compare(theirs).into()
}
