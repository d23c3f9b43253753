//! The simulated world: every node is an engine under `chinwag::sim`, and time passes only while
//! the player waits. What the driver does around an engine (replays, numbers of events) is done
//! here in its place; what there is only with a driver is listed in `tests/gaps/sim.txt`.

mod lines;
mod talk;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chinwag::config::{KeySource, Settings, Value};
use chinwag::engine::RequestId;
use chinwag::sim::{NodeId, Sim};
use chinwag::wire::{Keyring, Security};
use chinwag::{Config, Error, EventKind, Member, Tags};

use crate::line::Line;
use crate::world::{Spoken, Strike, Words, World};
use lines::{describe, id, outcome, refusal, started, with_facts};

/// A cluster in virtual time.
pub(crate) struct Simulated {
    sim: Sim,
    seats: BTreeMap<String, Seat>,
    /// Every host by its address.
    hosts: BTreeMap<String, NodeId>,
    /// A host on which nothing runs.
    nobody: NodeId,
    said: VecDeque<Spoken>,
}

/// What stands for an agent's process.
#[derive(Default)]
struct Seat {
    open: Option<NodeId>,
    /// How much of the node's log has been told; nothing is before there is a subscription.
    told: Option<usize>,
    pending: Vec<(RequestId, Asked)>,
    /// What is to be asked for when an event comes.
    reentry: Option<Line>,
}

/// What the engine was asked for.
#[derive(Clone, PartialEq, Eq)]
enum Asked {
    /// To join the seeds of a start, which succeeds without them too.
    Start,
    /// To change or list the keys of all.
    ClusterKeys,
    /// What was to be asked for when an event came.
    Reentry(String),
    Other,
}

/// The final line of a command, unless the engine has to give it later.
type Answer = Result<Option<Line>, Error>;

impl Simulated {
    /// An empty cluster in which all chance is drawn from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        let mut sim = Sim::new(seed);
        let nobody = sim.start("nobody");
        sim.crash(nobody);
        let (seats, hosts, said) = (BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        Self { sim, seats, hosts, nobody, said }
    }

    fn seat(&mut self, node: &str) -> &mut Seat {
        self.seats.entry(node.to_owned()).or_default()
    }

    fn obey(&mut self, node: &str, command: &Line) -> Answer {
        match (command.word.as_str(), self.seat(node).open) {
            ("start", None) => self.start(node, command),
            ("close", None) => Ok(Some(Line::new("ok"))),
            (_, None) => Err(Error::closed()),
            (_, Some(open)) => self.obey_open(node, open, command),
        }
    }

    fn obey_open(&mut self, node: &str, open: NodeId, command: &Line) -> Answer {
        let (request, asked) = match command.word.as_str() {
            "close" => {
                self.sim.crash(open);
                *self.seat(node) = Seat::default();
                return Ok(Some(Line::new("ok")));
            }
            "subscribe" => {
                self.subscribe(node, open, command.get("replay") == Some("true"));
                return Ok(Some(Line::new("ok")));
            }
            "members" => return Ok(Some(self.tell_members(node, open))),
            "local" => return Ok(Some(with_facts(Line::new("ok"), &self.local(open)))),
            "keys" => {
                let count = self.sim.keys(open).len().to_string();
                return Ok(Some(Line::new("ok").with("count", &count)));
            }
            "reenter" if talk::answers_events(command.get("do")) => {
                self.seat(node).reentry = Some(command.clone());
                return Ok(Some(Line::new("ok")));
            }
            "cluster_keys" => (self.change_cluster_keys(open, command)?, Asked::ClusterKeys),
            "join" => (self.sim.join(open, &self.seeds(command)), Asked::Other),
            "update_tags" => {
                let tags = self.changed_tags(open, command)?;
                (self.sim.set_tags(open, &tags), Asked::Other)
            }
            "leave" => {
                let timeout = command.get("timeout_ms").and_then(|text| text.parse().ok());
                let timeout = Duration::from_millis(timeout.unwrap_or(5_000));
                (self.sim.leave(open, timeout), Asked::Other)
            }
            word => match talk::request(word, command)? {
                Some(request) => (self.sim.request(open, request), Asked::Other),
                None => return Ok(Some(Line::new("unsupported"))),
            },
        };
        self.seat(node).pending.push((request, asked));
        Ok(None)
    }

