//! A child process that ends with its owner.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

use crate::eventually;

/// A running child and all that it has said.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<Vec<String>>>,
    complained: Arc<Mutex<Vec<String>>>,
    /// Lines that have been read.
    read: usize,
}

impl Process {
    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|cause| panic!("{command:?}: {cause}"));
        let said = collect(child.stdout.take());
        let complained = collect(child.stderr.take());
        Self { stdin: child.stdin.take(), child, said, complained, read: 0 }
    }

    /// Writes a line to its input.
    pub fn tell(&mut self, line: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{line}");
        }
    }

    /// The next line of output that `wanted` takes; those before it are skipped.
    ///
    /// # Panics
    /// When there is none in time.
    pub fn expect(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut read = self.read;
        let line = self.expect_from(&mut read, what, wanted);
        self.read = read;
        line
    }

    /// The same from a place of the reader's own, which moves behind the line.
    ///
    /// # Panics
    /// When there is none in time.
    pub fn expect_from(
        &self,
        read: &mut usize,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        eventually(&format!("{what} from {}", self.child.id()), || {
            let said = lock(&self.said);
            let found = said.iter().skip(*read).position(|line| wanted(line));
            *read = found.map_or(said.len(), |skipped| *read + skipped + 1);
            found.and_then(|_| said.get(*read - 1).cloned())
        })
    }

    /// Everything on its standard error so far.
    pub fn complaints(&self) -> String {
        lock(&self.complained).join("\n")
    }

    /// Everything on its standard output so far.
    pub fn output(&self) -> String {
        lock(&self.said).join("\n")
    }

    /// How many lines that is.
    pub fn lines(&self) -> usize {
        lock(&self.said).len()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let number = i32::try_from(self.child.id()).ok();
        let pid = number.and_then(Pid::from_raw).expect("a child has a number");
        let _ = kill_process(pid, signal);
    }

    /// `kill -9`, and waits.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When that does not come in time.
    pub fn finish(&mut self) -> ExitStatus {
        let what = format!("the end of {}", self.child.id());
        let status = eventually(&what, || self.ended());
        // What it said last may still be on its way through the pipe.
        for lines in [&self.said, &self.complained] {
            eventually("the end of its output", || (Arc::strong_count(lines) == 1).then_some(()));
        }
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let collected = Arc::clone(&lines);
    if let Some(pipe) = pipe {
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                lock(&collected).push(line);
            }
        });
    }
    lines
}

fn lock(lines: &Mutex<Vec<String>>) -> std::sync::MutexGuard<'_, Vec<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}
