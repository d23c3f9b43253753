//! Slots change hands while members come, go, drain and crash, and packets are lost. `SEED=0x2a`
//! replays one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chinwag::config::Protocol;
use chinwag::engine::{Request, RequestId};
use chinwag::event::HandoffAcquired;
use chinwag::ring::{Profile, Ring, RingChange};
use chinwag::sim::{Faults, NodeId, Sim};
use chinwag::time::Instant;
use chinwag::wire::{HandoffKind, HandoffMessage, Message};
use chinwag::{ErrorKind, EventKind, MemberState, Tags};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::shared::{every_seed, together};

const SLOTS: u32 = 96;
const STEP: Duration = Duration::from_millis(50);

/// A user of each node: follows the members with a ring, and releases slots after a while.
struct Users {
    sim: Sim,
    rng: Xoshiro256PlusPlus,
    rings: BTreeMap<NodeId, Ring>,
    /// How much of each log was read.
    read: BTreeMap<NodeId, usize>,
    /// Joins that are to end before a node asks for a ring.
    joins: BTreeMap<NodeId, RequestId>,
    /// What each user believes to have.
    held: BTreeMap<NodeId, BTreeSet<u32>>,
    /// Hand-offs that will be released: when, by whom, which.
    releases: Vec<(Instant, NodeId, u64, Vec<u32>)>,
    /// How slow users are, in milliseconds.
    slowness: u64,
    /// The greatest epoch of each slot.
    epochs: BTreeMap<u32, u64>,
    /// Slots that two have since one took them without a release.
    doubtful: BTreeSet<u32>,
    /// Who took which slot without a release.
    taken: BTreeSet<(NodeId, u32)>,
    clean: usize,
    unclean: usize,
    /// What happened to which slots, to be shown when something is wrong.
    trace: Vec<(Instant, NodeId, String, Vec<u32>)>,
}

impl Users {
    fn new(seed: u64, count: usize, slowness: u64, patience: u64) -> Self {
        let handoff_timeout = Duration::from_secs(patience);
        let protocol = Protocol { handoff_timeout, ..Protocol::profile("local") };
        let mut sim = Sim::with_protocol(seed, protocol);
        together(&mut sim, count);
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut users = Self {
            sim,
            rng,
            rings: BTreeMap::new(),
            read: BTreeMap::new(),
            joins: BTreeMap::new(),
            held: BTreeMap::new(),
            releases: Vec::new(),
            slowness,
            epochs: BTreeMap::new(),
            doubtful: BTreeSet::new(),
            taken: BTreeSet::new(),
            clean: 0,
            unclean: 0,
            trace: Vec::new(),
        };
        users.run(Duration::from_secs(2));
        users
    }

    /// The ring that a node makes of the members that it sees.
    fn ring(&self, node: NodeId) -> Ring {
        let here = |state| matches!(state, MemberState::Alive | MemberState::Suspect);
        let members = self.sim.members(node).into_iter();
        let on_it = members.filter(|m| here(m.state()) && !m.tags().contains_key("drained"));
        let names = on_it.map(|member| member.name().to_owned());
        let profile = Profile::Slots { slots: SLOTS, slack: Some(50) };
        Ring::builder().profile(profile).nodes(names).build().expect("a ring")
    }

    fn join(&mut self, node: NodeId) {
        let request = self.sim.join(node, &[NodeId(0)]);
        self.joins.insert(node, request);
    }

    fn follow(&mut self, node: NodeId) {
        // Not all at once, and not each change; and who has yet to join asks for no ring: alone,
        // everything is its own.
        let joined = |id: &RequestId| self.sim.reply(node, *id).is_some_and(Result::is_ok);
        let in_ = self.joins.get(&node).is_none_or(joined);
        if self.rng.random_range(0..4) != 0 || !in_ {
            return;
        }
        let ring = self.ring(node);
        let own = self.sim.name(node).to_owned();
        let before = match self.rings.get(&node) {
            Some(before) if *before == ring => return,
            Some(before) => before.clone(),
            None => ring.without(&own).unwrap_or_else(|_| ring.clone()),
        };
        self.sim.request(node, Request::Placed(Box::new(RingChange::new(&before, &ring))));
        let all: Vec<u32> = (0..SLOTS).collect();
        for slot in all {
            let what = |ring: &Ring| ring.slot_owners(slot).next().unwrap_or("-").to_owned();
            if what(&before) != what(&ring) {
                self.note(node, format!("sees {} -> {}", what(&before), what(&ring)), &[slot]);
            }
        }
        self.rings.insert(node, ring);
    }

