//! The functions that are called for every key: one of a ring, text in and a number out; and one of
//! a node, which tells the number of its ring.
//!
//! A method of a class would cost several times what they do, mostly for finding the object. These
//! are plain functions that carry what they need, make nothing but a number, and throw nothing; the
//! text of a key goes into the stack. `lib/ring.js` has the names and the errors.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{ptr, slice};

use chinwag::host::Host;
use chinwag::ring::Ring;
use napi::bindgen_prelude::Unknown;
use napi::{Env, check_status, sys};

/// Nobody owns the key.
const NOBODY: f64 = -1.0;
/// It is neither text nor bytes.
const NO_KEY: f64 = -2.0;
/// A defect of ours.
const BROKEN: f64 = -3.0;

/// Owners that one answer has at most: three numbers of 16 bits, in the 53 that are exact.
const PACKED: usize = 3;

/// Bytes of a key that are read without an allocation, a few of them not.
const STACK: usize = 256;
/// A character is written whole or not at all.
const CHARACTER: usize = 4;

/// `lookup(key)` gives the number of the owner; `lookup(key, count)` those of as many nodes, at
/// most three and not more than there are, the first in the lowest 16 bits. What is below 0 is no
/// owner.
pub(crate) fn function<'env>(env: &'env Env, ring: &Ring) -> napi::Result<Unknown<'env>> {
    // SAFETY: `called` takes a ring.
    unsafe { carrying(env, "lookup", ring.clone(), called) }
}

/// `version()` gives the number of the node's ring; the first call has it made.
pub(crate) fn version<'env>(env: &'env Env, host: &Arc<Host>) -> napi::Result<Unknown<'env>> {
    // SAFETY: `asked` takes a host.
    unsafe { carrying(env, "version", Arc::clone(host), asked) }
}

type Callback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// A function that carries a value for as long as it can be called.
///
/// # Safety
///
/// `call` is told a pointer to a `T`, and takes it for nothing else.
unsafe fn carrying<'env, T>(
    env: &'env Env,
    name: &str,
    value: T,
    call: Callback,
) -> napi::Result<Unknown<'env>> {
    let value: *mut T = Box::into_raw(Box::new(value));
    let mut function = ptr::null_mut();
    // SAFETY: the environment is that of the call that we are in; the name has the length that is
    // given; `call` and `dropped` are handed the pointer as what it is.
    let made = check_status!(unsafe {
        let (text, length) = (name.as_ptr().cast(), name.len() as isize);
        sys::napi_create_function(env.raw(), text, length, Some(call), value.cast(), &mut function)
    });
    if let Err(error) = made {
        // SAFETY: it came from a box, and nobody else got it.
        drop(unsafe { Box::from_raw(value) });
        return Err(error);
    }
    // Should it fail, the box stays: a function that could be called without it would be worse.
    // SAFETY: as above.
    check_status!(unsafe {
        let (hint, reference) = (ptr::null_mut(), ptr::null_mut());
        let dropped: sys::napi_finalize = Some(dropped::<T>);
        sys::napi_add_finalizer(env.raw(), function, value.cast(), dropped, hint, reference)
    })?;
    // SAFETY: a value of this environment, in the scope of the call.
    Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), function) })
}

/// Nobody can call the function any more.
unsafe extern "C" fn dropped<T>(_: sys::napi_env, value: *mut c_void, _: *mut c_void) {
    let value: *mut T = value.cast();
    // SAFETY: it came from a box; this is called once, after the last call.
    let gone = AssertUnwindSafe(|| drop(unsafe { Box::from_raw(value) }));
    drop(catch_unwind(gone));
}

unsafe extern "C" fn called(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node-API calls with an environment and what it is told about the call.
    let answer = catch_unwind(|| unsafe { answer(env, info) }).unwrap_or(BROKEN);
    // SAFETY: the environment of the call.
    unsafe { number(env, answer) }
}

unsafe extern "C" fn asked(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: as above.
    let answer = catch_unwind(|| unsafe { present(env, info) }).unwrap_or(BROKEN);
    // SAFETY: as above.
    unsafe { number(env, answer) }
}

/// The number of the ring of the node that is carried.
///
/// # Safety
///
/// `env` and `info` are those of a call of `version`.
unsafe fn present(env: sys::napi_env, info: sys::napi_callback_info) -> f64 {
    let (count, values, this) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let mut host = ptr::null_mut();
    // SAFETY: the place for the pointer is ours; what is null is not told.
    let told = unsafe { sys::napi_get_cb_info(env, info, count, values, this, &mut host) };
    if told != sys::Status::napi_ok {
        return BROKEN;
    }
    // SAFETY: the pointer that the function was made with; it lives as long as the function.
    let host: &Arc<Host> = unsafe { &*host.cast::<Arc<Host>>() };
    host.ring().map_or(BROKEN, |ring| ring.version() as f64)
}

