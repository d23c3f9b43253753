//! Datagrams: every captured one, the rules around them, and the builder.

use super::*;

fn ping<'a>(seq: u32, node: &'a str, addr: &'a [u8], source: &'a str, port: u16) -> Message<'a> {
    Message::Ping(Ping { seq, node, source_addr: addr, source_port: port, source_node: source })
}

fn alive<'a>(node: &'a str, addr: &'a [u8], port: u16, meta: &'a [u8]) -> Message<'a> {
    Message::Alive(Alive { incarnation: 1, node, addr, port, meta, vsn: Vsn::MEMBERLIST })
}

fn suspect<'a>(incarnation: u32, node: &'a str, from: &'a str) -> Message<'a> {
    Message::Suspect(Suspect { incarnation, node, from })
}

fn dead<'a>(node: &'a str, from: &'a str) -> Message<'a> {
    Message::Dead(Dead { incarnation: 1, node, from })
}

/// Checks what the vector decodes to, and that our own datagram of it has the same bytes.
fn assert_vector(name: &str, label: &str, crc: bool, messages: &[Message<'_>]) {
    let datagram = vector(name);
    assert_opens(&datagram, label, messages);
    let parts: Vec<Vec<u8>> = messages.iter().map(encoded).collect();
    let mut out = Vec::new();
    let parts = parts.iter().map(Vec::as_slice);
    PacketBuilder::default().compound(label.into(), crc, parts, Compression::On, &mut out);
    assert_eq!(out, datagram, "{name} re-encoded");
}

const ALPHA: [u8; 4] = [127, 0, 0, 11];

#[test]
fn captured_probes() {
    assert_vector("udp-01-ping", "", false, &[ping(1, "charlie", &ALPHA, "alpha", 17946)]);
    assert_vector(
        "udp-02-ack-nil-payload",
        "",
        false,
        &[Message::Ack(Ack { seq: 1, payload: b"" })],
    );
    let ack = Message::Ack(Ack { seq: 2, payload: b"ACKPAY" });
    assert_vector("udp-03-ack-payload", "", false, &[ack]);
    let indirect = IndirectPing {
        seq: 5,
        target: &[127, 0, 0, 13],
        port: 17946,
        node: "charlie",
        nack: true,
        source_addr: &ALPHA,
        source_port: 17946,
        source_node: "alpha",
    };
    assert_vector("udp-04-indirect-ping", "", false, &[Message::IndirectPing(indirect)]);
    assert_vector("udp-05-nack", "", false, &[Message::Nack { seq: 5 }]);
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 77, 0, 1];
    let long = ping(1, "py", &mapped, "alpha", 18060);
    assert_vector("udp-34-ping-16-byte-address", "", false, &[long]);
}

#[test]
fn captured_gossip() {
    assert_vector("udp-06-crc-suspect", "", true, &[suspect(1, "charlie", "alpha")]);
    assert_vector("udp-07-crc-dead", "", true, &[dead("charlie", "alpha")]);
    assert_vector("udp-08-crc-leave", "", true, &[dead("bravo", "bravo")]);
    let charlie = alive("charlie", &[127, 0, 0, 13], 17946, b"role=charlie");
    assert_vector("udp-09-crc-alive", "", true, &[charlie]);
    let bravo = alive("bravo", &[127, 0, 0, 12], 17946, b"role=bravo");
    let alpha = alive("alpha", &ALPHA, 17946, b"role=alpha");
    assert_vector("udp-10-crc-compound-3-alive", "", true, &[charlie, bravo, alpha]);
    let probe = ping(6, "bravo", &ALPHA, "alpha", 17946);
    let accusation = suspect(1, "charlie", "alpha");
    assert_vector("udp-11-compound-ping-gossip", "", false, &[probe, accusation]);
    let probe = ping(7, "charlie", &ALPHA, "alpha", 17946);
    assert_vector("udp-12-crc-compound-ping-suspect", "", true, &[probe, accusation]);
    assert_vector("udp-13-crc-user", "", true, &[Message::User(b"hello-udp")]);
    let last = suspect(u32::MAX, "alpha", "py");
    assert_vector("syn-09-suspect-max-incarnation", "", false, &[last]);
}

#[test]
fn captured_labels() {
    let probe = ping(1, "bravo", &[127, 0, 0, 21], "alpha", 17951);
    assert_vector("udp-30-label-ping", "blue", false, &[probe]);
    let alpha = alive("alpha", &[127, 0, 0, 21], 17951, &[b'm'; 40]);
    let bravo = alive("bravo", &[127, 0, 0, 22], 17951, b"bravo");
    assert_vector("udp-31-label-crc-compound", "blue", true, &[alpha, bravo]);
    let refused = Opened { dropped: 1, error: Some(WireError::BadLabel), ..Opened::default() };
    for label in ["", "red", "blu", "bluer"] {
        assert_eq!(checked(&vector("udp-30-label-ping"), label, &[]), refused, "{label}");
    }
    assert_eq!(checked(&vector("udp-01-ping"), "blue", &[]), refused);
}

