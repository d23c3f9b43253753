//! Keyword arguments as options. Each value is read as its row in the option table says; what is
//! known, allowed and contradictory is the core's to judge. Questions and keys come in here, too.

use std::time::Duration;

use chinwag::api::{OPTIONS, OptionInfo, OptionKind};
use chinwag::config::{Config, Value};
use chinwag::error::{Error, ErrorKind, Result};
use chinwag::host::Question;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};

use crate::error::OrRaise;
use crate::messages::limit;

/// The options in a dictionary, each checked.
pub(crate) fn config(options: &Bound<'_, PyDict>) -> PyResult<Config> {
    let mut config = Config::new();
    for (key, value) in options.iter() {
        let key: String = key.extract()?;
        set(&mut config, &key, &value).or_raise(options.py())?;
    }
    Ok(config)
}

/// `None` stands for the default. Text is read by the core, whatever the kind of the option.
fn set(config: &mut Config, key: &str, value: &Bound<'_, PyAny>) -> Result<()> {
    let Some(row) = OPTIONS.iter().find(|row| row.name == key) else {
        return config.set(key, "");
    };
    if value.is_none() {
        return Ok(());
    }
    if let Ok(text) = value.extract::<String>() {
        return config.set(key, &text);
    }
    match convert(row.kind, value) {
        Some(value) => config.set_value(key, value),
        None => Err(mismatch(row, value)),
    }
}

fn convert(kind: OptionKind, value: &Bound<'_, PyAny>) -> Option<Value> {
    match kind {
        OptionKind::Text | OptionKind::Choice(_) | OptionKind::Addr => None,
        OptionKind::List => texts(value).map(Value::List),
        OptionKind::Map => value.extract().ok().map(Value::Map),
        OptionKind::Bytes => value.extract().ok().map(Value::Bytes),
        OptionKind::Duration => span(value).map(Value::Duration),
        OptionKind::Flag => value.cast::<PyBool>().ok().map(|flag| Value::Flag(flag.is_true())),
        OptionKind::Count { .. } => number(value)?.extract().ok().map(Value::Count),
    }
}

/// Any iterable of texts: a list, a tuple, a set, a generator.
fn texts(value: &Bound<'_, PyAny>) -> Option<Vec<String>> {
    value.try_iter().ok()?.map(|item| item.ok()?.extract().ok()).collect()
}

/// A whole number. `True` is none, although Python counts with it.
fn number<'a, 'py>(value: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, PyInt>> {
    value.cast::<PyInt>().ok().filter(|_| !value.is_instance_of::<PyBool>())
}

/// Seconds as a number, or a `timedelta`.
pub(crate) fn span(value: &Bound<'_, PyAny>) -> Option<Duration> {
    if value.is_instance_of::<PyFloat>() || number(value).is_some() {
        return Duration::try_from_secs_f64(value.extract().ok()?).ok();
    }
    value.extract().ok()
}

fn mismatch(row: &OptionInfo, value: &Bound<'_, PyAny>) -> Error {
    let expected = match row.kind {
        OptionKind::Text => "a str",
        OptionKind::Choice(_) => "one of the listed words",
        OptionKind::Addr => "a str such as \"127.0.0.1:7946\"",
        OptionKind::List => "a sequence of str",
        OptionKind::Map => "a dict of str to str",
        OptionKind::Bytes => "bytes",
        OptionKind::Duration => "seconds as a number from 0, or a timedelta",
        OptionKind::Flag => "True or False",
        OptionKind::Count { .. } => "an int from 0",
    };
    let got = match row.secret {
        true => "of another type".to_owned(),
        false => value.repr().map_or_else(|_| "unprintable".to_owned(), |repr| repr.to_string()),
    };
    let message = format!("option \"{}\" is {got}, expected {expected}", row.name);
    Error::new(ErrorKind::BadConfig, message)
}

/// The text of a key. Where it is no text, the exception of Python's own would have all of it.
pub(crate) fn secret<'a>(key: &'a Bound<'_, PyString>) -> Result<&'a str> {
    key.to_str().map_err(|_| Error::new(ErrorKind::BadArgument, "the key is not base64"))
}

/// A question from its parts, all of which are there.
pub(crate) fn asked(parts: &Bound<'_, PyDict>) -> PyResult<Question> {
    let parts = parts.as_any();
    let timeout = parts.get_item("timeout")?;
    Ok(Question {
        name: parts.get_item("name")?.extract()?,
        payload: parts.get_item("payload")?.extract::<&[u8]>()?.to_vec(),
        nodes: parts.get_item("nodes")?.extract()?,
        tags: parts.get_item("tags")?.extract()?,
        ack: parts.get_item("ack")?.extract()?,
        relay_factor: parts.get_item("relay_factor")?.extract()?,
        timeout: if timeout.is_none() { None } else { Some(limit(&timeout)?) },
    })
}
