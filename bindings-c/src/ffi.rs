//! The border to C: the one place that trusts pointers, and the guards that no panic passes.
//!
//! C promises what the top of the header says: a pointer is NULL or valid, text ends with a zero
//! byte, a handle is not used after it was freed. NULL is checked everywhere; the rest cannot be.

use std::any::Any;
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use chinwag::error::{Error as CoreError, ErrorKind, Result};
use chinwag::signals::{self, Before};

use crate::callbacks::FreeFn;
use crate::constants::Status;
use crate::error::{Error, status_of};

/// Where a result is written; NULL when the caller does not want it.
pub(crate) type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

/// Runs the body of an entry point that can fail. A panic inside is an `internal` error.
pub(crate) fn status(err: Out<'_, *mut Error>, body: impl FnOnce() -> Result<()>) -> Status {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(defect(&*panic)));
    let (status, error) = match result {
        Ok(()) => (Status::CHINWAG_OK, std::ptr::null_mut()),
        Err(error) => {
            let status = status_of(&error);
            let wanted = err.is_some();
            // The texts are copied only for somebody who reads them.
            (status, if wanted { Error::boxed(error) } else { std::ptr::null_mut() })
        }
    };
    if let Some(err) = err {
        err.write(error);
    }
    status
}

/// Runs the body of an entry point that only looks something up, or frees something. A panic
/// inside yields `fallback`.
pub(crate) fn value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

fn defect(panic: &(dyn Any + Send)) -> CoreError {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    CoreError::new(ErrorKind::Internal, format!("a panic was caught: {text}"))
}

/// The argument, or `bad_argument` when it is NULL.
pub(crate) fn given<T>(argument: Option<T>, name: &str) -> Result<T> {
    argument.ok_or_else(|| CoreError::new(ErrorKind::BadArgument, format!("{name} is NULL")))
}

/// A handle that other threads may be using too, or `bad_argument` when it is NULL.
pub(crate) fn shared<'a, T: Sync>(handle: *mut T, name: &str) -> Result<&'a T> {
    // SAFETY: C promises NULL or a handle that is not freed before the call returns. It is never
    // borrowed exclusively, except to be freed.
    given(unsafe { handle.as_ref() }, name)
}

/// A text argument, or `bad_argument` when it is NULL or not UTF-8.
///
/// # Safety
/// `text` is NULL, or points to bytes that end with a zero and stay as they are for `'a`.
pub(crate) unsafe fn text<'a>(text: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: the caller's promise is the same.
    let text = unsafe { optional_text(text, name) }?;
    given(text, name)
}

/// As [`text`], but NULL is `None`.
///
/// # Safety
/// As for [`text`].
pub(crate) unsafe fn optional_text<'a>(text: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and the caller promised the rest.
    let bytes = unsafe { CStr::from_ptr(text) };
    let text = bytes.to_str().map_err(|_| {
        CoreError::new(ErrorKind::BadArgument, format!("{name} is not text in UTF-8"))
    })?;
    Ok(Some(text))
}

/// An array argument; NULL is allowed when it has no items.
///
/// # Safety
/// `first` is NULL, or points to `count` items that stay as they are for `'a`.
pub(crate) unsafe fn items<'a, T>(first: *const T, count: usize, name: &str) -> Result<&'a [T]> {
    // SAFETY: the caller's promise is the same.
    unsafe { some_items(first, count) }.ok_or_else(|| {
        let message = format!("{name} is NULL or its count is impossible");
        CoreError::new(ErrorKind::BadArgument, message)
    })
}

/// As [`items`], for entry points that have no error to give: these are the quick ones, and to
/// prepare a message costs as much as to look at the arguments.
///
/// # Safety
/// As for [`items`].
#[inline]
pub(crate) unsafe fn some_items<'a, T>(first: *const T, count: usize) -> Option<&'a [T]> {
    if count == 0 {
        return Some(&[]);
    }
    if first.is_null() || count > isize::MAX as usize / size_of::<T>().max(1) {
        return None;
    }
    // SAFETY: not NULL, within the address space, and the caller promised the rest.
    Some(unsafe { std::slice::from_raw_parts(first, count) })
}

/// Room for so many items; none if it is NULL.
pub(crate) fn room<'a, T>(out: *mut MaybeUninit<T>, capacity: usize) -> &'a mut [MaybeUninit<T>] {
    if out.is_null() || capacity > isize::MAX as usize / size_of::<T>().max(1) {
        return &mut [];
    }
    // SAFETY: C passes room for so many, which nobody else uses until the call returns.
    unsafe { std::slice::from_raw_parts_mut(out, capacity) }
}

/// How many bytes there are. They are written only if there is room for all.
pub(crate) fn copied(bytes: &[u8], out: *mut MaybeUninit<u8>, capacity: usize) -> usize {
    if capacity >= bytes.len() {
        room(out, capacity).iter_mut().zip(bytes).for_each(|(to, byte)| {
            to.write(*byte);
        });
    }
    bytes.len()
}

/// As [`copied`], of a text that gets a zero byte at its end, for which there has to be room too.
pub(crate) fn copied_text(text: &str, out: *mut MaybeUninit<c_char>, capacity: usize) -> usize {
    if capacity > text.len() {
        let room = room(out.cast::<MaybeUninit<u8>>(), capacity);
        room.iter_mut().zip(text.bytes().chain([0])).for_each(|(to, byte)| {
            to.write(byte);
        });
    }
    text.len()
}

