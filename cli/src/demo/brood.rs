//! Child processes, none of which outlives this one.

use std::collections::BTreeMap;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time;

/// Something that a child did.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Which child.
    pub(crate) who: usize,
    /// Its line of output; `None` at the end.
    pub(crate) line: Option<String>,
    /// When it was read.
    pub(crate) at: Instant,
}

/// A running child.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: Pid,
    stdin: Option<ChildStdin>,
    brood: Brood,
    complaints: Complaints,
}

/// The last of what a child said beside what it should.
#[derive(Clone, Debug, Default)]
struct Complaints(Arc<Mutex<Vec<String>>>);

/// Lines of complaint that are kept.
const COMPLAINTS: usize = 8;

/// How long a child that has ended may still be complaining.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Every child that has not been waited for. Each leads a process group of its own, so that what it
/// started ends with it, and so that the terminal's Ctrl-C comes to us alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brood(Arc<Mutex<BTreeMap<i32, Pid>>>);

impl Brood {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<i32, Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a child that reports as `who`.
    pub(crate) fn start(
        &self,
        who: usize,
        words: &[String],
        heard: &mpsc::Sender<Heard>,
    ) -> io::Result<Process> {
        let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut child = Command::new(program)
            .args(arguments)
            // The local profile gossips so little that now and then somebody hears only at the next
            // exchange of states, which is no sight to see.
            .env("CHINWAG_PROFILE", "lan")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        let pid = number.and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        self.lock().insert(pid.as_raw_nonzero().get(), pid);
        let complaints = Complaints::default();
        if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
            let complaining = tokio::spawn(keep(err, complaints.clone()));
            tokio::spawn(listen(who, out, complaining, heard.clone()));
        }
        let stdin = child.stdin.take();
        Ok(Process { child, pid, stdin, brood: self.clone(), complaints })
    }

    /// Ends everything at once, and waits for it.
    pub(crate) fn end(&self) {
        let left = std::mem::take(&mut *self.lock());
        for pid in left.values() {
            let _ = kill_process_group(*pid, Signal::KILL);
        }
        for pid in left.values() {
            // Somebody else may have waited for it already.
            let _ = waitpid(Some(*pid), WaitOptions::empty());
        }
    }
}

impl Process {
    /// Writes to its input. That it has ended is found out elsewhere.
    pub(crate) async fn tell(&mut self, text: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(text.as_bytes()).await;
        }
    }

    /// Asks it to stop, as Ctrl-C would.
    pub(crate) fn interrupt(&self) {
        let _ = kill_process(self.pid, Signal::INT);
    }

    /// `kill -9`, for it and all that it started; waits for the end.
    pub(crate) async fn kill(&mut self) {
        let _ = kill_process_group(self.pid, Signal::KILL);
        let _ = self.child.wait().await;
        self.brood.lock().remove(&self.pid.as_raw_nonzero().get());
    }

    /// Waits for its end, and makes it end when that takes too long. Whether it ended by itself.
    pub(crate) async fn finish(&mut self, limit: Duration) -> bool {
        self.stdin = None;
        let ended = time::timeout(limit, self.child.wait()).await.is_ok();
        if ended {
            self.brood.lock().remove(&self.pid.as_raw_nonzero().get());
        } else {
            self.kill().await;
        }
        ended
    }

    /// Keeps a line of output for the case that it ends too early.
    pub(crate) fn keep(&self, line: String) {
        self.complaints.keep(line);
    }

    /// What it complained about last.
    pub(crate) fn complaints(&self) -> String {
        self.complaints.lock().join("\n")
    }
}

impl Complaints {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, line: String) {
        let mut kept = self.lock();
        if kept.len() == COMPLAINTS {
            kept.remove(0);
        }
        kept.push(line);
    }
}

/// Reports each line. The end comes once the last complaint has been kept, so that it can be shown;
/// something else may hold on to that stream, so not for ever.
async fn listen(
    who: usize,
    out: impl AsyncRead + Unpin,
    complaining: JoinHandle<()>,
    heard: mpsc::Sender<Heard>,
) {
    let mut lines = BufReader::new(out).lines();
    loop {
        let line = lines.next_line().await.ok().flatten();
        let at = Instant::now();
        if line.is_none() {
            let _ = time::timeout(LAST_WORDS, complaining).await;
            let _ = heard.send(Heard { who, line, at }).await;
            return;
        }
        if heard.send(Heard { who, line, at }).await.is_err() {
            return;
        }
    }
}

async fn keep(err: impl AsyncRead + Unpin, complaints: Complaints) {
    let mut lines = BufReader::new(err).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        complaints.keep(line);
    }
}
