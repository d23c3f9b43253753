//! A flood of bad input on real sockets: random bytes, mutated and truncated vectors, lying
//! lengths. The node stays up, its memory stays bounded, it counts, and its members stay.

#![cfg(feature = "runtime")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the attacker has sockets and threads of its own"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use chinwag::{MemberState, Node};
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};

const DATAGRAMS: usize = 100_000;
const STREAMS: usize = 10_000;
/// What the flood may cost, names that it invents included.
const GROWTH_MAX_KIB: usize = 96 * 1024;

async fn start(name: &str, seeds: Vec<String>) -> Node {
    let options = [("profile", "local"), ("tcp_timeout", "500ms"), ("require_join", "true")];
    let builder = Node::builder().name(name).bind("127.0.0.1:0").seeds(seeds.clone());
    let options = if seeds.is_empty() { &options[..2] } else { &options[..] };
    let builder = options.iter().fold(builder, |b, (key, text)| b.option(key, text));
    builder.start().await.expect("a node starts on loopback")
}

/// The captured messages, to be spoilt.
fn vectors() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/memberlist");
    let files = std::fs::read_dir(folder).expect("the vectors are in the tree");
    let hex =
        files.flatten().map(|file| file.path()).filter(|p| p.extension() == Some("hex".as_ref()));
    let decode = |text: String| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let digits: String = lines.collect::<String>().split_whitespace().collect();
        let byte = |i| u8::from_str_radix(&digits[i..i + 2], 16).expect("hex");
        (0..digits.len()).step_by(2).map(byte).collect()
    };
    let vectors: Vec<Vec<u8>> =
        hex.map(|path| decode(std::fs::read_to_string(path).expect("readable"))).collect();
    assert!(vectors.len() > 40, "only {} vectors", vectors.len());
    vectors
}

/// One bad input: noise, or a vector with flipped bytes, cut short, or with a length that lies.
fn spoil(vectors: &[Vec<u8>], rng: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let mut bytes = vectors.choose(rng).cloned().unwrap_or_default();
    match rng.random_range(0..5) {
        0 => {
            bytes = vec![0; rng.random_range(0..1500)];
            rng.fill_bytes(&mut bytes);
            if let Some(first) = bytes.first_mut() {
                *first = rng.random_range(0..16);
            }
        }
        1 => bytes.truncate(rng.random_range(0..=bytes.len())),
        2 => {
            let lies: [&[u8]; 4] = [
                &[0xdb, 255, 255, 255, 255],
                &[0xce, 255, 255, 255, 255],
                &[0xdf, 127, 0, 0, 0],
                &[0xd3, 255, 0, 0, 0, 0, 0, 0, 0],
            ];
            let place = rng.random_range(0..=bytes.len());
            let lie = lies.choose(rng).copied().unwrap_or_default();
            bytes.splice(place..place, lie.iter().copied());
        }
        _ => {
            for _ in 0..rng.random_range(1..6) {
                if !bytes.is_empty() {
                    let place = rng.random_range(0..bytes.len());
                    bytes[place] = rng.random();
                }
            }
        }
    }
    bytes
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

fn flood_datagrams(target: SocketAddr, vectors: &[Vec<u8>], seed: u64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for sent in 0..DATAGRAMS {
        let _ = socket.send_to(&spoil(vectors, &mut rng), target);
        // A full socket buffer would make it a test of the kernel.
        if sent % 64 == 0 {
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

fn flood_streams(target: SocketAddr, vectors: &[Vec<u8>], seed: u64, count: usize) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    for _ in 0..count {
        let Ok(mut stream) = TcpStream::connect(target) else { continue };
        let _ = stream.set_read_timeout(Some(Duration::from_millis(2)));
        let bytes = spoil(vectors, &mut rng);
        let _ = stream.write_all(&bytes);
        match rng.random_range(0..4) {
            0 => drop(stream.shutdown(std::net::Shutdown::Write)),
            1 => drop(stream.read(&mut [0; 256])),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_bad_input_changes_nothing() {
    let a = start("a-real-member", Vec::new()).await;
    let target = a.local_member().addr();
    let b = start("another-real-member", vec![target.to_string()]).await;
    let (before, vectors) = (resident_kib(), vectors());
    println!("seed 1; {} vectors", vectors.len());
    let threads: Vec<_> = (0..5)
        .map(|i| {
            let vectors = vectors.clone();
            std::thread::spawn(move || match i {
                0 => flood_datagrams(target, &vectors, 1),
                i => flood_streams(target, &vectors, 1 + i, STREAMS / 4),
            })
        })
        .collect();
    for thread in threads {
        tokio::task::spawn_blocking(move || thread.join().expect("the flood ends"))
            .await
            .expect("joined");
    }
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_MAX_KIB, "{grown} KiB more than before");

    let stats = a.stats();
    assert!(stats.packets_received >= DATAGRAMS as u64 / 2, "{stats:?}");
    assert!(stats.packets_malformed > 10_000, "{stats:?}");
    assert!(stats.messages_refused > 100, "{stats:?}");
    assert!(stats.streams_accepted >= STREAMS as u64 / 2, "{stats:?}");
    assert!(stats.streams_failed > 1_000, "{stats:?}");
    for (node, other) in [(&a, &b), (&b, &a)] {
        let member = node.member(other.local_member().name()).expect("still a member");
        assert_eq!(member.state(), MemberState::Alive, "{member:?}");
    }
    // Still of use: a newcomer joins, and learns who is here.
    let c = start("a-newcomer", vec![target.to_string()]).await;
    for name in ["a-real-member", "another-real-member"] {
        let member = c.member(name).expect("the newcomer was told");
        assert_eq!(member.state(), MemberState::Alive, "{member:?}");
    }
    assert!(a.member("a-newcomer").is_some());
    drop((a, b, c));
}
