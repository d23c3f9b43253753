//! How the agent of each language is started. The one table of them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One language's agent.
#[derive(Clone, Copy, Debug)]
pub struct AgentKind {
    /// As `--agents` and the gap lists call it.
    pub name: &'static str,
    /// Program and arguments, from the root of the repository. Words with a `/` are paths there.
    command: &'static [&'static str],
    /// What makes it, for the message when it is not there.
    build: &'static str,
}

/// Every agent there is.
pub const AGENTS: &[AgentKind] = &[
    AgentKind {
        name: "rust",
        command: &["target/debug/chinwag-agent"],
        build: "cargo build -p chinwag-agent",
    },
    AgentKind { name: "c", command: &["target/agents/c/agent"], build: "see tests/agents/c" },
    AgentKind {
        name: "python",
        command: &["target/venv/bin/python", "tests/agents/python/agent.py"],
        build: "install the wheel of bindings-python in target/venv",
    },
    AgentKind {
        name: "node",
        command: &["node", "tests/agents/node/agent.mjs"],
        build: "build the package in bindings-node",
    },
    AgentKind {
        name: "elixir",
        command: &[
            "elixir",
            // When the VM stops, Elixir's Logger gives way to OTP's, which prints to stdout; so it
            // is told to be silent from here, and not by the agent.
            "--erl",
            "-kernel logger_level none",
            "-pa",
            "bindings-elixir/_build/dev/lib/chinwag/ebin",
            "-pa",
            "target/agents/elixir",
            "-e",
            "ChinwagAgent.Main.run()",
        ],
        build: "mix compile in bindings-elixir, then sh tests/steps/agents.sh elixir",
    },
    AgentKind {
        name: "go",
        command: &["target/agents/go/agent"],
        build: "go build -C tests/agents/go -o ../../../target/agents/go/agent",
    },
    AgentKind {
        name: "go-0.2.2",
        command: &["target/agents/go-0.2.2/agent"],
        build: "go build -C tests/agents/go -modfile=go-0.2.2.mod \
                -o ../../../target/agents/go-0.2.2/agent",
    },
];

/// The root of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The agent of that name.
///
/// # Errors
/// A sentence that names those there are.
pub fn find(name: &str) -> Result<&'static AgentKind, String> {
    AGENTS.iter().find(|agent| agent.name == name).ok_or_else(|| {
        let known: Vec<&str> = AGENTS.iter().map(|agent| agent.name).collect();
        format!("unknown agent {name:?}; there are {}", known.join(", "))
    })
}

impl AgentKind {
    /// Whether everything the command names is there.
    ///
    /// # Errors
    /// A sentence that helps.
    pub fn check_built(&self) -> Result<(), String> {
        let paths = self.command.iter().filter(|word| word.contains('/'));
        match paths.map(|word| place(word)).find(|path| !path.exists()) {
            Some(path) => Err(format!(
                "agent {}: {} is not there; to make it: {}",
                self.name,
                path.display(),
                self.build
            )),
            None => Ok(()),
        }
    }

    /// The command that starts it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(place(self.command[0]));
        command.args(self.command[1..].iter().map(|word| place(word))).current_dir(root());
        command
    }
}

/// A word with a `/` is a path under the root; `CARGO_TARGET_DIR` moves what is under `target`.
fn place(word: &str) -> PathBuf {
    match (word.strip_prefix("target/"), env::var_os("CARGO_TARGET_DIR")) {
        (Some(rest), Some(target)) => root().join(target).join(rest),
        _ if word.contains('/') => root().join(word),
        _ => PathBuf::from(word),
    }
}
