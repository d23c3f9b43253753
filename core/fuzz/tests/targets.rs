//! Every target on the captured messages, and on so many spoilt ones: the same ones every time.
//! `make fuzz` searches instead.

use chinwag_fuzz::{TARGETS, corpus};

/// Spoilt inputs of each target.
const SPOILT: u64 = 4_000;

fn play(name: &str) {
    let (_, target) = TARGETS.iter().find(|(other, _)| *other == name).expect("a target");
    let seeds = corpus::seeds(name);
    assert!(seeds.len() >= 4, "{name} begins with {} inputs", seeds.len());
    for seed in &seeds {
        target(seed);
    }
    for number in 0..SPOILT {
        let input = corpus::spoilt(&seeds, number);
        let played = std::panic::catch_unwind(|| target(&input));
        assert!(played.is_ok(), "{name}: spoilt input {number}: {input:02x?}");
    }
}

#[test]
fn datagrams() {
    play("datagram");
}

#[test]
fn datagrams_under_a_key() {
    play("sealed");
}

#[test]
fn streams() {
    play("stream");
}

#[test]
fn compressed_bytes() {
    play("lzw");
}

#[test]
fn messages() {
    play("message");
}

#[test]
fn messages_of_serf() {
    play("serf");
}

#[test]
fn snapshots() {
    play("snapshot");
}

#[test]
fn clocks() {
    play("clock");
}

#[test]
fn rings() {
    play("ring");
}

#[test]
fn conversations() {
    play("mesh");
}

#[test]
fn payloads() {
    play("payload");
}

/// Members that never answer fail, and are forgotten in the end, whatever a stranger sends.
#[test]
fn minutes_of_silence_under_a_key() {
    // Nothing in clear from a stranger, thirty seconds later each time.
    let silence = [0x1c, 0, 0].repeat(12);
    chinwag_fuzz::sealed(&[&[0], &silence[..]].concat());
}

/// The checks can fail: what a target must notice is shown to it.
#[test]
#[should_panic(expected = "pieces of 1 differ")]
fn a_difference_between_pieces_and_the_whole_is_found() {
    chinwag_fuzz::must_agree(1, Ok(None), Err(chinwag::wire::WireError::BadType));
}
