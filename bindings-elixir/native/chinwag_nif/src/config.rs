//! Options and arguments, from Elixir's terms to the core's values. The core judges them.

use std::collections::BTreeMap;
use std::time::Duration;

use chinwag::api::{OPTIONS, OptionInfo, OptionKind};
use chinwag::config::{Config, Value};
use chinwag::host::{Op, Question};
use chinwag::{Error, ErrorKind, Result, Tags};
use rustler::{Atom, Binary, Decoder, MapIterator, NifResult, Term};

use crate::atoms;
use crate::error::{bad, raised, shown};
use crate::messages;
use crate::ring::cluster;
use crate::state;
use crate::state::map;

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
        OptionKind::Text => text(term).map(Value::Text),
        OptionKind::Choice(_) => choice(term).map(Value::Text),
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
pub(crate) fn text(term: Term<'_>) -> Option<String> {
    match term.decode::<Atom>() {
        Ok(atom) if atom == atoms::nil() => None,
        Ok(_) => term.atom_to_string().ok(),
        Err(_) => term.decode().ok(),
    }
}

/// A word of ours, which has no hyphens as an atom.
fn choice(term: Term<'_>) -> Option<String> {
    text(term).map(|word| if term.is_atom() { word.replace('_', "-") } else { word })
}

fn texts(term: Term<'_>) -> Option<Vec<String>> {
    term.decode::<Vec<Term<'_>>>().ok()?.into_iter().map(text).collect()
}

pub(crate) fn bytes(term: Term<'_>) -> Option<Vec<u8>> {
    term.decode::<Binary<'_>>().ok().map(|binary| binary.as_slice().to_vec())
}

fn span(term: Term<'_>) -> Option<Duration> {
    term.decode().ok().map(Duration::from_millis)
}

/// The pairs of a map or of a list of pairs.
pub(crate) fn pairs(term: Term<'_>) -> Option<Vec<(Term<'_>, Term<'_>)>> {
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

/// What users say to each other, and ask about members, by the name of the operation.
fn talk(name: &str, argument: Term<'_>) -> Result<Option<Op>> {
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
        "explain" => Op::Explain(member(argument)?),
        _ => return Ok(None),
    }))
}

/// Who gets in, and under which key. No error shows a key.
fn doors(name: &str, argument: Term<'_>) -> Result<Option<Op>> {
    let key = |term| string("key", term);
    Ok(Some(match name {
        "admit" => Op::Admit(number(argument)?),
        "refuse" => {
            let (id, reason) = taken(argument)?;
            Op::Refuse(number(id)?, string("reason", reason)?)
        }
        "add_key" => Op::add_key(&key(argument)?)?,
        "use_key" => Op::use_key(&key(argument)?)?,
        "remove_key" => Op::remove_key(&key(argument)?)?,
        "cluster_keys" => {
            let (what, key) = taken(argument)?;
            Op::cluster_keys(&string("what to do", what)?, optional("key", key)?.as_deref())?
        }
        _ => return Ok(None),
    }))
}

/// What members say in serf's way.
fn serf(name: &str, argument: Term<'_>) -> Result<Option<Op>> {
    Ok(Some(match name {
        "user_event" => {
            let (name, what, coalesce) = taken(argument)?;
            Op::UserEvent(string("name", name)?, payload(what)?, flag("coalesce", coalesce)?)
        }
        "query" => Op::Query(question(argument)?),
        "respond" => {
            let (id, what) = taken(argument)?;
            Op::Respond(number(id)?, payload(what)?)
        }
        "force_leave" => {
            let (name, prune) = taken(argument)?;
            Op::ForceLeave(member(name)?, flag("prune", prune)?)
        }
        "coordinate" => Op::Coordinate,
        "rtt" => {
            let (from, to) = taken(argument)?;
            Op::Rtt(member(from)?, member(to)?)
        }
        _ => return Ok(None),
    }))
}

