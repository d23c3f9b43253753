//! What is encoded is decoded, for any values.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![".{0,8}", "[a-z]{30,34}", "[a-z]{250,260}"]
}

fn blob() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..8), vec(any::<u8>(), 30..34), vec(any::<u8>(), 250..600)]
}

fn vsn() -> impl Strategy<Value = Vsn> {
    vec(any::<u8>(), 0..8).prop_map(|raw| Vsn::from_slice(&raw))
}

fn addr() -> impl Strategy<Value = RawAddr> {
    prop_oneof![
        Just(RawAddr::default()),
        any::<[u8; 4]>().prop_map(|raw| RawAddr::new(&raw).expect("4 bytes")),
        any::<[u8; 16]>().prop_map(|raw| RawAddr::new(&raw).expect("16 bytes")),
    ]
}

fn nodes() -> impl Strategy<Value = Nodes> {
    let state = prop_oneof![
        Just(WireState::Alive),
        Just(WireState::Suspect),
        Just(WireState::Dead),
        Just(WireState::Left)
    ];
    let node = (name(), addr(), any::<u16>(), blob(), any::<u32>(), state, vsn());
    vec(node, 0..20).prop_map(|nodes| {
        let all = nodes.iter().map(|(name, addr, port, meta, incarnation, state, vsn)| NodeState {
            name,
            addr: *addr,
            port: *port,
            meta,
            incarnation: *incarnation,
            state: *state,
            vsn: *vsn,
        });
        all.collect()
    })
}

fn read_in_pieces(bytes: &[u8], piece: usize) -> Option<StreamMessage> {
    let mut reader = reader(StreamLimits::default(), Some(""));
    bytes.chunks(piece).find_map(|piece| reader.push(piece).expect("valid bytes"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages(
        (seq, port, source_port) in (any::<u32>(), any::<u16>(), any::<u16>()),
        (node, other) in (name(), name()),
        (addr, bytes) in (blob(), blob()),
        (nack, vsn) in (any::<bool>(), vsn()),
    ) {
        let (node, from, incarnation) = (&*node, &*other, seq);
        let (source_addr, source_node, payload) = (&*addr, from, &*bytes);
        let messages = [
            Message::Ping(Ping { seq, node, source_addr, source_port, source_node }),
            Message::IndirectPing(IndirectPing {
                seq, target: &bytes, port, node, nack, source_addr, source_port, source_node,
            }),
            Message::Ack(Ack { seq, payload }),
            Message::Nack { seq },
            Message::Suspect(Suspect { incarnation, node, from }),
            Message::Alive(Alive { incarnation, node, addr: &addr, port, meta: payload, vsn }),
            Message::Dead(Dead { incarnation, node, from }),
            Message::User(payload),
        ];
        let parts: Vec<Vec<u8>> = messages.iter().map(encoded).collect();
        for (message, part) in messages.iter().zip(&parts) {
            prop_assert_eq!(Message::decode(part), Ok(*message));
        }
        for compression in [Compression::Off, Compression::On] {
            let mut out = Vec::new();
            let parts = parts.iter().map(Vec::as_slice);
            let builder = PacketBuilder::new(65_000);
            let count = builder.compound("blue".into(), true, parts, compression, &mut out);
            prop_assert_eq!(count, messages.len());
            assert_opens(&out, "blue", &messages);
        }
    }

    #[test]
    fn push_pulls(
        (join, piece) in (any::<bool>(), 1..3000_usize),
        nodes in nodes(),
        user_state in vec(any::<u8>(), 0..3000),
    ) {
        let (mut plain, mut out) = (Vec::new(), Vec::new());
        encode_push_pull(join, nodes.iter(), &user_state, &mut plain);
        compress_stream(&plain, &mut out);
        let push_pull = PushPull { join, nodes, user_state, skipped: 0 };
        let expected = Some(StreamMessage::PushPull(push_pull));
        prop_assert_eq!(&read_in_pieces(&plain, piece), &expected);
        prop_assert_eq!(read_in_pieces(&out, piece), expected);
    }

    #[test]
    fn user_messages(payload in vec(any::<u8>(), 0..3000), piece in 1..3000_usize) {
        let mut out = Vec::new();
        encode_stream_user(&payload, &mut out);
        prop_assert_eq!(read_in_pieces(&out, piece), Some(StreamMessage::User(payload)));
    }

    #[test]
    fn lzw(seed in vec(any::<u8>(), 1..40), repeat in 1..2000_usize) {
        let plain = seed.repeat(repeat);
        let packed = compress::Deflater::default().deflate(&plain).to_vec();
        let mut inflater = compress::Inflater::default();
        prop_assert_eq!(inflater.inflate(&packed, plain.len()), Ok(plain.clone()));
        let short = plain.len() - 1;
        prop_assert_eq!(inflater.inflate(&packed, short), Err(WireError::TooLarge));
    }
}
