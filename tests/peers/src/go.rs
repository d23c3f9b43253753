//! Go memberlist, through the agent of the scenario tests (`tests/agents/README.md`).

use std::process::Command;

use crate::process::Process;
use crate::{Listed, root};

/// Where the build of the agent on the newest memberlist puts it.
pub const AGENT: &str = "target/agents/go/agent";
/// The same on memberlist 0.2.2, which knows no labels.
pub const OLD_AGENT: &str = "target/agents/go-0.2.2/agent";

/// A running agent with a member.
#[derive(Debug)]
pub struct Go {
    process: Process,
    /// Where it listens.
    pub addr: String,
}

impl Go {
    /// Starts a member with the tag `of=<name>`; `more` are further words of its start.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, seed: Option<&str>, more: &str) -> Self {
        Self::start_with(AGENT, name, seed, more)
    }

    /// The same with that agent.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_with(agent: &str, name: &str, seed: Option<&str>, more: &str) -> Self {
        let mut process = Process::start(&mut Command::new(root().join(agent)));
        let seeds = seed.map(|seed| format!(" seeds={seed}")).unwrap_or_default();
        process.tell(&format!(
            "start name={name} bind=127.0.0.1:0 profile=local tag.of={name}{seeds}{more}"
        ));
        let line = process.expect("its address", |line| !line.starts_with("event "));
        let addr = line.strip_prefix("ok addr=").unwrap_or_else(|| panic!("{line}")).to_owned();
        process.tell("subscribe replay=true");
        process.expect("its subscription", |line| line == "ok");
        Self { process, addr }
    }

    /// Waits for an event about a member.
    ///
    /// # Panics
    /// When it does not come in time.
    pub fn expect(&mut self, kind: &str, member: &str) -> String {
        let (kind, member) = (format!("type={kind}"), format!("name={member}"));
        let what = format!("{kind} {member}");
        self.process.expect(&what, |line| {
            let words: Vec<&str> = line.split(' ').collect();
            words[0] == "event" && words.contains(&&*kind) && words.contains(&&*member)
        })
    }

    /// Its list. memberlist lists those who are present, so all are alive.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn members(&mut self) -> Listed {
        self.process.tell("members");
        let mut listed = Listed::new();
        loop {
            let line = self.process.expect("its members", |line| {
                line.starts_with("member ") || line.starts_with("ok count=")
            });
            let pairs: Vec<(&str, &str)> =
                line.split(' ').filter_map(|pair| pair.split_once('=')).collect();
            if line.starts_with("ok ") {
                return listed;
            }
            let get = |wanted: &str| {
                let found = pairs.iter().find(|(key, _)| *key == wanted);
                found.map(|(_, value)| (*value).to_owned()).unwrap_or_default()
            };
            let tags = pairs.iter().filter_map(|(key, value)| {
                key.strip_prefix("tag.").map(|key| (key.to_owned(), (*value).to_owned()))
            });
            listed.insert(get("name"), (get("state"), tags.collect()));
        }
    }

    /// Joins through a seed; what it answers.
    pub fn join(&mut self, seed: &str) -> String {
        self.process.tell(&format!("join seeds={seed}"));
        self.process.expect("the outcome of its join", |line| !line.starts_with("event "))
    }

    /// Leaves gracefully, and waits for the answer.
    pub fn leave(&mut self) {
        self.process.tell("leave timeout_ms=30000");
        self.process.expect("its farewell", |line| line == "ok");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}
