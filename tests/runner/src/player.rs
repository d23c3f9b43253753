//! Plays a scenario in a world: gives the commands, collects what is reported, and judges it. All
//! waiting is here, and every wait has a deadline.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ledger::{Ledger, Report, Verdict, normalise, push_tags};
use crate::line::Line;
use crate::scenario::{Command, Scenario, Step};
use crate::world::{Spoken, Strike, Words, World};

/// Longest wait for an answer. Leaving and failed joins take the longest.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest wait for the reports that a step expects.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// How long nothing more may be reported at the end of a scenario.
const QUIET_TIME: Duration = Duration::from_millis(300);
/// How long until a view is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How long to go on listening in a step whose expectation is being written.
const REWRITE_TIME: Duration = Duration::from_secs(3);

/// Options every node is started with: memberlist's local profile, five times as fast, so that a
/// failure is known after a second or two. A scenario's own options come after and win.
const FAST: &[(&str, &str)] = &[
    ("opt.probe_interval", "200ms"),
    ("opt.probe_timeout", "100ms"),
    ("opt.gossip_interval", "20ms"),
    ("opt.push_pull_interval", "2s"),
    ("opt.suspicion_mult", "5"),
];

/// Why a scenario failed, and at whom.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The nodes that did not do what they should have.
    pub(crate) nodes: Vec<String>,
    pub(crate) text: String,
}

type Played<T> = Result<T, Failure>;

fn failure<T>(node: &str, text: impl Into<String>) -> Played<T> {
    Err(Failure { nodes: vec![node.to_owned()], text: text.into() })
}

/// A scenario being played.
pub(crate) struct Player<'a> {
    world: &'a mut dyn World,
    nodes: BTreeMap<String, Part>,
    ledger: Ledger,
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
    data: Vec<Line>,
    answer: Option<Line>,
    ended: Option<(bool, String)>,
}