    fn listen(&mut self, node: NodeId) {
        let seen = self.read.entry(node).or_default();
        let news = self.sim.log(node)[*seen..].to_vec();
        *seen += news.len();
        for (_, kind) in news {
            match kind {
                EventKind::HandoffPrepare(handoff) => {
                    let slots = handoff.slots.to_vec();
                    self.note(
                        node,
                        format!("prepares {} for {}", handoff.id, handoff.peer),
                        &slots,
                    );
                    let held = &self.held[&node];
                    assert!(slots.iter().all(|slot| held.contains(slot)), "it never had them");
                    let after = Duration::from_millis(self.rng.random_range(0..=self.slowness));
                    self.releases.push((self.sim.now() + after, node, handoff.id, slots));
                }
                EventKind::HandoffAcquired(handoff) => {
                    let word = if handoff.clean { "cleanly" } else { "uncleanly" };
                    let what = format!("acquires {word} from {:?}", handoff.peer);
                    self.note(node, what, &handoff.slots);
                    self.acquired(node, &handoff);
                }
                _ => {}
            }
        }
    }

    /// Who acquires cleanly is alone, unless two took the slot without a release before and
    /// neither has let go; and its epoch is greater than that of all before it.
    fn acquired(&mut self, node: NodeId, handoff: &HandoffAcquired) {
        let HandoffAcquired { peer, slots, epoch, clean } = handoff;
        let (epoch, clean, told) = (*epoch, *clean, *clean && !peer.is_empty());
        for slot in slots.iter() {
            let others = self.held.iter().filter(|(other, held)| {
                **other != node && held.contains(slot) && self.sim.running().contains(other)
            });
            let others: Vec<NodeId> = others.map(|(other, _)| *other).collect();
            // Who took it without a release may be beside the one whose release came too late.
            let others_took = others.iter().all(|other| self.taken.contains(&(*other, *slot)));
            if others.is_empty() {
                self.doubtful.remove(slot);
            } else if !clean || others_took {
                self.doubtful.insert(*slot);
            }
            match clean {
                true => self.taken.remove(&(node, *slot)),
                false => self.taken.insert((node, *slot)),
            };
            if !others.is_empty() && self.doubtful.contains(slot) {
                continue;
            }
            let story = || self.story(*slot);
            assert!(clean <= others.is_empty(), "{node:?} beside {others:?}:\n{}", story());
            let last = self.epochs.get(slot).copied().unwrap_or(0);
            self.epochs.insert(*slot, epoch.max(last));
            let story = || self.story(*slot);
            // From nobody, or without a release, clocks have to do; and the epochs of one who gives
            // much at once run ahead of them.
            let slack = if told { 0 } else { 1_000 };
            assert!(epoch + slack > last, "an epoch from {last} to {epoch}:\n{}", story());
        }
        *(if clean { &mut self.clean } else { &mut self.unclean }) += slots.len();
        self.held.entry(node).or_default().extend(slots);
        // Slots that came back need no release any more.
        for (_, of, _, waiting) in &mut self.releases {
            if *of == node {
                waiting.retain(|slot| !slots.contains(slot));
            }
        }
    }

    /// What happened to a slot.
    fn story(&self, slot: u32) -> String {
        let about = self.trace.iter().filter(|(.., slots)| slots.contains(&slot));
        let line = |(at, node, what, _): &(Instant, NodeId, String, Vec<u32>)| {
            format!("{:.2} {} {what}\n", at.as_nanos() as f64 / 1e9, self.sim.name(*node))
        };
        format!("slot {slot}\n") + &about.map(line).collect::<String>()
    }

