//! Clocks as JSON, for people and for stores that take nothing else.

use base64ct::{Base64, Encoding};
use serde_json::{Map, Value};

use super::super::actors;
use super::super::retired::{Folded, Retired};
use super::super::siblings::Siblings;
use super::super::vector::{Entry, Stamp, VectorClock};
use crate::error::{Error, ErrorKind, Result};

/// Bytes of a JSON text at most.
pub const JSON_MAX: usize = 4 * 1_024 * 1_024;

/// The largest number that a number of JavaScript can hold with all before it.
const EXACT: u64 = 1 << 53;

impl VectorClock {
    /// This clock as a JSON object, by actor: `{"web-1":2}`; and an entry with stamps as
    /// `{"count":2,"insert":…,"time":…}`. Numbers above 2^53 are texts.
    pub fn to_json(&self) -> String {
        value(self).to_string()
    }

    /// The clock of a text as [`to_json`](Self::to_json) writes it, with its members in any order
    /// and spaces anywhere.
    ///
    /// Errors: `bad_argument` for a text that is none; `too_large` for more than 4 MiB.
    pub fn from_json(text: &str) -> Result<Self> {
        clock(parsed(text)?)
    }
}

impl Folded {
    /// This clock as a JSON object with `epoch` and `clock`.
    pub fn to_json(&self) -> String {
        folded_value(self).to_string()
    }

    /// The folded clock of a text as [`to_json`](Self::to_json) writes it. Errors: as
    /// [`VectorClock::from_json`].
    pub fn from_json(text: &str) -> Result<Self> {
        folded(parsed(text)?)
    }
}

impl<V: AsRef<[u8]>> Siblings<V> {
    /// This record as a JSON object, by actor: `{"web-1":{"count":2,"values":["dGVh"]},"web-2":1}`,
    /// each value in base64, and of an actor that has none its count alone.
    pub fn to_json(&self) -> String {
        record_value(self).to_string()
    }
}

impl Siblings<Vec<u8>> {
    /// The record of a text as [`to_json`](Siblings::to_json) writes it. Errors: as
    /// [`VectorClock::from_json`].
    pub fn from_json(text: &str) -> Result<Self> {
        record(parsed(text)?)
    }
}

impl Retired {
    /// This log as a JSON array of pairs, in its order: `[["web-1~1",7],["web-2~1",3]]`.
    pub fn to_json(&self) -> String {
        log_value(self).to_string()
    }

    /// The log of a text as [`to_json`](Self::to_json) writes it. Errors: as
    /// [`VectorClock::from_json`].
    pub fn from_json(text: &str) -> Result<Self> {
        log(parsed(text)?)
    }
}

