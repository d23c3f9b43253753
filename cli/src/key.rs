//! `chinwag key`: makes keys, and shows the one that a passphrase stands for.

use std::io::{BufRead, IsTerminal, Read, Write};

use chinwag::{Config, keys};
use clap::{Arg, ArgMatches, Command};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::failure::Failure;
use crate::options;

/// No passphrase is longer.
const LINE_MAX: u64 = 4096;

/// How the subcommand is spelled.
pub(crate) fn command() -> Command {
    let new = Command::new("new").about("Print a new key, in base64").arg(
        Arg::new("bits")
            .long("bits")
            .value_name("N")
            .value_parser(["128", "192", "256"])
            .default_value("256")
            .help("Length of the key"),
    );
    let derive = Command::new("derive")
        .about(
            "Read a passphrase (the option cookie) from standard input, and print the key that it \
             stands for, for members that know keys only",
        )
        .args(options::flag_of("cluster"));
    Command::new("key")
        .about("Make keys for an encrypted cluster")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([new, derive])
}

/// Runs it.
pub(crate) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let key = match matches.subcommand() {
        Some(("new", matches)) => {
            let bits = matches.get_one::<String>("bits").and_then(|bits| bits.parse().ok());
            keys::generate(bits.unwrap_or_default())?
        }
        Some(("derive", matches)) => {
            let cluster = matches.get_one::<String>("cluster").map_or("", String::as_str);
            let passphrase = passphrase()?;
            // What is no option of a node is no passphrase either.
            let mut config = Config::new();
            config.set("cookie", &passphrase)?;
            config.set("cluster", cluster)?;
            keys::derive(&passphrase, cluster)?
        }
        _ => return Err(Failure::usage("no such command")),
    };
    let mut line = key.to_base64();
    line.push('\n');
    std::io::stdout().write_all(line.as_bytes())?;
    Ok(())
}

/// The first line of the input, without its end.
fn passphrase() -> Result<String, Failure> {
    let input = std::io::stdin();
    let quiet = Quiet::ask(&input);
    let mut line = String::new();
    input.lock().take(LINE_MAX).read_line(&mut line)?;
    drop(quiet);
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// While it lives, a terminal does not show what is typed.
struct Quiet(Option<Termios>);

impl Quiet {
    fn ask(input: &std::io::Stdin) -> Self {
        if !input.is_terminal() {
            return Self(None);
        }
        eprint!("Passphrase: ");
        let before = tcgetattr(input).ok();
        if let Some(mut silent) = before.clone() {
            silent.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(input, OptionalActions::Now, &silent);
        }
        Self(before)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
            eprintln!();
        }
    }
}
