//! What members ask each other, and answer, about their keyrings.

use super::{Reader, Result, Texts, body, fields, kind};
use crate::wire::msgpack::{put_bool, put_key, put_map, put_nil, put_raw, put_str};

/// The payload of `_serf_install-key`, `_serf_use-key` and `_serf_remove-key`, and, with an empty
/// key, of `_serf_list-keys`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyRequest<'a> {
    /// The key: 16, 24 or 32 bytes.
    pub key: &'a [u8],
}

/// A key belongs into no log.
impl std::fmt::Debug for KeyRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRequest").field("length", &self.key.len()).finish()
    }
}

impl<'a> KeyRequest<'a> {
    /// Appends the payload of the query.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(kind::KEY_REQUEST);
        put_map(out, 1);
        put_key(out, "Key");
        put_raw(out, self.key);
    }

    /// Decodes the payload of a query.
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        let mut key: &'a [u8] = &[];
        fields(&mut body(payload, kind::KEY_REQUEST)?, &["Key"], |_, value| {
            key = value.raw()?;
            Ok(())
        })?;
        Ok(Self { key })
    }
}

/// What one member answers.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyAnswer<'a> {
    /// Whether it did as it was told.
    pub result: bool,
    /// Why it did not, or what else there is to say.
    pub message: &'a str,
    /// Asked for a list: the keys that are installed, in base64.
    pub keys: Texts<'a>,
    /// Asked for a list: the key that it encrypts with, in base64.
    pub primary: &'a str,
}

impl std::fmt::Debug for KeyAnswer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("KeyAnswer");
        shown.field("result", &self.result).field("message", &self.message);
        shown.field("keys", &self.keys.len()).finish()
    }
}

impl<'a> KeyAnswer<'a> {
    /// Appends the payload of the response.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(kind::KEY_ANSWER);
        put_map(out, 4);
        put_key(out, "Keys");
        match self.keys.len() {
            0 => put_nil(out),
            _ => self.keys.put(out),
        }
        put_str(out, "Message", self.message);
        put_str(out, "PrimaryKey", self.primary);
        put_key(out, "Result");
        put_bool(out, self.result);
    }

    /// Decodes the payload of a response.
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        let mut answer = Self::default();
        let mut reader: Reader<'a> = body(payload, kind::KEY_ANSWER)?;
        fields(&mut reader, &["Result", "Message", "Keys", "PrimaryKey"], |field, value| {
            match field {
                "Result" => answer.result = value.bool()?,
                "Message" => answer.message = value.str()?,
                "Keys" => answer.keys = Texts::read(value)?,
                _ => answer.primary = value.str()?,
            }
            Ok(())
        })?;
        Ok(answer)
    }
}
