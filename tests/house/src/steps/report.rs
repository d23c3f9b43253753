//! What the steps came to, in a table with one last line for programs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::process::log_path;
use super::run::{Done, Event, Outcome};

/// Lines of a failed step's log that are shown.
const SHOWN: usize = 80;

/// Says what begins and what is over; a failed step shows the end of its log.
pub fn progress(root: &Path, event: &Event) {
    match event {
        Event::Began(name) => println!("…     {name}"),
        Event::Ended(done) => {
            println!("{}", line(done));
            if matches!(done.outcome, Outcome::Failed(_)) {
                println!("{}", tail(&log_path(root, done.name)));
            }
        }
    }
}

fn tail(path: &Path) -> String {
    let log = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let first = lines.len().saturating_sub(SHOWN);
    let shown: String = lines[first..].iter().map(|line| format!("      | {line}\n")).collect();
    format!("{shown}      | all of it: {}", path.display())
}

fn line(done: &Done) -> String {
    let took = seconds(done.took);
    let cpu = seconds(done.cpu);
    match &done.outcome {
        Outcome::Passed => format!("ok    {:<28} {took:>8} {cpu:>8} CPU", done.name),
        Outcome::Failed(cause) => {
            format!("FAIL  {:<28} {took:>8} {cpu:>8} CPU  {cause}", done.name)
        }
        Outcome::Skipped(cause) => {
            format!("left  {:<28} {took:>8} {cpu:>8} CPU  {cause}", done.name)
        }
    }
}

fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

/// The table, the time it took and that of the processors; `N passed, N failed` as the last line.
pub fn summary(steps: &[Done], took: Duration) -> String {
    let count = |is: fn(&Outcome) -> bool| steps.iter().filter(|done| is(&done.outcome)).count();
    let passed = count(|outcome| matches!(outcome, Outcome::Passed));
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let table: String = steps.iter().map(|done| format!("{}\n", line(done))).collect();
    let last = match skipped {
        0 => format!("{passed} passed, {failed} failed"),
        _ => format!("{passed} passed, {failed} failed, {skipped} skipped"),
    };
    let cpu = steps.iter().map(|done| done.cpu).sum();
    format!("\n{table}in {}, with {} CPU\n{last}", seconds(took), seconds(cpu))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_the_steps() {
        let took = Duration::from_millis(1500);
        let done = |outcome| Done { name: "a", outcome, took, cpu: took * 2 };
        let good = [done(Outcome::Passed), done(Outcome::Passed)];
        assert!(summary(&good, Duration::ZERO).ends_with("\n2 passed, 0 failed"));
        let mixed = [
            done(Outcome::Passed),
            done(Outcome::Failed("x".to_owned())),
            done(Outcome::Skipped("go is not there".to_owned())),
        ];
        let text = summary(&mixed, Duration::ZERO);
        assert!(text.ends_with("\n1 passed, 1 failed, 1 skipped"), "{text}");
        assert!(text.contains("go is not there") && text.contains("1.5 s"), "{text}");
        assert!(text.contains("3.0 s CPU\n") && text.contains("with 9.0 s CPU\n"), "{text}");
    }
}
