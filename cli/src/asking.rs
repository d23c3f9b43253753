//! Asking a cluster for its members from outside: the flags, and the question.

use std::time::Duration;

use chinwag::config::Value;
use chinwag::{Config, Member, query};
use clap::{Arg, ArgAction, ArgMatches};

use crate::failure::Failure;
use crate::options::{self, variable};
use crate::show::plain;

/// The flags that say whom to ask, with which label and keys, and how long to wait.
pub(crate) fn args() -> Vec<Arg> {
    let seed = Arg::new("seed")
        .long("seed")
        .value_name("ADDR")
        .action(ArgAction::Append)
        .value_delimiter(',')
        .env(variable("seeds"))
        .hide_env_values(true)
        .help("Node to ask, host[:port]. May be repeated: the first that answers is enough");
    let timeout = Arg::new("timeout")
        .long("timeout")
        .value_name("SPAN")
        .default_value("5s")
        .help("How long to wait for each answer");
    let options = ["cluster", "key_file"].into_iter().flat_map(options::flag_of);
    [seed].into_iter().chain(options).chain([timeout]).collect()
}

/// The list of the first node that answers. Each of the others is mentioned.
pub(crate) async fn members(
    matches: &ArgMatches,
    options: &Config,
) -> Result<Vec<Member>, Failure> {
    let timeout = span(matches.get_one::<String>("timeout").map_or("", String::as_str))?;
    let seeds: Vec<&String> = matches.get_many("seed").into_iter().flatten().collect();
    let mut failure = Failure::usage("name a node to ask with --seed");
    for (left, seed) in (0..seeds.len()).rev().zip(seeds) {
        match query::members(seed, options, timeout).await {
            Ok(members) => return Ok(members),
            Err(error) if left == 0 => failure = error.into(),
            Err(error) => eprintln!("chinwag: {}", plain(&error.to_string())),
        }
    }
    Err(failure)
}

fn span(text: &str) -> Result<Duration, Failure> {
    let mut config = Config::new();
    let read = config.set("tcp_timeout", text).ok().and_then(|()| config.get("tcp_timeout"));
    match read {
        Some(Value::Duration(span)) if !span.is_zero() => Ok(*span),
        _ => Err(Failure::usage(format!("--timeout {text} is no span such as 500ms or 5s"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_as_in_the_option_table() {
        assert_eq!(span("500ms").ok(), Some(Duration::from_millis(500)));
        assert_eq!(span("0s").map_err(|f| f.status()), Err(2));
        assert_eq!(span("soon").map_err(|f| f.status()), Err(2));
    }
}
