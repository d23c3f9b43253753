//! `hostile`: what bad input does to a node.
//!
//! A node of each library, with a healthy member beside it (`pair.rs`), is sent a million spoilt
//! packets and thousands of spoilt connections by a third process (`sender.rs`): in clear; under a
//! key that the sender has not; and under one that it has. Then datagrams that unfold to as much
//! as can be (`bombs.rs`). What the two members print is read (`ear.rs`), and what the kernel
//! counts for the node.

mod bombs;
mod ear;
#[path = "../../../tests/flood/inputs.rs"]
mod inputs;
mod pair;
mod report;
mod sender;

use std::env::current_exe;
use std::io;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::counters::{forget_peak, peak_rss_kib, rss_kib, spent_ns};
use crate::faults::{Agents, Peer, leave_out};
use crate::process::{Peer as Child, Program};
use crate::report::write_json;
use crate::rival::Machine;
use bombs::{BOMBS, Cost};
use pair::Pair;
use report::{Figure, Report};
use sender::{Answered, Ready, Sent};

pub(crate) use sender::serve;

/// Looks at the node while it is flooded: whether it lives, and what it holds.
const LOOKS: u64 = 100;
/// A node is at rest after this long.
const REST: Duration = Duration::from_secs(2);
/// How long one round of the sender may take.
const AT_ONCE: Duration = Duration::from_secs(120);
/// What all of a flood may take.
const HARD_LIMIT: Duration = Duration::from_secs(3_600);
/// Times that a node is sent the same bomb.
const BOMBS_EACH: u64 = 50;

/// Measures what bad input does to a node.
#[derive(Args, Debug)]
pub(crate) struct Hostile {
    /// Whom to run.
    #[arg(long, value_delimiter = ',', value_enum, default_value = "chinwag,memberlist")]
    peers: Vec<Peer>,
    /// How they are attacked.
    #[arg(long, value_delimiter = ',', value_enum, default_value = "clear,keyed,sealed,bombs")]
    only: Vec<Flood>,
    /// Spoilt packets of each flood.
    #[arg(long, default_value_t = 1_000_000)]
    packets: u64,
    /// Spoilt connections of each flood.
    #[arg(long, default_value_t = 5_000)]
    streams: u64,
    /// What the inputs are made from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this library, for seconds; fails if a goal is missed, of time left out.
    #[arg(long)]
    quick: bool,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/hostile.json")]
    out: PathBuf,
}

/// A kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Flood {
    /// A cluster without keys.
    Clear,
    /// One with a key, from somebody without it.
    Keyed,
    /// One with a key, from somebody who has it.
    Sealed,
    /// Datagrams that unfold, without keys.
    Bombs,
}

impl Flood {
    const fn name(self) -> &'static str {
        match self {
            Self::Clear => "in clear",
            Self::Keyed => "without the key",
            Self::Sealed => "with the key",
            Self::Bombs => "bombs",
        }
    }

    const fn cover(self) -> &'static str {
        if matches!(self, Self::Sealed) { "sealed" } else { "clear" }
    }

    /// What answers the question whether the node still does must be sealed for it.
    const fn asks(self) -> &'static str {
        if matches!(self, Self::Keyed | Self::Sealed) { "sealed" } else { "clear" }
    }
}

/// What one node went through.
#[derive(Clone, Debug, Default, Serialize)]
struct Run {
    peer: String,
    flood: String,
    figures: Vec<Figure>,
    /// The reason of which the most lines a second were logged.
    logged: String,
    /// How it ended, if it did.
    ended: Option<String>,
    error: Option<String>,
}

impl Run {
    fn add(&mut self, name: &str, unit: &'static str, value: Option<f64>) {
        self.figures.push(Figure { name: name.to_owned(), unit, value });
    }
}

