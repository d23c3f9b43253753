//! Bytes of ill will: nothing panics, nothing grows beyond its bound.

use super::*;

/// How many inputs the big test makes. Each goes through every decoder.
const INPUTS: usize = 200_000;

/// The bytes behind `09` that hold these LZW bytes.
fn compressed(packed: &[u8]) -> Vec<u8> {
    let mut out = b"\x09\x82\xa4Algo\x00\xa3Buf\xdb".to_vec();
    out.extend_from_slice(&u32::try_from(packed.len()).expect("short").to_be_bytes());
    out.extend_from_slice(packed);
    out
}

/// Codes of a fixed width, least significant bit first.
fn codes(codes: impl IntoIterator<Item = u32>, width: u32) -> Vec<u8> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u64, 0);
    for code in codes {
        bits |= u64::from(code) << held;
        held += width;
        while held >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        out.push(bits as u8);
    }
    out
}

fn crc(message: &[u8]) -> Vec<u8> {
    [&[kind::CRC], &crc32fast::hash(message).to_be_bytes()[..], message].concat()
}

/// One input: noise, or a captured vector that was bent in a few places.
fn input(rng: &mut Rng, vectors: &[Vec<u8>]) -> Vec<u8> {
    if rng.below(8) == 0 {
        let len = rng.below(80);
        let mut bytes = rng.bytes(len);
        if let Some(first) = bytes.first_mut() {
            *first %= 15;
        }
        return bytes;
    }
    let mut bytes = vectors[rng.below(vectors.len())].clone();
    for _ in 0..rng.below(4) {
        let at = rng.below(bytes.len());
        match rng.below(5) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = rng.next() as u8,
            2 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            3 => {
                let len = rng.below(6);
                let extra = rng.bytes(len);
                bytes.splice(at..at, extra);
            }
            _ => {
                // A header of msgpack in the wrong place, with a large claim.
                let marker = 0xc0 | (rng.next() as u8 & 0x1f);
                bytes.splice(at..at, [marker, 0xff, 0xff, 0xff, 0xff]);
            }
        }
    }
    match rng.below(8) {
        0 => crc(&bytes),
        1 => compressed(compress::Deflater::default().deflate(&bytes)),
        2 => crc(&compressed(compress::Deflater::default().deflate(&bytes))),
        3 => [&[kind::COMPOUND, 1, 0, bytes.len().min(255) as u8], &bytes[..]].concat(),
        _ => bytes,
    }
}

#[test]
fn no_input_panics_or_grows() {
    let vectors: Vec<_> = vector_names().iter().map(|name| vector(name)).collect();
    let mut rng = Rng(0xc41a_3a99);
    let mut scratch = Scratch::new();
    let (mut messages, mut streams) = (0, 0);
    for round in 0..INPUTS {
        let bytes = input(&mut rng, &vectors);
        let label = if round % 4 == 0 { "blue" } else { "" };
        messages += open(&bytes, label, &mut scratch, |_| {}).messages;
        assert!(scratch.capacity() <= packet::MAX_INFLATED);
        let _ = Message::decode(&bytes);
        let _ = decode_tags(&bytes);
        serf::read(bytes.get(1..).unwrap_or_default());
        let whole = push(&bytes, bytes.len(), label);
        streams += usize::from(matches!(whole, Ok(Some(_))));
        if round % 4 == 0 {
            assert_eq!(push(&bytes, 1, label), whole);
        }
    }
    // Most inputs must get past the first byte, or the test shows nothing.
    assert!(messages > INPUTS / 10 && streams > INPUTS / 20, "{messages} {streams}");
}

/// What a reader makes of the bytes in pieces of this size.
fn push(bytes: &[u8], piece: usize, label: &str) -> Result<Option<StreamMessage>, WireError> {
    let mut reader = reader(StreamLimits::default(), Some(label));
    for piece in bytes.chunks(piece.max(1)) {
        let result = reader.push(piece);
        assert!(reader.capacity() <= 2 * reader.received() + 64);
        if result != Ok(None) {
            return result;
        }
    }
    Ok(None)
}

#[test]
fn every_prefix_of_every_vector_is_survived() {
    for name in vector_names() {
        let bytes = vector(&name);
        for cut in 0..bytes.len() {
            let _ = open(&bytes[..cut], "", &mut Scratch::new(), |_| {});
            let _ = push(&bytes[..cut], cut, "");
        }
    }
}