#[test]
fn captured_serf() {
    let datagram = vector("serf-alive-tags");
    let Ok(Message::Alive(web2)) = Message::decode(&datagram) else {
        panic!("an alive message");
    };
    assert_eq!((web2.node, web2.addr, web2.port), ("web2", &[127, 0, 0, 52][..], 18070));
    assert_eq!((web2.incarnation, web2.vsn), (1, SERF));
    let tags = decode_tags(web2.meta).expect("tags");
    let tags: Vec<_> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(tags, [("dc", "east"), ("role", "web2")]);
    assert_vector("serf-alive-tags", "", false, &[Message::Alive(web2)]);

    let datagram = vector("serf-ack-coordinate");
    let Ok(Message::Ack(ack)) = Message::decode(&datagram) else {
        panic!("an ack");
    };
    assert_eq!((ack.seq, ack.payload.len()), (1, 130));
    assert!(ack.payload.starts_with(b"\x01\x84\xaaAdjustment"));
    assert_vector("serf-ack-coordinate", "", false, &[Message::Ack(ack)]);

    for (name, kind) in [("join", 1), ("leave", 0), ("query", 4), ("userEvent", 3)] {
        let name = format!("serf-user-{name}");
        let datagram = vector(&name);
        assert_eq!(datagram[1], kind);
        assert_vector(&name, "", false, &[Message::User(&datagram[1..])]);
    }
}

#[test]
fn captured_alertmanager() {
    // One `Meta` is an empty string here and one is nil: equal in meaning, so not re-encoded.
    let first = alive("01M7XX9SFVP37W8VTJYA3WC8F0", &[127, 0, 0, 62], 19094, b"");
    let second = alive("01M7XX9QKMB8C37Q4371JFQ9CM", &[127, 0, 0, 61], 19094, b"");
    assert_opens(&vector("alertmanager-udp-crc-compound"), "", &[first, second]);
}

#[test]
fn synthetic_forms_that_go_accepts() {
    let long = "node-with-a-name-longer-than-thirty-one";
    let modern = alive(long, &[127, 0, 0, 101], 7946, b"x");
    assert_opens(&vector("syn-01-alive-str8-bin8"), "", &[modern]);
    let array = alive("arr", &[127, 0, 0, 103], 7946, b"x");
    assert_opens(&vector("syn-02-alive-as-array"), "", &[array]);
    let binary = alive("binname", &[127, 0, 0, 101], 7946, b"x");
    assert_opens(&vector("syn-03-alive-name-as-bin8"), "", &[binary]);
    let extra = alive("extra", &[127, 0, 0, 101], 7946, b"x");
    assert_opens(&vector("syn-04-alive-unknown-field"), "", &[extra]);
    let inner = alive("crc", &[127, 0, 0, 101], 7946, b"x");
    assert_opens(&vector("syn-06-compound-in-compound"), "", &[inner]);
    let whole = alive("t1", &[127, 0, 0, 101], 7946, b"x");
    let cut = checked(&vector("syn-07-truncated-compound"), "", &[whole]);
    assert_eq!(cut, Opened { messages: 1, cut: 1, ..Opened::default() });
    let bad = checked(&vector("syn-05-bad-crc"), "", &[]);
    assert_eq!(bad.error, Some(WireError::BadCrc));
}

#[test]
fn nothing_inside_a_wrapper_is_an_error_and_no_more() {
    let inner = |kind, body: &[u8]| [&[kind], body].concat();
    let empty_lzw = b"\x82\xa4Algo\x00\xa3Buf\xa3\x00\x03\x02";
    let cases: [(&[u8], WireError); 9] = [
        (b"", WireError::Truncated),
        (&[kind::CRC, 0, 0, 0, 0], WireError::Truncated),
        (&[kind::CRC, 0, 0, 0], WireError::Truncated),
        (&[kind::COMPOUND], WireError::Truncated),
        (&[kind::COMPOUND, 128], WireError::Truncated),
        (&[kind::COMPOUND, 1, 0, 0], WireError::Truncated),
        (&inner(kind::COMPRESS, empty_lzw), WireError::Truncated),
        (&inner(kind::COMPRESS, b"\x80"), WireError::BadCompression),
        (&inner(kind::COMPRESS, b"\x81\xa4Algo\x01"), WireError::UnknownCompression),
    ];
    for (datagram, error) in cases {
        let opened = checked(datagram, "", &[]);
        let refused = Opened { dropped: 1, error: Some(error), ..Opened::default() };
        assert_eq!(opened, refused, "{datagram:02x?}");
    }
    assert_eq!(checked(&[kind::COMPOUND, 0], "", &[]), Opened::default());
}

#[test]
fn types_that_streams_carry_are_refused_in_datagrams() {
    for first in [6, 10, 13, 14, 100, 243, 255] {
        let opened = checked(&[first, 0x80], "", &[]);
        assert_eq!(opened.error, Some(WireError::BadType), "{first}");
    }
    // A checksum belongs in front of everything else, not inside.
    let inside = [kind::COMPOUND, 1, 0, 5, kind::CRC, 0, 0, 0, 0];
    assert_eq!(checked(&inside, "", &[]).error, Some(WireError::BadType));
}

