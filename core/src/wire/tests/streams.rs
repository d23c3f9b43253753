//! Streams: every captured one, the limits, and pieces of any size.

use super::*;

fn limits() -> StreamLimits {
    StreamLimits::default()
}

/// Reads a stream whole, then again one byte at a time: both must come to the same end.
fn read(bytes: &[u8], label: Option<&str>) -> Result<StreamMessage, WireError> {
    let whole = reader(limits(), label).push(bytes);
    let mut reader = reader(limits(), label);
    let mut slow = Ok(None);
    for byte in bytes {
        slow = reader.push(&[*byte]);
        if slow != Ok(None) {
            break;
        }
    }
    assert_eq!(slow, whole);
    whole?.ok_or(WireError::Truncated)
}

fn read_push_pull(name: &str, label: Option<&str>) -> PushPull {
    match read(&vector(name), label) {
        Ok(StreamMessage::PushPull(push_pull)) => push_pull,
        other => panic!("{name}: {other:?}"),
    }
}

fn written(push_pull: &PushPull) -> Vec<u8> {
    let mut out = Vec::new();
    encode_push_pull(push_pull.join, push_pull.nodes.iter(), &push_pull.user_state, &mut out);
    out
}

fn node<'a>(name: &'a str, last: u8, port: u16, meta: &'a [u8]) -> NodeState<'a> {
    let addr = RawAddr::new(&[127, 0, 0, last]).expect("4 bytes");
    let vsn = Vsn::MEMBERLIST;
    NodeState { name, addr, port, meta, incarnation: 1, state: WireState::Alive, vsn }
}

