//! As much of memberlist's wire as a fake member needs: it says `alive` and answers pings.
//!
//! Written apart from the library's own wire, so that the sender costs the same whatever becomes
//! of that.

use std::net::SocketAddrV4;

const PING: u8 = 0;
const ACK: u8 = 2;
const ALIVE: u8 = 4;
const COMPOUND: u8 = 7;
const CRC: u8 = 12;
/// Type byte and CRC-32 in front of a checked packet.
const CRC_LEN: usize = 5;
/// memberlist's protocol versions: 1 to 5, speaking 2.
const VERSIONS: [u8; 6] = [1, 5, 2, 0, 0, 0];
/// More parts than this are misread by memberlist up to 0.2.3.
pub(super) const PARTS_MAX: usize = 127;

/// One `alive`: `member` at `address` in its `incarnation`, with `stamp` as the value of its tag
/// `t`, as serf would encode it.
pub(super) fn alive(member: &str, address: SocketAddrV4, incarnation: u32, stamp: &str) -> Vec<u8> {
    let mut out = vec![ALIVE, 0x86];
    key(&mut out, "Addr");
    text(&mut out, &address.ip().octets());
    key(&mut out, "Incarnation");
    out.push(0xce);
    out.extend(incarnation.to_be_bytes());
    key(&mut out, "Meta");
    text(&mut out, &meta(stamp));
    key(&mut out, "Node");
    text(&mut out, member.as_bytes());
    key(&mut out, "Port");
    out.push(0xcd);
    out.extend(address.port().to_be_bytes());
    key(&mut out, "Vsn");
    text(&mut out, &VERSIONS);
    out
}

/// Several messages in one packet.
pub(super) fn compound(parts: &[Vec<u8>]) -> Vec<u8> {
    debug_assert!(parts.len() <= PARTS_MAX);
    let mut out = vec![COMPOUND, u8::try_from(parts.len()).unwrap_or(u8::MAX)];
    for part in parts {
        out.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
    }
    out.extend(parts.iter().flatten());
    out
}

/// The answer to a packet, if there is a ping in it.
pub(super) fn answer(packet: &[u8]) -> Option<Vec<u8>> {
    let packet = match packet.first()? {
        &CRC => packet.get(CRC_LEN..)?,
        _ => packet,
    };
    match packet.first()? {
        &COMPOUND => parts(packet)?.find_map(acknowledge),
        _ => acknowledge(packet),
    }
}

fn parts(packet: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let count = usize::from(*packet.get(1)?);
    let lengths = packet.get(2..2 + 2 * count)?;
    let mut rest = packet.get(2 + 2 * count..)?;
    Some(lengths.chunks_exact(2).map_while(move |length| {
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let (part, tail) = rest.split_at_checked(length)?;
        rest = tail;
        Some(part)
    }))
}

fn acknowledge(message: &[u8]) -> Option<Vec<u8>> {
    if *message.first()? != PING {
        return None;
    }
    let number = sequence_number(message)?;
    let mut out = vec![ACK, 0x82];
    key(&mut out, "Payload");
    out.push(0xc0);
    key(&mut out, "SeqNo");
    out.push(0xce);
    out.extend(number.to_be_bytes());
    Some(out)
}

/// No other field of a ping can hold the key with its length in front, unless a name does; those
/// here are ours.
fn sequence_number(ping: &[u8]) -> Option<u32> {
    const KEY: &[u8] = b"\xa5SeqNo";
    let at = ping.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    match *ping.get(at)? {
        small @ 0..=0x7f => Some(u32::from(small)),
        0xcc => Some(u32::from(*ping.get(at + 1)?)),
        0xcd => Some(u32::from(u16::from_be_bytes(*ping.get(at + 1..)?.first_chunk()?))),
        0xce => Some(u32::from_be_bytes(*ping.get(at + 1..)?.first_chunk()?)),
        _ => None,
    }
}

fn meta(stamp: &str) -> Vec<u8> {
    let mut out = vec![0xff, 0x81];
    text(&mut out, b"t");
    text(&mut out, stamp.as_bytes());
    out
}

fn key(out: &mut Vec<u8>, name: &str) {
    text(out, name.as_bytes());
}

/// What the old msgpack calls raw: strings and bytes alike. Nothing here is longer than 31 bytes.
fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    debug_assert!(bytes.len() < 32, "needs a longer header");
    out.push(0xa0 | bytes.len() as u8);
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ping(number: &[u8]) -> Vec<u8> {
        let mut out = vec![PING, 0x82];
        key(&mut out, "Node");
        text(&mut out, b"fake-0");
        key(&mut out, "SeqNo");
        out.extend(number);
        out
    }

    #[test]
    fn a_ping_is_answered_with_its_number_wherever_it_hides() {
        let expected = [b"\x02\x82\xa7Payload\xc0\xa5SeqNo\xce".as_slice(), &[0, 0, 1, 2]].concat();
        let bare = ping(&[0xcd, 1, 2]);
        let packed = compound(&[vec![ALIVE, 0x80], bare.clone()]);
        let checked = [&[CRC, 0, 0, 0, 0], packed.as_slice()].concat();
        for packet in [bare, packed, checked] {
            assert_eq!(answer(&packet).as_deref(), Some(&*expected));
        }
    }

    #[test]
    fn every_width_of_a_number_is_read() {
        for (bytes, number) in [
            (&[7][..], 7),
            (&[0xcc, 200], 200),
            (&[0xcd, 1, 0], 256),
            (&[0xce, 0, 1, 0, 0], 65_536),
        ] {
            assert_eq!(sequence_number(&ping(bytes)), Some(number));
        }
    }

    #[test]
    fn what_is_no_ping_or_cut_short_is_not_answered() {
        let whole = compound(&[ping(&[0xce, 0, 1, 0, 0])]);
        assert!(answer(&whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(answer(&whole[..end]), None, "cut at {end}");
        }
        assert_eq!(answer(&alive("fake-0", super::super::FAKE, 1, "5")), None);
    }

    #[test]
    fn an_alive_is_what_memberlist_writes() {
        let bytes = alive("n", "127.0.0.1:7946".parse().unwrap(), 9, "5");
        let expected = [
            b"\x04\x86\xa4Addr\xa4\x7f\x00\x00\x01\xabIncarnation\xce\x00\x00\x00\x09".as_slice(),
            b"\xa4Meta\xa6\xff\x81\xa1t\xa15\xa4Node\xa1n\xa4Port\xcd\x1f\x0a",
            b"\xa3Vsn\xa6\x01\x05\x02\x00\x00\x00",
        ]
        .concat();
        assert_eq!(bytes, expected);
    }
}
