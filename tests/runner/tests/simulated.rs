//! Every scenario in the simulator, in virtual time: no processes, no sockets.

use std::process::Command;

#[test]
fn every_scenario_passes_in_the_simulator() {
    let run = Command::new(env!("CARGO_BIN_EXE_chinwag-runner")).arg("--sim").output();
    let run = run.expect("the runner starts");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    // A run that found no scenarios would also be without failures.
    let last = said.lines().last().unwrap_or_default();
    assert!(!last.starts_with("0 passed"), "{said}");
}
