//! `make test` as a table of steps: what each runs, what it needs, what must have run before.

pub mod process;
pub mod report;
pub mod run;

/// One step. Steps that do not wait for each other run a few at a time.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Its name, also that of its log in `target/steps`.
    pub name: &'static str,
    /// Steps that must have passed before.
    pub after: &'static [&'static str],
    /// Commands and files without which it is left out, and never under `CI`.
    pub needs: &'static [&'static str],
    /// Whether it mostly waits: for failures to be noticed, for processes to begin and end.
    pub waits: bool,
    /// What it runs from the root, as the shell reads it. The first failure ends it.
    pub run: &'static [&'static str],
}

/// The quick part: what one wants to know before a commit.
pub const CHECK: &[Step] = &[FMT, CLIPPY, FEATURES, HOUSE];

/// Everything, in the order in which it is begun: what others wait for, and then what takes
/// longest, so that not one step alone is left at the end.
pub const TEST: &[Step] = &[
    SETUP,
    FMT,
    AGENTS,
    C_BUILD,
    NODE_BUILD,
    ELIXIR_BUILD,
    PYTHON_BUILD,
    SCENARIOS,
    C,
    RUST,
    SCENARIOS_GO,
    PEERS,
    NODE,
    PYTHON,
    ELIXIR,
    SIMULATOR,
    FUZZ,
    FUZZ_SEARCH,
    CLIPPY,
    FEATURES,
    HOUSE,
    FAULTS,
    HOSTILE,
    TURMOIL,
    PEERS_LANGUAGES,
    ATTACKS,
    INSTRUCTIONS,
    SHARD,
    HELLO,
    TALK,
    COUNTER,
    ORDERS,
    CART,
    SCENARIOS_SIM,
    DOCS,
    VECTORS,
    INSTALL,
];

/// What the demonstration needs; it runs with what could be made.
pub const DEMO: &[Step] = &[
    Step { run: &["sh tests/steps/setup.sh demo"], ..SETUP },
    COMMAND,
    Step { after: &["setup"], ..C_BUILD },
    PYTHON_BUILD,
    NODE_BUILD,
    ELIXIR_BUILD,
    GO_AGENT,
];

const COMMAND: Step = Step {
    name: "command",
    after: &["setup"],
    needs: &[],
    waits: false,
    run: &[
        "cargo build --locked --release",
        "cargo build --locked --release -p chinwag --features signals --example join",
    ],
};

/// Its modules may have to be fetched; where they cannot be, the demonstration goes without.
const GO_AGENT: Step = Step {
    name: "go agent",
    after: &["setup"],
    needs: &["go"],
    waits: false,
    run: &["sh tests/steps/agents.sh go || echo 'the member on memberlist is left out'"],
};

const SETUP: Step = Step {
    name: "setup",
    after: &[],
    needs: &[],
    waits: false,
    run: &["sh tests/steps/setup.sh test"],
};

const FMT: Step = Step {
    name: "fmt",
    after: &["setup"],
    needs: &[],
    waits: false,
    run: &["cargo fmt --all --check"],
};

const CLIPPY: Step = Step {
    name: "clippy",
    after: &["setup"],
    needs: &[],
    waits: false,
    run: &["cargo clippy --locked --workspace --all-targets --all-features -- -D warnings"],
};

/// The protocol builds without the driver, so it cannot name a socket; and so does each part. What
/// is used only with another part is a warning, and refused.
const FEATURES: Step = Step {
    name: "features",
    after: &["setup"],
    needs: &[],
    waits: false,
    run: &[
        "cargo clippy --locked -p chinwag --no-default-features -- -D warnings",
        "cargo clippy --locked -p chinwag --no-default-features --features json -- -D warnings",
        "cargo clippy --locked -p chinwag --no-default-features --features serde -- -D warnings",
        "cargo clippy --locked -p chinwag --no-default-features --features sim -- -D warnings",
        "cargo clippy --locked -p chinwag --lib --examples -- -D warnings",
    ],
};