/// Checks every field; with `exact`, also that our own encoding has the same bytes.
fn assert_push_pull(
    name: &str,
    label: Option<&str>,
    nodes: &[NodeState<'_>],
    user_state: &[u8],
    exact: bool,
) {
    let push_pull = read_push_pull(name, label);
    assert!(push_pull.join, "{name}");
    assert_eq!(push_pull.skipped, 0, "{name}");
    let found: Vec<_> = push_pull.nodes.iter().collect();
    assert_eq!(found, nodes, "{name}");
    assert_eq!(push_pull.user_state, user_state, "{name}");
    if exact {
        assert_eq!(written(&push_pull), vector(name), "{name} re-encoded");
    }
}

#[test]
fn captured_push_pulls() {
    let bravo = node("bravo", 12, 17946, b"role=bravo");
    let alpha = node("alpha", 11, 17946, b"role=alpha");
    assert_push_pull("tcp-01-pushpull-join-request", None, &[bravo], b"stateB", true);
    let both = [bravo, alpha];
    assert_push_pull("tcp-02-pushpull-join-response-2-nodes", None, &both, b"stateA", true);
    assert_push_pull("tcp-05-compressed-pushpull", None, &both, b"stateA", false);
    let all = [
        NodeState { state: WireState::Left, ..node("bravo", 82, 18090, b"") },
        NodeState { state: WireState::Dead, ..node("delta", 84, 18090, b"") },
        node("alpha", 81, 18090, b""),
        NodeState { state: WireState::Suspect, ..node("foxtrot", 86, 18090, b"") },
    ];
    // One `Meta` is an empty string there and the others are nil.
    assert_push_pull("tcp-03-pushpull-states-0-1-2-3", None, &all, b"", false);
    let long = node("alpha", 21, 17954, &[b'm'; 40]);
    assert_push_pull("tcp-30-pushpull-int-encoding-v0.5.5", None, &[long], &[b'S'; 200], true);
}

#[test]
fn captured_labels() {
    let request = "tcp-20-label-pushpull-request";
    // Lengths above 127 are signed there: go-msgpack v2.
    let bravo = node("bravo", 22, 17951, b"bravo");
    assert_push_pull(request, Some("blue"), &[bravo], &[b'T'; 200], false);
    let alpha = node("alpha", 21, 17951, &[b'm'; 40]);
    assert_push_pull("tcp-21-label-pushpull-response", None, &[alpha], &[b'S'; 200], false);
    for label in [Some(""), Some("red"), Some("bluer")] {
        assert_eq!(read(&vector(request), label), Err(WireError::BadLabel), "{label:?}");
    }
    assert_eq!(read(&vector(request), None), Err(WireError::BadType));
    let unlabelled = vector("tcp-01-pushpull-join-request");
    assert_eq!(read(&unlabelled, Some("blue")), Err(WireError::BadLabel));
    assert!(read(&unlabelled, Some("")).is_ok());
    assert_eq!(read(&[kind::LABEL, 0], Some("")), Err(WireError::BadLabel));
}

#[test]
fn captured_applications() {
    let web2 = NodeState {
        vsn: SERF,
        ..node("web2", 52, 18070, b"\xff\x82\xa4role\xa4web2\xa2dc\xa4east")
    };
    let serf = read_push_pull("serf-pushpull", None);
    assert_eq!(serf.user_state.len(), 588);
    assert_push_pull("serf-pushpull", None, &[web2], &serf.user_state, true);
    let peer = node("01M7XX9SFVP37W8VTJYA3WC8F0", 62, 19094, b"");
    let state = b"\n\x05\n\x03nfl\n\x05\n\x03sil";
    assert_push_pull("alertmanager-tcp-pushpull", None, &[peer], state, false);
}

#[test]
fn captured_small_messages() {
    let user = StreamMessage::User(b"hello-tcp".to_vec());
    assert_eq!(read(&vector("tcp-04-user"), None), Ok(user.clone()));
    assert_eq!(read(&vector("tcp-06-compressed-user"), None), Ok(user));
    let mut out = Vec::new();
    encode_stream_user(b"hello-tcp", &mut out);
    assert_eq!(out, vector("tcp-04-user"));

    let ping = StreamMessage::Ping {
        seq: 1,
        node: "py".into(),
        source_addr: RawAddr::new(&[127, 0, 0, 81]).expect("4 bytes"),
        source_port: 18095,
        source_node: "alpha".into(),
    };
    let bytes = vector("tcp-07-ping");
    assert_eq!(read(&bytes, None), Ok(ping));
    let Ok(Message::Ping(ping)) = Message::decode(&bytes) else {
        panic!("a ping");
    };
    out.clear();
    encode_stream_ping(&ping, &mut out);
    assert_eq!(out, bytes);

    out.clear();
    encode_stream_ack(7, &mut out);
    assert_eq!(read(&out, None), Ok(StreamMessage::Ack { seq: 7 }));
    out.clear();
    encode_stream_err("no", &mut out);
    assert_eq!(out, b"\x0d\x81\xa5Error\xa2no");
    assert_eq!(read(&out, None), Ok(StreamMessage::Err("no".into())));
}

#[test]
fn captured_lzw() {
    let mut inflater = compress::Inflater::default();
    let mut deflater = compress::Deflater::default();
    let cases = [
        ("lzw-01-empty", &b""[..]),
        ("lzw-02-twelve-a", b"aaaaaaaaaaaa"),
        ("lzw-03-hello", b"hello hello hello hello"),
    ];
    for (name, plain) in cases {
        let packed = vector(name);
        assert_eq!(inflater.inflate(&packed, 100).as_deref(), Ok(plain), "{name}");
        assert_eq!(deflater.deflate(plain), packed, "{name}");
    }
    for name in ["tcp-05-compressed-pushpull", "tcp-06-compressed-user"] {
        let stream = vector(name);
        let packed = compress::packed_bytes(&stream[1..]).expect("a compress message");
        let plain = inflater.inflate(packed, 1000).expect("lzw");
        assert_eq!(deflater.deflate(&plain), packed, "{name}");
    }
}

/// A header of a push/pull with these claims.
fn header(nodes: &[u8], state_len: &[u8]) -> Vec<u8> {
    [b"\x06\x83\xa4Join\xc3\xa5Nodes", nodes, b"\xacUserStateLen", state_len].concat()
}

#[test]
fn claims_are_checked_before_anything_is_held() {
    let cases = [
        (header(b"\xd0\xff", b"\x00"), WireError::BadMsgpack),
        (header(b"\xff", b"\x00"), WireError::BadMsgpack),
        (header(b"\xce\x00\x10\x00\x01", b"\x00"), WireError::TooLarge),
        (header(b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\x00"), WireError::TooLarge),
        (header(b"\x00", b"\xce\x01\x40\x00\x01"), WireError::TooLarge),
        (header(b"\x00", b"\xd2\xff\xff\xff\xff"), WireError::BadMsgpack),
        (b"\x08\x81\xaaUserMsgLen\xce\x01\x40\x00\x01".to_vec(), WireError::TooLarge),
        (b"\x00\x81\xa4Zed.\xdb\xff\xff\xff\xff".to_vec(), WireError::TooLarge),
        (b"\x09\x82\xa4Algo\x00\xa3Buf\xdb\xff\xff\xff\xff".to_vec(), WireError::TooLarge),
        (b"\x09\x81\xa4Algo\x01".to_vec(), WireError::UnknownCompression),
        (b"\x0a\x00\x00\x00\x20".to_vec(), WireError::Encrypted),
        (b"\x03\x80".to_vec(), WireError::BadType),
        (b"\xf4\x04blue".to_vec(), WireError::BadType),
    ];
    for (bytes, error) in cases {
        let mut reader = reader(limits(), None);
        assert_eq!(reader.push(&bytes), Err(error), "{bytes:02x?}");
        assert_eq!(reader.push(b"more"), Err(error), "the error stays");
        assert_eq!(reader.capacity(), 0, "and nothing is held");
        assert_eq!(read(&bytes, None), Err(error), "{bytes:02x?}");
    }
    for bytes in
        [header(b"\xce\x00\x10\x00\x00", b"\xce\x01\x40\x00\x00"), header(b"\x00", b"\x09")]
    {
        let mut reader = reader(limits(), None);
        assert_eq!(reader.push(&bytes), Ok(None));
        assert!(reader.capacity() <= 2 * bytes.len(), "{}", reader.capacity());
    }
}

#[test]
fn limits_are_per_reader() {
    let stream = vector("tcp-02-pushpull-join-response-2-nodes");
    let try_with = |limits| reader(limits, None).push(&stream);
    assert!(try_with(StreamLimits { nodes: 2, user_state: 6, ..limits() }).is_ok());
    let tight = [
        StreamLimits { nodes: 1, ..limits() },
        StreamLimits { user_state: 5, ..limits() },
        StreamLimits { stream: stream.len() - 1, ..limits() },
        StreamLimits { control: 10, ..limits() },
    ];
    for limits in tight {
        assert_eq!(try_with(limits), Err(WireError::TooLarge), "{limits:?}");
    }
    let squeezed = vector("tcp-05-compressed-pushpull");
    let limits = StreamLimits { inflated: 188, ..limits() };
    assert_eq!(reader(limits, None).push(&squeezed), Err(WireError::TooLarge));
    let limits = StreamLimits { inflated: 189, ..limits };
    assert!(reader(limits, None).push(&squeezed).is_ok());
}

#[test]
fn one_unreadable_node_does_not_spoil_the_others() {
    let mut bytes = header(b"\x04", b"\x02");
    bytes.extend_from_slice(b"\x81\xa4Name\xa1\xff");
    bytes.extend_from_slice(b"\x82\xa4Name\xa1a\xa4Addr\xa3\x01\x02\x03");
    bytes.extend_from_slice(b"\x81\xa4Name\xa1b");
    bytes.extend_from_slice(b"\x97\xa1c\xa4\x7f\x00\x00\x01\x05\xc0\x07\x01\xa3\x01\x05\x02");
    bytes.extend_from_slice(b"ok");
    let Ok(StreamMessage::PushPull(push_pull)) = read(&bytes, None) else {
        panic!("a push/pull");
    };
    assert_eq!(push_pull.skipped, 2);
    let nodes: Vec<_> = push_pull.nodes.iter().collect();
    assert_eq!([nodes[0].name, nodes[1].name], ["b", "c"]);
    assert_eq!((nodes.len(), nodes[1].state), (2, WireState::Suspect));
    assert_eq!((nodes[1].incarnation, nodes[1].vsn.is_complete()), (7, false));
    assert_eq!(push_pull.user_state, b"ok");

    let mut bytes = header(b"\x01", b"\x00");
    bytes.extend_from_slice(b"\x81\xa5State\x04");
    assert_eq!(read(&bytes, None), Err(WireError::BadState));
}

#[test]
fn a_compressed_message_is_complete_and_not_wrapped_again() {
    let user = vector("tcp-04-user");
    let squeeze = |message: &[u8]| {
        let mut out = b"\x09\x82\xa4Algo\x00\xa3Buf\xda".to_vec();
        let packed = compress::Deflater::default().deflate(message).to_vec();
        out.extend_from_slice(&u16::try_from(packed.len()).expect("short").to_be_bytes());
        out.extend_from_slice(&packed);
        out
    };
    assert_eq!(read(&squeeze(&user), None), Ok(StreamMessage::User(b"hello-tcp".to_vec())));
    for cut in 0..user.len() {
        assert_eq!(read(&squeeze(&user[..cut]), None), Err(WireError::Truncated), "{cut}");
    }
    assert_eq!(read(&squeeze(&squeeze(&user)), None), Err(WireError::BadType));
    assert_eq!(read(&squeeze(b"\x0a\x00\x00\x00\x01"), None), Err(WireError::BadType));
    assert_eq!(read(&squeeze(b"\xf4\x01a"), None), Err(WireError::BadType));
}

#[test]
fn bytes_after_the_message_are_ignored() {
    let mut bytes = vector("tcp-04-user");
    bytes.extend_from_slice(b"\x06 trailing");
    let mut reader = reader(limits(), None);
    assert_eq!(reader.push(&bytes), Ok(Some(StreamMessage::User(b"hello-tcp".to_vec()))));
    assert_eq!(reader.push(b"\xff\xff"), Ok(None));
}

#[test]
fn a_slow_reader_does_linear_work() {
    let names: Vec<String> = (0..3000).map(|n| format!("node-{n}")).collect();
    let nodes = names.iter().map(|name| node(name, 1, 7946, b"role=web"));
    let state = vec![7; 50_000];
    let mut bytes = Vec::new();
    encode_push_pull(false, nodes, &state, &mut bytes);
    for piece in [1, 7, 1400, bytes.len()] {
        let mut reader = reader(limits(), None);
        let mut result = None;
        for piece in bytes.chunks(piece) {
            assert_eq!(result, None, "only the last piece completes it");
            result = reader.push(piece).expect("a push/pull");
            assert!(reader.capacity() <= 2 * reader.received() + 64);
        }
        let Some(StreamMessage::PushPull(push_pull)) = result else {
            panic!("a push/pull");
        };
        assert_eq!((push_pull.nodes.len(), push_pull.user_state.len()), (3000, state.len()));
        assert!(reader.work <= 4 * bytes.len(), "{piece}: {} of {}", reader.work, bytes.len());
    }
}

#[test]
fn long_streams_are_compressed_if_that_helps() {
    let names: Vec<String> = (0..300).map(|n| format!("node-{n}")).collect();
    let nodes = names.iter().map(|name| node(name, 1, 7946, b"role=web"));
    let (mut plain, mut out) = (Vec::new(), Vec::new());
    encode_push_pull(true, nodes, b"state", &mut plain);
    compress_stream(&plain, &mut out);
    assert!(out.len() < plain.len() / 2, "{} of {}", out.len(), plain.len());
    assert_eq!(read(&out, None), read(&plain, None));
    out.clear();
    compress_stream(&plain[..COMPRESS_MIN - 1], &mut out);
    assert_eq!(out, plain[..COMPRESS_MIN - 1]);
}
