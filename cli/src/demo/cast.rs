//! Who takes part: one table of launch commands, and what of it this machine can do.

use std::path::{Path, PathBuf};

use super::dialect::Dialect;

/// How members of one runtime are started.
#[derive(Debug)]
pub(crate) struct Launch {
    /// What the table calls the runtime.
    pub(crate) runtime: &'static str,
    /// Members of that runtime.
    pub(crate) names: &'static [&'static str],
    /// Program and arguments. What holds a slash is a path from the root of the repository.
    words: &'static [&'static str],
    /// Further files without which it cannot run.
    needs: &'static [&'static str],
    /// Replaces `words`; split at spaces, and taken as it is.
    variable: &'static str,
    /// How to talk to it.
    pub(crate) dialect: Dialect,
}

/// The members that are this library, then the strangers. A line of `rust` is added as often as it
/// takes, because it needs nothing but what built this command.
const CAST: &[Launch] = &[
    Launch {
        runtime: "python",
        names: &["py-1", "py-2"],
        words: &["target/venv/bin/python", "bindings-python/examples/join.py"],
        needs: &[],
        variable: "CHINWAG_DEMO_PYTHON",
        dialect: Dialect::Join,
    },
    Launch {
        runtime: "node",
        names: &["node-1"],
        words: &["node", "bindings-node/examples/join.mjs"],
        needs: &["bindings-node/chinwag.node"],
        variable: "CHINWAG_DEMO_NODE",
        dialect: Dialect::Join,
    },
    Launch {
        runtime: "elixir",
        names: &["ex-1"],
        words: &[
            "elixir",
            "-pa",
            "bindings-elixir/_build/dev/lib/chinwag/ebin",
            "bindings-elixir/examples/join.exs",
        ],
        needs: &[],
        variable: "CHINWAG_DEMO_ELIXIR",
        dialect: Dialect::Join,
    },
    Launch {
        runtime: "c",
        names: &["c-1"],
        words: &["target/demo/join-c"],
        needs: &[],
        variable: "CHINWAG_DEMO_C",
        dialect: Dialect::Join,
    },
    RUST,
    Launch {
        runtime: "go memberlist",
        names: &["go-1"],
        words: &["target/agents/go/agent"],
        needs: &[],
        variable: "CHINWAG_DEMO_GO",
        dialect: Dialect::Go,
    },
    Launch {
        runtime: "serf agent",
        names: &["serf-1"],
        words: &["serf", "agent"],
        needs: &["/proc/self/fd/1"],
        variable: "CHINWAG_DEMO_SERF",
        dialect: Dialect::Serf,
    },
];

const RUST: Launch = Launch {
    runtime: "rust",
    names: &["rust-1"],
    words: &["target/release/examples/join"],
    needs: &[],
    variable: "CHINWAG_DEMO_RUST",
    dialect: Dialect::Join,
};

/// Fewer members of this library do not make a demonstration.
const FEWEST: usize = 4;

/// A member to be started.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// Its name in the cluster.
    pub(crate) name: String,
    /// What runs it.
    pub(crate) runtime: &'static str,
    /// How to talk to it.
    pub(crate) dialect: Dialect,
    /// Program and arguments, without those of the member.
    pub(crate) words: Vec<String>,
}

/// Everybody, and who does what.
#[derive(Debug)]
pub(crate) struct Cast {
    /// The first one is the seed of the others.
    pub(crate) actors: Vec<Actor>,
    /// Index of the member that changes a tag.
    pub(crate) changer: usize,
    /// Index of the member that is killed.
    pub(crate) victim: usize,
    /// Index of the member that leaves.
    pub(crate) leaver: usize,
    /// Runtimes that are missing, each with the reason.
    pub(crate) left_out: Vec<String>,
}

impl Cast {
    /// Looks around.
    pub(crate) fn gather() -> Result<Self, String> {
        let root = root();
        let mut actors = Vec::new();
        let mut left_out = Vec::new();
        for launch in CAST {
            match launch.found(&root) {
                Ok(words) => {
                    actors.extend(launch.names.iter().map(|name| launch.actor(name, &words)))
                }
                Err(reason) => left_out.push(format!("{}: {reason}", launch.runtime)),
            }
        }
        let rust = RUST.found(&root).map_err(|reason| format!("no Rust member: {reason}"));
        Self::of(actors, left_out, &rust)
    }

