//! Clocks as their bytes: terms come in and terms go out, and nothing is kept here but logs of
//! retirements.
//!
//! What is asked often has a function of its own. All else is a request: a tuple of a word, and of
//! what it is about. Either answers `{:error, error}` for what is wrong, of whatever type it is.

mod forms;
mod retired;
mod siblings;
mod stamps;

use std::borrow::Cow;
use std::cell::RefCell;

use chinwag::clock::{Causality, Entry, PackedClock, TrimBounds, VectorClock, actor, split_actor};
use chinwag::{Error, ErrorKind, Result};
use rustler::types::tuple::get_tuple;
use rustler::{Binary, Encoder, Env, NifResult, Term};

use crate::config::{List, is_nil, text};
use crate::direct::direct;
use crate::error::{bad, shown};
use crate::member::bytes;
use crate::{atoms, error};

/// A request that is soon answered.
#[rustler::nif]
fn clock<'a>(env: Env<'a>, request: Term<'a>) -> Term<'a> {
    told(env, answer(env, request))
}

/// Any request, on a dirty scheduler.
#[rustler::nif(schedule = "DirtyCpu")]
fn clock_large<'a>(env: Env<'a>, request: Term<'a>) -> Term<'a> {
    told(env, answer(env, request))
}

/// The counter of an actor.
fn clock_count<'a>(env: Env<'a>, [clock, actor]: [Term<'a>; 2]) -> NifResult<Term<'a>> {
    Ok(told(env, counted(env, clock, actor)))
}
direct!(clock_count);

/// The clock after one more event of an actor.
fn clock_increment<'a>(env: Env<'a>, [clock, actor]: [Term<'a>; 2]) -> NifResult<Term<'a>> {
    Ok(told(env, incremented(env, clock, actor)))
}
direct!(clock_increment);

/// The clock with what another knows.
fn clock_merge<'a>(env: Env<'a>, [ours, theirs]: [Term<'a>; 2]) -> NifResult<Term<'a>> {
    Ok(told(env, merged(env, ours, theirs)))
}
direct!(clock_merge);

/// How a clock stands to another.
fn clock_compare<'a>(env: Env<'a>, [ours, theirs]: [Term<'a>; 2]) -> NifResult<Term<'a>> {
    Ok(told(env, compared(env, ours, theirs)))
}
direct!(clock_compare);

fn told<'a>(env: Env<'a>, answer: Result<Term<'a>>) -> Term<'a> {
    answer.unwrap_or_else(|error| error::tuple(env, &error))
}

fn answer<'a>(env: Env<'a>, request: Term<'a>) -> Result<Term<'a>> {
    let unknown = || bad("this is no request of a clock");
    let parts = get_tuple(request).map_err(|_| unknown())?;
    let (word, about) = parts.split_first().ok_or_else(unknown)?;
    let word: &str = word.decode().map_err(|_| unknown())?;
    let answer = changed(env, word, about).or_else(|| asked(env, word, about));
    let answer = answer.or_else(|| forms::answer(env, word, about));
    let answer = answer.or_else(|| retired::answer(env, word, about));
    let answer = answer.or_else(|| siblings::answer(env, word, about));
    answer.or_else(|| stamps::answer(env, word, about)).ok_or_else(unknown)?
}

/// Clocks made of others.
fn changed<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    let with = |clock, change: &mut dyn FnMut(&mut VectorClock) -> Result<()>| {
        let mut clock = read(clock)?;
        change(&mut clock)?;
        Ok(bytes(env, &clock.to_bytes()))
    };
    Some(match (word, about) {
        ("insert", &[clock, actor, now]) => with(clock, &mut |clock| match instant(now)? {
            Some(now) => clock.insert_at(&name(actor)?, now),
            None => clock.insert(&name(actor)?),
        }),
        ("increment", &[clock, actor]) => incremented(env, clock, actor),
        ("increment", &[clock, actor, now]) => with(clock, &mut |clock| match instant(now)? {
            Some(now) => clock.increment_at(&name(actor)?, now).map(|_| ()),
            None => clock.increment(&name(actor)?).map(|_| ()),
        }),
        ("update", &[clock, actor, count, now]) => {
            with(clock, &mut |clock| match (number("a count", count)?, instant(now)?) {
                (count, Some(now)) => clock.update_at(&name(actor)?, count, now),
                (count, None) => clock.update(&name(actor)?, count),
            })
        }
        ("fill", &[clock, pairs]) => with(clock, &mut |clock| {
            pairs_of(pairs)?.try_for_each(|pair| pair.and_then(|(a, n)| clock.update(&a, n)))
        }),
        ("remove", &[clock, actor]) => with(clock, &mut |clock| {
            clock.remove(&name(actor)?);
            Ok(())
        }),
        ("merge", &[ours, theirs]) => merged(env, ours, theirs),
        ("trim", &[clock, now, lower, young, upper, old]) => with(clock, &mut |clock| {
            clock.trim(number("a time", now)?, bounds([lower, young, upper, old])?);
            Ok(())
        }),
        _ => return None,
    })
}

/// What a clock is asked.
fn asked<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    Some(match (word, about) {
        ("compare", &[ours, theirs]) => compared(env, ours, theirs),
        ("count", &[clock, actor]) => counted(env, clock, actor),
        ("size", &[clock]) => read(clock).map(|clock| clock.len().encode(env)),
        ("get", &[clock, actor]) => read(clock).and_then(|clock| {
            Ok(clock.get(&name(actor)?).map(|entry| entry_term(env, entry)).encode(env))
        }),
        ("counts", &[clock]) => read(clock).map(|clock| counts(env, &clock)),
        ("entries", &[clock]) => read(clock).map(|clock| {
            let entries = clock.iter().map(|(actor, entry)| (actor, entry_term(env, entry)));
            entries.map(|pair| pair.encode(env)).collect::<Vec<Term<'a>>>().encode(env)
        }),
        ("actor", &[name, incarnation]) => self::name(name)
            .and_then(|name| Ok(actor(&name, number("an incarnation", incarnation)?)?.encode(env))),
        ("split_actor", &[actor]) => name(actor).map(|actor| split_actor(&actor).encode(env)),
        _ => return None,
    })
}

fn counted<'a>(env: Env<'a>, clock: Term<'a>, actor: Term<'a>) -> Result<Term<'a>> {
    Ok(PackedClock::new(&binary(clock)?).count(&name(actor)?)?.encode(env))
}

