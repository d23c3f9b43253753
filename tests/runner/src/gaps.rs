//! Gap lists: what an agent is known not to do (`tests/gaps/<agent>.txt`). A line is the name of a
//! scenario and the reason; `#` starts a comment line. Without a file there are no gaps.
//!
//! `scenario:suspect,recover reason` says that the agent only lacks these reports: when it plays
//! with others, they are not expected of it, and all else is. `scenario:* reason` says that nothing
//! can be expected of others either: it is not played with this agent among them.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Agent, then scenario, then what is missing.
#[derive(Debug, Default)]
pub(crate) struct Gaps(BTreeMap<String, List>);

type List = BTreeMap<String, Gap>;

#[derive(Debug, PartialEq, Eq)]
struct Gap {
    reports: Vec<String>,
    reason: String,
}

impl Gaps {
    /// Reads the lists of `agents`. A line for a scenario that does not exist is an error.
    pub(crate) fn read(folder: &Path, agents: &[&str], known: &[&str]) -> Result<Self, String> {
        let mut gaps = Self::default();
        for agent in agents {
            let path = folder.join(format!("{agent}.txt"));
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(format!("{}: {error}", path.display())),
            };
            let list = parse(&text, known).map_err(|e| format!("{}: {e}", path.display()))?;
            gaps.0.insert((*agent).to_owned(), list);
        }
        Ok(gaps)
    }

    /// The list of one agent.
    #[cfg(test)]
    pub(crate) fn of(agent: &str, text: &str, known: &[&str]) -> Self {
        Self(BTreeMap::from([(agent.to_owned(), parse(text, known).unwrap())]))
    }

    /// Why this agent is not expected to pass this scenario, if so.
    pub(crate) fn reason(&self, agent: &str, scenario: &str) -> Option<&str> {
        self.gap(agent, scenario).map(|gap| gap.reason.as_str())
    }

    /// Whether only reports of this kind are missing, so that the others can be expected.
    pub(crate) fn lacks(&self, agent: &str, scenario: &str, report: &str) -> bool {
        let kind = report.split(' ').next().unwrap_or_default();
        self.gap(agent, scenario).is_some_and(|gap| gap.reports.iter().any(|word| word == kind))
    }

    /// Why this agent is not among those who play this scenario together, if so.
    pub(crate) fn absence(&self, agent: &str, scenario: &str) -> Option<&str> {
        let gap = self.gap(agent, scenario)?;
        gap.reports.iter().any(|word| word == "*").then_some(&*gap.reason)
    }

    fn gap(&self, agent: &str, scenario: &str) -> Option<&Gap> {
        self.0.get(agent)?.get(scenario)
    }
}

fn parse(text: &str, known: &[&str]) -> Result<List, String> {
    let mut list = List::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some((what, reason)) = line.split_once(' ') else {
            return Err(format!("no reason after {line:?}"));
        };
        let (scenario, reports) = what.split_once(':').unwrap_or((what, ""));
        if !known.contains(&scenario) {
            return Err(format!("there is no scenario {scenario:?}"));
        }
        let reports = reports.split(',').filter(|word| !word.is_empty()).map(str::to_owned);
        let gap = Gap { reports: reports.collect(), reason: reason.trim().to_owned() };
        list.insert(scenario.to_owned(), gap);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_has_a_scenario_and_a_reason() {
        let gaps = Gaps::of("go", "# Go.\n\nleave  never tells\n", &["leave", "crash"]);
        assert_eq!(gaps.reason("go", "leave"), Some("never tells"));
        assert_eq!((gaps.reason("go", "crash"), gaps.reason("c", "leave")), (None, None));
        assert!(parse("crash\n", &["crash"]).is_err());
        assert!(parse("crush because\n", &["crash"]).is_err());
    }

    #[test]
    fn a_gap_can_be_of_some_reports() {
        let gaps = Gaps::of("go", "pause:suspect,recover silent\nleave no\n", &["pause", "leave"]);
        assert!(gaps.lacks("go", "pause", "recover b alive"));
        assert!(!gaps.lacks("go", "pause", "failed b failed"));
        assert!(!gaps.lacks("go", "leave", "recover b alive"));
        assert_eq!(gaps.reason("go", "pause"), Some("silent"));
        assert_eq!(gaps.absence("go", "pause"), None);
        let absent = Gaps::of("go", "pause:* deaf\n", &["pause"]);
        assert_eq!(absent.absence("go", "pause"), Some("deaf"));
    }
}
