//! A way to find members that a user brings along.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

/// What a look-up came to: endpoints, each `host` or `host:port`, or why there are none.
pub type Found = Result<Vec<String>, Failure>;

/// Finds members: asked again and again, for as long as the node is open. What it finds is tried;
/// what it does not find any more stays a member, and so does everybody when it fails. A closure
/// that returns a future is one.
///
/// It is given up after five seconds, and asked again later. It runs as a task of the node's
/// runtime, so it must not block.
pub trait Strategy: Send + Sync + 'static {
    /// Where members may be now.
    fn find(&self) -> impl Future<Output = Found> + Send;
}

impl<F, A> Strategy for F
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = Found> + Send,
{
    fn find(&self) -> impl Future<Output = Found> + Send {
        self()
    }
}

/// Why nothing was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    refused: bool,
    cause: String,
}

impl Failure {
    /// It could not be asked, or gave no answer that makes sense.
    pub fn new(cause: impl fmt::Display) -> Self {
        Self { refused: false, cause: cause.to_string() }
    }

    /// Who was asked says that this node may not know.
    pub fn refused(cause: impl fmt::Display) -> Self {
        Self { refused: true, cause: cause.to_string() }
    }

    pub(super) fn silent(limit: Duration) -> Self {
        Self::new(format_args!("did not answer within {limit:?}"))
    }

    /// Whether it was an answer: no.
    pub const fn is_refused(&self) -> bool {
        self.refused
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

/// A future of a type that is not named.
type Finding<'a> = Pin<Box<dyn Future<Output = Found> + Send + 'a>>;

/// A [`Strategy`] whose type is not named.
pub(crate) trait Boxed: Send + Sync {
    fn find_boxed(&self) -> Finding<'_>;
}

impl<S: Strategy> Boxed for S {
    fn find_boxed(&self) -> Finding<'_> {
        Box::pin(self.find())
    }
}