    fn of(
        mut actors: Vec<Actor>,
        left_out: Vec<String>,
        rust: &Result<Vec<String>, String>,
    ) -> Result<Self, String> {
        let own = |actors: &[Actor]| actors.iter().filter(|a| a.dialect == Dialect::Join).count();
        let has = |actors: &[Actor], name: &str| actors.iter().any(|a| a.name == name);
        let mut more = 2;
        while own(&actors) < FEWEST || !(has(&actors, "py-2") || has(&actors, "rust-2")) {
            actors.push(RUST.actor(&format!("rust-{more}"), rust.as_ref()?));
            more += 1;
        }
        // Serf has versions of its own, which the others take over when they meet it first.
        actors.sort_by_key(|actor| match actor.dialect {
            Dialect::Serf => 0,
            _ if actor.runtime == "rust" => 1,
            _ => 2,
        });
        let at = |name: &str| actors.iter().position(|actor| actor.name == name);
        let is_own = |index: &usize| actors[*index].dialect == Dialect::Join;
        let others = |taken: &[usize]| -> Vec<usize> {
            (0..actors.len()).filter(is_own).filter(|index| !taken.contains(index)).collect()
        };
        // Of each runtime one survives to tell, where there is more than one.
        let few = || "there are too few members".to_owned();
        let victim = at("py-2").or_else(|| at("rust-2")).ok_or_else(few)?;
        let rusty = others(&[victim]).into_iter().find(|i| actors[*i].runtime == "rust");
        let leaver = rusty.or_else(|| others(&[victim]).pop()).ok_or_else(few)?;
        let free = others(&[victim, leaver]);
        let changer = at("node-1").or_else(|| free.last().copied()).ok_or_else(few)?;
        Ok(Self { actors, changer, victim, leaver, left_out })
    }
}

impl Launch {
    fn actor(&self, name: &str, words: &[String]) -> Actor {
        let (runtime, dialect) = (self.runtime, self.dialect);
        Actor { name: name.to_owned(), runtime, dialect, words: words.to_vec() }
    }

    /// Program and arguments, or what is missing.
    fn found(&self, root: &Path) -> Result<Vec<String>, String> {
        if let Ok(words) = std::env::var(self.variable) {
            return match words.as_str() {
                "" => Err(format!("{} is empty", self.variable)),
                words => Ok(words.split_whitespace().map(str::to_owned).collect()),
            };
        }
        let mut found = Vec::new();
        for word in self.words {
            let path = root.join(word);
            match word.contains('/') {
                true if !path.exists() => return Err(format!("{word} is not there")),
                true => found.push(path.to_string_lossy().into_owned()),
                false if found.is_empty() && !installed(word) => {
                    return Err(format!("{word} is not installed"));
                }
                false => found.push((*word).to_owned()),
            }
        }
        if let Some(need) = self.needs.iter().find(|need| !root.join(need).exists()) {
            return Err(format!("{need} is not there"));
        }
        // The others end with their input, and so with this process, however it ends.
        if self.dialect == Dialect::Serf && installed("setpriv") {
            let wrapper = ["setpriv", "--pdeathsig", "KILL"].map(str::to_owned);
            found.splice(0..0, wrapper);
        }
        Ok(found)
    }
}

/// Whether the search path has it.
fn installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// The repository: above the working directory, or above this program.
fn root() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let this = std::env::current_exe().unwrap_or_default();
    let mut above = here.ancestors().chain(this.ancestors());
    above.find(|folder| folder.join("api.toml").is_file()).unwrap_or(&here).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(runtimes: &[&str]) -> Cast {
        let launches = CAST.iter().filter(|launch| runtimes.contains(&launch.runtime));
        let actors = launches
            .flat_map(|launch| launch.names.iter().map(|name| launch.actor(name, &[])))
            .collect();
        Cast::of(actors, Vec::new(), &Ok(Vec::new())).expect("Rust is there")
    }

    fn named(cast: &Cast) -> [&str; 4] {
        [0, cast.changer, cast.victim, cast.leaver].map(|index| cast.actors[index].name.as_str())
    }

    #[test]
    fn with_everybody_each_runtime_survives_or_leaves() {
        let all: Vec<&str> = CAST.iter().map(|launch| launch.runtime).collect();
        let cast = cast(&all);
        assert_eq!(named(&cast), ["serf-1", "node-1", "py-2", "rust-1"]);
        assert_eq!(cast.actors.len(), 8);
    }

    #[test]
    fn rust_alone_is_enough() {
        let cast = cast(&["rust"]);
        assert_eq!(cast.actors.len(), FEWEST);
        let mut roles = [cast.changer, cast.victim, cast.leaver];
        roles.sort_unstable();
        assert!(roles[0] < roles[1] && roles[1] < roles[2], "{cast:?}");
    }

    #[test]
    fn a_missing_runtime_is_stood_in_for() {
        let cast = cast(&["node", "rust", "go memberlist"]);
        assert_eq!(named(&cast), ["rust-1", "node-1", "rust-2", "rust-1"]);
    }

    #[test]
    fn without_rust_there_must_be_enough_others() {
        let missing = Err("not built".to_owned());
        let error = Cast::of(Vec::new(), Vec::new(), &missing).expect_err("nobody is there");
        assert_eq!(error, "not built");
    }
}
