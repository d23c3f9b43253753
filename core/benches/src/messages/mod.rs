//! `messages`: calls and casts between two processes, beside what else carries them.
//!
//! Every peer is a server and a client over the loopback, and a broker where it has one. A server
//! says where it listens, [`Listening`]; the client is given that, says [`Ready`] and answers
//! commands on stdin with one line of JSON each:
//!
//! | command | answer |
//! |---|---|
//! | `call CALLERS SECONDS` | [`Counted`]: 64 bytes there and back, by so many callers at once |
//! | `spans` | [`Spans`] of the last `call` |
//! | `cast BYTES BATCH SECONDS` | [`Counted`]: messages of that length that nobody answers |
//!
//! Casts go out in batches, each followed by a call that tells how many the server has processed
//! altogether: only those count, and the rest is lost. The CPU is that of both processes and the
//! broker's, as the kernel counts it from outside. The peers take turns within a round, and what is
//! a ratio is one of the same round.

mod bindings;
mod certificates;
pub(crate) mod child;
mod echo;
mod frames;
mod ours;
mod peers;
mod report;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::counters::{Load, process_s};
use crate::process::Peer;
use crate::report::write_json;
use crate::rival::Machine;
use peers::{Prepared, Running, Speaker};
use report::Report;

/// Bytes of a call's payload, and of its answer.
pub(crate) const CALL: usize = 64;
/// How long an answer may take beyond what was asked for.
const AT_ONCE: Duration = Duration::from_secs(60);
/// A pair of processes lives no longer.
const HARD_LIMIT: Duration = Duration::from_secs(300);
/// What is played before each phase, and not counted.
const WARM_S: f64 = 0.3;
/// Bytes of payloads in a batch of casts, at most: half of what a mailbox of ours holds.
const BATCH_BYTES: usize = 32 << 20;
/// And how many casts: as many wait for a reader that is slow.
const BATCH: usize = 100_000;

/// The first line of a server.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Listening {
    pub(crate) address: String,
}

/// The first line of a client.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Ready {
    /// The runtime and its version.
    pub(crate) runtime: String,
}

/// How many got there and how long it took.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Counted {
    pub(crate) count: u64,
    pub(crate) seconds: f64,
    #[serde(default)]
    pub(crate) lost: u64,
}

/// How long calls took, each.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Spans {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// What one phase gave.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Phase {
    pub(crate) per_s: f64,
    pub(crate) cpu_us: f64,
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    pub(crate) lost: u64,
    /// Cores that others used meanwhile.
    pub(crate) foreign_cores: f64,
}

/// What one pair gave in one round.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Run {
    pub(crate) peer: String,
    pub(crate) runtime: String,
    pub(crate) round: u64,
    pub(crate) call_1: Option<Phase>,
    pub(crate) call_64: Option<Phase>,
    pub(crate) cast_64: Option<Phase>,
    pub(crate) cast_16384: Option<Phase>,
    pub(crate) notes: Vec<String>,
}

/// Measures calls and casts.
#[derive(Args, Debug)]
pub(crate) struct Messages {
    /// Whom to run.
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Speaker::ALL)]
    peers: Vec<Speaker>,
    /// Lets each of those that are ours call all of the others: pairs of languages.
    #[arg(long)]
    across: bool,
    /// Repetitions; the peers take turns within each.
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// Seconds of each phase.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// The Python that runs.
    #[arg(long, default_value = "python3")]
    python: String,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/messages.json")]
    out: PathBuf,
}

