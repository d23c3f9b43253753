//! The bodies that only streams carry.

use super::{NodeState, StreamMessage, WireState};
use crate::wire::message::Field;
use crate::wire::msgpack::Reader;
use crate::wire::{Ack, Ping, RawAddr, Vsn, WireError};

type Result<T> = std::result::Result<T, WireError>;

/// What stands in front of a push/pull. Its numbers are claims, still to be checked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Header {
    pub(super) nodes: u64,
    pub(super) state_len: u64,
    pub(super) join: bool,
}

impl Header {
    pub(super) fn read(body: &[u8]) -> Result<Self> {
        #[derive(Clone, Copy)]
        enum Field {
            Nodes,
            UserStateLen,
            Join,
        }
        let key_of = |key: &[u8]| match key {
            b"Nodes" => Some(Field::Nodes),
            b"UserStateLen" => Some(Field::UserStateLen),
            b"Join" => Some(Field::Join),
            _ => None,
        };
        let order = [Field::Nodes, Field::UserStateLen, Field::Join];
        let mut header = Self::default();
        Reader::new(body).fields(&order, key_of, |field, value| {
            match field {
                Field::Nodes => header.nodes = value.uint()?,
                Field::UserStateLen => header.state_len = value.uint()?,
                Field::Join => header.join = value.bool()?,
            }
            Ok(())
        })?;
        Ok(header)
    }
}

/// The first node of a push/pull as Go writes it, and its length, if all of it is there. Neither
/// its end nor the meaning of its keys is looked for: nearly all that exchanges bring is this.
/// Anything else, errors included, is for [`read_node`].
pub(super) fn read_sorted_node(bytes: &[u8]) -> Option<(NodeState<'_>, usize)> {
    let reader = &mut Reader::new(bytes);
    let addr = RawAddr::new(reader.after(b"\x87\xa4Addr")?.raw().ok()?).ok()?;
    let incarnation = reader.after(b"\xabIncarnation")?.uint().ok()?;
    let meta = reader.after(b"\xa4Meta")?.raw().ok()?;
    let name = reader.after(b"\xa4Name")?.raw().ok()?;
    let port = reader.after(b"\xa4Port")?.uint().ok()?;
    let state = state_of(reader.after(b"\xa5State")?.uint().ok()?).ok()?;
    let vsn = Vsn::read(reader.after(b"\xa3Vsn")?).ok()?;
    // Last, as that has to look at every byte of it.
    let name = std::str::from_utf8(name).ok()?;
    let length = bytes.len() - reader.rest().len();
    Some((NodeState { name, addr, port, meta, incarnation, state, vsn }, length))
}

/// One node of a push/pull.
pub(super) fn read_node(body: &[u8]) -> Result<NodeState<'_>> {
    const ORDER: [Field; 7] = [
        Field::Name,
        Field::Addr,
        Field::Port,
        Field::Meta,
        Field::Incarnation,
        Field::State,
        Field::Vsn,
    ];
    let (mut name, mut meta, mut addr) = ("", &[][..], &[][..]);
    let (mut port, mut incarnation, mut state, mut vsn) = (0, 0, 0_u64, Vsn::default());
    Reader::new(body).fields(&ORDER, Field::from_key, |field, value| {
        match field {
            Field::Name => name = value.str()?,
            Field::Addr => addr = value.raw()?,
            Field::Port => port = value.uint()?,
            Field::Meta => meta = value.raw()?,
            Field::Incarnation => incarnation = value.uint()?,
            Field::State => state = value.uint()?,
            Field::Vsn => vsn = Vsn::read(value)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (addr, state) = (RawAddr::new(addr)?, state_of(state)?);
    Ok(NodeState { name, addr, port, meta, incarnation, state, vsn })
}

fn state_of(number: u64) -> Result<WireState> {
    match number {
        0 => Ok(WireState::Alive),
        1 => Ok(WireState::Suspect),
        2 => Ok(WireState::Dead),
        3 => Ok(WireState::Left),
        _ => Err(WireError::BadState),
    }
}

/// How many bytes of user message follow, as claimed.
pub(super) fn read_user_header(body: &[u8]) -> Result<u64> {
    let mut len = 0;
    let key_of = |key: &[u8]| (key == b"UserMsgLen").then_some(());
    Reader::new(body).fields(&[()], key_of, |(), value| {
        len = value.uint()?;
        Ok(())
    })?;
    Ok(len)
}

pub(super) fn read_ping(body: &[u8]) -> Result<StreamMessage> {
    let ping = Ping::read(&mut Reader::new(body))?;
    Ok(StreamMessage::Ping {
        seq: ping.seq,
        node: ping.node.into(),
        source_addr: RawAddr::new(ping.source_addr)?,
        source_port: ping.source_port,
        source_node: ping.source_node.into(),
    })
}

pub(super) fn read_ack(body: &[u8]) -> Result<StreamMessage> {
    let ack = Ack::read(&mut Reader::new(body))?;
    Ok(StreamMessage::Ack { seq: ack.seq })
}

/// The text is for people, so what is not UTF-8 in it is replaced.
pub(super) fn read_err(body: &[u8]) -> Result<StreamMessage> {
    let mut text = &[][..];
    let key_of = |key: &[u8]| (key == b"Error").then_some(());
    Reader::new(body).fields(&[()], key_of, |(), value| {
        text = value.raw()?;
        Ok(())
    })?;
    Ok(StreamMessage::Err(String::from_utf8_lossy(text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode_push_pull;
    use crate::wire::msgpack::Scanner;

    #[test]
    fn both_ways_to_read_a_node_agree() {
        let node = NodeState {
            name: "n",
            addr: RawAddr::new(&[1; 4]).unwrap(),
            port: 7946,
            meta: b"m",
            incarnation: 300,
            state: WireState::Dead,
            vsn: Vsn::MEMBERLIST,
        };
        let (mut none, mut one) = (Vec::new(), Vec::new());
        encode_push_pull(false, [].into_iter(), b"", &mut none);
        encode_push_pull(false, [node].into_iter(), b"after", &mut one);
        let bytes = &one[none.len()..];
        let length = bytes.len() - b"after".len();
        assert_eq!(read_sorted_node(bytes), Some((node, length)));
        for at in 0..length {
            assert_eq!(read_sorted_node(&bytes[..at]), None, "{at} bytes of it");
            for bit in 0..8 {
                let mut bent = bytes.to_vec();
                bent[at] ^= 1 << bit;
                if let Some((node, length)) = read_sorted_node(&bent) {
                    assert_eq!(Scanner::default().scan(&bent), Ok(Some(length)));
                    assert_eq!(read_node(&bent[..length]), Ok(node));
                }
            }
        }
    }
}