impl Hostile {
    /// Runs it, and prints the table.
    pub(crate) fn play(&self) -> io::Result<()> {
        if let Err(error) = pair::try_network() {
            return leave_out(self.quick, &error);
        }
        let (peers, machine) = (self.peers(), Machine::look()?);
        let agents = Agents::ready(&peers, &self.out)?;
        let mut runs = Vec::new();
        if self.only.contains(&Flood::Bombs) {
            runs.push(in_process()?);
        }
        for flood in &self.only {
            for peer in &peers {
                let (name, flood_name) = (peer.name().to_owned(), flood.name().to_owned());
                let mut run = Run { peer: name, flood: flood_name, ..Run::default() };
                if let Err(error) = self.attack(*peer, *flood, &agents, &mut run) {
                    run.error = Some(error.to_string());
                }
                eprintln!("{}", report::told(&run));
                runs.push(run);
                write_json(&self.out, &Report::of(&runs, &machine, self.quick))?;
            }
        }
        println!("{}", Report::of(&runs, &machine, self.quick).markdown(&peers));
        if let Some(error) = runs.iter().find_map(|run| run.error.as_ref()) {
            return Err(io::Error::other(format!("a run broke off: {error}")));
        }
        match report::missed(&runs) {
            missed if self.quick && !missed.is_empty() => {
                Err(io::Error::other(format!("goals missed: {}", missed.join(", "))))
            }
            _ => Ok(()),
        }
    }

    fn peers(&self) -> Vec<Peer> {
        if self.quick { vec![Peer::Chinwag] } else { self.peers.clone() }
    }

    fn attack(&self, peer: Peer, flood: Flood, agents: &Agents, run: &mut Run) -> io::Result<()> {
        let keyed = matches!(flood, Flood::Keyed | Flood::Sealed);
        let pair = Pair::start(peer, agents, keyed)?;
        let mut args = vec!["-n".into(), "-t".into(), pair.node.pid().to_string().into()];
        args.extend(["--".into(), current_exe()?.into_os_string(), "hostile-sender".into()]);
        let program = Program { path: "nsenter".into(), args };
        let mut sender = Child::spawn_here(&program, HARD_LIMIT)?;
        sender.hear::<Ready>(AT_ONCE)?;
        sleep(REST);
        pair.node.forget();
        pair.beside.forget();
        let mut siege = Siege::begin(pair, sender)?;
        if flood == Flood::Bombs {
            siege.bombs(if self.quick { 5 } else { BOMBS_EACH }, run)?;
        } else {
            let (packets, streams) =
                if self.quick { (20_000, 200) } else { (self.packets, self.streams) };
            let words = |kind: &str| format!("{kind} {}", flood.cover());
            siege.flood(&words("packets"), self.seed, packets, run)?;
            siege.flood(&words("streams"), self.seed + LOOKS, streams, run)?;
        }
        siege.end(flood, run)
    }
}

/// A node under attack.
struct Siege {
    pair: Pair,
    sender: Child,
    /// Resident before, and the most and the last since.
    held_kib: u64,
    peak_kib: u64,
    last_kib: u64,
    spent_ns: u64,
    dropped: u64,
    /// It ended, or reads nothing any more.
    over: bool,
}

impl Siege {
    fn begin(pair: Pair, sender: Child) -> io::Result<Self> {
        let pid = pair.node.pid();
        let held_kib = rss_kib(pid)?;
        forget_peak(pid)?;
        let spent_ns = spent_ns(pid)?;
        let (peak_kib, last_kib) = (held_kib, held_kib);
        Ok(Self { pair, sender, held_kib, peak_kib, last_kib, spent_ns, dropped: 0, over: false })
    }

    /// Reads what the kernel counts for the node, as long as it is there.
    fn look(&mut self) -> io::Result<()> {
        let pid = self.pair.node.pid();
        if self.over || self.pair.node.ended()?.is_some() {
            self.over = true;
            return Ok(());
        }
        let dropped = sender::queue(&pid.to_string())?;
        self.dropped = dropped.map_or(self.dropped, |queue| queue.dropped);
        // It may end between one and the other.
        let seen = (|| {
            Ok::<_, io::Error>((spent_ns(pid)?, rss_kib(pid)?, peak_rss_kib(&pid.to_string())?))
        })();
        if let Ok((spent, last, peak)) = seen {
            (self.spent_ns, self.last_kib) = (spent, last);
            self.peak_kib = self.peak_kib.max(peak);
        }
        Ok(())
    }

