//! `ring`: what it costs to place keys, beside the libraries that programs of each language take.
//!
//! Times are CPU time of one thread, the medians of several passes. Instructions are counted by
//! callgrind, of this program started again: the difference between two numbers of look-ups. The
//! programs of the other languages are in `ring/` of this crate.

mod goals;
mod peers;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chinwag::ring::Profile;
use clap::{Args, ValueEnum};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::languages::{Course, Figures, Language};
use crate::report::{Row, cell, goal_table, write_json};
use crate::rival::Machine;
use crate::stats::median;
use peers::{Hashring, Ketama, Ours, Placement};

/// Keys of a pass; as many different ones.
const KEYS: usize = 1_000_000;
/// Keys of a pass over several owners, for which some libraries copy their whole ring; and the
/// seconds for one from which on there is no time for more.
const FEW: usize = 200;
const QUICK: f64 = 1e-6;
/// Passes, of which the median counts.
const PASSES: usize = 5;
/// Joins and leaves whose movement is put together.
const CHANGES: usize = 8;
/// Look-ups that are counted are those between so many rounds of a thousand.
const ROUNDS: [usize; 2] = [10, 30];

/// Measures rings.
#[derive(Args, Debug)]
pub(crate) struct Rings {
    /// Numbers of nodes.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000])]
    n: Vec<usize>,
    /// The other languages.
    #[arg(long, value_delimiter = ',', value_enum)]
    languages: Option<Vec<Language>>,
    /// The Python that runs; `fastring` is measured by 3.13 and later.
    #[arg(long, default_value = "python3")]
    python: String,
    /// A checkout of Clusterluck, to be measured in Node.js.
    #[arg(long)]
    clusterluck: Option<PathBuf>,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/ring.json")]
    out: PathBuf,
}

/// The figures in the order of the table, with their units.
const ROWS: [(&str, &str); 13] = [
    ("look-up", "ns"),
    ("look-up by instructions", ""),
    ("look-up in a batch", "ns"),
    ("look-up in a packed batch", "ns"),
    ("three owners", "ns"),
    ("build", "ms"),
    ("add a node", "ms"),
    ("remove a node", "ms"),
    ("busiest node of the keys, of the mean", "times"),
    ("busiest node of all keys, of the mean", "times"),
    ("moved by a join, of the least", "times"),
    ("moved by a leave, of the least", "times"),
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
        let folder = self.out.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(folder)?;
        let course = Course {
            subject: "ring",
            folder: folder.canonicalize()?,
            sizes: &self.n,
            python: &self.python,
            clusterluck: self.clusterluck.as_deref(),
        };
        for language in self.languages.as_deref().unwrap_or_else(|| Language::value_variants()) {
            // One that is not there is no reason to lose the others.
            match language.run(&course) {
                Ok(theirs) => figures.extend(theirs),
                Err(error) => eprintln!("{} is left out: {error}", language.name()),
            }
        }
        println!("{}", machine.line("one thread"));
        print!("{}", tables(&self.n, &figures, &ROWS));
        let rows = goals::rows(&figures);
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
    values.insert("build", typical(|| drop(black_box(peer.build(&names)))) * 1e3);
    let ring = peer.build(&names);
    let a_key = 1e9 / KEYS as f64;
    let owners = || {
        for key in &keys {
            black_box(peer.owner(&ring, key));
        }
    };
    values.insert("look-up", typical(owners) * a_key);
    if peer.owners(&ring, &keys[0], 3).is_some() {
        let owners = |count: usize| {
            let all = || {
                for key in keys.iter().take(count) {
                    black_box(peer.owners(&ring, key, 3));
                }
            };
            typical(all) / count as f64
        };
        // Too few are no measure of what is quick.
        let few = owners(FEW);
        let time = if few < QUICK { owners(KEYS) } else { few };
        values.insert("three owners", time * 1e9);
    }
    values.insert("add a node", typical(|| drop(black_box(peer.add(&ring, "one more")))) * 1e3);
    let gone = &names[nodes / 2];
    values.insert("remove a node", typical(|| drop(black_box(peer.remove(&ring, gone)))) * 1e3);
    let mut shares: BTreeMap<usize, usize> = BTreeMap::new();
    keys.iter().for_each(|key| *shares.entry(peer.owner(&ring, key)).or_default() += 1);
    let busiest = shares.values().max().copied().unwrap_or(0) as f64;
    let of_mean = busiest * nodes as f64 / KEYS as f64;
    values.insert("busiest node of the keys, of the mean", of_mean);
    if let Some(busiest) = peer.busiest(&ring) {
        values.insert("busiest node of all keys, of the mean", busiest);
    }
    let moved = |after: P::Ring, nodes: usize| {
        let some = keys.iter().step_by(4);
        let moved = some.filter(|key| !peer.is_same(&ring, &after, key)).count();
        (4 * moved * nodes) as f64 / (KEYS * CHANGES) as f64
    };
    // Which node it is makes more of a difference than what is measured.
    let joins = (0..CHANGES).map(|n| moved(peer.add(&ring, &format!("one more {n}")), nodes + 1));
    values.insert("moved by a join, of the least", joins.sum());
    let gone = names.iter().step_by(nodes.div_ceil(CHANGES)).cycle().take(CHANGES);
    let leaves = gone.map(|name| moved(peer.remove(&ring, name), nodes));
    values.insert("moved by a leave, of the least", leaves.sum());
    if let Some(bytes) = peer.size(&ring) {
        values.insert("memory", bytes as f64 / 1024.0);
    }
    if let Some(count) = instructions(peer.name(), nodes)? {
        values.insert("look-up by instructions", count);
    }
    let values = values.into_iter().map(|(row, value): (&str, f64)| (row.to_owned(), value));
    let peer = peer.name().to_owned();
    Ok(Figures { language: "Rust".to_owned(), peer, size: nodes, values: values.collect() })
}

/// Seconds of CPU in the typical pass.
fn typical(mut pass: impl FnMut()) -> f64 {
    let mut time = || {
        let start = cpu();
        pass();
        cpu() - start
    };
    let mut times: Vec<f64> = (0..PASSES).map(|_| time()).collect();
    median(&mut times).unwrap_or(f64::NAN)
}

/// Seconds of CPU that this thread has had.
pub(crate) fn cpu() -> f64 {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
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

/// A table for each language and size.
pub(crate) fn tables(sizes: &[usize], figures: &[Figures], rows: &[(&str, &str)]) -> String {
    let mut languages: Vec<&str> = Vec::new();
    for one in figures {
        if !languages.contains(&one.language.as_str()) {
            languages.push(&one.language);
        }
    }
    let mut out = String::new();
    for language in languages {
        for size in sizes {
            let is_of = |one: &&Figures| one.language == language && one.size == *size;
            let these: Vec<&Figures> = figures.iter().filter(is_of).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(out, "\n### {language}, {size}\n\n{}", table(&these, rows));
        }
    }
    out
}

fn table(figures: &[&Figures], rows: &[(&str, &str)]) -> String {
    let names: Vec<&str> = figures.iter().map(|figures| figures.peer.as_str()).collect();
    let mut out = format!("| | {} |\n|---|", names.join(" | "));
    out += &"---|".repeat(names.len());
    for (row, unit) in rows {
        if figures.iter().all(|figures| !figures.values.contains_key(*row)) {
            continue;
        }
        let cells = figures.iter().map(|figures| cell(figures.values.get(*row).copied()));
        let cells: Vec<String> = cells.collect();
        // Writing to a string cannot fail.
        let _ = write!(out, "\n| {row} {unit} | {} |", cells.join(" | "));
    }
    out
}
