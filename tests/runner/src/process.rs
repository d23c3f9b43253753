//! The real world: one agent process a node, real sockets, real time.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::agents::AgentKind;
use crate::world::{Spoken, Strike, Words, World};

/// Longest line that an agent may write.
const LINE_BYTES_MAX: u64 = 65_536;

/// Longest time that it may take until a process that was told to stand still does.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Agents as processes.
pub(crate) struct Processes {
    host: String,
    /// Which agent plays which node.
    cast: BTreeMap<String, &'static AgentKind>,
    running: BTreeMap<String, Process>,
    launches: u64,
    heard: Receiver<Heard>,
    mouth: Sender<Heard>,
    began: Instant,
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    /// Which launch this is; what an earlier process of the node said last does not count.
    launch: u64,
}

struct Heard {
    node: String,
    launch: u64,
    what: Raw,
}

/// What came out of a process.
enum Raw {
    Stdout(String),
    Stderr(String),
    End,
}

impl Processes {
    /// A world on `host`, a loopback address that no other world uses.
    pub(crate) fn new(host: String, cast: BTreeMap<String, &'static AgentKind>) -> Self {
        let (mouth, heard) = channel();
        let running = BTreeMap::new();
        Self { host, cast, running, launches: 0, heard, mouth, began: Instant::now() }
    }

    fn process(&mut self, node: &str) -> Result<&mut Process, String> {
        self.running.get_mut(node).ok_or_else(|| format!("{node} is not running"))
    }
}

impl World for Processes {
    fn host(&self) -> &str {
        &self.host
    }

    fn launch(&mut self, node: &str) -> Result<(), String> {
        let kind = self.cast.get(node).ok_or_else(|| format!("nobody plays {node}"))?;
        let mut command = kind.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("agent {}: {e}", kind.name))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err("a piped process has no pipes".to_owned());
        };
        self.launches += 1;
        let launch = self.launches;
        let teller = |mouth: Sender<Heard>, node: String| {
            move |what| {
                // Nobody listens any more when the scenario is over.
                let _ = mouth.send(Heard { node: node.clone(), launch, what });
            }
        };
        let tell = teller(self.mouth.clone(), node.to_owned());
        thread::spawn(move || {
            listen(stdout, |line| tell(Raw::Stdout(line)));
            tell(Raw::End);
        });
        let tell = teller(self.mouth.clone(), node.to_owned());
        thread::spawn(move || listen(stderr, |line| tell(Raw::Stderr(line))));
        self.running.insert(node.to_owned(), Process { child, stdin, launch });
        Ok(())
    }

    fn is_up(&self, node: &str) -> bool {
        self.running.contains_key(node)
    }

    fn send(&mut self, node: &str, line: &str) -> Result<(), String> {
        let process = self.process(node)?;
        let written = process.stdin.write_all(format!("{line}\n").as_bytes());
        written.and_then(|()| process.stdin.flush()).map_err(|e| format!("telling {node}: {e}"))
    }

    fn strike(&mut self, node: &str, strike: Strike) -> Result<(), String> {
        match strike {
            Strike::Crash => {
                self.process(node)?;
                self.running.remove(node);
                Ok(())
            }
            Strike::Pause => {
                let child = &self.process(node)?.child;
                signal(child, "STOP").and_then(|()| await_stop(child))
            }
            Strike::Resume => signal(&self.process(node)?.child, "CONT"),
            Strike::Terminate => signal(&self.process(node)?.child, "TERM"),
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn next(&mut self, deadline: Duration) -> Option<Spoken> {
        loop {
            let heard = self.heard.recv_timeout(deadline.saturating_sub(self.now())).ok()?;
            if self.running.get(&heard.node).is_none_or(|now| now.launch != heard.launch) {
                continue;
            }
            let what = match heard.what {
                Raw::Stdout(line) => Words::Line(line),
                Raw::Stderr(line) => Words::Log(line),
                Raw::End => self.running.remove(&heard.node)?.end(),
            };
            return Some(Spoken { node: heard.node, what });
        }
    }
}

impl Process {
    /// How a process ended whose stdout has ended. One that only closed stdout is killed for it.
    fn end(mut self) -> Words {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    return Words::Ended { well: status.success(), how: status.to_string() };
                }
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                Err(error) => return Words::Ended { well: false, how: error.to_string() },
            }
        }
        Words::Ended { well: false, how: "stdout closed, process still there".to_owned() }
    }
}

impl Drop for Process {
    /// SIGKILL also ends what stands still. A child that is not waited for would stay as a zombie.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes on every line until the end, an error, or a line that is longer than any may be.
fn listen(pipe: impl Read, mut hear: impl FnMut(String)) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(1..) = pipe.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
        if line.pop() != Some(b'\n') {
            return;
        }
        hear(String::from_utf8_lossy(&line).into_owned());
        line.clear();
    }
}

/// Waits until every thread stands still, which is not so yet when the signal has been sent. Only
/// Linux tells.
fn await_stop(child: &Child) -> Result<(), String> {
    let tasks = format!("/proc/{}/task", child.id());
    let deadline = Instant::now() + STOP_TIMEOUT;
    while cfg!(target_os = "linux") && !stand_still(&tasks).map_err(|e| format!("{tasks}: {e}"))? {
        if Instant::now() >= deadline {
            return Err(format!("{tasks}: not all of them stop"));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Whether each of these threads is stopped, as the letter behind its name says.
fn stand_still(tasks: &str) -> io::Result<bool> {
    for task in fs::read_dir(tasks)? {
        let stat = fs::read_to_string(task?.path().join("stat"))?;
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        if state != Some('T') {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sends a signal by the shell's own `kill`, which every POSIX system has.
fn signal(child: &Child, name: &str) -> Result<(), String> {
    let kill = format!("kill -{name} {}", child.id());
    match Command::new("sh").args(["-c", &kill]).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{kill}: {status}")),
        Err(error) => Err(format!("{kill}: {error}")),
    }
}
