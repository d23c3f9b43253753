//! The rows of the JSON files, and the Markdown made of them.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::stats::median;

/// Rows within this share of each other count as equal: the spread between rounds is larger.
const NOISE: f64 = 0.05;

/// One comparison, or one of ours alone if there is no peer value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) row: String,
    pub(crate) peer: String,
    pub(crate) ours: Option<f64>,
    pub(crate) theirs: Option<f64>,
    pub(crate) unit: String,
    /// Theirs over ours: above one is better.
    pub(crate) ratio: Option<f64>,
    pub(crate) goal: Option<String>,
    /// `None` when it cannot be judged.
    pub(crate) met: Option<bool>,
}

/// What a row is about, before it is judged.
pub(crate) struct Pair {
    pub(crate) row: String,
    pub(crate) unit: String,
    pub(crate) peer: String,
    /// Whether either side ran at all; one that ran without finishing is `Some(None)`.
    pub(crate) ours: Option<Option<f64>>,
    pub(crate) theirs: Option<Option<f64>>,
}

impl Pair {
    /// A row of the goal that ours be `times` below theirs.
    pub(crate) fn judge(&self, goal: &str, times: f64) -> Row {
        let slack = if times == 1.0 { 1.0 + NOISE } else { 1.0 };
        let met = match (self.ours, self.theirs) {
            (None, _) | (_, None) => None,
            (Some(None), Some(_)) => Some(false),
            (Some(Some(_)), Some(None)) => Some(true),
            (Some(Some(ours)), Some(Some(theirs))) => Some(ours * times <= theirs * slack),
        };
        Row { goal: Some(goal.to_owned()), met, ..self.plain() }
    }

    /// A row of no goal.
    pub(crate) fn plain(&self) -> Row {
        let (ours, theirs) = (self.ours.flatten(), self.theirs.flatten());
        let ratio = match (ours, theirs) {
            (Some(ours), Some(theirs)) if ours > 0.0 => Some(theirs / ours),
            _ => None,
        };
        Row {
            row: self.row.clone(),
            peer: self.peer.clone(),
            ours,
            theirs,
            unit: self.unit.clone(),
            ratio,
            goal: None,
            met: None,
        }
    }
}

/// The median over all runs, of which one that did not finish is the slowest. `None` if there was
/// no run, `Some(None)` if the median run did not finish.
pub(crate) fn median_of(values: impl Iterator<Item = Option<f64>>) -> Option<Option<f64>> {
    let mut values: Vec<f64> = values.map(|value| value.unwrap_or(f64::INFINITY)).collect();
    median(&mut values).map(|value| Some(value).filter(|value| value.is_finite()))
}

/// The goal that every row against Go has, and which is therefore told in a sentence.
pub(crate) const NO_WORSE: &str = "no worse than Go";

/// The goals and how they fared. Of the rows that need only be no worse than Go, those that are
/// worse; the rest are counted.
pub(crate) fn goal_table(rows: &[Row]) -> String {
    let no_worse = |row: &Row| row.goal.as_deref() == Some(NO_WORSE);
    let judged = rows.iter().filter(|row| no_worse(row) && row.met.is_some()).count();
    let met = rows.iter().filter(|row| no_worse(row) && row.met == Some(true)).count();
    let mut out = match rows.iter().any(no_worse) {
        true => format!("No worse than Go (within 5 %): {met} of {judged} rows judged.\n\n"),
        false => String::new(),
    };
    out.push_str(
        "| row | peer | ours | theirs | unit | ratio | goal | met |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let told = |row: &&Row| match no_worse(row) {
        true => row.met == Some(false),
        false => row.goal.is_some(),
    };
    for row in rows.iter().filter(told) {
        let met = row.met.map_or("–", |met| if met { "yes" } else { "**no**" });
        let (ours, theirs, ratio) = (cell(row.ours), cell(row.theirs), cell(row.ratio));
        let goal = row.goal.as_deref().unwrap_or("–");
        let (name, peer, unit) = (&row.row, &row.peer, &row.unit);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {name} | {peer} | {ours} | {theirs} | {unit} | {ratio} | {goal} | {met} |"
        );
    }
    out
}

/// Three significant digits, or a dash.
pub(crate) fn cell(value: Option<f64>) -> String {
    let Some(value) = value else { return "–".to_owned() };
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Writes a report so that a reader never finds half of one.
pub(crate) fn write_json(path: &Path, report: &impl Serialize) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let part = path.with_extension("part");
    std::fs::write(&part, serde_json::to_vec_pretty(report)?)?;
    std::fs::rename(part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(ours: Option<Option<f64>>, theirs: Option<Option<f64>>) -> Pair {
        Pair { row: "r".into(), unit: "s".into(), peer: "p".into(), ours, theirs }
    }

    #[test]
    fn what_did_not_run_is_not_judged_and_what_did_not_finish_lost() {
        let one = Some(Some(1.0));
        assert_eq!(pair(None, one).judge("g", 1.0).met, None);
        assert_eq!(pair(one, None).judge("g", 1.0).met, None);
        assert_eq!(pair(Some(None), one).judge("g", 1.0).met, Some(false));
        assert_eq!(pair(Some(None), Some(None)).judge("g", 1.0).met, Some(false));
        assert_eq!(pair(one, Some(None)).judge("g", 5.0).met, Some(true));
    }

    #[test]
    fn only_equality_has_slack() {
        let of = |ours, theirs, times| pair(Some(Some(ours)), Some(Some(theirs))).judge("g", times);
        assert_eq!(of(1.04, 1.0, 1.0).met, Some(true));
        assert_eq!(of(1.06, 1.0, 1.0).met, Some(false));
        assert_eq!(of(1.0, 14.9, 15.0).met, Some(false));
        assert_eq!(of(1.0, 15.0, 15.0).met, Some(true));
        assert_eq!(of(0.0, 0.0, 1.0).met, Some(true));
        assert_eq!(of(0.0, 0.0, 1.0).ratio, None);
        assert_eq!(of(2.0, 10.0, 1.0).ratio, Some(5.0));
    }

    #[test]
    fn the_table_tells_goals_and_what_is_worse_than_go() {
        let of =
            |name: &str, ours| Pair { row: name.into(), ..pair(Some(Some(ours)), Some(Some(1.0))) };
        let rows = [
            of("better", 0.5).judge(NO_WORSE, 1.0),
            of("worse", 2.0).judge(NO_WORSE, 1.0),
            of("aim", 0.5).judge("G1", 1.0),
            of("other", 0.5).plain(),
        ];
        let table = goal_table(&rows);
        assert!(table.starts_with("No worse than Go (within 5 %): 1 of 2 rows judged."));
        let told = |name: &str| table.contains(&format!("| {name} |"));
        assert_eq!(["better", "worse", "aim", "other"].map(told), [false, true, true, false]);
    }

    #[test]
    fn a_run_that_did_not_finish_is_the_slowest() {
        assert_eq!(median_of([Some(1.0), None, Some(3.0)].into_iter()), Some(Some(3.0)));
        assert_eq!(median_of([Some(1.0), None, None].into_iter()), Some(None));
        assert_eq!(median_of(std::iter::empty()), None);
    }
}
