//! The agents in their namespaces: started, killed, stopped, and asked.

use std::env::current_exe;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;

use super::agent::{Ready, Told, Took};
use super::judge::{History, Run};
use super::record::{path, read};
use super::{AT_ONCE, HEALED, Play};
use crate::counters::{peak_rss_kib, rss_kib};
use crate::faults::Lab;
use crate::process::Peer;

/// A network, and a process at each of its seats or none.
pub(super) struct Seats {
    pub(super) lab: Lab,
    profile: &'static str,
    folder: PathBuf,
    seed: u64,
    hard_limit: Duration,
    running: Vec<Option<Running>>,
    /// How many processes each seat has had.
    runs: Vec<usize>,
    /// KiB that processes have grown by at most, under load.
    grown_kib: u64,
}

struct Running {
    agent: Peer,
    /// Resident when the load began.
    began_kib: u64,
}

impl Seats {
    /// Starts an agent at each, which write to `folder`, and waits until all reach all.
    pub(super) fn open(
        play: Play,
        folder: PathBuf,
        seed: u64,
        hard_limit: Duration,
    ) -> io::Result<Self> {
        let Play { seats, profile, .. } = play;
        let mut seats = Self {
            lab: Lab::open(seats)?,
            profile,
            folder,
            seed,
            hard_limit,
            running: (0..seats).map(|_| None).collect(),
            runs: vec![0; seats],
            grown_kib: 0,
        };
        for seat in 0..seats.count() {
            let agent = seats.start(seat)?;
            seats.running[seat] = Some(Running { agent, began_kib: 0 });
        }
        seats.fence()?;
        for seat in 0..seats.count() {
            seats.load(seat)?;
        }
        Ok(seats)
    }

    pub(super) fn count(&self) -> usize {
        self.running.len()
    }

    fn start(&mut self, seat: usize) -> io::Result<Peer> {
        let mut command = self.lab.at(seat, &current_exe()?.to_string_lossy());
        command.arg("turmoil-agent");
        let run = self.runs[seat];
        command.args([seat, self.count(), run].map(|number| number.to_string()));
        command.arg(&self.folder).args([&self.seed.to_string(), self.profile]);
        self.runs[seat] += 1;
        let mut agent = Peer::spawn_as(command, self.hard_limit)?;
        agent.hear::<Ready>(AT_ONCE)?;
        Ok(agent)
    }

    fn load(&mut self, seat: usize) -> io::Result<()> {
        let Some(running) = &mut self.running[seat] else { return Ok(()) };
        running.began_kib = rss_kib(running.agent.pid())?;
        running.agent.ask::<Ready>("load", AT_ONCE).map(drop)
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self, seat: usize) -> io::Result<()> {
        self.weigh(seat)?;
        self.running[seat] = None;
        Ok(())
    }

    /// Starts another one where one was killed.
    pub(super) fn restart(&mut self, seat: usize) -> io::Result<()> {
        let agent = self.start(seat)?;
        self.running[seat] = Some(Running { agent, began_kib: 0 });
        self.load(seat)
    }

    /// Stops a process without ending it, or lets it go on.
    pub(super) fn signal(&self, seat: usize, signal: Signal) -> io::Result<()> {
        let pid = self.running[seat].as_ref().map(|running| running.agent.pid());
        let pid = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let pid = pid.ok_or_else(|| io::Error::other("nobody is there"))?;
        Ok(kill_process(pid, signal)?)
    }

    fn weigh(&mut self, seat: usize) -> io::Result<()> {
        let Some(running) = &self.running[seat] else { return Ok(()) };
        let peak = peak_rss_kib(&running.agent.pid().to_string())?;
        self.grown_kib = self.grown_kib.max(peak.saturating_sub(running.began_kib));
        Ok(())
    }

    /// Asks all of them at the same time.
    fn ask<T: DeserializeOwned>(&mut self, command: &str, limit: Duration) -> io::Result<Vec<T>> {
        let mut agents: Vec<_> = self.running.iter_mut().flatten().collect();
        for running in &mut agents {
            running.agent.tell(command)?;
        }
        let answers = agents.iter_mut().map(|running| running.agent.hear(limit));
        let wrong = |error| io::Error::other(format!("{command}: {error}"));
        answers.collect::<io::Result<Vec<T>>>().map_err(wrong)
    }

    /// Has all call all until that works, under load or not.
    pub(super) fn fence(&mut self) -> io::Result<Vec<Took>> {
        self.ask("fence", HEALED + 2 * AT_ONCE)
    }

    /// Ends the load, waits until nothing is under way, and gives all that was written down.
    pub(super) fn end(mut self) -> io::Result<History> {
        self.ask::<Ready>("calm", AT_ONCE)?;
        let fences = self.fence()?;
        let told: Vec<Told> = self.ask("told", AT_ONCE)?;
        for seat in 0..self.count() {
            self.weigh(seat)?;
        }
        let mut history = History { grown_kib: self.grown_kib, ..History::default() };
        for (seat, runs) in self.runs.iter().enumerate() {
            for run in 0..*runs {
                // All have one in the end.
                let last = (run + 1 == *runs).then(|| told[seat]);
                let records = read(&path(&self.folder, seat, run))?;
                let failed = fences[seat].failed;
                history.runs.push(Run { seat, run, records, told: last, failed });
            }
        }
        Ok(history)
    }
}
