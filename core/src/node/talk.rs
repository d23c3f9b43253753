//! What users say to each other: messages, broadcasts, and a state that is handed on.

use std::time::Duration;

use super::Node;
use crate::engine::{Broadcast, Delivery, Explanation, Reply, Request, RoundTrip};
use crate::error::Result;

impl Node {
    /// Sends a message to the present member of that name; it gets a `message` event. memberlist's
    /// user message as it is, for peers in Go too.
    ///
    /// Best effort is one datagram: it may be lost, or come twice, and fits into `packet_size` less
    /// what the packet itself takes. Reliable is a connection for this one message, of at most 20
    /// MiB: it returns once the member has read all of it, and `tcp_timeout` is the limit.
    ///
    /// # Errors
    /// `unknown_member`, `too_large`: nothing was sent. `node_down`, for reliable ones only: the
    /// member may have got it all the same. `closed`.
    pub async fn send(
        &self,
        member: &str,
        payload: impl Into<Vec<u8>>,
        delivery: Delivery,
    ) -> Result<()> {
        let (to, payload) = (member.to_owned(), payload.into());
        self.request(Request::Send { to, payload, delivery }).await
    }

    /// Gossips a message to all members; each gets one `broadcast` event, this node none. It rides
    /// on packets that go out anyway, is passed on by every member of Chinwag that gets it, and is
    /// kept for a minute at most: who joins later does not get it, who joins soon may. Members in
    /// Go neither show it nor pass it on.
    ///
    /// A payload alone is a unique one: `node.broadcast("hello")`.
    ///
    /// # Errors
    /// `too_large` when it does not fit into one packet beside its names; `bad_argument` when a
    /// unique one has a name or another one has none; `overloaded`; `closed`.
    pub async fn broadcast(&self, broadcast: impl Into<Broadcast>) -> Result<()> {
        self.request(Request::Broadcast(broadcast.into())).await
    }

    /// Replaces the state that this node hands on with every exchange of states, of at most 20 MiB:
    /// the other side gets a `remote-state` event. memberlist's `LocalState`, as a value. An empty
    /// one is not handed on.
    ///
    /// # Errors
    /// `too_large`, `closed`.
    pub async fn set_state(&self, state: impl Into<Vec<u8>>) -> Result<()> {
        self.request(Request::SetState(state.into())).await
    }

    /// Replaces what this node adds to its answers to pings, of at most 512 bytes. Others find it
    /// with [`Node::round_trip`].
    ///
    /// # Errors
    /// `too_large`, `closed`.
    pub async fn set_ping_payload(&self, payload: impl Into<Vec<u8>>) -> Result<()> {
        self.request(Request::SetPingPayload(payload.into())).await
    }

    /// Lets a newcomer in: with `admission` at `ask`, the `id` of its `admission` event. From then
    /// on it is a member like all others.
    ///
    /// # Errors
    /// `bad_argument` when it is decided already: by somebody else, or because half of
    /// `tcp_timeout` is over; `closed`.
    pub async fn admit(&self, id: u64) -> Result<()> {
        self.request(Request::Decide { question: id, refusal: None }).await
    }

    /// Keeps a newcomer out, for 30 seconds without asking again; a joiner is told the reason, of
    /// which 256 bytes travel.
    ///
    /// # Errors
    /// As [`Node::admit`].
    pub async fn refuse(&self, id: u64, reason: &str) -> Result<()> {
        let refusal = Some(reason.to_owned());
        self.request(Request::Decide { question: id, refusal }).await
    }

    /// Pings the present member of that name, in a datagram; the time until its answer.
    ///
    /// # Errors
    /// `unknown_member`; `timeout` after `probe_timeout`; `closed`.
    pub async fn ping(&self, member: &str) -> Result<Duration> {
        match self.ask(Request::Ping(member.to_owned())).await? {
            Reply::Ponged(span) => Ok(span),
            _ => Ok(Duration::ZERO),
        }
    }

    /// What this node knows of a member, and why: who probed, who suspected, which answers were
    /// missing, when it was confirmed and by whom.
    ///
    /// # Errors
    /// `closed`.
    pub async fn explain(&self, member: &str) -> Result<Explanation> {
        match self.ask(Request::Explain(member.to_owned())).await? {
            Reply::Explained(explanation) => Ok(*explanation),
            _ => Ok(Explanation::default()),
        }
    }

    /// What the last answers of a member told: measured with each probe, so that a value is at most
    /// as many probe intervals old as there are members.
    ///
    /// # Errors
    /// `unknown_member`, `closed`.
    pub async fn round_trip(&self, member: &str) -> Result<RoundTrip> {
        match self.ask(Request::RoundTrip(member.to_owned())).await? {
            Reply::RoundTrip(round_trip) => Ok(round_trip),
            _ => Ok(RoundTrip::default()),
        }
    }
}
