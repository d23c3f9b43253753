//! `starvation`: do healthy nodes stay alive in each other's eyes when the CPU is not theirs?
//! (G9; without hogs and at 1,000 nodes, G4.)

use std::io;
use std::path::PathBuf;
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::child::{Hello, Joined, State};
use crate::counters::Load;
use crate::hog::Hog;
use crate::process::Peer;
use crate::report::{NO_WORSE, Pair, Row, cell, goal_table, median_of, write_json};
use crate::rival::{Kind, LOOPBACK, Machine, Rivals};

/// How long an answer that needs no waiting may take of a starved child.
const AT_ONCE: Duration = Duration::from_secs(60);

/// Counts the false failures of a cluster that is short of CPU.
#[derive(Args, Debug)]
pub(crate) struct Starvation {
    /// Cluster size.
    #[arg(long = "n", default_value_t = 128)]
    nodes: usize,
    /// Whom to run.
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Kind::LAN)]
    peers: Vec<Kind>,
    /// Repetitions; the peers take turns within each.
    #[arg(long, default_value_t = 1)]
    rounds: u64,
    /// Seconds that each run lasts after the join.
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// Threads that burn CPU, for each core, from before the join until the end.
    #[arg(long, default_value_t = 2)]
    hogs_per_core: usize,
    /// Seconds after which a bulk join counts as not finished.
    #[arg(long, default_value_t = 60)]
    join_limit: u64,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/starvation.json")]
    out: PathBuf,
}

/// What one run gave.
#[derive(Debug, Default, Serialize)]
struct Run {
    peer: String,
    library: String,
    nodes: usize,
    round: u64,
    hogs: usize,
    seconds: u64,
    full_view_s: Option<f64>,
    false_failures_joining: Option<u64>,
    false_failures: Option<u64>,
    false_suspicions: Option<u64>,
    complete_nodes: Option<usize>,
    cpu_ms_per_node_min: Option<f64>,
    foreign_cores: Option<f64>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Report<'a> {
    rows: Vec<Row>,
    machine: &'a Machine,
    runs: &'a [Run],
}

impl Starvation {
    /// Runs it, and prints the tables.
    pub(crate) fn play(&self) -> io::Result<()> {
        let rivals = Rivals::build(&self.peers, &self.out)?;
        let machine = Machine::look()?;
        let mut runs = Vec::new();
        for round in 0..self.rounds {
            for kind in rivals.in_turn(round) {
                eprintln!("round {round}: {} x {}", kind.name(), self.nodes);
                let mut run = Run {
                    peer: kind.name().to_owned(),
                    nodes: self.nodes,
                    round,
                    hogs: self.hogs_per_core * available_parallelism()?.get(),
                    seconds: self.seconds,
                    ..Run::default()
                };
                if let Err(error) = self.starve(&rivals, kind, &mut run) {
                    run.notes.push(error.to_string());
                }
                runs.push(run);
                let report = Report { rows: self.rows(&runs), machine: &machine, runs: &runs };
                write_json(&self.out, &report)?;
            }
        }
        println!("{}\n{}", machine.line(LOOPBACK), table(&runs));
        println!("{}", goal_table(&self.rows(&runs)));
        Ok(())
    }

    fn starve(&self, rivals: &Rivals, kind: Kind, run: &mut Run) -> io::Result<()> {
        let program = rivals.program(kind, self.nodes, run.round)?;
        let limit = Duration::from_secs(self.join_limit);
        let length = Duration::from_secs(self.seconds);
        let mut peer = Peer::spawn(&program, limit + length + 4 * AT_ONCE)?;
        run.library = peer.hear::<Hello>(AT_ONCE)?.peer;
        let hog = (run.hogs > 0).then(|| Hog::spawn(run.hogs)).transpose()?;
        let own: Vec<u32> = hog.iter().map(Hog::pid).chain([peer.pid()]).collect();
        peer.ask::<State>("start", AT_ONCE)?;
        let joined: Joined = peer.ask(&format!("join {}", limit.as_millis()), limit)?;
        run.full_view_s = joined.full_view_us.map(|us| us as f64 / 1e6);
        let (load, began) = (Load::read(&own)?, Instant::now());
        let before: State = peer.ask("state", AT_ONCE)?;
        run.false_failures_joining = Some(before.false_failures);
        sleep(length);
        let after: State = peer.ask("state", AT_ONCE)?;
        let seconds = began.elapsed().as_secs_f64();
        let spent_ms = after.cpu_us.saturating_sub(before.cpu_us) as f64 / 1e3;
        run.cpu_ms_per_node_min = Some(spent_ms / self.nodes as f64 * 60.0 / seconds);
        run.false_failures = Some(after.false_failures);
        run.false_suspicions = Some(after.false_suspicions);
        run.complete_nodes = Some(after.complete);
        run.foreign_cores = Some(Load::read(&own)?.foreign_since(load, seconds));
        Ok(())
    }

    fn rows(&self, runs: &[Run]) -> Vec<Row> {
        let value = |kind: Kind| {
            let of_kind = runs.iter().filter(|run| run.peer == kind.name());
            median_of(of_kind.map(|run| run.false_failures.map(|count| count as f64)))
        };
        let pair = |peer: &str, theirs| Pair {
            row: format!("false failures under load, N={}, {} s", self.nodes, self.seconds),
            unit: String::new(),
            peer: peer.to_owned(),
            ours: value(Kind::Ours),
            theirs,
        };
        let text = if self.hogs_per_core == 0 { "G4: none" } else { "G9: none" };
        vec![
            pair(Kind::Go.name(), value(Kind::Go)).judge(NO_WORSE, 1.0),
            pair(Kind::Foca.name(), value(Kind::Foca)).plain(),
            pair("bound", Some(Some(0.0))).judge(text, 1.0),
        ]
    }
}

fn table(runs: &[Run]) -> String {
    let mut out = String::from(
        "| peer | nodes | round | hogs | full view s | false failures (while joining) \
         | false suspicions | complete at the end | CPU ms/node·min | foreign cores |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    let count = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), |v| v.to_string());
    for run in runs {
        out += &format!(
            "| {} {} | {} | {} | {} | {} | {} ({}) | {} | {} | {} | {} |\n",
            run.library,
            run.notes.join("; "),
            run.nodes,
            run.round,
            run.hogs,
            cell(run.full_view_s),
            count(run.false_failures),
            count(run.false_failures_joining),
            count(run.false_suspicions),
            count(run.complete_nodes.map(|nodes| nodes as u64)),
            cell(run.cpu_ms_per_node_min),
            cell(run.foreign_cores),
        );
    }
    out
}
