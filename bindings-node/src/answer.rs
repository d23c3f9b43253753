//! What operations come to, as values of JavaScript: times are milliseconds, records and maps are
//! objects, and what is not known is null. Payloads are told beside them, and errors are values.

use chinwag::host::{Answer, Completion};
use napi::bindgen_prelude::{JsObjectValue, Null, Object, ToNapiValue, Uint8ArraySlice, Unknown};
use napi::{Env, JsValue, Property};
use napi_derive::napi;

use crate::config::camel;
use crate::error::{Failed, Result, broken};
use crate::payload::{Parts, Told};

/// Outcomes. Most are the payloads of calls, which are told without an object for each.
#[napi(object, object_from_js = false)]
pub struct Outcomes<'env> {
    /// In their order, if there are any: the number of one that is a payload, and its value; or
    /// [`OTHER`] for the next of the others.
    pub calls: Option<Parts<'env>>,
    /// The others.
    pub all: Vec<Outcome<'env>>,
    /// What is said of payloads in these, if there are any.
    pub told: Option<Parts<'env>>,
}

/// In place of the number of an operation.
const OTHER: f64 = 0.0;

/// The outcome of an operation.
#[napi(object, object_from_js = false)]
pub struct Outcome<'env> {
    /// The number under which it was submitted.
    pub id: f64,
    /// What it came to; null when it failed, or when there is nothing to tell.
    pub value: Unknown<'env>,
    /// Why it failed, if it did.
    pub failed: Option<Failed>,
}

/// Outcomes as JavaScript has them.
pub(crate) fn outcomes(env: &Env, settled: Vec<Completion>) -> napi::Result<Outcomes<'_>> {
    let (mut calls, mut all, mut told) = (Told::default(), Vec::new(), Told::default());
    for Completion { id, result } in settled {
        let id = id as f64;
        let (answer, failed) = match result.and_then(|answer| called(&mut calls, id, answer)) {
            Ok(None) => continue,
            Ok(Some(answer)) => (answer, None),
            Err(error) => (Answer::None, Some(Failed::from(&error))),
        };
        calls.number(OTHER);
        all.push(Outcome { id, value: value(env, &answer, &mut told)?, failed });
    }
    Ok(Outcomes { calls: parts(env, calls)?, all, told: parts(env, told)? })
}

/// Tells the payload of a call; what is none comes back.
fn called(calls: &mut Told, id: f64, answer: Answer) -> chinwag::Result<Option<Answer>> {
    let Answer::Payload(payload) = answer else { return Ok(Some(answer)) };
    calls.mark();
    calls.number(id);
    match calls.payload(&payload) {
        Ok(_) => Ok(None),
        Err(error) => {
            calls.reset();
            // It is here, so that the server has done what it was asked.
            Err(error.with_executed(true))
        }
    }
}

fn parts(env: &Env, told: Told) -> napi::Result<Option<Parts<'_>>> {
    let told = Some(told).filter(|told| !told.is_empty());
    let told = told.map(|told| told.parts(env)).transpose();
    told.map_err(|error| napi::Error::from_reason(&error.reason))
}

/// An answer that has no payload.
pub(crate) fn plain<'env>(env: &'env Env, answer: &Answer) -> Result<Unknown<'env>> {
    value(env, answer, &mut Told::default()).map_err(broken)
}

/// The answer as JavaScript has it. Of a payload, that is where it is told; or why it cannot be.
fn value<'env>(env: &'env Env, answer: &Answer, told: &mut Told) -> napi::Result<Unknown<'env>> {
    match answer {
        Answer::None => unknown(env, Null),
        Answer::Flag(flag) => unknown(env, *flag),
        // Exact up to 2^53.
        Answer::Count(count) => unknown(env, *count as f64),
        Answer::Number(number) => unknown(env, *number),
        Answer::Duration(span) => unknown(env, span.as_secs_f64() * 1e3),
        Answer::Text(text) => unknown(env, text.as_str()),
        Answer::Bytes(bytes) => unknown(env, Uint8ArraySlice::copy_from(env, bytes)?),
        Answer::Payload(payload) => match told.payload(payload) {
            Ok(place) => unknown(env, place),
            // It is here, so that the server has done what it was asked.
            Err(error) => unknown(env, Failed::from(&error.with_executed(true))),
        },
        Answer::Error(error) => unknown(env, Failed::from(error)),
        Answer::List(list) => {
            let mut array = env.create_array(0)?;
            for item in list {
                array.insert(value(env, item, told)?)?;
            }
            Ok(array.to_unknown())
        }
        Answer::Record(fields) => {
            object(env, fields.iter().map(|(name, item)| (camel(name), item)), told)
        }
        Answer::Map(entries) => {
            object(env, entries.iter().map(|(name, item)| (name.clone(), item)), told)
        }
    }
}

/// Defined, not assigned: a member may be called `__proto__`, or have a zero in its name.
fn object<'env, 'a>(
    env: &'env Env,
    items: impl Iterator<Item = (String, &'a Answer)>,
    told: &mut Told,
) -> napi::Result<Unknown<'env>> {
    let property = |(name, item): (String, &Answer)| {
        Property::new().with_name(env, name)?.with_napi_value(env, value(env, item, told)?)
    };
    let properties: napi::Result<Vec<Property>> = items.map(property).collect();
    let mut object = Object::new(env)?;
    object.define_properties(&properties?)?;
    Ok(object.to_unknown())
}

fn unknown<'env>(env: &'env Env, value: impl ToNapiValue) -> napi::Result<Unknown<'env>> {
    value.into_unknown(env)
}

/// An answer with every kind of value in it, for the tests.
#[napi(catch_unwind)]
pub fn specimen(env: &Env) -> Result<Outcomes<'_>> {
    let settled = Completion { id: 0, result: Ok(Answer::specimen()) };
    outcomes(env, vec![settled]).map_err(broken)
}
