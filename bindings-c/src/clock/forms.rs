//! Vector clocks as bytes, as JSON, and as counters for a table of actors that both sides have.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use chinwag::clock::{ActorTable as CoreTable, VectorClock};
use chinwag::error::Result;
use chinwag::host::Answer as Value;

use super::VClock;
use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{copied, given, items, status, text, value};

/// Actors that both sides know, such as all members of a cluster: a clock then takes a byte or two
/// for each. It never changes, and any thread may read it. You free it with
/// chinwag_actor_table_free().
pub struct ActorTable {
    table: CoreTable,
}

/// The clock as bytes, with its stamps if it has any: one form for each value, the same in every
/// language. Returns how many there are, and writes them if `capacity` is enough.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_to_bytes(
    clock: Option<&VClock>,
    bytes: *mut MaybeUninit<u8>,
    capacity: usize,
) -> usize {
    value(0, || clock.map_or(0, |clock| copied(&clock.clock.to_bytes(), bytes, capacity)))
}

/// The clock of these bytes, as chinwag_vclock_to_bytes() writes them in any language. It is yours.
///
/// CHINWAG_EBADARGUMENT for others, CHINWAG_ETOOLARGE when all names take more than 16 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_from_bytes(
    bytes: *const u8,
    length: usize,
    clock: Option<&mut MaybeUninit<*mut VClock>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(clock, "clock")?;
        // SAFETY: C passes NULL or so many bytes.
        let bytes = unsafe { items(bytes, length, "bytes") }?;
        out.write(VClock::boxed(VectorClock::from_bytes(bytes)?));
        Ok(())
    })
}

/// The clock as JSON, an object by actor: the text of `answer`, which is yours; free it with
/// chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_to_json(
    clock: Option<&VClock>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (clock, out) = (given(clock, "clock")?, given(answer, "answer")?);
        out.write(Answer::boxed(Value::Text(clock.clock.to_json())));
        Ok(())
    })
}

/// The clock of that JSON, as chinwag_vclock_to_json() writes it. It is yours.
///
/// CHINWAG_EBADARGUMENT for what is not the JSON of a clock, CHINWAG_ETOOLARGE for more than 4 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_from_json(
    json: *const c_char,
    clock: Option<&mut MaybeUninit<*mut VClock>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(clock, "clock")?;
        // SAFETY: C passes NULL or text.
        out.write(VClock::boxed(VectorClock::from_json(unsafe { text(json, "json") }?)?));
        Ok(())
    })
}

/// A table of these actors, in whatever order; one that comes twice counts once. It is yours.
///
/// CHINWAG_EBADARGUMENT for what is no actor, CHINWAG_ETOOLARGE when all take more than 16 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_actor_table_new(
    actors: *const *const c_char,
    count: usize,
    table: Option<&mut MaybeUninit<*mut ActorTable>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(table, "table")?;
        // SAFETY: C passes NULL, or so many pointers that are NULL or text.
        let actors = unsafe { items(actors, count, "actors") }?.iter();
        // SAFETY: as above.
        let actors: Result<Vec<&str>> =
            actors.map(|actor| unsafe { text(*actor, "an actor") }).collect();
        let table = CoreTable::new(actors?)?;
        out.write(Box::into_raw(Box::new(ActorTable { table })));
        Ok(())
    })
}

/// Frees a table. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_actor_table_free(table: Option<Box<ActorTable>>) {
    value((), || drop(table));
}

/// The same for two tables exactly if they have the same actors. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_actor_table_fingerprint(table: Option<&ActorTable>) -> u64 {
    value(0, || table.map_or(0, |table| table.table.fingerprint()))
}

/// The counters alone, for who has the same table: the bytes of `answer`, which is yours; free it
/// with chinwag_answer_free().
///
/// CHINWAG_EBADARGUMENT when an actor that counts more than 0 is not in the table.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_to_dense(
    clock: Option<&VClock>,
    table: Option<&ActorTable>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (clock, table) = (given(clock, "clock")?, given(table, "table")?);
        let out = given(answer, "answer")?;
        let bytes = clock.clock.to_dense(&table.table)?;
        out.write(Answer::boxed(Value::Bytes(bytes)));
        Ok(())
    })
}

/// The clock of bytes that chinwag_vclock_to_dense() made with the same table. It is yours. An
/// actor that counts 0 has no entry.
///
/// CHINWAG_EBADARGUMENT for bytes that are none, or of another table.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_vclock_from_dense(
    table: Option<&ActorTable>,
    bytes: *const u8,
    length: usize,
    clock: Option<&mut MaybeUninit<*mut VClock>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (table, out) = (given(table, "table")?, given(clock, "clock")?);
        // SAFETY: C passes NULL or so many bytes.
        let bytes = unsafe { items(bytes, length, "bytes") }?;
        out.write(VClock::boxed(VectorClock::from_dense(&table.table, bytes)?));
        Ok(())
    })
}
