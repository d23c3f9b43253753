//! Tables, rows and plots of the simulated clusters.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::join::Join;
use super::lifeguard::{Parts, Verdicts};
use super::plot::{Line, Plot};
use super::scale::{Death, Run, Update};
use crate::report::{Pair, Row, cell, goal_table, median_of};
use crate::rival::Machine;

/// Everything that was simulated.
pub(super) struct Report {
    machine: Machine,
    pub(super) joins: Vec<Join>,
    pub(super) runs: Vec<Run>,
    pub(super) verdicts: Vec<Verdicts>,
}

/// The file.
#[derive(Serialize)]
pub(super) struct Judged<'a> {
    rows: Vec<Row>,
    machine: &'a Machine,
    joins: &'a [Join],
    runs: &'a [Run],
    lifeguard: &'a [Verdicts],
}

/// What is told of each size, and how it is read from a run: one value, or one for each try.
struct Metric {
    title: &'static str,
    unit: &'static str,
    values: fn(&Run) -> Vec<Option<f64>>,
}

const fn metric(
    title: &'static str,
    unit: &'static str,
    values: fn(&Run) -> Vec<Option<f64>>,
) -> Metric {
    Metric { title, unit, values }
}

const END_SUSPICION: Metric =
    metric("a process ends: first suspicion", "s", |run| each(&run.ends, |end| end.suspicion));
const END_KNOWN: Metric =
    metric("a process ends: all know", "s", |run| each(&run.ends, |end| end.all));
const FIRST_SUSPICION: Metric =
    metric("a host falls silent: first suspicion", "s", |run| each(&run.deaths, |d| d.suspicion));
const FIRST_FAILURE: Metric =
    metric("a host falls silent: first failure", "s", |run| each(&run.deaths, |d| d.failure));
const ALL_KNOW: Metric =
    metric("a host falls silent: all know", "s", |run| each(&run.deaths, |d| d.all));
const WORST: Metric = metric("a host falls silent: all know, the longest of a seed", "s", |run| {
    let all = run.deaths.iter().map(|death| death.all.unwrap_or(f64::INFINITY));
    all.max_by(f64::total_cmp).into_iter().map(Some).collect()
});
const HALF: Metric = metric("news: half have heard", "s", |run| updates(run, |update| update.p50));
const NEARLY_ALL: Metric =
    metric("news: 99 % have heard", "s", |run| updates(run, |update| update.p99));
const LAST: Metric = metric("news: the last that heard", "s", |run| updates(run, |u| u.last));
const PACKETS: Metric = metric("datagrams", "/member·s", |run| vec![Some(run.packets)]);
const PACKET_BYTES: Metric =
    metric("their bytes", "/member·s", |run| vec![Some(run.packet_bytes)]);
const STREAM_BYTES: Metric =
    metric("bytes of exchanges", "/member·s", |run| vec![Some(run.stream_bytes)]);

const METRICS: &[Metric] = &[
    END_SUSPICION,
    END_KNOWN,
    FIRST_SUSPICION,
    FIRST_FAILURE,
    ALL_KNOW,
    WORST,
    HALF,
    NEARLY_ALL,
    LAST,
    metric("news: datagrams beyond those at rest", "/member", |run| {
        updates(run, |update| Some(update.packets))
    }),
    metric("news: not heard within 10 s", "", |run| {
        vec![Some(run.updates.iter().map(|update| update.missing).sum::<usize>() as f64)]
    }),
    PACKETS,
    PACKET_BYTES,
    metric("exchanges of states", "/member·min", |run| vec![Some(run.connections * 60.0)]),
    STREAM_BYTES,
    metric("false suspicions", "", |run| vec![Some(run.false_suspicions as f64)]),
    metric("false failures", "", |run| vec![Some(run.false_failures as f64)]),
    metric("virtual time", "s", |run| vec![Some(run.virtual_s)]),
    metric("took", "s", |run| vec![Some(run.wall_s)]),
    metric("took CPU", "s", |run| vec![Some(run.cpu_s)]),
    metric("memory so far", "MiB", |run| vec![Some(run.peak_rss_mib)]),
];

fn each(deaths: &[Death], value: fn(&Death) -> Option<f64>) -> Vec<Option<f64>> {
    deaths.iter().map(value).collect()
}

fn updates(run: &Run, value: fn(&Update) -> Option<f64>) -> Vec<Option<f64>> {
    run.updates.iter().map(value).collect()
}

impl Report {
    pub(super) fn of(machine: Machine) -> Self {
        Self { machine, joins: Vec::new(), runs: Vec::new(), verdicts: Vec::new() }
    }

