//! What a worker asks of its member, beside messages.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::MemberBody;
use crate::clock::VectorClock;
use crate::engine::{
    Answers, Broadcast, BroadcastKind, Coordinate, Delivery, Explanation, MapWrite, Observed,
    Question, Reply, Request, Response, RoundTrip, SerfRequest, StateWrite,
};
use crate::error::{Attempt, Error, ErrorKind, Result};

/// One thing that a worker asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Wish {
    /// Targets, and the seeds that were not found: each with the cause.
    Join(Vec<(String, SocketAddr)>, Vec<(String, String)>),
    UpdateTags(BTreeMap<String, Option<String>>),
    SetMeta(Vec<u8>),
    /// Whom, what, whether over a connection.
    Send(String, Vec<u8>, bool),
    /// The kind: 0 unique, 1 named, 2 superseding; the name, the payload.
    Broadcast(u8, String, Vec<u8>),
    SetState(Vec<u8>),
    /// Keys, their values, and how long they live.
    Write(Vec<(String, Option<Vec<u8>>, Option<Duration>)>),
    /// Map, key, value, and what was read before as the bytes of its clock.
    WriteMap(String, String, Option<Vec<u8>>, Option<Vec<u8>>),
    SetPingPayload(Vec<u8>),
    Released(u64),
    Decide(u64, Option<String>),
    Ping(String),
    RoundTrip(String),
    Explain(String),
    /// Name, payload, whether it may be coalesced.
    UserEvent(String, Vec<u8>, bool),
    Query(QuestionBody),
    Respond(u64, Vec<u8>),
    ForceLeave(String, bool),
    Coordinate,
    Distance(String, String),
}

/// A question to everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QuestionBody {
    name: String,
    payload: Vec<u8>,
    nodes: Vec<String>,
    tags: BTreeMap<String, String>,
    ack: bool,
    relay_factor: u8,
    timeout: Option<Duration>,
}

/// What it came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    Done,
    Joined(u64),
    Ponged(Duration),
    RoundTrip(Option<Duration>, Vec<u8>),
    Explained(ExplanationBody),
    /// Who acknowledged; who answered what; whether these are all.
    Answers(Vec<String>, Vec<(String, Vec<u8>)>, bool),
    /// The place, the error, the adjustment, the height.
    Coordinate([f64; 8], [f64; 3]),
    Distance(Duration),
}

/// What is known of a member, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExplanationBody {
    member: Option<MemberBody>,
    since: Option<Duration>,
    fails_in: Option<Duration>,
    /// How long ago, which, and in which words.
    observed: Vec<(Duration, String, String)>,
}

/// In front of the names of serf's own questions, with which keys are changed.
const INTERNAL: &str = "_serf_";
/// In front of the keys of users.
const USERS: &str = "u:";
/// The words of an observation; one that is not known here is the last.
const OBSERVED: [&str; 13] = [
    "probe-failed",
    "saved-by-tcp",
    "refused",
    "refused-here",
    "answered",
    "suspected",
    "confirmed",
    "refuted",
    "failed",
    "left",
    "back",
    "moved",
    "observed",
];

impl Wish {
    /// What a request of this worker's is for its member.
    ///
    /// # Errors
    /// `unsupported` for what is the member's alone.
    pub(crate) fn of(request: Request) -> Result<Self> {
        Ok(match request {
            Request::Join { targets, failed, .. } => {
                let cause = |failed: Attempt| (failed.seed, failed.cause);
                Self::Join(targets, failed.into_iter().map(cause).collect())
            }
            Request::SetMeta(meta) => Self::SetMeta(meta),
            Request::Send { to, payload, delivery } => {
                Self::Send(to, payload, delivery == Delivery::Reliable)
            }
            Request::Broadcast(Broadcast { kind, name, payload }) => {
                let kind = match kind {
                    BroadcastKind::Unique => 0,
                    BroadcastKind::Named => 1,
                    BroadcastKind::Superseding => 2,
                };
                Self::Broadcast(kind, name, payload)
            }
            Request::SetState(state) => Self::SetState(state),
            Request::Write(writes) => {
                let write = |write: StateWrite| (write.key, write.value, write.ttl);
                Self::Write(writes.into_iter().map(write).collect())
            }
            Request::WriteMap(write) => {
                let MapWrite { map, key, value, context } = *write;
                Self::WriteMap(map, key, value, context.map(|clock| clock.to_bytes()))
            }
            Request::SetPingPayload(payload) => Self::SetPingPayload(payload),
            Request::Released(handoff) => Self::Released(handoff),
            Request::Decide { question, refusal } => Self::Decide(question, refusal),
            Request::Ping(member) => Self::Ping(member),
            Request::RoundTrip(member) => Self::RoundTrip(member),
            Request::Explain(member) => Self::Explain(member),
            Request::Serf(request) => return Self::of_serf(request),
            Request::Keyring(_) => return Err(keys()),
            Request::Placed(_) | Request::Leave { .. } => {
                return Err(Error::new(ErrorKind::Internal, "a worker does that by itself"));
            }
        })
    }

