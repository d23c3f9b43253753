//! The same flood on an encrypted cluster: first from somebody without the key, who must change
//! nothing at all; then from somebody who has it, and must end nothing.

#![cfg(feature = "runtime")]

mod flood;

use std::net::SocketAddr;

use chinwag::wire::{
    Compression, Key, Keyring, Nonces, PacketBuilder, Security, Side, cover_stream,
};
use chinwag::{EventKind, Events, MemberState, Node, Replay};
use flood::{DATAGRAMS, GROWTH_MAX_KIB, Maker, STREAMS, resident_kib, spoil, vectors};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

async fn start(name: &str, seeds: &[SocketAddr]) -> Node {
    let seeds = seeds.iter().map(ToString::to_string);
    let builder = Node::builder().name(name).bind("127.0.0.1:0").seeds(seeds);
    let options = [("profile", "local"), ("tcp_timeout", "500ms"), ("keys", KEY)];
    let builder = options.iter().fold(builder, |b, (key, text)| b.option(key, text));
    builder.start().await.expect("a node starts on loopback")
}

/// Encrypts what would otherwise be sent in clear.
fn seal(security: &Security, nonces: &mut Nonces, packet: bool, plain: &[u8]) -> Vec<u8> {
    let (mut out, cover) = (Vec::new(), security.cover(nonces));
    match packet {
        true => PacketBuilder::default().single(cover, false, plain, Compression::Off, &mut out),
        false => cover_stream(cover, Side::Dialling, plain, &mut out),
    }
    out
}

/// Makes bad input inside good encryption; now and then of the version that has pads.
fn holder(vectors: &[Vec<u8>], seed: u64, packet: bool) -> Maker {
    let keyring = Some(Keyring::new(Key::from_base64(KEY).expect("32 bytes")));
    let security = Security { keyring, ..Security::default() };
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut start = [0; 12];
    rng.fill_bytes(&mut start);
    let (vectors, mut nonces) = (vectors.to_vec(), Nonces::new(start));
    Box::new(move || {
        let mut plain = spoil(&vectors, &mut rng);
        let padded = rng.random_range(0..8) == 0;
        if padded {
            plain.truncate(plain.len() / 16 * 16);
        }
        let mut sealed = seal(&security, &mut nonces, packet, &plain);
        if padded {
            // The version is in front of the envelope, and not authenticated.
            sealed[if packet { 0 } else { 5 }] = 0;
        }
        sealed
    })
}

/// What a reader has heard since the last time, warnings left out.
fn heard(events: &mut Events) -> Vec<EventKind> {
    let next = || events.try_next().expect("the node is open");
    let kinds = std::iter::from_fn(next).map(|event| event.kind);
    kinds.filter(|kind| !matches!(kind, EventKind::Warning(_))).collect()
}

fn assert_still_together(a: &Node, b: &Node) {
    for (node, other) in [(a, b), (b, a)] {
        let member = node.member(other.local_member().name()).expect("still a member");
        assert_eq!(member.state(), MemberState::Alive, "{member:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_changes_nothing_without_the_key_and_ends_nothing_with_it() {
    let a = start("a-real-member", &[]).await;
    let target = a.local_member().addr();
    let b = start("another-real-member", &[target]).await;
    let (before, vectors) = (resident_kib(), vectors());
    let mut events = a.events(Replay::No);

    flood::all_at_once(target, |seed, _| {
        let (vectors, mut rng) = (vectors.clone(), Xoshiro256PlusPlus::seed_from_u64(seed));
        Box::new(move || spoil(&vectors, &mut rng))
    })
    .await;
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_MAX_KIB, "{grown} KiB more than before");
    let stats = a.stats();
    assert_eq!(heard(&mut events), []);
    assert_eq!(a.known_members().len(), 2);
    assert_still_together(&a, &b);
    let in_clear = stats.packets_plaintext_refused + stats.streams_plaintext_refused;
    let sealed = stats.packets_undecryptable + stats.streams_undecryptable;
    let mislabelled = stats.packets_mislabelled + stats.streams_mislabelled;
    assert!(stats.packets_received >= DATAGRAMS as u64 / 2, "{stats:?}");
    assert!(stats.streams_accepted >= STREAMS as u64 / 2, "{stats:?}");
    // Of what the kernel had room for, which is less on a busy machine.
    let part = stats.packets_received / 10;
    assert!(in_clear > part && sealed > part && mislabelled > part / 10, "{stats:?}");
    assert!(stats.streams_failed > 1_000, "{stats:?}");
    assert_eq!((stats.messages_refused, stats.conflicts), (0, 0), "{stats:?}");

    flood::all_at_once(target, |seed, packet| holder(&vectors, seed, packet)).await;
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_MAX_KIB, "{grown} KiB more than before");
    let after = a.stats();
    assert!(after.packets_malformed > stats.packets_malformed + 10_000, "{after:?}");
    assert!(after.messages_refused > 100, "{after:?}");
    assert_still_together(&a, &b);
    let c = start("a-newcomer", &[target]).await;
    assert!(c.member("a-real-member").is_some());
    assert!(a.member("a-newcomer").is_some_and(|member| member.state() == MemberState::Alive));
    drop((a, b, c));
}
