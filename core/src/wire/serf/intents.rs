//! Intents: who has joined and who is about to leave, by serf's member clock.
//!
//! serf takes a farewell of memberlist alone for a failure. It says goodbye in a user message of
//! its own first, so that its peers show the node as *left*.

use super::{Reader, Result, body, fields, kind};
use crate::wire::msgpack::{put_bool, put_key, put_map, put_str, put_uint};

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
        out.push(kind::LEAVE);
        put_map(out, 3);
        put_key(out, "LTime");
        put_uint(out, self.ltime);
        put_str(out, "Node", self.node);
        put_key(out, "Prune");
        put_bool(out, self.prune);
    }

    /// Decodes the payload of a user message. Old agents do not send `Prune`.
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        Self::read(&mut body(payload, kind::LEAVE)?)
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let mut intent = Self::default();
        fields(reader, &["LTime", "Node", "Prune"], |field, value| {
            match field {
                "LTime" => intent.ltime = value.uint()?,
                "Node" => intent.node = value.str()?,
                _ => intent.prune = value.bool()?,
            }
            Ok(())
        })?;
        Ok(intent)
    }
}

/// "That node has joined", at a Lamport time of serf's member clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoinIntent<'a> {
    /// The Lamport time of the intent.
    pub ltime: u64,
    /// Who has joined.
    pub node: &'a str,
}

impl<'a> JoinIntent<'a> {
    /// Appends the payload of the user message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(kind::JOIN);
        put_map(out, 2);
        put_key(out, "LTime");
        put_uint(out, self.ltime);
        put_str(out, "Node", self.node);
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let mut intent = Self::default();
        fields(reader, &["LTime", "Node"], |field, value| {
            match field {
                "LTime" => intent.ltime = value.uint()?,
                _ => intent.node = value.str()?,
            }
            Ok(())
        })?;
        Ok(intent)
    }
}
