//! Whatever is lost, late or twice: who hears the rest knows what the owner has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::time::Instant;
use crate::wire::{StateDelta, StateDeltas, StateEntry, StateMessage};

fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * 1_000_000_000)
}

fn put(key: &str, value: &[u8]) -> StateWrite {
    StateWrite { key: key.to_owned(), value: Some(value.to_vec()), ttl: None }
}

fn delete(key: &str) -> StateWrite {
    StateWrite { key: key.to_owned(), value: None, ttl: None }
}

fn node(name: &str, epoch: u64) -> Spaces {
    Spaces::new(name.into(), Own::new(epoch))
}

fn write(spaces: &mut Spaces, now: Instant, writes: Vec<StateWrite>) {
    spaces.change_own(|own| own.write(now, writes)).expect("within the quota");
}

/// What one lacks of another's space, in so many bytes.
fn since(from: &Spaces, owner: &str, known: Mark, room: usize) -> (Written, Vec<u8>) {
    let mut bytes = Vec::new();
    StateDeltas::begin(&mut bytes);
    let written = from.since(owner, known, room, &mut bytes);
    (written, bytes)
}

fn deltas(bytes: &[u8]) -> Vec<StateDelta<'_>> {
    let Ok(StateMessage::Deltas(deltas)) = StateMessage::decode(bytes) else { panic!("no deltas") };
    deltas.iter().collect()
}

fn hear(to: &mut Spaces, bytes: &[u8]) -> Vec<Heard> {
    let one = |delta: &StateDelta<'_>| to.hear(at(0), delta, Standing::Present).0;
    deltas(bytes).iter().map(one).collect()
}

fn name(key: u8) -> String {
    format!("k{key}")
}

/// Everything that is shown of an owner.
fn shown(spaces: &Spaces, owner: &str) -> BTreeMap<String, Vec<u8>> {
    let of_it = spaces.shown().filter(|(whose, _)| *whose == owner);
    of_it.map(|(_, (key, value, _))| (key.to_string(), value.expect("there").to_vec())).collect()
}

/// Has one take over all of another's space, in pieces of that size; in how many.
fn catch_up(to: &mut Spaces, from: &Spaces, owner: &str, room: usize) -> usize {
    for pieces in 0..10_000 {
        let (written, bytes) = since(from, owner, to.mark(owner), room);
        match written {
            Written::Nothing => return pieces,
            Written::TooLarge => panic!("it does not fit into {room} bytes"),
            Written::Part | Written::All => {
                let heard = hear(to, &bytes);
                assert_eq!(heard, [Heard::News], "what was lacking is taken over");
            }
        }
    }
    panic!("it never ends");
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, Vec<u8>),
    Delete(u8),
    /// Time passes, and what is old is forgotten.
    Wait(u64),
    /// A delta from there on sets out.
    Send(u64),
    /// One that set out arrives, and may do so again.
    Arrive(usize),
    /// The owner is a later run.
    Outgrow,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = proptest::collection::vec(any::<u8>(), 0..20);
    let step = prop_oneof![
        4 => (0_u8..20, value).prop_map(|(key, value)| Step::Put(key, value)),
        3 => (0_u8..20).prop_map(Step::Delete),
        1 => (0_u64..4_000).prop_map(Step::Wait),
        4 => (0_u64..60).prop_map(Step::Send),
        4 => (0_usize..40).prop_map(Step::Arrive),
        1 => Just(Step::Outgrow),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn any_order_loss_and_repetition_converge(steps in steps(), room in 120_usize..400) {
        let (mut owner, mut other) = (node("a", 5), node("b", 5));
        let (mut now, mut sent) = (at(0), Vec::new());
        for step in steps {
            match step {
                Step::Put(key, value) => write(&mut owner, now, vec![put(&name(key), &value)]),
                Step::Delete(key) => write(&mut owner, now, vec![delete(&name(key))]),
                Step::Wait(seconds) => {
                    now = now + Duration::from_secs(seconds);
                    owner.change_own(|own| own.expire(now));
                }
                Step::Send(version) => {
                    let known = Mark { epoch: owner.mark("a").epoch, version };
                    sent.push(since(&owner, "a", known, room).1);
                }
                Step::Arrive(index) if index < sent.len() => {
                    let before = other.mark("a");
                    hear(&mut other, &sent[index]);
                    prop_assert!(other.mark("a") >= before, "it goes back");
                }
                Step::Arrive(_) => {}
                Step::Outgrow => {
                    let heard = owner.mark("a");
                    owner.change_own(|own| own.outgrow(heard));
                }
            }
        }
        // A full copy is in one piece.
        catch_up(&mut other, &owner, "a", 1 << 20);
        prop_assert_eq!(shown(&other, "a"), shown(&owner, "a"));
        // And from one to the next, whom the owner never spoke to.
        let mut third = node("c", 5);
        catch_up(&mut third, &other, "a", 1 << 20);
        prop_assert_eq!(shown(&third, "a"), shown(&owner, "a"));
        prop_assert_eq!(third.mark("a"), owner.mark("a"));
    }

    #[test]
    fn what_is_told_adds_up_to_what_is_shown(steps in steps()) {
        let (mut owner, mut other) = (node("a", 5), node("b", 5));
        let mut told: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Put(key, value) => write(&mut owner, at(0), vec![put(&name(key), &value)]),
                Step::Delete(key) => write(&mut owner, at(0), vec![delete(&name(key))]),
                Step::Outgrow => owner.change_own(|own| own.outgrow(Mark { epoch: 9, version: 9 })),
                Step::Wait(_) | Step::Send(_) | Step::Arrive(_) => {
                    let mut changes = match number % 4 {
                        0 => other.stand("a", Standing::Absent),
                        1 => other.stand("a", Standing::Present),
                        2 => other.forget("a"),
                        _ => Vec::new(),
                    };
                    let (_, bytes) = since(&owner, "a", other.mark("a"), 1 << 20);
                    let gone = number % 4 == 0;
                    let standing = if gone { Standing::Absent } else { Standing::Present };
                    for delta in deltas(&bytes) {
                        changes.extend(other.stand("a", standing));
                        changes.extend(other.hear(at(0), &delta, standing).1);
                    }
                    for StateChange { key, value, .. } in changes {
                        match value {
                            Some(value) => told.insert(key.to_string(), value.to_vec()),
                            None => told.remove(&*key),
                        };
                    }
                }
            }
            prop_assert_eq!(&told, &shown(&other, "a"));
        }
    }
}

