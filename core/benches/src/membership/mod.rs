//! `membership`: clusters of ours, of Go memberlist and of foca, one after another.

mod goals;
mod report;
mod run;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::report::write_json;
use crate::rival::{Kind, Machine, Rivals};
use report::Report;
use run::{Script, run};

/// memberlist's interval of push/pulls in a LAN. Its first one comes up to this much after a whole
/// period has passed.
const PUSH_PULL: Duration = Duration::from_secs(30);

/// The interval at a given size: memberlist stretches it by one for each doubling above 32 nodes.
fn push_pull_period(nodes: usize) -> Duration {
    let doublings = nodes.max(32).next_power_of_two().ilog2() - 32_usize.ilog2();
    PUSH_PULL * (doublings + 1)
}

/// Measures membership: convergence, steady cost, spreading and failure detection.
#[derive(Args, Debug)]
pub(crate) struct Membership {
    /// Cluster sizes.
    #[arg(long = "n", value_delimiter = ',', default_value = "32,128,256,1000")]
    sizes: Vec<usize>,
    /// Whom to run.
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Kind::LAN)]
    peers: Vec<Kind>,
    /// Repetitions; the peers take turns within each. Five or more before anything is published.
    #[arg(long, default_value_t = 1)]
    rounds: u64,
    /// Length of the quiet window in seconds.
    #[arg(long, default_value_t = 20)]
    quiet: u64,
    /// Seconds between the join and the quiet window.
    #[arg(long, default_value_t = 5)]
    settle: u64,
    /// Instead, settle until every peer has begun its periodic push/pulls and then watch a whole
    /// period of them: 2 minutes with 32 nodes, 3½ with 128, 6½ with 1,000.
    #[arg(long)]
    whole_periods: bool,
    /// Changes of meta in each run.
    #[arg(long, default_value_t = 10)]
    updates: u64,
    /// Seconds after which a bulk join counts as not finished.
    #[arg(long, default_value_t = 60)]
    join_limit: u64,
    /// Seconds after which a death counts as unnoticed.
    #[arg(long, default_value_t = 60)]
    death_limit: u64,
    /// Seconds, beside settling and the quiet window, after which a run is ended wherever it is.
    #[arg(long, default_value_t = 400)]
    hard_limit: u64,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/membership.json")]
    out: PathBuf,
}

impl Membership {
    /// Runs it, and prints the tables.
    pub(crate) fn play(&self) -> io::Result<()> {
        let rivals = Rivals::build(&self.peers, &self.out)?;
        let machine = Machine::look()?;
        let mut runs = Vec::new();
        for round in 0..self.rounds {
            for nodes in &self.sizes {
                for kind in rivals.in_turn(round) {
                    eprintln!("round {round}: {} x {nodes}", kind.name());
                    let program = rivals.program(kind, *nodes, round)?;
                    let mut run = run(&program, &self.script(*nodes), *nodes, round);
                    run.peer = kind.name().to_owned();
                    for note in &run.notes {
                        eprintln!("  {note}");
                    }
                    runs.push(run);
                    write_json(&self.out, &Report::of(&runs, &machine))?;
                }
            }
        }
        println!("{}", Report::of(&runs, &machine).markdown());
        Ok(())
    }

    fn script(&self, nodes: usize) -> Script {
        let (settle, quiet) = match self.whole_periods {
            true => (PUSH_PULL + push_pull_period(nodes), push_pull_period(nodes)),
            false => (Duration::from_secs(self.settle), Duration::from_secs(self.quiet)),
        };
        Script {
            join_limit: Duration::from_secs(self.join_limit),
            settle,
            quiet,
            updates: self.updates,
            update_limit: Duration::from_secs(10),
            death_limit: Duration::from_secs(self.death_limit),
            hard_limit: Duration::from_secs(self.hard_limit) + settle + quiet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_pulls_are_stretched_as_memberlist_does() {
        for (nodes, factor) in [(8, 1), (32, 1), (33, 2), (64, 2), (65, 3), (128, 3), (1000, 6)] {
            assert_eq!(push_pull_period(nodes), PUSH_PULL * factor, "{nodes} nodes");
        }
    }
}
