//! What operations come to, as values of JavaScript: times are milliseconds, records and maps are
//! objects, and what is not known is null.

use chinwag::host::Answer;
use napi::bindgen_prelude::{JsObjectValue, Null, Object, ToNapiValue, Uint8ArraySlice, Unknown};
use napi::{Env, JsValue, Property};
use napi_derive::napi;

use crate::config::camel;
use crate::error::{Result, broken};

/// The answer as JavaScript has it.
pub(crate) fn value<'env>(env: &'env Env, answer: &Answer) -> napi::Result<Unknown<'env>> {
    match answer {
        Answer::None => unknown(env, Null),
        Answer::Flag(flag) => unknown(env, *flag),
        // Exact up to 2^53.
        Answer::Count(count) => unknown(env, *count as f64),
        Answer::Number(number) => unknown(env, *number),
        Answer::Duration(span) => unknown(env, span.as_secs_f64() * 1e3),
        Answer::Text(text) => unknown(env, text.as_str()),
        Answer::Bytes(bytes) => unknown(env, Uint8ArraySlice::copy_from(env, bytes)?),
        Answer::List(list) => {
            let mut array = env.create_array(0)?;
            for item in list {
                array.insert(value(env, item)?)?;
            }
            Ok(array.to_unknown())
        }
        Answer::Record(fields) => {
            object(env, fields.iter().map(|(name, item)| (camel(name), item)))
        }
        Answer::Map(entries) => {
            object(env, entries.iter().map(|(name, item)| (name.clone(), item)))
        }
    }
}

/// Defined, not assigned: a member may be called `__proto__`, or have a zero in its name.
fn object<'env, 'a>(
    env: &'env Env,
    items: impl Iterator<Item = (String, &'a Answer)>,
) -> napi::Result<Unknown<'env>> {
    let property = |(name, item): (String, &Answer)| {
        Property::new().with_name(env, name)?.with_napi_value(env, value(env, item)?)
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
pub fn specimen(env: &Env) -> Result<Unknown<'_>> {
    value(env, &Answer::specimen()).map_err(broken)
}
