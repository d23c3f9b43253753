//! The table of the faults.

use std::fmt::Write as _;

use serde::Serialize;

use super::Run;
use super::peer::Peer;
use super::script::SCENARIOS;
use crate::report::{NO_WORSE, Pair, Row, cell, goal_table, median_of};
use crate::rival::Machine;

/// The whole file.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    rows: Vec<Row>,
    machine: &'a Machine,
    runs: &'a [Run],
}

/// A bound of its own, on the worst run.
struct Goal {
    scenario: &'static str,
    measure: &'static str,
    most: f64,
    text: &'static str,
    /// Whether the quick run, whose times are shorter, must keep it as well.
    quick: bool,
}

const fn goal(
    scenario: &'static str,
    measure: &'static str,
    most: f64,
    text: &'static str,
) -> Goal {
    Goal { scenario, measure, most, text, quick: false }
}

impl Goal {
    const fn also_quick(self) -> Self {
        Self { quick: true, ..self }
    }
}

const HEALED: &str = "from the repair until all see all";

const GOALS: &[Goal] = &[
    goal("partition", HEALED, 30.0, "≤ 30 s, with no operator").also_quick(),
    goal("partition", "until both sides are complete", 30.0, "G2: ≤ 30 s"),
    goal("partition", "false failures inside a side", 0.0, "G2: none").also_quick(),
    goal("partition", "the same, after the repair", 0.0, "none"),
    goal("deaf", "false failures among the others", 0.0, "none"),
    goal("mute", "false failures among the others", 0.0, "none"),
    goal("loss-20", "false failures told", 0.0, "none").also_quick(),
    goal("udp-loss-20", "false failures told", 0.0, "none"),
    goal("udp-blocked", "false failures told", 0.0, "G6: none"),
    goal("stutter", "false failures of healthy ones, told", 0.0, "G8: none"),
    goal("stutter", "failures of slow ones", 2.0, "G8: ≤ 2"),
    goal("starved", "false failures of healthy ones, told", 0.0, "G8: none"),
    goal("starved", "failures of slow ones", 2.0, "G8: ≤ 2"),
    goal("pause", "from going on until all see all", 1.0, "G5: ≤ 1 s"),
    goal("pause", "accusations by the one that was stopped", 0.0, "G5: none"),
    goal("kill", "until all know", 8.0, "G1: ≤ 8 s"),
    goal("kill", "false failures", 0.0, "none"),
];

/// What says something about the harness; and what only a cluster that came together again has.
const PLAIN: &[&str] = &["packets lost of those that were sent", "refutations among the others"];

impl<'a> Report<'a> {
    /// Of a quick run, only the goals that it must keep are judged.
    pub(super) fn of(runs: &'a [Run], peers: &[Peer], machine: &'a Machine, quick: bool) -> Self {
        Self { rows: rows(runs, peers, quick), machine, runs }
    }

    /// The tables for the page of benchmarks.
    pub(super) fn markdown(&self, peers: &[Peer]) -> String {
        let mut out = self.machine.line("a bridge and a namespace for each member");
        out += "\n| fault | |";
        for peer in peers {
            let _ = write!(out, " {} |", peer.name());
        }
        let _ = write!(out, "\n|---|---|{}\n", "---|".repeat(peers.len()));
        for (scenario, measure, unit) in figures(self.runs) {
            let _ = write!(out, "| {scenario} | {measure} {unit} |");
            for peer in peers {
                let text = summary(&values(self.runs, *peer, scenario, measure));
                let _ = write!(out, " {text} |");
            }
            out.push('\n');
        }
        let _ = write!(out, "\n{}", goal_table(&self.rows));
        for run in self.runs.iter().filter(|run| run.error.is_some()) {
            let error = run.error.as_deref().unwrap_or_default();
            let _ = writeln!(out, "- {}, {}, round {}: {error}", run.peer, run.scenario, run.round);
        }
        out
    }
}

/// The goals of the quick run that were missed, or could not be judged though their fault was
/// brought about.
pub(super) fn missed(runs: &[Run]) -> Vec<String> {
    let was_run = |goal: &&Goal| runs.iter().any(|run| run.scenario == goal.scenario);
    let missed = GOALS.iter().filter(|goal| goal.quick).filter(was_run).filter(|goal| {
        let ours = values(runs, Peer::Chinwag, goal.scenario, goal.measure);
        worst(&ours).flatten().is_none_or(|worst| worst > goal.most)
    });
    missed.map(|goal| format!("{}: {}", goal.scenario, goal.measure)).collect()
}

/// What was measured, in the order of the scenarios.
fn figures(runs: &[Run]) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut figures = Vec::new();
    for scenario in SCENARIOS {
        let of_scenario = runs.iter().filter(|run| run.scenario == scenario.name);
        for measure in of_scenario.flat_map(|run| &run.measures) {
            let figure = (scenario.name, measure.name, measure.unit);
            if !figures.contains(&figure) {
                figures.push(figure);
            }
        }
    }
    figures
}

