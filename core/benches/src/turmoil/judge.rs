//! The laws, judged by what the agents have written down.
//!
//! A killed process takes its counters with it, but not its records. So what has come is known of
//! all, and what was dropped only of those that live: between seats whose process was never
//! killed, each cast that is missing has to be counted by one of them.

use std::collections::HashMap;

use serde::Serialize;

use super::agent::Told;
use super::record::{Event, Got, Id, Record};
use super::sender::UNORDERED;

/// One process.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub(super) seat: usize,
    pub(super) run: usize,
    pub(super) records: Vec<Record>,
    /// What its node has counted, if it lived to the end.
    pub(super) told: Option<Told>,
    /// Calls of its own at the end that failed.
    pub(super) failed: u64,
}

/// Everything that was written down.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) runs: Vec<Run>,
    pub(super) grown_kib: u64,
}

/// What it comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Verdict {
    pub(super) calls: u64,
    pub(super) answered: u64,
    pub(super) casts: u64,
    pub(super) heard: u64,
    /// Casts that did not come, of processes that live, and what their nodes and those of the
    /// others have counted of it.
    pub(super) missing: u64,
    pub(super) dropped: u64,
    pub(super) lost: u64,
    pub(super) in_doubt: u64,
    pub(super) links_lost: u64,
    pub(super) processes: usize,
    pub(super) grown_kib: u64,
    /// Which laws were broken, and by what.
    pub(super) broken: Vec<String>,
}

/// A message that a server has got, by which lane it came.
type Arrivals = HashMap<Id, Vec<Got>>;

/// How many cases of one law are told.
const TOLD: usize = 3;

/// Judges all.
pub(super) fn judge(history: &History, most_kib: u64) -> Verdict {
    let mut verdict = Verdict {
        processes: history.runs.len(),
        grown_kib: history.grown_kib,
        ..Verdict::default()
    };
    let arrivals = arrivals(history);
    verdict.once(&arrivals);
    verdict.truth(history, &arrivals);
    verdict.order(history);
    verdict.ends(history);
    verdict.sums(history, &arrivals);
    if history.grown_kib > most_kib {
        let line = format!("a process grew by {} KiB", history.grown_kib);
        verdict.broken.push(line);
    }
    verdict
}

fn arrivals(history: &History) -> Arrivals {
    let mut arrivals = Arrivals::new();
    for run in &history.runs {
        for record in &run.records {
            if let Event::Heard(serial) | Event::Ran(serial) = record.event {
                let got = Got { seat: run.seat as u8, run: run.run as u8, serial };
                arrivals.entry(record.id).or_default().push(got);
            }
        }
    }
    arrivals
}

impl Verdict {
    fn accuse(&mut self, law: &str, cases: impl IntoIterator<Item = String>) {
        let mut cases = cases.into_iter();
        let told: Vec<String> = cases.by_ref().take(TOLD).collect();
        if !told.is_empty() {
            let more = cases.count();
            self.broken.push(format!("{law}: {}; and {more} more", told.join("; ")));
        }
    }

    /// Nothing comes twice.
    fn once(&mut self, arrivals: &Arrivals) {
        let twice = arrivals.iter().filter(|(_, got)| got.len() > 1);
        self.accuse("came twice", twice.map(|(id, got)| format!("{id:?} at {got:?}")));
    }

    /// An answer is that of the server that got the call; what is said not to have run has not;
    /// and nothing comes that nobody has sent.
    fn truth(&mut self, history: &History, arrivals: &Arrivals) {
        let (mut wrong, mut ran, mut sent) = (Vec::new(), Vec::new(), HashMap::new());
        for Record { id, event } in history.runs.iter().flat_map(|run| &run.records) {
            let got = arrivals.get(id).map_or(&[][..], Vec::as_slice);
            match event {
                Event::Cast | Event::Call => drop(sent.insert(*id, ())),
                Event::Wrong => wrong.push(format!("{id:?}: another call's")),
                Event::Answered(by) if !got.contains(by) => {
                    wrong.push(format!("{id:?}: by {by:?}, and it was at {got:?}"));
                }
                Event::Refused | Event::Failed { maybe: false } if !got.is_empty() => {
                    ran.push(format!("{id:?} at {got:?}"));
                }
                _ => {}
            }
        }
        self.accuse("a wrong answer", wrong);
        self.accuse("ran, and was said not to have", ran);
        let made_up = arrivals.keys().filter(|id| !sent.contains_key(*id));
        self.accuse("came, and nobody sent it", made_up.map(|id| format!("{id:?}")));
    }

    /// What one sends to one server comes in that order.
    fn order(&mut self, history: &History) {
        let mut behind = Vec::new();
        for run in &history.runs {
            let mut last: HashMap<(u8, u8, u8), u64> = HashMap::new();
            for Record { id, event } in &run.records {
                if id.lane >= UNORDERED || !matches!(event, Event::Heard(_) | Event::Ran(_)) {
                    continue;
                }
                let last = last.entry((id.seat, id.run, id.lane)).or_default();
                if id.number <= *last {
                    behind.push(format!("{id:?} after {last}"));
                }
                *last = id.number;
            }
        }
        self.accuse("out of order", behind);
    }

