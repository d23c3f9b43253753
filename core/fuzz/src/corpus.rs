//! What the search begins with: the captured messages, in the form that each target takes.

#[path = "../../tests/flood/inputs.rs"]
mod inputs;

use chinwag::ring::{Builder, Profile, Ring, RingNode};
use chinwag::snapshot::Snapshot;
use chinwag::wire::{StateDelta, StateDeltas, StateEntry, StateMark, StateMarks};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

/// The first inputs of a target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut vectors = inputs::vectors();
    match target {
        "message" => {
            vectors.extend(states());
            vectors
        }
        "datagram" => {
            vectors.extend(states().into_iter().map(|payload| [&[8], &payload[..]].concat()));
            happenings(&vectors, None)
        }
        "sealed" => {
            let modes = [0, 1, 3, 5];
            modes.into_iter().flat_map(|mode| happenings(&vectors, Some(mode))).collect()
        }
        "stream" => {
            let modes = [0, 1, 2, 4, 6, 0xf8];
            let with = |mode: u8| vectors.iter().map(move |bytes| [&[mode], &**bytes].concat());
            modes.into_iter().flat_map(with).collect()
        }
        // What is compressed, encrypted or hidden in a message begins somewhere in it.
        "lzw" | "serf" => {
            let inner = |bytes: &Vec<u8>| {
                let starts = (0..bytes.len().min(48)).step_by(if target == "lzw" { 3 } else { 1 });
                starts.map(|start| bytes[start..].to_vec()).collect::<Vec<_>>()
            };
            vectors.iter().flat_map(inner).collect()
        }
        "snapshot" => snapshots(),
        "clock" => clocks(),
        "ring" => rings(),
        "payload" => payloads(),
        "mesh" => conversations(),
        _ => vectors,
    }
}

/// What members say of their keys.
fn states() -> [Vec<u8>; 3] {
    let mark = StateMark { owner: "n1", epoch: 7, version: 300 };
    let (mut deltas, mut want, mut digest) = (Vec::new(), Vec::new(), Vec::new());
    StateDeltas::begin(&mut deltas);
    for (full, from) in [(false, 300), (true, 0)] {
        let delta = StateDelta { owner: "n1", epoch: 7, full, from, to: 310, ..Default::default() };
        let put = StateEntry { version: 305, key: "u:k", value: Some(b"value") };
        let deleted = StateEntry { version: 310, key: "u:gone", value: None };
        delta.encode([put, deleted].into_iter(), &mut deltas);
    }
    StateMarks::want("n0", [mark], &mut want);
    StateMarks::digest("n0", [mark, StateMark { owner: "n2", ..mark }], &mut digest);
    [deltas, want, digest]
}

/// Each message as a datagram of a member and of a stranger, and as a connection, a while later.
fn happenings(vectors: &[Vec<u8>], mode: Option<u8>) -> Vec<Vec<u8>> {
    let heads = [0x09, 0x08, 0x96];
    let one = |head: u8, bytes: &[u8]| {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes();
        [&[head], &length[..], bytes].concat()
    };
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for (number, bytes) in vectors.iter().enumerate() {
        for head in heads {
            let next = vectors.get(number + 1).map_or(&[][..], |bytes| bytes);
            let two = [one(head, bytes), one(head ^ 0x15, next)].concat();
            seeds.push(mode.into_iter().chain(two).collect());
        }
    }
    seeds
}

fn snapshots() -> Vec<Vec<u8>> {
    let member = |number: u8| (([10, 0, 0, number], 7946).into(), format!("web\\{number}\n"));
    let full = Snapshot {
        cluster: "prod".to_owned(),
        incarnation: 91_234_567,
        clocks: [12, 3, 9],
        left: true,
        members: (1..5).map(member).collect(),
    };
    let texts = [full.write(), Snapshot::default().write()];
    let bodies = texts.iter().filter_map(|text| Some(text.split_once("end ")?.0.to_owned()));
    bodies.chain(texts.iter().cloned()).map(String::into_bytes).collect()
}

/// The bytes of clocks in each form, and their texts.
fn clocks() -> Vec<Vec<u8>> {
    let lines = include_str!("../../../tests/vectors/clocks/forms.txt").lines();
    let good = lines.filter(|line| line.starts_with("read ") && line.ends_with(" => ok"));
    let bytes = |line: &str| unhex(line.split(' ').nth(2).unwrap_or_default());
    let texts = [
        r#"{"web-1":2,"web-2":"9007199254740993"}"#,
        r#"{"a":{"count":2,"insert":5,"time":7}}"#,
        r#"{"clock":{"a":0,"b":1},"epoch":3}"#,
        r#"{"a":{"count":3,"values":["dGVh","bWlsaw=="]},"b":1}"#,
        r#"[["web-1~1",7],["web-2~1","9007199254740993"]]"#,
        "001795316449123.00042",
    ];
    let texts = texts.into_iter().map(|text| text.as_bytes().to_vec());
    good.step_by(3).map(bytes).chain(texts).chain([vec![1, 0, 0x80, 2]]).collect()
}