    pub(super) fn judged(&self) -> Judged<'_> {
        Judged {
            rows: self.rows(),
            machine: &self.machine,
            joins: &self.joins,
            runs: &self.runs,
            lifeguard: &self.verdicts,
        }
    }

    fn sizes(&self) -> BTreeSet<usize> {
        self.runs.iter().map(|run| run.nodes).collect()
    }

    fn value(&self, nodes: usize, metric: &Metric) -> Option<f64> {
        let runs = self.runs.iter().filter(|run| run.nodes == nodes);
        median_of(runs.flat_map(|run| (metric.values)(run))).flatten()
    }

    /// The tables for the page of benchmarks.
    pub(super) fn markdown(&self) -> String {
        let mut out = self.machine.line("virtual time");
        if !self.joins.is_empty() {
            out += &self.join_table();
        }
        if !self.runs.is_empty() {
            out += &self.size_table();
        }
        if !self.verdicts.is_empty() {
            out += &self.lifeguard_table();
        }
        out + "\n" + &goal_table(&self.rows())
    }

    fn join_table(&self) -> String {
        let head = "| bulk join of | full view s | datagrams | MB, uncompressed |";
        let mut out =
            format!("\n{head} a minute took s | CPU s | MiB |\n|---|---|---|---|---|---|---|\n");
        for join in &self.joins {
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} |",
                join.nodes,
                cell(join.full_view_s),
                join.packets,
                cell(Some(join.megabytes)),
                cell(Some(join.wall_s)),
                cell(Some(join.cpu_s)),
                cell(Some(join.peak_rss_mib)),
            );
        }
        out
    }

    fn size_table(&self) -> String {
        let sizes = self.sizes();
        let mut out = "\n| members |".to_owned();
        for nodes in &sizes {
            let _ = write!(out, " {nodes} |");
        }
        let _ = write!(out, "\n|---|{}\n", "---|".repeat(sizes.len()));
        for metric in METRICS {
            let _ = write!(out, "| {} {} |", metric.title, metric.unit);
            for nodes in &sizes {
                let _ = write!(out, " {} |", cell(self.value(*nodes, metric)));
            }
            out.push('\n');
        }
        let _ = write!(out, "| seeds |");
        for nodes in &sizes {
            let seeds = self.runs.iter().filter(|run| run.nodes == *nodes).count();
            let _ = write!(out, " {seeds} |");
        }
        out.push('\n');
        out
    }

    fn lifeguard_table(&self) -> String {
        let mut out = "\n| slow members |".to_owned();
        for parts in Parts::ALL {
            let _ = write!(out, " {} |", parts.title());
        }
        let _ = write!(out, "\n|---|{}\n", "---|".repeat(Parts::ALL.len()));
        for slow in self.varied(|v| v.case.slow) {
            let _ = write!(out, "| {slow} |");
            for parts in Parts::ALL {
                let [all, well, of_slow] =
                    self.failures(parts, |v| v.case.slow == slow).map(|n| cell(Some(n)));
                let _ = write!(out, " {all} · {well} · {of_slow} |");
            }
            out.push('\n');
        }
        out
    }

    /// What there is of something that is varied.
    fn varied<T: Ord>(&self, of: impl Fn(&Verdicts) -> T) -> BTreeSet<T> {
        self.verdicts.iter().map(of).collect()
    }

    /// Failures told in the experiments that `wanted` takes, on average for each: of the well, of
    /// the well by the well, and of the slow by the well.
    fn failures(&self, parts: Parts, wanted: impl Fn(&Verdicts) -> bool) -> [f64; 3] {
        let of_parts = self.verdicts.iter().filter(|verdicts| verdicts.case.parts == parts);
        let of: Vec<&Verdicts> = of_parts.filter(|verdicts| wanted(verdicts)).collect();
        let mean = |value: fn(&Verdicts) -> usize| {
            let sum: usize = of.iter().map(|verdicts| value(verdicts)).sum();
            sum as f64 / of.len().max(1) as f64
        };
        [mean(|v| v.false_failures), mean(|v| v.at_the_well), mean(|v| v.slow_failures)]
    }

    fn rows(&self) -> Vec<Row> {
        let alone = |row: String, unit: &str, ours| Pair {
            row,
            unit: unit.to_owned(),
            peer: "bound".to_owned(),
            ours: Some(ours),
            theirs: None,
        };
        let mut rows = Vec::new();
        for join in &self.joins {
            let row = format!("bulk join, N={}", join.nodes);
            rows.push(alone(format!("{row}: full view"), "s", join.full_view_s).plain());
            let took = alone(format!("{row}: a virtual minute takes"), "s", Some(join.cpu_s));
            rows.push(match join.nodes {
                2000 => {
                    Pair { theirs: Some(Some(60.0)), ..took }.judge("G5: < 60 s of a core", 1.0)
                }
                _ => took.plain(),
            });
        }
        for nodes in self.sizes() {
            for metric in METRICS {
                let row = format!("{}, N={nodes}", metric.title);
                let pair = alone(row, metric.unit, self.value(nodes, metric));
                rows.push(match metric.title {
                    "false failures" => Pair { theirs: Some(Some(0.0)), ..pair }.judge("none", 1.0),
                    "datagrams" => {
                        Pair { theirs: Some(Some(2.0)), ..pair }.judge("G16: ≤ 2.0", 1.0)
                    }
                    _ => pair.plain(),
                });
            }
        }
        rows.extend(self.growth());
        if !self.verdicts.is_empty() {
            rows.extend(self.lifeguard_rows());
        }
        rows
    }

    /// What a member costs at rest must not grow with the cluster, but for the exchanges.
    fn growth(&self) -> Option<Row> {
        let sizes = self.sizes();
        let (few, many) = (*sizes.first()?, *sizes.last()?);
        let bytes = |nodes| self.value(nodes, &PACKET_BYTES);
        let pair = Pair {
            row: format!("bytes of datagrams at rest, N={many} over N={few}"),
            unit: "times".to_owned(),
            peer: "bound".to_owned(),
            ours: Some(Some(bytes(many)? / bytes(few)?)),
            theirs: Some(Some(1.1)),
        };
        (few != many).then(|| pair.judge("independent of the size: ≤ 1.1", 1.0))
    }

    fn lifeguard_rows(&self) -> [Row; 2] {
        let (with, without) =
            (self.failures(Parts::All, |_| true), self.failures(Parts::None, |_| true));
        let row = |title: &str, index: usize| Pair {
            row: format!("slow members: {title}"),
            unit: "/experiment".to_owned(),
            peer: "without Lifeguard".to_owned(),
            ours: Some(Some(with[index])),
            theirs: Some(Some(without[index])),
        };
        [
            row("false failures of the well, told by anybody", 0).judge("fewer", 1.0),
            row("false failures of the well, told by the well", 1).judge("fewer", 1.0),
        ]
    }

    /// Draws all plots of what there is.
    pub(super) fn draw(&self, folder: &Path) -> io::Result<()> {
        let by_size = |file: &str, title, up, metrics: &[Metric]| {
            let line = |metric: &Metric| Line {
                name: metric.title.to_owned(),
                points: self
                    .sizes()
                    .into_iter()
                    .filter_map(|nodes| Some((nodes as f64, self.value(nodes, metric)?)))
                    .collect(),
            };
            let lines = metrics.iter().map(line).collect();
            let plot = Plot { title, across: "members", up, lines };
            plot.write(&folder.join(file))
        };
        if !self.runs.is_empty() {
            let metrics = [END_KNOWN, FIRST_SUSPICION, FIRST_FAILURE, ALL_KNOW];
            by_size("sim-detection.svg", "A member is gone", "seconds", &metrics)?;
            let metrics = [HALF, NEARLY_ALL, LAST];
            by_size("sim-news.svg", "A member changes its tags", "seconds", &metrics)?;
            let metrics = [PACKET_BYTES, STREAM_BYTES];
            by_size("sim-bytes.svg", "At rest", "bytes a member and second", &metrics)?;
            by_size("sim-datagrams.svg", "At rest", "datagrams a member and second", &[PACKETS])?;
        }
        if !self.verdicts.is_empty() {
            self.draw_lifeguard(folder)?;
        }
        Ok(())
    }

    fn draw_lifeguard(&self, folder: &Path) -> io::Result<()> {
        let lines = |point: &dyn Fn(Parts) -> Vec<(f64, f64)>| {
            let line = |parts: Parts| Line { name: parts.title().to_owned(), points: point(parts) };
            Parts::ALL.map(line).to_vec()
        };
        let by_slow = |parts| {
            let at = |slow| (slow as f64, self.failures(parts, |v| v.case.slow == slow)[0]);
            self.varied(|v| v.case.slow).into_iter().map(at).collect()
        };
        let by_block = |parts| {
            let at = |ms| (ms as f64 / 1e3, self.failures(parts, |v| v.case.block_ms == ms)[0]);
            self.varied(|v| v.case.block_ms).into_iter().map(at).collect()
        };
        let up = "false failures of the well, an experiment";
        let title = "128 members, some of them slow";
        let slow = Plot { title, across: "slow members", up, lines: lines(&by_slow) };
        slow.write(&folder.join("sim-lifeguard-slow.svg"))?;
        let across = "seconds they stand still at a time";
        let block = Plot { title, across, up, lines: lines(&by_block) };
        block.write(&folder.join("sim-lifeguard-block.svg"))
    }
}
