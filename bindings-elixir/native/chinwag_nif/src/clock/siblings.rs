//! Values that were written without knowing of each other, side by side, in the bytes of their
//! record.

use chinwag::clock::{Dot, Siblings};
use chinwag::error::Result;
use rustler::{Binary, Encoder, Env, Term};

use super::{binary, causality_term, name, read, utf8};
use crate::config::List;
use crate::error::{bad, shown};
use crate::member::bytes;

/// Values stay where they are, in the bytes that came in.
type Record<'a> = Siblings<&'a [u8]>;

pub(super) fn answer<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    changed(env, word, about).or_else(|| asked(env, word, about))
}

/// Records made of others.
fn changed<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    let with = |given, change: &mut dyn FnMut(&mut Record<'a>) -> Result<()>| {
        let mut record = record(given)?;
        change(&mut record)?;
        Ok(bytes(env, &record.to_bytes()))
    };
    Some(match (word, about) {
        ("put", &[record, actor, context, value]) => with(record, &mut |record| {
            record.put(&name(actor)?, &read(context)?, payload(value)?).map(|_| ())
        }),
        ("discard", &[record, context]) => {
            with(record, &mut |record| record.discard(&read(context)?))
        }
        ("sync", &[ours, theirs]) => with(ours, &mut |record| record.merge(self::record(theirs)?)),
        ("resolve", &[record, actor, value]) => with(record, &mut |record| {
            let value = payload(value)?;
            record.resolve(&name(actor)?, |_| value).map(|_| ())
        }),
        ("with_values", &[record, values]) => with(record, &mut |record| {
            let values = List::of(values)?.map(|value| payload(value?));
            let mut values = values.collect::<Result<Vec<_>>>()?.into_iter();
            if values.len() != record.len() {
                return Err(bad("there are as many values after as before"));
            }
            let before = std::mem::take(record);
            *record = before.map(|value| values.next().unwrap_or(value));
            Ok(())
        }),
        _ => return None,
    })
}

/// What a record is asked.
fn asked<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    let value = |value: &&[u8]| bytes(env, value);
    Some(match (word, about) {
        ("read_siblings", &[given]) => record(given).map(|_| given),
        ("siblings_to_json", &[given]) => record(given).map(|record| record.to_json().encode(env)),
        ("siblings_from_json", &[json]) => {
            let record = utf8("the JSON of siblings", json).and_then(Siblings::from_json);
            record.map(|record| bytes(env, &record.to_bytes()))
        }
        ("values", &[given]) => record(given)
            .map(|record| record.values().map(value).collect::<Vec<Term<'a>>>().encode(env)),
        ("dots", &[given]) => record(given).map(|record| {
            let dot = |(dot, of): (Dot<'_>, _)| ((dot.actor, dot.count), value(of)).encode(env);
            record.dots().map(dot).collect::<Vec<Term<'a>>>().encode(env)
        }),
        ("values_size", &[given]) => record(given).map(|record| record.len().encode(env)),
        ("context", &[given]) => {
            record(given).map(|record| bytes(env, &record.context().to_bytes()))
        }
        ("compare_siblings", &[ours, theirs]) => {
            record(ours).and_then(|ours| Ok(causality_term(env, ours.compare(&record(theirs)?))))
        }
        _ => return None,
    })
}

fn record(term: Term<'_>) -> Result<Record<'_>> {
    Siblings::borrowed(binary(term)?.as_slice())
}

fn payload(term: Term<'_>) -> Result<&[u8]> {
    let value: Binary<'_> = term.decode().map_err(|_| {
        bad(format!(
            "a value is a binary, or needs a codec that makes one; this is {}",
            shown(term)
        ))
    })?;
    Ok(value.as_slice())
}
