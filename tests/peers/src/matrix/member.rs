//! One face for members of every kind, with what each of them cannot tell left out.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread;
use std::time::Duration;

use chinwag_runner::agents;

use super::Peer;
use crate::agent::{self, Agent, escaped};
use crate::alertmanager::Alertmanager;
use crate::eventually;
use crate::go::{AGENT, OLD_AGENT};
use crate::root;
use crate::serf::Serf;

/// Quick, but not so quick that a busy machine is taken for a dead one.
const PACE: &str = " opt.probe_interval=400ms opt.probe_timeout=200ms opt.push_pull_interval=5s \
                    opt.retransmit_mult=4";
/// So that a name may come back at another address before it is forgotten.
const RECLAIM: &str = " opt.dead_node_reclaim_time=500ms";

/// Bytes of a tag of ours, with which exchanges of states reach the size that is compressed.
const BULK: usize = 320;

/// Between two looks at what serf lists.
const LOOK: Duration = Duration::from_millis(100);

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Datagram,
    Stream,
    /// serf's event for everybody.
    UserEvent,
}

/// How a member goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// With a goodbye.
    Leave,
    /// With `kill -9`.
    Crash,
}

/// A member as another one lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) addr: String,
    /// None from somebody who does not show tags.
    pub(super) tags: Option<BTreeMap<String, String>>,
}

/// A running member. What is `None` has no surface.
pub(super) trait Member: Send {
    fn name(&self) -> &str;
    fn addr(&self) -> &str;
    /// Whether it has tags of its own.
    fn has_tags(&self) -> bool {
        true
    }
    /// Who is there, by name.
    fn present(&mut self) -> BTreeMap<String, Listed>;
    /// What it was told of somebody until now is no matter any more.
    fn pass_over(&mut self, _: &str) {}
    /// Waits until it knows that somebody has gone that way, and not the other.
    fn saw(&mut self, name: &str, gone: Departure) -> Option<()>;
    /// Whom it has held for failed since it started, sorted.
    fn blamed(&mut self) -> Option<Vec<String>>;
    fn tag(&mut self, key: &str, value: &str) -> Option<()>;
    /// Sends that, so many times over in one message.
    fn send(&mut self, to: &str, way: Way, piece: &[u8], times: usize) -> Option<()>;
    /// How often it got that.
    fn heard(&mut self, way: Way, payload: &[u8]) -> Option<usize>;
    /// The texts of all messages that it got.
    fn texts(&mut self) -> Vec<String> {
        Vec::new()
    }
    /// Has it add, use or remove a key.
    fn change_key(&mut self, verb: &str, key: &str) -> Option<()>;
    fn depart(&mut self, how: Departure);
}

/// Starts a peer.
pub(super) fn start_peer(
    peer: Peer,
    options: &[(&str, &str)],
    name: &str,
    bind: &str,
    seed: Option<&str>,
) -> Box<dyn Member> {
    let go = |agent: &str| {
        let words = format!("{}{PACE}{RECLAIM}", words(options, seed));
        Box::new(Agent::start(&mut Command::new(root().join(agent)), name, bind, &words))
    };
    match peer {
        Peer::Newest => go(AGENT),
        Peer::Old => go(OLD_AGENT),
        Peer::Serf => Box::new(SerfMember::start(options, name, bind, seed)),
        Peer::Alertmanager => Box::new(Alertmanager::start_at(bind, seed)),
    }
}

/// Starts a member of this library, in that language.
pub(super) fn start_ours(
    language: &str,
    options: &[(&str, &str)],
    name: &str,
    bind: &str,
    seed: Option<&str>,
) -> Box<dyn Member> {
    let kind = agents::find(language).expect("a language");
    let bulk = "bulk".repeat(BULK / 4);
    let words = format!("{}{PACE} tag.bulk={bulk}", words(options, seed));
    Box::new(Agent::start(&mut kind.command(), name, bind, &words))
}

