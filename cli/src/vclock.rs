//! `chinwag vclock`: compares, merges and shows vector clocks, in JSON or in hexadecimal bytes.

use std::fmt::Write as _;
use std::io::Write as _;

use chinwag::clock::VectorClock;
use clap::{Arg, ArgMatches, Command};

use crate::failure::Failure;
use crate::show::{plain, table};

/// How the subcommand is spelled.
pub(crate) fn command() -> Command {
    let clock = |id: &'static str| {
        Arg::new(id)
            .value_name(id)
            .required(true)
            .help("A clock: its JSON, such as '{\"web-1\":2}', or its bytes in hexadecimal")
    };
    let output = |default: &'static str| {
        Arg::new("output")
            .short('o')
            .long("output")
            .value_name("FORMAT")
            .value_parser(["table", "json", "hex"])
            .default_value(default)
            .help("How to print the clock")
    };
    Command::new("vclock")
        .about("Compare, merge and show vector clocks")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            Command::new("compare")
                .about("Print how A stands to B: before, after, equal or concurrent")
                .args([clock("A"), clock("B")]),
            Command::new("merge")
                .about("Print the clock that knows of all that A and B know of")
                .args([clock("A"), clock("B"), output("json")]),
            Command::new("show")
                .about("Print a clock, in another form if that is asked for")
                .args([clock("A"), output("table")]),
        ])
}

/// Runs it.
pub(crate) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let output = match matches.subcommand() {
        Some(("compare", matches)) => {
            format!("{}\n", clock(matches, "A")?.compare(&clock(matches, "B")?).token())
        }
        Some(("merge", matches)) => {
            let mut merged = clock(matches, "A")?;
            merged.merge(&clock(matches, "B")?)?;
            shown(&merged, matches)
        }
        Some(("show", matches)) => shown(&clock(matches, "A")?, matches),
        _ => return Err(Failure::usage("no such command")),
    };
    std::io::stdout().write_all(output.as_bytes())?;
    Ok(())
}

fn clock(matches: &ArgMatches, id: &str) -> Result<VectorClock, Failure> {
    let text = matches.get_one::<String>(id).map_or("", |text| text.trim());
    let read = match hex(text) {
        Some(bytes) => VectorClock::from_bytes(&bytes),
        None => VectorClock::from_json(text),
    };
    read.map_err(|error| {
        let hint = match text.starts_with('{') || hex(text).is_some() {
            true => "",
            false => "; give JSON such as '{\"web-1\":2}', or bytes in hexadecimal",
        };
        Failure::usage(format!("{id}: {error}{hint}"))
    })
}

/// The bytes that an even number of hexadecimal digits stands for. No JSON object is that.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| u8::try_from(char::from(*byte).to_digit(16)?).ok();
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    if text.is_empty() { None } else { text.as_bytes().chunks(2).map(byte).collect() }
}

fn shown(clock: &VectorClock, matches: &ArgMatches) -> String {
    match matches.get_one::<String>("output").map_or("", String::as_str) {
        "json" => clock.to_json() + "\n",
        "hex" => {
            let mut digits = String::new();
            clock.to_bytes().iter().for_each(|byte| {
                // A string takes everything.
                let _ = write!(digits, "{byte:02x}");
            });
            digits + "\n"
        }
        _ => {
            let stamp = |time: Option<u64>| time.map_or_else(|| "-".to_owned(), |t| t.to_string());
            let row = |(actor, entry): (&str, chinwag::clock::Entry)| {
                let count = entry.count.to_string();
                vec![plain(actor), count, stamp(entry.insert), stamp(entry.time)]
            };
            let rows: Vec<Vec<String>> = clock.iter().map(row).collect();
            table(&["ACTOR", "COUNT", "INSERT", "TIME"], &rows)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, Failure> {
        let matches = command().try_get_matches_from(["vclock", "show", "-o", "json", "--", text]);
        let matches = matches.expect("a command line");
        let (_, matches) = matches.subcommand().expect("show");
        clock(matches, "A").map(|clock| clock.to_json())
    }

    #[test]
    fn both_forms_are_read() {
        let mut clock = VectorClock::new();
        clock.update_at("web-1~7", 300, 1_795_316_449_123_456).expect("it fits");
        let bytes: Vec<String> = clock.to_bytes().iter().map(|b| format!("{b:02X}")).collect();
        assert_eq!(read(&bytes.concat()).expect("bytes"), clock.to_json());
        assert_eq!(read(&clock.to_json()).expect("JSON"), clock.to_json());
        assert_eq!(read(" {} ").expect("the empty clock"), "{}");
    }

    #[test]
    fn what_is_no_clock_is_usage_and_says_what_would_be() {
        for text in ["", "web-1", "123", "[1]", "é"] {
            let failure = read(text).expect_err(text);
            assert_eq!(failure.status(), 2, "{text}");
            assert!(failure.to_string().contains("give JSON"), "{failure}");
        }
        for text in ["{\"a\":-1}", "11ff", "41"] {
            let failure = read(text).expect_err(text);
            assert_eq!(failure.status(), 2, "{text}");
            assert!(failure.to_string().starts_with("A: bad_argument"), "{failure}");
        }
    }
}