fn question(argument: Term<'_>) -> Result<Question> {
    type Options<'a> = (Term<'a>, Term<'a>, Term<'a>, Term<'a>, Term<'a>);
    let (name, what, options): (Term<'_>, Term<'_>, Options<'_>) = taken(argument)?;
    let (nodes, tags_of, ack, relay_factor, timeout) = options;
    let expected = "a map or keyword list of strings, whose values are regular expressions";
    let none = timeout.decode::<Atom>().is_ok_and(|atom| atom == atoms::nil());
    let given = || span(timeout).ok_or_else(|| bad_argument("timeout", "milliseconds, or nil"));
    Ok(Question {
        name: string("name", name)?,
        payload: payload(what)?,
        nodes: texts(nodes).ok_or_else(|| bad_argument("nodes", "a list of names"))?,
        tags: tags(tags_of).ok_or_else(|| bad_argument("tags", expected))?,
        ack: flag("ack", ack)?,
        relay_factor: byte(relay_factor)
            .ok_or_else(|| bad_argument("relay_factor", "a number of 0 to 255"))?,
        timeout: if none { None } else { Some(given()?) },
    })
}

/// Decoded as a byte at once, 256 would be 0.
fn byte(term: Term<'_>) -> Option<u8> {
    term.decode::<u64>().ok()?.try_into().ok()
}

/// Several arguments in one.
pub(crate) fn taken<'a, T: Decoder<'a>>(argument: Term<'a>) -> Result<T> {
    argument.decode().map_err(|_| bad_argument("the operation", "a known one"))
}

fn member(term: Term<'_>) -> Result<String> {
    text(term).ok_or_else(|| bad_argument("member", "a name"))
}

fn payload(term: Term<'_>) -> Result<Vec<u8>> {
    bytes(term).ok_or_else(|| bad_argument("payload", "iodata"))
}

/// Number of an event.
pub(crate) fn number(term: Term<'_>) -> Result<u64> {
    term.decode().map_err(|_| bad_argument("id", "that of an event"))
}

pub(crate) fn string(what: &str, term: Term<'_>) -> Result<String> {
    text(term).ok_or_else(|| bad_argument(what, "a string"))
}

pub(crate) fn flag(what: &str, term: Term<'_>) -> Result<bool> {
    term.decode().map_err(|_| bad_argument(what, "true or false"))
}

/// Text, or `nil` for none.
pub(crate) fn optional(what: &str, term: Term<'_>) -> Result<Option<String>> {
    match term.decode::<Atom>() {
        Ok(atom) if atom == atoms::nil() => Ok(None),
        _ => string(what, term).map(Some),
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
        for known in [talk, doors, serf, cluster::op, messages::op, state::op, map::op] {
            if let Some(op) = known(&name, argument)? {
                return Ok(op);
            }
        }
        Err(bad_argument("the operation", "a known one"))
    }
}

pub(crate) fn bad_argument(what: &str, expected: &str) -> Error {
    Error::new(ErrorKind::BadArgument, format!("{what} must be {expected}"))
}

pub(crate) fn is_nil(term: Term<'_>) -> bool {
    term.decode::<Atom>().is_ok_and(|atom| atom == atoms::nil())
}

/// A list, of which the end is looked at when it is reached: it may be a long way.
pub(crate) struct List<'a>(Term<'a>);

impl<'a> List<'a> {
    pub(crate) fn of(term: Term<'a>) -> Result<Self> {
        term.is_list().then_some(Self(term)).ok_or_else(|| no_list(term))
    }
}

impl<'a> Decoder<'a> for List<'a> {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        Self::of(term).map_err(raised)
    }
}

impl<'a> Iterator for List<'a> {
    type Item = Result<Term<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.list_get_cell() {
            Ok((head, tail)) => {
                self.0 = tail;
                Some(Ok(head))
            }
            Err(_) if self.0.is_empty_list() => None,
            Err(_) => Some(Err(no_list(self.0))),
        }
    }
}

pub(crate) fn no_list(term: Term<'_>) -> Error {
    bad(format!("this is no list, or the end of none: {}", shown(term)))
}
