//! Plays a scenario in a world: gives the commands, collects what is reported, and judges it. All
//! waiting is here, and every wait has a deadline.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::certificates::Certificates;
use crate::ledger::{Ledger, Report, Verdict, normalise, ring};
use crate::line::Line;
use crate::scenario::{Command, Scenario, Step};
use crate::world::{Spoken, Words, World};

mod commands;
mod messages;
mod state;
#[cfg(test)]
mod tests;

/// Longest wait for an answer. Leaving and failed joins take the longest.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest wait for the reports that a step expects.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// How long nothing more may be reported at the end of a scenario.
const QUIET_TIME: Duration = Duration::from_millis(300);
/// How long until a view is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// What is asked for again until it is as expected.
const VIEWS: &[&str] = &[
    "members",
    "local",
    "round_trip",
    "ring",
    "owners",
    "owns",
    "servers",
    "topics",
    "get",
    "entries",
    "map_get",
    "map_read",
    "map_entries",
    "loop_state",
    "counter",
];
/// How long to go on listening in a step whose expectation is being written: that long after each
/// report, but not for ever, because some repeat.
const REWRITE_TIME: Duration = Duration::from_secs(3);
const REWRITE_TIME_MAX: Duration = Duration::from_secs(15);

/// Why a scenario failed, and at whom.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The nodes that did not do what they should have.
    pub(crate) nodes: Vec<String>,
    /// An agent said that it cannot do what it was told.
    pub(crate) unsupported: bool,
    pub(crate) text: String,
}

impl Failure {
    /// What a panic came to. Nobody is at fault by name, so no gap excuses it.
    pub(crate) fn panic(cause: &(dyn Any + Send)) -> Self {
        let text = cause.downcast_ref::<String>().cloned();
        let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let text = text.unwrap_or_else(|| "a panic without a text".to_owned());
        Self { nodes: Vec::new(), unsupported: false, text }
    }
}

type Played<T> = Result<T, Failure>;

fn failure<T>(node: &str, text: impl Into<String>) -> Played<T> {
    Err(Failure { nodes: vec![node.to_owned()], unsupported: false, text: text.into() })
}

/// A scenario being played.
pub(crate) struct Player<'a> {
    world: &'a mut dyn World,
    nodes: BTreeMap<String, Part>,
    ledger: Ledger,
    /// Who sent a message of that payload, and whether reliably.
    sent: BTreeMap<String, (String, bool)>,
    certificates: Certificates,
    transcript: Vec<String>,
}

/// What is known of a node of the scenario.
#[derive(Default)]
struct Part {
    /// The name it has in the cluster.
    name: String,
    addr: Option<String>,
    /// The pairs of its last start.
    start: Vec<(String, String)>,
    /// What it reports counts: it is there, and has not left.
    heard: bool,
    /// The scenario subscribed by itself, and asks for the end of the replay.
    marked: bool,
    /// Events seen of this subscription are numbered up to here.
    seq: u64,
    /// Replayed events repeat a number; the others may not.
    replayed: bool,
    /// Of the rings that it was asked for.
    ring: Versions,
    /// Of the rings that it told of.
    changes: Versions,
    data: Vec<Line>,
    answer: Option<Line>,
    ended: Option<(bool, String)>,
}

/// The last ring of a node: its number, and what is the same for all who have it.
#[derive(Default)]
struct Versions((u64, String));

/// What a command has under that key; empty when it has none.
fn pair<'c>(command: &'c Command, key: &str) -> &'c str {
    command.get(key)
}

impl<'a> Player<'a> {
    pub(crate) fn new(world: &'a mut dyn World, scenario: &Scenario) -> Self {
        let part = |node: String| {
            let part = Part { name: node.clone(), ..Part::default() };
            (node, part)
        };
        let nodes = scenario.nodes().into_iter().map(part).collect();
        let (ledger, sent, certificates, transcript) = Default::default();
        Self { world, nodes, ledger, sent, certificates, transcript }
    }

    /// Everything said so far, for people.
    pub(crate) fn transcript(&self) -> &[String] {
        &self.transcript
    }

    /// Plays all steps; fails at the first that is not as expected.
    pub(crate) fn play(&mut self, scenario: &Scenario) -> Played<()> {
        for step in &scenario.steps {
            self.carry_out(step, true)?;
            self.await_expected(step)?;
            self.ledger.settle();
        }
        self.await_quiet()
    }

