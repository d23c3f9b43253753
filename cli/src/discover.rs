//! `chinwag discover`: what sources of discovery find, and why they do not. Joins nobody.

use std::io::Write;
use std::time::{Duration, Instant};

use chinwag::discovery::{self, Found};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;

use crate::failure::Failure;
use crate::show::plain;

/// How the subcommand is spelled.
pub(crate) fn command() -> Command {
    Command::new("discover")
        .about("Ask sources of discovery where members may be, and join nobody")
        .arg(
            Arg::new("url")
                .value_name("URL")
                .env("CHINWAG_DISCOVERY")
                .value_delimiter(' ')
                .action(ArgAction::Append)
                .required(true)
                .help("A source such as dns://web:7946 or exec:///usr/bin/find?arg=web"),
        )
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FORMAT")
                .value_parser(["text", "json"])
                .default_value("text")
                .help("How to print what was found"),
        )
}

/// Runs it.
pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let mut answers = Vec::new();
    for url in matches.get_many::<String>("url").into_iter().flatten() {
        let began = Instant::now();
        let found = discovery::ask(url).await?;
        answers.push(Answer::new(url, found, began.elapsed()));
    }
    let output = match matches.get_one::<String>("output").map(String::as_str) {
        // Texts and numbers: there is nothing that could fail.
        Some("json") => {
            serde_json::to_string(&List { sources: &answers }).unwrap_or_default() + "\n"
        }
        _ => answers.iter().map(Answer::text).collect(),
    };
    std::io::stdout().write_all(output.as_bytes())?;
    if answers.iter().any(|answer| !answer.found.is_empty()) {
        return Ok(());
    }
    match answers.iter().find_map(|answer| answer.failed.as_deref()) {
        Some(_) => Err(Failure::unreachable("no source answered with anybody")),
        None => Err(Failure::no_match("all sources answered, and none knows anybody")),
    }
}

#[derive(Debug, Serialize)]
struct List<'a> {
    sources: &'a [Answer],
}

/// What one source said.
#[derive(Debug, Serialize)]
struct Answer {
    url: String,
    found: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    /// It said no, and did not merely fail.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refused: bool,
    ms: u64,
}

impl Answer {
    fn new(url: &str, found: Found, took: Duration) -> Self {
        let refused = found.as_ref().is_err_and(discovery::Failure::is_refused);
        let (found, failed) = match found {
            Ok(found) => (found, None),
            Err(failure) => (Vec::new(), Some(failure.to_string())),
        };
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self { url: url.to_owned(), found, failed, refused, ms }
    }

    fn text(&self) -> String {
        let told = match (&self.failed, self.found.len()) {
            (Some(cause), _) if self.refused => format!("refused: {}", plain(cause)),
            (Some(cause), _) => format!("failed: {}", plain(cause)),
            (None, 0) => "answered, and knows nobody".to_owned(),
            (None, count) => format!("found {count}"),
        };
        let lines = self.found.iter().map(|endpoint| format!("  {}\n", plain(endpoint)));
        format!("{}: {told} ({} ms)\n{}", plain(&self.url), self.ms, lines.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(found: Found) -> String {
        Answer::new("dns://web", found, Duration::from_millis(3)).text()
    }

    #[test]
    fn what_was_found_is_told_apart_from_nobody_failed_and_refused() {
        let two = vec!["10.0.0.1:7946".to_owned(), "b\u{1b}[2J".to_owned()];
        let text = said(Ok(two));
        assert!(text.starts_with("dns://web: found 2 (3 ms)\n  10.0.0.1:7946\n  b"), "{text}");
        assert!(!text.contains('\u{1b}'), "what others wrote does not steer the terminal");
        assert_eq!(said(Ok(Vec::new())), "dns://web: answered, and knows nobody (3 ms)\n");
        let failed = said(Err(discovery::Failure::new("no route")));
        assert_eq!(failed, "dns://web: failed: no route (3 ms)\n");
        let refused = said(Err(discovery::Failure::refused("403")));
        assert_eq!(refused, "dns://web: refused: 403 (3 ms)\n");
    }
}
