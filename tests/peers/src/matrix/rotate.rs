//! From one key to another while the cluster lives, and talks.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use chinwag::ErrorKind;

use super::member::{Member, Way, start_ours, start_peer};
use super::roll::everybody_sees_everybody;
use super::{KEYS, Peer, Setting};
use crate::ours::Ours;
use crate::{address, eventually};

const OLD: &str = KEYS[0];
const NEW: &str = KEYS[2];
/// Theirs are the even ones.
const NAMES: [&str; 4] = ["theirs-1", "ours-1", "theirs-2", "ours-2"];
/// Messages from everybody to everybody else between two changes, at least.
const BETWEEN: usize = 5;

/// The pause of everybody between two rounds of messages.
const PAUSE: Duration = Duration::from_millis(20);

type Cluster = [Mutex<Box<dyn Member>>];

/// Plays it with that peer.
///
/// # Panics
/// When anybody is held for failed, or a reliable message is lost.
pub fn rotate(peer: Peer) {
    let options = Setting::Rotation.options();
    let mut members: Vec<Box<dyn Member>> = Vec::new();
    for (place, name) in NAMES.into_iter().enumerate() {
        let seed = members.last().map(|member| member.addr().to_owned());
        members.push(match place % 2 {
            0 => start_peer(peer, &options, name, &address(), seed.as_deref()),
            _ => start_ours("rust", &options, name, &address(), seed.as_deref()),
        });
    }
    everybody_sees_everybody(&mut members);
    let cluster: Vec<_> = members.into_iter().map(Mutex::new).collect();
    change_while_talking(peer, &cluster);
    let mut members: Vec<_> = cluster.into_iter().filter_map(|m| m.into_inner().ok()).collect();
    everybody_sees_everybody(&mut members);
    for member in &mut members {
        assert_eq!(member.blamed(), Some(Vec::new()), "by {}", member.name());
    }
    only_the_new_key_is_left(&members);
}

/// Those who have reliable messages.
fn talkers(peer: Peer) -> &'static [usize] {
    if peer == Peer::Serf { &[1, 3] } else { &[0, 1, 2, 3] }
}

fn lock(member: &Mutex<Box<dyn Member>>) -> MutexGuard<'_, Box<dyn Member>> {
    member.lock().expect("nobody has panicked")
}

fn change_while_talking(peer: Peer, cluster: &Cluster) {
    let rounds = [const { AtomicUsize::new(0) }; NAMES.len()];
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = End(&done);
        for &from in talkers(peer) {
            let (rounds, done) = (&rounds[from], &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    tell_everybody(talkers(peer), cluster, from, rounds.load(Ordering::Relaxed));
                    rounds.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(PAUSE);
                }
            });
        }
        for (verb, key) in [("add", NEW), ("use", NEW), ("remove", OLD)] {
            // serf's command has every member change its key, ours as well.
            let by = if peer == Peer::Serf { 0..1 } else { 0..NAMES.len() };
            for place in by {
                all_talk_on(talkers(peer), &rounds);
                lock(&cluster[place]).change_key(verb, key).expect("it has keys");
            }
        }
        all_talk_on(talkers(peer), &rounds);
    });
    everything_was_heard(talkers(peer), cluster, &rounds);
}

/// Ends the talk, also when this thread panics.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits for some more rounds of everybody.
fn all_talk_on(talkers: &[usize], rounds: &[AtomicUsize]) {
    let now = |from: &usize| rounds[*from].load(Ordering::Relaxed);
    let wanted: Vec<usize> = talkers.iter().map(|from| now(from) + BETWEEN).collect();
    eventually("messages go on", || {
        talkers.iter().zip(&wanted).all(|(from, wanted)| now(from) >= *wanted).then_some(())
    });
}

fn tell_everybody(talkers: &[usize], cluster: &Cluster, from: usize, round: usize) {
    for &to in talkers.iter().filter(|to| **to != from) {
        let text = format!("{}-{round}", NAMES[from]);
        let sent = lock(&cluster[from]).send(NAMES[to], Way::Stream, text.as_bytes(), 1);
        sent.expect("it can send");
    }
}

/// Everybody has got everything, and once.
fn everything_was_heard(talkers: &[usize], cluster: &Cluster, rounds: &[AtomicUsize]) {
    for &to in talkers {
        let mut wanted = Vec::new();
        for &from in talkers.iter().filter(|from| **from != to) {
            let rounds = 0..rounds[from].load(Ordering::Relaxed);
            wanted.extend(rounds.map(|round| format!("{}-{round}", NAMES[from])));
        }
        wanted.sort();
        let count = wanted.len();
        eventually(&format!("all {count} messages at {}", NAMES[to]), || {
            let mut texts = lock(&cluster[to]).texts();
            texts.sort();
            (texts == wanted).then_some(())
        });
    }
}

fn only_the_new_key_is_left(members: &[Box<dyn Member>]) {
    let late = Ours::start("late", &[], &[("keys", OLD)]);
    for member in members {
        let error = late.join(member.addr()).expect_err("the key is no longer there");
        assert_eq!(error.kind(), ErrorKind::KeyMismatch, "{}: {error}", member.name());
    }
    let seeds: Vec<&str> = members.iter().map(|member| member.addr()).collect();
    let right = Ours::start("right", &seeds, &[("keys", NEW)]);
    right.sees(&["ours-1", "ours-2", "right", "theirs-1", "theirs-2"]);
}
