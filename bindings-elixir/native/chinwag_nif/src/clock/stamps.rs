//! Stamps in an order that everybody shares: hybrid clocks, and Lamport's. Both are numbers here.

use chinwag::clock::{HybridClock, HybridTime, LamportClock};
use chinwag::error::Result;
use rustler::{Encoder, Env, Term};

use super::{binary, number, utf8};

pub(super) fn answer<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    let stamp = match (word, about) {
        ("tick", &[last, drift, now]) => hybrid(last, drift)
            .and_then(|mut clock| Ok(clock.tick(number("a time in microseconds", now)?))),
        ("observe", &[last, drift, remote, now]) => hybrid(last, drift).and_then(|mut clock| {
            clock.observe(time(remote)?, number("a time in microseconds", now)?)
        }),
        ("stamp", &[number]) => time(number),
        ("read_stamp", &[text]) => utf8("the text of a stamp", text).and_then(str::parse),
        ("stamp_of_bytes", &[bytes]) => {
            binary(bytes).and_then(|bytes| HybridTime::from_bytes(&bytes))
        }
        _ => return words(env, word, about),
    };
    Some(stamp.map(|stamp| stamp.as_u64().encode(env)))
}

fn words<'a>(env: Env<'a>, word: &str, about: &[Term<'a>]) -> Option<Result<Term<'a>>> {
    Some(match (word, about) {
        ("stamp_text", &[stamp]) => time(stamp).map(|stamp| stamp.to_string().encode(env)),
        ("lamport_tick", &[last]) => lamport(last).map(|mut clock| clock.tick().encode(env)),
        ("lamport_observe", &[last, remote]) => lamport(last).and_then(|mut clock| {
            Ok(clock.observe(number("the number of a Lamport clock", remote)?).encode(env))
        }),
        _ => return None,
    })
}

fn hybrid(last: Term<'_>, drift: Term<'_>) -> Result<HybridClock> {
    Ok(HybridClock::resume(time(last)?, number("a drift in microseconds", drift)?))
}

fn time(term: Term<'_>) -> Result<HybridTime> {
    number("a stamp", term).map(HybridTime::from_u64)
}

fn lamport(term: Term<'_>) -> Result<LamportClock> {
    number("the number of a Lamport clock", term).map(LamportClock::at)
}
