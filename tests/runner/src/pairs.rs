//! Which languages have spoken to which, and about what: counted, so that it is known that every
//! pair has.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::{Command, Scenario};

/// What was done in which scenario, and the languages of who did it and whose server it was for.
#[derive(Debug, Default)]
pub(crate) struct Pairs(BTreeMap<(String, String), BTreeSet<(String, String)>>);

impl Pairs {
    /// Adds what is said in a scenario from one node to another, when `who` plays which. What a
    /// node says to itself needs no connection, and does not count.
    pub(crate) fn add(&mut self, scenario: &Scenario, who: &BTreeMap<String, &str>) {
        let mut places = Places::default();
        for command in scenario.steps.iter().flat_map(|step| step.commands.iter().flatten()) {
            places.follow(command);
            let what = (scenario.name.clone(), name_of(command));
            for other in places.meant(command) {
                let languages = (who.get(&command.node), who.get(&other));
                if let (Some(one), Some(two)) = languages
                    && other != command.node
                {
                    let pair = ((*one).to_owned(), (*two).to_owned());
                    self.0.entry(what.clone()).or_default().insert(pair);
                }
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (what, pairs) in other.0 {
            self.0.entry(what).or_default().extend(pairs);
        }
    }

    /// For people: how many pairs there were of each.
    pub(crate) fn report(&self, languages: usize) -> String {
        let mut text = format!("pairs of languages, of {}:", languages * languages);
        let mut last = "";
        for ((scenario, what), pairs) in &self.0 {
            let start =
                if scenario == last { ", ".to_owned() } else { format!("\n  {scenario}: ") };
            text.push_str(&format!("{start}{what} {}", pairs.len()));
            last = scenario;
        }
        text
    }
}

/// Where servers and subscribers are, as far as a scenario has come.
#[derive(Debug, Default)]
struct Places {
    servers: BTreeMap<String, BTreeSet<String>>,
    subscribers: BTreeMap<String, BTreeSet<String>>,
}

impl Places {
    fn follow(&mut self, command: &Command) {
        let (map, key) = match command.verb.as_str() {
            "serve" | "stop" => (&mut self.servers, "name"),
            "subscribe_topic" | "unsubscribe_topic" => (&mut self.subscribers, "topic"),
            _ => return,
        };
        let nodes = map.entry(command.get(key).to_owned()).or_default();
        if matches!(command.verb.as_str(), "serve" | "subscribe_topic") {
            nodes.insert(command.node.clone());
        } else {
            nodes.remove(&command.node);
        }
    }

    /// The nodes that a command is for: those that it names, or that are the only ones it can mean.
    fn meant(&self, command: &Command) -> Vec<String> {
        match command.verb.as_str() {
            "call" | "cast" | "stream" | "monitor" => {}
            "publish" => return all(self.subscribers.get(command.get("topic"))),
            _ => return Vec::new(),
        }
        let target = command.get("target");
        match target.split_once('@') {
            Some((_, node)) => vec![node.to_owned()],
            None => match all(self.servers.get(target)) {
                only if only.len() == 1 => only,
                _ => Vec::new(),
            },
        }
    }
}

fn all(nodes: Option<&BTreeSet<String>>) -> Vec<String> {
    nodes.into_iter().flatten().cloned().collect()
}

fn name_of(command: &Command) -> String {
    match command.get("op") {
        "" => command.verb.clone(),
        op => format!("{} {op}", command.verb),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::find;
    use crate::plan::plan;
    use chinwag_runner::agents::root;

    /// The languages of the bindings, as `make test` has them play.
    const LANGUAGES: [&str; 5] = ["rust", "c", "python", "node", "elixir"];

    /// What every pair of languages does, as `tests/scenarios/README.md` promises.
    const PROMISED: &[(&str, &[&str])] = &[
        ("pairs", &["call who", "call echo", "cast add", "stream mirror", "publish", "monitor"]),
        ("pairs-failures", &["call missing", "call nothing", "call fail", "call never"]),
        ("pairs-failures", &["call long", "stream break", "monitor"]),
        ("pairs-busy", &["cast wait", "call add", "call echo", "call get"]),
        ("pairs-down", &["call who", "call echo", "call add", "cast add", "monitor"]),
        ("trace", &["call traced", "call relay"]),
    ];

    fn scenarios() -> Vec<Scenario> {
        Scenario::read_all(&root().join("tests/scenarios")).unwrap()
    }

    #[test]
    fn every_pair_of_languages_does_what_is_promised() {
        let scenarios = scenarios();
        let agents: Vec<_> = LANGUAGES.iter().map(|name| find(name).unwrap()).collect();
        let mut pairs = Pairs::default();
        for case in plan(&scenarios, &agents, agents.len(), 0) {
            pairs.merge(case.pairs());
        }
        for (scenario, promised) in PROMISED {
            for what in *promised {
                let made = pairs.0.get(&((*scenario).to_owned(), (*what).to_owned()));
                let count = made.map_or(0, BTreeSet::len);
                assert_eq!(count, 25, "{scenario}: {what}");
            }
        }
    }

    #[test]
    fn only_what_goes_to_another_node_counts() {
        let text = "start a\nstart b\nserve b name=s\ncall a target=s op=x\n\
                    call b target=s op=x\ncall a target=s@a op=x\ncast b target=s@a op=x\n\
                    call a target=other op=x\n----\n";
        let scenario = Scenario::parse("s.txt".as_ref(), text).unwrap();
        let who = BTreeMap::from([("a".to_owned(), "c"), ("b".to_owned(), "go")]);
        let mut pairs = Pairs::default();
        pairs.add(&scenario, &who);
        let report = "pairs of languages, of 4:\n  s: call x 1, cast x 1";
        assert_eq!(pairs.report(2), report);
    }
}
