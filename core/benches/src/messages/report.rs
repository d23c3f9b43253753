//! The tables of the messages, and their goals (G10 to G14).

use std::fmt::Write as _;

use serde::Serialize;

use super::{Phase, Run};
use crate::report::{Row, cell, goal_table};
use crate::rival::Machine;
use crate::stats::median;

/// The whole file.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    rows: Vec<Row>,
    machine: &'a Machine,
    /// What could not be run, and why.
    absent: &'a [String],
    runs: &'a [Run],
}

/// One of the four measures.
struct Measure {
    title: &'static str,
    of: fn(&Run) -> Option<&Phase>,
    /// What is measured are calls, of which each has a time of its own.
    times: bool,
}

const MEASURES: [Measure; 4] = [
    Measure { title: "Calls, one caller", of: |run| run.call_1.as_ref(), times: true },
    Measure { title: "Calls, 64 callers", of: |run| run.call_64.as_ref(), times: true },
    Measure { title: "Casts of 64 bytes", of: |run| run.cast_64.as_ref(), times: false },
    Measure { title: "Casts of 16 KiB", of: |run| run.cast_16384.as_ref(), times: false },
];

/// What the others are compared to.
const BOUND: &str = "tokio";
const OURS: &str = "chinwag";

/// A figure of which less is better.
type Cost = fn(&Phase) -> Option<f64>;
const SPAN: Cost = |phase| phase.p50_us;
const TIME: Cost = |phase| Some(1e6 / phase.per_s);
const CPU: Cost = |phase| Some(phase.cpu_us);

/// What of which measure is how many times less than whose, or at most so much.
struct Aim {
    measure: usize,
    what: &'static str,
    cost: Cost,
    than: Than,
    goal: &'static str,
}

