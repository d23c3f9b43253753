//! `ring`: what it costs to place keys, beside libraries that Rust programs would take.
//!
//! Times are of one thread, the best of several passes. Instructions are counted by callgrind, of
//! this program started again: the difference between two numbers of look-ups.

mod peers;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use chinwag::ring::Profile;
use clap::Args;
use serde::Serialize;

use crate::report::{Pair, Row, cell, goal_table, write_json};
use crate::rival::Machine;
use peers::{Hashring, Ketama, Ours, Placement};

/// Keys of a pass; as many different ones.
const KEYS: usize = 1_000_000;
/// Keys of a pass over several owners, for which some libraries copy their whole ring.
const FEW: usize = 10_000;
/// Passes, of which the best counts.
const PASSES: usize = 3;
/// Look-ups that are counted are those between so many rounds of a thousand.
const ROUNDS: [usize; 2] = [10, 30];

/// Measures rings.
#[derive(Args, Debug)]
pub(crate) struct Rings {
    /// Numbers of nodes.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000])]
    n: Vec<usize>,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/ring.json")]
    out: PathBuf,
}

/// The figures of one library with one number of nodes.
#[derive(Clone, Debug, Serialize)]
struct Figures {
    peer: &'static str,
    nodes: usize,
    values: BTreeMap<&'static str, f64>,
}

/// The figures in the order of the table, with their units.
const ROWS: [(&str, &str); 10] = [
    ("look-up", "ns"),
    ("look-up by instructions", ""),
    ("three owners", "ns"),
    ("build", "ms"),
    ("add a node", "ms"),
    ("remove a node", "ms"),
    ("busiest node of a million keys, of the mean", "times"),
    ("busiest node of all keys, of the mean", "times"),
    ("moved by a join, of the least", "times"),
    ("memory", "KiB"),
];

#[derive(Serialize)]
struct Report<'a> {
    rows: Vec<Row>,
    machine: &'a Machine,
    figures: &'a [Figures],
}

impl Rings {
    /// Runs it, and prints the tables.
    pub(crate) fn play(&self) -> io::Result<()> {
        let machine = Machine::look()?;
        let mut figures = Vec::new();
        for nodes in &self.n {
            figures.push(measure(*nodes, Ours(Profile::DEFAULT))?);
            figures.push(measure(*nodes, Ours(Profile::PURE))?);
            figures.push(measure(*nodes, Hashring)?);
            figures.push(measure(*nodes, Ketama)?);
        }
        println!("{}", machine.line("one thread"));
        for nodes in &self.n {
            println!("{}", table(*nodes, &figures));
        }
        let rows = rows(&figures);
        println!("{}", goal_table(&rows));
        write_json(&self.out, &Report { rows, machine: &machine, figures: &figures })
    }
}

/// Looks keys up, for callgrind: the same work but for `rounds`.
pub(crate) fn count(peer: &str, nodes: usize, rounds: usize) -> io::Result<()> {
    fn run<P: Placement>(peer: P, nodes: usize, rounds: usize) {
        let ring = peer.build(&names(nodes));
        let keys = keys(1_000);
        for _ in 0..rounds {
            for key in &keys {
                black_box(peer.owner(&ring, black_box(key)));
            }
        }
    }
    match peer {
        // Fewer slots make no difference to a look-up, and all of it to the time that this takes.
        "chinwag" => run(Ours(Profile::Slots { slots: 4096, slack: Some(50) }), nodes, rounds),
        "chinwag, pure" => run(Ours(Profile::Slots { slots: 4096, slack: None }), nodes, rounds),
        "hashring" => run(Hashring, nodes, rounds),
        "pingora-ketama" => run(Ketama, nodes, rounds),
        other => return Err(io::Error::other(format!("{other} is not known"))),
    }
    Ok(())
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("node-{n:05}.cluster.example.net")).collect()
}

/// Keys of 21 bytes.
fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("user:{n:016}")).collect()
}

