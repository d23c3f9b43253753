//! The one thing serf needs to hear from a node that leaves.
//!
//! Serf takes a leave of memberlist alone for a failure. It says good-bye in a user message of its
//! own first, so that its peers show the node as *left*.

use super::WireError;
use super::msgpack::{Reader, put_bool, put_key, put_map, put_str, put_uint};

/// The first byte of the user message.
const LEAVE: u8 = 0;

/// "That node is leaving", at a Lamport time of serf's member clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaveIntent<'a> {
    /// The Lamport time of the intent.
    pub ltime: u64,
    /// Who leaves.
    pub node: &'a str,
    /// Whether it is to be forgotten at once.
    pub prune: bool,
}

impl<'a> LeaveIntent<'a> {
    /// Appends the payload of the user message, without memberlist's type byte in front.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(LEAVE);
        put_map(out, 3);
        put_key(out, "LTime");
        put_uint(out, self.ltime);
        put_str(out, "Node", self.node);
        put_key(out, "Prune");
        put_bool(out, self.prune);
    }

    /// Decodes the payload of a user message. Old agents do not send `Prune`.
    pub fn decode(payload: &'a [u8]) -> Result<Self, WireError> {
        #[derive(Clone, Copy)]
        enum Field {
            LTime,
            Node,
            Prune,
        }
        let key_of = |key: &[u8]| match key {
            b"LTime" => Some(Field::LTime),
            b"Node" => Some(Field::Node),
            b"Prune" => Some(Field::Prune),
            _ => None,
        };
        let (first, body) = payload.split_first().ok_or(WireError::Truncated)?;
        if *first != LEAVE {
            return Err(WireError::BadType);
        }
        let mut intent = Self::default();
        let order = [Field::LTime, Field::Node, Field::Prune];
        Reader::new(body).fields(&order, key_of, |field, value| {
            match field {
                Field::LTime => intent.ltime = value.uint()?,
                Field::Node => intent.node = value.str()?,
                Field::Prune => intent.prune = value.bool()?,
            }
            Ok(())
        })?;
        Ok(intent)
    }
}