#[test]
fn every_vector_is_tested() {
    let sources =
        [include_str!("crypt.rs"), include_str!("packets.rs"), include_str!("streams.rs")].concat();
    for name in vector_names() {
        let stem = name.strip_prefix("serf-user-").unwrap_or(&name);
        assert!(sources.contains(&format!("\"{stem}\"")), "{name} is in no test");
    }
}

#[test]
fn a_bomb_is_refused_within_the_bound() {
    let zeros = vec![0; 8 << 20];
    let bomb = compressed(compress::Deflater::default().deflate(&zeros));
    assert!(bomb.len() < 64 * 1024, "fits a datagram");
    let mut scratch = Scratch::new();
    let opened = open(&bomb, "", &mut scratch, |_| {});
    assert_eq!((opened.messages, opened.error), (0, Some(WireError::TooLarge)));
    assert!(scratch.capacity() <= packet::MAX_INFLATED);

    let limits = StreamLimits { inflated: 1 << 20, ..StreamLimits::default() };
    assert_eq!(reader(limits, None).push(&bomb), Err(WireError::TooLarge));
    // Within the limit it is a ping without a body, and that is all.
    let mut reader = reader(StreamLimits::default(), None);
    assert_eq!(reader.push(&bomb), Err(WireError::BadMsgpack));
}

#[test]
fn many_bombs_in_one_datagram_cost_as_much_as_one() {
    let zeros = vec![0; 70_000];
    let bomb = compressed(compress::Deflater::default().deflate(&zeros));
    let parts = std::iter::repeat_n(&bomb[..], 100);
    let mut datagram = Vec::new();
    let builder = PacketBuilder::new(usize::MAX);
    assert_eq!(builder.compound("".into(), false, parts, Compression::Off, &mut datagram), 100);
    let opened = open(&datagram, "", &mut Scratch::new(), |_| {});
    assert_eq!((opened.dropped, opened.error), (100, Some(WireError::TooLarge)));
}

#[test]
fn lzw_from_no_encoder_is_refused() {
    let mut inflater = compress::Inflater::default();
    let mut inflate = |packed: &[u8]| inflater.inflate(packed, 1 << 20);
    // Clearing over and over costs much and yields nothing.
    let clears = codes(std::iter::repeat_n(256, 50_000), 9);
    assert_eq!(inflate(&clears), Err(WireError::BadCompression));
    let slow = codes([256, 65].into_iter().cycle().take(50_000), 9);
    assert_eq!(inflate(&slow), Err(WireError::BadCompression));
    // Codes that are not in the table yet, first or later.
    assert_eq!(inflate(&codes([256, 300, 257], 9)), Err(WireError::BadCompression));
    assert_eq!(inflate(&codes([256, 65, 300, 257], 9)), Err(WireError::BadCompression));
    // No end code, or nothing at all.
    assert_eq!(inflate(&codes([256, 65, 66], 9)), Err(WireError::BadCompression));
    assert_eq!(inflate(b""), Err(WireError::BadCompression));
    // Old encoders did not clear first; bytes after the end code mean nothing.
    assert_eq!(inflate(&codes([65, 66, 257], 9)), Ok(b"AB".to_vec()));
    assert_eq!(inflate(&codes([256, 65, 66, 257, 0, 0, 0, 0], 9)), Ok(b"AB".to_vec()));
    assert_eq!(inflate(&codes([257], 9)), Ok(Vec::new()));
}

