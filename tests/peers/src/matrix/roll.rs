//! From plaintext to encryption, one member after the other, while the cluster lives.

use super::member::{Departure, Member, Way, start_ours, start_peer};
use super::{KEYS, Peer};
use crate::{address, eventually};

type Options = &'static [(&'static str, &'static str)];

const KEY: (&str, &str) = ("keys", KEYS[1]);
const LAX: (&str, &str) = ("verify_incoming", "false");

/// Every member is at one stage before any is at the next but one.
const STAGES: [Options; 4] = [&[], &[KEY, LAX, ("verify_outgoing", "false")], &[KEY, LAX], &[KEY]];
/// Theirs are the even ones.
const NAMES: [&str; 5] = ["theirs-1", "ours-1", "theirs-2", "ours-2", "theirs-3"];

/// Plays it with that peer.
///
/// # Panics
/// When anybody is held for failed, or a message does not arrive.
pub fn roll(peer: Peer) {
    let mut members: Vec<Box<dyn Member>> = Vec::new();
    for place in 0..NAMES.len() {
        let seed = members.last().map(|member| member.addr().to_owned());
        members.push(start(peer, place, STAGES[0], &address(), seed.as_deref()));
    }
    everybody_sees_everybody(&mut members);
    for (number, stage) in STAGES.into_iter().enumerate().skip(1) {
        for place in 0..NAMES.len() {
            restart(peer, &mut members, place, stage);
            everybody_sees_everybody(&mut members);
            let other = (place + 1) % NAMES.len();
            for (from, to) in [(place, other), (other, place)] {
                for way in [Way::Datagram, Way::Stream] {
                    deliver(&mut members, from, to, way, &format!("{number}-{way:?}-{place}"));
                }
            }
        }
    }
    members.iter_mut().for_each(nobody_was_blamed);
}

fn start(
    peer: Peer,
    place: usize,
    stage: Options,
    bind: &str,
    seed: Option<&str>,
) -> Box<dyn Member> {
    match place % 2 {
        0 => start_peer(peer, stage, NAMES[place], bind, seed),
        _ => start_ours("rust", stage, NAMES[place], bind, seed),
    }
}

/// One leaves, and comes back where it was, through the next of the others.
fn restart(peer: Peer, members: &mut [Box<dyn Member>], place: usize, stage: Options) {
    nobody_was_blamed(&mut members[place]);
    members[place].depart(Departure::Leave);
    for (other, member) in members.iter_mut().enumerate() {
        if other != place {
            member.saw(NAMES[place], Departure::Leave);
        }
    }
    let bind = members[place].addr().to_owned();
    let seed = members[(place + 1) % NAMES.len()].addr().to_owned();
    members[place] = start(peer, place, stage, &bind, Some(&seed));
}

fn nobody_was_blamed(member: &mut Box<dyn Member>) {
    assert_eq!(member.blamed(), Some(Vec::new()), "by {}", member.name());
}

pub(super) fn everybody_sees_everybody(members: &mut [Box<dyn Member>]) {
    let mut names: Vec<String> = members.iter().map(|member| member.name().to_owned()).collect();
    names.sort();
    for member in members {
        let what = format!("{} sees {names:?}", member.name());
        eventually(&what, || member.present().keys().eq(&names).then_some(()));
    }
}

fn deliver(members: &mut [Box<dyn Member>], from: usize, to: usize, way: Way, text: &str) {
    let text = format!("{text}-from-{}", NAMES[from]);
    members[from].send(NAMES[to], way, text.as_bytes(), 1).expect("it can send");
    eventually(&format!("{text} at {}", NAMES[to]), || {
        (members[to].heard(way, text.as_bytes()) == Some(1)).then_some(())
    });
}
