//! What was observed of members that were in trouble: who probed, who accused, who confirmed, which
//! answers were missing. For people who ask why.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use crate::engine::{Explanation, Observed};
use crate::membership::Membership;
use crate::time::Instant;

/// Something that was observed of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// A probe of this node was not answered in any way.
    ProbeFailed {
        /// Whom else it asked to probe.
        helpers: Vec<Box<str>>,
        /// How many of them said that they got no answer either.
        nacks: u32,
        /// Whether TCP was tried.
        tcp: bool,
    },
    /// Only TCP answered.
    SavedByTcp,
    /// It refused this node over UDP and TCP, and others that were asked to probe.
    Refused { by: Vec<Box<str>> },
    /// It refused this node, and was there.
    RefusedHere,
    /// It had refused, and answered when it was asked once more.
    Answered,
    /// Somebody accused it.
    Suspected { by: Box<str>, incarnation: u32 },
    /// Somebody else accused it too, so that it has less time.
    Confirmed { by: Box<str>, left: Duration },
    /// It said that it is there.
    Refuted { incarnation: u32 },
    /// It failed: the time to refute was over here, or somebody said so.
    Failed { by: Box<str>, confirmations: usize, refused: bool },
    /// It said goodbye.
    Left,
    /// It came back after it had failed or left.
    Back { incarnation: u32 },
    /// It has another address.
    Moved { from: SocketAddr },
}

/// A fact with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) at: Instant,
    pub(crate) fact: Fact,
}

/// The facts by member. Members that were never in trouble have none, and take no room.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    members: BTreeMap<Box<str>, VecDeque<Noted>>,
    count: usize,
}

/// Facts of one member; the oldest go.
const FACTS_MAX: usize = 32;
/// Facts of all; those of the member that was quiet for the longest time go.
const ALL_MAX: usize = 4096;
/// Bytes of a name that are kept: names come from outside, and may be longer.
const NAME_MAX: usize = 128;

impl Evidence {
    pub(crate) fn note(&mut self, at: Instant, member: &str, fact: Fact) {
        let facts = self.members.entry(short(member)).or_default();
        if facts.len() == FACTS_MAX {
            facts.pop_front();
            self.count -= 1;
        }
        facts.push_back(Noted { at, fact });
        self.count += 1;
        if self.count > ALL_MAX {
            self.drop_quietest();
        }
    }

    /// What is known of a member, the oldest first.
    pub(crate) fn of(&self, member: &str) -> impl Iterator<Item = &Noted> {
        self.members.get(&*short(member)).into_iter().flatten()
    }

    fn drop_quietest(&mut self) {
        let last = |facts: &VecDeque<Noted>| facts.back().map_or(Instant::NEVER, |noted| noted.at);
        let quietest = self.members.iter().min_by_key(|(_, facts)| last(facts));
        if let Some(name) = quietest.map(|(name, _)| name.clone()) {
            self.count -= self.members.remove(&name).map_or(0, |facts| facts.len());
        }
    }
}

