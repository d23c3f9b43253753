//! `clock`: what vector clocks cost, beside the libraries that programs of each language take.
//!
//! Times are CPU time of one thread, the medians of several passes in which the libraries take
//! turns. The programs of the other languages are in `clock/` of this crate.

mod peers;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::languages::{Course, Figures, Language};
use crate::report::{Pair, Row, goal_table, write_json};
use crate::ring::{cpu, tables};
use crate::rival::Machine;
use crate::stats::median;
use peers::{Crdts, Ours, Vclock, Work};

/// Passes, of which the median counts.
const PASSES: usize = 7;
/// Entries that a pass of one operation goes over.
const ENTRIES: usize = 200_000;

/// The figures in the order of the table, with their units.
const ROWS: [(&str, &str); 7] = [
    ("increment", "ns"),
    ("merge", "ns"),
    ("compare", "ns"),
    ("encode", "ns"),
    ("decode", "ns"),
    ("bytes", ""),
    ("bytes, dense", ""),
];

/// Measures clocks.
#[derive(Args, Debug)]
pub(crate) struct Clocks {
    /// Numbers of actors.
    #[arg(long, value_delimiter = ',', default_values_t = [3, 10, 100, 1000])]
    n: Vec<usize>,
    /// The other languages.
    #[arg(long, value_delimiter = ',', value_enum)]
    languages: Option<Vec<Language>>,
    /// The Python that runs.
    #[arg(long, default_value = "python3")]
    python: String,
    /// A checkout of Clusterluck, to be measured in Node.js.
    #[arg(long)]
    clusterluck: Option<PathBuf>,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/clock.json")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Report<'a> {
    rows: Vec<Row>,
    machine: &'a Machine,
    figures: &'a [Figures],
}

impl Clocks {
    /// Runs it, and prints the tables.
    pub(crate) fn play(&self) -> io::Result<()> {
        let machine = Machine::look()?;
        let folder = self.out.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut figures: Vec<Figures> = self.n.iter().flat_map(|size| in_rust(*size)).collect();
        let course = Course {
            subject: "clock",
            folder: folder.canonicalize()?,
            sizes: &self.n,
            python: &self.python,
            clusterluck: self.clusterluck.as_deref(),
        };
        // Go has none of ours, and its libraries stand beside no clock here.
        let all = Language::value_variants().iter().filter(|one| **one != Language::Go).copied();
        for language in self.languages.clone().unwrap_or_else(|| all.collect()) {
            // One that is not there is no reason to lose the others.
            match language.run(&course) {
                Ok(theirs) => figures.extend(theirs),
                Err(error) => eprintln!("{} is left out: {error}", language.name()),
            }
        }
        println!("{}", machine.line("one thread"));
        print!("{}", tables(&self.n, &figures, &ROWS));
        let rows = goals(&figures);
        println!("{}", goal_table(&rows));
        write_json(&self.out, &Report { rows, machine: &machine, figures: &figures })
    }
}

/// All Rust libraries with so many actors.
fn in_rust(size: usize) -> Vec<Figures> {
    let names: Vec<String> = (0..size).map(|n| format!("web-{n}~1795316449")).collect();
    let mut peers: [Box<dyn Work>; 3] =
        [Box::new(Ours::new(&names)), Box::new(Vclock::new(&names)), Box::new(Crdts::new(&names))];
    let mut passes: BTreeMap<(usize, &str), Vec<f64>> = BTreeMap::new();
    let times = (ENTRIES / size).max(100);
    for _ in 0..PASSES {
        for (at, peer) in peers.iter_mut().enumerate() {
            for (row, _) in ROWS.iter().filter(|(_, unit)| *unit == "ns") {
                let began = cpu();
                peer.work(row, times);
                let spent = (cpu() - began) * 1e9 / times as f64;
                passes.entry((at, row)).or_default().push(spent);
            }
        }
    }
    let told = peers.iter().enumerate().map(|(at, peer)| {
        let mut values: BTreeMap<String, f64> = peer.sizes();
        for ((_, row), times) in passes.iter_mut().filter(|((of, _), _)| *of == at) {
            values.insert((*row).to_owned(), median(times).unwrap_or(f64::NAN));
        }
        let (language, peer) = ("Rust".to_owned(), peer.name().to_owned());
        Figures { language, peer, size, values }
    });
    told.collect()
}

/// Language, operation, actors, and nanoseconds or bytes at most: G9.
const BOUNDS: [(&str, &str, usize, f64); 6] = [
    ("Rust", "merge", 10, 25.0),
    ("Rust", "compare", 1000, 2_000.0),
    ("Rust", "bytes", 1000, 9_000.0),
    ("Rust", "bytes, dense", 1000, 2_500.0),
    ("Python", "merge", 10, 150.0),
    ("Elixir", "merge", 10, 150.0),
];

fn goals(figures: &[Figures]) -> Vec<Row> {
    let judged = BOUNDS.iter().map(|(language, row, size, bound)| {
        let is_it = |one: &&Figures| one.language == *language && one.size == *size;
        let ours = figures.iter().filter(is_it).find(|one| one.peer == "chinwag");
        let pair = Pair {
            row: format!("{row}, {language}, {size} actors"),
            unit: String::new(),
            peer: "bound".to_owned(),
            ours: ours.map(|one| one.values.get(*row).copied()),
            theirs: Some(Some(*bound)),
        };
        let row = pair.judge("G9", 1.0);
        Row { met: row.ours.map(|ours| ours <= *bound), ..row }
    });
    judged.collect()
}
