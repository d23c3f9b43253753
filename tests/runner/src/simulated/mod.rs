//! The simulated world: every node is an engine under `chinwag::sim`, and time passes only while
//! the player waits. What the driver does around an engine (replays, numbers of events) is done
//! here in its place; what there is only with a driver is listed in `tests/gaps/sim.txt`.

mod lines;
mod rings;
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
use rings::{Rings, overrides};

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
    /// How much of the node's log is of the processes before.
    began: usize,
    /// How much of the node's log has been told; nothing is before there is a subscription.
    told: Option<usize>,
    /// Events that are in no engine's log, because a driver makes them.
    made: usize,
    /// Those before there was a subscription.
    unheard: Vec<EventKind>,
    rings: Option<Rings>,
    /// Whether slots change hands, so that the ring is kept from the start.
    hands_off: bool,
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
                if command.get("rings") == Some("true") {
                    self.keep_ring(node)?;
                }
                return Ok(Some(Line::new("ok")));
            }
            "ring" | "owners" | "owns" => return self.ask_ring(node, command),
            "set_ring_overrides" => {
                (self.sim.set_ring_overrides(open, &overrides(command))?, Asked::Other)
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
        let hands_off = settings.protocol.handoff_timeout > Duration::ZERO;
        self.sim.set_security(security(&settings));
        self.sim.set_protocol(settings.protocol);
        let host = command.get("bind").and_then(|bind| self.hosts.get(bind)).copied();
        let began = host.map_or(0, |host| self.sim.log(host).len());
        let open = if let Some(host) = host {
            // Nobody is there to be asked; the process that comes announces them.
            self.sim.set_tags(host, &tags);
            self.sim.restart(host);
            host
        } else {
            self.sim.start_with_tags(command.get("name").unwrap_or(node), &tags)
        };
        self.hosts.insert(self.sim.addr(open).to_string(), open);
        let rings = Some(Rings::new(settings.ring));
        let seat = Seat { open: Some(open), began, rings, hands_off, ..Seat::default() };
        *self.seat(node) = seat;
        let seeds = self.seeds(command);
        if seeds.is_empty() {
            if hands_off {
                self.keep_ring(node)?;
            }
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

    /// From here on events are told: first who is here, and what nobody was there to hear.
    fn subscribe(&mut self, node: &str, open: NodeId, replay: bool) {
        let (here, began) = (self.sim.log(open).len(), self.seat(node).began);
        let lasting = |kind: &EventKind| {
            kind.member().is_none() || matches!(kind, EventKind::MemberConflict { .. })
        };
        let log = self.sim.log(open).iter().skip(began).map(|(_, kind)| kind);
        let unheard: Vec<EventKind> = log.filter(|kind| lasting(kind)).cloned().collect();
        let mut kinds: Vec<EventKind> = Vec::new();
        if replay {
            kinds.extend(self.present(open).map(EventKind::MemberJoin));
            kinds.retain(|kind| kind.member() != Some(&self.local(open)));
        }
        let seat = self.seat(node);
        if seat.told.replace(here).is_none() {
            kinds.extend(unheard);
            kinds.append(&mut seat.unheard);
        }
        let number = here + seat.made;
        kinds.extend(replay.then_some(EventKind::ReplayDone));
        for kind in kinds {
            self.say(node, &describe(&kind, number));
        }
    }

    /// Tells of something that the driver of a node did.
    fn post(&mut self, node: &str, kind: EventKind) {
        let seat = self.seat(node);
        seat.made += 1;
        match seat.told {
            None => seat.unheard.push(kind),
            Some(told) => {
                let event = describe(&kind, told + seat.made);
                self.say(node, &event);
            }
        }
    }

    fn keep_ring(&mut self, node: &str) -> Result<(), Error> {
        let Some(seat) = self.seats.get_mut(node) else { return Ok(()) };
        let (Some(open), Some(rings)) = (seat.open, &mut seat.rings) else { return Ok(()) };
        let told = rings.keep(&mut self.sim, open)?;
        told.into_iter().for_each(|kind| self.post(node, kind));
        Ok(())
    }

    /// Makes the rings again whose members may be others now.
    fn follow_members(&mut self) {
        let mut told = Vec::new();
        for (node, seat) in &mut self.seats {
            if let (Some(open), Some(rings)) = (seat.open, &mut seat.rings) {
                let kinds = rings.follow(&mut self.sim, open);
                told.extend(kinds.into_iter().map(|kind| (node.clone(), kind)));
            }
        }
        told.into_iter().for_each(|(node, kind)| self.post(&node, kind));
    }

    fn ask_ring(&mut self, node: &str, command: &Line) -> Answer {
        self.keep_ring(node)?;
        let Some(rings) = &self.seat(node).rings else { return Err(Error::closed()) };
        let mut lines = rings.answer(node, command);
        let last = lines.pop();
        lines.iter().for_each(|line| self.say(node, line));
        Ok(last)
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
        let (mut lines, mut reentries, mut ready) = (Vec::new(), Vec::new(), Vec::new());
        for (node, seat) in &mut self.seats {
            let Some(open) = seat.open else { continue };
            let log = self.sim.log(open);
            if let Some(told) = &mut seat.told {
                for (number, (_, kind)) in log.iter().enumerate().skip(*told) {
                    lines.push((node.clone(), describe(kind, number + 1 + seat.made)));
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
                        ready.extend(seat.hands_off.then(|| node.clone()));
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
        for node in ready {
            if let Err(error) = self.keep_ring(&node) {
                self.say(&node, &refusal(&error));
            }
        }
        self.follow_members();
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
        loop {
            self.gather();
            if !self.said.is_empty() || self.now() >= deadline {
                return self.said.pop_front();
            }
            let limit = deadline.saturating_sub(self.now());
            let seats = &self.seats;
            self.sim.run_until(limit, |sim| seats.values().any(|seat| seat.has_news(sim)));
        }
    }
}

impl Seat {
    /// Whether something has come of its node that was not looked at.
    fn has_news(&self, sim: &Sim) -> bool {
        self.open.is_some_and(|open| {
            self.told.is_some_and(|told| sim.log(open).len() > told)
                || self.pending.iter().any(|(id, _)| sim.reply(open, *id).is_some())
                || self.rings.as_ref().is_some_and(|rings| rings.is_behind(sim, open))
        })
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
