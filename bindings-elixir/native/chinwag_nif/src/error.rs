//! Errors as `Chinwag.Error` structs, by the core's table.

use chinwag::Error;
use chinwag::error::Attempt;
use rustler::{Encoder, Env, Term, term_map};

use crate::{atoms, word};

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
        atoms::message() => error.message(),
        atoms::attempts() => attempts,
    })
}

fn attempt<'a>(env: Env<'a>, attempt: &Attempt) -> Term<'a> {
    (attempt.seed.as_str(), attempt.cause.as_str()).encode(env)
}

/// `{:error, %Chinwag.Error{}}`.
pub(crate) fn tuple<'a>(env: Env<'a>, error: &Error) -> Term<'a> {
    (atoms::error(), encode(env, error)).encode(env)
}
