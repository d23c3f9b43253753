//! Options from JavaScript: camelCase names, times in milliseconds. The table is the core's; a text
//! stands for any kind of value and is read as the command line reads it. So are the arguments of
//! operations that are more than one plain value.

use std::collections::BTreeMap;
use std::time::Duration;

use chinwag::api::{OPTIONS, OptionInfo, OptionKind};
use chinwag::config::{Config, Value};
use chinwag::host::Question;
use chinwag::{Error, ErrorKind, Tags};
use napi::bindgen_prelude::{FromNapiValue, JsObjectValue, Object, Uint8Array, Unknown};
use napi::{JsValue, ValueType};

use crate::error::{Failure, Result, bad_argument, broken, failure};

/// The configuration that an options object describes.
pub(crate) fn config(options: &Object<'_>) -> Result<Config> {
    let mut config = Config::new();
    for key in Object::keys(options).map_err(broken)? {
        let value: Unknown<'_> = options.get_named_property(&key).map_err(broken)?;
        if value.get_type().map_err(broken)? != ValueType::Undefined {
            set(&mut config, &key, value)?;
        }
    }
    Ok(config)
}

/// An error of the core, with options named as JavaScript names them.
pub(crate) fn spelled(error: &Error) -> Failure {
    let mut message = error.message().to_owned();
    for option in OPTIONS.iter().filter(|option| option.name.contains('_')) {
        let camel = camel(option.name);
        message = message.replace(&format!("\"{}\"", option.name), &format!("\"{camel}\""));
    }
    failure(Error::new(error.kind(), message))
}

/// Tags to set, and to remove where the value is null. What is undefined is not there.
pub(crate) fn changes(object: &Object<'_>) -> Result<BTreeMap<String, Option<String>>> {
    let mut changes = BTreeMap::new();
    for key in Object::keys(object).map_err(broken)? {
        let value: Unknown<'_> = object.get_named_property(&key).map_err(broken)?;
        match value.get_type().map_err(broken)? {
            ValueType::Undefined => continue,
            ValueType::Null => changes.insert(key, None),
            ValueType::String => changes.insert(key, Some(text(value)?)),
            other => return Err(odd_tag(&key, named(other))),
        };
    }
    Ok(changes)
}

/// All tags; null has no meaning here.
pub(crate) fn tags(object: &Object<'_>) -> Result<Tags> {
    let with_value = |(key, value): (String, Option<String>)| match value {
        Some(value) => Ok((key, value)),
        None => Err(odd_tag(&key, "null")),
    };
    changes(object)?.into_iter().map(with_value).collect()
}

fn odd_tag(key: &str, got: &str) -> Failure {
    bad_argument(format!("tag \"{key}\" is {got}, expected a string"))
}

/// Milliseconds as a span.
pub(crate) fn span(millis: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(millis / 1e3).ok()
}

/// The number that an event gave to what is to be decided or answered.
pub(crate) fn id(number: f64) -> Result<u64> {
    whole(number).ok_or_else(|| bad_argument(format!("{number} is not the id of an event")))
}

/// A question, with all its options as `lib/arguments.js` hands them on.
pub(crate) fn question(name: String, payload: Vec<u8>, options: &Object<'_>) -> Result<Question> {
    let option = |key: &str| options.get_named_property::<Unknown<'_>>(key).map_err(broken);
    let timeout: Option<f64> = cast(option("timeout")?)?;
    let timeout = timeout.map(|millis| span(millis).ok_or_else(|| odd_span(millis))).transpose()?;
    let relay_factor: f64 = cast(option("relayFactor")?)?;
    let relay_factor = whole(relay_factor).and_then(|factor| u8::try_from(factor).ok());
    Ok(Question {
        name,
        payload,
        nodes: cast(option("nodes")?)?,
        tags: tags(&cast(option("tags")?)?)?,
        ack: cast(option("ack")?)?,
        relay_factor: relay_factor
            .ok_or_else(|| bad_argument("relayFactor is a whole number up to 255"))?,
        timeout,
    })
}

/// A span of time that is none.
pub(crate) fn odd_span(millis: f64) -> Failure {
    odd("timeout", millis)
}

/// The same of what is called otherwise.
pub(crate) fn odd(name: &str, millis: f64) -> Failure {
    bad_argument(format!("{name} is {millis}, expected milliseconds"))
}

/// How many messages there may be of something.
pub(crate) fn count(name: &str, number: f64) -> Result<usize> {
    let count = whole(number).and_then(|count| usize::try_from(count).ok());
    count.ok_or_else(|| bad_argument(format!("{name} is a whole number of messages")))
}