/// Text for C. A zero byte inside, which only a hostile peer sends, becomes U+FFFD.
pub(crate) fn c_text(text: &str) -> CString {
    let replaced = |_| CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
    CString::new(text).unwrap_or_else(replaced)
}

/// The pointer to a text, or NULL.
pub(crate) fn pointer(text: Option<&CStr>) -> *const c_char {
    text.map_or(std::ptr::null(), CStr::as_ptr)
}

/// A function that C is called back with.
pub(crate) type Callback<T> = unsafe extern "C" fn(T, *mut c_void);

/// A callback and its data. Dropped: the data is freed.
pub(crate) struct Handler<T> {
    function: Callback<T>,
    user_data: *mut c_void,
    free: FreeFn,
}

// SAFETY: the header says that the callback and the free function run on a thread of the library;
// whoever passes `user_data` has to pass something that this is legal for.
unsafe impl<T> Send for Handler<T> {}

impl<T> Handler<T> {
    pub(crate) fn new(function: Callback<T>, user_data: *mut c_void, free: FreeFn) -> Self {
        Self { function, user_data, free }
    }

    /// Gives the data back to the caller, who keeps it.
    pub(crate) fn disown(mut self) {
        self.free = None;
    }
}

impl<T> Handler<*const T> {
    /// Shows it something.
    pub(crate) fn call(&self, told: &T) {
        // SAFETY: C passed a function of this type, and what it is shown outlives the call.
        unsafe { (self.function)(told, self.user_data) }
    }
}

impl<T> Handler<*mut T> {
    /// Gives it something, which it frees.
    pub(crate) fn give(&self, told: Box<T>) {
        // SAFETY: C passed a function of this type, and owns what it is given.
        unsafe { (self.function)(Box::into_raw(told), self.user_data) }
    }
}

impl<T> Drop for Handler<T> {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: C passed a function of this type; it is called once, after the last call.
            unsafe { free(self.user_data) }
        }
    }
}

/// What a signal does now.
pub(crate) fn before(signal: i32) -> Before {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action it only writes the present one, which is read if it did.
    let action = unsafe {
        match libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) {
            0 => action.assume_init().sa_sigaction,
            _ => libc::SIG_DFL,
        }
    };
    match action {
        libc::SIG_DFL => Before::Default,
        libc::SIG_IGN => Before::Ignored,
        _ => Before::Caught,
    }
}

/// How many forks lie between this process and the one that [`notice_forks`] was called in.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Sees to it that a forked child knows what it is, and that it dies of a signal as usual although
/// it has none of our threads.
pub(crate) fn notice_forks() {
    unsafe extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
        signals::after_fork();
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the function lives as long as the process (the library is never unloaded) and
        // does only what a signal handler may. Out of memory is the only failure; then a child
        // learns what it is only when it asks the host.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// Changes with each fork. Costs nothing, while asking for the number of the process is a system
/// call.
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Refuses what belongs to a parent: `made` is what [`forks`] was when it was made. Then nothing of
/// it may be locked, as a thread of the parent may have held it.
pub(crate) fn own_process(made: u32) -> Result<()> {
    if forks() == made {
        return Ok(());
    }
    Err(CoreError::new(ErrorKind::Forked, "this was made in the parent"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_internal_error() {
        let mut err = MaybeUninit::uninit();
        let outcome = status(Some(&mut err), || panic!("number {}", 7));
        assert_eq!(outcome, Status::CHINWAG_EINTERNAL);
        // SAFETY: `status` always writes it, and on failure writes a box.
        let error = unsafe { Box::from_raw(err.assume_init()) };
        assert_eq!(error.message(), c"a panic was caught: number 7");
        assert_eq!(status(None, || panic!("unseen")), Status::CHINWAG_EINTERNAL);
        assert_eq!(value(5, || panic!("unseen")), 5);
    }

    #[test]
    fn success_leaves_no_error() {
        let mut err = MaybeUninit::uninit();
        assert_eq!(status(Some(&mut err), || Ok(())), Status::CHINWAG_OK);
        // SAFETY: `status` always writes it.
        assert!(unsafe { err.assume_init() }.is_null());
    }

    #[test]
    fn null_malformed_and_impossible_arguments_are_refused() {
        fn kind(result: Result<&str>) -> std::result::Result<&str, ErrorKind> {
            result.map_err(|error| error.kind())
        }
        // SAFETY: NULL and literals are allowed.
        unsafe {
            assert_eq!(kind(text(std::ptr::null(), "x")), Err(ErrorKind::BadArgument));
            assert_eq!(kind(text(c"\xff".as_ptr(), "x")), Err(ErrorKind::BadArgument));
            assert_eq!(kind(text(c"so".as_ptr(), "x")), Ok("so"));
            assert_eq!(optional_text(std::ptr::null(), "x"), Ok(None));
            assert_eq!(items::<u8>(std::ptr::null(), 0, "x"), Ok(&[][..]));
            assert!(items::<u8>(std::ptr::null(), 1, "x").is_err());
            assert!(items::<u64>(&raw const SOME, usize::MAX, "x").is_err());
        }
    }

    static SOME: u64 = 0;

    #[test]
    fn a_zero_byte_does_not_shorten_a_text() {
        assert_eq!(c_text("a\0b").to_str(), Ok("a\u{fffd}b"));
    }
}
