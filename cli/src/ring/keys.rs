//! `chinwag ring owner`, `owners` and `keys`: whose a key is.

use std::io::{BufRead, BufWriter, Read, Write};
use std::path::PathBuf;

use base64ct::{Base64, Encoding};
use chinwag::ring::{Ring, RingChange};
use clap::{Arg, ArgMatches, Command, value_parser};
use serde::Serialize;

use super::{is_json, output, plan, source};
use crate::failure::Failure;
use crate::show::{plain, table};

/// Bytes of a line at most. A key has no bound of its own.
const LINE_MAX: usize = 1 << 20;

/// How `owner` is spelled.
pub(super) fn owner() -> Command {
    key_command("owner", &["name", "table", "json"], "1")
        .about("Print the node that owns a key, and with -n those that come next")
}

/// How `owners` is spelled.
pub(super) fn owners() -> Command {
    key_command("owners", &["table", "json", "name"], "as many as the ring has replicas")
        .about("List the nodes that a key belongs to, the owner first")
}

fn key_command(name: &'static str, formats: &'static [&'static str], count: &str) -> Command {
    let key = Arg::new("key").value_name("KEY").required(true).help("The key, as text");
    let count = Arg::new("count")
        .short('n')
        .value_name("N")
        .value_parser(value_parser!(u16).range(1..))
        .help(format!("How many nodes at most [default: {count}]"));
    Command::new(name).args([key, count]).args(source::args()).arg(output(formats))
}

/// How `keys` is spelled.
pub(super) fn keys() -> Command {
    let moved = Arg::new("moved_by")
        .long("moved-by")
        .value_name("PLAN")
        .value_parser(value_parser!(PathBuf))
        .conflicts_with_all(["ring", "node"])
        .help("Print those keys alone that move, by what `plan -o json` wrote into this file");
    Command::new("keys")
        .about("Read keys from standard input, one a line, and print each with its owner")
        .args(source::args())
        .args([moved, output(&["table", "json"])])
}

/// A key and its nodes, as JSON.
#[derive(Serialize)]
struct Owners<'r> {
    key: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<u32>,
    owners: Vec<&'r str>,
}

