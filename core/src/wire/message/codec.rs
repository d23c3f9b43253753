//! The bodies, byte by byte: keys in the order of their names, each message with its own set.

use super::{Ack, Alive, Dead, IndirectPing, Message, Ping, Suspect};
use crate::wire::msgpack::{Reader, put_blob, put_bool, put_key, put_map, put_str, put_u32};
use crate::wire::{Vsn, WireError, kind};

type Result<T> = std::result::Result<T, WireError>;

impl<'a> Message<'a> {
    /// Decodes one bare message, its type byte first. Bytes after its body are ignored, as Go does.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let (first, body) = bytes.split_first().ok_or(WireError::Truncated)?;
        let reader = &mut Reader::new(body);
        Ok(match *first {
            kind::PING => Self::Ping(Ping::read(reader)?),
            kind::INDIRECT_PING => Self::IndirectPing(IndirectPing::read(reader)?),
            kind::ACK => Self::Ack(Ack::read(reader)?),
            kind::NACK => Self::Nack { seq: Ack::read(reader)?.seq },
            kind::SUSPECT => Self::Suspect(Suspect::read(reader)?),
            kind::ALIVE => Self::Alive(Alive::read(reader)?),
            kind::DEAD => Self::Dead(Dead::read(reader)?),
            kind::USER => Self::User(body),
            _ => return Err(WireError::BadType),
        })
    }

    /// Appends the type byte and the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ping(ping) => ping.encode(out),
            Self::IndirectPing(ping) => ping.encode(out),
            Self::Ack(ack) => ack.encode(out),
            Self::Nack { seq } => {
                out.push(kind::NACK);
                put_map(out, 1);
                put_u32(out, "SeqNo", *seq);
            }
            Self::Suspect(suspect) => suspect.encode(out),
            Self::Alive(alive) => alive.encode(out),
            Self::Dead(dead) => dead.encode(out),
            Self::User(bytes) => {
                out.push(kind::USER);
                out.extend_from_slice(bytes);
            }
        }
    }
}

/// Every field name that memberlist's messages use. Which message has which is the message's say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Addr,
    From,
    Incarnation,
    Meta,
    Nack,
    Name,
    Node,
    Payload,
    Port,
    SeqNo,
    SourceAddr,
    SourceNode,
    SourcePort,
    State,
    Target,
    Vsn,
}

impl Field {
    #[inline]
    pub(crate) fn from_key(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"Addr" => Self::Addr,
            b"From" => Self::From,
            b"Incarnation" => Self::Incarnation,
            b"Meta" => Self::Meta,
            b"Nack" => Self::Nack,
            b"Name" => Self::Name,
            b"Node" => Self::Node,
            b"Payload" => Self::Payload,
            b"Port" => Self::Port,
            b"SeqNo" => Self::SeqNo,
            b"SourceAddr" => Self::SourceAddr,
            b"SourceNode" => Self::SourceNode,
            b"SourcePort" => Self::SourcePort,
            b"State" => Self::State,
            b"Target" => Self::Target,
            b"Vsn" => Self::Vsn,
            _ => return None,
        })
    }
}

impl<'a> Ping<'a> {
    const ORDER: [Field; 5] =
        [Field::SeqNo, Field::Node, Field::SourceAddr, Field::SourcePort, Field::SourceNode];

    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let mut ping = Self::default();
        reader.fields(&Self::ORDER, Field::from_key, |field, value| {
            match field {
                Field::SeqNo => ping.seq = value.uint()?,
                Field::Node => ping.node = value.str()?,
                Field::SourceAddr => ping.source_addr = value.raw()?,
                Field::SourcePort => ping.source_port = value.uint()?,
                Field::SourceNode => ping.source_node = value.str()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(ping)
    }

    /// Appends the type byte and the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let source = Source::of(self.source_addr, self.source_port, self.source_node);
        out.push(kind::PING);
        put_map(out, 2 + source.count());
        put_str(out, "Node", self.node);
        put_u32(out, "SeqNo", self.seq);
        source.put(out);
    }
}

impl<'a> IndirectPing<'a> {
    const ORDER: [Field; 8] = [
        Field::SeqNo,
        Field::Target,
        Field::Port,
        Field::Node,
        Field::Nack,
        Field::SourceAddr,
        Field::SourcePort,
        Field::SourceNode,
    ];

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let mut ping = Self::default();
        reader.fields(&Self::ORDER, Field::from_key, |field, value| {
            match field {
                Field::SeqNo => ping.seq = value.uint()?,
                Field::Target => ping.target = value.raw()?,
                Field::Port => ping.port = value.uint()?,
                Field::Node => ping.node = value.str()?,
                Field::Nack => ping.nack = value.bool()?,
                Field::SourceAddr => ping.source_addr = value.raw()?,
                Field::SourcePort => ping.source_port = value.uint()?,
                Field::SourceNode => ping.source_node = value.str()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(ping)
    }

    /// Appends the type byte and the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let source = Source::of(self.source_addr, self.source_port, self.source_node);
        out.push(kind::INDIRECT_PING);
        put_map(out, 5 + source.count());
        put_key(out, "Nack");
        put_bool(out, self.nack);
        put_str(out, "Node", self.node);
        put_u32(out, "Port", u32::from(self.port));
        put_u32(out, "SeqNo", self.seq);
        source.put(out);
        put_blob(out, "Target", self.target);
    }
}

impl<'a> Ack<'a> {
    const ORDER: [Field; 2] = [Field::SeqNo, Field::Payload];

    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let mut ack = Self::default();
        reader.fields(&Self::ORDER, Field::from_key, |field, value| {
            match field {
                Field::SeqNo => ack.seq = value.uint()?,
                Field::Payload => ack.payload = value.raw()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(ack)
    }

    /// Appends the type byte and the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(kind::ACK);
        put_map(out, 2);
        put_blob(out, "Payload", self.payload);
        put_u32(out, "SeqNo", self.seq);
    }
}

impl<'a> Suspect<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let (incarnation, node, from) = read_claim(reader)?;
        Ok(Self { incarnation, node, from })
    }

