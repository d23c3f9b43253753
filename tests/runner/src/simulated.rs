//! The simulated world: every node is an engine under `chinwag::sim`, and time passes only while
//! the player waits. What the driver does around an engine (replays, numbers of events) is done
//! here in its place; what there is only with a driver is listed in `tests/gaps/sim.txt`.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use chinwag::config::{Settings, Value};
use chinwag::engine::{Reply, RequestId};
use chinwag::sim::{NodeId, Sim};
use chinwag::{Config, Error, EventKind, Member, Tags};

use crate::line::Line;
use crate::world::{Spoken, Strike, Words, World};

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
    pending: Option<(RequestId, Asked)>,
}

/// What the engine was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// To join the seeds of a start, which succeeds without them too.
    Start,
    Join,
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
            "join" => (self.sim.join(open, &self.seeds(command)), Asked::Join),
            "update_tags" => {
                let tags = self.changed_tags(open, command)?;
                (self.sim.set_tags(open, &tags), Asked::Other)
            }
            "leave" => {
                let timeout = command.get("timeout_ms").and_then(|text| text.parse().ok());
                let timeout = Duration::from_millis(timeout.unwrap_or(5_000));
                (self.sim.leave(open, timeout), Asked::Other)
            }
            _ => return Ok(Some(Line::new("unsupported"))),
        };
        self.seat(node).pending = Some((request, asked));
        Ok(None)
    }

    fn start(&mut self, node: &str, command: &Line) -> Answer {
        let settings = settings(command)?;
        if settings.handle_signals {
            return Ok(Some(Line::new("unsupported")));
        }
        let tags = tags_under(command, "tag.");
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
        self.seat(node).pending = Some((request, Asked::Start));
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
        let mut lines = Vec::new();
        for (node, seat) in &mut self.seats {
            let Some(open) = seat.open else { continue };
            let log = self.sim.log(open);
            if let Some(told) = &mut seat.told {
                for (number, (_, kind)) in log.iter().enumerate().skip(*told) {
                    lines.push((node.clone(), describe(kind, number + 1)));
                }
                *told = log.len();
            }
            if let Some((request, asked)) = seat.pending
                && let Some(result) = self.sim.reply(open, request)
            {
                seat.pending = None;
                let answer = match (asked, result) {
                    (Asked::Start, _) => started(self.sim.addr(open)),
                    (_, Ok(Reply::Joined(n))) => Line::new("ok").with("contacted", &n.to_string()),
                    (_, Ok(_)) => Line::new("ok"),
                    (_, Err(error)) => refusal(error),
                };
                lines.push((node.clone(), answer));
            }
        }
        for (node, line) in lines {
            self.say(&node, &line);
        }
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
            let waits = |seat: &Seat| Some((seat.open?, seat.told, seat.pending));
            let waiting: Vec<_> = self.seats.values().filter_map(waits).collect();
            let limit = deadline.saturating_sub(self.now());
            self.sim.run_until(limit, |sim| {
                waiting.iter().any(|(open, told, pending)| {
                    told.is_some_and(|told| sim.log(*open).len() > told)
                        || pending.is_some_and(|(id, _)| sim.reply(*open, id).is_some())
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

fn started(addr: SocketAddr) -> Line {
    Line::new("ok").with("addr", &addr.to_string())
}

fn refusal(error: &Error) -> Line {
    Line::new("error").with("code", error.kind().code()).with("message", error.message())
}

fn describe(kind: &EventKind, number: usize) -> Line {
    let mut line = Line::new("event").with("type", kind.token()).with("seq", &number.to_string());
    if let Some(member) = kind.member() {
        line = with_facts(line, member);
    }
    if let EventKind::MemberUpdate { previous, .. } = kind {
        for (key, value) in previous.tags() {
            line = line.with(&format!("prev_tag.{key}"), &value);
        }
    }
    line
}

fn with_facts(line: Line, member: &Member) -> Line {
    let line = line.with("name", member.name()).with("addr", &member.addr().to_string());
    let line = line.with("state", member.state().as_str());
    let tags = member.tags();
    tags.iter().fold(line, |line, (key, value)| line.with(&format!("tag.{key}"), value))
}
