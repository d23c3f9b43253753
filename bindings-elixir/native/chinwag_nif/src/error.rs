//! Errors as `Chinwag.Error` structs, by the core's table.

use chinwag::error::{Attempt, Remote};
use chinwag::{Error, ErrorKind};
use rustler::{Encoder, Env, Term, TermType, term_map};

use crate::{atoms, word};

/// Characters of what is wrong that an error shows at most.
const SHOWN_MAX: usize = 80;

/// `%Chinwag.Error{}`.
pub(crate) fn encode<'a>(env: Env<'a>, error: &Error) -> Term<'a> {
    let row = error.kind().info();
    let attempts: Vec<Term<'a>> = error.attempts().iter().map(|a| attempt(env, a)).collect();
    term_map!(env, {
        atoms::__struct__() => atoms::error_module(),
        atoms::__exception__() => true,
        atoms::code() => word(env, row.code),
        atoms::number() => row.number,
        atoms::retryable() => row.retryable,
        atoms::maybe_executed() => error.maybe_executed(),
        atoms::message() => error.message(),
        atoms::attempts() => attempts,
        atoms::remote() => error.remote().map(|told| remote(env, told)),
    })
}

fn remote<'a>(env: Env<'a>, told: &Remote) -> Term<'a> {
    term_map!(env, {
        atoms::node() => told.node.as_str(),
        atoms::language() => told.language.as_str(),
        atoms::class() => told.class.as_str(),
        atoms::message() => told.message.as_str(),
        atoms::stack() => told.stack.as_deref(),
    })
}

fn attempt<'a>(env: Env<'a>, attempt: &Attempt) -> Term<'a> {
    (attempt.seed.as_str(), attempt.cause.as_str()).encode(env)
}

/// `{:error, %Chinwag.Error{}}`.
pub(crate) fn tuple<'a>(env: Env<'a>, error: &Error) -> Term<'a> {
    (atoms::error(), encode(env, error)).encode(env)
}

/// An error that is raised.
struct Raised(Error);

impl Encoder for Raised {
    fn encode<'a>(&self, env: Env<'a>) -> Term<'a> {
        encode(env, &self.0)
    }
}

pub(crate) fn raised(error: Error) -> rustler::Error {
    rustler::Error::RaiseTerm(Box::new(Raised(error)))
}

pub(crate) fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::BadArgument, message)
}

/// What the caller gave, in an error: never more of it than a line.
pub(crate) fn shown(term: Term<'_>) -> String {
    match term.get_type() {
        TermType::Atom | TermType::Float => format!("{term:?}"),
        TermType::Integer => term
            .decode::<i64>()
            .map_or_else(|_| "a number that is too large".to_owned(), |number| number.to_string()),
        TermType::Binary => match term.decode::<&str>() {
            Ok(text) => format!("{:?}", text.chars().take(SHOWN_MAX).collect::<String>()),
            Err(_) => "bits that are no text".to_owned(),
        },
        TermType::List => "a list".to_owned(),
        TermType::Map => "a map".to_owned(),
        TermType::Tuple => "a tuple".to_owned(),
        _ => "something else".to_owned(),
    }
}