    /// Appends the type byte and the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(kind::SUSPECT);
        put_claim(out, self.incarnation, self.node, self.from);
    }
}

impl<'a> Dead<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let (incarnation, node, from) = read_claim(reader)?;
        Ok(Self { incarnation, node, from })
    }

    /// Appends the type byte and the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(kind::DEAD);
        put_claim(out, self.incarnation, self.node, self.from);
    }
}

impl<'a> Alive<'a> {
    const ORDER: [Field; 6] =
        [Field::Incarnation, Field::Node, Field::Addr, Field::Port, Field::Meta, Field::Vsn];

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        match Self::read_sorted(*reader) {
            Some(alive) => Ok(alive),
            None => Self::read_any(reader),
        }
    }

    /// The body as Go writes it, without looking at what each key might be: nearly all that a
    /// cluster receives is this. Anything else, errors included, is for [`Self::read_any`].
    fn read_sorted(mut reader: Reader<'a>) -> Option<Self> {
        let reader = &mut reader;
        let addr = reader.after(b"\x86\xa4Addr")?.raw().ok()?;
        let incarnation = reader.after(b"\xabIncarnation")?.uint().ok()?;
        let meta = reader.after(b"\xa4Meta")?.raw().ok()?;
        let node = reader.after(b"\xa4Node")?.str().ok()?;
        let port = reader.after(b"\xa4Port")?.uint().ok()?;
        let vsn = Vsn::read(reader.after(b"\xa3Vsn")?).ok()?;
        Some(Self { incarnation, node, addr, port, meta, vsn })
    }

    fn read_any(reader: &mut Reader<'a>) -> Result<Self> {
        let mut alive = Self::default();
        reader.fields(&Self::ORDER, Field::from_key, |field, value| {
            match field {
                Field::Incarnation => alive.incarnation = value.uint()?,
                Field::Node => alive.node = value.str()?,
                Field::Addr => alive.addr = value.raw()?,
                Field::Port => alive.port = value.uint()?,
                Field::Meta => alive.meta = value.raw()?,
                Field::Vsn => alive.vsn = Vsn::read(value)?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(alive)
    }

    /// Appends the type byte and the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(kind::ALIVE);
        put_map(out, 6);
        put_blob(out, "Addr", self.addr);
        put_u32(out, "Incarnation", self.incarnation);
        put_blob(out, "Meta", self.meta);
        put_str(out, "Node", self.node);
        put_u32(out, "Port", u32::from(self.port));
        put_blob(out, "Vsn", self.vsn.as_bytes());
    }
}

/// The optional trailer of both pings: each part is left out when it is empty.
struct Source<'a> {
    addr: &'a [u8],
    port: u16,
    node: &'a str,
}

impl<'a> Source<'a> {
    const fn of(addr: &'a [u8], port: u16, node: &'a str) -> Self {
        Self { addr, port, node }
    }

    fn count(&self) -> u8 {
        u8::from(!self.addr.is_empty()) + u8::from(!self.node.is_empty()) + u8::from(self.port != 0)
    }

    fn put(&self, out: &mut Vec<u8>) {
        if !self.addr.is_empty() {
            put_blob(out, "SourceAddr", self.addr);
        }
        if !self.node.is_empty() {
            put_str(out, "SourceNode", self.node);
        }
        if self.port != 0 {
            put_u32(out, "SourcePort", u32::from(self.port));
        }
    }
}

/// Suspect and dead have one body.
fn read_claim<'a>(reader: &mut Reader<'a>) -> Result<(u32, &'a str, &'a str)> {
    const ORDER: [Field; 3] = [Field::Incarnation, Field::Node, Field::From];
    let (mut incarnation, mut node, mut from) = (0, "", "");
    reader.fields(&ORDER, Field::from_key, |field, value| {
        match field {
            Field::Incarnation => incarnation = value.uint()?,
            Field::Node => node = value.str()?,
            Field::From => from = value.str()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok((incarnation, node, from))
}

fn put_claim(out: &mut Vec<u8>, incarnation: u32, node: &str, from: &str) {
    put_map(out, 3);
    put_str(out, "From", from);
    put_u32(out, "Incarnation", incarnation);
    put_str(out, "Node", node);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_read_an_alive_agree() {
        let vsn = Vsn::MEMBERLIST;
        let alive =
            Alive { incarnation: 300, node: "n", addr: &[1; 4], port: 7946, meta: b"m", vsn };
        let mut bytes = Vec::new();
        alive.encode(&mut bytes);
        let body = &bytes[1..];
        assert_eq!(Alive::read_sorted(Reader::new(body)), Some(alive));
        for at in 0..body.len() {
            for bit in 0..8 {
                let mut bent = body.to_vec();
                bent[at] ^= 1 << bit;
                if let Some(alive) = Alive::read_sorted(Reader::new(&bent)) {
                    assert_eq!(Alive::read_any(&mut Reader::new(&bent)), Ok(alive));
                }
            }
        }
    }
}
