//! Asking whether a member answers under its name at an address, before acting on hearsay: a ping,
//! and over TCP when that is not answered. A ping names whom it is for, so a stranger who has the
//! address now does not answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::super::Membership;
use super::super::roster::Slot;
use super::super::timer::Due;
use super::namesake::Waiting;
use crate::engine::{RequestId, StreamId};
use crate::member::Member;
use crate::time::Instant;
use crate::wire::{Message, Ping};

/// A question under way.
#[derive(Debug)]
pub(crate) struct Check {
    name: Box<str>,
    addr: SocketAddr,
    deadline: Instant,
    /// Whether to ask over TCP as well, and the connection once that was done.
    over_tcp: bool,
    stream: Option<StreamId>,
    /// Its ping came back, and nothing accepted that connection.
    unheard: bool,
    refused: bool,
    errand: Errand,
}

/// What is done with the answer.
#[derive(Debug)]
pub(crate) enum Errand {
    /// A lost member that answers is joined.
    Redial,
    /// A member that does not answer has moved to where its name is claimed.
    Takeover { slot: Slot, rival: Member },
    /// A suspect that refused has failed if it still does; or one that others declare failed, if
    /// it refuses in both ways.
    Return { slot: Slot, again: bool },
    /// Nobody joins under a name that somebody has who answers.
    Join(Box<Waiting>),
}

impl Errand {
    /// Whether silence has consequences: then nobody is silent who merely lost a packet or two.
    fn insists(&self) -> bool {
        !matches!(self, Self::Redial | Self::Return { again: true, .. })
    }

    fn is_move_of(&self, slot: Slot) -> bool {
        matches!(self, Self::Takeover { slot: about, .. } if *about == slot)
    }
}

/// Questions under way at most.
const CHECKS_MAX: usize = 256;

impl Membership {
    /// Asks whether `name` answers at `addr`; false when too many questions are under way.
    pub(crate) fn check(&mut self, name: &str, addr: SocketAddr, errand: Errand) -> bool {
        if self.healing.checks.len() >= CHECKS_MAX {
            return false;
        }
        let seq = self.next_seq();
        let interval = self.protocol.probe_interval;
        let least = if errand.insists() { interval * 2 } else { interval };
        let deadline = self.now + self.awareness.scale(interval).max(least);
        let over_tcp = self.protocol.tcp_pings;
        let refuses = matches!(errand, Errand::Return { .. });
        let name_kept = name.into();
        let check = Check {
            name: name_kept,
            addr,
            deadline,
            over_tcp,
            stream: None,
            unheard: false,
            refused: false,
            errand,
        };
        self.healing.checks.insert(seq, Box::new(check));
        self.timers.add(Due::Check(seq), deadline);
        self.ping_for_check(seq, name, addr);
        if refuses {
            self.check_over_tcp(seq);
        }
        true
    }

    fn ping_for_check(&mut self, seq: u32, name: &str, addr: SocketAddr) {
        self.timers.add(Due::Check(seq), self.now + self.protocol.probe_timeout);
        let (source, source_port) = self.own_addr();
        let own = Arc::clone(&self.name);
        let ping = Ping {
            seq,
            node: name,
            source_addr: source.as_bytes(),
            source_port,
            source_node: &own,
        };
        // No gossip beside it: whoever has the address now may be of another cluster.
        self.send_together(addr, &[Message::Ping(ping)]);
    }

    /// The ping was not answered in time, or the time for every kind of answer is over.
    pub(crate) fn check_due(&mut self, seq: u32) {
        let Some(check) = self.healing.checks.get(&seq) else { return };
        if check.deadline <= self.now {
            self.conclude(seq, false);
            return;
        }
        let asks_tcp = check.over_tcp && check.stream.is_none();
        if check.errand.insists() {
            let (name, addr) = (check.name.clone(), check.addr);
            self.ping_for_check(seq, &name, addr);
        }
        if asks_tcp {
            self.check_over_tcp(seq);
        }
    }

    fn check_over_tcp(&mut self, seq: u32) {
        let stream = self.next_stream();
        let Some(check) = self.healing.checks.get_mut(&seq) else { return };
        check.stream = Some(stream);
        let (name, addr) = (check.name.clone(), check.addr);
        self.open_tcp_ping(stream, seq, &name, addr);
    }

    /// Whether the answer was to such a question.
    pub(crate) fn check_answered(&mut self, seq: u32) -> bool {
        self.conclude(seq, true)
    }

