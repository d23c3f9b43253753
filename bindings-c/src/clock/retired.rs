//! Actors that will never write again, and clocks that need no entry for them.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use chinwag::clock::{Folded as CoreFolded, Retired as CoreRetired};
use chinwag::host::Answer as Value;

use super::{Causality, VClock};
use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{copied, given, items, status, text, value};

/// A log of actors that have ended, each with its final count: what a cluster has agreed on. It
/// only grows, at its end, and the same for all; its length is the *epoch*. You free it with
/// chinwag_retired_free(). Whoever adds to it must be the only one that uses it then.
pub struct Retired {
    log: CoreRetired,
}

/// A vector clock under the first so many retirements of a log, without the entries of actors of
/// which it knows everything. It never changes, and any thread may read it. You free it with
/// chinwag_folded_free().
pub struct Folded {
    folded: CoreFolded,
}

impl Retired {
    fn boxed(log: CoreRetired) -> *mut Self {
        Box::into_raw(Box::new(Self { log }))
    }
}

impl Folded {
    fn boxed(folded: CoreFolded) -> *mut Self {
        Box::into_raw(Box::new(Self { folded }))
    }
}

/// A log without a retirement, of epoch 0.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_new() -> Option<Box<Retired>> {
    value(None, || Some(Box::new(Retired { log: CoreRetired::new() })))
}

/// Frees a log. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_free(log: Option<Box<Retired>>) {
    value((), || drop(log));
}

/// Adds an actor that has ended with `count` events; `epoch`, which may be NULL, is the new one.
///
/// CHINWAG_EBADARGUMENT for an actor of 0 or more than 1,024 bytes, and for one that has ended
/// before; CHINWAG_ETOOLARGE when all names would take more than 16 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_add(
    log: Option<&mut Retired>,
    actor: *const c_char,
    count: u64,
    epoch: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or text.
        let (log, actor) = (given(log, "log")?, unsafe { text(actor, "actor") }?);
        let now = log.log.retire(actor, count)?;
        if let Some(epoch) = epoch {
            epoch.write(now);
        }
        Ok(())
    })
}

/// How many actors have ended. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_epoch(log: Option<&Retired>) -> u64 {
    value(0, || log.map_or(0, |log| log.log.epoch()))
}

/// Whether an actor has ended; its final count is written to `count` then, which may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_get(
    log: Option<&Retired>,
    actor: *const c_char,
    count: Option<&mut MaybeUninit<u64>>,
) -> bool {
    value(false, || {
        // SAFETY: C passes NULL or text.
        let (Some(log), Ok(actor)) = (log, unsafe { text(actor, "actor") }) else { return false };
        let last = log.log.get(actor);
        if let (Some(last), Some(count)) = (last, count) {
            count.write(last);
        }
        last.is_some()
    })
}

/// The clock under this log. It is yours. Stamps of what is dropped are gone; counters are not.
///
/// CHINWAG_ETOOLARGE when the names of those of whom nothing is known do not fit.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_fold(
    log: Option<&Retired>,
    clock: Option<&VClock>,
    folded: Option<&mut MaybeUninit<*mut Folded>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (log, clock) = (given(log, "log")?, given(clock, "clock")?);
        let out = given(folded, "folded")?;
        out.write(Folded::boxed(log.log.fold(&clock.clock)?));
        Ok(())
    })
}

/// The clock as it was before it was folded, counter by counter. It is yours.
///
/// CHINWAG_EBADARGUMENT when it was folded under a longer log, CHINWAG_ETOOLARGE when the names do
/// not fit. So it is with all that follow.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_unfold(
    log: Option<&Retired>,
    folded: Option<&Folded>,
    clock: Option<&mut MaybeUninit<*mut VClock>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (log, folded) = (given(log, "log")?, given(folded, "folded")?);
        let out = given(clock, "clock")?;
        out.write(VClock::boxed(log.log.unfold(&folded.folded)?));
        Ok(())
    })
}

/// The same clock under all of this log. It is yours.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_raise(
    log: Option<&Retired>,
    folded: Option<&Folded>,
    raised: Option<&mut MaybeUninit<*mut Folded>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (log, folded) = (given(log, "log")?, given(folded, "folded")?);
        let out = given(raised, "raised")?;
        out.write(Folded::boxed(log.log.raise(&folded.folded)?));
        Ok(())
    })
}

/// How two clocks stand to each other, of whatever epochs: as before they were folded.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_compare(
    log: Option<&Retired>,
    folded: Option<&Folded>,
    other: Option<&Folded>,
    causality: Option<&mut MaybeUninit<Causality>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (log, ours) = (given(log, "log")?, given(folded, "folded")?);
        let (theirs, out) = (given(other, "other")?, given(causality, "causality")?);
        out.write(log.log.compare(&ours.folded, &theirs.folded)?.into());
        Ok(())
    })
}

