//! Values that were written without knowing of each other, side by side.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use chinwag::clock::{Siblings as CoreSiblings, VectorClock};
use chinwag::error::Result;
use chinwag::host::Answer as Value;

use super::{Causality, VClock};
use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{copied, given, items, status, text, value};

/// The values of one record that stand side by side, and the history that they come from. Who
/// writes reads first, and hands back the context of what was read: a value is replaced by who knew
/// of it, and kept beside what was written by somebody who did not. You free it with
/// chinwag_siblings_free(). Whoever changes it must be the only one that uses it then.
///
/// A context is a claim: who makes one up can replace what it never read.
#[derive(Clone, Default)]
pub struct Siblings {
    record: CoreSiblings<Vec<u8>>,
}

/// A record that was never written.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_new() -> Option<Box<Siblings>> {
    value(None, || Some(Box::default()))
}

/// Another record that is the same, and yours too. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_copy(siblings: Option<&Siblings>) -> Option<Box<Siblings>> {
    value(None, || siblings.map(|siblings| Box::new(siblings.clone())))
}

/// Frees a record, and with it the values that it gave. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_free(siblings: Option<Box<Siblings>>) {
    value((), || drop(siblings));
}

/// Writes a value, which is copied, in place of all those that the context knows of; with `context`
/// NULL, beside all. The actor is the process that holds the record, not the client that asks.
///
/// CHINWAG_EBADARGUMENT for an actor of 0 or more than 1,024 bytes, and for one whose counter is at
/// its end; CHINWAG_ETOOLARGE when all names would take more than 16 MiB. Nothing is changed then.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_put(
    siblings: Option<&mut Siblings>,
    actor: *const c_char,
    context: Option<&VClock>,
    value: *const u8,
    length: usize,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let siblings = given(siblings, "siblings")?;
        // SAFETY: C passes NULL or text, and NULL or so many bytes.
        let (actor, value) = unsafe { (text(actor, "actor")?, items(value, length, "value")?) };
        let nothing = VectorClock::new();
        let context = context.map_or(&nothing, |context| &context.clock);
        siblings.record.put(actor, context, value.to_vec()).map(|_| ())
    })
}

/// Replaces several values by the one that you made of them; with fewer than two, does nothing.
/// Errors as for chinwag_siblings_put().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_resolve(
    siblings: Option<&mut Siblings>,
    actor: *const c_char,
    value: *const u8,
    length: usize,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let siblings = given(siblings, "siblings")?;
        // SAFETY: C passes NULL or text, and NULL or so many bytes.
        let (actor, value) = unsafe { (text(actor, "actor")?, items(value, length, "value")?) };
        siblings.record.resolve(actor, |_| value.to_vec()).map(|_| ())
    })
}

/// Drops all values that the context knows of; with the record's own, that deletes it. The history
/// stays, so that an old replica does not bring them back.
///
/// CHINWAG_ETOOLARGE when all names would take more than 16 MiB; nothing is changed then.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_discard(
    siblings: Option<&mut Siblings>,
    context: Option<&VClock>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (siblings, context) = (given(siblings, "siblings")?, given(context, "context")?);
        siblings.record.discard(&context.clock)
    })
}

/// Takes in another replica of the record: of each side stay the values that the other has too, or
/// does not know of. Errors as for chinwag_siblings_discard().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_merge(
    siblings: *mut Siblings,
    other: *const Siblings,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // They may be the same record, which must not be borrowed twice.
        let same = std::ptr::eq(siblings, other);
        // SAFETY: C passes NULL or a record that nobody else uses.
        let siblings = given(unsafe { siblings.as_mut() }, "siblings")?;
        if same {
            return Ok(());
        }
        // SAFETY: C passes NULL or a record, which is another one.
        siblings.record.merge(given(unsafe { other.as_ref() }, "other")?.record.clone())
    })
}