fn set(config: &mut Config, key: &str, value: Unknown<'_>) -> Result<()> {
    let Some(option) = OPTIONS.iter().find(|option| camel(option.name) == key) else {
        return Err(unknown(key));
    };
    let outcome = match value.get_type().map_err(broken)? {
        ValueType::String => config.set(option.name, &text(value)?),
        _ => config.set_value(option.name, converted(option, value)?),
    };
    outcome.map_err(|error| spelled(&error))
}

/// The core's own refusal of an unknown option, which names the nearest one.
fn unknown(key: &str) -> Failure {
    let snake = snake(key);
    match Config::new().set(&snake, "") {
        Err(error) if error.message().starts_with("unknown option") => {
            spelled(&Error::new(error.kind(), error.message().replacen(&snake, key, 1)))
        }
        // It exists, only not in this spelling.
        _ => failure(Error::new(
            ErrorKind::BadConfig,
            format!("unknown option \"{key}\"; did you mean \"{}\"?", camel(key)),
        )),
    }
}

fn converted(option: &OptionInfo, value: Unknown<'_>) -> Result<Value> {
    let kind = value.get_type().map_err(broken)?;
    let known = match (option.kind, kind) {
        (OptionKind::Duration, ValueType::Number) => span(number(value)?).map(Value::Duration),
        (OptionKind::Count { .. }, ValueType::Number) => whole(number(value)?).map(Value::Count),
        (OptionKind::Flag, ValueType::Boolean) => Some(Value::Flag(cast(value)?)),
        (OptionKind::List, ValueType::Object) if value.is_array().map_err(broken)? => {
            cast::<Vec<String>>(value).ok().map(Value::List)
        }
        (OptionKind::Map, ValueType::Object) => Some(Value::Map(map(option, value)?)),
        (OptionKind::Bytes, ValueType::Object) => {
            cast::<Uint8Array>(value).ok().map(|bytes| Value::Bytes(bytes.to_vec()))
        }
        _ => None,
    };
    known.ok_or_else(|| match option.secret {
        true => wrong(option, named(kind)),
        false => wrong(option, &shown(kind, value)),
    })
}

fn map(option: &OptionInfo, value: Unknown<'_>) -> Result<Tags> {
    tags(&cast(value)?).map_err(|error| {
        let message = format!("option \"{}\": {}", camel(option.name), error.reason);
        failure(Error::new(ErrorKind::BadConfig, message))
    })
}

fn wrong(option: &OptionInfo, got: &str) -> Failure {
    let expected = match option.kind {
        OptionKind::Text | OptionKind::Addr | OptionKind::Choice(_) => "a string",
        OptionKind::List => "an array of strings",
        OptionKind::Map => "an object of strings",
        OptionKind::Bytes => "a Uint8Array",
        OptionKind::Duration => "milliseconds",
        OptionKind::Flag => "true or false",
        OptionKind::Count { .. } => "a whole number",
    };
    let name = camel(option.name);
    let message = format!("option \"{name}\" is {got}, expected {expected}");
    failure(Error::new(ErrorKind::BadConfig, message))
}

fn shown(kind: ValueType, value: Unknown<'_>) -> String {
    match (kind, number(value)) {
        (ValueType::Number, Ok(number)) => number.to_string(),
        _ => named(kind).to_owned(),
    }
}

fn named(kind: ValueType) -> &'static str {
    match kind {
        ValueType::Null => "null",
        ValueType::Boolean => "a boolean",
        ValueType::Number => "a number",
        ValueType::String => "a string",
        ValueType::Symbol => "a symbol",
        ValueType::Object => "of another shape",
        ValueType::Function => "a function",
        _ => "of another type",
    }
}

/// The largest number up to which every whole number is exact.
const EXACT: f64 = 9_007_199_254_740_991.0;

/// A whole number from 0 that is exact.
pub(crate) fn whole(number: f64) -> Option<u64> {
    let fits = number.fract() == 0.0 && (0.0..=EXACT).contains(&number);
    fits.then_some(number as u64)
}

fn number(value: Unknown<'_>) -> Result<f64> {
    cast(value)
}

fn text(value: Unknown<'_>) -> Result<String> {
    cast(value)
}

fn cast<T: FromNapiValue>(value: Unknown<'_>) -> Result<T> {
    T::from_unknown(value).map_err(broken)
}

/// `probe_interval` as `probeInterval`.
pub(crate) fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// `probeInterval` as `probe_interval`.
fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
