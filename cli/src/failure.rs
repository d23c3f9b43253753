//! Why a command failed, and the exit status that says so.

use std::fmt;
use std::io;

use chinwag::ErrorKind;

/// A message for people and an exit status for scripts.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    /// Something went wrong: 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { status: 1, message: message.into() }
    }

    /// The command line or the environment is wrong: 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { status: 2, message: message.into() }
    }

    /// Nothing matches: 3.
    pub(crate) fn no_match(message: impl Into<String>) -> Self {
        Self { status: 3, message: message.into() }
    }

    /// Nobody answers: 4.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { status: 4, message: message.into() }
    }

    /// The exit status.
    pub(crate) const fn status(&self) -> u8 {
        self.status
    }
}

impl From<chinwag::Error> for Failure {
    fn from(error: chinwag::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::BadConfig | ErrorKind::BadArgument | ErrorKind::TooLarge => 2,
            ErrorKind::JoinFailed | ErrorKind::KeyMismatch => 4,
            ErrorKind::Timeout => 5,
            _ => 1,
        };
        Self { status, message: error.to_string() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(match error.kind() {
            io::ErrorKind::BrokenPipe => "nobody reads the output any more".to_owned(),
            _ => error.to_string(),
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
