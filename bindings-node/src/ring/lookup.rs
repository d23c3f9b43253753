//! The functions that are called for every key: two of all rings, text in and numbers out; and one
//! of a node, which tells the number of its ring.
//!
//! A method of a class would cost several times what they do, mostly for finding the object. These
//! are plain functions that make nothing but a number, and throw nothing; the text of a key goes
//! into the stack. Those for keys are the same ones whatever the ring, which they are told by a
//! number: the compiler of V8 gives up on a call whose function changes, as one for each ring
//! would with every change of the cluster. `lib/ring.js` has the names and the errors.

use std::cell::RefCell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::{ptr, slice};

use chinwag::host::Host;
use chinwag::ring::Ring;
use napi::bindgen_prelude::Unknown;
use napi::{Env, check_status, sys};

/// Nobody owns the key.
const NOBODY: i64 = -1;
/// It is neither text nor bytes.
const NO_KEY: i64 = -2;
/// A defect of ours.
const BROKEN: i64 = -3;

/// Owners that one answer has at most: three numbers of 16 bits, in the 53 that are exact.
const PACKED: usize = 3;
/// Keys that one call has at most.
const BATCH: usize = 512;

/// Of these, so many are read before the first is looked up: the processor waits for the table of
/// the ring once and not for each.
const GROUP: usize = 16;

/// Units of UTF-16 of a key that are read at once, a zero behind them included.
const UNITS: usize = 128;
/// Room for a short key.
type Place = [MaybeUninit<u8>; UNITS];
/// Bytes of a key that are read without an allocation, a few of them not.
const STACK: usize = 256;
/// A character is written whole or not at all.
const CHARACTER: usize = 4;

thread_local! {
    /// Those of this thread, which is that of all calls from its JavaScript.
    static RINGS: Rc<Rings> = Rc::new(Rings::default());
}

/// Rings by numbers that JavaScript can keep.
#[derive(Default)]
struct Rings(RefCell<Places>);

#[derive(Default)]
struct Places {
    rings: Vec<Option<Ring>>,
    free: Vec<u32>,
}

/// The number of a ring, for as long as this is there.
pub(super) struct Handle {
    rings: Rc<Rings>,
    number: u32,
}

impl Handle {
    /// One for this thread.
    pub(super) fn new(ring: Ring) -> Self {
        let rings = RINGS.with(Rc::clone);
        let number = rings.0.borrow_mut().add(ring);
        Self { rings, number }
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Nothing holds it meanwhile; if it did, the ring would stay, which is no reason to panic.
        let gone = self.rings.0.try_borrow_mut().ok().and_then(|mut all| all.remove(self.number));
        drop(gone);
    }
}

impl Places {
    fn add(&mut self, ring: Ring) -> u32 {
        if let Some(number) = self.free.pop()
            && let Some(place) = self.rings.get_mut(number as usize)
        {
            *place = Some(ring);
            return number;
        }
        self.rings.push(Some(ring));
        // Each has kilobytes: there are not four billion of them.
        (self.rings.len() - 1) as u32
    }

    fn remove(&mut self, number: u32) -> Option<Ring> {
        let gone = self.rings.get_mut(number as usize)?.take()?;
        self.free.push(number);
        Some(gone)
    }
}

impl Rings {
    /// What comes of a ring, once the key is read: no JavaScript runs meanwhile, and nothing that
    /// could add or remove one.
    fn with(&self, number: u32, work: impl FnOnce(&Ring) -> i64) -> i64 {
        let places = self.0.borrow();
        places.rings.get(number as usize).and_then(Option::as_ref).map_or(BROKEN, work)
    }

    fn get(&self, number: u32) -> Option<Ring> {
        self.0.borrow().rings.get(number as usize)?.clone()
    }
}

/// `lookup(ring, key)` gives the number of the owner; `lookup(ring, key, count)` those of as many
/// nodes, at most three and not more than there are, the first in the lowest 16 bits. What is
/// below 0 is no owner.
pub(crate) fn function(env: &Env) -> napi::Result<Unknown<'_>> {
    // SAFETY: `called` takes rings.
    unsafe { carrying(env, "lookup", RINGS.with(Rc::clone), called) }
}

/// `lookupMany(numbers, ...keys)` writes the number of the owner of each key into an `Int32Array`,
/// behind that of the ring, which is there already; it gives how many it wrote.
pub(crate) fn for_many(env: &Env) -> napi::Result<Unknown<'_>> {
    // SAFETY: `called_for_many` takes rings.
    unsafe { carrying(env, "lookupMany", RINGS.with(Rc::clone), called_for_many) }
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

