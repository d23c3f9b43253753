//! Options and arguments, from Elixir's terms to the core's values. The core judges them.

use std::collections::BTreeMap;
use std::time::Duration;

use chinwag::api::{OPTIONS, OptionInfo, OptionKind};
use chinwag::config::{Config, Value};
use chinwag::host::Op;
use chinwag::{Error, ErrorKind, Result, Tags};
use rustler::{Atom, Binary, MapIterator, Term};

use crate::atoms;

/// The core's options from a list of `{key, value}`.
pub(crate) fn config(options: Term<'_>) -> Result<Config> {
    let options: Vec<(String, Term<'_>)> = options
        .decode()
        .map_err(|_| Error::new(ErrorKind::BadConfig, "the options are a keyword list"))?;
    let mut config = Config::new();
    for (key, term) in options {
        set(&mut config, &key, term)?;
    }
    Ok(config)
}

/// A value has the type of its row, or is text as in a configuration file.
fn set(config: &mut Config, key: &str, term: Term<'_>) -> Result<()> {
    let Some(option) = OPTIONS.iter().find(|option| option.name == key) else {
        return config.set(key, "");
    };
    if let Some(value) = value(option.kind, term) {
        return config.set_value(key, value);
    }
    match text(term) {
        Some(text) => config.set(key, &text),
        None => Err(mistyped(option, term)),
    }
}

fn value(kind: OptionKind, term: Term<'_>) -> Option<Value> {
    match kind {
        OptionKind::Text | OptionKind::Choice(_) => text(term).map(Value::Text),
        OptionKind::Addr => None,
        OptionKind::List => texts(term).map(Value::List),
        OptionKind::Map => tags(term).map(Value::Map),
        OptionKind::Bytes => bytes(term).map(Value::Bytes),
        OptionKind::Duration => span(term).map(Value::Duration),
        OptionKind::Flag => term.decode().ok().map(Value::Flag),
        OptionKind::Count { .. } => term.decode().ok().map(Value::Count),
    }
}

fn mistyped(option: &OptionInfo, term: Term<'_>) -> Error {
    let expected = match option.kind {
        OptionKind::Text => "a string",
        OptionKind::Addr => "a string such as \"127.0.0.1:7946\"",
        OptionKind::List => "a list of strings",
        OptionKind::Map => "a map or keyword list of strings",
        OptionKind::Bytes => "a binary",
        OptionKind::Duration => "milliseconds, or a string such as \"5s\"",
        OptionKind::Flag => "true or false",
        OptionKind::Count { .. } => "a whole number",
        OptionKind::Choice(_) => "an atom or a string",
    };
    let got: String = match option.secret {
        true => "of another type".to_owned(),
        false => format!("{term:?}").chars().take(80).collect(),
    };
    let message = format!("option \"{}\" is {got}, expected {expected}", option.name);
    Error::new(ErrorKind::BadConfig, message)
}

/// A UTF-8 binary, or an atom that is not `nil`.
fn text(term: Term<'_>) -> Option<String> {
    match term.decode::<Atom>() {
        Ok(atom) if atom == atoms::nil() => None,
        Ok(_) => term.atom_to_string().ok(),
        Err(_) => term.decode().ok(),
    }
}

fn texts(term: Term<'_>) -> Option<Vec<String>> {
    term.decode::<Vec<Term<'_>>>().ok()?.into_iter().map(text).collect()
}

fn bytes(term: Term<'_>) -> Option<Vec<u8>> {
    term.decode::<Binary<'_>>().ok().map(|binary| binary.as_slice().to_vec())
}

fn span(term: Term<'_>) -> Option<Duration> {
    term.decode().ok().map(Duration::from_millis)
}

/// The pairs of a map or of a list of pairs.
fn pairs(term: Term<'_>) -> Option<Vec<(Term<'_>, Term<'_>)>> {
    match MapIterator::new(term) {
        Some(pairs) => Some(pairs.collect()),
        None => term.decode().ok(),
    }
}

fn tags(term: Term<'_>) -> Option<Tags> {
    pairs(term)?.into_iter().map(|(key, value)| Some((text(key)?, text(value)?))).collect()
}

/// As [`tags`], where `nil` removes.
fn changes(term: Term<'_>) -> Option<BTreeMap<String, Option<String>>> {
    let change = |(key, value): (Term<'_>, Term<'_>)| match value.decode::<Atom>() {
        Ok(atom) if atom == atoms::nil() => Some((text(key)?, None)),
        _ => Some((text(key)?, Some(text(value)?))),
    };
    pairs(term)?.into_iter().map(change).collect()
}

/// What users say to each other, by the name of the operation.
fn talk(name: &str, argument: Term<'_>) -> Result<Option<Op>> {
    let member = |term| text(term).ok_or_else(|| bad_argument("member", "a name"));
    let payload = |term| bytes(term).ok_or_else(|| bad_argument("payload", "iodata"));
    Ok(Some(match name {
        "send" => {
            let (to, what, reliable) = taken(argument)?;
            Op::send(member(to)?, payload(what)?, flag("reliable", reliable)?)
        }
        "broadcast" => {
            let (what, name, supersede) = taken(argument)?;
            Op::broadcast(payload(what)?, optional("name", name)?, flag("supersede", supersede)?)
        }
        "set_state" => Op::SetState(payload(argument)?),
        "set_ping_payload" => Op::SetPingPayload(payload(argument)?),
        "ping" => Op::Ping(member(argument)?),
        "round_trip" => Op::RoundTrip(member(argument)?),
        _ => return Ok(None),
    }))
}

/// Three arguments in one.
fn taken(argument: Term<'_>) -> Result<(Term<'_>, Term<'_>, Term<'_>)> {
    argument.decode().map_err(|_| bad_argument("the operation", "a known one"))
}

fn flag(what: &str, term: Term<'_>) -> Result<bool> {
    term.decode().map_err(|_| bad_argument(what, "true or false"))
}

/// Text, or `nil` for none.
fn optional(what: &str, term: Term<'_>) -> Result<Option<String>> {
    match term.decode::<Atom>() {
        Ok(atom) if atom == atoms::nil() => Ok(None),
        _ => text(term).map(Some).ok_or_else(|| bad_argument(what, "a string")),
    }
}

/// An operation: `:ready`, or its name and its argument.
pub(crate) fn op(term: Term<'_>) -> Result<Op> {
    if term.decode::<Atom>().is_ok_and(|atom| atom == atoms::ready()) {
        return Ok(Op::Ready);
    }
    let (name, argument): (Atom, Term<'_>) =
        term.decode().map_err(|_| bad_argument("the operation", "a known one"))?;
    if name == atoms::join() {
        texts(argument).map(Op::Join).ok_or_else(|| bad_argument("seeds", "a list of strings"))
    } else if name == atoms::update_tags() {
        let expected = "a map or keyword list of strings, where nil removes";
        changes(argument).map(Op::UpdateTags).ok_or_else(|| bad_argument("tags", expected))
    } else if name == atoms::set_tags() {
        let expected = "a map or keyword list of strings";
        tags(argument).map(Op::SetTags).ok_or_else(|| bad_argument("tags", expected))
    } else if name == atoms::set_meta() {
        bytes(argument).map(Op::SetMeta).ok_or_else(|| bad_argument("meta", "a binary"))
    } else if name == atoms::leave() {
        span(argument).map(Op::Leave).ok_or_else(|| bad_argument("timeout", "milliseconds"))
    } else {
        let name = name.to_term(argument.get_env()).atom_to_string().unwrap_or_default();
        talk(&name, argument)?.ok_or_else(|| bad_argument("the operation", "a known one"))
    }
}

fn bad_argument(what: &str, expected: &str) -> Error {
    Error::new(ErrorKind::BadArgument, format!("{what} must be {expected}"))
}