impl<'a> Player<'a> {
    pub(crate) fn new(world: &'a mut dyn World, scenario: &Scenario) -> Self {
        let part = |node: String| {
            let part = Part { name: node.clone(), ..Part::default() };
            (node, part)
        };
        let nodes = scenario.nodes().into_iter().map(part).collect();
        Self { world, nodes, ledger: Ledger::default(), transcript: Vec::new() }
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
            let mut deadline = self.world.now() + REWRITE_TIME;
            while let Some(spoken) = self.world.next(deadline) {
                self.take(spoken)?;
                deadline = self.world.now() + REWRITE_TIME;
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
                let views = matches!(command.verb.as_str(), "members" | "local");
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

    /// Does or sends what a command says, without waiting for its outcome.
    fn begin(&mut self, command: &Command) -> Played<()> {
        let node = command.node.as_str();
        match command.verb.as_str() {
            "start" => self.begin_start(node, command.pairs.clone()),
            "restart" => self.begin_restart(node, &command.pairs),
            "crash" => self.begin_strike(node, Strike::Crash),
            "pause" => self.begin_strike(node, Strike::Pause),
            "resume" => self.begin_strike(node, Strike::Resume),
            "terminate" => self.begin_strike(node, Strike::Terminate),
            "leave" | "close" | "exit" => {
                self.silence(node);
                self.send(node, self.line(command))
            }
            "join" => {
                self.part(node).heard = true;
                self.send(node, self.line(command))
            }
            "subscribe" => {
                let line = self.line(command);
                self.expect_events(node, &line, true);
                self.send(node, line)
            }
            _ => self.send(node, self.line(command)),
        }
    }

    /// The protocol line of a command: the same words, with addresses for nodes.
    fn line(&self, command: &Command) -> Line {
        let mut line = Line::new(&command.verb);
        for (key, value) in &command.pairs {
            let value = if key == "seeds" { self.addresses(value) } else { value.clone() };
            line = line.with(key, &value);
        }
        match command.verb.as_str() {
            "leave" if line.get("timeout_ms").is_none() => line.with("timeout_ms", "5000"),
            "subscribe" if line.get("replay").is_none() => line.with("replay", "true"),
            _ => line,
        }
    }

    /// Node names as addresses. `nobody` is one where nothing listens.
    fn addresses(&self, nodes: &str) -> String {
        let address = |node: &str| {
            let part = self.nodes.get(node).and_then(|part| part.addr.clone());
            part.unwrap_or_else(|| format!("{}:1", self.world.host()))
        };
        nodes.split(',').map(address).collect::<Vec<_>>().join(",")
    }

    fn begin_start(&mut self, node: &str, pairs: Vec<(String, String)>) -> Played<()> {
        if !self.world.is_up(node) {
            self.world.launch(node).or_else(|text| failure(node, text))?;
        }
        let bind = format!("{}:0", self.world.host());
        let mut line = Line::new("start");
        let base = [("name", node), ("bind", &bind), ("profile", "local")];
        for (key, value) in base.iter().chain(FAST) {
            if !pairs.iter().any(|(own, _)| own == key) {
                line = line.with(key, value);
            }
        }
        for (key, value) in pairs.iter().filter(|(key, _)| key != "quiet") {
            let value = if key == "seeds" { self.addresses(value) } else { value.clone() };
            line = line.with(key, &value);
        }
        let part = self.part(node);
        part.name = line.get("name").unwrap_or(node).to_owned();
        part.start = pairs;
        part.heard = true;
        self.send(node, line)
    }

    /// Starts a node again as it was, under the address it had; pairs that are given win.
    fn begin_restart(&mut self, node: &str, pairs: &[(String, String)]) -> Played<()> {
        let part = self.part(node);
        let mut all = part.start.clone();
        all.extend(part.addr.clone().map(|addr| ("bind".to_owned(), addr)));
        all.retain(|(key, _)| !pairs.iter().any(|(own, _)| own == key));
        all.extend_from_slice(pairs);
        self.begin_start(node, all)
    }

    fn begin_strike(&mut self, node: &str, strike: Strike) -> Played<()> {
        if matches!(strike, Strike::Crash | Strike::Terminate) {
            self.silence(node);
        }
        self.world.strike(node, strike).or_else(|text| failure(node, text))
    }

    /// From here on nothing that a node reports counts.
    fn silence(&mut self, node: &str) {
        self.part(node).heard = false;
        self.ledger.forget(node);
    }

    fn send(&mut self, node: &str, line: Line) -> Played<()> {
        let text = line.to_string();
        self.write_down(&format!("{node} < {text}"));
        let part = self.part(node);
        part.answer = None;
        part.data.clear();
        self.world.send(node, &text).or_else(|text| failure(node, text))
    }

    /// Waits for the outcome of a command; what of it is compared.
    fn finish(&mut self, command: &Command, deadline: Duration) -> Played<Option<Report>> {
        let node = command.node.as_str();
        match command.verb.as_str() {
            "crash" | "pause" | "resume" => return Ok(None),
            "exit" | "terminate" => return self.await_end(command, deadline).map(|()| None),
            _ => {}
        }
        let answer = self.await_answer(node, deadline)?;
        match answer.word.as_str() {
            "ok" => self.accept(command, &answer, deadline),
            "error" => {
                let code = answer.get("code").unwrap_or("without a code");
                let detail = answer.get("message").unwrap_or_default().to_owned();
                Ok(Some(Report { text: format!("error {code}"), detail }))
            }
            _ => failure(node, format!("{node} does not support {}", command.verb)),
        }
    }

    /// What a successful command tells.
    fn accept(
        &mut self,
        command: &Command,
        answer: &Line,
        deadline: Duration,
    ) -> Played<Option<Report>> {
        let node = command.node.as_str();
        let text = match command.verb.as_str() {
            "start" | "restart" => {
                return self.accept_start(command, answer, deadline).map(|()| None);
            }
            "members" => {
                let data = std::mem::take(&mut self.part(node).data);
                let names = data.iter().filter_map(|line| line.get("name"));
                let mut names: Vec<String> = names.map(|name| self.who(name)).collect();
                names.sort();
                if answer.get("count") != Some(&names.len().to_string()) {
                    return failure(node, format!("{} members, but {answer}", names.len()));
                }
                format!("members {}", names.join(" "))
            }
            "local" => {
                let name = answer.get("name").unwrap_or_default();
                let state = answer.get("state").unwrap_or_default();
                let mut text = format!("local {} {state}", self.who(name));
                push_tags(&mut text, &answer.under("tag."));
                text
            }
            "join" => format!("contacted {}", answer.get("contacted").unwrap_or_default()),
            _ => return Ok(None),
        };
        Ok(Some(Report::new(text)))
    }

    /// Learns the address, and subscribes unless the scenario does that itself.
    fn accept_start(&mut self, command: &Command, line: &Line, deadline: Duration) -> Played<()> {
        let node = command.node.as_str();
        let Some(addr) = line.get("addr") else {
            return failure(node, format!("no address in {line}"));
        };
        self.part(node).addr = Some(addr.to_owned());
        if self.part(node).start.iter().any(|(key, _)| key == "quiet") {
            return Ok(());
        }
        let subscribe = Line::new("subscribe").with("replay", "true");
        self.expect_events(node, &subscribe, false);
        self.send(node, subscribe)?;
        match self.await_answer(node, deadline)? {
            answer if answer.word == "ok" => Ok(()),
            answer => failure(node, format!("subscribing: {answer}")),
        }
    }

    /// Makes ready for the events of a new subscription.
    fn expect_events(&mut self, node: &str, subscribe: &Line, marked: bool) {
        let part = self.part(node);
        part.marked = marked;
        part.seq = 0;
        part.replayed = subscribe.get("replay") != Some("true");
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
        Failure { nodes, text }
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
            "member" => self.part(&node).data.push(line),
            "ok" | "error" | "unsupported" => self.part(&node).answer = Some(line),
            "event" | "reentered" => {
                self.take_report(&node, &line).or_else(|why| failure(&node, why))?
            }
            _ => return failure(&node, format!("{node} said {text:?}")),
        }
        Ok(())
    }

    fn take_report(&mut self, node: &str, line: &Line) -> Result<(), String> {
        let report = normalise(line, |name| self.who(name))?;
        let part = self.part(node);
        if line.word == "event" {
            part.count(line)?;
        }
        let unasked = |report: &Report| report.text == "replay-done" && !part.marked;
        if let Some(report) = report.filter(|report| part.heard && !unasked(report)) {
            self.ledger.note(node, report);
        }
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
