//! Which scenario is played by whom, and what counts as passed.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::time::{Duration, Instant};

use crate::agents::AgentKind;
use crate::gaps::Gaps;
use crate::pairs::Pairs;
use crate::player::{Failure, Player};
use crate::process::Processes;
use crate::scenario::Scenario;
use crate::simulated::Simulated;

/// How the simulator's gaps are listed.
pub(crate) const SIM: &str = "sim";

/// One scenario with one distribution of roles.
pub(crate) struct Case<'a> {
    pub(crate) scenario: &'a Scenario,
    players: Players,
}

/// Who plays the nodes.
enum Players {
    /// One agent plays all.
    Alone(&'static AgentKind),
    /// Each node has an agent of its own.
    Mixed(BTreeMap<String, &'static AgentKind>),
    /// The simulator, once for each seed up to this one.
    Simulated(u64),
}

/// How a case ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Passed,
    /// A known gap; the reason.
    Skipped(String),
    /// What happened, with everything that was said.
    Failed(String),
}

/// Every scenario for each agent alone; with the agents mixed in so many of the `turns` that they
/// can take, each scenario beginning with another; and, if there are `seeds`, in the simulator.
pub(crate) fn plan<'a>(
    scenarios: &'a [Scenario],
    agents: &[&'static AgentKind],
    turns: usize,
    seeds: u64,
) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for (number, scenario) in scenarios.iter().enumerate() {
        let nodes = scenario.nodes();
        let mut add = |players| cases.push(Case { scenario, players });
        agents.iter().for_each(|agent| add(Players::Alone(agent)));
        // One node alone cannot be mixed.
        if nodes.len() > 1 && agents.len() > 1 {
            // With all turns, in their order.
            let first = if turns < agents.len() { number } else { 0 };
            (first..first + turns)
                .for_each(|turn| add(Players::Mixed(rotated(&nodes, agents, turn))));
        }
        if seeds > 0 {
            add(Players::Simulated(seeds));
        }
    }
    cases
}

/// Roles by rotation: over all turns, every agent plays every role once.
fn rotated(
    nodes: &[String],
    agents: &[&'static AgentKind],
    turn: usize,
) -> BTreeMap<String, &'static AgentKind> {
    let agent = |at: usize| agents[(at + turn) % agents.len()];
    nodes.iter().enumerate().map(|(at, node)| (node.clone(), agent(at))).collect()
}

