//! What operations come to, as values of JavaScript: times are milliseconds, records and maps are
//! objects, and what is not known is null. Payloads are told beside them, and errors are values.

use chinwag::host::{Answer, Completion};
use napi::bindgen_prelude::{JsObjectValue, Null, Object, ToNapiValue, Uint8ArraySlice, Unknown};
use napi::{Env, JsValue, Property};
use napi_derive::napi;

use crate::config::camel;
use crate::error::{Failed, Result, broken};
use crate::payload::{Parts, Told};

/// Outcomes, and the payloads that are in them.
#[napi(object, object_from_js = false)]
pub struct Outcomes<'env> {
    /// Each of them.
    pub all: Vec<Outcome<'env>>,
    /// What is said of their payloads, if there are any.
    pub told: Option<Parts<'env>>,
}

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
    let mut told = Told::default();
    let mut outcome = |Completion { id, result }| {
        let (answer, failed) = match result {
            Ok(answer) => (answer, None),
            Err(error) => (Answer::None, Some(Failed::from(&error))),
        };
        let value = value(env, &answer, &mut told)?;
        Ok(Outcome { id: id as f64, value, failed })
    };
    let all = settled.into_iter().map(&mut outcome).collect::<napi::Result<_>>()?;
    let told = Some(told).filter(|told| !told.is_empty());
    let told = told.map(|told| told.parts(env)).transpose();
    Ok(Outcomes { all, told: told.map_err(|error| napi::Error::from_reason(&error.reason))? })
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
