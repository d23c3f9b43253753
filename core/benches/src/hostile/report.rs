//! The table of the attacks.

use std::fmt::Write as _;

use serde::Serialize;

use super::Run;
use crate::faults::Peer;
use crate::report::{Pair, Row, cell, goal_table};
use crate::rival::{LOOPBACK, Machine};

/// The bombs, opened by the decoder alone.
pub(super) const DECODER: &str = "bombs, the decoder alone";

/// Something that was measured.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) value: Option<f64>,
}

/// The whole file.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    rows: Vec<Row>,
    machine: &'a Machine,
    runs: &'a [Run],
}

/// A bound on a figure of ours.
struct Goal {
    /// What the name of the flood is or begins with.
    flood: &'static str,
    /// What the name of the figure begins with.
    figure: &'static str,
    most: f64,
    text: &'static str,
    /// Whether it is a matter of the machine: the quick run leaves it out.
    time: bool,
}

const fn goal(
    flood: &'static str,
    figure: &'static str,
    most: f64,
    text: &'static str,
    time: bool,
) -> Goal {
    Goal { flood, figure, most, text, time }
}

const GOALS: &[Goal] = &[
    goal("", "ended", 0.0, "G14: it lives", false),
    goal("", "pings not answered", 0.0, "G14: it answers", false),
    goal("", "of two, who do not see", 0.0, "both are alive", false),
    goal("", "failures told of the two", 0.0, "none", false),
    goal("in clear", "memory at the peak", 16.0, "G14: ≤ 16 MiB", false),
    goal("with", "memory at the peak", 8.0, "G15: ≤ 8 MiB", false),
    goal("without", "members added", 0.0, "G15: none", false),
    goal("without", "events told", 0.0, "G15: none", false),
    goal("", "CPU a packet", 10.0, "G16: ≤ 10 µs", true),
    goal("", "most a second of one reason", 1.0, "G16: ≤ 1", false),
    goal(DECODER, "time at most", 2.0, "G19: ≤ 2 ms", true),
    goal(DECODER, "memory", 1.0, "G19: ≤ 1 MiB", false),
    goal("bombs", "CPU: ", 2.0, "G19: ≤ 2 ms", true),
    goal("bombs", "memory at the peak", 1.0, "G19: ≤ 1 MiB", false),
];

impl Goal {
    fn of<'a>(run: &Run, figure: &Figure) -> Option<&'a Self> {
        let meant = |goal: &&Self| {
            run.flood.starts_with(goal.flood) && figure.name.starts_with(goal.figure)
        };
        GOALS.iter().find(meant)
    }

    fn met(&self, figure: &Figure) -> bool {
        figure.value.is_some_and(|value| value <= self.most)
    }
}

impl<'a> Report<'a> {
    /// Of a quick run, goals of time are not judged.
    pub(super) fn of(runs: &'a [Run], machine: &'a Machine, quick: bool) -> Self {
        Self { rows: rows(runs, quick), machine, runs }
    }

    /// The tables for the page of benchmarks.
    pub(super) fn markdown(&self, peers: &[Peer]) -> String {
        let mut out = self.machine.line(LOOPBACK);
        out += "\n| flood | |";
        for peer in peers {
            let _ = write!(out, " {} |", peer.name());
        }
        let _ = writeln!(out, "\n|---|---|{}", "---|".repeat(peers.len()));
        for run in self.runs.iter().filter(|run| run.peer == peers[0].name()) {
            for figure in &run.figures {
                let _ = write!(out, "| {} | {} {} |", run.flood, figure.name, figure.unit);
                for peer in peers {
                    let value = find(self.runs, peer.name(), &run.flood, &figure.name);
                    let _ = write!(out, " {} |", cell(value.flatten()));
                }
                out.push('\n');
            }
        }
        let _ = write!(out, "\n{}", goal_table(&self.rows));
        for run in self.runs {
            let notes = [("ended", &run.ended), ("broke off", &run.error)];
            for (what, note) in
                notes.into_iter().filter_map(|(what, note)| Some((what, note.as_ref()?)))
            {
                let _ = writeln!(out, "- {}, {}: {what}: {note}", run.peer, run.flood);
            }
        }
        out
    }
}

/// The value of a figure, if there was such a run.
fn find(runs: &[Run], peer: &str, flood: &str, name: &str) -> Option<Option<f64>> {
    let run = runs.iter().find(|run| run.peer == peer && run.flood == flood)?;
    let figure = run.figures.iter().find(|figure| figure.name == name);
    Some(figure.and_then(|figure| figure.value))
}

fn rows(runs: &[Run], quick: bool) -> Vec<Row> {
    let ours = |run: &&Run| run.peer == Peer::Chinwag.name();
    let mut rows = Vec::new();
    for run in runs.iter().filter(ours) {
        for figure in &run.figures {
            let theirs = find(runs, Peer::Memberlist.name(), &run.flood, &figure.name);
            let pair = Pair {
                row: format!("{}: {}", run.flood, figure.name),
                unit: figure.unit.to_owned(),
                peer: Peer::Memberlist.name().to_owned(),
                ours: Some(figure.value),
                theirs,
            };
            let goal = Goal::of(run, figure).filter(|goal| !(quick && goal.time));
            let (text, met) = goal.map(|goal| (goal.text.to_owned(), goal.met(figure))).unzip();
            rows.push(Row { goal: text, met, ..pair.plain() });
        }
    }
    rows
}

/// The goals of a quick run that were missed.
pub(super) fn missed(runs: &[Run]) -> Vec<String> {
    let missed = |row: &Row| row.met == Some(false);
    rows(runs, true).into_iter().filter(missed).map(|row| row.row).collect()
}

/// A line about a run that is over.
pub(super) fn told(run: &Run) -> String {
    let figure = |figure: &Figure| {
        let Figure { name, unit, value } = figure;
        format!("{name}: {}{unit}", cell(*value))
    };
    let figures: Vec<String> = run.figures.iter().map(figure).collect();
    let end = run.ended.as_ref().or(run.error.as_ref()).unwrap_or(&run.logged);
    format!("{} {}: {}; {end}", run.flood, run.peer, figures.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(flood: &str, name: &str, value: Option<f64>) -> Run {
        let mut run = Run { peer: "chinwag".into(), flood: flood.into(), ..Run::default() };
        run.add(name, "", value);
        run
    }

    #[test]
    fn a_goal_is_that_of_its_flood_and_a_figure_without_value_misses_it() {
        let met = |flood, name, value| rows(&[run(flood, name, value)], false)[0].met;
        assert_eq!(met("in clear", "memory at the peak", Some(15.0)), Some(true));
        assert_eq!(met("with the key", "memory at the peak", Some(15.0)), Some(false));
        assert_eq!(met("with the key", "events told", Some(15.0)), None);
        assert_eq!(met("without the key", "events told", Some(1.0)), Some(false));
        assert_eq!(met("in clear", "ended", None), Some(false));
        assert_eq!(met("bombs", "CPU: zeros", Some(1.0)), Some(true));
        assert_eq!(met(DECODER, "memory: zeros", Some(1.5)), Some(false));
    }

    #[test]
    fn a_quick_run_is_not_judged_by_its_times() {
        let runs =
            [run("in clear", "CPU a packet", Some(99.0)), run("in clear", "ended", Some(1.0))];
        assert_eq!(missed(&runs), ["in clear: ended"]);
        assert_eq!(rows(&runs, false).iter().filter(|row| row.met == Some(false)).count(), 2);
    }
}
