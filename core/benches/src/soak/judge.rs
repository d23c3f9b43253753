//! What must not have happened.

use std::fmt::Write as _;

use serde::Serialize;

use super::Look;
use super::tally::Told;
use crate::stats::median;

/// Names that are served all the time.
pub(super) const SERVERS: usize = 2;

/// What the run came to.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Verdict {
    /// KiB that each process has grown by, after the beginning, and what it had then.
    growth_kib: Vec<f64>,
    memory_kib: Vec<f64>,
    /// Of a second, all processes together.
    calls: f64,
    casts: f64,
    registered: f64,
    unregistered: f64,
    cpu_cores: f64,
    seconds: f64,
    /// What is not as it should be; nothing if all is well.
    pub(super) broken: Vec<String>,
}

impl Verdict {
    pub(super) fn of(looks: &[Vec<Look>], ended: &[Told], most_kib: f64, warm: f64) -> Self {
        let mut verdict = Self::default();
        for (seat, looks) in looks.iter().enumerate() {
            let points: Vec<(f64, f64)> =
                looks.iter().map(|look| (look.at_s, look.memory_kib as f64)).collect();
            let later = &points[(points.len() as f64 * warm) as usize..];
            let growth = growth(later).unwrap_or(f64::NAN);
            verdict.growth_kib.push(growth);
            let first = later.first().map_or(f64::NAN, |(_, kib)| *kib);
            verdict.memory_kib.push(first);
            // Written so that what cannot be compared is broken as well.
            if growth.partial_cmp(&most_kib).is_none_or(|order| order.is_gt()) {
                let line = format!("process {seat} has grown by {growth:.0} KiB from {first:.0}");
                verdict.broken.push(line);
            }
            if let (Some(first), Some(last)) = (looks.first(), looks.last()) {
                let seconds = last.at_s - first.at_s;
                let rate = |of: fn(&Told) -> u64| (of(&last.told) - of(&first.told)) as f64;
                verdict.calls += rate(|told| told.calls) / seconds;
                verdict.casts += rate(|told| told.casts) / seconds;
                verdict.registered += rate(|told| told.registered) / seconds;
                verdict.unregistered += rate(|told| told.unregistered) / seconds;
                verdict.cpu_cores += (last.cpu_s - first.cpu_s) / seconds;
                verdict.seconds = verdict.seconds.max(last.at_s);
            }
        }
        verdict.broken.extend(lost(ended));
        verdict
    }

    pub(super) fn markdown(&self, foreign: f64) -> String {
        let mut out = String::new();
        let kib = |values: &[f64]| {
            let values: Vec<String> = values.iter().map(|value| format!("{value:.0}")).collect();
            values.join(", ")
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "In {:.0} s, each second {:.0} calls, {:.0} casts, {:.0} names registered and {:.0} \
             taken off; {:.2} cores, and others used {foreign:.2}.",
            self.seconds,
            self.calls,
            self.casts,
            self.registered,
            self.unregistered,
            self.cpu_cores,
        );
        let (growth, memory) = (kib(&self.growth_kib), kib(&self.memory_kib));
        let _ = writeln!(
            out,
            "After the first fifth, the processes grew by {growth} KiB from {memory}."
        );
        let broken = if self.broken.is_empty() { "Nothing was lost." } else { "Broken:" };
        let _ = writeln!(out, "{broken}");
        for line in &self.broken {
            let _ = writeln!(out, "- {line}");
        }
        out
    }
}

/// What is missing at the end, and what failed on the way.
fn lost(ended: &[Told]) -> Vec<String> {
    let mut broken = Vec::new();
    for (seat, told) in ended.iter().enumerate() {
        for (what, count) in told.failures.iter().chain(&told.losses).filter(|(_, n)| **n > 0) {
            broken.push(format!("process {seat}: {what}, {count} times"));
        }
        if told.servers != SERVERS {
            broken.push(format!("process {seat} knows {} servers, not {SERVERS}", told.servers));
        }
        if told.registered != told.unregistered {
            broken.push(format!("process {seat} has not taken off all that it registered"));
        }
    }
    let sum = |of: fn(&Told) -> u64| ended.iter().map(of).sum::<u64>();
    let counts = [
        ("casts sent, as those who sent them say", sum(|told| told.casts)),
        ("casts heard, as the servers say", sum(|told| told.heard)),
        ("casts_sent", sum(|told| told.casts_sent)),
        ("casts_served", sum(|told| told.casts_served)),
    ];
    for (what, count) in counts {
        if count != counts[0].1 {
            broken.push(format!("{count} {what}, and {} {}", counts[0].1, counts[0].0));
        }
    }
    broken
}

/// How much more there is in the last quarter of the time than in the first: by their medians, so
/// that a burst that is over changes nothing.
fn growth(points: &[(f64, f64)]) -> Option<f64> {
    let quarter = (points.len() / 4).max(1);
    let of =
        |points: &[(f64, f64)]| median(&mut points.iter().map(|(_, kib)| *kib).collect::<Vec<_>>());
    Some(of(points.get(points.len().checked_sub(quarter)?..)?)? - of(points.get(..quarter)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(kib: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (0..300).map(|at| (f64::from(at) * 10.0, kib(f64::from(at) * 10.0))).collect()
    }

    #[test]
    fn what_grows_is_seen_through_noise_and_what_does_not_is_flat() {
        let noise = |at: f64| if at % 70.0 < 10.0 { 900.0 } else { (at % 30.0) * 2.0 };
        let leak = growth(&points(|at| 20_000.0 + at + noise(at))).unwrap();
        assert!((leak - 2_250.0).abs() < 100.0, "{leak}");
        let flat = growth(&points(|at| 20_000.0 + noise(at))).unwrap();
        assert!(flat.abs() < 50.0, "{flat}");
        let steps = growth(&points(|at| if at < 1_500.0 { 20_000.0 } else { 23_000.0 }));
        assert_eq!(steps, Some(3_000.0));
        assert_eq!(growth(&[]), None);
    }

    #[test]
    fn memory_that_grows_and_what_is_missing_are_told() {
        let well = Told {
            casts: 5,
            heard: 5,
            casts_sent: 5,
            casts_served: 5,
            servers: 2,
            ..Told::default()
        };
        let look =
            |at: f64, memory_kib| Look { at_s: at, memory_kib, cpu_s: at, told: well.clone() };
        let flat: Vec<Look> = (0..20).map(|at| look(f64::from(at), 5_000)).collect();
        let looks = [flat.clone(), flat];
        let ended = [well.clone(), well.clone()];
        assert_eq!(Verdict::of(&looks, &ended, 100.0, 0.2).broken, [""; 0]);
        let grown: Vec<Look> =
            (0..20).map(|at| look(f64::from(at), 5_000 + 100 * at as u64)).collect();
        assert_eq!(Verdict::of(&[grown], &ended, 100.0, 0.2).broken.len(), 1);
        let short = Told { heard: 4, casts_served: 4, ..well.clone() };
        assert_eq!(lost(&[well.clone(), short]).len(), 2);
        let failed = Told { failures: [("a wrong answer".to_owned(), 1)].into(), ..well.clone() };
        assert_eq!(lost(&[failed, well]), ["process 0: a wrong answer, 1 times"]);
    }
}
