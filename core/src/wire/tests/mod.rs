//! Tests of the module as a whole: captured bytes, round trips, and bytes of ill will.

mod crypt;
mod hostile;
mod packets;
mod round_trip;
mod serf;
mod streams;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;

/// `[PMin, PMax, PCur, DMin, DMax, DCur]` of serf 0.9.4.
const SERF: Vsn = Vsn::new([1, 5, 2, 2, 5, 5]);

fn vectors_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/memberlist")
}

/// The bytes of a captured vector.
fn vector(name: &str) -> Vec<u8> {
    let path = vectors_dir().join(format!("{name}.hex"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let digits: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex digits"))
        .collect()
}

/// The names of all vectors, in order.
fn vector_names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(vectors_dir())
        .expect("the folder of vectors")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "hex"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Opens a datagram in clear.
fn open(
    datagram: &[u8],
    label: &str,
    scratch: &mut Scratch,
    sink: impl FnMut(Message<'_>),
) -> Opened {
    open_with(datagram, &Security::labelled(label), scratch, sink)
}

/// Opens a datagram as a node with this security does.
fn open_with(
    datagram: &[u8],
    security: &Security,
    scratch: &mut Scratch,
    sink: impl FnMut(Message<'_>),
) -> Opened {
    match unseal(datagram, security, &mut Vec::new()) {
        Ok(message) => super::open(message, scratch, sink),
        Err(error) => Opened::refused(error),
    }
}

/// A reader of a stream in clear: of an accepted one with a label, of an answer without.
fn reader(limits: StreamLimits, label: Option<&str>) -> StreamReader {
    let side = if label.is_some() { Side::Accepting } else { Side::Dialling };
    StreamReader::new(limits, side, Arc::new(Security::labelled(label.unwrap_or_default())))
}

/// Opens a datagram, and checks its messages in order.
fn checked(datagram: &[u8], label: &str, expected: &[Message<'_>]) -> Opened {
    let mut expected = expected.iter();
    let opened = open(datagram, label, &mut Scratch::new(), |message| {
        assert_eq!(Some(&message), expected.next());
    });
    assert_eq!(expected.next(), None, "fewer messages than expected");
    opened
}

/// Opens a datagram that holds exactly these messages.
fn assert_opens(datagram: &[u8], label: &str, expected: &[Message<'_>]) {
    let opened = checked(datagram, label, expected);
    assert_eq!(opened, Opened { messages: expected.len(), ..Opened::default() });
}

fn encoded(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out);
    out
}

/// A small seeded generator (SplitMix64): the same inputs on every run.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

#[test]
fn counters_can_be_indexed_by_reason() {
    for (index, error) in WireError::ALL.iter().enumerate() {
        assert_eq!(*error as usize, index);
        assert_eq!(error.to_string(), error.as_str());
    }
}
