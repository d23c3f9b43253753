//! The members as they run, and what each has told.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time;

use super::brood::{Brood, Heard, Process};
use super::cast::Actor;
use super::dialect::{Dialect, Farewell, Report, Said, Seat};
use super::view::View;
use crate::failure::Failure;
use crate::signals::Stop;

/// A member, as far as this program is concerned.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) actor: Actor,
    pub(crate) status: Status,
    pub(crate) reports: Vec<(Instant, Report)>,
    addr: String,
    process: Option<Process>,
}

/// What has become of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Waiting,
    Starting,
    Here,
    Left,
    Killed,
}

impl Status {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "-",
            Self::Starting => "starting",
            Self::Here => "here",
            Self::Left => "left",
            Self::Killed => "killed",
        }
    }
}

/// All members.
pub(crate) struct Stage {
    pub(crate) members: Vec<Member>,
    pub(crate) view: View,
    brood: Brood,
    sender: mpsc::Sender<Heard>,
    heard: mpsc::Receiver<Heard>,
    stop: Stop,
}

/// Lines that wait to be looked at; a child that says more waits.
const LINES: usize = 256;
/// Time between two pictures.
const TICK: Duration = Duration::from_millis(100);
/// How long a member may take from its farewell to its end.
const END: Duration = Duration::from_secs(20);

impl Stage {
    pub(crate) fn new(actors: Vec<Actor>, view: View, brood: Brood, stop: Stop) -> Self {
        let (sender, heard) = mpsc::channel(LINES);
        let members = actors.into_iter().map(Member::new).collect();
        Self { members, view, brood, sender, heard, stop }
    }

    /// Starts a member, which joins `seed`.
    pub(crate) async fn start(&mut self, who: usize, seed: Option<usize>) -> Result<(), Failure> {
        let with_serf = self.members.iter().any(|m| m.actor.dialect == Dialect::Serf);
        let seed = seed.map(|seed| self.members[seed].addr.clone());
        let member = &mut self.members[who];
        let Actor { name, runtime, dialect, words } = &member.actor;
        let addrs = if *dialect == Dialect::Serf { Some([free()?, free()?]) } else { None };
        let seat = Seat { name, runtime, seed: seed.as_deref(), with_serf, addrs };
        let words: Vec<String> = words.iter().cloned().chain(dialect.arguments(&seat)).collect();
        let mut process = self
            .brood
            .start(who, &words, &self.sender)
            .map_err(|cause| Failure::new(format!("{name} cannot be started: {cause}")))?;
        if let Some(greeting) = dialect.greeting(&seat) {
            process.tell(&greeting).await;
        }
        member.process = Some(process);
        member.status = Status::Starting;
        Ok(())
    }

    /// Waits until those that were started listen.
    pub(crate) async fn ready(&mut self, limit: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        let starting = |m: &&Member| m.status == Status::Starting;
        while let Some(late) = self.members.iter().find(starting) {
            if Instant::now() >= deadline {
                return Err(Failure::new(format!("{} was not ready in time", late.said())));
            }
            self.next(deadline).await?;
        }
        Ok(())
    }

    /// Makes a member change a tag.
    pub(crate) async fn tag(&mut self, who: usize, pair: &str) {
        let member = &mut self.members[who];
        if let (Some(line), Some(process)) = (member.actor.dialect.tag(pair), &mut member.process) {
            process.tell(&line).await;
        }
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self, who: usize) {
        let member = &mut self.members[who];
        member.status = Status::Killed;
        if let Some(process) = &mut member.process {
            process.kill().await;
        }
    }

    /// Asks a member to leave.
    pub(crate) async fn leave(&mut self, who: usize) {
        let member = &mut self.members[who];
        member.status = Status::Left;
        let Some(process) = &mut member.process else { return };
        match member.actor.dialect.farewell() {
            Farewell::Lines(lines) => process.tell(lines).await,
            Farewell::Interrupt => process.interrupt(),
        }
    }