fn parsed(text: &str) -> Result<Value> {
    if text.len() > JSON_MAX {
        let message = format!("the JSON text has {} bytes, at most {JSON_MAX}", text.len());
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    // It goes 128 levels deep, and no further.
    let wrong = |error| Error::new(ErrorKind::BadArgument, format!("this is no JSON: {error}"));
    serde_json::from_str(text).map_err(wrong)
}

pub(super) fn wrong(expected: &str) -> Error {
    Error::new(
        ErrorKind::BadArgument,
        format!("this is not the JSON of a clock: expected {expected}"),
    )
}

pub(super) fn value(clock: &VectorClock) -> Value {
    let entry = |entry: Entry| {
        if entry.insert.is_none() && entry.time.is_none() {
            return number(entry.count);
        }
        let members =
            [("count", Some(entry.count)), ("insert", entry.insert), ("time", entry.time)];
        let known = members.into_iter().filter_map(|(name, n)| Some((name.to_owned(), n?)));
        Value::Object(known.map(|(name, n)| (name, number(n))).collect())
    };
    Value::Object(clock.iter().map(|(actor, e)| (actor.to_owned(), entry(e))).collect())
}

pub(super) fn clock(value: Value) -> Result<VectorClock> {
    let mut clock = VectorClock::new();
    for (actor, value) in by_actor(value)? {
        let (count, stamp) = match value {
            Value::Object(members) => stamped(members)?,
            plain => (parse_number(&plain)?, Stamp::default()),
        };
        clock.push(&actor, count, stamp)?;
    }
    Ok(clock)
}

pub(super) fn folded_value(folded: &Folded) -> Value {
    let members = [("clock", value(&folded.clock)), ("epoch", number(folded.epoch))];
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
}

pub(super) fn folded(value: Value) -> Result<Folded> {
    let Value::Object(mut map) = value else {
        return Err(wrong("an object with epoch and clock"));
    };
    match (map.remove("clock"), map.remove("epoch"), map.is_empty()) {
        (Some(inner), Some(epoch), true) => {
            Ok(Folded { epoch: parse_number(&epoch)?, clock: clock(inner)? })
        }
        _ => Err(wrong("an object with epoch and clock, and nothing else")),
    }
}

/// The members of an object, in the order of actors.
fn by_actor(value: Value) -> Result<Vec<(String, Value)>> {
    let Value::Object(map) = value else {
        return Err(wrong("an object of actors"));
    };
    let mut entries: Vec<(String, Value)> = map.into_iter().collect();
    // The map may keep the order of the text.
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    entries.iter().try_for_each(|(actor, _)| actors::check(actor))?;
    Ok(entries)
}

pub(super) fn record_value<V: AsRef<[u8]>>(record: &Siblings<V>) -> Value {
    let events = |(count, list): (&u64, &Vec<V>)| {
        if list.is_empty() {
            return number(*count);
        }
        let texts = list.iter().map(|value| Base64::encode_string(value.as_ref()));
        let values = Value::Array(texts.map(Value::String).collect());
        let members = [("count", number(*count)), ("values", values)];
        Value::Object(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
    };
    let lists = record.context.counts.iter().zip(&record.values).map(events);
    Value::Object(record.context.actors().map(str::to_owned).zip(lists).collect())
}

pub(super) fn record(value: Value) -> Result<Siblings<Vec<u8>>> {
    let mut record = Siblings::new();
    for (actor, value) in by_actor(value)? {
        let (count, list) = match value {
            Value::Object(members) => events(members)?,
            plain => (parse_number(&plain)?, Vec::new()),
        };
        if count == 0 || count < list.len() as u64 {
            return Err(wrong("a count that is not 0, and not below the number of values"));
        }
        record.context.push(&actor, count, Stamp::default())?;
        record.values.push(list);
    }
    Ok(record)
}

/// The count of an actor, and its values.
fn events(mut members: Map<String, Value>) -> Result<(u64, Vec<Vec<u8>>)> {
    let (count, values) = (members.remove("count"), members.remove("values"));
    let (Some(count), Some(Value::Array(values)), true) = (count, values, members.is_empty())
    else {
        return Err(wrong("a count and a list of values, and nothing else"));
    };
    let decoded = values.iter().map(|value| Base64::decode_vec(value.as_str()?).ok());
    let list: Option<Vec<Vec<u8>>> = decoded.collect();
    let list = list.ok_or_else(|| wrong("values in base64, with their padding"))?;
    Ok((parse_number(&count)?, list))
}

pub(super) fn log_value(log: &Retired) -> Value {
    let pair = |(actor, count): (&str, u64)| Value::Array(vec![actor.into(), number(count)]);
    Value::Array(log.iter().map(pair).collect())
}

pub(super) fn log(value: Value) -> Result<Retired> {
    let Value::Array(pairs) = value else {
        return Err(wrong("an array of pairs"));
    };
    let mut log = Retired::with_capacity(pairs.len());
    for pair in &pairs {
        match pair.as_array().map(Vec::as_slice) {
            Some([Value::String(actor), count]) => log.append(actor, parse_number(count)?)?,
            _ => return Err(wrong("an array of an actor and its count")),
        }
    }
    log.sorted()
}

fn stamped(mut members: Map<String, Value>) -> Result<(u64, Stamp)> {
    let mut take = |name: &str| members.remove(name).map(|n| parse_number(&n)).transpose();
    let (count, insert, time) = (take("count")?, take("insert")?, take("time")?);
    let shifted = |stamp: Option<u64>| match stamp {
        Some(u64::MAX) => Err(wrong("a time below 2^64 - 1")),
        stamp => Ok(stamp.map_or(0, |stamp| stamp + 1)),
    };
    let stamp = Stamp { insert: shifted(insert)?, time: shifted(time)? };
    match count {
        Some(count) if members.is_empty() => Ok((count, stamp)),
        _ => Err(wrong("an entry of count, insert and time")),
    }
}

pub(super) fn number(number: u64) -> Value {
    if number > EXACT { Value::String(number.to_string()) } else { Value::from(number) }
}

pub(super) fn parse_number(value: &Value) -> Result<u64> {
    let number = match value {
        Value::Number(number) => number.as_u64().filter(|number| *number <= EXACT),
        Value::String(digits) => {
            let parsed = digits.parse().ok().filter(|number: &u64| *number > EXACT);
            parsed.filter(|number| number.to_string() == *digits)
        }
        _ => None,
    };
    number.ok_or_else(|| {
        wrong("a whole number up to 2^53, or the digits of a larger one up to 2^64 - 1 as a text")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_texts_are_these() {
        let mut clock = VectorClock::new();
        assert_eq!(clock.to_json(), "{}");
        clock.update("web-1", 2).unwrap();
        assert_eq!(clock.to_json(), r#"{"web-1":2}"#);
        clock.update("a\"\n", 1 << 53).unwrap();
        clock.update("é", u64::MAX).unwrap();
        clock.increment_at("web-2", 1_795_316_449_123_456).unwrap();
        let expected = concat!(
            r#"{"a\"\n":9007199254740992,"web-1":2,"#,
            r#""web-2":{"count":1,"insert":1795316449123456,"time":1795316449123456},"#,
            r#""é":"18446744073709551615"}"#
        );
        assert_eq!(clock.to_json(), expected);
        assert_eq!(VectorClock::from_json(expected).unwrap().to_bytes(), clock.to_bytes());
        let text = r#" {"b": 1, "a": {"time": 5, "count": 0}} "#;
        let clock = VectorClock::from_json(text).unwrap();
        assert_eq!(clock.to_json(), r#"{"a":{"count":0,"time":5},"b":1}"#);
    }

    #[test]
    fn names_that_objects_are_born_with_are_actors() {
        let text = r#"{"__proto__":1,"constructor":2,"toString":3}"#;
        assert_eq!(VectorClock::from_json(text).unwrap().to_json(), text);
    }

    #[test]
    fn what_is_no_clock_is_refused() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            "[]",
            "1",
            "{",
            r#"{"a":-1}"#,
            r#"{"a":1.5}"#,
            r#"{"a":1e3}"#,
            r#"{"a":null}"#,
            r#"{"a":"1"}"#,
            r#"{"a":9007199254740993}"#,
            r#"{"a":"18446744073709551616"}"#,
            r#"{"a":"018446744073709551615"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":{}}"#,
            r#"{"a":{"time":1}}"#,
            r#"{"a":{"count":1,"tim":1}}"#,
            r#"{"a":{"count":1,"time":"18446744073709551615"}}"#,
            r#"{"":1}"#,
            r#"{"a":1}x"#,
            &deep,
        ] {
            let error = VectorClock::from_json(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::BadArgument, "{text}");
        }
        let large = " ".repeat(JSON_MAX + 1);
        let error = VectorClock::from_json(&large).expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn a_folded_clock_has_its_epoch() {
        let (mut log, mut clock) = (Retired::new(), VectorClock::new());
        log.retire("a", 3).unwrap();
        clock.update("c", 5).unwrap();
        let folded = log.fold(&clock).unwrap();
        assert_eq!(folded.to_json(), r#"{"clock":{"a":0,"c":5},"epoch":1}"#);
        assert_eq!(Folded::from_json(&folded.to_json()), Ok(folded));
        for text in ["[]", r#"{"clock":{}}"#, r#"{"clock":{},"epoch":1,"x":1}"#] {
            assert!(Folded::from_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_in_base64() {
        let (mut record, nothing) = (Siblings::new(), VectorClock::new());
        assert_eq!(record.to_json(), "{}");
        record.put("b", &nothing, b"tea".to_vec()).unwrap();
        let read = record.context().clone();
        record.put("b", &nothing, Vec::new()).unwrap();
        record.put("a\"", &read, vec![0xff; 4]).unwrap();
        let text = r#"{"a\"":{"count":1,"values":["/////w=="]},"b":{"count":2,"values":[""]}}"#;
        assert_eq!(record.to_json(), text);
        assert_eq!(Siblings::from_json(text), Ok(record.clone()));
        record.discard(&record.context().clone()).unwrap();
        assert_eq!(record.to_json(), r#"{"a\"":1,"b":2}"#);
        let loose = r#" { "b" : {"values": [], "count": 2}, "a\"" : 1 } "#;
        assert_eq!(Siblings::from_json(loose), Ok(record));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for text in [
            "[]",
            r#"{"a":0}"#,
            r#"{"":1}"#,
            r#"{"a":{"count":1}}"#,
            r#"{"a":{"values":[]}}"#,
            r#"{"a":{"count":0,"values":[]}}"#,
            r#"{"a":{"count":1,"values":["",""]}}"#,
            r#"{"a":{"count":1,"values":[],"time":1}}"#,
            r#"{"a":{"count":1,"values":""}}"#,
            r#"{"a":{"count":1,"values":[1]}}"#,
            r#"{"a":{"count":1,"values":["dGVh\n"]}}"#,
            r#"{"a":{"count":1,"values":["dGU"]}}"#,
            r#"{"a":{"count":1,"values":["dGV="]}}"#,
            r#"{"a":{"count":1,"values":["_-=="]}}"#,
        ] {
            let error = Siblings::from_json(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::BadArgument, "{text}");
        }
        let large = " ".repeat(JSON_MAX + 1);
        let error = Siblings::from_json(&large).expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn a_log_is_an_array_in_its_order() {
        let mut log = Retired::new();
        assert_eq!(log.to_json(), "[]");
        log.retire("b", u64::MAX).unwrap();
        log.retire("a\"", 0).unwrap();
        assert_eq!(log.to_json(), r#"[["b","18446744073709551615"],["a\"",0]]"#);
        assert_eq!(Retired::from_json(&log.to_json()), Ok(log));
        for text in [
            "{}",
            "[[]]",
            r#"["a",1]"#,
            r#"[["a"]]"#,
            r#"[["a",1,2]]"#,
            r#"[[1,"a"]]"#,
            r#"[["",1]]"#,
            r#"[["a",-1]]"#,
            r#"[["a","1"]]"#,
            r#"[["a",1],["b",1],["a",1]]"#,
        ] {
            let error = Retired::from_json(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::BadArgument, "{text}");
        }
        let error = Retired::from_json(&" ".repeat(JSON_MAX + 1)).expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    proptest! {
        #[test]
        fn a_record_comes_back_from_its_text(
            writes in prop::collection::vec(
                ("\\PC{1,3}", any::<bool>(), prop::collection::vec(any::<u8>(), 0..6)), 0..12),
        ) {
            let (mut record, mut read) = (Siblings::new(), VectorClock::new());
            for (actor, fresh, value) in writes {
                if fresh {
                    read = record.context().clone();
                }
                record.put(&actor, &read, value).unwrap();
            }
            prop_assert_eq!(Siblings::from_json(&record.to_json()), Ok(record));
        }

        #[test]
        fn a_clock_comes_back_from_its_text(
            entries in prop::collection::vec(
                ("\\PC{1,5}", any::<u64>(), prop::option::of(0..u64::MAX - 1)), 0..8),
        ) {
            let mut clock = VectorClock::new();
            for (actor, count, stamp) in entries {
                match stamp {
                    Some(at) => clock.update_at(&actor, count, at).unwrap(),
                    None => clock.update(&actor, count % 1_000).unwrap(),
                }
            }
            let back = VectorClock::from_json(&clock.to_json()).unwrap();
            prop_assert_eq!(back.to_bytes(), clock.to_bytes());
        }
    }
}
