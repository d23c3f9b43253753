//! What clocks are outside of the VM: bytes that are read, JSON, and counters for a table of
//! actors.

use chinwag::clock::{ActorTable, VectorClock};
use chinwag::error::Result;
use rustler::{Encoder, Env, Term};

use super::{binary, name, read, utf8};
use crate::config::List;
use crate::member::bytes;

pub(super) fn answer<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    Some(match (word, about) {
        ("read", &[bytes]) => read(bytes).map(|_| bytes),
        ("to_json", &[clock]) => read(clock).map(|clock| clock.to_json().encode(env)),
        ("from_json", &[json]) => {
            let clock = utf8("the JSON of a clock", json).and_then(VectorClock::from_json);
            clock.map(|clock| bytes(env, &clock.to_bytes()))
        }
        ("table", &[names]) => table_of(env, names),
        ("dense", &[clock, table]) => read(clock).and_then(|clock| {
            let dense = clock.to_dense(&self::table(table)?)?;
            Ok(bytes(env, &dense))
        }),
        ("from_dense", &[table, dense]) => self::table(table).and_then(|table| {
            let clock = VectorClock::from_dense(&table, &binary(dense)?)?;
            Ok(bytes(env, &clock.to_bytes()))
        }),
        _ => return None,
    })
}

/// `{bytes, fingerprint}`. A table is kept as the clock that has counted nothing of its actors.
fn table_of<'a>(env: Env<'a>, names: Term<'a>) -> Result<Term<'a>> {
    let names = List::of(names)?.map(|term| name(term?));
    let names = names.collect::<Result<Vec<_>>>()?;
    let table = ActorTable::new(names.iter().map(AsRef::as_ref))?;
    let mut clock = VectorClock::new();
    // In order, so each is added at the end.
    table.actors().try_for_each(|actor| clock.insert(actor))?;
    Ok((bytes(env, &clock.to_bytes()), table.fingerprint()).encode(env))
}

fn table(term: Term<'_>) -> Result<ActorTable> {
    ActorTable::new(read(term)?.actors())
}
