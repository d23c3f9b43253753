//! Errors as C sees them.

use std::ffi::{CString, c_char};
use std::sync::LazyLock;

use chinwag::api::ERRORS;
use chinwag::error::{Error as CoreError, Remote};

use crate::constants::{STATUSES, Status};
use crate::ffi::{c_text, pointer, value};

/// What went wrong: a stable code and number, and a sentence that says what happened, to whom, the
/// likely cause and the next step. You free it with chinwag_error_free().
pub struct Error {
    error: CoreError,
    code: CString,
    message: CString,
    attempts: Vec<(CString, CString)>,
    remote: Option<RemoteWords>,
}

/// What a server elsewhere said, as C reads it.
struct RemoteWords {
    node: CString,
    language: CString,
    class: CString,
    message: CString,
    stack: Option<CString>,
}

impl RemoteWords {
    fn new(remote: &Remote) -> Self {
        Self {
            node: c_text(&remote.node),
            language: c_text(&remote.language),
            class: c_text(&remote.class),
            message: c_text(&remote.message),
            stack: remote.stack.as_deref().map(c_text),
        }
    }
}

impl Error {
    /// An error for C, which frees it.
    pub(crate) fn boxed(error: CoreError) -> *mut Self {
        Box::into_raw(Box::new(Self::new(error)))
    }

    /// An error within something else.
    pub(crate) fn new(error: CoreError) -> Self {
        let pairs = error.attempts().iter();
        let attempts = pairs.map(|a| (c_text(&a.seed), c_text(&a.cause))).collect();
        let code = c_text(error.kind().code());
        let message = c_text(error.message());
        let remote = error.remote().map(RemoteWords::new);
        Self { error, code, message, attempts, remote }
    }

    fn said<'a>(
        error: Option<&'a Self>,
        words: impl FnOnce(&'a RemoteWords) -> Option<&'a CString>,
    ) -> *const c_char {
        let said = error.and_then(|error| error.remote.as_ref()).and_then(words);
        pointer(said.map(|text| &**text))
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

/// Whether what was asked for may have happened all the same. `false` is certain. False for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_maybe_executed(error: Option<&Error>) -> bool {
    value(false, || error.is_some_and(|error| error.error.maybe_executed()))
}

/// Of a "remote_error", the member whose server failed. Borrowed until the error is freed. NULL for
/// others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_remote_node(error: Option<&Error>) -> *const c_char {
    value(std::ptr::null(), || Error::said(error, |remote| Some(&remote.node)))
}

/// Of a "remote_error", the language of the server, such as "python". Borrowed until the error is
/// freed. NULL for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_remote_language(error: Option<&Error>) -> *const c_char {
    value(std::ptr::null(), || Error::said(error, |remote| Some(&remote.language)))
}

/// Of a "remote_error", the type of the error there, such as "ValueError". Borrowed until the error
/// is freed. NULL for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_remote_class(error: Option<&Error>) -> *const c_char {
    value(std::ptr::null(), || Error::said(error, |remote| Some(&remote.class)))
}

/// Of a "remote_error", the server's own words. Borrowed until the error is freed. NULL for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_remote_message(error: Option<&Error>) -> *const c_char {
    value(std::ptr::null(), || Error::said(error, |remote| Some(&remote.message)))
}

/// Of a "remote_error", the stack there, where the server passes it on. Borrowed until the error is
/// freed. NULL for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_error_remote_stack(error: Option<&Error>) -> *const c_char {
    value(std::ptr::null(), || Error::said(error, |remote| remote.stack.as_ref()))
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

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use chinwag::error::ErrorKind;

    use super::*;

    fn words(text: *const c_char) -> Option<String> {
        // SAFETY: what the error has said is there while the error is, and ends with a zero.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    }

    fn said(error: Option<&Error>) -> [Option<String>; 5] {
        [
            words(chinwag_error_remote_node(error)),
            words(chinwag_error_remote_language(error)),
            words(chinwag_error_remote_class(error)),
            words(chinwag_error_remote_message(error)),
            words(chinwag_error_remote_stack(error)),
        ]
    }

    #[test]
    fn a_remote_error_says_where_and_what() {
        let remote = Remote {
            node: "web-2".to_owned(),
            language: "python".to_owned(),
            class: "ValueError".to_owned(),
            message: "negative".to_owned(),
            stack: Some("line 1\nline 2".to_owned()),
        };
        let bare = Remote { stack: None, ..remote.clone() };
        let [full, bare] = [remote, bare].map(|it| Error::new(CoreError::remote_error(it)));
        let wanted = ["web-2", "python", "ValueError", "negative", "line 1\nline 2"];
        assert_eq!(said(Some(&full)), wanted.map(|text| Some(text.to_owned())));
        assert_eq!(said(Some(&bare))[4], None);
        assert_eq!(said(Some(&bare))[0].as_deref(), Some("web-2"));
        let other = Error::new(CoreError::closed());
        assert_eq!(said(Some(&other)), [None, None, None, None, None]);
        assert_eq!(said(None), [None, None, None, None, None]);
    }

    #[test]
    fn an_error_says_whether_it_may_have_happened() {
        let late = CoreError::new(ErrorKind::Timeout, "late");
        assert!(chinwag_error_maybe_executed(Some(&Error::new(late.clone()))));
        let sure = Error::new(late.with_executed(false));
        assert!(!chinwag_error_maybe_executed(Some(&sure)));
        assert!(!chinwag_error_maybe_executed(None));
    }
}