/// Payloads of every kind and in every form, those that are refused, and texts of JSON.
/// What is said on connections for messages: greetings, and frames behind an introduction.
fn conversations() -> Vec<Vec<u8>> {
    let frame = |kind: u8, flags: u8, id: u8, body: &[u8]| {
        let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(&[kind, flags, 1, 0, id, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(body);
        bytes
    };
    // No budget, the lengths of "s", "op", no key and no headers, and a payload.
    let head = [&[0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0][..], b"sop"].concat();
    let call = frame(16, 0, 7, &[&head[..], &[0xc0]].concat());
    let cast = frame(17, 0, 0, &[&head[..], &[0xc0]].concat());
    let begun = frame(16, 1, 8, &[&[5, 0, 0, 0][..], &head, b"ab"].concat());
    let keyed = [&[0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0][..], b"sopk"].concat();
    let rest = frame(21, 0, 8, b"cde");
    // An operation of one letter, which the node that is spoken to answers.
    let odd = [&[0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0][..], b"so"].concat();
    let streams = [frame(16, 16, 9, &head), frame(16, 16, 10, &odd)];
    let items = [frame(23, 0, 9, b"item"), frame(23, 1, 9, &[9, 0, 0, 0, 1]), frame(24, 0, 9, b"")];
    let more = frame(21, 0, 9, b"and more");
    let against = [frame(25, 2, 9, &[0, 0, 4, 0]), frame(26, 2, 9, b"")];
    let said: [&[u8]; 11] = [
        &call,
        &cast,
        &[&begun[..], &rest].concat(),
        &frame(16, 4, 9, &keyed),
        &[&call[..], &frame(20, 0, 7, b"")].concat(),
        &frame(4, 0, 0, b""),
        &[&frame(7, 0, 0, b"")[..], &frame(6, 0, 0, b"")].concat(),
        &frame(18, 0, 1, b"reply"),
        &[&streams[0][..], &items[0], &items[1], &more, &items[2]].concat(),
        &[&streams[0][..], &against[0], &against[0], &items[0], &against[1]].concat(),
        &[&streams.concat()[..], &frame(23, 2, 9, b"not its own"), &frame(20, 0, 9, b"")].concat(),
    ];
    let mut all: Vec<Vec<u8>> = Vec::new();
    for stage in [1, 5, 253] {
        all.extend(said.iter().map(|said| [&[stage], *said].concat()));
    }
    all.push(b"\x00\xcbcwm\x01\x00".to_vec());
    all.push([&b"\x00\xcbcwm\x01\x01"[..], &[0; 52]].concat());
    all.push([&[3], said[0]].concat());
    all
}

fn payloads() -> Vec<Vec<u8>> {
    let files = [
        include_str!("../../../tests/vectors/payloads/payloads.txt"),
        include_str!("../../../tests/vectors/payloads/forms.txt"),
        include_str!("../../../tests/vectors/payloads/refused.txt"),
    ];
    let second = |line: &str| Some(unhex(line.split(" | ").nth(1)?));
    let bytes = files.into_iter().flat_map(str::lines).filter_map(second);
    let texts = [r#"{"a":[1,-2.5e-7,null,true],"b":{"é\u0000":"x"}}"#, "[18446744073709551615]"];
    bytes.chain(texts.into_iter().map(|text| text.as_bytes().to_vec())).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).filter_map(byte).collect()
}

/// The bytes and the JSON of small rings, and pairs of them as the target takes them apart.
fn rings() -> Vec<Vec<u8>> {
    let slots = |slots, slack| Profile::Slots { slots, slack };
    let profiles = [
        slots(64, Some(50)),
        slots(64, None),
        slots(7, Some(0)),
        Profile::Ketama,
        Profile::Clusterluck,
    ];
    let overrides = |builder: Builder| {
        builder.exclude("b").pin("vip", "a").pin([0xff], "c").pin_prefix("user:", "c").replicas(5)
    };
    let with = |profile| {
        let nodes = [RingNode::new("a").weight(3), RingNode::new("b").zone("x"), "c".into()];
        let plain = Ring::builder().profile(profile).nodes(nodes);
        let empty = Ring::builder().profile(profile).hash_tags(true).exclude("a");
        [plain.clone(), overrides(plain), empty]
    };
    let builders: Vec<Builder> = profiles.into_iter().flat_map(with).collect();
    let bytes: Vec<Vec<u8>> = builders.iter().map(Builder::to_bytes).collect();
    let pair = |pair: &[Vec<u8>]| [&[pair[0].len() as u8], &pair[0][..], &pair[1]].concat();
    let texts = builders.into_iter().filter_map(|builder| Some(builder.build().ok()?.to_json()));
    let texts = texts.map(String::into_bytes);
    let largest = Ring::builder().profile(slots(1 << 20, Some(50))).replicas(16);
    let largest = largest.nodes((0..300).map(|n| n.to_string())).to_bytes();
    let pairs = bytes.windows(2).map(pair);
    bytes.iter().cloned().chain(pairs).chain(texts).chain([largest]).collect()
}

/// A bad input made of one of these, as in the floods of the other tests; the same for a number.
pub fn spoilt(seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    inputs::spoil(seeds, &mut Xoshiro256PlusPlus::seed_from_u64(number))
}