    fn start(&mut self, node: &str, command: &Line) -> Answer {
        let settings = settings(command)?;
        if settings.handle_signals {
            return Ok(Some(Line::new("unsupported")));
        }
        let tags = tags_under(command, "tag.");
        self.sim.set_security(security(&settings));
        self.sim.set_protocol(settings.protocol);
        let host = command.get("bind").and_then(|bind| self.hosts.get(bind)).copied();
        let open = if let Some(host) = host {
            // Nobody is there to be asked; the process that comes announces them.
            self.sim.set_tags(host, &tags);
            self.sim.restart(host);
            host
        } else {
            self.sim.start_with_tags(command.get("name").unwrap_or(node), &tags)
        };
        self.hosts.insert(self.sim.addr(open).to_string(), open);
        *self.seat(node) = Seat { open: Some(open), ..Seat::default() };
        let seeds = self.seeds(command);
        if seeds.is_empty() {
            return Ok(Some(started(self.sim.addr(open))));
        }
        let request = self.sim.join(open, &seeds);
        self.seat(node).pending.push((request, Asked::Start));
        Ok(None)
    }

    fn seeds(&self, command: &Line) -> Vec<NodeId> {
        let list = command.get("seeds").unwrap_or_default().split(',');
        let host = |addr: &str| self.hosts.get(addr).copied().unwrap_or(self.nobody);
        list.filter(|addr| !addr.is_empty()).map(host).collect()
    }

    fn subscribe(&mut self, node: &str, open: NodeId, replay: bool) {
        self.seat(node).told = Some(self.sim.log(open).len());
        if !replay {
            return;
        }
        let mut kinds: Vec<EventKind> = self.present(open).map(EventKind::MemberJoin).collect();
        kinds.retain(|kind| kind.member() != Some(&self.local(open)));
        kinds.push(EventKind::ReplayDone);
        for kind in kinds {
            let event = describe(&kind, self.sim.log(open).len());
            self.say(node, &event);
        }
    }

    fn tell_members(&mut self, node: &str, open: NodeId) -> Line {
        let members: Vec<Member> = self.present(open).collect();
        for member in &members {
            self.say(node, &with_facts(Line::new("member"), member));
        }
        Line::new("ok").with("count", &members.len().to_string())
    }

    fn present(&self, open: NodeId) -> impl Iterator<Item = Member> + use<> {
        self.sim.members(open).into_iter().filter(|member| member.state().is_present())
    }

    fn local(&self, open: NodeId) -> Member {
        self.sim.view(open, open).unwrap_or_else(|| unreachable!("a running node knows itself"))
    }

    /// The tags as a change leaves them, if they fit.
    fn changed_tags(&self, open: NodeId, command: &Line) -> Result<Tags, Error> {
        let mut tags = self.local(open).tags();
        tags.extend(tags_under(command, "tag."));
        for (key, _) in command.under("untag.") {
            tags.remove(key);
        }
        let mut config = Config::new();
        config.set_value("tags", Value::Map(tags.clone()))?;
        config.settings().map(|_| tags)
    }

    fn say(&mut self, node: &str, line: &Line) {
        let what = Words::Line(line.to_string());
        self.said.push_back(Spoken { node: node.to_owned(), what });
    }

    /// Tells what has come of the nodes since it was last asked.
    fn gather(&mut self) {
        let (mut lines, mut reentries) = (Vec::new(), Vec::new());
        for (node, seat) in &mut self.seats {
            let Some(open) = seat.open else { continue };
            let log = self.sim.log(open);
            if let Some(told) = &mut seat.told {
                for (number, (_, kind)) in log.iter().enumerate().skip(*told) {
                    lines.push((node.clone(), describe(kind, number + 1)));
                    let waits = |call: &mut Line| call.get("on") == Some(kind.token());
                    if let (Some(call), Some(id)) = (seat.reentry.take_if(waits), id(kind)) {
                        reentries.push((node.clone(), open, call.with("id", &id)));
                    }
                }
                *told = log.len();
            }
            for (request, asked) in std::mem::take(&mut seat.pending) {
                match (self.sim.reply(open, request), asked) {
                    (None, asked) => seat.pending.push((request, asked)),
                    (Some(_), Asked::Start) => {
                        lines.push((node.clone(), started(self.sim.addr(open))));
                    }
                    (Some(result), asked) => {
                        let said = outcome(&asked, result).into_iter();
                        lines.extend(said.map(|line| (node.clone(), line)));
                    }
                }
            }
        }
        for (node, line) in lines {
            self.say(&node, &line);
        }
        for (node, open, call) in reentries {
            self.reenter(&node, open, &call);
        }
    }