    /// Sends so many of a kind, in many rounds.
    fn flood(&mut self, command: &str, seed: u64, count: u64, run: &mut Run) -> io::Result<()> {
        let (kind, _) = command.split_once(' ').unwrap_or((command, ""));
        let (before, dropped) = (self.spent_ns, self.dropped);
        let each = count.div_ceil(LOOKS);
        let mut sent = 0;
        for round in 0..count.div_ceil(each) {
            if self.over {
                break;
            }
            let round_sent = each.min(count - round * each);
            let words = format!("{command} {} {round_sent}", seed + round);
            let answer: Sent = self.sender.ask(&words, AT_ONCE)?;
            sent += answer.sent;
            self.over |= answer.over;
            self.look()?;
        }
        let lost = self.dropped - dropped;
        let handled = sent.saturating_sub(lost);
        let us = self.spent_ns.saturating_sub(before) as f64 / 1e3;
        run.add(&format!("{kind} sent"), "", Some(sent as f64));
        if kind == "packets" {
            run.add("of them dropped by the kernel", "", Some(lost as f64));
        }
        // One that ended at once was never looked at.
        let mean = Some(us / handled as f64).filter(|mean| mean.is_finite() && *mean > 0.0);
        run.add(&format!("CPU a {}", kind.trim_end_matches('s')), "µs", mean);
        Ok(())
    }

    fn bombs(&mut self, each: u64, run: &mut Run) -> io::Result<()> {
        for (number, (name, _)) in BOMBS.iter().enumerate() {
            let (before, mut mean) = (self.spent_ns, None);
            if !self.over {
                let sent: Sent = self.sender.ask(&format!("bomb {number} {each}"), AT_ONCE)?;
                self.over |= sent.over;
                sleep(REST / 4);
                self.look()?;
                let ms = self.spent_ns.saturating_sub(before) as f64 / 1e6;
                mean = Some(ms / sent.sent as f64).filter(|mean| mean.is_finite());
            }
            run.add(&format!("CPU: {name}"), "ms", mean);
        }
        Ok(())
    }

    /// Whether it still is what it was, and what all of it came to.
    fn end(mut self, flood: Flood, run: &mut Run) -> io::Result<()> {
        sleep(REST);
        self.look()?;
        run.ended = self.pair.node.ended()?;
        let dead = run.ended.is_some();
        let mut answered = Answered { udp: false, tcp: false };
        if !dead {
            answered = self.sender.ask(&format!("ask {}", flood.asks()), AT_ONCE)?;
        }
        let (node, beside) = (self.pair.node.told(), self.pair.beside.told());
        if let (Some(ended), Some(words)) = (&mut run.ended, &node.last_words) {
            *ended = format!("{ended}: {words}");
        }
        let count = |value: u64| Some(value as f64);
        let mib = |kib: u64| Some(kib.saturating_sub(self.held_kib) as f64 / 1024.0);
        run.add("ended", "", count(u64::from(dead)));
        let silent = u64::from(!answered.udp) + u64::from(!answered.tcp);
        run.add("pings not answered, of two", "", count(silent));
        let apart = u64::from(!node.together) + u64::from(!beside.together);
        run.add("of two, who do not see the other", "", count(apart));
        run.add("failures told of the two", "", count(node.lost + beside.lost));
        run.add("memory at the peak", "MiB", mib(self.peak_kib));
        run.add("memory after it", "MiB", mib(self.last_kib));
        run.add("members added", "", count(node.added));
        run.add("events told", "", count(node.events));
        run.add("lines logged", "", count(node.log_lines));
        run.add("most a second of one reason", "", count(node.most.0));
        run.logged = node.most.1;
        Ok(())
    }
}

/// Every bomb, opened in a process of its own.
fn in_process() -> io::Result<Run> {
    let (peer, flood) = (Peer::Chinwag.name().to_owned(), report::DECODER.to_owned());
    let mut run = Run { peer, flood, ..Run::default() };
    let mut costs: Vec<(&str, Cost)> = Vec::new();
    for (number, (name, _)) in BOMBS.iter().enumerate() {
        let args = vec!["bomb".into(), number.to_string().into()];
        let mut child = Child::spawn_here(&Program { path: current_exe()?, args }, AT_ONCE)?;
        costs.push((name, child.hear(AT_ONCE)?));
    }
    for (name, cost) in costs {
        run.add(&format!("time at most: {name}"), "ms", Some(cost.most_us / 1e3));
        run.add(&format!("memory: {name}"), "MiB", Some(cost.peak_kib as f64 / 1024.0));
    }
    Ok(run)
}

/// Measures one bomb, as a child.
pub(crate) fn bomb(number: usize) -> io::Result<()> {
    println!("{}", serde_json::to_string(&bombs::measure(number)?)?);
    Ok(())
}