    fn note(&mut self, node: NodeId, what: String, slots: &[u32]) {
        self.trace.push((self.sim.now(), node, what, slots.to_vec()));
    }

    fn release(&mut self) {
        let now = self.sim.now();
        let due = self.releases.extract_if(.., |(at, ..)| *at <= now).collect::<Vec<_>>();
        for (_, node, id, slots) in due {
            self.note(node, format!("releases {id}"), &slots);
            if let Some(held) = self.held.get_mut(&node) {
                held.retain(|slot| !slots.contains(slot));
            }
            if self.sim.running().contains(&node) {
                self.sim.request(node, Request::Released(id));
            }
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.sim.now() + span;
        while self.sim.now() < end {
            for node in self.sim.running() {
                self.follow(node);
            }
            self.sim.run_for(STEP);
            for node in self.sim.running() {
                self.listen(node);
            }
            self.release();
        }
    }

    /// A process ends, and what its user had with it.
    fn forget(&mut self, node: NodeId) {
        let own = self.held.get(&node).into_iter().flatten().copied().collect::<Vec<_>>();
        self.note(node, "ends".to_owned(), &own);
        self.rings.remove(&node);
        self.taken.retain(|(taker, _)| *taker != node);
        self.held.remove(&node);
        self.releases.retain(|(_, of, ..)| *of != node);
    }

    /// Every slot is its owner's, and nobody else's.
    fn is_settled(&self) -> bool {
        let running = self.sim.running();
        let Some(ring) = running.first().map(|node| self.ring(*node)) else { return true };
        let owned = |node: &NodeId| {
            let own: BTreeSet<u32> = ring.slots_of(self.sim.name(*node)).collect();
            self.ring(*node) == ring && self.held.get(node).cloned().unwrap_or_default() == own
        };
        running.iter().all(owned)
    }

    fn settle(&mut self) {
        for _ in 0..60 {
            if self.is_settled() {
                return;
            }
            self.run(Duration::from_secs(1));
        }
        panic!("a minute after the last change, not every slot is its owner's");
    }
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn nobody_takes_slots_beside_somebody_else() {
    let moved = every_seed(20, |seed| {
        let mut users = Users::new(seed, 4, 1_000, 60);
        users.settle();
        let first = users.unclean;
        for number in 0..6 {
            let newcomer = users.sim.start(&format!("late{number}"));
            users.join(newcomer);
            let span = users.rng.random_range(0..3_000);
            users.run(Duration::from_millis(span));
        }
        users.settle();
        // Who goes is drained first.
        for node in users.sim.running().into_iter().skip(1).step_by(3).collect::<Vec<_>>() {
            users.sim.set_tags(node, &tags(&[("drained", "yes")]));
            let span = users.rng.random_range(0..3_000);
            users.run(Duration::from_millis(span));
        }
        users.settle();
        let missed = users.trace.iter().rfind(|(.., what, _)| what.contains("unclean"));
        let story = missed.map(|(.., slots)| users.story(slots[0])).unwrap_or_default();
        assert_eq!(users.unclean, first, "somebody was not waited for: {story}");
        users.clean
    });
    // Nothing was shown if next to nothing had moved.
    assert!(moved.iter().all(|moved| *moved > SLOTS as usize), "{moved:?} slots changed hands");
}

#[test]
fn losses_crashes_and_slow_users_end_with_every_slot_at_its_owner() {
    every_seed(20, |seed| {
        // Some users are slower than anybody waits.
        let mut users = Users::new(seed, 5, 7_000, 5);
        let faults = Faults { loss: 0.15, duplication: 0.1, reordering: 0.2, ..Faults::default() };
        users.sim.network().set_faults(faults);
        for round in 0..8 {
            let running = users.sim.running();
            let some = running[users.rng.random_range(1..running.len())];
            match users.rng.random_range(0..4) {
                0 if running.len() > 3 => {
                    users.sim.crash(some);
                    users.forget(some);
                }
                1 => {
                    users.forget(some);
                    users.sim.restart(some);
                    users.join(some);
                    users.read.remove(&some);
                    let log = users.sim.log(some).len();
                    users.read.insert(some, log);
                }
                2 => {
                    let drained =
                        if round % 2 == 0 { tags(&[("drained", "yes")]) } else { Tags::new() };
                    users.sim.set_tags(some, &drained);
                }
                _ => {
                    let newcomer = users.sim.start(&format!("late{round}"));
                    users.join(newcomer);
                }
            }
            let span = users.rng.random_range(0..6_000);
            users.run(Duration::from_millis(span));
        }
        users.sim.network().set_faults(Faults::default());
        users.settle();
    });
}

/// Heeded, a grant from days ahead would void every later one, and a denial too.
#[test]
fn an_epoch_from_the_future_stops_no_hand_off() {
    every_seed(5, |seed| {
        let mut users = Users::new(seed, 3, 100, 60);
        users.settle();
        let (first, nodes) = (users.unclean, users.sim.running());
        let slots: Vec<u32> = (0..SLOTS).collect();
        let names: Vec<String> =
            nodes.iter().map(|node| users.sim.name(*node).to_owned()).collect();
        for kind in [
            HandoffKind::Ask,
            HandoffKind::Released,
            HandoffKind::Elsewhere,
            HandoffKind::Never,
            HandoffKind::Late,
            HandoffKind::Unheeded,
        ] {
            for (at, &node) in nodes.iter().enumerate() {
                let (sender, other) = (&*names[(at + 1) % 3], &*names[(at + 2) % 3]);
                let (epoch, slots) = (u64::MAX, slots.clone());
                let message = HandoffMessage { kind, epoch, ring: 0, sender, other, slots };
                let (mut payload, mut bytes) = (Vec::new(), Vec::new());
                message.encode(&mut payload);
                Message::User(&payload).encode(&mut bytes);
                let from = users.sim.addr(nodes[(at + 1) % 3]);
                users.sim.inject(node, from, &bytes);
                users.sim.run_for(STEP);
            }
        }
        for &node in &nodes {
            assert!(users.sim.stats(node).messages_refused >= 6, "they were heeded");
        }
        users.sim.set_tags(nodes[1], &tags(&[("drained", "yes")]));
        users.run(STEP);
        users.settle();
        users.sim.set_tags(nodes[1], &Tags::new());
        users.run(STEP);
        users.settle();
        assert_eq!(users.unclean, first, "somebody was not waited for");
    });
}

/// A member that takes no part does not hold anybody up, and is told apart.
#[test]
fn who_takes_no_part_is_not_waited_for() {
    let mut sim = Sim::with_protocol(1, Protocol::profile("local"));
    let old = sim.start("old");
    let handoff_timeout = Duration::from_secs(5);
    let protocol = Protocol { handoff_timeout, ..Protocol::profile("local") };
    sim.set_protocol(protocol);
    let new = sim.start("new");
    sim.join(new, &[old]);
    assert!(sim.run_until(Duration::from_secs(10), Sim::all_see_all));
    let both = Ring::new(["new", "old"]).expect("a ring");
    let before = both.without("new").expect("it is there");
    let began = sim.now();
    sim.request(new, Request::Placed(Box::new(RingChange::new(&before, &both))));
    sim.run_for(Duration::from_secs(2));
    let acquired = sim.log(new).iter().find_map(|(at, kind)| match kind {
        EventKind::HandoffAcquired(handoff) => Some((*at, handoff.clone())),
        _ => None,
    });
    let (at, handoff) = acquired.expect("it has them");
    assert!(at < began + Duration::from_secs(1), "it waited");
    assert_eq!((handoff.peer.as_str(), handoff.clean), ("old", false));
    assert_eq!(handoff.slots.len(), both.slots_of("new").count());
    assert_eq!(sim.stats(new).handoffs_unclean, handoff.slots.len() as u64);
    let id = sim.request(old, Request::Released(1));
    sim.run_for(Duration::from_millis(10));
    let refused = sim.reply(old, id).expect("a reply").as_ref().expect_err("nothing waits");
    assert_eq!(refused.kind(), ErrorKind::BadArgument);
}
