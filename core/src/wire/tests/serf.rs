//! What serf puts into user messages, user state and acks.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::wire::serf::{
    Coordinate, Filter, Holder, JoinIntent, KeyAnswer, KeyRequest, LeaveIntent, Query,
    QueryResponse, RelayHeader, SerfMessage, State, StateWriter, Texts, UserEvent,
};

fn user(name: &str) -> Vec<u8> {
    vector(&format!("serf-user-{name}")).split_off(1)
}

fn bytes_of(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

#[test]
fn captured_intents() {
    let leave = LeaveIntent { ltime: 3, node: "web3", prune: false };
    assert_eq!(SerfMessage::decode(&user("leave")), Ok(SerfMessage::Leave(leave)));
    assert_eq!(LeaveIntent::decode(&user("leave")), Ok(leave));
    assert_eq!(bytes_of(|out| leave.encode(out)), user("leave"));
    let join = JoinIntent { ltime: 1, node: "web2" };
    assert_eq!(SerfMessage::decode(&user("join")), Ok(SerfMessage::Join(join)));
    assert_eq!(bytes_of(|out| join.encode(out)), user("join"));
    assert_eq!(LeaveIntent::decode(&user("join")), Err(WireError::BadType));
    assert_eq!(LeaveIntent::decode(b""), Err(WireError::Truncated));
    // Agents before 0.8.3 knew no `Prune`.
    let old = b"\x00\x82\xa5LTime\x03\xa4Node\xa4web3";
    assert_eq!(SerfMessage::decode(old), Ok(SerfMessage::Leave(leave)));
}

#[test]
fn captured_user_event() {
    let event = UserEvent { ltime: 1, name: "deploy", payload: b"v1.2.3", coalesce: true };
    assert_eq!(SerfMessage::decode(&user("userEvent")), Ok(SerfMessage::UserEvent(event)));
    assert_eq!(bytes_of(|out| event.encode(out)), user("userEvent"));
}

#[test]
fn captured_query() {
    let payload = user("query");
    let Ok(SerfMessage::Query(query)) = SerfMessage::decode(&payload) else { panic!("a query") };
    let expected = Query {
        ltime: 1,
        id: 1_953_480_049,
        addr: &[127, 0, 0, 51],
        port: 18070,
        from: "web1",
        flags: Query::flags(true),
        timeout: 2_000_000_000,
        name: "uptime",
        payload: b"now",
        ..Query::default()
    };
    assert_eq!(query, expected);
    assert!(query.wants_ack() && query.is_passed_on());
    assert_eq!(query.reply_to(), Some(([127, 0, 0, 51], 18070).into()));
    assert_eq!(query.timeout().as_secs(), 2);
    assert_eq!(bytes_of(|out| query.encode(&[], out)), payload);
}

/// As go-msgpack 0.5.5 writes them; 2.1.5 differs in the sign of some integers, which both read.
#[test]
fn what_go_writes_is_written_and_read() {
    let nodes = ["a".to_owned(), "b".to_owned()];
    let filters = [Filter::Nodes(Texts::of(&nodes)), Filter::Tag { tag: "role", expr: "^web" }];
    let query = Query {
        ltime: 3,
        id: 4_000_000_000,
        addr: &[127, 0, 0, 1],
        port: 7946,
        from: "n",
        flags: 1,
        relay_factor: 2,
        timeout: 9_600_000_000,
        name: "q",
        ..Query::default()
    };
    let go = b"\x04\x8b\xa4Addr\xa4\x7f\x00\x00\x01\xa7Filters\x92\xa6\x00\x92\xa1a\xa1b\xb5\x01\
        \x82\xa4Expr\xa4^web\xa3Tag\xa4role\xa5Flags\x01\xa2ID\xce\xeek(\x00\xa5LTime\x03\xa4Name\
        \xa1q\xa7Payload\xc0\xa4Port\xcd\x1f\n\xabRelayFactor\x02\xaaSourceNode\xa1n\xa7Timeout\
        \xcf\x00\x00\x00\x02<4`\x00";
    assert_eq!(bytes_of(|out| query.encode(&filters, out)), go);
    let mut newer = go.to_vec();
    let timeout = newer.len() - 9;
    newer[timeout] = 0xd3;
    for bytes in [&go[..], &newer] {
        let Ok(SerfMessage::Query(read)) = SerfMessage::decode(bytes) else { panic!("a query") };
        let read_filters: Vec<_> = read.filters.iter().collect();
        assert_eq!(read_filters, filters.map(Ok));
        assert_eq!(Query { filters: read.filters, ..query }, read);
    }

    let ack = QueryResponse { ltime: 3, id: 7, from: "n", flags: 1, payload: b"" };
    let go = b"\x05\x85\xa5Flags\x01\xa4From\xa1n\xa2ID\x07\xa5LTime\x03\xa7Payload\xc0";
    assert_eq!(bytes_of(|out| ack.encode(out)), go);
    assert_eq!(SerfMessage::decode(go), Ok(SerfMessage::QueryResponse(ack)));
    assert!(ack.is_ack());

    let to: SocketAddr = ([127, 0, 0, 1], 7946).into();
    let header = RelayHeader { addr: &[127, 0, 0, 1], port: 7946, node: "n" };
    assert_eq!(header.to(), Some(to));
    let go = b"\x09\x82\xa8DestAddr\x83\xa2IP\xa4\x7f\x00\x00\x01\xa4Port\xcd\x1f\n\xa4Zone\xa0\
        \xa8DestName\xa1n\x05rest";
    assert_eq!(bytes_of(|out| RelayHeader::encode(to, "n", b"\x05rest", out)), go);
    assert_eq!(SerfMessage::decode(go), Ok(SerfMessage::Relay(header, b"\x05rest")));
    let newer = b"\x09\x82\xa8DestAddr\x83\xa2IP\xa4\x7f\x00\x00\x01\xa4Port\xd1\x1f\n\xa4Zone\
        \xa0\xa8DestName\xa1n\x05rest";
    assert_eq!(SerfMessage::decode(newer), Ok(SerfMessage::Relay(header, b"\x05rest")));
}

#[test]
fn captured_state_is_read_and_written_again() {
    let stream = vector("serf-pushpull");
    let bytes = &stream[stream.len() - 588..];
    let state = State::decode(bytes).expect("a state");
    assert_eq!((state.ltime, state.event_ltime, state.query_ltime), (1, 1, 1));
    assert_eq!(state.statuses().collect::<Vec<_>>(), [("web2", 0)]);
    assert_eq!(state.left().count(), 0);
    state.each_event(|event| panic!("{event:?}"));
    let again = bytes_of(|out| {
        let mut writer = StateWriter::new(out, 1, 512);
        (0..512).for_each(|_| writer.empty_slot());
        writer.finish(1, [].into_iter(), 1, [("web2", 0)].into_iter());
    });
    assert_eq!(again, bytes);
}

/// As go-msgpack writes it, but for the order of the map, which is any.
const STATE: &[u8] = b"\x02\x86\xaaEventLTime\xcd\x01,\xa6Events\x92\xc0\x82\xa6Events\x92\x82\
    \xa4Name\xa1n\xa7Payload\xa1p\x82\xa4Name\xa1m\xa7Payload\xc0\xa5LTime\x07\xa5LTime\x05\
    \xabLeftMembers\x91\xa1b\xaaQueryLTime\xce\x00\x01\x11p\xacStatusLTimes\x82\xa1b\x02\xa1a\x01";

#[test]
fn a_state_with_something_in_it() {
    let state = State::decode(STATE).expect("a state");
    assert_eq!((state.ltime, state.event_ltime, state.query_ltime), (5, 300, 70_000));
    assert_eq!(state.statuses().collect::<Vec<_>>(), [("b", 2), ("a", 1)]);
    assert_eq!(state.left().collect::<Vec<_>>(), ["b"]);
    let more = [STATE, b"more"].concat();
    assert_eq!(State::decode(&more).map(|state| state.rest), Ok(&b"more"[..]));
    let mut events = Vec::new();
    state.each_event(|event| events.push((event.ltime, event.name, event.payload)));
    assert_eq!(events, [(7, "n", &b"p"[..]), (7, "m", b"")]);
    let again = bytes_of(|out| {
        let mut writer = StateWriter::new(out, 300, 2);
        writer.empty_slot();
        writer.slot(7, [("n", &b"p"[..]), ("m", b"")].into_iter());
        writer.finish(5, ["b"].into_iter(), 70_000, [("b", 2), ("a", 1)].into_iter());
    });
    assert_eq!(again, STATE);
}

#[test]
fn what_is_nil_in_a_state_is_empty() {
    let nils = b"\x02\x86\xaaEventLTime\x01\xa6Events\xc0\xa5LTime\x02\xabLeftMembers\xc0\
        \xaaQueryLTime\x03\xacStatusLTimes\xc0";
    let state = State::decode(nils).expect("a state");
    assert_eq!((state.ltime, state.event_ltime, state.query_ltime), (2, 1, 3));
    assert_eq!((state.statuses().count(), state.left().count()), (0, 0));
}

#[test]
fn texts_that_are_no_text_are_left_out_of_a_state() {
    let odd = b"\x02\x84\xa6Events\x91\x82\xa6Events\x92\x82\xa4Name\xa1\xff\xa7Payload\xc0\x82\
        \xa4Name\xa1n\xa7Payload\xc0\xa5LTime\x07\xabLeftMembers\x92\xa1\xff\xa1l\xacStatusLTimes\
        \x82\xa1\xff\x02\xa1a\x01\xa5Extra\x91\xc0";
    let state = State::decode(odd).expect("a state");
    assert_eq!(state.statuses().collect::<Vec<_>>(), [("a", 1)]);
    assert_eq!(state.left().collect::<Vec<_>>(), ["l"]);
    let mut names = Vec::new();
    state.each_event(|event| names.push(event.name));
    assert_eq!(names, ["n"]);
}

#[test]
fn captured_coordinate() {
    let datagram = vector("serf-ack-coordinate");
    let Ok(Message::Ack(ack)) = Message::decode(&datagram) else { panic!("an ack") };
    let coordinate = Coordinate { vec: [0.0; 8], error: 1.5, adjustment: 0.0, height: 1.0e-5 };
    assert_eq!(Coordinate::decode(ack.payload), Ok((coordinate, &b""[..])));
    let more = [ack.payload, b"more"].concat();
    assert_eq!(Coordinate::decode(&more), Ok((coordinate, &b"more"[..])));
    assert_eq!(bytes_of(|out| coordinate.encode(out)), ack.payload);
    // Another version, other spaces.
    assert_eq!(Coordinate::decode(b"\x02\x80"), Err(WireError::BadType));
    assert_eq!(Coordinate::decode(b"\x01\x81\xa3Vec\x91\x01"), Err(WireError::Truncated));
    let nine = b"\x01\x81\xa3Vec\x99\x01\x02\x03\x04\x05\x06\x07\x08\x09";
    assert_eq!(Coordinate::decode(nine), Err(WireError::TooLarge));
    assert_eq!(
        Coordinate::decode(b"\x01\x81\xa3Vec\xdd\xff\xff\xff\xff"),
        Err(WireError::TooLarge)
    );
    // Any number will do.
    let numbers = b"\x01\x82\xa5Error\xca\x3f\xc0\x00\x00\xa3Vec\x98\x01\xfe\xcc\xff\xcd\xff\xff\
        \xd0\x80\xd3\xff\xff\xff\xff\xff\xff\xff\xff\xc0\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00";
    let vec = [1.0, -2.0, 255.0, 65535.0, -128.0, -1.0, 0.0, 0.5];
    let read = Coordinate { vec, error: 1.5, adjustment: 0.0, height: 0.0 };
    assert_eq!(Coordinate::decode(numbers), Ok((read, &b""[..])));
}

#[test]
fn who_holds_a_name_as_go_says_it() {
    let holder = Holder {
        name: "n",
        addr: &[127, 0, 0, 1],
        port: 7946,
        tags: BTreeMap::from([("a", "b")]),
        status: 1,
        versions: [1, 5, 2, 2, 5, 5],
    };
    let go = b"\x06\x8b\xa4Addr\xa4\x7f\x00\x00\x01\xabDelegateCur\x05\xabDelegateMax\x05\
        \xabDelegateMin\x02\xa4Name\xa1n\xa4Port\xcd\x1f\n\xabProtocolCur\x02\xabProtocolMax\x05\
        \xabProtocolMin\x01\xa6Status\x01\xa4Tags\x81\xa1a\xa1b";
    assert_eq!(bytes_of(|out| Holder::encode(Some(&holder), out)), go);
    let untagged = Holder { tags: BTreeMap::new(), ..holder };
    assert_eq!(Holder::decode(go), Ok(Some(untagged)));
    assert_eq!(bytes_of(|out| Holder::encode(None, out)), b"\x06\xc0");
    assert_eq!(Holder::decode(b"\x06\xc0"), Ok(None));
}

#[test]
fn keys_are_asked_for_and_listed_as_go_does() {
    let request = KeyRequest { key: b"0123456789abcdef" };
    let go = b"\x07\x81\xa3Key\xb00123456789abcdef";
    assert_eq!(bytes_of(|out| request.encode(out)), go);
    assert_eq!(KeyRequest::decode(go), Ok(request));
    assert_eq!(bytes_of(|out| KeyRequest { key: b"" }.encode(out)), b"\x07\x81\xa3Key\xa0");
    assert!(!format!("{request:?}").contains("48"), "a key belongs into no log");

    let keys = ["k1".to_owned(), "k2".to_owned()];
    let listed = KeyAnswer { result: false, message: "no", keys: Texts::of(&keys), primary: "k1" };
    let go = b"\x08\x84\xa4Keys\x92\xa2k1\xa2k2\xa7Message\xa2no\xaaPrimaryKey\xa2k1\xa6Result\xc2";
    assert_eq!(bytes_of(|out| listed.encode(out)), go);
    assert_eq!(KeyAnswer::decode(go), Ok(listed));
    assert!(!format!("{listed:?}").contains("k1"));
    let done = KeyAnswer { result: true, ..KeyAnswer::default() };
    let go = b"\x08\x84\xa4Keys\xc0\xa7Message\xa0\xaaPrimaryKey\xa0\xa6Result\xc3";
    assert_eq!(bytes_of(|out| done.encode(out)), go);
    assert_eq!(KeyAnswer::decode(go), Ok(done));
}

/// One of each, and how to read it.
fn samples() -> Vec<Vec<u8>> {
    let coordinate = vector("serf-ack-coordinate");
    let Ok(Message::Ack(ack)) = Message::decode(&coordinate) else { panic!("an ack") };
    let tag = Filter::Tag { tag: "role", expr: "^web" };
    let query = Query { from: "n", addr: &[0; 16], port: 1, ..Query::default() };
    let to = ([127, 0, 0, 1], 7946).into();
    vec![
        user("leave"),
        user("join"),
        user("userEvent"),
        user("query"),
        bytes_of(|out| query.encode(&[tag, tag], out)),
        bytes_of(|out| QueryResponse { from: "n", ..QueryResponse::default() }.encode(out)),
        bytes_of(|out| RelayHeader::encode(to, "n", b"", out)),
        STATE.to_vec(),
        ack.payload.to_vec(),
        bytes_of(|out| Holder::encode(Some(&Holder::default()), out)),
        bytes_of(|out| KeyRequest { key: b"0123456789abcdef" }.encode(out)),
        bytes_of(|out| KeyAnswer::default().encode(out)),
    ]
}

/// Gives the bytes to every decoder; whether one of them could read them.
pub(super) fn read(bytes: &[u8]) -> bool {
    let message = SerfMessage::decode(bytes);
    if let Ok(SerfMessage::Query(query)) = message {
        query.filters.iter().for_each(drop);
        let _ = query.reply_to();
    }
    let state = State::decode(bytes);
    if let Ok(state) = state {
        let (statuses, left) = (state.statuses().count(), state.left().count());
        let mut events = 0;
        state.each_event(|_| events += 1);
        assert!(statuses + left + events <= bytes.len());
    }
    message.is_ok()
        || state.is_ok()
        || Coordinate::decode(bytes).is_ok()
        || Holder::decode(bytes).is_ok()
        || KeyRequest::decode(bytes).is_ok()
        || KeyAnswer::decode(bytes).is_ok()
        || Filter::decode(bytes).is_ok()
}

#[test]
fn every_prefix_of_everything_is_refused() {
    for sample in samples() {
        assert!(read(&sample), "{sample:02x?}");
        for cut in 0..sample.len() {
            assert!(!read(&sample[..cut]), "{cut} bytes of {sample:02x?}");
        }
    }
}

#[test]
fn lengths_that_lie_are_refused() {
    for lie in [
        &b"\x02\x81\xacStatusLTimes\xdf\xff\xff\xff\xff"[..],
        b"\x02\x81\xabLeftMembers\xdd\xff\xff\xff\xff",
        b"\x02\x81\xa6Events\xdd\xff\xff\xff\xff\xc0",
        b"\x02\x81\xa6Events\x91\x81\xa6Events\xdd\xff\xff\xff\xff",
        b"\x04\x81\xa7Filters\xdd\xff\xff\xff\xff",
        b"\x08\x81\xa4Keys\xdd\xff\xff\xff\xff",
        b"\x00\xdd\xff\xff\xff\xff\x01",
        b"\x03\x81\xa7Payload\xdb\xff\xff\xff\xff",
        b"\x09\x81\xa8DestAddr\x81\xa2IP\xa3abc",
    ] {
        assert!(!read(lie), "{lie:02x?}");
    }
    let many = [&b"\x02\x81\xabLeftMembers\xdd\x00\x02\x00\x01"[..], &[0xc0; 0x2_0001]].concat();
    assert_eq!(State::decode(&many).map(drop), Err(WireError::TooLarge));
    assert_eq!(Filter::decode(b""), Err(WireError::Truncated));
    assert_eq!(Filter::decode(b"\x02\x90"), Err(WireError::BadType));
    assert_eq!(SerfMessage::decode(b"\x02\x80"), Err(WireError::BadType), "that is no message");
}

#[test]
fn deep_values_are_refused_without_recursion() {
    let deep = [&b"\x02\x81\xa1x"[..], &[0x91; 1 << 20]].concat();
    assert_eq!(State::decode(&deep).map(drop), Err(WireError::TooDeep));
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,40}"
}

