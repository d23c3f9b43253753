//! Queries, what is answered to them, and answers that go by way of others.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Filter, Reader, Result, fields, fields_or_nil, kind};
use crate::wire::msgpack::{
    put_array_len, put_blob, put_key, put_map, put_nil, put_raw, put_str, put_u32, put_uint,
};
use crate::wire::{RawAddr, WireError, to_socket_addr};

/// In a query: acknowledge it. In a response: it is that acknowledgement.
const FLAG_ACK: u32 = 1;
/// The query is meant for whoever gets it, and not to be passed on.
const FLAG_NO_BROADCAST: u32 = 2;

/// Something that a user asks everybody, at a Lamport time of serf's query clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<'a> {
    /// The Lamport time of the query.
    pub ltime: u64,
    /// A random number that tells queries of one Lamport time apart.
    pub id: u32,
    /// Where answers go: 4 or 16 bytes.
    pub addr: &'a [u8],
    /// Where answers go.
    pub port: u16,
    /// Who asks; empty from agents before 0.8.
    pub from: &'a str,
    /// Who is meant; all of them have to agree.
    pub filters: Filters<'a>,
    /// See [`Query::wants_ack`] and [`Query::is_passed_on`].
    pub flags: u32,
    /// How many others a copy of each answer is sent through.
    pub relay_factor: u8,
    /// How long answers are waited for, in nanoseconds.
    pub timeout: u64,
    /// Its name.
    pub name: &'a str,
    /// What comes with it.
    pub payload: &'a [u8],
}

/// The filters of a query, unread.
#[derive(Clone, Copy, Default)]
pub struct Filters<'a> {
    reader: Reader<'a>,
    count: u32,
}

impl<'a> Filters<'a> {
    /// Each of them, as far as it can be read.
    pub fn iter(&self) -> impl Iterator<Item = Result<Filter<'a>>> + use<'a> {
        let mut reader = self.reader;
        (0..self.count).map(move |_| Filter::decode(reader.raw()?))
    }

    /// The bytes of each.
    fn raws(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = self.reader;
        (0..self.count).map_while(move |_| reader.raw().ok())
    }

    fn read(value: &mut Reader<'a>) -> Result<Self> {
        let count = value.array_len()?;
        let reader = *value;
        for _ in 0..count {
            value.raw()?;
        }
        Ok(Self { reader, count })
    }
}

impl PartialEq for Filters<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raws().eq(other.raws())
    }
}

impl Eq for Filters<'_> {}

impl std::fmt::Debug for Filters<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Query<'a> {
    /// The flags of a query that asks for acknowledgements, or for none.
    pub const fn flags(ack: bool) -> u32 {
        if ack { FLAG_ACK } else { 0 }
    }

    /// Whether whoever is meant acknowledges it.
    pub const fn wants_ack(&self) -> bool {
        self.flags & FLAG_ACK != 0
    }

    /// Whether everybody passes it on.
    pub const fn is_passed_on(&self) -> bool {
        self.flags & FLAG_NO_BROADCAST == 0
    }

    /// Where answers go, if that is an address.
    pub fn reply_to(&self) -> Option<SocketAddr> {
        to_socket_addr(self.addr, self.port)
    }

    /// How long answers are waited for.
    pub const fn timeout(&self) -> Duration {
        Duration::from_nanos(self.timeout)
    }

    /// Appends the payload of the user message, with these filters in place of its own, which are
    /// those of bytes that were read.
    pub fn encode(&self, filters: &[Filter<'_>], out: &mut Vec<u8>) {
        out.push(kind::QUERY);
        put_map(out, 11);
        put_blob(out, "Addr", self.addr);
        put_key(out, "Filters");
        match filters.len() {
            0 => put_nil(out),
            count => put_array_len(out, count),
        }
        let mut bytes = Vec::new();
        for filter in filters {
            bytes.clear();
            filter.encode(&mut bytes);
            put_raw(out, &bytes);
        }
        put_u32(out, "Flags", self.flags);
        put_u32(out, "ID", self.id);
        put_key(out, "LTime");
        put_uint(out, self.ltime);
        put_str(out, "Name", self.name);
        put_blob(out, "Payload", self.payload);
        put_u32(out, "Port", u32::from(self.port));
        put_u32(out, "RelayFactor", u32::from(self.relay_factor));
        put_str(out, "SourceNode", self.from);
        put_key(out, "Timeout");
        put_uint(out, self.timeout);
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        const NAMES: [&str; 11] = [
            "LTime",
            "ID",
            "Addr",
            "Port",
            "SourceNode",
            "Filters",
            "Flags",
            "RelayFactor",
            "Timeout",
            "Name",
            "Payload",
        ];
        let mut query = Self::default();
        fields(reader, &NAMES, |field, value| {
            match field {
                "LTime" => query.ltime = value.uint()?,
                "ID" => query.id = value.uint()?,
                "Addr" => query.addr = value.raw()?,
                "Port" => query.port = value.uint()?,
                "SourceNode" => query.from = value.str()?,
                "Filters" => query.filters = Filters::read(value)?,
                "Flags" => query.flags = value.uint()?,
                "RelayFactor" => query.relay_factor = value.uint()?,
                "Timeout" => query.timeout = value.uint()?,
                "Name" => query.name = value.str()?,
                _ => query.payload = value.raw()?,
            }
            Ok(())
        })?;
        Ok(query)
    }
}

