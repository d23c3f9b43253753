//! What serf puts into user messages, user state and ack payloads.
//!
//! A type byte and then a body in the same dialect as memberlist's own. Texts and byte strings
//! borrow from the bytes that are read; lists are lent out one by one and never built, so a count
//! that lies costs nothing.

mod conflict;
mod coordinate;
mod event;
mod filter;
mod intents;
mod keys;
mod query;
mod state;
mod texts;

pub use conflict::Holder;
pub use coordinate::{Coordinate, DIMENSIONS, PING_VERSION};
pub use event::UserEvent;
pub use filter::Filter;
pub use intents::{JoinIntent, LeaveIntent};
pub use keys::{KeyAnswer, KeyRequest};
pub use query::{Filters, Query, QueryResponse, RelayHeader};
pub use state::{State, StateWriter};
pub use texts::Texts;

use super::WireError;
use super::msgpack::Reader;

type Result<T> = std::result::Result<T, WireError>;

/// The first byte of what serf writes.
mod kind {
    pub(super) const LEAVE: u8 = 0;
    pub(super) const JOIN: u8 = 1;
    pub(super) const STATE: u8 = 2;
    pub(super) const USER_EVENT: u8 = 3;
    pub(super) const QUERY: u8 = 4;
    pub(super) const QUERY_RESPONSE: u8 = 5;
    pub(super) const CONFLICT_ANSWER: u8 = 6;
    pub(super) const KEY_REQUEST: u8 = 7;
    pub(super) const KEY_ANSWER: u8 = 8;
    pub(super) const RELAY: u8 = 9;
}

/// A user message of serf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerfMessage<'a> {
    /// Somebody is about to leave, or is to be taken for gone.
    Leave(LeaveIntent<'a>),
    /// Somebody has joined, or refutes that it leaves.
    Join(JoinIntent<'a>),
    /// Something that a user tells everybody.
    UserEvent(UserEvent<'a>),
    /// Something that a user asks everybody.
    Query(Query<'a>),
    /// An answer to a query of this node, or the acknowledgement of one.
    QueryResponse(QueryResponse<'a>),
    /// A message to pass on to the address in front of it.
    Relay(RelayHeader<'a>, &'a [u8]),
}

impl<'a> SerfMessage<'a> {
    /// Decodes the payload of a user message.
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        let (first, body) = payload.split_first().ok_or(WireError::Truncated)?;
        let mut reader = Reader::new(body);
        Ok(match *first {
            kind::LEAVE => Self::Leave(LeaveIntent::read(&mut reader)?),
            kind::JOIN => Self::Join(JoinIntent::read(&mut reader)?),
            kind::USER_EVENT => Self::UserEvent(UserEvent::read(&mut reader)?),
            kind::QUERY => Self::Query(Query::read(&mut reader)?),
            kind::QUERY_RESPONSE => Self::QueryResponse(QueryResponse::read(&mut reader)?),
            kind::RELAY => Self::Relay(RelayHeader::read(&mut reader)?, reader.rest()),
            _ => return Err(WireError::BadType),
        })
    }
}

/// The body behind that type byte.
fn body(bytes: &[u8], kind: u8) -> Result<Reader<'_>> {
    let (first, body) = bytes.split_first().ok_or(WireError::Truncated)?;
    if *first != kind {
        return Err(WireError::BadType);
    }
    Ok(Reader::new(body))
}

/// Reads a struct whose fields have these names, in order of declaration.
fn fields<'a>(
    reader: &mut Reader<'a>,
    names: &[&'static str],
    set: impl FnMut(&'static str, &mut Reader<'a>) -> Result<()>,
) -> Result<()> {
    let named = |key: &[u8]| names.iter().find(|name| name.as_bytes() == key).copied();
    reader.fields(names, named, set)
}

/// A struct that ends early, or `nil` in its place, leaves the rest at zero.
fn fields_or_nil<'a>(
    reader: &mut Reader<'a>,
    names: &[&'static str],
    set: impl FnMut(&'static str, &mut Reader<'a>) -> Result<()>,
) -> Result<()> {
    if reader.nil() { Ok(()) } else { fields(reader, names, set) }
}
