//! A bulk join: everybody through the first, at once.

use std::time::{Duration, Instant as Clock};

use chinwag::config::Protocol;
use chinwag::sim::{NodeId, Sim};
use chinwag::time::Instant;
use serde::Serialize;

use crate::counters::{peak_rss_kib, thread_s};

/// When a join counts as not finished.
const LIMIT: Duration = Duration::from_secs(600);
/// How long the cluster is simulated in all, if the join does not take longer.
const SPAN: Duration = Duration::from_secs(60);

/// What one join gave.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Join {
    pub(super) nodes: usize,
    pub(super) seed: u64,
    /// Virtual time until all see all.
    pub(super) full_view_s: Option<f64>,
    /// What that, and the rest of a minute, took here.
    pub(super) wall_s: f64,
    /// Of that, the CPU.
    pub(super) cpu_s: f64,
    pub(super) packets: u64,
    /// Datagrams and streams, without headers and uncompressed.
    pub(super) megabytes: f64,
    /// Of the process so far.
    pub(super) peak_rss_mib: f64,
}

/// Lets `nodes` join.
pub(super) fn run(nodes: usize, seed: u64) -> Join {
    let (clock, cpu) = (Clock::now(), thread_s());
    // The coder is no part of the protocol's state, and would take most of the time.
    let protocol = Protocol { compression: false, ..Protocol::default() };
    let mut sim = Sim::with_protocol(seed, protocol);
    let ids: Vec<NodeId> = (0..nodes).map(|number| sim.start(&format!("n{number}"))).collect();
    for id in &ids[1..] {
        sim.join(*id, &ids[..1]);
    }
    let met = sim.run_until(LIMIT, Sim::all_see_all);
    let at = sim.now().since(Instant::default());
    let traffic = sim.traffic();
    sim.run_for(SPAN.saturating_sub(at));
    Join {
        nodes,
        seed,
        full_view_s: met.then_some(at.as_secs_f64()),
        wall_s: clock.elapsed().as_secs_f64(),
        cpu_s: thread_s() - cpu,
        packets: traffic.packets,
        megabytes: (traffic.packet_bytes + traffic.stream_bytes) as f64 / 1e6,
        peak_rss_mib: peak_rss_kib("self").unwrap_or(0) as f64 / 1024.0,
    }
}
