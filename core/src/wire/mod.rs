//! Bytes to messages and back: HashiCorp memberlist's wire, pure and bounded.
//!
//! Nothing here does I/O, reads a clock or keeps a lock. Every function is total: whatever bytes
//! arrive, the result is a value or a [`WireError`], never a panic, and never more memory than the
//! limit that is named beside the function. No decoder recurses.
//!
//! | Module | What it knows |
//! |---|---|
//! | [`packet`] | a datagram: label, checksum, compression, compound, in both directions |
//! | [`stream`] | one direction of a TCP exchange, read in pieces of any size |
//! | [`message`] | the bodies a datagram may carry |
//! | [`vsn`] | the versions a node announces |
//! | [`addr`] | addresses exactly as they were sent, and as sockets need them |
//! | [`label`] | the cluster label in front of everything |
//! | [`crypt`] | keys, and the encryption around a message |
//! | [`security`] | what of the two a node sends and demands |
//! | [`compress`] | LZW, with a bound on what comes out |
//! | [`envelope`] | broadcasts of ours inside user messages |
//! | [`state`] | keys and values of members inside user messages |
//! | [`tags`], [`serf`] | what serf puts into node metadata and user messages |
//! | `msgpack` | the dialect: sorted keys, old raw strings, shortest unsigned integers |
//!
//! Deviations from Go, on purpose: names must be UTF-8, nesting is bounded, and a compressed
//! datagram may not grow beyond what a datagram can hold.

pub mod addr;
pub mod compress;
pub mod crypt;
pub mod envelope;
pub mod handoff;
pub mod label;
pub mod message;
mod msgpack;
pub mod packet;
pub mod security;
pub mod serf;
pub mod state;
pub mod stream;
pub mod tags;
pub mod vsn;

#[cfg(test)]
mod tests;

pub use addr::{RawAddr, to_socket_addr};
pub use compress::COMPRESS_MIN;
pub use crypt::{
    Fingerprint, KEYS_MAX, Key, KeyError, KeyInfo, Keyring, KeyringError, Nonce, Nonces,
    SEAL_OVERHEAD,
};
pub use envelope::{BroadcastKind, ENVELOPE_NAME_MAX, Envelope};
pub use handoff::{HandoffKind, HandoffMessage};
pub use label::label_overhead;
pub use message::{Ack, Alive, Dead, IndirectPing, Message, Ping, Suspect};
pub use packet::{
    COMPOUND_OVERHEAD, CRC_OVERHEAD, Compression, MAX_PARTS, Opened, PART_OVERHEAD, PacketBuilder,
    Scratch, open, unseal,
};
pub use security::{Cover, Security};
pub use state::{
    STATE_KEY_MAX, STATE_MESSAGE_MAX, STATE_VALUE_MAX, StateDelta, StateDeltas, StateEntries,
    StateEntry, StateMark, StateMarks, StateMessage,
};
pub use stream::{
    NodeState, Nodes, PushPull, STREAM_OVERHEAD, Side, StreamLimits, StreamMessage, StreamReader,
    WireState, compress_stream, cover_stream, encode_push_pull, encode_stream_ack,
    encode_stream_err, encode_stream_ping, encode_stream_user,
};
pub use tags::{META_MAX, TagPairs, decode_tags, encode_tags};
pub use vsn::Vsn;

/// Why bytes were refused. Flat and `Copy`, so that a receiver can count by reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireError {
    /// The bytes end before the message does, or there is no message at all.
    Truncated,
    /// A message type that is unknown, or that may not appear in this place.
    BadType,
    /// A body that is not the msgpack its type calls for, or a number outside its field's range.
    BadMsgpack,
    /// A name that is not UTF-8. Go accepts any bytes here; Chinwag does not.
    BadUtf8,
    /// The checksum does not match.
    BadCrc,
    /// A length or count above its limit. Nothing was allocated for it.
    TooLarge,
    /// Values or wrappers nested deeper than any real sender does.
    TooDeep,
    /// The compressed bytes are not LZW, or stop before their end code.
    BadCompression,
    /// Compressed with an algorithm other than LZW.
    UnknownCompression,
    /// The label is missing, malformed, or that of another cluster.
    BadLabel,
    /// An address of neither 4 nor 16 bytes.
    BadAddress,
    /// A node state number that memberlist does not define.
    BadState,
    /// Encrypted, and there is no key to open it.
    Encrypted,
    /// Encrypted, and none of the keys opens it: under another key or another label, or damaged.
    Undecryptable,
    /// Not encrypted, where encryption is demanded.
    Plaintext,
    /// Encryption of an unknown version, with a bad pad, or around nothing.
    BadEnvelope,
}

impl WireError {
    /// Every reason, in the order of declaration: the index of a counter is `reason as usize`.
    pub const ALL: [Self; 16] = [
        Self::Truncated,
        Self::BadType,
        Self::BadMsgpack,
        Self::BadUtf8,
        Self::BadCrc,
        Self::TooLarge,
        Self::TooDeep,
        Self::BadCompression,
        Self::UnknownCompression,
        Self::BadLabel,
        Self::BadAddress,
        Self::BadState,
        Self::Encrypted,
        Self::Undecryptable,
        Self::Plaintext,
        Self::BadEnvelope,
    ];

    /// Whether it is for keys that this side does not understand the other one.
    pub const fn is_about_keys(self) -> bool {
        matches!(self, Self::Encrypted | Self::Undecryptable | Self::Plaintext)
    }

    /// A short, stable, lower-case phrase for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::BadType => "bad message type",
            Self::BadMsgpack => "bad msgpack",
            Self::BadUtf8 => "name is not utf-8",
            Self::BadCrc => "bad checksum",
            Self::TooLarge => "too large",
            Self::TooDeep => "nested too deep",
            Self::BadCompression => "bad compression",
            Self::UnknownCompression => "unknown compression",
            Self::BadLabel => "wrong label",
            Self::BadAddress => "bad address",
            Self::BadState => "bad node state",
            Self::Encrypted => "encrypted, and this node has no keys",
            Self::Undecryptable => "none of the keys decrypts it",
            Self::Plaintext => "not encrypted, and encryption is demanded",
            Self::BadEnvelope => "badly encrypted",
        }
    }
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for WireError {}

/// Whether a refusal that a peer put into words is about keys. Go's and ours all speak of
/// encryption then.
pub fn refused_for_keys(refusal: &str) -> bool {
    refusal.contains("crypt")
}

/// The first byte of a message, or of what wraps one.
pub(crate) mod kind {
    pub(crate) const PING: u8 = 0;
    pub(crate) const INDIRECT_PING: u8 = 1;
    pub(crate) const ACK: u8 = 2;
    pub(crate) const SUSPECT: u8 = 3;
    pub(crate) const ALIVE: u8 = 4;
    pub(crate) const DEAD: u8 = 5;
    pub(crate) const PUSH_PULL: u8 = 6;
    pub(crate) const COMPOUND: u8 = 7;
    pub(crate) const USER: u8 = 8;
    pub(crate) const COMPRESS: u8 = 9;
    pub(crate) const ENCRYPT: u8 = 10;
    pub(crate) const NACK: u8 = 11;
    pub(crate) const CRC: u8 = 12;
    pub(crate) const ERR: u8 = 13;
    pub(crate) const LABEL: u8 = 244;
}
