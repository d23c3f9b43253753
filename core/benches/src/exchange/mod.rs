//! `exchange`: what a node of a large cluster holds, and what an exchange of states with it costs.
//!
//! A child of each library is told of ten thousand members over one stream, then asked for them,
//! then told of them again as in the periodic exchange. The peer is the same for both (`feeder.rs`)
//! and lives in the network of the child.

mod feeder;

use std::io;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::child::{Hello, State};
use crate::counters::{anonymous_kib, forget_peak, peak_rss_kib, rss_kib, spent_ns};
use crate::process::{Peer, Program};
use crate::report::{NO_WORSE, Pair, Row, cell, goal_table, median_of, write_json};
use crate::rival::{Kind, LOOPBACK, Machine, Rivals};
use feeder::{Exchanged, Ready};

pub(crate) use feeder::serve;

/// How long an answer that needs no waiting may take.
const AT_ONCE: Duration = Duration::from_secs(30);
/// A child is at rest after this long.
const REST: Duration = Duration::from_secs(2);
/// What an exchange sets off is done after this long.
const DIGEST: Duration = Duration::from_millis(500);
/// Nodes of a child; only the first is told anything.
const NODES: usize = 1;

/// Measures exchanges of large states, and the memory that they leave behind.
#[derive(Args, Debug)]
pub(crate) struct Exchange {
    /// Members that the child is told of.
    #[arg(long, default_value_t = 10_000)]
    members: usize,
    /// Bytes of metadata of each.
    #[arg(long, default_value_t = 64)]
    meta: usize,
    /// Repetitions, each with fresh children.
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// How often each kind of exchange is repeated in a round, but for the first.
    #[arg(long, default_value_t = 20)]
    repeats: usize,
    /// Seconds after which the child has passed on what it was told, and is measured again: 1,500
    /// with ten thousand members.
    #[arg(long)]
    drain: Option<u64>,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/exchange.json")]
    out: PathBuf,
}

/// What one child gave.
#[derive(Clone, Debug, Default, Serialize)]
struct Run {
    peer: String,
    round: u64,
    told: Option<Cost>,
    asked: Option<Cost>,
    again: Option<Cost>,
    bytes_with_news: Option<f64>,
    bytes_per_member: Option<f64>,
    error: Option<String>,
}

/// What an exchange cost the child, on average.
#[derive(Clone, Copy, Debug, Serialize)]
struct Cost {
    ms: f64,
    cpu_ms: f64,
    sent_kb: f64,
    received_kb: f64,
    /// Above what the child held before.
    peak_mib: f64,
}

#[derive(Serialize)]
struct Report<'a> {
    rows: Vec<Row>,
    machine: &'a Machine,
    runs: &'a [Run],
}

/// One line of the table.
struct Figure {
    title: String,
    unit: &'static str,
    value: Option<f64>,
}

/// All figures of a run, the same ones of every run.
fn figures(run: &Run) -> Vec<Figure> {
    let mut figures = Vec::new();
    let kinds = [
        ("told of all", run.told),
        ("asked for all", run.asked),
        ("told what it knows", run.again),
    ];
    for (kind, cost) in kinds {
        let mut add = |name: &str, unit, value: fn(Cost) -> f64| {
            let title = format!("{kind}: {name}");
            figures.push(Figure { title, unit, value: cost.map(value) });
        };
        add("until the answer", "ms", |cost| cost.ms);
        add("CPU", "ms", |cost| cost.cpu_ms);
        add("bytes received", "kB", |cost| cost.sent_kb);
        add("bytes sent", "kB", |cost| cost.received_kb);
        add("memory at the peak", "MiB", |cost| cost.peak_mib);
    }
    let title = "memory of a member, news of it included".to_owned();
    figures.push(Figure { title, unit: "B", value: run.bytes_with_news });
    let title = "memory of a member, once its news is spent".to_owned();
    figures.push(Figure { title, unit: "B", value: run.bytes_per_member });
    figures
}

/// The figures that any run has, with their numbers.
fn measured(runs: &[Run]) -> impl Iterator<Item = (usize, Figure)> {
    let all = figures(&Run::default()).into_iter().enumerate();
    all.filter(|(number, _)| runs.iter().any(|run| figures(run)[*number].value.is_some()))
}

/// The median of a figure over the runs of one library.
fn value(runs: &[Run], kind: Kind, number: usize) -> Option<Option<f64>> {
    let of_kind = runs.iter().filter(|run| run.peer == kind.name());
    median_of(of_kind.map(|run| figures(run)[number].value))
}