proptest! {
    #[test]
    fn user_events_round_trip(
        (ltime, coalesce) in (any::<u64>(), any::<bool>()),
        name in text(),
        payload in vec(any::<u8>(), 0..600),
    ) {
        let event = UserEvent { ltime, name: &name, payload: &payload, coalesce };
        let bytes = bytes_of(|out| event.encode(out));
        prop_assert_eq!(SerfMessage::decode(&bytes), Ok(SerfMessage::UserEvent(event)));
    }

    #[test]
    fn intents_round_trip((ltime, prune, node) in (any::<u64>(), any::<bool>(), text())) {
        let leave = LeaveIntent { ltime, node: &node, prune };
        let bytes = bytes_of(|out| leave.encode(out));
        prop_assert_eq!(SerfMessage::decode(&bytes), Ok(SerfMessage::Leave(leave)));
        let join = JoinIntent { ltime, node: &node };
        let bytes = bytes_of(|out| join.encode(out));
        prop_assert_eq!(SerfMessage::decode(&bytes), Ok(SerfMessage::Join(join)));
    }

    #[test]
    fn queries_round_trip(
        (ltime, id, port, timeout) in (any::<u64>(), any::<u32>(), any::<u16>(), any::<u64>()),
        (flags, relay_factor) in (any::<u32>(), any::<u8>()),
        (from, name, tag, expr) in (text(), text(), text(), text()),
        nodes in vec(text(), 0..40),
        payload in vec(any::<u8>(), 0..100),
    ) {
        let query = Query {
            ltime, id, addr: &[10, 0, 0, 1], port, from: &from, flags, relay_factor, timeout,
            name: &name, payload: &payload, ..Query::default()
        };
        let filters =
            [Filter::Tag { tag: &tag, expr: &expr }, Filter::Nodes(Texts::of(&nodes))];
        let bytes = bytes_of(|out| query.encode(&filters, out));
        let Ok(SerfMessage::Query(read)) = SerfMessage::decode(&bytes) else {
            panic!("a query");
        };
        prop_assert_eq!(read.filters.iter().collect::<Vec<_>>(), filters.map(Ok));
        prop_assert_eq!(Query { filters: read.filters, ..query }, read);
    }

    #[test]
    fn states_round_trip(
        (ltime, event_ltime, query_ltime) in (any::<u64>(), any::<u64>(), any::<u64>()),
        statuses in btree_map(text(), any::<u64>(), 0..40),
        left in vec(text(), 0..40),
        events in vec((any::<u64>(), vec((text(), vec(any::<u8>(), 0..40)), 0..4)), 0..20),
    ) {
        let bytes = bytes_of(|out| {
            let mut writer = StateWriter::new(out, event_ltime, events.len());
            for (ltime, slot) in &events {
                writer.slot(*ltime, slot.iter().map(|(name, payload)| (&**name, &**payload)));
            }
            let statuses = statuses.iter().map(|(name, ltime)| (&**name, *ltime));
            writer.finish(ltime, left.iter().map(String::as_str), query_ltime, statuses);
        });
        let state = State::decode(&bytes).expect("a state");
        prop_assert_eq!(state.ltime, ltime);
        prop_assert_eq!((state.event_ltime, state.query_ltime), (event_ltime, query_ltime));
        let read: BTreeMap<String, u64> =
            state.statuses().map(|(name, ltime)| (name.to_owned(), ltime)).collect();
        prop_assert_eq!(read, statuses);
        prop_assert!(state.left().eq(left.iter().map(String::as_str)));
        let mut read = Vec::new();
        state.each_event(|e| read.push((e.ltime, e.name.to_owned(), e.payload.to_vec())));
        let flat: Vec<_> = events
            .into_iter()
            .flat_map(|(ltime, slot)| slot.into_iter().map(move |(n, p)| (ltime, n, p)))
            .collect();
        prop_assert_eq!(read, flat);
    }

    #[test]
    fn coordinates_round_trip(
        numbers in vec(any::<f64>().prop_filter("a number", |n| !n.is_nan()), 11),
    ) {
        let mut vec = [0.0; 8];
        vec.copy_from_slice(&numbers[..8]);
        let (error, adjustment, height) = (numbers[8], numbers[9], numbers[10]);
        let there = Coordinate { vec, error, adjustment, height };
        let bytes = bytes_of(|out| there.encode(out));
        prop_assert_eq!(Coordinate::decode(&bytes), Ok((there, &b""[..])));
    }

    #[test]
    fn noise_is_survived(mut bytes in vec(any::<u8>(), 1..200)) {
        bytes[0] %= 11;
        read(&bytes);
    }

    #[test]
    fn bent_samples_are_survived(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        (byte, extra) in (any::<u8>(), vec(any::<u8>(), 0..6)),
    ) {
        let samples = samples();
        let mut bytes = which.get(&samples).clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.splice(at..at, extra);
        read(&bytes);
    }
}