    /// Plays all steps; what was reported in each.
    pub(crate) fn record(&mut self, scenario: &Scenario) -> Played<Vec<Vec<String>>> {
        let mut seen = Vec::new();
        for step in &scenario.steps {
            self.carry_out(step, false)?;
            let end = self.world.now() + REWRITE_TIME_MAX;
            let mut deadline = self.world.now() + REWRITE_TIME;
            while let Some(spoken) = self.world.next(deadline) {
                self.take(spoken)?;
                deadline = end.min(self.world.now() + REWRITE_TIME);
            }
            seen.push(self.ledger.lines(&step.expected));
            self.ledger.settle();
        }
        Ok(seen)
    }

    /// Carries out the commands of a step. With `patience`, a view that is not yet as the step
    /// expects it is asked for again.
    fn carry_out(&mut self, step: &Step, patience: bool) -> Played<()> {
        for commands in &step.commands {
            let begun = self.world.now();
            for command in commands {
                self.begin(command)?;
            }
            for command in commands {
                let mut report = self.finish(command, begun + ANSWER_TIMEOUT)?;
                let views = VIEWS.contains(&command.verb.as_str()) || messages::is_view(command);
                while patience && views && self.world.now() < begun + STEP_TIMEOUT {
                    if step.expects(&command.node, report.as_ref().map(|r| r.text.as_str())) {
                        break;
                    }
                    self.listen(self.world.now() + ASK_AGAIN)?;
                    self.begin(command)?;
                    report = self.finish(command, begun + ANSWER_TIMEOUT)?;
                }
                if let Some(report) = report {
                    self.ledger.note(&command.node, report);
                }
            }
        }
        Ok(())
    }

    /// Files everything that is said until `deadline`.
    fn listen(&mut self, deadline: Duration) -> Played<()> {
        while let Some(spoken) = self.world.next(deadline) {
            self.take(spoken)?;
        }
        Ok(())
    }

    fn write_down(&mut self, text: &str) {
        self.transcript.push(format!("{:8.3} {text}", self.world.now().as_secs_f64()));
    }

    fn part(&mut self, node: &str) -> &mut Part {
        self.nodes.entry(node.to_owned()).or_default()
    }

    /// How the scenario calls the member of that name; the name itself when nobody has it.
    fn who(&self, name: &str) -> String {
        let found = self.nodes.iter().find(|(_, part)| part.name == name);
        found.map_or_else(|| format!("{name:?}"), |(node, _)| node.clone())
    }

    fn await_answer(&mut self, node: &str, deadline: Duration) -> Played<Line> {
        loop {
            if let Some(answer) = self.part(node).answer.take() {
                return Ok(answer);
            }
            match self.world.next(deadline) {
                Some(spoken) => self.take(spoken)?,
                None => return failure(node, format!("{node} does not answer")),
            }
        }
    }

    /// Waits for an agent to end. After `exit` the status must be 0; a signal may show in it.
    fn await_end(&mut self, command: &Command, deadline: Duration) -> Played<()> {
        let node = command.node.as_str();
        loop {
            if let Some((well, how)) = self.part(node).ended.take() {
                let fine = well || command.verb == "terminate";
                return if fine { Ok(()) } else { failure(node, format!("{node} ended: {how}")) };
            }
            match self.world.next(deadline) {
                Some(Spoken { node: who, what: Words::Ended { well, how } }) if who == node => {
                    self.part(node).ended = Some((well, how));
                }
                Some(spoken) => self.take(spoken)?,
                None => return failure(node, format!("{node} does not end")),
            }
        }
    }

    /// Waits until the step's expectation is met, or is contradicted, or its time is over.
    fn await_expected(&mut self, step: &Step) -> Played<()> {
        let deadline = self.world.now() + STEP_TIMEOUT;
        loop {
            let (verdict, late) = match self.ledger.compare(&step.expected) {
                Verdict::Met => return Ok(()),
                Verdict::Broken(nodes) => (nodes, None),
                Verdict::Open(nodes) => (nodes, self.world.next(deadline)),
            };
            match late {
                Some(spoken) => self.take(spoken)?,
                None => return Err(self.disappointment(step, verdict)),
            }
        }
    }

    fn disappointment(&self, step: &Step, nodes: Vec<String>) -> Failure {
        let mut text = "expected:\n".to_owned();
        for (node, line) in &step.expected {
            text.push_str(&format!("    {node}: {line}\n"));
        }
        text.push_str("reported:\n");
        for line in self.ledger.lines(&step.expected) {
            text.push_str(&format!("    {line}\n"));
        }
        Failure { nodes, unsupported: false, text }
    }

