//! The values of options: how each kind is read from text and checked, and what is said of one
//! that does not do.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::DEFAULT_PORT;
use super::security::{self, Secret};
use crate::api::{OPTIONS, OptionInfo, OptionKind};
use crate::error::{Error, ErrorKind, Result};
use crate::member::Tags;

const NAME_MAX: usize = 128;
const LABEL_MAX: usize = 255;

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text, also of a choice.
    Text(String),
    /// An address; without a port it is the default one.
    Addr(SocketAddr),
    /// Texts.
    List(Vec<String>),
    /// Pairs.
    Map(Tags),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A span of time.
    Duration(Duration),
    /// Yes or no.
    Flag(bool),
    /// A number.
    Count(u64),
    /// The texts of a secret option, which are not shown.
    Secret(Secret),
}

impl fmt::Display for Value {
    /// As it would be written on a command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Addr(addr) => write!(f, "{addr}"),
            Self::List(list) => f.write_str(&list.join(",")),
            Self::Map(map) => {
                let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{k}={v}")).collect();
                f.write_str(&pairs.join(","))
            }
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Duration(span) => write!(f, "{span:?}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Secret(secret) => write!(f, "{secret}"),
        }
    }
}

pub(super) fn option(key: &str) -> Result<&'static OptionInfo> {
    if let Some(option) = OPTIONS.iter().find(|option| option.name == key) {
        return Ok(option);
    }
    let nearest = OPTIONS.iter().min_by_key(|option| distance(option.name, key));
    let hint = match nearest {
        Some(option) if distance(option.name, key) <= 1 + key.len() / 3 => {
            format!("; did you mean \"{}\"?", option.name)
        }
        _ => String::new(),
    };
    Err(Error::new(ErrorKind::BadConfig, format!("unknown option \"{key}\"{hint}")))
}

pub(super) fn preset(key: &str, profile: Option<&str>) -> Option<Value> {
    let option = OPTIONS.iter().find(|option| option.name == key)?;
    let text = match profile {
        Some("wan") => option.wan.unwrap_or(option.default),
        Some("local") => option.local.unwrap_or(option.default),
        Some("fast") => option.fast.unwrap_or(option.default),
        _ => option.default,
    };
    parse(option, text).ok()
}

pub(super) fn parse(option: &OptionInfo, text: &str) -> Result<Value> {
    let value = match option.kind {
        OptionKind::Text | OptionKind::Choice(_) => Some(Value::Text(text.to_owned())),
        OptionKind::Addr => parse_addr(text).map(Value::Addr),
        OptionKind::List if option.name == "discovery" => Some(Value::List(urls(text))),
        OptionKind::List => Some(Value::List(pieces(text).map(str::to_owned).collect())),
        OptionKind::Map => pieces(text)
            .map(|pair| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())))
            .collect::<Option<Tags>>()
            .map(Value::Map),
        OptionKind::Bytes => Some(Value::Bytes(text.as_bytes().to_vec())),
        OptionKind::Duration => parse_duration(text).map(Value::Duration),
        OptionKind::Flag => match text {
            "true" => Some(Value::Flag(true)),
            "false" => Some(Value::Flag(false)),
            _ => None,
        },
        OptionKind::Count { .. } => text.parse().ok().map(Value::Count),
    };
    value.ok_or_else(|| bad(option.name, &format!("\"{text}\""), expected(option.kind)))
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|piece| !piece.is_empty())
}

/// URLs between commas; a piece that begins none belongs to the one before it.
fn urls(text: &str) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for piece in pieces(text) {
        match urls.last_mut().filter(|_| !piece.contains("://")) {
            Some(last) => *last = format!("{last},{piece}"),
            None => urls.push(piece.to_owned()),
        }
    }
    urls
}

/// `ip:port`, `[ip]:port`, or an address alone, which takes the default port.
fn parse_addr(text: &str) -> Option<SocketAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    text.parse()
        .ok()
        .or_else(|| bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, DEFAULT_PORT)))
}

/// `500ms`, `5s`, `0.2s`, `1m`, `24h`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
}

pub(super) fn check(option: &OptionInfo, value: &Value) -> Result<()> {
    security::check(option.name, value)?;
    let fits = match (option.kind, value) {
        (OptionKind::Choice(words), Value::Text(text)) => words.contains(&text.as_str()),
        (OptionKind::Count { min, max }, Value::Count(count)) => (min..=max).contains(count),
        (OptionKind::Duration, Value::Duration(span)) => *span <= SPAN_MAX,
        (OptionKind::Text, Value::Text(text)) => match option.name {
            "name" => !text.is_empty() && text.len() <= NAME_MAX,
            "cluster" => text.len() <= LABEL_MAX,
            _ => true,
        },
        (OptionKind::Addr, Value::Addr(_))
        | (OptionKind::List, Value::List(_))
        | (OptionKind::Map, Value::Map(_))
        | (OptionKind::Bytes, Value::Bytes(_))
        | (OptionKind::Flag, Value::Flag(_)) => true,
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let got = if option.secret { "something else".to_owned() } else { format!("\"{value}\"") };
    Err(bad(option.name, &got, expected(option.kind)))
}

/// No interval of the protocol makes sense beyond a day.
const SPAN_MAX: Duration = Duration::from_secs(24 * 60 * 60);

fn expected(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::Text => "a text of the allowed length",
        OptionKind::Addr => "an IP address and port such as 127.0.0.1:7946",
        OptionKind::List => "a list of texts",
        OptionKind::Map => "key=value pairs",
        OptionKind::Bytes => "bytes",
        OptionKind::Duration => "a span of at most a day such as 500ms or 5s",
        OptionKind::Flag => "true or false",
        OptionKind::Count { .. } => "a whole number within the bounds",
        OptionKind::Choice(_) => "one of the listed words",
    }
}

pub(super) fn bad(name: &str, got: &str, expected: &str) -> Error {
    let option = OPTIONS.iter().find(|option| option.name == name);
    let detail = match option.map(|option| option.kind) {
        Some(OptionKind::Count { min, max }) => format!(" ({min} to {max})"),
        Some(OptionKind::Choice(words)) => format!(" ({})", words.join(", ")),
        _ => String::new(),
    };
    let message = format!("option \"{name}\" is {got}, expected {expected}{detail}");
    Error::new(ErrorKind::BadConfig, message)
}

/// Levenshtein distance, for the did-you-mean.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substitute = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
