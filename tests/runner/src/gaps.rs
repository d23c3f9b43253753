//! Gap lists: what an agent is known not to do (`tests/gaps/<agent>.txt`). A line is the name of a
//! scenario and the reason; `#` starts a comment line. Without a file there are no gaps.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Agent, then scenario, then reason.
#[derive(Debug, Default)]
pub(crate) struct Gaps(BTreeMap<String, BTreeMap<String, String>>);

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

    /// One gap.
    #[cfg(test)]
    pub(crate) fn of(agent: &str, scenario: &str, reason: &str) -> Self {
        let list = BTreeMap::from([(scenario.to_owned(), reason.to_owned())]);
        Self(BTreeMap::from([(agent.to_owned(), list)]))
    }

    /// Why this agent is not expected to pass this scenario, if so.
    pub(crate) fn reason(&self, agent: &str, scenario: &str) -> Option<&str> {
        self.0.get(agent)?.get(scenario).map(String::as_str)
    }
}

fn parse(text: &str, known: &[&str]) -> Result<BTreeMap<String, String>, String> {
    let mut list = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some((scenario, reason)) = line.split_once(' ') else {
            return Err(format!("no reason after {line:?}"));
        };
        if !known.contains(&scenario) {
            return Err(format!("there is no scenario {scenario:?}"));
        }
        list.insert(scenario.to_owned(), reason.trim().to_owned());
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_has_a_scenario_and_a_reason() {
        let list = parse("# Go.\n\nleave  never tells\n", &["leave", "crash"]).unwrap();
        assert_eq!(list.get("leave").map(String::as_str), Some("never tells"));
        assert!(parse("crash\n", &["crash"]).is_err());
        assert!(parse("crush because\n", &["crash"]).is_err());
    }
}
