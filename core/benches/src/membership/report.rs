//! The table of the membership benchmark.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::goals::{GOALS, METRICS, Metric, Rival};
use super::run::Run;
use crate::report::{NO_WORSE, Pair, Row, cell, goal_table, median_of};
use crate::rival::{Kind, LOOPBACK, Machine};

/// The whole file.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    rows: Vec<Row>,
    machine: &'a Machine,
    runs: &'a [Run],
    not_measured: &'static [&'static str],
}

/// Said in every report, so that nobody looks for it.
const NOT_MEASURED: &[&str] = &[
    "G5: simulated time, not this benchmark",
    "G8 is judged where chinwag-fast is one of --peers; its false failures are `starvation`'s",
    "G16: needs a cluster of ours mixed with Go; the steady rows are of pure clusters",
    "push/pulls are rare: without --whole-periods the quiet window holds few or none of them, and \
     memberlist's first ones come later than ours (see the row of TCP segments)",
    "kernel memory of the sockets is not part of RSS",
    "foca has no stream socket and no meta: its broadcast is a custom one of the same 64 bytes",
];

impl<'a> Report<'a> {
    pub(crate) fn of(runs: &'a [Run], machine: &'a Machine) -> Self {
        Self { rows: rows(runs), machine, runs, not_measured: NOT_MEASURED }
    }

    /// The tables for the page of benchmarks.
    pub(crate) fn markdown(&self) -> String {
        let mut out = self.machine.line(LOOPBACK);
        for nodes in sizes(self.runs) {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "\n### {nodes} nodes\n");
            out.push_str(&size_table(self.runs, nodes));
        }
        let _ = writeln!(out, "\n### Goals\n\n{}", goal_table(&self.rows));
        let _ = writeln!(out, "### Not finished, not measured\n");
        for run in self.runs {
            for note in &run.notes {
                let (peer, nodes, round) = (&run.peer, run.nodes, run.round);
                let _ = writeln!(out, "- {peer}, {nodes} nodes, round {round}: {note}");
            }
        }
        for line in self.not_measured {
            let _ = writeln!(out, "- {line}");
        }
        out
    }
}

fn sizes(runs: &[Run]) -> BTreeSet<usize> {
    runs.iter().map(|run| run.nodes).collect()
}

fn of(runs: &[Run], kind: Kind, nodes: usize) -> impl Iterator<Item = &Run> {
    runs.iter().filter(move |run| run.nodes == nodes && run.peer == kind.name())
}

fn value(runs: &[Run], kind: Kind, nodes: usize, metric: &Metric) -> Option<Option<f64>> {
    median_of(of(runs, kind, nodes).map(metric.value))
}

fn size_table(runs: &[Run], nodes: usize) -> String {
    let kinds: Vec<Kind> = [Kind::Ours, Kind::Fast, Kind::Go, Kind::Foca]
        .into_iter()
        .filter(|kind| of(runs, *kind, nodes).next().is_some())
        .collect();
    let mut out = String::from("| |");
    for kind in &kinds {
        let _ = write!(out, " {} |", kind.name());
    }
    let _ = write!(out, "\n|---|{}\n", "---|".repeat(kinds.len()));
    for metric in METRICS {
        let _ = write!(out, "| {} {} |", metric.title, metric.unit);
        for kind in &kinds {
            let _ = write!(out, " {} |", cell(value(runs, *kind, nodes, metric).flatten()));
        }
        out.push('\n');
    }
    let _ = write!(out, "| rounds |");
    for kind in &kinds {
        let _ = write!(out, " {} |", of(runs, *kind, nodes).count());
    }
    let _ = write!(out, "\n| foreign load, cores |");
    for kind in &kinds {
        let load = median_of(of(runs, *kind, nodes).map(|run| run.quiet_foreign_cores));
        let _ = write!(out, " {} |", cell(load.flatten()));
    }
    out.push('\n');
    out
}

