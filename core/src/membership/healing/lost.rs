//! Looking for those who were lost, so that a partition heals by itself.
//!
//! A failed member may be behind a cut. It is pinged now and then, for as long as the roster has it
//! and long after it was forgotten there, and once it answers, states are exchanged with it as in a
//! join. One contact is enough: what each side knows spreads on the other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use super::super::roster::Record;
use super::super::timer::Timer;
use super::super::{Membership, Presence};
use super::check::Errand;
use crate::member::{Member, MemberState};
use crate::time::Instant;

/// Members that failed and were forgotten by the roster, by name.
#[derive(Debug, Default)]
pub(super) struct Lost(BTreeMap<Box<str>, Place>);

#[derive(Clone, Copy, Debug)]
struct Place {
    addr: SocketAddr,
    since: Instant,
}

/// Lost members remembered at most. Of more, a random part is: one that answers is enough.
const LOST_MAX: usize = 1024;
/// Members asked in one round.
const ASKED: usize = 3;
/// Nodes of a cluster that ask in one interval, on average. So the cost for all does not grow with
/// the cluster, nor with the number of those who are gone for good.
const ASKERS: usize = 16;

impl Lost {
    fn insert(&mut self, member: &Member, since: Instant, rng: &mut Xoshiro256PlusPlus) {
        if self.0.len() >= LOST_MAX {
            let victim = self.0.keys().nth(rng.random_range(0..self.0.len())).cloned();
            victim.and_then(|name| self.0.remove(&name));
        }
        self.0.insert(member.name().into(), Place { addr: member.addr(), since });
    }

    fn iter(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.0.iter().map(|(name, place)| (&**name, place.addr))
    }
}

impl Membership {
    /// Remembers a failed member that the roster forgets.
    pub(crate) fn remember_lost(&mut self, member: &Member, since: Instant) {
        if self.protocol.reconnect_timeout > Duration::ZERO {
            self.healing.lost.insert(member, since, &mut self.rng);
            self.plan_redial();
        }
    }

    /// The member said goodbye: it is no longer looked for.
    pub(crate) fn give_up(&mut self, name: &str) {
        self.healing.lost.0.remove(name);
    }

    /// The member is here. If it had been lost, others who were may be back, too, and gossip misses
    /// some of a crowd: an exchange of states brings them.
    pub(crate) fn found(&mut self, name: &str, failed: bool) {
        let lost = self.healing.lost.0.remove(name).is_some();
        if (lost || failed) && self.is_somebody_away() {
            self.plan_rally();
        }
    }

    fn is_somebody_away(&self) -> bool {
        self.roster.len() > self.roster.present() || !self.healing.lost.0.is_empty()
    }

    /// Sets the time of the next round, unless it is set.
    pub(crate) fn plan_redial(&mut self) {
        let interval = self.protocol.reconnect_interval;
        if interval > Duration::ZERO && self.timers.get(Timer::Redial) == Instant::NEVER {
            // Half of it to one and a half: nodes that lost the others together do not ask in step.
            let wait = interval / 2 + self.random_part(interval);
            self.timers.set(Timer::Redial, self.now + wait);
        }
    }

    /// One round: a few of those who failed are asked whether they are there, if there are any.
    pub(crate) fn redial(&mut self) {
        let (now, timeout) = (self.now, self.protocol.reconnect_timeout);
        self.healing.lost.0.retain(|_, place| now.since(place.since) < timeout);
        if self.presence != Presence::Here || !self.is_somebody_away() {
            return;
        }
        self.plan_redial();
        if self.rng.random_range(0..self.roster.present().max(1)) >= ASKERS {
            return;
        }
        for (name, addr) in self.draw_lost() {
            self.stats.redials += u64::from(self.check(&name, addr, Errand::Redial));
        }
    }

    /// A few of those who failed, forgotten or not, at random.
    fn draw_lost(&mut self) -> Vec<(Box<str>, SocketAddr)> {
        let failed = |record: &&Record| record.member.state() == MemberState::Failed;
        let failed = self.roster.iter().filter(failed);
        let failed = failed.map(|record| (record.member.name(), record.member.addr()));
        let mut drawn = Vec::with_capacity(ASKED);
        for (seen, candidate) in failed.chain(self.healing.lost.iter()).enumerate() {
            if drawn.len() < ASKED {
                drawn.push(candidate);
                continue;
            }
            let place = self.rng.random_range(0..=seen);
            if let Some(drawn) = drawn.get_mut(place) {
                *drawn = candidate;
            }
        }
        drawn.into_iter().map(|(name, addr)| (name.into(), addr)).collect()
    }
}