    /// Each call comes to one end, unless its process was killed; what was answered twice is
    /// wanted by nobody.
    fn ends(&mut self, history: &History) {
        let (mut odd, mut unwanted) = (Vec::new(), Vec::new());
        for run in &history.runs {
            let (mut open, mut failed) = (HashMap::<Id, u64>::new(), run.failed);
            for Record { id, event } in &run.records {
                match event {
                    Event::Call => {
                        self.calls += 1;
                        open.insert(*id, 0);
                    }
                    Event::Answered(_) | Event::Failed { .. } | Event::Wrong => {
                        self.answered += u64::from(matches!(event, Event::Answered(_)));
                        failed += u64::from(matches!(event, Event::Failed { .. }));
                        *open.entry(*id).or_insert(1) += 1;
                    }
                    _ => {}
                }
            }
            let Some(told) = &run.told else { continue };
            let ended = open.iter().filter(|(_, ends)| **ends != 1);
            odd.extend(ended.map(|(id, ends)| format!("{id:?}: {ends} times")));
            if told.replies_unwanted > failed {
                let count = told.replies_unwanted;
                unwanted.push(format!("{count} at seat {}, where {failed} failed", run.seat));
            }
        }
        self.accuse("a call did not end once", odd);
        self.accuse("answers to nothing", unwanted);
    }

    /// Each cast that was sent has come, or somebody has counted it.
    fn sums(&mut self, history: &History, arrivals: &Arrivals) {
        let has_died = |seat: usize| history.runs.iter().any(|run| run.seat == seat && run.run > 0);
        let mortal: Vec<bool> = (0..history.runs.len()).map(has_died).collect();
        let died = |seat: usize| mortal.get(seat).copied().unwrap_or(true);
        let mut gaps = Gaps::default();
        let mut odd = Vec::new();
        for run in &history.runs {
            let sums = Sums::of(run, arrivals, died);
            gaps.add(&sums);
            (self.casts, self.heard) = (self.casts + sums.sent, self.heard + sums.heard);
            let Some(told) = &run.told else { continue };
            self.links_lost += told.links_lost;
            let (seat, Sums { sent, refused, heard, .. }) = (run.seat, sums);
            if told.casts_served != heard {
                odd.push(format!("seat {seat} served {}, heard {heard}", told.casts_served));
            }
            if !(sent - refused..=sent).contains(&told.casts_sent) {
                let counted = told.casts_sent;
                odd.push(format!("seat {seat} counts {counted} of {sent}, {refused} refused"));
            } else if !died(seat) {
                gaps.uncounted += sent - told.casts_sent;
                self.dropped += told.casts_dropped;
                self.lost += told.casts_lost;
                self.in_doubt += told.casts_in_doubt;
            }
        }
        self.accuse("counters", odd);
        let certain = self.dropped + self.lost;
        self.missing = match mortal.contains(&true) {
            // To whom a cast was that was refused before it was counted, nobody knows.
            true => gaps.between - gaps.refused,
            false => gaps.between - gaps.uncounted,
        };
        if self.missing > certain + self.in_doubt {
            let (missing, counted) = (self.missing, certain + self.in_doubt);
            self.broken.push(format!("{missing} casts are missing, and {counted} counted"));
        }
        let all = gaps.between + gaps.beyond - gaps.uncounted;
        if certain > all {
            self.broken.push(format!("{certain} casts are counted as gone, and {all} missing"));
        }
    }
}

/// Casts of one process.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    sent: u64,
    refused: u64,
    heard: u64,
    gaps: Gaps,
}

/// Casts that have not come.
#[derive(Clone, Copy, Debug, Default)]
struct Gaps {
    /// Between seats whose process was never killed; and of them, those that were refused.
    between: u64,
    refused: u64,
    /// Of the others, or to them.
    beyond: u64,
    /// Those, refused as well, that the node did not even count as sent.
    uncounted: u64,
}

impl Gaps {
    fn add(&mut self, sums: &Sums) {
        let Self { between, refused, beyond, .. } = sums.gaps;
        self.between += between;
        self.refused += refused;
        self.beyond += beyond;
    }
}

impl Sums {
    fn of(run: &Run, arrivals: &Arrivals, died: impl Fn(usize) -> bool) -> Self {
        let mut sums = Self::default();
        for Record { id, event } in &run.records {
            // Lanes have the numbers of the seats that they lead to.
            let is_between = !died(run.seat) && !died(usize::from(id.lane));
            let has_come = arrivals.contains_key(id);
            match event {
                Event::Cast => {
                    sums.sent += 1;
                    sums.gaps.between += u64::from(is_between && !has_come);
                    sums.gaps.beyond += u64::from(!is_between && !has_come);
                }
                Event::Refused => {
                    sums.refused += 1;
                    sums.gaps.refused += u64::from(is_between && !has_come);
                }
                Event::Heard(_) => sums.heard += 1,
                _ => {}
            }
        }
        sums
    }
}