fn measure<P: Placement>(nodes: usize, peer: P) -> io::Result<Figures> {
    eprintln!("{} with {nodes} nodes", peer.name());
    let (names, keys) = (names(nodes), keys(KEYS));
    let mut values = BTreeMap::new();
    values.insert("build", best(|| drop(black_box(peer.build(&names)))) * 1e3);
    let ring = peer.build(&names);
    let a_key = 1e9 / KEYS as f64;
    let owners = || {
        for key in &keys {
            black_box(peer.owner(&ring, key));
        }
    };
    values.insert("look-up", best(owners) * a_key);
    if peer.owners(&ring, &keys[0], 3).is_some() {
        let owners = || {
            for key in keys.iter().take(FEW) {
                black_box(peer.owners(&ring, key, 3));
            }
        };
        values.insert("three owners", best(owners) * 1e9 / FEW as f64);
    }
    values.insert("add a node", best(|| drop(black_box(peer.add(&ring, "one more")))) * 1e3);
    let gone = &names[nodes / 2];
    values.insert("remove a node", best(|| drop(black_box(peer.remove(&ring, gone)))) * 1e3);
    let mut shares: BTreeMap<usize, usize> = BTreeMap::new();
    keys.iter().for_each(|key| *shares.entry(peer.owner(&ring, key)).or_default() += 1);
    let busiest = shares.values().max().copied().unwrap_or(0) as f64;
    let of_mean = busiest * nodes as f64 / KEYS as f64;
    values.insert("busiest node of a million keys, of the mean", of_mean);
    if let Some(busiest) = peer.busiest(&ring) {
        values.insert("busiest node of all keys, of the mean", busiest);
    }
    let larger = peer.add(&ring, "one more");
    let stays = |key: &&String| peer.is_same(&ring, &larger, key);
    let moved = KEYS - keys.iter().filter(stays).count();
    let least = KEYS as f64 / (nodes + 1) as f64;
    values.insert("moved by a join, of the least", moved as f64 / least);
    if let Some(bytes) = peer.size(&ring) {
        values.insert("memory", bytes as f64 / 1024.0);
    }
    if let Some(count) = instructions(peer.name(), nodes)? {
        values.insert("look-up by instructions", count);
    }
    Ok(Figures { peer: peer.name(), nodes, values })
}

/// Seconds of the best pass.
fn best(mut pass: impl FnMut()) -> f64 {
    let mut time = || {
        let start = Instant::now();
        pass();
        start.elapsed().as_secs_f64()
    };
    (0..PASSES).map(|_| time()).fold(f64::INFINITY, f64::min)
}

/// Instructions of a look-up, its loop included; nothing without valgrind.
fn instructions(peer: &str, nodes: usize) -> io::Result<Option<f64>> {
    let mut counts = [0.0; 2];
    for (count, rounds) in counts.iter_mut().zip(ROUNDS) {
        let run = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(std::env::current_exe()?)
            .args(["ring-count", peer, &nodes.to_string(), &rounds.to_string()])
            .stdout(Stdio::null())
            .output();
        let output = match run {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            output => output?,
        };
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text.lines().find_map(|line| line.split("Collected : ").nth(1));
        let number = line.and_then(|number| number.trim().parse().ok());
        *count = number.ok_or_else(|| io::Error::other(format!("callgrind: {text}")))?;
    }
    Ok(Some((counts[1] - counts[0]) / (1_000.0 * (ROUNDS[1] - ROUNDS[0]) as f64)))
}

fn table(nodes: usize, figures: &[Figures]) -> String {
    let of_size: Vec<&Figures> = figures.iter().filter(|figures| figures.nodes == nodes).collect();
    let names: Vec<&str> = of_size.iter().map(|figures| figures.peer).collect();
    let mut out = format!("\n### {nodes} nodes\n\n| | {} |\n|---|", names.join(" | "));
    out += &"---|".repeat(names.len());
    for (row, unit) in ROWS {
        let cells = of_size.iter().map(|figures| cell(figures.values.get(row).copied()));
        let cells: Vec<String> = cells.collect();
        // Writing to a string cannot fail.
        let _ = write!(out, "\n| {row} {unit} | {} |", cells.join(" | "));
    }
    out
}

/// The goals of `design/performance-ring-and-clocks.md` that can be judged in Rust.
fn rows(figures: &[Figures]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut judge = |figures: &Figures, row: &'static str, bound: f64, goal: &str| {
        let pair = Pair {
            row: format!("{row}, {}, {} nodes", figures.peer, figures.nodes),
            unit: String::new(),
            peer: "bound".to_owned(),
            ours: figures.values.get(row).map(|value| Some(*value)),
            theirs: Some(Some(bound)),
        };
        let row = pair.judge(goal, 1.0);
        // These bounds have no noise.
        rows.push(Row { met: row.ours.map(|ours| ours <= bound), ..row });
    };
    for figures in figures {
        let is_default = figures.peer == Ours(Profile::DEFAULT).name();
        let is_pure = figures.peer == Ours(Profile::PURE).name();
        if is_default || is_pure {
            judge(figures, "look-up by instructions", 60.0, "G1: ≤ 60");
            judge(figures, "memory", 1_024.0, "G8: ≤ 1 MiB");
        }
        let (times, moved) = if figures.nodes <= 100 { (1.05, 1.05) } else { (1.07, 1.5) };
        if is_default {
            judge(figures, "moved by a join, of the least", moved, "G5");
            let goal = format!("G4: ≤ {times}, rounded up to a slot");
            // A share is rounded up to whole slots.
            let slot = figures.nodes as f64 / f64::from(Profile::DEFAULT_SLOTS);
            judge(figures, "busiest node of all keys, of the mean", times + slot, &goal);
            let update = if figures.nodes <= 100 { 25.0 } else { 100.0 };
            judge(figures, "add a node", update, &format!("G7: ≤ {update} ms"));
        }
        if is_pure && figures.nodes <= 100 {
            judge(figures, "add a node", 1.0, "G7: ≤ 1 ms");
        }
    }
    rows
}