/// How many values there are. More than one: somebody has to decide.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_count(siblings: Option<&Siblings>) -> usize {
    value(0, || siblings.map_or(0, |siblings| siblings.record.len()))
}

/// Value `index`, counted from 0; `length` is set to the number of its bytes. Borrowed from the
/// record, until that is changed. NULL when there is no such value.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_value(
    siblings: Option<&Siblings>,
    index: usize,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    value(std::ptr::null(), || {
        let found = siblings.and_then(|siblings| siblings.record.values().nth(index));
        if let Some(length) = length {
            length.write(found.map_or(0, Vec::len));
        }
        found.map_or(std::ptr::null(), |value| value.as_ptr())
    })
}

/// All events of which the record knows: what a writer hands back that has read all values. It is
/// yours; free it with chinwag_vclock_free(). NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_context(siblings: Option<&Siblings>) -> Option<Box<VClock>> {
    value(None, || {
        let context = siblings?.record.context().clone();
        Some(Box::new(VClock { clock: context }))
    })
}

/// How a replica stands to another: after it, when a merge would change nothing here, and something
/// there. NULL is a record that was never written.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_compare(
    siblings: Option<&Siblings>,
    other: Option<&Siblings>,
) -> Causality {
    value(Causality::CHINWAG_CONCURRENT, || {
        let new = CoreSiblings::new();
        let [ours, theirs] = [siblings, other].map(|one| one.map_or(&new, |one| &one.record));
        ours.compare(theirs).into()
    })
}

/// Whether two replicas have the same history and the same values. NULL is a record that was never
/// written.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_equal(
    siblings: Option<&Siblings>,
    other: Option<&Siblings>,
) -> bool {
    value(false, || {
        let new = CoreSiblings::new();
        let [ours, theirs] = [siblings, other].map(|one| one.map_or(&new, |one| &one.record));
        ours == theirs
    })
}

/// The record as bytes, history and values: one form for each, the same in every language. Returns
/// how many there are, and writes them if `capacity` is enough.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_to_bytes(
    siblings: Option<&Siblings>,
    bytes: *mut MaybeUninit<u8>,
    capacity: usize,
) -> usize {
    value(0, || siblings.map_or(0, |siblings| copied(&siblings.record.to_bytes(), bytes, capacity)))
}

/// The record of these bytes, as chinwag_siblings_to_bytes() writes them in any language. It is
/// yours.
///
/// CHINWAG_EBADARGUMENT for others, CHINWAG_ETOOLARGE when all names take more than 16 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_from_bytes(
    bytes: *const u8,
    length: usize,
    siblings: Option<&mut MaybeUninit<*mut Siblings>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(siblings, "siblings")?;
        // SAFETY: C passes NULL or so many bytes.
        let bytes = unsafe { items(bytes, length, "bytes") }?;
        let record: Result<_> = CoreSiblings::from_bytes(bytes);
        out.write(Box::into_raw(Box::new(Siblings { record: record? })));
        Ok(())
    })
}

/// The record as JSON, an object by actor with each value in base64: the text of `answer`, which is
/// yours; free it with chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_to_json(
    siblings: Option<&Siblings>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (siblings, out) = (given(siblings, "siblings")?, given(answer, "answer")?);
        out.write(Answer::boxed(Value::Text(siblings.record.to_json())));
        Ok(())
    })
}

/// The record of that JSON, as chinwag_siblings_to_json() writes it. It is yours.
///
/// CHINWAG_EBADARGUMENT for what is none, CHINWAG_ETOOLARGE for more than 4 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_siblings_from_json(
    json: *const c_char,
    siblings: Option<&mut MaybeUninit<*mut Siblings>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(siblings, "siblings")?;
        // SAFETY: C passes NULL or text.
        let record = CoreSiblings::from_json(unsafe { text(json, "json") }?)?;
        out.write(Box::into_raw(Box::new(Siblings { record })));
        Ok(())
    })
}