/// A name, cut where it is too long to be kept.
pub(crate) fn short(name: &str) -> Box<str> {
    let mut end = name.len().min(NAME_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default().into()
}

impl Fact {
    /// A stable word for it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::ProbeFailed { .. } => "probe-failed",
            Self::SavedByTcp => "saved-by-tcp",
            Self::Refused { .. } => "refused",
            Self::RefusedHere => "refused-here",
            Self::Answered => "answered",
            Self::Suspected { .. } => "suspected",
            Self::Confirmed { .. } => "confirmed",
            Self::Refuted { .. } => "refuted",
            Self::Failed { .. } => "failed",
            Self::Left => "left",
            Self::Back { .. } => "back",
            Self::Moved { .. } => "moved",
        }
    }

    /// A sentence about `member`, as `own` tells it.
    pub(crate) fn tell(&self, member: &str, own: &str) -> String {
        let who = |by: &str| if by == own { "this node".to_owned() } else { by.to_owned() };
        match self {
            Self::ProbeFailed { helpers, nacks, tcp } => {
                let asked = match helpers.len() {
                    0 => "nobody else could be asked".to_owned(),
                    count => format!(
                        "{} asked for help, {nacks} of {count} said that it does not answer them",
                        helpers.join(", ")
                    ),
                };
                let tcp = if *tcp { "nor over TCP" } else { "and TCP was not tried" };
                format!("{member} did not answer a probe over UDP {tcp}; {asked}")
            }
            Self::SavedByTcp => {
                format!("{member} answered a probe over TCP alone: UDP does not get through")
            }
            Self::Refused { by } => format!(
                "nothing listens where {member} was: it refused this node over UDP and TCP, and {} \
                 as well",
                by.join(", ")
            ),
            Self::RefusedHere => format!(
                "{member} refused this node, though it is there; is there a firewall between?"
            ),
            Self::Answered => format!("{member} had refused, and answered when asked once more"),
            Self::Suspected { by, incarnation } => {
                format!("{} suspected {member} in incarnation {incarnation}", who(by))
            }
            Self::Confirmed { by, left } => {
                let left = left.as_secs_f64();
                format!("{} confirmed it, which left {member} {left:.1} s to refute", who(by))
            }
            Self::Refuted { incarnation } => {
                format!("{member} refuted with incarnation {incarnation}")
            }
            Self::Failed { by, refused: true, .. } if &**by == own => {
                format!("{member} refused over TCP as well when it was asked once more")
            }
            Self::Failed { by, confirmations, .. } if &**by == own => {
                format!("{member} had not refuted in time; {confirmations} others had confirmed it")
            }
            Self::Failed { by, .. } => format!("{by} declared {member} failed"),
            Self::Left => format!("{member} said goodbye"),
            Self::Back { incarnation } => {
                format!("{member} came back with incarnation {incarnation}")
            }
            Self::Moved { from } => format!("{member} moved; it was at {from}"),
        }
    }
}

impl Membership {
    /// What is known of a member, and why.
    pub(crate) fn explain(&self, name: &str) -> Explanation {
        let found = self.roster.find(name).and_then(|slot| self.roster.get(slot));
        let observed = self.evidence.of(name).map(|noted| Observed {
            ago: self.now.since(noted.at),
            kind: noted.fact.kind(),
            text: noted.fact.tell(name, &self.name),
        });
        Explanation {
            member: found.map(|record| record.member.clone()),
            since: found.map(|record| self.now.since(record.changed)),
            fails_in: found
                .and_then(|record| Some(record.suspicion.as_ref()?.end()))
                .map(|deadline| deadline.since(self.now)),
            observed: observed.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn the_newest_facts_of_a_member_are_kept() {
        let mut evidence = Evidence::default();
        for incarnation in 0..100 {
            evidence.note(at(u64::from(incarnation)), "a", Fact::Refuted { incarnation });
        }
        let kept: Vec<Instant> = evidence.of("a").map(|noted| noted.at).collect();
        assert_eq!(kept, (68..100).map(at).collect::<Vec<Instant>>());
        assert_eq!(evidence.of("b").count(), 0);
    }

    #[test]
    fn the_member_that_was_quiet_for_the_longest_time_goes_first() {
        let mut evidence = Evidence::default();
        for number in 0..2 * ALL_MAX as u64 {
            evidence.note(at(number), &format!("{number:05}"), Fact::Left);
        }
        assert_eq!(evidence.count, ALL_MAX);
        assert_eq!(evidence.members.len(), ALL_MAX);
        assert_eq!(evidence.of("04095").count(), 0);
        assert_eq!(evidence.of("04096").count(), 1);
    }

    #[test]
    fn long_names_are_cut_between_letters() {
        let name = "é".repeat(100);
        assert_eq!(short(&name).len(), NAME_MAX);
        assert_eq!(&*short("a"), "a");
        let odd = format!("a{name}");
        assert_eq!(short(&odd).len(), NAME_MAX - 1);
    }
}