    /// After the last step nothing more may be reported.
    fn await_quiet(&mut self) -> Played<()> {
        let deadline = self.world.now() + QUIET_TIME;
        let nothing = Step::default();
        loop {
            if let Verdict::Broken(nodes) | Verdict::Open(nodes) = self.ledger.compare(&[]) {
                return Err(self.disappointment(&nothing, nodes));
            }
            match self.world.next(deadline) {
                Some(spoken) => self.take(spoken)?,
                None => return Ok(()),
            }
        }
    }

    /// Files what an agent said: an answer, a part of one, or a report.
    fn take(&mut self, spoken: Spoken) -> Played<()> {
        let node = spoken.node;
        let text = match spoken.what {
            Words::Line(text) => text,
            Words::Log(text) => {
                self.write_down(&format!("{node} ! {text}"));
                return Ok(());
            }
            Words::Ended { how, .. } => return failure(&node, format!("{node} ended: {how}")),
        };
        self.write_down(&format!("{node} > {text}"));
        let line = Line::parse(&text).or_else(|why| failure(&node, why))?;
        match line.word.as_str() {
            "member" | "response" | "keyring" | "owner" | "server" | "reply" | "failed"
            | "topic" | "entry" | "item" => {
                self.part(&node).data.push(line);
            }
            "watched" => self.take_watched(&node, &line).or_else(|why| failure(&node, why))?,
            "ok" | "error" | "unsupported" => self.part(&node).answer = Some(line),
            "event" | "reentered" | "published" | "down" => {
                self.take_report(&node, &line).or_else(|why| failure(&node, why))?
            }
            _ => return failure(&node, format!("{node} said {text:?}")),
        }
        Ok(())
    }

    fn take_report(&mut self, node: &str, line: &Line) -> Result<(), String> {
        let report = normalise(line, |name| self.who(name))?;
        self.check_sender(line)?;
        let part = self.part(node);
        if line.word == "event" {
            part.count(line)?;
            if line.get("type") == Some("ring-change") {
                part.changes.count(line, false)?;
            }
        }
        let unasked = |report: &Report| report.text == "replay-done" && !part.marked;
        if let Some(report) = report.filter(|report| part.heard && !unasked(report)) {
            self.ledger.note(node, report);
        }
        Ok(())
    }
}

impl Player<'_> {
    /// Checks who sent a message, and how it came, where its receiver says so. It need not know
    /// who sent a reliable one: everybody here has one address, and connections any port.
    fn check_sender(&self, event: &Line) -> Result<(), String> {
        let payload = event.get("payload").filter(|_| event.get("type") == Some("message"));
        let Some((sender, reliable)) = payload.and_then(|payload| self.sent.get(payload)) else {
            return Ok(());
        };
        let way = event.get("reliable").is_none_or(|way| way == reliable.to_string());
        let by = event.get("sender").is_none_or(|name| match name {
            "" => *reliable,
            name => self.who(name) == *sender,
        });
        let why = || format!("{sender} sent it with reliable={reliable}, but {event}");
        if way && by { Ok(()) } else { Err(why()) }
    }
}

impl Versions {
    /// Checks that rings are counted upwards from 1, and that one number is of one ring; it may
    /// come `again` in what was asked for.
    fn count(&mut self, line: &Line, again: bool) -> Result<(), String> {
        let version = line.get("version").and_then(|version| version.parse().ok());
        let version: u64 = version.ok_or_else(|| format!("no number in {line}"))?;
        let now = (version, ring("ring", line)?);
        if now.0 <= self.0.0 && (now != self.0 || !again) {
            return Err(format!("after {} of number {} came {line}", self.0.1, self.0.0));
        }
        self.0 = now;
        Ok(())
    }
}

impl Part {
    /// Checks that events are numbered upwards.
    fn count(&mut self, event: &Line) -> Result<(), String> {
        let seq = event.get("seq").and_then(|seq| seq.parse().ok());
        let seq: u64 = seq.ok_or_else(|| format!("no number in {event}"))?;
        if seq < self.seq || (seq == self.seq && self.replayed) {
            return Err(format!("after event {} came {event}", self.seq));
        }
        self.seq = seq;
        self.replayed |= event.get("type") == Some("replay-done");
        Ok(())
    }
}