#[test]
fn a_bad_part_does_not_spoil_the_others() {
    let nack = encoded(&Message::Nack { seq: 1 });
    let bad_name = b"\x03\x81\xa4Node\xa1\xff".to_vec();
    let parts = [nack.clone(), vec![], bad_name, vec![99], nack];
    let mut out = Vec::new();
    let parts = parts.iter().map(Vec::as_slice);
    PacketBuilder::default().compound("".into(), true, parts, Compression::Off, &mut out);
    let nack = Message::Nack { seq: 1 };
    let opened = checked(&out, "", &[nack, nack]);
    let error = Some(WireError::Truncated);
    assert_eq!(opened, Opened { messages: 2, dropped: 3, error, cut: 0 });
}

#[test]
fn compounds_nest_so_deep_and_no_deeper() {
    let nest = |levels: usize| {
        let mut message = encoded(&Message::Nack { seq: 1 });
        for _ in 0..levels {
            let len = u16::try_from(message.len()).expect("short").to_be_bytes();
            message.splice(0..0, [kind::COMPOUND, 1, len[0], len[1]]);
        }
        message
    };
    assert_opens(&nest(packet::MAX_NESTING), "", &[Message::Nack { seq: 1 }]);
    let opened = checked(&nest(packet::MAX_NESTING + 1), "", &[]);
    assert_eq!(opened.error, Some(WireError::TooDeep));
}

#[test]
fn compound_and_compress_nest_in_any_order() {
    let text = [b'x'; 2000];
    let user = Message::User(&text);
    let mut deflater = compress::Deflater::default();
    let mut squeezed = Vec::new();
    assert!(deflater.wrap(&encoded(&user), &mut squeezed));
    let ack = encoded(&Message::Ack(Ack { seq: 9, payload: &text }));
    let mut again = Vec::new();
    assert!(deflater.wrap(&ack, &mut again));
    let mut compound = Vec::new();
    let parts = [&squeezed[..], &again, &squeezed];
    let count = PacketBuilder::default().compound(
        "".into(),
        false,
        parts.into_iter(),
        Compression::Off,
        &mut compound,
    );
    assert_eq!(count, 3);
    // Bytes after the parts are ignored, and make the whole compressible.
    compound.extend_from_slice(&[0; 3000]);
    let mut outer = Vec::new();
    assert!(deflater.wrap(&compound, &mut outer));
    let ack = Message::Ack(Ack { seq: 9, payload: &text });
    assert_opens(&outer, "", &[user, ack, user]);
}

#[test]
fn the_builder_keeps_to_its_budget() {
    let message = encoded(&alive("bravo", &[127, 0, 0, 12], 17946, b"role=bravo"));
    for budget in [100, 200, 600, 1400, 9000] {
        for label in ["", "blue"] {
            for crc in [false, true] {
                let builder = PacketBuilder::new(budget);
                let mut out = Vec::new();
                let parts = std::iter::repeat_n(&message[..], 500);
                let count = builder.compound(label.into(), crc, parts, Compression::Off, &mut out);
                let cost = PART_OVERHEAD + message.len();
                let room = builder.room(label_overhead(label), crc);
                let fits = (room.saturating_sub(COMPOUND_OVERHEAD) / cost).clamp(1, MAX_PARTS);
                assert_eq!(count, fits, "{budget} {label} {crc}");
                assert!(out.len() <= budget, "{budget} {label} {crc}: {}", out.len());
                let mut seen = 0;
                let opened = open(&out, label, &mut Scratch::new(), |_| seen += 1);
                assert_eq!((opened.messages, seen, opened.dropped), (count, count, 0));
            }
        }
    }
}

#[test]
fn the_builder_takes_no_part_that_has_no_length() {
    let long = vec![kind::USER; packet::MAX_PART + 1];
    let builder = PacketBuilder::new(usize::MAX);
    let mut out = Vec::new();
    let parts = [&b"\x08a"[..], &long, b"\x08b"];
    assert_eq!(builder.compound("".into(), true, parts.into_iter(), Compression::On, &mut out), 1);
    assert_opens(&out, "", &[Message::User(b"a")]);
    out.clear();
    assert_eq!(builder.compound("".into(), true, [].into_iter(), Compression::On, &mut out), 0);
    assert!(out.is_empty());
}

#[test]
fn compression_is_used_only_when_it_pays() {
    let builder = PacketBuilder::default();
    let size = |message: &[u8], compression| {
        let mut out = Vec::new();
        builder.single("blue".into(), true, message, compression, &mut out);
        assert_opens(&out, "blue", &[Message::User(&message[1..])]);
        out.len() - CRC_OVERHEAD - label_overhead("blue")
    };
    let even = vec![kind::USER; COMPRESS_MIN];
    assert!(size(&even, Compression::On) < even.len() / 4);
    assert_eq!(size(&even, Compression::Off), even.len());
    assert_eq!(size(&even[1..], Compression::On), even.len() - 1);
    let mut noise = Rng(7).bytes(COMPRESS_MIN * 2);
    noise[0] = kind::USER;
    assert_eq!(size(&noise, Compression::On), noise.len());
}
