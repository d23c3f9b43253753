//! What must hold at every step, whatever the network does. A violation names the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::NodeId;
use crate::event::EventKind;
use crate::member::{Member, MemberState};
use crate::time::Instant;

/// Follows what every observer tells about every subject.
#[derive(Debug)]
pub(super) struct Checks {
    seed: u64,
    /// Numbers of the subjects by name, as every observer may tell about everybody.
    subjects: BTreeMap<String, Subject>,
    /// By observer.
    seen: Vec<BTreeMap<Subject, Told>>,
    /// Members whom all observers know without having told so, but for those started again.
    given: BTreeMap<Subject, Told>,
    restarted: BTreeSet<NodeId>,
    told: u64,
}

type Subject = u32;

/// The last that an observer told about a subject.
#[derive(Debug)]
struct Told {
    state: MemberState,
    incarnation: u32,
    addr: SocketAddr,
}

impl Told {
    /// As good as nothing: whatever may come first may follow it.
    fn nothing(addr: SocketAddr) -> Self {
        Self { state: MemberState::Left, incarnation: 0, addr }
    }
}

impl Checks {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            subjects: BTreeMap::new(),
            seen: Vec::new(),
            given: BTreeMap::new(),
            restarted: BTreeSet::new(),
            told: 0,
        }
    }

    /// Grows whenever anybody tells anything.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    pub(super) fn note(&mut self) {
        self.told += 1;
    }

    /// Everybody knows that member, and has never told so.
    pub(super) fn acquainted(&mut self, name: &str, addr: SocketAddr, incarnation: u32) {
        let subject = self.subject(name);
        self.given.insert(subject, Told { state: MemberState::Alive, incarnation, addr });
    }

    /// A restarted observer has told nothing yet.
    pub(super) fn restarted(&mut self, observer: NodeId) {
        self.note();
        self.restarted.insert(observer);
        if let Some(seen) = self.seen.get_mut(observer.0) {
            seen.clear();
        }
    }

    /// The number of a member.
    fn subject(&mut self, name: &str) -> Subject {
        if let Some(subject) = self.subjects.get(name) {
            return *subject;
        }
        let subject = Subject::try_from(self.subjects.len()).unwrap_or(Subject::MAX);
        self.subjects.insert(name.to_owned(), subject);
        subject
    }

    /// What an observer told last of a member, or what was given to it.
    fn last_told(&self, observer: NodeId, subject: Subject) -> Option<&Told> {
        let given = || self.given.get(&subject).filter(|_| !self.restarted.contains(&observer));
        self.seen.get(observer.0).and_then(|seen| seen.get(&subject)).or_else(given)
    }

    pub(super) fn event(&mut self, observer: NodeId, own: &str, now: Instant, kind: &EventKind) {
        self.note();
        let Some(member) = kind.member() else { return };
        let subject = self.subject(member.name());
        let before = self.last_told(observer, subject);
        let state = before.map(|told| told.state);
        let seconds = now.as_nanos() as f64 / 1e9;
        let context = || {
            format!(
                "seed {:#x}, {seconds:.3} s: {own} told {} after {state:?}: {member:?}",
                self.seed,
                kind.token()
            )
        };
        assert_ne!(member.name(), own, "{}: about itself", context());
        assert!(may_follow(kind, state), "{}", context());
        if let Some(before) = before {
            let same_process = before.addr == member.addr();
            assert!(
                !same_process || member.incarnation() >= before.incarnation,
                "{}: incarnation went back from {}",
                context(),
                before.incarnation
            );
            let back = matches!(kind, EventKind::MemberJoin(_)) && same_process;
            assert!(
                !back || member.incarnation() > before.incarnation,
                "{}: back from the dead at incarnation {}",
                context(),
                before.incarnation
            );
            let moves = matches!(kind, EventKind::MemberJoin(_) | EventKind::MemberMove { .. });
            assert!(same_process || moves, "{}: its address changed on the quiet", context());
        }
        if self.seen.len() <= observer.0 {
            self.seen.resize_with(observer.0 + 1, BTreeMap::new);
        }
        let (seen, addr) = (&mut self.seen[observer.0], member.addr());
        if matches!(kind, EventKind::MemberReap(_)) {
            // To the given it must be known that they are not known any more.
            match self.given.contains_key(&subject) {
                true => seen.insert(subject, Told::nothing(addr)),
                false => seen.remove(&subject),
            };
            return;
        }
        let (state, incarnation) = (member.state(), member.incarnation());
        seen.insert(subject, Told { state, incarnation, addr });
    }

    /// Whoever has followed the events of `observer` knows what it knows.
    pub(super) fn replayed<'a>(
        &self,
        observer: NodeId,
        own: &str,
        members: impl Iterator<Item = &'a Member>,
    ) {
        let mut known = 0;
        for member in members.filter(|member| member.name() != own) {
            known += 1;
            let subject = self.subjects.get(member.name());
            let told = subject.and_then(|subject| self.last_told(observer, *subject));
            let same = told.is_some_and(|told| {
                told.state == member.state()
                    && told.addr == member.addr()
                    && told.incarnation <= member.incarnation()
            });
            assert!(same, "seed {:#x}: {own} knows {member:?} and told {told:?}", self.seed);
        }
        let seen = self.seen.get(observer.0).unwrap_or(const { &BTreeMap::new() });
        let told = seen.iter().filter(|(_, told)| told.incarnation > 0).count();
        let own_subject = self.subjects.get(own);
        let given = self.given.keys().filter(|subject| {
            let is_given = !self.restarted.contains(&observer) && Some(*subject) != own_subject;
            is_given && !seen.contains_key(subject)
        });
        assert_eq!(
            told + given.count(),
            known,
            "seed {:#x}: {own} told of members it forgot",
            self.seed
        );
    }
}

/// Which event may follow which state, as told before.
fn may_follow(kind: &EventKind, state: Option<MemberState>) -> bool {
    use MemberState::{Alive, Failed, Left, Suspect};
    match kind {
        EventKind::MemberJoin(_) => matches!(state, None | Some(Failed | Left)),
        // Who had failed may be made to leave.
        EventKind::MemberLeave(_) => matches!(state, Some(Alive | Suspect | Failed)),
        EventKind::MemberFailed(_) => matches!(state, Some(Alive | Suspect)),
        EventKind::MemberUpdate { .. } | EventKind::MemberSuspect(_) => state == Some(Alive),
        EventKind::MemberRecover(_) => state == Some(Suspect),
        EventKind::MemberReap(_) => matches!(state, Some(Failed | Left)),
        EventKind::MemberMove { .. } | EventKind::MemberConflict { .. } => {
            matches!(state, Some(Alive | Suspect))
        }
        EventKind::ReplayDone
        | EventKind::EventsLost { .. }
        | EventKind::Warning(_)
        | EventKind::Message(_)
        | EventKind::Broadcast(_)
        | EventKind::RemoteState(_)
        | EventKind::Admission(_)
        | EventKind::UserEvent(_)
        | EventKind::Query(_)
        | EventKind::RingChange(_)
        | EventKind::HandoffPrepare(_)
        | EventKind::HandoffAcquired(_) => true,
    }
}
