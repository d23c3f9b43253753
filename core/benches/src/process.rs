//! A child in a network of its own, spoken to line by line.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// An answer may come this much after the limit that the command itself carries: a starved child
/// is slow to notice that its time is up.
pub(crate) const GRACE: Duration = Duration::from_secs(15);
/// Brings the loopback up and every socket within reach, then becomes the child.
const PRELUDE: &str = r#"ip link set lo up && ulimit -n "$(ulimit -Hn)" && exec "$@""#;

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<OsString>,
}

/// A running child. Dropping it ends it.
pub(crate) struct Peer {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<String>,
    deadline: Instant,
}

impl Peer {
    /// Starts `program` inside a fresh network namespace, to be over within `hard_limit`.
    pub(crate) fn spawn(program: &Program, hard_limit: Duration) -> io::Result<Self> {
        let mut command = Command::new("unshare");
        command.args(["-n", "--", "sh", "-c", PRELUDE, "sh"]).arg(&program.path);
        command.args(&program.args);
        Self::spawn_as(command, hard_limit)
    }

    /// Starts `program` inside the network namespace of this process.
    pub(crate) fn spawn_here(program: &Program, hard_limit: Duration) -> io::Result<Self> {
        let mut command = Command::new(&program.path);
        command.args(&program.args);
        Self::spawn_as(command, hard_limit)
    }

    /// Starts what `command` says.
    pub(crate) fn spawn_as(mut command: Command, hard_limit: Duration) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().ok_or_else(|| io::Error::other("no stdin"))?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no stdout"))?;
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, stdin, answers, deadline: Instant::now() + hard_limit })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next answer, unasked: the greeting.
    pub(crate) fn hear<T: DeserializeOwned>(&mut self, limit: Duration) -> io::Result<T> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let line = self.answers.recv_timeout(left.min(limit)).map_err(|error| match error {
            RecvTimeoutError::Timeout if left <= limit => io::Error::other("over its hard limit"),
            RecvTimeoutError::Timeout => {
                io::Error::other(format!("no answer in {} s", limit.as_secs()))
            }
            RecvTimeoutError::Disconnected => io::Error::other("the child died"),
        })?;
        let value: Value = serde_json::from_str(&line)?;
        match value.get("error").and_then(Value::as_str) {
            Some(error) => Err(io::Error::other(error.to_owned())),
            None => Ok(serde_json::from_value(value)?),
        }
    }

    /// Sends a command; what it answers is heard later.
    pub(crate) fn tell(&mut self, command: &str) -> io::Result<()> {
        writeln!(self.stdin, "{command}")
    }

    /// Sends a command whose answer may take as long as `limit`.
    pub(crate) fn ask<T: DeserializeOwned>(
        &mut self,
        command: &str,
        limit: Duration,
    ) -> io::Result<T> {
        self.tell(command)?;
        self.hear(limit + GRACE)
            .map_err(|error| io::Error::new(error.kind(), format!("{command}: {error}")))
    }

    /// Drops what the child's network carries to and from one address, without a trace: an
    /// outgoing rule would show itself as an error of the sender.
    pub(crate) fn blackhole(&self, address: Ipv4Addr) -> io::Result<()> {
        for direction in ["-d", "-s"] {
            let status = Command::new("nsenter")
                .args(["-n", "-t", &self.pid().to_string(), "iptables", "-w", "-A", "INPUT"])
                .args([direction, &address.to_string(), "-j", "DROP"])
                .status()?;
            if !status.success() {
                return Err(io::Error::other(format!("iptables: {status}")));
            }
        }
        Ok(())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A child that is already gone cannot be ended, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