    /// Nothing accepts the connection for such a question.
    pub(crate) fn check_is_refused(&mut self, seq: u32) {
        if let Some(check) = self.healing.checks.get_mut(&seq) {
            check.refused = true;
        }
    }

    /// Nobody of that name accepts connections there, nor has the ping been answered.
    pub(crate) fn check_refused(&mut self, seq: u32) {
        let waits = |check: &Check| {
            let anew = matches!(check.errand, Errand::Return { again: false, .. });
            anew && check.refused && !check.unheard
        };
        // Its ping may still be answered.
        if !self.healing.checks.get(&seq).is_some_and(|check| waits(check)) {
            self.conclude(seq, false);
        }
    }

    /// Pings to that address came back.
    pub(crate) fn checks_refused(&mut self, to: SocketAddr) {
        self.checks_unsent(to);
        let mut over = Vec::new();
        for (seq, check) in self.healing.checks.iter_mut().filter(|(_, check)| check.addr == to) {
            check.unheard = true;
            if check.refused {
                over.push(*seq);
            }
        }
        for seq in over {
            self.conclude(seq, false);
        }
    }

    /// That member has been given up, so the question whether it has moved is answered, if it was
    /// asked.
    pub(crate) fn settle_claim(&mut self, slot: Slot) -> bool {
        let mut checks = self.healing.checks.iter();
        let seq = checks.find(|(_, check)| check.errand.is_move_of(slot)).map(|(seq, _)| *seq);
        seq.is_some_and(|seq| self.conclude(seq, false))
    }

    /// Who claims the name of that member, while it is asked.
    pub(super) fn rival(&self, slot: Slot) -> Option<Member> {
        self.healing.checks.values().find_map(|check| match &check.errand {
            Errand::Takeover { slot: about, rival } if *about == slot => Some(rival.clone()),
            _ => None,
        })
    }

    pub(super) fn replace_rival(&mut self, slot: Slot, louder: Member) {
        for check in self.healing.checks.values_mut() {
            if let Errand::Takeover { slot: about, rival } = &mut check.errand
                && *about == slot
            {
                *rival = louder.clone();
            }
        }
    }

    /// This node was stopped for a while, so nobody had the time to answer.
    pub(crate) fn postpone_checks(&mut self, span: Duration) {
        for (seq, check) in &mut self.healing.checks {
            check.deadline = check.deadline + span;
            self.timers.add(Due::Check(*seq), check.deadline);
        }
    }

    /// Drops the questions of a join that nobody waits for.
    pub(crate) fn drop_checks_of(&mut self, request: RequestId) {
        let checks = self.healing.checks.extract_if(.., |_, check| match &check.errand {
            Errand::Join(waiting) => waiting.is_of(request),
            Errand::Redial | Errand::Takeover { .. } | Errand::Return { .. } => false,
        });
        let streams: Vec<StreamId> = checks.filter_map(|(_, check)| check.stream).collect();
        for stream in streams {
            self.drop_exchange(stream);
        }
    }

    /// The host refused to send a packet there: no need to wait for the answer.
    pub(crate) fn checks_unsent(&mut self, to: SocketAddr) {
        let unsent = |check: &Check| check.addr == to && check.over_tcp && check.stream.is_none();
        let checks = self.healing.checks.iter();
        let seqs: Vec<u32> = checks.filter(|(_, c)| unsent(c)).map(|(seq, _)| *seq).collect();
        for seq in seqs {
            self.check_over_tcp(seq);
        }
    }

    fn is_at(&self, slot: Slot, name: &str, addr: SocketAddr) -> bool {
        let member = self.roster.get(slot).map(|record| &record.member);
        member.is_some_and(|member| member.name() == name && member.addr() == addr)
    }

    fn conclude(&mut self, seq: u32, answered: bool) -> bool {
        let Some(check) = self.healing.checks.remove(&seq) else { return false };
        let Check { name, addr, stream, refused, errand, .. } = *check;
        if let Some(stream) = stream {
            self.drop_exchange(stream);
        }
        match errand {
            Errand::Redial if answered => self.rejoin(addr),
            Errand::Redial => {}
            Errand::Takeover { slot, rival } => self.takeover(slot, rival, addr, answered),
            Errand::Return { slot, .. } if self.is_at(slot, &name, addr) => {
                self.return_asked(slot, answered, refused);
            }
            Errand::Return { .. } => {}
            Errand::Join(waiting) => self.holder_asked(*waiting, answered),
        }
        true
    }
}