    fn of_serf(request: SerfRequest) -> Result<Self> {
        Ok(match request {
            SerfRequest::UserEvent { name, payload, coalesce } => {
                Self::UserEvent(name, payload, coalesce)
            }
            SerfRequest::Query(asked) if asked.name.starts_with(INTERNAL) => return Err(keys()),
            SerfRequest::Query(asked) => {
                let Question { name, payload, nodes, tags, ack, relay_factor, timeout } = asked;
                let body = QuestionBody { name, payload, nodes, tags, ack, relay_factor, timeout };
                Self::Query(body)
            }
            SerfRequest::Respond { query, payload } => Self::Respond(query, payload),
            SerfRequest::ForceLeave { name, prune } => Self::ForceLeave(name, prune),
            SerfRequest::Coordinate => Self::Coordinate,
            SerfRequest::Distance(from, to) => Self::Distance(from, to),
        })
    }

    /// The request that it is for the member's engine; tags are not the engine's.
    ///
    /// # Errors
    /// `bad_argument` for keys that are not users'.
    pub(crate) fn request(self) -> Result<Request> {
        Ok(match self {
            Self::Join(targets, failed) => {
                let failed = failed.into_iter().map(|(seed, cause)| Attempt { seed, cause });
                Request::Join { targets, failed: failed.collect(), again: false }
            }
            Self::SetMeta(meta) => Request::SetMeta(meta),
            Self::Send(to, payload, reliable) => {
                let delivery = if reliable { Delivery::Reliable } else { Delivery::BestEffort };
                Request::Send { to, payload, delivery }
            }
            Self::Broadcast(kind, name, payload) => {
                let kind = match kind {
                    0 => BroadcastKind::Unique,
                    1 => BroadcastKind::Named,
                    _ => BroadcastKind::Superseding,
                };
                Request::Broadcast(Broadcast { kind, name, payload })
            }
            Self::SetState(state) => Request::SetState(state),
            Self::Write(writes) => {
                if writes.iter().any(|(key, ..)| !key.starts_with(USERS)) {
                    let message = "a worker writes to keys of users alone";
                    return Err(Error::new(ErrorKind::BadArgument, message));
                }
                let write = |(key, value, ttl)| StateWrite { key, value, ttl };
                Request::Write(writes.into_iter().map(write).collect())
            }
            Self::WriteMap(map, key, value, context) => {
                let context = context.map(|bytes| VectorClock::from_bytes(&bytes)).transpose()?;
                Request::WriteMap(Box::new(MapWrite { map, key, value, context }))
            }
            Self::SetPingPayload(payload) => Request::SetPingPayload(payload),
            Self::Released(handoff) => Request::Released(handoff),
            Self::Decide(question, refusal) => Request::Decide { question, refusal },
            Self::Ping(member) => Request::Ping(member),
            Self::RoundTrip(member) => Request::RoundTrip(member),
            Self::Explain(member) => Request::Explain(member),
            serf => return serf.serf_request().map(Request::Serf),
        })
    }

    fn serf_request(self) -> Result<SerfRequest> {
        Ok(match self {
            Self::UserEvent(name, payload, coalesce) => {
                SerfRequest::UserEvent { name, payload, coalesce }
            }
            Self::Query(asked) if asked.name.starts_with(INTERNAL) => return Err(keys()),
            Self::Query(asked) => {
                let QuestionBody { name, payload, nodes, tags, ack, relay_factor, timeout } = asked;
                let asked = Question { name, payload, nodes, tags, ack, relay_factor, timeout };
                SerfRequest::Query(asked)
            }
            Self::Respond(query, payload) => SerfRequest::Respond { query, payload },
            Self::ForceLeave(name, prune) => SerfRequest::ForceLeave { name, prune },
            Self::Coordinate => SerfRequest::Coordinate,
            Self::Distance(from, to) => SerfRequest::Distance(from, to),
            _ => return Err(Error::new(ErrorKind::Internal, "the engine knows no such wish")),
        })
    }
}

fn keys() -> Error {
    let message = "a worker does not change the keys of the cluster; its member does";
    Error::new(ErrorKind::Unsupported, message)
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Done => Self::Done,
            Reply::Joined(count) => Self::Joined(count as u64),
            Reply::Ponged(span) => Self::Ponged(span),
            Reply::RoundTrip(told) => Self::RoundTrip(told.smoothed, told.payload),
            Reply::Explained(explanation) => {
                let Explanation { member, since, fails_in, observed } = *explanation;
                let told = |seen: Observed| (seen.ago, seen.kind.to_owned(), seen.text);
                Self::Explained(ExplanationBody {
                    member: member.as_ref().map(Into::into),
                    since,
                    fails_in,
                    observed: observed.into_iter().map(told).collect(),
                })
            }
            Reply::Answers(Answers { acks, responses, complete }) => {
                let said = responses.into_iter().map(|said| (said.from, said.payload));
                Self::Answers(acks, said.collect(), complete)
            }
            Reply::Coordinate(Coordinate { vec, error, adjustment, height }) => {
                Self::Coordinate(vec, [error, adjustment, height])
            }
            Reply::Distance(span) => Self::Distance(span),
        }
    }
}

