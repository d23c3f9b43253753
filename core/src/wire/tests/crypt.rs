//! Encryption: every captured datagram and stream of it, ours, and whatever is not exactly that.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::wire::crypt::{KEYS_MAX, SEALED_FROM, open_in_place, open_into, seal};

fn key(len: u8) -> Key {
    Key::from_bytes(&(0..len).collect::<Vec<u8>>()).expect("a length of AES")
}

fn other_key() -> Key {
    Key::from_bytes(&[7; 32]).expect("a length of AES")
}

fn keyed(label: &str, keys: &[Key]) -> Security {
    let mut keys = keys.iter().cloned();
    let mut keyring = Keyring::new(keys.next().expect("a key"));
    keys.for_each(|key| keyring.add(key).expect("room"));
    Security { keyring: Some(keyring), ..Security::labelled(label) }
}

/// What the captures are encrypted with.
fn captured(label: &str) -> Security {
    keyed(label, &[key(16)])
}

fn names_in(datagram: &[u8], security: &Security) -> Result<Vec<String>, WireError> {
    let mut names = Vec::new();
    let opened = open_with(datagram, security, &mut Scratch::new(), |message| {
        names.push(match message {
            Message::Ping(ping) => format!("ping {} from {}", ping.node, ping.source_node),
            Message::Alive(alive) => format!("alive {}", alive.node),
            other => format!("{other:?}"),
        });
    });
    opened.error.map_or(Ok(names), Err)
}

/// Reads a stream whole, then again one byte at a time: both must come to the same end.
fn read(bytes: &[u8], side: Side, security: &Security) -> Result<StreamMessage, WireError> {
    let security = Arc::new(security.clone());
    let mut slow = StreamReader::new(StreamLimits::default(), side, Arc::clone(&security));
    let mut outcome = Ok(None);
    for byte in bytes {
        outcome = slow.push(&[*byte]);
        assert!(slow.capacity() <= 2 * slow.received() + 64);
        if outcome != Ok(None) {
            break;
        }
    }
    let whole = StreamReader::new(StreamLimits::default(), side, security).push(bytes);
    assert_eq!(outcome, whole);
    whole?.ok_or(WireError::Truncated)
}

