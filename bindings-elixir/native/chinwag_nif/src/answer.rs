//! What operations come to, as terms: times are milliseconds, records are maps with atoms for keys,
//! and what is not known is `nil`.

use chinwag::host::Answer;
use rustler::{Encoder, Env, Term};

use crate::{atoms, error, member, word};

/// `:ok` when there is nothing to tell, or `{:ok, value}`.
pub(crate) fn outcome<'a>(env: Env<'a>, answer: &Answer) -> Term<'a> {
    match answer {
        Answer::None => atoms::ok().to_term(env),
        told => (atoms::ok(), term(env, told)).encode(env),
    }
}

/// A value.
pub(crate) fn term<'a>(env: Env<'a>, answer: &Answer) -> Term<'a> {
    match answer {
        Answer::None => atoms::nil().to_term(env),
        Answer::Flag(flag) => flag.encode(env),
        Answer::Count(count) => count.encode(env),
        Answer::Number(number) => number.encode(env),
        Answer::Duration(span) => (span.as_secs_f64() * 1e3).encode(env),
        Answer::Text(text) => text.encode(env),
        Answer::Bytes(bytes) => member::bytes(env, bytes),
        // Read by whoever gets it, on a scheduler of its own.
        Answer::Payload(payload) => (payload.codec, member::bytes(env, &payload.bytes)).encode(env),
        Answer::Error(error) => error::encode(env, error),
        Answer::List(list) => {
            let items: Vec<Term<'a>> = list.iter().map(|item| term(env, item)).collect();
            items.encode(env)
        }
        // These names are the core's own, so they may be atoms, of which a VM has room for few.
        Answer::Record(fields) => {
            map(env, fields.iter().map(|(name, item)| (word(env, name), item)))
        }
        Answer::Map(entries) => {
            map(env, entries.iter().map(|(name, item)| (name.encode(env), item)))
        }
    }
}

fn map<'a, 'b>(env: Env<'a>, items: impl Iterator<Item = (Term<'a>, &'b Answer)>) -> Term<'a> {
    let (names, values): (Vec<Term<'a>>, Vec<Term<'a>>) =
        items.map(|(name, item)| (name, term(env, item))).unzip();
    Term::map_from_term_arrays(env, &names, &values).unwrap_or_else(|_| Term::map_new(env))
}

/// An answer with every kind of value in it, for the tests.
#[rustler::nif]
fn specimen(env: Env<'_>) -> Term<'_> {
    outcome(env, &Answer::specimen())
}