fn words(options: &[(&str, &str)], seed: Option<&str>) -> String {
    let seeds = seed.map(|seed| format!(" seeds={seed}")).unwrap_or_default();
    let options = options.iter().map(|(key, text)| format!(" opt.{key}={text}"));
    options.fold(seeds, |words, option| words + &option)
}

impl Member for Agent {
    fn name(&self) -> &str {
        &self.name
    }

    fn addr(&self) -> &str {
        &self.addr
    }

    fn present(&mut self) -> BTreeMap<String, Listed> {
        let listed = self.list().into_iter().map(|member| {
            let (name, addr) = (member["name"].clone(), member["addr"].clone());
            (name, Listed { addr, tags: Some(agent::tags(&member)) })
        });
        listed.collect()
    }

    fn pass_over(&mut self, name: &str) {
        Self::pass_over(self, name);
    }

    fn saw(&mut self, name: &str, gone: Departure) -> Option<()> {
        let events = ["member-leave", "member-failed"];
        let [wanted, never] = match gone {
            Departure::Leave => events,
            Departure::Crash => [events[1], events[0]],
        };
        self.expect_before(wanted, name, never);
        Some(())
    }

    fn blamed(&mut self) -> Option<Vec<String>> {
        let failed = |event: BTreeMap<String, String>| {
            (event["type"] == "member-failed").then(|| event["name"].clone())
        };
        let mut names: Vec<String> = self.events().into_iter().filter_map(failed).collect();
        names.sort();
        Some(names)
    }

    fn tag(&mut self, key: &str, value: &str) -> Option<()> {
        let command = format!("update_tags tag.{}={}", key, escaped(value.as_bytes()));
        assert_eq!(self.ask(&command), "ok");
        Some(())
    }

    fn send(&mut self, to: &str, way: Way, piece: &[u8], times: usize) -> Option<()> {
        let (to, payload) = (escaped(to.as_bytes()), escaped(piece));
        let answer = self.ask(&match way {
            Way::UserEvent => format!("user_event name=matrix payload={payload} coalesce=false"),
            Way::Datagram => format!("send to={to} payload={payload} reliable=false"),
            Way::Stream => format!("send to={to} payload={payload} reliable=true repeat={times}"),
        });
        assert_eq!(answer, "ok", "{}", self.name);
        Some(())
    }

    fn heard(&mut self, _: Way, payload: &[u8]) -> Option<usize> {
        Some(Self::heard(self, payload))
    }

    fn texts(&mut self) -> Vec<String> {
        let text = |mut event: BTreeMap<String, String>| {
            let payload = event.remove("payload");
            payload.filter(|_| event["type"] == "message")
        };
        self.events().into_iter().filter_map(text).collect()
    }

    fn change_key(&mut self, verb: &str, key: &str) -> Option<()> {
        assert_eq!(self.ask(&format!("{verb}_key key={key}")), "ok", "{}", self.name);
        Some(())
    }

    fn depart(&mut self, how: Departure) {
        if how == Departure::Leave {
            self.leave();
        }
        self.kill();
    }
}

/// serf, which does not tell its name, and tells of events only what a handler prints.
struct SerfMember {
    serf: Serf,
    name: String,
}

impl SerfMember {
    fn start(options: &[(&str, &str)], name: &str, bind: &str, seed: Option<&str>) -> Self {
        let mut more = vec!["-log-level=debug", "-event-handler=user=od -An -v -tx1 -w1024"];
        let key = options.iter().find(|(option, _)| *option == "keys");
        let encrypt = key.map(|(_, key)| format!("-encrypt={key}"));
        more.extend(encrypt.as_deref());
        if options.contains(&("compression", "false")) {
            more.push("-disable-compression");
        }
        Self { serf: Serf::start_at(bind, name, seed, &more), name: name.to_owned() }
    }
}

impl Member for SerfMember {
    fn name(&self) -> &str {
        &self.name
    }

    fn addr(&self) -> &str {
        &self.serf.addr
    }

