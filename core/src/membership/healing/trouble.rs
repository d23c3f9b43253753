//! What is remembered of members with whom something is wrong, and of nobody else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::super::Membership;
use super::super::roster::Slot;
use crate::time::Instant;

/// Of one member. Everything in it is over some time; see [`Trouble::is_over`].
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// Until when no further claim of its name from elsewhere is looked into.
    pub(super) claims_wait: Option<Instant>,
    /// What the last one came to.
    pub(super) verdict: Option<Verdict>,
    /// Until when no further conflict about its name is told of.
    pub(super) conflict_told: Option<Instant>,
    /// Until when it is not told again what is held against it.
    pub(super) accused: Option<Instant>,
    /// Until when it is not told again that this node is there.
    pub(super) corrected: Option<Instant>,
    /// Exchanges of states in a row that came to nothing.
    pub(super) tcp_failures: u32,
    /// Probes in a row that were answered over TCP alone.
    pub(super) udp_failures: u32,
    /// How often it came back lately, as of when it last did.
    pub(super) score: f64,
    pub(super) scored: Instant,
    /// Whether that was often enough for others to be told.
    pub(super) flaps: bool,
    /// Until when it is believed to be there though it refuses.
    pub(crate) refusals_doubted: Option<Instant>,
    /// What was held against the one before it, of the same name at another address.
    pub(super) buried: Option<Buried>,
}

/// The end of an earlier process. News of it may still go round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buried {
    pub(super) incarnation: u32,
    pub(super) until: Instant,
}

/// What is known of another address that its name was claimed for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) addr: SocketAddr,
    /// The incarnation that it had there before it moved; none if somebody else lives there, so
    /// that the claim is more than old news.
    pub(super) outgrown: Option<u32>,
    pub(super) until: Instant,
}

impl Verdict {
    /// Whether a claim of that incarnation is one that it is about.
    pub(super) fn covers(&self, incarnation: u32) -> bool {
        self.outgrown.is_none_or(|outgrown| incarnation <= outgrown)
    }
}

/// Members with troubles remembered at most.
const TROUBLES_MAX: usize = 4096;

/// Probe intervals until a member that came back is a member like any other.
const FORGIVEN_ROUNDS: u32 = 600;

/// By the member that they are about.
pub(super) type Troubles = BTreeMap<Slot, Box<Trouble>>;

impl Trouble {
    fn is_over(&self, now: Instant, forgiven: Duration) -> bool {
        let buried = self.buried.map(|buried| buried.until);
        let times = [
            self.claims_wait,
            self.conflict_told,
            self.accused,
            self.corrected,
            self.refusals_doubted,
            buried,
        ];
        let pending = |at: &Option<Instant>| at.is_some_and(|at| now < at);
        let failures = self.tcp_failures + self.udp_failures;
        failures == 0
            && (self.score <= 0.0 || now.since(self.scored) >= forgiven)
            && !times.iter().any(pending)
            && self.verdict.is_none_or(|verdict| verdict.until <= now)
    }
}

impl Membership {
    /// What is wrong with a member; none if too many others are in trouble.
    pub(crate) fn trouble(&mut self, slot: Slot) -> Option<&mut Trouble> {
        let troubles = &mut self.healing.troubles;
        if troubles.len() >= TROUBLES_MAX && !troubles.contains_key(&slot) {
            self.stats.messages_refused += 1;
            return None;
        }
        Some(troubles.entry(slot).or_default())
    }

    /// Until when a member is believed to be there though it refuses.
    pub(crate) fn refusals_doubted(&self, slot: Slot) -> Option<Instant> {
        self.healing.troubles.get(&slot)?.refusals_doubted
    }

    /// Lets go of what is over.
    pub(crate) fn sweep_troubles(&mut self) {
        let now = self.now;
        // By then, no score is worth its room.
        let forgiven = self.protocol.probe_interval.saturating_mul(FORGIVEN_ROUNDS);
        self.healing.troubles.retain(|_, trouble| !trouble.is_over(now, forgiven));
    }

    /// The member is forgotten.
    pub(crate) fn forget_troubles(&mut self, slot: Slot) {
        self.healing.troubles.remove(&slot);
    }
}