impl Exchange {
    /// Runs it, and prints the table.
    pub(crate) fn play(&self) -> io::Result<()> {
        let kinds = [Kind::Ours, Kind::Go];
        let rivals = Rivals::build(&kinds, &self.out)?;
        let machine = Machine::look()?;
        let mut runs = Vec::new();
        for round in 0..self.rounds {
            for kind in rivals.in_turn(round) {
                let program = rivals.program(kind, NODES, round)?;
                let mut run = Run { peer: kind.name().to_owned(), round, ..Run::default() };
                if let Err(error) = self.feed(&program, &mut run) {
                    eprintln!("{}: {error}", run.peer);
                    run.error = Some(error.to_string());
                }
                runs.push(run);
                let rows = self.rows(&runs);
                write_json(&self.out, &Report { rows, machine: &machine, runs: &runs })?;
            }
        }
        println!("{}\n{}", machine.line(LOOPBACK), table(&runs));
        println!("{}", goal_table(&self.rows(&runs)));
        Ok(())
    }

    fn feed(&self, program: &Program, run: &mut Run) -> io::Result<()> {
        let hard_limit = 10 * AT_ONCE + Duration::from_secs(self.drain.unwrap_or(0));
        let mut child = Peer::spawn(program, hard_limit)?;
        child.hear::<Hello>(AT_ONCE)?;
        child.ask::<State>("start", AT_ONCE)?;
        let pid = child.pid();
        let mut args = vec!["-n".into(), "-t".into(), pid.to_string().into(), "--".into()];
        args.extend([std::env::current_exe()?.into_os_string(), "feed".into()]);
        let mut peer = Peer::spawn_here(&Program { path: "nsenter".into(), args }, hard_limit)?;
        peer.hear::<Ready>(AT_ONCE)?;
        sleep(REST);
        let bare = anonymous_kib(pid)?;
        let tell = format!("tell {} {}", self.members, self.meta);
        run.told = Some(self.measure(&mut peer, pid, &tell, 1)?);
        sleep(REST);
        let held = || -> io::Result<f64> {
            // Not the pages of the program that were read meanwhile: no member has them.
            let more = anonymous_kib(pid)?.saturating_sub(bare);
            Ok(more as f64 * 1024.0 / self.members as f64)
        };
        run.bytes_with_news = Some(held()?);
        run.asked = Some(self.measure(&mut peer, pid, "ask", self.repeats)?);
        run.again = Some(self.measure(&mut peer, pid, &tell, self.repeats)?);
        if let Some(seconds) = self.drain {
            sleep(Duration::from_secs(seconds));
            run.bytes_per_member = Some(held()?);
        }
        Ok(())
    }

    /// Makes an exchange so many times. The first answer to being told may hold little; all later
    /// ones must hold everything, or it was not understood.
    fn measure(&self, peer: &mut Peer, pid: u32, command: &str, times: usize) -> io::Result<Cost> {
        forget_peak(pid)?;
        let (before, held) = (spent_ns(pid)?, rss_kib(pid)?);
        let mut cost = Cost { ms: 0.0, cpu_ms: 0.0, sent_kb: 0.0, received_kb: 0.0, peak_mib: 0.0 };
        for _ in 0..times {
            let exchanged: Exchanged = peer.ask(command, AT_ONCE)?;
            if times > 1 && exchanged.members < self.members {
                let count = exchanged.members;
                return Err(io::Error::other(format!("{command}: it knows {count} members only")));
            }
            cost.ms += exchanged.us as f64 / 1e3;
            cost.sent_kb += exchanged.sent_bytes as f64 / 1e3;
            cost.received_kb += exchanged.received_bytes as f64 / 1e3;
        }
        sleep(DIGEST);
        cost.cpu_ms = spent_ns(pid)?.saturating_sub(before) as f64 / 1e6;
        for sum in [&mut cost.ms, &mut cost.sent_kb, &mut cost.received_kb, &mut cost.cpu_ms] {
            *sum /= times as f64;
        }
        cost.peak_mib = peak_rss_kib(&pid.to_string())?.saturating_sub(held) as f64 / 1024.0;
        Ok(cost)
    }

    fn rows(&self, runs: &[Run]) -> Vec<Row> {
        let mut rows = Vec::new();
        for (number, figure) in measured(runs) {
            let pair = |peer: &str, theirs| Pair {
                row: format!("{}, {} members", figure.title, self.members),
                unit: figure.unit.to_owned(),
                peer: peer.to_owned(),
                ours: value(runs, Kind::Ours, number),
                theirs,
            };
            let go = pair(Kind::Go.name(), value(runs, Kind::Go, number));
            rows.push(go.judge(NO_WORSE, 1.0));
            if figure.unit == "B" {
                rows.push(pair("bound", Some(Some(300.0))).judge("≤ 300 B", 1.0));
            }
        }
        rows
    }
}

fn table(runs: &[Run]) -> String {
    let mut out = "| | chinwag | memberlist |\n|---|---|---|\n".to_owned();
    for (number, figure) in measured(runs) {
        let [ours, theirs] =
            [Kind::Ours, Kind::Go].map(|kind| cell(value(runs, kind, number).flatten()));
        out += &format!("| {} {} | {ours} | {theirs} |\n", figure.title, figure.unit);
    }
    out
}
