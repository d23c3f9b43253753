//! The node that is flooded, and a healthy member beside it: a process each, in a network of
//! their own.

use std::io;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::ear::{Ear, Told};
use super::sender::{BESIDE, BESIDE_NAME, KEY, NAME, NODE};
use crate::faults::{Agents, LEASH, Peer};

/// How long the two may take to come together.
const GATHERING: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// Whether a network can be made here.
pub(super) fn try_network() -> io::Result<()> {
    let status = Command::new("unshare").args(["-n", "--", "true"]).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("unshare: {status}"))),
    }
}

/// Both of them.
pub(super) struct Pair {
    pub(super) node: Member,
    pub(super) beside: Member,
}

impl Pair {
    /// Starts the two, and waits until each sees the other.
    pub(super) fn start(peer: Peer, agents: &Agents, keyed: bool) -> io::Result<Self> {
        let mut new_network = Command::new("unshare");
        new_network.args(["-n", "--"]).args(LEASH);
        new_network.args(["sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
        let mut node = Member::start(peer, agents, new_network, keyed, NAME)?;
        // Its network is there once it says something.
        node.wait(|told| told.lines > 0)?;
        let mut same_network = Command::new("nsenter");
        same_network.args(["-n", "-t", &node.pid().to_string(), "--"]).args(LEASH);
        let mut beside = Member::start(peer, agents, same_network, keyed, BESIDE_NAME)?;
        for member in [&mut node, &mut beside] {
            member.wait(|told| told.together)?;
        }
        Ok(Self { node, beside })
    }
}

/// A running member. Dropping it ends it.
pub(super) struct Member {
    process: Child,
    /// Agents end when nobody can tell them anything any more.
    _stdin: Option<ChildStdin>,
    ear: Ear,
}

impl Member {
    fn start(
        peer: Peer,
        agents: &Agents,
        mut command: Command,
        keyed: bool,
        name: &'static str,
    ) -> io::Result<Self> {
        let (own, seed, other) = match name {
            NAME => (NODE, None, BESIDE_NAME),
            _ => (BESIDE, Some(NODE.to_string()), NAME),
        };
        command.arg(agents.program(peer));
        let mut words = String::new();
        if peer == Peer::Chinwag {
            command.args(["agent", "-o", "json", "--log", "info", "--profile", "lan"]);
            command.args(["--name", name, "--bind", &own.to_string()]);
            if let Some(seed) = seed {
                command.args(["--seeds", &seed]);
            }
            if keyed {
                command.env("CHINWAG_KEYS", KEY);
            }
        } else {
            let seeds = seed.map_or(String::new(), |seed| format!(" seeds={seed}"));
            let keys = if keyed { format!(" opt.keys={KEY}") } else { String::new() };
            words = format!("start name={name} bind={own} profile=lan{seeds}{keys}\n");
            words += "subscribe replay=true\n";
        }
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = piped.spawn()?;
        if let Some(stdin) = &mut process.stdin {
            io::Write::write_all(stdin, words.as_bytes())?;
        }
        let ear = Ear::new(other);
        ear.clone().events(process.stdout.take());
        ear.clone().log(process.stderr.take());
        Ok(Self { _stdin: process.stdin.take(), process, ear })
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn told(&self) -> Told {
        self.ear.told()
    }

    /// Counts what it tells from here on.
    pub(super) fn forget(&self) {
        self.ear.forget();
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> io::Result<Option<String>> {
        Ok(self.process.try_wait()?.map(|status| status.to_string()))
    }

    fn wait(&mut self, done: impl Fn(&Told) -> bool) -> io::Result<()> {
        let began = Instant::now();
        while !done(&self.told()) {
            if let Some(status) = self.ended()? {
                return Err(io::Error::other(format!("a member ended: {status}")));
            }
            if began.elapsed() > GATHERING {
                return Err(io::Error::other("the two did not come together"));
            }
            sleep(GLANCE);
        }
        Ok(())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // One that is already gone cannot be ended, and need not be.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