impl Messages {
    /// Runs it, and prints the tables.
    pub(crate) fn play(&self) -> io::Result<()> {
        let machine = Machine::look()?;
        let folder = self.out.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let (mut present, mut absent) = (Vec::new(), Vec::new());
        for speaker in &self.peers {
            // One that is not there is no reason to lose the others.
            match speaker.prepare(&folder, &self.python) {
                Ok(prepared) => present.push(prepared),
                Err(error) => absent.push(format!("{}: {error}", speaker.name())),
            }
        }
        absent.iter().for_each(|line| eprintln!("left out: {line}"));
        let pairs = self.pairs(&present);
        let mut runs = Vec::new();
        for round in 0..self.rounds {
            for at in 0..pairs.len() {
                let (client, server) = pairs[(at + round as usize) % pairs.len()];
                let peer = match client.speaker == server.speaker {
                    true => client.speaker.name().to_owned(),
                    false => format!("{} → {}", client.speaker.name(), server.speaker.name()),
                };
                eprintln!("round {round}: {peer}");
                let mut run = Run { peer, round, ..Run::default() };
                let running = Running::start(client, server, HARD_LIMIT);
                if let Err(error) = running.and_then(|pair| self.measure(pair, &mut run)) {
                    eprintln!("  {error}");
                    run.notes.push(error.to_string());
                }
                runs.push(run);
                write_json(&self.out, &Report::of(&runs, &machine, &absent))?;
            }
        }
        println!("{}", Report::of(&runs, &machine, &absent).markdown());
        Ok(())
    }

    /// Who calls whom.
    fn pairs<'a>(&self, present: &'a [Prepared]) -> Vec<(&'a Prepared, &'a Prepared)> {
        if !self.across {
            return present.iter().map(|one| (one, one)).collect();
        }
        let ours = || present.iter().filter(|one| one.speaker.is_ours());
        ours().flat_map(|client| ours().map(move |server| (client, server))).collect()
    }

    fn measure(&self, mut pair: Running, run: &mut Run) -> io::Result<()> {
        run.runtime.clone_from(&pair.runtime);
        if pair.calls {
            run.call_1 = Some(self.calls(&mut pair, 1)?);
            run.call_64 = Some(self.calls(&mut pair, 64)?);
        }
        if pair.casts {
            run.cast_64 = Some(self.casts(&mut pair, 64)?);
            run.cast_16384 = Some(self.casts(&mut pair, 16_384)?);
        }
        Ok(())
    }

    fn calls(&self, pair: &mut Running, callers: usize) -> io::Result<Phase> {
        let phase = self.phase(pair, &format!("call {callers}"))?;
        let spans: Spans = pair.client.ask("spans", AT_ONCE)?;
        Ok(Phase { p50_us: Some(spans.p50_us), p99_us: Some(spans.p99_us), ..phase })
    }

    fn casts(&self, pair: &mut Running, bytes: usize) -> io::Result<Phase> {
        let batch = BATCH.min(BATCH_BYTES / bytes);
        self.phase(pair, &format!("cast {bytes} {batch}"))
    }

    fn phase(&self, pair: &mut Running, command: &str) -> io::Result<Phase> {
        pair.client.ask::<Counted>(&format!("{command} {WARM_S}"), AT_ONCE)?;
        let pids = pair.pids();
        let (load, spent, began) = (Load::read(&pids)?, all_spent(&pids)?, Instant::now());
        let command = format!("{command} {}", self.seconds);
        let counted: Counted = pair.client.ask(&command, AT_ONCE)?;
        let cpu_us = (all_spent(&pids)? - spent) * 1e6;
        let foreign_cores = Load::read(&pids)?.foreign_since(load, began.elapsed().as_secs_f64());
        if counted.count == 0 {
            return Err(io::Error::other(format!("{command}: nothing got there")));
        }
        let count = counted.count as f64;
        Ok(Phase {
            per_s: count / counted.seconds,
            cpu_us: cpu_us / count,
            p50_us: None,
            p99_us: None,
            lost: counted.lost,
            foreign_cores,
        })
    }
}

fn all_spent(pids: &[u32]) -> io::Result<f64> {
    pids.iter().map(|pid| process_s(*pid)).sum()
}

impl Running {
    fn pids(&self) -> Vec<u32> {
        let all = [&self.client, &self.server].into_iter().chain(&self.broker);
        all.map(Peer::pid).collect()
    }
}