fn values(runs: &[Run], peer: Peer, scenario: &str, measure: &str) -> Vec<Option<f64>> {
    let of = runs.iter().filter(|run| run.peer == peer.name() && run.scenario == scenario);
    let measures = of.flat_map(|run| &run.measures).filter(|figure| figure.name == measure);
    measures.map(|figure| figure.value).collect()
}

/// The median, and the range where there is one; how many did not come to an end.
fn summary(values: &[Option<f64>]) -> String {
    let Some(middle) = median_of(values.iter().copied()) else { return "–".to_owned() };
    let never = values.iter().filter(|value| value.is_none()).count();
    let ended = values.iter().flatten().copied();
    let (least, most) =
        ended.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let middle = middle.map_or_else(|| "never".to_owned(), |value| cell(Some(value)));
    let range = match least < most {
        true => format!(" ({} to {})", cell(Some(least)), cell(Some(most))),
        false => String::new(),
    };
    match never {
        0 => format!("{middle}{range}"),
        _ => format!("{middle}{range}; {never} of {} never", values.len()),
    }
}

/// The mean of counts; of times the median.
fn value(values: &[Option<f64>], unit: &str) -> Option<Option<f64>> {
    match unit {
        "" if !values.is_empty() => {
            let sum: Option<f64> = values.iter().copied().sum();
            Some(sum.map(|sum| sum / values.len() as f64))
        }
        _ => median_of(values.iter().copied()),
    }
}

fn rows(runs: &[Run], peers: &[Peer], quick: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for (scenario, measure, unit) in figures(runs) {
        let ours = values(runs, Peer::Chinwag, scenario, measure);
        let pair = |peer: &str, ours, theirs| Pair {
            row: format!("{scenario}: {measure}"),
            unit: unit.to_owned(),
            peer: peer.to_owned(),
            ours,
            theirs,
        };
        for peer in peers.iter().filter(|peer| **peer != Peer::Chinwag) {
            let theirs = value(&values(runs, *peer, scenario, measure), unit);
            let pair = pair(peer.name(), value(&ours, unit), theirs);
            let judged = *peer == Peer::Memberlist && !PLAIN.contains(&measure);
            rows.push(if judged { pair.judge(NO_WORSE, 1.0) } else { pair.plain() });
        }
        let goals =
            GOALS.iter().filter(|goal| goal.scenario == scenario && goal.measure == measure);
        let goals = goals.filter(|goal| goal.quick || !quick);
        rows.extend(goals.map(|goal| {
            let pair = pair("bound", worst(&ours), Some(Some(goal.most)));
            let met = worst(&ours).map(|worst| worst.is_some_and(|worst| worst <= goal.most));
            Row { goal: Some(goal.text.to_owned()), met, ..pair.plain() }
        }));
    }
    rows
}

/// The worst of all; nothing in it when one never came to an end.
fn worst(values: &[Option<f64>]) -> Option<Option<f64>> {
    let worst = |a: Option<f64>, b: Option<f64>| Some(a?.max(b?));
    values.iter().copied().reduce(worst)
}

#[cfg(test)]
mod tests {
    use super::super::script::Measure;
    use super::*;

    fn run(peer: Peer, value: Option<f64>) -> Run {
        let measures = vec![Measure { name: HEALED, unit: "s", value }];
        Run {
            peer: peer.name().to_owned(),
            scenario: "partition".to_owned(),
            measures,
            ..Run::default()
        }
    }

    fn met(runs: &[Run]) -> Vec<(String, Option<bool>)> {
        let rows = rows(runs, &[Peer::Chinwag, Peer::Memberlist], false);
        rows.into_iter().map(|row| (row.peer, row.met)).collect()
    }

    #[test]
    fn one_run_that_never_ends_breaks_a_bound() {
        let go = run(Peer::Memberlist, None);
        let good = [run(Peer::Chinwag, Some(9.0)), run(Peer::Chinwag, Some(20.0)), go.clone()];
        let judged = |go, bound| vec![("memberlist".into(), go), ("bound".into(), bound)];
        assert_eq!(met(&good), judged(Some(true), Some(true)));
        let late = [run(Peer::Chinwag, Some(31.0)), go.clone()];
        assert_eq!(met(&late), judged(Some(true), Some(false)));
        let never = [run(Peer::Chinwag, Some(9.0)), run(Peer::Chinwag, None), go];
        assert_eq!(met(&never).last(), judged(None, Some(false)).last());
        assert_eq!(met(&never[2..]), judged(None, None), "nothing of ours was run");
    }

    #[test]
    fn a_figure_shows_its_range_and_what_never_came() {
        assert_eq!(summary(&[Some(1.0), Some(3.0), Some(2.0)]), "2.00 (1.00 to 3.00)");
        assert_eq!(summary(&[None, None, Some(2.0)]), "never; 2 of 3 never");
        assert_eq!(summary(&[Some(0.0)]), "0");
        assert_eq!(summary(&[]), "–");
    }
}