unsafe extern "C" fn called_for_many(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    // SAFETY: as above.
    let answer = catch_unwind(|| unsafe { answers(env, info) }).unwrap_or(BROKEN);
    // SAFETY: as above.
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
unsafe fn present(env: sys::napi_env, info: sys::napi_callback_info) -> i64 {
    let (count, values, this) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let mut host = ptr::null_mut();
    // SAFETY: the place for the pointer is ours; what is null is not told.
    let told = unsafe { sys::napi_get_cb_info(env, info, count, values, this, &mut host) };
    if told != sys::Status::napi_ok {
        return BROKEN;
    }
    // SAFETY: the pointer that the function was made with; it lives as long as the function.
    let host: &Arc<Host> = unsafe { &*host.cast::<Arc<Host>>() };
    host.ring().map_or(BROKEN, |ring| ring.version() as i64)
}

/// # Safety
///
/// `env` is that of the call.
unsafe fn number(env: sys::napi_env, answer: i64) -> sys::napi_value {
    let mut number = ptr::null_mut();
    // It makes a small integer of what is one. Without success there is an exception already.
    // SAFETY: the place for the value is ours.
    unsafe { sys::napi_create_double(env, answer as f64, &mut number) };
    number
}

/// # Safety
///
/// `env` and `info` are those of a call of `lookup`.
unsafe fn answer(env: sys::napi_env, info: sys::napi_callback_info) -> i64 {
    let (mut count, mut arguments) = (3, [ptr::null_mut(); 3]);
    let (mut rings, this) = (ptr::null_mut(), ptr::null_mut());
    let place = arguments.as_mut_ptr();
    // SAFETY: there is room for as many arguments as `count` says.
    let told = unsafe { sys::napi_get_cb_info(env, info, &mut count, place, this, &mut rings) };
    if told != sys::Status::napi_ok {
        return BROKEN;
    }
    // SAFETY: the pointer that the function was made with; it lives as long as the function, and
    // all calls are made on one thread.
    let rings: &Rings = unsafe { &*rings.cast::<Rc<Rings>>() };
    let [ring, key, wanted] = arguments;
    // SAFETY: a value of this call.
    let Some(ring) = (unsafe { whole(env, ring) }) else { return BROKEN };
    if count < 3 {
        // SAFETY: as above.
        return unsafe { with_key(env, key, |key| rings.with(ring, |ring| owner(ring, key))) };
    }
    // SAFETY: as above.
    let Some(wanted) = (unsafe { whole(env, wanted) }) else { return BROKEN };
    // SAFETY: as above.
    unsafe { with_key(env, key, |key| rings.with(ring, |ring| owners(ring, key, wanted))) }
}

/// # Safety
///
/// `env` and `info` are those of a call of `lookupMany`.
unsafe fn answers(env: sys::napi_env, info: sys::napi_callback_info) -> i64 {
    let (mut count, mut arguments) = (BATCH + 1, [ptr::null_mut(); BATCH + 1]);
    let (mut rings, this) = (ptr::null_mut(), ptr::null_mut());
    let place = arguments.as_mut_ptr();
    // SAFETY: there is room for as many arguments as `count` says.
    let told = unsafe { sys::napi_get_cb_info(env, info, &mut count, place, this, &mut rings) };
    let given = arguments.get(..count).and_then(|all| all.split_first());
    let (sys::Status::napi_ok, Some((numbers, keys))) = (told, given) else { return BROKEN };
    // SAFETY: as in `answer`.
    let rings: &Rings = unsafe { &*rings.cast::<Rc<Rings>>() };
    // SAFETY: a value of this call.
    let Some(data) = (unsafe { integers(env, *numbers, 1 + keys.len()) }) else { return BROKEN };
    // SAFETY: it has more numbers than there are keys.
    let Some(ring) = rings.get(unsafe { data.read() } as u32) else { return BROKEN };
    // SAFETY: there is room for all behind the first; it stays, as no JavaScript runs meanwhile.
    let mut out = unsafe { data.add(1) };
    for keys in keys.chunks(GROUP) {
        let mut places = [const { [const { MaybeUninit::uninit() }; UNITS] }; GROUP];
        let mut read = [None; GROUP];
        for ((read, place), key) in read.iter_mut().zip(&mut places).zip(keys) {
            // SAFETY: a value of this call.
            *read = unsafe { short(env, *key, place) };
        }
        for (read, key) in read.iter().zip(keys) {
            let found = match read {
                Some(key) => owner(&ring, key),
                // SAFETY: as above.
                None => unsafe { with_other(env, *key, |key| owner(&ring, key)) },
            };
            // SAFETY: as above: it is written to and moved on once for each key.
            out = unsafe {
                out.write(found as i32);
                out.add(1)
            };
        }
    }
    keys.len() as i64
}

/// Where an `Int32Array` has its numbers; none if it is none, or has fewer than so many.
///
/// # Safety
///
/// `env` is that of the call, and `value` one of its values.
unsafe fn integers(env: sys::napi_env, value: sys::napi_value, least: usize) -> Option<*mut i32> {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
    let (buffer, offset) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the places are ours; what is null is not told.
    let told = unsafe {
        let kind = &mut kind;
        sys::napi_get_typedarray_info(env, value, kind, &mut length, &mut data, buffer, offset)
    };
    let is_one = told == sys::Status::napi_ok && kind == sys::TypedarrayType::int32_array;
    (is_one && !data.is_null() && length >= least).then(|| data.cast())
}

/// A number of JavaScript's that must be whole.
///
/// # Safety
///
/// `env` is that of the call, and `value` one of its values.
unsafe fn whole(env: sys::napi_env, value: sys::napi_value) -> Option<u32> {
    let mut number = 0;
    // SAFETY: the place for the number is ours.
    let told = unsafe { sys::napi_get_value_uint32(env, value, &mut number) };
    (told == sys::Status::napi_ok).then_some(number)
}

fn owner(ring: &Ring, key: &[u8]) -> i64 {
    ring.owner_number(key).map_or(NOBODY, i64::from)
}

fn owners(ring: &Ring, key: &[u8], count: u32) -> i64 {
    let mut numbers = [0; PACKED];
    let count = PACKED.min(count as usize);
    let found = numbers.get_mut(..count).map_or(0, |out| ring.owner_numbers_into(key, out));
    // Those that were not found are 0 and add nothing.
    let packed = numbers.iter().rev().fold(0, |packed, number| packed << 16 | i64::from(*number));
    if found == 0 { NOBODY } else { packed }
}

/// What comes of the bytes of a key.
///
/// # Safety
///
/// `env` is that of the call, and `value` one of its values.
unsafe fn with_key(
    env: sys::napi_env,
    value: sys::napi_value,
    work: impl FnOnce(&[u8]) -> i64,
) -> i64 {
    let mut place = [const { MaybeUninit::uninit() }; UNITS];
    // SAFETY: as this function.
    match unsafe { short(env, value, &mut place) } {
        Some(key) => work(key),
        // SAFETY: as this function.
        None => unsafe { with_other(env, value, work) },
    }
}

/// A key, if it is a short text of nothing but ASCII, as most are.
///
/// V8 copies units in half of the time in which it writes UTF-8; of ASCII, each unit is a byte.
///
/// # Safety
///
/// As for `with_key`.
#[inline]
unsafe fn short(env: sys::napi_env, value: sys::napi_value, place: &mut Place) -> Option<&[u8]> {
    let (mut units, mut length) = ([const { MaybeUninit::<u16>::uninit() }; UNITS], 0);
    let start = units.as_mut_ptr().cast::<u16>();
    // SAFETY: at most so many units are written, a zero behind them included.
    let read = unsafe { sys::napi_get_value_string_utf16(env, value, start, UNITS, &mut length) };
    // One that fills its place may have been cut.
    if read != sys::Status::napi_ok || length >= UNITS - 1 {
        return None;
    }
    // SAFETY: so many have been written.
    let units = unsafe { slice::from_raw_parts(start, length) };
    let mut all = 0;
    for (byte, unit) in place.iter_mut().zip(units) {
        byte.write(*unit as u8);
        all |= unit;
    }
    // SAFETY: so many have been written.
    (all < 0x80).then(|| unsafe { slice::from_raw_parts(place.as_ptr().cast(), length) })
}

/// As `with_key`, for what is no short text of ASCII.
///
/// # Safety
///
/// As for `with_key`.
#[inline(never)]
unsafe fn with_other(
    env: sys::napi_env,
    value: sys::napi_value,
    work: impl FnOnce(&[u8]) -> i64,
) -> i64 {
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
    work: impl FnOnce(&[u8]) -> i64,
) -> i64 {
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
    work: impl FnOnce(&[u8]) -> i64,
) -> i64 {
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
