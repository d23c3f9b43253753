//! A program that prints endpoints, one a line.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::{Failure, Found, hosts};

/// Of what it prints, and of what it complains.
const PRINTED_MAX: u64 = 1 << 20;
const COMPLAINT_MAX: usize = 512;

/// A program and its arguments; it is not run by a shell.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    args: Vec<String>,
    /// The one that runs: there are never two.
    running: Arc<Mutex<Option<Child>>>,
}

/// What it said.
struct Said {
    status: ExitStatus,
    printed: Vec<u8>,
    complaint: String,
}

impl Program {
    pub(super) fn new(path: PathBuf, args: Vec<String>) -> Self {
        Self { path, args, running: Arc::default() }
    }

    /// Runs it. It is ended when the look-up is given up; one that left others behind which hold
    /// its output is not started again before they are gone.
    ///
    /// It has threads of its own: the runtime's way to wait for programs needs a handler of
    /// signals, which is the process's to have.
    pub(super) async fn run(&self) -> Found {
        let name = self.path.display();
        let (out, err) = self.start()?;
        let _ended = Ended(Arc::clone(&self.running));
        let (tell, told) = oneshot::channel();
        let running = Arc::clone(&self.running);
        thread::spawn(move || {
            let said = read(out, err, &running);
            take(&running);
            let _ = tell.send(said);
        });
        let said = told.await.map_err(|_| Failure::new(format_args!("{name} was lost")))?;
        let said = said.map_err(|error| Failure::new(format_args!("{name}: {error}")))?;
        if said.printed.len() as u64 > PRINTED_MAX {
            return Err(Failure::new(format_args!("{name} prints more than 1 MiB")));
        }
        if !said.status.success() {
            let complaint = said.complaint.trim().lines().last().unwrap_or_default();
            let message = format!("{name} ended with {}: {complaint}", said.status);
            return Err(Failure::new(message.trim_end_matches([':', ' '])));
        }
        Ok(hosts::lines(&String::from_utf8_lossy(&said.printed)))
    }

    fn start(&self) -> Result<(ChildStdout, ChildStderr), Failure> {
        let name = self.path.display();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return Err(Failure::new(format_args!("{name} has not ended since it was last run")));
        }
        let mut command = Command::new(&self.path);
        command.args(&self.args).stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let does_not = |error| Failure::new(format_args!("{name} does not start: {error}"));
        let mut child = child.map_err(does_not)?;
        let pipes = child.stdout.take().zip(child.stderr.take());
        *running = Some(child);
        pipes.ok_or_else(|| Failure::new(format_args!("{name} has no output")))
    }
}

/// Ends what runs when it is dropped.
struct Ended(Arc<Mutex<Option<Child>>>);

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(child) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = child.kill();
        }
    }
}

fn take(running: &Mutex<Option<Child>>) -> Option<Child> {
    running.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Reads all that it says, as far as it is kept, and waits for its end.
fn read(out: ChildStdout, err: ChildStderr, running: &Mutex<Option<Child>>) -> io::Result<Said> {
    let complaint = thread::spawn(move || tail(err));
    let mut printed = Vec::new();
    let whole = out.take(PRINTED_MAX + 1).read_to_end(&mut printed);
    if whole.is_err() || printed.len() as u64 > PRINTED_MAX {
        kill(running);
    }
    let complaint = complaint.join().unwrap_or_default();
    let status = loop {
        let mut held = running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(child) = &mut *held else { return Err(io::Error::other("it is gone")) };
        if let Some(status) = child.try_wait()? {
            break status;
        }
        drop(held);
        // It has closed its outputs, so its end is near; whoever gives it up must get at it.
        thread::sleep(std::time::Duration::from_millis(5));
    };
    whole?;
    Ok(Said { status, printed, complaint })
}

fn kill(running: &Mutex<Option<Child>>) {
    if let Some(child) = &mut *running.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = child.kill();
    }
}

/// The last of what it complains; all of it is read, so that it is not held up.
fn tail(mut err: ChildStderr) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = err.read(&mut buffer) {
        kept.extend_from_slice(buffer.get(..length).unwrap_or_default());
        kept.drain(..kept.len().saturating_sub(COMPLAINT_MAX));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sh(script: &str) -> Program {
        Program::new("/bin/sh".into(), vec!["-c".to_owned(), script.to_owned()])
    }

    async fn cause(program: Program) -> String {
        program.run().await.expect_err("it fails").to_string()
    }

    #[tokio::test]
    async fn what_a_program_prints_is_found_and_why_it_fails_is_told() {
        let program = sh("echo a:1; echo '# no'; echo b");
        for _ in 0..2 {
            assert_eq!(program.run().await.expect("it prints"), ["a:1", "b"]);
        }
        let told = cause(sh("echo first >&2; echo 'no such group' >&2; exit 3")).await;
        assert_eq!(told, "/bin/sh ended with exit status: 3: no such group");
        assert_eq!(cause(sh("exit 1")).await, "/bin/sh ended with exit status: 1");
        let told = cause(Program::new("/nowhere".into(), Vec::new())).await;
        assert!(told.starts_with("/nowhere does not start: "), "{told}");
    }

    #[tokio::test]
    async fn a_flood_is_cut_off_and_what_nobody_reads_holds_nothing_up() {
        let told = cause(sh("exec yes a")).await;
        assert!(told.contains("more than 1 MiB"), "{told}");
        let found = sh("yes | head -c 1000000 >&2; echo a").run().await;
        assert_eq!(found.expect("it ends"), ["a"]);
    }

    #[tokio::test]
    async fn one_that_is_given_up_is_ended_and_never_runs_twice() {
        let program = sh("exec sleep 1000");
        let short = Duration::from_millis(50);
        assert!(tokio::time::timeout(short, program.run()).await.is_err());
        // Its end is noticed in a moment.
        let began = std::time::Instant::now();
        while program.running.lock().expect("whole").is_some() {
            assert!(began.elapsed() < Duration::from_secs(30), "it still runs");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let left = sh("sleep 2 & exec sleep 1000");
        assert!(tokio::time::timeout(short, left.run()).await.is_err());
        let told = cause(left).await;
        assert!(told.contains("has not ended since"), "{told}");
    }
}