    /// Waits for the end of a member that was asked to leave.
    pub(crate) async fn finish(&mut self, who: usize) -> Result<(), Failure> {
        let member = &mut self.members[who];
        let Some(mut process) = member.process.take() else { return Ok(()) };
        // It may still have something to say, and must not wait for us to hear it.
        let ended = tokio::select! {
            ended = process.finish(END) => ended,
            () = async { while self.heard.recv().await.is_some() {} } => false,
            () = self.stop.asked() => return Err(interrupted()),
        };
        match ended {
            true => Ok(()),
            false => {
                Err(Failure::new(format!("{} left, but did not end by itself", member.said())))
            }
        }
    }

    /// Who is here.
    pub(crate) fn present(&self) -> Vec<usize> {
        (0..self.members.len()).filter(|who| self.members[*who].status == Status::Here).collect()
    }

    /// Waits for news, until `deadline`; whose they are.
    pub(crate) async fn next(&mut self, deadline: Instant) -> Result<Option<usize>, Failure> {
        loop {
            self.view.draw(&self.members);
            let tick = deadline.min(Instant::now() + TICK);
            let heard = tokio::select! {
                heard = self.heard.recv() => heard,
                () = time::sleep_until(tick.into()) => None,
                () = self.stop.asked() => return Err(interrupted()),
            };
            match heard {
                Some(heard) => {
                    if let Some(who) = self.take(heard)? {
                        return Ok(Some(who));
                    }
                }
                None if Instant::now() >= deadline => return Ok(None),
                None => {}
            }
        }
    }

    /// Takes note of a line; whose it is, if it is news.
    fn take(&mut self, heard: Heard) -> Result<Option<usize>, Failure> {
        let member = &mut self.members[heard.who];
        let Some(line) = heard.line else {
            if matches!(member.status, Status::Left | Status::Killed) {
                return Ok(None);
            }
            let complaints = member.process.as_ref().map(Process::complaints).unwrap_or_default();
            let message = format!("{} ended unexpectedly\n{complaints}", member.said());
            return Err(Failure::new(message.trim_end()));
        };
        match member.actor.dialect.hear(&line) {
            Said::Ready(addr) if member.status == Status::Starting => {
                member.status = Status::Here;
                self.view.note(format!("{} listens on {addr}", member.said()));
                member.addr = addr;
                return Ok(Some(heard.who));
            }
            Said::Event(report) => {
                member.reports.push((heard.at, report));
                return Ok(Some(heard.who));
            }
            Said::Refused(why) => {
                return Err(Failure::new(format!("{} refused: {why}", member.said())));
            }
            Said::Nothing => member.process.iter().for_each(|process| process.keep(line.clone())),
            Said::Ready(_) => {}
        }
        Ok(None)
    }
}

impl Member {
    pub(crate) fn new(actor: Actor) -> Self {
        let (reports, addr, process) = (Vec::new(), String::new(), None);
        Self { actor, status: Status::Waiting, reports, addr, process }
    }

    /// Its name and runtime.
    pub(crate) fn said(&self) -> String {
        format!("{} ({})", self.actor.name, self.actor.runtime)
    }
}

fn interrupted() -> Failure {
    Failure::new("interrupted")
}

/// An address on loopback that is free for UDP and TCP, and stays so: any program's connections may
/// take a port of 127.0.0.1 at once, but nobody's take one of an address that only we have.
fn free() -> Result<SocketAddr, Failure> {
    let [.., high, low] = std::process::id().to_be_bytes();
    // Only Linux has all of 127/8, and 127.0 is everybody's.
    let own = Ipv4Addr::new(127, high % 254 + 1, low, 1);
    let host = if cfg!(target_os = "linux") { own } else { Ipv4Addr::LOCALHOST };
    for _ in 0..16 {
        let tcp = TcpListener::bind((host, 0))?;
        let addr = tcp.local_addr()?;
        if UdpSocket::bind(addr).is_ok() {
            return Ok(addr);
        }
    }
    Err(Failure::new(format!("no port is free on {host}")))
}