enum Than {
    Peer(&'static str, f64),
    Bound(f64),
}

const AIMS: [Aim; 12] = [
    aim(0, "p50", SPAN, Than::Peer(BOUND, 0.8), "G10: ≤ 1.25 times tokio"),
    aim(0, "CPU", CPU, Than::Peer(BOUND, 0.8), "G10: ≤ 1.25 times tokio"),
    aim(1, "time", TIME, Than::Bound(2.0), "G10: ≥ 500,000/s"),
    aim(1, "time", TIME, Than::Peer("erlang", 15.0), "G10: ≥ 15 times BEAM"),
    aim(1, "CPU", CPU, Than::Bound(2.5), "G10: ≤ 2.5 µs"),
    aim(1, "CPU", CPU, Than::Peer("erlang", 15.0), "G10: ≥ 15 times less than BEAM"),
    aim(1, "CPU", CPU, Than::Peer("erlang-idle", 15.0), "G10: ≥ 15 times less than BEAM"),
    aim(2, "time", TIME, Than::Bound(0.2), "G11: ≥ 5 M/s"),
    aim(2, "time", TIME, Than::Peer("erlang", 15.0), "G11: ≥ 15 times BEAM"),
    aim(3, "time", TIME, Than::Peer(BOUND, 0.8), "G11: ≥ 0.8 times raw"),
    aim(3, "time", TIME, Than::Peer("erlang", 2.4), "G11: ≥ 2.4 times BEAM"),
    aim(3, "time", TIME, Than::Peer("blocking", 0.8), "G11: ≥ 0.8 times raw"),
];

/// What of whom is how many times less than whose, or at most so much, in the languages.
const LANGUAGE_AIMS: [(&str, Aim); 20] = [
    (PYTHON, aim(0, "p50", SPAN, Than::Peer("asyncio", 1.0 / 0.75), "G12: ≤ 0.75 times asyncio")),
    (PYTHON, aim(0, "p50", SPAN, Than::Peer("nats", 5.0), "G12: ≥ 5 times NATS")),
    (PYTHON, aim(0, "p50", SPAN, Than::Peer("grpc", 6.0), "G12: ≥ 6 times gRPC")),
    (PYTHON, aim(1, "time", TIME, Than::Peer("asyncio", 1.2), "G12: ≥ 1.2 times asyncio")),
    (PYTHON, aim(1, "time", TIME, Than::Peer("nats", 6.0), "G12: ≥ 6 times NATS")),
    (PYTHON, aim(1, "time", TIME, Than::Peer("grpc", 20.0), "G12: ≥ 20 times gRPC")),
    (NODE, aim(0, "p50", SPAN, Than::Bound(358.0 / 4.0), CLUSTERLUCK)),
    (NODE, aim(0, "p50", SPAN, Than::Peer("grpc-js", 10.0), "G13: ≥ 10 times grpc-js")),
    (NODE, aim(1, "time", TIME, Than::Peer("net", 0.8), "G13: ≥ 0.8 times net")),
    (NODE, aim(2, "time", TIME, Than::Bound(2.0), "G13: ≥ 500,000/s")),
    (ELIXIR, aim(0, "p50", SPAN, Than::Peer("erlang", 1.0 / 1.3), "G14: ≤ 1.3 times BEAM")),
    (ELIXIR, aim(0, "p50", SPAN, Than::Peer("erlang-idle", 1.0 / 1.3), "G14: ≤ 1.3 times BEAM")),
    (ELIXIR, aim(1, "time", TIME, Than::Peer("erlang", 2.0), "G14: ≥ 2 times BEAM")),
    (ELIXIR, aim(1, "time", TIME, Than::Peer("erlang-idle", 2.0), "G14: ≥ 2 times BEAM")),
    (ELIXIR, aim(2, "time", TIME, Than::Peer("erlang", 3.0), "G14: ≥ 3 times BEAM")),
    (ELIXIR, aim(2, "time", TIME, Than::Peer("erlang-idle", 3.0), "G14: ≥ 3 times BEAM")),
    (C, aim(1, "time", TIME, Than::Bound(2.0), "G10: ≥ 500,000/s")),
    (C, aim(1, "CPU", CPU, Than::Bound(2.5), "G10: ≤ 2.5 µs")),
    (C, aim(2, "time", TIME, Than::Bound(0.2), "G11: ≥ 5 M/s")),
    (C, aim(3, "time", TIME, Than::Peer("erlang", 2.4), "G11: ≥ 2.4 times BEAM")),
];

const PYTHON: &str = "chinwag-python";
const NODE: &str = "chinwag-node";
const ELIXIR: &str = "chinwag-elixir";
const C: &str = "chinwag-c";
/// Its mean was 358 µs when it was measured; it is not run here.
const CLUSTERLUCK: &str = "G13: ≥ 4 times Clusterluck's 358 µs";

const fn aim(
    measure: usize,
    what: &'static str,
    cost: Cost,
    than: Than,
    goal: &'static str,
) -> Aim {
    Aim { measure, what, cost, than, goal }
}

impl<'a> Report<'a> {
    pub(super) fn of(runs: &'a [Run], machine: &'a Machine, absent: &'a [String]) -> Self {
        let all_ours = [OURS, "chinwag-key", "chinwag-tls"];
        let rows = AIMS.iter().flat_map(|aim| all_ours.map(|ours| aim.row(runs, ours)));
        let languages = LANGUAGE_AIMS.iter().map(|(ours, aim)| aim.row(runs, ours));
        let ran = |row: &Row| row.ours.is_some();
        Self { rows: rows.chain(languages).filter(ran).collect(), machine, absent, runs }
    }

