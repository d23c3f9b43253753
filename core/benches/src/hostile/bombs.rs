//! Datagrams of 25 kB that unfold to as much as can be, and what it costs to open them.

use std::hint::black_box;
use std::io;

use chinwag::wire::compress::Deflater;
use chinwag::wire::{Message, Ping, Scratch, Suspect, open};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::sender::{BESIDE, BESIDE_NAME, NAME};
use crate::counters::{forget_peak, peak_rss_kib, rss_kib};

/// The size of a bomb.
const SIZE: usize = 25_000;
/// How often the time is taken.
const REPEATS: usize = 200;
/// What a datagram of ours may unfold to: more of it is refused once so much has been made.
const UNFOLDED: usize = 64 * 1024;

const PING: u8 = 0;
const ALIVE: u8 = 4;
const COMPOUND: u8 = 7;
const COMPRESS: u8 = 9;

/// What makes a bomb.
type Make = fn() -> Vec<u8>;

/// All of them by name.
pub(super) const BOMBS: &[(&str, Make)] = &[
    ("32 MiB of zeros", zeros),
    ("messages to the limit", to_the_limit),
    ("accusations to the limit", accusations),
    ("pings of a member to the limit", pings),
    ("four compressed parts", four_parts),
    ("table cleared by every code", clears),
    ("compressed within compressed", matryoshka),
    ("6,000 compounds deep", deep_compounds),
    ("25,000 arrays deep", deep_arrays),
];

/// What a bomb cost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Cost {
    /// Of the thread that opened it, the most of all times.
    pub(super) most_us: f64,
    /// Above what the process held before it opened the first.
    pub(super) peak_kib: u64,
}

/// Measures one of them in this process, which does nothing else.
pub(super) fn measure(number: usize) -> io::Result<Cost> {
    let (_, make) = BOMBS.get(number).ok_or_else(|| io::Error::other("no such bomb"))?;
    let bomb = make();
    // The code and the tables are there before, as in a node that has run for a while.
    time(&compress(&deflated(&[ALIVE; 2_000])));
    let held = rss_kib(std::process::id())?;
    forget_peak(std::process::id())?;
    time(&bomb);
    let peak_kib = peak_rss_kib("self")?.saturating_sub(held);
    let most_us = (0..REPEATS).map(|_| time(&bomb)).fold(0.0, f64::max);
    Ok(Cost { most_us, peak_kib })
}

/// Microseconds of CPU that it took to open.
fn time(packet: &[u8]) -> f64 {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
    };
    let began = now();
    let opened = open(packet, &mut Scratch::new(), |message| {
        black_box(message);
    });
    let _ = black_box(opened);
    now() - began
}

fn deflated(plain: &[u8]) -> Vec<u8> {
    Deflater::default().deflate(plain).to_vec()
}

/// A compress message around bytes of LZW.
fn compress(packed: &[u8]) -> Vec<u8> {
    let mut out = vec![COMPRESS];
    out.extend(b"\x82\xa4Algo\x00\xa3Buf\xdb");
    out.extend(length(packed.len()).to_be_bytes());
    out.extend(packed);
    out
}

fn length(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

fn compound(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![COMPOUND, u8::try_from(parts.len()).unwrap_or(u8::MAX)];
    for part in parts {
        out.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
    }
    out.extend(parts.concat());
    out
}

/// What a kilobyte of it is packed to grows with the root of what there is.
fn zeros() -> Vec<u8> {
    compress(&deflated(&vec![0; 32 << 20]))
}

/// As much as is let through, and all of it messages: each asks for its decoding.
fn to_the_limit() -> Vec<u8> {
    let empty = |size: usize| compound(&vec![vec![PING, 0x80]; size]);
    let mut parts = Vec::new();
    while compound(&parts).len() < UNFOLDED - 1_100 && parts.len() < 255 {
        parts.push(empty(255));
    }
    let mut bytes = compound(&parts);
    bytes.resize(UNFOLDED, 0);
    pad(compress(&deflated(&bytes)))
}

/// The same, each of them about the node, and each to be judged.
fn accusations() -> Vec<u8> {
    filled(|incarnation| Message::Suspect(Suspect { incarnation, node: NAME, from: "x" }))
}

/// Each in the name of the member beside the node, as anybody can send it who has no key.
fn pings() -> Vec<u8> {
    const OWN: [u8; 4] = BESIDE.ip().octets();
    filled(|seq| {
        let (source_node, source_port) = (BESIDE_NAME, BESIDE.port());
        Message::Ping(Ping { seq, node: "", source_addr: &OWN, source_port, source_node })
    })
}

fn filled(make: impl Fn(u32) -> Message<'static>) -> Vec<u8> {
    let one = |number: u32| {
        let mut out = Vec::new();
        make(number).encode(&mut out);
        out
    };
    let (mut parts, mut number) = (Vec::new(), 0..);
    while compound(&parts).len() < UNFOLDED - 6_000 {
        parts.push(compound(&number.by_ref().take(64).map(one).collect::<Vec<_>>()));
    }
    pad(compress(&deflated(&compound(&parts))))
}

fn four_parts() -> Vec<u8> {
    let part = compress(&deflated(&vec![0; UNFOLDED / 4]));
    let parts = SIZE / (part.len() + 2);
    pad(compound(&vec![part; parts]))
}

fn clears() -> Vec<u8> {
    // 256 clears the table, in nine bits each.
    let (mut packed, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    while packed.len() < SIZE - 32 {
        held |= 256 << bits;
        bits += 9;
        while bits >= 8 {
            packed.push(held.to_le_bytes()[0]);
            held >>= 8;
            bits -= 8;
        }
    }
    compress(&packed)
}

/// What each layer unfolds to takes from the room of the next.
fn matryoshka() -> Vec<u8> {
    let inner = (0..20).fold(vec![0; UNFOLDED / 2], |inner, _| compress(&deflated(&inner)));
    pad(inner)
}

fn deep_compounds() -> Vec<u8> {
    let levels = SIZE / 4;
    let head = |level: usize| {
        let inner = u16::try_from(4 * (levels - level - 1)).unwrap_or(u16::MAX).to_be_bytes();
        [COMPOUND, 1, inner[0], inner[1]]
    };
    (0..levels).flat_map(head).collect()
}

fn deep_arrays() -> Vec<u8> {
    let mut out = b"\x00\x81\xa5SeqNo".to_vec();
    out.resize(SIZE, 0x91);
    out
}

/// What follows the end of a message is passed over.
fn pad(mut bomb: Vec<u8>) -> Vec<u8> {
    bomb.resize(bomb.len().max(SIZE), 0);
    bomb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_fit_a_datagram_and_unfold() {
        let unfolded: Vec<usize> = BOMBS
            .iter()
            .map(|(name, make)| {
                let bomb = make();
                assert!((SIZE - 64..30_000).contains(&bomb.len()), "{name}: {}", bomb.len());
                let mut scratch = Scratch::new();
                let opened = open(&bomb, &mut scratch, |_| {});
                scratch.capacity().max(opened.messages + opened.dropped)
            })
            .collect();
        // The other ones are refused before they are what they would be.
        let half = UNFOLDED / 2;
        let least = [0, half, half, half, UNFOLDED / 4, 0, 0, 0, 0];
        let enough = unfolded.iter().zip(least).all(|(unfolded, least)| *unfolded >= least);
        assert!(enough, "{unfolded:?}");
    }
}