const HOUSE: Step = Step {
    name: "house",
    after: &["setup"],
    needs: &[],
    waits: false,
    run: &["cargo test --locked -q --no-fail-fast -p chinwag-house"],
};

/// All but the simulations, which are slow unless optimised. Where sockets are used most of it is
/// waiting, so more tests run than there are cores.
const RUST: Step = Step {
    name: "rust",
    after: &["setup"],
    needs: &[],
    waits: false,
    run: &[
        "cargo test --locked -q -p chinwag --features host,json,serde,signals,tls -- \
            --test-threads=8",
        "cargo test --locked -q -p chinwag-cli -p chinwag-runner -p chinwag-agent",
    ],
};

/// That implementations in Python find the owners, the clocks and the bytes that the core does.
const VECTORS: Step = Step {
    name: "vectors",
    after: &["setup"],
    needs: &["target/venv/bin/python"],
    waits: false,
    run: &[
        "target/venv/bin/python tests/vectors/ring/reference.py",
        "target/venv/bin/python tests/vectors/clocks/reference.py",
        "target/venv/bin/python tests/vectors/payloads/reference.py",
    ],
};

const DOCS: Step = Step {
    name: "docs",
    after: &["rust"],
    needs: &[],
    waits: false,
    run: &["RUSTDOCFLAGS='-D warnings' cargo doc --locked -q -p chinwag --all-features --no-deps"],
};

/// `SEEDS` is how many there are for each simulation; each has a number of its own otherwise, and
/// runs a quarter of it unless `CI` is set.
const SIMULATOR: Step = Step {
    name: "simulator",
    after: &["setup"],
    needs: &[],
    waits: false,
    run: &["cargo test --locked -q --release -p chinwag --features sim --lib \
            --test simulation --test healing --test security --test virtual_time --test nemesis"],
};

/// The fuzz targets on captured messages and a fixed number of spoilt ones, and a few seeds of the
/// nemesis. The search itself is `make fuzz`, and the next step.
const FUZZ: Step = Step {
    name: "fuzz",
    after: &["setup"],
    needs: &["c++"],
    waits: false,
    run: &[
        "cargo test --locked -q --profile fuzz -p chinwag-fuzz --test targets",
        "cargo run --locked -q --profile fuzz -p chinwag-fuzz --bin seeds -- 1000",
    ],
};

/// A minute of search for each decoder where changes are judged, two side by side. It gives way to
/// the steps beside it, most of which wait for something.
const FUZZ_SEARCH: Step = Step {
    name: "fuzz search",
    after: &["fuzz", "agents"],
    needs: &["c++"],
    waits: false,
    run: &["[ -z \"${CI:-}\" ] || SECONDS_EACH=60 AT_ONCE=2 nice sh tests/steps/fuzz.sh"],
};

const PYTHON_BUILD: Step = Step {
    name: "python build",
    after: &["setup"],
    needs: &["target/venv/bin/maturin"],
    waits: false,
    // The build backend is looked for on the path.
    run: &[
        "PATH=\"$PWD/target/venv/bin:$PATH\" python -m pip install -q --disable-pip-version-check \
            --no-deps --no-build-isolation --force-reinstall ./bindings-python",
    ],
};

const PYTHON: Step = Step {
    name: "python",
    after: &["python build"],
    needs: &["target/venv/bin/pytest"],
    waits: true,
    run: &[
        "sh tests/steps/python.sh",
        "cd bindings-python && ../target/venv/bin/python -m mypy --strict",
    ],
};

const NODE_BUILD: Step = Step {
    name: "node build",
    after: &["setup"],
    needs: &["node", "npm", "bindings-node/node_modules"],
    waits: false,
    run: &["cd bindings-node && node build.mjs"],
};

const NODE: Step = Step {
    name: "node",
    after: &["node build"],
    needs: &["node", "npm"],
    waits: true,
    run: &["cd bindings-node && npm test"],
};

const ELIXIR_BUILD: Step = Step {
    name: "elixir build",
    after: &["setup"],
    needs: &["mix", "bindings-elixir/mix.exs"],
    waits: false,
    run: &[
        "cd bindings-elixir && mix compile --warnings-as-errors",
        "sh tests/steps/agents.sh elixir",
    ],
};

