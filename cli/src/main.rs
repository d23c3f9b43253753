//! The command: runs a member, lists the members of a cluster from outside, tells who owns which
//! key and what would move, compares clocks, makes keys, asks sources of discovery, shows a
//! demonstration.
//!
//! Exit status: 0 done, 1 failed, 2 usage, 3 nothing matches, 4 cannot be reached, 5 timeout.
#![forbid(unsafe_code)]

mod agent;
mod asking;
mod chart;
mod demo;
mod discover;
mod failure;
mod key;
mod members;
mod options;
mod ring;
mod show;
mod signals;
mod vclock;

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use crate::failure::Failure;

fn command() -> Command {
    Command::new("chinwag")
        .about("One cluster, every runtime")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([agent::command(), members::command(), ring::command()])
        .subcommands([vclock::command(), key::command(), discover::command(), demo::command()])
}

fn main() -> ExitCode {
    let matches = command().get_matches();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => return end(Err(cause.into())),
    };
    let outcome = runtime.block_on(run(&matches));
    // A thread may still wait for a reader of the output; it does not hold up the end.
    runtime.shutdown_background();
    end(outcome)
}

async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("agent", matches)) => agent::run(matches).await,
        Some(("demo", _)) => demo::run().await,
        Some(("discover", matches)) => discover::run(matches).await,
        Some(("members", matches)) => members::run(matches).await,
        Some(("ring", matches)) => ring::run(matches).await,
        Some(("vclock", matches)) => vclock::run(matches),
        Some(("key", matches)) => key::run(matches),
        _ => Err(Failure::usage("no such command")),
    }
}

fn end(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let lines: Vec<String> = failure.to_string().lines().map(show::plain).collect();
            eprintln!("chinwag: {}", lines.join("\n"));
            ExitCode::from(failure.status())
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        super::command().debug_assert();
    }
}