/// All that either of two clocks knows, of whatever epochs, under all of this log. It is yours.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_merge(
    log: Option<&Retired>,
    folded: Option<&Folded>,
    other: Option<&Folded>,
    merged: Option<&mut MaybeUninit<*mut Folded>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (log, ours) = (given(log, "log")?, given(folded, "folded")?);
        let (theirs, out) = (given(other, "other")?, given(merged, "merged")?);
        out.write(Folded::boxed(log.log.merge(&ours.folded, &theirs.folded)?));
        Ok(())
    })
}

/// The log as bytes, the same in every language, to be kept beside what was folded under it.
/// Returns how many there are, and writes them if `capacity` is enough.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_to_bytes(
    log: Option<&Retired>,
    bytes: *mut MaybeUninit<u8>,
    capacity: usize,
) -> usize {
    value(0, || log.map_or(0, |log| copied(&log.log.to_bytes(), bytes, capacity)))
}

/// The log of these bytes, as chinwag_retired_to_bytes() writes them in any language. It is yours.
///
/// CHINWAG_EBADARGUMENT for others, CHINWAG_ETOOLARGE when all names take more than 16 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_from_bytes(
    bytes: *const u8,
    length: usize,
    log: Option<&mut MaybeUninit<*mut Retired>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(log, "log")?;
        // SAFETY: C passes NULL or so many bytes.
        let bytes = unsafe { items(bytes, length, "bytes") }?;
        out.write(Retired::boxed(CoreRetired::from_bytes(bytes)?));
        Ok(())
    })
}

/// The log as JSON, an array of actors and counts: the text of `answer`, which is yours; free it
/// with chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_to_json(
    log: Option<&Retired>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (log, out) = (given(log, "log")?, given(answer, "answer")?);
        out.write(Answer::boxed(Value::Text(log.log.to_json())));
        Ok(())
    })
}

/// The log of that JSON, as chinwag_retired_to_json() writes it. It is yours.
///
/// CHINWAG_EBADARGUMENT for what is none, CHINWAG_ETOOLARGE for more than 4 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_retired_from_json(
    json: *const c_char,
    log: Option<&mut MaybeUninit<*mut Retired>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(log, "log")?;
        // SAFETY: C passes NULL or text.
        out.write(Retired::boxed(CoreRetired::from_json(unsafe { text(json, "json") }?)?));
        Ok(())
    })
}

/// Frees a folded clock. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_folded_free(folded: Option<Box<Folded>>) {
    value((), || drop(folded));
}

/// How many retirements a clock is folded under. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_folded_epoch(folded: Option<&Folded>) -> u64 {
    value(0, || folded.map_or(0, |folded| folded.folded.epoch()))
}

/// A folded clock as bytes, the same in every language. Returns how many there are, and writes them
/// if `capacity` is enough.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_folded_to_bytes(
    folded: Option<&Folded>,
    bytes: *mut MaybeUninit<u8>,
    capacity: usize,
) -> usize {
    value(0, || folded.map_or(0, |folded| copied(&folded.folded.to_bytes(), bytes, capacity)))
}

/// The folded clock of these bytes, as chinwag_folded_to_bytes() writes them in any language. It is
/// yours.
///
/// CHINWAG_EBADARGUMENT for others, CHINWAG_ETOOLARGE when all names take more than 16 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_folded_from_bytes(
    bytes: *const u8,
    length: usize,
    folded: Option<&mut MaybeUninit<*mut Folded>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(folded, "folded")?;
        // SAFETY: C passes NULL or so many bytes.
        let bytes = unsafe { items(bytes, length, "bytes") }?;
        out.write(Folded::boxed(CoreFolded::from_bytes(bytes)?));
        Ok(())
    })
}

/// A folded clock as JSON, an object of `clock` and `epoch`: the text of `answer`, which is yours;
/// free it with chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_folded_to_json(
    folded: Option<&Folded>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (folded, out) = (given(folded, "folded")?, given(answer, "answer")?);
        out.write(Answer::boxed(Value::Text(folded.folded.to_json())));
        Ok(())
    })
}

/// The folded clock of that JSON, as chinwag_folded_to_json() writes it. It is yours.
///
/// CHINWAG_EBADARGUMENT for what is none, CHINWAG_ETOOLARGE for more than 4 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_folded_from_json(
    json: *const c_char,
    folded: Option<&mut MaybeUninit<*mut Folded>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(folded, "folded")?;
        // SAFETY: C passes NULL or text.
        out.write(Folded::boxed(CoreFolded::from_json(unsafe { text(json, "json") }?)?));
        Ok(())
    })
}