#[test]
fn unknown_values_are_stepped_over_so_deep_and_no_deeper() {
    let nest = |levels: usize| {
        let mut bytes = b"\x0b\x82\xa3Zed".to_vec();
        bytes.extend(std::iter::repeat_n(0x91, levels));
        bytes.extend_from_slice(b"\xc0\xa5SeqNo\x07");
        bytes
    };
    assert_eq!(Message::decode(&nest(16)), Ok(Message::Nack { seq: 7 }));
    assert_eq!(Message::decode(&nest(17)), Err(WireError::TooDeep));
    assert_eq!(Message::decode(&nest(60_000)), Err(WireError::TooDeep));
    // Every kind of value, each followed by the field that must still be found.
    let values: [&[u8]; 20] = [
        b"\x01",
        b"\xff",
        b"\xc0",
        b"\xc2",
        b"\xcc\x01",
        b"\xcd\x01\x02",
        b"\xce\x01\x02\x03\x04",
        b"\xcf\x01\x02\x03\x04\x05\x06\x07\x08",
        b"\xca\x01\x02\x03\x04",
        b"\xa2ab",
        b"\xd9\x02ab",
        b"\xda\x00\x02ab",
        b"\xdb\x00\x00\x00\x02ab",
        b"\xc4\x01a",
        b"\xc7\x02\x01ab",
        b"\xd4\x01a",
        b"\xd8\x010123456789abcdef",
        b"\xdc\x00\x02\x01\x02",
        b"\x82\x01\x90\x02\x80",
        b"\xdf\x00\x00\x00\x01\xa1a\x91\x01",
    ];
    for value in values {
        let bytes = [b"\x0b\x82\xa3Zed", value, b"\xa5SeqNo\x07"].concat();
        assert_eq!(Message::decode(&bytes), Ok(Message::Nack { seq: 7 }), "{value:02x?}");
        let short = &bytes[..bytes.len() - 7 - value.len().min(1)];
        assert_eq!(Message::decode(short), Err(WireError::Truncated), "{value:02x?}");
    }
    assert_eq!(Message::decode(b"\x0b\x81\xa3Zed\xc1"), Err(WireError::BadMsgpack));
    assert_eq!(Message::decode(b"\x0b\x81\xa3Zed\xdf\xff\xff\xff\xff"), Err(WireError::Truncated));
}

#[test]
fn versions_of_every_length_are_read() {
    for len in 0..10_u8 {
        let versions: Vec<u8> = (1..=len).collect();
        let mut bytes = b"\x04\x82\xa4Node\xa1a\xa3Vsn".to_vec();
        bytes.push(0xa0 | len);
        bytes.extend_from_slice(&versions);
        let Ok(Message::Alive(alive)) = Message::decode(&bytes) else {
            panic!("an alive of {len}");
        };
        assert_eq!(alive.vsn.as_bytes(), &versions[..versions.len().min(6)]);
    }
}

#[test]
fn numbers_are_read_in_every_form_that_fits() {
    let forms: [&[u8]; 9] = [
        b"\x07",
        b"\xcc\x07",
        b"\xcd\x00\x07",
        b"\xce\x00\x00\x00\x07",
        b"\xcf\x00\x00\x00\x00\x00\x00\x00\x07",
        b"\xd0\x07",
        b"\xd1\x00\x07",
        b"\xd2\x00\x00\x00\x07",
        b"\xd3\x00\x00\x00\x00\x00\x00\x00\x07",
    ];
    let nack = |value: &[u8]| [b"\x0b\x81\xa5SeqNo", value].concat();
    for form in forms {
        assert_eq!(Message::decode(&nack(form)), Ok(Message::Nack { seq: 7 }), "{form:02x?}");
    }
    assert_eq!(Message::decode(&nack(b"\xc0")), Ok(Message::Nack { seq: 0 }));
    let beyond: [&[u8]; 5] =
        [b"\xff", b"\xd0\x80", b"\xcf\x00\x00\x00\x01\x00\x00\x00\x00", b"\xca\0\0\0\0", b"\xa17"];
    for form in beyond {
        let bytes = nack(form);
        let decoded = Message::decode(&bytes);
        assert_eq!(decoded, Err(WireError::BadMsgpack), "{form:02x?}");
    }
}

#[test]
fn names_must_be_utf8_and_keys_must_be_text() {
    assert_eq!(Message::decode(b"\x03\x81\xa4Node\xa2\xc3\x28"), Err(WireError::BadUtf8));
    assert_eq!(Message::decode(b"\x03\x81\x01\x01"), Err(WireError::BadMsgpack));
    assert_eq!(Message::decode(b"\x03\xc0"), Err(WireError::BadMsgpack));
    let empty = Message::Suspect(Suspect::default());
    assert_eq!(Message::decode(b"\x03\x80"), Ok(empty));
    assert_eq!(Message::decode(b"\x03\x90"), Ok(empty));
    let long = b"\x03\x95\x01\xa1n\xa1f\x91\x90\xa5extra";
    let suspect = Message::Suspect(Suspect { incarnation: 1, node: "n", from: "f" });
    assert_eq!(Message::decode(long), Ok(suspect));
}
