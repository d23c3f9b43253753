//! One of the processes: a node with servers, and what calls and casts to those of the others.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chinwag::{Node, Payload, Serving};
use serde::Serialize;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::served::{ECHO, Echo, SINK, Sink};
use super::tally::{Tally, Told};
use super::{CAST, Listening, PATIENCE, Rates, name};

/// Callers of a child. With some at once, what they say shares writes, as it would.
const CALLERS: usize = 32;
/// Bytes of a call's payload, and of the few that go in chunks.
const CALL: usize = 64;
const LARGE: usize = 200 * 1024;
/// Large calls of a child a second.
const LARGE_PER_S: f64 = 5.0;
/// How long a registered name stays.
const STAY: Duration = Duration::from_secs(1);
/// Who is further behind than that begins anew: after a standstill there is no storm.
const BEHIND: Duration = Duration::from_millis(100);
/// Messages that may wait for a server.
const MAILBOX: usize = 1 << 20;

/// Runs until stdin ends.
pub(crate) fn serve(seat: usize, seeds: &[String]) -> io::Result<()> {
    let runtime = Runtime::new()?;
    let (tally, ends) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let node = runtime.block_on(start(seat, seeds, &tally))?;
    say(&Listening { address: node.local_member().addr().to_string() })?;
    let mut load = JoinSet::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        match *line.split(' ').collect::<Vec<_>>() {
            ["load", rates] => {
                let rates: Rates = serde_json::from_str(rates)?;
                let child = Child {
                    node: node.clone(),
                    seat,
                    tally: Arc::clone(&tally),
                    ends: Arc::clone(&ends),
                };
                runtime.block_on(async { child.begin(rates, &mut load).await })?;
                say(&Told::of(&tally, &node))?;
            }
            ["told"] => say(&Told::of(&tally, &node))?,
            ["end"] => {
                ends.store(true, Ordering::Relaxed);
                runtime.block_on(async { while load.join_next().await.is_some() {} });
                say(&Told::of(&tally, &node))?;
            }
            _ => return Err(io::Error::other(format!("{line} is not known"))),
        }
    }
    Ok(())
}

fn say(answer: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    writeln!(out)?;
    out.flush()
}

async fn start(seat: usize, seeds: &[String], tally: &Arc<Tally>) -> io::Result<Node> {
    let builder = Node::builder().name(name(seat)).bind("127.0.0.1:0");
    // Who sends faster than the other side reads waits: nothing may be dropped.
    let node =
        builder.option("outbox_overflow", "block").start().await.map_err(io::Error::other)?;
    if !seeds.is_empty() {
        node.join(seeds).await.map_err(io::Error::other)?;
    }
    let serving = Serving { mailbox: Some(MAILBOX), ..Serving::default() };
    node.serve_with(ECHO, serving, Echo).await.map_err(io::Error::other)?;
    let sink = Sink::new(Arc::clone(tally));
    node.serve_with(SINK, serving, sink).await.map_err(io::Error::other)?;
    Ok(node)
}

/// What calls, casts and registers.
#[derive(Clone)]
struct Child {
    node: Node,
    seat: usize,
    tally: Arc<Tally>,
    ends: Arc<AtomicBool>,
}

