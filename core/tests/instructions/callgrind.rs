//! Instructions, as callgrind counts them: times depend on the machine and on what else it does,
//! these hardly.

use std::process::Command;

/// Rounds of work in the two runs whose difference counts.
const ROUNDS: [usize; 2] = [10, 30];

/// Instructions of one round: what `work` does more if it is told to do 30 rounds in place of 10.
/// What comes before and after the rounds makes no difference. `work` is the command that does so
/// many of them. Panics if that fails, or without valgrind.
pub(crate) fn instructions(work: impl Fn(usize) -> Command) -> f64 {
    let [few, many] = ROUNDS.map(|rounds| counted(&work(rounds)));
    (many - few) as f64 / (ROUNDS[1] - ROUNDS[0]) as f64
}

fn counted(work: &Command) -> i64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(work.get_program()).args(work.get_args());
    for (name, value) in work.get_envs() {
        valgrind.env(name, value.unwrap_or_default());
    }
    let output = valgrind.output().unwrap_or_else(|cause| panic!("{valgrind:?}: {cause}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{valgrind:?}: {said}");
    let line = said.lines().find_map(|line| line.split("Collected : ").nth(1));
    let count = line.and_then(|count| count.trim().parse().ok());
    count.unwrap_or_else(|| panic!("{valgrind:?} counted nothing: {said}"))
}
