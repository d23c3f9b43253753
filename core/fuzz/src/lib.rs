//! What is fuzzed: every decoder of bytes from outside, and nodes behind them.
//!
//! Each target is a function of bytes that panics when something is wrong; the programs in
//! `targets/` hand them to libFuzzer (`make fuzz`), and a test plays the captured messages and a
//! fixed number of spoilt ones. A target checks more than that nothing panics: what is decoded must
//! encode to something that decodes to the same, pieces must give what the whole gives, and a node
//! must stay in its bounds (`node.rs`).

pub mod corpus;
mod node;
mod ring;

use std::sync::Arc;

use chinwag::clock::{ActorTable, Folded, HybridTime, Retired, Siblings, VectorClock};
use chinwag::payload::{self, Value};
use chinwag::snapshot::Snapshot;
use chinwag::wire::compress::{Deflater, Inflater};
use chinwag::wire::serf::{
    Coordinate, Filter, Holder, KeyAnswer, KeyRequest, Query, SerfMessage, State,
};
use chinwag::wire::{
    Compression, Envelope, HandoffMessage, Message, Nonces, PacketBuilder, Security, Side,
    StateDeltas, StateMessage, StreamLimits, StreamMessage, StreamReader, TagPairs, WireError,
    cover_stream, decode_tags,
};

use node::{Peer, Subject};
pub use ring::ring;

/// A function that panics when something is wrong with what it is given.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("datagram", datagram),
    ("sealed", sealed),
    ("stream", stream),
    ("lzw", lzw),
    ("message", message),
    ("serf", serf),
    ("snapshot", snapshot),
    ("clock", clock),
    ("ring", ring),
    ("payload", payload),
    ("mesh", mesh),
];

/// What may be inflated from a datagram, and the bound of the target for streams.
const INFLATED_MAX: usize = 64 * 1024;

/// Datagrams in clear, and connections, to a node that knows a few members. Each part of the input
/// is one happening; see [`node::Subject::play`].
pub fn datagram(data: &[u8]) {
    let mut subject = Subject::new(&Security::default(), false);
    subject.play(data);
    subject.must_live();
}

/// As [`datagram`], under a key. A first byte that is even: from somebody without it. Otherwise
/// each datagram is encrypted first, and now and then said to be of the version with pads.
pub fn sealed(data: &[u8]) {
    let security = node::keyed();
    let mut subject = Subject::new(&security, false);
    let Some((mode, data)) = data.split_first() else { return };
    if mode & 1 == 0 {
        let before = subject.known();
        subject.play(data);
        let known = subject.known();
        let unchanged = match subject.may_forget() {
            true => known.iter().all(|member| before.contains(member)),
            false => known == before,
        };
        assert!(unchanged, "a stranger without the key made {known:?} of {before:?}");
    } else {
        let mut nonces = Nonces::new([7; 12]);
        subject.play_with(data, |kind, plain| {
            let (mut out, cover) = (Vec::new(), security.cover(&mut nonces));
            match kind {
                node::Way::Datagram => {
                    let builder = PacketBuilder::default();
                    builder.single(cover, mode & 2 > 0, plain, Compression::Off, &mut out);
                }
                node::Way::Stream => cover_stream(cover, Side::Dialling, plain, &mut out),
            }
            // The version is not authenticated: in front of the envelope.
            if mode & 4 > 0 {
                let place = if kind == node::Way::Stream { 5 } else { 0 };
                out[place] = 0;
            }
            out
        });
    }
    subject.must_live();
}

/// One direction of a connection: whole, and in pieces, with the same outcome.
pub fn stream(data: &[u8]) {
    let Some((mode, bytes)) = data.split_first() else { return };
    let side = if mode & 1 == 0 { Side::Accepting } else { Side::Dialling };
    let security = Arc::new(match mode >> 1 & 3 {
        0 | 1 => Security::default(),
        2 => Security::labelled("blue"),
        _ => node::keyed(),
    });
    let limits = StreamLimits { inflated: 16 * INFLATED_MAX, ..StreamLimits::default() };
    let reader = || StreamReader::new(limits, side, Arc::clone(&security));
    let whole = reader().push(bytes);
    let mut pieces = reader();
    let size = usize::from(mode >> 3) + 1;
    for piece in bytes.chunks(size) {
        let outcome = pieces.push(piece);
        assert!(pieces.capacity() <= 4 * bytes.len() + 16 * INFLATED_MAX, "it holds more");
        if !matches!(outcome, Ok(None)) {
            // A message that is whole early may be followed by what nobody reads.
            return must_agree(size, outcome, whole);
        }
    }
    assert!(bytes.is_empty() || matches!(whole, Ok(None)), "pieces of {size} came to nothing");
}