/// Runs `owner` and `owners`, with that many nodes unless it is said.
pub(super) fn run_owners(matches: &ArgMatches, ring: &Ring, count: usize) -> Result<(), Failure> {
    let key = matches.get_one::<String>("key").map_or("", String::as_str);
    let count = matches.get_one::<u16>("count").map_or(count, |count| usize::from(*count));
    let owners = ring.owners(key, count);
    let text = match matches.get_one::<String>("output").map_or("", String::as_str) {
        "json" => line(&Owners { key, slot: ring.slot(key), owners }),
        "name" => owners.iter().map(|name| plain(name) + "\n").collect(),
        _ => {
            let node = |name: &&str| ring.nodes().find(|node| node.name == *name);
            let row = |(at, name): (usize, &&str)| {
                let (weight, zone) =
                    node(name).map_or_else(Default::default, |node| (node.weight, node.zone));
                vec![(at + 1).to_string(), plain(name), weight.to_string(), dash(&zone)]
            };
            let rows: Vec<Vec<String>> = owners.iter().enumerate().map(row).collect();
            table(&["RANK", "NAME", "WEIGHT", "ZONE"], &rows)
        }
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// What is empty, as a table shows it.
pub(super) fn dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { plain(text) }
}

fn line(value: &impl Serialize) -> String {
    // Strings and numbers: there is nothing that could fail.
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

/// A line of `keys` as JSON; a key that is no UTF-8 is in base64.
#[derive(Default, Serialize)]
struct Keyed<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Option<&'r str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Option<&'r str>>,
}

impl<'r> Keyed<'r> {
    fn of(key: &'r [u8]) -> Self {
        match std::str::from_utf8(key) {
            Ok(key) => Self { key: Some(key), ..Self::default() },
            Err(_) => Self { base64: Some(Base64::encode_string(key)), ..Self::default() },
        }
    }
}

/// Runs `keys`.
pub(super) fn run_keys(matches: &ArgMatches, ring: &Ring) -> Result<(), Failure> {
    let json = is_json(matches);
    each(std::io::stdin().lock(), std::io::stdout().lock(), |key| {
        let owner = ring.owner(key);
        Some(match json {
            true => line(&Keyed { owner, ..Keyed::of(key) }),
            false => format!("{}\t{}\n", shown(key), dash(owner.unwrap_or_default())),
        })
    })
}

/// The plan of `--moved-by`, if there is one.
pub(super) fn plan(matches: &ArgMatches) -> Result<Option<RingChange>, Failure> {
    matches.get_one::<PathBuf>("moved_by").map(|path| plan::read(path)).transpose()
}

/// Runs `keys --moved-by`.
pub(super) fn run_moved(matches: &ArgMatches, plan: &RingChange) -> Result<(), Failure> {
    let json = is_json(matches);
    each(std::io::stdin().lock(), std::io::stdout().lock(), |key| {
        let moved = plan.moved([key]).next()?;
        let (from, to) = (moved.from, moved.to);
        let name = |name: Option<&str>| dash(name.unwrap_or_default());
        Some(match json {
            true => line(&Keyed { from: Some(from), to: Some(to), ..Keyed::of(key) }),
            false => format!("{}\t{}\t{}\n", shown(key), name(from), name(to)),
        })
    })
}

fn shown(key: &[u8]) -> String {
    plain(&String::from_utf8_lossy(key))
}

/// Writes what is to be said of each line. Lines without anything on them are passed over.
fn each(
    mut input: impl BufRead,
    output: impl Write,
    mut said: impl FnMut(&[u8]) -> Option<String>,
) -> Result<(), Failure> {
    let (mut output, mut line) = (BufWriter::new(output), Vec::new());
    for number in 1.. {
        line.clear();
        if input.by_ref().take(LINE_MAX as u64 + 2).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let key = line.strip_suffix(b"\n").unwrap_or(&line);
        let key = key.strip_suffix(b"\r").unwrap_or(key);
        if key.len() > LINE_MAX {
            // What came before it is right, and is told.
            output.flush()?;
            let message = format!("line {number} is longer than {LINE_MAX} bytes");
            return Err(Failure::usage(message));
        }
        if let Some(text) = said(key).filter(|_| !key.is_empty()) {
            output.write_all(text.as_bytes())?;
        }
    }
    Ok(output.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(input: &[u8]) -> (Result<(), u8>, String) {
        let mut output = Vec::new();
        let done = each(input, &mut output, |key| Some(format!("<{}>", shown(key))));
        (done.map_err(|failure| failure.status()), String::from_utf8_lossy(&output).into_owned())
    }

    #[test]
    fn a_key_is_a_line_without_its_end() {
        assert_eq!(told(b"a\nb c\r\n\n\r\nlast"), (Ok(()), "<a><b c><last>".to_owned()));
        assert_eq!(told(b""), (Ok(()), String::new()));
        assert_eq!(told(b"a\tb\x1b\n"), (Ok(()), "<a\\u{9}b\\u{1b}>".to_owned()));
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_is_kept() {
        let mut long = vec![b'x'; LINE_MAX];
        assert_eq!(told(&long).0, Ok(()));
        long.push(b'x');
        assert_eq!(told(&long).0, Err(2));
        long.splice(..0, *b"a\n");
        long.extend(b"\nb");
        assert_eq!(told(&long), (Err(2), "<a>".to_owned()));
    }

    #[test]
    fn a_key_that_is_no_text_is_in_base64() {
        let keyed = Keyed { owner: Some("a"), ..Keyed::of(b"\xff\n") };
        assert_eq!(line(&keyed), "{\"base64\":\"/wo=\",\"owner\":\"a\"}\n");
        let moved = Keyed { from: Some(None), to: Some(Some("a")), ..Keyed::of(b"k") };
        assert_eq!(line(&moved), "{\"key\":\"k\",\"from\":null,\"to\":\"a\"}\n");
    }
}
