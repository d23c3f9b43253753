//! `chinwag ring`: who owns which key, how even a ring is, and what would move.

mod balance;
mod keys;
mod moves;
mod plan;
mod source;

use std::path::PathBuf;

use chinwag::ring::Ring;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command, value_parser};

use crate::failure::Failure;

/// How the subcommand is spelled.
pub(crate) fn command() -> Command {
    Command::new("ring")
        .about("Who owns which key, in a cluster or with nodes that are named, and what would move")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([keys::owner(), keys::owners(), keys::keys()])
        .subcommands([balance::command(), plan::command()])
}

/// Runs it.
pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("owner", matches)) => keys::run_owners(matches, &inhabited(matches).await?, 1),
        Some(("owners", matches)) => {
            let ring = inhabited(matches).await?;
            keys::run_owners(matches, &ring, usize::from(ring.replicas()))
        }
        Some(("keys", matches)) => match keys::plan(matches)? {
            Some(plan) => keys::run_moved(matches, &plan),
            None => keys::run_keys(matches, &inhabited(matches).await?),
        },
        Some(("balance", matches)) => balance::run(matches, &inhabited(matches).await?),
        Some(("plan", matches)) => plan::run(matches, &source::ring(matches).await?),
        _ => Err(Failure::usage("no such command")),
    }
}

/// A ring with somebody on it, since the question is about them.
async fn inhabited(matches: &ArgMatches) -> Result<Ring, Failure> {
    let ring = source::ring(matches).await?;
    match ring.is_empty() {
        true => Err(Failure::no_match("nobody is on the ring")),
        false => Ok(ring),
    }
}

/// The flag for the form of the output.
fn output(formats: &'static [&'static str]) -> Arg {
    Arg::new("output")
        .short('o')
        .long("output")
        .value_name("FORMAT")
        .value_parser(PossibleValuesParser::new(formats))
        .default_value(formats.first().copied().unwrap_or_default())
        .help("How to print it")
}

/// The flag for a picture beside the output.
fn svg() -> Arg {
    Arg::new("svg")
        .long("svg")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Also draw it, into a file that is replaced")
}

fn is_json(matches: &ArgMatches) -> bool {
    matches.get_one::<String>("output").is_some_and(|format| format == "json")
}
