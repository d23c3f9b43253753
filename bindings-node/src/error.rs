//! Errors on their way out: the code travels as the exception's `code`, `lib/errors.js` makes it an
//! instance of the right class.

use chinwag::ErrorKind;
use napi::Status;

/// The code of an error in the core's table.
#[derive(Clone, Copy, Debug)]
pub struct Code(ErrorKind);

/// An exception that carries a code.
pub(crate) type Failure = napi::Error<Code>;

/// Result of an exported function.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.0.code()
    }
}

/// What goes wrong inside Node-API is a defect of ours.
impl From<Status> for Code {
    fn from(_: Status) -> Self {
        Self(ErrorKind::Internal)
    }
}

/// An error of the core.
pub(crate) fn failure(error: chinwag::Error) -> Failure {
    Failure::new(Code(error.kind()), error.message())
}

/// An argument of the wrong shape.
pub(crate) fn bad_argument(message: impl Into<String>) -> Failure {
    failure(chinwag::Error::new(ErrorKind::BadArgument, message))
}

/// Node-API itself refused.
pub(crate) fn broken(error: napi::Error) -> Failure {
    Failure::new(Code(ErrorKind::Internal), &error.reason)
}
