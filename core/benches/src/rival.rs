//! Who takes part, how to start them, and the machine they run on.

use std::env::current_exe;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::available_parallelism;

use clap::ValueEnum;
use serde::Serialize;

use crate::process::Program;

/// A library under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// This one.
    #[value(name = "chinwag")]
    Ours,
    /// This one, with its `fast` profile.
    #[value(name = "chinwag-fast")]
    Fast,
    /// HashiCorp memberlist, in Go.
    #[value(name = "memberlist")]
    Go,
    /// foca, in Rust.
    Foca,
}

impl Kind {
    /// Those with the defaults of a LAN, who are compared.
    pub(crate) const LAN: [Self; 3] = [Self::Ours, Self::Go, Self::Foca];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "chinwag",
            Self::Fast => "chinwag-fast",
            Self::Go => "memberlist",
            Self::Foca => "foca",
        }
    }
}

/// Those that take part, ready to be started.
pub(crate) struct Rivals {
    kinds: Vec<Kind>,
    go: PathBuf,
}

impl Rivals {
    /// Builds what needs building, beside the results in `out`.
    pub(crate) fn build(kinds: &[Kind], out: &Path) -> io::Result<Self> {
        let folder = out.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder)?;
        let go = folder.canonicalize()?.join("memberlist-child");
        if kinds.contains(&Kind::Go) {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
            let status = Command::new("go")
                .args(["build", "-trimpath", "-o"])
                .arg(&go)
                .arg(".")
                .current_dir(source)
                .status()?;
            if !status.success() {
                return Err(io::Error::other(format!("go build: {status}")));
            }
        }
        Ok(Self { kinds: kinds.to_vec(), go })
    }

    /// All of them, another one first in every round.
    pub(crate) fn in_turn(&self, round: u64) -> Vec<Kind> {
        let mut kinds = self.kinds.clone();
        let first = usize::try_from(round).unwrap_or(0) % kinds.len().max(1);
        kinds.rotate_left(first);
        kinds
    }

    /// The child of one of them.
    pub(crate) fn program(&self, kind: Kind, nodes: usize, seed: u64) -> io::Result<Program> {
        let nodes = OsString::from(nodes.to_string());
        if kind == Kind::Go {
            return Ok(Program { path: self.go.clone(), args: vec![nodes] });
        }
        let args = vec!["child".into(), kind.name().into(), nodes, seed.to_string().into()];
        Ok(Program { path: current_exe()?, args })
    }
}

/// The network of a benchmark whose members share a process.
pub(crate) const LOOPBACK: &str = "loopback, a network namespace a run";

/// Where the numbers come from.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cores: usize,
    cpu: String,
    kernel: String,
}

impl Machine {
    pub(crate) fn look() -> io::Result<Self> {
        let cpu = fs::read_to_string("/proc/cpuinfo")?
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or_else(|| "unknown".to_owned(), |(_, model)| model.trim().to_owned());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned();
        Ok(Self { cores: available_parallelism()?.get(), cpu, kernel })
    }

    /// One sentence of it, and of the network that was run in.
    pub(crate) fn line(&self, network: &str) -> String {
        let Self { cores, cpu, kernel } = self;
        format!("{cores} cores of {cpu}, Linux {kernel}, {network}.\n")
    }
}