fn packet(security: &Security, crc: bool, messages: &[Message<'_>]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = messages.iter().map(encoded).collect();
    let mut out = Vec::new();
    let cover = security.cover(&mut Nonces::new([9; 12]));
    let parts = parts.iter().map(Vec::as_slice);
    PacketBuilder::new(65_000).compound(cover, crc, parts, Compression::On, &mut out);
    out
}

fn stream(security: &Security, side: Side, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    cover_stream(security.cover(&mut Nonces::new([9; 12])), side, message, &mut out);
    out
}

/// An envelope of that version around these very bytes.
fn envelope(version: u8, aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    seal(&key(16), [3; 12], aad, &mut out, |out| out.extend_from_slice(plain));
    out[0] = version;
    out
}

/// The same on a stream.
fn stream_envelope(version: u8, label: &str, plain: &[u8]) -> Vec<u8> {
    let length = u32::try_from(plain.len() + SEAL_OVERHEAD).expect("short").to_be_bytes();
    let header = [&[kind::ENCRYPT], &length[..]].concat();
    let aad = [&header, label.as_bytes()].concat();
    [header, envelope(version, &aad, plain)].concat()
}

#[test]
fn captured_datagrams() {
    let ping = |node: &str| Ok(vec![format!("ping {node} from alpha")]);
    assert_eq!(names_in(&vector("udp-20-aesgcm-v1-ping"), &captured("")), ping("charlie"));
    assert_eq!(names_in(&vector("udp-22-aesgcm-v0-ping"), &captured("")), ping("bravo"));
    let labelled = vector("udp-32-label-aesgcm-v1-ping");
    assert_eq!(names_in(&labelled, &captured("blue")), ping("bravo"));
    let both = ["alive bravo", "alive alpha"].map(str::to_owned).to_vec();
    assert_eq!(names_in(&vector("udp-21-aesgcm-v1-crc-compound"), &captured("")), Ok(both));
}

#[test]
fn captured_streams() {
    for (name, label, side) in [
        ("tcp-10-aesgcm-v1-pushpull", "", Side::Dialling),
        ("tcp-11-aesgcm-v0-pushpull", "", Side::Dialling),
        ("tcp-22-label-aesgcm-pushpull-request", "blue", Side::Accepting),
    ] {
        let message = read(&vector(name), side, &captured(label));
        let Ok(StreamMessage::PushPull(state)) = message else { panic!("{name}: {message:?}") };
        assert_eq!(
            (state.join, state.nodes.iter().next().unwrap().name),
            (true, "bravo"),
            "{name}"
        );
    }
    let refusal = vector("tcp-08-error-response-encrypted");
    let text = "Encryption is configured but remote state is not encrypted".to_owned();
    let message = read(&refusal, Side::Dialling, &captured(""));
    assert_eq!(message, Ok(StreamMessage::Err(text)));
}

#[test]
fn other_keys_and_other_labels_open_nothing() {
    let sealed = vector("udp-20-aesgcm-v1-ping");
    let labelled = vector("udp-32-label-aesgcm-v1-ping");
    assert_eq!(names_in(&sealed, &keyed("", &[other_key()])), Err(WireError::Undecryptable));
    assert_eq!(names_in(&sealed, &Security::default()), Err(WireError::Encrypted));
    assert_eq!(names_in(&labelled, &captured("")), Err(WireError::BadLabel));
    // The label in clear can be exchanged on the way; the one that was sealed in cannot.
    let renamed = [b"\xf4\x03red", &labelled[6..]].concat();
    assert_eq!(names_in(&renamed, &captured("red")), Err(WireError::Undecryptable));
    assert_eq!(names_in(&labelled[6..], &captured("")), Err(WireError::Undecryptable));

    let request = vector("tcp-22-label-aesgcm-pushpull-request");
    let accept = |bytes: &[u8], security: &Security| read(bytes, Side::Accepting, security);
    let renamed = [b"\xf4\x03red", &request[6..]].concat();
    assert_eq!(accept(&request, &captured("red")), Err(WireError::BadLabel));
    assert_eq!(accept(&renamed, &captured("red")), Err(WireError::Undecryptable));
    let theirs = keyed("blue", &[other_key()]);
    assert_eq!(accept(&request, &theirs), Err(WireError::Undecryptable));
    assert_eq!(accept(&request, &Security::labelled("blue")), Err(WireError::Encrypted));
}

#[test]
fn an_answer_has_no_label_in_front_and_is_bound_to_it_all_the_same() {
    let mut ack = Vec::new();
    encode_stream_ack(7, &mut ack);
    let answer = stream(&captured("blue"), Side::Accepting, &ack);
    assert_eq!(answer[0], kind::ENCRYPT);
    let ack = Ok(StreamMessage::Ack { seq: 7 });
    assert_eq!(read(&answer, Side::Dialling, &captured("blue")), ack);
    assert_eq!(read(&answer, Side::Dialling, &captured("")), Err(WireError::Undecryptable));
}

#[test]
fn a_label_that_was_taken_off_on_the_way_is_not_expected_but_bound() {
    let skips = Security { skip_inbound_label_check: true, ..captured("blue") };
    let labelled = vector("udp-32-label-aesgcm-v1-ping");
    assert!(names_in(&labelled[6..], &skips).is_ok());
    assert_eq!(names_in(&labelled, &skips), Err(WireError::BadLabel));
    let request = vector("tcp-22-label-aesgcm-pushpull-request");
    assert!(read(&request[6..], Side::Accepting, &skips).is_ok());
    assert_eq!(read(&request, Side::Accepting, &skips), Err(WireError::BadLabel));
}

#[test]
fn every_cut_and_every_flipped_bit_is_refused() {
    let datagram = vector("udp-20-aesgcm-v1-ping");
    let request = vector("tcp-22-label-aesgcm-pushpull-request");
    for cut in 0..datagram.len() {
        assert!(names_in(&datagram[..cut], &captured("")).is_err(), "{cut}");
    }
    for cut in 0..request.len() {
        let short = read(&request[..cut], Side::Accepting, &captured("blue"));
        assert_eq!(short, Err(WireError::Truncated), "{cut}");
    }
    for bit in 0..datagram.len() * 8 {
        let mut bent = datagram.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        assert!(names_in(&bent, &captured("")).is_err(), "{bit}");
    }
    for bit in 0..request.len() * 8 {
        let mut bent = request.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        let refused = read(&bent, Side::Accepting, &captured("blue"));
        assert!(refused.is_err(), "{bit}: {refused:?}");
    }
}

#[test]
fn plaintext_is_refused_unless_it_is_let_in() {
    let lax = |label| Security { verify_incoming: false, ..captured(label) };
    for name in ["udp-01-ping", "udp-04-indirect-ping", "udp-10-crc-compound-3-alive"] {
        let plain = vector(name);
        assert_eq!(names_in(&plain, &captured("")), Err(WireError::Plaintext), "{name}");
        assert_eq!(names_in(&plain, &lax("")), names_in(&plain, &Security::default()), "{name}");
        assert!(names_in(&plain, &lax("")).is_ok(), "{name}");
    }
    for name in ["tcp-01-pushpull-join-request", "tcp-05-compressed-pushpull", "tcp-07-ping"] {
        let plain = vector(name);
        let strict = read(&plain, Side::Dialling, &captured(""));
        assert_eq!(strict, Err(WireError::Plaintext), "{name}");
        assert!(read(&plain, Side::Dialling, &lax("")).is_ok(), "{name}");
    }
    // Whoever lets plaintext in still reads what is encrypted, and refuses what no key opens.
    assert!(names_in(&vector("udp-20-aesgcm-v1-ping"), &lax("")).is_ok());
    assert!(read(&vector("tcp-10-aesgcm-v1-pushpull"), Side::Dialling, &lax("")).is_ok());
    let theirs = Security { verify_incoming: false, ..keyed("", &[other_key()]) };
    let sealed = vector("udp-20-aesgcm-v1-ping");
    assert_eq!(names_in(&sealed, &theirs), Err(WireError::Undecryptable));
    let sealed = vector("tcp-10-aesgcm-v1-pushpull");
    assert_eq!(read(&sealed, Side::Dialling, &theirs), Err(WireError::Undecryptable));
    // Noise is neither.
    assert_eq!(names_in(b"\x63noise", &captured("")), Err(WireError::BadEnvelope));
    assert_eq!(read(b"GET /", Side::Dialling, &captured("")), Err(WireError::BadType));
}

#[test]
fn pads_that_are_none_are_refused() {
    let nack = encoded(&Message::Nack { seq: 5 });
    let open = |plain: &[u8]| names_in(&envelope(0, b"", plain), &captured(""));
    let padded = |message: &[u8]| {
        let pad = 16 - message.len() % 16;
        [message, &vec![pad as u8; pad]].concat()
    };
    assert_eq!(open(&padded(&nack)).map(|names| names.len()), Ok(1));
    let mut full = nack.clone();
    full.resize(16, 0);
    assert_eq!(open(&padded(&full)).map(|names| names.len()), Ok(1), "a whole block of pad");
    let bent = |place: usize, byte: u8| {
        let mut plain = padded(&nack);
        plain[place] = byte;
        plain
    };
    let bad = Err(WireError::BadEnvelope);
    // A pad of one byte is a pad; the message is longer then.
    assert!(open(&bent(15, 1)).is_ok());
    for last in (0..=u8::MAX).filter(|last| ![1, 7].contains(last)) {
        assert_eq!(open(&bent(15, last)), bad, "a pad of {last}");
    }
    assert_eq!(open(&bent(9, 8)), bad, "a pad of unequal bytes");
    assert_eq!(open(&[16; 16]), bad, "nothing but pad");
    assert_eq!(open(&nack), bad, "no whole block");
    assert_eq!(open(b""), bad);
    let read = |plain: &[u8]| read(&stream_envelope(0, "", plain), Side::Dialling, &captured(""));
    assert_eq!(read(&[255; 16]), Err(WireError::BadEnvelope));
    let mut ack = Vec::new();
    encode_stream_ack(7, &mut ack);
    assert_eq!(read(&padded(&ack)), Ok(StreamMessage::Ack { seq: 7 }));
}

/// Of these two, a Go peer that has the key dies.
#[test]
fn what_kills_go_with_the_key_is_refused() {
    let empty = stream_envelope(1, "", b"");
    assert_eq!(empty.len(), 5 + SEAL_OVERHEAD);
    for version in [0, 1] {
        let empty = stream_envelope(version, "", b"");
        let refused = read(&empty, Side::Dialling, &captured(""));
        assert_eq!(refused, Err(WireError::BadEnvelope), "{version}");
    }
    let overlong = envelope(0, b"", &[200; 16]);
    assert_eq!(names_in(&overlong, &captured("")), Err(WireError::BadEnvelope));
    assert_eq!(names_in(&envelope(1, b"", b""), &captured("")), Err(WireError::BadEnvelope));
}

#[test]
fn other_versions_are_refused() {
    let nack = encoded(&Message::Nack { seq: 5 });
    assert!(names_in(&envelope(1, b"", &nack), &captured("")).is_ok());
    for version in (2..=u8::MAX).filter(|version| *version != kind::LABEL) {
        let bytes = envelope(version, b"", &nack);
        let refused = names_in(&bytes, &captured(""));
        // These are numbers of messages as well.
        let looks_plain = (kind::ACK..=kind::CRC).contains(&version);
        let error = if looks_plain { WireError::Plaintext } else { WireError::BadEnvelope };
        assert_eq!(refused, Err(error), "{version}");
    }
}

#[test]
fn wrappers_come_in_one_order_and_each_once() {
    let names: Vec<String> = (0..300).map(|n| format!("node-{n}")).collect();
    let addr = RawAddr::new(&[127, 0, 0, 1]).expect("4 bytes");
    let state = |name| NodeState { name, addr, vsn: Vsn::MEMBERLIST, ..NodeState::default() };
    let (mut plain, mut packed) = (Vec::new(), Vec::new());
    encode_push_pull(true, names.iter().map(|name| state(name)), b"", &mut plain);
    compress_stream(&plain, &mut packed);
    assert_eq!(packed[0], kind::COMPRESS);
    let strict = |bytes: &[u8]| read(bytes, Side::Dialling, &captured(""));
    let sealed = stream_envelope(1, "", &packed);
    assert!(
        matches!(strict(&sealed), Ok(StreamMessage::PushPull(state)) if state.nodes.len() == 300)
    );
    // Encrypted twice; and compressed around what is encrypted.
    assert_eq!(strict(&stream_envelope(1, "", &sealed)), Err(WireError::BadType));
    let mut squeezed = b"\x09\x82\xa4Algo\x00\xa3Buf\xda".to_vec();
    let lzw = compress::Deflater::default().deflate(&sealed).to_vec();
    squeezed.extend_from_slice(&u16::try_from(lzw.len()).expect("short").to_be_bytes());
    squeezed.extend_from_slice(&lzw);
    assert_eq!(strict(&stream_envelope(1, "", &squeezed)), Err(WireError::BadType));
    let lax = Security { verify_incoming: false, ..captured("") };
    assert_eq!(read(&squeezed, Side::Dialling, &lax), Err(WireError::BadType));
    // A label inside, and a message that is cut inside.
    assert_eq!(strict(&stream_envelope(1, "", b"\xf4\x01a\x02")), Err(WireError::BadType));
    assert_eq!(strict(&stream_envelope(1, "", &plain[..50])), Err(WireError::Truncated));
    // In datagrams there is no second encryption either.
    let twice = envelope(1, b"", &vector("udp-20-aesgcm-v1-ping"));
    assert!(names_in(&twice, &captured("")).is_err());
}

#[test]
fn a_length_that_lies_is_refused_before_anything_is_held() {
    let reader = || {
        let security = Arc::new(captured(""));
        StreamReader::new(StreamLimits::default(), Side::Accepting, security)
    };
    let claim = |length: u32| [&[kind::ENCRYPT], &length.to_be_bytes()[..]].concat();
    let limit = u32::try_from(StreamLimits::default().sealed).expect("small");
    assert_eq!(limit, 20 << 20);
    for length in [limit + 1, u32::MAX] {
        assert_eq!(reader().push(&claim(length)), Err(WireError::TooLarge), "{length}");
    }
    let mut reader = reader();
    assert_eq!(reader.push(&claim(limit)), Ok(None));
    assert!(reader.capacity() <= 64, "{}", reader.capacity());
}

#[test]
fn any_key_of_the_ring_opens_and_the_primary_seals() {
    let ring = [key(16), key(24), key(32)];
    for primary in &ring {
        let sender = keyed("blue", std::slice::from_ref(primary));
        let bytes = packet(&sender, true, &[Message::Nack { seq: 1 }]);
        assert!(names_in(&bytes, &keyed("blue", &ring)).is_ok(), "{primary:?}");
        let bytes = stream(&sender, Side::Dialling, &vector("tcp-04-user"));
        assert!(read(&bytes, Side::Accepting, &keyed("blue", &ring)).is_ok(), "{primary:?}");
    }
    let bytes = packet(&keyed("", &ring), false, &[Message::Nack { seq: 1 }]);
    assert!(names_in(&bytes, &keyed("", &ring[..1])).is_ok());
    assert!(names_in(&bytes, &keyed("", &ring[1..])).is_err());
}

#[test]
fn a_ring_is_bounded_and_keeps_its_primary() {
    let nth = |n: u8| Key::from_bytes(&[n; 32]).expect("a length of AES");
    let called = |n: u8| nth(n).fingerprint();
    let mut ring = Keyring::new(nth(0));
    for n in 0..8 {
        assert_eq!(ring.add(nth(n)), Ok(()), "{n}: the first is there already");
    }
    assert_eq!(ring.iter().count(), KEYS_MAX);
    assert_eq!(ring.add(nth(8)), Err(KeyringError::Full));
    assert_eq!(ring.remove(called(0)), Err(KeyringError::Primary));
    assert_eq!(ring.remove(called(9)), Err(KeyringError::Unknown));
    assert_eq!(ring.promote(called(9)), Err(KeyringError::Unknown));
    assert_eq!(ring.promote(called(5)), Ok(()));
    assert_eq!(ring.primary(), Some(&nth(5)));
    assert_eq!(ring.remove(called(0)), Ok(()));
    let left: Vec<Fingerprint> = ring.iter().map(Key::fingerprint).collect();
    assert_eq!(left, [5, 1, 2, 3, 4, 6, 7].map(called));
}

#[test]
fn keys_are_read_and_never_shown() {
    for len in [16, 24, 32] {
        let text = key(len).to_base64();
        assert_eq!(Key::from_base64(&format!(" {}\n", &*text)), Ok(key(len)));
        assert_eq!(key(len).bits(), usize::from(len) * 8);
        let security = keyed("", &[key(len)]);
        let shown = format!("{security:?} {:?}", security.cover(&mut Nonces::new([0; 12])));
        let fingerprint = key(len).fingerprint().to_string();
        assert!(shown.contains(&fingerprint), "{shown}");
        assert!(!shown.contains(&text[..8]) && !shown.contains("4, 5, 6"), "{shown}");
        assert_eq!(fingerprint.parse(), Ok(key(len).fingerprint()));
    }
    assert_ne!(key(16).fingerprint(), key(32).fingerprint());
    assert_eq!(Key::from_base64("AAECAwQFBgcICQoLDA0ODw"), Err(KeyError::NotBase64), "no pad");
    assert_eq!(Key::from_base64("not a key"), Err(KeyError::NotBase64));
    assert_eq!(Key::from_base64("AAEC"), Err(KeyError::Length(3)));
    assert_eq!(Key::from_base64(&"A".repeat(400)), Err(KeyError::NotBase64));
    assert_eq!(Key::from_bytes(&[0; 20]), Err(KeyError::Length(20)));
    for text in ["", "0123456", "012345678", "0123456g", "+1234567"] {
        assert!(text.parse::<Fingerprint>().is_err(), "{text}");
    }
}

#[test]
fn nonces_count_up_and_go_round() {
    let mut nonces = Nonces::new([0xff; 12]);
    assert_eq!(nonces.draw(), [0xff; 12]);
    assert_eq!(nonces.draw(), [0; 12]);
    assert_eq!(nonces.draw()[11], 1);
    let security = captured("");
    let mut sent = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        let mut out = Vec::new();
        let cover = security.cover(&mut nonces);
        cover_stream(cover, Side::Dialling, &vector("tcp-04-user"), &mut out);
        assert!(sent.insert(out[6..18].to_vec()), "a nonce twice");
    }
}