impl From<Outcome> for Reply {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Joined(count) => Self::Joined(usize::try_from(count).unwrap_or(usize::MAX)),
            Outcome::Ponged(span) => Self::Ponged(span),
            Outcome::RoundTrip(smoothed, payload) => {
                Self::RoundTrip(RoundTrip { smoothed, payload })
            }
            Outcome::Explained(body) => {
                let ExplanationBody { member, since, fails_in, observed } = body;
                let seen = |(ago, kind, text): (Duration, String, String)| {
                    let known = OBSERVED.into_iter().find(|known| *known == kind);
                    Observed { ago, kind: known.unwrap_or("observed"), text }
                };
                let observed = observed.into_iter().map(seen).collect();
                let member = member.map(Into::into);
                Self::Explained(Box::new(Explanation { member, since, fails_in, observed }))
            }
            Outcome::Answers(acks, said, complete) => {
                let responses = said.into_iter();
                let responses = responses.map(|(from, payload)| Response { from, payload });
                Self::Answers(Answers { acks, responses: responses.collect(), complete })
            }
            Outcome::Coordinate(vec, [error, adjustment, height]) => {
                Self::Coordinate(Coordinate { vec, error, adjustment, height })
            }
            Outcome::Distance(span) => Self::Distance(span),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attach::{decode, encode};
    use crate::engine::KeyChange;

    fn back(request: Request) -> String {
        let wish = Wish::of(request).expect("a worker may");
        let bytes = encode(&wish).expect("it is short");
        let read = decode::<Wish>(&bytes).expect("the same");
        format!("{:?}", read.request().expect("the member may"))
    }

    #[test]
    fn requests_come_out_as_they_went_in() {
        let text = || "text".to_owned();
        let question = Question { name: text(), timeout: Some(Duration::ZERO), ..<_>::default() };
        let write = StateWrite { key: "u:k".to_owned(), value: Some(vec![1]), ttl: None };
        let requests = [
            Request::Join { targets: Vec::new(), failed: Vec::new(), again: false },
            Request::SetMeta(vec![1]),
            Request::Send { to: text(), payload: vec![1], delivery: Delivery::Reliable },
            Request::Broadcast(Broadcast {
                kind: BroadcastKind::Superseding,
                name: text(),
                payload: vec![1],
            }),
            Request::SetState(vec![1]),
            Request::Write(vec![write]),
            Request::WriteMap(Box::new(MapWrite {
                map: text(),
                key: text(),
                value: None,
                context: Some(VectorClock::new()),
            })),
            Request::SetPingPayload(vec![1]),
            Request::Released(1),
            Request::Decide { question: 1, refusal: Some(text()) },
            Request::Ping(text()),
            Request::RoundTrip(text()),
            Request::Explain(text()),
            Request::Serf(SerfRequest::Query(question)),
            Request::Serf(SerfRequest::Respond { query: 1, payload: vec![1] }),
            Request::Serf(SerfRequest::ForceLeave { name: text(), prune: true }),
            Request::Serf(SerfRequest::Coordinate),
            Request::Serf(SerfRequest::Distance(text(), text())),
            Request::Serf(SerfRequest::UserEvent {
                name: text(),
                payload: vec![1],
                coalesce: true,
            }),
        ];
        for request in requests {
            assert_eq!(back(request.clone()), format!("{request:?}"));
        }
    }

    #[test]
    fn what_is_the_members_alone_is_refused_on_both_sides() {
        let change = KeyChange::add("MDEyMzQ1Njc4OWFiY2RlZg==").expect("a key");
        let asked = Question { name: "_serf_list-keys".to_owned(), ..Question::default() };
        for request in [Request::Keyring(change), Request::Serf(SerfRequest::Query(asked.clone()))]
        {
            let error = Wish::of(request).expect_err("the keys are the member's");
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
        let write = ("s:cart".to_owned(), Some(Vec::new()), None);
        Wish::Write(vec![write]).request().expect_err("that is no key of a user's");
    }

    #[test]
    fn outcomes_come_out_as_they_went_in() {
        let observed = vec![Observed { ago: Duration::ZERO, kind: "refuted", text: "so".into() }];
        let explanation = Explanation { observed, ..Explanation::default() };
        let responses = vec![Response { from: "a".into(), payload: vec![1] }];
        let replies = [
            Reply::Done,
            Reply::Joined(3),
            Reply::Ponged(Duration::from_millis(3)),
            Reply::RoundTrip(RoundTrip { smoothed: None, payload: vec![1] }),
            Reply::Explained(Box::new(explanation)),
            Reply::Answers(Answers { acks: vec!["b".into()], responses, complete: true }),
            Reply::Coordinate(Coordinate {
                vec: [0.25; 8],
                error: 0.5,
                adjustment: -1.0,
                height: 0.125,
            }),
            Reply::Distance(Duration::from_millis(3)),
        ];
        for reply in replies {
            let bytes = encode(&Outcome::from(reply.clone())).expect("it is short");
            assert_eq!(Reply::from(decode::<Outcome>(&bytes).expect("the same")), reply);
        }
    }
}
