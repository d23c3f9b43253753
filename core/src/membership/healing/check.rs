//! Asking whether a member answers under its name at an address, before acting on hearsay: a ping,
//! and over TCP when that is not answered. A ping names whom it is for, so a stranger who has the
//! address now does not answer.

use std::net::SocketAddr;
use std::sync::Arc;

use super::super::Membership;
use super::super::timer::Due;
use crate::engine::StreamId;
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
    errand: Errand,
}

/// What is done with the answer.
#[derive(Debug)]
pub(crate) enum Errand {
    /// A lost member that answers is joined.
    Redial,
}

/// Questions under way at most.
const CHECKS_MAX: usize = 256;

impl Membership {
    /// Asks whether `name` answers at `addr`; false when too many questions are under way.
    pub(super) fn check(&mut self, name: &str, addr: SocketAddr, errand: Errand) -> bool {
        if self.healing.checks.len() >= CHECKS_MAX {
            return false;
        }
        let seq = self.next_seq();
        let deadline = self.now + self.awareness.scale(self.protocol.probe_interval);
        let over_tcp = self.protocol.tcp_pings;
        let check = Check { name: name.into(), addr, deadline, over_tcp, stream: None, errand };
        self.healing.checks.insert(seq, Box::new(check));
        self.timers.add(Due::Check(seq), self.now + self.protocol.probe_timeout);
        self.timers.add(Due::Check(seq), deadline);
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
        true
    }

    /// The ping was not answered in time, or the time for every kind of answer is over.
    pub(crate) fn check_due(&mut self, seq: u32) {
        let Some(check) = self.healing.checks.get(&seq) else { return };
        if check.deadline <= self.now {
            self.conclude(seq, false);
        } else if check.over_tcp && check.stream.is_none() {
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

    /// Nobody of that name accepts connections there, nor has the ping been answered.
    pub(crate) fn check_refused(&mut self, seq: u32) {
        self.conclude(seq, false);
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

    fn conclude(&mut self, seq: u32, answered: bool) -> bool {
        let Some(check) = self.healing.checks.remove(&seq) else { return false };
        let Check { addr, stream, errand, .. } = *check;
        if let Some(stream) = stream {
            self.drop_exchange(stream);
        }
        match errand {
            Errand::Redial => {
                if answered {
                    self.rejoin(addr);
                }
            }
        }
        true
    }
}
