//! Serf agents.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::process::Process;
use crate::{Listed, address, beside, eventually};

/// A running agent.
#[derive(Debug)]
pub struct Serf {
    process: Process,
    rpc: String,
    /// Where it listens for the cluster.
    pub addr: String,
}

impl Serf {
    /// Starts an agent with the tag `of=<name>`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, join: Option<&str>, more: &[&str]) -> Self {
        Self::start_at(&address(), name, join, more)
    }

    /// The same at an address whose ports are its own.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_at(addr: &str, name: &str, join: Option<&str>, more: &[&str]) -> Self {
        let rpc = beside(addr, 1000);
        let mut command = Command::new("serf");
        command
            .args(["agent", "-profile=local", "-log-level=warn"])
            .args([format!("-node={name}"), format!("-bind={addr}")])
            .args([format!("-rpc-addr={rpc}"), format!("-tag=of={name}")])
            .args(join.map(|seed| format!("-join={seed}")))
            .args(more);
        let mut process = Process::start(&mut command);
        eventually("serf runs", || {
            assert!(process.ended().is_none(), "{}", process.output());
            process.output().contains("Serf agent running!").then_some(())
        });
        Self { process, rpc, addr: addr.to_owned() }
    }

    fn command(&self, word: &str, more: &[&str]) -> Command {
        let mut command = Command::new("serf");
        command.arg(word).arg(format!("-rpc-addr={}", self.rpc)).args(more);
        command
    }

    /// What `serf <word>` prints, with these options and arguments.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, word: &str, more: &[&str]) -> String {
        let done = self.command(word, more).output().expect("serf runs");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// What `serf <word>` prints as JSON.
    ///
    /// # Panics
    /// When that is none.
    pub fn json(&self, word: &str, more: &[&str]) -> Value {
        let printed = self.run(word, &[&["-format=json"], more].concat());
        serde_json::from_str(&printed).unwrap_or_else(|why| panic!("{why}: {printed}"))
    }

    /// Tells everybody something, whatever bytes it has; all but zero, which no argument can have.
    ///
    /// # Panics
    /// When it cannot.
    pub fn event(&self, name: &str, payload: &[u8]) {
        let mut command = self.command("event", &["-coalesce=false", name]);
        let done = command.arg(OsStr::from_bytes(payload)).output().expect("serf runs");
        assert!(done.status.success(), "{done:?}");
    }

    /// `serf monitor`, once it listens.
    pub fn monitor(&self) -> Process {
        let mut monitor = Process::start(&mut self.command("monitor", &["-log-level=debug"]));
        // The first thing it shows is the log so far.
        monitor.expect("the log", |line| line.contains("Serf agent starting"));
        monitor
    }

    /// What `serf members` lists.
    ///
    /// # Panics
    /// When that is no longer what it was.
    pub fn members(&self) -> Listed {
        let list = self.json("members", &[]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let member = |m: &Value| {
            let tags = m["tags"].as_object().into_iter().flatten();
            let tags = tags.map(|(key, value)| (key.clone(), text(value))).collect();
            (text(&m["name"]), (text(&m["status"]), tags))
        };
        list["members"].as_array().into_iter().flatten().map(member).collect()
    }

    /// Waits until it lists a member in that state; the member's tags.
    ///
    /// # Panics
    /// When that is not so in time.
    pub fn expect(&self, name: &str, state: &str) -> std::collections::BTreeMap<String, String> {
        eventually(&format!("serf lists {name} as {state}"), || {
            let (found, tags) = self.members().remove(name)?;
            (found == state).then_some(tags)
        })
    }

    /// Everything that it has printed.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// What it has logged, warnings and errors only.
    pub fn log(&self) -> Vec<String> {
        let output = self.process.output();
        output.lines().filter(|line| line.contains("] ")).map(str::to_owned).collect()
    }

    /// Leaves gracefully, and waits.
    pub fn leave(&mut self) {
        self.process.signal(Signal::INT);
        self.process.finish();
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}
