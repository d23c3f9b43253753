//! Writes the first inputs of every target into a folder each, for libFuzzer to begin with.

use std::process::ExitCode;
use std::{env, fs, io};

use chinwag_fuzz::{TARGETS, corpus};

fn main() -> ExitCode {
    let Some(folder) = env::args().nth(1) else {
        eprintln!("usage: fuzz-corpus FOLDER");
        return ExitCode::FAILURE;
    };
    let write = |name: &str| -> io::Result<()> {
        let folder = format!("{folder}/{name}");
        fs::create_dir_all(&folder)?;
        for (number, seed) in corpus::seeds(name).iter().enumerate() {
            fs::write(format!("{folder}/seed-{number:03}"), seed)?;
        }
        Ok(())
    };
    match TARGETS.iter().try_for_each(|(name, _)| write(name)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{folder}: {error}");
            ExitCode::FAILURE
        }
    }
}
