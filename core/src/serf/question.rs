//! Asking everybody something, and what they answer.

use std::collections::BTreeMap;
use std::time::Duration;

/// A query in the sense of serf: everybody who is meant sees it as an event and may answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Its name.
    pub name: String,
    /// What comes with it.
    pub payload: Vec<u8>,
    /// The members who are meant; everybody if there is none.
    pub nodes: Vec<String>,
    /// Tags, and regular expressions that their values have to match; a tag that a member does not
    /// have counts as an empty text.
    pub tags: BTreeMap<String, String>,
    /// Whether everybody who is meant acknowledges it.
    pub ack: bool,
    /// Through how many other members a copy of each answer is sent.
    pub relay_factor: u8,
    /// How long answers are waited for. Unless told, the longer the larger the cluster: 16 gossip
    /// intervals for each digit of the number of members.
    pub timeout: Option<Duration>,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// The members who acknowledged the question, in the order in which that arrived.
    pub acks: Vec<String>,
    /// The answers, in the order in which they arrived.
    pub responses: Vec<Response>,
    /// Whether everybody who is meant, as far as this node knows, has answered.
    pub complete: bool,
}

/// The answer of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Whose.
    pub from: String,
    /// What it says.
    pub payload: Vec<u8>,
}
