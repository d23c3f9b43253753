//! The answer to `_serf_conflict`: who holds a name.

use std::collections::BTreeMap;

use super::{Reader, Result, body, fields, kind};
use crate::wire::msgpack::{
    put_blob, put_key, put_map, put_map_len, put_nil, put_raw, put_str, put_u32,
};

/// A member as serf describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder<'a> {
    /// The name.
    pub name: &'a str,
    /// Its address: 4 or 16 bytes.
    pub addr: &'a [u8],
    /// Its port.
    pub port: u16,
    /// Its tags.
    pub tags: BTreeMap<&'a str, &'a str>,
    /// serf's number of its state: alive 1, leaving 2, left 3, failed 4.
    pub status: u8,
    /// Protocol versions: memberlist's min, max, current, then serf's.
    pub versions: [u8; 6],
}

/// In the order in which they travel; the number is the place in [`Holder::versions`].
const DELEGATE: [(&str, usize); 3] = [("DelegateCur", 5), ("DelegateMax", 4), ("DelegateMin", 3)];
const PROTOCOL: [(&str, usize); 3] = [("ProtocolCur", 2), ("ProtocolMax", 1), ("ProtocolMin", 0)];

impl<'a> Holder<'a> {
    /// Appends the answer: a member, or that nobody of that name is known.
    pub fn encode(holder: Option<&Holder<'_>>, out: &mut Vec<u8>) {
        out.push(kind::CONFLICT_ANSWER);
        let Some(holder) = holder else { return put_nil(out) };
        let put_versions = |out: &mut Vec<u8>, rows: [(&str, usize); 3]| {
            for (key, at) in rows {
                put_u32(out, key, u32::from(holder.versions[at]));
            }
        };
        put_map(out, 11);
        put_blob(out, "Addr", holder.addr);
        put_versions(out, DELEGATE);
        put_str(out, "Name", holder.name);
        put_u32(out, "Port", u32::from(holder.port));
        put_versions(out, PROTOCOL);
        put_u32(out, "Status", u32::from(holder.status));
        put_key(out, "Tags");
        put_map_len(out, holder.tags.len());
        for (key, value) in &holder.tags {
            put_raw(out, key.as_bytes());
            put_raw(out, value.as_bytes());
        }
    }

    /// Decodes an answer; `None` when nobody of that name is known. Tags are left out.
    pub fn decode(payload: &'a [u8]) -> Result<Option<Self>> {
        const NAMES: [&str; 11] = [
            "Name",
            "Addr",
            "Port",
            "Tags",
            "Status",
            "ProtocolMin",
            "ProtocolMax",
            "ProtocolCur",
            "DelegateMin",
            "DelegateMax",
            "DelegateCur",
        ];
        let mut reader: Reader<'a> = body(payload, kind::CONFLICT_ANSWER)?;
        if reader.nil() {
            return Ok(None);
        }
        let mut holder = Self::default();
        fields(&mut reader, &NAMES, |field, value| {
            match field {
                "Name" => holder.name = value.str()?,
                "Addr" => holder.addr = value.raw()?,
                "Port" => holder.port = value.uint()?,
                "Tags" => value.skip()?,
                "Status" => holder.status = value.uint()?,
                version => {
                    let rows = DELEGATE.iter().chain(&PROTOCOL);
                    let row = rows.into_iter().find(|(name, _)| *name == version);
                    let value = value.uint()?;
                    if let Some((_, at)) = row {
                        holder.versions[*at] = value;
                    }
                }
            }
            Ok(())
        })?;
        Ok(Some(holder))
    }
}
