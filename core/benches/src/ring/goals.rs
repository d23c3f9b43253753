//! What is judged of rings: the goals of `design/performance-ring-and-clocks.md`.

use chinwag::ring::Profile;

use super::peers::{Ours, Placement};
use crate::languages::Figures;
use crate::report::{Pair, Row};

/// The goals of rings that are judged in each run.
pub(super) fn rows(figures: &[Figures]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut judge = |figures: &Figures, row: &'static str, bound: f64, goal: &str| {
        let pair = Pair {
            row: format!("{row}, {}, {} nodes", figures.peer, figures.size),
            unit: String::new(),
            peer: "bound".to_owned(),
            ours: figures.values.get(row).map(|value| Some(*value)),
            theirs: Some(Some(bound)),
        };
        let row = pair.judge(goal, 1.0);
        // These bounds have no noise.
        rows.push(Row { met: row.ours.map(|ours| ours <= bound), ..row });
    };
    for figures in figures.iter().filter(|figures| figures.language == "Rust") {
        let is_default = figures.peer == Ours(Profile::DEFAULT).name();
        let is_pure = figures.peer == Ours(Profile::PURE).name();
        if is_default || is_pure {
            judge(figures, "look-up by instructions", 60.0, "G1: ≤ 60");
            judge(figures, "memory", 1_024.0, "G8: ≤ 1 MiB");
        }
        let (times, moved) = if figures.size <= 100 { (1.05, 1.05) } else { (1.07, 1.5) };
        if is_default {
            judge(figures, "moved by a join, of the least", moved, "G5");
            let goal = format!("G4: ≤ {times}, rounded up to a slot");
            // A share is rounded up to whole slots.
            let slot = figures.size as f64 / f64::from(Profile::DEFAULT_SLOTS);
            judge(figures, "busiest node of all keys, of the mean", times + slot, &goal);
            let update = if figures.size <= 100 { 25.0 } else { 100.0 };
            judge(figures, "add a node", update, &format!("G7: ≤ {update} ms"));
        }
        if is_pure && figures.size <= 100 {
            judge(figures, "add a node", 1.0, "G7: ≤ 1 ms");
        }
    }
    for (language, peer, row, times) in AGAINST {
        for ours in figures.iter().filter(|one| one.language == language && one.peer == "chinwag") {
            let is_theirs = |one: &&Figures| one.size == ours.size && one.peer == peer;
            let theirs = figures.iter().filter(|one| one.language == language).find(is_theirs);
            let value = |one: Option<&Figures>| one.map(|one| one.values.get(row).copied());
            let pair = Pair {
                row: format!("{row}, {language}, {} nodes", ours.size),
                unit: "ns".to_owned(),
                peer: peer.to_owned(),
                ours: value(Some(ours)),
                theirs: value(theirs),
            };
            rows.push(pair.judge(&format!("G2: {times} times"), times));
        }
    }
    rows
}

/// Libraries of other languages, and how many times faster ours shall be.
const AGAINST: [(&str, &str, &str, f64); 3] = [
    ("Python", "uhashring", "look-up", 30.0),
    ("Python", "fastring", "look-up", 2.5),
    ("Node.js", "hashring", "look-up", 30.0),
];
