//! Newcomers on approval: with `admission` at `ask`, whoever is not known yet waits until a user of
//! this node has let it in. memberlist's alive and merge delegates, as a question and an answer, so
//! that the protocol never waits for anybody's code.
//!
//! Every node decides for itself. Whoever is not let in here is no member here: it is neither shown
//! nor probed, and what is said about it is dropped. Others may see it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Membership;
use super::timer::Due;
use crate::config::Admitting;
use crate::engine::{Output, Reply, StreamId};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Admission, EventKind};
use crate::member::Member;
use crate::time::Instant;
use crate::wire::{PushPull, WireState, encode_stream_err};

/// Who waits to be let in, and who was refused.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Number of the last question.
    last: u64,
    questions: BTreeMap<u64, Question>,
    names: BTreeMap<Box<str>, u64>,
    refused: BTreeMap<(Box<str>, SocketAddr), Refusal>,
    /// Streams whose peers wait for an answer.
    held: BTreeMap<StreamId, Held>,
    /// Nobody is asked about.
    is_wide_open: bool,
}

impl Gate {
    /// For as long as this node takes over what a seed of its own join knows.
    pub(super) fn let_all_in(&mut self, all: bool) {
        self.is_wide_open = all;
    }
}

#[derive(Debug)]
struct Question {
    member: Member,
    deadline: Instant,
}

#[derive(Debug)]
struct Refusal {
    until: Instant,
    reason: Box<str>,
}

/// An exchange of states that waits for questions.
#[derive(Debug)]
struct Held {
    peer: SocketAddr,
    state: PushPull,
    waits_for: BTreeSet<u64>,
    refusal: Option<Box<str>>,
}

/// Where a newcomer stands.
#[derive(Debug)]
enum Standing {
    Asked(u64),
    Refused(Box<str>),
}

/// In front of the reason that a joiner is told.
pub(super) const NOT_ADMITTED: &str = "not admitted: ";
/// Questions that are open, and refusals that are remembered, at most.
const QUESTIONS_MAX: usize = 1024;
/// Nobody is asked again about somebody who was refused within this time.
const REFUSED_FOR: Duration = Duration::from_secs(30);
/// Bytes of a reason that the joiner is told.
const REASON_MAX: usize = 256;

impl Membership {
    /// Whether a newcomer may come in now. If not, somebody has been asked, or has refused it.
    pub(super) fn is_admitted(&mut self, member: &Member) -> bool {
        if self.protocol.admission == Admitting::Open || self.gate.is_wide_open {
            return true;
        }
        let _ = self.ask_about(member);
        false
    }

    fn ask_about(&mut self, member: &Member) -> Standing {
        let gate = &mut self.gate;
        if let Some(id) = gate.names.get(member.name()) {
            if let Some(question) = gate.questions.get_mut(id)
                && question.member.addr() == member.addr()
                && member.incarnation() > question.member.incarnation()
            {
                question.member = member.clone();
            }
            return Standing::Asked(*id);
        }
        gate.refused.retain(|_, refusal| refusal.until > self.now);
        if let Some(refusal) = gate.refused.get(&key(member)) {
            self.stats.messages_refused += 1;
            return Standing::Refused(refusal.reason.clone());
        }
        if gate.questions.len() >= QUESTIONS_MAX {
            self.stats.messages_refused += 1;
            return Standing::Refused("too many others wait to be admitted".into());
        }
        gate.last += 1;
        let (id, deadline) = (gate.last, self.now + self.protocol.tcp_timeout / 2);
        gate.names.insert(member.name().into(), id);
        gate.questions.insert(id, Question { member: member.clone(), deadline });
        self.timers.add(Due::Admission(id), deadline);
        self.event(EventKind::Admission(Arc::new(Admission { id, member: member.clone() })));
        Standing::Asked(id)
    }