    /// Makes the call that waited for an event.
    fn reenter(&mut self, node: &str, open: NodeId, call: &Line) {
        let word = call.get("do").unwrap_or_default().to_owned();
        if let Ok(Some(request)) = talk::request(&word, call) {
            let request = self.sim.request(open, request);
            self.seat(node).pending.push((request, Asked::Reentry(word)));
        }
    }

    fn change_cluster_keys(&mut self, open: NodeId, command: &Line) -> Result<RequestId, Error> {
        let op = talk::key_op(command.get("op").unwrap_or_default());
        self.sim.change_cluster_keys(open, op, command.get("key"))
    }
}

impl World for Simulated {
    fn host(&self) -> &str {
        "127.0.0.1"
    }

    fn launch(&mut self, node: &str) -> Result<(), String> {
        self.seats.insert(node.to_owned(), Seat::default());
        Ok(())
    }

    fn is_up(&self, node: &str) -> bool {
        self.seats.contains_key(node)
    }

    fn send(&mut self, node: &str, line: &str) -> Result<(), String> {
        let command = Line::parse(line)?;
        if command.word == "exit" {
            self.strike(node, Strike::Crash)?;
            let what = Words::Ended { well: true, how: "simulated".to_owned() };
            self.said.push_back(Spoken { node: node.to_owned(), what });
            return Ok(());
        }
        match self.obey(node, &command) {
            Ok(Some(answer)) => self.say(node, &answer),
            Ok(None) => {}
            Err(error) => self.say(node, &refusal(&error)),
        }
        Ok(())
    }

    fn strike(&mut self, node: &str, strike: Strike) -> Result<(), String> {
        let open = self.seat(node).open.ok_or_else(|| format!("{node} is not running"))?;
        match strike {
            Strike::Crash => {
                self.sim.crash(open);
                self.seats.remove(node);
            }
            Strike::Pause => self.sim.pause(open),
            Strike::Resume => self.sim.resume(open),
            Strike::Terminate => return Err("an engine has no signals".to_owned()),
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.sim.now().as_nanos())
    }

    fn next(&mut self, deadline: Duration) -> Option<Spoken> {
        self.gather();
        if self.said.is_empty() {
            let requests = |seat: &Seat| seat.pending.iter().map(|(id, _)| *id).collect::<Vec<_>>();
            let waits = |seat: &Seat| Some((seat.open?, seat.told, requests(seat)));
            let waiting: Vec<_> = self.seats.values().filter_map(waits).collect();
            let limit = deadline.saturating_sub(self.now());
            self.sim.run_until(limit, |sim| {
                waiting.iter().any(|(open, told, pending)| {
                    told.is_some_and(|told| sim.log(*open).len() > told)
                        || pending.iter().any(|id| sim.reply(*open, *id).is_some())
                })
            });
            self.gather();
        }
        self.said.pop_front()
    }
}

/// The settings a start asks for. Addresses are the simulation's own.
fn settings(command: &Line) -> Result<Settings, Error> {
    let mut config = Config::new();
    config.set("profile", command.get("profile").unwrap_or_default())?;
    config.set_value("tags", Value::Map(tags_under(command, "tag.")))?;
    for (option, text) in command.under("opt.") {
        config.set(option, text)?;
    }
    config.settings()
}

fn tags_under(command: &Line, prefix: &str) -> Tags {
    let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    command.under(prefix).into_iter().map(own).collect()
}

/// Label and keys. Only those that are given as they are: nothing is read or derived here.
fn security(settings: &Settings) -> Security {
    let mut security = settings.security.clone();
    if let KeySource::Keys(keys) = &settings.keys {
        for key in keys {
            match &mut security.keyring {
                None => security.keyring = Some(Keyring::new(key.clone())),
                // More than there may be were refused with the settings.
                Some(ring) => drop(ring.add(key.clone())),
            }
        }
    }
    security
}
