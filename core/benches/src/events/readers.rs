//! The programs that read events, and what has to be built for them.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use clap::ValueEnum;

use crate::packages::{c, elixir, here, node, python};
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
            Self::C | Self::CCallback => c(&folder.join("c"), "events/c.c", "reader"),
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
