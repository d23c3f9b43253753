//! The table of the event benchmark (G15).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::{Run, Seen};
use crate::report::{Pair, Row, cell, goal_table, median_of};
use crate::rival::{LOOPBACK, Machine};

/// The whole file.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    rows: Vec<Row>,
    machine: &'a Machine,
    runs: &'a [Run],
}

/// How the name of the variant that wakes the loop for every event ends.
const NAIVE: &str = "-naive";

struct Metric {
    title: &'static str,
    unit: &'static str,
    value: fn(&Run) -> Option<f64>,
    /// The bound that G15 sets.
    bound: Option<(f64, &'static str)>,
    /// How far below the naive way of the reader that is named first.
    times: Option<(&'static str, f64, &'static str)>,
}

const METRICS: &[Metric] = &[
    Metric {
        title: "floor: one wake-up, p50",
        unit: "µs",
        value: |run| run.floor.as_ref()?.p50_us,
        bound: None,
        times: None,
    },
    Metric {
        title: "floor: two wake-ups, p50",
        unit: "µs",
        value: |run| run.relayed.as_ref()?.p50_us,
        bound: None,
        times: None,
    },
    Metric {
        title: "idle p50",
        unit: "µs",
        value: |run| run.idle.as_ref()?.p50_us,
        bound: Some((40.0, "G15: ≤ 40 µs")),
        times: None,
    },
    Metric {
        title: "idle p99",
        unit: "µs",
        value: |run| run.idle.as_ref()?.p99_us,
        bound: None,
        times: None,
    },
    Metric {
        title: "stream p50",
        unit: "µs",
        value: |run| run.stream.as_ref()?.p50_us,
        bound: None,
        times: None,
    },
    Metric {
        title: "stream p99",
        unit: "µs",
        value: |run| run.stream.as_ref()?.p99_us,
        bound: None,
        times: None,
    },
    Metric {
        title: "stream CPU, packets included",
        unit: "µs/event",
        value: |run| cpu(run.stream.as_ref()?),
        bound: None,
        times: None,
    },
    Metric {
        title: "stream lost",
        unit: "",
        value: |run| Some(run.stream.as_ref()?.lost as f64),
        bound: None,
        times: None,
    },
    Metric {
        title: "drain",
        unit: "µs/event",
        value: |run| wall(run.drain.as_ref()?),
        bound: Some((1.0, "G15: ≥ 1 M events/s")),
        times: Some(("python", 30.0, "G15: ≥ 30x call_soon_threadsafe")),
    },
    Metric {
        title: "drain CPU",
        unit: "µs/event",
        value: |run| cpu(run.drain.as_ref()?),
        bound: Some((0.5, "G15: ≤ 0.5 µs")),
        times: None,
    },
    Metric {
        title: "of which the callback's own",
        unit: "µs/event",
        value: |run| run.own.map(|own| own.cpu_us / own.events as f64),
        bound: None,
        times: None,
    },
];

fn cpu(seen: &Seen) -> Option<f64> {
    Some(seen.cpu_us / seen.events as f64).filter(|cpu| cpu.is_finite())
}

fn wall(seen: &Seen) -> Option<f64> {
    Some(seen.span_us? / (seen.events.checked_sub(1)?) as f64).filter(|wall| wall.is_finite())
}

impl<'a> Report<'a> {
    pub(crate) fn of(runs: &'a [Run], machine: &'a Machine) -> Self {
        Self { rows: rows(runs), machine, runs }
    }

    /// The tables for the page of benchmarks.
    pub(crate) fn markdown(&self) -> String {
        let readers = readers(self.runs);
        let mut out = self.machine.line(LOOPBACK);
        out.push_str("\n| |");
        for reader in &readers {
            // Writing to a string cannot fail.
            let _ = write!(out, " {reader} |");
        }
        let _ = write!(out, "\n|---|{}\n", "---|".repeat(readers.len()));
        for metric in METRICS {
            let _ = write!(out, "| {} {} |", metric.title, metric.unit);
            for reader in &readers {
                let _ = write!(out, " {} |", cell(value(self.runs, reader, metric).flatten()));
            }
            out.push('\n');
        }
        let _ = write!(out, "| foreign load, cores |");
        for reader in &readers {
            let load = median_of(of(self.runs, reader).map(|run| run.foreign_cores));
            let _ = write!(out, " {} |", cell(load.flatten()));
        }
        let _ = writeln!(out, "\n\n{}", goal_table(&self.rows));
        for run in self.runs {
            for note in &run.notes {
                let _ = writeln!(out, "- {}, round {}: {note}", run.reader, run.round);
            }
        }
        out
    }
}

fn readers(runs: &[Run]) -> BTreeSet<&str> {
    runs.iter().map(|run| run.reader.as_str()).collect()
}

fn of<'a>(runs: &'a [Run], reader: &str) -> impl Iterator<Item = &'a Run> {
    runs.iter().filter(move |run| run.reader == reader)
}

fn value(runs: &[Run], reader: &str, metric: &Metric) -> Option<Option<f64>> {
    median_of(of(runs, reader).map(metric.value))
}

fn rows(runs: &[Run]) -> Vec<Row> {
    let mut rows = Vec::new();
    for reader in readers(runs) {
        if reader.ends_with(NAIVE) {
            continue;
        }
        let naive = format!("{reader}{NAIVE}");
        for metric in METRICS {
            let pair = |peer: &str, theirs| Pair {
                row: format!("{}, {reader}", metric.title),
                unit: metric.unit.to_owned(),
                peer: peer.to_owned(),
                ours: value(runs, reader, metric),
                theirs,
            };
            if let Some((bound, text)) = metric.bound {
                rows.push(pair("bound", Some(Some(bound))).judge(text, 1.0));
            }
            if readers(runs).contains(naive.as_str()) {
                let pair = pair(&naive, value(runs, &naive, metric));
                rows.push(match metric.times {
                    Some((whose, times, text)) if whose == reader => pair.judge(text, times),
                    _ => pair.plain(),
                });
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(reader: &str, wall_us: f64) -> Run {
        let seen = Seen {
            events: 11,
            lost: 0,
            p50_us: Some(20.0),
            p99_us: Some(50.0),
            span_us: Some(wall_us * 10.0),
            cpu_us: 5.5,
        };
        Run { reader: reader.into(), drain: Some(seen), ..Run::default() }
    }

    #[test]
    fn a_reader_is_set_beside_its_naive_self() {
        let rows = rows(&[run("python", 0.5), run("python-naive", 20.0), run("rust", 2.0)]);
        let row = |name: &str, goal: &str| {
            let found = rows.iter().find(|r| r.row == name && r.goal.as_deref() == Some(goal));
            found.map(|row| (row.ratio, row.met))
        };
        let times = row("drain, python", "G15: ≥ 30x call_soon_threadsafe");
        assert_eq!(times, Some((Some(40.0), Some(true))));
        let rate = row("drain, rust", "G15: ≥ 1 M events/s");
        assert_eq!(rate, Some((Some(0.5), Some(false))));
        assert_eq!(row("drain CPU, rust", "G15: ≤ 0.5 µs"), Some((Some(1.0), Some(true))));
        assert_eq!(row("drain, rust", "G15: ≥ 30x call_soon_threadsafe"), None);
    }
}
