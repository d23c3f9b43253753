//! Stamps in an order that everybody shares: hybrid clocks, and Lamport's.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use chinwag::clock::{HybridClock, HybridTime, LamportClock};

use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{copied_text, given, status, text, value};

/// A hybrid logical clock: stamps near the time that it is told, which ascend whatever that does. A
/// stamp is a number, 48 bits of milliseconds and 16 of a counter below them. You free it with
/// chinwag_hybrid_free(). To be used by one thread at a time.
pub struct Hybrid {
    clock: HybridClock,
}

/// Room for the text of a stamp, with the zero byte at its end.
pub const CHINWAG_STAMP_SIZE: usize = 22;

/// A clock that accepts stamps of others up to half a second ahead of its own time.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_hybrid_new() -> Option<Box<Hybrid>> {
    value(None, || Some(Box::new(Hybrid { clock: HybridClock::new() })))
}

/// A clock that accepts stamps of others up to so many microseconds ahead of its own time.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_hybrid_with_drift(drift_us: u64) -> Option<Box<Hybrid>> {
    value(None, || Some(Box::new(Hybrid { clock: HybridClock::with_drift(drift_us) })))
}

/// Frees a clock. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_hybrid_free(clock: Option<Box<Hybrid>>) {
    value((), || drop(clock));
}

/// The last stamp that was given. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_hybrid_last(clock: Option<&Hybrid>) -> u64 {
    value(0, || clock.map_or(0, |clock| clock.clock.last().as_u64()))
}

/// A stamp for something that happens here, now: greater than all before. `now_us` is the time in
/// microseconds. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_hybrid_tick(clock: Option<&mut Hybrid>, now_us: u64) -> u64 {
    value(0, || clock.map_or(0, |clock| clock.clock.tick(now_us).as_u64()))
}

/// A stamp for having received `remote`, now: greater than it, and than all before. `stamp` may be
/// NULL.
///
/// CHINWAG_EBADARGUMENT when `remote` is too far ahead of `now_us`; the clock stays as it is.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_hybrid_observe(
    clock: Option<&mut Hybrid>,
    remote: u64,
    now_us: u64,
    stamp: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let clock = given(clock, "clock")?;
        let time = clock.clock.observe(HybridTime::from_u64(remote), now_us)?;
        if let Some(stamp) = stamp {
            stamp.write(time.as_u64());
        }
        Ok(())
    })
}

/// The text of a stamp: 15 digits of milliseconds, a dot, 5 digits of the counter. Texts sort as
/// stamps do. Returns its length, and writes it if `capacity` is more than that, such as
/// CHINWAG_STAMP_SIZE.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stamp_text(
    stamp: u64,
    text: *mut MaybeUninit<c_char>,
    capacity: usize,
) -> usize {
    value(0, || copied_text(&HybridTime::from_u64(stamp).to_string(), text, capacity))
}

/// The stamp of a text that chinwag_stamp_text() wrote.
///
/// CHINWAG_EBADARGUMENT for any other.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stamp_parse(
    text: *const c_char,
    stamp: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(stamp, "stamp")?;
        // SAFETY: C passes NULL or text.
        let time: HybridTime = unsafe { self::text(text, "text") }?.parse()?;
        out.write(time.as_u64());
        Ok(())
    })
}

/// The number of something that happens here. A Lamport clock is a number of yours, 0 at first,
/// which this changes; at the largest one it stays. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_lamport_tick(clock: Option<&mut u64>) -> u64 {
    value(0, || clock.map_or(0, |clock| lamport(clock, LamportClock::tick)))
}

/// The number of having received something with the number `remote`: greater than that. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_lamport_observe(clock: Option<&mut u64>, remote: u64) -> u64 {
    value(0, || clock.map_or(0, |clock| lamport(clock, |clock| clock.observe(remote))))
}

fn lamport(number: &mut u64, step: impl FnOnce(&mut LamportClock) -> u64) -> u64 {
    *number = step(&mut LamportClock::at(*number));
    *number
}