const ELIXIR: Step = Step {
    name: "elixir",
    after: &["elixir build"],
    needs: &["mix"],
    waits: true,
    run: &[
        "cd bindings-elixir && mix format --check-formatted",
        "cd bindings-elixir && mix test --warnings-as-errors",
    ],
};

const C_BUILD: Step = Step {
    name: "c build",
    after: &["setup"],
    needs: &["cc"],
    waits: false,
    run: &["cargo build --locked -p chinwag-c", "sh tests/steps/agents.sh c"],
};

/// The header in every standard and compiler, the symbols, the layout, and the programs under
/// valgrind are tests of that crate. Under valgrind a debug build takes eight times as long as the
/// library that is installed, which is looked at unless `CI` is set.
const C: Step = Step {
    name: "c",
    after: &["c build"],
    needs: &["cc", "c++", "clang", "valgrind"],
    waits: false,
    run: &[
        "cargo test --locked -q -p chinwag-c -- $([ -n \"${CI:-}\" ] || echo --skip valgrind)",
        "[ -n \"${CI:-}\" ] || \
            cargo test --locked -q --release -p chinwag-c --test native valgrind",
    ],
};

const AGENTS: Step = Step {
    name: "agents",
    after: &["setup"],
    needs: &[],
    waits: false,
    run: &["cargo build --locked -p chinwag-agent -p chinwag-runner"],
};

/// Most of a scenario is waiting, so more of them run than there are cores. Each has the languages
/// mixed in another way; in every way where `CI` is set.
const SCENARIOS: Step = Step {
    name: "scenarios",
    after: &["agents", "c build", "python build", "node build", "elixir build"],
    needs: &["target/venv/bin/python", "node", "elixir"],
    waits: true,
    run: &["target/debug/chinwag-runner --agents rust,c,python,node,elixir --mixed --jobs 4 \
            $([ -n \"${CI:-}\" ] || echo --turns 1)"],
};

const SCENARIOS_SIM: Step = Step {
    name: "scenarios simulated",
    after: &["agents"],
    needs: &[],
    waits: false,
    run: &["target/debug/chinwag-runner --sim"],
};

const SCENARIOS_GO: Step = Step {
    name: "scenarios with memberlist",
    after: &["agents"],
    needs: &["go"],
    waits: true,
    run: &[
        "sh tests/steps/agents.sh go",
        "target/debug/chinwag-runner --agents rust,go,go-0.2.2 --mixed --jobs 4",
    ],
};

/// The command, and clusters with Debian's serf and Alertmanager and with Go's memberlist. Most of
/// it is waiting, so more of them run than there are cores.
const PEERS: Step = Step {
    name: "peers",
    after: &["scenarios with memberlist"],
    needs: &["serf", "prometheus-alertmanager", "go"],
    waits: true,
    run: &["cargo test --locked -q -p chinwag-peers --test together -- --test-threads=8"],
};

/// A running agent and somebody who is no member, and keeps it busy.
const ATTACKS: Step = Step {
    name: "attacks",
    after: &["setup"],
    needs: &[],
    waits: false,
    run: &["cargo test --locked -q -p chinwag-peers --test attacks"],
};

/// Members with real kernels between them: a cut of the network, and a bad one.
const FAULTS: Step = Step {
    name: "faults",
    after: &["setup"],
    needs: &["unshare", "nsenter", "setpriv", "ip", "nft"],
    waits: true,
    run: &[
        "cargo build --locked -q -p chinwag-cli -p chinwag-bench",
        "target/debug/chinwag-bench faults --quick --out target/steps/faults.json",
    ],
};

/// A node that is sent bad input, in clear and under a key. After the faults, which build it.
const HOSTILE: Step = Step {
    name: "hostile",
    after: &["faults"],
    needs: &["unshare", "nsenter", "setpriv", "ip"],
    waits: true,
    run: &["target/debug/chinwag-bench hostile --quick --out target/steps/hostile.json"],
};