#[test]
fn who_agrees_has_the_same_fingerprint_and_nobody_else() {
    let (mut a, mut b) = (node("a", 5), node("b", 6));
    assert_eq!((a.fingerprint(), b.fingerprint()), (0, 0));
    write(&mut a, at(0), vec![put("x", b"1")]);
    write(&mut b, at(0), vec![put("x", b"1")]);
    assert_ne!(a.fingerprint(), b.fingerprint());
    catch_up(&mut a, &b, "b", 1 << 20);
    catch_up(&mut b, &a, "a", 1 << 20);
    let agreed = a.fingerprint();
    assert_eq!(agreed, b.fingerprint());
    a.stand("b", Standing::Absent);
    assert_ne!(a.fingerprint(), agreed);
    assert_eq!(shown(&a, "b").len(), 0);
    a.stand("b", Standing::Present);
    assert_eq!((a.fingerprint(), shown(&a, "b").len()), (agreed, 1));
    a.forget("b");
    assert_ne!(a.fingerprint(), agreed);
    assert_eq!((a.memory(), a.mark("b")), (0, Mark::default()));
}

#[test]
fn a_value_that_is_written_again_is_no_change_but_has_its_time_anew() {
    let mut own = Own::new(1);
    let with = |ttl| StateWrite { ttl: Some(Duration::from_secs(ttl)), ..put("k", b"v") };
    assert_eq!(own.write(at(0), vec![with(10)]).expect("fits").len(), 1);
    assert_eq!(own.next(), at(10));
    assert_eq!(own.write(at(5), vec![with(10)]).expect("fits"), []);
    assert_eq!((own.next(), own.space().mark().version), (at(15), 1));
    assert_eq!(own.expire(at(14)), []);
    let gone = own.expire(at(15));
    assert_eq!(gone, [(Arc::from("k"), None, 2)]);
    // What lasts has no end, whatever it had before.
    own.write(at(20), vec![with(1), put("k", b"v")]).expect("fits");
    assert_eq!(own.expire(at(100)), []);
    assert!(own.space().get("k").is_some());
}

#[test]
fn graves_are_forgotten_by_number_and_by_age_and_then_a_copy_is_full() {
    let (mut owner, mut early) = (node("a", 5), node("b", 5));
    write(&mut owner, at(0), vec![put("stays", b"1"), put("goes", b"2")]);
    catch_up(&mut early, &owner, "a", 1 << 20);
    write(&mut owner, at(0), vec![delete("goes")]);
    let hour = at(GRAVES_KEPT.as_secs());
    assert_eq!(owner.own().next(), hour);
    assert_eq!(owner.change_own(|own| own.expire(hour)), [], "nobody is told of that");
    assert_eq!(owner.own().next(), Instant::NEVER);
    let (_, bytes) = since(&owner, "a", early.mark("a"), 1 << 20);
    assert!(deltas(&bytes).iter().all(|delta| delta.full), "it may have what nobody remembers");
    catch_up(&mut early, &owner, "a", 1 << 20);
    assert_eq!(shown(&early, "a").len(), 1);

    for round in 0..3 * GRAVES_MAX {
        let key = format!("k{}", round % 5_000);
        write(&mut owner, hour, vec![put(&key, b""), delete(&key)]);
        assert!(owner.own().space().graves() <= GRAVES_MAX);
    }
    catch_up(&mut early, &owner, "a", 4 << 20);
    assert_eq!(shown(&early, "a").len(), 1);
}

