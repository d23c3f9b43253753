//! User events.

use super::{Reader, Result, fields, kind};
use crate::wire::msgpack::{put_blob, put_bool, put_key, put_map, put_str, put_uint};

/// Something that a user tells everybody, at a Lamport time of serf's event clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserEvent<'a> {
    /// The Lamport time of the event.
    pub ltime: u64,
    /// Its name.
    pub name: &'a str,
    /// What comes with it.
    pub payload: &'a [u8],
    /// Whether a receiver may show the last of several events of this name only (`CC`).
    pub coalesce: bool,
}

impl<'a> UserEvent<'a> {
    /// Appends the payload of the user message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(kind::USER_EVENT);
        put_map(out, 4);
        put_key(out, "CC");
        put_bool(out, self.coalesce);
        put_key(out, "LTime");
        put_uint(out, self.ltime);
        put_str(out, "Name", self.name);
        put_blob(out, "Payload", self.payload);
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let mut event = Self::default();
        fields(reader, &["LTime", "Name", "Payload", "CC"], |field, value| {
            match field {
                "LTime" => event.ltime = value.uint()?,
                "Name" => event.name = value.str()?,
                "Payload" => event.payload = value.raw()?,
                _ => event.coalesce = value.bool()?,
            }
            Ok(())
        })?;
        Ok(event)
    }
}
