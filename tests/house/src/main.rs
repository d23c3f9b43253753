//! Runs the steps of `make test`, of `make check`, or those before `make demo`; `house test python`
//! runs one step and what it waits for.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use chinwag_house::files;
use chinwag_house::steps::run::{Outcome, Rules, all};
use chinwag_house::steps::{CHECK, DEMO, Step, TEST, report};

/// No step takes that long, whatever it has to build first.
const LIMIT: Duration = Duration::from_secs(20 * 60);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let steps = match words[..] {
        ["test"] | ["test", ""] => TEST.to_vec(),
        ["demo"] => DEMO.to_vec(),
        ["check"] => CHECK.iter().map(|step| Step { after: &[], ..*step }).collect(),
        ["test", name] if TEST.iter().any(|step| step.name == name) => with_those_before(name),
        _ => {
            let names: Vec<&str> = TEST.iter().map(|step| step.name).collect();
            eprintln!("usage: house test [STEP] | check | demo\nsteps: {}", names.join(", "));
            return ExitCode::from(2);
        }
    };
    let root = files::root();
    let rules = Rules { root: &root, strict: files::in_ci(), limit: LIMIT };
    let start = Instant::now();
    let done = all(&steps, rules, |event| report::progress(&root, event));
    println!("{}", report::summary(&done, start.elapsed()));
    let failed = done.iter().any(|step| matches!(step.outcome, Outcome::Failed(_)));
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The step of that name and, before it, all that it waits for.
fn with_those_before(name: &str) -> Vec<Step> {
    let mut wanted = vec![name];
    for step in TEST.iter().rev() {
        if wanted.contains(&step.name) {
            wanted.extend(step.after);
        }
    }
    TEST.iter().filter(|step| wanted.contains(&step.name)).copied().collect()
}
