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

/// Measures membership: convergence, steady cost, spreading and failure detection.
#[derive(Args, Debug)]
pub(crate) struct Membership {
    /// Cluster sizes.
    #[arg(long = "n", value_delimiter = ',', default_value = "32,128,256,1000")]
    sizes: Vec<usize>,
    /// Whom to run.
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Kind::ALL)]
    peers: Vec<Kind>,
    /// Repetitions; the peers take turns within each.
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// Length of the quiet window in seconds.
    #[arg(long, default_value_t = 20)]
    quiet: u64,
    /// Seconds between the join and the quiet window.
    #[arg(long, default_value_t = 5)]
    settle: u64,
    /// Changes of meta in each run.
    #[arg(long, default_value_t = 10)]
    updates: u64,
    /// Seconds after which a bulk join counts as not finished.
    #[arg(long, default_value_t = 60)]
    join_limit: u64,
    /// Seconds after which a death counts as unnoticed.
    #[arg(long, default_value_t = 60)]
    death_limit: u64,
    /// Seconds after which a run is ended wherever it is.
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
        let script = self.script();
        let mut runs = Vec::new();
        for round in 0..self.rounds {
            for nodes in &self.sizes {
                for kind in rivals.in_turn(round) {
                    eprintln!("round {round}: {} x {nodes}", kind.name());
                    let program = rivals.program(kind, *nodes, round)?;
                    let mut run = run(&program, &script, *nodes, round);
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

    const fn script(&self) -> Script {
        Script {
            join_limit: Duration::from_secs(self.join_limit),
            settle: Duration::from_secs(self.settle),
            quiet: Duration::from_secs(self.quiet),
            updates: self.updates,
            update_limit: Duration::from_secs(10),
            death_limit: Duration::from_secs(self.death_limit),
            hard_limit: Duration::from_secs(self.hard_limit),
        }
    }
}
