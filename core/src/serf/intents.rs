//! Who is here, who is leaving and who has left, in the order of the member clock.
//!
//! memberlist says that a member is gone; whether it *left* or *failed* is decided by whether it
//! told of its intent before.

use std::collections::BTreeMap;
use std::time::Duration;

use super::coordinate::Peer;
use crate::time::Instant;

/// How long the intent of a member that is not known yet is remembered; serf's default.
const RECENT: Duration = Duration::from_secs(300);
/// Such intents at most, and the length of the names that they may have.
const RECENT_MAX: usize = 4096;
const RECENT_NAME_MAX: usize = 1024;

/// serf's states of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Alive,
    Leaving,
    Left,
    Failed,
}

impl Status {
    /// serf's number of it.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Alive => 1,
            Self::Leaving => 2,
            Self::Left => 3,
            Self::Failed => 4,
        }
    }
}

/// One member.
#[derive(Debug)]
pub(crate) struct Known {
    /// The Lamport time of its last intent.
    pub(crate) ltime: u64,
    pub(crate) status: Status,
    /// It is to be forgotten as soon as it is gone.
    prune: bool,
    pub(crate) peer: Option<Box<Peer>>,
}

/// What an intent comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing new, and nothing to pass on.
    Known,
    /// New, and to be passed on; nothing else.
    New,
    /// A member that had failed, or is not known here, has left.
    Departed,
    /// A member that is gone is to be forgotten at once; `true` if it had failed until now.
    Pruned(bool),
    /// There was no place for it.
    Refused,
}

/// An intent of somebody who is not known yet.
#[derive(Clone, Copy, Debug)]
struct Recent {
    ltime: u64,
    leave: bool,
    heard: Instant,
}

/// Everybody, by name.
#[derive(Debug, Default)]
pub(crate) struct Members {
    known: BTreeMap<Box<str>, Known>,
    recent: BTreeMap<Box<str>, Recent>,
}