    pub(super) fn markdown(&self) -> String {
        let mut out = self.machine.line("loopback");
        // Writing to a string cannot fail.
        for line in self.absent {
            let _ = writeln!(out, "\nLeft out: {line}.");
        }
        let mut peers: Vec<&str> = Vec::new();
        for run in self.runs {
            if !peers.contains(&&*run.peer) {
                peers.push(&run.peer);
            }
        }
        for measure in &MEASURES {
            let _ = writeln!(out, "\n{}:\n", measure.title);
            out.push_str(match measure.times {
                true => "| | p50 µs | p99 µs | calls/s | CPU µs | p50 × tokio | CPU × tokio |",
                false => "| | casts/s | lost | CPU µs | rate × tokio | CPU × tokio |",
            });
            out.push_str(" other load |\n|---|---|---|---|---|---|---|");
            out.push_str(if measure.times { "---|\n" } else { "\n" });
            for peer in &peers {
                let _ = writeln!(out, "| {peer} |{} |", measure.line(self.runs, peer).join(" |"));
            }
        }
        out.push('\n');
        out.push_str(&goal_table(&self.rows));
        out
    }
}

impl Measure {
    fn line(&self, runs: &[Run], peer: &str) -> Vec<String> {
        let value = |what: Cost| over(runs, peer, |run| what((self.of)(run)?));
        let times = |what: Cost| ratio(runs, peer, BOUND, |run| what((self.of)(run)?));
        let rate = value(|phase| Some(phase.per_s));
        let cpu = [value(CPU), times(CPU)];
        let load = value(|phase| Some(phase.foreign_cores));
        let cells = match self.times {
            true => {
                let spans = [value(SPAN), value(|phase| phase.p99_us)];
                vec![spans[0], spans[1], rate, cpu[0], times(SPAN), cpu[1], load]
            }
            false => {
                let lost = value(|phase| Some(phase.lost as f64));
                vec![rate, lost, cpu[0], times(|phase| Some(phase.per_s)), cpu[1], load]
            }
        };
        cells.into_iter().map(|one| format!(" {}", cell(one))).collect()
    }
}

impl Aim {
    fn row(&self, runs: &[Run], ours: &str) -> Row {
        let measure = &MEASURES[self.measure];
        let cost = |run: &Run| (self.cost)((measure.of)(run)?);
        let mine = over(runs, ours, cost);
        let (peer, theirs, ratio, times) = match self.than {
            Than::Bound(bound) => ("bound", Some(bound), mine.map(|mine| bound / mine), 1.0),
            Than::Peer(peer, times) => {
                (peer, over(runs, peer, cost), ratio(runs, peer, ours, cost), times)
            }
        };
        Row {
            row: format!("{}, {}: {ours}", measure.title, self.what),
            peer: peer.to_owned(),
            ours: mine,
            theirs,
            unit: "µs".to_owned(),
            ratio,
            goal: Some(self.goal.to_owned()),
            met: ratio.map(|ratio| ratio >= times),
        }
    }
}

/// The median of all rounds.
fn over(runs: &[Run], peer: &str, value: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
    let of = runs.iter().filter(|run| run.peer == peer);
    median(&mut of.filter_map(value).collect::<Vec<_>>())
}

/// The median of the ratios, each of one round.
fn ratio(runs: &[Run], peer: &str, to: &str, value: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
    let mut ratios = Vec::new();
    for run in runs.iter().filter(|run| run.peer == peer) {
        let beside = runs.iter().find(|other| other.round == run.round && other.peer == to);
        if let (Some(one), Some(other)) = (value(run), beside.and_then(&value)) {
            ratios.push(one / other);
        }
    }
    median(&mut ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(peer: &str, round: u64, per_s: f64) -> Run {
        let phase =
            Phase { per_s, cpu_us: 1.0, p50_us: None, p99_us: None, lost: 0, foreign_cores: 0.0 };
        Run { peer: peer.into(), round, cast_16384: Some(phase), ..Run::default() }
    }

    #[test]
    fn a_ratio_is_of_one_round() {
        let runs = [
            run("tokio", 0, 10.0),
            run("chinwag", 0, 9.0),
            run("chinwag", 1, 900.0),
            run("tokio", 1, 1000.0),
            run("chinwag", 2, 1.0),
        ];
        let aim = aim(3, "time", TIME, Than::Peer("tokio", 0.8), "G11");
        let row = aim.row(&runs, "chinwag");
        assert!(row.ratio.is_some_and(|ratio| (ratio - 0.9).abs() < 1e-9), "{row:?}");
        assert_eq!(row.met, Some(true));
        assert_eq!(aim.row(&runs, "absent").met, None);
    }

    #[test]
    fn a_bound_is_a_cost_that_must_not_be_exceeded() {
        let aim = |bound| aim(3, "time", TIME, Than::Bound(bound), "G11");
        let runs = [run("chinwag", 0, 1e6)];
        assert_eq!(aim(1.0).row(&runs, "chinwag").met, Some(true));
        assert_eq!(aim(0.9).row(&runs, "chinwag").met, Some(false));
    }
}