impl Case<'_> {
    /// Scenario and agents, for people.
    pub(crate) fn title(&self) -> String {
        let who = match &self.players {
            Players::Alone(agent) => agent.name.to_owned(),
            Players::Mixed(cast) => {
                let parts = cast.iter().map(|(node, agent)| format!("{node}={}", agent.name));
                format!("mixed {}", parts.collect::<Vec<_>>().join(" "))
            }
            Players::Simulated(seeds) => format!("{SIM} 1 to {seeds}"),
        };
        format!("{} · {who}", self.scenario.name)
    }

    /// Plays it. `number` tells this case from all others of this run.
    pub(crate) fn play(&self, number: usize, gaps: &Gaps) -> (Outcome, Duration) {
        let began = Instant::now();
        if let Some(reason) = self.absence(gaps) {
            return (Outcome::Skipped(reason), began.elapsed());
        }
        let scenario = self.tailored(gaps);
        let outcome = match &self.players {
            Players::Simulated(seeds) => self.play_simulated(*seeds, gaps),
            Players::Alone(_) | Players::Mixed(_) => {
                let mut world = Processes::new(host(number), self.cast());
                let mut player = Player::new(&mut world, &scenario);
                let played = player.play(&scenario);
                self.judge(played, player.transcript(), gaps)
            }
        };
        (outcome, began.elapsed())
    }

    /// Plays it under each seed, up to the first that does not pass. The simulator watches over
    /// itself, and panics when the engines do what none may.
    fn play_simulated(&self, seeds: u64, gaps: &Gaps) -> Outcome {
        let under = |seed| {
            let mut world = Simulated::new(seed);
            let mut player = Player::new(&mut world, self.scenario);
            let played = panic::catch_unwind(AssertUnwindSafe(|| player.play(self.scenario)));
            let played = played.unwrap_or_else(|cause| Err(Failure::panic(&*cause)));
            match self.judge(played, player.transcript(), gaps) {
                Outcome::Failed(text) => Outcome::Failed(format!("seed {seed}: {text}")),
                outcome => outcome,
            }
        };
        let mut outcomes = (1..=seeds).map(under);
        outcomes.find(|outcome| !matches!(outcome, Outcome::Passed)).unwrap_or(Outcome::Passed)
    }

    /// Plays it without judging; what was reported in each step.
    pub(crate) fn record(&self, number: usize) -> Result<Vec<Vec<String>>, String> {
        let mut world = Processes::new(host(number), self.cast());
        let mut player = Player::new(&mut world, self.scenario);
        player.record(self.scenario).map_err(|failure| failure.text)
    }

    /// Who plays which node.
    fn cast(&self) -> BTreeMap<String, &'static AgentKind> {
        match &self.players {
            Players::Alone(agent) => {
                self.scenario.nodes().into_iter().map(|node| (node, *agent)).collect()
            }
            Players::Mixed(cast) => cast.clone(),
            Players::Simulated(_) => BTreeMap::new(),
        }
    }

    /// Which languages speak to which, and about what.
    pub(crate) fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        let cast = self.cast();
        let who = cast.iter().map(|(node, agent)| (node.clone(), agent.name)).collect();
        pairs.add(self.scenario, &who);
        pairs
    }

    /// The name under which the gaps of a node's player are listed.
    fn player_of(&self, node: &str) -> Option<&'static str> {
        match &self.players {
            Players::Alone(agent) => Some(agent.name),
            Players::Mixed(cast) => cast.get(node).map(|agent| agent.name),
            Players::Simulated(_) => Some(SIM),
        }
    }

    /// Why these agents do not play this together, if so.
    fn absence(&self, gaps: &Gaps) -> Option<String> {
        let Players::Mixed(cast) = &self.players else { return None };
        let mut reasons = cast
            .values()
            .filter_map(|agent| gaps.absence(agent.name, &self.scenario.name).map(str::to_owned));
        reasons.next()
    }

    /// The scenario without what an agent cannot report. One that plays alone is to fail there, so
    /// that a gap which has closed is noticed.
    fn tailored(&self, gaps: &Gaps) -> Scenario {
        let mut scenario = self.scenario.clone();
        if matches!(self.players, Players::Mixed(_)) {
            let lacks = |node: &str, report: &str| {
                let agent = self.player_of(node);
                agent.is_some_and(|agent| gaps.lacks(agent, &scenario.name, report))
            };
            for step in &mut scenario.steps {
                step.expected.retain(|(node, report)| !lacks(node, report));
            }
        }
        scenario
    }

    fn judge(&self, played: Result<(), Failure>, said: &[String], gaps: &Gaps) -> Outcome {
        match played {
            Ok(()) => self.judge_success(gaps),
            Err(failure) => self.judge_failure(&failure, said, gaps),
        }
    }

    fn judge_success(&self, gaps: &Gaps) -> Outcome {
        let alone = match &self.players {
            Players::Alone(agent) => agent.name,
            Players::Simulated(_) => SIM,
            Players::Mixed(_) => return Outcome::Passed,
        };
        match gaps.reason(alone, &self.scenario.name) {
            Some(reason) => Outcome::Failed(format!(
                "it passes, but tests/gaps/{alone}.txt lists it ({reason}); remove that line\n"
            )),
            None => Outcome::Passed,
        }
    }

    /// A failure is excused if every node at which it showed is played by an agent with that gap;
    /// in company only when that agent said so, because otherwise it may be the fault of another.
    fn judge_failure(&self, failure: &Failure, transcript: &[String], gaps: &Gaps) -> Outcome {
        let plain = !matches!(self.players, Players::Mixed(_)) || failure.unsupported;
        let reason = |node: &String| {
            let agent = self.player_of(node).filter(|_| plain)?;
            gaps.reason(agent, &self.scenario.name)
        };
        let reasons: Option<Vec<&str>> = failure.nodes.iter().map(reason).collect();
        match reasons.as_deref() {
            Some([first, ..]) => Outcome::Skipped((*first).to_owned()),
            _ => Outcome::Failed(format!(
                "{}\ntranscript:\n    {}\n",
                failure.text.trim_end(),
                transcript.join("\n    ")
            )),
        }
    }
}