    /// A user decides; `refusal` is the reason that the newcomer is told.
    pub(super) fn decide(&mut self, id: u64, refusal: Option<&str>) -> Result<Reply> {
        let Some(question) = self.gate.questions.remove(&id) else {
            let message = format!(
                "there is no open question {id}; it is decided already, or the time for it is over"
            );
            return Err(Error::new(ErrorKind::BadArgument, message));
        };
        let member = question.member;
        self.gate.names.remove(member.name());
        match refusal {
            None => self.welcome(member),
            Some(reason) => self.keep_out(&member, reason),
        }
        self.settle_held(id, refusal);
        Ok(Reply::Done)
    }

    /// It is in, by whatever way.
    pub(super) fn drop_question(&mut self, member: &Member) {
        if let Some(id) = self.gate.names.remove(member.name()) {
            self.gate.questions.remove(&id);
            self.settle_held(id, None);
        }
        self.gate.refused.remove(&key(member));
    }

    fn keep_out(&mut self, member: &Member, reason: &str) {
        self.stats.members_refused += 1;
        if self.gate.refused.len() >= QUESTIONS_MAX {
            self.gate.refused.pop_first();
        }
        let mut end = reason.len().min(REASON_MAX);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let reason = reason.get(..end).unwrap_or_default().into();
        let refusal = Refusal { until: self.now + REFUSED_FOR, reason };
        self.gate.refused.insert(key(member), refusal);
    }

    /// The time for a question may be over.
    pub(super) fn admission_due(&mut self, id: u64) {
        let due = |question: &Question| question.deadline <= self.now;
        if self.gate.questions.get(&id).is_some_and(due) {
            let _ = self.decide(id, Some("nobody decided about it in time"));
        }
    }

    /// Whether the answer to a peer has to wait, or has been refused; then the stream is taken care
    /// of.
    pub(super) fn holds(&mut self, stream: StreamId, peer: SocketAddr, state: &PushPull) -> bool {
        if self.protocol.admission == Admitting::Open {
            return false;
        }
        let (mut waits_for, mut refusal) = (BTreeSet::new(), None);
        for node in state.nodes.iter().filter(|node| node.state == WireState::Alive) {
            let Some(member) = self.newcomer(&node) else { continue };
            match self.ask_about(&member) {
                Standing::Asked(id) => drop(waits_for.insert(id)),
                Standing::Refused(reason) => refusal = Some(reason),
            }
        }
        if waits_for.is_empty() && refusal.is_none() {
            return false;
        }
        let held = Held { peer, state: state.clone(), waits_for, refusal };
        self.gate.held.insert(stream, held);
        self.answer_held(stream);
        true
    }

    /// The peer of a stream that waits does not wait any more.
    pub(super) fn let_go(&mut self, stream: StreamId) {
        self.gate.held.remove(&stream);
    }

    fn settle_held(&mut self, id: u64, refusal: Option<&str>) {
        let waiting = self.gate.held.iter_mut().filter_map(|(stream, held)| {
            let waited = held.waits_for.remove(&id);
            if let (true, Some(reason)) = (waited, refusal) {
                held.refusal = Some(reason.into());
            }
            waited.then_some(*stream)
        });
        for stream in waiting.collect::<Vec<StreamId>>() {
            self.answer_held(stream);
        }
    }

    /// Answers a peer, once nothing is open any more. Of an exchange that is not about joining,
    /// only those who were refused are left out.
    fn answer_held(&mut self, stream: StreamId) {
        if self.gate.held.get(&stream).is_none_or(|held| !held.waits_for.is_empty()) {
            return;
        }
        let Some(held) = self.gate.held.remove(&stream) else { return };
        match held.refusal.filter(|_| held.state.join) {
            Some(reason) => {
                let mut bytes = Vec::new();
                encode_stream_err(&format!("{NOT_ADMITTED}{reason}"), &mut bytes);
                self.answer(stream, &bytes);
            }
            None => self.exchange(stream, held.peer, &held.state),
        }
        self.out.push_back(Output::Close { stream });
    }
}

fn key(member: &Member) -> (Box<str>, SocketAddr) {
    (member.name().into(), member.addr())
}
