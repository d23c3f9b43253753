//! A member that runs in a process of its own, and what it tells.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::chronicle::{Chronicle, News, Told};
use super::lab::Lab;
use super::peer::{Agents, Peer, read};

/// Between two looks at what was told.
const GLANCE: Duration = Duration::from_millis(20);

/// The members of one library in a lab.
pub(super) struct Members {
    peer: Peer,
    agents: Agents,
    running: Vec<Option<Member>>,
    told: Arc<Mutex<Vec<Told>>>,
    began: Instant,
}

impl Members {
    /// Starts one at every seat.
    pub(super) fn start(peer: Peer, agents: &Agents, lab: &Lab) -> io::Result<Self> {
        let mut members = Self {
            peer,
            agents: agents.clone(),
            running: (0..lab.seats()).map(|_| None).collect(),
            told: Arc::default(),
            began: Instant::now(),
        };
        for seat in 0..lab.seats() {
            members.start_at(lab, seat)?;
        }
        Ok(members)
    }

    /// Starts the one of a seat, again if need be. It knows nobody: as if all others had left.
    pub(super) fn start_at(&mut self, lab: &Lab, seat: usize) -> io::Result<()> {
        self.running[seat] = None;
        let at = self.now();
        let forgotten = |subject| Told { at, observer: seat, subject, news: News::Left };
        lock(&self.told).extend((0..lab.seats()).map(forgotten));
        let (mut command, words) = self.agents.start(self.peer, lab, seat);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut stdin = process.stdin.take().ok_or_else(|| io::Error::other("no stdin"))?;
        stdin.write_all(words.as_bytes())?;
        let ear =
            Ear { peer: self.peer, seat, began: self.began, told: Arc::downgrade(&self.told) };
        ear.clone().listen(process.stdout.take());
        ear.listen(process.stderr.take());
        self.running[seat] = Some(Member { process, _stdin: stdin });
        Ok(())
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self, seat: usize) {
        self.running[seat] = None;
    }

    /// Stops a process without ending it, or lets it go on.
    pub(super) fn signal(&self, seat: usize, signal: Signal) -> io::Result<()> {
        let member = self.running[seat].as_ref().ok_or_else(|| io::Error::other("not there"))?;
        let pid = i32::try_from(member.process.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("a process without a number"))?;
        Ok(kill_process(pid, signal)?)
    }

    /// Time since the start.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// What was told so far.
    pub(super) fn chronicle(&self) -> Chronicle {
        // Two pipes of one process are read by two threads.
        let mut told = lock(&self.told).clone();
        told.sort_by_key(|told| told.at);
        Chronicle { told, members: self.running.len() }
    }

    /// Waits until `done`, for `limit` at most; whether it came to that. A process that ended by
    /// itself is an error.
    pub(super) fn wait(
        &mut self,
        limit: Duration,
        done: impl Fn(&Chronicle) -> bool,
    ) -> io::Result<bool> {
        let deadline = self.now() + limit;
        loop {
            self.check()?;
            if done(&self.chronicle()) {
                return Ok(true);
            }
            if self.now() >= deadline {
                return Ok(false);
            }
            thread::sleep(GLANCE);
        }
    }

    fn check(&mut self) -> io::Result<()> {
        for (seat, member) in self.running.iter_mut().enumerate() {
            let Some(member) = member else { continue };
            if let Some(status) = member.process.try_wait()? {
                let name = self.peer.name();
                return Err(io::Error::other(format!("{name} at seat {seat} ended: {status}")));
            }
        }
        Ok(())
    }
}

/// A running member. Dropping it ends it.
struct Member {
    process: Child,
    /// Agents end when nobody can tell them anything any more.
    _stdin: ChildStdin,
}

impl Drop for Member {
    fn drop(&mut self) {
        // One that is already gone cannot be ended, and need not be.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads what a member prints.
#[derive(Clone)]
struct Ear {
    peer: Peer,
    seat: usize,
    began: Instant,
    told: std::sync::Weak<Mutex<Vec<Told>>>,
}

impl Ear {
    fn listen(self, pipe: Option<impl Read + Send + 'static>) {
        let Some(pipe) = pipe else { return };
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let at = self.began.elapsed();
                let Some(told) = self.told.upgrade() else { return };
                if let Some((news, subject)) = self.hear(&line) {
                    lock(&told).push(Told { at, observer: self.seat, subject, news });
                }
            }
        });
    }

    fn hear(&self, line: &str) -> Option<(News, usize)> {
        read(self.peer, self.seat, line)
    }
}

fn lock(told: &Mutex<Vec<Told>>) -> MutexGuard<'_, Vec<Told>> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}