fn rows(runs: &[Run]) -> Vec<Row> {
    let mut rows = Vec::new();
    for nodes in sizes(runs) {
        for metric in METRICS {
            let pair = |ours, rival| pair(runs, metric, nodes, (ours, rival));
            let go = pair(Kind::Ours, Rival::Go);
            rows.push(go.judge(NO_WORSE, 1.0));
            if metric.is_cost {
                rows.push(go.judge("≤ 1/5 of Go", 5.0));
            }
            rows.push(pair(Kind::Ours, Rival::Foca).plain());
            let goals = GOALS.iter().filter(|goal| {
                goal.metric == metric.key && goal.nodes.is_none_or(|at| at == nodes)
            });
            rows.extend(goals.map(|goal| pair(goal.ours, goal.rival).judge(goal.text, goal.times)));
        }
    }
    rows.extend(per_member(runs));
    rows
}

fn pair(runs: &[Run], metric: &Metric, nodes: usize, (ours, rival): (Kind, Rival)) -> Pair {
    let (peer, theirs) = match rival {
        Rival::Go => (Kind::Go.name(), value(runs, Kind::Go, nodes, metric)),
        Rival::Foca => (Kind::Foca.name(), value(runs, Kind::Foca, nodes, metric)),
        Rival::Bound(bound) => ("bound", Some(Some(bound.value()))),
    };
    Pair {
        row: format!("{}, N={nodes}", metric.title),
        unit: metric.unit.to_owned(),
        peer: peer.to_owned(),
        ours: value(runs, ours, nodes, metric),
        theirs,
    }
}

/// What a further member costs each node, from the smallest size to the largest (G2).
fn per_member(runs: &[Run]) -> Option<Row> {
    let sizes = sizes(runs);
    let (few, many) = (*sizes.first()?, *sizes.last()?);
    let rss = METRICS.iter().find(|metric| metric.key == "rss")?;
    let slope = |kind| {
        let at = |nodes| value(runs, kind, nodes, rss).flatten();
        Some((at(many)? - at(few)?) * 1024.0 / (many - few) as f64)
    };
    if few == many {
        return None;
    }
    let pair = Pair {
        row: format!("RSS per further member, N={few} to {many}"),
        unit: "B/node".to_owned(),
        peer: "bound".to_owned(),
        ours: slope(Kind::Ours).map(Some),
        theirs: Some(Some(128.0)),
    };
    Some(pair.judge("G2: ≤ 128 B", 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(kind: Kind, nodes: usize, steady: f64) -> Run {
        Run {
            peer: kind.name().to_owned(),
            nodes,
            steady_cpu_ms_per_node_min: Some(steady),
            rss_kib_per_node: Some(steady),
            ..Run::default()
        }
    }

    #[test]
    fn goals_name_metrics_that_exist() {
        for goal in GOALS {
            assert!(METRICS.iter().any(|metric| metric.key == goal.metric), "{}", goal.text);
        }
    }

    #[test]
    fn a_goal_is_judged_at_its_size_only() {
        let runs = [
            run(Kind::Ours, 128, 2.0),
            run(Kind::Go, 128, 36.0),
            run(Kind::Ours, 32, 2.0),
            run(Kind::Go, 32, 36.0),
        ];
        let rows = rows(&runs);
        let of = |goal: &str| -> Vec<&Row> {
            rows.iter().filter(|row| row.goal.as_deref() == Some(goal)).collect()
        };
        let [row] = *of("G1: ≥ 15x below Go") else { panic!("one row expected") };
        assert_eq!((row.ratio, row.met), (Some(18.0), Some(true)));
        assert!(row.row.ends_with("N=128"));
        let fifth = of("≤ 1/5 of Go");
        assert!(fifth.iter().any(|row| row.row == "steady CPU, N=32" && row.met == Some(true)));
        assert!(of("G1: ≥ 2x below foca").iter().all(|row| row.met.is_none()));
    }

    #[test]
    fn a_further_member_costs_the_slope() {
        let runs = [run(Kind::Ours, 128, 20.0), run(Kind::Ours, 256, 36.0)];
        let row = per_member(&runs).unwrap();
        assert_eq!((row.ours, row.met), (Some(128.0), Some(true)));
    }
}
