//! The messages a datagram may carry, and their bodies.
//!
//! Decoding borrows everything from the datagram and allocates nothing. Encoding appends exactly
//! what Go appends: every field, in the order of its name, except that an unknown source is left
//! out.

mod codec;

use super::Vsn;

pub(crate) use codec::Field;

/// One message of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// "Are you there?"
    Ping(Ping<'a>),
    /// "Ask that node for me."
    IndirectPing(IndirectPing<'a>),
    /// "Yes."
    Ack(Ack<'a>),
    /// "I asked for you, and it has not answered me."
    Nack {
        /// The number of the indirect ping.
        seq: u32,
    },
    /// "I could not reach that node."
    Suspect(Suspect<'a>),
    /// "That node is there, and this is how to reach it."
    Alive(Alive<'a>),
    /// "That node has failed", or, about oneself, "I am leaving".
    Dead(Dead<'a>),
    /// Bytes for the layer above.
    User(&'a [u8]),
}

/// A direct probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ping<'a> {
    /// Comes back in the answer.
    pub seq: u32,
    /// Who is meant; empty for whoever receives it.
    pub node: &'a str,
    /// Where to answer, raw; empty for wherever the datagram came from.
    pub source_addr: &'a [u8],
    /// The port that belongs to `source_addr`; 0 if unknown.
    pub source_port: u16,
    /// The name of the sender; may be empty.
    pub source_node: &'a str,
}

/// A request to probe a third node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndirectPing<'a> {
    /// Comes back in the answer.
    pub seq: u32,
    /// The raw address of the node to probe.
    pub target: &'a [u8],
    /// Its port.
    pub port: u16,
    /// Its name.
    pub node: &'a str,
    /// Whether a [`Message::Nack`] is wanted when it does not answer.
    pub nack: bool,
    /// Where to answer, raw; empty for wherever the datagram came from.
    pub source_addr: &'a [u8],
    /// The port that belongs to `source_addr`; 0 if unknown.
    pub source_port: u16,
    /// The name of the sender; may be empty.
    pub source_node: &'a str,
}

/// The answer to a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The number of the probe.
    pub seq: u32,
    /// What the layer above adds to its answers; mostly empty.
    pub payload: &'a [u8],
}

/// An accusation that can still be refuted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suspect<'a> {
    /// The incarnation that is accused.
    pub incarnation: u32,
    /// Who is accused.
    pub node: &'a str,
    /// Who accuses.
    pub from: &'a str,
}

/// A death, or a leave when `from` is `node`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dead<'a> {
    /// The incarnation that is declared dead.
    pub incarnation: u32,
    /// Who is dead.
    pub node: &'a str,
    /// Who says so.
    pub from: &'a str,
}

/// What a node says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alive<'a> {
    /// Higher wins.
    pub incarnation: u32,
    /// The name of the node.
    pub node: &'a str,
    /// Its address, raw, exactly as it was sent.
    pub addr: &'a [u8],
    /// Its port.
    pub port: u16,
    /// Its metadata. Receivers of memberlist do not bound it, so this may exceed
    /// [`META_MAX`](super::META_MAX).
    pub meta: &'a [u8],
    /// The versions it speaks; empty if it did not say.
    pub vsn: Vsn,
}
