//! Actors that have ended, and clocks that need no entry of them. A log is a resource: it may be
//! long, and every question about a folded clock needs it.

use chinwag::clock::{Folded, Retired};
use chinwag::error::Result;
use rustler::{Encoder, Env, Resource, ResourceArc, Term};

use super::{binary, causality_term, name, number, pairs_of, read, utf8};
use crate::error::bad;
use crate::member::bytes;
use crate::ring::weight;

/// The resource.
struct RetiredRef(Retired);

#[rustler::resource_impl]
impl Resource for RetiredRef {}

/// Bytes that a retirement takes beside its name.
const ENTRY_SIZE: usize = 64;

pub(super) fn answer<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    let answer = log_answer(env, word, about).or_else(|| form_answer(env, word, about));
    answer.or_else(|| folded_answer(env, word, about))
}

/// Logs, and what is asked with them.
fn log_answer<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    let of = |log, ask: &dyn Fn(&Retired) -> Result<Term<'a>>| ask(&known(log)?.0);
    Some(match (word, about) {
        ("log", &[pairs]) => new_log(pairs).map(|log| made(env, log)),
        ("retire", &[log, actor, count]) => of(log, &|log| {
            let (actor, count, mut log) = (name(actor)?, number("a count", count)?, log.clone());
            log.retire(&actor, count)?;
            Ok(made(env, log))
        }),
        ("retired", &[log]) => of(log, &|log| {
            let pairs = log.iter().map(|pair| pair.encode(env));
            Ok(pairs.collect::<Vec<Term<'a>>>().encode(env))
        }),
        ("last", &[log, actor]) => of(log, &|log| Ok(log.get(&name(actor)?).encode(env))),
        ("same", &[ours, theirs]) => of(ours, &|ours| Ok((*ours == known(theirs)?.0).encode(env))),
        ("fold", &[log, clock]) => of(log, &|log| Ok(folded_term(env, &log.fold(&read(clock)?)?))),
        ("unfold", &[log, folded]) => of(log, &|log| {
            let clock = log.unfold(&self::folded(folded)?)?;
            Ok(bytes(env, &clock.to_bytes()))
        }),
        ("raise", &[log, folded]) => {
            of(log, &|log| Ok(folded_term(env, &log.raise(&self::folded(folded)?)?)))
        }
        ("compare_folded", &[log, ours, theirs]) => {
            of(log, &|log| Ok(causality_term(env, log.compare(&folded(ours)?, &folded(theirs)?)?)))
        }
        ("merge_folded", &[log, ours, theirs]) => {
            of(log, &|log| Ok(folded_term(env, &log.merge(&folded(ours)?, &folded(theirs)?)?)))
        }
        _ => return None,
    })
}

/// Logs as bytes and as JSON.
fn form_answer<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    Some(match (word, about) {
        ("log_to_bytes", &[log]) => known(log).map(|log| bytes(env, &log.0.to_bytes())),
        ("log_from_bytes", &[given]) => {
            binary(given).and_then(|given| Ok(made(env, Retired::from_bytes(&given)?)))
        }
        ("log_to_json", &[log]) => known(log).map(|log| log.0.to_json().encode(env)),
        ("log_from_json", &[json]) => {
            let log = utf8("the JSON of a log", json).and_then(Retired::from_json);
            log.map(|log| made(env, log))
        }
        _ => return None,
    })
}

/// Folded clocks by themselves.
fn folded_answer<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    Some(match (word, about) {
        ("read_folded", &[bytes]) => folded(bytes).map(|_| bytes),
        ("folded_epoch", &[bytes]) => folded(bytes).map(|folded| folded.epoch().encode(env)),
        ("folded_clock", &[given]) => {
            folded(given).map(|folded| bytes(env, &folded.clock().to_bytes()))
        }
        ("folded_to_json", &[bytes]) => folded(bytes).map(|folded| folded.to_json().encode(env)),
        ("folded_from_json", &[json]) => {
            let folded = utf8("the JSON of a folded clock", json).and_then(Folded::from_json);
            folded.map(|folded| folded_term(env, &folded))
        }
        _ => return None,
    })
}

fn new_log(pairs: Term<'_>) -> Result<Retired> {
    let mut log = Retired::new();
    for pair in pairs_of(pairs)? {
        let (actor, count) = pair?;
        log.retire(&actor, count)?;
    }
    Ok(log)
}

/// `{log, weight, epoch}`.
fn made<'a>(env: Env<'a>, log: Retired) -> Term<'a> {
    let size = log.iter().map(|(actor, _)| actor.len() + ENTRY_SIZE).sum();
    let epoch = log.epoch();
    let log = ResourceArc::new(RetiredRef(log));
    let weight = weight(env, &log, size);
    (log, weight, epoch).encode(env)
}

fn known(term: Term<'_>) -> Result<ResourceArc<RetiredRef>> {
    let wrong =
        |_| bad("this log is not of this VM; make it anew from the list of its retirements");
    term.decode().map_err(wrong)
}

fn folded(term: Term<'_>) -> Result<Folded> {
    Folded::from_bytes(&binary(term)?)
}

fn folded_term<'a>(env: Env<'a>, folded: &Folded) -> Term<'a> {
    bytes(env, &folded.to_bytes())
}