/// Pieces of that size came to the same as the whole.
pub fn must_agree(size: usize, pieces: Outcome, whole: Outcome) {
    assert_eq!(pieces, whole, "pieces of {size} differ from the whole");
}

/// What a piece of a connection comes to.
type Outcome = Result<Option<StreamMessage>, WireError>;

/// What is compressed: within its bound, and the same again once it was compressed by us.
pub fn lzw(data: &[u8]) {
    let mut inflater = Inflater::default();
    if let Ok(plain) = inflater.inflate(data, INFLATED_MAX) {
        assert!(plain.len() <= INFLATED_MAX && plain.capacity() <= 2 * INFLATED_MAX);
        let mut deflater = Deflater::default();
        let packed = deflater.deflate(&plain);
        assert_eq!(inflater.inflate(packed, INFLATED_MAX).as_deref(), Ok(&*plain));
    }
    let mut deflater = Deflater::default();
    let packed = deflater.deflate(data);
    assert_eq!(inflater.inflate(packed, data.len()).as_deref(), Ok(data));
}

/// What a peer may say on a connection for messages: before and after both have greeted.
pub fn mesh(data: &[u8]) {
    chinwag::sim::speak(data);
}

/// memberlist's messages, our envelope and the metadata.
pub fn message(data: &[u8]) {
    if let Ok(message) = Message::decode(data) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        assert_eq!(Message::decode(&bytes), Ok(message), "it is another one when it was sent on");
    }
    if Envelope::is_one(data)
        && let Ok(envelope) = Envelope::decode(data)
    {
        let mut bytes = Vec::new();
        envelope.encode(&mut bytes);
        assert_eq!(Envelope::decode(&bytes), Ok(envelope));
    }
    if let Ok(handoff) = HandoffMessage::decode(data) {
        assert!(handoff.slots.len() <= data.len(), "a count that lies is believed");
        let mut bytes = Vec::new();
        handoff.encode(&mut bytes);
        assert_eq!(HandoffMessage::decode(&bytes), Ok(handoff));
    }
    if let Ok(message) = StateMessage::decode(data) {
        state(&message, data);
    }
    if let Some(tags) = decode_tags(data) {
        assert_eq!(decode_tags(&chinwag::wire::encode_tags(&tags)), Some(tags));
    }
    let _ = TagPairs::decode(data);
}

/// Keys of members: there is as much as was counted, and it is the same when it is told again.
fn state(message: &StateMessage<'_>, data: &[u8]) {
    match message {
        StateMessage::Deltas(deltas) => {
            let mut bytes = Vec::new();
            StateDeltas::begin(&mut bytes);
            for delta in deltas.iter() {
                let entries: Vec<_> = delta.entries().collect();
                assert!(entries.len() <= data.len(), "a count that lies is believed");
                delta.encode(entries.into_iter(), &mut bytes);
            }
            let Ok(StateMessage::Deltas(again)) = StateMessage::decode(&bytes) else {
                panic!("it is another one when it was sent on")
            };
            assert_eq!(again.iter().count(), deltas.iter().count());
        }
        StateMessage::Want(marks) | StateMessage::Digest(marks) => {
            assert!(marks.iter().count() <= data.len(), "a count that lies is believed");
        }
    }
}

/// serf's messages: to every decoder, and then to a node that speaks serf.
pub fn serf(data: &[u8]) {
    serf_decoders(data);
    let mut subject = Subject::new(&Security::default(), true);
    let mut bytes = Vec::new();
    Message::User(data).encode(&mut bytes);
    subject.datagram(Peer::Member(1), &bytes);
    subject.datagram(Peer::Stranger, &bytes);
    subject.exchange_with(data);
    subject.wait(1);
    subject.must_live();
}

fn serf_decoders(data: &[u8]) {
    if let Ok(SerfMessage::Query(query)) = SerfMessage::decode(data) {
        visit(&query);
    }
    if let Ok(state) = State::decode(data) {
        let statuses = state.statuses().count() + state.left().count();
        assert!(statuses <= data.len(), "a count that lies is believed");
        let mut events = 0;
        state.each_event(|_| events += 1);
        assert!(events <= data.len(), "a count that lies is believed");
    }
    if let Ok((coordinate, _)) = Coordinate::decode(data) {
        let mut bytes = Vec::new();
        coordinate.encode(&mut bytes);
        assert!(Coordinate::decode(&bytes).is_ok());
    }
    let _ = (Holder::decode(data), KeyRequest::decode(data), Filter::decode(data));
    if let Ok(answer) = KeyAnswer::decode(data) {
        let mut bytes = Vec::new();
        answer.encode(&mut bytes);
        assert!(KeyAnswer::decode(&bytes).is_ok());
    }
}

