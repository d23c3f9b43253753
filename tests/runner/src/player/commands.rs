//! What each verb of a scenario does: the line for the agent, and what of the answer counts.

use std::time::Duration;

use super::{Failure, Played, Player, failure};
use crate::ledger::{Report, push_tags, ring};
use crate::line::{Line, unescape};
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

/// Words at a start that are for the player: how it subscribes, and which certificate it shows.
const HOW: &[&str] = &["quiet", "rings", "tls"];

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
            _ => {
                let line = self.line(command);
                self.remember(node, &line);
                self.send(node, line)
            }
        }
    }

    /// The protocol line of a command: the same words, with addresses for nodes.
    fn line(&self, command: &Command) -> Line {
        let mut line = Line::new(&command.verb);
        for (key, value) in &command.pairs {
            line = match key.as_str() {
                "seeds" => line.with(key, &self.addresses(value)),
                "to" | "member" => line.with(key, self.name(value)),
                "value" => line.with(key, &repeated(value, command.get("repeat"))),
                "repeat" if !command.get("value").is_empty() => line,
                "payload" | "key" => line.with_bytes(key, unescape(value).unwrap_or_default()),
                _ => line.with(key, value),
            };
        }
        match command.verb.as_str() {
            "leave" if line.get("timeout_ms").is_none() => line.with("timeout_ms", "5000"),
            "subscribe" | "watch" | "map_watch" if line.get("replay").is_none() => {
                line.with("replay", "true")
            }
            _ => line,
        }
    }

    /// What a node of the scenario is called in the cluster. Others are called as they are.
    fn name<'n>(&'n self, node: &'n str) -> &'n str {
        self.nodes.get(node).map_or(node, |part| part.name.as_str())
    }

    /// Notes who sends a message, and how: its receiver may know.
    fn remember(&mut self, node: &str, line: &Line) {
        if line.word == "send" {
            let payload = line.get("payload").unwrap_or_default().to_owned();
            let reliable = line.get("reliable") != Some("false");
            self.sent.insert(payload, (node.to_owned(), reliable));
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

    /// The socket at which a node takes workers on.
    fn socket(&self, node: &str) -> String {
        let file = format!("chinwag-{}-{}-{node}", std::process::id(), self.world.host());
        std::env::temp_dir().join(file).display().to_string()
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
        for (key, value) in pairs.iter().filter(|(key, _)| !HOW.contains(&key.as_str())) {
            let value = match key.as_str() {
                "seeds" => self.addresses(value),
                "opt.workers" | "opt.attach" => self.socket(value),
                _ => value.clone(),
            };
            line = line.with(key, &value);
        }
        if let Some((_, tls)) = pairs.iter().find(|(key, _)| key == "tls") {
            let (authority, name) = tls.split_once('/').unwrap_or((tls, node));
            let made = self.certificates.options(authority, name);
            for (option, path) in made.or_else(|text| failure(node, text))? {
                line = line.with(&option, &path);
            }
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
                let detail = Some(answer.get("message").unwrap_or_default().to_owned());
                let maybe = super::messages::certainty(command, &answer);
                let behind = match command.verb.as_str() {
                    "stream" => self.streamed(node) + " ",
                    _ => String::new(),
                };
                Ok(Some(Report { text: format!("{behind}error {code}{maybe}"), detail }))
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
                let data = self.take_data(node, answer)?;
                let names = data.iter().filter_map(|line| line.get("name"));
                let mut names: Vec<String> = names.map(|name| self.who(name)).collect();
                names.sort();
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
            "keys" => format!("keys {}", answer.get("count").unwrap_or_default()),
            "ring" => {
                self.part(node).ring.count(answer, true).or_else(|why| failure(node, why))?;
                ring("ring", answer).or_else(|why| failure(node, why))?
            }
            "owners" => {
                let data = self.take_data(node, answer)?;
                let names = data.iter().filter_map(|line| line.get("name"));
                let names: Vec<String> = names.map(|name| self.who(name)).collect();
                format!("owners {} {}", key_of(command), names.join(" "))
            }
            "owns" => {
                let owns = answer.get("owns").unwrap_or_default();
                format!("owns {} {owns}", key_of(command))
            }
            "ping" | "round_trip" => time(command, answer),
            "query" => {
                let data = self.take_data(node, answer)?;
                let whole = answer.get("complete") == Some("true");
                let start = if whole { "answers" } else { "answers of some" };
                self.listed(start, &data, "sender", |line| line.get("payload"))
            }
            "cluster_keys" => {
                let data = self.take_data(node, answer)?;
                let lists = answer_lists(command);
                self.listed("keyrings", &data, "name", |line| match line.get("done") {
                    Some("true") if lists => line.get("keys"),
                    Some("true") => Some("done"),
                    _ => Some("refused"),
                })
            }
            "get" | "entries" | "map_get" | "map_read" | "map_entries" => {
                match self.accept_state(command, answer)? {
                    Some(text) => text,
                    None => return Ok(None),
                }
            }
            _ => match self.accept_message(command, answer)? {
                Some(text) => text,
                None => return Ok(None),
            },
        };
        Ok(Some(Report::new(text)))
    }

    /// The data lines before an answer, which counts them.
    pub(super) fn take_data(&mut self, node: &str, answer: &Line) -> Played<Vec<Line>> {
        let data = std::mem::take(&mut self.part(node).data);
        if answer.get("count") != Some(&data.len().to_string()) {
            return failure(node, format!("{} lines, but {answer}", data.len()));
        }
        Ok(data)
    }

    /// What each line tells of the member under `key`, in the order of their names.
    pub(super) fn listed<'d>(
        &self,
        start: &str,
        data: &'d [Line],
        key: &str,
        told: impl Fn(&'d Line) -> Option<&'d str>,
    ) -> String {
        let of = |line: &'d Line| (self.who(line.get(key).unwrap_or_default()), told(line));
        let mut parts: Vec<_> = data.iter().map(of).collect();
        parts.sort();
        let pairs: Vec<_> = parts.iter().map(|(who, what)| (&**who, what.unwrap_or("?"))).collect();
        let mut text = start.to_owned();
        push_tags(&mut text, &pairs);
        text
    }

    /// Learns the address, and subscribes unless the scenario does that itself.
    fn accept_start(&mut self, command: &Command, line: &Line, deadline: Duration) -> Played<()> {
        let node = command.node.as_str();
        let Some(addr) = line.get("addr") else {
            return failure(node, format!("no address in {line}"));
        };
        self.part(node).addr = Some(addr.to_owned());
        (self.part(node).ring, self.part(node).changes) = Default::default();
        if self.part(node).start.iter().any(|(key, _)| key == "quiet") {
            return Ok(());
        }
        let mut subscribe = Line::new("subscribe").with("replay", "true");
        if self.part(node).start.iter().any(|(key, _)| key == "rings") {
            subscribe = subscribe.with("rings", "true");
        }
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

/// A letter and a text, and the text as often as a command says.
fn repeated(value: &str, times: &str) -> String {
    let mut letters = value.chars();
    let letter = letters.next();
    let text = letters.as_str().repeat(times.parse().unwrap_or(1));
    letter.into_iter().collect::<String>() + &text
}

/// The key that a command asks for, as the scenario has it.
fn key_of(command: &Command) -> &str {
    let key = command.pairs.iter().find(|(key, _)| key == "key");
    key.map_or("", |(_, value)| value)
}

/// Whether the keys are asked for, and not changed.
fn answer_lists(command: &Command) -> bool {
    command.pairs.iter().any(|(key, value)| key == "op" && value == "list")
}

/// Longest that a packet is on its way and back, in microseconds: a second, on one machine.
const ROUND_TRIP_MAX: u64 = 1_000_000;

/// How a member answers pings. The time is another one in each run, but it is one.
fn time(command: &Command, answer: &Line) -> String {
    let member = command.pairs.iter().find(|(key, _)| key == "member");
    let mut text = format!("{} {}", command.verb, member.map_or("", |(_, name)| name));
    let us = answer.get("us").and_then(|us| us.parse().ok());
    if !us.is_some_and(|us: u64| (1..=ROUND_TRIP_MAX).contains(&us)) {
        text.push_str(" never");
    }
    let payload = answer.get("payload").map(|payload| ("payload", payload));
    push_tags(&mut text, payload.as_slice());
    text
}
