//! `chinwag members`: who is in a cluster, asked without joining it.

use std::io::{IsTerminal, Write};

use chinwag::{Member, MemberState, Tags};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;

use crate::asking;
use crate::failure::Failure;
use crate::options::{self, pairs};
use crate::show::{JsonMember, plain, table, text_tags};

/// How the subcommand is spelled.
pub(crate) fn command() -> Command {
    Command::new("members")
        .about("List the members of a cluster, asked of any memberlist node without joining")
        .args(asking::args())
        .arg(
            Arg::new("tag")
                .long("tag")
                .value_name("KEY=VALUE")
                .action(ArgAction::Append)
                .help("Only members with that tag. May be repeated: all must match"),
        )
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FORMAT")
                .value_parser(["table", "json", "name"])
                .default_value("table")
                .help("How to print the list"),
        )
}

/// Runs it.
pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let text = |id: &str| matches.get_one::<String>(id).map_or("", String::as_str);
    let all = |id: &str| -> Vec<&str> {
        matches.get_many::<String>(id).into_iter().flatten().map(String::as_str).collect()
    };
    let wanted = pairs(&all("tag"))?;
    let mut members = asking::members(matches, &options::config(matches)?).await?;
    members.retain(|member| has(&member.tags(), &wanted));
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let output = match text("output") {
        "json" => json(&members),
        "name" => members.iter().map(|member| plain(member.name()) + "\n").collect(),
        _ => rows(&members, colour),
    };
    std::io::stdout().write_all(output.as_bytes())?;
    if members.is_empty() {
        return Err(Failure::no_match("no member matches"));
    }
    Ok(())
}

/// The list as JSON.
#[derive(Debug, Serialize)]
struct List {
    members: Vec<JsonMember>,
}

fn has(tags: &Tags, wanted: &Tags) -> bool {
    wanted.iter().all(|(key, value)| tags.get(key) == Some(value))
}

fn json(members: &[Member]) -> String {
    let list = List { members: members.iter().map(Into::into).collect() };
    // Strings and maps with string keys: there is nothing that could fail.
    serde_json::to_string(&list).unwrap_or_default() + "\n"
}

fn rows(members: &[Member], colour: bool) -> String {
    let row = |m: &Member| {
        let state = m.state().as_str().to_owned();
        vec![plain(m.name()), m.addr().to_string(), state, text_tags(&m.tags())]
    };
    let rows: Vec<Vec<String>> = members.iter().map(row).collect();
    let text = table(&["NAME", "ADDR", "STATE", "TAGS"], &rows);
    if !colour {
        return text;
    }
    // Whole lines, so that the columns stay where they are.
    let mut lines = text.lines();
    let mut painted = format!("{}\n", lines.next().unwrap_or_default());
    for (line, member) in lines.zip(members) {
        let ink = match member.state() {
            MemberState::Alive => "",
            MemberState::Suspect => "\x1b[33m",
            MemberState::Failed => "\x1b[31m",
            MemberState::Left => "\x1b[2m",
        };
        painted += &format!("{ink}{line}\x1b[0m\n");
    }
    painted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_wanted_tags_must_match() {
        let tags = |pairs: &[(&str, &str)]| -> Tags {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let own = tags(&[("role", "web"), ("dc", "east")]);
        assert!(has(&own, &Tags::new()));
        assert!(has(&own, &tags(&[("role", "web")])));
        assert!(!has(&own, &tags(&[("role", "web"), ("dc", "west")])));
        assert!(!has(&own, &tags(&[("rack", "1")])));
    }
}
