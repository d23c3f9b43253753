//! What a child has seen.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use chinwag::Node;
use serde::{Deserialize, Serialize};

/// Kinds of failures that are told apart.
const KINDS_MAX: usize = 20;

/// Goes up.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What has been done, as it was seen by those who did it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answered as they should be.
    pub(super) calls: Count,
    /// Sent, and heard from others.
    pub(super) casts: Count,
    pub(super) heard: Count,
    pub(super) registered: Count,
    pub(super) unregistered: Count,
    failures: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    /// Something is not as it should be.
    pub(super) fn fail(&self, what: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let what = if failures.len() < KINDS_MAX { what } else { "others" };
        *failures.entry(what.to_owned()).or_default() += 1;
    }
}

/// The same, told; and the node's own counters beside it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Told {
    pub(super) calls: u64,
    pub(super) casts: u64,
    pub(super) heard: u64,
    pub(super) registered: u64,
    pub(super) unregistered: u64,
    pub(super) failures: BTreeMap<String, u64>,
    /// Servers that the node knows of.
    pub(super) servers: usize,
    /// The node's counters that stay at zero while nothing is lost.
    pub(super) losses: BTreeMap<String, u64>,
    pub(super) casts_sent: u64,
    pub(super) casts_served: u64,
}

impl Told {
    pub(super) fn of(tally: &Tally, node: &Node) -> Self {
        let failures = tally.failures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stats = node.stats();
        let losses = [
            ("casts_dropped", stats.casts_dropped),
            ("casts_lost", stats.casts_lost),
            ("casts_in_doubt", stats.casts_in_doubt),
            ("requests_expired", stats.requests_expired),
            ("requests_refused", stats.requests_refused),
            ("replies_late", stats.replies_late),
            ("replies_unwanted", stats.replies_unwanted),
            ("links_lost", stats.links_lost),
            ("links_refused", stats.links_refused),
            ("frames_malformed", stats.frames_malformed),
        ];
        Self {
            calls: tally.calls.now(),
            casts: tally.casts.now(),
            heard: tally.heard.now(),
            registered: tally.registered.now(),
            unregistered: tally.unregistered.now(),
            failures,
            servers: node.servers().len(),
            losses: losses.map(|(name, count)| (name.to_owned(), count)).into(),
            casts_sent: stats.casts_sent,
            casts_served: stats.casts_served,
        }
    }
}
