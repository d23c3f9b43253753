//! Errors as C sees them.

use std::ffi::{CString, c_char};
use std::sync::LazyLock;

use chinwag::api::ERRORS;
use chinwag::error::Error as CoreError;

use crate::constants::{STATUSES, Status};
use crate::ffi::{c_text, pointer, value};

/// What went wrong: a stable code and number, and a sentence that says what happened, to whom, the
/// likely cause and the next step. You free it with chinwag_error_free().
pub struct Error {
    error: CoreError,
    code: CString,
    message: CString,
    attempts: Vec<(CString, CString)>,
}

impl Error {
    /// An error for C, which frees it.
    pub(crate) fn boxed(error: CoreError) -> *mut Self {
        let pairs = error.attempts().iter();
        let attempts = pairs.map(|a| (c_text(&a.seed), c_text(&a.cause))).collect();
        let code = c_text(error.kind().code());
        let message = c_text(error.message());
        Box::into_raw(Box::new(Self { error, code, message, attempts }))
    }

    #[cfg(test)]
    pub(crate) fn message(&self) -> &std::ffi::CStr {
        &self.message
    }
}

/// The status of an error: the negative of its number.
pub(crate) fn status_of(error: &CoreError) -> Status {
    let number = usize::try_from(error.kind().number()).unwrap_or(usize::MAX);
    STATUSES.get(number).copied().unwrap_or(Status::CHINWAG_EINTERNAL)
}

/// The permanent code, such as "join_failed". Borrowed until the error is freed. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_code(error: Option<&Error>) -> *const c_char {
    value(std::ptr::null(), || pointer(error.map(|error| &*error.code)))
}

/// The permanent number, from 1; the status is its negative. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_number(error: Option<&Error>) -> u32 {
    value(0, || error.map_or(0, |error| error.error.kind().number()))
}

/// The sentence. Borrowed until the error is freed. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_message(error: Option<&Error>) -> *const c_char {
    value(std::ptr::null(), || pointer(error.map(|error| &*error.message)))
}

/// Whether the same call may succeed later.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_retryable(error: Option<&Error>) -> bool {
    value(false, || error.is_some_and(|error| error.error.kind().retryable()))
}

/// How many addresses a failed join tried; 0 for other errors.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_attempts(error: Option<&Error>) -> usize {
    value(0, || error.map_or(0, |error| error.attempts.len()))
}

/// The seed of attempt `index`, counted from 0. Borrowed until the error is freed. NULL when there
/// is no such attempt.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_attempt_seed(error: Option<&Error>, index: usize) -> *const c_char {
    value(std::ptr::null(), || {
        pointer(error.and_then(|error| error.attempts.get(index)).map(|(seed, _)| &**seed))
    })
}

/// Why attempt `index` failed. Borrowed until the error is freed. NULL when there is no such
/// attempt.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_attempt_cause(
    error: Option<&Error>,
    index: usize,
) -> *const c_char {
    value(std::ptr::null(), || {
        pointer(error.and_then(|error| error.attempts.get(index)).map(|(_, cause)| &**cause))
    })
}

/// Frees an error. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_free(error: Option<Box<Error>>) {
    value((), || drop(error));
}

/// What any status means: its code and what happened to the state. Never NULL, never freed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_strstatus(status: i32) -> *const c_char {
    static TEXTS: LazyLock<Vec<(u32, CString)>> = LazyLock::new(|| {
        let row = |code, doc| c_text(&format!("{code}: {doc}"));
        ERRORS.iter().map(|info| (info.number, row(info.code, info.doc))).collect()
    });
    value(c"unknown status".as_ptr(), || {
        if status == 0 {
            return c"ok".as_ptr();
        }
        let number = status.unsigned_abs();
        let found = TEXTS.iter().find(|row| status < 0 && row.0 == number);
        found.map_or(c"unknown status".as_ptr(), |row| row.1.as_ptr())
    })
}
