//! What mends by itself: members that were lost are looked for, and names go where their members
//! went.

mod check;
pub(super) mod flapping;
mod hearsay;
mod lost;
mod namesake;
mod reach;
mod takeover;
mod trouble;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use self::check::Check;
pub(super) use self::check::Errand;
use self::lost::Lost;
use self::trouble::Troubles;
use super::roster::Slot;
use crate::time::Instant;

/// What is only there when something went wrong.
#[derive(Debug, Default)]
pub(super) struct Healing {
    /// Questions under way whether somebody is there, by the number of their ping.
    checks: BTreeMap<u32, Box<Check>>,
    /// Failed members that the roster has forgotten.
    lost: Lost,
    troubles: Troubles,
    /// A member to be probed next.
    pub(super) urgent: Option<Slot>,
    /// Until when no other member is probed out of turn.
    pub(super) hurried: Instant,
    /// Looks for suspects.
    pub(super) looks: Looks,
    /// A member to exchange states with next, to see whether it can be done.
    pub(super) doubted: Option<Slot>,
    /// Probes whose failure says nothing, because this node was stopped for a while.
    pub(super) unsure: u32,
    /// Who has this node's name in the cluster of a seed.
    holders: BTreeMap<SocketAddr, SocketAddr>,
    /// Until when no further conflict is told of.
    conflicts: Instant,
}

/// Suspects that a node looks for in a probe interval: at the end of a cut, everybody may be
/// suspected at once.
const LOOKS_MAX: u32 = 8;

/// How often this node has looked for suspects in the present interval.
#[derive(Debug, Default)]
pub(super) struct Looks {
    until: Instant,
    count: u32,
}

impl Looks {
    /// Whether there may be one more.
    pub(super) fn take(&mut self, now: Instant, interval: Duration) -> bool {
        if self.until <= now {
            *self = Self { until: now + interval, count: 0 };
        }
        self.count += 1;
        self.count <= LOOKS_MAX
    }
}
