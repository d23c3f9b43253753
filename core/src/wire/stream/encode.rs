//! What is written to a stream.

use super::{HEADER, NodeState, Side, additional_data};
use crate::wire::compress::{COMPRESS_MIN, Deflater};
use crate::wire::crypt::{self, SEAL_OVERHEAD};
use crate::wire::label;
use crate::wire::msgpack::{put_blob, put_bool, put_key, put_map, put_str, put_u32, put_uint};
use crate::wire::{Ack, Cover, Ping, kind};

/// Appends a full state: a header, the nodes, the user state.
pub fn encode_push_pull<'n>(
    join: bool,
    nodes: impl ExactSizeIterator<Item = NodeState<'n>>,
    user_state: &[u8],
    out: &mut Vec<u8>,
) {
    out.push(kind::PUSH_PULL);
    put_map(out, 3);
    put_key(out, "Join");
    put_bool(out, join);
    put_len(out, "Nodes", nodes.len());
    put_len(out, "UserStateLen", user_state.len());
    for node in nodes {
        put_node(&node, out);
    }
    out.extend_from_slice(user_state);
}

/// Appends a probe.
pub fn encode_stream_ping(ping: &Ping<'_>, out: &mut Vec<u8>) {
    ping.encode(out);
}

/// Appends the answer to a probe. On a stream it carries no payload.
pub fn encode_stream_ack(seq: u32, out: &mut Vec<u8>) {
    Ack { seq, payload: &[] }.encode(out);
}

/// Appends why a stream was refused.
pub fn encode_stream_err(error: &str, out: &mut Vec<u8>) {
    out.push(kind::ERR);
    put_map(out, 1);
    put_str(out, "Error", error);
}

/// Appends a message for the layer above.
pub fn encode_stream_user(payload: &[u8], out: &mut Vec<u8>) {
    out.push(kind::USER);
    put_map(out, 1);
    put_len(out, "UserMsgLen", payload.len());
    out.extend_from_slice(payload);
}

/// Appends an encoded message, compressed if it has at least [`COMPRESS_MIN`] bytes and gets
/// strictly smaller. Receivers take either.
pub fn compress_stream(message: &[u8], out: &mut Vec<u8>) {
    if message.len() < COMPRESS_MIN || !Deflater::default().wrap(message, out) {
        out.extend_from_slice(message);
    }
}

/// Appends label and encryption around a message, which is compressed or not.
pub fn cover_stream(cover: Cover<'_>, side: Side, message: &[u8], out: &mut Vec<u8>) {
    let Cover { label, sealing } = cover;
    if side == Side::Dialling {
        label::add(label, out);
    }
    let Some((key, nonce)) = sealing else { return out.extend_from_slice(message) };
    let length = u32::try_from(message.len() + SEAL_OVERHEAD).unwrap_or(u32::MAX).to_be_bytes();
    let header: [u8; HEADER] = [kind::ENCRYPT, length[0], length[1], length[2], length[3]];
    out.extend_from_slice(&header);
    let aad = additional_data(header, label);
    crypt::seal(key, nonce, &aad, out, |out| out.extend_from_slice(message));
}

fn put_node(node: &NodeState<'_>, out: &mut Vec<u8>) {
    put_map(out, 7);
    put_blob(out, "Addr", node.addr.as_bytes());
    put_u32(out, "Incarnation", node.incarnation);
    put_blob(out, "Meta", node.meta);
    put_str(out, "Name", node.name);
    put_u32(out, "Port", u32::from(node.port));
    put_u32(out, "State", node.state as u32);
    put_blob(out, "Vsn", node.vsn.as_bytes());
}

fn put_len(out: &mut Vec<u8>, key: &str, len: usize) {
    put_key(out, key);
    put_uint(out, len as u64);
}