/// # Safety
///
/// `env` is that of the call.
unsafe fn number(env: sys::napi_env, answer: f64) -> sys::napi_value {
    let mut number = ptr::null_mut();
    // It makes a small integer of what is one. Without success there is an exception already.
    // SAFETY: the place for the value is ours.
    unsafe { sys::napi_create_double(env, answer, &mut number) };
    number
}

/// # Safety
///
/// `env` and `info` are those of a call of the function above.
unsafe fn answer(env: sys::napi_env, info: sys::napi_callback_info) -> f64 {
    let (mut count, mut arguments) = (2, [ptr::null_mut(); 2]);
    let (mut ring, this) = (ptr::null_mut(), ptr::null_mut());
    let place = arguments.as_mut_ptr();
    // SAFETY: there is room for as many arguments as `count` says.
    let told = unsafe { sys::napi_get_cb_info(env, info, &mut count, place, this, &mut ring) };
    if told != sys::Status::napi_ok {
        return BROKEN;
    }
    // SAFETY: the pointer that the function was made with; it lives as long as the function, and
    // all calls are made on one thread.
    let ring: &Ring = unsafe { &*ring.cast::<Ring>() };
    let [key, wanted] = arguments;
    if count < 2 {
        // SAFETY: a value of this call.
        return unsafe { with_key(env, key, |key| owner(ring, key)) };
    }
    let mut number = 0;
    // SAFETY: as above.
    match unsafe { sys::napi_get_value_uint32(env, wanted, &mut number) } {
        // SAFETY: as above.
        sys::Status::napi_ok => unsafe { with_key(env, key, |key| owners(ring, key, number)) },
        _ => BROKEN,
    }
}

fn owner(ring: &Ring, key: &[u8]) -> f64 {
    ring.owner_number(key).map_or(NOBODY, f64::from)
}

fn owners(ring: &Ring, key: &[u8], count: u32) -> f64 {
    let mut numbers = [0; PACKED];
    let count = PACKED.min(count as usize);
    let found = numbers.get_mut(..count).map_or(0, |out| ring.owner_numbers_into(key, out));
    // Those that were not found are 0 and add nothing.
    let packed = numbers.iter().rev().fold(0, |packed, number| packed << 16 | u64::from(*number));
    if found == 0 { NOBODY } else { packed as f64 }
}

/// What comes of the bytes of a key.
///
/// # Safety
///
/// `env` is that of the call, and `value` one of its values.
unsafe fn with_key(
    env: sys::napi_env,
    value: sys::napi_value,
    work: impl FnOnce(&[u8]) -> f64,
) -> f64 {
    let (mut stack, mut length) = ([0_u8; STACK], 0);
    let place = stack.as_mut_ptr().cast();
    // SAFETY: at most so many bytes are written, a zero behind them included.
    let read = unsafe { sys::napi_get_value_string_utf8(env, value, place, STACK, &mut length) };
    match (read, stack.get(..length)) {
        (sys::Status::napi_ok, Some(text)) if length < STACK - CHARACTER => work(text),
        // SAFETY: as this function.
        (sys::Status::napi_ok, _) => unsafe { with_text(env, value, work) },
        // SAFETY: as this function.
        _ => unsafe { with_bytes(env, value, work) },
    }
}

/// As `with_key`, for a text that is long.
unsafe fn with_text(
    env: sys::napi_env,
    value: sys::napi_value,
    work: impl FnOnce(&[u8]) -> f64,
) -> f64 {
    let mut length = 0;
    // SAFETY: without a place to write to, the length alone is told.
    let told =
        unsafe { sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &mut length) };
    let mut text = vec![0_u8; length + 1];
    let place = text.as_mut_ptr().cast();
    // SAFETY: at most as many bytes are written as there is room for.
    let read =
        unsafe { sys::napi_get_value_string_utf8(env, value, place, text.len(), &mut length) };
    match (told, read, text.get(..length)) {
        (sys::Status::napi_ok, sys::Status::napi_ok, Some(text)) => work(text),
        _ => BROKEN,
    }
}

/// As `with_key`, for a `Uint8Array`.
unsafe fn with_bytes(
    env: sys::napi_env,
    value: sys::napi_value,
    work: impl FnOnce(&[u8]) -> f64,
) -> f64 {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
    let (buffer, offset) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the places are ours; what is null is not told.
    let told = unsafe {
        let kind = &mut kind;
        sys::napi_get_typedarray_info(env, value, kind, &mut length, &mut data, buffer, offset)
    };
    match (told, kind) {
        (sys::Status::napi_ok, sys::TypedarrayType::uint8_array) => {}
        _ => return NO_KEY,
    }
    // SAFETY: so many bytes are there, and no JavaScript runs before the answer is found.
    work(match data.is_null() {
        true => &[],
        false => unsafe { slice::from_raw_parts(data.cast::<u8>(), length) },
    })
}