fn incremented<'a>(env: Env<'a>, clock: Term<'a>, actor: Term<'a>) -> Result<Term<'a>> {
    written(env, |out| PackedClock::new(&binary(clock)?).increment(&name(actor)?, out))
}

/// What changes nothing stays the term that it is.
fn merged<'a>(env: Env<'a>, ours: Term<'a>, theirs: Term<'a>) -> Result<Term<'a>> {
    let (our, their) = (binary(ours)?, binary(theirs)?);
    let mut changed = false;
    let merged = written(env, |out| {
        changed = PackedClock::new(&our).merge(&PackedClock::new(&their), out)?;
        Ok(())
    })?;
    Ok(if changed { merged } else { ours })
}

fn compared<'a>(env: Env<'a>, ours: Term<'a>, theirs: Term<'a>) -> Result<Term<'a>> {
    let (our, their) = (binary(ours)?, binary(theirs)?);
    let causality = PackedClock::new(&our).compare(&PackedClock::new(&their))?;
    Ok(causality_term(env, causality))
}

fn causality_term(env: Env<'_>, causality: Causality) -> Term<'_> {
    let atom = match causality {
        Causality::Equal => atoms::equal(),
        Causality::Before => atoms::before(),
        Causality::After => atoms::after(),
        Causality::Concurrent => atoms::concurrent(),
    };
    atom.to_term(env)
}

/// Bytes that are kept for the next call at most.
const KEPT_MAX: usize = 65_536;

/// A binary of what is written to a buffer, which each thread has one of.
fn written<'a>(env: Env<'a>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<Term<'a>> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        let written = write(buffer).map(|()| bytes(env, buffer));
        buffer.shrink_to(KEPT_MAX);
        written
    })
}

/// `{count, insert, time}`.
fn entry_term(env: Env<'_>, entry: Entry) -> Term<'_> {
    (entry.count, entry.insert, entry.time).encode(env)
}

/// `{actor, count}` of each entry.
fn counts<'a>(env: Env<'a>, clock: &VectorClock) -> Term<'a> {
    let counts = clock.iter().map(|(actor, entry)| (actor, entry.count).encode(env));
    counts.collect::<Vec<Term<'a>>>().encode(env)
}

fn binary(term: Term<'_>) -> Result<Binary<'_>> {
    let wrong = |_| bad(format!("the bytes of a clock are a binary; this is {}", shown(term)));
    term.decode().map_err(wrong)
}

fn read(term: Term<'_>) -> Result<VectorClock> {
    VectorClock::from_bytes(&binary(term)?)
}

/// The name of an actor: text, or an atom that means its text.
fn name(term: Term<'_>) -> Result<Cow<'_, str>> {
    if let Ok(name) = term.decode::<&str>() {
        return Ok(Cow::Borrowed(name));
    }
    let wrong = || bad(format!("an actor is text; this is {}", shown(term)));
    text(term).map(Cow::Owned).ok_or_else(wrong)
}

fn number(what: &str, term: Term<'_>) -> Result<u64> {
    let wrong =
        |_| bad(format!("{what} is a whole number from 0 to 2^64 - 1; this is {}", shown(term)));
    term.decode().map_err(wrong)
}

/// A time in microseconds, or none.
fn instant(term: Term<'_>) -> Result<Option<u64>> {
    if is_nil(term) { Ok(None) } else { number("a time in microseconds", term).map(Some) }
}

/// Pairs of an actor and a count.
fn pairs_of<'a>(term: Term<'a>) -> Result<impl Iterator<Item = Result<(Cow<'a, str>, u64)>>> {
    Ok(List::of(term)?.map(|pair| {
        let pair = pair?;
        let wrong = |_| bad(format!("an entry is {{actor, count}}; this is {}", shown(pair)));
        let (actor, count): (Term<'a>, Term<'a>) = pair.decode().map_err(wrong)?;
        Ok((name(actor)?, number("a count", count)?))
    }))
}

/// Bounds of a trim, with those of the core where `nil` is given.
fn bounds([lower, young, upper, old]: [Term<'_>; 4]) -> Result<TrimBounds> {
    let given = |what, term, usual| if is_nil(term) { Ok(usual) } else { number(what, term) };
    let usual = TrimBounds::default();
    let size = |what, term, usual: usize| {
        // More than there can be is no bound.
        Ok::<_, Error>(usize::try_from(given(what, term, usual as u64)?).unwrap_or(usize::MAX))
    };
    Ok(TrimBounds {
        lower: size("lower", lower, usual.lower)?,
        young_us: given("young_us", young, usual.young_us)?,
        upper: size("upper", upper, usual.upper)?,
        old_us: given("old_us", old, usual.old_us)?,
    })
}

/// Text of UTF-8 in a binary.
fn utf8<'a>(what: &str, term: Term<'a>) -> Result<&'a str> {
    let wrong = |_| Error::new(ErrorKind::BadArgument, format!("{what} is text of UTF-8"));
    term.decode().map_err(wrong)
}