impl Members {
    pub(crate) fn get(&self, name: &str) -> Option<&Known> {
        self.known.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Known> {
        self.known.get_mut(name)
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Everybody, and the time of the last intent.
    pub(crate) fn times(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.known.iter().map(|(name, known)| (&**name, known.ltime))
    }

    /// Who has left.
    pub(crate) fn left(&self) -> Vec<&str> {
        let left = self.known.iter().filter(|(_, known)| known.status == Status::Left);
        left.map(|(name, _)| &**name).collect()
    }

    /// A member is here: new, or back.
    pub(crate) fn joined(&mut self, now: Instant, name: &str) {
        if let Some(known) = self.known.get_mut(name) {
            (known.status, known.prune) = (Status::Alive, false);
            return;
        }
        let recent = self.recent.remove(name).filter(|recent| is_recent(recent, now));
        let status = match recent {
            Some(Recent { leave: true, .. }) => Status::Leaving,
            _ => Status::Alive,
        };
        let ltime = recent.map_or(0, |recent| recent.ltime);
        self.known.insert(name.into(), Known { ltime, status, prune: false, peer: None });
    }

    /// A member is gone, having said goodbye or not: whether it has left, and whether it is to be
    /// forgotten at once.
    ///
    /// serf takes a goodbye for a failure unless it heard of the intent. But nobody else could
    /// have said it, so it is a leave.
    pub(crate) fn gone(&mut self, name: &str, goodbye: bool) -> (bool, bool) {
        let Some(known) = self.known.get_mut(name) else { return (goodbye, false) };
        let left = goodbye || matches!(known.status, Status::Leaving | Status::Left);
        known.status = if left { Status::Left } else { Status::Failed };
        (left, known.prune)
    }

    /// A member is not remembered any more.
    pub(crate) fn forgotten(&mut self, name: &str) {
        self.known.remove(name);
    }

    /// Somebody has joined at that time.
    pub(crate) fn hear_join(&mut self, now: Instant, name: &str, ltime: u64) -> Heard {
        let Some(known) = self.known.get_mut(name) else {
            return self.remember(now, name, ltime, false);
        };
        if ltime <= known.ltime {
            return Heard::Known;
        }
        known.ltime = ltime;
        if known.status == Status::Leaving {
            (known.status, known.prune) = (Status::Alive, false);
        }
        Heard::New
    }

    /// Somebody leaves at that time, or is to be taken for gone.
    pub(crate) fn hear_leave(
        &mut self,
        now: Instant,
        name: &str,
        ltime: u64,
        prune: bool,
    ) -> Heard {
        let Some(known) = self.known.get_mut(name) else {
            // It may be remembered elsewhere as one that has failed.
            return match self.remember(now, name, ltime, true) {
                Heard::New => Heard::Departed,
                heard => heard,
            };
        };
        if ltime <= known.ltime {
            return Heard::Known;
        }
        known.ltime = ltime;
        let was = known.status;
        match was {
            Status::Alive | Status::Leaving => {
                known.status = Status::Leaving;
                known.prune |= prune;
                Heard::New
            }
            Status::Failed | Status::Left => {
                known.status = Status::Left;
                match (prune, was) {
                    (true, was) => Heard::Pruned(was == Status::Failed),
                    (false, Status::Failed) => Heard::Departed,
                    (false, _) => Heard::New,
                }
            }
        }
    }

    /// Somebody else holds a member for one that has left, since that time or later; whether that
    /// is known. It would count as a later intent otherwise, and two members that exchange states
    /// would drive each other's times up, beyond those of what is said meanwhile.
    pub(crate) fn confirm_left(&mut self, name: &str, ltime: u64) -> bool {
        let left = self.known.get_mut(name).filter(|known| known.status == Status::Left);
        left.map(|known| known.ltime = known.ltime.max(ltime)).is_some()
    }

    fn remember(&mut self, now: Instant, name: &str, ltime: u64, leave: bool) -> Heard {
        let recent = Recent { ltime, leave, heard: now };
        if let Some(known) = self.recent.get_mut(name) {
            if is_recent(known, now) && ltime <= known.ltime {
                return Heard::Known;
            }
            *known = recent;
            return Heard::New;
        }
        if self.recent.len() >= RECENT_MAX {
            self.recent.retain(|_, recent| is_recent(recent, now));
        }
        if self.recent.len() >= RECENT_MAX || name.len() > RECENT_NAME_MAX {
            return Heard::Refused;
        }
        self.recent.insert(name.into(), recent);
        Heard::New
    }
}

fn is_recent(recent: &Recent, now: Instant) -> bool {
    now.since(recent.heard) <= RECENT
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_nanos(0);

    /// What is done to a member, by the first letter, and at which time of the member clock: it
    /// comes `+`, goes `-`, says goodbye `.`; `j`oins, `l`eaves, is `p`runed.
    fn play(script: &str) -> (Option<(Status, u64)>, Vec<Heard>) {
        let mut members = Members::default();
        let mut heard = Vec::new();
        for step in script.split(' ') {
            let ltime = step[1..].parse().unwrap_or(0);
            match &step[..1] {
                "+" => members.joined(NOW, "m"),
                "-" => drop(members.gone("m", false)),
                "." => drop(members.gone("m", true)),
                "j" => heard.push(members.hear_join(NOW, "m", ltime)),
                "l" => heard.push(members.hear_leave(NOW, "m", ltime, false)),
                "p" => heard.push(members.hear_leave(NOW, "m", ltime, true)),
                _ => panic!("{script}"),
            }
        }
        (members.get("m").map(|known| (known.status, known.ltime)), heard)
    }

    #[test]
    fn whatever_the_order_the_latest_intent_counts() {
        use Heard::{Departed, Known, New, Pruned};
        use Status::{Alive, Failed, Leaving, Left};
        for (script, status, ltime, heard) in [
            ("+ j1", Alive, 1, vec![New]),
            ("+ j1 l2", Leaving, 2, vec![New, New]),
            ("+ l2 j1", Leaving, 2, vec![New, Known]),
            ("+ l2 j3", Alive, 3, vec![New, New]),
            ("+ j3 l2", Alive, 3, vec![New, Known]),
            ("+ l2 l2", Leaving, 2, vec![New, Known]),
            ("+ l2 -", Left, 2, vec![New]),
            ("+ j2 -", Failed, 2, vec![New]),
            ("+ l2 j3 -", Failed, 3, vec![New, New]),
            ("+ .", Left, 0, vec![]),
            // Force-leave, of what has failed and of what has left.
            ("+ j1 - l2", Left, 2, vec![New, Departed]),
            ("+ j1 - l1", Failed, 1, vec![New, Known]),
            ("+ j1 - l2 l3", Left, 3, vec![New, Departed, New]),
            ("+ j1 - p2", Left, 2, vec![New, Pruned(true)]),
            ("+ l1 - p2", Left, 2, vec![New, Pruned(false)]),
            // Back after that.
            ("+ l1 - +", Alive, 1, vec![New]),
            ("+ l1 - + j2 -", Failed, 2, vec![New, New]),
            ("+ l1 - + l1 -", Failed, 1, vec![New, Known]),
            // Ahead of the news that the member is there.
            ("j4 +", Alive, 4, vec![New]),
            ("l4 +", Leaving, 4, vec![Departed]),
            ("l4 j5 +", Alive, 5, vec![Departed, New]),
            ("j5 l4 +", Alive, 5, vec![New, Known]),
            ("l4 + j3", Leaving, 4, vec![Departed, Known]),
            ("l4 + -", Left, 4, vec![Departed]),
        ] {
            assert_eq!(play(script), (Some((status, ltime)), heard), "{script}");
        }
    }

    #[test]
    fn who_is_to_be_forgotten_is_once_gone() {
        let mut members = Members::default();
        members.joined(NOW, "m");
        assert_eq!(members.hear_leave(NOW, "m", 1, true), Heard::New);
        assert_eq!(members.gone("m", false), (true, true));
        members.joined(NOW, "m");
        assert_eq!(members.gone("m", false), (false, false));
        members.forgotten("m");
        assert!(members.get("m").is_none() && members.len() == 0);
        assert_eq!(members.gone("m", true), (true, false), "a stranger says goodbye");
    }

    #[test]
    fn intents_of_strangers_are_remembered_for_a_while() {
        let mut members = Members::default();
        assert_eq!(members.hear_leave(NOW, "m", 4, false), Heard::Departed);
        let late = NOW + RECENT + Duration::from_nanos(1);
        members.joined(late, "m");
        assert_eq!(members.get("m").map(|known| known.status), Some(Status::Alive));
    }

    #[test]
    fn a_flood_of_strangers_is_bounded() {
        let mut members = Members::default();
        for stranger in 0..RECENT_MAX {
            assert_eq!(members.hear_join(NOW, &stranger.to_string(), 1), Heard::New);
        }
        assert_eq!(members.hear_join(NOW, "one more", 1), Heard::Refused);
        let late = NOW + RECENT + Duration::from_nanos(1);
        assert_eq!(members.hear_join(late, "one more", 1), Heard::New, "they were forgotten");
        assert_eq!(members.recent.len(), 1);
        let long = "n".repeat(RECENT_NAME_MAX + 1);
        assert_eq!(members.hear_join(late, &long, 1), Heard::Refused);
    }
}
