//! Errors on their way out: the code travels as the exception's `code`, `lib/errors.js` makes it an
//! instance of the right class.

use chinwag::ErrorKind;
use chinwag::error::Remote;
use napi::Status;
use napi_derive::napi;

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

/// An error, as a value.
#[napi(object, object_from_js = false)]
pub struct Failed {
    /// The code in the core's table.
    pub code: &'static str,
    /// The sentence.
    pub message: String,
    /// What a failed join tried.
    pub attempts: Vec<Attempt>,
    /// Whether what was asked for may have happened.
    pub maybe_executed: bool,
    /// What the server said, when its own code failed.
    pub remote: Option<Elsewhere>,
}

/// One address that a join tried.
#[napi(object, object_from_js = false)]
pub struct Attempt {
    /// As it was given, or as it was resolved.
    pub seed: String,
    /// Why it did not answer.
    pub cause: String,
}

/// What a server says of a failure of its own.
#[napi(object)]
pub struct Elsewhere {
    /// The member that hosts it.
    pub node: String,
    /// Its language.
    pub language: String,
    /// The type of the error there.
    pub class: String,
    /// Its own words.
    pub message: String,
    /// The stack, where the server passes it on.
    pub stack: Option<String>,
}

impl From<&chinwag::Error> for Failed {
    fn from(error: &chinwag::Error) -> Self {
        let attempt =
            |a: &chinwag::error::Attempt| Attempt { seed: a.seed.clone(), cause: a.cause.clone() };
        Self {
            code: error.kind().code(),
            message: error.message().to_owned(),
            attempts: error.attempts().iter().map(attempt).collect(),
            maybe_executed: error.maybe_executed(),
            remote: error.remote().cloned().map(Elsewhere::from),
        }
    }
}

impl From<Remote> for Elsewhere {
    fn from(remote: Remote) -> Self {
        let Remote { node, language, class, message, stack } = remote;
        Self { node, language, class, message, stack }
    }
}

impl From<Elsewhere> for Remote {
    fn from(elsewhere: Elsewhere) -> Self {
        let Elsewhere { node, language, class, message, stack } = elsewhere;
        Self { node, language, class, message, stack }
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