/// Messages under load while processes die and the network breaks, from a seed that is printed.
/// After the faults, which build it.
const TURMOIL: Step = Step {
    name: "turmoil",
    after: &["faults"],
    needs: &["unshare", "nsenter", "setpriv", "ip", "nft"],
    waits: true,
    run: &["target/debug/chinwag-bench turmoil --quick --seconds 10 --out target/steps/turmoil"],
};

/// What look-ups and clocks cost, counted and not timed: what runs beside it makes no difference.
/// The core is built as for the simulator, which is begun before.
const INSTRUCTIONS: Step = Step {
    name: "instructions",
    after: &["setup"],
    needs: &["valgrind", "gcc"],
    waits: false,
    run: &[
        "cargo test --locked -q --release -p chinwag --features sim --test instructions -- \
            --nocapture",
        "cargo test --locked -q --release -p chinwag-c --test instructions -- --nocapture",
    ],
};

/// Most of it is waiting, as with scenarios.
const PEERS_LANGUAGES: Step = Step {
    name: "peers in every language",
    after: &["scenarios with memberlist", "c build", "python build", "node build", "elixir build"],
    needs: &["target/venv/bin/python", "node", "elixir", "go"],
    waits: true,
    run: &["cargo test --locked -q -p chinwag-peers --test languages"],
};

/// As the tests build them, so that they are built once.
const EXAMPLES: &str =
    "cargo build --locked -q -p chinwag --features host,json,serde,signals,tls --examples";

const HELLO: Step = Step {
    name: "hello",
    after: &["c build", "python build", "node build", "elixir build"],
    needs: &["target/venv/bin/python", "node", "elixir", "unshare", "ip"],
    waits: true,
    run: &[EXAMPLES, "sh tests/steps/programs/hello.sh"],
};

const TALK: Step = Step {
    name: "talk",
    after: &["c build", "python build", "node build", "elixir build"],
    needs: &["target/venv/bin/python", "node", "elixir"],
    waits: true,
    run: &[EXAMPLES, "sh tests/steps/programs/talk.sh"],
};

const COUNTER: Step = Step {
    name: "counter",
    after: &["c build", "python build", "node build", "elixir build"],
    needs: &["target/venv/bin/python", "node", "elixir"],
    waits: true,
    run: &[EXAMPLES, "sh tests/steps/programs/counter.sh"],
};

const ORDERS: Step = Step {
    name: "orders",
    after: &["c build", "python build", "node build", "elixir build"],
    needs: &["target/venv/bin/python", "node", "elixir"],
    waits: true,
    run: &[EXAMPLES, "sh tests/steps/programs/orders.sh"],
};

const CART: Step = Step {
    name: "cart",
    after: &["c build", "python build", "node build", "elixir build"],
    needs: &["target/venv/bin/python", "node", "elixir"],
    waits: true,
    run: &[EXAMPLES, "sh tests/steps/programs/cart.sh"],
};

const SHARD: Step = Step {
    name: "shard",
    after: &["c build", "python build", "node build", "elixir build"],
    needs: &["target/venv/bin/python", "node", "elixir"],
    waits: true,
    run: &[EXAMPLES, "sh tests/steps/programs/shard.sh"],
};

const INSTALL: Step = Step {
    name: "install",
    after: &["c", "python", "node", "elixir"],
    needs: &["cc", "pkg-config", "npm", "mix"],
    waits: false,
    run: &["sh tests/steps/install.sh"],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_waits_only_for_steps_before_it() {
        for steps in [TEST, DEMO] {
            for (at, step) in steps.iter().enumerate() {
                for name in step.after {
                    let known = steps[..at].iter().any(|before| before.name == *name);
                    assert!(known, "{} waits for {name}", step.name);
                }
                assert!(!step.run.is_empty(), "{} runs nothing", step.name);
            }
        }
    }

    #[test]
    fn the_quick_part_is_a_part_of_everything() {
        for step in CHECK {
            assert!(TEST.iter().any(|other| other.name == step.name), "{}", step.name);
        }
    }
}
