//! A flood of bad input on real sockets: random bytes, mutated and truncated vectors, lying
//! lengths. The node stays up, its memory stays bounded, it counts, and its members stay.

#![cfg(feature = "runtime")]

mod flood;

use chinwag::{MemberState, Node, Stats};
use flood::{DATAGRAMS, GROWTH_MAX_KIB, STREAMS, resident_kib, spoil, vectors};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

async fn start(name: &str, versions: &str, seeds: Vec<String>) -> Node {
    let options = [("profile", "local"), ("tcp_timeout", "500ms"), ("require_join", "true")];
    let builder = Node::builder().name(name).bind("127.0.0.1:0").seeds(seeds.clone());
    let builder = builder.option("delegate_versions", versions);
    let options = if seeds.is_empty() { &options[..2] } else { &options[..] };
    let builder = options.iter().fold(builder, |b, (key, text)| b.option(key, text));
    builder.start().await.expect("a node starts on loopback")
}

/// Memory is that of the process: one flood after the other.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_bad_input_changes_nothing() {
    flooded("auto").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_it_where_serf_is_spoken() {
    let stats = flooded("2,5,5").await;
    assert!(stats.member_clock > 0 && stats.member_clock < 1 << 40, "{stats:?}");
    assert!(stats.user_events_received + stats.queries_received > 100, "{stats:?}");
}

async fn flooded(versions: &str) -> Stats {
    let _alone = ALONE.lock().await;
    let a = start("a-real-member", versions, Vec::new()).await;
    let target = a.local_member().addr();
    let b = start("another-real-member", versions, vec![target.to_string()]).await;
    let (before, vectors) = (resident_kib(), vectors());
    println!("seed 1; {} vectors", vectors.len());
    flood::all_at_once(target, |seed, _| {
        let (vectors, mut rng) = (vectors.clone(), Xoshiro256PlusPlus::seed_from_u64(seed));
        Box::new(move || spoil(&vectors, &mut rng))
    })
    .await;
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
    let c = start("a-newcomer", versions, vec![target.to_string()]).await;
    for name in ["a-real-member", "another-real-member"] {
        let member = c.member(name).expect("the newcomer was told");
        assert_eq!(member.state(), MemberState::Alive, "{member:?}");
    }
    assert!(a.member("a-newcomer").is_some());
    drop((a, b, c));
    stats
}
