//! Which broadcasts have been heard, so that each is told and passed on once.

use std::collections::BTreeMap;

use crate::wire::{BroadcastKind, Envelope};

/// What a broadcast is to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    New,
    Again,
    /// So old that nobody knows any more, or superseded by one that came before it.
    Late,
    /// There are too many senders to remember another one.
    Full,
}

/// What has been heard, by sender.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    senders: BTreeMap<Box<str>, [Option<Box<Run>>; RUNS]>,
}

/// Runs of a sender that are told apart: the present one, and the one before, of which something
/// may still be under way.
const RUNS: usize = 2;
/// Numbers below the newest of a run that may still come.
const WINDOW: u32 = 256;
/// Names of a run for which the newest is remembered.
const NAMES_MAX: usize = 64;

#[derive(Debug)]
struct Run {
    run: u32,
    newest: u32,
    /// Which of the numbers up to the newest have been heard: bit `seq % WINDOW`.
    seen: [u64; WINDOW as usize / 64],
    /// The newest superseding one by name.
    latest: BTreeMap<Box<str>, u32>,
}

impl Heard {
    /// Notes a broadcast; `room` is how many senders may be remembered.
    pub(crate) fn note(&mut self, envelope: &Envelope<'_>, room: usize) -> Verdict {
        if !self.senders.contains_key(envelope.sender) {
            if self.senders.len() >= room {
                return Verdict::Full;
            }
            self.senders.insert(envelope.sender.into(), [None, None]);
        }
        let Some(runs) = self.senders.get_mut(envelope.sender) else { return Verdict::Full };
        let known = runs.iter().position(|r| r.as_ref().is_some_and(|r| r.run == envelope.run));
        let place = known.unwrap_or_else(|| {
            runs.rotate_right(1);
            runs[0] = Some(Box::new(Run::new(envelope.run)));
            0
        });
        runs[place].as_mut().map_or(Verdict::Full, |run| run.note(envelope))
    }

    /// Forgets a sender.
    pub(crate) fn forget(&mut self, sender: &str) {
        self.senders.remove(sender);
    }
}

impl Run {
    fn new(run: u32) -> Self {
        Self { run, newest: 0, seen: Default::default(), latest: BTreeMap::new() }
    }

    fn note(&mut self, envelope: &Envelope<'_>) -> Verdict {
        let seq = envelope.seq;
        if seq > self.newest {
            // What lies between has not been heard; beyond the window, nothing has.
            for missed in (self.newest + 1..=seq).rev().take(WINDOW as usize) {
                self.mark(missed, false);
            }
            self.newest = seq;
        } else if self.newest - seq >= WINDOW || seq == 0 {
            return Verdict::Late;
        } else if self.is_marked(seq) {
            return Verdict::Again;
        }
        self.mark(seq, true);
        match envelope.kind {
            BroadcastKind::Superseding => self.supersede(envelope.name, seq),
            BroadcastKind::Unique | BroadcastKind::Named => Verdict::New,
        }
    }

    fn supersede(&mut self, name: &str, seq: u32) -> Verdict {
        if let Some(latest) = self.latest.get_mut(name) {
            if *latest > seq {
                return Verdict::Late;
            }
            *latest = seq;
            return Verdict::New;
        }
        if self.latest.len() >= NAMES_MAX {
            // The one that was renewed the longest time ago.
            let oldest = self.latest.iter().min_by_key(|(_, seq)| **seq).map(|(n, _)| n.clone());
            oldest.and_then(|name| self.latest.remove(&name));
        }
        self.latest.insert(name.into(), seq);
        Verdict::New
    }

    fn bit(seq: u32) -> (usize, u64) {
        let place = seq % WINDOW;
        (place as usize / 64, 1 << (place % 64))
    }

    fn mark(&mut self, seq: u32, heard: bool) {
        let (word, bit) = Self::bit(seq);
        if heard {
            self.seen[word] |= bit;
        } else {
            self.seen[word] &= !bit;
        }
    }

    fn is_marked(&self, seq: u32) -> bool {
        let (word, bit) = Self::bit(seq);
        self.seen[word] & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from<'a>(sender: &'a str, run: u32, seq: u32) -> Envelope<'a> {
        Envelope { sender, run, seq, ..Envelope::default() }
    }

    #[test]
    fn each_number_counts_once_in_any_order() {
        let mut heard = Heard::default();
        let order = [3, 1, 2, 300, 299, 45, 44, 1000, 745, 744];
        let verdicts = order.map(|seq| heard.note(&from("a", 1, seq), 9));
        use Verdict::{Late, New};
        assert_eq!(verdicts, [New, New, New, New, New, New, Late, New, New, Late]);
        for seq in [300 + 700, 745] {
            assert_eq!(heard.note(&from("a", 1, seq), 9), Verdict::Again, "{seq}");
        }
        assert_eq!(heard.note(&from("b", 1, 3), 9), New, "another sender has its own");
    }

    #[test]
    fn a_restarted_sender_begins_anew_and_the_run_before_is_still_known() {
        let mut heard = Heard::default();
        for run in [5, 4] {
            assert_eq!(heard.note(&from("a", run, 1), 9), Verdict::New);
        }
        for run in [5, 4] {
            assert_eq!(heard.note(&from("a", run, 1), 9), Verdict::Again);
        }
    }

    #[test]
    fn a_superseded_one_that_comes_late_is_not_told() {
        let mut heard = Heard::default();
        let load =
            |seq| Envelope { kind: BroadcastKind::Superseding, name: "load", ..from("a", 1, seq) };
        assert_eq!(heard.note(&load(2), 9), Verdict::New);
        assert_eq!(heard.note(&load(1), 9), Verdict::Late);
        assert_eq!(heard.note(&Envelope { name: "other", ..load(0) }, 9), Verdict::Late);
        assert_eq!(heard.note(&load(3), 9), Verdict::New);
    }

    #[test]
    fn memory_is_bounded() {
        let mut heard = Heard::default();
        for seq in 1..=1_000 {
            let name = format!("n{seq}");
            let kind = BroadcastKind::Superseding;
            let envelope = Envelope { kind, name: &name, ..from("a", 1, seq) };
            assert_eq!(heard.note(&envelope, 1), Verdict::New);
        }
        assert_eq!(heard.note(&from("b", 1, 1), 1), Verdict::Full);
        let run = heard.senders["a"][0].as_ref().expect("a run");
        assert_eq!(run.latest.len(), NAMES_MAX);
        heard.forget("a");
        assert_eq!(heard.note(&from("b", 1, 1), 1), Verdict::New);
    }
}