#[test]
fn an_encrypted_packet_keeps_to_its_budget() {
    let message = encoded(&Message::User(&[b'x'; 40]));
    for label in ["", "blue"] {
        let security = keyed(label, &[key(32)]);
        for crc in [false, true] {
            let mut out = Vec::new();
            let cover = security.cover(&mut Nonces::new([0; 12]));
            assert_eq!(cover.overhead(), security.overhead());
            assert_eq!(security.overhead(), label_overhead(label) + 29);
            let parts = std::iter::repeat_n(&message[..], 100);
            let builder = PacketBuilder::new(1400);
            let room = builder.room(cover.overhead(), crc) - COMPOUND_OVERHEAD;
            let count = builder.compound(cover, crc, parts, Compression::Off, &mut out);
            assert_eq!(count, room / (PART_OVERHEAD + message.len()));
            assert!(out.len() <= 1400 && out.len() > 1400 - 43, "{}", out.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sealed_is_opened(
        plain in vec(any::<u8>(), 1..3000),
        (aad, nonce) in (vec(any::<u8>(), 0..40), any::<Nonce>()),
        len in prop_oneof![Just(16_u8), Just(24), Just(32)],
    ) {
        let keyring = Keyring::new(key(len));
        let mut sealed = Vec::new();
        seal(&key(len), nonce, &aad, &mut sealed, |out| out.extend_from_slice(&plain));
        prop_assert_eq!(sealed.len(), plain.len() + SEAL_OVERHEAD);
        let mut opened = vec![1, 2, 3];
        prop_assert_eq!(open_into(&keyring, &aad, &sealed, &mut opened), Ok(()));
        prop_assert_eq!(&opened, &plain);
        // In place, and after another key has failed to.
        let mut two = Keyring::new(other_key());
        prop_assert_eq!(two.add(key(len)), Ok(()));
        prop_assert_eq!(open_in_place(&two, &aad, &mut sealed), Ok(()));
        prop_assert_eq!(&sealed[SEALED_FROM..], &plain[..]);
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200), label in "[a-z]{0,4}") {
        let security = captured(&label);
        let _ = names_in(&bytes, &security);
        let _ = read(&bytes, Side::Accepting, &security);
        let inside = envelope(1, label.as_bytes(), &bytes);
        let _ = names_in(&inside, &captured(&label));
        let _ = read(&stream_envelope(1, &label, &bytes), Side::Dialling, &security);
    }
}