/// What is answered to a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryResponse<'a> {
    /// The Lamport time of the query.
    pub ltime: u64,
    /// The number of the query.
    pub id: u32,
    /// Who answers.
    pub from: &'a str,
    /// See [`QueryResponse::is_ack`].
    pub flags: u32,
    /// The answer; none with an acknowledgement.
    pub payload: &'a [u8],
}

impl<'a> QueryResponse<'a> {
    /// The flags of an acknowledgement, or of an answer.
    pub const fn flags(ack: bool) -> u32 {
        Query::flags(ack)
    }

    /// Whether it says no more than that the query has arrived.
    pub const fn is_ack(&self) -> bool {
        self.flags & FLAG_ACK != 0
    }

    /// Appends the payload of the user message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(kind::QUERY_RESPONSE);
        put_map(out, 5);
        put_u32(out, "Flags", self.flags);
        put_str(out, "From", self.from);
        put_u32(out, "ID", self.id);
        put_key(out, "LTime");
        put_uint(out, self.ltime);
        put_blob(out, "Payload", self.payload);
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let mut response = Self::default();
        fields(reader, &["LTime", "ID", "From", "Flags", "Payload"], |field, value| {
            match field {
                "LTime" => response.ltime = value.uint()?,
                "ID" => response.id = value.uint()?,
                "From" => response.from = value.str()?,
                "Flags" => response.flags = value.uint()?,
                _ => response.payload = value.raw()?,
            }
            Ok(())
        })?;
        Ok(response)
    }
}

/// What stands in front of a message that is to be passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayHeader<'a> {
    /// Where it goes: 4 or 16 bytes.
    pub addr: &'a [u8],
    /// Where it goes.
    pub port: u16,
    /// Whom it is for.
    pub node: &'a str,
}

impl<'a> RelayHeader<'a> {
    /// Where it goes, if that is an address.
    pub fn to(&self) -> Option<SocketAddr> {
        to_socket_addr(self.addr, self.port)
    }

    /// Appends the payload of a user message that has `message` passed on to `node`.
    pub fn encode(to: SocketAddr, node: &str, message: &[u8], out: &mut Vec<u8>) {
        out.push(kind::RELAY);
        put_map(out, 2);
        put_key(out, "DestAddr");
        put_map(out, 3);
        put_blob(out, "IP", RawAddr::from(to.ip()).as_bytes());
        put_u32(out, "Port", u32::from(to.port()));
        put_str(out, "Zone", "");
        put_str(out, "DestName", node);
        out.extend_from_slice(message);
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let mut header = Self::default();
        fields(reader, &["DestAddr", "DestName"], |field, value| match field {
            "DestAddr" => fields_or_nil(value, &["IP", "Port", "Zone"], |field, value| {
                match field {
                    "IP" => header.addr = value.raw()?,
                    "Port" => header.port = value.uint()?,
                    _ => drop(value.raw()?),
                }
                Ok(())
            }),
            _ => {
                header.node = value.str()?;
                Ok(())
            }
        })?;
        match header.addr.len() {
            0 | 4 | 16 => Ok(header),
            _ => Err(WireError::BadAddress),
        }
    }
}
