//! What each verb of a scenario does: the line for the agent, and what of the answer counts.

use std::time::Duration;

use super::{Failure, Played, Player, failure};
use crate::ledger::{Report, push_tags};
use crate::line::Line;
use crate::scenario::Command;
use crate::world::Strike;

/// Options every node is started with: memberlist's local profile, five times as fast, so that a
/// failure is known after a second or two. A scenario's own options come after and win.
const FAST: &[(&str, &str)] = &[
    ("opt.probe_interval", "200ms"),
    ("opt.probe_timeout", "100ms"),
    ("opt.gossip_interval", "20ms"),
    ("opt.push_pull_interval", "2s"),
    ("opt.suspicion_mult", "5"),
];

impl Player<'_> {
    /// Does or sends what a command says, without waiting for its outcome.
    pub(super) fn begin(&mut self, command: &Command) -> Played<()> {
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
    pub(super) fn finish(
        &mut self,
        command: &Command,
        deadline: Duration,
    ) -> Played<Option<Report>> {
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
            _ => Err(Failure {
                nodes: vec![node.to_owned()],
                unsupported: true,
                text: format!("{node} does not support {}", command.verb),
            }),
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
}
