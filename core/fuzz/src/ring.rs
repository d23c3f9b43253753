//! Rings that somebody sent.

use std::collections::BTreeSet;

use chinwag::ring::{Builder, Profile, Ring, RingChange};

/// Rings of more work are read and not built, so that an input takes milliseconds.
const WORK_MAX: u64 = 1 << 17;

/// A ring in both forms: what is read is the one form of what it is, a few bytes are never much
/// work before somebody builds it, and what is built keeps the laws.
pub fn ring(data: &[u8]) {
    // The first of two rings ends where its length says, so that they can be put together.
    let half =
        data.split_first().map(|(first, rest)| rest.split_at(rest.len().min((*first).into())));
    let pair = half.map(|(one, other)| [one, other].map(small)).unwrap_or_default();
    if let [Some(one), Some(other)] = &pair {
        combined(one, other);
    }
    if let Ok(builder) = Builder::from_bytes(data) {
        assert_eq!(builder.to_bytes(), data, "two forms of one ring");
        build(builder);
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(builder) = Builder::from_json(text)
    {
        let again = Builder::from_bytes(&builder.to_bytes()).map(|again| again.to_bytes());
        assert_eq!(again, Ok(builder.to_bytes()), "what JSON makes has bytes");
        if let Some(ring) = build(builder) {
            assert_eq!(Ring::from_json(&ring.to_json()), Ok(ring));
        }
    }
}

/// The ring of these bytes, if it is one of little work.
fn small(bytes: &[u8]) -> Option<Ring> {
    build(Builder::from_bytes(bytes).ok()?)
}

/// The ring, if it is little work; as it must be.
fn build(builder: Builder) -> Option<Ring> {
    if builder.work() > WORK_MAX {
        return None;
    }
    let bytes = builder.to_bytes();
    let ring = builder.build().expect("what is read can be built");
    assert_eq!(ring.to_bytes(), bytes);
    assert!(ring.len() <= bytes.len(), "a count that lies is believed");
    assert!(ring.size() as u64 <= (32 << 20) + 16 * WORK_MAX, "{} bytes", ring.size());
    let names: BTreeSet<&str> = ring.names().collect();
    assert!(ring.excluded().all(|name| !names.contains(name)));
    let pinned = ring.pins().map(|(key, _)| key.to_vec()).take(4);
    for key in [b"".to_vec(), b"user:{42}".to_vec()].into_iter().chain(pinned) {
        must_be_owners(&ring, &names, &key);
    }
    let shares: f64 = ring.balance().iter().map(|one| one.share).sum();
    // A node too light for a point of ketama leaves none, when it is alone with such.
    assert!(shares < 1.000_001 && (shares > 0.999_999 || shares == 0.0), "{shares}");
    Some(ring)
}

/// Owners of a key are different, and of the ring.
fn must_be_owners(ring: &Ring, names: &BTreeSet<&str>, key: &[u8]) {
    let owners = ring.owners(key, 5);
    assert_eq!(owners.first().copied(), ring.owner(key));
    let different: BTreeSet<&str> = owners.iter().copied().collect();
    assert!(different.len() == owners.len() && different.is_subset(names), "{owners:?}");
    let mut numbers = [0; 5];
    assert_eq!(ring.owner_numbers_into(key, &mut numbers), owners.len());
    if let (Some(slot), Profile::Slots { slots, .. }) = (ring.slot(key), ring.profile()) {
        assert!(slot < slots);
        assert_eq!(owners.len(), names.len().min(5));
    }
}

/// Two rings put together: the laws of sets, and what moves between them.
fn combined(one: &Ring, other: &Ring) {
    let marks = |made: chinwag::Result<Ring>| made.map(|ring| ring.to_bytes());
    assert_eq!(marks(one.union(other)), marks(other.union(one)));
    assert_eq!(marks(one.intersection(other)), marks(other.intersection(one)));
    assert_eq!(one.union(one).as_ref(), Ok(one));
    assert_eq!(one.intersection(one).as_ref(), Ok(one));
    let Ok(both) = one.union(other) else { return };
    assert!(one.nodes().chain(other.nodes()).all(|node| both.nodes().any(|n| n.name == node.name)));
    // What is made from another ring is what is made from nothing.
    let change = RingChange::new(one, &both);
    let moved = change.slots().count();
    assert!(moved <= one.slots().count().max(both.slots().count()));
    let fresh = Ring::from_bytes(&both.to_bytes()).expect("its own bytes");
    assert!(fresh.slots().eq(both.slots()) && fresh.fingerprint() == both.fingerprint());
}
