//! One direction of a TCP exchange: a single message.

mod body;
mod encode;
mod nodes;
mod reader;

use super::{RawAddr, Vsn};

pub use encode::{
    compress_stream, cover_stream, encode_push_pull, encode_stream_ack, encode_stream_err,
    encode_stream_ping, encode_stream_user,
};
pub use nodes::Nodes;
pub use reader::{StreamLimits, StreamReader};

/// Which end of a connection one is. Only the side that dials puts the label in front of what it
/// sends; encryption binds it either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It opened the connection.
    Dialling,
    /// The connection came in.
    Accepting,
}

/// What encryption binds beside the message: the five bytes in front of it, and the label.
fn additional_data(header: [u8; HEADER], label: &str) -> Vec<u8> {
    [&header, label.as_bytes()].concat()
}

/// A type byte and a length, in front of what is encrypted.
const HEADER: usize = 5;

/// What encryption costs a stream beyond what it costs a packet.
pub const STREAM_OVERHEAD: usize = HEADER;

/// What a stream may carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamMessage {
    /// Everything the peer knows; it wants the same in return.
    PushPull(PushPull),
    /// A probe by a peer whose datagrams were not answered.
    Ping {
        /// Comes back in the answer.
        seq: u32,
        /// Who is meant; empty for whoever receives it.
        node: String,
        /// Where the peer may be reached; may be empty.
        source_addr: RawAddr,
        /// The port that belongs to `source_addr`; 0 if unknown.
        source_port: u16,
        /// The name of the peer; may be empty.
        source_node: String,
    },
    /// The answer to a probe.
    Ack {
        /// The number of the probe.
        seq: u32,
    },
    /// Bytes for the layer above.
    User(Vec<u8>),
    /// Why the peer refused what it was sent.
    Err(String),
}

/// The full state of a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushPull {
    /// Whether this is about joining, and not the periodic exchange.
    pub join: bool,
    /// Every node the peer knows, itself included.
    pub nodes: Nodes,
    /// Bytes for the layer above.
    pub user_state: Vec<u8>,
    /// Nodes left out because their name is not UTF-8 or their address has an odd length. One
    /// such node must not keep the others from being exchanged.
    pub skipped: u32,
}

/// What a peer knows about one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeState<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its address, exactly as it was sent.
    pub addr: RawAddr,
    /// Its port.
    pub port: u16,
    /// Its metadata.
    pub meta: &'a [u8],
    /// Higher wins.
    pub incarnation: u32,
    /// What is believed of it.
    pub state: WireState,
    /// The versions it speaks.
    pub vsn: Vsn,
}

/// The state of a node, by its number on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WireState {
    /// 0: it is there.
    #[default]
    Alive = 0,
    /// 1: it may have failed.
    Suspect = 1,
    /// 2: it has failed.
    Dead = 2,
    /// 3: it said good-bye.
    Left = 3,
}