/// A loopback address for one case. Members gossip for a while to those that have died, so a port
/// that is used again on the same address could join two clusters. Only Linux has all of 127/8.
fn host(number: usize) -> String {
    if cfg!(target_os = "linux") {
        let run = 1 + process::id() % 250;
        format!("127.{run}.{}.{}", number / 250 % 250, 1 + number % 250)
    } else {
        "127.0.0.1".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::find;

    #[test]
    fn every_agent_plays_every_role() {
        let agents: Vec<_> = ["go", "rust", "c"].iter().map(|name| find(name).unwrap()).collect();
        let nodes = ["a", "b"].map(str::to_owned);
        for node in &nodes {
            let mut players: Vec<_> =
                (0..3).map(|turn| rotated(&nodes, &agents, turn)[node].name).collect();
            players.sort_unstable();
            assert_eq!(players, ["c", "go", "rust"]);
        }
    }

    #[test]
    fn with_fewer_turns_each_scenario_begins_with_another() {
        let scenario = Scenario::parse("s.txt".as_ref(), "start a\nstart b\n----\n").unwrap();
        let scenarios = [scenario.clone(), scenario.clone(), scenario];
        let agents: Vec<_> = ["go", "rust", "c"].iter().map(|name| find(name).unwrap()).collect();
        let cases = plan(&scenarios, &agents, 1, 0);
        let mixed = cases.iter().filter(|case| matches!(case.players, Players::Mixed(_)));
        let of_a: Vec<_> = mixed.filter_map(|case| case.player_of("a")).collect();
        assert_eq!(of_a, ["go", "rust", "c"]);
        assert_eq!(plan(&scenarios, &agents, 3, 0).len(), 3 * (3 + 3));
    }

    fn failed_at(nodes: &[&str], unsupported: bool) -> Failure {
        let nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
        Failure { nodes, unsupported, text: "so".to_owned() }
    }

    #[test]
    fn a_gap_excuses_its_own_agent_and_must_not_have_closed() {
        let text = "start a\nstart b\n----\n";
        let scenario = Scenario::parse("s.txt".as_ref(), text).unwrap();
        let scenarios = [scenario];
        let agents: Vec<_> = ["go", "rust"].iter().map(|name| find(name).unwrap()).collect();
        let [go, rust, mixed, turned] = &plan(&scenarios, &agents, 2, 0)[..] else {
            panic!("two agents alone, and two turns");
        };
        let gaps = Gaps::of("go", "s never\n", &["s"]);
        let judge = |case: &Case<'_>, failure| case.judge_failure(&failure, &[], &gaps);
        let excused = |case: &Case<'_>, nodes: &[&str]| {
            matches!(judge(case, failed_at(nodes, true)), Outcome::Skipped(_))
        };
        assert!(excused(go, &["a", "b"]) && !excused(rust, &["a"]));
        assert!(excused(mixed, &["a"]) && !excused(mixed, &["b"]) && !excused(mixed, &["a", "b"]));
        assert!(excused(turned, &["b"]) && !excused(turned, &["a"]));
        assert!(matches!(judge(go, failed_at(&["a"], false)), Outcome::Skipped(_)));
        assert!(matches!(judge(mixed, failed_at(&["a"], false)), Outcome::Failed(_)));
        assert!(matches!(go.judge_success(&gaps), Outcome::Failed(_)));
        assert!(matches!(rust.judge_success(&gaps), Outcome::Passed));
        assert!(matches!(mixed.judge_success(&gaps), Outcome::Passed));
    }

    #[test]
    fn who_cannot_take_part_is_not_among_those_who_play_together() {
        let text = "start a\nstart b\n----\n";
        let scenarios = [Scenario::parse("s.txt".as_ref(), text).unwrap()];
        let agents: Vec<_> = ["rust", "go"].iter().map(|name| find(name).unwrap()).collect();
        let cases = plan(&scenarios, &agents, 2, 1);
        let gaps = Gaps::of("go", "s:* deaf\n", &["s"]);
        let absent = |case: &Case<'_>| case.absence(&gaps).is_some();
        let mixed = [false, false, true, true, false];
        assert_eq!(cases.iter().map(absent).collect::<Vec<_>>(), mixed);
    }

    #[test]
    fn reports_that_an_agent_lacks_are_expected_of_the_others() {
        let text = "start a\nstart b\n----\na: suspect b x\nb: suspect a x\nb: join a x\n";
        let scenarios = [Scenario::parse("s.txt".as_ref(), text).unwrap()];
        let agents: Vec<_> = ["rust", "go"].iter().map(|name| find(name).unwrap()).collect();
        let cases = plan(&scenarios, &agents, 2, 0);
        let gaps = Gaps::of("go", "s:suspect silent\n", &["s"]);
        let expected = |case: &Case<'_>| case.tailored(&gaps).steps[0].expected.len();
        assert_eq!(cases.iter().map(expected).collect::<Vec<_>>(), [3, 3, 2, 2]);
    }
}
