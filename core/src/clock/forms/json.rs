//! Clocks as JSON, for people and for stores that take nothing else.

use serde_json::{Map, Value};

use super::super::actors;
use super::super::retired::Folded;
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
        let mut map = Map::new();
        map.insert("clock".to_owned(), value(&self.clock));
        map.insert("epoch".to_owned(), number(self.epoch));
        Value::Object(map).to_string()
    }

    /// The folded clock of a text as [`to_json`](Self::to_json) writes it. Errors: as
    /// [`VectorClock::from_json`].
    pub fn from_json(text: &str) -> Result<Self> {
        let Value::Object(mut map) = parsed(text)? else {
            return Err(wrong("an object with epoch and clock"));
        };
        match (map.remove("clock"), map.remove("epoch"), map.is_empty()) {
            (Some(inner), Some(epoch), true) => {
                Ok(Self { epoch: parse_number(&epoch)?, clock: clock(inner)? })
            }
            _ => Err(wrong("an object with epoch and clock, and nothing else")),
        }
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

fn wrong(expected: &str) -> Error {
    Error::new(ErrorKind::BadArgument, format!("the JSON text is no clock: expected {expected}"))
}

fn value(clock: &VectorClock) -> Value {
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

fn clock(value: Value) -> Result<VectorClock> {
    let Value::Object(map) = value else {
        return Err(wrong("an object of actors"));
    };
    let mut entries: Vec<(String, Value)> = map.into_iter().collect();
    // The map may keep the order of the text.
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut clock = VectorClock::new();
    for (actor, value) in entries {
        actors::check(&actor)?;
        let (count, stamp) = match value {
            Value::Object(members) => stamped(members)?,
            plain => (parse_number(&plain)?, Stamp::default()),
        };
        clock.push(&actor, count, stamp)?;
    }
    Ok(clock)
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

fn number(number: u64) -> Value {
    if number > EXACT { Value::String(number.to_string()) } else { Value::from(number) }
}

fn parse_number(value: &Value) -> Result<u64> {
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
    use crate::clock::Retired;

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

    proptest! {
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
