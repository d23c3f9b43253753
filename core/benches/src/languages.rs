//! Programs in each language that measure values (rings, clocks) beside the libraries of it.
//!
//! A program is given sizes, and prints a line of JSON, [`Figures`], for each library and size.
//! What is measured beside ours is fetched by the language's own package manager, as pinned in
//! `peers/`, into the folder of the results.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::packages::{c, elixir, here, node, python, succeed};

/// A language other than Rust, which this program is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    C,
    Python,
    Node,
    Elixir,
    /// Has no package of ours.
    Go,
}

/// The figures of one library with one size.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Figures {
    /// The language; that of this program if nothing else is said.
    #[serde(default)]
    pub(crate) language: String,
    pub(crate) peer: String,
    /// Nodes of a ring, or actors of a clock.
    pub(crate) size: usize,
    pub(crate) values: BTreeMap<String, f64>,
}

/// What all programs of a run need to know.
#[derive(Debug)]
pub(crate) struct Course<'a> {
    /// `ring` or `clock`: the folder of the programs.
    pub(crate) subject: &'a str,
    /// Where packages are put.
    pub(crate) folder: PathBuf,
    pub(crate) sizes: &'a [usize],
    /// The Python that runs, of any version that ours supports.
    pub(crate) python: &'a str,
    /// A checkout of Clusterluck.
    pub(crate) clusterluck: Option<&'a Path>,
}

impl Language {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::C => "C",
            Self::Python => "Python",
            Self::Node => "Node.js",
            Self::Elixir => "Elixir",
            Self::Go => "Go",
        }
    }

    /// Builds and fetches what is needed, and runs the program.
    pub(crate) fn run(self, course: &Course<'_>) -> io::Result<Vec<Figures>> {
        eprintln!("{}", self.name());
        let mut command = self.prepare(course)?;
        command.args(course.sizes.iter().map(usize::to_string));
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!("{}: {}", self.name(), output.status)));
        }
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let figures = lines.map(|line| {
            let figures: Figures = serde_json::from_slice(line)?;
            Ok(Figures { language: self.name().to_owned(), ..figures })
        });
        figures.collect()
    }

    fn prepare(self, course: &Course<'_>) -> io::Result<Command> {
        let (folder, subject) = (&course.folder, course.subject);
        let peers = folder.join("peers");
        let script = |name: &str| here().join(subject).join(name);
        let command = match self {
            Self::C => {
                let sources = folder.join("c");
                c(&sources, &format!("{subject}/c.c"), subject)?;
                Command::new(sources.join(subject))
            }
            Self::Python => {
                let package = folder.join("python");
                python(&package)?;
                let venv = of_python(&peers, course.python, "requirements.txt")?;
                let mut command = Command::new(venv.join("bin/python"));
                command.env("PYTHONPATH", package).arg(script("python.py"));
                command
            }
            Self::Node => {
                let package = folder.join("node");
                node(&package)?;
                let mut command = Command::new("node");
                command.arg("--expose-gc").arg(script("node.mjs")).arg(package);
                command.arg(of_node(&peers)?);
                command.arg(course.clusterluck.unwrap_or_else(|| Path::new("-")));
                command
            }
            Self::Elixir => {
                let package = folder.join("elixir");
                elixir(&package)?;
                let mut command = Command::new("elixir");
                // Schedulers that wait for work burn CPU time, which is what is measured.
                command.env("ELIXIR_ERL_OPTIONS", "+sbwt none +sbwtdcpu none +sbwtdio none");
                command.arg("-pa").arg(package.join("lib/chinwag/ebin")).arg(script("elixir.exs"));
                command
            }
            Self::Go => Command::new(of_go(&script("go"), &peers)?),
        };
        Ok(command)
    }
}

/// A virtual environment with the Python libraries of a file in `peers/`.
pub(crate) fn of_python(peers: &Path, python: &str, wanted: &str) -> io::Result<PathBuf> {
    let venv = peers.join(format!("{}-{wanted}", python.replace('/', "-")));
    succeed(Command::new(python).args(["-m", "venv"]).arg(&venv))?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check", "-r"]);
    succeed(pip.arg(here().join("peers").join(wanted)))?;
    Ok(venv)
}

/// A folder with the libraries of Node.js.
fn of_node(peers: &Path) -> io::Result<PathBuf> {
    let folder = peers.join("node");
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(here().join("peers").join(file), folder.join(file))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    succeed(npm.current_dir(&folder))?;
    Ok(folder)
}

/// The program in Go, with its modules.
fn of_go(source: &Path, peers: &Path) -> io::Result<OsString> {
    let program = peers.join("go");
    let mut go = Command::new("go");
    succeed(go.args(["build", "-trimpath", "-o"]).arg(&program).arg(".").current_dir(source))?;
    Ok(program.into())
}