#[test]
fn nobody_has_more_than_the_quota() {
    let mut own = Own::new(1);
    let refused = |own: &mut Own, writes| own.write(at(0), writes).map_err(|e| e.kind()).err();
    let large = vec![0; crate::wire::STATE_VALUE_MAX];
    assert_eq!(
        refused(&mut own, vec![put("k", &[&large[..], &[0]].concat())]),
        Some(ErrorKind::TooLarge)
    );
    assert_eq!(refused(&mut own, vec![put(&"k".repeat(257), b"")]), Some(ErrorKind::TooLarge));
    assert_eq!(refused(&mut own, vec![put("", b"")]), Some(ErrorKind::BadArgument));
    let full = |count: usize| (0..count).map(|i| put(&format!("k{i}"), &large)).collect::<Vec<_>>();
    assert_eq!(refused(&mut own, full(17)), Some(ErrorKind::TooLarge));
    assert_eq!(own.space().mark().version, 0, "all or nothing");
    assert_eq!(refused(&mut own, full(15)), None);
    assert_eq!(refused(&mut own, vec![put("l", &large)]), Some(ErrorKind::TooLarge));
    // What is replaced in the same breath makes room.
    assert_eq!(refused(&mut own, vec![delete("k0"), put("l", &large)]), None);
    let mut own = Own::new(1);
    let many = (0..QUOTA_KEYS + 1).map(|i| put(&format!("{i:x}"), b"")).collect::<Vec<_>>();
    assert_eq!(refused(&mut own, many[1..].to_vec()), None);
    assert_eq!(refused(&mut own, many[..1].to_vec()), Some(ErrorKind::TooLarge));
}

/// A delta of so many entries of that size, of somebody who heeds no quota.
fn forged(owner: &str, entries: u64, size: usize, from: u64) -> Vec<u8> {
    let value = vec![7; size];
    let keys: Vec<String> = (1..=entries).map(|number| format!("{number:x}")).collect();
    let entry = |(number, key): (u64, &'_ String)| (number, key.clone());
    let all: Vec<(u64, String)> = (from + 1..).zip(&keys).map(entry).collect();
    let mut bytes = Vec::new();
    StateDeltas::begin(&mut bytes);
    let delta = StateDelta { owner, epoch: 1, from, to: from + entries, ..Default::default() };
    let entries =
        all.iter().map(|(version, key)| StateEntry { version: *version, key, value: Some(&value) });
    delta.encode(entries, &mut bytes);
    bytes
}

#[test]
fn a_space_that_claims_more_is_refused_and_all_together_are_bounded() {
    let mut node = node("n", 1);
    assert_eq!(hear(&mut node, &forged("a", 60, 60_000, 0)), [Heard::Refused]);
    assert_eq!(node.mark("a"), Mark::default());
    // In small steps it comes to twice the quota.
    let mut steps = 0;
    while hear(&mut node, &forged("a", 60, 1_000 + steps, 60 * steps as u64)) == [Heard::News] {
        steps += 1;
        let keys: usize = shown(&node, "a").len();
        assert!(keys <= 60);
        if steps == 50 {
            break;
        }
    }
    assert_eq!(steps, 50, "the same keys may be written for ever");
    let mut refused = 0;
    for owner in 0..100 {
        refused += usize::from(
            hear(&mut node, &forged(&format!("o{owner}"), 15, 60_000, 0)) == [Heard::Refused],
        );
        assert!(node.memory() <= OTHERS_BYTES, "{} bytes", node.memory());
    }
    assert!((25..50).contains(&refused), "{refused}");
}

#[test]
fn strangers_wait_in_a_small_room_and_are_shown_once_they_are_members() {
    let mut node = node("n", 1);
    let delta = |node: &mut Spaces, owner: &str, size| {
        let bytes = forged(owner, 1, size, 0);
        node.hear(at(owner.len() as u64), &deltas(&bytes)[0], Standing::Stranger)
    };
    assert_eq!(delta(&mut node, "x", 65_000).0, Heard::News);
    assert_eq!(delta(&mut node, "xx", 65_536).0, Heard::Refused);
    assert_eq!(node.fingerprint(), 0);
    assert_eq!(node.marks().count(), 0);
    let told = node.stand("x", Standing::Present);
    assert_eq!((told.len(), node.marks().count()), (1, 1));
    for length in 2..300 {
        delta(&mut node, &"y".repeat(length % 250 + 2), 10);
    }
    assert!(node.space("x").is_some());
    assert!(node.memory() < 65_536 + STRANGERS_MAX * 1_000);
}
