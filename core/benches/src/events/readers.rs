//! The programs that read events, and what has to be built for them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::process::Program;

/// A program that holds a node and looks at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reader {
    /// A Rust task.
    Rust,
    /// A loop of `poll` and `chinwag_next_event`.
    C,
    /// `chinwag_on_event`: the library's thread calls.
    CCallback,
    /// `async for` in asyncio.
    Python,
    /// `call_soon_threadsafe` for each event.
    PythonNaive,
    /// A listener in Node.js.
    Node,
    /// `postMessage` for each event.
    NodeNaive,
    /// A subscribed process.
    Elixir,
}

impl Reader {
    pub(crate) const ALL: [Self; 8] = [
        Self::Rust,
        Self::C,
        Self::CCallback,
        Self::Python,
        Self::PythonNaive,
        Self::Node,
        Self::NodeNaive,
        Self::Elixir,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::CCallback => "c-callback",
            Self::Python => "python",
            Self::PythonNaive => "python-naive",
            Self::Node => "node",
            Self::NodeNaive => "node-naive",
            Self::Elixir => "elixir",
        }
    }

    const fn variant(self) -> &'static str {
        match self {
            Self::PythonNaive | Self::NodeNaive => "naive",
            Self::C => "poll",
            Self::CCallback => "callback",
            Self::Rust | Self::Python | Self::Node | Self::Elixir => "queue",
        }
    }

    /// Builds what the reader needs, below `folder`.
    pub(crate) fn build(self, folder: &Path) -> io::Result<()> {
        match self {
            Self::Rust => Ok(()),
            Self::C | Self::CCallback => c(&folder.join("c")),
            Self::Python | Self::PythonNaive => python(&folder.join("python")),
            Self::Node | Self::NodeNaive => node(&folder.join("node")),
            Self::Elixir => elixir(&folder.join("elixir")),
        }
    }

    /// How to start it once it is built.
    pub(crate) fn program(self, folder: &Path) -> io::Result<Program> {
        let script = |name: &str| OsString::from(here().join("events").join(name));
        let (path, args) = match self {
            Self::Rust => (std::env::current_exe()?, vec!["events-child".into()]),
            Self::C | Self::CCallback => (folder.join("c/reader"), vec![self.variant().into()]),
            Self::Python | Self::PythonNaive => {
                let mut path = OsString::from("PYTHONPATH=");
                path.push(folder.join("python"));
                let script = script("python.py");
                ("env".into(), vec![path, "python3".into(), script, self.variant().into()])
            }
            Self::Node | Self::NodeNaive => {
                let package = folder.join("node").into();
                ("node".into(), vec![script("node.mjs"), package, self.variant().into()])
            }
            Self::Elixir => {
                let code = folder.join("elixir/lib/chinwag/ebin").into();
                ("elixir".into(), vec!["-pa".into(), code, script("elixir.exs")])
            }
        };
        Ok(Program { path, args })
    }
}

/// The folder of this crate.
fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of the workspace.
fn tree(name: &str) -> PathBuf {
    here().join("../..").join(name)
}

/// A program beside the library that it is linked to.
fn c(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let named = folder.join("libchinwag.so.0");
    fs::copy(library("chinwag-c", "chinwag_c")?, &named)?;
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-pthread", "-I"]);
    cc.arg(tree("include")).arg(here().join("events/c.c")).arg(named);
    cc.arg("-Wl,-rpath,$ORIGIN").arg("-o").arg(folder.join("reader"));
    succeed(&mut cc)
}

/// The package as it is installed: the Python files beside the library.
fn python(folder: &Path) -> io::Result<()> {
    let package = folder.join("chinwag");
    copy(&tree("bindings-python/python/chinwag"), &package)?;
    fs::copy(library("chinwag-python", "_chinwag")?, package.join("_chinwag.abi3.so"))?;
    Ok(())
}

/// The package as npm installs it.
fn node(folder: &Path) -> io::Result<()> {
    let source = tree("bindings-node");
    copy(&source, folder)?;
    copy(&source.join("lib"), &folder.join("lib"))?;
    fs::copy(library("chinwag-node", "chinwag_node")?, folder.join("chinwag.node"))?;
    Ok(())
}

/// The compiled application.
fn elixir(folder: &Path) -> io::Result<()> {
    let mut mix = Command::new("mix");
    mix.arg("compile").current_dir(tree("bindings-elixir"));
    mix.env("MIX_ENV", "prod").env("MIX_BUILD_PATH", folder);
    mix.env("CHINWAG_NIF_PATH", library("chinwag-nif", "chinwag_nif")?);
    succeed(&mut mix)
}

/// Builds a binding for release; where its library is.
fn library(package: &str, name: &str) -> io::Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--quiet", "--release", "--lib", "-p", package]);
    succeed(cargo.current_dir(tree(".")))?;
    let beside = std::env::current_exe()?;
    let target = beside.ancestors().nth(2).ok_or_else(|| io::Error::other("no target folder"))?;
    Ok(target.join("release").join(format!("lib{name}.so")))
}

/// Its answers are the parent's to read, so what it prints goes to stderr.
fn succeed(command: &mut Command) -> io::Result<()> {
    let status = command.stdout(io::stderr()).status()?;
    if status.success() {
        return Ok(());
    }
    let program = command.get_program().to_string_lossy();
    Err(io::Error::other(format!("{program}: {status}")))
}

/// Copies the files of a folder, but no folders within.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