    fn present(&mut self) -> BTreeMap<String, Listed> {
        // Each look is a process.
        thread::sleep(LOOK);
        let list = self.serf.json("members", &[]);
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let members = list["members"].as_array().into_iter().flatten();
        let alive = members.filter(|member| member["status"] == "alive");
        let listed = alive.map(|member| {
            let tags = member["tags"].as_object().into_iter().flatten();
            let tags = tags.map(|(key, value)| (key.clone(), text(value))).collect();
            (text(&member["name"]), Listed { addr: text(&member["addr"]), tags: Some(tags) })
        });
        listed.collect()
    }

    fn saw(&mut self, name: &str, gone: Departure) -> Option<()> {
        let (state, never) = match gone {
            Departure::Leave => ("left", "failed"),
            Departure::Crash => ("failed", "left"),
        };
        eventually(&format!("{} lists {name} as {state}", self.name), || {
            let (found, _) = self.serf.members().remove(name)?;
            // Its farewells may overtake the intents before them, and be a failure until then.
            assert!(
                found != never || name.starts_with("theirs"),
                "{name} {found} at {}",
                self.name
            );
            (found == state).then_some(())
        });
        Some(())
    }

    fn blamed(&mut self) -> Option<Vec<String>> {
        let output = self.serf.output();
        let failed = output.lines().filter_map(|line| line.split_once("serf: EventMemberFailed: "));
        let name = |(_, rest): (&str, &str)| rest.split(' ').next().unwrap_or_default().to_owned();
        let mut names: Vec<String> = failed.map(name).collect();
        names.sort();
        Some(names)
    }

    fn tag(&mut self, key: &str, value: &str) -> Option<()> {
        let printed = self.serf.run("tags", &["-set", &format!("{key}={value}")]);
        assert!(printed.contains("Successfully updated"), "{printed}");
        Some(())
    }

    fn send(&mut self, _: &str, way: Way, piece: &[u8], _: usize) -> Option<()> {
        (way == Way::UserEvent).then(|| self.serf.event("matrix", piece))
    }

    fn heard(&mut self, way: Way, payload: &[u8]) -> Option<usize> {
        // It ends the line for its handlers.
        let hex = payload.iter().chain(b"\n").map(|byte| format!(" {byte:02x}"));
        let hex: String = hex.collect();
        let count = || self.serf.output().lines().filter(|line| line.ends_with(&hex)).count();
        (way == Way::UserEvent).then(count)
    }

    fn change_key(&mut self, verb: &str, key: &str) -> Option<()> {
        let verb = if verb == "add" { "install" } else { verb };
        let printed = self.serf.run("keys", &[&format!("-{verb}={key}")]);
        assert!(printed.contains("Success"), "{printed}");
        Some(())
    }

    fn depart(&mut self, how: Departure) {
        match how {
            Departure::Leave => self.serf.leave(),
            Departure::Crash => self.serf.kill(),
        }
    }
}

impl Member for Alertmanager {
    fn name(&self) -> &str {
        &self.name
    }

    fn addr(&self) -> &str {
        &self.addr
    }

    fn has_tags(&self) -> bool {
        false
    }

    fn present(&mut self) -> BTreeMap<String, Listed> {
        self.peers().into_iter().map(|(name, addr)| (name, Listed { addr, tags: None })).collect()
    }

    fn saw(&mut self, name: &str, _: Departure) -> Option<()> {
        eventually(&format!("alertmanager no longer lists {name}"), || {
            (!self.present().contains_key(name)).then_some(())
        });
        None
    }

    fn blamed(&mut self) -> Option<Vec<String>> {
        None
    }

    fn tag(&mut self, _: &str, _: &str) -> Option<()> {
        None
    }

    fn send(&mut self, _: &str, _: Way, _: &[u8], _: usize) -> Option<()> {
        None
    }

    fn heard(&mut self, _: Way, _: &[u8]) -> Option<usize> {
        None
    }

    fn change_key(&mut self, _: &str, _: &str) -> Option<()> {
        None
    }

    fn depart(&mut self, how: Departure) {
        match how {
            Departure::Leave => self.leave(),
            Departure::Crash => self.kill(),
        }
    }
}
