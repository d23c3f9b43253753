//! The one error type of the facade. Kinds, codes and numbers are a table in `api.toml`.

use std::fmt;

pub use crate::api::ErrorKind;
use crate::api::{ERRORS, ErrorInfo};

/// Result of a facade call.
pub type Result<T> = std::result::Result<T, Error>;

/// What happened, to whom, the likely cause and the next step, under a stable code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    attempts: Vec<Attempt>,
    /// Whether what was asked for may have happened, where that is known of this one.
    executed: Option<bool>,
    remote: Option<Box<Remote>>,
}

/// What a server elsewhere said of a failure of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// The member that hosts it.
    pub node: String,
    /// Its language: `rust`, `c`, `python`, `node` or `elixir`, or whatever it calls itself.
    pub language: String,
    /// The type of the error there, such as `ValueError`.
    pub class: String,
    /// Its own words.
    pub message: String,
    /// The stack, where the server passes it on.
    pub stack: Option<String>,
}

/// One address that a join tried, and why it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The seed as it was given, or the address it was resolved to.
    pub seed: String,
    /// Why it did not answer.
    pub cause: String,
}

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message, attempts: Vec::new(), executed: None, remote: None }
    }

    /// The error of a join that reached nobody.
    pub fn join_failed(attempts: Vec<Attempt>) -> Self {
        Self::nobody_joined(ErrorKind::JoinFailed, attempts)
    }

    /// The error of a join that came to nothing, of the kind that all attempts failed for.
    pub(crate) fn nobody_joined(kind: ErrorKind, attempts: Vec<Attempt>) -> Self {
        let list: Vec<String> =
            attempts.iter().map(|a| format!("{} {}", a.seed, a.cause)).collect();
        let message = match list.len() {
            0 => "no seed was given, and none was found; name at least one host[:port]".to_owned(),
            1 => format!("the seed did not answer: {}", list[0]),
            n => format!("none of {n} seeds answered: {}", list.join("; ")),
        };
        Self { attempts, ..Self::new(kind, message) }
    }

    /// The error of a joiner whose name is held, by whoever answers at `holder`.
    pub fn name_conflict(name: &str, holder: &str, attempts: Vec<Attempt>) -> Self {
        let message = format!(
            "\"{name}\" is the name of the member at {holder}, which answers; give this node \
             another name, or stop that one"
        );
        Self { attempts, ..Self::new(ErrorKind::NameConflict, message) }
    }

    /// The error of every call on a node that is closed.
    pub fn closed() -> Self {
        Self::new(ErrorKind::Closed, "the node is closed; start a new one")
    }

    /// The error of a call whose server failed.
    pub fn remote_error(remote: Remote) -> Self {
        let message = format!("{} on \"{}\": {}", remote.class, remote.node, remote.message);
        Self { remote: Some(Box::new(remote)), ..Self::new(ErrorKind::RemoteError, message) }
    }

    /// The same, where it is known whether what was asked for may have happened.
    #[must_use]
    pub fn with_executed(self, maybe: bool) -> Self {
        Self { executed: Some(maybe), ..self }
    }

    /// The same with what a join tried.
    #[cfg(feature = "runtime")]
    pub(crate) fn with_attempts(self, attempts: Vec<Attempt>) -> Self {
        Self { attempts, ..self }
    }

    /// What went wrong.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence, without the code.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        self.kind.retryable()
    }

    /// Whether what was asked for may have happened all the same. `false` is certain.
    pub fn maybe_executed(&self) -> bool {
        self.executed.unwrap_or_else(|| self.kind.info().maybe_executed)
    }

    /// What the server said, when its own code failed.
    pub fn remote(&self) -> Option<&Remote> {
        self.remote.as_deref()
    }

    /// What a failed join tried; empty for other kinds.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.code(), self.message)
    }
}

impl std::error::Error for Error {}

impl ErrorKind {
    /// The row of this kind.
    pub fn info(self) -> &'static ErrorInfo {
        // The table is written from the same rows as the enum, in the same order.
        &ERRORS[self as usize]
    }

    /// The permanent code, in snake case.
    pub fn code(self) -> &'static str {
        self.info().code
    }

    /// The permanent number.
    pub fn number(self) -> u32 {
        self.info().number
    }

    /// Whether the same call may succeed later.
    pub fn retryable(self) -> bool {
        self.info().retryable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_finds_its_own_row() {
        for info in ERRORS {
            assert_eq!(info.kind.info().number, info.number);
        }
    }

    #[test]
    fn an_error_says_whether_it_may_have_happened() {
        let late = Error::new(ErrorKind::Timeout, "late");
        assert!(late.retryable() && late.maybe_executed());
        assert!(!late.with_executed(false).maybe_executed());
        assert!(!Error::new(ErrorKind::NoServer, "none").maybe_executed());
        let remote = Remote {
            node: "web-2".into(),
            class: "ValueError".into(),
            message: "negative".into(),
            ..Remote::default()
        };
        let error = Error::remote_error(remote.clone());
        assert_eq!(error.to_string(), "remote_error: ValueError on \"web-2\": negative");
        assert_eq!(error.remote(), Some(&remote));
        assert!(error.maybe_executed() && !error.retryable());
    }

    #[test]
    fn a_failed_join_names_every_seed_and_cause() {
        let attempt = |seed: &str, cause: &str| Attempt { seed: seed.into(), cause: cause.into() };
        let error = Error::join_failed(vec![attempt("a:1", "refused"), attempt("b", "no answer")]);
        assert_eq!(
            error.to_string(),
            "join_failed: none of 2 seeds answered: a:1 refused; b no answer"
        );
    }
}