impl Child {
    /// Waits until it sees the others, and begins.
    async fn begin(&self, rates: Rates, load: &mut JoinSet<()>) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while [ECHO, SINK].iter().any(|server| self.node.hosts(server).len() < rates.processes) {
            if Instant::now() > deadline {
                return Err(io::Error::other("the others were not found"));
            }
            sleep(Duration::from_millis(10)).await;
        }
        let others: Vec<usize> = (0..rates.processes).filter(|seat| *seat != self.seat).collect();
        let share = |rate: f64, by: usize| rate / rates.processes as f64 / by as f64;
        for caller in 0..CALLERS {
            let (other, pace) = (others[caller % others.len()], share(rates.calls, CALLERS));
            // One of them leaves it to the ring whom it asks.
            let target = match caller {
                0 => format!("{ECHO}#{}", self.seat),
                _ => format!("{ECHO}@{}", name(other)),
            };
            load.spawn(self.clone().call(target, CALL, pace));
        }
        for other in &others {
            let target = format!("{ECHO}@{}", name(*other));
            load.spawn(self.clone().call(target, LARGE, LARGE_PER_S / others.len() as f64));
            load.spawn(self.clone().cast(*other, share(rates.casts, others.len())));
        }
        load.spawn(self.clone().register(share(rates.registrations, 1)));
        Ok(())
    }

    fn goes_on(&self) -> bool {
        !self.ends.load(Ordering::Relaxed)
    }

    /// Calls so often a second, and compares what comes back.
    async fn call(self, target: String, bytes: usize, rate: f64) {
        let (mut pace, mut number) = (Pace::new(rate), 0_u64);
        while self.goes_on() {
            pace.next().await;
            number += 1;
            let mut payload = vec![number as u8; bytes];
            payload[..8].copy_from_slice(&number.to_le_bytes());
            let sent = Payload::raw(payload.clone());
            match self.node.call(&target, "echo", sent).timeout(PATIENCE).await {
                Ok(answer) if answer.bytes == payload => self.tally.calls.add(1),
                Ok(_) => self.tally.fail("a wrong answer"),
                Err(error) => self.tally.fail(&format!("call: {error}")),
            }
        }
    }

    /// Casts so often a second, and asks at the end whether all of it has come.
    async fn cast(self, other: usize, rate: f64) {
        let (mut pace, mut number) = (Pace::new(rate), 0_u64);
        let target = format!("{SINK}@{}", name(other));
        while self.goes_on() {
            pace.next().await;
            let mut payload = vec![0; CAST];
            payload[..8].copy_from_slice(&(self.seat as u64).to_le_bytes());
            payload[8..16].copy_from_slice(&(number + 1).to_le_bytes());
            match self.node.cast(&target, "put", Payload::raw(payload)).await {
                Ok(()) => number += 1,
                Err(error) => self.tally.fail(&format!("cast: {error}")),
            }
            self.tally.casts.add(1);
        }
        // It comes after all casts, since order is kept.
        let seat = Payload::raw((self.seat as u64).to_le_bytes());
        match self.node.call(&target, "last", seat).timeout(PATIENCE).await {
            Ok(answer) if answer.bytes == number.to_le_bytes() => {}
            Ok(_) => self.tally.fail("casts that did not come"),
            Err(error) => self.tally.fail(&format!("last: {error}")),
        }
    }

    /// Registers so many names a second, none of them twice, and takes each off in a second.
    async fn register(self, rate: f64) {
        let (mut pace, mut number) = (Pace::new(rate), 0_u64);
        let mut held = std::collections::VecDeque::new();
        while self.goes_on() {
            pace.next().await;
            number += 1;
            let name = format!("passing/{}/{number}", self.seat);
            match self.node.serve(&name, Echo).await {
                Ok(served) => held.push_back((Instant::now() + STAY, served)),
                Err(error) => self.tally.fail(&format!("serve: {error}")),
            }
            self.tally.registered.add(1);
            while held.front().is_some_and(|(until, _)| *until <= Instant::now()) {
                let Some((_, served)) = held.pop_front() else { break };
                served.stop();
                self.tally.unregistered.add(1);
            }
        }
        for (_, served) in held {
            served.stop();
            self.tally.unregistered.add(1);
        }
    }
}

/// So often a second.
struct Pace {
    every: Duration,
    next: Instant,
}

impl Pace {
    fn new(rate: f64) -> Self {
        let every = Duration::from_secs_f64(1.0 / rate.max(0.001));
        Self { every, next: Instant::now() }
    }

    async fn next(&mut self) {
        let now = Instant::now();
        if self.next > now {
            sleep_until(self.next).await;
        } else if now - self.next > BEHIND {
            self.next = now;
        }
        self.next += self.every;
    }
}