fn visit(query: &Query<'_>) {
    let _ = query.reply_to();
    for filter in query.filters.iter().take(1024) {
        let Ok(Filter::Nodes(names)) = filter else { continue };
        let _ = names.contains("n0");
    }
}

/// The file in which a node remembers its cluster.
pub fn snapshot(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(snapshot) = Snapshot::read(text) {
        assert_eq!(Snapshot::read(&snapshot.write()), Ok(snapshot));
    }
    // As most inputs have no valid last line, they get one.
    if let Ok(snapshot) = Snapshot::read(&Snapshot::ended(text)) {
        assert_eq!(Snapshot::read(&snapshot.write()), Ok(snapshot));
    }
}

/// Clocks in every form: what is read is the one form of what it is.
pub fn clock(data: &[u8]) {
    let mut read = 0;
    let mut one_form = |again: Vec<u8>| {
        assert_eq!(again, data, "two forms of one value");
        read += 1;
    };
    if let Ok(clock) = VectorClock::from_bytes(data) {
        assert!(clock.len() <= data.len(), "a count that lies is believed");
        assert!(clock.descends(&clock) && !clock.dominates(&clock));
        one_form(clock.to_bytes());
    }
    if let Ok(folded) = Folded::from_bytes(data) {
        one_form(folded.to_bytes());
    }
    if let Ok(record) = Siblings::from_bytes(data) {
        assert!(record.len() <= data.len(), "a count that lies is believed");
        one_form(record.to_bytes());
    }
    if let Ok(log) = Retired::from_bytes(data) {
        assert!(log.epoch() <= data.len() as u64, "a count that lies is believed");
        one_form(log.to_bytes());
    }
    assert!(read <= 1, "the forms of two kinds are told apart");
    dense_clock(data);
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(clock) = VectorClock::from_json(text) {
            let again = VectorClock::from_json(&clock.to_json()).map(|clock| clock.to_bytes());
            assert_eq!(again, Ok(clock.to_bytes()));
        }
        if let Ok(folded) = Folded::from_json(text) {
            assert_eq!(Folded::from_json(&folded.to_json()), Ok(folded));
        }
        if let Ok(record) = Siblings::from_json(text) {
            assert_eq!(Siblings::from_json(&record.to_json()).as_ref(), Ok(&record));
            assert_eq!(Siblings::from_bytes(&record.to_bytes()), Ok(record));
        }
        if let Ok(log) = Retired::from_json(text) {
            assert_eq!(Retired::from_json(&log.to_json()).as_ref(), Ok(&log));
            assert_eq!(Retired::from_bytes(&log.to_bytes()), Ok(log));
        }
        if let Ok(time) = text.parse::<HybridTime>() {
            assert_eq!(time.to_string(), text);
        }
    }
}

/// As the dense form of a table, whose fingerprint no search would find.
fn dense_clock(data: &[u8]) {
    let table = ActorTable::new(["a", "b", "web-1"]).expect("three names");
    let bytes = [&[0x51], &table.fingerprint().to_be_bytes()[..], data].concat();
    if let Ok(clock) = VectorClock::from_dense(&table, &bytes) {
        assert_eq!(clock.to_dense(&table), Ok(bytes));
    }
}

/// Payloads: what is read has one form, which is read as the same; and through JSON and back.
pub fn payload(data: &[u8]) {
    let value = Value::decode(data);
    assert_eq!(value.as_ref().err(), payload::check(data).as_ref().err(), "two verdicts");
    if let Ok(value) = value {
        let bytes = value.encode().expect("what was read can be written");
        let again = Value::decode(&bytes).expect("what was written can be read");
        // NaN differs from itself, but not in its bytes.
        assert_eq!(again.encode(), Ok(bytes), "two forms of one value");
    }
    if let Ok(text) = payload::json::from_msgpack(data) {
        let bytes = payload::json::to_msgpack(&text).expect("our own JSON");
        assert_eq!(payload::json::from_msgpack(&bytes), Ok(text));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(bytes) = payload::json::to_msgpack(text) {
        assert_eq!(Value::decode(&bytes).and_then(|value| value.encode()), Ok(bytes));
    }
}
