//! What operations come to, as trees of plain values. A binding converts trees, once, and knows no
//! outcome by its type.

use std::time::Duration;

use crate::engine::{Answers, Coordinate, Explanation, RoundTrip};
use crate::error::{Error, ErrorKind};
use crate::messaging::Payload;
use crate::serf::KeyOutcome;
use crate::wire::KeyInfo;

/// What an operation came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Answer {
    /// It is done, and that is all; within others, what is not known.
    #[default]
    None,
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Count(u64),
    /// Any other number.
    Number(f64),
    /// A span of time, which each language has in a unit of its own.
    Duration(Duration),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// What a server answered: to be decoded as its codec says.
    Payload(Payload),
    /// What went wrong with a part, such as one of several servers.
    Error(Error),
    /// Values in an order that means something.
    List(Vec<Self>),
    /// Values under names of the core's own, the same ones each time: nobody else can add one.
    Record(Vec<(&'static str, Self)>),
    /// Values under names that come from the cluster, such as those of members.
    Map(Vec<(String, Self)>),
}

impl Answer {
    /// One with every kind of value in it: the tests of a binding show with it that none is lost.
    #[doc(hidden)]
    pub fn specimen() -> Self {
        let map = [("b", Self::Count(2)), ("__proto__", Self::Record(vec![("flag", true.into())]))];
        Self::Record(vec![
            ("none", Self::None),
            ("flag", Self::Flag(true)),
            ("count", Self::Count(1 << 40)),
            ("number", Self::Number(-1.5)),
            ("round_trip", Self::Duration(Duration::from_micros(1_500))),
            ("text", Self::Text("wörd\0".to_owned())),
            ("bytes", Self::Bytes(vec![0, 255])),
            ("payload", Self::Payload(Payload { codec: Payload::MSGPACK, bytes: vec![0xcc, 200] })),
            ("error", Self::Error(Error::new(ErrorKind::NoServer, "nobody").with_executed(false))),
            ("list", Self::List(vec![Self::Count(1), Self::Text(String::new()), Self::None])),
            ("map", Self::Map(map.map(|(name, value)| (name.to_owned(), value)).into())),
        ])
    }
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::None
    }
}

impl From<bool> for Answer {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<usize> for Answer {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Duration> for Answer {
    fn from(span: Duration) -> Self {
        Self::Duration(span)
    }
}

impl<T: Into<Self>> From<Option<T>> for Answer {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

impl From<RoundTrip> for Answer {
    fn from(told: RoundTrip) -> Self {
        Self::Record(vec![
            ("smoothed", told.smoothed.into()),
            ("payload", Self::Bytes(told.payload)),
        ])
    }
}

impl From<Explanation> for Answer {
    fn from(told: Explanation) -> Self {
        let state = told.member.map(|member| member.state().as_str().into());
        let observed = told.observed.into_iter().map(|seen| {
            Self::Record(vec![
                ("ago", seen.ago.into()),
                ("kind", seen.kind.into()),
                ("text", Self::Text(seen.text)),
            ])
        });
        Self::Record(vec![
            ("state", state.unwrap_or_default()),
            ("since", told.since.into()),
            ("fails_in", told.fails_in.into()),
            ("observed", Self::List(observed.collect())),
        ])
    }
}

impl From<Answers> for Answer {
    fn from(told: Answers) -> Self {
        let responses = told.responses.into_iter().map(|response| {
            Self::Record(vec![
                ("sender", Self::Text(response.from)),
                ("payload", Self::Bytes(response.payload)),
            ])
        });
        Self::Record(vec![
            ("acks", Self::List(told.acks.into_iter().map(Self::Text).collect())),
            ("responses", Self::List(responses.collect())),
            ("complete", told.complete.into()),
        ])
    }
}

impl From<Coordinate> for Answer {
    fn from(told: Coordinate) -> Self {
        Self::Record(vec![
            ("vec", Self::List(told.vec.map(Self::Number).into())),
            ("error", Self::Number(told.error)),
            ("adjustment", Self::Number(told.adjustment)),
            ("height", Self::Number(told.height)),
        ])
    }
}

impl From<Vec<KeyInfo>> for Answer {
    fn from(keys: Vec<KeyInfo>) -> Self {
        let shown = keys.into_iter().map(|key| {
            Self::Record(vec![
                ("fingerprint", Self::Text(key.fingerprint.to_string())),
                ("bits", key.bits.into()),
                ("primary", key.primary.into()),
            ])
        });
        Self::List(shown.collect())
    }
}

impl From<Vec<(String, KeyOutcome)>> for Answer {
    fn from(outcomes: Vec<(String, KeyOutcome)>) -> Self {
        let told = outcomes.into_iter().map(|(member, outcome)| {
            let keys = outcome.keys.into_iter().map(Self::Text).collect();
            let record = Self::Record(vec![
                ("done", outcome.done.into()),
                ("message", Self::Text(outcome.message)),
                ("keys", Self::List(keys)),
                ("primary", Self::Text(outcome.primary)),
            ]);
            (member, record)
        });
        Self::Map(told.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_member_is_a_record() {
        let told = RoundTrip { smoothed: None, payload: vec![1] };
        let record = |smoothed| {
            Answer::Record(vec![("smoothed", smoothed), ("payload", Answer::Bytes(vec![1]))])
        };
        assert_eq!(Answer::from(told.clone()), record(Answer::None));
        let span = Duration::from_millis(3);
        let told = RoundTrip { smoothed: Some(span), ..told };
        assert_eq!(Answer::from(told), record(Answer::Duration(span)));
    }
}
