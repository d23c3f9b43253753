//! What members say in serf's way: user events, queries, and where they stand.

use std::time::Duration;

use super::Node;
use crate::engine::{Answers, Coordinate, KeyChange, Question, Reply, Request, SerfRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::serf::{KeyOp, KeyOutcome};
use crate::wire::Key;

impl Node {
    /// Tells everybody something, serf agents too. Each member gets one `user-event`, this node
    /// as well; who joins later gets the recent ones, unless it has set `replay_on_join` to false.
    ///
    /// # Errors
    /// `too_large` when name and payload together exceed `user_event_size_limit`; `overloaded`;
    /// `unsupported` while this node does not speak serf's versions; `closed`.
    pub async fn user_event(
        &self,
        name: &str,
        payload: impl Into<Vec<u8>>,
        coalesce: bool,
    ) -> Result<()> {
        let (name, payload) = (name.to_owned(), payload.into());
        let request = SerfRequest::UserEvent { name, payload, coalesce };
        self.request(Request::Serf(request)).await
    }

    /// Asks everybody who is meant something, serf agents too: each gets a `query` event and may
    /// answer it, this node as well. Returns when all who are known to be meant have answered, or
    /// when the time of the query is over.
    ///
    /// # Errors
    /// `too_large` when it takes more than 1024 bytes; `bad_argument` when a tag's expression is
    /// none; `overloaded`; `unsupported` while this node does not speak serf's versions; `closed`.
    pub async fn query(&self, question: Question) -> Result<Answers> {
        match self.ask(Request::Serf(SerfRequest::Query(question))).await? {
            Reply::Answers(answers) => Ok(answers),
            _ => Err(unexpected()),
        }
    }

    /// Answers a query, by the id of its event; once, and before its time is over.
    ///
    /// # Errors
    /// `too_large` when the answer takes more than 1024 bytes, a name and some numbers included;
    /// `timeout` when the query is over, or was answered already; `unsupported`; `closed`.
    pub async fn respond(&self, query: u64, payload: impl Into<Vec<u8>>) -> Result<()> {
        let payload = payload.into();
        self.request(Request::Serf(SerfRequest::Respond { query, payload })).await
    }

    /// Has every member change or list its keyring, serf agents too; what came of it for each that
    /// answered. A key is written in base64; listing takes none.
    ///
    /// To change the key of a cluster: install the new one, see that all have it, use it, see that
    /// all do, and remove the old one.
    ///
    /// # Errors
    /// `bad_argument` for what is no key, which it does not show; otherwise as [`Node::query`].
    pub async fn cluster_keys(
        &self,
        op: KeyOp,
        key: Option<&str>,
    ) -> Result<Vec<(String, KeyOutcome)>> {
        self.change_cluster_keys(op, key.map(KeyChange::key).transpose()?).await
    }

    pub(crate) async fn change_cluster_keys(
        &self,
        op: KeyOp,
        key: Option<Key>,
    ) -> Result<Vec<(String, KeyOutcome)>> {
        let raw = key.as_ref().map(Key::raw).unwrap_or_default();
        let answers = self.query(op.question(raw)).await?;
        let outcomes = answers.responses.into_iter().map(|response| {
            let unread = || KeyOutcome {
                message: "answered with something else".to_owned(),
                ..KeyOutcome::default()
            };
            (response.from, KeyOutcome::read(&response.payload).unwrap_or_else(unread))
        });
        Ok(outcomes.collect())
    }

    /// Has everybody take a member that has failed for one that has left, serf agents too; with
    /// `prune`, they forget it at once. They may remember it longer than this node does.
    ///
    /// # Errors
    /// `bad_argument` when the member is present; `unsupported`; `closed`.
    pub async fn force_leave(&self, name: &str, prune: bool) -> Result<()> {
        let name = name.to_owned();
        self.request(Request::Serf(SerfRequest::ForceLeave { name, prune })).await
    }

    /// Where this node stands in serf's coordinate space, by its measurements so far.
    ///
    /// # Errors
    /// `unsupported` while this node does not speak serf's versions; `closed`.
    pub async fn coordinate(&self) -> Result<Coordinate> {
        match self.ask(Request::Serf(SerfRequest::Coordinate)).await? {
            Reply::Coordinate(coordinate) => Ok(coordinate),
            _ => Err(unexpected()),
        }
    }

    /// The estimated round-trip time between two members, neither of which has to be this node.
    ///
    /// # Errors
    /// `unknown_member` while it is not known where one of them stands, which its first answer to a
    /// probe of this node tells; `unsupported`; `closed`.
    pub async fn rtt(&self, from: &str, to: &str) -> Result<Duration> {
        let request = SerfRequest::Distance(from.to_owned(), to.to_owned());
        match self.ask(Request::Serf(request)).await? {
            Reply::Distance(distance) => Ok(distance),
            _ => Err(unexpected()),
        }
    }
}

fn unexpected() -> Error {
    Error::new(ErrorKind::Internal, "the engine replied to something else")
}
