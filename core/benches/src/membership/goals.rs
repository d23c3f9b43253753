//! What is measured, and what it is measured against.

use super::run::Run;
use crate::rival::Kind;

/// One column of the table. Smaller is better in all of them.
pub(crate) struct Metric {
    /// Key in the JSON file, and what [`GOALS`] refer to.
    pub(crate) key: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: fn(&Run) -> Option<f64>,
    /// Whether it counts as CPU or memory, of which a fifth of Go's is the goal.
    pub(crate) is_cost: bool,
}

const fn metric(
    key: &'static str,
    title: &'static str,
    unit: &'static str,
    value: fn(&Run) -> Option<f64>,
) -> Metric {
    Metric { key, title, unit, value, is_cost: false }
}

const fn cost(
    key: &'static str,
    title: &'static str,
    unit: &'static str,
    value: fn(&Run) -> Option<f64>,
) -> Metric {
    Metric { key, title, unit, value, is_cost: true }
}

/// The columns, in the order of the table.
pub(crate) const METRICS: &[Metric] = &[
    metric("full_view", "full view", "s", |r| r.full_view_s),
    cost("start_cpu", "CPU to start", "ms/node", |r| r.start_cpu_ms_per_node),
    cost("converge_cpu", "CPU to converge", "ms/node", |r| r.converge_cpu_ms_per_node),
    metric("converge_mb", "to converge", "MB", |r| r.converge_mb),
    cost("steady_cpu", "steady CPU", "ms/node·min", |r| r.steady_cpu_ms_per_node_min),
    metric("packets", "datagrams sent", "/node·s", |r| r.steady_packets_per_node_s),
    metric("segments", "TCP segments", "/node·s", |r| r.steady_segments_per_node_s),
    metric("bytes", "bytes", "/node·s", |r| r.steady_bytes_per_node_s),
    cost("rss", "RSS", "KiB/node", |r| r.rss_kib_per_node),
    cost("anonymous", "RSS but for program files", "KiB/node", |r| r.anonymous_kib_per_node),
    metric("broadcast_p50", "broadcast p50", "ms", |r| r.broadcast_p50_ms),
    metric("broadcast_p99", "broadcast p99", "ms", |r| r.broadcast_p99_ms),
    metric("broadcast_packets", "broadcast datagrams", "/node", |r| r.broadcast_packets_per_node),
    metric("broadcast_missing", "broadcasts lost", "", |r| r.broadcast_missing.map(|n| n as f64)),
    metric("kill_suspicion", "kill: first suspicion", "s", |r| r.kill_suspicion_s),
    metric("kill_first", "kill: first failure", "s", |r| r.kill_first_s),
    metric("kill_all", "kill: all know", "s", |r| r.kill_all_s),
    metric("silence_suspicion", "silence: first suspicion", "s", |r| r.silence_suspicion_s),
    metric("silence_first", "silence: first failure", "s", |r| r.silence_first_s),
    metric("silence_all", "silence: all know", "s", |r| r.silence_all_s),
    metric("false_failures", "false failures", "", |r| r.false_failures.map(|n| n as f64)),
];

/// Whom a goal is stated against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rival {
    Go,
    Foca,
    /// A number of its own.
    Bound(Fixed),
}

/// A bound in thousandths, so that rivals can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fixed(pub(crate) u64);

impl Fixed {
    pub(crate) fn value(self) -> f64 {
        self.0 as f64 / 1e3
    }
}

/// Ours must be at least `times` below the rival, at `nodes` or, if `None`, at every size.
pub(crate) struct Goal {
    /// With the defaults, or with another profile.
    pub(crate) ours: Kind,
    pub(crate) metric: &'static str,
    pub(crate) nodes: Option<usize>,
    pub(crate) rival: Rival,
    pub(crate) times: f64,
    pub(crate) text: &'static str,
}

const fn at_most(metric: &'static str, thousandths: u64, text: &'static str) -> Goal {
    let rival = Rival::Bound(Fixed(thousandths));
    Goal { ours: Kind::Ours, metric, nodes: Some(128), rival, times: 1.0, text }
}

const fn below(metric: &'static str, rival: Rival, times: f64, text: &'static str) -> Goal {
    Goal { ours: Kind::Ours, metric, nodes: Some(128), rival, times, text }
}

const fn fast(goal: Goal) -> Goal {
    Goal { ours: Kind::Fast, ..goal }
}

/// The goals that this benchmark can judge. Not here: G5 (the simulator), G9 (`starvation`), G10 to
/// G15 (other benchmarks), and G16, which needs a mixed cluster.
pub(crate) const GOALS: &[Goal] = &[
    below("steady_cpu", Rival::Go, 15.0, "G1: ≥ 15x below Go"),
    below("steady_cpu", Rival::Foca, 2.0, "G1: ≥ 2x below foca"),
    at_most("steady_cpu", 2_400, "G1: ≤ 2.4 ms/node·min"),
    below("rss", Rival::Go, 10.0, "G2: ≥ 10x below Go"),
    below("rss", Rival::Foca, 2.0, "G2: ≥ 2x below foca"),
    at_most("rss", 32_000, "G2: ≤ 32 KiB/node"),
    at_most("full_view", 300, "G3: ≤ 0.3 s"),
    at_most("converge_cpu", 700, "G3: ≤ 0.7 ms/node"),
    at_most("converge_mb", 1_500, "G3: ≤ 1.5 MB"),
    below("converge_cpu", Rival::Go, 10.0, "G3: ≥ 10x below Go"),
    below("converge_mb", Rival::Go, 7.0, "G3: ≥ 7x below Go"),
    at_most("broadcast_p50", 8_000, "G6: ≤ 8 ms"),
    at_most("broadcast_p99", 20_000, "G6: ≤ 20 ms"),
    at_most("broadcast_packets", 13_000, "G6: ≤ 13/node"),
    below("broadcast_p50", Rival::Go, 35.0, "G6: ≥ 35x below Go"),
    at_most("kill_all", 250, "G7: ≤ 250 ms"),
    below("kill_all", Rival::Go, 40.0, "G7: ≥ 40x below Go"),
    fast(at_most("silence_all", 3_500, "G8: ≤ 3.5 s with the fast profile")),
];
